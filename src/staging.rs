//! The one place that decides about what commands write: whose folder is this, may it be written, what may be removed from
//! it, and who is writing now.
//!
//! A command writes only into a folder that is new, empty, or already its own. Its own is a folder with a `record` of that
//! [`Kind`], or one that an earlier version left with that kind's manifest (`former`). Only files that this list names are
//! ever overwritten or removed; everything else in the folder stays, or stands in the way and is named. A folder that is,
//! holds, or lies in something that the command reads is refused. One process at a time writes to a folder: it holds a
//! `lock`, which the system releases when the process ends, however it ends.
//!
//! There are three ways to write. [`Claim`] builds a folder aside and puts it in the place of the old one at once;
//! [`Growth`] adds files to a folder that is resumed after an interruption; [`NewFile`] is a single file.

mod file;
mod former;
mod grow;
mod lock;
mod place;
mod record;
mod swap;

use crate::error::{Error, Result, io};
pub use file::NewFile;
pub use grow::Growth;
use lock::Lock;
use record::Record;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Files that a record lists: paths below the folder with slashes.
type Files = BTreeSet<String>;

/// What a folder holds that a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A catalog, of `index` and `merge`.
    Catalog,
    /// A part of a catalog, of `index --part`.
    Part,
    /// A static site, of `site`.
    Site,
    /// A model, of `convert` and `train`.
    Model,
    /// Drawn photos, of `demo-catalog`.
    Drawn,
    /// Log and checkpoint of `train`.
    Log,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Catalog, Self::Part, Self::Site, Self::Model, Self::Drawn, Self::Log];

    /// Its word in a record.
    fn word(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Part => "part",
            Self::Site => "site",
            Self::Model => "model",
            Self::Drawn => "drawn",
            Self::Log => "log",
        }
    }

    /// What messages call it.
    fn noun(self) -> &'static str {
        match self {
            Self::Catalog => "a catalog",
            Self::Part => "a part of a catalog",
            Self::Site => "a site",
            Self::Model => "a model",
            Self::Drawn => "a drawn catalog",
            Self::Log => "the log of a training",
        }
    }

    /// Files that runs keep for each other and no list names.
    fn implied(self) -> &'static [&'static str] {
        match self {
            Self::Catalog | Self::Part => &[former::JOURNAL, OPTIONS],
            _ => &[],
        }
    }
}

/// A folder that this process alone writes, to be replaced as a whole.
pub struct Claim {
    place: PathBuf,
    kind: Kind,
    /// Held as long as the claim; none while the folder is not there.
    lock: Option<Lock>,
    /// Where the next folder is built. It is made with the claim, so that a folder that is not there yet is locked too.
    staged: Option<Staged>,
}

impl Claim {
    /// Claims `out` for a command that reads `inputs`. Where that is refused, nothing has changed.
    ///
    /// # Errors
    /// [`Error::Output`] if the folder is another's, overlaps an input, or is being written by another process.
    pub fn new(kind: Kind, out: &Path, inputs: &[&Path]) -> Result<Self> {
        let place = place::resolve(out)?;
        place::refuse_overlap(&place, inputs)?;
        listed(&place, kind)?;
        if place.file_name().is_none() {
            return Err(refused(&place, "expected a folder, got the root of the file system; name a folder in it"));
        }
        let parent = place.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(io("creating", parent))?;
        swap::restore(&place)?;
        let lock = place.exists().then(|| Lock::take(&place, &place)).transpose()?;
        // once more, now that nobody else writes there
        listed(&place, kind)?;
        swap::sweep_all(parent);
        let staged = Some(Staged::new(&place, kind)?);
        Ok(Self { place, kind, lock, staged })
    }

    /// What the command wrote there before.
    pub fn before(&self) -> Result<Before> {
        Ok(Before { place: self.place.clone(), files: listed(&self.place, self.kind)? })
    }

    /// Calls `build` with an empty folder and puts what it made in the place of the claimed one. Of an earlier one only
    /// the files go that its list names; what else is in it, such as a host's `CNAME` or a README, stays. `last` is the
    /// file that others rely on most: it comes last where the folder cannot be exchanged as a whole, such as at a mount
    /// point.
    pub fn replace<T>(&mut self, last: &str, build: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        let staged = match self.staged.take() {
            Some(staged) => staged,
            None => Staged::new(&self.place, self.kind)?,
        };
        let built = build(&staged.path)?;
        let old = listed(&self.place, self.kind)?;
        let lock = swap::publish(staged, &self.place, self.kind, &old, last)?;
        self.lock = lock.or(self.lock.take());
        Ok(built)
    }
}

