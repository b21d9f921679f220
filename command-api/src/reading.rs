//! What all queries of read models have in common: how fresh they must be, and where a list goes on.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_core::{AccountId, LedgerName, Position, Timestamp};
use poem::http::Uri;
use poem_openapi::registry::MetaSchema;
use projections::ReadModelName;
use projections::queries::PageRequest;
use projections::queries::accounts::RecordedUntil;
use projections::queries::payments::OutsideKey;
use projections::queries::statements::{EntryKey, StatementKey};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::parameters::{Incomplete, Parameter, ParameterSource};
use crate::problem::{FieldCode, FieldFault, Problem};
use crate::representation::position::PositionNumber;
use crate::services::Services;

const DEFAULT_WAIT_MS: u64 = 2_000;
const MAX_WAIT_MS: u64 = 10_000;
const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 1_000;
const MAX_CURSOR_LENGTH: usize = 512;

/// Bytes of a cursor that tie it to its list.
const FINGERPRINT_LENGTH: usize = 8;

/// How fresh an answer must be.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    min_position: Option<Position>,
    wait: Duration,
}

impl Freshness {
    /// Asks for the parameters.
    ///
    /// # Errors
    /// [`Incomplete`].
    pub fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let min_position = from.query::<PositionNumber>(
            "min_position",
            "The answer must be true at this position or later: pass a command's `position` to see its effect.",
        );
        let wait = from.query::<WaitMs>(
            "wait_ms",
            "How long to wait for `min_position`, in milliseconds, before answering `position_not_reached`; 2000 when absent.",
        );
        Ok(Self {
            min_position: min_position?.map(|position| position.0),
            wait: Duration::from_millis(wait?.map_or(DEFAULT_WAIT_MS, |wait| wait.0)),
        })
    }
}

impl Freshness {
    /// No less fresh than this position, either.
    #[must_use]
    pub fn at_least(self, position: Position) -> Self {
        Self {
            min_position: self.min_position.max(Some(position)),
            ..self
        }
    }

    /// Fresh enough to tell what was known at a cut of the log.
    #[must_use]
    pub fn for_cut(self, cut: RecordedUntil) -> Self {
        match cut {
            // The position asked for must have been folded, or the answer would miss events.
            RecordedUntil::Position(position) => self.at_least(position),
            RecordedUntil::Now | RecordedUntil::Time(_) => self,
        }
    }
}

impl Services {
    /// Waits until the read models are as fresh as the caller asks.
    ///
    /// # Errors
    /// `position_unknown`, `position_not_reached`, `ledger_not_found`.
    pub async fn wait_for(
        &self,
        freshness: Freshness,
        ledger: LedgerName,
        read_models: &[ReadModelName],
    ) -> Result<(), Problem> {
        let Some(position) = freshness.min_position else {
            return Ok(());
        };
        self.queries
            .wait_for(ledger, read_models, position, freshness.wait)
            .await?;
        Ok(())
    }
}

/// Asks for the cut of the log as of which something is told.
///
/// # Errors
/// [`Incomplete`], also when a time and a position are given together.
pub fn recorded_until(from: &mut ParameterSource<'_>) -> Result<RecordedUntil, Incomplete> {
    let recorded_at = from.query::<Timestamp>(
        "recorded_at",
        "As it was known at this time; not together with `position`.",
    );
    let position = from.query::<PositionNumber>(
        "position",
        "As it was known at this position; not together with `recorded_at`.",
    );
    match (recorded_at?, position?) {
        (None, None) => Ok(RecordedUntil::Now),
        (Some(time), None) => Ok(RecordedUntil::Time(time)),
        (None, Some(position)) => Ok(RecordedUntil::Position(position.0)),
        (Some(_), Some(_)) => {
            let rule = "may not be given together with recorded_at";
            let fault = FieldFault::new(FieldCode::ConflictingFields, rule);
            Err(from.refuse("position", fault))
        }
    }
}

/// Asks up to when things must count to be told.
///
/// # Errors
/// [`Incomplete`].
pub fn effective_at(from: &mut ParameterSource<'_>) -> Result<Option<Timestamp>, Incomplete> {
    from.query(
        "effective_at",
        "Only what counts at or before this time; everything when absent.",
    )
}

/// Which part of a list is asked for.
#[derive(Debug)]
pub struct Paging {
    limit: i64,
    cursor: Option<CursorText>,
}

impl Paging {
    /// The beginning of a list.
    #[must_use]
    pub const fn first<K>(limit: i64) -> PageRequest<K> {
        PageRequest { after: None, limit }
    }

