//! Aggregates that the book keeps by their id and knows by their stream alone: payments, payouts,
//! beneficiaries, settlements, owners, their profiles and
//! onboardings, and verification cases. Money never moves by them, so they have no deltas to wait for.

use std::hash::Hash;

use hashbrown::HashMap;

use crate::aggregate::IllegalEvent;
use crate::beneficiary::{Beneficiary, BeneficiaryEvent};
use crate::event::{Position, Sequence};
use crate::identifier::{BeneficiaryId, CaseId, OwnerKey, PaymentId, PayoutId, SettlementId};
use crate::onboarding::{Onboarding, OnboardingEvent};
use crate::owner::{Owner, OwnerEvent};
use crate::payment::{Payment, PaymentEvent};
use crate::payout::{Payout, PayoutEvent};
use crate::profile::{Profile, ProfileEvent};
use crate::settlement::{Settlement, SettlementEvent};
use crate::verification::{CaseEvent, VerificationCase};

use super::entity::Versioned;
use super::undo::Undo;
use super::{Book, BookError, Place};

/// An aggregate of that kind.
pub(super) trait Streamed: Default + Clone {
    type Id: Copy + Eq + Hash;
    type Event;

    fn kept(book: &Book) -> &HashMap<Self::Id, Versioned<Self>>;
    fn kept_mut(book: &mut Book) -> &mut HashMap<Self::Id, Versioned<Self>>;
    fn undo(id: Self::Id, before: Option<Box<Versioned<Self>>>) -> Undo;
    fn next(&self, event: &Self::Event) -> Result<Self, IllegalEvent>;
}

macro_rules! streamed {
    ($aggregate:ident, $id:ty, $event:ty, $field:ident) => {
        streamed!($aggregate, $id, $event, $field, $aggregate);
    };
    ($aggregate:ident, $id:ty, $event:ty, $field:ident, $undo:ident) => {
        impl Streamed for $aggregate {
            type Id = $id;
            type Event = $event;

            fn kept(book: &Book) -> &HashMap<$id, Versioned<Self>> {
                &book.$field
            }

            fn kept_mut(book: &mut Book) -> &mut HashMap<$id, Versioned<Self>> {
                &mut book.$field
            }

            fn undo(id: $id, before: Option<Box<Versioned<Self>>>) -> Undo {
                Undo::$undo(id, before)
            }

            fn next(&self, event: &$event) -> Result<Self, IllegalEvent> {
                self.evolve(event)
            }
        }
    };
}

streamed!(Payment, PaymentId, PaymentEvent, payments);
streamed!(Payout, PayoutId, PayoutEvent, payouts);
streamed!(Beneficiary, BeneficiaryId, BeneficiaryEvent, beneficiaries);
streamed!(Settlement, SettlementId, SettlementEvent, settlements);
streamed!(VerificationCase, CaseId, CaseEvent, cases);
streamed!(Owner, OwnerKey, OwnerEvent, owners, OwnerState);
streamed!(Profile, OwnerKey, ProfileEvent, profiles);
streamed!(Onboarding, OwnerKey, OnboardingEvent, onboardings);

impl Book {
    pub(super) fn fold_streamed<S: Streamed>(
        &mut self,
        place: Place,
        id: S::Id,
        event: &S::Event,
    ) -> Result<(), BookError> {
        let known = S::kept(self).get(&id);
        let begins = place.sequence == 1;
        if known.is_none() && !begins && !self.complete {
            // It is loaded whole, this event included, when it is needed.
            return Ok(());
        }
        if !place.follows(known.map_or(0, |known| known.sequence))? {
            return Ok(());
        }
        let before = known.map(|known| known.state.clone()).unwrap_or_default();
        let next = place.versioned(before.next(event).map_err(place.illegal())?, self.tick);
        let before = S::kept_mut(self).insert(id, next);
        self.remember(|_| S::undo(id, before.map(Box::new)));
        Ok(())
    }

    pub(super) fn take_streamed_back<S: Streamed>(
        &mut self,
        id: S::Id,
        before: Option<Box<Versioned<S>>>,
    ) {
        match before {
            Some(before) => S::kept_mut(self).insert(id, *before),
            None => S::kept_mut(self).remove(&id),
        };
    }

    pub(super) fn lacks_streamed<S: Streamed>(&mut self, id: S::Id) -> bool {
        let tick = self.tick;
        match S::kept_mut(self).get_mut(&id) {
            Some(known) => {
                known.used = tick;
                false
            }
            None => true,
        }
    }

