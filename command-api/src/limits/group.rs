//! Operations that share a limit.

use poem::http::Method;

/// Operations that share a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What can be guessed at: passwords, codes, clients' secrets.
    SignIn,
    /// What sends a code to somebody.
    Codes,
    /// What changes something.
    Commands,
    /// What reads.
    Queries,
    /// What opens a live stream.
    Streams,
}

/// Operations at which secrets can be guessed.
pub(super) const SIGN_IN: &[&str] = &[
    "sign_in",
    "verify_address",
    "reset_password",
    "step_up",
    "confirm_authenticator",
    "change_my_password",
    "oauth_token",
    "oauth_introspect",
    "begin_external_sign_in",
    "finish_external_sign_in",
];

/// Operations that send a code.
pub(super) const CODES: &[&str] = &["register", "request_password_reset", "add_my_address"];

impl Group {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::SignIn,
        Self::Codes,
        Self::Commands,
        Self::Queries,
        Self::Streams,
    ];

    /// The group of an operation. Refreshing a session is a command: what it takes is too long to guess,
    /// and a whole office does it from one address.
    #[must_use]
    pub fn of(operation: &str, method: &Method) -> Self {
        if SIGN_IN.contains(&operation) {
            Self::SignIn
        } else if CODES.contains(&operation) {
            Self::Codes
        } else if [Method::GET, Method::HEAD].contains(method) {
            Self::Queries
        } else {
            Self::Commands
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Self::SignIn => 0,
            Self::Codes => 1,
            Self::Commands => 2,
            Self::Queries => 3,
            Self::Streams => 4,
        }
    }

    pub(super) const fn address_policy(self) -> &'static str {
        match self {
            Self::SignIn => "address.sign_in",
            Self::Codes => "address.codes",
            Self::Commands => "address.commands",
            Self::Queries => "address.queries",
            Self::Streams => "address.streams",
        }
    }

    pub(super) const fn account_policy(self) -> &'static str {
        match self {
            Self::SignIn => "account.sign_in",
            Self::Codes => "account.codes",
            Self::Commands => "account.commands",
            Self::Queries => "account.queries",
            Self::Streams => "account.streams",
        }
    }

    pub(super) const fn key_policy(self) -> &'static str {
        match self {
            Self::SignIn => "key.sign_in",
            Self::Codes => "key.codes",
            Self::Commands => "key.commands",
            Self::Queries => "key.queries",
            Self::Streams => "key.streams",
        }
    }
}
