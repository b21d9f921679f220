//! What is a customer's own, and what does not exist for them.

use serde_json::json;

use super::support::Doors;

#[tokio::test(flavor = "multi_thread")]
async fn from_registering_to_a_transfer_of_ones_own_money() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let me = doors.get("/v1/me", &asha.access).await.expect(200);
    assert_eq!(me.body["subject"], asha.subject());
    assert_eq!(me.body["roles"], json!([{ "role": "customer" }]));
    let owner = me.body["owner"].as_str().unwrap();

    let wallet = json!({ "owner": owner });
    let wallet = doors
        .post(&doors.at("/wallets"), &asha.access, wallet)
        .await;
    let wallet = wallet.expect(201).id();
    let transfer = |source: String, destination: String| {
        json!({ "postings": [{ "source": source, "destination": destination,
                               "asset": "INR", "amount": "10.00" }] })
    };
    let funding = transfer("system:cash".to_owned(), format!("wallet:{wallet}"));
    let transactions = doors.at("/transactions");
    let refused = doors
        .post(&transactions, &asha.access, funding.clone())
        .await;
    assert_eq!(refused.expect(403).body["code"], "forbidden");
    doors
        .post(&transactions, &doors.admin, funding)
        .await
        .expect(201);
    let spending = transfer(format!("wallet:{wallet}"), "system:fees".to_owned());
    let spent = doors
        .post(&transactions, &asha.access, spending)
        .await
        .expect(201);

    let position = spent.position();
    let path = doors.at(&format!(
        "/wallets/{wallet}/accounts?min_position={position}"
    ));
    let accounts = doors.get(&path, &asha.access).await.expect(200);
    assert_eq!(accounts.body["items"][0]["balance"], "0.00");
    let event = doors.get(&doors.at("/events?after=0"), &doors.admin).await;
    let event = event.body.to_string();
    assert!(
        event.contains(&format!("person:{}", asha.person)),
        "{event}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_customers_things_do_not_exist() {
    let doors = Doors::open().await;
    let (asha, ravi) = (
        doors.customer("asha@example.org").await,
        doors.customer("ravi@example.org").await,
    );
    let wallets = doors.at("/wallets");
    let own = json!({ "owner": asha.person });
    let wallet = doors
        .post(&wallets, &asha.access, own.clone())
        .await
        .expect(201)
        .id();
    let refused = doors.post(&wallets, &ravi.access, own).await;
    assert_eq!(refused.expect(403).body["code"], "forbidden");
    for path in [
        format!("/wallets/{wallet}"),
        format!("/wallets/{wallet}/accounts"),
        format!("/wallets/{wallet}/statement"),
        format!("/accounts/wallet:{wallet}:INR"),
        format!("/accounts/wallet:{wallet}:INR/statement"),
        format!("/owners/{}/statistics", asha.person),
    ] {
        let path = doors.at(&path);
        let seen = doors.get(&path, &ravi.access).await;
        assert_eq!(seen.status, 404, "{path}: {}", seen.body);
        let own = doors.get(&path, &asha.access).await;
        assert!([200, 404].contains(&own.status), "{path}: {}", own.body);
    }
    for path in [
        format!("/wallets?owner={}", asha.person),
        "/wallets".to_owned(),
        format!("/transactions?holder=wallet:{wallet}"),
        "/transactions".to_owned(),
        format!("/holds?source=wallet:{wallet}"),
        format!("/wallets?owner={}&owner={}", ravi.person, asha.person),
        "/events".to_owned(),
        "/trial-balance".to_owned(),
        "/stream/events".to_owned(),
    ] {
        let path = doors.at(&path);
        let seen = doors.get(&path, &ravi.access).await;
        assert!([400, 403].contains(&seen.status), "{path}: {}", seen.body);
    }
    let path = doors.at(&format!("/wallets?owner={}", asha.person));
    doors.get(&path, &asha.access).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_give_themselves_no_credit_and_change_no_past() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let wallets = doors.at("/wallets");
    let with_credit = json!({ "owner": asha.person, "overdrafts": [
        { "asset": "INR", "policy": "up_to", "amount": "1000.00" }
    ] });
    let refused = doors
        .post(&wallets, &asha.access, with_credit.clone())
        .await;
    assert_eq!(refused.expect(403).body["code"], "forbidden");
    doors
        .post(&wallets, &doors.admin, with_credit)
        .await
        .expect(201);
    let own = json!({ "owner": asha.person });
    let wallet = doors
        .post(&wallets, &asha.access, own)
        .await
        .expect(201)
        .id();
    let transfer = |source: &str, destination: &str| {
        json!({ "postings": [{ "source": source, "destination": destination,
                               "asset": "INR", "amount": "10.00" }] })
    };
    let holder = format!("wallet:{wallet}");
    let transactions = doors.at("/transactions");
    let funding = transfer("system:cash", &holder);
    doors
        .post(&transactions, &doors.admin, funding)
        .await
        .expect(201);
    let mut past = transfer(&holder, "system:fees");
    past["effective_at"] = json!("2020-01-01T00:00:00Z");
    let refused = doors.post(&transactions, &asha.access, past.clone()).await;
    assert_eq!(refused.expect(403).body["code"], "forbidden");
    let batch = json!({ "atomicity": "independent", "transactions": [
        transfer(&holder, "system:fees"), transfer("system:cash", &holder)
    ] });
    let path = doors.at("/transactions/batch");
    let refused = doors.post(&path, &asha.access, batch).await;
    assert_eq!(refused.expect(403).body["code"], "forbidden");
    let path = format!("{transactions}?dry_run=true");
    doors
        .post(&path, &asha.access, transfer("system:cash", &holder))
        .await
        .expect(403);
    doors
        .post(&transactions, &doors.admin, past)
        .await
        .expect(201);
    let hold = json!({ "source": "system:cash", "destination": holder, "asset": "INR",
                       "amount": "1.00" });
    doors
        .post(&doors.at("/holds"), &asha.access, hold)
        .await
        .expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_has_just_done_is_theirs_to_see() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let own = json!({ "owner": asha.person });
    let wallet = doors
        .post(&doors.at("/wallets"), &asha.access, own)
        .await
        .expect(201)
        .id();
    let holder = format!("wallet:{wallet}");
    let postings = json!({ "postings": [{ "source": "system:cash", "destination": holder,
                                          "asset": "INR", "amount": "10.00" }] });
    let posted = doors
        .post(&doors.at("/transactions"), &doors.admin, postings)
        .await;
    let posted = posted.expect(201).id();
    let path = doors.at(&format!("/transactions/{posted}"));
    doors.get(&path, &asha.access).await.expect(200);
    let hold = json!({ "source": holder, "destination": "system:fees", "asset": "INR",
                       "amount": "1.00" });
    let hold = doors
        .post(&doors.at("/holds"), &asha.access, hold)
        .await
        .expect(201)
        .id();
    doors
        .get(&doors.at(&format!("/holds/{hold}")), &asha.access)
        .await
        .expect(200);
    for path in [
        "/wallets/nonsense",
        "/accounts/nonsense",
        "/transactions/x",
        "/holds/x",
    ] {
        doors.get(&doors.at(path), &asha.access).await.expect(404);
    }
}
