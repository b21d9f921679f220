//! Taking requests in: loading what they need, deciding them, filling the pending batch.

use crate::error_chain::ErrorChain;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ledger_core::book::{Book, EntityKey, NewEvent};
use ledger_core::decision::{self, DecisionError};
use ledger_core::{Command, Timestamp};
use uuid::Uuid;

use super::batch::{Batch, Decided};
use super::idempotency_key::{IdempotencyKey, KeyName};
use super::ledger_task::LedgerTask;
use super::lookup::{self, LoadFault};
use super::outcome::{Applied, CommandOutcome, Outcome, Refusal};
use super::submission::{Atomicity, Request, Submission, SubmitError};

/// What one submission comes to, before its append.
struct Decision {
    answer: Result<Outcome, SubmitError>,
    events: Vec<NewEvent>,
    /// What a decision turned out to depend on and is not loaded; there is no answer before it is.
    lacking: Vec<EntityKey>,
}

impl LedgerTask {
    /// Decides requests into the pending batch. Requests that need no append are answered.
    pub(super) async fn prepare(&mut self, requests: Vec<Request>) {
        if requests.is_empty() {
            return;
        }
        if self.book.is_none() && self.is_appending() {
            self.backlog.extend(requests);
            return;
        }
        if !self.ready().await {
            for request in requests {
                request.answer(Err(SubmitError::Unavailable));
            }
            return;
        }
        if !self.has_room_in_book().await {
            for request in requests {
                request.answer(Err(SubmitError::Overloaded));
            }
            return;
        }
        if let Some(book) = &mut self.book {
            book.advance_tick();
        }
        let careful = self.careful > 0;
        self.careful = self.careful.saturating_sub(1);
        if careful && !self.look_up_keys(&requests).await {
            return self.give_up(requests);
        }
        let requests = self.answer_replays(requests);
        if let Err(fault) = self.load_lacking(&requests, careful).await {
            return self.load_failed(requests, &fault);
        }
        let mut requests = requests.into_iter();
        while let Some(request) = requests.next() {
            if let Err((request, fault)) = self.take_in(request).await {
                let rest = std::iter::once(request).chain(requests).collect();
                return self.load_failed(rest, &fault);
            }
        }
    }

    /// Decides one request. Gives it back when what it needs could not be loaded.
    async fn take_in(&mut self, request: Request) -> Result<(), (Request, LoadFault)> {
        if let Some(key) = &request.submission.idempotency
            && self.undecided_keys.contains(&key.name())
        {
            self.deferred.push(request);
            return Ok(());
        }
        // What earlier requests of the batch began may make later ones need more.
        let commands = &request.submission.commands;
        if commands.iter().any(decision::needs_follow_from_book)
            && let Err(fault) = self
                .load_lacking(std::slice::from_ref(&request), false)
                .await
        {
            return Err((request, fault));
        }
        let keys = match self.persons.keys(self.ledger, &request.submission).await {
            Ok(keys) => keys,
            Err(fault) => return self.take_in_without_keys(request, fault),
        };
        let mut decision = match self.decide_surely(&request.submission).await {
            Ok(decision) => decision,
            Err(fault) => return Err((request, fault)),
        };
        if let Err(fault) = keys.seal(self.ledger, &mut decision.events) {
            self.take_last_back();
            return self.take_in_without_keys(request, fault);
        }
        if decision.events.is_empty() && request.submission.idempotency.is_some() {
            return self.take_in_refusal(request, decision.answer).await;
        }
        match (&mut self.pending, &mut self.book) {
            (Some(batch), Some(book)) => {
                batch.add(request, decision, book);
                self.undecided_keys.extend(batch.last_key());
            }
            (_, _) => request.answer(Err(SubmitError::Fault)),
        }
        Ok(())
    }

    /// Decides a submission on top of the pending batch. A refusal of something that would begin a
    /// stream stands only once that stream was looked up: the command may have taken place before.
    async fn decide_surely(&mut self, submission: &Submission) -> Result<Decision, LoadFault> {
        loop {
            let Some(book) = &mut self.book else {
                return Ok(Decision::of(Err(SubmitError::Fault)));
            };
            let batch = self.pending.get_or_insert_with(|| {
                let rows = self.spare_rows.pop().unwrap_or_default();
                Batch::new(book.savepoint(), book.position(), recorded_time(book), rows)
            });
            let before = book.savepoint();
            let mut decision = decide(book, submission, batch.recorded_at);
            let mut unsure = std::mem::take(&mut decision.lacking);
            unsure.extend(decision.unsure(book, submission));
            if unsure.is_empty() {
                return Ok(decision);
            }
            book.take_back(before);
            self.load(&unsure).await?;
        }
    }

