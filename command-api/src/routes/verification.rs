//! Verification cases: what is done about them, and how they stand.

pub mod decisions;
pub mod documents;
pub mod downloads;
pub mod funnel;
pub mod operations;
pub mod queries;

use chrono::{TimeDelta, Utc};
use ledger_core::verification::CaseAction;
use ledger_core::{Command, Timestamp};
use projections::ReadModelName;
use serde::Serialize;

use crate::commands::{Carried, Intent};
use crate::context::RequestContext;
use crate::idempotency::Key;
use crate::problem::Problem;
use crate::problem::responses::CommandProblem;
use crate::reply::Done;
use crate::representation::verification::CaseChanged;
use crate::routes::groups::CaseCommandParameters;
use crate::services::Services;
use crate::text::Text;

/// What all of them are read from.
const USED: [ReadModelName; 1] = [ReadModelName::Verification];

/// How long an owner has for what is wanted of them, where nobody says.
const PATIENCE: TimeDelta = TimeDelta::days(30);

/// When something ends that is to be done, by whoever asks for it or else in [`PATIENCE`]: a case that waits
/// for ever is one that nobody looks at.
fn ends_at(asked: Option<Text<Timestamp>>) -> Result<Timestamp, Problem> {
    match asked {
        Some(time) => Ok(time.0),
        None => {
            Timestamp::try_new(Utc::now() + PATIENCE).map_err(|error| Problem::internal(&error))
        }
    }
}

impl Services {
    /// Carries something out about a case.
    async fn change_case<B: Serialize>(
        &self,
        context: &RequestContext,
        parameters: CaseCommandParameters,
        request: &B,
        action: CaseAction,
    ) -> Result<Done<CaseChanged>, CommandProblem> {
        let case = parameters.case;
        let command = Command::VerificationCase {
            case,
            action: Box::new(action),
        };
        let key = Key::from_header(parameters.key);
        let intent = Intent::of_one(parameters.ledger, key, request, command);
        let changed = |carried: &Carried| CaseChanged {
            id: case.into(),
            position: carried.position.into(),
            recorded_at: carried.recorded_at.into(),
        };
        self.carry_out(context, intent, changed).await
    }
}
