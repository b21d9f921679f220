//! A real node's REST interface, one connection per caller, beside `pgbench`.
//!
//! The node runs the role `api` alone, so that no projector works on the same cores meanwhile; what
//! it costs to stay caught up is the scenario `sustained`.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper::StatusCode;
use ledger_core::WalletId;
use projections::rebuild::rebuild;
use projections::{ReadModelName, runner};

use crate::anchors::pgbench::{self, Pgbench};
use crate::http::{Poster, Posts};
use crate::measure::{Caller, Measured, Round, Scenario, alternate, best_of, repeat_each};
use crate::node::{Node, Site};
use crate::population::{Choice, Population};
use crate::scenarios::engine::WALLETS;
use crate::{BenchError, Machine, Plan};

/// Bodies rendered beforehand: as many as there are wallets, so that any two meet.
const BODIES: usize = 10_000;

/// Bodies of batches rendered beforehand.
const BATCH_BODIES: usize = 256;

/// Transfers in one batch.
const PER_BATCH: usize = 100;

/// Connections that post transfers.
pub struct Rest {
    pub name: String,
    pub anchor: String,
    pub address: SocketAddr,
    pub posts: Arc<Posts>,
    pub connections: usize,
}

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let (population, node) = start(machine).await?;
    let random = Arc::new(singles(&population, Choice::Random)?);
    let hot = Arc::new(singles(&population, Choice::Hot)?);
    let batches = Arc::new(batches(&population, BATCH_BODIES)?);
    let rest = |name: String, posts: &Arc<Posts>, connections| -> Box<dyn Scenario> {
        Box::new(Rest {
            name,
            anchor: pgbench::BEST.to_owned(),
            address: node.address,
            posts: Arc::clone(posts),
            connections,
        })
    };
    let mut scenarios = Pgbench::prepare(machine).await?;
    for connections in [1, 8, 64, 256] {
        let name = format!("rest_random_{connections}");
        scenarios.push(rest(name, &random, connections));
    }
    scenarios.push(rest("rest_hot_64".to_owned(), &hot, 64));
    scenarios.push(rest(format!("rest_batch_{PER_BATCH}"), &batches, 8));
    let mut measured = alternate(machine, plan, scenarios).await?;
    measured.extend(best_of(&measured, pgbench::EACH, pgbench::BEST));
    measured.extend(best_of(&measured, "rest_random_", "rest_random"));
    node.stop().await?;
    Ok(measured)
}

/// A node over a new database with funded wallets.
pub async fn start(machine: &mut Machine) -> Result<(Population, Node), BenchError> {
    let url = machine.new_database().await?;
    let database = machine.migrated(&url).await?;
    let population = Population::alone(&database, WALLETS).await?;
    population.stop().await;
    // No projector runs, and the node has to load the wallets from somewhere.
    runner::prepare(&database).await?;
    rebuild(&database, ReadModelName::Accounts, &mut |_| {}).await?;
    let node = Node::start(&Site::new(machine, &url), "api", &[]).await?;
    warm_up(&population, &node).await?;
    Ok((population, node))
}

/// Touches every wallet once: what a node does in its first seconds is another question.
pub async fn warm_up(population: &Population, node: &Node) -> Result<(), BenchError> {
    for wallets in population.wallets.chunks(2 * PER_BATCH) {
        let pairs: Vec<_> = wallets
            .chunks_exact(2)
            .map(|two| (two[0], two[1]))
            .collect();
        let posts = Posts {
            bodies: vec![batch(&pairs).into()],
            ..batches(population, 0)?
        };
        Poster::connect(node.address, Arc::new(posts))
            .await?
            .request()
            .await?;
    }
    Ok(())
}

/// Single transfers.
pub fn singles(population: &Population, choice: Choice) -> Result<Posts, BenchError> {
    let bodies = (0..BODIES).map(|_| transfer(population.pair(choice)).into());
    Ok(Posts {
        path: format!("/v1/ledgers/{}/transactions", population.ledger).parse()?,
        bodies: bodies.collect(),
        status: StatusCode::CREATED,
        transfers: 1,
    })
}

fn batches(population: &Population, count: usize) -> Result<Posts, BenchError> {
    let bodies = (0..count).map(|_| {
        let pairs: Vec<_> = (0..PER_BATCH)
            .map(|_| population.pair(Choice::Random))
            .collect();
        batch(&pairs).into()
    });
    Ok(Posts {
        path: format!("/v1/ledgers/{}/transactions/batch", population.ledger).parse()?,
        bodies: bodies.collect(),
        status: StatusCode::OK,
        transfers: u64::try_from(PER_BATCH)?,
    })
}

fn transfer((source, destination): (WalletId, WalletId)) -> String {
    format!(
        r#"{{"postings":[{{"source":"wallet:{source}","destination":"wallet:{destination}","asset":"INR","amount":"1.00"}}]}}"#
    )
}

fn batch(pairs: &[(WalletId, WalletId)]) -> String {
    let mut body = r#"{"atomicity":"all_or_nothing","transactions":["#.to_owned();
    for (number, pair) in pairs.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(body, "{comma}{}", transfer(*pair));
    }
    body.push_str("]}");
    body
}

#[async_trait]
impl Scenario for Rest {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn anchor(&self) -> Option<String> {
        Some(self.anchor.clone())
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let posters = Poster::connect_all(&[self.address], &self.posts, self.connections).await?;
        repeat_each(posters, duration).await
    }
}
