//! The one place that prints. Results go to stdout, everything else to stderr; nothing panics when nobody reads it,
//! and what a terminal would obey is shown instead. A line of JSON means the same afterwards.

use crate::error::{Error, Result, io};
use crate::terminal::{harmless, harmless_lines};
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Prints a line of a result.
///
/// # Errors
/// [`Error::NobodyReads`] when the reader has closed the pipe, as `| head -1` does, so that the command ends quietly; other
/// system errors, such as a full disk behind `>`, are failures.
pub fn line(text: impl Display) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", harmless_lines(&text.to_string())).and_then(|()| out.flush()).map_err(|error| {
        match error.kind() {
            ErrorKind::BrokenPipe => Error::NobodyReads,
            _ => io("printing to", Path::new("stdout"))(error),
        }
    })
}

/// The first few of many names, as one text.
pub fn samples<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.into_iter().take(4).collect();
    if names.len() == 4 {
        names[3] = "…";
    }
    names.join(", ")
}

/// A number with its thousands apart: 20,001.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// Says something beside the result. Work goes on where nobody reads it.
pub fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{}", harmless(&text.to_string()));
}

/// A progress bar on stderr over a known number of things.
pub fn bar(length: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} · {per_sec} · {eta} left");
    let bar = ProgressBar::new(length as u64).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
