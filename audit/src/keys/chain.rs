//! How keys follow each other: by records, each a note that the key before has signed.
//!
//! A record that an auditor has kept counts before those that come with an export: whoever has stolen a key can sign
//! another record with it, but cannot take away one that somebody keeps.

use super::{PublicKey, ReadNote, Signed};

/// The first line of a key's record.
const RECORD: &str = "daybook checkpoint key 1";

/// That a key is followed by another.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRecord {
    /// The size of the tree from which only the new key signs; at this size both may.
    pub after: u64,
    /// The new key.
    pub key: PublicKey,
}

impl KeyRecord {
    /// The text that the key before signs.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { after, key } = self;
        format!("{RECORD}\n{}\n{after}\n{key}\n", key.origin())
    }

    /// Reads the text of a note; `None` when it is no record.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let read = std::str::from_utf8(text).ok()?;
        let mut lines = read.lines();
        if lines.next()? != RECORD {
            return None;
        }
        let _origin = lines.next()?;
        let record = Self {
            after: lines.next()?.parse().ok()?,
            key: lines.next()?.parse().ok()?,
        };
        // Nothing else, and written in no other way.
        (record.text() == read).then_some(record)
    }
}

/// A record with its signatures, which are not checked yet.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedRecord {
    /// What it says.
    pub record: KeyRecord,
    /// The note.
    pub note: ReadNote,
}

impl SignedRecord {
    /// Reads a note; `None` when it is no record.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let note = ReadNote::read(bytes).ok()?;
        let record = KeyRecord::read(&note.text)?;
        Some(Self { record, note })
    }

    /// Whether `key` says here which key follows it.
    fn is_by(&self, key: &PublicKey) -> bool {
        self.record.key.origin() == key.origin() && key.has_signed(&self.note) == Signed::Yes
    }
}

/// Keys of a log, each with the size from which the next one counts alone.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyChain {
    keys: Vec<(PublicKey, Option<u64>)>,
    /// Keys that have signed records which differ.
    torn: Vec<PublicKey>,
    /// Kept records that no trusted key has signed.
    stray: Vec<KeyRecord>,
}

/// What a key's signature on a checkpoint is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureFault {
    /// No key that is known has signed it.
    Unknown,
    /// A known key's signature is wrong.
    Wrong,
    /// It is signed by a key after which another one counts alone.
    Retired,
}

impl KeyChain {
    /// The keys that are trusted (one that is given twice is one), and all that follow them by the records. A record
    /// that no trusted key has signed is left out.
    #[must_use]
    pub fn new(trusted: Vec<PublicKey>, records: &[SignedRecord]) -> Self {
        Self::with_kept(trusted, &[], records)
    }

