//! Private PostgreSQL and nats-server processes, owned by the process that starts them.
//!
//! What this crate promises:
//! - **Private.** PostgreSQL listens on a unix socket in a folder of mode 0700 and on no port;
//!   nats-server listens on loopback, with a password when [`NatsAccess::Password`] is chosen.
//! - **Never left behind.** A server stops when its owner stops it, drops it, exits, or is killed
//!   with SIGKILL. Ctrl-C in a terminal reaches the owner only, so that the owner chooses the order.
//! - **One owner per folder.** A second start on the same folder is refused with
//!   [`ServerError::AlreadyRunning`]; a start after a crash waits until the last process of the
//!   crashed owner is gone.
//! - **Durable.** Data survives stop, kill and restart; nats-server syncs before it acknowledges.
//! - **Root or not.** PostgreSQL refuses to run as root, so under root it runs as uid 65534.

mod binaries;
mod error;
mod identity;
mod keep;
mod lock;
mod nats;
mod paths;
mod postgres;
mod relocate;
mod supervise;

pub use binaries::{BinaryError, BinarySearch, ServerBinaries};
pub use error::ServerError;
pub use keep::{KeptServer, ManagedServer};
pub use nats::{NatsAccess, NatsOptions, NatsPort, NatsServer};
pub use postgres::{PostgresOptions, PostgresServer, SUPERUSER};
