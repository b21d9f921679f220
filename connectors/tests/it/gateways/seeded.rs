//! Random payments with everything misbehaving: each intent has one effect, and what adapters tell is what
//! really happened. A failure prints its seed; `DAYBOOK_GATEWAY_SEED` repeats it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use connectors::gateways::{
    Advice, Attempt, BankDestination, BeneficiaryRequest, Checkout, CheckoutAction, CheckoutLookup,
    CheckoutRequest, Gateway, GatewayError, Observation, PaymentObservation, PaymentStatus,
    PayoutLookup, PayoutMode, PayoutRequest, PayoutStatus, RefundLookup, RefundStatus, Reported,
    WebhookContent,
};
use connectors::secret::Secret;
use connectors::simulators::{Chances, GatewaySimulator, PayerChoice};

use super::instamojo_support::{BOTH, instamojo};
use super::payu_support::{self, payu};
use super::receiver::{Receiver, submit};
use super::support::{
    STRIPE_SECRET, WEBHOOK_SECRET, checkout, razorpay, refund, rupees, stripe, told,
};

const PAYMENTS: usize = 60;

/// More than any provider should get wrong.
const MOST_ATTEMPTS: u32 = 40;

fn chances() -> Chances {
    Chances {
        fail: 80,
        fail_afterwards: 80,
        break_off: 80,
        nonsense: 80,
        rate_limit: 80,
        delay: 20,
        webhook_drop: 50,
        webhook_duplicate: 150,
        webhook_reorder: 150,
        webhook_wrong_signature: 100,
        late_success: 500,
        capture_left_out: 0,
        settlement_left_out: 0,
    }
}

fn seed() -> u64 {
    let given = std::env::var("DAYBOOK_GATEWAY_SEED").ok();
    let seed = given.and_then(|text| text.parse().ok());
    seed.unwrap_or_else(|| fastrand::u64(..))
}

/// Does something as a job would: again and again, each time as an attempt that may have been made.
async fn persist<T, Outcome>(call: impl Fn(Attempt) -> Outcome) -> Result<T, GatewayError>
where
    Outcome: Future<Output = Result<T, GatewayError>>,
{
    let mut attempt = Attempt::First;
    for _ in 0..MOST_ATTEMPTS {
        match call(attempt).await {
            Err(error) if error.advice() == Advice::GiveUp => return Err(error),
            Err(error) => {
                assert_ne!(error.advice(), Advice::TellAPerson, "{}", told(&error));
                attempt = Attempt::Again;
            }
            done => return done,
        }
    }
    panic!("it never ends");
}

/// One world: an adapter, its provider, and who listens.
struct World {
    gateway: Arc<dyn Gateway>,
    control: Arc<dyn GatewaySimulator>,
    receiver: Receiver,
    /// Who is paid, where the provider pays.
    beneficiary: Option<String>,
}

impl World {
    /// Opens a checkout. One that is refused for good is given up, and another is opened under another
    /// name; nobody can pay the first.
    async fn opened(&self, number: usize, amount: u64) -> (Checkout, CheckoutRequest) {
        for name in 0..MOST_ATTEMPTS {
            let request = CheckoutRequest {
                return_url: "http://127.0.0.1:9/return".parse().unwrap(),
                notify_url: self.receiver.url().parse().unwrap(),
                ..checkout(&format!("seeded {number:04}-{name}"), amount)
            };
            let opened = persist(|attempt| {
                let request = CheckoutRequest {
                    attempt,
                    ..request.clone()
                };
                async move { self.gateway.create_checkout(&request).await }
            });
            if let Ok(opened) = opened.await {
                return (opened, request);
            }
        }
        panic!("none is opened");
    }

