//! The record of what happened to people, machines and roles.

use identity::records::{Record, RecordFilter};
use identity::subject::Subject;
use poem_openapi::OpenApi;

use super::time;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters, Word};
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::reading::limit;
use crate::reply::Answer;
use crate::representation::identity::{RecordList, RecordView};
use crate::representation::position::PositionNumber;
use crate::routes::Part;
use crate::services::Services;

/// Which records.
#[derive(Debug)]
pub struct RecordsQuery {
    filter: RecordFilter,
    limit: i64,
}

impl ParameterGroup for RecordsQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let about =
            from.query::<Subject>("about", "Only what this one did, or what happened to it.");
        let kind = from.query::<Word>("kind", "Only records of this kind, such as `signed_in`.");
        let before = from.query::<PositionNumber>(
            "before",
            "Only records before this number: the last of the page before.",
        );
        let limit = limit(from);
        Ok(Self {
            filter: RecordFilter {
                about: about?,
                kind: kind?.map(|Word(kind)| kind),
                before: before?.map(|number| number.0.value()),
            },
            limit: limit?,
        })
    }
}

/// Queries of the record.
#[derive(Clone)]
pub struct RecordQueries(pub Services);

#[OpenApi]
impl RecordQueries {
    /// List what happened to people, machines and roles, newest first.
    #[oai(
        path = "/v1/access-records",
        method = "get",
        operation_id = "list_access_records",
        tag = "Part::Access"
    )]
    async fn list(
        &self,
        parameters: Parameters<RecordsQuery>,
    ) -> Result<Answer<RecordList>, QueryProblem> {
        let Parameters(query) = parameters;
        let records = self
            .0
            .identities()
            .records(&query.filter, query.limit)
            .await?;
        let items = records
            .into_iter()
            .map(view)
            .collect::<Result<_, Problem>>()?;
        Ok(Answer(RecordList { items }))
    }
}

fn view(record: Record) -> Result<RecordView, Problem> {
    Ok(RecordView {
        number: record.number,
        at: time(record.at)?,
        kind: record.kind,
        actor: record.actor,
        subject: record.subject,
        ledger: record.ledger,
        details: record.details,
    })
}
