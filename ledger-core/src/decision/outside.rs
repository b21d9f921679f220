//! Decisions about payments, payouts, beneficiaries and settlements: one event of their own, and
//! what it makes the ledger do, in the same append.

use crate::beneficiary::{BeneficiaryAction, BeneficiaryCommand};
use crate::book::Book;
use crate::event::{Event, Stream};
use crate::hold::{CaptureRequest, HoldCommand, HoldRequest, Remainder};
use crate::identifier::{BeneficiaryId, Holder, PaymentId, PayoutId, SettlementId};
use crate::ledger::{LedgerEvent, PaymentPolicy, SystemAccount};
use crate::limit::Limits;
use crate::money::AssetCode;
use crate::payment::{PaymentAction, PaymentCommand, PaymentEvent, unexpected_payment_id};
use crate::payout::{PayoutAction, PayoutCommand};
use crate::posting::Standings;
use crate::provider::{Authority, Effect, opened_by_movements};
use crate::rejection::Rejection;
use crate::settlement::{SettlementAction, SettlementCommand};
use crate::transaction::TransactionRequest;

use super::needs::{holders_of_payment, receiver_of_payment};
use super::{Decided, Decision, DecisionError};

impl Decision<'_> {
    pub(super) fn payment(&mut self, payment: PaymentId, action: &PaymentAction) -> Decided {
        let (payment, action) = redirected(self.book, payment, action);
        let command = self.payment_command(payment, action)?;
        let before = self.book.payment(payment).clone();
        let Some(event) = before.decide(&command).map_err(Rejection::from)? else {
            return Ok(Vec::new());
        };
        let mut events = self.record_payment(payment, event)?;
        let command = self.payment_command(payment, command.action)?;
        let after = self.book.payment(payment).clone();
        if let Some(event) = after.decide_beside(&command).map_err(Rejection::from)? {
            events.extend(self.record_payment(payment, event)?);
        }
        Ok(events)
    }

    pub(super) fn payment_command(
        &mut self,
        payment: PaymentId,
        action: PaymentAction,
    ) -> Result<PaymentCommand, DecisionError> {
        let asset = asset_of_payment(self.book.payment(payment), &action);
        let holders = holders_of_payment(self.book, payment, &action);
        let limits = self.limits_of_payment(payment, &action)?;
        Ok(PaymentCommand {
            payment,
            recorded_at: self.recorded_at,
            standings: self.standings_in(&holders, asset),
            policy: self.policy(asset),
            limits,
            action,
        })
    }

    /// What the owner may receive who is to be credited.
    fn limits_of_payment(
        &mut self,
        payment: PaymentId,
        action: &PaymentAction,
    ) -> Result<Limits, DecisionError> {
        match receiver_of_payment(self.book, payment, action) {
            Some(receiver) => self.limits(&[receiver]),
            None => Ok(Limits::default()),
        }
    }

    fn record_payment(&mut self, payment: PaymentId, event: PaymentEvent) -> Decided {
        self.record_outside(Stream::Payment(payment), Event::Payment(Box::new(event)))
    }

    pub(super) fn payout(&mut self, payout: PayoutId, action: &PayoutAction) -> Decided {
        let before = self.book.payout(payout).clone();
        let (wallet, beneficiary, asset) = match (before.terms(), action) {
            (Some(terms), _) => (
                Some(terms.wallet),
                Some(terms.beneficiary),
                Some(terms.asset),
            ),
            (None, PayoutAction::Request(new)) => {
                (Some(new.wallet), Some(new.beneficiary), Some(new.asset))
            }
            (None, _) => (None, None, None),
        };
        let holders: Vec<Holder> = wallet.map(Holder::Wallet).into_iter().collect();
        let command = PayoutCommand {
            payout,
            action: action.clone(),
            beneficiary: beneficiary
                .map(|id| self.book.beneficiary(id).clone())
                .unwrap_or_default(),
            standings: self.standings_in(&holders, asset),
            policy: self.policy(asset),
            recorded_at: self.recorded_at,
        };
        let Some(event) = before.decide(&command).map_err(Rejection::from)? else {
            return Ok(Vec::new());
        };
        self.record_outside(Stream::Payout(payout), Event::Payout(Box::new(event)))
    }

    pub(super) fn beneficiary(
        &mut self,
        beneficiary: BeneficiaryId,
        action: &BeneficiaryAction,
    ) -> Decided {
        let wallet = match action {
            BeneficiaryAction::Add { wallet, .. } => {
                self.book.wallet(Holder::Wallet(*wallet)).status()
            }
            BeneficiaryAction::Verify { .. } | BeneficiaryAction::Remove { .. } => None,
        };
        let command = BeneficiaryCommand {
            beneficiary,
            action: action.clone(),
            wallet,
        };
        let state = self.book.beneficiary(beneficiary);
        let Some(event) = state.decide(&command).map_err(Rejection::from)? else {
            return Ok(Vec::new());
        };
        let event = Event::Beneficiary(Box::new(event));
        self.record(Stream::Beneficiary(beneficiary), event)
    }

    pub(super) fn settlement(
        &mut self,
        settlement: SettlementId,
        action: &SettlementAction,
    ) -> Decided {
        let asset = match (self.book.settlement(settlement), action) {
            (_, SettlementAction::Record { report, .. }) => Some(report.asset),
            (crate::settlement::Settlement::Recorded(known), _) => Some(known.asset),
            (crate::settlement::Settlement::Absent, _) => None,
        };
        let command = SettlementCommand {
            settlement,
            action: action.clone(),
            standings: self.standings_in(&[], asset),
        };
        let state = self.book.settlement(settlement);
        let Some(event) = state.decide(&command).map_err(Rejection::from)? else {
            return Ok(Vec::new());
        };
        let event = Event::Settlement(Box::new(event));
        self.record_outside(Stream::Settlement(settlement), event)
    }

    fn policy(&self, asset: Option<AssetCode>) -> PaymentPolicy {
        let open = self.book.open_ledger();
        asset
            .and_then(|asset| open?.payment_policies.get(&asset).copied())
            .unwrap_or_default()
    }

    fn standings_in(&self, holders: &[Holder], asset: Option<AssetCode>) -> Standings {
        let accounts = asset
            .into_iter()
            .flat_map(|asset| holders.iter().map(move |holder| holder.account(asset)));
        self.book.standings(asset, accounts)
    }

    /// Records an event, and behind it what it moves and reserves where it is one of the outside.
    pub(super) fn record_outside(&mut self, stream: Stream, event: Event) -> Decided {
        let effects = match (stream, &event) {
            (Stream::Payment(id), Event::Payment(event)) => {
                self.book.payment(id).effects(id, event)
            }
            (Stream::Payout(id), Event::Payout(event)) => self.book.payout(id).effects(id, event),
            (Stream::Settlement(id), Event::Settlement(event)) => event.effects(id),
            _ => Vec::new(),
        };
        let mut events = self.record(stream, event)?;
        for effect in effects {
            events.extend(self.carry_out(effect)?);
        }
        Ok(events)
    }

    fn carry_out(&mut self, effect: Effect) -> Decided {
        match effect {
            Effect::Post {
                transaction,
                postings,
                cause,
                authority,
            } => {
                let holders = postings
                    .iter()
                    .flat_map(|posting| [posting.source, posting.destination])
                    .collect::<Vec<_>>();
                let mut events = self.open_accounts(&holders)?;
                let request = movement(postings);
                events.extend(self.post_with(transaction, request, cause, authority)?);
                Ok(events)
            }
            Effect::Reserve {
                hold,
                manager,
                source,
                destination,
                asset,
                amount,
            } => {
                let request = HoldRequest {
                    source,
                    asset,
                    amount: amount.value(),
                    destination,
                    expires_at: None,
                    reference: None,
                    metadata: crate::annotation::Metadata::default(),
                };
                self.place_hold(hold, &request, Some(manager))
            }
            Effect::Capture {
                hold,
                manager,
                transaction,
                destination,
            } => {
                let mut events = self.open_accounts(&[destination])?;
                let request = CaptureRequest {
                    amount: None,
                    destination: Some(destination),
                    remainder: Remainder::Release,
                    effective_at: None,
                    reference: None,
                    metadata: crate::annotation::Metadata::default(),
                };
                let (manager, authority) = (Some(manager), Authority::Fact);
                events.extend(self.capture(hold, manager, transaction, &request, authority)?);
                Ok(events)
            }
            Effect::Release {
                hold,
                manager,
                reason,
            } => self.hold(
                hold,
                &HoldCommand::Void {
                    hold,
                    reason,
                    manager: Some(manager),
                },
            ),
        }
    }

    /// Opens the accounts that movements open by themselves, where the ledger has them not.
    fn open_accounts(&mut self, holders: &[Holder]) -> Decided {
        let mut events = Vec::new();
        for holder in holders {
            let (Holder::System(name), Some(normal_side)) = (holder, opened_by_movements(*holder))
            else {
                continue;
            };
            let open = self.book.open_ledger();
            if open.is_some_and(|open| open.system_accounts.contains_key(name)) {
                continue;
            }
            let Some(stream) = self.book.ledger_stream(None) else {
                continue;
            };
            let account = SystemAccount {
                name: *name,
                normal_side,
            };
            let event = LedgerEvent::SystemAccountOpened { account };
            events.extend(self.record(stream, Event::Ledger(event))?);
        }
        Ok(events)
    }
}

