//! What the gateways' tests share.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use connectors::gateways::razorpay::{RazorpayCheckout, RazorpayGateway, RazorpaySettings};
use connectors::gateways::stripe::{StripeGateway, StripeSettings};
use connectors::gateways::{
    Attempt, CallPolicy, CaptureMode, CaptureRequest, CheckoutRequest, CircuitPolicy, GatewayError,
    Money, Payer, ProviderId, Reference, RefundRequest, SecretRing, currency,
};
use connectors::secret::Secret;
use connectors::simulators::razorpay::{RazorpayAccount, RazorpaySimulator};
use connectors::simulators::stripe::{StripeAccount, StripeSimulator};
use connectors::simulators::{Fault, WebhookTiming};
use poem::http::StatusCode;

pub const KEY_ID: &str = "rzp_test_0123456789";
pub const KEY_SECRET: &str = "key-of-ours";
pub const PAYOUT_ACCOUNT: &str = "7878780080316316";
pub const WEBHOOK_SECRET: &str = "webhook-secret-of-ours";
pub const STRIPE_KEY: &str = "sk_test_0123456789";
pub const STRIPE_SECRET: &str = "whsec_secret_of_ours";

/// A payer's address and name, which no error and no log may tell.
pub const EMAIL: &str = "asha.rao@example.org";
pub const NAME: &str = "Asha Rao";

/// Calls as in production, with pauses that a test does not feel and a circuit that stays closed.
pub fn calls() -> CallPolicy {
    CallPolicy {
        time_limit: Duration::from_secs(10),
        first_pause: Duration::from_micros(100),
        circuit: CircuitPolicy {
            failures: 1000,
            ..CircuitPolicy::default()
        },
        ..CallPolicy::default()
    }
}

/// One attempt that soon runs out of time.
pub fn impatient() -> CallPolicy {
    CallPolicy {
        attempts: 1,
        time_limit: Duration::from_millis(400),
        ..calls()
    }
}

pub fn timing() -> WebhookTiming {
    WebhookTiming {
        first_pause: Duration::from_millis(5),
        attempts: 6,
        longest_hold: Duration::from_millis(50),
    }
}

pub fn ring(secrets: &[&str]) -> SecretRing {
    SecretRing::try_new(secrets.iter().map(|secret| Secret::new(*secret)).collect()).unwrap()
}

pub fn razorpay_settings(url: &str, key_secret: &str, webhooks: &[&str]) -> RazorpaySettings {
    RazorpaySettings {
        base_url: url.parse().unwrap(),
        key_id: KEY_ID.to_owned(),
        key_secrets: ring(&[key_secret]),
        webhook_secrets: ring(webhooks),
        checkout: RazorpayCheckout::HostedPage,
        payout_account: Some(Secret::new(PAYOUT_ACCOUNT)),
        calls: calls(),
    }
}

pub fn razorpay_gateway(url: &str, key_secret: &str, webhooks: &[&str]) -> RazorpayGateway {
    RazorpayGateway::try_new(razorpay_settings(url, key_secret, webhooks)).unwrap()
}

pub async fn razorpay_simulator() -> RazorpaySimulator {
    let account = RazorpayAccount {
        key_id: KEY_ID.to_owned(),
        key_secret: Secret::new(KEY_SECRET),
        payout_account: PAYOUT_ACCOUNT.to_owned(),
        seed: 7,
        webhooks: timing(),
    };
    RazorpaySimulator::start(account).await.unwrap()
}

/// A simulator and the adapter that speaks to it.
pub async fn razorpay() -> (RazorpaySimulator, RazorpayGateway) {
    let simulator = razorpay_simulator().await;
    let gateway = razorpay_gateway(&simulator.url(), KEY_SECRET, &[WEBHOOK_SECRET]);
    (simulator, gateway)
}

/// The same with payment links.
pub async fn razorpay_links() -> (RazorpaySimulator, RazorpayGateway) {
    let simulator = razorpay_simulator().await;
    let settings = RazorpaySettings {
        checkout: RazorpayCheckout::PaymentLink,
        ..razorpay_settings(&simulator.url(), KEY_SECRET, &[WEBHOOK_SECRET])
    };
    (simulator, RazorpayGateway::try_new(settings).unwrap())
}

