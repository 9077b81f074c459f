//! The command line. Prints an error once, as one line, and exits with 0 (done), 1 (failed) or 2 (usage).

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vitrine: {}", format!("{error:#}").replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}
