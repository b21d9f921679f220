//! Providers whose words arrive in any order, some of them twice.
//!
//! A seed makes the truth: what happened at the provider to some payments and payouts, as a list of
//! words each. They are delivered shuffled and repeated, several times over; each time all money must
//! be where the truth says it is, and every payment and payout in the same state.

mod truth;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::commands::recorded_at;
use crate::beneficiary::BeneficiaryAction;
use crate::book::Book;
use crate::command::Command;
use crate::decision::{DecisionError, decide};
use crate::fixtures::*;
use crate::ledger::{RequestedPolicy, standard_system_accounts};
use crate::payment::PaymentAction;
use crate::payout::PayoutAction;
use crate::transaction::TransactionRequest;
use crate::wallet::RequestedOverdraft;

use truth::{Chance, Truth, Word};

const WALLET_HAS: &str = "100000";

/// A ledger with wallet 1 full of money, so that nobody has to bear what a wallet cannot.
fn beginning() -> Vec<Command> {
    let of = |action| Command::Beneficiary {
        beneficiary: beneficiary_id(1),
        action: Box::new(action),
    };
    vec![
        Command::OpenLedger {
            name: parsed("main"),
            system_accounts: standard_system_accounts(),
        },
        Command::SetPaymentPolicy {
            asset: asset_code("INR"),
            policy: RequestedPolicy {
                chargeback_overdraft: RequestedOverdraft::Unlimited,
                payout_approval_above: None,
            },
        },
        Command::OpenWallet {
            wallet: wallet_id(1),
            owner: owner("somebody"),
            overdraft: Vec::new(),
            reference: None,
            metadata: crate::annotation::Metadata::default(),
        },
        Command::PostTransaction {
            transaction: transaction_id(1),
            request: TransactionRequest {
                postings: vec![requested(system("cash"), wallet(1), "INR", WALLET_HAS)],
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
    steps: usize,
}

impl World {
    fn begin(truth: &Truth) -> Self {
        let mut world = Self {
            book: Book::complete(),
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
            let submit = PayoutAction::Submit {
                route: route("razorpay"),
            };
            world.give(&of_payout(payout.number, submit)).unwrap();
        }
        world
    }

    /// The code of the refusal, and whether it may pass.
    fn give(&mut self, command: &Command) -> Result<(), (&'static str, bool)> {
        self.steps += 1;
        let decided = decide(&mut self.book, command, recorded_at(self.steps));
        self.book.settle(self.book.savepoint());
        let balance = self.book.trial_balance().unwrap();
        assert_eq!(balance.first_difference(), None, "{command:?}");
        match decided {
            Ok(_) => Ok(()),
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
                .refunds
                .iter()
                .filter(|refund| captured.refund_state(refund_id(refund.number)).is_none())
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
                if word
                    .answers
                    .is_some_and(|refund| !self.asked(&word, refund))
                {
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

    /// A provider speaks of a refund of ours only after it was asked for.
    fn asked(&self, word: &Word, refund: u128) -> bool {
        let state = self.book.payment(payment_id(word.about));
        state
            .captured()
            .is_some_and(|captured| captured.refund_state(refund_id(refund)).is_some())
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

    fn reserved(&self) -> String {
        let standing = self.book.standing(account(wallet(1), "INR")).unwrap();
        standing.pending_debits.value().normalize().to_string()
    }

    fn states(&self, truth: &Truth) -> Vec<String> {
        let payments = truth.payments.iter().map(|payment| {
            let state = self.book.payment(payment_id(payment.number));
            format!("{} {:?}", payment.number, state.status().unwrap())
        });
        let payouts = truth.payouts.iter().map(|payout| {
            let state = self.book.payout(payout_id(payout.number));
            format!("{} {:?}", payout.number, state.status().unwrap())
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
        let mut first: Option<Vec<String>> = None;
        for _ in 0..5 {
            let mut world = World::begin(&truth);
            let words = chance.shuffled_and_repeated(&truth.words());
            world.deliver(&truth, words);
            prop_assert_eq!(world.balances(), truth.balances(WALLET_HAS), "{:#?}", truth);
            prop_assert_eq!(world.reserved(), truth.reserved());
            let states = world.states(&truth);
            prop_assert_eq!(first.get_or_insert_with(|| states.clone()), &states, "{:#?}", truth);
        }
    }
}
