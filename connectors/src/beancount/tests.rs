//! What the adapter writes, whole, cut off and wrong.

use super::error::ImportError;
use super::journal::{Journal, Record};

const ACCOUNT: &str = r#"{"record":"account","name":"Assets:Cash","kind":"assets","opened":"2026-01-01","closed":null,"currencies":["USD"]}"#;

fn code_of(output: &str) -> String {
    match Record::read_all(output) {
        Ok(records) => panic!("read {records:?}"),
        Err(error) => error.code().to_owned(),
    }
}

#[test]
fn whole_output_is_read() {
    let output = format!("{ACCOUNT}\n{{\"record\":\"end\",\"lines\":1}}\n");
    let journal = Journal::from_records(Record::read_all(&output).unwrap());
    assert_eq!(journal.accounts.len(), 1);
    assert_eq!(journal.accounts[0].name, "Assets:Cash");
}

#[test]
fn output_without_its_end_is_refused() {
    assert_eq!(code_of(ACCOUNT), "beancount_adapter_output");
    assert_eq!(code_of(""), "beancount_adapter_output");
}

#[test]
fn output_that_lost_lines_is_refused() {
    let output = format!("{ACCOUNT}\n{{\"record\":\"end\",\"lines\":2}}\n");
    assert_eq!(code_of(&output), "beancount_adapter_output");
}

#[test]
fn lines_that_are_not_understood_are_refused() {
    let unknown_field = ACCOUNT.replace("\"kind\"", "\"colour\":1,\"kind\"");
    for line in ["Traceback", "{\"record\":\"new\"}", &unknown_field, "[]"] {
        assert_eq!(code_of(line), "beancount_adapter_output", "{line}");
    }
}

#[test]
fn refusals_keep_their_code() {
    for code in [
        "beancount_errors",
        "beancount_plugin_not_allowed",
        "beancount_not_installed",
    ] {
        let line = format!(
            "{{\"record\":\"refused\",\"code\":\"{code}\",\"total\":7,\"errors\":[\"first\"]}}"
        );
        let error = Record::read_all(&line).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains("first"), "{error}");
        if let ImportError::BeancountErrors { total, .. } = error {
            assert_eq!(total, 7);
        }
    }
}