/// What a command wrote into its folder before: files that have not changed are taken from there, so that they keep their
/// time, and a host's sync sends only what has changed.
pub struct Before {
    place: PathBuf,
    files: Files,
}

impl Before {
    /// Gives the earlier file of that name a second name `to`, if it holds these bytes; says whether it did.
    pub fn keep(&self, name: &str, bytes: &[u8], to: &Path) -> bool {
        let path = self.place.join(name);
        let ours = self.files.contains(name) && folders_are_real(&self.place, name);
        ours && crate::atomic::holds(&path, bytes) && fs::hard_link(&path, to).is_ok()
    }

    /// The bytes of the earlier file of that name.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.place.join(name);
        let ours = self.files.contains(name) && folders_are_real(&self.place, name) && is_file(&path);
        ours.then(|| fs::read(&path).ok()).flatten()
    }
}

/// Claims a folder and replaces it, as [`Claim`] does.
pub fn replace<T>(kind: Kind, out: &Path, last: &str, build: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    Claim::new(kind, out, &[])?.replace(last, build)
}

/// Refuses a folder that a command which reads `inputs` may not write; changes nothing.
pub fn check(kind: Kind, out: &Path, inputs: &[&Path]) -> Result<()> {
    let place = place::resolve(out)?;
    place::refuse_overlap(&place, inputs)?;
    listed(&place, kind).map(drop)
}

/// Refuses outputs of one command that are, hold or lie in one another.
pub fn refuse_same(one: &Path, other: &Path) -> Result<()> {
    let (one, other) = (place::resolve(one)?, place::resolve(other)?);
    match one.starts_with(&other) || other.starts_with(&one) || place::same(&one, &other) {
        true => Err(refused(
            &one,
            format!("expected two folders apart from each other, got {} as well; name another", other.display()),
        )),
        false => Ok(()),
    }
}

/// A folder beside the claimed one, in which the next one is built. It is removed if it is never published.
struct Staged {
    path: PathBuf,
    lock: Option<Lock>,
    /// Whether something else stands at `path` by now.
    gone: bool,
}

impl Staged {
    fn new(place: &Path, kind: Kind) -> Result<Self> {
        let path = beside(place, PART);
        let there = match fs::create_dir(&path) {
            Ok(()) => false,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => true,
            Err(error) => return Err(io("creating", &path)(error)),
        };
        // a run that is at work there is what is said of it
        let lock = Some(Lock::take(&path, place)?);
        // an empty one is that of a run which made it a moment ago and has not locked it yet: that run is told of this one
        let empty = || fs::read_dir(&path).is_ok_and(|mut files| files.next().is_none());
        if there && !empty() {
            let got = "got one without its mark; look into it, move it away and run again";
            return Err(refused(&path, format!("expected no folder but an unfinished one of this program, {got}")));
        }
        let staged = Self { path, lock, gone: false };
        Record::unfinished(kind).write(&staged.path)?;
        if let Ok(old) = fs::metadata(place) {
            // a private folder is built in private
            fs::set_permissions(&staged.path, old.permissions()).map_err(io("writing", &staged.path))?;
        }
        Ok(staged)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.gone {
            swap::clear(&self.path);
        }
    }
}

/// The options of `index` that the next run takes over.
pub const OPTIONS: &str = ".index-options";
/// What every name begins with that the program keeps for itself; no output may be called so.
const OURS: &str = ".vitrine-";
/// What the name of a folder begins with that is being built, or was taken out by an exchange.
const PART: &str = ".vitrine-part-";
/// The same of one that waits beside while another takes its place, where the system cannot exchange them.
const OLD: &str = ".vitrine-old-";

/// The hidden folder beside `place` of that beginning.
fn beside(place: &Path, begin: &str) -> PathBuf {
    let mut name = OsString::from(begin);
    name.push(place.file_name().unwrap_or_default());
    place.with_file_name(name)
}

/// Files that the system itself puts into folders: a folder with nothing else counts as empty.
const SYSTEM: [&str; 4] = ["lost+found", ".DS_Store", "desktop.ini", "Thumbs.db"];

