//! How anything stood, at any position or time.

use event_store::{EventFilter, LogReader};
use ledger_core::event::state::AggregateState;
use ledger_core::{AggregateType, LedgerName, Position, Timestamp};
use poem_openapi::{Object, OpenApi};
use projections::queries::accounts::RecordedUntil;
use serde::Serialize;
use serde_json::{Value, json};

use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters, Word};
use crate::problem::Problem;
use crate::problem::catalogue::AGGREGATE_NOT_FOUND;
use crate::problem::responses::QueryProblem;
use crate::reading::recorded_until;
use crate::reply::Answer;
use crate::representation::answer::OneAnswer;
use crate::representation::position::PositionNumber;
use crate::routes::Part;
use crate::routes::events::AggregateTypeName;
use crate::routes::groups::ledger;
use crate::services::Services;
use crate::text::Text;

/// Events of one aggregate held in memory at a time.
const PAGE: i64 = 500;

/// Which aggregate, and when.
#[derive(Debug)]
pub struct StateQuery {
    ledger: LedgerName,
    kind: AggregateTypeName,
    id: String,
    recorded: RecordedUntil,
}

impl ParameterGroup for StateQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let kind = from.path::<AggregateTypeName>("aggregate_type", "The kind of the aggregate.");
        let id = from.path::<Word>(
            "aggregate_id",
            "The aggregate's id, as `aggregate_id` of its events has it.",
        );
        let recorded = recorded_until(from);
        Ok(Self {
            ledger: ledger?,
            kind: kind?,
            id: id?.0,
            recorded: recorded?,
        })
    }
}

/// An aggregate as it stood.
#[derive(Debug, Serialize, Object)]
#[oai(rename = "AggregateState")]
pub struct AggregateStateView {
    /// The ledger.
    ledger: Text<LedgerName>,
    /// The kind of the aggregate.
    aggregate_type: AggregateTypeName,
    /// Its id.
    aggregate_id: String,
    /// How many events it had.
    sequence: i64,
    /// The position of the last of them.
    position: PositionNumber,
    /// When that was written.
    recorded_at: Text<Timestamp>,
    /// What the events add up to, as the domain folds them: the name of a state with what is known in it.
    state: Value,
}

/// Queries of aggregates.
#[derive(Clone)]
pub struct AggregateQueries(pub Services);

#[OpenApi]
impl AggregateQueries {
    /// Get how an aggregate stood at a position or time, folded from its events.
    #[oai(
        path = "/v1/ledgers/:ledger/aggregates/:aggregate_type/:aggregate_id",
        method = "get",
        operation_id = "get_aggregate_state",
        tag = "Part::Events"
    )]
    async fn state(
        &self,
        parameters: Parameters<StateQuery>,
    ) -> Result<Answer<OneAnswer<AggregateStateView>>, QueryProblem> {
        let Parameters(query) = parameters;
        let head = self.0.existing_head(query.ledger).await?.position;
        let cut = match query.recorded {
            RecordedUntil::Now => head,
            RecordedUntil::Time(time) => self.0.log.position_at(query.ledger, time).await?,
            RecordedUntil::Position(position) => {
                Services::check_known(position, head)?;
                position
            }
        };
        let folded = Folded::read(&self.0.log, &query, cut).await?;
        let value = folded.ok_or_else(|| {
            let detail = "the ledger had no such aggregate by then";
            Problem::new(AGGREGATE_NOT_FOUND, detail).with_context(json!({
                "aggregate_type": AggregateType::from(query.kind).as_str(),
                "aggregate_id": query.id,
                "position": cut,
            }))
        })?;
        Ok(Answer(OneAnswer {
            as_of: cut.into(),
            value: value.view(query)?,
        }))
    }
}

/// An aggregate's events up to a cut, added up.
struct Folded {
    state: AggregateState,
    sequence: i64,
    position: Position,
    recorded_at: Timestamp,
}

impl Folded {
    /// `None` when it has no events by then.
    async fn read(
        log: &LogReader,
        query: &StateQuery,
        cut: Position,
    ) -> Result<Option<Self>, Problem> {
        let kind = AggregateType::from(query.kind);
        let filter = EventFilter {
            aggregate_type: Some(kind),
            aggregate_id: Some(query.id.clone()),
            ..EventFilter::default()
        };
        let mut folded: Option<Self> = None;
        let mut after = Position::START;
        while after < cut {
            let looked = log.look_through(query.ledger, &filter, after, cut, PAGE);
            let looked = looked.await?;
            for stored in &looked.events {
                let event = stored.decode()?;
                let before = folded.map(|folded| folded.state);
                let before = before.unwrap_or_else(|| AggregateState::before_anything(kind));
                folded = Some(Self {
                    state: before
                        .evolve(&event.event)
                        .map_err(|error| Problem::internal(&error))?,
                    sequence: event.sequence,
                    position: event.position,
                    recorded_at: event.recorded_at,
                });
            }
            after = looked.reached;
        }
        Ok(folded)
    }

    fn view(self, query: StateQuery) -> Result<AggregateStateView, Problem> {
        Ok(AggregateStateView {
            ledger: query.ledger.into(),
            aggregate_type: query.kind,
            aggregate_id: query.id,
            sequence: self.sequence,
            position: self.position.into(),
            recorded_at: self.recorded_at.into(),
            state: serde_json::to_value(&self.state).map_err(|error| Problem::internal(&error))?,
        })
    }
}
