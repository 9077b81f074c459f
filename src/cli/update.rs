//! `vitrine update`: a newer feed or file of metadata for a catalog that is there.

use super::index::{Filters, choose, count_left_out, name_left_out};
use anyhow::bail;
use clap::Args;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use vitrine::catalog::assembly::{Entry, same_name};
use vitrine::catalog::folder::Folder;
use vitrine::engine::Engine;
use vitrine::error::{LeftOut, Reason};
use vitrine::feeds::{self, Feed, Options};
use vitrine::indexer::{
    Choice, ClusterChoice, Indexed, Indexer, LONGEST, Metadata, News, Told, Update, Updated, index_feed,
};
use vitrine::photos::PhotoSource;
use vitrine::print;
use vitrine::staging::{self, Growth, Kind};

/// Take over prices, stock, titles, attributes and removals from a newer feed or file of metadata; encode new photos alone
#[derive(Args)]
pub struct UpdateArgs {
    /// Catalog folder, which `index` or `merge` made
    catalog: PathBuf,
    /// The newer feed, or file of metadata, of the whole assortment: products that it does not name go
    #[arg(long, value_name = "FILE|FEED")]
    meta: PathBuf,
    #[command(flatten)]
    reading: super::feed::Reading,
    /// Columns that visitors may see beside the usual ones
    #[arg(long, value_name = "COLUMN,COLUMN", value_delimiter = ',')]
    attributes: Option<Vec<String>>,
    #[command(flatten)]
    filters: Filters,
    /// Model folder, which new photos need [default: the one that the catalog was made with]
    #[arg(long)]
    model: Option<PathBuf>,
    /// The catalog's title [default: as it is]
    #[arg(long)]
    title: Option<String>,
    /// Workers [default: one a core]
    #[arg(long)]
    jobs: Option<usize>,
    /// Exit with 1 if anything was left out; the catalog is written all the same
    #[arg(long)]
    strict: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Updates, and says what has changed.
pub fn run(args: UpdateArgs) -> anyhow::Result<()> {
    staging::check(Kind::Catalog, &args.catalog, &[&args.meta])?;
    // nothing is made where there is no catalog
    Folder::open(&args.catalog)?;
    let mut told = args.told();
    let out = Growth::new(Kind::Catalog, &args.catalog, &[&args.meta])?;
    let mut update = Update::open(&Folder::open(&args.catalog)?, out.path())?;
    let mut news = args.read(&told, told.of_feed.unwrap_or(update.is_of_feed()))?;
    let (hidden, name) = (told.hide.clone().unwrap_or_default(), args.name());
    let facets = match &mut news {
        Read::Feed(feed) => {
            update.plan(&News::Feed { feed, name: &name, hidden: &hidden })?;
            let names = feed.products.iter().flat_map(|product| product.attributes.iter()).map(|(name, _)| name);
            choose(&told, &names.filter(|name| !hidden.iter().any(|hidden| same_name(hidden, name))).collect())?
        }
        Read::Table(metadata) => {
            metadata.hide(&hidden);
            // the next run of `index` reads this table too
            told.meta = Some(std::path::absolute(&args.meta)?);
            update.plan(&News::Table(metadata))?;
            choose(&told, &metadata.attributes())?
        }
    };
    let (encoded, failed) = args.encode(&update, &news, &told, &out)?;
    let clusters = told.clusters.as_deref().and_then(|clusters| clusters.parse::<ClusterChoice>().ok());
    let choice = Choice { title: args.title.clone(), facets, clusters };
    let updated = update.apply(&out, &choice, encoded, failed)?;
    told.write(&out)?;
    report(&updated, &args)
}

/// What the file holds.
enum Read {
    Feed(Feed),
    Table(Box<Metadata>),
}

impl UpdateArgs {
    /// The file's name.
    fn name(&self) -> String {
        self.meta.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What this run and those that made the catalog were told.
    fn told(&self) -> Told {
        let (title, attributes) = (self.title.clone(), self.attributes.clone());
        let mut now = Told { title, attributes, ..Told::default() };
        self.reading.tell(&mut now);
        self.filters.tell(&mut now);
        now.or(&Told::read(&self.catalog))
    }

    fn options(&self, told: &Told) -> anyhow::Result<Options> {
        let options = self.reading.clone().or(told).options(told.attributes.as_deref().unwrap_or_default())?;
        Ok(Options { without_photos: true, ..options })
    }

    /// Reads the file: as a feed where the catalog was made of one, else as what is known of photos.
    fn read(&self, told: &Told, of_feed: bool) -> anyhow::Result<Read> {
        let options = self.options(told)?;
        if of_feed {
            return Ok(Read::Feed(feeds::read(&self.meta, &options)?));
        }
        Ok(Read::Table(Box::new(Metadata::open(&self.meta, &options)?)))
    }

    /// Encodes the photos that are new; those that cannot be are named, whatever the reason.
    fn encode(
        &self,
        update: &Update,
        news: &Read,
        told: &Told,
        out: &Growth,
    ) -> anyhow::Result<(HashMap<String, Entry>, Vec<LeftOut>)> {
        let ids: Vec<String> = update.new_photos().map(|(id, _)| id.to_string()).collect();
        let Read::Feed(feed) = news else { return Ok(Default::default()) };
        if ids.is_empty() {
            return Ok(Default::default());
        }
        let model = self.model.clone().or(told.model.clone()).unwrap_or_else(super::home::model);
        let engine = match open(&model, &update.manifest().model.fingerprint) {
            Ok(engine) => engine,
            Err(why) => {
                let named = |id: &String| LeftOut::new(Reason::NotEncoded, id, format!("{why}; then update again"));
                return Ok((HashMap::new(), ids.iter().map(named).collect()));
            }
        };
        let (photos, mut failed) = self.fetch(update, feed, told)?;
        if photos.ids().is_empty() {
            return Ok((HashMap::new(), failed));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let metadata = Metadata::default();
        let bar = super::bar(photos.ids().len(), "new photos");
        let indexer = Indexer {
            engine: &engine,
            photos: &photos,
            metadata: &metadata,
            met: None,
            out,
            part: None,
            clusters: ClusterChoice::Auto,
            photo_size: told.photo_size.unwrap_or(LONGEST),
            title: String::new(),
            facets: Default::default(),
            jobs: self.jobs.unwrap_or(cores),
        };
        let (encoded, not) = indexer.encode(&|| bar.inc(1))?;
        bar.finish_and_clear();
        failed.extend(not);
        Ok((encoded, failed))
    }

    /// Brings the photos that are new: each under the id of its row, and why others are not here.
    fn fetch(&self, update: &Update, feed: &Feed, told: &Told) -> anyhow::Result<(PhotoSource, Vec<LeftOut>)> {
        // each new photo as a product of its own, so that what fails names its row
        let Some(any) = feed.products.first() else { bail!("updating: expected products in the feed, got none") };
        let new = update.new_photos().map(|(id, photo)| feeds::Product {
            id: id.to_string(),
            photos: vec![photo.clone()],
            ..any.clone()
        });
        let mut new = Feed { products: new.collect(), left_out: Vec::new(), warnings: Vec::new(), ..feed.clone() };
        self.reading.clone().or(told).bring(&mut new)?;
        let failed = new
            .left_out
            .iter()
            .map(|one| LeftOut::new(Reason::NotEncoded, &one.id, format!("{}; mend it and update again", one.reason)));
        let failed = failed.collect();
        let Indexed { photos, .. } = index_feed(&new, "");
        Ok((photos, failed))
    }
}

/// The model, if it is the catalog's.
fn open(model: &Path, fingerprint: &str) -> anyhow::Result<Engine<super::Native>> {
    let engine = super::open(super::Native::new(), model)?;
    let got = &engine.description().fingerprint;
    if got != fingerprint {
        bail!(
            "encoding new photos: expected the model {fingerprint}, got {got} in {}; name it with --model",
            model.display()
        );
    }
    Ok(engine)
}

fn report(updated: &Updated, args: &UpdateArgs) -> anyhow::Result<()> {
    updated.warnings.iter().for_each(|warning| print::note(format_args!("warning: {warning}")));
    name_left_out(&updated.left_out, &updated.reasons);
    if args.json {
        print::line(serde_json::to_string(updated)?)?;
    } else {
        let Updated { photos, products, changed, added, removed, same, encoded, files_written, .. } = updated;
        print::line(format_args!(
            "{}: {products} products, {photos} photos ({changed} changed, {added} added, {removed} removed, {same} as they \
             were; {encoded} photos encoded, {files_written} files written)",
            args.catalog.display(),
        ))?;
    }
    count_left_out(&updated.left_out, &updated.reasons, &args.catalog, args.strict)
}