    /// Takes an aggregate in, unless it is known as well or better already.
    pub(super) fn load_streamed<S: Streamed>(&mut self, id: S::Id, state: S, sequence: Sequence) {
        let used = self.tick;
        if S::kept(self)
            .get(&id)
            .is_some_and(|known| known.sequence >= sequence)
        {
            return;
        }
        let loaded = Versioned {
            state,
            sequence,
            touched: Position::START,
            used,
        };
        S::kept_mut(self).insert(id, loaded);
    }

    pub(super) fn evict_streamed<S: Streamed>(&mut self, capacity: usize, durable: Position) {
        let horizon = super::load::horizon_of(S::kept(self), capacity, self.tick);
        S::kept_mut(self).retain(|_, known| known.used > horizon || known.touched > durable);
    }

    /// A payment as it stands.
    #[must_use]
    pub fn payment(&self, id: PaymentId) -> &Payment {
        const ABSENT: &Payment = &Payment::Absent;
        self.payments.get(&id).map_or(ABSENT, |known| &known.state)
    }

    /// A payout as it stands.
    #[must_use]
    pub fn payout(&self, id: PayoutId) -> &Payout {
        const ABSENT: &Payout = &Payout::Absent;
        self.payouts.get(&id).map_or(ABSENT, |known| &known.state)
    }

    /// A beneficiary as it stands.
    #[must_use]
    pub fn beneficiary(&self, id: BeneficiaryId) -> &Beneficiary {
        const ABSENT: &Beneficiary = &Beneficiary::Absent;
        self.beneficiaries
            .get(&id)
            .map_or(ABSENT, |known| &known.state)
    }

    /// A settlement as it stands.
    #[must_use]
    pub fn settlement(&self, id: SettlementId) -> &Settlement {
        const ABSENT: &Settlement = &Settlement::Absent;
        self.settlements
            .get(&id)
            .map_or(ABSENT, |known| &known.state)
    }

    /// An owner as it stands.
    #[must_use]
    pub fn owner(&self, key: OwnerKey) -> &Owner {
        const ABSENT: &Owner = &Owner::Absent;
        self.owners.get(&key).map_or(ABSENT, |known| &known.state)
    }

    /// A verification case as it stands.
    #[must_use]
    pub fn verification_case(&self, id: CaseId) -> &VerificationCase {
        const ABSENT: &VerificationCase = &VerificationCase::Absent;
        self.cases.get(&id).map_or(ABSENT, |known| &known.state)
    }

    /// An owner's profile as it stands.
    #[must_use]
    pub fn profile(&self, key: OwnerKey) -> &Profile {
        const ABSENT: &Profile = &Profile::Absent;
        self.profiles.get(&key).map_or(ABSENT, |known| &known.state)
    }

    /// Takes an owner's profile in, unless it is known as well or better already.
    pub fn load_profile(&mut self, key: OwnerKey, state: Profile, sequence: Sequence) {
        self.load_streamed(key, state, sequence);
    }

    /// The onboarding of an owner as it stands.
    #[must_use]
    pub fn onboarding(&self, key: OwnerKey) -> &Onboarding {
        const ABSENT: &Onboarding = &Onboarding::Absent;
        self.onboardings
            .get(&key)
            .map_or(ABSENT, |known| &known.state)
    }

    /// Takes an onboarding in, unless it is known as well or better already.
    pub fn load_onboarding(&mut self, key: OwnerKey, state: Onboarding, sequence: Sequence) {
        self.load_streamed(key, state, sequence);
    }

    /// Takes a verification case in, unless it is known as well or better already.
    pub fn load_case(&mut self, id: CaseId, state: VerificationCase, sequence: Sequence) {
        self.load_streamed(id, state, sequence);
    }

    /// Takes what was granted to an owner in, unless it is known as well or better already.
    pub fn load_owner(&mut self, key: OwnerKey, state: Owner, sequence: Sequence) {
        self.load_streamed(key, state, sequence);
    }

    /// Takes a payment in, unless it is known as well or better already.
    pub fn load_payment(&mut self, id: PaymentId, state: Payment, sequence: Sequence) {
        self.load_streamed(id, state, sequence);
    }

    /// Takes a payout in, unless it is known as well or better already.
    pub fn load_payout(&mut self, id: PayoutId, state: Payout, sequence: Sequence) {
        self.load_streamed(id, state, sequence);
    }

    /// Takes a beneficiary in, unless it is known as well or better already.
    pub fn load_beneficiary(&mut self, id: BeneficiaryId, state: Beneficiary, sequence: Sequence) {
        self.load_streamed(id, state, sequence);
    }

    /// Takes a settlement in, unless it is known as well or better already.
    pub fn load_settlement(&mut self, id: SettlementId, state: Settlement, sequence: Sequence) {
        self.load_streamed(id, state, sequence);
    }
}
