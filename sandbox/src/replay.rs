//! One recorded command after the other, decided against the fork's own book.
//!
//! What a command led to in the source is compared with what it leads to here. The same: its stored texts are taken
//! over, byte for byte. Something else: it is written anew, under the same ids. Refused: nothing is written, and
//! whatever begins by it is remembered as missing, so that what builds on it falls away and says so.
//!
//! What counts towards limits is no outcome: where only that differs, as it does for all movements under a limit that
//! there was none of, the event is written anew and not told as a difference.

use event_store::StoredEvent;
use event_store::executor::Refusal;
use event_store::sandbox::{DifferenceRow, SandboxEvent};
use hashbrown::HashMap;
use ledger_core::book::{Book, BookError, NewEvent};
use ledger_core::decision::{DecisionError, Recorded, decide_anew, led_to};
use ledger_core::event::RecordedEvent;
use ledger_core::hold::HoldEvent;
use ledger_core::ledger::LedgerEvent;
use ledger_core::provider::opened_by_movements;
use ledger_core::transaction::TransactionEvent;
use ledger_core::wallet::WalletEvent;
use ledger_core::{Event, Holder, LedgerName, PaymentId, Position, Stream, TransactionId};

use crate::movements::{Compared, TooLarge};
use crate::rules::{FeeTooLong, Rules};

mod references;
mod setting;
mod telling;

use setting::derived;

/// An event of the source.
#[derive(Debug, Clone)]
pub struct SourceEvent {
    /// Its texts.
    pub stored: StoredEvent,
    /// What they say.
    pub recorded: RecordedEvent,
}

