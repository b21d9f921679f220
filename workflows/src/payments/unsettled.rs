//! What no report has: money that a provider took or gave back and should have settled by now.
//!
//! What reports have is noted as they are read ([`Payments::turned_up`]). When the report of a day is read,
//! the log is gone through up to [`GRACE`] before that day, from where it was gone through the last time;
//! each capture and refund of the provider that no report has becomes a break. A break is of a settlement,
//! so there is one without money for each day and asset, `unsettled-2026-11-20-INR`, which stands for what
//! should have been in one. When the row turns up in a later report, the break is resolved by itself.
//!
//! Every step may be done again: what is noted stays, a break that is known says nothing new, and where the
//! search has come to is written down when everything before it was dealt with. What was captured before a
//! node first had the account is not looked for, because nobody knows what earlier reports had.

#[cfg(test)]
mod tests;

use chrono::{Days, NaiveDate, NaiveTime};
use connectors::gateways::{SettlementRow, SettlementRowKind};
use ledger_core::event::RecordedEvent;
use ledger_core::money::{Amount, AssetCode};
use ledger_core::payment::PaymentEvent;
use ledger_core::provider::ObservedFees;
use ledger_core::settlement::{
    BreakKind, SettlementAction, SettlementBreak, SettlementReport, settlement_id,
};
use ledger_core::{
    ActorId, AggregateType, Event, LedgerName, PaymentId, Position, ProviderName,
    ProviderReference, RefundId, SettlementId, Stream, Timestamp,
};
use rust_decimal::Decimal;

use super::settling::BANK;
use super::{Payments, histories, settled, step};
use crate::jobs::JobError;
use crate::links::LinkKind;
use crate::observer::{Heard, Source, transaction};
use crate::settlements::Batch;
use crate::translation::note;

/// How long a provider may take: working days around the longest holidays, and a payout each week.
const GRACE: Days = Days::new(10);

/// Events read at a time.
const AT_A_TIME: i64 = 500;

/// Who explains a break when its row turns up.
const PROCESS: &str = "system:payments";

/// What a row of a report could be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    /// Captured money.
    Payment,
    /// Money that was given back.
    Refund(RefundId),
}

impl Moved {
    const fn missing(self) -> LinkKind {
        match self {
            Self::Payment => LinkKind::MissingPayment,
            Self::Refund(_) => LinkKind::MissingRefund,
        }
    }
}

/// Something that a report should have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Expected {
    what: Moved,
    /// The provider's own id of it.
    name: ProviderReference,
    payment: PaymentId,
    /// The day on which it was heard of.
    day: NaiveDate,
}

/// What the log has of it.
struct Ours {
    asset: AssetCode,
    amount: Amount,
}

