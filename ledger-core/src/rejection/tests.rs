//! Codes are part of the API: each names one rule, for ever.

mod onboarding;
mod outside;
mod verification;

use std::collections::{BTreeMap, BTreeSet};

use crate::fixtures::*;
use crate::hold::{HoldRejection, HoldStatus};
use crate::ledger::LedgerRejection;
use crate::payment::PaymentRejection;
use crate::payout::PayoutRejection;
use crate::posting::{FreezeScope, PostingRejection, Side};
use crate::rejection::Rejection;
use crate::settlement::SettlementRejection;
use crate::transaction::TransactionRejection;
use crate::wallet::WalletRejection;

/// Every rejection there is, with its code, whether it may pass later, and the fields it shows.
/// Rows are added; a code is never changed or given to another rule.
const CODES: [(&str, bool, &str); COUNT] = [
    ("ledger_not_found", true, ""),
    ("ledger_exists", false, "ledger"),
    ("asset_exists", false, "asset scale"),
    ("asset_scale_out_of_range", false, "asset scale"),
    ("system_account_exists", false, "name"),
    ("asset_not_found", true, "asset"),
    ("tier_not_an_amount", false, "asset reason tier"),
    ("tier_not_found", true, "tier"),
    ("policy_not_an_amount", false, "asset reason"),
    ("wallet_not_found", true, "wallet"),
    ("wallet_exists", false, "wallet"),
    ("wallet_closed", false, "wallet"),
    ("wallet_already_frozen", true, "scope wallet"),
    ("wallet_not_frozen", true, "wallet"),
    ("wallet_frozen", true, "scope wallet"),
    ("asset_not_found", true, "asset"),
    ("overdraft_not_an_amount", false, "asset reason"),
    ("wallet_has_holds", true, "account pending_debits"),
    ("wallet_not_empty", true, "account balance"),
    ("transaction_not_found", true, "transaction"),
    ("transaction_exists", false, "transaction"),
    ("transaction_managed", false, "cause transaction"),
    (
        "transaction_already_reverted",
        false,
        "reverting_transaction transaction",
    ),
    ("hold_not_found", true, "hold"),
    ("hold_exists", false, "hold"),
    ("hold_not_active", false, "hold status"),
    ("hold_managed", false, "hold manager"),
    ("hold_expired", false, "expires_at hold"),
    ("hold_not_due", true, "expires_at hold"),
    ("hold_expiry_passed", false, "expires_at"),
    ("capture_destination_missing", false, "hold"),
    ("capture_not_an_amount", false, "hold reason"),
    ("capture_exceeds_hold", false, "hold remaining requested"),
    ("no_postings", false, ""),
    ("too_many_postings", false, "found limit"),
    ("unbalanced", false, "asset difference"),
    ("asset_not_found", true, "asset posting"),
    ("amount_not_positive", false, "amount posting"),
    (
        "amount_too_many_decimals",
        false,
        "allowed asset found posting",
    ),
    ("amount_too_large", false, "asset posting"),
    ("same_source_and_destination", false, "holder posting"),
    ("account_not_found", true, "holder posting side"),
    ("wallet_closed", false, "posting side wallet"),
    ("wallet_frozen", true, "posting scope side wallet"),
    ("balance_overflow", false, "account"),
    ("insufficient_funds", true, "account available required"),
    ("payment_not_found", true, "payment"),
    ("payment_exists", false, "payment"),
    ("payment_not_open", false, "payment status"),
    ("payment_not_captured", true, "payment status"),
    ("payment_expiry_passed", false, "expires_at"),
    ("payment_provider_differs", false, "ours payment theirs"),
    ("payment_attempt_differs", false, "ours payment theirs"),
    ("observed_asset_differs", false, "ours payment theirs"),
    ("captured_amount_differs", false, "ours payment theirs"),
    ("payment_not_in_suspense", false, "payment"),
    ("payment_in_motion", true, "payment"),
    ("refund_exists", false, "payment refund"),
    (
        "refund_exceeds_payment",
        false,
        "payment refundable requested",
    ),
    ("refund_amount_differs", false, "ours payment refund theirs"),
    ("route_too_many_candidates", false, "found limit"),
    ("route_provider_not_a_candidate", false, "provider"),
    ("asset_not_found", true, "asset"),
    ("fees_not_an_amount", false, "asset fee tax"),
    ("payout_not_found", true, "payout"),
    ("payout_exists", false, "payout"),
    ("payout_not_awaiting_approval", false, "payout status"),
    ("payout_approver_is_machine", false, "actor payout"),
    ("payout_approver_is_requester", false, "actor payout"),
    ("payout_awaiting_approval", true, "payout"),
    ("payout_submitted", false, "payout provider status"),
    ("payout_ended", false, "payout status"),
    ("payout_not_submitted", true, "payout provider status"),
    ("payout_provider_differs", false, "ours payout theirs"),
    ("payout_attempt_differs", false, "ours payout theirs"),
    ("payout_reference_differs", false, "ours payout theirs"),
    (
        "payout_succeeded_after_end",
        false,
        "payout provider status",
    ),
    ("payout_was_accepted", false, "payout provider status"),
    ("payout_amount_differs", false, "ours payout theirs"),
    ("beneficiary_not_verified", true, "beneficiary"),
    ("beneficiary_of_other_wallet", false, "beneficiary wallet"),
    ("beneficiary_not_found", true, "beneficiary"),
    ("beneficiary_exists", false, "beneficiary"),
    ("beneficiary_removed", false, "beneficiary"),
    ("beneficiary_verifier_added_it", false, "actor beneficiary"),
    ("wallet_not_found", true, "wallet"),
    ("wallet_closed", false, "wallet"),
    ("settlement_not_found", true, "settlement"),
    ("settlement_differs", false, "settlement"),
    ("break_not_found", true, "settlement subject"),
    ("break_differs", false, "settlement subject"),
    (
        "operation_not_allowed",
        false,
        "asset operation tier wallet",
    ),
    (
        "transaction_limit_exceeded",
        false,
        "allowed asset flow limit requested tier wallet",
    ),
    (
        "period_limit_exceeded",
        true,
        "allowed asset flow frees_at left limit requested tier used wallet",
    ),
    (
        "balance_limit_exceeded",
        true,
        "allowed asset left limit requested tier used wallet",
    ),
    ("receiver_limit_exceeded", true, "asset wallet"),
    ("tier_not_found", true, "tier"),
    ("case_not_found", true, "case"),
    ("case_exists", false, "case"),
    ("tier_not_found", true, "tier"),
    ("case_not_collecting", false, "case status"),
    ("case_documents_missing", true, "case"),
    ("case_out_of_range", false, "found limit what"),
    ("case_nothing_to_review", false, "case status"),
    ("case_not_in_review", false, "case status"),
    ("case_not_expirable", false, "case status"),
    ("case_not_due", true, "case due_at"),
    ("case_not_approved", false, "case status"),
    ("case_reference_differs", false, "case ours provider theirs"),
    ("profile_erased", false, "owner"),
    ("profile_empty", false, ""),
    ("profile_case_in_review", true, "case"),
    ("onboarding_not_found", true, "owner"),
    ("onboarding_exists", false, "owner tier"),
    ("onboarding_ended", false, "owner status"),
    ("tier_not_found", true, "tier"),
    ("onboarding_out_of_range", false, "found limit what"),
    ("asset_not_found", true, "asset"),
    ("wallet_exists", false, "wallet"),
    ("onboarding_not_due", true, "due_at owner"),
];

