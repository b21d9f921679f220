//! Which account and commodity of the books stands for which of ours.
//!
//! Beancount demands one of five roots, capitals or digits at the beginning of each part of an account's name
//! and no `_` or `.` in it, and capitals in commodities. The other formats use the same names of accounts, so
//! that books in two formats can be compared. No two of our names become the same, and none becomes the parent of
//! another: what beancount asserts of an account includes the accounts under it.
//!
//! | ours | in the books |
//! |---|---|
//! | `wallet:<uuid>` | `Liabilities:Wallets:W-<uuid>` |
//! | `system:cash` (debit) | `Assets:Cash` |
//! | `system:gateway_clearing.razorpay` (debit) | `Assets:GatewayClearing-Razorpay` |
//! | `system:fees` (credit) | `Income:Fees` |
//! | `system:fees_2024` (credit) | `Liabilities:0feesU2024`, see [`account_name`] |

use std::borrow::Cow;

use ledger_core::posting::NormalSide;
use ledger_core::{AssetCode, Holder};

/// The part of an account's name under which wallets stand.
const WALLETS: &str = "Wallets";

/// The root of a system account, by the part of its name before the first point and the side on which it grows.
///
/// Everything else that grows by debits is an asset, and everything else that grows by credits a liability.
const ROOTS: [(&str, NormalSide, &str); 6] = [
    ("fees", NormalSide::Credit, "Income"),
    ("fees", NormalSide::Debit, "Expenses"),
    ("gateway_fees", NormalSide::Debit, "Expenses"),
    ("gateway_tax", NormalSide::Debit, "Expenses"),
    ("losses", NormalSide::Debit, "Expenses"),
    ("fx", NormalSide::Debit, "Equity"),
];

/// The account of the books in which a holder's assets are counted.
///
/// In the name of a system account the first letter becomes a capital, and so does a letter behind a point or `_`; the
/// point becomes `-`, and `_` is left out. A name of which that cannot be taken back (a point or `_` before
/// anything but a letter, or behind anything but a letter or digit), and `wallets`, is kept whole instead: behind `0`, with
/// `U` for `_` and `D` for a point. Our names have no capitals and begin with a letter, so neither form can be
/// taken for another's.
#[must_use]
pub fn account_name(holder: Holder, side: NormalSide) -> String {
    match holder {
        Holder::Wallet(id) => format!("Liabilities:{WALLETS}:W-{id}"),
        Holder::System(name) => {
            let name = name.as_str();
            let root = root(name, side);
            match readable(name) {
                Some(own) => format!("{root}:{own}"),
                None => format!("{root}:0{}", name.replace('_', "U").replace('.', "D")),
            }
        }
    }
}

fn root(name: &str, side: NormalSide) -> &'static str {
    let purpose = name.split('.').next().unwrap_or(name);
    let known = ROOTS
        .iter()
        .find(|(known, on, _)| *known == purpose && *on == side);
    match (known, side) {
        (Some((_, _, root)), _) => root,
        (None, NormalSide::Debit) => "Assets",
        (None, NormalSide::Credit) => "Liabilities",
    }
}

/// The readable form of a system account's name, if it can be taken back.
fn readable(name: &str) -> Option<String> {
    let mut written = String::with_capacity(name.len());
    let mut characters = name.chars();
    let mut last = characters.next()?;
    written.push(last.to_ascii_uppercase());
    while let Some(character) = characters.next() {
        if let '_' | '.' = character {
            let next = characters.next().filter(char::is_ascii_lowercase)?;
            if last == '-' {
                return None;
            }
            if character == '.' {
                written.push('-');
            }
            written.push(next.to_ascii_uppercase());
            last = next;
        } else {
            written.push(character);
            last = character;
        }
    }
    (written != WALLETS).then_some(written)
}

/// The commodity that stands for an asset in beancount: its code, or the code and `'D` where that alone would be
/// no commodity. No code of ours has an apostrophe, so no two become the same.
///
/// The rule is that of beancount's lexer (`beancount/parser/lexer.l`): at least two characters, the last of them
/// a capital or digit, and not one of the words `TRUE`, `FALSE` and `NULL`.
#[must_use]
pub fn beancount_commodity(asset: &AssetCode) -> Cow<'_, str> {
    let code = asset.as_str();
    let ends_well = code
        .bytes()
        .last()
        .is_some_and(|last| last.is_ascii_alphanumeric());
    if code.len() > 1 && ends_well && !["TRUE", "FALSE", "NULL"].contains(&code) {
        Cow::Borrowed(code)
    } else {
        Cow::Owned(format!("{code}'D"))
    }
}

