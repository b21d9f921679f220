//! Erasing a person leaves every hash as it was.

use std::sync::Arc;

use audit::export::export;
use daybook::node::{AccountsAsStated, AuditOptions, PersonKeys};
use event_store::executor::Submission;
use ledger_core::WalletId;
use serde_json::json;

use super::support::{check, findings, keep};
use crate::harness::servers::new_folder;
use crate::harness::{begin_wallet, submission};
use crate::personal::support::{NAME, Office, everything};

#[tokio::test(flavor = "multi_thread")]
async fn erasing_a_person_leaves_what_was_sealed_as_it_was() {
    let office = Office::open().await;
    let (doors, access) = (&office.doors, &office.asha.access);
    office.record(access, everything()).await.expect(200);
    let sealing = doors.at("/checkpoints");
    let sealed = doors.post(&sealing, &doors.admin, json!({})).await;
    let old = keep(sealed.expect(200).body["note"].as_str().unwrap());
    let keys = doors.get(&doors.at("/checkpoint-keys"), &doors.admin).await;
    let key = keys.expect(200).body["items"][0]["verifier_key"].clone();
    let node = &doors.node;
    let kept = PersonKeys::Kept {
        previous: Vec::new(),
    };
    let pool = node.node.database.pool();
    let master_keys = kept.master_keys(&Arc::clone(&node.master_key));
    let sealer = AuditOptions::default().sealer(pool, master_keys);
    let mut exports: Vec<String> = Vec::new();
    for mark in ["sealed", "erased"] {
        let folder = new_folder("export");
        let balances = AccountsAsStated(node.node.queries.clone());
        let exported = export(pool, &sealer, &balances, office.ledger(), &folder).await;
        assert!(exported.unwrap().refused.is_none());
        let report = check(&folder, key.as_str().unwrap(), std::slice::from_ref(&old));
        assert_eq!(findings(&report), Vec::<String>::new());
        let events = std::fs::read_to_string(folder.join("events.ndjson")).unwrap();
        assert!(!events.contains(NAME));
        let marks = events
            .lines()
            .filter(|line| line.contains(r#","personal":""#));
        assert!(marks.clone().count() > 0);
        for line in marks {
            assert!(
                line.ends_with(&format!(r#","personal":"{mark}"}}"#)),
                "{line}"
            );
        }
        // The mark is in no hash, and still it is not believed.
        let other = if mark == "sealed" { "erased" } else { "sealed" };
        let first = events
            .lines()
            .position(|line| line.contains(r#","personal":""#));
        for (from, to) in [
            (
                format!(r#","personal":"{mark}"}}"#),
                format!(r#","personal":"{other}"}}"#),
            ),
            (format!(r#","personal":"{mark}"}}"#), "}".to_owned()),
        ] {
            let lied = events.replacen(&from, &to, 1);
            std::fs::write(folder.join("events.ndjson"), lied).unwrap();
            let report = check(&folder, key.as_str().unwrap(), &[]);
            let wrong = format!("personal_mark_wrong {}", first.unwrap() + 1);
            assert_eq!(findings(&report), [wrong]);
        }
        exports.push(events);
        if mark == "sealed" {
            // More than an export reads at a time: what is told of a person and that they were erased are far apart.
            let far = usize::try_from(audit::export::PAGE).unwrap() + 100;
            let open = || begin_wallet(WalletId::new(uuid::Uuid::now_v7()));
            for some in Vec::from_iter((0..far).map(|_| open())).chunks(500) {
                let many = Submission {
                    commands: some.to_vec(),
                    ..submission(open())
                };
                let outcome = node.node.executors.submit(office.ledger(), many).await;
                assert_eq!(outcome.unwrap().refusal(), None);
            }
            let erased = office.erase(json!({ "reason": "requested" })).await;
            // An export is as of what the accounts know.
            let position = erased.expect(200).position();
            let known = doors.at(&format!("/accounts?min_position={position}"));
            doors.get(&known, &doors.admin).await.expect(200);
        }
    }
    assert!(exports[1].lines().count() > exports[0].lines().count());
}
