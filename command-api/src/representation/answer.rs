//! The frames of answers: one thing, a list, a page of a list.

use ledger_core::money::Asset;
use poem_openapi::Object;
use poem_openapi::types::{IsObjectType, ParseFromJSON, ToJSON};
use projections::queries::{AsOf, Page};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::reading::{CursorKey, ListIdentity};
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::ExactDecimal;

/// One thing, and the position at which it is as told.
#[derive(Debug, Serialize, Object)]
#[oai(rename = "AsOf")]
pub struct OneAnswer<T: ParseFromJSON + ToJSON + IsObjectType> {
    /// The position of the log at which the answer is true.
    pub as_of: PositionNumber,
    /// The thing itself.
    #[serde(flatten)]
    #[oai(flatten)]
    pub value: T,
}

/// A whole list, and the position at which it is as told.
#[derive(Debug, Serialize, Object)]
#[oai(rename = "List")]
pub struct ListAnswer<T: ParseFromJSON + ToJSON> {
    /// The position of the log at which the answer is true.
    pub as_of: PositionNumber,
    /// The things.
    pub items: Vec<T>,
}

/// A page of a list, and the position at which it is as told.
#[derive(Debug, Serialize, Object)]
#[oai(rename = "Page")]
pub struct PageAnswer<T: ParseFromJSON + ToJSON> {
    /// The position of the log at which the answer is true.
    pub as_of: PositionNumber,
    /// The things.
    pub items: Vec<T>,
    /// Where the list goes on; absent on its last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T: ParseFromJSON + ToJSON + IsObjectType> OneAnswer<T> {
    /// Writes what was found.
    pub fn of<R: Into<T>>(found: AsOf<R>) -> Self {
        Self {
            as_of: found.position.into(),
            value: found.value.into(),
        }
    }
}

impl<T: ParseFromJSON + ToJSON> ListAnswer<T> {
    /// Writes what was found.
    pub fn of<R: Into<T>>(found: AsOf<Vec<R>>) -> Self {
        Self {
            as_of: found.position.into(),
            items: found.value.into_iter().map(Into::into).collect(),
        }
    }
}

impl<T: ParseFromJSON + ToJSON> PageAnswer<T> {
    /// Writes what was found.
    pub fn of<R: Into<T>, K: CursorKey>(found: AsOf<Page<R, K>>, list: &ListIdentity) -> Self {
        Self::mapped(found, list, Into::into)
    }

    /// Writes what was found as this caller sees it.
    pub fn mapped<R, K: CursorKey>(
        found: AsOf<Page<R, K>>,
        list: &ListIdentity,
        view: impl Fn(R) -> T,
    ) -> Self {
        let Page { items, next } = found.value;
        Self {
            as_of: found.position.into(),
            items: items.into_iter().map(view).collect(),
            next_cursor: next.map(|key| list.cursor_after(&key)),
        }
    }
}

/// An amount with exactly its asset's decimals. Stored amounts never have more, so nothing is
/// rounded.
#[must_use]
pub fn exact(amount: Decimal, asset: Asset) -> Text<ExactDecimal> {
    let mut exact = amount.normalize();
    if exact.scale() <= asset.scale {
        exact.rescale(asset.scale);
    }
    Text(ExactDecimal(exact))
}

#[cfg(test)]
mod tests {
    use ledger_core::money::AssetKind;

    use super::*;

    #[test]
    fn amounts_have_exactly_their_assets_decimals() {
        let asset = |scale| Asset {
            code: "X".parse().unwrap(),
            scale,
            kind: AssetKind::Custom,
        };
        for (amount, scale, written) in [
            ("0", 2, "0.00"),
            ("-5", 2, "-5.00"),
            ("12.5000", 2, "12.50"),
            ("100", 0, "100"),
            ("0.000000000000000001", 18, "0.000000000000000001"),
        ] {
            let amount: Decimal = amount.parse().unwrap();
            assert_eq!(exact(amount, asset(scale)).0.to_string(), written);
        }
    }
}
