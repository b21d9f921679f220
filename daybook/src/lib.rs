//! The composition root: configuration, the command line, and how the parts are put together.
//!
//! * [`settings`]: every setting, read and checked once.
//! * [`servers`]: the configured PostgreSQL and NATS, or private ones.
//! * [`node`]: the parts of Daybook, started and stopped in order.
//! * [`simulators`]: payment providers on this machine, for who tries Daybook.
//! * [`commands`]: one file per subcommand.

use std::process::ExitCode;

use event_store::ErrorChain;

pub mod cli;
pub mod commands;
pub mod node;
pub mod servers;
pub mod settings;
pub mod simulators;
pub mod telemetry;

/// Runs a command line to its end.
#[must_use]
pub fn run(cli: cli::Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return commands::report(&error),
    };
    let settings = match settings::Settings::load(cli.config.as_deref()) {
        Ok(settings) => settings,
        Err(error) => return commands::report(&error),
    };
    // OTLP's exporter needs a thread of its own, not the runtime.
    let telemetry = match telemetry::Telemetry::start(&settings.telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return commands::report(&error),
    };
    let ended = runtime.block_on(commands::run(cli, settings));
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    drop(telemetry);
    match ended {
        Ok(code) => code,
        Err(error) => {
            tracing::debug!(error = %ErrorChain(&*error), "the command failed");
            commands::report(&*error)
        }
    }
}
