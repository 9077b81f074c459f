//! Which folder a path means, and whether it overlaps others. Folders are compared by what they are, not by how they are
//! written: links, `.`, `..`, slashes at the end and the case of letters make no difference.

use super::{OURS, refused};
use crate::error::{Result, io};
use same_file::Handle;
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

/// The folder's own place, links followed. Nothing is made: the end of the path may not be there yet.
pub fn resolve(out: &Path) -> Result<PathBuf> {
    let whole = std::path::absolute(out).map_err(io("opening", out))?;
    for head in whole.ancestors() {
        let Ok(found) = fs::canonicalize(head) else {
            if fs::symlink_metadata(head).is_ok() {
                return Err(refused(head, "expected a folder, got a symbolic link that leads nowhere; remove it"));
            }
            continue;
        };
        if !found.is_dir() {
            return Err(refused(head, "expected a folder, got a file; name another"));
        }
        let tail = whole.strip_prefix(head).unwrap_or(Path::new(""));
        if let Some(odd) = tail.components().find(|part| !matches!(part, Component::Normal(_))) {
            let got = odd.as_os_str().to_string_lossy();
            return Err(refused(out, format!("expected a plain path, got {got} behind a folder that is not there")));
        }
        // an empty tail would put a slash at the end
        let place = if tail.as_os_str().is_empty() { found } else { found.join(tail) };
        if place.file_name().is_some_and(|name| name.to_string_lossy().starts_with(OURS)) {
            return Err(refused(out, format!("expected a name that does not begin with {OURS}; choose another")));
        }
        return Ok(place);
    }
    Err(refused(out, "expected the name of a folder, got none; give one"))
}

/// Refuses a place that is, holds, or lies in something that is read.
pub fn refuse_overlap(place: &Path, inputs: &[&Path]) -> Result<()> {
    for input in inputs {
        // what cannot be opened is named when it is read
        let Ok(found) = fs::canonicalize(input) else { continue };
        let got = match () {
            _ if same(place, &found) => format!("got {} itself", input.display()),
            _ if found.ancestors().skip(1).any(|holder| same(holder, place)) => {
                format!("got one that holds {}", input.display())
            }
            _ if place.ancestors().skip(1).any(|holder| same(holder, &found)) => {
                format!("got one inside {}", input.display())
            }
            _ => continue,
        };
        let next = "name a place beside it with --out";
        return Err(refused(place, format!("expected a place apart from everything that is read, {got}; {next}")));
    }
    Ok(())
}

/// Whether two paths lead to the same file or folder; not where one leads nowhere.
pub fn same(one: &Path, other: &Path) -> bool {
    same_file::is_same_file(one, other).unwrap_or(false)
}

/// Whether an open file or folder is still the one at that path.
pub fn is_at(file: &File, path: &Path) -> bool {
    let handles = file.try_clone().and_then(Handle::from_file).and_then(|file| Ok(file == Handle::from_path(path)?));
    handles.unwrap_or(false)
}
