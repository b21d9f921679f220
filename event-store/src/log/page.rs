//! Many events at once, as `COPY` sends them.
//!
//! For whoever needs the texts alone. Asked for as rows, an event costs PostgreSQL half as much again and a node twice:
//! each value has its type, each row its description. `COPY` writes what is stored, one value after the other
//! (<https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format"), and it is read where it lies.

use futures_util::TryStreamExt;
use scopeguard::ScopeGuard;
use sqlx::PgPool;

use ledger_core::{LedgerName, Position};

use super::raw::COLUMNS;
use super::time::StoredTime;
use super::{EventText, LogError, check_positions};

/// How many columns [`COLUMNS`] are.
const WIDTH: i16 = 9;
/// Room is made for so many events at once at most.
const MOST_AT_ONCE: usize = 1_000;
/// What an event takes, about.
const EVENT_BYTES: usize = 512;
/// What comes first in a binary `COPY`: the signature, no flags, no extension.
pub const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What comes last in it, in place of the number of columns.
pub const COPY_TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// Events as the database sent them, in order, behind [`COPY_HEADER`].
#[derive(Debug)]
pub struct EventPage(Vec<u8>);

/// The events of a page.
#[derive(Debug, Clone)]
pub struct Events<'p>(&'p [u8]);

impl EventPage {
    /// The events; each is [`LogError::Database`] when it is not what was asked for, and nothing follows it.
    #[must_use]
    pub fn events(&self) -> Events<'_> {
        Events(self.0.get(COPY_HEADER.len()..).unwrap_or_default())
    }

    /// How many there are.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub fn count(&self) -> Result<usize, LogError> {
        self.positions().map(|positions| positions.len())
    }

    /// The same, if its events follow a position one by one.
    ///
    /// # Errors
    /// [`LogError::Gap`] when a position is missing before the last of them, and [`LogError::Database`].
    pub fn gap_free(self, ledger: LedgerName, after: Position) -> Result<Self, LogError> {
        check_positions(ledger, after, self.positions()?)?;
        Ok(self)
    }

    fn positions(&self) -> Result<Vec<i64>, LogError> {
        let (mut positions, mut rest) = (Vec::new(), self.events());
        while !rest.0.is_empty() {
            let position = rest.begin().and_then(|()| rest.number());
            positions.push(position.map_err(LogError::Database)?);
            for _ in 1..WIDTH {
                rest.value().map_err(LogError::Database)?;
            }
        }
        Ok(positions)
    }
}

impl<'p> Iterator for Events<'p> {
    type Item = Result<EventText<'p>, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.0 = &[];
        }
        Some(read.map_err(LogError::Database))
    }
}

impl<'p> Events<'p> {
    /// The next event, in the order of [`COLUMNS`].
    fn read(&mut self) -> Result<EventText<'p>, sqlx::Error> {
        self.begin()?;
        Ok(EventText {
            position: self.number()?,
            aggregate_type: self.text()?,
            aggregate_id: self.text()?,
            sequence: self.number()?,
            event_type: self.text()?,
            event_version: self.text()?,
            payload: self.text()?,
            metadata: self.text()?,
            recorded_at: StoredTime::of_micros(self.number()?).0,
        })
    }

    /// The number of columns, with which each row begins.
    fn begin(&mut self) -> Result<(), sqlx::Error> {
        if self.take().map(i16::from_be_bytes) == Some(WIDTH) {
            Ok(())
        } else {
            Err(malformed())
        }
    }

    /// The next value. The length of NULL is none.
    fn value(&mut self) -> Result<&'p [u8], sqlx::Error> {
        let length = self.take().map(u32::from_be_bytes);
        let length = length.and_then(|length| usize::try_from(length).ok());
        let split = length.and_then(|length| self.0.split_at_checked(length));
        let (value, rest) = split.ok_or_else(malformed)?;
        self.0 = rest;
        Ok(value)
    }

    fn number(&mut self) -> Result<i64, sqlx::Error> {
        let value = self.value()?.try_into();
        value.map(i64::from_be_bytes).map_err(|_| malformed())
    }

    fn text(&mut self) -> Result<&'p str, sqlx::Error> {
        std::str::from_utf8(self.value()?).map_err(|error| sqlx::Error::Decode(error.into()))
    }

    fn take<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

fn malformed() -> sqlx::Error {
    sqlx::Error::Decode("a copy of the log is none".into())
}

/// The events after a position, up to and with another: those that are there, whatever is missing between them.
///
/// # Errors
/// [`LogError::Database`].
pub(super) async fn read_page(
    pool: &PgPool,
    ledger: LedgerName,
    after: Position,
    until: Position,
) -> Result<EventPage, LogError> {
    // It takes no parameters. The name of a ledger has letters, digits and `_` alone.
    let query = format!(
        "COPY (SELECT {COLUMNS} FROM daybook.events \
             WHERE ledger = '{ledger}' AND position > {} AND position <= {} ORDER BY position) \
         TO STDOUT (FORMAT binary)",
        after.value(),
        until.value()
    );
    // `sqlx` does not notice that a copy was left, or refused, and whoever got the connection next would read the
    // rest of it: it goes back to the pool only when everything was read.
    let mut connection = scopeguard::guard(pool.acquire().await?, |left| drop(left.detach()));
    let most = usize::try_from(until.value() - after.value()).unwrap_or_default();
    let mut copy = Vec::with_capacity(most.min(MOST_AT_ONCE) * EVENT_BYTES);
    let mut parts = connection.copy_out_raw(&query).await?;
    while let Some(part) = parts.try_next().await? {
        copy.extend_from_slice(&part);
    }
    drop(parts);
    drop(ScopeGuard::into_inner(connection));
    let rows = copy.strip_prefix(COPY_HEADER);
    let rows = rows.and_then(|rows| rows.strip_suffix(COPY_TRAILER));
    let length = rows.ok_or_else(malformed)?.len();
    copy.truncate(COPY_HEADER.len() + length);
    Ok(EventPage(copy))
}
