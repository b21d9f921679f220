//! What providers' findings lead to.

use super::MAX_PROVIDERS;
use super::consensus::Consensus;
use super::decide::{Decided, Place, check_reasons};
use super::event::{CaseEvent, CaseSource, Finding, ObservedFinding, ReviewCause};
use super::rejection::CaseRejection;
use super::state::{CaseStatus, ProviderView, VerificationCase};
use super::words::{ReasonCode, Retry};

/// How a finding stands to the last of its provider.
enum Freshness {
    /// Older, or the same.
    Stale,
    /// Newer.
    New,
    /// Another verdict, of the same moment.
    Contradiction,
}

impl VerificationCase {
    pub(super) fn observe(&self, at: &Place<'_>, observed: &ObservedFinding) -> Decided {
        at.check_reference(observed)?;
        if let Finding::Rejected { reasons, .. } = &observed.finding {
            check_reasons(reasons)?;
        }
        match at.freshness(observed) {
            Freshness::Stale => return Ok(None),
            Freshness::Contradiction => return Ok(Some(self.dispute(at, observed))),
            Freshness::New => {}
        }
        let event = match &observed.finding {
            Finding::Pending => at.pending(observed),
            Finding::Review => at.review(observed),
            Finding::Approved { .. } | Finding::Rejected { .. } => self.verdict(at, observed),
            Finding::Expired => at.expired(observed),
            Finding::Reset => at.reset_by(observed),
        };
        Ok(Some(event))
    }

    /// Whether only people of the platform end the review.
    const fn is_ours_to_decide(&self) -> bool {
        matches!(
            self,
            Self::InReview(_, ReviewCause::Requested | ReviewCause::Disagreement)
        )
    }

    fn dispute(&self, at: &Place<'_>, observed: &ObservedFinding) -> CaseEvent {
        if self.is_ours_to_decide() {
            noted(observed)
        } else {
            at.disagreement(observed)
        }
    }

    fn verdict(&self, at: &Place<'_>, observed: &ObservedFinding) -> CaseEvent {
        if self.is_ours_to_decide() {
            return noted(observed);
        }
        let mut after = at.open.clone();
        after.hear(observed);
        let consensus = after.consensus();
        let rejects = matches!(observed.finding, Finding::Rejected { .. });
        match (at.status, consensus) {
            (CaseStatus::Rejected, _) => match observed.finding {
                Finding::Rejected {
                    retry: Retry::Final,
                    ..
                } => noted(observed),
                _ => at.disagreement(observed),
            },
            (CaseStatus::Approved, Consensus::Disagreement) => at.disagreement(observed),
            (CaseStatus::Approved, Consensus::Waiting) if rejects => at.disagreement(observed),
            (CaseStatus::Approved, Consensus::Approved(_) | Consensus::Waiting) => noted(observed),
            (_, Consensus::Disagreement) => at.disagreement(observed),
            (CaseStatus::RetryAllowed, Consensus::Rejected(Retry::Allowed, _)) => noted(observed),
            (_, Consensus::Rejected(retry, reasons)) => at.rejected(observed, retry, reasons),
            (_, Consensus::Approved(valid_until)) => CaseEvent::CaseApproved {
                tier: at.open.tier,
                reverify_at: valid_until,
                source: CaseSource::Provider(observed.clone()),
                reasons: Vec::new(),
            },
            (CaseStatus::Submitted | CaseStatus::InReview, Consensus::Waiting) => noted(observed),
            (_, Consensus::Waiting) => at.submitted(observed),
        }
    }
}

fn noted(observed: &ObservedFinding) -> CaseEvent {
    CaseEvent::FindingNoted {
        observed: observed.clone(),
    }
}

/// How far a finding is, among those of the same moment.
const fn rank(finding: &Finding) -> u8 {
    match finding {
        Finding::Pending => 0,
        Finding::Review => 1,
        Finding::Approved { .. } | Finding::Rejected { .. } | Finding::Expired => 2,
        Finding::Reset => 3,
    }
}

impl ProviderView {
    /// Whether a verdict is taken back of which it was heard already what came after: the reset that made the
    /// provider begin anew counts however late it is heard.
    fn is_late_reset(&self, observed: &ObservedFinding) -> bool {
        let went_on = self.heard.as_ref().is_some_and(|heard| {
            heard.stands && matches!(heard.finding, Finding::Pending | Finding::Review)
        });
        went_on && self.verdict_at.is_some_and(|at| at <= observed.observed_at)
    }
}

