//! Persons: the master keys that wrap their keys, and what is forgotten when one is erased.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use command_api::forgetting::Forgetting;
use event_store::executor::{Atomicity, CommandOutcome, Executors, IdempotencyKey, Submission};
use event_store::vault::{DATA_KEY_BYTES, MasterKeyFault, MasterKeys, Vault, WrappedKey};
use event_store::{Database, LogSignal};
use identity::identities::Identities;
use identity::secret::MasterKey;
use ledger_core::beneficiary::BeneficiaryAction;
use ledger_core::event::EventMetadata;
use ledger_core::{ActorId, BeneficiaryId, Command, LedgerName, OwnerId};
use projections::{Queries, ReadModelName};
use sqlx::postgres::PgPool;
use uuid::Uuid;
use workflows::WorkStatus;
use workflows::documents::{DocumentKeeper, ForgetDocuments};
use workflows::erasure::{
    AFTERGLOW, Erasure, ErasureStep, ForgetChecks, ForgetPayers, ForgetWebhooks, PersonAddresses,
    StepError,
};
use workflows::webhooks::Sealing;
use zeroize::Zeroizing;

/// Who removes the beneficiaries of an erased person.
const ACTOR: &str = "process:erasure";

/// How long the read model of beneficiaries may take to know that some were removed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the keys of persons are kept, and under what.
#[derive(Debug, Clone)]
pub enum PersonKeys {
    /// They are not: the master key is gone when the process is.
    None,
    /// Under the master key of the deployment.
    Kept {
        /// Master keys that were in use before, which unwrap what has not been wrapped anew.
        previous: Vec<Arc<MasterKey>>,
    },
}

impl PersonKeys {
    /// The keys in a database.
    #[must_use]
    pub fn vault(&self, pool: &PgPool, master_key: &Arc<MasterKey>) -> Option<Vault> {
        let keys = self.master_keys(master_key)?;
        Some(Vault::new(pool.clone(), keys))
    }

    /// The master keys, if they are kept.
    #[must_use]
    pub fn master_keys(&self, master_key: &Arc<MasterKey>) -> Option<Arc<dyn MasterKeys>> {
        match self {
            Self::None => None,
            Self::Kept { previous } => Some(Arc::new(LocalMasterKeys {
                current: Arc::clone(master_key),
                previous: previous.clone(),
            })),
        }
    }
}

/// Master keys of the configuration.
#[derive(Debug)]
struct LocalMasterKeys {
    current: Arc<MasterKey>,
    previous: Vec<Arc<MasterKey>>,
}

#[async_trait]
impl MasterKeys for LocalMasterKeys {
    fn current(&self) -> String {
        self.current.id().to_owned()
    }

    async fn wrap(
        &self,
        place: &str,
        key: &Zeroizing<[u8; DATA_KEY_BYTES]>,
    ) -> Result<WrappedKey, MasterKeyFault> {
        let sealed = self.current.seal(place, key.as_slice());
        Ok(WrappedKey {
            master_key: self.current(),
            bytes: sealed.map_err(|error| MasterKeyFault::Unavailable(Box::new(error)))?,
        })
    }

    async fn unwrap(
        &self,
        place: &str,
        wrapped: &WrappedKey,
    ) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>, MasterKeyFault> {
        let mut known = std::iter::once(&self.current).chain(&self.previous);
        let key = known.find(|key| key.id() == wrapped.master_key);
        let key = key.ok_or_else(|| MasterKeyFault::Unknown {
            id: wrapped.master_key.clone(),
        })?;
        let opened = key
            .open(place, &wrapped.bytes)
            .map_err(|_| MasterKeyFault::NotOurs)?;
        <[u8; DATA_KEY_BYTES]>::try_from(opened.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| MasterKeyFault::NotOurs)
    }
}

/// What the erasure of persons works with.
pub(super) struct ErasureWork {
    pub(super) vault: Vault,
    pub(super) database: Database,
    pub(super) signal: LogSignal,
    pub(super) executors: Executors,
    pub(super) identities: Identities,
    pub(super) forgetting: Forgetting,
    pub(super) queries: Queries,
    pub(super) documents: DocumentKeeper,
    pub(super) sealing: Arc<dyn Sealing>,
    pub(super) status: WorkStatus,
}

