//! FashionIQ in its official layout: `captions/cap.<category>.<split>.json`, `image_splits/split.<category>.<split>.json`
//! (either may be gzipped, with `.gz` at the end) and `images/`.
//!
//! Each category is measured on its own: both captions joined, R@10 and R@50, and the mean of the categories. The test
//! captions have no published targets, so the validation split is what everyone reports.

use std::fs::File;
use std::io::Read;
use std::ops::Add;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::metrics::Metrics;
use super::queries::Query;
use super::retrieval::Report;
use super::seed_table::Counts;
use super::{Mode, seed_table};
use crate::error::{Error, Result, data, io};

/// The three categories.
pub const CATEGORIES: [&str; 3] = ["dress", "shirt", "toptee"];

/// Cut-offs that the protocol asks for.
pub const KS: [usize; 2] = [10, 50];

/// The official files have less than a megabyte each; a gzipped one may claim to be anything.
const MAX_BYTES: u64 = 256 << 20;

/// What the queries search in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Gallery {
    /// All images of the category's validation split: the harder, official protocol.
    Original,
    /// Only the candidates and targets of the category's queries: the "VAL split" of some papers.
    Val,
}

/// One category's queries and the ids that they search in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// `dress`, `shirt` or `toptee`.
    pub name: &'static str,
    /// The queries, in the order of the file.
    pub queries: Vec<Query>,
    /// Ids of the gallery, each once.
    pub gallery: Vec<String>,
}

/// A published result to stand beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Neighbour {
    /// The method.
    pub name: &'static str,
    /// Mean of R@10 and R@50 in per cent; lowest and highest where a family of models is meant.
    pub mean_recall: [f64; 2],
    /// What must be known to compare.
    pub note: &'static str,
}

/// Published results, weakest first.
pub const NEIGHBOURS: [Neighbour; 6] = [
    Neighbour { name: "the project's origin", mean_recall: [4.97; 2], note: "R@10 2.51, R@50 7.43" },
    Neighbour { name: "TIRG", mean_recall: [27.4; 2], note: "" },
    Neighbour { name: "CoSMo", mean_recall: [39.5; 2], note: "VAL split" },
    Neighbour { name: "AACL", mean_recall: [41.2; 2], note: "additive attention" },
    Neighbour { name: "CLIP4CIR", mean_recall: [50., 55.], note: "CLIP encoders" },
    Neighbour { name: "SPN", mean_recall: [66.4; 2], note: "large vision-language encoders" },
];

/// What `vitrine eval --fashioniq --json` prints. Each category's own report is beside the means.
#[derive(Clone, Debug, Serialize)]
pub struct FashionIqReport {
    /// What the query vectors were made of.
    pub mode: Mode,
    /// What the queries searched in.
    pub split: Gallery,
    /// Queries that were asked, of all categories.
    pub queries: usize,
    /// Photos in the three galleries.
    pub gallery: usize,
    /// Mean of the categories' metrics.
    pub metrics: Metrics,
    /// Mean of R@10 and R@50, a share: the figure that papers give.
    pub mean_recall: f64,
    /// The table by the definitions of the project's origin, over the queries of all categories.
    pub seed_table: Vec<seed_table::Row>,
    /// Each category's report.
    #[serde(serialize_with = "super::retrieval::as_map")]
    pub categories: Vec<(&'static str, Report)>,
    /// Published results.
    pub neighbours: [Neighbour; 6],
    /// Milliseconds to encode and rank one query, mean.
    pub ms_per_query: f64,
}

impl FashionIqReport {
    /// Sums up the categories' reports, each of which must hold the metrics at [`KS`].
    pub fn new(split: Gallery, categories: Vec<(&'static str, Report)>) -> Result<Self> {
        let reports = || categories.iter().map(|(_, report)| report);
        let metrics = Metrics::mean(&reports().map(|report| &report.metrics).collect::<Vec<_>>());
        let recalls = metrics.as_ref().map(|metrics| KS.map(|k| metrics.recall(k)));
        let (Some(metrics), Some([Some(at_10), Some(at_50)])) = (metrics, recalls) else {
            return Err(Error::Argument("summing up FashionIQ: expected reports with R@10 and R@50".into()));
        };
        let queries = reports().map(|report| report.queries).sum::<usize>();
        let counts = |i| reports().map(|report| report.seed_counts[i]).fold(Counts::default(), Counts::add);
        Ok(Self {
            mode: categories[0].1.mode,
            split,
            queries,
            gallery: reports().map(|report| report.gallery).sum(),
            metrics,
            mean_recall: (at_10 + at_50) / 2.,
            seed_table: seed_table::KS.iter().zip(0..).map(|(&k, i)| counts(i).row(k)).collect(),
            ms_per_query: reports().map(|r| r.ms_per_query * r.queries as f64).sum::<f64>() / queries as f64,
            neighbours: NEIGHBOURS,
            categories,
        })
    }
}

#[derive(Deserialize)]
struct Annotation {
    candidate: String,
    target: Option<String>,
    captions: Vec<String>,
}

/// Reads one category's validation queries and its gallery.
pub fn read(root: &Path, name: &'static str, gallery: Gallery) -> Result<Category> {
    let (annotations, path) = read_json::<Vec<Annotation>>(root, &format!("captions/cap.{name}.val.json"))?;
    let queries = annotations.into_iter().zip(1..).map(|(annotation, number)| {
        let target = annotation.target.ok_or_else(|| {
            data(path.display(), format!("expected a target in query {number}, got none; is this the val split?"))
        })?;
        Ok(Query { reference: Some(annotation.candidate), captions: annotation.captions, targets: vec![target] })
    });
    let queries = queries.collect::<Result<Vec<_>>>()?;
    if queries.is_empty() {
        return Err(data(path.display(), "expected queries, got an empty list; fetch the file again"));
    }
    let mut gallery: Vec<String> = match gallery {
        Gallery::Original => read_json(root, &format!("image_splits/split.{name}.val.json"))?.0,
        Gallery::Val => queries.iter().flat_map(|q| q.reference.iter().chain(&q.targets)).cloned().collect(),
    };
    gallery.sort_unstable();
    gallery.dedup();
    Ok(Category { name, queries, gallery })
}

/// Reads `name` or `name.gz` under `root`; returns the path too, for messages.
fn read_json<T: DeserializeOwned>(root: &Path, name: &str) -> Result<(T, PathBuf)> {
    let plain = root.join(name);
    let gzipped = root.join(format!("{name}.gz"));
    let (path, compressed) = if plain.exists() { (plain, false) } else { (gzipped, true) };
    if !path.exists() {
        let files = format!("expected {name} or {name}.gz under it, got neither; give the folder that holds captions/");
        return Err(data(root.display(), files));
    }
    let file = File::open(&path).map_err(io("reading", &path))?;
    let mut text = String::new();
    let unpacked: Box<dyn Read> =
        if compressed { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) };
    unpacked.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io("reading", &path))?;
    if text.len() as u64 > MAX_BYTES {
        let problem = format!("expected at most {} MiB of annotations, got more; fetch it again", MAX_BYTES >> 20);
        return Err(data(path.display(), problem));
    }
    let value = serde_json::from_str(&text)
        .map_err(|e| data(path.display(), format!("expected the official annotations, got {e}; fetch it again")))?;
    Ok((value, path))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;
    use tempfile::TempDir;

