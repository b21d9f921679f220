//! Each rule of movement by itself.

use crate::fixtures::*;
use crate::identifier::Holder;
use crate::posting::{
    FreezeScope, MAX_POSTINGS, PostingRejection, RequestedPosting, Side, Standings, WalletStatus,
    decide_postings, decide_reservation,
};

fn alice() -> Holder {
    wallet(1)
}

fn bob() -> Holder {
    wallet(2)
}

/// Alice has 100.00 INR and 5 JPY, Bob nothing.
fn usual() -> Standings {
    standings(&[
        (alice(), "INR", funded("100.00")),
        (alice(), "JPY", funded("5")),
        (bob(), "INR", funded("0")),
        (bob(), "JPY", funded("0")),
        (system("cash"), "INR", system_standing()),
        (system("cash"), "USD", system_standing()),
    ])
}

fn refuse(postings: &[RequestedPosting], standings: &Standings) -> PostingRejection {
    decide_postings(postings, standings).unwrap_err()
}

#[test]
fn postings_in_order_are_recorded_as_asked_with_the_assets_decimals() {
    let asked = [
        requested(alice(), bob(), "INR", "0.5"),
        requested(alice(), system("cash"), "INR", "99.500"),
        requested(alice(), bob(), "JPY", "5"),
    ];
    let decided = decide_postings(&asked, &usual()).unwrap();
    let expected = [
        posting(alice(), bob(), "INR", "0.50"),
        posting(alice(), system("cash"), "INR", "99.50"),
        posting(alice(), bob(), "JPY", "5"),
    ];
    assert_eq!(decided, expected);
    assert_eq!(decided[0].amount.to_string(), "0.50");
}

#[test]
fn no_postings_and_too_many_postings_are_refused() {
    assert_eq!(refuse(&[], &usual()), PostingRejection::NoPostings {});
    let most = vec![requested(alice(), bob(), "INR", "0.01"); MAX_POSTINGS];
    assert_eq!(decide_postings(&most, &usual()).unwrap().len(), 1_000);
    let more = vec![requested(alice(), bob(), "INR", "0.01"); MAX_POSTINGS + 1];
    assert_eq!(
        refuse(&more, &usual()),
        PostingRejection::TooManyPostings {
            limit: 1_000,
            found: 1_001
        }
    );
}

#[test]
fn an_unknown_asset_is_refused() {
    assert_eq!(
        refuse(&[requested(alice(), bob(), "XAU", "1")], &usual()),
        PostingRejection::AssetNotFound {
            posting: 0,
            asset: asset_code("XAU")
        }
    );
}

#[test]
fn an_amount_of_nothing_or_less_is_refused() {
    for text in ["0", "0.00", "-1", "-0.001"] {
        assert_eq!(
            refuse(&[requested(alice(), bob(), "INR", text)], &usual()),
            PostingRejection::AmountNotPositive {
                posting: 0,
                amount: decimal(text)
            }
        );
    }
}

#[test]
fn an_amount_finer_than_its_asset_is_refused() {
    assert_eq!(
        refuse(&[requested(alice(), bob(), "JPY", "1.5")], &usual()),
        PostingRejection::AmountTooManyDecimals {
            posting: 0,
            asset: asset_code("JPY"),
            allowed: 0,
            found: 1
        }
    );
}

#[test]
fn an_amount_that_cannot_be_kept_exactly_is_refused() {
    let most = "79228162514264337593543950335";
    assert_eq!(
        refuse(&[requested(alice(), bob(), "INR", most)], &usual()),
        PostingRejection::AmountTooLarge {
            posting: 0,
            asset: asset_code("INR")
        }
    );
}

#[test]
fn a_posting_to_its_own_source_is_refused() {
    for holder in [alice(), system("cash")] {
        assert_eq!(
            refuse(&[requested(holder, holder, "INR", "1")], &usual()),
            PostingRejection::SamePlace { posting: 0, holder }
        );
    }
}

#[test]
fn a_holder_that_does_not_exist_is_refused_on_either_side() {
    for nobody in [wallet(9), system("nobody")] {
        for (asked, side) in [
            (requested(nobody, bob(), "INR", "1"), Side::Source),
            (requested(alice(), nobody, "INR", "1"), Side::Destination),
        ] {
            let good = requested(alice(), bob(), "INR", "1");
            let refused = PostingRejection::AccountNotFound {
                posting: 1,
                side,
                holder: nobody,
            };
            assert_eq!(refuse(&[good, asked], &usual()), refused);
        }
    }
}

