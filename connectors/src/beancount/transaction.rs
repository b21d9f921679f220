//! One beancount transaction as one of the ledger's.

use std::collections::BTreeMap;

use chrono::NaiveTime;
use ledger_core::annotation::{
    MAX_METADATA_VALUE_LENGTH, MAX_REFERENCE_LENGTH, Metadata, Reference,
};
use ledger_core::posting::{
    MAX_POSTINGS, PostingRejection, RequestedEntry, RequestedPosting, pair_entries,
};
use ledger_core::transaction::TransactionRequest;
use ledger_core::{AccountId, AssetCode, Holder, SystemAccountName, Timestamp};
use rust_decimal::Decimal;

use super::account::AccountMap;
use super::asset::{Assets, too_large};
use super::error::MappingError;
use super::journal::JournalTransaction;

/// The most postings at cost or at a price that are noted in a transaction's metadata.
const MAX_NOTED_CONVERSIONS: usize = 20;

/// What transactions are mapped with.
pub(super) struct Mapping<'a> {
    pub(super) accounts: &'a AccountMap,
    pub(super) assets: &'a Assets,
    /// The system account through which conversions go.
    pub(super) conversions: SystemAccountName,
}

impl Mapping<'_> {
    /// The transaction as asked of the ledger; `None` when it moves nothing.
    pub(super) fn request(
        &self,
        ordinal: usize,
        transaction: &JournalTransaction,
    ) -> Result<Option<TransactionRequest>, MappingError> {
        let postings = self.postings(transaction)?;
        if postings.is_empty() {
            return Ok(None);
        }
        Ok(Some(TransactionRequest {
            postings,
            effective_at: Some(effective_at(transaction)?),
            reference: reference(transaction),
            metadata: metadata(ordinal, transaction),
        }))
    }

    fn postings(
        &self,
        transaction: &JournalTransaction,
    ) -> Result<Vec<RequestedPosting>, MappingError> {
        let mut moves = self.moves(transaction)?;
        self.convert(transaction, &mut moves)?;
        let entries: Vec<_> = moves
            .into_iter()
            .filter_map(|(account, number)| entry(account, number))
            .collect();
        let refused = |source| MappingError::Postings {
            origin: transaction.origin(),
            source,
        };
        let postings = pair_entries(&entries).map_err(refused)?;
        if postings.len() > MAX_POSTINGS {
            return Err(refused(PostingRejection::TooManyPostings {
                limit: MAX_POSTINGS,
                found: postings.len(),
            }));
        }
        Ok(postings)
    }

    /// What each account gives or receives of each asset, in the order of the file.
    ///
    /// An account named more than once takes part with the sum: when one lot is exchanged for
    /// another it both gives and receives, and nothing can move from an account to itself.
    fn moves(
        &self,
        transaction: &JournalTransaction,
    ) -> Result<Vec<(AccountId, Decimal)>, MappingError> {
        let mut moves: Vec<(AccountId, Decimal)> = Vec::new();
        for posting in &transaction.postings {
            let mapped = self.accounts.get(&posting.account).ok_or_else(|| {
                MappingError::AccountNotOpened {
                    origin: transaction.origin(),
                    name: posting.account.clone(),
                }
            })?;
            let (asset, number) = self.assets.signed_amount(transaction, posting)?;
            let account = mapped.holder.account(asset.code);
            match moves.iter_mut().find(|(known, _)| *known == account) {
                Some((_, sum)) => *sum = add(transaction, asset.code, *sum, number)?,
                None => moves.push((account, number)),
            }
        }
        Ok(moves)
    }

    /// Puts what each asset is off by through the conversion account.
    ///
    /// beancount balances a conversion in what the units cost, within a tolerance; here each asset
    /// balances by itself and exactly, so the tolerance's remainder stays visible in that account.
    fn convert(
        &self,
        transaction: &JournalTransaction,
        moves: &mut Vec<(AccountId, Decimal)>,
    ) -> Result<(), MappingError> {
        let mut sums: BTreeMap<AssetCode, Decimal> = BTreeMap::new();
        for (account, number) in moves.iter() {
            let sum = sums.entry(account.asset).or_default();
            *sum = add(transaction, account.asset, *sum, *number)?;
        }
        let holder = Holder::System(self.conversions);
        let differences = sums
            .into_iter()
            .map(|(asset, sum)| (holder.account(asset), -sum));
        moves.extend(differences);
        Ok(())
    }
}

