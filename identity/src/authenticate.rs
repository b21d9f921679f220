//! From a bearer credential to a principal.
//!
//! A credential is judged in full once: signature, claims, and in the database whether its session or
//! machine goes on and which roles it has. The outcome is remembered for at most a minute, under the
//! credential's hash, until the credential ends or anything is taken from anybody
//! ([`crate::changes`]), so that a request costs a hash and a look. A node that cannot hear of changes
//! remembers nothing and asks the database each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::changes::{self, ChangeWatch, Listening};
use crate::external::{ExternalIssuers, at_second};
use crate::identities::{Identities, IdentityError};
use crate::jwt;
use crate::machines::{KEY_PREFIX, KnownMachine};
use crate::permission::Role;
use crate::principal::{Grant, Identified, Ledgers, Principal};
use crate::secret::token_hash;
use crate::subject::Subject;
use crate::tokens::{TokenHolder, Tokens};

/// How long an outcome is remembered.
const REMEMBERED: TimeDelta = TimeDelta::minutes(1);

/// Outcomes remembered at most; all are forgotten when there would be more.
const MOST_REMEMBERED: usize = 20_000;

/// Why a credential stands for nobody.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// It is malformed, unknown, has expired or was revoked; `reason` is for logs and developers, and tells
    /// nothing that the holder of the credential does not know.
    #[error("the credential is not valid: {reason}")]
    Invalid {
        /// A stable word.
        reason: &'static str,
    },
    /// It cannot be judged at the moment.
    #[error("the credential cannot be judged")]
    Fault(#[from] IdentityError),
}

/// Judges credentials.
#[derive(Debug, Clone)]
pub struct Authenticator {
    identities: Identities,
    tokens: Tokens,
    external: Option<Arc<ExternalIssuers>>,
    remembered: Arc<Mutex<Remembered>>,
    listening: Listening,
}

#[derive(Debug, Default)]
struct Remembered {
    /// The count of changes at which all of this was true.
    changes: u64,
    principals: HashMap<[u8; 32], Known>,
}

#[derive(Debug, Clone)]
struct Known {
    principal: Arc<Principal>,
    until: DateTime<Utc>,
}

#[derive(Debug, sqlx::FromRow)]
struct PersonStanding {
    owner: String,
    second_factor_at: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
    claimed_roles: Vec<String>,
}

const STANDING: &str = "\
SELECT person.owner, session.second_factor_at, session.expires_at, session.claimed_roles
FROM identity.session JOIN identity.person ON person.id = session.person_id
WHERE session.id = $1 AND person.id = $2 AND session.ended_at IS NULL AND session.expires_at > $3
  AND person.blocked_at IS NULL";

impl Authenticator {
    /// Judges credentials of these identities, and of other issuers if there are any; listens for
    /// changes until `shutdown`.
    #[must_use]
    pub fn start(
        identities: Identities,
        tokens: Tokens,
        external: Option<Arc<ExternalIssuers>>,
        shutdown: CancellationToken,
    ) -> Self {
        let authenticator = Self {
            identities,
            tokens,
            external,
            remembered: Arc::default(),
            listening: Listening::default(),
        };
        tokio::spawn(changes::listen(
            authenticator.identities.pool.clone(),
            authenticator.listening.clone(),
            authenticator.identities.changes.clone(),
            shutdown,
        ));
        authenticator
    }

    /// Whom a credential stands for: an access token of ours or of another issuer, or a key.
    ///
    /// # Errors
    /// [`AuthenticationError`].
    pub async fn authenticate(
        &self,
        credential: &str,
    ) -> Result<Arc<Principal>, AuthenticationError> {
        let (hash, now) = (token_hash(credential), self.identities.now());
        // Read before the database is asked: what changes meanwhile makes the outcome old.
        let changes = self.identities.changes.count();
        if let Some(principal) = self.remembered(&hash, changes, now) {
            return Ok(principal);
        }
        let principal = Arc::new(self.judge(credential, now).await?);
        self.remember(hash, changes, &principal, now);
        Ok(principal)
    }

