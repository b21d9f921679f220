//! Real files through real beancount.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use connectors::beancount::{
    ExpectedBalance, ImportError, ImportRequest, Plan, Python, expected_balances, generate_example,
    import, prepare,
};
use ledger_core::book::NewEvent;
use ledger_core::transaction::TransactionEvent;
use ledger_core::{AccountId, Event, Timestamp};
use rust_decimal::Decimal;

use super::memory_ledger::MemoryLedger;

/// A folder that is removed at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("daybook-beancount-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn python() -> Python {
    let path = std::env::var_os("DAYBOOK_PYTHON");
    Python::new(path.expect("DAYBOOK_PYTHON names a Python interpreter that has beancount"))
}

fn request(file: &Path) -> ImportRequest {
    let (ledger, owner) = ("home".parse().unwrap(), "household".parse().unwrap());
    ImportRequest::new(file, ledger, owner)
}

async fn prepared(file: &Path) -> Result<Plan, ImportError> {
    prepare(&request(file), &python()).await
}

async fn refused(file: &Path) -> ImportError {
    match prepared(file).await {
        Ok(plan) => panic!("took {} transactions", plan.transactions.len()),
        Err(error) => error,
    }
}

/// Credits less debits of every account, from the events effective by then.
fn balances(events: &[NewEvent], as_of: Timestamp) -> BTreeMap<AccountId, Decimal> {
    let mut balances: BTreeMap<AccountId, Decimal> = BTreeMap::new();
    for event in events {
        let Event::Transaction(TransactionEvent::TransactionPosted {
            postings,
            effective_at,
            ..
        }) = &event.event
        else {
            continue;
        };
        if *effective_at > as_of {
            continue;
        }
        for posting in postings {
            *balances.entry(posting.debited()).or_default() -= posting.amount.value();
            *balances.entry(posting.credited()).or_default() += posting.amount.value();
        }
    }
    balances
}

fn assert_as_expected(
    expected: &[ExpectedBalance],
    mut found: BTreeMap<AccountId, Decimal>,
    when: &str,
) {
    for row in expected {
        let found = found.remove(&row.account).unwrap_or_default();
        assert_eq!(found, row.credits_less_debits, "{when}: {row:?}");
    }
    assert_eq!(found, BTreeMap::new(), "{when}: unknown to beancount");
}

async fn assert_imported_as_beancount_says(file: &Path) -> (Plan, usize) {
    let ledger = MemoryLedger::default();
    let report = import(&request(file), &ledger, &python(), |_| {})
        .await
        .unwrap();
    let plan = prepared(file).await.unwrap();
    assert_eq!(report.posted, plan.transactions.len());
    let expected = expected_balances(&python(), file, &plan).await.unwrap();
    let events = ledger.events();
    let end: Timestamp = "2199-12-31T00:00:00Z".parse().unwrap();
    assert_as_expected(&expected.closing, balances(&events, end), "closing");
    for row in &expected.closing {
        let found = ledger.credits_less_debits(row.account);
        assert_eq!(found, row.credits_less_debits, "{row:?}");
    }
    for month in &expected.month_ends {
        let found = balances(&events, month.as_of);
        assert_as_expected(&month.balances, found, &month.last_day.to_string());
    }
    (plan, expected.month_ends.len())
}

#[tokio::test]
async fn ten_years_of_a_household_hold_what_beancount_says_at_every_months_end() {
    let folder = Folder::new();
    let file = folder.0.join("household.beancount");
    generate_example(&python(), &file).await.unwrap();
    let (plan, months) = assert_imported_as_beancount_says(&file).await;
    assert!(
        plan.transactions.len() > 3_000,
        "{}",
        plan.transactions.len()
    );
    assert_eq!(plan.assets.len(), 9);
    assert_eq!(months, 120);
}

#[tokio::test]
async fn the_example_is_the_same_every_time() {
    let folder = Folder::new();
    let (first, second) = (folder.0.join("a"), folder.0.join("b"));
    generate_example(&python(), &first).await.unwrap();
    generate_example(&python(), &second).await.unwrap();
    let read = |file| std::fs::read(file).unwrap();
    assert_eq!(read(first), read(second));
}

#[tokio::test]
async fn an_example_that_cannot_be_written_is_an_error() {
    let folder = Folder::new();
    let file = folder.0.join("no such folder/example");
    let error = generate_example(&python(), &file).await.unwrap_err();
    assert_eq!(error.code(), "beancount_adapter_failed");
}

