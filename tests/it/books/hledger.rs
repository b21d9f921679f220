//! Our hledger books by the rules of its manual: what it would add up is what the ledger says.
//!
//! hledger itself is not everywhere; this reads the part of its journal format that we write
//! (<https://hledger.org/hledger.html#journal-format>) and nothing else, so that a line that means something
//! else to hledger fails here.

use std::collections::{BTreeMap, BTreeSet};

use books::Format;
use ledger_core::Event;
use ledger_core::transaction::TransactionEvent;
use percent_encoding::percent_decode_str;
use rust_decimal::Decimal;

use super::support::{SEED, Town};

/// What was read so far.
#[derive(Default)]
struct Reader {
    accounts: BTreeSet<String>,
    holders: BTreeMap<String, String>,
    commodities: BTreeSet<String>,
    used: BTreeSet<(String, String)>,
    sums: BTreeMap<(String, String), Decimal>,
    /// What the postings of the transaction that is being read add up to, by commodity.
    open: BTreeMap<String, Decimal>,
    tags: BTreeMap<String, BTreeMap<String, String>>,
    code: String,
    asserted: usize,
}

impl Reader {
    fn read(text: &str) -> Self {
        let mut reader = Self::default();
        for line in text.split('\n') {
            reader.line(line);
        }
        reader.end_transaction();
        reader
    }

    fn line(&mut self, line: &str) {
        assert!(!line.contains(['\r', '\t']), "{line:?}");
        if line.is_empty() {
            self.end_transaction();
        } else if let Some(comment) = line.strip_prefix("    ; ") {
            // Up to the first comma; ours have none.
            let (name, value) = comment.split_once(':').unwrap();
            assert!(!value.contains([',', ';', ':', '[']), "{line}");
            let value = percent_decode_str(value).decode_utf8().unwrap();
            let tags = self.tags.entry(self.code.clone()).or_default();
            let before = tags.insert(name.to_owned(), value.into_owned());
            assert_eq!(before, None, "{line}");
        } else if let Some(posting) = line.strip_prefix("    ") {
            self.posting(posting);
        } else if let Some(account) = line.strip_prefix("account ") {
            let (account, notes) = account.split_once("  ; ").unwrap();
            assert!(self.accounts.insert(account.to_owned()), "{line}");
            let holder = notes
                .split(", ")
                .find_map(|note| note.strip_prefix("holder:"));
            let holder = percent_decode_str(holder.unwrap()).decode_utf8().unwrap();
            self.holders.insert(account.to_owned(), holder.into_owned());
        } else if let Some(format) = line.strip_prefix("commodity ") {
            let (sample, commodity) = format.split_once(' ').unwrap();
            assert!(sample.starts_with("1."), "{line}");
            assert!(self.commodities.insert(commodity.to_owned()), "{line}");
        } else if !line.starts_with("; ") && line != "decimal-mark ." {
            self.begin_transaction(line);
        }
    }

    /// `DATE * (CODE) DESCRIPTION`, or `DATE * DESCRIPTION`.
    fn begin_transaction(&mut self, line: &str) {
        let (date, rest) = line.split_once(" * ").unwrap();
        date.parse::<chrono::NaiveDate>().unwrap();
        self.code = rest
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map_or("", |(code, _)| code)
            .to_owned();
        assert!(!rest.contains([';', '|']), "{line}");
    }

    /// `ACCOUNT  AMOUNT COMMODITY`, and perhaps ` = AMOUNT COMMODITY`; two spaces end an account's name.
    fn posting(&mut self, posting: &str) {
        let (account, amount) = posting.split_once("  ").unwrap();
        let (moved, asserted) = match amount.split_once(" = ") {
            Some((moved, asserted)) => (moved, Some(asserted)),
            None => (amount, None),
        };
        let (amount, commodity) = quantity(moved);
        let place = (account.to_owned(), commodity.to_owned());
        self.used.insert(place.clone());
        let sum = self.sums.entry(place).or_default();
        *sum += amount;
        *self.open.entry(commodity.to_owned()).or_default() += amount;
        if let Some((asserted, of)) = asserted.map(quantity) {
            assert_eq!((*sum, commodity), (asserted, of), "{posting}");
            self.asserted += 1;
        }
    }

    fn end_transaction(&mut self) {
        let open = std::mem::take(&mut self.open);
        assert!(
            open.values().all(Decimal::is_zero),
            "{}: {open:?}",
            self.code
        );
    }
}

/// Digits with at most one point, and a commodity that is letters or in quotes.
fn quantity(text: &str) -> (Decimal, &str) {
    let (number, commodity) = text.split_once(' ').unwrap();
    let plain = number.strip_prefix('-').unwrap_or(number);
    assert!(
        plain
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.'),
        "{text}"
    );
    let quoted = commodity.len() > 2 && commodity.starts_with('"') && commodity.ends_with('"');
    let letters = commodity.bytes().all(|byte| byte.is_ascii_alphabetic());
    assert!(quoted || letters, "{text}");
    (number.parse().unwrap(), commodity)
}

#[tokio::test(flavor = "multi_thread")]
async fn hledger_would_find_our_balances() {
    let town = Town::busy().await;
    let bytes = town.export(town.whole(Format::Hledger).await).await;
    let reader = Reader::read(&String::from_utf8(bytes).unwrap());
    let balances = town.balances().await;
    assert_eq!(reader.asserted, balances.len());
    let names: BTreeMap<String, Decimal> = reader
        .sums
        .iter()
        .map(|((account, commodity), sum)| {
            let holder = &reader.holders[account];
            (format!("{holder}:{}", commodity.trim_matches('"')), *sum)
        })
        .collect();
    assert_eq!(names, balances, "seed {SEED}");
    // `hledger check --strict` demands that all are declared.
    for (account, commodity) in &reader.used {
        assert!(reader.accounts.contains(account), "{account}");
        assert!(reader.commodities.contains(commodity), "{commodity}");
    }
    for recorded in town.log().await {
        let Event::Transaction(TransactionEvent::TransactionPosted {
            reference,
            metadata,
            ..
        }) = &recorded.event
        else {
            continue;
        };
        let tags = &reader.tags[&recorded.position.to_string()];
        assert_eq!(tags["transaction"], recorded.stream.aggregate_id());
        assert_eq!(tags["recorded-at"], recorded.recorded_at.to_string());
        let told = tags.get("reference").map(String::as_str);
        assert_eq!(told, reference.as_ref().map(|reference| reference.as_str()));
        let told: Option<BTreeMap<String, String>> = tags
            .get("metadata")
            .map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(&told.unwrap_or_default(), metadata.entries());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_ledger_has_a_journal() {
    let town = Town::begin().await;
    let bytes = town.export(town.whole(Format::Hledger).await).await;
    let text = String::from_utf8(bytes).unwrap();
    let reader = Reader::read(&text);
    assert!(reader.sums.is_empty() && reader.accounts.is_empty());
    assert!(text.ends_with("; End of the books: 0 transactions.\n"));
}
