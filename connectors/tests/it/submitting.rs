//! Carrying plans out: once, twice, half, with changes, beside other books.

use connectors::beancount::{ImportRequest, Journal, Plan, Progress, carry_out, plan};
use event_store::executor::SubmitError;
use rust_decimal::Decimal;

use super::journals::{account, journal, purchase, purchases, request, transaction};
use super::memory_ledger::MemoryLedger;

const BATCH: usize = 250;

fn planned(journal: &Journal) -> Plan {
    plan(&request(), journal).unwrap()
}

fn named(source_name: &str) -> ImportRequest {
    let mut named = request();
    named.source_name = source_name.to_owned();
    named
}

fn food(plan: &Plan, ledger: &MemoryLedger) -> Decimal {
    let holder = plan.accounts.get("Expenses:Food").unwrap().holder;
    ledger.credits_less_debits(holder.account("USD".parse().unwrap()))
}

fn sum(count: usize) -> Decimal {
    (1..=count)
        .map(|n| Decimal::from(n) + Decimal::new(25, 2))
        .sum()
}

#[tokio::test]
async fn an_import_posts_everything_and_tells_how_far_it_is() {
    let ledger = MemoryLedger::default();
    let plan = planned(&purchases(2 * BATCH + 1));
    let mut seen: Vec<Progress> = Vec::new();
    let report = carry_out(&plan, &ledger, |progress| seen.push(progress)).await;
    let report = report.unwrap();
    assert!(report.ledger_opened && !report.changed_nothing());
    assert_eq!((report.posted, report.already_posted), (501, 0));
    let done: Vec<usize> = seen.iter().map(|progress| progress.done).collect();
    assert_eq!(done, [0, 250, 500, 501]);
    assert_eq!(seen[1].to_string(), "250 of 501");
    assert_eq!(food(&plan, &ledger), sum(501));
    let last = ledger.events().last().unwrap().position;
    assert_eq!(report.position, last);
}

#[tokio::test]
async fn a_second_import_changes_nothing_and_says_so() {
    let ledger = MemoryLedger::default();
    let plan = planned(&purchases(BATCH + 5));
    let first = carry_out(&plan, &ledger, |_| {}).await.unwrap();
    let events = ledger.events();
    let second = carry_out(&plan, &ledger, |_| {}).await.unwrap();
    assert_eq!(ledger.events(), events);
    assert!(second.changed_nothing());
    assert_eq!((second.posted, second.already_posted), (0, 255));
    assert_eq!(second.position, first.position);
    assert!(second.to_string().starts_with("nothing to do"), "{second}");
}

/// Whatever submission is the last before a crash, the next import ends where one would have.
#[tokio::test]
async fn an_import_that_was_cut_off_goes_on_where_it_stopped() {
    let mut books = purchases(2 * BATCH);
    // More to set up than fits one submission.
    let names = (0..2 * BATCH).map(|n| format!("Assets:Pocket{n}"));
    books.accounts.extend(names.map(|name| account(&name)));
    let plan = planned(&books);
    let whole = MemoryLedger::default();
    carry_out(&plan, &whole, |_| {}).await.unwrap();
    assert_eq!(whole.submissions(), 6);
    for crash in 0..whole.submissions() {
        let ledger = MemoryLedger::default();
        ledger.fail(crash, SubmitError::Stopping);
        let error = carry_out(&plan, &ledger, |_| {}).await.unwrap_err();
        assert_eq!(error.code(), "stopping");
        let report = carry_out(&plan, &ledger, |_| {}).await.unwrap();
        assert_eq!(report.posted + report.already_posted, 2 * BATCH);
        assert_eq!(ledger.events(), whole.events(), "cut off at {crash}");
    }
}

#[tokio::test]
async fn a_busy_log_is_tried_again() {
    let ledger = MemoryLedger::default();
    ledger.fail(0, SubmitError::Overloaded);
    ledger.fail(2, SubmitError::Unavailable);
    ledger.fail(4, SubmitError::OutcomeUnknown);
    let plan = planned(&purchases(3));
    let report = carry_out(&plan, &ledger, |_| {}).await.unwrap();
    assert_eq!(report.posted, 3);
}