    /// A refusal under a key stands only if the key was not used: the first attempt may have been
    /// accepted and be what makes this one refused.
    async fn take_in_refusal(
        &mut self,
        request: Request,
        answer: Result<Outcome, SubmitError>,
    ) -> Result<(), (Request, LoadFault)> {
        let keys: Vec<IdempotencyKey> = request.submission.idempotency.iter().cloned().collect();
        let pool = self.database.pool().clone();
        if let Err(error) = self.keys.look_up(&pool, self.ledger, &keys).await {
            return Err((request, LoadFault::Database(error)));
        }
        let replay = self.replay(&request);
        match (replay, &mut self.pending, &mut self.book) {
            (Some(replay), _, _) => request.answer(replay),
            (None, Some(batch), Some(book)) => {
                batch.add(request, Decision::of(answer), book);
            }
            (None, _, _) => request.answer(Err(SubmitError::Fault)),
        }
        Ok(())
    }

    async fn look_up_keys(&mut self, requests: &[Request]) -> bool {
        let keys: Vec<IdempotencyKey> = requests
            .iter()
            .filter_map(|request| request.submission.idempotency.clone())
            .collect();
        let pool = self.database.pool().clone();
        match self.keys.look_up(&pool, self.ledger, &keys).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(
                    error = %ErrorChain(&error),
                    "keys could not be looked up"
                );
                false
            }
        }
    }

    /// The answer to a request whose key is known to have been used.
    fn replay(&self, request: &Request) -> Option<Result<Outcome, SubmitError>> {
        let key = request.submission.idempotency.as_ref()?;
        Some(self.keys.get(key.name())?.answer(key))
    }

    /// Answers requests whose key was used before; gives the others back.
    fn answer_replays(&self, requests: Vec<Request>) -> Vec<Request> {
        let mut rest = Vec::with_capacity(requests.len());
        for request in requests {
            let replay = self.replay(&request);
            match replay {
                Some(replay) => request.answer(replay),
                None => rest.push(request),
            }
        }
        rest
    }

    /// Loads what the requests need; with `careful`, also what they are about to begin, because
    /// an id may be taken.
    async fn load_lacking(&mut self, requests: &[Request], careful: bool) -> Result<(), LoadFault> {
        loop {
            let Some(book) = &mut self.book else {
                return Ok(());
            };
            let commands = || {
                requests
                    .iter()
                    .flat_map(|request| &request.submission.commands)
            };
            let mut lacking: HashSet<EntityKey> = HashSet::new();
            for command in commands() {
                lacking.extend(decision::lacking(book, command));
                if careful && let Some(begun) = decision::begun_entity(command) {
                    lacking.extend(Some(begun).filter(|key| book.lacks(*key)));
                }
            }
            if lacking.is_empty() {
                return Ok(());
            }
            let lacking: Vec<EntityKey> = lacking.into_iter().collect();
            self.load(&lacking).await?;
        }
    }

    /// Loads entities. When the log turns out to be ahead of the book, nothing may be decided on
    /// what was loaded before the book has caught up: the parts would be of different times.
    async fn load(&mut self, keys: &[EntityKey]) -> Result<(), LoadFault> {
        let Some(book) = &mut self.book else {
            return Ok(());
        };
        let loaded = lookup::load(
            book,
            self.database.pool(),
            &*self.accounts,
            self.ledger,
            keys,
        )
        .await?;
        self.clean_through = self.clean_through.max(loaded.accounts_as_of);
        if loaded.reached > book.position() {
            return Err(LoadFault::Behind);
        }
        Ok(())
    }

    fn load_failed(&mut self, requests: Vec<Request>, fault: &LoadFault) {
        if matches!(fault, LoadFault::Behind) || fault.is_stale() {
            self.behind = true;
            for request in requests.into_iter().rev() {
                self.backlog.push_front(request);
            }
            if fault.is_stale() {
                tracing::warn!(
                    ledger = %self.ledger,
                    error = %ErrorChain(fault),
                    "the ledger is opened again"
                );
                self.forget_book();
            }
            return;
        }
        if fault.is_transient() {
            tracing::warn!(
                error = %ErrorChain(fault),
                "the log could not be read"
            );
            return self.give_up(requests);
        }
        self.reopen_later(fault);
        for request in requests {
            request.answer(Err(SubmitError::Fault));
        }
    }

    fn give_up(&mut self, requests: Vec<Request>) {
        for request in requests {
            request.answer(Err(SubmitError::Unavailable));
        }
    }
}

