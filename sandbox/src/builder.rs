//! Building a fork: reading the source in order, and writing the sandbox stretch by stretch.
//!
//! What is written follows from the source and the rules, and each stretch says how far the source was gone through.
//! So whoever goes on, after a crash or because another was slower, folds the sandbox's own log, recalls what came out
//! otherwise, and is where the other was. Of several builders one writes each stretch: the others notice that the head
//! is elsewhere, look on, and take over when it stands still.
//!
//! Bounds: [`PAGE`] events are read and about [`STRETCH`] written at a time; the book of the whole ledger and one small
//! entry for each difference are in memory.

use std::collections::VecDeque;
use std::time::Duration;

use event_store::sandbox::{
    BalanceRow, Failure, Sandbox, SandboxError, SandboxState, Sandboxes, Stretch,
};
use event_store::{ErrorChain, LogError, LogReader};
use ledger_core::book::AccountTotals;
use ledger_core::{AccountId, LedgerName, Position, Stream};
use rust_decimal::Decimal;
use sqlx::PgPool;

use crate::movements::{Compared, Moved, Movements, TooLarge};
use crate::replay::{Came, Replay, ReplayFault, SourceEvent};
use crate::rules::Rules;

/// Events read at a time.
const PAGE: i64 = 2_000;

/// Events and differences written at a time, about.
pub const STRETCH: usize = 2_000;

/// Positions of the source gone through by one stretch, about.
const STRIDE: i64 = 10_000;

/// After how many events the book forgets transactions.
const FORGET: usize = 4_096;

/// How often a builder looks on while another one builds.
const LOOK_ON: Duration = Duration::from_millis(200);

/// How often it looks in vain before it takes over.
const PATIENCE: u32 = 10;

