//! Payment requests, orders and payments.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use serde_json::value::RawValue;

use super::settings::InstamojoAccess;
use super::wire::{
    Order, OrderAnswer, PaymentRequest, RequestAnswer, RequestsAnswer, instant, payment,
    reference_of,
};
use super::{InstamojoGateway, PROVIDER};
use crate::gateways::Call;
use crate::gateways::checkout::hosted_page;
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Advice, Attempt, CaptureMode, Checkout, CheckoutAction, CheckoutLookup, CheckoutObservation,
    CheckoutRequest, CheckoutStatus, GatewayError, Money, Operation, PaymentObservation,
    ProviderId, Reference, Refusal, Reported,
};
use crate::outbound::form;
use crate::providers::Body;

/// What can be paid, in paise: 9 to 200,000 rupees.
const LEAST_PAISE: u64 = 900;
const MOST_PAISE: u64 = 20_000_000;

/// What a payment request is for, in characters.
const LONGEST_PURPOSE: usize = 30;

/// How far back a payment request is looked for by its purpose.
const PAGES: usize = 50;
const PAGE: usize = 100;

/// How much earlier than we decided on it a payment request may seem to be made: both clocks may be wrong.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(10);

impl InstamojoGateway {
    pub(super) async fn opened_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<Checkout, GatewayError> {
        check(request)?;
        if request.attempt == Attempt::Again
            && let Some(found) = self.earlier_checkout(request).await?
        {
            return Ok(found);
        }
        let made = match self.settings.access {
            InstamojoAccess::Keys { .. } => self.made_request(request).await,
            InstamojoAccess::Client { .. } => self.made_order(request).await,
        };
        match made {
            // The answer is lost, or our name is refused because it is used: what is there counts.
            Err(error) if may_exist(&error) => self.earlier_checkout(request).await?.ok_or(error),
            made => made,
        }
    }

    /// The checkout that an earlier call with this reference left behind. An order tells its page only
    /// once, so that an order whose answer was lost is refused for good: nobody can pay it.
    async fn earlier_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<Option<Checkout>, GatewayError> {
        let operation = Operation::CreateCheckout;
        match self.settings.access {
            InstamojoAccess::Keys { .. } => {
                let not_before = request.created_at.checked_sub_signed(CLOCKS_APART);
                let not_before = not_before.unwrap_or(DateTime::<Utc>::MIN_UTC);
                let found = self
                    .request_of(operation, &request.reference, not_before)
                    .await;
                let found = looked_up(found)?;
                found
                    .map(|found| self.request_checkout(request, found))
                    .transpose()
            }
            InstamojoAccess::Client { .. } => {
                let path = format!("/v2/gateway/orders/transaction_id:{}/", request.reference);
                let found = self.ask(|| Call::get(operation, path.clone())).await;
                let Some(order) = looked_up::<Order, _, _>(found)? else {
                    return Ok(None);
                };
                is_order(request, &order)?;
                Err(page_lost())
            }
        }
    }

    async fn made_request(&self, request: &CheckoutRequest) -> Result<Checkout, GatewayError> {
        let purpose = purpose(request)?;
        let amount = request.amount.decimal_text();
        let mut fields = vec![
            ("purpose", purpose.as_str()),
            ("amount", &amount),
            ("buyer_name", &request.payer.name),
            ("redirect_url", request.return_url.as_str()),
            ("webhook", request.notify_url.as_str()),
            ("send_email", "False"),
            ("send_sms", "False"),
            ("allow_repeated_payments", "False"),
        ];
        if let Some(email) = &request.payer.email {
            fields.push(("email", email.as_str()));
        }
        if let Some(phone) = &request.payer.phone {
            fields.push(("phone", phone.as_str()));
        }
        let body = form(&fields);
        let operation = Operation::CreateCheckout;
        let path = "/api/1.1/payment-requests/";
        let made: RequestAnswer = self
            .ask(|| Call::post(operation, path, Body::Form(body.clone())))
            .await?;
        self.request_checkout(request, made.payment_request)
    }

    async fn made_order(&self, request: &CheckoutRequest) -> Result<Checkout, GatewayError> {
        if request.return_url.query().is_some() {
            return invalid("return_url", "has no query");
        }
        let contact = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let body = json!({
            "name": request.payer.name,
            "email": contact(request.payer.email.as_ref().map(|email| email.as_str())),
            "phone": contact(request.payer.phone.as_ref().map(|phone| phone.as_str())),
            "currency": "INR",
            "amount": request.amount.decimal_text(),
            "transaction_id": request.reference,
            "redirect_url": request.return_url.as_str(),
            "webhook_url": request.notify_url.as_str(),
            "description": request.description,
        });
        let operation = Operation::CreateCheckout;
        let path = "/v2/gateway/orders/";
        let made: OrderAnswer = self
            .ask(|| Call::post(operation, path, Body::Json(body.clone())))
            .await?;
        is_order(request, &made.order)?;
        let page = made.payment_options.payment_url;
        self.redirect(operation, made.order.id, page.as_deref())
    }

