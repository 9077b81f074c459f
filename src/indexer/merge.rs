//! Parts of a catalog → the catalog, byte for byte the one that a single run would have made.

use super::part::{PartManifest, check};
use super::{CellChoice, PHOTOS, Summary, sweep, write_catalog};
use crate::assembly::Rows;
use crate::error::Result;
use crate::hash::PhotoName;
use crate::shard::MANIFEST;
use crate::staging::{Growth, Kind};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Joins parts that `index --part` made into the catalog folder `out`.
pub fn merge(parts: &[PathBuf], out: &Path, cells: CellChoice) -> Result<Summary> {
    let out = &Growth::new(Kind::Catalog, out, &parts.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    let opened = parts.iter().map(|folder| Ok((folder.as_path(), PartManifest::open(folder)?)));
    let parts = check(opened.collect::<Result<_>>()?)?;
    let whole = parts[0].1.whole.clone();
    let mut rows = Rows::new(whole.dimension);
    let mut photos = HashSet::new();
    for (folder, part) in &parts {
        for photo in part.read(folder, &mut rows)? {
            // a photo's name is the hash of its bytes, so one that is there already is the same
            out.take(&format!("{PHOTOS}{photo}"), &folder.join(PHOTOS).join(&photo))?;
            photos.insert(photo);
        }
    }
    let manifest = write_catalog(out, &whole.title, whole.model, rows, cells)?;
    let files = manifest.files().map(|file| file.file.as_str()).chain([MANIFEST]);
    sweep(out, files, photos.iter().map(PhotoName::as_str))?;
    let mut skipped: Vec<(String, String)> = parts.into_iter().flat_map(|(_, part)| part.skipped).collect();
    skipped.sort();
    let (photos, shards) = (manifest.count, manifest.shards.len());
    Ok(Summary { photos, encoded: 0, kept: photos, skipped, shards, ..Summary::default() })
}
