//! A shop's products → items with photos, texts, attributes, and the part of the data that each belongs to.

use super::facts::{Facts, Told};
use super::mine;
use crate::data::{Data, Item, Origin, Shop, Split, held_out};
use image::RgbImage;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};
use vitrine::error::{Error, Result, io};
use vitrine::hash::sha256_hex;
use vitrine::indexer::{Source, visible};
use vitrine::print;
use vitrine::search::fold::tokens;
use vitrine::search::glossary::{Glossaries, language::Language};
use vitrine::search::reading::Reading;

/// Fewer products teach a model nothing that it does not know.
pub const LEAST: usize = 300;
/// Photos of one product that are looked at: the first ones show it best.
const VIEWS: usize = 5;
/// Photos that are kept in memory; a larger shop gives the first photos of products that their ids choose.
const MOST_PHOTOS: usize = 30_000;
/// A page that more photos link to is that of no single product.
const MOST_VIEWS: usize = 30;
/// A title that more products have says nothing of either.
const MOST_LIKE: usize = 10;
/// Changes that are mined for each product to learn from, and for each that is held out.
const CHANGES: [usize; 2] = [6, 2];
/// Changes that a held-out part is measured on.
const MOST_HELD: usize = 1000;
/// Shortest and longest sentence of a description that is learnt from, in words.
const SENTENCE: std::ops::RangeInclusive<usize> = 4..=24;

/// A product before its photos are read.
#[derive(Debug, Default)]
struct Draft {
    /// Source and id of each photo.
    photos: Vec<(usize, String)>,
    told: Told,
    title: String,
    sentences: Vec<String>,
}

/// What was read.
pub struct Gathered {
    /// Items of the shop, and queries about them.
    pub data: Data,
    /// Products to validate on by their photos, and those that the table is measured on.
    pub val: Held,
    /// See `val`.
    pub test: Held,
    /// Products.
    pub products: usize,
    /// sha256 over the products and their splits, to know them again.
    pub hash: String,
}

/// Products that are held out.
#[derive(Default)]
pub struct Held {
    /// Items of each product.
    pub products: Vec<Vec<usize>>,
    /// Changes that lead from one to others.
    pub composed: Vec<crate::data::Composed>,
}

/// Reads products with their photos; `kept` is the longest side of a photo that is of use, in pixels.
///
/// # Errors
/// [`Error::Argument`] for fewer than [`LEAST`] products with photo and words.
pub fn gather(sources: &[Source], kept: u32) -> Result<Gathered> {
    let glossaries = Glossaries::shipped()?;
    let drafts = drafts(sources, &glossaries);
    enough(drafts.len())?;
    let (drafts, photos) = read_photos(sources, drafts, kept)?;
    enough(drafts.len())?;
    let english = glossaries.of(Language::English).ok_or_else(|| Error::Argument("no English glossary".into()))?;
    let told: Vec<Told> = drafts.iter().map(|draft| draft.told.clone()).collect();
    let facts = Facts::of(&told, english);
    let splits = splits(&drafts, &photos);
    Ok(join(drafts, photos, facts, &splits))
}

fn enough(products: usize) -> Result<()> {
    match products >= LEAST {
        true => Ok(()),
        false => Err(Error::Argument(format!(
            "tuning: expected {LEAST} products or more with photo and title, got {products}; so few would not make the \
             model better: index them with the model as it is, or tune when the shop has grown"
        ))),
    }
}

/// Products of all sources, those with words.
fn drafts(sources: &[Source], glossaries: &Glossaries) -> Vec<Draft> {
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    for (number, source) in sources.iter().enumerate() {
        let links = links(source);
        for id in source.photos.ids() {
            let product = source.photos.product(id);
            let Some(known) = source.metadata.get(product.unwrap_or(id)) else { continue };
            let Some(title) = visible(&known.title) else { continue };
            let link = known.link.as_deref().filter(|link| (2..=MOST_VIEWS).contains(&links[link]));
            let key = product.or(known.product.as_deref()).or(link).unwrap_or(id);
            let draft = drafts.entry(key.to_string()).or_default();
            draft.photos.push((number, id.clone()));
            if draft.title.is_empty() {
                let values = known.attributes.iter().filter(|(name, _)| !known.further.contains_key(*name));
                draft.told.values = values.map(|(name, value)| (name.clone(), value.clone())).collect();
                draft.title = title.split_whitespace().collect::<Vec<_>>().join(" ");
                draft.sentences = sentences(&known.description);
            }
        }
    }
    let mut drafts: Vec<Draft> = drafts.into_values().filter(|d| d.title.chars().any(char::is_alphanumeric)).collect();
    drafts.par_iter_mut().for_each(|draft| translate(draft, glossaries));
    drop_common(&mut drafts);
    drafts
}

