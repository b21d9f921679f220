//! Every code has a row, and every row is in `docs/API.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::problem::FieldCode;
use crate::problem::catalogue;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every `=> "code"` in the sources, so that a new rule cannot be forgotten here.
fn codes_in(source: &str) -> BTreeSet<String> {
    let body = source.split("fn code(&self)").nth(1).unwrap_or_default();
    let body = body.split("\n    }\n").next().unwrap_or_default();
    body.lines()
        .filter_map(|line| line.split_once("=> \"")?.1.split_once('"'))
        .map(|(code, _)| code.to_owned())
        .collect()
}

fn rejection_codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for aggregate in fs::read_dir(workspace().join("ledger-core/src")).unwrap() {
        let file = aggregate.unwrap().path().join("rejection.rs");
        if let Ok(source) = fs::read_to_string(file) {
            codes.extend(codes_in(&source));
        }
    }
    codes
}

#[test]
fn every_code_of_the_domain_and_the_executor_has_a_row() {
    let listed: BTreeSet<&str> = catalogue::all().map(|entry| entry.code).collect();
    let rows = catalogue::all().count();
    assert_eq!(listed.len(), rows, "a code is listed twice");
    let submission =
        fs::read_to_string(workspace().join("event-store/src/executor/submission.rs")).unwrap();
    let rejections = rejection_codes();
    assert!(
        rejections.len() > 30,
        "the sources were not read: {rejections:?}"
    );
    let submissions = codes_in(&submission);
    assert!(submissions.contains("overloaded"));
    for code in rejections.iter().chain(&submissions) {
        assert!(listed.contains(code.as_str()), "{code} has no row");
    }
}

#[test]
fn the_documentation_lists_every_code_with_its_status() {
    let documentation = fs::read_to_string(workspace().join("docs/API.md")).unwrap();
    for entry in catalogue::all() {
        let row = format!(
            "| `{}` | {} | {} |",
            entry.code,
            entry.status.as_u16(),
            entry.title
        );
        assert!(documentation.contains(&row), "docs/API.md lacks: {row}");
    }
    for code in FieldCode::ALL {
        let row = format!("| `{}` |", code.code());
        assert!(documentation.contains(&row), "docs/API.md lacks: {row}");
    }
}
