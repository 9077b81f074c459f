//! The whole evaluation: embed the gallery, embed the queries, rank, report.
//!
//! Photos that are missing or cannot be decoded leave the gallery and the targets, and a query that is left without a
//! target or without its reference photo is not asked, in no mode, so that the modes are measured on the same queries.
//! The report counts and names all that was left out.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rayon::prelude::*;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::embedding::Embedding;
use super::metrics::{Metrics, Ranking};
use super::queries::Query;
use super::seed_table::{self, Counts};
use super::wording::Wording;
use super::{Embedder, Mode, QueryInput};
use crate::error::{Error, Result};
use crate::photos::PhotoSource;

/// Photos or queries that are in memory at a time.
const CHUNK: usize = 64;

/// How many of the ids that were left out a report names.
const NAMED: usize = 20;

/// What `vitrine eval --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What the query vectors were made of.
    pub mode: Mode,
    /// Queries that were asked.
    pub queries: usize,
    /// Photos that were searched in.
    pub gallery: usize,
    /// Metrics over all queries.
    pub metrics: Metrics,
    /// The table by the definitions of the project's origin.
    pub seed_table: Vec<seed_table::Row>,
    /// The counts behind it, for adding up galleries.
    #[serde(skip)]
    pub seed_counts: Vec<Counts>,
    /// Metrics by the way in which the text asks; queries without text are in none.
    #[serde(serialize_with = "as_map")]
    pub groups: Vec<(&'static str, Group)>,
    /// Metrics by the form of the catalog's vectors, where forms were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub embeddings: Vec<Stored>,
    /// Ids of the gallery, the references and the targets that have no photo.
    pub missing: Ids,
    /// Ids whose photo cannot be decoded.
    pub unreadable: Ids,
    /// Targets that have a photo but are not in the gallery.
    pub outside_gallery: Ids,
    /// Queries that were not asked.
    pub skipped: Skipped,
    /// Milliseconds to encode and rank one query, mean.
    pub ms_per_query: f64,
}

/// Metrics of a part of the queries.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// Queries in it.
    pub queries: usize,
    /// Their metrics.
    pub metrics: Metrics,
}

/// Metrics of a catalog that keeps its vectors in another form.
#[derive(Clone, Debug, Serialize)]
pub struct Stored {
    /// The form.
    pub embedding: Embedding,
    /// Bytes of one photo.
    pub bytes: usize,
    /// Metrics over all queries.
    pub metrics: Metrics,
}

/// Ids that were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ids {
    /// How many.
    pub count: usize,
    /// The first of them.
    pub ids: Vec<String>,
}

impl Ids {
    pub(super) fn new(ids: &BTreeSet<String>) -> Self {
        Self { count: ids.len(), ids: ids.iter().take(NAMED).cloned().collect() }
    }
}

/// How many queries were not asked, and why. The first reason counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The reference has no photo that can be decoded.
    pub without_reference: usize,
    /// No target is in the gallery.
    pub without_target: usize,
    /// The query does not hold what the mode asks with.
    pub without_modality: usize,
}

/// Serialises pairs as one object, in their order.
pub(super) fn as_map<T: Serialize, S: Serializer>(
    pairs: &[(&'static str, T)],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (key, value) in pairs {
        map.serialize_entry(key, value)?;
    }
    map.end()
}

/// Ranks `gallery` (ids) for every query and measures the result at each of `ks`, once more for each of `forms` of the
/// catalog's vectors. The bar `progress` is set to the photos to embed, then to the queries to ask.
#[allow(clippy::too_many_arguments)]
pub fn evaluate(
    embedder: &dyn Embedder,
    photos: &PhotoSource,
    queries: &[Query],
    gallery: &[String],
    mode: Mode,
    ks: &[usize],
    forms: &[Embedding],
    progress: &ProgressBar,
) -> Result<Report> {
    if let Some(long) = forms.iter().find(|form| form.dimension > embedder.dimension()) {
        return Err(Error::Argument(format!(
            "evaluating: expected at most the model's {} numbers a vector, got {long}; ask for fewer",
            embedder.dimension()
        )));
    }
    let mut left_out = LeftOut::default();
    let mut gallery = Gallery::embed(embedder, photos, gallery, &mut left_out, progress)?;
    gallery.keep(forms);
    let (plan, mut skipped) = plan(queries, photos, &gallery, mode, &mut left_out);
    let started = Instant::now();
    let asked = ask(embedder, photos, &gallery, &plan, mode, &mut left_out, progress)?;
    let time = started.elapsed();
    skipped.without_reference += plan.len() - asked.len();
    if asked.is_empty() {
        return Err(nothing_asked(queries.len(), &skipped, mode));
    }
    report(&asked, &gallery, mode, ks, time, skipped, &left_out)
}

/// Ids that take no part, by reason.
#[derive(Default)]
struct LeftOut {
    missing: BTreeSet<String>,
    unreadable: BTreeSet<String>,
    outside: BTreeSet<String>,
}

/// The gallery's vectors, `[photos, dimension]`.
struct Gallery<'a> {
    positions: HashMap<&'a str, u32>,
    vectors: Vec<f32>,
    dimension: usize,
    /// The vectors once more in other forms.
    forms: Vec<(Embedding, Vec<f32>)>,
}

