//! Short keys of accounts.
//!
//! An account's full name takes 80 bytes and is slow to compare; an index over it costs five times
//! one over a number. A key is a hash, so it is a function of the log like everything else. Two
//! accounts may have the same key: indexes over keys are not unique, and questions ask for the full
//! name as well.

use ledger_core::{AccountId, LedgerName};
use sha2::{Digest, Sha256};

/// The key of an account.
#[must_use]
pub fn account_key(ledger: LedgerName, account: &AccountId) -> i64 {
    let hash = Sha256::digest(format!("{ledger}/{account}"));
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(hash) {
        *to = from;
    }
    i64::from_be_bytes(first)
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
        assert_eq!(account_key(ledger, &account), 2_610_011_218_716_345_399);
    }
}
