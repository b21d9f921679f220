//! Whom a live stream is for: a bearer credential as everywhere, or a ticket in the query, because
//! browsers cannot set headers there. No log line and no reply has the query.

use std::sync::Arc;

use identity::principal::Principal;
use poem::Request;
use poem::http::header;

use super::guard::{Gate, judged};
use crate::limits::{Group, Party, count_party};
use crate::problem::{Problem, catalogue};

/// The query parameter of a ticket.
const TICKET: &str = "ticket";

/// The longest ticket that is looked for, in bytes; ours have 43.
const MAX_TICKET_LENGTH: usize = 64;

impl Gate {
    /// Whom a request for a live stream is from. A ticket is used up, whatever comes of the request.
    ///
    /// # Errors
    /// `unauthenticated`, `credential_invalid`, `log_unavailable`, `too_many_requests`; `invalid_request` for
    /// several credentials.
    pub async fn principal_of_stream(&self, request: &Request) -> Result<Arc<Principal>, Problem> {
        let query = request.uri().query().unwrap_or_default();
        let mut tickets = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == TICKET)
            .map(|(_, ticket)| ticket);
        let Some(ticket) = tickets.next() else {
            return self.principal(request, Group::Streams).await;
        };
        // A client gives one credential (RFC 6750, 2).
        if tickets.next().is_some() || request.headers().contains_key(header::AUTHORIZATION) {
            let detail = "give one credential: a header or a ticket";
            return Err(Problem::new(catalogue::INVALID_REQUEST, detail));
        }
        if ticket.is_empty() || ticket.len() > MAX_TICKET_LENGTH {
            let detail = "the ticket is empty or too long";
            return Err(Problem::new(catalogue::CREDENTIAL_INVALID, detail));
        }
        let principal = judged(self.authenticator().redeem_stream_ticket(&ticket).await)?;
        count_party(request, Group::Streams, Party::of(principal.subject))?;
        Ok(principal)
    }
}
