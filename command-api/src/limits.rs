//! How often somebody may ask: per address, per account and per API key, by groups of operations.
//!
//! Each limit is a bucket (GCRA, by `governor`): it holds as many requests as the limit allows in its time,
//! and fills evenly. A request that finds a bucket empty is refused before anything is done, and takes
//! nothing from the bucket. Every answer says how its limits stand, in the fields `RateLimit-Policy` and
//! `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10.
//!
//! People, also those of other issuers, are counted as accounts. Machines are counted as keys: one with an
//! API key has nothing else, and all tokens of a client are one. The address is counted before anybody is
//! asked who they are, so guesses count; the account or key after that, and before the database is asked
//! whether they may.
//!
//! Bound: each limit remembers a fixed number of addresses, accounts or keys ([`store`]). Buckets that are
//! full again are forgotten every minute. Nodes count each for itself.
//!
//! Cost: two buckets and both fields take 0.7 to 0.9 us together (two shared cores, release build), 1.2 us when
//! each of 50,000 callers comes in turn.

mod fields;
mod group;
mod limiter;
pub mod settings;
mod store;
#[cfg(test)]
mod tests;
mod visit;

use std::array;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use identity::subject::Subject;
use poem::http::HeaderValue;
use tokio_util::sync::CancellationToken;

pub use group::Group;
pub use settings::{Allowance, Allowances, LimitFault, LimitSettings};
pub use visit::{Party, Visit, count_address, count_party};

use limiter::{Limiter, Standing};

/// How often full buckets are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// All limits of a node.
pub struct Limits {
    groups: [GroupLimits; Group::ALL.len()],
}

/// The limits of one group; those that are switched off are not there.
struct GroupLimits {
    address: Option<Limiter<IpAddr>>,
    account: Option<Limiter<Subject>>,
    key: Option<Limiter<Subject>>,
    policies: Policies,
}

/// `RateLimit-Policy`, by who asks.
struct Policies {
    nobody: Option<HeaderValue>,
    account: Option<HeaderValue>,
    key: Option<HeaderValue>,
}

impl Limits {
    /// Limits that nobody has used yet.
    #[must_use]
    pub fn new(settings: &LimitSettings) -> Self {
        Self {
            groups: array::from_fn(|index| GroupLimits::new(Group::ALL[index], settings)),
        }
    }

    /// Forgets full buckets now and then, until it is told to stop.
    pub async fn forget_full(self: Arc<Self>, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(FORGET_EVERY);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            for group in &self.groups {
                group.forget_full();
            }
        }
    }

    fn group(&self, group: Group) -> &GroupLimits {
        &self.groups[group.index()]
    }
}

impl GroupLimits {
    fn new(group: Group, settings: &LimitSettings) -> Self {
        let remembered = settings.remembered;
        let (by_address, by_account, by_key) = (
            settings.address.of(group),
            settings.account.of(group),
            settings.key.of(group),
        );
        let address = Limiter::start(group.address_policy(), by_address, remembered);
        let account = Limiter::start(group.account_policy(), by_account, remembered);
        let key = Limiter::start(group.key_policy(), by_key, remembered);
        let of_address = address.as_ref().map(Limiter::policy);
        let policies = Policies {
            nobody: fields::joined(of_address, None),
            account: fields::joined(of_address, account.as_ref().map(Limiter::policy)),
            key: fields::joined(of_address, key.as_ref().map(Limiter::policy)),
        };
        Self {
            address,
            account,
            key,
            policies,
        }
    }

    fn forget_full(&self) {
        self.address.iter().for_each(Limiter::forget_full);
        self.account.iter().for_each(Limiter::forget_full);
        self.key.iter().for_each(Limiter::forget_full);
    }

    fn count_party(&self, party: Party) -> Option<Standing> {
        match party {
            Party::Account(subject) => self.account.as_ref().map(|limit| limit.count(&subject)),
            Party::Key(subject) => self.key.as_ref().map(|limit| limit.count(&subject)),
        }
    }
}

impl Policies {
    const fn of(&self, party: Option<Party>) -> Option<&HeaderValue> {
        match party {
            None => self.nobody.as_ref(),
            Some(Party::Account(_)) => self.account.as_ref(),
            Some(Party::Key(_)) => self.key.as_ref(),
        }
    }
}
