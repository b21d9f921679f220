//! The log as it lies in PostgreSQL, read without any of Daybook's own code.

use serde_json::Value;
use sqlx::{Connection, PgConnection};

use super::history::{Hundredths, Move, Position, amount_in};

/// Why a transaction was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    Request,
    Revert(String),
    Capture(String),
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    Posted {
        transaction: String,
        moves: Vec<Move>,
        cause: Cause,
        reference: String,
    },
    Reverted {
        transaction: String,
        by: String,
    },
    Placed {
        hold: String,
        source: String,
        asset: &'static str,
        amount: Hundredths,
        destination: String,
        reference: String,
    },
    Captured {
        hold: String,
        source: String,
        asset: &'static str,
        destination: String,
        amount: Hundredths,
        released: Hundredths,
        remaining: Hundredths,
        transaction: String,
    },
    Voided {
        hold: String,
        source: String,
        asset: &'static str,
        released: Hundredths,
        reason: String,
    },
    /// Of the set-up: a ledger or a wallet was opened.
    Other(String),
}

/// The events that one command appended.
#[derive(Debug, Clone)]
pub struct Commit {
    pub command_id: String,
    pub request_id: String,
    /// In order; never empty.
    pub facts: Vec<(Position, Fact)>,
}

impl Commit {
    pub fn first(&self) -> Position {
        self.facts.first().unwrap().0
    }

    pub fn last(&self) -> Position {
        self.facts.last().unwrap().0
    }
}

/// The assets of these tests.
pub const ASSETS: [&str; 2] = ["INR", "JPY"];

/// Reads the whole log of a ledger, in order of position.
pub async fn read(database_url: &str, ledger: &str) -> Vec<Commit> {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    let rows: Vec<(i64, String, String, String)> = sqlx::query_as(
        "SELECT position, aggregate_id, payload::text, metadata::text \
         FROM daybook.events WHERE ledger = $1 ORDER BY position",
    )
    .bind(ledger)
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut commits: Vec<Commit> = Vec::new();
    for (position, id, payload, metadata) in rows {
        let metadata: Value = serde_json::from_str(&metadata).unwrap();
        let text = |name: &str| metadata[name].as_str().unwrap_or_default().to_owned();
        let fact = fact(&id, &serde_json::from_str(&payload).unwrap())
            .unwrap_or_else(|| panic!("position {position} is not understood: {payload}"));
        match commits.last_mut() {
            Some(last) if last.command_id == text("command_id") => {
                last.facts.push((position, fact));
            }
            _ => commits.push(Commit {
                command_id: text("command_id"),
                request_id: text("correlation_id"),
                facts: vec![(position, fact)],
            }),
        }
    }
    commits
}

fn fact(id: &str, payload: &Value) -> Option<Fact> {
    let (name, said) = payload.as_object()?.iter().next()?;
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    let amount = |name: &str| match said.get(name) {
        None => Some(0),
        Some(_) => amount_in(said, name),
    };
    Some(match name.as_str() {
        "TransactionPosted" => Fact::Posted {
            transaction: id.to_owned(),
            moves: said["postings"]
                .as_array()?
                .iter()
                .map(one_move)
                .collect::<Option<_>>()?,
            cause: cause(said.get("cause"))?,
            reference: text("reference"),
        },
        "TransactionReverted" => Fact::Reverted {
            transaction: id.to_owned(),
            by: text("reverting_transaction"),
        },
        "HoldPlaced" => Fact::Placed {
            hold: id.to_owned(),
            source: text("source"),
            asset: asset(said)?,
            amount: amount_in(said, "amount")?,
            destination: text("destination"),
            reference: text("reference"),
        },
        "HoldCaptured" => Fact::Captured {
            hold: id.to_owned(),
            source: text("source"),
            asset: asset(said)?,
            destination: text("destination"),
            amount: amount_in(said, "amount")?,
            released: amount("released")?,
            remaining: amount("remaining")?,
            transaction: text("transaction"),
        },
        "HoldVoided" => Fact::Voided {
            hold: id.to_owned(),
            source: text("source"),
            asset: asset(said)?,
            released: amount_in(said, "released")?,
            reason: text("reason"),
        },
        other => Fact::Other(other.to_owned()),
    })
}

fn cause(said: Option<&Value>) -> Option<Cause> {
    let Some(said) = said else {
        return Some(Cause::Request);
    };
    let (name, id) = said.as_object()?.iter().next()?;
    let id = id.as_str()?.to_owned();
    match name.as_str() {
        "revert" => Some(Cause::Revert(id)),
        "capture" => Some(Cause::Capture(id)),
        _ => None,
    }
}

fn one_move(said: &Value) -> Option<Move> {
    Some(Move {
        source: said["source"].as_str()?.to_owned(),
        destination: said["destination"].as_str()?.to_owned(),
        asset: asset(said)?,
        amount: amount_in(said, "amount")?,
    })
}

fn asset(said: &Value) -> Option<&'static str> {
    let code = said["asset"].as_str()?;
    ASSETS.into_iter().find(|known| *known == code)
}
