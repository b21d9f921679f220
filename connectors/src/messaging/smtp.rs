//! Email through a submission server (RFC 6409), by `lettre`.
//!
//! TLS is required: STARTTLS (port 587) that fails when the server does not offer it, or implicit TLS
//! (port 465, RFC 8314), with the certificate checked. Plain text is for a server on this machine only.
//!
//! | answer | outcome |
//! |---|---|
//! | accepted | delivered |
//! | 4xx that speaks of a limit (`x.7.x`, or in words) | rate limited |
//! | other 4xx, no connection, no answer in time | tried again |
//! | 530, 534, 535, 538; TLS, STARTTLS or AUTH is missing or fails | the set-up is not right |
//! | other 5xx | refused, with the codes of the answer and without its words |
//!
//! Every attempt of one delivery has the same `Message-ID`, so that servers and readers can tell a
//! message that came twice. Each message has a connection of its own: a pooled connection whose user
//! ran out of time would give the next one the answer to the last.

use std::fmt;

use async_trait::async_trait;
use identity::address::Address;
use identity::delivery::{CodeDelivery, CodeMessage, DeliveryError, Reminder};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use uuid::Uuid;

use super::attempts::AttemptPolicy;
use super::fault::{Failure, MessagingStartError};
use super::text;
use crate::outbound::is_this_machine;
use crate::secret::Secret;

mod answer;

pub use answer::SmtpFault;
use answer::failure;

/// The longest name of the service.
const MOST_SERVICE_CHARACTERS: usize = 64;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// STARTTLS, required; usually port 587.
    StartTls,
    /// TLS from the first byte; usually port 465.
    ImplicitTls,
    /// None; only for a server on this machine.
    PlainOnThisMachine,
}

/// Who submits.
#[derive(Debug, Clone)]
pub struct SmtpCredentials {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// The access to a submission server.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// The server's name, which its certificate has to bear.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// Who submits, if the server asks.
    pub credentials: Option<SmtpCredentials>,
    /// The sender: `Name <local@domain>` or `local@domain`.
    pub from: String,
    /// What the texts call this Daybook.
    pub service: String,
    /// Certificates in PEM that are trusted beside those of this machine.
    pub root_certificates: Option<String>,
    /// How often and how long a delivery is tried.
    pub attempts: AttemptPolicy,
}

/// Delivers to email addresses.
pub struct SmtpDelivery {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    service: String,
    attempts: AttemptPolicy,
    server: String,
}

impl fmt::Debug for SmtpDelivery {
    /// Without the transport, whose `Debug` is not ours to trust with a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SmtpDelivery")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl SmtpDelivery {
    /// Checks the settings; connects to nobody.
    ///
    /// # Errors
    /// [`MessagingStartError`].
    pub fn try_new(settings: &SmtpSettings) -> Result<Self, MessagingStartError> {
        check(settings)?;
        let from: Mailbox = settings
            .from
            .parse()
            .map_err(|_| setting("from", "is `local@domain` or `Name <local@domain>`"))?;
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host.as_str())
                .port(settings.port)
                .tls(tls(settings)?)
                .timeout(Some(settings.attempts.time_limit));
        if let Some(credentials) = &settings.credentials {
            builder = builder.credentials(Credentials::new(
                credentials.username.clone(),
                credentials.password.reveal().to_owned(),
            ));
        }
        Ok(Self {
            transport: builder.build(),
            from,
            service: settings.service.clone(),
            attempts: settings.attempts,
            server: format!("{}:{}", settings.host, settings.port),
        })
    }

    fn letter(&self, to: &str, written: Written) -> Result<Message, DeliveryError> {
        let to: Mailbox = to.parse().map_err(|_| DeliveryError::Refused {
            reason: "the address cannot be written in a message".to_owned(),
        })?;
        let id = format!("<{}@{}>", written.id, self.from.email.domain());
        Message::builder()
            .message_id(Some(id))
            .date_now()
            .from(self.from.clone())
            .to(to)
            .subject(written.subject)
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(written.text)
            .map_err(|source| DeliveryError::Unavailable(source.into()))
    }

    async fn send(&self, to: &Address, written: Written) -> Result<(), DeliveryError> {
        let Address::Email(to) = to else {
            return Err(DeliveryError::NotConfigured);
        };
        let letter = self.letter(to.as_str(), written)?;
        let formatted = letter.formatted();
        self.attempts
            .deliver(|| self.attempt(&letter, &formatted))
            .await
    }

    async fn attempt(&self, letter: &Message, formatted: &[u8]) -> Result<(), Failure> {
        let time_limit = self.attempts.time_limit;
        let sending = self.transport.send_raw(letter.envelope(), formatted);
        match tokio::time::timeout(time_limit, sending).await {
            Ok(Ok(_accepted)) => Ok(()),
            Ok(Err(error)) => Err(failure(error)),
            Err(_elapsed) => Err(Failure::passing(SmtpFault::TimedOut { time_limit })),
        }
    }
}

#[async_trait]
impl CodeDelivery for SmtpDelivery {
    async fn deliver(&self, message: &CodeMessage) -> Result<(), DeliveryError> {
        let written = Written {
            id: Uuid::new_v4(),
            subject: text::subject(message, &self.service),
            text: text::letter(message, &self.service)?,
        };
        self.send(&message.to, written).await
    }

    /// However often it is sent, it is the same message.
    async fn remind(&self, reminder: &Reminder) -> Result<(), DeliveryError> {
        let written = Written {
            id: reminder.id,
            subject: text::reminder_subject(reminder, &self.service),
            text: text::reminder_letter(reminder, &self.service),
        };
        self.send(&reminder.to, written).await
    }
}

/// What is in a letter.
struct Written {
    /// Of its `Message-ID`.
    id: Uuid,
    subject: String,
    text: String,
}

fn setting(setting: &'static str, rule: &'static str) -> MessagingStartError {
    MessagingStartError::Setting { setting, rule }
}

fn check(settings: &SmtpSettings) -> Result<(), MessagingStartError> {
    if settings.host.is_empty() {
        return Err(setting("host", "is missing"));
    }
    let is_plain = settings.security == SmtpSecurity::PlainOnThisMachine;
    if is_plain && !is_this_machine(&settings.host) {
        return Err(setting(
            "security",
            "is STARTTLS or implicit TLS for a server that is not on this machine",
        ));
    }
    let length = settings.service.chars().count();
    let is_service = (1..=MOST_SERVICE_CHARACTERS).contains(&length)
        && !settings.service.chars().any(char::is_control);
    if !is_service {
        return Err(setting("service", "is a name of 1 to 64 characters"));
    }
    Ok(())
}

fn tls(settings: &SmtpSettings) -> Result<Tls, MessagingStartError> {
    if settings.security == SmtpSecurity::PlainOnThisMachine {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(pem) = &settings.root_certificates {
        let certificates =
            Certificate::from_pem(pem.as_bytes()).map_err(MessagingStartError::Tls)?;
        parameters = parameters.add_root_certificate(certificates);
    }
    let parameters = parameters.build().map_err(MessagingStartError::Tls)?;
    Ok(match settings.security {
        SmtpSecurity::StartTls => Tls::Required(parameters),
        SmtpSecurity::ImplicitTls => Tls::Wrapper(parameters),
        SmtpSecurity::PlainOnThisMachine => Tls::None,
    })
}

/// Says that no person wrote this, so that no machine answers (RFC 3834, 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
