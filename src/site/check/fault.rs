//! What can be wrong with a published site, and the sentence for each.

use serde::Serialize;
use std::collections::BTreeMap;

/// What can be wrong, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A file that the site names is not there.
    Missing,
    /// A page in the place of a file.
    PageForFile,
    /// A file that was compressed before it was compressed.
    CompressedTwice,
    /// A compressed file without a word about it.
    CompressedUnsaid,
    /// A script, a style or the page itself that is not as it was written.
    CodeChanged,
    /// Weights or the catalog likewise.
    DataChanged,
    /// A script or style that is sent as something else.
    ScriptType,
    /// A policy of the host that keeps the program from running.
    Policy,
    /// A photo that is not as it was written.
    PhotoChanged,
    /// A page for addresses that do not exist.
    PageForMissing,
    /// No encryption.
    NotSecure,
    /// No isolation, so that there are no threads.
    NotIsolated,
    /// The program is sent as something else.
    WasmType,
    /// Texts that are not compressed.
    Plain,
    /// Files that may change and are kept without asking.
    KeptTooLong,
    /// Files that never change and are asked for again.
    KeptTooShort,
    /// More files than many hosts take.
    ManyFiles,
    /// A file that is larger than some hosts take.
    LargeFile,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What it is.
    pub fault: Fault,
    /// Whether it keeps the page from working.
    pub breaks: bool,
    /// Files that it was found at; none where it is about all.
    pub files: Vec<String>,
    /// What it is and what to do, in a sentence or two.
    pub message: String,
}

impl Fault {
    fn breaks(self) -> bool {
        self <= Self::Policy
    }

    /// What it is, behind the files' names, and what to do.
    fn sentences(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("not there", "Upload the whole folder again"),
            Self::PageForFile => (
                "answered with a web page",
                "Upload the whole folder again, and let the host answer 404 for what is missing",
            ),
            Self::CompressedTwice => {
                ("compressed twice", "Let the host compress files or upload them compressed, but not both")
            }
            Self::CompressedUnsaid => (
                "sent compressed without a word about it",
                "Let the host send Content-Encoding: gzip, or upload the files as `vitrine site` wrote them",
            ),
            Self::CodeChanged => (
                "not as `vitrine site` wrote it, and browsers refuse it",
                "Switch off what the host does to scripts, styles and pages (minify, optimize, inject), then upload again",
            ),
            Self::DataChanged => (
                "not as `vitrine site` wrote it, and the page refuses it",
                "Upload the whole folder again; if that does not help, switch off what the host does to files",
            ),
            Self::ScriptType => (
                "sent as another kind of file, and browsers refuse it",
                "Let the host send .js as text/javascript and .css as text/css",
            ),
            Self::Policy => (
                "The host's Content-Security-Policy keeps the search from running",
                "Take it away, or use the one in the file _headers",
            ),
            Self::PhotoChanged => (
                "another photo than the shop's",
                "Switch off what the host does to pictures (optimize, polish, resize)",
            ),
            Self::PageForMissing => (
                "The host answers with a page where there is no file",
                "Switch off the rule that sends every address to index.html, so that a missing file is seen as one",
            ),
            Self::NotSecure => (
                "The site comes without encryption: browsers refuse threads, and search offline",
                "Serve it over https",
            ),
            Self::NotIsolated => (
                "The host sends no isolation headers, so that search runs on one thread and is slower",
                "Let it send the headers in the file _headers (Cross-Origin-Opener-Policy: same-origin, \
                 Cross-Origin-Embedder-Policy: require-corp), or build the site with --isolate",
            ),
            Self::WasmType => (
                "sent as another kind of file, so that hosts do not compress it and other pages compile it slowly",
                "Let the host send .wasm as application/wasm",
            ),
            Self::Plain => ("sent uncompressed, which takes visitors longer", "Let the host compress texts and wasm"),
            Self::KeptTooLong => (
                "kept by browsers without asking, so that visitors see the former shop after an update",
                "Let the host send Cache-Control: no-cache for it, as in the file _headers",
            ),
            Self::KeptTooShort => (
                "fetched again by every visitor though it never changes",
                "Let the host send Cache-Control: public, max-age=31536000, immutable for it, as in the file _headers",
            ),
            Self::ManyFiles => (
                "files are more than many hosts take (20,000)",
                "Ask the host for its limit, or show fewer photos a product",
            ),
            Self::LargeFile => (
                "larger than 24 MiB, which some hosts refuse",
                "Ask the host for its limit, or make the site again with this version",
            ),
        }
    }

    fn finding(self, files: Vec<String>) -> Finding {
        let (what, todo) = self.sentences();
        let named = match (self, &files[..]) {
            (_, [one]) if one.is_empty() => what.to_string(),
            (Self::ManyFiles, [count, ..]) => format!("{count} {what}"),
            (_, [one]) => format!("{one} is {what}"),
            (_, [one, two]) => format!("{one} and {two}: {what}"),
            (_, all) => format!("{}, {} and {} more: {what}", all[0], all[1], all.len() - 2),
        };
        let files = files.into_iter().filter(|file| !file.is_empty() && self != Self::ManyFiles).collect();
        Finding { fault: self, breaks: self.breaks(), files, message: format!("{named}. {todo}.") }
    }
}

/// Faults with the files that they were found at.
#[derive(Default)]
pub struct Faults(BTreeMap<Fault, Vec<String>>);

impl Faults {
    /// Takes one down, once a file.
    pub fn add(&mut self, fault: Fault, file: &str) {
        let files = self.0.entry(fault).or_default();
        if !files.iter().any(|known| known == file) {
            files.push(file.to_string());
        }
    }

    /// A finding for each.
    pub fn finish(self) -> Vec<Finding> {
        self.0.into_iter().map(|(fault, files)| fault.finding(files)).collect()
    }
}
