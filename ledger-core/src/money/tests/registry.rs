//! The decimals of the standard assets, written down a second time.
//!
//! Amounts are stored with their asset's decimals, so a scale that changes under a running ledger
//! is a defect even when the standard itself changed: these tables hold the scales still.

use std::collections::BTreeMap;

use crate::fixtures::asset_code;
use crate::money::{Asset, AssetCode, AssetKind, AssetRegistry, MAX_SCALE};

/// ISO 4217 list one as published on 2026-01-01, by minor units.
const CURRENCIES: [(u32, &str); 4] = [
    (
        0,
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    ),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
         CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
         GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK \
         LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO \
         NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS \
         SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST \
         XAD XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// Withdrawn from list one, but known: old books are still kept in them.
const WITHDRAWN: &str = "BGN CUC HRK SLL ZWL";

/// Codes of list one that count nothing: metals, units of account, tests, "no currency".
const WITHOUT_DECIMALS: &str = "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX";

const CRYPTO: [(u32, &str); 7] = [
    (6, "ADA ALGO ATOM EURC PYUSD TRX USDC USDT XRP XTZ"),
    (7, "XLM"),
    (8, "BCH BTC DOGE LTC WBTC ZEC"),
    (9, "SOL SUI TON"),
    (10, "DOT"),
    (12, "XMR"),
    (18, "AAVE AVAX BNB DAI ETC ETH LINK POL UNI"),
];

fn table(rows: &[(u32, &str)]) -> BTreeMap<AssetCode, u32> {
    let codes = |text: &str| text.split_whitespace().map(asset_code).collect::<Vec<_>>();
    let scaled = |(scale, text): &(u32, &str)| {
        codes(text)
            .into_iter()
            .map(|code| (code, *scale))
            .collect::<Vec<_>>()
    };
    rows.iter().flat_map(scaled).collect()
}

fn standard(kind: AssetKind) -> BTreeMap<AssetCode, u32> {
    let registry = AssetRegistry::default();
    let of_kind = registry.iter().filter(|asset| asset.kind == kind);
    of_kind.map(|asset| (asset.code, asset.scale)).collect()
}

#[test]
fn every_currency_has_the_decimals_of_iso_4217() {
    let mut expected = table(&CURRENCIES);
    expected.extend(table(&[(2, WITHDRAWN)]));
    assert_eq!(standard(AssetKind::Currency), expected);
}

#[test]
fn codes_without_decimals_are_no_assets() {
    for code in WITHOUT_DECIMALS.split_whitespace() {
        assert_eq!(
            AssetRegistry::default().get(&asset_code(code)),
            None,
            "{code}"
        );
    }
}

#[test]
fn every_crypto_asset_has_the_decimals_of_its_protocol() {
    assert_eq!(standard(AssetKind::Crypto), table(&CRYPTO));
    assert!(
        standard(AssetKind::Crypto)
            .values()
            .all(|scale| *scale <= MAX_SCALE)
    );
}

#[test]
fn a_registered_asset_is_found_and_listed_once() {
    let mut registry = AssetRegistry::default();
    let count = registry.iter().count();
    let points = Asset {
        code: asset_code("POINTS"),
        scale: 0,
        kind: AssetKind::Custom,
    };
    registry.register(points);
    assert_eq!(registry.get(&points.code), Some(points));
    assert_eq!(registry.iter().count(), count + 1);
    let own = Asset {
        code: asset_code("BTC"),
        scale: 12,
        kind: AssetKind::Custom,
    };
    registry.register(own);
    assert_eq!(registry.get(&own.code), Some(own));
    assert_eq!(registry.iter().count(), count + 1);
    assert!(registry.iter().map(|asset| asset.code).is_sorted());
}

#[test]
fn a_code_is_capital_letters_digits_and_three_signs() {
    for good in [
        "A",
        "INR",
        "LOYALTY-POINTS",
        "X1._-",
        "ABCDEFGHIJKLMNOPQRSTUVWX",
    ] {
        assert_eq!(asset_code(good).to_string(), good);
        let json = format!("\"{good}\"");
        assert_eq!(
            serde_json::from_str::<AssetCode>(&json).unwrap(),
            asset_code(good)
        );
    }
    for bad in [
        "",
        "inr",
        "1INR",
        "-A",
        ".A",
        "IN R",
        "INR:",
        "ABCDEFGHIJKLMNOPQRSTUVWXY",
        "ÄB",
        "A\n",
    ] {
        assert!(bad.parse::<AssetCode>().is_err(), "{bad:?}");
    }
    assert!(serde_json::from_str::<AssetCode>("7").is_err());
}
