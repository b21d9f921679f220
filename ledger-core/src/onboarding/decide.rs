//! The rules of onboardings.

use std::collections::BTreeSet;

use crate::identifier::ActorId;
use crate::owner::TierKnown;
use crate::timestamp::Timestamp;
use crate::verification::{MAX_REASONS, ReasonCode};

use super::MAX_ASSETS;
use super::command::{AssetsKnown, OnboardingAction, OnboardingCommand, Reopen, WalletSeen};
use super::event::OnboardingEvent;
use super::rejection::OnboardingRejection;
use super::state::{Course, Onboarding, OnboardingStatus};
use super::words::{ContactKind, OnboardingStep, OnboardingTerms, VerificationStanding};

/// What a decision comes to: nothing, where the command says nothing new.
type Decided = Result<Option<OnboardingEvent>, OnboardingRejection>;

impl Onboarding {
    /// What happens when `command` is carried out; nothing when it says nothing new. Where it advances an
    /// onboarding this is the first thing that happens: it is asked again until there is nothing.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(&self, command: &OnboardingCommand) -> Decided {
        match self {
            Self::Absent => decide_absent(command),
            Self::Contacts(course) | Self::Verification(course) | Self::Wallet(course) => {
                decide_under_way(course, command)
            }
            Self::Completed(course) => decide_completed(course, command),
            Self::Rejected(_) => decide_ended(OnboardingStatus::Rejected, command),
            Self::Expired(..) => decide_expired(command),
            Self::Cancelled(_) => decide_ended(OnboardingStatus::Cancelled, command),
        }
    }
}

fn decide_absent(command: &OnboardingCommand) -> Decided {
    match &command.action {
        OnboardingAction::Start { terms, by } => {
            let started = start(terms.clone(), by, command)?;
            match command.seen.wallet {
                WalletSeen::Absent | WalletSeen::Open => Ok(started),
                WalletSeen::Closed | WalletSeen::AnotherOwners => {
                    let wallet = terms.wallet;
                    Err(OnboardingRejection::WalletTaken { wallet })
                }
            }
        }
        OnboardingAction::Advance { .. }
        | OnboardingAction::Remind { .. }
        | OnboardingAction::Expire
        | OnboardingAction::Cancel { .. }
        | OnboardingAction::Resume { .. } => Err(OnboardingRejection::NotFound {
            owner: command.owner.clone(),
        }),
    }
}

fn decide_under_way(course: &Course, command: &OnboardingCommand) -> Decided {
    let owner = command.owner.clone();
    match &command.action {
        OnboardingAction::Start { terms, .. } => {
            if terms.tier == course.terms.tier {
                return Ok(None);
            }
            let tier = course.terms.tier;
            Err(OnboardingRejection::Exists { owner, tier })
        }
        OnboardingAction::Advance {
            verified,
            contacts_due_at,
            documents_due_at,
        } => {
            let due = Due {
                contacts: *contacts_due_at,
                documents: command.seen.case_due_at.unwrap_or(*documents_due_at),
            };
            Ok(next(course, command, verified, &due))
        }
        OnboardingAction::Remind { wait, number } => {
            let awaited = course.awaited.filter(|awaited| {
                awaited.wait == *wait && awaited.reminders.checked_add(1) == Some(*number)
            });
            Ok(
                awaited.map(|awaited| OnboardingEvent::OnboardingReminderSent {
                    owner,
                    step: awaited.step,
                    number: *number,
                }),
            )
        }
        OnboardingAction::Expire => expire(course, command),
        OnboardingAction::Cancel { reasons, by } => cancel(reasons, by, command),
        OnboardingAction::Resume { .. } => Ok(None),
    }
}

