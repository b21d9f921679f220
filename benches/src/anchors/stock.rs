//! The same transfer by stock cqrs-es on stock postgres-es: one command on a new transaction, loaded
//! and persisted by the framework. Balances are given, not kept: the framework has no place for a
//! check across aggregates, so this is the least it could do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cqrs_es::CqrsFramework;
use ledger_core::annotation::Metadata;
use ledger_core::money::AssetRegistry;
use ledger_core::posting::{
    HolderStanding, Overdraft, RequestedPosting, Standing, Standings, Totals, WalletStatus,
};
use ledger_core::transaction::{
    Transaction, TransactionCause, TransactionCommand, TransactionRequest,
};
use ledger_core::{Holder, Timestamp, Total, TransactionId, WalletId};
use postgres_es::{PostgresCqrs, postgres_cqrs};
use rust_decimal::Decimal;
use sqlx::Executor;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::BenchError;
use crate::machine::Machine;
use crate::measure::{Round, Scenario, repeat};

/// The table that postgres-es asks for (`db/init.sql` of its repository).
const TABLE: &str = "\
    CREATE TABLE events (
        aggregate_type text NOT NULL,
        aggregate_id text NOT NULL,
        sequence bigint CHECK (sequence >= 0) NOT NULL,
        event_type text NOT NULL,
        event_version text NOT NULL,
        payload json NOT NULL,
        metadata json NOT NULL,
        timestamp timestamp with time zone DEFAULT CURRENT_TIMESTAMP,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence)
    )";

/// Connections of the framework's pool.
const CONNECTIONS: u32 = 10;

/// The framework over a database of its own.
#[derive(Clone)]
pub struct StockCqrs {
    framework: Arc<PostgresCqrs<Transaction>>,
    standings: Arc<Standings>,
    posting: RequestedPosting,
    callers: usize,
}

impl StockCqrs {
    pub async fn new(machine: &mut Machine) -> Result<Self, BenchError> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect(&machine.new_database().await?)
            .await?;
        pool.execute(TABLE).await?;
        let framework: CqrsFramework<_, _> = postgres_cqrs(pool, Vec::new(), ());
        let posting = RequestedPosting {
            source: Holder::Wallet(WalletId::new(Uuid::now_v7())),
            destination: Holder::Wallet(WalletId::new(Uuid::now_v7())),
            asset: "INR".parse()?,
            amount: Decimal::ONE,
        };
        Ok(Self {
            framework: Arc::new(framework),
            standings: Arc::new(standings(&posting)?),
            posting,
            callers: 1,
        })
    }

    /// The same with so many callers.
    pub fn callers(&self, callers: usize) -> Self {
        Self {
            callers,
            ..self.clone()
        }
    }

    async fn transfer(&self) -> Result<u64, BenchError> {
        let id = TransactionId::new(Uuid::now_v7());
        let command = TransactionCommand::Post {
            bounds: ledger_core::transaction::MovementBounds::default(),
            transaction: id,
            request: TransactionRequest {
                postings: vec![self.posting],
                effective_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
            cause: TransactionCause::Request,
            recorded_at: Timestamp::UNIX_EPOCH,
            standings: Standings::clone(&self.standings),
        };
        let done = self.framework.execute(&id.to_string(), command).await;
        done.map_err(|error| error.to_string())?;
        Ok(1)
    }
}

fn standings(posting: &RequestedPosting) -> Result<Standings, BenchError> {
    let rich = Standing {
        holder: HolderStanding::Wallet {
            status: WalletStatus::Open,
            overdraft: Overdraft::Unlimited,
        },
        posted: Totals::default(),
        pending_debits: Total::default(),
    };
    let asset = AssetRegistry::default()
        .get(&posting.asset)
        .ok_or("the rupee is a standard asset")?;
    let accounts = posting.accounts().map(|account| (account, rich)).to_vec();
    Ok(Standings::new(vec![asset], accounts))
}

#[async_trait]
impl Scenario for StockCqrs {
    fn name(&self) -> String {
        format!("stock_cqrs_es_{}", self.callers)
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let stock = self.clone();
        repeat(self.callers, duration, move |_| {
            let stock = stock.clone();
            async move { stock.transfer().await }
        })
        .await
    }
}
