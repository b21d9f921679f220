//! What is measured, in groups that share their data.

mod audit;
mod cold;
mod engine;
mod history;
mod nodes;
mod rest;
mod slow_disk;
mod sustained;
mod time_axes;
mod webhooks;

use std::future::Future;
use std::pin::Pin;

use crate::measure::Measured;
use crate::{BenchError, Machine, Plan};

type GroupRun<'a> = Pin<Box<dyn Future<Output = Result<Vec<Measured>, BenchError>> + 'a>>;

/// Scenarios that are measured together.
pub struct Group {
    /// What it is asked for by.
    pub name: &'static str,
    /// What it measures.
    pub about: &'static str,
    /// Measures it.
    pub run: for<'a> fn(&'a mut Machine, &'a Plan) -> GroupRun<'a>,
}

/// All groups, in the order they are measured.
pub const GROUPS: &[Group] = &[
    Group {
        name: "engine",
        about: "the executor in this process, bare inserts and stock cqrs-es",
        run: |machine, plan| Box::pin(engine::run(machine, plan)),
    },
    Group {
        name: "rest",
        about: "a node over REST, and pgbench",
        run: |machine, plan| Box::pin(rest::run(machine, plan)),
    },
    Group {
        name: "webhooks",
        about: "webhooks of a payment provider, verified and stored",
        run: |machine, plan| Box::pin(webhooks::run(machine, plan)),
    },
    Group {
        name: "nodes",
        about: "two whole nodes on one database behind one address, and one",
        run: |machine, plan| Box::pin(nodes::run(machine, plan)),
    },
    Group {
        name: "slow_disk",
        about: "every flush a millisecond slower",
        run: |machine, plan| Box::pin(slow_disk::run(machine, plan)),
    },
    Group {
        name: "sustained",
        about: "the pace at which the read models and the relay keep up",
        run: |machine, plan| Box::pin(sustained::run(machine, plan)),
    },
    Group {
        name: "history",
        about: "rebuilding every read model from a long log, and replaying it",
        run: |machine, plan| Box::pin(history::run(machine, plan)),
    },
    Group {
        name: "audit",
        about: "sealing, proofs, exports and their check",
        run: |machine, plan| Box::pin(audit::run(machine, plan)),
    },
    Group {
        name: "cold",
        about: "many more wallets than fit the cache, on a long log",
        run: |machine, plan| Box::pin(cold::run(machine, plan)),
    },
    Group {
        name: "time_axes",
        about: "balances and statements at random times, as known at random positions",
        run: |machine, plan| Box::pin(time_axes::run(machine, plan)),
    },
];
