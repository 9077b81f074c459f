//! What a shop knows of its photos: a CSV file with a row a photo.

use crate::error::{Error, Result, io};
use crate::model::folder::sha256_hex;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const IDS: [&str; 5] = ["id", "sku", "asin", "image", "photo"];
const TITLES: [&str; 4] = ["title", "name", "productDisplayName", "label"];
const LINKS: [&str; 3] = ["link", "url", "href"];
const PRICES: [&str; 1] = ["price"];
/// Columns that say nothing to a visitor.
const IGNORED: [&str; 7] = ["split", "w", "h", "width", "height", "highres", "fashioniq"];

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
}

impl Metadata {
    /// Reads a CSV file. The id stands in a column named id, sku, asin, image or photo (a file ending is dropped), the
    /// title in title, name, productDisplayName or label; link and price are optional; any other column is an
    /// attribute.
    pub fn read(path: &Path) -> Result<Self> {
        let bad = |e: csv::Error| Error::Argument(format!("reading {}: expected a CSV file, {e}", path.display()));
        let bytes = std::fs::read(path).map_err(io("reading", path))?;
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(bytes.as_slice());
        let columns: Vec<String> = reader
            .headers()
            .map_err(bad)?
            .iter()
            .map(|c| c.trim_start_matches('\u{feff}').trim().to_string())
            .collect();
        let find = |names: &[&str]| names.iter().find_map(|n| columns.iter().position(|c| c.eq_ignore_ascii_case(n)));
        let id = find(&IDS).ok_or_else(|| {
            let got = columns.join(", ");
            Error::Argument(format!("reading {}: expected a column named id, got {got}; rename it", path.display()))
        })?;
        let (title, link, price) = (find(&TITLES), find(&LINKS), find(&PRICES));
        let attribute =
            |i: usize| ![Some(id), title, link, price].contains(&Some(i)) && !IGNORED.contains(&columns[i].as_str());
        let mut rows = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(bad)?;
            let cell = |i: Option<usize>| i.and_then(|i| record.get(i)).map(str::trim).filter(|v| !v.is_empty());
            let attributes = (0..columns.len())
                .filter(|&i| attribute(i))
                .filter_map(|i| Some((columns[i].clone(), cell(Some(i))?.to_string())))
                .collect();
            let known = Known {
                title: cell(title).unwrap_or_default().to_string(),
                attributes,
                link: cell(link).map(str::to_string),
                price: cell(price).map(str::to_string),
            };
            let name = cell(Some(id)).unwrap_or_default();
            let stem = name.rsplit_once('.').filter(|(_, end)| is_ending(end)).map_or(name, |(stem, _)| stem);
            rows.insert(stem.to_string(), known);
        }
        Ok(Self { rows, hash: Some(sha256_hex(&bytes)) })
    }

    /// sha256 of the file; none where nothing is known.
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
    ["jpg", "jpeg", "png", "webp"].iter().any(|ending| text.eq_ignore_ascii_case(ending))
}