    /// How somebody stands now whose credential was shown before; nothing is remembered.
    ///
    /// # Errors
    /// [`AuthenticationError::Invalid`] when the credential would not be taken any more, as far as that
    /// can be told without it.
    pub async fn again(
        &self,
        identified: &Identified,
    ) -> Result<Arc<Principal>, AuthenticationError> {
        let now = self.identities.now();
        if identified.expires_at.is_some_and(|end| end <= now) {
            return Err(invalid("expired"));
        }
        let principal = match identified.subject {
            Subject::Person(person) => {
                let session = identified.session.ok_or(invalid("session_ended"))?;
                let end = identified.expires_at.ok_or(invalid("expired"))?;
                self.person(person, session, end, now).await?
            }
            Subject::Machine(id) => {
                let known = self.identities.machine_of_any_kind(id).await?;
                let known = known.ok_or(invalid("revoked"))?;
                if let Some(token_id) = &identified.token_id
                    && self.tokens.is_revoked(token_id).await?
                {
                    return Err(invalid("revoked"));
                }
                let ends = [identified.expires_at, known.expires_at];
                let machine = KnownMachine {
                    id,
                    scopes: identified.scopes.clone().or(known.scopes),
                    expires_at: ends.into_iter().flatten().min(),
                };
                self.machine(machine, identified.token_id.clone()).await?
            }
            Subject::External(_) => {
                let vouched = Vouched {
                    claimed: identified.claimed.clone(),
                    // Of no use on a stream, where nothing is changed.
                    second_factor_at: None,
                    expires_at: identified.expires_at,
                };
                self.vouched(identified.subject, vouched).await?
            }
        };
        Ok(Arc::new(principal))
    }

    /// Changes of anybody's standing, from now on.
    #[must_use]
    pub fn changes(&self) -> ChangeWatch {
        self.identities.changes.watch()
    }

    /// The other issuers whose tokens are taken, if there are any.
    #[must_use]
    pub const fn issuers(&self) -> Option<&Arc<ExternalIssuers>> {
        self.external.as_ref()
    }

    /// The identities behind it.
    #[must_use]
    pub const fn identities(&self) -> &Identities {
        &self.identities
    }

    /// The tokens behind it.
    #[must_use]
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    async fn judge(
        &self,
        credential: &str,
        now: DateTime<Utc>,
    ) -> Result<Principal, AuthenticationError> {
        if credential.starts_with(KEY_PREFIX) {
            let machine = self.identities.key_holder(credential).await?;
            let machine = machine.ok_or(invalid("unknown_key"))?;
            return Ok(self.machine(machine, None).await?);
        }
        if let Some(external) = &self.external
            && jwt::unverified_issuer(credential).is_ok_and(|issuer| external.trusts(&issuer))
        {
            return self.external(external, credential).await;
        }
        let verified = self.tokens.verify(credential, now).await?;
        if self.tokens.is_revoked(&verified.token_id).await? {
            return Err(invalid("revoked"));
        }
        match verified.holder {
            TokenHolder::Person { person, session } => {
                self.person(person, session, verified.expires_at, now).await
            }
            TokenHolder::Machine { machine, scopes } => {
                let known = self.identities.machine(machine).await?;
                let mut known = known.ok_or(invalid("revoked"))?;
                if scopes.is_some() {
                    known.scopes = scopes;
                }
                known.expires_at = Some(verified.expires_at);
                Ok(self.machine(known, Some(verified.token_id)).await?)
            }
        }
    }

