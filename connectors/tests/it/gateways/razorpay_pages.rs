//! Razorpay's page in a browser, the way back, and a card number that goes nowhere.

use connectors::gateways::razorpay::{is_link_return, is_page_return};
use connectors::gateways::{CheckoutAction, CheckoutLookup, FormFields, Gateway, Observation};

use super::razorpay::listening;
use super::receiver::{action, hidden, observations, open, submit};
use super::support::{KEY_SECRET, checkout, razorpay, razorpay_links, ring};

const CARD: &str = "4100280000001007";

fn fields(pairs: &[(String, String)]) -> FormFields {
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    FormFields::decode(encoded.as_bytes())
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
    let secrets = ring(&[KEY_SECRET]);
    let is_genuine =
        |pairs: &[(String, String)]| is_page_return(&secrets, &opened.checkout_id, &fields(pairs));
    let page = submit(url.as_str(), form).await;
    assert!(page.html.contains("name=\"card_number\""), "{}", page.html);
    let pay = format!("{}{}", simulator.url(), action(&page.html));

    let turned_back = submit(&pay, &decided(&page.html, "abandon")).await;
    assert_eq!(
        turned_back.location.as_deref(),
        Some(request.cancel_url.as_str())
    );

    let declined = submit(&pay, &decided(&page.html, "fail")).await;
    assert_eq!(action(&declined.html), request.return_url.as_str());
    assert!(!is_genuine(&hidden(&declined.html)), "a no is not signed");

    let paid = submit(&pay, &decided(&page.html, "pay")).await;
    let back = hidden(&paid.html);
    assert!(is_genuine(&back));
    let by_id = CheckoutLookup::Id(opened.checkout_id.clone());
    let seen = gateway.fetch_checkout(&by_id).await.unwrap();
    assert_eq!(
        fields(&back).only("razorpay_payment_id"),
        Some(seen.payments[1].payment_id.as_str())
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
        returns.push((opened.checkout_id, hidden(&paid.html)));
    }
    let [(first, mut genuine), (_, mut other)] = returns.try_into().unwrap();
    let secrets = ring(&[KEY_SECRET]);
    assert!(!is_page_return(&secrets, &first, &fields(&other)));
    // With our order's id in its place the signature no longer fits.
    for (name, value) in &mut other {
        if name == "razorpay_order_id" {
            *value = first.to_string();
        }
    }
    assert!(!is_page_return(&secrets, &first, &fields(&other)));
    genuine.push(genuine[0].clone());
    assert!(
        !is_page_return(&secrets, &first, &fields(&genuine)),
        "said twice"
    );
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
    let back = FormFields::decode(query.as_bytes());
    assert!(is_link_return(&ring(&[KEY_SECRET]), &back));
    let flipped = query.replace("status=paid", "status=partially_paid");
    let flipped = FormFields::decode(flipped.as_bytes());
    assert!(!is_link_return(&ring(&[KEY_SECRET]), &flipped));

    // The key was changed while the page was open.
    assert!(!is_link_return(&ring(&["another key"]), &back));
    assert!(is_link_return(&ring(&["another key", KEY_SECRET]), &back));
}
