//! Verifying finds what was tampered with, and names it.

use ledger_core::LedgerName;
use projections::ReadModelName;
use projections::verify::{Difference, VerifyError, verify};
use sqlx::{Connection, Executor, PgConnection};

use super::history::History;

/// A settled history whose projectors stand still, and somebody who may do anything.
struct Crime {
    history: History,
    superuser: PgConnection,
}

impl Crime {
    async fn prepare() -> Self {
        let mut history = History::begin().await;
        history.node.stop_projectors().await;
        let mut superuser = history.test.superuser().await;
        superuser
            .execute("SET session_replication_role = replica")
            .await
            .unwrap();
        Self { history, superuser }
    }

    const fn ledger(&self) -> LedgerName {
        self.history.node.ledger
    }

    async fn verify(&self) -> Result<(), Difference> {
        match verify(&self.history.node.database, self.ledger(), &mut |_| {}).await {
            Ok(_) => Ok(()),
            Err(VerifyError::Difference(difference)) => Err(*difference),
            Err(error) => panic!("{error}: {error:?}"),
        }
    }

    /// Tampers, verifies, and undoes it by way of a copy of the table.
    async fn commit(&mut self, table: &str, tamper: &str) -> Difference {
        let copy = format!(
            "DROP TABLE IF EXISTS pg_temp.copy; CREATE TEMP TABLE copy AS SELECT * FROM {table}"
        );
        self.superuser.execute(copy.as_str()).await.unwrap();
        self.superuser.execute(tamper).await.unwrap();
        let found = self.verify().await;
        let back = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM copy");
        self.superuser.execute(back.as_str()).await.unwrap();
        let Err(difference) = found else {
            panic!("not found: {tamper}");
        };
        difference
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_ledger_is_verified() {
    let history = History::begin().await;
    let (database, ledger) = (&history.node.database, history.node.ledger);
    let verified = verify(database, ledger, &mut |_| {}).await.unwrap();
    assert_eq!(verified.position, history.node.bench.head().await);
    let mut transactions: Vec<_> = history.moves.iter().map(|one| one.transaction).collect();
    transactions.dedup();
    assert_eq!(
        verified.transactions,
        u64::try_from(transactions.len()).unwrap()
    );
    assert_eq!(verified.accounts, history.totals(|_| true).len());
    assert_eq!(verified.read_models, ReadModelName::ALL.len());
    let nowhere = verify(database, "nowhere".parse().unwrap(), &mut |_| {}).await;
    assert!(matches!(nowhere, Err(VerifyError::LedgerNotFound(_))));
}

/// A change of every table of every read model.
const CHANGES: [(ReadModelName, &str, &str); 25] = [
    (
        ReadModelName::Ledgers,
        "ledgers",
        "opened_at = opened_at + interval '1 microsecond'",
    ),
    (ReadModelName::Ledgers, "assets", "scale = scale + 1"),
    (
        ReadModelName::Ledgers,
        "system_accounts",
        "normal_side = 'neither'",
    ),
    (
        ReadModelName::Accounts,
        "accounts",
        "posted_debits = posted_debits + 0.01",
    ),
    (
        ReadModelName::Accounts,
        "accounts",
        "pending_debits = pending_debits + 0.01",
    ),
    (
        ReadModelName::Accounts,
        "accounts",
        "transactions = transactions + 1",
    ),
    (
        ReadModelName::Accounts,
        "altered_wallets",
        "state = '{\"Open\": {\"overdraft\": {\"INR\": \"unlimited\"}}}'",
    ),
    (
        ReadModelName::Statements,
        "entries",
        "credits = credits - 0.01",
    ),
    (
        ReadModelName::Statements,
        "entries",
        "account_key = gen_random_uuid()",
    ),
    (
        ReadModelName::Statements,
        "dated_entries",
        "amount = amount - 0.01",
    ),
    (
        ReadModelName::Statements,
        "dated_entries",
        "effective_at = effective_at + interval '1 microsecond'",
    ),
    (
        ReadModelName::Statements,
        "entry_accounts",
        "asset = 'LOOT'",
    ),
    (
        ReadModelName::Transactions,
        "transactions",
        "reference = 'none of your business'",
    ),
    (
        ReadModelName::Transactions,
        "transactions",
        "effective_at = effective_at - interval '1 microsecond'",
    ),
    (ReadModelName::Holds, "holds", "remaining = remaining + 1"),
    (
        ReadModelName::Wallets,
        "wallets",
        "reason = 'none of your business'",
    ),
    (
        ReadModelName::Wallets,
        "wallet_overdrafts",
        "up_to = 1000000",
    ),
    (
        ReadModelName::Wallets,
        "owners",
        "counted_again = counted_again + 1",
    ),
    (ReadModelName::Activity, "activity", "count = count - 1"),
    (ReadModelName::Payments, "payments", "wallet = NULL"),
    (
        ReadModelName::Payments,
        "payments",
        "document = replace(document, '100.00', '900.00')",
    ),
    (
        ReadModelName::Payments,
        "beneficiaries",
        "document = replace(document, '4321', '1234')",
    ),
    (
        ReadModelName::Payments,
        "settlements",
        "status = 'reconciled'",
    ),
    (
        ReadModelName::Payments,
        "settlement_breaks",
        "status = 'resolved'",
    ),
    (
        ReadModelName::Payments,
        "provider_days",
        "count = count + 1",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_lost_or_added_is_named() {
    let mut crime = Crime::prepare().await;
    for (read_model, table, change) in CHANGES {
        let full = format!("read_models.{table}");
        let one = format!("WHERE ctid = (SELECT ctid FROM {full} ORDER BY ctid LIMIT 1)");
        let tampers = [
            (format!("UPDATE {full} SET {change} {one}"), true, true),
            (format!("DELETE FROM {full} {one}"), true, false),
        ];
        for (tamper, is_expected, is_found) in tampers {
            let difference = crime.commit(&full, &tamper).await;
            let text = difference.to_string();
            let Difference::ReadModel {
                ledger,
                read_model: named,
                table: at,
                expected,
                found,
            } = difference
            else {
                panic!("{tamper}: {text}");
            };
            assert_eq!(
                (ledger, named, at),
                (crime.ledger(), read_model, table),
                "{tamper}"
            );
            assert_eq!(
                (expected.is_some(), found.is_some()),
                (is_expected, is_found),
                "{tamper}"
            );
            assert!(
                text.contains(&format!("read model {read_model}, table {table}")),
                "{text}"
            );
        }
    }
    let added = "INSERT INTO read_models.accounts VALUES \
                 (gen_random_uuid(), 'main', 'system:loot', 'INR', 0, 1, 0, 1, 1, NULL, 1)";
    let text = crime
        .commit("read_models.accounts", added)
        .await
        .to_string();
    assert!(
        text.contains("expected no such row") && text.contains("system:loot"),
        "{text}"
    );
    crime.verify().await.unwrap();
}

/// The event with this text in its payload, the first of them.
fn event_with(text: &str) -> String {
    format!(
        "(SELECT position FROM daybook.events WHERE ledger = 'main' AND payload::text LIKE '%{text}%' \
          ORDER BY position LIMIT 1)"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_changed_is_named() {
    let mut crime = Crime::prepare().await;
    let deposit = event_with("1000.00");
    let payload = |change: &str, at: &str| {
        format!(
            "UPDATE daybook.events SET payload = ({change})::json WHERE ledger = 'main' AND position = {at}"
        )
    };
    let amount = payload("replace(payload::text, '1000.00', '1000.01')", &deposit);
    let difference = crime.commit("daybook.events", &amount).await;
    assert!(
        matches!(&difference, Difference::ReadModel { read_model: ReadModelName::Accounts, expected: Some(row), .. } if row.contains("1000.01") || row.contains("1051.01")),
        "{difference}"
    );
    let negative = payload("replace(payload::text, '1000.00', '-1000.00')", &deposit);
    let difference = crime.commit("daybook.events", &negative).await;
    assert!(matches!(difference, Difference::Log { .. }), "{difference}");
    assert!(
        difference
            .to_string()
            .contains("position 8 cannot be decoded"),
        "{difference}"
    );
    let own = payload(
        "regexp_replace(payload::text, 'system:cash', 'wallet:' || (SELECT aggregate_id FROM daybook.events WHERE position = 4))",
        &deposit,
    );
    let difference = crime.commit("daybook.events", &own).await;
    assert!(
        matches!(difference, Difference::Unbalanced { .. }),
        "{difference}"
    );
    let relabelled =
        format!("UPDATE daybook.events SET event_version = '2' WHERE position = {deposit}");
    let difference = crime.commit("daybook.events", &relabelled).await;
    assert!(matches!(difference, Difference::Log { .. }), "{difference}");
    let metadata =
        format!("UPDATE daybook.events SET metadata = '{{}}' WHERE position = {deposit}");
    let difference = crime.commit("daybook.events", &metadata).await;
    assert!(
        difference.to_string().contains("metadata at position 8"),
        "{difference}"
    );
    let later = format!(
        "UPDATE daybook.events SET recorded_at = recorded_at + interval '1 year' WHERE position = {deposit}"
    );
    let difference = crime.commit("daybook.events", &later).await;
    assert!(
        matches!(difference, Difference::Time { position, .. } if position.value() == 9),
        "{difference}"
    );
    let sequence = format!("UPDATE daybook.events SET sequence = 7 WHERE position = {deposit}");
    let difference = crime.commit("daybook.events", &sequence).await;
    assert!(
        matches!(difference, Difference::Book { .. }),
        "{difference}"
    );
    assert!(
        difference.to_string().contains("from sequence 0 to 7"),
        "{difference}"
    );
    crime.verify().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_lost_or_moved_is_named() {
    let mut crime = Crime::prepare().await;
    let head = crime.history.node.bench.head().await.value();
    let lost = "DELETE FROM daybook.events WHERE position = 12";
    let text = crime.commit("daybook.events", lost).await.to_string();
    assert!(
        text.contains("position 12 is missing") && text.contains("13 follows"),
        "{text}"
    );
    let first = "DELETE FROM daybook.events WHERE position = 1";
    let difference = crime.commit("daybook.events", first).await;
    assert!(matches!(difference, Difference::Log { .. }), "{difference}");
    let last = format!("DELETE FROM daybook.events WHERE position = {head}");
    let difference = crime.commit("daybook.events", &last).await;
    assert!(
        matches!(difference, Difference::Head { .. }),
        "{difference}"
    );
    for (one, other) in [(4, 5), (8, 9), (9, 20), (12, 13)] {
        let swap = format!(
            "UPDATE daybook.events SET position = 1000000 WHERE position = {one}; \
             UPDATE daybook.events SET position = {one} WHERE position = {other}; \
             UPDATE daybook.events SET position = {other} WHERE position = 1000000"
        );
        let difference = crime.commit("daybook.events", &swap).await;
        let named = match difference {
            Difference::Time { .. } | Difference::Book { .. } => true,
            Difference::ReadModel { .. } => one == 4,
            _ => false,
        };
        assert!(named, "{one} and {other}: {difference}");
    }
    let payloads = "UPDATE daybook.events AS event SET payload = other.payload FROM daybook.events AS other \
         WHERE (event.position, other.position) IN ((8, 10), (10, 8))";
    let difference = crime.commit("daybook.events", payloads).await;
    assert!(
        matches!(difference, Difference::ReadModel { .. }),
        "{difference}"
    );
    for change in ["position + 1", "position - 1"] {
        let moved =
            format!("UPDATE daybook.ledger_head SET position = {change} WHERE ledger = 'main'");
        let difference = crime.commit("daybook.ledger_head", &moved).await;
        assert!(
            matches!(difference, Difference::Head { .. }),
            "{difference}"
        );
    }
    crime.verify().await.unwrap();
}

/// Inserts a copy of an event at the end of the log and moves the head along.
fn repeat(source: &str, aggregate_id: &str, sequence: i64) -> String {
    format!(
        "WITH head AS (UPDATE daybook.ledger_head SET position = position + 1 WHERE ledger = 'main' \
                       RETURNING position, recorded_at) \
         INSERT INTO daybook.events SELECT event.ledger, head.position, event.aggregate_type, \
             {aggregate_id}, {sequence}, event.event_type, event.event_version, event.payload, \
             event.metadata, head.recorded_at FROM daybook.events AS event, head \
         WHERE event.position = {source}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_added_is_named() {
    let mut crime = Crime::prepare().await;
    let reverted = event_with("TransactionReverted");
    let voided = event_with("HoldVoided");
    let cases = [
        // Turned round a second time.
        (
            repeat(&reverted, "event.aggregate_id", 3),
            "is reverted a second time",
        ),
        // Turned round though nobody ever posted it.
        (
            repeat(&reverted, "gen_random_uuid()::text", 2),
            "was never posted",
        ),
        (repeat(&voided, "event.aggregate_id", 3), "cannot be kept"),
        (
            repeat(&voided, "gen_random_uuid()::text", 1),
            "cannot be kept",
        ),
        // In nobody's wallet.
        (
            repeat(&event_with("1000.00"), "gen_random_uuid()::text", 1),
            "read model accounts",
        ),
    ];
    for (tamper, named) in cases {
        let head = "DROP TABLE IF EXISTS pg_temp.head; CREATE TEMP TABLE head AS SELECT * FROM daybook.ledger_head; \
                    DROP TABLE IF EXISTS pg_temp.checkpoints; CREATE TEMP TABLE checkpoints AS SELECT * FROM read_models.checkpoint; \
                    UPDATE read_models.checkpoint SET position = position + 1";
        crime.superuser.execute(head).await.unwrap();
        let difference = crime.commit("daybook.events", &tamper).await;
        assert!(
            difference.to_string().contains(named),
            "{tamper}: {difference}"
        );
        let back = "DELETE FROM daybook.ledger_head; INSERT INTO daybook.ledger_head SELECT * FROM head; \
                    DELETE FROM read_models.checkpoint; INSERT INTO read_models.checkpoint SELECT * FROM checkpoints";
        crime.superuser.execute(back).await.unwrap();
    }
    crime.verify().await.unwrap();
}

/// Events up to a checkpoint that is too high would be skipped once they are written.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_was_moved_is_named() {
    let mut crime = Crime::prepare().await;
    // Of a read model without rows it makes no difference how far it has come.
    let empty = [ReadModelName::Verification, ReadModelName::Onboardings];
    for name in ReadModelName::ALL {
        for (change, is_beyond) in [("position + 100", true), ("1", false)] {
            if !is_beyond && empty.contains(&name) {
                continue;
            }
            let moved = format!(
                "UPDATE read_models.checkpoint SET position = {change} WHERE read_model = '{name}'"
            );
            let difference = crime.commit("read_models.checkpoint", &moved).await;
            let text = difference.to_string();
            match difference {
                Difference::Checkpoint { read_model, .. } if is_beyond => {
                    assert_eq!(read_model, name)
                }
                Difference::ReadModel { read_model, .. } if !is_beyond => {
                    assert_eq!(read_model, name)
                }
                _ => panic!("{text}"),
            }
        }
    }
    crime.superuser.close().await.unwrap();
}
