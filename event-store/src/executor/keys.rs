//! Idempotency keys: which were used, for what, and what came of it.

use std::collections::{HashMap, VecDeque};

use ledger_core::LedgerName;
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::outcome::Outcome;
use super::submission::{IdempotencyKey, SubmitError};

/// Who used a key, and the key: the SHA-256 of both, so that remembering one costs no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeyName([u8; 32]);

impl KeyName {
    pub(super) fn of(key: &IdempotencyKey) -> Self {
        Self::new(&key.scope, &key.key)
    }

    fn new(scope: &str, key: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(scope);
        // UTF-8 has no such byte, so no two pairs have the same text.
        digest.update([0xff]);
        digest.update(key);
        Self(digest.finalize().into())
    }
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
    used: HashMap<KeyName, UsedKey>,
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

    pub(super) fn get(&self, name: KeyName) -> Option<&UsedKey> {
        self.used.get(&name)
    }

    pub(super) fn insert(&mut self, name: KeyName, request_hash: [u8; 32], outcome: Outcome) {
        let used = UsedKey {
            request_hash,
            outcome,
        };
        if self.used.insert(name, used).is_none() {
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
            self.insert(KeyName::new(&scope, &key), request_hash, outcome);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_and_key_do_not_run_into_each_other() {
        assert_ne!(KeyName::new("ab", "c"), KeyName::new("a", "bc"));
        assert_ne!(KeyName::new("", "abc"), KeyName::new("abc", ""));
        assert_eq!(KeyName::new("a", "b"), KeyName::new("a", "b"));
    }
}
