//! Why an account has the balance it has: its entries, newest first, each with what led to it.
//!
//! An entry leads to the transaction that posted it, the transaction to what caused it (another transaction, a
//! hold, a payment, a payout or a settlement) and that to its own events; each event names the command it came of,
//! and a command the key it was given under. All of it is read in one snapshot, in five searches of indexes
//! however many entries are asked for.

use std::collections::{BTreeMap, HashMap};

use ledger_core::event::RecordedEvent;
use ledger_core::posting::NormalSide;
use ledger_core::transaction::{TransactionCause, TransactionEvent};
use ledger_core::{AccountId, Asset, Event, LedgerName, Position, Stream};
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::statements::{EntryKey, EntryRow};
use super::totals::{self, Cut, Extent, Place, Sums};
use super::{AsOf, Page, PageRequest, Queries, QueryError, log, statements};
use crate::read_models::ReadModelName;
use crate::read_models::statements::account_key;

/// The most entries of one explanation.
pub const MOST_ENTRIES: i64 = 100;
/// The most events that are told of what caused a transaction: the last ones before it.
pub const MOST_STEPS: usize = 20;
/// Keys looked at that end where a command does; all but one are of commands that said nothing new.
const KEYS: i64 = 8;

/// Why an account has its balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The account.
    pub account: AccountId,
    /// Its asset.
    pub asset: Asset,
    /// The side on which its balance grows.
    pub normal_side: NormalSide,
    /// The sum of its debits at the position asked for.
    pub debits: Decimal,
    /// The sum of its credits.
    pub credits: Decimal,
    /// Its balance, seen from its normal side.
    pub balance: Decimal,
    /// Its entries, newest first.
    pub entries: Page<ExplainedEntry, EntryKey>,
    /// The keys under which commands were given, by the commands' ids; of those that were given under one.
    pub keys: HashMap<Uuid, CommandKey>,
}

/// An entry and what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedEntry {
    /// The entry; its balance is that after it in recorded order.
    pub entry: EntryRow,
    /// The event that posted it.
    pub posted: RecordedEvent,
    /// What caused the transaction, if it was not posted for its own sake.
    pub origin: Option<Origin>,
}

/// What caused a transaction, and what had happened to it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What it is.
    pub stream: Stream,
    /// Its last events before the transaction, in order.
    pub steps: Vec<RecordedEvent>,
    /// Whether there are earlier ones.
    pub has_earlier: bool,
}

/// The key under which a command was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandKey {
    /// Whose keys it is one of.
    pub scope: String,
    /// The key.
    pub key: String,
}

#[derive(FromRow)]
struct Row {
    entry_number: i64,
    position: i64,
    posting: i32,
}

/// The newest of the entries and of the dated entries.
const ENTRIES: &str = "\
SELECT entry_number, position, posting FROM (
    (SELECT recorded_at, entry_number, position, posting FROM read_models.entries
     WHERE account_key = $1 AND (recorded_at, entry_number) <= ($2, $3) AND position <= $4
     ORDER BY recorded_at DESC, entry_number DESC LIMIT $5)
    UNION ALL
    (SELECT recorded_at, entry_number, position, posting FROM read_models.dated_entries
     WHERE account_key = $1 AND (recorded_at, entry_number) <= ($2, $3) AND position <= $4
     ORDER BY recorded_at DESC, entry_number DESC LIMIT $5)) AS newest
ORDER BY recorded_at DESC, entry_number DESC LIMIT $5";

/// The first key behind each position, and the others that end where it does: the key of a command stands at
/// the command's last event, and at the same position those of commands that were given next and said nothing new.
const KEYS_BEHIND: &str = "\
SELECT DISTINCT used.scope, used.key, ended.metadata ->> 'command_id' AS command_id
FROM (SELECT DISTINCT found.position FROM UNNEST($2::bigint[]) AS asked (position)
    CROSS JOIN LATERAL (SELECT position FROM daybook.idempotency
        WHERE ledger = $1 AND position >= asked.position ORDER BY position LIMIT 1) AS found) AS next
JOIN daybook.events AS ended ON ended.ledger = $1 AND ended.position = next.position
CROSS JOIN LATERAL (SELECT scope, key FROM daybook.idempotency
    WHERE ledger = $1 AND position = next.position
      AND (outcome ->> 'at')::timestamptz = ended.recorded_at LIMIT $3) AS used";

