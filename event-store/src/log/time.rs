//! Times as PostgreSQL keeps them.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Postgres, Type, error::BoxDynError};

/// Microseconds from 1970, where `chrono` begins, to 2000, where PostgreSQL does.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A time of the database, whatever it is.
///
/// `sqlx` panics at one that `chrono` cannot have, and `infinity` is such a time. Here it becomes the last or the
/// first that `chrono` has, which is no [`ledger_core::Timestamp`]: whoever reads a row that Daybook did not write
/// is told which, and goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoredTime(pub(super) DateTime<Utc>);

impl StoredTime {
    /// As so many microseconds since 2000, which is how it travels.
    pub(super) fn of_micros(micros: i64) -> Self {
        let time = micros
            .checked_add(EPOCH_MICROS)
            .and_then(DateTime::from_timestamp_micros);
        let end = if micros > 0 {
            DateTime::<Utc>::MAX_UTC
        } else {
            DateTime::<Utc>::MIN_UTC
        };
        Self(time.unwrap_or(end))
    }
}

impl From<StoredTime> for DateTime<Utc> {
    fn from(stored: StoredTime) -> Self {
        stored.0
    }
}

impl Type<Postgres> for StoredTime {
    fn type_info() -> PgTypeInfo {
        <DateTime<Utc> as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for StoredTime {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => <i64 as Decode<Postgres>>::decode(value).map(Self::of_micros),
            PgValueFormat::Text => <DateTime<Utc> as Decode<Postgres>>::decode(value).map(Self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_database_and_impossible_ones_are_none_of_ours() {
        let time = StoredTime::of_micros(1).0;
        assert_eq!(time.to_rfc3339(), "2000-01-01T00:00:00.000001+00:00");
        // `infinity`, `-infinity`, and the last year of PostgreSQL.
        for micros in [i64::MAX, i64::MIN, 9_223_371_331_199_999_999] {
            let time = StoredTime::of_micros(micros).0;
            assert!(ledger_core::Timestamp::try_new(time).is_err(), "{micros}");
        }
    }
}
