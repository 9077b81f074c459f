//! Shopify's product CSV: a row a variant or photo, rows of one product have one handle. Headers changed in 2024
//! (`Variant Price` is now `Price`); both are read.

use super::address;
use super::gather::{Draft, Gather};
use super::html;
use super::model::{Offer, Variant};
use super::money::Marks;
use super::names::plain;
use super::stock;
use super::table::{Row, Table};
use crate::error::Reason;
use std::collections::HashMap;

const OPTIONS: [(&str, &str); 3] =
    [("option1 name", "option1 value"), ("option2 name", "option2 value"), ("option3 name", "option3 value")];

/// Whether a table is one.
pub fn is_one(table: &Table) -> bool {
    let rest = ["option1 name", "option1 value", "variant price", "image src", "body html", "variant sku"];
    (table.has(&["handle"]) && table.has(&rest)) || table.has(&["url handle"])
}

/// Positions of the columns.
struct Columns {
    handle: Option<usize>,
    title: Option<usize>,
    description: Option<usize>,
    link: Option<usize>,
    published: Option<usize>,
    status: Option<usize>,
    sku: Option<usize>,
    tracker: Option<usize>,
    quantity: Option<usize>,
    policy: Option<usize>,
    price: Option<usize>,
    compare: Option<usize>,
    image: Option<usize>,
    position: Option<usize>,
    variant_image: Option<usize>,
    tags: Option<usize>,
    /// Attributes by name, of which the first column that has a value counts.
    single: Vec<(&'static str, Vec<Option<usize>>)>,
    options: Vec<(Option<usize>, Option<usize>)>,
    metafields: Vec<(usize, String)>,
}

impl Columns {
    fn of(table: &Table, gather: &Gather) -> Self {
        let column = |names: &[&str]| table.column(names);
        let single = [
            ("brand", vec![column(&["vendor"])]),
            ("type", vec![column(&["type", "custom product type"])]),
            (
                "category",
                vec![
                    column(&["product category", "standardized product type"]),
                    column(&["google shopping google product category", "google shopping product category"]),
                ],
            ),
            ("gender", vec![column(&["google shopping gender"])]),
            ("age group", vec![column(&["google shopping age group"])]),
        ];
        Self {
            handle: column(&["handle", "url handle"]),
            title: column(&["title"]),
            description: column(&["body html", "body", "description"]),
            link: column(&["url", "online store url"]),
            published: column(&["published", "published on online store"]),
            status: column(&["status"]),
            sku: column(&["variant sku", "sku"]),
            tracker: column(&["variant inventory tracker", "inventory tracker"]),
            quantity: column(&["variant inventory qty", "inventory quantity", "total inventory qty"]),
            policy: column(&["variant inventory policy", "continue selling when out of stock"]),
            price: column(&["variant price", "price"]),
            compare: column(&["variant compare at price", "compare at price"]),
            image: column(&["image src", "product image url", "image source"]),
            position: column(&["image position"]),
            variant_image: column(&["variant image", "variant image url"]),
            tags: column(&["tags"]),
            single: single.into_iter().collect(),
            options: OPTIONS.iter().map(|(name, value)| (column(&[*name]), column(&[*value]))).collect(),
            metafields: metafields(table, gather),
        }
    }

    /// Whether a row tells of a variant.
    fn is_variant(&self, row: &Row) -> bool {
        let fields = [self.sku, self.price].into_iter().chain(self.options.iter().map(|(_, value)| *value));
        fields.into_iter().any(|column| !row.get(column).is_empty())
    }
}

/// Columns of metafields that visitors may see, such as `Fabric (product.metafields.shopify.fabric)`, and their names.
/// Those of Shopify's own categories are for visitors; what others hold is decided by name.
fn metafields(table: &Table, gather: &Gather) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, header) in table.header.iter().enumerate() {
        let Some((name, rest)) = header.split_once("(product.metafields.") else { continue };
        let (space, key) = rest.trim_end_matches(')').split_once('.').unwrap_or((rest, ""));
        let name = match key {
            "gender" | "target-gender" => "gender",
            "age_group" | "age-group" => "age group",
            _ => name.trim().trim_start_matches("Google:").trim(),
        };
        let public = space == "shopify" || gather.is_public(name) || gather.is_public(key);
        found.extend(public.then(|| (at, name.to_string())));
    }
    found
}

/// A product whose rows are still coming.
#[derive(Default)]
struct Open {
    draft: Draft,
    /// Photos with their positions.
    photos: Vec<(u32, String)>,
    option_names: Vec<String>,
}