fn entry(account: AccountId, number: Decimal) -> Option<RequestedEntry> {
    if number.is_zero() {
        None
    } else if number.is_sign_negative() {
        Some(RequestedEntry::Debit(account, -number))
    } else {
        Some(RequestedEntry::Credit(account, number))
    }
}

/// Adds, refusing a sum that lost decimals: a full mantissa drops some silently. Adding nothing
/// loses nothing, though `rust_decimal` may then answer with another scale.
fn add(
    transaction: &JournalTransaction,
    asset: AssetCode,
    left: Decimal,
    right: Decimal,
) -> Result<Decimal, MappingError> {
    left.checked_add(right)
        .filter(|sum| {
            let adds_nothing = left.is_zero() || right.is_zero();
            adds_nothing || sum.scale() == left.scale().max(right.scale())
        })
        .ok_or_else(|| too_large(transaction, &right.to_string(), asset))
}

fn effective_at(transaction: &JournalTransaction) -> Result<Timestamp, MappingError> {
    let midnight = transaction.date.and_time(NaiveTime::MIN).and_utc();
    Timestamp::try_new(midnight).map_err(|_| MappingError::DateOutOfRange {
        origin: transaction.origin(),
    })
}

/// What the transaction was for, or else with whom it was.
fn reference(transaction: &JournalTransaction) -> Option<Reference> {
    [&transaction.narration, &transaction.payee]
        .into_iter()
        .find_map(|text| {
            let text: String = text
                .chars()
                .map(|character| {
                    if character.is_control() {
                        ' '
                    } else {
                        character
                    }
                })
                .collect();
            shortened(text.trim(), MAX_REFERENCE_LENGTH).parse().ok()
        })
}

fn metadata(ordinal: usize, transaction: &JournalTransaction) -> Metadata {
    let mut entries = BTreeMap::from([
        ("source".to_owned(), "beancount".to_owned()),
        ("ordinal".to_owned(), ordinal.to_string()),
    ]);
    let texts = [
        ("flag", transaction.flag.clone()),
        ("payee", transaction.payee.clone()),
        ("narration", transaction.narration.clone()),
        ("tags", transaction.tags.join(" ")),
        ("links", transaction.links.join(" ")),
    ];
    for (key, text) in texts {
        if !text.is_empty() {
            let text = shortened(&text.replace('\0', " "), MAX_METADATA_VALUE_LENGTH);
            entries.insert(key.to_owned(), text);
        }
    }
    let conversions = conversions(transaction);
    for (index, text) in conversions.iter().take(MAX_NOTED_CONVERSIONS).enumerate() {
        let text = shortened(text, MAX_METADATA_VALUE_LENGTH);
        entries.insert(format!("conversion.{:02}", index + 1), text);
    }
    if conversions.len() > MAX_NOTED_CONVERSIONS {
        let count = conversions.len().to_string();
        entries.insert("conversions".to_owned(), count);
    }
    // Within the bounds of metadata by construction: 28 entries at most, their values cut to size.
    Metadata::try_from(entries).unwrap_or_default()
}

/// The postings at cost or at a price, as beancount writes them.
fn conversions(transaction: &JournalTransaction) -> Vec<String> {
    let written = transaction.postings.iter().filter_map(|posting| {
        let cost = posting.cost.as_ref().map(|cost| format!(" {{{cost}}}"));
        let price = posting.price.as_ref().map(|price| format!(" @ {price}"));
        if cost.is_none() && price.is_none() {
            return None;
        }
        Some(format!(
            "{} {} {}{}{}",
            posting.account,
            posting.number,
            posting.currency,
            cost.unwrap_or_default(),
            price.unwrap_or_default()
        ))
    });
    written.collect()
}

/// The text, or its beginning and an ellipsis.
fn shortened(text: &str, max_length: usize) -> String {
    if text.chars().count() <= max_length {
        return text.to_owned();
    }
    let kept = text.chars().take(max_length.saturating_sub(1));
    kept.chain(['…']).collect()
}
