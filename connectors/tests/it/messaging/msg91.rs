//! MSG91: the adapter against the simulator, and the simulator by hand.

use std::time::Duration;

use connectors::messaging::{
    AttemptPolicy, MSG91_BASE_URL, MessagingStartError, Msg91Delivery, Msg91Settings,
};
use connectors::secret::Secret;
use connectors::simulators::Fault;
use connectors::simulators::msg91::{Msg91Account, Msg91Simulator};
use identity::delivery::{CodeDelivery, CodeText};

use super::answers::Answers;
use super::{CODE, NUMBER, attempts, email, impatient, refusal, sms, told};

const AUTHKEY: &str = "key-of-ours";
const TEMPLATE: &str = "5f0c1d2e3a4b5c6d7e8f9a0b";

async fn simulator() -> Msg91Simulator {
    let account = Msg91Account {
        authkey: Secret::new(AUTHKEY),
        template_id: TEMPLATE.to_owned(),
    };
    Msg91Simulator::start(account).await.unwrap()
}

fn settings(url: &str, attempts: AttemptPolicy) -> Msg91Settings {
    Msg91Settings {
        base_url: url.parse().unwrap(),
        authkey: Secret::new(AUTHKEY),
        template_id: TEMPLATE.to_owned(),
        sender: None,
        attempts,
    }
}

fn delivery(simulator: &Msg91Simulator, attempts: AttemptPolicy) -> Msg91Delivery {
    Msg91Delivery::try_new(&settings(&simulator.url(), attempts)).unwrap()
}

#[tokio::test]
async fn our_code_is_sent() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    assert_eq!(told(delivery.deliver(&sms(NUMBER)).await), "delivered");
    let sent = simulator.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to, "919876543210");
    assert_eq!(sent[0].code, CODE);
    assert_eq!(simulator.requests(), 1);
}

/// What MSG91 is asked, to the letter: six digits, ten minutes at most, the key in no URL.
#[tokio::test]
async fn requests_are_as_documented() {
    let mut answers = Answers::start(vec![
        (200, r#"{"type":"success","request_id":"1"}"#),
        (200, r#"{"type":"success","message":"1"}"#),
    ])
    .await;
    let mut with_sender = settings(&answers.url, attempts());
    with_sender.sender = Some("DAYBK & Co".to_owned());
    let delivery = Msg91Delivery::try_new(&with_sender).unwrap();
    let mut message = sms(NUMBER);
    delivery.deliver(&message).await.unwrap();
    message.expires_in = Duration::from_secs(86_400);
    delivery.deliver(&message).await.unwrap();
    for expiry in ["5", "10"] {
        let request = answers.next_request().await;
        assert_eq!(request.method, "POST");
        assert_eq!(
            request.path,
            format!(
                "/api/v5/otp?template_id={TEMPLATE}&mobile=919876543210&otp={CODE}\
                 &otp_length=6&otp_expiry={expiry}&sender=DAYBK+%26+Co"
            )
        );
        assert_eq!(request.headers["authkey"], AUTHKEY);
    }
}

#[tokio::test]
async fn what_fails_in_passing_is_tried_again() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    simulator.faults().arm(&Fault::FailAfterwards, 1);
    simulator.faults().arm(&Fault::Page, 1);
    assert_eq!(told(delivery.deliver(&sms(NUMBER)).await), "delivered");
    let codes: Vec<String> = simulator.sent().into_iter().map(|sent| sent.code).collect();
    assert_eq!(codes, [CODE, CODE]);
    assert_eq!(simulator.requests(), 3);

    simulator.faults().arm(&Fault::Fail, 9);
    let outcome = told(delivery.deliver(&sms(NUMBER)).await);
    let expected = "unavailable: MSG91 failed: Internal Server Error (code 500)";
    assert_eq!(outcome, expected);
    assert_eq!(simulator.faults().armed(), 6, "three attempts, no more");
}

#[tokio::test]
async fn every_known_error_has_one_meaning() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    let set_up = "unavailable: MSG91 does not accept how it is set up: ";
    for (status, code, message, expected) in [
        (
            200,
            0,
            "Invalid mobile 919876543210 / 012345",
            "refused: Invalid mobile … / … (code 0)",
        ),
        (
            200,
            202,
            "Invalid mobile number",
            "refused: Invalid mobile number (code 202)",
        ),
        (400, 0, "Bad", "refused: Bad (code 0)"),
        (200, 0, "OTP retry count maxed out", "rate limited"),
        (
            200,
            0,
            "Max limit reached for this otp verification",
            "rate limited",
        ),
        (200, 311, "Identical content", "rate limited"),
        (429, 0, "Slow down", "rate limited"),
        (200, 201, "x", &format!("{set_up}x (code 201)")),
        (401, 0, "x", &format!("{set_up}x (code 0)")),
        (200, 207, "x", &format!("{set_up}x (code 207)")),
        (200, 211, "x", &format!("{set_up}x (code 211)")),
        (200, 301, "x", &format!("{set_up}x (code 301)")),
        (200, 418, "x", &format!("{set_up}x (code 418)")),
        (418, 0, "x", &format!("{set_up}x (code 0)")),
        (
            200,
            0,
            "IP not whitelisted",
            &format!("{set_up}IP not whitelisted (code 0)"),
        ),
        (
            200,
            0,
            "Invalid authkey",
            &format!("{set_up}Invalid authkey (code 0)"),
        ),
        (
            400,
            0,
            "Insufficient balance",
            &format!("{set_up}Insufficient balance (code 0)"),
        ),
    ] {
        let before = simulator.requests();
        simulator.faults().arm(&refusal(status, code, message), 1);
        let outcome = told(delivery.deliver(&sms(NUMBER)).await);
        assert_eq!(outcome, expected, "{status} {code} {message}");
        assert_eq!(
            simulator.requests(),
            before + 1,
            "{status} {code} {message}: repeated"
        );
    }
    let limit = Fault::RateLimit {
        retry_after_seconds: Some(7),
    };
    simulator.faults().arm(&limit, 1);
    let outcome = told(delivery.deliver(&sms(NUMBER)).await);
    assert_eq!(outcome, "rate limited for 7 s");
    assert_eq!(simulator.sent().len(), 0);
}

