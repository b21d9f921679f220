//! Webhooks: taken in, kept as they came, and processed from what was kept.
//!
//! **Taking in** ([`Webhooks::receive`]): the endpoint is looked up, the raw bytes are verified, and body
//! and headers are sealed and stored; then the provider is answered. Deliveries that arrive together are
//! stored by one statement, so that one flush serves many. A delivery of bytes that are stored already
//! stores nothing. Nothing that is not genuine is stored, and of what nothing signs only so much in a minute.
//!
//! **Processing** ([`WebhookProcessor`]) begins from the stored bytes, on any node with the role `worker`.
//! Whoever processes a webhook has it on lease; if the process dies, the lease ends and another does it,
//! and what the first decides after that counts no more. A node takes only what its configuration has an
//! account for: another may have a newer one. What nobody takes for an hour is parked.
//! What it leads to are commands with idempotency keys made of provider, endpoint, bytes and place within
//! the webhook, so doing it twice changes nothing.
//!
//! | status | meaning | what comes next |
//! |---|---|---|
//! | `waiting` | stored; or tried, and tried again at `due_at` | the processor |
//! | `confirming` | it is a hint, or refers to something not known yet: a job asks the provider. All that identity providers send is a hint | the job |
//! | `applied` | the ledger has what it says | – |
//! | `of_no_concern` | it says nothing about money or cases | – |
//! | `parked` | it cannot be applied; `reason` says why, and somebody is alerted | an operator |
//!
//! **Replaying** ([`Webhooks::replay`]) puts a webhook back to `waiting`, whatever its status. Its bytes are
//! verified again, with the secrets that are valid now and as of the time at which it came. One whose content
//! was forgotten cannot be replayed.
//!
//! **Content is forgotten** some time after its webhook was settled ([`crate::retention`]), or with the person
//! that it tells of ([`crate::erasure`]).

mod archive;
mod content;
mod intake;
mod names;
mod notices;
mod processor;
mod sealing;
mod senders;
mod stored;
mod unsigned;
mod verdicts;

use std::time::Duration;

pub use archive::WebhookArchive;
pub use connectors::gateways::{MAX_WEBHOOK_BYTES, WebhookRejection};
pub use content::{Content, ContentError};
pub use intake::{Arrived, ContentFault, IntakeError, Receipt, Replay, Webhooks};
pub(crate) use names::forget_erased_in_tx;
pub(crate) use notices::{IdentityNotice, open_notice};
pub use processor::WebhookProcessor;
pub(crate) use processor::{NotOpened, Opened, open};
pub use sealing::{Sealing, SealingError};
pub use senders::Senders;
pub(crate) use stored::load_webhook;
pub(crate) use stored::{StoredWebhook, unnamed_after};
pub use stored::{WebhookFilter, WebhookRecord, WebhookStatus, WebhookStatusError};
pub(crate) use verdicts::{Verdict, settle_confirmed};

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
    /// After which time a webhook that no node has an account for is parked: as long as it may take until
    /// all nodes have a new configuration.
    pub unclaimed: Duration,
    /// Deliveries without any signature that are taken in a minute, by endpoint and node.
    pub unsigned_per_minute: u32,
}

impl Default for WebhookSettings {
    /// Twelve tries in 27 minutes (1 + 2 + … + 512 + 600 seconds).
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
            unclaimed: Duration::from_secs(60 * 60),
            unsigned_per_minute: 600,
        }
    }
}
