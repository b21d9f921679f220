//! The committed documents are the generated ones, and every sample of a stored event still reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ledger_core::{AggregateType, Event};

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files_in(name: &str) -> BTreeSet<String> {
    std::fs::read_dir(folder().join(name))
        .unwrap()
        .map(|entry| format!("{name}/{}", entry.unwrap().file_name().to_str().unwrap()))
        .collect()
}

#[test]
fn the_committed_documents_are_the_generated_ones() {
    let files = generated().unwrap();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        for (path, text) in &files {
            let path = folder().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
    for (path, text) in &files {
        let committed = std::fs::read_to_string(folder().join(path)).unwrap_or_default();
        assert!(
            committed == *text,
            "schemas/{path} is not what the types say; UPDATE_SCHEMAS=1 cargo test -p schemas writes it"
        );
    }
    let written: BTreeSet<String> = files.into_iter().map(|(path, _)| path).collect();
    for path in files_in("events").into_iter().chain(files_in("messages")) {
        assert!(written.contains(&path), "nothing generates schemas/{path}");
    }
}

#[test]
fn every_version_of_every_event_has_a_stored_sample_that_still_reads() {
    let mut samples = BTreeSet::new();
    for path in files_in("samples") {
        let text = std::fs::read_to_string(folder().join(&path)).unwrap();
        let payload = text.trim_end();
        let file = path.strip_prefix("samples/").unwrap();
        let (name, rest) = file.split_once(".v").unwrap();
        // A variant may follow the version: which optional fields the sample has.
        let version = rest.split('.').next().unwrap();
        let event = AggregateType::ALL
            .into_iter()
            .find_map(|kind| Event::from_payload(kind, name, version, payload).ok())
            .unwrap_or_else(|| panic!("{path} is not an event"));
        assert_eq!(event.to_payload().unwrap(), payload, "{path}");
        samples.insert(format!("events/{name}.v{version}.json"));
    }
    assert_eq!(samples, files_in("events"));
}
