//! The Twilio simulator, spoken to by Twilio's own Python client.

use std::process::Stdio;
use std::time::Duration;

use connectors::messaging::{TwilioDelivery, TwilioSettings};
use connectors::secret::Secret;
use connectors::simulators::Fault;
use connectors::simulators::twilio_verify::TwilioVerifySimulator;
use identity::delivery::CodeDelivery;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::twilio::{ACCOUNT_SID, AUTH_TOKEN, SERVICE_SID, simulator};
use super::{CODE, NUMBER, attempts, python, script, sms};

/// What the client's operations give, in order.
async fn carried_out(
    simulator: &TwilioVerifySimulator,
    token: &str,
    operations: Value,
) -> Vec<Value> {
    let mut child = Command::new(python())
        .arg("-I")
        .arg(script("twilio_verify.py"))
        .args([&simulator.url(), ACCOUNT_SID, token, SERVICE_SID])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(operations.to_string().as_bytes())
        .await
        .unwrap();
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn error(result: &Value) -> (u64, u64) {
    let error = &result["error"];
    let number = |name: &str| error[name].as_u64().unwrap_or_else(|| panic!("{result}"));
    (number("status"), number("code"))
}

#[tokio::test]
async fn a_verification_lives_as_the_client_expects() {
    let simulator = simulator().await;
    let start = json!({"to": NUMBER, "channel": "sms", "custom_code": CODE});
    let check = |code: &str| json!(["check", {"to": NUMBER, "code": code}]);
    let results = carried_out(
        &simulator,
        AUTH_TOKEN,
        json!([
            ["create", start],
            ["create", start],
            check("999999"),
            check(CODE),
            check(CODE),
            ["create", {"to": NUMBER, "channel": "call"}],
        ]),
    )
    .await;
    let first = &results[0];
    assert_eq!(first["status"], "pending");
    assert_eq!(first["valid"], false);
    assert_eq!(first["to"], NUMBER);
    assert_eq!(first["channel"], "sms");
    assert_eq!(first["account_sid"], ACCOUNT_SID);
    assert_eq!(first["service_sid"], SERVICE_SID);
    assert_eq!(first["attempts"], 1);
    assert_eq!(first["sid"].as_str().unwrap().len(), 34);
    assert_eq!(results[1]["sid"], first["sid"], "still pending");
    assert_eq!(results[1]["attempts"], 2);
    assert_eq!(results[2]["status"], "pending");
    assert_eq!(results[2]["valid"], false);
    assert_eq!(results[3]["status"], "approved");
    assert_eq!(results[3]["valid"], true);
    assert_eq!(error(&results[4]), (404, 20_404));
    assert_ne!(results[5]["sid"], first["sid"]);
    let own = simulator.sent().pop().unwrap();
    assert_eq!((own.code.len(), own.channel.as_str()), (6, "call"));
}

/// The two meet: our adapter starts a verification that Twilio's client then checks.
#[tokio::test]
async fn what_the_adapter_sends_the_client_approves() {
    let simulator = simulator().await;
    let delivery = TwilioDelivery::try_new(&TwilioSettings {
        base_url: simulator.url().parse().unwrap(),
        account_sid: ACCOUNT_SID.to_owned(),
        auth_token: Secret::new(AUTH_TOKEN),
        service_sid: SERVICE_SID.to_owned(),
        attempts: attempts(),
    })
    .unwrap();
    delivery.deliver(&sms(NUMBER)).await.unwrap();
    let check = json!([["check", {"to": NUMBER, "code": CODE}]]);
    let results = carried_out(&simulator, AUTH_TOKEN, check).await;
    assert_eq!(results[0]["status"], "approved");
}

#[tokio::test]
async fn verifications_end_by_time_by_decision_and_by_guessing() {
    let simulator = simulator().await;
    let start = json!(["create", {"to": NUMBER, "channel": "sms", "custom_code": CODE}]);
    let results = carried_out(&simulator, AUTH_TOKEN, json!([start])).await;
    let sid = results[0]["sid"].clone();
    simulator.advance(Duration::from_secs(600));
    let check = json!(["check", {"verification_sid": sid, "code": CODE}]);
    let fetch = json!(["fetch", {"sid": sid}]);
    let results = carried_out(&simulator, AUTH_TOKEN, json!([check, fetch, start])).await;
    assert_eq!(error(&results[0]), (404, 20_404));
    assert_eq!(results[1]["status"], "expired");

    let sid = results[2]["sid"].clone();
    let cancel = json!(["update", {"sid": sid, "status": "canceled"}]);
    let check = json!(["check", {"to": NUMBER, "code": CODE}]);
    let results = carried_out(
        &simulator,
        AUTH_TOKEN,
        json!([cancel, check, cancel, start]),
    )
    .await;
    assert_eq!(results[0]["status"], "canceled");
    assert_eq!(error(&results[1]), (404, 20_404));
    assert_eq!(error(&results[2]), (404, 20_404));

    let wrong = json!(["check", {"to": NUMBER, "code": "999999"}]);
    let guesses = json!([wrong, wrong, wrong, wrong, wrong, check, check]);
    let results = carried_out(&simulator, AUTH_TOKEN, guesses).await;
    assert_eq!(results[4]["status"], "pending");
    assert_eq!(error(&results[5]), (429, 60_202));
    assert_eq!(error(&results[6]), (404, 20_404));
}

#[tokio::test]
async fn the_client_reads_every_error() {
    let simulator = simulator().await;
    let start = |to: &str, channel: &str, code: &str| json!(["create", {"to": to, "channel": channel, "custom_code": code}]);
    let good = start(NUMBER, "sms", CODE);
    let results = carried_out(
        &simulator,
        AUTH_TOKEN,
        json!([
            start("9876543210", "sms", CODE),
            start(NUMBER, "pigeon", CODE),
            start(NUMBER, "sms", "123"),
            start(NUMBER, "email", CODE),
            ["check", {"to": NUMBER, "code": "1"}],
            ["fetch", {"sid": "VEffffffffffffffffffffffffffffffff"}],
            ["update", {"sid": NUMBER, "status": "expired"}],
            good,
            good,
            good,
            good,
            good,
            good,
        ]),
    )
    .await;
    let errors: Vec<(u64, u64)> = results[..7].iter().map(error).collect();
    let expected = [
        (400, 60_200),
        (400, 60_200),
        (400, 60_200),
        (403, 60_223),
        (400, 60_200),
        (404, 20_404),
        (400, 60_200),
    ];
    assert_eq!(errors, expected);
    assert_eq!(results[11]["attempts"], 5);
    assert_eq!(error(&results[12]), (429, 60_203));

    let results = carried_out(&simulator, "key-of-others", json!([good])).await;
    assert_eq!(error(&results[0]), (401, 20_003));
    simulator.faults().arm(&Fault::Fail, 1);
    let limit = Fault::RateLimit {
        retry_after_seconds: Some(1),
    };
    simulator.faults().arm(&limit, 1);
    let results = carried_out(&simulator, AUTH_TOKEN, json!([good, good])).await;
    assert_eq!(error(&results[0]), (500, 20_500));
    assert_eq!(error(&results[1]), (429, 20_429));
}
