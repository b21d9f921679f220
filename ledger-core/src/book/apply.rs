//! Folding one event.

use crate::beneficiary::Beneficiary;
use crate::event::{Event, Position, Sequence, Stream};
use crate::hold::HoldEvent;
use crate::identifier::{AccountId, HoldId, Holder, LedgerName, TransactionId, WalletId};
use crate::ledger::LedgerEvent;
use crate::onboarding::Onboarding;
use crate::owner::Owner;
use crate::payment::Payment;
use crate::payout::Payout;
use crate::profile::Profile;
use crate::settlement::Settlement;
use crate::transaction::TransactionEvent;
use crate::verification::VerificationCase;
use crate::wallet::WalletEvent;

use super::account::Change;
use super::entity::{HolderEntry, Versioned};
use super::undo::Undo;
use super::usage::OwnerChange;
use super::{Book, BookError};

/// Where an event stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) position: Position,
    pub(super) stream: Stream,
    pub(super) sequence: Sequence,
}

impl Place {
    /// Whether the event is the next of its stream; `false` when it is already in the state, as
    /// happens when an entity was loaded from a log that was ahead of the book.
    pub(super) fn follows(self, last: Sequence) -> Result<bool, BookError> {
        if self.sequence <= last {
            return Ok(false);
        }
        if self.sequence == last + 1 {
            return Ok(true);
        }
        Err(BookError::SequenceGap {
            position: self.position,
            stream: self.stream,
            last,
            found: self.sequence,
        })
    }

    fn not_loaded(self, holder: Holder) -> BookError {
        BookError::NotLoaded {
            position: self.position,
            holder,
        }
    }

    pub(super) fn illegal(self) -> impl FnOnce(crate::aggregate::IllegalEvent) -> BookError {
        move |source| BookError::IllegalEvent {
            position: self.position,
            stream: self.stream,
            source,
        }
    }
}

impl Book {
    pub(super) fn fold(
        &mut self,
        position: Position,
        stream: Stream,
        sequence: Sequence,
        event: &Event,
    ) -> Result<(), BookError> {
        let place = Place {
            position,
            stream,
            sequence,
        };
        match (stream, event) {
            (Stream::Ledger(name), Event::Ledger(event)) if self.is_named(name, event) => {
                self.fold_ledger(place, event)
            }
            (Stream::Wallet(id), Event::Wallet(event)) => {
                self.fold_ownership(place, id, event)?;
                self.fold_wallet(place, id, event)
            }
            (Stream::Transaction(id), Event::Transaction(event)) => {
                self.fold_transaction(place, id, event)
            }
            (Stream::Hold(id), Event::Hold(event)) => self.fold_hold(place, id, event),
            (Stream::Payment(id), Event::Payment(event)) => {
                self.fold_streamed::<Payment>(place, id, event)
            }
            (Stream::Payout(id), Event::Payout(event)) => {
                self.fold_streamed::<Payout>(place, id, event)
            }
            (Stream::Beneficiary(id), Event::Beneficiary(event)) => {
                self.fold_streamed::<Beneficiary>(place, id, event)
            }
            (Stream::Settlement(id), Event::Settlement(event)) => {
                self.fold_streamed::<Settlement>(place, id, event)
            }
            (Stream::Owner(key), Event::Owner(event)) => {
                self.fold_streamed::<Owner>(place, key, event)
            }
            (Stream::VerificationCase(id), Event::VerificationCase(event)) => {
                self.fold_streamed::<VerificationCase>(place, id, event)
            }
            (Stream::Profile(key), Event::Profile(event)) => {
                self.fold_streamed::<Profile>(place, key, event)
            }
            (Stream::Onboarding(key), Event::Onboarding(event)) => {
                self.fold_streamed::<Onboarding>(place, key, event)
            }
            (
                Stream::Ledger(_)
                | Stream::Wallet(_)
                | Stream::Transaction(_)
                | Stream::Hold(_)
                | Stream::Payment(_)
                | Stream::Payout(_)
                | Stream::Beneficiary(_)
                | Stream::Settlement(_)
                | Stream::Owner(_)
                | Stream::VerificationCase(_)
                | Stream::Profile(_)
                | Stream::Onboarding(_),
                Event::Ledger(_)
                | Event::Wallet(_)
                | Event::Transaction(_)
                | Event::Hold(_)
                | Event::Payment(_)
                | Event::Payout(_)
                | Event::Beneficiary(_)
                | Event::Settlement(_)
                | Event::Owner(_)
                | Event::VerificationCase(_)
                | Event::Profile(_)
                | Event::Onboarding(_),
            ) => Err(BookError::WrongStream {
                position,
                stream,
                event: event.name(),
            }),
        }
    }

