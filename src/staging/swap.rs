//! A folder that was built aside takes the place of the old one at once. What of the old one is not listed moves along by a
//! second name (a hard link), so that at every moment one whole folder stands there.

use super::lock::Lock;
use super::record::{self, Record};
use super::{Files, Kind, OLD, PART, Staged};
use super::{beside, former, in_the_way, is_file, is_unfinished, refuse_foreign, what};
use crate::atomic::write_atomic;
use crate::error::{Error, Result, io};
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// Puts the built folder in the place of the old one, of which `old` lists the program's files. Returns the lock on what
/// stands there now, where that is another folder than before.
pub fn publish(mut staged: Staged, out: &Path, kind: Kind, old: &Files, last: &str) -> Result<Option<Lock>> {
    let files = built(&staged.path)?;
    let record = Record::new(kind, files);
    for name in &record.files {
        refuse_foreign(out, name, old.contains(name), || read(&staged.path.join(name)))?;
    }
    if !out.exists() {
        record.write(&staged.path)?;
        fs::rename(&staged.path, out).map_err(io("creating", out))?;
        staged.gone = true;
        return Ok(staged.lock.take());
    }
    // a shell that stands in the folder would be left standing in the old one
    let stood_in = std::env::current_dir().is_ok_and(|here| here.starts_with(out));
    // what was there with the same bytes counts as written
    let ours: Files = record.files.union(old).cloned().collect();
    if stood_in || keep(out, &staged.path, "", &ours)?.is_err() {
        return write_over(&staged.path, out, &record, old, last).map(|()| None);
    }
    record.write(&staged.path)?;
    match exchange(&staged.path, out) {
        Ok(()) => {
            staged.gone = true;
            retire(&staged.path, out, &Record::new(kind, ours));
            Ok(staged.lock.take())
        }
        Err(_) => rename_both(staged, out, &record, old, last),
    }
}

/// Where the system cannot exchange two folders: the old one waits beside.
fn rename_both(mut staged: Staged, out: &Path, record: &Record, old: &Files, last: &str) -> Result<Option<Lock>> {
    let before = beside(out, OLD);
    if fs::rename(out, &before).is_err() {
        return write_over(&staged.path, out, record, old, last).map(|()| None);
    }
    fs::rename(&staged.path, out).map_err(|error| {
        let _ = fs::rename(&before, out);
        io("replacing", out)(error)
    })?;
    staged.gone = true;
    retire(&before, out, &Record::new(record.kind, record.files.union(old).cloned().collect()));
    Ok(staged.lock.take())
}

/// Swaps two folders in one step, where the system can.
#[cfg(target_os = "linux")]
fn exchange(a: &Path, b: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// The files of a folder that was built, as a record lists them.
fn built(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    for entry in WalkDir::new(folder) {
        let entry = entry.map_err(|e| Error::Argument(format!("reading {}: {e}", folder.display())))?;
        let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        if entry.file_type().is_file() && below != Path::new(record::NAME) {
            let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            files.insert(parts.join("/"));
        }
    }
    Ok(files)
}

/// Gives everything in `out` that is not listed a second name in the new folder, and what was made again the permissions
/// that it had. The inner error says that the system cannot: the folders lie on several disks, or its
/// file system has no links.
fn keep(out: &Path, new: &Path, below: &str, ours: &Files) -> Result<std::io::Result<()>> {
    let (from, to) = (out.join(below), new.join(below));
    if to.exists() {
        like(&from, &to).map_err(io("writing", &to))?;
    }
    let Ok(entries) = fs::read_dir(&from) else { return Ok(Err(std::io::ErrorKind::PermissionDenied.into())) };
    for entry in entries.flatten() {
        // what has a name of other bytes than UTF-8 is not listed, and lies where its folder lies
        let name = join(below, &entry.file_name().to_string_lossy());
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(io("reading", &path))?;
        let made_again = what(&target).is_some();
        if is_gone(&path, &name, kind.is_dir(), ours) && !(kind.is_dir() && made_again) {
            if made_again {
                like(&path, &target).map_err(io("writing", &target))?;
            }
            continue;
        }
        let linked = match kind.is_dir() {
            true => match fs::create_dir_all(&target) {
                Ok(()) => keep(out, new, &name, ours)?,
                Err(error) => Err(error),
            },
            false => fs::create_dir_all(&to).and_then(|()| fs::hard_link(&path, &target)),
        };
        match linked {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(in_the_way(&path)),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(()))
}

/// Whether nothing of this moves along: it is the program's own, or a folder with nothing else in it.
fn is_gone(path: &Path, name: &str, is_folder: bool, ours: &Files) -> bool {
    if is_folder {
        return is_ours(ours, name) && !holds_foreign(path, name, ours);
    }
    name == record::NAME || listed_file(path, name, ours) || is_unfinished(path)
}

/// Whether a folder was made for listed files.
fn is_ours(old: &Files, folder: &str) -> bool {
    let begin = format!("{folder}/");
    old.range(begin.clone()..).next().is_some_and(|name| name.starts_with(&begin))
}

fn holds_foreign(folder: &Path, below: &str, ours: &Files) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    entries.flatten().any(|entry| {
        let name = join(below, &entry.file_name().to_string_lossy());
        !is_gone(&entry.path(), &name, entry.file_type().is_ok_and(|kind| kind.is_dir()), ours)
    })
}

fn listed_file(path: &Path, name: &str, old: &Files) -> bool {
    old.contains(name) && is_file(path)
}

fn join(below: &str, name: &str) -> String {
    if below.is_empty() { name.to_string() } else { format!("{below}/{name}") }
}

/// Gives a folder the permissions of another, and its owner where the system allows that.
fn like(from: &Path, to: &Path) -> std::io::Result<()> {
    let found = fs::metadata(from)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let _ = std::os::unix::fs::chown(to, Some(found.uid()), Some(found.gid()));
    }
    fs::set_permissions(to, found.permissions())
}

