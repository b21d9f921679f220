//! Processing what is stored.

use std::sync::Arc;

use chrono::Utc;
use connectors::gateways::{Observation, SignatureCoverage, WebhookDelivery, WebhookFacts};
use connectors::providers::WebhookContent;
use event_store::ErrorChain;
use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::WebhookSettings;
use super::content::ContentError;
use super::intake::Webhooks;
use super::names::{names_of, names_of_notice};
use super::notices::{is_of_identity, open_notice};
use super::sealing::Sealing;
use super::senders::Senders;
use super::stored::{STORED, StoredWebhook};
use super::verdicts::{Decided, Verdict, settle};
use crate::gateway_accounts::GatewayAccounts;
use crate::observer::{Heard, Hearing, Observer, Source, Trust};
use crate::payments::DISPUTE_NEEDS_A_PERSON;

/// Processes webhooks on one node.
#[derive(Debug)]
pub struct WebhookProcessor {
    senders: Senders,
    observer: Observer,
    sealing: Arc<dyn Sealing>,
    stored: Arc<Notify>,
    settings: WebhookSettings,
}

/// A webhook with its facts.
pub(crate) struct Opened {
    pub(crate) source: Source,
    pub(crate) facts: WebhookFacts,
}

impl WebhookProcessor {
    /// Processes what `webhooks` stores, here or on other nodes.
    #[must_use]
    pub fn new(webhooks: &Webhooks, observer: Observer) -> Self {
        Self {
            senders: webhooks.senders.clone(),
            observer,
            sealing: Arc::clone(&webhooks.sealing),
            stored: Arc::clone(&webhooks.stored),
            settings: webhooks.settings,
        }
    }

    /// Runs until `shutdown` is cancelled; what was begun is finished.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            match self.process_due().await {
                // There may be more.
                Ok(count) if count >= self.settings.at_a_time && !shutdown.is_cancelled() => {
                    continue;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "webhooks cannot be processed");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.stored.notified() => {}
                () = tokio::time::sleep(self.settings.interval) => {}
            }
        }
    }

    /// Tries what is due and gives how many that were.
    async fn process_due(&self) -> Result<i64, sqlx::Error> {
        let claimed = self.claim().await?;
        let count = i64::try_from(claimed.len()).unwrap_or(i64::MAX);
        let tries = claimed.into_iter().map(|webhook| self.try_once(webhook));
        let decided: Vec<Decided> = join_all(tries).await;
        // A crash before it leaves the leases, and everything is tried again with the same keys.
        settle(self.observer.pool(), &decided).await?;
        Ok(count)
    }

    /// Takes up what is due and this node has an account for; and what nobody has had one for, for so long
    /// that it is no question of when each node was given its configuration.
    async fn claim(&self) -> Result<Vec<StoredWebhook>, sqlx::Error> {
        let query = format!(
            "WITH due AS ( \
                SELECT webhook_id FROM workflows.webhook_state AS state \
                JOIN workflows.webhook ON webhook.id = state.webhook_id \
                WHERE state.status = 'waiting' AND state.due_at <= now() \
                  AND ((webhook.provider, webhook.endpoint, webhook.ledger) IN ( \
                          SELECT * FROM UNNEST($3::text[], $4::text[], $5::text[])) \
                       OR state.due_at <= now() - $6 * interval '1 millisecond') \
                ORDER BY state.due_at LIMIT $1 FOR UPDATE OF state SKIP LOCKED \
             ), state AS ( \
                UPDATE workflows.webhook_state AS taken \
                SET attempts = taken.attempts + 1, due_at = now() + $2 * interval '1 millisecond' \
                FROM due WHERE taken.webhook_id = due.webhook_id \
                RETURNING taken.webhook_id, taken.status, taken.attempts, taken.replays, \
                    taken.position \
             ) SELECT {STORED} FROM state JOIN workflows.webhook ON webhook.id = state.webhook_id"
        );
        let (mut providers, mut endpoints, mut ledgers) = (Vec::new(), Vec::new(), Vec::new());
        for (provider, endpoint, ledger) in self.senders.endpoints() {
            providers.push(provider.to_string());
            endpoints.push(endpoint);
            ledgers.push(ledger.to_string());
        }
        sqlx::query_as(&query)
            .bind(self.settings.at_a_time)
            .bind(milliseconds(self.settings.lease))
            .bind(providers)
            .bind(endpoints)
            .bind(ledgers)
            .bind(milliseconds(self.settings.unclaimed))
            .fetch_all(self.observer.pool())
            .await
    }

    async fn try_once(&self, webhook: StoredWebhook) -> Decided {
        if is_of_identity(&webhook) {
            let (verdict, names) = self.try_identity(&webhook);
            return Decided {
                webhook,
                verdict,
                names,
            };
        }
        let gateways = &self.senders.gateways;
        let opened = open(gateways, &*self.sealing, &webhook, Trust::Told);
        let (verdict, names) = match opened {
            Ok(opened) => {
                let names = names_of(&opened.facts.content);
                (self.verdict_on(&webhook, &opened).await, names)
            }
            Err(NotOpened::Here(reason)) => (self.again(&webhook, reason), Vec::new()),
            Err(NotOpened::Anywhere(reason)) => (Verdict::Park(reason.to_owned()), Vec::new()),
        };
        Decided {
            webhook,
            verdict,
            names,
        }
    }

    async fn verdict_on(&self, webhook: &StoredWebhook, opened: &Opened) -> Verdict {
        let observations = match &opened.facts.content {
            WebhookContent::OfNoConcern => {
                return Verdict::OfNoConcern;
            }
            WebhookContent::NotUnderstood { .. } => {
                return Verdict::Park("not_understood".to_owned());
            }
            WebhookContent::CannotBeConfirmed(observations) => {
                let is_dispute = |told: &Observation| matches!(told, Observation::Dispute(_));
                let reason = match observations.iter().any(is_dispute) {
                    true => DISPUTE_NEEDS_A_PERSON,
                    false => "cannot_be_confirmed",
                };
                return Verdict::Park(reason.to_owned());
            }
            WebhookContent::Observations(observations) => observations,
        };
        if opened.facts.coverage != SignatureCoverage::Everything {
            return Verdict::Confirm("signature_covers_parts".to_owned());
        }
        match self.observer.hear_all(&opened.source, observations).await {
            Ok(Heard::Applied(position)) => Verdict::Applied(position.value()),
            Ok(Heard::OfNoConcern) => Verdict::OfNoConcern,
            // The names follow the log by milliseconds; only then is the provider asked.
            Ok(Heard::NotKnown(reason)) if webhook.attempts <= 1 => self.again(webhook, reason),
            Ok(Heard::NotKnown(reason)) => Verdict::Confirm(reason.to_owned()),
            Ok(Heard::NotYet(reason)) => Verdict::Confirm(reason),
            Ok(Heard::Impossible(reason)) => Verdict::Park(reason),
            Err(error) => {
                tracing::warn!(webhook.id = %webhook.id, error = %ErrorChain(&error), "a webhook cannot be applied now");
                self.again(webhook, "unavailable")
            }
        }
    }

    /// What an identity provider's webhook tells is a reason to ask, whatever it is.
    fn try_identity(&self, webhook: &StoredWebhook) -> (Verdict, Vec<String>) {
        let opened = open_notice(&self.senders.identity, &*self.sealing, webhook);
        let notice = match opened {
            Ok(notice) => notice,
            Err(NotOpened::Here(reason)) => return (self.again(webhook, reason), Vec::new()),
            Err(NotOpened::Anywhere(reason)) => {
                return (Verdict::Park(reason.to_owned()), Vec::new());
            }
        };
        let names = names_of_notice(&notice.facts.content);
        let verdict = match notice.facts.content {
            WebhookContent::OfNoConcern => Verdict::OfNoConcern,
            WebhookContent::NotUnderstood { .. } => Verdict::Park("not_understood".to_owned()),
            WebhookContent::CannotBeConfirmed(_) => Verdict::Park("cannot_be_confirmed".to_owned()),
            WebhookContent::Observations(_) => Verdict::Confirm("provider_is_asked".to_owned()),
        };
        (verdict, names)
    }

    fn again(&self, webhook: &StoredWebhook, reason: &str) -> Verdict {
        if webhook.attempts >= self.settings.attempts {
            return Verdict::Park(reason.to_owned());
        }
        Verdict::Again(Utc::now() + self.pause(webhook.attempts), reason.to_owned())
    }

    fn pause(&self, attempts: i32) -> chrono::TimeDelta {
        let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or_default();
        let pause = self.settings.first_pause.saturating_mul(1 << doublings);
        chrono::TimeDelta::from_std(pause.min(self.settings.longest_pause)).unwrap_or_default()
    }
}

