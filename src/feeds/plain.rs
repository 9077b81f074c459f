//! Tables and lines of JSON that no shop system made: columns are found by their names, in the languages of the shops.

use super::address;
use super::gather::{Draft, Gather};
use super::html;
use super::model::{Attributes, Offer, Variant};
use super::money::{self, Marks};
use super::names::plain;
use super::record::{Name, Record};
use super::stock;
use crate::error::Reason;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::LazyLock;

const IDS: [&str; 25] = [
    "id",
    "product id",
    "item id",
    "sku",
    "asin",
    "article number",
    "article",
    "artikelnummer",
    "artikel nr",
    "artikelnr",
    "art nr",
    "product code",
    "code",
    "handle",
    "reference",
    "référence",
    "réf",
    "referencia",
    "riferimento",
    "codice",
    "código",
    "codigo",
    "produktnummer",
    "image",
    "photo",
];
const TITLES: [&str; 15] = [
    "title",
    "name",
    "product name",
    "product title",
    "productDisplayName",
    "item name",
    "label",
    "titel",
    "bezeichnung",
    "produktname",
    "artikelname",
    "titre",
    "nom",
    "nombre",
    "título",
];
const MORE_TITLES: [&str; 5] = ["titulo", "titolo", "nome", "naam", "artikelbezeichnung"];
const DESCRIPTIONS: [&str; 12] = [
    "description",
    "body",
    "body html",
    "long description",
    "short description",
    "beschreibung",
    "kurzbeschreibung",
    "descripción",
    "descripcion",
    "descrizione",
    "omschrijving",
    "descrição",
];
const LINKS: [&str; 12] = [
    "link",
    "url",
    "href",
    "product url",
    "product link",
    "permalink",
    "deeplink",
    "produkt url",
    "produktlink",
    "lien",
    "enlace",
    "web address",
];
const PHOTOS: [&str; 25] = [
    "image link",
    "image url",
    "image src",
    "image",
    "images",
    "main image",
    "photo",
    "photos",
    "photo url",
    "picture",
    "pictures",
    "picture url",
    "img",
    "img url",
    "media",
    "bild",
    "bilder",
    "bild url",
    "foto",
    "fotos",
    "imagen",
    "imágenes",
    "immagine",
    "immagini",
    "afbeelding",
];
const MORE_PHOTOS: [&str; 6] = [
    "additional image link",
    "additional images",
    "additional image",
    "additional image urls",
    "gallery",
    "weitere bilder",
];
const PRICES: [&str; 12] = [
    "price",
    "preis",
    "prix",
    "precio",
    "prezzo",
    "prijs",
    "preço",
    "cena",
    "current price",
    "price value",
    "price amount",
    "vk",
];
const SALES: [&str; 10] = [
    "sale price",
    "special price",
    "discounted price",
    "discount price",
    "offer price",
    "angebotspreis",
    "aktionspreis",
    "prix promo",
    "precio oferta",
    "prezzo scontato",
];
const BEFORE: [&str; 15] = [
    "compare at price",
    "list price",
    "regular price",
    "original price",
    "old price",
    "price before",
    "was price",
    "rrp",
    "msrp",
    "uvp",
    "streichpreis",
    "alter preis",
    "prix barré",
    "precio anterior",
    "prezzo pieno",
];
const CURRENCIES: [&str; 8] =
    ["currency", "price currency", "currency code", "währung", "waehrung", "devise", "moneda", "valuta"];
const STOCK: [&str; 16] = [
    "availability",
    "in stock",
    "available",
    "stock status",
    "verfügbarkeit",
    "lieferbar",
    "disponibilité",
    "disponibilidad",
    "disponibilità",
    "stock",
    "stock count",
    "qty",
    "quantity",
    "inventory",
    "bestand",
    "lagerbestand",
];
const GROUPS: [&str; 8] =
    ["item group id", "parent id", "parent sku", "group id", "product group id", "parent", "style id", "master id"];
