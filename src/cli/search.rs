//! `vitrine search`: one query against a catalog folder.

use anyhow::Context;
use clap::Args;
use std::path::{Path, PathBuf};
#[cfg(feature = "gpu")]
use vitrine::backend::gpu::Arithmetic;
use vitrine::engine::{Catalog, Encoded, Query};
use vitrine::search::{Filter, Hit};
use vitrine::shard::Item;
use vitrine::terminal::harmless;

/// Search a catalog with words, a photo, or both
#[derive(Args)]
pub struct SearchArgs {
    /// Catalog folder, or a ZIP archive of one
    catalog: PathBuf,
    /// Words
    #[arg(long)]
    text: Option<String>,
    /// Photo file
    #[arg(long)]
    image: Option<PathBuf>,
    /// 0 like the words … 1 like the photo
    #[arg(long, value_parser = clap::value_parser!(f32))]
    like: Option<f32>,
    /// Number of results
    #[arg(short, long, default_value_t = 10)]
    k: usize,
    /// Model folder
    #[arg(long, default_value = "models/default")]
    model: PathBuf,
    /// Where to compute
    #[arg(long, value_enum, default_value_t)]
    backend: super::Device,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Searches and prints the results.
pub fn run(args: SearchArgs) -> anyhow::Result<()> {
    let place = super::archive::Catalog::open(&args.catalog)?;
    let photo = args
        .image
        .as_ref()
        .map(|path| std::fs::read(path).with_context(|| format!("reading photo {}", path.display())));
    let photo = photo.transpose()?;
    let query = Query { photo: photo.as_deref(), text: args.text.as_deref(), like: args.like };
    let (catalog, encoded, hits) = match args.backend {
        super::Device::Cpu => on_processor(&args, &place.folder, query)?,
        #[cfg(feature = "gpu")]
        super::Device::Gpu => on_device(&args, &place.folder, query)?,
    };
    let items = items(&place.folder, &catalog)?;
    let found: Vec<_> = hits
        .iter()
        .map(|hit| {
            let item = &items[hit.row as usize];
            serde_json::json!({"row": hit.row, "id": item.id, "score": hit.score, "title": item.title,
                "attributes": item.attributes})
        })
        .collect();
    if args.json {
        let attention = serde_json::json!({"photo": encoded.photo, "words": encoded.words,
            "modalities": encoded.modalities});
        vitrine::print::line(format_args!(
            "{}",
            serde_json::json!({"hits": found, "attention": attention, "ms": encoded.ms})
        ))?;
        return Ok(());
    }
    for (hit, item) in hits.iter().map(|hit| (hit, &items[hit.row as usize])) {
        vitrine::print::line(format_args!("{:.3}  {:<12} {}", hit.score, harmless(&item.id), harmless(&item.title)))?;
    }
    Ok(())
}

type Answer = (Catalog, Encoded, Vec<Hit>);

fn on_processor(args: &SearchArgs, folder: &Path, query: Query<'_>) -> anyhow::Result<Answer> {
    let engine = super::open(super::Native::for_search(), &args.model)?;
    let catalog = Catalog::open_folder(folder, Some(&engine.description().fingerprint))?;
    let encoded = pollster::block_on(engine.encode(query))?;
    let hits = catalog.index().top_k(&encoded.vector, args.k, Filter::default())?;
    Ok((catalog, encoded, hits))
}

#[cfg(feature = "gpu")]
fn on_device(args: &SearchArgs, folder: &Path, query: Query<'_>) -> anyhow::Result<Answer> {
    use vitrine::backend::gpu::scan::Vectors;
    let gpu = super::gpu(Some(Arithmetic::F32))?;
    let engine = super::open(gpu.clone(), &args.model)?;
    let catalog = Catalog::open_folder(folder, Some(&engine.description().fingerprint))?;
    let mut vectors = Vectors::new(&gpu, catalog.manifest.dimension);
    catalog.index().upload(&gpu, &mut vectors)?;
    let (encoded, hits) = pollster::block_on(engine.search(query, &vectors, args.k, Filter::default()))?;
    Ok((catalog, encoded, hits))
}

fn items(folder: &std::path::Path, catalog: &Catalog) -> anyhow::Result<Vec<Item>> {
    let mut items = Vec::with_capacity(catalog.manifest.count);
    for shard in &catalog.manifest.shards {
        let path = folder.join(&shard.items.file);
        let bytes = std::fs::read(&path).map_err(vitrine::error::io("reading", &path))?;
        shard.items.verify(&bytes)?;
        let part: Vec<Item> = serde_json::from_slice(&bytes).with_context(|| format!("reading {}", path.display()))?;
        items.extend(part);
    }
    anyhow::ensure!(
        items.len() == catalog.manifest.count,
        "reading catalog: expected {} items, got {}; index the photos again",
        catalog.manifest.count,
        items.len()
    );
    Ok(items)
}
