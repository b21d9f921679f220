//! Entities and errors as Razorpay writes them.

use poem::http::StatusCode;
use serde_json::{Value, json};

use super::account::{Account, Dispute, Link, Order, Payment, Payout, Refund, Settlement};
use crate::simulators::front::Reply;

/// Why a request is refused.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub description: String,
    pub field: Option<&'static str>,
}

pub(super) type Answered = Result<Value, Refusal>;

impl Refusal {
    pub(super) fn bad(description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            description: description.into(),
            field: None,
        }
    }

    pub(super) fn of_field(field: &'static str, description: impl Into<String>) -> Self {
        Self {
            field: Some(field),
            ..Self::bad(description)
        }
    }

    pub(super) fn no_such_id() -> Self {
        Self::bad("The id provided does not exist")
    }

    pub(super) fn reply(&self) -> Reply {
        let reason = match self.field {
            Some(_) => "input_validation_failed",
            None => "NA",
        };
        let body = json!({"error": {
            "code": "BAD_REQUEST_ERROR",
            "description": self.description,
            "field": self.field,
            "source": "business",
            "step": "payment_initiation",
            "reason": reason,
            "metadata": {},
        }});
        Reply::new(self.status, body)
    }
}

/// A failure of Razorpay's own.
pub(super) fn failure(status: StatusCode, message: &str) -> Value {
    let code = match status.is_server_error() {
        true => "SERVER_ERROR",
        false => "BAD_REQUEST_ERROR",
    };
    json!({"error": {
        "code": code,
        "description": message,
        "source": "NA",
        "step": "NA",
        "reason": "NA",
        "metadata": {},
    }})
}

pub(super) fn collection(items: Vec<Value>) -> Value {
    json!({"entity": "collection", "count": items.len(), "items": items})
}

/// Empty notes are an empty array.
fn notes(notes: &Value) -> Value {
    match notes.as_object() {
        Some(pairs) if !pairs.is_empty() => notes.clone(),
        _ => json!([]),
    }
}

pub(super) fn order(order: &Order) -> Value {
    json!({
        "id": order.id,
        "entity": "order",
        "amount": order.amount,
        "amount_paid": order.amount_paid,
        "amount_due": order.amount.saturating_sub(order.amount_paid),
        "currency": order.currency,
        "receipt": order.receipt,
        "offer_id": null,
        "status": order.status,
        "attempts": order.attempts,
        "notes": notes(&order.notes),
        "created_at": order.created_at,
    })
}

pub(super) fn payment(payment: &Payment) -> Value {
    let has_failed = payment.status == "failed";
    // Of cards that did not fail, Razorpay says "" where it says null of other methods.
    let error = |text: &str| match (has_failed, payment.method.as_str()) {
        (true, _) => json!(text),
        (false, "card") => json!(""),
        (false, _) => Value::Null,
    };
    let refund_status = match payment.amount_refunded {
        0 => Value::Null,
        refunded if refunded < payment.amount => json!("partial"),
        _ => json!("full"),
    };
    let charge = |amount: u64| match payment.is_captured {
        true => json!(amount),
        false => Value::Null,
    };
    let amount = payment.told_amount.unwrap_or(payment.amount);
    json!({
        "id": payment.id,
        "entity": "payment",
        "amount": amount,
        "currency": payment.told_currency.as_ref().unwrap_or(&payment.currency),
        "base_amount": amount,
        "status": payment.status,
        "order_id": payment.order_id,
        "invoice_id": null,
        "international": false,
        "method": payment.method,
        "amount_refunded": payment.amount_refunded,
        "amount_transferred": 0,
        "refund_status": refund_status,
        "captured": payment.is_captured,
        "description": null,
        "card_id": if payment.method == "card" { json!("card_simulated00000") } else { Value::Null },
        "bank": if payment.method == "netbanking" { json!("HDFC") } else { Value::Null },
        "wallet": null,
        "vpa": if payment.method == "upi" { json!("success@razorpay") } else { Value::Null },
        "email": "payer@example.com",
        "contact": "+919000090000",
        "notes": notes(&payment.notes),
        "fee": charge(payment.fee),
        "tax": charge(payment.tax),
        "error_code": error("BAD_REQUEST_ERROR"),
        "error_description": error("Your payment was declined by the bank."),
        "error_source": error("bank"),
        "error_step": error("payment_authorization"),
        "error_reason": error("payment_failed"),
        "acquirer_data": {"rrn": null},
        "created_at": payment.created_at,
    })
}

