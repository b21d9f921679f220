//! Plain text for beancount, version 3 (<https://beancount.github.io/docs/beancount_language_syntax.html>).
//!
//! A debit is positive and a credit negative, as everywhere in beancount. Nothing is rounded: the tolerance of
//! transactions and of balances is zero. Beancount sorts directives by date, so that accounts and commodities may
//! stand behind the transactions that use them; only then is it known when each was used first.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use chrono::NaiveDate;
use ledger_core::money::Balance;
use ledger_core::transaction::TransactionCause;
use ledger_core::{AccountId, Amount, Holder};

use super::{BookWriter, Closing, Scope, WriteError, cause, metadata};
use crate::journal::{AccountLine, BookedTransaction};
use crate::naming::{account_name, beancount_commodity};

/// Writes beancount.
pub(super) struct Beancount(pub(super) Scope);

impl BookWriter for Beancount {
    fn begin(&mut self, into: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut text = Text::default();
        let Scope {
            ledger,
            until,
            effective_until,
        } = self.0;
        text.line(format_args!(
            ";; The books of the ledger {ledger}, as recorded up to position {until}."
        ));
        if let Some(time) = effective_until {
            text.line(format_args!(";; Only what counts at or before {time}."));
        }
        text.line(
            ";; Debits are positive, credits negative: what is owed to a wallet is negative.",
        );
        text.line(";; Holds reserve money without moving it and are not booked.");
        text.line(format_args!("option \"title\" {}", Quoted(ledger.as_str())));
        text.line("option \"tolerance_multiplier\" \"0\"");
        text.append_to(into);
        Ok(())
    }

    fn transactions(
        &mut self,
        transactions: &[BookedTransaction],
        into: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        let mut text = Text::default();
        for transaction in transactions {
            write(&mut text, transaction)?;
        }
        text.append_to(into);
        Ok(())
    }

    fn finish(&mut self, closing: Closing<'_>, into: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut text = Text::default();
        text.line("");
        for (asset, since) in closing.journal.assets() {
            let commodity = beancount_commodity(&asset.code);
            text.line(format_args!("{since} commodity {commodity}"));
            text.line(format_args!("  asset: {}", Quoted(asset.code.as_str())));
            text.line(format_args!("  scale: {}", asset.scale));
        }
        open_accounts(&mut text, &closing);
        text.line("");
        if let Some(day) = closing.journal.closing_day() {
            for (account, line) in closing.journal.accounts() {
                balance(&mut text, day, account, line)?;
            }
        }
        text.line(format_args!(
            ";; End of the books: {} transactions.",
            closing.journal.transactions()
        ));
        text.append_to(into);
        Ok(())
    }
}

fn write(text: &mut Text, transaction: &BookedTransaction) -> Result<(), WriteError> {
    let (word, cause_id) = cause(&transaction.cause);
    let narration = match (&transaction.reference, &cause_id) {
        (Some(reference), _) => reference.as_str().to_owned(),
        (None, Some(id)) => format!("{word} {id}"),
        (None, None) => String::new(),
    };
    text.line("");
    // A revert has its own link and that of what it turns round, so that one leads to the other.
    let reverted = match transaction.cause {
        TransactionCause::Revert(id) => format!(" ^{id}"),
        _ => String::new(),
    };
    text.line(format_args!(
        "{} * {} ^{}{reverted}",
        transaction.effective_at.as_datetime().date_naive(),
        Quoted(&narration),
        transaction.id,
    ));
    text.line(format_args!("  position: {}", transaction.position));
    text.line(format_args!("  transaction: \"{}\"", transaction.id));
    text.line(format_args!(
        "  recorded_at: \"{}\"",
        transaction.recorded_at
    ));
    text.line(format_args!(
        "  effective_at: \"{}\"",
        transaction.effective_at
    ));
    text.line(format_args!("  cause: \"{word}\""));
    if let Some(id) = &cause_id {
        text.line(format_args!("  cause_id: \"{id}\""));
    }
    if let Some(reference) = &transaction.reference {
        text.line(format_args!("  reference: {}", Quoted(reference.as_str())));
    }
    if let Some(metadata) = metadata(transaction)? {
        text.line(format_args!("  metadata: {}", Quoted(&metadata)));
    }
    for posting in &transaction.postings {
        let (debited, credited) = (posting.debited, posting.credited);
        let commodity = beancount_commodity(&posting.asset.code);
        let amount: Amount = posting.amount;
        let account = account_name(debited.id.holder, debited.side);
        text.line(format_args!("  {account}  {amount} {commodity}"));
        let account = account_name(credited.id.holder, credited.side);
        text.line(format_args!("  {account}  -{amount} {commodity}"));
    }
    Ok(())
}

/// Every account of the books with its commodities; ours are apart by asset, those of beancount are not.
fn open_accounts(text: &mut Text, closing: &Closing<'_>) {
    let mut holders = BTreeMap::<Holder, (String, NaiveDate, Vec<String>)>::new();
    for (id, line) in closing.journal.accounts() {
        let (_, since, commodities) = holders
            .entry(id.holder)
            .or_insert_with(|| (account_name(id.holder, line.side), line.since, Vec::new()));
        *since = line.since.min(*since);
        commodities.push(beancount_commodity(&id.asset).into_owned());
    }
    for (holder, (account, since, commodities)) in holders {
        text.line(format_args!(
            "{since} open {account} {}",
            commodities.join(",")
        ));
        text.line(format_args!("  holder: \"{holder}\""));
        if let Some((owner, is_erased)) = closing.owner(holder) {
            text.line(format_args!("  owner: {}", Quoted(owner.as_str())));
            if is_erased {
                text.line("  person: \"erased\"");
            }
        }
    }
}

fn balance(
    text: &mut Text,
    day: NaiveDate,
    account: AccountId,
    line: &AccountLine,
) -> Result<(), WriteError> {
    let net: Balance = line.net_debit().ok_or(WriteError::Balance { account })?;
    let name = account_name(account.holder, line.side);
    let amount = line.asset.amount_text(net.value());
    let commodity = beancount_commodity(&account.asset);
    text.line(format_args!(
        "{day} balance {name}  {amount} ~ 0 {commodity}"
    ));
    Ok(())
}

/// Lines of text.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// One more line.
    pub(super) fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        writeln!(self.0, "{line}").unwrap_or_default();
    }

    pub(super) fn append_to(self, into: &mut Vec<u8>) {
        into.extend_from_slice(self.0.as_bytes());
    }
}

/// A string of beancount: what ends or changes one is escaped, and a line ends only where ours do.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => formatter.write_str("\\\"")?,
                '\\' => formatter.write_str("\\\\")?,
                '\n' => formatter.write_str("\\n")?,
                '\r' => formatter.write_str("\\r")?,
                '\t' => formatter.write_str("\\t")?,
                other => formatter.write_char(other)?,
            }
        }
        formatter.write_char('"')
    }
}