impl Decision {
    /// Without events.
    const fn of(answer: Result<Outcome, SubmitError>) -> Self {
        Self {
            answer,
            events: Vec::new(),
            lacking: Vec::new(),
        }
    }

    /// What must be looked up before the refusals among the outcomes may be answered.
    fn unsure(&self, book: &mut Book, submission: &Submission) -> Vec<EntityKey> {
        let Ok(outcome) = &self.answer else {
            return Vec::new();
        };
        outcome
            .commands
            .iter()
            .zip(&submission.commands)
            .filter(|(outcome, _)| matches!(outcome, CommandOutcome::Refused(_)))
            .filter_map(|(_, command)| decision::lacking_to_refuse(book, command))
            .collect()
    }
}

impl Batch {
    fn add(&mut self, mut request: Request, decision: Decision, book: &mut Book) {
        let Decision { answer, events, .. } = decision;
        match self.encode(&mut request.submission, &answer, &events) {
            Ok(()) => {
                let submission = &request.submission;
                self.commands += submission.commands.len();
                self.after = book.savepoint();
                if !events.is_empty() && self.first_command.is_none() {
                    self.first_command = Some(submission.metadata.command_id);
                }
                let writes = !events.is_empty();
                self.decided.push(Decided {
                    request,
                    answer,
                    writes,
                });
            }
            // The domain's types cannot fail to be written; if they do, nothing may be appended.
            Err(error) => {
                tracing::error!(
                    error = %ErrorChain(&error),
                    "an event cannot be written"
                );
                book.take_back(self.after);
                request.answer(Err(SubmitError::Fault));
            }
        }
    }

    fn encode(
        &mut self,
        submission: &mut Submission,
        answer: &Result<Outcome, SubmitError>,
        events: &[NewEvent],
    ) -> Result<(), serde_json::Error> {
        if events.is_empty() {
            return Ok(());
        }
        let key = submission.idempotency.as_ref();
        let alone = submission.commands.len() == 1;
        let by_stream = key.filter(|key| alone && is_kept_by_stream(key, events));
        submission.metadata.idempotency = by_stream.map(IdempotencyKey::mark);
        let by_row = match by_stream {
            Some(_) => None,
            None => key.zip(answer.as_ref().ok()),
        };
        if let Some((key, outcome)) = by_row {
            self.rows.keys.push(key, outcome, events)?;
        }
        let written = self.rows.events.extend(events, &submission.metadata);
        if written.is_err() && by_row.is_some() {
            self.rows.keys.pop();
        }
        written
    }

    fn last_key(&self) -> Option<KeyName> {
        let decided = self.decided.last()?;
        let key = decided.request.submission.idempotency.as_ref();
        key.map(IdempotencyKey::name).filter(|_| decided.writes)
    }
}

/// Whether all that happens is that a stream begins whose id is the key.
fn is_kept_by_stream(key: &IdempotencyKey, events: &[NewEvent]) -> bool {
    match events {
        [only] => only.sequence == 1 && key.is_id_of(&only.stream),
        _ => false,
    }
}

/// The time of recording of a whole batch: the clock, held back so that recorded time never runs backwards along positions.
fn recorded_time(book: &Book) -> Timestamp {
    let clock = Timestamp::try_new(chrono::Utc::now()).ok();
    clock
        .max(book.recorded_at())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Decides one submission against the book; a panic in it is its own fault and nobody else's.
fn decide(book: &mut Book, submission: &Submission, recorded_at: Timestamp) -> Decision {
    let before = book.savepoint();
    let decided = catch_unwind(AssertUnwindSafe(|| match submission.atomicity {
        Atomicity::Independent => decide_independent(book, submission, recorded_at),
        Atomicity::AllOrNothing => decide_together(book, submission, recorded_at),
        Atomicity::DryRun => {
            let decision = decide_together(book, submission, recorded_at);
            book.take_back(before);
            // What was tried is not in the log: its position would be one that nobody has reached.
            let position = book.position();
            decision.map(|decision| {
                Decision::of(decision.answer.map(|outcome| Outcome {
                    position,
                    ..outcome
                }))
            })
        }
    }));
    match decided {
        Ok(Ok(decision)) => decision,
        Ok(Err(DecisionError::Lacking(lacking))) => {
            book.take_back(before);
            Decision {
                lacking,
                ..Decision::of(Err(SubmitError::Fault))
            }
        }
        Ok(Err(fault)) => {
            tracing::error!(
                error = %ErrorChain(&fault),
                "the book contradicts itself"
            );
            book.take_back(before);
            Decision::of(Err(SubmitError::Fault))
        }
        Err(_) => {
            tracing::error!(command = command_name(submission), "a decision panicked");
            book.take_back(before);
            Decision::of(Err(SubmitError::Fault))
        }
    }
}

fn command_name(submission: &Submission) -> &'static str {
    submission.commands.first().map_or("none", Command::name)
}

