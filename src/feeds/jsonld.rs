//! Data of schema.org: `Product` and `ProductGroup` in JSON or in the pages of a shop. Pages write it in every shape that the
//! vocabulary allows, and with the faults of hand-written JSON.

use super::address;
use super::gather::{Draft, Gather};
use super::html;
use super::model::{Attributes, Offer, Variant};
use super::money::Marks;
use super::stock;
use iso_currency::Currency;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use url::Url;

/// The type of scripts that hold it.
pub const SCRIPT: &str = "application/ld+json";

/// Reads a page.
pub fn read_page(text: &str, gather: &mut Gather) {
    let page = html::page(text, SCRIPT);
    if gather.base.is_none() {
        gather.base = page.address.as_deref().and_then(|address| Url::parse(address).ok());
    }
    let mut documents = Vec::new();
    for (line, script) in &page.scripts {
        match parse(script) {
            Ok(value) => documents.push(value),
            Err(problem) => gather.warn(format!("line {line}: data that is no JSON: {problem}")),
        }
    }
    read(&documents, gather);
}

/// JSON as pages hold it: with remarks, commas too many, and line breaks in text.
pub fn parse(text: &str) -> Result<Value, String> {
    let text = text.trim().trim_start_matches("<!--").trim_end_matches("-->").trim();
    let text = text.trim_start_matches("//<![CDATA[").trim_start_matches("<![CDATA[");
    let text = text.trim_end_matches("//]]>").trim_end_matches("]]>").trim().trim_end_matches(';');
    serde_json::from_str(text).or_else(|_| json5::from_str(&without_breaks(text))).map_err(|error| error.to_string())
}

/// Line breaks and tabs within quotes as blanks.
fn without_breaks(text: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let each = |c: char| {
        let inside = quoted;
        if !escaped && c == '"' {
            quoted = !quoted;
        }
        // a remark may hold a quote, and ends with its line
        escaped = inside && !escaped && c == '\\';
        if inside && c.is_control() { ' ' } else { c }
    };
    text.chars().map(each).collect()
}

/// All nodes of a file, those that are named by their `@id`.
struct Nodes<'a> {
    by_id: HashMap<&'a str, &'a Value>,
}

/// Reads documents.
pub fn read(documents: &[Value], gather: &mut Gather) {
    let (mut found, mut by_id) = (Vec::new(), HashMap::new());
    for document in documents {
        collect(document, &mut found, &mut by_id);
    }
    let nodes = Nodes { by_id };
    let products = nodes.grouped(&found);
    let texts: Vec<String> = products.iter().flat_map(|product| nodes.price_texts(product)).collect();
    let marks = Marks::of(texts.iter().map(String::as_str));
    for (row, product) in products.iter().enumerate() {
        let draft = nodes.draft(product, row + 1, marks, gather);
        gather.push(draft);
    }
}

/// An offer, and what gathers several: the same, where nothing does.
#[derive(Clone, Copy)]
struct Of<'a> {
    offer: &'a Value,
    all: &'a Value,
}

/// A product with the nodes of its variants.
struct Group<'a> {
    /// The group's node, or the product's.
    node: &'a Value,
    /// Nodes of variants; none for a product without.
    variants: Vec<&'a Value>,
    /// What stands for the group where only its variants are in the file.
    parent: Option<&'a Value>,
}

/// Finds products, in the order of the file, and every node that has an `@id`. Products that are only named as similar ones
/// or as variants are none of their own.
fn collect<'a>(value: &'a Value, found: &mut Vec<&'a Value>, by_id: &mut HashMap<&'a str, &'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found, by_id)),
        Value::Object(object) => {
            if let Some(id) = value["@id"].as_str().filter(|_| object.len() > 1) {
                by_id.entry(id).or_insert(value);
            }
            let product = is_product(value);
            if product {
                found.push(value);
            }
            let mut within = Vec::new();
            object.values().for_each(|value| collect(value, &mut within, by_id));
            if !product {
                found.append(&mut within);
            }
        }
        _ => {}
    }
}

/// The types of a node, without the vocabulary's address.
fn types(node: &Value) -> Vec<&str> {
    let all = match &node["@type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect::<Vec<_>>(),
    };
    all.into_iter().map(word).collect()
}

