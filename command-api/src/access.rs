//! Who may call which operation: the one table, and where it is applied.
//!
//! Each operation has one row: the permission it needs, and what is the caller's own where their role
//! reaches no further. [`guard`] asks before the operation sees the request; [`ownership`] finds out
//! whose something is; the OpenAPI document says the permission of each operation. What belongs to
//! somebody else is answered as if it did not exist. [`four_eyes`] holds back what needs a second person.
//! The live streams ask through the same [`Gate`].

pub mod four_eyes;
pub mod guard;
pub mod ownership;
mod streams;

use identity::permission::Permission;

pub use guard::{Access, Gate};

/// Whom an operation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// Everybody.
    Public,
    /// Everybody who is known, about themselves.
    SignedIn,
    /// Whoever has the permission, for what [`Own`] says.
    Has(Permission, Own),
}

/// What is the caller's own, for roles that reach no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// It belongs to nobody: whoever has the permission at all may.
    Shared,
    /// The wallet in the path.
    Wallet,
    /// The account in the path, through its wallet.
    Account,
    /// The transaction in the path, when one of its postings touches a wallet of the caller.
    Transaction,
    /// The hold in the path, through the account it is on.
    Hold,
    /// The deposit in the path, through the wallet that holds its money or is to be credited.
    Deposit,
    /// The dispute in the path, through the wallet whose money is disputed.
    Dispute,
    /// The payout in the path, through its wallet.
    Payout,
    /// The verification case in the path, through its owner.
    Case,
    /// The owner in the path.
    Owner,
    /// The onboarding of the owner in the path.
    Onboarding,
    /// What the query narrows to the caller: this parameter is their owner, or a wallet or account of
    /// theirs.
    Filter(&'static [&'static str]),
    /// The commands say it: [`ownership::Ownership::check_commands`].
    Commands,
    /// Nothing.
    Nothing,
}

/// The operation of which refusals are recorded as well.
pub const DOCUMENT_DOWNLOAD: &str = "get_case_document";

/// The checkpoint and the tiles of a log at the paths that C2SP gives them; no operation of the document.
pub const LOG_FILES: &str = "get_log_file";

