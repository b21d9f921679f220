//! What providers have paid us, by their own reports: fetched once for each of their days, when it is over.
//!
//! Each account has one chain of jobs. At the start of a node it begins some days back, because a report
//! that was fetched before says nothing new; at its end a day puts in the next.

use std::collections::{BTreeSet, HashMap};

use chrono::{Days, NaiveDate, Utc};
use connectors::gateways::{GatewayError, Operation, SettlementQuery, SettlementRow};
use ledger_core::identifier::derived_id;
use ledger_core::payment::{PaymentEvent, unexpected_payment_id};
use ledger_core::provider::{Fees, ObservedFees};
use ledger_core::settlement::{SettlementAction, settlement_id};
use ledger_core::{
    Command, Event, LedgerName, PaymentId, ProviderName, ProviderReference, SettlementId,
    SystemAccountName,
};

use super::{Payments, histories, settled, step};
use crate::jobs::{Job, JobError, NewJob, insert_jobs_in_tx};
use crate::observer::{Heard, Source, transaction};
use crate::settlements::{Batch, Known, TooLarge, batches};
use crate::translation::reference;

/// How many days back the chain begins: longer than any provider takes to complete a day.
const DAYS_BACK: u64 = 7;

/// More pages than any day has by orders of magnitude.
const MOST_PAGES: usize = 10_000;

/// A batch was recorded otherwise before.
const DIFFERS: &str = "settlement_differs";

/// A break is known with other amounts.
const BREAK_DIFFERS: &str = "break_differs";

/// The account that stands for the bank account that providers pay to.
pub(super) const BANK: &str = "cash";

impl Payments {
    /// Begins the chains of all accounts whose providers report what they pay.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub async fn begin_settlements(&self) -> Result<(), sqlx::Error> {
        let usual = Utc::now().date_naive() - Days::new(DAYS_BACK);
        let mut connection = self.pool().acquire().await?;
        let waiting: Vec<(String, NaiveDate)> = sqlx::query_as(
            "SELECT key, (payload ->> 'day')::date FROM graphile_worker._private_jobs \
             WHERE key LIKE 'settlements/%' AND payload ->> 'day' IS NOT NULL",
        )
        .fetch_all(&mut *connection)
        .await?;
        let waiting: HashMap<String, NaiveDate> = waiting.into_iter().collect();
        let jobs: Vec<NewJob> = self
            .accounts
            .all()
            .filter(|(_, account)| {
                let capabilities = account.gateway.capabilities();
                capabilities.supports(Operation::SettlementReport)
            })
            .map(|(provider, account)| {
                // A day that waits since longer, because nobody was there or its job died, is not skipped.
                let day = waiting.get(&chain(account.ledger, provider)).copied();
                let first = day.map_or(usual, |day| day.min(usual));
                due(account.ledger, provider, first)
            })
            .collect();
        for job in &jobs {
            if let Job::FetchSettlements {
                ledger, provider, ..
            } = &job.job
            {
                self.begin_search(*ledger, *provider).await?;
            }
        }
        insert_jobs_in_tx(&mut connection, &jobs).await
    }

    pub(super) async fn fetch_settlements(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
        day: NaiveDate,
    ) -> Result<(), JobError> {
        if Utc::now() < SettlementQuery::final_from(day) {
            // Somebody has hurried it: what is read now is not the whole.
            return self.put_in_day(ledger, provider, day).await;
        }
        let rows = match self.rows(ledger, provider, day).await {
            Ok(rows) => rows,
            // The account's kind has no reports.
            Err(Fetched::Never) => return Ok(()),
            Err(Fetched::Error(error)) => return Err(error),
        };
        for batch in batches(rows) {
            self.settle(ledger, provider, &batch).await?;
        }
        self.find_missing(ledger, provider, day).await?;
        self.put_in_day(ledger, provider, day + Days::new(1)).await
    }

    async fn put_in_day(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
        day: NaiveDate,
    ) -> Result<(), JobError> {
        let mut connection = self.pool().acquire().await?;
        insert_jobs_in_tx(&mut connection, &[due(ledger, provider, day)]).await?;
        Ok(())
    }

    async fn rows(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
        day: NaiveDate,
    ) -> Result<Vec<SettlementRow>, Fetched> {
        let account = self.account(ledger, provider)?;
        let mut query = SettlementQuery { day, page: None };
        let mut rows = Vec::new();
        for _ in 0..MOST_PAGES {
            let page = match account.gateway.settlement_page(&query).await {
                Ok(page) => page,
                Err(GatewayError::Unsupported { .. }) => return Err(Fetched::Never),
                Err(error) => return Err(JobError::from(error).into()),
            };
            rows.extend(page.rows);
            match page.next {
                Some(next) => query.page = Some(next),
                None => return Ok(rows),
            }
        }
        Err(JobError::Failed("the report has no end".to_owned()).into())
    }

    async fn settle(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
        batch: &Batch,
    ) -> Result<(), JobError> {
        let source = step(ledger, provider, format!("settled/{}", batch.id));
        for (row, observation) in batch.observations() {
            let source = step(
                ledger,
                provider,
                format!("settled/{}/{}", batch.id, row.entity_id),
            );
            match self.observer.hear_all(&source, &[observation]).await? {
                Heard::NotYet(reason) => return Err(JobError::Failed(reason)),
                // What cannot be taken in is a break.
                Heard::Applied(_)
                | Heard::OfNoConcern
                | Heard::NotKnown(_)
                | Heard::Impossible(_) => {}
            }
        }
        let mut known = Vec::new();
        for row in &batch.rows {
            known.push(self.known(&source, row).await?);
        }
        let id = reference(&batch.id).map_err(|word| JobError::Failed(word.0.to_owned()))?;
        let settlement = settlement_id(provider, &id);
        let bank: SystemAccountName = BANK
            .parse()
            .map_err(|_| JobError::Failed("the bank account has no name".to_owned()))?;
        let mut breaks = batch.breaks(&id, &known)?;
        let report = batch.report(provider, id.clone(), bank, &known)?;
        let net = report.net;
        let record = SettlementAction::Record {
            report,
            transaction: transaction(&source, "record"),
        };
        match self.submit_settlement(&source, settlement, record).await? {
            // It was told otherwise before: what was recorded then stays, and a person finds out why.
            Heard::Impossible(reason) if reason == DIFFERS => breaks.push(batch.differs(&id, net)),
            recorded => settled(recorded)?,
        }
        self.turned_up(&source, settlement, batch).await?;
        for difference in breaks {
            let note = SettlementAction::RecordBreak { difference };
            match self.submit_settlement(&source, settlement, note).await? {
                // Another amount of a break that is known already says nothing new to who explains it.
                Heard::Impossible(reason) if reason == BREAK_DIFFERS => {}
                noted => settled(noted)?,
            }
        }
        Ok(())
    }

    pub(super) async fn submit_settlement(
        &self,
        source: &Source,
        settlement: SettlementId,
        action: SettlementAction,
    ) -> Result<Heard, JobError> {
        // Its content names it: another report is another command.
        let part = derived_id(&["settlement action", &format!("{action:?}")]).to_string();
        let action = Box::new(action);
        let command = Command::Settlement { settlement, action };
        Ok(self.observer.submit(source, &part, command).await?)
    }

    /// What the ledger has of a row's payment: the one it names, or the one that money of none is. Whether
    /// it is this row's, the captured attempt tells: links follow the log, and the report may be what told.
    async fn known(&self, source: &Source, row: &SettlementRow) -> Result<Option<Known>, JobError> {
        let Some(attempt) = &row.payment_id else {
            return Ok(None);
        };
        let name = reference(attempt).map_err(|word| JobError::Failed(word.0.to_owned()))?;
        let ours = row.reference.as_deref().and_then(|text| text.parse().ok());
        let links = self.observer.links(source);
        let named = links
            .payment(ours.as_ref(), Some(attempt), row.checkout_id.as_ref())
            .await?;
        let nobodys = unexpected_payment_id(source.provider, &name);
        for payment in named.into_iter().chain([nobodys]) {
            let events = histories::events_of_payment(&self.log, source.ledger, payment).await?;
            if let Some(known) = known_of(payment, &name, events) {
                return Ok(Some(known));
            }
        }
        Ok(None)
    }
}

