//! Comma-separated values (RFC 4180): one row per entry, [`COLUMNS`] in the first line.
//!
//! **Formulas.** Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula, and a reference is
//! its caller's text. Such a reference gets an apostrophe in front (as OWASP advises), and so does one that begins
//! with an apostrophe: a reader who takes one apostrophe away from the front has the reference back. All other
//! cells begin with a letter or digit, and metadata with `{`.

use super::columns::Shared;
use super::{BookWriter, Closing, WriteError};
use crate::journal::BookedTransaction;

/// The columns, in order.
const COLUMNS: [&str; 16] = [
    "position",
    "recorded_at",
    "effective_at",
    "transaction",
    "cause",
    "cause_id",
    "reference",
    "metadata",
    "posting",
    "side",
    "account",
    "book_account",
    "counterparty",
    "asset",
    "scale",
    "amount",
];

/// Writes CSV.
pub(super) struct Csv;

impl BookWriter for Csv {
    fn begin(&mut self, into: &mut Vec<u8>) -> Result<(), WriteError> {
        with_rows(into, |rows| Ok(rows.write_record(COLUMNS)?))
    }

    fn transactions(
        &mut self,
        transactions: &[BookedTransaction],
        into: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        with_rows(into, |rows| {
            transactions
                .iter()
                .try_for_each(|transaction| write(rows, transaction))
        })
    }

    fn finish(&mut self, _: Closing<'_>, _: &mut Vec<u8>) -> Result<(), WriteError> {
        Ok(())
    }
}

type Rows<'a> = ::csv::Writer<&'a mut Vec<u8>>;

fn with_rows(
    into: &mut Vec<u8>,
    work: impl FnOnce(&mut Rows<'_>) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let mut rows = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(into);
    work(&mut rows)?;
    rows.flush().map_err(::csv::Error::from)?;
    Ok(())
}

fn write(rows: &mut Rows<'_>, transaction: &BookedTransaction) -> Result<(), WriteError> {
    let shared = Shared::of(transaction)?;
    let position = transaction.position.to_string();
    let recorded_at = transaction.recorded_at.to_string();
    let effective_at = transaction.effective_at.to_string();
    let reference = shared.reference.map(guarded).unwrap_or_default();
    for entry in shared.entries() {
        let [account, book_account, counterparty] = entry.accounts();
        let asset = entry.posting.asset;
        let metadata = shared.metadata.as_deref().filter(|_| entry.is_first());
        rows.write_record([
            &*position,
            &recorded_at,
            &effective_at,
            &shared.id,
            shared.cause,
            shared.cause_id.as_deref().unwrap_or_default(),
            &reference,
            metadata.unwrap_or_default(),
            &entry.number.to_string(),
            entry.side(),
            &account,
            &book_account,
            &counterparty,
            asset.code.as_str(),
            &asset.scale.to_string(),
            &entry.posting.amount.to_string(),
        ])?;
    }
    Ok(())
}

/// A text that no spreadsheet takes for a formula. Full-width signs are formulas to some of them.
fn guarded(text: &str) -> String {
    let is_formula = text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\'', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]);
    if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reference_is_a_formula_and_each_can_be_taken_back() {
        for text in [
            "=1+1", "+1", "-1", "@SUM(A1)", "'quoted", "plain", "1,5", "＝1",
        ] {
            let cell = guarded(text);
            assert!(!cell.starts_with(['=', '+', '-', '@', '＝']), "{cell}");
            assert_eq!(cell.strip_prefix('\'').unwrap_or(&cell), text);
        }
    }
}