#[tokio::test]
async fn answers_that_are_none_are_not_taken_for_success() {
    for (status, body) in [
        (200, "{}"),
        (200, ""),
        (200, "success"),
        (200, r#"{"type":"Success"}"#),
        (200, r#"{"type":"queued"}"#),
        (200, r#"["type","success"]"#),
        (201, r#"{"type":"success"}"#),
        (302, r#"{"type":"success"}"#),
        (204, ""),
    ] {
        let answers = Answers::start(vec![(status, body); 3]).await;
        let delivery = Msg91Delivery::try_new(&settings(&answers.url, attempts())).unwrap();
        let outcome = told(delivery.deliver(&sms(NUMBER)).await);
        let start = "unavailable: the answer of MSG91 is not understood";
        assert!(outcome.starts_with(start), "{status} {body}: {outcome}");
    }
    let long = format!(
        "{{\"type\":\"success\",\"message\":\"{}\"}}",
        "x".repeat(70_000)
    );
    let answers = Answers::start(vec![(200, &long); 3]).await;
    let delivery = Msg91Delivery::try_new(&settings(&answers.url, attempts())).unwrap();
    let outcome = told(delivery.deliver(&sms(NUMBER)).await);
    assert!(outcome.contains("the answer cannot be read"), "{outcome}");
}

#[tokio::test]
async fn our_set_up_is_checked_by_the_provider() {
    let simulator = simulator().await;
    let mut wrong = settings(&simulator.url(), attempts());
    wrong.authkey = Secret::new("key-of-ourselves");
    let outcome = told(
        Msg91Delivery::try_new(&wrong)
            .unwrap()
            .deliver(&sms(NUMBER))
            .await,
    );
    assert!(
        outcome.ends_with("set up: Authentication failure (code 201)"),
        "{outcome}"
    );
    let mut wrong = settings(&simulator.url(), attempts());
    wrong.template_id = "other".to_owned();
    let outcome = told(
        Msg91Delivery::try_new(&wrong)
            .unwrap()
            .deliver(&sms(NUMBER))
            .await,
    );
    let end = "set up: Template ID Missing or Invalid Template";
    assert!(outcome.ends_with(end), "{outcome}");
    assert_eq!(simulator.requests(), 2);
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
    assert!(
        outcome.ends_with("there was no answer within 500 ms"),
        "{outcome}"
    );
    assert_eq!(simulator.sent()[0].code, CODE);
}

#[tokio::test]
async fn only_phones_only_codes_only_settings() {
    let simulator = simulator().await;
    let delivery = delivery(&simulator, attempts());
    let outcome = told(delivery.deliver(&email("asha@example.org")).await);
    assert_eq!(outcome, "not configured");
    let mut message = sms(NUMBER);
    message.code = CodeText::new("1234".to_owned());
    let outcome = told(delivery.deliver(&message).await);
    assert_eq!(outcome, "refused: a code is six digits");
    assert_eq!(simulator.requests(), 0);

    let good = settings(MSG91_BASE_URL, attempts());
    let debug = format!("{good:?} {:?}", Msg91Delivery::try_new(&good).unwrap());
    assert!(!debug.contains(AUTHKEY), "{debug}");
    let refused = |change: fn(&mut Msg91Settings)| {
        let mut settings = good.clone();
        change(&mut settings);
        match Msg91Delivery::try_new(&settings) {
            Err(MessagingStartError::Setting { setting, .. }) => setting,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|bad| bad.authkey = Secret::default()), "authkey");
    assert_eq!(
        refused(|bad| bad.authkey = Secret::new("a\r\nb: c")),
        "authkey"
    );
    assert_eq!(refused(|bad| bad.template_id.clear()), "template_id");
}

/// The simulator's other requests, which the adapter has no use for.
#[tokio::test]
async fn the_simulator_checks_and_repeats_codes() {
    let simulator = simulator().await;
    let ask = async |method: &str, path: &str| {
        let url = format!("{}/api/v5/otp{path}", simulator.url());
        let said = super::answers::ask(method, &url, &[("authkey", AUTHKEY)]).await;
        assert_eq!(said.0, 200, "{path}");
        said.1["message"].as_str().unwrap_or("success").to_owned()
    };
    let mobile = "mobile=919876543210";
    assert_eq!(
        ask("GET", &format!("/verify?{mobile}&otp=1")).await,
        "Mobile no. not found"
    );
    let none = "No OTP request found to retryotp";
    assert_eq!(ask("GET", &format!("/retry?{mobile}")).await, none);

    let send = format!("?template_id={TEMPLATE}&{mobile}&otp={CODE}&otp_length=6&otp_expiry=5");
    assert_eq!(ask("POST", &send).await, "success");
    let again = format!("/retry?{mobile}&retrytype=text");
    assert_eq!(ask("GET", &again).await, "retry send successfully");
    assert_eq!(
        ask("POST", &format!("/retry?{mobile}")).await,
        "retry send successfully"
    );
    assert_eq!(ask("GET", &again).await, "OTP retry count maxed out");
    let channels: Vec<String> = simulator
        .sent()
        .into_iter()
        .map(|sent| sent.channel)
        .collect();
    assert_eq!(channels, ["sms", "sms", "voice"]);
    let wrong = format!("/verify?{mobile}&otp=999999");
    assert_eq!(ask("GET", &wrong).await, "OTP not match");
    let right = format!("/verify?{mobile}&otp={CODE}");
    assert_eq!(ask("GET", &right).await, "OTP verified success");
    assert_eq!(ask("GET", &right).await, "Mobile no. already verified");

    assert_eq!(ask("POST", &send).await, "success");
    for _ in 0..5 {
        assert_eq!(ask("GET", &wrong).await, "OTP not match");
    }
    assert_eq!(
        ask("GET", &right).await,
        "Max limit reached for this otp verification"
    );

    assert_eq!(ask("POST", &send).await, "success");
    simulator.advance(Duration::from_secs(300));
    assert_eq!(ask("GET", &right).await, "OTP expired");
    assert_eq!(ask("GET", &again).await, none);

    let unnamed = format!("?template_id={TEMPLATE}&{mobile}");
    assert_eq!(ask("POST", &unnamed).await, "success");
    assert_eq!(
        simulator.sent().last().unwrap().code.len(),
        4,
        "MSG91's default"
    );
    let nobody = format!("?template_id={TEMPLATE}&mobile=");
    assert_eq!(
        ask("POST", &nobody).await,
        "Mobile number empty or not numeric"
    );
    let ten = format!("{unnamed}&otp_length=10");
    assert_eq!(
        ask("POST", &ten).await,
        "OTP length must be between 4 and 9"
    );
}
