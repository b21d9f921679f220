//! Splitting loses nothing and favours nobody.

use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::fixtures::amount;
use crate::money::{AllocationError, Amount, allocate};

fn shares(text: &str, weights: &[u32]) -> Vec<String> {
    let shares = allocate(amount(text), weights).unwrap();
    let written = |share: Option<Amount>| share.map_or("-".to_owned(), |share| share.to_string());
    shares.into_iter().map(written).collect()
}

#[test]
fn the_smallest_units_go_to_the_largest_remainders() {
    assert_eq!(shares("1.00", &[1, 1, 1]), ["0.34", "0.33", "0.33"]);
    assert_eq!(shares("0.05", &[3, 7]), ["0.02", "0.03"]);
    assert_eq!(
        shares("10.00", &[1, 2, 0, 3]),
        ["1.67", "3.33", "-", "5.00"]
    );
    assert_eq!(shares("1", &[0, 1, 1]), ["-", "1", "-"]);
    assert_eq!(shares("0.01", &[1, 2]), ["-", "0.01"]);
    assert_eq!(shares("7.50", &[5]), ["7.50"]);
}

#[test]
fn an_allocation_needs_a_weight() {
    assert_eq!(allocate(amount("1"), &[]), Err(AllocationError::NoWeights));
    assert_eq!(
        allocate(amount("1"), &[0, 0]),
        Err(AllocationError::NoWeights)
    );
}

#[test]
fn what_cannot_be_multiplied_exactly_is_refused() {
    let most = amount("79228162514264337593543950335");
    assert_eq!(
        allocate(most, &[u32::MAX, 1]),
        Err(AllocationError::TooLarge)
    );
    let halves = allocate(most, &[1, 1]).unwrap();
    assert_eq!(halves[0], Some(amount("39614081257132168796771975168")));
    assert_eq!(halves[1], Some(amount("39614081257132168796771975167")));
}

proptest! {
    #[test]
    fn nothing_is_lost_and_no_share_is_a_unit_off(
        units in 1..=(1_i128 << 90),
        scale in 0..=18_u32,
        weights in prop::collection::vec(prop_oneof![Just(0), 1..20_u32, any::<u32>()], 1..30),
    ) {
        let whole = Decimal::try_from_i128_with_scale(units, scale).unwrap();
        let whole = Amount::try_new(whole, scale).unwrap();
        let total_weight: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        prop_assume!(total_weight > 0);
        let shares = allocate(whole, &weights).unwrap();
        prop_assert_eq!(shares.len(), weights.len());
        let in_units = |share: &Option<Amount>| share.map_or(0, |share| share.value().mantissa());
        prop_assert_eq!(shares.iter().map(in_units).sum::<i128>(), units);
        for (share, weight) in shares.iter().zip(&weights) {
            prop_assert!(share.is_none_or(|share| share.scale() == scale));
            // |share - units * weight / total| < 1, kept in integers.
            let exact = units * i128::from(*weight);
            let share = in_units(share);
            prop_assert!(share >= exact / total_weight && share <= exact / total_weight + 1);
            prop_assert!(*weight > 0 || share == 0);
        }
        for (first, first_weight) in shares.iter().zip(&weights) {
            for (second, second_weight) in shares.iter().zip(&weights) {
                prop_assert!(first_weight <= second_weight || in_units(first) >= in_units(second));
            }
        }
    }
}
