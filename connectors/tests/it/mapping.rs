//! From books to commands.

use connectors::beancount::{ImportError, Journal, Plan, plan};
use ledger_core::posting::RequestedPosting;
use ledger_core::transaction::TransactionRequest;
use ledger_core::wallet::RequestedOverdraft;
use ledger_core::{Command, Holder};

use super::journals::{account, journal, purchase, purchases, request, transaction};

fn planned(journal: &Journal) -> Plan {
    plan(&request(), journal).unwrap()
}

fn refused(journal: &Journal) -> ImportError {
    plan(&request(), journal).unwrap_err()
}

fn posted(plan: &Plan, index: usize) -> &TransactionRequest {
    match &plan.transactions[index].command {
        Command::PostTransaction { request, .. } => request,
        other => panic!("{other:?}"),
    }
}

fn written(plan: &Plan, index: usize) -> Vec<String> {
    let name = |holder: Holder| {
        let mut mapped = plan.accounts.as_slice().iter();
        let mapped = mapped.find(|account| account.holder == holder);
        mapped.map_or_else(|| holder.to_string(), |account| account.name.clone())
    };
    let postings = posted(plan, index).postings.iter();
    postings
        .map(|posting| {
            let RequestedPosting {
                source,
                destination,
                asset,
                amount,
            } = *posting;
            format!("{} > {}: {amount} {asset}", name(source), name(destination))
        })
        .collect()
}

#[test]
fn a_purchase_moves_from_wallet_to_expenses() {
    let plan = planned(&purchases(1));
    assert_eq!(written(&plan, 0), ["Assets:Cash > Expenses:Food: 1.25 USD"]);
    let request = posted(&plan, 0);
    let effective_at = request.effective_at.unwrap().to_string();
    assert_eq!(effective_at, "2026-01-31T00:00:00.000000Z");
    let reference = request.reference.as_ref().unwrap();
    assert_eq!(reference.as_str(), "Buying groceries");
    let metadata = request.metadata.entries();
    assert_eq!(metadata["payee"], "Farmer Fresh");
    assert_eq!(metadata["tags"], "weekly");
    assert_eq!(metadata["ordinal"], "1");
    assert!(!metadata.contains_key("links"));
}

#[test]
fn assets_and_liabilities_become_wallets_that_may_be_overdrawn() {
    let plan = planned(&purchases(1));
    let opened = plan.setup.iter().find_map(|command| match command {
        Command::OpenWallet {
            owner,
            overdraft,
            reference,
            ..
        } => Some((owner, overdraft, reference)),
        _ => None,
    });
    let (owner, overdraft, reference) = opened.unwrap();
    assert_eq!(owner.as_str(), "household");
    assert_eq!(reference.as_ref().unwrap().as_str(), "Assets:Cash");
    let usd = "USD".parse().unwrap();
    assert_eq!(overdraft, &[(usd, RequestedOverdraft::Unlimited)]);
}

#[test]
fn a_conversion_goes_through_fx() {
    let mut bought = transaction(
        "2026-01-05",
        &[
            ("Assets:Broker:ITOT", "3", "ITOT"),
            ("Expenses:Fees", "8.95", "USD"),
            ("Assets:Broker:Cash", "-308.95", "USD"),
        ],
    );
    bought.postings[0].cost = Some("100.0012345 USD".to_owned());
    let plan = planned(&journal(vec![bought]));
    assert_eq!(
        written(&plan, 0),
        [
            "system:fx > Assets:Broker:ITOT: 3 ITOT",
            "Assets:Broker:Cash > Expenses:Fees: 8.95 USD",
            "Assets:Broker:Cash > system:fx: 300.00 USD",
        ]
    );
    let metadata = posted(&plan, 0).metadata.entries();
    assert_eq!(
        metadata["conversion.01"],
        "Assets:Broker:ITOT 3 ITOT {100.0012345 USD}"
    );
}

