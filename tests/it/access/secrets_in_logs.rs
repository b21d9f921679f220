//! Nothing secret is logged, and nothing secret is kept in the clear.
//!
//! A real `daybook serve` says as much as it can, while somebody does everything that has a secret in it,
//! rightly and wrongly. Then every secret is looked for in all that it wrote and in every row it kept.

pub mod caller;

use std::sync::Arc;

use identity::permission::Role;
use identity::secret::new_master_key;

use crate::harness::TestDatabase;
use crate::harness::node::{identities, make_key};
use crate::harness::program::Program;
use crate::harness::rows::{every_row, hexadecimal};
use crate::harness::servers::shared_nats_url;
use caller::{
    Caller, PHONE, Provider, forget_the_password, random_part, sign_in, use_factors, use_machines,
    use_tokens,
};

/// Whether a text has a secret in it; digits only where they stand alone, and not as part of a time.
fn shows(text: &str, secret: &str) -> bool {
    let is_number = secret.bytes().all(|byte| byte.is_ascii_digit());
    let is_part = |neighbour: Option<char>| {
        neighbour.is_some_and(|next| next.is_ascii_alphanumeric() || ".-".contains(next))
    };
    text.match_indices(secret).any(|(place, _)| {
        let before = text[..place].chars().next_back();
        let after = text[place + secret.len()..].chars().next();
        !is_number || !(is_part(before) || is_part(after))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_neither_logged_nor_kept_in_the_clear() {
    let database = TestDatabase::create().await;
    let pool = database.database.pool();
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let provider = Arc::new(Provider::default());
    let messages = provider.start().await;
    let master_key = new_master_key().unwrap();
    let authkey = "an-authkey-of-the-provider";
    let mut program = Program::start(
        &database.url,
        nats,
        &[
            ("DAYBOOK__AUTH__MASTER_KEY", &master_key),
            ("DAYBOOK__MESSAGING__SMS", "msg91"),
            ("DAYBOOK__MESSAGING__MSG91__BASE_URL", &messages),
            ("DAYBOOK__MESSAGING__MSG91__AUTHKEY", authkey),
            ("DAYBOOK__MESSAGING__MSG91__TEMPLATE_ID", "template-7"),
        ],
    )
    .await;
    let admin = make_key(&identities(pool), &[Role::Admin]).await;
    let mut caller = Caller {
        client: reqwest::Client::new(),
        url: program.url.clone(),
        secrets: Vec::new(),
    };
    let (access, refresh) = sign_in(&mut caller, &provider).await;
    use_factors(&mut caller, &access).await;
    use_machines(&mut caller, &admin).await;
    use_tokens(&mut caller, &access, &refresh).await;
    forget_the_password(&mut caller, &provider).await;
    caller.secret("master key", master_key.as_str());
    caller.secret("provider's key", authkey);
    caller.secret("administrator's key", random_part(&admin));
    let kept = every_row(&mut database.superuser().await).await;
    let log = program.stop().await;

    // The looking itself finds what is there.
    assert!(
        log.contains("looked-for-1") && log.contains("request answered"),
        "{log}"
    );
    assert!(log.lines().count() > 500, "{log}");
    assert!(kept.iter().any(|(_, row)| shows(row, PHONE)));
    assert!(shows("a code=123456, b", "123456") && !shows("10:00:00.123456Z", "123456"));
    let mut found = Vec::new();
    for (name, secret) in &caller.secrets {
        let lines = log.lines().filter(|line| shows(line, secret));
        found.extend(lines.map(|line| format!("the log has the {name}: {line}")));
        let hexadecimal = hexadecimal(secret);
        let rows = kept
            .iter()
            .filter(|(_, row)| shows(row, secret) || row.contains(&hexadecimal));
        found.extend(rows.map(|(table, row)| format!("{table} has the {name}: {row}")));
    }
    assert!(caller.secrets.len() > 30, "{}", caller.secrets.len());
    assert!(found.is_empty(), "{found:#?}");
}