const STATES: [&str; 8] = ["status", "published", "active", "visible", "visibility", "enabled", "online", "aktiv"];
const SKUS: [&str; 4] = ["variant sku", "sku", "variant id", "size sku"];

/// Names of columns that are more than attributes.
struct Known {
    photos: HashSet<String>,
    more_photos: HashSet<String>,
    states: HashSet<String>,
    taken: HashSet<String>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let set = |lists: &[&[&str]]| lists.iter().copied().flatten().map(|name| plain(name)).collect();
    Known {
        photos: set(&[&PHOTOS, &MORE_PHOTOS]),
        more_photos: set(&[&MORE_PHOTOS]),
        states: set(&[&STATES]),
        taken: set(&[
            &TITLES,
            &MORE_TITLES,
            &DESCRIPTIONS,
            &LINKS,
            &PHOTOS,
            &MORE_PHOTOS,
            &PRICES,
            &SALES,
            &BEFORE,
            &CURRENCIES,
            &STOCK,
            &STATES,
            &GROUPS,
        ]),
    }
});

/// Whether the names of a table's columns or of an object's fields tell of products.
pub fn is_one(records: &[Record]) -> bool {
    let has = |names: &[&str]| records.iter().take(20).any(|record| !record.get(names).is_empty());
    has(&IDS)
}