    async fn payment(&self, number: usize, dice: &mut fastrand::Rng) -> Option<PaymentObservation> {
        let amount = dice.u64(10_000..200_000);
        let (opened, request) = self.opened(number, amount).await;
        if let CheckoutAction::Form { url, fields } = &opened.action {
            // PayU knows of nothing before the browser comes.
            submit(url.as_str(), fields).await;
        }
        let choices = [
            PayerChoice::Pay,
            PayerChoice::Pay,
            PayerChoice::Pay,
            PayerChoice::Fail,
            PayerChoice::FailThenPay,
            PayerChoice::Abandon,
        ];
        let choice = *dice.choice(&choices).unwrap();
        self.control.pay(opened.checkout_id.as_str(), choice);
        // What the bank decided late.
        self.control.advance(std::time::Duration::from_secs(61));
        let lookup = CheckoutLookup::Id(opened.checkout_id);
        let seen = persist(|_| self.gateway.fetch_checkout(&lookup))
            .await
            .unwrap();
        assert_eq!(seen.amount, rupees(amount));
        assert_eq!(seen.reference, Some(request.reference));
        let captured = |payment: &PaymentObservation| {
            payment.status == Reported::Known(PaymentStatus::Captured)
        };
        seen.payments.into_iter().find(captured)
    }

    async fn refund(&self, payment: &PaymentObservation, name: &str, paise: u64) -> u64 {
        let request = refund(&payment.payment_id, name, paise);
        let made = persist(|attempt| {
            let request = connectors::gateways::RefundRequest {
                attempt,
                ..request.clone()
            };
            async move { self.gateway.refund(&request).await }
        })
        .await
        .unwrap();
        let lookup = RefundLookup {
            payment_id: payment.payment_id.clone(),
            refund_id: None,
            reference: request.reference,
        };
        let seen = persist(|_| self.gateway.fetch_refund(&lookup))
            .await
            .unwrap();
        assert_eq!(
            (seen.refund_id, seen.amount),
            (made.refund_id, rupees(paise))
        );
        assert_eq!(seen.status, Reported::Known(RefundStatus::Processed));
        paise
    }

    /// How many were paid out: none where the provider pays nobody.
    async fn payout(&self, number: usize, paise: u64) -> usize {
        let Some(beneficiary) = &self.beneficiary else {
            return 0;
        };
        let request = PayoutRequest {
            reference: super::support::reference(&format!("seeded payout {number:04}")),
            attempt: Attempt::First,
            beneficiary_id: beneficiary.parse().unwrap(),
            amount: rupees(paise),
            mode: PayoutMode::Default,
            narration: "Withdrawal".to_owned(),
            created_at: chrono::Utc::now(),
        };
        let sent = persist(|attempt| {
            let request = PayoutRequest {
                attempt,
                ..request.clone()
            };
            async move { self.gateway.payout(&request).await }
        })
        .await
        .unwrap();
        let lookup = PayoutLookup::Id(sent.payout_id);
        let seen = persist(|_| self.gateway.fetch_payout(&lookup))
            .await
            .unwrap();
        assert_eq!(seen.status, Reported::Known(PayoutStatus::Paid));
        1
    }

    /// What genuine webhooks told, by event.
    fn told_captured(&self) -> BTreeSet<String> {
        let facts = self.receiver.facts(&*self.gateway);
        let mut captured = BTreeSet::new();
        for facts in &facts {
            let WebhookContent::Observations(observations) = &facts.content else {
                panic!("{facts:?}");
            };
            for observation in observations {
                if let Observation::Payment(payment) = observation
                    && !payment.captured.is_zero()
                {
                    captured.insert(payment.payment_id.to_string());
                }
            }
        }
        captured
    }
}

