//! What one step looks at: samples drawn, words made, photos augmented, and what answers what.

use super::data::{COLOUR, Composed, Data, GENDER, Item, Origin, PATTERN, Says, Split, TYPE, USAGE};
use super::loss::Relation;
use super::phrases;
use super::shop;
use image::{Rgb, RgbImage, imageops};
use rand::Rng;
use rand::seq::IndexedRandom;
use std::collections::{HashMap, HashSet};
use vitrine::image::{Preprocess, patches};

/// One target, the text that fits it, and perhaps a reference with a change that leads to it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The photo to be found.
    pub target: usize,
    /// A text that finds it.
    pub text: String,
    /// What the text says.
    pub says: Says,
    /// The photo that the change starts from, the change, and all photos that it leads to.
    pub composed: Option<(usize, String, HashSet<usize>)>,
}

/// What one step learns from.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Samples with a photo, composed ones first.
    pub samples: Vec<Sample>,
    /// Two ways of asking for one change.
    pub pairs: Vec<[String; 2]>,
}

/// How many samples of each kind a batch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Products with a reference and a change.
    pub composed: usize,
    /// Drawn garments with a reference and a change.
    pub drawn: usize,
    /// Products with a text alone.
    pub products: usize,
    /// Tops with their titles.
    pub tops: usize,
    /// Wardrobe photos with their labels.
    pub wardrobe: usize,
    /// Pairs of texts, which come on top.
    pub pairs: usize,
}

impl Mix {
    /// Samples with a photo.
    pub fn total(&self) -> usize {
        self.composed + self.drawn + self.products + self.tops + self.wardrobe
    }

    /// Samples of each kind for the data that there is; products with a text alone fill the rest.
    pub fn new(batch: usize, shares: MixShares, data: &Data) -> Self {
        let count = |share: f32, there: bool| if there { (batch as f32 * share).round() as usize } else { 0 };
        let has = |origin| !data.pick(origin, Split::Train).is_empty();
        let composed = count(shares.composed, !data.train.is_empty());
        let drawn = count(shares.drawn, data.train_drawn.iter().any(|queries| !queries.is_empty()));
        let pairs = count(shares.pairs, !data.pairs.is_empty());
        let tops = count(shares.tops, has(Origin::Top));
        let wardrobe = count(shares.wardrobe, has(Origin::Wardrobe));
        let products = batch.saturating_sub(composed + drawn + tops + wardrobe);
        Self { composed, drawn, products, tops, wardrobe, pairs }
    }
}

/// Shares of a batch.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MixShares {
    /// Products with a reference and a change.
    pub composed: f32,
    /// Drawn garments with a reference and a change.
    pub drawn: f32,
    /// Tops with their titles.
    pub tops: f32,
    /// Wardrobe photos with their labels.
    pub wardrobe: f32,
    /// Pairs of texts, which come on top of the batch.
    pub pairs: f32,
}

impl Default for MixShares {
    fn default() -> Self {
        Self { composed: 0.42, drawn: 0.2, tops: 0.2, wardrobe: 0.04, pairs: 0.1 }
    }
}

/// Draws samples from the training split.
pub struct Sampler<'a> {
    data: &'a Data,
    mix: Mix,
    products: Vec<usize>,
    tops: Vec<usize>,
    wardrobe: Vec<usize>,
    /// Training products by all of their attributes.
    alike: HashMap<Vec<u16>, Vec<usize>>,
}

impl<'a> Sampler<'a> {
    /// A sampler over the training split of `data`.
    pub fn new(data: &'a Data, mix: Mix) -> Self {
        let products = data.pick(Origin::Product, Split::Train);
        let mut alike: HashMap<Vec<u16>, Vec<usize>> = HashMap::new();
        for &i in &products {
            alike.entry(data.items[i].attributes.clone()).or_default().push(i);
        }
        let (tops, wardrobe) = (data.pick(Origin::Top, Split::Train), data.pick(Origin::Wardrobe, Split::Train));
        Self { data, mix, products, tops, wardrobe, alike }
    }

    /// What one step learns from.
    pub fn draw(&self, rng: &mut impl Rng) -> Batch {
        let pairs = (0..self.mix.pairs).filter_map(|_| self.data.pairs.choose(rng).cloned());
        Batch { pairs: pairs.collect(), samples: self.samples(rng) }
    }

