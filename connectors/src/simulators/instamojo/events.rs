//! Webhooks: one form about one payment.

use std::sync::Arc;

use bytes::Bytes;

use super::account::Account;
use super::bodies::rupees;
use crate::gateways::FormFields;
use crate::gateways::instamojo::signature::{MAC_FIELD, form_mac};
use crate::outbound::form;
use crate::simulators::webhook_sender::Outgoing;

/// Something that happened, with the endpoint and salt of that moment. Instamojo gives events no names;
/// this one is for whoever looks at deliveries.
#[derive(Debug, Clone)]
pub(super) struct Event {
    id: String,
    kind: String,
    body: Bytes,
    forged_body: Bytes,
    url: String,
}

impl Account {
    pub(super) fn tell(&mut self, payment_id: &str) {
        let id = self.new_number(12);
        let Some(payment) = self.payment(payment_id) else {
            return;
        };
        let Some(request) = self.request(&payment.request_id) else {
            return;
        };
        let url = match (request.webhook.as_str(), &self.webhook) {
            ("", None) => return,
            ("", Some(url)) => url.clone(),
            (own, _) => own.to_owned(),
        };
        let amount = rupees(payment.told_amount.unwrap_or(payment.amount));
        let fees = match payment.status {
            "Credit" => rupees(payment.fee),
            _ => rupees(0),
        };
        let page = self.page_url(request);
        let told: [(&str, &str); 12] = [
            ("payment_id", &payment.id),
            ("status", payment.told_status()),
            ("shorturl", ""),
            ("longurl", &page),
            ("purpose", &request.purpose),
            ("amount", &amount),
            ("fees", &fees),
            ("currency", payment.currency()),
            ("buyer", &request.email),
            ("buyer_name", &request.buyer_name),
            ("buyer_phone", &request.phone),
            ("payment_request_id", &request.id),
        ];
        let mut told = told
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        if let Some(rewriting) = &self.rewriting {
            rewriting.fields(&mut told);
        }
        let told: Vec<(&str, &str)> = told
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let unsigned = form(&told);
        let fields = FormFields::decode(unsigned.as_bytes());
        let signed = |salt: &str| {
            let mac = form_mac(salt, &fields);
            Bytes::from(format!("{unsigned}&{MAC_FIELD}={mac}"))
        };
        let event = Event {
            id,
            kind: format!("payment {}", payment.status),
            body: signed(&self.salt),
            forged_body: signed("the salt of somebody else"),
            url,
        };
        self.outbox.push(event);
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
            content_type: "application/x-www-form-urlencoded",
            body: self.body,
            forged_body: Some(self.forged_body),
            sign: Arc::new(|_, _| Vec::new()),
        }
    }
}
