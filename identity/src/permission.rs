//! Who may do what: one table from permission to the roles that have it.
//!
//! A role reaches [`Reach::All`] of a ledger, or only what is the caller's own. A permission that no
//! role of the caller gives is refused; where several give it, the furthest reach counts. Machines may be
//! narrowed to a list of permissions, their scopes; a scope never adds anything.

use std::fmt;
use std::str::FromStr;

macro_rules! named {
    ($(#[$doc:meta])* $type:ident, $error:ident, $what:literal: $($(#[$variant_doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type {
            $($(#[$variant_doc])* $variant),+
        }

        #[doc = concat!("A text that names no ", $what, ".")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error("there is no such {}", $what)]
        pub struct $error;

        impl $type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|known| known.as_str() == text)
                    .ok_or($error)
            }
        }
    };
}

named! {
    /// What somebody is to a ledger, or to all of them.
    Role, RoleError, "role":
    /// Owns wallets and reaches only what is theirs.
    Customer = "customer",
    /// Answers customers: sees accounts and people, ends sessions.
    Support = "support",
    /// Runs the platform's money: posts, reverts, holds.
    Operator = "operator",
    /// Watches over people and wallets: freezes, closes, sees the record.
    Compliance = "compliance",
    /// Sees everything and changes nothing.
    Auditor = "auditor",
    /// Sets up ledgers, people, machines and roles.
    Admin = "admin",
    /// A program that acts for the platform.
    Service = "service",
}

named! {
    /// Something that may be done.
    Permission, PermissionError, "permission":
    /// See that a ledger exists, its assets and its rules.
    LedgersRead = "ledgers.read",
    /// Open ledgers, add assets and system accounts.
    LedgersManage = "ledgers.manage",
    /// See what a ledger adds up to: trial balance, activity, owners' figures.
    ReportsRead = "reports.read",
    /// Read the log itself.
    LogRead = "log.read",
    /// See wallets.
    WalletsRead = "wallets.read",
    /// Open wallets.
    WalletsOpen = "wallets.open",
    /// Set limits of wallets, freeze, unfreeze and close them.
    WalletsManage = "wallets.manage",
    /// See balances and statements.
    AccountsRead = "accounts.read",
    /// See transactions and holds.
    TransactionsRead = "transactions.read",
    /// Post transactions.
    TransactionsPost = "transactions.post",
    /// Revert transactions.
    TransactionsRevert = "transactions.revert",
    /// Reserve money.
    HoldsPlace = "holds.place",
    /// Capture and void holds.
    HoldsSettle = "holds.settle",
    /// See deposits, refunds, disputes, payouts and beneficiaries.
    PaymentsRead = "payments.read",
    /// Begin and end deposits.
    DepositsCreate = "deposits.create",
    /// Give money of deposits back to who paid it.
    RefundsRequest = "refunds.request",
    /// Ask for payouts.
    PayoutsRequest = "payouts.request",
    /// See what is known of owners as persons; every look is recorded.
    ProfilesRead = "profiles.read",
    /// Record what is known of owners as persons.
    ProfilesRecord = "profiles.record",
    /// Erase persons, for ever.
    ProfilesErase = "profiles.erase",
    /// Be the second person for payouts.
    PayoutsDecide = "payouts.decide",
    /// Call payouts off.
    PayoutsCancel = "payouts.cancel",
    /// Add and remove beneficiaries.
    BeneficiariesManage = "beneficiaries.manage",
    /// Say that a beneficiary is whose it should be.
    BeneficiariesVerify = "beneficiaries.verify",
    /// Credit money out of suspense, explain what settlements differ in.
    PaymentsResolve = "payments.resolve",
    /// Say what payments and payouts may do.
    PaymentsManage = "payments.manage",
    /// Say what the owners in a tier may do, and how much.
    TiersManage = "tiers.manage",
    /// Grant owners a tier, and take it back.
    TiersGrant = "tiers.grant",
    /// See verification cases, and what happened to them.
    CasesRead = "cases.read",
    /// Open verification cases.
    CasesOpen = "cases.open",
    /// Ask for documents, hand cases to providers and to staff, have owners verified again.
    CasesManage = "cases.manage",
    /// Approve, reject and reset verification cases.
    CasesDecide = "cases.decide",
    /// See how far onboardings have come.
    OnboardingsRead = "onboardings.read",
    /// Begin onboardings, and take them up again.
    OnboardingsStart = "onboardings.start",
    /// Call onboardings off.
    OnboardingsCancel = "onboardings.cancel",
    /// Bring documents for verification cases.
    DocumentsAdd = "documents.add",
    /// Look at documents of verification cases; each look is recorded.
    DocumentsRead = "documents.read",
    /// See which webhooks came and what became of them, without their content.
    WebhooksRead = "webhooks.read",
    /// See the content of webhooks, and have them replayed.
    WebhooksManage = "webhooks.manage",
    /// See work outside the ledger, and what of it failed.
    JobsRead = "jobs.read",
    /// Retry and discard what failed too often.
    JobsManage = "jobs.manage",
    /// See people, their roles and sessions.
    PeopleRead = "people.read",
    /// Block people and end their sessions.
    PeopleManage = "people.manage",
    /// Give and take roles, of people and machines.
    RolesManage = "roles.manage",
    /// Make and revoke clients and keys.
    MachinesManage = "machines.manage",
    /// See the record of what happened to people, machines and roles.
    RecordsRead = "records.read",
    /// See what waits for a second person, and what became of it.
    ApprovalsRead = "approvals.read",
    /// Be the second person, for what one may do oneself.
    ApprovalsDecide = "approvals.decide",
    /// Have signed checkpoints of logs made at once.
    CheckpointsSeal = "checkpoints.seal",
    /// Replace the keys that sign checkpoints.
    CheckpointKeysManage = "checkpoint_keys.manage",
    /// Fork ledgers: decide what has happened again under other rules.
    ForksCreate = "forks.create",
    /// See the metrics of nodes.
    MetricsRead = "metrics.read",
}

