//! Payouts: never a second one while nobody knows what became of the first.
//!
//! That a provider is about to be asked is recorded before it is asked. From then on every further call is
//! under the same reference, and looks first for what an earlier one left behind. Only a provider's certain
//! word that it did not take the payout on is recorded as such, and only that leads to another provider.

use connectors::gateways::{
    Advice, Attempt, BankDestination, BeneficiaryRequest, GatewayError, Money, PayoutLookup,
    PayoutMode, PayoutObservation, PayoutRequest, ProviderId, Reference, currency,
};
use ledger_core::payout::{
    ObservedPayout, Payout, PayoutAction, PayoutObservation as DomainPayout, PayoutTerms,
};
use ledger_core::{LedgerName, PayoutId, ProviderName};

use super::destination::{PayoutDestination, PayoutPlace};
use super::histories::{self, PayoutHistory};
use super::{Payments, settled, step};
use crate::gateway_accounts::GatewayAccount;
use crate::jobs::{Job, JobError};
use crate::links::payout_reference;
use crate::observer::observe_payout;
use crate::routing::{Direction, RouteQuestion};
use crate::translation::note;
use crate::turns::Turn;

/// What the beneficiary's statement shows.
const NARRATION: &str = "Payout";

/// Why a provider was not asked, or certainly did not take a payout on.
enum NotTaken {
    Certainly(String),
    Unknown(JobError),
}

impl NotTaken {
    /// What the answer to a payout says. To the first call ever, every final no is certain. A call after
    /// one of which nobody knows what became is certainly not taken only when it was itself refused: a
    /// failed look-up, a key that is not accepted, or a request that cannot be made say nothing about the
    /// call before.
    fn of(error: GatewayError, attempt: Attempt) -> Self {
        let is_word = match attempt {
            Attempt::First => !matches!(error, GatewayError::ReferenceReused { .. }),
            Attempt::Again => matches!(error, GatewayError::Refused { .. }),
        };
        if is_word && error.advice() == Advice::GiveUp {
            Self::Certainly(error.code().to_owned())
        } else {
            Self::Unknown(error.into())
        }
    }

    /// What stands in the way of a call says nothing about the call before.
    fn before(self, attempt: Attempt) -> Self {
        match (self, attempt) {
            (Self::Certainly(reason), Attempt::Again) => Self::Unknown(JobError::Failed(reason)),
            (other, Attempt::First | Attempt::Again) => other,
        }
    }
}

impl From<JobError> for NotTaken {
    fn from(error: JobError) -> Self {
        Self::Unknown(error)
    }
}

/// One attempt at a payout.
#[derive(Clone, Copy)]
struct Asking<'a> {
    ledger: LedgerName,
    payout: PayoutId,
    history: &'a PayoutHistory,
    account: &'a GatewayAccount,
    provider: ProviderName,
    /// Which attempt of the payout it is, from 1 on.
    number: u32,
    /// Whether the provider may have been asked before in this attempt.
    attempt: Attempt,
}

impl Payments {
    pub(super) async fn submit_payout(
        &self,
        ledger: LedgerName,
        payout: PayoutId,
    ) -> Result<(), JobError> {
        let Some(history) = histories::payout(&self.log, ledger, payout).await? else {
            return Ok(());
        };
        match &history.state {
            Payout::Requested(terms) | Payout::Approved(terms) => {
                let number = terms.attempts + 1;
                let chosen = self.choose(ledger, payout, &history, number).await?;
                let Some((provider, account)) = chosen else {
                    return Ok(());
                };
                self.ask(Asking {
                    ledger,
                    payout,
                    history: &history,
                    account: &account,
                    provider,
                    number,
                    attempt: Attempt::First,
                })
                .await
            }
            // It was asked, and nobody knows what became of it.
            Payout::Submitted(submitted) => {
                self.ask(Asking {
                    ledger,
                    payout,
                    history: &history,
                    account: &*self.account(ledger, submitted.provider)?,
                    provider: submitted.provider,
                    number: submitted.terms.attempts,
                    attempt: Attempt::Again,
                })
                .await
            }
            Payout::Absent
            | Payout::AwaitingApproval(_)
            | Payout::Declined(_)
            | Payout::Cancelled(_)
            | Payout::Processing(_)
            | Payout::Succeeded(_)
            | Payout::Failed(_)
            | Payout::Returned(_) => Ok(()),
        }
    }

