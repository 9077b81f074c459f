//! Parts of a catalog → the catalog, byte for byte the one that a single run would have made.

use super::part::{PartManifest, check};
use super::{CellChoice, PHOTOS, Summary, sweep, write_catalog};
use crate::assembly::Rows;
use crate::error::{Result, io};
use crate::hash::PhotoName;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Joins parts that `index --part` made into the catalog folder `out`.
pub fn merge(parts: &[PathBuf], out: &Path, cells: CellChoice) -> Result<Summary> {
    let opened = parts.iter().map(|folder| Ok((folder.as_path(), PartManifest::open(folder)?)));
    let parts = check(opened.collect::<Result<_>>()?)?;
    let whole = parts[0].1.whole.clone();
    std::fs::create_dir_all(out.join(PHOTOS)).map_err(io("creating", out))?;
    let mut rows = Rows::new(whole.dimension);
    let mut photos = HashSet::new();
    for (folder, part) in &parts {
        for photo in part.read(folder, &mut rows)? {
            take(&folder.join(PHOTOS).join(&photo), &out.join(PHOTOS).join(&photo))?;
            photos.insert(photo);
        }
    }
    let manifest = write_catalog(out, &whole.title, whole.model, rows, cells)?;
    sweep(out, &manifest, &photos.iter().map(PhotoName::as_str).collect())?;
    let mut skipped: Vec<(String, String)> = parts.into_iter().flat_map(|(_, part)| part.skipped).collect();
    skipped.sort();
    let (photos, shards) = (manifest.count, manifest.shards.len());
    Ok(Summary { photos, encoded: 0, kept: photos, skipped, shards, ..Summary::default() })
}

/// Gives a file a second name, or copies it where the file system cannot. A photo's name is the hash of its bytes, so
/// one that is there already is the same.
fn take(from: &Path, to: &Path) -> Result<()> {
    if to.exists() || std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    crate::model::folder::write_atomic(to, &std::fs::read(from).map_err(io("reading", from))?)
}
