//! Idempotency keys that were used: for what, and what came of it.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use hashbrown::HashMap;
use ledger_core::{LedgerName, Position, Timestamp};
use sqlx::PgPool;
use uuid::Uuid;

use super::idempotency_key::{Begun, IdempotencyKey, KeyName, RequestHash};
use super::outcome::{Applied, CommandOutcome, Outcome, StoredOutcome};
use super::submission::SubmitError;

/// The most commands of an outcome that is remembered.
const MOST_COMMANDS: usize = 32;

/// A key that was used.
#[derive(Debug)]
pub(super) struct UsedKey {
    request: RequestHash,
    outcome: Kept,
}

/// An outcome, in little space where it can be: most are of this kind.
#[derive(Debug)]
enum Kept {
    /// One command was applied.
    One {
        recorded_at: Timestamp,
        position: Position,
        created: Option<Uuid>,
    },
    /// Anything else.
    Any(Box<Outcome>),
}

impl Kept {
    fn new(outcome: &Outcome) -> Self {
        match outcome.commands.as_slice() {
            [CommandOutcome::Applied(applied)] if applied.position == outcome.position => {
                Self::One {
                    recorded_at: outcome.recorded_at,
                    position: outcome.position,
                    created: applied.created,
                }
            }
            _ => Self::Any(Box::new(outcome.clone())),
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::One {
                recorded_at,
                position,
                created,
            } => Outcome {
                recorded_at: *recorded_at,
                position: *position,
                commands: vec![CommandOutcome::Applied(Applied {
                    position: *position,
                    created: *created,
                })],
                replayed: false,
            },
            Self::Any(outcome) => Outcome::clone(outcome),
        }
    }
}

impl UsedKey {
    /// What whoever asks again under this key is to be told.
    pub(super) fn answer(&self, key: &IdempotencyKey) -> Result<Outcome, SubmitError> {
        if self.request != key.request() {
            return Err(SubmitError::IdempotencyKeyReused);
        }
        Ok(Outcome {
            replayed: true,
            ..self.outcome.outcome()
        })
    }
}

/// The keys used lately, oldest forgotten first.
#[derive(Debug)]
pub(super) struct RecentKeys {
    capacity: usize,
    used: HashMap<KeyName, UsedKey>,
    order: VecDeque<KeyName>,
}

impl RecentKeys {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            used: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(super) fn get(&self, name: KeyName) -> Option<&UsedKey> {
        self.used.get(&name)
    }

    /// Remembers an outcome, unless it is so large that it is better read again when it is asked for.
    pub(super) fn remember(&mut self, key: &IdempotencyKey, outcome: &Outcome) {
        if outcome.commands.len() <= MOST_COMMANDS {
            self.insert(key.name(), key.request(), outcome);
        }
    }

    fn insert(&mut self, name: KeyName, request: RequestHash, outcome: &Outcome) {
        while self.order.len() >= self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.used.remove(&oldest);
            }
        }
        let outcome = Kept::new(outcome);
        if self
            .used
            .insert(name, UsedKey { request, outcome })
            .is_none()
        {
            self.order.push_back(name);
        }
    }

    /// Takes in what the log knows of these keys.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub(super) async fn look_up(
        &mut self,
        pool: &PgPool,
        ledger: LedgerName,
        keys: &[IdempotencyKey],
    ) -> Result<(), sqlx::Error> {
        if keys.is_empty() {
            return Ok(());
        }
        for (key, request, outcome) in kept_by_rows(pool, ledger, keys).await? {
            self.insert(key.name(), request, &outcome);
        }
        for (key, request, outcome) in kept_by_streams(pool, ledger, keys).await? {
            self.insert(key.name(), request, &outcome);
        }
        Ok(())
    }
}

