//! The names under which providers know what webhooks tell of.
//!
//! They are noted with what is decided about a webhook and kept as long as its content. When somebody is
//! erased, the names of what they paid and were paid are kept for ever
//! ([`crate::erasure::ForgetWebhooks`]), and content that tells of something of such a name is forgotten: at
//! once where its webhook is settled, else when it is. Until then it is needed, for it tells of money.

use connectors::gateways::{
    CheckoutObservation, Observation, PaymentObservation, ProviderId, Reference, WebhookContent,
};
use connectors::identity_providers::WebhookContent as NoticeContent;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::verdicts::Decided;

/// By what names a webhook calls what it tells of, each once.
pub(super) fn names_of(content: &WebhookContent) -> Vec<String> {
    let (WebhookContent::Observations(told) | WebhookContent::CannotBeConfirmed(told)) = content
    else {
        return Vec::new();
    };
    let mut names = Names::default();
    for observation in told {
        match observation {
            Observation::Payment(payment) => names.of_payment(payment),
            Observation::Checkout(checkout) => names.of_checkout(checkout),
            Observation::Refund(refund) => names.ids(&[&refund.payment_id, &refund.refund_id]),
            Observation::Dispute(dispute) => names.ids(&[&dispute.payment_id, &dispute.dispute_id]),
            Observation::Payout(payout) => {
                names.ids(&[&payout.payout_id]);
                names.reference(payout.reference.as_ref());
            }
            // It is of many payments, and says nothing of who paid.
            Observation::Settlement(_) => {}
        }
    }
    names.0
}

/// The same of a webhook of an identity provider.
pub(super) fn names_of_notice(content: &NoticeContent) -> Vec<String> {
    let told = match content {
        NoticeContent::Observations(told) | NoticeContent::CannotBeConfirmed(told) => told,
        NoticeContent::OfNoConcern | NoticeContent::NotUnderstood { .. } => return Vec::new(),
    };
    let mut names = Names::default();
    for observation in told {
        names.ids(&[&observation.case_id]);
        names.reference(observation.reference.as_ref());
    }
    names.0
}

#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn of_payment(&mut self, payment: &PaymentObservation) {
        self.ids(&[&payment.payment_id]);
        if let Some(checkout) = &payment.checkout_id {
            self.ids(&[checkout]);
        }
        self.reference(payment.reference.as_ref());
    }

    fn of_checkout(&mut self, checkout: &CheckoutObservation) {
        self.ids(&[&checkout.checkout_id]);
        self.reference(checkout.reference.as_ref());
        for payment in &checkout.payments {
            self.of_payment(payment);
        }
    }

    fn ids(&mut self, ids: &[&ProviderId]) {
        for id in ids {
            self.add(id.as_str());
        }
    }

    fn reference(&mut self, reference: Option<&Reference>) {
        if let Some(reference) = reference {
            self.add(reference.as_str());
        }
    }

    fn add(&mut self, name: &str) {
        if !self.0.iter().any(|known| known == name) {
            self.0.push(name.to_owned());
        }
    }
}

/// Notes the names that webhooks have told.
pub(super) async fn note_in_tx(
    connection: &mut PgConnection,
    decided: &[Decided],
) -> Result<(), sqlx::Error> {
    let named = || {
        decided.iter().flat_map(|decided| {
            let names = decided.names.iter();
            names.map(move |name| (&decided.webhook, name))
        })
    };
    if named().next().is_none() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO workflows.webhook_name (webhook_id, ledger, name) \
         SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING",
    )
    .bind(named().map(|(webhook, _)| webhook.id).collect::<Vec<_>>())
    .bind(
        named()
            .map(|(webhook, _)| &*webhook.ledger)
            .collect::<Vec<_>>(),
    )
    .bind(named().map(|(_, name)| &**name).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Of these webhooks, forgets the content of those that are settled and tell of something of an erased person.
pub(crate) async fn forget_erased_in_tx(
    connection: &mut PgConnection,
    webhooks: &[Uuid],
) -> Result<(), sqlx::Error> {
    if webhooks.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH forgotten AS ( \
            UPDATE workflows.webhook SET headers = NULL, body = NULL \
            FROM workflows.webhook_state AS state \
            WHERE webhook.id = ANY($1) AND webhook.body IS NOT NULL \
              AND state.webhook_id = webhook.id AND state.status IN ('applied', 'of_no_concern') \
              AND EXISTS (SELECT FROM workflows.webhook_name AS told \
                  JOIN workflows.erased_name AS erased \
                    ON erased.ledger = told.ledger AND erased.name = told.name \
                  WHERE told.webhook_id = webhook.id) \
            RETURNING id) \
         DELETE FROM workflows.webhook_name AS told USING forgotten WHERE told.webhook_id = forgotten.id",
    )
    .bind(webhooks)
    .execute(connection)
    .await
    .map(|_| ())
}
