//! Documents of cases: where they are kept, which are taken, and for how long they are kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use documents::settings::BucketAddress;
use documents::{DocumentSettings, MediaType, S3Settings, StorageSettings};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{SecretText, SettingsError};
use crate::node::DocumentOptions;

/// The folder of documents in the folder of data.
const FOLDER: &str = "documents";

/// The largest document that may be configured, in MiB: what one is told of is kept in memory for some time.
const MOST_MEBIBYTES: u64 = 512;

const MEBIBYTE: u64 = 1024 * 1024;
const DAY: u64 = 24 * 60 * 60;

/// Where documents are kept, and which are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentsSettings {
    /// What they are kept in.
    pub storage: Storage,
    /// The folder; one in the folder of data when it is empty.
    pub folder: PathBuf,
    /// The bucket.
    pub s3: Bucket,
    /// The largest document, in MiB.
    pub most_mebibytes: u64,
    /// Which kinds of files are taken.
    pub types: Vec<String>,
    /// How many are brought at a time.
    pub uploads_at_once: usize,
    /// For how many minutes an address is good at which one can be brought.
    pub address_minutes: u16,
    /// For how many days one is kept after the last decision about its case.
    pub retention_days: u32,
}

/// What documents are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// A folder.
    Folder,
    /// A bucket of a server that speaks S3.
    S3,
}

/// A bucket.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Where the server is; AWS's own address of the region when it is empty.
    pub endpoint: String,
    /// Its name.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// Whether it is named in the path of addresses, and not in their host.
    pub path_style: bool,
    /// What names of objects begin with.
    pub prefix: String,
    /// Who we are to the server.
    pub access_key_id: String,
    /// How it knows.
    pub secret_access_key: SecretText,
    /// How long one request may take, in milliseconds.
    pub time_limit_ms: u64,
    /// How long a request is repeated that finds the server away, in milliseconds.
    pub patience_ms: u64,
}

fn refuse<T>(setting: &'static str, rule: &'static str) -> Result<T, SettingsError> {
    Err(SettingsError::Value { setting, rule })
}

impl DocumentsSettings {
    /// As a node takes it, whose data are in this folder.
    ///
    /// # Errors
    /// [`SettingsError::Value`].
    pub fn options(&self, data: &Path) -> Result<DocumentOptions, SettingsError> {
        let storage = match self.storage {
            Storage::Folder if self.folder.as_os_str().is_empty() => {
                StorageSettings::Folder(data.join(FOLDER))
            }
            Storage::Folder => StorageSettings::Folder(self.folder.clone()),
            Storage::S3 => StorageSettings::S3(self.s3.settings()?),
        };
        Ok(DocumentOptions {
            storage,
            settings: self.limits()?,
        })
    }

    fn limits(&self) -> Result<DocumentSettings, SettingsError> {
        if !(1..=MOST_MEBIBYTES).contains(&self.most_mebibytes) {
            return refuse("documents.most_mebibytes", "must be 1 to 512");
        }
        if !(1..=1_000).contains(&self.uploads_at_once) {
            return refuse("documents.uploads_at_once", "must be 1 to 1000");
        }
        if !(1..=1_440).contains(&self.address_minutes) {
            return refuse("documents.address_minutes", "must be 1 to 1440");
        }
        if !(1..=36_500).contains(&self.retention_days) {
            return refuse("documents.retention_days", "must be 1 to 36500");
        }
        let types: Option<BTreeSet<MediaType>> = self
            .types
            .iter()
            .map(|name| MediaType::of_name(name))
            .collect();
        let types = match types {
            Some(types) if !types.is_empty() => types,
            Some(_) | None => {
                let rule = "must name some of pdf, jpeg, png, webp and heic";
                return refuse("documents.types", rule);
            }
        };
        Ok(DocumentSettings {
            most_bytes: self.most_mebibytes * MEBIBYTE,
            types,
            uploads_at_once: self.uploads_at_once,
            address_lifetime: Duration::from_secs(u64::from(self.address_minutes) * 60),
            retention: Duration::from_secs(u64::from(self.retention_days) * DAY),
            ..DocumentSettings::default()
        })
    }
}

