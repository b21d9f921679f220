//! PayU's page in a browser, the way back, and a card number that goes nowhere.

use connectors::gateways::payu::{PayUGateway, PayUResponseHash, PayUSettings};
use connectors::gateways::{
    CheckoutAction, CheckoutLookup, CheckoutRequest, Gateway, OpenCheckout, ReturnFacts,
    ReturnFields, ReturnOutcome, ReturnRejection, SignatureCoverage,
};
use connectors::secret::Secret;
use connectors::simulators::payu::{PayUAccount, PayUSimulator};

use super::payu_support::{SALT, account, gateway, listening, ours, payu, settings};
use super::receiver::{action, hidden, open, submit};
use super::support::{checkout, rupees};

const CARD: &str = "4100280000001007";

fn fields(pairs: &[(String, String)]) -> ReturnFields {
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    ReturnFields::decode(encoded.as_bytes())
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
    for (choice, outcome, target) in [
        ("pay", ReturnOutcome::Paid, "/return?tenant=1"),
        ("fail", ReturnOutcome::Failed, "/return?tenant=1"),
        ("fail_then_pay", ReturnOutcome::Failed, "/return?tenant=1"),
        ("abandon", ReturnOutcome::Cancelled, "/cancel"),
    ] {
        let request = checkout(choice, 50_000);
        let (url, back) = browsed(&gateway, &request, choice).await;
        assert!(url.ends_with(target), "{url}");
        let facts = gateway
            .verify_return(&ours(&request), &fields(&back))
            .unwrap();
        assert_eq!(facts.outcome, outcome);
        assert_eq!(facts.coverage, SignatureCoverage::Parts);
        let lookup = CheckoutLookup::Reference(request.reference);
        let found = gateway.fetch_checkout(&lookup).await.unwrap();
        assert_eq!(
            facts.payment_id.as_ref(),
            Some(&found.payments[0].payment_id)
        );
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

fn with(back: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let mut changed = back.to_vec();
    match changed.iter_mut().find(|(field, _)| field == name) {
        Some((_, found)) => value.clone_into(found),
        None => changed.push((name.to_owned(), value.to_owned())),
    }
    changed
}

#[tokio::test]
async fn only_what_payu_signed_comes_back() {
    let (simulator, gateway) = payu().await;
    let request = checkout("back 1", 50_000);
    let (_, back) = browsed(&gateway, &request, "pay").await;
    let ours = ours(&request);
    let verify = |pairs: &[(String, String)]| gateway.verify_return(&ours, &fields(pairs));
    assert!(verify(&back).is_ok());

    for (name, value, expected) in [
        ("status", "failure", ReturnRejection::WrongSignature),
        ("amount", "5.00", ReturnRejection::WrongSignature),
        ("txnid", "back-2____", ReturnRejection::WrongSignature),
        ("key", "another", ReturnRejection::WrongSignature),
        ("udf1", "x", ReturnRejection::WrongSignature),
        ("additionalCharges", "1.00", ReturnRejection::WrongSignature),
        ("hash", "", ReturnRejection::WrongSignature),
        ("hash", "00", ReturnRejection::WrongSignature),
        ("firstname", "X|Y", ReturnRejection::Malformed),
    ] {
        assert_eq!(
            verify(&with(&back, name, value)),
            Err(expected),
            "{name}={value}"
        );
    }
    for name in ["status", "amount", "txnid", "hash", "mihpayid"] {
        let mut doubled = back.clone();
        doubled.push((name.to_owned(), "1".to_owned()));
        let outcome = verify(&doubled);
        if name == "mihpayid" {
            // It is not signed: said twice it says nothing.
            assert_eq!(outcome.unwrap().payment_id, None);
        } else {
            assert_eq!(outcome, Err(ReturnRejection::Malformed), "{name} twice");
        }
        let mut short = back.clone();
        short.retain(|(field, _)| field != name);
        assert!(verify(&short).is_err() || name == "mihpayid", "no {name}");
    }
    // What is not signed can be changed by anybody, and is only a hint.
    let hint = verify(&with(&back, "mihpayid", "999999999999999999")).unwrap();
    assert_eq!(hint.coverage, SignatureCoverage::Parts);
    let words = verify(&with(&back, "unmappedstatus", "failed")).unwrap();
    assert_eq!(words.outcome, ReturnOutcome::Pending, "the words disagree");
    let nothing: ReturnFacts = verify(&[]).unwrap();
    assert_eq!(nothing.outcome, ReturnOutcome::Cancelled);
    assert_eq!(nothing.coverage, SignatureCoverage::Nothing);

    // A genuine return of another checkout, or of another amount under our name.
    let other = super::payu_support::ours(&checkout("back 3", 50_000));
    let refused = gateway.verify_return(&other, &fields(&back));
    assert_eq!(refused, Err(ReturnRejection::OtherCheckout));
    let dearer = OpenCheckout {
        amount: rupees(50_001),
        ..ours.clone()
    };
    let refused = gateway.verify_return(&dearer, &fields(&back));
    assert_eq!(refused, Err(ReturnRejection::OtherCheckout));

    // The salt was changed while the page was open.
    let url = simulator.url();
    let later = super::payu_support::gateway(&url, &["the next salt"]);
    let refused = later.verify_return(&ours, &fields(&back));
    assert_eq!(refused, Err(ReturnRejection::WrongSignature));
    let later = super::payu_support::gateway(&url, &["the next salt", SALT]);
    assert!(later.verify_return(&ours, &fields(&back)).is_ok());
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
    let refused = plain.verify_return(&ours(&request), &fields(&back));
    assert_eq!(refused, Err(ReturnRejection::WrongSignature));
    let facts = split
        .verify_return(&ours(&request), &fields(&back))
        .unwrap();
    assert_eq!(facts.outcome, ReturnOutcome::Paid);
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
    assert!(
        old.verify_return(&ours(&between), &fields(&back_between))
            .is_err()
    );
    let new = gateway(&simulator.url(), &["the next salt", SALT]);
    let after = checkout("salt 3", 50_000);
    let (_, back_after) = browsed(&new, &after, "pay").await;
    for (request, back) in [
        (&before, back_before),
        (&between, back_between),
        (&after, back_after),
    ] {
        assert!(new.verify_return(&ours(request), &fields(&back)).is_ok());
        let lookup = CheckoutLookup::Reference(request.reference.clone());
        assert!(new.fetch_checkout(&lookup).await.is_ok());
    }
}
