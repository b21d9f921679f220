//! From what a provider says of a check to what the ledger observes of the case.
//!
//! | the provider says | it is observed as |
//! |---|---|
//! | waiting for the person | a reset, where its verdict stands; else nothing |
//! | pending, in review, approved, rejected, expired, reset | the same |
//! | withdrawn, failed | nothing: the case goes to staff |
//!
//! **When it came about** is what puts findings in order, and is told by the provider's clock. Where it does
//! not tell, it was after what was heard before, and nothing more is assumed: by our clock it might seem to
//! come after what the provider says next.

use chrono::{DateTime, TimeDelta, Utc};
use connectors::identity_providers::{
    CaseObservation, CaseStatus as Said, Reported, Retry as SaidRetry,
};
use ledger_core::Timestamp;
use ledger_core::verification::{Finding, Heard, ReasonCode, Retry};

/// What a provider's word comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Something to observe, and when it came about.
    Finding(Finding, Timestamp),
    /// Something that only people of ours can help, with a reason in a code.
    Trouble(&'static str),
    /// Nothing that the ledger keeps.
    Nothing,
    /// A word that nobody knows.
    Unknown(String),
}

/// What was heard of a provider before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before<'a> {
    /// What it said last, whether it counts or not.
    pub(super) last: Option<&'a Heard>,
    /// When the check was begun.
    pub(super) begun_at: DateTime<Utc>,
}

impl Before<'_> {
    /// The first moment after everything that was heard.
    fn next_moment(self) -> Option<Timestamp> {
        match self.last {
            Some(heard) => {
                Timestamp::try_new(heard.at.as_datetime() + TimeDelta::microseconds(1)).ok()
            }
            None => Timestamp::try_new(self.begun_at).ok(),
        }
    }

    /// A time that is told in whole seconds is any moment of its second. What is true now and differs from
    /// what was heard of the same second came after it.
    fn ordered(self, finding: &Finding, at: Timestamp) -> Timestamp {
        let whole = at.as_datetime().timestamp_subsec_nanos() == 0;
        let Some(last) = self.last.filter(|last| whole && last.finding != *finding) else {
            return at;
        };
        let is_of_that_second =
            last.at >= at && last.at.as_datetime() < at.as_datetime() + TimeDelta::seconds(1);
        match self.next_moment() {
            Some(next) if is_of_that_second => next,
            Some(_) | None => at,
        }
    }

    fn has_verdict(self) -> bool {
        let finding = self.last.filter(|heard| heard.stands);
        match finding.map(|heard| &heard.finding) {
            Some(
                Finding::Approved { .. }
                | Finding::Rejected {
                    retry: Retry::Final,
                    ..
                }
                | Finding::Expired,
            ) => true,
            Some(
                Finding::Pending
                | Finding::Review
                | Finding::Reset
                | Finding::Rejected {
                    retry: Retry::Allowed,
                    ..
                },
            )
            | None => false,
        }
    }
}

/// What an answer means; `told_at` is when a webhook says that it came about, where it says the same.
pub(super) fn meaning(
    said: &CaseObservation,
    told_at: Option<DateTime<Utc>>,
    before: Before<'_>,
) -> Meaning {
    let status = match &said.status {
        Reported::Known(status) => *status,
        Reported::Unknown(word) => return Meaning::Unknown(word.clone()),
    };
    let finding = match status {
        Said::AwaitingPerson if before.has_verdict() => Finding::Reset,
        Said::AwaitingPerson => return Meaning::Nothing,
        Said::Pending => Finding::Pending,
        Said::InReview => Finding::Review,
        Said::Approved => Finding::Approved { valid_until: None },
        Said::Rejected(retry) => Finding::Rejected {
            retry: match retry {
                SaidRetry::Allowed => Retry::Allowed,
                SaidRetry::Final => Retry::Final,
            },
            reasons: reasons(said),
        },
        Said::Reset => Finding::Reset,
        Said::Expired => Finding::Expired,
        Said::Withdrawn => return Meaning::Trouble("WITHDRAWN_AT_PROVIDER"),
        Said::Failed => return Meaning::Trouble("FAILED_AT_PROVIDER"),
    };
    // Of a case that waits for its person, the time is that of its beginning or of anything else.
    let own = said.occurred_at.filter(|_| status != Said::AwaitingPerson);
    let at = told_at.max(own).and_then(|at| Timestamp::try_new(at).ok());
    let at = at.map(|at| before.ordered(&finding, at));
    match at.or_else(|| before.next_moment()) {
        Some(at) => Meaning::Finding(finding, at),
        None => Meaning::Nothing,
    }
}

