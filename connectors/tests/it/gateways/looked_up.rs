//! Nothing is done a second time because nobody looked, because the look failed, or because it ended too
//! soon; and nothing counts as refused that may have been done.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use connectors::gateways::razorpay::{RazorpayGateway, RazorpaySettings};
use connectors::gateways::stripe::{StripeGateway, StripeSettings};
use connectors::gateways::{
    Advice, Attempt, BankDestination, BeneficiaryRequest, CaptureMode, CheckoutLookup, Gateway,
    GatewayError, PayoutMode, PayoutRequest, ProviderId, RefundRequest,
};
use connectors::secret::Secret;
use connectors::simulators::{Fault, GatewaySimulator, PayerChoice};

use super::instamojo_support::{self, BOTH, By, instamojo};
use super::payu_support::{self, payu, payu_manual};
use super::support::{
    KEY_SECRET, STRIPE_SECRET, WEBHOOK_SECRET, capture, checkout, impatient, razorpay,
    razorpay_settings, reference, refund, refuse, rupees, stripe, stripe_settings, told, word,
};

/// Longer than a provider remembers a key.
const A_DAY: Duration = Duration::from_secs(25 * 60 * 60);

fn payout(name: &str, beneficiary_id: &ProviderId) -> PayoutRequest {
    PayoutRequest {
        reference: reference(name),
        attempt: Attempt::First,
        beneficiary_id: beneficiary_id.clone(),
        amount: rupees(75_000),
        mode: PayoutMode::Default,
        narration: "Withdrawal".to_owned(),
        created_at: Utc::now(),
    }
}

async fn beneficiary(gateway: &RazorpayGateway, destination: BankDestination) -> ProviderId {
    let request = BeneficiaryRequest {
        reference: reference("looked up"),
        name: "Asha Rao".to_owned(),
        email: None,
        phone: None,
        destination,
    };
    let registered = gateway.register_beneficiary(&request).await;
    registered.unwrap().beneficiary_id
}

fn bank() -> BankDestination {
    BankDestination::IndianAccount {
        account_number: Secret::new("1121431121541121"),
        ifsc: "HDFC0000001".to_owned(),
    }
}

/// Every way in which a look-up fails, one of which has nothing to do with what is looked for.
fn failures() -> [Fault; 6] {
    [
        refuse(401, "Authentication failed"),
        refuse(403, "Not allowed"),
        refuse(400, "Invalid"),
        Fault::RateLimit {
            retry_after_seconds: Some(60),
        },
        Fault::Fail,
        Fault::Page,
    ]
}

/// A call that was made and forgotten is made again while the look-up fails: it is neither done twice nor
/// taken for refused. Then the look-up succeeds, and finds it.
async fn survives_failing_look_ups<T, Outcome>(
    control: &dyn GatewaySimulator,
    effects: impl Fn() -> usize,
    again: impl Fn() -> Outcome,
) where
    T: std::fmt::Debug + PartialEq,
    Outcome: Future<Output = Result<T, GatewayError>>,
{
    control.advance(A_DAY);
    let before = effects();
    for fault in failures() {
        // Look-ups repeat themselves twice at most.
        control.faults().arm(&fault, 3);
        let error = again().await.unwrap_err();
        assert_eq!(
            error.advice(),
            Advice::LookUpFirst,
            "{fault:?}: {}",
            told(&error)
        );
        control.faults().disarm();
        assert_eq!(effects(), before, "{fault:?}");
    }
    let found = again().await.unwrap();
    assert_eq!(again().await.unwrap(), found);
    assert_eq!(effects(), before, "it is found and not made");
}

#[tokio::test]
async fn a_failed_look_up_pays_nobody_twice_at_stripe() {
    let (simulator, gateway) = stripe().await;
    let control = simulator.control();
    for (name, destination) in [("po", "ba_0123456789"), ("tr", "acct_0123456789")] {
        let mut request = payout(&format!("failing {name}"), &destination.parse().unwrap());
        gateway.payout(&request).await.unwrap();
        request.attempt = Attempt::Again;
        let payouts = || control.books().payouts.len();
        survives_failing_look_ups(&*control, payouts, || gateway.payout(&request)).await;
    }
}

