//! Refunds, made at the provider that has the money.

use connectors::gateways::{
    Advice, Attempt, GatewayError, Money, Observation, ProviderId, RefundKind, RefundLookup,
    RefundObservation, RefundRequest, currency,
};
use ledger_core::payment::{
    CapturedPayment, ObservedMoney, ObservedRefund, PaymentAction,
    RefundObservation as DomainRefund, RefundState,
};
use ledger_core::{LedgerName, PaymentId, RefundId};

use super::{Payments, histories, settled, step};
use crate::jobs::{Job, JobError};
use crate::links::refund_reference;
use crate::observer::{Source, transaction};
use crate::translation::note;

impl Payments {
    pub(super) async fn execute_refund(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        refund: RefundId,
    ) -> Result<(), JobError> {
        let captured = self.captured(ledger, payment).await?;
        let known = captured.refunds.get(&refund).ok_or_else(missing)?;
        if known.state != RefundState::Requested {
            return Ok(());
        }
        let unusable = |what: &str| JobError::Failed(format!("the refund's {what} cannot be used"));
        let asset = currency(captured.asset.as_str()).map_err(|_| unusable("asset"))?;
        let request = RefundRequest {
            payment_id: attempt_id(&captured)?,
            reference: refund_reference(refund),
            attempt: Attempt::Again,
            amount: Money::try_from_amount(known.amount, asset).map_err(|_| unusable("amount"))?,
            reason: "refund".to_owned(),
        };
        let account = self.account(ledger, captured.provider)?;
        let source = step(
            ledger,
            captured.provider,
            format!("refund/{refund}/executed"),
        );
        match account.gateway.refund(&request).await {
            Ok(said) => self.hear_refund(&source, said).await,
            Err(error) if is_certainly_refused(&error) => {
                self.refused(&source, payment, refund, &captured, &error)
                    .await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The provider does not make it: the reserved money is free again.
    async fn refused(
        &self,
        source: &Source,
        payment: PaymentId,
        refund: RefundId,
        captured: &CapturedPayment,
        error: &GatewayError,
    ) -> Result<(), JobError> {
        let Some(known) = captured.refunds.get(&refund) else {
            return Ok(());
        };
        let provider_refund = format!("refused.{refund}")
            .parse()
            .map_err(|_| JobError::Failed("the refund's name cannot be used".to_owned()))?;
        let observation = DomainRefund {
            provider: source.provider,
            attempt: captured.attempt.clone(),
            provider_refund,
            money: ObservedMoney {
                asset: captured.asset,
                amount: known.amount.value(),
            },
            status: ObservedRefund::Failed,
            bank_reference: None,
            reason: note(error.code()),
        };
        let action = PaymentAction::ObserveRefund {
            refund,
            observation,
            transaction: transaction(source, "refused"),
        };
        let submitted = self
            .observer
            .submit_payment(source, "refused", payment, action);
        settled(submitted.await?)
    }

    pub(super) async fn watch_refund(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        refund: RefundId,
        round: u32,
    ) -> Result<(), JobError> {
        let captured = self.captured(ledger, payment).await?;
        let known = captured.refunds.get(&refund).ok_or_else(missing)?;
        if known.state != RefundState::Pending {
            return Ok(());
        }
        let account = self.account(ledger, captured.provider)?;
        let refund_id = known.provider_refund.as_ref();
        let lookup = RefundLookup {
            payment_id: attempt_id(&captured)?,
            refund_id: refund_id.and_then(|id| id.as_str().parse().ok()),
            reference: refund_reference(refund),
        };
        let said = account.gateway.fetch_refund(&lookup).await?;
        let name = format!("refund/{refund}/watched/{round}");
        let source = step(ledger, captured.provider, name);
        self.hear_refund(&source, said).await?;
        let round = round + 1;
        let job = Job::WatchRefund {
            ledger,
            payment,
            refund,
            round,
        };
        self.ask_again(&account, refund.as_uuid(), job, round).await
    }

    /// What a provider says of a refund that we asked for is of money that was ours.
    async fn hear_refund(&self, source: &Source, said: RefundObservation) -> Result<(), JobError> {
        let said = RefundObservation {
            kind: RefundKind::OfCaptured,
            ..said
        };
        let heard = self
            .observer
            .hear_all(source, &[Observation::Refund(said)])
            .await?;
        settled(heard)
    }

    /// The payment of a refund, which was captured, or no refund could have been asked for.
    async fn captured(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
    ) -> Result<CapturedPayment, JobError> {
        let state = histories::payment_state(&self.log, ledger, payment).await?;
        state.captured().cloned().ok_or_else(missing)
    }
}

fn missing() -> JobError {
    JobError::Failed("the log has no such refund".to_owned())
}

fn attempt_id(captured: &CapturedPayment) -> Result<ProviderId, JobError> {
    let unusable =
        |_| JobError::Failed("the provider's name of the payment cannot be used".to_owned());
    captured.attempt.as_str().parse().map_err(unusable)
}

/// Whether no refund was made and none will be, though an earlier call may have been made. Every call looks
/// first for what an earlier one left behind, so a refusal is of the call itself, and what cannot be asked
/// for never was. All else tells nothing, or of a mistake of ours that a person has to look at.
fn is_certainly_refused(error: &GatewayError) -> bool {
    let is_word = matches!(
        error,
        GatewayError::Refused { .. }
            | GatewayError::Invalid { .. }
            | GatewayError::Unsupported { .. }
    );
    is_word && error.advice() == Advice::GiveUp
}
