//! `vitrine index`: a shop's feed, or photos → a catalog folder.

use anyhow::bail;
use clap::Args;
use std::path::{Path, PathBuf};
use vitrine::backend::Backend;
use vitrine::engine::Engine;
use vitrine::feeds;
use vitrine::indexer::{CellChoice, Indexed, Indexer, LONGEST, Metadata, PartOf, Summary, TITLE, Told, index_feed};
use vitrine::photos::PhotoSource;
use vitrine::print;
use vitrine::staging::{self, Growth, Kind};

/// Make a catalog of a shop's export, or of a folder or ZIP archive of photos; run it again after changes, or after an
/// interruption
#[derive(Args)]
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
    /// Model folder [default: models/default]
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
    /// Cells of a clustered catalog, of which the page fetches only those near a query: a number, none, or auto (from
    /// 100,000 photos on) [default: auto]
    #[arg(long, value_name = "auto|none|N", conflicts_with = "part")]
    cells: Option<CellChoice>,
    /// Longest side of the photos that visitors see, in pixels [default: 640, enough for the cards of a sharp screen]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(64..=4096))]
    photo_size: Option<u32>,
    /// Forget the --title, --meta, --attributes, --model, --cells and --photo-size of earlier runs into this folder, which else count again
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
        let cells = self.cells.map(|cells| cells.to_string());
        let (shop, currency) = self.reading.told();
        let (attributes, photo_size) = (self.attributes.clone(), self.photo_size);
        let now = Told { title, meta, attributes, model, cells, photo_size, shop, currency };
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
            let photos = PhotoSource::open(&self.photos)?;
            let (meta, metadata) = self.metadata(told)?;
            return Ok(Source { photos, metadata, meta });
        }
        if self.meta.is_some() {
            bail!("indexing: expected a feed or --meta, got both; a feed holds what is known of its photos");
        }
        let options = self
            .reading
            .clone()
            .or(told.shop.as_deref(), told.currency.as_deref())
            .options(told.attributes.as_deref().unwrap_or_default())?;
        let mut feed = feeds::read(&self.photos, &options)?;
        self.reading.bring(&mut feed)?;
        super::feed::say(&feed);
        let name = self.photos.file_name().unwrap_or_default().to_string_lossy();
        let Indexed { photos, metadata } = index_feed(&feed, &name);
        Ok(Source { photos, metadata, meta: None })
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
        let named = told.attributes.as_deref().unwrap_or_default();
        let read = |path| Metadata::read(path, named);
        let metadata = path.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok((path, metadata))
    }
}

/// What is indexed.
struct Source {
    photos: PhotoSource,
    metadata: Metadata,
    /// The file of metadata, where it is not the source itself.
    meta: Option<PathBuf>,
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
    let Source { photos, metadata, meta } = args.source(&told)?;
    if metadata.hash().is_none() && told.attributes.is_some() {
        bail!("indexing: expected a file of metadata for --attributes, got none; name it with --meta");
    }
    let inputs: Vec<&Path> = [&*args.photos, model].into_iter().chain(meta.as_deref()).collect();
    let out = Growth::new(args.kind(), &args.out, &inputs)?;
    told.write(&out)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cells = told.cells.as_deref().and_then(|cells| cells.parse().ok());
    let indexer = Indexer {
        engine,
        photos: &photos,
        metadata: &metadata,
        out: &out,
        part: args.part,
        cells: args.cells.or(cells).unwrap_or_default(),
        photo_size: told.photo_size.unwrap_or(LONGEST),
        title: told.title.clone().unwrap_or(TITLE.into()),
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
    for (reason, &count) in &summary.reasons {
        let these = summary.left_out.iter().filter(|one| one.reason == *reason);
        let said = |one: &vitrine::error::LeftOut| {
            vitrine::print::note(format_args!("skipped {}: {}", one.what, one.message));
        };
        these.take(NAMED).for_each(said);
        if count > NAMED {
            let more = format_args!("skipped {} more ({}); --json names all", count - NAMED, reason.code());
            vitrine::print::note(more);
        }
    }
    if json {
        vitrine::print::line(serde_json::to_string(summary)?)?;
    } else {
        vitrine::print::line(format_args!(
            "{}: {} photos in {} shards ({} encoded, {} kept, {} skipped)",
            out.display(),
            summary.photos,
            summary.shards,
            summary.encoded,
            summary.kept,
            summary.skipped.len()
        ))?;
    }
    let counts: Vec<String> = summary.reasons.iter().map(|(reason, n)| format!("{n} {}", reason.code())).collect();
    let all = format!("{} left out: {}", summary.left_out.len(), counts.join(", "));
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
