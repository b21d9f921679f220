//! Who may follow what on the live streams of this node.
//!
//! Whoever may read the log follows every channel. Whoever sees wallets, accounts and transactions
//! follows wallets and accounts: staff all of them, customers their own; likewise verification cases, with
//! `cases.read`, and onboardings, with `onboardings.read`. A visitor is asked about again
//! when a change is about them, when changes may have been missed, and every half minute besides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use command_api::access::{Access, Gate};
use command_api::problem::catalogue;
use identity::authenticate::{AuthenticationError, Authenticator};
use identity::changes::{Change, ChangeWatch};
use identity::permission::{Permission, Reach};
use identity::principal::{Denial, Principal};
use identity::subject::Subject;
use ledger_core::{CaseId, Holder, LedgerName, OwnerId};
use poem::Request;
use realtime_bridge::bridge::gatekeeper::{
    Barred, Denied, Ended, Gatekeeper, NotRenewed, Open, Visitor,
};
use schemas::Channel;
use tokio::sync::{Notify, Semaphore};

/// Visitors that are asked about at a time: after changes were missed all of them are, and requests
/// need the database too.
const ASKED_AT_A_TIME: usize = 4;

/// How long asking about one may take; the others are waiting.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a visitor is not asked about when nothing is heard: a connection that is dead tells no
/// changes.
const ASK_ANYWAY: Duration = Duration::from_secs(30);

/// The longest credential that is looked at, in bytes.
const MAX_CREDENTIAL_LENGTH: usize = 8 * 1024;

/// What an event on the channel of a wallet or an account tells of.
const CHANNEL_PERMISSIONS: [Permission; 3] = [
    Permission::WalletsRead,
    Permission::AccountsRead,
    Permission::TransactionsRead,
];

/// Who lets clients of the live streams in.
pub(super) fn gatekeeper(access: &Access, authenticator: &Authenticator) -> Arc<dyn Gatekeeper> {
    match access {
        Access::Open => Arc::new(Open),
        Access::Required(gate) => Arc::new(Doorkeeper {
            gate: Arc::clone(gate),
            authenticator: authenticator.clone(),
            turns: Arc::new(Semaphore::new(ASKED_AT_A_TIME)),
        }),
    }
}

/// Asks who somebody is.
struct Doorkeeper {
    gate: Arc<Gate>,
    authenticator: Authenticator,
    turns: Arc<Semaphore>,
}

/// Somebody who is known.
struct Known {
    gate: Arc<Gate>,
    authenticator: Authenticator,
    turns: Arc<Semaphore>,
    ledger: Option<LedgerName>,
    subject: Subject,
    standing: Mutex<Standing>,
    changes: tokio::sync::Mutex<ChangeWatch>,
    renewed: Notify,
}

#[derive(Debug, Clone)]
struct Standing {
    principal: Arc<Principal>,
    generation: u64,
}

#[async_trait]
impl Gatekeeper for Doorkeeper {
    async fn admit(
        &self,
        request: &Request,
        ledger: Option<LedgerName>,
    ) -> Result<Arc<dyn Visitor>, Denied> {
        // Before anything is asked: what changes from here on is heard.
        let changes = self.authenticator.changes();
        let found = self.gate.principal_of_stream(request).await;
        let principal = found.map_err(|problem| match problem.code() {
            catalogue::UNAUTHENTICATED => Denied::Unauthenticated,
            catalogue::CREDENTIAL_INVALID => Denied::CredentialInvalid,
            catalogue::INVALID_REQUEST => Denied::Malformed,
            catalogue::TOO_MANY_REQUESTS => {
                Denied::TooOften(problem.retry_after().unwrap_or_default())
            }
            _ => Denied::Unavailable,
        })?;
        check_reach(&principal, ledger)?;
        Ok(Arc::new(Known {
            gate: Arc::clone(&self.gate),
            authenticator: self.authenticator.clone(),
            turns: Arc::clone(&self.turns),
            ledger,
            subject: principal.subject,
            standing: Mutex::new(Standing {
                principal,
                generation: 0,
            }),
            changes: tokio::sync::Mutex::new(changes),
            renewed: Notify::new(),
        }))
    }
}

#[async_trait]
impl Visitor for Known {
    async fn may_follow(&self, channel: &Channel) -> Result<(), Barred> {
        let principal = self.standing().principal;
        if may_read_log(&principal, self.ledger) {
            return Ok(());
        }
        let holder = match channel {
            Channel::Ledger => return Err(Barred::Forbidden),
            Channel::Case(case) => return self.may_follow_case(&principal, *case).await,
            Channel::Onboarding(owner) => return self.may_follow_onboarding(&principal, owner),
            Channel::Wallet(wallet) => Holder::Wallet(*wallet),
            Channel::Account(account) => account.holder,
        };
        match channel_reach(&principal, self.ledger) {
            Err(_) => Err(Barred::Forbidden),
            Ok(Reach::All) => Ok(()),
            Ok(Reach::Own) => {
                let (Some(owner), Some(ledger)) = (&principal.owner, self.ledger) else {
                    return Err(Barred::Forbidden);
                };
                let ownership = self.gate.ownership();
                match ownership.is_holder_of(owner, ledger, holder).await {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(Barred::NotTheirs),
                    Err(_) => Err(Barred::Unavailable),
                }
            }
        }
    }

    fn generation(&self) -> u64 {
        self.lock().generation
    }