    pub(super) async fn found_checkout(
        &self,
        lookup: &CheckoutLookup,
    ) -> Result<CheckoutObservation, GatewayError> {
        let operation = Operation::FetchCheckout;
        match (&self.settings.access, lookup) {
            (InstamojoAccess::Keys { .. }, CheckoutLookup::Id(id)) => {
                self.observed_request(operation, id).await
            }
            (InstamojoAccess::Keys { .. }, CheckoutLookup::Reference(reference)) => {
                // Lists leave the payments out.
                let ever = DateTime::<Utc>::MIN_UTC;
                let found = self.request_of(operation, reference, ever).await?;
                let id = found.id.try_into();
                let id = id.map_err(|_| PROVIDER.nonsense(operation, "an id that is none"))?;
                self.observed_request(operation, &id).await
            }
            (InstamojoAccess::Client { .. }, CheckoutLookup::Id(id)) => {
                self.observed_order(&format!("id:{id}")).await
            }
            (InstamojoAccess::Client { .. }, CheckoutLookup::Reference(reference)) => {
                self.observed_order(&format!("transaction_id:{reference}"))
                    .await
            }
        }
    }

    async fn observed_request(
        &self,
        operation: Operation,
        id: &ProviderId,
    ) -> Result<CheckoutObservation, GatewayError> {
        let path = format!("/api/1.1/payment-requests/{id}/");
        let found: RequestAnswer = self.ask(|| Call::get(operation, path.clone())).await?;
        let found = found.payment_request.observe();
        found.map_err(PROVIDER.not_read(operation))
    }

    async fn observed_order(&self, name: &str) -> Result<CheckoutObservation, GatewayError> {
        let operation = Operation::FetchCheckout;
        let path = format!("/v2/gateway/orders/{name}/");
        let order: Order = self.ask(|| Call::get(operation, path.clone())).await?;
        let mut payments = Vec::new();
        for payment in &order.payments {
            let id = payment.id.parse();
            let id = id.map_err(|_| PROVIDER.nonsense(operation, "an id that is none"))?;
            payments.push(self.found_payment(operation, &id).await?);
        }
        order
            .observe(payments)
            .map_err(PROVIDER.not_read(operation))
    }

    /// The payment request whose purpose ends with the reference; there is no other way to find it. The
    /// latest come first, so that nothing is missed when more are made meanwhile.
    async fn request_of(
        &self,
        operation: Operation,
        reference: &Reference,
        not_before: DateTime<Utc>,
    ) -> Result<PaymentRequest, GatewayError> {
        for page in 1..=PAGES {
            let path = format!("/api/1.1/payment-requests/?limit={PAGE}&page={page}");
            let found: RequestsAnswer = self.ask(|| Call::get(operation, path.clone())).await?;
            let count = found.payment_requests.len();
            let last = found.payment_requests.last();
            let is_past = last
                .and_then(|request| instant(request.created_at.text()))
                .is_some_and(|made_at| made_at < not_before);
            let is_ours = |request: &PaymentRequest| {
                reference_of(&request.purpose).as_ref() == Some(reference)
            };
            if let Some(ours) = found.payment_requests.into_iter().find(is_ours) {
                return Ok(ours);
            }
            if count < PAGE || is_past {
                return Err(PROVIDER.not_found(operation));
            }
        }
        Err(PROVIDER.search_ended(operation))
    }

    fn request_checkout(
        &self,
        request: &CheckoutRequest,
        found: PaymentRequest,
    ) -> Result<Checkout, GatewayError> {
        let operation = Operation::CreateCheckout;
        let amount = Money::parse(found.amount.text(), request.amount.asset());
        is_same(request, amount.is_ok_and(|amount| amount == request.amount))?;
        self.redirect(operation, found.id, found.longurl.as_deref())
    }

    fn redirect(
        &self,
        operation: Operation,
        id: String,
        page: Option<&str>,
    ) -> Result<Checkout, GatewayError> {
        let checkout_id = id.try_into();
        let checkout_id =
            checkout_id.map_err(|_| PROVIDER.nonsense(operation, "an id that is none"))?;
        let url = hosted_page(&self.settings.base_url, page);
        Ok(Checkout {
            checkout_id,
            action: CheckoutAction::Redirect {
                url: url
                    .ok_or_else(|| PROVIDER.nonsense(operation, "a checkout without a page"))?,
            },
            expires_at: None,
        })
    }

