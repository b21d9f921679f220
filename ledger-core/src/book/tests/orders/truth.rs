//! What happened at the provider, and what it comes to.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::command::Command;
use crate::fixtures::*;
use crate::payment::{
    DisputeObservation, DisputePhase, NewPayment, ObservedDispute, ObservedMoney, ObservedPayment,
    ObservedRefund, PaymentAction, RefundObservation,
};
use crate::payout::{NewPayout, ObservedPayout, PayoutObservation};

/// Chance from a seed (SplitMix64), so that a failure can be repeated.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
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
    /// The refund of ours that it answers, if it does.
    pub(super) answers: Option<u128>,
    pub(super) command: Command,
}

#[derive(Debug)]
pub(super) struct RefundTruth {
    pub(super) number: u128,
    amount: u32,
    words: Vec<ObservedRefund>,
}

impl RefundTruth {
    pub(super) fn request(&self) -> PaymentAction {
        PaymentAction::RequestRefund {
            refund: refund_id(self.number),
            amount: Some(Decimal::from(self.amount)),
            reason: None,
        }
    }

    fn ends(&self) -> ObservedRefund {
        *self.words.iter().max().unwrap()
    }
}

#[derive(Debug)]
struct DisputeTruth {
    amount: u32,
    words: Vec<(DisputePhase, ObservedDispute)>,
}

impl DisputeTruth {
    fn ends(&self) -> (DisputePhase, ObservedDispute) {
        *self.words.iter().max().unwrap()
    }
}

/// What became of one payment.
#[derive(Debug)]
pub(super) struct PaymentTruth {
    pub(super) number: u128,
    amount: u32,
    words: Vec<ObservedPayment>,
    /// What arrived, attempt by attempt.
    arrived: Vec<u32>,
    /// The fee of the first that arrived, in hundredths.
    fee: u32,
    /// Asked for by us.
    pub(super) refunds: Vec<RefundTruth>,
    /// Made at the provider.
    foreign: Vec<RefundTruth>,
    disputes: Vec<DisputeTruth>,
}

fn money(amount: u32) -> ObservedMoney {
    inr(&amount.to_string())
}

impl PaymentTruth {
    fn new(number: u128, chance: &mut Chance) -> Self {
        let amount = 100;
        let mut truth = Self {
            number,
            amount,
            words: vec![ObservedPayment::AwaitingPayer { expires_at: None }],
            arrived: Vec::new(),
            fee: 0,
            refunds: Vec::new(),
            foreign: Vec::new(),
            disputes: Vec::new(),
        };
        let attempt = |index: u32| theirs(&format!("pay_{number}_{index}"));
        if chance.one_in(3) {
            let attempt = Some(attempt(0));
            let reason = None;
            truth
                .words
                .push(ObservedPayment::Failed { attempt, reason });
        }
        if chance.one_in(4) {
            truth.words.push(ObservedPayment::Expired);
        }
        if chance.one_in(4) {
            truth.give_back(chance, attempt(1));
        } else {
            let arrives = chance.of(&[amount, amount, amount, amount - 1]);
            truth.arrive(chance, attempt(1), arrives);
            let twice = chance.one_in(5);
            if twice {
                truth.arrive(chance, attempt(2), arrives);
            } else {
                truth.claims(chance, arrives);
            }
        }
        truth
    }

    /// Authorized, and given back without having been captured.
    fn give_back(&mut self, chance: &mut Chance, attempt: crate::ProviderReference) {
        if chance.one_in(2) {
            let money = money(self.amount);
            let attempt = attempt.clone();
            self.words
                .push(ObservedPayment::Authorized { attempt, money });
        }
        self.words.push(ObservedPayment::Released { attempt });
    }

    fn arrive(&mut self, chance: &mut Chance, attempt: crate::ProviderReference, amount: u32) {
        if chance.one_in(3) {
            self.words.push(ObservedPayment::Failed {
                attempt: Some(attempt.clone()),
                reason: None,
            });
        }
        if chance.one_in(2) {
            self.words.push(ObservedPayment::Authorized {
                attempt: attempt.clone(),
                money: money(amount),
            });
        }
        let captured = |fees| ObservedPayment::Captured {
            attempt: attempt.clone(),
            money: money(amount),
            fees,
        };
        self.words.push(captured(None));
        if self.arrived.is_empty() && chance.one_in(2) {
            self.fee = 236;
            self.words.push(captured(Some(fees("2", "0.36"))));
        }
        self.arrived.push(amount);
    }

