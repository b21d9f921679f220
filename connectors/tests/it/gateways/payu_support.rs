//! What PayU's tests share.

use connectors::gateways::payu::{PayUGateway, PayUResponseHash, PayUSettings};
use connectors::gateways::{CaptureMode, CheckoutAction, CheckoutRequest, Gateway, ProviderId};
use connectors::secret::Secret;
use connectors::simulators::PayerChoice;
use connectors::simulators::payu::{PayUAccount, PayUSimulator};

use super::receiver::Receiver;
use super::support::{calls, checkout, ring, timing};

pub const KEY: &str = "gtKFFx";
pub const SALT: &str = "salt-of-ours";

pub fn settings(url: &str, salts: &[&str]) -> PayUSettings {
    PayUSettings {
        page_url: url.parse().unwrap(),
        api_url: url.parse().unwrap(),
        key: KEY.to_owned(),
        salts: ring(salts),
        capture: CaptureMode::Automatic,
        response_hash: PayUResponseHash::Plain,
        calls: calls(),
    }
}

pub fn gateway(url: &str, salts: &[&str]) -> PayUGateway {
    PayUGateway::try_new(settings(url, salts)).unwrap()
}

pub fn account() -> PayUAccount {
    PayUAccount {
        key: KEY.to_owned(),
        salt: Secret::new(SALT),
        capture: CaptureMode::Automatic,
        response_hash: PayUResponseHash::Plain,
        seed: 7,
        webhooks: timing(),
    }
}

/// A simulator and the adapter that speaks to it.
pub async fn payu() -> (PayUSimulator, PayUGateway) {
    let simulator = PayUSimulator::start(account()).await.unwrap();
    let gateway = gateway(&simulator.url(), &[SALT]);
    (simulator, gateway)
}

/// The same for a merchant who takes payments by a call.
pub async fn payu_manual() -> (PayUSimulator, PayUGateway) {
    let manual = PayUAccount {
        capture: CaptureMode::Manual,
        ..account()
    };
    let simulator = PayUSimulator::start(manual).await.unwrap();
    let settings = PayUSettings {
        capture: CaptureMode::Manual,
        ..settings(&simulator.url(), &[SALT])
    };
    (simulator, PayUGateway::try_new(settings).unwrap())
}

/// A receiver of everything that the simulator tells.
pub async fn listening(simulator: &PayUSimulator) -> Receiver {
    let receiver = Receiver::start().await;
    simulator
        .control()
        .set_webhook(&receiver.url(), &[Secret::new(SALT)]);
    receiver
}

/// The form of a checkout.
pub async fn form(gateway: &PayUGateway, request: &CheckoutRequest) -> Vec<(String, String)> {
    let opened = gateway.create_checkout(request).await.unwrap();
    match opened.action {
        CheckoutAction::Form { fields, .. } => fields,
        other => panic!("{other:?}"),
    }
}

/// Opens a checkout in a browser, and the payer decides. Gives the payment's id.
pub async fn decided(
    simulator: &PayUSimulator,
    gateway: &PayUGateway,
    request: &CheckoutRequest,
    choice: PayerChoice,
) -> ProviderId {
    assert!(simulator.open(&form(gateway, request).await), "{request:?}");
    let id = simulator
        .control()
        .pay(request.reference.as_str(), choice)
        .unwrap();
    id.parse().unwrap()
}

/// A payment of that many paise.
pub async fn paid(
    simulator: &PayUSimulator,
    gateway: &PayUGateway,
    name: &str,
    paise: u64,
) -> ProviderId {
    let request = checkout(name, paise);
    decided(simulator, gateway, &request, PayerChoice::Pay).await
}
