//! Who may call, by the settings; the master key and the administrator's key of a private deployment.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use connectors::messaging::{Mailbox, RoutedDelivery};
use identity::address::Address;
use identity::external::{ExternalIssuers, HttpClient};
use identity::identities::Identities;
use identity::machines::{MachineKind, NewMachine};
use identity::people::NewPerson;
use identity::permission::Role;
use identity::principal::{Grant, Ledgers};
use identity::secret::{MasterKey, new_master_key, new_token};
use identity::subject::Subject;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::CommandError;
use crate::node::{AccessMode, AccessOptions, PersonKeys};
use crate::settings::{AuthMode, AuthSettings, Settings};

/// The file of the master key that `daybook up` makes, beside its servers' data.
const MASTER_KEY_FILE: &str = "master.key";

/// The length of a password that is made up: 120 random bits.
const PASSWORD_LENGTH: usize = 20;

/// The file of the administrator's API key that `daybook up` makes.
pub(super) const ADMIN_KEY_FILE: &str = "admin.key";

/// What the settings say of who may call a node that listens on `listen`.
pub(super) fn options(
    settings: &Settings,
    listen: SocketAddr,
) -> Result<AccessOptions, CommandError> {
    let auth = &settings.auth;
    let mode = mode(auth, listen)?;
    let (master_key, keys) = match (configured_key(auth)?, mode) {
        (Some(key), _) => with_previous(auth, &key)?,
        // Nobody is asked who they are, and nothing of persons is kept.
        (None, AccessMode::Open) => {
            let passing = MasterKey::from_text(&new_master_key()?)?;
            (passing, PersonKeys::None)
        }
        (None, AccessMode::Required) => {
            return Err("auth.master_key or auth.master_key_file is needed; \
                        `daybook new-master-key` prints a new one"
                .into());
        }
    };
    with(settings, mode, master_key, keys)
}

/// The same for a private deployment: its master key is made when there is none, and on a loopback address
/// codes that nothing is configured to deliver are shown in a mailbox.
pub(super) fn private_options(
    settings: &Settings,
    listen: SocketAddr,
    data: &Path,
) -> Result<AccessOptions, CommandError> {
    let auth = &settings.auth;
    let mode = mode(auth, listen)?;
    let key = match configured_key(auth)? {
        Some(key) => key,
        None => kept_key(&data.join(MASTER_KEY_FILE))?,
    };
    let (master_key, keys) = with_previous(auth, &key)?;
    let mut options = with(settings, mode, master_key, keys)?;
    if listen.ip().is_loopback() {
        let (mailbox, configured) = (Arc::new(Mailbox::new()), settings.messaging.delivery()?);
        options.delivery = Arc::new(RoutedDelivery {
            email: configured.email.or_else(|| Some(mailbox.clone())),
            sms: configured.sms.or_else(|| Some(mailbox.clone())),
        });
        options.mailbox = Some(mailbox);
    }
    Ok(options)
}

fn with(
    settings: &Settings,
    mode: AccessMode,
    master_key: MasterKey,
    person_keys: PersonKeys,
) -> Result<AccessOptions, CommandError> {
    let (issuer, issuers) = (&settings.auth.issuer, &settings.auth.issuers);
    let external = if issuers.is_empty() {
        None
    } else {
        let external = ExternalIssuers::try_new(issuers.clone(), HttpClient::try_new()?)?;
        Some(Arc::new(external))
    };
    Ok(AccessOptions {
        mode,
        master_key: Arc::new(master_key),
        person_keys,
        issuer: (!issuer.is_empty()).then(|| issuer.clone()),
        delivery: Arc::new(settings.messaging.delivery()?),
        issuers: external,
        sessions: settings.auth.session_policies(),
        second_factors: Vec::new(),
        four_eyes: settings.auth.four_eyes()?,
        mailbox: None,
    })
}

/// The master key, which opens what earlier ones have sealed, and what wraps the keys of persons.
fn with_previous(
    settings: &AuthSettings,
    key: &str,
) -> Result<(MasterKey, PersonKeys), CommandError> {
    let mut previous = Vec::new();
    for text in &settings.previous_master_keys {
        let text = text.get().unwrap_or_default();
        previous.push(Arc::new(MasterKey::from_text(text)?));
    }
    let master_key = MasterKey::from_text(key)?.with_previous(&previous);
    Ok((master_key, PersonKeys::Kept { previous }))
}

