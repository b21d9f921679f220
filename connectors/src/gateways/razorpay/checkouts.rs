//! Orders, payment links, and taking what was authorized.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use url::Url;

use super::answer::{PAGE, first_of, may_exist};
use super::wire::{Collection, Link, Links, Order, Payment, REFERENCE_NOTE, instant};
use super::{PROVIDER, RazorpayCheckout, RazorpayGateway};
use crate::gateways::Call;
use crate::gateways::checkout::hosted_page;
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Attempt, CaptureMode, Checkout, CheckoutAction, CheckoutLookup, CheckoutObservation,
    CheckoutRequest, GatewayError, Money, Operation, PaymentObservation, ProviderId, Reference,
};
use crate::providers::Body;

/// The shortest and longest life of a link, with a minute of grace for both clocks.
const SHORTEST_LIFE: TimeDelta = TimeDelta::minutes(16);
const LONGEST_LIFE: TimeDelta = TimeDelta::days(180);

/// The least that can be paid in rupees, in paise.
const LEAST_PAISE: u64 = 100;

impl RazorpayGateway {
    pub(super) async fn opened_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<Checkout, GatewayError> {
        check(request)?;
        if request.attempt == Attempt::Again
            && let Some(found) = self.earlier(request).await?
        {
            return Ok(found);
        }
        let made = match self.settings.checkout {
            RazorpayCheckout::HostedPage => self.made_order(request).await,
            RazorpayCheckout::PaymentLink => self.made_link(request).await,
        };
        match made {
            // The answer is lost, or a reference is refused because it is used: what is there counts.
            Err(error) if may_exist(&error) => self.earlier(request).await?.ok_or(error),
            made => made,
        }
    }

    /// The checkout that an earlier call with this reference left behind.
    async fn earlier(&self, request: &CheckoutRequest) -> Result<Option<Checkout>, GatewayError> {
        let operation = Operation::CreateCheckout;
        match self.settings.checkout {
            RazorpayCheckout::HostedPage => {
                let order = self.order_of(operation, &request.reference).await;
                let Some(order) = looked_up(order)? else {
                    return Ok(None);
                };
                is_same(request, order.amount, &order.currency)?;
                self.order_checkout(request, &order.id).map(Some)
            }
            RazorpayCheckout::PaymentLink => {
                let link = self.link_of(operation, &request.reference).await;
                let Some(link) = looked_up(link)? else {
                    return Ok(None);
                };
                is_same(request, link.amount, &link.currency)?;
                self.link_checkout(link).map(Some)
            }
        }
    }

    async fn made_order(&self, request: &CheckoutRequest) -> Result<Checkout, GatewayError> {
        let operation = Operation::CreateCheckout;
        let capture = match request.capture {
            CaptureMode::Automatic => json!({
                "capture": "automatic",
                "capture_options": {"automatic_expiry_period": 7200, "refund_speed": "normal"},
            }),
            CaptureMode::Manual => json!({
                "capture": "manual",
                "capture_options": {"manual_expiry_period": 7200, "refund_speed": "normal"},
            }),
        };
        let body = json!({
            "amount": request.amount.minor_units(),
            "currency": request.amount.asset().code,
            "receipt": request.reference,
            "notes": {REFERENCE_NOTE: request.reference},
            "payment": capture,
        });
        let call = Call::post(operation, "/v1/orders", Body::Json(body));
        let order: Order = self.ask(call).await?;
        is_same(request, order.amount, &order.currency)?;
        self.order_checkout(request, &order.id)
    }

    fn order_checkout(
        &self,
        request: &CheckoutRequest,
        order_id: &str,
    ) -> Result<Checkout, GatewayError> {
        let operation = Operation::CreateCheckout;
        let base = self.settings.base_url.as_str();
        let url = Url::parse(&format!("{base}/v1/checkout/embedded"))
            .map_err(|_| PROVIDER.nonsense(operation, "the base URL makes no page"))?;
        let mut fields = vec![
            ("key_id", self.settings.key_id.clone()),
            ("order_id", order_id.to_owned()),
            ("amount", request.amount.minor_units().to_string()),
            ("currency", request.amount.asset().code.to_string()),
            ("name", request.description.clone()),
            ("description", request.description.clone()),
            ("prefill[name]", request.payer.name.clone()),
        ];
        if let Some(email) = &request.payer.email {
            fields.push(("prefill[email]", email.as_str().to_owned()));
        }
        if let Some(phone) = &request.payer.phone {
            fields.push(("prefill[contact]", phone.as_str().to_owned()));
        }
        fields.push(("notes[reference]", request.reference.to_string()));
        fields.push(("callback_url", request.return_url.to_string()));
        fields.push(("cancel_url", request.cancel_url.to_string()));
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Ok(Checkout {
            checkout_id: id(operation, order_id)?,
            action: CheckoutAction::Form { url, fields },
            expires_at: None,
        })
    }

