//! The Instamojo simulator, spoken to by Instamojo's own Python client.

use connectors::gateways::{CheckoutLookup, Gateway, PaymentStatus, RefundLookup, Reported};
use connectors::simulators::instamojo::InstamojoSimulator;
use connectors::simulators::{Fault, PayerChoice};
use serde_json::{Value, json};

use super::client;
use super::instamojo_support::{API_KEY, AUTH_TOKEN, By, checkout, instamojo, paid};
use super::receiver::{Receiver, open};
use super::support::{reference, rupees};

async fn carried_out(simulator: &InstamojoSimulator, token: &str, operations: Value) -> Vec<Value> {
    let endpoint = format!("{}/api/1.1/", simulator.url());
    let arguments = [endpoint.as_str(), API_KEY, token];
    client::carried_out("instamojo_client.py", &arguments, operations).await
}

#[tokio::test]
async fn what_the_client_asks_for_the_adapter_finds() {
    let (simulator, gateway) = instamojo(By::Keys).await;
    let receiver = Receiver::start().await;
    let create = json!(["payment_request_create", {
        "purpose": "FIFA client-1__",
        "amount": "250",
        "buyer_name": "Asha Rao",
        "email": "asha@example.org",
        "phone": "+919876543210",
        "send_email": true,
        "redirect_url": "http://127.0.0.1:9/return",
        "webhook": receiver.url(),
        "allow_repeated_payments": false,
    }]);
    let made = carried_out(&simulator, AUTH_TOKEN, json!([create])).await;
    assert_eq!(made[0]["success"], true, "{made:?}");
    let request = &made[0]["payment_request"];
    assert_eq!(request["status"], "Pending");
    assert_eq!(request["amount"], "250.00");
    assert_eq!(request["allow_repeated_payments"], false);
    let id = request["id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    let page = open(request["longurl"].as_str().unwrap()).await;
    assert_eq!(page.status, 200);

    let payment_id = simulator.control().pay(id, PayerChoice::Pay).unwrap();
    let status = json!(["payment_request_status", {"id": id}]);
    let one = json!(["payment_request_payment_status", {"id": id, "payment_id": payment_id}]);
    let detail = json!(["payment_detail", {"payment_id": payment_id}]);
    let results = carried_out(&simulator, AUTH_TOKEN, json!([status, one, detail])).await;
    let found = &results[0]["payment_request"];
    assert_eq!(found["status"], "Completed");
    let payment = &found["payments"][0];
    assert_eq!(
        (&payment["payment_id"], &payment["status"]),
        (&json!(payment_id), &json!("Credit"))
    );
    assert_eq!(
        (&payment["fees"], &payment["payout"]),
        (&json!("4.75"), &Value::Null)
    );
    assert_eq!(results[1]["payment_request"]["payment"], *payment);
    assert_eq!(results[2]["payment"]["amount"], "250.00");

    let lookup = CheckoutLookup::Reference(reference("client 1"));
    let seen = gateway.fetch_checkout(&lookup).await.unwrap();
    assert_eq!((seen.checkout_id.as_str(), seen.paid), (id, rupees(25_000)));
    assert_eq!(
        seen.payments[0].status,
        Reported::Known(PaymentStatus::Captured)
    );
    simulator.webhooks_settled().await;
    assert_eq!(receiver.facts(&gateway).len(), 1);
}

#[tokio::test]
async fn the_client_refunds_what_the_adapter_sold() {
    let (simulator, gateway) = instamojo(By::Keys).await;
    let payment_id = paid(&simulator, &gateway, "client 2", 25_000).await;
    let refund = |amount: &str, kind: &str| {
        json!(["refund_create", {
            "payment_id": payment_id,
            "type": kind,
            "body": "client-3__ not satisfied",
            "refund_amount": amount,
        }])
    };
    let results = carried_out(
        &simulator,
        AUTH_TOKEN,
        json!([
            refund("100", "XXX"),
            refund("100", "QFL"),
            refund("100", "QFL"),
            ["refunds_list", {}]
        ]),
    )
    .await;
    assert_eq!(results[0]["success"], false);
    assert!(results[0]["message"]["type"][0].is_string(), "{results:?}");
    let made = &results[1]["refund"];
    assert_eq!(made["status"], "Refunded");
    assert_eq!(
        (&made["refund_amount"], &made["total_amount"]),
        (&json!("100"), &json!("250.00"))
    );
    assert_eq!(results[2]["success"], false, "one for each payment");
    assert_eq!(results[3]["refunds"][0]["id"], made["id"]);
    let detail = json!([["refund_detail", {"id": made["id"]}]]);
    let detail = carried_out(&simulator, AUTH_TOKEN, detail).await;
    assert_eq!(detail[0]["refund"]["body"], "client-3__ not satisfied");
    let lookup = RefundLookup {
        payment_id,
        refund_id: None,
        reference: reference("client 3"),
    };
    let found = gateway.fetch_refund(&lookup).await.unwrap();
    assert_eq!(found.amount, rupees(10_000));
}

/// The client writes the slash of a path after the query.
#[tokio::test]
async fn the_client_pages_through_lists() {
    let (simulator, gateway) = instamojo(By::Keys).await;
    for number in 0..7 {
        let request = checkout(&format!("listed {number}"), 25_000);
        gateway.create_checkout(&request).await.unwrap();
    }
    let list = |page: u32| json!(["payment_requests_list", {"limit": 3, "page": page}]);
    let all = json!(["payment_requests_list", {}]);
    let payments = json!(["payments_list", {"limit": 5, "page": 1}]);
    let operations = json!([list(1), list(3), list(4), all, payments]);
    let results = carried_out(&simulator, AUTH_TOKEN, operations).await;
    let counts: Vec<usize> = results[..4]
        .iter()
        .map(|result| result["payment_requests"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [3, 1, 0, 7]);
    let newest = &results[0]["payment_requests"][0]["purpose"];
    assert!(newest.as_str().unwrap().ends_with("listed-6__"), "{newest}");
    assert_eq!(results[4]["payments"], json!([]));
}

#[tokio::test]
async fn the_client_reads_every_error() {
    let (simulator, _) = instamojo(By::Keys).await;
    let create = |purpose: &str, amount: &str, email: Value| {
        json!(["payment_request_create", {
            "purpose": purpose, "amount": amount, "send_email": true, "email": email,
        }])
    };
    let email = json!("asha@example.org");
    let results = carried_out(
        &simulator,
        AUTH_TOKEN,
        json!([
            create("", "250", email.clone()),
            create(&"a".repeat(31), "250", email.clone()),
            create("Few", "8.99", email.clone()),
            create("Many", "200000.01", email.clone()),
            create("Odd", "ten", email.clone()),
            create("Nobody", "250", Value::Null),
            ["payment_request_status", {"id": "0cb066f9d3764c2fab6da469d8f613ff"}],
            ["payment_detail", {"payment_id": "MOJO0000000N00000000"}],
            ["refund_detail", {"id": "C000000000"}],
        ]),
    )
    .await;
    for result in &results {
        assert_eq!(result["success"], false, "{result}");
    }
    let fields = ["purpose", "purpose", "amount", "amount", "amount", "email"];
    for (result, field) in results.iter().zip(fields) {
        assert!(result["message"][field][0].is_string(), "{result}");
    }
    assert_eq!(results[6]["message"], "Not found");
    let good = create("Good", "250", email);
    let results = carried_out(&simulator, "token-of-others", json!([good])).await;
    assert_eq!(results[0]["success"], false);
    simulator.control().faults().arm(&Fault::Fail, 1);
    simulator.control().faults().arm(&Fault::Page, 1);
    let results = carried_out(&simulator, AUTH_TOKEN, json!([good, good, good])).await;
    assert_eq!(results[0]["message"], "Internal Server Error");
    assert!(
        results[1]["error"]
            .as_str()
            .unwrap()
            .contains("Unable to decode")
    );
    assert_eq!(results[2]["success"], true);
}
