//! Forgetting what was noted beside the log and nobody needs any more: notes of commands that are not in the
//! log (a process died in between, or nobody learned what became of them), and where the money of removed
//! beneficiaries went.
//!
//! Every node with workers does it now and then; doing it twice or on two nodes at once changes nothing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use identity::identities::Identities;
use projections::Queries;
use projections::queries::QueryError;
use tokio_util::sync::CancellationToken;
use workflows::identity_checks::CheckDesk;

use crate::checkouts::Checkouts;
use crate::problem::Problem;

/// How often it is done.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// How old a note is by which its command has been answered: a request takes seconds.
const ANSWERED_AFTER: TimeDelta = TimeDelta::hours(1);

/// Removed beneficiaries that are looked at together.
const AT_ONCE: i64 = 200;

/// How much was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Payers of deposits that are not.
    pub payers: u64,
    /// People of cases that were not handed to providers.
    pub people: u64,
    /// Destinations of beneficiaries that are not.
    pub destinations: u64,
    /// Destinations of beneficiaries that were removed.
    pub removed: u64,
}

/// Forgets; cheap to clone.
#[derive(Debug, Clone)]
pub struct Forgetting {
    checkouts: Checkouts,
    checks: CheckDesk,
    identities: Identities,
    queries: Queries,
}

impl Forgetting {
    /// Forgets what is kept in these.
    #[must_use]
    pub const fn new(
        checkouts: Checkouts,
        checks: CheckDesk,
        identities: Identities,
        queries: Queries,
    ) -> Self {
        Self {
            checkouts,
            checks,
            identities,
            queries,
        }
    }

    /// Does it now and then until `shutdown` is cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            match self.forget(Utc::now() - ANSWERED_AFTER).await {
                Ok(forgotten) if forgotten == Forgotten::default() => {}
                Ok(forgotten) => tracing::info!(
                    payers = forgotten.payers,
                    people = forgotten.people,
                    destinations = forgotten.destinations,
                    removed = forgotten.removed,
                    "what is not needed any more was forgotten"
                ),
                Err(problem) => tracing::warn!(
                    problem = %problem,
                    "what is not needed any more could not be forgotten; it is tried again later"
                ),
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Forgets what is not needed any more, of what was noted before this time.
    ///
    /// # Errors
    /// The problem with the database.
    pub async fn forget(&self, before: DateTime<Utc>) -> Result<Forgotten, Problem> {
        Ok(Forgotten {
            payers: self.checkouts.sweep(before).await?,
            people: self.checks.sweep(before).await?,
            destinations: self.identities.sweep_destinations(before).await?,
            removed: self.forget_removed().await?,
        })
    }

    /// Forgets where the money of removed beneficiaries went to which no payout is on its way; tells of how
    /// many.
    ///
    /// # Errors
    /// The problem with the database.
    pub async fn forget_removed(&self) -> Result<u64, Problem> {
        let (mut forgotten, mut after) = (0, None);
        loop {
            let noted = self.identities.noted_removals(after, AT_ONCE).await?;
            let Some(last) = noted.last().copied() else {
                return Ok(forgotten);
            };
            for removed in noted {
                let (ledger, beneficiary) = (removed.ledger, removed.beneficiary);
                match self.queries.is_beneficiary_over(ledger, beneficiary).await {
                    Ok(over) if over.value => {
                        forgotten += self.identities.forget_removed(removed).await?;
                    }
                    Ok(_) | Err(QueryError::LedgerNotFound { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            after = Some(last);
        }
    }
}
