//! Who looks at documents, what is recorded of it, and what becomes of one that was changed.

use std::path::Path;

use identity::permission::Role;
use reqwest::Method;

use super::files::jpeg;
use super::support::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn compliance_alone_looks_and_every_look_is_recorded() {
    let desk = Desk::open().await;
    let office = &desk.office;
    let case = office.own_case().await;
    let brought = desk
        .bring(&case, desk.asha(), "passport", &jpeg(1, 5_000))
        .await;
    let id = brought.expect(201).id();
    let mut refused = Vec::new();
    for (name, role) in [
        ("sam", Role::Support),
        ("otto", Role::Operator),
        ("ada", Role::Auditor),
        ("olga", Role::Admin),
    ] {
        let colleague = office.colleague(&format!("{name}@example.org"), role).await;
        let answer = desk.refused(&case, &id, &colleague).await;
        assert_eq!(answer, (403, "forbidden".to_owned()), "{role}");
        refused.push(colleague.subject());
    }
    assert_eq!(desk.refused(&case, &id, desk.asha()).await.0, 403);
    refused.push(desk.asha().subject());
    // Without a fresh second factor not even they.
    let vera = office.doors.customer("vera@example.org").await;
    office.doors.employ(&vera, Role::Compliance).await;
    let answer = desk.refused(&case, &id, &vera).await;
    assert_eq!(answer, (403, "second_factor_needed".to_owned()));
    refused.push(vera.subject());
    // Asking twice is recorded once.
    desk.refused(&case, &id, &vera).await;
    // Nobody in particular is not recorded.
    let path = office.doors.at(&format!("/cases/{case}/documents/{id}"));
    let nobody = office.doors.call(Method::GET, &path, None, None).await;
    assert_eq!(nobody.expect(401).code(), "unauthenticated");
    let records = desk.records("document_refused").await;
    let actors: Vec<&str> = records
        .iter()
        .rev()
        .filter_map(|record| record["actor"].as_str())
        .collect();
    assert_eq!(actors, refused);
    for record in &records {
        assert_eq!(record["details"]["case"], case.as_str());
        assert_eq!(record["details"]["document"], id.as_str());
        assert_eq!(record["ledger"], office.doors.node.ledger.as_str());
    }
    assert_eq!(desk.records("document_read").await.len(), 0);
    for _ in 0..2 {
        assert_eq!(desk.content(&case, &id, desk.meera()).await.0, 200);
    }
    let records = desk.records("document_read").await;
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["actor"], desk.meera().subject());
    assert_eq!(records[0]["subject"], desk.asha().subject());
    assert_eq!(records[0]["details"]["document"], id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_given_and_that_is_recorded_too() {
    let desk = Desk::open().await;
    let (one, other) = (
        desk.office.case_about("nina", "full").await,
        desk.office.case_about("omar", "full").await,
    );
    let brought = desk
        .bring(&one, desk.meera(), "passport", &jpeg(1, 5_000))
        .await;
    let id = brought.expect(201).id();
    let nothing = uuid::Uuid::now_v7().to_string();
    for (case, document, code) in [
        (&one, &nothing, "document_not_found"),
        (&other, &id, "document_not_found"),
        (&nothing, &id, "case_not_found"),
    ] {
        let answer = desk.refused(case, document, desk.meera()).await;
        assert_eq!(answer, (404, code.to_owned()));
        let records = desk.records("document_refused").await;
        assert_eq!(records[0]["details"]["code"], code);
    }
    // A document that a provider has, or that was never recorded, is none of ours.
    desk.office.receive(&other, "selfie", 7).await;
    let listed = desk.list(&other, desk.meera()).await;
    assert_eq!(listed[0]["status"], "elsewhere");
    // A machine is nobody who looks.
    let key = desk.office.doors.node.key(&[Role::Compliance]).await;
    let path = desk
        .office
        .doors
        .at(&format!("/cases/{one}/documents/{id}"));
    let refused = desk.office.doors.get(&path, &key).await.expect(403);
    assert_eq!(refused.code(), "forbidden");
}

fn change(file: &Path, how: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let before = std::fs::read(file).unwrap();
    let mut bytes = before.clone();
    how(&mut bytes);
    std::fs::write(file, bytes).unwrap();
    before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_was_changed_is_not_given_out_at_all() {
    let desk = Desk::open().await;
    let case = desk.office.case_about("nina", "full").await;
    let bytes = jpeg(1, 200_000);
    let mut ids = Vec::new();
    for number in 1..=2 {
        let brought = desk
            .bring(&case, desk.meera(), "passport", &jpeg(number, 200_000))
            .await;
        ids.push(brought.expect(201).id());
    }
    let (id, file) = (&ids[0], desk.file_of(&ids[0]));
    let other = std::fs::read(desk.file_of(&ids[1])).unwrap();
    let last = std::fs::read(&file).unwrap().len() - 1;
    type Change = Box<dyn FnOnce(&mut Vec<u8>)>;
    let changes: [(&str, Change); 7] = [
        ("the first byte", Box::new(|bytes| bytes[0] ^= 1)),
        ("one in the middle", Box::new(|bytes| bytes[100_000] ^= 1)),
        ("the last", Box::new(move |bytes| bytes[last] ^= 1)),
        (
            "cut off",
            Box::new(|bytes| bytes.truncate(27 + 2 * (65_536 + 16))),
        ),
        ("longer", Box::new(|bytes| bytes.push(0))),
        ("nothing", Box::new(Vec::clear)),
        ("another document", Box::new(move |bytes| *bytes = other)),
    ];
    for (what, how) in changes {
        let before = change(&file, how);
        let answer = desk.refused(&case, id, desk.meera()).await;
        assert_eq!(answer, (500, "document_damaged".to_owned()), "{what}");
        let records = desk.records("document_refused").await;
        assert_eq!(records[0]["details"]["code"], "document_damaged", "{what}");
        std::fs::write(&file, before).unwrap();
    }
    std::fs::rename(&file, file.with_extension("away")).unwrap();
    let answer = desk.refused(&case, id, desk.meera()).await;
    assert_eq!(answer, (500, "document_damaged".to_owned()));
    std::fs::rename(file.with_extension("away"), &file).unwrap();
    let (status, _, content) = desk.content(&case, id, desk.meera()).await;
    assert_eq!(status, 200);
    assert!(content == bytes);
    assert_eq!(desk.records("document_read").await.len(), 1);
    // What it has to be is what the log says, not the row.
    sqlx::query("UPDATE documents.document SET sha256 = repeat('0', 64) WHERE id = $1::uuid")
        .bind(id)
        .execute(desk.office.doors.node.node.database.pool())
        .await
        .unwrap();
    let (status, _, content) = desk.content(&case, id, desk.meera()).await;
    assert_eq!(status, 200);
    assert!(content == bytes);
}
