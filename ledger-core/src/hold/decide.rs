//! The rules of holds.

use crate::identifier::{HoldId, TransactionId};
use crate::limit::{Departure, DepartureKind, Limits};
use crate::money::Amount;
use crate::posting::{Standings, decide_reservation};
use crate::timestamp::Timestamp;

use super::command::{CaptureRequest, HoldCommand, HoldRequest, Remainder};
use super::event::{HoldEvent, HoldManager};
use super::rejection::HoldRejection;
use super::state::{ActiveHold, Hold, HoldStatus};

impl Hold {
    /// What happens when `command` is carried out.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn decide(&self, command: &HoldCommand) -> Result<HoldEvent, HoldRejection> {
        let ended = match self {
            Self::Absent => return decide_absent(command),
            Self::Active(hold) => return decide_active(hold, command),
            Self::Captured => HoldStatus::Captured,
            Self::Voided => HoldStatus::Voided,
            Self::Expired => HoldStatus::Expired,
        };
        Err(decide_ended(ended, command))
    }
}

fn decide_absent(command: &HoldCommand) -> Result<HoldEvent, HoldRejection> {
    match command {
        HoldCommand::Place {
            request,
            recorded_at,
            standings,
            manager,
            limits,
            ..
        } => place(request, *manager, *recorded_at, standings, limits),
        HoldCommand::Capture { hold, .. }
        | HoldCommand::Void { hold, .. }
        | HoldCommand::Expire { hold, .. } => Err(HoldRejection::NotFound { hold: *hold }),
    }
}

fn decide_active(active: &ActiveHold, command: &HoldCommand) -> Result<HoldEvent, HoldRejection> {
    match command {
        HoldCommand::Place { hold, .. } => Err(HoldRejection::Exists { hold: *hold }),
        HoldCommand::Capture {
            hold,
            request,
            transaction,
            recorded_at,
            manager,
        } => {
            check_manager(*hold, active, *manager)?;
            check_not_expired(*hold, active, *recorded_at)?;
            capture(*hold, active, request, *transaction)
        }
        HoldCommand::Void {
            hold,
            reason,
            manager,
        } => {
            check_manager(*hold, active, *manager)?;
            Ok(HoldEvent::HoldVoided {
                source: active.source,
                asset: active.asset,
                released: active.remaining,
                reason: reason.clone(),
                usage: active.given_back(active.remaining),
            })
        }
        HoldCommand::Expire { hold, recorded_at } => match active.expires_at {
            Some(expires_at) if expires_at <= *recorded_at => Ok(HoldEvent::HoldExpired {
                source: active.source,
                asset: active.asset,
                released: active.remaining,
                usage: active.given_back(active.remaining),
            }),
            expires_at => Err(HoldRejection::NotDue {
                hold: *hold,
                expires_at,
            }),
        },
    }
}

fn decide_ended(status: HoldStatus, command: &HoldCommand) -> HoldRejection {
    let hold = command.hold();
    match command {
        HoldCommand::Place { .. } => HoldRejection::Exists { hold },
        HoldCommand::Capture { .. } | HoldCommand::Void { .. } | HoldCommand::Expire { .. } => {
            HoldRejection::NotActive { hold, status }
        }
    }
}

fn check_manager(
    hold: HoldId,
    active: &ActiveHold,
    asking: Option<HoldManager>,
) -> Result<(), HoldRejection> {
    match active.manager {
        Some(manager) if asking != Some(manager) => Err(HoldRejection::Managed { hold, manager }),
        Some(_) | None => Ok(()),
    }
}

fn place(
    request: &HoldRequest,
    manager: Option<HoldManager>,
    recorded_at: Timestamp,
    standings: &Standings,
    limits: &Limits,
) -> Result<HoldEvent, HoldRejection> {
    if let Some(expires_at) = request.expires_at
        && expires_at <= recorded_at
    {
        return Err(HoldRejection::ExpiryPassed { expires_at });
    }
    let amount = decide_reservation(request.source, request.asset, request.amount, standings)?;
    let usage = limits.judge_departure(&Departure {
        source: request.source,
        destination: request.destination,
        asset: request.asset,
        amount,
        kind: match manager {
            Some(HoldManager::Payout(_)) => DepartureKind::Payout,
            Some(HoldManager::Payment(_)) | None => DepartureKind::Hold,
        },
    })?;
    Ok(HoldEvent::HoldPlaced {
        source: request.source,
        asset: request.asset,
        amount,
        destination: request.destination,
        expires_at: request.expires_at,
        reference: request.reference.clone(),
        metadata: request.metadata.clone(),
        manager,
        usage,
    })
}

fn check_not_expired(
    hold: HoldId,
    active: &ActiveHold,
    recorded_at: Timestamp,
) -> Result<(), HoldRejection> {
    match active.expires_at {
        Some(expires_at) if expires_at <= recorded_at => {
            Err(HoldRejection::Expired { hold, expires_at })
        }
        Some(_) | None => Ok(()),
    }
}

fn capture(
    hold: HoldId,
    active: &ActiveHold,
    request: &CaptureRequest,
    transaction: TransactionId,
) -> Result<HoldEvent, HoldRejection> {
    let destination = request
        .destination
        .or(active.destination)
        .ok_or(HoldRejection::DestinationMissing { hold })?;
    let amount = match request.amount {
        Some(value) => Amount::try_new(value, active.remaining.scale()).map_err(|error| {
            HoldRejection::CaptureNotAnAmount {
                hold,
                reason: error.to_string(),
            }
        })?,
        None => active.remaining,
    };
    if amount > active.remaining {
        return Err(HoldRejection::CaptureExceedsHold {
            hold,
            remaining: active.remaining.value(),
            requested: amount.value(),
        });
    }
    let rest = active.remaining.checked_sub(amount);
    let (released, remaining) = match request.remainder {
        Remainder::Release => (rest, None),
        Remainder::Keep => (None, rest),
    };
    Ok(HoldEvent::HoldCaptured {
        source: active.source,
        asset: active.asset,
        destination,
        amount,
        released,
        remaining,
        transaction,
        usage: released.and_then(|released| active.given_back(released)),
    })
}
