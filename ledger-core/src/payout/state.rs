//! What a payout is, folded from its events.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aggregate::IllegalEvent;
use crate::identifier::{ActorId, BeneficiaryId, ProviderName, ProviderReference, WalletId};
use crate::money::{Amount, AssetCode};
use crate::payment::FeesRecorded;

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
    /// Whether the provider's charge was recorded.
    pub fees: FeesRecorded,
}

/// A payout that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedPayout {
    /// What stays true of it.
    pub terms: PayoutTerms,
    /// The provider that had it; nobody where none has taken it on, as far as is known.
    pub provider: Option<ProviderName>,
    /// That provider's own id of it, if it told.
    pub provider_payout: Option<ProviderReference>,
}

impl EndedPayout {
    const fn without_provider(terms: PayoutTerms) -> Self {
        Self {
            terms,
            provider: None,
            provider_payout: None,
        }
    }
}

impl SubmittedPayout {
    /// The same with the provider's own id, if it tells it now.
    fn known_as(&self, provider_payout: Option<&ProviderReference>) -> Self {
        Self {
            provider_payout: provider_payout.or(self.provider_payout.as_ref()).cloned(),
            ..self.clone()
        }
    }

    fn ended(&self, provider_payout: Option<&ProviderReference>) -> EndedPayout {
        let known = self.known_as(provider_payout);
        EndedPayout {
            terms: known.terms,
            provider: Some(known.provider),
            provider_payout: known.provider_payout,
        }
    }

    fn charged(&self, fees: FeesRecorded) -> Self {
        Self {
            fees,
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
    Declined(EndedPayout),
    /// See [`PayoutStatus::Cancelled`].
    Cancelled(EndedPayout),
    /// See [`PayoutStatus::Submitted`].
    Submitted(SubmittedPayout),
    /// See [`PayoutStatus::Processing`].
    Processing(SubmittedPayout),
    /// See [`PayoutStatus::Succeeded`].
    Succeeded(SubmittedPayout),
    /// See [`PayoutStatus::Failed`].
    Failed(EndedPayout),
    /// See [`PayoutStatus::Returned`].
    Returned(EndedPayout),
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
            Self::Requested(terms) | Self::AwaitingApproval(terms) | Self::Approved(terms) => {
                Some(terms)
            }
            Self::Declined(ended)
            | Self::Cancelled(ended)
            | Self::Failed(ended)
            | Self::Returned(ended) => Some(&ended.terms),
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
                PayoutEvent::PayoutDeclined { .. } => {
                    Some(Self::Declined(EndedPayout::without_provider(terms.clone())))
                }
                PayoutEvent::PayoutCancelled { .. } => Some(Self::Cancelled(
                    EndedPayout::without_provider(terms.clone()),
                )),
                _ => None,
            },
            Self::Requested(terms) | Self::Approved(terms) => match event {
                PayoutEvent::PayoutCancelled { .. } => Some(Self::Cancelled(
                    EndedPayout::without_provider(terms.clone()),
                )),
                PayoutEvent::PayoutSubmitted { attempt, route } => {
                    Some(Self::Submitted(SubmittedPayout {
                        terms: PayoutTerms {
                            attempts: *attempt,
                            ..terms.clone()
                        },
                        provider: route.provider,
                        provider_payout: None,
                        fees: FeesRecorded::No,
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
                PayoutEvent::PayoutFeesRecorded { .. } if submitted.fees == FeesRecorded::No => {
                    Some(Self::Succeeded(submitted.charged(FeesRecorded::Yes)))
                }
                PayoutEvent::PayoutFailed { .. } | PayoutEvent::PayoutReturned { .. } => {
                    outcome(submitted, event)
                }
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
            provider_payout,
            fees,
            ..
        } => {
            let known = submitted.known_as(provider_payout.as_ref());
            let fees = FeesRecorded::of(fees.as_ref());
            Some(Payout::Succeeded(known.charged(fees)))
        }
        PayoutEvent::PayoutFailed {
            provider_payout, ..
        } => Some(Payout::Failed(submitted.ended(provider_payout.as_ref()))),
        PayoutEvent::PayoutReturned {
            provider_payout, ..
        } => Some(Payout::Returned(submitted.ended(provider_payout.as_ref()))),
        PayoutEvent::PayoutCancelled {
            provider_payout, ..
        } => Some(Payout::Cancelled(submitted.ended(provider_payout.as_ref()))),
        _ => None,
    }
}
