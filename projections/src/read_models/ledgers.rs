//! Ledgers, the assets registered in them and their system accounts.

use async_trait::async_trait;
use ledger_core::event::RecordedEvent;
use ledger_core::ledger::{LedgerEvent, SystemAccount};
use ledger_core::posting::NormalSide;
use ledger_core::{Event, LedgerName};

use crate::read_model::{Before, Fold, FoldError, Place, ROWS_IN_MEMORY, ReadModel};

/// The read model.
#[derive(Debug)]
pub struct Ledgers;

const DEFINITION: &[&str] = &[
    "CREATE TABLE {schema}.ledgers (
    ledger    text        NOT NULL,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (ledger)
)",
    "CREATE TABLE {schema}.assets (
    ledger   text    NOT NULL,
    code     text    NOT NULL,
    scale    integer NOT NULL,
    position bigint  NOT NULL,
    PRIMARY KEY (ledger, code)
)",
    "CREATE TABLE {schema}.system_accounts (
    ledger      text   NOT NULL,
    name        text   NOT NULL,
    normal_side text   NOT NULL,
    position    bigint NOT NULL,
    PRIMARY KEY (ledger, name)
)",
];

#[async_trait]
impl ReadModel for Ledgers {
    fn name(&self) -> &'static str {
        "ledgers"
    }

    fn version(&self) -> i32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["ledgers", "assets", "system_accounts"]
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    fn begin(&self, ledger: LedgerName, _before: Before) -> Box<dyn Fold> {
        Box::new(Seen {
            ledger,
            events: Vec::new(),
        })
    }
}

/// What has happened to a ledger itself: a handful of events in its life.
struct Seen {
    ledger: LedgerName,
    events: Vec<RecordedEvent>,
}

#[async_trait]
impl Fold for Seen {
    fn add(&mut self, event: &RecordedEvent) -> Result<(), FoldError> {
        if matches!(event.event, Event::Ledger(_)) {
            self.events.push(event.clone());
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.events.len() > ROWS_IN_MEMORY
    }

    /// One statement per event.
    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        for recorded in std::mem::take(&mut self.events) {
            self.write_event(place, &recorded).await?;
        }
        Ok(())
    }
}

impl Seen {
    async fn write_event(
        &self,
        place: &mut Place<'_>,
        recorded: &RecordedEvent,
    ) -> Result<(), sqlx::Error> {
        let Event::Ledger(event) = &recorded.event else {
            return Ok(());
        };
        match event {
            LedgerEvent::LedgerOpened {
                system_accounts, ..
            } => {
                let statement = "INSERT INTO {schema}.ledgers (ledger, opened_at) VALUES ($1, $2)";
                sqlx::query(&place.sql(statement))
                    .bind(self.ledger.as_str())
                    .bind(recorded.recorded_at.as_datetime())
                    .execute(&mut *place.connection)
                    .await?;
                write_accounts(place, self.ledger, recorded, system_accounts).await
            }
            LedgerEvent::AssetRegistered { asset } => {
                let statement = "INSERT INTO {schema}.assets (ledger, code, scale, position) \
                                 VALUES ($1, $2, $3, $4)";
                sqlx::query(&place.sql(statement))
                    .bind(self.ledger.as_str())
                    .bind(asset.code.as_str())
                    .bind(i32::try_from(asset.scale).unwrap_or(i32::MAX))
                    .bind(recorded.position.value())
                    .execute(&mut *place.connection)
                    .await
                    .map(|_| ())
            }
            LedgerEvent::SystemAccountOpened { account } => {
                write_accounts(place, self.ledger, recorded, std::slice::from_ref(account)).await
            }
            // Whoever asks for policies and tiers reads the ledger's own stream.
            LedgerEvent::PaymentPolicySet { .. }
            | LedgerEvent::TierSet { .. }
            | LedgerEvent::DefaultTierSet { .. } => Ok(()),
        }
    }
}

async fn write_accounts(
    place: &mut Place<'_>,
    ledger: LedgerName,
    recorded: &RecordedEvent,
    accounts: &[SystemAccount],
) -> Result<(), sqlx::Error> {
    let statement = "INSERT INTO {schema}.system_accounts (ledger, name, normal_side, position) \
                     SELECT $1, name, side, $4 FROM UNNEST($2::text[], $3::text[]) AS a (name, side)";
    sqlx::query(&place.sql(statement))
        .bind(ledger.as_str())
        .bind(
            accounts
                .iter()
                .map(|account| account.name.to_string())
                .collect::<Vec<_>>(),
        )
        .bind(
            accounts
                .iter()
                .map(|account| side_name(account.normal_side))
                .collect::<Vec<_>>(),
        )
        .bind(recorded.position.value())
        .execute(&mut *place.connection)
        .await
        .map(|_| ())
}

/// A normal side, as stored.
#[must_use]
pub const fn side_name(side: NormalSide) -> &'static str {
    match side {
        NormalSide::Debit => "debit",
        NormalSide::Credit => "credit",
    }
}
