//! A shop's feed as a source of a catalog: each photo of a product is a row, the first under the product's id.

use super::metadata::{Known, Metadata, name_of, stem_of};
use super::names::Names;
use crate::catalog::format::Offer;
use crate::error::{LeftOut, Result};
use crate::feeds::{self, Feed, Options, Product};
use crate::hash::sha256_hex;
use crate::photos::PhotoSource;
use std::collections::BTreeMap;
use std::path::Path;

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
        let there = || product.photos.iter().filter_map(|photo| Some((&photo.address, photo.file.clone()?)));
        let several = there().count() > 1;
        for (at, (address, file)) in there().enumerate() {
            let id = row_id(&product.id, at);
            metadata.rows.insert(id.clone(), Known { address: Some(address.clone()), ..known(product, several) });
            files.push((id, file));
        }
    }
    metadata.left_out = left_out(feed, name);
    metadata.hash = Some(sha256_hex(feed.to_json().to_string().as_bytes()));
    Indexed { photos: PhotoSource::of_files(files), metadata }
}

impl Metadata {
    /// Reads what is known of photos that lie in a folder: a table as [`Metadata::read`] reads it, or else a feed, of which
    /// each product is a row.
    ///
    /// # Errors
    /// Those of [`Metadata::read`] and [`feeds::read`].
    pub fn open(path: &Path, options: &Options) -> Result<Self> {
        if options.format.is_none() && feeds::is_plain_table(path)? {
            return Self::read(path, &options.attributes);
        }
        let feed = feeds::read(path, options)?;
        Ok(Self::of_feed(&feed, &name_of(path)))
    }

    /// What a feed tells of each product; its photos are not looked at.
    pub fn of_feed(feed: &Feed, name: &str) -> Self {
        let mut metadata = Self::default();
        (metadata.file, metadata.left_out) = (name.to_string(), left_out(feed, name));
        for product in &feed.products {
            metadata.lines.insert(product.id.clone(), product.row as u64);
            metadata.rows.insert(product.id.clone(), known(product, false));
            let skus = product.variants.iter().filter_map(|variant| variant.sku.clone()).collect();
            let files = product.photos.iter().map(|photo| stem_of(&photo.address)).collect();
            metadata.names.insert(product.id.clone(), Names { skus, files });
        }
        metadata.hash = Some(sha256_hex(feed.to_json().to_string().as_bytes()));
        metadata
    }
}

/// What a feed leaves out, named with the rows of the file of that name.
pub(super) fn left_out(feed: &Feed, name: &str) -> Vec<LeftOut> {
    let named = |one: &crate::feeds::model::Without| {
        let id = if one.id.is_empty() { String::new() } else { format!(" ({})", one.id) };
        LeftOut::new(one.kind, format!("{name}, row {}{id}", one.row), one.reason.clone())
    };
    feed.left_out.iter().map(named).collect()
}

/// The id of a product's photo: the product's own for the first, and `id~2` for the second.
pub(super) fn row_id(id: &str, at: usize) -> String {
    if at == 0 { id.to_string() } else { format!("{id}~{}", at + 1) }
}

pub(super) fn known(product: &Product, several: bool) -> Known {
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
        address: None,
        description: product.description.clone(),
    }
}

/// A price as one text, for pages that know no other.
fn price(offer: &Offer) -> String {
    let range = offer.to.as_ref().map_or(offer.now.clone(), |to| format!("{} – {to}", offer.now));
    offer.currency.as_ref().map_or(range.clone(), |currency| format!("{range} {currency}"))
}
