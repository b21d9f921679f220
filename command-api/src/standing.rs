//! How something stood: what counted up to one time, as it was known at another, folded from the few events of
//! its own stream.

use event_store::EventFilter;
use ledger_core::event::RecordedEvent;
use ledger_core::event::effective::{Counting, EffectiveState};
use ledger_core::{AggregateType, LedgerName, Position, Stream, Timestamp};
use projections::queries::accounts::RecordedUntil;

use crate::parameters::{Incomplete, ParameterGroup, ParameterSource};
use crate::problem::Problem;
use crate::reading::{effective_at, recorded_until};
use crate::services::Services;

/// Events of one stream held in memory at a time.
const PAGE: i64 = 500;

/// Up to when things count that are told, and as of which cut of the log.
#[derive(Debug, Clone, Copy)]
pub struct TimeAxes {
    /// Only what counts at this time or before it; everything when absent.
    pub effective_at: Option<Timestamp>,
    /// As it was known at this cut.
    pub recorded: RecordedUntil,
}

impl TimeAxes {
    /// Asks for the parameters.
    ///
    /// # Errors
    /// [`Incomplete`].
    pub fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (effective_at, recorded) = (effective_at(from), recorded_until(from));
        Ok(Self {
            effective_at: effective_at?,
            recorded: recorded?,
        })
    }

    /// Whether everything is asked for that is known now, which read models tell.
    #[must_use]
    pub fn is_now(self) -> bool {
        self.effective_at.is_none() && self.recorded == RecordedUntil::Now
    }
}

/// A query of something as it stood.
#[derive(Debug)]
pub struct At<G> {
    /// The query.
    pub of: G,
    /// When.
    pub axes: TimeAxes,
}

impl<G: ParameterGroup> ParameterGroup for At<G> {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (of, axes) = (G::read(from), TimeAxes::read(from));
        Ok(Self {
            of: of?,
            axes: axes?,
        })
    }
}

impl Services {
    /// The end of what of the log is known at a cut.
    ///
    /// # Errors
    /// `ledger_not_found`; `position_unknown` for a position beyond the end of the log.
    pub async fn end_of(
        &self,
        ledger: LedgerName,
        cut: RecordedUntil,
    ) -> Result<Position, Problem> {
        let head = self.existing_head(ledger).await?.position;
        match cut {
            RecordedUntil::Now => Ok(head),
            // What comes after the head is not known yet, and may be there by now.
            RecordedUntil::Time(time) => Ok(self.log.position_at(ledger, time).await?.min(head)),
            RecordedUntil::Position(position) => {
                Self::check_known(position, head)?;
                Ok(position)
            }
        }
    }

    /// Folds a stream as far as it counts by a time and stands up to a position; `counted` is told every
    /// event that is folded.
    ///
    /// # Errors
    /// Those of the log.
    pub async fn fold_stream(
        &self,
        ledger: LedgerName,
        (kind, id): (AggregateType, String),
        effective_at: Option<Timestamp>,
        end: Position,
        mut counted: impl FnMut(RecordedEvent) + Send,
    ) -> Result<EffectiveState, Problem> {
        let filter = EventFilter {
            aggregate_type: Some(kind),
            aggregate_id: Some(id),
            ..EventFilter::default()
        };
        let mut state = EffectiveState::new(kind, effective_at);
        let mut after = Position::START;
        while after < end {
            let looked = self.log.look_through(ledger, &filter, after, end, PAGE);
            let looked = looked.await?;
            for stored in &looked.events {
                let event = stored.decode()?;
                let added = state
                    .add(&event)
                    .map_err(|error| Problem::internal(&error))?;
                match added {
                    Counting::Counts => counted(event),
                    Counting::Later | Counting::CannotFollow => {}
                }
            }
            after = looked.reached;
        }
        Ok(state)
    }

    /// The events of a stream that count by a time and are known at a cut, and where that cut is.
    ///
    /// # Errors
    /// As of [`Services::end_of`].
    pub async fn events_that_count(
        &self,
        ledger: LedgerName,
        stream: Stream,
        axes: TimeAxes,
    ) -> Result<(Position, Vec<RecordedEvent>), Problem> {
        let end = self.end_of(ledger, axes.recorded).await?;
        let mut events = Vec::new();
        let stream = (stream.aggregate_type(), stream.aggregate_id());
        self.fold_stream(ledger, stream, axes.effective_at, end, |event| {
            events.push(event);
        })
        .await?;
        Ok((end, events))
    }
}
