//! Four eyes: requests that count only when a second person allows them.
//!
//! Whoever asks for something that needs a second person gets an [`Approval`] that waits. Another person,
//! who may do the same, reads the request as it came and decides. Then the one who asked sends the same
//! request again, and it is carried out as theirs, with what they may do by then. An approval is for one
//! request of one subject, byte by byte, and is used up by it; only a request under the same idempotency key
//! may come again, because it has no second effect.
//!
//! Nobody decides about what they asked for themselves (the database refuses it as well), also not through a
//! machine that they made or as another issuer knows them; and no machine decides: behind a key may stand
//! anybody.

use chrono::{DateTime, TimeDelta, Utc};
use ledger_core::LedgerName;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::identities::{Identities, IdentityError, Refusal};
use crate::machines::is_behind_in_tx;
use crate::permission::Permission;
use crate::records::{NewRecord, RecordKind};
use crate::subject::Subject;

/// How long an approval may be decided and used, from when it was asked for.
pub const APPROVAL_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Approvals of one subject that wait at a time.
const MOST_WAITING: i64 = 100;

/// A request that needs a second person.
#[derive(Debug, Clone, Copy)]
pub struct ApprovalRequest<'a> {
    /// Who asks.
    pub subject: Subject,
    /// For which operation.
    pub operation: &'a str,
    /// Which permission it takes.
    pub permission: Permission,
    /// In which ledger, if in one.
    pub ledger: Option<LedgerName>,
    /// Its method.
    pub method: &'a str,
    /// Its path and query.
    pub target: &'a str,
    /// Its body.
    pub body: &'a str,
    /// Its idempotency key.
    pub key: Option<&'a str>,
}

/// Whether a request may be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may: a second person allowed it.
    Approved {
        /// By which approval.
        approval: Uuid,
    },
    /// A second person has to decide first.
    Needed {
        /// What waits.
        approval: Uuid,
        /// Until when.
        expires_at: DateTime<Utc>,
    },
}

/// What a second person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may be carried out.
    Approved,
    /// It may not.
    Refused,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }
}

/// A request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Approval {
    /// Its id.
    pub id: Uuid,
    /// Who asked.
    pub requested_by: String,
    /// For which operation.
    pub operation: String,
    /// Which permission it takes.
    pub permission: String,
    /// In which ledger, if in one.
    pub ledger: Option<String>,
    /// The request's method.
    pub method: String,
    /// Its path and query.
    pub target: String,
    /// Its body.
    pub body: String,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// Until when it may be decided and used.
    pub expires_at: DateTime<Utc>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// `approved` or `refused`.
    pub decision: Option<String>,
    /// What the second person had to say.
    pub comment: Option<String>,
    /// When the request was carried out.
    pub used_at: Option<DateTime<Utc>>,
}

/// Which approvals.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApprovalFilter {
    /// Only those that may still be decided.
    pub waiting: bool,
    /// Only those before this one.
    pub before: Option<Uuid>,
}

const COLUMNS: &str = "id, requested_by, operation, permission, ledger, method, target, body, requested_at, \
     expires_at, decided_by, decided_at, decision, comment, used_at";

#[derive(Debug, sqlx::FromRow)]
struct Open {
    id: Uuid,
    expires_at: DateTime<Utc>,
    decision: Option<String>,
}

impl Identities {
    /// Whether a request may be carried out now; if not, it waits for a second person from now on. An
    /// approval is used up by the answer that it may.
    ///
    /// # Errors
    /// [`Refusal::TooManyWaiting`]; those of the database.
    pub async fn admit(&self, request: ApprovalRequest<'_>) -> Result<Admission, IdentityError> {
        let (digest, now) = (digest(&request), self.now());
        let requested_by = request.subject.to_string();
        let mut tx = self.pool.begin().await?;
        // Two that come at once: one after the other.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("daybook approvals of {requested_by}"))
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "UPDATE identity.approval SET ended_at = $3 \
             WHERE requested_by = $1 AND digest = $2 AND ended_at IS NULL AND expires_at <= $3",
        )
        .bind(&requested_by)
        .bind(digest.as_slice())
        .bind(now)
        .execute(&mut *tx)
        .await?;
        let open: Option<Open> = sqlx::query_as(
            "SELECT id, expires_at, decision FROM identity.approval \
             WHERE requested_by = $1 AND digest = $2 AND ended_at IS NULL FOR UPDATE",
        )
        .bind(&requested_by)
        .bind(digest.as_slice())
        .fetch_optional(&mut *tx)
        .await?;
        let admission = match open {
            Some(open) if open.decision.is_some() => {
                use_in_tx(&mut tx, open.id, &request, now).await?
            }
            Some(open) => Admission::Needed {
                approval: open.id,
                expires_at: open.expires_at,
            },
            None => match used_before(&mut tx, &requested_by, &digest, request.key).await? {
                Some(approval) => Admission::Approved { approval },
                None => ask_in_tx(&mut tx, &request, &digest, now).await?,
            },
        };
        tx.commit().await?;
        Ok(admission)
    }

    /// Decides about what somebody else asked for.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::OwnRequest`]; [`Refusal::NotAPerson`];
    /// [`Refusal::ApprovalDecided`] when somebody has decided; [`Refusal::ApprovalExpired`].
    pub async fn decide_approval(
        &self,
        id: Uuid,
        by: Subject,
        verdict: Verdict,
        comment: Option<&str>,
    ) -> Result<Approval, IdentityError> {
        if matches!(by, Subject::Machine(_)) {
            return Err(Refusal::NotAPerson.into());
        }
        let now = self.now();
        let mut tx = self.pool.begin().await?;
        let found: Option<Approval> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM identity.approval WHERE id = $1 FOR UPDATE"
        ))
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
        let found = found.ok_or(Refusal::NotFound { what: "approval" })?;
        let requester: Subject = found
            .requested_by
            .parse()
            .map_err(|_| IdentityError::Stored { what: "approval" })?;
        if is_behind_in_tx(&mut tx, by, requester).await? {
            return Err(Refusal::OwnRequest.into());
        }
        if found.decision.is_some() {
            return Err(Refusal::ApprovalDecided.into());
        }
        if found.expires_at <= now {
            return Err(Refusal::ApprovalExpired.into());
        }
        let decided: Approval = sqlx::query_as(&format!(
            "UPDATE identity.approval \
             SET decided_by = $2, decided_at = $3, decision = $4, comment = $5, \
                 ended_at = CASE WHEN $4 = 'refused' THEN $3 END \
             WHERE id = $1 RETURNING {COLUMNS}"
        ))
        .bind(id)
        .bind(by.to_string())
        .bind(now)
        .bind(verdict.as_str())
        .bind(comment)
        .fetch_one(&mut *tx)
        .await?;
        let kind = match verdict {
            Verdict::Approved => RecordKind::ApprovalGiven,
            Verdict::Refused => RecordKind::ApprovalRefused,
        };
        let record = NewRecord {
            subject: Some(requester),
            ledger: found.ledger,
            ..NewRecord::event(kind).by(Some(by))
        };
        record
            .with(serde_json::json!({ "approval": id, "operation": found.operation }))
            .write(&mut *tx, now)
            .await?;
        tx.commit().await?;
        Ok(decided)
    }

    /// An approval.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn approval(&self, id: Uuid) -> Result<Approval, IdentityError> {
        let found: Option<Approval> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM identity.approval WHERE id = $1"
        ))
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.ok_or(Refusal::NotFound { what: "approval" })?)
    }

    /// Approvals, newest first, at most `limit`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn approvals(
        &self,
        filter: ApprovalFilter,
        limit: i64,
    ) -> Result<Vec<Approval>, IdentityError> {
        Ok(sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM identity.approval \
             WHERE ($1::uuid IS NULL OR id < $1) \
               AND (NOT $2 OR (decision IS NULL AND expires_at > $3)) \
             ORDER BY id DESC LIMIT $4"
        ))
        .bind(filter.before)
        .bind(filter.waiting)
        .bind(self.now())
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }
}