    async fn made_link(&self, request: &CheckoutRequest) -> Result<Checkout, GatewayError> {
        let mut customer = serde_json::Map::new();
        customer.insert("name".to_owned(), request.payer.name.clone().into());
        if let Some(email) = &request.payer.email {
            customer.insert("email".to_owned(), email.as_str().into());
        }
        if let Some(phone) = &request.payer.phone {
            customer.insert("contact".to_owned(), phone.as_str().into());
        }
        let body = json!({
            "amount": request.amount.minor_units(),
            "currency": request.amount.asset().code,
            "accept_partial": false,
            "expire_by": link_expiry(request.expires_at, Utc::now()).timestamp(),
            "reference_id": request.reference,
            "description": request.description,
            "customer": Value::Object(customer),
            "notify": {"sms": false, "email": false},
            "reminder_enable": false,
            "notes": {REFERENCE_NOTE: request.reference},
            "callback_url": request.return_url.as_str(),
            "callback_method": "get",
        });
        let operation = Operation::CreateCheckout;
        let call = Call::post(operation, "/v1/payment_links", Body::Json(body));
        let link: Link = self.ask(call).await?;
        is_same(request, link.amount, &link.currency)?;
        self.link_checkout(link)
    }

    fn link_checkout(&self, link: Link) -> Result<Checkout, GatewayError> {
        let operation = Operation::CreateCheckout;
        let url = hosted_page(&self.settings.base_url, link.short_url.as_deref());
        let url =
            url.ok_or_else(|| PROVIDER.nonsense(operation, "a payment link without a page"))?;
        Ok(Checkout {
            checkout_id: id(operation, &link.id)?,
            action: CheckoutAction::Redirect { url },
            expires_at: instant(link.expire_by),
        })
    }

    pub(super) async fn found_checkout(
        &self,
        lookup: &CheckoutLookup,
    ) -> Result<CheckoutObservation, GatewayError> {
        let operation = Operation::FetchCheckout;
        match (lookup, self.settings.checkout) {
            (CheckoutLookup::Id(id), _) if id.as_str().starts_with("plink_") => {
                let path = format!("/v1/payment_links/{id}");
                let link = self.ask(Call::get(operation, path)).await?;
                self.observed_link(operation, link).await
            }
            (CheckoutLookup::Id(id), _) => {
                let path = format!("/v1/orders/{id}");
                let order = self.ask(Call::get(operation, path)).await?;
                self.observed_order(operation, order).await
            }
            (CheckoutLookup::Reference(reference), RazorpayCheckout::PaymentLink) => {
                let link = self.link_of(operation, reference).await?;
                self.observed_link(operation, link).await
            }
            (CheckoutLookup::Reference(reference), RazorpayCheckout::HostedPage) => {
                let order = self.order_of(operation, reference).await?;
                self.observed_order(operation, order).await
            }
        }
    }

    async fn order_of(
        &self,
        operation: Operation,
        reference: &Reference,
    ) -> Result<Order, GatewayError> {
        let path = format!("/v1/orders?receipt={reference}&count={PAGE}");
        let orders: Collection<Order> = self.ask(Call::get(operation, path)).await?;
        let is_ours = |order: &Order| order.receipt.as_deref() == Some(reference.as_str());
        let is_full = orders.items.len() >= PAGE;
        let mut ours = orders.items.into_iter().filter(is_ours);
        // Receipts should be unique; if they are not, the one that was paid is the one that counts.
        let first = ours.next().ok_or_else(|| match is_full {
            true => PROVIDER.search_ended(operation),
            false => PROVIDER.not_found(operation),
        })?;
        Ok(ours.find(|order| order.status == "paid").unwrap_or(first))
    }

