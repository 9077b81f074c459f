//! Where good matches end in this catalog.
//!
//! A cosine means nothing by itself: models differ, and so do catalogs. What can be measured is what words *without* an
//! answer here still reach by chance, what words reach that are known to fit, and how far below the best match the
//! photos stand that still carry the attribute asked for. For photos, the yardstick is two products taken at random.
//!
//! Scores alone tell little: half of all phrases about other things reach what nearly all fitting ones do
//! (`benches/quality/whole.sh` counts them). Whether the catalog's own titles and attributes know the words tells more,
//! so there are two limits.

use crate::backend::cpu::Cpu;
use crate::catalog::folder::Folder;
use crate::catalog::format::Item;
use crate::engine::{Engine, Tier};
use crate::error::{Error, Result};
use crate::hash::sha256_hex;
use crate::model::folder::{Description, Part};
use crate::search::ranking::Relevance;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Things that no shop of clothes has. What such words reach is what any words reach by chance.
const ELSEWHERE: [&str; 40] = [
    "a bowl of tomato soup",
    "quarterly tax return",
    "the moons of jupiter",
    "used diesel engine",
    "a flock of seagulls",
    "dentist appointment",
    "garden fence paint",
    "how to boil an egg",
    "railway timetable",
    "volcanic eruption",
    "kitchen sink drain",
    "chess opening",
    "wireless router",
    "cheese sandwich",
    "parking ticket",
    "a sleeping cat",
    "concrete mixer",
    "snowy mountain",
    "violin concerto",
    "washing machine",
    "olive oil",
    "algebra homework",
    "mobile phone charger",
    "birthday cake with candles",
    "fire extinguisher",
    "potted cactus",
    "traffic light",
    "bicycle pump",
    "weather forecast",
    "hammer and nails",
    "aquarium fish",
    "newspaper article",
    "coffee machine",
    "orange juice",
    "dog food",
    "laser printer",
    "city map",
    "wooden bookshelf",
    "car insurance",
    "electric guitar",
];
/// A catalog of fewer photos is not measured.
const FEWEST: usize = 8;
/// Photos that are looked at; a larger catalog is judged by as many from all over it.
const ROWS: usize = 50_000;
/// Products whose own titles are put to the catalog.
const TITLES: usize = 120;
/// Attribute values that are put to it.
const VALUES: usize = 80;
/// Products compared with each other.
const PAIRED: usize = 400;
/// Queries encoded at once.
const BATCH: usize = 20;
/// [`Relevance::share`] of a catalog without attributes.
const SHARE: f32 = 0.5;

/// The limits for each of the tiers that turn words into vectors: their scores differ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Those for the text encoder, and for photos.
    #[serde(flatten)]
    pub full: Relevance,
    /// Those for the instant tier; nothing where the model has none, or the site is older than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instant: Option<Relevance>,
}

impl Limits {
    /// The limits for what a tier answers.
    pub fn of(&self, tier: Tier) -> Relevance {
        match tier {
            Tier::Full => self.full,
            Tier::Instant => self.instant.unwrap_or(self.full),
        }
    }
}

/// Puts words with and without an answer to a catalog. Nothing for a catalog too small to tell chance from likeness,
/// and for a model that reads no words.
pub fn measure(folder: &Folder, model: &Path, description: &Description) -> Result<Option<Limits>> {
    measure_again(folder, model, description, &Value::Null).map(|(_, relevance)| relevance)
}

/// The same, unless an earlier site has measured the same. With it comes the hash of all that it was measured of; where that is the one in `known`,
/// the earlier `site.json`, nothing is measured again.
pub fn measure_again(
    folder: &Folder,
    model: &Path,
    description: &Description,
    known: &Value,
) -> Result<(String, Option<Limits>)> {
    let (items, vectors) = read(folder)?;
    let (rows, values) = (spread(items.len(), TITLES), values(&items));
    let titles: Vec<&str> = rows.iter().map(|&row| items[row].title.as_str()).collect();
    let hash = hash(folder, description, &titles, &values);
    if known["measured"] == hash.as_str()
        && let Ok(relevance) = serde_json::from_value(known["relevance"].clone())
    {
        return Ok((hash, relevance));
    }
    let large = |_: &Engine<Cpu>| items.len() >= FEWEST;
    let Some(engine) = reader(model, description, &TEXT)?.filter(large) else { return Ok((hash, None)) };
    let catalog = Tensor::from_vec(vectors, (items.len(), folder.manifest.dimension), &Device::Cpu)?;
    let full = limits(&engine, &catalog, &titles, &values)?;
    let small = reader(model, description, &[Part::Instant])?;
    let instant = small.map(|engine| limits(&engine, &catalog, &titles, &values)).transpose()?;
    Ok((hash, Some(Limits { full, instant })))
}

