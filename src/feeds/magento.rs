//! Magento's (Adobe Commerce's) product CSV: a row a product; what is configurable names the simple products that are its
//! variants, and attributes of the shop's own stand in one column.

use super::address;
use super::dates;
use super::gather::{Draft, Gather};
use super::model::{Attributes, Offer, Variant};
use super::money::Marks;
use super::stock;
use super::table::{Row, Table};
use std::collections::{BTreeSet, HashMap};

/// Columns that visitors' attributes are never made of, though their names are usual ones.
const NOT_VISIBLE: &str = "not visible individually";

/// Whether a table is one.
pub fn is_one(table: &Table) -> bool {
    let more =
        ["attribute set code", "store view code", "additional attributes", "configurable variations", "product online"];
    table.has(&["sku"]) && table.has(&["product type", "attribute set code"]) && table.has(&more)
}

/// The columns.
struct Columns<'a> {
    table: &'a Table,
    /// Columns that may be attributes beside those in `additional_attributes`.
    more: Vec<(usize, &'a str)>,
    /// Names of attributes for people, by their codes.
    labels: HashMap<String, String>,
}

impl Columns<'_> {
    fn get<'r>(&self, row: &'r Row, names: &[&str]) -> &'r str {
        row.get(self.table.column(names))
    }
}

/// Reads the table.
pub fn read(table: &Table, gather: &mut Gather) {
    if let Some(shop) = &gather.options.shop {
        // photos are exported without the folder where every shop has them
        let folder = format!("{}/", shop.as_str().trim_end_matches('/'));
        gather.photo_base = url::Url::parse(&folder).and_then(|shop| shop.join("media/catalog/product/")).ok();
    }
    let labels = table.column(&["configurable variation labels"]);
    let labels = table.rows.iter().flat_map(|row| pairs(row.get(labels))).collect();
    let columns = Columns { table, more: more(table, gather), labels };
    let prices = ["price", "special price"].map(|name| table.column(&[name]));
    let marks = Marks::of(table.rows.iter().flat_map(|row| prices.map(|column| row.get(column))));
    let rows = shown(&columns, gather);
    let by_sku: HashMap<&str, &Row> = rows.iter().rev().map(|row| (columns.get(row, &["sku"]), *row)).collect();
    let parents = parents(&rows, &columns);
    gather.leave_out_ragged(table);
    for row in &rows {
        let sku = columns.get(row, &["sku"]);
        if parents.get(sku).is_some_and(|parent| by_sku.contains_key(parent.as_str())) {
            continue;
        }
        let draft = draft(row, &columns, &by_sku, marks, gather);
        gather.push(draft);
    }
}

/// Rows of the shop itself. Those of its views in other languages say the same again.
fn shown<'a>(columns: &Columns<'a>, gather: &mut Gather) -> Vec<&'a Row> {
    let view = |row: &Row| columns.get(row, &["store view code"]).to_string();
    let (mut rows, mut views): (Vec<&Row>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    let main: BTreeSet<&str> =
        columns.table.rows.iter().filter(|row| is_main(&view(row))).map(|row| columns.get(row, &["sku"])).collect();
    for row in &columns.table.rows {
        let other = !is_main(&view(row));
        // a shop may export one view alone
        match other && main.contains(columns.get(row, &["sku"])) {
            true => drop(views.insert(view(row))),
            false => rows.push(row),
        }
    }
    if !views.is_empty() {
        let views: Vec<String> = views.into_iter().collect();
        gather.warn(format!("rows of other store views passed over: {}", views.join(", ")));
    }
    rows
}

fn is_main(view: &str) -> bool {
    matches!(view.to_lowercase().as_str(), "" | "admin" | "default" | "all")
}

/// The parent of every variant.
fn parents(rows: &[&Row], columns: &Columns) -> HashMap<String, String> {
    let mut parents = HashMap::new();
    for row in rows {
        for variation in variations(columns.get(row, &["configurable variations"])) {
            parents.entry(variation.sku).or_insert(columns.get(row, &["sku"]).to_string());
        }
    }
    parents
}

/// A variant as its product names it.
struct Variation {
    sku: String,
    options: Vec<(String, String)>,
}

