//! Rows as PostgreSQL's `COPY ... FROM STDIN (FORMAT binary)` takes them.
//!
//! Encoded once, straight into what is sent: no array per column, no text that the server would have
//! to read. The layout is the one of PostgreSQL's documentation of `COPY`, "Binary Format".

use std::fmt;
use std::io::Write as _;

use chrono::{DateTime, Utc};
use event_store::log::{COPY_HEADER, COPY_TRAILER};
use ledger_core::Holder;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::read_model::Before;

const NULL: &[u8] = &(-1_i32).to_be_bytes();

/// Seconds from 1970 to 2000, from which PostgreSQL counts.
const EPOCH_SECONDS: i64 = 946_684_800;

/// What is sent at a time when there is no reason to send earlier.
const FULL_BYTES: usize = 2 * 1_024 * 1_024;

/// Bytes sent in one message.
const MESSAGE_BYTES: usize = 256 * 1_024;

/// Rows of one table that wait to be sent.
#[derive(Debug, Default)]
pub struct CopyRows {
    bytes: Vec<u8>,
}

impl CopyRows {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether there are enough to be worth sending by themselves.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES
    }

    /// Begins a row of so many fields.
    pub fn row(&mut self, fields: i16) -> &mut Self {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(COPY_HEADER);
        }
        self.bytes.extend_from_slice(&fields.to_be_bytes());
        self
    }

    /// A `text`.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.sized(|bytes| bytes.extend_from_slice(value.as_bytes()))
    }

    /// A `text` or nothing.
    pub fn optional_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// A `text` with a holder's name.
    pub fn holder(&mut self, holder: &Holder) -> &mut Self {
        match holder {
            Holder::Wallet(id) => self.sized(|bytes| {
                let mut hyphenated = Uuid::encode_buffer();
                let id = id.as_uuid();
                bytes.extend_from_slice(b"wallet:");
                bytes
                    .extend_from_slice(id.as_hyphenated().encode_lower(&mut hyphenated).as_bytes());
            }),
            Holder::System(_) => self.display(holder),
        }
    }

    fn display(&mut self, value: &impl fmt::Display) -> &mut Self {
        self.sized(|bytes| {
            // A vector takes every write.
            write!(bytes, "{value}").unwrap_or_default();
        })
    }

    /// A `bigint`.
    pub fn bigint(&mut self, value: i64) -> &mut Self {
        self.fixed(&value.to_be_bytes())
    }

    /// An `integer`.
    pub fn integer(&mut self, value: i32) -> &mut Self {
        self.fixed(&value.to_be_bytes())
    }

    /// A `uuid`.
    pub fn uuid(&mut self, value: Uuid) -> &mut Self {
        self.fixed(value.as_bytes())
    }

    /// A `timestamptz`, in microseconds.
    pub fn timestamp(&mut self, value: DateTime<Utc>) -> &mut Self {
        let since = value.timestamp_micros() - EPOCH_SECONDS * 1_000_000;
        self.fixed(&since.to_be_bytes())
    }

    /// A `numeric`, with the decimals it is written with; zero has none.
    pub fn numeric(&mut self, value: Decimal) -> &mut Self {
        self.sized(|bytes| write_numeric(bytes, value))
    }

    fn null(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(NULL);
        self
    }

    fn fixed<const N: usize>(&mut self, value: &[u8; N]) -> &mut Self {
        self.sized(|bytes| bytes.extend_from_slice(value))
    }

    fn sized(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(NULL);
        write(&mut self.bytes);
        let length = self.bytes.len() - start - NULL.len();
        // A field that long cannot be; the server would refuse it.
        let length = i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes();
        if let Some(place) = self.bytes.get_mut(start..start + NULL.len()) {
            place.copy_from_slice(&length);
        }
        self
    }

    /// Sends the rows to `table (columns)`, and has none any more.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn send(
        &mut self,
        connection: &mut PgConnection,
        table: &str,
        before: Before,
    ) -> Result<(), sqlx::Error> {
        if self.is_empty() {
            return Ok(());
        }
        self.bytes.extend_from_slice(COPY_TRAILER);
        // Rows of a table nobody else can see yet need no second visit to be marked as there.
        let freeze = before == Before::Nothing;
        let statement = format!("COPY {table} FROM STDIN (FORMAT binary, FREEZE {freeze})");
        let mut copy = connection.copy_in_raw(&statement).await?;
        for message in self.bytes.chunks(MESSAGE_BYTES) {
            copy.send(message).await?;
        }
        copy.finish().await?;
        self.bytes.clear();
        Ok(())
    }
}