/// Reads records.
pub fn read(records: &[Record], gather: &mut Gather) -> Result<(), String> {
    let Some(id) = IDS.iter().copied().find(|name| records.iter().any(|record| !record.get(&[*name]).is_empty()))
    else {
        let names: Vec<&str> =
            records.first().into_iter().flat_map(|r| r.iter().map(|(name, _)| name.written.as_str())).collect();
        return Err(format!("expected a column of ids (id, sku …), got {}; rename it", names.join(", ")));
    };
    let prices = [&PRICES[..], &SALES, &BEFORE].concat();
    let marks = Marks::of(records.iter().flat_map(|record| record.all(&prices)));
    let (mut drafts, mut places): (Vec<Draft>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    let mut ids = HashSet::new();
    for record in records {
        let (own, row) = (id_of(record, id), record.row);
        if own.is_empty() {
            gather.leave_out(Reason::RowWithoutId, "", row, format!("no id (row {row})"));
            continue;
        }
        if !ids.insert(own.clone()) {
            gather.leave_out(
                Reason::DuplicateRow,
                &own,
                row,
                format!("second row of that id (row {row}): the first is kept"),
            );
            continue;
        }
        let group = Some(record.get(&GROUPS)).filter(|group| !group.is_empty() && *group != own);
        let group = group.map_or(own.clone(), str::to_string);
        let at = *places.entry(group.clone()).or_insert_with(|| {
            drafts.push(Draft { id: group, row, ..Draft::default() });
            drafts.len() - 1
        });
        add(&mut drafts[at], record, own, (id, marks), gather);
    }
    drafts.into_iter().for_each(|draft| gather.push(draft));
    Ok(())
}

/// An id; where it is the name of a photo's file, without the ending.
fn id_of(record: &Record, column: &str) -> String {
    let id = record.get(&[column]);
    match matches!(column, "image" | "photo") {
        true => address::name(id).rsplit_once('.').map_or(id.to_string(), |(stem, _)| stem.to_string()),
        false => id.to_string(),
    }
}

/// Adds a record to its product. One that is hidden adds nothing but the reason.
fn add(draft: &mut Draft, record: &Record, id: String, (column, marks): (&str, Marks), gather: &Gather) {
    if let Some(reason) = hidden(record) {
        if draft.variants.is_empty() && !draft.hidden.contains(&reason) {
            draft.hidden.push(reason);
        }
        return;
    }
    draft.hidden.clear();
    let fill = |text: &mut String, names: &[&str]| {
        if text.is_empty() {
            *text = record.get(names).to_string();
        }
    };
    fill(&mut draft.title, &TITLES);
    fill(&mut draft.title, &MORE_TITLES);
    fill(&mut draft.description, &DESCRIPTIONS);
    fill(&mut draft.link, &LINKS);
    let photos = photos(record, &id, gather);
    let photo = photos.first().cloned();
    draft.photos.extend(photos);
    attributes(record, column, &mut draft.attributes, gather);
    let named = |names: &[&str]| Some(record.get(names).to_string()).filter(|text| !text.is_empty());
    let (stock, backorder) = stock(record);
    draft.variants.push(Variant {
        sku: named(&SKUS).or(Some(id)),
        options: ["color", "colour", "farbe", "size", "größe"].iter().filter_map(|name| named(&[*name])).collect(),
        orderable: stock,
        backorder,
        offer: offer(record, marks, gather),
        photo,
        link: named(&LINKS),
    });
}

fn hidden(record: &Record) -> Option<String> {
    record.iter().filter(|(name, _)| KNOWN.states.contains(&name.plain)).find_map(|(name, value)| {
        let value = value.to_lowercase();
        let hidden = matches!(
            value.as_str(),
            "0" | "false"
                | "no"
                | "nein"
                | "draft"
                | "archived"
                | "inactive"
                | "hidden"
                | "disabled"
                | "private"
                | "unpublished"
        );
        hidden.then(|| match value.chars().count() > 5 || value == "draft" {
            true => value,
            false => format!("{} is {value}", name.written),
        })
    })
}

/// Photos by their columns, counted ones such as `image2` too; else files that are named like the id.
fn photos(record: &Record, id: &str, gather: &Gather) -> Vec<String> {
    let stem = |name: &Name| name.plain.trim_end_matches(|c: char| c.is_ascii_digit()).to_string();
    let (first, more): (Vec<_>, Vec<_>) = record
        .iter()
        .filter(|(name, _)| KNOWN.photos.contains(&stem(name)))
        .partition(|(name, _)| !KNOWN.more_photos.contains(&stem(name)));
    let found: Vec<String> = first.into_iter().chain(more).flat_map(|(_, value)| address::list(value)).collect();
    // a name without an ending is no file
    match found.iter().any(|photo| !address::ending(photo).is_empty() || photo.contains("://")) {
        true => found,
        false => {
            let files = crate::photo_file::READ_ENDINGS.iter().map(|ending| format!("{id}.{ending}"));
            files.filter(|file| gather.has_file(file)).collect()
        }
    }
}

/// What a product can be ordered by: a word or a count, the more certain one first.
fn stock(record: &Record) -> (bool, bool) {
    let words = record.all(&STOCK);
    let known = words.iter().find_map(|word| stock::can_be_ordered(word));
    (known.unwrap_or(true), words.iter().any(|word| word.to_lowercase().contains("backorder")))
}

fn offer(record: &Record, marks: Marks, gather: &Gather) -> Option<Offer> {
    let currency = money::currency(record.get(&CURRENCIES)).or(gather.options.currency);
    let price = |names: &[&str]| record.all(names).iter().find_map(|text| marks.price(text, currency));
    let regular = price(&PRICES);
    let offer = Offer::with_sale(regular.or(price(&BEFORE)), price(&SALES))?;
    let before = price(&BEFORE).map(|(before, _)| before).or(offer.was);
    Some(Offer::new((offer.now, offer.currency), before))
}

/// Columns with the usual names of attributes, or that the owner names, and that are nothing else.
fn attributes(record: &Record, id: &str, attributes: &mut Attributes, gather: &Gather) {
    for (name, value) in record.iter() {
        if plain(id) == name.plain || KNOWN.taken.contains(&name.plain) || !gather.is_public(&name.written) {
            continue;
        }
        values(value).iter().for_each(|value| attributes.add(&name.written.replace('_', " "), value, false));
    }
}

/// Values of one field: the last element of a path, or those of a list.
fn values(text: &str) -> Vec<String> {
    if text.starts_with('[')
        && let Ok(values) = serde_json::from_str::<Vec<String>>(text)
    {
        return values;
    }
    let text = html::text(text);
    if text.contains(" > ") {
        let paths = text.split(['|', ';']);
        return paths.map(|path| path.rsplit('>').next().unwrap_or_default().trim().to_string()).collect();
    }
    let sign = ['|', ';', ','].into_iter().find(|sign| text.contains(*sign));
    let parts: Vec<String> = match sign {
        Some(sign) => text.split(sign).map(|value| value.trim().to_string()).collect(),
        None => return vec![text],
    };
    // a sentence, and a number with a comma in it, are no lists
    let is_list = parts.iter().all(|part| part.split(' ').count() <= 3 && !part.is_empty());
    let is_number = sign == Some(',') && parts.iter().all(|part| part.chars().all(|c| c.is_ascii_digit()));
    if is_list && !is_number { parts } else { vec![text] }
}

/// Objects of JSON: a list of them, one a line, or a list within an object.
pub fn objects(text: &str) -> Result<Vec<Record>, String> {
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        values.push(value.map_err(|error| error.to_string()));
    }
    let faulty = values.iter().position(Result::is_err);
    if faulty == Some(0) || values.is_empty() {
        return Err(values.into_iter().find_map(Result::err).unwrap_or("expected JSON, got nothing".into()));
    }
    let values: Vec<Value> = values.into_iter().map_while(Result::ok).collect();
    let list = match values.as_slice() {
        [Value::Array(list)] => list.clone(),
        [Value::Object(object)] => {
            let lists = object.values().filter_map(Value::as_array).filter(|list| list.iter().any(Value::is_object));
            lists.max_by_key(|list| list.len()).cloned().unwrap_or(values)
        }
        _ => values,
    };
    let mut names = HashMap::new();
    Ok(list.iter().enumerate().map(|(at, value)| record(at + 1, value, &mut names)).collect())
}

