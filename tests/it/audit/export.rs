//! Exports: everything is in them, and both verifiers find them right.

use std::io::Write;
use std::time::Duration;

use async_trait::async_trait;
use audit::export::{StatedBalances, export};
use event_store::LogReader;
use ledger_core::{LedgerName, Position};
use serde_json::Value;
use sqlx::Executor;

use super::support::{Audited, check, findings, keep, kept};
use crate::harness::program::program;
use crate::harness::{deposit, servers::new_folder};

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_right_and_goes_on_from_an_earlier_checkpoint() {
    let audited = Audited::begin().await;
    let early = kept(&audited.seal().await);
    let wallet = audited.node.bench.wallet().await;
    for _ in 0..270 {
        audited.submit(deposit(wallet, "0.01")).await;
    }
    let middle = kept(&audited.seal().await);
    audited.sealer.rotate(audited.ledger(), 1).await.unwrap();
    audited.submit(deposit(wallet, "0.01")).await;
    audited.node.settled().await;
    let (folder, exported) = audited.export().await;
    assert!(exported.refused.is_none());
    let key = audited.key().await;
    let report = check(&folder, &key, &[early.clone(), middle]);
    assert_eq!(findings(&report), Vec::<String>::new());
    assert!(report.ok);
    assert_eq!(report.consistent_checkpoints, 2);
    let head = audited.node.bench.head().await;
    assert_eq!(report.events, u64::try_from(head.value()).unwrap());
    let accounts = audited.node.bench.book().await.accounts().count();
    assert_eq!(report.accounts, u64::try_from(accounts).unwrap());
    assert!(report.transactions > 270);
    // Whoever trusts only the new key does not know who signed before.
    let keys = audited.sealer.store().keys(audited.ledger()).await.unwrap();
    let report = check(&folder, keys[1].key.as_str(), &[early]);
    assert_eq!(findings(&report), ["signature_unknown"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_and_export_write_the_same_lines() {
    let audited = Audited::begin().await;
    let (folder, _) = audited.export().await;
    let exported = std::fs::read_to_string(folder.join("events.ndjson")).unwrap();
    let output = program(&audited.test.url)
        .args(["replay", "--ledger", "main"])
        .output()
        .await
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), exported);
    let log = LogReader::new(audited.node.database.pool().clone());
    let stored = log
        .read(audited.ledger(), Position::START, 10_000)
        .await
        .unwrap();
    assert_eq!(exported.lines().count(), stored.len());
    for (line, event) in exported.lines().zip(stored) {
        assert!(line.contains(&format!(r#""payload":{},"metadata":"#, event.payload)));
    }
}

/// The program does all of it, without our help.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_seals_exports_proves_and_verifies() {
    let audited = Audited::begin().await;
    let url = &audited.test.url;
    let master_key = identity::secret::new_master_key().unwrap();
    let run = async |arguments: &[&str]| {
        let output = program(url)
            .env("DAYBOOK__AUTH__MASTER_KEY", &*master_key)
            .args(arguments)
            .output()
            .await
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), said, error)
    };
    let (code, checkpoint, error) = run(&["audit", "seal", "--ledger", "main"]).await;
    assert_eq!(code, 0, "{error}");
    let old = keep(&checkpoint);
    let folder = new_folder("export");
    let to = folder.to_str().unwrap();
    let (code, _, error) = run(&["export", "--ledger", "main", "--to", to]).await;
    assert_eq!(code, 0, "{error}");
    // Not over what is there.
    let (code, _, error) = run(&["export", "--ledger", "main", "--to", to]).await;
    assert!(code == 1 && error.contains("is not empty"), "{error}");
    let key = audited.key().await;
    assert!(key.starts_with("daybook.local/main+"), "{key}");
    let verify = [
        "audit",
        "verify",
        to,
        "--key",
        &key,
        "--checkpoint",
        old.to_str().unwrap(),
    ];
    let (code, said, error) = run(&verify).await;
    assert_eq!(code, 0, "{said}{error}");
    assert!(said.contains("everything is right"), "{said}");
    let (code, proof, error) =
        run(&["audit", "proof", "--ledger", "main", "--position", "3"]).await;
    assert_eq!(code, 0, "{error}");
    audit::proof::ProofFile::read(&proof).unwrap();
    let (code, _, _) = run(&[
        "audit",
        "consistency",
        "--ledger",
        "main",
        "--from",
        "3",
        "--to",
        "9",
    ])
    .await;
    assert_eq!(code, 0);
    // Something is wrong: another code, and a report that programs read.
    std::fs::write(folder.join("balances.ndjson"), "{}\n").unwrap();
    let (code, said, _) = run(&[&verify[..], &["--json"]].concat()).await;
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["ok"]), (2, &Value::Bool(false)));
    assert_eq!(report["findings"][0]["code"], "balance_malformed");
    // It could not look: nothing is there, or nothing to trust was named.
    let (code, _, _) = run(&["audit", "verify", "/nowhere", "--key", &key]).await;
    assert_eq!(code, 1);
    let (code, _, said) = run(&["audit", "verify", "/nowhere"]).await;
    assert_eq!(code, 1);
    assert!(said.contains("--key"), "{said}");
}

