//! Verification cases as they stand, and how far they come.
//!
//! A case has few events, and what one of them means depends on those before it: every row keeps its case
//! as a JSON document beside the columns that lists are narrowed by, and a batch reads the cases that its
//! events concern, folds the events into them and writes them back. Whether an event fits is judged by the
//! domain's own fold.
//!
//! Beside them stands when each case first reached each step, which funnels are counted from.

mod case;
mod steps;
mod tables;

use async_trait::async_trait;
use ledger_core::event::RecordedEvent;
use ledger_core::{Event, LedgerName, Stream};

use crate::read_model::{Before, Fold, FoldError, Place, ReadModel};

pub use case::{CaseDecision, CaseOutcome, CaseRow, ReceivedDocument, Round, case_after};

use steps::StepRow;
use tables::Cases;

/// The read model.
#[derive(Debug)]
pub struct Verification;

/// Events folded together, at most: a document is read and written for each.
const MOST_EVENTS: usize = 20_000;

const DEFINITION: &[&str] = &[tables::CASES, tables::STEPS];

const INDEXES: &[&str] = &[
    // The list, newest first.
    "CREATE INDEX ON {schema}.verification_cases (ledger, position, id)",
    // Those in one state, such as the few that wait for somebody; those that wait for longest first.
    "CREATE INDEX ON {schema}.verification_cases (ledger, status, status_position, id)",
    // The same, of any state.
    "CREATE INDEX ON {schema}.verification_cases (ledger, status_position, id)",
    // Those of one owner.
    "CREATE INDEX ON {schema}.verification_cases (ledger, owner, position)",
    // Those of a tier.
    "CREATE INDEX ON {schema}.verification_cases (ledger, tier, position)",
    // Those that a provider works on.
    "CREATE INDEX ON {schema}.verification_cases USING gin (providers)",
    // At which position a period begins and ends.
    "CREATE INDEX ON {schema}.verification_cases (ledger, opened_at, position)",
    // Those decided in a period.
    "CREATE INDEX ON {schema}.verification_cases (ledger, decided_at) WHERE decided_at IS NOT NULL",
    // Funnels of a period.
    "CREATE INDEX ON {schema}.verification_steps (ledger, reached_at)",
];

#[async_trait]
impl ReadModel for Verification {
    fn name(&self) -> &'static str {
        "verification"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["verification_cases", "verification_steps"]
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    fn indexes(&self) -> &'static [&'static str] {
        INDEXES
    }

    fn begin(&self, ledger: LedgerName, _before: Before) -> Box<dyn Fold> {
        Box::new(Batch {
            ledger,
            events: Vec::new(),
        })
    }
}

/// Events of cases that wait to be folded.
struct Batch {
    ledger: LedgerName,
    events: Vec<RecordedEvent>,
}

#[async_trait]
impl Fold for Batch {
    fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        match recorded.event {
            Event::VerificationCase(_) => self.events.push(recorded.clone()),
            Event::Ledger(_)
            | Event::Wallet(_)
            | Event::Transaction(_)
            | Event::Hold(_)
            | Event::Payment(_)
            | Event::Payout(_)
            | Event::Beneficiary(_)
            | Event::Settlement(_)
            | Event::Owner(_)
            | Event::Profile(_)
            | Event::Onboarding(_) => {}
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.events.len() > MOST_EVENTS
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        let events = std::mem::take(&mut self.events);
        for events in events.chunks(MOST_EVENTS) {
            let mut cases = Cases::load(place, self.ledger, events).await?;
            let mut reached: Vec<StepRow> = Vec::new();
            for recorded in events {
                let (Event::VerificationCase(event), Stream::VerificationCase(id)) =
                    (&recorded.event, recorded.stream)
                else {
                    continue;
                };
                let next = case::next(cases.get(id), id, recorded, event)?;
                let (next, steps) = steps::follow(next, recorded.recorded_at, event);
                reached.extend(steps);
                cases.put(next);
            }
            cases.write(place, self.ledger).await?;
            steps::write(reached, place, self.ledger).await?;
        }
        Ok(())
    }
}
