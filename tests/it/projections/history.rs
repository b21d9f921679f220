//! A history that has a bit of everything, and what it must come to, added up by hand.

use std::collections::BTreeMap;

use event_store::executor::Outcome;
use ledger_core::annotation::Metadata;
use ledger_core::hold::{CaptureRequest, HoldRequest, Remainder};
use ledger_core::money::parse_decimal;
use ledger_core::posting::{FreezeScope, NormalSide, RequestedPosting};
use ledger_core::transaction::TransactionRequest;
use ledger_core::wallet::RequestedOverdraft;
use ledger_core::{
    AccountId, Command, HoldId, Holder, Position, Timestamp, TransactionId, WalletId,
};
use projections::queries::PageRequest;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::harness::{Projected, TestDatabase, submission};

/// One posting that took place.
#[derive(Debug, Clone)]
pub struct Move {
    pub position: Position,
    pub transaction: TransactionId,
    pub posting: i32,
    pub source: Holder,
    pub destination: Holder,
    pub asset: &'static str,
    pub amount: Decimal,
    pub effective_at: Timestamp,
    pub recorded_at: Timestamp,
}

/// A posting as the history writes it.
pub type Line = (Holder, Holder, &'static str, &'static str);

/// A node, its history so far and the postings in it.
pub struct History {
    pub test: TestDatabase,
    pub node: Projected,
    pub moves: Vec<Move>,
    pub asha: WalletId,
    pub bela: WalletId,
    pub second: WalletId,
    pub closed: WalletId,
    /// The transaction of several assets.
    pub multi: TransactionId,
    /// The back-dated transaction that was reverted, and the one that reverts it.
    pub reverted: TransactionId,
    pub reverting: TransactionId,
    /// The two captures of `holds[0]`.
    pub captures: [TransactionId; 2],
    /// Captured in two parts, voided, expired, active.
    pub holds: [HoldId; 4],
}

pub fn system(name: &str) -> Holder {
    Holder::System(name.parse().unwrap())
}