    async fn renew(&self, credential: &str) -> Result<(), NotRenewed> {
        if credential.len() > MAX_CREDENTIAL_LENGTH {
            return Err(NotRenewed::Invalid);
        }
        let found = self.authenticator.authenticate(credential).await;
        let principal = found.map_err(|error| match error {
            AuthenticationError::Invalid { .. } => NotRenewed::Invalid,
            AuthenticationError::Fault(_) => NotRenewed::Unavailable,
        })?;
        if principal.subject != self.subject {
            return Err(NotRenewed::OfAnother);
        }
        self.lock().become_known_as(principal);
        self.renewed.notify_one();
        Ok(())
    }

    async fn may_have_changed(&self) {
        let mut changes = self.changes.lock().await;
        let heard = async {
            loop {
                match changes.next().await {
                    Change::Unknown => return,
                    Change::Of(subject) if subject == self.subject => return,
                    Change::Of(_) => {}
                }
            }
        };
        tokio::select! {
            () = heard => {}
            () = self.renewed.notified() => {}
            () = tokio::time::sleep(ASK_ANYWAY) => {}
        }
    }

    async fn stand_again(&self) -> Result<(), Ended> {
        loop {
            let before = self.standing();
            let asked = {
                let _turn = self.turns.acquire().await;
                let identified = before.principal.identified();
                tokio::time::timeout(ASK_TIMEOUT, self.authenticator.again(&identified)).await
            };
            let Ok(asked) = asked else {
                return Err(Ended::Unavailable);
            };
            if let Some(ended) = self.conclude(&before, asked) {
                return ended;
            }
        }
    }

    fn expires_in(&self) -> Option<Duration> {
        let end = self.lock().principal.expires_at?;
        Some((end - Utc::now()).to_std().unwrap_or_default())
    }
}

impl Known {
    async fn may_follow_case(&self, principal: &Principal, case: CaseId) -> Result<(), Barred> {
        match principal.reach(Permission::CasesRead, self.ledger, Utc::now()) {
            Err(_) => Err(Barred::Forbidden),
            Ok(Reach::All) => Ok(()),
            Ok(Reach::Own) => {
                let (Some(owner), Some(ledger)) = (&principal.owner, self.ledger) else {
                    return Err(Barred::Forbidden);
                };
                match self.gate.ownership().is_case_of(owner, ledger, case).await {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(Barred::NotTheirs),
                    Err(_) => Err(Barred::Unavailable),
                }
            }
        }
    }

    /// Customers follow their own; another one is not there for them.
    fn may_follow_onboarding(&self, principal: &Principal, owner: &OwnerId) -> Result<(), Barred> {
        match principal.reach(Permission::OnboardingsRead, self.ledger, Utc::now()) {
            Err(_) => Err(Barred::Forbidden),
            Ok(Reach::All) => Ok(()),
            Ok(Reach::Own) => match &principal.owner {
                None => Err(Barred::Forbidden),
                Some(own) if own == owner => Ok(()),
                Some(_) => Err(Barred::NotTheirs),
            },
        }
    }

    /// What an answer about a visitor comes to; nothing when a newer credential came meanwhile, which it
    /// does not concern.
    fn conclude(
        &self,
        before: &Standing,
        asked: Result<Arc<Principal>, AuthenticationError>,
    ) -> Option<Result<(), Ended>> {
        let mut standing = self.lock();
        if standing.generation != before.generation {
            return None;
        }
        Some(match asked {
            Ok(principal) => {
                let is_admitted = check_reach(&principal, self.ledger).is_ok();
                if principal != before.principal {
                    standing.become_known_as(principal);
                }
                is_admitted.then_some(()).ok_or(Ended::Forbidden)
            }
            Err(AuthenticationError::Invalid { .. }) => Err(before.how_it_ended()),
            Err(AuthenticationError::Fault(error)) => {
                tracing::warn!(
                    error = %event_store::ErrorChain(&error),
                    "a live client's standing cannot be found out"
                );
                Err(Ended::Unavailable)
            }
        })
    }

    fn standing(&self) -> Standing {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    fn become_known_as(&mut self, principal: Arc<Principal>) {
        self.principal = principal;
        self.generation += 1;
    }

    fn how_it_ended(&self) -> Ended {
        match self.principal.expires_at {
            Some(end) if end <= Utc::now() => Ended::Expired,
            _ => Ended::Revoked,
        }
    }
}

/// Whether anything in the ledger is for somebody.
fn check_reach(principal: &Principal, ledger: Option<LedgerName>) -> Result<(), Denied> {
    if may_read_log(principal, ledger) {
        return Ok(());
    }
    match channel_reach(principal, ledger) {
        Ok(_) => Ok(()),
        Err(Denial::OutOfScope) => Err(Denied::OutOfScope),
        Err(Denial::Forbidden | Denial::SecondFactorNeeded) => Err(Denied::Forbidden),
    }
}

fn may_read_log(principal: &Principal, ledger: Option<LedgerName>) -> bool {
    principal.reach(Permission::LogRead, ledger, Utc::now()) == Ok(Reach::All)
}

/// How far somebody reaches with all that a channel tells of.
fn channel_reach(principal: &Principal, ledger: Option<LedgerName>) -> Result<Reach, Denial> {
    CHANNEL_PERMISSIONS
        .into_iter()
        .try_fold(Reach::All, |least, permission| {
            let reach = principal.reach(permission, ledger, Utc::now())?;
            Ok(least.min(reach))
        })
}
