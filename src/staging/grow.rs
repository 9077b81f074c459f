//! A folder that grows file by file and is gone on with after an interruption: a catalog, a part, a training's log.

use super::lock::Lock;
use super::record::{self, Record};
use super::{Files, Kind, is_unfinished, listed, place, refuse_foreign, remove_listed, swap, what};
use crate::atomic::write_atomic;
use crate::error::{Result, io};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A folder that this process alone writes, file by file. Several threads may.
pub struct Growth {
    place: PathBuf,
    kind: Kind,
    listed: Mutex<Listed>,
    _lock: Lock,
}

/// The list, and the file that it is added to before a file is made, so that a kill leaves none that is not listed.
struct Listed {
    files: Files,
    file: File,
}

impl Growth {
    /// Claims `out` for a command that reads `inputs`, and makes it where it is not there. Where that is refused, nothing
    /// has changed.
    ///
    /// # Errors
    /// [`Error::Output`](crate::Error::Output) if the folder is another's, overlaps an input, or is being written by
    /// another process.
    pub fn new(kind: Kind, out: &Path, inputs: &[&Path]) -> Result<Self> {
        let place = place::resolve(out)?;
        place::refuse_overlap(&place, inputs)?;
        listed(&place, kind)?;
        fs::create_dir_all(&place).map_err(io("creating", &place))?;
        let lock = Lock::take(&place, &place)?;
        // once more, now that nobody else writes there
        let files = listed(&place, kind)?;
        swap::remove_unfinished(&place)?;
        let listed = Mutex::new(Listed { file: begin(&place, kind, &files)?, files });
        Ok(Self { place, kind, listed, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.place
    }

    /// Writes a file, whole or not at all; a name may lead into a folder of the folder.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.list(name, || Ok(bytes.to_vec()))?;
        write_atomic(&path, bytes)
    }

    /// Gives a file a second name in the folder, or copies it where the file system cannot. The name tells the content:
    /// what is there already is the same.
    pub fn take(&self, name: &str, from: &Path) -> Result<()> {
        let read = || fs::read(from).map_err(io("reading", from));
        let path = self.list(name, read)?;
        if path.exists() || fs::hard_link(from, &path).is_ok() {
            return Ok(());
        }
        write_atomic(&path, &read()?)
    }

    /// Lists a file that is about to be written, and makes its folder; returns its path.
    pub fn list(&self, name: &str, bytes: impl FnOnce() -> Result<Vec<u8>>) -> Result<PathBuf> {
        let path = self.place.join(name);
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        refuse_foreign(&self.place, name, listed.files.contains(name), bytes)?;
        if !listed.files.contains(name) {
            let record = self.place.join(record::NAME);
            listed.file.write_all(format!("{name}\n").as_bytes()).map_err(io("writing", &record))?;
            listed.files.insert(name.to_string());
        }
        drop(listed);
        let folder = path.parent().unwrap_or(&self.place);
        fs::create_dir_all(folder).map_err(io("creating", folder))?;
        Ok(path)
    }

    /// Removes the listed files that are not among those that count now, and what was left unfinished beside them.
    pub fn keep_only(&self, kept: Files) -> Result<()> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let folders: std::collections::BTreeSet<&str> =
            listed.files.iter().filter_map(|name| Some(name.rsplit_once('/')?.0)).collect();
        for folder in folders.iter().map(|name| self.place.join(name)).filter(|folder| what(folder) == Some("a folder"))
        {
            for entry in fs::read_dir(&folder).map_err(io("reading", &folder))?.flatten() {
                if is_unfinished(&entry.path()) {
                    fs::remove_file(entry.path()).map_err(io("removing", &entry.path()))?;
                }
            }
        }
        listed.files.difference(&kept).try_for_each(|name| remove_listed(&self.place, name))?;
        let files: Files = listed.files.intersection(&kept).cloned().collect();
        *listed = Listed { file: begin(&self.place, self.kind, &files)?, files };
        Ok(())
    }
}

/// Writes the list and opens it to be added to.
fn begin(place: &Path, kind: Kind, files: &Files) -> Result<File> {
    Record::new(kind, files.clone()).write(place)?;
    let path = place.join(record::NAME);
    File::options().append(true).open(&path).map_err(io("opening", &path))
}
