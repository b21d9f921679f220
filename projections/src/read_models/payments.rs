//! Payments, payouts and what belongs to them: money in and out, as it stands.
//!
//! A thing of the outside has few events, and what one of them means depends on those before it. So
//! every row keeps its thing as a JSON document beside the columns that lists are narrowed by, and a
//! batch reads the documents that its events concern, folds the events into them and writes them
//! back: a fixed number of statements however many events there are, and no memory between batches.
//! Whether an event fits is judged by the domain's own fold.
//!
//! All of it is one read model, so that a payment, its refunds and its disputes are read as they stood
//! at one position.

mod beneficiary;
mod dispute;
mod documents;
mod figures;
mod outcome;
mod payment;
mod payout;
mod refund;
mod settlement;
mod stood;

use async_trait::async_trait;
use ledger_core::event::RecordedEvent;
use ledger_core::{Event, LedgerName, Position, Stream, Timestamp};

use crate::read_model::{Before, Fold, FoldError, Place, ReadModel};

pub use beneficiary::{BeneficiaryRow, BeneficiaryStatus, Decided};
pub use dispute::{DisputeRow, dispute_id};
pub use documents::{Columns, Document};
pub use outcome::{Outcome, OutcomeRow};
pub use payment::{AttemptRow, AttemptStatus, CapturedRow, PaymentRow, RouteTaken};
pub use payout::{PayoutAttempt, PayoutRow};
pub use refund::{RefundOrigin, RefundRow, refund_status};
pub use settlement::{BreakRow, BreakStatus, SettlementRow, break_id};
pub use stood::{PaymentAfter, payment_after, payout_after};

use documents::Documents;
use figures::{Direction, Figures};

/// The read model.
#[derive(Debug)]
pub struct Payments;

/// Events folded together, at most: a document is read and written for each.
const MOST_EVENTS: usize = 20_000;

/// A table of documents.
macro_rules! documents_table {
    ($table:literal) => {
        concat!(
            "CREATE TABLE {schema}.",
            $table,
            " (
    ledger     text        NOT NULL,
    id         uuid        NOT NULL,
    -- Of its first event.
    position   bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    -- The payment of a refund or dispute, the beneficiary of a payout, the settlement of a break.
    belongs_to uuid,
    wallet     uuid,
    provider   text,
    status     text        NOT NULL,
    -- Of a payment whose money waits for a person to say whose it is.
    in_suspense boolean    NOT NULL,
    -- JSON text: all of it.
    document   text        NOT NULL,
    PRIMARY KEY (ledger, id)
)"
        )
    };
}

/// The indexes of a table of documents.
macro_rules! documents_indexes {
    ($table:literal) => {
        [
            // Lists, newest first.
            concat!(
                "CREATE INDEX ON {schema}.",
                $table,
                " (ledger, position, id)"
            ),
            // Those in one state, such as the few that wait for somebody.
            concat!(
                "CREATE INDEX ON {schema}.",
                $table,
                " (ledger, status, position)"
            ),
            // Those of one wallet.
            concat!(
                "CREATE INDEX ON {schema}.",
                $table,
                " (ledger, wallet, position) WHERE wallet IS NOT NULL"
            ),
            // Those of one payment, beneficiary or settlement.
            concat!(
                "CREATE INDEX ON {schema}.",
                $table,
                " (ledger, belongs_to, position) WHERE belongs_to IS NOT NULL"
            ),
            // Those at one provider.
            concat!(
                "CREATE INDEX ON {schema}.",
                $table,
                " (ledger, provider, position) WHERE provider IS NOT NULL"
            ),
            // At which position a period begins and ends.
            concat!(
                "CREATE INDEX ON {schema}.",
                $table,
                " (ledger, created_at, position)"
            ),
            // The few whose money waits.
            concat!(
                "CREATE INDEX ON {schema}.",
                $table,
                " (ledger, position, id) WHERE in_suspense"
            ),
        ]
    };
}

const TABLES: &[&str] = &[
    "payments",
    "refunds",
    "disputes",
    "payouts",
    "beneficiaries",
    "settlements",
    "settlement_breaks",
    "provider_days",
];

