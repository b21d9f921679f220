//! The page's form, transactions, and taking or giving up what was authorized.

use url::Url;

use super::answer::{Reply, reply};
use super::signature::{RequestFields, command_hash, request_hash};
use super::wire::{Action, Done, Transaction, actions, transaction, transactions};
use super::{PROVIDER, PayUGateway};
use crate::gateways::Call;
use crate::gateways::reading::looked_up;
use crate::gateways::{
    Attempt, CancelRequest, CaptureRequest, Checkout, CheckoutAction, CheckoutObservation,
    CheckoutRequest, GatewayError, Money, Operation, PaymentObservation, PaymentStatus, ProviderId,
    Refusal, Reported,
};
use crate::outbound::form;
use crate::providers::{Body, Repeat};

/// The longest `txnid`; refund tokens have 23 too.
pub(super) const LONGEST_REFERENCE: usize = 23;

const COMMANDS: &str = "/merchant/postservice.php?form=2";

impl PayUGateway {
    /// Runs a command that asks.
    pub(super) async fn command(
        &self,
        operation: Operation,
        command: &str,
        variables: &[&str],
    ) -> Result<Reply, GatewayError> {
        self.run(Repeat::Harmless, operation, command, variables)
            .await
    }

    /// Runs a command that does something, which PayU knows again by its token. A refusal may be of a
    /// repeat, so that whoever gets one looks what is there before it is believed.
    pub(super) async fn act(
        &self,
        operation: Operation,
        command: &str,
        variables: &[&str],
    ) -> Result<Reply, GatewayError> {
        self.run(Repeat::KnownAgain, operation, command, variables)
            .await
    }

    async fn run(
        &self,
        repeat: Repeat,
        operation: Operation,
        command: &str,
        variables: &[&str],
    ) -> Result<Reply, GatewayError> {
        let key = self.settings.key.as_str();
        let var1 = variables.first().copied().unwrap_or_default();
        let hash = command_hash(key, self.settings.salts.current(), command, var1);
        let names: Vec<String> = (1..=variables.len())
            .map(|number| format!("var{number}"))
            .collect();
        let mut fields = vec![("key", key), ("command", command), ("hash", &hash)];
        fields.extend(
            names
                .iter()
                .map(String::as_str)
                .zip(variables.iter().copied()),
        );
        let mut call = Call::post(operation, COMMANDS, Body::Form(form(&fields)));
        call.repeat = repeat;
        self.caller
            .call(call, |answer| reply(operation, answer))
            .await
    }

    /// The form that the payer's browser posts. No call is made: PayU hears of the transaction when the
    /// browser comes, and lets one `txnid` be paid once.
    pub(super) fn opened_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<Checkout, GatewayError> {
        let amount = amount_text(request.amount)?;
        check_reference(request.reference.as_str())?;
        if request.capture != self.settings.capture {
            return invalid("capture", "is as PayU has set up the merchant");
        }
        let email = request.payer.email.as_ref();
        let email = email.map_or("", |email| email.as_str());
        let phone = request.payer.phone.as_ref();
        let phone = phone.map_or("", |phone| phone.as_str());
        if email.is_empty() || phone.is_empty() {
            return invalid("payer", "has an email address and a phone");
        }
        for (field, value, longest) in [
            ("description", request.description.as_str(), 100),
            ("payer's name", request.payer.name.as_str(), 60),
            ("payer's email address", email, 254),
        ] {
            check_text(field, value, longest)?;
        }
        let signed = RequestFields {
            key: &self.settings.key,
            txnid: request.reference.as_str(),
            amount: &amount,
            productinfo: &request.description,
            firstname: &request.payer.name,
            email,
            udf: [""; 5],
            si_details: "",
            split_request: "",
        };
        let hash = request_hash(self.settings.salts.current(), &signed);
        let fields = [
            ("key", signed.key),
            ("txnid", signed.txnid),
            ("amount", signed.amount),
            ("productinfo", signed.productinfo),
            ("firstname", signed.firstname),
            ("email", signed.email),
            ("phone", phone),
            ("surl", request.return_url.as_str()),
            ("furl", request.return_url.as_str()),
            ("curl", request.cancel_url.as_str()),
            ("hash", &hash),
        ];
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let operation = Operation::CreateCheckout;
        let page = format!("{}/_payment", self.settings.page_url.as_str());
        let url = Url::parse(&page)
            .map_err(|_| PROVIDER.nonsense(operation, "the base URL makes no page"))?;
        let checkout_id = request.reference.as_str().parse();
        Ok(Checkout {
            checkout_id: checkout_id
                .map_err(|_| PROVIDER.nonsense(operation, "an id that is none"))?,
            action: CheckoutAction::Form { url, fields },
            expires_at: None,
        })
    }

