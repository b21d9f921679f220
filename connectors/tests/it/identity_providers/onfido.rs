//! What only Onfido has: applicants, documents by applicant, runs that end.

use std::time::Duration;

use connectors::identity_providers::onfido::{OnfidoProvider, OnfidoSettings};
use connectors::identity_providers::{
    Attempt, CaseStatus, DocumentKind, DocumentSide, IdentityProvider, Provider, Reported, Retry,
};
use connectors::secret::Secret;
use connectors::simulators::{CaseChoice, Fault};
use poem::http::StatusCode;

use super::support::{
    Pair, WEBHOOK_SECRET, calls, known, observation, onfido, onfido_settings, request, told, words,
};

#[tokio::test]
async fn only_the_end_of_a_run_is_told() {
    let pair = Pair::start(Provider::Onfido, calls()).await;
    let receiver = pair.listening().await;
    for (number, choices, expected) in [
        (
            1,
            vec![CaseChoice::Submit, CaseChoice::Approve],
            CaseStatus::Approved,
        ),
        (
            2,
            vec![
                CaseChoice::Submit,
                CaseChoice::Review,
                CaseChoice::RejectFinal,
            ],
            CaseStatus::Rejected(Retry::Final),
        ),
        (3, vec![CaseChoice::Expire], CaseStatus::Expired),
        (
            4,
            vec![CaseChoice::Submit, CaseChoice::Fail],
            CaseStatus::Failed,
        ),
    ] {
        let request = request(Provider::Onfido, &format!("ended-{number}"));
        let opened = pair.provider.open_case(&request).await.unwrap();
        for choice in choices {
            assert!(pair.control.decide(opened.case_id.as_str(), choice));
        }
        assert!(
            !pair
                .control
                .decide(opened.case_id.as_str(), CaseChoice::Approve)
        );
        assert_eq!(
            pair.status(&opened.case_id).await,
            Reported::Known(expected)
        );
        pair.webhooks_settled().await;
        let told: Vec<_> = told(&*pair.provider, &receiver)
            .into_iter()
            .filter(|facts| facts.event_type == "workflow_run.completed")
            .collect();
        assert_eq!(told.len(), number);
        let case = observation(&told[number - 1]);
        assert_eq!(known(case), expected);
        assert_eq!(case.reference, Some(request.reference));
        assert_eq!(case.case_id, opened.case_id);
        assert!(case.occurred_at.is_some());
    }
}

#[tokio::test]
async fn runs_that_nobody_comes_to_are_abandoned() {
    let pair = Pair::start(Provider::Onfido, calls()).await;
    let opened = pair
        .provider
        .open_case(&request(Provider::Onfido, "nobody-1"))
        .await
        .unwrap();
    pair.control.advance(Duration::from_secs(23 * 60 * 60));
    assert_eq!(
        pair.status(&opened.case_id).await,
        Reported::Known(CaseStatus::AwaitingPerson)
    );
    pair.control.advance(Duration::from_secs(2 * 60 * 60));
    assert_eq!(
        pair.status(&opened.case_id).await,
        Reported::Known(CaseStatus::Expired)
    );
}

#[tokio::test]
async fn documents_are_told_without_their_names() {
    let (simulator, provider) = onfido().await;
    let opened = provider
        .open_case(&request(Provider::Onfido, "papers-1"))
        .await
        .unwrap();
    assert_eq!(provider.fetch_documents(&opened.case_id).await.unwrap(), []);
    assert!(
        simulator
            .control()
            .decide(opened.case_id.as_str(), CaseChoice::Submit)
    );
    let documents = provider.fetch_documents(&opened.case_id).await.unwrap();
    let told: Vec<_> = documents
        .iter()
        .map(|document| (document.kind.clone(), document.side))
        .collect();
    let card = Reported::Known(DocumentKind::IdentityCard);
    assert_eq!(
        told,
        [
            (card.clone(), Some(DocumentSide::Front)),
            (card, Some(DocumentSide::Back))
        ]
    );
}

/// A person without a case is nobody's business.
#[tokio::test]
async fn an_applicant_whose_run_is_refused_is_deleted() {
    let (simulator, provider) = onfido().await;
    let mut request = request(Provider::Onfido, "refused-1");
    request.level = "00000000-0000-4000-8000-000000000000".to_owned();
    let error = provider.open_case(&request).await.unwrap_err();
    assert_eq!(
        error.code(),
        "identity_provider_refused",
        "{}",
        words(&error)
    );
    assert!(words(&error).contains("workflow_id"), "{}", words(&error));
    assert_eq!(simulator.applicants(), 0);
    assert_eq!(simulator.requests(), 3);
}

/// Nobody knows whether there is a run, so nothing is deleted, and the next attempt finds it.
#[tokio::test]
async fn a_run_whose_answer_was_lost_is_found() {
    let (simulator, provider) = onfido().await;
    let mut request = request(Provider::Onfido, "lost-run-1");
    let faults = simulator.control();
    faults.faults().arm(&Fault::Delay(Duration::ZERO), 1);
    faults.faults().arm(&Fault::FailAfterwards, 1);
    let error = provider.open_case(&request).await.unwrap_err();
    assert_eq!(error.code(), "identity_provider_failed");
    assert_eq!(
        (simulator.applicants(), simulator.control().cases().len()),
        (1, 1)
    );
    request.attempt = Attempt::Again;
    let opened = provider.open_case(&request).await.unwrap();
    assert_eq!(
        simulator.control().cases()[0].case_id,
        opened.case_id.as_str()
    );
    assert_eq!(
        (simulator.applicants(), simulator.control().cases().len()),
        (1, 1)
    );
}

#[tokio::test]
async fn wrong_tokens_are_our_fault() {
    let (simulator, _) = onfido().await;
    let with = |token: &str| {
        OnfidoProvider::try_new(OnfidoSettings {
            api_token: Secret::new(token),
            ..onfido_settings(&simulator.url(), &[WEBHOOK_SECRET])
        })
    };
    let error = with("another")
        .unwrap()
        .open_case(&request(Provider::Onfido, "token-1"))
        .await;
    let error = error.unwrap_err();
    assert_eq!(error.code(), "identity_provider_credentials_refused");
    assert!(with("").is_err() && with("a\nb").is_err());
    // What Onfido says is wrong with a field may quote it, so that only its name is told.
    let (simulator, provider) = onfido().await;
    let refusal = Fault::Refuse {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        code: 0,
        message: format!("first_name {} is bad", super::support::GIVEN),
    };
    simulator.control().faults().arm(&refusal, 1);
    let error = provider
        .open_case(&request(Provider::Onfido, "token-2"))
        .await
        .unwrap_err();
    assert!(
        words(&error).contains("validation_error"),
        "{}",
        words(&error)
    );
}
