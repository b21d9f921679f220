//! How a code gets to the person who is to type it in, and a reminder to the one who has something to do.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::address::Address;

/// What a code is for; a person is told, so that they notice a code they did not ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To show that an email address or phone number is theirs.
    VerifyAddress,
    /// To set a new password.
    ResetPassword,
    /// To be a second factor for signing in.
    SignIn,
    /// To confirm a sensitive operation.
    StepUp,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::VerifyAddress,
        Self::ResetPassword,
        Self::SignIn,
        Self::StepUp,
    ];

    /// The name by which it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyAddress => "verify_address",
            Self::ResetPassword => "reset_password",
            Self::SignIn => "sign_in",
            Self::StepUp => "step_up",
        }
    }
}

/// A code of six decimal digits. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeText(String);

impl CodeText {
    /// Takes a text as a code.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The digits.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CodeText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// A code on its way to a person.
#[derive(Debug, Clone)]
pub struct CodeMessage {
    /// To whom.
    pub to: Address,
    /// The code.
    pub code: CodeText,
    /// What it is for.
    pub purpose: Purpose,
    /// How long it is good for from now.
    pub expires_in: Duration,
}

/// What somebody is reminded of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReminderOf {
    /// To show that an email address is theirs.
    VerifyEmail,
    /// To show that a phone number is theirs.
    VerifyPhone,
    /// To give the documents that they were asked for.
    GiveDocuments,
}

impl ReminderOf {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::VerifyEmail, Self::VerifyPhone, Self::GiveDocuments];

    /// The name, in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "remind_verify_email",
            Self::VerifyPhone => "remind_verify_phone",
            Self::GiveDocuments => "remind_give_documents",
        }
    }
}

/// A reminder on its way to a person. There is no code and no link in it.
#[derive(Debug, Clone)]
pub struct Reminder {
    /// To whom; an address that they have shown to be theirs.
    pub to: Address,
    /// Its own id, the same whenever it is sent: by it whoever gets it twice can tell.
    pub id: Uuid,
    /// Of what.
    pub of: ReminderOf,
    /// Until when there is time.
    pub due_at: DateTime<Utc>,
}

/// Why a message was not taken for delivery.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Nothing is configured that reaches such an address.
    #[error("no delivery is configured for such an address")]
    NotConfigured,
    /// The provider will not deliver to this address, now or later.
    #[error("the provider refuses the address or the message: {reason}")]
    Refused {
        /// The provider's words or code, without the address.
        reason: String,
    },
    /// The provider asks to be left alone for a while.
    #[error("the provider limits the rate")]
    RateLimited {
        /// How long to wait, if it said so.
        retry_after: Option<Duration>,
    },
    /// The provider could not be reached, or failed; whether the message goes out is not known.
    #[error("the provider cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A way to people: one for email, one for text messages.
#[async_trait]
pub trait CodeDelivery: Send + Sync + fmt::Debug {
    /// Gives a code to the provider; returns when the provider has taken it.
    ///
    /// # Errors
    /// [`DeliveryError`].
    async fn deliver(&self, message: &CodeMessage) -> Result<(), DeliveryError>;

    /// Gives a reminder to the provider; returns when the provider has taken it.
    ///
    /// # Errors
    /// [`DeliveryError`]; `NotConfigured` where the provider takes nothing but codes.
    async fn remind(&self, reminder: &Reminder) -> Result<(), DeliveryError>;
}

/// No way to people: for a deployment whose people sign in elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct NoDelivery;

#[async_trait]
impl CodeDelivery for NoDelivery {
    async fn deliver(&self, _: &CodeMessage) -> Result<(), DeliveryError> {
        Err(DeliveryError::NotConfigured)
    }

    async fn remind(&self, _: &Reminder) -> Result<(), DeliveryError> {
        Err(DeliveryError::NotConfigured)
    }
}
