//! A ledger's books, for accounting programs.

use books::writer::Scope;
use books::{BooksError, BooksRequest, Export, Format};
use bytes::Bytes;
use event_store::ErrorChain;
use futures_util::{Stream, StreamExt, stream};
use ledger_core::{LedgerName, Position, Timestamp};
use poem::http::header;
use poem::{Body, IntoResponse, Response};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi};

use crate::choice::choice;
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::Problem;
use crate::problem::responses::QueryProblem;
use crate::representation::position::PositionNumber;
use crate::routes::Part;
use crate::routes::events::AS_OF_HEADER;
use crate::routes::groups::ledger;
use crate::services::Services;

choice!(
    /// A format of books.
    BooksFormatName {
        /// Plain text for beancount, version 3.
        Beancount => "beancount",
        /// Plain text for hledger.
        Hledger => "hledger",
        /// Comma-separated values, one row per entry.
        Csv => "csv",
        /// Apache Parquet, one row per entry.
        Parquet => "parquet",
    }
);

impl From<BooksFormatName> for Format {
    fn from(name: BooksFormatName) -> Self {
        match name {
            BooksFormatName::Beancount => Self::Beancount,
            BooksFormatName::Hledger => Self::Hledger,
            BooksFormatName::Csv => Self::Csv,
            BooksFormatName::Parquet => Self::Parquet,
        }
    }
}

/// Which books.
#[derive(Debug)]
pub struct BooksParameters {
    ledger: LedgerName,
    format: Format,
    effective_until: Option<Timestamp>,
    until_position: Option<Position>,
    min_position: Option<Position>,
}

impl ParameterGroup for BooksParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let format = from.query::<BooksFormatName>(
            "format",
            "The format of the books; `beancount` when absent.",
        );
        let effective_until = from.query::<Timestamp>(
            "effective_until",
            "Only what counts at or before this time; everything when absent.",
        );
        let until_position = from.query::<PositionNumber>(
            "until_position",
            "As recorded up to and with this position; up to the end of the log at the time of asking when absent.",
        );
        let min_position = from.query::<PositionNumber>(
            "min_position",
            "The answer must be true at this position or later; the log itself always is, so only a position beyond its end is refused.",
        );
        Ok(Self {
            ledger: ledger?,
            format: format?.map_or(Format::Beancount, Into::into),
            effective_until: effective_until?,
            until_position: until_position?.map(|until| until.0),
            min_position: min_position?.map(|position| position.0),
        })
    }
}

/// Books.
pub struct BooksFile {
    request: BooksRequest,
    body: Body,
}

impl IntoResponse for BooksFile {
    fn into_response(self) -> Response {
        let BooksRequest { scope, format } = self.request;
        // The name of a ledger has nothing that would have to be quoted.
        let file = format!(
            "attachment; filename=\"{}.{}\"",
            scope.ledger,
            format.extension()
        );
        Response::builder()
            .header(header::CONTENT_TYPE, format.media_type())
            .header(header::CONTENT_DISPOSITION, file)
            .header(AS_OF_HEADER, scope.until.value())
            .body(self.body)
    }
}

impl ApiResponse for BooksFile {
    fn meta() -> MetaResponses {
        let mut media_types: Vec<&'static str> = Format::ALL.map(Format::media_type).to_vec();
        media_types.dedup();
        let content = media_types.into_iter().map(|content_type| MetaMediaType {
            content_type,
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format(
                "string", "binary",
            ))),
        });
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The books, as a file. A connection that breaks off before the end of the body means that a part is missing.",
                status: Some(200),
                status_range: None,
                content: content.collect(),
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

    fn register(_: &mut Registry) {}
}

/// Queries for the books of ledgers.
#[derive(Clone)]
pub struct BooksQueries(pub Services);

#[OpenApi]
impl BooksQueries {
    /// Export a ledger's books for accounting programs: every transaction with its postings, and balances at
    /// the end. Holds are not booked.
    #[oai(
        path = "/v1/ledgers/:ledger/books",
        method = "get",
        operation_id = "export_books",
        tag = "Part::Events"
    )]
    async fn export(
        &self,
        parameters: Parameters<BooksParameters>,
    ) -> Result<BooksFile, QueryProblem> {
        let Parameters(parameters) = parameters;
        let head = self.0.existing_head(parameters.ledger).await?.position;
        if let Some(wanted) = parameters.min_position {
            Services::check_known(wanted, head)?;
        }
        let request = BooksRequest {
            scope: Scope {
                ledger: parameters.ledger,
                until: parameters
                    .until_position
                    .map_or(head, |until| until.min(head)),
                effective_until: parameters.effective_until,
            },
            format: parameters.format,
        };
        let mut export = Export::try_new(self.0.log.clone(), request).map_err(problem)?;
        // The beginning and the first page before the status, so that an outage is a problem document.
        let mut first = Vec::new();
        for _ in 0..2 {
            first.extend(export.next().await.map_err(problem)?.map(Bytes::from));
        }
        let chunks = stream::iter(first.into_iter().map(Ok)).chain(remaining(export));
        Ok(BooksFile {
            request,
            body: Body::from_bytes_stream(chunks),
        })
    }
}

/// What follows; what cannot be read breaks the body off.
fn remaining(export: Export) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold(export, |mut export| async move {
        match export.next().await {
            Ok(Some(bytes)) => Ok(Some((Bytes::from(bytes), export))),
            Ok(None) => Ok(None),
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "books break off");
                Err(std::io::Error::other(error))
            }
        }
    })
}

fn problem(error: BooksError) -> Problem {
    match error {
        BooksError::Log(error) => error.into(),
        error @ (BooksError::Journal(_) | BooksError::Write(_) | BooksError::TooShort { .. }) => {
            Problem::internal(&error)
        }
    }
}
