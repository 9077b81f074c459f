//! Does attention mean anything? Covering the patches that a query attends to most must move its score more than
//! covering other patches of the garment.

use super::batch::look;
use super::data::{Composed, Data, Origin, Split};
use super::net::{Bound, Net};
use rand::SeedableRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use vitrine::convert::Model;
use vitrine::error::{Error, Result};

/// Mean absolute change of the score of query and target.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Occlusion {
    /// With the patches of the largest α covered.
    pub attended: f64,
    /// With as many other patches of the garment covered.
    pub random: f64,
    /// Share of queries that the attended patches moved further.
    pub wins: f64,
    /// Queries that were asked.
    pub queries: usize,
}

const PART: usize = 32;

/// Covers `count` patches of the reference of up to `limit` composed val queries.
pub fn occlude(model: &Model, data: &Data, count: usize, limit: usize, seed: u64) -> Result<Occlusion> {
    if data.val.is_empty() || data.pick(Origin::Product, Split::Val).is_empty() {
        return Err(Error::Argument(
            "occluding: expected composed val queries, got none; give --data products=DIR".into(),
        ));
    }
    let net = Net::new(model)?;
    let params = net.params(model, super::gemm::Precision::fastest(), 0.07);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let asked: Vec<&Composed> = data.val.choose_multiple(&mut rng, limit).collect();
    let moved = asked.par_chunks(PART).enumerate().map(|(i, part)| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(i as u64 + 1);
        shifts(&Bound::new(&net, &params, false)?, &net, data, part, count, &mut rng)
    });
    let moved: Vec<[f64; 2]> = moved.collect::<Result<Vec<_>>>()?.concat();
    let queries = moved.len().max(1);
    let mean = |f: &dyn Fn(&[f64; 2]) -> f64| moved.iter().map(f).sum::<f64>() / queries as f64;
    Ok(Occlusion {
        attended: mean(&|m| m[0]),
        random: mean(&|m| m[1]),
        wins: mean(&|m| f64::from(u8::from(m[0] > m[1]))),
        queries: moved.len(),
    })
}

/// How far each query's score moves with its attended patches covered, and with random ones.
fn shifts(
    bound: &Bound<'_>,
    net: &Net,
    data: &Data,
    asked: &[&Composed],
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<[f64; 2]>> {
    let see = |i: usize| look(&data.items[i], &net.preprocess, None::<&mut ChaCha8Rng>);
    let (n, length) = (net.image.grid().pow(2), net.image.patch_length());
    let references: Vec<Vec<f32>> = asked.iter().map(|q| see(q.reference)).collect();
    let targets: Vec<f32> = asked.iter().flat_map(|q| see(q.targets[0])).collect();
    let catalog = bound.catalog(&bound.photos(&targets)?)?;
    let texts: Vec<String> = asked.iter().map(|q| q.captions.join(", ")).collect();
    let words = bound.words(&texts.iter().map(String::as_str).collect::<Vec<_>>())?;
    let d = net.fusion.dimension;
    let scores = |photos: &[Vec<f32>]| -> Result<(Vec<f64>, Vec<f32>)> {
        let (query, alpha) = bound.attended(&bound.photos(&photos.concat())?, &words)?;
        let dot = |(q, c): (&[f32], &[f32])| q.iter().zip(c).map(|(a, b)| f64::from(a * b)).sum();
        Ok((query.chunks_exact(d).zip(catalog.chunks_exact(d)).map(dot).collect(), alpha))
    };
    let (whole, alpha) = scores(&references)?;
    let (mut attended, mut random) = (references.clone(), references.clone());
    for q in 0..asked.len() {
        // white stands for the empty background, so covering background would change nothing
        let white: Vec<f32> = (0..length).map(|i| white(net, i * 3 / length)).collect();
        let garment = |p: &usize| {
            let patch = &references[q][p * length..][..length];
            patch.iter().zip(&white).any(|(a, b)| (a - b).abs() > 0.2)
        };
        let mut order: Vec<usize> = (0..n).filter(garment).collect();
        order.sort_by(|a, b| alpha[q * n + b].total_cmp(&alpha[q * n + a]));
        let (top, rest) = order.split_at(count.min(order.len() / 2));
        let mut rest = rest.to_vec();
        rest.shuffle(rng);
        let cover = |photo: &mut [f32], p: usize| photo[p * length..][..length].copy_from_slice(&white);
        top.iter().for_each(|&p| cover(&mut attended[q], p));
        rest.iter().take(top.len()).for_each(|&p| cover(&mut random[q], p));
    }
    let (without_attended, without_random) = (scores(&attended)?.0, scores(&random)?.0);
    let moved = |q: usize| [(whole[q] - without_attended[q]).abs(), (whole[q] - without_random[q]).abs()];
    Ok((0..asked.len()).map(moved).collect())
}

/// White in a channel, as the encoder sees it.
fn white(net: &Net, channel: usize) -> f32 {
    (1.0 - net.preprocess.mean[channel]) / net.preprocess.std[channel]
}
