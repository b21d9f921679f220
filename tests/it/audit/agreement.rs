//! Two verifiers that share nothing but a page of documentation come to the same on random ledgers, left as they are
//! and tampered with.

use std::path::Path;

use ledger_core::annotation::Metadata;
use ledger_core::hold::{CaptureRequest, HoldRequest, Remainder};
use ledger_core::money::parse_decimal;
use ledger_core::posting::{FreezeScope, RequestedPosting};
use ledger_core::transaction::TransactionRequest;
use ledger_core::wallet::RequestedOverdraft;
use ledger_core::{Command, HoldId, Holder, Timestamp, TransactionId, WalletId};
use uuid::Uuid;

use super::support::{Audited, check, findings, kept};
use crate::harness::{Projected, TestDatabase, begin_wallet_of, limit_everybody, submission, tier};

const ASSETS: [&str; 4] = ["INR", "JPY", "BTC", "KWD"];
const AMOUNTS: [&str; 6] = ["1", "2", "7", "30", "111", "499"];

/// What the ledger is made of, unless `DAYBOOK_AUDIT_SEED` says otherwise: not every random ledger has enough in it.
const SEED: u64 = 7;

/// Somebody who asks for anything.
struct Anybody {
    dice: fastrand::Rng,
    wallets: Vec<WalletId>,
    transactions: Vec<TransactionId>,
    holds: Vec<HoldId>,
}

impl Anybody {
    fn holder(&mut self) -> Holder {
        let systems = ["cash", "fees", "fx"];
        match self.dice.u8(0..10) {
            0..=2 => Holder::System(systems[self.dice.usize(0..3)].parse().unwrap()),
            _ => Holder::Wallet(self.wallet()),
        }
    }

    fn wallet(&mut self) -> WalletId {
        self.wallets[self.dice.usize(0..self.wallets.len())]
    }

    fn request(&mut self) -> TransactionRequest {
        let postings = (0..[1, 1, 1, 1, 2, 3][self.dice.usize(0..6)]).map(|_| RequestedPosting {
            source: self.holder(),
            destination: self.holder(),
            asset: ASSETS[self.dice.usize(0..ASSETS.len())].parse().unwrap(),
            amount: parse_decimal(AMOUNTS[self.dice.usize(0..AMOUNTS.len())]).unwrap(),
        });
        TransactionRequest {
            postings: postings.collect(),
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        }
    }

    fn one_of<T: Copy>(&mut self, things: &[T]) -> Option<T> {
        (!things.is_empty()).then(|| things[self.dice.usize(0..things.len())])
    }

