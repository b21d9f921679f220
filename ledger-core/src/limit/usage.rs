//! What counts towards limits, and what it adds up to.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifier::OwnerKey;
use crate::money::{Amount, AssetCode, Total};

use super::calendar::Calendar;

/// Days of which sums are kept, back from the last on which the owner counted anything: a month and
/// the day by which calendars differ.
pub const KEPT_DAYS: u64 = 35;

/// Which way money moves, seen from an owner.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// To the owner.
    Incoming,
    /// From the owner.
    Outgoing,
}

impl Flow {
    /// The name, as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        }
    }
}

/// A text is not the name of a direction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a direction is incoming or outgoing")]
pub struct FlowError;

impl FromStr for Flow {
    type Err = FlowError;

    fn from_str(text: &str) -> Result<Self, FlowError> {
        [Self::Incoming, Self::Outgoing]
            .into_iter()
            .find(|flow| flow.as_str() == text)
            .ok_or(FlowError)
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// An amount that counts towards an owner's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedFlow {
    /// Whose limits.
    pub owner: OwnerKey,
    /// Which way.
    pub flow: Flow,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Amount,
    /// On which day of the owner's tier's calendar, as it was then.
    pub day: NaiveDate,
}

/// What an event does to limits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// What counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<CountedFlow>,
    /// What counted before, on that day, and no longer does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_back: Vec<CountedFlow>,
}

/// Whether an amount counts or no longer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// It does.
    Counted,
    /// It did.
    GivenBack,
}

impl Counting {
    /// What takes it back.
    #[must_use]
    pub const fn inverse(self) -> Self {
        match self {
            Self::Counted => Self::GivenBack,
            Self::GivenBack => Self::Counted,
        }
    }
}

impl Usage {
    /// What an event says that counted these, or nothing when there are none.
    #[must_use]
    pub fn counted(counted: Vec<CountedFlow>) -> Option<Box<Self>> {
        (!counted.is_empty()).then(|| {
            Box::new(Self {
                counted,
                given_back: Vec::new(),
            })
        })
    }

    /// What an event says that gives these back, or nothing when there are none.
    #[must_use]
    pub fn given_back(given_back: Vec<CountedFlow>) -> Option<Box<Self>> {
        (!given_back.is_empty()).then(|| {
            Box::new(Self {
                counted: Vec::new(),
                given_back,
            })
        })
    }

    /// Every amount, in order.
    pub fn entries(&self) -> impl Iterator<Item = (Counting, &CountedFlow)> {
        let counted = self.counted.iter().map(|flow| (Counting::Counted, flow));
        let given_back = self
            .given_back
            .iter()
            .map(|flow| (Counting::GivenBack, flow));
        counted.chain(given_back)
    }
}

/// What an owner has used of the limits of one asset and direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// In the day.
    pub day: Total,
    /// In the month.
    pub month: Total,
}

/// What an owner has used, by asset, direction and day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsedByDay {
    sums: BTreeMap<(AssetCode, Flow, NaiveDate), Total>,
    latest: Option<NaiveDate>,
}

impl UsedByDay {
    /// Takes stored sums back.
    #[must_use]
    pub fn from_rows(rows: impl IntoIterator<Item = (AssetCode, Flow, NaiveDate, Total)>) -> Self {
        let sums: BTreeMap<_, _> = rows
            .into_iter()
            .map(|(asset, flow, day, sum)| ((asset, flow, day), sum))
            .collect();
        let latest = sums.keys().map(|(.., day)| *day).max();
        Self { sums, latest }
    }

    /// Every sum, in order.
    pub fn rows(&self) -> impl Iterator<Item = (AssetCode, Flow, NaiveDate, Total)> + '_ {
        self.sums
            .iter()
            .map(|((asset, flow, day), sum)| (*asset, *flow, *day, *sum))
    }

    /// Adds or takes away an amount; `None` when the sum cannot be kept exactly, or is less than what
    /// is given back. What is given back to a day that is no longer kept concerns nobody.
    #[must_use]
    pub fn apply(&mut self, counting: Counting, counted: &CountedFlow) -> Option<()> {
        let key = (counted.asset, counted.flow, counted.day);
        match counting {
            Counting::Counted => {
                let sum = self.sums.get(&key).copied().unwrap_or_default();
                self.sums.insert(key, sum.checked_add(counted.amount)?);
                if self.latest.is_none_or(|latest| latest < counted.day) {
                    self.latest = Some(counted.day);
                    self.forget_old(counted.day);
                }
            }
            Counting::GivenBack => {
                if let Some(sum) = self.sums.get_mut(&key) {
                    *sum = sum.checked_sub(counted.amount)?;
                }
            }
        }
        Some(())
    }

    /// What is used of the limits that a decision in this day and month meets.
    /// A sum that cannot be kept exactly is more than any limit.
    #[must_use]
    pub fn used(&self, asset: AssetCode, flow: Flow, calendar: &Calendar) -> Used {
        let days = (asset, flow, NaiveDate::MIN)..=(asset, flow, NaiveDate::MAX);
        let mut used = Used::default();
        for ((.., day), sum) in self.sums.range(days) {
            let Some(sum) = sum.as_amount() else {
                continue;
            };
            if *day == calendar.day {
                used.day = saturating(used.day, sum);
            }
            if calendar.is_in_month(*day) {
                used.month = saturating(used.month, sum);
            }
        }
        used
    }

    fn forget_old(&mut self, latest: NaiveDate) {
        if let Some(oldest) = latest.checked_sub_days(Days::new(KEPT_DAYS)) {
            self.sums.retain(|(.., day), _| *day >= oldest);
        }
    }
}

/// More than any limit when the sum cannot be kept exactly.
pub(super) fn saturating(sum: Total, amount: Amount) -> Total {
    sum.checked_add(amount)
        .or_else(|| Total::try_new(Decimal::MAX).ok())
        .unwrap_or(sum)
}
