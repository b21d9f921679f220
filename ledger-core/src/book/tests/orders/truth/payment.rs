//! What became of a payment.

use rust_decimal::Decimal;

use super::{Answers, Chance, Word, money};
use crate::fixtures::*;
use crate::identifier::ProviderReference;
use crate::payment::{
    DisputeObservation, DisputePhase, NewPayment, ObservedDispute, ObservedPayment, ObservedRefund,
    PaymentAction, RefundObservation, provider_refund_id,
};

/// A refund, and all that the provider says of it.
#[derive(Debug)]
pub(in super::super) struct RefundTruth {
    pub(in super::super) number: u128,
    amount: u32,
    words: Vec<ObservedRefund>,
    told: Told,
}

/// By which id the provider speaks of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// By ours: we have asked for it.
    Ours,
    /// By ours and, besides, without it.
    Both,
    /// Only by its own: it was made there.
    Theirs,
}

impl RefundTruth {
    fn new(number: u128, amount: u32, told: Told, chance: &mut Chance) -> Self {
        use ObservedRefund::{Failed, Pending, Succeeded};
        let words = chance.of(&[
            &[Pending, Succeeded][..],
            &[Succeeded],
            &[Pending, Failed],
            &[Failed],
            &[Pending, Succeeded, Failed],
            &[Pending],
        ]);
        let told = match told {
            // What is made at the provider has left when it is pending, what we asked for has not.
            Told::Both if *words == [Pending] => Told::Ours,
            told => told,
        };
        Self {
            number,
            amount,
            words: words.to_vec(),
            told,
        }
    }

    pub(in super::super) fn request(&self) -> PaymentAction {
        PaymentAction::RequestRefund {
            refund: refund_id(self.number),
            amount: Some(self.value()),
            reason: None,
        }
    }

    fn value(&self) -> Decimal {
        Decimal::from(self.amount)
    }

    fn ends(&self) -> ObservedRefund {
        *self.words.iter().max().unwrap()
    }

    fn is_reserved(&self) -> bool {
        self.told != Told::Theirs && self.ends() == ObservedRefund::Pending
    }

    fn has_left(&self) -> bool {
        match self.ends() {
            ObservedRefund::Succeeded => true,
            ObservedRefund::Pending => self.told == Told::Theirs,
            ObservedRefund::Failed => false,
        }
    }

    fn observations(
        &self,
        attempt: &ProviderReference,
    ) -> Vec<(crate::RefundId, RefundObservation)> {
        let provider_refund = theirs(&format!("rfnd_{}", self.number));
        let ours = refund_id(self.number);
        let by_theirs = provider_refund_id(provider("razorpay"), &provider_refund);
        let ids: &[_] = match self.told {
            Told::Ours => &[ours],
            Told::Both => &[ours, by_theirs],
            Told::Theirs => &[by_theirs],
        };
        let words = self.words.iter();
        words
            .flat_map(|status| {
                let observation = RefundObservation {
                    attempt: attempt.clone(),
                    provider_refund: provider_refund.clone(),
                    ..refund_seen(*status, &self.amount.to_string())
                };
                ids.iter().map(move |id| (*id, observation.clone()))
            })
            .collect()
    }
}

#[derive(Debug)]
struct DisputeTruth {
    number: usize,
    amount: u32,
    words: Vec<(DisputePhase, ObservedDispute)>,
}

impl DisputeTruth {
    fn new(number: usize, amount: u32, chance: &mut Chance) -> Self {
        use DisputePhase::{Arbitration, Chargeback, Inquiry, PreArbitration};
        use ObservedDispute::{Closed, Lost, Open, Won};
        let words = chance.of(&[
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
        ]);
        Self {
            number,
            amount,
            words: words.to_vec(),
        }
    }

    fn value(&self) -> Decimal {
        Decimal::from(self.amount)
    }

    fn ends(&self) -> (DisputePhase, ObservedDispute) {
        *self.words.iter().max().unwrap()
    }

    fn is_lost(&self) -> bool {
        self.ends().1 == ObservedDispute::Lost
    }

    fn is_open(&self) -> bool {
        let (phase, status) = self.ends();
        status == ObservedDispute::Open && phase > DisputePhase::Inquiry
    }
}

/// Money that arrived by one attempt, and what is claimed of it.
#[derive(Debug)]
struct Arrival {
    attempt: ProviderReference,
    amount: u32,
    refunds: Vec<RefundTruth>,
    disputes: Vec<DisputeTruth>,
}

/// What became of one payment.
#[derive(Debug)]
pub(in super::super) struct PaymentTruth {
    pub(in super::super) number: u128,
    amount: u32,
    words: Vec<ObservedPayment>,
    /// What arrived, attempt by attempt.
    arrived: Vec<Arrival>,
    /// Whether the fee of the first attempt was told.
    has_fee: bool,
}

