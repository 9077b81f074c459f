//! `vitrine index`: a shop's feed, or photos → a catalog folder.

use anyhow::bail;
use clap::{Args, ValueEnum};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use vitrine::backend::Backend;
use vitrine::catalog::assembly::same_name;
use vitrine::engine::Engine;
use vitrine::error::{LeftOut, Reason};
use vitrine::feeds;
use vitrine::indexer::{
    ClusterChoice, FacetChoice, Indexed, Indexer, LONGEST, Met, Metadata, PartOf, Summary, TITLE, Told, index_feed,
    meet,
};
use vitrine::photos::{FolderChoice, PhotoSource};
use vitrine::print;
use vitrine::staging::{self, Growth, Kind};

const EXAMPLES: &str = "\
Examples:
  vitrine index products_export.csv --out catalog          the export of a shop system, all that most shops need
  vitrine index feed.xml --shop https://shop.example --currency EUR --out catalog
  vitrine index photos/ --meta items.csv --out catalog     photos named like the ids of a table, or in a folder a product
docs/feeds.md has an example of each kind of feed.";

/// Make a catalog of a shop's export, or of a folder or ZIP archive of photos; run it again after changes, or after an
/// interruption
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct IndexArgs {
    /// What the shop system exports (Shopify, WooCommerce, Magento, Google, Meta, schema.org, a table; found by its
    /// content), or a folder or ZIP archive of photos, where a photo's id is its file name without the ending
    #[arg(value_name = "SOURCE")]
    photos: PathBuf,
    #[command(flatten)]
    reading: super::feed::Reading,
    /// Catalog folder
    #[arg(long)]
    out: PathBuf,
    /// CSV file with an id column, and title, link, price and attribute columns, of which visitors see the usual ones
    /// and those named with --attributes (default: items.csv beside the photos)
    #[arg(long)]
    meta: Option<PathBuf>,
    /// Columns that visitors may see beside the usual ones (brand, colour, size, category, material …); every other
    /// column is kept back
    #[arg(long, value_name = "COLUMN,COLUMN", value_delimiter = ',')]
    attributes: Option<Vec<String>>,
    /// What folders among the photos are: products, whose photos are views of it (SKU1/1.jpg, SKU1/2.jpg), or categories
    /// [default: found by the rows and by the photos' names]
    #[arg(long, value_enum)]
    folders: Option<FolderChoice>,
    #[command(flatten)]
    filters: Filters,
    /// Model folder [default: the one that ships]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Workers [default: one a core]
    #[arg(long)]
    jobs: Option<usize>,
    /// The catalog's title [default: Catalog]
    #[arg(long)]
    title: Option<String>,
    /// Make only part i of n of the catalog, for `merge` to join: one of several machines, or of several jobs
    #[arg(long, value_name = "I/N")]
    part: Option<PartOf>,
    /// Clusters of a clustered catalog, of which the page fetches only those near a query: a number, none, or auto (from
    /// 100,000 photos on) [default: auto]
    #[arg(long = "cells", value_name = "auto|none|N", conflicts_with = "part")]
    clusters: Option<ClusterChoice>,
    /// Longest side of the photos that visitors see, in pixels [default: 640, enough for the cards of a sharp screen]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(64..=4096))]
    photo_size: Option<u32>,
    /// Forget the --title, --meta, --attributes, --model, --cells, --photo-size, --feed, --shop, --currency, --in-stock,
    /// --photo-cache, --folders, --facets and --hide of earlier runs into this folder, which else count again
    #[arg(long)]
    forget: bool,
    /// Where to compute
    #[arg(long, value_enum, default_value_t)]
    backend: super::Device,
    /// Exit with 1 if anything was left out; the catalog is written all the same
    #[arg(long)]
    strict: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Which attributes visitors see, and which they filter by.
#[derive(Args, Clone, Debug, Default)]
pub struct Filters {
    /// Attributes that visitors can filter by, these and no others, in this order [default: those whose values are worth it]
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    facets: Option<Vec<String>>,
    /// Attributes that visitors never see, and that no filter is made of
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    hide: Option<Vec<String>>,
}

impl Filters {
    /// Adds what was given to what a catalog remembers.
    pub fn tell(&self, told: &mut Told) {
        (told.facets, told.hide) = (self.facets.clone(), self.hide.clone());
    }
}

/// Which attributes are filters, of products that have those in `there`.
///
/// # Errors
/// Where no product has an attribute that the owner names.
pub fn choose(told: &Told, there: &BTreeSet<&str>) -> anyhow::Result<FacetChoice> {
    let named = told.facets.clone().unwrap_or_default();
    if let Some(unknown) = named.iter().find(|named| !there.iter().any(|name| same_name(name, named))) {
        let there: Vec<&str> = there.iter().copied().collect();
        bail!(
            "choosing filters: expected attributes that products have, got --facets {unknown:?}; name some of {}",
            if there.is_empty() { "none that are there".to_string() } else { there.join(", ") }
        );
    }
    Ok(FacetChoice { named })
}

/// Indexes, reports what was skipped, and prints a summary.
pub fn run(args: IndexArgs) -> anyhow::Result<()> {
    let mut inputs: Vec<&Path> = vec![&args.photos];
    inputs.extend(args.meta.as_deref());
    inputs.extend(args.model.as_deref());
    // before anything is read that takes long
    staging::check(args.kind(), &args.out, &inputs)?;
    let told = args.told();
    let model = told.model.clone().unwrap_or_else(super::home::model);
    match args.backend {
        super::Device::Cpu => run_on(&super::open(super::Native::new(), &model)?, &model, told, args),
        #[cfg(feature = "gpu")]
        super::Device::Gpu => run_on(&super::open(super::gpu(None)?, &model)?, &model, told, args),
    }
}

impl IndexArgs {
    fn kind(&self) -> Kind {
        if self.part.is_some() { Kind::Part } else { Kind::Catalog }
    }

    /// What this run and earlier ones were told; says which options are earlier ones'.
    fn told(&self) -> Told {
        let (title, meta, model) = (self.title.clone(), self.meta.clone(), self.model.clone());
        let clusters = self.clusters.map(|clusters| clusters.to_string());
        let (attributes, photo_size) = (self.attributes.clone(), self.photo_size);
        let of_feed = Some(is_feed(&self.photos));
        let mut now = Told { title, meta, attributes, model, clusters, photo_size, of_feed, ..Told::default() };
        self.reading.tell(&mut now);
        self.filters.tell(&mut now);
        now.folders = self.folders.and_then(|folders| Some(folders.to_possible_value()?.get_name().to_string()));
        let before = if self.forget { Told::default() } else { Told::read(&self.out) };
        let told = now.clone().or(&before);
        let kept = told.besides(&now);
        if !kept.is_empty() {
            let kept = kept.join(", ");
            print::note(format_args!("as in the run before: {kept}; give it again to change it, or --forget"));
        }
        told
    }

    /// The photos, and what is known of them: from a feed, or from a folder and its file of metadata.
    fn source(&self, told: &Told) -> anyhow::Result<Source> {
        if !is_feed(&self.photos) {
            let (meta, metadata) = self.metadata(told)?;
            let is_row = |name: &str| metadata.has(name);
            let folders = told.folders.as_deref().and_then(|folders| FolderChoice::from_str(folders, true).ok());
            let mut photos = PhotoSource::open_products(&self.photos, folders.unwrap_or_default(), &is_row)?;
            let met = (!metadata.is_empty()).then(|| meet(&mut photos, &metadata));
            say_products(&photos);
            return Ok(Source { photos, metadata, meta, met });
        }
        if self.meta.is_some() {
            bail!("indexing: expected a feed or --meta, got both; a feed holds what is known of its photos");
        }
        let reading = self.reading.clone().or(told);
        let options = reading.options(told.attributes.as_deref().unwrap_or_default())?;
        let mut feed = feeds::read(&self.photos, &options)?;
        reading.bring(&mut feed)?;
        super::feed::say(&feed, told.hide.as_deref().unwrap_or_default());
        let name = self.photos.file_name().unwrap_or_default().to_string_lossy();
        let Indexed { photos, metadata } = index_feed(&feed, &name);
        Ok(Source { photos, metadata, meta: None, met: None })
    }

    /// The file of metadata, and what is in it: the one that was told, else items.csv beside the photos.
    fn metadata(&self, told: &Told) -> anyhow::Result<(Option<PathBuf>, Metadata)> {
        let beside = Some(self.photos.join("items.csv")).filter(|path| path.exists());
        let path = told.meta.clone().or(beside);
        if let (Some(path), None) = (&path, &self.meta)
            && !path.exists()
        {
            bail!(
                "reading metadata: expected {}, as the run before was given it, got none; put it back, name another \
                 with --meta, or --forget it",
                path.display()
            );
        }
        let options = self.reading.clone().or(told).options(told.attributes.as_deref().unwrap_or_default())?;
        let options = feeds::Options { without_photos: true, ..options };
        let metadata = path.as_deref().map(|path| Metadata::open(path, &options)).transpose()?.unwrap_or_default();
        Ok((path, metadata))
    }
}

/// What is indexed.
struct Source {
    photos: PhotoSource,
    metadata: Metadata,
    /// The file of metadata, where it is not the source itself.
    meta: Option<PathBuf>,
    /// How photos and rows met.
    met: Option<Met>,
}

/// Says which photos are taken for those of one product.
fn say_products(photos: &PhotoSource) {
    let products = photos.products();
    if products.is_empty() {
        return;
    }
    let views = photos.ids().iter().filter(|id| photos.product(id).is_some()).count();
    print::note(format_args!(
        "{views} photos show {} products that have several ({}); --folders categories takes each photo for a product",
        products.len(),
        print::samples(products.iter().copied())
    ));
}

/// Whether a source is a feed: a file that is no archive.
fn is_feed(path: &Path) -> bool {
    let start = std::fs::File::open(path).and_then(|mut file| {
        let mut start = [0; 2];
        std::io::Read::read_exact(&mut file, &mut start).map(|()| start)
    });
    path.is_file() && start.is_ok_and(|start| &start != b"PK")
}

fn run_on<B: Backend>(engine: &Engine<B>, model: &Path, told: Told, args: IndexArgs) -> anyhow::Result<()>
where
    Engine<B>: Sync,
{
    let Source { photos, mut metadata, meta, met } = args.source(&told)?;
    if metadata.hash().is_none() && told.attributes.is_some() {
        bail!("indexing: expected a file of metadata for --attributes, got none; name it with --meta");
    }
    metadata.hide(told.hide.as_deref().unwrap_or_default());
    let facets = choose(&told, &metadata.attributes())?;
    let inputs: Vec<&Path> = [&*args.photos, model].into_iter().chain(meta.as_deref()).collect();
    let out = Growth::new(args.kind(), &args.out, &inputs)?;
    told.write(&out)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let clusters = told.clusters.as_deref().and_then(|clusters| clusters.parse().ok());
    let indexer = Indexer {
        engine,
        photos: &photos,
        metadata: &metadata,
        met,
        out: &out,
        part: args.part,
        clusters: args.clusters.or(clusters).unwrap_or_default(),
        photo_size: told.photo_size.unwrap_or(LONGEST),
        title: told.title.clone().unwrap_or(TITLE.into()),
        facets,
        jobs: args.jobs.unwrap_or(cores),
    };
    let bar = super::bar(indexer.ids().len(), "indexing");
    let summary = indexer.run(&|| bar.inc(1))?;
    bar.finish_and_clear();
    report(&summary, &args.out, args.json, args.strict)
}

/// Things left out that are named for each reason; `--json` names all.
const NAMED: usize = 20;

/// Says what is in a catalog, or in a part of one, and what was left out.
///
/// # Errors
/// With `strict` if anything was.
pub fn report(summary: &Summary, out: &Path, json: bool, strict: bool) -> anyhow::Result<()> {
    if let Some(columns) = &summary.columns {
        vitrine::print::note(columns.sentence());
    }
    name_left_out(&summary.left_out, &summary.reasons);
    if json {
        vitrine::print::line(serde_json::to_string(summary)?)?;
    } else {
        vitrine::print::line(format_args!(
            "{}: {} products, {} photos in {} shards ({} encoded, {} kept, {} skipped)",
            out.display(),
            summary.products,
            summary.photos,
            summary.shards,
            summary.encoded,
            summary.kept,
            summary.skipped.len()
        ))?;
    }
    let counted = count_left_out(&summary.left_out, &summary.reasons, out, strict);
    // last, where nobody misses it
    if let Some(met) = &summary.met {
        let level = if met.met == 0 { "warning: " } else { "" };
        met.explanation.iter().for_each(|told| print::note(format_args!("{level}{told}")));
    }
    counted
}

/// Names what was left out, some of each reason.
pub fn name_left_out(left_out: &[LeftOut], reasons: &BTreeMap<Reason, usize>) {
    for (reason, &count) in reasons {
        let these = left_out.iter().filter(|one| one.reason == *reason);
        let said = |one: &LeftOut| print::note(format_args!("skipped {}: {}", one.what, one.message));
        these.take(NAMED).for_each(said);
        if count > NAMED {
            print::note(format_args!("skipped {} more ({}); --json names all", count - NAMED, reason.code()));
        }
    }
}

/// Counts what was left out.
///
/// # Errors
/// With `strict` if anything was.
pub fn count_left_out(
    left_out: &[LeftOut],
    reasons: &BTreeMap<Reason, usize>,
    out: &Path,
    strict: bool,
) -> anyhow::Result<()> {
    let counts: Vec<String> = reasons.iter().map(|(reason, n)| format!("{n} {}", reason.code())).collect();
    let all = format!("{} left out: {}", left_out.len(), counts.join(", "));
    match counts.is_empty() {
        true => Ok(()),
        false if strict => {
            anyhow::bail!("{}: expected to leave nothing out, got {all}; mend what is named", out.display())
        }
        false => {
            vitrine::print::note(all);
            Ok(())
        }
    }
}
