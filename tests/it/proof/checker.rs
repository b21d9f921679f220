//! Judges a history by the log it led to. Linear in both, but for the refusals, each of which looks
//! at the positions between its call and its answer.

mod instants;
mod violation;

use std::collections::{BTreeSet, HashMap};

use self::instants::Instants;
pub use self::violation::Violation;
use super::history::{Answer, Attempt, History, Operation, Position, Refusal, Request, account_of};
use super::log::{Commit, Fact};
use super::model::{Chosen, Timeline};

/// Judges; the timeline is for further questions.
pub fn check(history: &History, log: &[Commit]) -> (Timeline, Vec<Violation>) {
    let mut check = Check::new(history, log);
    check.replay();
    check.answers();
    check.real_time();
    check.reads();
    (check.timeline, check.violations)
}

pub(super) struct Check<'a> {
    history: &'a History,
    log: &'a [Commit],
    timeline: Timeline,
    /// The commit of an attempt, by request id.
    of_attempt: HashMap<&'a str, &'a Commit>,
    /// The commit of an operation, by name.
    of_operation: HashMap<&'a str, &'a Commit>,
    /// Positions at which no command is half done.
    boundaries: BTreeSet<Position>,
    violations: Vec<Violation>,
}

impl<'a> Check<'a> {
    fn new(history: &'a History, log: &'a [Commit]) -> Self {
        Self {
            history,
            log,
            timeline: Timeline::new(&history.overdrafts),
            of_attempt: HashMap::new(),
            of_operation: HashMap::new(),
            boundaries: BTreeSet::from([0]),
            violations: Vec::new(),
        }
    }

