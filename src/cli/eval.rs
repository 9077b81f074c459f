//! `vitrine eval`: how well a model finds, on a query file or on FashionIQ.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use vitrine::engine::Tier;
use vitrine::eval::embedding::Embedding;
use vitrine::eval::fashioniq::{self, FashionIqReport, Gallery};
use vitrine::eval::metrics::Metrics;
use vitrine::eval::retrieval::{Ids, Report, evaluate};
use vitrine::eval::seed_table::Row;
use vitrine::eval::{Embedder, Mode, queries};
use vitrine::photos::PhotoSource;

/// Measure how well a model finds.
#[derive(Args, Debug)]
pub struct EvalArgs {
    /// Folder or ZIP archive of photos, an id being a file's name without its extension; may be given several times
    #[arg(long, value_name = "PHOTOS", required_unless_present_any = ["fashioniq", "catalog"])]
    images: Vec<PathBuf>,
    /// Catalog folder, or a ZIP archive of one: measures the whole search, as the page answers
    #[arg(long, value_name = "CATALOG", conflicts_with_all = ["fashioniq", "images", "gallery", "embedding"])]
    pub catalog: Option<PathBuf>,
    /// What a query's reference is taken for: a product of the catalog, or a photo of something unknown
    #[arg(long, value_enum, default_value = "product", requires = "catalog")]
    pub reference_as: ReferenceAs,
    /// Other weights of words and vectors than those that ship, as JSON
    #[arg(long, value_name = "FILE", requires = "catalog")]
    pub weights: Option<PathBuf>,
    /// Query file, one {"reference": id, "captions": [..], "targets": [ids]} a line
    #[arg(long, value_name = "Q.jsonl", required_unless_present = "fashioniq", conflicts_with = "fashioniq")]
    pub queries: Option<PathBuf>,
    /// Ids to search in, one a line; all photos without it
    #[arg(long, value_name = "ids.txt", conflicts_with = "fashioniq")]
    gallery: Option<PathBuf>,
    /// FashionIQ in its official layout: captions/, image_splits/, images/ (or the photos given with --images)
    #[arg(long, value_name = "ROOT")]
    fashioniq: Option<PathBuf>,
    /// What FashionIQ's queries search in: the whole validation split, or only its candidates and targets
    #[arg(long, value_enum, default_value = "original", conflicts_with = "queries")]
    split: Gallery,
    /// Model folder [default: the one that ships]
    #[arg(long, default_value_os_t = super::home::model(), hide_default_value = true)]
    pub model: PathBuf,
    /// What turns texts into vectors: the text encoder, or the instant tier that the page answers by until that is here
    #[arg(long, value_enum, default_value = "full")]
    pub tier: Tier,
    /// What answers: fusion, mean, image or text, with fusion being usual; with --catalog hybrid, vector or words, with
    /// hybrid being usual
    #[arg(long, value_enum)]
    mode: Option<AnyMode>,
    /// Forms of the catalog's vectors to measure besides: f32, int8, int4 or binary (with int8 rescoring) at a length,
    /// such as int8@128
    #[arg(long, value_name = "FORM@N,..", value_delimiter = ',')]
    embedding: Vec<Embedding>,
    /// Cut-offs
    #[arg(long = "k", value_name = "K,..", value_delimiter = ',', default_value = "1,5,10,20,30,50")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    ks: Vec<u32>,
    /// Print one JSON object instead of tables
    #[arg(long)]
    pub json: bool,
}

/// What a query's reference is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ReferenceAs {
    /// A product whose attributes are known.
    Product,
    /// A photo of which nothing is known.
    Photo,
}

/// Any of the modes of the model alone and of the whole search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum AnyMode {
    Fusion,
    Mean,
    Image,
    Text,
    Hybrid,
    Vector,
    Words,
}

