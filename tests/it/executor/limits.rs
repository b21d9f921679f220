//! Limits of owners, over nodes and restarts.

use event_store::LogReader;
use event_store::executor::{Atomicity, ExecutorSettings, Outcome, Submission};
use ledger_core::ledger::LedgerEvent;
use ledger_core::payout::PayoutAction;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{BeneficiaryId, Command, Event, Holder, PayoutId, Position, WalletId};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::harness::outside::{add_beneficiary, new_payout, payout, verify_beneficiary};
use crate::harness::{
    Bench, TestDatabase, begin_wallet_of, deposit, limit_everybody, submission, tier, transfer,
};

async fn wallet_of(bench: &Bench, owner: &str, amount: &str) -> WalletId {
    let wallet = WalletId::new(Uuid::now_v7());
    bench.carry_out([begin_wallet_of(wallet, owner)]).await;
    bench.carry_out([deposit(wallet, amount)]).await;
    wallet
}

fn accepted(outcomes: &[Outcome]) -> usize {
    outcomes
        .iter()
        .filter(|outcome| outcome.refusal().is_none())
        .count()
}

/// Transfers of one owner's wallets, on two nodes at the same time, stay within the owner's limit. Fails
/// when a limit is judged on what one node, or one wallet, has seen.
#[tokio::test(flavor = "multi_thread")]
async fn race_transfers_of_one_owner_never_exceed_the_limit_together() {
    let first = Bench::over(TestDatabase::create().await.database).await;
    let second = Bench::over(first.database.clone()).await;
    let one = wallet_of(&first, "asha", "100.00").await;
    let other = wallet_of(&first, "asha", "100.00").await;
    let receiver = wallet_of(&first, "ravi", "1.00").await;
    first
        .carry_out(limit_everybody(tier("40.00", None, None)))
        .await;
    let attempts = (0..120).map(|number| {
        let node = if number % 2 == 0 { &first } else { &second };
        let from = if number % 3 == 0 { one } else { other };
        node.submit(submission(transfer(from, receiver, "1.00")))
    });
    let outcomes: Vec<Outcome> = futures_util::future::join_all(attempts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(accepted(&outcomes), 40);
    for refusal in outcomes.iter().filter_map(Outcome::refusal) {
        assert_eq!(refusal.code, "period_limit_exceeded");
        assert_eq!(refusal.context["used"], "40.00");
    }
    assert_eq!(first.rupees(receiver).await, Decimal::new(41_00, 2));
}

/// Two nodes fill a wallet that may hold only so much.
#[tokio::test(flavor = "multi_thread")]
async fn race_deposits_never_exceed_what_may_be_held_together() {
    let first = Bench::over(TestDatabase::create().await.database).await;
    let second = Bench::over(first.database.clone()).await;
    let one = wallet_of(&first, "asha", "1.00").await;
    let other = wallet_of(&first, "asha", "1.00").await;
    first
        .carry_out(limit_everybody(tier("1.00", None, Some("30.00"))))
        .await;
    let attempts = (0..80).map(|number| {
        let node = if number % 2 == 0 { &first } else { &second };
        let to = if number % 3 == 0 { one } else { other };
        node.submit(submission(deposit(to, "1.00")))
    });
    let outcomes = futures_util::future::join_all(attempts).await;
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted(&outcomes), 28);
    let held = first.rupees(one).await + first.rupees(other).await;
    assert_eq!(held, Decimal::new(30_00, 2));
}

/// Payouts of small amounts, asked for on two nodes at the same time, do not together come to more than a
/// day allows; what is called off can be asked for again. Fails when a payout counts when it succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn race_payouts_never_exceed_the_limit_of_the_day_together() {
    let first = Bench::over(TestDatabase::create().await.database).await;
    let second = Bench::over(first.database.clone()).await;
    let mut wallets = Vec::new();
    for _ in 0..2 {
        let wallet = wallet_of(&first, "asha", "100.00").await;
        let beneficiary = BeneficiaryId::new(Uuid::now_v7());
        first
            .carry_out([
                add_beneficiary(beneficiary, wallet),
                verify_beneficiary(beneficiary),
            ])
            .await;
        wallets.push((wallet, beneficiary));
    }
    first
        .carry_out(limit_everybody(tier("20.00", None, None)))
        .await;
    let ask = |number: usize| {
        let node = [&first, &second][number % 2];
        let (wallet, beneficiary) = wallets[number / 2 % 2];
        let id = PayoutId::new(Uuid::now_v7());
        let command = new_payout(id, wallet, beneficiary, "1.00");
        async move { (id, node.submit(submission(command)).await.unwrap()) }
    };
    let asked = futures_util::future::join_all((0..60).map(ask)).await;
    let (ids, outcomes): (Vec<PayoutId>, Vec<Outcome>) = asked.into_iter().unzip();
    assert_eq!(accepted(&outcomes), 20);
    for refusal in outcomes.iter().filter_map(Outcome::refusal) {
        assert_eq!(refusal.code, "period_limit_exceeded");
        assert_eq!(refusal.context["left"], "0.00");
    }
    let mut known = ids.iter().zip(&outcomes);
    let (reserved, _) = known.find(|(_, one)| one.refusal().is_none()).unwrap();
    let cancel = payout(*reserved, PayoutAction::Cancel { reason: None });
    second.carry_out([cancel]).await;
    let again = futures_util::future::join_all((0..4).map(ask)).await;
    let again: Vec<Outcome> = again.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(accepted(&again), 1);
}

