//! A payout as its events have made it.

use ledger_core::annotation::{Metadata, Reference};
use ledger_core::payout::{Payout, PayoutEvent};
use ledger_core::provider::{Fees, Route};
use ledger_core::{
    ActorId, Amount, AssetCode, BeneficiaryId, PayoutId, Position, ProviderName, ProviderReference,
    Timestamp, TransactionId, WalletId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Moment;
use super::beneficiary::Decided;
use super::documents::{Columns, Document};
use super::outcome::OutcomeRow;
use crate::read_model::FoldError;

/// A payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutRow {
    /// Its id.
    pub payout: PayoutId,
    /// The position of its first event.
    pub position: Position,
    /// When that was recorded.
    pub created_at: Timestamp,
    /// When its last event was recorded.
    pub changed_at: Timestamp,
    /// Whose money it is.
    pub wallet: WalletId,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Amount,
    /// Who gets it.
    pub beneficiary: BeneficiaryId,
    /// Who asked.
    pub requested_by: ActorId,
    /// It is more than this, so a second person has to approve it.
    pub approval_above: Option<Amount>,
    /// Who approved or declined it, and when.
    pub decided: Option<Decided>,
    /// The caller's name for it.
    pub reference: Option<Reference>,
    /// The caller's metadata.
    pub metadata: Metadata,
    /// How often a provider was asked, the last one last.
    pub attempts: Vec<PayoutAttempt>,
    /// The provider's own id of it.
    pub provider_payout: Option<ProviderReference>,
    /// What the provider charges.
    pub fees: Option<Fees>,
    /// The transaction that moved it.
    pub transaction: Option<TransactionId>,
    /// The transaction that moved the charge.
    pub fee_transaction: Option<TransactionId>,
    /// The transaction by which it came back.
    pub return_transaction: Option<TransactionId>,
    /// Why it was declined, cancelled, failed or was returned.
    pub reason: Option<Reference>,
    /// How it ended at the providers that were asked.
    pub outcomes: Vec<OutcomeRow>,
    /// What the domain makes of its events.
    pub state: Payout,
}

/// A provider that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutAttempt {
    /// 1, 2, 3 …
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// Which provider, and why.
    pub route: Route,
    /// When the provider said that it did not take it on.
    pub not_accepted_at: Option<Timestamp>,
    /// Why not.
    pub reason: Option<Reference>,
}

impl Document for PayoutRow {
    const TABLE: &'static str = "payouts";

    fn id(&self) -> Uuid {
        self.payout.as_uuid()
    }

    fn position(&self) -> Position {
        self.position
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn columns(&self) -> Columns {
        Columns {
            belongs_to: Some(self.beneficiary.as_uuid()),
            wallet: Some(self.wallet),
            provider: self.provider(),
            status: self.status(),
            in_suspense: false,
        }
    }
}

impl PayoutRow {
    /// Its state, by name.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self.state.status() {
            Some(status) => status.as_str(),
            None => "absent",
        }
    }

    /// The provider that was asked last.
    #[must_use]
    pub fn provider(&self) -> Option<ProviderName> {
        self.attempts.last().map(|attempt| attempt.route.provider)
    }

    fn change(&mut self, moment: Moment, event: &PayoutEvent) {
        self.changed_at = moment.at;
        match event {
            PayoutEvent::PayoutRequested { .. } => {}
            PayoutEvent::PayoutApproved { by } => self.decided = Some(Decided::of(by, moment)),
            PayoutEvent::PayoutDeclined { by, reason } => {
                self.decided = Some(Decided::of(by, moment));
                self.reason.clone_from(reason);
            }
            PayoutEvent::PayoutCancelled {
                provider_payout,
                reason,
                ..
            } => {
                self.learn(provider_payout.as_ref());
                self.reason.clone_from(reason);
            }
            PayoutEvent::PayoutSubmitted { attempt, route } => self.attempts.push(PayoutAttempt {
                number: *attempt,
                at: moment.at,
                route: route.clone(),
                not_accepted_at: None,
                reason: None,
            }),
            PayoutEvent::PayoutNotAccepted { reason, .. } => {
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.not_accepted_at = Some(moment.at);
                    attempt.reason.clone_from(reason);
                }
            }
            PayoutEvent::PayoutProcessing {
                provider_payout, ..
            } => self.learn(provider_payout.as_ref()),
            PayoutEvent::PayoutSucceeded {
                provider_payout,
                transaction,
                fees,
                fee_transaction,
                ..
            } => {
                self.learn(provider_payout.as_ref());
                self.transaction = Some(*transaction);
                self.fees = *fees;
                self.fee_transaction = *fee_transaction;
            }
            PayoutEvent::PayoutFeesRecorded {
                fees, transaction, ..
            } => {
                self.fees = Some(*fees);
                self.fee_transaction = *transaction;
            }
            PayoutEvent::PayoutFailed {
                provider_payout,
                reason,
                returned,
                ..
            }
            | PayoutEvent::PayoutReturned {
                provider_payout,
                reason,
                returned,
                ..
            } => {
                self.learn(provider_payout.as_ref());
                self.reason.clone_from(reason);
                self.return_transaction = returned.map(|returned| returned.transaction);
            }
        }
    }

    fn learn(&mut self, provider_payout: Option<&ProviderReference>) {
        if let Some(reference) = provider_payout {
            self.provider_payout = Some(reference.clone());
        }
    }
}

/// The payout after one more event.
pub(super) fn next(
    known: Option<&PayoutRow>,
    id: PayoutId,
    moment: Moment,
    event: &PayoutEvent,
) -> Result<PayoutRow, FoldError> {
    let mut row = match known {
        Some(known) => known.clone(),
        None => begin(id, moment, event)
            .ok_or_else(|| moment.refuse(format!("the payout {id} is not known")))?,
    };
    row.state = row
        .state
        .evolve(event)
        .map_err(|error| moment.refuse(error))?;
    row.change(moment, event);
    Ok(row)
}

fn begin(payout: PayoutId, moment: Moment, event: &PayoutEvent) -> Option<PayoutRow> {
    let PayoutEvent::PayoutRequested {
        wallet,
        asset,
        amount,
        beneficiary,
        requested_by,
        approval_above,
        reference,
        metadata,
    } = event
    else {
        return None;
    };
    Some(PayoutRow {
        payout,
        position: moment.position,
        created_at: moment.at,
        changed_at: moment.at,
        wallet: *wallet,
        asset: *asset,
        amount: *amount,
        beneficiary: *beneficiary,
        requested_by: requested_by.clone(),
        approval_above: *approval_above,
        decided: None,
        reference: reference.clone(),
        metadata: metadata.clone(),
        attempts: Vec::new(),
        provider_payout: None,
        fees: None,
        transaction: None,
        fee_transaction: None,
        return_transaction: None,
        reason: None,
        outcomes: Vec::new(),
        state: Payout::default(),
    })
}
