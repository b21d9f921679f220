//! Payments, payouts and settlements meet the book: what each step moves.

use super::*;
use crate::ledger::RequestedPolicy;
use crate::payment::{
    DisputeObservation, DisputePhase, ObservedDispute, ObservedPayment, ObservedRefund,
    PaymentStatus, RefundObservation, unexpected_payment_id,
};
use crate::payout::{ObservedPayout, PayoutObservation, PayoutStatus};
use crate::settlement::SettlementReport;
use crate::wallet::RequestedOverdraft;

/// Wallet 1 has 10.00 INR, and payment 1 is to bring it 100.00.
pub(super) fn created() -> Book {
    let mut book = started();
    apply(
        &mut book,
        &of_payment(1, PaymentAction::Create(new_payment())),
    );
    book
}

pub(super) fn paid() -> Book {
    let mut book = created();
    let action = observe(201, seen(captured_as("pay_1", "100")));
    apply(&mut book, &of_payment(1, action));
    book
}

/// The balance of an account from its own side, as text.
pub(super) fn balance(book: &Book, holder: Holder) -> String {
    let standing = book.standing(account(holder, "INR"));
    let balance = standing.map_or_else(Default::default, |standing| standing.balance().unwrap());
    balance.value().round_dp(2).normalize().to_string()
}

pub(super) fn balances(book: &Book) -> [String; 6] {
    let razorpay = provider("razorpay");
    [
        wallet(1),
        razorpay.clearing(),
        razorpay.payouts(),
        razorpay.disputed(),
        system("suspense"),
        system("losses"),
    ]
    .map(|holder| balance(book, holder))
}

pub(super) fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::name).collect()
}

pub(super) fn say_refund(number: u128, status: ObservedRefund, amount: &str) -> Command {
    let action = PaymentAction::ObserveRefund {
        refund: refund_id(number),
        observation: RefundObservation {
            provider_refund: theirs(&format!("rfnd_{number}")),
            ..refund_seen(status, amount)
        },
        transaction: transaction_id(
            300 + number * 10 + u128::from(status == ObservedRefund::Failed),
        ),
    };
    of_payment(1, action)
}

/// An observation of a refund or dispute, with the transaction's id made of a number.
pub(super) fn observe_refund(number: u128, observation: RefundObservation) -> PaymentAction {
    PaymentAction::ObserveRefund {
        refund: refund_id(number),
        observation,
        transaction: transaction_id(300 + number * 10),
    }
}

pub(super) fn observe_dispute(number: u128, observation: DisputeObservation) -> PaymentAction {
    PaymentAction::ObserveDispute {
        observation,
        transaction: transaction_id(number),
    }
}

fn say_dispute(number: u128, status: ObservedDispute, phase: DisputePhase) -> Command {
    let action = PaymentAction::ObserveDispute {
        observation: dispute_seen(status, phase, "100"),
        transaction: transaction_id(400 + number),
    };
    of_payment(1, action)
}

pub(super) fn ask_refund(number: u128, amount: &str) -> Command {
    let action = PaymentAction::RequestRefund {
        refund: refund_id(number),
        amount: Some(decimal(amount)),
        reason: None,
    };
    of_payment(1, action)
}

pub(super) fn chargebacks(overdraft: RequestedOverdraft) -> Command {
    Command::SetPaymentPolicy {
        asset: asset_code("INR"),
        policy: RequestedPolicy {
            chargeback_overdraft: overdraft,
            payout_approval_above: None,
        },
    }
}