fn reasons(said: &CaseObservation) -> Vec<ReasonCode> {
    let codes = said.reasons.iter();
    codes
        .filter_map(|code| code.as_str().parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use connectors::identity_providers::{
        CaseObservation, CaseStatus as Said, ReasonCode, Reported, Retry as SaidRetry,
    };
    use ledger_core::verification::{Finding, Heard, Retry};

    use super::{Before, Meaning, meaning};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn said(status: Said, occurred_at: Option<&str>) -> CaseObservation {
        CaseObservation {
            case_id: "applicant".parse().unwrap(),
            reference: None,
            level: None,
            status: Reported::Known(status),
            provider_status: String::new(),
            reasons: ReasonCode::of("BAD_PHOTO").into_iter().collect(),
            message_for_person: None,
            occurred_at: occurred_at.map(at),
        }
    }

    fn heard(finding: Finding, stands: bool) -> Heard {
        Heard {
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            finding,
            stands,
        }
    }

    fn means(said: &CaseObservation, last: Option<&Heard>) -> Meaning {
        let begun_at = at("2025-12-31T00:00:00Z");
        meaning(said, None, Before { last, begun_at })
    }

    /// Every word has a meaning, with what was heard before and without.
    #[test]
    fn every_word_has_its_meaning() {
        let time = Some("2026-01-02T00:00:00Z");
        let approved = heard(Finding::Approved { valid_until: None }, true);
        for (status, fresh, after_approval) in [
            (Said::AwaitingPerson, None, Some("Reset")),
            (Said::Pending, Some("Pending"), Some("Pending")),
            (Said::InReview, Some("Review"), Some("Review")),
            (Said::Approved, Some("Approved"), Some("Approved")),
            (
                Said::Rejected(SaidRetry::Allowed),
                Some("Rejected"),
                Some("Rejected"),
            ),
            (
                Said::Rejected(SaidRetry::Final),
                Some("Rejected"),
                Some("Rejected"),
            ),
            (Said::Reset, Some("Reset"), Some("Reset")),
            (Said::Expired, Some("Expired"), Some("Expired")),
            (Said::Withdrawn, Some("Trouble"), Some("Trouble")),
            (Said::Failed, Some("Trouble"), Some("Trouble")),
        ] {
            for (last, expected) in [(None, fresh), (Some(&approved), after_approval)] {
                let found = format!("{:?}", means(&said(status, time), last));
                match expected {
                    Some(word) => assert!(found.contains(word), "{status:?}: {found}"),
                    None => assert_eq!(found, "Nothing", "{status:?}"),
                }
            }
        }
        assert_eq!(Said::ALL.len(), 10);
        let unknown = CaseObservation {
            status: Reported::Unknown("pondering".to_owned()),
            ..said(Said::Approved, time)
        };
        assert_eq!(
            means(&unknown, None),
            Meaning::Unknown("pondering".to_owned())
        );
    }

    /// A person who may try again is waited for; that is no reset.
    #[test]
    fn waiting_for_another_try_is_no_reset() {
        for finding in [
            Finding::Pending,
            Finding::Rejected {
                retry: Retry::Allowed,
                reasons: Vec::new(),
            },
        ] {
            let last = heard(finding, true);
            let found = means(&said(Said::AwaitingPerson, None), Some(&last));
            assert_eq!(found, Meaning::Nothing);
        }
        let overruled = heard(Finding::Approved { valid_until: None }, false);
        let found = means(&said(Said::AwaitingPerson, None), Some(&overruled));
        assert_eq!(found, Meaning::Nothing);
    }

    /// By our clock a word without a time could come after the next one, which would then be lost.
    #[test]
    fn what_has_no_time_is_after_what_was_heard_and_no_later() {
        let last = heard(Finding::Pending, true);
        let Meaning::Finding(_, found) = means(&said(Said::Approved, None), Some(&last)) else {
            panic!("it means something");
        };
        assert_eq!(found.to_string(), "2026-01-01T00:00:00.000001Z");
        let Meaning::Finding(_, found) = means(&said(Said::Approved, None), None) else {
            panic!("it means something");
        };
        assert_eq!(found.to_string(), "2025-12-31T00:00:00.000000Z");
    }

    /// Otherwise an approval in the second of a rejection would seem to be older.
    #[test]
    fn whole_seconds_are_in_order_with_what_was_heard_of_them() {
        let red = Finding::Rejected {
            retry: Retry::Allowed,
            reasons: Vec::new(),
        };
        let last = Heard {
            at: "2026-01-01T00:00:07.7Z".parse().unwrap(),
            ..heard(red, true)
        };
        for (told, expected) in [
            ("2026-01-01T00:00:07Z", "2026-01-01T00:00:07.700001Z"),
            ("2026-01-01T00:00:06Z", "2026-01-01T00:00:06.000000Z"),
            ("2026-01-01T00:00:08Z", "2026-01-01T00:00:08.000000Z"),
            ("2026-01-01T00:00:07.6Z", "2026-01-01T00:00:07.600000Z"),
        ] {
            let Meaning::Finding(_, found) = means(&said(Said::Approved, Some(told)), Some(&last))
            else {
                panic!("it means something");
            };
            assert_eq!(found.to_string(), expected);
        }
        // It was heard in whole seconds as well: they do not contradict each other.
        let last = Heard {
            at: "2026-01-01T00:00:07Z".parse().unwrap(),
            ..last
        };
        let now = said(Said::Approved, Some("2026-01-01T00:00:07Z"));
        let Meaning::Finding(_, found) = means(&now, Some(&last)) else {
            panic!("it means something");
        };
        assert_eq!(found.to_string(), "2026-01-01T00:00:07.000001Z");
        // The same word is not told anew: people of ours may have overruled it.
        let overruled = Heard {
            at: "2026-01-01T00:00:07.7Z".parse().unwrap(),
            ..heard(Finding::Approved { valid_until: None }, false)
        };
        let again = said(Said::Approved, Some("2026-01-01T00:00:07Z"));
        let Meaning::Finding(_, found) = means(&again, Some(&overruled)) else {
            panic!("it means something");
        };
        assert_eq!(found.to_string(), "2026-01-01T00:00:07.000000Z");
    }

    #[test]
    fn a_rejection_keeps_its_codes() {
        let found = means(&said(Said::Rejected(SaidRetry::Final), None), None);
        assert!(format!("{found:?}").contains("BAD_PHOTO"), "{found:?}");
    }
}
