//! Stricter limits and overdrafts: exactly what they refuse is refused, and what hangs on it falls away.

use ledger_core::annotation::Metadata;
use ledger_core::hold::{CaptureRequest, HoldRequest, Remainder};
use ledger_core::money::parse_decimal;
use ledger_core::wallet::RequestedOverdraft;
use ledger_core::{Command, HoldId, Holder, TransactionId, WalletId};
use rust_decimal::Decimal;
use sandbox::Rules;
use uuid::Uuid;

use super::support::{book_of, fork, request};
use crate::harness::{
    Bench, TestDatabase, begin_wallet_of, deposit, limit_everybody, tier, transfer,
};

fn id_of(command: &Command) -> TransactionId {
    match command {
        Command::PostTransaction { transaction, .. } => *transaction,
        other => panic!("{other:?} posts nothing"),
    }
}

fn revert(transaction: TransactionId) -> Command {
    Command::RevertTransaction {
        transaction,
        reverting_transaction: TransactionId::new(Uuid::now_v7()),
        effective_at: None,
        reference: None,
        metadata: Metadata::default(),
    }
}

fn hold(source: WalletId, destination: WalletId, amount: &str) -> (HoldId, Command) {
    let hold = HoldId::new(Uuid::now_v7());
    let request = HoldRequest {
        source: Holder::Wallet(source),
        asset: "INR".parse().unwrap(),
        amount: parse_decimal(amount).unwrap(),
        destination: Some(Holder::Wallet(destination)),
        expires_at: None,
        reference: None,
        metadata: Metadata::default(),
    };
    (hold, Command::PlaceHold { hold, request })
}

fn capture(hold: HoldId) -> Command {
    Command::CaptureHold {
        hold,
        transaction: TransactionId::new(Uuid::now_v7()),
        request: CaptureRequest {
            amount: None,
            destination: None,
            remainder: Remainder::Release,
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        },
    }
}

/// Rules that replace the tier of everybody.
pub fn stricter(per_day: &str) -> Rules {
    let name = "basic".parse().unwrap();
    Rules {
        tiers: [(name, tier(per_day, None, None))].into(),
        default_tier: Some(name),
        ..Rules::default()
    }
}

