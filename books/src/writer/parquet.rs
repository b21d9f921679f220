//! Apache Parquet: one row per entry, the columns of [`SCHEMA`].
//!
//! `amount_minor` is the amount in the asset's smallest unit, exact: with one scale for all assets, an amount of
//! 28 digits in an asset without decimals and one with 18 decimals would not fit 38 digits. The amount in the
//! major unit is `amount_minor / 10^scale`.

use std::sync::Arc;

use ledger_core::{Amount, Asset, Position};
use parquet::basic::Compression;
use parquet::data_type::{
    ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{
    SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter,
};
use parquet::schema::parser::parse_message_type;

use super::columns::Shared;
use super::{BookWriter, Closing, Scope, WriteError};
use crate::journal::BookedTransaction;

/// The columns, in order. Times are microseconds since 1970 in UTC.
const SCHEMA: &str = "\
message entry {
  required int64 position;
  required int64 recorded_at (TIMESTAMP(MICROS, true));
  required int64 effective_at (TIMESTAMP(MICROS, true));
  required binary transaction (STRING);
  required binary cause (STRING);
  optional binary cause_id (STRING);
  optional binary reference (STRING);
  optional binary metadata (STRING);
  required int32 posting;
  required binary side (STRING);
  required binary account (STRING);
  required binary book_account (STRING);
  required binary counterparty (STRING);
  required binary asset (STRING);
  required int32 scale;
  required fixed_len_byte_array(16) amount_minor (DECIMAL(38, 0));
}";

/// Rows of a row group, at most, give or take a transaction.
const ROWS: usize = 65_536;
/// Bytes of text in a row group, at most, give or take a transaction.
const TEXT_BYTES: usize = 16 << 20;

/// Writes Parquet.
pub(super) struct Parquet {
    file: SerializedFileWriter<Vec<u8>>,
    rows: Rows,
}

impl Parquet {
    pub(super) fn try_new(scope: &Scope) -> Result<Self, WriteError> {
        let Scope {
            ledger,
            until,
            effective_until,
        } = scope;
        let mut notes = vec![
            KeyValue::new("daybook.ledger".to_owned(), ledger.to_string()),
            KeyValue::new("daybook.until_position".to_owned(), until.to_string()),
        ];
        notes.extend(
            effective_until
                .map(|time| KeyValue::new("daybook.effective_until".to_owned(), time.to_string())),
        );
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("daybook {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(notes))
            .build();
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        Ok(Self {
            file,
            rows: Rows::default(),
        })
    }

    fn write_row_group(&mut self) -> Result<(), WriteError> {
        if self.rows.position.is_empty() {
            return Ok(());
        }
        let group = self.file.next_row_group()?;
        std::mem::take(&mut self.rows).write(group)?;
        Ok(())
    }

    /// The file counts what it has written by itself, so that its buffer may be emptied.
    fn drain(&mut self, into: &mut Vec<u8>) {
        into.append(self.file.inner_mut());
    }
}

impl BookWriter for Parquet {
    fn begin(&mut self, into: &mut Vec<u8>) -> Result<(), WriteError> {
        self.drain(into);
        Ok(())
    }

