//! Providers whose words arrive in any order, some of them twice.
//!
//! A seed makes the truth: what happened at the provider to some payments and payouts, as a list of
//! words each: payments that are paid twice, refunds and disputes that claim more than was paid, by ids of
//! ours and without, and payouts that are taken on only the second time. They are delivered shuffled and
//! repeated, several times over; each time all money must be where the truth says it is, and every payment
//! and payout in the same state. The payments' wallet has nothing else and may owe nothing.

mod anew;
mod truth;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::commands::recorded_at;
use crate::beneficiary::BeneficiaryAction;
use crate::book::Book;
use crate::command::Command;
use crate::decision::{DecisionError, decide};
use crate::fixtures::*;
use crate::identifier::ProviderReference;
use crate::ledger::{RequestedPolicy, standard_system_accounts};
use crate::payment::PaymentAction;
use crate::payout::{PayoutAction, PayoutStatus};
use crate::transaction::TransactionRequest;
use crate::wallet::RequestedOverdraft;

use truth::{Answers, Chance, Truth, Word};

const SAVER_HAS: &str = "100000";

/// A ledger with wallet 1 full of money for payouts, and wallet 2 for payments.
fn beginning() -> Vec<Command> {
    let of = |action| Command::Beneficiary {
        beneficiary: beneficiary_id(1),
        action: Box::new(action),
    };
    let open = |number| Command::OpenWallet {
        wallet: wallet_id(number),
        owner: owner("somebody"),
        overdraft: Vec::new(),
        reference: None,
        metadata: crate::annotation::Metadata::default(),
    };
    vec![
        Command::OpenLedger {
            name: parsed("main"),
            system_accounts: standard_system_accounts(),
        },
        Command::SetPaymentPolicy {
            asset: asset_code("INR"),
            policy: RequestedPolicy {
                chargeback_overdraft: RequestedOverdraft::Forbidden,
                payout_approval_above: None,
            },
        },
        open(1),
        open(2),
        Command::PostTransaction {
            transaction: transaction_id(1),
            request: TransactionRequest {
                postings: vec![requested(system("cash"), wallet(1), "INR", SAVER_HAS)],
                effective_at: None,
                reference: None,
                metadata: crate::annotation::Metadata::default(),
            },
        },
        of(BeneficiaryAction::Add {
            wallet: wallet_id(1),
            destination: destination(),
            by: actor("asha"),
        }),
        of(BeneficiaryAction::Verify {
            method: reference("penny drop"),
            by: actor("ravi"),
        }),
    ]
}

struct World {
    book: Book,
    /// The same, decided anew.
    again: Book,
    steps: usize,
}

impl World {
    fn begin(truth: &Truth) -> Self {
        let mut world = Self {
            book: Book::complete(),
            again: Book::complete(),
            steps: 0,
        };
        for command in beginning() {
            world.give(&command).unwrap();
        }
        for payment in &truth.payments {
            let create = PaymentAction::Create(payment.new_payment());
            world.give(&of_payment(payment.number, create)).unwrap();
        }
        for payout in &truth.payouts {
            let new = PayoutAction::Request(payout.new_payout());
            world.give(&of_payout(payout.number, new)).unwrap();
        }
        world
    }

    /// Asks a provider for every payout that waits for it, as its process would.
    fn submit(&mut self, truth: &Truth) {
        for payout in &truth.payouts {
            let state = self.book.payout(payout_id(payout.number));
            if state.status() == Some(PayoutStatus::Requested) {
                let route = route("razorpay");
                let submit = PayoutAction::Submit { route };
                self.give(&of_payout(payout.number, submit)).unwrap();
            }
        }
    }

    /// The code of the refusal, and whether it may pass.
    fn give(&mut self, command: &Command) -> Result<(), (&'static str, bool)> {
        self.steps += 1;
        let decided = decide(&mut self.book, command, recorded_at(self.steps));
        self.book.settle(self.book.savepoint());
        let balance = self.book.trial_balance().unwrap();
        assert_eq!(balance.first_difference(), None, "{command:?}");
        match decided {
            Ok(events) => {
                anew::follow(&mut self.again, &events, recorded_at(self.steps));
                Ok(())
            }
            Err(DecisionError::Rejected(refused)) => Err((refused.code(), refused.is_transient())),
            Err(fault @ (DecisionError::Book(_) | DecisionError::Lacking(_))) => {
                panic!("{command:?}: {fault}")
            }
        }
    }

