//! Runs: an account's dated entries, sorted by when they count.
//!
//! A run of level 1 has 32 dated entries that were recorded one after the other, one of level 2 has
//! 1,024 and one of level 3 has 32,768. Run `r` of level `l` covers the dated numbers from
//! `r * 32^l + 1` to `(r + 1) * 32^l`; it is written once, when the last of them is recorded, and never
//! changed. The first `n` dated entries of an account are therefore `n / 32,768 + 31 + 31` runs at most and
//! 31 entries that no run has yet, and in each run the totals of what counts up to a time are one
//! search.
//!
//! There is no level 4: whoever records the last entry of a run waits until it is sorted, which a
//! million rows would take seconds for. What is left to grow with the account is a search for each
//! 32,768 dated entries.
//!
//! Which runs there are, and their rows, follow from the dated entries alone, however the log is cut.

use hashbrown::HashMap;
use uuid::Uuid;

use crate::read_model::Place;

/// Entries of a run of level 1, and runs of each level in one of the next.
const FAN_OUT: i64 = 32;

/// Dated entries of a run, by level, from level 1 on.
const SIZES: [(i32, i64); 3] = [
    (1, FAN_OUT),
    (2, FAN_OUT * FAN_OUT),
    (3, FAN_OUT * FAN_OUT * FAN_OUT),
];

/// Entries sorted by one statement, at most: whole runs of every level.
const SORTED_TOGETHER: i64 = 1_048_576;

/// `OFFSET 0` keeps the entries of a run found by their numbers, whatever the planner believes of an
/// account: to look through all dated entries instead would be the end of a busy projector.
const WRITE: &str = "\
INSERT INTO {schema}.dated_runs
       (account_key, level, run, effective_at, entry_number, position, posting, debits, credits)
SELECT account_key, level, run, effective_at, entry_number, position, posting,
       sum(GREATEST(-amount, 0)) OVER run_so_far, sum(GREATEST(amount, 0)) OVER run_so_far
FROM (
    SELECT completed.account_key, completed.level,
           (entry.dated_number - 1) / completed.size AS run,
           entry.effective_at, entry.entry_number, entry.position, entry.posting, entry.amount
    FROM UNNEST($1::uuid[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[])
         AS completed (account_key, level, size, after, until)
    CROSS JOIN LATERAL (
        SELECT * FROM {schema}.dated_entries AS dated
        WHERE dated.account_key = completed.account_key
          AND dated.dated_number > completed.after AND dated.dated_number <= completed.until
        OFFSET 0) AS entry) AS covered
WINDOW run_so_far AS (PARTITION BY account_key, level, run
                      ORDER BY effective_at, entry_number ROWS UNBOUNDED PRECEDING)";

/// Accounts whose runs were completed and are not written, by key: the dated number up to which runs
/// of level 1 are written, and that up to which they are complete.
#[derive(Debug, Default)]
pub(super) struct Completed(HashMap<Uuid, (i64, i64)>);

impl Completed {
    /// An account has a dated entry of this number.
    pub(super) fn reached(&mut self, account_key: Uuid, dated_number: i64) {
        if dated_number % FAN_OUT == 0 {
            let (_, until) = self
                .0
                .entry(account_key)
                .or_insert((dated_number - FAN_OUT, dated_number));
            *until = dated_number;
        }
    }

    /// Writes the runs: in one statement, unless there are more rows than are sorted at a time.
    pub(super) async fn write(&mut self, place: &mut Place<'_>) -> Result<(), sqlx::Error> {
        let mut stretches = Stretches::default();
        for (account_key, (written, complete)) in self.0.drain() {
            for (level, size) in SIZES {
                let (mut after, last) = (written / size * size, complete / size * size);
                while after < last {
                    let until = last.min(after + SORTED_TOGETHER);
                    stretches.add(account_key, (level, size), (after, until));
                    after = until;
                    if stretches.entries >= SORTED_TOGETHER {
                        stretches.write(place).await?;
                    }
                }
            }
        }
        stretches.write(place).await
    }
}

/// Dated entries that become whole runs of a level, by account and dated numbers.
#[derive(Default)]
struct Stretches {
    accounts: Vec<Uuid>,
    levels: Vec<i32>,
    sizes: Vec<i64>,
    after: Vec<i64>,
    until: Vec<i64>,
    entries: i64,
}

impl Stretches {
    fn add(&mut self, account_key: Uuid, (level, size): (i32, i64), (after, until): (i64, i64)) {
        self.accounts.push(account_key);
        self.levels.push(level);
        self.sizes.push(size);
        self.after.push(after);
        self.until.push(until);
        self.entries += until - after;
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), sqlx::Error> {
        let stretches = std::mem::take(self);
        if stretches.accounts.is_empty() {
            return Ok(());
        }
        sqlx::query(&place.sql(WRITE))
            .bind(stretches.accounts)
            .bind(stretches.levels)
            .bind(stretches.sizes)
            .bind(stretches.after)
            .bind(stretches.until)
            .execute(&mut *place.connection)
            .await?;
        Ok(())
    }
}

/// SQL for the rows (`level`, `run`) of the runs that the first `number` dated entries of an account fill,
/// none of them twice. `number` is an SQL expression; where it is null there are none.
pub(crate) fn filled(number: &str) -> String {
    let mut above = None;
    let parts = SIZES.iter().rev().map(|(level, size)| {
        let first = above.map_or_else(
            || "0".to_owned(),
            |above: i64| format!("{number} / {above} * {FAN_OUT}"),
        );
        above = Some(*size);
        format!("SELECT {level} AS level, generate_series({first}, {number} / {size} - 1) AS run")
    });
    parts.collect::<Vec<_>>().join(" UNION ALL ")
}

/// SQL for the dated number after which the first `number` dated entries fill no run.
pub(crate) fn loose_after(number: &str) -> String {
    format!("{number} / {FAN_OUT} * {FAN_OUT}")
}

#[cfg(test)]
mod tests {
    use super::{Completed, FAN_OUT, SIZES, SORTED_TOGETHER, Uuid, filled, loose_after};

    #[test]
    fn an_account_is_noted_when_it_fills_a_run_and_once() {
        let mut completed = Completed::default();
        let key = Uuid::from_u128(1);
        for number in 1..=100 {
            completed.reached(key, number);
        }
        completed.reached(Uuid::from_u128(2), 31);
        assert_eq!(completed.0.len(), 1);
        assert_eq!(completed.0.get(&key), Some(&(0, 96)));
    }

    #[test]
    fn each_level_has_the_runs_of_the_one_below() {
        for two in SIZES.windows(2) {
            assert_eq!(two[1].0, two[0].0 + 1);
            assert_eq!(two[1].1, two[0].1 * FAN_OUT);
        }
        assert!(SIZES.iter().all(|(_, size)| SORTED_TOGETHER % size == 0));
    }

    #[test]
    fn every_level_begins_where_the_one_above_ends() {
        assert_eq!(
            filled("n"),
            "SELECT 3 AS level, generate_series(0, n / 32768 - 1) AS run \
             UNION ALL SELECT 2 AS level, generate_series(n / 32768 * 32, n / 1024 - 1) AS run \
             UNION ALL SELECT 1 AS level, generate_series(n / 1024 * 32, n / 32 - 1) AS run"
        );
        assert_eq!(loose_after("n"), "n / 32 * 32");
    }
}