#[test]
fn a_capture_and_the_wallets_credit_are_one_decision() {
    let mut book = created();
    let with_fees = ObservedPayment::Captured {
        attempt: theirs("pay_1"),
        money: inr("100"),
        fees: Some(fees("2", "0.36")),
    };
    let events = apply(&mut book, &of_payment(1, observe(201, seen(with_fees))));
    assert_eq!(
        names(&events),
        [
            "PaymentCaptured",
            "SystemAccountOpened",
            "SystemAccountOpened",
            "SystemAccountOpened",
            "TransactionPosted"
        ]
    );
    assert_eq!(balances(&book), ["110", "97.64", "0", "0", "0", "0"]);
    let razorpay = provider("razorpay");
    assert_eq!(balance(&book, razorpay.fees()), "2");
    assert_eq!(balance(&book, razorpay.tax()), "0.36");
    let Some(Event::Transaction(TransactionEvent::TransactionPosted { cause, .. })) = events.last()
    else {
        panic!("{events:?}")
    };
    assert_eq!(*cause, TransactionCause::Payment(payment_id(1)));
    // The second time nothing happens, whatever the transaction's id.
    let again = observe(202, seen(captured_as("pay_1", "100")));
    assert_eq!(apply(&mut book, &of_payment(1, again)), []);
}

#[test]
fn fees_that_are_told_later_leave_the_clearing_account_then() {
    let mut book = paid();
    let told = ObservedPayment::Captured {
        attempt: theirs("pay_1"),
        money: inr("100"),
        fees: Some(fees("1.005", "0")),
    };
    let events = apply(&mut book, &of_payment(1, observe(202, seen(told))));
    assert_eq!(names(&events)[0], "PaymentFeesRecorded");
    assert_eq!(balance(&book, provider("razorpay").clearing()), "99");
}

#[test]
fn money_of_no_payment_or_of_one_that_was_paid_is_in_suspense_under_an_id_of_its_own() {
    for (mut book, wallet_has) in [(started(), "10"), (paid(), "110")] {
        let stray = observe(210, seen(captured_as("pay_9", "30")));
        let events = apply(&mut book, &of_payment(1, stray.clone()));
        assert_eq!(names(&events)[0], "UnexpectedPaymentCaptured");
        assert_eq!(balance(&book, system("suspense")), "30");
        assert_eq!(balance(&book, wallet(1)), wallet_has);
        // Ten times the same.
        for _ in 0..10 {
            assert_eq!(apply(&mut book, &of_payment(1, stray.clone())), []);
        }
        let id = unexpected_payment_id(provider("razorpay"), &theirs("pay_9"));
        let credit = Command::Payment {
            payment: id,
            action: Box::new(PaymentAction::Credit {
                wallet: wallet_id(2),
                transaction: transaction_id(211),
            }),
        };
        apply(&mut book, &credit);
        assert_eq!(balance(&book, system("suspense")), "0");
        assert_eq!(balance(&book, wallet(2)), "30");
    }
}

#[test]
fn a_refund_is_reserved_then_moved_or_given_back() {
    let mut book = paid();
    assert_eq!(
        names(&apply(&mut book, &ask_refund(1, "60"))),
        ["RefundRequested", "HoldPlaced"]
    );
    assert_eq!(
        (balance(&book, wallet(1)), available(&book, 1)),
        ("110".into(), decimal("50.00"))
    );
    // Nobody else can end the hold.
    let void = Command::VoidHold {
        hold: hold_id(1),
        reason: None,
    };
    assert_eq!(refuse(&mut book, &void), "hold_managed");
    assert_eq!(refuse(&mut book, &capture(1, 250, None)), "hold_managed");
    let succeeded = say_refund(1, ObservedRefund::Succeeded, "60");
    assert_eq!(
        names(&apply(&mut book, &succeeded)),
        ["RefundSucceeded", "HoldCaptured", "TransactionPosted"]
    );
    assert_eq!(balances(&book), ["50", "40", "0", "0", "0", "0"]);
    let failed = say_refund(1, ObservedRefund::Failed, "60");
    assert_eq!(
        names(&apply(&mut book, &failed)),
        ["RefundFailed", "TransactionPosted"]
    );
    assert_eq!(balances(&book), ["110", "100", "0", "0", "0", "0"]);
    apply(&mut book, &ask_refund(2, "60"));
    let failed = say_refund(2, ObservedRefund::Failed, "60");
    assert_eq!(
        names(&apply(&mut book, &failed)),
        ["RefundFailed", "HoldVoided"]
    );
    assert_eq!(available(&book, 1), decimal("110.00"));
}

