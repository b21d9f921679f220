//! A complete book under random commands: money is conserved at every step.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::commands::{any_command, any_inner_command, beginning, recorded_at};
use super::sight::{Sight, recorded};
use crate::book::{Book, NewEvent};
use crate::command::Command;
use crate::decision::{Again, DecidingAgain, DecisionError, decide};
use crate::event::{Event, Position, RecordedEvent};
use crate::hold::{Hold, HoldEvent};
use crate::identifier::AccountId;
use crate::money::{Amount, Total};
use crate::posting::{HolderStanding, Overdraft, Standing};
use crate::transaction::TransactionEvent;

/// Available for good: credits less debits less what is reserved.
fn available(standing: &Standing) -> rust_decimal::Decimal {
    standing.posted.credits.value()
        - standing.posted.debits.value()
        - standing.pending_debits.value()
}

fn check_conservation(book: &Book) {
    let trial_balance = book.trial_balance().unwrap();
    assert_eq!(trial_balance.first_difference(), None, "{trial_balance:?}");
    let mut reserved: BTreeMap<AccountId, Total> = BTreeMap::new();
    for hold in book.holds.values() {
        if let Hold::Active(active) = &hold.state {
            let total = reserved.entry(active.account()).or_default();
            *total = total.checked_add(active.remaining).unwrap();
        }
    }
    for (account, totals) in book.accounts() {
        let expected = reserved.remove(&account).unwrap_or_default();
        assert_eq!(totals.pending_debits, expected, "{account}");
    }
    assert!(reserved.is_empty(), "{reserved:?}");
}

/// No account that lost by the command is below minus its overdraft.
fn check_floors(before: &Book, after: &Book) {
    for (account, _) in after.accounts() {
        let standing = after.standing(account).unwrap();
        let HolderStanding::Wallet { overdraft, .. } = standing.holder else {
            continue;
        };
        let floor = match overdraft {
            Overdraft::Unlimited => continue,
            Overdraft::Forbidden => rust_decimal::Decimal::ZERO,
            Overdraft::UpTo(limit) => -limit.value(),
        };
        let had = before
            .standing(account)
            .map(|standing| available(&standing))
            .unwrap_or_default();
        let has = available(&standing);
        assert!(
            has >= had || has >= floor,
            "{account} had {had}, has {has}, floor {floor}"
        );
    }
}

fn check_places(events: &[NewEvent], before: &Book) {
    for (offset, event) in events.iter().enumerate() {
        let expected = before.position().plus(1 + i64::try_from(offset).unwrap());
        assert_eq!(event.position, expected);
        assert!(event.sequence >= 1);
    }
}

/// Decides, with everything that must hold around a decision; the events are not yet settled.
fn step(book: &mut Book, command: &Command, number: usize) -> Vec<NewEvent> {
    let before = book.clone();
    let seen_before = Sight::of(&before);
    let start = book.savepoint();
    let decided = decide(book, command, recorded_at(number));
    match &decided {
        Ok(events) => {
            // Only of what is observed nothing may come: it was known.
            let observed = matches!(
                command,
                Command::Payment { .. }
                    | Command::Payout { .. }
                    | Command::Beneficiary { .. }
                    | Command::Settlement { .. }
                    | Command::Owner { .. }
                    | Command::VerificationCase { .. }
                    | Command::Profile { .. }
                    | Command::Onboarding { .. }
            );
            assert!(observed || !events.is_empty(), "{command:?}");
            check_places(events, &before);
        }
        Err(DecisionError::Rejected(_)) => assert_eq!(Sight::of(book), seen_before, "{command:?}"),
        Err(fault @ (DecisionError::Book(_) | DecisionError::Lacking(_))) => {
            panic!("{command:?}: {fault}")
        }
    }
    check_conservation(book);
    check_floors(&before, book);
    let seen_after = Sight::of(book);
    book.take_back(start);
    assert_eq!(Sight::of(book), seen_before, "{command:?}");
    assert_eq!(
        decide(book, command, recorded_at(number)),
        decided,
        "{command:?}"
    );
    assert_eq!(Sight::of(book), seen_after, "{command:?}");
    decided.unwrap_or_default()
}

fn replay(log: &[RecordedEvent]) -> Book {
    let mut book = Book::complete();
    for event in log {
        book.apply(event).unwrap();
    }
    book
}

/// How many events of a log are found to be what would have been decided.
fn decided_again(log: &[RecordedEvent]) -> usize {
    let mut book = Book::complete();
    let mut deciding = DecidingAgain::default();
    for (index, event) in log.iter().enumerate() {
        match deciding.next(&mut book, event) {
            Ok(Again::Same | Again::Told) => {}
            Ok(Again::Other(_) | Again::Unfounded) | Err(_) => return index,
        }
    }
    log.len()
}

/// Whether it moves or reserves in the name of a payment, payout or settlement.
fn is_brought(event: &Event) -> bool {
    match event {
        Event::Transaction(TransactionEvent::TransactionPosted { cause, .. }) => cause.is_managed(),
        Event::Hold(HoldEvent::HoldPlaced { manager, .. }) => manager.is_some(),
        _ => false,
    }
}