    /// Asks for the parameters.
    ///
    /// # Errors
    /// [`Incomplete`].
    pub fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let limit = limit(from);
        let cursor = from.query::<CursorText>(
            "cursor",
            "The `next_cursor` of the page before; good only with the same filters.",
        );
        Ok(Self {
            limit: limit?,
            cursor: cursor?,
        })
    }

    /// The part as the read models take it.
    ///
    /// # Errors
    /// `invalid_request` with `invalid_cursor` when the cursor is not one of this list.
    pub fn request<K: CursorKey>(&self, list: &ListIdentity) -> Result<PageRequest<K>, Problem> {
        let after = match &self.cursor {
            Some(cursor) => Some(list.key_of(&cursor.0).ok_or_else(|| {
                let fault = FieldFault::new(
                    FieldCode::InvalidCursor,
                    "is not a cursor of this list with these filters",
                );
                Problem::invalid_request(vec![fault.at_parameter("cursor")])
            })?),
            None => None,
        };
        Ok(PageRequest {
            after,
            limit: self.limit,
        })
    }
}

/// Asks how long to wait for something to happen, in milliseconds; two seconds when absent.
///
/// # Errors
/// [`Incomplete`].
pub fn wait(
    from: &mut ParameterSource<'_>,
    description: &'static str,
) -> Result<Duration, Incomplete> {
    let wait = from.query::<WaitMs>("wait_ms", description);
    Ok(Duration::from_millis(
        wait?.map_or(DEFAULT_WAIT_MS, |wait| wait.0),
    ))
}

/// Asks how many items an answer may have.
///
/// # Errors
/// [`Incomplete`].
pub fn limit(from: &mut ParameterSource<'_>) -> Result<i64, Incomplete> {
    let limit = from.query::<Limit>("limit", "The most items in the answer; 50 when absent.");
    Ok(limit?.map_or(DEFAULT_LIMIT, |limit| limit.0))
}

/// What a list's cursors can say.
pub trait CursorKey: Sized {
    /// The key as text.
    fn to_text(&self) -> String;
    /// The text as key.
    fn of_text(text: &str) -> Option<Self>;
}

impl CursorKey for Position {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn of_text(text: &str) -> Option<Self> {
        Self::try_new(text.parse().ok()?)
    }
}

impl CursorKey for OutsideKey {
    fn to_text(&self) -> String {
        format!("{}/{}", self.position, self.id)
    }

    fn of_text(text: &str) -> Option<Self> {
        let (position, id) = text.split_once('/')?;
        Some(Self {
            position: Position::of_text(position)?,
            id: uuid::Uuid::try_parse(id).ok()?,
        })
    }
}

impl CursorKey for AccountId {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl CursorKey for EntryKey {
    fn to_text(&self) -> String {
        format!("{} {}", self.time, self.entry_number)
    }

    fn of_text(text: &str) -> Option<Self> {
        let (time, entry_number) = text.split_once(' ')?;
        Some(Self {
            time: time.parse::<Timestamp>().ok()?,
            entry_number: entry_number.parse().ok()?,
        })
    }
}

impl CursorKey for StatementKey {
    fn to_text(&self) -> String {
        format!("{} {}", self.known, self.entry.to_text())
    }

    fn of_text(text: &str) -> Option<Self> {
        let (known, entry) = text.split_once(' ')?;
        Some(Self {
            entry: EntryKey::of_text(entry)?,
            known: Position::of_text(known)?,
        })
    }
}

/// A list and its filters: what a cursor belongs to.
#[derive(Debug, Clone)]
pub struct ListIdentity {
    fingerprint: [u8; FINGERPRINT_LENGTH],
}

impl ListIdentity {
    /// The list that a request asks for: its path and its filters.
    #[must_use]
    pub fn of(uri: &Uri) -> Self {
        // These say which part of the list is asked for and how fresh, not which list.
        const PART: [&str; 4] = ["cursor", "limit", "min_position", "wait_ms"];
        let query = uri.query().unwrap_or_default();
        let mut filters: Vec<&str> = query
            .split('&')
            .filter(|pair| {
                let name = pair.split('=').next().unwrap_or_default();
                !pair.is_empty() && !PART.contains(&name)
            })
            .collect();
        filters.sort_unstable();
        Self::named(&format!("{}?{}", uri.path(), filters.join("&")))
    }

