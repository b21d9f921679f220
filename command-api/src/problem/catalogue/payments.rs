//! The codes of payments, payouts, beneficiaries and settlements.

use poem::http::StatusCode;

use super::{Entry, permanent, transient};

/// Their rows, in the order of `docs/API.md`.
pub const OF_PAYMENTS: &[Entry] = &[
    permanent(
        "policy_not_an_amount",
        StatusCode::UNPROCESSABLE_ENTITY,
        "An amount of the policy is not an amount of the asset",
    ),
    permanent(
        "transaction_managed",
        StatusCode::CONFLICT,
        "The transaction was posted by a payment, payout or settlement",
    ),
    permanent(
        "hold_managed",
        StatusCode::CONFLICT,
        "The hold belongs to a payment or payout and ends with it",
    ),
    transient(
        "payment_not_found",
        StatusCode::NOT_FOUND,
        "The payment does not exist",
    ),
    permanent(
        "payment_exists",
        StatusCode::CONFLICT,
        "The payment already exists",
    ),
    permanent(
        "payment_not_open",
        StatusCode::CONFLICT,
        "The payment has come too far for this",
    ),
    transient(
        "payment_not_captured",
        StatusCode::CONFLICT,
        "The payment's money has not arrived",
    ),
    permanent(
        "payment_expiry_passed",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The payment would have expired before it began",
    ),
    permanent(
        "payment_provider_differs",
        StatusCode::CONFLICT,
        "Another provider has the payment's money",
    ),
    permanent(
        "payment_attempt_differs",
        StatusCode::CONFLICT,
        "Another attempt's money is the payment's",
    ),
    permanent(
        "observed_asset_differs",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The payment is of another asset",
    ),
    permanent(
        "captured_amount_differs",
        StatusCode::CONFLICT,
        "The payment was captured with another amount",
    ),
    permanent(
        "payment_not_in_suspense",
        StatusCode::CONFLICT,
        "Nothing of the payment is in suspense",
    ),
    transient(
        "payment_in_motion",
        StatusCode::CONFLICT,
        "The payment has refunds on their way or open disputes",
    ),
    permanent(
        "refund_exists",
        StatusCode::CONFLICT,
        "The refund already exists",
    ),
    permanent(
        "refund_exceeds_payment",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The refund is more than can be refunded",
    ),
    permanent(
        "refund_amount_differs",
        StatusCode::CONFLICT,
        "The refund is of another amount",
    ),
    permanent(
        "route_too_many_candidates",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The route weighs too many providers",
    ),
    permanent(
        "route_provider_not_a_candidate",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The route's provider could not be chosen",
    ),
    permanent(
        "fees_not_an_amount",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The provider's charge is not an amount",
    ),
    transient(
        "payout_not_found",
        StatusCode::NOT_FOUND,
        "The payout does not exist",
    ),
    permanent(
        "payout_exists",
        StatusCode::CONFLICT,
        "The payout already exists",
    ),
    permanent(
        "payout_not_awaiting_approval",
        StatusCode::CONFLICT,
        "The payout waits for nobody's approval",
    ),
    permanent(
        "payout_approver_is_machine",
        StatusCode::FORBIDDEN,
        "A person has to decide about the payout",
    ),
    permanent(
        "payout_approver_is_requester",
        StatusCode::FORBIDDEN,
        "Somebody else has to decide about the payout",
    ),
    transient(
        "payout_awaiting_approval",
        StatusCode::CONFLICT,
        "The payout awaits approval",
    ),
    permanent(
        "payout_submitted",
        StatusCode::CONFLICT,
        "A provider may have the payout already",
    ),
    permanent("payout_ended", StatusCode::CONFLICT, "The payout has ended"),
    transient(
        "payout_not_submitted",
        StatusCode::CONFLICT,
        "The payout was not submitted to the provider",
    ),
    permanent(
        "payout_provider_differs",
        StatusCode::CONFLICT,
        "The payout was submitted to another provider",
    ),
    permanent(
        "payout_attempt_differs",
        StatusCode::CONFLICT,
        "The payout is at another attempt",
    ),
    permanent(
        "payout_reference_differs",
        StatusCode::CONFLICT,
        "The payout is another one at the provider",
    ),
    permanent(
        "payout_succeeded_after_end",
        StatusCode::CONFLICT,
        "The payout takes place though it has ended",
    ),
    permanent(
        "payout_was_accepted",
        StatusCode::CONFLICT,
        "The provider has accepted the payout before",
    ),
    permanent(
        "payout_amount_differs",
        StatusCode::CONFLICT,
        "The payout is of another amount or asset",
    ),
    transient(
        "beneficiary_not_verified",
        StatusCode::CONFLICT,
        "The beneficiary is not verified",
    ),
    permanent(
        "beneficiary_of_other_wallet",
        StatusCode::CONFLICT,
        "The beneficiary is another wallet's",
    ),
    transient(
        "beneficiary_not_found",
        StatusCode::NOT_FOUND,
        "The beneficiary does not exist",
    ),
    permanent(
        "beneficiary_exists",
        StatusCode::CONFLICT,
        "The beneficiary already exists",
    ),
    permanent(
        "beneficiary_removed",
        StatusCode::CONFLICT,
        "The beneficiary was removed",
    ),
    permanent(
        "beneficiary_verifier_added_it",
        StatusCode::FORBIDDEN,
        "Somebody else has to verify the beneficiary",
    ),
    transient(
        "settlement_not_found",
        StatusCode::NOT_FOUND,
        "The settlement does not exist",
    ),
    permanent(
        "settlement_differs",
        StatusCode::CONFLICT,
        "The settlement was recorded otherwise before",
    ),
    transient(
        "break_not_found",
        StatusCode::NOT_FOUND,
        "The settlement has no such break",
    ),
    permanent(
        "break_differs",
        StatusCode::CONFLICT,
        "The break was recorded with other amounts before",
    ),
];
