//! What is kept of sealed logs in PostgreSQL: the schema `audit`.

mod checkpoints;
mod cosignatures;
mod keys;

use std::collections::HashMap;

use event_store::vault::MasterKeyFault;
use ledger_core::LedgerName;
use sqlx::PgConnection;
use sqlx::postgres::PgPool;

use crate::checkpoint::CheckpointError;
use crate::keys::KeyError;
use crate::tree::{EdgeError, FullTile, HASH_BYTES, TILE_WIDTH, TilePlace, Tiles, Tree};

pub use checkpoints::StoredCheckpoint;
pub use keys::{StoredKey, records_of};

pub(crate) use checkpoints::add_checkpoint;
pub(crate) use keys::{keys_in, place};

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

/// Sealed logs.
#[derive(Debug, Clone)]
pub struct AuditStore {
    pool: PgPool,
}

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
        self.tiles_with(ledger, places, &edge).await
    }

    /// As many of them as there are: without those at the right edge when that is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn tiles_there(
        &self,
        ledger: LedgerName,
        places: &[TilePlace],
    ) -> Result<Tiles, StoreError> {
        let edge = match self.sealed(ledger).await {
            Ok(sealed) => sealed.tree,
            Err(StoreError::Edge(_) | StoreError::Number(_)) => Tree::default(),
            Err(error) => return Err(error),
        };
        self.tiles_with(ledger, places, &edge).await
    }

    async fn tiles_with(
        &self,
        ledger: LedgerName,
        places: &[TilePlace],
        edge: &Tree,
    ) -> Result<Tiles, StoreError> {
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
