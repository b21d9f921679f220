//! Sessions of people: begun by signing in, kept alive by refresh tokens, ended by anybody who may.
//!
//! A refresh token is good once and gives the next one. One that comes a second time was copied: its
//! session ends at once, for the thief and the owner alike (RFC 9700, 4.14.2). A client that did not get
//! the answer to a refresh therefore has to sign in again. A session also ends when it is idle for too
//! long, at its absolute end, and when the person begins more than their policy allows.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::changes::announce_in_tx;
use crate::grants::grants_of;
use crate::identities::{Identities, IdentityError, Refusal};
use crate::permission::Role;
use crate::records::{NewRecord, RecordKind};
use crate::secret::{new_token, token_hash};
use crate::session_policy::SessionPolicy;
use crate::subject::Subject;

/// What a session's list shows of where it was begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The address of the request.
    pub address: Option<String>,
    /// What the program says it is; cut off after 200 characters.
    pub user_agent: Option<String>,
}

/// A session as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Session {
    /// Its id.
    pub id: Uuid,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// When it was last refreshed.
    pub used_at: DateTime<Utc>,
    /// Its absolute end.
    pub expires_at: DateTime<Utc>,
    /// Where it was begun from.
    pub address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
}

/// A session that goes on: what is given to the client.
#[derive(Debug)]
pub struct Continued {
    /// The person.
    pub person: Uuid,
    /// The session.
    pub session: Uuid,
    /// Good for the next refresh.
    pub refresh_token: Zeroizing<String>,
    /// When the session ends if it is not refreshed before.
    pub idle_at: DateTime<Utc>,
}

#[derive(Debug, sqlx::FromRow)]
struct Refreshed {
    session_id: Uuid,
    person_id: Uuid,
    was_used: bool,
    is_over: bool,
    session_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    claimed_roles: Vec<String>,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    because: &'static str,
    by: Option<Subject>,
}

impl End {
    /// Nobody ended it.
    const fn of_itself(because: &'static str) -> Self {
        Self { because, by: None }
    }

    /// Somebody ended it.
    pub(crate) const fn by(by: Subject, because: &'static str) -> Self {
        Self {
            because,
            by: Some(by),
        }
    }
}

/// What a person has shown who wants a session.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) person: Uuid,
    /// What was kept of the password that was right.
    pub(crate) password_hash: Option<String>,
    pub(crate) second_factor_at: Option<DateTime<Utc>>,
    /// Roles that another issuer claims for them.
    pub(crate) claimed: Vec<Role>,
}

const STANDS: &str = "\
SELECT id FROM identity.person
WHERE id = $1 AND blocked_at IS NULL AND password_hash IS NOT DISTINCT FROM $2
FOR UPDATE";

/// The longest user agent that is kept.
const MAX_USER_AGENT: usize = 200;

const REFRESHED: &str = "\
SELECT session.id AS session_id, session.person_id, refresh_token.used_at IS NOT NULL AS was_used,
       session.ended_at IS NOT NULL AS is_over, session.used_at AS session_used_at, session.expires_at,
       session.claimed_roles
FROM identity.refresh_token JOIN identity.session ON session.id = refresh_token.session_id
WHERE refresh_token.hash = $1
FOR UPDATE";

/// The sessions beyond the newest so many.
const EXCESS: &str = "\
UPDATE identity.session SET ended_at = $3, ended_because = 'too_many_sessions'
WHERE id IN (SELECT id FROM identity.session WHERE person_id = $1 AND ended_at IS NULL
             ORDER BY started_at DESC, id DESC OFFSET $2)
RETURNING id";

