//! What is refused before any issuer is asked.

use std::collections::BTreeMap;

use identity::external::{
    ExternalIssuers, HttpClient, IssuerSettings, RoleMapping, SettingsFault, SignInSettings,
};

fn settings(issuer: &str) -> IssuerSettings {
    let roles = RoleMapping {
        claim: "groups".to_owned(),
        roles: BTreeMap::new(),
    };
    IssuerSettings::new(issuer, vec!["api".to_owned()], roles)
}

fn fault(settings: Vec<IssuerSettings>) -> Option<SettingsFault> {
    ExternalIssuers::try_new(settings, HttpClient::try_new().unwrap()).err()
}

#[tokio::test]
async fn issuers_are_addresses() {
    for issuer in [
        "https://id.example.org",
        "https://id.example.org/a/b",
        "http://127.0.0.1:9",
    ] {
        assert_eq!(fault(vec![settings(issuer)]), None, "{issuer}");
    }
    for issuer in [
        "",
        "id.example.org",
        "http://id.example.org",
        "https://",
        "https://id.example.org?a=b",
        "https://id.example.org#a",
        "https://user:secret@id.example.org",
        "ftp://localhost",
    ] {
        let expected = SettingsFault::Issuer {
            issuer: issuer.to_owned(),
        };
        assert_eq!(fault(vec![settings(issuer)]), Some(expected));
    }
}

#[tokio::test]
async fn settings_say_enough_and_do_not_contradict_themselves() {
    let name = "https://id.example.org";
    let twice = fault(vec![settings(name), settings(name)]);
    assert!(matches!(twice, Some(SettingsFault::Repeated { .. })));
    let empty = |change: fn(&mut IssuerSettings)| {
        let mut settings = settings(name);
        change(&mut settings);
        match fault(vec![settings]) {
            Some(SettingsFault::Empty { setting, .. }) => setting,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(empty(|settings| settings.audiences.clear()), "audiences");
    assert_eq!(
        empty(|settings| settings.audiences.push(String::new())),
        "audiences"
    );
    assert_eq!(empty(|settings| settings.algorithms.clear()), "algorithms");
    assert_eq!(
        empty(|settings| settings.access_token_types.clear()),
        "access_token_types"
    );
    assert_eq!(
        empty(|settings| settings.roles.claim.clear()),
        "roles.claim"
    );
    let mut confusable = settings(name);
    confusable.sign_in = Some(SignInSettings {
        client_id: "api".to_owned(),
        client_secret: None,
        scopes: Vec::new(),
    });
    assert_eq!(fault(vec![confusable.clone()]), None);
    confusable.access_token_types = vec!["JWT".to_owned()];
    assert!(matches!(
        fault(vec![confusable]),
        Some(SettingsFault::Confusable { .. })
    ));
}

#[test]
fn settings_are_read_with_defaults_and_hide_secrets() {
    let text = r#"{
        "issuer": "https://id.example.org", "audiences": ["api"],
        "roles": {"claim": "/realm_access/roles", "roles": {"ops": "operator"}},
        "sign_in": {"client_id": "console", "client_secret": "hush"}
    }"#;
    let read: IssuerSettings = serde_json::from_str(text).unwrap();
    assert_eq!(read.access_token_types, ["at+jwt"]);
    assert!(!format!("{read:?}").contains("hush"));
    let secret = read.sign_in.unwrap().client_secret.unwrap();
    assert_eq!(secret.expose(), "hush");
    for wrong in ["\"none\"", "\"HS256\"", "\"rs256\""] {
        let text = text.replacen('{', &format!("{{\"algorithms\": [{wrong}],"), 1);
        assert!(
            serde_json::from_str::<IssuerSettings>(&text).is_err(),
            "{wrong}"
        );
    }
    let unknown = text.replacen('{', "{\"audience\": \"api\",", 1);
    assert!(serde_json::from_str::<IssuerSettings>(&unknown).is_err());
}
