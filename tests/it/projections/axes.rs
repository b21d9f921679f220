//! Statements and balances where times are mixed: what counts when it was recorded beside what is
//! dated back, ahead, or to the very moment of something else.

use chrono::TimeDelta;
use event_store::executor::ExecutorSettings;
use ledger_core::annotation::Metadata;
use ledger_core::transaction::{TransactionEvent, TransactionRequest};
use ledger_core::{
    AccountId, Command, Event, Holder, Position, Stream, Timestamp, TransactionId, WalletId,
};
use projections::queries::accounts::RecordedUntil;
use projections::queries::statements::{Axis, StatementRequest};
use projections::queries::transactions::TransactionFilter;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::history::{Line, Move, account, first_page, posting, system, time, wallet};
use super::statements::{ask, check, expect, is_known};
use crate::harness::{Projected, TestDatabase, submission, transfer};

/// Printed with every failure.
pub const SEED: u64 = 20_261_121;

pub struct Dice(u64);

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

pub fn post(lines: &[Line], effective_at: Option<Timestamp>) -> Command {
    Command::PostTransaction {
        transaction: TransactionId::new(Uuid::now_v7()),
        request: TransactionRequest {
            postings: lines.iter().copied().map(posting).collect(),
            effective_at,
            reference: None,
            metadata: Metadata::default(),
        },
    }
}

/// The postings that the log tells of.
pub async fn moves(node: &Projected) -> Vec<Move> {
    let mut moves = Vec::new();
    for recorded in node.log().await {
        let (
            Event::Transaction(TransactionEvent::TransactionPosted {
                postings,
                effective_at,
                ..
            }),
            Stream::Transaction(transaction),
        ) = (recorded.event, recorded.stream)
        else {
            continue;
        };
        for (posting, moved) in (0..).zip(postings) {
            moves.push(Move {
                position: recorded.position,
                transaction,
                posting,
                source: moved.source,
                destination: moved.destination,
                asset: "INR",
                amount: moved.amount.value(),
                effective_at,
                recorded_at: recorded.recorded_at,
            });
        }
    }
    moves
}

/// A node and what was moved in it, at random.
pub struct Mixed {
    pub node: Projected,
    pub moves: Vec<Move>,
    pub accounts: Vec<AccountId>,
    pub dice: Dice,
}

impl Mixed {
    async fn begin() -> Self {
        Self::of(40, 5).await
    }

    /// So many submissions of up to so many commands.
    pub async fn of(submissions: usize, commands: usize) -> Self {
        let node = Projected::start(TestDatabase::create().await.database).await;
        let mut holders = vec![system("cash"), system("fees")];
        for _ in 0..2 {
            holders.push(wallet(node.bench.funded_wallet("100000.00").await));
        }
        let mut dice = Dice(SEED);
        let mut times = vec![
            time("2020-01-01T00:00:00Z"),
            time("2020-01-01T00:00:00.000001Z"),
            time("2150-01-01T00:00:00Z"),
        ];
        for _ in 0..submissions {
            let mut batch = submission(post(&[], None));
            batch.commands = (0..=dice.below(commands))
                .map(|_| random_post(&mut dice, &holders, &times))
                .collect();
            let outcome = node.bench.submit(batch).await.unwrap();
            assert_eq!(outcome.refusal(), None, "seed {SEED}");
            // Later ones count at the very time of these.
            times.push(outcome.recorded_at);
        }
        node.settled().await;
        let accounts = holders.into_iter().map(|holder| account(holder, "INR"));
        Self {
            moves: moves(&node).await,
            accounts: accounts.collect(),
            node,
            dice,
        }
    }

    /// Some cut of the log, or none; also before its beginning and beyond its end.
    pub fn cut(&mut self, times: &[Timestamp], head: Position) -> RecordedUntil {
        let positions = usize::try_from(head.value()).unwrap() + 3;
        match self.dice.below(3) {
            0 => RecordedUntil::Now,
            1 => RecordedUntil::Time(self.dice.pick(times)),
            _ => {
                let position = i64::try_from(self.dice.below(positions)).unwrap();
                RecordedUntil::Position(Position::START.plus(position))
            }
        }
    }

    /// Every time that occurs, and those right before and after.
    pub fn times(&self) -> Vec<Timestamp> {
        let times = self
            .moves
            .iter()
            .flat_map(|one| [one.effective_at, one.recorded_at]);
        let mut times: Vec<Timestamp> = times
            .flat_map(|at| {
                [-1, 0, 1].map(|micros| at.checked_add(TimeDelta::microseconds(micros)).unwrap())
            })
            .collect();
        times.sort_unstable();
        times.dedup();
        times
    }
}