impl Identities {
    /// Begins a session of a person who has shown who they are.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`] when they were blocked or their password was changed meanwhile.
    pub(crate) async fn begin_session(
        &self,
        shown: &Shown,
        device: &Device,
    ) -> Result<Continued, IdentityError> {
        let (id, now) = (Uuid::now_v7(), self.now());
        let (person, second_factor_at) = (shown.person, shown.second_factor_at);
        let mut tx = self.pool.begin().await?;
        // Two sessions that begin at the same time must see each other; whoever blocks the person or
        // changes the password ends the sessions there are, and this one must not come after.
        let stands: Option<Uuid> = sqlx::query_scalar(STANDS)
            .bind(person)
            .bind(&shown.password_hash)
            .fetch_optional(&mut *tx)
            .await?;
        if stands.is_none() {
            return Err(Refusal::InvalidCredentials.into());
        }
        let claimed: Vec<&str> = shown.claimed.iter().map(|role| role.as_str()).collect();
        let policy = self.session_policy(&mut *tx, person, &claimed).await?;
        sqlx::query(
            "INSERT INTO identity.session (id, person_id, started_at, used_at, expires_at, \
             second_factor_at, address, user_agent, claimed_roles) \
             VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id)
        .bind(person)
        .bind(now)
        .bind(now + policy.absolute)
        .bind(second_factor_at)
        .bind(&device.address)
        .bind(device.user_agent.as_deref().map(shortened))
        .bind(&claimed)
        .execute(&mut *tx)
        .await?;
        let excess: Vec<Uuid> = sqlx::query_scalar(EXCESS)
            .bind(person)
            .bind(i64::from(policy.concurrent))
            .bind(now)
            .fetch_all(&mut *tx)
            .await?;
        let excess_count = excess.len();
        for session in excess {
            let end = End::of_itself("too_many_sessions");
            record_end(&mut tx, person, session, end, now).await?;
        }
        NewRecord::of(RecordKind::SignedIn, Subject::Person(person))
            .with(serde_json::json!({ "session": id, "second_factor": second_factor_at.is_some() }))
            .write(&mut *tx, now)
            .await?;
        let refresh_token = issue_in_tx(&mut tx, id, now).await?;
        if excess_count > 0 {
            self.commit_change(tx).await?;
        } else {
            tx.commit().await?;
        }
        Ok(Continued {
            person,
            session: id,
            refresh_token,
            idle_at: now + policy.idle,
        })
    }

    /// Goes on with a session.
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`]; [`Refusal::TokenReused`], after which the session has ended.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Continued, IdentityError> {
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let found: Option<Refreshed> = sqlx::query_as(REFRESHED)
            .bind(token_hash(refresh_token))
            .fetch_optional(&mut *tx)
            .await?;
        let found = found.ok_or(Refusal::InvalidToken)?;
        if found.is_over {
            return Err(Refusal::InvalidToken.into());
        }
        let (person, session) = (found.person_id, found.session_id);
        if found.was_used {
            let end = End::of_itself("refresh_token_reused");
            end_in_tx(&mut tx, person, session, end, now).await?;
            NewRecord::of(RecordKind::RefreshTokenReused, Subject::Person(person))
                .by(None)
                .with(serde_json::json!({ "session": session }))
                .write(&mut *tx, now)
                .await?;
            self.commit_change(tx).await?;
            return Err(Refusal::TokenReused.into());
        }
        // On this connection: one that waits for a second while it holds one can wait for ever.
        let policy = self
            .session_policy(&mut *tx, person, &found.claimed_roles)
            .await?;
        if now >= found.expires_at || now - found.session_used_at >= policy.idle {
            end_in_tx(&mut tx, person, session, End::of_itself("expired"), now).await?;
            self.commit_change(tx).await?;
            return Err(Refusal::InvalidToken.into());
        }
        sqlx::query("UPDATE identity.refresh_token SET used_at = $2 WHERE hash = $1")
            .bind(token_hash(refresh_token))
            .bind(now)
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE identity.session SET used_at = $2 WHERE id = $1")
            .bind(session)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        let refresh_token = issue_in_tx(&mut tx, session, now).await?;
        tx.commit().await?;
        Ok(Continued {
            person,
            session,
            refresh_token,
            idle_at: (now + policy.idle).min(found.expires_at),
        })
    }

    /// The sessions of a person that go on, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sessions(&self, person: Uuid) -> Result<Vec<Session>, IdentityError> {
        Ok(sqlx::query_as(
            "SELECT id, started_at, used_at, expires_at, address, user_agent \
             FROM identity.session WHERE person_id = $1 AND ended_at IS NULL AND expires_at > $2 \
             ORDER BY started_at DESC, id DESC",
        )
        .bind(person)
        .bind(self.now())
        .fetch_all(&self.pool)
        .await?)
    }

    /// Ends one session of a person.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the person has no such session that goes on.
    pub async fn end_session(&self, person: Uuid, session: Uuid) -> Result<(), IdentityError> {
        let mut tx = self.pool.begin().await?;
        let end = End::by(Subject::Person(person), "signed_out");
        if !end_in_tx(&mut tx, person, session, end, self.now()).await? {
            return Err(Refusal::NotFound { what: "session" }.into());
        }
        self.commit_change(tx).await?;
        Ok(())
    }

    /// Ends the session that a refresh token is of; one that is none of ours is no fault (RFC 7009).
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_session_of(&self, refresh_token: &str) -> Result<(), IdentityError> {
        let mut tx = self.pool.begin().await?;
        let found: Option<(Uuid, Uuid)> = sqlx::query_as(
            "SELECT session.person_id, session.id FROM identity.refresh_token \
             JOIN identity.session ON session.id = refresh_token.session_id WHERE hash = $1",
        )
        .bind(token_hash(refresh_token))
        .fetch_optional(&mut *tx)
        .await?;
        // Anybody may send anything here: what is none of ours makes no node forget what it remembers.
        let Some((person, session)) = found else {
            return Ok(());
        };
        let end = End::by(Subject::Person(person), "signed_out");
        if end_in_tx(&mut tx, person, session, end, self.now()).await? {
            self.commit_change(tx).await?;
        }
        Ok(())
    }

    /// Ends every session of a person.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_sessions(&self, person: Uuid, by: Subject) -> Result<(), IdentityError> {
        let mut tx = self.pool.begin().await?;
        let end = End::by(by, "signed_out");
        end_all_in_tx(&mut tx, person, end, self.now()).await?;
        self.commit_change(tx).await?;
        Ok(())
    }

    /// Which policy a person's sessions are under.
    async fn session_policy(
        &self,
        executor: impl PgExecutor<'_>,
        person: Uuid,
        claimed: &[impl AsRef<str>],
    ) -> Result<SessionPolicy, IdentityError> {
        let grants = grants_of(executor, Subject::Person(person)).await?;
        let claimed = claimed.iter().filter_map(|role| role.as_ref().parse().ok());
        let roles = grants.iter().map(|grant| grant.role).chain(claimed);
        Ok(self.settings.sessions.of(roles))
    }
}

/// Ends a session; `false` when it had ended or is not this person's.
async fn end_in_tx(
    tx: &mut PgConnection,
    person: Uuid,
    session: Uuid,
    end: End,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let ended = sqlx::query(
        "UPDATE identity.session SET ended_at = $3, ended_because = $4 \
         WHERE id = $1 AND person_id = $2 AND ended_at IS NULL",
    )
    .bind(session)
    .bind(person)
    .bind(now)
    .bind(end.because)
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    record_end(tx, person, session, end, now).await?;
    Ok(true)
}

/// Ends every session of a person.
pub(crate) async fn end_all_in_tx(
    tx: &mut PgConnection,
    person: Uuid,
    end: End,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let ended: Vec<Uuid> = sqlx::query_scalar(
        "UPDATE identity.session SET ended_at = $2, ended_because = $3 \
         WHERE person_id = $1 AND ended_at IS NULL RETURNING id",
    )
    .bind(person)
    .bind(now)
    .bind(end.because)
    .fetch_all(&mut *tx)
    .await?;
    for session in ended {
        record_end(tx, person, session, end, now).await?;
    }
    Ok(())
}

async fn record_end(
    tx: &mut PgConnection,
    person: Uuid,
    session: Uuid,
    end: End,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    NewRecord::of(RecordKind::SessionEnded, Subject::Person(person))
        .by(end.by)
        .with(serde_json::json!({ "session": session, "because": end.because }))
        .write(&mut *tx, now)
        .await?;
    announce_in_tx(tx, Subject::Person(person)).await
}

async fn issue_in_tx(
    tx: &mut PgConnection,
    session: Uuid,
    now: DateTime<Utc>,
) -> Result<Zeroizing<String>, IdentityError> {
    let token = new_token()?;
    sqlx::query(
        "INSERT INTO identity.refresh_token (hash, session_id, issued_at) VALUES ($1, $2, $3)",
    )
    .bind(token_hash(&token))
    .bind(session)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(token)
}

fn shortened(user_agent: &str) -> &str {
    user_agent
        .char_indices()
        .nth(MAX_USER_AGENT)
        .map_or(user_agent, |(end, _)| {
            user_agent.get(..end).unwrap_or_default()
        })
}
