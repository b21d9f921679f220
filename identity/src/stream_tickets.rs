//! Tickets for live streams: browsers cannot set headers on a WebSocket or an `EventSource`, and a
//! credential in a URL would end up in histories and logs.
//!
//! A ticket is good once, for half a minute, on every node, and for nothing but opening a stream. It
//! holds whom the credential stood for that it was made with, not the credential; the stream that it
//! opens ends when that credential ends or is revoked. A ticket is deleted when it is used, whatever
//! comes of it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::authenticate::{AuthenticationError, Authenticator};
use crate::identities::{Identities, IdentityError};
use crate::permission::{Permission, Role};
use crate::principal::{Identified, Principal};
use crate::secret::{new_token, token_hash};

/// How long a ticket is good for.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);

/// Tickets past their time that are deleted with each new one: more than are made.
const FORGET: i64 = 20;

const ISSUE: &str = "\
INSERT INTO identity.stream_ticket \
(hash, subject, session_id, token_id, scopes, claimed_roles, credential_expires_at, expires_at) \
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Those that another node is deleting are left to it.
const FORGET_PAST: &str = "\
DELETE FROM identity.stream_ticket WHERE hash IN \
(SELECT hash FROM identity.stream_ticket WHERE expires_at <= $1 \
 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Of two that come at once, one finds it.
const REDEEM: &str = "\
DELETE FROM identity.stream_ticket WHERE hash = $1 \
RETURNING subject, session_id, token_id, scopes, claimed_roles, credential_expires_at, expires_at";

#[derive(Debug, sqlx::FromRow)]
struct Stored {
    subject: String,
    session_id: Option<Uuid>,
    token_id: Option<String>,
    scopes: Option<Vec<String>>,
    claimed_roles: Vec<String>,
    credential_expires_at: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
}

impl Identities {
    /// A ticket for whoever this is; shown this once.
    ///
    /// # Errors
    /// Faults.
    pub async fn issue_stream_ticket(
        &self,
        principal: &Principal,
    ) -> Result<Zeroizing<String>, IdentityError> {
        let (ticket, now) = (new_token()?, self.now());
        sqlx::query(FORGET_PAST)
            .bind(now)
            .bind(FORGET)
            .execute(&self.pool)
            .await?;
        let of = principal.identified();
        let scopes = of.scopes.map(|scopes| names(&scopes, Permission::as_str));
        sqlx::query(ISSUE)
            .bind(token_hash(&ticket))
            .bind(of.subject.to_string())
            .bind(of.session)
            .bind(of.token_id)
            .bind(scopes)
            .bind(names(&of.claimed, Role::as_str))
            .bind(of.expires_at)
            .bind(now + TICKET_LIFETIME)
            .execute(&self.pool)
            .await?;
        Ok(ticket)
    }

    async fn redeem_stream_ticket(
        &self,
        ticket: &str,
    ) -> Result<Option<Identified>, IdentityError> {
        let stored: Option<Stored> = sqlx::query_as(REDEEM)
            .bind(token_hash(ticket))
            .fetch_optional(&self.pool)
            .await?;
        let now = self.now();
        stored
            .filter(|stored| stored.expires_at > now)
            .map(Identified::try_from)
            .transpose()
    }
}

impl Authenticator {
    /// Whom a ticket stands for; the ticket is used up.
    ///
    /// # Errors
    /// [`AuthenticationError::Invalid`] when it was used, has expired or never was, and when the credential
    /// that it was made with is good no more.
    pub async fn redeem_stream_ticket(
        &self,
        ticket: &str,
    ) -> Result<Arc<Principal>, AuthenticationError> {
        let found = self.identities().redeem_stream_ticket(ticket).await?;
        let identified = found.ok_or(AuthenticationError::Invalid {
            reason: "unknown_ticket",
        })?;
        self.again(&identified).await
    }
}

impl TryFrom<Stored> for Identified {
    type Error = IdentityError;

    fn try_from(stored: Stored) -> Result<Self, IdentityError> {
        let unreadable = IdentityError::Stored {
            what: "stream ticket",
        };
        let read = || {
            Some(Self {
                subject: stored.subject.parse().ok()?,
                session: stored.session_id,
                token_id: stored.token_id.clone(),
                scopes: match &stored.scopes {
                    Some(names) => Some(parsed(names)?),
                    None => None,
                },
                claimed: parsed(&stored.claimed_roles)?,
                expires_at: stored.credential_expires_at,
            })
        };
        read().ok_or(unreadable)
    }
}

fn names<T: Copy>(values: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    values.iter().copied().map(name).collect()
}

fn parsed<T: std::str::FromStr>(names: &[String]) -> Option<Vec<T>> {
    names.iter().map(|name| name.parse().ok()).collect()
}
