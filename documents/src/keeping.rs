//! Storing, reading and removing documents, in an order that a crash cannot harm.
//!
//! **Storing.** 1. A row says what will be stored. 2. The object is written. 3. The row says that it is there.
//! 4. The caller appends the event, whose reference is the row's id. 5. The row says that it is kept. A crash after
//! 1 or 2 leaves a row that leads to what there is of the object; after 3 or 4 the log says which of the two it is.
//! Whoever is refused in 4 discards it. What is left is swept when nothing can be on its way any more.
//!
//! **Removing.** 1. The row says that it will be removed, and why. 2. The object is removed. 3. The caller appends
//! the event. 4. The row says that it is removed. Each can be done again.
//!
//! **Reading.** A document is read and opened twice: once to see that all of it is as it was stored, and once to be
//! given out. So whoever asks for one that was changed is told, and gets nothing of it.

mod incoming;
mod outgoing;
mod turns;

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use event_store::Vault;
use event_store::vault::{DataKey, PersonKey};
use futures_util::{Stream, TryStreamExt};
use ledger_core::verification::{ContentHash, DocumentKind, RemovalReason};
use ledger_core::{CaseId, LedgerName, OwnerId};
use sqlx::postgres::PgPool;
use uuid::Uuid;

use crate::content::{Claims, MediaType};
use crate::fault::{BodyFault, DocumentFault};
use crate::rows::{DocumentRow, RowState, Rows, object};
use crate::sealing::{DocumentPlace, Sealer};
use crate::settings::DocumentSettings;
use crate::storage::{ObjectStorage, ObjectWriter};
use incoming::Incoming;
use turns::Turns;

pub use outgoing::Content;

/// A document that is brought.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// The ledger.
    pub ledger: LedgerName,
    /// The case that it is for.
    pub case: CaseId,
    /// Whom the case is about.
    pub owner: OwnerId,
    /// What kind of document it is.
    pub kind: DocumentKind,
    /// What its sender says of the file.
    pub claims: Claims,
    /// What was promised of it before, if anything was.
    pub promise: Option<Promise>,
}

/// What somebody has said that they will bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// How many bytes it has.
    pub size: u64,
    /// Their SHA-256.
    pub sha256: ContentHash,
}

/// A document that is stored and not recorded yet.
#[derive(Debug, Clone)]
pub struct StoredDocument {
    /// Its id, by which the log is to know it.
    pub id: Uuid,
    /// What kind of file it is.
    pub media_type: MediaType,
    /// How many bytes it has.
    pub size: u64,
    /// Their SHA-256.
    pub sha256: ContentHash,
}

/// Documents of cases; cheap to clone.
#[derive(Debug, Clone)]
pub struct Documents {
    pub(crate) rows: Rows,
    storage: ObjectStorage,
    vault: Option<Vault>,
    pub(crate) settings: Arc<DocumentSettings>,
    turns: Turns,
}

impl Documents {
    /// Documents whose rows are in this database; without keys of persons none is taken.
    #[must_use]
    pub fn new(
        pool: PgPool,
        storage: ObjectStorage,
        vault: Option<Vault>,
        settings: DocumentSettings,
    ) -> Self {
        Self {
            rows: Rows::new(pool),
            storage,
            vault,
            turns: Turns::new(settings.uploads_at_once),
            settings: Arc::new(settings),
        }
    }

    /// What is taken.
    #[must_use]
    pub fn settings(&self) -> &DocumentSettings {
        &self.settings
    }

    /// Stores a document as it comes. What is refused, breaks off or fails leaves nothing.
    ///
    /// # Errors
    /// [`DocumentFault`].
    pub async fn store<S>(
        &self,
        new: &NewDocument,
        body: S,
    ) -> Result<StoredDocument, DocumentFault>
    where
        S: Stream<Item = Result<Bytes, BodyFault>> + Send + Unpin,
    {
        let _turn = self.turns.take(new.owner.key()).await?;
        let key = self.key_to_seal(new).await?;
        let most_bytes = match &new.promise {
            Some(promise) => promise.size.min(self.settings.most_bytes),
            None => self.settings.most_bytes,
        };
        let mut incoming = Incoming::new(body, most_bytes, &self.settings);
        let media_type = incoming.look(&self.settings.types, &new.claims).await?;
        let now = Utc::now();
        let row = DocumentRow {
            id: Uuid::now_v7(),
            ledger: new.ledger,
            case: new.case,
            owner: new.owner.clone(),
            kind: new.kind.clone(),
            media_type,
            state: RowState::Storing,
            content: None,
            begun_at: now,
            changed_at: now,
        };
        self.rows.begin(&row).await?;
        match self.write(&row, new, &key, incoming).await {
            Ok(stored) => {
                metrics::counter!("daybook_documents_stored_total").increment(1);
                Ok(stored)
            }
            Err(fault) => {
                self.leave(&row, &fault).await;
                Err(fault)
            }
        }
    }

