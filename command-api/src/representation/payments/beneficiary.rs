//! Beneficiaries: requests, replies, and what of them is shown.

use identity::destinations::Destination;
use ledger_core::annotation::Reference;
use ledger_core::beneficiary::DestinationKind;
use ledger_core::{ActorId, BeneficiaryId, ProviderName, ProviderReference, Timestamp, WalletId};
use poem_openapi::Object;
use projections::queries::payments::rows::BeneficiaryRow;
use serde::{Deserialize, Serialize};

use super::BeneficiaryStatusName;
use crate::choice::choice;
use crate::problem::{FieldCode, FieldError, FieldFault};
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::{AccountNumber, HolderName, PaymentAddress, RoutingCode};

choice!(
    /// What kind of place money goes to.
    DestinationKindName {
        /// An account at a bank, by its number.
        BankAccount => "bank_account",
        /// A UPI address.
        Vpa => "vpa",
        /// An account at a provider.
        ProviderAccount => "provider_account",
    }
);

/// A beneficiary to add. What it holds is sealed and never written to the log.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct AddBeneficiaryRequest {
    /// What kind of place; it says which of the other fields must be there.
    pub kind: DestinationKindName,
    /// Whose account it is, as the bank has it; with `bank_account` and `vpa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_name: Option<Text<HolderName>>,
    /// The account's number; with `bank_account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_number: Option<Text<AccountNumber>>,
    /// The bank and branch, such as an IFSC; with `bank_account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_code: Option<Text<RoutingCode>>,
    /// The UPI address; with `vpa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Text<PaymentAddress>>,
    /// Which provider; with `provider_account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Text<ProviderName>>,
    /// The provider's own id of the account; with `provider_account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Text<ProviderReference>>,
}

/// The fields of which a kind needs some and refuses the others.
struct Wanted<'a> {
    kind: DestinationKindName,
    needed: &'a [&'static str],
    errors: Vec<FieldError>,
}

impl Wanted<'_> {
    /// The text of a field, or nothing when it is missing or may not be there; either is noted.
    fn field(&mut self, name: &'static str, given: Option<String>) -> String {
        let needed = self.needed.contains(&name);
        let fault = match (&given, needed) {
            (None, true) => FieldFault::new(
                FieldCode::MissingField,
                format!("must be given with the kind {}", self.kind.as_str()),
            ),
            (Some(_), false) => FieldFault::new(
                FieldCode::ConflictingFields,
                format!("may not be given with the kind {}", self.kind.as_str()),
            ),
            (Some(_), true) | (None, false) => return given.unwrap_or_default(),
        };
        self.errors.push(fault.at_pointer(format!("/{name}")));
        String::new()
    }
}

impl AddBeneficiaryRequest {
    /// The destination.
    ///
    /// # Errors
    /// Every field that is missing or may not be there.
    pub fn destination(&self) -> Result<Destination, Vec<FieldError>> {
        fn text<T: std::fmt::Display>(field: Option<&Text<T>>) -> Option<String> {
            field.map(|field| field.0.to_string())
        }
        let needed: &[&'static str] = match self.kind {
            DestinationKindName::BankAccount => &["holder_name", "account_number", "routing_code"],
            DestinationKindName::Vpa => &["holder_name", "address"],
            DestinationKindName::ProviderAccount => &["provider", "account"],
        };
        let mut wanted = Wanted {
            kind: self.kind,
            needed,
            errors: Vec::new(),
        };
        let holder_name = wanted.field("holder_name", text(self.holder_name.as_ref()));
        let account_number = wanted.field("account_number", text(self.account_number.as_ref()));
        let routing_code = wanted.field("routing_code", text(self.routing_code.as_ref()));
        let address = wanted.field("address", text(self.address.as_ref()));
        let provider = wanted.field("provider", text(self.provider.as_ref()));
        let account = wanted.field("account", text(self.account.as_ref()));
        if !wanted.errors.is_empty() {
            return Err(wanted.errors);
        }
        Ok(match self.kind {
            DestinationKindName::BankAccount => Destination::BankAccount {
                holder_name,
                account_number,
                routing_code,
            },
            DestinationKindName::Vpa => Destination::Vpa {
                holder_name,
                address,
            },
            DestinationKindName::ProviderAccount => {
                Destination::ProviderAccount { provider, account }
            }
        })
    }