/// Twice as much moves, or is reserved, than did.
fn double(event: &mut Event) -> bool {
    let amount = match event {
        Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }) => {
            postings.first_mut().map(|posting| &mut posting.amount)
        }
        Event::Hold(HoldEvent::HoldPlaced { amount, .. }) => Some(amount),
        _ => None,
    };
    let Some(amount) = amount else { return false };
    let doubled = amount.value() + amount.value();
    *amount = Amount::try_new(doubled, doubled.scale()).unwrap();
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is moved or reserved in the name of something else, to another amount, is found where it stands.
    #[test]
    fn what_was_not_decided_is_found(
        commands in prop::collection::vec(super::outside::any_command(), 40..90),
        choice in any::<prop::sample::Index>(),
    ) {
        let mut book = Book::complete();
        let mut log = Vec::new();
        for (number, command) in beginning().iter().chain(&commands).enumerate() {
            let time = recorded_at(number);
            log.extend(recorded(&decide(&mut book, command, time).unwrap_or_default(), time));
        }
        prop_assert_eq!(decided_again(&log), log.len());
        let managed: Vec<usize> = (0..log.len()).filter(|index| is_brought(&log[*index].event)).collect();
        prop_assume!(!managed.is_empty());
        let index = *choice.get(&managed);
        let mut changed = log.clone();
        prop_assert!(double(&mut changed[index].event));
        prop_assert_eq!(decided_again(&changed), index);
        // As if nothing had brought it.
        let mut alone = log.clone();
        alone[index].metadata.command_id = uuid::Uuid::from_u128(1);
        prop_assert_eq!(decided_again(&alone), index);
        // The money is gone, and what said that it moves is still there.
        log.remove(index);
        for event in &mut log[index..] {
            event.position = Position::try_new(event.position.value() - 1).unwrap();
        }
        prop_assert!(index == log.len() || decided_again(&log) == index);
    }

    #[test]
    fn money_is_conserved_whatever_is_asked(
        commands in prop::collection::vec((any_command(), any::<bool>()), 1..70),
    ) {
        let mut book = Book::complete();
        let mut log = Vec::new();
        let begin = beginning().into_iter().map(|command| (command, true));
        for (number, (command, settle)) in begin.chain(commands).enumerate() {
            let events = step(&mut book, &command, number);
            log.extend(recorded(&events, recorded_at(number)));
            if settle {
                book.settle(book.savepoint());
                prop_assert!(!book.is_speculative());
            }
        }
        prop_assert_eq!(Sight::of(&replay(&log)), Sight::of(&book));
        prop_assert_eq!(decided_again(&log), log.len());
        let mut sums = replay(&log);
        sums.forget_transactions();
        prop_assert_eq!(Sight::of(&sums).accounts, Sight::of(&book).accounts);
    }

    /// Batches are decided on top of each other, then settled from the front or taken back from
    /// the end, as the executor's commits succeed and fail.
    #[test]
    fn what_is_taken_back_never_was(
        batches in prop::collection::vec((prop::collection::vec(any_command(), 1..6), 0..3_u8), 1..25),
    ) {
        let mut book = Book::complete();
        let mut log = Vec::new();
        for (number, command) in beginning().iter().enumerate() {
            log.extend(recorded(&decide(&mut book, command, recorded_at(number)).unwrap(), recorded_at(number)));
        }
        book.settle(book.savepoint());
        let mut pending: Vec<(crate::book::Savepoint, Vec<RecordedEvent>)> = Vec::new();
        for (number, (batch, fate)) in batches.iter().enumerate() {
            let start = book.savepoint();
            let time = recorded_at(100 + number);
            let events = batch.iter().filter_map(|command| decide(&mut book, command, time).ok());
            let events = events.flat_map(|events| recorded(&events, time)).collect();
            pending.push((start, events));
            match fate {
                0 => {}
                1 => {
                    let (_, events) = pending.remove(0);
                    log.extend(events);
                    let end = pending.first().map_or(book.savepoint(), |(start, _)| *start);
                    book.settle(end);
                }
                _ => {
                    let keep = pending.len() / 2;
                    book.take_back(pending[keep].0);
                    pending.truncate(keep);
                }
            }
        }
        let (kept, rest): (Vec<_>, Vec<_>) = pending.into_iter().unzip();
        let whole: Vec<RecordedEvent> = log.iter().cloned().chain(rest.into_iter().flatten()).collect();
        prop_assert_eq!(Sight::of(&replay(&whole)), Sight::of(&book));
        if let Some(first) = kept.first() {
            book.take_back(*first);
        }
        prop_assert_eq!(Sight::of(&replay(&log)), Sight::of(&book));
    }
}

