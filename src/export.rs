//! A catalog → one file for a vector database or for analysis: vectors with metadata, shard by shard, so that memory
//! holds one shard whatever the catalog's size.
//!
//! A vector is what the catalog stores, as floats: its inner product with the vector of a query (`vitrine embed`) is
//! the score that `vitrine search` gives.

mod parquet;

use crate::catalog::folder::Folder;
use crate::catalog::format::Item;
use crate::error::{Error, Result, io};
use crate::staging::NewFile;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet: id, title, photo, link, price, attributes as JSON, and the vector as a list of floats.
    Parquet,
    /// NumPy: the vectors alone, f32 `[photos, dimension]`.
    Npy,
    /// A line of JSON a photo: its metadata, and its vector as an array.
    Jsonl,
}

impl Format {
    /// The format that a file's name ends in.
    pub fn of(path: &Path) -> Option<Self> {
        path.extension()?.to_str()?.parse().ok()
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "parquet" => Ok(Self::Parquet),
            "npy" => Ok(Self::Npy),
            "jsonl" => Ok(Self::Jsonl),
            _ => Err("expected parquet, npy or jsonl".to_string()),
        }
    }
}

/// Writes a catalog's vectors and metadata to `out`, which appears when it is complete and must not be there before.
/// Returns the number of photos.
pub fn export(catalog: &Path, out: &Path, format: Format) -> Result<usize> {
    let place = catalog;
    let catalog = Folder::open(place)?;
    let new = NewFile::create(out, &[place])?;
    match format {
        Format::Parquet => parquet::write(&catalog, new.file().try_clone().map_err(io("writing", out))?)?,
        Format::Npy => write_npy(&catalog, new.file(), out)?,
        Format::Jsonl => write_jsonl(&catalog, new.file(), out)?,
    }
    new.publish()?;
    Ok(catalog.manifest.count)
}

fn write_npy(catalog: &Folder, file: &File, out: &Path) -> Result<()> {
    let mut writer = BufWriter::new(file);
    let mut put = |bytes: &[u8]| writer.write_all(bytes).map_err(io("writing", out));
    // version 1.0 of the format: the header is padded with spaces to a multiple of 64 bytes and ends with a new line
    let shape = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}",
        catalog.manifest.count, catalog.manifest.dimension
    );
    let length = (10 + shape.len() + 1).next_multiple_of(64) - 10;
    put(b"\x93NUMPY\x01\x00")?;
    put(&(length as u16).to_le_bytes())?;
    put(format!("{shape:<width$}\n", width = length - 1).as_bytes())?;
    for shard in catalog.shards() {
        let bytes: Vec<u8> = shard?.0.floats().into_iter().flat_map(f32::to_le_bytes).collect();
        put(&bytes)?;
    }
    writer.flush().map_err(io("writing", out))
}

fn write_jsonl(catalog: &Folder, file: &File, out: &Path) -> Result<()> {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        #[serde(flatten)]
        item: &'a Item,
        vector: &'a [f32],
    }
    let mut writer = BufWriter::new(file);
    for shard in catalog.shards() {
        let (shard, items) = shard?;
        for (item, vector) in items.iter().zip(shard.floats().chunks_exact(shard.dimension)) {
            let line = serde_json::to_string(&Line { item, vector }).map_err(|e| Error::Catalog(e.to_string()))?;
            writeln!(writer, "{line}").map_err(io("writing", out))?;
        }
    }
    writer.flush().map_err(io("writing", out))
}
