//! What happened at the provider, and what it comes to.

mod payment;
mod payout;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::command::Command;
use crate::fixtures::*;
use crate::identifier::ProviderReference;
use crate::payment::ObservedMoney;

use payment::PaymentTruth;
use payout::PayoutTruth;

/// Chance from a seed (SplitMix64), so that a failure can be repeated.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// The words in another order, some of them up to ten times.
    pub(super) fn shuffled_and_repeated(&mut self, words: &[Word]) -> Vec<Word> {
        let mut all = Vec::new();
        for word in words {
            let times = if self.one_in(4) {
                1 + self.below(10)
            } else {
                1
            };
            all.extend(std::iter::repeat_n(word.clone(), times));
        }
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
        all
    }
}

/// Something that a provider says.
#[derive(Debug, Clone)]
pub(super) struct Word {
    /// The payment or payout.
    pub(super) about: u128,
    /// What has to be asked for before a provider can say it.
    pub(super) answers: Option<Answers>,
    pub(super) command: Command,
}

/// What a word answers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answers {
    /// A refund of ours.
    Refund(u128),
    /// An attempt at a payout.
    Attempt(u32),
}

fn money(amount: u32) -> ObservedMoney {
    inr(&amount.to_string())
}

/// What happened at the provider.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) payments: Vec<PaymentTruth>,
    pub(super) payouts: Vec<PayoutTruth>,
}

impl Truth {
    pub(super) fn new(chance: &mut Chance) -> Self {
        Self {
            payments: (11..15)
                .map(|number| PaymentTruth::new(number, chance))
                .collect(),
            payouts: (21..25)
                .map(|number| PayoutTruth::new(number, chance))
                .collect(),
        }
    }

    pub(super) fn words(&self) -> Vec<Word> {
        let payments = self.payments.iter().flat_map(PaymentTruth::words);
        payments
            .chain(self.payouts.iter().flat_map(PayoutTruth::words))
            .collect()
    }

    /// Where all money is, by account, without those that have none. `first_of` tells by which attempt a
    /// payment was paid, as far as it was heard: that depends on the order.
    pub(super) fn balances(
        &self,
        saver_has: &str,
        first_of: impl Fn(u128) -> Option<ProviderReference>,
    ) -> BTreeMap<String, String> {
        let begins = decimal(saver_has);
        let mut sums: BTreeMap<&str, Decimal> =
            BTreeMap::from([("saver", begins), ("cash", begins)]);
        let mut add = |account: &'static str, amount: Decimal| {
            *sums.entry(account).or_default() += amount;
        };
        for payment in &self.payments {
            payment.add_to(first_of(payment.number).as_ref(), &mut add);
        }
        for payout in &self.payouts {
            if payout.stays_out() {
                add("saver", -payout.value());
                add("payout_clearing.razorpay", -payout.value());
            }
        }
        let named = sums.into_iter().filter(|(_, sum)| !sum.is_zero());
        named
            .map(|(name, sum)| {
                let holder = match name {
                    "saver" => wallet(1),
                    "spender" => wallet(2),
                    system_account => system(system_account),
                };
                let text = sum.normalize().to_string();
                (account(holder, "INR").to_string(), text)
            })
            .collect()
    }

    /// What is still reserved on both wallets.
    pub(super) fn reserved(&self) -> [String; 2] {
        let payouts: Decimal = self.payouts.iter().map(PayoutTruth::reserved).sum();
        let payments: Decimal = self.payments.iter().map(PaymentTruth::reserved).sum();
        [payouts, payments].map(|sum| sum.normalize().to_string())
    }
}
