//! Forks of ledgers, and what came out otherwise in them.

pub mod rules;

use event_store::sandbox::{BalanceRow, DifferenceRow, Sandbox, SandboxState};
use ledger_core::{AccountId, LedgerName, Position, Timestamp};
use poem_openapi::Object;
use rust_decimal::Decimal;
use sandbox::Rules;
use sandbox::movements::{Compared, Moved};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::choice::choice;
use crate::problem::Problem;
use crate::representation::position::PositionNumber;
use crate::routes::identity::{optional_time, time};
use crate::text::Text;
use crate::text_formats::ExactDecimal;

use rules::ForkRulesRequest;

/// A fork to be made. Its name is the key of the intent: the same request under the same name finds the fork that there is.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct CreateForkRequest {
    /// What it is to be called: a ledger's name that nothing has.
    pub name: Text<LedgerName>,
    /// Up to here the log is copied; `until` when absent. The last event of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<PositionNumber>,
    /// From there to here everything is decided again; the end of the log when absent. The last event of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<PositionNumber>,
    /// The rules that are others from the position on; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<ForkRulesRequest>,
}

choice!(
    /// How far a fork has come.
    ForkStateName {
        /// Its log is being written.
        Building => "building",
        /// All of the source was gone through.
        Complete => "complete",
        /// It cannot be built.
        Failed => "failed",
    }
);

/// How many commands came out otherwise.
#[derive(Debug, Serialize, Object)]
pub struct ForkCounts {
    /// Refused by a rule.
    pub refused: i64,
    /// Carried out, and came to something else.
    pub changed: i64,
    /// Could not follow, because what they build on is not there.
    pub fell_away: i64,
    /// Left out, because a rule of the fork says the same thing otherwise.
    pub left_out: i64,
}

