//! What a host does to a site: it fetches a published site once, or reads its folder, and says what is wrong and what to do.
//!
//! `site.json`, `index.html` and the manifests name every file with its hash, so that anything a host changes is seen. What
//! keeps the page from working breaks the site; the rest is advice.

mod fault;
mod listed;
mod place;

use crate::error::Result;
use crate::hash::sha256_hex;
use fault::Faults;
pub use fault::{Fault, Finding};
use listed::{Listed, Meaning};
use place::Answer;
pub use place::Place;
use serde::Serialize;
use std::collections::HashMap;
use std::io::Read;
use std::rc::Rc;

/// Most hosts take no more files in one site.
pub const MOST_FILES: usize = 20_000;
/// Some hosts refuse a file that is larger, in bytes.
pub const LARGEST_FILE: u64 = 24 << 20;
/// A file that unpacks to more is none of a site, in bytes.
const MOST_BYTES: u64 = 512 << 20;
/// How long a file that may change is kept without asking, at most, in seconds.
const SHORT: u64 = 60;
/// How long a file that never changes is kept, at least, in seconds.
const LONG: u64 = 7 * 24 * 3600;
/// A text that is smaller need not be compressed, in bytes.
const WORTH_IT: usize = 16 << 10;
/// The page.
const PAGE: &str = "index.html";
/// An address that no site has.
const NOWHERE: &str = "catalog/there-is-no-such-file-1f0c5e.json";

/// What was looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Checked {
    /// Files that were looked at.
    pub files: usize,
    /// Their bytes, unpacked.
    pub bytes: u64,
    /// Files that the site has in all, as far as its manifests say.
    pub files_in_all: usize,
    /// Whether something keeps the page from working.
    pub broken: bool,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// Looks at a site.
///
/// # Errors
/// Where there is no site: nothing answers, or what answers is no page of this program.
pub fn check(place: &Place) -> Result<Checked> {
    let (faults, checked, manifests) = (Faults::default(), Checked::default(), HashMap::new());
    let mut look = Look { place, faults, checked, manifests };
    let listed = Listed::read(|file| look.manifest(file))?;
    look.host(&listed);
    look.unnamed(&listed);
    for file in &listed.files {
        look.file(file);
    }
    look.whole(&listed);
    Ok(look.finish())
}

/// A look at a site that is going on.
struct Look<'a> {
    place: &'a Place,
    faults: Faults,
    checked: Checked,
    /// What came for files that name others, so that none is asked for twice.
    manifests: HashMap<String, Rc<Answer>>,
}

