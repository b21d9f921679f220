//! Points in time, to the microsecond, as the log keeps them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[cfg(test)]
mod tests;

/// Why a text is not a timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as RFC 3339, like \"2026-01-31T12:00:00Z\", in the years 1900 to 2199")]
pub struct TimestampError;

/// A point in time in UTC, whole microseconds, in the years 1900 to 2199.
///
/// PostgreSQL keeps microseconds; anything finer would change when it is read back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(DateTime::UNIX_EPOCH);

    /// Takes a time, dropping what is finer than a microsecond.
    ///
    /// # Errors
    /// [`TimestampError`] outside the years 1900 to 2199.
    pub fn try_new(time: DateTime<Utc>) -> Result<Self, TimestampError> {
        // Judged after rounding: a leap second counts as the first second of what follows it, so
        // that of the last year would be written as a time that cannot be read back.
        DateTime::from_timestamp_micros(time.timestamp_micros())
            .filter(|time| (1900..2200).contains(&time.year()))
            .map(Self)
            .ok_or(TimestampError)
    }

    /// The time as `chrono` has it.
    #[must_use]
    pub fn as_datetime(self) -> DateTime<Utc> {
        self.0
    }

    /// Microseconds since 1970-01-01T00:00:00Z; negative before.
    #[must_use]
    pub fn as_unix_micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The time this much later, or `None` past the year 2199.
    #[must_use]
    pub fn checked_add(self, duration: TimeDelta) -> Option<Self> {
        Self::try_new(self.0.checked_add_signed(duration)?).ok()
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| TimestampError)?;
        Self::try_new(time.with_timezone(&Utc))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 in UTC with microseconds, years 1900 to 2199.",
        })
    }
}
