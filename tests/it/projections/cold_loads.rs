//! Executors that forget nearly everything at once and load it from the real read model.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use event_store::Database;
use event_store::executor::{ExecutorSettings, Executors, Outcome, SubmitError};
use ledger_core::annotation::Metadata;
use ledger_core::book::Book;
use ledger_core::event::RecordedEvent;
use ledger_core::hold::{CaptureRequest, HoldRequest, Remainder};
use ledger_core::posting::{HolderStanding, WalletStatus};
use ledger_core::transaction::TransactionEvent;
use ledger_core::{
    AccountId, Command, Event, HoldId, Holder, LedgerName, Position, TransactionId, WalletId,
};
use projections::verify;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::cold_wallets::{freeze, unfreeze};
use super::history::{account, decimal, system};
use crate::harness::{Projected, TestDatabase, begin_wallet, deposit, submission, transfer};

const TASKS: u64 = 10;
const STEPS: u64 = 60;

pub(super) fn forgetful() -> ExecutorSettings {
    ExecutorSettings {
        cached_entities: 2,
        cached_keys: 1,
        batch_commands: 8,
        ..ExecutorSettings::default()
    }
}

/// A refusal for want of money: who, how much was said to be available, at which position.
struct Refused {
    account: AccountId,
    available: Decimal,
    position: Position,
}

/// One caller: moves, reserves, captures and reverts at random.
struct Caller {
    executors: Executors,
    ledger: LedgerName,
    wallets: Arc<Vec<WalletId>>,
    random: u64,
    holds: Vec<HoldId>,
    posted: Vec<TransactionId>,
    refused: Vec<Refused>,
    accepted: usize,
}

impl Caller {
    fn pick(&mut self, below: usize) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.random >> 33).unwrap() % below
    }

    fn wallet(&mut self) -> WalletId {
        let index = self.pick(self.wallets.len());
        self.wallets[index]
    }

    fn amount(&mut self) -> Decimal {
        Decimal::new(i64::try_from(self.pick(40_00)).unwrap() + 1, 2)
    }

    fn next_command(&mut self) -> Command {
        let amount = self.amount();
        match self.pick(9) {
            0 | 1 => self.place(amount),
            8 => self.freeze_or_unfreeze(),
            2 if !self.holds.is_empty() => self.capture(amount),
            3 if !self.holds.is_empty() => {
                let hold = self.holds.swap_remove(0);
                Command::VoidHold { hold, reason: None }
            }
            4 if !self.posted.is_empty() => Command::RevertTransaction {
                transaction: self.posted.swap_remove(0),
                reverting_transaction: TransactionId::new(Uuid::now_v7()),
                effective_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
            _ => {
                let (from, to) = (self.wallet(), self.wallet());
                let command = transfer(from, to, &amount.to_string());
                if let Command::PostTransaction { transaction, .. } = &command {
                    self.posted.push(*transaction);
                }
                command
            }
        }
    }

    fn freeze_or_unfreeze(&mut self) -> Command {
        let wallet = self.wallet();
        match self.pick(2) {
            0 => freeze(wallet),
            _ => unfreeze(wallet),
        }
    }

    fn place(&mut self, amount: Decimal) -> Command {
        let hold = HoldId::new(Uuid::now_v7());
        self.holds.push(hold);
        Command::PlaceHold {
            hold,
            request: HoldRequest {
                source: Holder::Wallet(self.wallet()),
                asset: "INR".parse().unwrap(),
                amount,
                destination: None,
                expires_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
        }
    }

    fn capture(&mut self, amount: Decimal) -> Command {
        let index = self.pick(self.holds.len());
        let remainder = match self.pick(2) {
            0 => Remainder::Keep,
            _ => Remainder::Release,
        };
        Command::CaptureHold {
            hold: self.holds[index],
            transaction: TransactionId::new(Uuid::now_v7()),
            request: CaptureRequest {
                amount: Some(amount),
                destination: Some(Holder::Wallet(self.wallet())),
                remainder,
                effective_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
        }
    }

    async fn step(&mut self) {
        let command = self.next_command();
        let outcome = self
            .executors
            .submit(self.ledger, submission(command.clone()))
            .await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{error}: {command:?}"));
        self.note(&outcome);
    }

    fn note(&mut self, outcome: &Outcome) {
        let Some(refusal) = outcome.refusal() else {
            self.accepted += 1;
            return;
        };
        let expected = [
            "insufficient_funds",
            "same_place",
            "hold_not_found",
            "hold_not_active",
            "capture_exceeds_hold",
            "transaction_not_found",
            "transaction_reverted",
            "wallet_frozen",
            "wallet_already_frozen",
            "wallet_not_frozen",
        ];
        if refusal.code == "insufficient_funds" {
            self.refused.push(Refused {
                account: refusal.context["account"]
                    .as_str()
                    .unwrap()
                    .parse()
                    .unwrap(),
                available: refusal.context["available"]
                    .as_str()
                    .unwrap()
                    .parse()
                    .unwrap(),
                position: outcome.position,
            });
        } else {
            assert!(
                expected.contains(&refusal.code.as_str()) || refusal.code.contains("same"),
                "{refusal:?}"
            );
        }
    }
}

/// No money of a frozen wallet moves, as far as the book has come.
fn check_not_frozen(book: &Book, recorded: &RecordedEvent) {
    let Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }) = &recorded.event
    else {
        return;
    };
    for posting in postings {
        for id in [posting.debited(), posting.credited()] {
            let holder = book.standing(id).unwrap().holder;
            let frozen = matches!(
                holder,
                HolderStanding::Wallet {
                    status: WalletStatus::Frozen(_),
                    ..
                }
            );
            assert!(!frozen, "{id} is frozen at {}", recorded.position);
        }
    }
}