pub fn wallet(id: WalletId) -> Holder {
    Holder::Wallet(id)
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn decimal(text: &str) -> Decimal {
    parse_decimal(text).unwrap()
}

pub fn account(holder: Holder, asset: &str) -> AccountId {
    holder.account(asset.parse().unwrap())
}

pub fn posting((source, destination, asset, amount): Line) -> RequestedPosting {
    RequestedPosting {
        source,
        destination,
        asset: asset.parse().unwrap(),
        amount: decimal(amount),
    }
}

fn metadata() -> Metadata {
    BTreeMap::from([("order".to_owned(), "ünïcode \"7\"".to_owned())])
        .try_into()
        .unwrap()
}

fn hold_request(source: WalletId, amount: &str) -> HoldRequest {
    HoldRequest {
        source: wallet(source),
        asset: "INR".parse().unwrap(),
        amount: decimal(amount),
        destination: None,
        expires_at: None,
        reference: None,
        metadata: metadata(),
    }
}

impl History {
    /// Everything recorded; projectors run.
    pub async fn begin() -> Self {
        let test = TestDatabase::create().await;
        let node = Projected::start(test.database.clone()).await;
        let id = || WalletId::new(Uuid::now_v7());
        let transaction = || TransactionId::new(Uuid::now_v7());
        let hold = || HoldId::new(Uuid::now_v7());
        let mut history = Self {
            test,
            node,
            moves: Vec::new(),
            asha: id(),
            bela: id(),
            second: id(),
            closed: id(),
            multi: transaction(),
            reverted: transaction(),
            reverting: transaction(),
            captures: [transaction(), transaction()],
            holds: [hold(), hold(), hold(), hold()],
        };
        history.open().await;
        history.transact().await;
        history.hold().await;
        history.outside().await;
        history.change_wallets().await;
        history.node.settled().await;
        history
    }

    pub async fn submit(&self, command: Command) -> Outcome {
        let outcome = self.node.bench.submit(submission(command)).await.unwrap();
        assert_eq!(outcome.refusal(), None);
        outcome
    }

    async fn open(&mut self) {
        self.submit(Command::RegisterAsset {
            code: "MILES".parse().unwrap(),
            scale: 0,
        })
        .await;
        self.submit(Command::OpenSystemAccount {
            name: "promotions".parse().unwrap(),
            normal_side: NormalSide::Debit,
        })
        .await;
        let limit = RequestedOverdraft::UpTo(decimal("100.00"));
        let overdraft = vec![("INR".parse().unwrap(), limit)];
        self.open_wallet(self.asha, "asha", Some("main"), Vec::new())
            .await;
        self.open_wallet(self.bela, "bela", None, overdraft).await;
        self.open_wallet(self.second, "asha", Some("savings"), Vec::new())
            .await;
        self.open_wallet(self.closed, "dev", None, Vec::new()).await;
    }

    async fn open_wallet(
        &self,
        wallet: WalletId,
        owner: &str,
        reference: Option<&str>,
        overdraft: Vec<(ledger_core::AssetCode, RequestedOverdraft)>,
    ) {
        self.submit(Command::OpenWallet {
            wallet,
            owner: owner.parse().unwrap(),
            overdraft,
            reference: reference.map(|text| text.parse().unwrap()),
            metadata: metadata(),
        })
        .await;
    }

    async fn transact(&mut self) {
        let (asha, bela, second) = (wallet(self.asha), wallet(self.bela), wallet(self.second));
        let (cash, fx, promotions) = (system("cash"), system("fx"), system("promotions"));
        self.post(&[(cash, asha, "INR", "1000.00")], None, None)
            .await;
        let lines = [
            (asha, bela, "INR", "100.00"),
            (fx, bela, "USD", "5.00"),
            (promotions, asha, "MILES", "10"),
            (asha, bela, "INR", "0.01"),
        ];
        self.post_as(self.multi, &lines, None, Some("invoice 7"))
            .await;
        let early = Some("2020-01-15T00:00:00Z");
        self.post(&[(cash, asha, "INR", "50.00")], early, Some("late paper"))
            .await;
        let lines = [(asha, bela, "INR", "20.00")];
        self.post_as(self.reverted, &lines, Some("2020-01-20T10:00:00Z"), None)
            .await;
        // Overdraws bela by 79.99.
        self.post(&[(bela, second, "INR", "200.00")], None, None)
            .await;
        self.revert().await;
        self.post(
            &[(cash, second, "INR", "1.00")],
            Some("2150-01-01T00:00:00Z"),
            None,
        )
        .await;
    }

    pub async fn post(
        &mut self,
        lines: &[Line],
        effective: Option<&str>,
        reference: Option<&str>,
    ) -> TransactionId {
        let transaction = TransactionId::new(Uuid::now_v7());
        self.post_as(transaction, lines, effective, reference).await;
        transaction
    }

    async fn post_as(
        &mut self,
        transaction: TransactionId,
        lines: &[Line],
        effective: Option<&str>,
        reference: Option<&str>,
    ) {
        let effective_at = effective.map(time);
        let outcome = self
            .submit(Command::PostTransaction {
                transaction,
                request: TransactionRequest {
                    postings: lines.iter().copied().map(posting).collect(),
                    effective_at,
                    reference: reference.map(|text| text.parse().unwrap()),
                    metadata: metadata(),
                },
            })
            .await;
        self.note(transaction, lines, effective_at, &outcome);
    }

    fn note(
        &mut self,
        transaction: TransactionId,
        lines: &[Line],
        effective_at: Option<Timestamp>,
        outcome: &Outcome,
    ) {
        for (posting, (source, destination, asset, amount)) in (0..).zip(lines.iter().copied()) {
            self.moves.push(Move {
                position: outcome.position,
                transaction,
                posting,
                source,
                destination,
                asset,
                amount: decimal(amount),
                effective_at: effective_at.unwrap_or(outcome.recorded_at),
                recorded_at: outcome.recorded_at,
            });
        }
    }

    async fn revert(&mut self) {
        let effective_at = Some(time("2020-01-25T00:00:00Z"));
        let outcome = self
            .submit(Command::RevertTransaction {
                transaction: self.reverted,
                reverting_transaction: self.reverting,
                effective_at,
                reference: Some("mistake".parse().unwrap()),
                metadata: Metadata::default(),
            })
            .await;
        let lines = [(wallet(self.bela), wallet(self.asha), "INR", "20.00")];
        self.note(self.reverting, &lines, effective_at, &outcome);
    }

    async fn hold(&mut self) {
        let [first, voided, expired, active] = self.holds;
        let far = time("2100-01-01T00:00:00Z");
        self.place(
            first,
            self.asha,
            "100.00",
            Some(wallet(self.bela)),
            None,
            None,
        )
        .await;
        self.place(voided, self.asha, "30.00", None, None, None)
            .await;
        self.place_for_a_moment(expired).await;
        self.place(active, self.second, "25.00", None, Some(far), Some("rent"))
            .await;
        let [kept, released] = self.captures;
        self.capture(kept, "40.00", wallet(self.bela), Remainder::Keep)
            .await;
        self.capture(released, "10.00", system("fees"), Remainder::Release)
            .await;
        self.submit(Command::VoidHold {
            hold: voided,
            reason: None,
        })
        .await;
        let expire = || submission(Command::ExpireHold { hold: expired });
        while let Some(refusal) = self.node.bench.submit(expire()).await.unwrap().refusal() {
            assert_eq!(refusal.code, "hold_not_due");
            tokio::task::yield_now().await;
        }
    }

    /// Places a hold that expires soon, but not before it is recorded, however slow the machine.
    async fn place_for_a_moment(&self, hold: HoldId) {
        for patience_ms in [200, 1_000, 5_000, 25_000] {
            let until = chrono::Utc::now() + chrono::TimeDelta::milliseconds(patience_ms);
            let request = hold_request(self.asha, "5.00");
            let request = HoldRequest {
                expires_at: Timestamp::try_new(until).ok(),
                ..request
            };
            let place = Command::PlaceHold { hold, request };
            let outcome = self.node.bench.submit(submission(place)).await.unwrap();
            match outcome.refusal() {
                None => return,
                Some(refusal) => assert_eq!(refusal.code, "hold_expiry_passed"),
            }
        }
        panic!("no hold could be placed in time");
    }

    async fn place(
        &self,
        hold: HoldId,
        source: WalletId,
        amount: &str,
        destination: Option<Holder>,
        expires_at: Option<Timestamp>,
        reference: Option<&str>,
    ) {
        self.submit(Command::PlaceHold {
            hold,
            request: HoldRequest {
                destination,
                expires_at,
                reference: reference.map(|text| text.parse().unwrap()),
                ..hold_request(source, amount)
            },
        })
        .await;
    }

    async fn capture(
        &mut self,
        transaction: TransactionId,
        amount: &'static str,
        destination: Holder,
        remainder: Remainder,
    ) {
        let outcome = self
            .submit(Command::CaptureHold {
                hold: self.holds[0],
                transaction,
                request: CaptureRequest {
                    amount: Some(decimal(amount)),
                    destination: Some(destination),
                    remainder,
                    effective_at: None,
                    reference: Some("captured".parse().unwrap()),
                    metadata: metadata(),
                },
            })
            .await;
        let lines = [(wallet(self.asha), destination, "INR", amount)];
        self.note(transaction, &lines, None, &outcome);
    }

    async fn change_wallets(&mut self) {
        let reason = |text: &str| Some(text.parse().unwrap());
        let freeze = |wallet, scope, text| Command::FreezeWallet {
            wallet,
            scope,
            reason: reason(text),
        };
        self.submit(freeze(self.second, FreezeScope::Credits, "check"))
            .await;
        self.submit(freeze(self.closed, FreezeScope::All, "court order"))
            .await;
        self.submit(Command::UnfreezeWallet {
            wallet: self.closed,
            reason: reason("released"),
        })
        .await;
        self.submit(Command::CloseWallet {
            wallet: self.closed,
            reason: reason("left"),
        })
        .await;
        for (wallet, asset, overdraft) in [
            (self.asha, "USD", RequestedOverdraft::Unlimited),
            (self.asha, "EUR", RequestedOverdraft::Unlimited),
            (self.asha, "EUR", RequestedOverdraft::Forbidden),
            (
                self.bela,
                "INR",
                RequestedOverdraft::UpTo(decimal("150.00")),
            ),
        ] {
            self.submit(Command::SetWalletOverdraft {
                wallet,
                asset: asset.parse().unwrap(),
                overdraft,
            })
            .await;
        }
        let lines = [(wallet(self.asha), system("cash"), "USD", "3.00")];
        self.post(&lines, None, None).await;
    }

    /// Debits and credits of every account, added up from the postings that pass.
    pub fn totals(
        &self,
        counts: impl Fn(&Move) -> bool,
    ) -> BTreeMap<AccountId, (Decimal, Decimal)> {
        let mut totals: BTreeMap<AccountId, (Decimal, Decimal)> = BTreeMap::new();
        for moved in self.moves.iter().filter(|moved| counts(moved)) {
            totals
                .entry(account(moved.source, moved.asset))
                .or_default()
                .0 += moved.amount;
            totals
                .entry(account(moved.destination, moved.asset))
                .or_default()
                .1 += moved.amount;
        }
        totals
    }
}

/// The sign of a credit in an account's balance.
pub fn credit_sign(holder: Holder) -> Decimal {
    let debit_normal = ["cash", "gateway_clearing", "fx", "losses", "promotions"];
    match holder {
        Holder::System(name) if debit_normal.contains(&name.as_str()) => Decimal::NEGATIVE_ONE,
        Holder::System(_) | Holder::Wallet(_) => Decimal::ONE,
    }
}

/// A page that takes everything in.
pub const fn first_page<K>() -> PageRequest<K> {
    PageRequest {
        after: None,
        limit: 1_000,
    }
}
