//! What a shop knows of its photos: a CSV file with a row a photo.

use super::columns::Columns;
use super::names::{self, Names};
use crate::catalog::assembly::same_name;
use crate::catalog::format::Offer;
use crate::error::{Error, LeftOut, Reason, Result, io};
use crate::feeds::address;
use crate::hash::sha256_hex;
use crate::photo_file::READ_ENDINGS;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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
    /// The same in parts, from a feed.
    pub offer: Option<Offer>,
    /// Whether it can be ordered, from a feed.
    pub in_stock: Option<bool>,
    /// Further values of attributes that have several.
    pub further: BTreeMap<String, Vec<String>>,
    /// The product, where it has several photos.
    pub product: Option<String>,
    /// The photo's address in the feed.
    pub address: Option<String>,
    /// The description as text. It is in no catalog; `tune` learns from it.
    pub description: String,
}

impl Known {
    /// Keeps attributes back.
    pub(super) fn hide(&mut self, names: &[String]) {
        let hidden = |name: &str| names.iter().any(|hidden| same_name(hidden, name));
        self.attributes.retain(|name, _| !hidden(name));
        self.further.retain(|name, _| !hidden(name));
    }
}

/// What is known of all photos, by id.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    pub(super) rows: HashMap<String, Known>,
    pub(super) hash: Option<String>,
    columns: Option<Columns>,
    /// Where each id was found first: the file and its line.
    pub(super) lines: HashMap<String, u64>,
    pub(super) file: String,
    pub(super) left_out: Vec<LeftOut>,
    /// What else names a row.
    pub(super) names: HashMap<String, Names>,
    /// Where a table was read from.
    path: Option<PathBuf>,
    /// The ids as people take them for one.
    folded: OnceLock<HashSet<String>>,
}

/// A longer field is no title, link, price or attribute, in bytes.
const MAX_FIELD: usize = 16 << 10;
/// More columns are no table of products.
const MAX_COLUMNS: usize = 1000;
/// A larger file is refused before it is read, in bytes.
const MAX_FILE: u64 = 1 << 30;

impl Metadata {
    /// Reads a CSV file. The id stands in a column named id, sku, asin, image or photo (a file ending is dropped), the
    /// title in title, name, productDisplayName or label; link and price are optional. Of the other columns, the usual
    /// attributes and those in `named` are published: see [`Columns`].
    pub fn read(path: &Path, named: &[String]) -> Result<Self> {
        let bad = |e: csv::Error| Error::Argument(format!("reading {}: expected a CSV file, {e}", path.display()));
        let size = std::fs::metadata(path).map_err(io("reading", path))?.len();
        if size > MAX_FILE {
            let (file, most) = (path.display(), MAX_FILE >> 20);
            return Err(Error::Argument(format!(
                "reading {file}: expected at most {most} MiB, got {size} bytes; divide it"
            )));
        }
        let bytes = std::fs::read(path).map_err(io("reading", path))?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
        let header = reader.headers().map_err(bad)?.iter();
        let names: Vec<String> = header.map(|c| c.trim_start_matches('\u{feff}').trim().to_string()).collect();
        if names.len() > MAX_COLUMNS {
            let (file, got) = (path.display(), names.len());
            return Err(Error::Argument(format!("reading {file}: expected at most {MAX_COLUMNS} columns, got {got}")));
        }
        let columns = Columns::of(path, names, named)?;
        let mut rows = HashMap::new();
        let (mut lines, mut left_out, file) = (HashMap::new(), Vec::new(), name_of(path));
        let mut names_of = HashMap::new();
        for record in reader.byte_records() {
            let record = record.map_err(bad)?;
            let line = record.position().map_or(0, csv::Position::line);
            let record = match row(record, columns.names.len()) {
                Ok(record) => record,
                Err((reason, message)) => {
                    left_out.push(LeftOut::new(reason, format!("{file}, line {line}"), message));
                    continue;
                }
            };
            let cell = |i: Option<usize>| i.and_then(|i| record.get(i)).map(str::trim).filter(|v| !v.is_empty());
            let attribute = |&i: &usize| Some((columns.names[i].clone(), cell(Some(i))?.to_string()));
            let known = Known {
                title: cell(columns.title).unwrap_or_default().to_string(),
                attributes: columns.attributes.iter().filter_map(attribute).collect(),
                link: cell(columns.link).map(str::to_string),
                price: cell(columns.price).map(str::to_string),
                description: cell(columns.description).unwrap_or_default().to_string(),
                ..Known::default()
            };
            let name = cell(Some(columns.id)).unwrap_or_default();
            let stem = name.rsplit_once('.').filter(|(_, end)| is_ending(end)).map_or(name, |(stem, _)| stem);
            if let Some((reason, message)) = unusable(stem, lines.get(stem)) {
                left_out.push(LeftOut::new(reason, format!("{file}, line {line}"), message));
                continue;
            }
            let list = |columns: &[usize]| columns.iter().filter_map(|&i| cell(Some(i))).map(str::to_string).collect();
            let files = columns.files.iter().filter_map(|&i| cell(Some(i))).flat_map(address::list);
            let files = std::iter::once(name.to_string()).chain(files).map(|file| stem_of(&file)).collect();
            names_of.insert(stem.to_string(), Names { skus: list(&columns.skus), files });
            lines.insert(stem.to_string(), line);
            rows.insert(stem.to_string(), known);
        }
        // parts that publish other columns are not of one catalog
        let hash = sha256_hex(format!("{}{:?}", sha256_hex(&bytes), columns.published).as_bytes());
        let (hash, columns, names, path) = (Some(hash), Some(columns), names_of, Some(path.to_path_buf()));
        Ok(Self { rows, hash, columns, lines, file, left_out, names, path, folded: OnceLock::new() })
    }

