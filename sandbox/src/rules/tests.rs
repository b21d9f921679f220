//! Tests of fees and of what makes rules none.

use ledger_core::money::parse_decimal;

use super::*;

fn decimal(text: &str) -> Decimal {
    parse_decimal(text).unwrap()
}

fn asset(scale: u32) -> Asset {
    Asset {
        code: "X".parse().unwrap(),
        scale,
        kind: ledger_core::money::AssetKind::Custom,
    }
}

fn fee(percent: &str, fixed: &str, tax: &str) -> Fee {
    Fee {
        percent: decimal(percent),
        fixed: [("X".parse().unwrap(), decimal(fixed))].into(),
        tax_percent: decimal(tax),
    }
}

#[test]
fn a_fee_is_rounded_once_half_to_even() {
    for (percent, fixed, amount, scale, expected) in [
        ("2.5", "0", "25", 2, "0.62"),
        ("2.5", "0", "25.4", 2, "0.64"),
        // Rounded by itself, the share would have been 0.00.
        ("0.5", "0.001", "0.8", 2, "0.00"),
        ("0.5", "0.001", "0.9", 2, "0.01"),
        ("50", "0", "5", 0, "2"),
        ("50", "0", "7", 0, "4"),
        (
            "100",
            "0",
            "0.000000000000000001",
            18,
            "0.000000000000000001",
        ),
        ("0", "3", "100", 2, "3.00"),
    ] {
        let exact = fee(percent, fixed, "0").exact(decimal(amount), asset(scale).code);
        let rounded = rounded(exact.unwrap(), asset(scale));
        assert_eq!(
            rounded,
            decimal(expected),
            "{percent} % of {amount} and {fixed}"
        );
    }
}

#[test]
fn a_tax_is_on_the_fee_as_rounded() {
    let fees = provider_fee(&fee("2", "3", "18"), asset(2), decimal("123.45")).unwrap();
    assert_eq!(
        (fees.fee.to_string(), fees.tax.to_string()),
        ("5.47".into(), "0.98".into())
    );
    // 0.125 is 0.12, and half of that 0.06; half of 0.125 would be 0.0625, which is 0.06 too, but of 0.375 it is not.
    let fees = provider_fee(&fee("37.5", "0", "50"), asset(2), decimal("1")).unwrap();
    assert_eq!(
        (fees.fee.to_string(), fees.tax.to_string()),
        ("0.38".into(), "0.19".into())
    );
}

#[test]
fn what_cannot_be_exact_is_no_fee() {
    let most = decimal("79228162514264337593543950335");
    let code = asset(0).code;
    for (percent, amount) in [("99.999999", most), ("0.000001", most)] {
        let exact = fee(percent, "0", "0").exact(amount, code);
        // A product that fits is exact; one that does not is refused, and never rounded on the way.
        if let Ok(exact) = exact {
            let back = exact / decimal(percent) * Decimal::ONE_HUNDRED;
            assert_eq!(back, amount);
        }
    }
    assert_eq!(
        fee("33.333333", "0", "0").exact(decimal("9999999999999999999999999.999"), code),
        Err(FeeTooLong(code))
    );
    assert_eq!(
        fee("100", "0.001", "0").exact(most, code),
        Err(FeeTooLong(code))
    );
}