async fn run(world: World, seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    world.control.set_chances(chances());
    let mut expected = BTreeMap::new();
    let mut paid_out = 0;
    for number in 0..PAYMENTS {
        let Some(payment) = world.payment(number, &mut dice).await else {
            continue;
        };
        let mut refunded = 0;
        for part in 0..dice.usize(0..3) {
            let paise = dice.u64(1_000..5_000);
            let name = format!("seeded refund {number:04} {part}");
            refunded += world.refund(&payment, &name, paise).await;
        }
        if dice.bool() {
            paid_out += world.payout(number, dice.u64(1_000..5_000)).await;
        }
        let captured = payment.captured.minor_units();
        expected.insert(payment.payment_id.to_string(), (captured, refunded));
    }
    while world.control.webhooks_under_way() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let books = world.control.books();
    let really: BTreeMap<String, (u64, u64)> = books
        .payments
        .iter()
        .filter(|payment| payment.captured > 0)
        .map(|payment| {
            (
                payment.payment_id.clone(),
                (payment.captured, payment.refunded),
            )
        })
        .collect();
    assert_eq!(expected, really, "seed {seed}");
    let unique = |references: Vec<&Option<String>>| {
        let set: BTreeSet<_> = references.iter().map(|found| found.as_deref()).collect();
        assert_eq!(set.len(), references.len(), "seed {seed}: {references:?}");
        assert!(!set.contains(&None));
    };
    unique(
        books
            .refunds
            .iter()
            .map(|refund| &refund.reference)
            .collect(),
    );
    unique(
        books
            .payouts
            .iter()
            .map(|payout| &payout.reference)
            .collect(),
    );
    assert_eq!(books.payouts.len(), paid_out, "seed {seed}");
    assert!(
        books
            .payouts
            .iter()
            .all(|payout| payout.is_with_beneficiary)
    );
    let told = world.told_captured();
    let known: BTreeSet<String> = really.keys().cloned().collect();
    assert!(told.is_subset(&known), "seed {seed}");
    let dropped = usize::try_from(world.control.dropped_webhooks()).unwrap();
    assert!(told.len() + dropped >= known.len(), "seed {seed}: told");
}

#[tokio::test]
async fn razorpay_has_one_effect_for_one_intent() {
    let (simulator, gateway) = razorpay().await;
    let receiver = Receiver::start().await;
    let control = simulator.control();
    control.set_webhook(&receiver.url(), &[Secret::new(WEBHOOK_SECRET)]);
    let request = BeneficiaryRequest {
        reference: super::support::reference("seeded beneficiary"),
        name: "Asha Rao".to_owned(),
        email: None,
        phone: None,
        destination: BankDestination::Upi {
            address: Secret::new("asha@upi"),
        },
    };
    let beneficiary = gateway.register_beneficiary(&request).await.unwrap();
    let world = World {
        gateway: Arc::new(gateway),
        control,
        receiver,
        beneficiary: Some(beneficiary.beneficiary_id.to_string()),
    };
    run(world, seed()).await;
}

#[tokio::test]
async fn stripe_has_one_effect_for_one_intent() {
    let (simulator, gateway) = stripe().await;
    let receiver = Receiver::start().await;
    let control = simulator.control();
    control.set_webhook(&receiver.url(), &[Secret::new(STRIPE_SECRET)]);
    let world = World {
        gateway: Arc::new(gateway),
        control,
        receiver,
        beneficiary: Some("ba_0123456789".to_owned()),
    };
    run(world, seed()).await;
}

#[tokio::test]
async fn payu_has_one_effect_for_one_intent() {
    let (simulator, gateway) = payu().await;
    let receiver = payu_support::listening(&simulator).await;
    let world = World {
        gateway: Arc::new(gateway),
        control: simulator.control(),
        receiver,
        beneficiary: None,
    };
    run(world, seed()).await;
}

#[tokio::test]
async fn instamojo_has_one_effect_for_one_intent() {
    for by in BOTH {
        let (simulator, gateway) = instamojo(by).await;
        simulator.allow_many_refunds(true);
        let world = World {
            gateway: Arc::new(gateway),
            control: simulator.control(),
            receiver: Receiver::start().await,
            beneficiary: None,
        };
        run(world, seed()).await;
    }
}
