//! Random words of providers and orders of people, in a small world so that they meet.

use proptest::prelude::*;

use crate::beneficiary::BeneficiaryAction;
use crate::command::Command;
use crate::fixtures::*;
use crate::payment::{
    DisputeObservation, DisputePhase, NewPayment, ObservedDispute, ObservedMoney, ObservedPayment,
    ObservedRefund, PaymentAction, PaymentObservation, RefundObservation, provider_refund_id,
    unexpected_payment_id,
};
use crate::payout::{NewPayout, ObservedPayout, PayoutAction, PayoutObservation};
use crate::settlement::{SettlementAction, SettlementReport};

const PAYMENTS: u128 = 2;
const PAYOUTS: u128 = 2;
/// Transactions of the outside have ids of their own, apart from a few that meet others.
const TRANSACTIONS: std::ops::Range<u128> = 20..4_000;

fn any_provider() -> impl Strategy<Value = &'static str> {
    prop_oneof![9 => Just("razorpay"), 1 => Just("stripe")]
}

fn any_attempt() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("pay_1"), 1 => Just("pay_2")]
}

fn any_money() -> impl Strategy<Value = ObservedMoney> {
    let asset = prop_oneof![12 => Just("INR"), 1 => Just("JPY"), 1 => Just("POINTS")];
    let amount = prop_oneof![8 => Just("10"), 2 => Just("4"), 1 => Just("12.5"), 1 => Just("0")];
    (asset, amount).prop_map(|(asset, amount)| ObservedMoney {
        asset: asset_code(asset),
        amount: decimal(amount),
    })
}

fn any_status() -> BoxedStrategy<ObservedPayment> {
    let attempt = || any_attempt().prop_map(theirs);
    prop_oneof![
        1 => Just(ObservedPayment::AwaitingPayer { expires_at: None }),
        1 => prop::option::of(attempt())
            .prop_map(|attempt| ObservedPayment::Failed { attempt, reason: None }),
        1 => Just(ObservedPayment::Expired),
        2 => (attempt(), any_money())
            .prop_map(|(attempt, money)| ObservedPayment::Authorized { attempt, money }),
        1 => attempt().prop_map(|attempt| ObservedPayment::Released { attempt }),
        6 => (attempt(), any_money(), prop::option::of(Just(fees("0.2", "0.036")))).prop_map(
            |(attempt, money, fees)| ObservedPayment::Captured { attempt, money, fees },
        ),
    ]
    .boxed()
}

prop_compose! {
    fn any_payment_observation()(
        name in any_provider(), status in any_status(), transaction in TRANSACTIONS,
    ) -> PaymentAction {
        let observation = PaymentObservation { provider: provider(name), order: None, status };
        observe(transaction, observation)
    }
}

/// The same about an attempt of this payment: at a provider, an attempt belongs to one.
fn of_attempt(mut action: PaymentAction, number: u128) -> PaymentAction {
    let attempt = match &mut action {
        PaymentAction::Observe { observation, .. } => match &mut observation.status {
            ObservedPayment::Captured { attempt, .. } => attempt,
            _ => return action,
        },
        PaymentAction::ObserveRefund { observation, .. } => &mut observation.attempt,
        PaymentAction::ObserveDispute { observation, .. } => &mut observation.attempt,
        _ => return action,
    };
    *attempt = theirs(&format!("{attempt}_{number}"));
    action
}

/// Mostly what is asked for.
fn any_refund_money() -> impl Strategy<Value = ObservedMoney> {
    prop_oneof![4 => Just(inr("4")), 1 => any_money()]
}

prop_compose! {
    fn any_refund_observation()(
        name in any_provider(), attempt in any_attempt(), number in 2..4_u128,
        money in any_refund_money(), by_our_id in prop::bool::weighted(0.5),
        status in prop::sample::select(vec![
            ObservedRefund::Pending, ObservedRefund::Pending, ObservedRefund::Succeeded,
            ObservedRefund::Succeeded, ObservedRefund::Failed,
        ]),
        transaction in TRANSACTIONS,
    ) -> PaymentAction {
        let observation = RefundObservation {
            provider: provider(name),
            attempt: theirs(attempt),
            provider_refund: theirs(&format!("rfnd_{number}")),
            money,
            status,
            bank_reference: None,
            reason: None,
        };
        let theirs_only = provider_refund_id(provider(name), &observation.provider_refund);
        PaymentAction::ObserveRefund {
            refund: if by_our_id { refund_id(number) } else { theirs_only },
            observation,
            transaction: transaction_id(transaction),
        }
    }
}

prop_compose! {
    fn any_dispute_observation()(
        name in any_provider(), attempt in any_attempt(), number in 1..3_u8, money in any_money(),
        fees in prop::option::of(Just(fees("0.3", "0.05"))),
        phase in prop::sample::select(vec![
            DisputePhase::Inquiry, DisputePhase::Chargeback, DisputePhase::Chargeback,
            DisputePhase::PreArbitration, DisputePhase::Arbitration,
        ]),
        status in prop::sample::select(vec![
            ObservedDispute::Open, ObservedDispute::Open, ObservedDispute::Closed,
            ObservedDispute::Won, ObservedDispute::Lost,
        ]),
        transaction in TRANSACTIONS,
    ) -> PaymentAction {
        let observation = DisputeObservation {
            provider: provider(name),
            attempt: theirs(attempt),
            dispute: theirs(&format!("disp_{number}")),
            phase,
            status,
            money,
            fees,
            reason: None,
            respond_by: None,
        };
        PaymentAction::ObserveDispute {
            observation,
            transaction: transaction_id(transaction),
        }
    }
}

