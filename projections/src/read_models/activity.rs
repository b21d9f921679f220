//! Counts and volumes by the hour; days are sums of hours.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use ledger_core::event::RecordedEvent;
use ledger_core::hold::HoldEvent;
use ledger_core::transaction::{TransactionCause, TransactionEvent};
use ledger_core::wallet::WalletEvent;
use ledger_core::{AssetCode, Event, LedgerName, Timestamp};
use rust_decimal::Decimal;

use super::ExactSum;
use crate::read_model::{Before, Fold, FoldError, Place, ROWS_IN_MEMORY, ReadModel};

/// The read model.
#[derive(Debug)]
pub struct Activity;

const DEFINITION: &[&str] = &["CREATE TABLE {schema}.activity (
    ledger text        NOT NULL,
    -- The start of the hour, UTC, of recorded time.
    hour   timestamptz NOT NULL,
    metric text        NOT NULL,
    -- Empty for metrics that have no asset.
    asset  text        NOT NULL,
    count  bigint      NOT NULL,
    amount numeric     NOT NULL,
    PRIMARY KEY (ledger, hour, metric, asset)
)"];

const WRITE: &str = "\
INSERT INTO {schema}.activity AS activity (ledger, hour, metric, asset, count, amount)
SELECT $1, hour, metric, asset, sum(count), sum(amount)
FROM UNNEST($2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::numeric[])
     AS change (hour, metric, asset, count, amount)
GROUP BY hour, metric, asset
ON CONFLICT (ledger, hour, metric, asset) DO UPDATE SET
    count = activity.count + EXCLUDED.count, amount = activity.amount + EXCLUDED.amount";

type Key = (DateTime<Utc>, &'static str, Option<AssetCode>);

/// What events add to the hours of a ledger.
struct Hours {
    ledger: LedgerName,
    sums: Sums,
}

type Sums = BTreeMap<Key, (i64, ExactSum)>;

impl Hours {
    fn count(&mut self, hour: DateTime<Utc>, metric: &'static str) {
        self.sums.entry((hour, metric, None)).or_default().0 += 1;
    }

    fn fold(&mut self, recorded: &RecordedEvent) -> Option<()> {
        let hour = start_of_hour(recorded.recorded_at)?;
        match &recorded.event {
            Event::Transaction(TransactionEvent::TransactionPosted {
                postings, cause, ..
            }) => {
                self.count(hour, "transactions_posted");
                match cause {
                    TransactionCause::Request => {}
                    TransactionCause::Revert(_) => self.count(hour, "transactions_reverted"),
                    // Counted with the hold.
                    TransactionCause::Capture(_)
                    // Their own events say more than that money moved.
                    | TransactionCause::Payment(_)
                    | TransactionCause::Payout(_)
                    | TransactionCause::Settlement(_) => {}
                }
                for posting in postings {
                    let key = (hour, "volume", Some(posting.asset));
                    let (count, amount) = self.sums.entry(key).or_default();
                    *count += 1;
                    amount.add(posting.amount.value());
                }
            }
            // Counted with the transaction that reverts.
            Event::Transaction(TransactionEvent::TransactionReverted { .. }) => {}
            Event::Wallet(WalletEvent::WalletOpened { .. }) => self.count(hour, "wallets_opened"),
            Event::Wallet(WalletEvent::WalletClosed { .. }) => self.count(hour, "wallets_closed"),
            Event::Wallet(WalletEvent::WalletFrozen { .. }) => self.count(hour, "wallets_frozen"),
            Event::Hold(HoldEvent::HoldPlaced { .. }) => self.count(hour, "holds_placed"),
            Event::Hold(HoldEvent::HoldVoided { .. }) => self.count(hour, "holds_voided"),
            Event::Hold(HoldEvent::HoldExpired { .. }) => self.count(hour, "holds_expired"),
            Event::Hold(HoldEvent::HoldCaptured { .. }) => self.count(hour, "holds_captured"),
            Event::Wallet(
                WalletEvent::WalletUnfrozen { .. } | WalletEvent::WalletOverdraftSet { .. },
            )
            | Event::Ledger(_)
            | Event::Payment(_)
            | Event::Payout(_)
            | Event::Beneficiary(_)
            | Event::Settlement(_)
            | Event::Owner(_)
            | Event::VerificationCase(_)
            | Event::Profile(_)
            | Event::Onboarding(_) => {}
        }
        Some(())
    }
}

fn start_of_hour(time: Timestamp) -> Option<DateTime<Utc>> {
    let seconds = time.as_datetime().timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(3_600), 0)
}

/// A row for each part of each sum; the count is in the first.
fn rows(sums: Sums) -> (Vec<Key>, Vec<(i64, Decimal)>) {
    let mut rows = Vec::with_capacity(sums.len());
    for (key, (count, amount)) in sums {
        let counts = std::iter::once(count).chain(std::iter::repeat(0));
        rows.extend(counts.zip(amount.into_parts()).map(|row| (key, row)));
    }
    rows.into_iter().unzip()
}

#[async_trait]
impl ReadModel for Activity {
    fn name(&self) -> &'static str {
        "activity"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["activity"]
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    fn begin(&self, ledger: LedgerName, _before: Before) -> Box<dyn Fold> {
        Box::new(Hours {
            ledger,
            sums: Sums::new(),
        })
    }
}

#[async_trait]
impl Fold for Hours {
    fn add(&mut self, event: &RecordedEvent) -> Result<(), FoldError> {
        self.fold(event).ok_or_else(|| FoldError::Event {
            position: event.position,
            reason: "its hour cannot be told".to_owned(),
        })
    }

    fn is_full(&self) -> bool {
        self.sums.len() > ROWS_IN_MEMORY
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        if self.sums.is_empty() {
            return Ok(());
        }
        let (keys, values) = rows(std::mem::take(&mut self.sums));
        let asset = |key: &Key| key.2.map_or_else(String::new, |asset| asset.to_string());
        sqlx::query(&place.sql(WRITE))
            .bind(self.ledger.as_str())
            .bind(keys.iter().map(|key| key.0).collect::<Vec<_>>())
            .bind(keys.iter().map(|key| key.1).collect::<Vec<_>>())
            .bind(keys.iter().map(asset).collect::<Vec<_>>())
            .bind(values.iter().map(|value| value.0).collect::<Vec<_>>())
            .bind(values.iter().map(|value| value.1).collect::<Vec<_>>())
            .execute(&mut *place.connection)
            .await?;
        Ok(())
    }
}
