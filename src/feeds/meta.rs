//! Catalogs of Meta (Facebook, Instagram): Google's fields and some of their own; a template with remarks above the header.

use super::gather::Gather;
use super::merchant;
use super::model::Attributes;
use super::record::Record;
use super::table::Table;

/// Fields that only these have.
const OWN: [&str; 11] = [
    "fb product category",
    "quantity to sell on facebook",
    "image[0].url",
    "image[0].tag[0]",
    "product_tags[0]",
    "style[0]",
    "additional variant attribute",
    "video[0].url",
    "rich text description",
    "marked for product launch",
    "internal label",
];

/// Whether a table is one.
pub fn is_one(table: &Table) -> bool {
    let remark = |cells: &Vec<String>| {
        cells.iter().any(|cell| cell.starts_with("# ref_application") || cell.starts_with("# Required"))
    };
    let own = OWN.iter().any(|name| table.has(&[*name])) || table.above.iter().any(remark);
    own && table.has(&["id"]) && table.has(&["title"])
}

/// Whether records of XML are Meta's.
pub fn has_own_fields(records: &[Record]) -> bool {
    records.iter().any(|record| OWN.iter().any(|name| !record.get(&[&name.replace("[0]", "")]).is_empty()))
}

/// Reads records.
pub fn read(records: &[Record], gather: &mut Gather) {
    merchant::read(records, gather, more);
}

fn more(record: &Record, attributes: &mut Attributes) -> Option<String> {
    attributes.add_all("tags", record.all(&["product tags"]));
    record.all(&["style"]).into_iter().for_each(|style| attributes.add("style", style, false));
    for text in record.all(&["additional variant attribute"]) {
        for (name, value) in text.split(',').filter_map(|pair| pair.split_once(':')) {
            attributes.add(name, value, false);
        }
    }
    let states = [record.get(&["status"]), record.get(&["visibility"])];
    let hidden = states
        .into_iter()
        .map(str::to_lowercase)
        .find(|state| !matches!(state.as_str(), "" | "active" | "published"))?;
    Some(hidden)
}