fn decide_independent(
    book: &mut Book,
    submission: &Submission,
    recorded_at: Timestamp,
) -> Result<Decision, DecisionError> {
    let mut events = Vec::with_capacity(submission.commands.len());
    let mut outcomes = Vec::with_capacity(submission.commands.len());
    for command in &submission.commands {
        match decision::decide(book, command, recorded_at) {
            Ok(decided) => {
                outcomes.push(CommandOutcome::Applied(applied(command, book)));
                events.extend(decided);
            }
            Err(DecisionError::Rejected(rejection)) => {
                outcomes.push(CommandOutcome::Refused(Box::new(Refusal::from(&rejection))));
            }
            Err(fault @ (DecisionError::Book(_) | DecisionError::Lacking(_))) => return Err(fault),
        }
    }
    Ok(Decision {
        answer: Ok(outcome(book, recorded_at, outcomes)),
        events,
        lacking: Vec::new(),
    })
}

fn decide_together(
    book: &mut Book,
    submission: &Submission,
    recorded_at: Timestamp,
) -> Result<Decision, DecisionError> {
    let before = book.savepoint();
    let mut events = Vec::with_capacity(submission.commands.len());
    let mut outcomes = Vec::with_capacity(submission.commands.len());
    for (index, command) in submission.commands.iter().enumerate() {
        match decision::decide(book, command, recorded_at) {
            Ok(decided) => {
                outcomes.push(CommandOutcome::Applied(applied(command, book)));
                events.extend(decided);
            }
            Err(DecisionError::Rejected(rejection)) => {
                book.take_back(before);
                let mut outcomes = vec![CommandOutcome::NotApplied; submission.commands.len()];
                outcomes[index] = CommandOutcome::Refused(Box::new(Refusal::from(&rejection)));
                let answer = Ok(outcome(book, recorded_at, outcomes));
                return Ok(Decision::of(answer));
            }
            Err(fault @ (DecisionError::Book(_) | DecisionError::Lacking(_))) => return Err(fault),
        }
    }
    Ok(Decision {
        answer: Ok(outcome(book, recorded_at, outcomes)),
        events,
        lacking: Vec::new(),
    })
}

fn applied(command: &Command, book: &Book) -> Applied {
    Applied {
        position: book.position(),
        created: created_id(command),
    }
}

fn outcome(book: &Book, recorded_at: Timestamp, commands: Vec<CommandOutcome>) -> Outcome {
    Outcome {
        recorded_at,
        position: book.position(),
        commands,
        replayed: false,
    }
}

fn created_id(command: &Command) -> Option<Uuid> {
    match decision::begun_entity(command)? {
        EntityKey::Holder(ledger_core::Holder::Wallet(id)) => Some(id.as_uuid()),
        EntityKey::Holder(ledger_core::Holder::System(_)) => None,
        EntityKey::Hold(id) => Some(id.as_uuid()),
        EntityKey::Transaction(id) => Some(id.as_uuid()),
        EntityKey::Payment(id) => Some(id.as_uuid()),
        EntityKey::Payout(id) => Some(id.as_uuid()),
        EntityKey::Beneficiary(id) => Some(id.as_uuid()),
        EntityKey::Settlement(id) => Some(id.as_uuid()),
        EntityKey::VerificationCase(id) => Some(id.as_uuid()),
        EntityKey::OwnerOf(_)
        | EntityKey::Owner(_)
        | EntityKey::Profile(_)
        | EntityKey::Onboarding(_)
        | EntityKey::Usage(_) => None,
    }
}
