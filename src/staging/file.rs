//! A single file that a command writes. What it holds does not tell who made it, so that one that is there already is
//! never written over: the user removes it, or names another.

use super::lock::busy;
use super::{is_file, place, refused, what};
use crate::atomic::UNFINISHED;
use crate::error::{Error, Result, io};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// A file that appears under its name when it is complete, and never in place of another.
pub struct NewFile {
    out: PathBuf,
    unfinished: PathBuf,
    file: File,
    published: bool,
}

impl NewFile {
    /// Begins the file `out` of a command that reads `inputs`.
    ///
    /// # Errors
    /// [`Error::Output`] if something stands there, if it lies in an input, or if another process is writing it.
    pub fn create(out: &Path, inputs: &[&Path]) -> Result<Self> {
        let name = out.file_name().ok_or_else(|| refused(out, "expected the name of a file; add one"))?;
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = fs::canonicalize(folder).map_err(io("creating a file in", folder))?;
        let place = folder.join(name);
        place::refuse_overlap(&place, inputs)?;
        refuse_taken(&place)?;
        let mut hidden = std::ffi::OsString::from(UNFINISHED);
        hidden.push(name);
        let unfinished = folder.join(hidden);
        let file = open(&unfinished, &place)?;
        Ok(Self { out: place, unfinished, file, published: false })
    }

    /// The file to write to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Puts the file in its place.
    pub fn publish(mut self) -> Result<()> {
        self.file.sync_all().map_err(io("writing", &self.out))?;
        match fs::hard_link(&self.unfinished, &self.out) {
            Ok(()) => _ = fs::remove_file(&self.unfinished),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(taken(&self.out)),
            // a file system without links
            Err(_) => {
                refuse_taken(&self.out)?;
                fs::rename(&self.unfinished, &self.out).map_err(io("writing", &self.out))?;
            }
        }
        self.published = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

/// Opens the hidden file in which the content is gathered; one that a killed run left is begun anew.
fn open(path: &Path, out: &Path) -> Result<File> {
    loop {
        if what(path).is_some() && !is_file(path) {
            return Err(super::in_the_way(path));
        }
        let file = File::options().create(true).append(true).open(path).map_err(io("creating", path))?;
        match file.try_lock() {
            Ok(()) if place::is_at(&file, path) => {
                file.set_len(0).map_err(io("writing", path))?;
                return Ok(file);
            }
            // another process has just published it
            Ok(()) => refuse_taken(out)?,
            Err(TryLockError::WouldBlock) => return Err(busy(out)),
            Err(TryLockError::Error(error)) => return Err(io("locking", path)(error)),
        }
    }
}

fn refuse_taken(out: &Path) -> Result<()> {
    if what(out).is_some() { Err(taken(out)) } else { Ok(()) }
}

fn taken(out: &Path) -> Error {
    let got = what(out).unwrap_or("a file");
    refused(
        out,
        format!("expected a name that is free, got {got} that is there already; name another, or remove it first"),
    )
}
