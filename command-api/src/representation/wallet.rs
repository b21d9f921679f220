//! Wallets: requests and the replies to them.

use ledger_core::annotation::Reference;
use ledger_core::wallet::RequestedOverdraft;
use ledger_core::{AssetCode, OwnerId, Timestamp, WalletId};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::problem::{FieldCode, FieldError, FieldFault};
use crate::representation::annotation::MetadataField;
use crate::representation::choices::{FreezeScopeName, OverdraftPolicy};
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::RequestedAmount;

/// A wallet to open.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct OpenWalletRequest {
    /// Its id, if the caller chooses it (UUID version 7 advised); also the idempotency key when there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<WalletId>>,
    /// Who owns it.
    pub owner: Text<OwnerId>,
    /// How far its accounts may be overdrawn; assets not named may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_items = "100"))]
    pub overdrafts: Option<Vec<AssetOverdraft>>,
    /// The caller's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<Reference>>,
    /// The caller's metadata.
    #[serde(default, skip_serializing_if = "MetadataField::is_empty")]
    pub metadata: MetadataField,
}

/// The most overdrafts in one request.
const MAX_OVERDRAFTS: usize = 100;

impl OpenWalletRequest {
    /// The overdrafts as the domain takes them.
    ///
    /// # Errors
    /// Every field that cannot be accepted.
    pub fn requested_overdrafts(
        &self,
    ) -> Result<Vec<(AssetCode, RequestedOverdraft)>, Vec<FieldError>> {
        let overdrafts = self.overdrafts.as_deref().unwrap_or_default();
        if overdrafts.len() > MAX_OVERDRAFTS {
            let detail = format!("may have at most {MAX_OVERDRAFTS} entries");
            let fault = FieldFault::new(FieldCode::TooManyItems, detail);
            return Err(vec![fault.at_pointer("/overdrafts")]);
        }
        let mut requested = Vec::with_capacity(overdrafts.len());
        let mut errors = Vec::new();
        for (index, overdraft) in overdrafts.iter().enumerate() {
            let pointer = format!("/overdrafts/{index}");
            let asset = overdraft.asset.0;
            if requested.iter().any(|(other, _)| *other == asset) {
                let fault = FieldFault::new(FieldCode::ConflictingFields, "names an asset again");
                errors.push(fault.at_pointer(format!("{pointer}/asset")));
            }
            match requested_overdraft(overdraft.policy, overdraft.amount) {
                Ok(overdraft) => requested.push((asset, overdraft)),
                Err(fault) => errors.push(fault.at_pointer(format!("{pointer}/amount"))),
            }
        }
        if errors.is_empty() {
            Ok(requested)
        } else {
            Err(errors)
        }
    }
}

/// How far one account of a wallet may be overdrawn.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct AssetOverdraft {
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// Whether it may be overdrawn.
    pub policy: OverdraftPolicy,
    /// By how much; with the policy `up_to` and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<RequestedAmount>>,
}

/// How far an account may be overdrawn from now on.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct SetOverdraftRequest {
    /// Whether it may be overdrawn.
    pub policy: OverdraftPolicy,
    /// By how much; with the policy `up_to` and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<RequestedAmount>>,
}

impl SetOverdraftRequest {
    /// The overdraft as the domain takes it.
    ///
    /// # Errors
    /// The field that cannot be accepted.
    pub fn requested_overdraft(&self) -> Result<RequestedOverdraft, FieldError> {
        requested_overdraft(self.policy, self.amount).map_err(|fault| fault.at_pointer("/amount"))
    }
}

pub(in crate::representation) fn requested_overdraft(
    policy: OverdraftPolicy,
    amount: Option<Text<RequestedAmount>>,
) -> Result<RequestedOverdraft, FieldFault> {
    match (policy, amount) {
        (OverdraftPolicy::UpTo, Some(amount)) => Ok(RequestedOverdraft::UpTo(amount.0.value())),
        (OverdraftPolicy::Forbidden, None) => Ok(RequestedOverdraft::Forbidden),
        (OverdraftPolicy::Unlimited, None) => Ok(RequestedOverdraft::Unlimited),
        (OverdraftPolicy::UpTo, None) => Err(FieldFault::new(
            FieldCode::MissingField,
            "must be given with the policy up_to",
        )),
        (OverdraftPolicy::Forbidden | OverdraftPolicy::Unlimited, Some(_)) => Err(FieldFault::new(
            FieldCode::ConflictingFields,
            "may be given only with the policy up_to",
        )),
    }
}

/// The fields that this overdraft was taken from.
pub(in crate::representation) fn asked_overdraft(
    overdraft: RequestedOverdraft,
) -> (OverdraftPolicy, Option<Text<RequestedAmount>>) {
    match overdraft {
        RequestedOverdraft::Forbidden => (OverdraftPolicy::Forbidden, None),
        RequestedOverdraft::UpTo(limit) => {
            let limit = Text(RequestedAmount::accepted(limit));
            (OverdraftPolicy::UpTo, Some(limit))
        }
        RequestedOverdraft::Unlimited => (OverdraftPolicy::Unlimited, None),
    }
}

/// A wallet to freeze.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct FreezeRequest {
    /// What it may not do from now on.
    pub scope: FreezeScopeName,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<Reference>>,
}

/// Why something is done.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct ReasonRequest {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<Reference>>,
}

impl ReasonRequest {
    /// Why, as the domain takes it.
    #[must_use]
    pub fn reason(&self) -> Option<Reference> {
        self.reason.clone().map(|reason| reason.0)
    }
}

/// A wallet that was opened.
#[derive(Debug, Serialize, Object)]
pub struct WalletOpened {
    /// Its id.
    pub id: Text<WalletId>,
    /// Who owns it.
    pub owner: Text<OwnerId>,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// A wallet that was changed.
#[derive(Debug, Serialize, Object)]
pub struct WalletChanged {
    /// Its id.
    pub id: Text<WalletId>,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}
