//! Loading what the book lacks.

mod owners;

use std::collections::HashMap;

use async_trait::async_trait;
use ledger_core::aggregate::IllegalEvent;
use ledger_core::beneficiary::Beneficiary;
use ledger_core::book::{AccountTotals, Book, EntityKey, HolderRows, LoadError, UsageRows};
use ledger_core::event::RecordedEvent;
use ledger_core::hold::Hold;
use ledger_core::ledger::Ledger;
use ledger_core::onboarding::Onboarding;
use ledger_core::owner::Owner;
use ledger_core::payment::Payment;
use ledger_core::payout::Payout;
use ledger_core::profile::Profile;
use ledger_core::settlement::Settlement;
use ledger_core::transaction::Transaction;
use ledger_core::verification::VerificationCase;
use ledger_core::wallet::{Wallet, WalletEvent};
use ledger_core::{
    AssetCode, BeneficiaryId, CaseId, Event, HoldId, Holder, LedgerName, OwnerKey, PaymentId,
    PayoutId, Position, Sequence, SettlementId, Stream, TransactionId, WalletId,
};
use sqlx::PgPool;

use crate::log::{LogError, StoredEvent};

/// What the accounts read model has, all true at one position.
#[derive(Debug, Clone, Default)]
pub struct AccountSnapshot {
    /// The read model's checkpoint; the start of the log when it has none.
    pub as_of: Position,
    /// The rows of each holder asked for; a holder without rows may be left out.
    pub accounts: HashMap<Holder, Vec<(AssetCode, AccountTotals)>>,
    /// Wallets of these holders, with the last sequence that is in them. One that is left out is read
    /// from its stream, which is a search in an index of the whole log.
    pub wallets: HashMap<Holder, (Wallet, Sequence)>,
}

/// What the accounts read model has of owners, all true at one position.
#[derive(Debug, Clone, Default)]
pub struct UsageSnapshot {
    /// The read model's checkpoint; the start of the log when it has none.
    pub as_of: Position,
    /// What each owner has used and owns; an owner without rows may be left out.
    pub owners: HashMap<OwnerKey, UsageRows>,
}

/// Where cold accounts are loaded from: the accounts read model.
#[async_trait]
pub trait AccountSource: Send + Sync + std::fmt::Debug {
    /// The rows of these holders and the checkpoint, read in one snapshot.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    async fn load(
        &self,
        ledger: LedgerName,
        holders: &[Holder],
    ) -> Result<AccountSnapshot, sqlx::Error>;

    /// What these owners have used of limits, their wallets, and the checkpoint, read in one snapshot.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    async fn load_usage(
        &self,
        ledger: LedgerName,
        owners: &[OwnerKey],
    ) -> Result<UsageSnapshot, sqlx::Error>;
}

/// How far the database was when entities were loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loaded {
    /// The accounts read model's checkpoint; the start when no accounts were loaded.
    pub(super) accounts_as_of: Position,
    /// The latest position that anything loaded is known to be of.
    pub(super) reached: Position,
}

