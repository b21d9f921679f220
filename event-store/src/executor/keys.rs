//! Idempotency keys: which were used, for what, and what came of it.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher, RandomState};
use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};

use ledger_core::LedgerName;
use sqlx::PgPool;

use super::outcome::Outcome;
use super::submission::{IdempotencyKey, SubmitError};

/// Who used a key, and the key; shared by the places that remember it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyName(Arc<(String, String)>);

impl KeyName {
    pub(super) fn of(key: &IdempotencyKey) -> Self {
        Self(Arc::new((key.scope.clone(), key.key.clone())))
    }
}

// A name and the key it was made of hash alike, so that a key finds its name without being copied.
impl Hash for KeyName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (scope, key) = &*self.0;
        hash_name(scope, key, state);
    }
}

impl Hash for IdempotencyKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_name(&self.scope, &self.key, state);
    }
}

impl Equivalent<KeyName> for IdempotencyKey {
    fn equivalent(&self, name: &KeyName) -> bool {
        let (scope, key) = &*name.0;
        self.scope == *scope && self.key == *key
    }
}

fn hash_name<H: Hasher>(scope: &str, key: &str, state: &mut H) {
    scope.hash(state);
    key.hash(state);
}

/// A key that was used.
#[derive(Debug, Clone)]
pub(super) struct UsedKey {
    request_hash: [u8; 32],
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
    /// Keys are the callers' own texts, so the hash must be one that callers cannot steer.
    used: HashMap<KeyName, UsedKey, RandomState>,
    order: VecDeque<KeyName>,
}

impl RecentKeys {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            used: HashMap::default(),
            order: VecDeque::new(),
        }
    }

    pub(super) fn get(&self, key: &IdempotencyKey) -> Option<&UsedKey> {
        self.used.get(key)
    }

    pub(super) fn insert(&mut self, name: KeyName, request_hash: [u8; 32], outcome: Outcome) {
        let used = UsedKey {
            request_hash,
            outcome,
        };
        if self.used.insert(name.clone(), used).is_none() {
            self.order.push_back(name);
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
            let request_hash = <[u8; 32]>::try_from(request_hash)
                .map_err(|_| sqlx::Error::Decode("a request hash of another length".into()))?;
            self.insert(KeyName(Arc::new((scope, key))), request_hash, outcome);
        }
        Ok(())
    }
}