impl Place<'_> {
    fn check_reference(&self, observed: &ObservedFinding) -> Result<(), CaseRejection> {
        let Some(view) = self.open.providers.get(&observed.provider) else {
            let found = self.open.providers.len() + 1;
            if found > MAX_PROVIDERS {
                return Err(CaseRejection::OutOfRange {
                    what: "providers",
                    limit: MAX_PROVIDERS,
                    found,
                });
            }
            return Ok(());
        };
        match (&view.reference, &observed.reference) {
            (Some(ours), Some(theirs)) if ours != theirs => Err(CaseRejection::ReferenceDiffers {
                case: self.case,
                provider: observed.provider,
                ours: ours.clone(),
                theirs: theirs.clone(),
            }),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }

    fn freshness(&self, observed: &ObservedFinding) -> Freshness {
        let view = self.open.providers.get(&observed.provider);
        let Some(heard) = view.and_then(|view| view.heard.as_ref()) else {
            return Freshness::New;
        };
        if observed.finding == Finding::Reset
            && view.is_some_and(|view| view.is_late_reset(observed))
        {
            return Freshness::New;
        }
        let same = heard.finding == observed.finding;
        if observed.observed_at < heard.at || (same && heard.stands) {
            return Freshness::Stale;
        }
        if observed.observed_at > heard.at {
            return Freshness::New;
        }
        let (before, now) = (rank(&heard.finding), rank(&observed.finding));
        if same || now < before {
            Freshness::Stale
        } else if now > before {
            Freshness::New
        } else {
            Freshness::Contradiction
        }
    }

    fn pending(&self, observed: &ObservedFinding) -> CaseEvent {
        match self.status {
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::RetryAllowed
            | CaseStatus::Expired
            | CaseStatus::ReverificationDue => self.submitted(observed),
            CaseStatus::Submitted
            | CaseStatus::InReview
            | CaseStatus::Approved
            | CaseStatus::Rejected => noted(observed),
        }
    }

    fn review(&self, observed: &ObservedFinding) -> CaseEvent {
        match self.status {
            CaseStatus::InReview => noted(observed),
            CaseStatus::Rejected => self.disagreement(observed),
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::Submitted
            | CaseStatus::Approved
            | CaseStatus::RetryAllowed
            | CaseStatus::Expired
            | CaseStatus::ReverificationDue => CaseEvent::CaseReviewStarted {
                cause: ReviewCause::AtProvider,
                source: CaseSource::Provider(observed.clone()),
                reasons: Vec::new(),
            },
        }
    }

    /// A provider's session that ends does not end an approval that is being renewed, nor what other
    /// providers are doing.
    fn expired(&self, observed: &ObservedFinding) -> CaseEvent {
        let mut others = self.open.providers.keys();
        let alone = others.all(|name| *name == observed.provider);
        match self.status {
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::Submitted
            | CaseStatus::RetryAllowed
                if alone && self.open.granted.is_none() =>
            {
                CaseEvent::CaseExpired {
                    source: CaseSource::Provider(observed.clone()),
                }
            }
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::Submitted
            | CaseStatus::RetryAllowed
            | CaseStatus::InReview
            | CaseStatus::Approved
            | CaseStatus::Rejected
            | CaseStatus::Expired
            | CaseStatus::ReverificationDue => noted(observed),
        }
    }

    fn reset_by(&self, observed: &ObservedFinding) -> CaseEvent {
        // Noted all the same, so that what the provider said before it is known to be older.
        if self.status == CaseStatus::Opened && !self.open.has_progress() {
            return noted(observed);
        }
        CaseEvent::CaseReset {
            source: CaseSource::Provider(observed.clone()),
            reasons: Vec::new(),
        }
    }

    fn submitted(&self, observed: &ObservedFinding) -> CaseEvent {
        CaseEvent::CaseSubmitted {
            providers: vec![observed.provider],
            source: CaseSource::Provider(observed.clone()),
        }
    }

    fn rejected(
        &self,
        observed: &ObservedFinding,
        retry: Retry,
        mut reasons: Vec<ReasonCode>,
    ) -> CaseEvent {
        reasons.sort_unstable();
        reasons.dedup();
        CaseEvent::CaseRejected {
            retry,
            expires_at: None,
            source: CaseSource::Provider(observed.clone()),
            reasons,
        }
    }

    fn disagreement(&self, observed: &ObservedFinding) -> CaseEvent {
        CaseEvent::CaseReviewStarted {
            cause: ReviewCause::Disagreement,
            source: CaseSource::Provider(observed.clone()),
            reasons: Vec::new(),
        }
    }
}