/// Prices, lots, pads, tolerances, tags, other roots and foreign letters.
const ODD_BOOKS: &str = r#"
option "name_expenses" "Ausgaben"
2024-01-01 open Assets:Bank
2024-01-01 open Assets:Bank-Reserve
2024-01-01 open Assets:Aktien
2024-01-01 open Equity:Opening
2024-01-01 open Income:Gewinn
2024-01-01 open Ausgaben:Essen
2024-01-01 open Ausgaben:Café
2024-01-01 pad Assets:Bank Equity:Opening
2024-01-10 balance Assets:Bank 1000.00 EUR
2024-01-15 ! "Laden" "Brot" #essen ^rechnung-1
  Assets:Bank          -3.50 EUR
  Ausgaben:Essen
2024-01-16 * "Reise"
  Assets:Bank        -100.00 EUR @ 1.10 USD
  Assets:Bank         110.00 USD
2024-01-17 * "Gleichstand"
2024-01-20 * "Kauf"
  Assets:Aktien       10.125 ACME {3.333333 USD}
  Assets:Bank         -33.75 USD
2024-03-31 * "Verkauf"
  Assets:Aktien          -4 ACME {3.333333 USD} @ 5 USD
  Assets:Bank          20.00 USD
  Income:Gewinn        -6.67 USD
2024-03-31 * "Tausch"
  Assets:Aktien          -1 ACME {3.333333 USD}
  Assets:Aktien           1 ACME {3.333333 USD, "neu"}
2024-05-01 * "Café" ""
  Ausgaben:Café         400 JPY @@ 2.50 EUR
  Assets:Bank         -2.50 EUR
2024-05-02 close Assets:Bank-Reserve
"#;

#[tokio::test]
async fn odd_books_hold_what_beancount_says() {
    let folder = Folder::new();
    let file = folder.file("odd.beancount", ODD_BOOKS);
    let (plan, months) = assert_imported_as_beancount_says(&file).await;
    assert_eq!(months, 5);
    assert_eq!(plan.without_movement, 2);
    let food = plan.accounts.get("Ausgaben:Essen").unwrap();
    assert_eq!(food.holder.to_string(), "system:expenses.essen");
}

#[tokio::test]
async fn books_can_be_moved_and_commented_between_imports() {
    let folder = Folder::new();
    let ledger = MemoryLedger::default();
    let file = folder.file("odd.beancount", ODD_BOOKS);
    let first = import(&request(&file), &ledger, &python(), |_| {}).await;
    assert!(!first.unwrap().changed_nothing());
    let elsewhere = Folder::new();
    let commented = format!("; a note\n\n{ODD_BOOKS}\n; another\n");
    let file = elsewhere.file("odd.beancount", commented);
    let second = import(&request(&file), &ledger, &python(), |_| {}).await;
    assert!(second.unwrap().changed_nothing());
    let changed = ODD_BOOKS.replace("-4 ACME", "-4.0001 ACME");
    let file = elsewhere.file("odd.beancount", changed);
    let third = import(&request(&file), &ledger, &python(), |_| {}).await;
    assert_eq!(third.unwrap_err().code(), "beancount_file_changed");
}

#[tokio::test]
async fn files_that_are_not_there_or_not_files_are_refused() {
    let folder = Folder::new();
    let missing = refused(&folder.0.join("missing.beancount")).await;
    assert_eq!(missing.code(), "beancount_file_not_readable");
    assert_eq!(refused(&folder.0).await.code(), "beancount_not_a_file");
}

#[tokio::test]
async fn files_that_are_not_beancount_are_refused() {
    let folder = Folder::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(4_096).collect();
    let binary = refused(&folder.file("binary.beancount", bytes)).await;
    assert_eq!(binary.code(), "beancount_errors");
    assert!(binary.to_string().len() < 4_000, "{binary}");
    let text = refused(&folder.file("text.beancount", "Dear diary,\n")).await;
    assert_eq!(text.code(), "beancount_errors");
}

#[tokio::test]
async fn empty_files_are_refused() {
    let folder = Folder::new();
    let only_opens = "2026-01-01 open Assets:Cash USD\n";
    for content in ["", "\n; nothing yet\n", only_opens] {
        let error = refused(&folder.file("empty.beancount", content)).await;
        assert_eq!(error.code(), "beancount_no_transactions", "{content:?}");
    }
}

const ACCOUNTS: &str = "\
2024-01-01 open Assets:Cash
2024-01-01 open Expenses:Food
";

