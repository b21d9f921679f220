//! Where two rules are broken, the one listed first in [`PostingRejection`] is named.

use crate::fixtures::*;
use crate::posting::{
    FreezeScope, MAX_POSTINGS, PostingRejection, RequestedPosting, Standings, WalletStatus,
    decide_postings,
};

/// Wallet 1 is in order with 10.00 INR, 2 is closed, 3 is frozen, 4 has all that can be counted;
/// others do not exist.
fn standing() -> Standings {
    let closed = with_status(funded("0"), WalletStatus::Closed);
    let frozen = with_status(funded("0"), WalletStatus::Frozen(FreezeScope::All));
    standings(&[
        (wallet(1), "INR", funded("10.00")),
        (wallet(2), "INR", closed),
        (wallet(3), "INR", frozen),
        (wallet(4), "INR", funded("792281625142643375935439503.35")),
        (wallet(5), "INR", funded("0")),
    ])
}

fn code(postings: &[RequestedPosting]) -> &'static str {
    decide_postings(postings, &standing()).unwrap_err().code()
}

fn one(source: u128, destination: u128, asset: &str, amount: &str) -> RequestedPosting {
    requested(wallet(source), wallet(destination), asset, amount)
}

#[test]
fn the_first_rule_in_the_list_is_named() {
    let large = "79228162514264337593543950335";
    for (broken, expected) in [
        (one(9, 9, "XXX", "-1"), "asset_not_found"),
        (one(9, 9, "INR", "-0.001"), "amount_not_positive"),
        (one(9, 9, "INR", "0.001"), "amount_too_many_decimals"),
        (one(9, 9, "INR", large), "amount_too_large"),
        (one(9, 9, "INR", "1"), "same_source_and_destination"),
        (one(2, 2, "INR", "1"), "same_source_and_destination"),
        (one(9, 2, "INR", "1"), "account_not_found"),
        (one(2, 9, "INR", "1"), "account_not_found"),
        (one(3, 9, "INR", "1"), "account_not_found"),
        (one(2, 3, "INR", "1"), "wallet_closed"),
        (one(3, 2, "INR", "1"), "wallet_closed"),
        (one(1, 3, "INR", "99"), "wallet_frozen"),
        (one(3, 1, "INR", "99"), "wallet_frozen"),
        (one(5, 4, "INR", "99"), "balance_overflow"),
        (one(5, 1, "INR", "99"), "insufficient_funds"),
    ] {
        assert_eq!(code(&[broken]), expected, "{broken:?}");
    }
}

#[test]
fn the_source_is_named_before_the_destination() {
    let side = |posting| match decide_postings(&[posting], &standing()) {
        Err(
            PostingRejection::AccountNotFound { side, .. }
            | PostingRejection::WalletClosed { side, .. }
            | PostingRejection::WalletFrozen { side, .. },
        ) => side.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(side(one(8, 9, "INR", "1")), "source");
    assert_eq!(side(one(1, 9, "INR", "1")), "destination");
    assert_eq!(side(one(3, 2, "INR", "1")), "destination");
}

#[test]
fn the_first_posting_that_breaks_a_rule_is_named() {
    let closed = one(2, 1, "INR", "1");
    let unknown = one(1, 5, "XXX", "1");
    assert_eq!(code(&[closed, unknown]), "wallet_closed");
    assert_eq!(code(&[unknown, closed]), "asset_not_found");
    let third = decide_postings(
        &[one(1, 5, "INR", "1"), one(1, 5, "INR", "1"), closed],
        &standing(),
    );
    assert!(matches!(
        third,
        Err(PostingRejection::WalletClosed { posting: 2, .. })
    ));
}

#[test]
fn rules_about_accounts_come_after_rules_about_postings() {
    let short = one(5, 1, "INR", "1");
    assert_eq!(code(&[short, one(1, 9, "INR", "1")]), "account_not_found");
    assert_eq!(code(&[short, one(1, 4, "INR", "1")]), "balance_overflow");
}

#[test]
fn the_number_of_postings_is_judged_first() {
    assert_eq!(code(&[]), "no_postings");
    let many = vec![one(9, 9, "XXX", "-1"); MAX_POSTINGS + 1];
    assert_eq!(code(&many), "too_many_postings");
}
