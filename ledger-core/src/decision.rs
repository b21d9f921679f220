//! How a command meets the book: what it needs, and what it leads to.
//!
//! A decision is a function of the book, the command and the time of recording, and of nothing
//! else. What it decides is recorded in the book at once, so that the next decision sees it; the
//! caller takes it back when the append fails.

use crate::book::{Book, BookError, EntityKey, NewEvent};
use crate::command::Command;
use crate::event::{Event, Stream};
use crate::hold::{CaptureRequest, HoldCommand, HoldEvent, HoldManager, HoldRequest};
use crate::identifier::{AccountId, HoldId, Holder, TransactionId, WalletId};
use crate::ledger::{LedgerCommand, LedgerRejection};
use crate::limit::Judged;
use crate::money::AssetCode;
use crate::posting::{RequestedPosting, Standings};
use crate::provider::Authority;
use crate::rejection::Rejection;
use crate::timestamp::Timestamp;
use crate::transaction::{
    MovementBounds, Transaction, TransactionCause, TransactionCommand, TransactionRequest,
};
use crate::wallet::WalletCommand;

mod again;
mod anew;
mod asked;
mod limits;
mod needs;
mod onboarding;
mod outside;
mod profile;
#[cfg(test)]
mod tests;
mod verification;

use limits::Concern;

pub use again::{Again, DecidingAgain};
pub use anew::{Recorded, decide_anew, led_to};
pub use needs::{begun_entity, lacking, lacking_to_refuse, needs_follow_from_book};

/// Why a command led to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// It breaks a rule.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The book contradicts itself; a fault of Daybook, never of the caller.
    #[error(transparent)]
    Book(#[from] BookError),
    /// What limits the owners concerned is not loaded; load it and decide again. Only for a partial
    /// book, where [`lacking`] could not tell before other commands were decided.
    #[error("what limits the owners concerned is not loaded")]
    Lacking(Vec<EntityKey>),
}

/// Decides `command` and records what happens in `book`.
///
/// # Errors
/// [`DecisionError::Rejected`] with the first rule broken; the book is then as it was before.
pub fn decide(
    book: &mut Book,
    command: &Command,
    recorded_at: Timestamp,
) -> Result<Vec<NewEvent>, DecisionError> {
    let before = book.savepoint();
    let decided = Decision { book, recorded_at }.run(command);
    if decided.is_err() {
        book.take_back(before);
    }
    decided
}

/// One decision under way.
struct Decision<'a> {
    book: &'a mut Book,
    recorded_at: Timestamp,
}

type Decided = Result<Vec<NewEvent>, DecisionError>;

