//! Turns at providers: one that answers slowly holds no more than its share of a node's jobs.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use ledger_core::ProviderName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::accounts::{Account, Accounts};
use crate::jobs::JobError;

/// How many jobs of this node may be at each provider; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    of: Arc<HashMap<ProviderName, Arc<Semaphore>>>,
}

/// An account at which a job has its turn.
#[derive(Debug)]
pub(crate) struct Turn<'a, A> {
    account: &'a A,
    _held: OwnedSemaphorePermit,
}

impl<A> Deref for Turn<'_, A> {
    type Target = A;

    fn deref(&self) -> &A {
        self.account
    }
}

impl Turns {
    /// Half of `jobs` for each provider.
    pub(crate) fn new<A: Account>(accounts: &Accounts<A>, jobs: usize) -> Self {
        let share = (jobs / 2).max(1);
        let providers = accounts.providers().into_iter();
        let of = providers.map(|provider| (provider, Arc::new(Semaphore::new(share))));
        Self {
            of: Arc::new(of.collect()),
        }
    }

    /// A turn at a provider, if there is one now: waiting for it would hold up other providers' jobs.
    pub(crate) fn take<'a, A>(
        &self,
        provider: ProviderName,
        account: &'a A,
    ) -> Result<Turn<'a, A>, JobError> {
        let busy = || JobError::Busy(provider);
        let turns = self.of.get(&provider).ok_or_else(busy)?;
        let held = Arc::clone(turns).try_acquire_owned();
        Ok(Turn {
            account,
            _held: held.map_err(|_| busy())?,
        })
    }
}
