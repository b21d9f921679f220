//! Nobody is told more of a person by books than by the log.

use books::Format;
use identity::permission::Role;
use serde_json::json;

use crate::personal::support::{BIRTH, EMAIL, ENDING, HOME, NAME, Office, PHONE, everything};

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_shown_as_erased_and_nothing_personal_ever() {
    let office = Office::open().await;
    let doors = &office.doors;
    let recorded = office.record(&office.asha.access, everything()).await;
    recorded.expect(200);
    let operator = doors.node.key(&[Role::Operator]).await;
    let auditor = doors.node.key(&[Role::Auditor]).await;
    let body = json!({ "owner": office.asha.person });
    let wallet = doors.post(&doors.at("/wallets"), &operator, body).await;
    let wallet = wallet.expect(201).id();
    let body = json!({ "postings": [{ "source": "system:cash",
        "destination": format!("wallet:{wallet}"), "asset": "INR", "amount": "10.00" }] });
    let posted = doors
        .post(&doors.at("/transactions"), &operator, body)
        .await;
    posted.expect(201);
    for is_erased in [false, true] {
        if is_erased {
            let erased = office.erase(json!({ "reason": "requested" })).await;
            erased.expect(200);
        }
        for format in Format::ALL {
            let url = doors.node.at(&format!("/books?format={format}"));
            let request = doors.node.client.get(url).bearer_auth(&auditor);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            let bytes = response.bytes().await.unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for plain in [NAME, EMAIL, PHONE, BIRTH, HOME, ENDING] {
                assert!(!text.contains(plain), "{plain} is in {format}");
            }
            let mark = match format {
                Format::Beancount => "  person: \"erased\"\n",
                Format::Hledger => ", person:erased\n",
                Format::Csv | Format::Parquet => continue,
            };
            assert_eq!(text.contains(mark), is_erased, "{text}");
            assert!(text.contains(&*office.asha.person), "{text}");
        }
    }
    // Only who may read the log.
    let support = doors.node.key(&[Role::Support]).await;
    let refused = doors.get(&doors.at("/books"), &support).await;
    assert_eq!(refused.status, 403);
}