fn available(book: &Book, account: AccountId) -> Decimal {
    let standing = book.standing(account).unwrap();
    let posted = standing.posted;
    posted.credits.value() - posted.debits.value() - standing.pending_debits.value()
}

/// Folds the log event by event: nobody is ever overdrawn, and everybody who was refused was told
/// what was available at that position.
async fn check_log(node: &Projected, wallets: &[WalletId], mut refused: Vec<Refused>) {
    refused.sort_by_key(|refusal| refusal.position);
    let mut refused = refused.into_iter().peekable();
    let mut book = Book::complete();
    let log = node.log().await;
    for event in &log {
        check_not_frozen(&book, event);
        book.apply(event).unwrap();
        let in_one_append = log.iter().any(|next| {
            next.position == event.position.next()
                && next.metadata.command_id == event.metadata.command_id
        });
        while let Some(refusal) = refused.next_if(|one| one.position == book.position()) {
            assert_eq!(
                available(&book, refusal.account),
                refusal.available,
                "{}",
                event.position
            );
        }
        for wallet in wallets {
            let id = account(Holder::Wallet(*wallet), "INR");
            if !in_one_append && book.standing(id).is_some() {
                assert!(
                    available(&book, id) >= Decimal::ZERO,
                    "{id} at {}",
                    event.position
                );
            }
        }
    }
    assert!(refused.next().is_none());
}

async fn callers(
    nodes: [&Projected; 2],
    wallets: &Arc<Vec<WalletId>>,
    left: &Arc<AtomicUsize>,
) -> Vec<tokio::task::JoinHandle<Caller>> {
    (0..TASKS)
        .map(|task| {
            let node = nodes[usize::try_from(task).unwrap() % 2];
            let mut caller = Caller {
                executors: node.bench.executors.clone(),
                ledger: node.ledger,
                wallets: Arc::clone(wallets),
                random: task * 7_919 + 13,
                holds: Vec::new(),
                posted: Vec::new(),
                refused: Vec::new(),
                accepted: 0,
            };
            let left = Arc::clone(left);
            tokio::spawn(async move {
                for _ in 0..STEPS {
                    caller.step().await;
                }
                left.fetch_sub(1, Ordering::Relaxed);
                caller
            })
        })
        .collect()
}

/// The read model lags, catches up and lags again under two nodes that remember two entities each.
#[tokio::test(flavor = "multi_thread")]
async fn race_forgetful_nodes_on_a_lagging_read_model_decide_as_if_they_knew_everything() {
    let test = TestDatabase::create().await;
    let mut first = Projected::stopped(test.database.clone(), forgetful()).await;
    let other = Database::connect(&test.url, 16).await.unwrap();
    let second = Projected::stopped(other, forgetful()).await;
    first.start_projectors();
    let mut wallets = Vec::new();
    for _ in 0..20 {
        wallets.push(first.bench.funded_wallet("50.00").await);
    }
    let wallets = Arc::new(wallets);
    let left = Arc::new(AtomicUsize::new(usize::try_from(TASKS).unwrap()));
    let callers = callers([&first, &second], &wallets, &left).await;
    let mut rounds = 0;
    while left.load(Ordering::Relaxed) > 0 {
        first.stop_projectors().await;
        let lag_until = first.bench.head().await.plus(25);
        while first.bench.head().await < lag_until && left.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
        first.start_projectors();
        first.reach(lag_until.min(first.bench.head().await)).await;
        rounds += 1;
    }
    let (mut refused, mut accepted) = (Vec::new(), 0);
    for caller in callers {
        let caller = caller.await.unwrap();
        refused.extend(caller.refused);
        accepted += caller.accepted;
    }
    assert!(
        rounds > 2 && accepted > 200 && refused.len() > 10,
        "{rounds} {accepted} {}",
        refused.len()
    );
    first.settled().await;
    check_log(&first, &wallets, refused).await;
    verify::verify(&test.database, first.ledger, &mut |_| {})
        .await
        .unwrap();
    let book = first.bench.book().await;
    for wallet in wallets.iter() {
        let id = account(Holder::Wallet(*wallet), "INR");
        let row = first
            .queries
            .account(first.ledger, id)
            .await
            .unwrap()
            .value
            .unwrap();
        let standing = book.standing(id).unwrap();
        assert_eq!(row.totals.posted, standing.posted);
        assert_eq!(row.totals.pending_debits, standing.pending_debits);
    }
    let cash = first
        .queries
        .account(first.ledger, account(system("cash"), "INR"))
        .await
        .unwrap();
    assert_eq!(cash.value.unwrap().balance, decimal("1000.00"));
}

