//! What only Digio has: contacts in addresses, both spellings of events, requests that expire.

use std::time::Duration;

use connectors::identity_providers::digio::{DigioProvider, DigioSettings};
use connectors::identity_providers::{
    CaseEntry, CaseStatus, DocumentKind, DocumentVerdict, IdentityProvider, Person, Provider,
    Reported, Retry,
};
use connectors::secret::Secret;
use connectors::simulators::CaseChoice;

use super::support::{
    CLIENT_ID, PHONE, Pair, WEBHOOK_SECRET, calls, digio, digio_settings, known, observation,
    request, told, words,
};

#[tokio::test]
async fn every_step_is_told_in_either_spelling() {
    let pair = Pair::start(Provider::Digio, calls()).await;
    let receiver = pair.listening().await;
    let opened = pair
        .provider
        .open_case(&request(Provider::Digio, "steps-1"))
        .await
        .unwrap();
    for choice in [
        CaseChoice::Submit,
        CaseChoice::Review,
        CaseChoice::RejectFinal,
    ] {
        assert!(pair.control.decide(opened.case_id.as_str(), choice));
        pair.webhooks_settled().await;
    }
    let told = told(&*pair.provider, &receiver);
    let events: Vec<_> = told
        .iter()
        .map(|facts| (facts.event_type.as_str(), known(observation(facts))))
        .collect();
    assert_eq!(
        events,
        [
            ("kyc.request.created", CaseStatus::AwaitingPerson),
            ("kyc.request.completed", CaseStatus::InReview),
            ("KYC_REQUEST_REVIEW_READY", CaseStatus::InReview),
            ("KYC_REQUEST_REJECTED", CaseStatus::Rejected(Retry::Final)),
        ]
    );
    assert!(told.iter().all(|facts| facts.event_id.starts_with("WHN")));
    let documents = pair
        .provider
        .fetch_documents(&opened.case_id)
        .await
        .unwrap();
    assert_eq!(
        documents[0].kind,
        Reported::Known(DocumentKind::RegisterExtract)
    );
    assert_eq!(documents[0].verdict, Reported::Known(DocumentVerdict::Bad));
}

#[tokio::test]
async fn requests_expire_and_are_terminated() {
    let pair = Pair::start(Provider::Digio, calls()).await;
    let over = pair
        .provider
        .open_case(&request(Provider::Digio, "over-1"))
        .await
        .unwrap();
    let ended = pair
        .provider
        .open_case(&request(Provider::Digio, "over-2"))
        .await
        .unwrap();
    assert!(
        pair.control
            .decide(ended.case_id.as_str(), CaseChoice::Withdraw)
    );
    pair.control.advance(Duration::from_secs(25 * 60 * 60));
    assert_eq!(
        pair.status(&over.case_id).await,
        Reported::Known(CaseStatus::Expired)
    );
    assert_eq!(
        pair.status(&ended.case_id).await,
        Reported::Known(CaseStatus::Withdrawn)
    );
}

#[tokio::test]
async fn one_contact_is_enough() {
    let (_simulator, provider) = digio().await;
    let mut request = request(Provider::Digio, "contact-1");
    request.person = Person {
        phone: Some(PHONE.parse().unwrap()),
        ..Person::default()
    };
    let opened = provider.open_case(&request).await.unwrap();
    let CaseEntry::Page { url } = opened.entry else {
        panic!("no page");
    };
    assert!(url.path().ends_with("/9876543210"), "{url}");
    request.person.email = Some("a+b/c?d#e@example.org".parse().unwrap());
    let opened = provider.open_case(&request).await.unwrap();
    let CaseEntry::Page { url } = opened.entry else {
        panic!("no page");
    };
    assert!(
        url.path().ends_with("/a%2Bb%2Fc%3Fd%23e@example.org"),
        "{url}"
    );
    request.person = Person {
        phone: Some("+4915112345678".parse().unwrap()),
        ..Person::default()
    };
    let error = provider.open_case(&request).await.unwrap_err();
    assert_eq!(
        error.code(),
        "identity_provider_invalid_request",
        "{}",
        words(&error)
    );
}

#[tokio::test]
async fn settings_are_checked() {
    let (simulator, _) = digio().await;
    let settings = || digio_settings(&simulator.url(), &[WEBHOOK_SECRET]);
    let wrong = DigioSettings {
        client_secret: Secret::new("another"),
        ..settings()
    };
    let wrong = DigioProvider::try_new(wrong).unwrap();
    let error = wrong
        .open_case(&request(Provider::Digio, "settings-1"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "identity_provider_credentials_refused");
    for gateway_url in [
        "https://app.digio.in/#",
        "http://localhost:1",
        "https://ext.digio.in/#",
    ] {
        let good = DigioSettings {
            gateway_url: gateway_url.to_owned(),
            ..settings()
        };
        assert!(DigioProvider::try_new(good).is_ok(), "{gateway_url}");
    }
    for gateway_url in [
        "",
        "app.digio.in",
        "http://app.digio.in/#",
        "ftp://127.0.0.1",
        "https://app.digio.in/",
        "https://user@app.digio.in/#",
        "https://app.digio.in/?a=b",
    ] {
        let bad = DigioSettings {
            gateway_url: gateway_url.to_owned(),
            ..settings()
        };
        assert!(DigioProvider::try_new(bad).is_err(), "{gateway_url}");
    }
    for client_id in ["", "a:b", "a b", "a\n"] {
        let bad = DigioSettings {
            client_id: client_id.to_owned(),
            ..settings()
        };
        assert!(DigioProvider::try_new(bad).is_err(), "{client_id:?}");
    }
    let bad = DigioSettings {
        client_secret: Secret::new(""),
        ..settings()
    };
    assert!(DigioProvider::try_new(bad).is_err());
    assert!(!format!("{:?}", settings()).contains("secret-of-ours"));
    assert!(format!("{:?}", settings()).contains(CLIENT_ID));
}
