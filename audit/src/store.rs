//! What is kept of sealed logs in PostgreSQL: the schema `audit`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use event_store::vault::{MasterKeyFault, MasterKeys, WrappedKey};
use ledger_core::LedgerName;
use sqlx::postgres::PgPool;
use sqlx::{PgConnection, Postgres};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::keys::{KeyError, KeyRecord, LogKey, PublicKey, ReadNote};
use crate::tree::{EdgeError, FullTile, HASH_BYTES, TILE_WIDTH, TilePlace, Tiles, Tree};

/// Why what is kept cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// PostgreSQL failed or cannot be reached.
    #[error("the sealed log cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// The right edge is none.
    #[error("the sealed tree is damaged")]
    Edge(#[from] EdgeError),
    /// A stored text is no checkpoint.
    #[error("a stored checkpoint is damaged")]
    Checkpoint(#[from] CheckpointError),
    /// A key cannot be made or read.
    #[error("a checkpoint key cannot be used")]
    Key(#[from] KeyError),
    /// A private key cannot be wrapped or unwrapped.
    #[error("a checkpoint key cannot be wrapped or unwrapped")]
    MasterKey(#[from] MasterKeyFault),
    /// A number of the database that is out of range.
    #[error("the sealed log has the impossible number {0}")]
    Number(i64),
}

/// How far a log is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTree {
    /// Its right edge, with its size.
    pub tree: Tree,
    /// The root that was sealed.
    pub root: [u8; HASH_BYTES],
}

/// A key of a log.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// 1, 2, 3 …; the last one signs.
    pub number: i32,
    /// The public key.
    pub key: PublicKey,
    /// The size from which only this key signs.
    pub after: u64,
    /// The note by which the key before introduced it.
    pub record: Option<String>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    wrapped: WrappedKey,
}

/// A checkpoint that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The number of the key that signed it.
    pub key_number: i32,
    /// When.
    pub sealed_at: DateTime<Utc>,
}

/// Sealed logs.
#[derive(Debug, Clone)]
pub struct AuditStore {
    pool: PgPool,
}

type KeyRow = (
    i32,
    String,
    i64,
    Option<String>,
    DateTime<Utc>,
    String,
    Vec<u8>,
);

const KEYS: &str = "SELECT number, verifier_key, after_size, record, made_at, master_key, wrapped \
                    FROM audit.key WHERE ledger = $1 ORDER BY number";