/// Two owners with 1000.00 each; the position of the last deposit.
async fn two() -> (Bench, WalletId, WalletId, i64) {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (asha, bela) = (WalletId::new(Uuid::now_v7()), WalletId::new(Uuid::now_v7()));
    bench
        .carry_out([
            begin_wallet_of(asha, "asha"),
            begin_wallet_of(bela, "bela"),
            deposit(asha, "1000.00"),
            deposit(bela, "1000.00"),
        ])
        .await;
    let position = bench.head().await.value();
    (bench, asha, bela, position)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_limit_refuses_what_it_refuses_and_what_builds_on_it_falls_away() {
    let (bench, asha, bela, at) = two().await;
    let [first, second, third, fourth] =
        ["100.00", "200.00", "50.00", "0.01"].map(|amount| transfer(asha, bela, amount));
    let refused = id_of(&second);
    let (held, place) = hold(asha, bela, "70.00");
    bench
        .carry_out([
            first,
            second,
            third,
            fourth,
            revert(refused),
            place,
            capture(held),
        ])
        .await;
    let built = fork(
        bench.database.pool(),
        &request("stricter", at, stricter("150.00")),
    )
    .await;
    // In the source: 100 at 1, 200 at 2, 50 at 3, 0.01 at 4, the revert at 5 and 6, the hold at 7, its capture at 8 and 9.
    assert_eq!(
        built.outcomes(),
        [
            format!("{} TransactionPosted refused period_limit_exceeded", at + 2),
            format!("{} TransactionPosted refused period_limit_exceeded", at + 4),
            format!("{} TransactionReverted fell_away on {}", at + 5, at + 2),
            format!("{} HoldPlaced refused period_limit_exceeded", at + 7),
            format!("{} HoldCaptured fell_away on {}", at + 8, at + 7),
        ]
    );
    assert_eq!([built.row.refused, built.row.fell_away], [3, 2]);
    let refusal: serde_json::Value =
        serde_json::from_str(built.differences[0].context.as_deref().unwrap()).unwrap();
    assert_eq!(refusal["wallet"], serde_json::json!(asha));
    // 1000 - 100 - 50 here; 1000 - 100 - 50 - 0.01 - 70 there.
    let row = &built.balances[0];
    let net = |credits: Decimal, debits: Decimal| (credits - debits).to_string();
    let of = |wallet: WalletId| {
        let account = format!("wallet:{wallet}:INR");
        let row = built.balances.iter().find(|row| row.account == account);
        let row = row.unwrap();
        (
            net(row.source_posted_credits, row.source_posted_debits),
            net(row.sandbox_posted_credits, row.sandbox_posted_debits),
        )
    };
    assert_eq!(of(asha), ("779.99".to_owned(), "850.00".to_owned()));
    assert_eq!(of(bela), ("1220.01".to_owned(), "1150.00".to_owned()));
    assert_eq!(row.source_pending_debits, row.sandbox_pending_debits);
    assert_eq!(built.balances.len(), 2);
    stands_as_told(&bench, &built).await;
}

/// The balances told are those of the two logs, folded by themselves, and no other account differs.
pub async fn stands_as_told(bench: &Bench, built: &super::support::Built) {
    let source = super::support::log_of(bench.database.pool(), bench.ledger).await;
    let until = usize::try_from(built.row.until.value()).unwrap();
    let (there, here) = (book_of(&source[..until]), book_of(&built.log().await));
    assert_eq!(here.trial_balance().unwrap().first_difference(), None);
    let mut told = Vec::new();
    let mut accounts: Vec<_> = there.accounts().chain(here.accounts()).collect();
    accounts.sort_by_key(|(account, _)| account.to_string());
    accounts.dedup_by_key(|(account, _)| *account);
    for (account, _) in accounts {
        let totals = |book: &ledger_core::book::Book| book.totals(account).unwrap_or_default();
        let (one, other) = (totals(&there), totals(&here));
        if one == other {
            continue;
        }
        told.push(event_store::sandbox::BalanceRow {
            account: account.to_string(),
            source_posted_debits: one.posted.debits.value(),
            source_posted_credits: one.posted.credits.value(),
            source_pending_debits: one.pending_debits.value(),
            sandbox_posted_debits: other.posted.debits.value(),
            sandbox_posted_credits: other.posted.credits.value(),
            sandbox_pending_debits: other.pending_debits.value(),
        });
    }
    assert_eq!(built.balances, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_does_about_a_tier_of_the_rules_is_left_out() {
    let (bench, asha, bela, at) = two().await;
    bench
        .carry_out(limit_everybody(tier("10.00", None, None)))
        .await;
    bench.carry_out([transfer(asha, bela, "10.00")]).await;
    let rules = stricter("9.99");
    let built = fork(bench.database.pool(), &request("left_out", at, rules)).await;
    assert_eq!(
        built.outcomes(),
        [
            format!("{} TierSet left_out", at + 1),
            format!("{} DefaultTierSet left_out", at + 2),
            format!("{} TransactionPosted refused period_limit_exceeded", at + 3),
        ]
    );
    // A looser one lets everything pass, though it counts.
    let built = fork(
        bench.database.pool(),
        &request("looser", at, stricter("10.00")),
    )
    .await;
    assert_eq!((built.row.refused, built.row.left_out), (0, 2));
    assert_eq!(built.balances, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_overdraft_refuses_what_it_no_longer_covers() {
    let (bench, asha, bela, _) = two().await;
    let asset = "INR".parse().unwrap();
    let wider = Command::SetWalletOverdraft {
        wallet: asha,
        asset,
        overdraft: RequestedOverdraft::UpTo(parse_decimal("500").unwrap()),
    };
    bench.carry_out([wider.clone()]).await;
    let at = bench.head().await.value();
    bench
        .carry_out([
            transfer(asha, bela, "1000.00"),
            transfer(asha, bela, "300.00"),
            wider,
            deposit(asha, "400.00"),
            transfer(asha, bela, "300.00"),
        ])
        .await;
    let account = Holder::Wallet(asha).account(asset);
    let rules = Rules {
        overdrafts: [(account, RequestedOverdraft::Forbidden)].into(),
        ..Rules::default()
    };
    let built = fork(bench.database.pool(), &request("no_overdraft", at, rules)).await;
    assert_eq!(
        built.outcomes(),
        [
            format!("{} TransactionPosted refused insufficient_funds", at + 2),
            format!("{} WalletOverdraftSet left_out", at + 3),
        ]
    );
    stands_as_told(&bench, &built).await;
}