/// Uses an approval up: of two that come at once, the row lets one.
async fn use_in_tx(
    tx: &mut PgConnection,
    approval: Uuid,
    request: &ApprovalRequest<'_>,
    now: DateTime<Utc>,
) -> Result<Admission, sqlx::Error> {
    sqlx::query(
        "UPDATE identity.approval SET used_at = $2, ended_at = $2, used_key = $3 WHERE id = $1",
    )
    .bind(approval)
    .bind(now)
    .bind(request.key)
    .execute(&mut *tx)
    .await?;
    record(RecordKind::ApprovalUsed, request, approval)
        .write(&mut *tx, now)
        .await?;
    Ok(Admission::Approved { approval })
}

/// The approval that this very request has used, under the same idempotency key.
async fn used_before(
    tx: &mut PgConnection,
    requested_by: &str,
    digest: &[u8; 32],
    key: Option<&str>,
) -> Result<Option<Uuid>, sqlx::Error> {
    let Some(key) = key else {
        return Ok(None);
    };
    sqlx::query_scalar(
        "SELECT id FROM identity.approval \
         WHERE requested_by = $1 AND digest = $2 AND used_at IS NOT NULL AND used_key = $3 LIMIT 1",
    )
    .bind(requested_by)
    .bind(digest.as_slice())
    .bind(key)
    .fetch_optional(tx)
    .await
}

async fn ask_in_tx(
    tx: &mut PgConnection,
    request: &ApprovalRequest<'_>,
    digest: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Admission, IdentityError> {
    let requested_by = request.subject.to_string();
    let waiting: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM identity.approval \
         WHERE requested_by = $1 AND ended_at IS NULL AND expires_at > $2",
    )
    .bind(&requested_by)
    .bind(now)
    .fetch_one(&mut *tx)
    .await?;
    if waiting >= MOST_WAITING {
        return Err(Refusal::TooManyWaiting.into());
    }
    let (approval, expires_at) = (Uuid::now_v7(), now + APPROVAL_LIFETIME);
    sqlx::query(
        "INSERT INTO identity.approval (id, requested_by, operation, permission, ledger, method, \
         target, body, digest, requested_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(approval)
    .bind(requested_by)
    .bind(request.operation)
    .bind(request.permission.as_str())
    .bind(request.ledger.map(|ledger| ledger.to_string()))
    .bind(request.method)
    .bind(request.target)
    .bind(request.body)
    .bind(digest.as_slice())
    .bind(now)
    .bind(expires_at)
    .execute(&mut *tx)
    .await?;
    record(RecordKind::ApprovalRequested, request, approval)
        .write(&mut *tx, now)
        .await?;
    Ok(Admission::Needed {
        approval,
        expires_at,
    })
}

fn record(kind: RecordKind, request: &ApprovalRequest<'_>, approval: Uuid) -> NewRecord {
    NewRecord {
        ledger: request.ledger.map(|ledger| ledger.to_string()),
        ..NewRecord::of(kind, request.subject)
            .with(serde_json::json!({ "approval": approval, "operation": request.operation }))
    }
}

/// Each part with its length before it, so that nothing can move from one part to the next.
fn digest(request: &ApprovalRequest<'_>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in [
        request.operation,
        request.method,
        request.target,
        request.body,
    ] {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hasher.update(length.to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
