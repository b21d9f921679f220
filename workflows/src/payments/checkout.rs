//! Pages on which people pay: opened, handed on to another provider, closed.
//!
//! Who pays, and where their browser goes, stands in `workflows.checkout` before the payment is begun. The
//! page is written there too; a log keeps neither.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use connectors::gateways::{
    Advice, Attempt, CaptureMode, Checkout, CheckoutAction, CheckoutRequest, GatewayError, Money,
    Payer, currency,
};
use ledger_core::payment::{Checkout as Page, ObservedPayment, PaymentAction, PaymentObservation};
use ledger_core::{LedgerName, PaymentId, ProviderName, ProviderReference, Timestamp};
use serde_json::{Value, json};
use sqlx::FromRow;
use url::Url;

use super::histories::{self, PaymentHistory};
use super::{Payments, settled, step, told};
use crate::gateway_accounts::GatewayAccount;
use crate::jobs::{JobAttempt, JobError};
use crate::links::checkout_reference;
use crate::routing::{Direction, RouteQuestion};
use crate::translation::{note, reference};

/// After so many tries of a job, a page that cannot be made is given up.
pub(super) const TRIES: i32 = 4;

/// What the payer sees it is for, where nobody said so.
const DESCRIPTION: &str = "Deposit";

/// Who pays, as it was asked for.
#[derive(FromRow)]
struct Asked {
    payer_name: Option<String>,
    payer_email: Option<String>,
    payer_phone: Option<String>,
    method: Option<String>,
    country: Option<String>,
    return_url: Option<String>,
    cancel_url: Option<String>,
}

impl Payments {
    pub(super) async fn open_checkout(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        attempt: JobAttempt,
    ) -> Result<(), JobError> {
        let Some(history) = histories::payment(&self.log, ledger, payment).await? else {
            return Ok(());
        };
        let is_wanted = history
            .state
            .open()
            .is_some_and(|open| open.checkout == Page::Created);
        if !is_wanted {
            return Ok(());
        }
        let Some(asked) = self.asked(ledger, payment).await? else {
            let reason = "nobody asked for a page";
            return self.give_up_page(ledger, payment, &history, reason).await;
        };
        let provider = history.route.provider;
        if let Some((order, expires_at)) = self.written_down(ledger, payment, provider).await? {
            // Its node died before it could say so. Some providers tell a page only once.
            return self
                .tell_opened(ledger, payment, provider, order, expires_at)
                .await;
        }
        let account = match self.account(ledger, provider) {
            Ok(account) => account,
            Err(JobError::Failed(_)) if attempt.is_last => {
                let failure = "provider_not_configured";
                let fall_back = self.fall_back(ledger, payment, &history, &asked, failure, attempt);
                return fall_back.await;
            }
            Err(error) => return Err(error),
        };
        let request = match self.request(&account, provider, payment, &history, &asked) {
            Ok(request) => request,
            Err(reason) => return self.give_up_page(ledger, payment, &history, reason).await,
        };
        let failure = match account.gateway.create_checkout(&request).await {
            Ok(checkout) => return self.opened(ledger, payment, &history, checkout).await,
            Err(error) => failure(&error, attempt),
        };
        self.fall_back(ledger, payment, &history, &asked, &failure, attempt)
            .await
    }

    async fn asked(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
    ) -> Result<Option<Asked>, JobError> {
        let asked = sqlx::query_as(
            "SELECT payer_name, payer_email, payer_phone, method, country, return_url, cancel_url \
             FROM workflows.checkout WHERE ledger = $1 AND payment_id = $2 \
               AND noted_by = daybook.begun_by($1, 'payment', $2)",
        )
        .bind(ledger.as_str())
        .bind(payment.as_uuid())
        .fetch_optional(self.pool())
        .await?;
        Ok(asked)
    }

