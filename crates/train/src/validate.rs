//! Recall on the val split, by the weights' moving averages.

use super::batch::{Says, look, text_relation};
use super::data::{Composed, Data, Origin, Split};
use super::kernels::mm;
use super::loss::Relation;
use super::net::{Bound, Net};
use super::params::Params;
use super::phrases;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::collections::HashSet;
use vitrine::error::Result;

/// Figures on val; a task without data is none.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Figures {
    /// Composed queries with a hit in the top 1, 10, 50.
    pub composed: Option<[f32; 3]>,
    /// Median rank of the first hit of composed queries.
    pub median_rank: Option<f32>,
    /// Product titles that find their photo in the top 10.
    pub title: Option<f32>,
    /// Precision at 10 of attribute phrases.
    pub phrase: Option<f32>,
    /// Tops' titles that find their photo in the top 10.
    pub tops: Option<f32>,
    /// Precision at 10 of wardrobe photos among products of the same kind.
    pub wardrobe: Option<f32>,
    /// Composed queries about the drawn catalog with a hit in the top 1, 10, 50.
    pub drawn: Option<[f32; 3]>,
}

/// Photos embedded at a time.
const PART: usize = 32;

/// Measures every task that `data` has val items for; at most `limit` queries each.
pub fn validate(net: &Net, params: &Params, data: &Data, limit: usize) -> Result<Figures> {
    let d = net.fusion.dimension;
    let mut figures = Figures::default();
    let products = data.pick(Origin::Product, Split::Val);
    if products.is_empty() {
        return Ok(figures);
    }
    let gallery = Gallery::new(net, params, data, products.clone(), d)?;
    if let Some((shares, median)) = composed(net, params, data, &gallery, &data.val, limit)? {
        (figures.composed, figures.median_rank) = (Some(shares), Some(median));
    }
    let drawn = data.pick(Origin::Drawn, Split::Val);
    if !drawn.is_empty() {
        let gallery = Gallery::new(net, params, data, drawn, d)?;
        figures.drawn = composed(net, params, data, &gallery, &data.val_drawn, limit)?.map(|(shares, _)| shares);
    }
    figures.title = Some(titles(net, params, data, &gallery, limit)?);
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let asked: Vec<(usize, String, Vec<usize>)> = products
        .iter()
        .filter_map(|&i| phrases::phrase(data, i, &mut rng).map(|(text, used)| (i, text, used)))
        .filter(|(i, _, used)| relevant(data, &gallery, *i, used).iter().filter(|r| **r).count() >= 10)
        .take(limit.min(600))
        .collect();
    let texts: Vec<&str> = asked.iter().map(|(_, text, _)| text.as_str()).collect();
    let queries = embed_texts(net, params, &texts)?;
    let precise = gallery.precision(&queries, |q| relevant(data, &gallery, asked[q].0, &asked[q].2));
    figures.phrase = (!asked.is_empty()).then_some(precise);
    let tops = data.pick(Origin::Top, Split::Val);
    if !tops.is_empty() {
        figures.tops = Some(titles(net, params, data, &Gallery::new(net, params, data, tops, d)?, limit)?);
    }
    let mine = data.pick(Origin::Wardrobe, Split::Val);
    if !mine.is_empty() {
        let queries = embed_photos(net, params, data, &mine, true)?;
        let same =
            |q: usize| gallery.items.iter().map(|&i| data.items[i].kinds & data.items[mine[q]].kinds != 0).collect();
        figures.wardrobe = Some(gallery.precision(&queries, same));
    }
    Ok(figures)
}

fn relevant(data: &Data, gallery: &Gallery, item: usize, used: &[usize]) -> Vec<bool> {
    let says = Says::Attributes(used.to_vec());
    gallery.items.iter().map(|&i| text_relation(data, item, &says, i) == Relation::Positive).collect()
}

/// Photos as catalog vectors, or as queries; rows of the dimension.
pub fn embed_photos(net: &Net, params: &Params, data: &Data, items: &[usize], as_query: bool) -> Result<Vec<f32>> {
    let part = |items: &[usize]| -> Result<Vec<f32>> {
        let bound = Bound::new(net, params, false)?;
        let patches: Vec<f32> =
            items.iter().flat_map(|&i| look(&data.items[i], &net.preprocess, None::<&mut ChaCha8Rng>)).collect();
        let photo = bound.photos(&patches)?;
        let vectors = if as_query { bound.query(Some(&photo), None)? } else { bound.catalog(&photo)? };
        Ok(vectors.to_vec())
    };
    Ok(items.par_chunks(PART).map(part).collect::<Result<Vec<_>>>()?.concat())
}

fn embed_texts(net: &Net, params: &Params, texts: &[&str]) -> Result<Vec<f32>> {
    let part = |texts: &[&str]| -> Result<Vec<f32>> {
        let bound = Bound::new(net, params, false)?;
        Ok(bound.query(None, Some(&bound.words(texts)?))?.to_vec())
    };
    Ok(texts.par_chunks(PART).map(part).collect::<Result<Vec<_>>>()?.concat())
}

