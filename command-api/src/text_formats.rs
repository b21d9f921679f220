//! The formats of the domain's types.

mod payments;
mod personal;
mod web;

use std::fmt;

use identity::address::{EmailAddress, PhoneNumber};
use identity::permission::{Permission, Role};
use identity::subject::Subject;
use ledger_core::annotation::{MAX_REFERENCE_LENGTH, Reference};
use ledger_core::money::{AmountError, MAX_SCALE, parse_decimal};
use ledger_core::verification::{ContentHash, DocumentKind, ReasonCode};
use ledger_core::{
    AccountId, ActorId, AssetCode, BeneficiaryId, CaseId, HoldId, Holder, LedgerName, OwnerId,
    PaymentId, PayoutId, ProviderName, ProviderReference, RefundId, SettlementId,
    SystemAccountName, TierName, Timestamp, TransactionId, WalletId,
};
use rust_decimal::Decimal;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::problem::{FieldCode, FieldFault};
use crate::text::TextFormat;

pub use payments::{AccountNumber, CountryCode, Day, HolderName, PaymentAddress, RoutingCode};
pub use personal::{BirthDate, FullName, HomeAddress, NumberEnding};
pub use web::{CallbackQuery, WebAddress};

/// Formats that the domain's own `FromStr` reads.
macro_rules! domain_format {
    ($type:ty, $format:literal, $pattern:expr, $max_length:expr, $example:literal, $description:literal) => {
        impl TextFormat for $type {
            const FORMAT: &'static str = $format;
            const PATTERN: Option<&'static str> = $pattern;
            const MAX_LENGTH: usize = $max_length;
            const DESCRIPTION: &'static str = $description;
            const EXAMPLE: &'static str = $example;

            fn read(text: &str) -> Result<Self, FieldFault> {
                text.parse()
                    .map_err(|error: <Self as std::str::FromStr>::Err| {
                        FieldFault::new(FieldCode::InvalidFormat, error.to_string())
                    })
            }
        }
    };
}

// After the macro that it uses.
mod verification;
pub use verification::NamePart;

const UUID_PATTERN: &str = "^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$";
const HOLDER_PATTERN: &str = "^(wallet:[0-9a-fA-F-]{36}|system:[a-z][a-z0-9_.-]{0,47})$";
const ACCOUNT_PATTERN: &str =
    "^(wallet:[0-9a-fA-F-]{36}|system:[a-z][a-z0-9_.-]{0,47}):[A-Z][A-Z0-9._-]{0,23}$";

