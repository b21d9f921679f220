//! Where payouts go: the account numbers and names that a log must not hold.
//!
//! A destination is sealed under the master key, at the place of the one beneficiary it belongs to. What the
//! rest of the platform knows of it is a fingerprint, a keyed hash: account numbers are few enough to be
//! guessed from a plain one.
//!
//! It is kept for a command before the command is carried out. Of several that add the same beneficiary at
//! once each has its own, and the one that the log has is the one that counts.

use std::fmt;

use chrono::{DateTime, Utc};
use ledger_core::{BeneficiaryId, LedgerName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::identities::{Identities, IdentityError};

/// Where money goes. `Debug` shows the kind alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Destination {
    /// An account at a bank.
    BankAccount {
        /// Whose account it is, as the bank has it.
        holder_name: String,
        /// Its number: letters and digits.
        account_number: String,
        /// The bank and branch: an IFSC, a sort code, a BIC.
        routing_code: String,
    },
    /// A UPI address.
    Vpa {
        /// Whose it is.
        holder_name: String,
        /// Such as `asha@okbank`.
        address: String,
    },
    /// An account at a provider, such as a connected account at Stripe.
    ProviderAccount {
        /// Which provider.
        provider: String,
        /// The provider's own id of it.
        account: String,
    },
}

impl fmt::Debug for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BankAccount { .. } => "BankAccount(hidden)",
            Self::Vpa { .. } => "Vpa(hidden)",
            Self::ProviderAccount { .. } => "ProviderAccount(hidden)",
        })
    }
}

impl Destination {
    /// What makes it the same destination: upper and lower case are no difference, nor is the name.
    fn canonical(&self) -> Zeroizing<String> {
        let text = match self {
            Self::BankAccount {
                account_number,
                routing_code,
                ..
            } => format!("bank_account/{routing_code}/{account_number}"),
            Self::Vpa { address, .. } => format!("vpa/{address}"),
            // A provider's own ids tell upper from lower case.
            Self::ProviderAccount { provider, account } => {
                return Zeroizing::new(format!("provider_account/{provider}/{account}"));
            }
        };
        Zeroizing::new(text.to_ascii_lowercase())
    }
}

/// A beneficiary that somebody was about to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedDestination {
    /// In which ledger.
    pub ledger: LedgerName,
    /// Which.
    pub beneficiary: BeneficiaryId,
}