/// Why a fork cannot be built.
#[derive(Debug, Serialize, Object)]
pub struct ForkFailure {
    /// The code of the rule that is broken.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// A fork: a ledger of its own, which is read like any other and cannot be changed.
#[derive(Debug, Serialize, Object)]
pub struct ForkView {
    /// Its name, as a ledger.
    pub name: Text<LedgerName>,
    /// Which ledger was forked.
    pub source: Text<LedgerName>,
    /// Up to here its log is copied.
    pub position: PositionNumber,
    /// From there to here everything was decided again.
    pub until: PositionNumber,
    /// The rules that are others, as they were asked for.
    pub rules: ForkRulesRequest,
    /// How far it has come.
    pub state: ForkStateName,
    /// How far the source was gone through.
    pub reached: PositionNumber,
    /// The end of its own log.
    pub head: PositionNumber,
    /// How many commands came out otherwise so far.
    pub differences: ForkCounts,
    /// Why it cannot be built; with the state `failed` and only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<ForkFailure>,
    /// Who asked for it, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When.
    pub created_at: Text<Timestamp>,
    /// When it was complete or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Text<Timestamp>>,
}

/// A page of the forks of a ledger.
#[derive(Debug, Serialize, Object)]
pub struct ForkList {
    /// The forks, in order of name.
    pub items: Vec<ForkView>,
    /// Where the list goes on; absent on its last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

choice!(
    /// How a command came out otherwise.
    ForkOutcomeName {
        /// A rule refused it.
        Refused => "refused",
        /// It came to something else.
        Changed => "changed",
        /// What it builds on is not there.
        FellAway => "fell_away",
        /// A rule of the fork says the same thing otherwise.
        LeftOut => "left_out",
    }
);

/// The rule that refused a command.
#[derive(Debug, Serialize, Object)]
pub struct ForkRefusal {
    /// Its code, as a command would be answered.
    pub code: String,
    /// For people.
    pub detail: String,
    /// What it concerns; its fields depend on the code.
    pub context: Value,
}

/// What moves through an account.
#[derive(Debug, Serialize, Object)]
pub struct MovedView {
    /// What leaves through it.
    pub debits: Text<ExactDecimal>,
    /// What arrives through it.
    pub credits: Text<ExactDecimal>,
    /// What is reserved of it; below zero where more is given back.
    pub reserved: Text<ExactDecimal>,
}

/// What a command moved through an account, there and here.
#[derive(Debug, Serialize, Object)]
pub struct MovementView {
    /// The account.
    pub account: Text<AccountId>,
    /// In the source.
    pub source: MovedView,
    /// In the fork.
    pub fork: MovedView,
}

/// A command of the source that came out otherwise.
#[derive(Debug, Serialize, Object)]
pub struct ForkDifferenceView {
    /// Its first event in the source.
    pub source_position: PositionNumber,
    /// Its last.
    pub source_until: PositionNumber,
    /// The type of its first event.
    pub event_type: String,
    /// The kind of aggregate that it was about.
    pub aggregate_type: String,
    /// The id of that aggregate.
    pub aggregate_id: String,
    /// How it came out.
    pub outcome: ForkOutcomeName,
    /// The first event that is in the fork instead, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<PositionNumber>,
    /// The last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_until: Option<PositionNumber>,
    /// The rule that refused it; with the outcome `refused` and only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<ForkRefusal>,
    /// The position in the source of what it builds on and is not in the fork.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<PositionNumber>,
    /// The accounts through which another amount moved.
    pub movements: Vec<MovementView>,
}

/// A page of what came out otherwise.
#[derive(Debug, Serialize, Object)]
pub struct ForkDifferenceList {
    /// The commands, in the order of the source.
    pub items: Vec<ForkDifferenceView>,
    /// Where the list goes on; absent on its last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What has moved through an account.
#[derive(Debug, Serialize, Object)]
pub struct StandingView {
    /// Everything that left through it.
    pub debits: Text<ExactDecimal>,
    /// Everything that arrived through it.
    pub credits: Text<ExactDecimal>,
    /// What holds reserve.
    pub reserved: Text<ExactDecimal>,
}

/// An account that stands otherwise at the end.
#[derive(Debug, Serialize, Object)]
pub struct ForkBalanceView {
    /// The account.
    pub account: Text<AccountId>,
    /// In the source, at the end of the fork.
    pub source: StandingView,
    /// In the fork.
    pub fork: StandingView,
    /// How much the credits less the debits are more in the fork.
    pub difference: Text<ExactDecimal>,
}

/// A page of the accounts that stand otherwise.
#[derive(Debug, Serialize, Object)]
pub struct ForkBalanceList {
    /// The accounts, in order; none before the fork is complete.
    pub items: Vec<ForkBalanceView>,
    /// Where the list goes on; absent on its last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

fn unreadable(what: &'static str) -> Problem {
    tracing::error!(what, "a stored fork cannot be read");
    Problem::new(
        crate::problem::catalogue::INTERNAL_FAULT,
        "a stored fork cannot be read",
    )
}

impl ForkView {
    /// A stored fork.
    ///
    /// # Errors
    /// `internal_fault` for one that Daybook did not write.
    pub fn of(sandbox: Sandbox) -> Result<Self, Problem> {
        let rules: Rules = serde_json::from_str(&sandbox.rules).map_err(|_| unreadable("rules"))?;
        Ok(Self {
            name: sandbox.ledger.into(),
            source: sandbox.source.into(),
            position: sandbox.position.into(),
            until: sandbox.until.into(),
            rules: (&rules).into(),
            state: match sandbox.state {
                SandboxState::Building => ForkStateName::Building,
                SandboxState::Complete => ForkStateName::Complete,
                SandboxState::Failed => ForkStateName::Failed,
            },
            reached: sandbox.reached.into(),
            head: sandbox.head.into(),
            differences: ForkCounts {
                refused: sandbox.refused,
                changed: sandbox.changed,
                fell_away: sandbox.fell_away,
                left_out: sandbox.left_out,
            },
            failure: sandbox.failure.map(|failure| ForkFailure {
                code: failure.code,
                detail: failure.detail,
            }),
            created_by: sandbox.created_by,
            created_at: time(sandbox.created_at)?,
            ended_at: optional_time(sandbox.ended_at)?,
        })
    }
}

fn position(value: i64) -> PositionNumber {
    Position::START.plus(value).into()
}

fn decimal(value: Decimal) -> Text<ExactDecimal> {
    Text(ExactDecimal(value))
}

impl From<Moved> for MovedView {
    fn from(moved: Moved) -> Self {
        Self {
            debits: decimal(moved.debits),
            credits: decimal(moved.credits),
            reserved: decimal(moved.reserved),
        }
    }
}

impl From<Compared> for MovementView {
    fn from(compared: Compared) -> Self {
        Self {
            account: compared.account.into(),
            source: compared.source.into(),
            fork: compared.sandbox.into(),
        }
    }
}

impl ForkDifferenceView {
    /// A stored difference.
    ///
    /// # Errors
    /// `internal_fault` for one that Daybook did not write.
    pub fn of(row: DifferenceRow) -> Result<Self, Problem> {
        let movements: Vec<Compared> =
            serde_json::from_str(&row.movements).map_err(|_| unreadable("movements"))?;
        let context = row.context.as_deref().map(serde_json::from_str).transpose();
        let context = context.map_err(|_| unreadable("context"))?;
        let outcome = match row.outcome.as_str() {
            "refused" => ForkOutcomeName::Refused,
            "changed" => ForkOutcomeName::Changed,
            "fell_away" => ForkOutcomeName::FellAway,
            "left_out" => ForkOutcomeName::LeftOut,
            _ => return Err(unreadable("outcome")),
        };
        Ok(Self {
            source_position: position(row.source_position),
            source_until: position(row.source_until),
            event_type: row.event_type,
            aggregate_type: row.aggregate_type,
            aggregate_id: row.aggregate_id,
            outcome,
            position: row.position.map(position),
            position_until: row.position_until.map(position),
            refusal: row.code.map(|code| ForkRefusal {
                code,
                detail: row.detail.unwrap_or_default(),
                context: context.unwrap_or_default(),
            }),
            depends_on: row.depends_on.map(position),
            movements: movements.into_iter().map(Into::into).collect(),
        })
    }
}

impl ForkBalanceView {
    /// A stored account.
    ///
    /// # Errors
    /// `internal_fault` for one that Daybook did not write.
    pub fn of(row: &BalanceRow) -> Result<Self, Problem> {
        let account: AccountId = row.account.parse().map_err(|_| unreadable("account"))?;
        let balance = |credits: Decimal, debits: Decimal| credits.checked_sub(debits);
        let here = balance(row.sandbox_posted_credits, row.sandbox_posted_debits);
        let there = balance(row.source_posted_credits, row.source_posted_debits);
        let difference = here
            .zip(there)
            .and_then(|(here, there)| here.checked_sub(there));
        Ok(Self {
            account: account.into(),
            source: StandingView {
                debits: decimal(row.source_posted_debits),
                credits: decimal(row.source_posted_credits),
                reserved: decimal(row.source_pending_debits),
            },
            fork: StandingView {
                debits: decimal(row.sandbox_posted_debits),
                credits: decimal(row.sandbox_posted_credits),
                reserved: decimal(row.sandbox_pending_debits),
            },
            difference: decimal(difference.ok_or_else(|| unreadable("balance"))?),
        })
    }
}