    /// What people tell two of their own accounts apart by: the end of a number, and the institution.
    #[must_use]
    pub fn shown(&self) -> (Option<String>, Option<String>) {
        let ending = self.account_number.as_ref().map(|number| {
            let digits: Vec<char> = number.0.0.chars().collect();
            // Of a short number, less than half is shown.
            let shown = 4.min(digits.len() / 3).max(1);
            digits.iter().rev().take(shown).rev().collect()
        });
        let handle = self.address.as_ref().and_then(|address| {
            let (_, handle) = address.0.0.split_once('@')?;
            Some(handle.to_owned())
        });
        let bank = self.routing_code.as_ref().map(|code| code.0.0.clone());
        let provider = self.provider.map(|provider| provider.0.to_string());
        (ending, bank.or(handle).or(provider))
    }
}

/// A beneficiary that was added; payouts go there once it is verified.
#[derive(Debug, Serialize, Object)]
pub struct BeneficiaryAdded {
    /// Its id: the same for the same destination of the same wallet.
    pub id: Text<BeneficiaryId>,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// A beneficiary that was verified or removed.
#[derive(Debug, Serialize, Object)]
pub struct BeneficiaryChanged {
    /// Its id.
    pub id: Text<BeneficiaryId>,
    /// The position of the last event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// How a beneficiary was verified.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct VerifyBeneficiaryRequest {
    /// How: a penny drop, a name match, a person.
    pub method: Text<Reference>,
}

/// A beneficiary, as far as it is shown to anybody.
#[derive(Debug, Serialize, Object)]
pub struct BeneficiaryView {
    /// Its id.
    pub id: Text<BeneficiaryId>,
    /// Whose payouts may go there.
    pub wallet: Text<WalletId>,
    /// Whether they may.
    pub status: BeneficiaryStatusName,
    /// What kind of place.
    pub kind: DestinationKindName,
    /// How its number ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
    /// The bank, the UPI handle or the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub institution: Option<String>,
    /// Who added it.
    pub added_by: Text<ActorId>,
    /// When that was recorded.
    pub added_at: Text<Timestamp>,
    /// How it was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<String>,
    /// Who verified it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_by: Option<Text<ActorId>>,
    /// When that was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Text<Timestamp>>,
    /// When its removal was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Text<Timestamp>>,
    /// Why it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The position of its first event.
    pub position: PositionNumber,
}

impl From<BeneficiaryRow> for BeneficiaryView {
    fn from(row: BeneficiaryRow) -> Self {
        let (verified_by, verified_at) = match row.verified {
            Some(verified) => (Some(verified.by.into()), Some(verified.at.into())),
            None => (None, None),
        };
        Self {
            id: row.beneficiary.into(),
            wallet: row.wallet.into(),
            status: row.status.into(),
            kind: match row.destination.kind {
                DestinationKind::BankAccount => DestinationKindName::BankAccount,
                DestinationKind::Vpa => DestinationKindName::Vpa,
                DestinationKind::ProviderAccount => DestinationKindName::ProviderAccount,
            },
            ending: row.destination.ending.map(|ending| ending.to_string()),
            institution: row.destination.institution.map(Into::into),
            added_by: row.added.by.into(),
            added_at: row.added.at.into(),
            verification: row.method.map(Into::into),
            verified_by,
            verified_at,
            removed_at: row.removed.map(|removed| removed.at.into()),
            reason: row.reason.map(Into::into),
            position: row.position.into(),
        }
    }
}