impl EvalArgs {
    /// What the model's query vectors are made of.
    fn of_model(&self) -> anyhow::Result<Mode> {
        Ok(match self.mode {
            None | Some(AnyMode::Fusion) => Mode::Fusion,
            Some(AnyMode::Mean) => Mode::Mean,
            Some(AnyMode::Image) => Mode::Image,
            Some(AnyMode::Text) => Mode::Text,
            Some(_) => {
                anyhow::bail!("expected mode fusion, mean, image or text, got one of the whole search; add --catalog")
            }
        })
    }

    /// What answers of the whole search.
    pub fn of_search(&self) -> anyhow::Result<vitrine::engine::Mode> {
        use vitrine::engine::Mode;
        Ok(match self.mode {
            None | Some(AnyMode::Hybrid) => Mode::Hybrid,
            Some(AnyMode::Vector) => Mode::Vector,
            Some(AnyMode::Words) => Mode::Words,
            Some(_) => {
                anyhow::bail!("expected mode hybrid, vector or words with --catalog, got one of the model alone")
            }
        })
    }
}

/// Measures the model that `open` loads from a model folder, and prints the report.
pub fn run<E: Embedder>(args: &EvalArgs, open: impl FnOnce(&Path) -> anyhow::Result<E>) -> anyhow::Result<()> {
    // What can be wrong with the arguments is found before the model is loaded.
    let mode = args.of_model()?;
    let text = match &args.fashioniq {
        Some(root) => {
            let photos = match args.images.as_slice() {
                [] => open_photos(&[root.join("images")])?,
                images => open_photos(images)?,
            };
            let categories = fashioniq::CATEGORIES.map(|name| fashioniq::read(root, name, args.split));
            let categories = categories.into_iter().collect::<Result<Vec<_>, _>>()?;
            let embedder = open(&args.model)?;
            let mode = joined(mode, &embedder);
            let report = measure_fashioniq(args, mode, &embedder, &photos, &categories)?;
            report.categories.iter().for_each(|(name, report)| warn(&format!("{name}: "), report));
            if args.json { serde_json::to_string(&report)? } else { fashioniq_tables(&report)? }
        }
        None => {
            let photos = open_photos(&args.images)?;
            let queries = queries::read(args.queries.as_deref().unwrap_or(Path::new("")))?;
            let gallery = match &args.gallery {
                Some(path) => queries::read_ids(path)?,
                None => photos.ids().to_vec(),
            };
            let (embedder, progress) = (open(&args.model)?, progress_bar(""));
            let mode = joined(mode, &embedder);
            let report =
                evaluate(&embedder, &photos, &queries, &gallery, mode, &cut_offs(args), &args.embedding, &progress)?;
            progress.finish_and_clear();
            warn("", &report);
            if args.json { serde_json::to_string(&report)? } else { tables(&report)? }
        }
    };
    vitrine::print::line(text.trim_end())?;
    Ok(())
}

fn measure_fashioniq(
    args: &EvalArgs,
    mode: Mode,
    embedder: &dyn Embedder,
    photos: &PhotoSource,
    categories: &[fashioniq::Category],
) -> anyhow::Result<FashionIqReport> {
    let mut reports = Vec::new();
    for category in categories {
        let progress = progress_bar(category.name);
        let (queries, gallery) = (&category.queries, &category.gallery);
        let report = evaluate(embedder, photos, queries, gallery, mode, &cut_offs(args), &args.embedding, &progress)?;
        progress.finish_and_clear();
        reports.push((category.name, report));
    }
    Ok(FashionIqReport::new(args.split, reports)?)
}

/// The cut-offs that were asked for, and those of the protocol, ascending.
pub fn cut_offs(args: &EvalArgs) -> Vec<usize> {
    let protocol = args.fashioniq.iter().flat_map(|_| fashioniq::KS);
    let mut ks: Vec<usize> = args.ks.iter().map(|&k| k as usize).chain(protocol).collect();
    ks.sort_unstable();
    ks.dedup();
    ks
}

fn open_photos(paths: &[PathBuf]) -> anyhow::Result<PhotoSource> {
    let photos = PhotoSource::open_all(paths)?;
    if let Some(first) = photos.duplicates().first() {
        let count = photos.duplicates().len();
        vitrine::print::note(format_args!(
            "{count} photos left out, their ids being taken: {} stays, {} goes, ..",
            first.kept, first.left_out
        ));
    }
    Ok(photos)
}

