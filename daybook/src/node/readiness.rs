//! How the parts of a node are, for `/health/ready`.

use command_api::health::{Component, ComponentStatus, ReadinessSource};
use projections::ProjectionStatus;
use realtime_bridge::{Relay, RelayState};
use workflows::WorkStatus;

/// A part that is further behind than this is late.
const LATE_POSITIONS: i64 = 10_000;

/// The projectors, the relay and the work of a node.
pub(super) struct NodeReadiness {
    projections: ProjectionStatus,
    relay: Option<Relay>,
    work: WorkStatus,
}

impl NodeReadiness {
    pub(super) const fn new(
        projections: ProjectionStatus,
        relay: Option<Relay>,
        work: WorkStatus,
    ) -> Self {
        Self {
            projections,
            relay,
            work,
        }
    }
}

impl ReadinessSource for NodeReadiness {
    fn components(&self) -> Vec<Component> {
        let projectors =
            self.projections
                .projectors()
                .into_iter()
                .map(|((name, ledger), status)| {
                    let lag = (status.head.value() - status.position.value()).max(0);
                    Component {
                        name: format!("projector.{ledger}.{name}"),
                        status: match &status.failure {
                            Some(_) => ComponentStatus::Failed,
                            None if lag > LATE_POSITIONS => ComponentStatus::Degraded,
                            None => ComponentStatus::Ready,
                        },
                        detail: status.failure,
                        lag_positions: Some(lag),
                    }
                });
        let relays = self
            .relay
            .iter()
            .flat_map(|relay| relay.status().ledgers)
            .map(|status| {
                let lag = status.lag_positions();
                let (state, detail) = match status.state {
                    RelayState::Failing { reason } => (ComponentStatus::Degraded, Some(reason)),
                    RelayState::Preparing | RelayState::Following if lag > LATE_POSITIONS => {
                        (ComponentStatus::Degraded, None)
                    }
                    RelayState::Preparing | RelayState::Following => (ComponentStatus::Ready, None),
                };
                Component {
                    name: format!("relay.{}", status.ledger),
                    status: state,
                    detail,
                    lag_positions: Some(lag),
                }
            });
        // Work that stands still holds up no request: a node that is taken away for it does no more work.
        let work = self.work.parts().into_iter().map(|(name, part)| {
            let is_late = part.lag_positions.is_some_and(|lag| lag > LATE_POSITIONS);
            let status = if part.failure.is_some() || is_late {
                ComponentStatus::Degraded
            } else {
                ComponentStatus::Ready
            };
            Component {
                name,
                status,
                detail: part.failure,
                lag_positions: part.lag_positions,
            }
        });
        projectors.chain(relays).chain(work).collect()
    }
}
