//! The simulators' control interface, as another process uses it.

use serde_json::{Value, json};

use super::support::{Pair, Running, WEBHOOK_SECRET, request};
use crate::gateways::receiver::{Receiver, command, open};

fn control_url(pair: &Pair) -> String {
    match &pair.running {
        Running::Sumsub(simulator) => format!("{}/_simulator", simulator.url()),
        Running::Onfido(simulator) => simulator.control_url(),
        Running::Digio(simulator) => format!("{}/_simulator", simulator.url()),
    }
}

#[tokio::test]
async fn a_simulator_is_told_over_http() {
    for pair in Pair::all().await {
        let receiver = Receiver::start().await;
        let base = control_url(&pair);
        let tell = |path: &str, body: Value| {
            let url = format!("{base}/{path}");
            async move { command(&url, &body).await }
        };
        let webhook = json!({"url": receiver.url(), "secrets": [WEBHOOK_SECRET]});
        assert_eq!(tell("webhook", webhook).await, 204);
        assert_eq!(
            tell("webhook", json!({"url": "x", "secrets": []})).await,
            400
        );
        assert_eq!(
            tell("chances", json!({"webhook_duplicate": 1000})).await,
            204
        );
        let opened = pair
            .provider
            .open_case(&request(pair.name(), "told-1"))
            .await
            .unwrap();
        let case_id = opened.case_id.as_str();
        let submit = json!({"case_id": case_id, "choice": "submit"});
        assert_eq!(tell("decide", submit.clone()).await, 200);
        assert_eq!(tell("decide", submit).await, 409);
        let explode = json!({"case_id": case_id, "choice": "explode"});
        assert_eq!(tell("decide", explode).await, 400);
        assert_eq!(
            tell("say", json!({"case_id": case_id, "word": "odd"})).await,
            204
        );
        assert_eq!(
            tell("say", json!({"case_id": "nobody", "word": "odd"})).await,
            409
        );
        let cases = open(&format!("{base}/cases")).await.html;
        let cases: Value = serde_json::from_str(&cases).unwrap();
        assert_eq!(
            (&cases[0]["case_id"], &cases[0]["status"]),
            (&json!(case_id), &json!("odd"))
        );
        pair.webhooks_settled().await;
        let told = open(&format!("{base}/deliveries")).await.html;
        let told: Value = serde_json::from_str(&told).unwrap();
        assert!(told["deliveries"].as_array().unwrap().len() >= 4, "{told}");
        assert_eq!(
            tell("faults", json!({"fault": "fail", "requests": 1})).await,
            204
        );
        assert_eq!(tell("advance", json!({"seconds": 60})).await, 204);
        assert_eq!(tell("down", json!({"is_down": true})).await, 204);
        let refused = pair
            .provider
            .open_case(&request(pair.name(), "told-2"))
            .await;
        assert!(refused.is_err());
    }
}
