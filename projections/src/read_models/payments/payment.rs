//! A payment as its events have made it.

use ledger_core::annotation::{Metadata, Reference};
use ledger_core::payment::{
    Payment, PaymentEvent, PaymentStatus, SuspenseReason, UnexpectedReason,
};
use ledger_core::provider::{Fees, Route};
use ledger_core::{
    Amount, AssetCode, Holder, PaymentId, Position, ProviderName, ProviderReference, Timestamp,
    TransactionId, WalletId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Moment;
use super::documents::{Columns, Document};
use super::outcome::OutcomeRow;
use crate::read_model::FoldError;

/// A payment. Its refunds and disputes are rows of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRow {
    /// Its id.
    pub payment: PaymentId,
    /// The position of its first event.
    pub position: Position,
    /// When that was recorded.
    pub created_at: Timestamp,
    /// When its last event was recorded.
    pub changed_at: Timestamp,
    /// Whose wallet was to be credited; none of unexpected money. Whose the money is, [`Self::owner`]
    /// tells.
    pub wallet: Option<WalletId>,
    /// Which asset was asked for; of unexpected money, which arrived.
    pub asset: AssetCode,
    /// How much.
    pub amount: Amount,
    /// The caller's name for it.
    pub reference: Option<Reference>,
    /// The caller's metadata.
    pub metadata: Metadata,
    /// Until when the payer may pay, as whoever asked for it wants.
    pub wanted_until: Option<Timestamp>,
    /// Until when the payer may pay, as far as is known.
    pub expires_at: Option<Timestamp>,
    /// The decisions between providers, the last one last.
    pub routes: Vec<RouteTaken>,
    /// The order, session or link of the provider that was asked last.
    pub order: Option<ProviderReference>,
    /// What was tried, in the order in which it was heard of.
    pub attempts: Vec<AttemptRow>,
    /// What arrived.
    pub captured: Option<CapturedRow>,
    /// What the provider charges.
    pub fees: Option<Fees>,
    /// Why its money went to suspense.
    pub suspended: Option<SuspenseReason>,
    /// Why it belongs to no payment that was asked for.
    pub unexpected: Option<UnexpectedReason>,
    /// Why it failed or expired, as long as it is so; the reason told last.
    pub reason: Option<Reference>,
    /// How it ended at the providers that were asked.
    pub outcomes: Vec<OutcomeRow>,
    /// What the domain makes of its events.
    pub state: Payment,
}

/// A decision between providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTaken {
    /// When it was recorded.
    pub at: Timestamp,
    /// The decision.
    pub route: Route,
}

/// How far an attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// Refused, as far as is known.
    Failed,
    /// The money is reserved.
    Authorized,
    /// The reservation was given back.
    Released,
    /// The provider has the money.
    Captured,
}

/// An attempt to pay: a provider's own payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// Where.
    pub provider: ProviderName,
    /// The provider's own id of it.
    pub reference: ProviderReference,
    /// How far it has come.
    pub status: AttemptStatus,
    /// When that was recorded.
    pub changed_at: Timestamp,
    /// Which asset and how much, where it was told.
    pub money: Option<(AssetCode, Amount)>,
    /// Why it failed.
    pub reason: Option<Reference>,
}

/// Money that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturedRow {
    /// When it was recorded.
    pub at: Timestamp,
    /// Where.
    pub provider: ProviderName,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Amount,
    /// Who holds it: the wallet, or suspense.
    pub holder: Holder,
    /// The transaction that moved it.
    pub transaction: TransactionId,
    /// The transaction that moved it out of suspense.
    pub credit_transaction: Option<TransactionId>,
}

impl Document for PaymentRow {
    const TABLE: &'static str = "payments";

    fn id(&self) -> Uuid {
        self.payment.as_uuid()
    }

