//! By which names providers know our payments, refunds and payouts.
//!
//! Most of what a provider says carries our own reference, which is the id itself. Where it does not, the
//! names that the log has told before are looked up in `workflows.provider_link`, which follows the log.
//!
//! Two things do not wait for the log. Whose an attempt's money is, is [claimed](Links::claim) before it is
//! taken in, so that a word about the same money that comes a moment later and has no name of ours finds
//! it. And what reports have, and lack, is noted by whoever reads them.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use connectors::gateways::{ProviderId, Reference};
use ledger_core::identifier::derived_id;
use ledger_core::payment::PaymentEvent;
use ledger_core::payout::PayoutEvent;
use ledger_core::{
    AggregateType, LedgerName, PaymentId, PayoutId, ProviderName, ProviderReference, RefundId,
    SettlementId,
};
use sqlx::postgres::{PgConnection, PgPool};
use uuid::Uuid;

/// What kind of thing a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// A provider's order, link or session; of a payment.
    Checkout,
    /// A provider's payment; of a payment.
    Attempt,
    /// A provider's payout; of a payout.
    Payout,
    /// Our reference of one attempt at a payout; of a payout.
    PayoutReference,
    /// A provider's payment that a report has; of the settlement that it is in.
    SettledPayment,
    /// A provider's refund that a report has; of the settlement that it is in.
    SettledRefund,
    /// A provider's payment that reports lacked; of the settlement that has the break.
    MissingPayment,
    /// A provider's refund that reports lacked; of the settlement that has the break.
    MissingRefund,
}

impl LinkKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Attempt => "attempt",
            Self::Payout => "payout",
            Self::PayoutReference => "payout_reference",
            Self::SettledPayment => "settled_payment",
            Self::SettledRefund => "settled_refund",
            Self::MissingPayment => "missing_payment",
            Self::MissingRefund => "missing_refund",
        }
    }
}

/// A name that the log tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Who knows it by this name.
    pub provider: ProviderName,
    /// What it is of.
    pub kind: LinkKind,
    /// The name.
    pub name: String,
    /// Our id.
    pub id: Uuid,
    /// Whether it holds against what was told before.
    pub precedence: Precedence,
}

/// Which of two things counts that were told under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precedence {
    /// The one that was told first.
    First,
    /// This one: the name is of money that was taken in as this, whatever it had been an attempt at.
    Final,
}

/// The names that an event of a payment tells.
#[must_use]
pub fn links_of_payment(payment: PaymentId, event: &PaymentEvent) -> Vec<Link> {
    let link = |provider: &ProviderName, kind, name: &str| Link {
        provider: *provider,
        kind,
        name: name.to_owned(),
        id: payment.as_uuid(),
        precedence: Precedence::First,
    };
    match event {
        PaymentEvent::PaymentAwaitingPayer {
            provider,
            order: Some(order),
            ..
        } => vec![link(provider, LinkKind::Checkout, order.as_str())],
        PaymentEvent::PaymentAuthorized {
            provider, attempt, ..
        }
        | PaymentEvent::PaymentReleased { provider, attempt }
        | PaymentEvent::PaymentFailed {
            provider,
            attempt: Some(attempt),
            ..
        }
        | PaymentEvent::PaymentCaptured {
            provider, attempt, ..
        } => vec![link(provider, LinkKind::Attempt, attempt.as_str())],
        // It may have been an attempt at a payment that another attempt had paid by then.
        PaymentEvent::UnexpectedPaymentCaptured {
            provider, attempt, ..
        } => vec![Link {
            precedence: Precedence::Final,
            ..link(provider, LinkKind::Attempt, attempt.as_str())
        }],
        _ => Vec::new(),
    }
}

