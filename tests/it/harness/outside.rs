//! What providers say, as commands: what a gateway's adapter would make of its webhooks.

use std::sync::Arc;

use connectors::gateways::razorpay::{RazorpayCheckout, RazorpayGateway, RazorpaySettings};
use connectors::gateways::stripe::{StripeGateway, StripeSettings};
use connectors::gateways::{CallPolicy, SecretRing};
use connectors::outbound::BaseUrl;
use connectors::secret::Secret;
use ledger_core::annotation::Metadata;
use ledger_core::beneficiary::{BeneficiaryAction, BeneficiaryDestination, DestinationKind};
use ledger_core::money::parse_decimal;
use ledger_core::payment::{
    DisputeObservation, DisputePhase, NewPayment, ObservedDispute, ObservedMoney, ObservedPayment,
    ObservedRefund, PaymentAction, PaymentObservation, RefundObservation, provider_refund_id,
};
use ledger_core::payout::{NewPayout, ObservedPayout, PayoutAction, PayoutObservation};
use ledger_core::provider::{Candidate, ObservedFees, Route};
use ledger_core::settlement::{
    BreakKind, SettlementAction, SettlementBreak, SettlementReport, settlement_id,
};
use ledger_core::{
    BeneficiaryId, Command, PaymentId, PayoutId, ProviderReference, RefundId, SettlementId,
    TransactionId, WalletId,
};
use uuid::Uuid;
use workflows::{GatewayAccount, GatewayAccounts};

/// The provider that says it all.
pub const PROVIDER: &str = "razorpay";