/// A node that starts on a read model that stands at the head knows every balance at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_anew_loads_what_was_there() {
    let test = TestDatabase::create().await;
    let first = Projected::start(test.database.clone()).await;
    let (from, to) = (
        first.bench.funded_wallet("10.00").await,
        first.bench.wallet().await,
    );
    first.settled().await;
    let second = Projected::stopped(test.database.clone(), forgetful()).await;
    let refusal = second
        .bench
        .submit(submission(transfer(from, to, "10.01")))
        .await
        .unwrap();
    assert_eq!(refusal.refusal().unwrap().context["available"], "10.00");
    let outcome = second
        .bench
        .submit(submission(transfer(from, to, "10.00")))
        .await
        .unwrap();
    assert_eq!(outcome.refusal(), None);
}

/// A read model that went back under a running node (PostgreSQL was restored, or lost what was not on
/// disk) lacks what the node has forgotten: it must neither decide on old balances nor give up.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_went_back_is_noticed() {
    let test = TestDatabase::create().await;
    let node = Projected::stopped(test.database.clone(), forgetful()).await;
    let mut wallets = Vec::new();
    for _ in 0..8 {
        wallets.push(node.bench.funded_wallet("10.00").await);
    }
    for _ in 0..2 {
        node.fold_all().await;
        for pair in wallets.windows(2) {
            let moved = node
                .bench
                .submit(submission(transfer(pair[0], pair[1], "1.00")));
            assert_eq!(moved.await.unwrap().refusal(), None);
        }
    }
    let mut admin = test.superuser().await;
    for statement in [
        "TRUNCATE read_models.accounts",
        "UPDATE read_models.checkpoint SET position = 0 WHERE read_model = 'accounts'",
    ] {
        sqlx::query(statement).execute(&mut admin).await.unwrap();
    }
    let book = node.bench.book().await;
    for wallet in &wallets {
        let id = account(Holder::Wallet(*wallet), "INR");
        let has = book.credit_balance(id).unwrap().to_string();
        let refused = node
            .bench
            .submit(submission(transfer(*wallet, wallets[0], "10000.00")));
        let refusal = refused.await.unwrap().refusal().cloned();
        if *wallet != wallets[0] {
            assert_eq!(refusal.unwrap().context["available"], has);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_stands_still_bounds_the_book_and_loses_nothing() {
    let settings = ExecutorSettings {
        cached_entities: 10,
        lagging_entities: 30,
        ..ExecutorSettings::default()
    };
    let database = TestDatabase::create().await.database;
    let mut node = Projected::stopped(database, settings).await;
    // Money is what the read model must have before a wallet may be forgotten.
    let open = || {
        let wallet = WalletId::new(Uuid::now_v7());
        let mut opened = submission(begin_wallet(wallet));
        opened.commands.push(deposit(wallet, "1.00"));
        opened
    };
    let mut opened = 0;
    let refused = loop {
        match node.bench.submit(open()).await {
            Ok(_) => opened += 1,
            Err(refused) => break refused,
        }
        assert!(opened < 100, "the book grows without bound");
    };
    assert_eq!(refused, SubmitError::Overloaded);
    assert!(opened > 25, "refused after {opened}");
    node.start_projectors();
    node.settled().await;
    let accepted = async {
        while let Err(refused) = node.bench.submit(open()).await {
            assert_eq!(refused, SubmitError::Overloaded);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), accepted)
        .await
        .unwrap();
    let head = node.bench.head().await;
    assert_eq!(node.bench.book().await.position(), head);
}
