//! The `daybook` program.

use std::process::ExitCode;

use clap::Parser;
use daybook::cli::Cli;

/// Commands are small and many; this allocator serves them in half the time of glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => daybook::run(cli),
        Err(told) => {
            // Nobody is there to be told when this fails.
            let _ = told.print();
            // Not the parser's 2, which says of an export that something is wrong with it.
            match told.use_stderr() {
                true => ExitCode::FAILURE,
                false => ExitCode::SUCCESS,
            }
        }
    }
}
