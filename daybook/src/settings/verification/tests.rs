use config::{Config, File, FileFormat};
use connectors::identity_providers::EntryKind;
use event_store::ErrorChain;

use super::VerificationSettings;

/// Three accounts as an operator writes them; `rest` is added to the last.
fn read(rest: &str) -> Result<VerificationSettings, config::ConfigError> {
    let file = format!(
        r#"
        reverification_days = 30
        retry_days = 30
        polling_ms = 0
        [[accounts]]
        ledger = "main"
        endpoint = "people"
        provider = "sumsub"
        app_token = "sbx:token-of-sumsub"
        secret_key = "secret-of-sumsub"
        webhook_secrets = ["new-of-sumsub", "old-of-sumsub"]
        webhook_digest = "sha512"
        levels = {{ basic = "id-only", full = "id-and-liveness" }}
        level = "everything"

        [[accounts]]
        ledger = "main"
        endpoint = "people"
        provider = "onfido"
        base_url = "https://api.us.onfido.com/v3.6"
        api_token = "token-of-onfido"
        webhook_tokens = ["webhook-of-onfido"]
        level = "5f0e6f9c-6c9e-4f6e-9d56-0a7c4a1b2c3d"
        entry = "token"

        [[accounts]]
        ledger = "india"
        endpoint = "people"
        provider = "digio"
        client_id = "client-of-digio"
        client_secret = "secret-of-digio"
        webhook_secrets = ["webhook-of-digio"]
        level = "KYC"
        {rest}
        "#
    );
    let source = File::from_str(&file, FileFormat::Toml);
    Config::builder()
        .add_source(source)
        .build()?
        .try_deserialize()
}

#[test]
fn each_account_is_found_by_its_webhooks_address() {
    let settings = read("").unwrap();
    let accounts = settings.identity_accounts().unwrap();
    for (provider, ledger) in [("sumsub", "main"), ("onfido", "main"), ("digio", "india")] {
        let (_, account) = accounts.at(provider, "people").unwrap();
        assert_eq!(account.ledger.to_string(), ledger);
        assert_eq!(account.identity_provider.provider().as_str(), provider);
    }
    assert!(accounts.at("sumsub", "others").is_none());
    assert!(accounts.at("razorpay", "people").is_none());
    let told = format!("{settings:?} {accounts:?}");
    for secret in ["token-of", "secret-of", "webhook-of", "new-of", "old-of"] {
        assert!(!told.contains(secret), "{secret} is shown: {told}");
    }
}

#[test]
fn what_is_checked_goes_by_the_tier() {
    let accounts = read("").unwrap().identity().unwrap().accounts;
    let (_, account) = accounts.at("sumsub", "people").unwrap();
    for (tier, level) in [
        ("basic", "id-only"),
        ("full", "id-and-liveness"),
        ("vip", "everything"),
    ] {
        assert_eq!(account.level(tier.parse().unwrap()), Some(level));
    }
    assert_eq!(account.entry, EntryKind::Page);
    let (_, account) = accounts.at("onfido", "people").unwrap();
    assert_eq!(account.entry, EntryKind::Token);
}

#[test]
fn an_account_at_which_nothing_is_checked_is_refused() {
    let mut settings = read("").unwrap();
    settings.accounts[2].level = None;
    let told = settings.identity().unwrap_err().to_string();
    assert!(told.contains("neither `level` nor `levels`"), "{told}");
}

#[test]
fn what_nobody_knows_is_refused() {
    let refused = read("webhook_digest = \"sha1\"").unwrap_err();
    assert!(refused.to_string().contains("webhook_digest"), "{refused}");
    let refused = read("[[accounts]]\nledger = \"main\"\nendpoint = \"x\"\nprovider = \"jumio\"");
    assert!(refused.unwrap_err().to_string().contains("jumio"));
}

#[test]
fn what_cannot_be_used_is_named() {
    let onfido = r#"
        [[accounts]]
        ledger = "LEDGER"
        endpoint = "ENDPOINT"
        provider = "onfido"
        api_token = "TOKEN"
        webhook_tokens = ["webhook-of-onfido"]
        level = "LEVEL"
    "#;
    for (ledger, endpoint, token, expected) in [
        (
            "main",
            "others",
            "token",
            "the ledger main has two accounts at onfido",
        ),
        (
            "india",
            "people",
            "token",
            "there are two endpoints onfido/people",
        ),
        ("india", "Others", "token", "the endpoint \"Others\" is not"),
        (
            "india",
            "others",
            "",
            "others cannot be used: api_token is missing",
        ),
    ] {
        let account = onfido.replace("LEDGER", ledger);
        let account = account
            .replace("ENDPOINT", endpoint)
            .replace("TOKEN", token);
        let settings = read(&account).unwrap();
        let told = ErrorChain(&settings.identity_accounts().unwrap_err()).to_string();
        assert!(told.contains(expected), "{told}");
    }
}
