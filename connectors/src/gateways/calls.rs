//! One way to call a provider: time limit, circuit, repeats with growing random pauses.
//!
//! A call is repeated when nothing was done (no connection, too many calls) or when the adapter says that
//! a repeat is harmless ([`Repeat`]); everything else is the caller's decision, by
//! [`GatewayError::advice`].

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};

use super::circuit::{Circuits, Permit};
use super::{
    Advice, Availability, CircuitPolicy, GatewayError, GatewayStartError, Operation, Provider,
};
use crate::outbound::{Answer, BaseUrl, OutboundClient, OutboundError};

/// The most often one call is made.
const MOST_ATTEMPTS: u32 = 5;

/// The longest `Retry-After` that a call waits for by itself.
const LONGEST_OWN_WAIT: Duration = Duration::from_secs(2);

/// The longest answer: a page of a report with its largest rows.
const LONGEST_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// How often and how long one call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallPolicy {
    /// Attempts in all, 1 to 5; other numbers count as the nearest of these.
    pub attempts: u32,
    /// How long one attempt may take.
    pub time_limit: Duration,
    /// The longest pause before the second attempt; it doubles with each, and each pause is a random
    /// part of it, at least half.
    pub first_pause: Duration,
    /// When the provider is left alone.
    pub circuit: CircuitPolicy,
}

impl Default for CallPolicy {
    /// Three attempts of at most 15 seconds, with pauses of at most 0.3 and 0.6 seconds.
    fn default() -> Self {
        Self {
            attempts: 3,
            time_limit: Duration::from_secs(15),
            first_pause: Duration::from_millis(300),
            circuit: CircuitPolicy::default(),
        }
    }
}

/// Whether a call may be made again when nobody knows whether it was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It asks, or it does nothing a second time: the last answer counts.
    Harmless,
    /// It moves money, and the provider knows it again by its key. What is refused to a repeat says nothing
    /// of the call whose answer was lost before, so that the loss is what is told.
    KnownAgain,
    /// It would be done twice.
    Harmful,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Nothing,
    Json(serde_json::Value),
    Form(String),
}

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    pub operation: Operation,
    pub repeat: Repeat,
    pub method: Method,
    /// Path and query, from a slash on.
    pub path: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Body,
}

impl Call {
    /// A question.
    pub(super) fn get(operation: Operation, path: impl Into<String>) -> Self {
        Self {
            operation,
            repeat: Repeat::Harmless,
            method: Method::GET,
            path: path.into(),
            headers: Vec::new(),
            body: Body::Nothing,
        }
    }

    /// Something to be done, which is not repeated.
    pub(super) fn post(operation: Operation, path: impl Into<String>, body: Body) -> Self {
        Self {
            operation,
            repeat: Repeat::Harmful,
            method: Method::POST,
            path: path.into(),
            headers: Vec::new(),
            body,
        }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Harmless;
        self
    }

    pub(super) fn known_again(mut self) -> Self {
        self.repeat = Repeat::KnownAgain;
        self
    }
}

/// Calls one provider.
#[derive(Debug)]
pub(super) struct Caller {
    provider: Provider,
    client: OutboundClient,
    base_url: String,
    policy: CallPolicy,
    circuits: Circuits,
}

impl Caller {
    pub(super) fn try_new(
        provider: Provider,
        base_url: &BaseUrl,
        policy: CallPolicy,
    ) -> Result<Self, GatewayStartError> {
        Ok(Self {
            provider,
            client: OutboundClient::try_new(base_url)?.with_longest_answer(LONGEST_ANSWER_BYTES),
            base_url: base_url.as_str().to_owned(),
            policy,
            circuits: Circuits::new(policy.circuit),
        })
    }

    pub(super) fn availability(&self, operation: Operation) -> Availability {
        self.circuits.availability(operation, Instant::now())
    }