impl<'a> Gallery<'a> {
    fn embed(
        embedder: &dyn Embedder,
        photos: &PhotoSource,
        ids: &'a [String],
        left_out: &mut LeftOut,
        progress: &ProgressBar,
    ) -> Result<Self> {
        let dimension = embedder.dimension();
        let mut gallery = Self { positions: HashMap::new(), vectors: vec![], dimension, forms: vec![] };
        let (present, missing): (Vec<&String>, Vec<&String>) = ids.iter().partition(|id| photos.contains(id));
        left_out.missing.extend(missing.into_iter().cloned());
        start(progress, present.len(), "photos");
        for ids in present.chunks(CHUNK) {
            let (read, bytes): (Vec<&'a String>, Vec<Vec<u8>>) =
                ids.par_iter().filter_map(|&id| Some((id, photos.read(id).ok()?))).unzip();
            let vectors = embed_each(&bytes, dimension, &|bytes| embedder.catalog(bytes))?;
            for (id, vector) in read.into_iter().zip(vectors) {
                if let Some(vector) = vector {
                    gallery.add(id, &vector);
                }
            }
            let unread = ids.iter().filter(|id| !gallery.positions.contains_key(id.as_str()));
            left_out.unreadable.extend(unread.map(|&id| id.clone()));
            progress.inc(ids.len() as u64);
        }
        if gallery.len() == 0 {
            return Err(Error::Argument(format!(
                "evaluating: expected photos for the {} ids of the gallery, got none ({} are not in the photos, {} \
                 cannot be decoded); check the paths and the ids",
                ids.len(),
                left_out.missing.len(),
                left_out.unreadable.len()
            )));
        }
        Ok(gallery)
    }

    fn add(&mut self, id: &'a str, vector: &[f32]) {
        let position = self.len() as u32;
        if self.positions.insert(id, position).is_none() {
            self.vectors.extend_from_slice(vector);
        }
    }

    fn keep(&mut self, forms: &[Embedding]) {
        self.forms = forms.iter().map(|form| (*form, form.gallery(&self.vectors, self.dimension))).collect();
    }

    fn len(&self) -> usize {
        self.vectors.len() / self.dimension
    }

    /// Cosine of a query (`[dimension]`) with every photo.
    fn scores(&self, query: &[f32]) -> Vec<f32> {
        self.vectors.chunks_exact(self.dimension).map(|photo| dot(photo, query)).collect()
    }
}

/// A query in terms of the gallery.
struct Planned<'a> {
    /// The photo to encode; none where the mode does without.
    photo: Option<&'a str>,
    /// The text to encode; none where the mode does without.
    text: Option<String>,
    /// Where the reference is in the gallery, if it is.
    reference: Option<u32>,
    /// Positions of the targets; never empty.
    targets: Vec<u32>,
    /// The ways in which the text asks; empty without a text.
    wordings: Vec<Wording>,
}