#[test]
fn a_residual_within_tolerance_is_kept_in_fx() {
    let books = journal(vec![transaction(
        "2026-01-05",
        &[
            ("Assets:Cash", "-10.01", "USD"),
            ("Expenses:Food", "10", "USD"),
        ],
    )]);
    assert_eq!(
        written(&planned(&books), 0),
        [
            "Assets:Cash > Expenses:Food: 10.00 USD",
            "Assets:Cash > system:fx: 0.01 USD"
        ]
    );
}

#[test]
fn an_account_on_both_sides_takes_part_with_the_difference() {
    let books = journal(vec![
        transaction(
            "2026-01-05",
            &[
                ("Assets:Lots", "5", "ITOT"),
                ("Assets:Lots", "3", "ITOT"),
                ("Assets:Lots", "-10", "ITOT"),
                ("Assets:Other", "2", "ITOT"),
            ],
        ),
        transaction(
            "2026-01-06",
            &[("Assets:Lots", "5", "ITOT"), ("Assets:Lots", "-5", "ITOT")],
        ),
        transaction("2026-01-07", &[("Assets:Lots", "0", "ITOT")]),
        transaction("2026-01-08", &[]),
    ]);
    let plan = planned(&books);
    assert_eq!(written(&plan, 0), ["Assets:Lots > Assets:Other: 2 ITOT"]);
    assert_eq!(plan.transactions.len(), 1);
    assert_eq!(plan.without_movement, 3);
}

#[test]
fn an_asset_of_its_own_gets_the_decimals_the_file_uses() {
    let books = journal(vec![transaction(
        "2026-01-05",
        &[
            ("Assets:A", "-1.2340000", "POINTS"),
            ("Assets:B", "1.2", "POINTS"),
            ("Assets:C", "0.034", "POINTS"),
        ],
    )]);
    let plan = planned(&books);
    let registered = Command::RegisterAsset {
        code: "POINTS".parse().unwrap(),
        scale: 3,
    };
    assert_eq!(plan.setup[0], registered);
    assert_eq!(written(&plan, 0)[0], "Assets:A > Assets:B: 1.200 POINTS");
}

#[test]
fn standard_assets_are_not_registered() {
    let plan = planned(&purchases(2));
    let registers = |command: &Command| matches!(command, Command::RegisterAsset { .. });
    assert!(!plan.setup.iter().any(registers));
}

#[test]
fn too_many_decimals_are_refused_with_their_place() {
    for (number, currency) in [
        ("1.005", "USD"),
        ("1.5", "JPY"),
        ("0.123456789", "BTC"),
        ("0.1234567890123456789", "POINTS"),
    ] {
        let given = format!("-{number}");
        let books = journal(vec![transaction(
            "2026-01-05",
            &[
                ("Assets:Cash", given.as_str(), currency),
                ("Expenses:Food", number, currency),
            ],
        )]);
        let error = refused(&books);
        assert_eq!(error.code(), "amount_too_many_decimals", "{currency}");
        assert!(error.to_string().contains("books.beancount:42"), "{error}");
        assert!(error.to_string().contains("Assets:Cash"), "{error}");
    }
    let trailing_zeros = planned(&journal(vec![purchase("1.500000")]));
    assert_eq!(trailing_zeros.transactions.len(), 1);
}

#[test]
fn numbers_that_cannot_be_kept_exactly_are_refused() {
    let too_long = ["1".repeat(40), "7".repeat(28), "9".repeat(27)];
    let malformed = ["1e5", "NaN", "", "+1", "0x10"].map(str::to_owned);
    for number in too_long.into_iter().chain(malformed) {
        let error = refused(&journal(vec![purchase(&number)]));
        assert_eq!(error.code(), "amount_too_large", "{number:?}");
    }
}