/// Loads entities into the book.
///
/// # Errors
/// [`LoadFault`].
pub(super) async fn load(
    book: &mut Book,
    pool: &PgPool,
    source: &dyn AccountSource,
    ledger: LedgerName,
    keys: &[EntityKey],
) -> Result<Loaded, LoadFault> {
    let (mut snapshot, events) = find(book, pool, source, ledger, keys).await?;
    let usage = owners::load_usage(book, source, ledger, keys).await?;
    let as_of = snapshot.as_of;
    let mut folded = FoldedStreams {
        wallets: snapshot.wallets,
        ..FoldedStreams::default()
    };
    for event in &events {
        folded.fold(&event.decode()?)?;
    }
    for key in keys {
        match key {
            EntityKey::Holder(holder) => {
                let (wallet, wallet_sequence) = folded.wallets.remove(holder).unwrap_or_default();
                let accounts = snapshot.accounts.remove(holder).unwrap_or_default();
                let rows = HolderRows {
                    wallet,
                    wallet_sequence,
                    owner: folded.owners_of.remove(holder),
                    accounts,
                };
                book.load_holder(*holder, rows, as_of)?;
            }
            EntityKey::Hold(id) => {
                let (hold, sequence) = folded.holds.remove(id).unwrap_or_default();
                book.load_hold(*id, hold, sequence);
            }
            EntityKey::Transaction(id) => {
                let (transaction, sequence) = folded.transactions.remove(id).unwrap_or_default();
                book.load_transaction(*id, transaction, sequence);
            }
            EntityKey::Payment(id) => {
                let (payment, sequence) = folded.payments.remove(id).unwrap_or_default();
                book.load_payment(*id, payment, sequence);
            }
            EntityKey::Payout(id) => {
                let (payout, sequence) = folded.payouts.remove(id).unwrap_or_default();
                book.load_payout(*id, payout, sequence);
            }
            EntityKey::Beneficiary(id) => {
                let (beneficiary, sequence) = folded.beneficiaries.remove(id).unwrap_or_default();
                book.load_beneficiary(*id, beneficiary, sequence);
            }
            EntityKey::Settlement(id) => {
                let (settlement, sequence) = folded.settlements.remove(id).unwrap_or_default();
                book.load_settlement(*id, settlement, sequence);
            }
            EntityKey::Owner(key) => {
                let (owner, sequence) = folded.owners.remove(key).unwrap_or_default();
                book.load_owner(*key, owner, sequence);
            }
            EntityKey::Profile(key) => {
                let (profile, sequence) = folded.profiles.remove(key).unwrap_or_default();
                book.load_profile(*key, profile, sequence);
            }
            EntityKey::VerificationCase(id) => {
                let (case, sequence) = folded.cases.remove(id).unwrap_or_default();
                book.load_case(*id, case, sequence);
            }
            EntityKey::Onboarding(key) => {
                let (onboarding, sequence) = folded.onboardings.remove(key).unwrap_or_default();
                book.load_onboarding(*key, onboarding, sequence);
            }
            EntityKey::OwnerOf(_) | EntityKey::Usage(_) => {}
        }
    }
    owners::load_owners_of(book, pool, ledger, keys).await?;
    let last = events
        .iter()
        .filter_map(|event| Position::try_new(event.position))
        .max();
    Ok(Loaded {
        accounts_as_of: as_of.max(usage),
        reached: as_of.max(usage).max(last.unwrap_or_default()),
    })
}

/// What the read model has of these entities, and the streams of those it has not.
async fn find(
    book: &Book,
    pool: &PgPool,
    source: &dyn AccountSource,
    ledger: LedgerName,
    keys: &[EntityKey],
) -> Result<(AccountSnapshot, Vec<StoredEvent>), sqlx::Error> {
    let holders: Vec<Holder> = keys
        .iter()
        .filter_map(|key| match key {
            EntityKey::Holder(holder) => Some(*holder),
            EntityKey::Hold(_)
            | EntityKey::Transaction(_)
            | EntityKey::Payment(_)
            | EntityKey::Payout(_)
            | EntityKey::Beneficiary(_)
            | EntityKey::Settlement(_)
            | EntityKey::Owner(_)
            | EntityKey::VerificationCase(_)
            | EntityKey::Profile(_)
            | EntityKey::Onboarding(_)
            | EntityKey::OwnerOf(_)
            | EntityKey::Usage(_) => None,
        })
        .collect();
    let streams: Vec<Stream> = keys.iter().filter_map(stream_of).collect();
    let accounts = async {
        if holders.is_empty() {
            return Ok(AccountSnapshot::default());
        }
        source.load(ledger, &holders).await
    };
    let (mut snapshot, mut events) =
        tokio::try_join!(accounts, read_streams(pool, ledger, &streams))?;
    let as_of = snapshot.as_of;
    // What the read model does not have yet, the book has seen and could not keep.
    snapshot
        .wallets
        .retain(|holder, _| !book.wallet_changed_after(*holder, as_of));
    let wallets: Vec<Stream> = holders
        .iter()
        .filter(|holder| !snapshot.wallets.contains_key(holder))
        .filter_map(wallet_stream)
        .collect();
    events.extend(read_streams(pool, ledger, &wallets).await?);
    Ok((snapshot, events))
}

