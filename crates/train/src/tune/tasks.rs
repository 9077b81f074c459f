//! What a model answers about products that are held out: titles, phrases and changes. Several photos of one product count
//! once, the best of them; what may be an answer and is not known to be one takes no part.

use super::gather::Held;
use crate::data::{Composed, Data, Origin, Role, Says, Split};
use crate::loss::Relation;
use crate::net::Net;
use crate::params::Params;
use crate::validate::{Gallery, embed_composed, embed_photos, embed_texts};
use crate::{phrases, shop};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::collections::HashSet;
use vitrine::error::Result;

/// Phrases are asked that so many products answer, and precision is that of as many hits.
const TOP: usize = 10;
/// Phrases, and titles, that are asked.
const MOST: usize = 1000;

/// What a task may lose on the products to validate on; more, where few queries leave its figure less certain.
const LOSS: f32 = 0.01;

/// What one task gave, by query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// Whether a hit is among the first ten; of phrases the share of the first ten that are hits.
    pub at_ten: Vec<f32>,
    /// 1 / rank of the first hit; of phrases the same as `at_ten`. It tells small changes in few queries.
    pub smooth: Vec<f32>,
}

/// What a model answers.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Titles of products.
    pub title: Scores,
    /// Phrases made of attributes.
    pub phrase: Scores,
    /// Photos with changes.
    pub composed: Scores,
    /// The same by the mean of the photo's and the words' vectors, where it was asked for.
    pub mean: Scores,
    /// Changes of drawn garments, which nothing of the shop teaches.
    pub drawn: Scores,
}

impl Measured {
    /// The tasks of the shop by name.
    pub fn tasks(&self) -> [(&'static str, &Scores); 4] {
        [
            ("title R@10", &self.title),
            ("phrase P@10", &self.phrase),
            ("composed R@10", &self.composed),
            ("composed R@10 by the mean of both vectors", &self.mean),
        ]
    }

    /// Whether no task of the shop is answered worse than at the `start`, by more than chance may do. A model that finds changes
    /// better and titles worse is no better one.
    pub fn loses_nothing(&self, start: &Self) -> bool {
        let pairs = self.tasks().into_iter().zip(start.tasks());
        pairs.into_iter().all(|((_, now), (_, then))| {
            let change: Vec<f32> = now.at_ten.iter().zip(&then.at_ten).map(|(now, then)| now - then).collect();
            mean(&change) >= -LOSS.max(2.0 * standard_error(&change))
        })
    }

    /// One number to choose by: the mean over the tasks of the shop, less what was forgotten of the drawn garments since
    /// `start`.
    pub fn score(&self, start: &Self) -> f32 {
        let tasks = [&self.title, &self.phrase, &self.composed].map(|task| &task.smooth);
        let asked: Vec<f32> = tasks.into_iter().filter(|task| !task.is_empty()).map(|task| mean(task)).collect();
        let forgotten = (mean(&start.drawn.smooth) - mean(&self.drawn.smooth)).max(0.0);
        mean(&asked) - forgotten / 3.0
    }
}

/// How far the mean of numbers lies from that of all that there might be, as a rule.
fn standard_error(values: &[f32]) -> f32 {
    let (n, middle) = (values.len().max(1) as f32, mean(values));
    (values.iter().map(|value| (value - middle).powi(2)).sum::<f32>() / n / n).sqrt()
}

/// The mean of numbers; 0 of none.
pub fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

/// The queries about products that are held out.
pub struct Tasks<'a> {
    data: &'a Data,
    held: &'a Held,
    /// All photos of the products, and the product of each.
    photos: Vec<usize>,
    product: Vec<usize>,
    titles: Vec<usize>,
    phrases: Vec<(usize, String, Vec<usize>)>,
}

impl<'a> Tasks<'a> {
    /// The same queries for the same products.
    pub fn new(data: &'a Data, held: &'a Held) -> Self {
        let photos = held.products.concat();
        let all = held.products.iter().enumerate();
        let product = all.flat_map(|(number, photos)| std::iter::repeat_n(number, photos.len())).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(17);
        let mut titles: Vec<usize> = held.products.iter().map(|photos| photos[0]).collect();
        titles.shuffle(&mut rng);
        titles.truncate(MOST);
        let mut tasks = Self { data, held, photos, product, titles, phrases: Vec::new() };
        tasks.phrases = tasks.phrases(&mut rng);
        tasks
    }

