//! `vitrine feed`: what a feed holds, without encoding.

use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::path::PathBuf;
use url::Url;
use vitrine::catalog::assembly::same_name;
use vitrine::feeds::{self, Feed, Format, Options, fetch};
use vitrine::indexer::Told;
use vitrine::print;

/// Show what a shop's export would give: products, what is left out and why, warnings, filters
#[derive(Args)]
pub struct FeedArgs {
    /// The file that the shop system exports; its kind is found by its content
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Believe the addresses of photos instead of fetching them
    #[arg(long)]
    offline: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What the owner says of a feed.
#[derive(Args, Clone, Debug, Default)]
pub struct Reading {
    /// Insist on a kind of feed [default: found by its content]
    #[arg(long, value_enum, value_name = "KIND")]
    feed: Option<Format>,
    /// The shop's address: links and photos with relative addresses are seen from there
    #[arg(long, value_name = "URL")]
    shop: Option<Url>,
    /// Currency of prices that name none, such as EUR
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Leave out what cannot be ordered
    #[arg(long)]
    in_stock: bool,
    /// Where photos by address are kept for the next run [default: the user's cache folder]
    #[arg(long, value_name = "FOLDER")]
    photo_cache: Option<PathBuf>,
}

impl Reading {
    /// Adds what was given to what a catalog remembers.
    pub fn tell(&self, told: &mut Told) {
        told.shop = self.shop.as_ref().map(Url::to_string);
        told.currency = self.currency.clone();
        told.feed = self.feed.map(|feed| feed.name().to_string());
        told.in_stock = self.in_stock.then_some(true);
        told.photo_cache = self.photo_cache.clone();
    }

    /// The same, with what an earlier run was told where this one says nothing.
    pub fn or(self, told: &Told) -> Self {
        let feed = || Format::from_str(told.feed.as_deref()?, true).ok();
        Self {
            feed: self.feed.or_else(feed),
            shop: self.shop.or_else(|| Url::parse(told.shop.as_deref()?).ok()),
            currency: self.currency.or_else(|| told.currency.clone()),
            in_stock: self.in_stock || told.in_stock == Some(true),
            photo_cache: self.photo_cache.or_else(|| told.photo_cache.clone()),
        }
    }

    /// Fetches the photos of a feed, and says how many came and how many were kept.
    pub fn bring(&self, feed: &mut Feed) -> anyhow::Result<()> {
        let folder = self.photo_cache.clone().unwrap_or_else(cache);
        let (photos, _) = feed.counts();
        let bar = super::bar(photos, "photos");
        let fetched = fetch::bring(feed, &folder, &fetch::Limits::default(), &|| bar.inc(1))?;
        bar.finish_and_clear();
        let fetch::Fetched { fetched, kept, failed } = fetched;
        if fetched + kept + failed > 0 {
            print::note(format_args!("photos by address: {fetched} fetched, {kept} kept, {failed} failed"));
        }
        Ok(())
    }

    /// As options of the library; `attributes` are those that the owner names.
    pub fn options(&self, attributes: &[String]) -> anyhow::Result<Options> {
        let currency = match &self.currency {
            None => None,
            Some(code) => Some(feeds::currency(code).ok_or_else(|| {
                anyhow::anyhow!("reading --currency: expected a code of three letters such as EUR, got {code:?}")
            })?),
        };
        Ok(Options {
            format: self.feed,
            shop: self.shop.clone(),
            currency,
            attributes: attributes.to_vec(),
            in_stock: self.in_stock,
            ..Options::default()
        })
    }
}

/// Reads the feed and prints it.
pub fn run(args: FeedArgs) -> anyhow::Result<()> {
    let mut feed = feeds::read(&args.file, &args.reading.options(&[])?)?;
    match args.offline {
        true => fetch::check_files(&mut feed),
        false => args.reading.bring(&mut feed)?,
    }
    match args.json {
        true => print::line(serde_json::to_string_pretty(&feed.to_json())?)?,
        false => show(&feed)?,
    }
    Ok(())
}

/// The folder where this user's programs keep what they can fetch again.
fn cache() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = |below: &str| std::env::home_dir().map(|home| home.join(below));
    let of_system = if cfg!(target_os = "macos") { home("Library/Caches") } else { home(".cache") };
    let folder = variable("XDG_CACHE_HOME").or(variable("LOCALAPPDATA").filter(|_| cfg!(windows))).or(of_system);
    folder.unwrap_or_else(std::env::temp_dir).join("vitrine").join("photos")
}

/// Says on stderr what a feed gives, what is warned of, and what visitors will see of it, who see nothing that is `hidden`.
pub fn say(feed: &Feed, hidden: &[String]) {
    let (photos, variants) = feed.counts();
    let (format, products) = (feed.format.name(), feed.products.len());
    print::note(format_args!("{format} feed: {products} products, {variants} variants, {photos} photos"));
    feed.warnings.iter().take(NAMED).for_each(|warning| print::note(format_args!("warning: {warning}")));
    if feed.warnings.len() > NAMED {
        print::note(format_args!("{} more warnings; `vitrine feed --json` names all", feed.warnings.len() - NAMED));
    }
    let names: BTreeSet<&str> =
        feed.products.iter().flat_map(|product| product.attributes.iter()).map(|(name, _)| name).collect();
    let names: Vec<&str> =
        names.into_iter().filter(|name| !hidden.iter().any(|hidden| same_name(hidden, name))).collect();
    print::note(format_args!(
        "published: id, title, link, price, stock, photos, {}; everything else in the feed is kept back",
        names.join(", ")
    ));
}

/// Things that are named of each kind; `--json` names all.
const NAMED: usize = 20;

/// Says it for people.
fn show(feed: &Feed) -> anyhow::Result<()> {
    for product in feed.products.iter().take(NAMED) {
        let price = product.price.as_ref().map(ToString::to_string);
        let (photos, variants) = (product.photos.len(), product.variants.len());
        let stock = if product.in_stock { "" } else { ", sold out" };
        let price = price.unwrap_or("no price".into());
        print::line(format_args!(
            "{}: {} ({price}, {photos} photos, {variants} variants{stock})",
            product.id, product.title
        ))?;
    }
    more(feed.products.len(), "products")?;
    for one in feed.left_out.iter().take(NAMED) {
        print::line(format_args!("left out, row {}: {} {}", one.row, one.id, one.reason))?;
    }
    more(feed.left_out.len(), "left out")?;
    for warning in feed.warnings.iter().take(NAMED) {
        print::line(format_args!("warning: {warning}"))?;
    }
    more(feed.warnings.len(), "warnings")?;
    for (name, values) in feed.facets() {
        let values: Vec<String> = values.iter().map(|(value, count)| format!("{value} ({count})")).collect();
        print::line(format_args!("filter {name}: {}", values.join(", ")))?;
    }
    let (photos, variants) = feed.counts();
    print::line(format_args!(
        "{}: {} products, {variants} variants, {photos} photos; {} left out, {} warnings",
        feed.format.name(),
        feed.products.len(),
        feed.left_out.len(),
        feed.warnings.len()
    ))?;
    Ok(())
}

fn more(count: usize, what: &str) -> anyhow::Result<()> {
    if count > NAMED {
        print::line(format_args!("… and {} more {what}; --json names all", count - NAMED))?;
    }
    Ok(())
}
