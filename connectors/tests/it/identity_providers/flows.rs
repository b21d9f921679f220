//! Cases from their opening to their end, with each provider.

use connectors::identity_providers::{
    Advice, CaseEntry, CaseLookup, CaseStatus, EntryKind, Operation, Provider, Reported, Retry,
};
use connectors::simulators::CaseChoice;

use super::support::{Pair, level, request, words};

const ALL_ENTRIES: [EntryKind; 2] = [EntryKind::Page, EntryKind::Token];

#[tokio::test]
async fn a_case_is_opened_checked_and_approved() {
    for pair in Pair::all().await {
        let name = pair.name();
        let request = request(name, "approved-1");
        let opened = pair.provider.open_case(&request).await.unwrap();
        let CaseEntry::Page { url } = &opened.entry else {
            panic!("{opened:?}");
        };
        assert_eq!(url.host_str(), Some("127.0.0.1"), "{name}");
        let lookup = CaseLookup::Id(opened.case_id.clone());
        let case = pair.provider.fetch_case(&lookup).await.unwrap();
        assert_eq!(case.case_id, opened.case_id);
        assert_eq!(case.level.as_deref(), Some(level(name)));
        assert_eq!(case.status, Reported::Known(CaseStatus::AwaitingPerson));
        for (choice, expected) in [
            (CaseChoice::Submit, None),
            (CaseChoice::Review, Some(CaseStatus::InReview)),
            (CaseChoice::Approve, Some(CaseStatus::Approved)),
        ] {
            assert!(
                pair.control.decide(opened.case_id.as_str(), choice),
                "{name}"
            );
            let expected = expected.unwrap_or(match name {
                Provider::Sumsub | Provider::Onfido => CaseStatus::Pending,
                Provider::Digio => CaseStatus::InReview,
            });
            let status = pair.status(&opened.case_id).await;
            assert_eq!(status, Reported::Known(expected), "{name} {choice:?}");
        }
        assert!(
            !pair
                .control
                .decide(opened.case_id.as_str(), CaseChoice::Submit)
        );
        let documents = pair
            .provider
            .fetch_documents(&opened.case_id)
            .await
            .unwrap();
        assert_eq!(documents.len(), 2, "{name}");
        assert!(documents.iter().all(|document| document.is_active));
    }
}

#[tokio::test]
async fn rejections_say_whether_the_person_may_try_again() {
    for pair in Pair::all().await {
        let name = pair.name();
        let opened = pair
            .provider
            .open_case(&request(name, "rejected-1"))
            .await
            .unwrap();
        let case_id = opened.case_id.as_str();
        assert!(pair.control.decide(case_id, CaseChoice::Submit));
        assert!(pair.control.decide(case_id, CaseChoice::RejectFinal));
        let lookup = CaseLookup::Id(opened.case_id.clone());
        let case = pair.provider.fetch_case(&lookup).await.unwrap();
        assert_eq!(
            case.status,
            Reported::Known(CaseStatus::Rejected(Retry::Final))
        );
        let reasons: Vec<&str> = case.reasons.iter().map(|reason| reason.as_str()).collect();
        let expected: &[&str] = match name {
            Provider::Sumsub => &["FORGERY", "FRAUDULENT_PATTERNS"],
            Provider::Onfido => &["suspected_document_fraud", "Photo_does_not_match"],
            Provider::Digio => &[],
        };
        assert_eq!(reasons, expected, "{name}");
        let is_told = case.message_for_person.is_some();
        assert_eq!(is_told, name == Provider::Sumsub);
    }
}

#[tokio::test]
async fn a_case_is_opened_once_where_it_can_be_found() {
    for pair in Pair::all().await {
        let name = pair.name();
        let mut request = request(name, "once-1");
        let first = pair.provider.open_case(&request).await.unwrap();
        request.attempt = connectors::identity_providers::Attempt::Again;
        let again = pair.provider.open_case(&request).await.unwrap();
        let is_found = pair.provider.capabilities().is_found_by_reference;
        assert_eq!(first.case_id == again.case_id, is_found, "{name}");
        let cases = pair.control.cases();
        assert_eq!(cases.len(), if is_found { 1 } else { 2 }, "{name}");
        for case in &cases {
            assert_eq!(case.reference.as_deref(), Some(request.reference.as_str()));
        }
        let lookup = CaseLookup::Reference(request.reference.clone());
        let found = pair.provider.fetch_case(&lookup).await;
        match found {
            Ok(case) => {
                assert_eq!(case.case_id, first.case_id);
                assert_eq!(case.reference, Some(request.reference));
            }
            Err(error) => assert_eq!(error.code(), "identity_provider_unsupported", "{name}"),
        }
    }
}