    async fn write<S>(
        &self,
        row: &DocumentRow,
        new: &NewDocument,
        key: &DataKey,
        incoming: Incoming<S>,
    ) -> Result<StoredDocument, DocumentFault>
    where
        S: Stream<Item = Result<Bytes, BodyFault>> + Send + Unpin,
    {
        let mut writer = self.storage.writer(&row.object());
        let poured = pour(incoming, key, &place(row), &mut writer).await;
        let checked = poured.and_then(|(size, sha256)| {
            check_promise(new.promise.as_ref(), size, &sha256)?;
            Ok((size, sha256))
        });
        let (size, sha256) = match checked {
            Ok(content) => content,
            Err(fault) => {
                writer.abort().await;
                return Err(fault);
            }
        };
        writer.finish().await?;
        if !self.rows.stored(row.id, size, &sha256).await? {
            return Err(DocumentFault::Swept { document: row.id });
        }
        Ok(StoredDocument {
            id: row.id,
            media_type: row.media_type,
            size,
            sha256,
        })
    }

    /// After a fault. While the storage is away nobody waits for it once more: the sweep does the rest.
    async fn leave(&self, row: &DocumentRow, fault: &DocumentFault) {
        let left = match fault {
            DocumentFault::Storage(_) => self.rows.discarding(row.id).await.map(drop),
            _ => self.discard(row).await,
        };
        if let Err(error) = left {
            tracing::warn!(
                document.id = %row.id,
                error = %event_store::ErrorChain(&error),
                "what is left of a document that was not stored is swept later"
            );
        }
    }

    /// The log says that it is there.
    ///
    /// # Errors
    /// [`DocumentFault::Swept`] when it was taken away as one that the log would never have.
    pub async fn keep(&self, document: Uuid) -> Result<(), DocumentFault> {
        if self.rows.kept(document).await? {
            return Ok(());
        }
        Err(DocumentFault::Swept { document })
    }

    /// The log will never have it: removes it and forgets it.
    ///
    /// # Errors
    /// [`DocumentFault`]; the sweep does the rest.
    pub async fn discard(&self, row: &DocumentRow) -> Result<(), DocumentFault> {
        if row.state != RowState::Discarding {
            self.rows.discarding(row.id).await?;
        }
        self.storage.remove(&row.object()).await?;
        self.rows.forget(row.id).await?;
        Ok(())
    }

    /// The log will never have what was just stored.
    ///
    /// # Errors
    /// [`DocumentFault`]; the sweep does the rest.
    pub async fn discard_stored(
        &self,
        new: &NewDocument,
        stored: &StoredDocument,
    ) -> Result<(), DocumentFault> {
        self.rows.discarding(stored.id).await?;
        let name = object(new.ledger, new.case, stored.id);
        self.storage.remove(&name).await?;
        self.rows.forget(stored.id).await?;
        Ok(())
    }

    /// Begins to remove a document that is kept; whether it was.
    ///
    /// # Errors
    /// [`DocumentFault::Database`].
    pub async fn begin_removal(
        &self,
        document: Uuid,
        reason: RemovalReason,
    ) -> Result<bool, DocumentFault> {
        self.rows.removing(document, reason).await
    }

    /// Removes the object.
    ///
    /// # Errors
    /// [`DocumentFault::Storage`].
    pub async fn remove_object(&self, row: &DocumentRow) -> Result<(), DocumentFault> {
        Ok(self.storage.remove(&row.object()).await?)
    }

    /// The log says that it is removed.
    ///
    /// # Errors
    /// [`DocumentFault::Database`].
    pub async fn end_removal(&self, document: Uuid) -> Result<(), DocumentFault> {
        self.rows.removed(document).await.map(drop)
    }

    /// A document in the clear. It was seen to be as it was stored, and is looked at again as it is given.
    ///
    /// # Errors
    /// [`DocumentFault::Damaged`], [`DocumentFault::Erased`], and those of the storage.
    pub async fn read(&self, row: &DocumentRow) -> Result<Content, DocumentFault> {
        let first = self.content(row).await?;
        first.try_for_each(|_| std::future::ready(Ok(()))).await?;
        self.content(row).await
    }

    async fn content(&self, row: &DocumentRow) -> Result<Content, DocumentFault> {
        let vault = self.vault.as_ref().ok_or(DocumentFault::NoVault)?;
        let key = vault.key_to_open(row.ledger, row.owner.key()).await?;
        let key = key.ok_or(DocumentFault::Erased)?;
        let Some((size, sha256)) = row.content.clone() else {
            return Err(DocumentFault::Row("content"));
        };
        let sealed = self.storage.read(&row.object()).await;
        let sealed = sealed.map_err(|fault| outgoing::of_reading(row.id, fault))?;
        let wanted = Promise { size, sha256 };
        let idle = self.settings.idle;
        Ok(outgoing::content(
            row.id,
            &key,
            &place(row),
            wanted,
            sealed,
            idle,
        ))
    }