/// Drawn on stderr, and only where that is a terminal.
fn progress_bar(prefix: &str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_prefix(prefix.to_owned());
    match ProgressStyle::with_template("{prefix} {msg:8} {wide_bar} {pos}/{len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The mode as the model answers it: without a head, photo and text make a mean.
fn joined(mode: Mode, embedder: &impl Embedder) -> Mode {
    if mode == Mode::Fusion && !embedder.has_head() { Mode::Mean } else { mode }
}

/// Says on stderr what the figures leave out.
fn warn(prefix: &str, report: &Report) {
    let named = |what: &str, ids: &Ids| {
        if ids.count > 0 {
            let more = if ids.count > ids.ids.len() { ", .." } else { "" };
            vitrine::print::note(format_args!("{prefix}{} ids {what}: {}{more}", ids.count, ids.ids.join(", ")));
        }
    };
    named("without a photo", &report.missing);
    named("whose photo cannot be decoded", &report.unreadable);
    named("of targets outside the gallery", &report.outside_gallery);
    let skipped = report.skipped;
    let all = skipped.without_reference + skipped.without_target + skipped.without_modality;
    if all > 0 {
        vitrine::print::note(format_args!(
            "{prefix}{all} queries not asked: {} without a reference photo, {} without a target in the gallery, {} \
             without what the mode asks with",
            skipped.without_reference, skipped.without_target, skipped.without_modality
        ));
    }
}

fn tables(report: &Report) -> Result<String, std::fmt::Error> {
    let mut out = format!(
        "{} queries, {} photos, mode {}, {:.1} ms a query\n",
        report.queries,
        report.gallery,
        name(&report.mode),
        report.ms_per_query
    );
    metric_table(&mut out, &report.metrics)?;
    if !report.groups.is_empty() {
        write!(out, "\nby wording     queries")?;
        report.metrics.at.iter().try_for_each(|at| write!(out, " {:>7}", format!("R@{}", at.k)))?;
        writeln!(out)?;
        for (name, group) in &report.groups {
            write!(out, "{name:<14} {:>7}", group.queries)?;
            group.metrics.at.iter().try_for_each(|at| write!(out, " {:>7.4}", at.recall))?;
            writeln!(out)?;
        }
    }
    if !report.embeddings.is_empty() {
        write!(out, "\nvectors as     bytes  ")?;
        report.metrics.at.iter().try_for_each(|at| write!(out, " {:>7}", format!("R@{}", at.k)))?;
        writeln!(out)?;
        for stored in &report.embeddings {
            write!(out, "{:<14} {:>7}", stored.embedding.to_string(), stored.bytes)?;
            stored.metrics.at.iter().try_for_each(|at| write!(out, " {:>7.4}", at.recall))?;
            writeln!(out)?;
        }
    }
    seed_rows(&mut out, &report.seed_table)?;
    Ok(out)
}

fn fashioniq_tables(report: &FashionIqReport) -> Result<String, std::fmt::Error> {
    let (split, mode) = (name(&report.split), name(&report.mode));
    let mut out = format!("FashionIQ, split {split}, mode {mode}, {:.1} ms a query\n", report.ms_per_query);
    writeln!(out, "category  queries photos    R@10    R@50")?;
    let recall = |metrics: &Metrics, k| metrics.recall(k).unwrap_or(f64::NAN) * 100.;
    for (name, of) in &report.categories {
        let [at_10, at_50] = fashioniq::KS.map(|k| recall(&of.metrics, k));
        writeln!(out, "{name:<9} {:>7} {:>6} {at_10:>7.2} {at_50:>7.2}", of.queries, of.gallery)?;
    }
    let [at_10, at_50] = fashioniq::KS.map(|k| recall(&report.metrics, k));
    writeln!(out, "{:<9} {:>7} {:>6} {at_10:>7.2} {at_50:>7.2}", "mean", report.queries, report.gallery)?;
    writeln!(out, "\nmean of R@10 and R@50")?;
    writeln!(out, "{:<22} {:>5.1}", "this model", report.mean_recall * 100.)?;
    for neighbour in &report.neighbours {
        let figure = match neighbour.mean_recall {
            [low, high] if low == high => format!("{low:.1}"),
            [low, high] => format!("{low:.0}-{high:.0}"),
        };
        writeln!(out, "{:<22} {figure:>5}  {}", neighbour.name, neighbour.note)?;
    }
    writeln!(out, "\nmeans over the categories")?;
    metric_table(&mut out, &report.metrics)?;
    seed_rows(&mut out, &report.seed_table)?;
    Ok(out)
}

pub fn metric_table(out: &mut String, metrics: &Metrics) -> std::fmt::Result {
    writeln!(out, "  k  recall  precis.      f1     map    ndcg")?;
    for at in &metrics.at {
        let (k, f1) = (at.k, at.f1);
        writeln!(out, "{k:>3} {:>7.4} {:>8.4} {f1:>7.4} {:>7.4} {:>7.4}", at.recall, at.precision, at.map, at.ndcg)?;
    }
    writeln!(out, "median rank of the first hit: {}", metrics.median_rank)
}

pub fn seed_rows(out: &mut String, rows: &[Row]) -> std::fmt::Result {
    writeln!(out, "\nthe origin's table    as defined                x10 as published")?;
    writeln!(out, "  k   hits reachable  precis.  recall      f1   precis.  recall      f1")?;
    for row in rows {
        let (one, ten) = (row.as_defined, row.times_ten_as_published);
        write!(out, "{:>3} {:>6} {:>9}", row.k, row.hits, row.reachable)?;
        write!(out, "  {:>7.4} {:>7.4} {:>7.4}", one.precision, one.recall, one.f1)?;
        writeln!(out, "   {:>7.4} {:>7.4} {:>7.4}", ten.precision, ten.recall, ten.f1)?;
    }
    Ok(())
}

/// The word by which an option is chosen.
pub fn name(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use vitrine::eval::QueryInput;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        eval: EvalArgs,
    }

    fn parse(line: &str) -> Result<EvalArgs, clap::Error> {
        Command::try_parse_from(std::iter::once("eval").chain(line.split(' '))).map(|command| command.eval)
    }

    #[test]
    fn arguments_of_both_protocols() {
        let own = parse("--images a --images b.zip --queries q.jsonl --gallery ids --k 10,1,10 --mode mean").unwrap();
        assert_eq!((own.images.len(), own.of_model().unwrap(), cut_offs(&own)), (2, Mode::Mean, vec![1, 10]));
        let official = parse("--fashioniq root --split val --k 5").unwrap();
        assert_eq!((official.split, cut_offs(&official)), (Gallery::Val, vec![5, 10, 50]));
        assert_eq!(cut_offs(&parse("--images a --queries q").unwrap()), [1, 5, 10, 20, 30, 50]);
        for wrong in [
            "--images a",
            "--queries q",
            "--images a --queries q --k 0",
            "--images a --queries q --split val",
            "--fashioniq root --queries q",
            "--images a --queries q --mode both",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    /// A model of the plane: the first byte of a photo is an angle in degrees, and so is a text's length.
    struct Angles;

    fn vector(degrees: usize) -> [f32; 2] {
        let angle = (degrees as f32).to_radians();
        [angle.cos(), angle.sin()]
    }

    impl Embedder for Angles {
        fn catalog(&self, photos: &[Vec<u8>]) -> vitrine::Result<Vec<f32>> {
            Ok(photos.iter().flat_map(|photo| vector(photo[0].into())).collect())
        }

        fn queries(&self, _: Mode, queries: &[QueryInput<'_>]) -> vitrine::Result<Vec<f32>> {
            let degrees = |q: &QueryInput<'_>| q.photo.map_or(0, |p| p[0].into()) + q.text.map_or(0, str::len);
            Ok(queries.iter().flat_map(|query| vector(degrees(query))).collect())
        }

        fn dimension(&self) -> usize {
            2
        }
    }

    /// FashionIQ's layout with photos `B0`, `B2` … `B8` of that many degrees and one query in each category.
    fn layout() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let write = |name: String, bytes: &[u8]| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        (0..10).step_by(2).for_each(|degrees| write(format!("images/B{degrees}.jpg"), &[degrees]));
        for (category, target) in fashioniq::CATEGORIES.iter().zip(["B6", "B8", "B9"]) {
            let query = format!(
                r#"[{{"candidate":"B0","target":"{target}","captions":["12","34"]}},
                {{"candidate":"B2","target":"B8","captions":["1","2"]}}]"#
            );
            write(format!("captions/cap.{category}.val.json"), query.as_bytes());
            write(format!("image_splits/split.{category}.val.json"), br#"["B0","B2","B4","B6","B8"]"#);
        }
        root
    }

    #[test]
    fn fashioniq_is_measured_by_category_and_printed_beside_its_neighbours() {
        let root = layout();
        let args = parse(&format!("--fashioniq {} --k 1", root.path().display())).unwrap();
        let photos = open_photos(&[root.path().join("images")]).unwrap();
        let categories = fashioniq::CATEGORIES.map(|name| fashioniq::read(root.path(), name, args.split).unwrap());
        let report = measure_fashioniq(&args, Mode::Fusion, &Angles, &photos, &categories).unwrap();
        // "12, 34" is 6 degrees: B6 is found at once, B8 behind B6 and B4 (tied, against us); B9 has no photo.
        let json = serde_json::to_value(&report).unwrap();
        let recall = |of: &serde_json::Value| of["metrics"]["recall@1"].as_f64().unwrap();
        assert_eq!(recall(&json["categories"]["dress"]), 0.5);
        assert_eq!(json["categories"]["shirt"]["metrics"]["median_rank"], 3.);
        assert_eq!(json["categories"]["toptee"]["missing"]["ids"][0], "B9");
        assert_eq!((recall(&json), &json["mean_recall"]), (0.5 / 3., &1.0.into()));
        assert_eq!((&json["queries"], &json["gallery"]), (&5.into(), &15.into()));
        assert_eq!((&json["seed_table"][0]["hits"], &json["split"]), (&5.into(), &"original".into()));
        let text = fashioniq_tables(&report).unwrap();
        for line in
            ["dress           2      5  100.00  100.00", "TIRG                    27.4", "CLIP4CIR               50-55"]
        {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_query_file_is_measured_and_printed() {
        let root = layout();
        let queries = root.path().join("q.jsonl");
        std::fs::write(&queries, "{\"reference\":\"B0\",\"captions\":[\"not x\"],\"targets\":[\"B4\"]}\n").unwrap();
        let images = root.path().join("images");
        let line = format!("--images {} --queries {} --k 1,2", images.display(), queries.display());
        run(&parse(&line).unwrap(), |_| Ok(Angles)).unwrap();
        let refused = run(&parse(&line).unwrap(), |_| -> anyhow::Result<Angles> { anyhow::bail!("no such model") });
        assert_eq!(refused.unwrap_err().to_string(), "no such model");
        let (photos, queries) = (open_photos(&[images]).unwrap(), queries::read(&queries).unwrap());
        let bar = ProgressBar::hidden();
        let report = evaluate(&Angles, &photos, &queries, photos.ids(), Mode::Fusion, &[1, 2], &[], &bar).unwrap();
        // "not x" is 5 degrees, between B4 and B6: which of the two comes first is rounding's choice, but both are
        // before all others.
        let text = tables(&report).unwrap();
        assert!(text.starts_with("1 queries, 5 photos, mode fusion, "), "{text}");
        assert!(text.contains("\n  2  1.0000   0.5000  0.6667"), "{text}");
        assert!(text.contains("\nnegation             1"), "{text}");
        assert!(text.contains("\n  5      1         1   1.0000"), "{text}");
    }
}
