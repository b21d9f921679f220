//! Codes on their way to people, by email and text message; and reminders, by email.
//!
//! | where to | adapter | through |
//! |---|---|---|
//! | email | [`SmtpDelivery`] | a submission server, STARTTLS or implicit TLS |
//! | phone | [`TwilioDelivery`] | Twilio Verify, with our own code |
//! | phone | [`Msg91Delivery`] | MSG91's OTP interface, with our own code |
//! | both | [`RoutedDelivery`] | one of the above by the kind of address |
//! | both | [`Mailbox`] | nothing: a page on this machine, for trying Daybook out |
//!
//! **Whose code.** Codes are made and checked here, never by a provider: it is given the digits to
//! send. How often a code may be asked for is decided before this.
//!
//! **Twice.** A delivery that failed in passing is tried again, at most [`MOST_ATTEMPTS`] times in all
//! and with growing, random pauses ([`AttemptPolicy`]). When the provider's answer was lost the person
//! may so get the same code twice, which is harmless: it is one code, used once. A refusal, a rate
//! limit or a fault of our set-up is never repeated.
//!
//! **What goes wrong.** `Refused`: this address or message, now and later. `RateLimited`: not now.
//! `Unavailable`: everything else, its source a [`ProviderFault`] (or an [`SmtpFault`]) that says
//! whether a person has to mend the set-up. No error holds an address, a code or a key, so that all
//! may be logged.

mod attempts;
mod fault;
mod mailbox;
mod msg91;
mod routed;
mod smtp;
mod text;
mod twilio;

pub use attempts::{AttemptPolicy, MOST_ATTEMPTS};
pub use fault::{MessagingStartError, ProviderFault};
pub use mailbox::{MAILBOX_CAPACITY, Mailbox, MailboxMessage};
pub use msg91::{MSG91_BASE_URL, Msg91Delivery, Msg91Settings};
pub use routed::RoutedDelivery;
pub use smtp::{SmtpCredentials, SmtpDelivery, SmtpFault, SmtpSecurity, SmtpSettings};
pub use twilio::{TWILIO_BASE_URL, TwilioDelivery, TwilioSettings};
