//! No sum may lose a decimal: `rust_decimal` rounds silently where 96 bits are not enough.
//!
//! Every operation is compared with the same one in whole units of `i128`, on operands that lie
//! close to the limit.

use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::book::TrialBalance;
use crate::fixtures::{account, amount, decimal, system, total, totals};
use crate::money::{Amount, Balance, Total, add_exact};

const LIMIT: i128 = (1 << 96) - 1;

fn of_units(units: i128, scale: u32) -> Decimal {
    Decimal::try_from_i128_with_scale(units, scale).unwrap()
}

/// Units close to nothing, to half of the limit and to the limit itself.
fn units() -> impl Strategy<Value = i128> {
    prop_oneof![
        0..1_000_i128,
        (LIMIT / 2 - 1_000)..(LIMIT / 2 + 1_000),
        (LIMIT - 1_000)..=LIMIT,
        0..=LIMIT,
    ]
}

/// The result is right to the last unit, or refused because it does not fit.
fn is_exact(result: Option<Decimal>, units: i128, scale: u32) -> bool {
    match result {
        Some(value) if units == 0 => value.is_zero() && value.is_sign_positive(),
        Some(value) => value.mantissa() == units && value.scale() == scale,
        None => units.abs() > LIMIT,
    }
}

proptest! {
    #[test]
    fn sums_of_one_scale_are_exact_or_refused(left in units(), right in units(), scale in 0..=18_u32) {
        let (first, second) = (of_units(left, scale), of_units(right, scale));
        prop_assert!(is_exact(add_exact(first, second), left + right, scale));
        let (first, second) = (Total::try_new(first).unwrap(), Total::try_new(second).unwrap());
        let difference = Balance::difference(first, second);
        prop_assert!(is_exact(difference.map(Balance::value), left - right, scale));
        if let Some(added) = second.as_amount() {
            prop_assert!(is_exact(first.checked_add(added).map(Total::value), left + right, scale));
            let rest = first.checked_sub(added).map(Total::value);
            if left >= right {
                prop_assert!(is_exact(rest, left - right, scale));
            } else {
                prop_assert!(rest.is_none());
            }
            if let Some(amount) = first.as_amount() {
                prop_assert!(is_exact(amount.checked_add(added).map(Amount::value), left + right, scale));
                let rest = amount.checked_sub(added).map(Amount::value);
                prop_assert_eq!(rest.is_some(), left > right);
                prop_assert!(rest.is_none() || is_exact(rest, left - right, scale));
            }
        }
    }

    #[test]
    fn balances_are_exact_or_refused(
        credits in units(), debits in units(), more in units(), scale in 0..=18_u32,
    ) {
        let of = |units| Total::try_new(of_units(units, scale)).unwrap();
        let balance = Balance::difference(of(credits), of(debits)).unwrap();
        let less = balance.checked_sub(of(more)).map(Balance::value);
        prop_assert!(is_exact(less, credits - debits - more, scale));
        if let Some(limit) = of(more).as_amount() {
            let grown = balance.checked_add(limit).map(Balance::value);
            prop_assert!(is_exact(grown, credits - debits + more, scale));
        }
    }

    #[test]
    fn a_trial_balance_is_exact_or_refused(debits in units(), credits in units()) {
        let of = |units| Total::try_new(of_units(units, 2)).unwrap();
        let totals = crate::posting::Totals { debits: of(debits), credits: of(credits) };
        let accounts = ["a", "b"].map(|name| (account(system(name), "INR"), totals));
        match TrialBalance::of(accounts) {
            Some(balance) => {
                let (left, right) = balance.assets[&crate::fixtures::asset_code("INR")];
                prop_assert!(is_exact(Some(left), 2 * debits, 2));
                prop_assert!(is_exact(Some(right), 2 * credits, 2));
            }
            None => prop_assert!(2 * debits > LIMIT || 2 * credits > LIMIT),
        }
    }
}

#[test]
fn a_sum_that_would_round_is_refused() {
    let most = decimal("792281625142643375935439503.35");
    assert_eq!(add_exact(most, decimal("0.01")), None);
    assert_eq!(
        total("792281625142643375935439503.35").checked_add(amount("0.01")),
        None
    );
    assert_eq!(
        amount("792281625142643375935439503.35").checked_add(amount("0.01")),
        None
    );
    assert_eq!(
        add_exact(decimal("79228162514264337593543950335"), decimal("0.1")),
        None
    );
}

#[test]
fn a_difference_that_would_round_is_refused() {
    let debt = Balance::difference(Total::ZERO, total("792281625142643375935439503.35")).unwrap();
    assert_eq!(debt.checked_sub(total("0.06")), None);
    let wealth = Balance::difference(total("792281625142643375935439503.35"), Total::ZERO).unwrap();
    assert_eq!(wealth.checked_add(amount("0.06")), None);
    // A log that writes one asset with two scales is hostile, but must not be rounded either.
    assert_eq!(
        total("79228162514264337593543950335").checked_sub(amount("0.1")),
        None
    );
    let coarse = total("79228162514264337593543950335");
    assert_eq!(Balance::difference(coarse, total("0.1")), None);
}

#[test]
fn nothing_plus_something_is_something_whatever_its_scale() {
    assert_eq!(add_exact(decimal("0.00"), decimal("1")), Some(decimal("1")));
    assert_eq!(add_exact(decimal("1"), decimal("0.00")), Some(decimal("1")));
    assert_eq!(
        total("0.00").checked_add(amount("3.000")),
        Some(total("3.000"))
    );
}

#[test]
fn a_trial_balance_names_the_asset_that_differs() {
    let entry = |holder: &str, asset: &str, debits: &str, credits: &str| {
        (account(system(holder), asset), totals(debits, credits))
    };
    let even = [
        entry("a", "INR", "2.50", "0"),
        entry("b", "INR", "0.00", "2.5"),
    ];
    assert_eq!(TrialBalance::of(even).unwrap().first_difference(), None);
    let odd = [even[0], even[1], entry("b", "USD", "0.01", "0")];
    let difference = TrialBalance::of(odd).unwrap().first_difference();
    assert_eq!(difference, Some(crate::fixtures::asset_code("USD")));
    assert_eq!(TrialBalance::of([]).unwrap().first_difference(), None);
}
