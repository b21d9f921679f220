//! What simulated providers can all be told in the same way, because all are made of the same parts.

use std::fmt;
use std::time::Duration;

use super::Simulator;
use crate::secret::Secret;
use crate::simulators::faults::Faults;
use crate::simulators::front::Front;
use crate::simulators::mischief::Chances;
use crate::simulators::rewriting::Rewriting;
use crate::simulators::webhook_sender::{Delivery, WebhookSender};

/// What every simulated provider is made of; what it can be told comes of it.
pub(in crate::simulators) trait Workings: fmt::Debug + Send + Sync {
    /// Where its requests come in.
    fn front(&self) -> &Front;

    /// Where its webhooks go out.
    fn sender(&self) -> &WebhookSender;

    /// [`Simulator::set_webhook`].
    fn set_webhook(&self, url: &str, secrets: &[Secret]);

    /// [`Simulator::rewrite`].
    fn rewrite(&self, rewriting: Option<Rewriting>) {
        self.front().rewrite(rewriting);
    }

    /// What is due by the clock happens.
    fn fall_due(&self);
}

impl<W: Workings> Simulator for W {
    fn faults(&self) -> &Faults {
        &self.front().faults
    }

    fn set_chances(&self, chances: Chances) {
        self.front().set_chances(chances);
    }

    fn rewrite(&self, rewriting: Option<Rewriting>) {
        Workings::rewrite(self, rewriting);
    }

    fn set_down(&self, is_down: bool) {
        self.front().set_down(is_down);
    }

    fn set_webhook(&self, url: &str, secrets: &[Secret]) {
        Workings::set_webhook(self, url, secrets);
    }

    fn advance(&self, by: Duration) {
        self.front().advance(by);
        self.fall_due();
    }

    fn deliveries(&self) -> Vec<Delivery> {
        self.sender().deliveries()
    }

    fn webhooks_under_way(&self) -> usize {
        self.sender().under_way()
    }

    fn dropped_webhooks(&self) -> u64 {
        self.sender().dropped()
    }
}