    /// What a provider is asked for, or why none can be.
    fn request(
        &self,
        account: &GatewayAccount,
        provider: ProviderName,
        payment: PaymentId,
        history: &PaymentHistory,
        asked: &Asked,
    ) -> Result<CheckoutRequest, &'static str> {
        let asset = currency(history.asset.as_str()).map_err(|_| "asset_unusable")?;
        let amount =
            Money::try_from_amount(history.amount, asset).map_err(|_| "amount_unusable")?;
        let own = self.settings.public_url.clone();
        let url = |text: &Option<String>| text.as_deref().and_then(|text| Url::parse(text).ok());
        let return_url = url(&asked.return_url).unwrap_or_else(|| own.clone());
        let webhook = format!("v1/webhooks/{provider}/{}", account.endpoint);
        let routed_at = history.routed_at.as_datetime();
        Ok(CheckoutRequest {
            reference: checkout_reference(payment),
            attempt: Attempt::Again,
            amount,
            description: DESCRIPTION.to_owned(),
            payer: Payer {
                name: asked.payer_name.clone().unwrap_or_default(),
                email: asked
                    .payer_email
                    .as_deref()
                    .and_then(|text| text.parse().ok()),
                phone: asked
                    .payer_phone
                    .as_deref()
                    .and_then(|text| text.parse().ok()),
            },
            capture: CaptureMode::Automatic,
            cancel_url: url(&asked.cancel_url).unwrap_or_else(|| return_url.clone()),
            return_url,
            notify_url: own.join(&webhook).map_err(|_| "public_url_unusable")?,
            // Both are alike in every attempt: providers refuse another request under the same reference.
            created_at: routed_at,
            expires_at: history
                .expires_at
                .map_or(routed_at + self.page_lifetime(), Timestamp::as_datetime),
        })
    }

    /// The page is written down before the ledger says that it is there: whoever waits for one finds it.
    async fn opened(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        history: &PaymentHistory,
        checkout: Checkout,
    ) -> Result<(), JobError> {
        let provider = history.route.provider;
        let order =
            reference(&checkout.checkout_id).map_err(|word| JobError::Failed(word.to_string()))?;
        sqlx::query(
            "UPDATE workflows.checkout \
             SET provider = $3, provider_checkout = $4, action = $5, expires_at = $6, \
                 page_token = COALESCE(page_token, $7) \
             WHERE ledger = $1 AND payment_id = $2 \
               AND noted_by = daybook.begun_by($1, 'payment', $2)",
        )
        .bind(ledger.as_str())
        .bind(payment.as_uuid())
        .bind(provider.as_str())
        .bind(order.as_str())
        .bind(page(&checkout.action))
        .bind(checkout.expires_at)
        .bind(page_token(&checkout.action)?)
        .execute(self.pool())
        .await?;
        self.tell_opened(ledger, payment, provider, order, checkout.expires_at)
            .await
    }

    /// The page that was written down for a payment at a provider: its name there, and until when it is
    /// open.
    async fn written_down(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        provider: ProviderName,
    ) -> Result<Option<(ProviderReference, Option<DateTime<Utc>>)>, JobError> {
        let found: Option<(String, Option<DateTime<Utc>>)> = sqlx::query_as(
            "SELECT provider_checkout, expires_at FROM workflows.checkout \
             WHERE ledger = $1 AND payment_id = $2 AND provider = $3 \
               AND noted_by = daybook.begun_by($1, 'payment', $2) \
               AND action IS NOT NULL AND provider_checkout IS NOT NULL",
        )
        .bind(ledger.as_str())
        .bind(payment.as_uuid())
        .bind(provider.as_str())
        .fetch_optional(self.pool())
        .await?;
        Ok(found.and_then(|(order, expires_at)| Some((order.parse().ok()?, expires_at))))
    }

    async fn tell_opened(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        provider: ProviderName,
        order: ProviderReference,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(), JobError> {
        let observation = PaymentObservation {
            provider,
            order: Some(order),
            status: ObservedPayment::AwaitingPayer {
                expires_at: expires_at.and_then(timestamp),
            },
        };
        let source = step(ledger, provider, format!("opened/{payment}/{provider}"));
        let heard = self.observer.observe(&source, "0", payment, observation);
        settled(heard.await?)
    }

    /// Asks the next provider, if there is one.
    async fn fall_back(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        history: &PaymentHistory,
        asked: &Asked,
        failure: &str,
        attempt: JobAttempt,
    ) -> Result<(), JobError> {
        let from = history.route.provider;
        metrics::counter!("daybook_checkout_failures_total", "provider" => from.to_string())
            .increment(1);
        let before = history.state.open().map(|open| open.providers.clone());
        let question = RouteQuestion {
            ledger,
            id: payment.as_uuid(),
            direction: Direction::In,
            asset: history.asset,
            amount: history.amount.value(),
            method: asked.method.clone(),
            country: asked.country.clone(),
            wanted: None,
            asked: before.unwrap_or_else(|| vec![from]),
            failure: note(failure),
        };
        match self.router.decide(&question) {
            Ok(route) => {
                tracing::warn!(%ledger, payment.id = %payment, %from, to = %route.provider, failure, "a payment is sent to another provider");
                let name = format!("rerouted/{payment}/{}", question.asked.len());
                let source = step(ledger, route.provider, name);
                let action = PaymentAction::Reroute { route };
                let submitted = self.observer.submit_payment(&source, "0", payment, action);
                settled(submitted.await?)
            }
            // Nobody else can be asked: this one is, a few times more, if that can help.
            Err(_) if failure.starts_with(AGAIN) && attempt.number < TRIES => {
                Err(JobError::Failed(failure.to_owned()))
            }
            Err(_) => self.give_up_page(ledger, payment, history, failure).await,
        }
    }

    async fn give_up_page(
        &self,
        ledger: LedgerName,
        payment: PaymentId,
        history: &PaymentHistory,
        reason: &str,
    ) -> Result<(), JobError> {
        let provider = history.route.provider;
        tracing::error!(%ledger, payment.id = %payment, %provider, reason, "no page can be made to pay on");
        let observation = PaymentObservation {
            provider,
            order: None,
            status: ObservedPayment::Failed {
                attempt: None,
                reason: note(reason),
            },
        };
        let source = step(ledger, provider, format!("no-page/{payment}/{provider}"));
        let heard = self.observer.observe(&source, "0", payment, observation);
        settled(heard.await?)
    }
}