/// Why a fork cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ReplayFault {
    /// The log of the source is not one that Daybook wrote.
    #[error("the log of the source cannot be followed at position {position}")]
    Source {
        /// Where.
        position: Position,
        /// Why.
        #[source]
        source: BookError,
    },
    /// The rules do not fit the ledger.
    #[error("the rules do not fit the ledger: {}", .0.detail)]
    Rules(Box<Refusal>),
    /// Amounts that cannot be kept exactly.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The same of a fee.
    #[error(transparent)]
    Fee(#[from] FeeTooLong),
    /// An event cannot be written.
    #[error("an event cannot be written")]
    Write(#[from] serde_json::Error),
}

/// What a step came to.
#[derive(Debug, Default)]
pub struct Came {
    /// What is appended.
    pub events: Vec<SandboxEvent>,
    /// What came out otherwise, if it did.
    pub difference: Option<DifferenceRow>,
    /// The accounts through which another amount moved.
    pub moved: Vec<Compared>,
}

/// The fork as it has come about so far.
#[derive(Debug)]
pub struct Replay {
    sandbox: LedgerName,
    rules: Rules,
    /// Who asked for the fork.
    actor: Option<String>,
    book: Book,
    /// Streams that begin in the source and not here, with the position where they do.
    missing: HashMap<Stream, Position>,
    /// Payments whose money was taken in as no payment's here.
    redirected: HashMap<PaymentId, PaymentId>,
}

/// How a step differs.
enum Outcome {
    Refused(Refusal),
    FellAway(Option<Position>),
    Changed,
    LeftOut,
}

impl Replay {
    /// A fork of which nothing is written.
    #[must_use]
    pub fn new(sandbox: LedgerName, rules: Rules, actor: Option<String>) -> Self {
        Self {
            sandbox,
            rules,
            actor,
            book: Book::complete(),
            missing: HashMap::new(),
            redirected: HashMap::new(),
        }
    }

    /// The fork's book.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Takes an event of the sandbox's own log in, which was written before.
    ///
    /// # Errors
    /// [`ReplayFault::Source`].
    pub fn resume(&mut self, own: &RecordedEvent) -> Result<(), ReplayFault> {
        self.follow(own)
    }

    /// Takes in again what came out otherwise before.
    pub fn resume_difference(&mut self, step: &[SourceEvent], outcome: &str) {
        match outcome {
            "refused" | "fell_away" => self.note_missing(step),
            _ => self.note_redirected(step),
        }
    }

    /// Drops the transactions that are kept for reverts; [`Self::recall`] brings one back.
    pub fn forget_transactions(&mut self) {
        self.book.forget_transactions();
    }

    /// The transaction that a step is about to revert, if it has to be recalled.
    #[must_use]
    pub fn reverts(step: &[SourceEvent]) -> Option<Stream> {
        let lead = step.first()?;
        matches!(
            lead.recorded.event,
            Event::Transaction(TransactionEvent::TransactionReverted { .. })
        )
        .then_some(lead.recorded.stream)
    }

    /// Takes a transaction of the sandbox back into the book, from its stream.
    pub fn recall(&mut self, stream: Stream, events: &[RecordedEvent]) {
        use ledger_core::transaction::Transaction;
        let Stream::Transaction(id) = stream else {
            return;
        };
        let mut state = Transaction::Absent;
        for recorded in events {
            if let Event::Transaction(event) = &recorded.event
                && let Ok(next) = state.evolve(event)
            {
                state = next;
            }
        }
        if let Some(last) = events.last() {
            self.book.load_transaction(id, state, last.sequence);
        }
    }

    /// Copies an event of the time before the fork.
    ///
    /// # Errors
    /// [`ReplayFault`].
    pub fn copy(&mut self, event: &SourceEvent) -> Result<SandboxEvent, ReplayFault> {
        let own = RecordedEvent {
            stream: self.own_stream(event.recorded.stream),
            event: self.own_event(&event.recorded.event),
            ..event.recorded.clone()
        };
        self.follow(&own)?;
        self.copied(event, &own.event, own.sequence)
    }

    /// The first step of these events, which are of one command and in order: how many they are.
    #[must_use]
    pub fn step_length(events: &[SourceEvent]) -> usize {
        let Some((lead, rest)) = events.split_first() else {
            return 0;
        };
        let followers = rest
            .iter()
            .take_while(|event| led_to(&lead.recorded, &event.recorded));
        1 + followers.count()
    }

    /// Decides a step anew.
    ///
    /// # Errors
    /// [`ReplayFault`].
    pub fn step(&mut self, step: &[SourceEvent]) -> Result<Came, ReplayFault> {
        let Some(lead) = step.first() else {
            return Ok(Came::default());
        };
        if self.is_replaced(&lead.recorded.event, lead.recorded.stream) {
            return self.told(step, Outcome::LeftOut, Vec::new());
        }
        let (stream, event) = self.asked(lead)?;
        let transaction = step.get(1).and_then(|event| match &event.recorded.event {
            Event::Transaction(event) => Some(event),
            _ => None,
        });
        let recorded = Recorded {
            stream,
            event: event.as_ref().unwrap_or(&lead.recorded.event),
            transaction,
            recorded_at: lead.recorded.recorded_at,
            spare: spare(lead),
        };
        let decided = decide_anew(&mut self.book, &recorded);
        let missing = || self.missing_of(step);
        match decided {
            Ok(events) if self.is_same(step, &events) => {
                let mut came = self.written(step, &events)?;
                came.extend(self.overdraft_of_new_wallet(lead)?);
                Ok(Came {
                    events: came,
                    ..Came::default()
                })
            }
            Ok(events) if events.is_empty() => {
                let depends_on = missing();
                self.told(step, Outcome::FellAway(depends_on), events)
            }
            Ok(events) => self.told(step, Outcome::Changed, events),
            Err(DecisionError::Rejected(rejection)) => match missing() {
                Some(on) => self.told(step, Outcome::FellAway(Some(on)), Vec::new()),
                None => {
                    let refusal = Refusal::from(&rejection);
                    self.told(step, Outcome::Refused(refusal), Vec::new())
                }
            },
            // It cannot follow: what it builds on is not here, or is not as it was.
            Err(DecisionError::Book(_) | DecisionError::Lacking(_)) => {
                let depends_on = missing();
                self.told(step, Outcome::FellAway(depends_on), Vec::new())
            }
        }
    }

    fn follow(&mut self, own: &RecordedEvent) -> Result<(), ReplayFault> {
        let position = own.position;
        self.book
            .apply(own)
            .map_err(|source| ReplayFault::Source { position, source })
    }

    fn own_stream(&self, stream: Stream) -> Stream {
        match stream {
            Stream::Ledger(_) => Stream::Ledger(self.sandbox),
            Stream::Payment(id) => Stream::Payment(*self.redirected.get(&id).unwrap_or(&id)),
            other => other,
        }
    }

    /// A ledger says what it is called.
    fn own_event(&self, event: &Event) -> Event {
        match event {
            Event::Ledger(LedgerEvent::LedgerOpened {
                system_accounts, ..
            }) => Event::Ledger(LedgerEvent::LedgerOpened {
                name: self.sandbox,
                system_accounts: system_accounts.clone(),
            }),
            other => other.clone(),
        }
    }

    /// What is asked for: what was recorded, with other fees where the rules say so.
    fn asked(&self, lead: &SourceEvent) -> Result<(Stream, Option<Event>), ReplayFault> {
        let stream = self.own_stream(lead.recorded.stream);
        let Some(open) = self.book.open_ledger() else {
            return Ok((stream, None));
        };
        let captured = match stream {
            Stream::Payment(id) => self.book.payment(id).captured(),
            _ => None,
        };
        let of = captured.map(|known| (known.provider, known.asset, known.amount.value()));
        let event = self.rules.adapted(&lead.recorded.event, of, &open.assets)?;
        Ok((stream, event))
    }

    /// Whether the rules say what the ledger itself says here.
    fn is_replaced(&self, event: &Event, stream: Stream) -> bool {
        match (event, stream) {
            (Event::Ledger(LedgerEvent::TierSet { tier, .. }), _) => {
                self.rules.tiers.contains_key(tier)
            }
            (Event::Ledger(LedgerEvent::DefaultTierSet { .. }), _) => {
                self.rules.default_tier.is_some()
            }
            (
                Event::Wallet(WalletEvent::WalletOverdraftSet { asset, .. }),
                Stream::Wallet(wallet),
            ) => {
                let account = Holder::Wallet(wallet).account(*asset);
                self.rules.overdrafts.contains_key(&account)
            }
            _ => false,
        }
    }

    /// Whether it came to what was recorded, but for what counts towards limits, and for accounts that movements open
    /// by themselves: which of them is the first is no outcome.
    fn is_same(&self, step: &[SourceEvent], events: &[NewEvent]) -> bool {
        let recorded = step.iter().map(|event| &event.recorded);
        let recorded = recorded.map(|event| (self.own_stream(event.stream), &event.event));
        let mut recorded = recorded.filter(|(_, event)| !is_opened_by_movement(event));
        let decided = events.iter().map(|event| (event.stream, &event.event));
        let mut decided = decided.filter(|(_, event)| !is_opened_by_movement(event));
        loop {
            match (recorded.next(), decided.next()) {
                (None, None) => return true,
                (Some((of, one)), Some((stream, other)))
                    if of == stream && is_same_but_usage(one, other) => {}
                (_, _) => return false,
            }
        }
    }
}

/// Whether it opens an account that movements open by themselves.
fn is_opened_by_movement(event: &Event) -> bool {
    match event {
        Event::Ledger(LedgerEvent::SystemAccountOpened { account }) => {
            opened_by_movements(Holder::System(account.name)).is_some()
        }
        _ => false,
    }
}

fn is_same_but_usage(one: &Event, other: &Event) -> bool {
    one == other || without_usage(one) == without_usage(other)
}

fn without_usage(event: &Event) -> Event {
    let mut event = event.clone();
    match &mut event {
        Event::Transaction(TransactionEvent::TransactionPosted { usage, .. })
        | Event::Hold(
            HoldEvent::HoldPlaced { usage, .. }
            | HoldEvent::HoldCaptured { usage, .. }
            | HoldEvent::HoldVoided { usage, .. }
            | HoldEvent::HoldExpired { usage, .. },
        ) => *usage = None,
        _ => {}
    }
    event
}

/// The id of a transaction that a step has none of in the source: the same whoever builds the fork.
fn spare(lead: &SourceEvent) -> TransactionId {
    let command = lead.recorded.metadata.command_id.to_string();
    let position = lead.stored.position.to_string();
    TransactionId::new(derived(&["fork transaction", &command, &position]))
}
