//! Whose something is.
//!
//! A wallet's owner never changes, so that it is remembered; whose an account, hold or transaction is
//! follows from the wallets it touches. A wallet that the read model does not have yet is waited for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger_core::beneficiary::BeneficiaryAction;
use ledger_core::identifier::derived_id;
use ledger_core::onboarding::{OnboardingAction, Reopen};
use ledger_core::payment::PaymentAction;
use ledger_core::payout::PayoutAction;
use ledger_core::profile::ProfileAction;
use ledger_core::verification::CaseAction;
use ledger_core::{
    AccountId, CaseId, Command, HoldId, Holder, LedgerName, OwnerId, TierName, TransactionId,
    WalletId,
};
use projections::queries::QueryError;
use projections::queries::payments::rows::{BeneficiaryRow, Document, PaymentRow, PayoutRow};
use projections::{Queries, ReadModelName};
use uuid::Uuid;

use crate::problem::{Problem, catalogue};

/// Wallets remembered at most; all are forgotten when there would be more.
const MOST_REMEMBERED: usize = 100_000;

/// How long a read model may take to know what was just written.
const PATIENCE: Duration = Duration::from_secs(2);

/// The case that a customer opens for themselves, for a tier: there is one, so that whoever was rejected for
/// good has no other.
#[must_use]
pub fn case_of_customer(owner: &OwnerId, tier: TierName) -> CaseId {
    let id = derived_id(&["verification case", owner.as_str(), tier.as_str()]);
    CaseId::new(id)
}

/// Finds out whose something is; cheap to clone.
#[derive(Clone)]
pub struct Ownership {
    queries: Queries,
    owners: Arc<Mutex<HashMap<(LedgerName, WalletId), OwnerId>>>,
    /// What a ledger is never changes either.
    sandboxes: Arc<Mutex<HashMap<LedgerName, bool>>>,
}

impl Ownership {
    /// Asks these read models.
    #[must_use]
    pub fn new(queries: Queries) -> Self {
        Self {
            queries,
            owners: Arc::default(),
            sandboxes: Arc::default(),
        }
    }

