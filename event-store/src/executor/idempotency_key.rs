//! A caller's key for one intent: what it is known by, and the stream that may keep it.
//!
//! **Kept by a stream.** Where the key is the id of the one thing that the request begins, the first
//! place of that thing's stream is the guard, and the metadata of the event there tells whose request
//! it was and which ([`IdempotencyKey::mark`]): a transfer then costs a single row. Everything else
//! (keys of the caller's own making, batches, reverts, changes) is kept by a row of
//! `daybook.idempotency`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ledger_core::{AggregateType, ProviderName, Stream};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Bytes of a hash in a mark: a multiple of three, so that its base64 is not padded.
const MARKED: usize = 18;

/// Characters of a hash in a mark.
const MARKED_CHARACTERS: usize = MARKED / 3 * 4;

/// What a key is known by: the SHA-256 of kind, scope and key, as much of it as is kept. Remembering one
/// costs no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeyName([u8; MARKED]);

impl KeyName {
    fn new(kind: &str, scope: &str, key: &str) -> Self {
        let mut digest = Sha256::new();
        // UTF-8 has no byte 0xff, so no two keys have the same text.
        for part in [kind, scope] {
            digest.update(part);
            digest.update([0xff]);
        }
        digest.update(key);
        Self(kept(&digest.finalize()))
    }
}

/// The first bytes of a hash.
fn kept(hash: &[u8]) -> [u8; MARKED] {
    let mut kept = [0; MARKED];
    for (to, from) in kept.iter_mut().zip(hash) {
        *to = *from;
    }
    kept
}

/// The hash of a request: as much of it as is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestHash([u8; MARKED]);

impl RequestHash {
    /// As it stands in a row; `None` when that is too short to be one.
    pub(super) fn of_row(bytes: &[u8]) -> Option<Self> {
        bytes.get(..MARKED).map(|bytes| Self(kept(bytes)))
    }
}

/// A caller's key for one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Who uses the key.
    scope: String,
    key: String,
    request_hash: [u8; 32],
    name: KeyName,
    begun: Option<Begun>,
}

/// The one thing whose id is the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) kind: AggregateType,
    pub(super) id: Uuid,
}

impl IdempotencyKey {
    /// A key, 1 to 255 characters. Keys of different scopes never meet. `request_hash` is the SHA-256
    /// of what is asked, so that another request under the same key is noticed.
    #[must_use]
    pub fn new(scope: String, key: String, request_hash: [u8; 32]) -> Self {
        Self {
            name: KeyName::new("", &scope, &key),
            scope,
            key,
            request_hash,
            begun: None,
        }
    }

    /// The id of the one thing that the request begins, as its key. Things of different kinds have
    /// different keys, whatever their ids.
    #[must_use]
    pub fn of_begun(kind: AggregateType, id: Uuid, scope: String, request_hash: [u8; 32]) -> Self {
        let key = id.to_string();
        Self {
            name: KeyName::new(kind.as_str(), &scope, &key),
            scope,
            key,
            request_hash,
            begun: Some(Begun { kind, id }),
        }
    }

    /// A provider's event: its own id of it is the key, in the provider's own scope
    /// (`provider/<name>`), so that an event that is delivered again takes effect once.
    ///
    /// The same event may be delivered in other bytes (signed anew, its fields in another order), so
    /// only its id is compared. An id of more than 255 characters is replaced by its SHA-256.
    #[must_use]
    pub fn of_provider_event(provider: ProviderName, event: &str) -> Self {
        Self::of_scope(format!("provider/{provider}"), event)
    }

    /// A command of a process manager, which gives the same key to the same intent however often it
    /// runs (`process/<name>`).
    #[must_use]
    pub fn of_process(process: &str, intent: &str) -> Self {
        Self::of_scope(format!("process/{process}"), intent)
    }

