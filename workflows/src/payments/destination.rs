//! Where payouts go: what the log leaves out.

use std::fmt;

use async_trait::async_trait;
use connectors::secret::Secret;
use ledger_core::{BeneficiaryId, LedgerName};

/// A place that money can be sent to. `Debug` shows no number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutPlace {
    /// An account at a bank.
    BankAccount {
        /// Its number.
        account_number: Secret,
        /// The bank and branch.
        routing_code: String,
    },
    /// A UPI address.
    Vpa {
        /// Such as `asha@okbank`.
        address: Secret,
    },
    /// An account at a provider itself.
    ProviderAccount {
        /// Which provider.
        provider: String,
        /// The provider's own id of it.
        account: String,
    },
}

/// Whom money is sent to. `Debug` shows no name.
#[derive(Clone, PartialEq, Eq)]
pub struct PayoutDestination {
    /// Whose the place is, as the bank has it.
    pub holder_name: String,
    /// The place.
    pub place: PayoutPlace,
}

impl fmt::Debug for PayoutDestination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PayoutDestination")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// Keeps destinations where they can be forgotten.
#[async_trait]
pub trait PayoutDestinations: Send + Sync + fmt::Debug {
    /// Where a beneficiary's money goes; `None` when it was forgotten.
    ///
    /// # Errors
    /// Why it cannot be told now, for operators and without anything personal.
    async fn destination(
        &self,
        ledger: LedgerName,
        beneficiary: BeneficiaryId,
    ) -> Result<Option<PayoutDestination>, String>;
}
