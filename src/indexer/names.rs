//! Names of photos and rows, and what they have in common where people take them for one.

use std::collections::HashSet;
use unicode_normalization::UnicodeNormalization;

/// What else than its id names a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    /// Numbers of articles and of variants, barcodes.
    pub skus: Vec<String>,
    /// Names of files, without their endings, in the shop's order.
    pub files: Vec<String>,
}

/// What ids have in common that people take for one.
pub fn key(id: &str) -> String {
    without_zeros(id)
}

/// The keys of ids.
pub fn loose<'a>(ids: impl Iterator<Item = &'a str>) -> HashSet<String> {
    ids.map(key).collect()
}

/// The same letters written in one way.
pub fn composed(name: &str) -> String {
    name.trim().nfc().collect()
}

/// In lower case.
pub fn folded(name: &str) -> String {
    composed(name).to_lowercase()
}

/// In lower case, without zeros in front.
pub fn without_zeros(name: &str) -> String {
    let folded = folded(name);
    let rest = folded.trim_start_matches('0');
    if rest.is_empty() { folded } else { rest.to_string() }
}