    fn command(&mut self) -> Command {
        let transaction = TransactionId::new(Uuid::now_v7());
        let (known, held) = (self.transactions.clone(), self.holds.clone());
        let reverted = self.one_of(&known).unwrap_or(transaction);
        let hold = self.one_of(&held).unwrap_or(HoldId::new(Uuid::nil()));
        let wallet = self.wallet();
        match self.dice.u8(0..60) {
            0..=13 | 30..=43 => {
                self.transactions.push(transaction);
                Command::PostTransaction {
                    transaction,
                    request: self.request(),
                }
            }
            14 | 15 => Command::RevertTransaction {
                transaction: reverted,
                reverting_transaction: transaction,
                effective_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
            16..=19 | 48..=51 => {
                let hold = HoldId::new(Uuid::now_v7());
                self.holds.push(hold);
                let destination = self.dice.bool().then(|| self.holder());
                let posting = self.request().postings[0];
                Command::PlaceHold {
                    hold,
                    request: HoldRequest {
                        source: Holder::Wallet(wallet),
                        asset: posting.asset,
                        amount: posting.amount,
                        destination,
                        expires_at: Some(Timestamp::try_new(chrono::Utc::now()).unwrap()).and_then(
                            |now| {
                                now.checked_add(chrono::TimeDelta::milliseconds(
                                    self.dice.i64(1..3_000),
                                ))
                            },
                        ),
                        reference: None,
                        metadata: Metadata::default(),
                    },
                }
            }
            20..=22 | 52..=57 => Command::CaptureHold {
                hold,
                transaction,
                request: CaptureRequest {
                    amount: self.dice.bool().then(|| parse_decimal("1").unwrap()),
                    destination: Some(self.holder()),
                    remainder: if self.dice.bool() {
                        Remainder::Keep
                    } else {
                        Remainder::Release
                    },
                    effective_at: None,
                    reference: None,
                    metadata: Metadata::default(),
                },
            },
            23 => Command::VoidHold { hold, reason: None },
            24 => Command::ExpireHold { hold },
            25 => Command::FreezeWallet {
                wallet,
                scope: [FreezeScope::Debits, FreezeScope::Credits, FreezeScope::All]
                    [self.dice.usize(0..3)],
                reason: None,
            },
            26 | 27 | 44..=47 => Command::UnfreezeWallet {
                wallet,
                reason: None,
            },
            28 => Command::SetWalletOverdraft {
                wallet,
                asset: "INR".parse().unwrap(),
                overdraft: if self.dice.bool() {
                    RequestedOverdraft::UpTo(parse_decimal("50").unwrap())
                } else {
                    RequestedOverdraft::Forbidden
                },
            },
            _ => Command::CloseWallet {
                wallet,
                reason: None,
            },
        }
    }
}

/// A random ledger: half of it before there are limits.
pub async fn random(seed: u64) -> Audited {
    let test = TestDatabase::create().await;
    let node = Projected::start(test.database.clone()).await;
    let mut anybody = Anybody {
        dice: fastrand::Rng::with_seed(seed),
        wallets: (0..6).map(|_| WalletId::new(Uuid::now_v7())).collect(),
        transactions: Vec::new(),
        holds: Vec::new(),
    };
    for (number, wallet) in anybody.wallets.clone().into_iter().enumerate() {
        let owner = ["asha", "bela", "chandra"][number % 3];
        node.bench.carry_out([begin_wallet_of(wallet, owner)]).await;
    }
    for round in 0..1_500 {
        if round == 500 {
            let mut rules = tier("900", Some("1500"), Some("4000"));
            rules.other_assets = ledger_core::limit::OtherAssets::Unlimited;
            rules.utc_offset_minutes = ledger_core::limit::UtcOffset::try_new(330).unwrap();
            node.bench.carry_out(limit_everybody(rules)).await;
        }
        // Whatever is refused leaves no event.
        let command = anybody.command();
        drop(node.bench.submit(submission(command)).await.unwrap());
    }
    node.settled().await;
    Audited::over(test, node)
}

fn rewrite(folder: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let file = folder.join("events.ndjson");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(file, text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_verifiers_come_to_the_same() {
    let seed = std::env::var("DAYBOOK_AUDIT_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let audited = random(seed).await;
    let mut dice = fastrand::Rng::with_seed(seed);
    let half = u64::try_from(audited.node.bench.head().await.value()).unwrap() / 2;
    let old = kept(
        &audited
            .sealer
            .seal_at(audited.ledger(), half)
            .await
            .unwrap()
            .checkpoint,
    );
    let (folder, _) = audited.export().await;
    let key = audited.key().await;
    let report = check(&folder, &key, std::slice::from_ref(&old));
    assert_eq!(findings(&report), Vec::<String>::new());
    assert!(report.transactions > 20, "{}", report.transactions);
    let original = std::fs::read(folder.join("events.ndjson")).unwrap();
    let count = usize::try_from(report.events).unwrap();
    // With tiles, what was changed is located by its hash.
    for kind in 0..4 {
        let at = dice.usize(1..count - 1);
        rewrite(&folder, |lines| tamper(lines, kind, at));
        let report = check(&folder, &key, std::slice::from_ref(&old));
        assert!(!report.ok, "{kind} at {at}");
        std::fs::write(folder.join("events.ndjson"), &original).unwrap();
    }
    // Without tiles and checkpoint, only the rules tell, and both follow them alike: digit by digit.
    std::fs::remove_dir_all(folder.join("tile")).unwrap();
    std::fs::remove_file(folder.join("checkpoint")).unwrap();
    let mut broken = 0;
    for _ in 0..25 {
        let at = dice.usize(1..count);
        rewrite(&folder, |lines| {
            let digits = [
                "\"amount\":\"1",
                "\"amount\":\"2",
                "\"amount\":\"7",
                "\"amount\":\"3",
                "\"amount\":\"4",
            ];
            let (from, to) = (digits[dice.usize(0..5)], digits[dice.usize(0..5)]);
            for line in &mut lines[at..] {
                if line.contains(from) && from != to {
                    *line = line.replacen(from, to, 1);
                    break;
                }
            }
        });
        let report = check(&folder, &key, &[]);
        let all = findings(&report);
        broken += usize::from(all.iter().any(|one| one.starts_with("rule_broken")));
        std::fs::write(folder.join("events.ndjson"), &original).unwrap();
    }
    assert!(broken > 0, "no change broke a rule");
}

fn tamper(lines: &mut Vec<String>, kind: usize, at: usize) {
    match kind {
        0 => {
            lines.remove(at);
        }
        1 => lines.swap(at - 1, at),
        2 => lines.insert(at, lines[at - 1].clone()),
        // Not every event has an actor; all have metadata, and each byte of it counts.
        _ => lines[at] = lines[at].replacen(r#""metadata":{"#, r#""metadata":{ "#, 1),
    }
}
