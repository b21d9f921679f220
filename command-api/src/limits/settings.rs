//! What the limits are.

use serde::Deserialize;

use super::Group;

/// The longest time of a limit: a day, in seconds.
const LONGEST_SECONDS: u32 = 24 * 60 * 60;

/// The most requests of a limit.
const MOST_REQUESTS: u32 = 1_000_000_000;

/// How many addresses, accounts or keys may be remembered.
const REMEMBERED: std::ops::RangeInclusive<usize> = 1_000..=10_000_000;

/// What the limits of a node are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// How many addresses, accounts or keys each limit remembers.
    pub remembered: usize,
    /// Of each address.
    pub address: Allowances,
    /// Of each person.
    pub account: Allowances,
    /// Of each machine: an API key, or a client.
    pub key: Allowances,
}

/// The limits of each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowances {
    /// Of [`Group::SignIn`].
    pub sign_in: Allowance,
    /// Of [`Group::Codes`].
    pub codes: Allowance,
    /// Of [`Group::Commands`].
    pub commands: Allowance,
    /// Of [`Group::Queries`].
    pub queries: Allowance,
    /// Of [`Group::Streams`].
    pub streams: Allowance,
}

/// How many requests in how many seconds; no limit when there are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// The requests, 1 to 1,000,000,000, all of which may come at once; 0 for no limit.
    pub requests: u32,
    /// The seconds, 1 to 86,400, in which an empty bucket fills.
    pub seconds: u32,
}

/// A limit that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limits.{setting} {rule}")]
pub struct LimitFault {
    /// The setting's name, without the part that stands for all limits.
    pub setting: &'static str,
    /// What it has to be.
    pub rule: &'static str,
}

impl LimitSettings {
    /// No limits.
    pub const OFF: Self = Self {
        remembered: *REMEMBERED.start(),
        address: Allowances::OFF,
        account: Allowances::OFF,
        key: Allowances::OFF,
    };

    /// Checks every limit.
    ///
    /// # Errors
    /// [`LimitFault`] naming the first that makes no sense.
    pub fn check(&self) -> Result<(), LimitFault> {
        if !REMEMBERED.contains(&self.remembered) {
            return Err(LimitFault {
                setting: "remembered",
                rule: "must be 1000 to 10000000",
            });
        }
        for group in Group::ALL {
            self.address.of(group).check(group.address_policy())?;
            self.account.of(group).check(group.account_policy())?;
            self.key.of(group).check(group.key_policy())?;
        }
        Ok(())
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self::OFF
    }
}

impl Allowances {
    /// No limits.
    pub const OFF: Self = Self {
        sign_in: Allowance::OFF,
        codes: Allowance::OFF,
        commands: Allowance::OFF,
        queries: Allowance::OFF,
        streams: Allowance::OFF,
    };

    pub(super) const fn of(&self, group: Group) -> Allowance {
        match group {
            Group::SignIn => self.sign_in,
            Group::Codes => self.codes,
            Group::Commands => self.commands,
            Group::Queries => self.queries,
            Group::Streams => self.streams,
        }
    }
}

impl Allowance {
    /// No limit.
    pub const OFF: Self = Self {
        requests: 0,
        seconds: 1,
    };

    fn check(self, setting: &'static str) -> Result<(), LimitFault> {
        let rule = if self.requests > MOST_REQUESTS {
            "must allow at most 1000000000 requests; 0 switches it off"
        } else if !(1..=LONGEST_SECONDS).contains(&self.seconds) {
            "must be for 1 to 86400 seconds; requests = 0 switches it off"
        } else {
            return Ok(());
        };
        Err(LimitFault { setting, rule })
    }
}
