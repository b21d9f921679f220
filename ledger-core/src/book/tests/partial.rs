//! The executor's cache against the whole truth.
//!
//! A partial book decides what a complete one decides: with random evictions, holders loaded from
//! a read model that lags, aggregates loaded from streams at the head, batches decided on top of
//! each other and then settled or taken back, and another node writing in between.

use proptest::prelude::*;

use super::commands::{any_command, beginning, post, recorded_at, revert};
use super::sight::{Sight, recorded};
use crate::book::{Book, EntityKey, HolderRows, NewEvent, Savepoint};
use crate::command::Command;
use crate::decision::{DecisionError, begun_entity, decide, lacking, lacking_to_refuse};
use crate::event::{Position, RecordedEvent};
use crate::fixtures::{requested, transaction_id, wallet};
use crate::identifier::Holder;
use crate::timestamp::Timestamp;

type Decided = Result<Vec<NewEvent>, DecisionError>;

/// A batch decided and not yet in the log.
struct InFlight {
    cached: Savepoint,
    whole: Savepoint,
    events: Vec<RecordedEvent>,
}

/// One database, one node with a partial book, and another node that sometimes writes.
struct World {
    /// The log, as the database has it.
    log: Vec<RecordedEvent>,
    /// The fold of the log: what a query of the streams at the head finds.
    durable: Book,
    /// The accounts read model: the fold of a part of the log.
    read_model: Book,
    /// A complete book that decides the same commands.
    reference: Book,
    /// The book under test.
    partial: Book,
    /// How much of the log the partial book has folded, apart from what is in flight.
    folded: usize,
    in_flight: Vec<InFlight>,
    steps: usize,
}

impl World {
    fn new() -> Self {
        Self::begun_with(&beginning())
    }

    fn begun_with(commands: &[Command]) -> Self {
        let mut durable = Book::complete();
        let mut log = Vec::new();
        for (step, command) in commands.iter().enumerate() {
            let events = decide(&mut durable, command, recorded_at(step)).unwrap();
            log.extend(recorded(&events, recorded_at(step)));
        }
        durable.settle(durable.savepoint());
        let mut read_model = Book::complete();
        for event in &log[..3] {
            read_model.apply(event).unwrap();
        }
        let (ledger, sequence) = (durable.ledger().clone(), durable.ledger.sequence);
        let mut partial = Book::partial(
            read_model.position(),
            read_model.recorded_at(),
            ledger,
            sequence,
        );
        for event in &log[3..] {
            partial.apply(event).unwrap();
        }
        Self {
            folded: log.len(),
            steps: commands.len(),
            reference: durable.clone(),
            in_flight: Vec::new(),
            log,
            durable,
            read_model,
            partial,
        }
    }

    fn now(&mut self) -> Timestamp {
        self.steps += 1;
        recorded_at(self.steps)
    }

    /// A holder as the executor loads it: its accounts as the read model has them, and its wallet too
    /// where it has accounts and has not changed since; any other wallet from its stream at the head.
    fn rows_of(&self, holder: Holder) -> HolderRows {
        let accounts = self.read_model.accounts();
        let accounts = accounts.filter(|(account, _)| account.holder == holder);
        let mut accounts: Vec<_> = accounts.map(|(id, totals)| (id.asset, totals)).collect();
        accounts.sort_by_key(|(asset, _)| std::cmp::Reverse(*asset));
        let as_of = self.read_model.position();
        let of_stream = accounts.is_empty() || self.partial.wallet_changed_after(holder, as_of);
        let source = if of_stream {
            &self.durable
        } else {
            &self.read_model
        };
        let wallet = source.loaded(holder).map(|loaded| loaded.wallet.clone());
        let wallet = wallet.unwrap_or_default();
        HolderRows {
            wallet: wallet.state,
            wallet_sequence: wallet.sequence,
            // As the accounts read model has it: without the owner.
            owner: None,
            accounts,
        }
    }