    fn transactions(
        &mut self,
        transactions: &[BookedTransaction],
        into: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        for transaction in transactions {
            self.rows.push(&Shared::of(transaction)?)?;
            if self.rows.position.len() >= ROWS || self.rows.text_bytes >= TEXT_BYTES {
                self.write_row_group()?;
                self.drain(into);
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: Closing<'_>, into: &mut Vec<u8>) -> Result<(), WriteError> {
        self.write_row_group()?;
        self.file.finish()?;
        self.drain(into);
        Ok(())
    }
}

/// The rows of the next row group, by column.
#[derive(Default)]
struct Rows {
    position: Vec<i64>,
    recorded_at: Vec<i64>,
    effective_at: Vec<i64>,
    transaction: Vec<ByteArray>,
    cause: Vec<ByteArray>,
    cause_id: OptionalTexts,
    reference: OptionalTexts,
    metadata: OptionalTexts,
    posting: Vec<i32>,
    side: Vec<ByteArray>,
    account: Vec<ByteArray>,
    book_account: Vec<ByteArray>,
    counterparty: Vec<ByteArray>,
    asset: Vec<ByteArray>,
    scale: Vec<i32>,
    amount_minor: Vec<FixedLenByteArray>,
    text_bytes: usize,
}

/// Texts of which some are absent: what is there, and for each row whether it is.
#[derive(Default)]
struct OptionalTexts {
    texts: Vec<ByteArray>,
    levels: Vec<i16>,
}

impl OptionalTexts {
    fn push(&mut self, text: Option<&ByteArray>) {
        self.levels.push(i16::from(text.is_some()));
        self.texts.extend(text.cloned());
    }
}

impl Rows {
    fn push(&mut self, shared: &Shared<'_>) -> Result<(), WriteError> {
        let transaction = shared.transaction;
        let bytes = |text: &str| ByteArray::from(text);
        let (id, cause) = (bytes(&shared.id), bytes(shared.cause));
        let cause_id = shared.cause_id.as_deref().map(bytes);
        let reference = shared.reference.map(bytes);
        let metadata = shared.metadata.as_deref().map(bytes);
        self.text_bytes += metadata.as_ref().map_or(0, ByteArray::len);
        let on_each = [&cause_id, &reference].into_iter().flatten();
        let on_each: usize = on_each.map(ByteArray::len).sum();
        for entry in shared.entries() {
            let asset = entry.posting.asset;
            let amount = minor_units(transaction.position, &asset, entry.posting.amount)?;
            self.position.push(transaction.position.value());
            self.recorded_at
                .push(transaction.recorded_at.as_unix_micros());
            self.effective_at
                .push(transaction.effective_at.as_unix_micros());
            self.transaction.push(id.clone());
            self.cause.push(cause.clone());
            self.cause_id.push(cause_id.as_ref());
            self.reference.push(reference.as_ref());
            self.metadata
                .push(metadata.as_ref().filter(|_| entry.is_first()));
            // There are at most 1,000 postings, and 18 decimals.
            self.posting
                .push(i32::try_from(entry.number).unwrap_or(i32::MAX));
            self.side.push(bytes(entry.side()));
            let [account, book_account, counterparty] = entry.accounts();
            self.text_bytes += on_each + account.len() + book_account.len() + counterparty.len();
            self.account.push(bytes(&account));
            self.book_account.push(bytes(&book_account));
            self.counterparty.push(bytes(&counterparty));
            self.asset.push(bytes(asset.code.as_str()));
            self.scale
                .push(i32::try_from(asset.scale).unwrap_or(i32::MAX));
            self.amount_minor.push(amount);
        }
        Ok(())
    }

    /// Writes the columns, in the order of the schema.
    fn write(self, mut group: SerializedRowGroupWriter<'_, Vec<u8>>) -> Result<(), ParquetError> {
        whole_numbers(&mut group, &self.position)?;
        whole_numbers(&mut group, &self.recorded_at)?;
        whole_numbers(&mut group, &self.effective_at)?;
        texts(&mut group, &self.transaction)?;
        texts(&mut group, &self.cause)?;
        optional_texts(&mut group, &self.cause_id)?;
        optional_texts(&mut group, &self.reference)?;
        optional_texts(&mut group, &self.metadata)?;
        small_numbers(&mut group, &self.posting)?;
        texts(&mut group, &self.side)?;
        texts(&mut group, &self.account)?;
        texts(&mut group, &self.book_account)?;
        texts(&mut group, &self.counterparty)?;
        texts(&mut group, &self.asset)?;
        small_numbers(&mut group, &self.scale)?;
        column(&mut group, |column| {
            let typed = column.typed::<FixedLenByteArrayType>();
            typed.write_batch(&self.amount_minor, None, None)
        })?;
        group.close()?;
        Ok(())
    }
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn column(
    group: &mut Group<'_>,
    write: impl FnOnce(&mut SerializedColumnWriter<'_>) -> Result<usize, ParquetError>,
) -> Result<(), ParquetError> {
    let next = group.next_column()?;
    let mut column = next.ok_or_else(|| ParquetError::General("no column is left".to_owned()))?;
    write(&mut column)?;
    column.close()
}

fn whole_numbers(group: &mut Group<'_>, values: &[i64]) -> Result<(), ParquetError> {
    column(group, |column| {
        column.typed::<Int64Type>().write_batch(values, None, None)
    })
}

fn small_numbers(group: &mut Group<'_>, values: &[i32]) -> Result<(), ParquetError> {
    column(group, |column| {
        column.typed::<Int32Type>().write_batch(values, None, None)
    })
}

fn texts(group: &mut Group<'_>, values: &[ByteArray]) -> Result<(), ParquetError> {
    column(group, |column| {
        let typed = column.typed::<ByteArrayType>();
        typed.write_batch(values, None, None)
    })
}

fn optional_texts(group: &mut Group<'_>, values: &OptionalTexts) -> Result<(), ParquetError> {
    column(group, |column| {
        let typed = column.typed::<ByteArrayType>();
        typed.write_batch(&values.texts, Some(&values.levels), None)
    })
}

/// The amount in the asset's smallest unit, as 16 bytes of two's complement, the highest first.
fn minor_units(
    position: Position,
    asset: &Asset,
    amount: Amount,
) -> Result<FixedLenByteArray, WriteError> {
    let mut value = amount.value();
    value.rescale(asset.scale);
    if value.scale() != asset.scale || value != amount.value() {
        return Err(WriteError::Amount { position });
    }
    let bytes = value.mantissa().to_be_bytes();
    Ok(FixedLenByteArray::from(ByteArray::from(bytes.to_vec())))
}
