//! What lines say beside their events: whether what an event tells of a person can still be opened.
//!
//! The mark is in no hash, so that erasing a person changes none. It is checked by the events themselves: it stands
//! where an event tells of a person and nowhere else, and it is `erased` where the log has that person's erasure.

use hashbrown::HashMap;

use super::{Code, Finding, Report};
use crate::line::{EventLine, PersonalMark, tells_of_a_person};

/// What a line says of a person.
pub(super) enum Personal {
    /// Nothing, as it should be.
    Nothing,
    /// Something where there is nothing to say, or nothing where there is.
    Misplaced,
    /// That it tells of one.
    Told {
        /// Whose profile it is of.
        profile: String,
        /// What has become of it.
        mark: PersonalMark,
    },
    /// That one is erased.
    Erasure {
        /// Whose profile it is of.
        profile: String,
    },
}

impl Personal {
    pub(super) fn of(line: &EventLine<'_>) -> Self {
        let profile = || line.aggregate_id.clone().into_owned();
        let tells = tells_of_a_person(&line.aggregate_type, &line.event_type);
        match (tells, line.personal) {
            (true, Some(mark)) => Self::Told {
                profile: profile(),
                mark,
            },
            (true, None) | (false, Some(_)) => Self::Misplaced,
            (false, None) if line.event_type == "ProfileErased" => {
                Self::Erasure { profile: profile() }
            }
            (false, None) => Self::Nothing,
        }
    }
}

/// What was said of a profile.
#[derive(Default)]
struct Profile {
    is_erased: bool,
    /// The first event of it whose line says `sealed`.
    sealed: Option<u64>,
    /// The first event of it whose line says `erased`.
    erased: Option<u64>,
}

/// Marks of all lines so far.
#[derive(Default)]
pub(super) struct Marks(HashMap<String, Profile>);

impl Marks {
    /// Takes a line; the finding, if its mark is wrong whatever comes after it.
    pub(super) fn take(&mut self, personal: &Personal, position: u64) -> Option<Finding> {
        match personal {
            Personal::Nothing => None,
            Personal::Misplaced => Some(Finding::new(
                Code::PersonalMarkWrong,
                Some(position),
                "the line says what its event does not, or not what it does, of a person",
            )),
            Personal::Told { profile, mark } => {
                let profile = self.0.entry(profile.clone()).or_default();
                let first = match mark {
                    PersonalMark::Sealed => &mut profile.sealed,
                    PersonalMark::Erased => &mut profile.erased,
                };
                first.get_or_insert(position);
                None
            }
            Personal::Erasure { profile } => {
                self.0.entry(profile.clone()).or_default().is_erased = true;
                None
            }
        }
    }

    /// What the events say otherwise: for each profile the first line, in order of position.
    pub(super) fn finish(self, report: &mut Report) {
        let wrong = self.0.into_values().filter_map(|profile| {
            if profile.is_erased {
                profile.sealed.map(|at| (at, "the person is erased"))
            } else {
                profile.erased.map(|at| (at, "the person is not erased"))
            }
        });
        let mut wrong: Vec<(u64, &str)> = wrong.collect();
        wrong.sort_unstable();
        for (position, detail) in wrong {
            report.find(Finding::new(
                Code::PersonalMarkWrong,
                Some(position),
                detail,
            ));
        }
    }
}