    /// Refunds and disputes that together claim no more than arrived: who bears what exceeds it may
    /// depend on what came first.
    fn claims(&mut self, chance: &mut Chance, arrived: u32) {
        let mut left = arrived;
        let mut number = self.number * 100;
        while left >= 20 && !chance.one_in(3) {
            let amount = 10 + u32::try_from(chance.below(10)).unwrap();
            left -= amount;
            number += 1;
            if chance.one_in(3) {
                let words = dispute_words(chance);
                self.disputes.push(DisputeTruth { amount, words });
                continue;
            }
            let words = refund_words(chance);
            let refund = RefundTruth {
                number,
                amount,
                words,
            };
            if chance.one_in(2) {
                self.refunds.push(refund);
            } else {
                self.foreign.push(refund);
            }
        }
    }

    pub(super) fn new_payment(&self) -> NewPayment {
        NewPayment {
            amount: Decimal::from(self.amount),
            ..new_payment()
        }
    }

    fn words(&self) -> Vec<Word> {
        let mut words = Vec::new();
        let mut transaction = self.number * 1_000;
        let mut say = |answers, action: &dyn Fn(u128) -> PaymentAction| {
            transaction += 1;
            words.push(Word {
                about: self.number,
                answers,
                command: of_payment(self.number, action(transaction)),
            });
        };
        for status in &self.words {
            say(None, &|number| observe(number, seen(status.clone())));
        }
        for (refund, ours) in self.all_refunds() {
            for status in &refund.words {
                let observation = RefundObservation {
                    provider_refund: theirs(&format!("rfnd_{}", refund.number)),
                    ..refund_seen(*status, &refund.amount.to_string())
                };
                say(ours.then_some(refund.number), &|number| {
                    PaymentAction::ObserveRefund {
                        refund: refund_id(refund.number),
                        observation: observation.clone(),
                        transaction: transaction_id(number),
                    }
                });
            }
        }
        for (index, dispute) in self.disputes.iter().enumerate() {
            for (phase, status) in &dispute.words {
                let observation = DisputeObservation {
                    dispute: theirs(&format!("disp_{}_{index}", self.number)),
                    ..dispute_seen(*status, *phase, &dispute.amount.to_string())
                };
                say(None, &|number| PaymentAction::ObserveDispute {
                    observation: observation.clone(),
                    transaction: transaction_id(number),
                });
            }
        }
        words
    }

    fn all_refunds(&self) -> impl Iterator<Item = (&RefundTruth, bool)> {
        let ours = self.refunds.iter().map(|refund| (refund, true));
        ours.chain(self.foreign.iter().map(|refund| (refund, false)))
    }
}

fn refund_words(chance: &mut Chance) -> Vec<ObservedRefund> {
    use ObservedRefund::{Failed, Pending, Succeeded};
    chance
        .of(&[
            &[Pending, Succeeded][..],
            &[Succeeded],
            &[Pending, Failed],
            &[Failed],
            &[Pending, Succeeded, Failed],
            &[Pending],
        ])
        .to_vec()
}

fn dispute_words(chance: &mut Chance) -> Vec<(DisputePhase, ObservedDispute)> {
    use DisputePhase::{Arbitration, Chargeback, Inquiry, PreArbitration};
    use ObservedDispute::{Closed, Lost, Open, Won};
    chance
        .of(&[
            &[(Inquiry, Open), (Inquiry, Closed)][..],
            &[(Inquiry, Open), (Chargeback, Open), (Chargeback, Lost)],
            &[(Chargeback, Open), (Chargeback, Won)],
            &[
                (Chargeback, Open),
                (Chargeback, Won),
                (PreArbitration, Open),
                (PreArbitration, Lost),
            ],
            &[
                (Chargeback, Open),
                (Chargeback, Lost),
                (Arbitration, Open),
                (Arbitration, Won),
            ],
            &[(Chargeback, Open)],
            &[(Chargeback, Open), (Chargeback, Closed)],
        ])
        .to_vec()
}

/// What became of one payout.
#[derive(Debug)]
pub(super) struct PayoutTruth {
    pub(super) number: u128,
    amount: u32,
    words: Vec<ObservedPayout>,
}

const SUCCEEDED: ObservedPayout = ObservedPayout::Succeeded { fees: None };