#[test]
fn a_refund_needs_the_money_to_be_there() {
    let mut book = paid();
    apply(&mut book, &pay(220, wallet(1), wallet(2), "100"));
    assert_eq!(
        refuse(&mut book, &ask_refund(1, "60")),
        "insufficient_funds"
    );
}

#[test]
fn what_a_payment_or_payout_has_posted_cannot_be_reverted() {
    let mut book = paid();
    assert_eq!(refuse(&mut book, &revert(201, 202)), "transaction_managed");
    apply(&mut book, &ask_refund(1, "60"));
    apply(&mut book, &say_refund(1, ObservedRefund::Succeeded, "60"));
    assert_eq!(refuse(&mut book, &revert(310, 203)), "transaction_managed");
    let mut book = submitted();
    let succeeded = ObservedPayout::Succeeded { fees: None };
    apply(&mut book, &say_payout(1, succeeded));
    assert_eq!(refuse(&mut book, &revert(501, 204)), "transaction_managed");
}

/// The money has left the provider's balance already, so neither a freeze nor a low balance matters.
#[test]
fn a_refund_that_succeeded_is_moved_though_the_wallet_was_frozen_since() {
    let mut book = paid();
    apply(&mut book, &ask_refund(1, "60"));
    apply(&mut book, &freeze(1, crate::posting::FreezeScope::All));
    apply(&mut book, &say_refund(1, ObservedRefund::Succeeded, "60"));
    assert_eq!(balances(&book), ["50", "40", "0", "0", "0", "0"]);
    apply(&mut book, &say_refund(1, ObservedRefund::Failed, "60"));
    assert_eq!(balances(&book), ["110", "100", "0", "0", "0", "0"]);
}

#[test]
fn a_dispute_takes_its_money_aside_and_decides_where_it_goes() {
    use DisputePhase::{Chargeback, PreArbitration};
    use ObservedDispute::{Lost, Open, Won};
    let mut book = paid();
    let steps = [
        (Open, Chargeback, ["10", "100", "0", "100", "0", "0"]),
        (Won, Chargeback, ["110", "100", "0", "0", "0", "0"]),
        (Open, PreArbitration, ["10", "100", "0", "100", "0", "0"]),
        (Lost, PreArbitration, ["10", "0", "0", "0", "0", "0"]),
    ];
    for (number, (status, phase, expected)) in steps.into_iter().enumerate() {
        let command = say_dispute(u128::try_from(number).unwrap(), status, phase);
        apply(&mut book, &command);
        assert_eq!(balances(&book), expected);
    }
    assert_eq!(
        book.payment(payment_id(1)).status(),
        Some(PaymentStatus::Disputed)
    );
}

#[test]
fn the_policy_says_how_far_a_chargeback_takes_a_wallet_below_zero() {
    use DisputePhase::Chargeback;
    use ObservedDispute::{Lost, Open, Won};
    for (policy, open, lost, won) in [
        (
            RequestedOverdraft::Forbidden,
            ["0", "100", "0", "100", "0", "70"],
            ["0", "0", "0", "0", "0", "70"],
            ["30", "100", "0", "0", "0", "0"],
        ),
        (
            RequestedOverdraft::UpTo(decimal("50")),
            ["-50", "100", "0", "100", "0", "20"],
            ["-50", "0", "0", "0", "0", "20"],
            ["30", "100", "0", "0", "0", "0"],
        ),
        (
            RequestedOverdraft::Unlimited,
            ["-70", "100", "0", "100", "0", "0"],
            ["-70", "0", "0", "0", "0", "0"],
            ["30", "100", "0", "0", "0", "0"],
        ),
    ] {
        let mut book = paid();
        apply(&mut book, &chargebacks(policy));
        apply(&mut book, &pay(230, wallet(1), wallet(2), "80"));
        apply(&mut book, &say_dispute(1, Open, Chargeback));
        assert_eq!(balances(&book), open);
        let opened = book.clone();
        apply(&mut book, &say_dispute(2, Lost, Chargeback));
        assert_eq!(balances(&book), lost);
        book = opened;
        apply(&mut book, &say_dispute(3, Won, Chargeback));
        assert_eq!(balances(&book), won);
    }
}

