//! Adding new events to a ledger's tree.

use ledger_core::LedgerName;

use super::fault::tampered;
use super::{SealError, Sealer, leaf_of};
use crate::store::{SealedTree, begin};
use crate::tree::FullTile;

/// Events read at a time: as many as a processor's cache holds.
const PAGE: u64 = 500;
/// Events added to a tree before that is committed.
const STRETCH: u64 = 100_000;
/// How often a seal begins again because another node was faster.
const ATTEMPTS: u32 = 20;

impl Sealer {
    /// Moves the seal to `target`, or finds it beyond; how far it is.
    pub(super) async fn advance(&self, ledger: LedgerName, target: u64) -> Result<u64, SealError> {
        self.master_keys()?;
        begin(self.store.pool(), ledger).await?;
        for _ in 0..ATTEMPTS {
            // In this order: what is signed is sealed before, so that of another node's new checkpoint the tree
            // is known as well.
            let latest = self.store.latest(ledger).await?;
            let mut sealed = self.store.sealed(ledger).await?;
            self.check_sealed(ledger, &sealed, latest).await?;
            loop {
                if sealed.tree.size() >= target {
                    return Ok(sealed.tree.size());
                }
                let until = target.min(sealed.tree.size() + STRETCH);
                let (next, tiles) = self.grown(ledger, &sealed, until).await?;
                if !self.store.advance(ledger, &sealed, &next, &tiles).await? {
                    break;
                }
                sealed = next;
            }
        }
        Err(SealError::Contended(ledger))
    }

    /// The tree with the events up to and with `until`.
    async fn grown(
        &self,
        ledger: LedgerName,
        sealed: &SealedTree,
        until: u64,
    ) -> Result<(SealedTree, Vec<FullTile>), SealError> {
        let (mut tree, mut tiles) = (sealed.tree.clone(), Vec::new());
        let mut leaf = Vec::new();
        while tree.size() < until {
            let (size, end) = (tree.size(), until.min(tree.size() + PAGE));
            let page = self.page(ledger, size, end).await?;
            if page.count()? == 0 {
                let missing = i64::try_from(size).unwrap_or(i64::MAX) + 1;
                let what = "an event before the end of the log is missing";
                return Err(tampered(ledger, Some(missing), what));
            }
            for event in page.events() {
                tree.push(leaf_of(ledger, &event?, &mut leaf)?, &mut |tile| {
                    tiles.push(tile);
                });
            }
        }
        let root = tree.root()?;
        Ok((SealedTree { tree, root }, tiles))
    }
}
