//! Which holder a beancount account becomes.

use std::collections::HashMap;

use ledger_core::posting::NormalSide;
use ledger_core::{Holder, SystemAccountName, WalletId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::error::MappingError;
use super::journal::{AccountKind, JournalAccount};

/// The longest name of a system account, in characters.
const MAX_SYSTEM_NAME_LENGTH: usize = 48;
/// How much of a long name is kept before its fingerprint.
const KEPT_NAME_LENGTH: usize = 39;

/// A beancount account and what it has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedAccount {
    /// Its name in beancount.
    pub name: String,
    /// Its kind in beancount.
    pub kind: AccountKind,
    /// Who holds it in the ledger.
    pub holder: Holder,
    /// The side on which its balance grows in the ledger.
    pub normal_side: NormalSide,
}

/// What every beancount account of a file has become; no two have become the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountMap {
    accounts: Vec<MappedAccount>,
    by_name: HashMap<String, usize>,
}

impl AccountMap {
    /// Maps accounts; wallets get ids within `namespace`.
    ///
    /// # Errors
    /// [`MappingError::AccountCollision`] when two names differ in case only.
    pub(super) fn try_new(
        accounts: &[JournalAccount],
        namespace: Uuid,
    ) -> Result<Self, MappingError> {
        let mut map = Self::default();
        let mut system_names: HashMap<SystemAccountName, &str> = HashMap::new();
        for account in accounts {
            let mapped = map_account(account, namespace)?;
            if let Holder::System(name) = mapped.holder
                && let Some(first) = system_names.insert(name, &account.name)
            {
                return Err(MappingError::AccountCollision {
                    name,
                    first: first.to_owned(),
                    second: account.name.clone(),
                });
            }
            map.by_name.insert(account.name.clone(), map.accounts.len());
            map.accounts.push(mapped);
        }
        Ok(map)
    }

    /// What the account of that beancount name has become.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&MappedAccount> {
        self.accounts.get(*self.by_name.get(name)?)
    }

    /// Every account, in the order in which the file opens them.
    #[must_use]
    pub fn as_slice(&self) -> &[MappedAccount] {
        &self.accounts
    }
}

fn map_account(account: &JournalAccount, namespace: Uuid) -> Result<MappedAccount, MappingError> {
    let (holder, normal_side) = match account.kind {
        AccountKind::Assets | AccountKind::Liabilities => {
            let id = Uuid::new_v5(&namespace, format!("wallet/{}", account.name).as_bytes());
            (Holder::Wallet(WalletId::new(id)), NormalSide::Credit)
        }
        AccountKind::Expenses => (Holder::System(system_name(account)?), NormalSide::Credit),
        AccountKind::Income | AccountKind::Equity => {
            (Holder::System(system_name(account)?), NormalSide::Debit)
        }
    };
    Ok(MappedAccount {
        name: account.name.clone(),
        kind: account.kind,
        holder,
        normal_side,
    })
}

/// `Expenses:Food:Groceries` becomes `expenses.food.groceries`.
///
/// A name that is too long, or has letters a system account cannot have, ends in a fingerprint of
/// the whole, so that it stays apart from others that look like it.
fn system_name(account: &JournalAccount) -> Result<SystemAccountName, MappingError> {
    let own = account.name.split_once(':').map_or("", |(_, own)| own);
    let readable = format!("{}.{}", account.kind.as_str(), own.replace(':', "."));
    let plain = |character: char| character.is_ascii_alphanumeric() || ".-".contains(character);
    let name = if readable.chars().all(plain) && readable.len() <= MAX_SYSTEM_NAME_LENGTH {
        readable.to_ascii_lowercase()
    } else {
        let kept: String = readable
            .chars()
            .map(|character| if plain(character) { character } else { '_' })
            .take(KEPT_NAME_LENGTH)
            .collect();
        format!(
            "{}-{}",
            kept.to_ascii_lowercase(),
            fingerprint(&account.name)
        )
    };
    name.parse().map_err(|_| MappingError::AccountNameTooLong {
        name: account.name.clone(),
    })
}

/// Eight hexadecimal digits that follow from a name.
fn fingerprint(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
