//! A ledger with a bit of everything, who seals it, and who checks it.

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;

use audit::checkpoint::Checkpoint;
use audit::export::{Exported, export};
use audit::sealer::{SealSettings, Sealer};
use audit::verify::{Report, Trusted, verify};
use daybook::node::{AccountsAsStated, PersonKeys};
use identity::secret::MasterKey;
use ledger_core::{Command, LedgerName};
use sqlx::{Executor, PgConnection};

use crate::harness::node::master_key;
use crate::harness::servers::new_folder;
use crate::harness::{Projected, TestDatabase, limit_everybody, submission, tier, transfer};
use crate::projections::history::History;

/// A ledger that is complete, and somebody who audits it.
pub struct Audited {
    pub test: TestDatabase,
    pub node: Projected,
    pub sealer: Sealer,
    pub master_key: Arc<MasterKey>,
}

impl Audited {
    /// All that a history has, and movements that count towards limits.
    pub async fn begin() -> Self {
        let history = History::begin().await;
        let commands = limit_everybody(tier("500.00", Some("5000.00"), Some("9000.00")));
        for command in commands {
            history.submit(command).await;
        }
        history
            .submit(transfer(history.asha, history.bela, "3.00"))
            .await;
        let (test, node) = (history.test, history.node);
        node.settled().await;
        Self::over(test, node)
    }

    /// Whoever seals a ledger that is there.
    pub fn over(test: TestDatabase, node: Projected) -> Self {
        let master_key = Arc::new(master_key());
        let sealer = sealer(&node, &master_key);
        Self {
            test,
            node,
            sealer,
            master_key,
        }
    }

    pub const fn ledger(&self) -> LedgerName {
        self.node.ledger
    }

    pub async fn submit(&self, command: Command) {
        let outcome = self.node.bench.submit(submission(command)).await.unwrap();
        assert_eq!(outcome.refusal(), None);
    }

    pub async fn seal(&self) -> Checkpoint {
        self.sealer.seal(self.ledger()).await.unwrap().checkpoint
    }

    /// The first public key.
    pub async fn key(&self) -> String {
        let keys = self.sealer.store().keys(self.ledger()).await.unwrap();
        keys[0].key.to_string()
    }

    /// An export into a new folder, and its checkpoint.
    pub async fn export(&self) -> (PathBuf, Exported) {
        let folder = new_folder("export");
        let balances = AccountsAsStated(self.node.queries.clone());
        let pool = self.node.database.pool();
        let exported = export(pool, &self.sealer, &balances, self.ledger(), &folder).await;
        (folder, exported.unwrap())
    }

    /// Somebody who may do anything, without triggers.
    pub async fn superuser(&self) -> PgConnection {
        let mut superuser = self.test.superuser().await;
        superuser
            .execute("SET session_replication_role = replica")
            .await
            .unwrap();
        superuser
    }
}

/// Whoever seals with this master key.
pub fn sealer(node: &Projected, master_key: &Arc<MasterKey>) -> Sealer {
    let keys = PersonKeys::Kept {
        previous: Vec::new(),
    };
    let settings = SealSettings {
        deployment: "ledger.example".to_owned(),
        ..SealSettings::default()
    };
    Sealer::new(node.database.pool(), keys.master_keys(master_key), settings)
}

/// Somebody who knows a key and has kept checkpoints.
pub fn trusting(key: &str, checkpoints: &[PathBuf]) -> Trusted {
    Trusted {
        keys: vec![key.parse().unwrap()],
        checkpoints: checkpoints.to_vec(),
        ..Trusted::default()
    }
}

/// What the verifier in Python finds, as JSON.
fn check_in_python(folder: &Path, trusted: &Trusted) -> serde_json::Value {
    let python = std::env::var_os("DAYBOOK_PYTHON").expect("DAYBOOK_PYTHON names an interpreter");
    let program = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/python/verify_export.py"
    );
    let mut process = Process::new(python);
    process.arg(program).arg(folder);
    for key in &trusted.keys {
        process.args(["--key", key.as_str()]);
    }
    for record in &trusted.records {
        process.arg("--record").arg(record);
    }
    for checkpoint in &trusted.checkpoints {
        process.arg("--checkpoint").arg(checkpoint);
    }
    for witness in &trusted.witnesses {
        process.args(["--witness", witness.as_str()]);
    }
    if let Some(needed) = trusted.witnesses_needed {
        process.args(["--witnesses-needed", &needed.to_string()]);
    }
    let output = process.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// What both verifiers say of an export to somebody who knows a key and has kept checkpoints.
pub fn check(folder: &Path, key: &str, checkpoints: &[PathBuf]) -> Report {
    check_with(folder, &trusting(key, checkpoints))
}

/// What both verifiers say with all that somebody knows from elsewhere; they must agree in everything but words.
pub fn check_with(folder: &Path, trusted: &Trusted) -> Report {
    let ours = verify(folder, trusted).unwrap();
    let theirs = check_in_python(folder, trusted);
    let without_words = |report: &serde_json::Value| {
        let mut report = report.clone();
        for finding in report["findings"].as_array_mut().unwrap() {
            finding["detail"] = serde_json::Value::Null;
        }
        report
    };
    let said = serde_json::to_value(&ours).unwrap();
    assert_eq!(
        without_words(&said),
        without_words(&theirs),
        "ours: {said:#}, theirs: {theirs:#}"
    );
    ours
}

/// A report as codes with their places, in short.
pub fn findings(report: &Report) -> Vec<String> {
    let found = report.findings.iter().map(|finding| {
        let code = serde_json::to_value(finding.code).unwrap();
        let code = code.as_str().unwrap().to_owned();
        match (finding.position, &finding.account) {
            (Some(position), _) => format!("{code} {position}"),
            (None, Some(account)) => format!("{code} {account}"),
            (None, None) => code,
        }
    });
    found.collect()
}

/// A checkpoint in a file of its own.
pub fn kept(checkpoint: &Checkpoint) -> PathBuf {
    keep(&checkpoint.text)
}

/// The same for what a program has printed.
pub fn keep(checkpoint: &str) -> PathBuf {
    let folder = new_folder("checkpoint");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("kept");
    std::fs::write(&file, checkpoint).unwrap();
    file
}
