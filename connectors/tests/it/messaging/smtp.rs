//! Email: the adapter against aiosmtpd, and against servers that are none.

use std::time::Duration;

use connectors::messaging::{
    AttemptPolicy, MessagingStartError, SmtpCredentials, SmtpDelivery, SmtpSecurity, SmtpSettings,
};
use connectors::secret::Secret;
use identity::delivery::{CodeDelivery, CodeText};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::smtp_server::{Authority, MailServer};
use super::{CODE, NUMBER, attempts, email, impatient, sms, told};

const PASSWORD: &str = "key-of-ours";
const BROKEN: &str = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";

fn settings(port: u16, security: SmtpSecurity) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port,
        security,
        credentials: None,
        from: "Daybook <no-reply@mail.example.net>".to_owned(),
        service: "Daybook".to_owned(),
        root_certificates: None,
        attempts: attempts(),
    }
}

fn plain(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".to_owned(),
        ..settings(port, SmtpSecurity::PlainOnThisMachine)
    }
}

fn signed_in(settings: SmtpSettings, password: &str) -> SmtpSettings {
    SmtpSettings {
        credentials: Some(SmtpCredentials {
            username: "daybook".to_owned(),
            password: Secret::new(password),
        }),
        ..settings
    }
}

async fn outcome(settings: &SmtpSettings, to: &str) -> String {
    let delivery = SmtpDelivery::try_new(settings).unwrap();
    told(delivery.deliver(&email(to)).await)
}

fn header<'a>(event: &'a Value, name: &str) -> &'a str {
    let data = event["data"].as_str().unwrap();
    let line = data.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("{name} in {data}"));
    line[name.len()..].trim_start_matches(':').trim()
}

#[tokio::test]
async fn a_letter_arrives_whole() {
    let server = MailServer::plain("").await;
    assert_eq!(
        outcome(&plain(server.port), "asha@example.org").await,
        "delivered"
    );
    let events = server.stop().await;
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(event["from"], "no-reply@mail.example.net");
    assert_eq!(event["to"], json!(["asha@example.org"]));
    assert_eq!(header(event, "From"), "Daybook <no-reply@mail.example.net>");
    assert_eq!(header(event, "To"), "asha@example.org");
    assert_eq!(header(event, "Subject"), "Daybook: your code to sign in");
    assert_eq!(header(event, "Auto-Submitted"), "auto-generated");
    assert!(header(event, "Content-Type").starts_with("text/plain"));
    assert!(!header(event, "Date").is_empty());
    let id = header(event, "Message-ID");
    assert!(
        id.starts_with('<') && id.ends_with("@mail.example.net>"),
        "{id}"
    );
    let data = event["data"].as_str().unwrap();
    for part in [
        CODE,
        "sign in at Daybook",
        "valid for 5 minutes",
        "Nobody from Daybook",
    ] {
        assert!(data.contains(part), "{part} in {data}");
    }
}

#[tokio::test]
async fn names_in_other_letters_are_written_for_mail() {
    let server = MailServer::plain("").await;
    let mut settings = plain(server.port);
    settings.service = "Tagebuch Grün".to_owned();
    assert_eq!(outcome(&settings, "asha@example.org").await, "delivered");
    let events = server.stop().await;
    let subject = header(&events[0], "Subject");
    assert!(
        subject.is_ascii() && subject.contains("=?utf-8?"),
        "{subject}"
    );
    let data = events[0]["data"].as_str().unwrap();
    assert!(data.is_ascii() && data.contains(CODE), "{data}");
}

#[tokio::test]
async fn tls_by_starttls_and_from_the_first_byte() {
    let authority = Authority::new();
    for (tls, security) in [
        ("starttls", SmtpSecurity::StartTls),
        ("implicit", SmtpSecurity::ImplicitTls),
    ] {
        let server = MailServer::secure(tls, PASSWORD, "localhost", &authority).await;
        let mut settings = signed_in(settings(server.port, security), PASSWORD);
        settings.root_certificates = Some(authority.pem.clone());
        assert_eq!(
            outcome(&settings, "asha@example.org").await,
            "delivered",
            "{tls}"
        );
        let events = server.stop().await;
        assert_eq!(events[0]["auth"], true, "{tls}");
        assert_eq!(events[1]["to"], json!(["asha@example.org"]), "{tls}");
    }
}

#[tokio::test]
async fn without_a_trusted_certificate_nothing_is_said() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for (tls, security) in [
        ("starttls", SmtpSecurity::StartTls),
        ("implicit", SmtpSecurity::ImplicitTls),
    ] {
        for (host, authority) in [("localhost", &theirs), ("mail.example.net", &ours)] {
            let server = MailServer::secure(tls, PASSWORD, host, authority).await;
            let mut settings = signed_in(settings(server.port, security), PASSWORD);
            settings.root_certificates = Some(ours.pem.clone());
            let outcome = outcome(&settings, "asha@example.org").await;
            let start = "unavailable: the mail server cannot be used safely";
            assert!(outcome.starts_with(start), "{tls} {host}: {outcome}");
            assert_eq!(server.stop().await, Vec::<Value>::new(), "{tls} {host}");
        }
    }
}

