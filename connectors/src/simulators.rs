//! Local servers that speak the protocols of outside systems, for tests and demonstrations.
//!
//! Each listens on a free port of the loopback interface, checks credentials, parses, refuses and
//! answers as its original does, keeps what it "sent", and can be told to fail ([`Faults`]). None
//! reaches anybody. A simulator stops when it is dropped.

pub mod books;
mod cases;
mod control;
pub mod digio;
mod faults;
mod front;
pub mod instamojo;
mod mischief;
pub mod msg91;
pub mod onfido;
mod page;
pub mod payu;
pub mod razorpay;
mod rewriting;
mod server;
pub mod stripe;
pub mod sumsub;
pub mod twilio_verify;
mod webhook_sender;

pub use cases::{CaseChoice, SimulatedCase};
pub use control::{GatewaySimulator, IdentitySimulator, Simulator};
pub use faults::{Fault, Faults};
pub use mischief::{Chances, PayerChoice};
pub use rewriting::Rewriting;
pub use webhook_sender::{Delivery, WebhookTiming};

/// A code that a simulator would have sent.
#[derive(Clone, PartialEq, Eq)]
pub struct SentCode {
    /// The phone number as the provider knows it.
    pub to: String,
    /// The code.
    pub code: String,
    /// `sms`, `call` and so on.
    pub channel: String,
}

impl std::fmt::Debug for SentCode {
    /// Without the code and the number.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SentCode")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}
