//! What shop systems export → products with variants and photos. One file a format; which it is, the content tells, not
//! the file's name. [`gather`] is where they meet: what is left out and warned of is decided there, for all of them.

pub mod address;
mod dates;
mod decode;
pub mod fetch;
pub mod gather;
mod google;
mod html;
mod jsonld;
mod magento;
mod merchant;
mod meta;
pub mod model;
mod money;
pub mod names;
mod plain;
mod record;
mod shopify;
mod stock;
mod table;
mod woocommerce;
mod xml;

use crate::error::{Result, data, io};
use gather::Gather;
pub use gather::Options;
pub use model::{Feed, Format, Photo, Product};
pub use money::currency;
use record::Record;
use std::io::Read;
use std::path::Path;
use table::Table;

/// A larger file is refused before it is read, in bytes.
const MAX_FILE: u64 = 1 << 30;

/// Bytes of a file that tell which kind it is.
const HEAD: u64 = 256 << 10;

/// Whether a file is a table with commas in UTF-8 that no shop system made.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) for one that cannot be read.
pub fn is_plain_table(path: &Path) -> Result<bool> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io("reading", path))?;
    file.take(HEAD).read_to_end(&mut bytes).map_err(io("reading", path))?;
    let text = decode::decode(&bytes).text;
    // a last row that was cut is none
    let text = if bytes.len() as u64 == HEAD { text.rsplit_once('\n').map_or("", |(whole, _)| whole) } else { &text };
    let starts_as_one = !text.trim_start().starts_with(['<', '{', '[']);
    let head = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    let count = |sign: char| head.matches(sign).count();
    let commas = [';', '\t', '|'].into_iter().all(|sign| count(sign) <= count(','));
    // a table without a single usual name is refused by whoever reads it, in its own words
    Ok(starts_as_one && commas && matches!(Content::of(text).format(), None | Some(Format::Plain)))
}

/// Reads a feed. Relative photos are looked for beside it.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) for a file of another kind, and for one without a single product.
pub fn read(path: &Path, options: &Options) -> Result<Feed> {
    let size = std::fs::metadata(path).map_err(io("reading", path))?.len();
    if size > MAX_FILE {
        let most = MAX_FILE >> 20;
        return Err(data(path.display(), format!("expected at most {most} MiB, got {size} bytes; divide the feed")));
    }
    let bytes = std::fs::read(path).map_err(io("reading", path))?;
    let decoded = decode::decode(&bytes);
    let content = Content::of(&decoded.text);
    let Some(format) = options.format.or_else(|| content.format()) else {
        let problem = "expected a feed (a table of products, XML or JSON), got something else; export the products of \
                       your shop as CSV";
        return Err(data(path.display(), problem));
    };
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let mut gather = Gather::new(format, options, folder);
    if decoded.damaged {
        gather.warn(format!("some letters are no {}: save the feed as UTF-8", decoded.encoding));
    }
    content.read(format, &mut gather).map_err(|problem| data(path.display(), problem))?;
    let feed = gather.finish();
    match feed.products.is_empty() && feed.left_out.is_empty() {
        true => {
            let why = feed.warnings.first().map(|warning| format!(" ({warning})")).unwrap_or_default();
            let problem = format!("expected products, found none{why}; is this the export of your shop?");
            Err(data(path.display(), problem))
        }
        false => Ok(feed),
    }
}

/// How a feed is written.
enum Content {
    /// Fields with delimiters.
    Table(Table),
    /// RSS or Atom.
    Xml(xml::Found),
    /// A page.
    Page(String),
    /// Data of schema.org.
    Data(serde_json::Value),
    /// Other objects of JSON.
    Objects(Vec<Record>),
    /// JSON with a fault.
    Faulty(String),
}

impl Content {
    fn of(text: &str) -> Self {
        let start = text.trim_start();
        let head = start.get(..start.len().min(4096)).unwrap_or(start).to_lowercase();
        match start.chars().next() {
            Some('<') if text.contains(jsonld::SCRIPT) || head.contains("<html") => Self::Page(text.to_string()),
            Some('<') => Self::Xml(xml::read(text)),
            Some('{' | '[') => Self::json(text),
            _ => Self::Table(Table::read(text)),
        }
    }

    fn json(text: &str) -> Self {
        if text.contains("schema.org") || text.contains("\"@type\"") || text.contains("\"@graph\"") {
            return jsonld::parse(text).map_or_else(Self::Faulty, Self::Data);
        }
        plain::objects(text).map_or_else(Self::Faulty, Self::Objects)
    }

    /// The kind of feed that this is.
    fn format(&self) -> Option<Format> {
        match self {
            Self::Table(table) if !table.is_table() => None,
            Self::Table(table) if shopify::is_one(table) => Some(Format::Shopify),
            Self::Table(table) if magento::is_one(table) => Some(Format::Magento),
            Self::Table(table) if woocommerce::is_one(table) => Some(Format::Woocommerce),
            Self::Table(table) if meta::is_one(table) => Some(Format::Meta),
            Self::Table(table) if google::is_one(table) => Some(Format::Google),
            Self::Table(table) => plain::is_one(&Record::of_table(table)).then_some(Format::Plain),
            Self::Xml(found) if meta::has_own_fields(&found.records) => Some(Format::Meta),
            Self::Xml(found) if google::has_fields(&found.records) => Some(Format::Google),
            Self::Xml(found) if plain::is_one(&found.records) => Some(Format::Plain),
            // its faults are named
            Self::Xml(found) => (!found.problems.is_empty()).then_some(Format::Google),
            Self::Page(_) | Self::Data(_) => Some(Format::Jsonld),
            Self::Objects(_) | Self::Faulty(_) => Some(Format::Plain),
        }
    }

    /// Reads it as a kind. The error says what was expected and what came.
    fn read(&self, format: Format, gather: &mut Gather) -> Result<(), String> {
        match (format, self) {
            (Format::Shopify, Self::Table(table)) => shopify::read(table, gather),
            (Format::Magento, Self::Table(table)) => magento::read(table, gather),
            (Format::Woocommerce, Self::Table(table)) => woocommerce::read(table, gather)?,
            (Format::Jsonld, Self::Page(text)) => jsonld::read_page(text, gather),
            (Format::Jsonld, Self::Data(data)) => jsonld::read(std::slice::from_ref(data), gather),
            (_, Self::Faulty(problem)) => return Err(format!("expected JSON, got a fault: {problem}")),
            (Format::Google | Format::Meta | Format::Plain, _) => return self.read_records(format, gather),
            (format, _) => return Err(format!("expected a feed of {}, got another kind", format.name())),
        }
        Ok(())
    }

    /// Reads what is made of records, however they are written.
    fn read_records(&self, format: Format, gather: &mut Gather) -> Result<(), String> {
        let made;
        let records = match self {
            Self::Table(table) => {
                gather.leave_out_ragged(table);
                made = Record::of_table(table);
                &made
            }
            Self::Xml(found) => {
                found.problems.iter().for_each(|problem| gather.warn(problem.clone()));
                &found.records
            }
            Self::Objects(records) => records,
            _ => return Err(format!("expected a feed of {}, got another kind", format.name())),
        };
        match format {
            Format::Google => google::read(records, gather),
            Format::Meta => meta::read(records, gather),
            _ => plain::read(records, gather)?,
        }
        Ok(())
    }
}
