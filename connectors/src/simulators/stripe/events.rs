//! Events and the webhooks that tell of them.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::account::Account;
use crate::gateways::stripe::STRIPE_API_VERSION;
use crate::providers::signature::hmac_sha256;
use crate::simulators::webhook_sender::{Outgoing, Signing};

/// Something that happened, with the endpoint and secrets of that moment.
#[derive(Debug, Clone)]
pub(super) struct Event {
    id: String,
    name: &'static str,
    body: Bytes,
    url: String,
    secrets: Vec<String>,
}

impl Account {
    pub(super) fn tell(&mut self, name: &'static str, object: &Value, now: DateTime<Utc>) {
        let id = self.new_id("evt_");
        let Some((url, secrets)) = self.webhook.clone() else {
            return;
        };
        let body = json!({
            "id": id,
            "object": "event",
            "api_version": STRIPE_API_VERSION,
            "created": now.timestamp(),
            "data": {"object": object},
            "livemode": false,
            "pending_webhooks": 1,
            "request": {"id": null, "idempotency_key": null},
            "type": name,
        });
        self.outbox.push(Event {
            id,
            name,
            body: format!("{body:#}").into(),
            url,
            secrets,
        });
    }

    pub(super) fn take_webhooks(&mut self) -> Vec<Outgoing> {
        self.outbox.drain(..).map(Event::outgoing).collect()
    }
}

impl Event {
    fn outgoing(self) -> Outgoing {
        let secrets = self.secrets;
        Outgoing {
            url: self.url,
            event_id: self.id,
            event_type: self.name.to_owned(),
            content_type: "application/json; charset=utf-8",
            body: self.body,
            forged_body: None,
            sign: Arc::new(move |body, signing| {
                vec![("stripe-signature", header(&secrets, body, signing))]
            }),
        }
    }
}

/// Each attempt is signed anew, with the time of this machine.
fn header(secrets: &[String], body: &[u8], signing: Signing) -> String {
    let timestamp = Utc::now().timestamp().to_string();
    let mut header = format!("t={timestamp}");
    for secret in secrets {
        let secret = match signing {
            Signing::Right => secret.as_str(),
            Signing::Wrong => "whsec_of_somebody_else",
        };
        let signature = hmac_sha256(secret, &[timestamp.as_bytes(), b".", body]);
        header.push_str(",v1=");
        header.push_str(&signature);
    }
    header
}
