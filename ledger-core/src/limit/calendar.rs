//! Days and months as a tier counts them.

use std::fmt;

use chrono::{DateTime, Datelike, Days, FixedOffset, Months, NaiveDate, NaiveTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// How far a place's clocks are ahead of UTC, in minutes; India's are 330.
///
/// A fixed number and not a place: it never changes under events that were counted by it, and where
/// clocks are set twice a year a tier is set as often, or counts by the winter's.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "i32", into = "i32")]
#[schemars(with = "i32", extend("minimum" = -720, "maximum" = 840))]
pub struct UtcOffset(i32);

/// No place's clocks are that far from UTC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an offset from UTC is -720 to 840 minutes, not {0}")]
pub struct UtcOffsetError(pub i32);

impl UtcOffset {
    /// Takes minutes.
    ///
    /// # Errors
    /// [`UtcOffsetError`] outside -720 to 840.
    pub fn try_new(minutes: i32) -> Result<Self, UtcOffsetError> {
        if (-720..=840).contains(&minutes) {
            Ok(Self(minutes))
        } else {
            Err(UtcOffsetError(minutes))
        }
    }

    /// The minutes.
    #[must_use]
    pub const fn minutes(self) -> i32 {
        self.0
    }

    /// Whether it is UTC itself.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        self.0 == 0
    }

    /// The day that a moment belongs to.
    #[must_use]
    pub fn day_of(self, time: Timestamp) -> NaiveDate {
        match self.zone() {
            Some(zone) => time.as_datetime().with_timezone(&zone).date_naive(),
            None => time.as_datetime().date_naive(),
        }
    }

    fn zone(self) -> Option<FixedOffset> {
        FixedOffset::east_opt(self.0.checked_mul(60)?)
    }

    /// When a day begins; `None` past the years that times have.
    fn begins(self, day: NaiveDate) -> Option<Timestamp> {
        let local = day
            .and_time(NaiveTime::MIN)
            .and_local_timezone(self.zone()?);
        let time: DateTime<Utc> = local.single()?.with_timezone(&Utc);
        Timestamp::try_new(time).ok()
    }
}

impl TryFrom<i32> for UtcOffset {
    type Error = UtcOffsetError;

    fn try_from(minutes: i32) -> Result<Self, UtcOffsetError> {
        Self::try_new(minutes)
    }
}

impl From<UtcOffset> for i32 {
    fn from(offset: UtcOffset) -> Self {
        offset.0
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The day and month that a decision falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// The day.
    pub day: NaiveDate,
    /// When the day's limits begin anew; `None` past the years that times have.
    pub next_day: Option<Timestamp>,
    /// When the month's do.
    pub next_month: Option<Timestamp>,
}

impl Calendar {
    /// The day and month of a moment.
    #[must_use]
    pub fn at(offset: UtcOffset, time: Timestamp) -> Self {
        let day = offset.day_of(time);
        let begins = |day: Option<NaiveDate>| day.and_then(|day| offset.begins(day));
        let first = day.with_day(1);
        Self {
            day,
            next_day: begins(day.checked_add_days(Days::new(1))),
            next_month: begins(first.and_then(|first| first.checked_add_months(Months::new(1)))),
        }
    }

    /// Whether a day is in the same month.
    #[must_use]
    pub fn is_in_month(&self, day: NaiveDate) -> bool {
        (day.year(), day.month()) == (self.day.year(), self.day.month())
    }
}
