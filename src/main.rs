//! The command line. Prints an error once, as one line, and exits with 0 (done), 1 (failed) or 2 (usage).

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // as `| head -1` does when it has enough
        Err(error) if matches!(error.downcast_ref(), Some(vitrine::Error::NobodyReads)) => ExitCode::SUCCESS,
        Err(error) => {
            vitrine::print::note(format_args!("vitrine: {}", format!("{error:#}").replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}
