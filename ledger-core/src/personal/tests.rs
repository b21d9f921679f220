//! Tests of what tells of a person.

use uuid::Uuid;

use super::*;

fn sealed() -> SealedText {
    SealedText::try_new(Uuid::nil(), "c2VhbGVk".to_owned()).unwrap()
}

fn clear() -> Personal<PersonName> {
    Personal::Clear("Asha Rao".parse().unwrap())
}

#[test]
fn what_is_clear_cannot_be_written_by_any_serialiser() {
    for written in [
        serde_json::to_string(&clear()).err(),
        serde_json::to_string(&[Some(clear())]).err(),
        serde_json::to_value(clear()).err(),
    ] {
        let error = written.unwrap().to_string();
        assert!(!error.contains("Asha"), "{error}");
    }
    // What was begun before it does not say it either.
    let mut begun = Vec::new();
    assert!(serde_json::to_writer(&mut begun, &[clear()]).is_err());
    assert_eq!(begun, b"[");
}

#[test]
fn debug_shows_nothing_of_it() {
    let name: PersonName = "Asha Rao".parse().unwrap();
    for shown in [
        format!("{name:?}"),
        format!("{:?}", clear()),
        format!("{:#?}", Some(clear())),
        format!("{:?}", "Asha\u{7}Rao".parse::<PersonName>()),
    ] {
        assert!(!shown.contains("Asha"), "{shown}");
    }
}

#[test]
fn the_other_forms_are_read_back() {
    let texts = [
        (
            Personal::<PersonName>::Sealed(sealed()),
            r#"{"key":"00000000-0000-0000-0000-000000000000","sealed":"c2VhbGVk"}"#,
        ),
        (Personal::Withheld, r#"{"withheld":true}"#),
        (Personal::Erased, r#"{"erased":true}"#),
    ];
    for (personal, text) in texts {
        assert_eq!(serde_json::to_string(&personal).unwrap(), text);
        assert_eq!(
            serde_json::from_str::<Personal<PersonName>>(text).unwrap(),
            personal
        );
    }
    for bad in [
        r#""Asha Rao""#,
        "null",
        "{}",
        r#"{"withheld":false}"#,
        r#"{"erased":true,"withheld":true}"#,
        r#"{"clear":"Asha Rao"}"#,
        r#"{"key":"00000000-0000-0000-0000-000000000000","sealed":""}"#,
        r#"{"key":"00000000-0000-0000-0000-000000000000","sealed":"Asha Rao"}"#,
        r#"{"key":"00000000-0000-0000-0000-000000000000","sealed":"YQ","name":"Asha"}"#,
    ] {
        assert!(
            serde_json::from_str::<Personal<PersonName>>(bad).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn a_field_is_sealed_opened_and_erased() {
    let mut field = clear();
    assert_eq!(field.clear_text(), Some("Asha Rao"));
    field.seal(sealed());
    assert_eq!(field.clear_text(), None);
    assert_eq!(field.sealed_text(), Some(&sealed()));
    assert!(field.open("").is_err());
    assert_eq!(field, Personal::Sealed(sealed()));
    field.open("Asha Rao").unwrap();
    assert_eq!(field, clear());
    field.erase();
    assert_eq!(field, Personal::Erased);
}

#[test]
fn values_are_of_their_kind() {
    fn check<T: PersonalValue + fmt::Debug>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(text.parse::<T>().unwrap().as_str(), *text);
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text}");
        }
    }
    let long = "x".repeat(501);
    check::<PersonName>(
        &["A", "Åsa Öberg", "अमिता", &long[..200]],
        &["", " A", "A ", "A\nB", "A\u{0}", &long[..201]],
    );
    check::<EmailText>(
        &["asha@example.org"],
        &[
            "",
            "asha",
            "@example.org",
            "asha@",
            "Asha@example.org",
            "a b@example.org",
            "å@example.org",
        ],
    );
    check::<PhoneText>(
        &["+919876543210"],
        &[
            "",
            "919876543210",
            "+0919876543",
            "+91 98765",
            "+123456",
            "+1234567890123456",
        ],
    );
    check::<DateOfBirth>(
        &["1990-12-31", "2000-02-29"],
        &[
            "",
            "1990-13-01",
            "1899-12-31",
            "2001-02-29",
            "1990-1-1",
            "31.12.1990",
            "+10000-01-01",
        ],
    );
    check::<PostalAddress>(
        &["1 MG Road\nBengaluru 560001"],
        &["", "\n", "a\u{0}b", "a\n", &long],
    );
    check::<IdentityNumberEnding>(&["1", "12AB"], &["", "12345", "1 2", "é"]);
}
