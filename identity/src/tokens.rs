//! Our own access tokens: JSON Web Tokens by RFC 9068, signed with Ed25519, good for minutes.
//!
//! Keys are made here, sealed in the database and shared by all nodes. A new one is published before it
//! signs, so that everybody who verifies has it by then, and an old one verifies until no token signed by
//! it can be good any more. A token says whom it stands for and in which session; what that one may is
//! asked of the database, so that a role that is taken counts at once.

mod signing_keys;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::authenticate::AuthenticationError;
use crate::changes::announce_in_tx;
use crate::identities::{Identities, IdentityError, Refusal};
use crate::jwt::{self, Claims, Policy, TokenFault};
use crate::machines::KnownMachine;
use crate::permission::Permission;
use crate::records::{NewRecord, RecordKind};
use crate::subject::Subject;
use signing_keys::Keys;

/// How long keys are taken as read.
const READ_AGAIN: TimeDelta = TimeDelta::minutes(1);
/// The least time between two readings because of a key that is not known.
const READ_AT_MOST: TimeDelta = TimeDelta::seconds(1);

/// The program that people sign in with, as `client_id` names it.
const OWN_CLIENT: &str = "daybook";

/// Whom a token of ours stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenHolder {
    /// A person, in a session.
    Person {
        /// The person.
        person: Uuid,
        /// The session.
        session: Uuid,
    },
    /// A client.
    Machine {
        /// The client.
        machine: Uuid,
        /// What it narrowed the token to, if it did.
        scopes: Option<Vec<Permission>>,
    },
}

/// A token that was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Whom it stands for.
    pub holder: TokenHolder,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// Its own id.
    pub token_id: String,
}

/// A token that was made.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub text: String,
    /// How long it is good for.
    pub expires_in: Duration,
    /// The permissions it is narrowed to.
    pub scopes: Option<Vec<Permission>>,
}

/// Signs and verifies our tokens; cheap to clone.
#[derive(Debug, Clone)]
pub struct Tokens {
    identities: Identities,
    policy: Arc<Policy>,
    keys: Arc<Mutex<Option<Arc<Keys>>>>,
}

impl Tokens {
    /// The tokens of these identities.
    #[must_use]
    pub fn new(identities: Identities) -> Self {
        let settings = &identities.settings;
        let policy = Policy {
            // Our own clock is the one that wrote the times.
            leeway_seconds: 0,
            ..Policy::access_token(settings.issuer.clone(), vec![settings.audience.clone()])
        };
        Self {
            policy: Arc::new(policy),
            identities,
            keys: Arc::default(),
        }
    }

    /// A token for a person in a session that ends at `idle_at` at the latest.
    ///
    /// # Errors
    /// Faults.
    pub async fn of_session(
        &self,
        person: Uuid,
        session: Uuid,
        idle_at: DateTime<Utc>,
    ) -> Result<IssuedToken, IdentityError> {
        let now = self.identities.now();
        let lifetime = self.lifetime().min(idle_at - now);
        let claims = Claims {
            session_id: Some(session.to_string()),
            ..self.claims(Subject::Person(person), OWN_CLIENT, now, lifetime)
        };
        self.sign(claims, lifetime, None).await
    }

    /// A token for a client (RFC 6749, 4.4); `wanted` narrows it further.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`]; [`Refusal::InvalidScope`] when the client was not given what it
    /// wants.
    pub async fn of_client(
        &self,
        client: Uuid,
        secret: &str,
        wanted: Option<Vec<Permission>>,
    ) -> Result<IssuedToken, IdentityError> {
        let machine = self.identities.client(client, secret).await?;
        let scopes = narrowed(&machine, wanted)?;
        let now = self.identities.now();
        let lifetime = machine
            .expires_at
            .map_or(self.lifetime(), |end| self.lifetime().min(end - now));
        let subject = Subject::Machine(client);
        let claims = Claims {
            scope: scopes.as_deref().map(scope_text),
            ..self.claims(subject, &client.to_string(), now, lifetime)
        };
        self.sign(claims, lifetime, scopes).await
    }

