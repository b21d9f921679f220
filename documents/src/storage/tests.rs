//! A folder: what is there, when, and what a crash leaves.

use std::time::Duration;

use super::*;

fn storage() -> (tempfile::TempDir, ObjectStorage) {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("documents");
    let storage = ObjectStorage::open(&StorageSettings::Folder(inside)).unwrap();
    (folder, storage)
}

async fn names(storage: &ObjectStorage) -> Vec<String> {
    let found: Vec<FoundObject> = storage.list().try_collect().await.unwrap();
    found.into_iter().map(|object| object.name).collect()
}

async fn bytes(storage: &ObjectStorage, name: &str) -> Vec<u8> {
    let parts: Vec<Bytes> = storage
        .read(name)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    parts.concat()
}

#[tokio::test]
async fn an_object_is_there_whole_or_not_at_all() {
    let (_folder, storage) = storage();
    for size in [10, 12 * 1024 * 1024] {
        let content = vec![7; size];
        let mut writer = storage.writer("main/case/document");
        for part in content.chunks(1_000_000) {
            writer.put(Bytes::copy_from_slice(part)).await.unwrap();
        }
        assert_eq!(names(&storage).await, Vec::<String>::new());
        writer.finish().await.unwrap();
        assert_eq!(names(&storage).await, ["main/case/document"]);
        assert!(bytes(&storage, "main/case/document").await == content);
        storage.remove("main/case/document").await.unwrap();
        storage.remove("main/case/document").await.unwrap();
        let missing = storage.read("main/case/document").await;
        assert!(matches!(missing.err(), Some(StorageFault::Missing)));
    }
}

#[tokio::test]
async fn what_a_crash_leaves_is_removed_in_time() {
    let (folder, storage) = storage();
    for size in [10, 6 * 1024 * 1024] {
        let mut writer = storage.writer("main/case/other");
        writer.put(vec![7; size].into()).await.unwrap();
        // Neither finished nor dropped: as after a crash.
        std::mem::forget(writer);
    }
    let mut kept = storage.writer("main/case/document");
    kept.put(Bytes::from_static(b"kept")).await.unwrap();
    kept.finish().await.unwrap();
    std::fs::write(folder.path().join("documents/main/case/left#1"), b"left").unwrap();
    assert_eq!(names(&storage).await, ["main/case/document"]);
    let hour = chrono::TimeDelta::hours(1);
    assert_eq!(
        storage.remove_leftovers(Utc::now() - hour).await.unwrap(),
        0
    );
    let removed = storage.remove_leftovers(Utc::now() + hour).await.unwrap();
    assert!((1..=2).contains(&removed), "{removed}");
    assert_eq!(
        storage.remove_leftovers(Utc::now() + hour).await.unwrap(),
        0
    );
    assert_eq!(bytes(&storage, "main/case/document").await, b"kept");
}

#[test]
fn the_folder_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _storage) = storage();
    let made = std::fs::metadata(folder.path().join("documents")).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_server_that_is_away_is_a_fault_soon() {
    let settings = S3Settings {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        bucket: "documents".to_owned(),
        region: "eu-central-1".to_owned(),
        address: BucketAddress::Path,
        prefix: String::new(),
        access_key_id: "key".to_owned(),
        secret_access_key: "hidden secret".to_owned().into(),
        time_limit: Duration::from_secs(5),
        patience: Duration::from_secs(2),
    };
    assert!(!format!("{settings:?}").contains("hidden secret"));
    let storage = ObjectStorage::open(&StorageSettings::S3(settings)).unwrap();
    assert!(!format!("{storage:?}").contains("hidden secret"));
    let read = storage.read("main/case/document").await;
    assert!(matches!(read.err(), Some(StorageFault::Unavailable(_))));
    let mut writer = storage.writer("main/case/document");
    writer.put(Bytes::from_static(b"x")).await.unwrap();
    assert!(writer.finish().await.is_err());
}
