//! A fork tells nothing of persons, and stands in nobody's way when one is erased.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::support::{fork, request};
use crate::access::support::PASSWORD;
use crate::harness::rows::every_row;
use crate::personal::support::{EMAIL, HOME, NAME, Office, PHONE, everything};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_of_a_person_in_a_fork_and_erasing_them_forgets_them_everywhere() {
    let office = Office::open().await;
    let (doors, asha) = (&office.doors, &office.asha);
    let recorded = office.record(&asha.access, everything()).await.expect(200);
    let pool = doors.node.node.database.pool();
    let name = format!("fork_{}", office.ledger());
    let asked = sandbox::ForkRequest {
        source: office.ledger(),
        ..request(&name, recorded.position(), sandbox::Rules::default())
    };
    let built = fork(pool, &asked).await;
    assert_eq!(built.outcomes(), Vec::<String>::new());
    let path = format!("/v1/ledgers/{name}/owners/{}/profile", asha.person);
    let in_fork = doors
        .get(&path, &office.meera.access)
        .await
        .expect(200)
        .body;
    for told in [NAME, EMAIL, PHONE, HOME] {
        assert!(!in_fork.to_string().contains(told), "{in_fork}");
    }
    // Nothing can be added either, and trying makes no key.
    let refused = doors.post(&path, &office.meera.access, everything()).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM personal.data_key WHERE ledger = $1")
        .bind(&name)
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(keys, 0);
    doors.get(&path, &office.meera.access).await.expect(200);

    office
        .erase(json!({ "reason": "requested" }))
        .await
        .expect(200);
    // The account to sign in with is forgotten when nothing is known of the person in any ledger: forks are none.
    for attempt in 0.. {
        let signed_in = doors.sign_in("asha@example.org", PASSWORD).await;
        if signed_in.status != 200 {
            break;
        }
        assert!(attempt < 500, "the fork keeps the person known");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let mut owner = PgConnection::connect(&doors.node.database_url)
        .await
        .unwrap();
    for (table, row) in every_row(&mut owner).await {
        for told in [NAME, EMAIL, PHONE] {
            assert!(!row.contains(told), "{table} tells {told}");
        }
    }
}