    fn samples(&self, rng: &mut impl Rng) -> Vec<Sample> {
        // what answers a drawn query is known within its own catalog alone, so a batch draws from one
        let drawn: Vec<&[Composed]> =
            self.data.train_drawn.iter().filter(|queries| !queries.is_empty()).map(Vec::as_slice).collect();
        let mut shelf = Shelf { queries: drawn.choose(rng).copied().unwrap_or_default(), next: 0, left: 0 };
        let mut out = Vec::with_capacity(self.mix.total());
        let mut seen = HashSet::new();
        // a target drawn twice would be its own false negative under a title
        let mut fresh = |sample: &Sample| seen.insert(sample.target);
        for (count, kind) in [
            (self.mix.composed, 0),
            (self.mix.drawn, 4),
            (self.mix.products, 1),
            (self.mix.tops, 2),
            (self.mix.wardrobe, 3),
        ] {
            let mut tries = 0;
            for _ in 0..count {
                let sample = loop {
                    let sample = self.sample(kind, &mut shelf, rng);
                    tries += 1;
                    if fresh(&sample) || tries > 20 * count {
                        break sample;
                    }
                };
                out.push(sample);
            }
        }
        out
    }

    fn sample(&self, kind: usize, shelf: &mut Shelf<'_>, rng: &mut impl Rng) -> Sample {
        let composed = match kind {
            0 => Some(self.composed(rng)),
            4 => Some(drawn(shelf.next(rng), rng)),
            _ => None,
        };
        let pool = [&self.products, &self.products, &self.tops, &self.wardrobe, &self.products][kind];
        let target = match &composed {
            Some((target, ..)) => *target,
            None => match &self.data.shop {
                // products with many photos count no more than others
                Some(shop) => shop.products.choose(rng).and_then(|photos| photos.choose(rng)).copied().unwrap_or(0),
                None => pool.choose(rng).copied().unwrap_or(0),
            },
        };
        let (text, says) = self.text(target, rng);
        Sample { target, text, says, composed: composed.map(|(_, reference, text, all)| (reference, text, all)) }
    }

    /// Target, reference, change, and all targets.
    fn composed(&self, rng: &mut impl Rng) -> (usize, usize, String, HashSet<usize>) {
        let data = self.data;
        // a shop's changes are all mined
        if data.shop.is_none()
            && rng.random_bool(0.25)
            && let Some(made) = self.made_up(rng)
        {
            return made;
        }
        let query = data.train.choose(rng).expect("composed samples need composed queries");
        let target = query.targets.choose(rng).copied().unwrap_or(query.reference);
        let made = phrases::changes(data, query.reference, target, rng);
        let captions = if rng.random_bool(0.3) && !made.is_empty() { &made } else { &query.captions };
        let text = phrases::noisy(&phrases::joined(captions, rng), rng);
        (target, query.reference, text, query.targets.iter().copied().collect())
    }

    /// A reference and a product that differs from it in one or two attributes.
    fn made_up(&self, rng: &mut impl Rng) -> Option<(usize, usize, String, HashSet<usize>)> {
        let data = self.data;
        let reference = *self.products.choose(rng)?;
        let mut key = data.items[reference].attributes.clone();
        for _ in 0..rng.random_range(1..=2) {
            let attribute = *[COLOUR, COLOUR, COLOUR, TYPE, GENDER, USAGE, PATTERN].choose(rng)?;
            key[attribute] = rng.random_range(1..data.words[attribute].len().max(2)) as u16;
        }
        if key == data.items[reference].attributes {
            return None;
        }
        let targets = self.alike.get(&key)?;
        let target = *targets.choose(rng)?;
        let captions = phrases::changes(data, reference, target, rng);
        if captions.is_empty() {
            return None;
        }
        let text = phrases::noisy(&phrases::joined(&captions, rng), rng);
        Some((target, reference, text, targets.iter().copied().collect()))
    }

