//! Owners: which wallets are theirs, and what they have used of limits, for the executor to load.
//!
//! What counts says so in the event, so nothing is written here in a ledger without tiers but the wallets.
//! Sums are kept as long as the book keeps them: back from the last day on which the owner counted
//! anything, so that the rows do not depend on when they were written.

use chrono::{Days, NaiveDate};
use hashbrown::HashMap;
use ledger_core::event::RecordedEvent;
use ledger_core::limit::{CountedFlow, Counting, Flow, KEPT_DAYS, Usage};
use ledger_core::transaction::TransactionEvent;
use ledger_core::wallet::WalletEvent;
use ledger_core::{AssetCode, Event, LedgerName, OwnerKey, Stream, Total, WalletId};
use rust_decimal::Decimal;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use uuid::Uuid;

use crate::read_model::{FoldError, Place, ROWS_IN_MEMORY};

/// The wallets of owners.
pub(super) const OWNER_WALLETS: &str = "CREATE TABLE {schema}.owner_wallets (
    ledger    text NOT NULL,
    -- Stands for the owner's name.
    owner_key uuid NOT NULL,
    wallet_id uuid NOT NULL,
    -- Finds the wallets of an owner.
    PRIMARY KEY (owner_key, wallet_id, ledger)
)";

/// What owners have used.
pub(super) const OWNER_USAGE: &str = "CREATE TABLE {schema}.owner_usage (
    ledger    text    NOT NULL,
    owner_key uuid    NOT NULL,
    asset     text    NOT NULL,
    flow      text    NOT NULL CHECK (flow IN ('incoming', 'outgoing')),
    -- Of the calendar of the owner's tier.
    day       date    NOT NULL,
    -- More is never given back than was counted.
    amount    numeric NOT NULL CHECK (amount >= 0),
    -- Finds what an owner has used.
    PRIMARY KEY (owner_key, asset, flow, day, ledger)
) WITH (fillfactor = 60)";

const WRITE_WALLETS: &str = "\
INSERT INTO {schema}.owner_wallets (ledger, owner_key, wallet_id)
SELECT $1, opened.* FROM UNNEST($2::uuid[], $3::uuid[]) AS opened";

const COUNT: &str = "\
INSERT INTO {schema}.owner_usage AS used (ledger, owner_key, asset, flow, day, amount)
SELECT $1, change.* FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::date[], $6::numeric[]) AS change
ON CONFLICT (owner_key, asset, flow, day, ledger) DO UPDATE SET amount = used.amount + EXCLUDED.amount";

/// Nothing where the row is not kept any more: its day concerns nobody.
const GIVE_BACK: &str = "\
UPDATE {schema}.owner_usage AS used
-- 5.00 - 5.00 is 0.00 to PostgreSQL; the same in every batch is plain 0.
SET amount = COALESCE(NULLIF(used.amount - change.amount, 0), 0)
FROM UNNEST($2::uuid[], $3::text[], $4::text[], $5::date[], $6::numeric[])
     AS change (owner_key, asset, flow, day, amount)
WHERE used.owner_key = change.owner_key AND used.asset = change.asset AND used.flow = change.flow
  AND used.day = change.day AND used.ledger = $1";

const FORGET: &str = "\
DELETE FROM {schema}.owner_usage AS used
USING UNNEST($2::uuid[], $3::date[]) AS known (owner_key, oldest)
WHERE used.owner_key = known.owner_key AND used.ledger = $1 AND used.day < known.oldest";

/// Whose sum, and of what.
type Key = (OwnerKey, AssetCode, Flow, NaiveDate);

/// What events do to the owners of a ledger.
#[derive(Default)]
pub(super) struct Owners {
    opened: Vec<(OwnerKey, WalletId)>,
    counted: HashMap<Key, Total>,
    given_back: HashMap<Key, Total>,
    /// The last day on which each owner counted anything.
    latest: HashMap<OwnerKey, NaiveDate>,
}

impl Owners {
    pub(super) fn is_full(&self) -> bool {
        self.opened.len() + self.counted.len() + self.given_back.len() > ROWS_IN_MEMORY
    }