fn random_post(dice: &mut Dice, holders: &[Holder], times: &[Timestamp]) -> Command {
    const AMOUNTS: [&str; 4] = ["0.01", "1.00", "2.50", "33.33"];
    let mut lines: Vec<Line> = Vec::new();
    for _ in 0..=dice.below(3) {
        let source = dice.below(holders.len());
        let destination = (source + 1 + dice.below(holders.len() - 1)) % holders.len();
        lines.push((
            holders[source],
            holders[destination],
            "INR",
            dice.pick(&AMOUNTS),
        ));
    }
    if dice.below(4) == 0 {
        // The same two, the other way round: an account on both sides of one transaction.
        let (source, destination, asset, _) = lines[0];
        lines.push((destination, source, asset, dice.pick(&AMOUNTS)));
    }
    let effective_at = match dice.below(3) {
        0 => Some(dice.pick(times)),
        _ => None,
    };
    post(&lines, effective_at)
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_equal_a_naive_sum_wherever_they_are_cut() {
    let mut mixed = Mixed::begin().await;
    let (times, head) = (mixed.times(), mixed.node.bench.head().await);
    let dated = mixed.moves.iter();
    let dated = dated.filter(|one| one.effective_at != one.recorded_at);
    assert!(dated.count() > 10, "seed {SEED}");
    for round in 0..120 {
        let bound = |dice: &mut Dice| match dice.below(4) {
            0 => None,
            _ => Some(dice.pick(&times)),
        };
        let request = StatementRequest {
            account: mixed.dice.pick(&mixed.accounts),
            axis: mixed.dice.pick(&[Axis::Effective, Axis::Recorded]),
            // Some of them end before they begin.
            from: bound(&mut mixed.dice),
            until: bound(&mut mixed.dice),
            recorded: mixed.cut(&times, head),
        };
        let expected = expect(&mixed.moves, request);
        let limit = mixed.dice.pick(&[1, 2, 7, 1_000]);
        let (statement, entries) = ask(&mixed.node, request, limit).await;
        println!("seed {SEED}, round {round}: {request:?} in pages of {limit}");
        check(&statement, &entries, &expected);
        for entry in entries {
            let moved = mixed
                .moves
                .iter()
                .find(|one| (one.position, one.posting) == (entry.position, entry.posting));
            let moved = moved.unwrap();
            let other = if request.account.holder == moved.source {
                moved.destination
            } else {
                moved.source
            };
            assert_eq!(entry.counterparty, other);
            assert_eq!(entry.transaction, moved.transaction);
            assert_eq!(
                (entry.effective_at, entry.recorded_at),
                (moved.effective_at, moved.recorded_at)
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_equal_a_naive_sum_at_every_point_of_both_axes() {
    let mut mixed = Mixed::begin().await;
    let (times, head) = (mixed.times(), mixed.node.bench.head().await);
    for _ in 0..400 {
        let id = mixed.dice.pick(&mixed.accounts);
        let effective_until = match mixed.dice.below(4) {
            0 => None,
            _ => Some(mixed.dice.pick(&times)),
        };
        let cut = mixed.cut(&times, head);
        let (mut debits, mut credits) = (Decimal::ZERO, Decimal::ZERO);
        for moved in &mixed.moves {
            if !is_known(moved, cut)
                || effective_until.is_some_and(|until| moved.effective_at > until)
            {
                continue;
            }
            if account(moved.source, "INR") == id {
                debits += moved.amount;
            }
            if account(moved.destination, "INR") == id {
                credits += moved.amount;
            }
        }
        let queries = &mixed.node.queries;
        let at = queries
            .balance_at(mixed.node.ledger, id, effective_until, cut)
            .await
            .unwrap();
        let at = at.value.unwrap();
        assert_eq!(
            (at.debits, at.credits),
            (debits, credits),
            "seed {SEED}: {id} effective until {effective_until:?}, recorded until {cut:?}"
        );
    }
}

/// The transactions of one holder, each once however often it moves an account of the holder.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_a_holder_come_once_each_and_newest_first() {
    let mixed = Mixed::begin().await;
    for id in &mixed.accounts {
        let concerned = mixed.moves.iter();
        let concerned =
            concerned.filter(|one| one.source == id.holder || one.destination == id.holder);
        let mut expected: Vec<Position> = concerned.map(|one| one.position).collect();
        expected.dedup();
        expected.reverse();
        for limit in [1, 3, 1_000] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let filter = TransactionFilter {
                    holder: Some(id.holder),
                    ..TransactionFilter::default()
                };
                let page = projections::queries::PageRequest { after, limit };
                let queries = &mixed.node.queries;
                let page = queries.transactions(mixed.node.ledger, &filter, page).await;
                let page = page.unwrap().value;
                seen.extend(page.items.iter().map(|row| row.position));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, expected, "seed {SEED}: {id} in pages of {limit}");
        }
    }
}

/// A transfer that names no effective time counts when it is recorded, to the microsecond, however it
/// was batched: its entries need no time of their own.
#[tokio::test(flavor = "multi_thread")]
async fn ordinary_transfers_are_not_dated() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let wallets = [
        node.bench.funded_wallet("1000.00").await,
        node.bench.funded_wallet("1000.00").await,
    ];
    let transfers = (0..200).map(|number| {
        let (from, to) = (wallets[number % 2], wallets[(number + 1) % 2]);
        node.bench.submit(submission(transfer(from, to, "1.00")))
    });
    for outcome in futures_util::future::join_all(transfers).await {
        assert_eq!(outcome.unwrap().refusal(), None);
    }
    node.settled().await;
    let (entries, dated): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM read_models.entries), \
                               (SELECT count(*) FROM read_models.dated_entries)",
    )
    .fetch_one(node.database.pool())
    .await
    .unwrap();
    assert_eq!((entries, dated), (404, 0));
}