fn decide_completed(course: &Course, command: &OnboardingCommand) -> Decided {
    match &command.action {
        OnboardingAction::Start { terms, by } => {
            if terms.tier == course.terms.tier {
                return Ok(None);
            }
            // The wallet that they have is the one, unless it is no more.
            let wallet = match command.seen.wallet {
                WalletSeen::Open => course.terms.wallet,
                WalletSeen::Absent | WalletSeen::Closed | WalletSeen::AnotherOwners => terms.wallet,
            };
            let terms = OnboardingTerms {
                wallet,
                ..terms.clone()
            };
            start(terms, by, command)
        }
        OnboardingAction::Advance { .. }
        | OnboardingAction::Remind { .. }
        | OnboardingAction::Expire => Ok(None),
        OnboardingAction::Cancel { .. } | OnboardingAction::Resume { .. } => {
            Err(ended(OnboardingStatus::Completed, command))
        }
    }
}

/// What was rejected or called off.
fn decide_ended(status: OnboardingStatus, command: &OnboardingCommand) -> Decided {
    match &command.action {
        OnboardingAction::Advance { .. }
        | OnboardingAction::Remind { .. }
        | OnboardingAction::Expire => Ok(None),
        OnboardingAction::Cancel { .. } if status == OnboardingStatus::Cancelled => Ok(None),
        OnboardingAction::Resume {
            reopen: Reopen::Ended,
            by,
        } => Ok(Some(resumed(by, command))),
        OnboardingAction::Start { .. }
        | OnboardingAction::Cancel { .. }
        | OnboardingAction::Resume {
            reopen: Reopen::Expired,
            ..
        } => Err(ended(status, command)),
    }
}

fn decide_expired(command: &OnboardingCommand) -> Decided {
    match &command.action {
        OnboardingAction::Start { .. } => Err(ended(OnboardingStatus::Expired, command)),
        OnboardingAction::Advance { .. }
        | OnboardingAction::Remind { .. }
        | OnboardingAction::Expire => Ok(None),
        OnboardingAction::Cancel { reasons, by } => cancel(reasons, by, command),
        OnboardingAction::Resume { by, .. } => Ok(Some(resumed(by, command))),
    }
}

fn start(terms: OnboardingTerms, by: &ActorId, command: &OnboardingCommand) -> Decided {
    if command.tier == TierKnown::Unknown {
        let tier = terms.tier;
        return Err(OnboardingRejection::TierNotFound { tier });
    }
    check_count("assets", terms.assets.len(), MAX_ASSETS)?;
    if let AssetsKnown::Unknown(asset) = command.assets {
        return Err(OnboardingRejection::AssetNotFound { asset });
    }
    Ok(Some(OnboardingEvent::OnboardingStarted {
        owner: command.owner.clone(),
        terms,
        by: by.clone(),
    }))
}

/// Until when the owner has time, where they are waited for from now on.
struct Due {
    contacts: Timestamp,
    documents: Timestamp,
}

/// The first thing that is new; each brings the onboarding nearer to where nothing is.
fn next(
    course: &Course,
    command: &OnboardingCommand,
    verified: &BTreeSet<ContactKind>,
    due: &Due,
) -> Option<OnboardingEvent> {
    let owner = || command.owner.clone();
    let standing = command.seen.standing;
    for kind in &course.terms.contacts {
        match (course.verified.contains(kind), verified.contains(kind)) {
            (false, true) => {
                let (owner, kind) = (owner(), *kind);
                return Some(OnboardingEvent::OnboardingContactVerified { owner, kind });
            }
            (true, false) => {
                let (owner, kind) = (owner(), *kind);
                return Some(OnboardingEvent::OnboardingContactRemoved { owner, kind });
            }
            (true, true) | (false, false) => {}
        }
    }
    if standing != course.standing {
        return Some(OnboardingEvent::OnboardingVerificationSeen {
            owner: owner(),
            case: course.terms.case,
            standing,
        });
    }
    if standing == VerificationStanding::Rejected {
        return Some(OnboardingEvent::OnboardingRejected { owner: owner() });
    }
    let waited_for_case = course
        .awaited
        .is_some_and(|awaited| awaited.step == OnboardingStep::Verification);
    if standing == VerificationStanding::Expired && waited_for_case {
        return Some(OnboardingEvent::OnboardingExpired {
            owner: owner(),
            step: OnboardingStep::Verification,
        });
    }
    awaited(course, command, due).or_else(|| completed(course, command))
}

