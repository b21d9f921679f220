//! What a command needs loaded before it is decided.

use crate::beneficiary::BeneficiaryAction;
use crate::book::{Book, EntityKey};
use crate::command::Command;
use crate::hold::Hold;
use crate::identifier::{
    BeneficiaryId, Holder, OwnerId, OwnerKey, PaymentId, PayoutId, SettlementId, WalletId,
};
use crate::onboarding::{OnboardingAction, OnboardingTerms};
use crate::payment::{PaymentAction, hold_of_refund, unexpected_payment_id};
use crate::payout::{PayoutAction, hold_of_payout};
use crate::profile::ProfileAction;
use crate::provider::{losses, suspense};
use crate::settlement::SettlementAction;
use crate::transaction::Transaction;
use crate::verification::CaseAction;

use super::limits::{Concern, Role, has_tiers, keys_of_limits};
use super::outside::redirected;

/// The entities that must be loaded before `command` can be decided, as far as is known yet.
///
/// What a capture or a revert concerns is known only once its hold or transaction is loaded, so
/// the caller asks again after loading, until nothing is lacking: twice at most.
///
/// New transactions and holds are not looked up: if their id is taken the append fails on the
/// stream's key, and the command is decided again with the stream loaded. A refused command is
/// never appended, so its refusal stands only once [`lacking_to_refuse`] is loaded too.
pub fn lacking(book: &mut Book, command: &Command) -> Vec<EntityKey> {
    let mut keys = requirements(book, command);
    if has_tiers(book) {
        keys.extend(keys_of_limits(book, &concerns(book, command)));
    }
    keys.retain(|key| book.lacks(*key));
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether what the command needs can grow once another command has been decided: what it names has
/// to be known before the accounts concerned are.
#[must_use]
pub const fn needs_follow_from_book(command: &Command) -> bool {
    matches!(
        command,
        Command::RevertTransaction { .. }
            | Command::CaptureHold { .. }
            | Command::VoidHold { .. }
            | Command::ExpireHold { .. }
            | Command::Payment { .. }
            | Command::Payout { .. }
            | Command::Settlement { .. }
            | Command::VerificationCase { .. }
            | Command::Onboarding { .. }
    )
}

/// The stream whose first event the command writes, if it begins one: the id that may be taken.
#[must_use]
pub fn begun_entity(command: &Command) -> Option<EntityKey> {
    match command {
        Command::PostTransaction { transaction, .. }
        | Command::CaptureHold { transaction, .. }
        | Command::RevertTransaction {
            reverting_transaction: transaction,
            ..
        } => Some(EntityKey::Transaction(*transaction)),
        Command::PlaceHold { hold, .. } => Some(EntityKey::Hold(*hold)),
        Command::OpenWallet { wallet, .. } => Some(wallet_key(*wallet)),
        Command::Payment { payment, action } => {
            matches!(**action, PaymentAction::Create(_)).then_some(EntityKey::Payment(*payment))
        }
        Command::Payout { payout, action } => {
            matches!(**action, PayoutAction::Request(_)).then_some(EntityKey::Payout(*payout))
        }
        Command::Beneficiary {
            beneficiary,
            action,
        } => matches!(**action, BeneficiaryAction::Add { .. })
            .then_some(EntityKey::Beneficiary(*beneficiary)),
        Command::VerificationCase { case, action } => matches!(**action, CaseAction::Open { .. })
            .then_some(EntityKey::VerificationCase(*case)),
        Command::Settlement { settlement, action } => {
            matches!(**action, SettlementAction::Record { .. })
                .then_some(EntityKey::Settlement(*settlement))
        }
        Command::SetPaymentPolicy { .. }
        | Command::SetTier { .. }
        | Command::SetDefaultTier { .. }
        | Command::Owner { .. }
        | Command::Profile { .. }
        | Command::Onboarding { .. }
        | Command::OpenLedger { .. }
        | Command::RegisterAsset { .. }
        | Command::OpenSystemAccount { .. }
        | Command::FreezeWallet { .. }
        | Command::UnfreezeWallet { .. }
        | Command::SetWalletOverdraft { .. }
        | Command::CloseWallet { .. }
        | Command::VoidHold { .. }
        | Command::ExpireHold { .. } => None,
    }
}

/// What must still be loaded before a refusal of `command` may be answered: the stream it would
/// have begun. Load it and decide again.
///
/// Otherwise the retry of a payment that took place, but whose answer was lost, would be told that
/// the funds are insufficient, because they went with the payment, instead of that it exists.
#[must_use]
pub fn lacking_to_refuse(book: &mut Book, command: &Command) -> Option<EntityKey> {
    begun_entity(command).filter(|key| book.lacks(*key))
}

fn requirements(book: &Book, command: &Command) -> Vec<EntityKey> {
    match command {
        Command::OpenLedger { .. }
        | Command::RegisterAsset { .. }
        | Command::OpenSystemAccount { .. }
        | Command::SetTier { .. }
        | Command::SetDefaultTier { .. }
        | Command::SetPaymentPolicy { .. } => Vec::new(),
        Command::Owner { owner, .. } => vec![EntityKey::Owner(owner.key())],
        Command::VerificationCase { case, action } => {
            let opened = match &**action {
                CaseAction::Open { owner, .. } => Some(owner),
                _ => None,
            };
            let known = book.verification_case(*case).open();
            let owner = opened.or(known.map(|(open, _)| &open.owner));
            let owner = owner.map(OwnerId::key);
            let owner = owner.map(|key| [EntityKey::Owner(key), EntityKey::Profile(key)]);
            let case = EntityKey::VerificationCase(*case);
            owner.into_iter().flatten().chain([case]).collect()
        }
        Command::Profile { owner, action } => {
            let mut keys = vec![EntityKey::Profile(owner.key())];
            if let ProfileAction::Erase { cases, .. } = &**action {
                keys.push(EntityKey::Owner(owner.key()));
                keys.extend(cases.iter().copied().map(EntityKey::VerificationCase));
            }
            keys
        }
        Command::Onboarding { owner, action } => needs_of_onboarding(book, owner, action),
        Command::Payment { payment, action } => needs_of_payment(book, *payment, action),
        Command::Payout { payout, action } => needs_of_payout(book, *payout, action),
        Command::Beneficiary {
            beneficiary,
            action,
        } => needs_of_beneficiary(*beneficiary, action),
        Command::Settlement { settlement, action } => needs_of_settlement(*settlement, action),
        Command::OpenWallet { wallet, .. }
        | Command::FreezeWallet { wallet, .. }
        | Command::UnfreezeWallet { wallet, .. }
        | Command::SetWalletOverdraft { wallet, .. }
        | Command::CloseWallet { wallet, .. } => vec![wallet_key(*wallet)],
        Command::PostTransaction { request, .. } => request
            .postings
            .iter()
            .flat_map(|posting| [posting.source, posting.destination])
            .map(EntityKey::Holder)
            .collect(),
        Command::RevertTransaction { transaction, .. } => {
            let mut keys = vec![EntityKey::Transaction(*transaction)];
            if let Transaction::Posted(posted) = book.transaction(*transaction) {
                let holders = posted
                    .postings
                    .iter()
                    .flat_map(|posting| [posting.source, posting.destination]);
                keys.extend(holders.map(EntityKey::Holder));
            }
            keys
        }
        Command::PlaceHold { request, .. } => vec![EntityKey::Holder(request.source)],
        Command::CaptureHold { hold, request, .. } => {
            let mut keys = vec![EntityKey::Hold(*hold)];
            if let Hold::Active(active) = book.hold(*hold) {
                let destination = request.destination.or(active.destination);
                let holders = [Some(active.source), destination].into_iter().flatten();
                keys.extend(holders.map(EntityKey::Holder));
            }
            keys
        }
        Command::VoidHold { hold, .. } | Command::ExpireHold { hold } => {
            let mut keys = vec![EntityKey::Hold(*hold)];
            if let Hold::Active(active) = book.hold(*hold) {
                keys.push(EntityKey::Holder(active.source));
            }
            keys
        }
    }
}

/// The wallets whose owners a command may be limited by, as far as is known yet.
fn concerns(book: &Book, command: &Command) -> Vec<Concern> {
    match command {
        Command::PostTransaction { request, .. } => Concern::of_postings(&request.postings),
        Command::PlaceHold { request, .. } => Concern::of_hold(request),
        Command::CaptureHold { hold, request, .. } => match book.hold(*hold) {
            Hold::Active(active) => {
                let to = request.destination.or(active.destination);
                let giver = Concern::of(active.source, active.asset, Role::Gives);
                let receiver = to.and_then(|to| Concern::of(to, active.asset, Role::Receives));
                giver.into_iter().chain(receiver).collect()
            }
            Hold::Absent | Hold::Captured | Hold::Voided | Hold::Expired => Vec::new(),
        },
        Command::Payment { payment, action } => {
            let (payment, action) = redirected(book, *payment, action);
            let receiver = receiver_of_payment(book, payment, &action);
            receiver.into_iter().collect()
        }
        Command::Payout { action, .. } => match &**action {
            PayoutAction::Request(new) => vec![Concern {
                wallet: new.wallet,
                asset: new.asset,
                role: Role::Gives,
            }],
            _ => Vec::new(),
        },
        Command::OpenLedger { .. }
        | Command::RegisterAsset { .. }
        | Command::OpenSystemAccount { .. }
        | Command::OpenWallet { .. }
        | Command::FreezeWallet { .. }
        | Command::UnfreezeWallet { .. }
        | Command::SetWalletOverdraft { .. }
        | Command::CloseWallet { .. }
        | Command::RevertTransaction { .. }
        | Command::VoidHold { .. }
        | Command::ExpireHold { .. }
        | Command::SetPaymentPolicy { .. }
        | Command::SetTier { .. }
        | Command::SetDefaultTier { .. }
        | Command::Owner { .. }
        | Command::VerificationCase { .. }
        | Command::Profile { .. }
        | Command::Onboarding { .. }
        | Command::Beneficiary { .. }
        | Command::Settlement { .. } => Vec::new(),
    }
}

const fn wallet_key(wallet: WalletId) -> EntityKey {
    EntityKey::Holder(Holder::Wallet(wallet))
}

/// What a command about an onboarding needs, as far as is known yet: what it looks at.
fn needs_of_onboarding(book: &Book, owner: &OwnerId, action: &OnboardingAction) -> Vec<EntityKey> {
    let key = owner.key();
    let mut keys = vec![EntityKey::Onboarding(key), EntityKey::Owner(key)];
    if let Some(terms) = terms_of_onboarding(book, key, action) {
        keys.push(EntityKey::VerificationCase(terms.case));
        keys.push(wallet_key(terms.wallet));
        keys.push(EntityKey::OwnerOf(terms.wallet));
    }
    keys
}

/// What an onboarding is to lead to: as it was begun, or else as it is to begin.
pub(super) fn terms_of_onboarding<'b>(
    book: &'b Book,
    key: OwnerKey,
    action: &'b OnboardingAction,
) -> Option<&'b OnboardingTerms> {
    let known = book.onboarding(key).course();
    known.map(|(course, _)| &course.terms).or(action.terms())
}