domain_format!(
    LedgerName,
    "ledger-name",
    Some("^[a-z][a-z0-9_]{0,39}$"),
    40,
    "main",
    "The name of a ledger: a lower-case letter, then lower-case letters, digits and `_`."
);
domain_format!(
    WalletId,
    "uuid",
    Some(UUID_PATTERN),
    36,
    "0190b8a2-5b7e-7c3d-8f00-000000000001",
    "The id of a wallet: a UUID, version 7 advised."
);
domain_format!(
    TransactionId,
    "uuid",
    Some(UUID_PATTERN),
    36,
    "0190b8a2-5b7e-7c3d-8f00-0000000000a1",
    "The id of a transaction: a UUID, version 7 advised."
);
domain_format!(
    HoldId,
    "uuid",
    Some(UUID_PATTERN),
    36,
    "0190b8a2-5b7e-7c3d-8f00-0000000000b1",
    "The id of a hold: a UUID, version 7 advised."
);
domain_format!(
    PaymentId,
    "uuid",
    Some(UUID_PATTERN),
    36,
    "0190b8a2-5b7e-7c3d-8f00-0000000000c1",
    "The id of a payment: a UUID."
);
domain_format!(
    PayoutId,
    "uuid",
    Some(UUID_PATTERN),
    36,
    "0190b8a2-5b7e-7c3d-8f00-0000000000d1",
    "The id of a payout: a UUID."
);
domain_format!(
    RefundId,
    "uuid",
    Some(UUID_PATTERN),
    36,
    "0190b8a2-5b7e-7c3d-8f00-00000000000f",
    "The id of a refund: a UUID."
);
domain_format!(
    BeneficiaryId,
    "uuid",
    Some(UUID_PATTERN),
    36,
    "0190b8a2-5b7e-7c3d-8f00-00000000000e",
    "The id of a beneficiary: a UUID."
);
domain_format!(
    ProviderName,
    "provider-name",
    Some("^[a-z][a-z0-9_]{0,23}$"),
    24,
    "razorpay",
    "The name of a payment provider: a lower-case letter, then letters, digits and `_`."
);
domain_format!(
    ProviderReference,
    "provider-reference",
    Some("^[!-~]{1,128}$"),
    128,
    "pay_29QQoUBi66xm2f",
    "A provider's own id of something: visible ASCII characters."
);
domain_format!(
    ActorId,
    "actor-id",
    Some(r"^\S(.{0,126}\S)?$"),
    128,
    "person:0190b8a2-5b7e-7c3d-8f00-000000000001",
    "Who gave an order."
);
domain_format!(
    SettlementId,
    "uuid",
    Some(UUID_PATTERN),
    36,
    "0190b8a2-5b7e-7c3d-8f00-0000000000e1",
    "The id of a settlement: a UUID."
);
domain_format!(
    CaseId,
    "uuid",
    Some(UUID_PATTERN),
    36,
    "0190b8a2-5b7e-7c3d-8f00-0000000000f1",
    "The id of a verification case: a UUID."
);
domain_format!(
    TierName,
    "tier-name",
    Some("^[a-z][a-z0-9_]{0,23}$"),
    24,
    "full_kyc",
    "The name of a tier: a lower-case letter, then lower-case letters, digits and `_`."
);
domain_format!(
    AssetCode,
    "asset-code",
    Some("^[A-Z][A-Z0-9._-]{0,23}$"),
    24,
    "INR",
    "The code of an asset: a capital letter, then capital letters, digits, `.`, `_` and `-`."
);
domain_format!(
    SystemAccountName,
    "system-account-name",
    Some("^[a-z][a-z0-9_.-]{0,47}$"),
    48,
    "gateway_clearing.razorpay",
    "The name of a system account: a lower-case letter, then lower-case letters, digits, `_`, `-` and `.`."
);
domain_format!(
    OwnerId,
    "owner-id",
    Some(r"^\S(.{0,126}\S)?$"),
    128,
    "customer-42",
    "Who owns a wallet, in the platform's own words: printable, no spaces at either end."
);
domain_format!(
    Holder,
    "holder",
    Some(HOLDER_PATTERN),
    55,
    "wallet:0190b8a2-5b7e-7c3d-8f00-000000000001",
    "Who gives or receives: `wallet:<uuid>` or `system:<name>`."
);
domain_format!(
    AccountId,
    "account-id",
    Some(ACCOUNT_PATTERN),
    80,
    "wallet:0190b8a2-5b7e-7c3d-8f00-000000000001:INR",
    "An account, which is a holder and an asset: `wallet:<uuid>:<asset>` or `system:<name>:<asset>`."
);
domain_format!(
    Reference,
    "reference",
    None,
    MAX_REFERENCE_LENGTH,
    "invoice-2026-0042",
    "The caller's own name for it: printable, need not be unique."
);
domain_format!(
    Timestamp,
    "date-time",
    None,
    64,
    "2026-01-31T12:00:00.000000Z",
    "A time as RFC 3339 with its offset, in the years 1900 to 2199; kept to the microsecond."
);

