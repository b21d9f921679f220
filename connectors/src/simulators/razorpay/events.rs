//! Events and the webhooks that tell of them.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::account::{Account, Link};
use super::bodies;
use crate::providers::signature::hmac_sha256;
use crate::simulators::webhook_sender::{Outgoing, Signing};

/// Something that happened, with the endpoint and secret of that moment.
#[derive(Debug, Clone)]
pub(super) struct Event {
    id: String,
    name: &'static str,
    body: Bytes,
    url: String,
    secret: String,
}

impl Account {
    fn push(&mut self, name: &'static str, entities: &[(&'static str, Value)], now: DateTime<Utc>) {
        let id = self.new_id("");
        let Some((url, secret)) = self.webhook.clone() else {
            return;
        };
        let mut payload = Map::new();
        for (kind, entity) in entities {
            payload.insert((*kind).to_owned(), json!({"entity": entity}));
        }
        let contains: Vec<&str> = entities.iter().map(|(kind, _)| *kind).collect();
        let body = json!({
            "entity": "event",
            "account_id": "acc_Simulated00000",
            "event": name,
            "contains": contains,
            "payload": payload,
            "created_at": now.timestamp(),
        });
        self.outbox.push(Event {
            id,
            name,
            body: body.to_string().into(),
            url,
            secret,
        });
    }

    pub(super) fn tell_payment(&mut self, name: &'static str, id: &str, now: DateTime<Utc>) {
        if let Some(payment) = self.payment(id) {
            let mut payment = bodies::payment(payment);
            if name == "payment.authorized" && payment["method"] == "card" {
                // As Razorpay's own samples have it; the status is what counts.
                payment["captured"] = true.into();
            }
            self.push(name, &[("payment", payment)], now);
        }
    }

    pub(super) fn tell_order_paid(&mut self, payment_id: &str, now: DateTime<Utc>) {
        let Some(payment) = self.payment(payment_id) else {
            return;
        };
        let Some(order) = self.order(&payment.order_id) else {
            return;
        };
        let entities = [
            ("payment", bodies::payment(payment)),
            ("order", bodies::order(order)),
        ];
        self.push("order.paid", &entities, now);
    }

    pub(super) fn tell_refund(&mut self, name: &'static str, id: &str, now: DateTime<Utc>) {
        let Some(refund) = self.refunds.iter().find(|refund| refund.id == id) else {
            return;
        };
        let Some(payment) = self.payment(&refund.payment_id) else {
            return;
        };
        let entities = [
            ("refund", bodies::refund(refund)),
            ("payment", bodies::payment(payment)),
        ];
        self.push(name, &entities, now);
    }

    /// The order beside a paid link has its id without the prefix, as Razorpay's has.
    pub(super) fn tell_link(
        &mut self,
        name: &'static str,
        link: &Link,
        payment_id: Option<&str>,
        now: DateTime<Utc>,
    ) {
        let mut entities = vec![("payment_link", bodies::link(self, link))];
        if let Some(order) = self.order(&link.order_id) {
            let mut order = bodies::order(order);
            order["id"] = link.order_id.trim_start_matches("order_").into();
            entities.push(("order", order));
        }
        if let Some(payment) = payment_id.and_then(|id| self.payment(id)) {
            entities.push(("payment", bodies::payment(payment)));
        }
        self.push(name, &entities, now);
    }

    pub(super) fn tell_dispute(&mut self, name: &'static str, id: &str, now: DateTime<Utc>) {
        let Some(dispute) = self.disputes.iter().find(|dispute| dispute.id == id) else {
            return;
        };
        let Some(payment) = self.payment(&dispute.payment_id) else {
            return;
        };
        let entities = [
            ("payment", bodies::payment(payment)),
            ("dispute", bodies::dispute(dispute)),
        ];
        self.push(name, &entities, now);
    }

    pub(super) fn tell_payout(&mut self, name: &'static str, place: usize, now: DateTime<Utc>) {
        let payout = bodies::payout(&self.payouts[place]);
        self.push(name, &[("payout", payout)], now);
    }

    pub(super) fn tell_settlement(&mut self, settlement: Value, now: DateTime<Utc>) {
        self.push("settlement.processed", &[("settlement", settlement)], now);
    }

    pub(super) fn take_webhooks(&mut self) -> Vec<Outgoing> {
        self.outbox.drain(..).map(Event::outgoing).collect()
    }
}

impl Event {
    fn outgoing(self) -> Outgoing {
        let (secret, event_id) = (self.secret, self.id.clone());
        Outgoing {
            url: self.url,
            event_id: self.id,
            event_type: self.name.to_owned(),
            content_type: "application/json",
            body: self.body,
            forged_body: None,
            sign: Arc::new(move |body, signing| {
                let secret = match signing {
                    Signing::Right => secret.as_str(),
                    Signing::Wrong => "the secret of somebody else",
                };
                vec![
                    ("x-razorpay-signature", hmac_sha256(secret, &[body])),
                    ("x-razorpay-event-id", event_id.clone()),
                ]
            }),
        }
    }
}
