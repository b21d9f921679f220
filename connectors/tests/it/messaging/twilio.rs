//! Twilio Verify: the adapter against the simulator.

use std::time::Duration;

use connectors::messaging::{
    AttemptPolicy, MessagingStartError, TWILIO_BASE_URL, TwilioDelivery, TwilioSettings,
};
use connectors::secret::Secret;
use connectors::simulators::Fault;
use connectors::simulators::twilio_verify::{TwilioAccount, TwilioVerifySimulator};
use identity::delivery::{CodeDelivery, CodeText};

use super::{CODE, NUMBER, attempts, email, impatient, refusal, sms, told};

pub const ACCOUNT_SID: &str = "AC0123456789abcdef0123456789abcdef";
pub const SERVICE_SID: &str = "VA0123456789abcdef0123456789abcdef";
pub const AUTH_TOKEN: &str = "key-of-ours";

pub async fn simulator() -> TwilioVerifySimulator {
    let account = TwilioAccount {
        account_sid: ACCOUNT_SID.to_owned(),
        auth_token: Secret::new(AUTH_TOKEN),
        service_sid: SERVICE_SID.to_owned(),
    };
    TwilioVerifySimulator::start(account).await.unwrap()
}

fn settings(url: &str, attempts: AttemptPolicy) -> TwilioSettings {
    TwilioSettings {
        base_url: url.parse().unwrap(),
        account_sid: ACCOUNT_SID.to_owned(),
        auth_token: Secret::new(AUTH_TOKEN),
        service_sid: SERVICE_SID.to_owned(),
        attempts,
    }
}

fn delivery(simulator: &TwilioVerifySimulator, attempts: AttemptPolicy) -> TwilioDelivery {
    TwilioDelivery::try_new(&settings(&simulator.url(), attempts)).unwrap()
}

#[tokio::test]
async fn our_code_is_sent() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    assert_eq!(told(delivery.deliver(&sms(NUMBER)).await), "delivered");
    let sent = simulator.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to, NUMBER);
    assert_eq!(sent[0].code, CODE);
    assert_eq!(sent[0].channel, "sms");
    assert_eq!(simulator.requests(), 1);
}

#[tokio::test]
async fn a_new_code_takes_the_place_of_the_last() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    delivery.deliver(&sms(NUMBER)).await.unwrap();
    let mut second = sms(NUMBER);
    second.code = CodeText::new("678901".to_owned());
    delivery.deliver(&second).await.unwrap();
    let codes: Vec<String> = simulator.sent().into_iter().map(|sent| sent.code).collect();
    assert_eq!(codes, [CODE, "678901"]);
}

#[tokio::test]
async fn what_fails_in_passing_is_tried_again() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    simulator.faults().arm(&Fault::Fail, 1);
    simulator.faults().arm(&Fault::Page, 1);
    assert_eq!(told(delivery.deliver(&sms(NUMBER)).await), "delivered");
    assert_eq!(simulator.requests(), 3);
    assert_eq!(simulator.sent().len(), 1);

    // Sent, but the answer was an error: the person gets the same code twice.
    simulator.faults().arm(&Fault::FailAfterwards, 1);
    assert_eq!(told(delivery.deliver(&sms(NUMBER)).await), "delivered");
    let codes: Vec<String> = simulator.sent().into_iter().map(|sent| sent.code).collect();
    assert_eq!(codes, [CODE, CODE, CODE]);

    simulator.faults().arm(&Fault::Fail, 9);
    let outcome = told(delivery.deliver(&sms(NUMBER)).await);
    let expected = "unavailable: Twilio Verify failed: status 500, code 20500";
    assert_eq!(outcome, expected);
    assert_eq!(simulator.faults().armed(), 6, "three attempts, no more");
}

