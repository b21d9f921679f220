//! How providers do, by the day.

use ledger_core::{AssetCode, ProviderName};
use poem_openapi::Object;
use projections::queries::payments::ProviderFigure;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use crate::representation::answer::exact;
use crate::text::Text;
use crate::text_formats::{Day, ExactDecimal};

/// A provider's day.
#[derive(Debug, Serialize, Object)]
pub struct ProviderDayView {
    /// Which day, UTC.
    pub day: Text<Day>,
    /// Which provider.
    pub provider: Text<ProviderName>,
    /// Of the deposits that ended that day (captured, expired, or no page could be made), the part that was captured,
    /// from 0 to 1 with four decimals, rounded half to even; absent when none ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit_success_rate: Option<Text<ExactDecimal>>,
    /// Of the payouts that ended that day (succeeded, failed or returned), the part that succeeded; likewise.
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
            day.deposit_success_rate = day.rate(
                "payments_captured",
                &["payments_expired", "checkouts_failed"],
            );
            day.payout_success_rate =
                day.rate("payouts_succeeded", &["payouts_failed", "payouts_returned"]);
        }
        days
    }

    fn count(&self, metric: &str) -> i64 {
        let figures = self.figures.iter().filter(|figure| figure.metric == metric);
        figures.map(|figure| figure.count).sum()
    }

    fn rate(&self, good: &str, bad: &[&str]) -> Option<Text<ExactDecimal>> {
        let good = self.count(good);
        let bad: i64 = bad.iter().map(|metric| self.count(metric)).sum();
        let rate = Decimal::from(good).checked_div(Decimal::from(good + bad))?;
        let mut rate = rate.round_dp_with_strategy(4, RoundingStrategy::MidpointNearestEven);
        rate.rescale(4);
        Some(Text(ExactDecimal(rate)))
    }
}