/// The last part of an address of the vocabulary: `https://schema.org/Female` is `Female`.
fn word(text: &str) -> &str {
    match text.contains("schema.org/") || text.starts_with("schema:") {
        true => text.rsplit(['/', ':', '#']).next().unwrap_or(text),
        false => text,
    }
}

fn is_product(node: &Value) -> bool {
    types(node).iter().any(|kind| matches!(*kind, "Product" | "ProductGroup" | "IndividualProduct" | "ProductModel"))
}

fn is_group(node: &Value) -> bool {
    types(node).contains(&"ProductGroup")
}

/// Values of a field: one, or those of a list.
fn several(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(several).collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// Text of a field: text, a number, or the name or value of an object.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_string(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.first().map(text).unwrap_or_default(),
        Value::Object(object) => {
            let names = ["@value", "name", "value", "title"];
            names.iter().find_map(|name| object.get(*name)).map(text).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The first of these fields that has text.
fn first(node: &Value, names: &[&str]) -> String {
    names.iter().map(|name| text(&node[*name])).find(|text| !text.is_empty()).unwrap_or_default()
}

impl<'a> Nodes<'a> {
    /// A node itself, where another only names its `@id`.
    fn node(&self, value: &'a Value) -> &'a Value {
        let alone = value.as_object().is_some_and(|object| object.len() == 1);
        let id = value["@id"].as_str().or(value.as_str()).filter(|_| alone || value.is_string());
        id.and_then(|id| self.by_id.get(id).copied()).unwrap_or(value)
    }

    /// Products with their variants, whichever of the two names the other.
    fn grouped(&self, found: &[&'a Value]) -> Vec<Group<'a>> {
        let mut groups: Vec<Group> = Vec::new();
        let mut taken: HashSet<*const Value> = HashSet::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for &node in found.iter().filter(|node| is_group(node) || !node["hasVariant"].is_null()) {
            let variants: Vec<&Value> = several(&node["hasVariant"]).into_iter().map(|one| self.node(one)).collect();
            taken.extend(variants.iter().map(|one| *one as *const Value));
            for name in [first(node, &["productGroupID"]), text(&node["@id"])] {
                places.entry(name).or_insert(groups.len());
            }
            groups.push(Group { node, variants, parent: None });
            taken.insert(node);
        }
        let order = |node: &Value| found.iter().position(|one| std::ptr::eq(*one, node));
        for &node in found {
            if !taken.insert(node) {
                continue;
            }
            let parent = several(&node["isVariantOf"]).first().map(|parent| (self.node(parent), text(&parent["@id"])));
            let named = first(node, &["inProductGroupWithID"]);
            let keys = [
                parent.as_ref().map(|(p, _)| first(p, &["productGroupID", "name"])),
                parent.as_ref().map(|p| p.1.clone()),
                Some(named),
            ];
            let keys: Vec<String> = keys.into_iter().flatten().filter(|key| !key.is_empty()).collect();
            if let Some(&at) = keys.iter().find_map(|key| places.get(key)) {
                groups[at].variants.push(node);
                continue;
            }
            places.extend(keys.iter().map(|key| (key.clone(), groups.len())));
            let variants = if keys.is_empty() { Vec::new() } else { vec![node] };
            groups.push(Group { node, variants, parent: parent.map(|(parent, _)| parent) });
        }
        groups.sort_by_key(|group| order(group.node));
        groups
    }

    fn draft(&self, product: &Group<'a>, row: usize, marks: Marks, gather: &Gather) -> Draft {
        let node = product.node;
        let about: Vec<&Value> = product.parent.into_iter().chain([node]).collect();
        let of = |names: &[&str]| {
            about.iter().map(|node| first(node, names)).find(|text| !text.is_empty()).unwrap_or_default()
        };
        let mut draft =
            Draft { row, title: of(&["name", "title"]), description: of(&["description"]), ..Draft::default() };
        draft.id = id(&about);
        draft.link = of(&["url"]);
        if draft.link.is_empty() {
            draft.link =
                several(&node["offers"]).first().map(|offer| text(&self.node(offer)["url"])).unwrap_or_default();
        }
        for node in about.iter().copied().chain(product.variants.iter().copied()) {
            self.attributes(node, &mut draft.attributes, gather);
        }
        about.iter().for_each(|node| draft.photos.extend(self.photos(node)));
        match product.variants.is_empty() {
            true => draft.variants = self.offered(node, marks, &mut draft.attributes, gather),
            false => {
                for &variant in &product.variants {
                    draft.photos.extend(self.photos(variant));
                    draft.variants.push(self.variant(variant, node, marks, gather));
                }
            }
        }
        draft
    }

    /// Addresses of a node's photos.
    fn photos(&self, node: &'a Value) -> Vec<String> {
        let images = several(&node["image"]).into_iter().map(|image| self.node(image));
        let addresses = images.flat_map(|image| match image {
            Value::String(text) => vec![text.clone()],
            image => address::of_json(image),
        });
        addresses.filter(|address| !address.starts_with('#')).collect()
    }

    fn attributes(&self, node: &Value, attributes: &mut Attributes, gather: &Gather) {
        let node = self.by_id.get(node["@id"].as_str().unwrap_or_default()).copied().unwrap_or(node);
        for name in ["brand", "material", "pattern"] {
            several(&node[name]).iter().for_each(|value| {
                attributes.add(
                    name,
                    &text(self.by_id.get(value["@id"].as_str().unwrap_or_default()).unwrap_or(value)),
                    false,
                );
            });
        }
        for (name, sign) in [("color", '/'), ("size", '\0')] {
            let values = several(&node[name]).into_iter().map(text).collect::<Vec<_>>();
            attributes.add_all(name, values.iter().flat_map(|value| value.split(sign)).map(word));
        }
        let audience = &node["audience"];
        for (name, fields) in [("gender", ["suggestedGender", "gender"]), ("age group", ["suggestedAge", "ageGroup"])] {
            several(audience).iter().for_each(|audience| {
                let value = first(audience, &fields);
                let short = word(&value);
                // words of the vocabulary are written small, as feeds write them
                let value = if short == value { value.clone() } else { short.to_lowercase() };
                attributes.add(name, &value, false);
            });
        }
        for category in several(&node["category"]).into_iter().map(text).filter(|path| !path.starts_with("http")) {
            let path = html::text(&category);
            attributes.add("category", path.rsplit(['>', '›', '»']).next().unwrap_or_default(), false);
        }
        for property in several(&node["additionalProperty"]) {
            let name = first(property, &["name"]);
            if gather.is_public(&name) {
                attributes.add(&name, &text(&property["value"]), false);
            }
        }
    }

    /// The variants of a product that knows none by name: its offers, if they tell what each is of; else itself.
    fn offered(&self, node: &'a Value, marks: Marks, attributes: &mut Attributes, gather: &Gather) -> Vec<Variant> {
        let offers = self.offers(node);
        let items: Vec<Option<&Value>> =
            offers.iter().map(|of| several(&of.offer["itemOffered"]).first().map(|item| self.node(item))).collect();
        let named = |offer: &Value, item: Option<&Value>| {
            item.map(|item| first(item, &["sku", "name"])).unwrap_or_else(|| first(offer, &["sku", "name"]))
        };
        let names: HashSet<String> = offers.iter().zip(&items).map(|(of, item)| named(of.offer, *item)).collect();
        if offers.len() < 2 || names.len() < offers.len() {
            return vec![self.variant(node, &Value::Null, marks, gather)];
        }
        let mut variants = Vec::new();
        for (of, item) in offers.iter().zip(items) {
            let item = item.unwrap_or(of.offer);
            self.attributes(item, attributes, gather);
            let mut variant = self.of_offers(&[*of], marks, gather);
            variant.sku = Some(first(item, &["sku", "mpn"])).filter(|sku| !sku.is_empty());
            variant.options = options(item);
            variant.photo = self.photos(item).into_iter().next();
            variants.push(variant);
        }
        variants
    }

    fn variant(&self, node: &'a Value, group: &'a Value, marks: Marks, gather: &Gather) -> Variant {
        let own = self.offers(node);
        let offers = if own.is_empty() { self.offers(group) } else { own };
        let mut variant = self.of_offers(&offers, marks, gather);
        variant.sku = Some(first(node, &["sku", "productID", "mpn"])).filter(|sku| !sku.is_empty());
        variant.options = options(node);
        variant.photo = if group.is_null() { None } else { self.photos(node).into_iter().next() };
        let link = Some(text(&node["url"])).filter(|link| !link.is_empty());
        variant.link = variant.link.or(link);
        variant
    }

    /// Offers of a node, each with what gathers it. What gathers several counts only where it does not list them.
    fn offers(&self, node: &'a Value) -> Vec<Of<'a>> {
        let own = several(&node["offers"]).into_iter().map(|offer| self.node(offer));
        own.flat_map(|all| {
            let within = several(&all["offers"]).into_iter().map(|offer| Of { offer: self.node(offer), all });
            let within: Vec<Of> = within.collect();
            if within.is_empty() { vec![Of { offer: all, all }] } else { within }
        })
        .collect()
    }

    /// One variant with the best of these offers.
    fn of_offers(&self, offers: &[Of<'a>], marks: Marks, gather: &Gather) -> Variant {
        let word = |of: &Of| {
            Some(text(&of.offer["availability"])).filter(|w| !w.is_empty()).unwrap_or(text(&of.all["availability"]))
        };
        let orderable = |of: &Of| stock::can_be_ordered(&word(of)).unwrap_or(true);
        let any = offers.iter().any(orderable);
        let counted = offers.iter().filter(|of| !any || orderable(of));
        let prices: Vec<Offer> = counted.filter_map(|of| price(*of, marks, gather.options.currency)).collect();
        let most = prices.iter().map(|offer| offer.to.unwrap_or(offer.now)).max();
        let cheapest = prices.iter().min_by_key(|offer| offer.now);
        let offer = cheapest.map(|best| Offer { to: most.filter(|most| *most > best.now), ..*best });
        let link = offers.first().map(|of| text(&of.offer["url"])).filter(|link| !link.is_empty());
        let backorder = offers.iter().any(|of| word(of).contains("BackOrder"));
        Variant { orderable: any || offers.is_empty(), backorder, offer, link, ..Variant::default() }
    }

    /// Every price of a product as text, to learn how decimals are marked.
    fn price_texts(&self, product: &Group<'a>) -> Vec<String> {
        let nodes = [product.node].into_iter().chain(product.variants.iter().copied());
        let offers = nodes.flat_map(|node| self.offers(node));
        let values = offers.flat_map(|of| ["price", "lowPrice", "highPrice"].map(|name| &of.offer[name]));
        values.filter_map(Value::as_str).map(str::to_string).collect()
    }
}

fn id(about: &[&Value]) -> String {
    let names = [
        "productGroupID",
        "sku",
        "productID",
        "mpn",
        "gtin13",
        "gtin",
        "gtin12",
        "gtin14",
        "gtin8",
        "identifier",
        "url",
        "@id",
    ];
    names
        .iter()
        .flat_map(|name| about.iter().map(|node| text(&node[*name])))
        .find(|id| !id.is_empty())
        .unwrap_or_default()
}

fn options(node: &Value) -> Vec<String> {
    ["color", "size"].iter().map(|name| text(&node[*name])).filter(|text| !text.is_empty()).collect()
}

/// The price of one offer: its own, that of its specifications, or the range of several.
fn price(Of { offer, all }: Of, marks: Marks, otherwise: Option<Currency>) -> Option<Offer> {
    let named = |node: &Value| super::money::currency(&text(&node["priceCurrency"]));
    let currency = named(offer).or(named(all)).or(otherwise);
    let read = |value: &Value, currency: Option<Currency>| match value {
        // a number of JSON is written in one way
        Value::Number(number) => {
            number.to_string().parse::<Decimal>().ok().filter(|n| *n > Decimal::ZERO).map(|n| (n, currency))
        }
        value => marks.price(&text(value), currency),
    };
    let mut now = read(&offer["price"], currency).or_else(|| read(&offer["lowPrice"], currency));
    let to = read(&offer["highPrice"], currency).map(|(to, _)| to);
    let mut was = None;
    for part in several(&offer["priceSpecification"]) {
        let found = read(&part["price"], named(part).or(currency));
        let kind = text(&part["priceType"]);
        match word(&kind) {
            _ if !part["validForMemberTier"].is_null() => {}
            "ListPrice" | "StrikethroughPrice" | "MSRP" | "SRP" | "RegularPrice" => was = found.map(|(was, _)| was),
            "SalePrice" => now = found.or(now),
            _ => now = now.or(found),
        }
    }
    let (now, currency) = now.or_else(|| Some((was.take()?, currency)))?;
    let offer = Offer::new((now, currency.or(otherwise)), was);
    Some(Offer { to: to.filter(|to| *to > now), ..offer })
}