/// The ledger aggregate, folded from its stream.
///
/// # Errors
/// [`LoadFault`].
pub(super) async fn load_ledger(
    pool: &PgPool,
    ledger: LedgerName,
) -> Result<(Ledger, Sequence), LoadFault> {
    let mut folded = FoldedStreams::default();
    for event in read_streams(pool, ledger, &[Stream::Ledger(ledger)]).await? {
        folded.fold(&event.decode()?)?;
    }
    Ok(folded.ledger)
}

/// Why something could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadFault {
    /// The log is ahead of the book; catch up first.
    #[error("another node has written")]
    Behind,
    /// PostgreSQL failed; try again.
    #[error("PostgreSQL failed while loading")]
    Database(#[from] sqlx::Error),
    /// The log cannot be read or is not one Daybook wrote.
    #[error("the log cannot be read")]
    Log(#[source] LogError),
    /// A wallet has accounts, and no event that opens it.
    #[error("the wallet {0} exists and was never opened")]
    OwnerUnknown(WalletId),
    /// A stream is not one Daybook wrote.
    #[error("a stream contradicts itself")]
    Stream(#[from] IllegalEvent),
    /// The book cannot take it in.
    #[error("the book cannot take in what was loaded")]
    Book(#[from] LoadError),
}

impl From<LogError> for LoadFault {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Database(error) => Self::Database(error),
            other => Self::Log(other),
        }
    }
}

impl LoadFault {
    /// Whether the book has forgotten what the read model no longer has: PostgreSQL or the read model
    /// went back to an earlier state under the running process. A book that is opened anew is right.
    pub(super) fn is_stale(&self) -> bool {
        matches!(self, Self::Book(LoadError::Stale(_)))
    }

    /// Whether trying again may help.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Database(_))
    }
}

const fn wallet_stream(holder: &Holder) -> Option<Stream> {
    match holder {
        Holder::Wallet(id) => Some(Stream::Wallet(*id)),
        Holder::System(_) => None,
    }
}

/// The stream of what nothing but its stream tells.
const fn stream_of(key: &EntityKey) -> Option<Stream> {
    match key {
        EntityKey::Holder(_) | EntityKey::OwnerOf(_) | EntityKey::Usage(_) => None,
        EntityKey::Owner(key) => Some(Stream::Owner(*key)),
        EntityKey::Profile(key) => Some(Stream::Profile(*key)),
        EntityKey::VerificationCase(id) => Some(Stream::VerificationCase(*id)),
        EntityKey::Onboarding(key) => Some(Stream::Onboarding(*key)),
        EntityKey::Hold(id) => Some(Stream::Hold(*id)),
        EntityKey::Transaction(id) => Some(Stream::Transaction(*id)),
        EntityKey::Payment(id) => Some(Stream::Payment(*id)),
        EntityKey::Payout(id) => Some(Stream::Payout(*id)),
        EntityKey::Beneficiary(id) => Some(Stream::Beneficiary(*id)),
        EntityKey::Settlement(id) => Some(Stream::Settlement(*id)),
    }
}

