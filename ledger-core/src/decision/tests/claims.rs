//! What is taken back of a payment by force, in whatever order: who bears it in the end.

use super::outside::*;
use super::*;
use crate::payment::{
    DisputeObservation, DisputePhase, ObservedDispute, ObservedRefund, RefundObservation,
    provider_refund_id,
};
use crate::wallet::RequestedOverdraft;

use DisputePhase::{Arbitration, Chargeback};
use ObservedDispute::{Closed, Lost, Open, Won};
use ObservedRefund::{Failed, Succeeded};

/// Wallet 3 has 100.00 INR by payment 1 and nothing else, and owes nothing.
fn exactly() -> Book {
    let mut book = started();
    apply(&mut book, &chargebacks(RequestedOverdraft::Forbidden));
    let mut new = new_payment();
    new.wallet = wallet_id(3);
    apply(&mut book, &of_payment(1, PaymentAction::Create(new)));
    let action = observe(201, seen(captured_as("pay_1", "100")));
    apply(&mut book, &of_payment(1, action));
    book
}

fn dispute(number: u128, status: ObservedDispute, amount: &str) -> Command {
    dispute_in(Chargeback, number, status, amount)
}

fn dispute_in(phase: DisputePhase, number: u128, status: ObservedDispute, amount: &str) -> Command {
    let observation = DisputeObservation {
        dispute: theirs(&format!("disp_{number}")),
        ..dispute_seen(status, phase, amount)
    };
    let transaction = match status {
        Open => 400,
        Closed => 410,
        Won => 420,
        Lost => 430,
    };
    let again = if phase == Arbitration { 5 } else { 0 };
    of_payment(
        1,
        observe_dispute(transaction + number + again, observation),
    )
}

/// Wallet 3, and what the platform bears.
fn ends(book: &Book) -> [String; 2] {
    [wallet(3), system("losses")].map(|holder| balance(book, holder))
}

fn after(commands: &[Command]) -> Book {
    let mut book = exactly();
    for command in commands {
        apply(&mut book, command);
    }
    book
}

/// Every order of `words` that a provider's words can come in.
fn orders(words: &[Command]) -> Vec<Vec<Command>> {
    if words.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in 0..words.len() {
        let mut rest = words.to_vec();
        let word = rest.remove(first);
        for mut order in orders(&rest) {
            order.insert(0, word.clone());
            all.push(order);
        }
    }
    all
}

#[test]
fn a_refund_while_a_dispute_is_open_leaves_the_wallet_with_nothing_whatever_comes_of_it() {
    let refunded = say_refund(5, Succeeded, "100");
    for (end, losses) in [(Lost, "100"), (Won, "0"), (Closed, "0")] {
        let words = [
            dispute(1, Open, "100"),
            refunded.clone(),
            dispute(1, end, "100"),
        ];
        for order in orders(&words) {
            let book = after(&order);
            assert_eq!(ends(&book), ["0", losses], "{end:?}: {order:?}");
        }
    }
}

#[test]
fn two_disputes_of_the_same_money_leave_the_wallet_with_nothing() {
    for (first, second, losses) in [(Won, Lost, "0"), (Lost, Won, "0"), (Lost, Lost, "100")] {
        let words = [
            dispute(1, Open, "100"),
            dispute(2, Open, "100"),
            dispute(1, first, "100"),
            dispute(2, second, "100"),
        ];
        for order in orders(&words) {
            assert_eq!(ends(&after(&order)), ["0", losses], "{order:?}");
        }
    }
    let both_won = [
        dispute(1, Open, "100"),
        dispute(2, Open, "100"),
        dispute(1, Won, "100"),
        dispute(2, Won, "100"),
    ];
    for order in orders(&both_won) {
        assert_eq!(ends(&after(&order)), ["100", "0"], "{order:?}");
    }
}

/// The wallet had spent a part, so the platform bears what it lacks; it gets no less than that back.
#[test]
fn what_a_wallet_cannot_bear_is_borne_and_given_back_whatever_the_order() {
    let spent = pay(230, wallet(3), wallet(2), "70");
    for (end, expected) in [(Lost, ["0", "70"]), (Won, ["0", "20"])] {
        let words = [
            dispute(1, Open, "50"),
            say_refund(5, Succeeded, "50"),
            dispute(1, end, "50"),
        ];
        for order in orders(&words) {
            let order = [vec![spent.clone()], order].concat();
            assert_eq!(ends(&after(&order)), expected, "{end:?}: {order:?}");
        }
    }
}

