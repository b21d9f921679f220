//! Accounts with so many dated entries that they have runs: answers equal a naive sum, rows do not depend on how
//! the log was cut, and what is wrong with them is found.

use ledger_core::{AccountId, Position, Timestamp};
use projections::queries::accounts::RecordedUntil;
use projections::queries::statements::{Axis, StatementRequest};
use projections::queries::{PageRequest, QueryError};
use projections::read_model::{Tables, create_tables};
use projections::verify::{Difference, VerifyError, verify};
use projections::{ReadModelName, rebuild};
use rust_decimal::Decimal;

use super::axes::{Mixed, SEED, moves, post};
use super::history::{Line, Move, account, system, time};
use super::statements::{ask, check, expect, is_known};
use crate::harness::{Projected, TestDatabase, fold, rows_of, submission};

impl Mixed {
    fn bound(&mut self, times: &[Timestamp]) -> Option<Timestamp> {
        match self.dice.below(4) {
            0 => None,
            _ => Some(self.dice.pick(times)),
        }
    }

    /// Balances, statements and trial balances at random places of both axes.
    async fn check(&mut self, rounds: usize) {
        let (times, head) = (self.times(), self.node.bench.head().await);
        for round in 0..rounds {
            let id = self.dice.pick(&self.accounts);
            let (until, cut) = (self.bound(&times), self.cut(&times, head));
            check_sums(&self.node, &self.moves, id, until, cut).await;
            if round % 4 == 0 {
                let request = StatementRequest {
                    account: id,
                    axis: self.dice.pick(&[Axis::Effective, Axis::Recorded]),
                    from: self.bound(&times),
                    until: self.bound(&times),
                    recorded: cut,
                };
                let limit = self.dice.pick(&[40, 333, 1_000]);
                let (statement, entries) = ask(&self.node, request, limit).await;
                check(&statement, &entries, &expect(&self.moves, request));
            }
        }
    }
}

/// The balance of an account and the trial balance; all of it is in rupees.
async fn check_sums(
    node: &Projected,
    moves: &[Move],
    id: AccountId,
    until: Option<Timestamp>,
    cut: RecordedUntil,
) {
    let (mut debits, mut credits, mut all) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    let counts = |moved: &&Move| {
        is_known(moved, cut) && until.is_none_or(|until| moved.effective_at <= until)
    };
    for moved in moves.iter().filter(counts) {
        all += moved.amount;
        if account(moved.source, moved.asset) == id {
            debits += moved.amount;
        }
        if account(moved.destination, moved.asset) == id {
            credits += moved.amount;
        }
    }
    let (queries, ledger) = (&node.queries, node.ledger);
    let at = queries.balance_at(ledger, id, until, cut).await.unwrap();
    let at = at.value.unwrap();
    assert_eq!((at.debits, at.credits), (debits, credits));
    let trial = queries.trial_balance_at(ledger, until, cut).await.unwrap();
    let sums = trial.value.iter().map(|row| (row.debits, row.credits));
    let expected = (!all.is_zero()).then_some((all, all));
    assert_eq!(sums.collect::<Vec<_>>(), Vec::from_iter(expected));
}

