//! Folders that change at once: a new one is built aside and takes the old one's place when it is whole, so that neither
//! a kill nor a full disk leaves a mix of both. Folders that grow are swept of what a kill left in them.

use crate::error::{Result, io};
use crate::model::folder::{UNFINISHED, write_atomic};
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Calls `build` with an empty folder beside `out` and puts what it made in the place of `out`. What else stands at the
/// top of an earlier `out`, such as a host's `CNAME` or a README, stays. `last` is the file that others rely on most: it
/// comes last where the folder cannot be exchanged as a whole, such as at a mount point.
pub fn replace<T>(out: &Path, last: &str, build: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let out = resolve(out)?;
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = |end: &str| out.with_file_name(format!(".{name}.{end}"));
    let (aside, before) = (beside("part"), beside("old"));
    // what a killed run left
    if !out.exists() && before.exists() {
        fs::rename(&before, &out).map_err(io("restoring", &out))?;
    }
    remove(&aside)?;
    remove(&before)?;
    fs::create_dir(&aside).map_err(io("creating", &aside))?;
    let built = build(&aside).and_then(|built| publish(&aside, &out, &before, last).map(|()| built));
    remove(&aside)?;
    built
}

/// The folder's own place, links followed, with its parent made.
fn resolve(out: &Path) -> Result<PathBuf> {
    if let Ok(out) = fs::canonicalize(out) {
        return Ok(out);
    }
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io("creating", parent))?;
    let parent = fs::canonicalize(parent).map_err(io("opening", parent))?;
    Ok(parent.join(out.file_name().unwrap_or_default()))
}

fn publish(aside: &Path, out: &Path, before: &Path, last: &str) -> Result<()> {
    if !out.exists() {
        return fs::rename(aside, out).map_err(io("creating", out));
    }
    // a shell that stands in the folder would be left standing in the old one
    let stood_in = std::env::current_dir().is_ok_and(|here| here.starts_with(out));
    if stood_in || out.parent().is_none() {
        return write_over(aside, out, last);
    }
    let permissions = fs::metadata(out).map_err(io("reading", out))?.permissions();
    fs::set_permissions(aside, permissions).map_err(io("writing", aside))?;
    for entry in fs::read_dir(out).map_err(io("reading", out))?.flatten() {
        if !aside.join(entry.file_name()).exists() {
            link(&entry.path(), aside).map_err(io("keeping", &entry.path()))?;
        }
    }
    if exchange(aside, out).is_ok() {
        return Ok(());
    }
    if fs::rename(out, before).is_err() {
        return write_over(aside, out, last);
    }
    fs::rename(aside, out).map_err(|error| {
        let _ = fs::rename(before, out);
        io("replacing", out)(error)
    })?;
    remove(before)
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

/// Writes every file of `from` over its namesake, each at once, `last` after all others.
fn write_over(from: &Path, to: &Path, last: &str) -> Result<()> {
    let walk = WalkDir::new(from).sort_by_file_name().into_iter().flatten();
    let mut files: Vec<PathBuf> = walk
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| Some(entry.path().strip_prefix(from).ok()?.to_path_buf()))
        .collect();
    files.sort_by_key(|file| file == Path::new(last));
    remove_unfinished(to)?;
    for file in files {
        let (source, target) = (from.join(&file), to.join(&file));
        let folder = target.parent().unwrap_or(to);
        fs::create_dir_all(folder).map_err(io("creating", folder))?;
        write_atomic(&target, &fs::read(&source).map_err(io("reading", &source))?)?;
    }
    Ok(())
}

/// Gives a file, or a folder with all that is in it, a second name in `folder`.
fn link(from: &Path, folder: &Path) -> std::io::Result<()> {
    let to = folder.join(from.file_name().unwrap_or_default());
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_dir() {
        fs::create_dir(&to)?;
        return fs::read_dir(from)?.try_for_each(|entry| link(&entry?.path(), &to));
    }
    // of a symbolic link this makes another one, where the system can
    fs::hard_link(from, &to).or_else(|_| fs::copy(from, &to).map(drop))
}

/// Removes what a kill left of files in `folder` that were being written; nobody else may be writing there.
pub fn remove_unfinished(folder: &Path) -> Result<()> {
    remove_where(folder, |name| name.starts_with(UNFINISHED))
}

/// Removes the files in `folder`, not those in folders below, whose names are `stale`.
pub fn remove_where(folder: &Path, stale: impl Fn(&str) -> bool) -> Result<()> {
    for file in fs::read_dir(folder).map_err(io("reading", folder))?.flatten() {
        if file.file_name().to_str().is_some_and(&stale) && file.path().is_file() {
            fs::remove_file(file.path()).map_err(io("removing", &file.path()))?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("removing", folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn fill(folder: &Path, content: &str) -> Result<()> {
        fs::create_dir_all(folder.join("deep")).unwrap();
        ["a", "deep/b", "last"].iter().for_each(|name| fs::write(folder.join(name), content).unwrap());
        Ok(())
    }

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap_or_default()
    }

    #[test]
    fn a_folder_is_made_and_replaced_whole_and_what_is_not_ours_stays() {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("new/out");
        replace(&out, "last", |folder| fill(folder, "1")).unwrap();
        assert_eq!(read(&out, "deep/b"), "1");
        fs::write(out.join("deep/stale"), "old").unwrap();
        fs::create_dir(out.join("own")).unwrap();
        fs::write(out.join("own/CNAME"), "shop.example").unwrap();
        replace(&out, "last", |folder| fill(folder, "2")).unwrap();
        assert_eq!([read(&out, "a"), read(&out, "deep/b"), read(&out, "last")], ["2", "2", "2"]);
        assert_eq!([read(&out, "own/CNAME"), read(&out, "deep/stale")], ["shop.example", ""]);
        assert_eq!(fs::read_dir(home.path().join("new")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_fails_changes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("out");
        replace(&out, "last", |folder| fill(folder, "1")).unwrap();
        let failed = replace(&out, "last", |folder| {
            fill(folder, "2")?;
            Err::<(), _>(Error::EmptyQuery)
        });
        assert!(failed.is_err());
        assert_eq!([read(&out, "a"), read(&out, "last")], ["1", "1"]);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_kill_between_two_renames_is_mended() {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("out");
        fill(&home.path().join(".out.old"), "1").unwrap();
        fill(&home.path().join(".out.part"), "2").unwrap();
        let failed = replace(&out, "last", |_| Err::<(), _>(Error::EmptyQuery));
        assert!(failed.is_err());
        assert_eq!(read(&out, "a"), "1", "the old folder is back");
    }

    #[test]
    fn without_an_exchange_every_file_is_written_over() {
        let home = tempfile::tempdir().unwrap();
        let (from, to) = (home.path().join("from"), home.path().join("to"));
        fill(&from, "2").unwrap();
        fill(&to, "1").unwrap();
        fs::write(to.join(format!("{UNFINISHED}x")), "half").unwrap();
        write_over(&from, &to, "last").unwrap();
        assert_eq!([read(&to, "a"), read(&to, "deep/b"), read(&to, "last")], ["2", "2", "2"]);
        assert_eq!(fs::read_dir(&to).unwrap().count(), 3, "what a kill left is gone");
    }
}