    fn load(&mut self, key: EntityKey) {
        match key {
            EntityKey::Holder(holder) => {
                let rows = self.rows_of(holder);
                self.partial
                    .load_holder(holder, rows, self.read_model.position())
                    .unwrap();
            }
            EntityKey::Hold(id) => {
                let hold = self.durable.holds.get(&id).cloned().unwrap_or_default();
                self.partial.load_hold(id, hold.state, hold.sequence);
            }
            EntityKey::Transaction(id) => {
                let known = self
                    .durable
                    .transactions
                    .get(&id)
                    .cloned()
                    .unwrap_or_default();
                self.partial
                    .load_transaction(id, known.state, known.sequence);
            }
            EntityKey::Payment(id) => {
                let known = self.durable.payments.get(&id).cloned().unwrap_or_default();
                self.partial.load_payment(id, known.state, known.sequence);
            }
            EntityKey::Payout(id) => {
                let known = self.durable.payouts.get(&id).cloned().unwrap_or_default();
                self.partial.load_payout(id, known.state, known.sequence);
            }
            EntityKey::Beneficiary(id) => {
                let known = self.durable.beneficiaries.get(&id).cloned();
                let known = known.unwrap_or_default();
                self.partial
                    .load_beneficiary(id, known.state, known.sequence);
            }
            EntityKey::Settlement(id) => {
                let known = self.durable.settlements.get(&id).cloned();
                let known = known.unwrap_or_default();
                self.partial
                    .load_settlement(id, known.state, known.sequence);
            }
            EntityKey::Owner(key) => {
                let known = self.durable.owners.get(&key).cloned().unwrap_or_default();
                self.partial.load_owner(key, known.state, known.sequence);
            }
            EntityKey::Profile(key) => {
                let known = self.durable.profiles.get(&key).cloned().unwrap_or_default();
                self.partial.load_profile(key, known.state, known.sequence);
            }
            EntityKey::VerificationCase(id) => {
                let known = self.durable.cases.get(&id).cloned().unwrap_or_default();
                self.partial.load_case(id, known.state, known.sequence);
            }
            EntityKey::Onboarding(key) => {
                let known = self.durable.onboardings.get(&key).cloned();
                let known = known.unwrap_or_default();
                self.partial
                    .load_onboarding(key, known.state, known.sequence);
            }
            EntityKey::OwnerOf(wallet) => {
                if let Some(owner) = self.durable.owner_of(wallet) {
                    self.partial.load_owner_of(wallet, owner);
                }
            }
            EntityKey::Usage(owner) => {
                let rows = self.read_model.usage_of(owner).cloned();
                let as_of = self.read_model.position();
                self.partial
                    .load_usage(owner, rows.unwrap_or_default(), as_of)
                    .unwrap();
            }
        }
    }

    /// Loads what a command needs; says whether anything was loaded.
    fn load_for(&mut self, command: &Command) -> bool {
        for round in 0.. {
            let keys = lacking(&mut self.partial, command);
            if keys.is_empty() {
                return round > 0;
            }
            // A capture's hold, its receiver, whose that is, what they have used, what else they own.
            assert!(round < 5, "{command:?} still lacks {keys:?}");
            for key in keys {
                self.load(key);
            }
        }
        false
    }

    fn is_behind(&self) -> bool {
        self.folded < self.log.len()
    }

    /// Gives up what is in flight and folds what another node wrote.
    fn catch_up(&mut self) {
        if let Some(first) = self.in_flight.first() {
            self.partial.take_back(first.cached);
            self.in_flight.clear();
        }
        for event in &self.log[self.folded..] {
            self.partial.apply(event).unwrap();
        }
        self.folded = self.log.len();
    }

