//! Onboardings as they stand.
//!
//! Like cases ([`super::verification`]) they have few events, and what one of them means depends on those
//! before it: every row keeps its onboarding as a JSON document beside the columns that lists are narrowed
//! by. Whether an event fits is judged by the domain's own fold.

mod row;
mod table;

use async_trait::async_trait;
use ledger_core::event::RecordedEvent;
use ledger_core::{Event, LedgerName, Stream};

use crate::read_model::{Before, Fold, FoldError, Place, ReadModel};

pub use row::{Cancellation, OnboardingRow};

use table::Rows;

/// The read model.
#[derive(Debug)]
pub struct Onboardings;

/// Events folded together, at most: a document is read and written for each.
const MOST_EVENTS: usize = 20_000;

const DEFINITION: &[&str] = &[table::TABLE];

const INDEXES: &[&str] = &[
    // The list, newest first.
    "CREATE INDEX ON {schema}.onboardings (ledger, position, owner_key)",
    // Those that have been where they are for longest, in one state or any.
    "CREATE INDEX ON {schema}.onboardings (ledger, status, place_position, owner_key)",
    "CREATE INDEX ON {schema}.onboardings (ledger, place_position, owner_key)",
];

#[async_trait]
impl ReadModel for Onboardings {
    fn name(&self) -> &'static str {
        "onboardings"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["onboardings"]
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

/// Events of onboardings that wait to be folded.
struct Batch {
    ledger: LedgerName,
    events: Vec<RecordedEvent>,
}

#[async_trait]
impl Fold for Batch {
    fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        match recorded.event {
            Event::Onboarding(_) => self.events.push(recorded.clone()),
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
            | Event::VerificationCase(_) => {}
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.events.len() > MOST_EVENTS
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        let events = std::mem::take(&mut self.events);
        for events in events.chunks(MOST_EVENTS) {
            let mut rows = Rows::load(place, self.ledger, events).await?;
            for recorded in events {
                let (Event::Onboarding(event), Stream::Onboarding(key)) =
                    (&recorded.event, recorded.stream)
                else {
                    continue;
                };
                rows.put(key, row::next(rows.get(key), recorded, event)?);
            }
            rows.write(place, self.ledger).await?;
        }
        Ok(())
    }
}