/// Reads the table.
pub fn read(table: &Table, gather: &mut Gather) {
    let columns = Columns::of(table, gather);
    gather.base = gather.options.shop.clone();
    let prices = [columns.price, columns.compare];
    let marks = Marks::of(table.rows.iter().flat_map(|row| prices.map(|column| row.get(column))));
    let (mut open, mut places): (Vec<Open>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    for row in &table.rows {
        let Some(handle) = handle(row, &columns, &places, gather) else { continue };
        let at = *places.entry(handle.clone()).or_insert_with(|| {
            open.push(Open::default());
            open.len() - 1
        });
        let first = open[at].draft.row == 0;
        if first {
            open[at] = start(row, &columns, handle, gather);
        }
        add(&mut open[at], row, &columns, first, marks, gather);
    }
    gather.leave_out_ragged(table);
    for mut product in open {
        product.photos.sort_by_key(|(position, _)| *position);
        product.draft.photos = product.photos.into_iter().map(|(_, photo)| photo).collect();
        gather.push(product.draft);
    }
}

/// The handle of a row; one is made of the title where there is none, as Shopify does. A remark in the table has none.
fn handle(row: &Row, columns: &Columns, places: &HashMap<String, usize>, gather: &mut Gather) -> Option<String> {
    let handle = row.get(columns.handle);
    let filled = row.cells().filter(|cell| !cell.is_empty()).count();
    if filled == 1 && !places.contains_key(handle) {
        let text = row.cells().find(|cell| !cell.is_empty()).unwrap_or_default().to_string();
        gather.warn(format!("line with \"{text}\" passed over"));
        return None;
    }
    if !handle.is_empty() {
        return Some(handle.to_string());
    }
    let words = row.get(columns.title).to_lowercase();
    let words: Vec<&str> = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        gather.leave_out(Reason::RowWithoutId, "", row.number, format!("no id (row {})", row.number));
        return None;
    }
    Some(words.join("-"))
}

fn start(row: &Row, columns: &Columns, handle: String, gather: &Gather) -> Open {
    let mut hidden = Vec::new();
    let status = row.get(columns.status).to_lowercase();
    if !status.is_empty() && status != "active" {
        hidden.push(status);
    }
    if stock::is_yes(row.get(columns.published)) == Some(false) {
        hidden.push("not published".into());
    }
    let mut link = row.get(columns.link).to_string();
    if link.is_empty() && gather.base.is_some() {
        link = format!("/products/{handle}");
    }
    let mut draft = Draft { id: handle, row: row.number, link, hidden, ..Draft::default() };
    draft.title = row.get(columns.title).to_string();
    draft.description = row.get(columns.description).to_string();
    for (name, columns) in &columns.single {
        let value = columns.iter().map(|column| row.get(*column)).find(|value| !value.is_empty()).unwrap_or_default();
        let value = html::text(value);
        let value = value.rsplit('>').next().unwrap_or_default();
        // a number stands for a category of Google's list
        if !(*name == "category" && value.trim().parse::<u32>().is_ok()) {
            draft.attributes.add(name, value, false);
        }
    }
    draft.attributes.add_all("tags", row.get(columns.tags).split(','));
    Open { draft, ..Open::default() }
}

/// Adds what a row tells of a variant and of photos.
fn add(open: &mut Open, row: &Row, columns: &Columns, first: bool, marks: Marks, gather: &Gather) {
    for (at, (name, _)) in columns.options.iter().enumerate() {
        let name = row.get(*name);
        if open.option_names.len() <= at {
            open.option_names.push(name.to_string());
        } else if open.option_names[at].is_empty() {
            open.option_names[at] = name.to_string();
        }
    }
    if first || columns.is_variant(row) {
        let variant = variant(row, columns, marks, gather);
        for (name, (_, value)) in open.option_names.iter().zip(&columns.options) {
            let value = row.get(*value);
            // the one option of a product without options
            if value != "Default Title" {
                open.draft.attributes.add(name, value, true);
            }
        }
        open.draft.variants.push(variant);
    }
    let position = row.get(columns.position).parse().unwrap_or(u32::MAX);
    open.photos.extend(address::list(row.get(columns.image)).into_iter().map(|photo| (position, photo)));
    for (at, name) in &columns.metafields {
        let text = row.get(Some(*at));
        let is_option = open.option_names.iter().any(|option| plain(option) == plain(name));
        let known = is_option || (first && open.draft.attributes.has(name));
        if !text.is_empty() && !known {
            open.draft.attributes.add_all(name, list(text).iter().map(String::as_str));
        }
    }
}

fn variant(row: &Row, columns: &Columns, marks: Marks, gather: &Gather) -> Variant {
    let currency = gather.options.currency;
    let price = marks.price(row.get(columns.price), currency);
    let before = marks.price(row.get(columns.compare), currency).map(|(before, _)| before);
    let quantity = stock::count(row.get(columns.quantity));
    let tracked = !row.get(columns.tracker).is_empty();
    let goes_on = stock::is_yes(row.get(columns.policy)) == Some(true);
    let text = |column| Some(row.get(column).to_string()).filter(|text| !text.is_empty());
    let options = columns.options.iter().map(|(_, value)| row.get(*value));
    Variant {
        sku: text(columns.sku),
        options: options.filter(|value| !matches!(*value, "" | "Default Title")).map(str::to_string).collect(),
        orderable: !tracked || goes_on || quantity.is_none_or(|quantity| quantity > 0.0),
        backorder: false,
        offer: price.map(|price| Offer::new(price, before)),
        photo: text(columns.variant_image),
        link: None,
    }
}

/// Values of a metafield: a list in JSON, or with semicolons between them.
fn list(text: &str) -> Vec<String> {
    let json: Option<Vec<String>> = serde_json::from_str(text).ok();
    let values = json.unwrap_or_else(|| text.split(';').map(|value| value.trim().to_string()).collect());
    // a reference to a record of the shop says nothing to visitors
    values.into_iter().filter(|value| !value.starts_with("gid://")).collect()
}