/// Accounts at providers where nobody listens.
pub fn accounts(ledger: &str) -> GatewayAccounts {
    let base_url: BaseUrl = parsed("http://127.0.0.1:1/");
    let ring = |secret: &str| SecretRing::try_new(vec![Secret::new(secret)]).unwrap();
    let razorpay = RazorpayGateway::try_new(RazorpaySettings {
        base_url: base_url.clone(),
        key_id: "rzp_test_1".to_owned(),
        key_secrets: ring("a key's secret"),
        webhook_secrets: ring("a webhook's secret"),
        checkout: RazorpayCheckout::HostedPage,
        payout_account: Some(Secret::new("7878780080316316")),
        calls: CallPolicy::default(),
    });
    let stripe = StripeGateway::try_new(StripeSettings {
        base_url,
        api_key: Secret::new("sk_test_1"),
        webhook_secrets: ring("whsec_c3RyaXBlc2VjcmV0"),
        calls: CallPolicy::default(),
    });
    let account = |gateway| GatewayAccount {
        ledger: parsed(ledger),
        endpoint: "main".to_owned(),
        gateway,
    };
    let accounts = vec![
        account(Arc::new(razorpay.unwrap())),
        account(Arc::new(stripe.unwrap())),
    ];
    GatewayAccounts::try_new(accounts).unwrap()
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn new_transaction() -> TransactionId {
    TransactionId::new(Uuid::now_v7())
}

pub fn inr(amount: &str) -> ObservedMoney {
    ObservedMoney {
        asset: parsed("INR"),
        amount: parse_decimal(amount).unwrap(),
    }
}

pub fn route() -> Route {
    route_to(PROVIDER)
}

pub fn route_to(provider: &str) -> Route {
    Route {
        provider: parsed(provider),
        candidates: vec![Candidate {
            provider: parsed(provider),
            excluded: None,
        }],
        rule: parsed("tests/1"),
        reason: parsed("there is no other"),
        fallback: None,
    }
}

pub fn payment(payment: PaymentId, action: PaymentAction) -> Command {
    Command::Payment {
        payment,
        action: Box::new(action),
    }
}

pub fn payout(payout: PayoutId, action: PayoutAction) -> Command {
    Command::Payout {
        payout,
        action: Box::new(action),
    }
}

pub fn new_payment(id: PaymentId, wallet: WalletId, amount: &str) -> Command {
    let new = NewPayment {
        wallet,
        asset: parsed("INR"),
        amount: parse_decimal(amount).unwrap(),
        route: route(),
        expires_at: None,
        reference: Some(parsed("order 7")),
        metadata: Metadata::default(),
    };
    payment(id, PaymentAction::Create(new))
}

pub fn observed(id: PaymentId, status: ObservedPayment) -> Command {
    let observation = PaymentObservation {
        provider: parsed(PROVIDER),
        order: Some(parsed("order_1")),
        status,
    };
    let action = PaymentAction::Observe {
        observation,
        transaction: new_transaction(),
    };
    payment(id, action)
}

pub fn captured(id: PaymentId, attempt: &str, amount: &str) -> Command {
    captured_in(id, attempt, ("INR", amount))
}

pub fn captured_in(id: PaymentId, attempt: &str, (asset, amount): (&str, &str)) -> Command {
    let status = ObservedPayment::Captured {
        attempt: parsed(attempt),
        money: ObservedMoney {
            asset: parsed(asset),
            amount: parse_decimal(amount).unwrap(),
        },
        fees: Some(ObservedFees {
            fee: parse_decimal("2.00").unwrap(),
            tax: parse_decimal("0.36").unwrap(),
        }),
    };
    observed(id, status)
}

pub fn attempt_failed(id: PaymentId, attempt: &str) -> Command {
    let status = ObservedPayment::Failed {
        attempt: Some(parsed(attempt)),
        reason: Some(parsed("the bank said no")),
    };
    observed(id, status)
}

/// A word about a refund of an attempt: of ours, or of one that the provider alone knows.
pub fn refund(
    (id, attempt): (PaymentId, &str),
    ours: Option<RefundId>,
    status: ObservedRefund,
    amount: &str,
) -> Command {
    let provider_refund: ProviderReference = match ours {
        Some(refund) => parsed(&format!("rfnd_{refund}")),
        None => parsed("rfnd_elsewhere"),
    };
    let refund = ours.unwrap_or_else(|| provider_refund_id(parsed(PROVIDER), &provider_refund));
    let observation = RefundObservation {
        provider: parsed(PROVIDER),
        attempt: parsed(attempt),
        provider_refund,
        money: inr(amount),
        status,
        bank_reference: None,
        reason: None,
    };
    let action = PaymentAction::ObserveRefund {
        refund,
        observation,
        transaction: new_transaction(),
    };
    payment(id, action)
}

pub fn dispute(
    (id, attempt): (PaymentId, &str),
    reference: &str,
    status: ObservedDispute,
    amount: &str,
) -> Command {
    let observation = DisputeObservation {
        provider: parsed(PROVIDER),
        attempt: parsed(attempt),
        dispute: parsed(reference),
        phase: DisputePhase::Chargeback,
        status,
        money: inr(amount),
        fees: None,
        reason: Some(parsed("4853")),
        respond_by: None,
    };
    let action = PaymentAction::ObserveDispute {
        observation,
        transaction: new_transaction(),
    };
    payment(id, action)
}

/// A question about an attempt's money, of which nothing is taken.
pub fn inquiry(
    (id, attempt): (PaymentId, &str),
    reference: &str,
    status: ObservedDispute,
    amount: &str,
) -> Command {
    let observation = DisputeObservation {
        provider: parsed(PROVIDER),
        attempt: parsed(attempt),
        dispute: parsed(reference),
        phase: DisputePhase::Inquiry,
        status,
        money: inr(amount),
        fees: None,
        reason: None,
        respond_by: None,
    };
    let action = PaymentAction::ObserveDispute {
        observation,
        transaction: new_transaction(),
    };
    payment(id, action)
}

/// Money of a payment goes from suspense to a wallet.
pub fn credit(id: PaymentId, wallet: WalletId) -> Command {
    let action = PaymentAction::Credit {
        wallet,
        transaction: new_transaction(),
    };
    payment(id, action)
}

pub fn add_beneficiary(beneficiary: BeneficiaryId, wallet: WalletId) -> Command {
    let destination = BeneficiaryDestination {
        kind: DestinationKind::BankAccount,
        ending: Some(parsed("4321")),
        institution: Some(parsed("HDFC0000001")),
        token: parsed(&beneficiary.to_string()),
        fingerprint: parsed(&"0a".repeat(32)),
    };
    Command::Beneficiary {
        beneficiary,
        action: Box::new(BeneficiaryAction::Add {
            wallet,
            destination,
            by: parsed("asha"),
        }),
    }
}

pub fn verify_beneficiary(beneficiary: BeneficiaryId) -> Command {
    Command::Beneficiary {
        beneficiary,
        action: Box::new(BeneficiaryAction::Verify {
            method: parsed("penny drop"),
            by: parsed("vera"),
        }),
    }
}

pub fn new_payout(
    id: PayoutId,
    wallet: WalletId,
    beneficiary: BeneficiaryId,
    amount: &str,
) -> Command {
    let new = NewPayout {
        wallet,
        asset: parsed("INR"),
        amount: parse_decimal(amount).unwrap(),
        beneficiary,
        requested_by: parsed("asha"),
        reference: None,
        metadata: Metadata::default(),
    };
    payout(id, PayoutAction::Request(new))
}

pub fn submit_payout(id: PayoutId) -> Command {
    payout(id, PayoutAction::Submit { route: route() })
}

pub fn observed_payout(id: PayoutId, status: ObservedPayout) -> Command {
    let observation = PayoutObservation {
        provider: parsed(PROVIDER),
        provider_payout: Some(parsed("pout_1")),
        attempt: None,
        money: None,
        status,
        reason: None,
    };
    let action = PayoutAction::Observe {
        observation,
        transaction: new_transaction(),
        fee_transaction: new_transaction(),
    };
    payout(id, action)
}

/// The settlement of a batch.
pub fn settlement_of(batch: &str) -> SettlementId {
    settlement_id(parsed(PROVIDER), &parsed(batch))
}

pub fn settlement(batch: &str, net: &str) -> Command {
    let report = SettlementReport {
        provider: parsed(PROVIDER),
        batch: parsed(batch),
        asset: parsed("INR"),
        net: parse_decimal(net).unwrap(),
        payouts: rust_decimal::Decimal::ZERO,
        fees: ObservedFees {
            fee: parse_decimal("0").unwrap(),
            tax: parse_decimal("0").unwrap(),
        },
        bank: parsed("cash"),
        bank_reference: None,
        settled_at: None,
    };
    Command::Settlement {
        settlement: settlement_of(batch),
        action: Box::new(SettlementAction::Record {
            report,
            transaction: new_transaction(),
        }),
    }
}

pub fn found_break(batch: &str, subject: &str) -> Command {
    let difference = SettlementBreak {
        kind: BreakKind::UnknownHere,
        subject: parsed(subject),
        payment: None,
        ours: None,
        theirs: Some(parsed("7.00")),
    };
    Command::Settlement {
        settlement: settlement_of(batch),
        action: Box::new(SettlementAction::RecordBreak { difference }),
    }
}
