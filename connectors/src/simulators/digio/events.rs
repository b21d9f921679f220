//! Events and the webhooks that tell of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::account::Account;
use crate::providers::signature::hmac_sha256;
use crate::simulators::webhook_sender::{Outgoing, Signing};

impl Account {
    pub(super) fn tell(&mut self, event: &'static str, place: usize, now: DateTime<Utc>) {
        let id = self.new_id("WHN");
        let (Some(target), Some(request)) = (&self.webhook, self.requests.get(place)) else {
            return;
        };
        let body = json!({
            "id": id,
            "event": event,
            "entities": ["kyc_request"],
            "created_at": now.timestamp_millis(),
            "payload": {"kyc_request": {
                "id": request.id,
                "status": request.status,
                "reference_id": request.reference_id,
                "transaction_id": request.transaction_id,
                "customer_identifier": request.customer_identifier,
            }},
        });
        let secret = target.secret.clone();
        self.outbox.push(Outgoing {
            url: target.url.clone(),
            event_id: id,
            event_type: event.to_owned(),
            content_type: "application/json",
            body: body.to_string().into(),
            forged_body: None,
            sign: Arc::new(move |body, signing| {
                let secret = match signing {
                    Signing::Right => secret.as_str(),
                    Signing::Wrong => "secret-of-somebody-else",
                };
                vec![("x-digio-checksum", hmac_sha256(secret, &[body]))]
            }),
        });
    }
}
