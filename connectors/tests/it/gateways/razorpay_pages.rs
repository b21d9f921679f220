//! Razorpay's page in a browser, the way back, and a card number that goes nowhere.

use connectors::gateways::{
    CheckoutAction, CheckoutLookup, Gateway, Observation, OpenCheckout, ReturnFields,
    ReturnOutcome, ReturnRejection, SignatureCoverage,
};

use super::razorpay::listening;
use super::receiver::{action, hidden, observations, open, submit};
use super::support::{KEY_SECRET, checkout, razorpay, razorpay_gateway, razorpay_links, ring};

const CARD: &str = "4100280000001007";

fn fields(pairs: &[(String, String)]) -> ReturnFields {
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    ReturnFields::decode(encoded.as_bytes())
}

/// What the browser sends when the payer has typed a card and pressed a button.
fn decided(html: &str, choice: &str) -> Vec<(String, String)> {
    let mut fields = hidden(html);
    for (name, value) in [
        ("method", "card"),
        ("card_number", CARD),
        ("choice", choice),
    ] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    fields
}

#[tokio::test]
async fn a_browser_pays_an_order() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    let request = checkout("page 1", 50_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    let CheckoutAction::Form { url, fields: form } = &opened.action else {
        panic!("{opened:?}");
    };
    let ours = OpenCheckout {
        checkout_id: opened.checkout_id.clone(),
        reference: request.reference.clone(),
        amount: request.amount,
    };
    let page = submit(url.as_str(), form).await;
    assert!(page.html.contains("name=\"card_number\""), "{}", page.html);
    let pay = format!("{}{}", simulator.url(), action(&page.html));

    let turned_back = submit(&pay, &decided(&page.html, "abandon")).await;
    assert_eq!(
        turned_back.location.as_deref(),
        Some(request.cancel_url.as_str())
    );
    let facts = gateway
        .verify_return(&ours, &ReturnFields::default())
        .unwrap();
    assert_eq!(facts.outcome, ReturnOutcome::Cancelled);

    let declined = submit(&pay, &decided(&page.html, "fail")).await;
    assert_eq!(action(&declined.html), request.return_url.as_str());
    let facts = gateway
        .verify_return(&ours, &fields(&hidden(&declined.html)))
        .unwrap();
    assert_eq!(facts.outcome, ReturnOutcome::Failed);
    assert_eq!(facts.coverage, SignatureCoverage::Nothing);

    let paid = submit(&pay, &decided(&page.html, "pay")).await;
    let back = hidden(&paid.html);
    let facts = gateway.verify_return(&ours, &fields(&back)).unwrap();
    assert_eq!(facts.outcome, ReturnOutcome::Paid);
    assert_eq!(facts.coverage, SignatureCoverage::Everything);
    let by_id = CheckoutLookup::Id(opened.checkout_id.clone());
    let seen = gateway.fetch_checkout(&by_id).await.unwrap();
    assert_eq!(
        facts.payment_id.as_ref(),
        Some(&seen.payments[1].payment_id)
    );

    let twice = submit(&pay, &decided(&page.html, "pay")).await;
    assert!(twice.html.contains("already paid"), "{}", twice.html);

    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    let authorized = facts
        .iter()
        .find(|facts| facts.event_type == "payment.authorized");
    let [Observation::Payment(payment)] = observations(authorized.unwrap()) else {
        panic!("{authorized:?}");
    };
    assert!(payment.captured.is_zero() && payment.failure.is_none());
    let mut seen = format!("{seen:?} {back:?} {:?}", simulator.control().books());
    for received in receiver.received() {
        seen.push_str(&String::from_utf8(received.body).unwrap());
    }
    assert!(seen.contains("pay_") && !seen.contains(CARD));
}

#[tokio::test]
async fn a_genuine_return_of_another_order_is_refused() {
    let (simulator, gateway) = razorpay().await;
    let mut returns = Vec::new();
    for name in ["page 2", "page 3"] {
        let request = checkout(name, 50_000);
        let opened = gateway.create_checkout(&request).await.unwrap();
        let CheckoutAction::Form { url, fields: form } = &opened.action else {
            panic!("{opened:?}");
        };
        let page = submit(url.as_str(), form).await;
        let pay = format!("{}{}", simulator.url(), action(&page.html));
        let paid = submit(&pay, &decided(&page.html, "pay")).await;
        let ours = OpenCheckout {
            checkout_id: opened.checkout_id,
            reference: request.reference,
            amount: request.amount,
        };
        returns.push((ours, hidden(&paid.html)));
    }
    let [(first, _), (_, mut other)] = returns.try_into().unwrap();
    let refused = gateway.verify_return(&first, &fields(&other));
    assert_eq!(refused, Err(ReturnRejection::OtherCheckout));
    // With our order's id in its place the signature no longer fits.
    for (name, value) in &mut other {
        if name == "razorpay_order_id" {
            *value = first.checkout_id.to_string();
        }
    }
    let refused = gateway.verify_return(&first, &fields(&other));
    assert_eq!(refused, Err(ReturnRejection::WrongSignature));
    other.push(other[0].clone());
    let refused = gateway.verify_return(&first, &fields(&other));
    assert_eq!(refused, Err(ReturnRejection::Malformed));
}

#[tokio::test]
async fn a_browser_pays_a_link() {
    let (simulator, gateway) = razorpay_links().await;
    let request = checkout("page 4", 50_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    let CheckoutAction::Redirect { url } = &opened.action else {
        panic!("{opened:?}");
    };
    let page = open(url.as_str()).await;
    let pay = format!("{}{}", simulator.url(), action(&page.html));
    let paid = submit(&pay, &decided(&page.html, "pay")).await;
    let location = paid.location.unwrap();
    assert!(
        location.starts_with(request.return_url.as_str()),
        "{location}"
    );
    // The merchant's own part of the address comes back with it.
    let query = location.split_once('?').unwrap().1;
    let ours = OpenCheckout {
        checkout_id: opened.checkout_id,
        reference: request.reference,
        amount: request.amount,
    };
    let back = ReturnFields::decode(query.as_bytes());
    let facts = gateway.verify_return(&ours, &back).unwrap();
    assert_eq!(facts.outcome, ReturnOutcome::Paid);
    let flipped = query.replace("status=paid", "status=partially_paid");
    let refused = gateway.verify_return(&ours, &ReturnFields::decode(flipped.as_bytes()));
    assert_eq!(refused, Err(ReturnRejection::WrongSignature));
    let other = OpenCheckout {
        reference: super::support::reference("page 5"),
        ..ours.clone()
    };
    let refused = gateway.verify_return(&other, &back);
    assert_eq!(refused, Err(ReturnRejection::OtherCheckout));

    // The key was changed while the page was open.
    let later = razorpay_gateway(&simulator.url(), "another key", &["unused"]);
    assert_eq!(
        later.verify_return(&ours, &back),
        Err(ReturnRejection::WrongSignature)
    );
    let mut settings = super::support::razorpay_settings(&simulator.url(), "unused", &["unused"]);
    settings.key_secrets = ring(&["another key", KEY_SECRET]);
    let later = connectors::gateways::razorpay::RazorpayGateway::try_new(settings).unwrap();
    assert!(later.verify_return(&ours, &back).is_ok());
}