/// Reads `sku=A-S,size=S,color=Red|sku=A-M,…`.
fn variations(text: &str) -> Vec<Variation> {
    let variation = |part: &str| {
        let mut pairs = pairs(part);
        let at = pairs.iter().position(|(name, _)| name == "sku")?;
        Some(Variation { sku: pairs.remove(at).1, options: pairs })
    };
    text.split('|').filter_map(variation).collect()
}

/// Reads `color=Red,size=M`: a comma begins a pair only where a name and `=` follow it. Values may be in quotes.
fn pairs(text: &str) -> Vec<(String, String)> {
    let name_ahead = |rest: &str| {
        let name = rest.trim_start().split('=').next().unwrap_or_default();
        rest.contains('=') && !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    let (mut parts, mut from, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        quoted ^= c == '"';
        if c == ',' && !quoted && name_ahead(&text[at + 1..]) {
            parts.push(&text[from..at]);
            from = at + 1;
        }
    }
    parts.push(&text[from..]);
    let pair = |part: &&str| {
        let (name, value) = part.trim().trim_matches('"').split_once('=')?;
        let value = value.trim().trim_matches('"').replace("\"\"", "\"");
        Some((name.trim().to_string(), value))
    };
    parts.iter().filter_map(pair).collect()
}

fn draft(row: &Row, columns: &Columns, by_sku: &HashMap<&str, &Row>, marks: Marks, gather: &Gather) -> Draft {
    let get = |names: &[&str]| columns.get(row, names);
    let mut draft =
        Draft { id: get(&["sku"]).into(), row: row.number, title: get(&["name"]).into(), ..Draft::default() };
    draft.description = format!("{} {}", get(&["short description"]), get(&["description"]));
    draft.hidden = hidden(row, columns);
    draft.photos = photos(row, columns);
    let key = get(&["url key"]);
    if gather.base.is_some() && !key.is_empty() {
        draft.link = if key.contains('.') { format!("/{key}") } else { format!("/{key}.html") };
    }
    categories(get(&["categories"]), &mut draft.attributes);
    attributes(row, columns, &mut draft.attributes, gather);
    let own = variant(row, columns, marks, gather);
    // a product that its shop has taken out of stock has no variant to order
    let sold_out = stock::is_yes(get(&["is in stock"])) == Some(false);
    for variation in variations(get(&["configurable variations"])) {
        let child = by_sku.get(variation.sku.as_str());
        if child.is_some_and(|child| get_online(child, columns) == Some(false)) {
            continue;
        }
        let mut of_child = child.map_or(own.clone(), |child| variant(child, columns, marks, gather));
        of_child.sku = Some(variation.sku);
        of_child.orderable &= !sold_out;
        of_child.offer = of_child.offer.or(own.offer);
        for (code, value) in variation.options {
            draft.attributes.add_all(&attribute_name(&code, &columns.labels), [value.as_str()]);
            of_child.options.push(value);
        }
        if let Some(child) = child {
            draft.photos.extend(photos(child, columns));
            attributes(child, columns, &mut draft.attributes, gather);
        }
        draft.variants.push(of_child);
    }
    if draft.variants.is_empty() {
        draft.variants.push(own);
    }
    draft
}

/// The name of an attribute for people: its label, if that is not the code itself.
fn attribute_name(code: &str, labels: &HashMap<String, String>) -> String {
    let label = labels.get(code).filter(|label| label.to_lowercase() != code.to_lowercase());
    label.cloned().unwrap_or_else(|| name(code))
}

/// A code as a name: `age_group` is `age group`, and who made it is the brand.
fn name(code: &str) -> String {
    match code {
        "manufacturer" => "brand".into(),
        code => code.replace('_', " "),
    }
}

fn get_online(row: &Row, columns: &Columns) -> Option<bool> {
    match columns.get(row, &["product online", "status"]) {
        "" => None,
        online => Some(matches!(online.to_lowercase().as_str(), "1" | "enabled" | "yes")),
    }
}

fn hidden(row: &Row, columns: &Columns) -> Vec<String> {
    let mut hidden = Vec::new();
    if get_online(row, columns) == Some(false) {
        hidden.push("disabled".to_string());
    }
    let visibility = columns.get(row, &["visibility"]).to_lowercase();
    if visibility == NOT_VISIBLE || visibility == "1" {
        hidden.push(NOT_VISIBLE.to_string());
    }
    hidden
}

fn photos(row: &Row, columns: &Columns) -> Vec<String> {
    let hidden = address::list(columns.get(row, &["hide from product page"]));
    let names = ["base image", "image", "additional images", "media gallery", "small image"];
    let of = |name: &&str| address::list(columns.get(row, &[*name]));
    let all: Vec<String> = names[..4].iter().flat_map(of).collect();
    let all = if all.is_empty() { of(&names[4]) } else { all };
    all.into_iter().filter(|photo| photo != "no_selection" && !hidden.contains(photo)).collect()
}

/// The last element of each path. The root, with which others begin, is none.
fn categories(text: &str, attributes: &mut Attributes) {
    let paths: Vec<&str> = text.split(',').map(str::trim).collect();
    let is_root = |path: &&str| {
        !path.contains('/')
            && (*path == "Default Category" || paths.iter().any(|other| other.starts_with(&format!("{path}/"))))
    };
    for path in paths.iter().filter(|path| !is_root(path)) {
        attributes.add("category", path.rsplit('/').next().unwrap_or(path), false);
    }
}

/// Columns beside `additional_attributes` that hold what visitors may see: shops export some attributes as columns.
fn more<'a>(table: &'a Table, gather: &Gather) -> Vec<(usize, &'a str)> {
    const TAKEN: [&str; 4] = ["categories", "product_type", "name", "visibility"];
    let columns = table.header.iter().enumerate().map(|(at, name)| (at, name.as_str()));
    let public = |name: &str| !TAKEN.contains(&name) && (gather.is_public(name) || matches!(name, "manufacturer"));
    columns.filter(|(_, name)| public(name)).collect()
}

