//! Storing what was found genuine, many at a time.

use std::collections::HashSet;
use std::sync::Arc;

use connectors::card_numbers::{has_card_number, without_card_numbers};
use event_store::ErrorChain;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgPool;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{IntakeError, New, Receipt, Waiting};
use crate::webhooks::content::SealedContent;

/// The longest name of an event that is kept as it is, in characters.
const MAX_EVENT_ID_LENGTH: usize = 255;

/// The longest kind of event that is kept, in characters.
const MAX_EVENT_TYPE_LENGTH: usize = 100;

/// Stores what arrives, as much as there is at a time.
pub(super) struct Storage {
    pub(super) pool: PgPool,
    pub(super) stored: Arc<Notify>,
    pub(super) batch: usize,
}

/// One statement for all of a batch, its answer the ids that are new.
const STORE: &str = "WITH stored AS ( \
        INSERT INTO workflows.webhook (id, provider, endpoint, ledger, event_id, event_type, \
            body_digest, headers, body, occurred_at, received_at) \
        SELECT id, provider, endpoint, ledger, event_id, event_type, body_digest, headers, \
            body, occurred_at, received_at \
        FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], \
            $7::text[], $8::bytea[], $9::bytea[], $10::timestamptz[], $11::timestamptz[]) \
            AS new (id, provider, endpoint, ledger, event_id, event_type, body_digest, headers, \
                body, occurred_at, received_at) \
        ON CONFLICT ON CONSTRAINT webhook_body_key DO NOTHING \
        RETURNING id \
    ) \
    INSERT INTO workflows.webhook_state (webhook_id, status, due_at, changed_at) \
    SELECT id, 'waiting', now(), now() FROM stored RETURNING webhook_id";

impl Storage {
    pub(super) async fn run(
        self,
        mut waiting: mpsc::Receiver<Waiting>,
        shutdown: CancellationToken,
    ) {
        let mut batch = Vec::with_capacity(self.batch);
        loop {
            let count = tokio::select! {
                // What was taken in before the end is still stored.
                biased;
                count = waiting.recv_many(&mut batch, self.batch) => count,
                () = shutdown.cancelled() => return,
            };
            if count == 0 {
                return;
            }
            self.store_all(&mut batch).await;
        }
    }

    async fn store_all(&self, batch: &mut Vec<Waiting>) {
        // Two nodes that are sent the same webhooks wait for each other, and not in a circle.
        batch.sort_by(|one, other| one.new.key().cmp(&other.new.key()));
        let (news, answers): (Vec<New>, Vec<_>) = batch
            .drain(..)
            .map(|waiting| (waiting.new, waiting.answer))
            .unzip();
        metrics::histogram!("daybook_webhook_batch_commands")
            .record(f64::from(u32::try_from(news.len()).unwrap_or(u32::MAX)));
        let outcome = self.store(&news).await;
        if let Err(error) = &outcome {
            tracing::error!(error = %ErrorChain(error), webhooks = news.len(), "webhooks cannot be stored");
        }
        for (new, answer) in news.iter().zip(answers) {
            let receipt = match &outcome {
                Ok(stored) if stored.contains(&new.id) => Ok(Receipt::Stored),
                Ok(_) => Ok(Receipt::Duplicate),
                Err(_) => Err(IntakeError::Unavailable),
            };
            // A provider that has gone away sends it again.
            let _ = answer.send(receipt);
        }
        self.stored.notify_one();
    }

    async fn store(&self, news: &[New]) -> Result<HashSet<Uuid>, sqlx::Error> {
        let texts = |text: fn(&New) -> String| news.iter().map(text).collect::<Vec<_>>();
        let contents = |part: fn(&SealedContent) -> &[u8]| {
            let parts = news.iter().map(|new| part(&new.content));
            parts.collect::<Vec<&[u8]>>()
        };
        let ids: Vec<Uuid> = sqlx::query_scalar(STORE)
            .bind(news.iter().map(|new| new.id).collect::<Vec<_>>())
            .bind(texts(|new| new.provider.to_string()))
            .bind(texts(|new| new.endpoint.clone()))
            .bind(texts(|new| new.ledger.to_string()))
            .bind(texts(|new| event_id(&new.facts.event_id)))
            .bind(texts(|new| shortened(&new.facts.event_type)))
            .bind(texts(|new| new.facts.body_digest.clone()))
            .bind(contents(|content| &content.headers))
            .bind(contents(|content| &content.body))
            .bind(
                news.iter()
                    .map(|new| new.facts.occurred_at)
                    .collect::<Vec<_>>(),
            )
            .bind(news.iter().map(|new| new.received_at).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().collect())
    }
}

/// An event's name, or its SHA-256 where that is shorter, or where the name is not to be kept: an index
/// cannot hold any length.
fn event_id(text: &str) -> String {
    let is_short = (1..=MAX_EVENT_ID_LENGTH).contains(&text.chars().count());
    if is_short && !text.contains('\0') && !is_card_number(text) {
        return text.to_owned();
    }
    let digest = Sha256::digest(text);
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256-{digits}")
}

/// Whether a name is nothing but a card number. Names that are made of several things have ids in them.
fn is_card_number(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-');
    text.bytes().all(is_part) && has_card_number(text)
}

fn shortened(text: &str) -> String {
    without_card_numbers(text)
        .chars()
        .filter(|character| *character != '\0')
        .take(MAX_EVENT_TYPE_LENGTH)
        .collect()
}
