//! Where all formats meet: drafts of products → a feed. What is left out and what is warned of is decided here alone.

use super::address;
use super::html;
use super::model::{Attributes, Feed, Format, Offer, Photo, Product, Variant, Without};
use super::names::plain;
use super::table::Table;
use crate::error::Reason;
use chrono::{DateTime, Utc};
use iso_currency::Currency;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use url::Url;

/// What the owner says of a feed.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kind, where it is not to be found by the content.
    pub format: Option<Format>,
    /// The shop's address, from which relative links are seen.
    pub shop: Option<Url>,
    /// The currency of prices that name none.
    pub currency: Option<Currency>,
    /// Attributes that visitors may see beside the usual ones.
    pub attributes: Vec<String>,
    /// Whether products that cannot be ordered are left out.
    pub in_stock: bool,
    /// Whether products need no photos here, since they are known or lie elsewhere.
    pub without_photos: bool,
    /// The moment at which sales are on or over.
    pub now: DateTime<Utc>,
}

impl Default for Options {
    fn default() -> Self {
        let now = std::time::SystemTime::now().into();
        let (attributes, in_stock, without_photos) = (Vec::new(), false, false);
        Self { format: None, shop: None, currency: None, attributes, in_stock, without_photos, now }
    }
}

/// A product as a feed tells of it, before anything is decided.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The shop's id.
    pub id: String,
    /// The row where it starts.
    pub row: usize,
    /// The title; HTML is taken out.
    pub title: String,
    /// The description; HTML is taken out.
    pub description: String,
    /// The address of its page.
    pub link: String,
    /// Attributes.
    pub attributes: Attributes,
    /// Addresses of its photos, in the shop's order.
    pub photos: Vec<String>,
    /// Variants; a product that has none is its own variant and comes with one.
    pub variants: Vec<Variant>,
    /// Why visitors do not see it in the shop, if they do not.
    pub hidden: Vec<String>,
}

/// Gathers the products of a feed.
pub struct Gather<'a> {
    /// What the owner says.
    pub options: &'a Options,
    /// What has been gathered.
    pub feed: Feed,
    /// Where relative links are seen from, if the owner or the feed says it.
    pub base: Option<Url>,
    /// Where relative photos are seen from on the web, beside `base`.
    pub photo_base: Option<Url>,
    folder: PathBuf,
    ids: HashSet<String>,
    /// Products with a price and no currency.
    bare: Vec<String>,
}

impl<'a> Gather<'a> {
    /// Nothing yet. Relative photos are looked for in `folder`.
    pub fn new(format: Format, options: &'a Options, folder: PathBuf) -> Self {
        let feed = Feed { format, products: Vec::new(), left_out: Vec::new(), warnings: Vec::new() };
        let base = options.shop.clone();
        Self { options, feed, base, photo_base: None, folder, ids: HashSet::new(), bare: Vec::new() }
    }

    /// Names something that is left out.
    pub fn leave_out(&mut self, kind: Reason, id: &str, row: usize, reason: impl Into<String>) {
        self.feed.left_out.push(Without { kind, id: html::one_line(id), row, reason: reason.into() });
    }

