//! A shop's feed as a source of a catalog: each photo of a product is a row, the first under the product's id.

use super::metadata::{Known, Metadata};
use crate::catalog::format::Offer;
use crate::error::LeftOut;
use crate::feeds::{Feed, Product};
use crate::hash::sha256_hex;
use crate::photos::PhotoSource;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a feed gives to the indexer.
pub struct Indexed {
    /// The photos by their rows' ids.
    pub photos: PhotoSource,
    /// What is known of each.
    pub metadata: Metadata,
}

/// Turns a feed into rows. Photos without a file are none: see [`crate::feeds::Photo::file`].
pub fn index(feed: &Feed, name: &str) -> Indexed {
    let (mut files, mut metadata) = (Vec::new(), Metadata::default());
    for product in &feed.products {
        let there: Vec<PathBuf> = product.photos.iter().filter_map(|photo| photo.file.clone()).collect();
        let several = there.len() > 1;
        for (at, file) in there.into_iter().enumerate() {
            let id = row_id(&product.id, at);
            metadata.rows.insert(id.clone(), known(product, several));
            files.push((id, file));
        }
    }
    let named = |one: &crate::feeds::model::Without| {
        let id = if one.id.is_empty() { String::new() } else { format!(" ({})", one.id) };
        LeftOut::new(one.kind, format!("{name}, row {}{id}", one.row), one.reason.clone())
    };
    metadata.left_out = feed.left_out.iter().map(named).collect();
    metadata.hash = Some(sha256_hex(feed.to_json().to_string().as_bytes()));
    Indexed { photos: PhotoSource::of_files(files), metadata }
}

/// The id of a product's photo: the product's own for the first, and `id~2` for the second.
fn row_id(id: &str, at: usize) -> String {
    if at == 0 { id.to_string() } else { format!("{id}~{}", at + 1) }
}

fn known(product: &Product, several: bool) -> Known {
    let (mut attributes, mut further) = (BTreeMap::new(), BTreeMap::new());
    for (name, values) in product.attributes.iter() {
        let mut values = values.values.iter().cloned();
        attributes.extend(values.next().map(|first| (name.to_string(), first)));
        let rest: Vec<String> = values.collect();
        if !rest.is_empty() {
            further.insert(name.to_string(), rest);
        }
    }
    let offer = product.price_json().map(|price| {
        let text = |name: &str| price.get(name).and_then(|value| value.as_str()).map(str::to_string);
        Offer { now: text("now").unwrap_or_default(), was: text("was"), to: text("to"), currency: text("currency") }
    });
    Known {
        title: product.title.clone(),
        attributes,
        link: product.link.clone(),
        price: offer.as_ref().map(price),
        offer,
        in_stock: Some(product.in_stock),
        further,
        product: several.then(|| product.id.clone()),
    }
}

/// A price as one text, for pages that know no other.
fn price(offer: &Offer) -> String {
    let range = offer.to.as_ref().map_or(offer.now.clone(), |to| format!("{} – {to}", offer.now));
    offer.currency.as_ref().map_or(range.clone(), |currency| format!("{range} {currency}"))
}
