//! Beancount's own programs on our books.

use std::collections::BTreeMap;

use books::{BooksRequest, Format};
use ledger_core::Event;
use ledger_core::transaction::{TransactionCause, TransactionEvent};
use rust_decimal::Decimal;
use serde_json::Value;

use super::support::{SEED, Town, file, python};

const FACTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/it/books/facts.py");

/// The balances as bean-query has them, by our names, which the books tell with accounts and commodities.
const BALANCES: &str = "SELECT open_meta(account)['holder'] AS holder, \
    currency_meta(currency)['asset'] AS asset, sum(number) AS net GROUP BY holder, asset";

/// `bean-check FILE`.
fn check(bytes: &[u8]) -> Result<(), String> {
    let (_folder, path) = file("books.beancount", bytes);
    let output = python(&["-m", "beancount.scripts.check"], &path);
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    match (output.status.success(), told.is_empty()) {
        (true, true) => Ok(()),
        _ => Err(told),
    }
}

/// `bean-query -f csv FILE QUERY`.
fn query(bytes: &[u8]) -> BTreeMap<String, Decimal> {
    let (folder, path) = file("books.beancount", bytes);
    // The program takes the file before the query.
    let run = "import sys; from beanquery.shell import main; \
               main(['-f', 'csv', sys.argv[2], sys.argv[1]])";
    let output = python(&["-c", run, BALANCES], &path);
    drop(folder);
    let told = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let mut lines = told.lines();
    assert_eq!(lines.next(), Some("holder,asset,net"));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let [holder, asset, net] = fields[..] else {
                panic!("{line}");
            };
            (format!("{holder}:{asset}"), net.parse().unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn beancount_finds_our_balances_and_no_error() {
    let town = Town::busy().await;
    let bytes = town.export(town.whole(Format::Beancount).await).await;
    check(&bytes).unwrap();
    let balances = town.balances().await;
    assert!(balances.len() > 200, "{} accounts", balances.len());
    assert_eq!(query(&bytes), balances, "seed {SEED}");

    // One unit of the last decimal, anywhere: it is the books that are checked, not their form.
    let text = String::from_utf8(bytes).unwrap();
    let place = text.find(" WEI-18\n").unwrap();
    let digit = text.as_bytes()[place - 1];
    let other = if digit == b'1' { "2" } else { "1" };
    let mut wrong = text.clone();
    wrong.replace_range(place - 1..place, other);
    let told = check(wrong.as_bytes()).unwrap_err();
    assert!(told.contains("does not balance"), "{told}");
    let place = text.rfind(" balance ").unwrap();
    let gone = text.rfind("\n\n").unwrap();
    assert!(gone < place, "assertions are in the last part");
}

#[tokio::test(flavor = "multi_thread")]
async fn beancount_reads_every_transaction_as_it_was_recorded() {
    let town = Town::busy().await;
    let bytes = town.export(town.whole(Format::Beancount).await).await;
    let (_folder, path) = file("books.beancount", &bytes);
    let output = python(&[FACTS], &path);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut told: BTreeMap<String, Value> = told
        .into_iter()
        .map(|one| (one["position"].as_str().unwrap().to_owned(), one))
        .collect();
    let mut reverts = 0;
    for recorded in town.log().await {
        let Event::Transaction(TransactionEvent::TransactionPosted {
            postings,
            effective_at,
            cause,
            reference,
            metadata,
            ..
        }) = &recorded.event
        else {
            continue;
        };
        let one = told.remove(&recorded.position.to_string()).unwrap();
        let id = recorded.stream.aggregate_id();
        assert_eq!(one["transaction"], id);
        assert_eq!(
            one["date"],
            effective_at.as_datetime().date_naive().to_string()
        );
        assert_eq!(one["effective_at"], effective_at.to_string());
        assert_eq!(one["recorded_at"], recorded.recorded_at.to_string());
        assert_eq!(one["postings"], postings.len() * 2);
        let expected = reference.as_ref().map(|reference| reference.as_str());
        assert_eq!(one["reference"].as_str(), expected);
        let told_metadata: BTreeMap<String, String> = one["metadata"]
            .as_str()
            .map_or_else(BTreeMap::new, |text| serde_json::from_str(text).unwrap());
        assert_eq!(&told_metadata, metadata.entries());
        let mut links = vec![id];
        if let TransactionCause::Revert(reverted) = cause {
            links.push(reverted.to_string());
            reverts += 1;
        }
        links.sort();
        assert_eq!(one["links"], Value::from(links));
    }
    assert!(told.is_empty(), "{told:?}");
    assert!(reverts > 50);
}

/// An empty ledger has books, and so has any time and position.
#[tokio::test(flavor = "multi_thread")]
async fn books_are_cut_on_both_axes() {
    let town = Town::busy().await;
    let whole = town.whole(Format::Beancount).await;
    let log = town.log().await;
    let middle = log[log.len() / 2].recorded_at;
    for until in [0, 1, log.len() / 2, log.len()] {
        for effective_until in [
            None,
            Some(middle),
            Some("1900-01-01T00:00:00Z".parse().unwrap()),
        ] {
            let mut request: BooksRequest = whole;
            request.scope.until = ledger_core::Position::START.plus(i64::try_from(until).unwrap());
            request.scope.effective_until = effective_until;
            let bytes = town.export(request).await;
            check(&bytes).unwrap();
            let mut expected = BTreeMap::<String, Decimal>::new();
            for recorded in &log[..until] {
                let Event::Transaction(TransactionEvent::TransactionPosted {
                    postings,
                    effective_at,
                    ..
                }) = &recorded.event
                else {
                    continue;
                };
                if effective_until.is_some_and(|until| *effective_at > until) {
                    continue;
                }
                for posting in postings {
                    let amount = posting.amount.value();
                    *expected.entry(posting.debited().to_string()).or_default() += amount;
                    *expected.entry(posting.credited().to_string()).or_default() -= amount;
                }
            }
            if expected.is_empty() {
                let text = String::from_utf8(bytes).unwrap();
                assert!(
                    text.ends_with(";; End of the books: 0 transactions.\n"),
                    "{text}"
                );
            } else {
                assert_eq!(query(&bytes), expected, "{until} {effective_until:?}");
            }
        }
    }
}
