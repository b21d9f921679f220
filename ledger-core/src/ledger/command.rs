//! What can be asked of a ledger.

use crate::identifier::{LedgerName, SystemAccountName, TierName};
use crate::limit::RequestedTier;
use crate::money::AssetCode;
use crate::posting::NormalSide;
use crate::wallet::RequestedOverdraft;
use rust_decimal::Decimal;

use super::state::SystemAccount;

/// The system accounts every ledger opens with, and the side on which each grows.
pub const STANDARD_SYSTEM_ACCOUNTS: [(&str, NormalSide); 6] = [
    // Money at the bank: where deposits come from and withdrawals go when no gateway is between.
    ("cash", NormalSide::Debit),
    // What gateways have collected and not yet settled.
    ("gateway_clearing", NormalSide::Debit),
    // What the platform has earned.
    ("fees", NormalSide::Credit),
    // The two legs of a conversion meet here.
    ("fx", NormalSide::Debit),
    // Money whose owner is not known yet.
    ("suspense", NormalSide::Credit),
    // What the platform has lost.
    ("losses", NormalSide::Debit),
];

/// [`STANDARD_SYSTEM_ACCOUNTS`] with their names checked.
#[must_use]
pub fn standard_system_accounts() -> Vec<SystemAccount> {
    STANDARD_SYSTEM_ACCOUNTS
        .iter()
        .filter_map(|(name, normal_side)| {
            Some(SystemAccount {
                name: name.parse().ok()?,
                normal_side: *normal_side,
            })
        })
        .collect()
}

/// What can be asked of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerCommand {
    /// Open it, with these system accounts.
    Open {
        /// Its name.
        name: LedgerName,
        /// The system accounts to begin with.
        system_accounts: Vec<SystemAccount>,
    },
    /// Add an asset of the ledger's own.
    RegisterAsset {
        /// Its code; none of the standard assets and none registered before.
        code: AssetCode,
        /// Its decimals, 0 to 18.
        scale: u32,
    },
    /// Add a system account.
    OpenSystemAccount {
        /// Its name.
        name: SystemAccountName,
        /// The side on which its balance grows.
        normal_side: NormalSide,
    },
    /// Change what the owners in a tier may do, or add the tier.
    SetTier {
        /// Which.
        tier: TierName,
        /// What they may do.
        rules: RequestedTier,
    },
    /// Change the tier of owners to whom none was granted.
    SetDefaultTier {
        /// Which.
        tier: TierName,
    },
    /// Change what payments and payouts of an asset may do.
    SetPaymentPolicy {
        /// Which asset.
        asset: AssetCode,
        /// What they may do.
        policy: RequestedPolicy,
    },
}

/// A [`super::PaymentPolicy`] as asked for; its amounts have not been checked against the asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedPolicy {
    /// How far below zero a chargeback may take a wallet.
    pub chargeback_overdraft: RequestedOverdraft,
    /// Payouts of more than this need a second person; none does when absent.
    pub payout_approval_above: Option<Decimal>,
}
