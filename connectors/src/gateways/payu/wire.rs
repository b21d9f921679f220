//! PayU's transactions and what was done to them, as they come and as observations.
//!
//! All amounts are in rupees with decimals, as texts or as numbers. Times are Indian and say no zone.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use ledger_core::money::Asset;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::status::{ActionWord, action_status, payment_status, words};
use crate::gateways::reading::ReadError;
use crate::gateways::{
    CheckoutObservation, CheckoutStatus, Money, PaymentFailure, PaymentMethod, PaymentObservation,
    PaymentStatus, ProviderId, Reference, RefundKind, RefundObservation, RefundStatus, Reported,
    currency,
};
use crate::providers::loose::Loose;

/// Indian Standard Time, in seconds east of Greenwich.
const INDIAN_TIME: i32 = 19_800;

/// One entry of `verify_payment` or the answer of `check_payment`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Transaction {
    pub mihpayid: Loose,
    pub txnid: Loose,
    pub amt: Loose,
    pub transaction_amount: Loose,
    pub status: Loose,
    pub unmappedstatus: Loose,
    pub mode: Loose,
    pub error_code: Loose,
    #[serde(rename = "error_Message")]
    pub error_message: Loose,
    pub field9: Loose,
    pub addedon: Loose,
}

/// Something that was done to a transaction, as `check_action_status` tells it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Action {
    pub mihpayid: Loose,
    pub request_id: Loose,
    pub action: Loose,
    pub token: Loose,
    pub amt: Loose,
    pub status: Loose,
    pub bank_arn: Loose,
    pub bank_ref_num: Loose,
}

pub(super) fn rupees() -> Result<Asset, ReadError> {
    Ok(currency("INR")?)
}

pub(super) fn money(text: &str) -> Result<Money, ReadError> {
    Ok(Money::parse(text, rupees()?)?)
}

pub(super) fn reference(text: &str) -> Option<Reference> {
    text.parse().ok()
}

/// A time of PayU's; `0000-00-00 00:00:00` is none.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let zone = FixedOffset::east_opt(INDIAN_TIME)?;
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
    let there = local.and_local_timezone(zone).single()?;
    Some(there.with_timezone(&Utc))
}

/// The transactions by our names for them; those that PayU does not know are left out.
pub(super) fn transactions(raw: &RawValue) -> Result<Vec<Transaction>, ReadError> {
    let by_name: BTreeMap<String, Transaction> = serde_json::from_str(raw.get())
        .map_err(|_| ReadError::Other("transactions have another shape"))?;
    Ok(by_name
        .into_values()
        .filter(Transaction::is_known)
        .collect())
}

/// The one transaction of `check_payment`, bare or by its name.
pub(super) fn transaction(raw: &RawValue) -> Result<Option<Transaction>, ReadError> {
    let bare: Transaction = serde_json::from_str(raw.get())
        .map_err(|_| ReadError::Other("the transaction has another shape"))?;
    if bare.mihpayid.said().is_some() {
        return Ok(bare.is_known().then_some(bare));
    }
    Ok(transactions(raw)?.into_iter().next())
}

/// Everything that was done to a transaction, oldest first. Where nothing was, PayU has a text there.
pub(super) fn actions(raw: &RawValue) -> Result<Vec<Action>, ReadError> {
    let other_shape = || ReadError::Other("actions have another shape");
    let by_payment: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(raw.get()).map_err(|_| other_shape())?;
    let mut found = Vec::new();
    for actions in by_payment.values() {
        let text = actions.get();
        if text.starts_with('"') || text == "[]" || text == "null" {
            continue;
        }
        let by_request: BTreeMap<String, Action> =
            serde_json::from_str(text).map_err(|_| other_shape())?;
        found.extend(by_request.into_values());
    }
    // Request ids grow; as texts the shorter ones come first.
    found.sort_by(|one, other| {
        let key = |action: &Action| {
            let id = action.request_id.text();
            (id.len(), id.to_owned())
        };
        key(one).cmp(&key(other))
    });
    Ok(found)
}

/// What was done to a transaction, added up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    captured: Option<Money>,
    refunded: Money,
    is_cancelled: bool,
}

impl Done {
    pub(super) fn of(actions: &[Action]) -> Result<Self, ReadError> {
        let nothing = Money::zero(rupees()?);
        let mut done = Self {
            captured: None,
            refunded: nothing,
            is_cancelled: false,
        };
        let succeeded = actions
            .iter()
            .filter(|action| action.status() == Reported::Known(RefundStatus::Processed));
        for action in succeeded {
            let add = |sum: Money| -> Result<Money, ReadError> {
                let amount = money(action.amt.text())?;
                sum.checked_add(amount)
                    .ok_or(ReadError::Other("actions add up to too much"))
            };
            match action.word() {
                ActionWord::Capture => {
                    done.captured = Some(add(done.captured.unwrap_or(nothing))?);
                }
                ActionWord::Refund => done.refunded = add(done.refunded)?,
                ActionWord::Cancel => done.is_cancelled = true,
                ActionWord::Unknown(_) => {}
            }
        }
        Ok(done)
    }
}

impl Transaction {
    fn is_known(&self) -> bool {
        !self.mihpayid.text().eq_ignore_ascii_case("not found")
    }

    pub(super) fn payment_id(&self) -> Result<ProviderId, ReadError> {
        Ok(self.mihpayid.text().parse()?)
    }

    pub(super) fn status(&self) -> Reported<PaymentStatus> {
        payment_status(self.status.text(), self.unmappedstatus.text())
    }

