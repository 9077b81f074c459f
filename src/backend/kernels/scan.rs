//! The catalog scan: cosine scores of a query against int8 vectors, and the best K of them.

use super::simd::{Dot, Isa, Task};
use super::{PANEL, TINY};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Largest integer of a quantized query: with it a sum over [`MAX_DIMENSION`] numbers stays within 32 bits, and its
/// rounding is 16 times finer than that of the vectors, so that it does not reorder them.
const QUERY_STEPS: f32 = 2047.0;

/// Longest vector that [`scan`] takes.
pub const MAX_DIMENSION: usize = 8192;

struct Scan<'a> {
    query: &'a [i16],
    scale: f32,
    d: usize,
    vectors: &'a [i8],
    scales: &'a [f32],
    scores: &'a mut [f32],
}

impl Task for Scan<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dot>(self, s: S) {
        let d = self.d;
        assert!(self.vectors.len() == self.scores.len() * d && self.scales.len() == self.scores.len());
        let groups = self.vectors.chunks(TOGETHER * d).zip(self.scales.chunks(TOGETHER));
        for ((vectors, scales), scores) in groups.zip(self.scores.chunks_mut(TOGETHER)) {
            if scores.len() == TOGETHER {
                products::<S, TOGETHER>(s, self.query, vectors, scales, self.scale, scores);
            } else {
                for ((vector, scale), score) in vectors.chunks_exact(d).zip(scales).zip(scores) {
                    let (scale, score) = (std::slice::from_ref(scale), std::slice::from_mut(score));
                    products::<S, 1>(s, self.query, vector, scale, self.scale, score);
                }
            }
        }
    }
}

/// Vectors that share one reading of the query.
const TOGETHER: usize = 4;

/// Scores of N vectors.
#[inline(always)]
fn products<S: Dot, const N: usize>(
    s: S,
    query: &[i16],
    vectors: &[i8],
    scales: &[f32],
    scale: f32,
    scores: &mut [f32],
) {
    let d = query.len();
    let whole = d - d % PANEL;
    assert!(vectors.len() == N * d);
    // SAFETY: N vectors of d ≥ `whole` numbers each, and a query of d; `whole` is a multiple of 16.
    let mut sums = unsafe { s.scan::<N>(vectors.as_ptr(), d, query.as_ptr(), whole) };
    for (sum, vector) in sums.iter_mut().zip(vectors.chunks_exact(d)) {
        for (v, q) in vector[whole..].iter().zip(&query[whole..]) {
            *sum += i32::from(*v) * i32::from(*q);
        }
    }
    for ((score, sum), vector_scale) in scores.iter_mut().zip(sums).zip(scales) {
        *score = sum as f32 * (scale * vector_scale);
    }
}

/// The most that rounding this query changes a score of a unit vector by.
pub fn rounding(query: &[f32]) -> f32 {
    largest(query) / (2.0 * QUERY_STEPS) * (query.len() as f32).sqrt()
}

fn largest(query: &[f32]) -> f32 {
    query.iter().fold(0f32, |m, v| m.max(v.abs()))
}

/// Scores `scales[i] · Σ query · vectors[i]`: query `[d]`, vectors `[n, d]`, scales and scores `[n]`.
pub fn scan(isa: Isa, query: &[f32], vectors: &[i8], scales: &[f32], scores: &mut [f32]) {
    let d = query.len();
    assert!(vectors.len() == scores.len() * d && scales.len() == scores.len() && d <= MAX_DIMENSION);
    if d == 0 {
        return scores.fill(0.0);
    }
    let largest = largest(query);
    let inverse = if largest > TINY { QUERY_STEPS / largest } else { 0.0 };
    let integers: Vec<i16> = query.iter().map(|v| (v * inverse).round_ties_even() as i16).collect();
    let (query, scale) = (&integers[..], largest / QUERY_STEPS);
    isa.run(Scan { query, scale, d, vectors, scales, scores });
}

/// One candidate; candidates with the same score are ordered by their index, the lower first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    score: f32,
    index: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.index.cmp(&self.index))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best `k` of the scores offered so far. Most scores fail one comparison with the worst kept and cost no more.
#[derive(Clone, Debug)]
pub struct TopK {
    k: usize,
    kept: BinaryHeap<Reverse<Candidate>>,
    threshold: f32,
}

impl TopK {
    /// Keeps `k`.
    pub fn new(k: usize) -> Self {
        let threshold = if k == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self { k, kept: BinaryHeap::with_capacity(k.min(4096) + 1), threshold }
    }

    /// Offers scores, the first of which has the index `first`. Blocks may come in any order; what is not a number is
    /// never kept.
    pub fn offer(&mut self, first: usize, scores: &[f32]) {
        for (i, block) in scores.chunks(PANEL).enumerate() {
            // a block without a candidate is passed by one vectorised comparison
            if block.iter().fold(false, |any, score| any | (*score >= self.threshold)) {
                for (j, &score) in block.iter().enumerate().filter(|(_, score)| !score.is_nan()) {
                    self.keep(Candidate { score, index: first + i * PANEL + j });
                }
            }
        }
    }

