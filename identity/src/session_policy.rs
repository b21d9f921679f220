//! How long sessions last and how many there are, by role.

use chrono::TimeDelta;

use crate::permission::Role;

/// How long the sessions of people with a role last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// A session that is not refreshed for so long ends.
    pub idle: TimeDelta,
    /// The longest a session lasts.
    pub absolute: TimeDelta,
    /// Sessions at a time, at least one; the oldest ends when one more begins.
    pub concurrent: u32,
}

impl SessionPolicy {
    const CUSTOMER: Self = Self {
        idle: TimeDelta::days(14),
        absolute: TimeDelta::days(90),
        concurrent: 10,
    };
    const STAFF: Self = Self {
        idle: TimeDelta::minutes(30),
        absolute: TimeDelta::hours(12),
        concurrent: 3,
    };

    /// The policy of a role that has none of its own.
    #[must_use]
    pub const fn default_of(role: Role) -> Self {
        match role {
            Role::Customer => Self::CUSTOMER,
            Role::Support
            | Role::Operator
            | Role::Compliance
            | Role::Auditor
            | Role::Admin
            | Role::Service => Self::STAFF,
        }
    }

    /// In each respect the stricter of two.
    fn stricter(self, other: Self) -> Self {
        Self {
            idle: self.idle.min(other.idle),
            absolute: self.absolute.min(other.absolute),
            concurrent: self.concurrent.min(other.concurrent),
        }
    }
}

/// The policies of all roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionPolicies(Vec<(Role, SessionPolicy)>);

impl SessionPolicies {
    /// The defaults, but for these roles.
    #[must_use]
    pub fn with(own: impl IntoIterator<Item = (Role, SessionPolicy)>) -> Self {
        Self(own.into_iter().collect())
    }

    /// The policy of somebody with these roles: in each respect the strictest of them. Nobody's roles are a
    /// customer's.
    #[must_use]
    pub fn of(&self, roles: impl IntoIterator<Item = Role>) -> SessionPolicy {
        roles
            .into_iter()
            .map(|role| self.of_role(role))
            .reduce(SessionPolicy::stricter)
            .unwrap_or_else(|| self.of_role(Role::Customer))
    }

    fn of_role(&self, role: Role) -> SessionPolicy {
        self.0
            .iter()
            .find(|(own, _)| *own == role)
            .map_or(SessionPolicy::default_of(role), |(_, policy)| *policy)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{SessionPolicies, SessionPolicy};
    use crate::permission::Role;

    #[test]
    fn somebody_with_several_roles_is_under_the_strictest_of_each() {
        let support = SessionPolicy {
            idle: TimeDelta::minutes(5),
            absolute: TimeDelta::days(30),
            concurrent: 7,
        };
        let policies = SessionPolicies::with([(Role::Support, support)]);
        assert_eq!(policies.of([Role::Support]), support);
        assert_eq!(
            policies.of([Role::Customer, Role::Support]),
            SessionPolicy {
                concurrent: 7,
                ..support
            }
        );
        let both = policies.of([Role::Support, Role::Admin]);
        assert_eq!((both.idle, both.concurrent), (support.idle, 3));
        assert_eq!(both.absolute, TimeDelta::hours(12));
    }

    #[test]
    fn nobody_in_particular_is_a_customer() {
        let policies = SessionPolicies::default();
        assert_eq!(policies.of([]), policies.of([Role::Customer]));
    }
}
