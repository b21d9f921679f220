//! Many events as one row: each column is an array, whose elements are read where they lie.
//!
//! For whoever needs the texts alone. A row for each event costs a node as much as everything that is done with it: a
//! message, nine values with their types, and a switch between the database and its reader every few events.

use sqlx::postgres::{PgPool, PgRow, PgValueFormat};
use sqlx::{Row, ValueRef};

use ledger_core::{LedgerName, Position};

use super::raw::COLUMNS;
use super::time::StoredTime;
use super::{EventText, LogError, check_positions};

/// How many columns [`COLUMNS`] are.
const WIDTH: usize = 9;

/// Events as the database sent them, in order.
#[derive(Debug)]
pub struct EventPage(PgRow);

/// The events of a page.
#[derive(Debug)]
pub struct Events<'p>([Elements<'p>; WIDTH]);

/// The elements of a one-dimensional array without NULLs, in the format of `executor/columns.rs`.
#[derive(Debug, Clone, Copy, Default)]
struct Elements<'p> {
    rest: &'p [u8],
    left: u32,
}

impl EventPage {
    /// The events.
    ///
    /// # Errors
    /// [`LogError::Database`], also of each event, when it is not what was asked for.
    pub fn events(&self) -> Result<Events<'_>, LogError> {
        let mut columns = [Elements::default(); WIDTH];
        for (index, column) in columns.iter_mut().enumerate() {
            *column = Elements::of(&self.0, index)?;
        }
        Ok(Events(columns))
    }

    /// How many there are.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub fn count(&self) -> Result<u32, LogError> {
        Ok(Elements::of(&self.0, 0)?.left)
    }

    /// The same, if its events follow a position one by one.
    ///
    /// # Errors
    /// [`LogError::Gap`] when a position is missing before the last of them, and [`LogError::Database`].
    pub fn gap_free(self, ledger: LedgerName, after: Position) -> Result<Self, LogError> {
        let mut positions = Elements::of(&self.0, 0)?;
        let count = positions.left;
        let positions: Result<Vec<i64>, _> = (0..count).map(|_| positions.number()).collect();
        check_positions(ledger, after, positions?)?;
        Ok(self)
    }
}

impl<'p> Iterator for Events<'p> {
    type Item = Result<EventText<'p>, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.0[0].left > 0).then(|| self.read().map_err(LogError::Database))
    }
}

impl<'p> Events<'p> {
    fn read(&mut self) -> Result<EventText<'p>, sqlx::Error> {
        let [
            position,
            aggregate_type,
            aggregate_id,
            sequence,
            event_type,
            event_version,
            payload,
            metadata,
            recorded_at,
        ] = &mut self.0;
        Ok(EventText {
            position: position.number()?,
            aggregate_type: aggregate_type.text()?,
            aggregate_id: aggregate_id.text()?,
            sequence: sequence.number()?,
            event_type: event_type.text()?,
            event_version: event_version.text()?,
            payload: payload.text()?,
            metadata: metadata.text()?,
            recorded_at: StoredTime::of_micros(recorded_at.number()?).0,
        })
    }
}

impl<'p> Elements<'p> {
    fn of(row: &'p PgRow, column: usize) -> Result<Self, sqlx::Error> {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            // Nothing was put together.
            return Ok(Self::default());
        }
        if value.format() != PgValueFormat::Binary {
            return Err(malformed());
        }
        let bytes = value.as_bytes().map_err(sqlx::Error::Decode)?;
        let (header, rest) = bytes.split_first_chunk::<20>().ok_or_else(malformed)?;
        let [dimensions, _, _, left, _] = *header.as_chunks::<4>().0 else {
            return Err(malformed());
        };
        if u32::from_be_bytes(dimensions) != 1 {
            return Err(malformed());
        }
        let left = u32::from_be_bytes(left);
        Ok(Self { rest, left })
    }

    /// The next element. The length of NULL is none.
    fn next(&mut self) -> Result<&'p [u8], sqlx::Error> {
        self.left = self.left.checked_sub(1).ok_or_else(malformed)?;
        let taken = self.rest.split_first_chunk().and_then(|(length, rest)| {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            rest.split_at_checked(length)
        });
        let (element, rest) = taken.ok_or_else(malformed)?;
        self.rest = rest;
        Ok(element)
    }

    fn number(&mut self) -> Result<i64, sqlx::Error> {
        let element = self.next()?.try_into();
        element.map(i64::from_be_bytes).map_err(|_| malformed())
    }

    fn text(&mut self) -> Result<&'p str, sqlx::Error> {
        std::str::from_utf8(self.next()?).map_err(|error| sqlx::Error::Decode(error.into()))
    }
}

fn malformed() -> sqlx::Error {
    sqlx::Error::Decode("an array of the log is none".into())
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
    let arrays: Vec<String> = COLUMNS
        .split(", ")
        .map(|column| format!("array_agg({column})"))
        .collect();
    let query = format!(
        "SELECT {} FROM (SELECT {COLUMNS} FROM daybook.events \
             WHERE ledger = $1 AND position > $2 AND position <= $3 ORDER BY position) AS page",
        arrays.join(", ")
    );
    let row = sqlx::query(&query)
        .bind(ledger.as_str())
        .bind(after.value())
        .bind(until.value())
        .fetch_one(pool)
        .await?;
    Ok(EventPage(row))
}