fn verified(book: &mut Book) {
    let of = |action| Command::Beneficiary {
        beneficiary: beneficiary_id(1),
        action: Box::new(action),
    };
    let add = BeneficiaryAction::Add {
        wallet: wallet_id(1),
        destination: destination(),
        by: actor("asha"),
    };
    let verify = BeneficiaryAction::Verify {
        method: reference("penny drop"),
        by: actor("ravi"),
    };
    apply(book, &of(add));
    apply(book, &of(verify));
}

fn submitted() -> Book {
    let mut book = paid();
    verified(&mut book);
    apply(
        &mut book,
        &of_payout(1, PayoutAction::Request(new_payout())),
    );
    let submit = PayoutAction::Submit {
        route: route("razorpay"),
    };
    apply(&mut book, &of_payout(1, submit));
    book
}

fn say_payout(number: u128, status: ObservedPayout) -> Command {
    of_payout(1, observe_payout(500 + number, payout_seen(status)))
}

#[test]
fn a_payout_is_reserved_paid_and_comes_back_late() {
    let mut book = submitted();
    assert_eq!(
        (balance(&book, wallet(1)), available(&book, 1)),
        ("110".into(), decimal("70.00"))
    );
    let charged = ObservedPayout::Succeeded {
        fees: Some(fees("5", "0.9")),
    };
    assert_eq!(
        names(&apply(&mut book, &say_payout(1, charged))),
        [
            "PayoutSucceeded",
            "SystemAccountOpened",
            "HoldCaptured",
            "TransactionPosted",
            "SystemAccountOpened",
            "SystemAccountOpened",
            "TransactionPosted"
        ]
    );
    assert_eq!(balances(&book), ["70", "100", "-45.9", "0", "0", "0"]);
    assert_eq!(
        names(&apply(&mut book, &say_payout(2, ObservedPayout::Returned))),
        ["PayoutReturned", "TransactionPosted"]
    );
    assert_eq!(balances(&book), ["110", "100", "-5.9", "0", "0", "0"]);
    assert_eq!(
        book.payout(payout_id(1)).status(),
        Some(PayoutStatus::Returned)
    );
}

#[test]
fn what_a_payout_costs_is_moved_when_it_is_told() {
    let mut book = submitted();
    let told = |fees| ObservedPayout::Succeeded { fees };
    apply(&mut book, &say_payout(1, told(None)));
    assert_eq!(balances(&book), ["70", "100", "-40", "0", "0", "0"]);
    let late = apply(&mut book, &say_payout(2, told(Some(fees("5", "0.9")))));
    assert_eq!(names(&late)[0], "PayoutFeesRecorded");
    assert_eq!(balances(&book), ["70", "100", "-45.9", "0", "0", "0"]);
    assert_eq!(balance(&book, provider("razorpay").tax()), "0.9");
    let again = say_payout(3, told(Some(fees("5", "0.9"))));
    assert_eq!(apply(&mut book, &again), []);
}

/// The money has arrived, whatever is said of its price.
#[test]
fn a_charge_that_is_none_does_not_hide_a_capture() {
    let captured = |attempt: &str, fees| ObservedPayment::Captured {
        attempt: theirs(attempt),
        money: inr("100"),
        fees: Some(fees),
    };
    for unusable in [fees("-0.01", "0"), fees("-1", "3"), fees("0.1", "-0.1")] {
        let mut book = created();
        let told = of_payment(1, observe(201, seen(captured("pay_1", unusable))));
        apply(&mut book, &told);
        let stray = of_payment(1, observe(202, seen(captured("pay_9", unusable))));
        apply(&mut book, &stray);
        assert_eq!(balances(&book), ["110", "200", "0", "0", "100", "0"]);
        // Told alone it is for a person; once it can be used it is taken in.
        for again in [told, stray] {
            assert_eq!(refuse(&mut book, &again), "fees_not_an_amount");
        }
        let usable = of_payment(1, observe(203, seen(captured("pay_1", fees("2", "0")))));
        assert_eq!(names(&apply(&mut book, &usable))[0], "PaymentFeesRecorded");
    }
}

