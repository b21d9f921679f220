//! The book: what the events of a ledger add up to.
//!
//! The book is the fold of the log: the ledger's assets and system accounts, every wallet, every
//! account's totals, the holds, and the transactions that may still be reverted. The executor
//! decides against it, the audit recomputes it, the tests compare with it: one code for all.
//!
//! **Complete and partial.** A complete book has folded the log from its first event, so what it
//! does not have does not exist. A partial book is a cache: it knows the log's head and a part of
//! the entities. [`Book::lacks`] names what must be loaded before a decision. Events that touch an
//! account which is not loaded are kept as deltas until it is, so that a loaded row that is true at
//! an earlier position becomes true at the head.
//!
//! **Taking back.** Everything [`Book::record`] does can be undone to a [`Savepoint`] until
//! [`Book::settle`] makes it final: a refused part of a command, a dry run, an all-or-nothing batch
//! and a failed append all use it.
//!
//! **Eviction.** A partial book forgets holders only when no event after the accounts read model's
//! checkpoint touched them, so that what is loaded again is never behind what was known.

mod account;
mod apply;
mod entity;
mod load;
mod streamed;
#[cfg(test)]
mod tests;
mod trial_balance;
mod undo;
mod usage;

use hashbrown::HashMap;

use crate::aggregate::IllegalEvent;
use crate::beneficiary::Beneficiary;
use crate::event::{Event, Position, RecordedEvent, Sequence, Stream};
use crate::hold::Hold;
use crate::identifier::{
    AccountId, BeneficiaryId, CaseId, HoldId, Holder, LedgerName, OwnerKey, PaymentId, PayoutId,
    SettlementId, TransactionId, WalletId,
};
use crate::ledger::{Ledger, OpenLedger};
use crate::money::AssetCode;
use crate::onboarding::Onboarding;
use crate::owner::Owner;
use crate::payment::Payment;
use crate::payout::Payout;
use crate::posting::{HolderStanding, Standing, Standings};
use crate::profile::Profile;
use crate::settlement::Settlement;
use crate::timestamp::Timestamp;
use crate::transaction::Transaction;
use crate::verification::VerificationCase;
use crate::wallet::Wallet;

pub use account::AccountTotals;
pub use load::{HolderRows, LoadError, StaleLoad};
pub use trial_balance::TrialBalance;
pub use usage::UsageRows;

use apply::Place;
use entity::{HolderEntry, LoadedHolder, Versioned};
use undo::Undo;
use usage::UsageEntry;

/// An entity a decision needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityKey {
    /// A wallet or system account, with all of its accounts.
    Holder(Holder),
    /// A hold.
    Hold(HoldId),
    /// A transaction.
    Transaction(TransactionId),
    /// A payment.
    Payment(PaymentId),
    /// A payout.
    Payout(PayoutId),
    /// A beneficiary.
    Beneficiary(BeneficiaryId),
    /// A settlement.
    Settlement(SettlementId),
    /// A verification case.
    VerificationCase(CaseId),
    /// The onboarding of an owner.
    Onboarding(OwnerKey),
    /// Who owns a wallet; the wallet itself is a holder.
    OwnerOf(WalletId),
    /// What was granted to an owner.
    Owner(OwnerKey),
    /// An owner's profile.
    Profile(OwnerKey),
    /// What an owner has used of limits, and the owner's wallets.
    Usage(OwnerKey),
}

/// The log and the book disagree: the log is not one Daybook wrote, or was read out of order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Not the next position.
    #[error("position {found} follows {last}")]
    OutOfOrder {
        /// The last position applied.
        last: Position,
        /// The position of the event.
        found: Position,
    },
    /// Not the next place in its stream.
    #[error("position {position}: {stream} goes from sequence {last} to {found}")]
    SequenceGap {
        /// The event's position.
        position: Position,
        /// Its stream.
        stream: Stream,
        /// The last sequence applied.
        last: Sequence,
        /// The event's sequence.
        found: Sequence,
    },
    /// The event cannot follow in its aggregate's state.
    #[error("position {position}, {stream}")]
    IllegalEvent {
        /// The event's position.
        position: Position,
        /// Its stream.
        stream: Stream,
        /// Why.
        #[source]
        source: IllegalEvent,
    },
    /// Event and stream are of different aggregates.
    #[error("position {position}: a {event} event in the stream {stream}")]
    WrongStream {
        /// The event's position.
        position: Position,
        /// Its stream.
        stream: Stream,
        /// The event's type.
        event: &'static str,
    },
    /// A decision concerns a holder that was not loaded into a partial book.
    #[error("position {position}: {holder} is not loaded")]
    NotLoaded {
        /// The position the event would have had.
        position: Position,
        /// The holder.
        holder: Holder,
    },
    /// An account's totals cannot be kept exactly, or a hold gives back more than was reserved.
    #[error("position {position}: the totals of {account} cannot be kept")]
    Totals {
        /// The event's position.
        position: Position,
        /// The account.
        account: AccountId,
    },
    /// What an owner has used cannot be kept, or more is given back than was counted.
    #[error("position {position}: what the owner {owner} has used cannot be kept")]
    Usage {
        /// The event's position.
        position: Position,
        /// The owner.
        owner: OwnerKey,
    },
}

