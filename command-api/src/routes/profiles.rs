//! What is known of owners as persons: recorded sealed, shown to few, erased for ever.
//!
//! There is no read model of it: a profile is read from its stream and opened for the one who asks, so that
//! there is nothing to scrub. Every look is recorded before it is answered.

use event_store::Vault;
use event_store::vault::{LookupKind, PersonKey, VaultError};
use identity::address::Address;
use identity::subject::Subject;
use ledger_core::profile::{CasesInReview, ProfileAction, ProfileRejection};
use ledger_core::{Command, LedgerName, OwnerId, Rejection, Stream};
use poem_openapi::OpenApi;
use serde::Serialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::{Key, KeyText};
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource, Parameters};
use crate::problem::responses::{CommandProblem, QueryProblem};
use crate::problem::{Problem, catalogue};
use crate::reply::{Answer, Done};
use crate::representation::identity::address;
use crate::representation::profile::{
    EraseProfileRequest, FindProfilesRequest, FoundProfiles, ProfileChanged, ProfileView,
    RecordProfileRequest,
};
use crate::routes::Part;
use crate::routes::groups::{idempotency_key, ledger};
use crate::routes::payments::actor_id;
use crate::services::Services;
use crate::strict_json::StrictJson;

/// A command about an owner's profile.
#[derive(Debug)]
pub struct ProfileCommandParameters {
    ledger: LedgerName,
    owner: OwnerId,
    key: Option<KeyText>,
}

impl ParameterGroup for ProfileCommandParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (ledger, owner) = (ledger(from), from.path("owner", "The owner."));
        let key = idempotency_key(from);
        Ok(Self {
            ledger: ledger?,
            owner: owner?,
            key: key?,
        })
    }
}

/// A query of an owner's profile.
#[derive(Debug)]
pub struct ProfileQuery {
    ledger: LedgerName,
    owner: OwnerId,
}

impl ParameterGroup for ProfileQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (ledger, owner) = (ledger(from), from.path("owner", "The owner."));
        Ok(Self {
            ledger: ledger?,
            owner: owner?,
        })
    }
}

/// A search of profiles in a ledger.
#[derive(Debug)]
pub struct ProfileSearch {
    ledger: LedgerName,
}

impl ParameterGroup for ProfileSearch {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        Ok(Self { ledger: ledger? })
    }
}

/// What stands for a request that says something of a person where it is hashed: a hash under that person's
/// key, which nobody can try against guesses when the key is gone.
#[derive(Debug, Serialize)]
struct SealedRequest {
    person: String,
}

/// Operations on profiles.
#[derive(Clone)]
pub struct ProfileOperations(pub Services);

