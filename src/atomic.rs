//! Files that appear whole or not at all.

use crate::error::{Result, io};
use std::io::Write;

/// What the names of files start with that [`write_atomic`] has not finished; a kill leaves one behind.
pub const UNFINISHED: &str = ".vitrine-unfinished-";

/// Writes a file so that it appears whole or not at all. A file that holds these bytes already stays as it is, with its time,
/// so that what copies folders to a host sends only what has changed.
pub fn write_atomic(path: &std::path::Path, bytes: &[u8]) -> Result<()> {
    if holds(path, bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(std::path::Path::new("."));
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder);
    let mut file = unfinished.map_err(io("creating a file in", folder))?;
    file.write_all(bytes).map_err(io("writing", path))?;
    file.as_file().sync_all().map_err(io("writing", path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // temporary files are private by default; what is written here is meant to be served, unless its owner says no
        let before = std::fs::symlink_metadata(path).ok().filter(|found| found.is_file());
        let open = before.map_or(std::fs::Permissions::from_mode(0o644), |found| found.permissions());
        file.as_file().set_permissions(open).map_err(io("writing", path))?;
    }
    file.persist(path).map_err(|e| io("writing", path)(e.error))?;
    Ok(())
}

/// Whether a regular file of these bytes stands there; links are not followed.
pub fn holds(path: &std::path::Path, bytes: &[u8]) -> bool {
    let found = std::fs::symlink_metadata(path).ok().filter(|found| found.is_file());
    let same_length = found.is_some_and(|found| found.len() == bytes.len() as u64);
    same_length && std::fs::read(path).is_ok_and(|there| there == bytes)
}
