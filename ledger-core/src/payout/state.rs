//! What a payout is, folded from its events.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::identifier::{ActorId, BeneficiaryId, ProviderName, ProviderReference, WalletId};
use crate::money::{Amount, AssetCode};

use super::event::PayoutEvent;

/// A payout's state, by name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PayoutStatus {
    /// Ready to be submitted; nobody had to approve it.
    Requested,
    /// A second person has to approve it.
    AwaitingApproval,
    /// Ready to be submitted; a second person approved it.
    Approved,
    /// A second person refused it.
    Declined,
    /// Called off.
    Cancelled,
    /// A provider may have it.
    Submitted,
    /// A provider has it.
    Processing,
    /// The beneficiary has it.
    Succeeded,
    /// The beneficiary does not get it.
    Failed,
    /// The beneficiary's bank sent it back.
    Returned,
}

impl PayoutStatus {
    /// The name, as stored in read models.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Submitted => "submitted",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Returned => "returned",
        }
    }
}

impl fmt::Display for PayoutStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What stays true of a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutTerms {
    /// Whose money it is.
    pub wallet: WalletId,
    /// Which asset.
    pub asset: AssetCode,
    /// How much.
    pub amount: Amount,
    /// Who gets it.
    pub beneficiary: BeneficiaryId,
    /// Who asked.
    pub requested_by: ActorId,
    /// Who approved it, if somebody had to.
    pub approved_by: Option<ActorId>,
    /// How often a provider was asked.
    pub attempts: u32,
}

/// A payout that a provider may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedPayout {
    /// What stays true of it.
    pub terms: PayoutTerms,
    /// Which provider.
    pub provider: ProviderName,
    /// The provider's own id of it, once it has told.
    pub provider_payout: Option<ProviderReference>,
}

impl SubmittedPayout {
    /// The same with the provider's own id, if it tells it now.
    fn known_as(&self, provider_payout: Option<&ProviderReference>) -> Self {
        Self {
            provider_payout: provider_payout.or(self.provider_payout.as_ref()).cloned(),
            ..self.clone()
        }
    }
}

/// A payout's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Payout {
    /// Not begun.
    #[default]
    Absent,
    /// See [`PayoutStatus::Requested`].
    Requested(PayoutTerms),
    /// See [`PayoutStatus::AwaitingApproval`].
    AwaitingApproval(PayoutTerms),
    /// See [`PayoutStatus::Approved`].
    Approved(PayoutTerms),
    /// See [`PayoutStatus::Declined`].
    Declined(PayoutTerms),
    /// See [`PayoutStatus::Cancelled`].
    Cancelled(PayoutTerms),
    /// See [`PayoutStatus::Submitted`].
    Submitted(SubmittedPayout),
    /// See [`PayoutStatus::Processing`].
    Processing(SubmittedPayout),
    /// See [`PayoutStatus::Succeeded`].
    Succeeded(SubmittedPayout),
    /// See [`PayoutStatus::Failed`].
    Failed(PayoutTerms),
    /// See [`PayoutStatus::Returned`].
    Returned(PayoutTerms),
}

impl Payout {
    /// The state by name, or `None` when there is no such payout.
    #[must_use]
    pub const fn status(&self) -> Option<PayoutStatus> {
        match self {
            Self::Absent => None,
            Self::Requested(_) => Some(PayoutStatus::Requested),
            Self::AwaitingApproval(_) => Some(PayoutStatus::AwaitingApproval),
            Self::Approved(_) => Some(PayoutStatus::Approved),
            Self::Declined(_) => Some(PayoutStatus::Declined),
            Self::Cancelled(_) => Some(PayoutStatus::Cancelled),
            Self::Submitted(_) => Some(PayoutStatus::Submitted),
            Self::Processing(_) => Some(PayoutStatus::Processing),
            Self::Succeeded(_) => Some(PayoutStatus::Succeeded),
            Self::Failed(_) => Some(PayoutStatus::Failed),
            Self::Returned(_) => Some(PayoutStatus::Returned),
        }
    }

    /// What stays true of it, once it was begun.
    #[must_use]
    pub const fn terms(&self) -> Option<&PayoutTerms> {
        match self {
            Self::Absent => None,
            Self::Requested(terms)
            | Self::AwaitingApproval(terms)
            | Self::Approved(terms)
            | Self::Declined(terms)
            | Self::Cancelled(terms)
            | Self::Failed(terms)
            | Self::Returned(terms) => Some(terms),
            Self::Submitted(submitted)
            | Self::Processing(submitted)
            | Self::Succeeded(submitted) => Some(&submitted.terms),
        }
    }