/// While limits are set anew, also below what is used, every transfer is within the limit that is in force
/// where it stands in the log. Fails when a node judges by a limit that another has replaced.
#[tokio::test(flavor = "multi_thread")]
async fn race_transfers_keep_the_limit_that_is_in_force_where_they_stand() {
    let first = Bench::over(TestDatabase::create().await.database).await;
    let second = Bench::over(first.database.clone()).await;
    let from = wallet_of(&first, "asha", "100.00").await;
    let to = wallet_of(&first, "ravi", "1.00").await;
    first
        .carry_out(limit_everybody(tier("20.00", None, None)))
        .await;
    let attempts = (0..160).map(|number| {
        let node = [&first, &second][number % 2];
        let command = match number {
            40 => limit_everybody(tier("5.00", None, None))[0].clone(),
            80 => limit_everybody(tier("40.00", None, None))[0].clone(),
            120 => limit_everybody(tier("30.00", None, None))[0].clone(),
            _ => transfer(from, to, "1.00"),
        };
        node.submit(submission(command))
    });
    for outcome in futures_util::future::join_all(attempts).await {
        let outcome = outcome.unwrap();
        let code = outcome.refusal().map(|refusal| refusal.code.as_str());
        assert!(matches!(code, None | Some("period_limit_exceeded")));
    }
    let reader = LogReader::new(first.database.pool().clone());
    let log = reader
        .read(first.ledger, Position::START, 10_000)
        .await
        .unwrap();
    let (mut limit, mut used, mut limits) = (None, Decimal::ZERO, 0);
    for event in log {
        match event.decode().unwrap().event {
            Event::Ledger(LedgerEvent::TierSet { rules, .. }) => {
                let rules = rules.limits("INR".parse().unwrap()).unwrap();
                limit = rules.outgoing.per_day;
                limits += 1;
            }
            Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }) => {
                let moved = postings.iter();
                let moved = moved.filter(|posting| posting.source == Holder::Wallet(from));
                let moved: Decimal = moved.map(|posting| posting.amount.value()).sum();
                used += moved;
                let within = limit.is_none_or(|limit| used <= limit.value());
                assert!(moved.is_zero() || within, "{used} of {limit:?}");
            }
            _ => {}
        }
    }
    assert_eq!(limits, 4);
    let last = first
        .submit(submission(transfer(from, to, "40.01")))
        .await
        .unwrap();
    let last = last.refusal().unwrap();
    assert_eq!(last.code, "period_limit_exceeded");
    assert_eq!(last.context["used"], used.to_string());
}

/// What one node counted is used up on a node that starts afterwards and has seen nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_before_a_restart_is_used_after_it() {
    let database = TestDatabase::create().await.database;
    let before = Bench::over(database.clone()).await;
    let from = wallet_of(&before, "asha", "100.00").await;
    let to = wallet_of(&before, "ravi", "1.00").await;
    before
        .carry_out(limit_everybody(tier("10.00", None, None)))
        .await;
    before.carry_out([transfer(from, to, "7.00")]).await;
    before.executors.stop().await;
    let settings = ExecutorSettings {
        cached_entities: 1,
        ..ExecutorSettings::default()
    };
    let after = Bench::with_settings(database, settings).await;
    let refused = after
        .submit(submission(transfer(from, to, "3.01")))
        .await
        .unwrap();
    assert_eq!(refused.refusal().unwrap().context["used"], "7.00");
    after.carry_out([transfer(from, to, "3.00")]).await;
}

/// Everything at once: nothing of it was loaded when the submission came.
#[tokio::test(flavor = "multi_thread")]
async fn a_tier_and_what_it_limits_in_one_submission() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let from = wallet_of(&bench, "asha", "100.00").await;
    let (to, new) = (
        wallet_of(&bench, "ravi", "1.00").await,
        WalletId::new(Uuid::now_v7()),
    );
    let mut commands: Vec<Command> = limit_everybody(tier("10.00", None, Some("150.00"))).into();
    commands.extend([
        begin_wallet_of(new, "asha"),
        transfer(from, new, "60.00"),
        transfer(new, to, "10.00"),
        transfer(from, to, "0.01"),
        deposit(new, "60.01"),
        deposit(new, "60.00"),
    ]);
    let whole = Submission {
        commands,
        atomicity: Atomicity::Independent,
        ..submission(begin_wallet_of(new, "nobody"))
    };
    let outcome = bench.submit(whole).await.unwrap();
    let refused: Vec<Option<String>> = outcome
        .commands
        .iter()
        .map(|command| match command {
            event_store::executor::CommandOutcome::Refused(refusal) => Some(refusal.code.clone()),
            _ => None,
        })
        .collect();
    let code = |text: &str| Some(text.to_owned());
    assert_eq!(
        refused,
        [
            None,
            None,
            None,
            None,
            None,
            code("period_limit_exceeded"),
            code("balance_limit_exceeded"),
            None
        ]
    );
}
