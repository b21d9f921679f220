//! Tests of holds.

mod rules;
mod table;

use super::*;
use crate::annotation::Metadata;
use crate::fixtures::*;
use crate::identifier::Holder;
use crate::timestamp::Timestamp;

const HOLD: u128 = 7;

/// A hold of 10.00 INR of wallet 1 for wallet 2, until 100 seconds in.
fn placed() -> HoldEvent {
    placed_with(Some(wallet(2)), Some(at(100)))
}

fn placed_with(destination: Option<Holder>, expires_at: Option<Timestamp>) -> HoldEvent {
    HoldEvent::HoldPlaced {
        usage: None,
        source: wallet(1),
        asset: asset_code("INR"),
        amount: amount("10.00"),
        destination,
        expires_at,
        reference: None,
        metadata: Metadata::default(),
        manager: None,
    }
}

fn captured(taken: &str, released: Option<&str>, remaining: Option<&str>) -> HoldEvent {
    HoldEvent::HoldCaptured {
        usage: None,
        source: wallet(1),
        asset: asset_code("INR"),
        destination: wallet(2),
        amount: amount(taken),
        released: released.map(amount),
        remaining: remaining.map(amount),
        transaction: transaction_id(3),
    }
}

fn voided(released: &str) -> HoldEvent {
    HoldEvent::HoldVoided {
        usage: None,
        source: wallet(1),
        asset: asset_code("INR"),
        released: amount(released),
        reason: None,
    }
}

fn expired(released: &str) -> HoldEvent {
    HoldEvent::HoldExpired {
        usage: None,
        source: wallet(1),
        asset: asset_code("INR"),
        released: amount(released),
    }
}

fn request() -> HoldRequest {
    HoldRequest {
        source: wallet(1),
        asset: asset_code("INR"),
        amount: decimal("10"),
        destination: Some(wallet(2)),
        expires_at: Some(at(100)),
        reference: None,
        metadata: Metadata::default(),
    }
}

fn place(request: HoldRequest) -> HoldCommand {
    HoldCommand::Place {
        limits: crate::limit::Limits::default(),
        hold: hold_id(HOLD),
        request,
        recorded_at: at(0),
        standings: standings(&[(wallet(1), "INR", funded("10"))]),
        manager: None,
    }
}

fn capture_request(amount: Option<&str>) -> CaptureRequest {
    CaptureRequest {
        amount: amount.map(decimal),
        destination: None,
        remainder: Remainder::Release,
        effective_at: None,
        reference: None,
        metadata: Metadata::default(),
    }
}

fn capture(request: CaptureRequest, recorded_at: Timestamp) -> HoldCommand {
    HoldCommand::Capture {
        hold: hold_id(HOLD),
        request,
        transaction: transaction_id(3),
        recorded_at,
        manager: None,
    }
}

fn void() -> HoldCommand {
    HoldCommand::Void {
        hold: hold_id(HOLD),
        reason: None,
        manager: None,
    }
}

fn expire(recorded_at: Timestamp) -> HoldCommand {
    HoldCommand::Expire {
        hold: hold_id(HOLD),
        recorded_at,
    }
}