/// What a command about a payment needs, as far as is known yet.
fn needs_of_payment(book: &Book, payment: PaymentId, action: &PaymentAction) -> Vec<EntityKey> {
    let mut keys = vec![EntityKey::Payment(payment)];
    // Whether the attempt's money is another payment's decides which one it is about.
    let unexpected = action.attempt();
    let unexpected = unexpected.map(|(provider, attempt)| unexpected_payment_id(provider, attempt));
    keys.extend(unexpected.map(EntityKey::Payment));
    keys.extend(action.transaction().map(EntityKey::Transaction));
    let (payment, action) = redirected(book, payment, action);
    keys.extend(
        holders_of_payment(book, payment, &action)
            .into_iter()
            .map(EntityKey::Holder),
    );
    match &action {
        PaymentAction::RequestRefund { refund, .. } => {
            keys.push(EntityKey::Hold(hold_of_refund(*refund)));
        }
        PaymentAction::ObserveRefund {
            refund,
            observation,
            ..
        } => {
            let known = book.payment(payment).captured();
            let known = known
                .and_then(|captured| captured.find_refund(*refund, &observation.provider_refund));
            let known = known.map(|(known, _)| EntityKey::Hold(hold_of_refund(known)));
            keys.extend(known);
            keys.push(EntityKey::Hold(hold_of_refund(*refund)));
        }
        PaymentAction::Create(_)
        | PaymentAction::Reroute { .. }
        | PaymentAction::Observe { .. }
        | PaymentAction::ObserveUnexpected { .. }
        | PaymentAction::Expire { .. }
        | PaymentAction::Credit { .. }
        | PaymentAction::ObserveDispute { .. } => {}
    }
    keys
}

