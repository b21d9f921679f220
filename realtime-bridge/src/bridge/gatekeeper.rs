//! Who may connect and what they may follow: asked of the binary, which knows people and machines.
//!
//! A [`Gatekeeper`] lets a request in and gives a [`Visitor`], who is asked for each channel and asked
//! again whenever their standing may have changed. [`Open`] lets everybody in and follow everything.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ledger_core::LedgerName;
use poem::Request;
use schemas::{Channel, CloseReason, ErrorCode};

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// It has no credential.
    Unauthenticated,
    /// Its credential is malformed, unknown, used up, expired or revoked.
    CredentialInvalid,
    /// It has several credentials, or one that cannot be told apart.
    Malformed,
    /// Nothing in the ledger is for whoever asks.
    Forbidden,
    /// The credential was not given the permission that its holder has.
    OutOfScope,
    /// Whoever asks does so too often; how long to wait.
    TooOften(Duration),
    /// It cannot be judged at the moment.
    Unavailable,
}

/// Why a channel is not for a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// It is somebody else's: answered as if it did not exist.
    NotTheirs,
    /// No role or scope of theirs reaches it.
    Forbidden,
    /// Whose it is cannot be found out at the moment.
    Unavailable,
}

/// Why a newer credential is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRenewed {
    /// It is not valid.
    Invalid,
    /// It is somebody else's.
    OfAnother,
    /// It cannot be judged at the moment.
    Unavailable,
}

/// Why a visitor has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The credential has expired.
    Expired,
    /// The credential was revoked, its session has ended or its holder was blocked.
    Revoked,
    /// Nothing in the ledger is for them any more.
    Forbidden,
    /// How they stand cannot be found out at the moment.
    Unavailable,
}

/// Lets requests in.
#[async_trait]
pub trait Gatekeeper: Send + Sync + 'static {
    /// Whether a request may open a stream of this ledger; `None` when the name in it is no name.
    async fn admit(
        &self,
        request: &Request,
        ledger: Option<LedgerName>,
    ) -> Result<Arc<dyn Visitor>, Denied>;
}

/// Somebody who was let in to a ledger.
#[async_trait]
pub trait Visitor: Send + Sync + 'static {
    /// Whether they may follow a channel of the ledger, as they are known at [`Self::generation`].
    async fn may_follow(&self, channel: &Channel) -> Result<(), Barred>;

    /// A number that rises whenever anything else may be known of them than before.
    fn generation(&self) -> u64;

    /// Takes a newer credential of the same person or machine.
    async fn renew(&self, credential: &str) -> Result<(), NotRenewed>;

    /// Waits until their standing may have changed: something was taken from them or given to them, a
    /// newer credential was taken, or so much time has passed that news may have been lost. Only one
    /// task waits; dropping the future loses nothing.
    async fn may_have_changed(&self);

    /// Asks how they stand.
    async fn stand_again(&self) -> Result<(), Ended>;

    /// How long the credential is still good for; `None` when it does not end by itself.
    fn expires_in(&self) -> Option<Duration>;
}

/// Everybody may follow everything: for a node that only its own machine reaches, and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open;

#[async_trait]
impl Gatekeeper for Open {
    async fn admit(
        &self,
        _request: &Request,
        _ledger: Option<LedgerName>,
    ) -> Result<Arc<dyn Visitor>, Denied> {
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl Visitor for Open {
    async fn may_follow(&self, _channel: &Channel) -> Result<(), Barred> {
        Ok(())
    }

    fn generation(&self) -> u64 {
        0
    }

    /// Nobody is asked for one, so that none is judged.
    async fn renew(&self, _credential: &str) -> Result<(), NotRenewed> {
        Ok(())
    }

    async fn may_have_changed(&self) {
        std::future::pending().await
    }

    async fn stand_again(&self) -> Result<(), Ended> {
        Ok(())
    }

    fn expires_in(&self) -> Option<Duration> {
        None
    }
}

impl From<Barred> for ErrorCode {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::NotTheirs => Self::ChannelNotFound,
            Barred::Forbidden => Self::Forbidden,
            Barred::Unavailable => Self::Unavailable,
        }
    }
}

impl From<NotRenewed> for ErrorCode {
    fn from(refused: NotRenewed) -> Self {
        match refused {
            NotRenewed::Invalid => Self::CredentialInvalid,
            NotRenewed::OfAnother => Self::CredentialOfAnother,
            NotRenewed::Unavailable => Self::Unavailable,
        }
    }
}

impl Ended {
    pub(super) const fn error(self) -> ErrorCode {
        match self {
            Self::Expired => ErrorCode::CredentialExpired,
            Self::Revoked => ErrorCode::CredentialRevoked,
            Self::Forbidden => ErrorCode::Forbidden,
            Self::Unavailable => ErrorCode::Unavailable,
        }
    }

    pub(super) const fn reason(self) -> CloseReason {
        match self {
            Self::Expired => CloseReason::CredentialExpired,
            Self::Revoked => CloseReason::CredentialRevoked,
            Self::Forbidden => CloseReason::Forbidden,
            Self::Unavailable => CloseReason::Fault,
        }
    }
}
