//! Keys: wrapped anew, destroyed for good, and never there without an end.

use std::sync::Arc;
use std::time::Duration;

use daybook::cli::Role as Part;
use daybook::node::PersonKeys;
use event_store::vault::{PersonKey, Vault};
use identity::secret::MasterKey;
use ledger_core::profile::{CasesInReview, ErasureReason, ProfileAction};
use ledger_core::{Command, Stream};
use serde_json::json;
use sqlx::PgPool;

use super::support::{EMAIL, NAME, Office, everything};
use crate::access::support::Doors;
use crate::harness::node::{TestNode, master_key};
use crate::harness::submission;

async fn wrapped(pool: &PgPool) -> Vec<(String, Option<String>, Option<Vec<u8>>)> {
    sqlx::query_as("SELECT ledger, master_key, wrapped FROM personal.data_key ORDER BY 1")
        .fetch_all(pool)
        .await
        .unwrap()
}

/// The keys of persons as a node with these master keys has them.
pub fn vault(pool: &PgPool, key: &Arc<MasterKey>, previous: &[Arc<MasterKey>]) -> Vault {
    let keys = PersonKeys::Kept {
        previous: previous.to_vec(),
    };
    keys.vault(pool, key).unwrap()
}

/// The event that was recorded first of Asha, opened.
async fn opened(office: &Office, vault: &Vault) -> Option<String> {
    let log = event_store::LogReader::new(office.doors.node.node.database.pool().clone());
    let stream = Stream::Profile(office.owner().key());
    let mut events = log.stream(office.ledger(), stream).await.unwrap();
    let event = events.first_mut().unwrap();
    vault.open_event(office.ledger(), event).await.ok()?;
    let fields = event.event.personal_fields();
    let (_, name) = fields.iter().find(|(field, _)| *field == "name")?;
    name.clear_text().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_wrapped_anew_under_another_master_key() {
    let office = Office::open().await;
    let pool = office.doors.node.node.database.pool();
    office
        .record(&office.asha.access, everything())
        .await
        .expect(200);
    let found = json!({ "email": EMAIL });
    office
        .until_found(&found, json!([office.asha.person]))
        .await;
    let old = Arc::clone(&office.doors.node.master_key);
    let new = Arc::new(master_key());

    // Whoever has the new key alone can open nothing yet.
    let alone = vault(pool, &new, &[]);
    assert_eq!(opened(&office, &alone).await, None);
    let rotating = vault(pool, &new, std::slice::from_ref(&old));
    assert_eq!(opened(&office, &rotating).await.as_deref(), Some(NAME));
    assert_eq!(rotating.behind().await.unwrap(), 2);
    let [one, other] = [rotating.clone(), rotating.clone()]
        .map(|vault| async move { vault.rotate().await.unwrap().rewrapped });
    let (one, other) = tokio::join!(one, other);
    assert_eq!(one + other, 2);
    assert_eq!(rotating.behind().await.unwrap(), 0);
    assert_eq!(rotating.rotate().await.unwrap().rewrapped, 0);
    assert_eq!(opened(&office, &alone).await.as_deref(), Some(NAME));
    let old_alone = vault(pool, &old, &[]);
    assert_eq!(opened(&office, &old_alone).await, None);
    let kind = event_store::vault::LookupKind::Email;
    let found = alone.find(office.ledger(), kind, EMAIL).await.unwrap();
    let hers = std::slice::from_ref(&office.asha.person);
    assert_eq!(found, hers, "hashes stay what they are");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_key_stays_destroyed() {
    let office = Office::open().await;
    let pool = office.doors.node.node.database.pool();
    let vault = vault(pool, &office.doors.node.master_key, &[]);
    let (ledger, person) = (office.ledger(), office.owner().key());
    let made = vault.key_to_seal(ledger, person).await.unwrap();
    assert!(matches!(made, PersonKey::Usable(_)));
    vault.destroy(ledger, person).await.unwrap();
    vault.destroy(ledger, person).await.unwrap();
    let again = vault.key_to_seal(ledger, person).await.unwrap();
    assert!(matches!(again, PersonKey::Destroyed));
    assert!(vault.key_to_open(ledger, person).await.unwrap().is_none());
    // Of somebody who never had one, too.
    let other = "nobody-yet".parse::<ledger_core::OwnerId>().unwrap().key();
    vault.destroy(ledger, other).await.unwrap();
    let never = vault.key_to_seal(ledger, other).await.unwrap();
    assert!(matches!(never, PersonKey::Destroyed));
    for statement in [
        "UPDATE personal.data_key SET master_key = 'x', wrapped = 'x', destroyed_at = NULL",
        "DELETE FROM personal.data_key",
    ] {
        assert!(
            sqlx::query(statement).execute(pool).await.is_err(),
            "{statement}"
        );
    }
    assert!(
        wrapped(pool)
            .await
            .iter()
            .all(|(_, _, wrapped)| wrapped.is_none())
    );
}

/// Eight make the first key of a person at once, and one destroys it: all who got one got the same, and
/// nobody gets one afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_person_has_one_key_and_then_none() {
    let office = Office::open().await;
    let pool = office.doors.node.node.database.pool();
    let vault = vault(pool, &office.doors.node.master_key, &[]);
    let ledger = office.ledger();
    for round in 0..10 {
        let owner: ledger_core::OwnerId = format!("owner-{round}").parse().unwrap();
        let person = owner.key();
        let asks = (0..8).map(|number| {
            let vault = vault.clone();
            tokio::spawn(async move {
                if number == 7 {
                    vault.destroy(ledger, person).await.unwrap();
                    return None;
                }
                match vault.key_to_seal(ledger, person).await.unwrap() {
                    PersonKey::Usable(key) => Some(format!("{key:?}")),
                    PersonKey::Destroyed => None,
                }
            })
        });
        let got = futures_util::future::join_all(asks).await;
        let mut keys: Vec<String> = got.into_iter().filter_map(Result::unwrap).collect();
        keys.dedup();
        assert!(keys.len() <= 1, "{keys:?}");
        let after = vault.key_to_seal(ledger, person).await.unwrap();
        assert!(matches!(after, PersonKey::Destroyed));
    }
}

/// A process that dies between the tombstone and the key leaves the rest to whoever follows the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_destroyed_by_the_next_node_that_follows_the_log() {
    let doors = Doors::configured(|options, _| {
        options.roles.retain(|role| *role != Part::Worker);
    })
    .await;
    let office = Office::of(doors).await;
    let pool = office.doors.node.node.database.pool();
    office
        .record(&office.asha.access, everything())
        .await
        .expect(200);
    let erase = Command::Profile {
        owner: office.owner(),
        action: Box::new(ProfileAction::Erase {
            reason: ErasureReason::Requested,
            cases: Vec::new(),
            in_review: CasesInReview::Prevent,
            by: "person:meera".parse().unwrap(),
        }),
    };
    let executors = &office.doors.node.node.executors;
    let outcome = executors.submit(office.ledger(), submission(erase)).await;
    assert_eq!(outcome.unwrap().refusal(), None);
    assert!(wrapped(pool).await[0].2.is_some(), "nobody follows the log");
    // Whoever asks is told from the tombstone on.
    let seen = office.read(&office.meera.access).await.expect(200).body;
    assert_eq!(seen["status"], "erased");
    assert_eq!(seen.get("name"), None);

    let worker = office.doors.another_node().await;
    let destroyed = async {
        while wrapped(pool).await[0].2.is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), destroyed)
        .await
        .unwrap();
    worker.stop().await;
}

