//! Razorpay: money that leaves us, and what is settled: the adapter against the simulator.

use chrono::NaiveDate;
use connectors::gateways::{
    Attempt, BankDestination, Beneficiary, BeneficiaryRequest, DisputePhase, DisputeStatus,
    Gateway, Observation, PayoutLookup, PayoutMode, PayoutRequest, PayoutStatus, Reported,
    SettlementQuery, SettlementRowKind,
};
use connectors::secret::Secret;
use connectors::simulators::PayerChoice;

use super::razorpay::listening;
use super::receiver::observations;
use super::support::{checkout, razorpay, reference, refund, rupees, word};

#[tokio::test]
async fn a_dispute_takes_its_way() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    let opened = gateway
        .create_checkout(&checkout("dispute 1", 30_000))
        .await
        .unwrap();
    let payment = simulator
        .control()
        .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
        .unwrap();
    let id = simulator.control().dispute(&payment).unwrap();
    let dispute_id = id.parse().unwrap();
    let mut seen = Vec::new();
    for next in ["under_review", "open", "lost"] {
        let dispute = gateway.fetch_dispute(&dispute_id).await.unwrap();
        assert_eq!(dispute.payment_id.as_str(), payment);
        assert_eq!(dispute.phase, Reported::Known(DisputePhase::Chargeback));
        assert!(dispute.deducted.is_zero() && dispute.respond_by.is_some());
        seen.push(dispute.status);
        assert!(simulator.control().move_dispute(&id, next));
    }
    let known = [
        DisputeStatus::Open,
        DisputeStatus::UnderReview,
        DisputeStatus::Open,
    ];
    assert_eq!(seen, known.map(Reported::Known));
    let lost = gateway.fetch_dispute(&dispute_id).await.unwrap();
    assert_eq!(lost.status, Reported::Known(DisputeStatus::Lost));
    assert_eq!(lost.deducted, rupees(30_000));
    assert!(!simulator.control().move_dispute(&id, "won"));
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    let disputes = facts
        .iter()
        .filter(|facts| facts.event_type.starts_with("payment.dispute."));
    assert_eq!(disputes.count(), 4);
}

fn beneficiary() -> BeneficiaryRequest {
    BeneficiaryRequest {
        reference: reference("beneficiary 1"),
        name: "Asha Rao".to_owned(),
        email: None,
        phone: None,
        destination: BankDestination::IndianAccount {
            account_number: Secret::new("1121431121541121"),
            ifsc: "HDFC0000001".to_owned(),
        },
    }
}

#[tokio::test]
async fn a_payout_reaches_its_beneficiary_and_comes_back() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    let registered = gateway.register_beneficiary(&beneficiary()).await.unwrap();
    let again = gateway.register_beneficiary(&beneficiary()).await.unwrap();
    assert_eq!(registered, again);
    let mut by_upi = beneficiary();
    by_upi.destination = BankDestination::Upi {
        address: Secret::new("asha@upi"),
    };
    assert_ne!(
        gateway.register_beneficiary(&by_upi).await.unwrap(),
        registered
    );
    assert!(!format!("{by_upi:?}").contains("asha@upi"));

    simulator.set_payout_outcome(None);
    let mut request = PayoutRequest {
        reference: reference("payout 1"),
        attempt: Attempt::First,
        beneficiary_id: registered.beneficiary_id,
        amount: rupees(75_000),
        mode: PayoutMode::Imps,
        narration: "Withdrawal".to_owned(),
        created_at: chrono::Utc::now(),
    };
    let sent = gateway.payout(&request).await.unwrap();
    assert_eq!(sent.status, Reported::Known(PayoutStatus::Processing));
    request.attempt = Attempt::Again;
    assert_eq!(
        gateway.payout(&request).await.unwrap().payout_id,
        sent.payout_id
    );
    assert_eq!(simulator.control().books().payouts.len(), 1);
    let id = sent.payout_id.as_str();
    assert!(simulator.control().move_payout(id, "processed"));
    let by_reference = PayoutLookup::Reference {
        reference: request.reference.clone(),
        created_at: request.created_at,
    };
    let paid = gateway.fetch_payout(&by_reference).await.unwrap();
    assert_eq!(paid.status, Reported::Known(PayoutStatus::Paid));
    assert!(paid.bank_reference.is_some());
    assert_eq!(paid.charges.unwrap().total().unwrap().to_string(), "5.90");
    assert!(simulator.control().books().payouts[0].is_with_beneficiary);
    assert!(simulator.control().move_payout(id, "reversed"));
    let by_id = PayoutLookup::Id(sent.payout_id.clone());
    let back = gateway.fetch_payout(&by_id).await.unwrap();
    assert_eq!(back.status, Reported::Known(PayoutStatus::Returned));
    assert!(back.failure.is_some());

    request.reference = reference("payout 2");
    let waiting = gateway.payout(&request).await.unwrap().payout_id;
    assert!(simulator.control().move_payout(waiting.as_str(), "queued"));
    // Somebody stops it on the provider's own pages.
    assert!(simulator.cancel_payout(waiting.as_str()));
    let stopped = gateway.fetch_payout(&PayoutLookup::Id(waiting)).await;
    assert_eq!(
        stopped.unwrap().status,
        Reported::Known(PayoutStatus::Cancelled)
    );
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    assert!(
        facts
            .iter()
            .any(|facts| facts.event_type == "payout.reversed")
    );
}

