//! What a live client begins with, from the read models of accounts, of verification cases and of onboardings.

use std::time::Duration;

use async_trait::async_trait;
use ledger_core::{AccountId, CaseId, Holder, LedgerName, OwnerId};
use projections::queries::accounts::{AccountRow, Available};
use projections::queries::verification::rows::CaseRow;
use projections::queries::{AsOf, QueryError};
use projections::{Queries, ReadModelName};
use realtime_bridge::{Snapshot, SnapshotError, SnapshotSource};
use schemas::{AccountBalance, Channel};

/// How long a read model may take to catch up before a client is told to try again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads snapshots by query.
pub(super) struct ReadModelSnapshots {
    queries: Queries,
}

impl ReadModelSnapshots {
    pub(super) const fn new(queries: Queries) -> Self {
        Self { queries }
    }

    async fn of_holder(
        &self,
        ledger: LedgerName,
        holder: Holder,
        only: Option<AccountId>,
    ) -> Result<Snapshot, SnapshotError> {
        if !self.exists(ledger, holder).await.map_err(unavailable)? {
            return Err(SnapshotError::NotFound);
        }
        let AsOf { position, value } = self
            .queries
            .accounts_of(ledger, holder)
            .await
            .map_err(unavailable)?;
        let balances = value
            .into_iter()
            .filter(|row| only.is_none_or(|account| account == row.account))
            .map(|row| balance(&row))
            .collect();
        Ok(Snapshot {
            as_of: position,
            balances,
        })
    }
}

impl ReadModelSnapshots {
    /// A case has no balances: that it is there, and where it is told on from.
    async fn of_case(&self, ledger: LedgerName, case: CaseId) -> Result<Snapshot, SnapshotError> {
        let mut found = self.case(ledger, case).await?;
        if found.value.is_none() {
            let cases = [ReadModelName::Verification];
            let caught_up = self.queries.catch_up(ledger, &cases, PATIENCE).await;
            caught_up.map_err(unavailable)?;
            found = self.case(ledger, case).await?;
        }
        match found.value {
            Some(_) => Ok(Snapshot {
                as_of: found.position,
                balances: Vec::new(),
            }),
            None => Err(SnapshotError::NotFound),
        }
    }

    async fn case(
        &self,
        ledger: LedgerName,
        case: CaseId,
    ) -> Result<AsOf<Option<CaseRow>>, SnapshotError> {
        let found = self.queries.verification_case(ledger, case).await;
        found.map_err(unavailable)
    }

    /// Like a case it has no balances.
    async fn of_onboarding(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<Snapshot, SnapshotError> {
        let mut found = self.queries.onboarding(ledger, owner).await;
        if matches!(&found, Ok(found) if found.value.is_none()) {
            let onboardings = [ReadModelName::Onboardings];
            let caught_up = self.queries.catch_up(ledger, &onboardings, PATIENCE).await;
            caught_up.map_err(unavailable)?;
            found = self.queries.onboarding(ledger, owner).await;
        }
        let found = found.map_err(unavailable)?;
        match found.value {
            Some(_) => Ok(Snapshot {
                as_of: found.position,
                balances: Vec::new(),
            }),
            None => Err(SnapshotError::NotFound),
        }
    }

    /// Whoever opens a wallet and watches it at once may be faster than the read model: that a holder
    /// does not exist is said only of a read model that has caught up with the log as it was.
    async fn exists(&self, ledger: LedgerName, holder: Holder) -> Result<bool, QueryError> {
        if self.queries.holder_exists(ledger, holder).await? {
            return Ok(true);
        }
        match self
            .queries
            .catch_up(ledger, &[ReadModelName::Wallets], PATIENCE)
            .await
        {
            Err(QueryError::LedgerNotFound { .. }) => return Ok(false),
            caught_up => caught_up?,
        }
        self.queries.holder_exists(ledger, holder).await
    }
}

#[async_trait]
impl SnapshotSource for ReadModelSnapshots {
    async fn snapshot(
        &self,
        ledger: LedgerName,
        channel: &Channel,
    ) -> Result<Snapshot, SnapshotError> {
        match channel {
            Channel::Ledger => Err(SnapshotError::NotFound),
            Channel::Wallet(wallet) => self.of_holder(ledger, Holder::Wallet(*wallet), None).await,
            Channel::Case(case) => self.of_case(ledger, *case).await,
            Channel::Onboarding(owner) => self.of_onboarding(ledger, owner).await,
            Channel::Account(account) => {
                self.of_holder(ledger, account.holder, Some(*account)).await
            }
        }
    }
}

fn balance(row: &AccountRow) -> AccountBalance {
    let text = |value| row.asset.amount_text(value);
    let pending = row.totals.pending_debits.value();
    AccountBalance {
        account: row.account,
        posted_debits: text(row.totals.posted.debits.value()),
        posted_credits: text(row.totals.posted.credits.value()),
        pending_debits: text(pending),
        balance: text(row.balance),
        available: text(match row.available {
            Available::Amount(amount) => amount,
            Available::Unlimited => row.balance - pending,
        }),
    }
}

fn unavailable(error: QueryError) -> SnapshotError {
    SnapshotError::Unavailable(Box::new(error))
}