    /// Whether a ledger is a fork of another: what would have happened is nobody's own.
    ///
    /// # Errors
    /// The problem with the database.
    pub async fn is_sandbox(&self, ledger: LedgerName) -> Result<bool, Problem> {
        let known = |sandboxes: &Mutex<HashMap<LedgerName, bool>>| {
            let known = sandboxes.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&ledger).copied()
        };
        if let Some(known) = known(&self.sandboxes) {
            return Ok(known);
        }
        let found = match self.queries.ledger(ledger).await {
            Err(QueryError::LedgerNotFound { .. }) => return Ok(false),
            found => found?.is_sandbox,
        };
        let mut sandboxes = self
            .sandboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        sandboxes.insert(ledger, found);
        Ok(found)
    }

    /// Whether a wallet is this owner's.
    ///
    /// # Errors
    /// The problem with the database.
    pub async fn is_wallet_of(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        wallet: WalletId,
    ) -> Result<bool, Problem> {
        if let Some(known) = self.remembered(ledger, wallet) {
            return Ok(known == *owner);
        }
        let mut found = self.queries.wallet(ledger, wallet).await?.value;
        if found.is_none() {
            let wallets = [ReadModelName::Wallets];
            self.queries.catch_up(ledger, &wallets, PATIENCE).await?;
            found = self.queries.wallet(ledger, wallet).await?.value;
        }
        Ok(found.is_some_and(|wallet_row| {
            self.remember(ledger, wallet, &wallet_row.owner);
            wallet_row.owner == *owner
        }))
    }

    /// Whether a holder is a wallet of this owner; system accounts are nobody's.
    ///
    /// # Errors
    /// The problem with the database.
    pub async fn is_holder_of(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        holder: Holder,
    ) -> Result<bool, Problem> {
        match holder {
            Holder::Wallet(wallet) => self.is_wallet_of(owner, ledger, wallet).await,
            Holder::System(_) => Ok(false),
        }
    }

    /// Whether an account is of a wallet of this owner.
    ///
    /// # Errors
    /// The problem with the database.
    pub async fn is_account_of(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        account: AccountId,
    ) -> Result<bool, Problem> {
        self.is_holder_of(owner, ledger, account.holder).await
    }

    /// Whether a transaction touches a wallet of this owner.
    ///
    /// # Errors
    /// The problem with the database.
    pub async fn is_transaction_of(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        transaction: TransactionId,
    ) -> Result<bool, Problem> {
        let mut found = self.queries.transaction(ledger, transaction).await?.value;
        if found.is_none() {
            let transactions = [ReadModelName::Transactions];
            self.queries
                .catch_up(ledger, &transactions, PATIENCE)
                .await?;
            found = self.queries.transaction(ledger, transaction).await?.value;
        }
        for posting in found.iter().flat_map(|row| &row.postings) {
            for holder in [posting.source, posting.destination] {
                if self.is_holder_of(owner, ledger, holder).await? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether a hold is on a wallet of this owner.
    ///
    /// # Errors
    /// The problem with the database.
    pub async fn is_hold_of(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        hold: HoldId,
    ) -> Result<bool, Problem> {
        let mut found = self.queries.hold(ledger, hold).await?.value;
        if found.is_none() {
            let holds = [ReadModelName::Holds];
            self.queries.catch_up(ledger, &holds, PATIENCE).await?;
            found = self.queries.hold(ledger, hold).await?.value;
        }
        match found {
            Some(row) => self.is_holder_of(owner, ledger, row.source).await,
            None => Ok(false),
        }
    }

    /// Whether a payment, payout, dispute or beneficiary is of a wallet of this owner. Money of a payment
    /// may be credited to another wallet than was asked for, so whoever is refused by a read model that
    /// lags is asked about again.
    ///
    /// # Errors
    /// The problem with the database.
    pub async fn is_outside_of<T: Document>(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        id: Uuid,
    ) -> Result<bool, Problem> {
        if self.is_shown_as_of::<T>(owner, ledger, id).await? {
            return Ok(true);
        }
        let payments = [ReadModelName::Payments];
        self.queries.catch_up(ledger, &payments, PATIENCE).await?;
        self.is_shown_as_of::<T>(owner, ledger, id).await
    }

    async fn is_shown_as_of<T: Document>(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        id: Uuid,
    ) -> Result<bool, Problem> {
        let found = self.queries.document::<T>(ledger, id).await?.value;
        match found.and_then(|row| row.columns().wallet) {
            Some(wallet) => self.is_wallet_of(owner, ledger, wallet).await,
            None => Ok(false),
        }
    }

    /// Whether a verification case is about this owner, which never changes.
    ///
    /// # Errors
    /// The problem with the database.
    pub async fn is_case_of(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        case: CaseId,
    ) -> Result<bool, Problem> {
        let mut found = self.queries.verification_case(ledger, case).await?.value;
        if found.is_none() {
            let cases = [ReadModelName::Verification];
            self.queries.catch_up(ledger, &cases, PATIENCE).await?;
            found = self.queries.verification_case(ledger, case).await?.value;
        }
        let about = found.as_ref().and_then(|row| row.open());
        Ok(about.is_some_and(|(open, _)| open.owner == *owner))
    }

    /// Refuses commands of an owner that concern what is not theirs: they open wallets for themselves, without
    /// credit, and give and reserve money of their own wallets only, now and not in another time; they begin
    /// and end deposits, payouts and beneficiaries of their own wallets; they open cases about themselves, and
    /// begin their own onboarding.
    ///
    /// # Errors
    /// `forbidden`; the problem with the database.
    pub async fn check_commands(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        commands: &[Command],
    ) -> Result<(), Problem> {
        for command in commands {
            match command {
                Command::OpenWallet {
                    owner: named,
                    overdraft,
                    ..
                } if named == owner => {
                    if !overdraft.is_empty() {
                        return Err(forbidden("an overdraft is for the platform to give"));
                    }
                }
                Command::PostTransaction { request, .. } => {
                    if request.effective_at.is_some() {
                        return Err(forbidden("`effective_at` is for the platform to set"));
                    }
                    for posting in &request.postings {
                        self.check_source(owner, ledger, posting.source).await?;
                    }
                }
                Command::PlaceHold { request, .. } => {
                    self.check_source(owner, ledger, request.source).await?;
                }
                Command::VerificationCase { case, action } => match &**action {
                    CaseAction::Open {
                        owner: named, tier, ..
                    } if named == owner && *case == case_of_customer(owner, *tier) => {}
                    CaseAction::ReceiveDocument { .. }
                        if self.is_case_of(owner, ledger, *case).await? => {}
                    _ => return Err(forbidden("the case is not the caller's to open")),
                },
                Command::Profile {
                    owner: named,
                    action,
                } if named == owner && matches!(**action, ProfileAction::Record { .. }) => {}
                Command::Onboarding {
                    owner: named,
                    action,
                } => match &**action {
                    OnboardingAction::Start { terms, .. }
                        if named == owner && terms.case == case_of_customer(owner, terms.tier) => {}
                    OnboardingAction::Resume {
                        reopen: Reopen::Expired,
                        ..
                    } if named == owner => {}
                    _ => return Err(forbidden("the onboarding is not the caller's to begin")),
                },
                outside => self.check_outside(owner, ledger, outside).await?,
            }
        }
        Ok(())
    }

    /// What customers do about payments and payouts.
    async fn check_outside(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        command: &Command,
    ) -> Result<(), Problem> {
        let is_own = match command {
            Command::Payment { payment, action } => match &**action {
                PaymentAction::Create(new) => self.is_wallet_of(owner, ledger, new.wallet).await?,
                PaymentAction::Expire { .. } => {
                    let id = payment.as_uuid();
                    self.is_outside_of::<PaymentRow>(owner, ledger, id).await?
                }
                _ => false,
            },
            Command::Payout { payout, action } => match &**action {
                PayoutAction::Request(new) => self.is_wallet_of(owner, ledger, new.wallet).await?,
                PayoutAction::Cancel { .. } => {
                    let id = payout.as_uuid();
                    self.is_outside_of::<PayoutRow>(owner, ledger, id).await?
                }
                _ => false,
            },
            Command::Beneficiary {
                beneficiary,
                action,
            } => match &**action {
                BeneficiaryAction::Add { wallet, .. } => {
                    self.is_wallet_of(owner, ledger, *wallet).await?
                }
                BeneficiaryAction::Remove { .. } => {
                    let id = beneficiary.as_uuid();
                    self.is_outside_of::<BeneficiaryRow>(owner, ledger, id)
                        .await?
                }
                BeneficiaryAction::Verify { .. } => false,
            },
            _ => false,
        };
        if is_own {
            Ok(())
        } else {
            Err(forbidden(
                "the command is not for customers, or not about what is theirs",
            ))
        }
    }

    async fn check_source(
        &self,
        owner: &OwnerId,
        ledger: LedgerName,
        source: Holder,
    ) -> Result<(), Problem> {
        if self.is_holder_of(owner, ledger, source).await? {
            Ok(())
        } else {
            Err(forbidden("the money is not the caller's"))
        }
    }

    fn remembered(&self, ledger: LedgerName, wallet: WalletId) -> Option<OwnerId> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(&(ledger, wallet)).cloned()
    }

    fn remember(&self, ledger: LedgerName, wallet: WalletId, owner: &OwnerId) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.len() >= MOST_REMEMBERED {
            owners.clear();
        }
        owners.insert((ledger, wallet), owner.clone());
    }
}

fn forbidden(detail: &'static str) -> Problem {
    Problem::new(catalogue::FORBIDDEN, detail)
}