#[tokio::test]
async fn a_report_adds_up() {
    let (simulator, gateway) = razorpay().await;
    let receiver = listening(&simulator).await;
    let day = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
    let query = SettlementQuery { day, page: None };
    let empty = gateway.settlement_page(&query).await.unwrap();
    assert!(empty.rows.is_empty() && empty.next.is_none());
    let mut payments = Vec::new();
    for name in ["settled 1", "settled 2"] {
        let opened = gateway
            .create_checkout(&checkout(name, 100_000))
            .await
            .unwrap();
        payments.push(
            simulator
                .control()
                .pay(opened.checkout_id.as_str(), PayerChoice::Pay)
                .unwrap(),
        );
    }
    let first = payments[0].parse().unwrap();
    gateway
        .refund(&refund(&first, "settled refund", 40_000))
        .await
        .unwrap();
    let disputed = simulator.control().dispute(&payments[1]).unwrap();
    assert!(simulator.control().move_dispute(&disputed, "lost"));
    assert_eq!(simulator.control().books().owed["INR"], 55_280);
    let settlement = simulator.control().settle(day).unwrap();
    assert!(simulator.control().books().owed.is_empty());
    assert_eq!(simulator.control().settle(day), None, "nothing is left");

    let page = gateway.settlement_page(&query).await.unwrap();
    assert_eq!(page.next, None);
    let kinds: Vec<_> = page
        .rows
        .iter()
        .map(|row| row.kind.known().copied().unwrap())
        .collect();
    let expected = [
        SettlementRowKind::Payment,
        SettlementRowKind::Payment,
        SettlementRowKind::Refund,
        SettlementRowKind::Chargeback,
    ];
    assert_eq!(kinds, expected);
    let payment = &page.rows[0];
    assert_eq!(payment.payment_id, Some(first));
    assert_eq!(
        payment.reference.as_deref(),
        Some(reference("settled 1").as_str())
    );
    let figures = [
        payment.amount.value(),
        payment.fee,
        payment.tax,
        payment.net,
    ];
    assert_eq!(
        figures.map(|figure| figure.to_string()),
        ["1000.00", "20.00", "3.60", "976.40"]
    );
    assert_eq!(page.rows[2].net.to_string(), "-400.00");
    assert_eq!(page.rows[3].dispute_id.as_ref().unwrap().as_str(), disputed);
    let total: rust_decimal::Decimal = page.rows.iter().map(|row| row.net).sum();
    for row in &page.rows {
        assert_eq!(row.settlement_id.as_ref().unwrap().as_str(), settlement);
        assert!(row.settled_at.is_some() && row.bank_reference.is_some());
    }
    simulator.webhooks_settled().await;
    let facts = receiver.facts(&gateway);
    let told = facts
        .iter()
        .find(|facts| facts.event_type == "settlement.processed");
    let [Observation::Settlement(told)] = observations(told.unwrap()) else {
        panic!("{told:?}");
    };
    // More went back than came: what we owe is carried over.
    assert_eq!(total.to_string(), "552.80");
    assert_eq!(told.amount.value(), total);
}

/// A UPI address is paid by UPI, and an account by IMPS or, above its limit, by RTGS.
#[tokio::test]
async fn a_payout_goes_by_a_rail_that_fits() {
    let (simulator, gateway) = razorpay().await;
    let by_upi = BeneficiaryRequest {
        destination: BankDestination::Upi {
            address: Secret::new("asha@upi"),
        },
        ..beneficiary()
    };
    let upi = gateway.register_beneficiary(&by_upi).await.unwrap();
    let account = gateway.register_beneficiary(&beneficiary()).await.unwrap();
    let payout = |name: &str, to: &Beneficiary, mode| PayoutRequest {
        reference: reference(name),
        attempt: Attempt::First,
        beneficiary_id: to.beneficiary_id.clone(),
        amount: rupees(75_000),
        mode,
        narration: "Withdrawal".to_owned(),
        created_at: chrono::Utc::now(),
    };
    for (name, beneficiary, paise) in [
        ("upi", &upi, 75_000),
        ("small", &account, 50_000_000),
        ("large", &account, 50_000_001),
    ] {
        let request = PayoutRequest {
            amount: rupees(paise),
            ..payout(name, beneficiary, PayoutMode::Default)
        };
        gateway.payout(&request).await.unwrap();
    }
    assert_eq!(simulator.payout_modes(), ["UPI", "IMPS", "RTGS"]);
    for (beneficiary, mode) in [(&upi, PayoutMode::Imps), (&account, PayoutMode::Upi)] {
        let request = payout("unfit", beneficiary, mode);
        assert_eq!(word(gateway.payout(&request).await), "gateway_refused");
    }
}
