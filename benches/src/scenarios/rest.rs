//! A real node's REST interface, one connection per caller, beside `pgbench`.
//!
//! The node runs the role `api` alone, so that no projector works on the same cores meanwhile; what
//! it costs to stay caught up is the scenario `sustained`.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_store::Database;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use identity::delivery::NoDelivery;
use identity::identities::{Identities, IdentitySettings, SystemClock};
use identity::machines::{MachineKind, NewMachine};
use identity::permission::Role;
use identity::principal::{Grant, Ledgers};
use identity::secret::{MasterKey, new_master_key};
use identity::session_policy::SessionPolicies;
use identity::subject::Subject;
use ledger_core::WalletId;
use projections::rebuild::rebuild;
use projections::{ReadModelName, runner};
use uuid::Uuid;

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
    let asking = Asking::start(machine).await?;
    scenarios.push(Box::new(Rest {
        name: "rest_authenticated_64".to_owned(),
        anchor: "rest_random_64".to_owned(),
        address: asking.node.address,
        posts: Arc::new(asking.singles()?),
        connections: 64,
    }));
    scenarios.push(rest("rest_hot_64".to_owned(), &hot, 64));
    scenarios.push(rest(format!("rest_batch_{PER_BATCH}"), &batches, 8));
    let mut measured = alternate(machine, plan, scenarios).await?;
    measured.extend(best_of(&measured, pgbench::EACH, pgbench::BEST));
    measured.extend(best_of(&measured, "rest_random_", "rest_random"));
    node.stop().await?;
    asking.node.stop().await?;
    Ok(measured)
}

/// A node that asks callers who they are, and a key of one who may post.
struct Asking {
    population: Population,
    node: Node,
    authorization: HeaderValue,
}

impl Asking {
    async fn start(machine: &mut Machine) -> Result<Self, BenchError> {
        let url = machine.new_database().await?;
        let population = funded(machine, &url).await?;
        let authorization = HeaderValue::from_str(&format!("Bearer {}", key(&url).await?))?;
        let master_key = new_master_key()?;
        let settings = [
            ("DAYBOOK__AUTH__MODE", "required"),
            ("DAYBOOK__AUTH__MASTER_KEY", master_key.as_str()),
        ];
        let node = Node::start(&Site::new(machine, &url), "api", &settings).await?;
        let asking = Self {
            population,
            node,
            authorization,
        };
        let known = |posts: Posts| asking.known(posts);
        warm_up_as(&asking.population, &asking.node, known).await?;
        Ok(asking)
    }

    fn singles(&self) -> Result<Posts, BenchError> {
        Ok(self.known(singles(&self.population, Choice::Random)?))
    }

    fn known(&self, posts: Posts) -> Posts {
        Posts {
            authorization: Some(self.authorization.clone()),
            ..posts
        }
    }
}

/// A key of a service, which has no part in what is sealed.
async fn key(database_url: &str) -> Result<String, BenchError> {
    let database = Database::connect(database_url, 2).await?;
    let identities = Identities::new(
        database.pool().clone(),
        Arc::new(MasterKey::from_text(&new_master_key()?)?),
        Arc::new(NoDelivery),
        Arc::new(SystemClock),
        IdentitySettings {
            issuer: String::new(),
            audience: String::new(),
            access_token_lifetime: Duration::from_secs(300),
            sessions: SessionPolicies::default(),
            second_factors: Vec::new(),
        },
    );
    let new = NewMachine {
        kind: MachineKind::ApiKey,
        name: "load generator".to_owned(),
        scopes: Vec::new(),
        grants: vec![Grant {
            role: Role::Service,
            ledgers: Ledgers::All,
        }],
        expires_at: None,
    };
    let by = Subject::External(Uuid::nil());
    Ok(identities.make_machine(new, by).await?.secret.to_string())
}

/// A node over a new database with funded wallets.
pub async fn start(machine: &mut Machine) -> Result<(Population, Node), BenchError> {
    let url = machine.new_database().await?;
    let population = funded(machine, &url).await?;
    let node = Node::start(&Site::new(machine, &url), "api", &[]).await?;
    warm_up(&population, &node).await?;
    Ok((population, node))
}

/// Funded wallets in a new database.
async fn funded(machine: &Machine, url: &str) -> Result<Population, BenchError> {
    let database = machine.migrated(url).await?;
    let population = Population::alone(&database, WALLETS).await?;
    population.stop().await;
    // No projector runs, and the node has to load the wallets from somewhere.
    runner::prepare(&database).await?;
    rebuild(&database, ReadModelName::Accounts, &mut |_| {}).await?;
    Ok(population)
}

/// Touches every wallet once: what a node does in its first seconds is another question.
pub async fn warm_up(population: &Population, node: &Node) -> Result<(), BenchError> {
    warm_up_as(population, node, |posts| posts).await
}

async fn warm_up_as(
    population: &Population,
    node: &Node,
    known: impl Fn(Posts) -> Posts,
) -> Result<(), BenchError> {
    for wallets in population.wallets.chunks(2 * PER_BATCH) {
        let pairs: Vec<_> = wallets
            .chunks_exact(2)
            .map(|two| (two[0], two[1]))
            .collect();
        let posts = Posts {
            bodies: vec![batch(&pairs).into()],
            ..batches(population, 0)?
        };
        Poster::connect(node.address, Arc::new(known(posts)))
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
        authorization: None,
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
        authorization: None,
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