    /// Asks for the refunds of a payment as soon as it can be refunded, as its process would.
    fn refund_what_arrived(&mut self, truth: &Truth) {
        for payment in &truth.payments {
            let state = self.book.payment(payment_id(payment.number));
            let Some(captured) = state.captured() else {
                continue;
            };
            let wanted: Vec<Command> = payment
                .asked()
                .filter(|refund| !captured.refunds.contains_key(&refund_id(refund.number)))
                .map(|refund| of_payment(payment.number, refund.request()))
                .collect();
            for command in wanted {
                self.give(&command).unwrap();
            }
        }
    }

    /// Delivers every word, those that are too early again and again.
    fn deliver(&mut self, truth: &Truth, mut words: Vec<Word>) {
        while !words.is_empty() {
            let mut early = Vec::new();
            let before = words.len();
            for word in words {
                self.refund_what_arrived(truth);
                self.submit(truth);
                if !self.asked(&word) {
                    early.push(word);
                    continue;
                }
                match self.give(&word.command) {
                    Ok(()) => {}
                    Err((_, true)) => early.push(word),
                    Err((code, false)) => panic!("{code}: {word:?}"),
                }
            }
            assert!(early.len() < before, "stuck: {early:?}");
            words = early;
        }
    }

    /// A provider speaks of what we ask for only after it was asked for.
    fn asked(&self, word: &Word) -> bool {
        match word.answers {
            None => true,
            Some(Answers::Refund(refund)) => {
                let state = self.book.payment(payment_id(word.about));
                refund_state(state, refund).is_some()
            }
            Some(Answers::Attempt(attempt)) => {
                let state = self.book.payout(payout_id(word.about));
                state.terms().is_some_and(|terms| terms.attempts >= attempt)
            }
        }
    }

    /// The attempt that was heard of first as having paid a payment.
    fn first_of(&self, payment: u128) -> Option<ProviderReference> {
        let state = self.book.payment(payment_id(payment));
        Some(state.captured()?.attempt.clone())
    }

    fn balances(&self) -> BTreeMap<String, String> {
        let accounts = self.book.accounts().map(|(id, _)| id);
        let standing = |id| self.book.standing(id).unwrap();
        accounts
            .map(|id| {
                let balance = standing(id).balance().unwrap().value();
                (id.to_string(), balance.normalize().to_string())
            })
            .filter(|(_, balance)| balance != "0")
            .collect()
    }

    fn reserved(&self) -> [String; 2] {
        [wallet(1), wallet(2)].map(|holder| {
            let standing = self.book.standing(account(holder, "INR"));
            let reserved = standing.map(|standing| standing.pending_debits.value());
            reserved.unwrap_or_default().normalize().to_string()
        })
    }

    /// The state of everything, by what it is of: of which attempt a payment is depends on the order.
    fn states(&self, truth: &Truth) -> Vec<(String, String)> {
        let payments = truth.payments.iter().map(|payment| {
            let state = self.book.payment(payment_id(payment.number));
            let of = format!("{} {:?}", payment.number, self.first_of(payment.number));
            (of, state.status().unwrap().to_string())
        });
        let payouts = truth.payouts.iter().map(|payout| {
            let state = self.book.payout(payout_id(payout.number));
            (
                payout.number.to_string(),
                state.status().unwrap().to_string(),
            )
        });
        payments.chain(payouts).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_the_order_money_is_where_the_provider_says(seed in any::<u64>()) {
        let mut chance = Chance::new(seed);
        let truth = Truth::new(&mut chance);
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for _ in 0..5 {
            let mut world = World::begin(&truth);
            let words = chance.shuffled_and_repeated(&truth.words());
            world.deliver(&truth, words);
            let expected = truth.balances(SAVER_HAS, |payment| world.first_of(payment));
            prop_assert_eq!(world.balances(), expected, "{:#?}", truth);
            prop_assert_eq!(world.reserved(), truth.reserved());
            for (of, state) in world.states(&truth) {
                let before = known.entry(of).or_insert_with(|| state.clone()).clone();
                prop_assert_eq!(before, state, "{:#?}", truth);
            }
        }
    }
}
