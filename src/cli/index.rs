//! `vitrine index`: photos → a catalog folder.

use clap::Args;
use std::path::PathBuf;
use vitrine::indexer::{Indexer, Metadata};
use vitrine::photos::PhotoSource;

/// Make a catalog of a folder or ZIP archive of photos; run it again after changes, or after an interruption
#[derive(Args)]
pub struct IndexArgs {
    /// Folder or ZIP archive of photos; a photo's id is its file name without the ending
    photos: PathBuf,
    /// Catalog folder
    #[arg(long)]
    out: PathBuf,
    /// CSV file with an id column, and title, link, price and attribute columns (default: items.csv beside the photos)
    #[arg(long)]
    meta: Option<PathBuf>,
    /// Model folder
    #[arg(long, default_value = "models/default")]
    model: PathBuf,
    /// Workers [default: one a core]
    #[arg(long)]
    jobs: Option<usize>,
    /// The catalog's title
    #[arg(long, default_value = "Catalog")]
    title: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Indexes, reports what was skipped, and prints a summary.
pub fn run(args: IndexArgs) -> anyhow::Result<()> {
    let photos = PhotoSource::open(&args.photos)?;
    let beside = args.photos.join("items.csv");
    let metadata = match (&args.meta, beside.exists()) {
        (Some(path), _) => Metadata::read(path)?,
        (None, true) => Metadata::read(&beside)?,
        (None, false) => Metadata::default(),
    };
    let engine = super::open(&args.model)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let bar = super::bar(photos.ids().len(), "indexing");
    let indexer = Indexer {
        engine: &engine,
        photos: &photos,
        metadata: &metadata,
        out: &args.out,
        title: args.title,
        jobs: args.jobs.unwrap_or(cores),
    };
    let summary = indexer.run(&|| bar.inc(1))?;
    bar.finish_and_clear();
    for (id, reason) in &summary.skipped {
        eprintln!("skipped {id}: {reason}");
    }
    for duplicate in photos.duplicates() {
        let vitrine::photos::Duplicate { id, kept, left_out } = duplicate;
        eprintln!("skipped {left_out}: {kept} has the same id {id}; rename one of them");
    }
    if args.json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        println!(
            "{}: {} photos in {} shards ({} encoded, {} kept, {} skipped)",
            args.out.display(),
            summary.photos,
            summary.shards,
            summary.encoded,
            summary.kept,
            summary.skipped.len()
        );
    }
    Ok(())
}
