//! What an account has available: its balance, what holds reserve and how far it may be overdrawn.

use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::fixtures::*;
use crate::identifier::Holder;
use crate::money::{Amount, Total};
use crate::posting::{
    Overdraft, PostingRejection, RequestedPosting, Standing, Totals, decide_postings,
    decide_reservation,
};

const ALICE: u128 = 1;

fn alice() -> Holder {
    wallet(ALICE)
}

fn judge(standing: Standing, postings: &[RequestedPosting]) -> Result<(), PostingRejection> {
    let known = standings(&[
        (alice(), "INR", standing),
        (system("cash"), "INR", system_standing()),
    ]);
    decide_postings(postings, &known).map(|_| ())
}

fn pay(amount: &str) -> RequestedPosting {
    requested(alice(), system("cash"), "INR", amount)
}

fn receive(amount: &str) -> RequestedPosting {
    requested(system("cash"), alice(), "INR", amount)
}

fn short(available: &str, required: &str) -> Result<(), PostingRejection> {
    Err(PostingRejection::InsufficientFunds {
        account: account(alice(), "INR"),
        available: decimal(available),
        required: decimal(required),
    })
}

#[test]
fn an_account_is_judged_after_all_postings_whatever_their_order() {
    let empty = funded("0");
    assert_eq!(judge(empty, &[pay("5"), receive("5")]), Ok(()));
    assert_eq!(judge(empty, &[receive("5"), pay("5")]), Ok(()));
    assert_eq!(
        judge(empty, &[receive("5"), pay("2"), pay("3.01")]),
        short("0", "0.01")
    );
}

#[test]
fn what_holds_reserve_is_not_available() {
    let held = with_pending(funded("100"), "30");
    assert_eq!(judge(held, &[pay("70")]), Ok(()));
    assert_eq!(judge(held, &[pay("70.01")]), short("70", "70.01"));
    let known = standings(&[(alice(), "INR", held)]);
    let reserve = |text| decide_reservation(alice(), asset_code("INR"), decimal(text), &known);
    assert_eq!(reserve("70"), Ok(amount("70.00")));
    assert_eq!(reserve("70.01").map(|_| ()), short("70", "70.01"));
}

#[test]
fn an_overdraft_extends_what_is_available() {
    let standing = with_overdraft(funded("10"), Overdraft::UpTo(amount("5.00")));
    assert_eq!(judge(standing, &[pay("15")]), Ok(()));
    assert_eq!(judge(standing, &[pay("15.01")]), short("15", "15.01"));
    let unlimited = with_overdraft(funded("10"), Overdraft::Unlimited);
    assert_eq!(judge(unlimited, &[pay("1000000")]), Ok(()));
}

#[test]
fn an_account_that_gains_is_not_refused_though_it_is_overdrawn() {
    let overdrawn = Standing {
        posted: totals("100", "10"),
        ..funded("0")
    };
    assert_eq!(judge(overdrawn, &[receive("1")]), Ok(()));
    assert_eq!(judge(overdrawn, &[receive("1"), pay("1")]), Ok(()));
    assert_eq!(
        judge(overdrawn, &[receive("1"), pay("1.01")]),
        short("-90", "0.01")
    );
}

#[test]
fn a_system_account_has_no_floor() {
    let known = standings(&[
        (system("cash"), "INR", with_pending(system_standing(), "5")),
        (system("fees"), "INR", system_standing()),
    ]);
    let asked = requested(system("cash"), system("fees"), "INR", "1000000");
    assert!(decide_postings(&[asked], &known).is_ok());
}

#[test]
fn many_postings_are_judged_as_few_are() {
    // Beyond eight postings the accounts are found by hash instead of along a list.
    for count in [7, 8, 9, 300] {
        let postings = vec![pay("1"); count];
        let enough = funded(&count.to_string());
        assert_eq!(judge(enough, &postings), Ok(()));
        let lacking = funded(&(count - 1).to_string());
        let refused = short(&(count - 1).to_string(), &count.to_string());
        assert_eq!(judge(lacking, &postings), refused);
    }
}

#[test]
fn a_limit_as_high_as_can_be_written_does_not_stop_the_account() {
    let limit = Overdraft::UpTo(amount("792281625142643375935439503.35"));
    let rich = with_overdraft(funded("792281625142643375935439503.35"), limit);
    assert_eq!(judge(rich, &[pay("1")]), Ok(()));
    assert_eq!(judge(with_pending(rich, "2"), &[pay("1")]), Ok(()));
}

fn units_to_total(units: i128) -> Total {
    Total::try_new(Decimal::try_from_i128_with_scale(units, 2).unwrap()).unwrap()
}

fn units() -> impl Strategy<Value = i128> {
    let most = (1_i128 << 96) - 1;
    prop_oneof![
        0..200_i128,
        (most - 200)..=most,
        (most / 2 - 99)..(most / 2 + 99)
    ]
}

proptest! {
    /// The rule in whole units: a loss is allowed while nothing goes below minus the overdraft.
    #[test]
    fn a_debit_never_takes_more_than_is_available(
        credits in units(), debits in units(), pending in units(),
        limit in units(), paid in 1..400_i128, received in 0..400_i128,
    ) {
        let overdraft = match Amount::try_new(units_to_total(limit).value(), 2) {
            Ok(limit) => Overdraft::UpTo(limit),
            Err(_) => Overdraft::Forbidden,
        };
        let standing = Standing {
            posted: Totals { debits: units_to_total(debits), credits: units_to_total(credits) },
            pending_debits: units_to_total(pending),
            ..with_overdraft(funded("0"), overdraft)
        };
        let text = |units: i128| units_to_total(units).to_string();
        let mut postings = vec![pay(&text(paid))];
        if received > 0 {
            postings.push(receive(&text(received)));
        }
        let most = (1_i128 << 96) - 1;
        let before = credits - debits - pending + limit;
        let left = before + received - paid;
        let outcome = judge(standing, &postings);
        if debits + paid > most || credits + received > most {
            prop_assert_eq!(outcome.unwrap_err().code(), "balance_overflow");
        } else if received >= paid || left >= 0 {
            prop_assert_eq!(outcome, Ok(()));
        } else if before.abs() <= most {
            prop_assert_eq!(outcome, Err(PostingRejection::InsufficientFunds {
                account: account(alice(), "INR"),
                available: Decimal::try_from_i128_with_scale(before, 2).unwrap(),
                required: units_to_total(paid - received).value(),
            }));
        } else {
            prop_assert!(outcome.is_err());
        }
    }
}
