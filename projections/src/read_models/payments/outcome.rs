//! How payments and payouts ended at providers, which is what success rates are made of.
//!
//! At each provider that it was sent to, a payment or payout has at most one outcome. A later word may
//! change it: the money of an expired payment arrives, a payout comes back. Then it leaves its earlier
//! outcome, and what it is now counts on the same day, the one on which it ended there first: that day is
//! put right, and no payment is counted twice.

use ledger_core::payment::{Checkout, PaymentEvent, PaymentStatus};
use ledger_core::payout::PayoutStatus;
use ledger_core::{ProviderName, Timestamp};
use serde::{Deserialize, Serialize};

use super::Moment;
use super::payment::PaymentRow;
use super::payout::PayoutRow;

/// How something ended at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider has got the money, or has paid it out.
    Succeeded,
    /// It has not.
    Failed,
}

/// How something ended at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRow {
    /// Where.
    pub provider: ProviderName,
    /// When it ended there first.
    pub first_at: Timestamp,
    /// How, as far as is known; nothing while it is in motion again.
    pub outcome: Option<Outcome>,
}

/// An outcome that is another now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutcomeChange {
    pub(super) provider: ProviderName,
    pub(super) first_at: Timestamp,
    pub(super) before: Option<Outcome>,
    pub(super) after: Option<Outcome>,
}

/// Notes how a payment stands after an event of it, where that changes an outcome.
pub(super) fn of_payment(
    row: &mut PaymentRow,
    moment: Moment,
    event: &PaymentEvent,
) -> Option<OutcomeChange> {
    // Money that nobody asked a provider for says nothing about how it does what it is asked.
    if row.unexpected.is_some() {
        return None;
    }
    let (provider, outcome) = match event {
        // Whoever could not make a page is left by this.
        PaymentEvent::PaymentRerouted { route } => {
            (route.fallback.as_ref()?.from, Some(Outcome::Failed))
        }
        _ => (row.provider()?, payment_outcome(row)),
    };
    change(&mut row.outcomes, moment, provider, outcome)
}

/// Notes how a payout stands after an event of it, where that changes an outcome.
pub(super) fn of_payout(row: &mut PayoutRow, moment: Moment) -> Option<OutcomeChange> {
    let (provider, outcome) = (row.provider()?, payout_outcome(row));
    change(&mut row.outcomes, moment, provider, outcome)
}

fn payment_outcome(row: &PaymentRow) -> Option<Outcome> {
    match row.state.status()? {
        PaymentStatus::Captured
        | PaymentStatus::PartiallyRefunded
        | PaymentStatus::Refunded
        | PaymentStatus::Disputed => Some(Outcome::Succeeded),
        PaymentStatus::Expired => Some(Outcome::Failed),
        // An attempt that failed is no end as long as the payer can try again.
        PaymentStatus::Failed => {
            let page = row.state.open().map(|open| open.checkout);
            (page == Some(Checkout::Failed)).then_some(Outcome::Failed)
        }
        PaymentStatus::Created | PaymentStatus::AwaitingPayer | PaymentStatus::Authorized => None,
    }
}

/// Of a payout that was submitted at least once.
fn payout_outcome(row: &PayoutRow) -> Option<Outcome> {
    match row.state.status()? {
        PayoutStatus::Succeeded => Some(Outcome::Succeeded),
        PayoutStatus::Failed | PayoutStatus::Returned => Some(Outcome::Failed),
        // The provider cancelled it, or had not taken it on.
        PayoutStatus::Cancelled | PayoutStatus::Requested | PayoutStatus::Approved => {
            Some(Outcome::Failed)
        }
        PayoutStatus::Submitted
        | PayoutStatus::Processing
        | PayoutStatus::AwaitingApproval
        | PayoutStatus::Declined => None,
    }
}

fn change(
    outcomes: &mut Vec<OutcomeRow>,
    moment: Moment,
    provider: ProviderName,
    after: Option<Outcome>,
) -> Option<OutcomeChange> {
    let known = outcomes.iter_mut().find(|row| row.provider == provider);
    let (before, first_at) = match known {
        Some(row) => (std::mem::replace(&mut row.outcome, after), row.first_at),
        None if after.is_none() => return None,
        None => {
            outcomes.push(OutcomeRow {
                provider,
                first_at: moment.at,
                outcome: after,
            });
            (None, moment.at)
        }
    };
    (before != after).then_some(OutcomeChange {
        provider,
        first_at,
        before,
        after,
    })
}
