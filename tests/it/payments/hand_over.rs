//! Payers whose gateway wants a form posted: a page of ours takes their browser there.

use std::sync::Arc;
use std::time::Duration;

use connectors::gateways::payu::{PayUGateway, PayUResponseHash, PayUSettings};
use connectors::gateways::{CallPolicy, CaptureMode, SecretRing};
use connectors::secret::Secret;
use connectors::simulators::WebhookTiming;
use connectors::simulators::payu::{PayUAccount, PayUSimulator};
use daybook::cli::Role as Part;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use workflows::{GatewayAccount, GatewayAccounts};

use super::browser::Form;
use super::support::{World, balance};
use crate::harness::node::TestNode;

const KEY: &str = "gtKFFx";
const SALT: &str = "a salt of PayU";

async fn simulator() -> PayUSimulator {
    let webhooks = WebhookTiming {
        first_pause: Duration::from_millis(50),
        attempts: 12,
        longest_hold: Duration::from_millis(200),
    };
    let account = PayUAccount {
        key: KEY.to_owned(),
        salt: Secret::new(SALT),
        capture: CaptureMode::Automatic,
        response_hash: PayUResponseHash::Plain,
        seed: 9,
        webhooks,
    };
    PayUSimulator::start(account).await.unwrap()
}

/// A node whose only provider is PayU.
async fn node(world: &World, payu: &PayUSimulator) -> TestNode {
    let gateway = PayUGateway::try_new(PayUSettings {
        page_url: payu.url().parse().unwrap(),
        api_url: payu.url().parse().unwrap(),
        key: KEY.to_owned(),
        salts: SecretRing::try_new(vec![Secret::new(SALT)]).unwrap(),
        capture: CaptureMode::Automatic,
        response_hash: PayUResponseHash::Plain,
        calls: CallPolicy::default(),
    });
    let account = GatewayAccount {
        ledger: world.ledger(),
        endpoint: "main".to_owned(),
        gateway: Arc::new(gateway.unwrap()),
    };
    let accounts = GatewayAccounts::try_new(vec![account]).unwrap();
    let change = |payments: &mut daybook::node::PaymentOptions| payments.accounts = accounts;
    let node = world.node_with(&Part::ALL, change).await;
    let address = node.url("/v1/webhooks/payu/main");
    payu.control().set_webhook(&address, &[Secret::new(SALT)]);
    node
}

/// A deposit of that payer: its id, and what their browser opens.
async fn deposit(node: &TestNode, wallet: &str, name: &str) -> (String, String) {
    let body = json!({
        "wallet": wallet, "asset": "INR", "amount": "100",
        "payer": { "name": name, "email": "asha@example.com", "phone": "+919000090000" },
        "return_url": "https://shop.example/done?a=1&b=%22%3E%3Cscript%3E",
    });
    let request = node.client.post(node.at("/deposits?wait_ms=10000"));
    let made: Value = node.send(request.json(&body)).await.expect(201).body;
    let of = |field: &str| {
        made[field]
            .as_str()
            .unwrap_or_else(|| panic!("{made}"))
            .to_owned()
    };
    (of("id"), of("checkout_url"))
}