const PURCHASE: &str = "\
2024-01-02 * \"x\"
  Assets:Cash -5 USD
  Expenses:Food 5 USD
";

#[tokio::test]
async fn books_that_beancount_finds_wrong_are_refused() {
    let folder = Folder::new();
    let unbalanced = PURCHASE.replace("5 USD\n  Exp", "6 USD\n  Exp");
    let unopened = PURCHASE.replace("Food", "Fun");
    let failing = "2024-01-02 balance Assets:Cash 5 USD\n".to_owned();
    let cut_off = PURCHASE.replace("\"x\"", "\"x");
    for wrong in [unbalanced, unopened, failing, cut_off] {
        let file = folder.file("wrong.beancount", format!("{ACCOUNTS}{wrong}"));
        let error = refused(&file).await;
        assert_eq!(error.code(), "beancount_errors", "{wrong}");
        assert!(error.to_string().contains("wrong.beancount:"), "{error}");
    }
}

#[tokio::test]
async fn too_many_decimals_are_refused_with_their_place() {
    let folder = Folder::new();
    let thirds = PURCHASE.replace("5 USD", "100/3 USD");
    let file = folder.file("thirds.beancount", format!("{ACCOUNTS}{thirds}"));
    let error = refused(&file).await;
    assert_eq!(error.code(), "amount_too_many_decimals");
    assert!(error.to_string().contains("thirds.beancount:3"), "{error}");
}

#[tokio::test]
async fn accounts_that_would_become_the_same_are_refused() {
    let folder = Folder::new();
    let books = format!("{ACCOUNTS}2024-01-01 open Expenses:FOOD\n{PURCHASE}");
    let file = folder.file("twins.beancount", books);
    assert_eq!(refused(&file).await.code(), "beancount_account_collision");
}

/// A file from somebody else must not run that somebody's code.
#[tokio::test]
async fn plugins_and_caches_beside_the_file_are_not_run() {
    let folder = Folder::new();
    let trap = folder.0.join("sprung");
    let code = format!("open({trap:?}, 'w')\n__plugins__ = ()\n");
    for module in ["evil.py", "beancount.py", "collections.py"] {
        folder.file(module, &code);
    }
    let harmless = format!(
        "option \"insert_pythonpath\" \"TRUE\"\n\
         plugin \"beancount.plugins.unique_prices\"\n{ACCOUNTS}{PURCHASE}"
    );
    let evil = harmless.replace("beancount.plugins.unique_prices", "evil");
    let error = refused(&folder.file("trap.beancount", &evil)).await;
    assert_eq!(error.code(), "beancount_plugin_not_allowed");
    assert!(error.to_string().contains("evil"), "{error}");
    // Plugins of included files are no concern of the loader.
    let outer = folder.file("outer.beancount", "include \"trap.beancount\"\n");
    assert_eq!(prepared(&outer).await.unwrap().transactions.len(), 1);

    // os.system("touch …"), as a pickle.
    let pickle = format!("cos\nsystem\n(S'touch {}'\ntR.", trap.display());
    let cache = folder.file(".trap.beancount.picklecache", pickle);
    let file = folder.file("trap.beancount", harmless);
    assert_eq!(prepared(&file).await.unwrap().transactions.len(), 1);
    assert!(cache.exists(), "reading must leave the folder as it was");
    assert!(!trap.exists(), "code beside the file was run");
}

#[tokio::test]
async fn interpreters_that_are_not_there_or_are_none_are_told() {
    let folder = Folder::new();
    let file = folder.file("odd.beancount", ODD_BOOKS);
    let missing = folder.0.join("python3");
    for (python, code) in [
        (missing.as_path(), "python_not_started"),
        (Path::new("false"), "beancount_adapter_failed"),
        (Path::new("true"), "beancount_adapter_output"),
    ] {
        let error = prepare(&request(&file), &Python::new(python)).await;
        assert_eq!(error.unwrap_err().code(), code, "{}", python.display());
    }
}

#[tokio::test]
async fn names_with_spaces_dashes_and_quotes_are_read() {
    let folder = Folder::new();
    let books = format!("{ACCOUNTS}{PURCHASE}");
    for name in [
        "-my books.beancount",
        "größe.beancount",
        "'; exit 1.beancount",
    ] {
        let file = folder.file(name, &books);
        let plan = prepared(&file).await.unwrap();
        assert_eq!(plan.transactions.len(), 1, "{name}");
        assert_eq!(plan.source_name, name);
    }
}
