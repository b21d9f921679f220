//! Journals written by hand.

use connectors::beancount::{
    AccountKind, ImportRequest, Journal, JournalAccount, JournalPosting, JournalTransaction,
};

/// The request every test without a file uses.
pub fn request() -> ImportRequest {
    ImportRequest::new(
        "books.beancount",
        "home".parse().unwrap(),
        "household".parse().unwrap(),
    )
}

/// An account; its kind is the first part of its name.
pub fn account(name: &str) -> JournalAccount {
    let kind = match name.split(':').next().unwrap() {
        "Assets" => AccountKind::Assets,
        "Liabilities" => AccountKind::Liabilities,
        "Equity" => AccountKind::Equity,
        "Income" => AccountKind::Income,
        "Expenses" => AccountKind::Expenses,
        other => panic!("{other} is no kind of account"),
    };
    JournalAccount {
        name: name.to_owned(),
        kind,
        opened: "2020-01-01".parse().unwrap(),
        closed: None,
        currencies: Vec::new(),
    }
}

/// A transaction of postings `(account, number, currency)`.
pub fn transaction(date: &str, postings: &[(&str, &str, &str)]) -> JournalTransaction {
    JournalTransaction {
        date: date.parse().unwrap(),
        flag: "*".to_owned(),
        payee: "Farmer Fresh".to_owned(),
        narration: "Buying groceries".to_owned(),
        tags: vec!["weekly".to_owned()],
        links: Vec::new(),
        file: "books.beancount".to_owned(),
        line: 42,
        postings: postings
            .iter()
            .map(|(account, number, currency)| JournalPosting {
                account: (*account).to_owned(),
                number: (*number).to_owned(),
                currency: (*currency).to_owned(),
                cost: None,
                price: None,
            })
            .collect(),
    }
}

/// The books of these transactions, with every account they name.
pub fn journal(transactions: Vec<JournalTransaction>) -> Journal {
    let mut names: Vec<&str> = Vec::new();
    for posting in transactions.iter().flat_map(|entry| &entry.postings) {
        if !names.contains(&posting.account.as_str()) {
            names.push(&posting.account);
        }
    }
    Journal {
        accounts: names.into_iter().map(account).collect(),
        transactions,
    }
}

/// One purchase.
pub fn purchase(number: &str) -> JournalTransaction {
    let given = format!("-{number}");
    transaction(
        "2026-01-31",
        &[
            ("Assets:Cash", given.as_str(), "USD"),
            ("Expenses:Food", number, "USD"),
        ],
    )
}

/// Books of so many purchases.
pub fn purchases(count: usize) -> Journal {
    journal((1..=count).map(|n| purchase(&format!("{n}.25"))).collect())
}
