//! The enumerations of tiers, and the domain's types they stand for.

use ledger_core::limit::{Operation, OtherAssets};

use crate::choice::choice;

choice!(
    /// Something that an owner may or may not do.
    OperationName {
        /// Receive from a system account: money from outside, or from the platform.
        Deposit => "deposit",
        /// Give to a system account other than by a payout.
        Withdrawal => "withdrawal",
        /// Give to another owner's wallet.
        Send => "send",
        /// Receive from another owner's wallet.
        Receive => "receive",
        /// Give to or receive from the account `fx`.
        Conversion => "conversion",
        /// Have a provider pay out.
        Payout => "payout",
    }
);

impl From<OperationName> for Operation {
    fn from(name: OperationName) -> Self {
        match name {
            OperationName::Deposit => Self::Deposit,
            OperationName::Withdrawal => Self::Withdrawal,
            OperationName::Send => Self::Send,
            OperationName::Receive => Self::Receive,
            OperationName::Conversion => Self::Conversion,
            OperationName::Payout => Self::Payout,
        }
    }
}

impl From<Operation> for OperationName {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Deposit => Self::Deposit,
            Operation::Withdrawal => Self::Withdrawal,
            Operation::Send => Self::Send,
            Operation::Receive => Self::Receive,
            Operation::Conversion => Self::Conversion,
            Operation::Payout => Self::Payout,
        }
    }
}

choice!(
    /// What becomes of the assets that a tier does not name.
    OtherAssetsName {
        /// Nothing may be done with them.
        Forbidden => "forbidden",
        /// Everything that the tier allows may be done with them, without limit.
        Unlimited => "unlimited",
    }
);

impl From<OtherAssetsName> for OtherAssets {
    fn from(name: OtherAssetsName) -> Self {
        match name {
            OtherAssetsName::Forbidden => Self::Forbidden,
            OtherAssetsName::Unlimited => Self::Unlimited,
        }
    }
}

impl From<OtherAssets> for OtherAssetsName {
    fn from(others: OtherAssets) -> Self {
        match others {
            OtherAssets::Forbidden => Self::Forbidden,
            OtherAssets::Unlimited => Self::Unlimited,
        }
    }
}

choice!(
    /// What grants a tier.
    TierSourceName {
        /// A verification case, by being approved.
        Case => "case",
        /// The platform's staff, without a case.
        Staff => "staff",
    }
);
