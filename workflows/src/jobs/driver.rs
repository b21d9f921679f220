//! The queue's library over the pool that everything else uses.
//!
//! The library comes with drivers for sqlx 0.9 and tokio-postgres; this is its driver interface over our
//! sqlx, so that there is one pool, one TLS stack and one role at the database.

use std::any::Any;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use graphile_worker::{
    BoxFuture, Database, DatabaseDriver, DbCell, DbError, DbExecutor, DbParams, DbRow,
    DbTransaction, DbValue, Notification, NotificationStream, TransactionDriver,
};
use serde_json::Value;
use sqlx::postgres::{PgArguments, PgListener, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::{Column, Executor, Postgres, Row, Transaction, TypeInfo};
use tokio::sync::Mutex;

/// A pool as the library sees it.
pub(super) fn database(pool: PgPool) -> Database {
    Database::new(Pool(pool))
}

#[derive(Debug)]
struct Pool(PgPool);

struct InTransaction(Mutex<Transaction<'static, Postgres>>);

impl DbExecutor for Pool {
    fn execute<'a>(
        &'a self,
        sql: &'a str,
        params: DbParams,
    ) -> BoxFuture<'a, Result<u64, DbError>> {
        Box::pin(async move { execute(&self.0, sql, params).await })
    }

    fn fetch_all<'a>(
        &'a self,
        sql: &'a str,
        params: DbParams,
    ) -> BoxFuture<'a, Result<Vec<DbRow>, DbError>> {
        Box::pin(async move { fetch_all(&self.0, sql, params).await })
    }
}

impl DatabaseDriver for Pool {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn begin<'a>(&'a self) -> BoxFuture<'a, Result<DbTransaction, DbError>> {
        Box::pin(async move {
            let tx = self.0.begin().await.map_err(fault)?;
            Ok(DbTransaction::new(Box::new(InTransaction(Mutex::new(tx)))))
        })
    }

    fn listen<'a>(
        &'a self,
        channel: &'a str,
    ) -> BoxFuture<'a, Result<Option<NotificationStream>, DbError>> {
        Box::pin(async move {
            let mut listener = PgListener::connect_with(&self.0).await.map_err(fault)?;
            listener.listen(channel).await.map_err(fault)?;
            let stream = listener.into_stream().map(|told| {
                let told = told.map_err(fault)?;
                Ok(Notification {
                    channel: told.channel().to_owned(),
                    payload: told.payload().to_owned(),
                })
            });
            let stream: NotificationStream = Box::pin(stream);
            Ok(Some(stream))
        })
    }
}

impl DbExecutor for InTransaction {
    fn execute<'a>(
        &'a self,
        sql: &'a str,
        params: DbParams,
    ) -> BoxFuture<'a, Result<u64, DbError>> {
        Box::pin(async move {
            let mut tx = self.0.lock().await;
            execute(&mut **tx, sql, params).await
        })
    }

    fn fetch_all<'a>(
        &'a self,
        sql: &'a str,
        params: DbParams,
    ) -> BoxFuture<'a, Result<Vec<DbRow>, DbError>> {
        Box::pin(async move {
            let mut tx = self.0.lock().await;
            fetch_all(&mut **tx, sql, params).await
        })
    }
}

impl TransactionDriver for InTransaction {
    fn commit(self: Box<Self>) -> BoxFuture<'static, Result<(), DbError>> {
        Box::pin(async move { self.0.into_inner().commit().await.map_err(fault) })
    }
}

async fn execute<'e, E>(executor: E, sql: &str, params: DbParams) -> Result<u64, DbError>
where
    E: Executor<'e, Database = Postgres>,
{
    let done = bound(sql, params).execute(executor).await.map_err(fault)?;
    Ok(done.rows_affected())
}

async fn fetch_all<'e, E>(executor: E, sql: &str, params: DbParams) -> Result<Vec<DbRow>, DbError>
where
    E: Executor<'e, Database = Postgres>,
{
    let rows = bound(sql, params)
        .fetch_all(executor)
        .await
        .map_err(fault)?;
    rows.iter().map(row_of).collect()
}

fn bound(sql: &str, params: DbParams) -> Query<'_, Postgres, PgArguments> {
    let mut query = sqlx::query(sql);
    for value in params.values() {
        query = match value.clone() {
            DbValue::Bool(value) => query.bind(value),
            DbValue::BoolOpt(value) => query.bind(value),
            DbValue::I16(value) => query.bind(value),
            DbValue::I16Opt(value) => query.bind(value),
            DbValue::I32(value) => query.bind(value),
            DbValue::I32Opt(value) => query.bind(value),
            DbValue::I64(value) => query.bind(value),
            DbValue::I64Opt(value) => query.bind(value),
            DbValue::Json(value) => query.bind(value),
            DbValue::JsonOpt(value) => query.bind(value),
            DbValue::Text(value) => query.bind(value),
            DbValue::TextOpt(value) => query.bind(value),
            DbValue::TextArray(value) => query.bind(value),
            DbValue::TextArrayOpt(value) => query.bind(value),
            DbValue::I32Array(value) => query.bind(value),
            DbValue::I64Array(value) => query.bind(value),
            DbValue::TimestampTz(value) => query.bind(value),
            DbValue::TimestampTzOpt(value) => query.bind(value),
        };
    }
    query
}

fn row_of(row: &PgRow) -> Result<DbRow, DbError> {
    let mut cells = HashMap::with_capacity(row.columns().len());
    for (index, column) in row.columns().iter().enumerate() {
        let cell = match column.type_info().name() {
            "BOOL" => cell::<bool>(row, index, DbCell::Bool)?,
            "INT2" => cell::<i16>(row, index, DbCell::I16)?,
            "INT4" => cell::<i32>(row, index, DbCell::I32)?,
            "INT8" => cell::<i64>(row, index, DbCell::I64)?,
            "JSON" | "JSONB" => cell::<Value>(row, index, DbCell::Json)?,
            "TEXT" | "VARCHAR" | "BPCHAR" | "NAME" => cell::<String>(row, index, DbCell::Text)?,
            "TIMESTAMPTZ" => cell::<DateTime<Utc>>(row, index, DbCell::TimestampTz)?,
            // Functions that return nothing.
            "VOID" => DbCell::Null,
            other => {
                let message = format!("the column {} has the type {other}", column.name());
                return Err(DbError::new(message));
            }
        };
        cells.insert(column.name().to_owned(), cell);
    }
    Ok(DbRow::new(cells))
}

fn cell<'r, T>(row: &'r PgRow, index: usize, wrap: fn(T) -> DbCell) -> Result<DbCell, DbError>
where
    T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    let value: Option<T> = row.try_get(index).map_err(fault)?;
    Ok(value.map_or(DbCell::Null, wrap))
}

fn fault(error: sqlx::Error) -> DbError {
    let code = error
        .as_database_error()
        .and_then(|error| error.code())
        .map(std::borrow::Cow::into_owned);
    match code {
        Some(code) => DbError::with_code(error.to_string(), code),
        None => DbError::new(error.to_string()),
    }
}
