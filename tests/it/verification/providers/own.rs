//! Who sees a way in: the person, and whoever hands cases over; nobody else.

use identity::permission::Role;
use serde_json::json;

use super::support::{World, submission};
use crate::access::support::Doors;
use crate::payments::support::eventually;
use crate::verification::support::Office;

#[tokio::test(flavor = "multi_thread")]
async fn ways_in_are_for_the_person_and_who_hands_over() {
    let world = World::new(None).await;
    let doors = Doors::configured(|options, ledger| {
        let accounts = super::support::ALL.map(|provider| {
            let mut account = world.account(provider);
            account.ledger = ledger.parse().unwrap();
            account
        });
        options.identity = world.options();
        options.identity.accounts =
            workflows::IdentityAccounts::try_new(accounts.to_vec()).unwrap();
    });
    let office = Office::of(doors.await).await;
    let case = office.own_case().await;
    let path = format!("/cases/{case}");
    let sent = format!("{path}/submit");
    // Customers hand nothing over.
    let refused = office
        .post(&sent, &office.asha, submission(&["sumsub"]))
        .await;
    assert_eq!(refused.status, 403);
    office.act(&case, "submit", submission(&["sumsub"])).await;
    let entries = eventually("a way in", || async {
        let seen = office.get(&path, &office.asha).await.expect(200).body;
        let entries = seen["entries"].as_array()?.clone();
        // By whom it is checked is on the page, and all else is for staff.
        assert_eq!(seen.get("providers"), None);
        (!entries.is_empty()).then_some(entries)
    })
    .await;
    assert_eq!(entries[0]["provider"], "sumsub");
    let seen = office.get(&path, &office.meera).await.expect(200).body;
    assert_eq!(seen["entries"], json!(entries));
    for (role, email) in [
        (Role::Support, "sita@example.org"),
        (Role::Auditor, "arjun@example.org"),
    ] {
        let colleague = office.colleague(email, role).await;
        let seen = office.get(&path, &colleague).await.expect(200).body;
        assert_eq!(
            seen.get("entries"),
            None,
            "{role:?} could act as the person"
        );
    }
    let list = office.get("/cases", &office.meera).await.expect(200).body;
    assert!(!list.to_string().contains("entries"), "{list}");
    let stranger = office.doors.customer("ravi@example.org").await;
    assert_eq!(office.get(&path, &stranger).await.status, 404);
    office.doors.node.node.stop().await;
}