    fn attempts(&self) -> impl Iterator<Item = (&'a Operation, &'a Attempt)> + use<'a> {
        let with_name = |operation: &'a Operation| {
            operation
                .attempts
                .iter()
                .map(move |attempt| (operation, attempt))
        };
        self.history.operations.iter().flat_map(with_name)
    }

    /// The log, event by event: gap-free, asked for, once, legal where it stands, conserving.
    fn replay(&mut self) {
        let owners: HashMap<&str, &Operation> = self
            .attempts()
            .map(|(operation, attempt)| (attempt.request_id.as_str(), operation))
            .collect();
        let mut next = 1;
        for commit in self.log {
            if commit.first() > self.history.begins_after {
                self.claim(commit, owners.get(commit.request_id.as_str()).copied());
            }
            for (position, fact) in &commit.facts {
                if *position != next {
                    self.violations.push(Violation::Gap {
                        expected: next,
                        found: *position,
                    });
                }
                next = position + 1;
                self.timeline.apply(*position, fact);
                let unbalanced = self.timeline.sums().iter().find(|(_, sum)| **sum != 0);
                if let Some((asset, _)) = unbalanced {
                    self.violations.push(Violation::NotConserved {
                        position: *position,
                        asset,
                    });
                }
            }
            self.boundaries.insert(commit.last());
        }
    }

    /// Finds who asked for a commit and whether it is what the rules make of that.
    fn claim(&mut self, commit: &'a Commit, owner: Option<&'a Operation>) {
        let Some(operation) = owner else {
            let (position, request) = (commit.first(), commit.request_id.clone());
            return self
                .violations
                .push(Violation::Unasked { position, request });
        };
        let name = operation.name.as_str();
        if let Some(before) = self.of_operation.insert(name, commit) {
            let positions = [before.last(), commit.last()];
            self.violations.push(Violation::AppliedTwice {
                name: name.to_owned(),
                positions,
            });
        }
        self.of_attempt.insert(&commit.request_id, commit);
        let chosen = Chosen::in_facts(commit.facts.iter().map(|(_, fact)| fact));
        let before = commit.first() - 1;
        let allowed = self
            .timeline
            .judge(before, name, &operation.request, &chosen);
        let found: Vec<&Fact> = commit.facts.iter().map(|(_, fact)| fact).collect();
        let as_asked = allowed
            .as_ref()
            .is_ok_and(|allowed| allowed.iter().eq(found.iter().copied()))
            && !matches!(
                operation.request,
                Request::Trial { .. } | Request::Balance { .. }
            );
        if !as_asked {
            self.violations.push(Violation::NotAsAsked {
                name: name.to_owned(),
                position: commit.last(),
                allowed: format!("{allowed:?}"),
                found: format!("{found:?}"),
            });
        }
    }

    /// Every answer to a command, against what the log holds of it.
    fn answers(&mut self) {
        for (operation, attempt) in self.attempts() {
            let own = self.of_attempt.get(attempt.request_id.as_str()).copied();
            let request = || attempt.request_id.clone();
            match &attempt.answer {
                Answer::Accepted {
                    position,
                    id,
                    replayed,
                } => {
                    let Some(commit) = self.of_operation.get(operation.name.as_str()) else {
                        let (name, position) = (operation.name.clone(), *position);
                        self.violations.push(Violation::Lost { name, position });
                        continue;
                    };
                    let right = (commit.last(), id_of(operation, commit), own.is_none());
                    if (*position, id.as_str(), *replayed) != (right.0, right.1.as_str(), right.2) {
                        self.violations.push(Violation::WrongAnswer {
                            request: request(),
                            answer: format!("{:?}", attempt.answer),
                            found: format!("{right:?}"),
                        });
                    }
                }
                Answer::Refused(_)
                | Answer::Denied(_)
                | Answer::Tried { .. }
                | Answer::Seen { .. } => {
                    if let Some(commit) = own {
                        let position = commit.last();
                        self.violations.push(Violation::DeniedButDone {
                            request: request(),
                            position,
                        });
                    }
                }
                Answer::Unknown(_) => {}
                Answer::Strange(answer) => {
                    let answer = answer.clone();
                    self.violations.push(Violation::Strange {
                        request: request(),
                        answer,
                    });
                }
            }
        }
    }

    /// Gives every answer the earliest instant of the log at which it is right, in order of their
    /// calls, and finds those that have none. The earliest is the best choice: it leaves most room
    /// to all that were called after it.
    fn real_time(&mut self) {
        let mut attempts: Vec<_> = self.attempts().collect();
        attempts.sort_by_key(|(_, attempt)| attempt.invoked);
        let end = self.log.last().map_or(0, Commit::last);
        let calls = attempts.iter().filter_map(|(_, attempt)| {
            let commit = self.of_attempt.get(attempt.request_id.as_str())?;
            Some((attempt.invoked, commit.first() - 1))
        });
        let mut instants = Instants::new(calls, end, self.history.begins_after);
        for (operation, attempt) in attempts {
            let floor = instants.floor(attempt.invoked);
            let ceiling = instants.ceiling(attempt.completed);
            if let Some(commit) = self.of_attempt.get(attempt.request_id.as_str())
                && commit.first() <= floor
            {
                self.violations.push(Violation::Inversion {
                    request: attempt.request_id.clone(),
                    position: commit.last(),
                    not_before: floor,
                });
            }
            if let Some(instant) = self.instant_of(operation, attempt, [floor, ceiling]) {
                instants.answered(attempt.completed, instant);
            }
        }
    }

    /// Where in the log an answer is right; reports the answer when nowhere.
    fn instant_of(
        &mut self,
        operation: &Operation,
        attempt: &Attempt,
        [floor, ceiling]: [Position; 2],
    ) -> Option<Position> {
        let request = || attempt.request_id.clone();
        match &attempt.answer {
            Answer::Accepted { position, .. }
            | Answer::Seen {
                as_of: position, ..
            } => {
                if *position > ceiling {
                    let (position, not_after) = (*position, ceiling);
                    let request = request();
                    self.violations.push(Violation::FromTheFuture {
                        request,
                        position,
                        not_after,
                    });
                }
                Some(*position)
            }
            Answer::Refused(refusal) => {
                // Had the intent been in the log already, the answer had been that of then.
                let effect = self.of_operation.get(operation.name.as_str());
                let ceiling = effect.map_or(ceiling, |commit| ceiling.min(commit.first() - 1));
                let right = |at: &Position| {
                    self.is_boundary(*at)
                        && self
                            .judge(*at, operation)
                            .is_err_and(|judged| judged == *refusal)
                };
                let found = (floor..=ceiling).find(right);
                if found.is_none() {
                    let instead = format!("{:?}", self.judge(floor, operation));
                    self.violations.push(Violation::WrongRefusal {
                        request: request(),
                        refusal: refusal.clone(),
                        between: [floor, ceiling],
                        instead,
                    });
                }
                found
            }
            Answer::Tried { position } => {
                let judged = self.judge(*position, operation);
                let possible = (floor..=ceiling).contains(position) && self.is_boundary(*position);
                if !possible || judged.is_err() {
                    self.violations.push(Violation::WrongTrial {
                        request: request(),
                        position: *position,
                        between: [floor, ceiling],
                        instead: format!("{judged:?}"),
                    });
                }
                possible.then_some(*position)
            }
            Answer::Denied(_) | Answer::Unknown(_) | Answer::Strange(_) => None,
        }
    }

    fn is_boundary(&self, at: Position) -> bool {
        self.boundaries.contains(&at)
    }

    fn judge(&self, at: Position, operation: &Operation) -> Result<(), Refusal> {
        let chosen = Chosen::default();
        let judged = self
            .timeline
            .judge(at, &operation.name, &operation.request, &chosen);
        judged.map(|_| ())
    }

    /// Balances: right at the position they are of, of no half command, and as fresh as asked.
    fn reads(&mut self) {
        let mut reads: Vec<_> = self.attempts().collect();
        reads.sort_by_key(|(_, attempt)| attempt.completed);
        let mut last_seen: HashMap<usize, Position> = HashMap::new();
        for (operation, attempt) in reads {
            let (
                Request::Balance { holder, asset, .. },
                Answer::Seen {
                    as_of,
                    balance,
                    reserved,
                    available,
                },
            ) = (&operation.request, &attempt.answer)
            else {
                continue;
            };
            let (request, as_of) = (|| attempt.request_id.clone(), *as_of);
            let account = account_of(holder, asset);
            let state = self.timeline.account(&account, as_of);
            let right = (
                state.balance,
                state.reserved,
                self.timeline.available(&account, as_of),
            );
            let found = (*balance, *reserved, *available);
            if found != right {
                self.violations.push(Violation::WrongBalance {
                    request: request(),
                    as_of,
                    found: format!("{found:?}"),
                    right: format!("{right:?}"),
                });
            }
            if !self.is_boundary(as_of) {
                self.violations.push(Violation::TornRead {
                    request: request(),
                    as_of,
                });
            }
            let seen = last_seen.entry(operation.client).or_default();
            let not_before = attempt.min_position.max(*seen);
            if as_of < not_before {
                self.violations.push(Violation::StaleRead {
                    request: request(),
                    as_of,
                    not_before,
                });
            }
            *seen = as_of.max(*seen);
        }
    }
}

/// The id that an acknowledgement must name.
fn id_of(operation: &Operation, commit: &Commit) -> String {
    let chosen = Chosen::in_facts(commit.facts.iter().map(|(_, fact)| fact));
    match &operation.request {
        Request::Hold { .. } => chosen.hold,
        Request::Void { hold } => hold.clone(),
        _ => chosen.transaction,
    }
}
