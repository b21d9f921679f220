//! Short keys of accounts.
//!
//! An account's full name takes 80 bytes and is slow to compare; every entry carries one. A key is a
//! hash, so it is a function of the log like everything else. It has 128 bits, and an account is
//! written under it once: two accounts of one key, should they ever be met, stop the fold.

use std::io::{self, Write as _};

use ledger_core::{AccountId, LedgerName};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Where a name's bytes go on their way into the hash; names are 120 bytes at most.
#[derive(Default)]
struct Hashed(Sha256);

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The key of an account: the first 128 bits of the SHA-256 of `ledger/account`.
#[must_use]
pub fn account_key(ledger: LedgerName, account: &AccountId) -> Uuid {
    let mut hashed = Hashed::default();
    // A hash takes every write.
    write!(hashed, "{ledger}/{account}").unwrap_or_default();
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(hashed.0.finalize()) {
        *to = from;
    }
    Uuid::from_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::account_key;

    /// Keys are in the tables: another function would not find what was written before.
    #[test]
    fn keys_never_change() {
        let ledger = "main".parse().unwrap();
        let account = "system:cash:INR".parse().unwrap();
        // From `printf main/system:cash:INR | sha256sum`.
        assert_eq!(
            account_key(ledger, &account).simple().to_string(),
            "24389f5fff5f4437dc9ed5284d807bc0"
        );
    }
}