/// Shares of composed queries with a hit in the top 1, 10, 50, and the median rank.
fn composed(
    net: &Net,
    params: &Params,
    data: &Data,
    gallery: &Gallery,
    queries: &[Composed],
    limit: usize,
) -> Result<Option<([f32; 3], f32)>> {
    // spread over all of them, since a file may be sorted by reference
    let asked: Vec<_> = queries.iter().step_by((queries.len() / limit.max(1)).max(1)).take(limit).collect();
    if asked.is_empty() {
        return Ok(None);
    }
    let part = |queries: &[&Composed]| -> Result<Vec<f32>> {
        let bound = Bound::new(net, params, false)?;
        let look = |i: usize| look(&data.items[i], &net.preprocess, None::<&mut ChaCha8Rng>);
        let patches: Vec<f32> = queries.iter().flat_map(|q| look(q.reference)).collect();
        let texts: Vec<String> = queries.iter().map(|q| q.captions.join(", ")).collect();
        let words = bound.words(&texts.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(bound.query(Some(&bound.photos(&patches)?), Some(&words))?.to_vec())
    };
    let queries = asked.par_chunks(PART).map(part).collect::<Result<Vec<_>>>()?.concat();
    let targets: Vec<HashSet<usize>> = asked.iter().map(|q| q.targets.iter().copied().collect()).collect();
    let ranks = gallery.ranks(&queries, |q, i| targets[q].contains(&i), |q| Some(asked[q].reference));
    let mut sorted = ranks.clone();
    sorted.sort_unstable();
    Ok(Some(([1, 10, 50].map(|k| share(&ranks, k)), sorted[sorted.len() / 2] as f32)))
}

fn titles(net: &Net, params: &Params, data: &Data, gallery: &Gallery, limit: usize) -> Result<f32> {
    let asked: Vec<usize> = gallery.items.iter().copied().take(limit).collect();
    let texts: Vec<&str> = asked.iter().map(|&i| data.items[i].title.as_str()).collect();
    let queries = embed_texts(net, params, &texts)?;
    let ranks = gallery.ranks(&queries, |q, i| data.items[i].title == data.items[asked[q]].title, |_| None);
    Ok(share(&ranks, 10))
}

/// Share of ranks within the first `k`.
pub(super) fn share(ranks: &[usize], k: usize) -> f32 {
    ranks.iter().filter(|&&r| r <= k).count() as f32 / ranks.len().max(1) as f32
}

/// Catalog vectors of items, to rank.
pub(super) struct Gallery {
    items: Vec<usize>,
    /// Transposed: `[d, n]`.
    vectors: Vec<f32>,
    d: usize,
}

impl Gallery {
    fn new(net: &Net, params: &Params, data: &Data, items: Vec<usize>, d: usize) -> Result<Self> {
        let rows = embed_photos(net, params, data, &items, false)?;
        Ok(Self::of(items, &rows, d))
    }

    /// A gallery of items whose vectors are `rows` `[n, d]`.
    pub(super) fn of(items: Vec<usize>, rows: &[f32], d: usize) -> Self {
        let n = items.len();
        let mut vectors = vec![0.0; n * d];
        for (i, row) in rows.chunks_exact(d).enumerate() {
            row.iter().enumerate().for_each(|(f, v)| vectors[f * n + i] = *v);
        }
        Self { items, vectors, d }
    }

    fn scores(&self, query: &[f32]) -> Vec<f32> {
        let n = self.items.len();
        let mut scores = vec![0.0; n];
        mm([1, n, self.d], (query, self.d, 1), (&self.vectors, n), (&mut scores, n), false);
        scores
    }

    /// Rank of the first hit of each query, ties broken against us; the left-out item takes no part.
    pub(super) fn ranks(
        &self,
        queries: &[f32],
        hit: impl Fn(usize, usize) -> bool + Sync,
        left_out: impl Fn(usize) -> Option<usize> + Sync,
    ) -> Vec<usize> {
        let rank = |(q, query): (usize, &[f32])| {
            let scores = self.scores(query);
            let takes_part = |i: &usize| Some(self.items[*i]) != left_out(q);
            let all = || (0..scores.len()).filter(takes_part);
            let best = all().filter(|&i| hit(q, self.items[i])).map(|i| scores[i]).fold(f32::NEG_INFINITY, f32::max);
            1 + all().filter(|&i| !hit(q, self.items[i]) && scores[i] >= best).count()
        };
        queries.par_chunks_exact(self.d).enumerate().map(rank).collect()
    }

    /// Mean share of relevant items in the top 10.
    fn precision(&self, queries: &[f32], relevant: impl Fn(usize) -> Vec<bool> + Sync) -> f32 {
        let one = |(q, query): (usize, &[f32])| {
            let (scores, relevant) = (self.scores(query), relevant(q));
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            order.iter().take(10).filter(|&&i| relevant[i]).count() as f32 / 10.0
        };
        let all: Vec<f32> = queries.par_chunks_exact(self.d).enumerate().map(one).collect();
        all.iter().sum::<f32>() / all.len().max(1) as f32
    }
}
