//! What is written is read back; what is not an event, or not the one its row names, is refused.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::samples;
use crate::event::{AggregateType, DecodeError, Event};
use crate::fixtures::*;
use crate::hold::HoldEvent;
use crate::money::Amount;
use crate::transaction::{TransactionCause, TransactionEvent};

fn read(
    aggregate_type: AggregateType,
    event_type: &str,
    payload: &str,
) -> Result<Event, DecodeError> {
    Event::from_payload(aggregate_type, event_type, "1", payload)
}

#[test]
fn what_is_written_is_read_back() {
    for (_, aggregate_type, event) in samples::current() {
        let payload = event.to_payload().unwrap();
        let again = Event::from_payload(aggregate_type, event.name(), event.version(), &payload);
        assert_eq!(again.unwrap(), event);
    }
}

#[test]
fn the_traits_of_cqrs_es_see_the_same_text_type_and_version() {
    use cqrs_es::DomainEvent;
    for (_, _, event) in samples::current() {
        let (name, version, text) = match &event {
            Event::Ledger(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::Wallet(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::Transaction(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::Hold(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::Payment(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::Payout(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::Beneficiary(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::Owner(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::Profile(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::VerificationCase(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::Onboarding(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
            Event::Settlement(event) => (
                event.event_type(),
                event.event_version(),
                serde_json::to_string(event),
            ),
        };
        assert_eq!(
            (name.as_str(), version.as_str()),
            (event.name(), event.version())
        );
        assert_eq!(text.unwrap(), event.to_payload().unwrap());
    }
}

#[test]
fn an_event_under_another_name_version_or_aggregate_is_refused() {
    let events = samples::current();
    for (_, aggregate_type, event) in &events {
        let payload = event.to_payload().unwrap();
        for (_, other_type, other) in &events {
            let read = Event::from_payload(*other_type, other.name(), other.version(), &payload);
            if aggregate_type != other_type {
                assert!(matches!(read, Err(DecodeError::Payload { .. })), "{read:?}");
            } else if event.name() != other.name() {
                assert!(
                    matches!(read, Err(DecodeError::Mislabelled { .. })),
                    "{read:?}"
                );
            } else {
                assert_eq!(read.unwrap(), *event);
            }
        }
        for version in ["", "0", "2", "01", "1.0", " 1"] {
            let read = Event::from_payload(*aggregate_type, event.name(), version, &payload);
            assert!(
                matches!(read, Err(DecodeError::Mislabelled { .. })),
                "{version}"
            );
        }
    }
}

/// An unknown field may be money of a version this code does not know: it is never skipped.
#[test]
fn an_unknown_field_is_refused_wherever_it_stands() {
    for (_, aggregate_type, event) in samples::current() {
        let payload = event.to_payload().unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&payload).unwrap();
        value[event.name()]["surprise"] = serde_json::json!(1);
        let refused = read(aggregate_type, event.name(), &value.to_string());
        assert!(
            matches!(refused, Err(DecodeError::Payload { .. })),
            "{value}"
        );
    }
    let nested = [
        (
            AggregateType::Ledger,
            "AssetRegistered",
            r#"{"AssetRegistered":{"asset":{"code":"P","scale":0,"kind":"custom","x":1}}}"#,
        ),
        (
            AggregateType::Ledger,
            "SystemAccountOpened",
            r#"{"SystemAccountOpened":{"account":{"name":"p","normal_side":"debit","x":1}}}"#,
        ),
        (
            AggregateType::Transaction,
            "TransactionPosted",
            r#"{"TransactionPosted":{"postings":[{"source":"system:a","destination":"system:b","asset":"INR","amount":"1.00","x":1}],"effective_at":"2026-01-01T00:00:00Z"}}"#,
        ),
    ];
    for (aggregate_type, event_type, payload) in nested {
        assert!(
            read(
                aggregate_type,
                event_type,
                &payload.replace(r#","x":1"#, "")
            )
            .is_ok()
        );
        assert!(
            read(aggregate_type, event_type, payload).is_err(),
            "{payload}"
        );
    }
}

#[test]
fn hostile_json_is_refused_without_a_panic() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_field = format!(r#"{{"WalletUnfrozen":{{"reason":{deep}}}}}"#);
    for payload in [
        "",
        " ",
        "null",
        "0",
        "[]",
        "{}",
        "\"WalletUnfrozen\"",
        "{\"WalletUnfrozen\"}",
        r#"{"WalletUnfrozen":null}"#,
        r#"{"WalletUnfrozen":1}"#,
        r#"{"walletunfrozen":{}}"#,
        r#"{"WalletUnfrozen":{},"WalletClosed":{}}"#,
        r#"{"WalletUnfrozen":{}} x"#,
        r#"{"WalletUnfrozen":{"reason":""}}"#,
        r#"{"WalletUnfrozen":{"reason":"\u0000"}}"#,
        r#"{"WalletUnfrozen":{"reason":"\ud800"}}"#,
        r#"{"WalletUnfrozen":{"reason":"a","reason":"b"}}"#,
        r#"{"WalletUnfrozen":{"reason":"a"}"#,
        "\u{feff}{\"WalletUnfrozen\":{}}",
        deep.as_str(),
        deep_field.as_str(),
    ] {
        let refused = read(AggregateType::Wallet, "WalletUnfrozen", payload);
        assert!(
            matches!(refused, Err(DecodeError::Payload { .. })),
            "{payload:.80}"
        );
    }
}

#[test]
fn money_that_is_not_exact_text_is_refused() {
    for text in [
        "1",
        "1.5",
        "\"1e3\"",
        "\"-1.00\"",
        "\"0.00\"",
        "\"NaN\"",
        "\" 1\"",
        "\"1.0000000000000000000\"",
        "null",
        "{}",
    ] {
        let payload =
            format!(r#"{{"HoldExpired":{{"source":"system:a","asset":"INR","released":{text}}}}}"#);
        assert!(
            read(AggregateType::Hold, "HoldExpired", &payload).is_err(),
            "{text}"
        );
    }
}

fn any_amount() -> impl Strategy<Value = Amount> {
    (1..u128::MAX >> 32, 0..=18_u32).prop_map(|(units, scale)| {
        let units = i128::try_from(units).unwrap();
        Amount::try_new(
            Decimal::try_from_i128_with_scale(units, scale).unwrap(),
            scale,
        )
        .unwrap()
    })
}

prop_compose! {
    fn any_transaction()(
        amounts in prop::collection::vec(any_amount(), 1..5),
        ids in any::<(u128, u128)>(),
        code in "[A-Z][A-Z0-9._-]{0,23}",
        text in "\\PC{1,256}",
        value in "[^\\x00]{0,512}",
        seconds in -3_900_000_000_i64..5_000_000_000,
        cause in 0..3_u8,
    ) -> TransactionEvent {
        let posting = |amount| crate::posting::Posting {
            source: wallet(ids.0),
            destination: system("cash"),
            asset: asset_code(&code),
            amount,
        };
        TransactionEvent::TransactionPosted { usage: None,
            postings: amounts.into_iter().map(posting).collect(),
            effective_at: at(seconds),
            cause: match cause {
                0 => TransactionCause::Request,
                1 => TransactionCause::Revert(transaction_id(ids.1)),
                _ => TransactionCause::Capture(hold_id(ids.1)),
            },
            reference: text.parse().ok(),
            metadata: metadata(&[("key", &value)]),
        }
    }
}

proptest! {
    #[test]
    fn any_event_is_read_back(posted in any_transaction(), released in any_amount()) {
        let event = Event::Transaction(posted);
        let payload = event.to_payload().unwrap();
        let again = read(AggregateType::Transaction, event.name(), &payload).unwrap();
        prop_assert_eq!(again.to_payload().unwrap(), payload);
        prop_assert_eq!(again, event);
        let expired = HoldEvent::HoldExpired { usage: None, source: wallet(1), asset: asset_code("INR"), released };
        let event = Event::Hold(expired);
        let payload = event.to_payload().unwrap();
        let again = read(AggregateType::Hold, event.name(), &payload).unwrap();
        prop_assert_eq!(again.to_payload().unwrap(), payload);
    }

    #[test]
    fn no_text_makes_the_decoder_panic(text in ".{0,200}", index in any::<prop::sample::Index>()) {
        let events = samples::current();
        let (_, aggregate_type, event) = &events[index.index(events.len())];
        prop_assert!(read(*aggregate_type, event.name(), &text).is_err());
        // Half an event is no event either.
        let payload = event.to_payload().unwrap();
        let mut cut = index.index(payload.len());
        while !payload.is_char_boundary(cut) {
            cut -= 1;
        }
        prop_assert!(read(*aggregate_type, event.name(), &payload[..cut]).is_err());
    }
}
