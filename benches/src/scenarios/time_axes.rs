//! Answers on both axes of time, of accounts with a long history: none, a hundredth or all of whose entries
//! are dated.
//!
//! A balance and the first page of a statement are asked for at a random time, as they were known at a random
//! position. The anchor of both is the sum over the account's dated entries that would be needed without
//! runs; where none is dated, a search is all there ever was.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use event_store::{Database, LogReader};
use ledger_core::{AccountId, AssetCode, Command, Holder, LedgerName, Position, Timestamp};
use projections::queries::accounts::RecordedUntil;
use projections::queries::statements::{Axis, StatementRequest};
use projections::queries::{PageRequest, Queries};
use projections::read_models::statements::account_key;
use projections::{ProjectionStatus, ReadModelName, rebuild, runner};

use crate::measure::{Measured, Round, Scenario, alternate};
use crate::population::{Population, submission};
use crate::{BenchError, Machine, Plan, Size};

/// Transactions of one submission while the accounts are filled.
const AT_ONCE: usize = 1_000;

/// Entries of a page of a statement.
const PAGE: i64 = 50;

/// Accounts by what part of their entries is dated: one in so many, or none.
const ACCOUNTS: [(&str, Option<usize>); 3] = [
    ("undated", None),
    ("1_percent", Some(100)),
    ("dated", Some(1)),
];

/// The account to which and from which the others' money goes: one more.
const WALLETS: usize = ACCOUNTS.len() + 1;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Balance,
    Statement,
    /// The sum that answers a balance without runs.
    Sum,
}

/// One question again and again, at random places.
struct Asked {
    question: Question,
    part: &'static str,
    database: Database,
    queries: Queries,
    ledger: LedgerName,
    account: AccountId,
    head: i64,
}

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let url = machine.new_database().await?;
    let database = machine.migrated(&url).await?;
    runner::prepare(&database).await?;
    let population = Population::alone(&database, WALLETS).await?;
    let entries = match plan.size {
        Size::Full => 1_000_000,
        Size::Quick => 10_000,
    };
    fill(&population, entries).await?;
    population.stop().await;
    let read_models = [ReadModelName::Statements, ReadModelName::Wallets];
    let begun = Instant::now();
    rebuild::rebuild_together(&database, &read_models, &mut |_| {}).await?;
    eprintln!("  rebuilt in {:.1} s", begun.elapsed().as_secs_f64());
    let head = LogReader::new(database.pool().clone())
        .head(population.ledger)
        .await?
        .ok_or("the ledger has no events")?;
    let asset: AssetCode = "INR".parse()?;
    let mut scenarios: Vec<Box<dyn Scenario>> = Vec::new();
    for ((part, _), wallet) in ACCOUNTS.iter().zip(population.wallets.iter()) {
        for question in [Question::Sum, Question::Balance, Question::Statement] {
            scenarios.push(Box::new(Asked {
                question,
                part,
                database: database.clone(),
                queries: Queries::new(&database, ProjectionStatus::default()),
                ledger: population.ledger,
                account: Holder::Wallet(*wallet).account(asset),
                head: head.position.value(),
            }));
        }
    }
    alternate(machine, plan, scenarios).await
}

/// Gives every account its entries, in turn.
async fn fill(population: &Population, entries: usize) -> Result<(), BenchError> {
    let other = population.wallets[ACCOUNTS.len()];
    for first in (0..entries).step_by(AT_ONCE) {
        let mut commands = Vec::with_capacity(AT_ONCE * ACCOUNTS.len());
        for number in first..first + AT_ONCE {
            for ((_, one_in), wallet) in ACCOUNTS.iter().zip(population.wallets.iter()) {
                let mut command = if fastrand::bool() {
                    population.between(*wallet, other)
                } else {
                    population.between(other, *wallet)
                };
                let is_dated = one_in.is_some_and(|one_in| number % one_in == 0);
                if let (true, Command::PostTransaction { request, .. }) = (is_dated, &mut command) {
                    request.effective_at = Some(some_time()?);
                }
                commands.push(command);
            }
        }
        population.submit(submission(commands)).await?;
    }
    Ok(())
}

/// Sometime in the years 2020 to 2029, so that much is dated ahead.
fn some_time() -> Result<Timestamp, BenchError> {
    let (year, month) = (fastrand::u32(2020..2030), fastrand::u32(1..13));
    let (day, second) = (fastrand::u32(1..29), fastrand::u32(0..60));
    let (hour, minute) = (fastrand::u32(0..24), fastrand::u32(0..60));
    Ok(format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z").parse()?)
}

/// What was asked for every balance before there were runs.
const SUM: &str = "\
SELECT COALESCE(sum(-amount) FILTER (WHERE amount < 0), 0)::text,
       COALESCE(sum(amount) FILTER (WHERE amount > 0), 0)::text
FROM read_models.dated_entries
WHERE account_key = $1 AND effective_at <= $2 AND position <= $3";

impl Asked {
    async fn ask(&self) -> Result<(), BenchError> {
        let until = some_time()?;
        let position = Position::START.plus(fastrand::i64(1..=self.head));
        let recorded = RecordedUntil::Position(position);
        match self.question {
            Question::Balance => {
                let asked =
                    self.queries
                        .balance_at(self.ledger, self.account, Some(until), recorded);
                asked.await?.value.ok_or("the account is not there")?;
            }
            Question::Statement => {
                let request = StatementRequest {
                    account: self.account,
                    axis: Axis::Effective,
                    from: Some(until),
                    until: None,
                    recorded,
                };
                let page = PageRequest {
                    after: None,
                    limit: PAGE,
                };
                let asked = self.queries.statement(self.ledger, request, page);
                asked.await?.value.ok_or("the account is not there")?;
            }
            Question::Sum => {
                let _: (String, String) = sqlx::query_as(SUM)
                    .bind(account_key(self.ledger, &self.account))
                    .bind(until.as_datetime())
                    .bind(position.value())
                    .fetch_one(self.database.pool())
                    .await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Scenario for Asked {
    fn name(&self) -> String {
        let question = match self.question {
            Question::Balance => "balance",
            Question::Statement => "statement",
            Question::Sum => "sum",
        };
        format!("time_axes_{question}_{}", self.part)
    }

    fn unit(&self) -> &'static str {
        "answers/s"
    }

    fn anchor(&self) -> Option<String> {
        match self.question {
            Question::Sum => None,
            Question::Balance | Question::Statement => Some(format!("time_axes_sum_{}", self.part)),
        }
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let mut latencies = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < duration {
            let asked = Instant::now();
            self.ask().await?;
            latencies.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
        Ok(Round {
            operations: u64::try_from(latencies.len())?,
            elapsed: begun.elapsed(),
            latencies,
        })
    }
}
