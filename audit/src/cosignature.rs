//! Cosignatures: what witnesses say of checkpoints (C2SP tlog-cosignature, its Ed25519 form `cosignature/v1`).
//!
//! A cosignature says that at a time, the tree of this checkpoint was the largest that the witness had seen of the
//! log, and that it begins with every tree that the witness had seen before. Whoever trusts enough witnesses needs no
//! checkpoint of their own to know that nobody was shown another history.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use signed_note::{is_key_name_valid, key_id};

use crate::keys::ReadNote;

/// The byte that stands for Ed25519 cosignatures in keys of notes.
const COSIGNATURE_V1: u8 = 4;
/// Bytes of the time before the signature.
const TIME_BYTES: usize = 8;

/// Why a text is no key of a witness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no key of a witness: <name>+<8 hexadecimal digits>+<base64>, of the type 4")]
pub struct WitnessKeyError(String);

/// The public key of a witness.
#[derive(Clone)]
pub struct WitnessKey {
    text: String,
    name: String,
    id: u32,
    key: VerifyingKey,
}

/// Whether a witness has cosigned a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cosigned {
    /// It has, at this time in seconds since 1970.
    At(u64),
    /// There is no signature of its name and id.
    Not,
    /// There are some, all of them wrong.
    Wrongly,
}

impl WitnessKey {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the witness has cosigned the checkpoint of a note.
    #[must_use]
    pub fn has_cosigned(&self, note: &ReadNote) -> Cosigned {
        let mut cosigned = Cosigned::Not;
        for (name, id, signature) in &note.signatures {
            if *name != self.name || *id != self.id {
                continue;
            }
            match self.time_of(&note.text, signature) {
                Some(time) => return Cosigned::At(time),
                None => cosigned = Cosigned::Wrongly,
            }
        }
        cosigned
    }

    /// The signature lines of this witness that are right for a checkpoint, of what it has answered.
    #[must_use]
    pub fn lines_of(&self, text: &[u8], answer: &[u8]) -> String {
        let answer = std::str::from_utf8(answer).unwrap_or_default();
        let lines = answer.lines().filter(|line| {
            signed_note::Signature::from_bytes(line.as_bytes()).is_ok_and(|signature| {
                signature.name() == self.name
                    && signature.id() == self.id
                    && self.time_of(text, signature.signature()).is_some()
            })
        });
        lines.take(1).map(|line| format!("{line}\n")).collect()
    }

    /// The time of a cosignature, if it is right: eight bytes, and a signature of that time and the checkpoint.
    fn time_of(&self, text: &[u8], signature: &[u8]) -> Option<u64> {
        let (time, signature) = signature.split_first_chunk::<TIME_BYTES>()?;
        let time = u64::from_be_bytes(*time);
        i64::try_from(time).ok()?;
        let signature = Signature::from_slice(signature).ok()?;
        let signed = message(time, text);
        self.key.verify(&signed, &signature).is_ok().then_some(time)
    }
}

/// What a witness signs.
#[must_use]
pub fn message(time: u64, text: &[u8]) -> Vec<u8> {
    let mut message = format!("cosignature/v1\ntime {time}\n").into_bytes();
    message.extend_from_slice(text);
    message
}

impl FromStr for WitnessKey {
    type Err = WitnessKeyError;

    fn from_str(text: &str) -> Result<Self, WitnessKeyError> {
        let read = || {
            // Neither name nor id has a plus; the key after them may.
            let mut parts = text.splitn(3, '+');
            let (name, id) = (parts.next()?, parts.next()?);
            let bytes = STANDARD.decode(parts.next()?).ok()?;
            let (kind, key) = bytes.split_first()?;
            let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
            let known = key_id(name, &bytes);
            let is_right = *kind == COSIGNATURE_V1
                && is_key_name_valid(name)
                && !name.chars().any(char::is_control)
                && id == format!("{known:08x}");
            is_right.then(|| Self {
                text: text.to_owned(),
                name: name.to_owned(),
                id: known,
                key,
            })
        };
        read().ok_or_else(|| WitnessKeyError(text.to_owned()))
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for WitnessKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;

    /// The example of C2SP tlog-cosignature: a checkpoint with the signature of its log and of a witness.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

    fn key(name: &str, public: &VerifyingKey, kind: u8) -> String {
        let bytes = [&[kind][..], public.as_bytes()].concat();
        let id = key_id(name, &bytes);
        format!("{name}+{id:08x}+{}", STANDARD.encode(bytes))
    }

    fn signer() -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&[7; 32])
    }

    fn line(name: &str, time: u64, text: &[u8]) -> String {
        use ed25519_dalek::Signer;
        let signer = signer();
        let signature = signer.sign(&message(time, text)).to_bytes();
        let bytes = [&[4][..], signer.verifying_key().as_bytes()].concat();
        let id = key_id(name, &bytes).to_be_bytes();
        let all = [&id[..], &time.to_be_bytes(), &signature].concat();
        format!("\u{2014} {name} {}\n", STANDARD.encode(all))
    }

    #[test]
    fn a_cosignature_is_of_a_witness_a_time_and_a_checkpoint() {
        let checkpoint = Checkpoint::read(EXAMPLE.as_bytes()).unwrap();
        // The time in the example is the one its text shows.
        let (name, _, signature) = &checkpoint.note.signatures[1];
        assert_eq!(name, "witness.example.com/w1");
        assert_eq!(signature[..8], 1_679_315_147_u64.to_be_bytes());
        let public = signer().verifying_key();
        let witness: WitnessKey = key("w.example/1", &public, 4).parse().unwrap();
        assert_eq!(witness.has_cosigned(&checkpoint.note), Cosigned::Not);
        let cosigned = |line: &str| {
            let note = ReadNote::read(format!("{EXAMPLE}{line}").as_bytes()).unwrap();
            witness.has_cosigned(&note)
        };
        let text = &checkpoint.note.text;
        let right = line("w.example/1", 1_700_000_000, text);
        assert_eq!(cosigned(&right), Cosigned::At(1_700_000_000));
        assert_eq!(cosigned(&line("w.example/2", 1, text)), Cosigned::Not);
        assert_eq!(cosigned(&line("w.example/1", 1, b"x\n")), Cosigned::Wrongly);
        assert_eq!(
            cosigned(&line("w.example/1", u64::MAX, text)),
            Cosigned::Wrongly
        );
        let answer = format!("nonsense\n{}{right}", line("w.example/2", 1, text));
        assert_eq!(witness.lines_of(text, answer.as_bytes()), right);
        assert_eq!(witness.lines_of(b"x\n", answer.as_bytes()), "");
        assert_eq!(witness.lines_of(text, &[0xff]), "");
    }

    #[test]
    fn what_is_no_key_of_a_witness_is_refused() {
        let public = signer().verifying_key();
        let right = key("w.example", &public, 4);
        assert_eq!(right.parse::<WitnessKey>().unwrap().name(), "w.example");
        for wrong in [
            key("w.example", &public, 1),
            key("w example", &public, 4),
            right.replacen("w.example", "v.example", 1),
            right[..right.len() - 4].to_owned(),
            String::new(),
        ] {
            assert!(wrong.parse::<WitnessKey>().is_err(), "{wrong}");
        }
    }
}