impl Identities {
    /// The keyed hash by which a destination is known again in a ledger: 64 hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self, ledger: LedgerName, destination: &Destination) -> String {
        let place = format!("destination/{ledger}");
        self.keyed_hash(&place, &destination.canonical())
    }

    /// A hash of something personal that can be kept where nothing is ever deleted: it is keyed, so that
    /// nobody who lacks the master key can try what it might be of. The same on every node of a deployment;
    /// 64 hexadecimal digits.
    #[must_use]
    pub fn keyed_hash(&self, place: &str, text: &str) -> String {
        let hash = self.master_key.hash(place, text);
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Keeps the destination of a beneficiary that this command is to add.
    ///
    /// # Errors
    /// Faults.
    pub async fn keep_destination(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
        command: Uuid,
        destination: &Destination,
    ) -> Result<(), IdentityError> {
        let stored = |_| IdentityError::Stored {
            what: "destination",
        };
        let text = Zeroizing::new(serde_json::to_vec(destination).map_err(stored)?);
        let sealed = self.master_key.seal(&place(ledger, beneficiary), &text)?;
        sqlx::query(
            "INSERT INTO identity.destination (ledger, beneficiary_id, noted_by, sealed) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(ledger.as_str())
        .bind(beneficiary.as_uuid())
        .bind(command)
        .bind(sealed)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes back what was kept for a command, unless the log has the command.
    ///
    /// # Errors
    /// Faults.
    pub async fn take_destination_back(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
        command: Uuid,
    ) -> Result<(), IdentityError> {
        sqlx::query(
            "DELETE FROM identity.destination \
             WHERE ledger = $1 AND beneficiary_id = $2 AND noted_by = $3 \
               AND noted_by IS DISTINCT FROM daybook.begun_by($1, 'beneficiary', $2)",
        )
        .bind(ledger.as_str())
        .bind(beneficiary.as_uuid())
        .bind(command)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The destination of a beneficiary, for whoever pays it; `None` when it was forgotten.
    ///
    /// # Errors
    /// Faults.
    pub async fn destination(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
    ) -> Result<Option<Destination>, IdentityError> {
        let sealed: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT sealed FROM identity.destination \
             WHERE ledger = $1 AND beneficiary_id = $2 \
               AND noted_by = daybook.begun_by($1, 'beneficiary', $2)",
        )
        .bind(ledger.as_str())
        .bind(beneficiary.as_uuid())
        .fetch_optional(&self.pool)
        .await?;
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let text = self.master_key.open(&place(ledger, beneficiary), &sealed)?;
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|_| IdentityError::Stored {
                what: "destination",
            })
    }

    /// Notes that a beneficiary is about to be removed, before it is: what is noted is found again, whatever
    /// happens in between.
    ///
    /// # Errors
    /// Faults.
    pub async fn note_removal(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
    ) -> Result<(), IdentityError> {
        sqlx::query(
            "UPDATE identity.destination SET removed_at = now() \
             WHERE ledger = $1 AND beneficiary_id = $2",
        )
        .bind(ledger.as_str())
        .bind(beneficiary.as_uuid())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Whether a beneficiary was removed, as the log has it now.
    ///
    /// # Errors
    /// Faults.
    pub async fn is_removed(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
    ) -> Result<bool, IdentityError> {
        let last: Option<String> =
            sqlx::query_scalar("SELECT daybook.last_event_type($1, 'beneficiary', $2)")
                .bind(ledger.as_str())
                .bind(beneficiary.as_uuid())
                .fetch_one(&self.pool)
                .await?;
        Ok(last.as_deref() == Some("BeneficiaryRemoved"))
    }

    /// Those that somebody was about to remove, the ones noted first at most `limit`, after `after`.
    ///
    /// # Errors
    /// Faults; [`IdentityError::Stored`] when a row is none of ours.
    pub async fn noted_removals(
        &self,
        after: Option<RemovedDestination>,
        limit: i64,
    ) -> Result<Vec<RemovedDestination>, IdentityError> {
        let (ledger, beneficiary) = match after {
            Some(after) => (after.ledger.to_string(), after.beneficiary.as_uuid()),
            None => (String::new(), Uuid::nil()),
        };
        let rows: Vec<(String, Uuid)> = sqlx::query_as(
            "SELECT DISTINCT ledger, beneficiary_id FROM identity.destination \
             WHERE removed_at IS NOT NULL AND (ledger, beneficiary_id) > ($1, $2) \
             ORDER BY ledger, beneficiary_id LIMIT $3",
        )
        .bind(ledger)
        .bind(beneficiary)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(ledger, beneficiary)| {
                let stored = |_| IdentityError::Stored {
                    what: "destination",
                };
                Ok(RemovedDestination {
                    ledger: ledger.parse().map_err(stored)?,
                    beneficiary: BeneficiaryId::new(beneficiary),
                })
            })
            .collect()
    }

    /// Forgets where the money of a beneficiary went, if it is removed by now; tells how many were forgotten.
    ///
    /// # Errors
    /// Faults.
    pub async fn forget_removed(&self, removed: RemovedDestination) -> Result<u64, IdentityError> {
        let forgotten = sqlx::query(
            "DELETE FROM identity.destination \
             WHERE ledger = $1 AND beneficiary_id = $2 AND removed_at IS NOT NULL \
               AND daybook.last_event_type($1, 'beneficiary', $2) = 'BeneficiaryRemoved'",
        )
        .bind(removed.ledger.as_str())
        .bind(removed.beneficiary.as_uuid())
        .execute(&self.pool)
        .await?;
        Ok(forgotten.rows_affected())
    }

    /// Forgets destinations that were kept before a time for commands which are not in the log; tells how
    /// many. By that time every command has to be answered. Notes of removals that were refused are taken
    /// back.
    ///
    /// # Errors
    /// Faults.
    pub async fn sweep_destinations(&self, before: DateTime<Utc>) -> Result<u64, IdentityError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "UPDATE identity.destination SET settled = true \
             WHERE NOT settled AND noted_at < $1 \
               AND noted_by = daybook.begun_by(ledger, 'beneficiary', beneficiary_id)",
        )
        .bind(before)
        .execute(&mut *tx)
        .await?;
        let swept = sqlx::query(
            "DELETE FROM identity.destination WHERE (NOT settled AND noted_at < $1) \
             OR (removed_at < $1 \
                 AND noted_by <> daybook.begun_by(ledger, 'beneficiary', beneficiary_id))",
        )
        .bind(before)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "UPDATE identity.destination SET removed_at = NULL \
             WHERE removed_at < $1 \
               AND daybook.last_event_type(ledger, 'beneficiary', beneficiary_id) \
                   <> 'BeneficiaryRemoved'",
        )
        .bind(before)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(swept.rows_affected())
    }
}

fn place(ledger: LedgerName, beneficiary: BeneficiaryId) -> String {
    format!("destination/{ledger}/{beneficiary}")
}
