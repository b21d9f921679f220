//! Disputes: any of PayU's words may follow any other. What a customer wins is taken once.

use chrono::{DateTime, Utc};

use super::account::{Account, Dispute};

impl Account {
    pub(super) fn open_dispute(
        &mut self,
        payment_id: &str,
        kind: &str,
        now: DateTime<Utc>,
    ) -> Option<String> {
        let payment = self.payment(payment_id)?;
        if payment.captured == 0 {
            return None;
        }
        let amount = payment.captured;
        let id = self.new_number(7);
        self.disputes.push(Dispute {
            id: id.clone(),
            payment_id: payment_id.to_owned(),
            amount,
            deducted: 0,
            kind: kind.to_owned(),
            status: "New".to_owned(),
            created_at: now,
        });
        self.tell_dispute(&id, now);
        Some(id)
    }

    pub(super) fn move_dispute(&mut self, id: &str, status: &str, now: DateTime<Utc>) -> bool {
        let found = self.disputes.iter_mut().find(|dispute| dispute.id == id);
        let Some(dispute) = found else {
            return false;
        };
        dispute.status = status.to_owned();
        let is_lost = matches!(
            status,
            "Closed Customer Favour" | "Closed under Fraud Liability"
        );
        if is_lost && dispute.deducted == 0 {
            dispute.deducted = dispute.amount;
            let dispute = dispute.clone();
            self.book_chargeback(&dispute, now);
        }
        self.tell_dispute(id, now);
        true
    }
}