/// The keys that have a row of their own.
async fn kept_by_rows<'k>(
    pool: &PgPool,
    ledger: LedgerName,
    keys: &'k [IdempotencyKey],
) -> Result<Vec<(&'k IdempotencyKey, RequestHash, Outcome)>, sqlx::Error> {
    let scopes: Vec<&str> = keys.iter().map(|key| key.scope()).collect();
    let texts: Vec<&str> = keys.iter().map(|key| key.key()).collect();
    let rows: Vec<(i64, Vec<u8>, String)> = sqlx::query_as(
        "SELECT asked.number, kept.request_hash, kept.outcome::text \
         FROM UNNEST($2::text[], $3::text[]) WITH ORDINALITY AS asked (scope, key, number) \
         JOIN daybook.idempotency AS kept \
           ON kept.ledger = $1 AND kept.scope = asked.scope AND kept.key = asked.key",
    )
    .bind(ledger.as_str())
    .bind(&scopes)
    .bind(&texts)
    .fetch_all(pool)
    .await?;
    let mut kept = Vec::with_capacity(rows.len());
    for (number, request, outcome) in rows {
        let stored: StoredOutcome<'_> =
            serde_json::from_str(&outcome).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let outcome = read_outcome(pool, ledger, stored).await?;
        let request = RequestHash::of_row(&request)
            .ok_or_else(|| sqlx::Error::Decode("a request hash that is too short".into()))?;
        kept.extend(asked(keys, number).map(|key| (key, request, outcome)));
    }
    Ok(kept)
}

async fn read_outcome(
    pool: &PgPool,
    ledger: LedgerName,
    stored: StoredOutcome<'_>,
) -> Result<Outcome, sqlx::Error> {
    let commands = match stored.begun {
        Some(count) => begun_up_to(pool, ledger, stored.position, count).await?,
        None => stored.commands.into_owned(),
    };
    Ok(Outcome {
        recorded_at: stored.recorded_at,
        position: stored.position,
        commands,
        replayed: false,
    })
}

/// What the last events up to a position began, one each.
async fn begun_up_to(
    pool: &PgPool,
    ledger: LedgerName,
    last: Position,
    count: i64,
) -> Result<Vec<CommandOutcome>, sqlx::Error> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT position, aggregate_id FROM daybook.events \
         WHERE ledger = $1 AND position > $2 - $3 AND position <= $2 ORDER BY position",
    )
    .bind(ledger.as_str())
    .bind(last.value())
    .bind(count)
    .fetch_all(pool)
    .await?;
    if i64::try_from(rows.len()) != Ok(count) {
        return Err(sqlx::Error::Decode("events of a batch are missing".into()));
    }
    let begun = rows.into_iter().map(|(position, id)| {
        let created = id
            .parse()
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(CommandOutcome::Applied(Applied {
            position: Position::try_new(position).unwrap_or_default(),
            created: Some(created),
        }))
    });
    begun.collect()
}

type BegunRow = (i64, String, i64, DateTime<Utc>);

/// The keys that are kept by the first event of a stream, which then is all there is of the request.
async fn kept_by_streams<'k>(
    pool: &PgPool,
    ledger: LedgerName,
    keys: &'k [IdempotencyKey],
) -> Result<Vec<(&'k IdempotencyKey, RequestHash, Outcome)>, sqlx::Error> {
    let begun: Vec<(&IdempotencyKey, Begun)> = keys
        .iter()
        .filter_map(|key| Some((key, key.begun()?)))
        .collect();
    let kinds: Vec<&str> = begun.iter().map(|(_, begun)| begun.kind.as_str()).collect();
    let ids: Vec<String> = begun
        .iter()
        .map(|(_, begun)| begun.id.to_string())
        .collect();
    let rows: Vec<BegunRow> = sqlx::query_as(
        "SELECT asked.number, event.metadata ->> 'idempotency', event.position, event.recorded_at \
         FROM UNNEST($2::text[], $3::text[]) WITH ORDINALITY AS asked (kind, id, number) \
         JOIN daybook.events AS event \
           ON event.ledger = $1 AND event.aggregate_type = asked.kind \
          AND event.aggregate_id = asked.id AND event.sequence = 1 \
         WHERE event.metadata ->> 'idempotency' IS NOT NULL",
    )
    .bind(ledger.as_str())
    .bind(&kinds)
    .bind(&ids)
    .fetch_all(pool)
    .await?;
    let mut kept = Vec::with_capacity(rows.len());
    for (number, mark, position, recorded_at) in rows {
        let Some((key, begun)) = asked(&begun, number) else {
            continue;
        };
        // Somebody else's.
        let Some(request) = key.request_in(&mark) else {
            continue;
        };
        let position = Position::try_new(position).unwrap_or_default();
        let recorded_at = Timestamp::try_new(recorded_at)
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let outcome = Kept::One {
            recorded_at,
            position,
            created: Some(begun.id),
        };
        kept.push((*key, request, outcome.outcome()));
    }
    Ok(kept)
}

/// What was asked for under a number from 1.
fn asked<T>(all: &[T], number: i64) -> Option<&T> {
    all.get(usize::try_from(number - 1).ok()?)
}
