//! Plain text for hledger (<https://hledger.org/hledger.html#journal-format>).
//!
//! Comments of hledger have a grammar of their own (tags end at commas, dates in them count), so callers' texts
//! are percent-encoded where a character would mean something; any URL decoder takes them back. Balances are
//! asserted by a last transaction that moves nothing.

use std::fmt::{self, Display, Write};

use ledger_core::Holder;

use super::beancount::Text;
use super::{BookWriter, Closing, Scope, WriteError, cause, metadata};
use crate::journal::BookedTransaction;
use crate::naming::{account_name, hledger_commodity};

/// Writes hledger.
pub(super) struct Hledger(pub(super) Scope);

impl BookWriter for Hledger {
    fn begin(&mut self, into: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut text = Text::default();
        let Scope {
            ledger,
            until,
            effective_until,
        } = self.0;
        text.line(format_args!(
            "; The books of the ledger {ledger}, as recorded up to position {until}."
        ));
        if let Some(time) = effective_until {
            text.line(format_args!("; Only what counts at or before {time}."));
        }
        text.line("; Debits are positive, credits negative: what is owed to a wallet is negative.");
        text.line("; Holds reserve money without moving it and are not booked.");
        text.line("decimal-mark .");
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
        for (asset, _) in closing.journal.assets() {
            // The sample of how amounts are shown must have a decimal mark, even behind whole numbers.
            let decimals = usize::try_from(asset.scale).unwrap_or_default();
            let commodity = hledger_commodity(&asset.code);
            text.line(format_args!("commodity 1.{:0<decimals$} {commodity}", ""));
        }
        declare_accounts(&mut text, &closing);
        if let Some(day) = closing.journal.closing_day() {
            text.line("");
            text.line(format_args!("{day} * Balances"));
            for (account, line) in closing.journal.accounts() {
                let net = line.net_debit().ok_or(WriteError::Balance { account })?;
                let name = account_name(account.holder, line.side);
                let amount = line.asset.amount_text(net.value());
                let commodity = hledger_commodity(&account.asset);
                text.line(format_args!(
                    "    {name}  0 {commodity} = {amount} {commodity}"
                ));
            }
        }
        text.line("");
        text.line(format_args!(
            "; End of the books: {} transactions.",
            closing.journal.transactions()
        ));
        text.append_to(into);
        Ok(())
    }
}

fn write(text: &mut Text, transaction: &BookedTransaction) -> Result<(), WriteError> {
    let (word, cause_id) = cause(&transaction.cause);
    let description = match (&transaction.reference, &cause_id) {
        (Some(reference), _) => Encoded(reference.as_str()).to_string(),
        (None, Some(id)) => format!("{word} {id}"),
        (None, None) => String::new(),
    };
    text.line("");
    text.line(format_args!(
        "{} * ({}) {description}",
        transaction.effective_at.as_datetime().date_naive(),
        transaction.position,
    ));
    text.line(format_args!("    ; transaction:{}", transaction.id));
    text.line(format_args!(
        "    ; recorded-at:{}",
        Encoded(&transaction.recorded_at.to_string())
    ));
    text.line(format_args!(
        "    ; effective-at:{}",
        Encoded(&transaction.effective_at.to_string())
    ));
    text.line(format_args!("    ; cause:{word}"));
    if let Some(id) = &cause_id {
        text.line(format_args!("    ; cause-id:{id}"));
    }
    if let Some(reference) = &transaction.reference {
        text.line(format_args!(
            "    ; reference:{}",
            Encoded(reference.as_str())
        ));
    }
    if let Some(metadata) = metadata(transaction)? {
        text.line(format_args!("    ; metadata:{}", Encoded(&metadata)));
    }
    for posting in &transaction.postings {
        let (debited, credited) = (posting.debited, posting.credited);
        let (amount, commodity) = (posting.amount, hledger_commodity(&posting.asset.code));
        let account = account_name(debited.id.holder, debited.side);
        text.line(format_args!("    {account}  {amount} {commodity}"));
        let account = account_name(credited.id.holder, credited.side);
        text.line(format_args!("    {account}  -{amount} {commodity}"));
    }
    Ok(())
}

fn declare_accounts(text: &mut Text, closing: &Closing<'_>) {
    let mut declared: Option<Holder> = None;
    // In order, so that the accounts of one holder stand together.
    for (id, line) in closing.journal.accounts() {
        if declared == Some(id.holder) {
            continue;
        }
        declared = Some(id.holder);
        let name = account_name(id.holder, line.side);
        let mut notes = format!("holder:{}", Encoded(&id.holder.to_string()));
        if let Some((owner, is_erased)) = closing.owner(id.holder) {
            let person = if is_erased { ", person:erased" } else { "" };
            notes = format!("{notes}, owner:{}{person}", Encoded(owner.as_str()));
        }
        text.line(format_args!("account {name}  ; {notes}"));
    }
}

/// A text in which nothing means anything to hledger: percent-encoded (RFC 3986, 2.1) where it would.
struct Encoded<'a>(&'a str);

impl Display for Encoded<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars().peekable();
        let mut is_first = true;
        while let Some(character) = characters.next() {
            let at_an_end = is_first || characters.peek().is_none_or(|next| *next == ' ');
            is_first = false;
            // One space is one; where there are two, or at an end, hledger drops them or sees a border.
            let keeps = match character {
                ' ' => !at_an_end,
                '%' | ';' | ',' | ':' | '|' | '[' | ']' | '(' | ')' | '"' | '*' | '!' => false,
                '\u{2028}' | '\u{2029}' => false,
                other => !other.is_control() && !other.is_whitespace(),
            };
            if keeps {
                formatter.write_char(character)?;
            } else {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    formatter.write_str(percent_encoding::percent_encode_byte(byte))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_means_something_to_hledger_is_encoded() {
        for (text, expected) in [
            ("plain text, 1", "plain text%2C 1"),
            ("a; date:2020-01-01", "a%3B date%3A2020-01-01"),
            ("[2020/1/1]", "%5B2020/1/1%5D"),
            (" two  spaces ", "%20two%20 spaces%20"),
            ("новый 100%", "новый 100%25"),
            ("a\nb", "a%0Ab"),
        ] {
            assert_eq!(Encoded(text).to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_taken_back(text in "\\PC{0,40}|[ ;,:\n\t%a]{0,20}") {
            let encoded = Encoded(&text).to_string();
            prop_assert!(!encoded.contains(['\n', ';', ',', ':']));
            prop_assert_eq!(encoded.trim(), &encoded);
            prop_assert_eq!(percent_decode_str(&encoded).decode_utf8().unwrap(), text);
        }
    }
}