#[test]
fn a_payout_that_does_not_take_place_gives_its_hold_back() {
    for status in [
        ObservedPayout::Failed,
        ObservedPayout::Returned,
        ObservedPayout::Cancelled,
    ] {
        let mut book = submitted();
        let events = apply(&mut book, &say_payout(1, status));
        assert_eq!(names(&events)[1..], ["HoldVoided"]);
        assert_eq!(available(&book, 1), decimal("110.00"));
    }
    let mut book = submitted();
    let denied = PayoutObservation {
        provider_payout: None,
        ..payout_seen(ObservedPayout::NotAccepted)
    };
    let events = apply(&mut book, &of_payout(1, observe_payout(501, denied)));
    assert_eq!(names(&events), ["PayoutNotAccepted"]);
    assert_eq!(available(&book, 1), decimal("70.00"));
    let cancel = PayoutAction::Cancel { reason: None };
    apply(&mut book, &of_payout(1, cancel));
    assert_eq!(available(&book, 1), decimal("110.00"));
}

#[test]
fn a_payout_is_not_asked_for_without_the_money_or_the_beneficiary() {
    let mut book = paid();
    let request = of_payout(1, PayoutAction::Request(new_payout()));
    assert_eq!(refuse(&mut book, &request), "beneficiary_not_verified");
    verified(&mut book);
    let mut much = new_payout();
    much.amount = decimal("110.01");
    let much = of_payout(1, PayoutAction::Request(much));
    assert_eq!(refuse(&mut book, &much), "insufficient_funds");
    apply(&mut book, &request);
    assert_eq!(refuse(&mut book, &request), "payout_exists");
}

#[test]
fn a_settlement_brings_the_clearing_account_to_the_bank() {
    let mut book = paid();
    let report = SettlementReport {
        provider: provider("razorpay"),
        batch: theirs("setl_1"),
        asset: asset_code("INR"),
        net: decimal("87.64"),
        payouts: decimal("10"),
        fees: fees("2", "0.36"),
        bank: parsed("cash"),
        bank_reference: None,
        settled_at: None,
    };
    let record = |number, report| Command::Settlement {
        settlement: settlement_id(1),
        action: Box::new(SettlementAction::Record {
            report,
            transaction: transaction_id(number),
        }),
    };
    let cash = balance(&book, system("cash"));
    apply(&mut book, &record(600, report.clone()));
    assert_eq!(balance(&book, provider("razorpay").clearing()), "0");
    let brought = decimal(&balance(&book, system("cash"))) - decimal(&cash);
    assert_eq!(brought, decimal("87.64"));
    let paid_out = balance(&book, provider("razorpay").payouts());
    assert_eq!(paid_out, "10");
    assert_eq!(apply(&mut book, &record(601, report.clone())), []);
    let other = SettlementReport {
        net: decimal("87.63"),
        ..report
    };
    assert_eq!(refuse(&mut book, &record(602, other)), "settlement_differs");
}

#[test]
fn a_transactions_id_that_is_taken_refuses_the_observation_whole() {
    let mut book = created();
    let taken = observe(100, seen(captured_as("pay_1", "100")));
    assert_eq!(
        refuse(&mut book, &of_payment(1, taken)),
        "transaction_exists"
    );
    assert_eq!(
        book.payment(payment_id(1)).status(),
        Some(PaymentStatus::Created)
    );
}

#[test]
fn what_a_command_needs_grows_once_its_payment_is_known() {
    let whole = paid();
    let mut part = Book::partial(whole.position(), None, whole.ledger().clone(), 20);
    let command = say_refund(1, ObservedRefund::Succeeded, "60");
    assert!(needs_follow_from_book(&command));
    let first = lacking(&mut part, &command);
    assert!(first.contains(&EntityKey::Payment(payment_id(1))));
    assert!(!first.contains(&EntityKey::Holder(wallet(1))));
    let state = whole.payment(payment_id(1)).clone();
    part.load_payment(payment_id(1), state, 2);
    let second = lacking(&mut part, &command);
    assert!(second.contains(&EntityKey::Holder(wallet(1))), "{second:?}");
}