impl Queries {
    /// Why an account had its balance at a position, or has it now; `None` when its holder does not exist.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn explanation(
        &self,
        ledger: LedgerName,
        account: AccountId,
        position: Option<Position>,
        page: PageRequest<EntryKey>,
    ) -> Result<AsOf<Option<Explanation>>, QueryError> {
        let mut snapshot = self
            .snapshot(ledger, &[ReadModelName::Statements, ReadModelName::Wallets])
            .await?;
        let facts = snapshot.facts(ledger).await?;
        let connection = &mut snapshot.tx;
        if !facts.exists(connection, ledger, account.holder).await? {
            return Ok(snapshot.answer(None));
        }
        let key = account_key(ledger, &account);
        let cut = match position {
            None => Cut::EVERYTHING,
            Some(position) => Cut::at(connection, ledger, position).await?,
        };
        let all = Extent::Recorded(Place::End);
        let balance = totals::totals(connection, key, all, cut).await?;
        // Numbers are whole: what is at most the one before is before it.
        let from = page.after.map_or(Place::End, |after| {
            Place::After(after.time, after.entry_number.saturating_sub(1))
        });
        let cut_from = Cut {
            place: from.min(cut.place),
            ..cut
        };
        let limit = page.limit.clamp(1, MOST_ENTRIES);
        let (time, entry_number) = cut_from.place.columns();
        let rows: Vec<Row> = sqlx::query_as(ENTRIES)
            .bind(key)
            .bind(time)
            .bind(entry_number)
            .bind(cut.position.value())
            .bind(limit + 1)
            .fetch_all(&mut **connection)
            .await?;
        let newest = totals::totals(connection, key, all, cut_from).await?;
        let normal_side = facts.normal_side(account.holder);
        let sign = |debits: Decimal, credits: Decimal| match normal_side {
            NormalSide::Credit => credits - debits,
            NormalSide::Debit => debits - credits,
        };
        let mut entries = explained(connection, ledger, account, rows).await?;
        // Backwards from the balance after the newest.
        let Sums {
            mut debits,
            mut credits,
        } = newest;
        for ExplainedEntry { entry, .. } in &mut entries {
            entry.balance_after = sign(debits, credits);
            match entry.direction {
                NormalSide::Debit => debits -= entry.amount,
                NormalSide::Credit => credits -= entry.amount,
            }
        }
        let keys = keys(connection, ledger, &entries).await?;
        let newest_key = |explained: &ExplainedEntry| EntryKey {
            time: explained.entry.recorded_at,
            entry_number: explained.entry.entry_number,
        };
        let asset = facts.asset(account.asset.as_str())?;
        let explanation = Explanation {
            account,
            asset,
            normal_side,
            debits: balance.debits,
            credits: balance.credits,
            balance: sign(balance.debits, balance.credits),
            entries: Page::cut(entries, limit, newest_key),
            keys,
        };
        Ok(snapshot.answer(Some(explanation)))
    }
}

/// The entries with the events that posted them and what caused those; their balances are not known yet.
async fn explained(
    connection: &mut PgConnection,
    ledger: LedgerName,
    account: AccountId,
    rows: Vec<Row>,
) -> Result<Vec<ExplainedEntry>, QueryError> {
    let positions = rows.iter().map(|row| row.position).collect();
    let posted = log::events_at(&mut *connection, ledger, positions).await?;
    let causes: Vec<(Stream, Position)> = posted
        .values()
        .filter_map(|event| Some((cause(event)?, event.position)))
        .collect();
    let mut steps = BTreeMap::<Stream, Vec<RecordedEvent>>::new();
    for event in log::last_before(connection, ledger, &causes, MOST_STEPS).await? {
        steps.entry(event.stream).or_default().push(event);
    }
    let refunds = statements::refunds_among(steps.values().flatten());
    rows.into_iter()
        .map(|row| {
            let missing = || {
                let reason = format!("the event at {} does not have this entry", row.position);
                QueryError::row("entries", reason)
            };
            let position = Position::try_new(row.position).ok_or_else(missing)?;
            let posted = posted.get(&position).ok_or_else(missing)?;
            let place = (row.entry_number, row.posting);
            let entry = statements::entry(place, posted, account, &refunds).ok_or_else(missing)?;
            Ok(ExplainedEntry {
                entry,
                origin: cause(posted).map(|stream| origin(stream, position, &steps)),
                posted: posted.clone(),
            })
        })
        .collect()
}