/// `numeric_send`: groups of four decimal digits, the place of the first, sign, decimals.
fn write_numeric(bytes: &mut Vec<u8>, value: Decimal) {
    /// 96 bits are 29 digits at most, and are filled up to whole groups on the right.
    const GROUPS: usize = 9;
    const GROUP: u128 = 10_000;
    let decimals = if value.is_zero() { 0 } else { value.scale() };
    let missing = (4 - decimals % 4) % 4;
    let mut rest = value.mantissa().unsigned_abs() * 10_u128.pow(missing);
    let mut groups = [0_u16; GROUPS];
    let mut count = 0;
    for group in &mut groups {
        if rest == 0 {
            break;
        }
        // Most amounts fit 64 bits, where dividing is many times cheaper.
        let digits = match u64::try_from(rest) {
            Ok(small) => {
                rest = u128::from(small / 10_000);
                small % 10_000
            }
            Err(_) => {
                let digits = rest % GROUP;
                rest /= GROUP;
                u64::try_from(digits).unwrap_or_default()
            }
        };
        *group = u16::try_from(digits).unwrap_or_default();
        count += 1;
    }
    let digits = groups.get(..count).unwrap_or_default();
    let trailing = digits.iter().take_while(|group| **group == 0).count();
    let digits = digits.get(trailing..).unwrap_or_default();
    let fraction = i16::try_from((decimals + missing) / 4).unwrap_or_default();
    let weight = if digits.is_empty() {
        0
    } else {
        i16::try_from(count).unwrap_or_default() - fraction - 1
    };
    let sign: u16 = if value.is_sign_negative() && !value.is_zero() {
        0x4000
    } else {
        0
    };
    let length = u16::try_from(digits.len()).unwrap_or_default();
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&weight.to_be_bytes());
    bytes.extend_from_slice(&sign.to_be_bytes());
    bytes.extend_from_slice(&u16::try_from(decimals).unwrap_or_default().to_be_bytes());
    for group in digits.iter().rev() {
        bytes.extend_from_slice(&group.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgArgumentBuffer;
    use sqlx::{Encode, Postgres};

    use super::{CopyRows, Decimal, Holder, Uuid, write_numeric};

    /// What sqlx would send, which is known to arrive as it was.
    fn numeric_of_sqlx(value: Decimal) -> Vec<u8> {
        let mut buffer = PgArgumentBuffer::default();
        let null = Encode::<Postgres>::encode_by_ref(&value, &mut buffer).unwrap();
        assert!(!null.is_null());
        buffer.to_vec()
    }

    #[test]
    fn numbers_are_written_as_sqlx_writes_them() {
        let mut mantissas = vec![0, 1, 9_999, 10_000, 10_001, Decimal::MAX.mantissa()];
        mantissas.extend((0..28).map(|digits| 10_i128.pow(digits)));
        mantissas.extend((1..=28).map(|digits| 10_i128.pow(digits) - 1));
        mantissas.extend((0..24).map(|digits| 12_340_i128 * 10_i128.pow(digits)));
        for mantissa in mantissas {
            for scale in 0..=28 {
                for mantissa in [mantissa, -mantissa] {
                    let value = Decimal::from_i128_with_scale(mantissa, scale);
                    let mut bytes = Vec::new();
                    write_numeric(&mut bytes, value);
                    assert_eq!(bytes, numeric_of_sqlx(value), "{value}");
                }
            }
        }
    }

    #[test]
    fn a_row_is_laid_out_as_postgresql_reads_it() {
        let mut rows = CopyRows::default();
        let wallet: Holder = "wallet:0190b8a2-5b7e-7c3d-8f00-00000000000a"
            .parse()
            .unwrap();
        let system: Holder = "system:cash".parse().unwrap();
        rows.row(4)
            .holder(&wallet)
            .holder(&system)
            .optional_text(None);
        rows.uuid(Uuid::nil());
        let mut expected = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x04".to_vec();
        expected.extend(b"\0\0\0\x2bwallet:0190b8a2-5b7e-7c3d-8f00-00000000000a");
        expected.extend(b"\0\0\0\x0bsystem:cash\xff\xff\xff\xff\0\0\0\x10");
        expected.extend([0; 16]);
        assert_eq!(rows.bytes, expected);
    }
}
