//! What of the statistics of owners the accounts of their wallets do not say.

use chrono::{DateTime, Utc};
use hashbrown::{HashMap, HashSet};
use ledger_core::event::RecordedEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::wallet::WalletEvent;
use ledger_core::{AssetCode, Event, Holder, LedgerName, Position, Posting, Stream, WalletId};
use uuid::Uuid;

use crate::read_model::{Before, FoldError, Place};

const OWNERS: &str = "\
SELECT wallet_id, owner FROM {schema}.wallets WHERE ledger = $1 AND wallet_id = ANY($2)";

const WRITE_OWNERS: &str = "\
INSERT INTO {schema}.owners AS known (ledger, owner, wallets_opened, wallets_closed, counted_again,
                                      first_activity_at, last_activity_at)
SELECT $1, change.* FROM UNNEST($2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
                                $6::timestamptz[], $7::timestamptz[]) AS change
ON CONFLICT (ledger, owner) DO UPDATE SET
    wallets_opened = known.wallets_opened + EXCLUDED.wallets_opened,
    wallets_closed = known.wallets_closed + EXCLUDED.wallets_closed,
    counted_again  = known.counted_again + EXCLUDED.counted_again,
    last_activity_at = EXCLUDED.last_activity_at";

const CHANGE_OWNERS: &str = "\
UPDATE {schema}.owners AS known SET
    wallets_opened = known.wallets_opened + change.opened,
    wallets_closed = known.wallets_closed + change.closed,
    counted_again  = known.counted_again + change.again,
    last_activity_at = change.last
FROM UNNEST($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[],
            $7::timestamptz[]) AS change (owner, opened, closed, again, first, last)
WHERE known.ledger = $1 AND known.owner = change.owner";

/// What events do to an owner's statistics.
struct OwnerChange {
    wallets_opened: i64,
    wallets_closed: i64,
    counted_again: i64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

/// An owner's place among those remembered.
type OwnerNumber = usize;

/// What events do to the statistics of the owners of a ledger. A wallet has one owner for ever, so
/// who owns it is asked once.
pub(super) struct Owners {
    ledger: LedgerName,
    before: Before,
    wallets: HashMap<WalletId, OwnerNumber>,
    numbers: HashMap<String, OwnerNumber>,
    names: Vec<String>,
    /// Owners whose rows are known to be there.
    written: HashSet<OwnerNumber>,
    /// The last event added.
    position: Position,
    changes: HashMap<OwnerNumber, OwnerChange>,
}

impl Owners {
    pub(super) fn new(ledger: LedgerName, before: Before) -> Self {
        Self {
            ledger,
            before,
            wallets: HashMap::new(),
            numbers: HashMap::new(),
            names: Vec::new(),
            written: HashSet::new(),
            position: Position::START,
            changes: HashMap::new(),
        }
    }

    /// Learns who owns the wallets that the events concern.
    pub(super) async fn recall(
        &mut self,
        place: &mut Place<'_>,
        events: &[RecordedEvent],
    ) -> Result<(), sqlx::Error> {
        if self.before == Before::Nothing {
            return Ok(());
        }
        let mut asked: Vec<Uuid> = events
            .iter()
            .flat_map(wallets_of)
            .filter(|wallet| !self.wallets.contains_key(wallet))
            .map(WalletId::as_uuid)
            .collect();
        asked.sort_unstable();
        asked.dedup();
        if asked.is_empty() {
            return Ok(());
        }
        let rows: Vec<(Uuid, String)> = sqlx::query_as(&place.sql(OWNERS))
            .bind(self.ledger.as_str())
            .bind(&asked)
            .fetch_all(&mut *place.connection)
            .await?;
        for (wallet, owner) in rows {
            let number = self.remember(WalletId::new(wallet), &owner);
            // Whoever has a wallet in the table has a row there since it was opened.
            self.written.insert(number);
        }
        Ok(())
    }

    fn remember(&mut self, wallet: WalletId, owner: &str) -> OwnerNumber {
        let number = match self.numbers.get(owner) {
            Some(number) => *number,
            None => {
                self.names.push(owner.to_owned());
                let number = self.names.len() - 1;
                self.numbers.insert(owner.to_owned(), number);
                number
            }
        };
        self.wallets.insert(wallet, number);
        number
    }

    fn owner_of(&self, wallet: WalletId, position: Position) -> Result<OwnerNumber, FoldError> {
        self.wallets
            .get(&wallet)
            .copied()
            .ok_or_else(|| FoldError::Event {
                position,
                reason: format!("the wallet {wallet} is not known"),
            })
    }

    fn change(&mut self, owner: OwnerNumber, at: DateTime<Utc>) -> &mut OwnerChange {
        let change = self.changes.entry(owner).or_insert(OwnerChange {
            wallets_opened: 0,
            wallets_closed: 0,
            counted_again: 0,
            first: at,
            last: at,
        });
        change.last = at;
        change
    }

