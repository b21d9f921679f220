//! Onboardings as they stand, and what is wanted next.

use std::collections::BTreeSet;

use ledger_core::onboarding::{
    ContactKind, Course, Onboarding, OnboardingStatus, OnboardingStep, VerificationStanding,
};
use ledger_core::verification::{CaseStatus, DocumentKind, ReasonCode};
use ledger_core::{ActorId, AssetCode, CaseId, OwnerId, TierName, Timestamp, WalletId};
use poem_openapi::Object;
use projections::queries::onboardings::OnboardingFound;
use projections::queries::verification::rows::CaseRow;
use serde::Serialize;

use super::names::{
    ContactKindName, NextActionName, OnboardingStatusName, OnboardingStepName, StepStatusName,
};
use crate::problem::Problem;
use crate::representation::payments::Audience;
use crate::representation::position::PositionNumber;
use crate::text::Text;

/// An onboarding.
#[derive(Debug, Serialize, Object)]
pub struct OnboardingView {
    /// Whose it is.
    pub owner: Text<OwnerId>,
    /// How it stands.
    pub status: OnboardingStatusName,
    /// The step it is at, or was at when it ended; absent when everything is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<OnboardingStepName>,
    /// Since when it stands so and is at that step.
    pub since: Text<Timestamp>,
    /// All steps, in order.
    pub steps: Vec<OnboardingStepView>,
    /// What is to be done next, by whoever is shown this; nothing when it has ended for good.
    pub next: Vec<OnboardingNextView>,
    /// Until when the owner has time, while they are waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Text<Timestamp>>,
    /// How often they were reminded of what they are waited for.
    pub reminders: i64,
    /// The contacts that have to be theirs.
    pub contacts: Vec<OnboardingContactView>,
    /// The tier that they are verified for.
    pub tier: Text<TierName>,
    /// The tier that is granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<Text<TierName>>,
    /// The verification case, once it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<Text<CaseId>>,
    /// The wallet, once everything is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wallet: Option<Text<WalletId>>,
    /// What they mean to hold.
    pub assets: Vec<Text<AssetCode>>,
    /// Who called it off; for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<Text<ActorId>>,
    /// Why; for staff.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Text<ReasonCode>>,
    /// How often it was begun and taken up.
    pub round: i64,
    /// Who began it; for staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<Text<ActorId>>,
    /// When it was begun, the last time.
    pub started_at: Text<Timestamp>,
    /// When its last event was recorded.
    pub changed_at: Text<Timestamp>,
    /// The position at which it was begun.
    pub position: PositionNumber,
}

/// A step.
#[derive(Debug, Serialize, Object)]
pub struct OnboardingStepView {
    /// Which.
    pub step: OnboardingStepName,
    /// How it stands.
    pub status: StepStatusName,
}

/// A contact that has to be the owner's; which one it is does not stand here.
#[derive(Debug, Serialize, Object)]
pub struct OnboardingContactView {
    /// What kind it is.
    pub kind: ContactKindName,
    /// Whether they have shown it.
    pub verified: bool,
}

/// Something to be done next.
#[derive(Debug, Serialize, Object)]
pub struct OnboardingNextView {
    /// What.
    pub action: NextActionName,
    /// The case that documents are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<Text<CaseId>>,
    /// The kinds of documents that are still missing; empty where the case does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<Text<DocumentKind>>>,
}

impl OnboardingView {
    /// An onboarding as somebody sees it.
    ///
    /// # Errors
    /// A row that no projector wrote.
    pub fn of(found: OnboardingFound, audience: Audience) -> Result<Self, Problem> {
        let OnboardingFound { row, case } = found;
        let Some((course, status)) = row.course() else {
            let nothing = std::io::Error::other("an onboarding has no state");
            return Err(Problem::internal(&nothing));
        };
        let contact = |kind: &ContactKind| OnboardingContactView {
            kind: (*kind).into(),
            verified: course.verified.contains(kind),
        };
        let mut view = Self {
            owner: course.owner.clone().into(),
            status: status.into(),
            step: row.state.step().map(Into::into),
            since: row.place_since.into(),
            steps: steps(&row.state, course, status),
            next: next(&row.state, course, case.as_ref()),
            due_at: course.awaited.map(|awaited| awaited.due_at.into()),
            reminders: course.awaited.map_or(0, |awaited| awaited.reminders).into(),
            contacts: course.terms.contacts.iter().map(contact).collect(),
            tier: course.terms.tier.into(),
            granted: course.standing.granted().map(Text),
            case: case.map(|case| case.case.into()),
            wallet: (status == OnboardingStatus::Completed).then(|| course.terms.wallet.into()),
            assets: course.terms.assets.iter().copied().map(Text).collect(),
            cancelled_by: None,
            reasons: Vec::new(),
            round: course.round.into(),
            started_by: None,
            started_at: row.started_at.into(),
            changed_at: row.changed_at.into(),
            position: row.position.into(),
        };
        match audience {
            Audience::Staff => {
                view.started_by = Some(row.started_by.clone().into());
                if let Some(cancelled) = &row.cancelled {
                    view.cancelled_by = Some(cancelled.by.clone().into());
                    view.reasons = cancelled.reasons.iter().cloned().map(Text).collect();
                }
            }
            Audience::Customer => {}
        }
        Ok(view)
    }
}