    /// What was received for a case, in order, kept or not.
    ///
    /// # Errors
    /// [`DocumentFault::Database`].
    pub async fn of_case(
        &self,
        ledger: LedgerName,
        case: CaseId,
    ) -> Result<Vec<DocumentRow>, DocumentFault> {
        self.rows.of_case(ledger, case).await
    }

    /// Everything that is there of a person.
    ///
    /// # Errors
    /// [`DocumentFault::Database`].
    pub async fn of_owner(
        &self,
        ledger: LedgerName,
        owner: &OwnerId,
    ) -> Result<Vec<DocumentRow>, DocumentFault> {
        self.rows.of_owner(ledger, owner).await
    }

    /// What was begun and has been left since a time, after one.
    ///
    /// # Errors
    /// [`DocumentFault::Database`].
    pub async fn unsettled(
        &self,
        before: DateTime<Utc>,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<DocumentRow>, DocumentFault> {
        self.rows.unsettled(before, after, limit).await
    }

    /// What has been kept since a time, the oldest first, after one.
    ///
    /// # Errors
    /// [`DocumentFault::Database`].
    pub async fn kept_since(
        &self,
        before: DateTime<Utc>,
        after: (DateTime<Utc>, Uuid),
        limit: i64,
    ) -> Result<Vec<DocumentRow>, DocumentFault> {
        self.rows.kept_since(before, after, limit).await
    }

    /// Whether the person's key was destroyed.
    ///
    /// # Errors
    /// [`DocumentFault`].
    pub async fn is_erased(&self, row: &DocumentRow) -> Result<bool, DocumentFault> {
        let vault = self.vault.as_ref().ok_or(DocumentFault::NoVault)?;
        let key = vault.key_to_open(row.ledger, row.owner.key()).await?;
        Ok(key.is_none())
    }

    /// Objects that no row knows, written before a time: of another deployment, or from after the time that the
    /// database was restored to. They are counted and left.
    ///
    /// # Errors
    /// [`DocumentFault`].
    pub async fn unknown_objects(&self, before: DateTime<Utc>) -> Result<u64, DocumentFault> {
        let found = self.storage.list().try_chunks(LISTED_AT_ONCE);
        let mut found = std::pin::pin!(found);
        let mut unknown = 0;
        while let Some(objects) = found.try_next().await.map_err(|error| error.1)? {
            let old = objects.iter().filter(|object| object.written_at < before);
            let (ids, foreign): (Vec<Option<Uuid>>, Vec<Option<Uuid>>) = old
                .map(|object| object.name.rsplit('/').next()?.parse().ok())
                .partition(Option::is_some);
            let ids: Vec<Uuid> = ids.into_iter().flatten().collect();
            let known = self.rows.known(&ids).await?;
            unknown += foreign.len() + ids.len() - known.len();
        }
        Ok(u64::try_from(unknown).unwrap_or(u64::MAX))
    }

    /// Removes what a crash has left in a folder.
    ///
    /// # Errors
    /// [`DocumentFault::Storage`].
    pub async fn remove_leftovers(&self, before: DateTime<Utc>) -> Result<u64, DocumentFault> {
        Ok(self.storage.remove_leftovers(before).await?)
    }

    async fn key_to_seal(&self, new: &NewDocument) -> Result<DataKey, DocumentFault> {
        let vault = self.vault.as_ref().ok_or(DocumentFault::NoVault)?;
        match vault.key_to_seal(new.ledger, new.owner.key()).await? {
            PersonKey::Usable(key) => Ok(key),
            PersonKey::Destroyed => Err(DocumentFault::Erased),
        }
    }
}

/// Objects that are compared with rows at a time.
const LISTED_AT_ONCE: usize = 500;

fn place(row: &DocumentRow) -> DocumentPlace {
    DocumentPlace {
        ledger: row.ledger,
        person: row.owner.key(),
        case: row.case,
        document: row.id,
    }
}

/// Reads, seals and writes a document to its end; its size and hash.
async fn pour<S>(
    mut incoming: Incoming<S>,
    key: &DataKey,
    place: &DocumentPlace,
    writer: &mut ObjectWriter,
) -> Result<(u64, ContentHash), DocumentFault>
where
    S: Stream<Item = Result<Bytes, BodyFault>> + Send + Unpin,
{
    let (mut sealer, header) = Sealer::begin(key, place)?;
    writer.put(header).await?;
    while let Some(clear) = incoming.next().await? {
        for piece in sealer.push(&clear)? {
            writer.put(piece).await?;
        }
    }
    writer.put(sealer.finish()?).await?;
    incoming.end()
}

fn check_promise(
    promise: Option<&Promise>,
    size: u64,
    sha256: &ContentHash,
) -> Result<(), DocumentFault> {
    match promise {
        Some(promise) if promise.size != size => Err(DocumentFault::SizeDiffers {
            promised: promise.size,
            found: size,
        }),
        Some(promise) if promise.sha256 != *sha256 => Err(DocumentFault::HashDiffers),
        Some(_) | None => Ok(()),
    }
}