#[test]
fn a_closed_wallet_neither_gives_nor_receives() {
    let closed = with_status(funded("0"), WalletStatus::Closed);
    let standings = standings(&[(alice(), "INR", funded("100")), (bob(), "INR", closed)]);
    for (asked, side) in [
        (requested(bob(), alice(), "INR", "1"), Side::Source),
        (requested(alice(), bob(), "INR", "1"), Side::Destination),
    ] {
        let refused = PostingRejection::WalletClosed {
            posting: 0,
            side,
            wallet: wallet_id(2),
        };
        assert_eq!(refuse(&[asked], &standings), refused);
    }
}

#[test]
fn a_frozen_wallet_is_stopped_in_its_scope_only() {
    use FreezeScope::{All, Credits, Debits};
    use Side::{Destination, Source};
    for (scope, side, stopped) in [
        (Debits, Source, true),
        (Debits, Destination, false),
        (Credits, Source, false),
        (Credits, Destination, true),
        (All, Source, true),
        (All, Destination, true),
    ] {
        let frozen = with_status(funded("10"), WalletStatus::Frozen(scope));
        let standings = standings(&[(alice(), "INR", funded("10")), (bob(), "INR", frozen)]);
        let asked = match side {
            Source => requested(bob(), alice(), "INR", "1"),
            Destination => requested(alice(), bob(), "INR", "1"),
        };
        let decided = decide_postings(&[asked], &standings);
        let wallet = wallet_id(2);
        let refused = PostingRejection::WalletFrozen {
            posting: 0,
            side,
            wallet,
            scope,
        };
        assert_eq!(decided.err(), stopped.then_some(refused), "{scope} {side}");
    }
}

#[test]
fn totals_that_can_no_longer_be_kept_are_refused() {
    let full = crate::posting::Standing {
        posted: totals(
            "792281625142643375935439503.34",
            "792281625142643375935439503.34",
        ),
        ..system_standing()
    };
    let standings = standings(&[
        (system("full"), "INR", full),
        (system("cash"), "INR", system_standing()),
    ]);
    let full = system("full");
    for asked in [
        requested(full, system("cash"), "INR", "0.02"),
        requested(system("cash"), full, "INR", "0.02"),
    ] {
        let refused = PostingRejection::BalanceOverflow {
            account: account(full, "INR"),
        };
        assert_eq!(refuse(&[asked], &standings), refused);
    }
    let last = requested(full, system("cash"), "INR", "0.01");
    assert!(decide_postings(&[last], &standings).is_ok());
}

#[test]
fn funds_that_are_not_there_are_refused() {
    assert_eq!(
        refuse(&[requested(alice(), bob(), "INR", "100.01")], &usual()),
        PostingRejection::InsufficientFunds {
            account: account(alice(), "INR"),
            available: decimal("100.00"),
            required: decimal("100.01"),
        }
    );
}

#[test]
fn a_reservation_obeys_the_rules_of_its_source() {
    let reserve = |holder: Holder, asset: &str, text: &str, standings: &Standings| {
        decide_reservation(holder, asset_code(asset), decimal(text), standings)
    };
    let usual = usual();
    assert_eq!(
        reserve(alice(), "INR", "100", &usual).unwrap().to_string(),
        "100.00"
    );
    assert_eq!(
        reserve(system("cash"), "INR", "1", &usual),
        Ok(amount("1.00"))
    );
    let code = |holder, asset, text, standings: &Standings| {
        reserve(holder, asset, text, standings).unwrap_err().code()
    };
    assert_eq!(code(alice(), "XXX", "0", &usual), "asset_not_found");
    assert_eq!(code(alice(), "INR", "0", &usual), "amount_not_positive");
    assert_eq!(
        code(alice(), "JPY", "0.1", &usual),
        "amount_too_many_decimals"
    );
    assert_eq!(
        code(alice(), "INR", "79228162514264337593543950335", &usual),
        "amount_too_large"
    );
    assert_eq!(code(wallet(9), "INR", "1", &usual), "account_not_found");
    assert_eq!(code(alice(), "INR", "100.01", &usual), "insufficient_funds");
    for (status, expected) in [
        (WalletStatus::Closed, Some("wallet_closed")),
        (
            WalletStatus::Frozen(FreezeScope::All),
            Some("wallet_frozen"),
        ),
        (
            WalletStatus::Frozen(FreezeScope::Debits),
            Some("wallet_frozen"),
        ),
        (WalletStatus::Frozen(FreezeScope::Credits), None),
    ] {
        let standings = standings(&[(alice(), "INR", with_status(funded("1"), status))]);
        let refused = reserve(alice(), "INR", "1", &standings).err();
        assert_eq!(refused.map(|refused| refused.code()), expected);
    }
    let full = with_pending(system_standing(), "792281625142643375935439503.35");
    let standings = standings(&[(system("cash"), "INR", full)]);
    assert_eq!(
        code(system("cash"), "INR", "0.01", &standings),
        "balance_overflow"
    );
}
