//! Sessions, and taking or giving up what was authorized.

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::wire::{Intent, List, Session, instant, stripe_currency};
use super::{PROVIDER, StripeGateway};
use crate::gateways::Call;
use crate::gateways::checkout::hosted_page;
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Attempt, CancelRequest, CaptureMode, CaptureRequest, Checkout, CheckoutAction, CheckoutLookup,
    CheckoutObservation, CheckoutRequest, GatewayError, Operation, PaymentObservation,
    PaymentStatus, ProviderId, Reported,
};
use crate::outbound::form;
use crate::providers::Body;

/// The shortest and longest life of a session, with a minute of grace for both clocks.
const SHORTEST_LIFE: TimeDelta = TimeDelta::minutes(31);
const LONGEST_LIFE: TimeDelta = TimeDelta::minutes(23 * 60 + 59);

const INTENT_EXPANSION: &str = "expand[]=latest_charge.balance_transaction";
const SESSION_EXPANSION: &str = "expand[]=payment_intent.latest_charge.balance_transaction";

impl StripeGateway {
    pub(super) async fn opened_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<Checkout, GatewayError> {
        let operation = Operation::CreateCheckout;
        check(request)?;
        let reference = request.reference.as_str();
        let amount = request.amount.minor_units().to_string();
        let code = request.amount.asset().code.to_string().to_ascii_lowercase();
        let expires_at = expiry(request).timestamp().to_string();
        let success_url = success_url(&request.return_url);
        let capture = match request.capture {
            CaptureMode::Automatic => "automatic",
            CaptureMode::Manual => "manual",
        };
        let mut fields = vec![
            ("mode", "payment"),
            ("expires_at", expires_at.as_str()),
            ("client_reference_id", reference),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", &code),
            ("line_items[0][price_data][unit_amount]", &amount),
            (
                "line_items[0][price_data][product_data][name]",
                &request.description,
            ),
            ("metadata[reference]", reference),
            ("payment_intent_data[metadata][reference]", reference),
            ("payment_intent_data[capture_method]", capture),
            ("success_url", &success_url),
            ("cancel_url", request.cancel_url.as_str()),
        ];
        if let Some(email) = &request.payer.email {
            fields.push(("customer_email", email.as_str()));
        }
        let path = "/v1/checkout/sessions";
        let session: Session = self
            .make(operation, path, &request.reference, &fields)
            .await?;
        self.checkout(request, session)
    }

    fn checkout(
        &self,
        request: &CheckoutRequest,
        session: Session,
    ) -> Result<Checkout, GatewayError> {
        let operation = Operation::CreateCheckout;
        let code = request.amount.asset().code;
        let is_same = session.amount_total == Some(request.amount.minor_units())
            && session
                .currency
                .as_deref()
                .is_some_and(|currency| currency.eq_ignore_ascii_case(code.as_str()));
        if !is_same {
            return Err(GatewayError::ReferenceReused {
                provider: PROVIDER,
                operation,
            });
        }
        let url = hosted_page(&self.settings.base_url, session.url.as_deref());
        Ok(Checkout {
            checkout_id: session
                .id
                .parse()
                .map_err(|_| PROVIDER.nonsense(operation, "an id that is none"))?,
            action: CheckoutAction::Redirect {
                url: url.ok_or_else(|| PROVIDER.nonsense(operation, "a session without a page"))?,
            },
            expires_at: instant(session.expires_at),
        })
    }

    pub(super) async fn found_checkout(
        &self,
        lookup: &CheckoutLookup,
    ) -> Result<CheckoutObservation, GatewayError> {
        let operation = Operation::FetchCheckout;
        let session: Session = match lookup {
            CheckoutLookup::Id(id) => {
                let path = format!("/v1/checkout/sessions/{id}?{SESSION_EXPANSION}");
                self.ask(Call::get(operation, path)).await?
            }
            CheckoutLookup::Reference(reference) => {
                let query = format!("metadata[\"reference\"]:\"{reference}\"");
                let query = form(&[("query", &query), ("limit", "1")]);
                let path = format!("/v1/payment_intents/search?{query}");
                let intents: List<Intent> = self.ask(Call::get(operation, path)).await?;
                let intent = intents.data.into_iter().next();
                let intent = intent.ok_or_else(|| PROVIDER.not_found(operation))?;
                let query = form(&[("payment_intent", &intent.id), ("limit", "1")]);
                let expansion = "expand[]=data.payment_intent.latest_charge.balance_transaction";
                let path = format!("/v1/checkout/sessions?{query}&{expansion}");
                let sessions: List<Session> = self.ask(Call::get(operation, path)).await?;
                let session = sessions.data.into_iter().next();
                session.ok_or_else(|| PROVIDER.not_found(operation))?
            }
        };
        session.observe().map_err(PROVIDER.not_read(operation))
    }

