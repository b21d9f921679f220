//! Documents of cases: where they are kept, and for how long.

use documents::{DocumentSettings, Documents, ObjectStorage, StorageSettings, StorageStartError};
use event_store::Vault;
use sqlx::PgPool;

/// Where documents of cases are kept, and which are taken.
#[derive(Debug, Clone)]
pub struct DocumentOptions {
    /// Where they are kept.
    pub storage: StorageSettings,
    /// Which are taken, and for how long they are kept.
    pub settings: DocumentSettings,
}

impl DocumentOptions {
    /// Opens the storage; without keys of persons none is taken.
    pub(super) fn open(
        self,
        pool: &PgPool,
        vault: Option<Vault>,
    ) -> Result<Documents, StorageStartError> {
        let storage = ObjectStorage::open(&self.storage)?;
        Ok(Documents::new(pool.clone(), storage, vault, self.settings))
    }
}