    /// Phrases that enough products answer, each combination of values once.
    fn phrases(&self, rng: &mut ChaCha8Rng) -> Vec<(usize, String, Vec<usize>)> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let place = |role: Role| self.data.roles.iter().position(|known| *known == role);
        let plain: Vec<Vec<usize>> = [vec![Role::Kind], vec![Role::Color, Role::Kind]]
            .into_iter()
            .filter_map(|roles| roles.into_iter().map(place).collect())
            .collect();
        for &item in &self.titles {
            let known = |used: &&Vec<usize>| used.iter().all(|&a| self.data.items[item].attributes[a] != 0);
            let mut asked: Vec<(String, Vec<usize>)> =
                (0..3).filter_map(|_| phrases::phrase(self.data, item, rng)).collect();
            asked.extend(plain.iter().filter(known).map(|u| (phrases::worded(self.data, item, u, rng), u.clone())));
            for (text, mut used) in asked {
                used.sort_unstable();
                let values: Vec<u16> = used.iter().map(|&a| self.data.items[item].attributes[a]).collect();
                if seen.insert((used.clone(), values))
                    && self.hits(|p| self.by_text(item, &Says::Attributes(used.clone()), p)) >= TOP
                {
                    found.push((item, text, used));
                }
            }
        }
        found.truncate(MOST);
        found
    }

    fn hits(&self, relation: impl Fn(usize) -> Relation) -> usize {
        (0..self.held.products.len()).filter(|&product| relation(product) == Relation::Positive).count()
    }

    /// What a product is to a text about an item.
    fn by_text(&self, item: usize, says: &Says, product: usize) -> Relation {
        let relation = shop::text_relation(self.data, item, says, self.held.products[product][0]);
        relation.unwrap_or(Relation::Negative)
    }

    /// What a product is to a change.
    fn by_change(&self, query: &Composed, product: usize) -> Relation {
        let photo = self.held.products[product][0];
        match query.targets.contains(&photo) {
            true => Relation::Positive,
            false => shop::composed_relation(self.data, query.reference, query.targets[0], photo)
                .unwrap_or(Relation::Negative),
        }
    }

    /// Asks a model; with `by_mean` also the mean of both vectors.
    pub fn measure(&self, net: &Net, params: &Params, by_mean: bool) -> Result<Measured> {
        let (data, d) = (self.data, net.fusion.dimension);
        let rows = embed_photos(net, params, data, &self.photos, false)?;
        let gallery = Gallery::of(self.photos.clone(), &rows, d);
        let texts: Vec<&str> = self.titles.iter().map(|&item| data.items[item].title.as_str()).collect();
        let ranked = |queries: &[f32], relation: &(dyn Fn(usize, usize) -> Relation + Sync)| -> Scores {
            let rank = |(q, query): (usize, &[f32])| self.rank(&gallery.scores(query), |product| relation(q, product));
            let ranks: Vec<usize> = queries.par_chunks_exact(d).enumerate().map(rank).collect();
            Scores::of_ranks(&ranks)
        };
        let title = ranked(&embed_texts(net, params, &texts)?, &|q, p| self.by_text(self.titles[q], &Says::Title, p));
        let asked: Vec<&Composed> = self.held.composed.iter().collect();
        let by_change = |q: usize, product: usize| self.by_change(asked[q], product);
        let composed = ranked(&embed_composed(net, params, data, &asked)?, &by_change);
        let mean = match by_mean {
            true => ranked(&both(net, params, data, &asked)?, &by_change),
            false => Scores::default(),
        };
        let texts: Vec<&str> = self.phrases.iter().map(|(_, text, _)| text.as_str()).collect();
        let queries = embed_texts(net, params, &texts)?;
        let precise = |(q, query): (usize, &[f32])| {
            let says = Says::Attributes(self.phrases[q].2.clone());
            self.precision(&gallery.scores(query), |product| self.by_text(self.phrases[q].0, &says, product))
        };
        let at_ten: Vec<f32> = queries.par_chunks_exact(d).enumerate().map(precise).collect();
        let phrase = Scores { smooth: at_ten.clone(), at_ten };
        Ok(Measured { title, phrase, composed, mean, drawn: drawn(net, params, data)? })
    }

    /// The best score of each product's photos.
    fn by_product(&self, scores: &[f32]) -> Vec<f32> {
        let mut best = vec![f32::NEG_INFINITY; self.held.products.len()];
        self.product.iter().zip(scores).for_each(|(&product, score)| best[product] = best[product].max(*score));
        best
    }

    /// Rank of the first hit, ties broken against us.
    fn rank(&self, scores: &[f32], relation: impl Fn(usize) -> Relation) -> usize {
        let scores = self.by_product(scores);
        let relations: Vec<Relation> = (0..scores.len()).map(relation).collect();
        let of = |wanted: Relation| scores.iter().zip(&relations).filter(move |(_, r)| **r == wanted).map(|(s, _)| *s);
        let best = of(Relation::Positive).fold(f32::NEG_INFINITY, f32::max);
        1 + of(Relation::Negative).filter(|score| *score >= best).count()
    }

    /// Share of hits among the first ten, ties broken against us.
    fn precision(&self, scores: &[f32], relation: impl Fn(usize) -> Relation) -> f32 {
        let scores = self.by_product(scores);
        let mut order: Vec<(f32, bool)> = (0..scores.len())
            .map(|product| (scores[product], relation(product)))
            .filter(|(_, relation)| *relation != Relation::Ignored)
            .map(|(score, relation)| (score, relation == Relation::Positive))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.iter().take(TOP).filter(|(_, hit)| *hit).count() as f32 / TOP as f32
    }
}

