//! What a browser brings back from a checkout.

use super::{Money, ProviderId, Reference, SignatureCoverage};

/// The checkout that we opened for this browser, from our own records. Nothing of it is taken from the
/// browser, or a genuine signature of another checkout could be shown here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCheckout {
    /// The provider's id.
    pub checkout_id: ProviderId,
    /// Our reference.
    pub reference: Reference,
    /// What is to be paid.
    pub amount: Money,
}

/// The decoded fields of the query or form, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReturnFields(Vec<(String, String)>);

impl ReturnFields {
    /// Decodes `application/x-www-form-urlencoded`, which is also the form of a query.
    #[must_use]
    pub fn decode(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The field of that name, or nothing when it is missing or there twice.
    #[must_use]
    pub fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// All fields.
    #[must_use]
    pub fn as_slice(&self) -> &[(String, String)] {
        &self.0
    }
}

/// What the browser says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReturnOutcome {
    /// A payment was made; it may be authorized or captured.
    Paid,
    /// It came to nothing.
    Failed,
    /// It is not decided.
    Pending,
    /// The payer turned back.
    Cancelled,
    /// It does not say.
    NotSaid,
}

/// What a browser brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnFacts {
    /// What it says.
    pub outcome: ReturnOutcome,
    /// The payment, where it says so.
    pub payment_id: Option<ProviderId>,
    /// How much of it the signature covers.
    pub coverage: SignatureCoverage,
}

/// Why what a browser brings is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReturnRejection {
    /// Fields are missing, doubled or malformed.
    #[error("the fields are not those that the provider sends")]
    Malformed,
    /// It belongs to another checkout.
    #[error("it belongs to another checkout")]
    OtherCheckout,
    /// The signature does not fit.
    #[error("the signature does not fit")]
    WrongSignature,
}
