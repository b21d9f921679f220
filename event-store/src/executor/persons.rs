//! Sealing what a submission records of persons.

use ledger_core::book::NewEvent;
use ledger_core::{LedgerName, OwnerKey, Stream};

use super::ledger_task::LedgerTask;
use super::lookup::LoadFault;
use super::recovery::MAX_ATTEMPTS;
use super::submission::{Atomicity, Request, Submission, SubmitError};
use crate::error_chain::ErrorChain;
use crate::vault::{DataKey, MasterKeyFault, PersonKey, Vault, VaultError, seal_event};

/// Where the keys of persons are.
#[derive(Debug, Clone)]
pub(super) enum Persons {
    /// Nowhere.
    None,
    /// There.
    Sealed(Vault),
}

/// Why something personal cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PersonsFault {
    /// PostgreSQL failed; try again.
    #[error("PostgreSQL failed while a key was read")]
    Database(#[source] sqlx::Error),
    /// What keeps the master key fails; try again.
    #[error("the master key cannot be used")]
    Unavailable(#[source] VaultError),
    /// The person is erased.
    #[error("the person's key was destroyed")]
    Destroyed,
    /// This process has no keys.
    #[error("there are no keys of persons here")]
    NoVault,
    /// The keys are not what they should be.
    #[error("a key of a person cannot be used")]
    Vault(#[source] VaultError),
}

impl From<VaultError> for PersonsFault {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Database(error) => Self::Database(error),
            VaultError::MasterKey(MasterKeyFault::Unavailable(_)) => Self::Unavailable(error),
            VaultError::MasterKey(MasterKeyFault::Unknown { .. } | MasterKeyFault::NotOurs)
            | VaultError::Sealing(_) => Self::Vault(error),
        }
    }
}

/// The keys that a submission needs; forgotten with it.
pub(super) struct SubmissionKeys(Vec<(OwnerKey, PersonKey)>);

impl Persons {
    /// The keys of those of whom something is to be recorded; made where there were none.
    pub(super) async fn keys(
        &self,
        ledger: LedgerName,
        submission: &Submission,
    ) -> Result<SubmissionKeys, PersonsFault> {
        let mut keys: Vec<(OwnerKey, PersonKey)> = Vec::new();
        if submission.atomicity == Atomicity::DryRun {
            return Ok(SubmissionKeys(keys));
        }
        for owner in submission
            .commands
            .iter()
            .filter_map(|command| command.records_person())
        {
            let person = owner.key();
            if keys.iter().any(|(known, _)| *known == person) {
                continue;
            }
            let Self::Sealed(vault) = self else {
                return Err(PersonsFault::NoVault);
            };
            keys.push((person, vault.key_to_seal(ledger, person).await?));
        }
        Ok(SubmissionKeys(keys))
    }
}

impl SubmissionKeys {
    /// Seals what these events say of persons.
    pub(super) fn seal(
        &self,
        ledger: LedgerName,
        events: &mut [NewEvent],
    ) -> Result<(), PersonsFault> {
        for event in events {
            let fields = event.event.personal_fields();
            if fields.iter().all(|(_, field)| field.clear_text().is_none()) {
                continue;
            }
            let key = self.key_of(&event.stream)?;
            seal_event(ledger, event, key).map_err(VaultError::from)?;
        }
        Ok(())
    }

    fn key_of(&self, stream: &Stream) -> Result<&DataKey, PersonsFault> {
        let Stream::Profile(person) = stream else {
            return Err(PersonsFault::NoVault);
        };
        let found = self.0.iter().find(|(known, _)| known == person);
        match found {
            Some((_, PersonKey::Usable(key))) => Ok(key),
            Some((_, PersonKey::Destroyed)) => Err(PersonsFault::Destroyed),
            None => Err(PersonsFault::NoVault),
        }
    }
}

impl LedgerTask {
    /// What is to become of a request whose persons' keys are not to be had.
    pub(super) fn take_in_without_keys(
        &mut self,
        mut request: Request,
        fault: PersonsFault,
    ) -> Result<(), (Request, LoadFault)> {
        match fault {
            PersonsFault::Database(error) => return Err((request, LoadFault::Database(error))),
            // The person is erased, and this book has not heard of it.
            PersonsFault::Destroyed if request.attempts < MAX_ATTEMPTS => {
                request.attempts += 1;
                return Err((request, LoadFault::Behind));
            }
            PersonsFault::Unavailable(_) => {
                tracing::warn!(
                    ledger = %self.ledger,
                    error = %ErrorChain(&fault),
                    "the keys of persons cannot be used"
                );
                request.answer(Err(SubmitError::Unavailable));
            }
            PersonsFault::Destroyed | PersonsFault::NoVault | PersonsFault::Vault(_) => {
                tracing::error!(
                    ledger = %self.ledger,
                    error = %ErrorChain(&fault),
                    "what is personal cannot be sealed"
                );
                request.answer(Err(SubmitError::Fault));
            }
        }
        Ok(())
    }

    /// Takes back what was decided after the last that is in the batch.
    pub(super) fn take_last_back(&mut self) {
        if let (Some(batch), Some(book)) = (&self.pending, &mut self.book) {
            book.take_back(batch.after);
        }
    }
}
