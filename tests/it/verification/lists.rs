//! The list of cases and the history of one.

use ledger_core::verification::Retry;
use serde_json::{Value, json};

use super::support::{Office, green, red, says};

fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

impl Office {
    async fn listed(&self, query: &str, after: i64) -> Vec<String> {
        let path = format!("/cases?{query}&min_position={after}");
        ids(&self.get(&path, &self.meera).await.expect(200).body)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_found_by_everything_that_compliance_asks_for() {
    let office = Office::open().await;
    let first = office.case_about("nina", "full").await;
    let second = office.case_about("omar", "basic").await;
    let third = office.case_about("nina", "basic").await;
    office
        .act(&second, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    office
        .act(
            &third,
            "submit",
            json!({ "providers": ["onfido", "sumsub"] }),
        )
        .await;
    let heard = office
        .hear(&second, says("sumsub", "2026-01-01T00:00:01Z", green()))
        .await;
    let opened = office
        .act(&first, "request-documents", json!({ "kinds": ["selfie"] }))
        .await;
    let now = opened.position();
    let seen = office.seen(&second, &office.meera, &opened).await;
    let decided = seen["decision"]["decided_at"].as_str().unwrap().to_owned();
    let at = |case: &str| {
        let path = format!("/cases/{case}");
        let office = &office;
        async move {
            office.get(&path, &office.meera).await.body["opened_at"]
                .as_str()
                .unwrap()
                .to_owned()
        }
    };
    let (second_at, third_at) = (at(&second).await, at(&third).await);
    let all = [&third, &second, &first].map(Clone::clone).to_vec();
    for (query, expected) in [
        ("order=newest".to_owned(), all.clone()),
        ("owner=nina".to_owned(), vec![third.clone(), first.clone()]),
        ("owner=nobody".to_owned(), vec![]),
        ("status=submitted".to_owned(), vec![third.clone()]),
        ("status=expired".to_owned(), vec![]),
        ("tier=basic".to_owned(), vec![third.clone(), second.clone()]),
        ("tier=basic&owner=omar".to_owned(), vec![second.clone()]),
        (
            "provider=sumsub".to_owned(),
            vec![third.clone(), second.clone()],
        ),
        ("provider=onfido".to_owned(), vec![third.clone()]),
        ("provider=digio".to_owned(), vec![]),
        (format!("opened_from={third_at}"), vec![third.clone()]),
        (
            format!("opened_from={second_at}&opened_until={third_at}"),
            vec![second.clone()],
        ),
        ("opened_until=2020-01-01T00:00:00Z".to_owned(), vec![]),
        (format!("decided_from={decided}"), vec![second.clone()]),
        (format!("decided_until={decided}"), vec![]),
        (
            "decided_from=2020-01-01T00:00:00Z&decided_until=2190-01-01T00:00:00Z".to_owned(),
            vec![second.clone()],
        ),
        // In their states since: the second was approved before documents of the first were requested.
        (
            "order=longest_waiting".to_owned(),
            vec![third.clone(), second.clone(), first.clone()],
        ),
        (
            "order=longest_waiting&tier=basic".to_owned(),
            vec![third.clone(), second.clone()],
        ),
    ] {
        assert_eq!(office.listed(&query, now).await, expected, "{query}");
    }
    assert!(heard.position.value() < now);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lead_to_every_case_once() {
    let office = Office::open().await;
    let mut cases = Vec::new();
    for number in 0..5 {
        cases.push(office.case_about(&format!("owner {number}"), "full").await);
    }
    let mut last = 0;
    for case in [&cases[3], &cases[0]] {
        let asked = office
            .act(case, "request-documents", json!({ "kinds": ["selfie"] }))
            .await;
        last = asked.position();
    }
    let newest = || cases.iter().rev().cloned().collect::<Vec<_>>();
    let waiting = [1, 2, 4, 3, 0].map(|place| cases[place].clone()).to_vec();
    office
        .get(&format!("/cases?min_position={last}"), &office.meera)
        .await
        .expect(200);
    for (order, expected) in [("newest", newest()), ("longest_waiting", waiting)] {
        let (mut found, mut next) = (Vec::new(), String::new());
        loop {
            let path = format!("/cases?order={order}&limit=2{next}");
            let page = office.get(&path, &office.meera).await.expect(200).body;
            assert!(ids(&page).len() <= 2);
            found.extend(ids(&page));
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(found, expected, "{order}");
    }
    // A cursor of one order is none of the other's.
    let page = office
        .get("/cases?order=newest&limit=1", &office.meera)
        .await
        .expect(200)
        .body;
    let cursor = page["next_cursor"].as_str().unwrap();
    let path = format!("/cases?order=longest_waiting&limit=1&cursor={cursor}");
    let refused = office.get(&path, &office.meera).await.expect(400);
    assert_eq!(refused.body["errors"][0]["code"], "invalid_cursor");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_tells_who_did_what_and_what_providers_said() {
    let office = Office::open().await;
    let case = office.own_case().await;
    office
        .act(&case, "request-documents", json!({ "kinds": ["passport"] }))
        .await;
    office.receive(&case, "passport", 1).await;
    office
        .act(&case, "submit", json!({ "providers": ["sumsub"] }))
        .await;
    office
        .hear(
            &case,
            says("sumsub", "2026-01-01T00:00:01Z", red(Retry::Allowed)),
        )
        .await;
    office
        .act(&case, "start-review", json!({ "reasons": ["SECOND_LOOK"] }))
        .await;
    office
        .hear(&case, says("sumsub", "2026-01-01T00:00:02Z", green()))
        .await;
    office.act(&case, "approve", json!({})).await;
    office
        .act(
            &case,
            "require-reverification",
            json!({ "reasons": ["NEW_LAW"] }),
        )
        .await;
    let last = office.act(&case, "reset", json!({})).await;
    let (mut events, mut next) = (Vec::new(), String::new());
    loop {
        let now = last.position();
        let path = format!("/cases/{case}/timeline?limit=3&min_position={now}{next}");
        let page = office.get(&path, &office.meera).await.expect(200).body;
        events.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    let names: Vec<&str> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    let expected = [
        "CaseOpened",
        "DocumentsRequested",
        "DocumentReceived",
        "CaseSubmitted",
        "CaseRejected",
        "CaseReviewStarted",
        "FindingNoted",
        "CaseApproved",
        "ReverificationDue",
        "CaseReset",
    ];
    assert_eq!(names, expected);
    let sequences: Vec<i64> = events
        .iter()
        .map(|event| event["sequence"].as_i64().unwrap())
        .collect();
    assert_eq!(sequences, (1..=10).collect::<Vec<_>>());
    let (asha, meera) = (json!(office.asha.subject()), json!(office.meera.subject()));
    assert_eq!(
        (&events[0]["by"], &events[0]["tier"]),
        (&asha, &json!("full"))
    );
    assert_eq!(
        (&events[1]["by"], &events[1]["kinds"]),
        (&meera, &json!(["passport"]))
    );
    assert_eq!(events[2]["document"]["kind"], "passport");
    assert_eq!(events[3]["providers"], json!(["sumsub"]));
    let finding = &events[4]["finding"];
    assert_eq!(
        (&finding["says"], &finding["provider"]),
        (&json!("rejected"), &json!("sumsub"))
    );
    assert_eq!(
        (&events[4]["retry"], events[4].get("by")),
        (&json!("allowed"), None)
    );
    assert_eq!(
        (&events[5]["cause"], &events[5]["reasons"]),
        (&json!("requested"), &json!(["SECOND_LOOK"]))
    );
    assert_eq!(events[6]["finding"]["says"], "approved");
    assert_eq!(
        (&events[7]["by"], &events[7]["tier"]),
        (&meera, &json!("full"))
    );
    assert_eq!(events[8]["reasons"], json!(["NEW_LAW"]));
    let missing = format!("/cases/{}/timeline", uuid::Uuid::now_v7());
    let missing = office.get(&missing, &office.meera).await.expect(404);
    assert_eq!(missing.code(), "case_not_found");
}
