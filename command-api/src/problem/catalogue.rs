//! Every code a caller can see, with its HTTP status and title. `docs/API.md` lists the same rows.
//!
//! 400: the request itself is not valid. 401: nobody knows who asks. 403: who asks may not. 404: something named in the path or the body does not
//! exist. 409: it exists, and its state stands in the way. 422: a rule of the ledger refuses it.
//! 429: too often, wait. 503: nothing is wrong with the request, try again.

mod payments;
mod verification;

use poem::http::StatusCode;

use payments::OF_PAYMENTS;
use verification::OF_VERIFICATION;
pub use verification::{
    IDENTITY_PROVIDER_NOT_CONFIGURED, PERSON_CONTACT_MISSING, PERSON_NAME_MISSING,
};

/// A request with fields that cannot be accepted.
pub const INVALID_REQUEST: &str = "invalid_request";
/// A body that is not JSON.
pub const MALFORMED_JSON: &str = "malformed_json";
/// A body above the operation's limit.
pub const BODY_TOO_LARGE: &str = "body_too_large";
/// A body that did not come in time.
pub const BODY_TOO_SLOW: &str = "body_too_slow";
/// A body that does not say it is JSON.
pub const UNSUPPORTED_MEDIA_TYPE: &str = "unsupported_media_type";
/// No such path.
pub const ROUTE_NOT_FOUND: &str = "route_not_found";
/// The path has no such method.
pub const METHOD_NOT_ALLOWED: &str = "method_not_allowed";
/// The operation is for callers who say who they are.
pub const UNAUTHENTICATED: &str = "unauthenticated";
/// What the caller said who they are with is not valid.
pub const CREDENTIAL_INVALID: &str = "credential_invalid";
/// The address, account or key asks too often.
pub const TOO_MANY_REQUESTS: &str = "too_many_requests";
/// The caller may not do this.
pub const FORBIDDEN: &str = "forbidden";
/// The caller's credential was not given the permission that their role has.
pub const SCOPE_MISSING: &str = "scope_missing";
/// The caller's second factor must be given again.
pub const SECOND_FACTOR_NEEDED: &str = "second_factor_needed";
/// A second person has to allow it first.
pub const APPROVAL_NEEDED: &str = "approval_needed";
/// The other issuer of a sign-in cannot be reached.
pub const ISSUER_UNAVAILABLE: &str = "issuer_unavailable";
/// `min_position` is beyond the end of the log.
pub const POSITION_UNKNOWN: &str = "position_unknown";
/// The ledger has no fork of that name.
pub const FORK_NOT_FOUND: &str = "fork_not_found";
/// The read models did not reach `min_position` in time.
pub const POSITION_NOT_REACHED: &str = "position_not_reached";
/// Nobody owns a wallet under that name.
pub const OWNER_NOT_FOUND: &str = "owner_not_found";
/// The ledger had no such aggregate by then.
pub const AGGREGATE_NOT_FOUND: &str = "aggregate_not_found";
/// No account at a payment provider has such an endpoint.
pub const WEBHOOK_ENDPOINT_NOT_FOUND: &str = "webhook_endpoint_not_found";
/// A webhook is not signed by whom it should be.
pub const WEBHOOK_SIGNATURE_INVALID: &str = "webhook_signature_invalid";
/// No such webhook is stored.
pub const WEBHOOK_NOT_FOUND: &str = "webhook_not_found";
/// A webhook whose content is kept no longer.
pub const WEBHOOK_FORGOTTEN: &str = "webhook_forgotten";
/// No such job waits.
pub const JOB_NOT_FOUND: &str = "job_not_found";
/// A job that can still be done by itself.
pub const JOB_NOT_DEAD: &str = "job_not_dead";
/// No checkpoint is of that much of the log yet.
pub const NOT_SEALED: &str = "not_sealed";
/// The log is not what was sealed.
pub const LOG_TAMPERED: &str = "log_tampered";
/// There is no key under which checkpoint keys could be kept.
pub const SEALING_UNAVAILABLE: &str = "sealing_unavailable";
/// Another checkpoint key signs already.
pub const CHECKPOINT_KEY_NOT_CURRENT: &str = "checkpoint_key_not_current";
/// PostgreSQL cannot be reached.
pub const LOG_UNAVAILABLE: &str = "log_unavailable";
/// The outcome of a command is not known.
pub const OUTCOME_UNKNOWN: &str = "outcome_unknown";
/// There is no such dispute.
pub const DISPUTE_NOT_FOUND: &str = "dispute_not_found";
/// Nothing is known of an owner as a person.
pub const PROFILE_NOT_FOUND: &str = "profile_not_found";
/// There is no key under which anything personal could be kept.
pub const PERSONAL_DATA_UNAVAILABLE: &str = "personal_data_unavailable";
/// No provider can be asked for a deposit.
pub const PROVIDER_UNAVAILABLE: &str = "payment_provider_unavailable";
/// A failure inside Daybook.
pub const INTERNAL_FAULT: &str = "internal_fault";

