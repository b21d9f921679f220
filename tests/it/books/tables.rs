//! The tabular formats, read by others: CSV by Python, Parquet by its reader.

use std::collections::BTreeMap;

use books::Format;
use ledger_core::Event;
use ledger_core::transaction::TransactionEvent;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use rust_decimal::Decimal;
use serde_json::Value;

use super::support::{SEED, Town, file, python};

const SUMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/it/books/sums.py");

/// How the CSV of books begins.
const COLUMNS: &str = "position,recorded_at,effective_at,transaction,cause,cause_id,reference,metadata,\
                       posting,side,account,book_account,counterparty,asset,scale,amount\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_csv_adds_up_to_our_balances_and_has_no_formula() {
    let town = Town::busy().await;
    let bytes = town.export(town.whole(Format::Csv).await).await;
    let (_folder, path) = file("books.csv", &bytes);
    let output = python(&[SUMS], &path);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sums: BTreeMap<String, Decimal> = told["sums"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, sum)| (name.clone(), sum.as_str().unwrap().parse().unwrap()))
        .collect();
    assert_eq!(sums, town.balances().await, "seed {SEED}");
    let mut guarded = 0;
    for recorded in town.log().await {
        let Event::Transaction(TransactionEvent::TransactionPosted {
            reference,
            metadata,
            ..
        }) = &recorded.event
        else {
            continue;
        };
        let told = &told["references"][recorded.position.to_string()];
        let cell = told[0].as_str().unwrap();
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        guarded += usize::from(cell.starts_with('\''));
        let expected = reference
            .as_ref()
            .map_or("", |reference| reference.as_str());
        assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), expected);
        let expected = match metadata.is_empty() {
            true => String::new(),
            false => serde_json::to_string(metadata.entries()).unwrap(),
        };
        assert_eq!(told[1], expected);
    }
    assert!(guarded > 100, "{guarded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parquet_adds_up_to_our_balances_over_row_groups() {
    let town = Town::busy().await;
    let bytes = town.export(town.whole(Format::Parquet).await).await;
    let (_folder, path) = file("books.parquet", &bytes);
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    assert!(reader.num_row_groups() > 1);
    let mut sums = BTreeMap::<String, Decimal>::new();
    let mut rows = 0;
    let mut references = BTreeMap::<i64, Option<String>>::new();
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let fields: BTreeMap<&str, &Field> = named(&row);
        let scale = number(fields["scale"]);
        let Field::Decimal(decimal) = fields["amount_minor"] else {
            panic!("{row}");
        };
        let units = i128::from_be_bytes(decimal.data().try_into().unwrap());
        let amount = Decimal::from_i128_with_scale(units, u32::try_from(scale).unwrap());
        let sign = match text(fields["side"]).unwrap().as_str() {
            "debit" => Decimal::ONE,
            "credit" => Decimal::NEGATIVE_ONE,
            other => panic!("{other}"),
        };
        *sums.entry(text(fields["account"]).unwrap()).or_default() += sign * amount;
        references.insert(number(fields["position"]), text(fields["reference"]));
        rows += 1;
    }
    assert_eq!(sums, town.balances().await, "seed {SEED}");
    let mut entries = 0;
    for recorded in town.log().await {
        let Event::Transaction(TransactionEvent::TransactionPosted {
            reference,
            postings,
            ..
        }) = &recorded.event
        else {
            continue;
        };
        entries += postings.len() * 2;
        let expected = reference.as_ref().map(ToString::to_string);
        assert_eq!(references[&recorded.position.value()], expected);
    }
    assert_eq!(rows, entries);
}

fn named(row: &Row) -> BTreeMap<&str, &Field> {
    row.get_column_iter()
        .map(|(name, field)| (name.as_str(), field))
        .collect()
}

fn number(field: &Field) -> i64 {
    match field {
        Field::Int(value) => i64::from(*value),
        Field::Long(value) => *value,
        other => panic!("{other}"),
    }
}

fn text(field: &Field) -> Option<String> {
    match field {
        Field::Null => None,
        Field::Str(text) => Some(text.clone()),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_ledger_has_tables() {
    let town = Town::begin().await;
    let bytes = town.export(town.whole(Format::Csv).await).await;
    assert_eq!(String::from_utf8(bytes).unwrap(), COLUMNS);
    let bytes = town.export(town.whole(Format::Parquet).await).await;
    let (_folder, path) = file("books.parquet", &bytes);
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
}