    fn position(&self) -> Position {
        self.position
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn columns(&self) -> Columns {
        Columns {
            belongs_to: None,
            wallet: self.owner(),
            provider: self.provider(),
            status: self.status(),
            in_suspense: self.is_in_suspense(),
        }
    }
}

impl PaymentRow {
    /// Its state, by name.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self.state.status() {
            Some(status) => status.as_str(),
            None => "absent",
        }
    }

    /// Who has its money, or else was asked last.
    #[must_use]
    pub fn provider(&self) -> Option<ProviderName> {
        let asked = || self.routes.last().map(|taken| taken.route.provider);
        let captured = self.captured.as_ref().map(|captured| captured.provider);
        captured.or_else(asked)
    }

    /// Whose it is: the wallet that holds its money, or as long as no wallet does the one that was to be
    /// credited.
    #[must_use]
    pub fn owner(&self) -> Option<WalletId> {
        match self.captured.as_ref().map(|captured| captured.holder) {
            Some(Holder::Wallet(wallet)) => Some(wallet),
            Some(Holder::System(_)) | None => self.wallet,
        }
    }

    /// Whose a part of its money is that `source` held: the wallet's, or the payment's own while it was in
    /// suspense.
    pub(super) fn owner_of(&self, source: Holder) -> Option<WalletId> {
        match source {
            Holder::Wallet(wallet) => Some(wallet),
            Holder::System(_) => self.owner(),
        }
    }

    /// Whether some of its money waits in suspense.
    #[must_use]
    pub fn is_in_suspense(&self) -> bool {
        let captured = self.state.captured();
        captured.is_some_and(|captured| !captured.in_suspense.is_zero())
    }

    fn set_attempt(&mut self, attempt: AttemptRow) {
        let same = |known: &&mut AttemptRow| {
            known.provider == attempt.provider && known.reference == attempt.reference
        };
        match self.attempts.iter_mut().find(same) {
            Some(known) => {
                *known = AttemptRow {
                    money: attempt.money.or(known.money),
                    ..attempt
                }
            }
            None => self.attempts.push(attempt),
        }
    }

    fn change(&mut self, moment: Moment, event: &PaymentEvent) {
        self.changed_at = moment.at;
        match event {
            PaymentEvent::PaymentRerouted { route } => {
                // What the provider before had said of its page is nothing to this one.
                self.order = None;
                self.expires_at = self.wanted_until;
                self.routes.push(RouteTaken {
                    at: moment.at,
                    route: route.clone(),
                });
            }
            PaymentEvent::PaymentAwaitingPayer {
                order, expires_at, ..
            } => {
                self.order = order.clone().or_else(|| self.order.take());
                self.expires_at = expires_at.or(self.expires_at);
            }
            PaymentEvent::PaymentExpired { reason, .. }
            | PaymentEvent::PaymentFailed {
                attempt: None,
                reason,
                ..
            } => self.reason.clone_from(reason),
            PaymentEvent::PaymentAuthorized { .. }
            | PaymentEvent::PaymentReleased { .. }
            | PaymentEvent::PaymentFailed { .. } => self.change_attempt(moment, event),
            PaymentEvent::PaymentCaptured { .. }
            | PaymentEvent::UnexpectedPaymentCaptured { .. } => self.capture(moment, event),
            PaymentEvent::PaymentFeesRecorded { fees, .. } => self.fees = Some(*fees),
            PaymentEvent::PaymentCredited { transaction, .. } => {
                let holder = self.state.captured().map(|captured| captured.holder);
                if let (Some(captured), Some(holder)) = (&mut self.captured, holder) {
                    captured.holder = holder;
                    captured.credit_transaction = Some(*transaction);
                }
            }
            // Rows of their own.
            PaymentEvent::PaymentCreated { .. }
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundSucceeded { .. }
            | PaymentEvent::RefundDiscovered { .. }
            | PaymentEvent::RefundMatched { .. }
            | PaymentEvent::RefundFailed { .. }
            | PaymentEvent::DisputeOpened { .. }
            | PaymentEvent::DisputeClosed { .. }
            | PaymentEvent::DisputeWon { .. }
            | PaymentEvent::DisputeLost { .. }
            | PaymentEvent::DisputeFeesRecorded { .. } => {}
        }
    }

    fn change_attempt(&mut self, moment: Moment, event: &PaymentEvent) {
        let (provider, reference, status, money, reason) = match event {
            PaymentEvent::PaymentAuthorized {
                provider,
                attempt,
                asset,
                amount,
            } => {
                let money = Some((*asset, *amount));
                (provider, attempt, AttemptStatus::Authorized, money, None)
            }
            PaymentEvent::PaymentReleased { provider, attempt } => {
                (provider, attempt, AttemptStatus::Released, None, None)
            }
            PaymentEvent::PaymentFailed {
                provider,
                attempt: Some(attempt),
                reason,
            } => {
                self.reason.clone_from(reason);
                let reason = reason.clone();
                (provider, attempt, AttemptStatus::Failed, None, reason)
            }
            _ => return,
        };
        self.set_attempt(AttemptRow {
            provider: *provider,
            reference: reference.clone(),
            status,
            changed_at: moment.at,
            money,
            reason,
        });
    }

    fn capture(&mut self, moment: Moment, event: &PaymentEvent) {
        let (PaymentEvent::PaymentCaptured {
            provider,
            attempt,
            asset,
            amount,
            fees,
            transaction,
            ..
        }
        | PaymentEvent::UnexpectedPaymentCaptured {
            provider,
            attempt,
            asset,
            amount,
            fees,
            transaction,
            ..
        }) = event
        else {
            return;
        };
        let holder = self.state.captured().map(|captured| captured.holder);
        self.captured = holder.map(|holder| CapturedRow {
            at: moment.at,
            provider: *provider,
            asset: *asset,
            amount: *amount,
            holder,
            transaction: *transaction,
            credit_transaction: None,
        });
        self.fees = *fees;
        if let PaymentEvent::PaymentCaptured { suspended, .. } = event {
            self.suspended.clone_from(suspended);
        }
        self.set_attempt(AttemptRow {
            provider: *provider,
            reference: attempt.clone(),
            status: AttemptStatus::Captured,
            changed_at: moment.at,
            money: Some((*asset, *amount)),
            reason: None,
        });
    }
}

