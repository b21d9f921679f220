//! Where payouts go: the account numbers and names that a log must not hold.
//!
//! A destination is sealed under the master key, at the place of the one beneficiary it belongs to. What the
//! rest of the platform knows of it is a fingerprint, a keyed hash: account numbers are few enough to be
//! guessed from a plain one.

use std::fmt;

use ledger_core::{BeneficiaryId, LedgerName};
use serde::{Deserialize, Serialize};
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

/// Whether a destination was kept now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It was.
    Now,
    /// It was there.
    Before,
}

impl Identities {
    /// The keyed hash by which a destination is known again in a ledger: 64 hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self, ledger: LedgerName, destination: &Destination) -> String {
        let place = format!("destination/{ledger}");
        let hash = self.master_key.hash(&place, &destination.canonical());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Keeps the destination of a beneficiary, unless one is kept: a beneficiary's never changes.
    ///
    /// # Errors
    /// Faults.
    pub async fn keep_destination(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
        destination: &Destination,
    ) -> Result<Kept, IdentityError> {
        let stored = |_| IdentityError::Stored {
            what: "destination",
        };
        let text = Zeroizing::new(serde_json::to_vec(destination).map_err(stored)?);
        let sealed = self.master_key.seal(&place(ledger, beneficiary), &text)?;
        let kept = sqlx::query(
            "INSERT INTO identity.destination (ledger, beneficiary_id, sealed, kept_at) \
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(ledger.as_str())
        .bind(beneficiary.as_uuid())
        .bind(sealed)
        .bind(self.now())
        .execute(&self.pool)
        .await?;
        Ok(if kept.rows_affected() == 0 {
            Kept::Before
        } else {
            Kept::Now
        })
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
            "SELECT sealed FROM identity.destination WHERE ledger = $1 AND beneficiary_id = $2",
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

    /// Forgets the destination of a beneficiary: nothing can be paid there any more.
    ///
    /// # Errors
    /// Faults.
    pub async fn forget_destination(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
    ) -> Result<(), IdentityError> {
        sqlx::query("DELETE FROM identity.destination WHERE ledger = $1 AND beneficiary_id = $2")
            .bind(ledger.as_str())
            .bind(beneficiary.as_uuid())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn place(ledger: LedgerName, beneficiary: BeneficiaryId) -> String {
    format!("destination/{ledger}/{beneficiary}")
}
