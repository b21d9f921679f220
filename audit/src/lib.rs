//! The auditor's seat: a ledger's log as a Merkle tree with signed checkpoints, and its check by anybody.
//!
//! Read in this order: [`line`] (how an event is written, and what of it is hashed), [`tree`] (RFC 6962, in tiles),
//! [`keys`] and [`checkpoint`] (what is signed, by which key), [`proof`], [`store`] and [`sealer`] (who signs, and
//! when), [`witness`] and [`cosignature`] (what others say of it), [`export`](mod@export) (what an auditor takes home) and [`verify`](mod@verify) (what an auditor does there).
//! `docs/AUDIT.md` says the same for other languages.
//!
//! Architecture Invariant: [`verify`](mod@verify) reaches no database and no network.

pub mod checkpoint;
pub mod cosignature;
pub mod export;
pub mod keys;
pub mod line;
pub mod proof;
pub mod prove;
pub mod sealer;
pub mod sinks;
pub mod store;
pub mod tree;
pub mod verify;
pub mod witness;
