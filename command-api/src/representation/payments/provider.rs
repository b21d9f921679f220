//! How providers do: now, and by the day.

use ledger_core::{AssetCode, ProviderName};
use poem_openapi::Object;
use projections::queries::payments::ProviderFigure;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;
use workflows::routing::{OperationStanding, ProviderStanding};

use crate::choice::choice;
use crate::representation::answer::exact;
use crate::text::Text;
use crate::text_formats::{Day, ExactDecimal};

/// What deposits count as that ended well and otherwise.
const DEPOSITS: [&str; 2] = ["deposit_successes", "deposit_failures"];

/// What payouts count as.
const PAYOUTS: [&str; 2] = ["payout_successes", "payout_failures"];

/// A provider's day.
#[derive(Debug, Serialize, Object)]
pub struct ProviderDayView {
    /// Which day, UTC.
    pub day: Text<Day>,
    /// Which provider.
    pub provider: Text<ProviderName>,
    /// Of the deposits that ended at the provider for the first time that day (captured, expired, released, or no page
    /// could be made), the part that is captured as far as is known by now, from 0 to 1 with four decimals, rounded half
    /// to even; absent when none ended. A later word puts the day right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit_success_rate: Option<Text<ExactDecimal>>,
    /// Of the payouts that ended there for the first time that day (succeeded, failed, returned, cancelled or not taken
    /// on by the provider), the part that succeeded; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout_success_rate: Option<Text<ExactDecimal>>,
    /// What happened, in order of name and asset.
    pub figures: Vec<ProviderFigureView>,
}

/// Something that happened at a provider that day.
#[derive(Debug, Serialize, Object)]
pub struct ProviderFigureView {
    /// What.
    pub metric: String,
    /// Of which asset, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<Text<AssetCode>>,
    /// How often.
    pub count: i64,
    /// How much, where it has an asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<ExactDecimal>>,
}

impl From<ProviderFigure> for ProviderFigureView {
    fn from(row: ProviderFigure) -> Self {
        Self {
            metric: row.metric,
            asset: row.asset.map(|asset| asset.code.into()),
            count: row.count,
            amount: row.asset.map(|asset| exact(row.amount, asset)),
        }
    }
}

impl ProviderDayView {
    /// Days from figures in order of day and provider.
    #[must_use]
    pub fn of(figures: Vec<ProviderFigure>) -> Vec<Self> {
        let mut days: Vec<Self> = Vec::new();
        for figure in figures {
            let is_same =
                |day: &&mut Self| day.day.0.0 == figure.day && day.provider.0 == figure.provider;
            match days.last_mut().filter(is_same) {
                Some(day) => day.figures.push(figure.into()),
                None => days.push(Self {
                    day: Day(figure.day).into(),
                    provider: figure.provider.into(),
                    deposit_success_rate: None,
                    payout_success_rate: None,
                    figures: vec![figure.into()],
                }),
            }
        }
        for day in &mut days {
            day.deposit_success_rate = day.counts(DEPOSITS).rate();
            day.payout_success_rate = day.counts(PAYOUTS).rate();
        }
        days
    }

    fn counts(&self, [good, bad]: [&str; 2]) -> Counts {
        let count = |metric: &str| {
            let figures = self.figures.iter().filter(|figure| figure.metric == metric);
            figures.map(|figure| figure.count).sum()
        };
        Counts {
            good: count(good),
            bad: count(bad),
        }
    }
}

/// How many ended well, and how many otherwise.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    good: i64,
    bad: i64,
}

impl Counts {
    /// The part that ended well; nothing when none ended.
    fn rate(self) -> Option<Text<ExactDecimal>> {
        let ended = Decimal::from(self.good.checked_add(self.bad)?);
        let rate = Decimal::from(self.good).checked_div(ended)?;
        let mut rate = rate.round_dp_with_strategy(4, RoundingStrategy::MidpointNearestEven);
        rate.rescale(4);
        Some(Text(ExactDecimal(rate)))
    }

    fn add(&mut self, more: Self) {
        self.good += more.good;
        self.bad += more.bad;
    }
}

choice!(
    /// Whether a provider can be asked for something, as this node sees it.
    AvailabilityName {
        /// It can.
        Available => "available",
        /// It failed too often lately, and is not asked until `retry_after_ms` have passed.
        Unavailable => "unavailable",
    }
);

/// A provider that a ledger has an account at.
#[derive(Debug, Serialize, Object)]
pub struct ProviderView {
    /// Which.
    pub provider: Text<ProviderName>,
    /// The currencies it takes; empty when it takes all.
    pub currencies: Vec<String>,
    /// What it can be asked for, in the order of a payment's life.
    pub operations: Vec<ProviderOperationView>,
    /// Whether all of it is available: otherwise deposits and payouts are sent elsewhere first.
    pub availability: AvailabilityName,
    /// The part of the deposits that ended well, of those that ended today or in the six days before, as in
    /// `GET …/provider-days`; absent when none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit_success_rate: Option<Text<ExactDecimal>>,
    /// The part of the payouts, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout_success_rate: Option<Text<ExactDecimal>>,
}

/// Something that a provider can be asked for.
#[derive(Debug, Serialize, Object)]
pub struct ProviderOperationView {
    /// What.
    pub operation: String,
    /// Whether it can be asked now. Every node that asks counts for itself, and since it was started.
    pub availability: AvailabilityName,
    /// When it is asked again, in milliseconds from now; 0 when the next call is a trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl From<OperationStanding> for ProviderOperationView {
    fn from(standing: OperationStanding) -> Self {
        let wait = standing.retry_after;
        Self {
            operation: standing.operation.to_owned(),
            availability: AvailabilityName::of(wait.is_none()),
            retry_after_ms: wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl AvailabilityName {
    const fn of(is_available: bool) -> Self {
        if is_available {
            Self::Available
        } else {
            Self::Unavailable
        }
    }
}

impl ProviderView {
    /// A provider as it is now, with how it did on these days, which may be other providers' as well.
    #[must_use]
    pub fn of(standing: ProviderStanding, days: &[ProviderDayView]) -> Self {
        let (mut deposits, mut payouts) = (Counts::default(), Counts::default());
        for day in days
            .iter()
            .filter(|day| day.provider.0 == standing.provider)
        {
            deposits.add(day.counts(DEPOSITS));
            payouts.add(day.counts(PAYOUTS));
        }
        let operations = standing.operations.into_iter();
        let operations: Vec<ProviderOperationView> = operations.map(Into::into).collect();
        let is_well = operations
            .iter()
            .all(|known| known.retry_after_ms.is_none());
        Self {
            provider: standing.provider.into(),
            currencies: standing
                .currencies
                .iter()
                .map(|code| (*code).to_owned())
                .collect(),
            availability: AvailabilityName::of(is_well),
            operations,
            deposit_success_rate: deposits.rate(),
            payout_success_rate: payouts.rate(),
        }
    }
}
