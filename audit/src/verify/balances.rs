//! What the accounts are stated to hold, compared with what the events add up to.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use ledger_core::book::{AccountTotals, Book};
use ledger_core::money::parse_decimal;
use rust_decimal::Decimal;

use super::lines::read_line;
use super::sums::Difference;
use super::{BALANCES, Code, Finding, Report, VerifyError};
use crate::export::BalanceLine;

/// The longest line: names of accounts and amounts are a few hundred bytes.
const MOST_BYTES: u64 = 1 << 16;

/// Compares them; without a book only the sums.
pub(super) fn check(
    folder: &Path,
    book: Option<&Book>,
    report: &mut Report,
) -> Result<(), VerifyError> {
    let file = folder.join(BALANCES);
    let unreadable = |source| VerifyError::Read {
        file: file.clone(),
        source,
    };
    let mut held: Option<HashMap<String, AccountTotals>> = book.map(|book| {
        book.accounts()
            .map(|(account, totals)| (account.to_string(), totals))
            .collect()
    });
    let mut sums = BTreeMap::<String, Difference>::new();
    let mut from = BufReader::new(File::open(&file).map_err(unreadable)?);
    let (mut text, mut number) = (Vec::new(), 0_u64);
    loop {
        text.clear();
        let length = read_line(&mut from, MOST_BYTES, &mut text).map_err(unreadable)?;
        let Some(length) = length else { break };
        number += 1;
        // Of a line that is too long, the beginning alone could be one.
        let whole = Some(&text).filter(|_| length <= MOST_BYTES);
        let Some((account, stated)) = whole.and_then(|line| read(line)) else {
            let detail = format!("line {number} of {BALANCES} is none");
            report.find(Finding::new(Code::BalanceMalformed, None, detail));
            continue;
        };
        report.accounts += 1;
        let asset = account.rsplit(':').next().unwrap_or_default();
        let sum = sums.entry(asset.to_owned()).or_default();
        sum.debit(stated[0]);
        sum.credit(stated[1]);
        let Some(held) = &mut held else {
            continue;
        };
        match held.remove(&account) {
            None => {
                let detail = "it never moved, or is stated a second time";
                report.find(Finding::of_account(Code::BalanceUnknown, account, detail));
            }
            Some(totals) if amounts(totals) != stated => {
                let [debits, credits, pending] = amounts(totals);
                let detail = format!(
                    "its events add up to debits {debits}, credits {credits}, pending debits {pending}"
                );
                report.find(Finding::of_account(Code::BalanceDiffers, account, detail));
            }
            Some(_) => {}
        }
    }
    let mut missing: Vec<String> = held.unwrap_or_default().into_keys().collect();
    missing.sort_unstable();
    for account in missing {
        let detail = "it moved and is not stated";
        report.find(Finding::of_account(Code::BalanceMissing, account, detail));
    }
    for (asset, difference) in sums {
        if !difference.is_zero() {
            let detail = "the stated debits and credits of all accounts differ";
            report.find(Finding::of_account(
                Code::TrialBalanceDiffers,
                asset,
                detail,
            ));
        }
    }
    Ok(())
}

fn read(line: &[u8]) -> Option<(String, [Decimal; 3])> {
    let line: BalanceLine = serde_json::from_slice(line).ok()?;
    // The grammar of decimals has a minus, also before zero; totals have none.
    let amount = |text: &str| parse_decimal(text).ok().filter(|_| !text.starts_with('-'));
    let amounts = [
        amount(&line.posted_debits)?,
        amount(&line.posted_credits)?,
        amount(&line.pending_debits)?,
    ];
    Some((line.account, amounts))
}

fn amounts(totals: AccountTotals) -> [Decimal; 3] {
    [
        totals.posted.debits.value(),
        totals.posted.credits.value(),
        totals.pending_debits.value(),
    ]
}
