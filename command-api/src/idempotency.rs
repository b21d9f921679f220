//! One intent, one effect: the caller's key and the hash of what it asks.
//!
//! The key is the header `Idempotency-Key`. Where the body names the id of the one thing it
//! creates and there is no header, that id is the key: asking twice gives the same reply instead
//! of `transaction_exists`. Keys are scoped by ledger (by the executor) and caller; keys from the
//! header and ids never meet, nor do the ids of a wallet and a transaction.
//!
//! The hash covers method, path and the request as it was understood, not its bytes: white space,
//! the order of keys, `12.5` or `12.50`, and the offset of a time make no other request.
//!
//! A part of the hash stands in the log or in the table of keys, for ever. There are few enough people and
//! account numbers that what a plain hash is of can be found by trying, so a request that says something
//! personal is hashed as [`Concealed`].

use std::io::{self, Write};

use event_store::executor::IdempotencyKey;
use identity::identities::Identities;
use ledger_core::AggregateType;
use poem_openapi::registry::MetaSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::context::RequestContext;
use crate::parameters::Parameter;
use crate::problem::{FieldCode, FieldFault, Problem};

/// The header that carries the caller's key.
pub const IDEMPOTENCY_KEY_HEADER: &str = "Idempotency-Key";
/// The header of a reply that was given before.
pub const REPLAYED_HEADER: &str = "Idempotent-Replayed";

const MAX_KEY_LENGTH: usize = 255;

/// A key from the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl KeyText {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Parameter for KeyText {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(MAX_KEY_LENGTH),
            pattern: Some("^[!-~]{1,255}$".to_owned()),
            example: Some("9f0c2a52-6f0d-4b38-9d3c-7f2f4bb0a001".into()),
            ..MetaSchema::new("string")
        }
    }

    fn read(text: &str) -> Result<Self, FieldFault> {
        let fits = (1..=MAX_KEY_LENGTH).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        Err(FieldFault::new(
            FieldCode::InvalidIdempotencyKey,
            "must be 1 to 255 visible ASCII characters",
        ))
    }
}

/// What makes a request the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The caller's own key.
    Header(KeyText),
    /// The id of the one thing the request creates.
    CreatedId(AggregateType, Uuid),
    /// None: asking twice is two intents.
    None,
}

impl Key {
    /// The header's key, if there is one.
    #[must_use]
    pub fn from_header(header: Option<KeyText>) -> Self {
        header.map_or(Self::None, Self::Header)
    }

    /// The header's key, or else the id that the body names for what is created.
    #[must_use]
    pub fn from_header_or_id(
        header: Option<KeyText>,
        created: AggregateType,
        id: Option<Uuid>,
    ) -> Self {
        match (header, id) {
            (Some(key), _) => Self::Header(key),
            (None, Some(id)) => Self::CreatedId(created, id),
            (None, None) => Self::None,
        }
    }

    /// The key as the executor takes it.
    ///
    /// # Errors
    /// A request that cannot be written as JSON, which no request type can cause.
    pub fn for_request<B: Serialize>(
        self,
        context: &RequestContext,
        request: &B,
    ) -> Result<Option<IdempotencyKey>, Problem> {
        let caller = context.caller.scope();
        let hash = || request_hash(context, request);
        Ok(match self {
            Self::Header(KeyText(key)) => {
                Some(IdempotencyKey::new(format!("key/{caller}"), key, hash()?))
            }
            Self::CreatedId(kind, id) => {
                let scope = format!("id/{caller}");
                Some(IdempotencyKey::of_begun(kind, id, scope, hash()?))
            }
            Self::None => None,
        })
    }
}

/// What stands for a request that says something personal where it is hashed: a hash under the deployment's
/// master key. It is the same on every node; under another master key, a request that is sent again is
/// another one.
#[derive(Debug, Serialize)]
pub struct Concealed(String);

impl Concealed {
    /// Stands for this request.
    ///
    /// # Errors
    /// A request that cannot be written as JSON, which no request type can cause.
    pub fn of<B: Serialize>(identities: &Identities, request: &B) -> Result<Self, Problem> {
        let text = serde_json::to_string(request).map_err(|error| Problem::internal(&error))?;
        Ok(Self(
            identities.keyed_hash("request", &Zeroizing::new(text)),
        ))
    }
}

fn request_hash<B: Serialize>(context: &RequestContext, request: &B) -> Result<[u8; 32], Problem> {
    let mut hash = HashWriter(Sha256::new());
    for part in [context.method.as_str(), context.uri.path()] {
        hash.0.update(part.as_bytes());
        hash.0.update([0]);
    }
    serde_json::to_writer(&mut hash, request).map_err(|error| Problem::internal(&error))?;
    Ok(hash.0.finalize().into())
}

struct HashWriter(Sha256);

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