/// Everybody whose account a command about a payment may touch.
pub(super) fn holders_of_payment(
    book: &Book,
    payment: PaymentId,
    action: &PaymentAction,
) -> Vec<Holder> {
    let state = book.payment(payment);
    let mut holders: Vec<Holder> = match action {
        PaymentAction::Create(new) => vec![Holder::Wallet(new.wallet)],
        PaymentAction::Credit { wallet, .. } => vec![Holder::Wallet(*wallet)],
        PaymentAction::Reroute { .. } | PaymentAction::Expire { .. } => return Vec::new(),
        PaymentAction::Observe { .. }
        | PaymentAction::ObserveUnexpected { .. }
        | PaymentAction::RequestRefund { .. }
        | PaymentAction::ObserveRefund { .. }
        | PaymentAction::ObserveDispute { .. } => Vec::new(),
    };
    holders.extend(state.open().map(|open| Holder::Wallet(open.wallet)));
    if let Some(captured) = state.captured() {
        holders.extend([captured.holder, captured.provider.clearing(), suspense()]);
        holders.extend(captured.refunds.values().map(|refund| refund.source));
        let disputes = captured.disputes.values();
        holders.extend(disputes.filter_map(|known| known.taken_from));
    }
    if let Some(provider) = action.provider() {
        holders.extend(provider.accounts());
        holders.extend([suspense(), losses()]);
    }
    holders
}

