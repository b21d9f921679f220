//! What a provider charges, rounded in one place.

use rust_decimal::{Decimal, RoundingStrategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::ProviderName;
use crate::money::{Amount, Asset, AssetCode, Total};
use crate::posting::RequestedPosting;

/// What a provider says that it charges, as it says it: some write four or five decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObservedFees {
    /// The fee without tax.
    pub fee: Decimal,
    /// The tax on it.
    pub tax: Decimal,
}

/// What a provider charges, in the decimals of the asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// The fee without tax.
    pub fee: Total,
    /// The tax on it.
    pub tax: Total,
    /// What was reported, where it was finer than the asset and had to be rounded half to even.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounded_half_even_from: Option<Reported>,
}

/// Fees as they were reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// The fee without tax, with all of its decimals.
    pub fee: Total,
    /// The tax on it, with all of its decimals.
    pub tax: Total,
}

/// Why fees are refused; in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(untagged)]
#[allow(
    missing_docs,
    reason = "the fields are named by what they are; each variant is explained"
)]
pub enum FeesRejection {
    /// The ledger has no such asset.
    #[error("the ledger has no asset {asset}")]
    AssetNotFound { asset: AssetCode },
    /// Negative, or of more digits than can be kept.
    #[error("the fee {fee} or the tax {tax} is not an amount of zero or more of {asset}")]
    NotAnAmount {
        asset: AssetCode,
        fee: Decimal,
        tax: Decimal,
    },
}

impl FeesRejection {
    /// The stable code of the rule; never reused for another.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AssetNotFound { .. } => "asset_not_found",
            Self::NotAnAmount { .. } => "fees_not_an_amount",
        }
    }

    /// Whether the same command may succeed later without being changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::AssetNotFound { .. } => true,
            Self::NotAnAmount { .. } => false,
        }
    }
}

impl ObservedFees {
    /// The fees in the asset's decimals: rounded half to even, and what was reported is kept.
    ///
    /// # Errors
    /// [`FeesRejection::NotAnAmount`].
    pub fn rounded(self, asset: Asset) -> Result<Fees, FeesRejection> {
        let refused = FeesRejection::NotAnAmount {
            asset: asset.code,
            fee: self.fee,
            tax: self.tax,
        };
        let round = |value: Decimal| {
            let mut rounded =
                value.round_dp_with_strategy(asset.scale, RoundingStrategy::MidpointNearestEven);
            rounded.rescale(asset.scale);
            // Rescaling gives up silently where the digits do not fit.
            let kept = rounded.scale() == asset.scale;
            kept.then(|| Total::try_new(rounded).ok()).flatten()
        };
        let (Some(fee), Some(tax)) = (round(self.fee), round(self.tax)) else {
            return Err(refused);
        };
        let exact = fee.value() == self.fee && tax.value() == self.tax;
        let reported = || {
            Some(Reported {
                fee: Total::try_new(self.fee.normalize()).ok()?,
                tax: Total::try_new(self.tax.normalize()).ok()?,
            })
        };
        Ok(Fees {
            fee,
            tax,
            rounded_half_even_from: if exact { None } else { reported() },
        })
    }
}

impl Fees {
    /// Whether there is anything to be moved.
    pub(crate) fn is_charge(&self) -> bool {
        !self.fee.is_zero() || !self.tax.is_zero()
    }

    /// The movements by which they leave what the provider holds for us in `from`.
    pub(crate) fn postings(
        &self,
        provider: ProviderName,
        from: crate::identifier::Holder,
        asset: AssetCode,
    ) -> Vec<RequestedPosting> {
        [(provider.fees(), self.fee), (provider.tax(), self.tax)]
            .into_iter()
            .filter_map(|(account, total)| {
                let amount: Amount = total.as_amount()?;
                Some(RequestedPosting {
                    source: account,
                    destination: from,
                    asset,
                    amount: amount.value(),
                })
            })
            .collect()
    }
}