/// The files that this program wrote into a folder of that kind: none in one that is not there or is empty.
///
/// # Errors
/// [`Error::Output`] if the folder is not the program's, or is of another kind.
fn listed(folder: &Path, kind: Kind) -> Result<Files> {
    if !folder.exists() {
        return Ok(Files::new());
    }
    let found = match Record::read(folder)? {
        Some(record) => Some((record.kind, record.files)),
        None => former::read(folder, kind)?,
    };
    match found {
        Some((found, files)) if found == kind => return refuse_exchanged(folder, kind, &files).map(|()| files),
        Some((found, _)) => {
            let got = format!("got {}; name another folder with --out", found.noun());
            return Err(refused(folder, format!("expected a new or empty folder or {}, {got}", kind.noun())));
        }
        None => {}
    }
    let entries = fs::read_dir(folder).map_err(io("reading", folder))?.flatten();
    let others = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut others: Vec<String> =
        others.filter(|name| !SYSTEM.contains(&name.as_str()) && !is_unfinished(&folder.join(name))).collect();
    others.sort();
    let Some(first) = others.first() else { return Ok(Files::new()) };
    Err(refused(
        folder,
        format!(
            "expected a new or empty folder or {} that this program made, got one with {} other entries ({first}{}); \
             name a new folder with --out",
            kind.noun(),
            others.len(),
            if others.len() > 1 { ", …" } else { "" }
        ),
    ))
}

/// Refuses a folder in which something else, such as a link, has taken the place of a file that the program wrote, or of a
/// folder on the way to one.
fn refuse_exchanged(folder: &Path, kind: Kind, files: &Files) -> Result<()> {
    let implied = kind.implied().iter().copied();
    let mut checked = BTreeSet::new();
    for name in files.iter().map(String::as_str).chain(implied) {
        let mut end = 0;
        while let Some(slash) = name[end..].find('/') {
            let parent = &name[..end + slash];
            if checked.insert(parent) && !matches!(what(&folder.join(parent)), None | Some("a folder")) {
                return Err(in_the_way(&folder.join(parent)));
            }
            end += slash + 1;
        }
        if !matches!(what(&folder.join(name)), None | Some("a file")) {
            return Err(in_the_way(&folder.join(name)));
        }
    }
    Ok(())
}

/// Whether this is a file that [`write_atomic`](crate::atomic::write_atomic) did not finish.
fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let drawn = name.strip_prefix(crate::atomic::UNFINISHED);
    drawn.is_some_and(|drawn| (1..=6).contains(&drawn.len()) && drawn.chars().all(|c| c.is_ascii_alphanumeric()))
        && is_file(path)
}

/// Whether a regular file stands there, links not followed.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// What stands at a path, in words, links not followed; none where it is free.
fn what(path: &Path) -> Option<&'static str> {
    let kind = fs::symlink_metadata(path).ok()?.file_type();
    Some(match () {
        _ if kind.is_symlink() => "a symbolic link",
        _ if kind.is_dir() => "a folder",
        _ if kind.is_file() => "a file",
        _ => "something that is no file",
    })
}

/// Something of the user's that stands where the program would write.
fn in_the_way(path: &Path) -> Error {
    let got = what(path).unwrap_or("nothing");
    refused(path, format!("expected nothing there but what this program wrote, got {got}; move it away and run again"))
}

fn refused(path: &Path, problem: impl Into<String>) -> Error {
    Error::Output { path: path.display().to_string(), problem: problem.into() }
}

/// Removes a listed file, and the folders that are empty without it. What a link leads to is never touched, and what is
/// no longer a file stays.
fn remove_listed(folder: &Path, name: &str) -> Result<()> {
    let path = folder.join(name);
    if !folders_are_real(folder, name) || !is_file(&path) {
        return Ok(());
    }
    fs::remove_file(&path).map_err(io("removing", &path))?;
    for parent in path.ancestors().skip(1).take_while(|parent| *parent != folder) {
        if fs::remove_dir(parent).is_err() {
            break;
        }
    }
    Ok(())
}

/// Whether every folder between `folder` and the file is one, not a link that leads elsewhere.
fn folders_are_real(folder: &Path, name: &str) -> bool {
    let path = folder.join(name);
    let mut between = path.ancestors().skip(1).take_while(|parent| *parent != folder);
    between.all(|parent| fs::symlink_metadata(parent).is_ok_and(|found| found.is_dir()))
}

/// Refuses a file that would be written where something stands that the program did not write: another file with other
/// bytes, a folder, a link, or a link in place of one of its folders.
fn refuse_foreign(folder: &Path, name: &str, ours: bool, bytes: impl FnOnce() -> Result<Vec<u8>>) -> Result<()> {
    let path = folder.join(name);
    let between: Vec<&Path> = path.ancestors().skip(1).take_while(|parent| *parent != folder).collect();
    for parent in between.into_iter().rev() {
        match what(parent) {
            None => return Ok(()),
            Some("a folder") => {}
            Some(_) => return Err(in_the_way(parent)),
        }
    }
    match what(&path) {
        None => Ok(()),
        Some("a file") if ours => Ok(()),
        Some("a file") if fs::read(&path).map_err(io("reading", &path))? == bytes()? => Ok(()),
        Some(_) => Err(in_the_way(&path)),
    }
}

#[cfg(test)]
mod tests;
