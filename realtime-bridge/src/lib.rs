//! Live events: from the log to NATS JetStream, and from there to WebSockets and server-sent events.
//!
//! * [`nats`]: the connection, and the check of the server's version.
//! * [`relay`]: copies each ledger's log to its JetStream stream, position by position.
//! * [`bridge`]: fans the events out to clients, with snapshots, resumption and bounded buffers.
//!
//! The log in PostgreSQL is the truth; a JetStream stream is a copy of it that can be lost and
//! rebuilt, and the bridge works from either: live events come from JetStream while it delivers
//! and from PostgreSQL while it does not.
//!
//! Architecture Invariant: this crate never writes to PostgreSQL and knows no read model; what a
//! snapshot needs comes through [`SnapshotSource`], and who clients are through [`Gatekeeper`].

pub mod bridge;
pub mod checkpoints;
mod fault;
mod feed;
mod history;
mod log_stream;
pub mod nats;
mod publication;
pub mod relay;
mod snapshot;

pub use bridge::gatekeeper::{Gatekeeper, Visitor};
pub use bridge::{Bridge, BridgeSettings};
pub use nats::{Nats, NatsError};
pub use relay::{LedgerRelayStatus, Relay, RelaySettings, RelayState, RelayStatus};
pub use snapshot::{Snapshot, SnapshotError, SnapshotSource};