    /// Rows that were left out, those of photos that are not in `ids` among them.
    pub fn left_out(&self, has_photo: impl Fn(&str) -> bool) -> Vec<LeftOut> {
        let without = self.lines.iter().filter(|(id, _)| !has_photo(id)).map(|(id, line)| {
            let message = format!("expected a photo with the id {id}, found none; add it or remove the row");
            LeftOut::new(Reason::RowWithoutPhoto, format!("{}, line {line}", self.file), message)
        });
        let mut all: Vec<LeftOut> = self.left_out.iter().cloned().chain(without).collect();
        all.sort();
        all
    }

    /// Whether a row has this id, or one that people take for the same.
    pub fn has(&self, name: &str) -> bool {
        self.rows.contains_key(name) || self.folded.get_or_init(|| names::loose(self.ids())).contains(&names::key(name))
    }

    /// What else names each row, by its id.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, &Names)> {
        self.names.iter().map(|(id, names)| (id.as_str(), names))
    }

    /// The column that the ids come from.
    pub(super) fn id_column(&self) -> Option<&str> {
        self.columns.as_ref().map(|columns| columns.names[columns.id].as_str())
    }

    /// The column whose fields name most of these photos, if any names one.
    pub(super) fn column_like(&self, photos: &[String]) -> Option<String> {
        let names = &self.columns.as_ref()?.names;
        let photos: HashSet<String> = photos.iter().map(|photo| photo.to_lowercase()).collect();
        let mut found = vec![0usize; names.len()];
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(self.path.as_ref()?).ok()?;
        for record in reader.byte_records().map_while(Result::ok) {
            for (count, field) in found.iter_mut().zip(&record) {
                *count += usize::from(photos.contains(&stem_of(&String::from_utf8_lossy(field)).to_lowercase()));
            }
        }
        let most = (0..names.len()).max_by_key(|&i| (found[i], std::cmp::Reverse(i)))?;
        (found[most] > 0).then(|| names[most].clone())
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

    /// Names of the attributes that are published.
    pub fn attributes(&self) -> BTreeSet<&str> {
        self.rows.values().flat_map(|known| known.attributes.keys()).map(String::as_str).collect()
    }

    /// Keeps attributes back that the owner does not want to be seen.
    pub fn hide(&mut self, names: &[String]) {
        self.rows.values_mut().for_each(|known| known.hide(names));
        let hidden = |name: &str| names.iter().any(|hidden| same_name(hidden, name));
        self.columns.iter_mut().for_each(|columns| columns.hide(hidden));
        // parts that publish other attributes are not of one catalog
        if let Some(hash) = self.hash.as_mut().filter(|_| !names.is_empty()) {
            *hash = sha256_hex(format!("{hash}{names:?}").as_bytes());
        }
    }

    /// Ids of the rows, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
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

/// A file's name without its folder, which differs between the machines that make the parts of one catalog.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The name of a file, from an address or a path, without its ending.
pub(super) fn stem_of(file: &str) -> String {
    let name = address::name(&file.trim().replace('\\', "/"));
    name.rsplit_once('.').filter(|(_, end)| is_ending(end)).map_or(name.clone(), |(stem, _)| stem.to_string())
}

/// A row whose fields can be used.
fn row(record: csv::ByteRecord, columns: usize) -> std::result::Result<csv::StringRecord, (Reason, String)> {
    if record.len() != columns {
        let got = record.len();
        return Err((
            Reason::RaggedRow,
            format!("expected {columns} fields, got {got}; is a comma or a quote missing?"),
        ));
    }
    if let Some(length) = record.iter().map(<[u8]>::len).find(|&length| length > MAX_FIELD) {
        let most = MAX_FIELD >> 10;
        return Err((Reason::RowTooLarge, format!("expected fields of at most {most} KiB, got one of {length} bytes")));
    }
    csv::StringRecord::from_byte_record(record)
        .map_err(|_| (Reason::RowNotUtf8, "expected text in UTF-8, got other bytes; save the file as UTF-8".into()))
}

/// Why a row with this id cannot be used, if it cannot.
fn unusable(id: &str, earlier: Option<&u64>) -> Option<(Reason, String)> {
    if id.is_empty() {
        return Some((Reason::RowWithoutId, "expected an id, got an empty field; fill it in".into()));
    }
    let line = earlier?;
    Some((Reason::DuplicateRow, format!("expected each id once, got {id}, which line {line} has; remove one of them")))
}

/// Text that somebody can see: without control characters, and nothing where what remains is spaces and characters of no
/// width.
pub fn visible(text: &str) -> Option<String> {
    let unseen = |c: char| {
        c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}')
            || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}')
            || matches!(c, '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
    };
    let kept: String = text.chars().filter(|c| !c.is_control()).collect();
    kept.chars().any(|c| !unseen(c)).then(|| kept.trim().to_string())
}

fn is_ending(text: &str) -> bool {
    READ_ENDINGS.iter().any(|ending| text.eq_ignore_ascii_case(ending))
}