domain_format!(
    EmailAddress,
    "email",
    None,
    254,
    "asha@example.org",
    "An email address, `local@domain`; kept in lower case."
);
domain_format!(
    PhoneNumber,
    "phone",
    None,
    32,
    "+919876543210",
    "A phone number with its country code (E.164)."
);
domain_format!(
    Subject,
    "subject",
    Some("^(person|machine|external):[0-9a-f-]{36}$"),
    45,
    "person:0190b8a2-5b7e-7c3d-8f00-000000000001",
    "Somebody who may have roles: a person, a machine, or somebody whom another issuer vouches for."
);
domain_format!(
    Role,
    "role",
    Some("^[a-z]+$"),
    16,
    "operator",
    "What somebody is to a ledger: customer, support, operator, compliance, auditor, admin or service."
);
domain_format!(
    Permission,
    "permission",
    Some(r"^[a-z]+\.[a-z]+$"),
    32,
    "transactions.post",
    "Something that may be done; docs/ACCESS.md lists them."
);

/// The id of a person, a session or a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyId(pub Uuid);

impl fmt::Display for AnyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TextFormat for AnyId {
    const FORMAT: &'static str = "uuid";
    const PATTERN: Option<&'static str> = Some(UUID_PATTERN);
    const MAX_LENGTH: usize = 36;
    const DESCRIPTION: &'static str = "An id: a UUID.";
    const EXAMPLE: &'static str = "0190b8a2-5b7e-7c3d-8f00-000000000001";

    fn read(text: &str) -> Result<Self, FieldFault> {
        let id = Uuid::try_parse(text)
            .map_err(|_| FieldFault::new(FieldCode::InvalidFormat, "an id is a UUID".to_owned()))?;
        Ok(Self(id))
    }
}

/// A password, a code or a token in a request; never shown.
#[derive(Clone)]
pub struct Secret(pub Zeroizing<String>);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

impl TextFormat for Secret {
    const FORMAT: &'static str = "password";
    const PATTERN: Option<&'static str> = None;
    const MAX_LENGTH: usize = 1_024;
    const DESCRIPTION: &'static str = "A secret.";
    const EXAMPLE: &'static str = "correct horse battery staple";

    fn read(text: &str) -> Result<Self, FieldFault> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            let detail = format!("must have 1 to {} bytes", Self::MAX_LENGTH);
            return Err(FieldFault::new(FieldCode::InvalidFormat, detail));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

/// An amount as a caller writes it; that it fits its asset's decimals is checked by the ledger.
///
/// Trailing zeros are dropped, so that `12.5` and `12.50` are the same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestedAmount(Decimal);

impl RequestedAmount {
    /// One that was accepted before.
    pub(crate) const fn accepted(value: Decimal) -> Self {
        Self(value)
    }

