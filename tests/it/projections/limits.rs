//! Limits under nodes that forget nearly everything and load it from the real read model.
//!
//! Callers move, reserve, capture, void and revert at random through two nodes, while the read model lags
//! and catches up. The log is then judged by its postings and holds alone: what counts is worked out here
//! again, not read from the events.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::NaiveDate;
use event_store::Database;
use event_store::executor::{Executors, Outcome};
use ledger_core::annotation::Metadata;
use ledger_core::hold::{CaptureRequest, HoldEvent, HoldRequest, Remainder};
use ledger_core::posting::Posting;
use ledger_core::transaction::{TransactionCause, TransactionEvent};
use ledger_core::wallet::WalletEvent;
use ledger_core::{
    Command, Event, HoldId, Holder, LedgerName, Position, Stream, TransactionId, WalletId,
};
use projections::verify;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::cold_loads::forgetful;
use super::history::decimal;
use crate::harness::{
    Projected, TestDatabase, begin_wallet_of, deposit, limit_everybody, money, submission, tier,
    transfer,
};

const SEED: u64 = 20_261_121;
const OWNERS: usize = 5;
const WALLETS_EACH: usize = 3;
const TASKS: u64 = 8;
const STEPS: u64 = 50;
const OUT_PER_DAY: &str = "120.00";
const IN_PER_DAY: &str = "900.00";
const HELD: &str = "260.00";

struct Refused {
    context: serde_json::Value,
    code: String,
    day: NaiveDate,
    position: Position,
}

/// One caller, at random.
struct Caller {
    executors: Executors,
    ledger: LedgerName,
    wallets: Arc<Vec<WalletId>>,
    random: u64,
    holds: Vec<HoldId>,
    posted: Vec<TransactionId>,
    refused: Vec<Refused>,
    accepted: usize,
}

