//! The program behind `vitrine train`. Exits with 0 (done), 1 (failed, told in one line) or 2 (usage).

#![warn(clippy::print_stdout, clippy::print_stderr)]

use clap::Parser;
use std::process::ExitCode;
use vitrine_train::Train;

fn main() -> ExitCode {
    match Train::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        // as `| head -1` does when it has enough
        Err(error) if matches!(error.downcast_ref(), Some(vitrine::Error::NobodyReads)) => ExitCode::SUCCESS,
        Err(error) => {
            vitrine::print::note(format_args!("vitrine: {}", format!("{error:#}").replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}