/// Removes a folder that `new` has replaced, as far as it is the program's: a folder that is not empty then stays. The list
/// goes last, so that a kill leaves no folder that the next run cannot tell.
fn retire(old: &Path, new: &Path, record: &Record) {
    let _ = record.write(old);
    empty(old, new, "", &record.files);
    let rest = fs::read_dir(old).map_or(0, Iterator::count);
    if rest == usize::from(is_file(&old.join(record::NAME))) {
        let _ = fs::remove_file(old.join(record::NAME));
        let _ = fs::remove_dir(old);
    }
}

/// Removes an unfinished folder, all of which is the program's; the list goes last.
pub fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let _ = match entry.file_type() {
            Ok(kind) if kind.is_dir() => fs::remove_dir_all(&path),
            _ if entry.file_name() == record::NAME => Ok(()),
            _ => fs::remove_file(&path),
        };
    }
    let _ = fs::remove_dir_all(folder);
}

/// Empties a folder that `new` has replaced: of its files those that are listed go, and those that have a second name there.
/// What came into it meanwhile moves over.
fn empty(old: &Path, new: &Path, below: &str, listed: &Files) {
    let Ok(entries) = fs::read_dir(old.join(below)) else { return };
    for entry in entries.flatten() {
        let name = join(below, &entry.file_name().to_string_lossy());
        let path = entry.path();
        let target = new.join(below).join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            empty(old, new, &name, listed);
            let _ = fs::remove_dir(&path);
        } else if name == record::NAME {
            continue;
        } else if listed_file(&path, &name, listed) || is_unfinished(&path) || same_file(&path, &target) {
            let _ = fs::remove_file(&path);
        } else if fs::symlink_metadata(&target).is_err() {
            let _ = fs::create_dir_all(new.join(below)).and_then(|()| fs::rename(&path, &target));
        }
    }
}

/// Whether two names lead to one file, links not followed.
#[cfg(unix)]
fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path| fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((id(one), id(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(not(unix))]
fn same_file(one: &Path, other: &Path) -> bool {
    super::place::same(one, other)
}

/// Writes every new file into the folder that stands there, each at once, `last` after all others; then removes what is
/// listed and no longer made. The list is right at every moment.
pub fn write_over(from: &Path, to: &Path, record: &Record, old: &Files, last: &str) -> Result<()> {
    let both = record.files.union(old).cloned().collect();
    Record::new(record.kind, both).write(to)?;
    remove_unfinished(to)?;
    let mut files: Vec<&String> = record.files.iter().collect();
    files.sort_by_key(|file| *file == last);
    for name in files {
        let target = to.join(name);
        let folder = target.parent().unwrap_or(to);
        fs::create_dir_all(folder).map_err(io("creating", folder))?;
        write_atomic(&target, &read(&from.join(name))?)?;
    }
    old.difference(&record.files).try_for_each(|name| super::remove_listed(to, name))?;
    record.write(to)
}

/// Removes files at the top of a folder that a kill left unfinished; nobody else may be writing there.
pub fn remove_unfinished(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(io("reading", folder))?.flatten() {
        if is_unfinished(&entry.path()) {
            fs::remove_file(entry.path()).map_err(io("removing", &entry.path()))?;
        }
    }
    Ok(())
}

/// Puts back a folder that a kill between two renames left beside its place.
pub fn restore(place: &Path) -> Result<()> {
    let before = beside(place, OLD);
    let found = fs::symlink_metadata(&before).is_ok_and(|found| found.is_dir());
    if found && fs::symlink_metadata(place).is_err() {
        let _lock = Lock::take(&before, place)?;
        fs::rename(&before, place).map_err(io("restoring", place))?;
    }
    Ok(())
}

/// Removes what killed runs left in a folder of outputs: what this program built there or took out, and no process holds.
pub fn sweep_all(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let left = name.strip_prefix(PART).or(name.strip_prefix(OLD));
        if let Some(out) = left.map(|left| parent.join(left))
            && (name.starts_with(PART) || out.exists())
            && let Ok(_lock) = Lock::take(&entry.path(), &out)
        {
            sweep(&entry.path(), &out);
        }
    }
}

/// Removes what this program made of a folder that a killed run left.
fn sweep(left: &Path, out: &Path) {
    match Record::read(left) {
        Ok(Some(record)) if record.unfinished => clear(left),
        Ok(Some(record)) => retire(left, out, &record),
        // replaced when an earlier version had made it, or killed before its list was there
        Ok(None) => match former::read(left, Kind::Site) {
            Ok(Some((kind, files))) => retire(left, out, &Record::new(kind, files)),
            _ => _ = remove_unfinished(left).and_then(|()| fs::remove_dir(left).map_err(io("removing", left))),
        },
        Err(_) => {}
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(io("reading", path))
}