    fn keep(&mut self, candidate: Candidate) {
        if self.kept.len() < self.k {
            self.kept.push(Reverse(candidate));
        } else if let Some(mut worst) = self.kept.peek_mut().filter(|worst| candidate > worst.0) {
            worst.0 = candidate;
        }
        if let (true, Some(Reverse(worst))) = (self.kept.len() == self.k, self.kept.peek()) {
            self.threshold = worst.score;
        }
    }

    /// The worst score that is kept once `k` are: what a later score must beat.
    pub fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Index and score, the best first.
    pub fn into_sorted(self) -> Vec<(usize, f32)> {
        self.kept.into_sorted_vec().into_iter().map(|Reverse(c)| (c.index, c.score)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit vectors around `n / 100` centres, as photos of alike garments are: `[n, d]`.
    fn catalog(n: usize, d: usize, seed: &mut u64) -> Vec<f32> {
        let mut normal = || {
            let mut uniform = || {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (*seed >> 40) as f32 / (1u64 << 24) as f32
            };
            (0..6).map(|_| uniform()).sum::<f32>() - 3.0
        };
        let centres: Vec<f32> = (0..n / 100 * d).map(|_| normal()).collect();
        let mut out: Vec<f32> = (0..n * d).map(|i| centres[i / (100 * d) * d + i % d] + 0.7 * normal()).collect();
        super::super::pointwise::normalize(Isa::SCALAR, &mut out, d);
        out
    }

    fn best(scores: &[f32], k: usize) -> Vec<usize> {
        let mut top = TopK::new(k);
        scores.chunks(1000).enumerate().for_each(|(i, scores)| top.offer(i * 1000, scores));
        top.into_sorted().into_iter().map(|(index, _)| index).collect()
    }

    #[test]
    fn finds_what_an_exact_search_finds() {
        let (n, d, k, queries) = (20_000, 256, 50, 20);
        let mut seed = 7;
        let floats = catalog(n, d, &mut seed);
        let (vectors, scales) = quantize(&floats, d);
        let (mut scores, mut exact, mut hits) = (vec![0.0; n], vec![0.0; n], [0; 2]);
        for query in catalog(n, d, &mut seed.clone()).chunks_exact(d).step_by(n / queries) {
            // a query near a garment of the catalog
            let query: Vec<f32> = query.iter().zip(&floats[seed as usize % n * d..]).map(|(q, v)| q + v).collect();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            scan(Isa::detect(), &query, &vectors, &scales, &mut scores);
            let found = best(&scores, k);
            let dot = |vector: &[f32]| query.iter().zip(vector).map(|(q, v)| q * v).sum::<f32>();
            let stored = |i: usize| vectors[i * d..(i + 1) * d].iter().map(|v| f32::from(*v) * scales[i]).collect();
            for (against, hits) in hits.iter_mut().enumerate() {
                for (i, score) in exact.iter_mut().enumerate() {
                    let stored: Vec<f32> = if against == 0 { stored(i) } else { floats[i * d..(i + 1) * d].to_vec() };
                    *score = dot(&stored);
                }
                let wanted = best(&exact, k);
                *hits += found.iter().filter(|index| wanted.contains(index)).count();
            }
        }
        let [stored, floats] = hits.map(|hits| hits as f64 / (queries * k) as f64);
        // what the query's 12 bits cost, and what the catalog's 8 bits cost beside them where the fiftieth and the
        // fifty-first of a hundred alike differ by a thousandth
        assert!(stored >= 0.998 && floats >= 0.985, "recall@{k}: {stored} of the stored vectors, {floats} of floats");
    }

    /// One scale a vector, as catalogs are stored.
    fn quantize(x: &[f32], d: usize) -> (Vec<i8>, Vec<f32>) {
        let scale = |row: &[f32]| row.iter().fold(0f32, |m, v| m.max(v.abs())) / 127.0;
        let scales: Vec<f32> = x.chunks_exact(d).map(scale).collect();
        let vectors = x.iter().enumerate().map(|(i, v)| (v / scales[i / d]).round() as i8).collect();
        (vectors, scales)
    }

    #[test]
    fn keeps_the_best_in_any_order_of_blocks() {
        let scores = [0.5, f32::NAN, 0.9, 0.5, -1.0, 0.9, f32::NEG_INFINITY, 0.1];
        for (k, expected) in [(0, vec![]), (3, vec![2, 5, 0]), (4, vec![2, 5, 0, 3]), (20, vec![2, 5, 0, 3, 7, 4, 6])] {
            let (mut forward, mut backward) = (TopK::new(k), TopK::new(k));
            (0..8).for_each(|i| forward.offer(i, &scores[i..=i]));
            (0..8).rev().for_each(|i| backward.offer(i, &scores[i..=i]));
            for top in [forward, backward] {
                let found: Vec<usize> = top.into_sorted().into_iter().map(|(index, _)| index).collect();
                assert_eq!(found, expected, "k = {k}");
            }
        }
    }

    #[test]
    fn a_query_of_zeros_scores_zero() {
        let mut scores = [1.0; 3];
        scan(Isa::detect(), &[0.0; 20], &[5; 60], &[1.0; 3], &mut scores);
        assert_eq!(scores, [0.0; 3]);
    }
}
