//! Tests of references and metadata.

use super::*;

fn entries(pairs: &[(&str, &str)]) -> Result<Metadata, AnnotationError> {
    let owned = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Metadata::try_from(owned.collect::<BTreeMap<_, _>>())
}

#[test]
fn a_reference_is_printable_and_bounded() {
    let longest = "é".repeat(MAX_REFERENCE_LENGTH);
    for text in ["x", "Invoice 7/2026 – ₹", longest.as_str()] {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(
            (reference.as_str(), reference.to_string().as_str()),
            (text, text)
        );
    }
    let longer = "é".repeat(MAX_REFERENCE_LENGTH + 1);
    for text in ["", "a\nb", "\0", "\u{9f}", longer.as_str()] {
        assert_eq!(
            text.parse::<Reference>(),
            Err(AnnotationError::Reference),
            "{text:?}"
        );
        let json = serde_json::to_string(text).unwrap();
        assert!(serde_json::from_str::<Reference>(&json).is_err());
    }
}

#[test]
fn metadata_is_bounded_in_every_direction() {
    assert!(entries(&[]).unwrap().is_empty());
    assert!(entries(&[("k", ""), ("l", "line\nline")]).is_ok());
    let key = "k".repeat(MAX_METADATA_KEY_LENGTH);
    let value = "é".repeat(MAX_METADATA_VALUE_LENGTH);
    assert!(entries(&[(&key, &value)]).is_ok());
    assert_eq!(entries(&[("", "v")]), Err(AnnotationError::Key));
    assert_eq!(entries(&[("a\tb", "v")]), Err(AnnotationError::Key));
    assert_eq!(entries(&[(&(key + "k"), "v")]), Err(AnnotationError::Key));
    assert_eq!(entries(&[("k", "a\0b")]), Err(AnnotationError::Value));
    assert_eq!(
        entries(&[("k", &(value + "é"))]),
        Err(AnnotationError::Value)
    );
    let names: Vec<String> = (0..=MAX_METADATA_ENTRIES)
        .map(|number| number.to_string())
        .collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    assert_eq!(entries(&pairs), Err(AnnotationError::TooManyEntries));
    assert!(entries(&pairs[1..]).is_ok());
}

#[test]
fn metadata_in_json_holds_strings_only() {
    for json in [
        r#"{"k":1}"#,
        r#"{"k":null}"#,
        r#"{"k":{}}"#,
        "[]",
        "null",
        r#"{"k":"\u0000"}"#,
    ] {
        assert!(serde_json::from_str::<Metadata>(json).is_err(), "{json}");
    }
    let metadata: Metadata = serde_json::from_str(r#"{"b":"2","a":"1"}"#).unwrap();
    assert_eq!(
        serde_json::to_string(&metadata).unwrap(),
        r#"{"a":"1","b":"2"}"#
    );
}