/// How often each kind of event and refusal comes of random commands.
fn seen_of(commands: &BoxedStrategy<Command>) -> BTreeMap<&'static str, usize> {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..160 {
        let mut book = Book::complete();
        let commands = prop::collection::vec(commands.clone(), 120);
        let commands = commands.new_tree(&mut runner).unwrap().current();
        for (number, command) in beginning().iter().chain(&commands).enumerate() {
            match decide(&mut book, command, recorded_at(number)) {
                Ok(events) => events
                    .iter()
                    .for_each(|event| *seen.entry(event.event.name()).or_default() += 1),
                Err(DecisionError::Rejected(refused)) => {
                    *seen.entry(refused.code()).or_default() += 1
                }
                Err(fault @ (DecisionError::Book(_) | DecisionError::Lacking(_))) => {
                    panic!("{fault}")
                }
            }
        }
    }
    seen
}

/// The random commands are worth something only if most kinds of events come of them.
#[test]
fn random_commands_lead_to_every_kind_of_event_and_many_refusals() {
    for (commands, expected) in [
        (any_inner_command(), &INNER[..]),
        (super::outside::any_command(), &OUTSIDE),
        (any_command(), &TIERS),
        (super::onboarding::any_command(), &ONBOARDINGS),
    ] {
        let seen = seen_of(&commands);
        for name in expected {
            assert!(seen.contains_key(name), "{name} is missing in {seen:?}");
        }
    }
}

const TIERS: [&str; 14] = [
    "TierSet",
    "DefaultTierSet",
    "TierGranted",
    "TierWithdrawn",
    "CaseOpened",
    "CaseApproved",
    "CaseRejected",
    "CaseReset",
    "tier_not_found",
    "operation_not_allowed",
    "transaction_limit_exceeded",
    "period_limit_exceeded",
    "balance_limit_exceeded",
    "receiver_limit_exceeded",
];

const ONBOARDINGS: [&str; 14] = [
    "OnboardingStarted",
    "OnboardingContactVerified",
    "OnboardingContactRemoved",
    "OnboardingVerificationSeen",
    "OnboardingOwnerAwaited",
    "OnboardingReminderSent",
    "OnboardingCompleted",
    "OnboardingExpired",
    "OnboardingCancelled",
    "OnboardingResumed",
    "onboarding_not_found",
    "onboarding_exists",
    "onboarding_ended",
    "onboarding_not_due",
];

const INNER: [&str; 40] = [
    "AssetRegistered",
    "SystemAccountOpened",
    "WalletOpened",
    "WalletFrozen",
    "WalletUnfrozen",
    "WalletOverdraftSet",
    "WalletClosed",
    "TransactionPosted",
    "TransactionReverted",
    "HoldPlaced",
    "HoldCaptured",
    "HoldVoided",
    "HoldExpired",
    "ledger_exists",
    "asset_exists",
    "system_account_exists",
    "wallet_not_found",
    "wallet_exists",
    "wallet_closed",
    "wallet_frozen",
    "wallet_has_holds",
    "wallet_not_empty",
    "transaction_not_found",
    "transaction_exists",
    "transaction_already_reverted",
    "hold_not_found",
    "hold_exists",
    "hold_not_active",
    "hold_expired",
    "hold_not_due",
    "hold_expiry_passed",
    "capture_destination_missing",
    "capture_not_an_amount",
    "capture_exceeds_hold",
    "asset_not_found",
    "account_not_found",
    "insufficient_funds",
    "amount_not_positive",
    "amount_too_many_decimals",
    "same_source_and_destination",
];

const OUTSIDE: [&str; 52] = [
    "PaymentCreated",
    "PaymentRerouted",
    "PaymentAwaitingPayer",
    "PaymentAuthorized",
    "PaymentReleased",
    "PaymentFailed",
    "PaymentExpired",
    "PaymentCaptured",
    "UnexpectedPaymentCaptured",
    "PaymentFeesRecorded",
    "PaymentCredited",
    "RefundRequested",
    "RefundPending",
    "RefundSucceeded",
    "RefundDiscovered",
    "RefundMatched",
    "RefundFailed",
    "DisputeOpened",
    "DisputeClosed",
    "DisputeWon",
    "DisputeLost",
    "DisputeFeesRecorded",
    "PayoutRequested",
    "PayoutCancelled",
    "PayoutSubmitted",
    "PayoutNotAccepted",
    "PayoutProcessing",
    "PayoutSucceeded",
    "PayoutFeesRecorded",
    "PayoutFailed",
    "PayoutReturned",
    "BeneficiaryAdded",
    "BeneficiaryVerified",
    "BeneficiaryRemoved",
    "SettlementRecorded",
    "payment_not_found",
    "payment_exists",
    "payment_not_open",
    "payment_not_captured",
    "observed_asset_differs",
    "captured_amount_differs",
    "refund_exceeds_payment",
    "refund_amount_differs",
    "payout_exists",
    "payout_submitted",
    "payout_not_submitted",
    "payout_provider_differs",
    "payout_attempt_differs",
    "payout_succeeded_after_end",
    "beneficiary_not_verified",
    "beneficiary_of_other_wallet",
    "settlement_differs",
];
