//! What a history can be found guilty of.

use crate::proof::history::{Position, Refusal};

/// What must not be. `name` is the operation's, `request` the attempt's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// The log skips or repeats a position.
    Gap { expected: Position, found: Position },
    /// Nobody asked for what is in the log.
    Unasked { position: Position, request: String },
    /// One intent is in the log twice.
    AppliedTwice {
        name: String,
        positions: [Position; 2],
    },
    /// The log holds something else than was asked, or what was not allowed in that state.
    NotAsAsked {
        name: String,
        position: Position,
        allowed: String,
        found: String,
    },
    /// The balances of an asset do not add up to nothing.
    NotConserved {
        position: Position,
        asset: &'static str,
    },
    /// An acknowledged command is not in the log.
    Lost { name: String, position: Position },
    /// It is there, under another position or id, or the answer says wrongly whether it is a repeat.
    WrongAnswer {
        request: String,
        answer: String,
        found: String,
    },
    /// A caller was told that nothing was done, and it was.
    DeniedButDone { request: String, position: Position },
    /// What was asked later stands before what was answered earlier.
    Inversion {
        request: String,
        position: Position,
        not_before: Position,
    },
    /// No position between call and answer makes this answer right.
    WrongRefusal {
        request: String,
        refusal: Refusal,
        between: [Position; 2],
        instead: String,
    },
    /// Tried at a position that cannot be.
    WrongTrial {
        request: String,
        position: Position,
        between: [Position; 2],
        instead: String,
    },
    /// A balance that never was at the position it is said to be of.
    WrongBalance {
        request: String,
        as_of: Position,
        found: String,
        right: String,
    },
    /// A balance of a state between two events of one command.
    TornRead { request: String, as_of: Position },
    /// A balance older than its client asked for, or has seen before.
    StaleRead {
        request: String,
        as_of: Position,
        not_before: Position,
    },
    /// An answer or a balance from a future that had not been asked for.
    FromTheFuture {
        request: String,
        position: Position,
        not_after: Position,
    },
    /// An answer that the interface does not promise.
    Strange { request: String, answer: String },
}
