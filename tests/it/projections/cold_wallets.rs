//! Wallets that are loaded with their accounts, from a read model that may not know yet what has happened
//! to them.

use event_store::Database;
use event_store::executor::ExecutorSettings;
use ledger_core::posting::FreezeScope;
use ledger_core::wallet::RequestedOverdraft;
use ledger_core::{Command, WalletId};
use projections::ReadModelName;
use projections::read_model::Tables;

use super::cold_loads::forgetful;
use crate::harness::{Projected, TestDatabase, rows_of, submission, transfer};

pub(super) fn freeze(wallet: WalletId) -> Command {
    Command::FreezeWallet {
        wallet,
        scope: FreezeScope::All,
        reason: None,
    }
}

pub(super) fn unfreeze(wallet: WalletId) -> Command {
    Command::UnfreezeWallet {
        wallet,
        reason: None,
    }
}

fn set_overdraft(wallet: WalletId, overdraft: RequestedOverdraft) -> Command {
    Command::SetWalletOverdraft {
        wallet,
        asset: "INR".parse().unwrap(),
        overdraft,
    }
}

/// A node that remembers two entities, another that remembers all, and a read model that is folded by
/// hand. The wallet has an account and no money; the others have some.
struct World {
    node: Projected,
    other: Projected,
    wallet: WalletId,
    others: Vec<WalletId>,
}

impl World {
    async fn new() -> Self {
        let test = TestDatabase::create().await;
        let node = Projected::stopped(test.database.clone(), forgetful()).await;
        let database = Database::connect(&test.url, 16).await.unwrap();
        let other = Projected::stopped(database, ExecutorSettings::default()).await;
        let mut others = Vec::new();
        for _ in 0..8 {
            others.push(node.bench.funded_wallet("100.00").await);
        }
        let wallet = node.bench.funded_wallet("1.00").await;
        let world = Self {
            node,
            other,
            wallet,
            others,
        };
        assert_eq!(world.send(world.wallet, world.others[0]).await, None);
        world
    }

    /// What the forgetful node says to a transfer of a rupee: nothing, or why not.
    async fn send(&self, from: WalletId, to: WalletId) -> Option<String> {
        let sent = self
            .node
            .bench
            .submit(submission(transfer(from, to, "1.00")));
        sent.await
            .unwrap()
            .refusal()
            .map(|refusal| refusal.code.clone())
    }

    async fn ask(&self) -> Option<String> {
        self.send(self.wallet, self.others[0]).await
    }

    /// Has the node forget whatever it may.
    async fn forget(&self) {
        for pair in self.others.windows(2) {
            assert_eq!(self.send(pair[0], pair[1]).await, None);
        }
    }

    async fn change(&self, node: &Projected, change: Command) {
        let changed = node.bench.submit(submission(change)).await.unwrap();
        assert_eq!(changed.refusal(), None);
    }
}

/// Each in turn, with what is said to a transfer from the wallet after it.
fn changes(wallet: WalletId) -> [(Command, Option<&'static str>); 4] {
    [
        (set_overdraft(wallet, RequestedOverdraft::Unlimited), None),
        (freeze(wallet), Some("wallet_frozen")),
        (unfreeze(wallet), None),
        (
            set_overdraft(wallet, RequestedOverdraft::Forbidden),
            Some("insufficient_funds"),
        ),
    ]
}

/// Without a note of what happened to wallets that are not loaded, or with one that is lost when they are
/// forgotten, the node decides on the wallet as the read model has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_another_node_changes_is_never_loaded_as_it_was() {
    let world = World::new().await;
    for (change, refused) in changes(world.wallet) {
        world.node.fold_all().await;
        world.forget().await;
        world.change(&world.other, change).await;
        for _ in 0..3 {
            // Not in the read model: not when the node learns of it, nor when it could have forgotten.
            assert_eq!(world.ask().await.as_deref(), refused);
            world.forget().await;
        }
        world.node.fold_all().await;
        world.forget().await;
        assert_eq!(world.ask().await.as_deref(), refused);
    }
}

/// The same with changes of the node's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_was_changed_here_is_never_loaded_as_it_was() {
    let world = World::new().await;
    for (change, refused) in changes(world.wallet) {
        world.node.fold_all().await;
        world.forget().await;
        world.change(&world.node, change).await;
        for _ in 0..2 {
            world.forget().await;
            assert_eq!(world.ask().await.as_deref(), refused);
        }
    }
}

/// What is loaded says where the wallet's stream has come: its next event follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_loaded_from_the_read_model_can_be_changed() {
    let world = World::new().await;
    for (change, _) in changes(world.wallet) {
        world.node.fold_all().await;
        world.forget().await;
        world.change(&world.node, change).await;
    }
    world.node.fold_all().await;
    let mut connection = world.node.database.dedicated_connection().await.unwrap();
    let tables = rows_of(&mut connection, ReadModelName::Accounts, Tables::Live).await;
    let (_, altered) = tables
        .iter()
        .find(|(table, _)| *table == "altered_wallets")
        .unwrap();
    assert_eq!(altered.len(), 1, "{altered:?}");
    assert!(altered[0].contains("\"sequence\": 5"), "{altered:?}");
}