    /// Disables a payment request. Its status does not say so, so that is said here once.
    pub(super) async fn closed_checkout(
        &self,
        checkout_id: &ProviderId,
    ) -> Result<CheckoutObservation, GatewayError> {
        let operation = Operation::ExpireCheckout;
        if let InstamojoAccess::Client { .. } = self.settings.access {
            return Err(PROVIDER.unsupported(operation));
        }
        let found = self.observed_request(operation, checkout_id).await?;
        if found.status != Reported::Known(CheckoutStatus::Open) {
            return Ok(found);
        }
        let path = format!("/api/1.1/payment-requests/{checkout_id}/disable/");
        let _: serde_json::Value = self
            .ask(|| Call::post(operation, path.clone(), Body::Nothing).repeatable())
            .await?;
        // It may have been paid in between.
        let mut found = self.observed_request(operation, checkout_id).await?;
        if found.status == Reported::Known(CheckoutStatus::Open) {
            found.status = Reported::Known(CheckoutStatus::Cancelled);
        }
        Ok(found)
    }

    pub(super) async fn found_payment(
        &self,
        operation: Operation,
        payment_id: &ProviderId,
    ) -> Result<PaymentObservation, GatewayError> {
        let path = format!("{}payments/{payment_id}/", self.prefix());
        let found: Box<RawValue> = self.ask(|| Call::get(operation, path.clone())).await?;
        let payment = payment(&found)
            .map_err(|_| PROVIDER.nonsense(operation, "a payment of another shape"))?;
        let payment = payment.observe().map_err(PROVIDER.not_read(operation))?;
        if payment.payment_id != *payment_id {
            return Err(PROVIDER.nonsense(operation, "another payment"));
        }
        Ok(payment)
    }
}

/// Whether what was asked for may be there in spite of the error.
pub(super) fn may_exist(error: &GatewayError) -> bool {
    error.advice() == Advice::LookUpFirst || matches!(error, GatewayError::Refused { .. })
}

fn check(request: &CheckoutRequest) -> Result<(), GatewayError> {
    let amount = request.amount;
    if amount.asset().code.as_str() != "INR" {
        return invalid("amount", "is in rupees");
    }
    if !(LEAST_PAISE..=MOST_PAISE).contains(&amount.minor_units()) {
        return invalid("amount", "is 9 to 200000 rupees");
    }
    if request.capture == CaptureMode::Manual {
        return invalid("capture", "is automatic");
    }
    if request.description.trim().is_empty() || request.description.chars().count() > 255 {
        return invalid("description", "is 1 to 255 characters");
    }
    if request.payer.name.trim().is_empty() || request.payer.name.chars().count() > 100 {
        return invalid("payer's name", "is 1 to 100 characters");
    }
    let contact = &request.payer;
    if contact.email.is_none() || contact.phone.is_none() {
        return invalid("payer", "has an email address and a phone");
    }
    if contact
        .email
        .as_ref()
        .is_some_and(|email| email.as_str().len() > 75)
    {
        return invalid("payer's email address", "is at most 75 characters");
    }
    Ok(())
}

/// As much of the description as there is room for, and our reference, whole.
fn purpose(request: &CheckoutRequest) -> Result<String, GatewayError> {
    let reference = request.reference.as_str();
    let room = LONGEST_PURPOSE.checked_sub(reference.len());
    let Some(room) = room else {
        return invalid("reference", "is at most 30 characters");
    };
    let words = request.description.chars().take(room.saturating_sub(1));
    let words: String = words.collect();
    Ok(format!("{} {reference}", words.trim()).trim().to_owned())
}

fn is_order(request: &CheckoutRequest, order: &Order) -> Result<(), GatewayError> {
    let amount = Money::parse(order.amount.text(), request.amount.asset());
    let is_ours = order.transaction_id.as_deref() == Some(request.reference.as_str());
    is_same(
        request,
        is_ours && amount.is_ok_and(|amount| amount == request.amount),
    )
}

fn page_lost() -> GatewayError {
    GatewayError::Refused {
        provider: PROVIDER,
        operation: Operation::CreateCheckout,
        refusal: Box::new(Refusal {
            status: 200,
            code: "page_lost".to_owned(),
            reason: None,
            message: "the order is there, and its page is told only once".to_owned(),
            field: None,
        }),
    }
}

/// Another amount under our name would be paid as if it were this one.
fn is_same(request: &CheckoutRequest, is_same: bool) -> Result<(), GatewayError> {
    if is_same {
        return Ok(());
    }
    tracing::warn!(reference = %request.reference, "another checkout has this reference");
    Err(GatewayError::ReferenceReused {
        provider: PROVIDER,
        operation: Operation::CreateCheckout,
    })
}

fn invalid<T>(field: &'static str, rule: &'static str) -> Result<T, GatewayError> {
    Err(GatewayError::Invalid { field, rule })
}
