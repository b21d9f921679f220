//! Wallets that are not as they were opened, for the executor to load with their accounts.
//!
//! Nearly every wallet is open, has no overdraft, and has one event in its stream. Such a wallet has no
//! row: who has an account and is not in the table is one of them. All others have their state here, as
//! of the read model's checkpoint.

use hashbrown::{HashMap, HashSet};
use ledger_core::event::RecordedEvent;
use ledger_core::wallet::{OpenWallet, Wallet, WalletEvent};
use ledger_core::{Event, Holder, LedgerName, Sequence, Stream, WalletId};
use sqlx::PgConnection;

use crate::read_model::{Before, FoldError, Place, ROWS_IN_MEMORY, Tables};

/// The table.
pub(super) const ALTERED_WALLETS: &str = "CREATE TABLE {schema}.altered_wallets (
    ledger   text   NOT NULL,
    holder   text   NOT NULL,
    -- The last event of the wallet's stream that is in its state.
    sequence bigint NOT NULL,
    state    jsonb  NOT NULL,
    -- Finds a wallet with its accounts.
    PRIMARY KEY (holder, ledger)
)";

const RECALL: &str = "\
SELECT holder, sequence, state::text FROM {schema}.altered_wallets
WHERE ledger = $1 AND holder = ANY($2)";

const ALL: &str = "\
SELECT holder, sequence, state::text FROM {schema}.altered_wallets WHERE ledger = $1";

const WRITE: &str = "\
INSERT INTO {schema}.altered_wallets AS wallet (ledger, holder, sequence, state)
SELECT $1, change.holder, change.sequence, change.state::jsonb
FROM UNNEST($2::text[], $3::bigint[], $4::text[]) AS change (holder, sequence, state)
ON CONFLICT (holder, ledger) DO UPDATE SET sequence = EXCLUDED.sequence, state = EXCLUDED.state";

/// A wallet and the last event that is in its state.
type Known = (Wallet, Sequence);

/// The same as stored.
type Row = (String, Sequence, String);

/// A wallet that has no row.
pub(crate) fn unaltered_wallet() -> Known {
    (Wallet::Open(OpenWallet::default()), 1)
}