    async fn link_of(
        &self,
        operation: Operation,
        reference: &Reference,
    ) -> Result<Link, GatewayError> {
        let path = format!("/v1/payment_links?reference_id={reference}");
        let links: Links = self.ask(Call::get(operation, path)).await?;
        let is_ours = |link: &Link| link.reference_id.as_deref() == Some(reference.as_str());
        first_of(operation, links.payment_links, is_ours)
    }

    async fn observed_order(
        &self,
        operation: Operation,
        order: Order,
    ) -> Result<CheckoutObservation, GatewayError> {
        let payments = self.payments_of(operation, &order.id).await?;
        order
            .observe(payments)
            .map_err(PROVIDER.not_read(operation))
    }

    async fn observed_link(
        &self,
        operation: Operation,
        link: Link,
    ) -> Result<CheckoutObservation, GatewayError> {
        let payments = match &link.order_id {
            Some(order_id) => self.payments_of(operation, order_id).await?,
            None => Vec::new(),
        };
        link.observe(payments).map_err(PROVIDER.not_read(operation))
    }

    /// Every payment of an order, oldest first; Razorpay has the newest first.
    async fn payments_of(
        &self,
        operation: Operation,
        order_id: &str,
    ) -> Result<Vec<PaymentObservation>, GatewayError> {
        let path = format!("/v1/orders/{}/payments", id(operation, order_id)?);
        let payments: Collection<Payment> = self.ask(Call::get(operation, path)).await?;
        let observed: Result<Vec<_>, _> = payments
            .items
            .into_iter()
            .rev()
            .map(Payment::observe)
            .collect();
        observed.map_err(PROVIDER.not_read(operation))
    }

    pub(super) async fn cancelled_link(
        &self,
        checkout_id: &ProviderId,
    ) -> Result<CheckoutObservation, GatewayError> {
        let operation = Operation::ExpireCheckout;
        if !checkout_id.as_str().starts_with("plink_") {
            return Err(PROVIDER.unsupported(operation));
        }
        let path = format!("/v1/payment_links/{checkout_id}/cancel");
        // Closing twice is refused and changes nothing, so it may be repeated.
        let call = Call::post(operation, path, Body::Json(json!({}))).repeatable();
        match self.ask::<Link>(call).await {
            Ok(link) => self.observed_link(operation, link).await,
            // Paid, expired or closed before: told as it is.
            Err(GatewayError::Refused { .. }) => {
                self.found_checkout(&CheckoutLookup::Id(checkout_id.clone()))
                    .await
            }
            Err(error) => Err(error),
        }
    }
}

fn check(request: &CheckoutRequest) -> Result<(), GatewayError> {
    let invalid = |field, rule| Err(GatewayError::Invalid { field, rule });
    check_units(request.amount)?;
    if request.reference.as_str().len() > 36 {
        return invalid("reference", "is at most 36 characters");
    }
    if request.description.is_empty() || request.description.chars().count() > 255 {
        return invalid("description", "is 1 to 255 characters");
    }
    Ok(())
}

/// Razorpay counts three-decimal currencies in thousandths of which the last is zero.
fn check_units(amount: Money) -> Result<(), GatewayError> {
    let (units, scale) = (amount.minor_units(), amount.asset().scale);
    let rule = match scale {
        _ if amount.asset().code.as_str() == "INR" && units < LEAST_PAISE => "is at least 1 rupee",
        _ if units == 0 => "is more than nothing",
        3 if !units.is_multiple_of(10) => "ends in 0 in a currency of three decimals",
        0..=3 => return Ok(()),
        _ => "is in a currency of at most three decimals",
    };
    Err(GatewayError::Invalid {
        field: "amount",
        rule,
    })
}

/// Whether what was found or made is what is asked for; another would be paid under our name.
fn is_same(request: &CheckoutRequest, amount: u64, currency: &str) -> Result<(), GatewayError> {
    let is_same =
        amount == request.amount.minor_units() && currency == request.amount.asset().code.as_str();
    if is_same {
        return Ok(());
    }
    Err(GatewayError::ReferenceReused {
        provider: PROVIDER,
        operation: Operation::CreateCheckout,
    })
}

fn link_expiry(wanted: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let bound = |by| now.checked_add_signed(by).unwrap_or(now);
    wanted.clamp(bound(SHORTEST_LIFE), bound(LONGEST_LIFE))
}

fn id(operation: Operation, text: &str) -> Result<ProviderId, GatewayError> {
    text.parse()
        .map_err(|_| PROVIDER.nonsense(operation, "an id that is none"))
}