    /// The append would find the head moved or a stream begun already.
    fn conflicts<'a>(&self, mut events: impl Iterator<Item = &'a NewEvent>) -> bool {
        let taken = |event: &NewEvent| {
            self.log
                .iter()
                .any(|old| (old.stream, old.sequence) == (event.stream, event.sequence))
        };
        self.is_behind() || events.any(taken)
    }

    /// Decides one command as the executor does. `None` when something was loaded that is ahead of
    /// the book: what lies between is to be folded first.
    fn decide_loaded(&mut self, command: &Command, time: Timestamp) -> Option<Decided> {
        if self.load_for(command) && self.is_behind() {
            return None;
        }
        let mut decided = decide(&mut self.partial, command, time);
        while let Err(DecisionError::Lacking(keys)) = decided {
            assert!(!keys.is_empty(), "{command:?} lacks nothing and says so");
            for key in keys {
                self.load(key);
            }
            if self.is_behind() {
                return None;
            }
            decided = decide(&mut self.partial, command, time);
        }
        if decided.is_ok() {
            return Some(decided);
        }
        let Some(key) = lacking_to_refuse(&mut self.partial, command) else {
            return Some(decided);
        };
        self.load(key);
        let again = decide(&mut self.partial, command, time);
        assert!(!matches!(again, Err(DecisionError::Lacking(_))));
        (!self.is_behind()).then_some(again)
    }

    /// Decides a batch on top of what is in flight, and again when the append would fail.
    fn decide_cached(&mut self, batch: &[Command], time: Timestamp) -> (Savepoint, Vec<Decided>) {
        for _ in 0..3 {
            let start = self.partial.savepoint();
            let outcomes: Option<Vec<Decided>> = batch
                .iter()
                .map(|command| self.decide_loaded(command, time))
                .collect();
            let events = outcomes.iter().flatten().flatten().flatten();
            if let Some(outcomes) = &outcomes
                && !self.conflicts(events)
            {
                return (start, outcomes.clone());
            }
            self.partial.take_back(start);
            if self.is_behind() {
                self.catch_up();
            }
            for key in batch.iter().filter_map(begun_entity) {
                if self.partial.lacks(key) {
                    self.load(key);
                }
            }
        }
        panic!("{batch:?} conflicts three times");
    }

    fn decide_batch(&mut self, batch: &[Command]) {
        let time = self.now();
        let (cached, cached_outcomes) = self.decide_cached(batch, time);
        let whole = self.reference.savepoint();
        let decide_whole = |command| decide(&mut self.reference, command, time);
        let outcomes: Vec<Decided> = batch.iter().map(decide_whole).collect();
        assert_eq!(cached_outcomes, outcomes, "{batch:?}");
        let events: Vec<NewEvent> = outcomes.into_iter().flatten().flatten().collect();
        self.in_flight.push(InFlight {
            cached,
            whole,
            events: recorded(&events, time),
        });
        self.check();
    }

    /// The oldest batch is in the log.
    fn commit(&mut self) {
        if self.is_behind() || self.in_flight.is_empty() {
            return;
        }
        let batch = self.in_flight.remove(0);
        for event in &batch.events {
            self.durable.apply(event).unwrap();
        }
        self.folded += batch.events.len();
        self.log.extend(batch.events);
        let next = self.in_flight.first();
        let (cached, whole) = match next {
            Some(next) => (next.cached, next.whole),
            None => (self.partial.savepoint(), self.reference.savepoint()),
        };
        self.partial.settle(cached);
        self.reference.settle(whole);
        self.check();
    }

    /// The append of the oldest batch failed, and with it all that was decided on top of it.
    fn fail(&mut self) {
        if self.is_behind() || self.in_flight.is_empty() {
            return;
        }
        self.partial.take_back(self.in_flight[0].cached);
        self.reference.take_back(self.in_flight[0].whole);
        self.in_flight.clear();
        self.check();
    }

    /// Another node writes, which dooms what is in flight here; this node learns of it later.
    fn write_elsewhere(&mut self, command: &Command) {
        if let Some(first) = self.in_flight.first() {
            self.reference.take_back(first.whole);
        }
        let time = self.now();
        let events = decide(&mut self.reference, command, time).unwrap_or_default();
        if events.is_empty() {
            // Nothing was written, so nothing is doomed; start the reference over all the same.
            if !self.is_behind() {
                self.catch_up();
            }
            return;
        }
        self.reference.settle(self.reference.savepoint());
        for event in recorded(&events, time) {
            self.durable.apply(&event).unwrap();
            self.log.push(event);
        }
    }

    fn project(&mut self, count: usize) {
        let from = usize::try_from(self.read_model.position().value()).unwrap();
        let to = self.log.len().min(from + count);
        for event in &self.log[from..to] {
            self.read_model.apply(event).unwrap();
        }
    }

    /// Forgets, on the word of a checkpoint that may have been read a while ago.
    fn evict(&mut self, capacity: usize, age: i64) {
        self.partial.advance_tick();
        let durable = Position::try_new(i64::try_from(self.folded).unwrap()).unwrap();
        let checkpoint = self.read_model.position().value() - age;
        let checkpoint = Position::try_new(checkpoint).unwrap_or(Position::START);
        self.partial.evict(capacity, checkpoint, durable);
        self.check();
    }

    /// Loads what a command needs though it may be there already, as two queries under way do.
    fn load_again(&mut self, command: &Command) {
        let mut unaware = self.partial.clone();
        unaware.evict(0, Position::START, Position::START);
        for key in lacking(&mut unaware, command) {
            self.load(key);
        }
        if self.is_behind() {
            self.catch_up();
        }
        self.check();
    }

    /// After all of it, a fold of the log says what the partial book does.
    fn end(mut self) {
        self.catch_up();
        if let Some(first) = self.in_flight.first() {
            self.reference.take_back(first.whole);
        }
        let mut fresh = Book::complete();
        for event in &self.log {
            fresh.apply(event).unwrap();
        }
        assert!(Sight::of(&fresh).agrees_with(&Sight::of(&self.partial)));
    }

    /// What the partial book has loaded is what the complete book says.
    fn check(&self) {
        if !self.is_behind() {
            let (part, whole) = (Sight::of(&self.partial), Sight::of(&self.reference));
            assert!(whole.agrees_with(&part), "{part:#?}\n{whole:#?}");
        }
    }
}

