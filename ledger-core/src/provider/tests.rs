//! Tests of what payments, payouts and settlements share.

use super::*;
use crate::fixtures::*;
use crate::ledger::STANDARD_SYSTEM_ACCOUNTS;

#[test]
fn every_account_of_the_longest_name_is_a_name() {
    let longest = provider(&"p".repeat(24));
    for account in longest.accounts() {
        assert_eq!(parsed::<Holder>(&account.to_string()), account);
        assert!(account.to_string().ends_with(&"p".repeat(24)));
        assert!(opened_by_movements(account).is_some());
    }
    assert_eq!(suspense(), system("suspense"));
    assert_eq!(losses(), system("losses"));
}

#[test]
fn accounts_are_opened_on_the_side_on_which_ledgers_open_them() {
    for (name, side) in STANDARD_SYSTEM_ACCOUNTS {
        if let Some(opened) = opened_by_movements(system(name)) {
            assert_eq!(opened, side, "{name}");
        }
    }
    assert_eq!(
        opened_by_movements(provider("razorpay").disputed()),
        Some(NormalSide::Credit)
    );
    for other in [
        "fees",
        "gateway_clearing",
        "gateway_clearing.",
        "bonus.razorpay",
    ] {
        assert_eq!(opened_by_movements(system(other)), None, "{other}");
    }
    assert_eq!(opened_by_movements(wallet(1)), None);
}

#[test]
fn fees_are_rounded_half_to_even_and_what_was_reported_is_kept() {
    let inr = standard_asset("INR");
    for (reported, rounded) in [
        ("239.6000", "239.60"),
        ("43.1250", "43.12"),
        ("43.1350", "43.14"),
        ("43.12501", "43.13"),
        ("0.005", "0.00"),
    ] {
        let recorded = fees(reported, "0").rounded(inr).unwrap();
        assert_eq!(recorded.fee.to_string(), rounded);
        let kept = recorded.rounded_half_even_from.map(|kept| kept.fee.value());
        let exact = decimal(reported) == decimal(rounded);
        assert_eq!(kept, (!exact).then(|| decimal(reported).normalize()));
    }
    let yen = fees("2.5", "3.5").rounded(standard_asset("JPY")).unwrap();
    assert_eq!(
        (yen.fee.to_string(), yen.tax.to_string()),
        ("2".into(), "4".into())
    );
    for bad in [fees("-0.01", "0"), fees("0", "-1")] {
        assert_eq!(bad.rounded(inr).unwrap_err().code(), "fees_not_an_amount");
    }
    let huge = fees("79228162514264337593543950335", "0");
    assert_eq!(huge.rounded(inr).unwrap_err().code(), "fees_not_an_amount");
}

#[test]
fn a_route_names_one_of_its_candidates() {
    assert_eq!(route("razorpay").check(), Ok(()));
    let mut other = route("razorpay");
    other.provider = provider("stripe");
    assert_eq!(
        other.check().unwrap_err().code(),
        "route_provider_not_a_candidate"
    );
    let mut many = route("razorpay");
    many.candidates = vec![many.candidates[0].clone(); MAX_CANDIDATES + 1];
    assert_eq!(
        many.check().unwrap_err().code(),
        "route_too_many_candidates"
    );
}