/// A server, or somebody between, that does not offer STARTTLS gets neither password nor code.
#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let server = MailServer::plain(PASSWORD).await;
    let settings = signed_in(settings(server.port, SmtpSecurity::StartTls), PASSWORD);
    let outcome = outcome(&settings, "asha@example.org").await;
    let start = "unavailable: the mail server cannot be used safely";
    assert!(outcome.starts_with(start), "{outcome}");
    assert!(outcome.contains("STARTTLS"), "{outcome}");
    assert_eq!(server.stop().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_wrong_password_is_our_fault_and_tried_once() {
    let server = MailServer::plain(PASSWORD).await;
    let wrong = signed_in(plain(server.port), "key-of-ourselves");
    assert_eq!(
        outcome(&wrong, "asha@example.org").await,
        "unavailable: the mail server does not accept how it is set up: 535 5.7.8"
    );
    assert_eq!(
        outcome(&plain(server.port), "asha@example.org").await,
        "unavailable: the mail server does not accept how it is set up: 530 5.7.0"
    );
    assert_eq!(server.stop().await, [json!({"auth": false})]);
}

#[tokio::test]
async fn answers_to_the_recipient_have_their_meaning() {
    let server = MailServer::plain("").await;
    let failed = "unavailable: the mail server fails for now: ";
    for (local, expected) in [
        ("rcpt-550-5.1.1", "refused: SMTP 550 5.1.1".to_owned()),
        ("rcpt-553-5.1.3", "refused: SMTP 553 5.1.3".to_owned()),
        ("rcpt-554-5.7.1", "refused: SMTP 554 5.7.1".to_owned()),
        ("rcpt-421-4.7.0", "rate limited".to_owned()),
        ("rcpt-450-4.7.1", "rate limited".to_owned()),
        ("throttled", "rate limited".to_owned()),
        ("rcpt-450-4.2.0", format!("{failed}450 4.2.0")),
        ("rcpt-451-4.3.0", format!("{failed}451 4.3.0")),
        ("data-552-5.3.4-9", "refused: SMTP 552 5.3.4".to_owned()),
    ] {
        let to = format!("{local}@example.org");
        assert_eq!(outcome(&plain(server.port), &to).await, expected, "{local}");
    }
    let events = server.stop().await;
    assert_eq!(
        events.len(),
        1,
        "only the last one got as far as its message"
    );
}

/// A message that may have arrived is sent again as the same message.
#[tokio::test]
async fn a_message_keeps_its_id_through_attempts() {
    let server = MailServer::plain("").await;
    let to = "data-451-4.3.0-2@example.org";
    assert_eq!(outcome(&plain(server.port), to).await, "delivered");
    let events = server.stop().await;
    assert_eq!(events.len(), 3);
    for event in &events {
        assert_eq!(event["data"], events[0]["data"]);
    }
}

#[tokio::test]
async fn silence_noise_and_nobody_are_told_apart() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = plain(silent.local_addr().unwrap().port());
    settings.attempts = impatient();
    assert_eq!(
        outcome(&settings, "asha@example.org").await,
        "unavailable: the mail server did not answer within 500 ms"
    );

    let port = silent.local_addr().unwrap().port();
    drop(silent);
    let nobody = outcome(&plain(port), "asha@example.org").await;
    let start = "unavailable: there is no connection to the mail server";
    assert!(nobody.starts_with(start), "{nobody}");

    let noisy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = noisy.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = noisy.accept().await.unwrap();
            stream
                .write_all(b"HTTP/1.1 400 asha@example.org\r\n\r\n")
                .await
                .unwrap();
            let _ = stream.read(&mut [0; 16]).await;
        }
    });
    assert_eq!(
        outcome(&plain(port), "asha@example.org").await,
        "unavailable: the mail server's answer is not understood"
    );
}

#[tokio::test]
async fn only_email_and_only_codes() {
    let server = MailServer::plain("").await;
    let delivery = SmtpDelivery::try_new(&plain(server.port)).unwrap();
    assert_eq!(told(delivery.deliver(&sms(NUMBER)).await), "not configured");
    let mut message = email("asha@example.org");
    message.code = CodeText::new("1\r\n.\r\n".to_owned());
    let outcome = told(delivery.deliver(&message).await);
    assert_eq!(outcome, "refused: a code is six digits");
    assert_eq!(server.stop().await, Vec::<Value>::new());
}

#[test]
fn settings_are_checked_and_do_not_show() {
    let good = signed_in(settings(587, SmtpSecurity::StartTls), PASSWORD);
    let debug = format!("{good:?} {:?}", SmtpDelivery::try_new(&good).unwrap());
    assert!(!debug.contains(PASSWORD), "{debug}");
    let refused = |change: fn(&mut SmtpSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        match SmtpDelivery::try_new(&settings) {
            Err(MessagingStartError::Setting { setting, .. }) => setting,
            Err(MessagingStartError::Tls(_)) => "tls",
            other => panic!("{other:?}"),
        }
    };
    let plain_elsewhere: fn(&mut SmtpSettings) = |bad| {
        bad.host = "mail.example.net".to_owned();
        bad.security = SmtpSecurity::PlainOnThisMachine;
    };
    assert_eq!(refused(plain_elsewhere), "security");
    assert_eq!(refused(|bad| bad.host.clear()), "host");
    assert_eq!(refused(|bad| bad.from = "Daybook".to_owned()), "from");
    assert_eq!(refused(|bad| bad.service.clear()), "service");
    assert_eq!(
        refused(|bad| bad.service = "a\r\nBcc: b@c.de".to_owned()),
        "service"
    );
    assert_eq!(
        refused(|bad| bad.root_certificates = Some(BROKEN.to_owned())),
        "tls"
    );
    assert_eq!(AttemptPolicy::default().time_limit, Duration::from_secs(10));
}
