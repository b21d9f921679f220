//! When cases reached their steps, which are the names of their states.
//!
//! A case is counted at each step once in a round: a round begins when it is opened, reset, or is to be
//! verified again. It is counted for itself and for each provider that it was handed to by then.

use ledger_core::verification::{CaseEvent, CaseStatus};
use ledger_core::{CaseId, LedgerName, ProviderName, Timestamp};

use super::case::{CaseRow, Round};
use crate::read_model::{FoldError, Place};

const WRITE: &str = "\
INSERT INTO {schema}.verification_steps (ledger, case_id, round, step, provider, after, reached_at,
                                         since_begun_ms, since_step_ms)
SELECT $1, case_id, round, step, provider, after, reached_at, since_begun_ms, since_step_ms
FROM UNNEST($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
            $8::bigint[], $9::bigint[])
     AS reached (case_id, round, step, provider, after, reached_at, since_begun_ms, since_step_ms)";

/// A step that a case came to for the first time in its round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StepRow {
    case: CaseId,
    round: i32,
    step: CaseStatus,
    provider: Option<ProviderName>,
    /// The step before it; nothing where the round begins.
    after: Option<CaseStatus>,
    at: Timestamp,
    since_begun_ms: i64,
    since_step_ms: i64,
}

/// The case after an event was folded into it, with its round, and the steps that it came to.
pub(super) fn follow(
    mut row: CaseRow,
    at: Timestamp,
    event: &CaseEvent,
) -> (CaseRow, Vec<StepRow>) {
    let Some((open, status)) = row.state.open() else {
        return (row, Vec::new());
    };
    let begins = matches!(
        event,
        CaseEvent::CaseOpened { .. }
            | CaseEvent::CaseReset { .. }
            | CaseEvent::ReverificationDue { .. }
    );
    let is_submitted_further = matches!(event, CaseEvent::CaseSubmitted { .. });
    if !begins && !is_submitted_further && row.round.last == status {
        return (row, Vec::new());
    }
    if begins {
        row.round = Round {
            number: row.round.number.saturating_add(1),
            begun_at: at,
            last: status,
            last_at: at,
            reached: Vec::new(),
        };
    }
    let round = &mut row.round;
    // What happened to a case before it was handed to anybody is nobody's.
    let handed = match status {
        CaseStatus::Opened | CaseStatus::AwaitingDocuments | CaseStatus::DocumentsReceived => None,
        CaseStatus::Submitted
        | CaseStatus::InReview
        | CaseStatus::Approved
        | CaseStatus::RetryAllowed
        | CaseStatus::Rejected
        | CaseStatus::Expired
        | CaseStatus::ReverificationDue => Some(open.providers.keys().copied().map(Some)),
    };
    let mut steps = Vec::new();
    for provider in std::iter::once(None).chain(handed.into_iter().flatten()) {
        if round.reached.contains(&(status, provider)) {
            continue;
        }
        round.reached.push((status, provider));
        steps.push(StepRow {
            case: row.case,
            round: round.number,
            step: status,
            provider,
            after: (!begins).then_some(round.last),
            at,
            since_begun_ms: between_ms(round.begun_at, at),
            since_step_ms: between_ms(round.last_at, at),
        });
    }
    if round.last != status {
        round.last = status;
        round.last_at = at;
    }
    (row, steps)
}

fn between_ms(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_datetime() - from.as_datetime()).num_milliseconds()
}

pub(super) async fn write(
    steps: Vec<StepRow>,
    place: &mut Place<'_>,
    ledger: LedgerName,
) -> Result<(), FoldError> {
    if steps.is_empty() {
        return Ok(());
    }
    let provider = |step: &StepRow| {
        step.provider
            .map_or_else(String::new, |name| name.to_string())
    };
    let after = |step: &StepRow| step.after.map_or("", CaseStatus::as_str);
    let all = steps.iter();
    sqlx::query(&place.sql(WRITE))
        .bind(ledger.as_str())
        .bind(
            all.clone()
                .map(|step| step.case.as_uuid())
                .collect::<Vec<_>>(),
        )
        .bind(all.clone().map(|step| step.round).collect::<Vec<_>>())
        .bind(
            all.clone()
                .map(|step| step.step.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(all.clone().map(provider).collect::<Vec<_>>())
        .bind(all.clone().map(after).collect::<Vec<_>>())
        .bind(
            all.clone()
                .map(|step| step.at.as_datetime())
                .collect::<Vec<_>>(),
        )
        .bind(
            all.clone()
                .map(|step| step.since_begun_ms)
                .collect::<Vec<_>>(),
        )
        .bind(all.map(|step| step.since_step_ms).collect::<Vec<_>>())
        .execute(&mut *place.connection)
        .await?;
    Ok(())
}
