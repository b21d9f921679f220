//! The tables of the module's documentation: every state by every observation and command.

use super::*;

/// A history for each state, by name.
fn histories() -> Vec<(&'static str, Vec<PaymentEvent>)> {
    let see = |status| observe(1, seen(status));
    let paid = || [create(), see(captured("pay_1"))];
    let refunded = |amount| {
        let mut actions = paid().to_vec();
        actions.push(request_refund(1, Some(amount)));
        let succeeded = refund_seen(ObservedRefund::Succeeded, amount);
        actions.push(observe_refund(1, succeeded));
        history(&actions)
    };
    let disputed = {
        let open = dispute_seen(ObservedDispute::Open, DisputePhase::Chargeback, "100");
        let mut actions = paid().to_vec();
        actions.push(observe_dispute(open));
        history(&actions)
    };
    vec![
        ("absent", Vec::new()),
        ("created", history(&[create()])),
        ("awaiting_payer", history(&[create(), see(awaiting())])),
        ("failed", history(&[create(), see(failed("pay_1"))])),
        (
            "expired",
            history(&[create(), see(ObservedPayment::Expired)]),
        ),
        ("authorized", history(&[create(), see(authorized("pay_1"))])),
        ("captured", history(&paid())),
        ("partially_refunded", refunded("40")),
        ("refunded", refunded("100")),
        ("disputed", disputed),
    ]
}

fn name(payment: &Payment) -> &'static str {
    payment.status().map_or("absent", PaymentStatus::as_str)
}

/// What an action comes to: nothing, an event and the state after it, or a refusal.
fn comes_to(events: &[PaymentEvent], action: PaymentAction) -> String {
    match outcome(events, asked(action)) {
        Ok(None) => "-".to_owned(),
        Ok(Some(event)) => {
            let after = fold(events).evolve(&event).unwrap();
            format!("{} → {}", event.name(), name(&after))
        }
        Err(rejection) => rejection.code().to_owned(),
    }
}

#[test]
fn histories_come_to_the_states_they_are_named_by() {
    for (state, events) in histories() {
        assert_eq!(name(&fold(&events)), state);
    }
}

#[test]
fn every_observation_in_every_state() {
    let observations = [
        awaiting(),
        failed("pay_1"),
        failed("pay_2"),
        no_page(),
        ObservedPayment::Expired,
        authorized("pay_1"),
        released("pay_1"),
        captured("pay_1"),
    ];
    let (fails, expires) = ("PaymentFailed → failed", "PaymentExpired → expired");
    let (opens, authorizes) = (
        "PaymentAwaitingPayer → awaiting_payer",
        "PaymentAuthorized → authorized",
    );
    let (releases, captures) = ("PaymentReleased → expired", "PaymentCaptured → captured");
    let table = [
        ["-"; 8],
        [
            opens, fails, fails, fails, expires, authorizes, releases, captures,
        ],
        [
            "-", fails, fails, fails, expires, authorizes, releases, captures,
        ],
        [
            "PaymentAwaitingPayer → failed",
            "-",
            fails,
            fails,
            expires,
            authorizes,
            releases,
            captures,
        ],
        [
            "-",
            "PaymentFailed → expired",
            "PaymentFailed → expired",
            "-",
            "-",
            authorizes,
            releases,
            captures,
        ],
        [
            "PaymentAwaitingPayer → authorized",
            "-",
            "PaymentFailed → authorized",
            "PaymentFailed → authorized",
            "PaymentExpired → authorized",
            "-",
            releases,
            captures,
        ],
        ["-"; 8],
        ["-"; 8],
        ["-"; 8],
        ["-"; 8],
    ];
    for ((state, events), row) in histories().iter().zip(table) {
        for (observation, expected) in observations.iter().zip(row) {
            let action = observe(2, seen(observation.clone()));
            let found = comes_to(events, action);
            assert_eq!(found, expected, "{observation:?} when {state}");
        }
    }
}

#[test]
fn every_command_in_every_state() {
    let succeeded = RefundObservation {
        provider_refund: theirs("rfnd_8"),
        ..refund_seen(ObservedRefund::Succeeded, "10")
    };
    let lost = dispute_seen(ObservedDispute::Lost, DisputePhase::Arbitration, "10");
    let credit = PaymentAction::Credit {
        wallet: wallet_id(2),
        transaction: transaction_id(3),
    };
    let unexpected = PaymentAction::ObserveUnexpected {
        observation: seen(captured("pay_9")),
        why: UnexpectedReason::UnknownPayment,
        transaction: transaction_id(4),
    };
    let commands = [
        create(),
        PaymentAction::Reroute {
            route: route("stripe"),
        },
        PaymentAction::Expire { reason: None },
        credit,
        request_refund(9, Some("10")),
        observe_refund(8, succeeded),
        observe_dispute(lost),
        unexpected,
    ];
    let (missing, exists) = ("payment_not_found", "payment_exists");
    let (early, late) = ("payment_not_captured", "payment_not_open");
    let open = |reroute, expire| [exists, reroute, expire, early, early, early, early, exists];
    let after = |refund, discovered, lost| {
        [
            exists,
            late,
            late,
            "payment_not_in_suspense",
            refund,
            discovered,
            lost,
            exists,
        ]
    };
    let expires = "PaymentExpired → expired";
    let table = [
        [
            "PaymentCreated → created",
            missing,
            missing,
            missing,
            missing,
            missing,
            missing,
            "UnexpectedPaymentCaptured → captured",
        ],
        open("PaymentRerouted → created", expires),
        open(late, expires),
        open("PaymentRerouted → failed", expires),
        open(late, "-"),
        open(late, late),
        after(
            "RefundRequested → captured",
            "RefundDiscovered → partially_refunded",
            "DisputeLost → disputed",
        ),
        after(
            "RefundRequested → partially_refunded",
            "RefundDiscovered → partially_refunded",
            "DisputeLost → disputed",
        ),
        after(
            "refund_exceeds_payment",
            "RefundDiscovered → refunded",
            "DisputeLost → disputed",
        ),
        after(
            "refund_exceeds_payment",
            "RefundDiscovered → disputed",
            "DisputeLost → disputed",
        ),
    ];
    for ((state, events), row) in histories().iter().zip(table) {
        for (command, expected) in commands.iter().zip(row) {
            let found = comes_to(events, command.clone());
            assert_eq!(found, expected, "{command:?} when {state}");
        }
    }
}

/// An event that a decision never leads to in a state is no event of a log that Daybook wrote.
#[test]
fn every_event_in_every_state() {
    let mut events: Vec<PaymentEvent> = Vec::new();
    for (_, history) in histories() {
        for event in history {
            if !events.iter().any(|known| known.name() == event.name()) {
                events.push(event);
            }
        }
    }
    let legal = |state: &str, event: &str| match state {
        "absent" => event == "PaymentCreated",
        "created" | "awaiting_payer" | "failed" | "expired" | "authorized" => {
            event.starts_with("Payment") && event != "PaymentCreated"
        }
        // The same refund or dispute gets no further than it is.
        "captured" => ["RefundRequested", "DisputeOpened"].contains(&event),
        "disputed" => event == "RefundRequested",
        _ => event == "DisputeOpened",
    };
    for (state, history) in histories() {
        let before = fold(&history);
        for event in &events {
            let after = before.evolve(event);
            assert_eq!(
                after.is_ok(),
                legal(state, event.name()),
                "{} when {state}",
                event.name()
            );
            if let Err(refused) = after {
                assert_eq!(refused.event, event.name());
            }
        }
    }
}
