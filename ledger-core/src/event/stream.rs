//! Where events stand: in the log, and in the stream of their aggregate.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::identifier::{
    BeneficiaryId, CaseId, HoldId, LedgerName, OwnerKey, PaymentId, PayoutId, SettlementId,
    TransactionId, WalletId,
};

use super::DecodeError;

/// The place of an event in its ledger's log: 1, 2, 3 … without gaps.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Position(i64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// Takes a stored position back; `None` when it is negative.
    #[must_use]
    pub const fn try_new(value: i64) -> Option<Self> {
        if value < 0 { None } else { Some(Self(value)) }
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> i64 {
        self.0
    }

    /// The position `count` events later.
    #[must_use]
    pub const fn plus(self, count: i64) -> Self {
        Self(self.0 + count)
    }

    /// The next position.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The place of an event in its stream: 1, 2, 3 … without gaps.
pub type Sequence = i64;

/// The kinds of aggregates.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AggregateType {
    /// [`crate::ledger::Ledger`].
    Ledger,
    /// [`crate::wallet::Wallet`].
    Wallet,
    /// [`crate::transaction::Transaction`].
    Transaction,
    /// [`crate::hold::Hold`].
    Hold,
    /// [`crate::payment::Payment`].
    Payment,
    /// [`crate::payout::Payout`].
    Payout,
    /// [`crate::beneficiary::Beneficiary`].
    Beneficiary,
    /// [`crate::settlement::Settlement`].
    Settlement,
    /// [`crate::owner::Owner`].
    Owner,
    /// [`crate::verification::VerificationCase`].
    VerificationCase,
    /// [`crate::profile::Profile`].
    Profile,
    /// [`crate::onboarding::Onboarding`].
    Onboarding,
}

impl AggregateType {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Ledger,
        Self::Wallet,
        Self::Transaction,
        Self::Hold,
        Self::Payment,
        Self::Payout,
        Self::Beneficiary,
        Self::Settlement,
        Self::Owner,
        Self::VerificationCase,
        Self::Profile,
        Self::Onboarding,
    ];

    /// The name, as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Wallet => "wallet",
            Self::Transaction => "transaction",
            Self::Hold => "hold",
            Self::Payment => "payment",
            Self::Payout => "payout",
            Self::Beneficiary => "beneficiary",
            Self::Settlement => "settlement",
            Self::Owner => "owner",
            Self::VerificationCase => "verification_case",
            Self::Profile => "profile",
            Self::Onboarding => "onboarding",
        }
    }
}

impl fmt::Display for AggregateType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for AggregateType {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::ALL
            .into_iter()
            .find(|aggregate_type| aggregate_type.as_str() == text)
            .ok_or_else(|| DecodeError::UnknownAggregateType(text.to_owned()))
    }
}

/// The stream of one aggregate's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// The ledger's own.
    Ledger(LedgerName),
    /// A wallet's.
    Wallet(WalletId),
    /// A transaction's.
    Transaction(TransactionId),
    /// A hold's.
    Hold(HoldId),
    /// A payment's.
    Payment(PaymentId),
    /// A payout's.
    Payout(PayoutId),
    /// A beneficiary's.
    Beneficiary(BeneficiaryId),
    /// A settlement's.
    Settlement(SettlementId),
    /// An owner's.
    Owner(OwnerKey),
    /// A verification case's.
    VerificationCase(CaseId),
    /// That of an owner's profile.
    Profile(OwnerKey),
    /// Of the onboarding of an owner.
    Onboarding(OwnerKey),
}

impl Stream {
    /// Takes the stored names of a stream back.
    ///
    /// # Errors
    /// [`DecodeError::AggregateId`] when the id is not one of that kind.
    pub fn parse(aggregate_type: AggregateType, id: &str) -> Result<Self, DecodeError> {
        let stream = match aggregate_type {
            AggregateType::Ledger => id.parse().map(Self::Ledger),
            AggregateType::Wallet => id.parse().map(Self::Wallet),
            AggregateType::Transaction => id.parse().map(Self::Transaction),
            AggregateType::Hold => id.parse().map(Self::Hold),
            AggregateType::Payment => id.parse().map(Self::Payment),
            AggregateType::Payout => id.parse().map(Self::Payout),
            AggregateType::Beneficiary => id.parse().map(Self::Beneficiary),
            AggregateType::Settlement => id.parse().map(Self::Settlement),
            AggregateType::Owner => id.parse().map(Self::Owner),
            AggregateType::VerificationCase => id.parse().map(Self::VerificationCase),
            AggregateType::Profile => id.parse().map(Self::Profile),
            AggregateType::Onboarding => id.parse().map(Self::Onboarding),
        };
        stream.map_err(|source| DecodeError::AggregateId {
            id: id.to_owned(),
            source,
        })
    }

    /// The kind of the aggregate.
    #[must_use]
    pub const fn aggregate_type(&self) -> AggregateType {
        match self {
            Self::Ledger(_) => AggregateType::Ledger,
            Self::Wallet(_) => AggregateType::Wallet,
            Self::Transaction(_) => AggregateType::Transaction,
            Self::Hold(_) => AggregateType::Hold,
            Self::Payment(_) => AggregateType::Payment,
            Self::Payout(_) => AggregateType::Payout,
            Self::Beneficiary(_) => AggregateType::Beneficiary,
            Self::Settlement(_) => AggregateType::Settlement,
            Self::Owner(_) => AggregateType::Owner,
            Self::VerificationCase(_) => AggregateType::VerificationCase,
            Self::Profile(_) => AggregateType::Profile,
            Self::Onboarding(_) => AggregateType::Onboarding,
        }
    }

    /// The id of the aggregate; a ledger has a name instead.
    #[must_use]
    pub const fn id(&self) -> Option<Uuid> {
        match self {
            Self::Ledger(_) => None,
            Self::Wallet(id) => Some(id.as_uuid()),
            Self::Transaction(id) => Some(id.as_uuid()),
            Self::Hold(id) => Some(id.as_uuid()),
            Self::Payment(id) => Some(id.as_uuid()),
            Self::Payout(id) => Some(id.as_uuid()),
            Self::Beneficiary(id) => Some(id.as_uuid()),
            Self::Settlement(id) => Some(id.as_uuid()),
            Self::Owner(key) => Some(key.as_uuid()),
            Self::VerificationCase(id) => Some(id.as_uuid()),
            Self::Profile(key) => Some(key.as_uuid()),
            Self::Onboarding(key) => Some(key.as_uuid()),
        }
    }

    /// The id of the aggregate, as stored.
    #[must_use]
    pub fn aggregate_id(&self) -> String {
        self.displayed_id().to_string()
    }

    /// The id of the aggregate, to be written somewhere as it is stored.
    #[must_use]
    pub const fn displayed_id(&self) -> &dyn fmt::Display {
        match self {
            Self::Ledger(name) => name,
            Self::Wallet(id) => id,
            Self::Transaction(id) => id,
            Self::Hold(id) => id,
            Self::Payment(id) => id,
            Self::Payout(id) => id,
            Self::Beneficiary(id) => id,
            Self::Settlement(id) => id,
            Self::Owner(key) => key,
            Self::VerificationCase(id) => id,
            Self::Profile(key) => key,
            Self::Onboarding(key) => key,
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}",
            self.aggregate_type(),
            self.displayed_id()
        )
    }
}
