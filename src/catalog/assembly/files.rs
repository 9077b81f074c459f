//! How single files of a catalog are written.

use super::rows::Rows;
use crate::catalog::format::{FileEntry, SHARD_BYTES, ShardEntry};
use crate::error::Result;
use std::ops::Range;

/// Takes a file's name and its bytes.
pub type Put<'a> = dyn FnMut(&str, &[u8]) -> Result<()> + 'a;

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
