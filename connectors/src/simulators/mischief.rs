//! What a simulated provider does wrong by chance, and what payers do.

use serde::{Deserialize, Serialize};

/// Chances of misbehaviour, each in a thousand. Without any, everything goes right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chances {
    /// A request is answered 5xx and nothing is done.
    pub fail: u32,
    /// A request is carried out and answered 5xx.
    pub fail_afterwards: u32,
    /// A request is carried out and its answer breaks off.
    pub break_off: u32,
    /// A request is carried out and answered late.
    pub delay: u32,
    /// A request is answered 429.
    pub rate_limit: u32,
    /// A request is carried out and answered with something that makes no sense.
    pub nonsense: u32,
    /// A webhook is never sent.
    pub webhook_drop: u32,
    /// A webhook is sent more than once although it was taken.
    pub webhook_duplicate: u32,
    /// A webhook is held back, so that later ones overtake it.
    pub webhook_reorder: u32,
    /// A webhook is sent with a wrong signature first.
    pub webhook_wrong_signature: u32,
    /// A payment that failed is authorized after all, later.
    pub late_success: u32,
    /// A payment is authorized and left for the merchant to capture, although that was to happen by itself.
    pub capture_left_out: u32,
    /// A row is left out of a settlement and comes with the next.
    pub settlement_left_out: u32,
}

/// What a payer does on a hosted page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerChoice {
    /// Pays.
    Pay,
    /// Tries to, and the bank says no.
    Fail,
    /// Tries to, the bank says no, and later that it was paid.
    FailThenPay,
    /// Turns back.
    Abandon,
}

impl PayerChoice {
    /// The word in a form.
    pub(super) fn from_form(text: &str) -> Option<Self> {
        match text {
            "pay" => Some(Self::Pay),
            "fail" => Some(Self::Fail),
            "fail_then_pay" => Some(Self::FailThenPay),
            "abandon" => Some(Self::Abandon),
            _ => None,
        }
    }
}
