//! `vitrine feed`: what a feed holds, without encoding.

use clap::Args;
use std::collections::BTreeSet;
use std::path::PathBuf;
use vitrine::catalog::assembly::same_name;
use vitrine::feeds::{self, Feed, fetch};
pub use vitrine::indexer::Reading;
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
