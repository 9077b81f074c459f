//! What Google Merchant Center and the catalogs of Meta have in common: a record a variant, products by `item_group_id`.

use super::address;
use super::dates;
use super::gather::{Draft, Gather};
use super::html;
use super::model::{Attributes, Offer, Variant};
use super::money::Marks;
use super::record::Record;
use super::stock;
use crate::error::Reason;
use std::collections::{HashMap, HashSet};

/// Attributes and the fields that hold them; values of those with a sign are divided by it.
const ATTRIBUTES: [(&str, &[&str], Option<char>); 7] = [
    ("brand", &["brand"], None),
    ("color", &["color", "colour"], Some('/')),
    ("size", &["size"], None),
    ("gender", &["gender"], None),
    ("age group", &["age group"], None),
    ("material", &["material"], Some('/')),
    ("pattern", &["pattern"], Some('/')),
];

/// Names of the fields that hold a price.
const PRICES: [&str; 2] = ["price", "sale price"];

/// What one of the two formats adds to a product and its variant, and why visitors do not see it.
pub type More = fn(&Record, &mut Attributes) -> Option<String>;

/// Reads records.
pub fn read(records: &[Record], gather: &mut Gather, more: More) {
    let marks = Marks::of(records.iter().flat_map(|record| record.all(&PRICES)));
    let (mut drafts, mut places): (Vec<Draft>, HashMap<&str, usize>) = (Vec::new(), HashMap::new());
    let mut ids = HashSet::new();
    for record in records {
        let row = record.row;
        let id = record.get(&["id"]);
        if id.is_empty() {
            gather.leave_out(Reason::RowWithoutId, "", row, format!("no id (row {row})"));
            continue;
        }
        if !ids.insert(id) {
            gather.leave_out(
                Reason::DuplicateRow,
                id,
                row,
                format!("second row of that id (row {row}): the first is kept"),
            );
            continue;
        }
        let group = Some(record.get(&["item group id"])).filter(|group| !group.is_empty()).unwrap_or(id);
        let at = *places.entry(group).or_insert_with(|| {
            drafts.push(Draft { id: group.to_string(), row, ..Draft::default() });
            drafts.len() - 1
        });
        add(&mut drafts[at], record, marks, gather, more);
    }
    drafts.into_iter().for_each(|draft| gather.push(draft));
}

/// Adds a record to its product. One that visitors do not see adds nothing but the reason.
fn add(draft: &mut Draft, record: &Record, marks: Marks, gather: &mut Gather, more: More) {
    let mut attributes = draft.attributes.clone();
    if let Some(reason) = more(record, &mut attributes) {
        if draft.variants.is_empty() && !draft.hidden.contains(&reason) {
            draft.hidden.push(reason);
        }
        return;
    }
    draft.hidden.clear();
    draft.attributes = attributes;
    for (name, fields, sign) in ATTRIBUTES {
        let values = record.all(fields);
        let values = values.iter().flat_map(|value| value.split(|c| Some(c) == sign));
        let list = matches!(name, "color" | "size");
        values.for_each(|value| draft.attributes.add(name, value, list));
    }
    category(record, &mut draft.attributes);
    let fill = |text: &mut String, names: &[&str]| {
        if text.is_empty() {
            *text = record.get(names).to_string();
        }
    };
    fill(&mut draft.title, &["title", "structured title", "name"]);
    fill(&mut draft.description, &["description", "structured description", "rich text description"]);
    fill(&mut draft.link, &["link", "canonical link", "mobile link"]);
    let photos = photos(record);
    let photo = photos.first().cloned();
    draft.photos.extend(photos);
    let variant = variant(record, marks, photo, gather);
    draft.variants.push(variant);
}

/// The last element of the shop's own category, else of Google's or Meta's where it is written out.
fn category(record: &Record, attributes: &mut Attributes) {
    let paths =
        |name: &str| -> Vec<String> { record.all(&[name]).iter().flat_map(|text| paths(&html::text(text))).collect() };
    let written = |path: &&String| path.parse::<u32>().is_err();
    let mut lists = ["product type", "google product category", "fb product category"].into_iter().map(paths);
    let found = lists.find(|paths| paths.iter().any(|path| written(&path))).unwrap_or_default();
    for path in found.iter().filter(written) {
        attributes.add("category", path.rsplit('>').next().unwrap_or(path), false);
    }
}

/// Several paths in one field have commas between them; a comma within a name has no path behind it.
fn paths(text: &str) -> Vec<String> {
    let parts: Vec<String> = text.split(',').map(|part| part.trim().to_string()).collect();
    match parts.len() > 1 && parts.iter().all(|part| part.contains('>')) {
        true => parts,
        false => vec![text.to_string()],
    }
}

fn photos(record: &Record) -> Vec<String> {
    let names =
        ["image link", "image", "image url", "additional image link", "additional image url", "additional images"];
    record.all(&names).into_iter().flat_map(address::list).collect()
}

fn variant(record: &Record, marks: Marks, photo: Option<String>, gather: &mut Gather) -> Variant {
    let id = record.get(&["id"]);
    let regular = marks.price(record.get(&["price"]), gather.options.currency);
    let currency = regular.and_then(|(_, currency)| currency).or(gather.options.currency);
    let on = dates::is_on_within(gather.options.now, record.get(&["sale price effective date"]));
    let sale = marks.price(record.get(&["sale price"]), currency).filter(|_| on);
    let availability = record.get(&["availability"]);
    let known = stock::can_be_ordered(availability);
    if known.is_none() && !availability.is_empty() {
        gather.warn(format!("{id}: availability {availability:?} is not known, so it counts as in stock"));
    }
    let text = |names: &[&str]| Some(record.get(names).to_string()).filter(|text| !text.is_empty());
    Variant {
        sku: Some(id.to_string()),
        options: ["color", "size"].iter().filter_map(|name| text(&[*name])).collect(),
        orderable: known.unwrap_or(true),
        backorder: availability.to_lowercase().contains("backorder"),
        offer: Offer::with_sale(regular, sale),
        photo,
        link: text(&["link"]),
    }
}