    async fn person(
        &self,
        person: Uuid,
        session: Uuid,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Principal, AuthenticationError> {
        let standing: Option<PersonStanding> = sqlx::query_as(STANDING)
            .bind(session)
            .bind(person)
            .bind(now)
            .fetch_optional(&self.identities.pool)
            .await
            .map_err(IdentityError::from)?;
        let standing = standing.ok_or(invalid("session_ended"))?;
        let subject = Subject::Person(person);
        let owner = standing
            .owner
            .parse()
            .map_err(|_| IdentityError::Stored { what: "owner" })?;
        let claimed = roles_of(&standing.claimed_roles)?;
        let mut grants = self.identities.grants(subject).await?;
        grants.extend(everywhere(&claimed));
        Ok(Principal {
            subject,
            owner: Some(owner),
            grants,
            scopes: None,
            session: Some(session),
            second_factor_at: standing.second_factor_at,
            token_id: None,
            claimed,
            expires_at: Some(expires_at.min(standing.expires_at)),
        })
    }

    async fn machine(
        &self,
        machine: KnownMachine,
        token_id: Option<String>,
    ) -> Result<Principal, IdentityError> {
        let subject = Subject::Machine(machine.id);
        Ok(Principal {
            subject,
            owner: None,
            grants: self.identities.grants(subject).await?,
            scopes: machine.scopes,
            session: None,
            second_factor_at: None,
            token_id,
            claimed: Vec::new(),
            expires_at: machine.expires_at,
        })
    }

    /// Somebody whom another issuer vouches for: the roles that its claims stand for everywhere, and those
    /// given to them here.
    async fn external(
        &self,
        issuers: &ExternalIssuers,
        credential: &str,
    ) -> Result<Principal, AuthenticationError> {
        let found = match issuers.verify_access_token(credential).await {
            Ok(found) => found,
            Err(error) if error.is_transient() => {
                return Err(IdentityError::External(error).into());
            }
            Err(error) => return Err(invalid(error.code())),
        };
        let subject = Subject::external(&found.issuer, &found.subject);
        let vouched = Vouched {
            claimed: found.known_roles(),
            second_factor_at: found.second_factor_at(),
            expires_at: at_second(found.expires_at),
        };
        self.vouched(subject, vouched).await
    }

    async fn vouched(
        &self,
        subject: Subject,
        vouched: Vouched,
    ) -> Result<Principal, AuthenticationError> {
        if let Subject::External(id) = subject
            && self.identities.is_blocked(id).await?
        {
            return Err(invalid("blocked"));
        }
        let mut grants = self.identities.grants(subject).await?;
        grants.extend(everywhere(&vouched.claimed));
        let owner = subject
            .to_string()
            .parse()
            .map_err(|_| IdentityError::Stored { what: "owner" })?;
        Ok(Principal {
            subject,
            owner: Some(owner),
            grants,
            scopes: None,
            session: None,
            second_factor_at: vouched.second_factor_at,
            token_id: None,
            claimed: vouched.claimed,
            expires_at: vouched.expires_at,
        })
    }

    fn remembered(
        &self,
        hash: &[u8; 32],
        changes: u64,
        now: DateTime<Utc>,
    ) -> Option<Arc<Principal>> {
        let remembered = self.lock();
        let known = remembered.principals.get(hash)?;
        (remembered.changes == changes && now < known.until).then(|| Arc::clone(&known.principal))
    }

    /// Remembers an outcome that was true when `changes` was counted.
    fn remember(
        &self,
        hash: [u8; 32],
        changes: u64,
        principal: &Arc<Principal>,
        now: DateTime<Utc>,
    ) {
        if !self.listening.is_on() {
            return;
        }
        let mut remembered = self.lock();
        if remembered.changes > changes {
            return;
        }
        if remembered.changes < changes || remembered.principals.len() >= MOST_REMEMBERED {
            remembered.principals.clear();
            remembered.changes = changes;
        }
        let latest = now + REMEMBERED;
        let known = Known {
            principal: Arc::clone(principal),
            until: principal.expires_at.map_or(latest, |end| end.min(latest)),
        };
        remembered.principals.insert(hash, known);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What another issuer says of somebody.
struct Vouched {
    claimed: Vec<Role>,
    second_factor_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

fn everywhere(roles: &[Role]) -> impl Iterator<Item = Grant> {
    roles.iter().map(|role| Grant {
        role: *role,
        ledgers: Ledgers::All,
    })
}

fn roles_of(names: &[String]) -> Result<Vec<Role>, IdentityError> {
    let parsed = names.iter().map(|name| name.parse());
    parsed
        .collect::<Result<_, _>>()
        .map_err(|_| IdentityError::Stored { what: "role" })
}

const fn invalid(reason: &'static str) -> AuthenticationError {
    AuthenticationError::Invalid { reason }
}
