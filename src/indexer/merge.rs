//! Parts of a catalog → the catalog, byte for byte the one that a single run would have made.

use super::part::{PartManifest, check, check_photo};
use super::{ClusterChoice, PHOTOS, Summary, sweep, write_catalog};
use crate::catalog::assembly::Rows;
use crate::catalog::format::{Item, MANIFEST};
use crate::error::{LeftOut, Reason, Result, io};
use crate::hash::PhotoName;
use crate::photo_file::PhotoFile;
use crate::staging::{self, Growth, Kind};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Joins parts that `index --part` made into the catalog folder `out`.
pub fn merge(parts: &[PathBuf], out: &Path, clusters: ClusterChoice) -> Result<Summary> {
    let inputs: Vec<&Path> = parts.iter().map(PathBuf::as_path).collect();
    // before anything is read, and no folder is made for parts that make no catalog
    staging::check(Kind::Catalog, out, &inputs)?;
    let opened = parts.iter().map(|folder| Ok((folder.as_path(), PartManifest::open(folder)?)));
    let parts = check(opened.collect::<Result<_>>()?)?;
    let out = &Growth::new(Kind::Catalog, out, &inputs)?;
    let whole = parts[0].1.whole.clone();
    let mut rows = Rows::new(whole.dimension);
    rows.choose_facets(whole.facets);
    let mut photos = HashSet::new();
    let (mut skipped, mut left_out) = (Vec::new(), Vec::new());
    for (folder, part) in &parts {
        let mut publish = |item: &Item| match take(&folder.join(PHOTOS), &item.photo, out) {
            Ok(name) => Ok(Some(name)),
            // a photo that cannot be read cannot be published; a disk that is full is another matter
            Err(error @ crate::Error::Photo(_)) => {
                left_out.push(LeftOut::new(error.reason(), &item.id, error.to_string()));
                skipped.push((item.id.clone(), error.to_string()));
                Ok(None)
            }
            Err(error) => Err(error),
        };
        photos.extend(part.read(folder, &mut rows, &mut publish)?);
    }
    let manifest = write_catalog(out, &whole.title, whole.model, rows, clusters, None)?;
    let files = manifest.files().map(|file| file.file.as_str()).chain([MANIFEST]);
    sweep(out, files, photos.iter().map(PhotoName::as_str))?;
    for (_, part) in parts {
        left_out.extend(told(&part));
        skipped.extend(part.skipped);
    }
    skipped.sort();
    let (photos, products) = (manifest.count, manifest.products.unwrap_or(manifest.count));
    let shards = manifest.shards.len();
    Ok(Summary { photos, products, encoded: 0, kept: photos, skipped, shards, ..Summary::default() }.with(left_out))
}

/// What a part says was left out; older ones tell of photos alone, without a reason in a word.
fn told(part: &PartManifest) -> Vec<LeftOut> {
    let known: HashSet<&str> = part.left_out.iter().map(|one| one.what.as_str()).collect();
    let old = part.skipped.iter().filter(|(id, _)| !known.contains(id.as_str()));
    let old = old.map(|(id, reason)| LeftOut::new(Reason::Damaged, id, reason.clone()));
    part.left_out.iter().cloned().chain(old).collect()
}

/// Takes a photo over and returns its name there. A photo's name is the hash of its bytes, so one that is there already is
/// the same. A file gets a second name, or is copied where the file system cannot; one that holds what is not published,
/// as parts of earlier versions do, is written without it and under another name.
fn take(from: &Path, name: &PhotoName, out: &Growth) -> Result<PhotoName> {
    let path = from.join(name);
    check_photo(&path)?;
    let bytes = std::fs::read(&path).map_err(io("reading", &path))?;
    let file = PhotoFile::read(&bytes)?;
    if file.published != bytes {
        let name = PhotoName::of_content(file.format.extensions_str()[0], &file.published)?;
        return out.put(&format!("{PHOTOS}{name}"), &file.published).map(|()| name);
    }
    out.take(&format!("{PHOTOS}{name}"), &path).map(|()| name.clone())
}
