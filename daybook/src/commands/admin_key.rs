//! `daybook admin-key`: an administrator's key, for whoever may write to the database.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use identity::delivery::NoDelivery;
use identity::identities::{Identities, IdentitySettings, SystemClock};
use identity::secret::{MasterKey, new_master_key};
use identity::session_policy::SessionPolicies;

use super::access::make_admin_key;
use super::{CommandError, with_database};
use crate::node::ACCESS_TOKEN_LIFETIME;
use crate::servers::Folders;
use crate::settings::Settings;

/// Makes a key and prints it; it is shown this once.
pub(super) async fn run(settings: &Settings, folders: &Folders) -> Result<ExitCode, CommandError> {
    with_database(settings, folders, async |database| {
        // A key is kept as a plain hash: the master key has no part in it.
        let identities = Identities::new(
            database.pool().clone(),
            Arc::new(MasterKey::from_text(&new_master_key()?)?),
            Arc::new(NoDelivery),
            Arc::new(SystemClock),
            IdentitySettings {
                issuer: settings.auth.issuer.clone(),
                audience: settings.auth.issuer.clone(),
                access_token_lifetime: ACCESS_TOKEN_LIFETIME,
                sessions: SessionPolicies::default(),
                second_factors: Vec::new(),
            },
        );
        let key = make_admin_key(&identities, "made by `daybook admin-key`").await?;
        writeln!(std::io::stdout(), "{}", *key)?;
        Ok(ExitCode::SUCCESS)
    })
    .await
}