impl Payments {
    /// What is captured from now on is looked for in reports, if nothing was before.
    pub(super) async fn begin_search(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO workflows.checkpoint (process, ledger, position) \
             SELECT $1, $2, coalesce( \
                (SELECT position FROM daybook.ledger_head WHERE ledger = $2), 0) \
             ON CONFLICT DO NOTHING",
        )
        .bind(search(provider))
        .bind(ledger.as_str())
        .execute(self.pool())
        .await
        .map(|_| ())
    }

    /// Notes what a batch has, and resolves the breaks of what was missed before.
    pub(super) async fn turned_up(
        &self,
        source: &Source,
        settlement: SettlementId,
        batch: &Batch,
    ) -> Result<(), JobError> {
        let payments: Vec<&str> = batch.rows.iter().filter_map(payment_of).collect();
        let refunds = batch.rows.iter().filter_map(|row| row.refund_id.as_ref());
        let refunds: Vec<&str> = refunds.map(|id| id.as_str()).collect();
        let links = self.observer.links(source);
        for (names, is, was) in [
            (payments, LinkKind::SettledPayment, LinkKind::MissingPayment),
            (refunds, LinkKind::SettledRefund, LinkKind::MissingRefund),
        ] {
            if names.is_empty() {
                continue;
            }
            links.note_settlement(is, &names, settlement).await?;
            for (name, of) in links.known(was, &names).await? {
                let resolved = self.resolve(source, SettlementId::new(of), &name, batch);
                resolved.await?;
            }
        }
        Ok(())
    }

    async fn resolve(
        &self,
        source: &Source,
        settlement: SettlementId,
        name: &str,
        batch: &Batch,
    ) -> Result<(), JobError> {
        let failed = |what: &str| JobError::Failed(format!("{what} cannot be written"));
        let resolution = note(&format!("settled in {}", batch.id));
        let action = SettlementAction::ResolveBreak {
            kind: BreakKind::MissingInReport,
            subject: name.parse().map_err(|_| failed("a subject"))?,
            by: PROCESS
                .parse::<ActorId>()
                .map_err(|_| failed("the process"))?,
            resolution: resolution.ok_or_else(|| failed("a resolution"))?,
        };
        match self.submit_settlement(source, settlement, action).await? {
            // It was noted that it is missing, and the node ended before that was a break.
            Heard::NotYet(_) => Ok(()),
            resolved => settled(resolved),
        }
    }

    /// Makes breaks of what reports up to that of `day` should have and have not.
    pub(super) async fn find_missing(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
        day: NaiveDate,
    ) -> Result<(), JobError> {
        let Some(last) = day.checked_sub_days(GRACE) else {
            return Ok(());
        };
        let end = Timestamp::try_new(last.and_time(NaiveTime::MIN).and_utc());
        let end = end.map_err(|error| JobError::Failed(error.to_string()))?;
        let until = self.log.position_at(ledger, end).await?;
        let Some(mut from) = self.searched(ledger, provider).await? else {
            return Ok(());
        };
        while from < until {
            let kinds = &[AggregateType::Payment];
            let read = self.log.read_of(ledger, kinds, from, until, AT_A_TIME);
            let events = read.await?;
            let to = match events.last() {
                Some(last) if i64::try_from(events.len()).unwrap_or(AT_A_TIME) >= AT_A_TIME => {
                    last.position
                }
                Some(_) | None => until,
            };
            let reports_refunds = self
                .account(ledger, provider)?
                .gateway
                .capabilities()
                .reports_refunds;
            let expected: Vec<Expected> = events.iter().filter_map(expected).collect();
            let source = step(ledger, provider, "unsettled".to_owned());
            for missing in self.missing(&source, expected).await? {
                if missing.what == Moved::Payment || reports_refunds {
                    self.note_missing(&source, &missing).await?;
                }
            }
            self.move_search(ledger, provider, to).await?;
            from = to;
        }
        Ok(())
    }

    /// Those that no report has.
    async fn missing(
        &self,
        source: &Source,
        expected: Vec<Expected>,
    ) -> Result<Vec<Expected>, JobError> {
        let names: Vec<&str> = expected.iter().map(|one| one.name.as_str()).collect();
        let links = self.observer.links(source);
        let payments = links.known(LinkKind::SettledPayment, &names).await?;
        let refunds = links.known(LinkKind::SettledRefund, &names).await?;
        let is_settled = |one: &Expected| match one.what {
            Moved::Payment => payments.contains_key(one.name.as_str()),
            Moved::Refund(_) => refunds.contains_key(one.name.as_str()),
        };
        let missing = expected.iter().filter(|one| !is_settled(one));
        Ok(missing.cloned().collect())
    }

    async fn note_missing(&self, source: &Source, missing: &Expected) -> Result<(), JobError> {
        let (ledger, payment) = (source.ledger, missing.payment);
        let events = histories::events_of_payment(&self.log, ledger, payment).await?;
        let Some(Ours { asset, amount }) = ours(source.provider, missing, &events) else {
            return Ok(());
        };
        let failed = |what: &str| JobError::Failed(format!("{what} has no name"));
        let batch = format!("unsettled-{}-{asset}", missing.day);
        let batch: ProviderReference = batch.parse().map_err(|_| failed("a batch"))?;
        let settlement = settlement_id(source.provider, &batch);
        // Before there is a break: one that nobody finds again would stay open for ever.
        let links = self.observer.links(source);
        let names = [missing.name.as_str()];
        let kind = missing.what.missing();
        links.note_settlement(kind, &names, settlement).await?;
        let record = SettlementAction::Record {
            report: SettlementReport {
                provider: source.provider,
                batch,
                asset,
                net: Decimal::ZERO,
                payouts: Decimal::ZERO,
                fees: ObservedFees {
                    fee: Decimal::ZERO,
                    tax: Decimal::ZERO,
                },
                bank: BANK.parse().map_err(|_| failed("the bank account"))?,
                bank_reference: None,
                settled_at: None,
            },
            transaction: transaction(source, &settlement.to_string()),
        };
        settled(self.submit_settlement(source, settlement, record).await?)?;
        let difference = SettlementBreak {
            kind: BreakKind::MissingInReport,
            subject: missing.name.clone(),
            payment: Some(payment),
            ours: Some(amount),
            theirs: None,
        };
        let found = SettlementAction::RecordBreak { difference };
        settled(self.submit_settlement(source, settlement, found).await?)?;
        tracing::error!(
            %ledger, provider = %source.provider, payment.id = %payment, subject = %missing.name,
            "no report of the provider has what it should have settled"
        );
        metrics::counter!("daybook_unsettled_total", "provider" => source.provider.to_string())
            .increment(1);
        Ok(())
    }

    /// Up to where the log was gone through; nothing when the search was not begun.
    async fn searched(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
    ) -> Result<Option<Position>, sqlx::Error> {
        let position: Option<i64> = sqlx::query_scalar(
            "SELECT position FROM workflows.checkpoint WHERE process = $1 AND ledger = $2",
        )
        .bind(search(provider))
        .bind(ledger.as_str())
        .fetch_optional(self.pool())
        .await?;
        Ok(position.map(|position| Position::START.plus(position)))
    }

    async fn move_search(
        &self,
        ledger: LedgerName,
        provider: ProviderName,
        to: Position,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE workflows.checkpoint SET position = greatest(position, $3) \
             WHERE process = $1 AND ledger = $2",
        )
        .bind(search(provider))
        .bind(ledger.as_str())
        .bind(to.value())
        .execute(self.pool())
        .await
        .map(|_| ())
    }
}