/// The payment that an action concerns, and what is asked of it.
///
/// What a provider says about an attempt's money concerns the payment whose money it is. If the money
/// was taken in as no payment's ([`unexpected_payment_id`]), that is that one, whatever payment is
/// named; otherwise one capture would be taken in twice. If another attempt's money is the named
/// payment's, this attempt's is to be taken in as no payment's, and what is said of its refunds and
/// disputes concerns that.
pub(super) fn redirected(
    book: &Book,
    payment: PaymentId,
    action: &PaymentAction,
) -> (PaymentId, PaymentAction) {
    let Some((provider, attempt)) = action.attempt() else {
        return (payment, action.clone());
    };
    let unexpected = unexpected_payment_id(provider, attempt);
    if book.payment(unexpected).status().is_some() {
        return (unexpected, action.clone());
    }
    let named = book.payment(payment);
    match action {
        PaymentAction::Observe {
            observation,
            transaction,
        } => match named.unexpected(payment, observation) {
            Some(why) => {
                let instead = PaymentAction::ObserveUnexpected {
                    observation: observation.clone(),
                    why,
                    transaction: *transaction,
                };
                (unexpected, instead)
            }
            None => (payment, action.clone()),
        },
        _ => {
            let captured = named.captured();
            let is_other = captured.is_some_and(|captured| !captured.is_of(provider, attempt));
            let payment = if is_other { unexpected } else { payment };
            (payment, action.clone())
        }
    }
}

fn movement(postings: Vec<crate::posting::RequestedPosting>) -> TransactionRequest {
    TransactionRequest {
        postings,
        effective_at: None,
        reference: None,
        metadata: crate::annotation::Metadata::default(),
    }
}

/// The asset that a command about a payment is judged in: what is observed, else the payment's own.
fn asset_of_payment(state: &crate::payment::Payment, action: &PaymentAction) -> Option<AssetCode> {
    let own = state
        .open()
        .map(|open| open.asset)
        .or(state.captured().map(|captured| captured.asset));
    match action {
        PaymentAction::Create(new) => Some(new.asset),
        PaymentAction::Observe { observation, .. }
        | PaymentAction::ObserveUnexpected { observation, .. } => observation.asset().or(own),
        PaymentAction::Reroute { .. }
        | PaymentAction::Expire { .. }
        | PaymentAction::Credit { .. }
        | PaymentAction::RequestRefund { .. }
        | PaymentAction::ObserveRefund { .. }
        | PaymentAction::ObserveDispute { .. } => own,
    }
}