/// How far a role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// What the caller owns.
    Own,
    /// Everything in the ledger.
    All,
}

/// A permission's row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What may be done.
    pub permission: Permission,
    /// By whom in all of the ledger.
    pub all: &'static [Role],
    /// By whom where it is their own.
    pub own: &'static [Role],
    /// Whether it changes anything; auditors never have such a permission.
    pub changes: bool,
    /// Whether a person must have given a second factor lately.
    pub sensitive: bool,
}

const STAFF: &[Role] = &[
    Role::Support,
    Role::Operator,
    Role::Compliance,
    Role::Auditor,
    Role::Admin,
    Role::Service,
];

const fn seen(permission: Permission, all: &'static [Role], own: &'static [Role]) -> Row {
    Row {
        permission,
        all,
        own,
        changes: false,
        sensitive: false,
    }
}

const fn done(permission: Permission, all: &'static [Role], own: &'static [Role]) -> Row {
    Row {
        permission,
        all,
        own,
        changes: true,
        sensitive: false,
    }
}

const fn done_with_second_factor(
    permission: Permission,
    all: &'static [Role],
    own: &'static [Role],
) -> Row {
    Row {
        permission,
        all,
        own,
        changes: true,
        sensitive: true,
    }
}

const CUSTOMER: &[Role] = &[Role::Customer];
const NOBODY: &[Role] = &[];

