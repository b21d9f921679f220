//! Providers that are down, slow, or talk nonsense.

use std::time::{Duration, Instant};

use connectors::identity_providers::digio::DigioProvider;
use connectors::identity_providers::onfido::OnfidoProvider;
use connectors::identity_providers::sumsub::SumsubProvider;
use connectors::identity_providers::{
    Advice, Attempt, Availability, CallPolicy, CaseLookup, CircuitPolicy, IdentityProvider,
    Operation, Provider,
};
use connectors::simulators::{Chances, Fault};
use poem::http::StatusCode;

use super::support::{
    Pair, WEBHOOK_SECRET, calls, digio_settings, impatient, onfido_settings, request,
    sumsub_settings, words,
};

#[tokio::test]
async fn errors_are_sorted_by_what_to_do() {
    for pair in Pair::all().await {
        let name = pair.name();
        let opened = pair
            .provider
            .open_case(&request(name, "sorted-1"))
            .await
            .unwrap();
        let lookup = CaseLookup::Id(opened.case_id.clone());
        let refuse = |status| Fault::Refuse {
            status: StatusCode::from_u16(status).unwrap(),
            code: 0,
            message: "no".to_owned(),
        };
        let limit = Fault::RateLimit {
            retry_after_seconds: Some(60),
        };
        for (fault, times, code, advice) in [
            (refuse(401), 1, "credentials_refused", Advice::TellAPerson),
            (refuse(403), 1, "credentials_refused", Advice::TellAPerson),
            (refuse(404), 1, "not_found", Advice::GiveUp),
            (refuse(410), 1, "not_found", Advice::GiveUp),
            (refuse(400), 1, "refused", Advice::GiveUp),
            (refuse(302), 3, "nonsense", Advice::LookUpFirst),
            (Fault::Fail, 3, "failed", Advice::LookUpFirst),
            (Fault::Page, 3, "nonsense", Advice::LookUpFirst),
            (Fault::Nonsense, 3, "nonsense", Advice::LookUpFirst),
            (Fault::BreakOff, 3, "no_answer", Advice::LookUpFirst),
            (
                limit,
                1,
                "rate_limited",
                Advice::TryLater {
                    after: Some(Duration::from_secs(60)),
                },
            ),
        ] {
            let before = pair.requests();
            pair.control.faults().arm(&fault, times);
            let error = pair.provider.fetch_case(&lookup).await.unwrap_err();
            let told = words(&error);
            assert_eq!(
                error.code(),
                format!("identity_provider_{code}"),
                "{name}: {told}"
            );
            assert_eq!(error.advice(), advice, "{name} {fault:?}");
            let made = pair.requests() - before;
            assert_eq!(made, u64::try_from(times).unwrap(), "{name} {fault:?}");
        }
    }
}

/// A question is asked again by itself; what would be done twice is not.
#[tokio::test]
async fn lost_answers() {
    for fault in [
        Fault::FailAfterwards,
        Fault::BreakOff,
        Fault::Nonsense,
        Fault::Delay(Duration::from_millis(700)),
    ] {
        for provider in Provider::ALL {
            let policy = CallPolicy {
                time_limit: Duration::from_millis(400),
                ..calls()
            };
            let pair = Pair::start(provider, policy).await;
            let mut request = request(provider, "lost-1");
            pair.control.faults().arm(&fault, 1);
            let first = pair.provider.open_case(&request).await;
            request.attempt = Attempt::Again;
            let opened = match first {
                Ok(opened) => {
                    assert_eq!(provider, Provider::Sumsub);
                    opened
                }
                Err(error) => {
                    assert_eq!(error.advice(), Advice::LookUpFirst, "{}", words(&error));
                    pair.provider.open_case(&request).await.unwrap()
                }
            };
            let cases = pair.control.cases();
            // Digio finds nothing again: another request is what its adapter promises.
            let expected = if provider == Provider::Digio { 2 } else { 1 };
            assert_eq!(cases.len(), expected, "{provider} {fault:?}");
            let last = cases.last().unwrap();
            assert_eq!(last.case_id, opened.case_id.as_str());
            pair.control.faults().arm(&fault, 2);
            let lookup = CaseLookup::Id(opened.case_id.clone());
            pair.provider.fetch_case(&lookup).await.unwrap();
            pair.control.faults().arm(&fault, 2);
            pair.provider
                .fetch_documents(&opened.case_id)
                .await
                .unwrap();
        }
    }
}

