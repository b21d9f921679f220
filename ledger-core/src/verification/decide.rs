//! The rules of verification cases.

use std::collections::BTreeSet;

use crate::identifier::{ActorId, CaseId, ProviderName, TierName};
use crate::owner::TierKnown;
use crate::timestamp::Timestamp;

use super::command::{CaseAction, CaseCommand, ReverificationCause};
use super::event::{CaseEvent, CaseSource, ReviewCause};
use super::rejection::CaseRejection;
use super::state::{CaseStatus, OpenCase, VerificationCase};
use super::words::{CaseDocument, DocumentKind, ReasonCode, Retry};
use super::{MAX_DOCUMENTS, MAX_PROVIDERS, MAX_REASONS};

/// What a decision comes to: nothing, where the command says nothing new.
pub(super) type Decided = Result<Option<CaseEvent>, CaseRejection>;

impl VerificationCase {
    /// What happens when `command` is carried out; nothing when it says nothing new.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(&self, command: &CaseCommand) -> Decided {
        let case = command.case;
        let Some((open, status)) = self.open() else {
            return open_case(command);
        };
        let at = Place { case, open, status };
        match &command.action {
            CaseAction::Open { .. } => Err(CaseRejection::Exists { case }),
            CaseAction::RequestDocuments {
                kinds,
                expires_at,
                by,
            } => at.request_documents(kinds, *expires_at, by),
            CaseAction::ReceiveDocument { document, by } => at.receive(document, by),
            CaseAction::RemoveDocument { document, reason } => {
                Ok(Some(CaseEvent::DocumentRemoved {
                    document: document.clone(),
                    reason: *reason,
                }))
            }
            CaseAction::Submit { providers, by } => at.submit(providers, by),
            CaseAction::Observe(observed) => self.observe(&at, observed),
            CaseAction::StartReview { reasons, by } => at.start_review(reasons, by),
            CaseAction::Approve {
                tier,
                reverify_at,
                reasons,
                by,
            } => {
                check_tier(*tier, command.tier)?;
                at.approve(tier.unwrap_or(open.tier), *reverify_at, reasons, by)
            }
            CaseAction::Reject {
                retry,
                expires_at,
                reasons,
                by,
            } => at.reject(*retry, *expires_at, reasons, by),
            CaseAction::Expire => at.expire(command.recorded_at),
            CaseAction::Reset { reasons, by } => at.reset(reasons, by),
            CaseAction::RequireReverification {
                cause,
                expires_at,
                reasons,
            } => at.require_reverification(cause, *expires_at, reasons, command.recorded_at),
        }
    }
}

fn open_case(command: &CaseCommand) -> Decided {
    let CaseAction::Open {
        owner,
        tier,
        expires_at,
        by,
    } = &command.action
    else {
        return Err(CaseRejection::NotFound { case: command.case });
    };
    check_tier(Some(*tier), command.tier)?;
    Ok(Some(CaseEvent::CaseOpened {
        owner: owner.clone(),
        tier: *tier,
        expires_at: *expires_at,
        by: by.clone(),
    }))
}

fn check_tier(named: Option<TierName>, known: TierKnown) -> Result<(), CaseRejection> {
    match (named, known) {
        (Some(tier), TierKnown::Unknown) => Err(CaseRejection::TierNotFound { tier }),
        (Some(_) | None, TierKnown::Known) | (None, TierKnown::Unknown) => Ok(()),
    }
}

fn check_count(what: &'static str, found: usize, limit: usize) -> Result<(), CaseRejection> {
    if found > limit {
        return Err(CaseRejection::OutOfRange { what, limit, found });
    }
    Ok(())
}

fn check_some(what: &'static str, found: usize, limit: usize) -> Result<(), CaseRejection> {
    if found == 0 {
        return Err(CaseRejection::OutOfRange { what, limit, found });
    }
    check_count(what, found, limit)
}

pub(super) fn check_reasons(reasons: &[ReasonCode]) -> Result<(), CaseRejection> {
    check_count("reasons", reasons.len(), MAX_REASONS)
}

/// A case that exists, about to be asked something.
pub(super) struct Place<'a> {
    pub(super) case: CaseId,
    pub(super) open: &'a OpenCase,
    pub(super) status: CaseStatus,
}

