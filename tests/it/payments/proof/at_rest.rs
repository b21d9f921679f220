//! What has to hold when everything has come to rest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::gateways::LEDGER;
use super::reckoning::{self, Balances, Owners, minor};
use super::{GIVEN, PATIENCE, Proof, text};

impl Proof {
    /// Waits until every wallet holds what the gateways say.
    pub(super) async fn wallets_hold_what_is_theirs(&self, owners: &Owners) {
        let begun = Instant::now();
        loop {
            self.let_time_pass().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            let payouts = reckoning::payouts(self.pool()).await;
            let mut expected = reckoning::expected(&self.gateways, owners, &payouts);
            for (wallet, _) in &self.wallets {
                *expected.entry(wallet.clone()).or_default() += minor(GIVEN);
            }
            let found = self.balances().await;
            let of = |wallet: &String| found.get(&format!("wallet:{wallet}")).copied();
            let short: Balances = expected
                .iter()
                .filter(|(wallet, balance)| of(wallet) != Some(**balance))
                .map(|(wallet, balance)| (wallet.clone(), balance - of(wallet).unwrap_or_default()))
                .collect();
            if short.is_empty() {
                return;
            }
            let seed = self.seed;
            assert!(
                begun.elapsed() < PATIENCE,
                "seed {seed}: wallets are short of {short:?}"
            );
        }
    }

    /// Waits until gateways have answered everything that is asked of them once.
    pub(super) async fn nothing_is_asked(&self) {
        let begun = Instant::now();
        loop {
            self.let_time_pass().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            let asked: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM graphile_worker._private_jobs AS job \
                 JOIN graphile_worker._private_tasks AS task ON task.id = job.task_id \
                 WHERE job.key IS NOT NULL AND job.attempts < job.max_attempts AND task.identifier IN \
                     ('open_checkout', 'execute_refund', 'submit_payout')",
            )
            .fetch_one(self.pool())
            .await
            .unwrap();
            if asked == 0 {
                return;
            }
            let (seed, failures) = (self.seed, self.failures().await);
            assert!(
                begun.elapsed() < PATIENCE,
                "seed {seed}: {asked}, {failures:?}"
            );
        }
    }

    /// The gateways settle, and what is left in their clearing accounts is what they still owe.
    pub(super) async fn clearing_holds_what_is_owed(&self) {
        // Reports are read when they cannot change any more.
        let day = chrono::Utc::now().date_naive() - chrono::Days::new(3);
        for (_, gateway) in self.gateways.all() {
            gateway.settle(day);
        }
        // Days that were over before are read again when a node starts.
        self.nodes.stop().await;
        tokio::join!(self.nodes.start(0), self.nodes.start(1));
        let begun = Instant::now();
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let found = self.balances().await;
            let differing = self.clearing(&found);
            if differing.is_empty() {
                return;
            }
            let seed = self.seed;
            let failures = self.failures().await;
            assert!(
                begun.elapsed() < PATIENCE,
                "seed {seed}: clearing and owed: {differing:?}, {failures:?}"
            );
        }
    }

    /// Where the clearing accounts differ from what the gateways owe.
    pub(super) fn clearing(&self, found: &Balances) -> BTreeMap<String, (i128, i128)> {
        let mut differing = BTreeMap::new();
        for (provider, gateway) in self.gateways.all() {
            let owed = gateway.books().owed.get("INR").copied().unwrap_or_default();
            let owed = i128::from(owed);
            let of = |account: &str| {
                let name = format!("system:{account}.{provider}");
                found.get(&name).copied().unwrap_or_default()
            };
            let ours = of("gateway_clearing");
            if ours != owed {
                differing.insert(provider.to_owned(), (ours, owed));
            }
        }
        differing
    }

    /// All balances by holder, at the end of the log, in paise.
    pub(super) async fn balances(&self) -> Balances {
        let head: i64 =
            sqlx::query_scalar("SELECT position FROM daybook.ledger_head WHERE ledger = $1")
                .bind(LEDGER)
                .fetch_one(self.pool())
                .await
                .unwrap();
        let (status, accounts) = self
            .nodes
            .get(&format!("/accounts?limit=200&min_position={head}"))
            .await;
        assert_eq!(status, 200, "{accounts}");
        let items = accounts["items"].as_array().unwrap();
        items
            .iter()
            .map(|account| (text(account, "holder"), minor(&text(account, "balance"))))
            .collect()
    }

    /// Whatever waits for its time is due: polls, retries, ends of pages.
    pub(super) async fn let_time_pass(&self) {
        for statement in [
            "UPDATE graphile_worker._private_jobs SET run_at = now() \
             WHERE run_at > now() AND attempts < max_attempts",
            "UPDATE workflows.webhook_state SET due_at = now() WHERE status = 'waiting' AND due_at > now()",
        ] {
            sqlx::query(statement).execute(self.pool()).await.unwrap();
        }
    }

    /// What jobs fail for.
    pub(super) async fn failures(&self) -> Vec<(String, String)> {
        sqlx::query_as(
            "SELECT coalesce(key, ''), last_error FROM graphile_worker._private_jobs \
             WHERE last_error IS NOT NULL ORDER BY attempts DESC LIMIT 20",
        )
        .fetch_all(self.pool())
        .await
        .unwrap()
    }

    /// Every deposit has an end, every webhook was dealt with, and no job failed for good.
    pub(super) async fn nothing_is_stuck(&self, deposits: usize) {
        let begun = Instant::now();
        loop {
            let unsettled: Vec<(String, String, i64)> = sqlx::query_as(
                "SELECT status, coalesce(reason, ''), count(*) FROM workflows.webhook_state \
                 WHERE status IN ('parked', 'confirming', 'waiting') GROUP BY 1, 2",
            )
            .fetch_all(self.pool())
            .await
            .unwrap();
            if unsettled.is_empty() {
                break;
            }
            let failures = self.failures().await;
            assert!(
                begun.elapsed() < PATIENCE,
                "seed {}: {unsettled:?}, {failures:?}",
                self.seed
            );
            self.let_time_pass().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let dead: Vec<(String, String)> = sqlx::query_as(
            "SELECT key, coalesce(last_error, '') FROM graphile_worker._private_jobs \
             WHERE attempts >= max_attempts AND key IS NOT NULL",
        )
        .fetch_all(self.pool())
        .await
        .unwrap();
        assert_eq!(dead, [], "seed {}", self.seed);
        loop {
            let statuses: BTreeMap<String, usize> = self.statuses().await;
            let ended: usize = statuses
                .iter()
                .filter(|(status, _)| !matches!(status.as_str(), "created" | "authorized"))
                .map(|(_, count)| count)
                .sum();
            if ended >= deposits {
                return;
            }
            let seed = self.seed;
            assert!(begun.elapsed() < PATIENCE, "seed {seed}: {statuses:?}");
            self.let_time_pass().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    pub(super) async fn statuses(&self) -> BTreeMap<String, usize> {
        let mut statuses = BTreeMap::new();
        let mut next = Some(String::new());
        while let Some(cursor) = next {
            let (_, page) = self
                .nodes
                .get(&format!("/deposits?limit=200{cursor}"))
                .await;
            for deposit in page["items"].as_array().unwrap() {
                *statuses.entry(text(deposit, "status")).or_default() += 1;
            }
            next = page["next_cursor"]
                .as_str()
                .map(|cursor| format!("&cursor={cursor}"));
        }
        statuses
    }
}