const COUNT: usize = 120;

/// Rules that more than one aggregate states, and how many do.
const SHARED: [(&str, usize); 6] = [
    ("wallet_closed", 3),
    ("wallet_frozen", 2),
    ("asset_not_found", 5),
    ("wallet_not_found", 2),
    ("wallet_exists", 2),
    ("tier_not_found", 4),
];

fn ledger_rejections() -> Vec<LedgerRejection> {
    let asset = asset_code("POINTS");
    vec![
        LedgerRejection::NotFound {},
        LedgerRejection::Exists {
            ledger: parsed("main"),
        },
        LedgerRejection::AssetExists { asset, scale: 2 },
        LedgerRejection::AssetScaleOutOfRange { asset, scale: 19 },
        LedgerRejection::SystemAccountExists {
            name: parsed("cash"),
        },
        LedgerRejection::AssetNotFound { asset },
        LedgerRejection::TierNotAnAmount {
            tier: parsed("basic"),
            asset,
            reason: "why".to_owned(),
        },
        LedgerRejection::TierNotFound {
            tier: parsed("basic"),
        },
        LedgerRejection::PolicyNotAnAmount {
            asset,
            reason: "why".to_owned(),
        },
    ]
}

fn wallet_rejections() -> Vec<WalletRejection> {
    let (wallet, scope, asset) = (wallet_id(1), FreezeScope::All, asset_code("INR"));
    let account = account(crate::fixtures::wallet(1), "INR");
    vec![
        WalletRejection::NotFound { wallet },
        WalletRejection::Exists { wallet },
        WalletRejection::Closed { wallet },
        WalletRejection::AlreadyFrozen { wallet, scope },
        WalletRejection::NotFrozen { wallet },
        WalletRejection::Frozen { wallet, scope },
        WalletRejection::AssetNotFound { asset },
        WalletRejection::OverdraftNotAnAmount {
            asset,
            reason: "why".to_owned(),
        },
        WalletRejection::HasHolds {
            account,
            pending_debits: decimal("1"),
        },
        WalletRejection::NotEmpty {
            account,
            balance: decimal("1"),
        },
    ]
}

