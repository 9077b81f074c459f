//! The program behind `vitrine train`, and with `tune` before its arguments that behind `vitrine tune`. Exits with 0 (done), 1 (failed, told in one line) or 2 (usage).

#![warn(clippy::print_stdout, clippy::print_stderr)]

use clap::Parser;
use std::process::ExitCode;
use vitrine_train::{Train, Tune};

fn main() -> ExitCode {
    let tunes = std::env::args_os().nth(1).is_some_and(|first| first == "tune");
    let done = match tunes {
        true => Tune::parse_from(std::env::args_os().skip(1)).run(),
        false => Train::parse().run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // as `| head -1` does when it has enough
        Err(error) if matches!(error.downcast_ref(), Some(vitrine::Error::NobodyReads)) => ExitCode::SUCCESS,
        Err(error) => {
            vitrine::print::note(format_args!("vitrine: {}", format!("{error:#}").replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}
