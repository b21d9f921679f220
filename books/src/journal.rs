//! The fold of the log into an accounting journal.
//!
//! Only what was posted is booked. A hold reserves money without moving it and is left out; its capture is a
//! transaction and is there. A revert is a transaction of its own: nothing is taken out of the books again.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate};
use ledger_core::aggregate::IllegalEvent;
use ledger_core::annotation::{Metadata, Reference};
use ledger_core::event::RecordedEvent;
use ledger_core::ledger::Ledger;
use ledger_core::money::Balance;
use ledger_core::posting::{NormalSide, Totals};
use ledger_core::transaction::{TransactionCause, TransactionEvent};
use ledger_core::wallet::WalletEvent;
use ledger_core::{
    AccountId, Amount, Asset, AssetCode, Event, Holder, OwnerId, Position, Posting, Stream,
    Timestamp, TransactionId, WalletId,
};

/// Why the log cannot be booked: it is not one Daybook wrote.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A posting is of an account that was never opened.
    #[error("position {position}: {holder} was never opened")]
    UnknownHolder {
        /// The event's position.
        position: Position,
        /// Who is not there.
        holder: Holder,
    },
    /// A posting is of an asset that the ledger does not know.
    #[error("position {position}: the ledger has no asset {asset}")]
    UnknownAsset {
        /// The event's position.
        position: Position,
        /// The asset.
        asset: AssetCode,
    },
    /// The postings of an account cannot be added up exactly.
    #[error("position {position}: the totals of {account} cannot be kept")]
    Totals {
        /// The event's position.
        position: Position,
        /// The account.
        account: AccountId,
    },
    /// The ledger's own events do not follow each other.
    #[error("position {position}: the ledger's own events do not follow each other")]
    Ledger {
        /// The event's position.
        position: Position,
        /// Why.
        #[source]
        source: IllegalEvent,
    },
}

/// A transaction as it is booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedTransaction {
    /// The position of its event.
    pub position: Position,
    /// When it was written.
    pub recorded_at: Timestamp,
    /// When it counts; its date in the books is this day in UTC.
    pub effective_at: Timestamp,
    /// Its id.
    pub id: TransactionId,
    /// Why it was posted.
    pub cause: TransactionCause,
    /// The caller's name for it.
    pub reference: Option<Reference>,
    /// The caller's metadata.
    pub metadata: Metadata,
    /// What moved.
    pub postings: Vec<BookedPosting>,
}

/// A posting with where it is booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedPosting {
    /// The account that is debited.
    pub debited: BookedAccount,
    /// The account that is credited.
    pub credited: BookedAccount,
    /// What moved.
    pub asset: Asset,
    /// How much of it.
    pub amount: Amount,
}

/// An account of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookedAccount {
    /// Our name of it.
    pub id: AccountId,
    /// The side on which it grows.
    pub side: NormalSide,
}

/// What was added up of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLine {
    /// Its asset.
    pub asset: Asset,
    /// The side on which it grows.
    pub side: NormalSide,
    /// Its debits and credits.
    pub totals: Totals,
    /// The earliest day on which anything is booked on it.
    pub since: NaiveDate,
}

impl AccountLine {
    /// Debits less credits; `None` when that cannot be kept exactly.
    #[must_use]
    pub fn net_debit(&self) -> Option<Balance> {
        Balance::difference(self.totals.debits, self.totals.credits)
    }
}

/// The journal as far as the log was folded.
#[derive(Debug, Default)]
pub struct Journal {
    ledger: Ledger,
    owners: HashMap<WalletId, OwnerId>,
    accounts: BTreeMap<AccountId, AccountLine>,
    transactions: u64,
    last_day: Option<NaiveDate>,
    /// Only what counts at or before this time is booked.
    effective_until: Option<Timestamp>,
}

impl Journal {
    /// An empty journal of what counts at or before a time; of everything when absent.
    #[must_use]
    pub fn new(effective_until: Option<Timestamp>) -> Self {
        Self {
            effective_until,
            ..Self::default()
        }
    }

