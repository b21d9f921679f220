//! What became of a payout.

use rust_decimal::Decimal;

use super::{Answers, Chance, Word, money};
use crate::fixtures::*;
use crate::payout::{NewPayout, ObservedPayout, PayoutObservation};

/// What became of one payout.
#[derive(Debug)]
pub(in super::super) struct PayoutTruth {
    pub(in super::super) number: u128,
    amount: u32,
    /// The provider did not take the first attempt on, so there was another.
    denied: bool,
    /// Of the last attempt.
    words: Vec<ObservedPayout>,
}

const SUCCEEDED: ObservedPayout = ObservedPayout::Succeeded { fees: None };

impl PayoutTruth {
    pub(super) fn new(number: u128, chance: &mut Chance) -> Self {
        use ObservedPayout::{Cancelled, Failed, Processing, Returned};
        let words = chance.of(&[
            &[Processing, SUCCEEDED][..],
            &[SUCCEEDED],
            &[Processing, SUCCEEDED, Returned],
            &[Processing, SUCCEEDED, Failed],
            &[Processing, Failed],
            &[Processing, Returned],
            &[Processing, Cancelled],
            &[Processing],
        ]);
        Self {
            number,
            amount: 7,
            denied: chance.one_in(2),
            words: words.to_vec(),
        }
    }

    pub(in super::super) fn new_payout(&self) -> NewPayout {
        NewPayout {
            amount: Decimal::from(self.amount),
            ..new_payout()
        }
    }

    pub(super) fn words(&self) -> Vec<Word> {
        let last = if self.denied { 2 } else { 1 };
        let denied = (1..last).map(|attempt| (attempt, ObservedPayout::NotAccepted));
        let words = denied.chain(self.words.iter().map(|status| (last, *status)));
        let words = words.zip(1_000_000 + self.number * 100..);
        words
            .map(|((attempt, status), transaction)| {
                let is_denial = status == ObservedPayout::NotAccepted;
                let observation = PayoutObservation {
                    provider_payout: (!is_denial).then(|| theirs(&format!("pout_{attempt}"))),
                    attempt: Some(attempt),
                    money: (!is_denial).then(|| money(self.amount)),
                    ..payout_seen(status)
                };
                Word {
                    about: self.number,
                    answers: Some(Answers::Attempt(attempt)),
                    command: of_payout(self.number, observe_payout(transaction, observation)),
                }
            })
            .collect()
    }

    pub(super) fn value(&self) -> Decimal {
        Decimal::from(self.amount)
    }

    pub(super) fn stays_out(&self) -> bool {
        let ends = [ObservedPayout::Failed, ObservedPayout::Returned];
        let stays = !self.words.iter().any(|word| ends.contains(word));
        self.words.contains(&SUCCEEDED) && stays
    }

    pub(super) fn reserved(&self) -> Decimal {
        if self.words == [ObservedPayout::Processing] {
            self.value()
        } else {
            Decimal::ZERO
        }
    }
}