    /// Records which provider is about to be asked; when there is none left, calls the payout off.
    async fn choose(
        &self,
        ledger: LedgerName,
        payout: PayoutId,
        history: &PayoutHistory,
        number: u32,
    ) -> Result<Option<(ProviderName, Turn<'_, GatewayAccount>)>, JobError> {
        let question = RouteQuestion {
            ledger,
            id: payout.as_uuid(),
            direction: Direction::Out,
            asset: history.asset,
            amount: history.amount.value(),
            method: None,
            country: None,
            wanted: None,
            asked: history.asked.clone(),
            failure: history.failure.clone(),
        };
        let route = match self.router.decide(&question) {
            Ok(route) => route,
            Err(none) => {
                tracing::error!(%ledger, payout.id = %payout, reason = %none, "a payout is called off");
                let action = PayoutAction::Cancel {
                    reason: note(&none.to_string()),
                };
                let first = question.asked.last().copied();
                let Some(provider) = first.or_else(|| self.any_provider(ledger)) else {
                    return Err(JobError::Failed(none.to_string()));
                };
                let source = step(ledger, provider, format!("payout/{payout}/called-off"));
                let submitted = self.observer.submit_payout(&source, "0", payout, action);
                settled(submitted.await?)?;
                return Ok(None);
            }
        };
        let provider = route.provider;
        // Without a turn nothing is recorded: the provider was not asked.
        let account = self.account(ledger, provider)?;
        let source = step(
            ledger,
            provider,
            format!("payout/{payout}/submitted/{number}"),
        );
        let action = PayoutAction::Submit { route };
        let submitted = self.observer.submit_payout(&source, "0", payout, action);
        settled(submitted.await?)?;
        // Another node may have recorded another provider meanwhile: what the log says counts.
        let now = histories::payout(&self.log, ledger, payout).await?;
        let state = now.map(|history| history.state).unwrap_or_default();
        let terms: Option<&PayoutTerms> = state.terms();
        let is_ours = matches!(state, Payout::Submitted(_))
            && state.provider() == Some(provider)
            && terms.is_some_and(|terms| terms.attempts == number);
        Ok(is_ours.then_some((provider, account)))
    }

    fn any_provider(&self, ledger: LedgerName) -> Option<ProviderName> {
        let accounts = self.accounts.of_ledger(ledger);
        accounts.first().map(|(provider, _)| *provider)
    }

    async fn ask(&self, asking: Asking<'_>) -> Result<(), JobError> {
        let Asking {
            ledger,
            payout,
            provider,
            number,
            ..
        } = asking;
        match self.ask_provider(asking).await {
            Ok(said) => {
                let name = format!("payout/{payout}/asked/{number}");
                let source = step(ledger, provider, name);
                settled(self.observer.payout_of(&source, "0", payout, &said).await?)
            }
            Err(NotTaken::Certainly(reason)) => {
                tracing::warn!(%ledger, payout.id = %payout, %provider, reason, "a provider did not take a payout");
                let observation = DomainPayout {
                    provider,
                    provider_payout: None,
                    attempt: Some(number),
                    money: None,
                    status: ObservedPayout::NotAccepted,
                    reason: note(&reason),
                };
                let source = step(
                    ledger,
                    provider,
                    format!("payout/{payout}/not-taken/{number}"),
                );
                let action = observe_payout(&source, "0", observation);
                let submitted = self.observer.submit_payout(&source, "0", payout, action);
                settled(submitted.await?)
            }
            Err(NotTaken::Unknown(error)) => Err(error),
        }
    }

    async fn ask_provider(&self, asking: Asking<'_>) -> Result<PayoutObservation, NotTaken> {
        let attempt = asking.attempt;
        let request = self.payout_request(asking).await;
        let request = request.map_err(|not_taken| not_taken.before(attempt))?;
        let said = asking.account.gateway.payout(&request).await;
        said.map_err(|error| NotTaken::of(error, attempt))
    }

    async fn payout_request(&self, asking: Asking<'_>) -> Result<PayoutRequest, NotTaken> {
        let unusable = |what: &str| NotTaken::Certainly(format!("{what}_unusable"));
        let history = asking.history;
        let asset = currency(history.asset.as_str()).map_err(|_| unusable("asset"))?;
        let amount =
            Money::try_from_amount(history.amount, asset).map_err(|_| unusable("amount"))?;
        Ok(PayoutRequest {
            reference: payout_reference(asking.payout, asking.number),
            attempt: asking.attempt,
            beneficiary_id: self.beneficiary(asking).await?,
            amount,
            mode: PayoutMode::Default,
            narration: NARRATION.to_owned(),
            created_at: history.requested_at.as_datetime(),
        })
    }