impl Place<'_> {
    const fn not_collecting(&self) -> CaseRejection {
        CaseRejection::NotCollecting {
            case: self.case,
            status: self.status,
        }
    }

    fn request_documents(
        &self,
        kinds: &[DocumentKind],
        expires_at: Option<Timestamp>,
        by: &ActorId,
    ) -> Decided {
        let new: BTreeSet<&DocumentKind> = match self.status {
            CaseStatus::Opened | CaseStatus::AwaitingDocuments | CaseStatus::DocumentsReceived => {
                let known = &self.open.requested;
                kinds.iter().filter(|kind| !known.contains(kind)).collect()
            }
            // What was given before is to be given again.
            CaseStatus::InReview | CaseStatus::RetryAllowed | CaseStatus::ReverificationDue => {
                kinds.iter().collect()
            }
            CaseStatus::Submitted
            | CaseStatus::Approved
            | CaseStatus::Rejected
            | CaseStatus::Expired => return Err(self.not_collecting()),
        };
        check_some("kinds of documents", kinds.len(), MAX_DOCUMENTS)?;
        let all = self.open.requested.len() + new.len();
        check_count("kinds of documents", all, MAX_DOCUMENTS * 2)?;
        if new.is_empty() {
            return Ok(None);
        }
        Ok(Some(CaseEvent::DocumentsRequested {
            kinds: new.into_iter().cloned().collect(),
            expires_at,
            by: by.clone(),
        }))
    }

    fn receive(&self, document: &CaseDocument, by: &ActorId) -> Decided {
        let known = match self.status {
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::ReverificationDue => {
                check_count("documents", self.open.received.len() + 1, MAX_DOCUMENTS)?;
                self.open.received.get(&document.sha256)
            }
            CaseStatus::RetryAllowed => None,
            CaseStatus::Submitted
            | CaseStatus::InReview
            | CaseStatus::Approved
            | CaseStatus::Rejected
            | CaseStatus::Expired => return Err(self.not_collecting()),
        };
        if known == Some(&document.kind) {
            return Ok(None);
        }
        Ok(Some(CaseEvent::DocumentReceived {
            document: document.clone(),
            by: by.clone(),
        }))
    }

    fn submit(&self, providers: &[ProviderName], by: &ActorId) -> Decided {
        let new: BTreeSet<ProviderName> = match self.status {
            CaseStatus::Opened
            | CaseStatus::DocumentsReceived
            | CaseStatus::RetryAllowed
            | CaseStatus::ReverificationDue => providers.iter().copied().collect(),
            CaseStatus::AwaitingDocuments => {
                return Err(CaseRejection::DocumentsMissing { case: self.case });
            }
            CaseStatus::Submitted => {
                let known = &self.open.providers;
                let new = providers.iter().filter(|name| !known.contains_key(name));
                new.copied().collect()
            }
            CaseStatus::InReview
            | CaseStatus::Approved
            | CaseStatus::Rejected
            | CaseStatus::Expired => return Err(self.not_collecting()),
        };
        check_some("providers", providers.len(), MAX_PROVIDERS)?;
        let all = self.open.providers.keys().chain(&new);
        let all: BTreeSet<&ProviderName> = all.collect();
        check_count("providers", all.len(), MAX_PROVIDERS)?;
        if new.is_empty() {
            return Ok(None);
        }
        Ok(Some(CaseEvent::CaseSubmitted {
            providers: new.into_iter().collect(),
            source: CaseSource::Actor(by.clone()),
        }))
    }

    fn start_review(&self, reasons: &[ReasonCode], by: &ActorId) -> Decided {
        match self.status {
            CaseStatus::InReview => return Ok(None),
            CaseStatus::Opened | CaseStatus::AwaitingDocuments | CaseStatus::Approved => {
                return Err(CaseRejection::NothingToReview {
                    case: self.case,
                    status: self.status,
                });
            }
            CaseStatus::DocumentsReceived
            | CaseStatus::Submitted
            | CaseStatus::RetryAllowed
            | CaseStatus::Rejected
            | CaseStatus::Expired
            | CaseStatus::ReverificationDue => {}
        }
        check_reasons(reasons)?;
        Ok(Some(CaseEvent::CaseReviewStarted {
            cause: ReviewCause::Requested,
            source: CaseSource::Actor(by.clone()),
            reasons: reasons.to_vec(),
        }))
    }

    fn check_in_review(&self) -> Result<(), CaseRejection> {
        match self.status {
            CaseStatus::InReview => Ok(()),
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::Submitted
            | CaseStatus::Approved
            | CaseStatus::RetryAllowed
            | CaseStatus::Rejected
            | CaseStatus::Expired
            | CaseStatus::ReverificationDue => Err(CaseRejection::NotInReview {
                case: self.case,
                status: self.status,
            }),
        }
    }

    fn approve(
        &self,
        tier: TierName,
        reverify_at: Option<Timestamp>,
        reasons: &[ReasonCode],
        by: &ActorId,
    ) -> Decided {
        self.check_in_review()?;
        check_reasons(reasons)?;
        Ok(Some(CaseEvent::CaseApproved {
            tier,
            reverify_at,
            source: CaseSource::Actor(by.clone()),
            reasons: reasons.to_vec(),
        }))
    }

    fn reject(
        &self,
        retry: Retry,
        expires_at: Option<Timestamp>,
        reasons: &[ReasonCode],
        by: &ActorId,
    ) -> Decided {
        self.check_in_review()?;
        check_reasons(reasons)?;
        Ok(Some(CaseEvent::CaseRejected {
            retry,
            expires_at,
            source: CaseSource::Actor(by.clone()),
            reasons: reasons.to_vec(),
        }))
    }

    fn expire(&self, recorded_at: Timestamp) -> Decided {
        match self.status {
            CaseStatus::Expired => return Ok(None),
            CaseStatus::Submitted
            | CaseStatus::InReview
            | CaseStatus::Approved
            | CaseStatus::Rejected => {
                return Err(CaseRejection::NotExpirable {
                    case: self.case,
                    status: self.status,
                });
            }
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::RetryAllowed
            | CaseStatus::ReverificationDue => {}
        }
        self.check_due(recorded_at)?;
        Ok(Some(CaseEvent::CaseExpired {
            source: CaseSource::Time,
        }))
    }

    fn check_due(&self, recorded_at: Timestamp) -> Result<(), CaseRejection> {
        let due_at = self.open.due_at;
        if due_at.is_some_and(|due_at| due_at <= recorded_at) {
            return Ok(());
        }
        let case = self.case;
        Err(CaseRejection::NotDue { case, due_at })
    }

    fn reset(&self, reasons: &[ReasonCode], by: &ActorId) -> Decided {
        if self.status == CaseStatus::Opened && !self.open.has_progress() {
            return Ok(None);
        }
        check_reasons(reasons)?;
        Ok(Some(CaseEvent::CaseReset {
            source: CaseSource::Actor(by.clone()),
            reasons: reasons.to_vec(),
        }))
    }

    fn require_reverification(
        &self,
        cause: &ReverificationCause,
        expires_at: Option<Timestamp>,
        reasons: &[ReasonCode],
        recorded_at: Timestamp,
    ) -> Decided {
        match self.status {
            CaseStatus::ReverificationDue => return Ok(None),
            CaseStatus::Approved => {}
            CaseStatus::Opened
            | CaseStatus::AwaitingDocuments
            | CaseStatus::DocumentsReceived
            | CaseStatus::Submitted
            | CaseStatus::InReview
            | CaseStatus::RetryAllowed
            | CaseStatus::Rejected
            | CaseStatus::Expired => {
                return Err(CaseRejection::NotApproved {
                    case: self.case,
                    status: self.status,
                });
            }
        }
        check_reasons(reasons)?;
        let source = match cause {
            ReverificationCause::Scheduled => {
                self.check_due(recorded_at)?;
                CaseSource::Time
            }
            ReverificationCause::Actor(by) => CaseSource::Actor(by.clone()),
        };
        Ok(Some(CaseEvent::ReverificationDue {
            expires_at,
            source,
            reasons: reasons.to_vec(),
        }))
    }
}
