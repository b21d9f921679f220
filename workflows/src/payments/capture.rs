//! Taking what a payer's bank keeps ready, where the provider has not done so by itself.
//!
//! Providers capture by themselves as we ask for; what a bank authorizes late they may leave. Of everything
//! that is authorized for a payment one attempt is captured, for exactly what the payment is of. Which one
//! that is, is the same whoever looks: the first in the log that can still be captured. So two jobs, on two
//! nodes or after a crash, ask for the same one, which the provider captures once.
//!
//! What is left to go back by itself: another amount or asset than ours (which a person is told), what was
//! authorized after the payment had ended here, and what is authorized when the payment is captured.

use connectors::gateways::{
    Attempt, CaptureRequest, GatewayError, Money, Observation, Operation, PaymentObservation,
    PaymentStatus, ProviderId, Reference, Reported, currency,
};
use ledger_core::identifier::derived_id;
use ledger_core::payment::AttemptState;
use ledger_core::{LedgerName, PaymentId};

use super::histories::{Authorization, PaymentHistory};
use super::{Payments, histories, settled, step};
use crate::gateway_accounts::GatewayAccount;
use crate::jobs::{JobAttempt, JobError};

/// The provider has another amount ready than the payment is of. It is left to go back.
const AMOUNT_DIFFERS: &str = "authorized_amount_differs";

/// The same, in another currency.
const ASSET_DIFFERS: &str = "authorized_asset_differs";

/// The provider said that it captured, and then that it has not.
const NOT_CONFIRMED: &str = "capture_not_confirmed";

/// What became of one authorization.
enum Taken {
    /// It is captured, by us or before.
    Captured,
    /// It cannot be captured any more.
    Gone,
    /// It is of something else than the payment.
    Differs(&'static str),
}

impl Payments {
    pub(super) async fn capture_payment(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        attempt: JobAttempt,
    ) -> Result<(), JobError> {
        let Some(history) = histories::payment(&self.log, ledger, payment).await? else {
            return Ok(());
        };
        if self.to_be_captured(ledger, &history)?.is_empty() {
            return Ok(());
        }
        // Another attempt may be captured, and nobody has told of it yet.
        self.hear_checkout(ledger, payment, &history).await?;
        let Some(history) = histories::payment(&self.log, ledger, payment).await? else {
            return Ok(());
        };
        let mut differs = None;
        for authorized in self.to_be_captured(ledger, &history)? {
            match self
                .capture_one(ledger, payment, &history, authorized)
                .await?
            {
                Taken::Captured => return Ok(()),
                Taken::Gone => {}
                Taken::Differs(code) => differs = Some((authorized, code)),
            }
        }
        let Some((authorized, code)) = differs else {
            return Ok(());
        };
        if attempt.number <= 1 {
            tracing::error!(
                %ledger, payment.id = %payment, provider = %authorized.provider,
                attempt = %authorized.attempt, code,
                "a payer's bank keeps something else ready than the payment is of; it is not captured"
            );
        }
        Err(JobError::Failed(code.to_owned()))
    }

    /// What is authorized for a payment whose money has not arrived, in the log's order, where the provider
    /// leaves capturing to us.
    fn to_be_captured<'a>(
        &self,
        ledger: LedgerName,
        history: &'a PaymentHistory,
    ) -> Result<Vec<&'a Authorization>, JobError> {
        let Some(open) = history.state.open() else {
            return Ok(Vec::new());
        };
        let is_authorized = |known: &Authorization| {
            open.attempts.iter().any(|attempt| {
                attempt.provider == known.provider
                    && attempt.reference == known.attempt
                    && attempt.state == AttemptState::Authorized
            })
        };
        let mut found = Vec::new();
        for known in &history.authorized {
            if known.is_in_time && is_authorized(known) {
                // Only looked at: no turn is taken.
                let account = self.known_account(ledger, known.provider)?;
                if account.gateway.capabilities().supports(Operation::Capture) {
                    found.push(known);
                }
            }
        }
        Ok(found)
    }

    async fn hear_checkout(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        history: &PaymentHistory,
    ) -> Result<(), JobError> {
        let provider = history.asked_last();
        let account = self.account(ledger, provider)?;
        let name = format!("capturing/{payment}");
        self.ask_checkout(&account, provider, payment, history, name)
            .await
    }

    /// Captures an authorization if it is there and what is expected, and takes in what the provider says
    /// of it then.
    async fn capture_one(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        history: &PaymentHistory,
        authorized: &Authorization,
    ) -> Result<Taken, JobError> {
        let unusable = |what: &str| JobError::Failed(format!("the payment's {what} is unusable"));
        let account = self.account(ledger, authorized.provider)?;
        let id: ProviderId = authorized
            .attempt
            .as_str()
            .parse()
            .map_err(|_| unusable("attempt"))?;
        let asset = currency(history.asset.as_str()).map_err(|_| unusable("asset"))?;
        let expected =
            Money::try_from_amount(history.amount, asset).map_err(|_| unusable("amount"))?;
        let found = account.gateway.fetch_payment(&id).await?;
        if !is_authorized(&found)? {
            return self
                .hear_capture(&account, payment, authorized, found)
                .await;
        }
        if found.amount.asset() != expected.asset() {
            return Ok(Taken::Differs(ASSET_DIFFERS));
        }
        if found.amount != expected {
            return Ok(Taken::Differs(AMOUNT_DIFFERS));
        }
        let request = CaptureRequest {
            payment_id: id.clone(),
            reference: capture_reference(payment, authorized),
            // A node may have died after the call and before writing anything down.
            attempt: Attempt::Again,
            amount: expected,
        };
        let asked = account.gateway.capture(&request).await;
        // Whatever the answer was, or whether there was one: what is there now counts.
        let now = account.gateway.fetch_payment(&id).await?;
        if is_authorized(&now)? {
            return Err(not_captured(asked));
        }
        metrics::counter!("daybook_captures_total", "provider" => authorized.provider.to_string())
            .increment(1);
        self.hear_capture(&account, payment, authorized, now).await
    }

    async fn hear_capture(
        &self,
        account: &GatewayAccount,
        payment: PaymentId,
        authorized: &Authorization,
        now: PaymentObservation,
    ) -> Result<Taken, JobError> {
        let is_captured = !now.captured.is_zero();
        let name = format!("captured/{payment}/{}", authorized.attempt);
        let source = step(account.ledger, authorized.provider, name);
        let said = [Observation::Payment(now)];
        settled(self.observer.hear_all(&source, &said).await?)?;
        Ok(match is_captured {
            true => Taken::Captured,
            false => Taken::Gone,
        })
    }
}

/// Whether it waits to be captured. What a status means that nobody knows, nobody knows either.
fn is_authorized(said: &PaymentObservation) -> Result<bool, JobError> {
    match &said.status {
        Reported::Known(status) => Ok(*status == PaymentStatus::Authorized),
        Reported::Unknown(_) => Err(JobError::Failed("status_unknown".to_owned())),
    }
}

fn not_captured(asked: Result<PaymentObservation, GatewayError>) -> JobError {
    match asked {
        Ok(_) => JobError::Failed(NOT_CONFIRMED.to_owned()),
        Err(error) => error.into(),
    }
}

/// Our name for taking an authorization: the same whoever takes it.
fn capture_reference(payment: PaymentId, authorized: &Authorization) -> Reference {
    let provider = authorized.provider.to_string();
    let texts = [
        "capture",
        &payment.to_string(),
        &provider,
        authorized.attempt.as_str(),
    ];
    Reference::of(derived_id(&texts))
}