#[tokio::test]
async fn rate_limits_are_passed_on_and_not_repeated() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    let limit = |retry_after_seconds| Fault::RateLimit {
        retry_after_seconds,
    };
    simulator.faults().arm(&limit(Some(30)), 1);
    simulator.faults().arm(&limit(None), 1);
    let outcome = told(delivery.deliver(&sms(NUMBER)).await);
    assert_eq!(outcome, "rate limited for 30 s");
    assert_eq!(told(delivery.deliver(&sms(NUMBER)).await), "rate limited");
    assert_eq!(simulator.requests(), 2);

    // Twilio's own limit for one number, and its end.
    for _ in 0..5 {
        assert_eq!(told(delivery.deliver(&sms(NUMBER)).await), "delivered");
    }
    assert_eq!(told(delivery.deliver(&sms(NUMBER)).await), "rate limited");
    let other = delivery.deliver(&sms("+15005550006")).await;
    assert_eq!(told(other), "delivered");
    simulator.advance(Duration::from_secs(600));
    assert_eq!(told(delivery.deliver(&sms(NUMBER)).await), "delivered");
}

#[tokio::test]
async fn every_documented_error_has_one_meaning() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    let words = format!("Invalid parameter `To`: {NUMBER}, {CODE}");
    let set_up = "unavailable: Twilio Verify does not accept how it is set up: ";
    for (status, code, expected) in [
        (400, 60_200, "refused: status 400, code 60200".to_owned()),
        (400, 60_205, "refused: status 400, code 60205".to_owned()),
        (403, 60_205, "refused: status 403, code 60205".to_owned()),
        (403, 60_220, "refused: status 403, code 60220".to_owned()),
        (403, 60_410, "refused: status 403, code 60410".to_owned()),
        (403, 60_412, "refused: status 403, code 60412".to_owned()),
        (403, 60_605, "refused: status 403, code 60605".to_owned()),
        (400, 21_211, "refused: status 400, code 21211".to_owned()),
        (400, 21_408, "refused: status 400, code 21408".to_owned()),
        (400, 21_610, "refused: status 400, code 21610".to_owned()),
        (400, 21_614, "refused: status 400, code 21614".to_owned()),
        (400, 99_999, "refused: status 400, code 99999".to_owned()),
        (429, 60_202, "rate limited".to_owned()),
        (429, 60_203, "rate limited".to_owned()),
        (429, 60_207, "rate limited".to_owned()),
        (429, 60_212, "rate limited".to_owned()),
        (400, 60_203, "rate limited".to_owned()),
        (429, 20_429, "rate limited".to_owned()),
        (429, 99_999, "rate limited".to_owned()),
        (401, 20_003, format!("{set_up}status 401, code 20003")),
        (403, 20_003, format!("{set_up}status 403, code 20003")),
        (404, 20_404, format!("{set_up}status 404, code 20404")),
        (400, 60_204, format!("{set_up}status 400, code 60204")),
        (400, 60_217, format!("{set_up}status 400, code 60217")),
        (403, 60_223, format!("{set_up}status 403, code 60223")),
        (400, 60_243, format!("{set_up}status 400, code 60243")),
        (405, 20_004, format!("{set_up}status 405, code 20004")),
    ] {
        let before = simulator.requests();
        simulator.faults().arm(&refusal(status, code, &words), 1);
        let outcome = told(delivery.deliver(&sms(NUMBER)).await);
        assert_eq!(outcome, expected, "{status} {code}");
        assert_eq!(
            simulator.requests(),
            before + 1,
            "{status} {code}: repeated"
        );
    }
    let failed = "unavailable: Twilio Verify failed: ";
    let strange = "unavailable: the answer of Twilio Verify is not understood: ";
    for (status, code, expected) in [
        (500, 20_500, format!("{failed}status 500, code 20500")),
        (503, 20_503, format!("{failed}status 503, code 20503")),
        (504, 60_999, format!("{failed}status 504, code 60999")),
        (408, 20_408, format!("{failed}status 408, code 20408")),
        (200, 0, format!("{strange}status 200, code 0")),
        (201, 0, format!("{strange}201 without a verification")),
        (302, 0, format!("{strange}status 302, code 0")),
    ] {
        let before = simulator.requests();
        simulator.faults().arm(&refusal(status, code, &words), 3);
        let outcome = told(delivery.deliver(&sms(NUMBER)).await);
        assert_eq!(outcome, expected, "{status} {code}");
        assert_eq!(simulator.requests(), before + 3, "{status} {code}");
    }
    assert_eq!(simulator.sent().len(), 0);
}

