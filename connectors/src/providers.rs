//! What the adapters of all providers share, whatever they provide: calls with time limits, circuits and
//! repeats, faults by what a caller may do about them, names, secrets, webhooks as they came.
//!
//! [`gateways`](crate::gateways) and [`identity_providers`](crate::identity_providers) have it under names
//! of their own. The `intake` part says what the intake of webhooks needs of any of them.

mod calls;
mod circuit;
mod credentials;
mod fault;
mod identifier;
mod intake;
pub(crate) mod loose;
mod reading;
pub(crate) mod reported;
pub(crate) mod signature;
mod webhook;

pub use calls::CallPolicy;
pub(crate) use calls::{Body, Call, Caller, Repeat, Signer};
pub use circuit::{Availability, CircuitPolicy};
pub use credentials::{CredentialsError, SecretRing};
pub use fault::{Advice, CallError, Refusal, StartError};
pub use identifier::{Attempt, IdentifierError, ProviderId, Reference};
pub use intake::{WebhookConfirmer, WebhookNotice, WebhookVerifier};
pub(crate) use reading::{looked_up, shape};
pub use reported::Reported;
pub use webhook::{
    MAX_WEBHOOK_BYTES, SignatureCoverage, WebhookContent, WebhookDelivery, WebhookFacts,
    WebhookRejection,
};
