//! The people whom the process of onboardings works with: those of this deployment.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use identity::address::Address;
use identity::delivery::{DeliveryError, Reminder, ReminderOf};
use identity::identities::Identities;
use identity::people::Standing;
use ledger_core::OwnerId;
use ledger_core::onboarding::ContactKind;
use sqlx::postgres::PgConnection;
use uuid::Uuid;
use workflows::onboarding::{
    OnboardingPeople, OwnerReminder, PersonFault, PersonSeen, ReminderFault,
};

/// People as [`Identities`] know them.
#[derive(Debug, Clone)]
pub(super) struct KnownPeople(pub(super) Identities);

#[async_trait]
impl OnboardingPeople for KnownPeople {
    async fn person(&self, owner: &OwnerId) -> Result<PersonSeen, PersonFault> {
        let found = self.0.contacts_of_owner(owner).await.map_err(fault)?;
        Ok(match found {
            None => PersonSeen::Unknown,
            Some(contacts) => match contacts.standing {
                Standing::Blocked => PersonSeen::Blocked,
                Standing::Welcome => PersonSeen::Known {
                    verified: contacts
                        .verified
                        .iter()
                        .map(kind_of)
                        .collect::<BTreeSet<_>>(),
                },
            },
        })
    }

    async fn remind(
        &self,
        owner: &OwnerId,
        id: Uuid,
        of: OwnerReminder,
        due_at: DateTime<Utc>,
    ) -> Result<(), ReminderFault> {
        let found = self.0.contacts_of_owner(owner).await;
        let found = found.map_err(|error| ReminderFault::Unavailable(error.into()))?;
        let reachable = found.filter(|contacts| contacts.standing == Standing::Welcome);
        let Some(to) = reachable.and_then(|contacts| contacts.verified.into_iter().next()) else {
            return Err(unreachable("they have no verified address, or are blocked"));
        };
        let of = match of {
            OwnerReminder::Verify(ContactKind::Email) => ReminderOf::VerifyEmail,
            OwnerReminder::Verify(ContactKind::Phone) => ReminderOf::VerifyPhone,
            OwnerReminder::GiveDocuments => ReminderOf::GiveDocuments,
        };
        let reminder = Reminder { to, id, of, due_at };
        match self.0.remind(&reminder).await {
            Ok(()) => Ok(()),
            Err(error @ (DeliveryError::NotConfigured | DeliveryError::Refused { .. })) => {
                Err(unreachable(error.to_string()))
            }
            Err(error @ (DeliveryError::RateLimited { .. } | DeliveryError::Unavailable(_))) => {
                Err(ReminderFault::Unavailable(error.into()))
            }
        }
    }

    async fn take_news_in_tx(&self, tx: &mut PgConnection) -> Result<Vec<OwnerId>, PersonFault> {
        self.0.take_news_in_tx(tx).await.map_err(fault)
    }
}

const fn kind_of(address: &Address) -> ContactKind {
    match address {
        Address::Email(_) => ContactKind::Email,
        Address::Phone(_) => ContactKind::Phone,
    }
}

fn unreachable(reason: impl Into<String>) -> ReminderFault {
    ReminderFault::Unreachable {
        reason: reason.into(),
    }
}

fn fault(error: identity::identities::IdentityError) -> PersonFault {
    PersonFault(error.into())
}