/// The commodity that stands for an asset in hledger: its code, in quotes unless it is letters alone.
#[must_use]
pub fn hledger_commodity(asset: &AssetCode) -> Cow<'_, str> {
    let code = asset.as_str();
    if code.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        Cow::Borrowed(code)
    } else {
        Cow::Owned(format!("\"{code}\""))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn system(name: &str, side: NormalSide) -> String {
        account_name(Holder::System(name.parse().unwrap()), side)
    }

    #[test]
    fn accounts_stand_where_an_accountant_looks_for_them() {
        use NormalSide::{Credit, Debit};
        for (name, side, expected) in [
            ("cash", Debit, "Assets:Cash"),
            (
                "gateway_clearing.razorpay",
                Debit,
                "Assets:GatewayClearing-Razorpay",
            ),
            ("gateway_fees.stripe", Debit, "Expenses:GatewayFees-Stripe"),
            ("gateway_tax.payu", Debit, "Expenses:GatewayTax-Payu"),
            ("losses", Debit, "Expenses:Losses"),
            ("fees", Credit, "Income:Fees"),
            ("fees.cards", Credit, "Income:Fees-Cards"),
            ("suspense", Credit, "Liabilities:Suspense"),
            ("disputed.stripe", Credit, "Liabilities:Disputed-Stripe"),
            ("fx", Debit, "Equity:Fx"),
            ("a-b", Debit, "Assets:A-b"),
            ("fees_2024", Credit, "Liabilities:0feesU2024"),
            ("fees.2024", Credit, "Income:0feesD2024"),
            ("a_", Debit, "Assets:0aU"),
            ("a..b", Debit, "Assets:0aDDb"),
            ("a-.b", Debit, "Assets:0a-Db"),
            ("wallets", Credit, "Liabilities:0wallets"),
            ("wallets.w-1", Credit, "Liabilities:Wallets-W-1"),
        ] {
            assert_eq!(system(name, side), expected);
        }
        let id = "0190b8a2-5b7e-7c3d-8f00-0000000000a1";
        let wallet = format!("wallet:{id}").parse().unwrap();
        assert_eq!(
            account_name(wallet, Credit),
            format!("Liabilities:Wallets:W-{id}")
        );
    }

    #[test]
    fn codes_that_beancount_would_misread_are_marked() {
        for (code, expected) in [
            ("INR", "INR"),
            ("LOYALTY-POINTS", "LOYALTY-POINTS"),
            ("X", "X'D"),
            ("A.", "A.'D"),
            ("TRUE", "TRUE'D"),
            ("NULL", "NULL'D"),
            ("TRUER", "TRUER"),
        ] {
            let asset: AssetCode = code.parse().unwrap();
            assert_eq!(beancount_commodity(&asset), expected);
        }
        for (code, expected) in [("INR", "INR"), ("X1", "\"X1\""), ("A.", "\"A.\"")] {
            let asset: AssetCode = code.parse().unwrap();
            assert_eq!(hledger_commodity(&asset), expected);
        }
    }

    /// The parts of an account's name as beancount's lexer wants them.
    fn is_legal(account: &str) -> bool {
        let mut parts = account.split(':');
        let root = parts.next().unwrap();
        let own = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_uppercase() || first.is_ascii_digit())
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        ["Assets", "Liabilities", "Equity", "Income", "Expenses"].contains(&root)
            && parts.next().is_some_and(own)
            // Nothing is under a system account.
            && parts.next().is_none()
    }

    proptest! {
        #[test]
        fn no_two_names_become_the_same(names in prop::collection::hash_set("[a-c]([ab1]|_|-|\\.){0,6}", 2..200)) {
            let mut seen = HashMap::new();
            for name in &names {
                let account = system(name, NormalSide::Debit);
                prop_assert!(is_legal(&account), "{name}: {account}");
                let before = seen.insert(account.clone(), name);
                prop_assert!(before.is_none(), "{name} and {before:?} are {account}");
            }
        }

        #[test]
        fn any_name_is_legal(name in "[a-z][a-z0-9_.-]{0,47}") {
            prop_assert!(is_legal(&system(&name, NormalSide::Credit)));
        }
    }
}