impl Look<'_> {
    /// The bytes of a file that names others, if it is there.
    fn manifest(&mut self, file: &str) -> Result<Option<Vec<u8>>> {
        let answer = Rc::new(self.place.get(file)?);
        self.manifests.insert(file.to_string(), answer.clone());
        Ok((answer.status == 200).then(|| unpacked(&answer).0))
    }

    /// The manifests that no other names with a hash: how they are sent.
    fn unnamed(&mut self, listed: &Listed) {
        let manifests = std::mem::take(&mut self.manifests);
        for (name, answer) in manifests.iter().filter(|(name, _)| !listed.files.iter().any(|file| file.name == **name))
        {
            let (bytes, packed) = unpacked(answer);
            self.count(bytes.len());
            self.sent(name, answer, packed, bytes.len());
        }
        self.manifests = manifests;
    }

    fn count(&mut self, bytes: usize) {
        self.checked.files += 1;
        self.checked.bytes += bytes as u64;
    }

    /// What the host says for the page itself, and for a file that is not there.
    fn host(&mut self, listed: &Listed) {
        let Some(page) = self.manifests.get(PAGE).cloned().filter(|_| self.place.has_headers()) else { return };
        let is = |name: &str, values: &[&str]| {
            page.header(name).is_some_and(|value| values.contains(&value.trim().to_lowercase().as_str()))
        };
        let isolated = is("cross-origin-opener-policy", &["same-origin"])
            && is("cross-origin-embedder-policy", &["require-corp", "credentialless"]);
        if !isolated && !listed.isolates {
            self.faults.add(Fault::NotIsolated, "");
        }
        if !self.place.is_secure() {
            self.faults.add(Fault::NotSecure, "");
        }
        if page.header("content-security-policy").is_some_and(refuses_wasm) {
            self.faults.add(Fault::Policy, "");
        }
        if self.place.get(NOWHERE).is_ok_and(|answer| answer.status == 200) {
            self.faults.add(Fault::PageForMissing, "");
        }
    }

    /// One file: that it is there and as it was written, and how it is sent.
    fn file(&mut self, file: &listed::File) {
        let name = file.name.as_str();
        let known = self.manifests.get(name).cloned();
        let answer = known.or_else(|| self.place.get(name).ok().map(Rc::new)).filter(|answer| answer.status == 200);
        let Some(answer) = answer else { return self.faults.add(Fault::Missing, name) };
        let (bytes, packed) = unpacked(&answer);
        self.count(bytes.len());
        if file.bytes.unwrap_or(bytes.len() as u64) > LARGEST_FILE {
            self.faults.add(Fault::LargeFile, name);
        }
        if !sha256_hex(&bytes).starts_with(&file.sha256) {
            let fault = changed(file, &bytes, &answer);
            return self.faults.add(fault, name);
        }
        self.sent(name, &answer, packed, bytes.len());
    }

    /// How a file is sent: as what, how long it is kept, and whether it is compressed.
    fn sent(&mut self, name: &str, answer: &Answer, packed: bool, length: usize) {
        if !self.place.has_headers() {
            return;
        }
        let ending = name.rsplit('.').next().unwrap_or_default();
        let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        let kind = kind.trim().to_lowercase();
        match ending {
            "js" | "mjs" if !kind.contains("javascript") => self.faults.add(Fault::ScriptType, name),
            "css" if kind != "text/css" => self.faults.add(Fault::ScriptType, name),
            "wasm" if kind != "application/wasm" => self.faults.add(Fault::WasmType, name),
            _ => {}
        }
        self.kept(name, answer);
        let text = ["js", "css", "html", "json", "wasm", "txt", "svg"].contains(&ending);
        if text && length >= WORTH_IT && !packed {
            self.faults.add(Fault::Plain, name);
        }
    }

    /// How long browsers keep a file.
    fn kept(&mut self, name: &str, answer: &Answer) {
        let control = answer.header("cache-control").unwrap_or_default().to_lowercase();
        let age = control.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
        let asks = ["no-cache", "no-store"].iter().any(|word| control.contains(word));
        let never_changes = super::headers::caching(name) == super::headers::NEVER_CHANGES;
        match never_changes {
            true if asks || age.unwrap_or(0) < LONG => self.faults.add(Fault::KeptTooShort, name),
            false if !asks && age.is_some_and(|age| age > SHORT) => self.faults.add(Fault::KeptTooLong, name),
            _ => {}
        }
    }

    /// What counts for the site as a whole.
    fn whole(&mut self, listed: &Listed) {
        self.checked.files_in_all = self.place.count().unwrap_or(listed.in_all);
        if self.checked.files_in_all > MOST_FILES {
            self.faults.add(Fault::ManyFiles, &self.checked.files_in_all.to_string());
        }
        let large = self.place.larger_than(LARGEST_FILE);
        large.iter().chain(&listed.large).for_each(|name| self.faults.add(Fault::LargeFile, name));
    }

    fn finish(self) -> Checked {
        let findings = self.faults.finish();
        let broken = findings.iter().any(|finding| finding.breaks);
        Checked { broken, findings, ..self.checked }
    }
}

/// The bytes that a browser sees, and whether they came compressed.
fn unpacked(answer: &Answer) -> (Vec<u8>, bool) {
    match answer.header("content-encoding").map(str::trim) {
        Some("gzip" | "x-gzip") => match gunzipped(&answer.body) {
            Some(bytes) => (bytes, true),
            None => (answer.body.clone(), true),
        },
        Some("" | "identity") | None => (answer.body.clone(), false),
        Some(_) => (answer.body.clone(), true),
    }
}

fn gunzipped(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return None;
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).take(MOST_BYTES).read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// What happened to bytes that are not those that were written.
fn changed(file: &listed::File, bytes: &[u8], answer: &Answer) -> Fault {
    let encoded = answer.header("content-encoding").is_some();
    let inside = gunzipped(bytes).is_some_and(|inside| sha256_hex(&inside).starts_with(&file.sha256));
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(512)]).trim_start().to_lowercase();
    let page = text.starts_with("<!doctype html") || text.starts_with("<html");
    match file.meaning {
        _ if inside && encoded => Fault::CompressedTwice,
        _ if inside => Fault::CompressedUnsaid,
        _ if page && file.name != PAGE => Fault::PageForFile,
        Meaning::Photo => Fault::PhotoChanged,
        Meaning::Data => Fault::DataChanged,
        Meaning::Code => Fault::CodeChanged,
    }
}

/// Whether a policy of the host keeps browsers from compiling the page's program. It adds to the page's own.
fn refuses_wasm(policy: &str) -> bool {
    let directives: Vec<Vec<&str>> = policy.split(';').map(|part| part.split_whitespace().collect()).collect();
    let of = |name: &str| directives.iter().find(|words| words.first() == Some(&name));
    let scripts = of("script-src").or_else(|| of("default-src"));
    let allows = |words: &Vec<&str>| {
        words.iter().any(|word| ["'wasm-unsafe-eval'", "'unsafe-eval'"].contains(word)) && words.contains(&"'self'")
    };
    scripts.is_some_and(|words| !allows(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_that_refuse_the_program_are_told_from_others() {
        assert!(!refuses_wasm(super::super::headers::HEADERS[5].1), "the page's own");
        assert!(!refuses_wasm("frame-ancestors 'self'"));
        assert!(refuses_wasm("default-src 'self'"));
        assert!(refuses_wasm("default-src 'self' 'wasm-unsafe-eval'; script-src 'self'"));
        assert!(refuses_wasm("script-src 'wasm-unsafe-eval'"));
    }
}
