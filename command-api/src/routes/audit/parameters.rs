//! What is asked of a log.

use ledger_core::{LedgerName, Position};

use crate::parameters::{Incomplete, ParameterGroup, ParameterSource};
use crate::reading::limit;
use crate::representation::position::PositionNumber;
use crate::routes::groups::ledger;

/// The ledger.
#[derive(Debug)]
pub struct LogParameter {
    pub(super) ledger: LedgerName,
}

impl ParameterGroup for LogParameter {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        Ok(Self {
            ledger: ledger(from)?,
        })
    }
}

/// Which checkpoints.
#[derive(Debug)]
pub struct CheckpointsQuery {
    pub(super) ledger: LedgerName,
    pub(super) below: Option<Position>,
    pub(super) limit: i64,
}

impl ParameterGroup for CheckpointsQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let below = from.query::<PositionNumber>(
            "below",
            "Only those of fewer events: the `size` of the last of the page before.",
        );
        let limit = limit(from);
        Ok(Self {
            ledger: ledger?,
            below: below?.map(|below| below.0),
            limit: limit?,
        })
    }
}

/// An event.
#[derive(Debug)]
pub struct EventProofQuery {
    pub(super) ledger: LedgerName,
    pub(super) position: Position,
}

impl ParameterGroup for EventProofQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let position = from.path::<PositionNumber>("position", "The event's position.");
        Ok(Self {
            ledger: ledger?,
            position: position?.0,
        })
    }
}

/// Two sizes of a log.
#[derive(Debug)]
pub struct ConsistencyQuery {
    pub(super) ledger: LedgerName,
    pub(super) from: Option<Position>,
    pub(super) to: Option<Position>,
}

impl ParameterGroup for ConsistencyQuery {
    fn read(from: &mut ParameterSource<'_>) -> Result<Self, Incomplete> {
        let ledger = ledger(from);
        let earlier = from.query::<PositionNumber>(
            "from",
            "Events of the earlier checkpoint; none when absent.",
        );
        let later = from.query::<PositionNumber>(
            "to",
            "Events of the later checkpoint; the last one when absent.",
        );
        Ok(Self {
            ledger: ledger?,
            from: earlier?.map(|position| position.0),
            to: later?.map(|position| position.0),
        })
    }
}