impl PaymentTruth {
    pub(super) fn new(number: u128, chance: &mut Chance) -> Self {
        let amount = 100;
        let mut truth = Self {
            number,
            amount,
            words: vec![ObservedPayment::AwaitingPayer { expires_at: None }],
            arrived: Vec::new(),
            has_fee: false,
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
        if chance.one_in(5) {
            truth.give_back(chance, attempt(1));
        } else {
            let arrives = chance.of(&[amount, amount, amount, amount - 1]);
            truth.arrive(chance, attempt(1), arrives);
            if chance.one_in(3) {
                truth.arrive(chance, attempt(2), arrives);
            }
            truth.claims(chance);
        }
        truth
    }

    /// Authorized, and given back without having been captured.
    fn give_back(&mut self, chance: &mut Chance, attempt: ProviderReference) {
        if chance.one_in(2) {
            let money = money(self.amount);
            let attempt = attempt.clone();
            self.words
                .push(ObservedPayment::Authorized { attempt, money });
        }
        self.words.push(ObservedPayment::Released { attempt });
    }

    fn arrive(&mut self, chance: &mut Chance, attempt: ProviderReference, amount: u32) {
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
            self.has_fee = true;
            self.words.push(captured(Some(fees("2", "0.36"))));
        }
        self.arrived.push(Arrival {
            attempt,
            amount,
            refunds: Vec::new(),
            disputes: Vec::new(),
        });
    }

    /// Refunds and disputes, which together may claim more than arrived. What we ask for is no more than
    /// that, and only where it is clear what the payment's money is.
    fn claims(&mut self, chance: &mut Chance) {
        let asks = self.arrived.len() == 1;
        let mut number = self.number * 100;
        for arrival in &mut self.arrived {
            let mut left = arrival.amount;
            while !chance.one_in(4) {
                number += 1;
                let amount = 10 + u32::try_from(chance.below(80)).unwrap();
                if chance.one_in(3) {
                    let dispute = DisputeTruth::new(arrival.disputes.len(), amount, chance);
                    arrival.disputes.push(dispute);
                    continue;
                }
                let told = match chance.of(&[Told::Ours, Told::Both, Told::Theirs]) {
                    Told::Ours | Told::Both if !asks || amount > left => Told::Theirs,
                    told => told,
                };
                if told != Told::Theirs {
                    left -= amount;
                }
                let refund = RefundTruth::new(number, amount, told, chance);
                arrival.refunds.push(refund);
            }
        }
    }

    pub(in super::super) fn new_payment(&self) -> NewPayment {
        NewPayment {
            wallet: wallet_id(2),
            amount: Decimal::from(self.amount),
            ..new_payment()
        }
    }

    /// The refunds that we ask for.
    pub(in super::super) fn asked(&self) -> impl Iterator<Item = &RefundTruth> {
        let all = self.arrived.iter().flat_map(|arrival| &arrival.refunds);
        all.filter(|refund| refund.told != Told::Theirs)
    }

    pub(super) fn words(&self) -> Vec<Word> {
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
        for arrival in &self.arrived {
            for refund in &arrival.refunds {
                let answers = Answers::Refund(refund.number);
                let answers = (refund.told != Told::Theirs).then_some(answers);
                for (id, observation) in refund.observations(&arrival.attempt) {
                    say(answers, &|number| PaymentAction::ObserveRefund {
                        refund: id,
                        observation: observation.clone(),
                        transaction: transaction_id(number),
                    });
                }
            }
            for dispute in &arrival.disputes {
                for (phase, status) in &dispute.words {
                    let observation = DisputeObservation {
                        attempt: arrival.attempt.clone(),
                        dispute: theirs(&format!("disp_{}_{}", arrival.attempt, dispute.number)),
                        ..dispute_seen(*status, *phase, &dispute.amount.to_string())
                    };
                    say(None, &|number| PaymentAction::ObserveDispute {
                        observation: observation.clone(),
                        transaction: transaction_id(number),
                    });
                }
            }
        }
        words
    }

    /// Of what arrived as expected, what is still reserved for refunds.
    pub(super) fn reserved(&self) -> Decimal {
        let expected = self.arrived.iter();
        let expected = expected.filter(|arrival| arrival.amount == self.amount);
        expected.map(Arrival::reserved).sum()
    }

    pub(super) fn add_to(
        &self,
        first: Option<&ProviderReference>,
        add: &mut impl FnMut(&'static str, Decimal),
    ) {
        for arrival in &self.arrived {
            // What was expected is the wallet's; another amount, and what was paid twice, nobody's yet.
            let is_expected = arrival.amount == self.amount && first == Some(&arrival.attempt);
            arrival.add_to(if is_expected { "spender" } else { "suspense" }, add);
        }
        if self.has_fee {
            add("gateway_clearing.razorpay", decimal("-2.36"));
            add("gateway_fees.razorpay", decimal("2"));
            add("gateway_tax.razorpay", decimal("0.36"));
        }
    }
}

impl Arrival {
    fn reserved(&self) -> Decimal {
        let reserved = self.refunds.iter().filter(|refund| refund.is_reserved());
        reserved.map(RefundTruth::value).sum()
    }

    /// The holder bears what is claimed, up to what arrived; the platform the rest.
    fn add_to(&self, holder: &'static str, add: &mut impl FnMut(&'static str, Decimal)) {
        let amount = Decimal::from(self.amount);
        let refunds = self.refunds.iter().filter(|refund| refund.has_left());
        let refunded: Decimal = refunds.map(RefundTruth::value).sum();
        let lost = self.disputes.iter().filter(|dispute| dispute.is_lost());
        let lost: Decimal = lost.map(DisputeTruth::value).sum();
        let open = self.disputes.iter().filter(|dispute| dispute.is_open());
        let open: Decimal = open.map(DisputeTruth::value).sum();
        let claimed = refunded + lost + open;
        let borne = claimed.min(amount - self.reserved());
        add(holder, amount - borne);
        add("losses", claimed - borne);
        add("gateway_clearing.razorpay", amount - refunded - lost);
        add("disputed.razorpay", open);
    }
}