/// A code's row.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The stable code.
    pub code: &'static str,
    /// The HTTP status.
    pub status: StatusCode,
    /// The code in words.
    pub title: &'static str,
    /// Whether the same request may succeed later; a refusal by a rule says so itself.
    pub retryable: bool,
}

const fn permanent(code: &'static str, status: StatusCode, title: &'static str) -> Entry {
    Entry {
        code,
        status,
        title,
        retryable: false,
    }
}

const fn transient(code: &'static str, status: StatusCode, title: &'static str) -> Entry {
    Entry {
        code,
        status,
        title,
        retryable: true,
    }
}

/// Every row, in the order of `docs/API.md`.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    ENTRIES.iter().chain(OF_PAYMENTS).chain(OF_VERIFICATION)
}

/// The rows of everything but payments and verification.
const ENTRIES: &[Entry] = &[
    // The request itself.
    permanent(
        INVALID_REQUEST,
        StatusCode::BAD_REQUEST,
        "The request has fields that cannot be accepted",
    ),
    permanent(
        MALFORMED_JSON,
        StatusCode::BAD_REQUEST,
        "The body is not JSON",
    ),
    permanent(
        ROUTE_NOT_FOUND,
        StatusCode::NOT_FOUND,
        "There is no such path",
    ),
    permanent(
        METHOD_NOT_ALLOWED,
        StatusCode::METHOD_NOT_ALLOWED,
        "The path does not have this method",
    ),
    permanent(
        BODY_TOO_LARGE,
        StatusCode::PAYLOAD_TOO_LARGE,
        "The body is too large",
    ),
    transient(
        BODY_TOO_SLOW,
        StatusCode::REQUEST_TIMEOUT,
        "The body did not come in time",
    ),
    permanent(
        UNSUPPORTED_MEDIA_TYPE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The body is not declared as JSON",
    ),
    permanent(
        "idempotency_key_reused",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The idempotency key was used for another request",
    ),
    // Who asks.
    permanent(
        UNAUTHENTICATED,
        StatusCode::UNAUTHORIZED,
        "The caller has to say who they are",
    ),
    permanent(
        CREDENTIAL_INVALID,
        StatusCode::UNAUTHORIZED,
        "The credential is not valid",
    ),
    transient(
        TOO_MANY_REQUESTS,
        StatusCode::TOO_MANY_REQUESTS,
        "Too many requests",
    ),
    permanent(
        FORBIDDEN,
        StatusCode::FORBIDDEN,
        "The caller may not do this",
    ),
    permanent(
        SCOPE_MISSING,
        StatusCode::FORBIDDEN,
        "The credential was not given this permission",
    ),
    permanent(
        SECOND_FACTOR_NEEDED,
        StatusCode::FORBIDDEN,
        "The second factor must be given again",
    ),
    permanent(
        "invalid_credentials",
        StatusCode::UNAUTHORIZED,
        "The address, the password or the second factor is not right",
    ),
    permanent(
        "second_factor_required",
        StatusCode::UNAUTHORIZED,
        "The password is right, a second factor is needed besides",
    ),
    permanent(
        "invalid_code",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The code is not right, was used, or has expired",
    ),
    transient(
        "too_many_attempts",
        StatusCode::TOO_MANY_REQUESTS,
        "Too many attempts",
    ),
    permanent(
        "password_too_short",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The password is too short",
    ),
    permanent(
        "password_too_long",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The password is too long",
    ),
    permanent(
        "password_guessable",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The password is too easy to guess",
    ),
    permanent(
        "invalid_token",
        StatusCode::UNAUTHORIZED,
        "The token is not valid",
    ),
    permanent(
        "refresh_token_reused",
        StatusCode::UNAUTHORIZED,
        "The refresh token was used before; its session has ended",
    ),
    permanent(
        "identity_not_found",
        StatusCode::NOT_FOUND,
        "There is no such person, session, machine or role",
    ),
    permanent(
        "authenticator_enrolled",
        StatusCode::CONFLICT,
        "An authenticator is already enrolled",
    ),
    permanent(
        "authenticator_not_enrolled",
        StatusCode::CONFLICT,
        "No authenticator is enrolled",
    ),
    permanent(
        APPROVAL_NEEDED,
        StatusCode::FORBIDDEN,
        "A second person has to allow this first",
    ),
    permanent(
        "approval_own_request",
        StatusCode::FORBIDDEN,
        "Nobody decides about their own request",
    ),
    permanent(
        "approver_not_a_person",
        StatusCode::FORBIDDEN,
        "Only a person can be the second person",
    ),
    permanent(
        "approval_decided",
        StatusCode::CONFLICT,
        "Somebody has decided already",
    ),
    permanent(
        "approval_expired",
        StatusCode::CONFLICT,
        "Nobody decided in time",
    ),
    permanent(
        "too_many_approvals",
        StatusCode::TOO_MANY_REQUESTS,
        "Too many requests wait for a second person",
    ),
    permanent(
        "staff_protected",
        StatusCode::FORBIDDEN,
        "Only administrators act on people who work here",
    ),
    permanent(
        "issuer_unknown",
        StatusCode::NOT_FOUND,
        "Nobody signs in here with this issuer",
    ),
    permanent(
        "external_sign_in_failed",
        StatusCode::UNAUTHORIZED,
        "The sign-in with the other issuer failed",
    ),
    transient(
        ISSUER_UNAVAILABLE,
        StatusCode::SERVICE_UNAVAILABLE,
        "The other issuer cannot be reached",
    ),
    // Webhooks and jobs.
    permanent(
        WEBHOOK_ENDPOINT_NOT_FOUND,
        StatusCode::NOT_FOUND,
        "There is no such webhook endpoint",
    ),
    permanent(
        WEBHOOK_SIGNATURE_INVALID,
        StatusCode::UNAUTHORIZED,
        "The webhook's signature is not valid",
    ),
    permanent(
        WEBHOOK_NOT_FOUND,
        StatusCode::NOT_FOUND,
        "There is no such webhook",
    ),
    permanent(
        WEBHOOK_FORGOTTEN,
        StatusCode::NOT_FOUND,
        "The webhook's content was forgotten",
    ),
    permanent(JOB_NOT_FOUND, StatusCode::NOT_FOUND, "There is no such job"),
    permanent(
        JOB_NOT_DEAD,
        StatusCode::CONFLICT,
        "The job is not given up",
    ),
    // Checkpoints.
    transient(
        NOT_SEALED,
        StatusCode::NOT_FOUND,
        "That much of the log is not sealed yet",
    ),
    permanent(
        LOG_TAMPERED,
        StatusCode::CONFLICT,
        "The log is not what was sealed",
    ),
    permanent(
        CHECKPOINT_KEY_NOT_CURRENT,
        StatusCode::CONFLICT,
        "Another checkpoint key signs",
    ),
    permanent(
        SEALING_UNAVAILABLE,
        StatusCode::SERVICE_UNAVAILABLE,
        "Checkpoint keys cannot be kept",
    ),
    // Queries.
    permanent(
        POSITION_UNKNOWN,
        StatusCode::CONFLICT,
        "The position is beyond the end of the log",
    ),
    transient(
        POSITION_NOT_REACHED,
        StatusCode::GATEWAY_TIMEOUT,
        "The read model did not reach the position in time",
    ),
    transient(
        OWNER_NOT_FOUND,
        StatusCode::NOT_FOUND,
        "The owner has no wallets",
    ),
    transient(
        AGGREGATE_NOT_FOUND,
        StatusCode::NOT_FOUND,
        "There was no such aggregate by then",
    ),
    // Ledgers.
    transient(
        "ledger_not_found",
        StatusCode::NOT_FOUND,
        "The ledger does not exist",
    ),
    permanent(
        "ledger_is_sandbox",
        StatusCode::CONFLICT,
        "The ledger is a sandbox",
    ),
    permanent(
        "ledger_name_taken",
        StatusCode::CONFLICT,
        "The name is taken",
    ),
    permanent(
        FORK_NOT_FOUND,
        StatusCode::NOT_FOUND,
        "The ledger has no fork of that name",
    ),
    permanent(
        "fork_position_out_of_range",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The ledger cannot be forked there",
    ),
    permanent(
        "fork_inside_command",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The position is in the middle of a command",
    ),
    permanent(
        "fork_rules_invalid",
        StatusCode::UNPROCESSABLE_ENTITY,
        "A rule of the fork is none",
    ),
    permanent(
        "fork_amount_too_large",
        StatusCode::UNPROCESSABLE_ENTITY,
        "An amount of the fork cannot be kept exactly",
    ),
    permanent(
        "fork_source_broken",
        StatusCode::INTERNAL_SERVER_ERROR,
        "The log of the forked ledger cannot be followed",
    ),
    permanent(
        "ledger_exists",
        StatusCode::CONFLICT,
        "The ledger already exists",
    ),
    permanent(
        "asset_exists",
        StatusCode::CONFLICT,
        "The asset already exists",
    ),
    permanent(
        "asset_scale_out_of_range",
        StatusCode::UNPROCESSABLE_ENTITY,
        "An asset has 0 to 18 decimals",
    ),
    permanent(
        "system_account_exists",
        StatusCode::CONFLICT,
        "The system account already exists",
    ),
    // Wallets.
    transient(
        "wallet_not_found",
        StatusCode::NOT_FOUND,
        "The wallet does not exist",
    ),
    permanent(
        "wallet_exists",
        StatusCode::CONFLICT,
        "The wallet already exists",
    ),
    permanent(
        "wallet_closed",
        StatusCode::CONFLICT,
        "The wallet is closed",
    ),
    transient(
        "wallet_already_frozen",
        StatusCode::CONFLICT,
        "The wallet is already frozen for this scope",
    ),
    transient(
        "wallet_not_frozen",
        StatusCode::CONFLICT,
        "The wallet is not frozen",
    ),
    transient(
        "wallet_frozen",
        StatusCode::CONFLICT,
        "The wallet is frozen",
    ),
    permanent(
        "overdraft_not_an_amount",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The overdraft is not an amount of the asset",
    ),
    transient(
        "wallet_has_holds",
        StatusCode::CONFLICT,
        "The wallet has money reserved by holds",
    ),
    transient(
        "wallet_not_empty",
        StatusCode::CONFLICT,
        "The wallet has a balance",
    ),
    // Transactions.
    transient(
        "transaction_not_found",
        StatusCode::NOT_FOUND,
        "The transaction does not exist",
    ),
    permanent(
        "transaction_exists",
        StatusCode::CONFLICT,
        "The transaction already exists",
    ),
    permanent(
        "transaction_already_reverted",
        StatusCode::CONFLICT,
        "The transaction was already reverted",
    ),
    // Movements, of transactions and holds.
    permanent(
        "no_postings",
        StatusCode::UNPROCESSABLE_ENTITY,
        "There is nothing to post",
    ),
    permanent(
        "too_many_postings",
        StatusCode::UNPROCESSABLE_ENTITY,
        "There are too many postings",
    ),
    permanent(
        "unbalanced",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Debits and credits differ",
    ),
    transient(
        "asset_not_found",
        StatusCode::NOT_FOUND,
        "The ledger does not have the asset",
    ),
    permanent(
        "amount_not_positive",
        StatusCode::UNPROCESSABLE_ENTITY,
        "An amount must be greater than zero",
    ),
    permanent(
        "amount_too_many_decimals",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The amount has more decimals than its asset",
    ),
    permanent(
        "amount_too_large",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The amount has too many digits",
    ),
    permanent(
        "same_source_and_destination",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Source and destination are the same",
    ),
    transient(
        "account_not_found",
        StatusCode::NOT_FOUND,
        "The account does not exist",
    ),
    permanent(
        "balance_overflow",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The account's totals can no longer be kept exactly",
    ),
    transient(
        "insufficient_funds",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The available balance is too low",
    ),
    // Holds.
    transient(
        "hold_not_found",
        StatusCode::NOT_FOUND,
        "The hold does not exist",
    ),
    permanent(
        "hold_exists",
        StatusCode::CONFLICT,
        "The hold already exists",
    ),
    permanent(
        "hold_not_active",
        StatusCode::CONFLICT,
        "The hold has ended",
    ),
    permanent(
        "hold_expired",
        StatusCode::CONFLICT,
        "The hold's time has passed",
    ),
    transient(
        "hold_not_due",
        StatusCode::CONFLICT,
        "The hold is not due to expire",
    ),
    permanent(
        "hold_expiry_passed",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The hold would have expired before it began",
    ),
    permanent(
        "capture_destination_missing",
        StatusCode::UNPROCESSABLE_ENTITY,
        "Nobody is named to receive the capture",
    ),
    permanent(
        "capture_not_an_amount",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The capture is not an amount of the hold's asset",
    ),
    permanent(
        "capture_exceeds_hold",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The capture is more than the hold has left",
    ),
    // Payments.
    transient(
        DISPUTE_NOT_FOUND,
        StatusCode::NOT_FOUND,
        "The dispute does not exist",
    ),
    transient(
        PROVIDER_UNAVAILABLE,
        StatusCode::SERVICE_UNAVAILABLE,
        "No payment provider can be asked",
    ),
    // The service.
    transient(
        "overloaded",
        StatusCode::SERVICE_UNAVAILABLE,
        "Too many commands are waiting",
    ),
    transient(
        "stopping",
        StatusCode::SERVICE_UNAVAILABLE,
        "The service is stopping",
    ),
    transient(
        LOG_UNAVAILABLE,
        StatusCode::SERVICE_UNAVAILABLE,
        "The log cannot be reached",
    ),
    transient(
        OUTCOME_UNKNOWN,
        StatusCode::SERVICE_UNAVAILABLE,
        "The log was lost while writing",
    ),
    permanent(
        INTERNAL_FAULT,
        StatusCode::INTERNAL_SERVER_ERROR,
        "Daybook failed",
    ),
];

/// What an unlisted code gets; a test keeps every code listed, so this is met only when a stored
/// outcome comes from a newer version.
const UNLISTED: Entry = permanent(
    "unlisted",
    StatusCode::UNPROCESSABLE_ENTITY,
    "The request was refused",
);

/// The row of a code.
#[must_use]
pub fn entry_of(code: &str) -> Entry {
    all()
        .find(|entry| entry.code == code)
        .copied()
        .unwrap_or(UNLISTED)
}