    /// Says something that stops nothing.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.feed.warnings.push(warning.into());
    }

    /// Names the rows of a table that have another number of fields than its header.
    pub fn leave_out_ragged(&mut self, table: &Table) {
        let columns = table.header.len();
        for (row, first, got) in &table.ragged {
            let reason =
                format!("expected {columns} fields, got {got} (row {row}): is a delimiter or a quote missing?");
            self.leave_out(Reason::RaggedRow, first, *row, reason);
        }
    }

    /// Whether visitors may see an attribute of which the format does not say what it is.
    pub fn is_public(&self, name: &str) -> bool {
        super::names::usual(name) || self.options.attributes.iter().any(|named| plain(named) == plain(name))
    }

    /// Whether there is a file of that name beside the feed or in its folder of photos.
    pub fn has_file(&self, name: &str) -> bool {
        address::file(name, &self.folder).is_some()
    }

    /// Decides on a product.
    pub fn push(&mut self, mut draft: Draft) {
        let (id, row) = (html::one_line(&draft.id), draft.row);
        if id.is_empty() {
            return self.leave_out(Reason::RowWithoutId, "", row, format!("no id (row {row})"));
        }
        if !self.ids.insert(id.clone()) {
            return self.leave_out(
                Reason::DuplicateRow,
                &id,
                row,
                format!("second product of that id (row {row}): the first is kept"),
            );
        }
        if !draft.hidden.is_empty() {
            return self.leave_out(Reason::HiddenProduct, &id, row, draft.hidden.join(" / "));
        }
        let photos = match self.photos(&id, &mut draft) {
            Ok(photos) => photos,
            Err(reason) => return self.leave_out(Reason::RowWithoutPhoto, &id, row, reason),
        };
        let in_stock = draft.variants.iter().any(|variant| variant.orderable);
        if self.options.in_stock && !in_stock {
            return self.leave_out(Reason::HiddenProduct, &id, row, "sold out");
        }
        let product = self.product(id, draft, photos, in_stock);
        self.feed.products.push(product);
    }

    fn product(&mut self, id: String, draft: Draft, photos: Vec<Photo>, in_stock: bool) -> Product {
        let price = price(&draft.variants);
        if price.is_some_and(|price| price.currency.is_none()) {
            self.bare.push(id.clone());
        }
        let mut skus: HashMap<&str, usize> = HashMap::new();
        for sku in draft.variants.iter().filter_map(|variant| variant.sku.as_deref()) {
            *skus.entry(sku).or_default() += 1;
        }
        let mut twice: Vec<&str> = skus.into_iter().filter(|(_, count)| *count > 1).map(|(sku, _)| sku).collect();
        twice.sort_unstable();
        twice.iter().for_each(|sku| self.warn(format!("{id}: SKU {sku} twice")));
        let title = Some(html::text(&draft.title)).filter(|title| !title.is_empty()).unwrap_or_else(|| id.clone());
        Product {
            link: self.link(&id, &draft.link),
            row: draft.row,
            title,
            description: html::text(&draft.description),
            price,
            in_stock,
            attributes: draft.attributes,
            photos,
            variants: self.variants(draft.variants),
            id,
        }
    }

    /// Links of variants as full addresses.
    fn variants(&self, variants: Vec<Variant>) -> Vec<Variant> {
        let link = |link: &String| address::absolute(&html::address(link), self.base.as_ref());
        let with_link = |variant: Variant| Variant { link: variant.link.as_ref().and_then(link), ..variant };
        variants.into_iter().map(with_link).collect()
    }

    fn link(&mut self, id: &str, text: &str) -> Option<String> {
        let text = html::address(text);
        let link = address::absolute(&text, self.base.as_ref());
        if link.is_none() && !text.is_empty() {
            let relative = Url::parse(&text) == Err(url::ParseError::RelativeUrlWithoutBase);
            self.warn(match relative && self.base.is_none() {
                true => format!("{id}: link {text} is relative; name the shop's address with --shop"),
                false => format!("{id}: link is not http or https"),
            });
        }
        link
    }

    /// The photos of a product, each once, those of variants that are in no gallery last.
    fn photos(&mut self, id: &str, draft: &mut Draft) -> Result<Vec<Photo>, String> {
        let (mut photos, mut keys, mut wrong) = (Vec::new(), HashSet::new(), Vec::new());
        let own = draft.variants.iter().filter_map(|variant| variant.photo.as_ref());
        for address in draft.photos.iter().chain(own).map(|address| html::address(address)) {
            if address.is_empty() || !keys.insert(address::key(&address)) {
                continue;
            }
            match self.photo(&address) {
                Ok(photo) => photos.push(photo),
                Err(problem) => wrong.push((address, problem)),
            }
        }
        match (photos.is_empty(), wrong.first()) {
            (true, _) if self.options.without_photos => return Ok(photos),
            (true, None) => return Err("no photo".into()),
            (true, Some((address, problem))) => return Err(format!("its photo is {problem}: {address}")),
            (false, _) => {}
        }
        wrong.iter().for_each(|(address, problem)| self.warn(format!("{id}: photo {address}: {problem}")));
        Ok(photos)
    }

    fn photo(&self, text: &str) -> Result<Photo, &'static str> {
        if address::is_no_photo(text) {
            return Err("no photo");
        }
        if let Some(address) = address::absolute(text, None) {
            return Ok(Photo { address, file: None });
        }
        if let Some(file) = address::file(text, &self.folder) {
            return Ok(Photo { address: text.to_string(), file: Some(file) });
        }
        let base = self.photo_base.as_ref().or(self.base.as_ref());
        // photos lie below the base, also where their address starts with a stroke
        let below = if self.photo_base.is_some() { text.trim_start_matches('/') } else { text };
        match address::absolute(below, base) {
            Some(address) => Ok(Photo { address, file: None }),
            None if self.options.without_photos => Ok(Photo { address: text.to_string(), file: None }),
            None => Err("not there"),
        }
    }

    /// The feed, with all that is left out in its order.
    pub fn finish(mut self) -> Feed {
        let priced = self.feed.products.iter().filter(|product| product.price.is_some()).count();
        let bare = std::mem::take(&mut self.bare);
        if bare.len() > 1 && bare.len() == priced {
            self.warn("no price has a currency: name it with --currency");
        } else {
            bare.iter().for_each(|id| self.warn(format!("{id}: price without a currency")));
        }
        self.feed.left_out.sort_by_key(|one| one.row);
        self.feed
    }
}

/// What the cheapest variant costs that can be ordered, or the cheapest of all where none can.
fn price(variants: &[Variant]) -> Option<Offer> {
    let offers = |all: bool| variants.iter().filter(move |v| all || v.orderable).filter_map(|variant| variant.offer);
    let all = offers(false).next().is_none();
    let cheapest = offers(all).min_by_key(|offer| (offer.now, offer.was.is_none()))?;
    let most = offers(all).map(|offer| offer.to.unwrap_or(offer.now)).max();
    Some(Offer { to: most.filter(|most| *most > cheapest.now), ..cheapest })
}