/// A point to which the book can be taken back; valid until [`Book::settle`] passes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Savepoint(u64);

/// An event just decided, with the place it has if the append succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: Stream,
    /// Its place in the stream.
    pub sequence: Sequence,
    /// What it says.
    pub event: Event,
}

/// What a ledger's events add up to; see the module.
#[derive(Debug, Clone)]
pub struct Book {
    complete: bool,
    position: Position,
    recorded_at: Option<Timestamp>,
    ledger: Versioned<Ledger>,
    holders: HashMap<Holder, HolderEntry>,
    holds: HashMap<HoldId, Versioned<Hold>>,
    transactions: HashMap<TransactionId, Versioned<Transaction>>,
    payments: HashMap<PaymentId, Versioned<Payment>>,
    payouts: HashMap<PayoutId, Versioned<Payout>>,
    beneficiaries: HashMap<BeneficiaryId, Versioned<Beneficiary>>,
    settlements: HashMap<SettlementId, Versioned<Settlement>>,
    owners: HashMap<OwnerKey, Versioned<Owner>>,
    cases: HashMap<CaseId, Versioned<VerificationCase>>,
    profiles: HashMap<OwnerKey, Versioned<Profile>>,
    onboardings: HashMap<OwnerKey, Versioned<Onboarding>>,
    usages: HashMap<OwnerKey, UsageEntry>,
    undo: Vec<Undo>,
    /// Whether changes are kept in `undo`: they are while recording, not while applying.
    recording: bool,
    /// How many undo steps were settled and dropped before the first in `undo`.
    settled: u64,
    /// The read model's checkpoint that the last eviction relied on.
    clean_through: Position,
    /// Counts uses, so that eviction can tell what was used lately.
    tick: u64,
}

impl Book {
    /// An empty book that is to fold the log from its first event.
    #[must_use]
    pub fn complete() -> Self {
        Self {
            complete: true,
            position: Position::START,
            recorded_at: None,
            ledger: Versioned::default(),
            holders: HashMap::new(),
            holds: HashMap::new(),
            transactions: HashMap::new(),
            payments: HashMap::new(),
            payouts: HashMap::new(),
            beneficiaries: HashMap::new(),
            settlements: HashMap::new(),
            owners: HashMap::new(),
            cases: HashMap::new(),
            profiles: HashMap::new(),
            onboardings: HashMap::new(),
            usages: HashMap::new(),
            undo: Vec::new(),
            recording: false,
            settled: 0,
            clean_through: Position::START,
            // Not 0, which stands for "never used".
            tick: 1,
        }
    }

