//! Books over REST and by the command line.

use books::Format;

use crate::harness::node::TestNode;
use crate::harness::program::program;

#[tokio::test(flavor = "multi_thread")]
async fn rest_and_the_program_give_the_same_bytes() {
    let node = TestNode::start().await;
    let wallet = node.funded("asha", "100.00").await;
    let spent = node
        .transfer(&format!("wallet:{wallet}"), "system:fees", "7.50")
        .await
        .expect(201);
    let folder = tempfile::tempdir().unwrap();
    for format in Format::ALL {
        let path = format!("/books?format={format}&min_position={}", spent.position());
        let response = node.client.get(node.at(&path)).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), format.media_type());
        assert_eq!(header("daybook-as-of"), spent.position().to_string());
        let file = format!("{}.{}", node.ledger, format.extension());
        assert!(header("content-disposition").contains(&file));
        let served = response.bytes().await.unwrap();

        let output = program(&node.database_url)
            .args([
                "export",
                "--ledger",
                &node.ledger,
                "--format",
                format.as_str(),
            ])
            .arg("--to")
            .arg(folder.path())
            .output()
            .await
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        assert!(told.contains("2 transactions"), "{told}");
        let written = std::fs::read(folder.path().join(&file)).unwrap();
        assert_eq!(written, served, "{format}");
    }
    // Nothing but the files themselves is left.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
    node.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_make_no_sense_are_refused_and_leave_no_file() {
    let node = TestNode::start().await;
    let refused = node.get("/books?format=xlsx").await.expect(400);
    assert_eq!(refused.code(), "invalid_request");
    let beyond = node.get("/books?min_position=99").await;
    assert_eq!(beyond.code(), "position_unknown");
    let unknown = node.url("/v1/ledgers/nowhere/books");
    let unknown = node.send(node.client.get(unknown)).await.expect(404);
    assert_eq!(unknown.code(), "ledger_not_found");
    let early = node
        .get("/books?until_position=0&effective_until=1999-01-01T00:00:00Z")
        .await
        .expect(200);
    let text = early.body.as_str().unwrap();
    assert!(text.contains("0 transactions"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let output = program(&node.database_url)
        .args(["export", "--ledger", "nowhere", "--format", "csv", "--to"])
        .arg(folder.path().join("books.csv"))
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("the ledger nowhere does not exist"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    node.node.stop().await;
}

/// An export that fails half-way leaves what was there before.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_a_log_with_a_gap_keeps_the_file_before() {
    let node = TestNode::start().await;
    let wallet = node.funded("asha", "100.00").await;
    for _ in 0..3 {
        let source = format!("wallet:{wallet}");
        let posted = node.transfer(&source, "system:fees", "1.00");
        posted.await.expect(201);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("books.beancount");
    std::fs::write(&file, "before").unwrap();
    // Nobody but the database's owner can do that.
    let mut owner = sqlx::postgres::PgPoolOptions::new()
        .connect(&node.database_url)
        .await
        .unwrap()
        .acquire()
        .await
        .unwrap()
        .detach();
    for statement in [
        "ALTER TABLE daybook.events DISABLE TRIGGER events_append_only".to_owned(),
        format!(
            "DELETE FROM daybook.events WHERE ledger = '{}' AND position = 3",
            node.ledger
        ),
    ] {
        sqlx::query(&statement).execute(&mut owner).await.unwrap();
    }
    let output = program(&node.database_url)
        .args([
            "export",
            "--ledger",
            &node.ledger,
            "--format",
            "beancount",
            "--to",
        ])
        .arg(&file)
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("position 3 is missing"), "{told}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let served = node.get("/books").await;
    assert_eq!(served.status, 500, "{served:?}");
    node.node.stop().await;
}
