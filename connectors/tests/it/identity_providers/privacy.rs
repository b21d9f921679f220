//! Nothing about people, and no keys, where others can read them.

use connectors::identity_providers::{CaseLookup, EntryKind, Provider};
use connectors::simulators::CaseChoice;

use super::support::{
    Pair, digio_settings, onfido_settings, request, sumsub_settings, tells_nothing, told,
};

#[tokio::test]
async fn debug_shows_nobody() {
    for pair in Pair::all().await {
        let receiver = pair.listening().await;
        let mut request = request(pair.name(), "hidden-1");
        tells_nothing(&format!("{request:?}"));
        for entry in [EntryKind::Page, EntryKind::Token] {
            request.entry = entry;
            let opened = pair.provider.open_case(&request).await.unwrap();
            let shown = format!("{opened:?}");
            tells_nothing(&shown);
            assert!(
                !shown.contains("GWT") && !shown.contains("_act-"),
                "{shown}"
            );
        }
        let case_id = pair.control.cases()[0].case_id.parse().unwrap();
        pair.control
            .decide(pair.control.cases()[0].case_id.as_str(), CaseChoice::Submit);
        pair.control.decide(
            pair.control.cases()[0].case_id.as_str(),
            CaseChoice::RejectRetry,
        );
        let case = pair
            .provider
            .fetch_case(&CaseLookup::Id(case_id))
            .await
            .unwrap();
        let shown = format!("{case:?}");
        tells_nothing(&shown);
        assert!(!shown.contains("Please take"), "{shown}");
        let documents = pair.provider.fetch_documents(&case.case_id).await.unwrap();
        tells_nothing(&format!("{documents:?}"));
        pair.webhooks_settled().await;
        tells_nothing(&format!("{:?}", told(&*pair.provider, &receiver)));
        tells_nothing(&format!(
            "{:?} {:?}",
            pair.provider,
            pair.control.deliveries()
        ));
    }
}

#[test]
fn settings_show_no_keys() {
    let url = "http://127.0.0.1:9";
    tells_nothing(&format!(
        "{:?}",
        sumsub_settings(url, &["webhook-secret-of-ours"])
    ));
    tells_nothing(&format!(
        "{:?}",
        onfido_settings(url, &["webhook-secret-of-ours"])
    ));
    tells_nothing(&format!(
        "{:?}",
        digio_settings(url, &["webhook-secret-of-ours"])
    ));
}

/// What each provider is told of a person is what it demands: the simulators keep what they are sent.
#[tokio::test]
async fn providers_are_told_what_they_demand() {
    for pair in Pair::all().await {
        pair.provider
            .open_case(&request(pair.name(), "demand-1"))
            .await
            .unwrap();
        let kept = match &pair.running {
            super::support::Running::Sumsub(simulator) => format!("{simulator:?}"),
            super::support::Running::Onfido(simulator) => format!("{simulator:?}"),
            super::support::Running::Digio(simulator) => format!("{simulator:?}"),
        };
        let has = |text: &str| kept.contains(text);
        let (name, email, phone) = (
            has(super::support::FAMILY),
            has(super::support::EMAIL),
            has("9876543210"),
        );
        let expected = match pair.name() {
            Provider::Sumsub => (false, false, false),
            Provider::Onfido => (true, false, false),
            Provider::Digio => (false, true, false),
        };
        assert_eq!((name, email, phone), expected, "{}", pair.name());
    }
}
