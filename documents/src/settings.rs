//! What is taken and where it is kept.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::content::MediaType;

/// What is taken, and for how long.
#[derive(Debug, Clone)]
pub struct DocumentSettings {
    /// The largest document, in bytes.
    pub most_bytes: u64,
    /// Which kinds of files are taken.
    pub types: BTreeSet<MediaType>,
    /// How many documents are brought at a time on one node; each takes about 12 MiB of memory.
    pub uploads_at_once: usize,
    /// How long one may take to come.
    pub patience: Duration,
    /// How long the next bytes of one may take to come.
    pub idle: Duration,
    /// For how long somebody may bring one by an address that is good once.
    pub address_lifetime: Duration,
    /// After which time nothing is on its way any more that was begun: longer than it may take to come, and to be
    /// recorded.
    pub unsettled_after: Duration,
    /// How often it is looked for what was left.
    pub sweep_every: Duration,
    /// For how long a document is kept after the last decision about its case.
    pub retention: Duration,
    /// How often it is looked for what is old enough.
    pub retention_every: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for DocumentSettings {
    fn default() -> Self {
        Self {
            most_bytes: 15 * 1024 * 1024,
            types: MediaType::ALL.into(),
            uploads_at_once: 16,
            patience: MINUTE * 5,
            idle: Duration::from_secs(15),
            address_lifetime: MINUTE * 10,
            unsettled_after: HOUR,
            sweep_every: HOUR,
            retention: DAY * 1_826,
            retention_every: DAY,
        }
    }
}

/// Where sealed documents are kept.
#[derive(Debug, Clone)]
pub enum StorageSettings {
    /// In a folder. With several nodes, one that all of them have.
    Folder(PathBuf),
    /// In a bucket.
    S3(S3Settings),
}

/// How buckets are named in addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketAddress {
    /// In the path, as most servers of others want it.
    Path,
    /// In the host's name, as AWS wants it.
    Host,
}

/// A bucket of a server that speaks S3.
#[derive(Clone)]
pub struct S3Settings {
    /// Where the server is; AWS's own address of the region when there is none.
    pub endpoint: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// The region.
    pub region: String,
    /// How the bucket is named in addresses.
    pub address: BucketAddress,
    /// What names of objects begin with.
    pub prefix: String,
    /// Who we are to the server.
    pub access_key_id: String,
    /// How it knows.
    pub secret_access_key: Zeroizing<String>,
    /// How long one request to it may take.
    pub time_limit: Duration,
    /// How long a request is repeated that finds the server away.
    pub patience: Duration,
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("S3Settings")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
