//! Ledgers, wallets and money to begin with.

use std::sync::Arc;

use async_trait::async_trait;
use event_store::executor::{
    AccountSnapshot, AccountSource, Atomicity, ExecutorSettings, Executors, Outcome, Submission,
    SubmitError, UsageSnapshot,
};
use event_store::{Database, LogReader, LogSignal};
use ledger_core::annotation::Metadata;
use ledger_core::book::Book;
use ledger_core::event::EventMetadata;
use ledger_core::ledger::standard_system_accounts;
use ledger_core::money::parse_decimal;
use ledger_core::posting::RequestedPosting;
use ledger_core::transaction::TransactionRequest;
use ledger_core::{
    AccountId, Command, Holder, LedgerName, OwnerKey, Position, TransactionId, WalletId,
};
use rust_decimal::Decimal;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A read model that has not begun: everything is folded from the log.
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

/// Executors over a database, and one open ledger.
pub struct Bench {
    pub database: Database,
    pub executors: Executors,
    pub ledger: LedgerName,
}

impl Bench {
    /// A node over this database; opens the ledger `main` if nobody has.
    pub async fn over(database: Database) -> Self {
        Self::with_settings(database, ExecutorSettings::default()).await
    }

    pub async fn with_settings(database: Database, settings: ExecutorSettings) -> Self {
        let signal = LogSignal::start(&database, CancellationToken::new());
        Self::assemble(database, signal, Arc::new(NoReadModel), settings).await
    }

    /// A node with its own source of cold accounts.
    pub async fn assemble(
        database: Database,
        signal: LogSignal,
        accounts: Arc<dyn AccountSource>,
        settings: ExecutorSettings,
    ) -> Self {
        let executors = Executors::new(database.clone(), signal, accounts, settings);
        let ledger: LedgerName = "main".parse().unwrap();
        let open = Command::OpenLedger {
            name: ledger,
            system_accounts: standard_system_accounts(),
        };
        executors.submit(ledger, submission(open)).await.unwrap();
        Self {
            database,
            executors,
            ledger,
        }
    }

    pub async fn submit(&self, submission: Submission) -> Result<Outcome, SubmitError> {
        self.executors.submit(self.ledger, submission).await
    }

    pub async fn wallet(&self) -> WalletId {
        let wallet = WalletId::new(Uuid::now_v7());
        let outcome = self.submit(submission(begin_wallet(wallet))).await.unwrap();
        assert_eq!(outcome.refusal(), None);
        wallet
    }

    pub async fn funded_wallet(&self, amount: &str) -> WalletId {
        let wallet = self.wallet().await;
        let outcome = self
            .submit(submission(deposit(wallet, amount)))
            .await
            .unwrap();
        assert_eq!(outcome.refusal(), None);
        wallet
    }

    /// The book recomputed from the log: every check of the fold passes.
    pub async fn book(&self) -> Book {
        let reader = LogReader::new(self.database.pool().clone());
        let mut book = Book::complete();
        loop {
            let events = reader
                .read(self.ledger, book.position(), 1_000)
                .await
                .unwrap();
            if events.is_empty() {
                break;
            }
            for event in events {
                book.apply(&event.decode().unwrap()).unwrap();
            }
        }
        let head = reader.head(self.ledger).await.unwrap().unwrap();
        assert_eq!(book.position(), head.position);
        assert_eq!(book.trial_balance().unwrap().first_difference(), None);
        book
    }

    pub async fn head(&self) -> Position {
        let reader = LogReader::new(self.database.pool().clone());
        reader.head(self.ledger).await.unwrap().unwrap().position
    }

    /// What a wallet holds in rupees.
    pub async fn rupees(&self, wallet: WalletId) -> Decimal {
        let account: AccountId = Holder::Wallet(wallet).account("INR".parse().unwrap());
        self.book().await.credit_balance(account).unwrap().value()
    }
}

pub fn new_metadata() -> EventMetadata {
    EventMetadata {
        command_id: Uuid::now_v7(),
        actor: Some("tests".to_owned()),
        correlation_id: None,
        causation_id: None,
        idempotency: None,
    }
}

pub fn submission(command: Command) -> Submission {
    Submission {
        commands: vec![command],
        atomicity: Atomicity::AllOrNothing,
        idempotency: None,
        metadata: new_metadata(),
    }
}

pub fn begin_wallet(wallet: WalletId) -> Command {
    Command::OpenWallet {
        wallet,
        owner: "asha".parse().unwrap(),
        overdraft: Vec::new(),
        reference: None,
        metadata: Metadata::default(),
    }
}

pub fn money(source: Holder, destination: Holder, amount: &str) -> Command {
    let posting = RequestedPosting {
        source,
        destination,
        asset: "INR".parse().unwrap(),
        amount: parse_decimal(amount).unwrap(),
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

pub fn deposit(wallet: WalletId, amount: &str) -> Command {
    money(
        Holder::System("cash".parse().unwrap()),
        Holder::Wallet(wallet),
        amount,
    )
}

pub fn transfer(from: WalletId, to: WalletId, amount: &str) -> Command {
    money(Holder::Wallet(from), Holder::Wallet(to), amount)
}
