//! Sealing: one history, signed by keys that follow each other, and nothing signed blindly.

use audit::keys::{KeyChain, KeyRecord, ReadNote, SignatureFault};
use audit::line::write_leaf;
use audit::proof::{check_consistency, check_inclusion};
use audit::sealer::{SealError, SealSettings, Sealer};
use audit::store::records_of;
use audit::tree::leaf_hash;
use event_store::LogReader;
use ledger_core::Position;
use sqlx::Executor;

use super::support::{Audited, sealer};
use crate::harness::deposit;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_is_proved_event_by_event() {
    let audited = Audited::begin().await;
    let ledger = audited.ledger();
    let sealed = audited.seal().await;
    let head = audited.node.bench.head().await;
    assert_eq!(i64::try_from(sealed.head.size).unwrap(), head.value());
    assert_eq!(sealed.head.origin, "ledger.example/main");
    assert_eq!(audited.seal().await, sealed, "nothing is new");
    let log = LogReader::new(audited.node.database.pool().clone());
    for event in log.read(ledger, Position::START, 10_000).await.unwrap() {
        let position = Position::try_new(event.position).unwrap();
        let (file, _) = audited.sealer.prove_event(ledger, position).await.unwrap();
        let mut leaf = Vec::new();
        write_leaf(&mut leaf, ledger, &event.text()).unwrap();
        let index = u64::try_from(event.position).unwrap() - 1;
        assert_eq!(file.index, index);
        check_inclusion(&sealed.head, index, leaf_hash(&leaf), &file.path).unwrap();
    }
    let beyond = head.next();
    assert!(audited.sealer.prove_event(ledger, beyond).await.is_err());
    assert!(
        audited
            .sealer
            .prove_event(ledger, Position::START)
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_checkpoint_begins_with_an_earlier_one() {
    let audited = Audited::begin().await;
    let ledger = audited.ledger();
    let mut sealed = vec![audited.seal().await];
    let wallet = audited.node.bench.wallet().await;
    // Past the first full tile.
    for round in 0..3 {
        for _ in 0..90 {
            audited.submit(deposit(wallet, "0.01")).await;
        }
        sealed.push(audited.seal().await);
        assert!(sealed[round + 1].head.size >= sealed[round].head.size + 90);
    }
    assert!(sealed[3].head.size > 256);
    for (index, old) in sealed.iter().enumerate() {
        for new in &sealed[index..] {
            let (from, to) = (old.head.size, new.head.size);
            let proof = audited
                .sealer
                .prove_consistency(ledger, from, to)
                .await
                .unwrap();
            assert_eq!((proof.from.1, proof.to.1), (old.head.root, new.head.root));
            check_consistency(&old.head, &new.head, &proof.path).unwrap();
        }
    }
    // A tree that was never signed is, when it is asked for.
    let between = sealed[2].head.size - 5;
    let signed = audited.sealer.seal_at(ledger, between).await.unwrap();
    assert_eq!(signed.checkpoint.head.size, between);
    let proof = audited
        .sealer
        .prove_consistency(ledger, between, sealed[3].head.size)
        .await;
    check_consistency(
        &signed.checkpoint.head,
        &sealed[3].head,
        &proof.unwrap().path,
    )
    .unwrap();
}

/// Without compare-and-set, two nodes sign trees that do not begin with each other.
#[tokio::test(flavor = "multi_thread")]
async fn race_of_sealers_leaves_one_history() {
    let audited = Audited::begin().await;
    let ledger = audited.ledger();
    let wallet = audited.node.bench.wallet().await;
    let sealers: Vec<Sealer> = (0..4)
        .map(|_| sealer(&audited.node, &audited.master_key))
        .collect();
    for _ in 0..8 {
        audited.submit(deposit(wallet, "0.01")).await;
        let tasks: Vec<_> = sealers
            .iter()
            .map(|sealer| {
                let sealer = sealer.clone();
                tokio::spawn(async move { sealer.seal(ledger).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    }
    let all = audited
        .sealer
        .store()
        .checkpoints(ledger, None, 1_000)
        .await
        .unwrap();
    assert!(all.len() >= 8);
    let last = &all[0].checkpoint.head;
    for one in &all {
        let old = &one.checkpoint.head;
        let proof = audited
            .sealer
            .prove_consistency(ledger, old.size, last.size)
            .await
            .unwrap();
        check_consistency(old, last, &proof.path).unwrap();
    }
    assert_eq!(audited.sealer.store().keys(ledger).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_followed_by_another_with_a_record() {
    let audited = Audited::begin().await;
    let ledger = audited.ledger();
    let first = audited.seal().await;
    let second = audited.sealer.rotate(ledger, 1).await.unwrap();
    assert_eq!((second.number, second.after), (2, first.head.size));
    // Asked for twice, it is made once.
    let again = audited.sealer.rotate(ledger, 1).await.unwrap();
    assert_eq!(again.key.as_str(), second.key.as_str());
    let wrong = audited.sealer.rotate(ledger, 7).await;
    assert!(
        matches!(wrong, Err(SealError::NotCurrent { current: 2, .. })),
        "{wrong:?}"
    );
    // The same tree under the new key, then a larger one.
    let same = audited.seal().await;
    assert_eq!(same.head, first.head);
    audited.node.bench.wallet().await;
    let later = audited.seal().await;
    let keys = audited.sealer.store().keys(ledger).await.unwrap();
    let record = keys[1].record.clone().unwrap();
    let note = ReadNote::read(record.as_bytes()).unwrap();
    assert_eq!(KeyRecord::read(&note.text).unwrap().key, second.key);
    let chain = KeyChain::new(vec![keys[0].key.clone()], &records_of(&keys));
    for checkpoint in [&first, &same, &later] {
        chain.check(&checkpoint.note, checkpoint.head.size).unwrap();
    }
    assert_eq!(
        chain.check(&first.note, later.head.size),
        Err(SignatureFault::Retired)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_master_key_that_is_kept_nothing_is_sealed() {
    let audited = Audited::begin().await;
    let pool = audited.node.database.pool();
    let blind = Sealer::new(pool, None, SealSettings::default());
    let refused = blind.seal(audited.ledger()).await;
    assert!(matches!(refused, Err(SealError::NoMasterKey)));
    // And under another master key, the key cannot be used.
    audited.seal().await;
    audited.node.bench.wallet().await;
    let other = sealer(
        &audited.node,
        &std::sync::Arc::new(crate::harness::node::master_key()),
    );
    assert!(matches!(
        other.seal(audited.ledger()).await,
        Err(SealError::Store(_))
    ));
}

/// Every way to change what was sealed: the next seal is refused, and says where.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_what_was_sealed_is_not_sealed_again() {
    let audited = Audited::begin().await;
    let sealed = i64::try_from(audited.seal().await.head.size).unwrap();
    audited.node.bench.wallet().await;
    let mut superuser = audited.superuser().await;
    for (tamper, position) in [
        (
            "UPDATE daybook.events SET payload = (payload::text || ' ')::json WHERE position = 7",
            Some(7),
        ),
        (
            "UPDATE daybook.events SET recorded_at = recorded_at - interval '1 day' WHERE position = 9",
            Some(9),
        ),
        ("DELETE FROM daybook.events WHERE position = 5", Some(5)),
        (
            "UPDATE daybook.events SET position = 1000000 - position WHERE position IN (3, 999997);
             UPDATE daybook.events SET position = 3 WHERE position = 4;
             UPDATE daybook.events SET position = 4 WHERE position = 999997",
            Some(3),
        ),
        (
            "DELETE FROM daybook.events WHERE position > 10; UPDATE daybook.ledger_head SET position = 10",
            Some(11),
        ),
        // What Daybook never writes: sealed before, and still to be sealed.
        (
            "UPDATE daybook.events SET payload = (E'{\\n' || substr(payload::text, 2))::json WHERE position = 7",
            Some(7),
        ),
        (
            "UPDATE daybook.events SET recorded_at = 'infinity' WHERE position = 9",
            Some(9),
        ),
        (
            "UPDATE daybook.events SET recorded_at = '-infinity' WHERE position = (SELECT position FROM daybook.ledger_head)",
            Some(sealed + 1),
        ),
        (
            "UPDATE daybook.events SET metadata = (E'{\\r' || substr(metadata::text, 2))::json \
             WHERE position = (SELECT position FROM daybook.ledger_head)",
            Some(sealed + 1),
        ),
        ("UPDATE audit.log SET edge = substr(edge, 33)", None),
        ("UPDATE audit.checkpoint SET note = 'none'", None),
        ("UPDATE audit.checkpoint SET size = size - 1", None),
        ("UPDATE audit.log SET root = sha256('another')", None),
        (
            "UPDATE audit.log SET size = 0, edge = '', root = sha256('')",
            None,
        ),
        (
            "UPDATE audit.checkpoint SET note = replace(note, 'ledger.example', 'ledger.exampl')",
            None,
        ),
    ] {
        for table in [
            "daybook.events",
            "daybook.ledger_head",
            "audit.log",
            "audit.checkpoint",
        ] {
            let name = table.replace('.', "_");
            let copy = format!(
                "DROP TABLE IF EXISTS pg_temp.{name}; CREATE TEMP TABLE {name} AS SELECT * FROM {table}"
            );
            superuser.execute(copy.as_str()).await.unwrap();
        }
        superuser.execute(tamper).await.unwrap();
        let refused = audited.sealer.seal(audited.ledger()).await;
        match refused {
            Err(SealError::Tampered {
                position: found, ..
            }) => {
                assert_eq!(found, position, "{tamper}");
            }
            other => panic!("{tamper}: {other:?}"),
        }
        for table in [
            "daybook.events",
            "daybook.ledger_head",
            "audit.checkpoint",
            "audit.log",
        ] {
            let name = table.replace('.', "_");
            let back = format!(
                "DELETE FROM {table}; INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM pg_temp.{name}"
            );
            superuser.execute(back.as_str()).await.unwrap();
        }
    }
    let again = audited.seal().await;
    assert_eq!(i64::try_from(again.head.size).unwrap(), sealed + 1);
}

/// Whoever changes an event and its hash in the tile, but not the tree above it.
#[tokio::test(flavor = "multi_thread")]
async fn a_tile_that_does_not_lead_to_the_root_is_noticed() {
    let audited = Audited::begin().await;
    let ledger = audited.ledger();
    let wallet = audited.node.bench.wallet().await;
    for _ in 0..260 {
        audited.submit(deposit(wallet, "0.01")).await;
    }
    audited.seal().await;
    let mut superuser = audited.superuser().await;
    superuser
        .execute(
            "UPDATE daybook.events SET payload = (payload::text || ' ')::json WHERE position = 7",
        )
        .await
        .unwrap();
    let log = LogReader::new(audited.node.database.pool().clone());
    let changed = log.read(ledger, Position::START.plus(6), 1).await.unwrap();
    let mut leaf = Vec::new();
    write_leaf(&mut leaf, ledger, &changed[0].text()).unwrap();
    sqlx::query("UPDATE audit.tile SET hashes = overlay(hashes PLACING $1 FROM 193) WHERE level = 0 AND number = 0")
        .bind(leaf_hash(&leaf).as_slice())
        .execute(&mut superuser)
        .await
        .unwrap();
    let refused = audited.sealer.seal(ledger).await;
    assert!(
        matches!(refused, Err(SealError::Tampered { position: None, .. })),
        "{refused:?}"
    );
    superuser.execute("DELETE FROM audit.tile").await.unwrap();
    let refused = audited.sealer.seal(ledger).await;
    assert!(
        matches!(refused, Err(SealError::Tampered { position: None, .. })),
        "{refused:?}"
    );
}

/// Else an export of what the accounts knew before has to state it under a later checkpoint.
#[tokio::test(flavor = "multi_thread")]
async fn a_size_from_before_a_rotation_is_signed_by_the_key_of_then() {
    let audited = Audited::begin().await;
    let ledger = audited.ledger();
    let first = audited.seal().await;
    audited.sealer.rotate(ledger, 1).await.unwrap();
    audited.node.bench.wallet().await;
    audited.seal().await;
    let early = first.head.size - 3;
    let signed = audited.sealer.seal_at(ledger, early).await.unwrap();
    assert_eq!((signed.key_number, signed.checkpoint.head.size), (1, early));
    let keys = audited.sealer.store().keys(ledger).await.unwrap();
    let chain = KeyChain::new(vec![keys[0].key.clone()], &records_of(&keys));
    let by = chain.check(&signed.checkpoint.note, early).unwrap();
    assert_eq!(by, &keys[0].key);
    // At the size of the rotation, the new one signs.
    let at = audited.sealer.seal_at(ledger, first.head.size).await;
    assert_eq!(at.unwrap().key_number, 2);
    let beyond = audited.sealer.seal_at(ledger, 1_000_000).await;
    assert!(matches!(beyond, Err(SealError::Size { .. })), "{beyond:?}");
}

/// A page that ended between the two would be followed by one that leaves the second out.
#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_of_one_size_by_two_keys_are_on_one_page() {
    let audited = Audited::begin().await;
    let ledger = audited.ledger();
    let early = audited.seal().await;
    audited.node.bench.wallet().await;
    audited.seal().await;
    audited.sealer.rotate(ledger, 1).await.unwrap();
    let store = audited.sealer.store();
    let page = store.checkpoints(ledger, None, 1).await.unwrap();
    let keys: Vec<i32> = page.iter().map(|one| one.key_number).collect();
    assert_eq!(keys, [2, 1]);
    let below = i64::try_from(page[1].checkpoint.head.size).unwrap();
    let next = store.checkpoints(ledger, Some(below), 1).await.unwrap();
    assert_eq!(next[0].checkpoint, early);
    // In the order of signing there are three, and nothing behind the last.
    let signed = store.signed_after(ledger, 0, 10).await.unwrap();
    assert_eq!(signed.len(), 3);
    assert!(signed.is_sorted_by_key(|one| one.number));
    let last = signed[2].number;
    assert_eq!(store.signed_after(ledger, last, 10).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_node_adds_under_the_old_master_key_is_counted_and_wrapped() {
    let audited = Audited::begin().await;
    audited.seal().await;
    let old = std::sync::Arc::clone(&audited.master_key);
    let new = std::sync::Arc::new(crate::harness::node::master_key());
    let kept = daybook::node::PersonKeys::Kept {
        previous: vec![std::sync::Arc::clone(&old)],
    };
    let master_keys = kept.master_keys(&new).unwrap();
    let store = audited.sealer.store();
    assert_eq!(store.behind(&*master_keys).await.unwrap(), 1);
    assert_eq!(store.rewrap(&*master_keys).await.unwrap(), 1);
    assert_eq!(store.behind(&*master_keys).await.unwrap(), 0);
    // A node that was not restarted yet, and knows both: only what it adds is under the old one.
    let both = daybook::node::PersonKeys::Kept {
        previous: vec![new],
    };
    let settings = SealSettings::default();
    let late = Sealer::new(
        audited.node.database.pool(),
        both.master_keys(&old),
        settings,
    );
    late.rotate(audited.ledger(), 1).await.unwrap();
    assert_eq!(store.behind(&*master_keys).await.unwrap(), 1);
    assert_eq!(store.rewrap(&*master_keys).await.unwrap(), 1);
    assert_eq!(store.behind(&*master_keys).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_cannot_change_what_is_sealed() {
    let audited = Audited::begin().await;
    audited.seal().await;
    let pool = audited.node.database.pool();
    for attempt in [
        "UPDATE audit.checkpoint SET note = ''",
        "DELETE FROM audit.checkpoint",
        "DELETE FROM audit.log",
        "UPDATE audit.log SET size = 0",
        "UPDATE audit.tile SET hashes = hashes",
        "DELETE FROM audit.tile",
        "DELETE FROM audit.key",
        "UPDATE audit.key SET after_size = 7",
        "TRUNCATE audit.checkpoint CASCADE",
        "TRUNCATE audit.cosignature",
    ] {
        let refused = pool.execute(attempt).await;
        assert!(refused.is_err(), "{attempt}");
    }
}
