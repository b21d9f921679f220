//! The committed documents are those that the code generates.

use std::path::Path;

#[test]
fn the_committed_schemas_are_what_the_code_generates() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    for (path, text) in daybook::commands::schemas::documents().unwrap() {
        let path = folder.join(path);
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{} differs from what the code generates; UPDATE_SCHEMAS=1 writes it anew",
            path.display()
        );
    }
}
