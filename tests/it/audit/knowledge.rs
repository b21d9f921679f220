//! What somebody knows from elsewhere: keys and their records, and what checkpoints and lines say beside hashes.

use std::path::{Path, PathBuf};

use audit::checkpoint::Checkpoint;
use audit::keys::{KeyRecord, LogKey};
use audit::verify::Trusted;
use ledger_core::Timestamp;

use super::support::{Audited, check_with, findings, keep};

const NAME: &str = "ledger.example/main";

/// An export, and how many events it has.
async fn exported() -> (PathBuf, u64) {
    let audited = Audited::begin().await;
    let (folder, exported) = audited.export().await;
    (folder, exported.checkpoint.checkpoint.head.size)
}

/// The same tree signed by another key, as somebody who holds that can.
fn sign(folder: &Path, key: &LogKey) {
    sign_at(folder, key, |recorded_at| recorded_at);
}

fn sign_at(
    folder: &Path,
    key: &LogKey,
    change: impl FnOnce(Option<Timestamp>) -> Option<Timestamp>,
) {
    let file = folder.join("checkpoint");
    let mut head = Checkpoint::read(&std::fs::read(&file).unwrap())
        .unwrap()
        .head;
    head.recorded_at = change(head.recorded_at);
    std::fs::write(file, head.sign(key).unwrap()).unwrap();
}

fn record(old: &LogKey, new: &LogKey, after: u64) -> String {
    let record = KeyRecord {
        after,
        key: new.verifier_key().parse().unwrap(),
    };
    old.sign(record.text().as_bytes()).unwrap()
}

fn show(folder: &Path, record: &str) {
    let folder = folder.join("records");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("2"), record).unwrap();
}

fn trusting(keys: &[&LogKey], records: &[&str]) -> Trusted {
    Trusted {
        keys: keys
            .iter()
            .map(|key| key.verifier_key().parse().unwrap())
            .collect(),
        records: records.iter().map(|record| keep(record)).collect(),
        ..Trusted::default()
    }
}

/// What both verifiers find, in short.
fn found(folder: &Path, trusted: &Trusted) -> Vec<String> {
    findings(&check_with(folder, trusted))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_record_ends_a_key_that_was_stolen() {
    let (folder, size) = exported().await;
    let [first, second, thief] = [(); 3].map(|()| LogKey::generate(NAME).unwrap());
    let kept = record(&first, &second, size - 3);
    sign(&folder, &first);
    // The record is left out: with the first key alone nobody can know, with what was kept everybody does.
    assert_eq!(found(&folder, &trusting(&[&first], &[])), [""; 0]);
    assert_eq!(
        found(&folder, &trusting(&[&first], &[&kept])),
        ["key_retired"]
    );
    assert_eq!(
        found(&folder, &trusting(&[&first, &second], &[])),
        ["key_unended"]
    );
    // The stolen key says that the thief's follows it, and earlier.
    show(&folder, &record(&first, &thief, 1));
    sign(&folder, &thief);
    assert_eq!(found(&folder, &trusting(&[&first], &[])), [""; 0]);
    assert_eq!(
        found(&folder, &trusting(&[&first], &[&kept])),
        ["signature_unknown", "key_record_differs"]
    );
    // So it is told when nobody can read who signed the checkpoint.
    let file = folder.join("checkpoint");
    let signed = std::fs::read(&file).unwrap();
    std::fs::write(&file, "nothing").unwrap();
    assert_eq!(
        found(&folder, &trusting(&[&first], &[&kept])),
        ["checkpoint_malformed", "key_record_differs"]
    );
    std::fs::write(&file, signed).unwrap();
    // A record between keys that nothing joins to the one that is trusted.
    show(&folder, "nothing");
    sign(&folder, &first);
    let later = record(&second, &thief, size);
    assert_eq!(
        found(&folder, &trusting(&[&first], &[&later])),
        ["key_record_unknown"]
    );
    // All of it as it should be: both keys, or one and the record.
    show(&folder, &kept);
    sign(&folder, &second);
    for trusted in [
        trusting(&[&first], &[]),
        trusting(&[&first], &[&kept]),
        trusting(&[&first, &second], &[&kept]),
        trusting(&[&second, &second], &[]),
    ] {
        assert_eq!(found(&folder, &trusted), [""; 0]);
    }
    let unreadable = trusting(&[&first], &["nothing"]);
    assert!(audit::verify::verify(&folder, &unreadable).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_checkpoint_is_that_of_its_last_event() {
    let (folder, size) = exported().await;
    let key = LogKey::generate(NAME).unwrap();
    let trusted = trusting(&[&key], &[]);
    sign(&folder, &key);
    assert_eq!(found(&folder, &trusted), [""; 0]);
    let differs = [format!("recorded_at_differs {size}")];
    sign_at(&folder, &key, |_| None);
    assert_eq!(found(&folder, &trusted), differs);
    let later = |_| Some("2100-01-01T00:00:00Z".parse().unwrap());
    sign_at(&folder, &key, later);
    assert_eq!(found(&folder, &trusted), differs);
    // Who kept it knows the time as well.
    let old = std::fs::read_to_string(folder.join("checkpoint")).unwrap();
    let trusted = Trusted {
        checkpoints: vec![keep(&old)],
        ..trusted
    };
    assert_eq!(found(&folder, &trusted).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_balances_is_no_longer_than_any_can_be() {
    let (folder, _) = exported().await;
    let key = LogKey::generate(NAME).unwrap();
    sign(&folder, &key);
    let file = folder.join("balances.ndjson");
    let lines = std::fs::read_to_string(&file).unwrap();
    let padded = lines.replacen('{', &format!("{{{}", " ".repeat(70_000)), 1);
    std::fs::write(&file, padded).unwrap();
    let found = found(&folder, &trusting(&[&key], &[]));
    assert_eq!(found[0], "balance_malformed");
}
