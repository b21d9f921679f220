//! Reading what the log says of one owner.

use ledger_core::event::RecordedEvent;
use ledger_core::wallet::WalletEvent;
use ledger_core::{CaseId, Event, LedgerName, OwnerId, Position, Stream, WalletId};

use super::{COLUMNS, LogError, LogReader, StoredEvent};

impl LogReader {
    /// All events of one stream, in order.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn stream(
        &self,
        ledger: LedgerName,
        stream: Stream,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let query = format!(
            "SELECT {COLUMNS} FROM daybook.events WHERE ledger = $1 AND aggregate_type = $2 \
             AND aggregate_id = $3 ORDER BY sequence"
        );
        let events: Vec<StoredEvent> = sqlx::query_as(&query)
            .bind(ledger.as_str())
            .bind(stream.aggregate_type().as_str())
            .bind(stream.aggregate_id())
            .fetch_all(&self.pool)
            .await?;
        events.iter().map(StoredEvent::decode).collect()
    }

    /// The next `limit` events of profiles after a position, in order.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn profiles_after(
        &self,
        ledger: LedgerName,
        after: Position,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        // As the index on it says it.
        let query = format!(
            "SELECT {COLUMNS} FROM daybook.events WHERE ledger = $1 AND position > $2 \
             AND aggregate_type = 'profile' ORDER BY position LIMIT $3"
        );
        let events: Vec<StoredEvent> = sqlx::query_as(&query)
            .bind(ledger.as_str())
            .bind(after.value())
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        events.iter().map(StoredEvent::decode).collect()
    }

    /// The verification cases that were ever opened about an owner, in order.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn cases_of(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<Vec<CaseId>, LogError> {
        // As the index on it says it.
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT aggregate_id FROM daybook.events WHERE ledger = $1 \
             AND event_type = 'CaseOpened' AND payload #>> '{CaseOpened,owner}' = $2 \
             ORDER BY position",
        )
        .bind(ledger.as_str())
        .bind(owner.as_str())
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// Whether the owner of a wallet is erased as a person.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn is_wallet_of_erased(
        &self,
        ledger: LedgerName,
        wallet: WalletId,
    ) -> Result<bool, LogError> {
        let opened = self.stream(ledger, Stream::Wallet(wallet)).await?;
        let owner = opened.iter().find_map(|event| match &event.event {
            Event::Wallet(WalletEvent::WalletOpened { owner, .. }) => Some(owner),
            _ => None,
        });
        let Some(owner) = owner else {
            return Ok(false);
        };
        let profile = Stream::Profile(owner.key()).aggregate_id();
        let erased = self.erased_profiles(ledger, &[profile]).await?;
        Ok(!erased.is_empty())
    }

    /// Which of these owners' profiles, by their ids in the log, are erased.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn erased_profiles(
        &self,
        ledger: LedgerName,
        ids: &[String],
    ) -> Result<Vec<String>, LogError> {
        let end = Position::START.plus(i64::MAX);
        self.erased_profiles_until(ledger, ids, end).await
    }

    /// The same by events at or before a position.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn erased_profiles_until(
        &self,
        ledger: LedgerName,
        ids: &[String],
        until: Position,
    ) -> Result<Vec<String>, LogError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(sqlx::query_scalar(
            "SELECT asked.id FROM UNNEST($2::text[]) AS asked (id) \
             WHERE EXISTS (SELECT FROM daybook.events AS event WHERE event.ledger = $1 \
                 AND event.aggregate_type = 'profile' AND event.aggregate_id = asked.id \
                 AND event.event_type = 'ProfileErased' AND event.position <= $3)",
        )
        .bind(ledger.as_str())
        .bind(ids)
        .bind(until.value())
        .fetch_all(&self.pool)
        .await?)
    }
}
