//! Asking witnesses to cosign a checkpoint.
//!
//! A witness that is down, or says no, keeps nothing from being sealed: what it has not cosigned has one signature
//! less, and the next checkpoint goes on from the last one that it has.

use event_store::ErrorChain;
use ledger_core::LedgerName;

use super::Sealer;
use crate::prove::ProveError;
use crate::store::{StoreError, StoredCheckpoint};
use crate::witness::{Witness, WitnessFault, request};

/// How often a witness is asked anew because it had cosigned something else than we knew of.
const ATTEMPTS: u32 = 3;

impl Sealer {
    /// Asks every witness that has not cosigned a checkpoint yet, except those in `silent`; adds those that do not
    /// answer to it.
    ///
    /// # Errors
    /// [`StoreError`]; what witnesses say is in the log.
    pub(crate) async fn ask_witnesses(
        &self,
        ledger: LedgerName,
        checkpoint: &StoredCheckpoint,
        silent: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        if self.witnesses.is_empty() || checkpoint.checkpoint.head.size == 0 {
            return Ok(());
        }
        for witness in self.witnesses.iter() {
            if silent.contains(&witness.name)
                || self
                    .store
                    .has_cosigned(ledger, checkpoint, &witness.key)
                    .await?
            {
                continue;
            }
            let Err(fault) = self.ask(ledger, checkpoint, witness).await else {
                continue;
            };
            let name = &witness.name;
            if fault.is_alarming() {
                tracing::error!(%ledger, witness = %name, error = %ErrorChain(&fault), "a witness refuses a checkpoint");
            } else {
                tracing::warn!(%ledger, witness = %name, error = %ErrorChain(&fault), "a witness has not cosigned a checkpoint");
            }
            if matches!(fault, WitnessFault::Silent(_)) {
                silent.push(name.clone());
            }
        }
        Ok(())
    }

    async fn ask(
        &self,
        ledger: LedgerName,
        checkpoint: &StoredCheckpoint,
        witness: &Witness,
    ) -> Result<(), WitnessFault> {
        let size = checkpoint.checkpoint.head.size;
        let mut old = self.store.cosigned(ledger, &witness.key).await;
        for _ in 0..ATTEMPTS {
            let from = old.map_err(ProveError::from)?;
            if from > size {
                // Of a smaller tree, a witness says nothing any more.
                return Ok(());
            }
            let proof = self.prove_consistency(ledger, from, size).await?;
            let body = request(from, &proof.path, &checkpoint.checkpoint.text);
            let answer = witness.door.add_checkpoint(body).await;
            let answer = answer.map_err(WitnessFault::Silent)?;
            match (answer.status, answer.size()) {
                (200, _) => {
                    let text = &checkpoint.checkpoint.note.text;
                    let line = witness.key.lines_of(text, &answer.body);
                    if line.is_empty() {
                        return Err(WitnessFault::Answer(200));
                    }
                    let added = self
                        .store
                        .add_cosignature(ledger, checkpoint, &witness.key, &line);
                    return Ok(added.await.map_err(ProveError::from)?);
                }
                (409, Some(there)) if there != from => {
                    let here = self.store.sealed(ledger).await.map_err(ProveError::from)?;
                    let here = here.tree.size();
                    if there > here {
                        return Err(WitnessFault::SetBack { there, here });
                    }
                    old = Ok(there);
                }
                (409, _) if from == size => return Err(WitnessFault::OtherHistory(from)),
                (422, _) => return Err(WitnessFault::OtherHistory(from)),
                (status @ (403 | 404), _) => return Err(WitnessFault::Stranger(status)),
                (status, _) => return Err(WitnessFault::Answer(status)),
            }
        }
        // Other nodes ask it at the same time, and of one of them it has cosigned.
        Ok(())
    }
}