fn transaction_rejections() -> Vec<TransactionRejection> {
    let (transaction, reverting_transaction) = (transaction_id(1), transaction_id(2));
    vec![
        TransactionRejection::NotFound { transaction },
        TransactionRejection::Exists { transaction },
        TransactionRejection::Managed {
            transaction,
            cause: crate::transaction::TransactionCause::Payment(payment_id(1)),
        },
        TransactionRejection::AlreadyReverted {
            transaction,
            reverting_transaction,
        },
    ]
}

fn hold_rejections() -> Vec<HoldRejection> {
    let (hold, expires_at) = (hold_id(1), at(1));
    vec![
        HoldRejection::NotFound { hold },
        HoldRejection::Exists { hold },
        HoldRejection::NotActive {
            hold,
            status: HoldStatus::Voided,
        },
        HoldRejection::Managed {
            hold,
            manager: crate::hold::HoldManager::Payout(payout_id(1)),
        },
        HoldRejection::Expired { hold, expires_at },
        HoldRejection::NotDue {
            hold,
            expires_at: Some(expires_at),
        },
        HoldRejection::ExpiryPassed { expires_at },
        HoldRejection::DestinationMissing { hold },
        HoldRejection::CaptureNotAnAmount {
            hold,
            reason: "why".to_owned(),
        },
        HoldRejection::CaptureExceedsHold {
            hold,
            remaining: decimal("1"),
            requested: decimal("2"),
        },
    ]
}

