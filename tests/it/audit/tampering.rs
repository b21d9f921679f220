//! Tampering: every way to change what an auditor is shown is caught, and located, by both verifiers.

use std::path::{Path, PathBuf};

use audit::checkpoint::Checkpoint;
use audit::keys::LogKey;
use audit::line::leaf_of_line;
use audit::tree::{Tree, leaf_hash, tile_path, tiles_of};
use serde_json::Value;
use sqlx::Executor;

use super::support::{Audited, check, findings, kept};
use crate::harness::deposit;
use crate::harness::servers::new_folder;

/// An export to tamper with.
pub struct Export {
    pub folder: PathBuf,
    pub key: String,
    pub old: Vec<PathBuf>,
}

impl Export {
    pub fn copy(&self) -> Self {
        let folder = new_folder("tampered");
        copy(&self.folder, &folder);
        Self {
            folder,
            key: self.key.clone(),
            old: self.old.clone(),
        }
    }

    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join("events.ndjson")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    pub fn write(&self, lines: &[String]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(self.folder.join("events.ndjson"), text).unwrap();
    }

    /// Makes tiles and checkpoint for the lines that are there now, as whoever has a key could.
    pub fn seal(&self, key: &LogKey) {
        let mut tree = Tree::default();
        let mut full = std::collections::HashMap::new();
        for line in self.lines() {
            tree.push(leaf_hash(&leaf_of_line(line.as_bytes())), &mut |tile| {
                full.insert(tile.place, tile.hashes);
            });
        }
        std::fs::remove_dir_all(self.folder.join("tile")).unwrap();
        for (place, width) in tiles_of(tree.size()) {
            let file = self.folder.join(tile_path(place, width));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let hashes = full.get(&place).cloned();
            let hashes = hashes.unwrap_or_else(|| tree.partial_tile(place.level).to_vec());
            std::fs::write(file, hashes).unwrap();
        }
        let mut head = self.checkpoint().head;
        head.size = tree.size();
        head.root = tree.root().unwrap();
        std::fs::write(self.folder.join("checkpoint"), head.sign(key).unwrap()).unwrap();
    }

    fn checkpoint(&self) -> Checkpoint {
        let bytes = std::fs::read(self.folder.join("checkpoint")).unwrap();
        Checkpoint::read(&bytes).unwrap()
    }

    fn findings(&self) -> Vec<String> {
        findings(&check(&self.folder, &self.key, &self.old))
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (here, there) = (entry.path(), to.join(entry.file_name()));
        if here.is_dir() {
            copy(&here, &there);
        } else {
            std::fs::copy(&here, &there).unwrap();
        }
    }
}

/// More than one full tile, and an earlier checkpoint.
async fn exported() -> (Audited, Export) {
    let audited = Audited::begin().await;
    let old = kept(&audited.seal().await);
    let wallet = audited.node.bench.wallet().await;
    for _ in 0..260 {
        audited.submit(deposit(wallet, "0.01")).await;
    }
    audited.node.settled().await;
    let (folder, _) = audited.export().await;
    let key = audited.key().await;
    let export = Export {
        folder,
        key,
        old: vec![old],
    };
    assert_eq!(export.findings(), Vec::<String>::new());
    (audited, export)
}

