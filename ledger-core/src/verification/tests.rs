//! Tests of verification cases.

mod paths;
mod table;

use crate::fixtures::*;
use crate::identifier::ProviderName;
use crate::owner::TierKnown;
use crate::timestamp::Timestamp;

use super::*;

/// A case as it stands after some commands, all of which must lead to an event.
pub(super) fn after(actions: &[CaseAction]) -> VerificationCase {
    let mut case = VerificationCase::default();
    for (step, action) in actions.iter().enumerate() {
        let event = ask(&case, action.clone()).unwrap();
        let event = event.unwrap_or_else(|| panic!("step {step} leads to nothing: {action:?}"));
        case = case.evolve(&event).unwrap();
    }
    case
}

pub(super) fn ask(
    case: &VerificationCase,
    action: CaseAction,
) -> Result<Option<CaseEvent>, CaseRejection> {
    ask_at(case, action, at(50))
}

pub(super) fn ask_at(
    case: &VerificationCase,
    action: CaseAction,
    recorded_at: Timestamp,
) -> Result<Option<CaseEvent>, CaseRejection> {
    case.decide(&CaseCommand {
        case: case_id(1),
        action,
        recorded_at,
        tier: TierKnown::Known,
    })
}

/// What a command leads to, in a word: the state, `nothing`, or the code of the refusal.
pub(super) fn outcome_of(case: &VerificationCase, action: CaseAction) -> String {
    match ask(case, action) {
        Err(rejection) => rejection.code().to_owned(),
        Ok(None) => "nothing".to_owned(),
        Ok(Some(event)) => {
            let next = case.evolve(&event).unwrap();
            let noted = matches!(
                event,
                CaseEvent::FindingNoted { .. } | CaseEvent::DocumentRemoved { .. }
            );
            match next.open() {
                Some((_, status)) if noted => {
                    assert_eq!(Some(status), case.open().map(|(_, status)| status));
                    if matches!(event, CaseEvent::DocumentRemoved { .. }) {
                        assert_eq!(next, *case);
                    }
                    "noted".to_owned()
                }
                Some((_, status)) => status.to_string(),
                None => panic!("a case does not cease to exist"),
            }
        }
    }
}

pub(super) fn open() -> CaseAction {
    CaseAction::Open {
        owner: owner("customer-7"),
        tier: parsed("full"),
        expires_at: Some(at(40)),
        by: actor("asha"),
    }
}

pub(super) fn request(kind: &str) -> CaseAction {
    CaseAction::RequestDocuments {
        kinds: vec![parsed(kind)],
        expires_at: Some(at(45)),
        by: actor("meera"),
    }
}

pub(super) fn document(kind: &str, number: u8) -> CaseDocument {
    CaseDocument {
        reference: theirs(&format!("doc_{number}")),
        kind: parsed(kind),
        sha256: parsed(&format!("{number:02x}").repeat(32)),
        size_bytes: 12,
    }
}

pub(super) fn receive(kind: &str, number: u8) -> CaseAction {
    CaseAction::ReceiveDocument {
        document: document(kind, number),
        by: actor("asha"),
    }
}

pub(super) fn remove(number: u8, reason: RemovalReason) -> CaseAction {
    CaseAction::RemoveDocument {
        document: theirs(&format!("doc_{number}")),
        reason,
    }
}

pub(super) fn submit(names: &[&str]) -> CaseAction {
    CaseAction::Submit {
        providers: names.iter().map(|name| provider(name)).collect(),
        by: actor("asha"),
    }
}

pub(super) fn start_review() -> CaseAction {
    CaseAction::StartReview {
        reasons: vec![],
        by: actor("meera"),
    }
}

pub(super) fn approve() -> CaseAction {
    CaseAction::Approve {
        tier: None,
        reverify_at: Some(at(49)),
        reasons: vec![parsed("LOOKS_RIGHT")],
        by: actor("meera"),
    }
}

pub(super) fn reject(retry: Retry) -> CaseAction {
    CaseAction::Reject {
        retry,
        expires_at: None,
        reasons: vec![parsed("FORGED")],
        by: actor("meera"),
    }
}

pub(super) fn reset() -> CaseAction {
    CaseAction::Reset {
        reasons: vec![],
        by: actor("meera"),
    }
}

pub(super) fn reverify() -> CaseAction {
    CaseAction::RequireReverification {
        cause: ReverificationCause::Scheduled,
        expires_at: Some(at(50)),
        reasons: vec![],
    }
}

pub(super) fn green() -> Finding {
    Finding::Approved { valid_until: None }
}

pub(super) fn red(retry: Retry) -> Finding {
    Finding::Rejected {
        retry,
        reasons: vec![parsed("UNSATISFACTORY_PHOTOS")],
    }
}

pub(super) fn says(name: &str, seconds: i64, finding: Finding) -> CaseAction {
    says_as(provider(name), "applicant_1", seconds, finding)
}

pub(super) fn says_as(
    provider: ProviderName,
    reference: &str,
    seconds: i64,
    finding: Finding,
) -> CaseAction {
    CaseAction::Observe(ObservedFinding {
        provider,
        reference: Some(theirs(reference)),
        observed_at: at(seconds),
        finding,
    })
}
