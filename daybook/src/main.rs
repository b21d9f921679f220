//! The `daybook` program.

use std::process::ExitCode;

use clap::Parser;
use daybook::cli::Cli;

fn main() -> ExitCode {
    daybook::run(Cli::parse())
}
