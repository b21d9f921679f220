//! How amounts, totals and balances are read and written.

use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::fixtures::{amount, decimal};
use crate::money::{Amount, AmountError, Balance, MAX_SCALE, Total, parse_decimal};

const MOST: &str = "79228162514264337593543950335";

#[test]
fn plain_decimals_are_read_as_written() {
    for text in [
        "0",
        "7",
        "0.10",
        "12.50",
        "1250",
        "0.000000000000000001",
        MOST,
        "-3.5",
    ] {
        assert_eq!(parse_decimal(text).unwrap().to_string(), text);
    }
}

#[test]
fn anything_but_plain_digits_is_malformed() {
    let hostile = [
        "", "-", "+1", "--1", ".", ".5", "5.", "1.2.3", "01", "00", "-01", "1e3", "1E3", "1_000",
        "1,000", " 1", "1 ", "1\n", "NaN", "nan", "inf", "Infinity", "0x10", "1/2", "١٢", "1.٥",
        "１", "1\0", "null", "−1",
    ];
    for text in hostile {
        assert_eq!(parse_decimal(text), Err(AmountError::Malformed), "{text:?}");
        assert_eq!(
            text.parse::<Amount>(),
            Err(AmountError::Malformed),
            "{text:?}"
        );
    }
}

#[test]
fn digits_that_do_not_fit_are_too_large() {
    let long = "9".repeat(10_000);
    let fine = format!("0.{}1", "0".repeat(28));
    let next = "79228162514264337593543950336";
    for text in [
        next,
        "7.9228162514264337593543950336",
        long.as_str(),
        fine.as_str(),
    ] {
        assert_eq!(
            parse_decimal(text),
            Err(AmountError::TooLarge),
            "{text:.40}"
        );
    }
}

#[test]
fn an_amount_has_exactly_its_assets_decimals() {
    for (value, scale, written) in [
        ("12.5", 2, "12.50"),
        ("12", 2, "12.00"),
        ("12.5000", 2, "12.50"),
        ("12.000", 0, "12"),
        ("0.000000000000000001", 18, "0.000000000000000001"),
        ("79228162514264337593543950335", 0, MOST),
        (
            "79228162514.264337593543950335",
            18,
            "79228162514.264337593543950335",
        ),
    ] {
        let made = Amount::try_new(decimal(value), scale).unwrap();
        assert_eq!((made.to_string().as_str(), made.scale()), (written, scale));
    }
}

#[test]
fn an_amount_is_refused_by_the_first_rule_it_breaks() {
    let refuse = |text: &str, scale| Amount::try_new(decimal(text), scale).unwrap_err();
    assert_eq!(refuse("0", 2), AmountError::NotPositive);
    assert_eq!(refuse("-0.00", 2), AmountError::NotPositive);
    assert_eq!(refuse("-0.001", 2), AmountError::NotPositive);
    let finer = AmountError::TooManyDecimals {
        allowed: 2,
        found: 3,
    };
    assert_eq!(refuse("0.001", 2), finer);
    assert_eq!(refuse("0.00100", 2), finer);
    assert_eq!(
        refuse("7922816251426433759354395033.5", 0),
        AmountError::TooManyDecimals {
            allowed: 0,
            found: 1
        }
    );
    assert_eq!(refuse(MOST, 2), AmountError::TooLarge);
}

#[test]
fn a_written_amount_is_positive_and_has_at_most_18_decimals() {
    assert_eq!("0.00".parse::<Amount>(), Err(AmountError::NotPositive));
    assert_eq!("-1".parse::<Amount>(), Err(AmountError::NotPositive));
    assert_eq!(
        "0.0000000000000000001".parse::<Amount>(),
        Err(AmountError::TooManyDecimals {
            allowed: MAX_SCALE,
            found: 19
        })
    );
}

#[test]
fn nothing_but_strings_is_money_in_json() {
    for json in [
        "1", "1.5", "-1", "null", "true", "[]", "{}", "[\"1\"]", "\"1e3\"", "\" 1\"",
    ] {
        assert!(serde_json::from_str::<Amount>(json).is_err(), "{json}");
        assert!(serde_json::from_str::<Total>(json).is_err(), "{json}");
        assert!(serde_json::from_str::<Balance>(json).is_err(), "{json}");
    }
    assert!(serde_json::from_str::<Amount>("\"0\"").is_err());
    assert!(serde_json::from_str::<Total>("\"-0.01\"").is_err());
    assert_eq!(
        serde_json::from_str::<Amount>(r#""1\u0030.50""#).unwrap(),
        amount("10.50")
    );
}

#[test]
fn no_zero_is_written_with_a_sign() {
    let total: Total = serde_json::from_str("\"-0.00\"").unwrap();
    assert_eq!(serde_json::to_string(&total).unwrap(), "\"0.00\"");
    let balance: Balance = serde_json::from_str("\"-0.00\"").unwrap();
    assert_eq!(serde_json::to_string(&balance).unwrap(), "\"0.00\"");
    assert!(!balance.is_negative() && balance.is_zero());
    assert_eq!(Total::try_new(-Decimal::ZERO).unwrap().to_string(), "0");
}

prop_compose! {
    fn any_decimal()(low in any::<u32>(), middle in any::<u32>(), high in any::<u32>(),
        narrow in 0_u8..3, scale in 0..=MAX_SCALE, negative in any::<bool>()) -> Decimal {
        let (middle, high) = match narrow {
            0 => (0, 0),
            1 => (middle, 0),
            _ => (middle, high),
        };
        Decimal::from_parts(low, middle, high, negative, scale)
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in any_decimal()) {
        let text = value.to_string();
        if value.is_sign_positive() {
            let written = Total::try_new(value).unwrap();
            let json = serde_json::to_string(&written).unwrap();
            prop_assert_eq!(&json, &format!("\"{text}\""));
            let read: Total = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read, written);
            prop_assert_eq!(read.value().scale(), value.scale());
        }
        if value > Decimal::ZERO {
            let read: Amount = text.parse().unwrap();
            prop_assert_eq!(read.to_string(), text);
            prop_assert_eq!(Amount::try_new(value, value.scale()).unwrap(), read);
        } else {
            prop_assert_eq!(text.parse::<Amount>(), Err(AmountError::NotPositive));
        }
    }

    #[test]
    fn making_an_amount_never_changes_its_value(value in any_decimal(), scale in 0..=MAX_SCALE) {
        if let Ok(made) = Amount::try_new(value, scale) {
            prop_assert_eq!(made.value(), value);
            prop_assert_eq!(made.scale(), scale);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,40}") {
        if let Ok(value) = parse_decimal(&text) {
            prop_assert_eq!(value.abs().to_string(), text.trim_start_matches('-'));
        }
    }
}
