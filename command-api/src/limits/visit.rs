//! One request, as far as limits are concerned: where it comes from, and what it was counted against.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::subject::Subject;
use poem::Request;
use poem::http::HeaderMap;
use serde_json::json;

use super::limiter::{Standing, whole_seconds};
use super::{Group, Limits, fields};
use crate::problem::{Problem, catalogue};

/// Who is counted besides the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// A person.
    Account(Subject),
    /// A machine: an API key, or a client with all of its tokens.
    Key(Subject),
}

/// A request on its way; put into it by [`crate::edge`].
#[derive(Clone)]
pub struct Visit(Arc<Parts>);

struct Parts {
    limits: Arc<Limits>,
    address: Option<IpAddr>,
    counted: Mutex<Counted>,
}

/// What a request was counted against: the address first, then whoever asks.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    group: Option<Group>,
    address: Option<Standing>,
    party: Option<Party>,
    of_party: Option<Standing>,
}

impl Party {
    /// What somebody is counted as.
    #[must_use]
    pub const fn of(subject: Subject) -> Self {
        match subject {
            Subject::Person(_) | Subject::External(_) => Self::Account(subject),
            Subject::Machine(_) => Self::Key(subject),
        }
    }
}

impl Visit {
    /// A request from this address that was not counted yet.
    #[must_use]
    pub fn new(limits: Arc<Limits>, address: Option<IpAddr>) -> Self {
        Self(Arc::new(Parts {
            limits,
            address,
            counted: Mutex::default(),
        }))
    }

    /// Where the request comes from.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.0.address
    }

    /// Says in a response how the limits stand that its request was counted against.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let counted = *self.counted();
        let Some(group) = counted.group else { return };
        let policies = &self.0.limits.group(group).policies;
        let Some(standing) = fields::standing(counted.address, counted.of_party) else {
            return;
        };
        if let Some(policy) = policies.of(counted.party) {
            headers.insert(fields::RATE_LIMIT_POLICY, policy.clone());
        }
        headers.insert(fields::RATE_LIMIT, standing);
    }

    pub(super) fn count_address(&self, group: Group) -> Result<(), Problem> {
        let limit = self.0.limits.group(group).address.as_ref();
        let standing = match (limit, self.0.address) {
            (Some(limit), Some(address)) => Some(limit.count(&partition(address))),
            _ => None,
        };
        {
            let mut counted = self.counted();
            counted.group = Some(group);
            counted.address = standing;
        }
        checked(standing)
    }

    pub(super) fn count_party(&self, group: Group, party: Party) -> Result<(), Problem> {
        let standing = self.0.limits.group(group).count_party(party);
        {
            let mut counted = self.counted();
            counted.group = Some(group);
            counted.party = Some(party);
            counted.of_party = standing;
        }
        checked(standing)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0
            .counted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request against its address.
///
/// # Errors
/// `too_many_requests`.
pub fn count_address(request: &Request, group: Group) -> Result<(), Problem> {
    request
        .data::<Visit>()
        .map_or(Ok(()), |visit| visit.count_address(group))
}

/// Counts a request against whoever asks.
///
/// # Errors
/// `too_many_requests`.
pub fn count_party(request: &Request, group: Group, party: Party) -> Result<(), Problem> {
    request
        .data::<Visit>()
        .map_or(Ok(()), |visit| visit.count_party(group, party))
}

/// What shares a bucket: an IPv4 address; of IPv6 the /64, which is what one household or machine is given.
pub(super) fn partition(address: IpAddr) -> IpAddr {
    const NETWORK: u128 = u128::MAX << 64;
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
    }
}

fn checked(standing: Option<Standing>) -> Result<(), Problem> {
    let Some(Standing {
        name,
        allowance,
        wait: Some(wait),
        ..
    }) = standing
    else {
        return Ok(());
    };
    metrics::counter!("daybook_requests_refused_total", "limit" => name).increment(1);
    let seconds = whole_seconds(wait);
    let detail = format!(
        "{} requests in {} s are allowed here; come again in {seconds} s",
        allowance.requests, allowance.seconds
    );
    let context = json!({
        "limit": name,
        "requests": allowance.requests,
        "seconds": allowance.seconds,
    });
    Err(Problem::new(catalogue::TOO_MANY_REQUESTS, detail)
        .with_context(context)
        .with_retry_after(std::time::Duration::from_secs(seconds)))
}
