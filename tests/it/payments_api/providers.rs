//! How providers do: rates that late words put right, and whether they can be asked.

use connectors::gateways::Operation;
use ledger_core::payment::{ObservedPayment, PaymentAction};
use ledger_core::payout::ObservedPayout;
use ledger_core::provider::Fallback;
use ledger_core::{PaymentId, PayoutId};
use serde_json::{Value, json};

use super::desk::Desk;
use crate::harness::outside;

impl Desk {
    /// Today at the provider, no earlier than a position.
    async fn today(&self, position: i64) -> Value {
        let path = format!("/provider-days?provider=razorpay&min_position={position}");
        let days = self.get(&path, &self.doors.admin).await.expect(200);
        days.body["items"][0].clone()
    }

    /// The rate of deposits after a provider's word.
    async fn deposits_after(&self, command: ledger_core::Command) -> Value {
        let position = self.hear(command).await.position.value();
        self.today(position).await["deposit_success_rate"].clone()
    }

    /// The rate of payouts after a provider's word.
    async fn payouts_after(&self, payout: PayoutId, status: ObservedPayout) -> Value {
        let word = outside::observed_payout(payout, status);
        let position = self.hear(word).await.position.value();
        self.today(position).await["payout_success_rate"].clone()
    }

    /// A payout that razorpay was asked for.
    async fn submitted(&self, beneficiary: &str) -> PayoutId {
        let body = json!({ "wallet": self.wallet, "asset": "INR", "amount": "1",
                           "beneficiary": beneficiary });
        let asked = self.post("/payouts", &self.asha.access, body).await;
        let id: PayoutId = asked.expect(201).id().parse().unwrap();
        self.hear(outside::submit_payout(id)).await;
        id
    }

    /// A deposit that is sent to razorpay.
    async fn at_razorpay(&self) -> PaymentId {
        let body = json!({ "wallet": self.wallet, "asset": "INR", "amount": "10",
                           "provider": "razorpay" });
        let path = "/deposits?wait_ms=0";
        let made = self.post(path, &self.asha.access, body).await.expect(201);
        made.id().parse().unwrap()
    }
}