    use super::*;

    const CAPTIONS: &str = r#"[
        {"target": "B2", "candidate": "B1", "captions": ["is red", "has long sleeves"]},
        {"target": "B1", "candidate": "B3", "captions": [" shorter", ""]}
    ]"#;

    fn layout(captions: &str, split: &str, gzip: bool) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [("captions/cap.dress.val.json", captions), ("image_splits/split.dress.val.json", split)] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if gzip {
                let file = File::create(format!("{}.gz", path.display())).unwrap();
                let mut encoder = GzEncoder::new(file, flate2::Compression::default());
                encoder.write_all(text.as_bytes()).unwrap();
                encoder.finish().unwrap();
            } else {
                std::fs::write(path, text).unwrap();
            }
        }
        root
    }

    #[test]
    fn both_galleries_of_the_official_layout_plain_and_gzipped() {
        for gzip in [false, true] {
            let root = layout(CAPTIONS, r#"["B9", "B1", "B2", "B3", "B1"]"#, gzip);
            let original = read(root.path(), "dress", Gallery::Original).unwrap();
            assert_eq!(original.gallery, ["B1", "B2", "B3", "B9"]);
            assert_eq!(original.queries.len(), 2);
            assert_eq!(original.queries[0].reference.as_deref(), Some("B1"));
            assert_eq!(original.queries[0].targets, ["B2"]);
            assert_eq!(original.queries[0].text().unwrap(), "is red, has long sleeves");
            assert_eq!(original.queries[1].text().unwrap(), "shorter");
            let val = read(root.path(), "dress", Gallery::Val).unwrap();
            assert_eq!((val.gallery, val.queries), (vec!["B1".into(), "B2".into(), "B3".into()], original.queries));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |captions, split, category| {
            read(layout(captions, split, false).path(), category, Gallery::Original).unwrap_err().to_string()
        };
        let says = error(CAPTIONS, "[]", "shirt");
        assert!(says.contains("captions/cap.shirt.val.json or"), "{says}");
        let says = error(r#"[{"candidate": "B1", "captions": ["a"]}]"#, "[]", "dress");
        assert!(says.contains("expected a target in query 1"), "{says}");
        let says = error("{", "[]", "dress");
        assert!(says.contains("cap.dress.val.json") && says.contains("official annotations"), "{says}");
        let says = error("[]", "[]", "dress");
        assert!(says.contains("empty list"), "{says}");
        let says = error(CAPTIONS, r#"{"B1": 1}"#, "dress");
        assert!(says.contains("split.dress.val.json"), "{says}");
    }

    #[test]
    fn the_published_annotations_have_their_known_counts() {
        let shared = std::env::var_os("VITRINE_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
        let root = shared.join("data/fashioniq");
        if !root.exists() {
            // Written past the capture of tests, so that it shows.
            writeln!(std::io::stderr(), "skipped, since {} is not here", root.display()).unwrap();
            return;
        }
        for (name, counts) in CATEGORIES.into_iter().zip([(2017, 3817, 2628), (2038, 6346, 3089), (1961, 5373, 2902)]) {
            let original = read(&root, name, Gallery::Original).unwrap();
            let val = read(&root, name, Gallery::Val).unwrap();
            assert_eq!((original.queries.len(), original.gallery.len(), val.gallery.len()), counts, "{name}");
        }
    }
}
