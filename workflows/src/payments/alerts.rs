//! What somebody has to look at: money that is held because it is not what was asked for.

use ledger_core::event::RecordedEvent;
use ledger_core::payment::{PaymentEvent, SuspenseReason, UnexpectedReason};
use ledger_core::{Event, LedgerName, ProviderName, ProviderReference, Stream};

/// Tells of an event whose money is in suspense, and counts it.
pub(super) fn tell(ledger: LedgerName, recorded: &RecordedEvent) {
    let (Stream::Payment(payment), Event::Payment(event)) = (recorded.stream, &recorded.event)
    else {
        return;
    };
    let Some((provider, attempt, reason)) = held(event) else {
        return;
    };
    tracing::error!(
        %ledger, payment.id = %payment, %provider, %attempt, reason,
        event.position = %recorded.position,
        "money of a payment is held in suspense"
    );
    let labels = [
        ("provider", provider.to_string()),
        ("reason", reason.to_owned()),
    ];
    metrics::counter!("daybook_payments_held_total", &labels).increment(1);
}

/// Whose money an event holds, and why.
fn held(event: &PaymentEvent) -> Option<(&ProviderName, &ProviderReference, &'static str)> {
    match event {
        PaymentEvent::PaymentCaptured {
            provider,
            attempt,
            suspended: Some(reason),
            ..
        } => {
            let reason = match reason {
                SuspenseReason::AmountDiffers { .. } => "amount_differs",
                SuspenseReason::AssetDiffers { .. } => "asset_differs",
                SuspenseReason::WalletCannotReceive { .. } => "wallet_cannot_receive",
            };
            Some((provider, attempt, reason))
        }
        PaymentEvent::UnexpectedPaymentCaptured {
            provider,
            attempt,
            why,
            ..
        } => {
            let reason = match why {
                UnexpectedReason::UnknownPayment => "unknown_payment",
                UnexpectedReason::PaidBefore(_) => "paid_before",
                UnexpectedReason::OtherProvider(_) => "other_provider",
            };
            Some((provider, attempt, reason))
        }
        _ => None,
    }
}
