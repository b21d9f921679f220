//! What only Sumsub has: second tries, decisions that change, resets, signatures of requests.

use connectors::identity_providers::sumsub::{SumsubProvider, SumsubSettings};
use connectors::identity_providers::{
    CaseEntry, CaseLookup, CaseStatus, DocumentKind, DocumentVerdict, IdentityProvider, Operation,
    Provider, Reported, Retry,
};
use connectors::secret::Secret;
use connectors::simulators::{CaseChoice, Fault};
use poem::http::StatusCode;

use super::support::{
    LEVEL, Pair, WEBHOOK_SECRET, calls, known, observation, request, sumsub, sumsub_settings,
    sumsub_simulator, told, words,
};

#[tokio::test]
async fn red_with_retry_then_green_then_reset_then_green() {
    let pair = Pair::start(Provider::Sumsub, calls()).await;
    let receiver = pair.listening().await;
    let opened = pair
        .provider
        .open_case(&request(Provider::Sumsub, "odd-1"))
        .await
        .unwrap();
    let case_id = opened.case_id.as_str();
    for (choice, expected) in [
        (CaseChoice::Submit, CaseStatus::Pending),
        (
            CaseChoice::RejectRetry,
            CaseStatus::Rejected(Retry::Allowed),
        ),
        (CaseChoice::Submit, CaseStatus::Pending),
        (CaseChoice::Approve, CaseStatus::Approved),
        (CaseChoice::Reset, CaseStatus::AwaitingPerson),
        (CaseChoice::Submit, CaseStatus::Pending),
        (CaseChoice::RejectFinal, CaseStatus::Rejected(Retry::Final)),
        (CaseChoice::Approve, CaseStatus::Approved),
        (CaseChoice::Withdraw, CaseStatus::Approved),
    ] {
        assert!(pair.control.decide(case_id, choice), "{choice:?}");
        let lookup = CaseLookup::Id(opened.case_id.clone());
        let case = pair.provider.fetch_case(&lookup).await.unwrap();
        assert_eq!(case.status, Reported::Known(expected), "{choice:?}");
        let is_decided = matches!(expected, CaseStatus::Approved | CaseStatus::Rejected(_));
        assert_eq!(case.occurred_at.is_some(), is_decided, "{choice:?}");
        pair.webhooks_settled().await;
    }
    let facts = told(&*pair.provider, &receiver);
    let statuses: Vec<CaseStatus> = facts
        .iter()
        .map(|facts| known(observation(facts)))
        .collect();
    assert_eq!(
        statuses,
        [
            CaseStatus::AwaitingPerson,
            CaseStatus::Pending,
            CaseStatus::Rejected(Retry::Allowed),
            // The answer of the first try is still beside it.
            CaseStatus::Pending,
            CaseStatus::Approved,
            CaseStatus::Reset,
            CaseStatus::Pending,
            CaseStatus::Rejected(Retry::Final),
            CaseStatus::Approved,
            CaseStatus::Withdrawn,
        ]
    );
    assert!(facts.is_sorted_by_key(|facts| facts.occurred_at));
    let rejection = observation(&facts[2]);
    assert_eq!(rejection.reasons[0].as_str(), "UNSATISFACTORY_PHOTOS");
    let message = rejection.message_for_person.as_ref().unwrap();
    assert!(message.reveal().starts_with("Please take the photo again"));
    assert_eq!(rejection.level.as_deref(), Some(LEVEL));
}

#[tokio::test]
async fn a_reset_puts_documents_aside() {
    let (simulator, provider) = sumsub().await;
    let opened = provider
        .open_case(&request(Provider::Sumsub, "aside-1"))
        .await
        .unwrap();
    let case_id = opened.case_id.as_str();
    assert!(simulator.control().decide(case_id, CaseChoice::Submit));
    let refused = provider.reset_case(&opened.case_id).await.unwrap_err();
    assert_eq!(
        refused.code(),
        "identity_provider_refused",
        "a check is on its way"
    );
    assert!(simulator.control().decide(case_id, CaseChoice::Approve));
    provider.reset_case(&opened.case_id).await.unwrap();
    assert!(simulator.control().decide(case_id, CaseChoice::Submit));
    let documents = provider.fetch_documents(&opened.case_id).await.unwrap();
    let told: Vec<_> = documents
        .iter()
        .map(|document| (document.kind.clone(), document.is_active))
        .collect();
    let (passport, selfie) = (
        Reported::Known(DocumentKind::Passport),
        Reported::Known(DocumentKind::Selfie),
    );
    assert_eq!(
        told,
        [
            (passport.clone(), false),
            (selfie.clone(), false),
            (passport, true),
            (selfie, true)
        ]
    );
    assert_eq!(documents[0].country.as_deref(), Some("IND"));
    assert_eq!(documents[0].verdict, Reported::Known(DocumentVerdict::Open));
    assert!(documents[0].added_at.is_some());
    assert_eq!(documents[0].size_bytes, Some(180_000));
}