/// The limits for what one tier answers.
fn limits(engine: &Engine<Cpu>, catalog: &Tensor, titles: &[&str], values: &[(&str, Vec<usize>)]) -> Result<Relevance> {
    let chance = tops(&scores(engine, catalog, &ELSEWHERE)?);
    let own = tops(&scores(engine, catalog, titles)?);
    let words: Vec<&str> = values.iter().map(|(value, _)| *value).collect();
    let found = scores(engine, catalog, &words)?;
    // what hardly a wrong question stays below, and what hardly one reaches; never more than right questions reach, of which
    // titles are the examples: single values are none, since many ("regular", "flat") say little by themselves
    let known = quantile(chance.clone(), 0.1).min(quantile(own.clone(), 0.05));
    let unknown = quantile(chance, 0.9).min(quantile(own, 0.5));
    Ok(Relevance { known, unknown, share: share(&found, values), photo: pairs(catalog, catalog.dim(0)?)? })
}

/// sha256 over all that the limits are measured of, and over how: this program's version.
fn hash(folder: &Folder, description: &Description, titles: &[&str], values: &[(&str, Vec<usize>)]) -> String {
    let shards: Vec<&str> = folder.manifest.shards.iter().map(|shard| shard.vectors.sha256.as_str()).collect();
    let tier = description.instant.as_ref().map(|file| file.sha256.to_string());
    let measured = (env!("CARGO_PKG_VERSION"), &description.fingerprint, tier, shards, titles, values);
    sha256_hex(format!("{measured:?}").as_bytes())
}

/// What reads words by the text encoder.
const TEXT: [Part; 3] = [Part::Tokenizer, Part::Text, Part::Fusion];

/// These parts of a model, if with them it reads words.
fn reader(folder: &Path, description: &Description, parts: &[Part]) -> Result<Option<Engine<Cpu>>> {
    let mut engine = Engine::new(Cpu::new(), description.clone());
    for &part in parts {
        if description.files().any(|file| file.part == part) {
            engine.read_part(folder, part)?;
        }
    }
    let ready = engine.ready();
    Ok(Some(engine).filter(|_| ready.text || ready.instant))
}

/// Metadata and unit vectors `[rows, dimension]` of [`ROWS`] photos at most, taken evenly from every shard: a shard of a
/// clustered catalog holds what looks alike.
fn read(folder: &Folder) -> Result<(Vec<Item>, Vec<f32>)> {
    let (mut items, mut vectors) = (Vec::new(), Vec::new());
    let mut taken = evenly(folder.manifest.count, ROWS);
    for part in folder.shards() {
        let (shard, known) = part?;
        for ((row, item), _) in known.into_iter().enumerate().zip(&mut taken).filter(|(_, taken)| *taken) {
            items.push(item);
            vectors.extend(shard.row(row));
        }
    }
    Ok((items, vectors))
}

/// Attribute values that several products have and most have not, with the rows that have them; at most [`VALUES`].
fn values(items: &[Item]) -> Vec<(&str, Vec<usize>)> {
    let mut rows: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (row, item) in items.iter().enumerate() {
        for (name, value) in &item.attributes {
            rows.entry((name, value)).or_default().push(row);
        }
    }
    let telling = |rows: &Vec<usize>| rows.len() >= 3 && rows.len() * 3 <= items.len();
    let all: Vec<_> =
        rows.into_iter().filter(|(_, rows)| telling(rows)).map(|((_, value), rows)| (value, rows)).collect();
    spread(all.len(), VALUES).into_iter().map(|i| all[i].clone()).collect()
}

/// The share of the best score at which cutting the rankings of the values divides best what has the value from what
/// has not: the highest mean F1.
fn share(found: &[Vec<f32>], values: &[(&str, Vec<usize>)]) -> f32 {
    let f1 = |share: f32| -> f32 {
        let one = |(scores, (_, rows)): (&Vec<f32>, &(&str, Vec<usize>))| {
            let limit = share * best(scores);
            let kept = scores.iter().filter(|&&score| score >= limit).count();
            let right = rows.iter().filter(|&&row| scores[row] >= limit).count();
            2.0 * right as f32 / (kept + rows.len()) as f32
        };
        found.iter().zip(values).map(one).sum()
    };
    match found.is_empty() {
        true => SHARE,
        false => (6..=18).map(|step| step as f32 * 0.05).max_by(|a, b| f1(*a).total_cmp(&f1(*b))).unwrap_or(SHARE),
    }
}

