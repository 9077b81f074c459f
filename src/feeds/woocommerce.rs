//! WooCommerce's product CSV: a row a product or variation; variations name their parent by SKU or as `id:44`.

mod headers;

use super::address;
use super::dates;
use super::gather::{Draft, Gather};
use super::html::{self, without_shortcodes};
use super::model::{Offer, Variant};
use super::money::Marks;
use super::stock;
use super::table::{Row, Table};
use crate::error::Reason;
use headers::Headers;
use std::collections::{HashMap, HashSet};

/// Whether a table is one.
pub fn is_one(table: &Table) -> bool {
    Headers::of(table).is_some()
}

/// A product whose variations are still coming.
struct Open {
    draft: Draft,
    /// The product's own price and stock, which count where there are no variations.
    own: Variant,
    /// Attributes that visitors do not see on the product's page, with their values.
    unseen: Vec<(String, Vec<String>)>,
}

/// Reads the table.
pub fn read(table: &Table, gather: &mut Gather) -> Result<(), String> {
    let headers = Headers::of(table).ok_or("expected the columns of a WooCommerce export, got others")?;
    let prices = ["regular_price", "sale_price"].map(|role| headers.get(role));
    let marks = Marks::of(table.rows.iter().flat_map(|row| prices.map(|column| row.get(column))));
    let is_variation = |row: &&Row| row.get(headers.get("type")).to_lowercase().contains("variation");
    let (mut open, mut places): (Vec<Open>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    for row in table.rows.iter().filter(|row| !is_variation(row)) {
        let product = start(row, &headers, marks, gather);
        let id = row.get(headers.get("id"));
        for name in [format!("id:{id}"), product.draft.id.clone()] {
            places.entry(name).or_insert(open.len());
        }
        open.push(product);
    }
    for row in table.rows.iter().filter(is_variation) {
        let parent = row.get(headers.get("parent"));
        match places.get(parent) {
            Some(&at) => add(&mut open[at], row, &headers, marks, gather),
            None => {
                let reason = format!("a variation of {parent:?}, which is not in the file (row {})", row.number);
                gather.leave_out(Reason::HiddenProduct, row.get(headers.get("sku")), row.number, reason);
            }
        }
    }
    gather.leave_out_ragged(table);
    open.into_iter().for_each(|product| gather.push(finished(product)));
    Ok(())
}

/// A product with its variations, or as its own.
fn finished(open: Open) -> Draft {
    let Open { mut draft, own, .. } = open;
    if draft.variants.is_empty() {
        draft.variants.push(own);
    }
    draft
}

fn start(row: &Row, headers: &Headers, marks: Marks, gather: &mut Gather) -> Open {
    let get = |role: &str| row.get(headers.get(role));
    let mut draft = Draft { row: row.number, title: get("name").into(), ..Draft::default() };
    draft.id = Some(get("sku")).filter(|sku| !sku.is_empty()).unwrap_or(get("id")).to_string();
    draft.description = without_shortcodes(&format!("{} {}", get("short"), get("description")));
    draft.link = get("external_url").to_string();
    draft.photos = address::list(get("images"));
    draft.hidden = hidden(get("published"), get("visibility"));
    for brand in list(get("brands")) {
        draft.attributes.add("brand", last(&brand), false);
    }
    for category in list(&html::text(get("categories"))) {
        draft.attributes.add("category", last(&category), true);
    }
    draft.attributes.add_all("tags", list(get("tags")).iter().map(String::as_str));
    let mut unseen = Vec::new();
    for attribute in &headers.attributes {
        let (name, values) = (row.get(Some(attribute.name)), list(row.get(Some(attribute.values))));
        match row.get(attribute.visible) {
            "0" => unseen.push((name.to_string(), values)),
            _ => draft.attributes.add_all(taxonomy(name), values.iter().map(String::as_str)),
        }
    }
    if get("sku").is_empty() && !draft.id.is_empty() && draft.hidden.is_empty() {
        gather.warn(format!("{}: no SKU, the ID is used", draft.id));
    }
    Open { own: variant(row, headers, marks, gather), draft, unseen }
}

/// Why visitors do not see a product.
fn hidden(published: &str, visibility: &str) -> Vec<String> {
    let reason = match (published, visibility) {
        ("-1", _) => "draft",
        ("0", _) => "private",
        (_, "hidden") => "hidden in the catalog",
        _ => return Vec::new(),
    };
    vec![reason.into()]
}

/// Adds a variation; one that is switched off is none.
fn add(open: &mut Open, row: &Row, headers: &Headers, marks: Marks, gather: &Gather) {
    if matches!(row.get(headers.get("published")), "0" | "-1") {
        return;
    }
    let mut variant = variant(row, headers, marks, gather);
    for attribute in &headers.attributes {
        let (name, values) = (row.get(Some(attribute.name)), list(row.get(Some(attribute.values))));
        if values.is_empty() {
            continue;
        }
        // what visitors choose by, they see
        let chosen: Vec<(String, Vec<String>)> = open.unseen.extract_if(.., |(unseen, _)| unseen == name).collect();
        let values_of_parent = chosen.iter().flat_map(|(_, values)| values.iter().map(String::as_str));
        open.draft.attributes.add_all(taxonomy(name), values_of_parent);
        open.draft.attributes.add_all(taxonomy(name), values.iter().map(String::as_str));
        variant.options.extend(values);
    }
    let sku: HashSet<&str> = HashSet::from([open.draft.id.as_str()]);
    // a variation without a SKU is exported with its parent's
    variant.sku = variant.sku.filter(|own| !sku.contains(own.as_str()));
    open.draft.variants.push(variant);
}

fn variant(row: &Row, headers: &Headers, marks: Marks, gather: &Gather) -> Variant {
    let get = |role: &str| row.get(headers.get(role));
    let currency = gather.options.currency;
    let on = dates::is_on(gather.options.now, get("sale_from"), get("sale_to"));
    let sale = marks.price(get("sale_price"), currency).filter(|_| on);
    let status = get("in_stock").to_lowercase();
    let backorder = status.contains("backorder");
    let later = !matches!(get("backorders"), "" | "0" | "no");
    let counted = stock::count(get("stock")).map(|count| count > 0.0 || later);
    let orderable = backorder || stock::can_be_ordered(&status).or(counted).unwrap_or(true);
    Variant {
        sku: Some(get("sku").to_string()).filter(|sku| !sku.is_empty()),
        orderable,
        backorder,
        offer: Offer::with_sale(marks.price(get("regular_price"), currency), sale),
        photo: address::list(get("images")).into_iter().next(),
        ..Variant::default()
    }
}

/// Values between commas; `\,` is a comma within one.
fn list(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' if characters.peek() == Some(&',') => values.last_mut().into_iter().for_each(|value| value.push(',')),
            '\\' if characters.peek() == Some(&'\\') => {
                values.last_mut().into_iter().for_each(|value| value.push('\\'))
            }
            ',' => {
                values.push(String::new());
                continue;
            }
            c => {
                values.last_mut().into_iter().for_each(|value| value.push(c));
                continue;
            }
        }
        characters.next();
    }
    values.into_iter().map(|value| value.trim().to_string()).filter(|value| !value.is_empty()).collect()
}

/// The last element of a path of categories.
fn last(path: &str) -> &str {
    path.rsplit('>').next().unwrap_or(path).trim()
}

/// The name of an attribute without the sign of WordPress.
fn taxonomy(name: &str) -> &str {
    name.strip_prefix("pa_").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_commas_that_are_escaped() {
        assert_eq!(list("Baumwolle\\, Bio, Wolle"), ["Baumwolle, Bio", "Wolle"]);
        assert_eq!(list("a\\\\b,, c "), ["a\\b", "c"]);
        assert!(list("").is_empty());
    }
}