fn posting_rejections() -> Vec<PostingRejection> {
    let (posting, asset, side) = (0, asset_code("INR"), Side::Source);
    let (wallet, holder, scope) = (wallet_id(1), wallet(1), FreezeScope::All);
    let account = account(holder, "INR");
    vec![
        PostingRejection::NoPostings {},
        PostingRejection::TooManyPostings {
            limit: 1_000,
            found: 1_001,
        },
        PostingRejection::Unbalanced {
            asset,
            difference: decimal("1"),
        },
        PostingRejection::AssetNotFound { posting, asset },
        PostingRejection::AmountNotPositive {
            posting,
            amount: decimal("0"),
        },
        PostingRejection::AmountTooManyDecimals {
            posting,
            asset,
            allowed: 2,
            found: 3,
        },
        PostingRejection::AmountTooLarge { posting, asset },
        PostingRejection::SamePlace { posting, holder },
        PostingRejection::AccountNotFound {
            posting,
            side,
            holder,
        },
        PostingRejection::WalletClosed {
            posting,
            side,
            wallet,
        },
        PostingRejection::WalletFrozen {
            posting,
            side,
            wallet,
            scope,
        },
        PostingRejection::BalanceOverflow { account },
        PostingRejection::InsufficientFunds {
            account,
            available: decimal("1"),
            required: decimal("2"),
        },
    ]
}

fn all() -> Vec<Rejection> {
    let mut all: Vec<Rejection> = ledger_rejections().into_iter().map(Into::into).collect();
    all.extend(wallet_rejections().into_iter().map(Rejection::from));
    all.extend(transaction_rejections().into_iter().map(Rejection::from));
    all.extend(hold_rejections().into_iter().map(Rejection::from));
    let posting = posting_rejections()
        .into_iter()
        .map(TransactionRejection::Posting);
    all.extend(posting.map(Rejection::from));
    all.extend(outside::all());
    all.extend(verification::all());
    all.extend(onboarding::all());
    all
}

fn fields(rejection: &Rejection) -> String {
    let json = serde_json::to_value(rejection).unwrap();
    let mut names: Vec<&str> = json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names.join(" ")
}

#[test]
fn codes_are_what_they_were() {
    let found: Vec<_> = all()
        .iter()
        .map(|rejection| {
            (
                rejection.code(),
                rejection.is_transient(),
                fields(rejection),
            )
        })
        .collect();
    let expected = CODES.map(|(code, transient, fields)| (code, transient, fields.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn a_code_names_one_rule() {
    let mut uses: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for rejection in all() {
        let variant = format!("{rejection:?}");
        let variant = variant
            .split_inclusive(['(', ' '])
            .take(3)
            .collect::<String>();
        uses.entry(rejection.code()).or_default().insert(variant);
    }
    for (code, rules) in uses {
        let shared = SHARED.iter().find(|(shared, _)| *shared == code);
        let expected = shared.map_or(1, |(_, count)| *count);
        assert_eq!(rules.len(), expected, "{code}: {rules:?}");
        assert!(
            code.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{code}"
        );
    }
}

#[test]
fn rules_of_movement_keep_their_code_wherever_they_are_broken() {
    for rejection in posting_rejections() {
        let of_hold = Rejection::from(HoldRejection::from(rejection.clone()));
        let of_transaction = Rejection::from(TransactionRejection::from(rejection.clone()));
        let of_payment = Rejection::from(PaymentRejection::from(rejection.clone()));
        let of_payout = Rejection::from(PayoutRejection::from(rejection.clone()));
        let of_settlement = Rejection::from(SettlementRejection::from(rejection.clone()));
        for wrapped in [
            of_hold,
            of_transaction,
            of_payment,
            of_payout,
            of_settlement,
        ] {
            assert_eq!(wrapped.code(), rejection.code());
            assert_eq!(wrapped.is_transient(), rejection.is_transient());
            assert_eq!(wrapped.to_string(), rejection.to_string());
            let json = serde_json::to_string(&wrapped).unwrap();
            assert_eq!(json, serde_json::to_string(&rejection).unwrap());
        }
    }
}

#[test]
fn money_in_a_rejection_is_a_string() {
    let short = posting_rejections().pop().unwrap();
    let json = serde_json::to_value(&short).unwrap();
    assert_eq!(json["available"], "1");
    assert_eq!(json["required"], "2");
}
