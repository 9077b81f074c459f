//! The catalog scan: cosine scores of a query against int8 vectors, and the best K of them.

use super::simd::{Dot, Isa, Task};
use super::{PANEL, TINY, parallel_rows, rows_worth};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Multiply-adds below which a block of vectors is not worth a thread.
const THREAD_WORK: usize = 4_000_000;

/// Largest integer of a quantised query: with it a sum over [`MAX_DIMENSION`] numbers stays within 32 bits, and its
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
        let whole = d - d % PANEL;
        assert!(self.query.len() == d && self.vectors.len() == self.scores.len() * d);
        for ((vector, scale), score) in self.vectors.chunks_exact(d).zip(self.scales).zip(self.scores) {
            // SAFETY: both have d ≥ `whole` numbers, and `whole` is a multiple of 16.
            let mut sum = unsafe { s.scan_dot(vector.as_ptr(), self.query.as_ptr(), whole) };
            for (v, q) in vector[whole..].iter().zip(&self.query[whole..]) {
                sum += i32::from(*v) * i32::from(*q);
            }
            *score = sum as f32 * (self.scale * scale);
        }
    }
}

/// Scores `scales[i] · Σ query · vectors[i]`: query `[d]`, vectors `[n, d]`, scales and scores `[n]`.
pub fn scan(isa: Isa, query: &[f32], vectors: &[i8], scales: &[f32], scores: &mut [f32]) {
    let d = query.len();
    assert!(vectors.len() == scores.len() * d && scales.len() == scores.len() && d <= MAX_DIMENSION);
    if d == 0 {
        return scores.fill(0.0);
    }
    let largest = query.iter().fold(0f32, |m, v| m.max(v.abs()));
    let inverse = if largest > TINY { QUERY_STEPS / largest } else { 0.0 };
    let integers: Vec<i16> = query.iter().map(|v| (v * inverse).round_ties_even() as i16).collect();
    let (query, scale) = (&integers[..], largest / QUERY_STEPS);
    parallel_rows(scores, 1, rows_worth(THREAD_WORK, d, 1), |first, scores| {
        let vectors = &vectors[first * d..(first + scores.len()) * d];
        let scales = &scales[first..first + scores.len()];
        isa.run(Scan { query, scale, d, vectors, scales, scores });
    });
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