/// Every operation and its requirement, by the operation's id.
pub const TABLE: &[(&str, Requirement)] = {
    use Permission as P;
    use Requirement::Has;
    &[
        ("list_ledgers", Has(P::LedgersRead, Own::Shared)),
        ("get_ledger", Has(P::LedgersRead, Own::Shared)),
        ("open_ledger", Has(P::LedgersManage, Own::Nothing)),
        ("list_assets", Has(P::LedgersRead, Own::Shared)),
        ("get_asset", Has(P::LedgersRead, Own::Shared)),
        ("register_asset", Has(P::LedgersManage, Own::Nothing)),
        ("list_system_accounts", Has(P::ReportsRead, Own::Nothing)),
        ("open_system_account", Has(P::LedgersManage, Own::Nothing)),
        ("list_wallets", Has(P::WalletsRead, Own::Filter(&["owner"]))),
        ("get_wallet", Has(P::WalletsRead, Own::Wallet)),
        ("open_wallet", Has(P::WalletsOpen, Own::Commands)),
        ("freeze_wallet", Has(P::WalletsManage, Own::Nothing)),
        ("unfreeze_wallet", Has(P::WalletsManage, Own::Nothing)),
        ("close_wallet", Has(P::WalletsManage, Own::Nothing)),
        ("set_wallet_overdraft", Has(P::WalletsManage, Own::Nothing)),
        ("list_wallet_accounts", Has(P::AccountsRead, Own::Wallet)),
        ("get_wallet_statement", Has(P::AccountsRead, Own::Wallet)),
        ("list_accounts", Has(P::AccountsRead, Own::Nothing)),
        ("get_account", Has(P::AccountsRead, Own::Account)),
        ("get_balance", Has(P::AccountsRead, Own::Account)),
        ("get_statement", Has(P::AccountsRead, Own::Account)),
        // It tells who gave commands and under which keys, as the log does.
        ("explain_balance", Has(P::LogRead, Own::Nothing)),
        (
            "list_transactions",
            Has(P::TransactionsRead, Own::Filter(&["holder", "account"])),
        ),
        (
            "get_transaction",
            Has(P::TransactionsRead, Own::Transaction),
        ),
        ("post_transaction", Has(P::TransactionsPost, Own::Commands)),
        ("post_transactions", Has(P::TransactionsPost, Own::Commands)),
        (
            "revert_transaction",
            Has(P::TransactionsRevert, Own::Nothing),
        ),
        (
            "list_holds",
            Has(P::TransactionsRead, Own::Filter(&["source"])),
        ),
        ("get_hold", Has(P::TransactionsRead, Own::Hold)),
        ("place_hold", Has(P::HoldsPlace, Own::Commands)),
        ("capture_hold", Has(P::HoldsSettle, Own::Nothing)),
        ("void_hold", Has(P::HoldsSettle, Own::Nothing)),
        ("create_deposit", Has(P::DepositsCreate, Own::Commands)),
        (
            "list_deposits",
            Has(P::PaymentsRead, Own::Filter(&["wallet"])),
        ),
        ("get_deposit", Has(P::PaymentsRead, Own::Deposit)),
        ("expire_deposit", Has(P::DepositsCreate, Own::Deposit)),
        ("request_refund", Has(P::RefundsRequest, Own::Nothing)),
        ("credit_deposit", Has(P::PaymentsResolve, Own::Nothing)),
        (
            "list_refunds",
            Has(P::PaymentsRead, Own::Filter(&["wallet"])),
        ),
        (
            "list_disputes",
            Has(P::PaymentsRead, Own::Filter(&["wallet"])),
        ),
        ("get_dispute", Has(P::PaymentsRead, Own::Dispute)),
        ("request_payout", Has(P::PayoutsRequest, Own::Commands)),
        ("decide_payout", Has(P::PayoutsDecide, Own::Nothing)),
        ("cancel_payout", Has(P::PayoutsCancel, Own::Payout)),
        (
            "list_payouts",
            Has(P::PaymentsRead, Own::Filter(&["wallet"])),
        ),
        ("get_payout", Has(P::PaymentsRead, Own::Payout)),
        ("add_beneficiary", Has(P::BeneficiariesManage, Own::Wallet)),
        ("list_beneficiaries", Has(P::PaymentsRead, Own::Wallet)),
        (
            "verify_beneficiary",
            Has(P::BeneficiariesVerify, Own::Nothing),
        ),
        (
            "remove_beneficiary",
            Has(P::BeneficiariesManage, Own::Wallet),
        ),
        ("record_profile", Has(P::ProfilesRecord, Own::Owner)),
        ("get_profile", Has(P::ProfilesRead, Own::Owner)),
        ("find_profiles", Has(P::ProfilesRead, Own::Nothing)),
        ("erase_profile", Has(P::ProfilesErase, Own::Nothing)),
        ("list_settlements", Has(P::ReportsRead, Own::Nothing)),
        ("get_settlement", Has(P::ReportsRead, Own::Nothing)),
        ("list_settlement_breaks", Has(P::ReportsRead, Own::Nothing)),
        (
            "resolve_settlement_break",
            Has(P::PaymentsResolve, Own::Nothing),
        ),
        ("get_payment_policy", Has(P::LedgersRead, Own::Shared)),
        ("set_payment_policy", Has(P::PaymentsManage, Own::Nothing)),
        ("list_tiers", Has(P::LedgersRead, Own::Shared)),
        ("get_tier", Has(P::LedgersRead, Own::Shared)),
        ("set_tier", Has(P::TiersManage, Own::Nothing)),
        ("set_default_tier", Has(P::TiersManage, Own::Nothing)),
        ("get_owner_limits", Has(P::AccountsRead, Own::Owner)),
        ("get_owner_tier", Has(P::AccountsRead, Own::Owner)),
        ("grant_tier", Has(P::TiersGrant, Own::Nothing)),
        ("withdraw_tier", Has(P::TiersGrant, Own::Nothing)),
        ("open_case", Has(P::CasesOpen, Own::Commands)),
        ("list_cases", Has(P::CasesRead, Own::Filter(&["owner"]))),
        ("get_case", Has(P::CasesRead, Own::Case)),
        ("get_case_timeline", Has(P::CasesRead, Own::Nothing)),
        ("get_case_funnel", Has(P::ReportsRead, Own::Nothing)),
        ("request_case_documents", Has(P::CasesManage, Own::Nothing)),
        ("submit_case", Has(P::CasesManage, Own::Nothing)),
        ("start_case_review", Has(P::CasesManage, Own::Nothing)),
        ("require_reverification", Has(P::CasesManage, Own::Nothing)),
        ("expire_case", Has(P::CasesManage, Own::Nothing)),
        ("approve_case", Has(P::CasesDecide, Own::Nothing)),
        ("reject_case", Has(P::CasesDecide, Own::Nothing)),
        ("reset_case", Has(P::CasesDecide, Own::Nothing)),
        ("start_onboarding", Has(P::OnboardingsStart, Own::Commands)),
        (
            "list_onboardings",
            Has(P::OnboardingsRead, Own::Filter(&["owner"])),
        ),
        ("get_onboarding", Has(P::OnboardingsRead, Own::Onboarding)),
        (
            "resume_onboarding",
            Has(P::OnboardingsStart, Own::Onboarding),
        ),
        ("cancel_onboarding", Has(P::OnboardingsCancel, Own::Nothing)),
        ("add_case_document", Has(P::DocumentsAdd, Own::Case)),
        ("open_case_document_upload", Has(P::DocumentsAdd, Own::Case)),
        ("bring_case_document", Requirement::Public),
        ("list_case_documents", Has(P::CasesRead, Own::Case)),
        (DOCUMENT_DOWNLOAD, Has(P::DocumentsRead, Own::Nothing)),
        ("list_provider_days", Has(P::ReportsRead, Own::Nothing)),
        ("list_providers", Has(P::ReportsRead, Own::Nothing)),
        ("open_checkout_page", Requirement::Public),
        ("receive_webhook", Requirement::Public),
        (
            "list_webhook_deliveries",
            Has(P::WebhooksRead, Own::Nothing),
        ),
        ("get_webhook_delivery", Has(P::WebhooksRead, Own::Nothing)),
        ("get_webhook_content", Has(P::WebhooksManage, Own::Nothing)),
        ("replay_webhook", Has(P::WebhooksManage, Own::Nothing)),
        ("list_jobs", Has(P::JobsRead, Own::Nothing)),
        ("get_job", Has(P::JobsRead, Own::Nothing)),
        ("retry_job", Has(P::JobsManage, Own::Nothing)),
        ("discard_job", Has(P::JobsManage, Own::Nothing)),
        ("list_events", Has(P::LogRead, Own::Nothing)),
        ("get_aggregate_state", Has(P::LogRead, Own::Nothing)),
        ("export_books", Has(P::LogRead, Own::Nothing)),
        ("list_checkpoints", Has(P::LogRead, Own::Nothing)),
        ("list_checkpoint_keys", Has(P::LogRead, Own::Nothing)),
        ("get_event_proof", Has(P::LogRead, Own::Nothing)),
        ("get_consistency_proof", Has(P::LogRead, Own::Nothing)),
        (LOG_FILES, Has(P::LogRead, Own::Nothing)),
        ("create_fork", Has(P::ForksCreate, Own::Nothing)),
        ("list_forks", Has(P::LogRead, Own::Nothing)),
        ("get_fork", Has(P::LogRead, Own::Nothing)),
        ("list_fork_differences", Has(P::LogRead, Own::Nothing)),
        ("list_fork_balances", Has(P::LogRead, Own::Nothing)),
        ("seal_ledger", Has(P::CheckpointsSeal, Own::Nothing)),
        (
            "replace_checkpoint_key",
            Has(P::CheckpointKeysManage, Own::Nothing),
        ),
        ("get_trial_balance", Has(P::ReportsRead, Own::Nothing)),
        ("list_activity", Has(P::ReportsRead, Own::Nothing)),
        ("get_owner_statistics", Has(P::AccountsRead, Own::Owner)),
        ("register", Requirement::Public),
        ("verify_address", Requirement::Public),
        ("request_password_reset", Requirement::Public),
        ("reset_password", Requirement::Public),
        ("sign_in", Requirement::Public),
        ("refresh_session", Requirement::Public),
        ("list_issuers", Requirement::Public),
        ("begin_external_sign_in", Requirement::Public),
        ("finish_external_sign_in", Requirement::Public),
        ("get_me", Requirement::SignedIn),
        ("list_my_sessions", Requirement::SignedIn),
        ("end_my_session", Requirement::SignedIn),
        ("end_my_sessions", Requirement::SignedIn),
        ("step_up", Requirement::SignedIn),
        ("make_stream_ticket", Requirement::SignedIn),
        ("add_my_address", Requirement::SignedIn),
        ("change_my_password", Requirement::SignedIn),
        ("enrol_authenticator", Requirement::SignedIn),
        ("confirm_authenticator", Requirement::SignedIn),
        ("remove_authenticator", Requirement::SignedIn),
        ("make_recovery_codes", Requirement::SignedIn),
        ("list_people", Has(P::PeopleRead, Own::Nothing)),
        ("get_person", Has(P::PeopleRead, Own::Nothing)),
        ("block_person", Has(P::PeopleManage, Own::Nothing)),
        ("unblock_person", Has(P::PeopleManage, Own::Nothing)),
        ("list_person_sessions", Has(P::PeopleRead, Own::Nothing)),
        ("end_person_sessions", Has(P::PeopleManage, Own::Nothing)),
        ("list_roles", Has(P::PeopleRead, Own::Nothing)),
        ("give_role", Has(P::RolesManage, Own::Nothing)),
        ("take_role", Has(P::RolesManage, Own::Nothing)),
        ("make_machine", Has(P::MachinesManage, Own::Nothing)),
        ("list_machines", Has(P::PeopleRead, Own::Nothing)),
        ("revoke_machine", Has(P::MachinesManage, Own::Nothing)),
        ("oauth_token", Requirement::Public),
        ("oauth_revoke", Requirement::Public),
        ("oauth_introspect", Requirement::Public),
        ("oauth_keys", Requirement::Public),
        ("oauth_metadata", Requirement::Public),
        ("list_access_records", Has(P::RecordsRead, Own::Nothing)),
        ("list_approvals", Has(P::ApprovalsRead, Own::Nothing)),
        ("get_approval", Has(P::ApprovalsRead, Own::Nothing)),
        ("decide_approval", Has(P::ApprovalsDecide, Own::Nothing)),
        ("get_metrics", Has(P::MetricsRead, Own::Nothing)),
    ]
};

/// The requirement of an operation; an operation without a row is for nobody but administrators, and a
/// test fails.
#[must_use]
pub fn requirement_of(operation: &str) -> Requirement {
    TABLE.iter().find(|(id, _)| *id == operation).map_or(
        Requirement::Has(Permission::LedgersManage, Own::Nothing),
        |(_, requirement)| *requirement,
    )
}
