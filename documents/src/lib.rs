//! Documents of verification cases, kept sealed in object storage.
//!
//! * [`content`]: what kind of file it is, by its content, and which are taken.
//! * [`sealing`]: how it is sealed under the key of the person whom it is about.
//! * [`storage`]: where the sealed bytes are: a folder, or a bucket.
//! * [`keeping`]: the order in which a document is stored, read and removed, and what a crash leaves.
//! * [`uploads`]: bringing a document by an address that is good once.
//!
//! **No byte of a document leaves the process unsealed**, and none is written to a disk here. Whoever has the
//! storage, and even the database with it, has nothing without the master key.
//!
//! **Memory does not grow with a document**: it is read, judged, sealed and written piece by piece, and so many
//! are at a time as the settings say.

pub mod content;
pub mod fault;
pub mod keeping;
pub mod rows;
pub mod sealing;
pub mod settings;
pub mod storage;
pub mod uploads;

pub use content::{Claims, MediaType};
pub use fault::{BodyFault, DocumentFault};
pub use keeping::{Documents, NewDocument, Promise, StoredDocument};
pub use rows::{DocumentRow, RowState};
pub use settings::{DocumentSettings, S3Settings, StorageSettings};
pub use storage::{ObjectStorage, StorageStartError};
