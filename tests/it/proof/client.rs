//! Clients: they send what is planned, send it again until they know, and write everything down.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join;
use serde_json::{Value, json};

use super::history::{
    Answer, Attempt, Move, Operation, Position, Refusal, Request, Rest, amount_in, decimal,
};
use super::plan::{Plan, Planned};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Pause before a command is sent again.
const AGAIN: Duration = Duration::from_millis(40);
/// Attempts at one command that are still taken for trouble and not for a failure of Daybook: with
/// the patience above, more than a minute.
const MOST_ATTEMPTS: usize = 600;

/// Where the nodes are at the moment.
pub type Addresses = Arc<Vec<Mutex<String>>>;

/// What all clients share.
#[derive(Clone)]
pub struct Wire {
    pub http: reqwest::Client,
    pub addresses: Addresses,
    pub ledger: String,
    pub begun: Instant,
    pub until: Instant,
}

impl Wire {
    pub fn new(addresses: Addresses, ledger: &str, length: Duration) -> Self {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let begun = Instant::now();
        Self {
            http,
            addresses,
            ledger: ledger.to_owned(),
            begun,
            until: begun + length,
        }
    }

    pub fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap()
    }

    pub fn url(&self, node: usize, path: &str) -> String {
        let address = self.addresses[node].lock().unwrap().clone();
        format!("{address}/v1/ledgers/{}{path}", self.ledger)
    }

    /// Follows a plan until the time is over, and brings what is begun to its end.
    pub async fn follow(self, mut plan: Plan, begins_after: Position) -> Vec<Operation> {
        let mut done = Vec::new();
        let mut seen = begins_after;
        while Instant::now() < self.until {
            let planned = plan.advance();
            let operation = self.carry_out(planned, seen).await;
            for attempt in &operation.attempts {
                seen = seen.max(position_of(&attempt.answer));
            }
            done.push(operation);
        }
        done
    }

    async fn carry_out(&self, planned: Planned, seen: Position) -> Operation {
        let Planned {
            mut operation,
            first_node,
            twice,
        } = planned;
        let nodes = self.addresses.len();
        for number in 0.. {
            assert!(number < MOST_ATTEMPTS, "never answered: {operation:?}");
            let node = (first_node + number) % nodes;
            let id = |which: &str| format!("{}/{number}{which}", operation.name);
            if twice && number == 0 {
                let other = (node + 1) % nodes;
                let both = join(
                    self.attempt(&operation, node, id("a"), seen),
                    self.attempt(&operation, other, id("b"), seen),
                );
                let (first, second) = both.await;
                operation.attempts.extend([first, second]);
            } else {
                let attempt = self.attempt(&operation, node, id(""), seen).await;
                operation.attempts.push(attempt);
            }
            let known = operation
                .attempts
                .iter()
                .any(|attempt| !matches!(attempt.answer, Answer::Denied(_) | Answer::Unknown(_)));
            if known || !operation.may_be_repeated() {
                return operation;
            }
            tokio::time::sleep(AGAIN).await;
        }
        operation
    }

    async fn attempt(
        &self,
        operation: &Operation,
        node: usize,
        request_id: String,
        seen: Position,
    ) -> Attempt {
        let (request, min_position) = self.prepare(operation, node, seen);
        let mut request = request.header("X-Request-Id", &request_id);
        if let Some(key) = &operation.key {
            request = request.header("Idempotency-Key", key);
        }
        let invoked = self.now();
        let answer = match request.send().await {
            Err(error) => Answer::Unknown(kind_of(&error).to_owned()),
            Ok(response) => {
                let status = response.status().as_u16();
                let replayed = response.headers().contains_key("Idempotent-Replayed");
                match response.json::<Value>().await {
                    Ok(body) => read(operation, status, replayed, &body),
                    Err(error) => Answer::Unknown(kind_of(&error).to_owned()),
                }
            }
        };
        Attempt {
            request_id,
            node,
            invoked,
            completed: self.now(),
            min_position,
            answer,
        }
    }

    fn prepare(
        &self,
        operation: &Operation,
        node: usize,
        seen: Position,
    ) -> (reqwest::RequestBuilder, Position) {
        let post = |path: &str, body: Value| self.http.post(self.url(node, path)).json(&body);
        let name = &operation.name;
        let request = match &operation.request {
            Request::Transfer { id, moves } => {
                let body = json!({ "reference": name, "postings": postings(moves) });
                post("/transactions", with_id(body, id.as_ref()))
            }
            Request::Trial { moves } => {
                let body = json!({ "reference": name, "postings": postings(moves) });
                post("/transactions?dry_run=true", body)
            }
            Request::Hold {
                id,
                source,
                asset,
                amount,
                destination,
            } => {
                let body = json!({ "reference": name, "source": source, "asset": asset,
                    "amount": decimal(*amount), "destination": destination });
                post("/holds", with_id(body, id.as_ref()))
            }
            Request::Capture { hold, amount, rest } => {
                let remainder = match rest {
                    Rest::Kept => "keep",
                    Rest::Released => "release",
                };
                let mut body = json!({ "reference": name, "remainder": remainder });
                if let Some(amount) = amount {
                    body["amount"] = decimal(*amount).into();
                }
                post(&format!("/holds/{hold}/capture"), body)
            }
            Request::Void { hold } => {
                post(&format!("/holds/{hold}/void"), json!({ "reason": name }))
            }
            Request::Revert { transaction } => post(
                &format!("/transactions/{transaction}/revert"),
                json!({ "reference": name }),
            ),
            Request::Balance {
                holder,
                asset,
                fresh,
            } => {
                let path = format!("/accounts/{holder}:{asset}");
                return if *fresh {
                    let path = format!("{path}?min_position={seen}&wait_ms=2000");
                    (self.http.get(self.url(node, &path)), seen)
                } else {
                    (self.http.get(self.url(node, &path)), 0)
                };
            }
        };
        (request, 0)
    }
}