pub fn stripe_settings(url: &str, webhooks: &[&str]) -> StripeSettings {
    StripeSettings {
        base_url: url.parse().unwrap(),
        api_key: Secret::new(STRIPE_KEY),
        webhook_secrets: ring(webhooks),
        calls: calls(),
    }
}

pub fn stripe_gateway(url: &str, webhooks: &[&str]) -> StripeGateway {
    StripeGateway::try_new(stripe_settings(url, webhooks)).unwrap()
}

pub async fn stripe_simulator() -> StripeSimulator {
    let account = StripeAccount {
        api_key: Secret::new(STRIPE_KEY),
        seed: 7,
        webhooks: timing(),
    };
    StripeSimulator::start(account).await.unwrap()
}

pub async fn stripe() -> (StripeSimulator, StripeGateway) {
    let simulator = stripe_simulator().await;
    let gateway = stripe_gateway(&simulator.url(), &[STRIPE_SECRET]);
    (simulator, gateway)
}

/// Rupees, in paise.
pub fn rupees(paise: u64) -> Money {
    Money::from_minor_units(paise, currency("INR").unwrap())
}

/// A reference made of any text.
pub fn reference(text: &str) -> Reference {
    let padded = format!("{:_<10}", text.replace(' ', "-"));
    padded.parse().unwrap()
}

pub fn checkout(name: &str, paise: u64) -> CheckoutRequest {
    CheckoutRequest {
        reference: reference(name),
        attempt: Attempt::First,
        amount: rupees(paise),
        description: "Wallet top-up".to_owned(),
        payer: Payer {
            name: NAME.to_owned(),
            email: Some(EMAIL.parse().unwrap()),
            phone: Some("+919876543210".parse().unwrap()),
        },
        capture: CaptureMode::Automatic,
        return_url: "http://127.0.0.1:9/return?tenant=1".parse().unwrap(),
        cancel_url: "http://127.0.0.1:9/cancel".parse().unwrap(),
        notify_url: "http://127.0.0.1:9/webhooks".parse().unwrap(),
        created_at: Utc::now(),
        expires_at: Utc::now() + TimeDelta::hours(2),
    }
}

pub fn refund(payment_id: &ProviderId, name: &str, paise: u64) -> RefundRequest {
    RefundRequest {
        payment_id: payment_id.clone(),
        reference: reference(name),
        attempt: Attempt::First,
        amount: rupees(paise),
        reason: "asked for".to_owned(),
    }
}

pub fn capture(payment_id: &ProviderId, name: &str, paise: u64) -> CaptureRequest {
    CaptureRequest {
        payment_id: payment_id.clone(),
        reference: reference(name),
        attempt: Attempt::First,
        amount: rupees(paise),
    }
}

/// A provider's no, which does nothing.
pub fn refuse(status: u16, message: &str) -> Fault {
    Fault::Refuse {
        status: StatusCode::from_u16(status).unwrap(),
        code: 0,
        message: message.to_owned(),
    }
}

/// A provider's sentence, which errors do not show by themselves.
pub fn sentence<T: std::fmt::Debug>(outcome: Result<T, GatewayError>) -> String {
    match outcome.unwrap_err() {
        GatewayError::Refused { refusal, .. } => refusal.message,
        other => panic!("{other:?}"),
    }
}

/// The error's code and words with every source, none of which may tell who pays or what the keys are.
pub fn told(error: &GatewayError) -> String {
    let mut told = format!("{}: {error}", error.code());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        told.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    for secret in [
        EMAIL,
        NAME,
        KEY_SECRET,
        STRIPE_KEY,
        PAYOUT_ACCOUNT,
        "9876543210",
    ] {
        assert!(!told.contains(secret), "{told}");
    }
    told
}

/// An outcome in one word, for tables of them.
pub fn word<T>(outcome: Result<T, GatewayError>) -> &'static str {
    match outcome {
        Ok(_) => "done",
        Err(error) => {
            told(&error);
            error.code()
        }
    }
}
