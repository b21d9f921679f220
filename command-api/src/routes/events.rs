//! The log as a stream of lines.

use audit::line::{ErasedPersons, write_line};
use bytes::Bytes;
use event_store::{EventFilter, LogReader, StoredEvent};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use ledger_core::{ActorId, AggregateType, LedgerName, Position, Timestamp, WalletId};
use poem::http::header;
use poem::{Body, IntoResponse, Response};
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::Value;

use crate::choice::choice;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters, Word};
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::representation::position::PositionNumber;
use crate::routes::Part;
use crate::routes::groups::ledger;
use crate::services::Services;
use crate::text::Text;

/// The media type of lines of JSON.
const CONTENT_TYPE: &str = "application/x-ndjson";
/// The header that says how far the lines go.
pub(super) const AS_OF_HEADER: &str = "Daybook-As-Of";
/// Events held in memory at a time.
const PAGE: i64 = 500;

choice!(
    /// The kind of an aggregate.
    AggregateTypeName {
        /// The ledger itself.
        Ledger => "ledger",
        /// A wallet.
        Wallet => "wallet",
        /// A transaction.
        Transaction => "transaction",
        /// A hold.
        Hold => "hold",
        /// A payment into a wallet.
        Payment => "payment",
        /// A payout from a wallet.
        Payout => "payout",
        /// Where payouts go.
        Beneficiary => "beneficiary",
        /// A settlement of a gateway.
        Settlement => "settlement",
        /// An owner's tiers.
        Owner => "owner",
        /// A verification case.
        VerificationCase => "verification_case",
        /// What is known of a person.
        Profile => "profile",
        /// An onboarding.
        Onboarding => "onboarding",
    }
);

choice!(
    /// What has become of what an event tells of a person.
    PersonalMarkName {
        /// It is sealed, and can be opened.
        Sealed => "sealed",
        /// Its key is destroyed: nobody can open it any more.
        Erased => "erased",
    }
);

impl From<AggregateTypeName> for AggregateType {
    fn from(name: AggregateTypeName) -> Self {
        match name {
            AggregateTypeName::Ledger => Self::Ledger,
            AggregateTypeName::Wallet => Self::Wallet,
            AggregateTypeName::Transaction => Self::Transaction,
            AggregateTypeName::Hold => Self::Hold,
            AggregateTypeName::Payment => Self::Payment,
            AggregateTypeName::Payout => Self::Payout,
            AggregateTypeName::Beneficiary => Self::Beneficiary,
            AggregateTypeName::Settlement => Self::Settlement,
            AggregateTypeName::Owner => Self::Owner,
            AggregateTypeName::VerificationCase => Self::VerificationCase,
            AggregateTypeName::Profile => Self::Profile,
            AggregateTypeName::Onboarding => Self::Onboarding,
        }
    }
}

/// Which events to write.
#[derive(Debug)]
pub struct EventParameters {
    ledger: LedgerName,
    after: Position,
    until_position: Option<Position>,
    min_position: Option<Position>,
    from_time: Option<Timestamp>,
    until_time: Option<Timestamp>,
    filter: EventFilter,
}

impl ParameterGroup for EventParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let after = from.query::<PositionNumber>(
            "after",
            "Only events after this position; from the beginning when absent.",
        );
        let until_position = from.query::<PositionNumber>(
            "until_position",
            "Only events up to and with this position; up to the end of the log at the time of asking when absent.",
        );
        let from_time =
            from.query::<Timestamp>("from_time", "Only events recorded at or after this time.");
        let until_time =
            from.query::<Timestamp>("until_time", "Only events recorded at or before this time.");
        let aggregate_type = from
            .query::<AggregateTypeName>("aggregate_type", "Only events of this kind of aggregate.");
        let aggregate_id = from.query::<Word>("aggregate_id", "Only events of this aggregate.");
        let event_type = from.query::<Word>(
            "event_type",
            "Only events of this type, such as `TransactionPosted`.",
        );
        let wallet = from.query::<WalletId>(
            "wallet",
            "Only events that tell of this wallet: its own, those whose content has its id in it, and all of the payments, payouts and beneficiaries that are of it.",
        );
        let actor = from.query::<ActorId>(
            "actor",
            "Only events of commands that this actor gave, as `metadata.actor` has it.",
        );
        let min_position = from.query::<PositionNumber>(
            "min_position",
            "The answer must be true at this position or later; the log itself always is, so only a position beyond its end is refused.",
        );
        Ok(Self {
            ledger: ledger?,
            after: after?.map_or(Position::START, |after| after.0),
            until_position: until_position?.map(|until| until.0),
            min_position: min_position?.map(|position| position.0),
            filter: EventFilter {
                aggregate_type: aggregate_type?.map(Into::into),
                aggregate_id: aggregate_id?.map(|id| id.0),
                event_type: event_type?.map(|name| name.0),
                wallet: wallet?,
                actor: actor?.map(|actor| actor.as_str().to_owned()),
                ..EventFilter::default()
            },
            from_time: from_time?,
            until_time: until_time?,
        })
    }
}