/// A ledger that is written while it is exported: the export is of one moment.
#[tokio::test(flavor = "multi_thread")]
async fn race_of_writers_with_an_export() {
    let audited = Audited::begin().await;
    let wallet = audited.node.bench.wallet().await;
    audited.seal().await;
    let executors = audited.node.bench.executors.clone();
    let ledger = audited.ledger();
    let writer = tokio::spawn(async move {
        loop {
            let one = crate::harness::submission(deposit(wallet, "0.01"));
            executors.submit(ledger, one).await.unwrap();
        }
    });
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let sealing = audited.sealer.clone();
        let other = tokio::spawn(async move { sealing.seal(ledger).await.map(|_| ()) });
        let (folder, exported) = audited.export().await;
        assert!(exported.refused.is_none());
        other.await.unwrap().unwrap();
        let report = check(&folder, &audited.key().await, &[]);
        assert_eq!(findings(&report), Vec::<String>::new());
        sizes.push(report.events);
        tokio::time::timeout(Duration::from_secs(60), audited.node.settled())
            .await
            .unwrap();
    }
    writer.abort();
    assert!(sizes.is_sorted(), "{sizes:?}");
}

/// What is there now is what the auditor gets.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_a_tampered_log_goes_on_with_the_last_checkpoint() {
    let audited = Audited::begin().await;
    audited.seal().await;
    let mut superuser = audited.superuser().await;
    superuser
        .execute("UPDATE daybook.events SET metadata = '{\"command_id\":\"0190b8a2-5b7e-7c3d-8f00-000000000001\"}' WHERE position = 2")
        .await
        .unwrap();
    let (folder, exported) = audited.export().await;
    assert!(exported.refused.is_some());
    let report = check(&folder, &audited.key().await, &[]);
    assert_eq!(findings(&report), ["event_changed 2", "root_differs"]);
}

/// Accounts that know no more than they did.
struct AsOf(Position, Vec<u8>);

#[async_trait]
impl StatedBalances for AsOf {
    async fn write(
        &self,
        _ledger: LedgerName,
        to: &mut (dyn Write + Send),
    ) -> Result<Position, Box<dyn std::error::Error + Send + Sync>> {
        to.write_all(&self.1)?;
        Ok(self.0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_behind_a_rotation_are_exported_with_a_checkpoint_of_then() {
    let audited = Audited::begin().await;
    let ledger = audited.ledger();
    let (folder, exported) = audited.export().await;
    let size = exported.checkpoint.checkpoint.head.size;
    let stated = std::fs::read(folder.join("balances.ndjson")).unwrap();
    let position = Position::try_new(i64::try_from(size).unwrap()).unwrap();
    let behind = AsOf(position, stated);
    let wallet = audited.node.bench.wallet().await;
    audited.submit(deposit(wallet, "7.00")).await;
    audited.sealer.rotate(ledger, 1).await.unwrap();
    let folder = new_folder("export");
    let pool = audited.node.database.pool();
    let exported = export(pool, &audited.sealer, &behind, ledger, &folder).await;
    let exported = exported.unwrap();
    assert!(exported.refused.is_none());
    assert_eq!(exported.checkpoint.checkpoint.head.size, size);
    let report = check(&folder, &audited.key().await, &[]);
    assert_eq!(findings(&report), Vec::<String>::new());
    // Accounts that know of more than there is are those of another log.
    let beyond = AsOf(Position::START.plus(1_000_000), Vec::new());
    let folder = new_folder("export");
    let refused = export(pool, &audited.sealer, &beyond, ledger, &folder).await;
    assert!(refused.is_err());
    assert!(!folder.join("checkpoint").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_line_is_exported_as_what_it_is() {
    let audited = Audited::begin().await;
    audited.seal().await;
    let mut superuser = audited.superuser().await;
    for tamper in [
        "UPDATE daybook.events SET payload = (E'{\n' || substr(payload::text, 2))::json WHERE position = 7",
        "UPDATE daybook.events SET recorded_at = 'infinity' WHERE position = 9",
        "UPDATE audit.log SET edge = ''",
    ] {
        superuser.execute(tamper).await.unwrap();
    }
    let (folder, exported) = audited.export().await;
    assert!(exported.refused.is_some());
    let positions: Vec<i64> = exported
        .unwritable
        .iter()
        .map(|one| one.position())
        .collect();
    assert_eq!(positions, [7, 9]);
    let lines = std::fs::read_to_string(folder.join("events.ndjson")).unwrap();
    let line = lines.lines().nth(6).unwrap();
    assert_eq!(
        line,
        r#"{"ledger":"main","position":7,"unwritable":"line_break"}"#
    );
    let report = check(&folder, &audited.key().await, &[]);
    assert_eq!(
        findings(&report),
        [
            "tiles_differ",
            "line_malformed 7",
            "line_malformed 9",
            "root_differs"
        ]
    );
}
