//! Years of a household's books, imported through the ordinary command path and compared with what
//! beancount itself says: every account and commodity, at the close and at each month's end.

use std::path::PathBuf;

use connectors::beancount::{
    ImportRequest, Python, expected_balances, generate_example, import, prepare,
};
use projections::queries::accounts::RecordedUntil;
use rust_decimal::Decimal;

use crate::harness::node::TestNode;

fn python() -> Python {
    let path =
        std::env::var_os("DAYBOOK_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    Python::new(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_books_have_the_balances_beancount_computes() {
    let node = TestNode::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("example.beancount");
    let python = python();
    generate_example(&python, &file).await.unwrap();
    let request = ImportRequest::new(
        &file,
        "household".parse().unwrap(),
        "household".parse().unwrap(),
    );
    let report = import(&request, &node.node.executors, &python, |_| {})
        .await
        .unwrap();
    assert!(report.posted > 3_000, "{report}");
    let again = import(&request, &node.node.executors, &python, |_| {})
        .await
        .unwrap();
    assert!(again.changed_nothing(), "{again}");

    let ledger = request.ledger;
    let head = report.position;
    let used = projections::ReadModelName::ALL;
    let patience = std::time::Duration::from_secs(60);
    node.node
        .queries
        .wait_for(ledger, &used, head, patience)
        .await
        .unwrap();
    let plan = prepare(&request, &python).await.unwrap();
    let expected = expected_balances(&python, &file, &plan).await.unwrap();
    assert!(expected.month_ends.len() > 100);

    let queries = &node.node.queries;
    for balance in &expected.closing {
        let found = queries
            .account(ledger, balance.account)
            .await
            .unwrap()
            .value;
        let found = found.map_or(Decimal::ZERO, |row| row.balance);
        assert_eq!(found, balance.balance, "{} at the close", balance.account);
    }
    for month in &expected.month_ends {
        for balance in &month.balances {
            let found = queries
                .balance_at(
                    ledger,
                    balance.account,
                    Some(month.as_of),
                    RecordedUntil::Now,
                )
                .await
                .unwrap()
                .value
                .map_or(Decimal::ZERO, |at| at.balance);
            assert_eq!(
                found, balance.balance,
                "{} at {}",
                balance.account, month.last_day
            );
        }
    }
    let verified = projections::verify::verify(&node.node.database, ledger, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(verified.position, head);
}