fn any_payment_action() -> BoxedStrategy<PaymentAction> {
    let create = (1..=3_u128, any_provider()).prop_map(|(wallet, name)| {
        PaymentAction::Create(NewPayment {
            wallet: wallet_id(wallet),
            amount: decimal("10"),
            route: route(name),
            ..new_payment()
        })
    });
    let refund = (
        2..4_u128,
        prop::option::weighted(0.9, prop::sample::select(vec!["4", "4", "4", "10"])),
    );
    prop_oneof![
        3 => create,
        1 => any_provider().prop_map(|name| PaymentAction::Reroute { route: route(name) }),
        8 => any_payment_observation().boxed(),
        1 => Just(PaymentAction::Expire { reason: None }),
        1 => (1..=3_u128, TRANSACTIONS).prop_map(|(wallet, transaction)| PaymentAction::Credit {
            wallet: wallet_id(wallet),
            transaction: transaction_id(transaction),
        }),
        10 => refund.prop_map(|(refund, amount)| PaymentAction::RequestRefund {
            refund: refund_id(refund),
            amount: amount.map(decimal),
            reason: None,
        }),
        4 => any_refund_observation().boxed(),
        4 => any_dispute_observation().boxed(),
    ]
    .boxed()
}

fn mostly_one() -> impl Strategy<Value = u128> {
    prop_oneof![5 => Just(1_u128), 1 => Just(2_u128)]
}

fn any_payout_action() -> BoxedStrategy<PayoutAction> {
    let request = (
        mostly_one(),
        prop::sample::select(vec!["3", "8", "30"]),
        mostly_one(),
    )
        .prop_map(|(wallet, amount, beneficiary)| {
            PayoutAction::Request(NewPayout {
                wallet: wallet_id(wallet),
                amount: decimal(amount),
                beneficiary: beneficiary_id(beneficiary),
                ..new_payout()
            })
        });
    let status = prop_oneof![
        1 => Just(ObservedPayout::NotAccepted),
        2 => Just(ObservedPayout::Processing),
        3 => prop::option::of(Just(fees("0.5", "0.09")))
            .prop_map(|fees| ObservedPayout::Succeeded { fees }),
        1 => Just(ObservedPayout::Failed),
        1 => Just(ObservedPayout::Returned),
        1 => Just(ObservedPayout::Cancelled),
    ];
    let attempt = prop::option::of(1..=2_u32);
    let observation =
        (any_provider(), attempt, status).prop_map(|(name, attempt, status)| PayoutObservation {
            provider: provider(name),
            attempt,
            ..payout_seen(status)
        });
    prop_oneof![
        5 => request,
        1 => prop::sample::select(vec!["asha", "ravi"])
            .prop_map(|by| PayoutAction::Approve { by: actor(by) }),
        1 => Just(PayoutAction::Cancel { reason: None }),
        4 => any_provider().prop_map(|name| PayoutAction::Submit { route: route(name) }),
        5 => (TRANSACTIONS, observation)
            .prop_map(|(number, observation)| observe_payout(number, observation)),
    ]
    .boxed()
}

fn any_beneficiary() -> impl Strategy<Value = Command> {
    let add = (1..=3_u128).prop_map(|wallet| BeneficiaryAction::Add {
        wallet: wallet_id(wallet),
        destination: destination(),
        by: actor("asha"),
    });
    let action = prop_oneof![
        4 => add,
        4 => Just(BeneficiaryAction::Verify { method: reference("penny drop"), by: actor("ravi") }),
        1 => Just(BeneficiaryAction::Remove { by: actor("asha"), reason: None }),
    ];
    (2..=3_u128, action).prop_map(|(number, action)| Command::Beneficiary {
        beneficiary: beneficiary_id(number),
        action: Box::new(action),
    })
}

fn any_settlement() -> impl Strategy<Value = Command> {
    let net = prop::sample::select(vec!["9.5", "9.5", "-3", "0"]);
    (1..3_u128, net, any_provider(), TRANSACTIONS).prop_map(|(number, net, name, transaction)| {
        let report = SettlementReport {
            provider: provider(name),
            batch: theirs(&format!("setl_{number}")),
            asset: asset_code("INR"),
            net: decimal(net),
            payouts: rust_decimal::Decimal::ZERO,
            fees: fees("0.4", "0.07"),
            bank: parsed("cash"),
            bank_reference: None,
            settled_at: None,
        };
        Command::Settlement {
            settlement: settlement_id(number),
            action: Box::new(SettlementAction::Record {
                report,
                transaction: transaction_id(transaction),
            }),
        }
    })
}

/// What every run begins with: wallet 1 may pay out to beneficiary 1.
pub(super) fn beginning() -> Vec<Command> {
    let of = |action| Command::Beneficiary {
        beneficiary: beneficiary_id(1),
        action: Box::new(action),
    };
    vec![
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

/// Anything about the outside.
/// In boxes, because each kind of command makes the whole larger than a thread's stack.
pub(super) fn any_command() -> BoxedStrategy<Command> {
    let unexpected = unexpected_payment_id(provider("razorpay"), &theirs("pay_1_1"));
    // Mostly named by the payment that it is of.
    let named = prop_oneof![9 => Just(None), 1 => (1..=PAYMENTS).prop_map(|number| Some(payment_id(number))),
        1 => Just(Some(unexpected))];
    let payment = (1..=PAYMENTS, named, any_payment_action());
    prop_oneof![
        12 => payment.prop_map(|(number, named, action)| Command::Payment {
            payment: named.unwrap_or(payment_id(number)),
            action: Box::new(of_attempt(action, number)),
        }),
        6 => (1..=PAYOUTS, any_payout_action())
            .prop_map(|(number, action)| of_payout(number, action)),
        1 => any_beneficiary().boxed(),
        1 => any_settlement().boxed(),
    ]
    .boxed()
}
