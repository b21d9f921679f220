//! One way to call a provider: time limit, circuit, repeats with growing random pauses.
//!
//! A call is repeated when nothing was done (no connection, too many calls) or when the adapter says that
//! a repeat is harmless ([`Repeat`]); everything else is the caller's decision, by
//! [`CallError::advice`].

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};

use super::circuit::{Circuits, Permit};
use super::{Advice, Availability, CallError, CircuitPolicy, StartError};
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
pub(crate) enum Repeat {
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
pub(crate) enum Body {
    Nothing,
    Json(serde_json::Value),
    Form(String),
}

impl Body {
    /// Its content type and its bytes.
    fn bytes(&self) -> (Option<&'static str>, Bytes) {
        match self {
            Self::Nothing => (None, Bytes::new()),
            Self::Json(body) => (Some("application/json"), body.to_string().into()),
            Self::Form(body) => (
                Some("application/x-www-form-urlencoded"),
                body.clone().into(),
            ),
        }
    }
}

/// What a signature of a request covers.
#[derive(Debug)]
pub(crate) struct Unsigned<'a> {
    pub method: &'a Method,
    /// Path and query, from a slash on.
    pub path: &'a str,
    pub body: &'a [u8],
}

type Sign = dyn Fn(&Unsigned<'_>) -> Vec<(HeaderName, HeaderValue)> + Send + Sync;

/// Signs each attempt anew, for providers that refuse signatures of a minute ago. `Debug` shows no key.
#[derive(Clone)]
pub(crate) struct Signer(Arc<Sign>);

impl Signer {
    pub(crate) fn new(
        sign: impl Fn(&Unsigned<'_>) -> Vec<(HeaderName, HeaderValue)> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(sign))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signer")
    }
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call<O> {
    pub operation: O,
    pub repeat: Repeat,
    pub method: Method,
    /// Path and query, from a slash on.
    pub path: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Body,
}

impl<O> Call<O> {
    /// A question.
    pub(crate) fn get(operation: O, path: impl Into<String>) -> Self {
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
    pub(crate) fn post(operation: O, path: impl Into<String>, body: Body) -> Self {
        Self {
            operation,
            repeat: Repeat::Harmful,
            method: Method::POST,
            path: path.into(),
            headers: Vec::new(),
            body,
        }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Harmless;
        self
    }

    pub(crate) fn known_again(mut self) -> Self {
        self.repeat = Repeat::KnownAgain;
        self
    }
}

/// Calls one provider.
#[derive(Debug)]
pub(crate) struct Caller<P, O> {
    provider: P,
    client: OutboundClient,
    base_url: String,
    policy: CallPolicy,
    circuits: Circuits<O>,
    signer: Option<Signer>,
}

impl<P: Copy + 'static, O: Copy + Eq + Hash + 'static> Caller<P, O> {
    pub(crate) fn try_new(
        provider: P,
        base_url: &BaseUrl,
        policy: CallPolicy,
    ) -> Result<Self, StartError> {
        Ok(Self {
            provider,
            client: OutboundClient::try_new(base_url)?.with_longest_answer(LONGEST_ANSWER_BYTES),
            base_url: base_url.as_str().to_owned(),
            policy,
            circuits: Circuits::new(policy.circuit),
            signer: None,
        })
    }

    /// Signs every request.
    pub(crate) fn with_signer(mut self, signer: Signer) -> Self {
        self.signer = Some(signer);
        self
    }

    pub(crate) fn availability(&self, operation: O) -> Availability {
        self.circuits.availability(operation, Instant::now())
    }

    /// Makes the call and reads its answer with `read`, which also sorts the provider's refusals.
    pub(crate) async fn call<T>(
        &self,
        call: Call<O>,
        read: impl Fn(&Answer) -> Result<T, CallError<P, O>> + Send + Sync,
    ) -> Result<T, CallError<P, O>> {
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
        call: &Call<O>,
        read: &(impl Fn(&Answer) -> Result<T, CallError<P, O>> + Send + Sync),
    ) -> Result<T, CallError<P, O>> {
        let permit = self
            .circuits
            .admit(call.operation, Instant::now())
            .map_err(|retry_after| CallError::CircuitOpen {
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

    async fn exchange(&self, call: &Call<O>) -> Result<Answer, CallError<P, O>> {
        let no_answer = |source| CallError::NoAnswer {
            provider: self.provider,
            operation: call.operation,
            source,
        };
        let (kind, body) = call.body.bytes();
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.base_url, call.path))
            .header(ACCEPT, "application/json");
        let signed = self.signer.iter().flat_map(|signer| {
            (signer.0)(&Unsigned {
                method: &call.method,
                path: &call.path,
                body: &body,
            })
        });
        for (name, value) in call.headers.iter().cloned().chain(signed) {
            request = request.header(name, value);
        }
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
    fn judge(&self, operation: O, answer: &Answer) -> Result<(), CallError<P, O>> {
        let status = answer.status;
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(CallError::RateLimited {
                provider: self.provider,
                retry_after: answer.retry_after(),
            });
        }
        if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            return Err(CallError::Failed {
                provider: self.provider,
                operation,
                status: status.as_u16(),
            });
        }
        Ok(())
    }
}

fn settle<T, P: 'static, O: Copy + Eq + Hash + 'static>(
    permit: Permit<'_, O>,
    outcome: &Result<T, CallError<P, O>>,
) {
    match outcome {
        Err(error) if error.is_outage() => permit.failed(Instant::now()),
        _ => permit.healthy(),
    }
}

/// How long to wait at least before another attempt of our own, or nothing when there is to be none.
fn own_wait<P: 'static, O: 'static>(error: &CallError<P, O>, repeat: Repeat) -> Option<Duration> {
    match (error.advice(), repeat) {
        (Advice::TryLater { after }, _) => {
            let wait = after.unwrap_or(Duration::ZERO);
            let is_open = matches!(error, CallError::CircuitOpen { .. });
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::{Body, Call, CallPolicy, Caller, Signer};
    use crate::identity_providers::{Operation, Provider};

    /// A signature that is of the first attempt would be too old for the last.
    #[tokio::test]
    async fn each_attempt_is_signed() {
        let signed = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&signed);
        let policy = CallPolicy {
            first_pause: Duration::from_micros(10),
            ..CallPolicy::default()
        };
        // Nobody listens there, so that nothing is done and the call is made again.
        let url = "http://127.0.0.1:9/base".parse().unwrap();
        let caller = Caller::try_new(Provider::Sumsub, &url, policy).unwrap();
        let caller = caller.with_signer(Signer::new(move |request| {
            assert_eq!(
                (request.method.as_str(), request.path, request.body),
                ("POST", "/path?query", br#"{"a":1}"#.as_slice())
            );
            counter.fetch_add(1, Ordering::Relaxed);
            Vec::new()
        }));
        let body = Body::Json(serde_json::json!({"a": 1}));
        let call = Call::post(Operation::OpenCase, "/path?query", body);
        assert!(caller.call(call, |_| Ok(())).await.is_err());
        assert_eq!(signed.load(Ordering::Relaxed), 3);
    }
}
