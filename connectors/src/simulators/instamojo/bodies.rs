//! Entities and errors as Instamojo writes them.

use chrono::{DateTime, SecondsFormat, Utc};
use poem::http::StatusCode;
use serde_json::{Map, Value, json};

use super::account::{Account, Payment, Payout, Refund, Request};
use crate::simulators::front::Reply;

/// Which version of the interface is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 1.1.
    One,
    /// 2.
    Two,
}

/// Why a request is refused.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub body: Value,
}

pub(super) type Answered = Result<Reply, Refusal>;

impl Refusal {
    pub(super) fn new(status: StatusCode, message: &str) -> Self {
        Self {
            status,
            body: json!({"success": false, "message": message}),
        }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found")
    }

    /// A complaint about a field: wrapped in version 1.1, bare in version 2.
    pub(super) fn of_field(version: Version, field: &str, complaint: &str) -> Self {
        let told = json!({field: [complaint]});
        Self {
            status: StatusCode::BAD_REQUEST,
            body: match version {
                Version::One => json!({"success": false, "message": told}),
                Version::Two => told,
            },
        }
    }

    pub(super) fn reply(self) -> Reply {
        Reply::new(self.status, self.body)
    }
}

/// A failure of Instamojo's own.
pub(super) fn failure(_status: StatusCode, message: &str) -> Value {
    json!({"success": false, "message": message})
}

/// What is told: wrapped in version 1.1, bare in version 2.
pub(super) fn told(version: Version, status: StatusCode, name: &str, entity: Value) -> Reply {
    let body = match version {
        Version::One => {
            let mut body = Map::new();
            body.insert("success".to_owned(), true.into());
            body.insert(name.to_owned(), entity);
            Value::Object(body)
        }
        Version::Two => entity,
    };
    Reply::new(status, body)
}

pub(super) fn list(version: Version, name: &str, all: Vec<Value>, next: bool) -> Reply {
    match version {
        Version::One => told(version, StatusCode::OK, name, all.into()),
        Version::Two => Reply::ok(json!({
            "count": all.len(),
            "next": next.then_some("?page=next"),
            "previous": null,
            "results": all,
        })),
    }
}

/// Rupees with two decimals.
pub(super) fn rupees(paise: u64) -> String {
    format!("{}.{:02}", paise / 100, paise % 100)
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl Account {
    pub(super) fn page_url(&self, request: &Request) -> String {
        format!("{}/@simulated/{}", self.base_url, request.id)
    }

    pub(super) fn request_body(&self, request: &Request) -> Value {
        json!({
            "id": request.id,
            "phone": said(&request.phone),
            "email": request.email,
            "buyer_name": request.buyer_name,
            "amount": rupees(request.amount),
            "purpose": request.purpose,
            "expires_at": null,
            "status": request.status,
            "send_sms": false,
            "send_email": false,
            "sms_status": null,
            "email_status": null,
            "shorturl": null,
            "longurl": self.page_url(request),
            "redirect_url": request.redirect_url,
            "webhook": request.webhook,
            "allow_repeated_payments": request.is_repeatable,
            "customer_id": null,
            "created_at": time(request.created_at),
            "modified_at": time(request.modified_at),
        })
    }

    pub(super) fn order_body(&self, order: &Request) -> Value {
        let payments: Vec<Value> = self
            .payments
            .iter()
            .filter(|payment| payment.request_id == order.id)
            .map(|payment| json!({"id": payment.id, "status": payment.told_status()}))
            .collect();
        json!({
            "id": order.id,
            "transaction_id": order.transaction_id,
            "status": order.status.to_ascii_lowercase(),
            "currency": "INR",
            "amount": rupees(order.amount),
            "name": order.buyer_name,
            "email": order.email,
            "phone": order.phone,
            "description": order.purpose,
            "redirect_url": order.redirect_url,
            "webhook_url": order.webhook,
            "created_at": time(order.created_at),
            "resource_uri": format!("{}/v2/gateway/orders/id:{}/", self.base_url, order.id),
            "payments": payments,
        })
    }

    pub(super) fn payment_body(&self, version: Version, payment: &Payment) -> Value {
        let request = self.request(&payment.request_id);
        let failure = match payment.status {
            "Failed" => json!({
                "reason": "BANK_DECLINED",
                "message": "The bank has declined the payment.",
            }),
            _ => Value::Null,
        };
        let (base, request_id) = (&self.base_url, &payment.request_id);
        let mut body = json!({
            "currency": payment.currency(),
            "amount": rupees(payment.told_amount.unwrap_or(payment.amount)),
            "fees": rupees(payment.fee),
            "instrument_type": payment.instrument,
            "billing_instrument": payment.instrument,
            "failure": failure,
            "payout": payment.payout_id,
            "created_at": time(payment.created_at),
        });
        let contact = |of: fn(&Request) -> &str| request.map(of);
        match version {
            Version::One => {
                body["payment_id"] = payment.id.clone().into();
                body["status"] = payment.told_status().into();
                body["shipping_address"] = Value::Null;
                body["payment_request"] =
                    format!("{base}/api/1.1/payment-requests/{request_id}/").into();
                body["buyer_name"] = contact(|request| &request.buyer_name).into();
                body["buyer_phone"] = contact(|request| &request.phone).into();
                body["buyer_email"] = contact(|request| &request.email).into();
            }
            Version::Two => {
                body["id"] = payment.id.clone().into();
                body["title"] = contact(|request| &request.purpose).into();
                body["status"] = match &payment.told_status {
                    Some(status) => status.clone().into(),
                    None => (payment.status == "Credit").into(),
                };
                body["payment_request"] =
                    format!("{base}/v2/payment_requests/{request_id}/").into();
                body["name"] = contact(|request| &request.buyer_name).into();
                body["phone"] = contact(|request| &request.phone).into();
                body["email"] = contact(|request| &request.email).into();
            }
        }
        body
    }
}

impl Payment {
    pub(super) fn told_status(&self) -> &str {
        self.told_status.as_deref().unwrap_or(self.status)
    }

    pub(super) fn currency(&self) -> &str {
        self.told_currency.as_deref().unwrap_or("INR")
    }
}

/// Whole rupees are written without decimals.
pub(super) fn refund(refund: &Refund) -> Value {
    let amount = rupees(refund.amount);
    json!({
        "id": refund.id,
        "payment_id": refund.payment_id,
        "status": refund.status,
        "type": refund.kind,
        "body": refund.body,
        "refund_amount": amount.strip_suffix(".00").unwrap_or(&amount),
        "total_amount": rupees(refund.total),
        "transaction_id": refund.transaction_id,
        "created_at": time(refund.created_at),
    })
}

pub(super) fn payout(payout: &Payout) -> Value {
    json!({
        "id": payout.id,
        "status": true,
        "paid_out_at": time(payout.paid_at),
        "sales_amount": rupees(payout.sales),
        "fee_amount": rupees(payout.fee),
        "total_tax_amount": rupees(payout.tax),
        "refunded_amount": rupees(payout.refunded),
        "paid_amount": rupees(payout.paid),
        "partner_commission_amount": "0.00",
        "affiliate_commission_amount": "0.00",
        "shipping_fee": "0.00",
        "reversed_amount": "0.00",
        "held_amount": "0.00",
        "currency": "INR",
        "recipient": null,
        "payout_type": 0,
    })
}

fn said(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
