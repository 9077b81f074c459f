//! Rows → the files of a catalog: shards and metadata, neighbours, and the manifest last.
//!
//! What is written depends on the rows alone, not on the order or the number of parts that they came in.

use super::rows::Rows;
use super::{PHOTOS, neighbours};
use crate::error::{Error, Result};
use crate::hash::FolderName;
use crate::shard::{FORMAT, FileEntry, Item, MANIFEST, Manifest, ModelRef, Neighbours, SHARD_BYTES, ShardEntry, WHOLE};
use std::ops::Range;

/// Takes a file's name and its bytes.
pub type Put<'a> = dyn FnMut(&str, &[u8]) -> Result<()> + 'a;

/// Makes the files of a catalog of at least one photo, all but the photos, and hands each to `put` under its name, the
/// manifest last. With a number of `cells` it is a clustered one, which only the command line makes.
pub fn assemble(
    title: &str,
    model: ModelRef,
    mut rows: Rows,
    cells: Option<usize>,
    put: &mut Put<'_>,
) -> Result<Manifest> {
    if rows.is_empty() {
        return Err(Error::Photo("expected at least one readable photo, got none; choose another folder".into()));
    }
    rows.sort();
    let mut manifest = Manifest {
        format: FORMAT.into(),
        version: WHOLE,
        title: title.into(),
        model,
        dimension: rows.dimension,
        count: rows.len(),
        facets: rows.facets(),
        shards: Vec::new(),
        neighbours: Neighbours { file: None, k: neighbours::K.min(rows.len() - 1) },
        cells: None,
        photos: FolderName::parse(PHOTOS)?,
    };
    match cells {
        #[cfg(feature = "cli")]
        Some(count) => super::clustered::write(rows, count, &mut manifest, put)?,
        _ => write_whole(rows, &mut manifest, put)?,
    }
    put(MANIFEST, &serde_json::to_vec_pretty(&manifest).map_err(|e| Error::Catalog(e.to_string()))?)?;
    Ok(manifest)
}

/// A catalog that is fetched as a whole: shards in the order of the ids, cut by size. Near-duplicates are marked.
fn write_whole(mut rows: Rows, manifest: &mut Manifest, put: &mut Put<'_>) -> Result<()> {
    let table = neighbours::table(&rows, manifest.neighbours.k);
    for (row, first) in neighbours::alike(&rows, &table, manifest.neighbours.k)? {
        let item = rows.item(row)?;
        rows.replace_item(row, &Item { same_as: Some(first), ..item })?;
    }
    let most = most_rows(&rows);
    for start in (0..rows.len()).step_by(most) {
        manifest.shards.push(put_shard(&rows, start..(start + most).min(rows.len()), put)?);
    }
    manifest.neighbours.file = Some(put_file("neighbours", "bin", &bytes(&table), put)?);
    Ok(())
}

/// Writes a shard and the metadata of its photos.
pub fn put_shard(rows: &Rows, piece: Range<usize>, put: &mut Put<'_>) -> Result<ShardEntry> {
    let vectors = put_file("shard", "bin", &rows.shard(piece.clone()).encode(), put)?;
    let items = put_file("items", "json", &rows.items_json(piece.clone()), put)?;
    Ok(ShardEntry { vectors, count: piece.len(), items, neighbours: None })
}

/// Writes a file that is named after its content.
pub fn put_file(stem: &str, extension: &str, bytes: &[u8], put: &mut Put<'_>) -> Result<FileEntry> {
    let entry = FileEntry::of(stem, extension, bytes)?;
    put(&entry.file, bytes)?;
    Ok(entry)
}

/// Rows that a shard may have. Ids differ in length, so it is a bound on what a photo takes that counts.
pub fn most_rows(rows: &Rows) -> usize {
    let longest = rows.ids.iter().map(String::len).max().unwrap_or(0);
    (SHARD_BYTES / (rows.dimension + 8 + longest)).max(1)
}

/// A table of neighbours as it is stored: row numbers alone.
pub fn bytes(table: &[(u32, f32)]) -> Vec<u8> {
    table.iter().flat_map(|(row, _)| row.to_le_bytes()).collect()
}