impl Decision<'_> {
    fn run(&mut self, command: &Command) -> Decided {
        if !matches!(command, Command::OpenLedger { .. }) && self.book.open_ledger().is_none() {
            return Err(Rejection::from(LedgerRejection::NotFound {}).into());
        }
        match command {
            Command::OpenLedger {
                name,
                system_accounts,
            } => self.ledger(&LedgerCommand::Open {
                name: *name,
                system_accounts: system_accounts.clone(),
            }),
            Command::RegisterAsset { code, scale } => self.ledger(&LedgerCommand::RegisterAsset {
                code: *code,
                scale: *scale,
            }),
            Command::OpenSystemAccount { name, normal_side } => {
                self.ledger(&LedgerCommand::OpenSystemAccount {
                    name: *name,
                    normal_side: *normal_side,
                })
            }
            Command::OpenWallet { .. }
            | Command::FreezeWallet { .. }
            | Command::UnfreezeWallet { .. }
            | Command::SetWalletOverdraft { .. }
            | Command::CloseWallet { .. } => self.wallet(command),
            Command::PostTransaction {
                transaction,
                request,
            } => self.post(*transaction, request.clone(), TransactionCause::Request),
            Command::RevertTransaction {
                transaction,
                reverting_transaction,
                ..
            } => self.revert(*transaction, *reverting_transaction, command),
            Command::PlaceHold { hold, request } => self.place_hold(*hold, request, None),
            Command::CaptureHold {
                hold,
                transaction,
                request,
            } => self.capture(*hold, None, *transaction, request, Authority::Ordinary),
            Command::VoidHold { hold, reason } => self.hold(
                *hold,
                &HoldCommand::Void {
                    hold: *hold,
                    reason: reason.clone(),
                    manager: None,
                },
            ),
            Command::ExpireHold { hold } => {
                let recorded_at = self.recorded_at;
                self.hold(
                    *hold,
                    &HoldCommand::Expire {
                        hold: *hold,
                        recorded_at,
                    },
                )
            }
            Command::SetTier { tier, rules } => self.ledger(&LedgerCommand::SetTier {
                tier: *tier,
                rules: (**rules).clone(),
            }),
            Command::SetDefaultTier { tier } => {
                self.ledger(&LedgerCommand::SetDefaultTier { tier: *tier })
            }
            Command::Owner { owner, action } => self.owner(owner, action),
            Command::VerificationCase { case, action } => self.verification_case(*case, action),
            Command::Profile { owner, action } => self.profile(owner, action),
            Command::Onboarding { owner, action } => self.onboarding(owner, action),
            Command::SetPaymentPolicy { asset, policy } => {
                self.ledger(&LedgerCommand::SetPaymentPolicy {
                    asset: *asset,
                    policy: *policy,
                })
            }
            Command::Payment { payment, action } => self.payment(*payment, action),
            Command::Payout { payout, action } => self.payout(*payout, action),
            Command::Beneficiary {
                beneficiary,
                action,
            } => self.beneficiary(*beneficiary, action),
            Command::Settlement { settlement, action } => self.settlement(*settlement, action),
        }
    }

    fn ledger(&mut self, command: &LedgerCommand) -> Decided {
        let event = self
            .book
            .ledger()
            .decide(command)
            .map_err(Rejection::from)?;
        let opening = match command {
            LedgerCommand::Open { name, .. } => Some(*name),
            LedgerCommand::RegisterAsset { .. }
            | LedgerCommand::OpenSystemAccount { .. }
            | LedgerCommand::SetTier { .. }
            | LedgerCommand::SetDefaultTier { .. }
            | LedgerCommand::SetPaymentPolicy { .. } => None,
        };
        let stream = self
            .book
            .ledger_stream(opening)
            .ok_or_else(|| Rejection::from(LedgerRejection::NotFound {}))?;
        self.record(stream, Event::Ledger(event))
    }

    fn wallet(&mut self, command: &Command) -> Decided {
        let Some((wallet, command)) = self.wallet_command(command) else {
            return Ok(Vec::new());
        };
        let state = self.book.wallet(Holder::Wallet(wallet));
        let event = state.decide(&command).map_err(Rejection::from)?;
        self.record(Stream::Wallet(wallet), Event::Wallet(event))
    }

    /// The aggregate's own command, with the standings it needs; `None` for other aggregates'.
    fn wallet_command(&self, command: &Command) -> Option<(WalletId, WalletCommand)> {
        match command.clone() {
            Command::OpenWallet {
                wallet,
                owner,
                overdraft,
                reference,
                metadata,
            } => {
                let standings = self.assets(overdraft.iter().map(|(asset, _)| *asset));
                let open = WalletCommand::Open {
                    wallet,
                    owner,
                    overdraft,
                    reference,
                    metadata,
                    standings,
                };
                Some((wallet, open))
            }
            Command::FreezeWallet {
                wallet,
                scope,
                reason,
            } => Some((
                wallet,
                WalletCommand::Freeze {
                    wallet,
                    scope,
                    reason,
                },
            )),
            Command::UnfreezeWallet { wallet, reason } => {
                Some((wallet, WalletCommand::Unfreeze { wallet, reason }))
            }
            Command::SetWalletOverdraft {
                wallet,
                asset,
                overdraft,
            } => {
                let standings = self.assets([asset]);
                let set = WalletCommand::SetOverdraft {
                    wallet,
                    asset,
                    overdraft,
                    standings,
                };
                Some((wallet, set))
            }
            Command::CloseWallet { wallet, reason } => {
                let accounts = self.book.accounts_of(Holder::Wallet(wallet));
                Some((
                    wallet,
                    WalletCommand::Close {
                        wallet,
                        reason,
                        accounts,
                    },
                ))
            }
            Command::OpenLedger { .. }
            | Command::RegisterAsset { .. }
            | Command::OpenSystemAccount { .. }
            | Command::PostTransaction { .. }
            | Command::RevertTransaction { .. }
            | Command::PlaceHold { .. }
            | Command::CaptureHold { .. }
            | Command::VoidHold { .. }
            | Command::ExpireHold { .. }
            | Command::SetPaymentPolicy { .. }
            | Command::SetTier { .. }
            | Command::SetDefaultTier { .. }
            | Command::Owner { .. }
            | Command::VerificationCase { .. }
            | Command::Profile { .. }
            | Command::Onboarding { .. }
            | Command::Payment { .. }
            | Command::Payout { .. }
            | Command::Beneficiary { .. }
            | Command::Settlement { .. } => None,
        }
    }

    fn post(
        &mut self,
        transaction: TransactionId,
        request: TransactionRequest,
        cause: TransactionCause,
    ) -> Decided {
        self.post_with(transaction, request, cause, Authority::Ordinary)
    }

    fn post_with(
        &mut self,
        transaction: TransactionId,
        request: TransactionRequest,
        cause: TransactionCause,
        authority: Authority,
    ) -> Decided {
        let standings = self.book.standings(
            request.postings.iter().map(|posting| posting.asset),
            request.postings.iter().flat_map(RequestedPosting::accounts),
        );
        let standings = match authority {
            Authority::Ordinary => standings,
            Authority::Fact => standings.without_bounds(),
        };
        let bounds = self.bounds(&request, cause, authority)?;
        let recorded_at = self.recorded_at;
        let command = TransactionCommand::Post {
            transaction,
            request,
            cause,
            recorded_at,
            standings,
            bounds,
        };
        self.transaction(transaction, &command)
    }

    fn bounds(
        &mut self,
        request: &TransactionRequest,
        cause: TransactionCause,
        authority: Authority,
    ) -> Result<MovementBounds, DecisionError> {
        if let TransactionCause::Revert(transaction) = cause {
            let usage = match self.book.transaction(transaction) {
                Transaction::Posted(posted) | Transaction::Reverted(posted, _) => {
                    posted.usage.clone()
                }
                Transaction::Absent => None,
            };
            return Ok(MovementBounds::Reverts(usage));
        }
        // What has happened outside is no movement of the owner's wish: it is neither judged nor counted.
        if authority == Authority::Fact || !limits::has_tiers(self.book) {
            return Ok(MovementBounds::default());
        }
        let judged = match cause {
            TransactionCause::Capture(_) => Judged::Arrival,
            TransactionCause::Request
            | TransactionCause::Revert(_)
            | TransactionCause::Payment(_)
            | TransactionCause::Payout(_)
            | TransactionCause::Settlement(_) => Judged::Whole,
        };
        let concerns = Concern::of_postings(&request.postings);
        Ok(MovementBounds::Tiers(self.limits(&concerns)?, judged))
    }

    fn revert(
        &mut self,
        transaction: TransactionId,
        reverting_transaction: TransactionId,
        command: &Command,
    ) -> Decided {
        let postings = match self.book.transaction(transaction) {
            Transaction::Posted(posted) => posted.reversed_postings(),
            Transaction::Absent | Transaction::Reverted(..) => Vec::new(),
        };
        let mark = TransactionCommand::MarkReverted {
            transaction,
            reverting_transaction,
        };
        let mut events = self.transaction(transaction, &mark)?;
        let Command::RevertTransaction {
            effective_at,
            reference,
            metadata,
            ..
        } = command.clone()
        else {
            return Ok(events);
        };
        let request = TransactionRequest {
            postings,
            effective_at,
            reference,
            metadata,
        };
        let cause = TransactionCause::Revert(transaction);
        events.extend(self.post(reverting_transaction, request, cause)?);
        Ok(events)
    }

    fn place_hold(
        &mut self,
        hold: HoldId,
        request: &HoldRequest,
        manager: Option<HoldManager>,
    ) -> Decided {
        let account: AccountId = request.source.account(request.asset);
        let standings = self.book.standings([request.asset], [account]);
        let limits = self.limits_of_hold(request, manager)?;
        let (request, recorded_at) = (request.clone(), self.recorded_at);
        self.hold(
            hold,
            &HoldCommand::Place {
                hold,
                request,
                recorded_at,
                standings,
                manager,
                limits,
            },
        )
    }

    fn capture(
        &mut self,
        hold: HoldId,
        manager: Option<HoldManager>,
        transaction: TransactionId,
        request: &CaptureRequest,
        authority: Authority,
    ) -> Decided {
        let (captured, recorded_at) = (request.clone(), self.recorded_at);
        let command = HoldCommand::Capture {
            hold,
            request: captured,
            transaction,
            recorded_at,
            manager,
        };
        let mut events = self.hold(hold, &command)?;
        let postings = events
            .iter()
            .filter_map(|event| captured_posting(&event.event))
            .collect();
        let movement = TransactionRequest {
            postings,
            effective_at: request.effective_at,
            reference: request.reference.clone(),
            metadata: request.metadata.clone(),
        };
        let cause = manager.map_or(TransactionCause::Capture(hold), HoldManager::cause);
        events.extend(self.post_with(transaction, movement, cause, authority)?);
        Ok(events)
    }

    fn transaction(&mut self, id: TransactionId, command: &TransactionCommand) -> Decided {
        let event = self
            .book
            .transaction(id)
            .decide(command)
            .map_err(Rejection::from)?;
        self.record(Stream::Transaction(id), Event::Transaction(event))
    }

    fn hold(&mut self, id: HoldId, command: &HoldCommand) -> Decided {
        let event = self
            .book
            .hold(id)
            .decide(command)
            .map_err(Rejection::from)?;
        self.record(Stream::Hold(id), Event::Hold(event))
    }

    fn assets(&self, codes: impl IntoIterator<Item = AssetCode>) -> Standings {
        self.book.standings(codes, [])
    }

    fn record(&mut self, stream: Stream, event: Event) -> Decided {
        Ok(vec![self.book.record(stream, event, self.recorded_at)?])
    }
}

fn captured_posting(event: &Event) -> Option<RequestedPosting> {
    match event {
        Event::Hold(HoldEvent::HoldCaptured {
            source,
            asset,
            destination,
            amount,
            ..
        }) => Some(RequestedPosting {
            source: *source,
            destination: *destination,
            asset: *asset,
            amount: amount.value(),
        }),
        Event::Hold(_)
        | Event::Ledger(_)
        | Event::Wallet(_)
        | Event::Transaction(_)
        | Event::Payment(_)
        | Event::Payout(_)
        | Event::Beneficiary(_)
        | Event::Settlement(_)
        | Event::Owner(_)
        | Event::VerificationCase(_)
        | Event::Profile(_)
        | Event::Onboarding(_) => None,
    }
}