/// Whether an earlier opening left a case behind is not known while it cannot be looked up: what the look-up
/// is refused must not be taken for the certainty that there is none.
#[tokio::test]
async fn a_failed_look_up_says_nothing_of_the_opening() {
    let pair = Pair::start(Provider::Onfido, calls()).await;
    let mut request = request(Provider::Onfido, "left-behind");
    let opened = pair.provider.open_case(&request).await.unwrap();
    request.attempt = Attempt::Again;
    for status in [400, 401, 429] {
        let fault = Fault::Refuse {
            status: StatusCode::from_u16(status).unwrap(),
            code: 0,
            message: "no".to_owned(),
        };
        pair.control.faults().arm(&fault, 3);
        let error = pair.provider.open_case(&request).await.unwrap_err();
        assert_eq!(error.code(), "identity_provider_not_known");
        assert_eq!(error.advice(), Advice::LookUpFirst, "{}", words(&error));
        pair.control.faults().disarm();
    }
    let again = pair.provider.open_case(&request).await.unwrap();
    assert_eq!(again.case_id, opened.case_id);
    assert_eq!(pair.control.cases().len(), 1);
}

#[tokio::test]
async fn slow_answers_are_not_waited_for() {
    for provider in Provider::ALL {
        let pair = Pair::start(provider, impatient()).await;
        pair.control
            .faults()
            .arm(&Fault::Delay(Duration::from_secs(5)), 1);
        let started = Instant::now();
        let error = pair
            .provider
            .open_case(&request(provider, "slow-1"))
            .await
            .unwrap_err();
        assert_eq!(
            error.code(),
            "identity_provider_no_answer",
            "{}",
            words(&error)
        );
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}

/// Nobody listens, so that nothing was done and the same may be tried later.
#[tokio::test]
async fn nobody_there() {
    let nowhere = "http://127.0.0.1:9";
    let secrets = [WEBHOOK_SECRET];
    let providers: [Box<dyn IdentityProvider>; 3] = [
        Box::new(SumsubProvider::try_new(sumsub_settings(nowhere, &secrets)).unwrap()),
        Box::new(OnfidoProvider::try_new(onfido_settings(nowhere, &secrets)).unwrap()),
        Box::new(DigioProvider::try_new(digio_settings(nowhere, &secrets)).unwrap()),
    ];
    for provider in providers {
        let request = request(provider.provider(), "gone-1");
        let error = provider.open_case(&request).await.unwrap_err();
        assert_eq!(
            error.code(),
            "identity_provider_no_answer",
            "{}",
            words(&error)
        );
        assert_eq!(error.advice(), Advice::TryLater { after: None });
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone() {
    for provider in Provider::ALL {
        let policy = CallPolicy {
            circuit: CircuitPolicy::default(),
            attempts: 1,
            ..calls()
        };
        let pair = Pair::start(provider, policy).await;
        let opened = pair
            .provider
            .open_case(&request(provider, "down-1"))
            .await
            .unwrap();
        let lookup = CaseLookup::Id(opened.case_id);
        pair.control.set_down(true);
        for _ in 0..5 {
            let error = pair.provider.fetch_case(&lookup).await.unwrap_err();
            assert_eq!(error.code(), "identity_provider_failed");
        }
        let before = pair.requests();
        let error = pair.provider.fetch_case(&lookup).await.unwrap_err();
        assert_eq!(
            error.code(),
            "identity_provider_circuit_open",
            "{}",
            words(&error)
        );
        assert_eq!(pair.requests(), before);
        let fetching = pair.provider.availability(Operation::FetchCase);
        assert!(matches!(fetching, Availability::Unavailable { .. }));
        let opening = pair.provider.availability(Operation::OpenCase);
        assert_eq!(opening, Availability::Available);
    }
}

/// Whatever goes wrong by chance: who opens as told gets one case, and what is found is what is there.
#[tokio::test]
async fn by_chance() {
    for provider in [Provider::Sumsub, Provider::Onfido] {
        let pair = Pair::start(provider, calls()).await;
        pair.control.set_chances(Chances {
            fail: 60,
            fail_afterwards: 60,
            break_off: 60,
            nonsense: 60,
            rate_limit: 60,
            ..Chances::default()
        });
        for number in 0..40 {
            let mut request = request(provider, &format!("chance-{number}"));
            let opened = loop {
                match pair.provider.open_case(&request).await {
                    Ok(opened) => break opened,
                    Err(error) => {
                        assert_ne!(error.advice(), Advice::GiveUp, "{}", words(&error));
                        request.attempt = Attempt::Again;
                    }
                }
            };
            let cases = pair.control.cases();
            let own = |reference: &Option<String>| {
                reference.as_deref() == Some(request.reference.as_str())
            };
            let own: Vec<_> = cases.iter().filter(|case| own(&case.reference)).collect();
            assert_eq!(own.len(), 1, "{provider} {number}");
            assert_eq!(own[0].case_id, opened.case_id.as_str());
        }
    }
}