/// What is in the log and not yet in the read model is not part of an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_revert_that_is_not_folded_yet_is_not_shown() {
    let test = TestDatabase::create().await;
    let node = Projected::stopped(test.database.clone(), ExecutorSettings::default()).await;
    let first: WalletId = node.bench.funded_wallet("10.00").await;
    let second = node.bench.funded_wallet("10.00").await;
    let posted = transfer(first, second, "1.00");
    let Command::PostTransaction { transaction, .. } = &posted else {
        panic!("not a transfer");
    };
    let transaction = *transaction;
    node.bench.submit(submission(posted)).await.unwrap();
    let shown = async || {
        let (queries, ledger) = (&node.queries, node.ledger);
        let single = queries
            .transaction(ledger, transaction)
            .await
            .unwrap()
            .value;
        let filter = TransactionFilter::default();
        let page = queries.transactions(ledger, &filter, first_page());
        let listed = page.await.unwrap().value.items.into_iter();
        let listed = listed
            .into_iter()
            .find(|row| row.transaction == transaction);
        assert_eq!(single, listed);
        single.map(|row| row.reverted_by)
    };
    assert_eq!(shown().await, None);
    node.fold_all().await;
    assert_eq!(shown().await, Some(None));
    let reverting = TransactionId::new(Uuid::now_v7());
    let revert = Command::RevertTransaction {
        transaction,
        reverting_transaction: reverting,
        effective_at: None,
        reference: None,
        metadata: Metadata::default(),
    };
    let outcome = node.bench.submit(submission(revert)).await.unwrap();
    assert_eq!(outcome.refusal(), None);
    assert_eq!(shown().await, Some(None));
    node.fold_all().await;
    assert_eq!(shown().await, Some(Some(reverting)));
}

/// An owner's statistics are added up over accounts; a transaction that moves several of them, in one
/// wallet or in two, is one transaction all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_between_the_wallets_of_an_owner_counts_once() {
    let mixed = Mixed::begin().await;
    // Both wallets are asha's.
    let concerns = |holder: Holder| matches!(holder, Holder::Wallet(_));
    let moves = mixed.moves.iter();
    let mut positions: Vec<Position> = moves
        .filter(|one| concerns(one.source) || concerns(one.destination))
        .map(|one| one.position)
        .collect();
    positions.dedup();
    let (queries, owner) = (&mixed.node.queries, "asha".parse().unwrap());
    let asha = queries.owner_statistics(mixed.node.ledger, &owner).await;
    let asha = asha.unwrap().value.unwrap();
    assert_eq!(
        asha.transactions,
        i64::try_from(positions.len()).unwrap(),
        "seed {SEED}"
    );
    let sum = |side: fn(&Move) -> Holder| -> Decimal {
        let moves = mixed.moves.iter().filter(|one| concerns(side(one)));
        moves.map(|one| one.amount).sum()
    };
    let [flow] = &asha.flows[..] else {
        panic!("one asset: {:?}", asha.flows);
    };
    assert_eq!(flow.amount_in, sum(|one| one.destination));
    assert_eq!(flow.amount_out, sum(|one| one.source));
    let last = mixed
        .moves
        .iter()
        .rfind(|one| concerns(one.source) || concerns(one.destination));
    assert_eq!(asha.last_activity_at, last.unwrap().recorded_at);
}
