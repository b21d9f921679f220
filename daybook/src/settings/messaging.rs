//! How codes get to people: a mail server, and a provider of text messages.

use std::sync::Arc;

use connectors::messaging::{
    AttemptPolicy, MSG91_BASE_URL, MessagingStartError, Msg91Delivery, Msg91Settings,
    RoutedDelivery, SmtpCredentials, SmtpDelivery, SmtpSecurity, SmtpSettings, TWILIO_BASE_URL,
    TwilioDelivery, TwilioSettings,
};
use connectors::secret::Secret;
use identity::delivery::CodeDelivery;
use serde::Deserialize;

/// How codes get to people.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessagingSettings {
    /// The mail server; email is not sent when its host is empty.
    pub smtp: SmtpServer,
    /// Who sends text messages.
    pub sms: SmsProvider,
    /// Twilio Verify.
    pub twilio: Twilio,
    /// MSG91.
    pub msg91: Msg91,
}

/// A mail server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpServer {
    /// Its name, which its certificate has to bear.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Who submits; nobody in particular when empty.
    pub username: String,
    /// Their password.
    pub password: Secret,
    /// The sender.
    pub from: String,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// It begins in the clear and must change to TLS before anything is said (port 587).
    StartTls,
    /// TLS from the first byte (port 465).
    ImplicitTls,
    /// Not at all; only to this machine.
    PlainOnThisMachine,
}

/// Who sends text messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsProvider {
    /// Nobody.
    None,
    /// Twilio Verify.
    Twilio,
    /// MSG91.
    Msg91,
}

/// The access to Twilio Verify.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twilio {
    /// Another address than Twilio's own, for a simulator.
    pub base_url: String,
    /// The account's SID, `AC…`, or an API key's, `SK…`.
    pub account_sid: String,
    /// The account's token, or the key's secret.
    pub auth_token: Secret,
    /// The Verify service's SID, `VA…`.
    pub service_sid: String,
}

/// The access to MSG91.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Msg91 {
    /// Another address than MSG91's own, for a simulator.
    pub base_url: String,
    /// The account's key.
    pub authkey: Secret,
    /// The id of the template for codes.
    pub template_id: String,
    /// The registered sender, if the template does not say it.
    pub sender: String,
}

/// Why codes cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
#[error("messaging.{part} is not usable")]
pub struct MessagingError {
    part: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl MessagingSettings {
    /// The way to people; connects to nobody.
    ///
    /// # Errors
    /// [`MessagingError`].
    pub fn delivery(&self) -> Result<RoutedDelivery, MessagingError> {
        Ok(RoutedDelivery {
            email: self.email()?,
            sms: self.text_messages()?,
        })
    }

    fn email(&self) -> Result<Option<Arc<dyn CodeDelivery>>, MessagingError> {
        let smtp = &self.smtp;
        if smtp.host.is_empty() {
            return Ok(None);
        }
        let credentials = (!smtp.username.is_empty()).then(|| SmtpCredentials {
            username: smtp.username.clone(),
            password: smtp.password.clone(),
        });
        let settings = SmtpSettings {
            host: smtp.host.clone(),
            port: smtp.port,
            security: match smtp.security {
                Security::StartTls => SmtpSecurity::StartTls,
                Security::ImplicitTls => SmtpSecurity::ImplicitTls,
                Security::PlainOnThisMachine => SmtpSecurity::PlainOnThisMachine,
            },
            credentials,
            from: smtp.from.clone(),
            service: "Daybook".to_owned(),
            root_certificates: None,
            attempts: AttemptPolicy::default(),
        };
        let delivery = SmtpDelivery::try_new(&settings).map_err(unusable("smtp"))?;
        Ok(Some(Arc::new(delivery)))
    }

    fn text_messages(&self) -> Result<Option<Arc<dyn CodeDelivery>>, MessagingError> {
        match self.sms {
            SmsProvider::None => Ok(None),
            SmsProvider::Twilio => {
                let settings = TwilioSettings {
                    base_url: base_url(&self.twilio.base_url, TWILIO_BASE_URL, "twilio")?,
                    account_sid: self.twilio.account_sid.clone(),
                    auth_token: self.twilio.auth_token.clone(),
                    service_sid: self.twilio.service_sid.clone(),
                    attempts: AttemptPolicy::default(),
                };
                let delivery = TwilioDelivery::try_new(&settings).map_err(unusable("twilio"))?;
                Ok(Some(Arc::new(delivery)))
            }
            SmsProvider::Msg91 => {
                let sender = &self.msg91.sender;
                let settings = Msg91Settings {
                    base_url: base_url(&self.msg91.base_url, MSG91_BASE_URL, "msg91")?,
                    authkey: self.msg91.authkey.clone(),
                    template_id: self.msg91.template_id.clone(),
                    sender: (!sender.is_empty()).then(|| sender.clone()),
                    attempts: AttemptPolicy::default(),
                };
                let delivery = Msg91Delivery::try_new(&settings).map_err(unusable("msg91"))?;
                Ok(Some(Arc::new(delivery)))
            }
        }
    }
}

fn base_url(
    configured: &str,
    usual: &str,
    part: &'static str,
) -> Result<connectors::outbound::BaseUrl, MessagingError> {
    let text = if configured.is_empty() {
        usual
    } else {
        configured
    };
    text.parse().map_err(|error| MessagingError {
        part,
        source: Box::new(error),
    })
}

fn unusable(part: &'static str) -> impl FnOnce(MessagingStartError) -> MessagingError {
    move |error| MessagingError {
        part,
        source: Box::new(error),
    }
}