/// Why a webhook that was genuine when it came cannot be read.
pub(crate) enum NotOpened {
    /// The account, its secrets or the key are missing on this node. Another may have them.
    Here(&'static str),
    /// Nobody can read it.
    Anywhere(&'static str),
}

/// Verifies a stored webhook again and reads it.
pub(crate) fn open(
    accounts: &GatewayAccounts,
    sealing: &dyn Sealing,
    webhook: &StoredWebhook,
    trust: Trust,
) -> Result<Opened, NotOpened> {
    let (provider, ledger) = webhook.names().ok_or(NotOpened::Anywhere("not_ours"))?;
    let (_, account) = accounts
        .at(&webhook.provider, &webhook.endpoint)
        .filter(|(_, account)| account.ledger == ledger)
        .ok_or(NotOpened::Here("endpoint_not_configured"))?;
    let content = webhook.content(sealing).map_err(|error| match error {
        ContentError::Forgotten => NotOpened::Anywhere("forgotten"),
        ContentError::Sealed(_) => NotOpened::Here("sealed_with_another_key"),
    })?;
    let facts = account
        .gateway
        .verify_webhook(&WebhookDelivery {
            body: &content.body,
            headers: &content.headers,
            received_at: webhook.received_at,
        })
        .map_err(|_| NotOpened::Here("signature_not_verified"))?;
    // What had an effect keeps its keys; what had none may be tried anew.
    let round = match webhook.position {
        Some(_) => 0,
        None => webhook.replays,
    };
    let word = match trust {
        Trust::Told => "told",
        Trust::Fetched => "fetched",
    };
    let name = format!(
        "{}/{}/{round}/{word}",
        webhook.endpoint, webhook.body_digest
    );
    let source = Source {
        ledger,
        provider,
        trust,
        hearing: Hearing::Event {
            name,
            webhook: webhook.id,
        },
    };
    Ok(Opened { source, facts })
}

fn milliseconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
