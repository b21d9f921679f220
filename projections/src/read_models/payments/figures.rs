//! How providers do: counts and volumes by the day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use ledger_core::payment::PaymentEvent;
use ledger_core::payout::PayoutEvent;
use ledger_core::settlement::SettlementEvent;
use ledger_core::{Amount, AssetCode, LedgerName, ProviderName};

use super::Moment;
use super::outcome::{Outcome, OutcomeChange};
use super::payment::PaymentRow;
use super::payout::PayoutRow;
use super::settlement::SettlementRow;
use crate::read_model::{FoldError, Place};
use crate::read_models::ExactSum;

pub(super) const DEFINITION: &str = "CREATE TABLE {schema}.provider_days (
    ledger   text    NOT NULL,
    -- UTC, of recorded time.
    day      date    NOT NULL,
    provider text    NOT NULL,
    metric   text    NOT NULL,
    -- Empty for metrics that have no asset.
    asset    text    NOT NULL,
    count    bigint  NOT NULL,
    amount   numeric NOT NULL,
    PRIMARY KEY (ledger, day, provider, metric, asset)
)";

const WRITE: &str = "\
INSERT INTO {schema}.provider_days AS figure (ledger, day, provider, metric, asset, count, amount)
SELECT $1, day, provider, metric, asset, sum(count), sum(amount)
FROM UNNEST($2::date[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::numeric[])
     AS change (day, provider, metric, asset, count, amount)
GROUP BY day, provider, metric, asset
ON CONFLICT (ledger, day, provider, metric, asset) DO UPDATE SET
    count = figure.count + EXCLUDED.count, amount = figure.amount + EXCLUDED.amount";

type Key = (NaiveDate, ProviderName, &'static str, Option<AssetCode>);

/// Which way money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From a payer to a wallet.
    In,
    /// From a wallet to a beneficiary.
    Out,
}

/// What events add to the days of a ledger.
#[derive(Default)]
pub(super) struct Figures(BTreeMap<Key, (i64, ExactSum)>);

impl Figures {
    fn count(&mut self, moment: Moment, provider: Option<ProviderName>, metric: &'static str) {
        if let Some(provider) = provider {
            let day = moment.at.as_datetime().date_naive();
            self.0.entry((day, provider, metric, None)).or_default().0 += 1;
        }
    }

    fn add(
        &mut self,
        moment: Moment,
        provider: Option<ProviderName>,
        metric: &'static str,
        (asset, amount): (AssetCode, Amount),
    ) {
        if let Some(provider) = provider {
            let day = moment.at.as_datetime().date_naive();
            let key = (day, provider, metric, Some(asset));
            let (count, sum) = self.0.entry(key).or_default();
            *count += 1;
            sum.add(amount.value());
        }
    }

    /// Takes a payment or payout out of its earlier outcome and into the one it has now, on the day of the
    /// first.
    pub(super) fn count_outcome(&mut self, direction: Direction, change: OutcomeChange) {
        let day = change.first_at.as_datetime().date_naive();
        for (outcome, step) in [(change.before, -1), (change.after, 1)] {
            let metric = match (direction, outcome) {
                (_, None) => continue,
                (Direction::In, Some(Outcome::Succeeded)) => "deposit_successes",
                (Direction::In, Some(Outcome::Failed)) => "deposit_failures",
                (Direction::Out, Some(Outcome::Succeeded)) => "payout_successes",
                (Direction::Out, Some(Outcome::Failed)) => "payout_failures",
            };
            let key = (day, change.provider, metric, None);
            self.0.entry(key).or_default().0 += step;
        }
    }

    /// Counts an event of a payment; `disputed` tells whether the dispute it is about was known.
    pub(super) fn count_payment(
        &mut self,
        moment: Moment,
        payment: &PaymentRow,
        event: &PaymentEvent,
        disputed: bool,
    ) {
        let provider = payment.provider();
        let captured = payment.captured.as_ref();
        let asset = captured.map_or(payment.asset, |captured| captured.asset);
        match event {
            PaymentEvent::PaymentCreated { route, .. }
            | PaymentEvent::PaymentRerouted { route } => {
                self.count(moment, Some(route.provider), "payments_routed");
            }
            PaymentEvent::PaymentAwaitingPayer { provider, .. } => {
                self.count(moment, Some(*provider), "checkouts_opened");
            }
            PaymentEvent::PaymentFailed {
                provider, attempt, ..
            } => {
                let metric = match attempt {
                    Some(_) => "attempts_failed",
                    None => "checkouts_failed",
                };
                self.count(moment, Some(*provider), metric);
            }
            PaymentEvent::PaymentAuthorized { provider, .. } => {
                self.count(moment, Some(*provider), "attempts_authorized");
            }
            PaymentEvent::PaymentReleased { provider, .. } => {
                self.count(moment, Some(*provider), "attempts_released");
            }
            PaymentEvent::PaymentExpired { .. } => {
                self.count(moment, provider, "payments_expired");
            }
            PaymentEvent::PaymentCaptured {
                amount, suspended, ..
            } => {
                self.add(moment, provider, "payments_captured", (asset, *amount));
                if suspended.is_some() {
                    self.add(moment, provider, "payments_suspended", (asset, *amount));
                }
            }
            PaymentEvent::UnexpectedPaymentCaptured { amount, .. } => {
                self.add(moment, provider, "payments_unexpected", (asset, *amount));
            }
            PaymentEvent::RefundSucceeded { amount, .. }
            | PaymentEvent::RefundDiscovered { amount, .. } => {
                self.add(moment, provider, "refunds_succeeded", (asset, *amount));
            }
            PaymentEvent::RefundFailed { amount, .. } => {
                self.add(moment, provider, "refunds_failed", (asset, *amount));
            }
            PaymentEvent::DisputeOpened { amount, .. } if !disputed => {
                self.add(moment, provider, "disputes_opened", (asset, *amount));
            }
            PaymentEvent::DisputeWon { amount, .. } => {
                self.add(moment, provider, "disputes_won", (asset, *amount));
            }
            PaymentEvent::DisputeLost { amount, .. } => {
                self.add(moment, provider, "disputes_lost", (asset, *amount));
            }
            PaymentEvent::PaymentFeesRecorded { .. }
            | PaymentEvent::PaymentCredited { .. }
            | PaymentEvent::RefundRequested { .. }
            | PaymentEvent::RefundPending { .. }
            | PaymentEvent::RefundMatched { .. }
            | PaymentEvent::DisputeFeesRecorded { .. }
            | PaymentEvent::DisputeOpened { .. }
            | PaymentEvent::DisputeClosed { .. } => {}
        }
    }

    pub(super) fn count_payout(&mut self, moment: Moment, payout: &PayoutRow, event: &PayoutEvent) {
        let provider = payout.provider();
        let money = (payout.asset, payout.amount);
        match event {
            PayoutEvent::PayoutSubmitted { .. } => {
                self.count(moment, provider, "payouts_submitted");
            }
            PayoutEvent::PayoutNotAccepted { .. } => {
                self.count(moment, provider, "payouts_not_accepted");
            }
            PayoutEvent::PayoutSucceeded { .. } => {
                self.add(moment, provider, "payouts_succeeded", money);
            }
            PayoutEvent::PayoutFailed { .. } => self.add(moment, provider, "payouts_failed", money),
            PayoutEvent::PayoutReturned { .. } => {
                self.add(moment, provider, "payouts_returned", money);
            }
            PayoutEvent::PayoutCancelled {
                provider: Some(_), ..
            } => self.add(moment, provider, "payouts_cancelled", money),
            PayoutEvent::PayoutRequested { .. }
            | PayoutEvent::PayoutApproved { .. }
            | PayoutEvent::PayoutDeclined { .. }
            | PayoutEvent::PayoutCancelled { provider: None, .. }
            | PayoutEvent::PayoutProcessing { .. }
            | PayoutEvent::PayoutFeesRecorded { .. } => {}
        }
    }

    pub(super) fn count_settlement(
        &mut self,
        moment: Moment,
        settlement: &SettlementRow,
        event: &SettlementEvent,
    ) {
        let metric = match event {
            SettlementEvent::SettlementRecorded { .. } => "settlements_recorded",
            SettlementEvent::SettlementBreakFound { .. } => "breaks_found",
            SettlementEvent::SettlementBreakResolved { .. } => "breaks_resolved",
        };
        self.count(moment, Some(settlement.provider), metric);
    }

    pub(super) async fn write(
        self,
        place: &mut Place<'_>,
        ledger: LedgerName,
    ) -> Result<(), FoldError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (mut keys, mut counts, mut amounts) = (Vec::new(), Vec::new(), Vec::new());
        for (key, (count, sum)) in self.0 {
            // The count is in the first part of the sum.
            let parts = std::iter::once(count).chain(std::iter::repeat(0));
            for (count, amount) in parts.zip(sum.into_parts()) {
                keys.push(key);
                counts.push(count);
                amounts.push(amount);
            }
        }
        let days: Vec<NaiveDate> = keys.iter().map(|key| key.0).collect();
        let providers: Vec<String> = keys.iter().map(|key| key.1.to_string()).collect();
        let metrics: Vec<&str> = keys.iter().map(|key| key.2).collect();
        let asset = |key: &Key| key.3.map(|asset| asset.to_string()).unwrap_or_default();
        let assets: Vec<String> = keys.iter().map(asset).collect();
        sqlx::query(&place.sql(WRITE))
            .bind(ledger.as_str())
            .bind(days)
            .bind(providers)
            .bind(metrics)
            .bind(assets)
            .bind(counts)
            .bind(amounts)
            .execute(&mut *place.connection)
            .await?;
        Ok(())
    }
}
