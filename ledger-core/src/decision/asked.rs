//! What was asked for, when this is what was recorded: events as the commands that they answer.

use crate::annotation::Metadata;
use crate::command::Command;
use crate::hold::{CaptureRequest, HoldEvent, HoldRequest, Remainder};
use crate::identifier::{HoldId, Holder, WalletId};
use crate::ledger::{LedgerCommand, LedgerEvent, RequestedPolicy};
use crate::limit::RequestedTier;
use crate::money::Amount;
use crate::posting::{Posting, RequestedPosting};
use crate::transaction::{TransactionEvent, TransactionRequest};
use crate::wallet::{RequestedOverdraft, WalletEvent};

/// Postings.
pub(super) fn postings(recorded: &[Posting]) -> Vec<RequestedPosting> {
    recorded.iter().map(Posting::requested).collect()
}

/// A transaction, but for its postings; nothing is said of one that was not recorded.
pub(super) fn transaction(
    recorded: Option<&TransactionEvent>,
    postings: Vec<RequestedPosting>,
) -> TransactionRequest {
    match recorded {
        Some(TransactionEvent::TransactionPosted {
            effective_at,
            reference,
            metadata,
            ..
        }) => TransactionRequest {
            postings,
            effective_at: Some(*effective_at),
            reference: reference.clone(),
            metadata: metadata.clone(),
        },
        Some(TransactionEvent::TransactionReverted { .. }) | None => TransactionRequest {
            postings,
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        },
    }
}

/// A capture of `amount`, as the transaction describes it that it led to, if that is known. What was released of the
/// rest was asked to be.
pub(super) fn capture(
    amount: Amount,
    destination: Holder,
    released: Option<Amount>,
    led_to: Option<&TransactionEvent>,
) -> CaptureRequest {
    let described = transaction(led_to, Vec::new());
    CaptureRequest {
        amount: Some(amount.value()),
        destination: Some(destination),
        remainder: match released {
            Some(_) => Remainder::Release,
            None => Remainder::Keep,
        },
        effective_at: described.effective_at,
        reference: described.reference,
        metadata: described.metadata,
    }
}

/// Of a hold that nobody manages; `led_to` is the transaction that a capture led to, if that is known.
pub(super) fn of_hold(
    hold: HoldId,
    recorded: &HoldEvent,
    led_to: Option<&TransactionEvent>,
) -> Command {
    match recorded {
        HoldEvent::HoldPlaced {
            source,
            asset,
            amount,
            destination,
            expires_at,
            reference,
            metadata,
            ..
        } => Command::PlaceHold {
            hold,
            request: HoldRequest {
                source: *source,
                asset: *asset,
                amount: amount.value(),
                destination: *destination,
                expires_at: *expires_at,
                reference: reference.clone(),
                metadata: metadata.clone(),
            },
        },
        HoldEvent::HoldCaptured {
            destination,
            amount,
            released,
            transaction,
            ..
        } => Command::CaptureHold {
            hold,
            transaction: *transaction,
            request: capture(*amount, *destination, *released, led_to),
        },
        HoldEvent::HoldVoided { reason, .. } => Command::VoidHold {
            hold,
            reason: reason.clone(),
        },
        HoldEvent::HoldExpired { .. } => Command::ExpireHold { hold },
    }
}

/// Of a wallet.
pub(super) fn of_wallet(wallet: WalletId, event: &WalletEvent) -> Command {
    match event.clone() {
        WalletEvent::WalletOpened {
            owner,
            overdraft,
            reference,
            metadata,
        } => Command::OpenWallet {
            wallet,
            owner,
            overdraft: overdraft
                .into_iter()
                .map(|(asset, overdraft)| (asset, RequestedOverdraft::from(overdraft)))
                .collect(),
            reference,
            metadata,
        },
        WalletEvent::WalletFrozen { scope, reason } => Command::FreezeWallet {
            wallet,
            scope,
            reason,
        },
        WalletEvent::WalletUnfrozen { reason } => Command::UnfreezeWallet { wallet, reason },
        WalletEvent::WalletOverdraftSet { asset, overdraft } => Command::SetWalletOverdraft {
            wallet,
            asset,
            overdraft: overdraft.into(),
        },
        WalletEvent::WalletClosed { reason } => Command::CloseWallet { wallet, reason },
    }
}

/// Of a ledger.
pub(super) fn of_ledger(event: &LedgerEvent) -> LedgerCommand {
    match event {
        LedgerEvent::LedgerOpened {
            name,
            system_accounts,
        } => LedgerCommand::Open {
            name: *name,
            system_accounts: system_accounts.clone(),
        },
        LedgerEvent::AssetRegistered { asset } => LedgerCommand::RegisterAsset {
            code: asset.code,
            scale: asset.scale,
        },
        LedgerEvent::SystemAccountOpened { account } => LedgerCommand::OpenSystemAccount {
            name: account.name,
            normal_side: account.normal_side,
        },
        LedgerEvent::TierSet { tier, rules } => LedgerCommand::SetTier {
            tier: *tier,
            rules: RequestedTier::from(rules),
        },
        LedgerEvent::DefaultTierSet { tier } => LedgerCommand::SetDefaultTier { tier: *tier },
        LedgerEvent::PaymentPolicySet { asset, policy } => LedgerCommand::SetPaymentPolicy {
            asset: *asset,
            policy: RequestedPolicy {
                chargeback_overdraft: policy.chargeback_overdraft.into(),
                payout_approval_above: policy.payout_approval_above.map(Amount::value),
            },
        },
    }
}