/// How many runs of each level there are.
async fn runs(node: &Projected) -> Vec<(i32, i64)> {
    sqlx::query_as(
        "SELECT level, count(*) FROM (SELECT DISTINCT account_key, level, run \
         FROM read_models.dated_runs) AS run GROUP BY level ORDER BY level",
    )
    .fetch_all(node.database.pool())
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_thousands_of_dated_entries_answers_equal_a_naive_sum() {
    let mut mixed = Mixed::of(160, 60).await;
    let levels = runs(&mixed.node).await;
    assert!(levels.len() >= 2 && levels[1].1 >= 4, "{levels:?}");
    mixed.check(160).await;
    mixed.node.stop_projectors().await;
    let (node, name) = (&mixed.node, ReadModelName::Statements);
    let mut connection = node.database.dedicated_connection().await.unwrap();
    let live = rows_of(&mut connection, name, Tables::Live).await;
    let log = node.log().await;
    for page in [5, 97, 1_024, log.len()] {
        let mut connection = node.database.dedicated_connection().await.unwrap();
        create_tables(&mut connection, name.read_model(), Tables::Temporary)
            .await
            .unwrap();
        fold(
            &mut connection,
            name,
            Tables::Temporary,
            node.ledger,
            &log,
            page,
        )
        .await;
        let rows = rows_of(&mut connection, name, Tables::Temporary).await;
        assert!(rows == live, "seed {SEED}: in pages of {page}");
    }
    rebuild::rebuild(&node.database, name, &mut |_| {})
        .await
        .unwrap();
    let rebuilt = rows_of(&mut connection, name, Tables::Live).await;
    assert!(rebuilt == live, "seed {SEED}: rebuilt");
    mixed.check(40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_run_that_is_wrong_or_missing_is_found() {
    let mixed = Mixed::of(20, 60).await;
    let (database, ledger) = (&mixed.node.database, mixed.node.ledger);
    verify(database, ledger, &mut |_| {}).await.unwrap();
    let one = "WHERE ctid = (SELECT ctid FROM read_models.dated_runs ORDER BY ctid LIMIT 1)";
    for tamper in [
        format!("UPDATE read_models.dated_runs SET credits = credits + 0.01 {one}"),
        format!("DELETE FROM read_models.dated_runs {one}"),
    ] {
        let changed = sqlx::query(&tamper).execute(database.pool()).await.unwrap();
        assert_eq!(changed.rows_affected(), 1);
        let found = verify(database, ledger, &mut |_| {}).await;
        assert!(
            matches!(
                &found,
                Err(VerifyError::Difference(difference)) if matches!(
                    **difference,
                    Difference::ReadModel { table: "dated_runs", .. }
                )
            ),
            "{tamper}: {found:?}"
        );
        rebuild::rebuild(database, ReadModelName::Statements, &mut |_| {})
            .await
            .unwrap();
        verify(database, ledger, &mut |_| {}).await.unwrap();
    }
}

/// Forty thousand entries in one account, a thousand to a transaction, in no order of time.
#[tokio::test(flavor = "multi_thread")]
async fn runs_of_the_highest_level_are_used() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let lines: Vec<Line> = vec![(system("cash"), system("fees"), "INR", "0.01"); 1_000];
    for number in 0..40 {
        let year = 1950 + (number * 17) % 40;
        let at = time(&format!("{year}-06-01T00:00:00Z"));
        let outcome = node.bench.submit(submission(post(&lines, Some(at)))).await;
        assert_eq!(outcome.unwrap().refusal(), None);
    }
    node.settled().await;
    assert_eq!(
        runs(&node).await,
        [(1, 2 * 1_250), (2, 2 * 39), (3, 2)],
        "of two accounts"
    );
    let moves = moves(&node).await;
    let id = account(system("cash"), "INR");
    let head = node.bench.head().await;
    for year in [1949, 1950, 1961, 1975, 1989, 2000] {
        let until = Some(time(&format!("{year}-12-31T00:00:00Z")));
        for cut in [
            RecordedUntil::Now,
            RecordedUntil::Position(Position::START.plus(head.value() - 7)),
            RecordedUntil::Position(Position::START.plus(head.value() - 8)),
            RecordedUntil::Position(Position::START.plus(20)),
        ] {
            check_sums(&node, &moves, id, until, cut).await;
        }
        let request = StatementRequest {
            account: id,
            axis: Axis::Effective,
            from: Some(time(&format!("{year}-01-01T00:00:00Z"))),
            until,
            recorded: RecordedUntil::Now,
        };
        let (statement, entries) = ask(&node, request, 1_000).await;
        check(&statement, &entries, &expect(&moves, request));
    }
}

/// What is recorded while somebody turns the pages is on none of them, even where it counts among them.
#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_statement_agree_while_the_log_goes_on() {
    let mut mixed = Mixed::of(30, 10).await;
    let id = mixed.accounts[0];
    for axis in [Axis::Effective, Axis::Recorded] {
        let far = RecordedUntil::Time(time("2190-01-01T00:00:00Z"));
        for recorded in [RecordedUntil::Now, far] {
            let request = StatementRequest {
                account: id,
                axis,
                from: None,
                until: None,
                recorded,
            };
            let expected = expect(&mixed.moves, request);
            let (mut entries, mut after, mut position) = (Vec::new(), None, None);
            let statement = loop {
                let page = PageRequest { after, limit: 50 };
                let (queries, ledger) = (&mixed.node.queries, mixed.node.ledger);
                let found = queries.statement(ledger, request, page).await.unwrap();
                let statement = found.value.unwrap();
                entries.extend(statement.entries.items.clone());
                assert_eq!(*position.get_or_insert(found.position), found.position);
                after = statement.entries.next;
                if after.is_none() {
                    break statement;
                }
                let lines = [(system("cash"), system("fees"), "INR", "7.00")];
                for at in [None, Some(time("2020-01-01T00:00:00Z"))] {
                    let outcome = mixed.node.bench.submit(submission(post(&lines, at))).await;
                    assert_eq!(outcome.unwrap().refusal(), None);
                }
                mixed.node.settled().await;
            };
            assert!(entries.len() > 100, "several pages");
            check(&statement, &entries, &expected);
            mixed.moves = moves(&mixed.node).await;
        }
    }
}

/// A replica that has not come as far as the first page says so, and does not leave out what it does not know.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_not_answered_from_rows_older_than_the_first() {
    let mixed = Mixed::of(10, 10).await;
    let request = StatementRequest {
        account: mixed.accounts[0],
        axis: Axis::Effective,
        from: None,
        until: None,
        recorded: RecordedUntil::Now,
    };
    let (queries, ledger) = (&mixed.node.queries, mixed.node.ledger);
    let ask = async |after| {
        let page = PageRequest { after, limit: 2 };
        queries.statement(ledger, request, page).await
    };
    let first = ask(None).await.unwrap();
    let mut after = first.value.unwrap().entries.next.unwrap();
    assert_eq!(after.known, first.position);
    after.known = first.position.plus(1);
    let refused = ask(Some(after)).await;
    assert!(
        matches!(
            refused,
            Err(QueryError::PositionNotReached { position, reached })
                if position == after.known && reached == first.position
        ),
        "{refused:?}"
    );
}