fn attributes(row: &Row, columns: &Columns, attributes: &mut Attributes, gather: &Gather) {
    let own = columns.more.iter().map(|(at, name)| (name.to_string(), row.get(Some(*at)).to_string()));
    let pairs = pairs(columns.get(row, &["additional attributes"]));
    for (code, value) in pairs.into_iter().chain(own) {
        let public = gather.is_public(&code) || code == "manufacturer" || is_usual_group(&code);
        if !public || matches!(value.as_str(), "" | "Yes" | "No") {
            continue;
        }
        let list = matches!(code.as_str(), "color" | "size");
        value.split('|').for_each(|value| attributes.add(&attribute_name(&code, &columns.labels), value, list));
    }
}

/// Attributes that a shop has divided by kinds of products, as `style_bottom`.
fn is_usual_group(code: &str) -> bool {
    code.rsplit_once('_').is_some_and(|(stem, _)| matches!(stem, "style" | "pattern" | "material" | "color" | "size"))
}

fn variant(row: &Row, columns: &Columns, marks: Marks, gather: &Gather) -> Variant {
    let get = |names: &[&str]| columns.get(row, names);
    let currency = gather.options.currency;
    let (from, to) =
        (get(&["special price from date", "special from date"]), get(&["special price to date", "special to date"]));
    let sale = marks.price(get(&["special price"]), currency).filter(|_| dates::is_on(gather.options.now, from, to));
    let managed = get(&["manage stock"]) != "0" || stock::is_yes(get(&["use config manage stock"])) == Some(true);
    let later = !matches!(get(&["allow backorders"]), "" | "0") && get(&["use config backorders"]) != "1";
    let counted = stock::count(get(&["qty"])).filter(|_| get(&["product type"]) != "configurable");
    let enough = counted.is_none_or(|count| count > 0.0) || later || !managed;
    let flag = stock::is_yes(get(&["is in stock"]));
    let sku = get(&["sku"]);
    Variant {
        sku: Some(sku.to_string()).filter(|sku| !sku.is_empty()),
        orderable: if managed { flag != Some(false) && enough } else { true },
        backorder: later && counted.is_some_and(|count| count <= 0.0),
        offer: Offer::with_sale(marks.price(get(&["price"]), currency), sale),
        photo: photos(row, columns).into_iter().next(),
        ..Variant::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_keep_commas_within_values() {
        let read = |text: &str| pairs(text).into_iter().map(|(n, v)| format!("{n}:{v}")).collect::<Vec<_>>().join(";");
        assert_eq!(read("color=Red,size=M"), "color:Red;size:M");
        assert_eq!(read("care=Wash cold, dry flat,color=Red|Blue"), "care:Wash cold, dry flat;color:Red|Blue");
        assert_eq!(read("care=\"a,b=c\",color=\"Red\""), "care:a,b=c;color:Red");
        assert_eq!(read(""), "");
    }
}