    pub(super) async fn found_checkout(
        &self,
        txnid: &str,
    ) -> Result<CheckoutObservation, GatewayError> {
        let operation = Operation::FetchCheckout;
        if txnid.contains('|') {
            return invalid("reference", "is one transaction");
        }
        let reply = self.command(operation, "verify_payment", &[txnid]).await?;
        let found = match &reply.transaction_details {
            Some(raw) => transactions(raw).map_err(PROVIDER.not_read(operation))?,
            None if reply.is_done() => return Err(PROVIDER.nonsense(operation, "no transactions")),
            None => return Err(reply.refusal(operation)),
        };
        let found = found
            .into_iter()
            .find(|transaction| transaction.txnid.text() == txnid)
            .ok_or_else(|| PROVIDER.not_found(operation))?;
        let done = self.done(operation, &found).await?;
        found
            .observe_checkout(done)
            .map_err(PROVIDER.not_read(operation))
    }

    pub(super) async fn found_payment(
        &self,
        operation: Operation,
        payment_id: &ProviderId,
    ) -> Result<PaymentObservation, GatewayError> {
        let id = payment_id.as_str();
        let reply = self.command(operation, "check_payment", &[id]).await?;
        let found = match &reply.transaction_details {
            Some(raw) => transaction(raw).map_err(PROVIDER.not_read(operation))?,
            None if reply.is_done() => return Err(PROVIDER.nonsense(operation, "no transaction")),
            None => return Err(reply.refusal(operation)),
        };
        let found = found.ok_or_else(|| PROVIDER.not_found(operation))?;
        if found.mihpayid.text() != id {
            return Err(PROVIDER.nonsense(operation, "another transaction"));
        }
        let done = self.done(operation, &found).await?;
        found.observe(done).map_err(PROVIDER.not_read(operation))
    }

    /// What was captured of it and went back; only `check_action_status` tells.
    async fn done(
        &self,
        operation: Operation,
        transaction: &Transaction,
    ) -> Result<Done, GatewayError> {
        let done = if transaction.has_money() {
            let payment_id = transaction
                .payment_id()
                .map_err(PROVIDER.not_read(operation))?;
            self.actions(operation, &payment_id).await?
        } else {
            Vec::new()
        };
        Done::of(&done).map_err(PROVIDER.not_read(operation))
    }

    /// Everything that was done to a transaction, oldest first.
    pub(super) async fn actions(
        &self,
        operation: Operation,
        payment_id: &ProviderId,
    ) -> Result<Vec<Action>, GatewayError> {
        let variables = [payment_id.as_str(), "payuid"];
        let reply = self
            .command(operation, "check_action_status", &variables)
            .await?;
        match &reply.transaction_details {
            Some(raw) => actions(raw).map_err(PROVIDER.not_read(operation)),
            None if reply.is_done() => Err(PROVIDER.nonsense(operation, "no actions")),
            None => match reply.refusal(operation) {
                GatewayError::NotFound { .. } => Ok(Vec::new()),
                error => Err(error),
            },
        }
    }

    /// Takes what was authorized. PayU takes a transaction once, so that a repeat is refused; what it is
    /// then counts.
    pub(super) async fn captured(
        &self,
        request: &CaptureRequest,
    ) -> Result<PaymentObservation, GatewayError> {
        let operation = Operation::Capture;
        check_reference(request.reference.as_str())?;
        let amount = amount_text(request.amount)?;
        let is_taken = |payment: &PaymentObservation| payment.captured == request.amount;
        if request.attempt == Attempt::Again {
            let payment = self.found_payment(operation, &request.payment_id).await;
            if let Some(payment) = looked_up(payment)?.filter(is_taken) {
                return Ok(payment);
            }
        }
        let variables = [
            request.payment_id.as_str(),
            request.reference.as_str(),
            &amount,
        ];
        let reply = self
            .act(operation, "capture_transaction", &variables)
            .await?;
        let payment = self.found_payment(operation, &request.payment_id).await;
        let Some(payment) = looked_up(payment)? else {
            return Err(denied(operation, &reply));
        };
        if reply.is_done() || is_taken(&payment) {
            return Ok(payment);
        }
        let is_second = matches!(reply.error_code.text(), "106" | "108" | "109" | "301");
        let is_waiting =
            payment.captured.is_zero() && payment.status.known().is_some_and(is_authorized);
        if is_second && is_waiting {
            return Err(GatewayError::InProgress {
                provider: PROVIDER,
                operation,
            });
        }
        Err(reply.refusal(operation))
    }