#[OpenApi]
impl ProfileOperations {
    /// Record what is known of an owner as a person; what is not named stays as it is.
    #[oai(
        path = "/v1/ledgers/:ledger/owners/:owner/profile",
        method = "post",
        operation_id = "record_profile",
        tag = "Part::Profiles"
    )]
    async fn record(
        &self,
        context: RequestContext,
        parameters: Parameters<ProfileCommandParameters>,
        request: StrictJson<RecordProfileRequest>,
    ) -> Result<Done<ProfileChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let (ledger, owner) = (parameters.ledger, parameters.owner);
        self.0.existing_head(ledger).await?;
        let details = request.details().ok_or_else(|| {
            Problem::new(catalogue::INTERNAL_FAULT, "an address has two normal forms")
        })?;
        let hashed = self.sealed_request(ledger, &owner, &request).await?;
        let command = Command::Profile {
            owner: owner.clone(),
            action: Box::new(ProfileAction::Record {
                details: Box::new(details),
                removed: request.removed(),
                by: actor_id(&context)?,
            }),
        };
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(ledger, key, &hashed, command);
        let carried = self.0.commands.submit_one(&context, intent).await?;
        Ok(Done::new(&carried, changed(&carried, owner)))
    }

    /// Get what is known of an owner as a person. Every look is recorded.
    #[oai(
        path = "/v1/ledgers/:ledger/owners/:owner/profile",
        method = "get",
        operation_id = "get_profile",
        tag = "Part::Profiles"
    )]
    async fn profile(
        &self,
        context: RequestContext,
        parameters: Parameters<ProfileQuery>,
    ) -> Result<Answer<ProfileView>, QueryProblem> {
        let Parameters(ProfileQuery { ledger, owner }) = parameters;
        self.0.existing_head(ledger).await?;
        let actor = subject(&context);
        let recorded = self
            .0
            .identities()
            .record_profile_read(actor, ledger, &owner);
        recorded.await?;
        let stream = Stream::Profile(owner.key());
        let mut events = self.0.log.stream(ledger, stream).await?;
        let vault = self.vault()?;
        for event in &mut events {
            vault.open_event(ledger, event).await?;
        }
        let view = ProfileView::of(&owner, events);
        Ok(Answer(view.ok_or_else(profile_not_found)?))
    }

    /// Find the owners whose profile has an address. Every search is recorded.
    #[oai(
        path = "/v1/ledgers/:ledger/profile-searches",
        method = "post",
        operation_id = "find_profiles",
        tag = "Part::Profiles"
    )]
    async fn find(
        &self,
        context: RequestContext,
        parameters: Parameters<ProfileSearch>,
        request: StrictJson<FindProfilesRequest>,
    ) -> Result<Answer<FoundProfiles>, CommandProblem> {
        let (Parameters(ProfileSearch { ledger }), StrictJson(request)) = (parameters, request);
        self.0.existing_head(ledger).await?;
        let wanted = address(request.email.as_ref(), request.phone.as_ref())?;
        let kind = match &wanted {
            Address::Email(_) => LookupKind::Email,
            Address::Phone(_) => LookupKind::Phone,
        };
        let owners = self.vault()?.find(ledger, kind, wanted.as_str()).await?;
        let actor = subject(&context);
        let recorded = self
            .0
            .identities()
            .record_profile_search(actor, ledger, &owners);
        recorded.await?;
        Ok(Answer(FoundProfiles { owners }))
    }

    /// Erase the person behind an owner, for ever: nothing that was recorded can be read again, by anybody.
    #[oai(
        path = "/v1/ledgers/:ledger/owners/:owner/profile/erase",
        method = "post",
        operation_id = "erase_profile",
        tag = "Part::Profiles"
    )]
    async fn erase(
        &self,
        context: RequestContext,
        parameters: Parameters<ProfileCommandParameters>,
        request: StrictJson<EraseProfileRequest>,
    ) -> Result<Done<ProfileChanged>, CommandProblem> {
        let (Parameters(parameters), StrictJson(request)) = (parameters, request);
        let (ledger, owner) = (parameters.ledger, parameters.owner);
        self.0.existing_head(ledger).await?;
        self.check_known(ledger, &owner).await?;
        let in_review = request
            .cases_in_review
            .map_or(CasesInReview::Prevent, Into::into);
        let command = Command::Profile {
            owner: owner.clone(),
            action: Box::new(ProfileAction::Erase {
                reason: request.reason.into(),
                cases: self.0.log.cases_of(ledger, &owner).await?,
                in_review,
                by: actor_id(&context)?,
            }),
        };
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(ledger, key, &request, command);
        let carried = self.0.commands.submit_one(&context, intent).await?;
        // Whoever follows the log does it too; the caller is answered when it is done.
        self.vault()?.destroy(ledger, owner.key()).await?;
        Ok(Done::new(&carried, changed(&carried, owner)))
    }
}

impl ProfileOperations {
    fn vault(&self) -> Result<&Vault, Problem> {
        self.0.vault.as_ref().ok_or_else(|| {
            Problem::new(
                catalogue::PERSONAL_DATA_UNAVAILABLE,
                "this deployment has no master key that is kept, so it keeps nothing personal",
            )
        })
    }

    async fn sealed_request(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
        request: &RecordProfileRequest,
    ) -> Result<SealedRequest, Problem> {
        let key = self.vault()?.key_to_seal(ledger, owner.key()).await?;
        let PersonKey::Usable(key) = key else {
            let owner = owner.clone();
            return Err(Rejection::from(ProfileRejection::Erased { owner }).into());
        };
        let text = serde_json::to_vec(request).map_err(|error| Problem::internal(&error))?;
        let hash = key.keyed_hash(&Sha256::digest(&*Zeroizing::new(text)));
        let person = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(SealedRequest { person })
    }

    /// Nobody is told that somebody was erased whose name was misspelt.
    async fn check_known(&self, ledger: LedgerName, owner: &OwnerId) -> Result<(), Problem> {
        let key = owner.key();
        for stream in [
            Stream::Profile(key),
            Stream::Owner(key),
            Stream::Onboarding(key),
        ] {
            if !self.0.log.stream(ledger, stream).await?.is_empty() {
                return Ok(());
            }
        }
        if !self.0.log.cases_of(ledger, owner).await?.is_empty()
            || self.0.identities().is_owner_known(owner).await?
        {
            return Ok(());
        }
        let found = self.0.queries.owner_statistics(ledger, owner).await?;
        found
            .value
            .map(drop)
            .ok_or_else(|| Problem::owner_not_found(owner))
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        match &error {
            VaultError::Database(source) => Self::from_database(source),
            VaultError::MasterKey(_) | VaultError::Sealing(_) => Self::internal(&error),
        }
    }
}

fn subject(context: &RequestContext) -> Option<Subject> {
    context
        .caller
        .principal()
        .map(|principal| principal.subject)
}

fn profile_not_found() -> Problem {
    Problem::new(
        catalogue::PROFILE_NOT_FOUND,
        "nothing is known of the owner as a person",
    )
}

fn changed(carried: &Carried, owner: OwnerId) -> ProfileChanged {
    ProfileChanged {
        owner: owner.into(),
        position: carried.position.into(),
        recorded_at: carried.recorded_at.into(),
    }
}