#[test]
fn what_a_ledger_cannot_say_is_refused() {
    let code = |books: &Journal| refused(books).code().to_owned();
    assert_eq!(code(&Journal::default()), "beancount_no_transactions");
    let still = journal(vec![transaction("2026-01-05", &[])]);
    assert_eq!(code(&still), "beancount_no_transactions");

    for date in ["1899-12-31", "2200-01-01"] {
        let mut far = purchase("1");
        far.date = date.parse().unwrap();
        assert_eq!(code(&journal(vec![far])), "beancount_date_out_of_range");
    }

    let mut odd = purchase("1");
    odd.postings[1].currency = "/ES'26".to_owned();
    assert_eq!(code(&journal(vec![odd])), "beancount_commodity_name");

    let mut unopened = purchases(1);
    unopened.accounts.pop();
    assert_eq!(code(&unopened), "beancount_account_not_opened");

    let mut long = purchases(1);
    long.accounts
        .push(account(&format!("Assets:{}", "X".repeat(256))));
    assert_eq!(code(&long), "beancount_account_name_too_long");
}

#[test]
fn more_postings_than_a_transaction_can_have_are_refused() {
    let names: Vec<String> = (0..1_001).map(|n| format!("Expenses:E{n}")).collect();
    let mut postings: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "1", "USD"))
        .collect();
    postings.push(("Assets:Cash", "-1001", "USD"));
    let error = refused(&journal(vec![transaction("2026-01-05", &postings)]));
    assert_eq!(error.code(), "too_many_postings");
    assert!(error.to_string().contains("books.beancount:42"), "{error}");
}

#[test]
fn long_texts_are_cut_and_odd_ones_cleaned() {
    let mut odd = purchase("1");
    odd.narration = format!("two\nlines\u{0}{}", "x".repeat(600));
    odd.payee = String::new();
    let plan = planned(&journal(vec![odd]));
    let request = posted(&plan, 0);
    let reference = request.reference.as_ref().unwrap().as_str();
    assert!(reference.starts_with("two lines x"), "{reference}");
    assert_eq!(reference.chars().count(), 256);
    let narration = &request.metadata.entries()["narration"];
    assert_eq!(narration.chars().count(), 512);
    assert!(narration.ends_with('…'));
}

#[test]
fn many_conversions_are_counted_beyond_those_noted() {
    let names: Vec<String> = (0..40).map(|n| format!("Assets:L{n}")).collect();
    let mut postings: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "1", "ITOT"))
        .collect();
    postings.push(("Assets:Cash", "-40", "USD"));
    let mut many = transaction("2026-01-05", &postings);
    many.links = vec!["a".to_owned(), "b".to_owned()];
    for posting in &mut many.postings {
        posting.price = Some("1 USD".to_owned());
    }
    let plan = planned(&journal(vec![many]));
    let metadata = posted(&plan, 0).metadata.entries();
    assert_eq!(metadata["conversions"], "41");
    assert_eq!(metadata["conversion.20"], "Assets:L19 1 ITOT @ 1 USD");
    assert!(!metadata.contains_key("conversion.21"));
    assert_eq!(metadata["links"], "a b");
}

#[test]
fn where_things_stand_is_no_part_of_the_content() {
    let books = purchases(3);
    let mut moved = books.clone();
    for transaction in &mut moved.transactions {
        transaction.line += 7;
        transaction.file = "/elsewhere/books.beancount".to_owned();
    }
    let mut changed = books.clone();
    changed.transactions[2].narration.push('!');
    let hash = |journal: &Journal| planned(journal).content_hash;
    assert_eq!(hash(&books), hash(&moved));
    assert_ne!(hash(&books), hash(&changed));
}

#[test]
fn postings_of_nothing_beside_others_are_left_out() {
    let books = journal(vec![transaction(
        "2026-01-05",
        &[
            ("Assets:Cash", "-2.50", "USD"),
            ("Expenses:Food", "2.50", "USD"),
            ("Expenses:Fun", "0", "USD"),
            ("Expenses:Tips", "-0.00", "USD"),
        ],
    )]);
    let plan = planned(&books);
    assert_eq!(written(&plan, 0), ["Assets:Cash > Expenses:Food: 2.50 USD"]);
}
