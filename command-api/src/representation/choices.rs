//! The enumerations of requests and replies, and the domain's types they stand for.

use ledger_core::hold::Remainder;
use ledger_core::money::AssetKind;
use ledger_core::posting::{FreezeScope, NormalSide};

use crate::choice::choice;

choice!(
    /// The side on which a system account's balance grows.
    NormalSideName {
        /// Debits increase it: what the platform owns or has spent.
        Debit => "debit",
        /// Credits increase it: what the platform owes or has earned.
        Credit => "credit",
    }
);

impl From<NormalSideName> for NormalSide {
    fn from(name: NormalSideName) -> Self {
        match name {
            NormalSideName::Debit => Self::Debit,
            NormalSideName::Credit => Self::Credit,
        }
    }
}

impl From<NormalSide> for NormalSideName {
    fn from(side: NormalSide) -> Self {
        match side {
            NormalSide::Debit => Self::Debit,
            NormalSide::Credit => Self::Credit,
        }
    }
}

choice!(
    /// Which side of a movement an entry is.
    Direction {
        /// The account gives.
        Debit => "debit",
        /// The account receives.
        Credit => "credit",
    }
);

choice!(
    /// What a frozen wallet may not do.
    FreezeScopeName {
        /// Money may not leave, holds may not be placed or captured.
        Debits => "debits",
        /// Money may not arrive.
        Credits => "credits",
        /// Neither.
        All => "all",
    }
);

impl From<FreezeScopeName> for FreezeScope {
    fn from(name: FreezeScopeName) -> Self {
        match name {
            FreezeScopeName::Debits => Self::Debits,
            FreezeScopeName::Credits => Self::Credits,
            FreezeScopeName::All => Self::All,
        }
    }
}

impl From<FreezeScope> for FreezeScopeName {
    fn from(scope: FreezeScope) -> Self {
        match scope {
            FreezeScope::Debits => Self::Debits,
            FreezeScope::Credits => Self::Credits,
            FreezeScope::All => Self::All,
        }
    }
}

choice!(
    /// How far an account may be overdrawn.
    OverdraftPolicy {
        /// Not at all.
        Forbidden => "forbidden",
        /// By an amount.
        UpTo => "up_to",
        /// Without limit.
        Unlimited => "unlimited",
    }
);

choice!(
    /// What becomes of the part of a hold that a capture leaves.
    RemainderName {
        /// It is available again and the hold is finished.
        Release => "release",
        /// It stays reserved for further captures.
        Keep => "keep",
    }
);

impl From<RemainderName> for Remainder {
    fn from(name: RemainderName) -> Self {
        match name {
            RemainderName::Release => Self::Release,
            RemainderName::Keep => Self::Keep,
        }
    }
}

choice!(
    /// Whether the transactions of a batch stand or fall together.
    AtomicityName {
        /// Each is decided for itself.
        Independent => "independent",
        /// The first refusal refuses all.
        AllOrNothing => "all_or_nothing",
    }
);

choice!(
    /// Where an asset comes from.
    AssetKindName {
        /// A currency of ISO 4217.
        Currency => "currency",
        /// A well-known crypto asset.
        Crypto => "crypto",
        /// Registered in this ledger.
        Custom => "custom",
    }
);

impl From<AssetKind> for AssetKindName {
    fn from(kind: AssetKind) -> Self {
        match kind {
            AssetKind::Currency => Self::Currency,
            AssetKind::Crypto => Self::Crypto,
            AssetKind::Custom => Self::Custom,
        }
    }
}