#[tokio::test]
async fn wrong_credentials_and_unknown_services_are_our_fault() {
    let simulator = simulator().await;
    let mut wrong = settings(&simulator.url(), attempts());
    wrong.auth_token = Secret::new("key-of-ourselves");
    let outcome = told(
        TwilioDelivery::try_new(&wrong)
            .unwrap()
            .deliver(&sms(NUMBER))
            .await,
    );
    assert!(
        outcome.contains("set up: status 401, code 20003"),
        "{outcome}"
    );
    let mut other = settings(&simulator.url(), attempts());
    other.service_sid = "VAffffffffffffffffffffffffffffffff".to_owned();
    let outcome = told(
        TwilioDelivery::try_new(&other)
            .unwrap()
            .deliver(&sms(NUMBER))
            .await,
    );
    assert!(
        outcome.contains("set up: status 404, code 20404"),
        "{outcome}"
    );
    assert_eq!(simulator.requests(), 2);
    assert_eq!(simulator.sent().len(), 0);
}

#[tokio::test]
async fn slow_answers_are_not_waited_for() {
    let simulator = simulator().await;
    let delay = Fault::Delay(Duration::from_secs(3_600));
    simulator.faults().arm(&delay, 1);
    let outcome = told(
        delivery(&simulator, impatient())
            .deliver(&sms(NUMBER))
            .await,
    );
    let expected = "unavailable: the call to Twilio Verify has no answer: \
                    there was no answer within 500 ms";
    assert_eq!(outcome, expected);
    // It went out all the same, and the next attempt sends the same code.
    assert_eq!(simulator.sent()[0].code, CODE);
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    drop(simulator);
    let outcome = told(delivery.deliver(&sms(NUMBER)).await);
    let start = "unavailable: the call to Twilio Verify has no answer: there is no connection";
    assert!(outcome.starts_with(start), "{outcome}");
}

#[tokio::test]
async fn only_phones_and_only_codes() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    let outcome = told(delivery.deliver(&email("asha@example.org")).await);
    assert_eq!(outcome, "not configured");
    let mut message = sms(NUMBER);
    message.code = CodeText::new("1234567890&To=+1".to_owned());
    let outcome = told(delivery.deliver(&message).await);
    assert_eq!(outcome, "refused: a code is six digits");
    assert_eq!(simulator.requests(), 0);
}

#[tokio::test]
async fn settings_are_checked_and_do_not_show() {
    let good = settings(TWILIO_BASE_URL, attempts());
    let delivery = TwilioDelivery::try_new(&good).unwrap();
    for debug in [format!("{good:?}"), format!("{delivery:?}")] {
        assert!(!debug.contains(AUTH_TOKEN), "{debug}");
        assert!(!debug.contains("Basic "), "{debug}");
    }
    let refused = |change: fn(&mut TwilioSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        match TwilioDelivery::try_new(&settings) {
            Err(MessagingStartError::Setting { setting, .. }) => setting,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        refused(|bad| bad.account_sid = "AC".to_owned()),
        "account_sid"
    );
    assert_eq!(
        refused(|bad| bad.service_sid = "VA0123456789abcdef0123456789abcd/..".to_owned()),
        "service_sid"
    );
    assert_eq!(
        refused(|bad| bad.service_sid = ACCOUNT_SID.to_owned()),
        "service_sid"
    );
    assert_eq!(
        refused(|bad| bad.auth_token = Secret::default()),
        "auth_token"
    );
}
