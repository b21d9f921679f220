//! Where sealed documents are: a folder, or a bucket of a server that speaks S3.
//!
//! An object is there whole or not at all: in a folder it is written beside its place, flushed to the disk and
//! renamed; in a bucket it is one request, or parts that are put together at the end. What a crash leaves of one
//! in a folder is [`ObjectStorage::remove_leftovers`]'s; what it leaves in a bucket is for the bucket's own rule
//! for uploads that were not completed.

mod connection;
mod leftovers;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::io::AsyncWriteExt;

use crate::settings::{BucketAddress, S3Settings, StorageSettings};
use connection::Connector;

pub use connection::ConnectionError;

/// What is kept in memory before a part of an object is written, in bytes: the least that S3 takes as a part.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// Parts of one object on their way at a time.
const PARTS_AT_ONCE: usize = 1;

/// How often a request is repeated that finds the server away.
const MOST_RETRIES: usize = 3;

/// Why the storage cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum StorageStartError {
    /// The folder cannot be made or entered.
    #[error("the folder {} cannot be used for documents", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server cannot be spoken to.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The settings are none that can be used.
    #[error("the storage of documents cannot be used as configured")]
    Settings(#[source] object_store::Error),
}

/// Why something of the storage failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageFault {
    /// There is no such object.
    #[error("there is no such object")]
    Missing,
    /// The server cannot be reached or refuses, or the disk fails.
    #[error("the storage fails")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<object_store::Error> for StorageFault {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

/// Where an object is, and since when.
#[derive(Debug, Clone)]
pub struct FoundObject {
    /// Its name.
    pub name: String,
    /// When it was written.
    pub written_at: DateTime<Utc>,
}

/// Storage of sealed documents; cheap to clone.
#[derive(Debug, Clone)]
pub struct ObjectStorage {
    store: Arc<dyn ObjectStore>,
    folder: Option<PathBuf>,
}

impl ObjectStorage {
    /// Opens the storage; a folder is made if there is none, a bucket is not asked yet.
    ///
    /// # Errors
    /// [`StorageStartError`].
    pub fn open(settings: &StorageSettings) -> Result<Self, StorageStartError> {
        match settings {
            StorageSettings::Folder(folder) => Self::in_folder(folder.clone()),
            StorageSettings::S3(s3) => Self::in_bucket(s3),
        }
    }

    fn in_folder(folder: PathBuf) -> Result<Self, StorageStartError> {
        let refused = |source| StorageStartError::Folder {
            folder: folder.clone(),
            source,
        };
        make_private(&folder).map_err(refused)?;
        // An event must not be durable before its object is.
        let store = LocalFileSystem::new_with_prefix(&folder)
            .map_err(StorageStartError::Settings)?
            .with_fsync(true);
        Ok(Self {
            store: Arc::new(store),
            folder: Some(folder),
        })
    }

    fn in_bucket(settings: &S3Settings) -> Result<Self, StorageStartError> {
        let is_host = settings.address == BucketAddress::Host;
        let connector = Connector::try_new(settings)?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_access_key_id(&settings.access_key_id)
            .with_secret_access_key(settings.secret_access_key.as_str())
            .with_virtual_hosted_style_request(is_host)
            .with_allow_http(connector.allows_http())
            // Nobody else is asked who we are, whatever the environment says.
            .with_client_options(ClientOptions::new())
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: MOST_RETRIES,
                retry_timeout: settings.patience,
            })
            .with_http_connector(connector);
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let bucket = builder.build().map_err(StorageStartError::Settings)?;
        let prefix = Path::from(settings.prefix.as_str());
        Ok(Self {
            store: Arc::new(PrefixStore::new(bucket, prefix)),
            folder: None,
        })
    }

    /// Begins an object of this name.
    pub(crate) fn writer(&self, name: &str) -> ObjectWriter {
        let store = Arc::clone(&self.store);
        let writer = BufWriter::with_capacity(store, Path::from(name), PART_BYTES);
        ObjectWriter(writer.with_max_concurrency(PARTS_AT_ONCE))
    }

    /// The bytes of an object.
    pub(crate) async fn read(
        &self,
        name: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, StorageFault>>, StorageFault> {
        let found = self.store.get(&Path::from(name)).await?;
        Ok(found.into_stream().map_err(StorageFault::from).boxed())
    }

    /// Removes an object; one that is not there is removed already.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), StorageFault> {
        match self.store.delete(&Path::from(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Every object, in no order.
    pub fn list(&self) -> BoxStream<'static, Result<FoundObject, StorageFault>> {
        let found = self.store.list(None).map_ok(|meta| FoundObject {
            name: meta.location.to_string(),
            written_at: meta.last_modified,
        });
        found.map_err(StorageFault::from).boxed()
    }

    /// Removes what a crash left of objects that were being written, begun before a time; how many.
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn remove_leftovers(&self, before: DateTime<Utc>) -> Result<u64, StorageFault> {
        match &self.folder {
            Some(folder) => leftovers::remove(folder.clone(), before).await,
            None => Ok(0),
        }
    }
}

/// What nobody else on this machine may enter.
fn make_private(folder: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// An object that is being written. It is there when it is finished, and not before.
pub(crate) struct ObjectWriter(BufWriter);

impl ObjectWriter {
    /// Writes more of it.
    pub(crate) async fn put(&mut self, bytes: Bytes) -> Result<(), StorageFault> {
        Ok(self.0.put(bytes).await?)
    }

    /// Has it be there.
    pub(crate) async fn finish(mut self) -> Result<(), StorageFault> {
        self.0
            .shutdown()
            .await
            .map_err(|error| StorageFault::Unavailable(Box::new(error)))
    }

    /// Leaves it.
    pub(crate) async fn abort(mut self) {
        if let Err(error) = self.0.abort().await {
            tracing::warn!(%error, "what was written of a document cannot be taken back; it is swept later");
        }
    }
}

#[cfg(test)]
mod tests;
