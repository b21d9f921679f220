//! Which assets the books need, and with how many decimals.

use std::collections::BTreeMap;

use ledger_core::money::{AssetKind, AssetRegistry, MAX_SCALE, parse_decimal};
use ledger_core::{Amount, Asset, AssetCode};
use rust_decimal::Decimal;

use super::error::MappingError;
use super::journal::{Journal, JournalPosting, JournalTransaction};

/// The assets of a file. Costs and prices are not amounts: they neither need an asset nor count
/// for its decimals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Assets {
    known: BTreeMap<AssetCode, Asset>,
}

impl Assets {
    /// Finds the standard asset of each commodity, or else the decimals its own asset needs.
    pub(super) fn try_new(journal: &Journal) -> Result<Self, MappingError> {
        let standard = AssetRegistry::default();
        let mut assets = Self::default();
        for transaction in &journal.transactions {
            for posting in &transaction.postings {
                let code = asset_code(transaction, posting)?;
                let number = number_of(transaction, posting, code)?;
                let asset = assets.known.entry(code).or_insert_with(|| {
                    standard.get(&code).unwrap_or(Asset {
                        code,
                        scale: 0,
                        kind: AssetKind::Custom,
                    })
                });
                let needed = number.normalize().scale();
                let allowed = match asset.kind {
                    AssetKind::Custom => MAX_SCALE,
                    AssetKind::Currency | AssetKind::Crypto => asset.scale,
                };
                if needed > allowed {
                    return Err(MappingError::TooManyDecimals {
                        origin: transaction.origin(),
                        account: posting.account.clone(),
                        number: posting.number.clone(),
                        asset: code,
                        found: needed,
                        allowed,
                    });
                }
                asset.scale = asset.scale.max(needed);
            }
        }
        Ok(assets)
    }

    /// Every asset the file moves.
    pub(super) fn iter(&self) -> impl Iterator<Item = Asset> + '_ {
        self.known.values().copied()
    }

    /// The asset of a posting and the number it moves, in the asset's decimals; zero included.
    pub(super) fn signed_amount(
        &self,
        transaction: &JournalTransaction,
        posting: &JournalPosting,
    ) -> Result<(Asset, Decimal), MappingError> {
        let code = asset_code(transaction, posting)?;
        let too_large = || too_large(transaction, &posting.number, code);
        let asset = self.known.get(&code).copied().ok_or_else(too_large)?;
        let number = number_of(transaction, posting, code)?;
        if number.is_zero() {
            return Ok((asset, Decimal::ZERO));
        }
        let amount = Amount::try_new(number.abs(), asset.scale).map_err(|_| too_large())?;
        let signed = if number.is_sign_negative() {
            -amount.value()
        } else {
            amount.value()
        };
        Ok((asset, signed))
    }
}

pub(super) fn too_large(
    transaction: &JournalTransaction,
    number: &str,
    asset: AssetCode,
) -> MappingError {
    MappingError::AmountTooLarge {
        origin: transaction.origin(),
        number: number.to_owned(),
        asset,
    }
}

fn asset_code(
    transaction: &JournalTransaction,
    posting: &JournalPosting,
) -> Result<AssetCode, MappingError> {
    posting
        .currency
        .parse()
        .map_err(|_| MappingError::CommodityName {
            origin: transaction.origin(),
            currency: posting.currency.clone(),
        })
}

fn number_of(
    transaction: &JournalTransaction,
    posting: &JournalPosting,
    asset: AssetCode,
) -> Result<Decimal, MappingError> {
    let text = if posting.number.contains('.') {
        posting.number.trim_end_matches('0').trim_end_matches('.')
    } else {
        &posting.number
    };
    parse_decimal(text).map_err(|_| too_large(transaction, &posting.number, asset))
}