    pub(super) async fn expired_checkout(
        &self,
        checkout_id: &ProviderId,
    ) -> Result<CheckoutObservation, GatewayError> {
        let operation = Operation::ExpireCheckout;
        let path = format!("/v1/checkout/sessions/{checkout_id}/expire");
        // Closing twice is refused and changes nothing, so it may be repeated.
        let call = Call::post(operation, path, Body::Form(String::new())).repeatable();
        match self.ask::<Session>(call).await {
            Ok(session) => session.observe().map_err(PROVIDER.not_read(operation)),
            // Paid or closed before: told as it is.
            Err(GatewayError::Refused { .. }) => {
                self.found_checkout(&CheckoutLookup::Id(checkout_id.clone()))
                    .await
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn payment(
        &self,
        operation: Operation,
        payment_id: &ProviderId,
    ) -> Result<PaymentObservation, GatewayError> {
        let path = format!("/v1/payment_intents/{payment_id}?{INTENT_EXPANSION}");
        let intent: Intent = self.ask(Call::get(operation, path)).await?;
        intent.observe().map_err(PROVIDER.not_read(operation))
    }

    pub(super) async fn captured(
        &self,
        request: &CaptureRequest,
    ) -> Result<PaymentObservation, GatewayError> {
        let operation = Operation::Capture;
        if request.attempt == Attempt::Again {
            let payment = self.payment(operation, &request.payment_id).await;
            if let Some(payment) = looked_up(payment)?
                && !payment.captured.is_zero()
                && payment.captured == request.amount
            {
                return Ok(payment);
            }
        }
        let path = format!("/v1/payment_intents/{}/capture", request.payment_id);
        let amount = request.amount.minor_units().to_string();
        let fields = vec![
            ("amount_to_capture", amount.as_str()),
            ("expand[]", "latest_charge.balance_transaction"),
        ];
        let intent: Intent = self
            .make(operation, &path, &request.reference, &fields)
            .await?;
        intent.observe().map_err(PROVIDER.not_read(operation))
    }

    pub(super) async fn cancelled(
        &self,
        request: &CancelRequest,
    ) -> Result<PaymentObservation, GatewayError> {
        let operation = Operation::CancelPayment;
        if request.attempt == Attempt::Again {
            let payment = self.payment(operation, &request.payment_id).await;
            if let Some(payment) = looked_up(payment)?
                && payment.status == Reported::Known(PaymentStatus::Expired)
            {
                return Ok(payment);
            }
        }
        let path = format!("/v1/payment_intents/{}/cancel", request.payment_id);
        let intent: Intent = self
            .make(operation, &path, &request.reference, &Vec::new())
            .await?;
        intent.observe().map_err(PROVIDER.not_read(operation))
    }
}

fn check(request: &CheckoutRequest) -> Result<(), GatewayError> {
    let invalid = |field, rule| Err(GatewayError::Invalid { field, rule });
    let asset = request.amount.asset();
    if stripe_currency(asset.code.as_str()).is_err() {
        return invalid("amount", "is in a currency that Stripe counts as ISO does");
    }
    if request.amount.is_zero() || request.amount.minor_units() > 99_999_999 {
        return invalid("amount", "is 1 to 99999999 minor units");
    }
    if asset.scale == 3 && !request.amount.minor_units().is_multiple_of(10) {
        return invalid("amount", "ends in 0 in a currency of three decimals");
    }
    if request.description.is_empty() || request.description.chars().count() > 250 {
        return invalid("description", "is 1 to 250 characters");
    }
    Ok(())
}

/// When the session closes. It is part of the content that a key stands for, so it does not depend on the
/// time at which the call is made.
fn expiry(request: &CheckoutRequest) -> DateTime<Utc> {
    let life = request.expires_at.signed_duration_since(request.created_at);
    let life = life.clamp(SHORTEST_LIFE, LONGEST_LIFE);
    let expires_at = request.created_at.checked_add_signed(life);
    expires_at.unwrap_or(request.expires_at)
}

/// Stripe puts the session's id where the braces are, which must not be encoded.
fn success_url(return_url: &Url) -> String {
    let text = return_url.as_str();
    let (page, fragment) = match text.split_once('#') {
        Some((page, fragment)) => (page, format!("#{fragment}")),
        None => (text, String::new()),
    };
    let joint = if page.contains('?') { '&' } else { '?' };
    format!("{page}{joint}session_id={{CHECKOUT_SESSION_ID}}{fragment}")
}
