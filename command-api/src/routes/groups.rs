//! Parameter groups that several operations share.

use ledger_core::{
    AssetCode, BeneficiaryId, CaseId, HoldId, LedgerName, OwnerId, PaymentId, PayoutId,
    SettlementId, TierName, TransactionId, WalletId,
};

use crate::idempotency::{IDEMPOTENCY_KEY_HEADER, KeyText};
use crate::parameters::{Incomplete, ParameterGroup, ParameterSource};

/// Asks for the ledger in the path.
///
/// # Errors
/// [`Incomplete`].
pub fn ledger(from: &mut ParameterSource<'_>) -> Result<LedgerName, Incomplete> {
    from.path("ledger", "The ledger.")
}

/// Asks for the caller's idempotency key.
///
/// # Errors
/// [`Incomplete`].
pub fn idempotency_key(from: &mut ParameterSource<'_>) -> Result<Option<KeyText>, Incomplete> {
    from.header(
        IDEMPOTENCY_KEY_HEADER,
        "The caller's key for this intent. The same request under the same key gives the same reply for ever; another request under it is refused with `idempotency_key_reused`.",
    )
}

/// A command that concerns no ledger yet.
#[derive(Debug)]
pub struct CommandParameters {
    /// The caller's key.
    pub key: Option<KeyText>,
}

impl ParameterGroup for CommandParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let key = idempotency_key(from);
        Ok(Self { key: key? })
    }
}

/// A command to a ledger.
#[derive(Debug)]
pub struct LedgerCommandParameters {
    /// The ledger.
    pub ledger: LedgerName,
    /// The caller's key.
    pub key: Option<KeyText>,
}

impl ParameterGroup for LedgerCommandParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (ledger, key) = (ledger(from), idempotency_key(from));
        Ok(Self {
            ledger: ledger?,
            key: key?,
        })
    }
}

macro_rules! resource_command_parameters {
    ($(#[$doc:meta])* $group:ident, $field:ident: $type:ty, $name:literal, $description:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $group {
            /// The ledger.
            pub ledger: LedgerName,
            /// The resource.
            pub $field: $type,
            /// The caller's key.
            pub key: Option<KeyText>,
        }

        impl ParameterGroup for $group {
            fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
                let ledger = ledger(from);
                let $field = from.path($name, $description);
                let key = idempotency_key(from);
                Ok(Self {
                    ledger: ledger?,
                    $field: $field?,
                    key: key?,
                })
            }
        }
    };
}

resource_command_parameters!(
    /// A command to a wallet.
    WalletCommandParameters, wallet: WalletId, "wallet_id", "The wallet."
);
resource_command_parameters!(
    /// A command to a hold.
    HoldCommandParameters, hold: HoldId, "hold_id", "The hold."
);
resource_command_parameters!(
    /// A command to a transaction.
    TransactionCommandParameters, transaction: TransactionId, "transaction_id", "The transaction."
);
resource_command_parameters!(
    /// A command to a deposit.
    DepositCommandParameters, payment: PaymentId, "payment_id", "The deposit."
);
resource_command_parameters!(
    /// A command to a payout.
    PayoutCommandParameters, payout: PayoutId, "payout_id", "The payout."
);
resource_command_parameters!(
    /// A command to a settlement.
    SettlementCommandParameters, settlement: SettlementId, "settlement_id", "The settlement."
);
resource_command_parameters!(
    /// A command about payments of an asset.
    AssetCommandParameters, asset: AssetCode, "asset", "The asset's code."
);

resource_command_parameters!(
    /// A command about a tier.
    TierCommandParameters, tier: TierName, "tier", "The tier."
);
resource_command_parameters!(
    /// A command about an owner.
    OwnerCommandParameters, owner: OwnerId, "owner", "The owner."
);
resource_command_parameters!(
    /// A command about a verification case.
    CaseCommandParameters, case: CaseId, "case_id", "The case."
);

/// A command to a beneficiary of a wallet.
#[derive(Debug)]
pub struct BeneficiaryCommandParameters {
    /// The ledger.
    pub ledger: LedgerName,
    /// The wallet.
    pub wallet: WalletId,
    /// The beneficiary.
    pub beneficiary: BeneficiaryId,
    /// The caller's key.
    pub key: Option<KeyText>,
}

impl ParameterGroup for BeneficiaryCommandParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let wallet = from.path("wallet_id", "The wallet.");
        let beneficiary = from.path("beneficiary_id", "The beneficiary.");
        let key = idempotency_key(from);
        Ok(Self {
            ledger: ledger?,
            wallet: wallet?,
            beneficiary: beneficiary?,
            key: key?,
        })
    }
}

/// A command to one account of a wallet.
#[derive(Debug)]
pub struct WalletAssetCommandParameters {
    /// The ledger.
    pub ledger: LedgerName,
    /// The wallet.
    pub wallet: WalletId,
    /// The asset.
    pub asset: AssetCode,
    /// The caller's key.
    pub key: Option<KeyText>,
}

impl ParameterGroup for WalletAssetCommandParameters {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let wallet = from.path("wallet_id", "The wallet.");
        let asset = from.path("asset", "The asset's code.");
        let key = idempotency_key(from);
        Ok(Self {
            ledger: ledger?,
            wallet: wallet?,
            asset: asset?,
            key: key?,
        })
    }
}
