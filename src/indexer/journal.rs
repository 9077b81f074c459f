//! What indexing has finished, on disk, so that a killed run loses at most the photos in flight.
//!
//! Version 2 took damaged photos for whole ones and kept the places where photos were made, version 3 knew nothing of
//! color profiles: their entries are unproven.
//!
//! The file is a line of JSON a photo behind a first line with the fingerprint; a last line that was cut is dropped.

use crate::atomic::write_atomic;
use crate::catalog::assembly::Entry;
use crate::error::{Error, Result, io};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Name of the journal in a catalog folder; a site does not copy it.
pub const JOURNAL: &str = ".index-journal";

/// A line of the file. The vector is base64: a third of what its integers take as text, which counts with a million
/// photos.
#[derive(Serialize, Deserialize)]
struct Line<E> {
    #[serde(flatten)]
    entry: E,
    scale: f32,
    vector: String,
}

impl Line<Entry> {
    /// The entry with its vector, if that is one of `dimension` numbers.
    fn read(line: &str, dimension: usize) -> Option<Entry> {
        let Self { entry, scale, vector } = serde_json::from_str(line).ok()?;
        let vector: Vec<i8> = BASE64_STANDARD.decode(vector).ok()?.into_iter().map(|v| v as i8).collect();
        (vector.len() == dimension).then_some(Entry { scale, vector, ..entry })
    }
}

/// The finished photos by id, and the file that remembers them.
pub struct Journal {
    /// The finished photos.
    pub entries: HashMap<String, Entry>,
    path: PathBuf,
    file: File,
    header: String,
}

impl Journal {
    /// What earlier runs with the same model left; none where another model was at work. Nothing is written.
    pub fn read(folder: &Path, fingerprint: &str, dimension: usize) -> Option<HashMap<String, Entry>> {
        let text = std::fs::read(folder.join(JOURNAL)).ok()?;
        let text = String::from_utf8_lossy(&text);
        let header = header(fingerprint);
        let before = [2, 3].map(|version| format!("vitrine-journal {version} {fingerprint}\n"));
        let current = text.strip_prefix(&header);
        let lines = current.or_else(|| before.iter().find_map(|before| text.strip_prefix(before)))?;
        let mut entries = HashMap::new();
        for line in lines.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            if let Some(mut entry) = Line::read(line, dimension) {
                entry.unproven |= current.is_none();
                entries.insert(entry.id.clone(), entry);
            }
        }
        Some(entries)
    }

    /// Reads what earlier runs with the same model left, and opens the file to be added to.
    pub fn open(folder: &Path, fingerprint: &str, dimension: usize) -> Result<Self> {
        let path = folder.join(JOURNAL);
        let header = header(fingerprint);
        let entries = Self::read(folder, fingerprint, dimension).unwrap_or_default();
        // written anew, so that a cut last line does not swallow the next one
        let mut journal = Self { entries, file: File::open(folder).map_err(io("opening", folder))?, path, header };
        journal.rewrite()?;
        Ok(journal)
    }

    /// Adds a finished photo to the file.
    pub fn append(&mut self, entry: &Entry) -> Result<()> {
        self.file.write_all(line(entry)?.as_bytes()).map_err(io("writing", &self.path))
    }

    /// Writes the file anew, sorted and without photos that are gone.
    pub fn rewrite(&mut self) -> Result<()> {
        let mut entries: Vec<&Entry> = self.entries.values().collect();
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        let mut text = self.header.clone();
        for entry in entries {
            text.push_str(&line(entry)?);
        }
        write_atomic(&self.path, text.as_bytes())?;
        self.file = File::options().append(true).open(&self.path).map_err(io("opening", &self.path))?;
        Ok(())
    }
}

/// The first line of a journal.
fn header(fingerprint: &str) -> String {
    format!("vitrine-journal 4 {fingerprint}\n")
}

fn line(entry: &Entry) -> Result<String> {
    let vector: Vec<u8> = entry.vector.iter().map(|&v| v as u8).collect();
    let line = Line { entry, scale: entry.scale, vector: BASE64_STANDARD.encode(vector) };
    serde_json::to_string(&line).map(|json| json + "\n").map_err(|e| Error::Catalog(e.to_string()))
}