    /// The last sequence of a stream that the book knows; 0 for one it does not have.
    pub(super) fn last_sequence(&self, stream: &Stream) -> Sequence {
        match stream {
            Stream::Ledger(_) => self.ledger.sequence,
            Stream::Wallet(id) => self
                .loaded(Holder::Wallet(*id))
                .map_or(0, |loaded| loaded.wallet.sequence),
            Stream::Transaction(id) => self.transactions.get(id).map_or(0, |known| known.sequence),
            Stream::Hold(id) => self.holds.get(id).map_or(0, |known| known.sequence),
            Stream::Payment(id) => self.payments.get(id).map_or(0, |known| known.sequence),
            Stream::Payout(id) => self.payouts.get(id).map_or(0, |known| known.sequence),
            Stream::Beneficiary(id) => self.beneficiaries.get(id).map_or(0, |known| known.sequence),
            Stream::Settlement(id) => self.settlements.get(id).map_or(0, |known| known.sequence),
            Stream::VerificationCase(id) => self.cases.get(id).map_or(0, |known| known.sequence),
            Stream::Owner(key) => self.owners.get(key).map_or(0, |known| known.sequence),
            Stream::Profile(key) => self.profiles.get(key).map_or(0, |known| known.sequence),
            Stream::Onboarding(key) => self.onboardings.get(key).map_or(0, |known| known.sequence),
        }
    }

    fn is_named(&self, name: LedgerName, event: &LedgerEvent) -> bool {
        let own = match event {
            LedgerEvent::LedgerOpened { name, .. } => Some(*name),
            LedgerEvent::AssetRegistered { .. }
            | LedgerEvent::SystemAccountOpened { .. }
            | LedgerEvent::TierSet { .. }
            | LedgerEvent::DefaultTierSet { .. }
            | LedgerEvent::PaymentPolicySet { .. } => self.open_ledger().map(|open| open.name),
        };
        own.is_none_or(|own| own == name)
    }

    fn fold_ledger(&mut self, place: Place, event: &LedgerEvent) -> Result<(), BookError> {
        if !place.follows(self.ledger.sequence)? {
            return Ok(());
        }
        let state = self.ledger.state.evolve(event).map_err(place.illegal())?;
        self.remember(|book| Undo::Ledger(Box::new(book.ledger.clone())));
        self.ledger = place.versioned(state, self.tick);
        Ok(())
    }

    fn fold_wallet(
        &mut self,
        place: Place,
        wallet: WalletId,
        event: &WalletEvent,
    ) -> Result<(), BookError> {
        let (tick, holder) = (self.tick, Holder::Wallet(wallet));
        if self.complete {
            self.holders.entry(holder).or_insert_with(HolderEntry::new);
        }
        let entry = self.holders.entry(holder).or_insert_with(HolderEntry::cold);
        let loaded = match entry {
            HolderEntry::Cold(_) if self.recording => return Err(place.not_loaded(holder)),
            // Loaded whole, this event included, when it is needed.
            HolderEntry::Cold(since) => {
                since.wallet_touched = place.position;
                return Ok(());
            }
            HolderEntry::Loaded(loaded) => loaded,
        };
        if !place.follows(loaded.wallet.sequence)? {
            // Known from its stream, which was ahead; the read model may not have it yet.
            loaded.wallet.touched = loaded.wallet.touched.max(place.position);
            return Ok(());
        }
        let state = loaded.wallet.state.evolve(event).map_err(place.illegal())?;
        let before = std::mem::replace(&mut loaded.wallet, place.versioned(state, tick));
        if let WalletEvent::WalletOpened { owner, .. } = event {
            loaded.owner = Some(owner.key());
        }
        self.remember(|_| Undo::Wallet(holder, Box::new(before)));
        Ok(())
    }

    /// A wallet's owner has one more.
    fn fold_ownership(
        &mut self,
        place: Place,
        wallet: WalletId,
        event: &WalletEvent,
    ) -> Result<(), BookError> {
        match event {
            WalletEvent::WalletOpened { owner, .. } => {
                self.change_owner(place, owner.key(), OwnerChange::Wallet(wallet))
            }
            WalletEvent::WalletFrozen { .. }
            | WalletEvent::WalletUnfrozen { .. }
            | WalletEvent::WalletOverdraftSet { .. }
            | WalletEvent::WalletClosed { .. } => Ok(()),
        }
    }