fn with_id(mut body: Value, id: Option<&String>) -> Value {
    if let Some(id) = id {
        body["id"] = id.as_str().into();
    }
    body
}

fn postings(moves: &[Move]) -> Value {
    let posting = |one: &Move| {
        json!({ "source": one.source, "destination": one.destination, "asset": one.asset,
                "amount": decimal(one.amount) })
    };
    moves.iter().map(posting).collect()
}

fn position_of(answer: &Answer) -> Position {
    match answer {
        Answer::Accepted { position, .. } | Answer::Tried { position } => *position,
        Answer::Seen { as_of, .. } => *as_of,
        Answer::Refused(_) | Answer::Denied(_) | Answer::Unknown(_) | Answer::Strange(_) => 0,
    }
}

fn kind_of(error: &reqwest::Error) -> &'static str {
    match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        _ => "connection lost",
    }
}

/// Reads an answer as the interface promises it.
fn read(operation: &Operation, status: u16, replayed: bool, body: &Value) -> Answer {
    let code = body["code"].as_str().unwrap_or("none");
    match (status, code) {
        (200 | 201, _) => accepted(operation, status, replayed, body),
        (503, "outcome_unknown") => Answer::Unknown(code.to_owned()),
        (503, "log_unavailable" | "overloaded" | "stopping") | (504, "position_not_reached") => {
            Answer::Denied(code.to_owned())
        }
        (404 | 409 | 422, _) => refused(code, &body["context"]).map_or_else(
            || Answer::Strange(format!("{status} {body}")),
            Answer::Refused,
        ),
        _ => Answer::Strange(format!("{status} {body}")),
    }
}

fn accepted(operation: &Operation, status: u16, replayed: bool, body: &Value) -> Answer {
    let understood = || {
        let position = |name: &str| body[name].as_i64();
        Some(match (&operation.request, status) {
            (Request::Balance { .. }, 200) => Answer::Seen {
                as_of: position("as_of")?,
                balance: amount_in(body, "balance")?,
                reserved: amount_in(body, "reserved")?,
                available: amount_in(body, "available"),
            },
            (Request::Trial { .. }, 200) if body["dry_run"] == true => Answer::Tried {
                position: position("position")?,
            },
            (Request::Capture { .. }, 201) => Answer::Accepted {
                position: position("position")?,
                id: body["transaction"].as_str()?.to_owned(),
                replayed,
            },
            (Request::Void { .. }, 200)
            | (Request::Transfer { .. } | Request::Hold { .. } | Request::Revert { .. }, 201) => {
                Answer::Accepted {
                    position: position("position")?,
                    id: body["id"].as_str()?.to_owned(),
                    replayed,
                }
            }
            _ => return None,
        })
    };
    understood().unwrap_or_else(|| Answer::Strange(format!("{status} {body}")))
}

fn refused(code: &str, context: &Value) -> Option<Refusal> {
    let text = |name: &str| context[name].as_str().map(str::to_owned);
    Some(match code {
        "insufficient_funds" => Refusal::InsufficientFunds {
            account: text("account")?,
            available: amount_in(context, "available")?,
            required: amount_in(context, "required")?,
        },
        "hold_not_found" => Refusal::HoldNotFound,
        "hold_not_active" => Refusal::HoldNotActive {
            status: text("status")?,
        },
        "capture_not_an_amount" => Refusal::CaptureNotAnAmount,
        "capture_exceeds_hold" => Refusal::CaptureExceedsHold {
            remaining: amount_in(context, "remaining")?,
            requested: amount_in(context, "requested")?,
        },
        "transaction_not_found" => Refusal::TransactionNotFound,
        "transaction_already_reverted" => Refusal::AlreadyReverted {
            by: text("reverting_transaction")?,
        },
        other => Refusal::Other(other.to_owned()),
    })
}
