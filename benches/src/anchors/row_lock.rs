//! The ledger that most products begin with: a table of balances, two rows locked per transfer.
//!
//! One function does a double-entry transfer with a balance check; one call is one database
//! transaction and one round trip, which is the most that this design can do. Rows are locked in
//! order of id, so that transfers in opposite directions do not deadlock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};

use crate::BenchError;
use crate::machine::Machine;
use crate::measure::{Caller, Round, Scenario, repeat_each};
use crate::population::Choice;

/// Connections that transfer.
const CONNECTIONS: usize = 32;

const DEFINITION: &str = "\
CREATE TABLE accounts (
    id      bigint  PRIMARY KEY,
    balance numeric NOT NULL CHECK (balance >= 0)
);
CREATE TABLE entries (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transfer    uuid        NOT NULL,
    account     bigint      NOT NULL REFERENCES accounts,
    amount      numeric     NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE idempotency (key text PRIMARY KEY, transfer uuid NOT NULL);
CREATE FUNCTION transfer(key text, source bigint, destination bigint, amount numeric)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    new_transfer uuid := gen_random_uuid();
    available numeric;
BEGIN
    INSERT INTO idempotency VALUES (key, new_transfer);
    PERFORM FROM accounts WHERE id IN (source, destination) ORDER BY id FOR UPDATE;
    SELECT balance INTO available FROM accounts WHERE id = source;
    IF available < amount THEN
        RAISE EXCEPTION 'insufficient funds';
    END IF;
    UPDATE accounts SET balance = balance - amount WHERE id = source;
    UPDATE accounts SET balance = balance + amount WHERE id = destination;
    INSERT INTO entries (transfer, account, amount)
    VALUES (new_transfer, source, -amount), (new_transfer, destination, amount);
    RETURN new_transfer;
END
$$;";

/// The ledger, with all accounts funded.
#[derive(Clone)]
pub struct RowLocks {
    pool: PgPool,
    accounts: i64,
}

/// Transfers on it.
pub struct RowLockTransfers {
    pub name: String,
    pub ledger: RowLocks,
    pub choice: Choice,
}

struct RowLockCaller {
    connection: PgConnection,
    accounts: i64,
    choice: Choice,
}

impl RowLocks {
    /// Makes it in a database of its own.
    pub async fn new(machine: &mut Machine, accounts: usize) -> Result<Self, BenchError> {
        let accounts = i64::try_from(accounts)?;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect(&machine.new_database().await?)
            .await?;
        pool.execute(DEFINITION).await?;
        sqlx::query("INSERT INTO accounts SELECT id, 10000000 FROM generate_series(1, $1) AS id")
            .bind(accounts)
            .execute(&pool)
            .await?;
        pool.execute("VACUUM ANALYZE accounts").await?;
        Ok(Self { pool, accounts })
    }
}

impl RowLockCaller {
    /// Two different accounts, chosen as Daybook's wallets are.
    fn pair(&self) -> (i64, i64) {
        let one = match self.choice {
            Choice::Random => fastrand::i64(0..self.accounts),
            Choice::Hot => 0,
        };
        let other = (one + fastrand::i64(1..self.accounts)) % self.accounts;
        if fastrand::bool() {
            (one + 1, other + 1)
        } else {
            (other + 1, one + 1)
        }
    }
}

impl Caller for RowLockCaller {
    async fn request(&mut self) -> Result<u64, BenchError> {
        let (source, destination) = self.pair();
        sqlx::query("SELECT transfer(gen_random_uuid()::text, $1, $2, 1)")
            .bind(source)
            .bind(destination)
            .execute(&mut self.connection)
            .await?;
        Ok(1)
    }
}

#[async_trait]
impl Scenario for RowLockTransfers {
    fn name(&self) -> String {
        format!("{}_{CONNECTIONS}", self.name)
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        // Waiting a second for a row is what is measured, and no news.
        let options =
            Arc::unwrap_or_clone(self.ledger.pool.connect_options()).disable_statement_logging();
        let mut callers = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            callers.push(RowLockCaller {
                connection: PgConnection::connect_with(&options).await?,
                accounts: self.ledger.accounts,
                choice: self.choice,
            });
        }
        repeat_each(callers, duration).await
    }
}
