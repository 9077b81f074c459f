//! Items as files.

use std::fs;
use std::io::{Error, Result};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::{ATTRIBUTES, Item, Query, Split, composed, items, render, text};

/// JPEG quality: clean edges at a size that a web shop would serve.
const QUALITY: u8 = 78;

/// Name of the table, which is written last.
pub const TABLE: &str = "items.csv";

/// Writes a whole catalog of `count` garments into a folder that is there: photos, queries and, last, [`TABLE`]. Calls
/// `drawn` after each photo.
pub fn write(folder: &Path, count: usize, seed: u64, drawn: impl Fn() + Sync) -> Result<()> {
    let items = items(count, seed);
    items.par_iter().try_for_each(|item| -> Result<()> {
        put(folder, &format!("{}.jpg", item.id), &photo(item)?)?;
        drawn();
        Ok(())
    })?;
    for split in Split::ALL {
        let name = split.name();
        put(folder, &format!("composed.{name}.jsonl"), &lines(&composed(&items, split, seed))?)?;
        if split != Split::Train {
            put(folder, &format!("text.{name}.jsonl"), &lines(&text(&items, split, seed))?)?;
        }
    }
    put(folder, TABLE, &table(&items)?)
}

/// Writes a file; a failure names it.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    fs::write(folder.join(name), bytes).map_err(|reason| Error::new(reason.kind(), format!("{name}: {reason}")))
}

/// A query a line.
fn lines(queries: &[Query]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for query in queries {
        serde_json::to_writer(&mut bytes, query)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// An item's photo as JPEG. The same item always gives the same bytes.
pub fn photo(item: &Item) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(&render(item))
        .map_err(|reason| Error::other(format!("encoding {} as JPEG: {reason}", item.id)))?;
    Ok(bytes)
}

/// `items.csv`: an item a row, an attribute a column, empty where it does not apply.
pub fn table(items: &[Item]) -> Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["id", "split", "title"].into_iter().chain(ATTRIBUTES))?;
    for item in items {
        let attributes = ATTRIBUTES.iter().map(|name| item.get(name).unwrap_or(""));
        table.write_record([item.id.as_str(), item.split.name(), item.title.as_str()].into_iter().chain(attributes))?;
    }
    table.into_inner().map_err(|error| error.into_error())
}
