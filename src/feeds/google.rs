//! Google Merchant Center: a table, RSS 2.0 or Atom.

use super::gather::Gather;
use super::merchant;
use super::record::Record;
use super::table::Table;

/// Whether a table is one: an id, a title and two more of its fields.
pub fn is_one(table: &Table) -> bool {
    let more = ["image link", "item group id", "google product category", "availability", "sale price effective date"];
    table.has(&["id"]) && table.has(&["title"]) && more.iter().filter(|name| table.has(&[**name])).count() >= 2
}

/// Whether records of XML have its fields.
pub fn has_fields(records: &[Record]) -> bool {
    records.iter().any(|record| !record.get(&["image link", "availability", "google product category"]).is_empty())
}

/// Reads records.
pub fn read(records: &[Record], gather: &mut Gather) {
    merchant::read(records, gather, |_, _| None);
}
