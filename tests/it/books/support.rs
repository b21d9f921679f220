//! A ledger with everything in it that books could get wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};

use books::writer::Scope;
use books::{BooksRequest, Export, Format};
use event_store::LogReader;
use event_store::executor::{Atomicity, Submission};
use ledger_core::annotation::{Metadata, Reference};
use ledger_core::event::RecordedEvent;
use ledger_core::hold::{CaptureRequest, HoldRequest, Remainder};
use ledger_core::posting::{NormalSide, RequestedPosting};
use ledger_core::transaction::TransactionRequest;
use ledger_core::wallet::RequestedOverdraft;
use ledger_core::{
    AssetCode, Command, HoldId, Holder, Position, Timestamp, TransactionId, WalletId,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::harness::{Bench, TestDatabase, submission};

/// What chance is made of; printed by whatever fails.
pub const SEED: u64 = 20_261_122;

/// Assets by code and decimals: codes that programs could take for something else, none and all decimals.
pub const ASSETS: [(&str, u32); 9] = [
    ("INR", 2),
    ("JPY", 0),
    ("WEI-18", 18),
    ("TRUE", 0),
    ("NULL", 3),
    ("X", 1),
    ("A.", 4),
    ("LOYALTY-POINTS", 0),
    ("B_", 2),
];

/// Counted in one movement of the most digits that there can be.
pub const HUGE: &str = "HUGE";

/// System accounts that look alike, or like something else, in the names of books.
const ACCOUNTS: [(&str, NormalSide); 8] = [
    ("fees_2024", NormalSide::Credit),
    ("fees.cards", NormalSide::Credit),
    ("fees_cards", NormalSide::Credit),
    ("fees-cards", NormalSide::Credit),
    ("a..b", NormalSide::Debit),
    ("a__b", NormalSide::Debit),
    ("wallets.w-1", NormalSide::Credit),
    ("gateway_fees.payu", NormalSide::Debit),
];

/// What callers may say of a transaction.
pub const TEXTS: [&str; 12] = [
    "plain",
    "a; date:2020-01-01, tag:x",
    "she said \"so\" and \\ left",
    "=HYPERLINK(\"http://example.org\")",
    "+1",
    "'quoted",
    "@SUM(1,2)",
    "новый год — 新年 🎉",
    " two  spaces ",
    "[2020-01-01] (code) * ! | x",
    "\u{202e}right to left\u{2028}line",
    "100% ~ 0 INR",
];

/// A ledger with everything in it.
pub struct Town {
    pub bench: Bench,
    pub holders: Vec<Holder>,
    pub chance: fastrand::Rng,
}

impl Town {
    /// A ledger with accounts and assets, and nothing booked.
    pub async fn begin() -> Self {
        let bench = Bench::over(TestDatabase::create().await.database).await;
        let mut commands = Vec::new();
        for (code, scale) in ASSETS.into_iter().chain([(HUGE, 0)]) {
            if !["INR", "JPY"].contains(&code) {
                let code = code.parse().unwrap();
                commands.push(Command::RegisterAsset { code, scale });
            }
        }
        let mut holders: Vec<Holder> = ["cash", "fees", "suspense", "fx", "losses"]
            .map(|name| Holder::System(name.parse().unwrap()))
            .to_vec();
        for (name, normal_side) in ACCOUNTS {
            let name = name.parse().unwrap();
            commands.push(Command::OpenSystemAccount { name, normal_side });
            holders.push(Holder::System(name));
        }
        let unlimited: Vec<(AssetCode, RequestedOverdraft)> = ASSETS
            .map(|(code, _)| (code.parse().unwrap(), RequestedOverdraft::Unlimited))
            .to_vec();
        for number in 0..12 {
            let wallet = WalletId::new(Uuid::now_v7());
            commands.push(Command::OpenWallet {
                wallet,
                owner: format!("owner \"{number}\"; \\ ü").parse().unwrap(),
                overdraft: unlimited.clone(),
                reference: None,
                metadata: Metadata::default(),
            });
            holders.push(Holder::Wallet(wallet));
        }
        let town = Self {
            bench,
            holders,
            chance: fastrand::Rng::with_seed(SEED),
        };
        town.submit(commands).await;
        town
    }

    /// The same with thousands of transactions, some of them reverted, captured, and of other times.
    pub async fn busy() -> Self {
        let mut town = Self::begin().await;
        for _ in 0..40 {
            let mut posted = Vec::new();
            let mut commands = Vec::new();
            for _ in 0..50 {
                let (id, command) = town.transaction(6);
                posted.push(id);
                commands.push(command);
            }
            town.submit(commands).await;
            town.submit(town.reverts(&posted[..3])).await;
            let held = town.held();
            town.submit(held).await;
        }
        for _ in 0..27 {
            let (_, command) = town.transaction(1_000);
            town.submit(vec![command]).await;
        }
        let most = Decimal::from_i128_with_scale(9_999_999_999_999_999_999_999_999_999, 0);
        let (_, command) = town.post(vec![town.movement(0, 1, HUGE, most)], None);
        town.submit(vec![command]).await;
        town
    }

    async fn submit(&self, commands: Vec<Command>) {
        let metadata = submission(commands[0].clone()).metadata;
        let all = Submission {
            commands,
            atomicity: Atomicity::AllOrNothing,
            idempotency: None,
            metadata,
        };
        let outcome = self.bench.submit(all).await.unwrap();
        assert_eq!(outcome.refusal(), None, "seed {SEED}");
    }

    fn transaction(&mut self, most: usize) -> (TransactionId, Command) {
        let count = if most > 100 {
            most
        } else {
            self.chance.usize(1..=most)
        };
        let postings = (0..count).map(|_| self.any_movement()).collect();
        let effective_at = match self.chance.u8(0..6) {
            0 => Some("1900-01-01T00:00:00Z".parse().unwrap()),
            1 => Some("2199-12-31T23:59:59.999999Z".parse().unwrap()),
            2 => Some(self.any_time()),
            _ => None,
        };
        self.post(postings, effective_at)
    }

    /// Some time of the years 1970 to 2033.
    fn any_time(&mut self) -> Timestamp {
        let seconds = self.chance.i64(0..2_000_000_000);
        let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        Timestamp::try_new(time).unwrap()
    }

    fn any_movement(&mut self) -> RequestedPosting {
        let source = self.chance.usize(0..self.holders.len());
        let further = self.chance.usize(1..self.holders.len());
        let (asset, scale) = ASSETS[self.chance.usize(0..ASSETS.len())];
        let most = match scale {
            18 => 10_i128.pow(22),
            _ => 10_i128.pow(9),
        };
        let units = self.chance.i128(1..most);
        let destination = (source + further) % self.holders.len();
        let amount = Decimal::from_i128_with_scale(units, scale);
        self.movement(source, destination, asset, amount)
    }

    fn movement(
        &self,
        source: usize,
        destination: usize,
        asset: &str,
        amount: Decimal,
    ) -> RequestedPosting {
        RequestedPosting {
            source: self.holders[source],
            destination: self.holders[destination],
            asset: asset.parse().unwrap(),
            amount,
        }
    }

    fn post(
        &mut self,
        postings: Vec<RequestedPosting>,
        effective_at: Option<Timestamp>,
    ) -> (TransactionId, Command) {
        let id = TransactionId::new(Uuid::now_v7());
        let command = Command::PostTransaction {
            transaction: id,
            request: TransactionRequest {
                postings,
                effective_at,
                reference: self.any_reference(),
                metadata: self.any_metadata(),
            },
        };
        (id, command)
    }

    fn any_reference(&mut self) -> Option<Reference> {
        let text = self.chance.choice(TEXTS).unwrap();
        let wanted = self.chance.bool();
        wanted.then(|| text.parse().unwrap())
    }

    fn any_metadata(&mut self) -> Metadata {
        let text = self.chance.choice(TEXTS).unwrap();
        let entries = match self.chance.u8(0..4) {
            0 => BTreeMap::from([
                (text.to_owned(), format!("{text}\n\t\r\u{1}{text}")),
                ("date:1999-01-01".to_owned(), String::new()),
            ]),
            _ => BTreeMap::new(),
        };
        Metadata::try_from(entries).unwrap()
    }

    fn reverts(&self, transactions: &[TransactionId]) -> Vec<Command> {
        let revert = |id: &TransactionId| Command::RevertTransaction {
            transaction: *id,
            reverting_transaction: TransactionId::new(Uuid::now_v7()),
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        };
        transactions.iter().map(revert).collect()
    }

    /// A hold of which a part is captured, and one that stays.
    fn held(&mut self) -> Vec<Command> {
        let holds = [(); 2].map(|()| HoldId::new(Uuid::now_v7()));
        let amount = Decimal::from(5);
        let place = |hold: HoldId| Command::PlaceHold {
            hold,
            request: HoldRequest {
                source: *self.holders.last().unwrap(),
                asset: "INR".parse().unwrap(),
                amount,
                destination: Some(self.holders[0]),
                expires_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
        };
        let capture = Command::CaptureHold {
            hold: holds[0],
            transaction: TransactionId::new(Uuid::now_v7()),
            request: CaptureRequest {
                amount: Some(Decimal::from(3)),
                destination: None,
                remainder: Remainder::Release,
                effective_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
        };
        vec![place(holds[0]), place(holds[1]), capture]
    }

    /// What is to be exported: everything, in a format.
    pub async fn whole(&self, format: Format) -> BooksRequest {
        BooksRequest {
            scope: Scope {
                ledger: self.bench.ledger,
                until: self.bench.head().await,
                effective_until: None,
            },
            format,
        }
    }

    /// The bytes of an export.
    pub async fn export(&self, request: BooksRequest) -> Vec<u8> {
        let log = LogReader::new(self.bench.database.pool().clone());
        let mut export = Export::try_new(log, request).unwrap();
        let mut bytes = Vec::new();
        while let Some(some) = export.next().await.unwrap() {
            bytes.extend(some);
        }
        bytes
    }

    /// Debits less credits of every account that ever moved, by our name of it.
    pub async fn balances(&self) -> BTreeMap<String, Decimal> {
        let book = self.bench.book().await;
        let net = book.accounts().filter(|(_, totals)| {
            !totals.posted.debits.is_zero() || !totals.posted.credits.is_zero()
        });
        net.map(|(id, totals)| {
            let net = totals.posted.debits.value() - totals.posted.credits.value();
            (id.to_string(), net)
        })
        .collect()
    }

    /// Every event.
    pub async fn log(&self) -> Vec<RecordedEvent> {
        let log = LogReader::new(self.bench.database.pool().clone());
        let events = log.read(self.bench.ledger, Position::START, i64::MAX).await;
        let events = events.unwrap();
        events.iter().map(|event| event.decode().unwrap()).collect()
    }
}

/// A file in a folder of its own.
pub fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Runs the Python that tests have.
pub fn python(arguments: &[&str], file: &Path) -> Output {
    let python = std::env::var_os("DAYBOOK_PYTHON").expect("DAYBOOK_PYTHON names an interpreter");
    let mut process = Process::new(python);
    // No cache of what was read before, and no colours.
    process.env("BEANCOUNT_DISABLE_LOAD_CACHE", "1");
    process.env("PYTHONUTF8", "1").args(arguments);
    let position = arguments.iter().position(|argument| *argument == "FILE");
    assert_eq!(position, None, "the file comes last");
    process.arg(file).output().unwrap()
}
