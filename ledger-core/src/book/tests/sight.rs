//! Looking into a book: all it says, in an order that does not depend on how it came about.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::beneficiary::Beneficiary;
use crate::book::entity::{HolderEntry, Versioned};
use crate::book::{AccountTotals, Book, NewEvent};
use crate::event::{EventMetadata, Position, RecordedEvent, Sequence};
use crate::hold::Hold;
use crate::identifier::{
    AccountId, BeneficiaryId, CaseId, HoldId, Holder, OwnerKey, PaymentId, PayoutId, SettlementId,
    TransactionId, WalletId,
};
use crate::ledger::Ledger;
use crate::limit::Flow;
use crate::money::{AssetCode, Total};
use crate::onboarding::Onboarding;
use crate::owner::Owner;
use crate::payment::Payment;
use crate::payout::Payout;
use crate::profile::Profile;
use crate::settlement::Settlement;
use crate::timestamp::Timestamp;
use crate::transaction::Transaction;
use crate::verification::VerificationCase;
use crate::wallet::Wallet;

/// Everything a book says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sight {
    pub(super) position: Position,
    pub(super) recorded_at: Option<Timestamp>,
    pub(super) ledger: (Ledger, Sequence),
    pub(super) wallets: BTreeMap<Holder, (Wallet, Sequence)>,
    pub(super) accounts: BTreeMap<AccountId, AccountTotals>,
    pub(super) holds: BTreeMap<HoldId, (Hold, Sequence)>,
    pub(super) transactions: BTreeMap<TransactionId, (Transaction, Sequence)>,
    pub(super) payments: BTreeMap<PaymentId, (Payment, Sequence)>,
    pub(super) payouts: BTreeMap<PayoutId, (Payout, Sequence)>,
    pub(super) beneficiaries: BTreeMap<BeneficiaryId, (Beneficiary, Sequence)>,
    pub(super) settlements: BTreeMap<SettlementId, (Settlement, Sequence)>,
    pub(super) owners: BTreeMap<OwnerKey, (Owner, Sequence)>,
    pub(super) cases: BTreeMap<CaseId, (VerificationCase, Sequence)>,
    pub(super) profiles: BTreeMap<OwnerKey, (Profile, Sequence)>,
    pub(super) onboardings: BTreeMap<OwnerKey, (Onboarding, Sequence)>,
    pub(super) usages: BTreeMap<OwnerKey, UsageSight>,
}

/// An owner's wallets and sums, without those that are zero: nobody asks whether one ever was more.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct UsageSight {
    wallets: BTreeSet<WalletId>,
    used: Vec<(AssetCode, Flow, NaiveDate, Total)>,
}

fn usages(book: &Book) -> BTreeMap<OwnerKey, UsageSight> {
    let mut seen = BTreeMap::new();
    for owner in book.usages.keys() {
        if let Some(rows) = book.usage_of(*owner) {
            let used = rows.used.rows().filter(|(.., sum)| !sum.is_zero());
            let sight = UsageSight {
                wallets: rows.wallets.iter().copied().collect(),
                used: used.collect(),
            };
            if sight != UsageSight::default() {
                seen.insert(*owner, sight);
            }
        }
    }
    seen
}

/// What is kept of one kind, without what is known not to be there.
fn sight_of<K: Copy + Ord, S: Clone + Default + PartialEq>(
    kept: &hashbrown::HashMap<K, Versioned<S>>,
) -> BTreeMap<K, (S, Sequence)> {
    kept.iter()
        .filter(|(_, known)| known.state != S::default())
        .map(|(id, known)| (*id, (known.state.clone(), known.sequence)))
        .collect()
}

impl Sight {
    /// What `book` says; of a partial book only of what is loaded.
    pub(super) fn of(book: &Book) -> Self {
        let loaded = book
            .holders
            .iter()
            .filter_map(|(holder, entry)| match entry {
                HolderEntry::Loaded(loaded) => Some((*holder, loaded)),
                HolderEntry::Cold(_) => None,
            });
        let wallets = loaded
            .filter(|(_, loaded)| loaded.wallet.state != Wallet::Absent)
            .map(|(holder, loaded)| {
                (
                    holder,
                    (loaded.wallet.state.clone(), loaded.wallet.sequence),
                )
            });
        let holds = book
            .holds
            .iter()
            .filter(|(_, hold)| hold.state != Hold::Absent);
        let transactions = book.transactions.iter();
        let transactions = transactions.filter(|(_, known)| known.state != Transaction::Absent);
        Self {
            position: book.position,
            recorded_at: book.recorded_at,
            ledger: (book.ledger.state.clone(), book.ledger.sequence),
            wallets: wallets.collect(),
            accounts: book.accounts().collect(),
            holds: holds
                .map(|(id, hold)| (*id, (hold.state.clone(), hold.sequence)))
                .collect(),
            transactions: transactions
                .map(|(id, known)| (*id, (known.state.clone(), known.sequence)))
                .collect(),
            payments: sight_of(&book.payments),
            payouts: sight_of(&book.payouts),
            beneficiaries: sight_of(&book.beneficiaries),
            settlements: sight_of(&book.settlements),
            owners: sight_of(&book.owners),
            cases: sight_of(&book.cases),
            profiles: sight_of(&book.profiles),
            onboardings: sight_of(&book.onboardings),
            usages: usages(book),
        }
    }

    /// Whether all that `part` says, of the entities it has, is said here too.
    pub(super) fn agrees_with(&self, part: &Self) -> bool {
        fn within<K: Ord, V: PartialEq>(part: &BTreeMap<K, V>, whole: &BTreeMap<K, V>) -> bool {
            part.iter()
                .all(|(key, value)| whole.get(key) == Some(value))
        }
        (part.position, part.recorded_at) == (self.position, self.recorded_at)
            && part.ledger == self.ledger
            && within(&part.wallets, &self.wallets)
            && within(&part.accounts, &self.accounts)
            && within(&part.holds, &self.holds)
            && within(&part.transactions, &self.transactions)
            && within(&part.payments, &self.payments)
            && within(&part.payouts, &self.payouts)
            && within(&part.beneficiaries, &self.beneficiaries)
            && within(&part.settlements, &self.settlements)
            && within(&part.owners, &self.owners)
            && within(&part.cases, &self.cases)
            && within(&part.profiles, &self.profiles)
            && within(&part.onboardings, &self.onboardings)
            && within(&part.usages, &self.usages)
    }
}

/// The events as the log gives them back.
pub(super) fn recorded(events: &[NewEvent], recorded_at: Timestamp) -> Vec<RecordedEvent> {
    let event = |event: &NewEvent| RecordedEvent {
        position: event.position,
        recorded_at,
        stream: event.stream,
        sequence: event.sequence,
        event: event.event.clone(),
        metadata: EventMetadata {
            command_id: uuid::Uuid::nil(),
            actor: None,
            correlation_id: None,
            causation_id: None,
            idempotency: None,
        },
    };
    events.iter().map(event).collect()
}
