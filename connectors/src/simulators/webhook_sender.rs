//! Webhooks on their way: sent as soon as they happen unless chance wants otherwise, in no order that is
//! promised, and again until they are taken.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use serde::Serialize;
use tokio::sync::watch;

use super::front::{Front, lock};
use crate::outbound::{BaseUrl, OutboundClient, OutboundStartError};

/// How long a receiver has.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// How many deliveries are remembered.
const CAPACITY: usize = 100_000;

/// When a webhook that was not taken is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookTiming {
    /// The pause after the first attempt; it doubles with each.
    pub first_pause: Duration,
    /// Attempts in all, after which the provider gives the endpoint up.
    pub attempts: u32,
    /// The longest that a webhook is held back to be overtaken.
    pub longest_hold: Duration,
}

impl Default for WebhookTiming {
    /// A day of real retries in about ten seconds.
    fn default() -> Self {
        Self {
            first_pause: Duration::from_millis(20),
            attempts: 10,
            longest_hold: Duration::from_millis(200),
        }
    }
}

/// One attempt to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The event.
    pub event_id: String,
    /// Its kind.
    pub event_type: String,
    /// The receiver's status, or nothing when there was none.
    pub status: Option<u16>,
    /// Whether it was signed wrongly on purpose.
    pub is_forged: bool,
}

/// How a webhook is to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    Right,
    Wrong,
}

type Sign = Arc<dyn Fn(&[u8], Signing) -> Vec<(&'static str, String)> + Send + Sync>;

/// A webhook to be sent. It is signed for each attempt.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub url: String,
    pub event_id: String,
    pub event_type: String,
    pub content_type: &'static str,
    pub body: Bytes,
    /// What goes out instead when it is signed wrongly, where the signature is in the body.
    pub forged_body: Option<Bytes>,
    pub sign: Sign,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Outgoing")
            .field("event_id", &self.event_id)
            .field("event_type", &self.event_type)
            .finish_non_exhaustive()
    }
}

pub(super) struct WebhookSender {
    client: OutboundClient,
    timing: WebhookTiming,
    front: Arc<Front>,
    deliveries: Mutex<VecDeque<Delivery>>,
    under_way: watch::Sender<usize>,
    is_given_up: AtomicBool,
    dropped: AtomicU64,
}

impl std::fmt::Debug for WebhookSender {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WebhookSender")
            .field("under_way", &*self.under_way.borrow())
            .finish_non_exhaustive()
    }
}

impl WebhookSender {
    pub(super) fn try_new(
        front: Arc<Front>,
        timing: WebhookTiming,
    ) -> Result<Self, OutboundStartError> {
        // Receivers of simulated webhooks are on this machine.
        let here: BaseUrl = "http://127.0.0.1"
            .parse()
            .map_err(|_| OutboundStartError::RootCertificates(std::io::ErrorKind::Other.into()))?;
        Ok(Self {
            client: OutboundClient::try_new(&here)?,
            timing,
            front,
            deliveries: Mutex::default(),
            under_way: watch::Sender::new(0),
            is_given_up: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        })
    }

    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.deliveries).iter().cloned().collect()
    }

    /// How many webhooks were never sent, by chance.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether an event was never taken, after which providers stop sending.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }

    pub(super) fn under_way(&self) -> usize {
        *self.under_way.borrow()
    }

    /// Waits until nothing is under way.
    pub(super) async fn settled(&self) {
        let mut under_way = self.under_way.subscribe();
        // The sender lives as long as this, so there is no end to wait for.
        let _ = under_way.wait_for(|count| *count == 0).await;
    }

    /// Sends all, in order, each until it is taken.
    pub(super) fn send(self: &Arc<Self>, webhooks: Vec<Outgoing>) {
        for mut webhook in webhooks {
            if webhook.content_type.starts_with("application/json")
                && let Some(rewriting) = self.front.rewriting()
            {
                webhook.body = rewriting.text(webhook.body);
            }
            let chances = self.front.chances();
            if self.front.happens(chances.webhook_drop) {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let hold = match self.front.happens(chances.webhook_reorder) {
                true => Duration::from_millis(self.front.up_to(
                    u64::try_from(self.timing.longest_hold.as_millis()).unwrap_or(u64::MAX),
                )),
                false => Duration::ZERO,
            };
            let copies = match self.front.happens(chances.webhook_duplicate) {
                true => 1 + self.front.up_to(2),
                false => 0,
            };
            let is_forged_first = self.front.happens(chances.webhook_wrong_signature);
            self.under_way.send_modify(|count| *count += 1);
            let sender = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(hold).await;
                if is_forged_first {
                    sender.attempt(&webhook, Signing::Wrong).await;
                }
                sender.deliver(&webhook).await;
                for _ in 0..copies {
                    sender.attempt(&webhook, Signing::Right).await;
                }
                sender.under_way.send_modify(|count| *count -= 1);
            });
        }
    }

    async fn deliver(&self, webhook: &Outgoing) {
        let mut pause = self.timing.first_pause;
        for attempt in 1..=self.timing.attempts {
            if self.attempt(webhook, Signing::Right).await {
                return;
            }
            if attempt < self.timing.attempts {
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
        }
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    async fn attempt(&self, webhook: &Outgoing, signing: Signing) -> bool {
        let mut request = Request::post(&webhook.url).header(CONTENT_TYPE, webhook.content_type);
        let body = match (signing, &webhook.forged_body) {
            (Signing::Wrong, Some(forged)) => forged,
            (Signing::Right | Signing::Wrong, _) => &webhook.body,
        };
        for (name, value) in (webhook.sign)(body, signing) {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(Full::new(body.clone())) else {
            return false;
        };
        let answer = self.client.send(request, TIME_LIMIT).await;
        let status = answer.ok().map(|answer| answer.status);
        let mut deliveries = lock(&self.deliveries);
        if deliveries.len() == CAPACITY {
            deliveries.pop_front();
        }
        deliveries.push_back(Delivery {
            event_id: webhook.event_id.clone(),
            event_type: webhook.event_type.clone(),
            status: status.map(|status| status.as_u16()),
            is_forged: signing == Signing::Wrong,
        });
        status.is_some_and(|status| status.is_success())
    }
}
