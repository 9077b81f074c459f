//! What a shop knows of its photos: a CSV file with a row a photo.

use super::columns::Columns;
use crate::error::{Error, Result, io};
use crate::hash::{PHOTO_ENDINGS, sha256_hex};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// What is known of one photo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// A title for people.
    pub title: String,
    /// Attributes by name; empty ones are left out.
    pub attributes: BTreeMap<String, String>,
    /// The product's page.
    pub link: Option<String>,
    /// The price as the shop writes it.
    pub price: Option<String>,
}

/// What is known of all photos, by id.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    rows: HashMap<String, Known>,
    hash: Option<String>,
    columns: Option<Columns>,
}

impl Metadata {
    /// Reads a CSV file. The id stands in a column named id, sku, asin, image or photo (a file ending is dropped), the
    /// title in title, name, productDisplayName or label; link and price are optional. Of the other columns, the usual
    /// attributes and those in `named` are published: see [`Columns`].
    pub fn read(path: &Path, named: &[String]) -> Result<Self> {
        let bad = |e: csv::Error| Error::Argument(format!("reading {}: expected a CSV file, {e}", path.display()));
        let bytes = std::fs::read(path).map_err(io("reading", path))?;
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(bytes.as_slice());
        let header = reader.headers().map_err(bad)?.iter();
        let names = header.map(|c| c.trim_start_matches('\u{feff}').trim().to_string()).collect();
        let columns = Columns::of(path, names, named)?;
        let mut rows = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(bad)?;
            let cell = |i: Option<usize>| i.and_then(|i| record.get(i)).map(str::trim).filter(|v| !v.is_empty());
            let attribute = |&i: &usize| Some((columns.names[i].clone(), cell(Some(i))?.to_string()));
            let known = Known {
                title: cell(columns.title).unwrap_or_default().to_string(),
                attributes: columns.attributes.iter().filter_map(attribute).collect(),
                link: cell(columns.link).map(str::to_string),
                price: cell(columns.price).map(str::to_string),
            };
            let name = cell(Some(columns.id)).unwrap_or_default();
            let stem = name.rsplit_once('.').filter(|(_, end)| is_ending(end)).map_or(name, |(stem, _)| stem);
            rows.insert(stem.to_string(), known);
        }
        // parts that publish other columns are not of one catalog
        let hash = sha256_hex(format!("{}{:?}", sha256_hex(&bytes), columns.published).as_bytes());
        Ok(Self { rows, hash: Some(hash), columns: Some(columns) })
    }

    /// Which columns are published; none where there is no file.
    pub fn columns(&self) -> Option<&Columns> {
        self.columns.as_ref()
    }

    /// sha256 over the file and the columns that are published; none where nothing is known.
    pub fn hash(&self) -> Option<&str> {
        self.hash.as_deref()
    }

    /// What is known of a photo.
    pub fn get(&self, id: &str) -> Option<&Known> {
        self.rows.get(id)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

fn is_ending(text: &str) -> bool {
    PHOTO_ENDINGS.iter().any(|ending| text.eq_ignore_ascii_case(ending))
}