    pub(super) fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        match (&recorded.event, recorded.stream) {
            (Event::Wallet(WalletEvent::WalletOpened { owner, .. }), Stream::Wallet(wallet)) => {
                self.opened.push((owner.key(), wallet));
                Ok(())
            }
            (Event::Transaction(TransactionEvent::TransactionPosted { usage, .. }), _) => {
                self.add_usage(recorded, usage.as_deref())
            }
            (Event::Hold(event), _) => self.add_usage(recorded, event.usage()),
            (_, _) => Ok(()),
        }
    }

    fn add_usage(
        &mut self,
        recorded: &RecordedEvent,
        usage: Option<&Usage>,
    ) -> Result<(), FoldError> {
        for (counting, counted) in usage.iter().flat_map(|usage| usage.entries()) {
            self.change(counting, counted)
                .ok_or_else(|| FoldError::Event {
                    position: recorded.position,
                    reason: format!("what the owner {} has used cannot be kept", counted.owner),
                })?;
        }
        Ok(())
    }

    fn change(&mut self, counting: Counting, counted: &CountedFlow) -> Option<()> {
        let key = (counted.owner, counted.asset, counted.flow, counted.day);
        let sums = match counting {
            Counting::Counted => {
                let latest = self.latest.entry(counted.owner).or_insert(counted.day);
                *latest = counted.day.max(*latest);
                &mut self.counted
            }
            Counting::GivenBack => &mut self.given_back,
        };
        let sum = sums.entry(key).or_default();
        *sum = sum.checked_add(counted.amount)?;
        Some(())
    }

    pub(super) async fn write(
        &mut self,
        place: &mut Place<'_>,
        ledger: LedgerName,
    ) -> Result<(), sqlx::Error> {
        self.write_wallets(place, ledger).await?;
        for (statement, sums) in [
            (COUNT, &mut self.counted),
            (GIVE_BACK, &mut self.given_back),
        ] {
            if sums.is_empty() {
                continue;
            }
            let mut rows: Vec<(Key, Total)> = sums.drain().collect();
            // In the order of the index, and the same in every node.
            rows.sort_unstable_by_key(|(key, _)| *key);
            bind(&place.sql(statement), ledger, &rows)
                .execute(&mut *place.connection)
                .await?;
        }
        self.forget_old(place, ledger).await
    }

    async fn write_wallets(
        &mut self,
        place: &mut Place<'_>,
        ledger: LedgerName,
    ) -> Result<(), sqlx::Error> {
        if self.opened.is_empty() {
            return Ok(());
        }
        let (owners, wallets): (Vec<Uuid>, Vec<Uuid>) = self
            .opened
            .drain(..)
            .map(|(owner, wallet)| (owner.as_uuid(), wallet.as_uuid()))
            .unzip();
        sqlx::query(&place.sql(WRITE_WALLETS))
            .bind(ledger.as_str())
            .bind(owners)
            .bind(wallets)
            .execute(&mut *place.connection)
            .await
            .map(|_| ())
    }

    async fn forget_old(
        &mut self,
        place: &mut Place<'_>,
        ledger: LedgerName,
    ) -> Result<(), sqlx::Error> {
        let oldest = |day: NaiveDate| day.checked_sub_days(Days::new(KEPT_DAYS));
        let (owners, days): (Vec<Uuid>, Vec<NaiveDate>) = self
            .latest
            .drain()
            .filter_map(|(owner, day)| Some((owner.as_uuid(), oldest(day)?)))
            .unzip();
        if owners.is_empty() {
            return Ok(());
        }
        sqlx::query(&place.sql(FORGET))
            .bind(ledger.as_str())
            .bind(owners)
            .bind(days)
            .execute(&mut *place.connection)
            .await
            .map(|_| ())
    }
}

fn bind<'q>(
    statement: &'q str,
    ledger: LedgerName,
    rows: &[(Key, Total)],
) -> Query<'q, Postgres, PgArguments> {
    let texts = |text: fn(&Key) -> String| -> Vec<String> {
        rows.iter().map(|(key, _)| text(key)).collect()
    };
    let owners: Vec<Uuid> = rows
        .iter()
        .map(|((owner, ..), _)| owner.as_uuid())
        .collect();
    let days: Vec<NaiveDate> = rows.iter().map(|((.., day), _)| *day).collect();
    let amounts: Vec<Decimal> = rows.iter().map(|(_, sum)| sum.value()).collect();
    sqlx::query(statement)
        .bind(ledger.as_str().to_owned())
        .bind(owners)
        .bind(texts(|(_, asset, ..)| asset.to_string()))
        .bind(texts(|(_, _, flow, _)| flow.to_string()))
        .bind(days)
        .bind(amounts)
}
