//! Runs the adapter in a Python interpreter that has beancount.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::Command;

use super::error::ImportError;
use super::journal::{Journal, Record};

const ADAPTER: &str = include_str!("../../beancount/adapter.py");

/// The last characters of a failed adapter's complaint that are shown.
const COMPLAINT_LENGTH: usize = 2_000;

/// A Python 3 interpreter in which the packages of `beancount/requirements.txt` are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    executable: PathBuf,
}

impl Python {
    /// The interpreter at a path, or of that name on the `PATH`.
    #[must_use]
    pub fn new(executable: impl Into<PathBuf>) -> Self {
        Self {
            executable: executable.into(),
        }
    }

    pub(super) async fn journal(&self, file: &Path) -> Result<Journal, ImportError> {
        self.read("journal", file).await.map(Journal::from_records)
    }

    pub(super) async fn balances(&self, file: &Path) -> Result<Vec<Record>, ImportError> {
        self.read("balances", file).await
    }

    async fn read(&self, command: &str, file: &Path) -> Result<Vec<Record>, ImportError> {
        let file = existing(file).await?;
        self.run(command, file.as_os_str()).await
    }

    /// Runs the adapter isolated (`-I`): no module from the working folder or the environment's
    /// `PYTHONPATH` can take the place of beancount's.
    async fn run(&self, command: &str, file: &OsStr) -> Result<Vec<Record>, ImportError> {
        let output = Command::new(&self.executable)
            .args(["-I", "-X", "utf8", "-c", ADAPTER, command])
            .arg(file)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|source| ImportError::PythonNotStarted {
                python: self.executable.clone(),
                source,
            })?;
        if !output.status.success() {
            return Err(failed(&output));
        }
        Record::read_all(&String::from_utf8_lossy(&output.stdout))
    }
}

/// Writes ten years of a made-up household's books to `file`, which is replaced: some 3,800
/// transactions in nine commodities, with conversions at cost, from beancount's own generator. The
/// same bytes every time.
///
/// # Errors
/// [`ImportError`] when the interpreter or beancount is missing, or the file cannot be written.
pub async fn generate_example(python: &Python, file: &Path) -> Result<(), ImportError> {
    let unreadable = |source| ImportError::FileNotReadable {
        path: file.to_owned(),
        source,
    };
    let file = std::path::absolute(file).map_err(unreadable)?;
    python.run("example", file.as_os_str()).await.map(drop)
}

/// The file's absolute path, once it is known that it can be read.
async fn existing(file: &Path) -> Result<PathBuf, ImportError> {
    let unreadable = |source| ImportError::FileNotReadable {
        path: file.to_owned(),
        source,
    };
    let metadata = tokio::fs::metadata(file).await.map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(ImportError::NotAFile {
            path: file.to_owned(),
        });
    }
    drop(tokio::fs::File::open(file).await.map_err(unreadable)?);
    std::path::absolute(file).map_err(unreadable)
}

fn failed(output: &Output) -> ImportError {
    let complaint = String::from_utf8_lossy(&output.stderr);
    let skipped = complaint.chars().count().saturating_sub(COMPLAINT_LENGTH);
    ImportError::AdapterFailed {
        status: output.status.to_string(),
        stderr: complaint.chars().skip(skipped).collect(),
    }
}