/// The name under which it is written down how far a search has come.
fn search(provider: ProviderName) -> String {
    format!("unsettled/{provider}")
}

/// The payment whose money a row settles. Rows of payments in a state that no documentation has count too.
fn payment_of(row: &SettlementRow) -> Option<&str> {
    let payment = row.payment_id.as_ref()?;
    let is_it = match row.kind.known() {
        Some(kind) => *kind == SettlementRowKind::Payment,
        None => row.entity_id == *payment,
    };
    is_it.then_some(payment.as_str())
}

/// What a report should have because of an event, of whichever provider.
fn expected(recorded: &RecordedEvent) -> Option<Expected> {
    let (Stream::Payment(payment), Event::Payment(event)) = (recorded.stream, &recorded.event)
    else {
        return None;
    };
    let (what, name) = match &**event {
        PaymentEvent::PaymentCaptured { attempt, .. }
        | PaymentEvent::UnexpectedPaymentCaptured { attempt, .. } => (Moved::Payment, attempt),
        PaymentEvent::RefundSucceeded {
            refund,
            provider_refund,
            ..
        }
        | PaymentEvent::RefundDiscovered {
            refund,
            provider_refund,
            ..
        } => (Moved::Refund(*refund), provider_refund),
        _ => return None,
    };
    Some(Expected {
        what,
        name: name.clone(),
        payment,
        day: recorded.recorded_at.as_datetime().date_naive(),
    })
}

/// What the events of its payment say of it; nothing when it is another provider's, or has come to nothing.
fn ours(provider: ProviderName, missing: &Expected, events: &[Event]) -> Option<Ours> {
    let (mut money, mut refunded) = (None, None);
    for event in events {
        let Event::Payment(event) = event else {
            continue;
        };
        match &**event {
            PaymentEvent::PaymentCaptured {
                provider: taken_by,
                asset,
                amount,
                ..
            }
            | PaymentEvent::UnexpectedPaymentCaptured {
                provider: taken_by,
                asset,
                amount,
                ..
            } if *taken_by == provider => money = Some((*asset, *amount)),
            PaymentEvent::RefundSucceeded { refund, amount, .. }
            | PaymentEvent::RefundDiscovered { refund, amount, .. }
                if missing.what == Moved::Refund(*refund) =>
            {
                refunded = Some(*amount);
            }
            PaymentEvent::RefundFailed { refund, .. } if missing.what == Moved::Refund(*refund) => {
                refunded = None;
            }
            _ => {}
        }
    }
    let (asset, captured) = money?;
    let amount = match missing.what {
        Moved::Payment => captured,
        Moved::Refund(_) => refunded?,
    };
    Some(Ours { asset, amount })
}
