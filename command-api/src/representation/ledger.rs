//! Ledgers, assets and system accounts.

use ledger_core::{AssetCode, LedgerName, SystemAccountName, Timestamp};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::representation::answer::OneAnswer;
use crate::representation::choices::{AssetKindName, NormalSideName};
use crate::representation::position::PositionNumber;
use crate::text::Text;

/// A ledger to open.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct OpenLedgerRequest {
    /// Its name; for ever.
    pub name: Text<LedgerName>,
}

/// A ledger that was opened. It begins with the system accounts `cash`, `gateway_clearing`, `fees`, `fx`, `suspense` and `losses`.
#[derive(Debug, Serialize, Object)]
pub struct LedgerOpened {
    /// Its name.
    pub name: Text<LedgerName>,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// A ledger.
#[derive(Debug, Serialize, Object)]
pub struct LedgerView {
    /// Its name.
    pub name: Text<LedgerName>,
    /// When it was opened.
    pub opened_at: Text<Timestamp>,
    /// Whether it is a fork of another ledger: it can be read, and nothing happens in it.
    pub is_sandbox: bool,
}

/// All ledgers.
#[derive(Debug, Serialize, Object)]
pub struct LedgerList {
    /// The ledgers, in order of name; `as_of` is the end of each one's log.
    pub items: Vec<OneAnswer<LedgerView>>,
}

/// An asset of the ledger's own to register.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RegisterAssetRequest {
    /// Its code; none of the standard assets and none registered before.
    pub code: Text<AssetCode>,
    /// Its decimals, 0 to 18; every amount of it is written with just as many.
    #[oai(validator(maximum(value = "18"), minimum(value = "0")))]
    pub scale: u32,
}

/// An asset that was registered.
#[derive(Debug, Serialize, Object)]
pub struct AssetRegistered {
    /// Its code.
    pub code: Text<AssetCode>,
    /// Its decimals.
    pub scale: u32,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// An asset the ledger knows.
#[derive(Debug, Clone, Serialize, Object)]
pub struct AssetView {
    /// Its code.
    pub code: Text<AssetCode>,
    /// Its decimals: every amount of it is written with just as many.
    pub scale: u32,
    /// Where it comes from.
    pub kind: AssetKindName,
}

/// A system account to open: one of the platform's own, for any asset.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct OpenSystemAccountRequest {
    /// Its name.
    pub name: Text<SystemAccountName>,
    /// The side on which its balance grows.
    pub normal_side: NormalSideName,
}

/// A system account that was opened.
#[derive(Debug, Serialize, Object)]
pub struct SystemAccountOpened {
    /// Its name.
    pub name: Text<SystemAccountName>,
    /// The side on which its balance grows.
    pub normal_side: NormalSideName,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// One of the platform's own accounts.
#[derive(Debug, Clone, Serialize, Object)]
pub struct SystemAccountView {
    /// Its name; as a source or destination it is written `system:<name>`.
    pub name: Text<SystemAccountName>,
    /// The side on which its balance grows.
    pub normal_side: NormalSideName,
}
