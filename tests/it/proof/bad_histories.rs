//! The test of the test: histories with one thing wrong each, and a search that tries every order.

use super::checker::{Violation, check};
use super::history::{Answer, Attempt, History, Move, Operation, Position, Refusal, Request};
use super::log::{Cause, Commit, Fact};

const ASHA: &str = "wallet:asha";
const BALA: &str = "wallet:bala";

fn pay(source: &str, destination: &str, amount: i64) -> Vec<Move> {
    vec![Move {
        source: source.to_owned(),
        destination: destination.to_owned(),
        asset: "INR",
        amount,
    }]
}

/// What a commit of one transfer is.
fn posted(name: &str, attempt: &str, position: Position, moves: Vec<Move>) -> Commit {
    Commit {
        command_id: format!("command {position}"),
        request_id: format!("{name}/{attempt}"),
        facts: vec![(
            position,
            Fact::Posted {
                transaction: format!("t-{name}"),
                moves,
                cause: Cause::Request,
                reference: name.to_owned(),
            },
        )],
    }
}

fn attempt(name: &str, number: &str, [invoked, completed]: [u64; 2], answer: Answer) -> Attempt {
    Attempt {
        request_id: format!("{name}/{number}"),
        node: 0,
        invoked,
        completed,
        min_position: 0,
        answer,
    }
}

fn operation(name: &str, request: Request, attempts: Vec<Attempt>) -> Operation {
    Operation {
        name: name.to_owned(),
        client: 0,
        request,
        key: Some(format!("key of {name}")),
        attempts,
    }
}

fn transfer(name: &str, moves: Vec<Move>, time: [u64; 2], answer: Answer) -> Operation {
    let request = Request::Transfer { id: None, moves };
    operation(name, request, vec![attempt(name, "0", time, answer)])
}

fn accepted(name: &str, position: Position) -> Answer {
    Answer::Accepted {
        position,
        id: format!("t-{name}"),
        replayed: false,
    }
}

fn lacking(available: i64, required: i64) -> Answer {
    Answer::Refused(Refusal::InsufficientFunds {
        account: format!("{ASHA}:INR"),
        available,
        required,
    })
}

fn balance(client: usize, time: [u64; 2], as_of: Position, balance: i64) -> Operation {
    let request = Request::Balance {
        holder: ASHA.to_owned(),
        asset: "INR",
        fresh: true,
    };
    let name = format!("b{}", time[0]);
    let seen = Answer::Seen {
        as_of,
        balance,
        reserved: 0,
        available: Some(balance),
    };
    Operation {
        client,
        ..operation(&name, request, vec![attempt(&name, "0", time, seen)])
    }
}

/// 1: Asha gets 100. 2: she pays Bala 60. Then she is refused 50.
fn good() -> (History, Vec<Commit>) {
    let (deposit, payment) = (pay("system:cash", ASHA, 100), pay(ASHA, BALA, 60));
    let operations = vec![
        transfer("deposit", deposit.clone(), [10, 20], accepted("deposit", 1)),
        transfer("payment", payment.clone(), [30, 40], accepted("payment", 2)),
        transfer("refused", pay(ASHA, BALA, 50), [50, 60], lacking(40, 50)),
        balance(1, [70, 80], 2, 40),
    ];
    let log = vec![
        posted("deposit", "0", 1, deposit),
        posted("payment", "0", 2, payment),
    ];
    let history = History {
        operations,
        ..History::default()
    };
    (history, log)
}

fn violations(history: &History, log: &[Commit]) -> Vec<Violation> {
    check(history, log).1
}

#[test]
fn a_good_history_passes() {
    let (mut history, log) = good();
    assert_eq!(violations(&history, &log), []);
    // An attempt whose answer was lost, and its repeat elsewhere, which is told what happened.
    let payment = &mut history.operations[1];
    payment.attempts[0].answer = Answer::Unknown("connection lost".to_owned());
    let repeat = Answer::Accepted {
        position: 2,
        id: "t-payment".to_owned(),
        replayed: true,
    };
    payment
        .attempts
        .push(attempt("payment", "1", [41, 45], repeat));
    assert_eq!(violations(&history, &log), []);
}

#[test]
fn a_lost_acknowledged_write_is_found() {
    let (history, mut log) = good();
    log.pop();
    let found = violations(&history, &log);
    let lost = Violation::Lost {
        name: "payment".to_owned(),
        position: 2,
    };
    assert!(found.contains(&lost), "{found:?}");
}

#[test]
fn a_write_that_is_applied_twice_is_found() {
    let (mut history, mut log) = good();
    let repeat = attempt("payment", "1", [31, 45], Answer::Unknown(String::new()));
    history.operations[1].attempts.push(repeat);
    history.operations[0].request = Request::Transfer {
        id: None,
        moves: pay("system:cash", ASHA, 200),
    };
    log[0] = posted("deposit", "0", 1, pay("system:cash", ASHA, 200));
    log.push(posted("payment", "1", 3, pay(ASHA, BALA, 60)));
    let found = violations(&history, &log);
    let twice = Violation::AppliedTwice {
        name: "payment".to_owned(),
        positions: [2, 3],
    };
    assert!(found.contains(&twice), "{found:?}");
}

