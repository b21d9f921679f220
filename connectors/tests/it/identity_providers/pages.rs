//! The hosted pages, as a person at a browser uses them.

use connectors::identity_providers::{CaseEntry, CaseStatus, Provider, Reported, Retry};

use super::support::{Pair, request, tells_nothing};
use crate::gateways::receiver::{action, open, submit};

/// The page's address and the form's.
async fn opened(pair: &Pair, name: &str) -> (String, String, String) {
    let opened = pair
        .provider
        .open_case(&request(pair.name(), name))
        .await
        .unwrap();
    let CaseEntry::Page { url } = opened.entry else {
        panic!("no page");
    };
    let page = open(url.as_str()).await;
    assert_eq!(page.status, 200, "{}", page.html);
    assert!(page.html.contains("nobody is checked"), "{}", page.html);
    let action = url.join(&action(&page.html)).unwrap().to_string();
    (opened.case_id.as_str().to_owned(), url.to_string(), action)
}

fn choice(word: &str) -> Vec<(String, String)> {
    vec![("choice".to_owned(), word.to_owned())]
}

#[tokio::test]
async fn a_person_decides_and_comes_back() {
    for pair in Pair::all().await {
        let name = pair.name();
        for (word, expected) in [
            ("approve", Some(CaseStatus::Approved)),
            ("review", Some(CaseStatus::InReview)),
            ("reject_final", Some(CaseStatus::Rejected(Retry::Final))),
            (
                "reject_retry",
                match name {
                    Provider::Sumsub => Some(CaseStatus::Rejected(Retry::Allowed)),
                    Provider::Onfido => Some(CaseStatus::AwaitingPerson),
                    Provider::Digio => None,
                },
            ),
            (
                "expire",
                match name {
                    Provider::Sumsub => None,
                    Provider::Onfido | Provider::Digio => Some(CaseStatus::Expired),
                },
            ),
        ] {
            let (case_id, page, action) = opened(&pair, &format!("page-{word}")).await;
            let answer = submit(&action, &choice(word)).await;
            let Some(expected) = expected else {
                assert_eq!(answer.status, 400, "{name} {word}");
                continue;
            };
            assert_eq!(answer.status, 303, "{name} {word}: {}", answer.html);
            let location = answer.location.unwrap();
            assert!(
                location.starts_with("http://127.0.0.1:9/return?tenant=1"),
                "{location}"
            );
            assert_eq!(
                location.contains(&case_id),
                name == Provider::Digio,
                "{location}"
            );
            let status = pair.status(&case_id.parse().unwrap()).await;
            assert_eq!(status, Reported::Known(expected), "{name} {word}");
            // Where the way in is used up, a browser that goes back finds nothing to decide.
            let again = open(&page).await.status;
            let is_open = name == Provider::Sumsub || expected == CaseStatus::AwaitingPerson;
            assert_eq!(again, if is_open { 200 } else { 400 }, "{name} {word}");
        }
    }
}

#[tokio::test]
async fn pages_that_are_not_there() {
    for pair in Pair::all().await {
        let (_, page, action) = opened(&pair, "there-1").await;
        let other = match pair.name() {
            Provider::Digio => page.replace("token_id=GWT", "token_id=XXX"),
            Provider::Sumsub | Provider::Onfido => format!("{page}x"),
        };
        assert_eq!(open(&other).await.status, 400, "{other}");
        for form in [vec![], choice("explode"), choice("")] {
            assert_eq!(submit(&action, &form).await.status, 400);
        }
    }
}

/// The page shows no more of the person than its address has to.
#[tokio::test]
async fn pages_show_nobody() {
    for pair in Pair::all().await {
        if pair.name() != Provider::Digio {
            let (_, page, _) = opened(&pair, "shown-1").await;
            tells_nothing(&open(&page).await.html);
            tells_nothing(&page);
        }
    }
}
