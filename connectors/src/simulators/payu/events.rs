//! Events and the webhooks that tell of them.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::account::Account;
use super::bodies::rupees;
use crate::simulators::webhook_sender::Outgoing;

/// Something that happened, with the endpoint and salt of that moment. PayU gives events no names; this
/// one is for whoever looks at deliveries.
#[derive(Debug, Clone)]
pub(super) struct Event {
    id: String,
    kind: String,
    content_type: &'static str,
    body: Bytes,
    forged_body: Option<Bytes>,
    url: String,
}

impl Account {
    fn push(&mut self, kind: String, content_type: &'static str, body: String, forged: String) {
        let id = self.new_number(12);
        let Some(url) = self.webhook.clone() else {
            return;
        };
        self.outbox.push(Event {
            id,
            kind,
            content_type,
            body: body.into(),
            forged_body: Some(forged.into()),
            url,
        });
    }

    pub(super) fn tell_payment(&mut self, id: &str) {
        let Some(payment) = self.payment(id) else {
            return;
        };
        let encoded = |salt: &str| {
            let fields = self.response(payment, salt);
            form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish()
        };
        let body = encoded(self.salt());
        let forged = encoded("the salt of somebody else");
        let kind = format!("payment {}/{}", payment.status, payment.unmapped);
        self.push(kind, "application/x-www-form-urlencoded", body, forged);
    }

    /// Nothing of it is signed. Ids have spaces around them, and the bank's reference is a number.
    pub(super) fn tell_action(&mut self, place: usize) {
        let action = &self.actions[place];
        let Some(payment) = self.payment(&action.payment_id) else {
            return;
        };
        let mut body = json!({
            "additionalValue1": null,
            "additionalValue2": null,
            "bank_arn": null,
            "refund_mode": "Instant Credit through UPI",
            "bank_ref_num": format!("1001{}", action.id),
            "key": self.key,
            "amt": rupees(action.amount),
            "remark": null,
            "status": action.status.to_ascii_lowercase(),
            "token": action.token,
            "mihpayid": format!(" {} ", action.payment_id),
            "request_id": action.id,
            "merchantTxnId": payment.txnid,
            "action": action.kind,
        })
        .to_string();
        if let Some(arn) = &action.arn {
            body = body.replace("\"bank_arn\":null", &format!("\"bank_arn\":{arn}"));
        }
        let forged = body.replace(&self.key, "somebody");
        let kind = format!("{} {}", action.kind, action.status);
        self.push(kind, "application/json", body, forged);
    }

    pub(super) fn tell_dispute(&mut self, id: &str, now: DateTime<Utc>) {
        let Some(dispute) = self.disputes.iter().find(|dispute| dispute.id == id) else {
            return;
        };
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, false);
        let number: Value = dispute.id.parse::<u64>().map_or(Value::Null, Value::from);
        let body = json!({
            "type": "payments",
            "event": "dispute",
            "reason_code": "10.4",
            "created_at": time(dispute.created_at),
            "updated_at": time(now),
            "mid": "2",
            "cb_id": number,
            "txn_id": dispute.payment_id,
            "cb_type": dispute.kind,
            "due_date": "2030-01-31",
            "cb_amount": rupees(dispute.amount),
            "cb_status": dispute.status,
        })
        .to_string();
        let kind = format!("dispute {}", dispute.status);
        self.push(kind, "application/json", body.clone(), body);
    }

    pub(super) fn take_webhooks(&mut self) -> Vec<Outgoing> {
        self.outbox.drain(..).map(Event::outgoing).collect()
    }
}

impl Event {
    fn outgoing(self) -> Outgoing {
        Outgoing {
            url: self.url,
            event_id: self.id,
            event_type: self.kind,
            content_type: self.content_type,
            body: self.body,
            forged_body: self.forged_body,
            sign: Arc::new(|_, _| Vec::new()),
        }
    }
}