fn record(row: usize, value: &Value, names: &mut HashMap<String, Rc<Name>>) -> Record {
    let mut record = Record::new(row);
    fields("", value, &mut record, names);
    record
}

/// Adds the fields of an object; those of objects within it have both names.
fn fields(prefix: &str, value: &Value, record: &mut Record, names: &mut HashMap<String, Rc<Name>>) {
    let mut push = |name: &str, value: &str| {
        let name = names.entry(name.to_string()).or_insert_with(|| Name::new(name)).clone();
        record.push(&name, value);
    };
    match value {
        Value::String(text) => push(prefix, text),
        Value::Number(number) => push(prefix, &number.to_string()),
        Value::Bool(yes) => push(prefix, if *yes { "true" } else { "false" }),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            address::of_json(value).iter().for_each(|address| push(prefix, address));
        }
        // several values in one field, as a table would write them
        Value::Array(_) => push(prefix, &value.to_string()),
        Value::Object(object) => {
            for (name, value) in object {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix} {name}") };
                fields(&name, value, record, names);
            }
        }
        Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_may_hold_several_values() {
        let cases = [
            ("Rot", vec!["Rot"]),
            ("Rot, Blau", vec!["Rot", "Blau"]),
            ("Rot|Blau", vec!["Rot", "Blau"]),
            ("S; M; L", vec!["S", "M", "L"]),
            ("[\"Rot\",\"Blau\"]", vec!["Rot", "Blau"]),
            ("Damen > Kleider", vec!["Kleider"]),
            ("38,5", vec!["38,5"]),
            ("A sentence of several words, and another one", vec!["A sentence of several words, and another one"]),
        ];
        for (text, expected) in cases {
            assert_eq!(values(text), expected, "{text}");
        }
    }
}
