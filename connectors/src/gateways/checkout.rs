//! Pages on which people pay.

use std::fmt;

use chrono::{DateTime, Utc};
use identity::address::{EmailAddress, PhoneNumber};
use url::Url;

use super::{Attempt, Money, PaymentObservation, ProviderId, Reference, Reported};
use crate::outbound::{BaseUrl, is_this_machine};

/// Who pays, as far as providers ask. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Payer {
    /// The name that the provider may show.
    pub name: String,
    /// PayU and Instamojo want it.
    pub email: Option<EmailAddress>,
    /// PayU and Instamojo want it.
    pub phone: Option<PhoneNumber>,
}

impl fmt::Debug for Payer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Payer").finish_non_exhaustive()
    }
}

/// When an authorized payment is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureMode {
    /// By the provider, at once.
    Automatic,
    /// By a call of [`Gateway::capture`](super::Gateway::capture).
    Manual,
}

/// A checkout to be opened. Another attempt has the same content: providers refuse a key that comes with
/// another one.
#[derive(Debug, Clone)]
pub struct CheckoutRequest {
    /// Our name for it.
    pub reference: Reference,
    /// Whether it may have been opened already.
    pub attempt: Attempt,
    /// What is to be paid.
    pub amount: Money,
    /// What the payer sees it is for, at most 255 characters.
    pub description: String,
    /// Who pays.
    pub payer: Payer,
    /// When the payment is taken.
    pub capture: CaptureMode,
    /// Where the browser goes afterwards.
    pub return_url: Url,
    /// Where the browser goes when the payer turns back.
    pub cancel_url: Url,
    /// Where the provider tells us; used by providers that take it per payment.
    pub notify_url: Url,
    /// When it was decided to open it, alike in every attempt.
    pub created_at: DateTime<Utc>,
    /// When it closes by itself, where the provider can; it clips the time to what it allows.
    pub expires_at: DateTime<Utc>,
}

/// How the payer's browser gets to the page.
#[derive(Clone, PartialEq, Eq)]
pub enum CheckoutAction {
    /// It is sent there.
    Redirect {
        /// The page.
        url: Url,
    },
    /// It posts a form there, `application/x-www-form-urlencoded`.
    Form {
        /// Where the form goes.
        url: Url,
        /// Its fields, in order. They hold the payer's contact and, for PayU, a hash of the salt.
        fields: Vec<(String, String)>,
    },
}

impl fmt::Debug for CheckoutAction {
    /// Without the fields, which tell who pays.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, url) = match self {
            Self::Redirect { url } => ("Redirect", url),
            Self::Form { url, .. } => ("Form", url),
        };
        formatter
            .debug_struct(kind)
            .field("host", &url.host_str())
            .finish_non_exhaustive()
    }
}

/// An open checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The provider's id of the order, link, session or transaction.
    pub checkout_id: ProviderId,
    /// Where to pay; nothing when it was found again and the provider tells the page only once.
    pub action: CheckoutAction,
    /// When it closes by itself, if the provider says so.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Which checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckoutLookup {
    /// By the provider's id, where the answer to its creation came.
    Id(ProviderId),
    /// By our reference, where it did not.
    Reference(Reference),
}

/// The state of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckoutStatus {
    /// It can be paid.
    Open,
    /// Some of it is paid and the rest can be.
    PartlyPaid,
    /// It is paid; that stays when the payment is refunded.
    Paid,
    /// It closed by itself.
    Expired,
    /// It was closed.
    Cancelled,
}

/// What a provider says of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutObservation {
    /// The provider's id.
    pub checkout_id: ProviderId,
    /// Our reference as the provider has it.
    pub reference: Option<Reference>,
    /// In our words.
    pub status: Reported<CheckoutStatus>,
    /// In the provider's words.
    pub provider_status: String,
    /// What is to be paid.
    pub amount: Money,
    /// What was paid, whether refunded or not.
    pub paid: Money,
    /// Every payment that was tried, oldest first. A webhook may leave them out: then it is empty.
    pub payments: Vec<PaymentObservation>,
}

/// The page that a provider names, if a browser may be sent there: by HTTPS, or on this machine when the
/// provider is.
pub(super) fn hosted_page(base_url: &BaseUrl, text: Option<&str>) -> Option<Url> {
    let url = Url::parse(text?).ok()?;
    let is_here = || !base_url.is_secure() && url.host_str().is_some_and(is_this_machine);
    match url.scheme() {
        "https" => Some(url),
        "http" if is_here() => Some(url),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::hosted_page;

    #[test]
    fn browsers_are_sent_to_pages_only() {
        let real = "https://api.example".parse().unwrap();
        let local = "http://127.0.0.1:8080".parse().unwrap();
        for (text, by_real, by_local) in [
            ("https://pay.example/l/1", true, true),
            ("http://127.0.0.1:8080/l/1", false, true),
            ("http://pay.example/l/1", false, false),
            ("javascript:alert(1)", false, false),
            ("data:text/html,x", false, false),
            ("/l/1", false, false),
            ("", false, false),
        ] {
            assert_eq!(hosted_page(&real, Some(text)).is_some(), by_real, "{text}");
            assert_eq!(
                hosted_page(&local, Some(text)).is_some(),
                by_local,
                "{text}"
            );
        }
        assert_eq!(hosted_page(&real, None), None);
    }
}