/// What was reserved when the dispute was opened could not be taken for it.
#[test]
fn a_refund_that_fails_frees_what_the_platform_had_to_bear_meanwhile() {
    let failed = say_refund(1, Failed, "100");
    let mut book = after(&[ask_refund(1, "100"), dispute(1, Open, "100")]);
    assert_eq!(ends(&book), ["100", "100"]);
    assert_eq!(
        names(&apply(&mut book, &failed)),
        ["RefundFailed", "HoldVoided", "TransactionPosted"]
    );
    assert_eq!(ends(&book), ["0", "0"]);
    apply(&mut book, &dispute(1, Won, "100"));
    assert_eq!(ends(&book), ["100", "0"]);
    // The same when it was won first.
    let won_first = after(&[
        ask_refund(1, "100"),
        dispute(1, Open, "100"),
        dispute(1, Won, "100"),
        failed,
    ]);
    assert_eq!(ends(&won_first), ["100", "0"]);
}

#[test]
fn another_amount_in_a_later_phase_is_taken_anew() {
    let mut book = after(&[
        pay(230, wallet(3), wallet(2), "70"),
        dispute(1, Open, "100"),
    ]);
    assert_eq!(ends(&book), ["0", "70"]);
    apply(&mut book, &dispute_in(Arbitration, 1, Lost, "40"));
    assert_eq!(ends(&book), ["0", "10"]);
    assert_eq!(balance(&book, provider("razorpay").disputed()), "0");
    assert_eq!(balance(&book, provider("razorpay").clearing()), "60");
}

/// The provider's word about a refund of ours, first without our id and then with it.
fn told_twice(status: ObservedRefund) -> [Command; 2] {
    let observation = |status| RefundObservation {
        provider_refund: theirs("rfnd_1"),
        ..refund_seen(status, "40")
    };
    let theirs_only = provider_refund_id(provider("razorpay"), &theirs("rfnd_1"));
    let without = PaymentAction::ObserveRefund {
        refund: theirs_only,
        observation: observation(Succeeded),
        transaction: transaction_id(310),
    };
    let with = PaymentAction::ObserveRefund {
        refund: refund_id(1),
        observation: observation(status),
        transaction: transaction_id(if status == Succeeded { 311 } else { 312 }),
    };
    [of_payment(1, without), of_payment(1, with)]
}

#[test]
fn a_refund_that_is_told_first_without_our_id_is_taken_once() {
    let [without, with] = told_twice(Succeeded);
    let mut book = after(&[ask_refund(1, "40"), without]);
    assert_eq!(
        names(&apply(&mut book, &with)),
        ["RefundMatched", "HoldVoided"]
    );
    assert_eq!(ends(&book), ["60", "0"]);
    assert_eq!(available(&book, 3), decimal("60.00"));
    assert_eq!(balance(&book, provider("razorpay").clearing()), "60");
    for _ in 0..3 {
        assert_eq!(apply(&mut book, &with), []);
    }
    // No more than the rest can be refunded, and what is told later is of the one that is known.
    assert_eq!(
        refuse(&mut book, &ask_refund(2, "60.01")),
        "refund_exceeds_payment"
    );
    let [_, failed] = told_twice(Failed);
    apply(&mut book, &failed);
    assert_eq!(ends(&book), ["100", "0"]);
}

/// All of the payment was reserved for it, so the platform bore it meanwhile.
#[test]
fn a_refund_of_all_that_is_told_first_without_our_id_is_the_wallets() {
    let observation = || refund_seen(Succeeded, "100");
    let theirs_only = provider_refund_id(provider("razorpay"), &theirs("rfnd_1"));
    let without = PaymentAction::ObserveRefund {
        refund: theirs_only,
        observation: observation(),
        transaction: transaction_id(310),
    };
    let mut book = after(&[ask_refund(1, "100"), of_payment(1, without)]);
    assert_eq!(ends(&book), ["100", "100"]);
    apply(&mut book, &of_payment(1, observe_refund(1, observation())));
    assert_eq!(ends(&book), ["0", "0"]);
    assert_eq!(balance(&book, provider("razorpay").clearing()), "0");
}