impl Scores {
    fn of_ranks(ranks: &[usize]) -> Self {
        let at_ten = ranks.iter().map(|&rank| f32::from(u8::from(rank <= TOP))).collect();
        Self { at_ten, smooth: ranks.iter().map(|&rank| 1.0 / rank as f32).collect() }
    }
}

/// Query vectors that are the mean of the photo's and the words' own.
fn both(net: &Net, params: &Params, data: &Data, queries: &[&Composed]) -> Result<Vec<f32>> {
    let references: Vec<usize> = queries.iter().map(|query| query.reference).collect();
    let texts: Vec<String> = queries.iter().map(|query| query.captions.join(", ")).collect();
    let mut mean = embed_photos(net, params, data, &references, true)?;
    let words = embed_texts(net, params, &texts.iter().map(String::as_str).collect::<Vec<_>>())?;
    // the order of cosines does not depend on the length
    mean.iter_mut().zip(&words).for_each(|(a, b)| *a += b);
    Ok(mean)
}

/// Changes of drawn garments.
fn drawn(net: &Net, params: &Params, data: &Data) -> Result<Scores> {
    let items = data.pick(Origin::Drawn, Split::Val);
    let asked: Vec<&Composed> = data.val_drawn.iter().take(MOST).collect();
    if items.is_empty() || asked.is_empty() {
        return Ok(Scores::default());
    }
    let d = net.fusion.dimension;
    let gallery = Gallery::of(items.clone(), &embed_photos(net, params, data, &items, false)?, d);
    let queries = embed_composed(net, params, data, &asked)?;
    let hit = |q: usize, item: usize| asked[q].targets.contains(&item);
    Ok(Scores::of_ranks(&gallery.ranks(&queries, hit, |q| Some(asked[q].reference))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(title: f32, phrase: f32, drawn: f32) -> Measured {
        let scores = |value: f32| Scores { at_ten: vec![value; 10], smooth: vec![value; 10] };
        Measured { title: scores(title), phrase: scores(phrase), drawn: scores(drawn), ..Measured::default() }
    }

    #[test]
    fn a_gain_in_one_task_does_not_pay_for_a_loss_in_another() {
        let start = measured(0.8, 0.3, 0.9);
        // what is measured, whether nothing is lost, and whether the score is higher
        let cases = [
            (measured(0.85, 0.35, 0.9), true, true),
            (measured(0.7, 0.6, 0.9), false, true),
            (measured(0.795, 0.4, 0.9), true, true),
            (measured(0.8, 0.3, 1.0), true, false),
            (measured(0.81, 0.3, 0.7), true, false),
            (measured(f32::NAN, 0.3, 0.9), false, false),
        ];
        for (now, loses_nothing, better) in cases {
            assert_eq!((now.loses_nothing(&start), now.score(&start) > start.score(&start)), (loses_nothing, better));
        }
        // one query of thirty may be chance, thirty of 900 are not
        let of = |n: usize, lost: usize| {
            let title = |at_ten: Vec<f32>| Measured { title: Scores { smooth: vec![], at_ten }, ..Measured::default() };
            title((0..n).map(|i| if i < lost { 0.0 } else { 1.0 }).collect()).loses_nothing(&title(vec![1.0; n]))
        };
        assert!(of(30, 1) && !of(900, 30));
    }
}