#[tokio::test]
async fn a_failed_look_up_pays_nobody_twice_at_razorpay() {
    let (simulator, gateway) = razorpay().await;
    let control = simulator.control();
    let mut request = payout("failing", &beneficiary(&gateway, bank()).await);
    gateway.payout(&request).await.unwrap();
    request.attempt = Attempt::Again;
    let payouts = || control.books().payouts.len();
    survives_failing_look_ups(&*control, payouts, || gateway.payout(&request)).await;
}

#[tokio::test]
async fn a_failed_look_up_refunds_nobody_twice() {
    let again = |request: RefundRequest| RefundRequest {
        attempt: Attempt::Again,
        ..request
    };
    let paid = |control: &dyn GatewaySimulator, checkout_id: &ProviderId| {
        let id = control.pay(checkout_id.as_str(), PayerChoice::Pay);
        id.unwrap().parse::<ProviderId>().unwrap()
    };
    let (simulator, gateway) = stripe().await;
    let control = simulator.control();
    let request = checkout("failing 1", 50_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    let id = paid(&*control, &opened.checkout_id);
    let request = refund(&id, "failing refund", 10_000);
    gateway.refund(&request).await.unwrap();
    let request = again(request);
    let refunds = || control.books().refunds.len();
    survives_failing_look_ups(&*control, refunds, || gateway.refund(&request)).await;

    let (simulator, gateway) = razorpay().await;
    let control = simulator.control();
    let request = checkout("failing 1", 50_000);
    let opened = gateway.create_checkout(&request).await.unwrap();
    let id = paid(&*control, &opened.checkout_id);
    let request = refund(&id, "failing refund", 10_000);
    gateway.refund(&request).await.unwrap();
    let request = again(request);
    let refunds = || control.books().refunds.len();
    survives_failing_look_ups(&*control, refunds, || gateway.refund(&request)).await;

    let (simulator, gateway) = payu().await;
    let control = simulator.control();
    let id = payu_support::paid(&simulator, &gateway, "failing 1", 50_000).await;
    let request = refund(&id, "failing refund", 10_000);
    gateway.refund(&request).await.unwrap();
    let request = again(request);
    let refunds = || control.books().refunds.len();
    survives_failing_look_ups(&*control, refunds, || gateway.refund(&request)).await;

    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        simulator.allow_many_refunds(true);
        let control = simulator.control();
        let id = instamojo_support::paid(&simulator, &gateway, "failing 1", 50_000).await;
        let request = refund(&id, "failing refund", 10_000);
        gateway.refund(&request).await.unwrap();
        let request = again(request);
        let refunds = || control.books().refunds.len();
        survives_failing_look_ups(&*control, refunds, || gateway.refund(&request)).await;
    }
}

/// The first answer is lost, and what is refused is the repeat.
#[tokio::test]
async fn a_refused_repeat_does_not_hide_a_lost_answer() {
    for fault in failures() {
        let (simulator, gateway) = stripe().await;
        let lost = |simulator: &dyn GatewaySimulator| {
            simulator.faults().arm(&Fault::FailAfterwards, 1);
            simulator.faults().arm(&fault, 2);
        };
        let request = payout("repeat", &"ba_0123456789".parse().unwrap());
        lost(&*simulator.control());
        let error = gateway.payout(&request).await.unwrap_err();
        assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
        assert_eq!(simulator.control().books().payouts.len(), 1, "it was done");

        let (simulator, gateway) = razorpay().await;
        let request = PayoutRequest {
            mode: PayoutMode::Imps,
            ..payout("repeat", &beneficiary(&gateway, bank()).await)
        };
        lost(&*simulator.control());
        let error = gateway.payout(&request).await.unwrap_err();
        assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
        assert_eq!(simulator.control().books().payouts.len(), 1, "it was done");

        let (simulator, gateway) = payu().await;
        let id = payu_support::paid(&simulator, &gateway, "repeat", 50_000).await;
        lost(&*simulator.control());
        let request = refund(&id, "repeat refund", 10_000);
        // A refusal in PayU's own words is looked into at once.
        if let Err(error) = gateway.refund(&request).await {
            assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
        }
        assert_eq!(simulator.control().books().refunds.len(), 1, "it was done");
    }
}