const DEFINITION: &[&str] = &[
    documents_table!("payments"),
    documents_table!("refunds"),
    documents_table!("disputes"),
    documents_table!("payouts"),
    documents_table!("beneficiaries"),
    documents_table!("settlements"),
    documents_table!("settlement_breaks"),
    figures::DEFINITION,
];

const INDEXES: &[&str] = &flat([
    documents_indexes!("payments"),
    documents_indexes!("refunds"),
    documents_indexes!("disputes"),
    documents_indexes!("payouts"),
    documents_indexes!("beneficiaries"),
    documents_indexes!("settlements"),
    documents_indexes!("settlement_breaks"),
]);

/// The statements of all tables, one after the other.
const fn flat(statements: [[&'static str; 7]; 7]) -> [&'static str; 49] {
    let mut all = [""; 49];
    let mut table = 0;
    while table < 7 {
        let mut index = 0;
        while index < 7 {
            all[table * 7 + index] = statements[table][index];
            index += 1;
        }
        table += 1;
    }
    all
}

#[async_trait]
impl ReadModel for Payments {
    fn name(&self) -> &'static str {
        "payments"
    }

    fn version(&self) -> i32 {
        3
    }

    fn tables(&self) -> &'static [&'static str] {
        TABLES
    }

    fn definition(&self) -> &'static [&'static str] {
        DEFINITION
    }

    fn indexes(&self) -> &'static [&'static str] {
        INDEXES
    }

    fn begin(&self, ledger: LedgerName, _before: Before) -> Box<dyn Fold> {
        Box::new(Batch {
            ledger,
            events: Vec::new(),
        })
    }
}

/// Events of the outside that wait to be folded.
struct Batch {
    ledger: LedgerName,
    events: Vec<RecordedEvent>,
}

#[async_trait]
impl Fold for Batch {
    fn add(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        match recorded.event {
            Event::Payment(_) | Event::Payout(_) | Event::Beneficiary(_) | Event::Settlement(_) => {
                self.events.push(recorded.clone());
            }
            Event::Ledger(_)
            | Event::Wallet(_)
            | Event::Transaction(_)
            | Event::Hold(_)
            | Event::Owner(_)
            | Event::VerificationCase(_)
            | Event::Profile(_)
            | Event::Onboarding(_) => {}
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.events.len() > MOST_EVENTS
    }

    async fn write(&mut self, place: &mut Place<'_>) -> Result<(), FoldError> {
        let events = std::mem::take(&mut self.events);
        for events in events.chunks(MOST_EVENTS) {
            let mut rows = Rows::default();
            rows.load(place, self.ledger, events).await?;
            for recorded in events {
                rows.apply(recorded)?;
            }
            rows.write(place, self.ledger).await?;
        }
        Ok(())
    }
}

/// When and where in the log something happened.
#[derive(Debug, Clone, Copy)]
struct Moment {
    position: Position,
    at: Timestamp,
}

impl Moment {
    const fn of(recorded: &RecordedEvent) -> Self {
        Self {
            position: recorded.position,
            at: recorded.recorded_at,
        }
    }

