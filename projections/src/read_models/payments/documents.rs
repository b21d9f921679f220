//! Tables of documents: reading those that a batch concerns, and writing them back.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use ledger_core::{LedgerName, Position, ProviderName, Timestamp, WalletId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::read_model::{FoldError, Place};

/// A row that keeps all it says as JSON.
pub trait Document: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its table.
    const TABLE: &'static str;

    /// Its key.
    fn id(&self) -> Uuid;

    /// The position of its first event, which orders lists.
    fn position(&self) -> Position;

    /// When that was recorded.
    fn created_at(&self) -> Timestamp;

    /// What lists are narrowed by.
    fn columns(&self) -> Columns;
}

/// What lists are narrowed by.
#[derive(Debug, Clone)]
pub struct Columns {
    /// What it is a part of.
    pub belongs_to: Option<Uuid>,
    /// Whose it is.
    pub wallet: Option<WalletId>,
    /// Where it is, as far as is known.
    pub provider: Option<ProviderName>,
    /// Its state, by name.
    pub status: &'static str,
    /// Whether money of it waits for a person to say whose it is.
    pub in_suspense: bool,
}

/// Documents of one table.
pub(super) struct Documents<T> {
    wanted: BTreeSet<Uuid>,
    known: BTreeMap<Uuid, T>,
}

impl<T> Default for Documents<T> {
    fn default() -> Self {
        Self {
            wanted: BTreeSet::new(),
            known: BTreeMap::new(),
        }
    }
}

impl<T: Document> Documents<T> {
    pub(super) fn want(&mut self, id: Uuid) {
        self.wanted.insert(id);
    }

    pub(super) fn want_any(&mut self, id: Option<Uuid>) {
        self.wanted.extend(id);
    }

    pub(super) fn get(&self, id: Uuid) -> Option<&T> {
        self.known.get(&id)
    }

    pub(super) fn put(&mut self, document: T) {
        self.known.insert(document.id(), document);
    }

    /// All of them, in the order in which they began.
    pub(super) fn into_oldest_first(self) -> Vec<T> {
        let mut documents: Vec<T> = self.known.into_values().collect();
        documents.sort_by_key(|document| (document.position(), document.id()));
        documents
    }

    /// Reads those that were asked for and are there.
    pub(super) async fn load(
        &mut self,
        place: &mut Place<'_>,
        ledger: LedgerName,
    ) -> Result<(), FoldError> {
        if self.wanted.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = std::mem::take(&mut self.wanted).into_iter().collect();
        let statement = format!(
            "SELECT document FROM {{schema}}.{} WHERE ledger = $1 AND id = ANY($2)",
            T::TABLE
        );
        let found: Vec<String> = sqlx::query_scalar(&place.sql(&statement))
            .bind(ledger.as_str())
            .bind(ids)
            .fetch_all(&mut *place.connection)
            .await?;
        for text in found {
            self.put(serde_json::from_str(&text).map_err(unreadable::<T>)?);
        }
        Ok(())
    }

    /// Writes all of them; a key that is there already gets the new document.
    pub(super) async fn write(
        self,
        place: &mut Place<'_>,
        ledger: LedgerName,
    ) -> Result<(), FoldError> {
        if self.known.is_empty() {
            return Ok(());
        }
        let statement = format!(
            "INSERT INTO {{schema}}.{} (ledger, id, position, created_at, belongs_to, wallet, \
                                        provider, status, in_suspense, document) \
             SELECT $1, id, position, created_at, belongs_to, wallet, provider, status, \
                    in_suspense, document \
             FROM UNNEST($2::uuid[], $3::bigint[], $4::timestamptz[], $5::uuid[], $6::uuid[], \
                         $7::text[], $8::text[], $9::boolean[], $10::text[]) \
                  AS changed (id, position, created_at, belongs_to, wallet, provider, status, \
                              in_suspense, document) \
             ON CONFLICT (ledger, id) DO UPDATE SET belongs_to = EXCLUDED.belongs_to, \
                 wallet = EXCLUDED.wallet, provider = EXCLUDED.provider, \
                 status = EXCLUDED.status, in_suspense = EXCLUDED.in_suspense, \
                 document = EXCLUDED.document",
            T::TABLE
        );
        let rows = Written::of(self.known.values())?;
        sqlx::query(&place.sql(&statement))
            .bind(ledger.as_str())
            .bind(rows.ids)
            .bind(rows.positions)
            .bind(rows.created_at)
            .bind(rows.belongs_to)
            .bind(rows.wallets)
            .bind(rows.providers)
            .bind(rows.statuses)
            .bind(rows.in_suspense)
            .bind(rows.documents)
            .execute(&mut *place.connection)
            .await?;
        Ok(())
    }
}

/// Documents by column.
#[derive(Default)]
struct Written {
    ids: Vec<Uuid>,
    positions: Vec<i64>,
    created_at: Vec<DateTime<Utc>>,
    belongs_to: Vec<Option<Uuid>>,
    wallets: Vec<Option<Uuid>>,
    providers: Vec<Option<String>>,
    statuses: Vec<&'static str>,
    in_suspense: Vec<bool>,
    documents: Vec<String>,
}

impl Written {
    fn of<'d, T: Document>(documents: impl Iterator<Item = &'d T>) -> Result<Self, FoldError> {
        let mut rows = Self::default();
        for document in documents {
            let columns = document.columns();
            rows.ids.push(document.id());
            rows.positions.push(document.position().value());
            rows.created_at.push(document.created_at().as_datetime());
            rows.belongs_to.push(columns.belongs_to);
            rows.wallets.push(columns.wallet.map(WalletId::as_uuid));
            let provider = columns.provider;
            rows.providers
                .push(provider.map(|provider| provider.as_str().to_owned()));
            rows.statuses.push(columns.status);
            rows.in_suspense.push(columns.in_suspense);
            rows.documents
                .push(serde_json::to_string(document).map_err(unreadable::<T>)?);
        }
        Ok(rows)
    }
}

fn unreadable<T: Document>(error: serde_json::Error) -> FoldError {
    FoldError::Row {
        table: T::TABLE,
        reason: error.to_string(),
    }
}
