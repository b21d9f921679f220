//! What Instamojo's tests share.

use connectors::gateways::instamojo::{InstamojoAccess, InstamojoGateway, InstamojoSettings};
use connectors::gateways::{CheckoutAction, CheckoutRequest, Gateway, ProviderId};
use connectors::secret::Secret;
use connectors::simulators::PayerChoice;
use connectors::simulators::instamojo::{InstamojoAccount, InstamojoSimulator};

use super::receiver::Receiver;
use super::support::{calls, checkout as any_checkout, ring, timing};

pub const API_KEY: &str = "api-key-of-ours";
pub const AUTH_TOKEN: &str = "auth-token-of-ours";
pub const CLIENT_ID: &str = "client-of-ours";
pub const CLIENT_SECRET: &str = "client-secret-of-ours";
pub const SALT: &str = "salt-of-ours";

/// Which of the two interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Keys,
    Client,
}

pub const BOTH: [By; 2] = [By::Keys, By::Client];

pub fn settings(url: &str, by: By, salts: &[&str]) -> InstamojoSettings {
    InstamojoSettings {
        base_url: url.parse().unwrap(),
        access: match by {
            By::Keys => InstamojoAccess::Keys {
                api_key: Secret::new(API_KEY),
                auth_token: Secret::new(AUTH_TOKEN),
            },
            By::Client => InstamojoAccess::Client {
                client_id: CLIENT_ID.to_owned(),
                client_secret: Secret::new(CLIENT_SECRET),
            },
        },
        salts: ring(salts),
        calls: calls(),
    }
}

pub fn gateway(url: &str, by: By, salts: &[&str]) -> InstamojoGateway {
    InstamojoGateway::try_new(settings(url, by, salts)).unwrap()
}

pub async fn simulator() -> InstamojoSimulator {
    let account = InstamojoAccount {
        api_key: Secret::new(API_KEY),
        auth_token: Secret::new(AUTH_TOKEN),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Secret::new(CLIENT_SECRET),
        salt: Secret::new(SALT),
        seed: 7,
        webhooks: timing(),
    };
    InstamojoSimulator::start(account).await.unwrap()
}

/// A simulator and the adapter that speaks to it.
pub async fn instamojo(by: By) -> (InstamojoSimulator, InstamojoGateway) {
    let simulator = simulator().await;
    let gateway = gateway(&simulator.url(), by, &[SALT]);
    (simulator, gateway)
}

/// A checkout whose return has no query, as orders want it.
pub fn checkout(name: &str, paise: u64) -> CheckoutRequest {
    CheckoutRequest {
        return_url: "http://127.0.0.1:9/return".parse().unwrap(),
        ..any_checkout(name, paise)
    }
}

/// The same, told to a receiver.
pub fn told_to(receiver: &Receiver, name: &str, paise: u64) -> CheckoutRequest {
    CheckoutRequest {
        notify_url: receiver.url().parse().unwrap(),
        ..checkout(name, paise)
    }
}

/// Opens a checkout, and the payer decides. Gives the checkout's and the payment's ids.
pub async fn decided(
    simulator: &InstamojoSimulator,
    gateway: &InstamojoGateway,
    request: &CheckoutRequest,
    choice: PayerChoice,
) -> (ProviderId, ProviderId) {
    let opened = gateway.create_checkout(request).await.unwrap();
    let id = simulator.control().pay(opened.checkout_id.as_str(), choice);
    (opened.checkout_id, id.unwrap().parse().unwrap())
}

/// A payment of that many paise.
pub async fn paid(
    simulator: &InstamojoSimulator,
    gateway: &InstamojoGateway,
    name: &str,
    paise: u64,
) -> ProviderId {
    let request = checkout(name, paise);
    decided(simulator, gateway, &request, PayerChoice::Pay)
        .await
        .1
}

/// Where a checkout is paid.
pub fn page(action: &CheckoutAction) -> String {
    match action {
        CheckoutAction::Redirect { url } => url.to_string(),
        other => panic!("{other:?}"),
    }
}