    /// Whom a token stands for, by the token alone.
    ///
    /// # Errors
    /// [`AuthenticationError`].
    pub async fn verify(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<VerifiedToken, AuthenticationError> {
        let keys = self.keys(READ_AGAIN).await?;
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let mut verified = jwt::verify(token, &keys.set, &self.policy, seconds);
        if verified == Err(TokenFault::UnknownKey) && now - keys.read_at >= READ_AT_MOST {
            let keys = self.keys(READ_AT_MOST).await?;
            verified = jwt::verify(token, &keys.set, &self.policy, seconds);
        }
        let claims = verified.map_err(|fault| AuthenticationError::Invalid {
            reason: fault.code(),
        })?;
        holder(&claims).ok_or(AuthenticationError::Invalid { reason: "not_ours" })
    }

    /// Ends a token before its time: a person's ends with its session, a client's by itself. A token that
    /// is not good is no fault (RFC 7009, 2.2).
    ///
    /// # Errors
    /// Faults.
    pub async fn revoke(&self, token: &str) -> Result<(), IdentityError> {
        let now = self.identities.now();
        let verified = match self.verify(token, now).await {
            Ok(verified) => verified,
            Err(AuthenticationError::Invalid { .. }) => return Ok(()),
            Err(AuthenticationError::Fault(error)) => return Err(error),
        };
        match verified.holder {
            TokenHolder::Person { person, session } => {
                match self.identities.end_session(person, session).await {
                    Ok(()) | Err(IdentityError::Refused(Refusal::NotFound { .. })) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            TokenHolder::Machine { machine, .. } => {
                let mut tx = self.identities.pool.begin().await?;
                sqlx::query("DELETE FROM identity.revoked_token WHERE expires_at <= $1")
                    .bind(now)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query(
                    "INSERT INTO identity.revoked_token (token_id, expires_at) VALUES ($1, $2) \
                     ON CONFLICT DO NOTHING",
                )
                .bind(&verified.token_id)
                .bind(verified.expires_at)
                .execute(&mut *tx)
                .await?;
                NewRecord::of(RecordKind::TokenRevoked, Subject::Machine(machine))
                    .with(serde_json::json!({ "token": verified.token_id }))
                    .write(&mut *tx, now)
                    .await?;
                announce_in_tx(&mut tx, Subject::Machine(machine)).await?;
                Ok(self.identities.commit_change(tx).await?)
            }
        }
    }

    /// Whether a token was ended before its time.
    pub(crate) async fn is_revoked(&self, token_id: &str) -> Result<bool, IdentityError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM identity.revoked_token WHERE token_id = $1)",
        )
        .bind(token_id)
        .fetch_one(&self.identities.pool)
        .await?)
    }

    /// Who signs the tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.identities.settings.issuer
    }

    /// The public keys, as they are published (RFC 7517).
    ///
    /// # Errors
    /// Faults.
    pub async fn jwks(&self) -> Result<Value, IdentityError> {
        Ok(jwt::jwks(&self.keys(READ_AGAIN).await?.public))
    }

    fn lifetime(&self) -> TimeDelta {
        TimeDelta::from_std(self.identities.settings.access_token_lifetime)
            .unwrap_or(TimeDelta::minutes(5))
    }

    fn claims(
        &self,
        subject: Subject,
        client: &str,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Claims {
        let seconds = |time: DateTime<Utc>| u64::try_from(time.timestamp()).unwrap_or_default();
        let settings = &self.identities.settings;
        Claims {
            issuer: settings.issuer.clone(),
            subject: subject.to_string(),
            audiences: vec![settings.audience.clone()],
            expires_at: seconds(now + lifetime),
            not_before: Some(seconds(now)),
            issued_at: Some(seconds(now)),
            token_id: Some(Uuid::now_v7().to_string()),
            client_id: Some(client.to_owned()),
            scope: None,
            authentication_class: None,
            authentication_methods: Vec::new(),
            authenticated_at: None,
            session_id: None,
            other: Map::new(),
        }
    }

    async fn sign(
        &self,
        claims: Claims,
        lifetime: TimeDelta,
        scopes: Option<Vec<Permission>>,
    ) -> Result<IssuedToken, IdentityError> {
        let keys = self.keys(READ_AGAIN).await?;
        let text = keys
            .signer
            .sign(&claims)
            .map_err(|error| IdentityError::Signing(Box::new(error)))?;
        Ok(IssuedToken {
            text,
            expires_in: lifetime.to_std().unwrap_or_default(),
            scopes,
        })
    }

    /// The keys, read again when they are older than `at_most`.
    async fn keys(&self, at_most: TimeDelta) -> Result<Arc<Keys>, IdentityError> {
        let now = self.identities.now();
        let known = self.lock().clone();
        if let Some(known) = known.filter(|known| now - known.read_at < at_most) {
            return Ok(known);
        }
        let keys = Arc::new(self.read(now).await?);
        *self.lock() = Some(Arc::clone(&keys));
        Ok(keys)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Keys>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a client's token is narrowed to: what it asks for, if it was given that.
fn narrowed(
    machine: &KnownMachine,
    wanted: Option<Vec<Permission>>,
) -> Result<Option<Vec<Permission>>, Refusal> {
    match (&machine.scopes, wanted) {
        (given, None) => Ok(given.clone()),
        (None, Some(wanted)) => Ok(Some(wanted)),
        (Some(given), Some(wanted)) => {
            if wanted.iter().all(|scope| given.contains(scope)) {
                Ok(Some(wanted))
            } else {
                Err(Refusal::InvalidScope)
            }
        }
    }
}

/// The permissions as `scope` writes them.
#[must_use]
pub fn scope_text(scopes: &[Permission]) -> String {
    let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    names.join(" ")
}

fn holder(claims: &Claims) -> Option<VerifiedToken> {
    let time = |seconds: u64| DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0);
    let holder = match claims.subject.parse().ok()? {
        Subject::Person(person) => TokenHolder::Person {
            person,
            session: claims.session_id.as_deref()?.parse().ok()?,
        },
        Subject::Machine(machine) => TokenHolder::Machine {
            machine,
            scopes: match claims.scope {
                Some(_) => Some(
                    claims
                        .scopes()
                        .map(str::parse)
                        .collect::<Result<_, _>>()
                        .ok()?,
                ),
                None => None,
            },
        },
        Subject::External(_) => return None,
    };
    Some(VerifiedToken {
        holder,
        expires_at: time(claims.expires_at)?,
        issued_at: time(claims.issued_at?)?,
        token_id: claims.token_id.clone()?,
    })
}