/// A state, as stored.
pub(super) fn read_state(state: &str) -> Result<Wallet, sqlx::Error> {
    serde_json::from_str(state).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// All rows of a ledger that a connection has folded into tables of its own.
pub(crate) async fn altered_wallets(
    connection: &mut PgConnection,
    ledger: LedgerName,
) -> Result<HashMap<Holder, Known>, sqlx::Error> {
    let statement = Tables::Temporary.sql(ALL);
    let rows = sqlx::query_as(&statement)
        .bind(ledger.as_str())
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(read_row).collect()
}

fn read_row(row: Row) -> Result<(Holder, Known), sqlx::Error> {
    let (holder, sequence, state) = row;
    let holder = holder.parse().map_err(super::undecodable)?;
    Ok((holder, (read_state(&state)?, sequence)))
}

/// What events do to the wallets of a ledger.
pub(super) struct AlteredWallets {
    before: Before,
    /// As the tables and the events after them have them.
    known: HashMap<WalletId, Known>,
    changed: HashSet<WalletId>,
}

impl AlteredWallets {
    pub(super) fn new(before: Before) -> Self {
        Self {
            before,
            known: HashMap::new(),
            changed: HashSet::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.changed.len() > ROWS_IN_MEMORY
    }

    /// Learns the states of the wallets that the events change.
    pub(super) async fn recall(
        &mut self,
        place: &mut Place<'_>,
        ledger: LedgerName,
        events: &[RecordedEvent],
    ) -> Result<(), sqlx::Error> {
        if self.before == Before::Nothing {
            return Ok(());
        }
        let asked: HashSet<String> = events
            .iter()
            .filter_map(altered_wallet)
            .map(|wallet| Holder::Wallet(wallet).to_string())
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row> = sqlx::query_as(&place.sql(RECALL))
            .bind(ledger.as_str())
            .bind(asked.into_iter().collect::<Vec<_>>())
            .fetch_all(&mut *place.connection)
            .await?;
        for row in rows {
            if let (Holder::Wallet(wallet), known) = read_row(row)? {
                self.known.insert(wallet, known);
            }
        }
        Ok(())
    }

    pub(super) fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        let (Some(wallet), Event::Wallet(event)) = (altered_wallet(recorded), &recorded.event)
        else {
            return Ok(());
        };
        let (state, sequence) = match (self.known.get(&wallet), event) {
            (Some(known), _) => known.clone(),
            (None, WalletEvent::WalletOpened { .. }) => (Wallet::Absent, 0),
            (None, _) => unaltered_wallet(),
        };
        let does_not_fit = |reason: String| FoldError::Event {
            position: recorded.position,
            reason,
        };
        if recorded.sequence != sequence + 1 {
            let found = recorded.sequence;
            return Err(does_not_fit(format!(
                "{wallet} goes from event {sequence} to {found}"
            )));
        }
        let state = state
            .evolve(event)
            .map_err(|error| does_not_fit(error.to_string()))?;
        self.known.insert(wallet, (state, recorded.sequence));
        self.changed.insert(wallet);
        Ok(())
    }

    pub(super) async fn write(
        &mut self,
        place: &mut Place<'_>,
        ledger: LedgerName,
    ) -> Result<(), sqlx::Error> {
        let (mut holders, mut sequences, mut states) = (Vec::new(), Vec::new(), Vec::new());
        for wallet in self.changed.drain() {
            let Some((state, sequence)) = self.known.get(&wallet) else {
                continue;
            };
            let state = serde_json::to_string(state);
            holders.push(Holder::Wallet(wallet).to_string());
            sequences.push(*sequence);
            states.push(state.map_err(|error| sqlx::Error::Encode(Box::new(error)))?);
        }
        if self.before == Before::InTables {
            self.known.clear();
        }
        if holders.is_empty() {
            return Ok(());
        }
        sqlx::query(&place.sql(WRITE))
            .bind(ledger.as_str())
            .bind(holders)
            .bind(sequences)
            .bind(states)
            .execute(&mut *place.connection)
            .await
            .map(|_| ())
    }
}

/// The wallet that an event gives a row, or changes the row of.
fn altered_wallet(recorded: &RecordedEvent) -> Option<WalletId> {
    match (&recorded.event, recorded.stream) {
        (Event::Wallet(WalletEvent::WalletOpened { overdraft, .. }), _) if overdraft.is_empty() => {
            None
        }
        (Event::Wallet(_), Stream::Wallet(wallet)) => Some(wallet),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::posting::{FreezeScope, Overdraft};
    use ledger_core::wallet::{OpenWallet, Wallet};

    use super::read_state;

    /// States are in the tables: another spelling needs another version of the read model.
    #[test]
    fn states_are_read_as_they_were_written() {
        let overdraft = [
            ("EUR", Overdraft::Unlimited),
            ("INR", Overdraft::UpTo("5.00".parse().unwrap())),
        ];
        let wallet = OpenWallet {
            overdraft: overdraft
                .into_iter()
                .map(|(asset, overdraft)| (asset.parse().unwrap(), overdraft))
                .collect(),
        };
        for (state, text) in [
            (
                Wallet::Open(wallet.clone()),
                r#"{"Open":{"overdraft":{"EUR":"unlimited","INR":{"up_to":"5.00"}}}}"#,
            ),
            (
                Wallet::Frozen(OpenWallet::default(), FreezeScope::Debits),
                r#"{"Frozen":[{"overdraft":{}},"debits"]}"#,
            ),
            (
                Wallet::Closed(OpenWallet::default()),
                r#"{"Closed":{"overdraft":{}}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&state).unwrap(), text);
            assert_eq!(read_state(text).unwrap(), state);
        }
    }
}