/// Why a fork is not built; it can be tried again.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no such sandbox.
    #[error("there is no sandbox {0}")]
    NotFound(LedgerName),
    /// The sandbox cannot be read.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The sandbox cannot be written.
    #[error("the sandbox cannot be written")]
    Database(#[from] sqlx::Error),
    /// What was written before is not understood.
    #[error("what the sandbox {0} says of itself cannot be read")]
    Stored(LedgerName, #[source] serde_json::Error),
    /// The replay cannot go on.
    #[error(transparent)]
    Replay(#[from] ReplayFault),
}

/// Builds forks; cheap to clone.
#[derive(Debug, Clone)]
pub struct Builder {
    sandboxes: Sandboxes,
    log: LogReader,
    stretch: usize,
}

/// A fork under way.
struct Build {
    row: Sandbox,
    replay: Replay,
    /// How much more or less has moved through accounts here.
    moved: Movements,
    pending: Stretch,
    since_forgotten: usize,
    /// Events of the source that were read and not gone through.
    ahead: VecDeque<SourceEvent>,
    /// The last position that was read.
    read: Position,
}

impl Builder {
    /// A builder over a migrated database.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self {
            log: LogReader::new(pool.clone()),
            sandboxes: Sandboxes::new(pool),
            stretch: STRETCH,
        }
    }

    /// The same that writes fewer events at a time.
    #[must_use]
    pub fn in_stretches_of(self, stretch: usize) -> Self {
        Self { stretch, ..self }
    }

    /// The sandboxes that it writes.
    #[must_use]
    pub const fn sandboxes(&self) -> &Sandboxes {
        &self.sandboxes
    }

    /// Builds a sandbox to its end, or goes on where it was left.
    ///
    /// # Errors
    /// [`BuildError`]; a sandbox whose rules the ledger does not take is no error but [`SandboxState::Failed`].
    pub async fn build(&self, sandbox: LedgerName) -> Result<Sandbox, BuildError> {
        loop {
            let row = self.row(sandbox).await?;
            if row.state != SandboxState::Building {
                return Ok(row);
            }
            match self.go_on(row).await {
                Ok(true) => {}
                Ok(false) => self.look_on(sandbox).await?,
                Err(BuildError::Replay(fault)) => {
                    let failure = failure_of(&fault);
                    tracing::warn!(%sandbox, error = %ErrorChain(&fault), "the fork cannot be built");
                    self.sandboxes.fail(sandbox, &failure).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes one stretch and no more, for whoever wants to see it half done; `false` when there is nothing left.
    ///
    /// # Errors
    /// [`BuildError`].
    pub async fn build_one_stretch(&self, sandbox: LedgerName) -> Result<bool, BuildError> {
        let row = self.row(sandbox).await?;
        if row.state != SandboxState::Building || row.reached == row.until {
            return Ok(false);
        }
        let mut build = self.load(row).await?;
        self.fill(&mut build).await?;
        self.write(&mut build).await
    }

    async fn row(&self, sandbox: LedgerName) -> Result<Sandbox, BuildError> {
        let row = self.sandboxes.find(sandbox).await?;
        row.ok_or(BuildError::NotFound(sandbox))
    }

    /// Waits as long as another builder gets on.
    async fn look_on(&self, sandbox: LedgerName) -> Result<(), BuildError> {
        let mut reached = None;
        let mut in_vain = 0;
        while in_vain < PATIENCE {
            let row = self.row(sandbox).await?;
            if row.state != SandboxState::Building {
                return Ok(());
            }
            in_vain = match reached == Some(row.reached) {
                true => in_vain + 1,
                false => 0,
            };
            reached = Some(row.reached);
            tokio::time::sleep(LOOK_ON).await;
        }
        Ok(())
    }

    /// Builds to the end; `false` when another builder was faster.
    async fn go_on(&self, row: Sandbox) -> Result<bool, BuildError> {
        let mut build = self.load(row).await?;
        while build.pending.reached < build.row.until {
            self.fill(&mut build).await?;
            if !self.write(&mut build).await? {
                return Ok(false);
            }
        }
        let balances = build.balances().map_err(ReplayFault::from)?;
        Ok(self.sandboxes.complete(build.row.ledger, &balances).await?)
    }

    /// What is there of it already.
    async fn load(&self, row: Sandbox) -> Result<Build, BuildError> {
        let rules: Rules = serde_json::from_str(&row.rules)
            .map_err(|error| BuildError::Stored(row.ledger, error))?;
        let mut replay = Replay::new(row.ledger, rules, row.created_by.clone());
        while replay.book().position() < row.head {
            let (after, left) = (
                replay.book().position(),
                row.head.value() - replay.book().position().value(),
            );
            let own = self.log.read(row.ledger, after, left.min(PAGE)).await?;
            if own.is_empty() {
                break;
            }
            for event in &own {
                replay.resume(&event.decode()?)?;
            }
            replay.forget_transactions();
        }
        let mut build = Build {
            replay,
            moved: Movements::default(),
            pending: Stretch {
                after: row.head,
                reached_before: row.reached,
                reached: row.reached,
                ..Stretch::default()
            },
            since_forgotten: 0,
            ahead: VecDeque::new(),
            read: row.reached,
            row,
        };
        self.recall_differences(&mut build).await?;
        Ok(build)
    }

    async fn recall_differences(&self, build: &mut Build) -> Result<(), BuildError> {
        let (sandbox, source) = (build.row.ledger, build.row.source);
        let mut after = Position::START;
        loop {
            let rows = self.sandboxes.differences(sandbox, after, PAGE).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = Position::START.plus(last.source_position);
            for row in rows {
                let moved: Vec<Compared> = serde_json::from_str(&row.movements)
                    .map_err(|error| BuildError::Stored(sandbox, error))?;
                build.note_moved(&moved)?;
                let before = Position::START.plus(row.source_position - 1);
                let count = row.source_until - row.source_position + 1;
                let step = self.source(source, before, count).await?;
                build.replay.resume_difference(&step, &row.outcome);
            }
        }
    }

    async fn source(
        &self,
        source: LedgerName,
        after: Position,
        limit: i64,
    ) -> Result<Vec<SourceEvent>, BuildError> {
        let stored = self.log.read(source, after, limit).await?;
        let decoded = stored.into_iter().map(|stored| {
            let recorded = stored.decode()?;
            Ok(SourceEvent { stored, recorded })
        });
        decoded.collect()
    }

    /// Goes through the source until there is a stretch to be written.
    async fn fill(&self, build: &mut Build) -> Result<(), BuildError> {
        while build.pending.reached < build.row.until && !build.is_full(self.stretch) {
            if build.pending.reached < build.row.position {
                self.copy_next(build).await?;
            } else {
                self.decide_next(build).await?;
            }
        }
        Ok(())
    }

    async fn copy_next(&self, build: &mut Build) -> Result<(), BuildError> {
        self.read_ahead(build).await?;
        let Some(event) = build.ahead.pop_front() else {
            return Err(missing(build));
        };
        let copied = build.replay.copy(&event)?;
        build.pending.events.push(copied);
        build.pending.reached = event.recorded.position;
        build.since_forgotten += 1;
        // In the same stretch, so that the rules are set once.
        if build.pending.reached == build.row.position {
            build.pending.events.extend(build.replay.begin()?);
        }
        Ok(())
    }

    async fn decide_next(&self, build: &mut Build) -> Result<(), BuildError> {
        let length = self.next_step(build).await?;
        let step: Vec<SourceEvent> = build.ahead.drain(..length).collect();
        let Some(last) = step.last().map(|event| event.recorded.position) else {
            return Err(missing(build));
        };
        if let Some(stream) = Replay::reverts(&step) {
            self.recall(build, stream).await?;
        }
        let came = build.replay.step(&step)?;
        build.take(came, last)
    }

    /// How many of the next events are one step, all of which are read.
    async fn next_step(&self, build: &mut Build) -> Result<usize, BuildError> {
        loop {
            self.read_ahead(build).await?;
            let events = build.ahead.make_contiguous();
            let Some(lead) = events.first() else {
                return Err(missing(build));
            };
            let command = lead.recorded.metadata.command_id;
            let of_command = events
                .iter()
                .take_while(|event| event.recorded.metadata.command_id == command)
                .count();
            let length = Replay::step_length(&events[..of_command]);
            let is_whole = length < events.len() || build.read >= build.row.until;
            if is_whole {
                return Ok(length);
            }
            let more = self.page(build).await?;
            build.ahead.extend(more);
        }
    }

    async fn read_ahead(&self, build: &mut Build) -> Result<(), BuildError> {
        if build.ahead.is_empty() {
            let page = self.page(build).await?;
            build.ahead.extend(page);
        }
        Ok(())
    }

    async fn page(&self, build: &mut Build) -> Result<Vec<SourceEvent>, BuildError> {
        let left = build.row.until.value() - build.read.value();
        let page = self
            .source(build.row.source, build.read, left.clamp(0, PAGE))
            .await?;
        if let Some(last) = page.last() {
            build.read = last.recorded.position;
        } else if left > 0 {
            return Err(missing(build));
        }
        Ok(page)
    }

    /// Takes a transaction that is to be reverted back into the book, if it is in the sandbox's log.
    async fn recall(&self, build: &mut Build, stream: Stream) -> Result<(), BuildError> {
        let own = self.log.read_stream(build.row.ledger, &stream).await?;
        build.replay.recall(stream, &own);
        Ok(())
    }

    async fn write(&self, build: &mut Build) -> Result<bool, BuildError> {
        let sandbox = build.row.ledger;
        if !self.sandboxes.append(sandbox, &build.pending).await? {
            return Ok(false);
        }
        let written = i64::try_from(build.pending.events.len()).unwrap_or_default();
        build.pending = Stretch {
            after: build.pending.after.plus(written),
            reached_before: build.pending.reached,
            reached: build.pending.reached,
            ..Stretch::default()
        };
        build.forget();
        Ok(true)
    }
}

/// The source ends before the fork does, which is refused when a fork is asked for.
fn missing(build: &Build) -> BuildError {
    BuildError::Log(LogError::Gap {
        ledger: build.row.source,
        expected: build.pending.reached.next(),
        found: 0,
    })
}

fn failure_of(fault: &ReplayFault) -> Failure {
    match fault {
        ReplayFault::Rules(refusal) => Failure {
            code: refusal.code.clone(),
            detail: refusal.detail.clone(),
        },
        ReplayFault::Source { .. } => Failure {
            code: "fork_source_broken".to_owned(),
            detail: ErrorChain(fault).to_string(),
        },
        ReplayFault::TooLarge(_) | ReplayFault::Fee(_) => Failure {
            code: "fork_amount_too_large".to_owned(),
            detail: ErrorChain(fault).to_string(),
        },
        ReplayFault::Write(_) => Failure {
            code: "internal_fault".to_owned(),
            detail: ErrorChain(fault).to_string(),
        },
    }
}

impl Build {
    fn is_full(&self, stretch: usize) -> bool {
        self.pending.events.len() >= stretch
            || self.pending.differences.len() >= stretch
            || self.pending.reached.value() - self.pending.reached_before.value() >= STRIDE
    }

    fn take(&mut self, came: Came, reached: Position) -> Result<(), BuildError> {
        self.note_moved(&came.moved)?;
        self.since_forgotten += came.events.len();
        self.pending.events.extend(came.events);
        self.pending.differences.extend(came.difference);
        self.pending.reached = reached;
        Ok(())
    }

    fn note_moved(&mut self, moved: &[Compared]) -> Result<(), BuildError> {
        for compared in moved {
            let account = compared.account;
            let more = compared.sandbox.checked_sub(&compared.source);
            let more = more.ok_or(TooLarge(account)).map_err(ReplayFault::from)?;
            self.moved.add(account, &more).map_err(ReplayFault::from)?;
        }
        Ok(())
    }

    /// What is in the log by now can be recalled.
    fn forget(&mut self) {
        if self.since_forgotten >= FORGET {
            self.replay.forget_transactions();
            self.since_forgotten = 0;
        }
    }

    /// The accounts that stand otherwise than in the source.
    fn balances(&self) -> Result<Vec<BalanceRow>, TooLarge> {
        let mut rows = Vec::new();
        for (account, more) in self.moved.iter() {
            if more.is_nothing() {
                continue;
            }
            let here = self.standing(account);
            let there = here.checked_sub(&more).ok_or(TooLarge(account))?;
            rows.push(BalanceRow {
                account: account.to_string(),
                source_posted_debits: there.debits,
                source_posted_credits: there.credits,
                source_pending_debits: there.reserved,
                sandbox_posted_debits: here.debits,
                sandbox_posted_credits: here.credits,
                sandbox_pending_debits: here.reserved,
            });
        }
        Ok(rows)
    }

    fn standing(&self, account: AccountId) -> Moved {
        let totals = self.replay.book().totals(account);
        let AccountTotals {
            posted,
            pending_debits,
        } = totals.unwrap_or_default();
        let value = |total: ledger_core::Total| -> Decimal { total.value() };
        Moved {
            debits: value(posted.debits),
            credits: value(posted.credits),
            reserved: value(pending_debits),
        }
    }
}