/// The same for a command that serves nothing: the key that is configured, or that of a private deployment.
pub(super) fn person_keys(
    settings: &Settings,
    data: &Path,
) -> Result<(Arc<MasterKey>, PersonKeys), CommandError> {
    let key =
        match configured_key(&settings.auth)? {
            Some(key) => key,
            None => Zeroizing::new(fs::read_to_string(data.join(MASTER_KEY_FILE)).map_err(
                |_| "there is no master key: set auth.master_key or auth.master_key_file",
            )?),
        };
    let (master_key, keys) = with_previous(&settings.auth, &key)?;
    Ok((Arc::new(master_key), keys))
}

fn mode(settings: &AuthSettings, listen: SocketAddr) -> Result<AccessMode, CommandError> {
    match settings.mode {
        AuthMode::Required => Ok(AccessMode::Required),
        AuthMode::Open if listen.ip().is_loopback() => Ok(AccessMode::Open),
        AuthMode::Open => Err(format!(
            "auth.mode = \"open\" lets everybody do everything, and {listen} is no loopback address"
        )
        .into()),
    }
}

fn configured_key(settings: &AuthSettings) -> Result<Option<Zeroizing<String>>, CommandError> {
    if let Some(key) = settings.master_key.get() {
        return Ok(Some(Zeroizing::new(key.to_owned())));
    }
    let file = &settings.master_key_file;
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    let text = fs::read_to_string(file)
        .map_err(|error| format!("auth.master_key_file {}: {error}", file.display()))?;
    Ok(Some(Zeroizing::new(text)))
}

/// The key in a file, which is made when it is not there.
fn kept_key(file: &Path) -> Result<Zeroizing<String>, CommandError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = new_master_key()?;
            write_secret(file, &key)?;
            Ok(key)
        }
        Err(error) => Err(format!("{}: {error}", file.display()).into()),
    }
}

/// Makes the administrator's API key of a private deployment, unless the file has one that is good.
pub(super) async fn keep_admin_key(
    identities: &Identities,
    data: &Path,
) -> Result<(), CommandError> {
    let file = data.join(ADMIN_KEY_FILE);
    if let Ok(key) = fs::read_to_string(&file)
        && identities.is_key(key.trim()).await?
    {
        return Ok(());
    }
    let key = make_admin_key(identities, "made by `daybook up`").await?;
    write_secret(&file, &key)
}

/// A new API key of an administrator.
pub(super) async fn make_admin_key(
    identities: &Identities,
    name: &str,
) -> Result<Zeroizing<String>, CommandError> {
    let new = NewMachine {
        kind: MachineKind::ApiKey,
        name: name.to_owned(),
        scopes: Vec::new(),
        grants: vec![Grant {
            role: Role::Admin,
            ledgers: Ledgers::All,
        }],
        expires_at: None,
    };
    let by = Subject::External(Uuid::nil());
    Ok(identities.make_machine(new, by).await?.secret)
}

/// Somebody whom a private deployment begins with.
const PEOPLE: [(&str, &str, Role); 3] = [
    ("admin@daybook.example", "admin", Role::Admin),
    ("asha@daybook.example", "asha", Role::Customer),
    ("ravi@daybook.example", "ravi", Role::Customer),
];

/// Makes an administrator and two customers, and returns what they sign in with: once, as nothing keeps
/// their passwords.
pub(super) async fn begin_people(
    identities: &Identities,
) -> Result<Vec<(&'static str, Zeroizing<String>)>, CommandError> {
    let mut made = Vec::new();
    for (email, owner, role) in PEOPLE {
        let address = Address::Email(email.parse()?);
        if identities.person_at(&address).await?.is_some() {
            continue;
        }
        let mut password = new_token()?;
        password.truncate(PASSWORD_LENGTH);
        let new = NewPerson {
            owner: Some(owner.parse()?),
            address,
            password: password.clone(),
            grants: vec![Grant {
                role,
                ledgers: Ledgers::All,
            }],
        };
        identities.make_person(new).await?;
        made.push((email, password));
    }
    Ok(made)
}

/// Only the owner of the process may read it; a half-written file is never seen under its name.
fn write_secret(file: &Path, secret: &str) -> Result<(), CommandError> {
    let new = file.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options
        .open(&new)
        .and_then(|mut opened| {
            opened.write_all(secret.as_bytes())?;
            opened.sync_all()
        })
        .and_then(|()| fs::rename(&new, file));
    written.map_err(|error| format!("{}: {error}", file.display()).into())
}
