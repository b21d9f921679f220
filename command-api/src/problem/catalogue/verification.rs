//! The codes of tiers, limits and verification cases.

use poem::http::StatusCode;

use super::{Entry, permanent, transient};

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
];