/// Decides which queries are asked.
fn plan<'a>(
    queries: &'a [Query],
    photos: &PhotoSource,
    gallery: &Gallery<'_>,
    mode: Mode,
    left_out: &mut LeftOut,
) -> (Vec<Planned<'a>>, Skipped) {
    let mut skipped = Skipped::default();
    let mut planned = Vec::with_capacity(queries.len());
    for query in queries {
        let reference = query.reference.as_deref();
        for id in query.targets.iter().map(String::as_str).chain(reference).filter(|id| !photos.contains(id)) {
            left_out.missing.insert(id.to_owned());
        }
        let known = |id: &str| photos.contains(id) && !left_out.unreadable.contains(id);
        let outside = |id: &&String| known(id) && !gallery.positions.contains_key(id.as_str());
        let outside: Vec<String> = query.targets.iter().filter(outside).cloned().collect();
        let position = |id: &str| gallery.positions.get(id).copied();
        let at = reference.and_then(position);
        let targets = query.targets.iter().filter_map(|id| position(id)).filter(|&target| Some(target) != at);
        let targets: Vec<u32> = targets.collect();
        let text = query.text();
        if reference.is_some_and(|id| !known(id)) {
            skipped.without_reference += 1;
        } else if targets.is_empty() {
            skipped.without_target += 1;
        } else if (mode == Mode::Image && reference.is_none()) || (mode == Mode::Text && text.is_none()) {
            skipped.without_modality += 1;
        } else {
            planned.push(Planned {
                photo: reference.filter(|_| mode != Mode::Text),
                wordings: text.as_deref().map(Wording::of).unwrap_or_default(),
                text: text.filter(|_| mode != Mode::Image),
                reference: at,
                targets,
            });
        }
        left_out.outside.extend(outside);
    }
    (planned, skipped)
}

/// A query that was asked.
struct Asked<'a> {
    query: &'a Planned<'a>,
    ranking: Ranking,
    /// Its ranking by each of the other forms of the catalog's vectors.
    forms: Vec<Ranking>,
}

/// Encodes and ranks. Queries whose reference photo cannot be decoded are left out.
fn ask<'a>(
    embedder: &dyn Embedder,
    photos: &PhotoSource,
    gallery: &Gallery<'_>,
    plan: &'a [Planned<'a>],
    mode: Mode,
    left_out: &mut LeftOut,
    progress: &ProgressBar,
) -> Result<Vec<Asked<'a>>> {
    let mut asked = Vec::with_capacity(plan.len());
    start(progress, plan.len(), "queries");
    for chunk in plan.chunks(CHUNK) {
        let bytes: Vec<Option<Vec<u8>>> =
            chunk.par_iter().map(|query| query.photo.and_then(|id| photos.read(id).ok())).collect();
        let is_read = |(query, bytes): &(&Planned<'_>, &Option<Vec<u8>>)| query.photo.is_none() || bytes.is_some();
        let (queries, inputs): (Vec<&Planned<'_>>, Vec<QueryInput<'_>>) = chunk
            .iter()
            .zip(&bytes)
            .filter(is_read)
            .map(|(query, bytes)| (query, QueryInput { photo: bytes.as_deref(), text: query.text.as_deref() }))
            .unzip();
        let vectors = embed_each(&inputs, gallery.dimension, &|inputs| embedder.queries(mode, inputs))?;
        let before = asked.len();
        let ranked: Vec<Asked<'a>> = queries
            .into_par_iter()
            .zip(vectors)
            .filter_map(|(query, vector)| vector.map(|vector| rank(gallery, query, &vector)))
            .collect::<Result<_>>()?;
        asked.extend(ranked);
        name_unread(chunk, &asked[before..], left_out);
        progress.inc(chunk.len() as u64);
    }
    Ok(asked)
}

fn rank<'a>(gallery: &Gallery<'_>, query: &'a Planned<'a>, vector: &[f32]) -> Result<Asked<'a>> {
    let depth = seed_table::KS[seed_table::KS.len() - 1];
    let ranking = |scores: &[f32]| Ranking::new(scores, &query.targets, query.reference, depth);
    let stored = |(form, photos): &(Embedding, Vec<f32>)| form.scores(photos, gallery.dimension, vector, dot);
    let forms = gallery.forms.iter().map(|form| ranking(&stored(form))).collect::<Result<_>>()?;
    Ok(Asked { query, ranking: ranking(&gallery.scores(vector))?, forms })
}

fn name_unread(chunk: &[Planned<'_>], asked: &[Asked<'_>], left_out: &mut LeftOut) {
    let was_asked = |query: &Planned<'_>| asked.iter().any(|asked| std::ptr::eq(asked.query, query));
    let unread = chunk.iter().filter(|query| !was_asked(query)).filter_map(|query| query.photo);
    left_out.unreadable.extend(unread.map(str::to_owned));
}