/// How many photos link to each page.
fn links(source: &Source) -> HashMap<&str, usize> {
    let mut links = HashMap::new();
    for id in source.photos.ids() {
        let known = source.metadata.get(source.photos.product(id).unwrap_or(id));
        known.and_then(|known| known.link.as_deref()).into_iter().for_each(|link| *links.entry(link).or_default() += 1);
    }
    links
}

/// Texts as the text encoder reads them in a search: in English where they were in another language.
fn translate(draft: &mut Draft, glossaries: &Glossaries) {
    let english = |text: &str| Reading::without_catalog(text, glossaries).for_encoder().to_string();
    draft.title = english(&draft.title);
    draft.told.title = draft.title.to_lowercase();
    let values = std::mem::take(&mut draft.told.values);
    draft.told.values = values
        .into_iter()
        .map(|(name, value)| (english(&name).to_lowercase(), english(&value).to_lowercase()))
        .collect();
    draft.sentences.iter_mut().for_each(|sentence| *sentence = english(sentence));
}

fn sentences(description: &str) -> Vec<String> {
    let lines = description.split(['.', '!', '?', '\n', ';', '•']).map(str::trim);
    lines.filter(|line| SENTENCE.contains(&line.split_whitespace().count())).take(8).map(str::to_string).collect()
}

/// What two products have in their descriptions, such as how to wash them, tells of neither.
fn drop_common(drafts: &mut [Draft]) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for draft in drafts.iter() {
        let own: HashSet<&String> = draft.sentences.iter().collect();
        own.into_iter().for_each(|sentence| *counts.entry(sentence.clone()).or_default() += 1);
    }
    drafts.iter_mut().for_each(|draft| draft.sentences.retain(|sentence| counts[sentence] == 1));
}

/// A photo and the sha256 of its file.
type Photo = (RgbImage, String);

/// Reads the photos of products, and drops those that have none.
fn read_photos(sources: &[Source], drafts: Vec<Draft>, kept: u32) -> Result<(Vec<Draft>, Vec<Vec<Photo>>)> {
    let views = (MOST_PHOTOS / drafts.len().max(1)).clamp(1, VIEWS);
    let mut drafts = drafts;
    if drafts.len() > MOST_PHOTOS {
        drafts.sort_by_cached_key(|draft| sha256_hex(draft.photos[0].1.as_bytes()));
        drafts.truncate(MOST_PHOTOS);
        print::note(format_args!("of a large shop, {MOST_PHOTOS} products are learnt from"));
    }
    let bar = print::bar(drafts.len(), "reading products");
    let read = |(source, id): &(usize, String)| -> Option<Photo> {
        let bytes = sources[*source].photos.read(id).ok()?;
        let photo = vitrine::image::decode(&bytes).ok()?;
        Some((vitrine::image::thumbnail(&photo, kept), sha256_hex(&bytes)))
    };
    let photos: Vec<Vec<Photo>> = drafts
        .par_iter()
        .map(|draft| {
            bar.inc(1);
            draft.photos.iter().take(views).filter_map(read).collect()
        })
        .collect();
    bar.finish_and_clear();
    let all = drafts.len();
    let (drafts, photos): (Vec<_>, Vec<_>) =
        drafts.into_iter().zip(photos).filter(|(_, photos): &(_, Vec<Photo>)| !photos.is_empty()).unzip();
    if drafts.len() < all {
        let without = all - drafts.len();
        print::note(format_args!("{without} products have no photo that can be read; `vitrine index` says why"));
    }
    Ok((drafts, photos))
}

/// The split of each product by a hash of its id. Products that share a photo, or a title with few others, are on one side,
/// that of the first.
fn splits(drafts: &[Draft], photos: &[Vec<Photo>]) -> Vec<Split> {
    let mut titles: HashMap<&str, usize> = HashMap::new();
    drafts.iter().for_each(|draft| *titles.entry(&draft.title).or_default() += 1);
    let mut first: Vec<usize> = (0..drafts.len()).collect();
    fn root(first: &[usize], mut at: usize) -> usize {
        while first[at] != at {
            at = first[at];
        }
        at
    }
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (at, (draft, photos)) in drafts.iter().zip(photos).enumerate() {
        let title = Some(draft.title.as_str()).filter(|title| titles[title] <= MOST_LIKE);
        for mark in photos.iter().map(|(_, hash)| hash.as_str()).chain(title) {
            let other = *seen.entry(mark).or_insert(at);
            let (a, b) = (root(&first, at), root(&first, other));
            first[a.max(b)] = a.min(b);
        }
    }
    (0..drafts.len()).map(|at| held_out(&drafts[root(&first, at)].photos[0].1)).collect()
}

