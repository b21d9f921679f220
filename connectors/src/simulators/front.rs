//! The front of a simulated gateway: requests counted, faults armed or by chance, a clock that can be put
//! forward, a seed.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use poem::http::StatusCode;
use poem::http::header::{CONTENT_LENGTH, RETRY_AFTER};
use poem::{Body, Response};
use serde_json::Value;

use super::faults::{Fault, Faults};
use super::mischief::Chances;
use super::rewriting::Rewriting;

/// The longest that a delay by chance takes.
const LONGEST_DELAY_MS: u64 = 300;

/// How a provider words an error of its own.
pub(super) type ErrorBody = fn(status: StatusCode, message: &str) -> Value;

/// The same, with the code that a fault names.
pub(super) type Words<'a> = dyn Fn(StatusCode, Option<u32>, &str) -> Value + Sync + 'a;

#[derive(Debug)]
pub(super) struct Front {
    pub faults: Faults,
    error: ErrorBody,
    chances: Mutex<Chances>,
    rewriting: Mutex<Option<Rewriting>>,
    dice: Mutex<fastrand::Rng>,
    is_down: AtomicBool,
    requests: AtomicU64,
    clock_ahead_ms: AtomicU64,
}

/// An answer of a provider.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

impl Reply {
    pub(super) fn new(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    pub(super) fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }

    pub(super) fn respond(&self) -> Response {
        let mut response = Response::builder()
            .status(self.status)
            .content_type("application/json");
        for (name, value) in &self.headers {
            response = response.header(*name, value);
        }
        response.body(self.body.to_string())
    }
}

impl Front {
    pub(super) fn new(seed: u64, error: ErrorBody) -> Self {
        Self {
            faults: Faults::default(),
            error,
            chances: Mutex::default(),
            rewriting: Mutex::default(),
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            is_down: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            clock_ahead_ms: AtomicU64::new(0),
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn set_chances(&self, chances: Chances) {
        *lock(&self.chances) = chances;
    }

    pub(super) fn chances(&self) -> Chances {
        *lock(&self.chances)
    }

    pub(super) fn rewrite(&self, rewriting: Option<Rewriting>) {
        *lock(&self.rewriting) = rewriting;
    }

    pub(super) fn rewriting(&self) -> Option<Rewriting> {
        lock(&self.rewriting).clone()
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    pub(super) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.clock_ahead_ms.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        let ahead = i64::try_from(self.clock_ahead_ms.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        TimeDelta::try_milliseconds(ahead)
            .and_then(|ahead| Utc::now().checked_add_signed(ahead))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Whether something with that chance in a thousand happens.
    pub(super) fn happens(&self, chance: u32) -> bool {
        chance > 0 && lock(&self.dice).u32(0..1000) < chance
    }

    /// A number up to that one.
    pub(super) fn up_to(&self, most: u64) -> u64 {
        lock(&self.dice).u64(0..=most)
    }

    /// Answers one request with `work`, or wrongly.
    pub(super) async fn answer(&self, work: impl FnOnce() -> Reply) -> Response {
        let words = |status, _code, message: &str| (self.error)(status, message);
        self.answer_in_words(&words, work).await
    }

    /// The same, with errors in words that depend on the code which a fault names.
    pub(super) async fn answer_in_words(
        &self,
        words: &Words<'_>,
        work: impl FnOnce() -> Reply,
    ) -> Response {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if self.is_down.load(Ordering::Relaxed) {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return error(words, status, None, "Service Unavailable");
        }
        let work = || {
            let mut reply = work();
            if let Some(rewriting) = self.rewriting() {
                rewriting.apply(&mut reply.body);
            }
            reply
        };
        match self.faults.take().or_else(|| self.by_chance()) {
            None => work().respond(),
            Some(fault) => wrongly(fault, words, work).await,
        }
    }

    fn by_chance(&self) -> Option<Fault> {
        let chances = self.chances();
        let ordered = [
            (chances.fail, Fault::Fail),
            (chances.fail_afterwards, Fault::FailAfterwards),
            (chances.break_off, Fault::BreakOff),
            (chances.nonsense, Fault::Nonsense),
            (
                chances.rate_limit,
                Fault::RateLimit {
                    retry_after_seconds: None,
                },
            ),
        ];
        for (chance, fault) in ordered {
            if self.happens(chance) {
                return Some(fault);
            }
        }
        let delay = || Fault::Delay(Duration::from_millis(self.up_to(LONGEST_DELAY_MS)));
        self.happens(chances.delay).then(delay)
    }
}

async fn wrongly(fault: Fault, words: &Words<'_>, work: impl FnOnce() -> Reply) -> Response {
    let failed = || {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        error(words, status, None, "Internal Server Error")
    };
    match fault {
        Fault::Fail => failed(),
        Fault::FailAfterwards => {
            work();
            failed()
        }
        Fault::Delay(time) => {
            let reply = work();
            tokio::time::sleep(time).await;
            reply.respond()
        }
        Fault::DelayBefore(time) => {
            tokio::time::sleep(time).await;
            work().respond()
        }
        Fault::RateLimit {
            retry_after_seconds,
        } => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut response = error(words, status, None, "Too many requests");
            if let Some(seconds) = retry_after_seconds {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            response
        }
        Fault::Refuse {
            status,
            code,
            message,
        } => error(words, status, Some(code), &message),
        Fault::Page => Response::builder()
            .content_type("text/html; charset=utf-8")
            .body("<!DOCTYPE html><title>Maintenance</title><p>We will be back soon."),
        Fault::Nonsense => {
            work();
            Response::builder()
                .content_type("application/json")
                .body(r#"{"id":["what"],"amount":1e2,"status":7}"#)
        }
        Fault::BreakOff => broken_off(&work().body.to_string()),
    }
}

fn error(words: &Words<'_>, status: StatusCode, code: Option<u32>, message: &str) -> Response {
    Reply::new(status, words(status, code, message)).respond()
}

/// Whether a provider still knows an idempotency key: for a day, as Stripe promises.
pub(super) fn is_remembered(kept_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now.signed_duration_since(kept_at) < TimeDelta::days(1)
}

/// Fewer bytes than are announced, after which the connection closes.
fn broken_off(whole: &str) -> Response {
    let half = whole.as_bytes().get(..whole.len() / 2).unwrap_or_default();
    let half = Bytes::copy_from_slice(half);
    let parts = [Ok::<_, io::Error>(half)];
    Response::builder()
        .content_type("application/json")
        .header(CONTENT_LENGTH, whole.len())
        .body(Body::from_bytes_stream(futures_util::stream::iter(parts)))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