fn steps(state: &Onboarding, course: &Course, status: OnboardingStatus) -> Vec<OnboardingStepView> {
    let of = |step: OnboardingStep| {
        let is_done = match step {
            OnboardingStep::Contacts => course.missing_contacts().next().is_none(),
            OnboardingStep::Verification => course.standing.granted().is_some(),
            OnboardingStep::Wallet => status == OnboardingStatus::Completed,
        };
        let status = match status {
            OnboardingStatus::Completed => StepStatusName::Done,
            OnboardingStatus::Rejected
            | OnboardingStatus::Expired
            | OnboardingStatus::Cancelled
                if state.step() == Some(step) =>
            {
                StepStatusName::Failed
            }
            _ if is_done => StepStatusName::Done,
            OnboardingStatus::UnderWay if state.step() == Some(step) => match step {
                OnboardingStep::Contacts => StepStatusName::WaitingForOwner,
                OnboardingStep::Verification if course.standing.awaits_owner() => {
                    StepStatusName::WaitingForOwner
                }
                OnboardingStep::Verification | OnboardingStep::Wallet => StepStatusName::InProgress,
            },
            OnboardingStatus::UnderWay
            | OnboardingStatus::Rejected
            | OnboardingStatus::Expired
            | OnboardingStatus::Cancelled => StepStatusName::Pending,
        };
        OnboardingStepView {
            step: step.into(),
            status,
        }
    };
    OnboardingStep::ALL.into_iter().map(of).collect()
}

fn next(state: &Onboarding, course: &Course, case: Option<&CaseRow>) -> Vec<OnboardingNextView> {
    let bare = |action| OnboardingNextView {
        action,
        case: None,
        kinds: None,
    };
    match state {
        Onboarding::Contacts(_) => {
            let verify = |kind| match kind {
                ContactKind::Email => bare(NextActionName::VerifyEmail),
                ContactKind::Phone => bare(NextActionName::VerifyPhone),
            };
            course.missing_contacts().map(verify).collect()
        }
        Onboarding::Verification(_) if course.standing.awaits_owner() => {
            let kinds = case.map(|case| missing_kinds(course.standing, case));
            vec![OnboardingNextView {
                action: NextActionName::SubmitDocuments,
                case: Some(course.terms.case.into()),
                kinds: Some(kinds.unwrap_or_default()),
            }]
        }
        Onboarding::Verification(_) | Onboarding::Wallet(_) => vec![bare(NextActionName::Wait)],
        Onboarding::Expired(..) => vec![bare(NextActionName::Resume)],
        Onboarding::Absent
        | Onboarding::Completed(_)
        | Onboarding::Rejected(_)
        | Onboarding::Cancelled(_) => Vec::new(),
    }
}

/// The kinds of documents that a case still lacks; all of them once it was rejected, when those that were given
/// are to be given again.
fn missing_kinds(standing: VerificationStanding, case: &CaseRow) -> Vec<Text<DocumentKind>> {
    let Some((open, status)) = case.open() else {
        return Vec::new();
    };
    let is_anew =
        standing == VerificationStanding::RetryAllowed && status == CaseStatus::RetryAllowed;
    let received: BTreeSet<&DocumentKind> = open.received.values().collect();
    let missing = open
        .requested
        .iter()
        .filter(|kind| is_anew || !received.contains(kind));
    missing.cloned().map(Text).collect()
}