    fn text(&self, target: usize, rng: &mut impl Rng) -> (String, Says) {
        let item = &self.data.items[target];
        let (text, says) = match item.origin {
            Origin::Product if self.data.shop.is_some() => self.shop_text(target, rng),
            Origin::Wardrobe => {
                let forms = ["{}", "{}", "a {}", "photo of a {}", "my {}", "{} from my wardrobe"];
                (forms.choose(rng).unwrap_or(&"{}").replace("{}", &item.title), Says::Kind)
            }
            Origin::Product if rng.random_bool(0.55) => match phrases::phrase(self.data, target, rng) {
                Some((text, used)) => (text, Says::Attributes(used)),
                None => (item.title.clone(), Says::Title),
            },
            Origin::Top if rng.random_bool(0.3) => (phrases::thinned(&item.title, rng), Says::Title),
            _ => (item.title.clone(), Says::Title),
        };
        (phrases::noisy(&text, rng), says)
    }
}

impl Sampler<'_> {
    /// A text about a shop's photo: a phrase, a sentence of its description, or its title.
    fn shop_text(&self, target: usize, rng: &mut impl Rng) -> (String, Says) {
        let title = &self.data.items[target].title;
        let sentences = self.data.shop.as_ref().and_then(|shop| shop.sentences.get(target));
        let roll = rng.random_range(0.0..1.0);
        if roll < 0.3
            && let Some((text, used)) = phrases::phrase(self.data, target, rng)
        {
            return (text, Says::Attributes(used));
        }
        if roll < 0.4
            && let Some(sentence) = sentences.and_then(|sentences| sentences.choose(rng))
        {
            return (sentence.clone(), Says::Title);
        }
        (if roll < 0.6 { phrases::thinned(title, rng) } else { title.clone() }, Says::Title)
    }
}

/// Drawn queries in clumps of one family: its members differ in a detail or two and are each other's hard negatives.
struct Shelf<'a> {
    queries: &'a [Composed],
    next: usize,
    left: usize,
}

/// Queries drawn next to each other.
const CLUMP: usize = 4;
/// Farthest step between them; a reference has up to eight queries.
const STRIDE: usize = 9;

impl<'a> Shelf<'a> {
    fn next(&mut self, rng: &mut impl Rng) -> &'a Composed {
        if self.left == 0 {
            (self.next, self.left) = (rng.random_range(0..self.queries.len()), CLUMP);
        }
        self.left -= 1;
        let query = &self.queries[self.next % self.queries.len()];
        self.next += rng.random_range(1..=STRIDE);
        query
    }
}

/// Target, reference, change, and all targets of a drawn query.
fn drawn(query: &Composed, rng: &mut impl Rng) -> (usize, usize, String, HashSet<usize>) {
    let target = query.targets.choose(rng).copied().unwrap_or(query.reference);
    let text = phrases::noisy(&query.captions.join(", "), rng);
    (target, query.reference, text, query.targets.iter().copied().collect())
}

/// What a gallery photo is to a text about `target`.
pub fn text_relation(data: &Data, target: usize, says: &Says, photo: usize) -> Relation {
    if target == photo {
        return Relation::Positive;
    }
    if let Some(relation) = shop::text_relation(data, target, says, photo) {
        return relation;
    }
    let (a, b) = (&data.items[target], &data.items[photo]);
    match says {
        Says::Title if a.title == b.title => Relation::Positive,
        Says::Title => Relation::Negative,
        Says::Kind => kind_relation(a, b),
        Says::Attributes(used) => attribute_relation(a, b, used),
    }
}

fn kind_relation(a: &Item, b: &Item) -> Relation {
    match (a.kinds & b.kinds, b.kinds) {
        (0, 0) if b.origin == Origin::Top => Relation::Ignored, // its kind is not known
        (0, _) => Relation::Negative,
        _ => Relation::Positive,
    }
}

/// Attributes that are used must agree; an unknown one of the photo leaves it open.
fn attribute_relation(a: &Item, b: &Item, used: &[usize]) -> Relation {
    if b.origin != Origin::Product {
        return Relation::Ignored;
    }
    let pairs = used.iter().map(|&i| (a.attributes[i], b.attributes[i]));
    if pairs.clone().any(|(x, y)| y != 0 && x != y) {
        return Relation::Negative;
    }
    if pairs.clone().any(|(_, y)| y == 0) { Relation::Ignored } else { Relation::Positive }
}