    fn fold_transaction(
        &mut self,
        place: Place,
        id: TransactionId,
        event: &TransactionEvent,
    ) -> Result<(), BookError> {
        if let TransactionEvent::TransactionPosted {
            postings, usage, ..
        } = event
        {
            self.fold_usage(place, usage.as_deref())?;
            for posting in postings {
                self.change(place, posting.debited(), Change::Debit(posting.amount))?;
                self.change(place, posting.credited(), Change::Credit(posting.amount))?;
            }
        }
        let known = self.transactions.get(&id);
        let begins = matches!(event, TransactionEvent::TransactionPosted { .. });
        if known.is_none() && !begins {
            // A fold that forgets transactions cannot judge what follows in them.
            return Ok(());
        }
        let last = known.map_or(0, |known| known.sequence);
        if !place.follows(last)? {
            return Ok(());
        }
        let before = known.map(|known| known.state.clone()).unwrap_or_default();
        let next = place.versioned(before.evolve(event).map_err(place.illegal())?, self.tick);
        let before = self.transactions.insert(id, next);
        self.remember(|_| Undo::Transaction(id, before.map(Box::new)));
        Ok(())
    }

    fn fold_hold(&mut self, place: Place, id: HoldId, event: &HoldEvent) -> Result<(), BookError> {
        self.fold_reservation(place, event)?;
        self.fold_usage(place, event.usage())?;
        let known = self.holds.get(&id);
        let begins = matches!(event, HoldEvent::HoldPlaced { .. });
        if known.is_none() && !begins && !self.complete {
            return Ok(());
        }
        let last = known.map_or(0, |known| known.sequence);
        if !place.follows(last)? {
            return Ok(());
        }
        let before = known.map(|known| known.state.clone()).unwrap_or_default();
        let next = place.versioned(before.evolve(event).map_err(place.illegal())?, self.tick);
        let before = self.holds.insert(id, next);
        self.remember(|_| Undo::Hold(id, before.map(Box::new)));
        Ok(())
    }

    fn fold_reservation(&mut self, place: Place, event: &HoldEvent) -> Result<(), BookError> {
        let account = event.account();
        match event {
            HoldEvent::HoldPlaced { amount, .. } => {
                self.change(place, account, Change::Reserve(*amount))
            }
            HoldEvent::HoldCaptured {
                amount, released, ..
            } => {
                self.change(place, account, Change::Release(*amount))?;
                match released {
                    Some(released) => self.change(place, account, Change::Release(*released)),
                    None => Ok(()),
                }
            }
            HoldEvent::HoldVoided { released, .. } | HoldEvent::HoldExpired { released, .. } => {
                self.change(place, account, Change::Release(*released))
            }
        }
    }

    fn change(
        &mut self,
        place: Place,
        account: AccountId,
        change: Change,
    ) -> Result<(), BookError> {
        let complete = self.complete;
        let overflow = BookError::Totals {
            position: place.position,
            account,
        };
        let entry = self.holders.entry(account.holder).or_insert_with(|| {
            if complete {
                HolderEntry::new()
            } else {
                HolderEntry::cold()
            }
        });
        let loaded = match entry {
            // It could not be taken back, and would be added when the holder is loaded.
            HolderEntry::Cold(_) if self.recording => {
                return Err(place.not_loaded(account.holder));
            }
            HolderEntry::Cold(since) => {
                let changed = (place.position, account.asset, change);
                since.changes.push(changed);
                return Ok(());
            }
            HolderEntry::Loaded(loaded) => loaded,
        };
        if place.position <= loaded.as_of {
            return Ok(());
        }
        let before = loaded.accounts.get(account.asset).copied();
        let after = before.unwrap_or_default().after(change).ok_or(overflow)?;
        loaded.accounts.set(account.asset, after);
        loaded.touched = place.position;
        loaded.used = self.tick;
        self.remember(|_| Undo::Account(account, before));
        Ok(())
    }
}

impl Place {
    pub(super) fn versioned<S>(self, state: S, used: u64) -> Versioned<S> {
        Versioned {
            state,
            sequence: self.sequence,
            touched: self.position,
            used,
        }
    }
}