/// Whose wallet a command about a payment may credit, and in which asset.
pub(super) fn receiver_of_payment(
    book: &Book,
    payment: PaymentId,
    action: &PaymentAction,
) -> Option<Concern> {
    let state = book.payment(payment);
    let (wallet, asset) = match action {
        PaymentAction::Create(new) => (new.wallet, new.asset),
        PaymentAction::Observe { .. } => {
            let open = state.open()?;
            (open.wallet, open.asset)
        }
        PaymentAction::Credit { wallet, .. } => (*wallet, state.captured()?.asset),
        PaymentAction::ObserveUnexpected { .. }
        | PaymentAction::Reroute { .. }
        | PaymentAction::Expire { .. }
        | PaymentAction::RequestRefund { .. }
        | PaymentAction::ObserveRefund { .. }
        | PaymentAction::ObserveDispute { .. } => return None,
    };
    Some(Concern {
        wallet,
        asset,
        role: Role::Receives,
    })
}

/// What a command about a payout needs, as far as is known yet.
fn needs_of_payout(book: &Book, payout: PayoutId, action: &PayoutAction) -> Vec<EntityKey> {
    let mut keys = vec![
        EntityKey::Payout(payout),
        EntityKey::Hold(hold_of_payout(payout)),
    ];
    keys.extend(
        action
            .transactions()
            .into_iter()
            .map(EntityKey::Transaction),
    );
    if let PayoutAction::Request(new) = action {
        keys.push(EntityKey::Beneficiary(new.beneficiary));
        keys.push(EntityKey::Holder(Holder::Wallet(new.wallet)));
    }
    if let Some(terms) = book.payout(payout).terms() {
        keys.push(EntityKey::Beneficiary(terms.beneficiary));
        keys.push(EntityKey::Holder(Holder::Wallet(terms.wallet)));
    }
    if let PayoutAction::Observe { observation, .. } = action {
        let provider = observation.provider;
        let accounts = [
            provider.payouts(),
            provider.fees(),
            provider.tax(),
            suspense(),
        ];
        keys.extend(accounts.map(EntityKey::Holder));
    }
    keys
}

/// What a command about a beneficiary needs.
fn needs_of_beneficiary(beneficiary: BeneficiaryId, action: &BeneficiaryAction) -> Vec<EntityKey> {
    let mut keys = vec![EntityKey::Beneficiary(beneficiary)];
    if let BeneficiaryAction::Add { wallet, .. } = action {
        keys.push(EntityKey::Holder(Holder::Wallet(*wallet)));
    }
    keys
}

/// What a command about a settlement needs.
fn needs_of_settlement(settlement: SettlementId, action: &SettlementAction) -> Vec<EntityKey> {
    let mut keys = vec![EntityKey::Settlement(settlement)];
    if let SettlementAction::Record {
        report,
        transaction,
    } = action
    {
        let provider = report.provider;
        let accounts = [
            provider.clearing(),
            provider.fees(),
            provider.tax(),
            provider.payouts(),
            Holder::System(report.bank),
        ];
        keys.push(EntityKey::Transaction(*transaction));
        keys.extend(accounts.map(EntityKey::Holder));
    }
    keys
}
