//! What a simulator is told to do wrong, request by request.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poem::http::StatusCode;

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers 500 and does nothing.
    Fail,
    /// Does what was asked, then answers 500.
    FailAfterwards,
    /// Does what was asked, and answers only after this time.
    Delay(Duration),
    /// Does what was asked only after this time, whether or not anybody still waits for the answer.
    DelayBefore(Duration),
    /// Answers 429 and does nothing.
    RateLimit {
        /// The `Retry-After` header, in seconds.
        retry_after_seconds: Option<u64>,
    },
    /// Answers an error of the provider and does nothing.
    Refuse {
        /// The HTTP status.
        status: StatusCode,
        /// The provider's code.
        code: u32,
        /// The provider's words.
        message: String,
    },
    /// Answers 200 with a page of HTML, as a proxy or a maintenance page does.
    Page,
    /// Does what was asked and answers 200 with JSON that makes no sense.
    Nonsense,
    /// Does what was asked, and the answer breaks off in the middle.
    BreakOff,
}

/// The faults of the next requests, in order.
#[derive(Debug, Default)]
pub struct Faults {
    next: Mutex<VecDeque<Fault>>,
}

impl Faults {
    /// Lets the next `requests` requests (after those that have a fault already) go wrong.
    pub fn arm(&self, fault: &Fault, requests: usize) {
        let mut next = self.next();
        next.extend(std::iter::repeat_n(fault.clone(), requests));
    }

    /// How many requests will still go wrong.
    #[must_use]
    pub fn armed(&self) -> usize {
        self.next().len()
    }

    /// Forgets those that are armed.
    pub fn disarm(&self) {
        self.next().clear();
    }

    /// The fault of this request.
    pub(super) fn take(&self) -> Option<Fault> {
        self.next().pop_front()
    }

    fn next(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