/// What caused a transaction.
fn cause(posted: &RecordedEvent) -> Option<Stream> {
    let Event::Transaction(TransactionEvent::TransactionPosted { cause, .. }) = &posted.event
    else {
        return None;
    };
    match *cause {
        TransactionCause::Request => None,
        TransactionCause::Revert(id) => Some(Stream::Transaction(id)),
        TransactionCause::Capture(id) => Some(Stream::Hold(id)),
        TransactionCause::Payment(id) => Some(Stream::Payment(id)),
        TransactionCause::Payout(id) => Some(Stream::Payout(id)),
        TransactionCause::Settlement(id) => Some(Stream::Settlement(id)),
    }
}

/// What is told of a cause before a position, of events that were read of it before several.
fn origin(
    stream: Stream,
    before: Position,
    steps: &BTreeMap<Stream, Vec<RecordedEvent>>,
) -> Origin {
    let known = steps.get(&stream).map_or(&[][..], Vec::as_slice);
    let own = known.iter().filter(|event| event.position < before);
    let mut steps: Vec<RecordedEvent> = own.cloned().collect();
    steps.drain(..steps.len().saturating_sub(MOST_STEPS));
    Origin {
        stream,
        has_earlier: steps.first().is_some_and(|first| first.sequence > 1),
        steps,
    }
}

#[derive(FromRow)]
struct KeyRow {
    scope: String,
    key: String,
    command_id: Option<String>,
}

/// The keys under which the commands were given whose events are told.
async fn keys(
    connection: &mut PgConnection,
    ledger: LedgerName,
    entries: &[ExplainedEntry],
) -> Result<HashMap<Uuid, CommandKey>, QueryError> {
    let events = entries.iter().flat_map(|explained| {
        let steps = explained.origin.iter().flat_map(|origin| &origin.steps);
        steps.chain([&explained.posted])
    });
    let mut keys = HashMap::new();
    let mut positions = BTreeMap::new();
    let mut actors = HashMap::new();
    for event in events {
        let command = event.metadata.command_id;
        // The key of an event that keeps it itself is the id of what the event begins.
        if event.metadata.idempotency.is_some() {
            let actor = event.metadata.actor.as_deref();
            let key = CommandKey {
                scope: format!("id/{}", actor.unwrap_or(ANONYMOUS)),
                key: event.stream.aggregate_id(),
            };
            keys.insert(command, key);
        }
        positions.insert(command, event.position.value());
        actors.insert(command, event.metadata.actor.clone());
    }
    let positions: Vec<i64> = positions.into_values().collect();
    let rows: Vec<KeyRow> = sqlx::query_as(KEYS_BEHIND)
        .bind(ledger.as_str())
        .bind(positions)
        .bind(KEYS)
        .fetch_all(connection)
        .await?;
    let mut found = HashMap::<Uuid, Vec<CommandKey>>::new();
    for row in rows {
        let command = row.command_id.and_then(|id| Uuid::try_parse(&id).ok());
        let Some(command) = command.filter(|command| actors.contains_key(command)) else {
            continue;
        };
        let actor = actors.get(&command).and_then(Option::as_deref);
        if is_scope_of(&row.scope, actor) {
            found.entry(command).or_default().push(CommandKey {
                scope: row.scope,
                key: row.key,
            });
        }
    }
    for (command, mut candidates) in found {
        // Of several, one is of a command of the same moment that said nothing new: which is not told apart.
        if let (Some(key), true) = (candidates.pop(), candidates.is_empty()) {
            keys.entry(command).or_insert(key);
        }
    }
    Ok(keys)
}

/// Whose keys those are of callers of whom nothing is known, as the interface has it.
const ANONYMOUS: &str = "anonymous";

/// Whether an actor's commands have keys of a scope.
fn is_scope_of(scope: &str, actor: Option<&str>) -> bool {
    match actor {
        Some(process) if process.starts_with("system:") => {
            scope.starts_with("provider/") || scope.starts_with("process/")
        }
        // An importer's keys are in a scope of its own name.
        Some(actor) if scope == actor => true,
        caller => ["key/", "id/"]
            .iter()
            .any(|kind| scope.strip_prefix(kind) == Some(caller.unwrap_or(ANONYMOUS))),
    }
}
