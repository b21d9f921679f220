//! Pairing journal entries keeps every account's net and gives postings that balance.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::fixtures::*;
use crate::identifier::AccountId;
use crate::posting::RequestedEntry::{Credit, Debit};
use crate::posting::{MAX_POSTINGS, PostingRejection, RequestedEntry, pair_entries};

fn debit(holder: u128, asset: &str, amount: &str) -> RequestedEntry {
    Debit(account(wallet(holder), asset), decimal(amount))
}

fn credit(holder: u128, asset: &str, amount: &str) -> RequestedEntry {
    Credit(account(wallet(holder), asset), decimal(amount))
}

#[test]
fn debits_are_paired_with_credits_in_the_order_given() {
    let entries = [
        debit(1, "USD", "7"),
        credit(4, "INR", "1"),
        debit(2, "INR", "3"),
        credit(5, "INR", "4.00"),
        debit(3, "INR", "2"),
        credit(6, "USD", "7"),
    ];
    let expected = [
        requested(wallet(2), wallet(4), "INR", "1"),
        requested(wallet(2), wallet(5), "INR", "2"),
        requested(wallet(3), wallet(5), "INR", "2"),
        requested(wallet(1), wallet(6), "USD", "7"),
    ];
    assert_eq!(pair_entries(&entries).unwrap(), expected);
    assert_eq!(pair_entries(&[]), Ok(Vec::new()));
}

#[test]
fn entries_of_nothing_or_less_are_refused() {
    for text in ["0", "-1"] {
        let entries = [debit(1, "INR", "1"), credit(2, "INR", text)];
        let refused = PostingRejection::AmountNotPositive {
            posting: 1,
            amount: decimal(text),
        };
        assert_eq!(pair_entries(&entries), Err(refused));
    }
}

#[test]
fn the_first_asset_that_does_not_balance_is_named() {
    let entries = [
        debit(1, "USD", "1"),
        debit(1, "JPY", "5"),
        credit(2, "JPY", "3"),
        debit(1, "INR", "1"),
        credit(2, "INR", "1"),
    ];
    let refused = PostingRejection::Unbalanced {
        asset: asset_code("JPY"),
        difference: decimal("2"),
    };
    assert_eq!(pair_entries(&entries), Err(refused));
    let alone = PostingRejection::Unbalanced {
        asset: asset_code("INR"),
        difference: decimal("-2"),
    };
    assert_eq!(pair_entries(&[credit(1, "INR", "2")]), Err(alone));
}

#[test]
fn too_many_entries_and_too_large_sums_are_refused() {
    let many = vec![debit(1, "INR", "1"); 2 * MAX_POSTINGS + 1];
    assert_eq!(
        pair_entries(&many),
        Err(PostingRejection::TooManyPostings {
            limit: 2_000,
            found: 2_001
        })
    );
    let most = "79228162514264337593543950335";
    for fine in ["1", "0.1"] {
        let entries = [
            debit(1, "INR", most),
            debit(2, "INR", fine),
            credit(3, "INR", most),
        ];
        let refused = PostingRejection::AmountTooLarge {
            posting: 0,
            asset: asset_code("INR"),
        };
        assert_eq!(pair_entries(&entries), Err(refused));
    }
    let mixed = [
        debit(1, "INR", most),
        credit(2, "INR", most),
        credit(3, "INR", "0.1"),
    ];
    assert!(pair_entries(&mixed).is_err());
}

#[test]
fn an_account_on_both_sides_is_not_paired_with_itself() {
    let entries = [
        debit(1, "INR", "10"),
        credit(1, "INR", "2"),
        credit(2, "INR", "8"),
    ];
    let net = [requested(wallet(1), wallet(2), "INR", "8")];
    assert_eq!(pair_entries(&entries).unwrap(), net);
    let nothing = [debit(1, "INR", "10"), credit(1, "INR", "10")];
    assert_eq!(pair_entries(&nothing), Ok(Vec::new()));
}

/// Debits of up to eight holders in three assets, with credits that make each asset balance.
fn balanced_entries() -> impl Strategy<Value = Vec<RequestedEntry>> {
    let side = || prop::collection::vec((0..8_u128, 0..3_usize, 1..10_000_i64, 0..4_u32), 1..25);
    (side(), any::<u64>()).prop_flat_map(|(debits, seed)| {
        let mut entries = Vec::new();
        let mut sums: BTreeMap<usize, Decimal> = BTreeMap::new();
        for (holder, asset, units, scale) in debits {
            let value = Decimal::new(units, scale);
            *sums.entry(asset).or_default() += value;
            entries.push(Debit(account(wallet(holder), CODES[asset]), value));
        }
        for (index, (asset, sum)) in sums.into_iter().enumerate() {
            let part = (sum * Decimal::new(3, 1)).normalize();
            let holder = 8 + u128::from(seed.wrapping_add(index.try_into().unwrap()) % 4);
            entries.push(Credit(account(wallet(holder), CODES[asset]), part));
            entries.push(Credit(
                account(wallet(holder % 5), CODES[asset]),
                sum - part,
            ));
        }
        Just(entries).prop_shuffle()
    })
}

const CODES: [&str; 3] = ["INR", "JPY", "USD"];

proptest! {
    #[test]
    fn pairing_keeps_every_accounts_net(entries in balanced_entries()) {
        let postings = pair_entries(&entries).unwrap();
        let mut nets: BTreeMap<AccountId, Decimal> = BTreeMap::new();
        for entry in &entries {
            match entry {
                Debit(account, amount) => *nets.entry(*account).or_default() -= amount,
                Credit(account, amount) => *nets.entry(*account).or_default() += amount,
            }
        }
        for posting in &postings {
            let [source, destination] = posting.accounts();
            prop_assert_ne!(source, destination);
            prop_assert!(posting.amount > Decimal::ZERO);
            *nets.entry(source).or_default() += posting.amount;
            *nets.entry(destination).or_default() -= posting.amount;
        }
        prop_assert!(nets.values().all(Decimal::is_zero), "{nets:?}");
        let assets = nets.keys().map(|account| account.asset).collect::<std::collections::BTreeSet<_>>();
        prop_assert!(postings.len() <= entries.len() - assets.len());
        prop_assert_eq!(pair_entries(&entries).unwrap(), postings);
    }
}
