//! An erased person is nowhere any more: not in a row, not in a message, not in a log.

use projections::ReadModelName;
use projections::rebuild::rebuild;
use projections::verify::verify;
use reqwest::Method;
use serde_json::{Value, json};

use super::search::{ACCOUNT, found};
use super::support::{EMAIL, HOME, NAME, PHONE, everything};
use super::town::{Resident, Town};
use crate::access::support::PASSWORD;
use crate::realtime::support::Client;

const PROVIDERS: [&str; 3] = ["razorpay", "stripe", "payu"];

/// Somebody else, whom nobody erases.
fn ravi() -> Value {
    json!({ "name": "Ravi Kumar", "email": "ravi.kumar@example.org", "phone": "+919000090001" })
}

/// She says who she is and where her money goes, pays at three providers, and begins to pay once more. Others
/// do too.
async fn live(town: &Town, asha: &Resident) {
    let profile = town.at(&format!("/owners/{}/profile", asha.person));
    town.post(&profile, &asha.access, everything()).await;
    let body = json!({ "kind": "bank_account", "holder_name": NAME, "account_number": ACCOUNT,
                       "routing_code": "HDFC0000001" });
    let beneficiaries = town.at(&format!("/wallets/{}/beneficiaries", asha.wallet));
    town.post(&beneficiaries, &asha.access, body).await;
    let address = json!({ "email": EMAIL });
    let path = "/v1/me/addresses";
    let added = town.call(Method::POST, path, &asha.access, address).await;
    assert!(added.0 < 500, "{added:?}");
    let payer = json!({ "name": NAME, "email": EMAIL, "phone": PHONE });
    let wallet_of_ravi = town.wallet("ravi", &town.admin).await;
    for provider in PROVIDERS {
        town.paid(&asha.wallet, provider, &payer).await;
        town.paid(&wallet_of_ravi, provider, &ravi()).await;
    }
    town.deposit(&asha.wallet, "payu", &payer).await;
    for person in [payer, ravi()] {
        town.hear_of_customer(&person).await;
    }
    town.settled().await;
}

/// The looking finds what is there, and only where it may be.
async fn look_before(town: &Town, asha: &Resident) {
    let profile = town.at(&format!("/owners/{}/profile", asha.person));
    let seen = town.get(&profile, &town.compliance).await;
    assert_eq!(
        (&seen["name"], &seen["address"]),
        (&json!(NAME), &json!(HOME))
    );
    loop {
        if searched(town).await == json!([asha.person]) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let held = found(&town.rows().await);
    for place in ["identity.", "workflows.checkout"] {
        assert!(held.iter().any(|found| found.starts_with(place)), "{place}");
    }
    let mut elsewhere = held.iter();
    let elsewhere = elsewhere
        .find(|found| !found.starts_with("identity.") && !found.starts_with("workflows.checkout "));
    assert_eq!(elsewhere, None);
    let told = found(&town.kept_content().await);
    for provider in PROVIDERS {
        assert!(
            told.iter().any(|told| told.starts_with(provider)),
            "{provider} tells nothing"
        );
    }
    assert!(
        told.iter()
            .any(|told| told.starts_with("stripe's customer.updated"))
    );
}

async fn searched(town: &Town) -> Value {
    let search = town.at("/profile-searches");
    let body = json!({ "phone": PHONE });
    town.post(&search, &town.compliance, body).await["owners"].take()
}

/// All that is written in the log, byte for byte.
async fn stored(town: &Town) -> Vec<(i64, String, String)> {
    sqlx::query_as(
        "SELECT position, payload::text, metadata::text FROM daybook.events WHERE ledger = $1 \
         ORDER BY position",
    )
    .bind(&town.ledger)
    .fetch_all(town.pool())
    .await
    .unwrap()
}

async fn connect(town: &Town) -> Client {
    let ticket = town
        .post("/v1/stream-tickets", &town.admin, Value::Null)
        .await;
    let ticket = ticket["ticket"].as_str().unwrap();
    let stream = format!(
        "{}/v1/ledgers/{}/stream?ticket={ticket}",
        town.program.url, town.ledger
    );
    let mut client = Client::connect(&stream.replacen("http", "ws", 1)).await;
    client.expect("welcome").await;
    client.resume("ledger", 0).await;
    client
}

/// What a client hears up to a position.
async fn heard(mut client: Client, head: i64) -> Vec<(String, String)> {
    let mut heard = Vec::new();
    loop {
        let event = client.expect("event").await;
        heard.push(("WebSocket".to_owned(), event.to_string()));
        if event["position"].as_i64().unwrap() >= head {
            return heard;
        }
    }
}

/// All that is told of her from now on.
async fn look_after(town: &Town, asha: &Resident) -> Vec<(String, String)> {
    let profile = town.at(&format!("/owners/{}/profile", asha.person));
    let mut texts = town.rows().await;
    texts.extend(town.kept_content().await);
    // They are sealed, and would not be found.
    let destinations = "SELECT count(*) FROM identity.destination";
    let destinations: i64 = sqlx::query_scalar(destinations)
        .fetch_one(town.pool())
        .await
        .unwrap();
    assert_eq!(destinations, 0);
    let path = town.at("/events");
    let (_, lines) = town
        .call(Method::GET, &path, &town.admin, Value::Null)
        .await;
    let marks: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["personal"].clone())
        .filter(|mark| !mark.is_null())
        .collect();
    assert_eq!(marks, [json!("erased")]);
    texts.push(("the replay".to_owned(), lines));
    let seen = town.get(&profile, &town.compliance).await;
    assert_eq!(seen["status"], "erased");
    texts.push(("the profile".to_owned(), seen.to_string()));
    for path in [town.at("/deposits"), "/v1/webhook-deliveries".to_owned()] {
        let seen = town.get(&path, &town.admin).await;
        texts.push((path, seen.to_string()));
    }
    assert_eq!(searched(town).await, json!([]));
    let body = json!({ "phone": PHONE, "password": PASSWORD });
    let (status, _) = town.call(Method::POST, "/v1/sessions", "", body).await;
    assert_eq!(status, 401, "nobody signs in as her");
    let path = town.at("/wallets");
    let (status, _) = town
        .call(Method::GET, &path, &asha.access, Value::Null)
        .await;
    assert_eq!(status, 401, "her session has ended");
    texts
}