/// What events say of a payment that took in this attempt.
fn known_of(payment: PaymentId, name: &ProviderReference, events: Vec<Event>) -> Option<Known> {
    let mut known: Option<Known> = None;
    for event in events {
        let Event::Payment(event) = event else {
            continue;
        };
        match (*event, &mut known) {
            (
                PaymentEvent::PaymentCaptured {
                    attempt,
                    amount,
                    fees,
                    ..
                }
                | PaymentEvent::UnexpectedPaymentCaptured {
                    attempt,
                    amount,
                    fees,
                    ..
                },
                None,
            ) if attempt == *name => {
                known = Some(Known {
                    payment,
                    captured: amount,
                    fees: fees.map(charged),
                    charged_disputes: BTreeSet::new(),
                });
            }
            (PaymentEvent::PaymentFeesRecorded { fees, .. }, Some(known)) => {
                known.fees = Some(charged(fees));
            }
            (PaymentEvent::DisputeFeesRecorded { dispute, .. }, Some(known)) => {
                known.charged_disputes.insert(dispute.to_string());
            }
            _ => {}
        }
    }
    known
}

fn charged(fees: Fees) -> ObservedFees {
    ObservedFees {
        fee: fees.fee.value(),
        tax: fees.tax.value(),
    }
}

/// Why there are no rows.
enum Fetched {
    /// There never are.
    Never,
    /// It is to be tried again.
    Error(JobError),
}

impl From<TooLarge> for JobError {
    fn from(error: TooLarge) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<JobError> for Fetched {
    fn from(error: JobError) -> Self {
        Self::Error(error)
    }
}

/// A day's report, to be fetched as soon as it is final. An account has one such job at a time.
fn due(ledger: LedgerName, provider: ProviderName, day: NaiveDate) -> NewJob {
    NewJob {
        key: chain(ledger, provider),
        job: Job::FetchSettlements {
            ledger,
            provider,
            day,
        },
        run_at: SettlementQuery::final_from(day),
    }
}

/// The name of an account's job.
fn chain(ledger: LedgerName, provider: ProviderName) -> String {
    format!("settlements/{ledger}/{provider}")
}
