//! Folding a read model into fresh tables and comparing.

use std::collections::BTreeMap;

use event_store::{Database, LogReader};
use ledger_core::book::Book;
use ledger_core::{AccountId, LedgerName, Position};
use rust_decimal::Decimal;
use sqlx::{Connection, PgConnection};

use crate::checkpoint;
use crate::read_model::{self, FoldError, Tables};
use crate::read_models::ReadModelName;
use crate::read_models::accounts::{altered_wallets, unaltered_wallet};
use crate::rebuild::read_page;

use super::{Difference, VerifyError};

/// A read model folded anew into tables of one connection.
pub(super) struct FreshFold<'a> {
    connection: PgConnection,
    reader: &'a LogReader,
    name: ReadModelName,
    ledger: LedgerName,
    position: Position,
}

impl<'a> FreshFold<'a> {
    /// Folds as far as the live tables have come.
    pub(super) async fn begin(
        database: &Database,
        reader: &'a LogReader,
        name: ReadModelName,
        ledger: LedgerName,
    ) -> Result<Self, VerifyError> {
        let mut connection = database.dedicated_connection().await?;
        read_model::create_tables(&mut connection, name.read_model(), Tables::Temporary).await?;
        let live = checkpoint::checkpoint(&mut connection, name, ledger).await?;
        let mut fresh = Self {
            connection,
            reader,
            name,
            ledger,
            position: Position::START,
        };
        fresh.fold_to(live).await?;
        Ok(fresh)
    }

    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// Folds on to a position, if it is not there yet.
    pub(super) async fn fold_to(&mut self, until: Position) -> Result<(), VerifyError> {
        let mut tx = self.connection.begin().await?;
        self.position = fold_in_tx(
            &mut tx,
            self.reader,
            self.name,
            self.ledger,
            self.position,
            until,
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Compares every table, while the projector waits.
    pub(super) async fn compare_with_live(&mut self) -> Result<(), VerifyError> {
        let (name, ledger) = (self.name, self.ledger);
        let mut tx = self.connection.begin().await?;
        // A read model that has not begun has no row; without one its projector would not wait.
        sqlx::query(
            "INSERT INTO read_models.checkpoint (read_model, ledger, position) VALUES ($1, $2, 0) \
             ON CONFLICT DO NOTHING",
        )
        .bind(name.as_str())
        .bind(ledger.as_str())
        .execute(&mut *tx)
        .await?;
        let live: Option<i64> = sqlx::query_scalar(
            "SELECT position FROM read_models.checkpoint WHERE read_model = $1 AND ledger = $2 \
             FOR UPDATE",
        )
        .bind(name.as_str())
        .bind(ledger.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        let live = live.and_then(Position::try_new).unwrap_or_default();
        self.position = fold_in_tx(&mut tx, self.reader, name, ledger, self.position, live).await?;
        if self.position < live {
            return Err(Difference::Checkpoint {
                ledger,
                read_model: name,
                checkpoint: live,
                last: self.position,
            }
            .into());
        }
        for table in name.read_model().tables() {
            let expected = first_only_in(&mut tx, ledger, name, table, Tables::Temporary).await?;
            let found = first_only_in(&mut tx, ledger, name, table, Tables::Live).await?;
            if expected.is_some() || found.is_some() {
                let difference = Difference::ReadModel {
                    ledger,
                    read_model: name,
                    table,
                    expected,
                    found,
                };
                return Err(difference.into());
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Compares the accounts and wallets with the book, which is true at the same position. Returns how
    /// many accounts there are.
    pub(super) async fn compare_with_book(&mut self, book: &Book) -> Result<usize, VerifyError> {
        self.compare_wallets_with_book(book).await?;
        self.compare_accounts_with_book(book).await
    }

    /// Every wallet is as an executor would load it.
    async fn compare_wallets_with_book(&mut self, book: &Book) -> Result<(), VerifyError> {
        let mut altered = altered_wallets(&mut self.connection, self.ledger).await?;
        for (holder, wallet, sequence) in book.wallets() {
            let expected = (wallet.clone(), sequence);
            let found = altered.remove(&holder).unwrap_or_else(unaltered_wallet);
            if found != expected {
                let shown = |(wallet, sequence)| format!("{holder}: {wallet:?} at {sequence}");
                return Err(Difference::ReadModel {
                    ledger: self.ledger,
                    read_model: self.name,
                    table: "altered_wallets",
                    expected: Some(shown(expected)),
                    found: Some(shown(found)),
                }
                .into());
            }
        }
        Ok(())
    }

    async fn compare_accounts_with_book(&mut self, book: &Book) -> Result<usize, VerifyError> {
        let rows: Vec<(String, String, Decimal, Decimal, Decimal)> = sqlx::query_as(
            "SELECT holder, asset, posted_debits, posted_credits, pending_debits \
             FROM pg_temp.accounts WHERE ledger = $1",
        )
        .bind(self.ledger.as_str())
        .fetch_all(&mut self.connection)
        .await?;
        let mut found: BTreeMap<String, [Decimal; 3]> = rows
            .into_iter()
            .map(|(holder, asset, debits, credits, pending)| {
                (format!("{holder}:{asset}"), [debits, credits, pending])
            })
            .collect();
        let mut accounts = 0;
        for (account, totals) in book.accounts() {
            accounts += 1;
            let expected = [
                totals.posted.debits.value(),
                totals.posted.credits.value(),
                totals.pending_debits.value(),
            ];
            let row = found.remove(&account.to_string());
            if row != Some(expected) {
                return Err(self.account_difference(&account, expected, row).into());
            }
        }
        match found.into_iter().next() {
            Some((account, row)) => Err(Difference::ReadModel {
                ledger: self.ledger,
                read_model: self.name,
                table: "accounts",
                expected: None,
                found: Some(shown(&account, row)),
            }
            .into()),
            None => Ok(accounts),
        }
    }

    fn account_difference(
        &self,
        account: &AccountId,
        expected: [Decimal; 3],
        found: Option<[Decimal; 3]>,
    ) -> Difference {
        let name = account.to_string();
        Difference::ReadModel {
            ledger: self.ledger,
            read_model: self.name,
            table: "accounts",
            expected: Some(shown(&name, expected)),
            found: found.map(|row| shown(&name, row)),
        }
    }
}

fn shown(account: &str, [debits, credits, pending]: [Decimal; 3]) -> String {
    format!("{account}: debits {debits}, credits {credits}, pending debits {pending}")
}

/// PostgreSQL failing proves nothing; rows that clash or events that do not fit are a difference.
fn not_folded(ledger: LedgerName, read_model: ReadModelName, source: FoldError) -> VerifyError {
    if source.is_transient() {
        return source.into();
    }
    Difference::Fold {
        ledger,
        read_model,
        source,
    }
    .into()
}

async fn fold_in_tx(
    tx: &mut PgConnection,
    reader: &LogReader,
    name: ReadModelName,
    ledger: LedgerName,
    mut position: Position,
    until: Position,
) -> Result<Position, VerifyError> {
    while position < until {
        let mut events = read_page(reader, ledger, position).await?;
        events.retain(|event| event.position <= until);
        let Some(last) = events.last().map(|event| event.position) else {
            break;
        };
        name.read_model()
            .fold(tx, Tables::Temporary, ledger, &events)
            .await
            .map_err(|error| not_folded(ledger, name, error))?;
        position = last;
    }
    Ok(position)
}

/// The first row, as JSON, that stands in one set of tables and not in the other.
async fn first_only_in(
    connection: &mut PgConnection,
    ledger: LedgerName,
    name: ReadModelName,
    table: &str,
    tables: Tables,
) -> Result<Option<String>, sqlx::Error> {
    let other = match tables {
        Tables::Temporary => Tables::Live,
        Tables::Live | Tables::Next => Tables::Temporary,
    };
    let rows = |tables: Tables| {
        let condition = tables.sql(name.read_model().rows_of_ledger(table));
        format!(
            "SELECT * FROM {}.{table} WHERE {condition}",
            tables.schema()
        )
    };
    let statement = format!(
        "SELECT to_jsonb(different)::text FROM ({} EXCEPT ALL {}) AS different ORDER BY 1 LIMIT 1",
        rows(tables),
        rows(other)
    );
    sqlx::query_scalar(&statement)
        .bind(ledger.as_str())
        .fetch_optional(connection)
        .await
}
