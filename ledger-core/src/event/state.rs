//! The state of any aggregate, folded from its events without knowing which kind it is: what an auditor is shown
//! of how something stood.

use serde::Serialize;

use super::stream::AggregateType;
use super::{Event, RecordedEvent};
use crate::aggregate::IllegalEvent;
use crate::beneficiary::Beneficiary;
use crate::hold::Hold;
use crate::ledger::Ledger;
use crate::onboarding::Onboarding;
use crate::owner::Owner;
use crate::payment::Payment;
use crate::payout::Payout;
use crate::profile::Profile;
use crate::settlement::Settlement;
use crate::transaction::Transaction;
use crate::verification::VerificationCase;
use crate::wallet::Wallet;

macro_rules! aggregate_states {
    ($($kind:ident),*) => {
        /// How an aggregate stands after some of its events. Written as the state of its kind.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub enum AggregateState {
            $(
                #[doc = concat!("Of a [`", stringify!($kind), "`].")]
                $kind(Box<$kind>),
            )*
        }

        impl AggregateState {
            /// Before its first event.
            #[must_use]
            pub fn before_anything(kind: AggregateType) -> Self {
                match kind {
                    $(AggregateType::$kind => Self::$kind(Box::default()),)*
                }
            }

            /// After one more event.
            ///
            /// # Errors
            /// [`IllegalEvent`] when the event cannot follow, or is of another kind of aggregate.
            pub fn evolve(&self, event: &Event) -> Result<Self, IllegalEvent> {
                match (self, event) {
                    $((Self::$kind(state), Event::$kind(event)) => {
                        Ok(Self::$kind(Box::new(state.evolve(event)?)))
                    })*
                    $((Self::$kind(_), _) => Err(IllegalEvent {
                        event: event.name(),
                        state: AggregateType::$kind.as_str(),
                    }),)*
                }
            }
        }
    };
}

aggregate_states!(
    Ledger,
    Wallet,
    Transaction,
    Hold,
    Payment,
    Payout,
    Beneficiary,
    Settlement,
    Owner,
    VerificationCase,
    Profile,
    Onboarding
);

impl AggregateState {
    /// After all of these events of one stream; as before its first when there are none.
    ///
    /// # Errors
    /// [`IllegalEvent`] when one cannot follow.
    pub fn after<'a>(
        kind: AggregateType,
        events: impl IntoIterator<Item = &'a RecordedEvent>,
    ) -> Result<Self, IllegalEvent> {
        let mut state = Self::before_anything(kind);
        for recorded in events {
            state = state.evolve(&recorded.event)?;
        }
        Ok(state)
    }
}