#[test]
fn a_stale_refusal_is_found() {
    let (mut history, log) = good();
    // True before the deposit, which had been acknowledged before this was asked.
    history.operations[2] = transfer("refused", pay(ASHA, BALA, 50), [25, 35], lacking(0, 50));
    let found = violations(&history, &log);
    assert!(
        matches!(
            &found[..],
            [Violation::WrongRefusal {
                between: [1, 2],
                ..
            }]
        ),
        "{found:?}"
    );
    // The same answer is right when the two were asked at the same time.
    history.operations[2] = transfer("refused", pay(ASHA, BALA, 50), [15, 35], lacking(0, 50));
    assert_eq!(violations(&history, &log), []);
}

#[test]
fn refusals_that_contradict_each_other_in_time_are_found() {
    let (mut history, log) = good();
    // The first saw the payment; the second was asked later and did not.
    let later = transfer("later", pay(ASHA, BALA, 150), [34, 37], lacking(100, 150));
    history.operations[2] = transfer("refused", pay(ASHA, BALA, 50), [31, 33], lacking(40, 50));
    history.operations.push(later);
    let found = violations(&history, &log);
    assert!(
        matches!(
            &found[..],
            [Violation::WrongRefusal {
                between: [2, 2],
                ..
            }]
        ),
        "{found:?}"
    );
}

#[test]
fn a_real_time_inversion_is_found() {
    let (mut history, log) = good();
    // The payment, second in the log, was answered before the deposit was asked for.
    history.operations[1].attempts[0].invoked = 1;
    history.operations[1].attempts[0].completed = 5;
    let found = violations(&history, &log);
    let inverted = |violation: &Violation| {
        matches!(
            violation,
            Violation::Inversion {
                position: 1,
                not_before: 2,
                ..
            }
        )
    };
    assert!(found.iter().any(inverted), "{found:?}");
    let early = |violation: &Violation| matches!(violation, Violation::FromTheFuture { .. });
    assert!(found.iter().any(early), "{found:?}");
}

#[test]
fn stale_wrong_and_torn_reads_are_found() {
    let (mut history, mut log) = good();
    history.operations[3] = balance(1, [70, 80], 1, 100);
    assert_eq!(violations(&history, &log), []);
    history.operations[3].attempts[0].min_position = 2;
    let stale = violations(&history, &log);
    assert!(matches!(
        &stale[..],
        [Violation::StaleRead {
            as_of: 1,
            not_before: 2,
            ..
        }]
    ));
    history.operations[3] = balance(1, [70, 80], 2, 40);
    history.operations.push(balance(1, [90, 95], 1, 100));
    let backwards = violations(&history, &log);
    assert!(matches!(
        &backwards[..],
        [Violation::StaleRead {
            as_of: 1,
            not_before: 2,
            ..
        }]
    ));
    history.operations.pop();
    history.operations[3] = balance(1, [70, 80], 2, 100);
    let wrong = violations(&history, &log);
    assert!(matches!(
        &wrong[..],
        [Violation::WrongBalance { as_of: 2, .. }]
    ));
    // Both events in one commit: between them nobody may look.
    history.operations.truncate(2);
    history.operations.push(balance(1, [70, 80], 1, 100));
    let second = log.pop().unwrap();
    log[0].facts.extend(second.facts);
    let torn = violations(&history, &log);
    let is_torn = |violation: &Violation| matches!(violation, Violation::TornRead { as_of: 1, .. });
    assert!(torn.iter().any(is_torn), "{torn:?}");
}

#[test]
fn what_nobody_asked_or_was_not_allowed_is_found() {
    let (mut history, mut log) = good();
    log.push(posted("ghost", "0", 4, pay("system:cash", BALA, 5)));
    let found = violations(&history, &log);
    let unasked = Violation::Unasked {
        position: 4,
        request: "ghost/0".to_owned(),
    };
    let gap = Violation::Gap {
        expected: 3,
        found: 4,
    };
    assert_eq!(found, [unasked, gap]);
    // Money that was not there, and another amount than was asked.
    log.pop();
    for amount in [160, 59] {
        log[1] = posted("payment", "0", 2, pay(ASHA, BALA, amount));
        if amount == 160 {
            let moves = pay(ASHA, BALA, amount);
            history.operations[1].request = Request::Transfer { id: None, moves };
        }
        let found = violations(&history, &log);
        assert!(
            matches!(&found[0], Violation::NotAsAsked { position: 2, .. }),
            "{found:?}"
        );
    }
}

#[test]
fn an_answer_that_denies_what_was_done_is_found() {
    let (mut history, log) = good();
    history.operations[1].attempts[0].answer = Answer::Denied("log_unavailable".to_owned());
    let found = violations(&history, &log);
    assert!(
        matches!(&found[..], [Violation::DeniedButDone { position: 2, .. }]),
        "{found:?}"
    );
    let (mut history, log) = good();
    history.operations[1].attempts[0].answer = accepted("payment", 1);
    let found = violations(&history, &log);
    assert!(
        matches!(&found[0], Violation::WrongAnswer { .. }),
        "{found:?}"
    );
}
