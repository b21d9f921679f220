//! What the providers of a case say together.

use crate::timestamp::Timestamp;

use super::event::Finding;
use super::state::OpenCase;
use super::words::{ReasonCode, Retry};

/// What the providers of a case say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Consensus {
    /// Some have not said.
    Waiting,
    /// All approve; until the first of them no longer does.
    Approved(Option<Timestamp>),
    /// All reject, in the same way.
    Rejected(Retry, Vec<ReasonCode>),
    /// They contradict each other.
    Disagreement,
}

impl OpenCase {
    pub(super) fn consensus(&self) -> Consensus {
        let mut agreed = None;
        for view in self.providers.values() {
            let heard = view.heard.as_ref().filter(|heard| heard.stands);
            let verdict = match heard.map(|heard| &heard.finding) {
                Some(Finding::Approved { valid_until }) => Consensus::Approved(*valid_until),
                Some(Finding::Rejected { retry, reasons }) => {
                    Consensus::Rejected(*retry, reasons.clone())
                }
                Some(Finding::Pending | Finding::Review | Finding::Expired | Finding::Reset)
                | None => return Consensus::Waiting,
            };
            agreed = Some(match agreed {
                None => verdict,
                Some(before) => together(before, verdict),
            });
        }
        agreed.unwrap_or(Consensus::Waiting)
    }
}

fn together(one: Consensus, other: Consensus) -> Consensus {
    match (one, other) {
        (Consensus::Approved(one), Consensus::Approved(other)) => {
            Consensus::Approved(one.into_iter().chain(other).min())
        }
        (Consensus::Rejected(one, mut reasons), Consensus::Rejected(other, more))
            if one == other =>
        {
            reasons.extend(more);
            Consensus::Rejected(one, reasons)
        }
        (_, _) => Consensus::Disagreement,
    }
}
