//! Webhooks: taken in, kept as they came, and processed from what was kept.
//!
//! **Taking in** ([`Webhooks::receive`]): the endpoint is looked up, the raw bytes are verified, and body
//! and headers are stored; then the provider is answered. Deliveries that arrive together are stored by one
//! statement, so that one flush serves many. A delivery of an event that is stored already stores nothing.
//! Nothing that is not genuine is stored.
//!
//! **Processing** ([`WebhookProcessor`]) begins from the stored bytes, on any node with the role `worker`.
//! Whoever processes a webhook has it on lease; if the process dies, the lease ends and another does it.
//! What it leads to are commands with idempotency keys made of provider, endpoint, event, bytes and place
//! within the webhook, so doing it twice changes nothing.
//!
//! | status | meaning | what comes next |
//! |---|---|---|
//! | `waiting` | stored; or tried, and tried again at `due_at` | the processor |
//! | `confirming` | it is a hint, or refers to something not known yet: a job asks the provider | the job |
//! | `applied` | the ledger has what it says | – |
//! | `of_no_concern` | it says nothing about money | – |
//! | `parked` | it cannot be applied; `reason` says why, and somebody is alerted | an operator |
//!
//! **Replaying** ([`Webhooks::replay`]) puts a webhook back to `waiting`, whatever its status. Its bytes are
//! verified again, with the secrets that are valid now and as of the time at which it came.

mod intake;
mod processor;
mod stored;

use std::time::Duration;

pub use connectors::gateways::{MAX_WEBHOOK_BYTES, WebhookRejection};
pub use intake::{Arrived, IntakeError, Receipt, Webhooks};
pub use processor::WebhookProcessor;
pub(crate) use processor::{alert_parked, open, park_in, settle_confirmed};
pub use stored::{
    StoredWebhook, WebhookFilter, WebhookRecord, WebhookStatus, WebhookStatusError, load_webhook,
};

/// Bounds of intake and processing.
#[derive(Debug, Clone, Copy)]
pub struct WebhookSettings {
    /// Deliveries that may wait to be stored before new ones are refused as overloaded.
    pub queue: usize,
    /// Deliveries stored by one statement at most.
    pub batch: usize,
    /// Webhooks processed at a time.
    pub at_a_time: i64,
    /// For how long whoever processes a webhook has it to themselves.
    pub lease: Duration,
    /// How often what is due is looked for.
    pub interval: Duration,
    /// How often a webhook that cannot be applied yet is tried before it is parked.
    pub attempts: i32,
    /// The pause after the first try; it doubles with each.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for WebhookSettings {
    /// Twelve tries in about an hour.
    fn default() -> Self {
        Self {
            queue: 8_192,
            batch: 256,
            at_a_time: 256,
            lease: Duration::from_secs(20),
            interval: Duration::from_millis(500),
            attempts: 12,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(600),
        }
    }
}
