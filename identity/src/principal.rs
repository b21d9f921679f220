//! A caller who is known, and the one place that says what they may do.

use chrono::{DateTime, Utc};
use ledger_core::{LedgerName, OwnerId};
use uuid::Uuid;

use crate::permission::{Permission, Reach, Role};
use crate::subject::Subject;

/// Where a role holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ledgers {
    /// Everywhere, and for what is in no ledger.
    All,
    /// In one ledger.
    One(LedgerName),
}

/// A role and where it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// Where.
    pub ledgers: Ledgers,
}

/// A caller who is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub subject: Subject,
    /// Whose wallets are theirs, if they can own any.
    pub owner: Option<OwnerId>,
    /// Their roles.
    pub grants: Vec<Grant>,
    /// The permissions they are narrowed to; `None` for people.
    pub scopes: Option<Vec<Permission>>,
    /// The session, for people who signed in here.
    pub session: Option<Uuid>,
    /// When a second factor was last given, here or where another issuer's token says so.
    pub second_factor_at: Option<DateTime<Utc>>,
    /// The access token, of machines that use one: it can be revoked by itself.
    pub token_id: Option<String>,
    /// Roles, among their roles, that another issuer's token claims; here nobody can take them.
    pub claimed: Vec<Role>,
    /// When the credential ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Whom a credential stood for, without the credential: enough to ask again how they stand, and nothing
/// that anybody could sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Who.
    pub subject: Subject,
    /// The session, for people who signed in here.
    pub session: Option<Uuid>,
    /// The access token, of machines that use one.
    pub token_id: Option<String>,
    /// The permissions they are narrowed to.
    pub scopes: Option<Vec<Permission>>,
    /// Roles that another issuer's token claims.
    pub claimed: Vec<Role>,
    /// When the credential ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why a principal may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// No role gives the permission here.
    Forbidden,
    /// A scope would have to be asked for.
    OutOfScope,
    /// The second factor must be given again, or for the first time.
    SecondFactorNeeded,
}

/// How long a second factor counts for sensitive operations.
pub const SECOND_FACTOR_LIFETIME: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

impl Ledgers {
    fn includes(self, ledger: Option<LedgerName>) -> bool {
        match (self, ledger) {
            (Self::All, _) => true,
            (Self::One(_), None) => false,
            (Self::One(own), Some(ledger)) => own == ledger,
        }
    }
}

impl Principal {
    /// How far the principal reaches with a permission in a ledger, or with what belongs to no ledger.
    ///
    /// # Errors
    /// [`Denial`].
    pub fn reach(
        &self,
        permission: Permission,
        ledger: Option<LedgerName>,
        now: DateTime<Utc>,
    ) -> Result<Reach, Denial> {
        let reach = self
            .grants
            .iter()
            .filter(|grant| grant.ledgers.includes(ledger))
            .filter_map(|grant| permission.reach_of(grant.role))
            .max()
            .ok_or(Denial::Forbidden)?;
        if let Some(scopes) = &self.scopes
            && !scopes.contains(&permission)
        {
            return Err(Denial::OutOfScope);
        }
        let is_sensitive = permission.row().is_some_and(|row| row.sensitive);
        let is_machine = matches!(self.subject, Subject::Machine(_));
        if is_sensitive && !is_machine && !self.is_stepped_up(now) {
            return Err(Denial::SecondFactorNeeded);
        }
        Ok(reach)
    }

    /// Who it is, to be asked about again.
    #[must_use]
    pub fn identified(&self) -> Identified {
        Identified {
            subject: self.subject,
            session: self.session,
            token_id: self.token_id.clone(),
            scopes: self.scopes.clone(),
            claimed: self.claimed.clone(),
            expires_at: self.expires_at,
        }
    }

    /// Whether a second factor was given lately.
    #[must_use]
    pub fn is_stepped_up(&self, now: DateTime<Utc>) -> bool {
        self.second_factor_at
            .is_some_and(|given| now - given < SECOND_FACTOR_LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use uuid::Uuid;

    use super::{Denial, Grant, Ledgers, Principal, SECOND_FACTOR_LIFETIME};
    use crate::permission::{Permission, Reach, Role};
    use crate::subject::Subject;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn person(grants: Vec<Grant>) -> Principal {
        Principal {
            subject: Subject::Person(Uuid::from_u128(1)),
            owner: None,
            grants,
            scopes: None,
            session: None,
            second_factor_at: None,
            token_id: None,
            claimed: Vec::new(),
            expires_at: None,
        }
    }

    #[test]
    fn a_role_counts_only_where_it_was_given() {
        let (main, other) = ("main".parse().unwrap(), "other".parse().unwrap());
        let principal = person(vec![Grant {
            role: Role::Operator,
            ledgers: Ledgers::One(main),
        }]);
        let reach = |ledger| principal.reach(Permission::TransactionsPost, ledger, NOW);
        assert_eq!(reach(Some(main)), Ok(Reach::All));
        assert_eq!(reach(Some(other)), Err(Denial::Forbidden));
        assert_eq!(reach(None), Err(Denial::Forbidden));
    }

    #[test]
    fn the_furthest_of_several_roles_counts() {
        let main = "main".parse().unwrap();
        let principal = person(vec![
            Grant {
                role: Role::Customer,
                ledgers: Ledgers::All,
            },
            Grant {
                role: Role::Support,
                ledgers: Ledgers::One(main),
            },
        ]);
        let read = |ledger| principal.reach(Permission::AccountsRead, Some(ledger), NOW);
        assert_eq!(read(main), Ok(Reach::All));
        assert_eq!(read("other".parse().unwrap()), Ok(Reach::Own));
    }

    #[test]
    fn a_scope_narrows_and_never_adds() {
        let everything = Some(Permission::ALL.to_vec());
        let service = Grant {
            role: Role::Service,
            ledgers: Ledgers::All,
        };
        let machine = |scopes| Principal {
            subject: Subject::Machine(Uuid::from_u128(2)),
            scopes,
            ..person(vec![service])
        };
        let ledger = Some("main".parse().unwrap());
        let reach = |scopes, permission| machine(scopes).reach(permission, ledger, NOW);
        assert_eq!(
            reach(everything.clone(), Permission::TransactionsPost),
            Ok(Reach::All)
        );
        assert_eq!(
            reach(everything, Permission::RolesManage),
            Err(Denial::Forbidden)
        );
        assert_eq!(
            reach(
                Some(vec![Permission::AccountsRead]),
                Permission::TransactionsPost
            ),
            Err(Denial::OutOfScope)
        );
    }

    #[test]
    fn a_sensitive_permission_needs_a_fresh_second_factor_wherever_one_signed_in() {
        for subject in [
            Subject::Person(Uuid::from_u128(1)),
            Subject::External(Uuid::from_u128(1)),
        ] {
            check_freshness(subject);
        }
    }

    fn check_freshness(subject: Subject) {
        let admin = |second_factor_at| Principal {
            subject,
            session: Some(Uuid::from_u128(3)),
            second_factor_at,
            ..person(vec![Grant {
                role: Role::Admin,
                ledgers: Ledgers::All,
            }])
        };
        let reach = |given| admin(given).reach(Permission::RolesManage, None, NOW);
        assert_eq!(reach(None), Err(Denial::SecondFactorNeeded));
        assert_eq!(
            reach(Some(NOW - SECOND_FACTOR_LIFETIME)),
            Err(Denial::SecondFactorNeeded)
        );
        let fresh = NOW - SECOND_FACTOR_LIFETIME + TimeDelta::seconds(1);
        assert_eq!(reach(Some(fresh)), Ok(Reach::All));
    }
}