impl AuditStore {
    /// Those in a migrated database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How far a ledger's log is sealed; not at all at first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sealed(&self, ledger: LedgerName) -> Result<SealedTree, StoreError> {
        let mut connection = self.pool.acquire().await?;
        sealed_in(&mut connection, ledger, "").await
    }

    /// The keys of a ledger's log, the first one first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keys(&self, ledger: LedgerName) -> Result<Vec<StoredKey>, StoreError> {
        keys_in(&self.pool, ledger).await
    }

    /// The checkpoint of the largest tree, by the latest key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest(&self, ledger: LedgerName) -> Result<Option<StoredCheckpoint>, StoreError> {
        Ok(self.checkpoints(ledger, None, 1).await?.into_iter().next())
    }

    /// Checkpoints of trees smaller than `below`, the largest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoints(
        &self,
        ledger: LedgerName,
        below: Option<i64>,
        limit: i64,
    ) -> Result<Vec<StoredCheckpoint>, StoreError> {
        let rows: Vec<(String, i32, DateTime<Utc>)> = sqlx::query_as(
            "SELECT note, key_number, sealed_at FROM audit.checkpoint \
             WHERE ledger = $1 AND size < $2 ORDER BY size DESC, key_number DESC LIMIT $3",
        )
        .bind(ledger.as_str())
        .bind(below.unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(stored_checkpoint).collect()
    }

    /// The checkpoint of the tree of exactly this size, by the latest key that signed one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoint_of_size(
        &self,
        ledger: LedgerName,
        size: u64,
    ) -> Result<Option<StoredCheckpoint>, StoreError> {
        let row: Option<(String, i32, DateTime<Utc>)> = sqlx::query_as(
            "SELECT note, key_number, sealed_at FROM audit.checkpoint \
             WHERE ledger = $1 AND size = $2 ORDER BY key_number DESC LIMIT 1",
        )
        .bind(ledger.as_str())
        .bind(i64::try_from(size).unwrap_or(i64::MAX))
        .fetch_optional(&self.pool)
        .await?;
        row.map(stored_checkpoint).transpose()
    }

    /// Tiles of a sealed tree, those at its right edge as far as they are filled. What is not there is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tiles(
        &self,
        ledger: LedgerName,
        places: &[TilePlace],
    ) -> Result<Tiles, StoreError> {
        // The edge first: what is full by the time the tiles are read is then in neither, or in both.
        let edge = self.sealed(ledger).await?.tree;
        let (levels, numbers): (Vec<i16>, Vec<i64>) = places
            .iter()
            .map(|place| {
                let number = i64::try_from(place.number).unwrap_or(i64::MAX);
                (i16::from(place.level), number)
            })
            .unzip();
        let rows: Vec<(i16, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT tile.level, tile.number, tile.hashes \
             FROM UNNEST($2::smallint[], $3::bigint[]) AS asked (level, number) \
             JOIN audit.tile AS tile ON tile.ledger = $1 AND tile.level = asked.level \
              AND tile.number = asked.number",
        )
        .bind(ledger.as_str())
        .bind(levels)
        .bind(numbers)
        .fetch_all(&self.pool)
        .await?;
        let mut tiles = HashMap::with_capacity(places.len());
        for place in places {
            let above = 8 * (u32::from(place.level) + 1);
            if edge.size().checked_shr(above).unwrap_or(0) == place.number {
                tiles.insert(*place, edge.partial_tile(place.level).to_vec());
            }
        }
        for (level, number, hashes) in rows {
            let place = TilePlace {
                level: u8::try_from(level).map_err(|_| StoreError::Number(level.into()))?,
                number: u64::try_from(number).map_err(|_| StoreError::Number(number))?,
            };
            tiles.insert(place, hashes);
        }
        Ok(Tiles(tiles))
    }

    /// Moves a log's seal on, unless somebody else did: `false` then, and nothing is changed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub(crate) async fn advance(
        &self,
        ledger: LedgerName,
        from: &SealedTree,
        to: &SealedTree,
        tiles: &[FullTile],
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool.begin().await?;
        let moved = sqlx::query(
            "UPDATE audit.log SET size = $2, root = $3, edge = $4 \
             WHERE ledger = $1 AND size = $5 AND root = $6",
        )
        .bind(ledger.as_str())
        .bind(size(to))
        .bind(to.root.as_slice())
        .bind(to.tree.edge())
        .bind(size(from))
        .bind(from.root.as_slice())
        .execute(&mut *tx)
        .await?;
        if moved.rows_affected() == 0 {
            return Ok(false);
        }
        let levels: Vec<i16> = tiles.iter().map(|tile| tile.place.level.into()).collect();
        let numbers: Vec<i64> = tiles
            .iter()
            .map(|tile| i64::try_from(tile.place.number).unwrap_or(i64::MAX))
            .collect();
        let hashes: Vec<&[u8]> = tiles.iter().map(|tile| tile.hashes.as_slice()).collect();
        sqlx::query(
            "INSERT INTO audit.tile (ledger, level, number, hashes) \
             SELECT $1, level, number, hashes \
             FROM UNNEST($2::smallint[], $3::bigint[], $4::bytea[]) AS new (level, number, hashes)",
        )
        .bind(ledger.as_str())
        .bind(levels)
        .bind(numbers)
        .bind(hashes)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Keeps a log's first key, unless there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn add_first_key(
        &self,
        ledger: LedgerName,
        key: &LogKey,
        master_keys: &dyn MasterKeys,
    ) -> Result<(), StoreError> {
        let wrapped = master_keys.wrap(&place(ledger, 1), key.seed()).await?;
        sqlx::query(
            "INSERT INTO audit.key (ledger, number, verifier_key, after_size, master_key, wrapped) \
             VALUES ($1, 1, $2, 0, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(ledger.as_str())
        .bind(key.verifier_key())
        .bind(&wrapped.master_key)
        .bind(&wrapped.bytes)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Wraps every private key anew that is not under the current master key; how many.
    ///
    /// # Errors
    /// [`StoreError`]; what was wrapped anew before stays so.
    pub async fn rewrap(&self, master_keys: &dyn MasterKeys) -> Result<u64, StoreError> {
        let rows: Vec<(String, i32, String, Vec<u8>)> = sqlx::query_as(
            "SELECT ledger, number, master_key, wrapped FROM audit.key WHERE master_key <> $1",
        )
        .bind(master_keys.current())
        .fetch_all(&self.pool)
        .await?;
        let mut rewrapped = 0;
        for (ledger, number, master_key, bytes) in rows {
            let name: LedgerName = ledger
                .parse()
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            let place = place(name, number);
            let seed = master_keys
                .unwrap(&place, &WrappedKey { master_key, bytes })
                .await?;
            let anew = master_keys.wrap(&place, &seed).await?;
            let done = sqlx::query(
                "UPDATE audit.key SET master_key = $3, wrapped = $4 \
                 WHERE ledger = $1 AND number = $2",
            )
            .bind(&ledger)
            .bind(number)
            .bind(&anew.master_key)
            .bind(&anew.bytes)
            .execute(&self.pool)
            .await?;
            rewrapped += done.rows_affected();
        }
        Ok(rewrapped)
    }
}

impl StoredKey {
    /// The private key.
    ///
    /// # Errors
    /// [`StoreError::MasterKey`] and [`StoreError::Key`].
    pub(crate) async fn open(
        &self,
        ledger: LedgerName,
        master_keys: &dyn MasterKeys,
    ) -> Result<LogKey, StoreError> {
        let seed = master_keys
            .unwrap(&place(ledger, self.number), &self.wrapped)
            .await?;
        Ok(LogKey::from_seed(self.key.origin(), seed)?)
    }
}

/// The records of keys, for whoever follows them.
#[must_use]
pub fn records_of(keys: &[StoredKey]) -> Vec<(KeyRecord, ReadNote)> {
    let notes = keys.iter().filter_map(|key| key.record.as_ref());
    notes
        .filter_map(|note| {
            let note = ReadNote::read(note.as_bytes()).ok()?;
            Some((KeyRecord::read(&note.text)?, note))
        })
        .collect()
}

/// How far a log is sealed, with a lock on that if `lock` says so.
pub(crate) async fn sealed_in(
    connection: &mut PgConnection,
    ledger: LedgerName,
    lock: &str,
) -> Result<SealedTree, StoreError> {
    let row: Option<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(&format!(
        "SELECT size, root, edge FROM audit.log WHERE ledger = $1 {lock}"
    ))
    .bind(ledger.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    let Some((size, root, edge)) = row else {
        let tree = Tree::default();
        let root = tlog_tiles::EMPTY_HASH.0;
        return Ok(SealedTree { tree, root });
    };
    let size = u64::try_from(size).map_err(|_| StoreError::Number(size))?;
    let tree = Tree::from_edge(size, &edge)?;
    let length = i64::try_from(root.len()).unwrap_or(i64::MAX);
    let root = root.try_into().map_err(|_| StoreError::Number(length))?;
    Ok(SealedTree { tree, root })
}

/// Makes the row of a log that was never sealed.
pub(crate) async fn begin(pool: &PgPool, ledger: LedgerName) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit.log (ledger, size, root, edge) VALUES ($1, 0, $2, '') \
         ON CONFLICT DO NOTHING",
    )
    .bind(ledger.as_str())
    .bind(tlog_tiles::EMPTY_HASH.0.as_slice())
    .execute(pool)
    .await?;
    Ok(())
}