/// A line of the answer: one stored event.
#[derive(Debug, Object)]
#[oai(rename = "ReplayLine")]
struct ReplayLineSchema {
    /// The ledger.
    ledger: Text<LedgerName>,
    /// The event's place in the ledger's log: 1, 2, 3 … without gaps.
    position: PositionNumber,
    /// When it was written.
    recorded_at: Text<Timestamp>,
    /// The kind of its aggregate.
    aggregate_type: AggregateTypeName,
    /// The id of its aggregate.
    aggregate_id: String,
    /// Its place in the aggregate's stream: 1, 2, 3 … without gaps.
    sequence: i64,
    /// Its type.
    event_type: String,
    /// The version of its shape.
    event_version: String,
    /// What it says, exactly as stored.
    payload: Value,
    /// Who and what caused it, exactly as stored.
    metadata: Value,
    /// What has become of what it tells of a person, if it tells anything.
    personal: Option<PersonalMarkName>,
}

/// Lines of JSON.
pub struct EventLines {
    as_of: Position,
    body: Body,
}

impl IntoResponse for EventLines {
    fn into_response(self) -> Response {
        Response::builder()
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header(AS_OF_HEADER, self.as_of.value())
            .body(self.body)
    }
}

impl ApiResponse for EventLines {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "One event a line, in order of position. A connection that breaks off before the end of the body means that lines are missing.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: CONTENT_TYPE,
                    schema: ReplayLineSchema::schema_ref(),
                }],
                headers: vec![MetaHeader {
                    name: AS_OF_HEADER.to_owned(),
                    description: Some("The position up to which the log was read.".to_owned()),
                    required: true,
                    deprecated: false,
                    schema: PositionNumber::schema_ref(),
                }],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        ReplayLineSchema::register(registry);
    }
}

/// Queries of the log.
#[derive(Clone)]
pub struct EventQueries(pub Services);

#[OpenApi]
impl EventQueries {
    /// Replay the log: stored events as lines of JSON.
    #[oai(
        path = "/v1/ledgers/:ledger/events",
        method = "get",
        operation_id = "list_events",
        tag = "Part::Events"
    )]
    async fn list(
        &self,
        parameters: Parameters<EventParameters>,
    ) -> Result<EventLines, QueryProblem> {
        let Parameters(parameters) = parameters;
        let head = self.0.existing_head(parameters.ledger).await?.position;
        if let Some(wanted) = parameters.min_position {
            Services::check_known(wanted, head)?;
        }
        // The end is fixed now, so that a log that keeps growing does not keep the answer open.
        let as_of = parameters
            .until_position
            .map_or(head, |until| until.min(head));
        let (from, until) = (parameters.from_time, parameters.until_time);
        let log = &self.0.log;
        let (earliest, latest) = log
            .positions_between(parameters.ledger, from, until)
            .await?;
        let pages = Pages {
            log: log.clone(),
            ledger: parameters.ledger,
            filter: parameters.filter,
            after: parameters.after.max(earliest),
            until: latest.map_or(as_of, |latest| latest.min(as_of)),
        };
        // The first page is read before the status is sent, so that an outage is a problem document.
        let (first, rest) = pages.first().await?;
        let lines = stream::iter(first.map(Ok)).chain(remaining(rest));
        Ok(EventLines {
            as_of,
            body: Body::from_bytes_stream(lines),
        })
    }
}

/// The pages that are still to be read.
struct Pages {
    log: LogReader,
    ledger: LedgerName,
    filter: EventFilter,
    after: Position,
    until: Position,
}

impl Pages {
    async fn first(self) -> Result<(Option<Bytes>, Option<Self>), Problem> {
        Ok(match self.next().await? {
            Some((bytes, rest)) => (Some(bytes), rest),
            None => (None, None),
        })
    }

    /// The next page as lines, and what comes after it.
    async fn next(mut self) -> Result<Option<(Bytes, Option<Self>)>, Problem> {
        while self.after < self.until {
            let looked = self
                .log
                .look_through(self.ledger, &self.filter, self.after, self.until, PAGE)
                .await?;
            self.after = looked.reached;
            if looked.events.is_empty() {
                continue;
            }
            let erased = {
                let texts: Vec<_> = looked.events.iter().map(StoredEvent::text).collect();
                ErasedPersons::among(&self.log, self.ledger, &texts).await?
            };
            let bytes = lines(self.ledger, looked.events, &erased)?;
            let rest = (self.after < self.until).then_some(self);
            return Ok(Some((bytes, rest)));
        }
        Ok(None)
    }
}

fn lines(
    ledger: LedgerName,
    events: Vec<StoredEvent>,
    erased: &ErasedPersons,
) -> Result<Bytes, Problem> {
    let mut written = Vec::new();
    for event in &events {
        let event = event.text();
        write_line(&mut written, ledger, &event, erased.mark(&event))
            .map_err(|error| Problem::internal(&error))?;
    }
    Ok(written.into())
}

/// The pages after the first; one that cannot be read breaks the body off.
fn remaining(rest: Option<Pages>) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold(rest, |rest| async move {
        match rest {
            Some(pages) => pages.next().await,
            None => Ok(None),
        }
    })
    .map_err(std::io::Error::other)
}