fn count(day: &Value, metric: &str) -> i64 {
    let figures = day["figures"].as_array().unwrap().iter();
    let found = figures.filter(|figure| figure["metric"] == metric);
    found.map(|figure| figure["count"].as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_has_one_outcome_whatever_is_heard_late() {
    let desk = Desk::open().await;
    let late = desk.at_razorpay().await;
    let expired = outside::observed(late, ObservedPayment::Expired);
    assert_eq!(desk.deposits_after(expired).await, "0.0000");
    let captured = outside::captured(late, "pay_1", "10.00");
    assert_eq!(desk.deposits_after(captured).await, "1.0000");

    let pageless = desk.at_razorpay().await;
    let no_page = ObservedPayment::Failed {
        attempt: None,
        reason: None,
    };
    let failed = outside::observed(pageless, no_page);
    assert_eq!(desk.deposits_after(failed).await, "0.5000");
    let expired = outside::observed(pageless, ObservedPayment::Expired);
    assert_eq!(desk.deposits_after(expired).await, "0.5000", "counted once");

    let released = desk.at_razorpay().await;
    let attempt = || "pay_2".parse().unwrap();
    let authorized = ObservedPayment::Authorized {
        attempt: attempt(),
        money: outside::inr("10.00"),
    };
    let authorized = outside::observed(released, authorized);
    assert_eq!(desk.deposits_after(authorized).await, "0.5000");
    let given_back = ObservedPayment::Released { attempt: attempt() };
    let given_back = outside::observed(released, given_back);
    assert_eq!(desk.deposits_after(given_back).await, "0.3333");

    // The payer may try again.
    let tried = desk.at_razorpay().await;
    let failed = outside::attempt_failed(tried, "pay_3");
    assert_eq!(desk.deposits_after(failed).await, "0.3333");

    // Whoever could not make a page has failed, though another provider makes one.
    let left = desk.at_razorpay().await;
    let mut route = outside::route_to("stripe");
    route.fallback = Some(Fallback {
        from: "razorpay".parse().unwrap(),
        reason: "unavailable".parse().unwrap(),
    });
    let rerouted = outside::payment(left, PaymentAction::Reroute { route });
    assert_eq!(desk.deposits_after(rerouted).await, "0.2500");

    let head = desk.hear(outside::attempt_failed(tried, "pay_4")).await;
    let day = desk.today(head.position.value()).await;
    assert_eq!(count(&day, "deposit_successes"), 1);
    assert_eq!(count(&day, "deposit_failures"), 3);
    assert_eq!(count(&day, "payments_expired"), 2, "what happened stays");
    assert_eq!(count(&day, "attempts_released"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_has_one_outcome_whatever_is_heard_late() {
    let desk = Desk::open().await;
    desk.fund("100.00").await;
    let beneficiary = desk.beneficiary().await;
    let paid = || ObservedPayout::Succeeded { fees: None };

    let returned = desk.submitted(&beneficiary).await;
    assert_eq!(desk.payouts_after(returned, paid()).await, "1.0000");
    let back = desk.payouts_after(returned, ObservedPayout::Returned).await;
    assert_eq!(back, "0.0000");

    let good = desk.submitted(&beneficiary).await;
    assert_eq!(desk.payouts_after(good, paid()).await, "0.5000");

    let cancelled = desk.submitted(&beneficiary).await;
    let off = desk
        .payouts_after(cancelled, ObservedPayout::Cancelled)
        .await;
    assert_eq!(off, "0.3333");

    let again = desk.submitted(&beneficiary).await;
    let refused = desk.payouts_after(again, ObservedPayout::NotAccepted).await;
    assert_eq!(refused, "0.2500");
    let asked = desk.hear(outside::submit_payout(again)).await;
    let day = desk.today(asked.position.value()).await;
    assert_eq!(
        day["payout_success_rate"], "0.3333",
        "it is in motion again"
    );
    assert_eq!(desk.payouts_after(again, paid()).await, "0.5000");

    let day = desk.today(asked.position.value()).await;
    assert_eq!(count(&day, "payout_successes"), 2);
    assert_eq!(count(&day, "payout_failures"), 2);
    assert_eq!(count(&day, "payouts_cancelled"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_of_a_ledger_are_listed_with_how_they_are() {
    let desk = Desk::open().await;
    let admin = &desk.doors.admin;
    let paid = desk.at_razorpay().await;
    let captured = outside::captured(paid, "pay_1", "10.00");
    let position = desk.hear(captured).await.position;
    let path = format!("/providers?min_position={position}");
    let seen = desk.get(&path, admin).await.expect(200).body;
    let [razorpay, stripe] = seen["items"].as_array().unwrap().as_slice() else {
        panic!("{seen}");
    };
    assert_eq!(
        (&razorpay["provider"], &stripe["provider"]),
        (&json!("razorpay"), &json!("stripe"))
    );
    assert_eq!(razorpay["availability"], "available");
    assert_eq!(razorpay["deposit_success_rate"], "1.0000");
    assert!(razorpay.get("payout_success_rate").is_none());
    assert!(stripe.get("deposit_success_rate").is_none(), "{stripe}");
    let can = |provider: &Value, name: &str| {
        let operations = provider["operations"].as_array().unwrap().iter();
        operations
            .clone()
            .find(|known| known["operation"] == name)
            .cloned()
    };
    assert!(can(razorpay, "payout").is_some() && can(razorpay, "create_checkout").is_some());

    // Nobody listens where the account's calls go.
    let ledger = desk.ledger();
    let account = desk
        .accounts
        .of(ledger, "razorpay".parse().unwrap())
        .unwrap();
    let unknown = "pay_1".parse().unwrap();
    for _ in 0..5 {
        account.gateway.fetch_payment(&unknown).await.unwrap_err();
    }
    let seen = desk.get(&path, admin).await.expect(200).body;
    let razorpay = &seen["items"][0];
    assert_eq!(razorpay["availability"], "unavailable");
    let broken = can(razorpay, Operation::FetchPayment.as_str()).unwrap();
    assert_eq!(broken["availability"], "unavailable");
    assert!(broken["retry_after_ms"].is_u64(), "{broken}");
    let well = can(razorpay, "create_checkout").unwrap();
    assert_eq!(well["availability"], "available");
    let refused = desk.get("/providers", &desk.asha.access).await;
    assert_eq!(refused.expect(403).code(), "forbidden");
}