pub(super) fn refund(refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "entity": "refund",
        "amount": refund.amount,
        "receipt": refund.receipt,
        "currency": refund.currency,
        "payment_id": refund.payment_id,
        "notes": notes(&refund.notes),
        "acquirer_data": {"arn": refund.arn},
        "created_at": refund.created_at,
        "batch_id": null,
        "status": refund.status,
        "speed_processed": "normal",
        "speed_requested": "normal",
    })
}

pub(super) fn link(account: &Account, link: &Link) -> Value {
    let order = account.order(&link.order_id);
    let payments: Vec<Value> = account
        .payments
        .iter()
        .filter(|payment| payment.order_id == link.order_id && payment.is_captured)
        .map(|payment| {
            json!({
                "amount": payment.amount,
                "created_at": payment.created_at,
                "method": payment.method,
                "payment_id": payment.id,
                "plink_id": link.id,
                "status": payment.status,
            })
        })
        .collect();
    let was_tried = account
        .payments
        .iter()
        .any(|payment| payment.order_id == link.order_id);
    json!({
        "accept_partial": false,
        "amount": order.map(|order| order.amount),
        "amount_paid": order.map(|order| order.amount_paid),
        "callback_method": "get",
        "callback_url": link.callback_url,
        "cancelled_at": 0,
        "created_at": link.created_at,
        "currency": order.map(|order| &order.currency),
        "customer": link.customer,
        "description": link.description,
        "expire_by": link.expire_by,
        "expired_at": 0,
        "first_min_partial_amount": 0,
        "id": link.id,
        "notes": notes(&link.notes),
        "notify": {"email": false, "sms": false},
        "order_id": was_tried.then_some(&link.order_id),
        "payments": if payments.is_empty() { Value::Null } else { payments.into() },
        "reference_id": link.reference_id,
        "reminder_enable": false,
        "short_url": format!("{}/l/{}", account.base_url, link.id),
        "status": link.status,
        "updated_at": link.created_at,
        "upi_link": false,
    })
}

pub(super) fn dispute(dispute: &Dispute) -> Value {
    json!({
        "id": dispute.id,
        "entity": "dispute",
        "payment_id": dispute.payment_id,
        "amount": dispute.amount,
        "currency": dispute.currency,
        "amount_deducted": dispute.deducted,
        "reason_code": "goods_or_services_not_received_or_partially_received",
        "respond_by": dispute.created_at.saturating_add(7 * 24 * 60 * 60),
        "status": dispute.status,
        "phase": dispute.phase,
        "evidence": {"amount": dispute.amount, "summary": null},
        "created_at": dispute.created_at,
    })
}

pub(super) fn payout(payout: &Payout) -> Value {
    let has_failed = matches!(payout.status, "failed" | "reversed" | "rejected");
    json!({
        "id": payout.id,
        "entity": "payout",
        "fund_account_id": payout.fund_account_id,
        "amount": payout.amount,
        "currency": payout.currency,
        "notes": [],
        "fees": payout.fees,
        "tax": payout.tax,
        "status": payout.status,
        "purpose": payout.purpose,
        "utr": payout.utr,
        "mode": payout.mode,
        "reference_id": payout.reference_id,
        "narration": payout.narration,
        "batch_id": null,
        "status_details": {
            "description": if has_failed { json!("The beneficiary bank did not take it.") } else { Value::Null },
            "source": if has_failed { json!("beneficiary_bank") } else { Value::Null },
            "reason": if has_failed { json!("beneficiary_bank_rejected") } else { Value::Null },
        },
        "created_at": payout.created_at,
        "fee_type": null,
    })
}

pub(super) fn settlement(settlement: &Settlement) -> Value {
    json!({
        "id": settlement.id,
        "entity": "settlement",
        "amount": settlement.amount,
        "status": "processed",
        "fees": 0,
        "tax": 0,
        "utr": settlement.utr,
        "created_at": settlement.created_at,
    })
}
