//! The book deciding transfers: what one costs before anything is written.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no result")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ledger_core::annotation::Metadata;
use ledger_core::book::Book;
use ledger_core::decision::decide;
use ledger_core::ledger::standard_system_accounts;
use ledger_core::posting::RequestedPosting;
use ledger_core::transaction::TransactionRequest;
use ledger_core::{Command, Holder, Timestamp, TransactionId, WalletId};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Wallets that transfers are between.
const WALLETS: u128 = 10_000;

/// Transfers until the book forgets them, as it does when it evicts.
const REMEMBERED: u32 = 100_000;

fn money(number: u128, source: Holder, destination: Holder, amount: Decimal) -> Command {
    let posting = RequestedPosting {
        source,
        destination,
        asset: "INR".parse().unwrap(),
        amount,
    };
    Command::PostTransaction {
        transaction: TransactionId::new(Uuid::from_u128(number)),
        request: TransactionRequest {
            postings: vec![posting],
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        },
    }
}

fn wallet(number: u128) -> Holder {
    Holder::Wallet(WalletId::new(Uuid::from_u128(number)))
}

fn settled(book: &mut Book, command: &Command) {
    black_box(decide(book, command, Timestamp::UNIX_EPOCH).unwrap());
    let decided = book.savepoint();
    book.settle(decided);
}

/// A book of wallets that nobody can empty.
fn funded() -> Book {
    let mut book = Book::complete();
    let open = Command::OpenLedger {
        name: "main".parse().unwrap(),
        system_accounts: standard_system_accounts(),
    };
    settled(&mut book, &open);
    for number in 0..WALLETS {
        let open = Command::OpenWallet {
            wallet: WalletId::new(Uuid::from_u128(number)),
            owner: "bench".parse().unwrap(),
            overdraft: Vec::new(),
            reference: None,
            metadata: Metadata::default(),
        };
        settled(&mut book, &open);
        let cash = Holder::System("cash".parse().unwrap());
        let funds = money(number, cash, wallet(number), Decimal::from(1_000_000_000));
        settled(&mut book, &funds);
    }
    book
}

fn decide_transfers(criterion: &mut Criterion) {
    let mut book = funded();
    let mut number = WALLETS;
    let mut transfer = || {
        number += 1;
        // Primes lead through all wallets without a pattern; the two are never the same wallet.
        let source = number * 7_919 % WALLETS;
        let destination = (source + 1 + number * 6_007 % (WALLETS - 1)) % WALLETS;
        money(number, wallet(source), wallet(destination), Decimal::ONE)
    };
    let mut remembered: u32 = 0;
    let mut decided = |transfer: Command| {
        settled(&mut book, &transfer);
        remembered += 1;
        if remembered.is_multiple_of(REMEMBERED) {
            book.forget_transactions();
        }
    };
    criterion.bench_function("book/decide_transfer", |bencher| {
        bencher.iter_batched(&mut transfer, &mut decided, BatchSize::SmallInput);
    });
}

criterion_group!(benches, decide_transfers);
criterion_main!(benches);
