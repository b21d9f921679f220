//! What accounts and transactions are called in the ledger.

use connectors::beancount::{Journal, Plan, plan};
use ledger_core::posting::NormalSide;

use super::journals::{account, purchases, request};

fn planned(journal: &Journal) -> Plan {
    plan(&request(), journal).unwrap()
}

#[test]
fn system_accounts_have_readable_names_and_natural_sides() {
    let mut books = purchases(1);
    for name in ["Income:US:Babble:Salary", "Equity:Opening-Balances"] {
        books.accounts.push(account(name));
    }
    let plan = planned(&books);
    for (name, holder, normal_side) in [
        (
            "Income:US:Babble:Salary",
            "system:income.us.babble.salary",
            NormalSide::Debit,
        ),
        (
            "Equity:Opening-Balances",
            "system:equity.opening-balances",
            NormalSide::Debit,
        ),
        ("Expenses:Food", "system:expenses.food", NormalSide::Credit),
    ] {
        let mapped = plan.accounts.get(name).unwrap();
        assert_eq!(mapped.holder.to_string(), holder);
        assert_eq!(mapped.normal_side, normal_side, "{name}");
    }
}

#[test]
fn long_and_foreign_names_stay_apart() {
    let long = format!("Expenses:{}", "Very-Long-Name:".repeat(4));
    let names = [
        format!("{long}One"),
        format!("{long}Two"),
        "Expenses:Café".to_owned(),
        "Expenses:Cafè".to_owned(),
        "Expenses:日本".to_owned(),
    ];
    let mut books = purchases(1);
    books
        .accounts
        .extend(names.iter().map(|name| account(name)));
    let plan = planned(&books);
    let mut holders: Vec<_> = plan
        .accounts
        .as_slice()
        .iter()
        .map(|account| account.holder)
        .collect();
    assert_eq!(holders.len(), names.len() + 2);
    holders.sort();
    holders.dedup();
    assert_eq!(holders.len(), names.len() + 2);
    let cafe = plan.accounts.get("Expenses:Café").unwrap().holder;
    assert!(cafe.to_string().starts_with("system:expenses.caf_-"));
}

#[test]
fn names_that_differ_in_case_only_are_refused() {
    let mut books = purchases(1);
    books.accounts.push(account("Expenses:FOOD"));
    let error = plan(&request(), &books).unwrap_err();
    assert_eq!(error.code(), "beancount_account_collision");
    assert!(error.to_string().contains("Expenses:Food"), "{error}");
    assert!(error.to_string().contains("Expenses:FOOD"), "{error}");
}

#[test]
fn wallets_that_differ_in_case_only_stay_apart() {
    let mut books = purchases(1);
    books.accounts.push(account("Assets:CASH"));
    let plan = planned(&books);
    let holder = |name| plan.accounts.get(name).unwrap().holder;
    assert_ne!(holder("Assets:CASH"), holder("Assets:Cash"));
}

#[test]
fn ids_follow_from_ledger_and_name() {
    let books = purchases(1);
    let first = planned(&books);
    assert_eq!(first, planned(&books));
    let mut elsewhere = request();
    elsewhere.ledger = "office".parse().unwrap();
    let mut renamed = request();
    renamed.source_name = "other.beancount".to_owned();
    for other in [elsewhere, renamed] {
        let other = plan(&other, &books).unwrap();
        assert_ne!(other.transactions[0].command, first.transactions[0].command);
        assert_ne!(other.namespace, first.namespace);
    }
}