/// Every permission and who has it.
pub const TABLE: &[Row] = &[
    seen(Permission::LedgersRead, STAFF, CUSTOMER),
    done(Permission::LedgersManage, &[Role::Admin], NOBODY),
    seen(
        Permission::ReportsRead,
        &[
            Role::Operator,
            Role::Compliance,
            Role::Auditor,
            Role::Admin,
            Role::Service,
        ],
        NOBODY,
    ),
    seen(
        Permission::LogRead,
        &[Role::Operator, Role::Auditor, Role::Admin, Role::Service],
        NOBODY,
    ),
    seen(Permission::WalletsRead, STAFF, CUSTOMER),
    done(
        Permission::WalletsOpen,
        &[Role::Operator, Role::Admin, Role::Service],
        CUSTOMER,
    ),
    done(
        Permission::WalletsManage,
        &[Role::Operator, Role::Compliance, Role::Admin, Role::Service],
        NOBODY,
    ),
    seen(Permission::AccountsRead, STAFF, CUSTOMER),
    seen(Permission::TransactionsRead, STAFF, CUSTOMER),
    done(
        Permission::TransactionsPost,
        &[Role::Operator, Role::Admin, Role::Service],
        CUSTOMER,
    ),
    done(
        Permission::TransactionsRevert,
        &[Role::Operator, Role::Admin, Role::Service],
        NOBODY,
    ),
    done(
        Permission::HoldsPlace,
        &[Role::Operator, Role::Admin, Role::Service],
        CUSTOMER,
    ),
    done(
        Permission::HoldsSettle,
        &[Role::Operator, Role::Admin, Role::Service],
        NOBODY,
    ),
    seen(Permission::PaymentsRead, STAFF, CUSTOMER),
    done(
        Permission::DepositsCreate,
        &[Role::Operator, Role::Admin, Role::Service],
        CUSTOMER,
    ),
    done(
        Permission::RefundsRequest,
        &[Role::Operator, Role::Admin, Role::Service],
        NOBODY,
    ),
    done_with_second_factor(
        Permission::PayoutsRequest,
        &[Role::Operator, Role::Admin, Role::Service],
        CUSTOMER,
    ),
    done_with_second_factor(
        Permission::PayoutsDecide,
        &[Role::Operator, Role::Compliance, Role::Admin],
        NOBODY,
    ),
    done(
        Permission::PayoutsCancel,
        &[Role::Operator, Role::Compliance, Role::Admin, Role::Service],
        CUSTOMER,
    ),
    done_with_second_factor(
        Permission::BeneficiariesManage,
        &[Role::Operator, Role::Admin, Role::Service],
        CUSTOMER,
    ),
    done_with_second_factor(
        Permission::BeneficiariesVerify,
        &[Role::Operator, Role::Compliance, Role::Admin, Role::Service],
        NOBODY,
    ),
    done(
        Permission::PaymentsResolve,
        &[Role::Operator, Role::Admin],
        NOBODY,
    ),
    done_with_second_factor(Permission::PaymentsManage, &[Role::Admin], NOBODY),
    done_with_second_factor(Permission::TiersManage, &[Role::Admin], NOBODY),
    done_with_second_factor(
        Permission::TiersGrant,
        &[Role::Compliance, Role::Admin],
        NOBODY,
    ),
    // Not for auditors: a look is a deed, and is recorded.
    done(
        Permission::ProfilesRead,
        &[Role::Compliance, Role::Service],
        CUSTOMER,
    ),
    done(
        Permission::ProfilesRecord,
        &[Role::Support, Role::Compliance, Role::Service],
        CUSTOMER,
    ),
    done_with_second_factor(
        Permission::ProfilesErase,
        &[Role::Compliance, Role::Admin],
        NOBODY,
    ),
    seen(
        Permission::CasesRead,
        &[
            Role::Support,
            Role::Compliance,
            Role::Auditor,
            Role::Admin,
            Role::Service,
        ],
        CUSTOMER,
    ),
    done(
        Permission::CasesOpen,
        &[Role::Compliance, Role::Admin, Role::Service],
        CUSTOMER,
    ),
    done(
        Permission::CasesManage,
        &[Role::Compliance, Role::Admin, Role::Service],
        NOBODY,
    ),
    done_with_second_factor(
        Permission::CasesDecide,
        &[Role::Compliance, Role::Admin],
        NOBODY,
    ),
    done(
        Permission::DocumentsAdd,
        &[Role::Compliance, Role::Admin, Role::Service],
        CUSTOMER,
    ),
    // A look leaves a record, so that it is no mere look; auditors see the record.
    done_with_second_factor(Permission::DocumentsRead, &[Role::Compliance], NOBODY),
    seen(
        Permission::OnboardingsRead,
        &[
            Role::Support,
            Role::Compliance,
            Role::Auditor,
            Role::Admin,
            Role::Service,
        ],
        CUSTOMER,
    ),
    done(
        Permission::OnboardingsStart,
        &[Role::Compliance, Role::Admin, Role::Service],
        CUSTOMER,
    ),
    done(
        Permission::OnboardingsCancel,
        &[Role::Compliance, Role::Admin],
        NOBODY,
    ),
    seen(
        Permission::WebhooksRead,
        &[
            Role::Support,
            Role::Operator,
            Role::Compliance,
            Role::Auditor,
            Role::Admin,
        ],
        NOBODY,
    ),
    done(
        Permission::WebhooksManage,
        &[Role::Operator, Role::Admin],
        NOBODY,
    ),
    seen(
        Permission::JobsRead,
        &[
            Role::Support,
            Role::Operator,
            Role::Compliance,
            Role::Auditor,
            Role::Admin,
        ],
        NOBODY,
    ),
    done(
        Permission::JobsManage,
        &[Role::Operator, Role::Admin],
        NOBODY,
    ),
    seen(
        Permission::PeopleRead,
        &[Role::Support, Role::Compliance, Role::Auditor, Role::Admin],
        NOBODY,
    ),
    done(
        Permission::PeopleManage,
        &[Role::Support, Role::Compliance, Role::Admin],
        NOBODY,
    ),
    done_with_second_factor(Permission::RolesManage, &[Role::Admin], NOBODY),
    done_with_second_factor(Permission::MachinesManage, &[Role::Admin], NOBODY),
    seen(
        Permission::RecordsRead,
        &[Role::Compliance, Role::Auditor, Role::Admin],
        NOBODY,
    ),
    seen(
        Permission::ApprovalsRead,
        &[
            Role::Support,
            Role::Operator,
            Role::Compliance,
            Role::Auditor,
            Role::Admin,
        ],
        NOBODY,
    ),
    done_with_second_factor(
        Permission::ApprovalsDecide,
        &[Role::Operator, Role::Compliance, Role::Admin],
        NOBODY,
    ),
    done(
        Permission::CheckpointsSeal,
        &[Role::Operator, Role::Admin, Role::Service],
        NOBODY,
    ),
    done_with_second_factor(Permission::CheckpointKeysManage, &[Role::Admin], NOBODY),
    done(
        Permission::ForksCreate,
        &[Role::Operator, Role::Admin],
        NOBODY,
    ),
    seen(
        Permission::MetricsRead,
        &[Role::Operator, Role::Auditor, Role::Admin],
        NOBODY,
    ),
];

