//! A ledger in memory: the domain's own decisions and book, and keys as the executor keeps them.

use std::collections::HashMap;
use std::sync::Mutex;

use connectors::beancount::SubmitCommands;
use event_store::executor::{
    Applied, Atomicity, CommandOutcome, Outcome, Refusal, Submission, SubmitError,
};
use ledger_core::book::{Book, NewEvent};
use ledger_core::decision::{DecisionError, decide};
use ledger_core::{AccountId, LedgerName, Timestamp};
use rust_decimal::Decimal;

#[derive(Default)]
pub struct MemoryLedger {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    book: Book,
    events: Vec<NewEvent>,
    keys: HashMap<(String, String), ([u8; 32], Outcome)>,
    faults: HashMap<usize, SubmitError>,
    submissions: usize,
}

impl MemoryLedger {
    /// Makes the submission of that number, from 0, fail without effect.
    pub fn fail(&self, submission: usize, error: SubmitError) {
        self.state.lock().unwrap().faults.insert(submission, error);
    }

    pub fn submissions(&self) -> usize {
        self.state.lock().unwrap().submissions
    }

    pub fn events(&self) -> Vec<NewEvent> {
        self.state.lock().unwrap().events.clone()
    }

    /// Credits less debits of an account.
    pub fn credits_less_debits(&self, account: AccountId) -> Decimal {
        let state = self.state.lock().unwrap();
        let totals = state.book.standing(account).unwrap().posted;
        totals.credits.value() - totals.debits.value()
    }
}

impl SubmitCommands for MemoryLedger {
    async fn submit_commands(
        &self,
        _: LedgerName,
        submission: Submission,
    ) -> Result<Outcome, SubmitError> {
        self.state.lock().unwrap().submit(&submission)
    }
}

impl State {
    fn submit(&mut self, submission: &Submission) -> Result<Outcome, SubmitError> {
        assert_eq!(submission.atomicity, Atomicity::AllOrNothing);
        assert!(!submission.commands.is_empty());
        let number = self.submissions;
        self.submissions += 1;
        if let Some(error) = self.faults.remove(&number) {
            return Err(error);
        }
        if let Some(key) = &submission.idempotency
            && let Some((hash, outcome)) = self
                .keys
                .get(&(key.scope().to_owned(), key.key().to_owned()))
        {
            if hash != key.request_hash() {
                return Err(SubmitError::IdempotencyKeyReused);
            }
            let mut replay = outcome.clone();
            replay.replayed = true;
            return Ok(replay);
        }
        Ok(self.decide(submission))
    }

    fn decide(&mut self, submission: &Submission) -> Outcome {
        let before = self.book.savepoint();
        let recorded_at: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
        let mut commands = Vec::new();
        let mut events = Vec::new();
        for (index, command) in submission.commands.iter().enumerate() {
            match decide(&mut self.book, command, recorded_at) {
                Ok(decided) => events.extend(decided),
                Err(error @ (DecisionError::Book(_) | DecisionError::Lacking(_))) => {
                    panic!("{error}")
                }
                Err(DecisionError::Rejected(rejection)) => {
                    self.book.take_back(before);
                    events.clear();
                    commands = vec![CommandOutcome::NotApplied; submission.commands.len()];
                    commands[index] = CommandOutcome::Refused(Box::new(Refusal::from(&rejection)));
                    break;
                }
            }
            commands.push(CommandOutcome::Applied(Applied {
                position: self.book.position(),
                created: None,
            }));
        }
        let outcome = Outcome {
            recorded_at,
            position: self.book.position(),
            commands,
            replayed: false,
        };
        if let (Some(key), false) = (&submission.idempotency, events.is_empty()) {
            let place = (key.scope().to_owned(), key.key().to_owned());
            self.keys
                .insert(place, (*key.request_hash(), outcome.clone()));
        }
        self.events.extend(events);
        outcome
    }
}