    /// The exact decimal value.
    #[must_use]
    pub const fn value(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for RequestedAmount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TextFormat for RequestedAmount {
    const FORMAT: &'static str = "decimal";
    const PATTERN: Option<&'static str> = Some(r"^(0|[1-9][0-9]*)(\.[0-9]+)?$");
    const MAX_LENGTH: usize = 48;
    const DESCRIPTION: &'static str = "An amount above zero in the asset's major unit: a string of plain decimal digits, never a number; at most the asset's decimals and at most 28 significant digits.";
    const EXAMPLE: &'static str = "12.50";

    fn read(text: &str) -> Result<Self, FieldFault> {
        let fault = |error: &AmountError| FieldFault::new(amount_code(error), error.to_string());
        if text.len() > Self::MAX_LENGTH {
            return Err(fault(&AmountError::TooLarge));
        }
        let value = parse_decimal(text)
            .map_err(|error| fault(&error))?
            .normalize();
        if value <= Decimal::ZERO {
            return Err(fault(&AmountError::NotPositive));
        }
        if value.scale() > MAX_SCALE {
            return Err(fault(&AmountError::TooManyDecimals {
                allowed: MAX_SCALE,
                found: value.scale(),
            }));
        }
        Ok(Self(value))
    }
}

const fn amount_code(error: &AmountError) -> FieldCode {
    match error {
        AmountError::Malformed => FieldCode::AmountMalformed,
        AmountError::NotPositive => FieldCode::AmountNotPositive,
        AmountError::TooManyDecimals { .. } => FieldCode::AmountTooManyDecimals,
        AmountError::TooLarge => FieldCode::AmountTooLarge,
    }
}

/// A percentage in a request: 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentage(Decimal);

impl Percentage {
    /// One that was accepted before.
    pub(crate) const fn accepted(value: Decimal) -> Self {
        Self(value)
    }

    /// The exact decimal value.
    #[must_use]
    pub const fn value(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TextFormat for Percentage {
    const FORMAT: &'static str = "percentage";
    const PATTERN: Option<&'static str> = Some(r"^(0|[1-9][0-9]?|100)(\.[0-9]{1,6})?$");
    const MAX_LENGTH: usize = 10;
    const DESCRIPTION: &'static str = "A percentage, 0 to 100 with at most 6 decimals: a string of plain decimal digits, never a number.";
    const EXAMPLE: &'static str = "2.5";

    fn read(text: &str) -> Result<Self, FieldFault> {
        let value = parse_decimal(text)
            .map_err(|error| FieldFault::new(amount_code(&error), error.to_string()))?;
        if value.scale() > 6 || !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&value) {
            let rule = "must be 0 to 100 with at most 6 decimals";
            return Err(FieldFault::new(FieldCode::OutOfRange, rule));
        }
        Ok(Self(value.normalize()))
    }
}

/// A decimal in a reply: an amount, a total or a balance, with exactly its asset's decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExactDecimal(pub Decimal);

impl fmt::Display for ExactDecimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TextFormat for ExactDecimal {
    const FORMAT: &'static str = "decimal";
    const PATTERN: Option<&'static str> = Some(r"^-?(0|[1-9][0-9]*)(\.[0-9]{1,18})?$");
    const MAX_LENGTH: usize = 48;
    const DESCRIPTION: &'static str =
        "A decimal in the asset's major unit with exactly the asset's decimals.";
    const EXAMPLE: &'static str = "12.50";

    fn read(text: &str) -> Result<Self, FieldFault> {
        parse_decimal(text)
            .map(Self)
            .map_err(|error| FieldFault::new(amount_code(&error), error.to_string()))
    }
}

/// A check of one format, for explaining what is wrong with a body.
pub type FormatCheck = fn(&str) -> Result<(), FieldFault>;

/// The check of a format; `None` for formats that only describe.
///
/// The ids share the format `uuid` and the grammar, so one of them checks for all.
#[must_use]
pub fn check_of(format: &str) -> Option<FormatCheck> {
    const fn entry<T: TextFormat>() -> (&'static str, FormatCheck) {
        (T::FORMAT, |text| T::read(text).map(drop))
    }
    const CHECKS: [(&str, FormatCheck); 37] = [
        entry::<LedgerName>(),
        entry::<WalletId>(),
        entry::<AssetCode>(),
        entry::<SystemAccountName>(),
        entry::<OwnerId>(),
        entry::<Holder>(),
        entry::<AccountId>(),
        entry::<Reference>(),
        entry::<Timestamp>(),
        entry::<RequestedAmount>(),
        entry::<Percentage>(),
        entry::<EmailAddress>(),
        entry::<PhoneNumber>(),
        entry::<Subject>(),
        entry::<Role>(),
        entry::<Permission>(),
        entry::<Secret>(),
        entry::<CallbackQuery>(),
        entry::<WebAddress>(),
        entry::<ProviderName>(),
        entry::<TierName>(),
        entry::<ProviderReference>(),
        entry::<ActorId>(),
        entry::<CountryCode>(),
        entry::<Day>(),
        entry::<AccountNumber>(),
        entry::<RoutingCode>(),
        entry::<PaymentAddress>(),
        entry::<HolderName>(),
        entry::<DocumentKind>(),
        entry::<ContentHash>(),
        entry::<ReasonCode>(),
        entry::<FullName>(),
        entry::<BirthDate>(),
        entry::<HomeAddress>(),
        entry::<NumberEnding>(),
        entry::<NamePart>(),
    ];
    CHECKS
        .iter()
        .find(|(name, _)| *name == format)
        .map(|(_, check)| *check)
}
