//! The page of ours by which a payer's browser gets to a gateway that wants a form posted.

use ledger_core::payment::PaymentStatus;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiResponse, OpenApi};
use projections::queries::payments::rows::PaymentRow;
use url::Url;

use super::is_payable;
use crate::checkouts::HandedOver;
use crate::hand_over::{HandOver, Page, notice};
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters, Word};
use crate::problem::Problem;
use crate::problem::responses::PageProblem;
use crate::routes::Part;
use crate::services::Services;

const HTML: &str = "text/html; charset=utf-8";

/// Which page.
#[derive(Debug)]
pub struct PageParameters {
    token: String,
}

impl ParameterGroup for PageParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let token = from.path::<Word>("token", "What the address ends with; nobody can guess it.");
        let Word(token) = token?;
        Ok(Self { token })
    }
}

/// A page for a browser, kept by no cache.
#[derive(Debug)]
pub struct PageReply {
    status: StatusCode,
    page: Page,
}

/// Pages for payers.
#[derive(Clone)]
pub struct CheckoutPages(pub Services);

#[OpenApi]
impl CheckoutPages {
    /// Open the page that takes a payer's browser to a gateway which wants a form posted. It is what
    /// `checkout_url` of such a deposit says: whoever has the address may open it, and nobody can guess it.
    #[oai(
        path = "/v1/checkouts/:token",
        method = "get",
        operation_id = "open_checkout_page",
        tag = "Part::Deposits"
    )]
    async fn open(&self, parameters: Parameters<PageParameters>) -> Result<PageReply, PageProblem> {
        let Parameters(PageParameters { token }) = parameters;
        let Some(found) = self.0.checkouts.handed_over(&token).await? else {
            return Ok(PageReply {
                status: StatusCode::NOT_FOUND,
                page: notice(
                    "There is no such page",
                    "Begin the payment again where you came from.",
                ),
            });
        };
        let queries = &self.0.queries;
        let row = queries.document::<PaymentRow>(found.ledger, found.payment.as_uuid());
        if let Some(words) = ended(&found, row.await?.value.as_ref()) {
            let page = notice("This page has closed", words);
            let status = StatusCode::GONE;
            return Ok(PageReply { status, page });
        }
        let url: Url = found
            .url
            .parse()
            .map_err(|error| Problem::internal(&error))?;
        let page = HandOver {
            gateway: title(&found.provider),
            url: &url,
            fields: &found.fields,
        };
        Ok(PageReply {
            status: StatusCode::OK,
            page: page.page(),
        })
    }
}

/// Why nobody can pay any more, in words for the payer. What the read model does not know yet has just begun.
fn ended(found: &HandedOver, row: Option<&PaymentRow>) -> Option<&'static str> {
    let status = row.and_then(|row| row.state.status());
    match status {
        _ if row.is_none_or(is_payable) => {
            let is_over = found.expires_at.is_some_and(|at| at <= chrono::Utc::now());
            is_over.then_some("Its time has passed. Begin the payment again where you came from.")
        }
        Some(PaymentStatus::Expired) => {
            Some("Its time has passed. Begin the payment again where you came from.")
        }
        _ => Some("The payment has been made. There is nothing more to pay."),
    }
}

/// What payers know a gateway as.
fn title(provider: &str) -> &str {
    match provider {
        "payu" => "PayU",
        "razorpay" => "Razorpay",
        "instamojo" => "Instamojo",
        "stripe" => "Stripe",
        other => other,
    }
}

impl IntoResponse for PageReply {
    fn into_response(self) -> Response {
        let response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, HTML)
            .header(header::CACHE_CONTROL, "no-store");
        let mut response = response.body(self.page.html);
        match HeaderValue::try_from(self.page.policy) {
            Ok(policy) => {
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_SECURITY_POLICY, policy);
                response
            }
            // Never without its policy.
            Err(error) => Problem::internal(&error).to_response(None),
        }
    }
}

impl ApiResponse for PageReply {
    fn meta() -> MetaResponses {
        let response = |(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: HTML,
                schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
            }],
            headers: Vec::new(),
        };
        let known = [
            (
                200,
                "A form with a button, which goes on to the gateway by itself.",
            ),
            (404, "There is no such page."),
            (
                410,
                "The page has closed: the payment has been made or has ended.",
            ),
        ];
        MetaResponses {
            responses: known.map(response).into(),
        }
    }

    fn register(_: &mut Registry) {}
}
