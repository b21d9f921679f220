//! Proofs of inclusion from a large tree.
//!
//! The tree is filled with the hashes of numbers and not of events: a proof reads hashes alone, and ten million
//! events would take as long to write as everything else together.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use audit::checkpoint::{Head, origin_of};
use audit::keys::LogKey;
use audit::proof::check_inclusion;
use audit::sealer::Sealer;
use audit::tree::{FullTile, Tree, leaf_hash};
use event_store::Database;
use ledger_core::{LedgerName, Position};

use crate::BenchError;
use crate::measure::{Round, Scenario};

/// Tiles written by one statement.
const AT_ONCE: usize = 1_000;

/// Proofs of leaves chosen at random, one after the other.
pub struct Proofs {
    sealer: Sealer,
    ledger: LedgerName,
    leaves: u64,
}

impl Proofs {
    /// Fills a tree with so many leaves, and signs it.
    pub async fn over(
        sealer: Sealer,
        database: &Database,
        leaves: u64,
    ) -> Result<Self, BenchError> {
        let ledger: LedgerName = "proofs".parse()?;
        let (mut tree, mut tiles) = (Tree::default(), Vec::new());
        for number in 0..leaves {
            tree.push(leaf_hash(&number.to_be_bytes()), &mut |tile| {
                tiles.push(tile);
            });
            if tiles.len() >= AT_ONCE {
                write(database, &std::mem::take(&mut tiles)).await?;
            }
        }
        write(database, &tiles).await?;
        let key = LogKey::generate(&origin_of("daybook.local", ledger))?;
        let head = Head {
            origin: key.origin().to_owned(),
            size: leaves,
            root: tree.root()?,
            recorded_at: None,
        };
        let size = i64::try_from(leaves)?;
        sqlx::query(
            "INSERT INTO audit.log (ledger, size, root, edge) VALUES ('proofs', $1, $2, $3)",
        )
        .bind(size)
        .bind(head.root.as_slice())
        .bind(tree.edge())
        .execute(database.pool())
        .await?;
        sqlx::query(
            "INSERT INTO audit.key (ledger, number, verifier_key, after_size, master_key, wrapped) \
             VALUES ('proofs', 1, $1, 0, 'none', '')",
        )
        .bind(key.verifier_key())
        .execute(database.pool())
        .await?;
        sqlx::query(
            "INSERT INTO audit.checkpoint (ledger, size, key_number, note) VALUES ('proofs', $1, 1, $2)",
        )
        .bind(size)
        .bind(head.sign(&key)?)
        .execute(database.pool())
        .await?;
        Ok(Self {
            sealer,
            ledger,
            leaves,
        })
    }
}

async fn write(database: &Database, tiles: &[FullTile]) -> Result<(), BenchError> {
    let levels: Vec<i16> = tiles.iter().map(|tile| tile.place.level.into()).collect();
    let numbers = tiles.iter().map(|tile| i64::try_from(tile.place.number));
    let numbers: Vec<i64> = numbers.collect::<Result<_, _>>()?;
    let hashes: Vec<&[u8]> = tiles.iter().map(|tile| tile.hashes.as_slice()).collect();
    sqlx::query(
        "INSERT INTO audit.tile (ledger, level, number, hashes) SELECT 'proofs', level, number, hashes \
         FROM UNNEST($1::smallint[], $2::bigint[], $3::bytea[]) AS new (level, number, hashes)",
    )
    .bind(levels)
    .bind(numbers)
    .bind(hashes)
    .execute(database.pool())
    .await?;
    Ok(())
}

#[async_trait]
impl Scenario for Proofs {
    fn name(&self) -> String {
        "audit_proof".to_owned()
    }

    fn unit(&self) -> &'static str {
        "proofs/s"
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let started = Instant::now();
        let mut latencies = Vec::new();
        while started.elapsed() < duration {
            let index = fastrand::u64(..self.leaves);
            let position = Position::START.plus(i64::try_from(index)? + 1);
            let asked = Instant::now();
            let (proof, signed) = self.sealer.prove_event(self.ledger, position).await?;
            latencies.push(u32::try_from(asked.elapsed().as_micros())?);
            let leaf = leaf_hash(&index.to_be_bytes());
            check_inclusion(&signed.checkpoint.head, index, leaf, &proof.path)?;
        }
        Ok(Round {
            operations: u64::try_from(latencies.len())?,
            elapsed: started.elapsed(),
            latencies,
        })
    }
}
