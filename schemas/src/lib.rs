//! The published contract: what leaves Daybook, as types and as generated documents.
//!
//! Stored events may change shape with the code that writes them; what is published may not. So
//! the types here are separate from the stored ones, and the files beside this crate (`events/`,
//! `messages/`, `asyncapi.yaml`) are generated from them and compared by a test: a change of the
//! contract is a change of a committed file.
//!
//! * [`published`]: an event as clients and NATS see it.
//! * [`channel`]: what a client can follow, and which events concern it.
//! * [`message`]: what client and server say to each other on a live connection.
//! * [`generate`]: the documents.
#![deny(missing_docs)]

pub mod channel;
pub mod generate;
pub mod message;
pub mod published;

pub use channel::{Channel, Concerns};
pub use generate::generated;
pub use message::{AccountBalance, ClientMessage, CloseReason, ErrorCode, ServerMessage, Token};
pub use published::{PublishError, PublishedEvent, PublishedMetadata, StoredTexts};
