//! What beancount itself says the accounts hold, to compare a ledger's balances with.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use ledger_core::money::parse_decimal;
use ledger_core::posting::NormalSide;
use ledger_core::{AccountId, AssetCode, Holder, Timestamp};
use rust_decimal::Decimal;

use super::error::{ImportError, MappingError};
use super::journal::{Held, Origin, Record};
use super::plan::Plan;
use super::python::Python;

/// What an account should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedBalance {
    /// The ledger's account.
    pub account: AccountId,
    /// Its name in beancount; `None` for the account through which conversions go, which is
    /// expected to hold the opposite of what all others hold together.
    pub name: Option<String>,
    /// Credits less debits: beancount's own figure.
    pub credits_less_debits: Decimal,
    /// The balance as the ledger shows it, seen from the account's normal side.
    pub balance: Decimal,
}

/// What all accounts should hold at the end of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthEnd {
    /// The month's last day.
    pub last_day: NaiveDate,
    /// The last microsecond of that day: what is effective then or before counts.
    pub as_of: Timestamp,
    /// Every account that was named by then, also when it holds nothing.
    pub balances: Vec<ExpectedBalance>,
}

/// What all accounts should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedBalances {
    /// At the end of every month from the first transaction's to the last one's.
    pub month_ends: Vec<MonthEnd>,
    /// After the last transaction; every account that was ever named, also when it holds nothing.
    pub closing: Vec<ExpectedBalance>,
}

/// Asks beancount what the accounts of `file`, which `plan` was made from, hold.
///
/// # Errors
/// [`ImportError`] when the file cannot be read.
pub async fn expected_balances(
    python: &Python,
    file: &Path,
    plan: &Plan,
) -> Result<ExpectedBalances, ImportError> {
    let mut expected = ExpectedBalances {
        month_ends: Vec::new(),
        closing: Vec::new(),
    };
    let origin = Origin {
        file: file.display().to_string(),
        line: 0,
    };
    for record in python.balances(file).await? {
        match record {
            Record::MonthEnd { last_day, held } => expected.month_ends.push(MonthEnd {
                last_day,
                as_of: end_of(last_day).ok_or_else(|| MappingError::DateOutOfRange {
                    origin: origin.clone(),
                })?,
                balances: balances(plan, &origin, &held)?,
            }),
            Record::Closing { held } => expected.closing = balances(plan, &origin, &held)?,
            Record::Account(_)
            | Record::Transaction(_)
            | Record::Refused { .. }
            | Record::End { .. } => {}
        }
    }
    Ok(expected)
}

fn end_of(day: NaiveDate) -> Option<Timestamp> {
    let end = day.and_hms_micro_opt(23, 59, 59, 999_999)?;
    Timestamp::try_new(end.and_utc()).ok()
}

fn balances(
    plan: &Plan,
    origin: &Origin,
    held: &[Held],
) -> Result<Vec<ExpectedBalance>, MappingError> {
    let mut expected = Vec::with_capacity(held.len());
    let mut sums: BTreeMap<AssetCode, Decimal> = BTreeMap::new();
    for row in held {
        let (balance, number) = balance(plan, origin, row)?;
        let asset = balance.account.asset;
        let sum = sums.entry(asset).or_default();
        *sum = sum
            .checked_add(number)
            .ok_or_else(|| MappingError::AmountTooLarge {
                origin: origin.clone(),
                number: row.number.clone(),
                asset,
            })?;
        expected.push(balance);
    }
    let holder = Holder::System(plan.conversions);
    expected.extend(sums.into_iter().map(|(asset, sum)| ExpectedBalance {
        account: holder.account(asset),
        name: None,
        credits_less_debits: -sum,
        balance: sum,
    }));
    Ok(expected)
}

fn balance(
    plan: &Plan,
    origin: &Origin,
    row: &Held,
) -> Result<(ExpectedBalance, Decimal), MappingError> {
    let mapped = plan
        .accounts
        .get(&row.account)
        .ok_or_else(|| MappingError::AccountNotOpened {
            origin: origin.clone(),
            name: row.account.clone(),
        })?;
    let asset: AssetCode = row
        .currency
        .parse()
        .map_err(|_| MappingError::CommodityName {
            origin: origin.clone(),
            currency: row.currency.clone(),
        })?;
    let number = parse_decimal(&row.number).map_err(|_| MappingError::AmountTooLarge {
        origin: origin.clone(),
        number: row.number.clone(),
        asset,
    })?;
    let balance = ExpectedBalance {
        account: mapped.holder.account(asset),
        name: Some(row.account.clone()),
        credits_less_debits: number,
        balance: match mapped.normal_side {
            NormalSide::Credit => number,
            NormalSide::Debit => -number,
        },
    };
    Ok((balance, number))
}