/// A deployment whose master key passes with the process takes nothing that it could not open again.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_master_key_that_is_kept_nothing_personal_is_taken() {
    let doors = Doors::with(|access| access.person_keys = PersonKeys::None).await;
    let office = Office::of(doors).await;
    let refused = office.record(&office.asha.access, everything()).await;
    assert_eq!(refused.expect(503).code(), "personal_data_unavailable");
    let node: &TestNode = &office.doors.node;
    let events: i64 =
        sqlx::query_scalar("SELECT count(*) FROM daybook.events WHERE aggregate_type = 'profile'")
            .fetch_one(node.node.database.pool())
            .await
            .unwrap();
    assert_eq!(events, 0);
}

/// Two nodes: one erases while the other records. Nothing recorded outlives the tombstone.
#[tokio::test(flavor = "multi_thread")]
async fn race_nothing_is_recorded_after_an_erasure() {
    let office = Office::open().await;
    let other = office.doors.another_node().await;
    let service = office
        .doors
        .node
        .key(&[identity::permission::Role::Service])
        .await;
    for round in 0..10 {
        let owner = format!("racer-{round}");
        let path = office.path_of(&owner);
        office
            .doors
            .post(&path, &service, json!({ "name": NAME }))
            .await
            .expect(200);
        let record = || {
            let url = format!("http://{}{path}", other.address);
            let request = office.doors.node.client.post(url).bearer_auth(&service);
            office
                .doors
                .node
                .send(request.json(&json!({ "phone": "+919812345670" })))
        };
        let erase_path = format!("{path}/erase");
        let erase = office.doors.post(
            &erase_path,
            &office.meera.access,
            json!({ "reason": "requested" }),
        );
        let records = futures_util::future::join_all((0..6).map(|_| record()));
        let (erased, recorded) = tokio::join!(erase, records);
        let tombstone = erased.expect(200).position();
        for reply in recorded {
            match reply.status {
                200 => assert!(reply.position() < tombstone, "{reply:?}"),
                409 => assert_eq!(reply.code(), "profile_erased"),
                _ => panic!("{reply:?}"),
            }
        }
        let late = record().await;
        assert_eq!(late.expect(409).code(), "profile_erased");
    }
    other.stop().await;
}