    fn of_scope(scope: String, key: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(key).into();
        let key = if (1..=255).contains(&key.chars().count()) {
            key.to_owned()
        } else {
            hash.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        Self::new(scope, key, hash)
    }

    /// Who uses the key: callers, webhooks and process managers have scopes of their own.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The SHA-256 of what is asked.
    #[must_use]
    pub const fn request_hash(&self) -> &[u8; 32] {
        &self.request_hash
    }

    pub(super) const fn name(&self) -> KeyName {
        self.name
    }

    pub(super) const fn begun(&self) -> Option<Begun> {
        self.begun
    }

    /// Whether the key is the id of this stream.
    pub(super) fn is_id_of(&self, stream: &Stream) -> bool {
        self.begun.is_some_and(|begun| {
            begun.kind == stream.aggregate_type() && Some(begun.id) == stream.id()
        })
    }

    /// The hash of what is asked.
    pub(super) fn request(&self) -> RequestHash {
        RequestHash(kept(&self.request_hash))
    }

    /// The first part of the mark: whose key it is.
    fn mark_of_name(&self) -> String {
        let mut mark = String::with_capacity(2 * MARKED_CHARACTERS);
        BASE64.encode_string(self.name.0, &mut mark);
        mark
    }

    /// What the metadata of the event that keeps the key says: 18 bytes of the key's SHA-256 and 18 of
    /// the request's, in base64.
    pub(super) fn mark(&self) -> String {
        let mut mark = self.mark_of_name();
        BASE64.encode_string(self.request().0, &mut mark);
        mark
    }

    /// The request that a mark is of; `None` when it is not one of this key.
    pub(super) fn request_in(&self, mark: &str) -> Option<RequestHash> {
        let request = mark.strip_prefix(&self.mark_of_name())?;
        RequestHash::of_row(&BASE64.decode(request).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(scope: &str, key: &str) -> KeyName {
        IdempotencyKey::new(scope.to_owned(), key.to_owned(), [0; 32]).name()
    }

    fn of_transaction(id: Uuid) -> IdempotencyKey {
        IdempotencyKey::of_begun(
            AggregateType::Transaction,
            id,
            "id/tests".to_owned(),
            [3; 32],
        )
    }

    #[test]
    fn scope_and_key_do_not_run_into_each_other() {
        assert_ne!(name("ab", "c"), name("a", "bc"));
        assert_ne!(name("", "abc"), name("abc", ""));
        assert_eq!(name("a", "b"), name("a", "b"));
        let wallet = IdempotencyKey::of_begun(
            AggregateType::Wallet,
            Uuid::nil(),
            "id/tests".to_owned(),
            [3; 32],
        );
        assert_ne!(wallet.name(), of_transaction(Uuid::nil()).name());
    }

    #[test]
    fn events_of_providers_and_intents_of_processes_never_meet() {
        let provider = |name: &str| name.parse().unwrap();
        let event = IdempotencyKey::of_provider_event(provider("razorpay"), "evt_1");
        let process = IdempotencyKey::of_process("razorpay", "evt_1");
        let other = IdempotencyKey::of_provider_event(provider("stripe"), "evt_1");
        assert_eq!((event.scope(), event.key()), ("provider/razorpay", "evt_1"));
        assert_eq!(process.scope(), "process/razorpay");
        assert_ne!(event.name(), process.name());
        assert_ne!(event.name(), other.name());
        assert_eq!(
            event,
            IdempotencyKey::of_provider_event(provider("razorpay"), "evt_1")
        );
    }

    #[test]
    fn an_event_id_of_any_length_is_a_key() {
        let long = "x".repeat(4_000);
        let key = IdempotencyKey::of_process("payouts", &long);
        assert_eq!(key.key().len(), 64);
        assert_ne!(
            key,
            IdempotencyKey::of_process("payouts", &"x".repeat(4_001))
        );
        assert_eq!(IdempotencyKey::of_process("payouts", "").key().len(), 64);
    }

    /// Marks are in the log: another function would not find what was written before.
    #[test]
    fn marks_never_change() {
        // From `printf 'transaction\xffid/tests\xff00000000-0000-0000-0000-000000000000' | sha256sum |
        // head -c 36 | xxd -r -p | base64`, and of 18 bytes 3.
        assert_eq!(
            of_transaction(Uuid::nil()).mark(),
            "+AWqafD7dDYYm42Q9pGiV9oMAwMDAwMDAwMDAwMDAwMDAwMD"
        );
    }

    #[test]
    fn a_mark_is_read_by_its_own_key_only() {
        let (one, other) = (of_transaction(Uuid::nil()), of_transaction(Uuid::max()));
        assert_eq!(one.request_in(&one.mark()), Some(one.request()));
        assert_eq!(other.request_in(&one.mark()), None);
        assert_eq!(one.request_in(&one.mark_of_name()), None);
        assert_eq!(one.request_in(""), None);
    }
}