/// What was refused may have been done before; whether it was cannot be looked up.
#[tokio::test]
async fn a_refusal_that_cannot_be_looked_into_is_not_believed() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        let id = instamojo_support::paid(&simulator, &gateway, "used 1", 50_000).await;
        let request = refund(&id, "used refund", 10_000);
        gateway.refund(&request).await.unwrap();
        let used = refuse(400, "A refund with this transaction_id already exists.");
        simulator.control().faults().arm(&used, 1);
        simulator.control().faults().arm(&Fault::Fail, 3);
        let error = gateway.refund(&request).await.unwrap_err();
        assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
        // Nothing of that name: the refusal is one.
        simulator.control().faults().arm(&refuse(400, "No."), 1);
        let other = refund(&id, "other refund", 10_000);
        assert_eq!(word(gateway.refund(&other).await), "gateway_refused");
    }

    let (simulator, gateway) = razorpay().await;
    let mut request = checkout("used 2", 50_000);
    request.capture = CaptureMode::Manual;
    let opened = gateway.create_checkout(&request).await.unwrap();
    let id = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay);
    let id = id.unwrap().parse().unwrap();
    let taking = capture(&id, "used capture", 50_000);
    gateway.capture(&taking).await.unwrap();
    let used = refuse(400, "This payment has already been captured");
    simulator.control().faults().arm(&used, 1);
    simulator.control().faults().arm(&Fault::Fail, 3);
    let error = gateway.capture(&taking).await.unwrap_err();
    assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
}

/// PayU refuses a repeat in words of all kinds, and what was done is there.
#[tokio::test]
async fn a_refusal_of_payu_is_looked_into() {
    for code in [105, 109, 111, 117, 225] {
        let refusal = format!(r#"{{"status":0,"msg":"no","error_code":{code}}}"#);
        let (simulator, gateway) = payu_manual().await;
        let mut request = checkout("words 1", 50_000);
        request.capture = CaptureMode::Manual;
        let choice = PayerChoice::Pay;
        let id = payu_support::decided(&simulator, &gateway, &request, choice).await;
        let taking = capture(&id, "words capture", 50_000);
        simulator.answer_text(&refusal, 1);
        assert!(gateway.capture(&taking).await.is_err(), "{code}");
        let taken = gateway.capture(&taking).await.unwrap();
        simulator.answer_text(&refusal, 1);
        assert_eq!(gateway.capture(&taking).await.unwrap(), taken, "{code}");

        let asked = refund(&id, "words refund", 10_000);
        simulator.answer_text(&refusal, 1);
        assert_eq!(word(gateway.refund(&asked).await), "gateway_refused");
        let made = gateway.refund(&asked).await.unwrap();
        simulator.answer_text(&refusal, 1);
        let found = gateway.refund(&asked).await.unwrap();
        assert_eq!(found.refund_id, made.refund_id, "{code}");
        assert_eq!(simulator.control().books().refunds.len(), 1);
    }
}

/// More than is searched has come since: that is not the word that there is nothing.
#[tokio::test]
async fn a_search_that_ends_finds_nothing_out() {
    let (simulator, gateway) = stripe().await;
    let mut request = payout("buried", &"ba_0123456789".parse().unwrap());
    gateway.payout(&request).await.unwrap();
    simulator.control().advance(A_DAY);
    simulator.pay_others(2_100);
    request.attempt = Attempt::Again;
    let error = gateway.payout(&request).await.unwrap_err();
    assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
    assert_eq!(simulator.control().books().payouts.len(), 2_101);

    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        simulator.allow_many_refunds(true);
        let id = instamojo_support::paid(&simulator, &gateway, "buried", 50_000).await;
        let mut request = refund(&id, "buried refund", 10_000);
        gateway.refund(&request).await.unwrap();
        simulator.refund_others(5_100);
        request.attempt = Attempt::Again;
        let error = gateway.refund(&request).await.unwrap_err();
        assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
    }
    let (simulator, gateway) = instamojo(By::Keys).await;
    let request = instamojo_support::checkout("buried", 50_000);
    gateway.create_checkout(&request).await.unwrap();
    simulator.request_others(5_100);
    let lookup = CheckoutLookup::Reference(request.reference);
    let outcome = gateway.fetch_checkout(&lookup).await;
    assert_eq!(word(outcome), "gateway_search_ended");
}

