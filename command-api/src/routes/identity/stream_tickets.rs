//! Tickets for live streams.

use identity::stream_tickets::TICKET_LIFETIME;
use poem_openapi::OpenApi;

use super::principal;
use crate::context::RequestContext;
use crate::problem::responses::CommandProblem;
use crate::reply::Started;
use crate::representation::identity::StreamTicket;
use crate::routes::Part;
use crate::services::Services;

/// Operations about tickets.
#[derive(Clone)]
pub struct StreamTicketOperations(pub Services);

#[OpenApi]
impl StreamTicketOperations {
    /// Make a ticket for a live stream, for browsers, which cannot set headers on one: good once, as the
    /// query parameter `ticket`, on every node. The stream ends with the credential of this request.
    #[oai(
        path = "/v1/stream-tickets",
        method = "post",
        operation_id = "make_stream_ticket",
        tag = "Part::Sessions"
    )]
    async fn make(&self, context: RequestContext) -> Result<Started<StreamTicket>, CommandProblem> {
        let principal = principal(&context)?;
        let ticket = self.0.identities().issue_stream_ticket(principal).await?;
        Ok(Started(StreamTicket {
            ticket: ticket.to_string(),
            expires_in: TICKET_LIFETIME.as_secs(),
        }))
    }
}