pub(crate) async fn keys_in<'e, E>(
    executor: E,
    ledger: LedgerName,
) -> Result<Vec<StoredKey>, StoreError>
where
    E: sqlx::Executor<'e, Database = Postgres>,
{
    let rows: Vec<KeyRow> = sqlx::query_as(KEYS)
        .bind(ledger.as_str())
        .fetch_all(executor)
        .await?;
    rows.into_iter()
        .map(
            |(number, verifier_key, after, record, made_at, master_key, bytes)| {
                Ok(StoredKey {
                    number,
                    key: verifier_key.parse()?,
                    after: u64::try_from(after).map_err(|_| StoreError::Number(after))?,
                    record,
                    made_at,
                    wrapped: WrappedKey { master_key, bytes },
                })
            },
        )
        .collect()
}

fn stored_checkpoint(
    (note, key_number, sealed_at): (String, i32, DateTime<Utc>),
) -> Result<StoredCheckpoint, StoreError> {
    Ok(StoredCheckpoint {
        checkpoint: note.parse()?,
        key_number,
        sealed_at,
    })
}

/// Where a private key is wrapped: in another row it does not open.
pub(crate) fn place(ledger: LedgerName, number: i32) -> String {
    format!("audit/{ledger}/{number}")
}

fn size(sealed: &SealedTree) -> i64 {
    i64::try_from(sealed.tree.size()).unwrap_or(i64::MAX)
}

/// The width that a tile has in a tree of `size` leaves; 0 when it has none.
#[must_use]
pub fn width_in(place: TilePlace, size: u64) -> usize {
    let nodes = size
        .checked_shr(8 * u32::from(place.level))
        .unwrap_or_default();
    let before = place.number.saturating_mul(256);
    usize::try_from(nodes.saturating_sub(before))
        .unwrap_or(usize::MAX)
        .min(TILE_WIDTH)
}
