//! What keeps checkpoints for others: it gets all of them, in order, whoever signed them and whatever broke between.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use audit::sealer::{SealSettings, Sealer};
use audit::sinks::{CheckpointFolder, CheckpointSink, SinkFault};
use audit::store::StoredCheckpoint;
use daybook::node::PersonKeys;
use event_store::LogSignal;
use ledger_core::LedgerName;
use tokio_util::sync::CancellationToken;

use super::support::Audited;
use crate::harness::servers::new_folder;

/// A sink that cannot keep every other checkpoint the first time, and remembers over restarts.
#[derive(Debug, Clone, Default)]
struct Shaky(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    numbers: Vec<i64>,
    refused: BTreeSet<i64>,
}

#[async_trait]
impl CheckpointSink for Shaky {
    fn name(&self) -> &'static str {
        "shaky"
    }

    async fn last(&self, _ledger: LedgerName) -> Result<i64, SinkFault> {
        Ok(self.0.lock().unwrap().numbers.last().copied().unwrap_or(0))
    }

    async fn keep(&self, _: LedgerName, checkpoint: &StoredCheckpoint) -> Result<(), SinkFault> {
        let mut kept = self.0.lock().unwrap();
        if checkpoint.number % 2 == 0 && kept.refused.insert(checkpoint.number) {
            return Err("no room".into());
        }
        kept.numbers.push(checkpoint.number);
        Ok(())
    }
}

/// Seals and gives away as a node does, until `is_enough`.
async fn run(audited: &Audited, sinks: Vec<Arc<dyn CheckpointSink>>, is_enough: impl Fn() -> bool) {
    let stop = CancellationToken::new();
    let signal = LogSignal::start(&audited.node.database, stop.clone());
    let settings = SealSettings {
        deployment: "ledger.example".to_owned(),
        interval: Duration::from_millis(20),
    };
    let keys = PersonKeys::Kept {
        previous: Vec::new(),
    };
    let master_keys = keys.master_keys(&audited.master_key);
    let sealer = Sealer::new(audited.node.database.pool(), master_keys, settings);
    let running = tokio::spawn(sealer.run(signal, sinks, stop.clone()));
    let enough = async {
        while !is_enough() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), enough).await;
    stop.cancel();
    running.await.unwrap();
    in_time.expect("not everything was given away");
}

/// Signs some checkpoints while nobody gives them away.
async fn seal_unheard(audited: &Audited, times: usize) {
    for _ in 0..times {
        audited.node.bench.wallet().await;
        audited.seal().await;
    }
}

async fn signed(audited: &Audited) -> Vec<StoredCheckpoint> {
    let store = audited.sealer.store();
    store
        .signed_after(audited.ledger(), 0, 1_000)
        .await
        .unwrap()
}

fn numbers(signed: &[StoredCheckpoint]) -> Vec<i64> {
    signed.iter().map(|checkpoint| checkpoint.number).collect()
}

/// The checkpoints of a folder, in order.
fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "checkpoint"))
        .collect();
    paths.sort();
    let texts = paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap());
    texts.collect()
}

fn texts(signed: &[StoredCheckpoint]) -> Vec<String> {
    signed
        .iter()
        .map(|stored| stored.checkpoint.text.clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_while_nobody_gave_it_away_is_given_in_order() {
    let audited = Audited::begin().await;
    let root = new_folder("checkpoints");
    let folder = root.join(audited.ledger().as_str());
    let shaky = Shaky::default();
    let sinks = || -> Vec<Arc<dyn CheckpointSink>> {
        vec![
            Arc::new(shaky.clone()),
            Arc::new(CheckpointFolder(root.clone())),
        ]
    };
    for _ in 0..3 {
        seal_unheard(&audited, 4).await;
        let all = signed(&audited).await;
        run(&audited, sinks(), || {
            shaky.0.lock().unwrap().numbers.len() == all.len() && files(&folder).len() == all.len()
        })
        .await;
        // Nothing twice, nothing left out, though every other one failed the first time.
        assert_eq!(shaky.0.lock().unwrap().numbers, numbers(&all));
        assert_eq!(files(&folder), texts(&all));
    }
    assert!(!shaky.0.lock().unwrap().refused.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_forgot_where_it_was_loses_nothing_and_another_history_is_not_written_over() {
    let audited = Audited::begin().await;
    let root = new_folder("checkpoints");
    let folder = root.join(audited.ledger().as_str());
    let kept: Arc<dyn CheckpointSink> = Arc::new(CheckpointFolder(root.clone()));
    seal_unheard(&audited, 3).await;
    let all = signed(&audited).await;
    run(&audited, vec![kept.clone()], || {
        files(&folder).len() == all.len()
    })
    .await;
    for damaged in ["", "x\n", "-1"] {
        std::fs::write(folder.join(".last"), damaged).unwrap();
        seal_unheard(&audited, 1).await;
        let all = signed(&audited).await;
        run(&audited, vec![kept.clone()], || {
            files(&folder).len() == all.len()
        })
        .await;
        assert_eq!(files(&folder), texts(&all), "{damaged:?}");
    }

    // Somebody else's history stands where the next one belongs: it is evidence, and the others go on.
    audited.node.bench.wallet().await;
    let other = texts(&signed(&audited).await).pop().unwrap();
    let size = audited.node.bench.head().await.value();
    let place = folder.join(format!("{size:020}-1.checkpoint"));
    std::fs::write(&place, &other).unwrap();
    audited.seal().await;
    let all = signed(&audited).await;
    let shaky = Shaky::default();
    run(&audited, vec![kept, Arc::new(shaky.clone())], || {
        shaky.0.lock().unwrap().numbers.len() == all.len()
    })
    .await;
    assert_eq!(std::fs::read_to_string(&place).unwrap(), other);
    let last = std::fs::read_to_string(folder.join(".last")).unwrap();
    assert_eq!(last.trim(), numbers(&all)[all.len() - 2].to_string());
}
