//! Two whole nodes on one database behind one address, beside one node behind the same kind of
//! address: REST, single transfers.
//!
//! A node is `daybook serve` with every role, so that it also folds and relays. The address stands for
//! a balancer that gives connections to nodes in turn. The load generator does that itself when it
//! connects: a process that copies bytes on the same cores would cost both sides of the comparison
//! the same and so only hide what the second node costs.
//!
//! One log serves both. The second node is started for its rounds and stopped after them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_trait::async_trait;
use event_store::Database;
use tokio::sync::Mutex;

use crate::http::{Poster, Posts};
use crate::measure::{Caller, Measured, Round, Scenario, alternate, repeat_each};
use crate::node::{Node, Site};
use crate::population::{Choice, Population};
use crate::scenarios::engine::WALLETS;
use crate::scenarios::rest::{singles, warm_up};
use crate::scenarios::sustained::head_and_folded;
use crate::{BenchError, Machine, Plan};

const ROLES: &str = "api,projector,relay,bridge,worker";

/// How long the read models may take to catch up between rounds.
const PATIENCE: Duration = Duration::from_secs(120);

/// The nodes that run at the moment.
struct Cluster {
    site: Site,
    database: Database,
    population: Population,
    nodes: Vec<Node>,
}

/// Connections that post transfers to some nodes.
struct Balanced {
    cluster: Arc<Mutex<Cluster>>,
    nodes: usize,
    posts: Arc<Posts>,
    connections: usize,
}

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let cluster = Cluster::new(machine).await?;
    let posts = Arc::new(singles(&cluster.population, Choice::Random)?);
    let cluster = Arc::new(Mutex::new(cluster));
    let mut scenarios: Vec<Box<dyn Scenario>> = Vec::new();
    for nodes in [1, 2] {
        for connections in [64, 256] {
            scenarios.push(Box::new(Balanced {
                cluster: Arc::clone(&cluster),
                nodes,
                posts: Arc::clone(&posts),
                connections,
            }));
        }
    }
    let measured = alternate(machine, plan, scenarios).await?;
    cluster.lock().await.end(machine).await?;
    Ok(measured)
}

impl Cluster {
    /// A new database with funded wallets, and no node yet.
    async fn new(machine: &mut Machine) -> Result<Self, BenchError> {
        let url = machine.new_database().await?;
        let database = machine.migrated(&url).await?;
        let population = Population::alone(&database, WALLETS).await?;
        population.stop().await;
        Ok(Self {
            site: Site::new(machine, &url),
            database,
            population,
            nodes: Vec::new(),
        })
    }

    /// Starts or stops nodes until so many run, and lets them catch up and write once each.
    async fn make_ready(&mut self, nodes: usize) -> Result<(), BenchError> {
        while self.nodes.len() > nodes
            && let Some(node) = self.nodes.pop()
        {
            node.stop().await?;
        }
        while self.nodes.len() < nodes {
            let node = Node::start(&self.site, ROLES, &[]).await?;
            // What a node has not loaded yet it loads from the read models.
            self.catch_up().await?;
            warm_up(&self.population, &node).await?;
            self.nodes.push(node);
        }
        self.catch_up().await
    }

    /// Waits until every read model has the whole log.
    async fn catch_up(&self) -> Result<(), BenchError> {
        let caught_up = async {
            loop {
                let (head, folded) =
                    head_and_folded(&self.database, self.population.ledger).await?;
                if folded == head {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, caught_up)
            .await
            .map_err(|_| "the read models do not catch up")?
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// Stops all nodes, and removes their stream: relays of other logs would first have to find out
    /// that it is not theirs.
    async fn end(&mut self, machine: &Machine) -> Result<(), BenchError> {
        while let Some(node) = self.nodes.pop() {
            node.stop().await?;
        }
        let stream = format!("DAYBOOK_{}", self.population.ledger);
        let context = jetstream::new(async_nats::connect(machine.nats_url()).await?);
        // There is none when no scenario of the group was asked for.
        drop(context.delete_stream(stream).await);
        Ok(())
    }
}

#[async_trait]
impl Scenario for Balanced {
    fn name(&self) -> String {
        let nodes = if self.nodes == 1 {
            "one_node"
        } else {
            "two_nodes"
        };
        format!("rest_{nodes}_{}", self.connections)
    }

    fn anchor(&self) -> Option<String> {
        (self.nodes > 1).then(|| format!("rest_one_node_{}", self.connections))
    }

    async fn prepare(&mut self) -> Result<(), BenchError> {
        let mut cluster = self.cluster.lock().await;
        cluster.make_ready(self.nodes).await?;
        // A node that has not written for a while first reads what the others wrote meanwhile.
        let addresses = cluster.addresses();
        for mut poster in Poster::connect_all(&addresses, &self.posts, addresses.len()).await? {
            poster.request().await?;
        }
        Ok(())
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let addresses = self.cluster.lock().await.addresses();
        let posters = Poster::connect_all(&addresses, &self.posts, self.connections).await?;
        repeat_each(posters, duration).await
    }
}