#[test]
fn a_refund_that_is_told_first_without_our_id_and_fails_frees_its_hold() {
    let [without, failed] = told_twice(Failed);
    let mut book = after(&[ask_refund(1, "40"), without]);
    assert_eq!(
        names(&apply(&mut book, &failed)),
        [
            "RefundFailed",
            "TransactionPosted",
            "RefundFailed",
            "HoldVoided"
        ]
    );
    assert_eq!(ends(&book), ["100", "0"]);
    assert_eq!(available(&book, 3), decimal("100.00"));
    assert_eq!(apply(&mut book, &failed), []);
    // Of another amount it is not what was asked for, and nothing moves.
    let [without, with] = told_twice(Failed);
    let mut book = after(&[ask_refund(1, "39"), without]);
    assert_eq!(refuse(&mut book, &with), "refund_amount_differs");
}

#[test]
fn what_came_back_when_the_wallet_was_closed_can_be_credited_or_refunded() {
    let back = |book: &mut Book| {
        apply(book, &ask_refund(1, "40"));
        apply(book, &say_refund(1, Succeeded, "40"));
        apply(book, &pay(230, wallet(3), wallet(2), "60"));
        apply(book, &close(3));
        apply(book, &say_refund(1, Failed, "40"));
        assert_eq!(balance(book, system("suspense")), "40");
    };
    let mut book = exactly();
    back(&mut book);
    let credit = |number| {
        let action = PaymentAction::Credit {
            wallet: wallet_id(2),
            transaction: transaction_id(number),
        };
        of_payment(1, action)
    };
    apply(&mut book, &credit(240));
    assert_eq!(balance(&book, wallet(2)), "100");
    assert_eq!(balance(&book, system("suspense")), "0");
    assert_eq!(refuse(&mut book, &credit(241)), "payment_not_in_suspense");
    // Nothing more of it is there to be refunded, and the platform bears what is claimed.
    assert_eq!(refuse(&mut book, &ask_refund(2, "1")), "wallet_closed");
    apply(&mut book, &dispute(1, Lost, "40"));
    assert_eq!(balance(&book, system("losses")), "40");

    let mut book = exactly();
    back(&mut book);
    assert_eq!(
        refuse(&mut book, &ask_refund(2, "40.01")),
        "refund_exceeds_payment"
    );
    apply(&mut book, &ask_refund(2, "30"));
    assert_eq!(
        refuse(&mut book, &ask_refund(3, "10.01")),
        "refund_exceeds_payment"
    );
    assert_eq!(refuse(&mut book, &credit(241)), "payment_in_motion");
    apply(&mut book, &say_refund(2, Succeeded, "30"));
    assert_eq!(balance(&book, system("suspense")), "10");
    // What is claimed is taken from what is there first.
    apply(&mut book, &dispute(1, Open, "25"));
    assert_eq!(balance(&book, system("suspense")), "0");
    assert_eq!(balance(&book, system("losses")), "15");
    apply(&mut book, &dispute(1, Won, "25"));
    assert_eq!(balance(&book, system("suspense")), "10");
    assert_eq!(balance(&book, system("losses")), "0");
    apply(&mut book, &credit(242));
    assert_eq!(balance(&book, wallet(2)), "70");
}

#[test]
fn what_a_dispute_costs_is_recorded_once_whenever_it_is_told() {
    let charged = |number: u128, status, told| {
        let observation = DisputeObservation {
            fees: told,
            ..dispute_seen(status, Chargeback, "40")
        };
        of_payment(1, observe_dispute(400 + number, observation))
    };
    let fifteen = || Some(fees("15", "0"));
    let mut book = after(&[]);
    let with_it = apply(&mut book, &charged(1, Open, fifteen()));
    assert_eq!(
        names(&with_it)
            .into_iter()
            .filter(|name| name.starts_with("Dispute"))
            .collect::<Vec<_>>(),
        ["DisputeOpened", "DisputeFeesRecorded"]
    );
    assert_eq!(apply(&mut book, &charged(2, Open, fifteen())), []);
    assert_eq!(
        names(&apply(&mut book, &charged(3, Lost, fifteen())))[0],
        "DisputeLost"
    );
    assert_eq!(balance(&book, provider("razorpay").fees()), "15");
    assert_eq!(balance(&book, provider("razorpay").clearing()), "45");

    let mut book = after(&[charged(1, Open, None)]);
    let late = apply(&mut book, &charged(2, Open, fifteen()));
    assert_eq!(names(&late)[0], "DisputeFeesRecorded");
    // A charge that is none does not hide what the dispute takes, and is refused alone.
    let unusable = || Some(fees("-15", "0"));
    let mut book = after(&[charged(1, Open, unusable())]);
    assert_eq!(ends(&book), ["60", "0"]);
    assert_eq!(
        refuse(&mut book, &charged(2, Open, unusable())),
        "fees_not_an_amount"
    );
}