    fn refuse(self, reason: impl std::fmt::Display) -> FoldError {
        FoldError::Event {
            position: self.position,
            reason: reason.to_string(),
        }
    }
}

/// The documents that a batch concerns.
#[derive(Default)]
struct Rows {
    payments: Documents<PaymentRow>,
    refunds: Documents<RefundRow>,
    disputes: Documents<DisputeRow>,
    payouts: Documents<PayoutRow>,
    beneficiaries: Documents<BeneficiaryRow>,
    settlements: Documents<SettlementRow>,
    breaks: Documents<BreakRow>,
    figures: Figures,
}

impl Rows {
    async fn load(
        &mut self,
        place: &mut Place<'_>,
        ledger: LedgerName,
        events: &[RecordedEvent],
    ) -> Result<(), FoldError> {
        for recorded in events {
            match (&recorded.event, recorded.stream) {
                (Event::Payment(event), Stream::Payment(id)) => {
                    self.payments.want(id.as_uuid());
                    self.refunds.want_any(refund::id_in(id, event));
                    self.disputes.want_any(dispute::id_in(id, event));
                }
                (Event::Payout(_), Stream::Payout(id)) => self.payouts.want(id.as_uuid()),
                (Event::Beneficiary(_), Stream::Beneficiary(id)) => {
                    self.beneficiaries.want(id.as_uuid());
                }
                (Event::Settlement(event), Stream::Settlement(id)) => {
                    self.settlements.want(id.as_uuid());
                    self.breaks.want_any(settlement::id_in(id, event));
                }
                (_, _) => {}
            }
        }
        self.payments.load(place, ledger).await?;
        // Those that are opened by the same events are wanted because of these.
        for recorded in events {
            if let (Event::Payment(event), Stream::Payment(id)) = (&recorded.event, recorded.stream)
                && let Some(payment) = self.payments.get(id.as_uuid())
            {
                let moved = dispute::moved_by(payment, event);
                moved.for_each(|dispute| self.disputes.want(dispute));
            }
        }
        self.refunds.load(place, ledger).await?;
        self.disputes.load(place, ledger).await?;
        self.payouts.load(place, ledger).await?;
        self.beneficiaries.load(place, ledger).await?;
        self.settlements.load(place, ledger).await?;
        self.breaks.load(place, ledger).await
    }

    fn apply(&mut self, recorded: &RecordedEvent) -> Result<(), FoldError> {
        let moment = Moment::of(recorded);
        match (&recorded.event, recorded.stream) {
            (Event::Payment(event), Stream::Payment(id)) => {
                let known = self.payments.get(id.as_uuid());
                let mut payment = payment::next(known, id, moment, event)?;
                if let Some(change) = outcome::of_payment(&mut payment, moment, event) {
                    self.figures.count_outcome(Direction::In, change);
                }
                let refund = refund::id_in(id, event).and_then(|id| self.refunds.get(id));
                if let Some(refund) = refund::next(refund, &payment, moment, event)? {
                    self.refunds.put(refund);
                }
                let known = dispute::id_in(id, event).and_then(|id| self.disputes.get(id));
                self.figures
                    .count_payment(moment, &payment, event, known.is_some());
                if let Some(dispute) = dispute::next(known, &payment, moment, event) {
                    self.disputes.put(dispute);
                }
                for dispute in dispute::moved_by(&payment, event) {
                    let known = self.disputes.get(dispute);
                    if let Some(moved) =
                        known.and_then(|known| known.moved_to(payment.owner(), moment))
                    {
                        self.disputes.put(moved);
                    }
                }
                self.payments.put(payment);
            }
            (Event::Payout(event), Stream::Payout(id)) => {
                let known = self.payouts.get(id.as_uuid());
                let mut payout = payout::next(known, id, moment, event)?;
                if let Some(change) = outcome::of_payout(&mut payout, moment) {
                    self.figures.count_outcome(Direction::Out, change);
                }
                self.figures.count_payout(moment, &payout, event);
                self.payouts.put(payout);
            }
            (Event::Beneficiary(event), Stream::Beneficiary(id)) => {
                let known = self.beneficiaries.get(id.as_uuid());
                let next = beneficiary::next(known, id, moment, event)?;
                self.beneficiaries.put(next);
            }
            (Event::Settlement(event), Stream::Settlement(id)) => {
                let known = self.settlements.get(id.as_uuid());
                let settlement = settlement::next(known, id, moment, event)?;
                let known = settlement::id_in(id, event).and_then(|id| self.breaks.get(id));
                if let Some(row) = settlement::next_break(known, &settlement, moment, event)? {
                    self.breaks.put(row);
                }
                self.figures.count_settlement(moment, &settlement, event);
                self.settlements.put(settlement);
            }
            (_, _) => {}
        }
        Ok(())
    }

    async fn write(self, place: &mut Place<'_>, ledger: LedgerName) -> Result<(), FoldError> {
        self.payments.write(place, ledger).await?;
        self.refunds.write(place, ledger).await?;
        self.disputes.write(place, ledger).await?;
        self.payouts.write(place, ledger).await?;
        self.beneficiaries.write(place, ledger).await?;
        self.settlements.write(place, ledger).await?;
        self.breaks.write(place, ledger).await?;
        self.figures.write(place, ledger).await
    }
}
