//! The executor called in this process, beside what PostgreSQL can insert at most and what stock
//! cqrs-es does with the same transfer.

use std::time::Duration;

use async_trait::async_trait;

use crate::anchors::insert::BareInsert;
use crate::anchors::stock::StockCqrs;
use crate::measure::{Measured, Round, Scenario, alternate, repeat};
use crate::population::{Choice, Population, keyed, keyed_by_id, submission};
use crate::{BenchError, Machine, Plan};

/// Wallets that transfers are between.
pub const WALLETS: usize = 10_000;

/// The idempotency key of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The id that the caller gives the transaction, a UUID of version 7.
    Id,
    /// A random text, as most clients send in the header `Idempotency-Key`.
    Text,
    /// None.
    None,
}

/// Callers that submit transfers, one submission after the other.
pub struct Engine {
    pub name: String,
    pub anchor: String,
    /// The same wallets, once per node; callers are spread over them.
    pub nodes: Vec<Population>,
    pub callers: usize,
    pub choice: Choice,
    pub transfers: usize,
    pub key: Key,
}

/// Measures the group.
pub async fn run(machine: &mut Machine, plan: &Plan) -> Result<Vec<Measured>, BenchError> {
    let database = machine.daybook_database().await?;
    let population = Population::alone(&database, WALLETS).await?;
    let limit = BareInsert::new(&database, &population, 1).await?;
    let limit_of_two = BareInsert::new(&database, &population, 2).await?;
    let (limit_name, stock) = (limit.name(), StockCqrs::new(machine).await?);
    let single = |callers, choice, key| -> Box<dyn Scenario> {
        Box::new(Engine::single(
            &population,
            &limit_name,
            callers,
            choice,
            key,
        ))
    };
    let batch = |callers, transfers| -> Box<dyn Scenario> {
        Box::new(Engine::batch(&population, &limit_name, callers, transfers))
    };
    let other = population.through_another_node(&database)?;
    other.touch().await?;
    let two_nodes = |callers| -> Box<dyn Scenario> {
        Box::new(Engine::two_nodes(&population, &other, callers))
    };
    let scenarios: Vec<Box<dyn Scenario>> = vec![
        Box::new(limit),
        single(1024, Choice::Random, Key::Id),
        single(1024, Choice::Hot, Key::Id),
        single(1024, Choice::Random, Key::Text),
        single(1024, Choice::Random, Key::None),
        two_nodes(1024),
        Box::new(limit_of_two),
        batch(4, 1000),
        batch(8, 100),
        single(64, Choice::Random, Key::Id),
        single(64, Choice::Hot, Key::Id),
        two_nodes(64),
        Box::new(stock.callers(8)),
        single(8, Choice::Random, Key::Id),
        single(8, Choice::Hot, Key::Id),
        Box::new(stock.callers(1)),
        single(1, Choice::Random, Key::Id),
        single(1, Choice::Hot, Key::Id),
    ];
    let measured = alternate(machine, plan, scenarios).await?;
    population.stop().await;
    other.stop().await;
    Ok(measured)
}

impl Engine {
    /// One transfer per submission. With few callers it is compared with as many of stock cqrs-es.
    pub fn single(
        population: &Population,
        limit: &str,
        callers: usize,
        choice: Choice,
        key: Key,
    ) -> Self {
        let chosen = choice.name();
        let kept = match key {
            Key::Id => "",
            Key::Text => "_text_key",
            Key::None => "_without_key",
        };
        let anchor = match callers {
            1 | 8 => format!("stock_cqrs_es_{callers}"),
            _ => limit.to_owned(),
        };
        Self {
            name: format!("engine_{chosen}_{callers}{kept}"),
            anchor,
            nodes: vec![population.clone()],
            callers,
            choice,
            transfers: 1,
            key,
        }
    }

    fn two_nodes(population: &Population, other: &Population, callers: usize) -> Self {
        let one = format!("engine_random_{callers}");
        Self {
            name: format!("engine_two_nodes_{callers}"),
            nodes: vec![population.clone(), other.clone()],
            ..Self::single(population, &one, callers, Choice::Random, Key::Id)
        }
    }

    fn batch(population: &Population, limit: &str, callers: usize, transfers: usize) -> Self {
        Self {
            name: format!("engine_batch_{transfers}"),
            anchor: limit.to_owned(),
            transfers,
            key: Key::Text,
            ..Self::single(population, limit, callers, Choice::Random, Key::Id)
        }
    }
}

#[async_trait]
impl Scenario for Engine {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn anchor(&self) -> Option<String> {
        Some(self.anchor.clone())
    }

    async fn prepare(&mut self) -> Result<(), BenchError> {
        // A node that has not written for a while first reads what the others wrote meanwhile.
        for node in &self.nodes {
            node.submit(submission(vec![node.transfer(self.choice)]))
                .await?;
        }
        Ok(())
    }

    async fn round(&mut self, duration: Duration) -> Result<Round, BenchError> {
        let nodes = self.nodes.clone();
        let (choice, transfers, key) = (self.choice, self.transfers, self.key);
        repeat(self.callers, duration, move |caller| {
            let population = nodes[caller % nodes.len()].clone();
            async move {
                let commands = (0..transfers).map(|_| population.transfer(choice));
                let submission = match key {
                    Key::Id => keyed_by_id(population.transfer(choice)),
                    Key::Text => keyed(commands.collect()),
                    Key::None => submission(commands.collect()),
                };
                population.submit(submission).await?;
                Ok(u64::try_from(transfers)?)
            }
        })
        .await
    }
}