    /// The name by which the provider can pay the beneficiary, made known to it if it is not.
    async fn beneficiary(&self, asking: Asking<'_>) -> Result<ProviderId, NotTaken> {
        let (ledger, provider) = (asking.ledger, asking.provider);
        let beneficiary = asking.history.beneficiary;
        let known: Option<String> = sqlx::query_scalar(
            "SELECT provider_id FROM workflows.provider_beneficiary \
             WHERE ledger = $1 AND provider = $2 AND beneficiary_id = $3",
        )
        .bind(ledger.as_str())
        .bind(provider.as_str())
        .bind(beneficiary.as_uuid())
        .fetch_optional(self.pool())
        .await
        .map_err(JobError::from)?;
        if let Some(known) = known.and_then(|id| id.parse().ok()) {
            return Ok(known);
        }
        let destination = self.destinations.destination(ledger, beneficiary).await;
        let destination =
            destination.map_err(|reason| NotTaken::Unknown(JobError::Failed(reason)))?;
        let Some(PayoutDestination { holder_name, place }) = destination else {
            return Err(NotTaken::Certainly("destination_forgotten".to_owned()));
        };
        let Some(destination) = bank_destination(place, provider)? else {
            return Err(NotTaken::Certainly(
                "destination_not_payable_here".to_owned(),
            ));
        };
        let id = match destination {
            Destination::Known(id) => id,
            Destination::Bank(destination) => {
                let request = BeneficiaryRequest {
                    reference: Reference::of(beneficiary.as_uuid()),
                    name: holder_name,
                    email: None,
                    phone: None,
                    destination,
                };
                let registered = asking.account.gateway.register_beneficiary(&request).await;
                // Nothing is paid by it: what it says is of this call alone.
                let registered = registered.map_err(|error| NotTaken::of(error, Attempt::First))?;
                registered.beneficiary_id
            }
        };
        sqlx::query(
            "INSERT INTO workflows.provider_beneficiary (ledger, provider, beneficiary_id, provider_id) \
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(ledger.as_str())
        .bind(provider.as_str())
        .bind(beneficiary.as_uuid())
        .bind(id.as_str())
        .execute(self.pool())
        .await
        .map_err(JobError::from)?;
        Ok(id)
    }

    pub(super) async fn watch_payout(
        &self,
        ledger: LedgerName,
        payout: PayoutId,
        round: u32,
    ) -> Result<(), JobError> {
        let Some(history) = histories::payout(&self.log, ledger, payout).await? else {
            return Ok(());
        };
        let (Payout::Submitted(submitted) | Payout::Processing(submitted)) = &history.state else {
            return Ok(());
        };
        let provider = submitted.provider;
        let account = self.account(ledger, provider)?;
        let named = history.provider_payout.as_ref();
        let lookup = match named.and_then(|id| id.as_str().parse().ok()) {
            Some(id) => PayoutLookup::Id(id),
            None => PayoutLookup::Reference {
                reference: payout_reference(payout, submitted.terms.attempts),
                created_at: history.requested_at.as_datetime(),
            },
        };
        let said = account.gateway.fetch_payout(&lookup).await?;
        let source = step(ledger, provider, format!("payout/{payout}/watched/{round}"));
        settled(self.observer.payout_of(&source, "0", payout, &said).await?)?;
        let round = round + 1;
        let job = Job::WatchPayout {
            ledger,
            payout,
            round,
        };
        self.ask_again(&account, payout.as_uuid(), job, round).await
    }
}

/// A destination as a provider takes it.
enum Destination {
    Known(ProviderId),
    Bank(BankDestination),
}

/// Nothing for a place at another provider.
fn bank_destination(place: PayoutPlace, at: ProviderName) -> Result<Option<Destination>, NotTaken> {
    Ok(match place {
        PayoutPlace::BankAccount {
            account_number,
            routing_code,
        } => Some(Destination::Bank(BankDestination::IndianAccount {
            account_number,
            ifsc: routing_code,
        })),
        PayoutPlace::Vpa { address } => Some(Destination::Bank(BankDestination::Upi { address })),
        PayoutPlace::ProviderAccount { provider, account } if provider == at.as_str() => {
            let unusable = |_| NotTaken::Certainly("destination_unusable".to_owned());
            Some(Destination::Known(account.parse().map_err(unusable)?))
        }
        PayoutPlace::ProviderAccount { .. } => None,
    })
}
