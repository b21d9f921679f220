//! Webhooks of a payment provider, verified and stored: one request each, as providers send them.
//!
//! The node runs the role `api` alone, so what is measured is what a provider waits for. Every delivery is
//! another event with its own id; bodies are of the size of Razorpay's, signed beforehand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;

use crate::http::open;
use crate::measure::{Caller, Measured, Round, Scenario, alternate, repeat_each};
use crate::node::{Node, Site};
use crate::{BenchError, Machine, Plan};

/// Where the deliveries go.
const PATH: &str = "/v1/webhooks/razorpay/bench";

/// What they are signed with.
const SECRET: &str = "a secret of the benchmark";

/// Bodies rendered beforehand.
const BODIES: usize = 1_000;

/// What the node needs to know of the provider, which nobody calls.
const CONFIGURATION: &str = r#"
[[payments.accounts]]
ledger = "bench"
endpoint = "bench"
provider = "razorpay"
key_id = "rzp_test_bench"
key_secrets = ["unused"]
webhook_secrets = ["a secret of the benchmark"]
"#;

/// A body and its signature.
struct Signed {
    body: Bytes,
    signature: HeaderValue,
}

/// Connections that deliver webhooks.
struct Webhooks {
    address: SocketAddr,
    signed: Arc<Vec<Signed>>,
    connections: usize,
}

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let url = machine.new_database().await?;
    drop(machine.migrated(&url).await?);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("webhooks.toml");
    std::fs::write(&file, CONFIGURATION)?;
    let file = file.to_str().ok_or("the folder's name is no text")?;
    let site = Site::new(machine, &url);
    let node = Node::configured(&site, "api", &[], Some(file)).await?;
    let signed = (0..BODIES)
        .map(|_| signed())
        .collect::<Result<Vec<_>, _>>()?;
    let signed = Arc::new(signed);
    let scenarios = [8, 64].map(|connections| -> Box<dyn Scenario> {
        Box::new(Webhooks {
            address: node.address,
            signed: Arc::clone(&signed),
            connections,
        })
    });
    let measured = alternate(machine, plan, scenarios.into()).await?;
    node.stop().await?;
    Ok(measured)
}

#[async_trait]
impl Scenario for Webhooks {
    fn name(&self) -> String {
        format!("webhooks_{}", self.connections)
    }

    fn unit(&self) -> &'static str {
        "webhooks/s"
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let mut senders = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            senders.push(Sender {
                sender: open(self.address).await?,
                host: self.address.to_string().parse()?,
                signed: Arc::clone(&self.signed),
            });
        }
        repeat_each(senders, duration).await
    }
}

/// A connection of a provider.
struct Sender {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    signed: Arc<Vec<Signed>>,
}

impl Caller for Sender {
    async fn request(&mut self) -> Result<u64, BenchError> {
        let signed = fastrand::choice(&*self.signed).ok_or("there is nothing to deliver")?;
        let request = Request::post(PATH)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            .header("x-razorpay-signature", &signed.signature)
            .header("x-razorpay-event-id", Uuid::new_v4().simple().to_string())
            .body(Full::new(signed.body.clone()))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status == StatusCode::OK {
            return Ok(1);
        }
        let body = String::from_utf8_lossy(&body);
        Err(format!("{status} to {PATH}: {body}").into())
    }
}

/// A captured payment, about as long as Razorpay's.
fn signed() -> Result<Signed, BenchError> {
    let id = format!("pay_{}", &Uuid::new_v4().simple().to_string()[..14]);
    let body = json!({
        "entity": "event",
        "account_id": "acc_BFQ7uQEaa7j2z7",
        "event": "payment.captured",
        "contains": ["payment"],
        "payload": { "payment": { "entity": {
            "id": id, "entity": "payment", "amount": 50_000, "currency": "INR",
            "base_amount": 50_000, "status": "captured", "order_id": "order_DESlLckIVRkHWj",
            "invoice_id": null, "international": false, "method": "netbanking",
            "amount_refunded": 0, "amount_transferred": 0, "refund_status": null,
            "captured": true, "description": null, "card_id": null, "bank": "HDFC",
            "wallet": null, "vpa": null, "email": "payer@example.com",
            "contact": "+919000090000", "notes": [], "fee": 1_180, "tax": 180,
            "error_code": null, "error_description": null, "error_source": null,
            "error_step": null, "error_reason": null,
            "acquirer_data": { "bank_transaction_id": "0125836177" },
            "created_at": 1_567_674_599
        } } },
        "created_at": 1_567_674_606
    });
    let body = Bytes::from(body.to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(&body);
    let digits: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(Signed {
        body,
        signature: HeaderValue::from_str(&digits)?,
    })
}
