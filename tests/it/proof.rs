//! Proof of correctness under concurrency.
//!
//! Many clients ask several `daybook serve` processes for transfers, holds, captures, voids,
//! reverts, trials and balances of a few contended wallets, while nodes are killed, paused, stopped
//! and started and PostgreSQL is restarted under them ([`chaos`]). Clients repeat what they got no
//! answer to under the same key, at whatever node, and sometimes send it to two nodes at once; some
//! have no keys and never repeat. All of it is written down ([`history`]) and judged by the log it
//! led to ([`checker`]).
//!
//! # What is proved of a run
//!
//! The ledger as a whole is *strictly serializable*, which is more than linearizable per account: a
//! transfer over several accounts is one step of one object, the ledger.
//!
//! A history is linearizable if there is **some** order of its operations that explains every
//! answer, keeps what was answered before another was called in front of it, and takes from the
//! operations without answer any, each once at most. A checker such as Wing and Gong's (Knossos,
//! Porcupine, `stateright`'s `LinearizabilityTester`) searches for such an order, in time that grows
//! exponentially with the operations that overlap. Daybook claims more: the order is **the log**,
//! and it publishes it. So nothing is searched:
//!
//! * every write stands in the log where its acknowledgement says, exactly as asked, legal in the
//!   state before it, and once; [`model`] says what is legal, independently and as simply as can be;
//! * every answer without a write, a refusal or a trial, is given an instant of the log, between two
//!   commands, at which it is right word for word, amounts included;
//! * if A was answered before B was called, A's instant is not after B's, and not the same when B
//!   wrote. Refusals get the earliest instant that is right and not before the floor set by
//!   what was answered earlier. That choice is the best one, since a later one would only raise the
//!   floors of others; so if this finds no instants, then no instants agree with this log.
//!
//! Log and instants together *are* an order as a search would look for: whatever passes here passes
//! there, checked step by step by the definition. The converse does not hold: a history that some
//! other order explains, but not the log, is reported here. The check is therefore at least as
//! strong as the search, on histories of any length, and it depends on the search for nothing, which
//! is why `stateright` is not among the dependencies. `small_histories` holds it against a
//! plain search on small histories anyway.
//!
//! Balances are snapshots, not part of that order: Daybook promises that they are true at the
//! position they name, not older than asked for, and never of a half command. That is what is
//! checked, and that no client sees time run backwards.
//!
//! # Seeds
//!
//! `DAYBOOK_PROOF_SEED` fixes what each client asks, in order and of which node, and what is broken,
//! in order; `DAYBOOK_PROOF_SECONDS` how long. How these meet in time is the machine's: a seed makes
//! a failure likely to come again, not certain.

mod bad_histories;
mod chaos;
mod checker;
mod client;
mod dice;
mod history;
mod log;
mod model;
mod nodes;
mod plan;
mod run;
mod small_histories;
mod takeover;

use std::time::Duration;

/// The short run; `./dev chaos` sets a longer one.
const SECONDS: u64 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn race_clients_and_chaos_stay_strictly_serializable() {
    let seed = number_from("DAYBOOK_PROOF_SEED").unwrap_or_else(run::any_seed);
    let seconds = number_from("DAYBOOK_PROOF_SECONDS").unwrap_or(SECONDS);
    run::run(seed, Duration::from_secs(seconds)).await;
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
    )
}