/// Nobody looks before a first opening, so that a forgotten `Again` shows: Sumsub finds the applicant anyway.
#[tokio::test]
async fn opened_as_the_first_time_twice() {
    for pair in Pair::all().await {
        let request = request(pair.name(), "first-1");
        pair.provider.open_case(&request).await.unwrap();
        pair.provider.open_case(&request).await.unwrap();
        let expected = match pair.name() {
            Provider::Sumsub => 1,
            Provider::Onfido | Provider::Digio => 2,
        };
        assert_eq!(pair.control.cases().len(), expected);
    }
}

#[tokio::test]
async fn there_are_two_ways_in() {
    for pair in Pair::all().await {
        for entry in ALL_ENTRIES {
            let mut request = request(pair.name(), &format!("entry-{entry:?}"));
            request.entry = entry;
            let opened = pair.provider.open_case(&request).await.unwrap();
            let kind = match opened.entry {
                CaseEntry::Page { .. } => EntryKind::Page,
                CaseEntry::Token { token } => {
                    assert!(!token.reveal().is_empty());
                    EntryKind::Token
                }
            };
            assert_eq!(kind, entry, "{}", pair.name());
        }
    }
}

#[tokio::test]
async fn what_a_provider_does_not_have_is_not_asked() {
    for pair in Pair::all().await {
        let opened = pair
            .provider
            .open_case(&request(pair.name(), "reset-1"))
            .await
            .unwrap();
        let before = pair.requests();
        let reset = pair.provider.reset_case(&opened.case_id).await;
        if pair.provider.capabilities().supports(Operation::ResetCase) {
            assert_eq!(pair.name(), Provider::Sumsub);
            reset.unwrap();
        } else {
            let error = reset.unwrap_err();
            assert_eq!(error.code(), "identity_provider_unsupported");
            assert_eq!(error.advice(), Advice::GiveUp);
            assert_eq!(pair.requests(), before);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_asked() {
    for pair in Pair::all().await {
        let name = pair.name();
        let before = pair.requests();
        let mut requests = vec![request(name, "bad-level"), request(name, "bad-level-2")];
        requests[0].level = String::new();
        requests[1].level = "x".repeat(129);
        let mut nobody = request(name, "nobody-1");
        nobody.person = Default::default();
        let demand = pair.provider.capabilities().person;
        if demand.name || demand.contact {
            requests.push(nobody);
        } else {
            assert_eq!(name, Provider::Sumsub);
        }
        for request in requests {
            let error = pair.provider.open_case(&request).await.unwrap_err();
            assert_eq!(
                error.code(),
                "identity_provider_invalid_request",
                "{}",
                words(&error)
            );
        }
        assert_eq!(pair.requests(), before, "{name}");
    }
}

/// What is set up nowhere is refused, and leaves nothing behind.
#[tokio::test]
async fn unknown_levels_and_cases() {
    for pair in Pair::all().await {
        let name = pair.name();
        let mut request = request(name, "unknown-1");
        request.level = match name {
            Provider::Sumsub | Provider::Digio => "no such level".to_owned(),
            Provider::Onfido => "00000000-0000-4000-8000-000000000000".to_owned(),
        };
        let error = pair.provider.open_case(&request).await.unwrap_err();
        assert_eq!(error.advice(), Advice::GiveUp, "{name}: {}", words(&error));
        assert_eq!(pair.control.cases(), []);
        let nobody: connectors::identity_providers::ProviderId =
            "0123456789abcdef".parse().unwrap();
        let lookup = CaseLookup::Id(nobody.clone());
        for error in [
            pair.provider
                .fetch_case(&lookup)
                .await
                .map(drop)
                .unwrap_err(),
            pair.provider
                .fetch_documents(&nobody)
                .await
                .map(drop)
                .unwrap_err(),
        ] {
            assert_eq!(error.code(), "identity_provider_not_found", "{name}");
        }
        if pair.provider.capabilities().is_found_by_reference {
            let lookup = CaseLookup::Reference(request.reference);
            let error = pair.provider.fetch_case(&lookup).await.unwrap_err();
            assert_eq!(error.code(), "identity_provider_not_found", "{name}");
        }
    }
}