    /// Makes the call and reads its answer with `read`, which also sorts the provider's refusals.
    pub(super) async fn call<T>(
        &self,
        call: Call,
        read: impl Fn(&Answer) -> Result<T, GatewayError> + Send + Sync,
    ) -> Result<T, GatewayError> {
        let mut longest_pause = self.policy.first_pause;
        let mut attempts_left = self.policy.attempts.clamp(1, MOST_ATTEMPTS);
        let mut lost = None;
        loop {
            attempts_left = attempts_left.saturating_sub(1);
            let error = match self.attempt(&call, &read).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let wait = own_wait(&error, call.repeat).filter(|_| attempts_left > 0);
            let error = lost.take().unwrap_or(error);
            let Some(wait) = wait else {
                return Err(error);
            };
            if call.repeat == Repeat::KnownAgain && error.advice() == Advice::LookUpFirst {
                lost = Some(error);
            }
            tokio::time::sleep(wait.max(part_of(longest_pause))).await;
            longest_pause = longest_pause.saturating_mul(2);
        }
    }

    async fn attempt<T>(
        &self,
        call: &Call,
        read: &(impl Fn(&Answer) -> Result<T, GatewayError> + Send + Sync),
    ) -> Result<T, GatewayError> {
        let permit = self
            .circuits
            .admit(call.operation, Instant::now())
            .map_err(|retry_after| GatewayError::CircuitOpen {
                provider: self.provider,
                operation: call.operation,
                retry_after,
            })?;
        let outcome = self.exchange(call).await.and_then(|answer| {
            self.judge(call.operation, &answer)?;
            read(&answer)
        });
        settle(permit, &outcome);
        outcome
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, GatewayError> {
        let no_answer = |source| GatewayError::NoAnswer {
            provider: self.provider,
            operation: call.operation,
            source,
        };
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.base_url, call.path))
            .header(ACCEPT, "application/json");
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let (kind, body) = match &call.body {
            Body::Nothing => (None, Bytes::new()),
            Body::Json(body) => (Some("application/json"), body.to_string().into()),
            Body::Form(body) => (
                Some("application/x-www-form-urlencoded"),
                body.clone().into(),
            ),
        };
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|source| no_answer(OutboundError::Request(source)))?;
        self.client
            .send(request, self.policy.time_limit)
            .await
            .map_err(no_answer)
    }

    /// What every provider means alike.
    fn judge(&self, operation: Operation, answer: &Answer) -> Result<(), GatewayError> {
        let status = answer.status;
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(GatewayError::RateLimited {
                provider: self.provider,
                retry_after: answer.retry_after(),
            });
        }
        if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            return Err(GatewayError::Failed {
                provider: self.provider,
                operation,
                status: status.as_u16(),
            });
        }
        Ok(())
    }
}

fn settle<T>(permit: Permit<'_>, outcome: &Result<T, GatewayError>) {
    match outcome {
        Err(error) if error.is_outage() => permit.failed(Instant::now()),
        _ => permit.healthy(),
    }
}

/// How long to wait at least before another attempt of our own, or nothing when there is to be none.
fn own_wait(error: &GatewayError, repeat: Repeat) -> Option<Duration> {
    match (error.advice(), repeat) {
        (Advice::TryLater { after }, _) => {
            let wait = after.unwrap_or(Duration::ZERO);
            let is_open = matches!(error, GatewayError::CircuitOpen { .. });
            (wait <= LONGEST_OWN_WAIT && !is_open).then_some(wait)
        }
        (Advice::LookUpFirst, Repeat::Harmless | Repeat::KnownAgain) => Some(Duration::ZERO),
        (Advice::LookUpFirst, Repeat::Harmful) | (Advice::GiveUp | Advice::TellAPerson, _) => None,
    }
}

/// A random part, at least half: callers that failed together do not come back together.
fn part_of(pause: Duration) -> Duration {
    let whole = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(fastrand::u64(whole / 2..=whole))
}