    pub(super) fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        self.position = recorded.position;
        let at = recorded.recorded_at.as_datetime();
        match (&recorded.event, recorded.stream) {
            (Event::Wallet(event), Stream::Wallet(wallet)) => {
                if let WalletEvent::WalletOpened { owner, .. } = event {
                    self.remember(wallet, owner.as_str());
                }
                let owner = self.owner_of(wallet, recorded.position)?;
                let change = self.change(owner, at);
                match event {
                    WalletEvent::WalletOpened { .. } => change.wallets_opened += 1,
                    WalletEvent::WalletClosed { .. } => change.wallets_closed += 1,
                    WalletEvent::WalletFrozen { .. }
                    | WalletEvent::WalletUnfrozen { .. }
                    | WalletEvent::WalletOverdraftSet { .. } => {}
                }
                Ok(())
            }
            (
                Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }),
                Stream::Transaction(_),
            ) => self.add_postings(postings, recorded.position, at),
            (_, _) => Ok(()),
        }
    }

    /// Notes who has several of the accounts that a transaction moves.
    fn add_postings(
        &mut self,
        postings: &[Posting],
        position: Position,
        at: DateTime<Utc>,
    ) -> Result<(), FoldError> {
        let mut moved: Vec<(OwnerNumber, WalletId, AssetCode)> = Vec::with_capacity(2);
        for posting in postings {
            for holder in [posting.source, posting.destination] {
                if let Holder::Wallet(wallet) = holder {
                    let owner = self.owner_of(wallet, position)?;
                    moved.push((owner, wallet, posting.asset));
                }
            }
        }
        moved.sort_unstable();
        moved.dedup();
        for pair in moved.windows(2) {
            if let [(first, ..), (second, ..)] = pair
                && first == second
            {
                self.change(*first, at).counted_again += 1;
            }
        }
        Ok(())
    }

    pub(super) fn waiting(&self) -> usize {
        self.changes.len()
    }

    /// Writes; the wallets just opened are in their table already.
    pub(super) async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        let ledger = self.ledger;
        let (known, new): (Vec<_>, Vec<_>) = self
            .changes
            .drain()
            .partition(|(owner, _)| self.written.contains(owner));
        if run_owners(place, CHANGE_OWNERS, ledger, &self.names, &known).await? < known.len() {
            return Err(lost(self.position));
        }
        run_owners(place, WRITE_OWNERS, ledger, &self.names, &new).await?;
        if self.before == Before::InTables {
            self.written.extend(new.iter().map(|(owner, _)| *owner));
        }
        if self.before.is_too_much(self.wallets.len()) {
            *self = Self::new(ledger, self.before);
        }
        Ok(())
    }
}

/// Somebody took a row away that was written before.
fn lost(position: Position) -> FoldError {
    FoldError::Event {
        position,
        reason: "an owner that was written is not in its table any more".to_owned(),
    }
}

async fn run_owners(
    place: &mut Place<'_>,
    statement: &str,
    ledger: LedgerName,
    names: &[String],
    changes: &[(OwnerNumber, OwnerChange)],
) -> Result<usize, sqlx::Error> {
    if changes.is_empty() {
        return Ok(0);
    }
    let count = |value: fn(&OwnerChange) -> i64| {
        let counts = changes.iter().map(|(_, change)| value(change));
        counts.collect::<Vec<_>>()
    };
    let times = |value: fn(&OwnerChange) -> DateTime<Utc>| {
        let times = changes.iter().map(|(_, change)| value(change));
        times.collect::<Vec<_>>()
    };
    let owners: Vec<&str> = changes
        .iter()
        .map(|(owner, _)| name(names, *owner))
        .collect();
    let done = sqlx::query(&place.sql(statement))
        .bind(ledger.as_str())
        .bind(owners)
        .bind(count(|change| change.wallets_opened))
        .bind(count(|change| change.wallets_closed))
        .bind(count(|change| change.counted_again))
        .bind(times(|change| change.first))
        .bind(times(|change| change.last))
        .execute(&mut *place.connection)
        .await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}

fn name(names: &[String], owner: OwnerNumber) -> &str {
    names.get(owner).map_or("", String::as_str)
}

/// The wallets that an event concerns.
fn wallets_of(event: &RecordedEvent) -> Vec<WalletId> {
    match (&event.event, event.stream) {
        (_, Stream::Wallet(wallet)) => vec![wallet],
        (Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }), _) => postings
            .iter()
            .flat_map(|posting| [posting.source, posting.destination])
            .filter_map(|holder| match holder {
                Holder::Wallet(wallet) => Some(wallet),
                Holder::System(_) => None,
            })
            .collect(),
        (_, _) => Vec::new(),
    }
}
