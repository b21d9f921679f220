//! The shape of the workspace: dependencies point one way.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each crate of the workspace may depend on, of the workspace.
const ALLOWED: &[(&str, &[&str])] = &[
    ("ledger-core", &[]),
    ("embedded-servers", &[]),
    ("identity", &["ledger-core"]),
    ("event-store", &["ledger-core"]),
    ("schemas", &["ledger-core", "event-store"]),
    ("projections", &["ledger-core", "event-store"]),
    ("books", &["ledger-core", "event-store"]),
    ("connectors", &["ledger-core", "event-store", "identity"]),
    ("documents", &["ledger-core", "event-store"]),
    ("audit", &["ledger-core", "event-store"]),
    ("sandbox", &["ledger-core", "event-store"]),
    (
        "workflows",
        &[
            "ledger-core",
            "event-store",
            "connectors",
            "documents",
            "sandbox",
        ],
    ),
    (
        "realtime-bridge",
        &["ledger-core", "event-store", "schemas"],
    ),
    (
        "command-api",
        &[
            "ledger-core",
            "event-store",
            "audit",
            "identity",
            "books",
            "connectors",
            "documents",
            "projections",
            "sandbox",
            "schemas",
            "workflows",
        ],
    ),
];

#[test]
fn dependencies_point_one_way() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ALLOWED
        .iter()
        .map(|(name, dependencies)| (*name, dependencies.iter().copied().collect()))
        .collect();
    let members: BTreeSet<String> = metadata
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    for package in &metadata.packages {
        // The composition root and the benchmarks see everything; nothing else sees them.
        if ["daybook", "benches"].contains(&package.name.as_str()) {
            continue;
        }
        let allowed = allowed
            .get(package.name.as_str())
            .unwrap_or_else(|| panic!("{} has no place in the layout", package.name));
        for dependency in &package.dependencies {
            let own = members.contains(&dependency.name);
            if own && dependency.kind == DependencyKind::Normal {
                assert!(
                    allowed.contains(dependency.name.as_str()),
                    "{} may not depend on {}",
                    package.name,
                    dependency.name
                );
            }
        }
    }
}

/// The domain is pure: it has no way to reach a clock, a disk, a network or chance.
#[test]
fn the_domain_has_no_runtime() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let core = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "ledger-core")
        .unwrap();
    for dependency in &core.dependencies {
        if dependency.kind == DependencyKind::Normal {
            assert!(
                ![
                    "tokio",
                    "sqlx",
                    "reqwest",
                    "poem",
                    "async-nats",
                    "tracing",
                    "rand"
                ]
                .contains(&dependency.name.as_str()),
                "ledger-core may not depend on {}",
                dependency.name
            );
        }
    }
}