impl ErasureWork {
    /// The process; a part of the deployment that keeps something else of persons has a step here.
    pub(super) fn process(self) -> Erasure {
        let pool = self.database.pool().clone();
        let steps: Vec<Arc<dyn ErasureStep>> = vec![
            Arc::new(ForgetWebhooks {
                pool: pool.clone(),
                sealing: self.sealing,
                addresses: Arc::new(SignInAddresses(self.identities.clone())),
            }),
            Arc::new(ForgetPayers(pool.clone())),
            Arc::new(ForgetChecks(pool.clone())),
            Arc::new(ForgetDocuments(self.documents)),
            Arc::new(RemoveBeneficiaries {
                executors: self.executors,
                identities: self.identities.clone(),
                forgetting: self.forgetting,
                queries: self.queries,
            }),
            Arc::new(ForgetPerson(self.identities)),
        ];
        Erasure::new(self.vault, steps, pool, self.signal, self.status, AFTERGLOW)
    }
}

/// By which addresses somebody signs in.
#[derive(Debug)]
struct SignInAddresses(Identities);

#[async_trait]
impl PersonAddresses for SignInAddresses {
    async fn of(&self, owner: &OwnerId) -> Result<Vec<String>, StepError> {
        Ok(self.0.addresses_of_owner(owner).await?)
    }
}

/// Who signs in.
#[derive(Debug)]
struct ForgetPerson(Identities);

#[async_trait]
impl ErasureStep for ForgetPerson {
    fn name(&self) -> &'static str {
        "sign-in"
    }

    async fn forget(&self, _: LedgerName, owner: &OwnerId) -> Result<(), StepError> {
        Ok(self.0.forget_owner(owner).await?)
    }
}

/// Where the person's payouts went. They are removed, and their destination is forgotten at once or, while a
/// payout is on its way there, when that is over.
#[derive(Debug)]
struct RemoveBeneficiaries {
    executors: Executors,
    identities: Identities,
    forgetting: Forgetting,
    queries: Queries,
}

#[async_trait]
impl ErasureStep for RemoveBeneficiaries {
    fn name(&self) -> &'static str {
        "beneficiaries"
    }

    async fn forget(&self, ledger: LedgerName, owner: &OwnerId) -> Result<(), StepError> {
        let beneficiaries = self.identities.destinations_of(ledger, owner).await?;
        for beneficiary in &beneficiaries {
            self.remove(ledger, *beneficiary).await?;
        }
        if !beneficiaries.is_empty() {
            // Whether payouts are on their way is asked of a read model. Where nobody builds it in time the
            // destinations are forgotten later.
            let payments = [ReadModelName::Payments];
            let caught_up = self.queries.catch_up(ledger, &payments, PATIENCE).await;
            if let Err(error) = caught_up {
                tracing::debug!(%ledger, %error, "destinations of an erased person are forgotten later");
            }
            let forgotten = self.forgetting.forget_removed().await;
            forgotten.map_err(|problem| problem.to_string())?;
        }
        Ok(())
    }
}

impl RemoveBeneficiaries {
    async fn remove(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
    ) -> Result<(), StepError> {
        self.identities.note_removal(ledger, beneficiary).await?;
        let by: ActorId = ACTOR.parse()?;
        let command = Command::Beneficiary {
            beneficiary,
            action: Box::new(BeneficiaryAction::Remove { by, reason: None }),
        };
        let submission = Submission {
            commands: vec![command],
            atomicity: Atomicity::AllOrNothing,
            idempotency: Some(IdempotencyKey::of_process(
                "erasure",
                &format!("remove/{beneficiary}"),
            )),
            metadata: EventMetadata {
                command_id: Uuid::now_v7(),
                actor: Some(ACTOR.to_owned()),
                correlation_id: None,
                causation_id: None,
                idempotency: None,
            },
        };
        let outcome = self.executors.submit(ledger, submission).await?;
        match outcome.commands.first() {
            // Removed before, or never in the log.
            Some(CommandOutcome::Refused(refusal)) if !refusal.transient => Ok(()),
            Some(CommandOutcome::Refused(refusal)) => Err(refusal.detail.clone().into()),
            Some(CommandOutcome::Applied(_) | CommandOutcome::NotApplied) | None => Ok(()),
        }
    }
}