/// The beginning of failures that may pass.
const AGAIN: &str = "again: ";

/// How a page could not be made, in words for the log. A provider that refuses our key needs a person.
fn failure(error: &GatewayError, attempt: JobAttempt) -> String {
    tracing::warn!(
        error = told(error),
        attempt = attempt.number,
        "a provider makes no page"
    );
    match error.advice() {
        Advice::GiveUp | Advice::TellAPerson => error.code().to_owned(),
        Advice::TryLater { .. } | Advice::LookUpFirst => format!("{AGAIN}{}", error.code()),
    }
}

fn page(action: &CheckoutAction) -> Value {
    match action {
        CheckoutAction::Redirect { url } => json!({ "kind": "redirect", "url": url.as_str() }),
        CheckoutAction::Form { url, fields } => {
            json!({ "kind": "form", "url": url.as_str(), "fields": fields })
        }
    }
}

/// What the address of our own page ends with, where the gateway wants a form posted. Whoever has it can
/// pay and sees who pays, so it is made of the system's randomness.
fn page_token(action: &CheckoutAction) -> Result<Option<String>, JobError> {
    match action {
        CheckoutAction::Redirect { .. } => Ok(None),
        CheckoutAction::Form { .. } => {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes)
                .map_err(|_| JobError::Failed("there is no randomness".to_owned()))?;
            Ok(Some(URL_SAFE_NO_PAD.encode(bytes)))
        }
    }
}

fn timestamp(time: DateTime<Utc>) -> Option<Timestamp> {
    Timestamp::try_new(time).ok()
}
