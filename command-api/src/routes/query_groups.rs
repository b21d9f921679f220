//! Parameter groups that several queries share.

use ledger_core::{
    CaseId, HoldId, LedgerName, OwnerId, PaymentId, PayoutId, SettlementId, TierName,
    TransactionId, WalletId,
};

use crate::parameters::{Incomplete, ParameterGroup, ParameterSource};
use crate::reading::{Freshness, Paging};
use crate::routes::groups::ledger;

/// A query without parameters.
#[derive(Debug)]
pub struct NoParameters;

impl ParameterGroup for NoParameters {
    fn read(_: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        Ok(Self)
    }
}

/// A query of a ledger as a whole.
#[derive(Debug)]
pub struct LedgerQuery {
    /// The ledger.
    pub ledger: LedgerName,
    /// How fresh the answer must be.
    pub freshness: Freshness,
}

impl ParameterGroup for LedgerQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let (ledger, freshness) = (ledger(from), Freshness::read(from));
        Ok(Self {
            ledger: ledger?,
            freshness: freshness?,
        })
    }
}

/// A query of a list of a ledger without filters.
#[derive(Debug)]
pub struct LedgerPageQuery {
    /// The ledger.
    pub ledger: LedgerName,
    /// Which part of the list.
    pub paging: Paging,
    /// How fresh the answer must be.
    pub freshness: Freshness,
}

impl ParameterGroup for LedgerPageQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let (paging, freshness) = (Paging::read(from), Freshness::read(from));
        Ok(Self {
            ledger: ledger?,
            paging: paging?,
            freshness: freshness?,
        })
    }
}

macro_rules! resource_query {
    ($(#[$doc:meta])* $group:ident, $field:ident: $type:ty, $name:literal, $description:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $group {
            /// The ledger.
            pub ledger: LedgerName,
            /// The resource.
            pub $field: $type,
            /// How fresh the answer must be.
            pub freshness: Freshness,
        }

        impl ParameterGroup for $group {
            fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
                let ledger = ledger(from);
                let $field = from.path($name, $description);
                let freshness = Freshness::read(from);
                Ok(Self {
                    ledger: ledger?,
                    $field: $field?,
                    freshness: freshness?,
                })
            }
        }
    };
}

resource_query!(
    /// A query of one asset.
    AssetQuery, asset: ledger_core::AssetCode, "asset", "The asset's code."
);
resource_query!(
    /// A query of one wallet.
    WalletQuery, wallet: WalletId, "wallet_id", "The wallet."
);
resource_query!(
    /// A query of one account.
    AccountQuery, account: ledger_core::AccountId, "account_id", "The account."
);
resource_query!(
    /// A query of one transaction.
    TransactionQuery, transaction: TransactionId, "transaction_id", "The transaction."
);
resource_query!(
    /// A query of one hold.
    HoldQuery, hold: HoldId, "hold_id", "The hold."
);
resource_query!(
    /// A query of one deposit.
    DepositQuery, payment: PaymentId, "payment_id", "The deposit."
);
resource_query!(
    /// A query of one dispute.
    DisputeQuery, dispute: crate::text_formats::AnyId, "dispute_id", "The dispute."
);
resource_query!(
    /// A query of one payout.
    PayoutQuery, payout: PayoutId, "payout_id", "The payout."
);
resource_query!(
    /// A query of one settlement.
    SettlementQuery, settlement: SettlementId, "settlement_id", "The settlement."
);
resource_query!(
    /// A query of one tier.
    TierQuery, tier: TierName, "tier", "The tier."
);
resource_query!(
    /// A query of one owner.
    OwnerQuery, owner: OwnerId, "owner", "The owner."
);
resource_query!(
    /// A query of one verification case.
    CaseQuery, case: CaseId, "case_id", "The case."
);