impl PayoutTruth {
    fn new(number: u128, chance: &mut Chance) -> Self {
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
            words: words.to_vec(),
        }
    }

    pub(super) fn new_payout(&self) -> NewPayout {
        NewPayout {
            amount: Decimal::from(self.amount),
            ..new_payout()
        }
    }

    fn words(&self) -> Vec<Word> {
        let words = self.words.iter().zip(1_000_000 + self.number * 100..);
        words
            .map(|(status, transaction)| {
                let observation = PayoutObservation {
                    money: Some(money(self.amount)),
                    ..payout_seen(*status)
                };
                Word {
                    about: self.number,
                    answers: None,
                    command: of_payout(self.number, observe_payout(transaction, observation)),
                }
            })
            .collect()
    }
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
            payouts: (21..24)
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

    /// Where all money is, by account, without those that have none.
    pub(super) fn balances(&self, wallet_has: &str) -> BTreeMap<String, String> {
        let begins = decimal(wallet_has);
        let mut sums: BTreeMap<&str, Decimal> =
            BTreeMap::from([("wallet", begins), ("cash", begins)]);
        let mut add = |account: &'static str, amount: Decimal| {
            *sums.entry(account).or_default() += amount;
        };
        for payment in &self.payments {
            payment.add_to(&mut add);
        }
        for payout in &self.payouts {
            let ends = [ObservedPayout::Failed, ObservedPayout::Returned];
            let stays = !payout.words.iter().any(|word| ends.contains(word));
            if payout.words.contains(&SUCCEEDED) && stays {
                add("wallet", -Decimal::from(payout.amount));
                add("payout_clearing.razorpay", -Decimal::from(payout.amount));
            }
        }
        let named = sums.into_iter().filter(|(_, sum)| !sum.is_zero());
        named
            .map(|(name, sum)| {
                let holder = match name {
                    "wallet" => wallet(1),
                    system_account => system(system_account),
                };
                let text = sum.normalize().to_string();
                (account(holder, "INR").to_string(), text)
            })
            .collect()
    }

    /// What is still reserved on the wallet.
    pub(super) fn reserved(&self) -> String {
        let mut sum = Decimal::ZERO;
        for payment in &self.payments {
            let held = |refund: &&RefundTruth| refund.ends() == ObservedRefund::Pending;
            if payment.arrived.first() == Some(&payment.amount) {
                let refunds = payment.refunds.iter().filter(held);
                sum += refunds
                    .map(|refund| Decimal::from(refund.amount))
                    .sum::<Decimal>();
            }
        }
        for payout in &self.payouts {
            if payout.words == [ObservedPayout::Processing] {
                sum += Decimal::from(payout.amount);
            }
        }
        sum.to_string()
    }
}

impl PaymentTruth {
    fn add_to(&self, add: &mut impl FnMut(&'static str, Decimal)) {
        let Some(first) = self.arrived.first() else {
            return;
        };
        // What was expected is the wallet's; another amount, and what was paid twice, nobody's yet.
        let holder = if *first == self.amount {
            "wallet"
        } else {
            "suspense"
        };
        for (index, arrived) in self.arrived.iter().enumerate() {
            add("gateway_clearing.razorpay", Decimal::from(*arrived));
            let receiver = if index == 0 { holder } else { "suspense" };
            add(receiver, Decimal::from(*arrived));
        }
        if self.fee > 0 {
            add(
                "gateway_clearing.razorpay",
                -Decimal::new(self.fee.into(), 2),
            );
            add("gateway_fees.razorpay", decimal("2"));
            add("gateway_tax.razorpay", decimal("0.36"));
        }
        for (refund, ours) in self.all_refunds() {
            let left = match refund.ends() {
                ObservedRefund::Succeeded => true,
                // Those made at the provider have left its balance when it speaks of them.
                ObservedRefund::Pending => !ours,
                ObservedRefund::Failed => false,
            };
            if left {
                add(holder, -Decimal::from(refund.amount));
                add("gateway_clearing.razorpay", -Decimal::from(refund.amount));
            }
        }
        for dispute in &self.disputes {
            let amount = Decimal::from(dispute.amount);
            match dispute.ends() {
                (_, ObservedDispute::Lost) => {
                    add(holder, -amount);
                    add("gateway_clearing.razorpay", -amount);
                }
                (phase, ObservedDispute::Open) if phase > DisputePhase::Inquiry => {
                    add(holder, -amount);
                    add("disputed.razorpay", amount);
                }
                (_, ObservedDispute::Open | ObservedDispute::Closed | ObservedDispute::Won) => {}
            }
        }
    }
}