/// Scores `[texts][n]` of texts with every photo.
fn scores(engine: &Engine<Cpu>, catalog: &Tensor, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    let (columns, mut all) = (catalog.t()?, Vec::with_capacity(texts.len()));
    for texts in texts.chunks(BATCH) {
        let queries = match pollster::block_on(engine.query_vectors(None, Some(texts))) {
            Ok(queries) => queries,
            // one text without a token, such as a title of characters that nobody sees, must not end the rest
            Err(Error::EmptyQuery) if texts.len() > 1 => {
                for text in texts.chunks(1) {
                    all.extend(scores(engine, catalog, text)?);
                }
                continue;
            }
            Err(Error::EmptyQuery) => {
                all.push(vec![f32::MIN; catalog.dim(0)?]);
                continue;
            }
            Err(error) => return Err(error),
        };
        let queries = Tensor::from_vec(queries, (texts.len(), catalog.dim(1)?), &Device::Cpu)?;
        all.extend(queries.matmul(&columns)?.to_vec2::<f32>()?);
    }
    Ok(all)
}

fn tops(found: &[Vec<f32>]) -> Vec<f32> {
    // texts without a token have scored nothing
    found.iter().map(|scores| best(scores)).filter(|&best| best > f32::MIN).collect()
}

fn best(scores: &[f32]) -> f32 {
    scores.iter().copied().fold(f32::MIN, f32::max)
}

/// The score that one pair of products in ten exceeds.
fn pairs(catalog: &Tensor, n: usize) -> Result<f32> {
    let rows: Vec<u32> = spread(n, PAIRED).iter().map(|&row| row as u32).collect();
    let count = rows.len();
    let some = catalog.index_select(&Tensor::from_vec(rows, count, &Device::Cpu)?, 0)?;
    let scores = some.matmul(&some.t()?)?.to_vec2::<f32>()?;
    let others = scores.iter().enumerate().flat_map(|(i, row)| row[..i].iter().copied()).collect();
    Ok(quantile(others, 0.9))
}

/// At most `count` rows, evenly spread.
fn spread(n: usize, count: usize) -> Vec<usize> {
    let count = count.min(n);
    (0..count).map(|i| i * n / count).collect()
}

/// For each of `n` rows whether it is one of `count` that are evenly spread.
fn evenly(n: usize, count: usize) -> impl Iterator<Item = bool> {
    let count = count.min(n);
    (0..n).map(move |row| row * count / n < (row + 1) * count / n)
}

/// The value below which that share of the values lies; infinite where there are none.
fn quantile(mut values: Vec<f32>, share: f32) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let at = (share * (values.len() as f32 - 1.0)).round() as usize;
    values.get(at).copied().unwrap_or(f32::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_divides_what_has_the_value_from_what_has_not() {
        // the best scores .8; what has the value stands above .5, the rest below .3
        let found = [vec![0.8, 0.6, 0.5, 0.3, 0.1, 0.0], vec![0.1, 0.0, 0.3, 0.8, 0.55, 0.6]];
        let values = [("red", vec![0, 1, 2]), ("blue", vec![3, 4, 5])];
        let share = share(&found, &values);
        assert!(share * 0.8 > 0.3 && share * 0.8 <= 0.5, "{share}");
        assert_eq!(super::share(&[], &[]), SHARE);
    }

    #[test]
    fn only_telling_values_are_asked_for() {
        let item = |i: usize| -> Item {
            let attributes = serde_json::json!({"kind": "thing", "colour": if i.is_multiple_of(4) { "red" } else { "blue" }, "code": i.to_string()});
            let json = serde_json::json!({
                "id": "x", "title": "x", "attributes": attributes, "photo": "x.jpg", "width": 1, "height": 1, "tone": "#000000"
            });
            serde_json::from_value(json).unwrap()
        };
        let items: Vec<Item> = (0..20).map(item).collect();
        assert_eq!(values(&items), [("red", vec![0, 4, 8, 12, 16])]);
    }

    #[test]
    fn a_site_without_limits_for_the_instant_tier_judges_it_as_the_text_encoder() {
        let full = Relevance { known: 0.1, unknown: 0.3, share: 0.5, photo: 0.4 };
        let older: Limits = serde_json::from_value(serde_json::to_value(full).unwrap()).unwrap();
        assert_eq!((older.of(Tier::Full), older.of(Tier::Instant)), (full, full));
        let instant = Relevance { known: 0.2, ..full };
        let both = Limits { full, instant: Some(instant) };
        let json = serde_json::to_value(both).unwrap();
        // an older page reads the limits where they always stood
        assert_eq!(serde_json::from_value::<Relevance>(json.clone()).unwrap(), full);
        assert_eq!(serde_json::from_value::<Limits>(json).unwrap().of(Tier::Instant), instant);
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 0.05), 1.0);
        assert_eq!(quantile(vec![], 0.5), f32::INFINITY);
        assert_eq!(spread(10, 3), [0, 3, 6]);
        assert_eq!(spread(2, 9), [0, 1]);
        assert_eq!(evenly(5, 2).collect::<Vec<_>>(), [false, false, true, false, true]);
        assert!(evenly(2, 9).eq([true, true]));
    }
}
