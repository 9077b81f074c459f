//! `vitrine eval --catalog`: how well the whole search finds, as the page answers.

use super::eval::{EvalArgs, ReferenceAs, cut_offs, metric_table, name, seed_rows};
use anyhow::Context;
use pollster::block_on;
use std::fmt::Write as _;
use std::path::Path;
use vitrine::Error;
use vitrine::catalog::folder::Folder;
use vitrine::engine::{Engine, Mode, Place, Query, Request, Shop};
use vitrine::eval::queries;
use vitrine::eval::whole::{Answer, Asked, Products, Report};
use vitrine::search::Filter;
use vitrine::search::glossary::Glossaries;
use vitrine::search::joined::Weights;
use vitrine::search::opened::Catalog;
use vitrine::search::words::TextIndex;
use vitrine::site::relevance;

/// Measures and prints.
pub fn run(args: &EvalArgs, catalog: &Path) -> anyhow::Result<()> {
    let mode = args.of_search()?;
    let queries = queries::read(args.queries.as_deref().unwrap_or(Path::new("")))?;
    let weights = match &args.weights {
        Some(path) => {
            let text = std::fs::read(path).with_context(|| format!("reading weights {}", path.display()))?;
            serde_json::from_slice(&text).with_context(|| format!("reading weights {}", path.display()))?
        }
        None => Weights::default(),
    };
    let place = super::archive::Catalog::open(catalog)?;
    let folder = Folder::open(&place.folder)?;
    let items = folder.items()?;
    let engine = super::open_tier(super::Native::new(), &args.model, args.tier)?;
    let opened = Catalog::of_folder(&folder, Some(&engine.description().fingerprint))?;
    let index = TextIndex::of(&items);
    let limits = relevance::measure(&folder, &args.model, engine.description())?.map(|limits| limits.of(args.tier));
    let glossaries = Glossaries::shipped()?;
    let shop = Shop { index: &index, vectors: opened.index(), weights, glossaries: Some(&glossaries) };
    let ks = cut_offs(args);
    let whole = Whole {
        engine,
        place: Place { vectors: opened.index(), shop: Some(shop), relevance: limits, rows: items.len() },
        photo_of: &|row| {
            let path = place.folder.join(&*folder.manifest.photos).join(&*items[row as usize].photo);
            std::fs::read(&path).map_err(vitrine::error::io("reading", &path))
        },
        mode,
        reference_as: args.reference_as,
        k: ks[ks.len() - 1] + 1,
    };
    let report = Products::of(&items).measure(&queries, mode, &ks, |asked| whole.ask(asked))?;
    let text = if args.json { serde_json::to_string(&report)? } else { tables(&report)? };
    vitrine::print::line(text.trim_end())?;
    Ok(())
}

/// Everything that answers a query.
struct Whole<'a> {
    engine: Engine<super::Native>,
    place: Place<'a, vitrine::search::Index>,
    photo_of: &'a dyn Fn(u32) -> Result<Vec<u8>, Error>,
    mode: Mode,
    reference_as: ReferenceAs,
    k: usize,
}

impl Whole<'_> {
    fn ask(&self, asked: &Asked<'_>) -> Result<Answer, Error> {
        let photo = asked.reference.map(self.photo_of).transpose()?;
        let exclude: Vec<u32> = asked.reference.into_iter().collect();
        let request = Request {
            query: Query { photo: photo.as_deref(), text: asked.text, like: None },
            product: asked.reference.filter(|_| self.reference_as == ReferenceAs::Product),
            mode: self.mode,
            filter: Filter { only: None, exclude: &exclude },
            k: self.k,
        };
        let response = block_on(self.engine.search(request, &self.place))?;
        Ok(Answer { hits: response.hits, good: response.good })
    }
}

fn tables(report: &Report) -> Result<String, std::fmt::Error> {
    let mut out = format!(
        "{} queries, {} products, mode {}, {:.1} ms a query\n",
        report.queries,
        report.gallery,
        name(&report.mode),
        report.ms_per_query
    );
    metric_table(&mut out, &report.metrics)?;
    for (kind, [n, of]) in [("with", report.refused.with_target), ("without", report.refused.without_target)] {
        if of > 0 {
            writeln!(out, "{n} of {of} queries {kind} an answer were told that nothing here is a good match")?;
        }
    }
    seed_rows(&mut out, &report.seed_table)?;
    Ok(out)
}
