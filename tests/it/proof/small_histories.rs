//! The checker against a plain search for a linearization, on histories small enough to search.

use super::checker::check;
use super::dice::Dice;
use super::history::{Answer, Attempt, History, Move, Operation, Position, Refusal, Request};
use super::log::{Cause, Commit, Fact};

const HISTORIES: usize = 4_000;
const OPERATIONS: usize = 5;
const WALLET: &str = "wallet:asha";
const CASH: &str = "system:cash";

/// One operation as the search sees it.
#[derive(Debug, Clone)]
struct Step {
    invoked: u64,
    completed: u64,
    /// What the wallet gains; it loses when negative.
    change: i64,
    /// What was available when it was refused.
    refused_at: Option<i64>,
}

/// An honest run of one wallet, of which one answer or time is then falsified half of the time.
fn steps(dice: &mut Dice) -> Vec<Step> {
    let mut balance = 0;
    let mut number = |least: usize, most: usize| {
        let number = dice.between(least, most);
        (number, i64::try_from(number).unwrap())
    };
    let mut steps = Vec::new();
    for place in 0..OPERATIONS {
        let amount = number(1, 4).1;
        let change = if number(0, 1).0 == 0 { amount } else { -amount };
        let refused_at = (balance + change < 0).then_some(balance);
        balance += if refused_at.is_none() { change } else { 0 };
        let middle = u64::try_from(100 + 10 * place).unwrap();
        let [before, after] =
            [number(0, 16).0, number(0, 16).0].map(|span| u64::try_from(span).unwrap());
        steps.push(Step {
            invoked: middle - before,
            completed: middle + after,
            change,
            refused_at,
        });
    }
    if number(0, 1).0 == 0 {
        let victim = &mut steps[number(0, OPERATIONS - 1).0];
        let wrong = number(0, 4).1;
        match (number(0, 2).0, victim.refused_at) {
            (0, Some(available)) => victim.refused_at = Some((available - 2 + wrong).max(0)),
            (1, _) => {
                victim.invoked += 25;
                victim.completed += 25;
            }
            _ => {
                victim.invoked -= 25;
                victim.completed -= 25;
            }
        }
    }
    steps
}

/// Whether any order explains the answers: Wing and Gong, without any cleverness.
fn some_order_explains(steps: &[Step], balance: i64) -> bool {
    let Some(deadline) = steps.iter().map(|step| step.completed).min() else {
        return true;
    };
    (0..steps.len()).any(|index| {
        let step = &steps[index];
        let refused = (balance + step.change < 0).then_some(balance);
        if step.invoked > deadline || refused != step.refused_at {
            return false;
        }
        let mut rest = steps.to_vec();
        rest.remove(index);
        let gained = if refused.is_none() { step.change } else { 0 };
        some_order_explains(&rest, balance + gained)
    })
}

fn moves(change: i64) -> Vec<Move> {
    let (source, destination) = if change < 0 {
        (WALLET, CASH)
    } else {
        (CASH, WALLET)
    };
    vec![Move {
        source: source.to_owned(),
        destination: destination.to_owned(),
        asset: "INR",
        amount: change.abs(),
    }]
}

/// The history as the checker sees it, with the log in the order of the steps.
fn written(steps: &[Step]) -> (History, Vec<Commit>) {
    let (mut history, mut log) = (History::default(), Vec::<Commit>::new());
    for (place, step) in steps.iter().enumerate() {
        let (name, moves) = (format!("s{place}"), moves(step.change));
        let answer = match step.refused_at {
            Some(available) => Answer::Refused(Refusal::InsufficientFunds {
                account: format!("{WALLET}:INR"),
                available,
                required: -step.change,
            }),
            None => {
                let position = Position::try_from(log.len() + 1).unwrap();
                let fact = Fact::Posted {
                    transaction: name.clone(),
                    moves: moves.clone(),
                    cause: Cause::Request,
                    reference: name.clone(),
                };
                log.push(Commit {
                    command_id: name.clone(),
                    request_id: name.clone(),
                    facts: vec![(position, fact)],
                });
                Answer::Accepted {
                    position,
                    id: name.clone(),
                    replayed: false,
                }
            }
        };
        let (invoked, completed) = (step.invoked, step.completed);
        let attempt = Attempt {
            request_id: name.clone(),
            node: 0,
            invoked,
            completed,
            min_position: 0,
            answer,
        };
        let request = Request::Transfer { id: None, moves };
        history.operations.push(Operation {
            name,
            client: 0,
            request,
            key: None,
            attempts: vec![attempt],
        });
    }
    (history, log)
}

#[test]
fn what_passes_the_checker_passes_an_exhaustive_search() {
    let (mut both, mut neither, mut only_searched) = (0, 0, 0);
    for seed in 0..HISTORIES {
        let mut dice = Dice::of(u64::try_from(seed).unwrap(), "small");
        let steps = steps(&mut dice);
        let (history, log) = written(&steps);
        let (_, violations) = check(&history, &log);
        match (violations.is_empty(), some_order_explains(&steps, 0)) {
            (true, true) => both += 1,
            (false, false) => neither += 1,
            // Another order than the log explains it. Daybook claims the log.
            (false, true) => only_searched += 1,
            (true, false) => panic!("seed {seed}: no order explains {steps:?}"),
        }
    }
    assert!(
        both > HISTORIES / 2 && neither > 100,
        "{both} {neither} {only_searched}"
    );
}
