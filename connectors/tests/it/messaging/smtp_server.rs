//! aiosmtpd in a process of its own, with certificates of its own.

use std::path::Path;
use std::process::Stdio;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{python, script};

/// A certificate authority that nobody knows.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(parameters, key),
            pem,
        }
    }

    /// Writes a certificate for a host, and its key.
    fn certify(&self, host: &str, folder: &Path) {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(folder.join("certificate"), certificate.pem()).unwrap();
        std::fs::write(folder.join("key"), key.serialize_pem()).unwrap();
    }
}

/// A mail server; see `smtp_server.py` for how it answers.
pub struct MailServer {
    pub port: u16,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    _folder: TempDir,
}

impl MailServer {
    /// Without TLS; with a password for the user `daybook` unless it is empty.
    pub async fn plain(password: &str) -> Self {
        let folder = TempDir::new().unwrap();
        Self::start("none", password, folder).await
    }

    /// With `starttls` or `implicit` TLS and a certificate for a host.
    pub async fn secure(tls: &str, password: &str, host: &str, authority: &Authority) -> Self {
        let folder = TempDir::new().unwrap();
        authority.certify(host, folder.path());
        Self::start(tls, password, folder).await
    }

    async fn start(tls: &str, password: &str, folder: TempDir) -> Self {
        let wanted = json!({
            "tls": tls,
            "password": password,
            "certificate": folder.path().join("certificate"),
            "key": folder.path().join("key"),
        });
        let mut child = Command::new(python())
            .args(["-I", "-W", "ignore"])
            .arg(script("smtp_server.py"))
            .arg(wanted.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap();
        let line = line.expect("DAYBOOK_PYTHON has aiosmtpd");
        let first: Value = serde_json::from_str(&line).unwrap();
        Self {
            port: u16::try_from(first["port"].as_u64().unwrap()).unwrap(),
            child,
            lines,
            _folder: folder,
        }
    }

    /// Ends it; all that happened.
    pub async fn stop(mut self) -> Vec<Value> {
        drop(self.child.stdin.take());
        let mut events = Vec::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            events.push(serde_json::from_str(&line).unwrap());
        }
        events
    }
}