#[derive(Debug, Clone)]
enum Happening {
    Decide(Vec<Command>),
    Commit,
    Fail,
    WriteElsewhere(Command),
    Learn,
    Project(usize),
    Evict(usize, i64),
    LoadAgain(Command),
}

fn happening(command: impl Fn() -> BoxedStrategy<Command>) -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => prop::collection::vec(command(), 1..4).prop_map(Happening::Decide),
        6 => Just(Happening::Commit),
        1 => Just(Happening::Fail),
        2 => command().prop_map(Happening::WriteElsewhere),
        1 => Just(Happening::Learn),
        4 => (1..12_usize).prop_map(Happening::Project),
        4 => (0..6_usize, 0..9_i64).prop_map(|(capacity, age)| Happening::Evict(capacity, age)),
        1 => command().prop_map(Happening::LoadAgain),
    ]
}

fn run(mut world: World, happenings: &[Happening]) -> World {
    for happening in happenings {
        match happening {
            Happening::Decide(batch) => world.decide_batch(batch),
            Happening::Commit => world.commit(),
            Happening::Fail => world.fail(),
            Happening::WriteElsewhere(command) => world.write_elsewhere(command),
            Happening::Learn if world.is_behind() => world.catch_up(),
            Happening::Learn => {}
            Happening::Project(count) => world.project(*count),
            Happening::Evict(capacity, age) => world.evict(*capacity, *age),
            Happening::LoadAgain(command) => world.load_again(command),
        }
    }
    world
}

/// Else the second revert would be decided on the transaction as the log has it, without the first.
#[test]
fn a_transaction_is_forgotten_only_when_nothing_of_it_is_in_flight() {
    let mut world = World::new();
    let moved = requested(wallet(1), wallet(2), "INR", "5");
    world.decide_batch(&[post(1, vec![moved])]);
    world.decide_batch(&[revert(1, 2)]);
    world.commit();
    world.decide_batch(&[revert(1, 3)]);
    assert!(world.in_flight[1].events.is_empty());
    world.commit();
    world.commit();
    for done in [1, 2] {
        let id = transaction_id(done);
        assert!(!world.partial.transactions.contains_key(&id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_partial_book_decides_as_a_complete_one(
        happenings in prop::collection::vec(happening(any_command), 1..120),
    ) {
        run(World::new(), &happenings).end();
    }

    /// The same where everybody is limited: what is used is loaded, forgotten and taken back like money.
    #[test]
    fn a_partial_book_limits_as_a_complete_one(
        happenings in prop::collection::vec(happening(super::tiers::any_limited_command), 1..160),
    ) {
        run(World::begun_with(&super::tiers::beginning()), &happenings).end();
    }

    /// Everything that an onboarding looks at is loaded before it does.
    #[test]
    fn a_partial_book_onboards_as_a_complete_one(
        happenings in prop::collection::vec(happening(super::onboarding::any_command), 1..80),
    ) {
        run(World::begun_with(&super::tiers::beginning()), &happenings).end();
    }
}
