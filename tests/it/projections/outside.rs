//! Things of the outside in a history: those that move no money, which the history counts.

use ledger_core::{BeneficiaryId, PaymentId};
use uuid::Uuid;

use super::history::History;
use crate::harness::outside;

impl History {
    /// A payment that nobody pays, a beneficiary that nothing goes to, a settlement of nothing.
    pub async fn outside(&self) {
        let payment = PaymentId::new(Uuid::now_v7());
        let beneficiary = BeneficiaryId::new(Uuid::now_v7());
        for command in [
            outside::new_payment(payment, self.asha, "100.00"),
            outside::attempt_failed(payment, "pay_1"),
            outside::add_beneficiary(beneficiary, self.asha),
            outside::verify_beneficiary(beneficiary),
            outside::settlement("setl_0", "0"),
            outside::found_break("setl_0", "pay_unknown"),
        ] {
            self.submit(command).await;
        }
    }
}