/// The owner is waited for anew, or has got another time for the case.
fn awaited(course: &Course, command: &OnboardingCommand, due: &Due) -> Option<OnboardingEvent> {
    let step = course.step();
    let (due_at, is_known) = match step {
        OnboardingStep::Contacts => (due.contacts, course.awaited.is_some()),
        OnboardingStep::Verification if course.standing.awaits_owner() => {
            // Where the case names no time, the one that was given stays.
            let known = course.awaited.is_some_and(|awaited| {
                let named = command.seen.case_due_at;
                named.is_none_or(|named| named == awaited.due_at)
            });
            (due.documents, known)
        }
        OnboardingStep::Verification | OnboardingStep::Wallet => return None,
    };
    (!is_known).then(|| OnboardingEvent::OnboardingOwnerAwaited {
        owner: command.owner.clone(),
        step,
        wait: course.waits.saturating_add(1),
        due_at,
    })
}

fn completed(course: &Course, command: &OnboardingCommand) -> Option<OnboardingEvent> {
    match (course.step(), command.seen.wallet) {
        (OnboardingStep::Wallet, WalletSeen::Open) => {
            let tier = course.standing.granted()?;
            Some(OnboardingEvent::OnboardingCompleted {
                owner: command.owner.clone(),
                tier,
                wallet: course.terms.wallet,
            })
        }
        (OnboardingStep::Contacts | OnboardingStep::Verification, _)
        | (
            OnboardingStep::Wallet,
            WalletSeen::Absent | WalletSeen::Closed | WalletSeen::AnotherOwners,
        ) => None,
    }
}

fn expire(course: &Course, command: &OnboardingCommand) -> Decided {
    let now = command.recorded_at;
    let not_due = |due_at| OnboardingRejection::NotDue {
        owner: command.owner.clone(),
        due_at,
    };
    let Some(awaited) = course.awaited else {
        return Err(not_due(None));
    };
    // The case may have gone on a moment ago, or have got more time.
    let (standing, case_due_at) = (command.seen.standing, command.seen.case_due_at);
    let due_at = match awaited.step {
        OnboardingStep::Contacts | OnboardingStep::Wallet => awaited.due_at,
        OnboardingStep::Verification if standing.awaits_owner() => {
            case_due_at.map_or(awaited.due_at, |due_at| due_at.max(awaited.due_at))
        }
        OnboardingStep::Verification if standing == VerificationStanding::Expired => awaited.due_at,
        OnboardingStep::Verification => return Err(not_due(None)),
    };
    if due_at > now {
        return Err(not_due(Some(due_at)));
    }
    Ok(Some(OnboardingEvent::OnboardingExpired {
        owner: command.owner.clone(),
        step: awaited.step,
    }))
}

fn cancel(reasons: &[ReasonCode], by: &ActorId, command: &OnboardingCommand) -> Decided {
    check_count("reasons", reasons.len(), MAX_REASONS)?;
    Ok(Some(OnboardingEvent::OnboardingCancelled {
        owner: command.owner.clone(),
        by: by.clone(),
        reasons: reasons.to_vec(),
    }))
}

fn resumed(by: &ActorId, command: &OnboardingCommand) -> OnboardingEvent {
    OnboardingEvent::OnboardingResumed {
        owner: command.owner.clone(),
        by: by.clone(),
    }
}

fn ended(status: OnboardingStatus, command: &OnboardingCommand) -> OnboardingRejection {
    OnboardingRejection::Ended {
        owner: command.owner.clone(),
        status,
    }
}

fn check_count(what: &'static str, found: usize, limit: usize) -> Result<(), OnboardingRejection> {
    if found > limit {
        return Err(OnboardingRejection::OutOfRange { what, limit, found });
    }
    Ok(())
}
