//! The bounds of the bridge.

use std::time::Duration;

/// The bounds of the bridge; the defaults suit a service on two cores.
#[derive(Debug, Clone)]
pub struct BridgeSettings {
    /// How often each client gets a heartbeat and a ping.
    pub heartbeat_interval: Duration,
    /// How much longer than a heartbeat interval a WebSocket client may be silent.
    pub pong_timeout: Duration,
    /// How long a client may not read while something waits for it.
    pub stall_timeout: Duration,
    /// How long the reason for a close may take to reach the client, and its answer to come back.
    pub farewell_timeout: Duration,
    /// The most bytes that wait for one client; beyond them it is served at its own pace.
    pub max_outbound_bytes: usize,
    /// The largest frame or message of a client, in bytes.
    pub max_inbound_bytes: usize,
    /// The most clients at once; keep it below the process's limit of open files.
    pub max_connections: usize,
    /// The most clients at once from one address ([`ClientAddress`](super::ClientAddress)).
    pub max_connections_per_address: usize,
    /// The most channels of one client.
    pub max_subscriptions: usize,
    /// How long before its credential ends a client is told.
    pub expiry_warning: Duration,
    /// How far back a client may resume when the events are no longer in memory, in positions.
    pub max_replay_positions: i64,
    /// How many events of each ledger stay in memory.
    pub ring_events: usize,
    /// How many bytes of events of each ledger stay in memory.
    pub ring_bytes: usize,
    /// Origins, like `https://console.example.com`, that may connect besides the bridge's own.
    pub allowed_origins: Vec<String>,
    /// How long a shutdown waits for clients to go.
    pub shutdown_grace: Duration,
    /// Over how long clients are told to spread their return after a shutdown.
    pub reconnect_spread: Duration,
}

impl Default for BridgeSettings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(10),
            farewell_timeout: Duration::from_secs(2),
            max_outbound_bytes: 1 << 20,
            max_inbound_bytes: 64 << 10,
            max_connections: 5_000,
            max_connections_per_address: 500,
            max_subscriptions: 128,
            expiry_warning: Duration::from_secs(30),
            max_replay_positions: 10_000,
            ring_events: 65_536,
            ring_bytes: 64 << 20,
            allowed_origins: Vec::new(),
            shutdown_grace: Duration::from_secs(5),
            reconnect_spread: Duration::from_secs(5),
        }
    }
}
