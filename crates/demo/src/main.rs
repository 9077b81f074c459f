//! The program behind `vitrine demo-catalog`. Exits with 0 (done), 1 (failed, told in one line) or 2 (usage).

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod command;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match command::DemoCatalog::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        // as `| head -1` does when it has enough
        Err(error) if matches!(error.downcast_ref(), Some(vitrine::Error::NobodyReads)) => ExitCode::SUCCESS,
        Err(error) => {
            vitrine::print::note(format_args!("vitrine: {}", format!("{error:#}").replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}
