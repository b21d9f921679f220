//! How anything stood, at any position or time.

use ledger_core::{AggregateType, LedgerName, Timestamp};
use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use serde_json::{Value, json};

use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters, Word};
use crate::problem::Problem;
use crate::problem::catalogue::AGGREGATE_NOT_FOUND;
use crate::problem::responses::QueryProblem;
use crate::reply::Answer;
use crate::representation::answer::OneAnswer;
use crate::representation::position::PositionNumber;
use crate::routes::Part;
use crate::routes::events::AggregateTypeName;
use crate::routes::groups::ledger;
use crate::services::Services;
use crate::standing::TimeAxes;
use crate::text::Text;

/// Which aggregate, and when.
#[derive(Debug)]
pub struct StateQuery {
    ledger: LedgerName,
    kind: AggregateTypeName,
    id: String,
    axes: TimeAxes,
}

impl ParameterGroup for StateQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let kind = from.path::<AggregateTypeName>("aggregate_type", "The kind of the aggregate.");
        let id = from.path::<Word>(
            "aggregate_id",
            "The aggregate's id, as `aggregate_id` of its events has it.",
        );
        let axes = TimeAxes::read(from);
        Ok(Self {
            ledger: ledger?,
            kind: kind?,
            id: id?.0,
            axes: axes?,
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
    /// The place of the last event that is told in the aggregate's stream: how many it had, where none was left out.
    sequence: i64,
    /// The position of that event.
    position: PositionNumber,
    /// When that was written.
    recorded_at: Text<Timestamp>,
    /// What the events add up to, as the domain folds them: the name of a state with what is known in it.
    state: Value,
    /// The places in the stream of the events that were known and count later than `effective_at`.
    later: Vec<i64>,
    /// The places of the events that count by then and cannot follow what is told without those: they are left
    /// out too.
    cannot_follow: Vec<i64>,
}

/// Queries of aggregates.
#[derive(Clone)]
pub struct AggregateQueries(pub Services);

#[OpenApi]
impl AggregateQueries {
    /// Get how an aggregate stood: what counts at `effective_at`, as it was known at `recorded_at` or
    /// `position`, folded from its events.
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
        let (ledger, kind) = (query.ledger, AggregateType::from(query.kind));
        let TimeAxes {
            effective_at,
            recorded,
        } = query.axes;
        let cut = self.0.end_of(ledger, recorded).await?;
        let stream = (kind, query.id.clone());
        let folded = self
            .0
            .fold_stream(ledger, stream, effective_at, cut, |_| {})
            .await?;
        let last = folded.last().ok_or_else(|| {
            let detail = "the ledger had no such aggregate by then";
            Problem::new(AGGREGATE_NOT_FOUND, detail).with_context(json!({
                "aggregate_type": kind.as_str(),
                "aggregate_id": query.id,
                "position": cut,
            }))
        })?;
        let value = AggregateStateView {
            ledger: ledger.into(),
            aggregate_type: query.kind,
            aggregate_id: query.id,
            sequence: last.sequence,
            position: last.position.into(),
            recorded_at: last.recorded_at.into(),
            state: serde_json::to_value(folded.state())
                .map_err(|error| Problem::internal(&error))?,
            later: folded.later().to_vec(),
            cannot_follow: folded.cannot_follow().to_vec(),
        };
        Ok(Answer(OneAnswer {
            as_of: cut.into(),
            value,
        }))
    }
}
