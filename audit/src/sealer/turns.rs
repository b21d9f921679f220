//! One sealing for all who ask at once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ledger_core::LedgerName;

use super::SealError;
use crate::store::StoredCheckpoint;

/// By ledger, who is sealing it and who waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<LedgerName, Arc<Turn>>>>);

#[derive(Debug, Default)]
struct Turn {
    /// Grows with every question and every sealing, and says what came first.
    clock: AtomicU64,
    /// When the last sealing that succeeded began, and what came of it. Held by whoever seals.
    last: tokio::sync::Mutex<Option<(u64, StoredCheckpoint)>>,
}

impl Turns {
    /// The result of a sealing that began after this was called: somebody else's, if there is one, else that of
    /// `seal`. One that failed is not shared; the next who waits tries again.
    pub(super) async fn share<F>(
        &self,
        ledger: LedgerName,
        seal: impl FnOnce() -> F,
    ) -> Result<StoredCheckpoint, SealError>
    where
        F: Future<Output = Result<StoredCheckpoint, SealError>>,
    {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(ledger).or_default())
        };
        let asked = turn.clock.fetch_add(1, Ordering::SeqCst);
        let mut last = turn.last.lock().await;
        if let Some((began, sealed)) = &*last
            && *began > asked
        {
            return Ok(sealed.clone());
        }
        let began = turn.clock.fetch_add(1, Ordering::SeqCst);
        let sealed = seal().await?;
        *last = Some((began, sealed.clone()));
        Ok(sealed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use chrono::Utc;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::checkpoint::Head;
    use crate::keys::LogKey;

    fn sealed(size: u64) -> StoredCheckpoint {
        let head = Head {
            origin: "a/b".to_owned(),
            size,
            root: [0; 32],
            recorded_at: None,
        };
        let key = LogKey::generate("a/b").unwrap();
        StoredCheckpoint {
            checkpoint: head.sign(&key).unwrap().parse().unwrap(),
            key_number: 1,
            number: 1,
            sealed_at: Utc::now(),
        }
    }

    /// Whoever asks while a sealing runs may have written what that one does not know of.
    #[tokio::test]
    async fn those_who_ask_at_once_share_a_sealing_that_began_after_them() {
        let ledger: LedgerName = "main".parse().unwrap();
        let turns = Turns::default();
        let begun = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Semaphore::new(0));
        let ask = || {
            let (turns, begun, gate) = (turns.clone(), Arc::clone(&begun), Arc::clone(&gate));
            tokio::spawn(async move {
                let seal = || async {
                    let number = begun.fetch_add(1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    Ok(sealed(u64::try_from(number).unwrap()))
                };
                turns
                    .share(ledger, seal)
                    .await
                    .unwrap()
                    .checkpoint
                    .head
                    .size
            })
        };
        let first = ask();
        while begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (0..20).map(|_| ask()).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);
        assert_eq!(first.await.unwrap(), 0);
        for other in others {
            assert_eq!(other.await.unwrap(), 1, "the one that had begun before");
        }
        assert_eq!(begun.load(Ordering::SeqCst), 2);
        gate.add_permits(1);
        assert_eq!(ask().await.unwrap(), 2, "a later one is a new one");
    }
}
