//! The codes of tiers, limits, verification cases, profiles and onboardings.

use poem::http::StatusCode;

use super::{Entry, permanent, transient};

/// A case is handed to a provider at which the ledger has no account.
pub const IDENTITY_PROVIDER_NOT_CONFIGURED: &str = "identity_provider_not_configured";
/// A case is handed to a provider that demands the person's name.
pub const PERSON_NAME_MISSING: &str = "person_name_missing";
/// A case is handed to a provider that demands a way to reach the person.
pub const PERSON_CONTACT_MISSING: &str = "person_contact_missing";

/// Their rows, in the order of `docs/API.md`.
pub const OF_VERIFICATION: &[Entry] = &[
    permanent(
        "tier_not_an_amount",
        StatusCode::UNPROCESSABLE_ENTITY,
        "An amount of the tier is not an amount of the asset",
    ),
    transient(
        "tier_not_found",
        StatusCode::NOT_FOUND,
        "The ledger does not have the tier",
    ),
    permanent(
        "operation_not_allowed",
        StatusCode::FORBIDDEN,
        "The owner's tier does not allow this",
    ),
    permanent(
        "transaction_limit_exceeded",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The movement is more than the owner's tier allows at once",
    ),
    transient(
        "period_limit_exceeded",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The movement is more than is left of the owner's day or month",
    ),
    transient(
        "balance_limit_exceeded",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The owner's wallets would hold more than the tier allows",
    ),
    transient(
        "receiver_limit_exceeded",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The receiver cannot receive this now",
    ),
    transient(
        "case_not_found",
        StatusCode::NOT_FOUND,
        "The verification case does not exist",
    ),
    permanent(
        "case_exists",
        StatusCode::CONFLICT,
        "The verification case already exists",
    ),
    permanent(
        "case_not_collecting",
        StatusCode::CONFLICT,
        "The verification case takes nothing in now",
    ),
    transient(
        "case_documents_missing",
        StatusCode::CONFLICT,
        "Documents that were requested are missing",
    ),
    permanent(
        "case_out_of_range",
        StatusCode::UNPROCESSABLE_ENTITY,
        "There are too many or too few of something",
    ),
    permanent(
        "case_nothing_to_review",
        StatusCode::CONFLICT,
        "There is nothing to review in the verification case",
    ),
    permanent(
        "case_not_in_review",
        StatusCode::CONFLICT,
        "The verification case is not in review",
    ),
    permanent(
        "case_not_expirable",
        StatusCode::CONFLICT,
        "The verification case does not expire now",
    ),
    transient(
        "case_not_due",
        StatusCode::CONFLICT,
        "The verification case is not due",
    ),
    permanent(
        "case_not_approved",
        StatusCode::CONFLICT,
        "The verification case is not approved",
    ),
    permanent(
        "case_reference_differs",
        StatusCode::CONFLICT,
        "The provider knows the verification case by another id",
    ),
    permanent(
        "profile_erased",
        StatusCode::CONFLICT,
        "The person was erased",
    ),
    permanent(
        "profile_empty",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Nothing is recorded and nothing removed",
    ),
    transient(
        "profile_case_in_review",
        StatusCode::CONFLICT,
        "A verification case of the owner is in review",
    ),
    transient(
        super::PROFILE_NOT_FOUND,
        StatusCode::NOT_FOUND,
        "Nothing is known of the owner as a person",
    ),
    transient(
        super::PERSONAL_DATA_UNAVAILABLE,
        StatusCode::SERVICE_UNAVAILABLE,
        "Nothing personal is kept here",
    ),
    permanent(
        IDENTITY_PROVIDER_NOT_CONFIGURED,
        StatusCode::UNPROCESSABLE_ENTITY,
        "The ledger has no account at the identity provider",
    ),
    permanent(
        PERSON_NAME_MISSING,
        StatusCode::UNPROCESSABLE_ENTITY,
        "The identity provider demands the person's name",
    ),
    permanent(
        PERSON_CONTACT_MISSING,
        StatusCode::UNPROCESSABLE_ENTITY,
        "The identity provider demands an email address or a phone number that it can use",
    ),
    transient(
        "onboarding_not_found",
        StatusCode::NOT_FOUND,
        "The owner has no onboarding",
    ),
    permanent(
        "onboarding_exists",
        StatusCode::CONFLICT,
        "The owner's onboarding to another tier is under way",
    ),
    permanent(
        "onboarding_ended",
        StatusCode::CONFLICT,
        "The owner's onboarding has ended",
    ),
    permanent(
        "onboarding_out_of_range",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The request has too many parts for an onboarding",
    ),
    transient(
        "onboarding_not_due",
        StatusCode::CONFLICT,
        "The owner has time left",
    ),
    permanent(
        "document_empty",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The document is empty",
    ),
    permanent(
        "document_type_not_allowed",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The document is of a kind that is not taken",
    ),
    permanent(
        "document_type_differs",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The document is not what it is said to be",
    ),
    permanent(
        "document_unreadable",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The document cannot be read as what it seems to be",
    ),
    permanent(
        "document_too_many_pixels",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The image becomes too large when it is opened",
    ),
    permanent(
        "document_encoded",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The document must not be compressed or encoded on its way",
    ),
    permanent(
        "document_size_differs",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The document has another size than was said",
    ),
    permanent(
        "document_hash_differs",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The document has another SHA-256 than was said",
    ),
    permanent(
        "document_not_found",
        StatusCode::NOT_FOUND,
        "The case has no such document",
    ),
    permanent(
        "document_removed",
        StatusCode::GONE,
        "The document is kept no longer",
    ),
    permanent(
        "document_damaged",
        StatusCode::INTERNAL_SERVER_ERROR,
        "The document is not as it was stored",
    ),
    transient(
        "document_storage_unavailable",
        StatusCode::SERVICE_UNAVAILABLE,
        "The storage of documents cannot be reached",
    ),
    transient(
        "too_many_uploads",
        StatusCode::SERVICE_UNAVAILABLE,
        "Too many documents are being brought",
    ),
    transient(
        "too_many_upload_addresses",
        StatusCode::TOO_MANY_REQUESTS,
        "Too many addresses for documents of the case are open",
    ),
    permanent(
        "malformed_multipart",
        StatusCode::BAD_REQUEST,
        "The parts of the body cannot be told apart",
    ),
    permanent(
        "upload_not_found",
        StatusCode::NOT_FOUND,
        "There is no such address for a document",
    ),
    permanent(
        "upload_expired",
        StatusCode::GONE,
        "The time of the address for a document is over",
    ),
    permanent(
        "upload_used",
        StatusCode::CONFLICT,
        "The document of the address was brought",
    ),
    transient(
        "upload_in_use",
        StatusCode::CONFLICT,
        "The document of the address is being brought",
    ),
];
