//! `daybook rotate-master-key`: wraps the keys of persons anew under the master key that is configured now.

use std::process::ExitCode;

use audit::store::AuditStore;

use super::{CommandError, access, tell, with_database};
use crate::servers::Folders;
use crate::settings::Settings;

/// How often it begins again because nodes made keys under the old master key meanwhile.
const ROUNDS: u32 = 10;

/// Wraps every key anew that is under another master key; nodes may serve meanwhile.
pub(super) async fn run(settings: &Settings, folders: &Folders) -> Result<ExitCode, CommandError> {
    let (master_key, keys) = access::person_keys(settings, &folders.data)?;
    with_database(settings, folders, async |database| {
        let no_key = "there is no master key: set auth.master_key";
        let vault = keys.vault(database.pool(), &master_key).ok_or(no_key)?;
        let master_keys = keys.master_keys(&master_key).ok_or(no_key)?;
        let store = AuditStore::new(database.pool().clone());
        let (mut of_persons, mut of_checkpoints, mut behind) = (0, 0, 0);
        for _ in 0..ROUNDS {
            of_persons += vault.rotate().await?.rewrapped;
            of_checkpoints += store.rewrap(&*master_keys).await?;
            behind = vault.behind().await? + store.behind(&*master_keys).await?;
            if behind == 0 {
                break;
            }
        }
        tell(&format!("{of_checkpoints} checkpoint keys were wrapped anew"));
        tell(&format!(
            "{of_persons} keys were wrapped anew under the master key {}, {behind} are under another",
            master_key.id(),
        ));
        if behind > 0 {
            tell("nodes still make keys under another master key: restart them with this one, and run this again");
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}