/// Each attempt is signed with its own time, and with the bytes that are sent.
#[tokio::test]
async fn requests_are_signed() {
    let simulator = sumsub_simulator().await;
    for (token, key, expected) in [
        (
            "sbx:another",
            super::support::SECRET_KEY,
            "identity_provider_credentials_refused",
        ),
        (
            super::support::APP_TOKEN,
            "another",
            "identity_provider_credentials_refused",
        ),
    ] {
        let provider = SumsubProvider::try_new(SumsubSettings {
            app_token: Secret::new(token),
            secret_key: Secret::new(key),
            ..sumsub_settings(&simulator.url(), &[WEBHOOK_SECRET])
        })
        .unwrap();
        let error = provider
            .open_case(&request(Provider::Sumsub, "signed-1"))
            .await
            .unwrap_err();
        assert_eq!(error.code(), expected, "{}", words(&error));
    }
    for (token, key) in [("", "key"), ("token", ""), ("to\nken", "key")] {
        let settings = SumsubSettings {
            app_token: Secret::new(token),
            secret_key: Secret::new(key),
            ..sumsub_settings("http://127.0.0.1:9", &[WEBHOOK_SECRET])
        };
        assert!(
            SumsubProvider::try_new(settings).is_err(),
            "{token:?} {key:?}"
        );
    }
}

/// A provider could answer anything; a browser is sent to pages only.
#[tokio::test]
async fn links_lead_to_pages() {
    use poem::listener::{Acceptor, Listener, TcpListener};
    for (answer, is_page) in [
        (
            r#"{"id":"a1","url":"https://in.sumsub.example/p/1","token":"t"}"#,
            true,
        ),
        (r#"{"id":"a1","url":"http://127.0.0.1:1/p/1"}"#, true),
        (r#"{"id":"a1","url":"http://in.sumsub.example/p/1"}"#, false),
        (r#"{"id":"a1","url":"javascript:alert(1)"}"#, false),
        (r#"{"id":"a1","url":"/p/1"}"#, false),
        (r#"{"id":"a1","url":7}"#, false),
        (
            r#"{"id":"../x","url":"https://in.sumsub.example/p/1"}"#,
            false,
        ),
    ] {
        let acceptor = TcpListener::bind("127.0.0.1:0")
            .into_acceptor()
            .await
            .unwrap();
        let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
        let endpoint = poem::endpoint::make_sync(move |_| answer);
        let server = tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(endpoint));
        let settings = sumsub_settings(&format!("http://{address}"), &[WEBHOOK_SECRET]);
        let provider = SumsubProvider::try_new(settings).unwrap();
        let opened = provider
            .open_case(&request(Provider::Sumsub, "links-1"))
            .await;
        match opened {
            Ok(opened) => assert!(is_page && matches!(opened.entry, CaseEntry::Page { .. })),
            Err(error) => {
                assert!(!is_page, "{}", words(&error));
                assert_eq!(error.code(), "identity_provider_nonsense");
            }
        }
        server.abort();
    }
}

#[tokio::test]
async fn refusals_keep_codes_and_no_words() {
    let (simulator, provider) = sumsub().await;
    let refusal = Fault::Refuse {
        status: StatusCode::BAD_REQUEST,
        code: 0,
        message: format!(
            "email {} of {} is bad",
            super::support::EMAIL,
            super::support::GIVEN
        ),
    };
    simulator.control().faults().arm(&refusal, 1);
    let error = provider
        .open_case(&request(Provider::Sumsub, "words-1"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "identity_provider_refused");
    assert!(words(&error).contains("refused open_case"));
    // An error that has a code of Sumsub's own is told with it.
    let opened = provider
        .open_case(&request(Provider::Sumsub, "words-2"))
        .await
        .unwrap();
    assert!(
        simulator
            .control()
            .decide(opened.case_id.as_str(), CaseChoice::Withdraw)
    );
    let error = provider.reset_case(&opened.case_id).await.unwrap_err();
    assert!(words(&error).contains("409"), "{}", words(&error));
    let lookup = CaseLookup::Id(opened.case_id);
    assert!(provider.fetch_case(&lookup).await.is_ok());
    assert!(provider.capabilities().supports(Operation::ResetCase));
}