/// What a gallery photo is to a composed query.
pub fn composed_relation(data: &Data, sample: &Sample, photo: usize) -> Relation {
    let Some((reference, _, targets)) = &sample.composed else { return Relation::Ignored };
    if targets.contains(&photo) || photo == sample.target {
        return Relation::Positive;
    }
    if photo == *reference {
        return Relation::Ignored;
    }
    if let Some(relation) = shop::composed_relation(data, *reference, sample.target, photo) {
        return relation;
    }
    if data.items[sample.target].origin == Origin::Drawn {
        return Relation::Negative; // its answers are known exactly
    }
    let all: Vec<usize> = (0..data.roles.len()).collect();
    match attribute_relation(&data.items[sample.target], &data.items[photo], &all) {
        Relation::Negative => Relation::Negative,
        // of all the same attributes but not listed: the lists are cut at a length
        _ if data.items[photo].origin == Origin::Product => Relation::Ignored,
        _ => Relation::Negative,
    }
}

/// What a gallery photo is to a photo as the query.
pub fn photo_relation(data: &Data, query: usize, photo: usize) -> Relation {
    let (a, b) = (&data.items[query], &data.items[photo]);
    if query == photo {
        return Relation::Positive;
    }
    if let Some(relation) = shop::photo_relation(data, query, photo) {
        return relation;
    }
    match (a.origin, b.origin) {
        (Origin::Wardrobe, Origin::Product | Origin::Wardrobe) => kind_relation(a, b),
        (Origin::Product, Origin::Product) if a.attributes == b.attributes => Relation::Positive,
        (Origin::Product, Origin::Product) if a.attributes[TYPE] == b.attributes[TYPE] => Relation::Ignored,
        (Origin::Product, Origin::Wardrobe) => match kind_relation(a, b) {
            Relation::Positive => Relation::Ignored,
            other => other,
        },
        (Origin::Top, Origin::Product | Origin::Wardrobe) => Relation::Ignored,
        _ => Relation::Negative,
    }
}

/// A photo as training shows it: mirrored, moved or trimmed a little, a little lighter or darker. Colours keep their
/// hue and the garment stays whole.
pub fn augment(photo: &RgbImage, rng: &mut impl Rng) -> RgbImage {
    let mut photo = if rng.random_bool(0.5) { imageops::flip_horizontal(photo) } else { photo.clone() };
    let (w, h) = photo.dimensions();
    let room = |side: u32| (side / 12).max(1);
    if rng.random_bool(0.5) {
        let mut canvas =
            RgbImage::from_pixel(w + rng.random_range(0..=room(w)), h + rng.random_range(0..=room(h)), Rgb([255; 3]));
        let at = [rng.random_range(0..=canvas.width() - w), rng.random_range(0..=canvas.height() - h)];
        imageops::replace(&mut canvas, &photo, at[0].into(), at[1].into());
        photo = canvas;
    } else if w > 24 && h > 24 {
        let (x, y) = (rng.random_range(0..=room(w) / 2), rng.random_range(0..=room(h) / 2));
        let (r, b) = (rng.random_range(0..=room(w) / 2), rng.random_range(0..=room(h) / 2));
        photo = imageops::crop_imm(&photo, x, y, w - x - r, h - y - b).to_image();
    }
    let gain = rng.random_range(0.93..1.07_f32);
    for v in photo.iter_mut() {
        *v = (f32::from(*v) * gain).min(255.0) as u8;
    }
    photo
}

