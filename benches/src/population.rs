//! Wallets with money, and transfers between them.

use std::sync::Arc;

use async_trait::async_trait;
use event_store::executor::{
    AccountSnapshot, AccountSource, Atomicity, ExecutorSettings, Executors, IdempotencyKey,
    Outcome, Submission, UsageSnapshot,
};
use event_store::{Database, LogSignal};
use ledger_core::annotation::Metadata;
use ledger_core::event::EventMetadata;
use ledger_core::ledger::standard_system_accounts;
use ledger_core::posting::RequestedPosting;
use ledger_core::transaction::TransactionRequest;
use ledger_core::{
    AggregateType, AssetCode, Command, Holder, LedgerName, OwnerId, OwnerKey, TransactionId,
    WalletId,
};
use projections::AccountsReadModel;
use rust_decimal::Decimal;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::BenchError;

/// What every wallet begins with, in rupees: enough that no transfer is refused.
const FUNDS: i64 = 1_000_000_000;

/// Commands of one submission while wallets are made.
const AT_ONCE: usize = 1_000;

/// Which wallets a transfer is between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Two at random.
    Random,
    /// The first wallet and one at random, in either direction.
    Hot,
}

impl Choice {
    /// As it stands in the names of scenarios.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Hot => "hot",
        }
    }
}

/// An executor over a database, and funded wallets.
#[derive(Clone)]
pub struct Population {
    executors: Executors,
    pub ledger: LedgerName,
    pub wallets: Arc<Vec<WalletId>>,
    asset: AssetCode,
    shutdown: CancellationToken,
}

/// Without projectors there is nothing to load accounts from: everything is folded from the log.
#[derive(Debug)]
struct NoReadModel;

#[async_trait]
impl AccountSource for NoReadModel {
    async fn load(
        &self,
        _ledger: LedgerName,
        _holders: &[Holder],
    ) -> Result<AccountSnapshot, sqlx::Error> {
        Ok(AccountSnapshot::default())
    }

    async fn load_usage(
        &self,
        _ledger: LedgerName,
        _owners: &[OwnerKey],
    ) -> Result<UsageSnapshot, sqlx::Error> {
        Ok(UsageSnapshot::default())
    }
}

impl Population {
    /// Opens a ledger with funded wallets; nothing but the executor works on it.
    pub async fn alone(database: &Database, wallets: usize) -> Result<Self, BenchError> {
        let wallets = (0..wallets).map(|_| WalletId::new(Uuid::now_v7()));
        let population = Self::new(
            database,
            Arc::new(NoReadModel),
            ExecutorSettings::default(),
            wallets.collect(),
        )?;
        population.fund().await?;
        Ok(population)
    }

    /// The same wallets, through another node.
    pub fn through_another_node(&self, database: &Database) -> Result<Self, BenchError> {
        Self::new(
            database,
            Arc::new(NoReadModel),
            ExecutorSettings::default(),
            self.wallets.to_vec(),
        )
    }

    /// Moves money through every wallet once, so that this node has them all in memory: what it does
    /// in its first seconds is another question.
    pub async fn touch(&self) -> Result<(), BenchError> {
        for wallets in self.wallets.chunks(2 * AT_ONCE) {
            let transfers = wallets
                .chunks_exact(2)
                .map(|two| self.between(two[0], two[1]));
            self.submit(submission(transfers.collect())).await?;
        }
        Ok(())
    }

    /// Over a ledger that was made in another way, whose accounts read model is kept up to date.
    pub fn over(
        database: &Database,
        settings: ExecutorSettings,
        wallets: Vec<WalletId>,
    ) -> Result<Self, BenchError> {
        let accounts = AccountsReadModel::new(database.pool().clone());
        Self::new(database, Arc::new(accounts), settings, wallets)
    }

    fn new(
        database: &Database,
        accounts: Arc<dyn AccountSource>,
        settings: ExecutorSettings,
        wallets: Vec<WalletId>,
    ) -> Result<Self, BenchError> {
        let shutdown = CancellationToken::new();
        let signal = LogSignal::start(database, shutdown.clone());
        Ok(Self {
            executors: Executors::new(database.clone(), signal, accounts, settings),
            ledger: "main".parse()?,
            wallets: Arc::new(wallets),
            asset: "INR".parse()?,
            shutdown,
        })
    }

    /// Ends its executor, so that nothing of it runs while other scenarios are measured.
    pub async fn stop(&self) {
        self.executors.stop().await;
        self.shutdown.cancel();
    }