/// The names that an event of a payout tells.
#[must_use]
pub fn links_of_payout(payout: PayoutId, event: &PayoutEvent) -> Vec<Link> {
    let link = |provider: &ProviderName, kind, name: String| Link {
        provider: *provider,
        kind,
        name,
        id: payout.as_uuid(),
        precedence: Precedence::First,
    };
    match event {
        PayoutEvent::PayoutSubmitted { attempt, route } => {
            let reference = payout_reference(payout, *attempt);
            let name = reference.as_str().to_owned();
            vec![link(&route.provider, LinkKind::PayoutReference, name)]
        }
        PayoutEvent::PayoutProcessing {
            provider,
            provider_payout: Some(name),
        }
        | PayoutEvent::PayoutSucceeded {
            provider,
            provider_payout: Some(name),
            ..
        } => vec![link(provider, LinkKind::Payout, name.to_string())],
        _ => Vec::new(),
    }
}

/// Our name for the checkout of a payment at one provider. A payment is routed to a provider once.
#[must_use]
pub fn checkout_reference(payment: PaymentId) -> Reference {
    Reference::of(payment.as_uuid())
}

/// Our name for a refund.
#[must_use]
pub fn refund_reference(refund: RefundId) -> Reference {
    Reference::of(refund.as_uuid())
}

/// Our name for one attempt at a payout: another attempt is another payout to a provider.
#[must_use]
pub fn payout_reference(payout: PayoutId, attempt: u32) -> Reference {
    let texts = ["payout attempt", &payout.to_string(), &attempt.to_string()];
    Reference::of(derived_id(&texts))
}

/// The most attempts at one payout whose references are told apart: far more than there are providers.
const MOST_ATTEMPTS: u32 = 64;

/// Which attempt at a payout a reference is of; nothing for one that is not ours.
#[must_use]
pub fn payout_attempt(payout: PayoutId, reference: &Reference) -> Option<u32> {
    (1..=MOST_ATTEMPTS).find(|attempt| payout_reference(payout, *attempt) == *reference)
}

/// Writes down names; those that are known stay as they are, except that a final one replaces another.
pub(crate) async fn insert_links_in_tx(
    connection: &mut PgConnection,
    ledger: LedgerName,
    links: &[Link],
) -> Result<(), sqlx::Error> {
    let (last, first): (Vec<&Link>, Vec<&Link>) = links
        .iter()
        .partition(|link| link.precedence == Precedence::Final);
    write_in_tx(connection, ledger, &first, "DO NOTHING").await?;
    // One statement must not write a row twice; the id of a final link follows from its name.
    let update = "(ledger, provider, kind, provider_id) \
                  DO UPDATE SET aggregate_id = EXCLUDED.aggregate_id";
    write_in_tx(connection, ledger, &last, update).await
}

async fn write_in_tx(
    connection: &mut PgConnection,
    ledger: LedgerName,
    links: &[&Link],
    on_conflict: &'static str,
) -> Result<(), sqlx::Error> {
    if links.is_empty() {
        return Ok(());
    }
    let texts = |text: fn(&Link) -> String| links.iter().map(|link| text(link)).collect::<Vec<_>>();
    let query = format!(
        "INSERT INTO workflows.provider_link (ledger, provider, kind, provider_id, aggregate_id) \
         SELECT DISTINCT $1, provider, kind, name, id \
         FROM UNNEST($2::text[], $3::text[], $4::text[], $5::uuid[]) AS new (provider, kind, name, id) \
         ON CONFLICT {on_conflict}"
    );
    sqlx::query(&query)
        .bind(ledger.as_str())
        .bind(texts(|link| link.provider.to_string()))
        .bind(texts(|link| link.kind.as_str().to_owned()))
        .bind(texts(|link| link.name.clone()))
        .bind(links.iter().map(|link| link.id).collect::<Vec<_>>())
        .execute(connection)
        .await
        .map(|_| ())
}

/// Finds out whose something is.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    pool: PgPool,
    ledger: LedgerName,
    provider: ProviderName,
}

impl Links {
    pub(crate) const fn new(pool: PgPool, ledger: LedgerName, provider: ProviderName) -> Self {
        Self {
            pool,
            ledger,
            provider,
        }
    }

