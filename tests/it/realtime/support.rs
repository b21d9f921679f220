//! A log that is written as the executor writes it, servers that can be killed, and clients.

use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use event_store::{Database, LogReader, LogSignal, StoredEvent};
use futures_util::{SinkExt, StreamExt};
use ledger_core::annotation::Metadata;
use ledger_core::book::{Book, NewEvent};
use ledger_core::decision::decide;
use ledger_core::hold::HoldRequest;
use ledger_core::ledger::standard_system_accounts;
use ledger_core::posting::RequestedPosting;
use ledger_core::transaction::TransactionRequest;
use ledger_core::{
    Command, HoldId, Holder, LedgerName, Position, Timestamp, TransactionId, WalletId,
};
use poem::Server;
use poem::listener::{Acceptor, Listener, TcpListener};
use realtime_bridge::bridge::gatekeeper::Open;
use realtime_bridge::{
    Bridge, BridgeSettings, Nats, Relay, RelaySettings, Snapshot, SnapshotError, SnapshotSource,
};
use schemas::{AccountBalance, Channel};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{TestDatabase, nats_program};

/// Nothing here takes this long unless it is broken.
pub const SOON: Duration = Duration::from_secs(60);

/// Waits until something is true.
pub async fn until<F: Future<Output = bool>>(what: &str, mut is_true: impl FnMut() -> F) {
    let waiting = async {
        while !is_true().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// A nats-server of one's own.
pub struct NatsServer {
    child: Option<Child>,
    folder: PathBuf,
    port: u16,
}

impl NatsServer {
    pub async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("daybook-nats-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let store = folder.join("jetstream");
        let configuration = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\", sync_interval: always }}\n",
            store.display()
        );
        std::fs::write(folder.join("nats.conf"), configuration).unwrap();
        let mut server = Self {
            child: None,
            folder,
            port,
        };
        server.restart().await;
        server
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub async fn restart(&mut self) {
        let child = Process::new(nats_program().await)
            .arg("-c")
            .arg(self.folder.join("nats.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let port = self.port;
        until("nats-server listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        })
        .await;
    }

    pub async fn connect(&self) -> Nats {
        Nats::connect(&self.url(), SOON).await.unwrap()
    }

    /// A client beside Daybook's own.
    pub async fn jetstream(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(self.url()).await.unwrap())
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A database with one ledger that the test writes.
pub struct TestLog {
    pub ledger: LedgerName,
    pub database: Database,
    pub reader: LogReader,
    pub signal: LogSignal,
    pub shutdown: CancellationToken,
    book: Book,
}

async fn make_database() -> Database {
    TestDatabase::create().await.database
}

impl TestLog {
    /// A new log with its ledger opened at position 1.
    pub async fn new() -> Self {
        let mut name = Uuid::new_v4().simple().to_string();
        name.truncate(12);
        let ledger: LedgerName = format!("t{name}").parse().unwrap();
        let mut log = Self::empty(ledger).await;
        log.command(&Command::OpenLedger {
            name: ledger,
            system_accounts: standard_system_accounts(),
        })
        .await;
        log
    }

    /// Another database with this log up to a position, as a restore from a backup makes it.
    pub async fn restored_to(&self, position: i64) -> Self {
        let mut log = Self::empty(self.ledger).await;
        let events = self.events().await;
        let rows = &events[..usize::try_from(position).unwrap()];
        for row in rows {
            log.book.apply(&row.decode().unwrap()).unwrap();
        }
        insert(log.pool(), self.ledger, rows).await;
        log
    }

    async fn empty(ledger: LedgerName) -> Self {
        let database = make_database().await;
        let shutdown = CancellationToken::new();
        Self {
            ledger,
            reader: LogReader::new(database.pool().clone()),
            signal: LogSignal::start(&database, shutdown.clone()),
            shutdown,
            database,
            book: Book::complete(),
        }
    }

    pub fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    pub fn head(&self) -> i64 {
        self.book.position().value()
    }

    pub async fn events(&self) -> Vec<StoredEvent> {
        self.reader
            .read(self.ledger, Position::START, i64::MAX)
            .await
            .unwrap()
    }

    /// Decides commands and appends their events at once.
    pub async fn commands(&mut self, commands: &[Command]) {
        let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut rows = Vec::new();
        for command in commands {
            let at = start + TimeDelta::seconds(self.head());
            let recorded_at = Timestamp::try_new(at).unwrap();
            let metadata = json!({ "command_id": Uuid::new_v4(), "actor": "tester" }).to_string();
            let events = decide(&mut self.book, command, recorded_at).unwrap();
            rows.extend(events.iter().map(|event| row(event, at, &metadata)));
        }
        self.book.settle(self.book.savepoint());
        insert(self.pool(), self.ledger, &rows).await;
    }

    pub async fn command(&mut self, command: &Command) {
        self.commands(std::slice::from_ref(command)).await;
    }

    pub async fn open_wallet(&mut self) -> WalletId {
        let wallet = WalletId::new(Uuid::now_v7());
        self.command(&Command::OpenWallet {
            wallet,
            owner: "customer 7".parse().unwrap(),
            overdraft: Vec::new(),
            reference: None,
            metadata: Metadata::default(),
        })
        .await;
        wallet
    }

    /// Puts one rupee into a wallet, so many times, each an event.
    pub async fn deposit(&mut self, wallet: WalletId, count: usize) {
        let commands: Vec<Command> = (0..count).map(|_| deposit(wallet)).collect();
        self.commands(&commands).await;
    }

    pub async fn hold(&mut self, wallet: WalletId, amount: &str) -> HoldId {
        let hold = HoldId::new(Uuid::now_v7());
        let request = HoldRequest {
            source: Holder::Wallet(wallet),
            asset: "INR".parse().unwrap(),
            amount: amount.parse().unwrap(),
            destination: None,
            expires_at: None,
            reference: None,
            metadata: Metadata::default(),
        };
        self.command(&Command::PlaceHold { hold, request }).await;
        hold
    }

    pub fn relay(&self, nats: &Nats) -> RunningRelay {
        self.relay_with(nats, RelaySettings::default())
    }

    pub fn relay_with(&self, nats: &Nats, settings: RelaySettings) -> RunningRelay {
        let settings = RelaySettings {
            check_interval: Duration::from_millis(200),
            ..settings
        };
        let stop = CancellationToken::new();
        let relay = Relay::start(nats, &self.reader, &self.signal, settings, stop.clone());
        RunningRelay { relay, stop }
    }

    /// The bridge on a port of its own.
    pub async fn bridge(&self, nats: &Nats, settings: BridgeSettings) -> RunningBridge {
        let snapshots = Arc::new(BookSnapshots(self.reader.clone()));
        let everybody = Arc::new(Open);
        let bridge = Bridge::new(
            nats,
            &self.reader,
            &self.signal,
            snapshots,
            everybody,
            settings,
        );
        let acceptor = TcpListener::bind("127.0.0.1:0")
            .into_acceptor()
            .await
            .unwrap();
        let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
        let endpoint = bridge.endpoint();
        let stop = CancellationToken::new();
        let until = stop.clone();
        tokio::spawn(async move {
            Server::new_with_acceptor(acceptor)
                .run_with_graceful_shutdown(endpoint, until.cancelled_owned(), None)
                .await
        });
        RunningBridge {
            bridge,
            ledger: self.ledger,
            address: address.to_string(),
            stop,
        }
    }
}

impl Drop for TestLog {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn deposit(wallet: WalletId) -> Command {
    let posting = RequestedPosting {
        source: Holder::System("cash".parse().unwrap()),
        destination: Holder::Wallet(wallet),
        asset: "INR".parse().unwrap(),
        amount: "1.00".parse().unwrap(),
    };
    Command::PostTransaction {
        transaction: TransactionId::new(Uuid::now_v7()),
        request: TransactionRequest {
            postings: vec![posting],
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        },
    }
}

fn row(event: &NewEvent, recorded_at: DateTime<Utc>, metadata: &str) -> StoredEvent {
    StoredEvent {
        position: event.position.value(),
        aggregate_type: event.stream.aggregate_type().to_string(),
        aggregate_id: event.stream.aggregate_id(),
        sequence: event.sequence,
        event_type: event.event.name().to_owned(),
        event_version: event.event.version().to_owned(),
        payload: event.event.to_payload().unwrap(),
        metadata: metadata.to_owned(),
        recorded_at,
    }
}

async fn insert(pool: &PgPool, ledger: LedgerName, rows: &[StoredEvent]) {
    let mut tx = pool.begin().await.unwrap();
    let last = rows.last().unwrap();
    sqlx::query(
        "INSERT INTO daybook.ledger_head (ledger, position, recorded_at) VALUES ($1, $2, $3) \
         ON CONFLICT (ledger) DO UPDATE SET position = $2, recorded_at = $3",
    )
    .bind(ledger.as_str())
    .bind(last.position)
    .bind(last.recorded_at)
    .execute(&mut *tx)
    .await
    .unwrap();
    for piece in rows.chunks(1_000) {
        let mut query = sqlx::QueryBuilder::new(
            "INSERT INTO daybook.events (ledger, position, aggregate_type, aggregate_id, sequence, \
             event_type, event_version, payload, metadata, recorded_at) ",
        );
        query.push_values(piece, |mut values, row| {
            values
                .push_bind(ledger.as_str())
                .push_bind(row.position)
                .push_bind(&row.aggregate_type)
                .push_bind(&row.aggregate_id)
                .push_bind(row.sequence)
                .push_bind(&row.event_type)
                .push_bind(&row.event_version)
                .push_bind(&row.payload)
                .push_unseparated("::json")
                .push_bind(&row.metadata)
                .push_unseparated("::json")
                .push_bind(row.recorded_at);
        });
        query.build().execute(&mut *tx).await.unwrap();
    }
    sqlx::query("SELECT pg_notify('daybook_log', $1)")
        .bind(format!("{ledger} {}", last.position))
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// A relay that can be stopped.
pub struct RunningRelay {
    pub relay: Relay,
    stop: CancellationToken,
}

impl RunningRelay {
    pub async fn stop(self) {
        self.stop.cancel();
        self.relay.stopped().await;
    }
}

impl Drop for RunningRelay {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A bridge and its HTTP server.
pub struct RunningBridge {
    pub bridge: Bridge,
    pub address: String,
    ledger: LedgerName,
    stop: CancellationToken,
}

impl RunningBridge {
    pub fn url(&self) -> String {
        format!("ws://{}/v1/ledgers/{}/stream", self.address, self.ledger)
    }

    pub fn events_url(&self, query: &str) -> String {
        let (address, ledger) = (&self.address, self.ledger);
        format!("http://{address}/v1/ledgers/{ledger}/stream/events{query}")
    }

    /// A client that has read its welcome.
    pub async fn client(&self) -> Client {
        let mut client = Client::connect(&self.url()).await;
        client.welcome = client.expect("welcome").await;
        client
    }

    pub async fn stop(self) {
        self.bridge.shutdown().await;
        self.stop.cancel();
    }
}

/// Reads balances by folding the whole log.
struct BookSnapshots(LogReader);

#[async_trait]
impl SnapshotSource for BookSnapshots {
    async fn snapshot(
        &self,
        ledger: LedgerName,
        channel: &Channel,
    ) -> Result<Snapshot, SnapshotError> {
        let events = self
            .0
            .read(ledger, Position::START, i64::MAX)
            .await
            .map_err(|error| SnapshotError::Unavailable(Box::new(error)))?;
        let mut book = Book::complete();
        for event in &events {
            book.apply(&event.decode().unwrap()).unwrap();
        }
        let accounts = match channel {
            Channel::Ledger | Channel::Case(_) | Channel::Onboarding(_) => Vec::new(),
            Channel::Wallet(wallet) => book.accounts_of(Holder::Wallet(*wallet)),
            Channel::Account(account) => {
                let standing = book.standing(*account).ok_or(SnapshotError::NotFound)?;
                vec![(*account, standing)]
            }
        };
        let balances = accounts.into_iter().map(|(account, standing)| {
            let balance = standing.balance().unwrap();
            let pending = standing.pending_debits;
            AccountBalance {
                account,
                posted_debits: standing.posted.debits.to_string(),
                posted_credits: standing.posted.credits.to_string(),
                pending_debits: pending.to_string(),
                balance: balance.to_string(),
                available: balance.checked_sub(pending).unwrap().to_string(),
            }
        });
        Ok(Snapshot {
            as_of: book.position(),
            balances: balances.collect(),
        })
    }
}

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// A WebSocket client.
pub struct Client {
    pub socket: Socket,
    pub welcome: Value,
}

impl Client {
    pub async fn connect(url: &str) -> Self {
        let (socket, _) = connect_async(url).await.unwrap();
        Self {
            socket,
            welcome: Value::Null,
        }
    }

    pub async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub async fn subscribe(&mut self, channel: &str) -> Value {
        self.send(json!({ "type": "subscribe", "channel": channel }))
            .await;
        self.expect("snapshot").await
    }

    pub async fn resume(&mut self, channel: &str, after: i64) -> Value {
        self.send(json!({ "type": "subscribe", "channel": channel, "after": after }))
            .await;
        self.expect("resumed").await
    }

    async fn frame(&mut self) -> Option<Message> {
        match tokio::time::timeout(SOON, self.socket.next()).await {
            Ok(frame) => frame.map(Result::unwrap),
            Err(_) => panic!("nothing came"),
        }
    }

    /// The next message that is no heartbeat, or the next heartbeat when that is wanted.
    pub async fn expect(&mut self, kind: &str) -> Value {
        loop {
            match self.frame().await {
                Some(Message::Text(text)) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["type"] == kind {
                        return message;
                    }
                    assert_eq!(message["type"], "heartbeat", "{message}");
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("{other:?} instead of {kind}"),
            }
        }
    }

    /// The next message that is no heartbeat, whatever it is.
    pub async fn answer(&mut self) -> Value {
        self.answer_or_close().await.expect("closed")
    }

    /// The same; nothing when the server closes.
    pub async fn answer_or_close(&mut self) -> Option<Value> {
        loop {
            match self.frame().await {
                Some(Message::Text(text)) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["type"] != "heartbeat" {
                        return Some(message);
                    }
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                Some(Message::Close(_)) | None => return None,
                other => panic!("{other:?} instead of a message"),
            }
        }
    }

    pub async fn expect_error(&mut self, code: &str) -> Value {
        let message = self.expect("error").await;
        assert_eq!(message["code"], code, "{message}");
        message
    }

    /// Takes events of one channel until a position, checking that none is missing or twice.
    pub async fn follow(&mut self, channel: &str, from: i64, until: i64) -> Vec<i64> {
        let mut last = from;
        let mut positions = Vec::new();
        while last < until {
            let message = self.expect("event").await;
            assert_eq!(message["channel"], channel, "{message}");
            assert_eq!(message["prev"], last, "{message}");
            last = message["position"].as_i64().unwrap();
            assert_eq!(message["event"]["position"], last);
            positions.push(last);
        }
        assert_eq!(last, until);
        positions
    }

    /// Reads on until the server closes; the code, the reason and the last event's position.
    pub async fn closed(&mut self) -> (u16, String, Option<i64>) {
        let mut last = None;
        loop {
            match self.frame().await {
                Some(Message::Close(Some(close))) => {
                    return (close.code.into(), close.reason.to_string(), last);
                }
                Some(Message::Text(text)) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["type"] == "event" {
                        last = message["position"].as_i64();
                    }
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("{other:?} instead of a close frame"),
            }
        }
    }
}
