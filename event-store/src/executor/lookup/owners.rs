//! Loading what limits owners: what they have used, and who owns a wallet.

use ledger_core::book::{Book, EntityKey};
use ledger_core::wallet::WalletEvent;
use ledger_core::{Event, LedgerName, OwnerKey, Position, Stream, WalletId};
use sqlx::PgPool;

use super::{AccountSource, LoadFault};
use crate::log::StoredEvent;

/// Loads what owners have used and own; says at which position that is true.
pub(super) async fn load_usage(
    book: &mut Book,
    source: &dyn AccountSource,
    ledger: LedgerName,
    keys: &[EntityKey],
) -> Result<Position, LoadFault> {
    let owners: Vec<OwnerKey> = keys
        .iter()
        .filter_map(|key| match key {
            EntityKey::Usage(owner) => Some(*owner),
            _ => None,
        })
        .collect();
    if owners.is_empty() {
        return Ok(Position::START);
    }
    let mut snapshot = source.load_usage(ledger, &owners).await?;
    for owner in owners {
        let rows = snapshot.owners.remove(&owner).unwrap_or_default();
        book.load_usage(owner, rows, snapshot.as_of)?;
    }
    Ok(snapshot.as_of)
}

/// Loads who owns wallets: the first event of a wallet's stream says so, for ever. The wallets
/// themselves are loaded before.
pub(super) async fn load_owners_of(
    book: &mut Book,
    pool: &PgPool,
    ledger: LedgerName,
    keys: &[EntityKey],
) -> Result<(), LoadFault> {
    let wallets = keys.iter().filter_map(|key| match key {
        EntityKey::OwnerOf(wallet) => Some(*wallet),
        _ => None,
    });
    // A wallet that was read from its stream has told its owner; one that does not exist has none.
    let mut wallets: Vec<WalletId> = wallets.collect();
    wallets.retain(|wallet| book.lacks(EntityKey::OwnerOf(*wallet)));
    if wallets.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = wallets.iter().map(WalletId::to_string).collect();
    let opened: Vec<StoredEvent> = sqlx::query_as(OPENED)
        .bind(ledger.as_str())
        .bind(&ids)
        .fetch_all(pool)
        .await?;
    for event in &opened {
        let recorded = event.decode()?;
        if let (Event::Wallet(WalletEvent::WalletOpened { owner, .. }), Stream::Wallet(wallet)) =
            (&recorded.event, recorded.stream)
        {
            book.load_owner_of(wallet, owner.key());
        }
    }
    let unknown = wallets
        .into_iter()
        .find(|wallet| book.lacks(EntityKey::OwnerOf(*wallet)));
    unknown.map_or(Ok(()), |wallet| Err(LoadFault::OwnerUnknown(wallet)))
}

const OPENED: &str = "\
SELECT event.position, event.aggregate_type, event.aggregate_id, event.sequence, event.event_type, \
       event.event_version, event.payload::text AS payload, event.metadata::text AS metadata, \
       event.recorded_at \
FROM UNNEST($2::text[]) AS asked (aggregate_id) \
JOIN daybook.events AS event ON event.ledger = $1 AND event.aggregate_type = 'wallet' \
 AND event.aggregate_id = asked.aggregate_id AND event.sequence = 1";
