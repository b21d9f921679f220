//! What is done to the nodes and to PostgreSQL while clients are at work: fixed by the seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::client::Addresses;
use super::dice::Dice;
use super::nodes::NodeProcess;
use crate::harness::OwnPostgres;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// SIGKILL, and started again a little later.
    NodeKilled,
    /// The same, and what its connections were doing in PostgreSQL is cut off as well.
    NodeKilledAndConnectionsTerminated,
    /// SIGTERM, and started again.
    NodeStopped,
    /// SIGSTOP and SIGCONT within a second.
    NodePaused,
    /// SIGSTOP and SIGCONT after more than two seconds.
    NodePausedForLong,
    /// Every connection of every node is terminated.
    ConnectionsTerminated,
    /// SIGINT: open transactions are rolled back.
    PostgresStoppedFast,
    /// SIGQUIT: as in a crash, but for the notice to clients.
    PostgresStoppedAtOnce,
    /// SIGKILL.
    PostgresKilled,
}

/// Each comes once before any comes again.
const DECK: [Fault; 9] = [
    Fault::NodeKilled,
    Fault::NodeKilledAndConnectionsTerminated,
    Fault::NodeStopped,
    Fault::NodePaused,
    Fault::NodePausedForLong,
    Fault::ConnectionsTerminated,
    Fault::PostgresStoppedFast,
    Fault::PostgresStoppedAtOnce,
    Fault::PostgresKilled,
];

/// What is broken, and by what chance.
pub struct Chaos {
    dice: Dice,
    nodes: Vec<Arc<Mutex<NodeProcess>>>,
    addresses: Addresses,
    postgres: OwnPostgres,
    database_url: String,
    done: BTreeMap<Fault, usize>,
}

impl Chaos {
    pub fn new(seed: u64, nodes: Vec<NodeProcess>, postgres: OwnPostgres) -> Self {
        let addresses = nodes
            .iter()
            .map(|node| std::sync::Mutex::new(node.address.clone()))
            .collect();
        Self {
            dice: Dice::of(seed, "chaos"),
            nodes: nodes
                .into_iter()
                .map(|node| Arc::new(Mutex::new(node)))
                .collect(),
            addresses: Arc::new(addresses),
            database_url: postgres.server.database_url("postgres"),
            postgres,
            done: BTreeMap::new(),
        }
    }

    pub fn addresses(&self) -> Addresses {
        Arc::clone(&self.addresses)
    }

    /// Breaks things until the time is over, then leaves everything running. Faults of different
    /// nodes overlap; one node has one at a time.
    pub async fn run(&mut self, until: Instant) {
        let mut under_way = JoinSet::new();
        while Instant::now() < until {
            let mut deck = DECK;
            self.dice.shuffle(&mut deck);
            for fault in deck {
                // The dice are thrown before the clock is asked, so that the schedule is the seed's.
                let pause = Duration::from_millis(self.millis(400, 1_600));
                let node = self.dice.below(self.nodes.len());
                let length = Duration::from_millis(match fault {
                    Fault::NodePausedForLong => self.millis(2_100, 3_500),
                    _ => self.millis(50, 900),
                });
                tokio::time::sleep(pause).await;
                if Instant::now() >= until {
                    break;
                }
                *self.done.entry(fault).or_default() += 1;
                self.strike(fault, node, length, &mut under_way).await;
            }
        }
        while let Some(done) = under_way.join_next().await {
            done.unwrap();
        }
    }

    fn millis(&mut self, least: usize, most: usize) -> u64 {
        u64::try_from(self.dice.between(least, most)).unwrap()
    }

    async fn strike(
        &mut self,
        fault: Fault,
        node: usize,
        length: Duration,
        under_way: &mut JoinSet<()>,
    ) {
        match fault {
            Fault::PostgresStoppedFast => self.restart_postgres(Signal::INT).await,
            Fault::PostgresStoppedAtOnce => self.restart_postgres(Signal::QUIT).await,
            Fault::PostgresKilled => {
                self.postgres.server.kill().await.unwrap();
                self.postgres.server.restart().await.unwrap();
            }
            Fault::ConnectionsTerminated => terminate_connections(&self.database_url).await,
            Fault::NodeKilled
            | Fault::NodeKilledAndConnectionsTerminated
            | Fault::NodeStopped
            | Fault::NodePaused
            | Fault::NodePausedForLong => {
                let (process, addresses) = (Arc::clone(&self.nodes[node]), self.addresses());
                let database_url = self.database_url.clone();
                under_way.spawn(async move {
                    let mut process = process.lock().await;
                    strike_node(&mut process, fault, length, &database_url).await;
                    addresses[node].lock().unwrap().clone_from(&process.address);
                });
            }
        }
    }

    async fn restart_postgres(&mut self, signal: Signal) {
        let id = i32::try_from(self.postgres.server.pid()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
        self.postgres.server.ended().await;
        self.postgres.server.restart().await.unwrap();
    }

    /// Fails when a node has ended by itself or complains of itself.
    pub async fn assert_sound(&self) {
        for node in &self.nodes {
            let mut node = node.lock().await;
            node.assert_alive();
            let alarms = node.alarms.lock().unwrap();
            assert!(alarms.is_empty(), "a node failed: {alarms:#?}");
        }
    }

    /// What was done, in words.
    pub fn account(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        for (fault, count) in &self.done {
            words.push(format!("{fault:?} {count}"));
        }
        words.join(", ")
    }
}

async fn strike_node(node: &mut NodeProcess, fault: Fault, length: Duration, database_url: &str) {
    match fault {
        Fault::NodePaused | Fault::NodePausedForLong => {
            node.assert_alive();
            node.signal(Signal::STOP);
            tokio::time::sleep(length).await;
            node.signal(Signal::CONT);
        }
        Fault::NodeStopped => {
            let status = node.stop().await;
            assert!(status.success(), "a node did not stop in order: {status}");
            node.revive().await;
        }
        _ => {
            node.kill().await;
            if fault == Fault::NodeKilledAndConnectionsTerminated {
                terminate_connections(database_url).await;
            }
            tokio::time::sleep(length).await;
            node.revive().await;
        }
    }
}

/// Does nothing while PostgreSQL is away: there are no connections then.
async fn terminate_connections(database_url: &str) {
    let Ok(mut connection) = PgConnection::connect(database_url).await else {
        return;
    };
    let terminated = sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = 'daybook' AND pid <> pg_backend_pid()",
    )
    .execute(&mut connection)
    .await;
    drop(terminated);
}
