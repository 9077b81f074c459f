//! What every feed becomes: products, each with variants and photos in the shop's order.

use super::address;
use super::money;
use crate::error::Reason;
use iso_currency::Currency;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The kinds of feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Products exported by Shopify, as CSV
    Shopify,
    /// Products exported by WooCommerce, as CSV
    Woocommerce,
    /// Products exported by Magento or Adobe Commerce, as CSV
    Magento,
    /// Google Merchant Center: a table, RSS or Atom
    Google,
    /// Meta (Facebook, Instagram) catalog: a table or RSS
    Meta,
    /// Data of schema.org: JSON, or pages that hold it
    Jsonld,
    /// A table or lines of JSON with usual names of columns
    Plain,
}

impl Format {
    /// Its name in `--json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shopify => "shopify",
            Self::Woocommerce => "woocommerce",
            Self::Magento => "magento",
            Self::Google => "google",
            Self::Meta => "meta",
            Self::Jsonld => "jsonld",
            Self::Plain => "plain",
        }
    }
}

/// What a product costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// Today.
    pub now: Decimal,
    /// Before the sale that is on.
    pub was: Option<Decimal>,
    /// The most that a variant costs, where it is more.
    pub to: Option<Decimal>,
    /// The currency, where the feed or the owner says it.
    pub currency: Option<Currency>,
}

impl Offer {
    /// A price, and the one before it if it was higher.
    pub fn new((now, currency): (Decimal, Option<Currency>), was: Option<Decimal>) -> Self {
        Self { now, was: was.filter(|was| *was > now), to: None, currency }
    }

    /// A regular price and, while a sale is on, the lower one of the sale.
    pub fn with_sale(
        regular: Option<(Decimal, Option<Currency>)>,
        sale: Option<(Decimal, Option<Currency>)>,
    ) -> Option<Self> {
        match (regular, sale) {
            (Some(regular), Some(sale)) if sale.0 < regular.0 => {
                Some(Self::new((sale.0, sale.1.or(regular.1)), Some(regular.0)))
            }
            (Some(price), _) | (None, Some(price)) => Some(Self::new(price, None)),
            (None, None) => None,
        }
    }
}

impl std::fmt::Display for Offer {
    /// For people: `79.00 EUR (was 99.00)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = offer_json(self);
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        f.write_str(text("now").unwrap_or_default())?;
        text("to").map_or(Ok(()), |to| write!(f, " – {to}"))?;
        text("currency").map_or(Ok(()), |currency| write!(f, " {currency}"))?;
        text("was").map_or(Ok(()), |was| write!(f, " (was {was})"))
    }
}

/// Values of one attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    /// Each once, in the order of the feed.
    pub values: Vec<String>,
    /// Whether the shop writes several, even where there is one.
    pub list: bool,
}

/// Attributes of a product, in the order of the feed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(String, Values)>);

impl Attributes {
    /// Adds a value of an attribute; nothing where either is empty.
    pub fn add(&mut self, name: &str, value: &str, list: bool) {
        let (name, value) = (super::html::text(name), super::html::text(value));
        if name.is_empty() || value.is_empty() {
            return;
        }
        let at = self.0.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.0.push((name, Values { values: Vec::new(), list }));
            self.0.len() - 1
        });
        let known = &mut self.0[at].1;
        if !known.values.iter().any(|known| known.to_lowercase() == value.to_lowercase()) {
            known.values.push(value);
        }
    }

    /// Adds several values.
    pub fn add_all<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a str>) {
        values.into_iter().for_each(|value| self.add(name, value, true));
    }

    /// Whether there is an attribute of that name; case, blanks and signs do not count.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| super::names::plain(known) == super::names::plain(name))
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Values)> {
        self.0.iter().map(|(name, values)| (name.as_str(), values))
    }
}

/// What can be ordered by itself: one size in one color.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variant {
    /// The shop's number of it.
    pub sku: Option<String>,
    /// Its options, in the order of the product's.
    pub options: Vec<String>,
    /// Whether it can be ordered.
    pub orderable: bool,
    /// Whether it comes later, when it has been made or delivered.
    pub backorder: bool,
    /// What it costs.
    pub offer: Option<Offer>,
    /// Its own photo.
    pub photo: Option<String>,
    /// Its own page.
    pub link: Option<String>,
}

/// A photo of a product.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    /// Its address, or the relative one of the feed.
    pub address: String,
    /// Its file, where the address is relative and the file is there.
    pub file: Option<PathBuf>,
}

