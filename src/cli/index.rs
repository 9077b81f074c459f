//! `vitrine index`: photos → a catalog folder.

use clap::Args;
use std::path::{Path, PathBuf};
use vitrine::backend::Backend;
use vitrine::engine::Engine;
use vitrine::indexer::{CellChoice, Indexer, Metadata, PartOf, Summary};
use vitrine::photos::PhotoSource;

/// Make a catalog of a folder or ZIP archive of photos; run it again after changes, or after an interruption
#[derive(Args)]
pub struct IndexArgs {
    /// Folder or ZIP archive of photos; a photo's id is its file name without the ending
    photos: PathBuf,
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
    attributes: Vec<String>,
    /// Model folder
    #[arg(long, default_value = "models/default")]
    model: PathBuf,
    /// Workers [default: one a core]
    #[arg(long)]
    jobs: Option<usize>,
    /// The catalog's title
    #[arg(long, default_value = "Catalog")]
    title: String,
    /// Make only part i of n of the catalog, for `merge` to join: one of several machines, or of several jobs
    #[arg(long, value_name = "I/N")]
    part: Option<PartOf>,
    /// Cells of a clustered catalog, of which the page fetches only those near a query: a number, none, or auto (from
    /// 100,000 photos on)
    #[arg(long, value_name = "auto|none|N", default_value = "auto", conflicts_with = "part")]
    cells: CellChoice,
    /// Where to compute
    #[arg(long, value_enum, default_value_t)]
    backend: super::Device,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Indexes, reports what was skipped, and prints a summary.
pub fn run(args: IndexArgs) -> anyhow::Result<()> {
    match args.backend {
        super::Device::Cpu => run_on(&super::open(super::Native::for_search(), &args.model)?, args),
        #[cfg(feature = "gpu")]
        super::Device::Gpu => run_on(&super::open(super::gpu(None)?, &args.model)?, args),
    }
}

fn run_on<B: Backend>(engine: &Engine<B>, args: IndexArgs) -> anyhow::Result<()>
where
    Engine<B>: Sync,
{
    let photos = PhotoSource::open(&args.photos)?;
    let beside = args.photos.join("items.csv");
    let metadata = match (&args.meta, beside.exists()) {
        (Some(path), _) => Metadata::read(path, &args.attributes)?,
        (None, true) => Metadata::read(&beside, &args.attributes)?,
        (None, false) => Metadata::default(),
    };
    if metadata.columns().is_none() && !args.attributes.is_empty() {
        anyhow::bail!("indexing: expected a file of metadata for --attributes, got none; name it with --meta");
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let indexer = Indexer {
        engine,
        photos: &photos,
        metadata: &metadata,
        out: &args.out,
        part: args.part,
        cells: args.cells,
        title: args.title,
        jobs: args.jobs.unwrap_or(cores),
    };
    let bar = super::bar(indexer.ids().len(), "indexing");
    let summary = indexer.run(&|| bar.inc(1))?;
    bar.finish_and_clear();
    for duplicate in photos.duplicates() {
        let vitrine::photos::Duplicate { id, kept, left_out } = duplicate;
        eprintln!("skipped {left_out}: {kept} has the same id {id}; rename one of them");
    }
    report(&summary, &args.out, args.json)
}

/// Says what is in a catalog, or in a part of one, and what was left out.
pub fn report(summary: &Summary, out: &Path, json: bool) -> anyhow::Result<()> {
    if let Some(columns) = &summary.columns {
        eprintln!("{}", columns.sentence());
    }
    for (id, reason) in &summary.skipped {
        eprintln!("skipped {id}: {reason}");
    }
    if json {
        println!("{}", serde_json::to_string(summary)?);
    } else {
        println!(
            "{}: {} photos in {} shards ({} encoded, {} kept, {} skipped)",
            out.display(),
            summary.photos,
            summary.shards,
            summary.encoded,
            summary.kept,
            summary.skipped.len()
        );
    }
    Ok(())
}
