//! Checkpoints of logs: who signs them on this node, and where they are kept besides the database.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use audit::export::{BalanceLine, StatedBalances};
use audit::sealer::{SealSettings, Sealer};
use audit::sinks::{CheckpointFolder, CheckpointSink, SinkFault};
use audit::store::StoredCheckpoint;
use audit::witness::{Witness, WitnessAnswer, WitnessDoor};
use connectors::witness::WitnessClient;
use event_store::vault::MasterKeys;
use ledger_core::{LedgerName, Position};
use projections::Queries;
use projections::queries::QueryError;
use realtime_bridge::Nats;
use sqlx::PgPool;

/// How logs are sealed.
#[derive(Debug, Clone, Default)]
pub struct AuditOptions {
    /// By which name, and how often.
    pub seals: SealSettings,
    /// A folder that keeps checkpoints, if one is to.
    pub folder: Option<PathBuf>,
    /// Who is asked to cosign them.
    pub witnesses: Vec<Witness>,
}

impl AuditOptions {
    /// Who seals with these master keys; who only reads what was sealed, without.
    #[must_use]
    pub fn sealer(&self, pool: &PgPool, master_keys: Option<Arc<dyn MasterKeys>>) -> Sealer {
        let sealer = Sealer::new(pool, master_keys, self.seals.clone());
        sealer.with_witnesses(self.witnesses.clone())
    }

    /// Where checkpoints go.
    pub(super) fn sinks(&self, nats: &Nats) -> Vec<Arc<dyn CheckpointSink>> {
        let mut sinks: Vec<Arc<dyn CheckpointSink>> = vec![Arc::new(OnNats(nats.clone()))];
        if let Some(folder) = &self.folder {
            sinks.push(Arc::new(CheckpointFolder(folder.clone())));
        }
        sinks
    }
}

/// The stream of checkpoints.
#[derive(Debug)]
struct OnNats(Nats);

#[async_trait]
impl CheckpointSink for OnNats {
    fn name(&self) -> &'static str {
        "nats"
    }

    async fn last(&self, ledger: LedgerName) -> Result<i64, SinkFault> {
        Ok(self.0.last_checkpoint(ledger).await?)
    }

    async fn keep(
        &self,
        ledger: LedgerName,
        checkpoint: &StoredCheckpoint,
    ) -> Result<(), SinkFault> {
        let head = &checkpoint.checkpoint.head;
        let id = format!(
            "{}-{}-{}",
            head.size,
            checkpoint.key_number,
            head.root_text()
        );
        let note = &checkpoint.checkpoint.text;
        let published = self
            .0
            .publish_checkpoint(ledger, checkpoint.number, &id, note);
        Ok(published.await?)
    }
}

/// A witness that is reached over HTTP.
#[derive(Debug, Clone)]
pub struct WitnessOverHttp(pub WitnessClient);

#[async_trait]
impl WitnessDoor for WitnessOverHttp {
    async fn add_checkpoint(&self, body: String) -> Result<WitnessAnswer, SinkFault> {
        let reply = self.0.add_checkpoint(body).await?;
        Ok(WitnessAnswer {
            status: reply.status,
            content_type: reply.content_type,
            body: reply.body.to_vec(),
        })
    }
}

/// What the read model of accounts states.
#[derive(Clone)]
pub struct AccountsAsStated(pub Queries);

/// Why accounts are not stated.
#[derive(Debug, thiserror::Error)]
enum StatingError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("the balances cannot be written")]
    Write(#[from] std::io::Error),
}

#[async_trait]
impl StatedBalances for AccountsAsStated {
    async fn write(
        &self,
        ledger: LedgerName,
        to: &mut (dyn Write + Send),
    ) -> Result<Position, Box<dyn std::error::Error + Send + Sync>> {
        let written = self.0.stated_accounts(ledger, |row| {
            let line = BalanceLine {
                account: format!("{}:{}", row.holder, row.asset),
                posted_debits: row.posted_debits,
                posted_credits: row.posted_credits,
                pending_debits: row.pending_debits,
            };
            line.write_to(&mut *to).map_err(StatingError::from)
        });
        Ok(written.await?)
    }
}
