//! Samples of payments, payouts, beneficiaries and settlements.

use super::*;
use crate::beneficiary::{BeneficiaryDestination, BeneficiaryEvent, DestinationKind};
use crate::payment::{
    DisputePhase, MadeGood, PaymentEvent, Returned, SuspenseReason, Taken, UnexpectedReason,
};
use crate::payout::PayoutEvent;
use crate::provider::{Candidate, Fallback, Fees, Reported, Route};
use crate::settlement::{BreakKind, SettlementBreak, SettlementEvent, SettlementNet};

type Samples<E> = Vec<(&'static str, E)>;

fn rerouted() -> Route {
    Route {
        provider: provider("stripe"),
        candidates: vec![
            Candidate {
                provider: provider("razorpay"),
                excluded: Some(reference("its page could not be made")),
            },
            Candidate {
                provider: provider("stripe"),
                excluded: None,
            },
        ],
        rule: reference("cards.v3"),
        reason: reference("the next in order"),
        fallback: Some(Fallback {
            from: provider("razorpay"),
            reason: reference("503 on create"),
        }),
    }
}

fn exact_fees() -> Fees {
    Fees {
        fee: total("2.00"),
        tax: total("0.36"),
        rounded_half_even_from: None,
    }
}

fn rounded_fees() -> Fees {
    Fees {
        fee: total("239.60"),
        tax: total("43.12"),
        rounded_half_even_from: Some(Reported {
            fee: total("239.6"),
            tax: total("43.125"),
        }),
    }
}

fn shared() -> Taken {
    Taken {
        source: wallet(WALLET),
        from_source: Some(amount("60.00")),
        from_losses: Some(amount("40.00")),
    }
}

fn alone() -> Taken {
    Taken {
        source: system("suspense"),
        from_source: Some(amount("100.00")),
        from_losses: None,
    }
}

fn back() -> Returned {
    Returned {
        to: wallet(WALLET),
        to_losses: None,
        transaction: transaction_id(TRANSACTION),
    }
}

fn shared_back() -> Returned {
    Returned {
        to_losses: Some(amount("40.00")),
        ..back()
    }
}

fn made_good() -> MadeGood {
    MadeGood {
        amount: amount("40.00"),
        transaction: transaction_id(OTHER),
    }
}

fn opening_samples() -> Samples<PaymentEvent> {
    let created = |route, expires_at, reference, metadata| PaymentEvent::PaymentCreated {
        wallet: wallet_id(WALLET),
        asset: asset_code("INR"),
        amount: amount("100.00"),
        route,
        expires_at,
        reference,
        metadata,
    };
    let razorpay = || provider("razorpay");
    let awaiting = |order, expires_at| PaymentEvent::PaymentAwaitingPayer {
        provider: razorpay(),
        order,
        expires_at,
    };
    let failed = |attempt, reason| PaymentEvent::PaymentFailed {
        provider: razorpay(),
        attempt,
        reason,
    };
    let authorized = |attempt, text| PaymentEvent::PaymentAuthorized {
        provider: razorpay(),
        attempt: theirs(attempt),
        asset: asset_code("INR"),
        amount: amount(text),
    };
    let released = |attempt| PaymentEvent::PaymentReleased {
        provider: razorpay(),
        attempt: theirs(attempt),
    };
    let expired = |provider, reason| PaymentEvent::PaymentExpired { provider, reason };
    let described = metadata(&[("channel", "app")]);
    vec![
        (
            "minimal",
            created(route("razorpay"), None, None, Metadata::default()),
        ),
        (
            "full",
            created(
                rerouted(),
                Some(at(900)),
                Some(reference("top-up")),
                described,
            ),
        ),
        (
            "minimal",
            PaymentEvent::PaymentRerouted {
                route: route("payu"),
            },
        ),
        ("full", PaymentEvent::PaymentRerouted { route: rerouted() }),
        ("minimal", awaiting(None, None)),
        ("full", awaiting(Some(theirs("order_1")), Some(at(900)))),
        ("minimal", authorized("pay_1", "100.00")),
        ("full", authorized("403993715530925893", "0.01")),
        ("minimal", released("pay_1")),
        ("full", released("!~")),
        ("minimal", failed(None, None)),
        (
            "full",
            failed(Some(theirs("pay_1")), Some(reference("the bank declined"))),
        ),
        ("minimal", expired(None, None)),
        (
            "full",
            expired(Some(razorpay()), Some(reference("nobody came"))),
        ),
    ]
}

fn captured_samples() -> Samples<PaymentEvent> {
    let captured = |credited, suspended, fees| PaymentEvent::PaymentCaptured {
        provider: provider("razorpay"),
        attempt: theirs("pay_1"),
        asset: asset_code("INR"),
        amount: amount("100.00"),
        credited,
        suspended,
        fees,
        transaction: transaction_id(TRANSACTION),
    };
    let unexpected = |order, why, fees| PaymentEvent::UnexpectedPaymentCaptured {
        provider: provider("payu"),
        attempt: theirs("403993715530925893"),
        order,
        asset: asset_code("INR"),
        amount: amount("100.00"),
        why,
        fees,
        transaction: transaction_id(TRANSACTION),
    };
    let suspended = |reason| captured(system("suspense"), Some(reason), None);
    let other = payment_id(OTHER);
    let recorded = |fees, transaction| PaymentEvent::PaymentFeesRecorded { fees, transaction };
    let credited = |text| PaymentEvent::PaymentCredited {
        wallet: wallet_id(WALLET),
        amount: amount(text),
        transaction: transaction_id(TRANSACTION),
    };
    let rule = "wallet_closed".to_owned();
    let (expected, short) = (asset_code("USD"), amount("90.00"));
    vec![
        ("minimal", captured(wallet(WALLET), None, None)),
        (
            "full",
            captured(
                system("suspense"),
                Some(SuspenseReason::AmountDiffers { expected: short }),
                Some(exact_fees()),
            ),
        ),
        (
            "other_asset",
            suspended(SuspenseReason::AssetDiffers {
                expected,
                amount: short,
            }),
        ),
        (
            "no_wallet",
            suspended(SuspenseReason::WalletCannotReceive { rule }),
        ),
        (
            "minimal",
            unexpected(None, UnexpectedReason::UnknownPayment, None),
        ),
        (
            "full",
            unexpected(
                Some(theirs("txn_1")),
                UnexpectedReason::PaidBefore(other),
                Some(rounded_fees()),
            ),
        ),
        (
            "other_provider",
            unexpected(None, UnexpectedReason::OtherProvider(other), None),
        ),
        ("minimal", recorded(exact_fees(), None)),
        (
            "full",
            recorded(rounded_fees(), Some(transaction_id(TRANSACTION))),
        ),
        ("minimal", credited("100.00")),
        ("full", credited("0.01")),
    ]
}

fn refund_samples() -> Samples<PaymentEvent> {
    let refund = refund_id(OTHER);
    let requested = |source, reason| PaymentEvent::RefundRequested {
        refund,
        amount: amount("40.00"),
        source,
        reason,
    };
    let pending = |text| PaymentEvent::RefundPending {
        refund,
        provider_refund: theirs(text),
    };
    let succeeded = |bank_reference| PaymentEvent::RefundSucceeded {
        refund,
        provider_refund: theirs("rfnd_1"),
        amount: amount("40.00"),
        bank_reference,
        transaction: transaction_id(TRANSACTION),
    };
    let discovered = |taken| PaymentEvent::RefundDiscovered {
        refund,
        provider_refund: theirs("rfnd_1"),
        amount: amount("100.00"),
        taken,
        transaction: transaction_id(TRANSACTION),
    };
    let matched = |made_good| PaymentEvent::RefundMatched {
        refund,
        provider_refund: theirs("rfnd_1"),
        known_as: refund_id(TRANSACTION),
        made_good,
    };
    let failed = |reason, returned, made_good| PaymentEvent::RefundFailed {
        refund,
        provider_refund: theirs("rfnd_1"),
        amount: amount("40.00"),
        reason,
        returned,
        made_good,
    };
    vec![
        ("minimal", requested(wallet(WALLET), None)),
        (
            "full",
            requested(system("suspense"), Some(reference("sent twice"))),
        ),
        ("minimal", pending("rfnd_1")),
        ("full", pending("136409872")),
        ("minimal", succeeded(None)),
        ("full", succeeded(Some(theirs("ARN0000001")))),
        ("minimal", discovered(alone())),
        ("full", discovered(shared())),
        ("minimal", matched(None)),
        ("full", matched(Some(made_good()))),
        ("minimal", failed(None, None, None)),
        (
            "full",
            failed(
                Some(reference("the account is closed")),
                Some(shared_back()),
                None,
            ),
        ),
        ("made_good", failed(None, None, Some(made_good()))),
    ]
}

fn dispute_samples() -> Samples<PaymentEvent> {
    let dispute = || theirs("disp_1");
    let opened =
        |phase, reason, respond_by, taken: Option<Taken>, returned| PaymentEvent::DisputeOpened {
            dispute: dispute(),
            phase,
            amount: amount("100.00"),
            reason,
            respond_by,
            taken,
            returned,
            transaction: taken.map(|_| transaction_id(TRANSACTION)),
        };
    let closed = |phase, returned| PaymentEvent::DisputeClosed {
        dispute: dispute(),
        phase,
        amount: amount("100.00"),
        returned,
    };
    let won = |phase, returned| PaymentEvent::DisputeWon {
        dispute: dispute(),
        phase,
        amount: amount("100.00"),
        returned,
    };
    let lost = |phase, taken: Option<Taken>, returned| PaymentEvent::DisputeLost {
        dispute: dispute(),
        phase,
        amount: amount("100.00"),
        taken,
        returned,
        transaction: taken.map(|_| transaction_id(TRANSACTION)),
    };
    let charged = |fees, transaction| PaymentEvent::DisputeFeesRecorded {
        dispute: dispute(),
        fees,
        transaction,
    };
    let why = Some(reference("13.1 merchandise not received"));
    vec![
        (
            "minimal",
            opened(DisputePhase::Inquiry, None, None, None, None),
        ),
        (
            "full",
            opened(
                DisputePhase::Chargeback,
                why,
                Some(at(86_400)),
                Some(shared()),
                Some(back()),
            ),
        ),
        ("minimal", closed(DisputePhase::Inquiry, None)),
        (
            "full",
            closed(DisputePhase::Chargeback, Some(shared_back())),
        ),
        ("minimal", won(DisputePhase::Inquiry, None)),
        (
            "full",
            won(DisputePhase::PreArbitration, Some(shared_back())),
        ),
        ("minimal", lost(DisputePhase::Chargeback, None, None)),
        ("alone", lost(DisputePhase::Chargeback, Some(alone()), None)),
        (
            "full",
            lost(
                DisputePhase::Arbitration,
                Some(shared()),
                Some(shared_back()),
            ),
        ),
        ("minimal", charged(exact_fees(), None)),
        (
            "full",
            charged(rounded_fees(), Some(transaction_id(TRANSACTION))),
        ),
    ]
}

fn requested_payouts() -> Samples<PayoutEvent> {
    let requested = |approval_above, reference, metadata| PayoutEvent::PayoutRequested {
        wallet: wallet_id(WALLET),
        asset: asset_code("INR"),
        amount: amount("40.00"),
        beneficiary: beneficiary_id(OTHER),
        requested_by: actor("person:asha"),
        approval_above,
        reference,
        metadata,
    };
    let described = metadata(&[("month", "2026-01")]);
    let why = || Some(reference("not this month"));
    let by = || actor("person:ravi");
    let cancelled = |provider, provider_payout, reason| PayoutEvent::PayoutCancelled {
        provider,
        provider_payout,
        reason,
    };
    vec![
        ("minimal", requested(None, None, Metadata::default())),
        (
            "full",
            requested(Some(amount("25.00")), Some(reference("salary")), described),
        ),
        ("minimal", PayoutEvent::PayoutApproved { by: by() }),
        ("full", PayoutEvent::PayoutApproved { by: actor("é") }),
        (
            "minimal",
            PayoutEvent::PayoutDeclined {
                by: by(),
                reason: None,
            },
        ),
        (
            "full",
            PayoutEvent::PayoutDeclined {
                by: by(),
                reason: why(),
            },
        ),
        ("minimal", cancelled(None, None, None)),
        (
            "full",
            cancelled(Some(provider("razorpay")), Some(theirs("pout_1")), why()),
        ),
    ]
}

fn sent_payouts() -> Samples<PayoutEvent> {
    let razorpay = || provider("razorpay");
    let pout = || Some(theirs("pout_1"));
    let why = || Some(reference("the account is closed"));
    let submitted = |attempt, route| PayoutEvent::PayoutSubmitted { attempt, route };
    let denied = |attempt, reason| PayoutEvent::PayoutNotAccepted {
        attempt,
        provider: razorpay(),
        reason,
    };
    let processing = |provider_payout| PayoutEvent::PayoutProcessing {
        provider: razorpay(),
        provider_payout,
    };
    let succeeded = |provider_payout, fees, fee_transaction| PayoutEvent::PayoutSucceeded {
        provider: razorpay(),
        provider_payout,
        transaction: transaction_id(TRANSACTION),
        fees,
        fee_transaction,
    };
    let charged = |fees, transaction| PayoutEvent::PayoutFeesRecorded {
        provider: razorpay(),
        fees,
        transaction,
    };
    let failed = |provider_payout, reason, returned| PayoutEvent::PayoutFailed {
        provider: razorpay(),
        provider_payout,
        reason,
        returned,
    };
    let returned = |provider_payout, reason, returned| PayoutEvent::PayoutReturned {
        provider: razorpay(),
        provider_payout,
        reason,
        returned,
    };
    vec![
        ("minimal", submitted(1, route("razorpay"))),
        ("full", submitted(u32::MAX, rerouted())),
        ("minimal", denied(1, None)),
        ("full", denied(2, why())),
        ("minimal", processing(None)),
        ("full", processing(pout())),
        ("minimal", succeeded(None, None, None)),
        (
            "full",
            succeeded(pout(), Some(exact_fees()), Some(transaction_id(OTHER))),
        ),
        ("minimal", charged(exact_fees(), None)),
        (
            "full",
            charged(rounded_fees(), Some(transaction_id(TRANSACTION))),
        ),
        ("minimal", failed(None, None, None)),
        ("full", failed(pout(), why(), Some(back()))),
        ("minimal", returned(None, None, None)),
        ("full", returned(pout(), why(), Some(back()))),
    ]
}

fn beneficiary_samples() -> Samples<BeneficiaryEvent> {
    let added = |destination| BeneficiaryEvent::BeneficiaryAdded {
        wallet: wallet_id(WALLET),
        destination,
        by: actor("person:asha"),
    };
    let upi = BeneficiaryDestination {
        kind: DestinationKind::Vpa,
        ending: None,
        institution: None,
        ..destination()
    };
    let connected = BeneficiaryDestination {
        kind: DestinationKind::ProviderAccount,
        ..destination()
    };
    let verified = |method, by| BeneficiaryEvent::BeneficiaryVerified {
        method: reference(method),
        by: actor(by),
    };
    let removed = |reason| BeneficiaryEvent::BeneficiaryRemoved {
        by: actor("person:asha"),
        reason,
    };
    vec![
        ("minimal", added(upi)),
        ("full", added(destination())),
        ("provider_account", added(connected)),
        ("minimal", verified("penny drop", "process:payouts")),
        (
            "full",
            verified("a person looked at the passbook – ₹", "ravi"),
        ),
        ("minimal", removed(None)),
        ("full", removed(Some(reference("the account is closed")))),
    ]
}

fn settlement_samples() -> Samples<SettlementEvent> {
    let recorded =
        |net, fees, bank_reference, settled_at, transaction| SettlementEvent::SettlementRecorded {
            provider: provider("razorpay"),
            batch: theirs("setl_1"),
            asset: asset_code("INR"),
            net,
            payouts: match bank_reference {
                Some(_) => SettlementNet::Taken(amount("12.00")),
                None => SettlementNet::Nothing,
            },
            fees,
            bank: parsed("cash"),
            bank_reference,
            settled_at,
            transaction,
        };
    let nothing = Fees {
        fee: total("0.00"),
        tax: total("0.00"),
        rounded_half_even_from: None,
    };
    let transaction = Some(transaction_id(TRANSACTION));
    let found = |kind, payment, ours: Option<&str>, theirs_: Option<&str>| {
        SettlementEvent::SettlementBreakFound {
            difference: SettlementBreak {
                kind,
                subject: theirs("pay_1"),
                payment,
                ours: ours.map(amount),
                theirs: theirs_.map(amount),
            },
        }
    };
    let resolved = |kind, how| SettlementEvent::SettlementBreakResolved {
        kind,
        subject: theirs("pay_1"),
        by: actor("person:ravi"),
        resolution: reference(how),
    };
    let received = SettlementNet::Received(amount("97.64"));
    let other = Some(payment_id(OTHER));
    vec![
        (
            "minimal",
            recorded(SettlementNet::Nothing, nothing, None, None, None),
        ),
        (
            "full",
            recorded(
                received,
                rounded_fees(),
                Some(theirs("1568176960vxp0rj")),
                Some(at(0)),
                transaction,
            ),
        ),
        (
            "taken",
            recorded(
                SettlementNet::Taken(amount("5.00")),
                nothing,
                None,
                None,
                transaction,
            ),
        ),
        ("minimal", found(BreakKind::TotalDiffers, None, None, None)),
        (
            "full",
            found(
                BreakKind::AmountDiffers,
                other,
                Some("100.00"),
                Some("90.00"),
            ),
        ),
        (
            "unknown_here",
            found(BreakKind::UnknownHere, None, None, Some("90.00")),
        ),
        (
            "missing_in_report",
            found(BreakKind::MissingInReport, other, Some("90.00"), None),
        ),
        ("minimal", resolved(BreakKind::FeeDiffers, "written off")),
        (
            "full",
            resolved(BreakKind::UnknownHere, "claimed by wallet 7"),
        ),
    ]
}

pub(super) fn current() -> Vec<(&'static str, AggregateType, Event)> {
    let payments = [
        opening_samples(),
        captured_samples(),
        refund_samples(),
        dispute_samples(),
    ];
    let payments = payments.into_iter().flatten().map(|(name, event)| {
        (
            name,
            AggregateType::Payment,
            Event::Payment(Box::new(event)),
        )
    });
    let payouts = requested_payouts().into_iter().chain(sent_payouts());
    let payouts =
        payouts.map(|(name, event)| (name, AggregateType::Payout, Event::Payout(Box::new(event))));
    let beneficiaries = beneficiary_samples().into_iter().map(|(name, event)| {
        let event = Event::Beneficiary(Box::new(event));
        (name, AggregateType::Beneficiary, event)
    });
    let settlements = settlement_samples().into_iter().map(|(name, event)| {
        let event = Event::Settlement(Box::new(event));
        (name, AggregateType::Settlement, event)
    });
    payments
        .chain(payouts)
        .chain(beneficiaries)
        .chain(settlements)
        .collect()
}
