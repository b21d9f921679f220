//! What the intake of webhooks needs of a provider, whatever it provides.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::Utc;
use connectors::gateways::Gateway;
use connectors::identity_providers::{
    CaseObservation, CaseStatus, Provider, WebhookContent, WebhookDelivery, WebhookRejection,
};
use connectors::providers::{Advice, SignatureCoverage, WebhookConfirmer, WebhookVerifier};
use connectors::simulators::CaseChoice;

use super::support::{Pair, known, reference, told};
use super::webhooks::approve;
use crate::gateways::receiver::Receiver;
use crate::gateways::support::stripe_gateway;

/// What genuine webhooks tell of approvals. They overtake each other.
fn approvals(pair: &Pair, receiver: &Receiver) -> Vec<CaseObservation> {
    let facts = told(&*pair.provider, receiver);
    let observations = facts.iter().flat_map(|facts| match &facts.content {
        WebhookContent::Observations(observations) => observations.clone(),
        _ => Vec::new(),
    });
    observations
        .filter(|observation| known(observation) == CaseStatus::Approved)
        .collect()
}

/// One intake for all, and each webhook is taken by the account that it is for and by no other.
#[tokio::test]
async fn one_intake_takes_webhooks_of_every_provider() {
    let pairs = Pair::all().await;
    let gateway: Arc<dyn Gateway> = Arc::new(stripe_gateway("http://127.0.0.1:9", &["whsec_ours"]));
    let mut verifiers: Vec<Arc<dyn WebhookVerifier>> = vec![Arc::new(gateway)];
    for pair in &pairs {
        verifiers.push(Arc::new(Arc::clone(&pair.provider)));
    }
    for pair in &pairs {
        let receiver = pair.listening().await;
        approve(pair, "taken-in-1").await;
        pair.webhooks_settled().await;
        let facts = told(&*pair.provider, &receiver);
        let received = receiver.received();
        assert!(!received.is_empty());
        for (received, facts) in received.iter().zip(&facts) {
            let delivery = WebhookDelivery {
                body: &received.body,
                headers: &received.headers,
                received_at: Utc::now(),
            };
            for verifier in &verifiers {
                let is_theirs = verifier.provider_name() == pair.name().as_str();
                match verifier.notice(&delivery) {
                    Ok(notice) if is_theirs => {
                        assert_eq!(notice.event_id, facts.event_id);
                        assert_eq!(notice.event_type, facts.event_type);
                        assert_eq!(notice.occurred_at, facts.occurred_at);
                        assert_eq!(notice.body_digest, facts.body_digest);
                        assert_eq!(notice.coverage, SignatureCoverage::Everything);
                    }
                    Err(WebhookRejection::NotSigned) if !is_theirs => {}
                    other => panic!("{}: {other:?}", verifier.provider_name()),
                }
            }
        }
    }
}

/// A genuine webhook of before verifies for ever; what is true now is asked.
#[tokio::test]
async fn an_approval_of_before_is_not_confirmed() {
    for pair in Pair::all().await {
        let name = pair.name();
        let receiver = pair.listening().await;
        let case_id = approve(&pair, "before-1").await;
        pair.webhooks_settled().await;
        let approval = &approvals(&pair, &receiver)[0];
        let confirmed = pair.provider.confirm(approval).await.unwrap();
        assert_eq!(known(&confirmed), CaseStatus::Approved, "{name}");
        assert_eq!(confirmed.case_id, approval.case_id);
        let ours = reference("before-1");
        let named = confirmed.reference.as_ref().or(approval.reference.as_ref());
        assert_eq!(named, confirmed.reference.as_ref(), "{name}");
        assert!(named.is_none_or(|named| *named == ours), "{name}");

        if pair.control.decide(&case_id, CaseChoice::Reset) {
            pair.webhooks_settled().await;
            let replayed = approvals(&pair, &receiver);
            assert!(
                replayed.contains(approval),
                "{name}: the old bytes still verify"
            );
            let now = pair.provider.confirm(approval).await.unwrap();
            assert_eq!(known(&now), CaseStatus::AwaitingPerson, "{name}");
        } else {
            assert_ne!(name, Provider::Sumsub);
        }
    }
}

/// A case that the provider does not have is told as such.
#[tokio::test]
async fn what_the_provider_does_not_know_is_not_confirmed() {
    let here = Pair::all().await;
    for (pair, other) in here.iter().zip(Pair::all().await) {
        let receiver = other.listening().await;
        approve(&other, "elsewhere-1").await;
        other.webhooks_settled().await;
        let heard = approvals(pair, &receiver);
        let error = pair.provider.confirm(&heard[0]).await.unwrap_err();
        assert_eq!(error.code(), "identity_provider_not_found");
        assert_eq!(error.advice(), Advice::GiveUp);
    }
}

/// Their names stand in one kind of address.
#[test]
fn no_two_providers_have_the_same_name() {
    use connectors::gateways::Provider::{Instamojo, PayU, Razorpay, Stripe};
    let gateways = [Razorpay, PayU, Instamojo, Stripe].map(|provider| provider.as_str());
    let names = gateways
        .into_iter()
        .chain(Provider::ALL.map(Provider::as_str));
    let mut seen = HashSet::new();
    for name in names {
        assert!(seen.insert(name), "{name}");
    }
}
