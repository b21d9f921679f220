//! Disputes. Money is taken when one is lost.

use chrono::{DateTime, Utc};

use super::account::{Account, Dispute};
use super::bodies::{self, Answered, Refusal};
use super::orders::{Query, page};

impl Account {
    pub(super) fn open_dispute(
        &mut self,
        payment_id: &str,
        phase: &str,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let payment = self
            .payment(payment_id)
            .filter(|payment| payment.is_captured)?;
        let (amount, currency) = (
            payment.amount.saturating_sub(payment.amount_refunded),
            payment.currency.clone(),
        );
        let id = self.new_id("disp_");
        self.disputes.push(Dispute {
            id: id.clone(),
            payment_id: payment_id.to_owned(),
            amount,
            currency,
            deducted: 0,
            status: "open".to_owned(),
            phase: phase.to_owned(),
            created_at: now.timestamp(),
        });
        self.tell_dispute("payment.dispute.created", &id, now);
        Some(id)
    }

    pub(super) fn move_dispute(&mut self, id: &str, status: &str, now: DateTime<Utc>) -> bool {
        let Some(place) = self.disputes.iter().position(|dispute| dispute.id == id) else {
            return false;
        };
        let dispute = &mut self.disputes[place];
        let is_over = matches!(dispute.status.as_str(), "won" | "lost" | "closed");
        let name = match status {
            _ if is_over => return false,
            "under_review" => "payment.dispute.under_review",
            "open" => "payment.dispute.action_required",
            "won" => "payment.dispute.won",
            "lost" => "payment.dispute.lost",
            "closed" => "payment.dispute.closed",
            _ => return false,
        };
        dispute.status = status.to_owned();
        if status == "lost" {
            dispute.deducted = dispute.amount;
            self.book_dispute(place, now);
        }
        self.tell_dispute(name, id, now);
        true
    }

    pub(super) fn fetch_dispute(&self, id: &str) -> Answered {
        let dispute = self.disputes.iter().find(|dispute| dispute.id == id);
        dispute.map(bodies::dispute).ok_or_else(Refusal::no_such_id)
    }

    pub(super) fn list_disputes(&self, query: &Query) -> Answered {
        let disputes = self.disputes.iter();
        let disputes = disputes.map(|dispute| (dispute.created_at, bodies::dispute(dispute)));
        page(disputes.collect(), query, 100)
    }
}