    /// The same with records that the asking side has `kept`: where a key has signed one of those, what is `shown`
    /// does not say which key follows it. Of several the one with the smallest size counts, then the one whose key
    /// is written first in order of bytes.
    #[must_use]
    pub fn with_kept(
        trusted: Vec<PublicKey>,
        kept: &[SignedRecord],
        shown: &[SignedRecord],
    ) -> Self {
        let mut keys: Vec<(PublicKey, Option<u64>)> = Vec::new();
        for key in trusted {
            if keys.iter().all(|(known, _)| *known != key) {
                keys.push((key, None));
            }
        }
        let (mut torn, mut next) = (Vec::new(), 0);
        while let Some((key, _)) = keys.get(next).cloned() {
            let by_key = |records: &'_ [SignedRecord]| -> Vec<KeyRecord> {
                let signed = records.iter().filter(|signed| signed.is_by(&key));
                signed.map(|signed| signed.record.clone()).collect()
            };
            let (kept, shown) = (by_key(kept), by_key(shown));
            let first = |records: &[KeyRecord]| {
                let order = |record: &&KeyRecord| (record.after, record.key.to_string());
                records.iter().min_by_key(order).cloned()
            };
            if let Some(following) = first(&kept).or_else(|| first(&shown)) {
                if kept.iter().chain(&shown).any(|other| *other != following) {
                    torn.push(key);
                }
                keys[next].1 = Some(following.after);
                if keys.iter().all(|(known, _)| *known != following.key) {
                    keys.push((following.key, None));
                }
            }
            next += 1;
        }
        let is_stray = |signed: &&SignedRecord| !keys.iter().any(|(key, _)| signed.is_by(key));
        let stray = kept.iter().filter(is_stray);
        let stray = stray.map(|signed| signed.record.clone()).collect();
        Self { keys, torn, stray }
    }

    /// Checks who signed the checkpoint of a tree of `size` leaves.
    ///
    /// # Errors
    /// [`SignatureFault`].
    pub fn check(&self, note: &ReadNote, size: u64) -> Result<&PublicKey, SignatureFault> {
        let mut found = Err(SignatureFault::Unknown);
        for (key, until) in &self.keys {
            match key.has_signed(note) {
                Signed::Not => {}
                Signed::Wrongly => return Err(SignatureFault::Wrong),
                Signed::Yes if found.is_ok() => {}
                Signed::Yes if until.is_some_and(|until| size > until) => {
                    found = Err(SignatureFault::Retired);
                }
                Signed::Yes => found = Ok(key),
            }
        }
        found
    }

    /// The keys, in the order in which they are trusted.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter().map(|(key, _)| key)
    }

    /// Trusted keys of a log after which no other one counts. There is one where all that is known fits together;
    /// of several, all but one may have been replaced, and nothing here says from which size.
    pub fn unended<'c>(&'c self, origin: &'c str) -> impl Iterator<Item = &'c PublicKey> {
        let unended = self.keys.iter().filter(|(_, until)| until.is_none());
        unended
            .map(|(key, _)| key)
            .filter(move |key| key.origin() == origin)
    }

    /// Trusted keys that have signed records which differ: whoever holds them has said two things.
    #[must_use]
    pub fn torn(&self) -> &[PublicKey] {
        &self.torn
    }

    /// Kept records of a log that no trusted key has signed.
    pub fn stray<'c>(&'c self, origin: &'c str) -> impl Iterator<Item = &'c KeyRecord> {
        let stray = self.stray.iter();
        stray.filter(move |record| record.key.origin() == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::LogKey;

    const ORIGIN: &str = "daybook.example/main";

    fn key() -> LogKey {
        LogKey::generate(ORIGIN).unwrap()
    }

    fn public(key: &LogKey) -> PublicKey {
        key.verifier_key().parse().unwrap()
    }

    fn note(key: &LogKey, text: &str) -> ReadNote {
        ReadNote::read(key.sign(text.as_bytes()).unwrap().as_bytes()).unwrap()
    }

    fn record(old: &LogKey, new: &LogKey, after: u64) -> SignedRecord {
        let record = KeyRecord {
            after,
            key: public(new),
        };
        let signed = old.sign(record.text().as_bytes()).unwrap();
        let read = SignedRecord::read(signed.as_bytes()).unwrap();
        assert_eq!(read.record, record);
        read
    }

    fn at(chain: &KeyChain, key: &LogKey, size: u64) -> Result<(), SignatureFault> {
        chain.check(&note(key, "x\n"), size).map(|_| ())
    }

    #[test]
    fn keys_follow_each_other_by_records() {
        let (first, second, third) = (key(), key(), key());
        let records = [record(&first, &second, 5), record(&second, &third, 9)];
        let chain = KeyChain::new(vec![public(&first)], &records);
        assert_eq!(chain.keys().count(), 3);
        assert_eq!(at(&chain, &first, 5), Ok(()));
        assert_eq!(at(&chain, &first, 6), Err(SignatureFault::Retired));
        assert_eq!(at(&chain, &second, 6), Ok(()));
        assert_eq!(at(&chain, &second, 10), Err(SignatureFault::Retired));
        assert_eq!(at(&chain, &third, 10), Ok(()));
        assert_eq!(at(&chain, &key(), 1), Err(SignatureFault::Unknown));
        assert!(chain.unended(ORIGIN).eq([&public(&third)]));
        assert!(chain.torn().is_empty());
        // Whoever trusts a later key knows nothing of earlier ones.
        let late = KeyChain::new(vec![public(&third)], &records);
        assert_eq!(at(&late, &first, 1), Err(SignatureFault::Unknown));
        // A record that somebody else signed introduces nobody.
        let forged = [record(&key(), &second, 5)];
        let chain = KeyChain::new(vec![public(&first)], &forged);
        assert_eq!(chain.keys().count(), 1);
        // When it was kept, something is missing between the two.
        let chain = KeyChain::with_kept(vec![public(&first)], &forged, &[]);
        assert!(chain.stray(ORIGIN).eq([&forged[0].record]));
        assert_eq!(chain.stray("another/log").count(), 0);
    }

    #[test]
    fn a_kept_record_outweighs_what_a_stolen_key_signs() {
        let (first, second, thief) = (key(), key(), key());
        let kept = [record(&first, &second, 5)];
        let forged = [record(&first, &thief, 0)];
        // Without the record, whoever has the key has the log.
        let blind = KeyChain::new(vec![public(&first)], &[]);
        assert_eq!(at(&blind, &first, 6), Ok(()));
        let deceived = KeyChain::new(vec![public(&first)], &forged);
        assert_eq!(at(&deceived, &thief, 6), Ok(()));
        for shown in [&[][..], &forged] {
            let chain = KeyChain::with_kept(vec![public(&first)], &kept, shown);
            assert_eq!(at(&chain, &first, 6), Err(SignatureFault::Retired));
            assert_eq!(at(&chain, &thief, 6), Err(SignatureFault::Unknown));
            assert_eq!(at(&chain, &second, 6), Ok(()));
            assert_eq!(chain.torn().len(), shown.len());
        }
        // Both shown: the earlier end counts, and that there are two is told.
        let both = [kept[0].clone(), forged[0].clone()];
        let chain = KeyChain::new(vec![public(&first)], &both);
        assert_eq!(chain.torn(), [public(&first)]);
        assert_eq!(at(&chain, &first, 1), Err(SignatureFault::Retired));
        // The same record twice is one.
        let twice = KeyChain::with_kept(vec![public(&first)], &kept, &kept);
        assert!(twice.torn().is_empty());
    }

    #[test]
    fn two_keys_that_nothing_joins_are_both_without_an_end() {
        let (first, second) = (key(), key());
        let given = || vec![public(&first), public(&second)];
        assert_eq!(KeyChain::new(given(), &[]).unended(ORIGIN).count(), 2);
        let twice = KeyChain::new(vec![public(&first), public(&first)], &[]);
        assert!(twice.unended(ORIGIN).eq([&public(&first)]));
        let joined = KeyChain::new(given(), &[record(&first, &second, 5)]);
        assert!(joined.unended(ORIGIN).eq([&public(&second)]));
    }
}
