//! What was asked, when, of whom, and what was answered.
//!
//! Amounts are whole hundredths of whatever asset; times are nanoseconds of one monotonic clock,
//! that of the process that runs all clients.

use serde_json::Value;

pub type Position = i64;
pub type Hundredths = i64;

/// A movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub source: String,
    pub destination: String,
    pub asset: &'static str,
    pub amount: Hundredths,
}

/// What becomes of the rest of a hold after a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Kept,
    Released,
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Transfer {
        id: Option<String>,
        moves: Vec<Move>,
    },
    /// A transfer that is only tried.
    Trial {
        moves: Vec<Move>,
    },
    Hold {
        id: Option<String>,
        source: String,
        asset: &'static str,
        amount: Hundredths,
        destination: String,
    },
    Capture {
        hold: String,
        amount: Option<Hundredths>,
        rest: Rest,
    },
    Void {
        hold: String,
    },
    Revert {
        transaction: String,
    },
    Balance {
        holder: String,
        asset: &'static str,
        /// Whether it asks for the freshest position its client has seen.
        fresh: bool,
    },
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    InsufficientFunds {
        account: String,
        available: Hundredths,
        required: Hundredths,
    },
    HoldNotFound,
    HoldNotActive {
        status: String,
    },
    CaptureNotAnAmount,
    CaptureExceedsHold {
        remaining: Hundredths,
        requested: Hundredths,
    },
    TransactionNotFound,
    AlreadyReverted {
        by: String,
    },
    /// A rule that nothing here should ever break.
    Other(String),
}

/// What an attempt was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200 or 201.
    Accepted {
        position: Position,
        id: String,
        replayed: bool,
    },
    Refused(Refusal),
    /// A trial that would be accepted; the head it was decided at.
    Tried {
        position: Position,
    },
    /// A balance.
    Seen {
        as_of: Position,
        balance: Hundredths,
        reserved: Hundredths,
        /// Only where there is a limit.
        available: Option<Hundredths>,
    },
    /// Told that nothing was done.
    Denied(String),
    /// Not told anything that can be relied on.
    Unknown(String),
    /// An answer that the interface does not promise.
    Strange(String),
}

/// One request on the wire.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// `X-Request-Id`, which the log keeps with the events as `correlation_id`.
    pub request_id: String,
    pub node: usize,
    pub invoked: u64,
    pub completed: u64,
    /// The freshness a balance was asked for.
    pub min_position: Position,
    pub answer: Answer,
}

/// One intent of a client and every attempt at it.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Also the `reference` of what it writes.
    pub name: String,
    pub client: usize,
    pub request: Request,
    /// The header `Idempotency-Key`.
    pub key: Option<String>,
    pub attempts: Vec<Attempt>,
}

impl Operation {
    /// Whether it may be sent again without being two intents.
    pub fn may_be_repeated(&self) -> bool {
        let chosen = match &self.request {
            Request::Transfer { id, .. } | Request::Hold { id, .. } => id.is_some(),
            Request::Trial { .. } | Request::Balance { .. } => false,
            Request::Capture { .. } | Request::Void { .. } | Request::Revert { .. } => false,
        };
        chosen || self.key.is_some()
    }
}

/// Everything that was asked after the books were set up.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub operations: Vec<Operation>,
    /// The last position of the set-up, which is in the log but not in the history.
    pub begins_after: Position,
    /// How far accounts may be overdrawn, by account.
    pub overdrafts: Vec<(String, Hundredths)>,
}

/// The account of a holder.
pub fn account_of(holder: &str, asset: &str) -> String {
    format!("{holder}:{asset}")
}

/// Reads `12`, `12.5`, `-12.50`.
pub fn hundredths(text: &str) -> Option<Hundredths> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || part.trim_end_matches('0').len() > 2 {
        return None;
    }
    let part: Hundredths = format!("{part:0<2}").get(..2)?.parse().ok()?;
    Some(sign * (whole.parse::<Hundredths>().ok()? * 100 + part))
}

/// Writes it as it is sent; without decimals where there are none, for assets that have none.
pub fn decimal(amount: Hundredths) -> String {
    match amount % 100 {
        0 => (amount / 100).to_string(),
        part => format!("{}.{part:02}", amount / 100),
    }
}

/// An amount in a JSON object.
pub fn amount_in(object: &Value, name: &str) -> Option<Hundredths> {
    hundredths(object[name].as_str()?)
}