/// What is older than what is looked for is not searched, so that the answer is certain and soon there.
#[tokio::test]
async fn a_search_goes_no_further_back_than_it_must() {
    let (simulator, gateway) = stripe().await;
    simulator.pay_others(2_100);
    simulator.control().advance(A_DAY);
    let mut request = payout("recent", &"ba_0123456789".parse().unwrap());
    request.created_at = Utc::now() + TimeDelta::hours(24);
    request.attempt = Attempt::Again;
    let before = simulator.requests();
    gateway.payout(&request).await.unwrap();
    assert_eq!(simulator.requests() - before, 3, "two lists and the payout");

    let (simulator, gateway) = instamojo(By::Client).await;
    simulator.refund_others(5_100);
    simulator.control().advance(Duration::from_secs(60));
    let id = instamojo_support::paid(&simulator, &gateway, "recent", 50_000).await;
    let mut request = refund(&id, "recent refund", 10_000);
    request.attempt = Attempt::Again;
    gateway.refund(&request).await.unwrap();
    assert_eq!(simulator.control().books().payments[0].refunded, 10_000);
}

/// A call is carried out after its caller gave it up and while the next one is made.
#[tokio::test]
async fn race_of_a_late_call_with_the_next() {
    let late = Fault::DelayBefore(Duration::from_millis(800));
    let (simulator, _) = stripe().await;
    let settings = StripeSettings {
        calls: impatient(),
        ..stripe_settings(&simulator.url(), &[STRIPE_SECRET])
    };
    let gateway = StripeGateway::try_new(settings).unwrap();
    let mut request = payout("late", &"ba_0123456789".parse().unwrap());
    simulator.control().faults().arm(&late, 1);
    let error = gateway.payout(&request).await.unwrap_err();
    assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
    assert!(simulator.control().books().payouts.is_empty(), "not yet");
    request.attempt = Attempt::Again;
    gateway.payout(&request).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(simulator.control().books().payouts.len(), 1);

    let (simulator, patient) = razorpay().await;
    let settings = RazorpaySettings {
        calls: impatient(),
        ..razorpay_settings(&simulator.url(), KEY_SECRET, &[WEBHOOK_SECRET])
    };
    let gateway = RazorpayGateway::try_new(settings).unwrap();
    let request = PayoutRequest {
        mode: PayoutMode::Imps,
        ..payout("late", &beneficiary(&patient, bank()).await)
    };
    simulator.control().faults().arm(&late, 1);
    let error = gateway.payout(&request).await.unwrap_err();
    assert_eq!(error.advice(), Advice::LookUpFirst, "{}", told(&error));
    assert!(simulator.control().books().payouts.is_empty(), "not yet");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let books = simulator.control().books();
    assert_eq!(books.payouts.len(), 1, "done though nobody waited for it");
    let again = PayoutRequest {
        attempt: Attempt::Again,
        ..request
    };
    gateway.payout(&again).await.unwrap();
    assert_eq!(simulator.control().books().payouts.len(), 1);
}