    async fn fund(&self) -> Result<(), BenchError> {
        let open = Command::OpenLedger {
            name: self.ledger,
            system_accounts: standard_system_accounts(),
        };
        self.submit(submission(vec![open])).await?;
        for wallets in self.wallets.chunks(AT_ONCE) {
            self.begin(wallets).await?;
        }
        Ok(())
    }

    async fn begin(&self, wallets: &[WalletId]) -> Result<(), BenchError> {
        let owner: OwnerId = "bench".parse()?;
        let begin = wallets
            .iter()
            .map(|wallet| begin_wallet(*wallet, owner.clone()))
            .collect();
        self.submit(submission(begin)).await?;
        let cash = Holder::System("cash".parse()?);
        let deposits = wallets
            .iter()
            .map(|wallet| self.money(cash, Holder::Wallet(*wallet), Decimal::new(FUNDS, 2)))
            .collect();
        self.submit(submission(deposits)).await?;
        Ok(())
    }

    /// Submits what must not be refused.
    pub async fn submit(&self, submission: Submission) -> Result<Outcome, BenchError> {
        let outcome = self.executors.submit(self.ledger, submission).await?;
        match outcome.refusal() {
            Some(refusal) => Err(format!("refused: {refusal:?}").into()),
            None => Ok(outcome),
        }
    }

    /// The same with the first of its wallets only.
    pub fn only(&self, wallets: usize) -> Self {
        Self {
            wallets: Arc::new(self.wallets.iter().take(wallets).copied().collect()),
            ..self.clone()
        }
    }

    /// A transfer of one rupee between wallets chosen at random.
    pub fn transfer(&self, choice: Choice) -> Command {
        let (source, destination) = self.pair(choice);
        self.between(source, destination)
    }

    /// A transfer of one rupee.
    pub fn between(&self, source: WalletId, destination: WalletId) -> Command {
        self.money(
            Holder::Wallet(source),
            Holder::Wallet(destination),
            Decimal::ONE,
        )
    }

    fn money(&self, source: Holder, destination: Holder, amount: Decimal) -> Command {
        let posting = RequestedPosting {
            source,
            destination,
            asset: self.asset,
            amount,
        };
        Command::PostTransaction {
            transaction: TransactionId::new(Uuid::now_v7()),
            request: TransactionRequest {
                postings: vec![posting],
                effective_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
        }
    }

    /// Two different wallets.
    pub fn pair(&self, choice: Choice) -> (WalletId, WalletId) {
        let last = self.wallets.len();
        match choice {
            Choice::Random => {
                let source = fastrand::usize(..last);
                let destination = (source + fastrand::usize(1..last)) % last;
                (self.wallets[source], self.wallets[destination])
            }
            Choice::Hot => {
                let (hot, other) = (self.wallets[0], self.wallets[fastrand::usize(1..last)]);
                if fastrand::bool() {
                    (hot, other)
                } else {
                    (other, hot)
                }
            }
        }
    }
}

/// Commands that stand or fall together, without a key.
pub fn submission(commands: Vec<Command>) -> Submission {
    Submission {
        commands,
        atomicity: Atomicity::AllOrNothing,
        idempotency: None,
        metadata: EventMetadata {
            command_id: Uuid::now_v7(),
            actor: Some("bench".to_owned()),
            correlation_id: None,
            causation_id: None,
            idempotency: None,
        },
    }
}

/// The same under a new key.
pub fn keyed(commands: Vec<Command>) -> Submission {
    let key = Uuid::new_v4().to_string();
    Submission {
        idempotency: Some(IdempotencyKey::new(
            "key/anonymous".to_owned(),
            key,
            some_hash(),
        )),
        ..submission(commands)
    }
}

/// A transaction whose id is its key.
pub fn keyed_by_id(command: Command) -> Submission {
    let key = match &command {
        Command::PostTransaction { transaction, .. } => Some(IdempotencyKey::of_begun(
            AggregateType::Transaction,
            transaction.as_uuid(),
            "id/anonymous".to_owned(),
            some_hash(),
        )),
        _ => None,
    };
    Submission {
        idempotency: key,
        ..submission(vec![command])
    }
}

fn some_hash() -> [u8; 32] {
    let mut hash = [0; 32];
    fastrand::fill(&mut hash);
    hash
}

fn begin_wallet(wallet: WalletId, owner: OwnerId) -> Command {
    Command::OpenWallet {
        wallet,
        owner,
        overdraft: Vec::new(),
        reference: None,
        metadata: Metadata::default(),
    }
}