/// Embeds `items` together, and one by one where a photo among them cannot be decoded: that one gives none.
fn embed_each<T>(
    items: &[T],
    dimension: usize,
    embed: &dyn Fn(&[T]) -> Result<Vec<f32>>,
) -> Result<Vec<Option<Vec<f32>>>> {
    if items.is_empty() {
        return Ok(vec![]);
    }
    match embed(items) {
        Ok(vectors) if dimension > 0 && vectors.len() == items.len() * dimension => {
            Ok(vectors.chunks_exact(dimension).map(|vector| Some(vector.to_vec())).collect())
        }
        Ok(vectors) => Err(Error::Argument(format!(
            "embedding: expected {} vectors of {dimension} numbers, got {} numbers in all",
            items.len(),
            vectors.len()
        ))),
        Err(Error::Photo(_) | Error::PhotoTooLarge { .. }) if items.len() == 1 => Ok(vec![None]),
        Err(Error::Photo(_) | Error::PhotoTooLarge { .. }) => {
            let each = items.iter().map(|item| embed_each(std::slice::from_ref(item), dimension, embed));
            Ok(each.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        }
        Err(error) => Err(error),
    }
}

/// Dot product in eight lanes, so that the compiler may use SIMD without changing the order of additions.
fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    let (x, y) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest: f32 = x.remainder().iter().zip(y.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in x.zip(y) {
        for i in 0..8 {
            lanes[i] += x[i] * y[i];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

fn start(progress: &ProgressBar, length: usize, what: &'static str) {
    progress.set_length(length as u64);
    progress.set_position(0);
    progress.set_message(what);
}

fn nothing_asked(queries: usize, skipped: &Skipped, mode: Mode) -> Error {
    Error::Argument(format!(
        "evaluating: expected queries that can be asked, got none of {queries}: {} without a reference photo, {} \
         without a target in the gallery, {} without what mode {mode:?} asks with; check the ids and the photos",
        skipped.without_reference, skipped.without_target, skipped.without_modality
    ))
}

fn report(
    asked: &[Asked<'_>],
    gallery: &Gallery<'_>,
    mode: Mode,
    ks: &[usize],
    time: Duration,
    skipped: Skipped,
    left_out: &LeftOut,
) -> Result<Report> {
    let rankings: Vec<&Ranking> = asked.iter().map(|asked| &asked.ranking).collect();
    let targets: Vec<&[u32]> = asked.iter().map(|asked| asked.query.targets.as_slice()).collect();
    let seed_counts: Vec<Counts> =
        seed_table::KS.iter().map(|&k| Counts::new(&rankings, &targets, gallery.len(), k)).collect();
    let stored = |(i, (form, _)): (usize, &(Embedding, _))| -> Result<Stored> {
        let rankings: Vec<&Ranking> = asked.iter().map(|asked| &asked.forms[i]).collect();
        Ok(Stored { embedding: *form, bytes: form.bytes(), metrics: Metrics::new(&rankings, ks)? })
    };
    let embeddings = gallery.forms.iter().enumerate().map(stored).collect::<Result<_>>()?;
    let mut groups = Vec::new();
    for wording in Wording::ALL {
        let of_group = asked.iter().filter(|asked| asked.query.wordings.contains(&wording));
        let rankings: Vec<&Ranking> = of_group.map(|asked| &asked.ranking).collect();
        if !rankings.is_empty() {
            groups.push((wording.name(), Group { queries: rankings.len(), metrics: Metrics::new(&rankings, ks)? }));
        }
    }
    Ok(Report {
        mode,
        queries: asked.len(),
        gallery: gallery.len(),
        embeddings,
        metrics: Metrics::new(&rankings, ks)?,
        seed_table: seed_counts.iter().zip(seed_table::KS).map(|(counts, k)| counts.row(k)).collect(),
        seed_counts,
        groups,
        missing: Ids::new(&left_out.missing),
        unreadable: Ids::new(&left_out.unreadable),
        outside_gallery: Ids::new(&left_out.outside),
        skipped,
        ms_per_query: time.as_secs_f64() * 1e3 / asked.len() as f64,
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A model of the plane: a photo's file holds an angle in degrees, a text is degrees to add. `damaged` photos hold
    /// something else.
    struct Angles;

    impl Angles {
        fn degrees(photo: &[u8]) -> Result<f32> {
            let text = std::str::from_utf8(photo).map_err(|e| Error::Photo(e.to_string().into()))?;
            text.parse().map_err(|_| Error::Photo(format!("expected degrees, got {text}").into()))
        }

        fn vector(degrees: f32) -> [f32; 2] {
            [degrees.to_radians().cos(), degrees.to_radians().sin()]
        }
    }

    impl Embedder for Angles {
        fn catalog(&self, photos: &[Vec<u8>]) -> Result<Vec<f32>> {
            Ok(photos
                .iter()
                .map(|p| Self::degrees(p))
                .collect::<Result<Vec<_>>>()?
                .into_iter()
                .flat_map(Self::vector)
                .collect())
        }

        fn queries(&self, _: Mode, queries: &[QueryInput<'_>]) -> Result<Vec<f32>> {
            let mut vectors = vec![];
            for query in queries {
                assert!(query.photo.is_some() || query.text.is_some());
                let photo = query.photo.map_or(Ok(0.), Self::degrees)?;
                // Captions joined with ", " are summed.
                let text = query.text.unwrap_or("0").split(", ").map(|t| t.split(' ').next_back().unwrap());
                vectors.extend(Self::vector(photo + text.map(|t| t.parse::<f32>().unwrap()).sum::<f32>()));
            }
            Ok(vectors)
        }

        fn dimension(&self) -> usize {
            2
        }
    }

    /// Photos `0`, `10` … `90` of that many degrees, and one that cannot be decoded.
    fn photos() -> (TempDir, PhotoSource) {
        let folder = tempfile::tempdir().unwrap();
        for degrees in (0..100).step_by(10) {
            std::fs::write(folder.path().join(format!("{degrees}.jpg")), degrees.to_string()).unwrap();
        }
        std::fs::write(folder.path().join("damaged.jpg"), "no number").unwrap();
        let source = PhotoSource::open(folder.path()).unwrap();
        (folder, source)
    }

    fn query(reference: Option<&str>, captions: &[&str], targets: &[&str]) -> Query {
        Query {
            reference: reference.map(str::to_owned),
            captions: captions.iter().map(|&c| c.to_owned()).collect(),
            targets: targets.iter().map(|&t| t.to_owned()).collect(),
        }
    }

    fn run(queries: &[Query], gallery: &[&str], mode: Mode) -> Result<Report> {
        let (_folder, photos) = photos();
        let gallery: Vec<String> = gallery.iter().map(|&id| id.to_owned()).collect();
        let forms = ["f32@2", "int8@1"].map(|form| form.parse().unwrap());
        evaluate(&Angles, &photos, queries, &gallery, mode, &[1, 3], &forms, &ProgressBar::hidden())
    }

    const ALL: [&str; 10] = ["0", "10", "20", "30", "40", "50", "60", "70", "80", "90"];

    #[test]
    fn the_three_modes_rank_by_what_they_may_see() {
        let queries = [query(Some("20"), &["more 31"], &["50"]), query(Some("0"), &["not 60", "21"], &["80", "70"])];
        let fusion = run(&queries, &ALL, Mode::Fusion).unwrap();
        assert_eq!((fusion.queries, fusion.gallery), (2, 10));
        assert_eq!(fusion.metrics.recall(1), Some(1.));
        assert_eq!(fusion.metrics.median_rank, 1.);
        // By the photo alone: from 20, the photos 10 and 30 come first, then 0 and 40, then 50.
        let image = run(&queries, &ALL, Mode::Image).unwrap();
        assert_eq!(image.metrics.at[1].recall, 0.);
        assert_eq!(image.metrics.median_rank, (5. + 7.) / 2.);
        // By the text alone: 31 finds 30, 40 (20 is the reference), then 50; 81 finds 80.
        let text = run(&queries, &ALL, Mode::Text).unwrap();
        assert_eq!((text.metrics.recall(1), text.metrics.recall(3)), (Some(0.5), Some(1.)));
    }

    #[test]
    fn forms_of_the_vectors_get_their_own_metrics() {
        let report = run(&[query(Some("20"), &["more 31"], &["50"])], &ALL, Mode::Fusion).unwrap();
        let rows: Vec<_> = report.embeddings.iter().map(|s| (s.bytes, s.metrics.median_rank)).collect();
        // by the cosine alone the eight photos below 90 degrees look the same, and ties are broken against us
        assert_eq!(rows, [(8, 1.), (5, 8.)]);
        assert_eq!(serde_json::to_value(&report).unwrap()["embeddings"][1]["embedding"], "int8@1");
        let (_folder, photos) = photos();
        let long = ["f32@3".parse().unwrap()];
        let asked = [query(Some("0"), &[], &["10"])];
        let ids = photos.ids().to_vec();
        let refused = evaluate(&Angles, &photos, &asked, &ids, Mode::Image, &[1], &long, &ProgressBar::hidden());
        assert!(refused.unwrap_err().to_string().contains("at most the model's 2 numbers a vector, got f32@3"));
    }

    #[test]
    fn wordings_get_their_own_metrics() {
        let queries = [
            query(Some("20"), &["more 30"], &["50"]),
            query(Some("0"), &["not 60"], &["90"]),
            query(Some("0"), &[], &["10"]),
        ];
        let report = run(&queries, &ALL, Mode::Fusion).unwrap();
        let rows: Vec<_> = report.groups.iter().map(|(n, g)| (*n, g.queries, g.metrics.median_rank)).collect();
        assert_eq!(rows, [("negation", 1, 6.), ("comparative", 1, 1.)]);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["groups"]["negation"]["metrics"]["recall@3"], 0.);
        assert_eq!(json["metrics"]["recall@1"], 2. / 3.);
        assert_eq!((&json["queries"], &json["gallery"], &json["mode"]), (&3.into(), &10.into(), &"fusion".into()));
        assert_eq!(json["seed_table"][0]["hits"], 2);
        assert!(json["ms_per_query"].as_f64().unwrap() > 0.);
    }

    #[test]
    fn what_has_no_photo_is_left_out_counted_and_named() {
        let queries = [
            query(Some("0"), &["10"], &["10", "lost", "90"]), // asked, with one target in the gallery
            query(Some("gone"), &["10"], &["10"]),
            query(Some("damaged"), &["10"], &["10"]),
            query(Some("0"), &["10"], &["lost"]),
            query(Some("10"), &["10"], &["10"]), // its only target is the reference
            query(None, &["10"], &["10"]),
        ];
        let report = run(&queries, &["0", "10", "20", "damaged", "nowhere"], Mode::Image).unwrap();
        assert_eq!((report.queries, report.gallery), (1, 3));
        assert_eq!(report.metrics.at[0].map, 1., "targets without a photo do not count");
        let ids = |ids: &[&str]| Ids { count: ids.len(), ids: ids.iter().map(|&i| i.to_owned()).collect() };
        assert_eq!(report.missing, ids(&["gone", "lost", "nowhere"]));
        assert_eq!(report.unreadable, ids(&["damaged"]));
        assert_eq!(report.outside_gallery, ids(&["90"]));
        let skipped = Skipped { without_reference: 2, without_target: 2, without_modality: 1 };
        assert_eq!(report.skipped, skipped);
    }

    #[test]
    fn a_reference_outside_the_gallery_that_cannot_be_decoded_is_left_out() {
        let queries = [query(Some("damaged"), &["10"], &["10"]), query(Some("90"), &["-80"], &["10"])];
        let report = run(&queries, &["10", "20"], Mode::Fusion).unwrap();
        assert_eq!((report.queries, report.skipped.without_reference, report.unreadable.count), (1, 1, 1));
        assert_eq!(report.metrics.recall(1), Some(1.), "the photos beside the damaged one are asked all the same");
    }

    #[test]
    fn nothing_to_measure_is_an_error() {
        let good = [query(Some("0"), &["10"], &["10"])];
        let empty = run(&good, &[], Mode::Fusion).unwrap_err().to_string();
        assert!(empty.contains("expected photos for the 0 ids"), "{empty}");
        let strange = run(&good, &["nowhere", "damaged"], Mode::Fusion).unwrap_err().to_string();
        assert!(strange.contains("1 are not in the photos, 1 cannot be decoded"), "{strange}");
        let none = run(&[query(Some("0"), &[], &["10"])], &ALL, Mode::Text).unwrap_err().to_string();
        assert!(none.contains("1 without what mode Text asks with"), "{none}");
    }

    #[test]
    fn a_model_of_another_dimension_is_an_error() {
        let error = embed_each(&[1, 2], 3, &|_| Ok(vec![0.; 4])).unwrap_err().to_string();
        assert!(error.contains("expected 2 vectors of 3 numbers, got 4"), "{error}");
        assert!(embed_each(&[1], 0, &|_| Ok(vec![])).is_err());
    }

    #[test]
    fn dot_products_of_any_length() {
        for n in [0, 1, 7, 8, 9, 16, 19] {
            let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
            assert_eq!(dot(&x, &x), (0..n).map(|i| i * i).sum::<i32>() as f32);
        }
    }

    #[test]
    fn more_queries_than_a_chunk_are_all_asked() {
        let queries = vec![query(Some("20"), &["30"], &["50"]); CHUNK * 2 + 1];
        assert_eq!(run(&queries, &ALL, Mode::Fusion).unwrap().queries, CHUNK * 2 + 1);
    }
}