    /// A list by a name that says all of its filters.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let digest = Sha256::digest(name.as_bytes());
        let mut fingerprint = [0; FINGERPRINT_LENGTH];
        for (byte, source) in fingerprint.iter_mut().zip(digest.iter()) {
            *byte = *source;
        }
        Self { fingerprint }
    }

    /// The cursor after a key.
    #[must_use]
    pub fn cursor_after<K: CursorKey>(&self, key: &K) -> String {
        let mut bytes = self.fingerprint.to_vec();
        bytes.extend_from_slice(key.to_text().as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn key_of<K: CursorKey>(&self, cursor: &str) -> Option<K> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let key = bytes.strip_prefix(&self.fingerprint)?;
        K::of_text(std::str::from_utf8(key).ok()?)
    }
}

#[derive(Debug)]
struct CursorText(String);

impl Parameter for CursorText {
    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some("^[A-Za-z0-9_-]+$".to_owned()),
            max_length: Some(MAX_CURSOR_LENGTH),
            ..MetaSchema::new("string")
        }
    }

    fn read(text: &str) -> Result<Self, FieldFault> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=MAX_CURSOR_LENGTH).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(FieldFault::new(FieldCode::InvalidCursor, "is not a cursor"))
    }
}

/// Makes a parameter of a bounded whole number.
macro_rules! bounded_parameter {
    ($name:ident, $number:ty, $least:expr, $most:expr, $schema_least:literal, $schema_most:literal, $default:expr) => {
        #[derive(Debug)]
        struct $name($number);

        impl Parameter for $name {
            fn schema() -> MetaSchema {
                MetaSchema {
                    minimum: Some($schema_least),
                    maximum: Some($schema_most),
                    default: Some(Value::from($default)),
                    ..MetaSchema::new("integer")
                }
            }

            fn read(text: &str) -> Result<Self, FieldFault> {
                if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
                    let fault = "must be a whole number";
                    return Err(FieldFault::new(FieldCode::InvalidFormat, fault));
                }
                match text.parse() {
                    Ok(number) if ($least..=$most).contains(&number) => Ok(Self(number)),
                    Ok(_) | Err(_) => Err(FieldFault::new(
                        FieldCode::OutOfRange,
                        format!("must be from {} to {}", $least, $most),
                    )),
                }
            }
        }
    };
}

bounded_parameter!(Limit, i64, 1, MAX_LIMIT, 1.0, 1000.0, DEFAULT_LIMIT);
bounded_parameter!(WaitMs, u64, 0, MAX_WAIT_MS, 0.0, 10_000.0, DEFAULT_WAIT_MS);

#[cfg(test)]
mod tests {
    use super::*;

    fn list(uri: &str) -> ListIdentity {
        ListIdentity::of(&uri.parse().unwrap())
    }

    #[test]
    fn a_cursor_belongs_to_its_list_and_filters_and_to_no_other() {
        let here = list("/v1/ledgers/main/wallets?owner=a&status=open&limit=5");
        let cursor = here.cursor_after(&Position::START.plus(42));
        for same in [
            "/v1/ledgers/main/wallets?status=open&owner=a",
            "/v1/ledgers/main/wallets?status=open&owner=a&limit=9&min_position=3&wait_ms=1&cursor=x",
        ] {
            assert_eq!(list(same).key_of(&cursor), Some(Position::START.plus(42)));
        }
        for other in [
            "/v1/ledgers/main/wallets?owner=b&status=open",
            "/v1/ledgers/main/wallets",
            "/v1/ledgers/other/wallets?owner=a&status=open",
            "/v1/ledgers/main/holds?owner=a&status=open",
        ] {
            assert_eq!(list(other).key_of::<Position>(&cursor), None, "{other}");
        }
        let mut tampered = cursor.clone();
        tampered.insert(3, 'A');
        for bad in ["", "A", "!!!!", &tampered] {
            assert_eq!(here.key_of::<Position>(bad), None, "{bad}");
        }
        assert_eq!(here.key_of::<AccountId>(&cursor), None);
    }

    #[test]
    fn keys_come_back_from_cursors() {
        let here = list("/x");
        let account: AccountId = "system:cash:INR".parse().unwrap();
        assert_eq!(here.key_of(&here.cursor_after(&account)), Some(account));
        let entry = EntryKey {
            time: "2026-01-31T12:00:00.000001Z".parse().unwrap(),
            entry_number: 7,
        };
        assert_eq!(here.key_of(&here.cursor_after(&entry)), Some(entry));
        let known = Position::START.plus(9);
        let page = StatementKey { entry, known };
        assert_eq!(here.key_of(&here.cursor_after(&page)), Some(page));
    }
}