    /// Whether money was taken or is kept ready, so that something may have been done to it.
    pub(super) fn has_money(&self) -> bool {
        self.status.text().eq_ignore_ascii_case("success")
    }

    /// The amount of the order, without what the payer paid on top.
    fn amount(&self) -> Result<Money, ReadError> {
        money(
            self.transaction_amount
                .said()
                .unwrap_or_else(|| self.amt.text()),
        )
    }

    pub(super) fn observe(&self, done: Done) -> Result<PaymentObservation, ReadError> {
        let amount = self.amount()?;
        let nothing = Money::zero(amount.asset());
        let told = self.status();
        let (status, captured) = match told {
            Reported::Known(PaymentStatus::Captured) => {
                let captured = done.captured.unwrap_or(amount);
                (Reported::Known(after(captured, done.refunded)?), captured)
            }
            Reported::Known(PaymentStatus::Authorized) if done.is_cancelled => {
                (Reported::Known(PaymentStatus::Expired), nothing)
            }
            told => (told, nothing),
        };
        Ok(PaymentObservation {
            payment_id: self.payment_id()?,
            checkout_id: self.txnid.said().map(str::parse).transpose()?,
            reference: reference(self.txnid.text()),
            status,
            provider_status: words(self.status.text(), self.unmappedstatus.text()),
            amount,
            captured,
            refunded: done.refunded,
            charges: None,
            method: self.mode.said().map(method),
            failure: failure(
                self.error_code.text(),
                self.error_message.said(),
                self.field9.said(),
            ),
            created_at: instant(self.addedon.text()),
        })
    }

    pub(super) fn observe_checkout(&self, done: Done) -> Result<CheckoutObservation, ReadError> {
        let payment = self.observe(done)?;
        Ok(CheckoutObservation {
            checkout_id: self.txnid.text().parse()?,
            reference: payment.reference.clone(),
            status: checkout_status(&payment),
            provider_status: payment.provider_status.clone(),
            amount: payment.amount,
            paid: payment.captured,
            payments: vec![payment],
        })
    }
}

/// The state of the page. A transaction's name is used up when it ends, whether or not money came.
fn checkout_status(payment: &PaymentObservation) -> Reported<CheckoutStatus> {
    let status = match &payment.status {
        Reported::Unknown(word) => return Reported::Unknown(word.clone()),
        Reported::Known(status) => status,
    };
    Reported::Known(match status {
        PaymentStatus::Created | PaymentStatus::AwaitingPayer | PaymentStatus::Authorized => {
            CheckoutStatus::Open
        }
        PaymentStatus::Captured
        | PaymentStatus::PartiallyRefunded
        | PaymentStatus::Refunded
        | PaymentStatus::Disputed => CheckoutStatus::Paid,
        PaymentStatus::Failed | PaymentStatus::Expired => CheckoutStatus::Expired,
    })
}

fn after(captured: Money, refunded: Money) -> Result<PaymentStatus, ReadError> {
    let left = captured
        .checked_sub(refunded)
        .ok_or(ReadError::Other("more is refunded than was taken"))?;
    Ok(if refunded.is_zero() {
        PaymentStatus::Captured
    } else if left.is_zero() {
        PaymentStatus::Refunded
    } else {
        PaymentStatus::PartiallyRefunded
    })
}

pub(super) fn failure(
    code: &str,
    message: Option<&str>,
    detail: Option<&str>,
) -> Option<PaymentFailure> {
    let is_failure = !matches!(code, "" | "E000" | "NULL");
    is_failure.then(|| PaymentFailure {
        code: code.to_owned(),
        reason: message.map(str::to_owned),
        description: detail.or(message).map(str::to_owned),
    })
}

pub(super) fn method(mode: &str) -> PaymentMethod {
    match mode {
        "CC" | "DC" => PaymentMethod::Card,
        "UPI" => PaymentMethod::Upi,
        "NB" => PaymentMethod::NetBanking,
        "CASH" => PaymentMethod::Wallet,
        "EMI" => PaymentMethod::Instalments,
        "BNPL" => PaymentMethod::PayLater,
        "NEFTRTGS" => PaymentMethod::BankTransfer,
        other => PaymentMethod::Other(other.to_owned()),
    }
}

impl Action {
    pub(super) fn word(&self) -> ActionWord {
        ActionWord::from(self.action.text().to_ascii_lowercase().as_str())
    }

    pub(super) fn status(&self) -> Reported<RefundStatus> {
        action_status(self.status.text())
    }

    /// What it gives back, or nothing when it is no refund.
    pub(super) fn refund_kind(&self) -> Option<RefundKind> {
        match self.word() {
            ActionWord::Refund => Some(RefundKind::OfCaptured),
            ActionWord::Cancel => Some(RefundKind::OfUncaptured),
            ActionWord::Capture | ActionWord::Unknown(_) => None,
        }
    }

    pub(super) fn observe_refund(&self, kind: RefundKind) -> Result<RefundObservation, ReadError> {
        Ok(RefundObservation {
            refund_id: self.request_id.text().parse()?,
            payment_id: self.mihpayid.text().parse()?,
            reference: reference(self.token.text()),
            status: self.status(),
            provider_status: self.status.text().to_owned(),
            amount: money(self.amt.text())?,
            kind,
            bank_reference: self
                .bank_arn
                .said()
                .or_else(|| self.bank_ref_num.said())
                .map(str::to_owned),
            failure: None,
            created_at: None,
        })
    }
}