/// The number of the first line of an event that posts a transaction.
fn first_posted(lines: &[String]) -> usize {
    let posted = |line: &String| line.contains(r#""event_type":"TransactionPosted""#);
    lines.iter().position(posted).unwrap()
}

fn number(line: &str) -> i64 {
    let line: Value = serde_json::from_str(line).unwrap();
    line["position"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_events_is_caught_where_it_is() {
    let (_audited, export) = exported().await;
    let lines = export.lines();
    let count = lines.len();
    let at = first_posted(&lines);
    let position = at + 1;

    let tampered = export.copy();
    let mut changed = lines.clone();
    changed[at] = changed[at].replacen(r#""amount":"1000.00""#, r#""amount":"9000.00""#, 1);
    assert_ne!(changed[at], lines[at]);
    tampered.write(&changed);
    let is_changed = format!("event_changed {position}");
    let old = format!(
        "history_rewritten {}",
        Checkpoint::read(&std::fs::read(&export.old[0]).unwrap())
            .unwrap()
            .head
            .size
    );
    let found = |first: &[&str]| {
        let mut all: Vec<String> = first.iter().map(|one| (*one).to_owned()).collect();
        all.push(old.clone());
        all.push("root_differs".to_owned());
        all
    };
    assert_eq!(tampered.findings(), found(&[&is_changed]));

    // Only a space, which changes no meaning.
    let mut spaced = lines.clone();
    spaced[at] = spaced[at].replacen(r#""payload":{"#, r#""payload":{ "#, 1);
    tampered.write(&spaced);
    assert_eq!(tampered.findings(), found(&[&is_changed]));

    let mut deleted = lines.clone();
    deleted.remove(at);
    tampered.write(&deleted);
    assert_eq!(
        tampered.findings(),
        found(&[&format!("event_missing {position}")])
    );

    // The same, with the positions made to fit.
    let mut closed = deleted.clone();
    for line in &mut closed[at..] {
        let number = number(line);
        *line = line.replacen(
            &format!(r#""position":{number},"#),
            &format!(r#""position":{},"#, number - 1),
            1,
        );
    }
    tampered.write(&closed);
    let all = tampered.findings();
    assert_eq!(all[0], format!("event_changed {position}"));
    assert!(all.contains(&format!("event_missing {count}")), "{all:?}");

    let mut inserted = lines.clone();
    inserted.insert(at, lines[at].replacen("1000.00", "1.00", 1));
    tampered.write(&inserted);
    assert_eq!(
        tampered.findings(),
        found(&[
            &format!("event_changed {position}"),
            &format!("event_out_of_order {position}")
        ])
    );

    let mut swapped = lines.clone();
    swapped.swap(at, at + 1);
    tampered.write(&swapped);
    assert_eq!(
        tampered.findings(),
        found(&[
            &format!("event_missing {position}"),
            &format!("event_out_of_order {position}")
        ])
    );

    let mut back_dated = lines.clone();
    let read: Value = serde_json::from_str(&lines[at]).unwrap();
    let recorded_at = read["recorded_at"].as_str().unwrap();
    back_dated[at] = lines[at].replacen(recorded_at, "2020-01-01T00:00:00.000000Z", 1);
    tampered.write(&back_dated);
    assert_eq!(
        tampered.findings(),
        found(&[
            &format!("event_changed {position}"),
            &format!("time_backwards {position}")
        ])
    );

    tampered.write(&lines[..count - 3]);
    assert_eq!(
        tampered.findings(),
        [
            format!("event_missing {}", count - 2),
            "root_differs".to_owned()
        ]
    );
    tampered.write(&lines[..5]);
    assert_eq!(
        tampered.findings(),
        ["history_truncated 6", "event_missing 6", "root_differs"]
    );

    let mut beyond = lines.clone();
    beyond.push(lines[count - 1].replacen(
        &format!(r#""position":{count},"#),
        &format!(r#""position":{},"#, count + 1),
        1,
    ));
    tampered.write(&beyond);
    assert_eq!(
        tampered.findings(),
        [
            format!("event_beyond_checkpoint {}", count + 1),
            "root_differs".to_owned()
        ]
    );

    let mut nonsense = lines.clone();
    nonsense[at] = "nonsense".to_owned();
    tampered.write(&nonsense);
    assert_eq!(
        tampered.findings(),
        found(&[&format!("line_malformed {position}")])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_what_is_beside_the_events_is_caught() {
    let (_audited, export) = exported().await;
    let file = |export: &Export, name: &str| export.folder.join(name);
    let balances = std::fs::read_to_string(file(&export, "balances.ndjson")).unwrap();
    let rows: Vec<&str> = balances.lines().collect();
    let account = |row: &str| {
        let row: Value = serde_json::from_str(row).unwrap();
        row["account"].as_str().unwrap().to_owned()
    };
    let tampered = export.copy();
    let write = |text: String| std::fs::write(file(&tampered, "balances.ndjson"), text).unwrap();

    // More for a wallet, out of nothing; and then out of another account.
    let of_wallet = rows
        .iter()
        .rfind(|row| row.contains("wallet:") && row.contains(":INR"))
        .unwrap();
    let richer = of_wallet.replacen(r#""posted_credits":""#, r#""posted_credits":"9"#, 1);
    write(balances.replacen(of_wallet, &richer, 1));
    assert_eq!(
        tampered.findings(),
        [
            format!("balance_differs {}", account(of_wallet)),
            "trial_balance_differs INR".to_owned()
        ]
    );
    write(balances.replacen(&format!("{}\n", rows[0]), "", 1));
    let all = tampered.findings();
    assert_eq!(all[0], format!("balance_missing {}", account(rows[0])));
    write(format!("{balances}{}\n", rows[0]));
    assert_eq!(
        tampered.findings()[0],
        format!("balance_unknown {}", account(rows[0]))
    );
    write(balances.replacen(r#""pending_debits":""#, r#""pending_debits":"-"#, 1));
    assert_eq!(tampered.findings()[0], "balance_malformed");

    let tampered = export.copy();
    let tile = file(&tampered, "tile/0/000");
    let mut hashes = std::fs::read(&tile).unwrap();
    hashes[40] ^= 1;
    std::fs::write(&tile, hashes).unwrap();
    assert_eq!(tampered.findings(), ["tiles_differ"]);
    std::fs::remove_dir_all(file(&tampered, "tile/1")).unwrap();
    assert_eq!(tampered.findings(), ["tiles_differ"]);

    let tampered = export.copy();
    let text = tampered.checkpoint().text;
    let checkpoint = |text: String| std::fs::write(file(&tampered, "checkpoint"), text).unwrap();
    let size = tampered.checkpoint().head.size;
    checkpoint(text.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size - 1), 1));
    let all = tampered.findings();
    assert_eq!(all[..2], ["signature_wrong", "tiles_differ"]);
    checkpoint("nothing\n".to_owned());
    assert_eq!(tampered.findings(), ["checkpoint_malformed"]);
    std::fs::remove_file(file(&tampered, "checkpoint")).unwrap();
    assert_eq!(tampered.findings(), ["checkpoint_malformed"]);
}

/// Whoever has the key itself can sign another history, but not so that it begins with one that was kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_written_anew_and_signed_is_caught() {
    let (audited, export) = exported().await;
    let lines = export.lines();
    let at = first_posted(&lines);
    let mut changed = lines.clone();
    changed[at] = changed[at].replacen("1000.00", "1000.50", 1);

    // With another key.
    let stranger = LogKey::generate("ledger.example/main").unwrap();
    let tampered = export.copy();
    tampered.write(&changed);
    tampered.seal(&stranger);
    let old = Checkpoint::read(&std::fs::read(&export.old[0]).unwrap()).unwrap();
    let rewritten = format!("history_rewritten {}", old.head.size);
    let all = tampered.findings();
    assert!(all.contains(&"signature_unknown".to_owned()), "{all:?}");
    assert!(all.contains(&rewritten), "{all:?}");

    // With a key whose owner we trust: only the earlier checkpoint, and the balances, tell.
    let trusting = Export {
        key: stranger.verifier_key().to_owned(),
        ..tampered.copy()
    };
    let all = trusting.findings();
    assert!(all.contains(&rewritten), "{all:?}");
    assert!(
        all.iter()
            .any(|one| one.starts_with("balance_differs system:cash:INR")),
        "{all:?}"
    );

    // What cannot have been decided is located, whoever signs it.
    let mut impossible = lines.clone();
    let last = impossible.len() - 1;
    let payload = impossible[last].replacen(
        r#""source":"system:cash""#,
        r#""source":"system:nowhere""#,
        1,
    );
    impossible[last] = payload;
    let tampered = export.copy();
    tampered.write(&impossible);
    tampered.seal(&stranger);
    let trusting = Export {
        key: stranger.verifier_key().to_owned(),
        old: Vec::new(),
        ..tampered
    };
    assert_eq!(trusting.findings(), [format!("rule_broken {}", last + 1)]);

    // With a key that was replaced since.
    audited.sealer.rotate(audited.ledger(), 1).await.unwrap();
    audited.node.bench.wallet().await;
    audited.node.settled().await;
    let (folder, _) = audited.export().await;
    let replaced = Export { folder, ..export };
    assert_eq!(replaced.findings(), Vec::<String>::new());
    std::fs::remove_file(replaced.folder.join("records/2")).unwrap();
    assert_eq!(replaced.findings(), ["signature_unknown"]);
}

/// In the database itself, and with everything that is derived from it made to fit.
#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_the_database_is_caught_in_the_next_export() {
    for (tamper, expected) in [
        (
            "UPDATE daybook.events SET payload = replace(payload::text, '1000.00', '9000.00')::json \
             WHERE event_type = 'TransactionPosted' AND payload::text LIKE '%1000.00%'",
            "event_changed",
        ),
        (
            "DELETE FROM daybook.events WHERE position = 12",
            "event_missing 12",
        ),
        (
            "INSERT INTO daybook.events SELECT ledger, position, aggregate_type, gen_random_uuid()::text, 1, \
             event_type, event_version, payload, metadata, recorded_at FROM daybook.events WHERE position = 8; \
             DELETE FROM daybook.events WHERE position = 8 AND sequence <> 1",
            "event_",
        ),
        (
            "UPDATE daybook.events SET recorded_at = '2020-01-01' WHERE position = 6",
            "event_changed 6",
        ),
        (
            "DELETE FROM daybook.events WHERE position > 20; \
             UPDATE daybook.ledger_head SET position = 20",
            "event_missing 21",
        ),
        (
            "UPDATE read_models.accounts SET posted_credits = posted_credits + 1 \
             WHERE holder LIKE 'wallet:%' AND asset = 'INR'",
            "balance_differs wallet:",
        ),
    ] {
        let audited = Audited::begin().await;
        let old = kept(&audited.seal().await);
        let mut superuser = audited.superuser().await;
        // Two events at one position are possible only without the index on it.
        superuser
            .execute("ALTER TABLE daybook.events DROP CONSTRAINT events_position_key")
            .await
            .unwrap();
        superuser.execute(tamper).await.unwrap();
        let (folder, _) = audited.export().await;
        let report = check(&folder, &audited.key().await, &[old]);
        let all = findings(&report);
        assert!(
            all.iter().any(|one| one.starts_with(expected)),
            "{tamper}: {all:?}"
        );
    }
}
