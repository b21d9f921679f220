//! `daybook rotate-master-key`: wraps the keys of persons anew under the master key that is configured now.

use std::process::ExitCode;

use audit::store::AuditStore;

use super::{CommandError, access, tell, with_database};
use crate::servers::Folders;
use crate::settings::Settings;

/// Wraps every key anew that is under another master key; nodes may serve meanwhile.
pub(super) async fn run(settings: &Settings, folders: &Folders) -> Result<ExitCode, CommandError> {
    let (master_key, keys) = access::person_keys(settings, &folders.data)?;
    with_database(settings, folders, async |database| {
        let vault = keys.vault(database.pool(), &master_key);
        let vault = vault.ok_or("there is no master key: set auth.master_key")?;
        let rotation = vault.rotate().await?;
        if let Some(master_keys) = keys.master_keys(&master_key) {
            let store = AuditStore::new(database.pool().clone());
            let rewrapped = store.rewrap(&*master_keys).await?;
            tell(&format!("{rewrapped} checkpoint keys were wrapped anew"));
        }
        tell(&format!(
            "{} keys were wrapped anew under the master key {}, {} are under another",
            rotation.rewrapped,
            master_key.id(),
            vault.behind().await?
        ));
        Ok(ExitCode::SUCCESS)
    })
    .await
}