    /// Gives up what was authorized. The command is the one that refunds what was taken, so the payment
    /// is looked at first and the answer says which of the two was done.
    pub(super) async fn cancelled(
        &self,
        request: &CancelRequest,
    ) -> Result<PaymentObservation, GatewayError> {
        let operation = Operation::CancelPayment;
        check_reference(request.reference.as_str())?;
        let payment = self.found_payment(operation, &request.payment_id).await;
        let payment = looked_up(payment)?.ok_or_else(|| PROVIDER.not_found(operation))?;
        match payment.status {
            Reported::Known(PaymentStatus::Authorized) => {}
            Reported::Known(PaymentStatus::Expired) => return Ok(payment),
            _ => return Err(not_authorized(&payment)),
        }
        let amount = payment.amount.decimal_text();
        let variables = [
            request.payment_id.as_str(),
            request.reference.as_str(),
            &amount,
        ];
        let reply = self
            .act(operation, "cancel_refund_transaction", &variables)
            .await?;
        if reply.is_done() && !is_cancellation(&reply) {
            return Err(PROVIDER.nonsense(operation, "a refund instead of a cancellation"));
        }
        let payment = self.found_payment(operation, &request.payment_id).await;
        let Some(payment) = looked_up(payment)? else {
            return Err(denied(operation, &reply));
        };
        let is_given_up = payment.status == Reported::Known(PaymentStatus::Expired);
        if reply.is_done() || reply.is_token_used() || is_given_up {
            return Ok(payment);
        }
        Err(reply.refusal(operation))
    }
}

/// What a reply means about a payment that PayU then does not know.
fn denied(operation: Operation, reply: &Reply) -> GatewayError {
    if reply.is_done() {
        PROVIDER.nonsense(operation, "done to a transaction that is not there")
    } else {
        reply.refusal(operation)
    }
}

/// Whether `cancel_refund_transaction` gave up an authorization rather than money that was taken.
pub(super) fn is_cancellation(reply: &Reply) -> bool {
    let message = reply.msg.text().to_ascii_lowercase();
    message.contains("cancel request") || reply.txn_update_id.said().is_some()
}

const fn is_authorized(status: &PaymentStatus) -> bool {
    matches!(status, PaymentStatus::Authorized)
}

fn not_authorized(payment: &PaymentObservation) -> GatewayError {
    GatewayError::Refused {
        provider: PROVIDER,
        operation: Operation::CancelPayment,
        refusal: Box::new(Refusal {
            status: 200,
            code: "not_authorized".to_owned(),
            reason: None,
            message: format!("the payment is {}", payment.provider_status),
            field: None,
        }),
    }
}

/// An amount as PayU wants it.
pub(super) fn amount_text(amount: Money) -> Result<String, GatewayError> {
    if amount.asset().code.as_str() != "INR" {
        return invalid("amount", "is in rupees");
    }
    if amount.is_zero() {
        return invalid("amount", "is more than nothing");
    }
    Ok(amount.decimal_text())
}

pub(super) fn check_reference(reference: &str) -> Result<(), GatewayError> {
    if reference.len() > LONGEST_REFERENCE {
        return invalid("reference", "is at most 23 characters");
    }
    Ok(())
}

/// What is hashed holds no `|`, and nothing that a line or a header would break at.
fn check_text(field: &'static str, value: &str, longest: usize) -> Result<(), GatewayError> {
    if value.trim().is_empty() || value.chars().count() > longest {
        return invalid(field, "is neither empty nor too long for PayU");
    }
    if value.contains('|') || value.chars().any(char::is_control) {
        return invalid(field, "holds no '|' and no control character");
    }
    Ok(())
}

fn invalid<T>(field: &'static str, rule: &'static str) -> Result<T, GatewayError> {
    Err(GatewayError::Invalid { field, rule })
}