impl Bucket {
    fn settings(&self) -> Result<S3Settings, SettingsError> {
        let secret = self.secret_access_key.get();
        let Some(secret_access_key) = secret.filter(|_| !self.access_key_id.is_empty()) else {
            let rule =
                "and documents.s3.access_key_id must be set where documents are kept in a bucket";
            return refuse("documents.s3.secret_access_key", rule);
        };
        for (setting, value) in [
            ("documents.s3.bucket", &self.bucket),
            ("documents.s3.region", &self.region),
        ] {
            if value.is_empty() {
                return refuse(setting, "must be set where documents are kept in a bucket");
            }
        }
        if self.time_limit_ms == 0 || self.patience_ms == 0 {
            return refuse(
                "documents.s3.time_limit_ms",
                "and patience_ms must be above zero",
            );
        }
        Ok(S3Settings {
            endpoint: (!self.endpoint.is_empty()).then(|| self.endpoint.clone()),
            bucket: self.bucket.clone(),
            region: self.region.clone(),
            address: if self.path_style {
                BucketAddress::Path
            } else {
                BucketAddress::Host
            },
            prefix: self.prefix.clone(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: Zeroizing::new(secret_access_key.to_owned()),
            time_limit: Duration::from_millis(self.time_limit_ms),
            patience: Duration::from_millis(self.patience_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> DocumentsSettings {
        DocumentsSettings {
            storage: Storage::Folder,
            folder: PathBuf::new(),
            s3: Bucket {
                endpoint: "http://127.0.0.1:9000".to_owned(),
                bucket: "documents".to_owned(),
                region: "eu-central-1".to_owned(),
                path_style: true,
                prefix: String::new(),
                access_key_id: "key".to_owned(),
                secret_access_key: SecretText("hidden secret".to_owned()),
                time_limit_ms: 1,
                patience_ms: 1,
            },
            most_mebibytes: 15,
            types: vec!["pdf".to_owned()],
            uploads_at_once: 16,
            address_minutes: 10,
            retention_days: 1_826,
        }
    }

    #[test]
    fn a_folder_is_in_the_folder_of_data_unless_it_is_named() {
        let folder = |settings: &DocumentsSettings| {
            let options = settings.options(Path::new("/data")).unwrap();
            let StorageSettings::Folder(folder) = options.storage else {
                panic!("not a folder");
            };
            folder
        };
        let mut settings = settings();
        assert_eq!(folder(&settings), Path::new("/data/documents"));
        settings.folder = "/srv/kyc".into();
        assert_eq!(folder(&settings), Path::new("/srv/kyc"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let changed = |change: fn(&mut DocumentsSettings)| {
            let mut settings = settings();
            settings.storage = Storage::S3;
            change(&mut settings);
            let refused = settings.options(Path::new("/data"));
            refused.map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(changed(|_| ()), Ok(()));
        type Change = fn(&mut DocumentsSettings);
        let changes: &[(Change, &str)] = &[
            (
                |settings| settings.most_mebibytes = 0,
                "documents.most_mebibytes",
            ),
            (
                |settings| settings.most_mebibytes = 513,
                "documents.most_mebibytes",
            ),
            (|settings| settings.types.clear(), "documents.types"),
            (
                |settings| settings.types.push("svg".to_owned()),
                "documents.types",
            ),
            (
                |settings| settings.uploads_at_once = 0,
                "documents.uploads_at_once",
            ),
            (
                |settings| settings.address_minutes = 0,
                "documents.address_minutes",
            ),
            (
                |settings| settings.retention_days = 0,
                "documents.retention_days",
            ),
            (|settings| settings.s3.bucket.clear(), "documents.s3.bucket"),
            (|settings| settings.s3.region.clear(), "documents.s3.region"),
            (
                |settings| settings.s3.access_key_id.clear(),
                "documents.s3.secret_access_key",
            ),
            (
                |settings| settings.s3.secret_access_key = SecretText::default(),
                "documents.s3.secret_access_key",
            ),
        ];
        for (change, name) in changes {
            let refused = changed(*change).unwrap_err();
            assert!(refused.starts_with(name), "{refused}");
        }
        assert!(!format!("{:?}", settings()).contains("hidden secret"));
    }
}