/// Patches of an item's photo, augmented if `rng` is given; one of its sizes is picked.
pub fn look(item: &Item, p: &Preprocess, rng: Option<&mut impl Rng>) -> Vec<f32> {
    match rng {
        Some(rng) => {
            // validation shows the small photos, so they are the usual case here too
            let photo = if rng.random_bool(0.25) { item.photos.last() } else { item.photos.first() };
            photo.map(|photo| patches(&augment(photo, rng), p)).unwrap_or_default()
        }
        None => item.photos.first().map(|photo| patches(photo, p)).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    pub(crate) fn item(origin: Origin, attributes: [u16; 5], kinds: u32, title: &str) -> Item {
        let attributes = attributes.to_vec();
        let photos = vec![RgbImage::from_pixel(30, 40, Rgb([200, 10, 10]))];
        Item { id: title.into(), origin, split: Split::Train, photos, title: title.into(), attributes, kinds }
    }

    fn data() -> Data {
        let items = vec![
            item(Origin::Product, [1, 1, 1, 1, 0], 1, "red shirt"),
            item(Origin::Product, [1, 1, 1, 1, 2], 1, "red striped shirt"),
            item(Origin::Product, [1, 1, 2, 1, 0], 1, "blue shirt"),
            item(Origin::Product, [1, 1, 1, 1, 0], 1, "another red shirt"),
            item(Origin::Wardrobe, [0; 5], 1, "shirt"),
            item(Origin::Top, [0; 5], 0, "top"),
        ];
        Data { items, ..Data::default() }
    }

    #[test]
    fn masking_is_exact() {
        use Relation::{Ignored, Negative, Positive};
        let data = data();
        let row = |says: Says| (0..6).map(|i| text_relation(&data, 0, &says, i)).collect::<Vec<_>>();
        assert_eq!(row(Says::Title), [Positive, Negative, Negative, Negative, Negative, Negative]);
        assert_eq!(
            row(Says::Attributes(vec![TYPE, COLOUR])),
            [Positive, Positive, Negative, Positive, Ignored, Ignored]
        );
        let says = Says::Attributes(vec![COLOUR, PATTERN]);
        let striped: Vec<_> = (0..6).map(|i| text_relation(&data, 1, &says, i)).collect();
        assert_eq!(striped, [Ignored, Positive, Negative, Ignored, Ignored, Ignored]);
        let kind: Vec<_> = (0..6).map(|i| text_relation(&data, 4, &Says::Kind, i)).collect();
        assert_eq!(kind, [Positive, Positive, Positive, Positive, Positive, Ignored]);
        let sample = Sample {
            target: 0,
            text: String::new(),
            says: Says::Title,
            composed: Some((2, "in red".into(), HashSet::from([0]))),
        };
        let composed: Vec<_> = (0..6).map(|i| composed_relation(&data, &sample, i)).collect();
        assert_eq!(composed, [Positive, Negative, Ignored, Ignored, Negative, Negative]);
    }

    #[test]
    fn drawn_queries_come_in_clumps_of_one_catalog() {
        let query = |reference| Composed { reference, captions: vec!["longer".into()], targets: vec![reference + 1] };
        let catalogs = [(0..500).map(query).collect(), vec![], (1000..1500).map(query).collect::<Vec<_>>()];
        let mut data = data();
        data.items = (0..1501).map(|_| item(Origin::Drawn, [0; 5], 0, "dress")).collect();
        data.train_drawn = catalogs.into();
        let sampler = Sampler::new(&data, Mix::new(16, MixShares { drawn: 1.0, ..MixShares::default() }, &data));
        let mut seen = HashSet::new();
        for seed in 0..20 {
            let batch = sampler.draw(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
            let references: Vec<usize> = batch.samples.iter().filter_map(|s| Some(s.composed.as_ref()?.0)).collect();
            assert_eq!(references.len(), 16);
            seen.insert(references[0] / 1000);
            assert!(references.iter().all(|r| r / 1000 == references[0] / 1000), "{references:?}");
            let near = |pair: &[usize]| (1..=STRIDE).contains(&(pair[1].wrapping_sub(pair[0])));
            assert!(references.windows(2).filter(|pair| near(pair)).count() >= 8, "{references:?}");
        }
        assert_eq!(seen.len(), 2, "both catalogs are drawn from");
    }

    #[test]
    fn augmenting_keeps_sizes_near_and_hues() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let item = item(Origin::Product, [0; 5], 0, "x");
        let p = Preprocess {
            size: 32,
            patch: 16,
            fit: vitrine::image::Fit::Pad,
            mean: [0.5; 3],
            std: [0.5; 3],
            resize: None,
        };
        for _ in 0..200 {
            let out = augment(&item.photos[0], &mut rng);
            assert!(out.width().abs_diff(30) <= 3 && out.height().abs_diff(40) <= 4);
            let middle = out.get_pixel(out.width() / 2, out.height() / 2).0;
            assert!(middle[0].abs_diff(200) < 20 && middle[1] < 20 && middle[2] < 20);
            assert_eq!(look(&item, &p, Some(&mut rng)).len(), 4 * 768);
        }
    }
}