    /// Folds the next event, and says what is to be booked for it.
    ///
    /// # Errors
    /// [`JournalError`]; the journal is then of no further use.
    pub fn fold(
        &mut self,
        recorded: RecordedEvent,
    ) -> Result<Option<BookedTransaction>, JournalError> {
        let position = recorded.position;
        match (recorded.stream, recorded.event) {
            (_, Event::Ledger(event)) => {
                let evolved = self.ledger.evolve(&event);
                self.ledger =
                    evolved.map_err(|source| JournalError::Ledger { position, source })?;
                Ok(None)
            }
            (Stream::Wallet(wallet), Event::Wallet(WalletEvent::WalletOpened { owner, .. })) => {
                self.owners.insert(wallet, owner);
                Ok(None)
            }
            (
                Stream::Transaction(id),
                Event::Transaction(TransactionEvent::TransactionPosted {
                    postings,
                    effective_at,
                    cause,
                    reference,
                    metadata,
                    usage: _,
                }),
            ) => {
                if self
                    .effective_until
                    .is_some_and(|until| effective_at > until)
                {
                    return Ok(None);
                }
                let day = effective_at.as_datetime().date_naive();
                let postings = postings
                    .iter()
                    .map(|posting| self.book(position, day, posting))
                    .collect::<Result<_, _>>()?;
                self.transactions += 1;
                self.last_day = self.last_day.max(Some(day));
                Ok(Some(BookedTransaction {
                    position,
                    recorded_at: recorded.recorded_at,
                    effective_at,
                    id,
                    cause,
                    reference,
                    metadata,
                    postings,
                }))
            }
            _ => Ok(None),
        }
    }

    /// Who owns a wallet.
    #[must_use]
    pub fn owner(&self, holder: Holder) -> Option<&OwnerId> {
        match holder {
            Holder::Wallet(wallet) => self.owners.get(&wallet),
            Holder::System(_) => None,
        }
    }

    /// Every account on which something is booked, in order.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, &AccountLine)> + '_ {
        self.accounts.iter().map(|(id, line)| (*id, line))
    }

    /// The assets that are booked, and the first day of each, in order of code.
    #[must_use]
    pub fn assets(&self) -> Vec<(Asset, NaiveDate)> {
        let mut assets = BTreeMap::<AssetCode, (Asset, NaiveDate)>::new();
        for line in self.accounts.values() {
            let known = assets
                .entry(line.asset.code)
                .or_insert((line.asset, line.since));
            known.1 = known.1.min(line.since);
        }
        assets.into_values().collect()
    }

    /// How many transactions are booked.
    #[must_use]
    pub const fn transactions(&self) -> u64 {
        self.transactions
    }

    /// The first day on which nothing is booked any more; `None` when nothing is booked at all.
    #[must_use]
    pub fn closing_day(&self) -> Option<NaiveDate> {
        self.last_day?.checked_add_days(Days::new(1))
    }

    fn book(
        &mut self,
        position: Position,
        day: NaiveDate,
        posting: &Posting,
    ) -> Result<BookedPosting, JournalError> {
        let asset = match &self.ledger {
            Ledger::Open(open) => open.assets.get(&posting.asset),
            Ledger::Absent => None,
        };
        let asset = asset.ok_or(JournalError::UnknownAsset {
            position,
            asset: posting.asset,
        })?;
        let mut side = |id: AccountId, movement: NormalSide| {
            let side = self.side(id.holder).ok_or(JournalError::UnknownHolder {
                position,
                holder: id.holder,
            })?;
            let line = self.accounts.entry(id).or_insert(AccountLine {
                asset,
                side,
                totals: Totals::default(),
                since: day,
            });
            line.since = line.since.min(day);
            let total = match movement {
                NormalSide::Debit => &mut line.totals.debits,
                NormalSide::Credit => &mut line.totals.credits,
            };
            *total = total
                .checked_add(posting.amount)
                .ok_or(JournalError::Totals {
                    position,
                    account: id,
                })?;
            Ok(BookedAccount { id, side })
        };
        Ok(BookedPosting {
            debited: side(posting.debited(), NormalSide::Debit)?,
            credited: side(posting.credited(), NormalSide::Credit)?,
            asset,
            amount: posting.amount,
        })
    }

    fn side(&self, holder: Holder) -> Option<NormalSide> {
        match (holder, &self.ledger) {
            (Holder::Wallet(wallet), _) => self.owners.get(&wallet).map(|_| NormalSide::Credit),
            (Holder::System(name), Ledger::Open(open)) => open.system_accounts.get(&name).copied(),
            (Holder::System(_), Ledger::Absent) => None,
        }
    }
}