async fn read_streams(
    pool: &PgPool,
    ledger: LedgerName,
    streams: &[Stream],
) -> Result<Vec<StoredEvent>, sqlx::Error> {
    if streams.is_empty() {
        return Ok(Vec::new());
    }
    let types: Vec<&str> = streams
        .iter()
        .map(|stream| stream.aggregate_type().as_str())
        .collect();
    let ids: Vec<String> = streams.iter().map(Stream::aggregate_id).collect();
    sqlx::query_as(
        "SELECT event.position, event.aggregate_type, event.aggregate_id, event.sequence, \
                event.event_type, event.event_version, event.payload::text AS payload, \
                event.metadata::text AS metadata, event.recorded_at \
         FROM UNNEST($2::text[], $3::text[]) AS asked (aggregate_type, aggregate_id) \
         JOIN daybook.events AS event ON event.ledger = $1 \
          AND event.aggregate_type = asked.aggregate_type \
          AND event.aggregate_id = asked.aggregate_id \
         ORDER BY event.position",
    )
    .bind(ledger.as_str())
    .bind(&types)
    .bind(&ids)
    .fetch_all(pool)
    .await
}

/// Aggregates folded from their streams, with the last sequence of each.
#[derive(Default)]
struct FoldedStreams {
    ledger: (Ledger, Sequence),
    wallets: HashMap<Holder, (Wallet, Sequence)>,
    holds: HashMap<HoldId, (Hold, Sequence)>,
    transactions: HashMap<TransactionId, (Transaction, Sequence)>,
    payments: HashMap<PaymentId, (Payment, Sequence)>,
    payouts: HashMap<PayoutId, (Payout, Sequence)>,
    beneficiaries: HashMap<BeneficiaryId, (Beneficiary, Sequence)>,
    settlements: HashMap<SettlementId, (Settlement, Sequence)>,
    owners: HashMap<OwnerKey, (Owner, Sequence)>,
    cases: HashMap<CaseId, (VerificationCase, Sequence)>,
    profiles: HashMap<OwnerKey, (Profile, Sequence)>,
    onboardings: HashMap<OwnerKey, (Onboarding, Sequence)>,
    /// Who owns the wallets whose first event was among those folded.
    owners_of: HashMap<Holder, OwnerKey>,
}

impl FoldedStreams {
    fn fold(&mut self, recorded: &RecordedEvent) -> Result<(), IllegalEvent> {
        let sequence = recorded.sequence;
        match (&recorded.event, recorded.stream) {
            (Event::Ledger(event), Stream::Ledger(_)) => {
                self.ledger = (self.ledger.0.evolve(event)?, sequence);
            }
            (Event::Wallet(event), Stream::Wallet(id)) => {
                if let WalletEvent::WalletOpened { owner, .. } = event {
                    self.owners_of.insert(Holder::Wallet(id), owner.key());
                }
                let known = self.wallets.entry(Holder::Wallet(id)).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (Event::Hold(event), Stream::Hold(id)) => {
                let known = self.holds.entry(id).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (Event::Transaction(event), Stream::Transaction(id)) => {
                let known = self.transactions.entry(id).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (Event::Payment(event), Stream::Payment(id)) => {
                let known = self.payments.entry(id).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (Event::Payout(event), Stream::Payout(id)) => {
                let known = self.payouts.entry(id).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (Event::Beneficiary(event), Stream::Beneficiary(id)) => {
                let known = self.beneficiaries.entry(id).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (Event::Settlement(event), Stream::Settlement(id)) => {
                let known = self.settlements.entry(id).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (Event::Owner(event), Stream::Owner(key)) => {
                let known = self.owners.entry(key).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (Event::Profile(event), Stream::Profile(key)) => {
                let known = self.profiles.entry(key).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (Event::VerificationCase(event), Stream::VerificationCase(id)) => {
                let known = self.cases.entry(id).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (Event::Onboarding(event), Stream::Onboarding(key)) => {
                let known = self.onboardings.entry(key).or_default();
                *known = (known.0.evolve(event)?, sequence);
            }
            (event, _) => {
                return Err(IllegalEvent {
                    event: event.name(),
                    state: "another aggregate",
                });
            }
        }
        Ok(())
    }
}
