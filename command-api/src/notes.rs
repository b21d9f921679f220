//! What a command needs and the log must not hold: who pays, where payouts go, whom a case is about.
//!
//! It is noted before the command is handed over, so that whoever follows the log finds it there, and under
//! the command's own id, which the events of the command carry. Of several commands about the same thing
//! each has a note of its own, and the one whose events are in the log has the one that counts
//! (`daybook.begun_by`): nobody overwrites or takes back what is another's. A note whose command is not in
//! the log is taken back at once where that is certain, and swept later where it is not
//! ([`crate::forgetting`]).

use std::future::Future;

use identity::destinations::Destination;
use identity::identities::Identities;
use ledger_core::{BeneficiaryId, CaseId, LedgerName, PaymentId, ProviderName};
use serde::Serialize;
use uuid::Uuid;
use workflows::identity_checks::{CheckDesk, PersonFacts};

use crate::checkouts::{Checkouts, PayerFacts};
use crate::commands::{Carried, Commands, Intent};
use crate::context::RequestContext;
use crate::problem::{Problem, catalogue};

/// What is noted for a command.
pub trait Note: Sync {
    /// Keeps it for this command.
    fn keep(&self, command: Uuid) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Takes back what was kept for this command, unless the log has the command.
    fn take_back(&self, command: Uuid) -> impl Future<Output = Result<(), Problem>> + Send;
}

/// Who pays a deposit.
pub struct PayerNote<'a> {
    /// Where it is kept.
    pub checkouts: &'a Checkouts,
    /// The ledger.
    pub ledger: LedgerName,
    /// The deposit.
    pub payment: PaymentId,
    /// Who.
    pub payer: PayerFacts,
}

impl Note for PayerNote<'_> {
    async fn keep(&self, command: Uuid) -> Result<(), Problem> {
        let (ledger, payment) = (self.ledger, self.payment);
        self.checkouts
            .note(ledger, payment, command, &self.payer)
            .await
    }

    async fn take_back(&self, command: Uuid) -> Result<(), Problem> {
        let (ledger, payment) = (self.ledger, self.payment);
        self.checkouts.take_back(ledger, payment, command).await
    }
}

/// Where payouts to a beneficiary go.
pub struct DestinationNote<'a> {
    /// Where it is kept.
    pub identities: &'a Identities,
    /// The ledger.
    pub ledger: LedgerName,
    /// The beneficiary.
    pub beneficiary: BeneficiaryId,
    /// Where.
    pub destination: Destination,
}

impl Note for DestinationNote<'_> {
    async fn keep(&self, command: Uuid) -> Result<(), Problem> {
        let (ledger, beneficiary) = (self.ledger, self.beneficiary);
        let kept =
            self.identities
                .keep_destination(ledger, beneficiary, command, &self.destination);
        Ok(kept.await?)
    }

    async fn take_back(&self, command: Uuid) -> Result<(), Problem> {
        let (ledger, beneficiary) = (self.ledger, self.beneficiary);
        let taken = self
            .identities
            .take_destination_back(ledger, beneficiary, command);
        Ok(taken.await?)
    }
}

/// Whom a case is about, as far as providers have to know.
pub struct PersonNote<'a> {
    /// Where it is kept.
    pub checks: &'a CheckDesk,
    /// The ledger.
    pub ledger: LedgerName,
    /// The case.
    pub case: CaseId,
    /// The providers that it is handed to.
    pub providers: &'a [ProviderName],
    /// Who.
    pub facts: PersonFacts,
}

impl Note for PersonNote<'_> {
    async fn keep(&self, command: Uuid) -> Result<(), Problem> {
        let (ledger, case) = (self.ledger, self.case);
        let kept = self
            .checks
            .note(ledger, case, self.providers, command, &self.facts);
        Ok(kept.await?)
    }

    async fn take_back(&self, command: Uuid) -> Result<(), Problem> {
        let (ledger, case) = (self.ledger, self.case);
        Ok(self.checks.take_back(ledger, case, command).await?)
    }
}

impl Commands {
    /// Carries an intent of one command out, with a note for it.
    ///
    /// # Errors
    /// The problem when it was refused, has no outcome or cannot be noted.
    pub async fn submit_noted<B: Serialize, N: Note>(
        &self,
        context: &RequestContext,
        intent: Intent<'_, B>,
        note: &N,
    ) -> Result<Carried, Problem> {
        // Nobody notes anything about what is not theirs.
        let caller = &context.caller;
        caller
            .check_commands(intent.ledger, &intent.commands)
            .await?;
        let command = Uuid::now_v7();
        note.keep(command).await?;
        let carried = self.submit_one_as(context, intent, command).await;
        if is_not_in_the_log(&carried)
            && let Err(problem) = note.take_back(command).await
        {
            tracing::warn!(
                command.id = %command,
                problem = %problem,
                "what was noted for a command that was not carried out stays until it is swept"
            );
        }
        carried
    }
}

/// Whether a command is certainly not in the log, and will not be.
fn is_not_in_the_log(carried: &Result<Carried, Problem>) -> bool {
    match carried {
        Ok(carried) => carried.replayed,
        Err(problem) => {
            ![catalogue::OUTCOME_UNKNOWN, catalogue::INTERNAL_FAULT].contains(&problem.code())
        }
    }
}
