//! How the pure aggregates meet the `cqrs-es` traits.

/// A recorded event does not follow from the state before it: the log is not one Daybook wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot follow in the state {state}")]
pub struct IllegalEvent {
    /// The event's type.
    pub event: &'static str,
    /// The state's name.
    pub state: &'static str,
}

/// Makes a pure `decide` and `evolve` a `cqrs_es::Aggregate`: `handle` decides and writes what was
/// decided, `apply` evolves. An event that cannot follow leaves the state as it is here, because
/// the trait has no way to refuse it; [`crate::book::Book`] refuses it.
macro_rules! impl_aggregate {
    ($aggregate:ty, $type:literal, $command:ty, $event:ty, $rejection:ty) => {
        crate::aggregate::impl_aggregate!(
            @traits $aggregate, $type, $command, $event, $rejection, |event| Some(event)
        );
    };
    (@traits $aggregate:ty, $type:literal, $command:ty, $event:ty, $rejection:ty, $first:expr) => {
        impl cqrs_es::Aggregate for $aggregate {
            const TYPE: &'static str = $type;
            type Command = $command;
            type Event = $event;
            type Error = $rejection;
            type Services = ();

            async fn handle(
                &mut self,
                command: Self::Command,
                _services: &Self::Services,
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), Self::Error> {
                let decided = self.decide(&command)?;
                if let Some(event) = $first(decided) {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: Self::Event) {
                if let Ok(next) = self.evolve(&event) {
                    *self = next;
                }
            }
        }

        impl cqrs_es::DomainEvent for $event {
            fn event_type(&self) -> String {
                self.name().to_owned()
            }

            fn event_version(&self) -> String {
                self.version().to_owned()
            }
        }
    };
}

/// [`impl_aggregate`] for aggregates whose `decide` may come to nothing: what they are told can be
/// something that they know.
macro_rules! impl_observing_aggregate {
    ($aggregate:ty, $type:literal, $command:ty, $event:ty, $rejection:ty) => {
        crate::aggregate::impl_aggregate!(
            @traits $aggregate, $type, $command, $event, $rejection, std::convert::identity
        );
    };
}

pub(crate) use {impl_aggregate, impl_observing_aggregate};