/// Items, and the queries about them.
fn join(drafts: Vec<Draft>, photos: Vec<Vec<Photo>>, facts: Facts, splits: &[Split]) -> Gathered {
    let count = drafts.len();
    let marks: String =
        drafts.iter().zip(splits).map(|(d, s)| format!("{} {} {s:?}\n", d.photos[0].1, d.title)).collect();
    let mut data = Data { roles: facts.roles, words: facts.words, ..Data::default() };
    let mut shop = Shop { near: facts.near, ..Shop::default() };
    let mut vocabulary: HashMap<String, u32> = HashMap::new();
    let mut products: HashMap<Split, Vec<Vec<usize>>> = HashMap::new();
    for (at, ((draft, photos), attributes)) in drafts.into_iter().zip(photos).zip(facts.of).enumerate() {
        let mut words: Vec<u32> = tokens(&draft.title)
            .map(|word| {
                let next = vocabulary.len() as u32;
                *vocabulary.entry(word).or_insert(next)
            })
            .collect();
        words.sort_unstable();
        words.dedup();
        let first = data.items.len();
        for ((_, id), (photo, _)) in draft.photos.into_iter().zip(photos) {
            let (origin, split, title) = (Origin::Product, splits[at], draft.title.clone());
            let (photos, attributes) = (vec![photo], attributes.clone());
            data.items.push(Item { id, origin, split, photos, title, attributes, kinds: 0 });
            shop.product.push(at as u32);
            shop.title_words.push(words.clone());
            shop.sentences.push(draft.sentences.clone());
        }
        products.entry(splits[at]).or_default().push((first..data.items.len()).collect());
    }
    let mut of = |split: Split| products.remove(&split).unwrap_or_default();
    let (train, val, test) = (of(Split::Train), of(Split::Val), of(Split::Test));
    shop.products = train.clone();
    data.shop = Some(shop);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    data.train = mine::composed(&data, &train, CHANGES[0], usize::MAX, &mut rng);
    let mut held = |products: Vec<Vec<usize>>| {
        let composed = mine::composed(&data, &products, CHANGES[1], MOST_HELD, &mut rng);
        Held { products, composed }
    };
    let (val, test) = (held(val), held(test));
    Gathered { data, val, test, products: count, hash: sha256_hex(marks.as_bytes()) }
}

/// Draws garments and adds them, so that what they teach is not forgotten.
///
/// # Errors
/// [`Error::Io`] where nothing can be written for a while.
pub fn add_drawn(data: &mut Data, count: usize) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let into = "drawing garments into";
    let folder = tempfile::tempdir().map_err(io(into, &std::env::temp_dir()))?;
    let bar = print::bar(count, "drawing garments");
    vitrine_demo::write(folder.path(), count, 1, || bar.inc(1)).map_err(io(into, folder.path()))?;
    bar.finish_and_clear();
    data.add_drawn(folder.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(id: &str, title: &str) -> Draft {
        Draft { photos: vec![(0, id.to_string())], title: title.to_string(), ..Draft::default() }
    }

    #[test]
    fn products_that_share_a_photo_or_a_title_are_on_one_side() {
        let drafts: Vec<Draft> = (0..400).map(|i| draft(&format!("p{i}"), &format!("Dress {}", i / 2))).collect();
        let photo = |hash: String| vec![(RgbImage::new(1, 1), hash)];
        // products 0 and 399 share a photo, and each its title with a neighbour
        let photos: Vec<_> = (0..400).map(|i| photo(if i == 399 { "0".into() } else { i.to_string() })).collect();
        let splits = splits(&drafts, &photos);
        assert!(splits.chunks(2).all(|pair| pair[0] == pair[1]));
        assert!(splits[0] == splits[399] && splits[1] == splits[398]);
        let of = |split| splits.iter().filter(|found| **found == split).count();
        assert!(of(Split::Train) > 200 && of(Split::Val) > 10 && of(Split::Test) > 30);
        // a title that all have says nothing
        let same: Vec<Draft> = (0..400).map(|i| draft(&format!("p{i}"), "Dress")).collect();
        let photos: Vec<_> = (0..400).map(|i| photo(i.to_string())).collect();
        let found: HashSet<Split> = super::splits(&same, &photos).into_iter().collect();
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn sentences_that_several_products_have_are_not_learnt_from() {
        let mut drafts = vec![draft("a", "A"), draft("b", "B")];
        drafts[0].sentences =
            sentences("Cut from heavy washed linen. Wash at thirty degrees only! Nice. Wash at thirty degrees only!");
        drafts[1].sentences = sentences("Wash at thirty degrees only. A long skirt with deep pockets");
        drop_common(&mut drafts);
        assert_eq!(drafts[0].sentences, ["Cut from heavy washed linen"]);
        assert_eq!(drafts[1].sentences, ["A long skirt with deep pockets"]);
    }

    #[test]
    fn few_products_are_told_what_to_do() {
        let error = enough(LEAST - 1).unwrap_err().to_string();
        assert!(error.contains("300 products or more") && error.contains("got 299") && error.contains("index them"));
        assert!(enough(LEAST).is_ok());
    }
}
