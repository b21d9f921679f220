//! One issuer, and what is known of it.
//!
//! Lock order: there is one lock, `asking`, held by whoever fetches; what is known is behind a
//! `watch`, read without waiting.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::clock::Clock;
use super::discovery::{FetchFault, Metadata, fetch_keys, fetch_metadata};
use super::freshness::{Age, may_ask};
use super::http_client::HttpClient;
use super::settings::IssuerSettings;
use super::{ExternalFault, ExternalIdentity};
use crate::jwt::{Claims, KeySet};

/// A configured issuer.
#[derive(Debug)]
pub(super) struct Issuer {
    pub settings: IssuerSettings,
    pub http: HttpClient,
    clock: Arc<dyn Clock>,
    current: watch::Sender<Option<Arc<Known>>>,
    asking: Arc<Mutex<Asked>>,
}

/// What an issuer published when it was last asked.
#[derive(Debug)]
pub(super) struct Known {
    pub metadata: Metadata,
    pub keys: KeySet,
    /// The JWK Set as it came.
    pub keys_document: Vec<u8>,
    age: Age,
}

/// When the issuer was last asked, and why it gave nothing.
#[derive(Debug, Default)]
struct Asked {
    last_at: Option<u64>,
    fault: Option<Arc<FetchFault>>,
}

impl Issuer {
    pub(super) fn new(settings: IssuerSettings, http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            http,
            clock,
            current: watch::Sender::new(None),
            asking: Arc::default(),
        }
    }

    pub(super) fn identity(&self, claims: Claims) -> ExternalIdentity {
        ExternalIdentity {
            issuer: claims.issuer.clone(),
            subject: claims.subject.clone(),
            roles: self.settings.roles.roles_of(&claims),
            expires_at: claims.expires_at,
            claims,
        }
    }

    /// What is known, fetched anew if it is old or does not suffice, and if the issuer may be asked
    /// again already. Whether it suffices now is for the caller to find out.
    pub(super) async fn known(
        self: &Arc<Self>,
        suffices: impl Fn(&KeySet) -> bool,
    ) -> Result<Arc<Known>, ExternalFault> {
        if let Some(known) = self.fresh(&suffices) {
            return Ok(known);
        }
        let asked = Arc::clone(&self.asking).lock_owned().await;
        let now = self.clock.elapsed_seconds();
        // Not when whoever held the lock has just asked: what is known now is all there is.
        if may_ask(asked.last_at, self.usable(now).is_some(), now) {
            // In a task of its own: a caller that gives up neither stops the fetch that others wait
            // for, nor makes the next one ask again too soon.
            let fetch = tokio::spawn(Arc::clone(self).fetch(asked, now));
            let fault = fetch.await.unwrap_or(Some(Arc::new(FetchFault::CutOff)));
            return self.usable_or(fault);
        }
        let fault = asked.fault.clone();
        drop(asked);
        self.usable_or(fault)
    }

    fn fresh(&self, suffices: &impl Fn(&KeySet) -> bool) -> Option<Arc<Known>> {
        let now = self.clock.elapsed_seconds();
        let known = self.current.borrow().clone()?;
        (known.age.is_fresh(now) && suffices(&known.keys)).then_some(known)
    }

    fn usable(&self, now: u64) -> Option<Arc<Known>> {
        let known = self.current.borrow().clone()?;
        known.age.is_usable(now).then_some(known)
    }

    fn usable_or(&self, fault: Option<Arc<FetchFault>>) -> Result<Arc<Known>, ExternalFault> {
        let now = self.clock.elapsed_seconds();
        self.usable(now)
            .ok_or_else(|| ExternalFault::IssuerUnavailable {
                issuer: self.settings.issuer.clone(),
                source: fault.unwrap_or_else(|| Arc::new(FetchFault::CutOff)),
            })
    }

    async fn fetch(
        self: Arc<Self>,
        mut asked: OwnedMutexGuard<Asked>,
        now: u64,
    ) -> Option<Arc<FetchFault>> {
        asked.fault = match self.ask(now).await {
            Ok(known) => {
                self.current.send_replace(Some(Arc::new(known)));
                None
            }
            Err(fault) => {
                let issuer = self.settings.issuer.as_str();
                tracing::warn!(issuer, fault = ?fault, "an issuer's keys cannot be fetched");
                Some(Arc::new(fault))
            }
        };
        // The end of the fetch counts: those who waited for a slow failure must not each repeat it.
        asked.last_at = Some(self.clock.elapsed_seconds());
        asked.fault.clone()
    }

    async fn ask(&self, now: u64) -> Result<Known, FetchFault> {
        let metadata = fetch_metadata(&self.http, &self.settings.issuer).await?;
        let fetched = fetch_keys(&self.http, &metadata.keys_url).await?;
        Ok(Known {
            metadata,
            keys: fetched.keys,
            keys_document: fetched.document,
            age: Age {
                fetched_at: now,
                lifetime_seconds: fetched.lifetime_seconds,
            },
        })
    }
}
