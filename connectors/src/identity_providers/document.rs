//! What documents there are in a case. What is in them stays with the provider.

use chrono::{DateTime, Utc};

use super::{ProviderId, ReasonCode, Reported};

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// A passport.
    Passport,
    /// A national identity card.
    IdentityCard,
    /// A driving licence.
    DrivingLicence,
    /// A residence permit or visa.
    ResidencePermit,
    /// A voter's card.
    VoterCard,
    /// A tax card, such as India's PAN.
    TaxCard,
    /// Something that shows where the person lives.
    ProofOfAddress,
    /// A photo of the person.
    Selfie,
    /// A video of the person.
    Video,
    /// Data that the state's register gave, such as DigiLocker or Aadhaar offline.
    RegisterExtract,
}

/// Which side of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentSide {
    /// The front.
    Front,
    /// The back.
    Back,
}

/// What the provider thinks of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentVerdict {
    /// Nothing yet, or it does not say it of single documents.
    Open,
    /// It is good.
    Good,
    /// It is not.
    Bad,
}

/// What a provider says of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentObservation {
    /// The provider's id.
    pub document_id: ProviderId,
    /// What it is, or the provider's word for it.
    pub kind: Reported<DocumentKind>,
    /// Which side, where there are two files.
    pub side: Option<DocumentSide>,
    /// The country that made it out, ISO 3166-1 alpha-3.
    pub country: Option<String>,
    /// What the provider thinks of it.
    pub verdict: Reported<DocumentVerdict>,
    /// Why it is bad.
    pub reasons: Vec<ReasonCode>,
    /// How long the file is, in bytes.
    pub size_bytes: Option<u64>,
    /// When it was handed in.
    pub added_at: Option<DateTime<Utc>>,
    /// Whether it counts: those of before a reset do not.
    pub is_active: bool,
}
