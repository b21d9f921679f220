//! Tests of names and ids.

use proptest::prelude::*;

use super::*;
use crate::fixtures::parsed;

const ID: &str = "0190b8a2-5b7e-7c3d-8f00-000000000001";

#[test]
fn ids_are_hyphenated_uuids_only() {
    assert_eq!(parsed::<WalletId>(ID).to_string(), ID);
    assert_eq!(parsed::<HoldId>(&ID.to_uppercase()).to_string(), ID);
    let braced = format!("{{{ID}}}");
    let urn = format!("urn:uuid:{ID}");
    let simple = ID.replace('-', "");
    let spaced = format!("{} ", &ID[1..]);
    for text in [
        "",
        "1",
        &braced,
        &urn,
        &simple,
        &spaced,
        &ID.replace('0', "g"),
    ] {
        assert!(text.parse::<TransactionId>().is_err(), "{text}");
    }
}

#[test]
fn names_are_narrow() {
    let long = "a".repeat(40);
    for name in ["a", "main", "eu_2", long.as_str()] {
        assert_eq!(parsed::<LedgerName>(name).as_str(), name);
    }
    let longer = "a".repeat(41);
    for name in [
        "",
        "A",
        "1a",
        "_a",
        "a-b",
        "a.b",
        "a b",
        "a\n",
        "ä",
        "a>",
        "a*",
        longer.as_str(),
    ] {
        assert!(name.parse::<LedgerName>().is_err(), "{name:?}");
    }
    let name = "gateway_clearing.razorpay-2";
    assert_eq!(parsed::<SystemAccountName>(name).as_str(), name);
    for name in ["", ".a", "a:b", "a/b", "A", "a\0", &"a".repeat(49)] {
        assert!(name.parse::<SystemAccountName>().is_err(), "{name:?}");
    }
}

#[test]
fn owners_are_printable_and_trimmed() {
    let longest = "é".repeat(128);
    for owner in ["a", "Ada Lovelace", "客户-7", longest.as_str()] {
        assert_eq!(parsed::<OwnerId>(owner).as_str(), owner);
    }
    let longer = "é".repeat(129);
    for owner in [
        "",
        " ",
        " a",
        "a ",
        "a\n",
        "a\0b",
        "\u{7f}",
        "\u{a0}a",
        longer.as_str(),
    ] {
        assert!(owner.parse::<OwnerId>().is_err(), "{owner:?}");
    }
}

#[test]
fn holders_and_accounts_name_their_kind() {
    let wallet = format!("wallet:{ID}");
    assert_eq!(parsed::<Holder>(&wallet), Holder::Wallet(parsed(ID)));
    assert_eq!(
        parsed::<Holder>("system:fees"),
        Holder::System(parsed("fees"))
    );
    let account: AccountId = parsed(&format!("{wallet}:INR"));
    assert_eq!(account, Holder::Wallet(parsed(ID)).account(parsed("INR")));
    assert_eq!(
        parsed::<AccountId>("system:fees:X.1-_").to_string(),
        "system:fees:X.1-_"
    );
    for text in [
        "",
        "wallet",
        "wallet:",
        "wallet:1",
        "fees",
        "System:fees",
        "bank:fees",
        ":",
        "system:a:b",
    ] {
        assert!(text.parse::<Holder>().is_err(), "{text}");
    }
    for text in [
        "system:fees",
        "system:fees:",
        "system:fees:inr",
        "system::INR",
        ":INR",
        "wallet:1:INR",
    ] {
        assert!(text.parse::<AccountId>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,60}") {
        if let Ok(name) = text.parse::<LedgerName>() {
            prop_assert_eq!(name.to_string(), text.as_str());
        }
        if let Ok(owner) = text.parse::<OwnerId>() {
            let json = serde_json::to_string(&owner).unwrap();
            prop_assert_eq!(serde_json::from_str::<OwnerId>(&json).unwrap(), owner);
        }
        let _ = text.parse::<Holder>();
        let _ = text.parse::<AccountId>();
        let _ = text.parse::<WalletId>();
    }

    #[test]
    fn accounts_are_read_as_written(bits in any::<u128>(), name in "[a-z][a-z0-9_.-]{0,47}", code in "[A-Z][A-Z0-9._-]{0,23}") {
        let holders = [Holder::Wallet(WalletId::new(Uuid::from_u128(bits))), Holder::System(parsed(&name))];
        for account in holders.map(|holder| holder.account(parsed(&code))) {
            prop_assert_eq!(parsed::<AccountId>(&account.to_string()), account);
            prop_assert_eq!(parsed::<Holder>(&account.holder.to_string()), account.holder);
        }
    }
}