#[tokio::test]
async fn a_log_that_stays_away_ends_the_import() {
    let ledger = MemoryLedger::default();
    for submission in 2..50 {
        ledger.fail(submission, SubmitError::Unavailable);
    }
    let plan = planned(&purchases(3));
    let error = carry_out(&plan, &ledger, |_| {}).await.unwrap_err();
    assert_eq!(error.code(), "log_unavailable");
    assert!(error.to_string().contains("0 of 3"), "{error}");
}

#[tokio::test]
async fn changed_books_under_the_same_name_are_refused_before_anything_is_written() {
    let ledger = MemoryLedger::default();
    let books = purchases(BATCH + 5);
    carry_out(&planned(&books), &ledger, |_| {}).await.unwrap();
    let events = ledger.events();
    let mut longer = books.clone();
    longer.transactions.push(purchase("9"));
    let mut shorter = books.clone();
    shorter.transactions.pop();
    let mut reworded = books.clone();
    reworded.transactions[0].narration.push('!');
    let mut another_account = books.clone();
    another_account.accounts.push(account("Expenses:Fun"));
    for changed in [longer, shorter, reworded, another_account] {
        let error = carry_out(&planned(&changed), &ledger, |_| {}).await;
        let error = error.unwrap_err();
        assert_eq!(error.code(), "beancount_file_changed");
        assert!(error.to_string().contains("books.beancount"), "{error}");
        assert_eq!(ledger.events(), events);
    }
}

#[tokio::test]
async fn books_that_change_between_a_crash_and_the_next_import_are_refused() {
    let ledger = MemoryLedger::default();
    ledger.fail(3, SubmitError::Stopping);
    let books = purchases(2 * BATCH);
    let error = carry_out(&planned(&books), &ledger, |_| {}).await;
    assert_eq!(error.unwrap_err().code(), "stopping");
    let events = ledger.events();
    let mut changed = books.clone();
    changed.transactions[BATCH + 1].payee.push('!');
    let error = carry_out(&planned(&changed), &ledger, |_| {}).await;
    assert_eq!(error.unwrap_err().code(), "beancount_file_changed");
    assert_eq!(ledger.events(), events);
}

#[tokio::test]
async fn other_books_of_a_ledger_share_its_system_accounts_and_assets() {
    let ledger = MemoryLedger::default();
    let points = |number: &str| {
        let given = format!("-{number}");
        let moved = [
            ("Assets:Card", number, "POINTS"),
            ("Income:Shop", given.as_str(), "POINTS"),
        ];
        journal(vec![purchase("5"), transaction("2026-01-05", &moved)])
    };
    let fine = plan(&named("a.beancount"), &points("1.25")).unwrap();
    carry_out(&fine, &ledger, |_| {}).await.unwrap();
    let coarse = plan(&named("b.beancount"), &points("2.5")).unwrap();
    let report = carry_out(&coarse, &ledger, |_| {}).await.unwrap();
    assert_eq!((report.ledger_opened, report.set_up), (false, 2));
    assert_eq!(food(&fine, &ledger), Decimal::from(10));
    let again = carry_out(&coarse, &ledger, |_| {}).await.unwrap();
    assert!(again.changed_nothing());

    let events = ledger.events();
    let finer = plan(&named("c.beancount"), &points("0.125")).unwrap();
    let error = carry_out(&finer, &ledger, |_| {}).await.unwrap_err();
    assert_eq!(error.code(), "beancount_asset_too_coarse");
    assert_eq!(ledger.events(), events);
}

#[tokio::test]
async fn what_the_ledger_refuses_is_told_with_its_place() {
    let ledger = MemoryLedger::default();
    let mut plan = planned(&purchases(2));
    // As if another program had used the second one's id.
    let twice = plan.transactions[0].clone();
    plan.transactions[1] = twice;
    let error = carry_out(&plan, &ledger, |_| {}).await.unwrap_err();
    assert_eq!(error.code(), "transaction_exists");
    assert!(error.to_string().contains("books.beancount:42"), "{error}");
}