/// A browser that has no credentials and does not follow where it is sent.
fn browser() -> Client {
    let quiet = reqwest::redirect::Policy::none();
    Client::builder().redirect(quiet).build().unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_follows_the_page_to_the_gateway_and_pays() {
    let (world, payu) = (World::new(None).await, simulator().await);
    let node = node(&world, &payu).await;
    let wallet = node.wallet("asha").await;
    let (deposit, address) = deposit(&node, &wallet, "Asha Rao").await;
    let client = browser();
    let ours = client.get(&address).send().await.unwrap();
    assert_eq!(ours.status(), StatusCode::OK);
    assert_eq!(header(&ours, "cache-control"), "no-store");
    assert_eq!(header(&ours, "referrer-policy"), "no-referrer");
    assert_eq!(header(&ours, "content-type"), "text/html; charset=utf-8");
    let policy = header(&ours, "content-security-policy").to_owned();
    let target = format!("form-action {};", payu.url());
    assert!(policy.contains(&target), "{policy}");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let html = ours.text().await.unwrap();
    assert!(html.contains("<button>Continue to PayU</button>"), "{html}");
    let form = Form::of(&html);
    assert_eq!(form.action, format!("{}/_payment", payu.url()));
    let theirs = form.post(&client, &address).await.unwrap();
    assert_eq!(theirs.status(), StatusCode::OK);
    let html = theirs.text().await.unwrap();
    assert!(html.contains("INR 100.00"), "{html}");
    let decision = Form::of(&html).with("method", "upi").with("choice", "pay");
    let decided = decision.post(&client, &form.action).await.unwrap();
    let html = decided.text().await.unwrap();
    let back = Form::of(&html);
    assert!(
        back.action.starts_with("https://shop.example/done"),
        "{}",
        back.action
    );
    world.event("payment", &deposit, "PaymentCaptured").await;
    let holder = format!("wallet:{wallet}");
    assert_eq!(balance(&world, &node, &holder).await, "100.00");

    // Nothing is left to pay.
    let gone = eventually_gone(&client, &address).await;
    let html = gone.text().await.unwrap();
    assert!(html.contains("nothing more to pay"), "{html}");
    assert!(!html.contains("asha@example.com"), "{html}");
    let shown = node.get(&format!("/deposits/{deposit}")).await.expect(200);
    assert!(shown.body.get("checkout_url").is_none(), "{shown:?}");
    node.node.stop().await;
}

async fn eventually_gone(client: &Client, address: &str) -> Response {
    super::support::eventually("the page closes", || async {
        let page = client.get(address).send().await.unwrap();
        (page.status() == StatusCode::GONE).then_some(page)
    })
    .await
}

/// What payers are called becomes no markup, and gets to the gateway as it is.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_payer_is_called_reaches_the_gateway_and_becomes_no_markup() {
    let (world, payu) = (World::new(None).await, simulator().await);
    let node = node(&world, &payu).await;
    let wallet = node.wallet("asha").await;
    let name = "\"></form><script>alert('x')</script>&amp;";
    let (_, address) = deposit(&node, &wallet, name).await;
    let client = browser();
    let html = client
        .get(&address)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(html.matches("<script>").count(), 1, "{html}");
    let form = Form::of(&html);
    let known = form.fields.iter().find(|(field, _)| field == "firstname");
    assert_eq!(known.unwrap().1, name);
    // PayU checks a hash over it.
    let theirs = form.post(&client, &address).await.unwrap();
    assert_eq!(theirs.status(), StatusCode::OK);
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_page_for_whoever_guesses_and_none_that_has_ended() {
    let (world, payu) = (World::new(None).await, simulator().await);
    let node = node(&world, &payu).await;
    let wallet = node.wallet("asha").await;
    let (one, address) = deposit(&node, &wallet, "Asha Rao").await;
    let (_, other) = deposit(&node, &wallet, "Asha Rao").await;
    assert_ne!(address, other);
    let (place, token) = address.rsplit_once('/').unwrap();
    assert_eq!(token.len(), 43, "{token}");
    let client = browser();
    for (guess, status) in [
        ("x".repeat(43), StatusCode::NOT_FOUND),
        (token.to_uppercase(), StatusCode::NOT_FOUND),
        (one.clone(), StatusCode::NOT_FOUND),
        ("x".repeat(65), StatusCode::BAD_REQUEST),
        (format!("{token}%27"), StatusCode::BAD_REQUEST),
    ] {
        let answer = client.get(format!("{place}/{guess}")).send().await.unwrap();
        assert_eq!(answer.status(), status, "{guess}");
        let html = answer.text().await.unwrap();
        assert!(!html.contains("asha@example.com"), "{html}");
    }
    let missing = client
        .get(format!("{place}/{}", "x".repeat(43)))
        .send()
        .await
        .unwrap();
    assert_eq!(header(&missing, "cache-control"), "no-store");
    assert!(header(&missing, "content-type").starts_with("text/html"));
    let posted = client.post(&address).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);

    let end = node
        .client
        .post(node.at(&format!("/deposits/{one}/expire")));
    node.send(end).await.expect(200);
    let html = eventually_gone(&client, &address)
        .await
        .text()
        .await
        .unwrap();
    assert!(html.contains("Its time has passed"), "{html}");
    assert!(!html.contains("<form"), "{html}");
    let open = client.get(&other).send().await.unwrap();
    assert_eq!(open.status(), StatusCode::OK);

    // What is forgotten is not there.
    sqlx::query("DELETE FROM workflows.checkout")
        .execute(world.pool())
        .await
        .unwrap();
    let forgotten = client.get(&other).send().await.unwrap();
    assert_eq!(forgotten.status(), StatusCode::NOT_FOUND);
    node.node.stop().await;
}
