//! What a live client begins with, from the accounts read model.

use async_trait::async_trait;
use ledger_core::{AccountId, Holder, LedgerName};
use projections::Queries;
use projections::queries::accounts::{AccountRow, Available};
use projections::queries::{AsOf, QueryError};
use realtime_bridge::{Snapshot, SnapshotError, SnapshotSource};
use schemas::{AccountBalance, Channel};

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
        if !self
            .queries
            .holder_exists(ledger, holder)
            .await
            .map_err(unavailable)?
        {
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
