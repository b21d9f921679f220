//! By which names providers know our payments, refunds and payouts.
//!
//! Most of what a provider says carries our own reference, which is the id itself. Where it does not, the
//! names that the log has told before are looked up in `workflows.provider_link`, which follows the log.

use connectors::gateways::{ProviderId, Reference};
use ledger_core::identifier::derived_id;
use ledger_core::payment::PaymentEvent;
use ledger_core::payout::PayoutEvent;
use ledger_core::{AggregateType, LedgerName, PaymentId, PayoutId, ProviderName, RefundId};
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
}

impl LinkKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Attempt => "attempt",
            Self::Payout => "payout",
            Self::PayoutReference => "payout_reference",
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
}

/// The names that an event of a payment tells.
#[must_use]
pub fn links_of_payment(payment: PaymentId, event: &PaymentEvent) -> Vec<Link> {
    let link = |provider: &ProviderName, kind, name: &str| Link {
        provider: *provider,
        kind,
        name: name.to_owned(),
        id: payment.as_uuid(),
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
        }
        | PaymentEvent::UnexpectedPaymentCaptured {
            provider, attempt, ..
        } => vec![link(provider, LinkKind::Attempt, attempt.as_str())],
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

/// Writes down names; those that are known stay as they are.
pub(crate) async fn insert_links_in_tx(
    connection: &mut PgConnection,
    ledger: LedgerName,
    links: &[Link],
) -> Result<(), sqlx::Error> {
    if links.is_empty() {
        return Ok(());
    }
    let texts = |text: fn(&Link) -> String| links.iter().map(text).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO workflows.provider_link (ledger, provider, kind, provider_id, aggregate_id) \
         SELECT $1, provider, kind, name, id \
         FROM UNNEST($2::text[], $3::text[], $4::text[], $5::uuid[]) AS new (provider, kind, name, id) \
         ON CONFLICT DO NOTHING",
    )
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
