//! Items as files.

use image::codecs::jpeg::JpegEncoder;

use super::{ATTRIBUTES, Item, render};
use crate::error::{Error, Result};

/// JPEG quality: clean edges at a size that a web shop would serve.
const QUALITY: u8 = 78;

/// An item's photo as JPEG. The same item always gives the same bytes.
pub fn photo(item: &Item) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(&render(item))
        .map_err(|reason| Error::Photo(format!("encoding {} as JPEG: {reason}", item.id).into()))?;
    Ok(bytes)
}

/// `items.csv`: an item a row, an attribute a column, empty where it does not apply.
pub fn table(items: &[Item]) -> Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let failed = |reason: String| Error::Argument(format!("writing items.csv to memory: {reason}"));
    let header = ["id", "split", "title"].into_iter().chain(ATTRIBUTES);
    table.write_record(header).map_err(|reason| failed(reason.to_string()))?;
    for item in items {
        let attributes = ATTRIBUTES.iter().map(|name| item.get(name).unwrap_or(""));
        let row = [item.id.as_str(), item.split.name(), item.title.as_str()].into_iter().chain(attributes);
        table.write_record(row).map_err(|reason| failed(reason.to_string()))?;
    }
    table.into_inner().map_err(|reason| failed(reason.to_string()))
}