    /// The payment that a provider's payment or checkout is of.
    pub(crate) async fn payment(
        &self,
        reference: Option<&Reference>,
        attempt: Option<&ProviderId>,
        checkout: Option<&ProviderId>,
    ) -> Result<Option<PaymentId>, sqlx::Error> {
        let named = reference.and_then(Reference::id);
        if let Some(id) = named
            && self.exists(AggregateType::Payment, id).await?
        {
            return Ok(Some(PaymentId::new(id)));
        }
        let names = [(LinkKind::Attempt, attempt), (LinkKind::Checkout, checkout)];
        for (kind, name) in names {
            if let Some(name) = name
                && let Some(id) = self.linked(kind, name.as_str()).await?
            {
                return Ok(Some(PaymentId::new(id)));
            }
        }
        Ok(None)
    }

    /// The payout that a provider's payout is of.
    pub(crate) async fn payout(
        &self,
        reference: Option<&Reference>,
        payout: &ProviderId,
    ) -> Result<Option<PayoutId>, sqlx::Error> {
        if let Some(reference) = reference
            && let Some(id) = self
                .linked(LinkKind::PayoutReference, reference.as_str())
                .await?
        {
            return Ok(Some(PayoutId::new(id)));
        }
        let linked = self.linked(LinkKind::Payout, payout.as_str()).await?;
        Ok(linked.map(PayoutId::new))
    }

    /// Says whose the money of an attempt is, before it is taken in, and gives whose it was said to be
    /// first. Everybody who takes money in asks here, so nobody takes it for somebody else's meanwhile.
    pub(crate) async fn claim(
        &self,
        attempt: &ProviderReference,
        payment: PaymentId,
    ) -> Result<PaymentId, sqlx::Error> {
        let id = payment.as_uuid();
        self.note(LinkKind::Attempt, &[attempt.as_str()], id)
            .await?;
        // In a statement of its own: it sees what another has committed meanwhile.
        let first = self.linked(LinkKind::Attempt, attempt.as_str()).await?;
        Ok(PaymentId::new(first.unwrap_or(id)))
    }

    /// Notes in which settlement things are; what was noted before stays.
    pub(crate) async fn note_settlement(
        &self,
        kind: LinkKind,
        names: &[&str],
        settlement: SettlementId,
    ) -> Result<(), sqlx::Error> {
        self.note(kind, names, settlement.as_uuid()).await
    }

    /// Those of the names that are known.
    pub(crate) async fn known(
        &self,
        kind: LinkKind,
        names: &[&str],
    ) -> Result<HashMap<String, Uuid>, sqlx::Error> {
        let known: Vec<(String, Uuid)> = sqlx::query_as(
            "SELECT provider_id, aggregate_id FROM workflows.provider_link \
             WHERE ledger = $1 AND provider = $2 AND kind = $3 AND provider_id = ANY($4)",
        )
        .bind(self.ledger.as_str())
        .bind(self.provider.as_str())
        .bind(kind.as_str())
        .bind(names)
        .fetch_all(&self.pool)
        .await?;
        Ok(known.into_iter().collect())
    }

    async fn note(&self, kind: LinkKind, names: &[&str], id: Uuid) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO workflows.provider_link (ledger, provider, kind, provider_id, aggregate_id) \
             SELECT DISTINCT $1, $2, $3, name, $5 FROM UNNEST($4::text[]) AS new (name) \
             ORDER BY name ON CONFLICT DO NOTHING",
        )
        .bind(self.ledger.as_str())
        .bind(self.provider.as_str())
        .bind(kind.as_str())
        .bind(names)
        .bind(id)
        .execute(&self.pool)
        .await
        .map(|_| ())
    }

    async fn linked(&self, kind: LinkKind, name: &str) -> Result<Option<Uuid>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT aggregate_id FROM workflows.provider_link WHERE ledger = $1 AND provider = $2 \
             AND kind = $3 AND provider_id = $4",
        )
        .bind(self.ledger.as_str())
        .bind(self.provider.as_str())
        .bind(kind.as_str())
        .bind(name)
        .fetch_optional(&self.pool)
        .await
    }

    async fn exists(&self, kind: AggregateType, id: Uuid) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM daybook.events WHERE ledger = $1 AND aggregate_type = $2 \
             AND aggregate_id = $3)",
        )
        .bind(self.ledger.as_str())
        .bind(kind.as_str())
        .bind(id.to_string())
        .fetch_one(&self.pool)
        .await
    }
}
