//! The rules of a fork, set by commands of its own.

use event_store::executor::Refusal;
use event_store::sandbox::SandboxEvent;
use ledger_core::decision::{DecisionError, decide};
use ledger_core::event::EventMetadata;
use ledger_core::wallet::WalletEvent;
use ledger_core::{Command, Event, Holder, Stream, Timestamp};
use uuid::Uuid;

use super::telling::new_event;
use super::{Replay, ReplayFault, SourceEvent};

impl Replay {
    /// Sets the rules, at the fork.
    ///
    /// # Errors
    /// [`ReplayFault::Rules`] when the ledger does not take one of them.
    pub fn begin(&mut self) -> Result<Vec<SandboxEvent>, ReplayFault> {
        let mut commands: Vec<Command> = Vec::new();
        for (tier, rules) in &self.rules.tiers {
            commands.push(Command::SetTier {
                tier: *tier,
                rules: Box::new(rules.clone()),
            });
        }
        commands.extend(
            self.rules
                .default_tier
                .map(|tier| Command::SetDefaultTier { tier }),
        );
        let standing = |account: &ledger_core::AccountId| self.book.standing(*account).is_some();
        for (account, overdraft) in &self.rules.overdrafts {
            if let (Holder::Wallet(wallet), true) = (account.holder, standing(account)) {
                commands.push(Command::SetWalletOverdraft {
                    wallet,
                    asset: account.asset,
                    overdraft: *overdraft,
                });
            }
        }
        let Some(recorded_at) = self.book.recorded_at() else {
            return Ok(Vec::new());
        };
        let mut written = Vec::new();
        for command in commands {
            written.extend(self.set(&command, recorded_at)?);
        }
        Ok(written)
    }

    pub(super) fn overdraft_of_new_wallet(
        &mut self,
        lead: &SourceEvent,
    ) -> Result<Vec<SandboxEvent>, ReplayFault> {
        let (Stream::Wallet(wallet), Event::Wallet(WalletEvent::WalletOpened { .. })) =
            (lead.recorded.stream, &lead.recorded.event)
        else {
            return Ok(Vec::new());
        };
        let of_it = self.rules.overdrafts.iter();
        let of_it = of_it.filter(|(account, _)| account.holder == Holder::Wallet(wallet));
        let commands: Vec<Command> = of_it
            .map(|(account, overdraft)| Command::SetWalletOverdraft {
                wallet,
                asset: account.asset,
                overdraft: *overdraft,
            })
            .collect();
        let mut written = Vec::new();
        for command in commands {
            written.extend(self.set(&command, lead.recorded.recorded_at)?);
        }
        Ok(written)
    }

    /// Carries out a command of the rules themselves.
    fn set(
        &mut self,
        command: &Command,
        recorded_at: Timestamp,
    ) -> Result<Vec<SandboxEvent>, ReplayFault> {
        let events = match decide(&mut self.book, command, recorded_at) {
            Ok(events) => events,
            Err(DecisionError::Rejected(rejection)) => {
                return Err(ReplayFault::Rules(Box::new(Refusal::from(&rejection))));
            }
            Err(DecisionError::Book(source)) => {
                let position = self.book.position();
                return Err(ReplayFault::Source { position, source });
            }
            Err(DecisionError::Lacking(_)) => Vec::new(),
        };
        self.book.settle(self.book.savepoint());
        let name = format!("{}/{}", self.sandbox, self.book.position());
        let metadata = EventMetadata {
            command_id: derived(&["fork rule", &name]),
            actor: self.actor.clone(),
            correlation_id: None,
            causation_id: None,
            idempotency: None,
        };
        let metadata = serde_json::to_string(&metadata)?;
        events
            .iter()
            .map(|event| new_event(event, metadata.clone(), recorded_at))
            .collect()
    }
}

/// An id that follows from its parts.
pub(super) fn derived(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, parts.join("\n").as_bytes())
}