impl Permission {
    /// Its row; [`TABLE`] has one for each.
    #[must_use]
    pub fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.permission == self)
    }

    /// How far a role reaches with it, if at all.
    #[must_use]
    pub fn reach_of(self, role: Role) -> Option<Reach> {
        let row = self.row()?;
        if row.all.contains(&role) {
            Some(Reach::All)
        } else {
            row.own.contains(&role).then_some(Reach::Own)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Reach, Role, TABLE};

    #[test]
    fn every_permission_has_one_row() {
        for permission in Permission::ALL {
            let rows = TABLE.iter().filter(|row| row.permission == *permission);
            assert_eq!(rows.count(), 1, "{permission}");
        }
    }

    #[test]
    fn auditors_see_everything_but_change_nothing() {
        for row in TABLE {
            let reach = row.permission.reach_of(Role::Auditor);
            let expected = (!row.changes).then_some(Reach::All);
            assert_eq!(reach, expected, "{}", row.permission);
        }
    }

    #[test]
    fn customers_reach_nothing_but_their_own() {
        for row in TABLE {
            assert_ne!(row.permission.reach_of(Role::Customer), Some(Reach::All));
        }
    }

    #[test]
    fn the_page_of_permissions_is_this_table() {
        let page = include_str!("../../docs/ACCESS.md");
        for row in TABLE {
            let name = format!("| `{}` |", row.permission);
            let line = page.lines().find(|line| line.starts_with(&name));
            let cells: Vec<&str> = line
                .unwrap_or_else(|| panic!("{name} is not on the page"))
                .split('|')
                .map(str::trim)
                .collect();
            let shown = Role::ALL.iter().zip(&cells[3..]);
            for (role, cell) in shown {
                let reach = match *cell {
                    "yes" => Some(Reach::All),
                    "own" => Some(Reach::Own),
                    _ => None,
                };
                assert_eq!(reach, row.permission.reach_of(*role), "{name} {role}");
            }
            assert_eq!(
                cells[2].contains("fresh second factor"),
                row.sensitive,
                "{name}"
            );
        }
    }

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
        assert!("root".parse::<Role>().is_err());
        assert!("Ledgers.read".parse::<Permission>().is_err());
    }
}