impl Caller {
    fn pick(&mut self, below: usize) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.random >> 33).unwrap() % below
    }

    fn wallet(&mut self) -> WalletId {
        let index = self.pick(self.wallets.len());
        self.wallets[index]
    }

    fn next_command(&mut self) -> Command {
        let amount = Decimal::new(i64::try_from(self.pick(30_00)).unwrap() + 1, 2);
        let (one, other) = (self.wallet(), self.wallet());
        match self.pick(10) {
            0 | 1 => self.place(one, other, amount),
            2 if !self.holds.is_empty() => self.capture(other),
            3 if !self.holds.is_empty() => {
                let hold = self.holds.swap_remove(0);
                Command::VoidHold { hold, reason: None }
            }
            4 if !self.posted.is_empty() => Command::RevertTransaction {
                transaction: self.posted.swap_remove(0),
                reverting_transaction: TransactionId::new(Uuid::now_v7()),
                effective_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
            5 => deposit(one, &amount.to_string()),
            6 => money(
                Holder::Wallet(one),
                Holder::System("fees".parse().unwrap()),
                "0.01",
            ),
            _ => {
                let command = transfer(one, other, &amount.to_string());
                if let Command::PostTransaction { transaction, .. } = &command {
                    self.posted.push(*transaction);
                }
                command
            }
        }
    }

    fn place(&mut self, source: WalletId, to: WalletId, amount: Decimal) -> Command {
        let hold = HoldId::new(Uuid::now_v7());
        self.holds.push(hold);
        let destination = (self.pick(2) == 0).then_some(Holder::Wallet(to));
        Command::PlaceHold {
            hold,
            request: HoldRequest {
                source: Holder::Wallet(source),
                asset: "INR".parse().unwrap(),
                amount,
                destination,
                expires_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
        }
    }

    fn capture(&mut self, to: WalletId) -> Command {
        let index = self.pick(self.holds.len());
        let whole = self.pick(2) == 0;
        Command::CaptureHold {
            hold: self.holds[index],
            transaction: TransactionId::new(Uuid::now_v7()),
            request: CaptureRequest {
                amount: (!whole).then(|| decimal("0.50")),
                destination: Some(Holder::Wallet(to)),
                remainder: Remainder::Release,
                effective_at: None,
                reference: None,
                metadata: Metadata::default(),
            },
        }
    }

    async fn step(&mut self) {
        let command = self.next_command();
        let submitted = submission(command.clone());
        let outcome = self.executors.submit(self.ledger, submitted).await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{error}: {command:?}"));
        self.note(&outcome);
    }

    fn note(&mut self, outcome: &Outcome) {
        match outcome.refusal() {
            None => self.accepted += 1,
            Some(refusal) => self.refused.push(Refused {
                context: serde_json::to_value(&refusal.context).unwrap(),
                code: refusal.code.clone(),
                day: outcome.recorded_at.as_datetime().date_naive(),
                position: outcome.position,
            }),
        }
    }
}

/// What a hold or transaction counted: for whom, on which day, how much.
type Counted = (String, NaiveDate, Decimal);

/// The log, judged by what moved.
#[derive(Default)]
struct Auditor {
    owners: HashMap<WalletId, String>,
    out: BTreeMap<(String, NaiveDate), Decimal>,
    within: BTreeMap<(String, NaiveDate), Decimal>,
    held: HashMap<String, Decimal>,
    holds: HashMap<HoldId, Option<Counted>>,
    transactions: HashMap<TransactionId, (Vec<Counted>, Vec<Counted>)>,
    limited: bool,
}

impl Auditor {
    fn owner(&self, holder: Holder) -> Option<&String> {
        match holder {
            Holder::Wallet(wallet) => Some(&self.owners[&wallet]),
            Holder::System(_) => None,
        }
    }

    fn is_fee(holder: Holder) -> bool {
        holder == Holder::System("fees".parse().unwrap())
    }

    fn see(&mut self, stream: Stream, event: &Event, day: NaiveDate) {
        match (stream, event) {
            (Stream::Wallet(id), Event::Wallet(WalletEvent::WalletOpened { owner, .. })) => {
                self.owners.insert(id, owner.to_string());
            }
            (Stream::Ledger(_), event) if event.name() == "DefaultTierSet" => self.limited = true,
            (
                Stream::Transaction(id),
                Event::Transaction(TransactionEvent::TransactionPosted {
                    postings, cause, ..
                }),
            ) => self.see_transaction(id, postings, *cause, day),
            (Stream::Hold(id), Event::Hold(event)) => self.see_hold(id, event, day),
            _ => {}
        }
    }

    fn see_transaction(
        &mut self,
        id: TransactionId,
        postings: &[Posting],
        cause: TransactionCause,
        day: NaiveDate,
    ) {
        for posting in postings {
            let amount = posting.amount.value();
            for (holder, change) in [(posting.source, -amount), (posting.destination, amount)] {
                if let Some(owner) = self.owner(holder).cloned() {
                    *self.held.entry(owner).or_default() += change;
                }
            }
        }
        if let TransactionCause::Revert(reverted) = cause {
            let (out, within) = self.transactions.remove(&reverted).unwrap_or_default();
            for (owner, day, amount) in out {
                *self.out.entry((owner, day)).or_default() -= amount;
            }
            for (owner, day, amount) in within {
                *self.within.entry((owner, day)).or_default() -= amount;
            }
            return;
        }
        if !self.limited {
            return;
        }
        let (mut out, mut within) = (Vec::new(), Vec::new());
        for posting in postings {
            let giver = self.owner(posting.source).cloned();
            let receiver = self.owner(posting.destination).cloned();
            if giver == receiver {
                continue;
            }
            let amount = posting.amount.value();
            let asked = cause == TransactionCause::Request && !Self::is_fee(posting.destination);
            if let Some(giver) = giver.filter(|_| asked) {
                *self.out.entry((giver.clone(), day)).or_default() += amount;
                out.push((giver, day, amount));
            }
            if let Some(receiver) = receiver {
                *self.within.entry((receiver.clone(), day)).or_default() += amount;
                within.push((receiver, day, amount));
            }
        }
        self.transactions.insert(id, (out, within));
    }

    fn see_hold(&mut self, id: HoldId, event: &HoldEvent, day: NaiveDate) {
        match event {
            HoldEvent::HoldPlaced {
                source,
                destination,
                amount,
                ..
            } => {
                let giver = self.owner(*source).cloned();
                let own = destination.is_some_and(|to| self.owner(to).cloned() == giver);
                let counted = giver
                    .filter(|_| !own && self.limited)
                    .map(|giver| (giver, day, amount.value()));
                if let Some((giver, day, amount)) = &counted {
                    *self.out.entry((giver.clone(), *day)).or_default() += amount;
                }
                self.holds.insert(id, counted);
            }
            HoldEvent::HoldCaptured { released, .. } => {
                if let Some(released) = released {
                    self.release(id, released.value());
                }
            }
            HoldEvent::HoldVoided { released, .. } | HoldEvent::HoldExpired { released, .. } => {
                self.release(id, released.value());
            }
        }
    }

    fn release(&mut self, id: HoldId, released: Decimal) {
        if let Some(Some((giver, day, _))) = self.holds.get(&id) {
            *self.out.entry((giver.clone(), *day)).or_default() -= released;
        }
    }

    fn check(&self, at: Position) {
        for (sums, most) in [(&self.out, OUT_PER_DAY), (&self.within, IN_PER_DAY)] {
            for (key, used) in sums {
                assert!(
                    *used <= decimal(most),
                    "seed {SEED}: {key:?} has used {used} at {at}"
                );
                assert!(
                    *used >= Decimal::ZERO,
                    "seed {SEED}: {key:?} has used {used} at {at}"
                );
            }
        }
    }

    /// A refusal says what was used at the position at which it was decided.
    fn check_refusal(&self, refused: &Refused) {
        let Some(wallet) = refused.context["wallet"].as_str() else {
            return;
        };
        let owner = self.owners[&wallet.parse().unwrap()].clone();
        let day = (owner.clone(), refused.day);
        let used = match (refused.code.as_str(), refused.context["flow"].as_str()) {
            ("period_limit_exceeded", Some("outgoing")) => self.out.get(&day),
            ("period_limit_exceeded", Some("incoming")) => self.within.get(&day),
            ("balance_limit_exceeded", _) => self.held.get(&owner),
            _ => return,
        };
        let told = decimal(refused.context["used"].as_str().unwrap());
        let at = refused.position;
        assert_eq!(
            used.copied().unwrap_or_default(),
            told,
            "seed {SEED}: {owner} at {at}"
        );
    }
}

async fn judge(node: &Projected, mut refused: Vec<Refused>) {
    refused.sort_by_key(|refusal| refusal.position);
    let mut refused = refused.into_iter().peekable();
    let mut auditor = Auditor::default();
    for event in &node.log().await {
        let day = event.recorded_at.as_datetime().date_naive();
        auditor.see(event.stream, &event.event, day);
        auditor.check(event.position);
        while let Some(refusal) = refused.next_if(|one| one.position == event.position) {
            auditor.check_refusal(&refusal);
        }
    }
    assert!(refused.next().is_none());
}

async fn population(node: &Projected) -> Arc<Vec<WalletId>> {
    let mut wallets = Vec::new();
    for owner in 0..OWNERS {
        for _ in 0..WALLETS_EACH {
            let wallet = WalletId::new(Uuid::now_v7());
            let open = begin_wallet_of(wallet, &format!("owner-{owner}"));
            node.bench.carry_out([open, deposit(wallet, "60.00")]).await;
            wallets.push(wallet);
        }
    }
    let rules = tier(OUT_PER_DAY, Some(IN_PER_DAY), Some(HELD));
    node.bench.carry_out(limit_everybody(rules)).await;
    Arc::new(wallets)
}

/// Fails when what was used is loaded without what happened since, counted twice, or forgotten too early.
#[tokio::test(flavor = "multi_thread")]
async fn race_forgetful_nodes_on_a_lagging_read_model_keep_every_limit() {
    let test = TestDatabase::create().await;
    let mut first = Projected::stopped(test.database.clone(), forgetful()).await;
    let other = Database::connect(&test.url, 16).await.unwrap();
    let second = Projected::stopped(other, forgetful()).await;
    first.start_projectors();
    let wallets = population(&first).await;
    let left = Arc::new(AtomicUsize::new(usize::try_from(TASKS).unwrap()));
    let callers: Vec<_> = (0..TASKS)
        .map(|task| {
            let node = [&first, &second][usize::try_from(task).unwrap() % 2];
            let mut caller = Caller {
                executors: node.bench.executors.clone(),
                ledger: node.ledger,
                wallets: Arc::clone(&wallets),
                random: SEED.wrapping_add(task * 7_919),
                holds: Vec::new(),
                posted: Vec::new(),
                refused: Vec::new(),
                accepted: 0,
            };
            let left = Arc::clone(&left);
            tokio::spawn(async move {
                for _ in 0..STEPS {
                    caller.step().await;
                }
                left.fetch_sub(1, Ordering::Relaxed);
                caller
            })
        })
        .collect();
    while left.load(Ordering::Relaxed) > 0 {
        first.stop_projectors().await;
        let lag_until = first.bench.head().await.plus(25);
        while first.bench.head().await < lag_until && left.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
        first.start_projectors();
        first.reach(lag_until.min(first.bench.head().await)).await;
    }
    let (mut refused, mut accepted) = (Vec::new(), 0);
    for caller in callers {
        let caller = caller.await.unwrap();
        refused.extend(caller.refused);
        accepted += caller.accepted;
    }
    let count = |code: &str| refused.iter().filter(|one| one.code == code).count();
    let limited = (
        count("period_limit_exceeded"),
        count("balance_limit_exceeded"),
    );
    let received = count("receiver_limit_exceeded");
    assert!(
        accepted > 100 && limited.0 > 10 && limited.1 + received > 0,
        "seed {SEED}: {accepted} {limited:?} {received}"
    );
    first.settled().await;
    judge(&first, refused).await;
    // The tables are what a rebuild makes of the log.
    verify::verify(&test.database, first.ledger, &mut |_| {})
        .await
        .unwrap();
}
