//! Tests of timestamps.

use proptest::prelude::*;

use super::Timestamp;
use crate::fixtures::parsed;

#[test]
fn a_time_is_written_in_utc_with_microseconds() {
    for (text, written) in [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        (
            "2026-01-31T12:00:00.123456789Z",
            "2026-01-31T12:00:00.123456Z",
        ),
        ("2026-01-31T00:30:00+05:30", "2026-01-30T19:00:00.000000Z"),
        ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00.000000Z"),
        (
            "1969-12-31T23:59:59.9999999Z",
            "1969-12-31T23:59:59.999999Z",
        ),
        (
            "2199-12-31T23:59:59.9999999Z",
            "2199-12-31T23:59:59.999999Z",
        ),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
    ] {
        assert_eq!(parsed::<Timestamp>(text).to_string(), written);
    }
}

#[test]
fn anything_else_is_refused() {
    for text in [
        "",
        "now",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-13-01T00:00:00Z",
        "0",
        "1e9",
        "1899-12-31T23:59:59.999999Z",
        "2200-01-01T00:00:00Z",
        "2199-12-31T23:59:59-01:00",
        "+12026-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "2026-01-31T25:00:00Z",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
    assert!(serde_json::from_str::<Timestamp>("0").is_err());
    assert!(serde_json::from_str::<Timestamp>("null").is_err());
}

/// A leap second at the end of the last year lies in the year after when it is kept in
/// microseconds; what was written then could never be read back.
#[test]
fn a_leap_second_does_not_lead_out_of_the_range() {
    assert!("2199-12-31T23:59:60Z".parse::<Timestamp>().is_err());
    assert!("1899-12-31T23:59:60Z".parse::<Timestamp>().is_ok());
}

#[test]
fn adding_stays_in_the_range() {
    let last: Timestamp = parsed("2199-12-31T23:59:59Z");
    assert_eq!(last.checked_add(chrono::TimeDelta::seconds(1)), None);
    assert_eq!(last.checked_add(chrono::TimeDelta::MAX), None);
    let next = last
        .checked_add(chrono::TimeDelta::milliseconds(1))
        .unwrap();
    assert_eq!(next.as_unix_micros(), last.as_unix_micros() + 1_000);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(micros in any::<i64>(), nanos in 0..1_000_u32) {
        let micros = micros % 7_300_000_000_000_000;
        let time = chrono::DateTime::from_timestamp_micros(micros).unwrap()
            + chrono::TimeDelta::nanoseconds(nanos.into());
        if let Ok(time) = Timestamp::try_new(time) {
            prop_assert_eq!(time.as_unix_micros(), micros);
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }

    #[test]
    fn what_is_read_can_be_read_again(text in "(18|19|20|21|22)[0-9]{2}-(12-31|01-01)T(00|23):(00|59):(00|59|60)(\\.[0-9]{1,9})?(Z|[+-](00|12|23):(00|59))") {
        if let Ok(time) = text.parse::<Timestamp>() {
            prop_assert_eq!(time.to_string().parse::<Timestamp>(), Ok(time));
        }
    }
}
