//! Which assets a ledger knows: ISO 4217, well-known crypto assets, and its own.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use iso_currency::{Currency, IntoEnumIterator};
use serde::{Deserialize, Serialize};

use super::asset::{Asset, AssetCode, AssetKind};

/// Crypto assets with the decimals of their native unit, as their protocols define them
/// (for tokens that live on several chains, the decimals of the issuer's main contract). An asset
/// whose unit is finer than [`MAX_SCALE`](super::MAX_SCALE), such as NEAR with its 24 decimals, is
/// not here: a ledger that wants it registers it with a scale of its own choice.
const CRYPTO_ASSETS: &[(&str, u32)] = &[
    ("AAVE", 18),
    ("ADA", 6),
    ("ALGO", 6),
    ("ATOM", 6),
    ("AVAX", 18),
    ("BCH", 8),
    ("BNB", 18),
    ("BTC", 8),
    ("DAI", 18),
    ("DOGE", 8),
    ("DOT", 10),
    ("ETC", 18),
    ("ETH", 18),
    ("EURC", 6),
    ("LINK", 18),
    ("LTC", 8),
    ("POL", 18),
    ("PYUSD", 6),
    ("SOL", 9),
    ("SUI", 9),
    ("TON", 9),
    ("TRX", 6),
    ("UNI", 18),
    ("USDC", 6),
    ("USDT", 6),
    ("WBTC", 8),
    ("XLM", 7),
    ("XMR", 12),
    ("XRP", 6),
    ("XTZ", 6),
    ("ZEC", 8),
];

static STANDARD_ASSETS: LazyLock<BTreeMap<AssetCode, Asset>> = LazyLock::new(|| {
    let currencies = Currency::iter().filter_map(|currency| {
        let scale = u32::from(currency.exponent()?);
        Some((currency.code().to_owned(), scale, AssetKind::Currency))
    });
    let crypto = CRYPTO_ASSETS
        .iter()
        .map(|(code, scale)| ((*code).to_owned(), *scale, AssetKind::Crypto));
    currencies
        .chain(crypto)
        .filter_map(|(code, scale, kind)| {
            let code = code.parse::<AssetCode>().ok()?;
            Some((code, Asset { code, scale, kind }))
        })
        .collect()
});

/// The assets of one ledger: the standard ones and those registered in it.
///
/// A registered asset wins over a standard one of the same code, so that an asset registered
/// before a standard took up its code keeps its decimals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetRegistry {
    custom: BTreeMap<AssetCode, Asset>,
}

impl AssetRegistry {
    /// The asset of that code, if the ledger knows it.
    #[must_use]
    pub fn get(&self, code: &AssetCode) -> Option<Asset> {
        self.custom
            .get(code)
            .or_else(|| STANDARD_ASSETS.get(code))
            .copied()
    }

    /// Every asset of the ledger, in order of code.
    pub fn iter(&self) -> impl Iterator<Item = Asset> + '_ {
        let mut all = STANDARD_ASSETS.clone();
        all.extend(self.custom.iter().map(|(code, asset)| (*code, *asset)));
        all.into_values()
    }

    /// Adds an asset of the ledger's own.
    pub fn register(&mut self, asset: Asset) {
        self.custom.insert(asset.code, asset);
    }
}
