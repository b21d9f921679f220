//! PayU's page in a browser, the way back, and a card number that goes nowhere.

use connectors::gateways::payu::{PayUGateway, PayUResponseHash, PayUSettings};
use connectors::gateways::{
    CheckoutAction, CheckoutLookup, CheckoutRequest, Gateway, WebhookFacts, WebhookRejection,
};
use connectors::secret::Secret;
use connectors::simulators::payu::{PayUAccount, PayUSimulator};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::payu_support::{SALT, account, gateway, listening, payu, settings};
use super::receiver::{Received, action, hidden, open, submit, verify};
use super::support::{checkout, rupees};

const CARD: &str = "4100280000001007";

/// What a browser brings back has the fields and the hash of a webhook.
fn verified(
    gateway: &PayUGateway,
    pairs: &[(String, String)],
) -> Result<WebhookFacts, WebhookRejection> {
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let mut headers = HeaderMap::new();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    let body = encoded.into_bytes();
    verify(gateway, &Received { headers, body })
}

/// A browser goes through the page. Gives where it goes then, and what it brings.
async fn browsed(
    gateway: &PayUGateway,
    request: &CheckoutRequest,
    choice: &str,
) -> (String, Vec<(String, String)>) {
    let opened = gateway.create_checkout(request).await.unwrap();
    let CheckoutAction::Form { url, fields } = &opened.action else {
        panic!("{opened:?}");
    };
    let page = submit(url.as_str(), fields).await;
    assert_eq!(page.status, 200, "{}", page.html);
    assert!(page.html.contains("500.00") && page.html.contains("card_number"));
    let mut decision = hidden(&page.html);
    for (name, value) in [
        ("method", "card"),
        ("card_number", CARD),
        ("choice", choice),
    ] {
        decision.push((name.to_owned(), value.to_owned()));
    }
    let target = url.join(&action(&page.html)).unwrap();
    let back = submit(target.as_str(), &decision).await;
    assert_eq!(back.status, 200, "{}", back.html);
    assert!(!back.html.contains(CARD));
    let again = submit(target.as_str(), &decision).await;
    assert_eq!(again.status, 400, "a page is used once");
    (action(&back.html), hidden(&back.html))
}

#[tokio::test]
async fn a_browser_pays_fails_and_turns_back() {
    let (simulator, gateway) = payu().await;
    let receiver = listening(&simulator).await;
    for (choice, target) in [
        ("pay", "/return?tenant=1"),
        ("fail", "/return?tenant=1"),
        ("fail_then_pay", "/return?tenant=1"),
        ("abandon", "/cancel"),
    ] {
        let request = checkout(choice, 50_000);
        let (url, back) = browsed(&gateway, &request, choice).await;
        assert!(url.ends_with(target), "{url}");
        assert!(verified(&gateway, &back).is_ok());
        let lookup = CheckoutLookup::Reference(request.reference);
        let found = gateway.fetch_checkout(&lookup).await.unwrap();
        let payment = found.payments[0].payment_id.as_str();
        assert!(back.iter().any(|(_, value)| value.trim() == payment));
        assert_eq!(
            found.paid,
            rupees(if matches!(choice, "pay" | "fail_then_pay") {
                50_000
            } else {
                0
            })
        );
    }
    simulator.webhooks_settled().await;
    let received = receiver.received();
    assert_eq!(received.len(), 5, "one of them twice, late");
    for webhook in received {
        assert!(!String::from_utf8_lossy(&webhook.body).contains(CARD));
    }
    assert!(!format!("{:?}", simulator.control().books()).contains(CARD));
}

#[tokio::test]
async fn a_page_wants_a_genuine_form() {
    let (simulator, gateway) = payu().await;
    let opened = gateway
        .create_checkout(&checkout("genuine", 50_000))
        .await
        .unwrap();
    let CheckoutAction::Form { url, fields } = &opened.action else {
        panic!("{opened:?}");
    };
    let mut cheaper = fields.clone();
    for (name, value) in &mut cheaper {
        if name == "amount" {
            "1.00".clone_into(value);
        }
    }
    for wrong in [cheaper, fields[..5].to_vec(), Vec::new()] {
        assert_eq!(submit(url.as_str(), &wrong).await.status, 400);
    }
    assert_eq!(open(url.as_str()).await.status, 405);
    assert!(simulator.control().books().payments.is_empty());
}

#[tokio::test]
async fn a_merchant_with_split_hashes_is_set_up_so() {
    let split = PayUAccount {
        response_hash: PayUResponseHash::WithSplitInfo,
        ..account()
    };
    let simulator = PayUSimulator::start(split).await.unwrap();
    simulator.set_additional_charges(1_180);
    let plain = gateway(&simulator.url(), &[SALT]);
    let split = PayUGateway::try_new(PayUSettings {
        response_hash: PayUResponseHash::WithSplitInfo,
        ..settings(&simulator.url(), &[SALT])
    })
    .unwrap();
    let request = checkout("split 1", 50_000);
    let (_, back) = browsed(&plain, &request, "pay").await;
    let refused = verified(&plain, &back);
    assert_eq!(refused, Err(WebhookRejection::WrongSignature));
    assert!(verified(&split, &back).is_ok());
}

#[tokio::test]
async fn a_new_salt_takes_over_without_a_gap() {
    let (simulator, old) = payu().await;
    let before = checkout("salt 1", 50_000);
    let (_, back_before) = browsed(&old, &before, "pay").await;
    let salts = [Secret::new("the next salt"), Secret::new(SALT)];
    simulator
        .control()
        .set_webhook("http://127.0.0.1:9", &salts);
    // Until our settings follow, our own hashes are still taken, and PayU's do not fit.
    let between = checkout("salt 2", 50_000);
    let (_, back_between) = browsed(&old, &between, "pay").await;
    assert!(verified(&old, &back_between).is_err());
    let new = gateway(&simulator.url(), &["the next salt", SALT]);
    let after = checkout("salt 3", 50_000);
    let (_, back_after) = browsed(&new, &after, "pay").await;
    for (request, back) in [
        (&before, back_before),
        (&between, back_between),
        (&after, back_after),
    ] {
        assert!(verified(&new, &back).is_ok());
        let lookup = CheckoutLookup::Reference(request.reference.clone());
        assert!(new.fetch_checkout(&lookup).await.is_ok());
    }
}
