//! Webhooks as they come from the simulators: again and again, twice, out of order, forged, with new secrets.

use connectors::identity_providers::digio::DigioProvider;
use connectors::identity_providers::onfido::OnfidoProvider;
use connectors::identity_providers::sumsub::SumsubProvider;
use connectors::identity_providers::{
    CaseStatus, IdentityProvider, Provider, Reported, WebhookRejection,
};
use connectors::secret::Secret;
use connectors::simulators::{CaseChoice, Chances};
use poem::http::StatusCode;

use super::support::{
    Pair, WEBHOOK_SECRET, digio_settings, known, observation, onfido_settings, request,
    sumsub_settings, told, verify,
};

/// Opens a case that is approved, and gives its id.
pub async fn approve(pair: &Pair, name: &str) -> String {
    let opened = pair
        .provider
        .open_case(&request(pair.name(), name))
        .await
        .unwrap();
    for choice in [CaseChoice::Submit, CaseChoice::Approve] {
        assert!(pair.control.decide(opened.case_id.as_str(), choice));
    }
    opened.case_id.as_str().to_owned()
}

fn approvals(pair: &Pair, receiver: &crate::gateways::receiver::Receiver) -> Vec<String> {
    told(&*pair.provider, receiver)
        .into_iter()
        .filter(|facts| {
            let status = match &facts.content {
                connectors::identity_providers::WebhookContent::Observations(_) => {
                    Some(known(observation(facts)))
                }
                _ => None,
            };
            status == Some(CaseStatus::Approved)
        })
        .map(|facts| facts.event_id)
        .collect()
}

#[tokio::test]
async fn a_webhook_is_sent_until_it_is_taken() {
    for pair in Pair::all().await {
        let receiver = pair.listening().await;
        receiver.answer(&[
            StatusCode::INTERNAL_SERVER_ERROR,
            StatusCode::NOT_FOUND,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::BAD_GATEWAY,
        ]);
        approve(&pair, "taken-1").await;
        pair.webhooks_settled().await;
        let ids: Vec<String> = told(&*pair.provider, &receiver)
            .into_iter()
            .map(|facts| facts.event_id)
            .collect();
        let mut once = ids.clone();
        once.sort();
        once.dedup();
        assert_eq!(
            ids.len(),
            once.len() + 4,
            "{}: alike in every delivery",
            pair.name()
        );
        assert!(pair.control.deliveries().len() == ids.len());
    }
}

#[tokio::test]
async fn duplicates_have_one_name_and_forged_ones_none() {
    for pair in Pair::all().await {
        let receiver = pair.listening().await;
        pair.control.set_chances(Chances {
            webhook_duplicate: 1000,
            webhook_wrong_signature: 1000,
            webhook_reorder: 1000,
            ..Chances::default()
        });
        approve(&pair, "twice-1").await;
        pair.webhooks_settled().await;
        let mut ids = approvals(&pair, &receiver);
        assert!(ids.len() >= 2, "{}", pair.name());
        ids.dedup();
        assert_eq!(ids.len(), 1, "{}", pair.name());
        let forged = pair.control.deliveries();
        let forged = forged.iter().filter(|delivery| delivery.is_forged).count();
        let refused: Vec<_> = receiver
            .received()
            .iter()
            .filter_map(|received| verify(&*pair.provider, received).err())
            .collect();
        assert_eq!(refused, vec![WebhookRejection::WrongSignature; forged]);
        assert!(forged > 0);
    }
}

/// What never came is found by asking.
#[tokio::test]
async fn a_dropped_webhook_changes_nothing_about_the_case() {
    for pair in Pair::all().await {
        let receiver = pair.listening().await;
        pair.control.set_chances(Chances {
            webhook_drop: 1000,
            ..Chances::default()
        });
        let case_id = approve(&pair, "dropped-1").await;
        pair.webhooks_settled().await;
        assert_eq!(receiver.received().len(), 0);
        assert!(pair.control.dropped_webhooks() > 0);
        let status = pair.status(&case_id.parse().unwrap()).await;
        assert_eq!(
            status,
            Reported::Known(CaseStatus::Approved),
            "{}",
            pair.name()
        );
    }
}

/// A word that nobody documents is told as it is, by webhook and by fetch, and is no status of ours.
#[tokio::test]
async fn unknown_words_are_told() {
    for pair in Pair::all().await {
        let receiver = pair.listening().await;
        let opened = pair
            .provider
            .open_case(&request(pair.name(), "vanished-1"))
            .await
            .unwrap();
        assert!(pair.control.say(opened.case_id.as_str(), "vanished"));
        assert!(!pair.control.say("nobody", "vanished"));
        let unknown = Reported::Unknown("vanished".to_owned());
        assert_eq!(
            pair.status(&opened.case_id).await,
            unknown,
            "{}",
            pair.name()
        );
        pair.webhooks_settled().await;
        let told = told(&*pair.provider, &receiver);
        let is_it = |status: &Reported<CaseStatus>| *status == unknown;
        let found = told
            .iter()
            .filter(|facts| is_it(&observation(facts).status));
        assert_eq!(found.count(), 1, "{}", pair.name());
    }
}

/// With the settings of a moment: the secrets that are valid then.
fn provider(name: Provider, secrets: &[&str]) -> Box<dyn IdentityProvider> {
    let nobody = "http://127.0.0.1:9";
    match name {
        Provider::Sumsub => {
            Box::new(SumsubProvider::try_new(sumsub_settings(nobody, secrets)).unwrap())
        }
        Provider::Onfido => {
            Box::new(OnfidoProvider::try_new(onfido_settings(nobody, secrets)).unwrap())
        }
        Provider::Digio => {
            Box::new(DigioProvider::try_new(digio_settings(nobody, secrets)).unwrap())
        }
    }
}

#[tokio::test]
async fn secrets_change_without_a_gap() {
    for pair in Pair::all().await {
        let receiver = pair.listening().await;
        approve(&pair, "rotated-1").await;
        pair.webhooks_settled().await;
        let before = receiver.received().len();
        pair.control
            .set_webhook(&receiver.url(), &[Secret::new("the-next-one")]);
        approve(&pair, "rotated-2").await;
        pair.webhooks_settled().await;
        let received = receiver.received();
        let (old, new) = received.split_at(before);
        assert!(!old.is_empty() && !new.is_empty());
        for (secrets, takes_old, takes_new) in [
            (vec![WEBHOOK_SECRET], true, false),
            (vec!["the-next-one", WEBHOOK_SECRET], true, true),
            (vec!["the-next-one"], false, true),
        ] {
            let provider = provider(pair.name(), &secrets);
            let is_taken = |received: &_| verify(&*provider, received).is_ok();
            assert!(old.iter().all(|received| is_taken(received) == takes_old));
            assert!(new.iter().all(|received| is_taken(received) == takes_new));
        }
    }
}
