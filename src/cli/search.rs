//! `vitrine search`: one query against a catalog folder.

use anyhow::Context;
use clap::Args;
use std::path::PathBuf;
use vitrine::backend::Backend;
#[cfg(feature = "gpu")]
use vitrine::backend::gpu::{Precision, scan};
use vitrine::catalog::folder::Folder;
use vitrine::catalog::format::Item;
use vitrine::engine::{Engine, Mode, Place, Query, Request, Response, Shop};
use vitrine::model::folder::Description;
use vitrine::print;
use vitrine::search::Searchable;
use vitrine::search::glossary::Glossaries;
use vitrine::search::opened::Catalog;
use vitrine::search::query::Typed;
use vitrine::search::ranking::Relevance;
use vitrine::search::words::TextIndex;
use vitrine::site::relevance;
use vitrine::terminal::harmless;

/// Search a catalog with words, a photo, or both
#[derive(Args)]
pub struct SearchArgs {
    /// Catalog folder, or a ZIP archive of one
    catalog: PathBuf,
    /// Words; -WORD leaves out what the word describes
    #[arg(long, allow_hyphen_values = true)]
    text: Option<String>,
    /// Photo file
    #[arg(long)]
    image: Option<PathBuf>,
    /// 0 like the words … 1 like the photo
    #[arg(long, value_parser = clap::value_parser!(f32))]
    like: Option<f32>,
    /// What answers: words and vectors together, or one of them
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Number of results
    #[arg(short, long, default_value_t = 10)]
    k: usize,
    /// Model folder [default: the one that ships]
    #[arg(long, default_value_os_t = super::home::model(), hide_default_value = true)]
    model: PathBuf,
    /// Where to compute
    #[arg(long, value_enum, default_value_t)]
    backend: super::Device,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Searches and prints the hits.
pub fn run(args: SearchArgs) -> anyhow::Result<()> {
    let place = super::archive::Catalog::open(&args.catalog)?;
    let folder = Folder::open(&place.folder)?;
    let items = folder.items()?;
    let response = match args.backend {
        super::Device::Cpu => {
            let engine = super::open(super::Native::new(), &args.model)?;
            let catalog = Catalog::of_folder(&folder, Some(&engine.description().fingerprint))?;
            search(&args, &engine, &folder, &items, catalog.index(), &catalog)?
        }
        #[cfg(feature = "gpu")]
        super::Device::Gpu => {
            let gpu = super::gpu(Some(Precision::F32))?;
            let engine = super::open(gpu.clone(), &args.model)?;
            let catalog = Catalog::of_folder(&folder, Some(&engine.description().fingerprint))?;
            let mut vectors = scan::Vectors::new(&gpu, catalog.manifest.dimension);
            catalog.index().upload(&gpu, &mut vectors)?;
            search(&args, &engine, &folder, &items, &vectors, &catalog)?
        }
    };
    report(&response, &items, args.json)?;
    Ok(())
}

/// Asks the engine on whichever device holds the vectors.
fn search<B: Backend, S: Searchable<B>>(
    args: &SearchArgs,
    engine: &Engine<B>,
    folder: &Folder,
    items: &[Item],
    vectors: &S,
    catalog: &Catalog,
) -> anyhow::Result<Response> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("reading photo {}", path.display()));
    let photo = args.image.as_ref().map(read).transpose()?;
    let query = Query { photo: photo.as_deref(), text: args.text.as_deref(), like: args.like };
    let words = TextIndex::of(items);
    let glossaries = Glossaries::shipped()?;
    let shop = Shop::new(&words, catalog.index()).reading(&glossaries);
    let relevance = limits(args, shop, folder, engine.description())?;
    let place = Place { vectors, shop: Some(shop), relevance, rows: items.len() };
    let request = Request { query, mode: args.mode, k: args.k, ..Request::default() };
    Ok(pollster::block_on(engine.search(request, &place))?)
}

/// Where good matches end, which takes a second to measure: only a word to leave out that no title knows needs it.
fn limits(
    args: &SearchArgs,
    shop: Shop<'_>,
    folder: &Folder,
    model: &Description,
) -> anyhow::Result<Option<Relevance>> {
    let without = args.text.as_deref().map(Typed::read).unwrap_or_default().without;
    match without.iter().any(|word| shop.rows(word).is_empty()) {
        true => Ok(relevance::measure(folder, &args.model, model)?.map(|limits| limits.full)),
        false => Ok(None),
    }
}

fn report(response: &Response, items: &[Item], json: bool) -> vitrine::Result<()> {
    let mut hits = response.hits.iter().map(|hit| (hit, &items[hit.row as usize]));
    let read = &response.reading;
    if let (Some(script), false) = (read.script, json) {
        print::note(format_args!("not understood: letters of the script {script}; write it in Latin letters"));
    } else if let (false, false) = (read.unknown.is_empty(), json) {
        print::note(format_args!("not understood: {}", harmless(&read.unknown.join(", "))));
    }
    if !json {
        return hits.try_for_each(|(hit, item)| {
            let (id, title) = (harmless(&item.id), harmless(&item.title));
            print::line(format_args!("{:.3}  {id:<12} {title}", hit.score))
        });
    }
    let hit = |(hit, item): (&vitrine::search::Hit, &Item)| {
        serde_json::json!({"row": hit.row, "id": item.id, "score": hit.score, "title": item.title,
            "attributes": item.attributes})
    };
    let hits: Vec<_> = hits.map(hit).collect();
    let encoded = &response.encoded;
    let attention = serde_json::json!({"photo": encoded.photo, "words": encoded.words,
        "modalities": encoded.modalities});
    let reading = serde_json::json!({"language": read.language.code(), "english": read.english,
        "unknown": read.unknown, "script": read.script});
    print::line(serde_json::json!({"hits": hits, "attention": attention, "reading": reading, "ms": encoded.ms}))
}
