//! Watching over how a client stands, for as long as it is there.
//!
//! A client goes when its credential ends; it is told before, so that it can send a newer one. It goes
//! when its credential is revoked, and a channel ends when it may no longer follow it: what waits to be
//! sent then is dropped. While nobody can say how a client stands it stays for a moment, and goes then:
//! it may come back as soon as somebody can.

use std::time::Duration;

use schemas::{CloseReason, ErrorCode, ServerMessage};

use super::gatekeeper::{Barred, Ended};
use super::session::{Session, Transport, explanation};

/// How long to wait before asking again.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// How long a client stays whose standing cannot be found out. Waiting for one's turn counts: after news
/// were lost, everybody is asked about.
const PATIENCE: Duration = Duration::from_secs(10);

impl Session {
    /// Waits until the client has to go; it has been told then.
    pub(super) async fn watch_standing(&self) -> CloseReason {
        let ended = self.until_ended().await;
        let code = ended.error();
        let message = ServerMessage::Error {
            id: None,
            channel: None,
            code,
            message: explanation(code).to_owned(),
            temporary: code.is_temporary(),
        };
        self.peer.dismiss(&message, ended.reason());
        ended.reason()
    }

    /// Takes a newer credential.
    pub(super) async fn renew(&self, id: Option<u64>, credential: &str) -> Result<(), ErrorCode> {
        self.visitor.renew(credential).await?;
        self.peer.send(&ServerMessage::Authenticated {
            id,
            expires_in_ms: self.visitor.expires_in().map(in_milliseconds),
        });
        Ok(())
    }

    async fn until_ended(&self) -> Ended {
        let warning = self.shared.settings.expiry_warning;
        let mut warned = false;
        loop {
            let wait = match self.visitor.expires_in() {
                Some(Duration::ZERO) => return Ended::Expired,
                Some(left) if left <= warning => {
                    if !warned {
                        let expires_in_ms = in_milliseconds(left);
                        let message = ServerMessage::CredentialExpiring { expires_in_ms };
                        self.peer.send(&message);
                    }
                    warned = true;
                    Some(left)
                }
                Some(left) => {
                    warned = false;
                    Some(left.saturating_sub(warning))
                }
                None => None,
            };
            tokio::select! {
                () = self.visitor.may_have_changed() => {
                    if let Err(ended) = self.ask_again().await {
                        return ended;
                    }
                }
                () = passed(wait) => {}
            }
        }
    }

    async fn ask_again(&self) -> Result<(), Ended> {
        let asking = async {
            loop {
                match self.ask().await {
                    Err(Ended::Unavailable) => tokio::time::sleep(ASK_AGAIN).await,
                    known => return known,
                }
            }
        };
        let asked = tokio::time::timeout(PATIENCE, asking).await;
        asked.unwrap_or(Err(Ended::Unavailable))
    }

    /// Asks how the client stands, and for each channel that it follows.
    async fn ask(&self) -> Result<(), Ended> {
        self.visitor.stand_again().await?;
        self.ask_for_replay().await;
        for channel in self.peer.channels() {
            match self.visitor.may_follow(&channel).await {
                Ok(()) => {}
                Err(Barred::Unavailable) => return Err(Ended::Unavailable),
                Err(Barred::NotTheirs | Barred::Forbidden) => match self.transport {
                    Transport::WebSocket => self.feed.bar(&self.peer, &channel),
                    // There is nothing else to follow, and no way to ask.
                    Transport::ServerSent => return Err(Ended::Forbidden),
                },
            }
        }
        Ok(())
    }
}

async fn passed(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

fn in_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