    /// The position of the last event applied or recorded.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The recorded time of the last event.
    #[must_use]
    pub const fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }

    /// The ledger, once it is open.
    #[must_use]
    pub const fn open_ledger(&self) -> Option<&OpenLedger> {
        match &self.ledger.state {
            Ledger::Open(open) => Some(open),
            Ledger::Absent => None,
        }
    }

    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger.state
    }

    pub(crate) fn ledger_stream(&self, opening: Option<LedgerName>) -> Option<Stream> {
        self.open_ledger()
            .map(|open| open.name)
            .or(opening)
            .map(Stream::Ledger)
    }

    pub(crate) fn wallet(&self, holder: Holder) -> &Wallet {
        const ABSENT: &Wallet = &Wallet::Absent;
        match self.loaded(holder) {
            Some(LoadedHolder { wallet, .. }) => &wallet.state,
            None => ABSENT,
        }
    }

    pub(crate) fn hold(&self, id: HoldId) -> &Hold {
        self.holds
            .get(&id)
            .map_or(&Hold::Absent, |hold| &hold.state)
    }

    pub(crate) fn transaction(&self, id: TransactionId) -> &Transaction {
        self.transactions
            .get(&id)
            .map_or(&Transaction::Absent, |known| &known.state)
    }

    /// What `standing` an account has, or `None` when its holder does not exist.
    #[must_use]
    pub fn standing(&self, account: AccountId) -> Option<Standing> {
        let loaded = self.loaded(account.holder);
        let holder = match account.holder {
            Holder::Wallet(_) => {
                let wallet = &loaded?.wallet.state;
                HolderStanding::Wallet {
                    status: wallet.status()?,
                    overdraft: wallet.overdraft(&account.asset),
                }
            }
            Holder::System(name) => HolderStanding::System {
                normal_side: *self.open_ledger()?.system_accounts.get(&name)?,
            },
        };
        let totals = loaded
            .and_then(|loaded| loaded.accounts.get(account.asset))
            .copied();
        let totals = totals.unwrap_or_default();
        Some(Standing {
            holder,
            posted: totals.posted,
            pending_debits: totals.pending_debits,
        })
    }

    /// The assets and accounts named, as they stand.
    pub fn standings(
        &self,
        assets: impl IntoIterator<Item = AssetCode>,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Standings {
        let mut known_assets: Vec<crate::money::Asset> = Vec::new();
        for code in assets {
            if known_assets.iter().any(|asset| asset.code == code) {
                continue;
            }
            known_assets.extend(self.open_ledger().and_then(|open| open.assets.get(&code)));
        }
        let accounts = accounts
            .into_iter()
            .filter_map(|account| Some((account, self.standing(account)?)))
            .collect();
        Standings::new(known_assets, accounts)
    }

    /// Every account of a holder that ever moved, as it stands, in order of asset: a decision that
    /// names the first of them must not depend on the order in which they were loaded.
    #[must_use]
    pub fn accounts_of(&self, holder: Holder) -> Vec<(AccountId, Standing)> {
        let Some(loaded) = self.loaded(holder) else {
            return Vec::new();
        };
        let accounts = loaded.accounts.iter().filter_map(|(asset, _)| {
            let account = holder.account(*asset);
            Some((account, self.standing(account)?))
        });
        let mut accounts: Vec<_> = accounts.collect();
        accounts.sort_unstable_by_key(|(account, _)| *account);
        accounts
    }

    /// Every account that ever moved, with its totals, in no order. For a complete book.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, AccountTotals)> + '_ {
        self.holders.iter().flat_map(|(holder, entry)| {
            let accounts = match entry {
                HolderEntry::Loaded(loaded) => Some(loaded.accounts.iter()),
                HolderEntry::Cold(_) => None,
            };
            accounts
                .into_iter()
                .flatten()
                .map(|(asset, totals)| (holder.account(*asset), *totals))
        })
    }

    /// What has moved through an account; `None` when nothing ever did. For a complete book.
    #[must_use]
    pub fn totals(&self, account: AccountId) -> Option<AccountTotals> {
        let loaded = self.loaded(account.holder)?;
        loaded.accounts.get(account.asset).copied()
    }

    /// Every wallet, with the last sequence of its stream, in no order. For a complete book.
    pub fn wallets(&self) -> impl Iterator<Item = (Holder, &Wallet, Sequence)> + '_ {
        self.holders
            .iter()
            .filter_map(|(holder, entry)| match (holder, entry) {
                (Holder::Wallet(_), HolderEntry::Loaded(loaded)) => {
                    Some((*holder, &loaded.wallet.state, loaded.wallet.sequence))
                }
                (Holder::Wallet(_) | Holder::System(_), _) => None,
            })
    }

    /// Folds one more event of the log.
    ///
    /// # Errors
    /// [`BookError`] when the event does not follow; the book is then of no further use.
    pub fn apply(&mut self, event: &RecordedEvent) -> Result<(), BookError> {
        if event.position != self.position.next() {
            return Err(BookError::OutOfOrder {
                last: self.position,
                found: event.position,
            });
        }
        self.fold(event.position, event.stream, event.sequence, &event.event)?;
        self.position = event.position;
        self.recorded_at = Some(event.recorded_at);
        Ok(())
    }

    /// Records what was decided as the next event; it can be taken back until it is settled.
    ///
    /// # Errors
    /// [`BookError`] when the event cannot follow, which a decision against this book rules out.
    pub fn record(
        &mut self,
        stream: Stream,
        event: Event,
        recorded_at: Timestamp,
    ) -> Result<NewEvent, BookError> {
        let position = self.position.next();
        let sequence = self.last_sequence(&stream) + 1;
        self.recording = true;
        self.remember(|book| Undo::Head {
            position: book.position,
            recorded_at: book.recorded_at,
        });
        let folded = self.fold(position, stream, sequence, &event);
        self.recording = false;
        folded?;
        self.position = position;
        self.recorded_at = Some(recorded_at);
        Ok(NewEvent {
            position,
            stream,
            sequence,
            event,
        })
    }

    /// Drops every transaction kept for reverts; a fold that only adds up calls this now and then.
    pub fn forget_transactions(&mut self) {
        self.transactions.clear();
    }

    fn loaded(&self, holder: Holder) -> Option<&LoadedHolder> {
        match self.holders.get(&holder) {
            Some(HolderEntry::Loaded(loaded)) => Some(loaded),
            Some(HolderEntry::Cold(_)) | None => None,
        }
    }
}

impl Default for Book {
    fn default() -> Self {
        Self::complete()
    }
}