    /// The provider that has it or may have it.
    #[must_use]
    pub const fn provider(&self) -> Option<ProviderName> {
        match self {
            Self::Submitted(submitted)
            | Self::Processing(submitted)
            | Self::Succeeded(submitted) => Some(submitted.provider),
            Self::Absent
            | Self::Requested(_)
            | Self::AwaitingApproval(_)
            | Self::Approved(_)
            | Self::Declined(_)
            | Self::Cancelled(_)
            | Self::Failed(_)
            | Self::Returned(_) => None,
        }
    }

    /// The state after one more event.
    ///
    /// # Errors
    /// [`IllegalEvent`] when the event cannot follow.
    pub fn evolve(&self, event: &PayoutEvent) -> Result<Self, IllegalEvent> {
        self.next(event).ok_or(IllegalEvent {
            event: event.name(),
            state: self.status().map_or("Absent", PayoutStatus::as_str),
        })
    }

    fn next(&self, event: &PayoutEvent) -> Option<Self> {
        match self {
            Self::Absent => begin(event),
            Self::AwaitingApproval(terms) => match event {
                PayoutEvent::PayoutApproved { by } => Some(Self::Approved(PayoutTerms {
                    approved_by: Some(by.clone()),
                    ..terms.clone()
                })),
                PayoutEvent::PayoutDeclined { .. } => Some(Self::Declined(terms.clone())),
                PayoutEvent::PayoutCancelled { .. } => Some(Self::Cancelled(terms.clone())),
                _ => None,
            },
            Self::Requested(terms) | Self::Approved(terms) => match event {
                PayoutEvent::PayoutCancelled { .. } => Some(Self::Cancelled(terms.clone())),
                PayoutEvent::PayoutSubmitted { attempt, route } => {
                    Some(Self::Submitted(SubmittedPayout {
                        terms: PayoutTerms {
                            attempts: *attempt,
                            ..terms.clone()
                        },
                        provider: route.provider,
                        provider_payout: None,
                    }))
                }
                _ => None,
            },
            Self::Submitted(submitted) => match event {
                PayoutEvent::PayoutNotAccepted { .. } => Some(ready(submitted.terms.clone())),
                PayoutEvent::PayoutProcessing {
                    provider_payout, ..
                } => Some(Self::Processing(
                    submitted.known_as(provider_payout.as_ref()),
                )),
                _ => outcome(submitted, event),
            },
            Self::Processing(submitted) => outcome(submitted, event),
            Self::Succeeded(submitted) => match event {
                PayoutEvent::PayoutFailed { .. } => Some(Self::Failed(submitted.terms.clone())),
                PayoutEvent::PayoutReturned { .. } => Some(Self::Returned(submitted.terms.clone())),
                _ => None,
            },
            Self::Declined(_) | Self::Cancelled(_) | Self::Failed(_) | Self::Returned(_) => None,
        }
    }
}

fn begin(event: &PayoutEvent) -> Option<Payout> {
    let PayoutEvent::PayoutRequested {
        wallet,
        asset,
        amount,
        beneficiary,
        requested_by,
        approval_above,
        ..
    } = event
    else {
        return None;
    };
    let terms = PayoutTerms {
        wallet: *wallet,
        asset: *asset,
        amount: *amount,
        beneficiary: *beneficiary,
        requested_by: requested_by.clone(),
        approved_by: None,
        attempts: 0,
    };
    Some(match approval_above {
        Some(_) => Payout::AwaitingApproval(terms),
        None => Payout::Requested(terms),
    })
}

fn ready(terms: PayoutTerms) -> Payout {
    match terms.approved_by {
        Some(_) => Payout::Approved(terms),
        None => Payout::Requested(terms),
    }
}

fn outcome(submitted: &SubmittedPayout, event: &PayoutEvent) -> Option<Payout> {
    match event {
        PayoutEvent::PayoutSucceeded {
            provider_payout, ..
        } => Some(Payout::Succeeded(
            submitted.known_as(provider_payout.as_ref()),
        )),
        PayoutEvent::PayoutFailed { .. } => Some(Payout::Failed(submitted.terms.clone())),
        PayoutEvent::PayoutReturned { .. } => Some(Payout::Returned(submitted.terms.clone())),
        PayoutEvent::PayoutCancelled { .. } => Some(Payout::Cancelled(submitted.terms.clone())),
        _ => None,
    }
}
