//! The server's configuration file and password.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::ServerError;

/// The only user the server knows.
pub(crate) const USER: &str = "daybook";
const SECRET_BYTES: usize = 24;

/// The password of [`USER`], hidden in debug output.
pub(crate) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Reads the password at `path`, or makes one. It stays the same over restarts so that clients
    /// which are still trying to reconnect succeed. The caller holds the owner lock.
    pub(crate) fn load_or_make(path: &Path) -> Result<Self, ServerError> {
        match fs::read_to_string(path) {
            Ok(text) if is_whole(&text) => return Ok(Self(text)),
            Ok(_) => {} // cut off while it was written, so no client has seen it
            Err(fault) if fault.kind() == ErrorKind::NotFound => {}
            Err(fault) => return Err(ServerError::io("read", path)(fault)),
        }
        let text = random_hex()?;
        write_private(path, &text)?;
        Ok(Self(text))
    }
}

fn is_whole(text: &str) -> bool {
    text.len() == SECRET_BYTES * 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn random_hex() -> Result<String, ServerError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; SECRET_BYTES];
    File::open(source)
        .and_then(|mut random| random.read_exact(&mut bytes))
        .map_err(ServerError::io("read", source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What all streams together may say they keep at most, in bytes: nothing. nats-server counts the limits of its
/// streams against this and not what is in them, and refuses a stream when they come to more; by itself it takes
/// three quarters of what is free on the disk, so that the same streams are made on one machine and not on the next.
const MAX_FILE_STORE: u64 = 1 << 50;

/// Writes the configuration for the store in `data_dir` and returns its path.
///
/// `sync_interval: always`: a message is on disk before it is acknowledged.
pub(crate) fn write(data_dir: &Path, secret: Option<&Secret>) -> Result<PathBuf, ServerError> {
    let store_dir = data_dir.join("store");
    let store_dir = store_dir.to_str().ok_or(ServerError::InvalidOption {
        name: "data_dir".to_owned(),
        reason: "nats-server needs a path that is valid UTF-8",
    })?;
    // A JSON string is a quoted string of this format too.
    let store_dir = serde_json::Value::from(store_dir);
    let mut text = format!(
        "jetstream {{\n  store_dir: {store_dir}\n  sync_interval: always\n  \
         max_file_store: {MAX_FILE_STORE}\n}}\n"
    );
    if let Some(Secret(password)) = secret {
        text += &format!("authorization {{\n  user: {USER}\n  password: \"{password}\"\n}}\n");
    }
    let path = data_dir.join("nats.conf");
    write_private(&path, &text)?;
    Ok(path)
}

fn write_private(path: &Path, text: &str) -> Result<(), ServerError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(ServerError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_cut_off_while_written_is_made_anew() {
        let path = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
        fs::write(&path, "abc").unwrap();
        let made = Secret::load_or_make(&path).unwrap();
        assert!(is_whole(made.reveal()));
        assert_eq!(Secret::load_or_make(&path).unwrap().reveal(), made.reveal());
        assert_eq!(format!("{made:?}"), "Secret(..)");
        fs::remove_file(path).unwrap();
    }
}