/// A product.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// The shop's id.
    pub id: String,
    /// The row of the feed where it starts.
    pub row: usize,
    /// A title for people.
    pub title: String,
    /// The description as text.
    pub description: String,
    /// Its page.
    pub link: Option<String>,
    /// What the cheapest variant costs that can be ordered.
    pub price: Option<Offer>,
    /// Whether any variant can be ordered.
    pub in_stock: bool,
    /// What it is, of what, in which colors and sizes.
    pub attributes: Attributes,
    /// Photos in the shop's order, each once.
    pub photos: Vec<Photo>,
    /// Variants; one where the shop knows none.
    pub variants: Vec<Variant>,
}

/// What was left out of a feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Without {
    /// Why, in a word.
    pub kind: Reason,
    /// The product's id, as far as it has one.
    pub id: String,
    /// The row of the feed.
    pub row: usize,
    /// Why.
    pub reason: String,
}

/// A feed that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// Its kind.
    pub format: Format,
    /// The products that are indexed, in the order of the feed.
    pub products: Vec<Product>,
    /// What was left out, in the order of the feed.
    pub left_out: Vec<Without>,
    /// What its owner should know, and what stops nothing.
    pub warnings: Vec<String>,
}

impl Feed {
    /// Attributes that have two values or more, and how many products have each.
    pub fn facets(&self) -> BTreeMap<&str, BTreeMap<&str, usize>> {
        let mut facets: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for (name, values) in self.products.iter().flat_map(|product| product.attributes.iter()) {
            for value in &values.values {
                *facets.entry(name).or_default().entry(value).or_default() += 1;
            }
        }
        facets.retain(|_, values| values.len() >= 2);
        facets
    }

    /// Number of photos and of variants.
    pub fn counts(&self) -> (usize, usize) {
        let sum = |count: fn(&Product) -> usize| self.products.iter().map(count).sum();
        (sum(|product| product.photos.len()), sum(|product| product.variants.len()))
    }

    /// All of it, as `vitrine feed --json` prints it.
    pub fn to_json(&self) -> Value {
        let (photos, variants) = self.counts();
        let left_out = self.left_out.iter().map(|one| json!({"id": one.id, "row": one.row, "reason": one.reason}));
        json!({
            "format": self.format.name(),
            "products": self.products.iter().map(Product::to_json).collect::<Vec<_>>(),
            "left_out": left_out.collect::<Vec<_>>(),
            "warnings": self.warnings,
            "facets": self.facets(),
            "counts": {
                "products": self.products.len(),
                "photos": photos,
                "variants": variants,
                "left_out": self.left_out.len(),
                "warnings": self.warnings.len(),
            },
        })
    }
}

impl Product {
    /// The price as text: `now`, and `was`, `to` and `currency` where there are any.
    pub fn price_json(&self) -> Option<Map<String, Value>> {
        Some(offer_json(self.price.as_ref()?))
    }

    fn to_json(&self) -> Value {
        let attribute = |(name, values): (&str, &Values)| {
            let value = match values.values.as_slice() {
                [one] if !values.list => json!(one),
                several => json!(several),
            };
            (name.to_string(), value)
        };
        let mut product = json!({
            "id": self.id,
            "title": self.title,
            "link": self.link,
            "price": self.price_json(),
            "in_stock": self.in_stock,
            "attributes": self.attributes.iter().map(attribute).collect::<Map<_, _>>(),
            "photos": self.photos.iter().map(|photo| address::name(&photo.address)).collect::<Vec<_>>(),
            "addresses": self.photos.iter().map(|photo| photo.address.as_str()).collect::<Vec<_>>(),
            "variants": self.variants.iter().map(Variant::to_json).collect::<Vec<_>>(),
        });
        if !self.description.is_empty() {
            product["description"] = json!(self.description);
        }
        product
    }
}

impl Variant {
    fn to_json(&self) -> Value {
        let mut variant = json!({"sku": self.sku, "in_stock": self.orderable});
        if !self.options.is_empty() {
            variant["options"] = json!(self.options);
        }
        if let Some(offer) = &self.offer {
            let prices = offer_json(offer);
            variant["price"] = prices["now"].clone();
            if let Some(was) = prices.get("was") {
                variant["was"] = was.clone();
            }
        }
        if let Some(photo) = &self.photo {
            variant["photo"] = json!(address::name(photo));
        }
        if let Some(link) = &self.link {
            variant["link"] = json!(link);
        }
        if self.backorder {
            variant["stock"] = json!("backorder");
        }
        variant
    }
}

fn offer_json(offer: &Offer) -> Map<String, Value> {
    let amounts: Vec<Decimal> = [Some(offer.now), offer.was, offer.to].into_iter().flatten().collect();
    let mut written = money::written(&amounts, offer.currency).into_iter();
    let mut json = Map::new();
    json.insert("now".into(), json!(written.next()));
    if offer.was.is_some() {
        json.insert("was".into(), json!(written.next()));
    }
    if offer.to.is_some() {
        json.insert("to".into(), json!(written.next()));
    }
    json.insert("currency".into(), json!(offer.currency.map(|currency| currency.code())));
    json
}
