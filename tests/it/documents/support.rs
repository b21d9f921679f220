//! An office with a folder for documents.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use daybook::node::PersonKeys;
use documents::{DocumentSettings, Documents, ObjectStorage, StorageSettings};
use reqwest::Method;
use serde_json::{Value, json};
use workflows::documents::DocumentKeeper;

use super::files::{form, form_type, sha256};
use crate::access::support::{Doors, SignedIn};
use crate::harness::node::Reply;
use crate::harness::servers::new_folder;
use crate::verification::support::Office;

pub struct Desk {
    pub office: Office,
    pub storage: StorageSettings,
    pub folder: PathBuf,
    pub settings: DocumentSettings,
}

impl Desk {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut DocumentSettings)) -> Self {
        let folder = new_folder("documents");
        let storage = StorageSettings::Folder(folder.clone());
        Self::on(storage, folder, change).await
    }

    pub async fn on(
        storage: StorageSettings,
        folder: PathBuf,
        change: impl FnOnce(&mut DocumentSettings),
    ) -> Self {
        let mut settings = DocumentSettings::default();
        change(&mut settings);
        let doors = Doors::configured(|options, _| {
            options.documents.storage = storage.clone();
            options.documents.settings = settings.clone();
        })
        .await;
        Self {
            office: Office::of(doors).await,
            storage,
            folder,
            settings,
        }
    }

    pub fn asha(&self) -> &SignedIn {
        &self.office.asha
    }

    pub fn meera(&self) -> &SignedIn {
        &self.office.meera
    }

    pub fn url(&self, path: &str) -> String {
        self.office.doors.node.at(path)
    }

    /// Whatever body somebody sends to a case.
    pub async fn send(
        &self,
        case: &str,
        who: &SignedIn,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        let node = &self.office.doors.node;
        let path = self.url(&format!("/cases/{case}/documents"));
        let mut request = node.client.post(path).bearer_auth(&who.access).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        node.send(request).await
    }

    /// A form with a JPEG.
    pub async fn bring(&self, case: &str, who: &SignedIn, kind: &str, bytes: &[u8]) -> Reply {
        let body = form(kind, "scan.jpg", "image/jpeg", bytes);
        self.send(case, who, &[("content-type", &form_type())], body)
            .await
    }

    pub async fn bring_under(&self, key: &str, case: &str, kind: &str, bytes: &[u8]) -> Reply {
        let body = form(kind, "scan.jpg", "image/jpeg", bytes);
        let headers = [
            ("content-type", form_type()),
            ("idempotency-key", key.to_owned()),
        ];
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.send(case, self.asha(), &headers, body).await
    }

    /// An address for a document.
    pub async fn address(&self, case: &str, who: &SignedIn, kind: &str, bytes: &[u8]) -> Reply {
        let body = json!({ "kind": kind, "size_bytes": bytes.len(), "sha256": sha256(bytes) });
        let path = format!("/cases/{case}/document-uploads");
        self.office.post(&path, who, body).await
    }

    /// Brings bytes to an address, as nobody in particular.
    pub async fn put(&self, url: &str, body: impl Into<reqwest::Body>) -> Reply {
        let node = &self.office.doors.node;
        node.send(node.client.put(url).body(body)).await
    }

    pub async fn list(&self, case: &str, who: &SignedIn) -> Vec<Value> {
        let path = format!("/cases/{case}/documents");
        let listed = self.office.get(&path, who).await.expect(200);
        listed.body["items"].as_array().unwrap().clone()
    }

    /// A document's content, and the headers that it comes with.
    pub async fn content(
        &self,
        case: &str,
        document: &str,
        who: &SignedIn,
    ) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
        let node = &self.office.doors.node;
        let path = self.url(&format!("/cases/{case}/documents/{document}"));
        let sent = node.client.get(path).bearer_auth(&who.access).send().await;
        let response = sent.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap().to_vec();
        (status, headers, body)
    }

    /// The code of the refusal of a look.
    pub async fn refused(&self, case: &str, document: &str, who: &SignedIn) -> (u16, String) {
        let (status, _, body) = self.content(case, document, who).await;
        let problem: Value = serde_json::from_slice(&body).unwrap();
        (status, problem["code"].as_str().unwrap().to_owned())
    }

    /// Every file in the folder of documents.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(&self.folder, &mut files);
        files.sort();
        files
    }

    pub fn file_of(&self, document: &str) -> PathBuf {
        let files = self.files();
        let mut found = files.iter().filter(|file| file.ends_with(document));
        found.next().expect("the document is in the folder").clone()
    }

    /// Rows of documents, by state.
    pub async fn states(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT state FROM documents.document ORDER BY id")
            .fetch_all(self.office.doors.node.node.database.pool())
            .await
            .unwrap()
    }

    /// How many documents the log has of a case.
    pub async fn received(&self, case: &str) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM daybook.events WHERE aggregate_id = $1 \
             AND event_type = 'DocumentReceived'",
        )
        .bind(case)
        .fetch_one(self.office.doors.node.node.database.pool())
        .await
        .unwrap()
    }

    /// The documents of the node with other settings, as another process has them.
    pub fn documents(&self, change: impl FnOnce(&mut DocumentSettings)) -> Documents {
        let node = &self.office.doors.node;
        let mut settings = self.settings.clone();
        change(&mut settings);
        let keys = PersonKeys::Kept {
            previous: Vec::new(),
        };
        let pool = node.node.database.pool();
        let vault = keys.vault(pool, &Arc::clone(&node.master_key));
        let storage = ObjectStorage::open(&self.storage).unwrap();
        Documents::new(pool.clone(), storage, vault, settings)
    }

    /// A keeper for whom everything is old enough.
    pub fn keeper(&self, change: impl FnOnce(&mut DocumentSettings)) -> DocumentKeeper {
        let node = &self.office.doors.node.node;
        let documents = self.documents(|settings| {
            settings.unsettled_after = std::time::Duration::ZERO;
            change(settings);
        });
        DocumentKeeper::new(
            documents,
            node.database.pool().clone(),
            node.executors.clone(),
        )
    }

    /// Records of this kind, newest first.
    pub async fn records(&self, kind: &str) -> Vec<Value> {
        let path = format!("/v1/access-records?kind={kind}");
        let doors = &self.office.doors;
        let records = doors.call(Method::GET, &path, Some(&doors.admin), None);
        let records = records.await.expect(200);
        records.body["items"].as_array().unwrap().clone()
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}