/// The payment after one more event.
pub(super) fn next(
    known: Option<&PaymentRow>,
    id: PaymentId,
    moment: Moment,
    event: &PaymentEvent,
) -> Result<PaymentRow, FoldError> {
    let mut row = match known {
        Some(known) => known.clone(),
        None => begin(id, moment, event).ok_or_else(|| not_known(moment, id))?,
    };
    row.state = row
        .state
        .evolve(event)
        .map_err(|error| moment.refuse(error))?;
    row.change(moment, event);
    let status = row.state.status();
    if !matches!(status, Some(PaymentStatus::Failed | PaymentStatus::Expired)) {
        row.reason = None;
    }
    Ok(row)
}

fn not_known(moment: Moment, id: PaymentId) -> FoldError {
    moment.refuse(format!("the payment {id} is not known"))
}

fn begin(payment: PaymentId, moment: Moment, event: &PaymentEvent) -> Option<PaymentRow> {
    let absent = |asset, amount| PaymentRow {
        payment,
        position: moment.position,
        created_at: moment.at,
        changed_at: moment.at,
        wallet: None,
        asset,
        amount,
        reference: None,
        metadata: Metadata::default(),
        wanted_until: None,
        expires_at: None,
        routes: Vec::new(),
        order: None,
        attempts: Vec::new(),
        captured: None,
        fees: None,
        suspended: None,
        unexpected: None,
        reason: None,
        outcomes: Vec::new(),
        state: Payment::default(),
    };
    match event {
        PaymentEvent::PaymentCreated {
            wallet,
            asset,
            amount,
            route,
            expires_at,
            reference,
            metadata,
        } => Some(PaymentRow {
            wallet: Some(*wallet),
            reference: reference.clone(),
            metadata: metadata.clone(),
            wanted_until: *expires_at,
            expires_at: *expires_at,
            routes: vec![RouteTaken {
                at: moment.at,
                route: route.clone(),
            }],
            ..absent(*asset, *amount)
        }),
        PaymentEvent::UnexpectedPaymentCaptured {
            order,
            asset,
            amount,
            why,
            ..
        } => Some(PaymentRow {
            order: order.clone(),
            unexpected: Some(*why),
            ..absent(*asset, *amount)
        }),
        _ => None,
    }
}
