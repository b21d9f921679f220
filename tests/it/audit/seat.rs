//! The auditor's seat: one person who sees the whole of their ledger, nothing of another, and changes nothing.

use identity::permission::{Permission, Role};
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::matrix::operations;
use crate::harness::node::new_ledger_name;
use crate::personal::support::{EMAIL, NAME, Office, everything};

/// Everything that is for the auditor, below the ledger.
fn seat(wallet: &str, transaction: &str) -> Vec<String> {
    let account = format!("wallet:{wallet}:INR");
    let time = "2030-01-01T00:00:00Z";
    [
        "/events?after=0",
        "/events?after=0&event_type=TransactionPosted",
        &format!("/events?after=0&wallet={wallet}"),
        &format!("/aggregates/wallet/{wallet}?position=3"),
        &format!("/aggregates/transaction/{transaction}?recorded_at={time}"),
        &format!("/accounts/{account}/balance?effective_at={time}&recorded_at={time}"),
        &format!("/accounts/{account}/statement?recorded_at={time}"),
        &format!("/accounts/{account}/explanation"),
        &format!("/trial-balance?effective_at={time}&recorded_at={time}"),
        "/checkpoints",
        "/checkpoint-keys",
        "/log/checkpoint",
        "/log/tile/0/000.p/1",
        "/events/1/proof",
        "/consistency-proof?from=1&to=2",
        "/books?format=beancount",
        "/books?format=hledger",
        "/books?format=csv",
        "/books?format=parquet",
        "/forks",
        "/payouts",
        "/deposits",
        "/cases",
        "/onboardings",
    ]
    .map(str::to_owned)
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_the_whole_of_their_ledger_and_changes_nothing() {
    let office = Office::open().await;
    let doors = &office.doors;
    office
        .record(&office.asha.access, everything())
        .await
        .expect(200);
    let body = json!({ "owner": office.asha.person });
    let wallet = doors.post(&doors.at("/wallets"), &doors.admin, body).await;
    let wallet = wallet.expect(201).id();
    let body = json!({ "postings": [{ "source": "system:cash", "asset": "INR", "amount": "10.00",
        "destination": format!("wallet:{wallet}") }] });
    let posted = doors
        .post(&doors.at("/transactions"), &doors.admin, body)
        .await;
    let transaction = posted.expect(201).id();
    let sealed = doors
        .post(&doors.at("/checkpoints"), &doors.admin, json!({}))
        .await;
    sealed.expect(200);
    let other = new_ledger_name();
    let opened = doors
        .post("/v1/ledgers", &doors.admin, json!({ "name": other }))
        .await;
    opened.expect(201);

    let auditor = doors.customer("ada@example.org").await;
    let given = doors
        .give_role(&auditor.subject(), "auditor", Some(&doors.node.ledger))
        .await;
    assert!(given.status < 300, "{given:?}");
    let ada = &auditor.access;
    let head = || async {
        let ledger = doors.get(&doors.at(""), &doors.admin).await.expect(200);
        ledger.body["position"].clone()
    };
    let before = head().await;
    let mut wrong = Vec::new();
    for path in seat(&wallet, &transaction) {
        let url = doors.node.url(&doors.at(&path));
        let reply = doors.node.client.get(url).bearer_auth(ada).send().await;
        let reply = reply.unwrap();
        let (status, body) = (reply.status().as_u16(), reply.bytes().await.unwrap());
        let text = String::from_utf8_lossy(&body);
        if status != 200 || text.contains(NAME) || text.contains(EMAIL) {
            wrong.push(format!("{path}: {status} {text}"));
        }
        let elsewhere = format!("/v1/ledgers/{other}{path}");
        let refused = doors.get(&elsewhere, ada).await;
        if ![403, 404].contains(&refused.status) {
            wrong.push(format!("{elsewhere}: {}", refused.status));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    // Whatever would change something is refused, and has changed nothing. As everybody is, they are a customer too,
    // who is asked for more where it would be about what is their own.
    for operation in operations(doors).await {
        let Ok(permission) = operation.permission.parse::<Permission>() else {
            continue;
        };
        if operation.method == Method::GET {
            continue;
        }
        let method = operation.method.clone();
        let reply = doors
            .call(method, &operation.path, Some(ada), Some(json!({})))
            .await;
        let is_refused = match permission.reach_of(Role::Customer) {
            None => reply.status == 403,
            Some(_) => (400..500).contains(&reply.status),
        };
        assert!(is_refused, "{}: {reply:?}", operation.id);
    }
    assert_eq!(head().await, before);

    // They do not see who a person is; who did is on record, and that they see where they audit everything.
    assert_eq!(office.read(ada).await.expect(404).code(), "owner_not_found");
    office.read(&office.meera.access).await.expect(200);
    let path = format!("/v1/access-records?about={}", office.asha.subject());
    let records = doors.get(&path, &doors.admin).await.expect(200).body;
    let looked = |record: &&Value| {
        record["kind"] == "profile_read" && record["actor"] == office.meera.subject().as_str()
    };
    assert_eq!(
        records["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(looked)
            .count(),
        1
    );
}