/// Nothing is missing that was proved before.
async fn prove(town: &Town) {
    let before = town.read_models().await;
    for name in ReadModelName::ALL {
        rebuild(&town.database.database, name, &mut |_| {})
            .await
            .unwrap();
    }
    let after = town.read_models().await;
    for (table, rows) in &before {
        assert_eq!(Some(rows), after.get(table), "{table}");
    }
    let ledger = town.ledger.parse().unwrap();
    verify(&town.database.database, ledger, &mut |_| {})
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_nowhere_any_more() {
    let mut town = Town::open().await;
    let asha = town.resident().await;
    live(&town, &asha).await;
    look_before(&town, &asha).await;
    let (listening, written) = (connect(&town).await, stored(&town).await);

    let erase = town.at(&format!("/owners/{}/profile/erase", asha.person));
    let body = json!({ "reason": "requested" });
    let erased = town.post(&erase, &town.compliance, body).await;
    town.erased(erased["position"].as_i64().unwrap()).await;
    // Life goes on: the wallet is there and money moves, and the payer that a page is asked for with is not kept.
    let payer = json!({ "name": NAME, "email": EMAIL, "phone": PHONE });
    town.deposit(&asha.wallet, "payu", &payer).await;
    let funds = json!({ "postings": [{ "source": "system:cash", "asset": "INR", "amount": "10.00",
                                       "destination": format!("wallet:{}", asha.wallet) }] });
    let paid = town
        .post(&town.at("/transactions"), &town.admin, funds)
        .await;
    let head = paid["position"].as_i64().unwrap();

    let mut texts = look_after(&town, &asha).await;
    let of_ravi = texts.iter().filter(|(_, text)| text.contains("ravi.kumar"));
    let of_ravi: Vec<&str> = of_ravi.map(|(place, _)| place.as_str()).collect();
    assert!(of_ravi.contains(&"workflows.checkout"), "{of_ravi:?}");
    for provider in PROVIDERS {
        assert!(
            of_ravi.iter().any(|place| place.starts_with(provider)),
            "{of_ravi:?}"
        );
    }
    assert!(
        of_ravi.contains(&"stripe's customer.updated"),
        "{of_ravi:?}"
    );
    let published = town.messages(head).await;
    assert!(published.iter().any(|(_, text)| text.contains("withheld")));
    assert!(!published.iter().any(|(_, text)| text.contains("sealed")));
    texts.extend(published);
    for client in [listening, connect(&town).await] {
        texts.extend(heard(client, head).await);
    }
    prove(&town).await;
    texts.extend(town.rows().await);
    let unchanged = stored(&town).await;
    assert_eq!(unchanged[..written.len()], written);
    texts.push((
        "the log of the program".to_owned(),
        town.program.stop().await,
    ));
    let log = &texts.last().unwrap().1;
    assert!(log.lines().count() > 200 && log.contains("request answered"));
    assert_eq!(found(&texts), Vec::<String>::new());
}

/// The program dies when the key is destroyed and the sign-in is not yet forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_is_half_done_goes_on_with_the_next_start() {
    let mut town = Town::open().await;
    let asha = town.resident().await;
    let profile = town.at(&format!("/owners/{}/profile", asha.person));
    town.post(&profile, &asha.access, everything()).await;
    let mut held = town.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE identity.address IN SHARE MODE")
        .execute(&mut *held)
        .await
        .unwrap();
    let body = json!({ "reason": "requested" });
    let erase = format!("{profile}/erase");
    let erased = town.post(&erase, &town.compliance, body.clone()).await;
    let tombstone = erased["position"].as_i64().unwrap();
    town.until(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND relation = 'identity.address'::regclass)",
    )
    .await;
    town.program.kill().await;
    held.rollback().await.unwrap();
    let left = "SELECT count(*) FROM identity.address";
    let left: i64 = sqlx::query_scalar(left)
        .fetch_one(town.pool())
        .await
        .unwrap();
    assert_eq!(left, 1, "nothing was half done");
    let keys = "SELECT count(*) FROM personal.data_key WHERE wrapped IS NOT NULL";
    let keys: i64 = sqlx::query_scalar(keys)
        .fetch_one(town.pool())
        .await
        .unwrap();
    assert_eq!(keys, 0, "the key was destroyed first");

    town.restart().await;
    town.erased(tombstone).await;
    let (status, answer) = town
        .call(Method::POST, &profile, &town.admin, everything())
        .await;
    assert_eq!(status, 403, "{answer}");
    let again = town.post(&erase, &town.compliance, body).await;
    assert!(again["position"].as_i64().unwrap() >= tombstone);
    let mut texts = town.rows().await;
    let log = town.program.stop().await;
    texts.push(("the log of the program".to_owned(), log));
    assert_eq!(found(&texts), Vec::<String>::new());
}
