//! Idempotency keys: which were used, for what, and what came of it.

use std::collections::{HashMap, VecDeque};

use ledger_core::LedgerName;
use sqlx::PgPool;

use super::outcome::Outcome;
use super::submission::{IdempotencyKey, SubmitError};

type Name = (String, String);

/// A key that was used.
#[derive(Debug, Clone)]
pub(super) struct UsedKey {
    request_hash: Vec<u8>,
    outcome: Outcome,
}

impl UsedKey {
    /// What whoever asks again under this key is to be told.
    pub(super) fn answer(&self, key: &IdempotencyKey) -> Result<Outcome, SubmitError> {
        if self.request_hash != key.request_hash {
            return Err(SubmitError::IdempotencyKeyReused);
        }
        Ok(Outcome {
            replayed: true,
            ..self.outcome.clone()
        })
    }
}

/// The keys used lately, oldest forgotten first.
#[derive(Debug)]
pub(super) struct RecentKeys {
    capacity: usize,
    used: HashMap<Name, UsedKey>,
    order: VecDeque<Name>,
}

impl RecentKeys {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            used: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(super) fn get(&self, key: &IdempotencyKey) -> Option<&UsedKey> {
        self.used.get(&name(key))
    }

    pub(super) fn insert(&mut self, key: &IdempotencyKey, outcome: Outcome) {
        let used = UsedKey {
            request_hash: key.request_hash.to_vec(),
            outcome,
        };
        if self.used.insert(name(key), used).is_none() {
            self.order.push_back(name(key));
        }
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.used.remove(&oldest);
            }
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
        let scopes: Vec<&str> = keys.iter().map(|key| key.scope.as_str()).collect();
        let names: Vec<&str> = keys.iter().map(|key| key.key.as_str()).collect();
        let rows: Vec<(String, String, Vec<u8>, String)> = sqlx::query_as(
            "SELECT known.scope, known.key, known.request_hash, known.outcome::text \
             FROM UNNEST($2::text[], $3::text[]) AS asked (scope, key) \
             JOIN daybook.idempotency AS known \
               ON known.ledger = $1 AND known.scope = asked.scope AND known.key = asked.key",
        )
        .bind(ledger.as_str())
        .bind(&scopes)
        .bind(&names)
        .fetch_all(pool)
        .await?;
        for (scope, key, request_hash, outcome) in rows {
            let outcome = serde_json::from_str(&outcome)
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            let name = (scope, key);
            let used = UsedKey {
                request_hash,
                outcome,
            };
            if self.used.insert(name.clone(), used).is_none() {
                self.order.push_back(name);
            }
        }
        Ok(())
    }
}

fn name(key: &IdempotencyKey) -> Name {
    (key.scope.clone(), key.key.clone())
}
