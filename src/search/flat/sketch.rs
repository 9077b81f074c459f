//! A first pass over [`NUMBERS`] numbers a photo instead of all of them, which rules most photos out for certain.
//!
//! The vectors of one model fill few of their directions, so that 64 principal ones hold nearly all of the squares. With
//! these directions as the columns of V `[d, 64]`, h = Vᵀv, ĥ for h in 8 bits, and
//! v⊥ for what of v lies outside,
//!
//! q·v = Vᵀq·h + q⊥·v⊥ ≤ Vᵀq·ĥ + ‖Vᵀq‖·‖h − ĥ‖ + ‖q⊥‖·‖v⊥‖
//!
//! (Cauchy–Schwarz). A photo whose right side is below the K-th best score found so far cannot be among the best K, so
//! that the few others alone are scored in full and the answer is that of the whole scan. It holds for any
//! orthonormal V; a better one only rules out more.

use crate::backend::kernels::gemm_f32::{self, PackedF32};
use crate::backend::kernels::pointwise::{self, Act};
use crate::backend::kernels::scan::{rounding, scan};
use crate::backend::kernels::{Isa, parallel_rows};
use crate::quant::quantize_rows;

/// Numbers a photo in the first pass.
pub const NUMBERS: usize = 64;

/// Photos below which a whole scan takes less than a millisecond anyway.
const LEAST: usize = 20_000;
/// Vectors that the directions are found from.
const SAMPLE: usize = 1024;
/// Rounds of finding them; each makes the share of what is still missing smaller by the ratio of two variances.
const ROUNDS: usize = 10;
/// Share of the squares that the directions must hold: with less, the first pass rules out too little.
const ENOUGH: f32 = 0.9;
/// What the single precision of lengths and directions may add up to.
const SLACK: f32 = 1e-4;

/// What the first pass reads.
#[derive(Clone, Debug)]
pub struct Sketch {
    isa: Isa,
    dimension: usize,
    /// The directions as rows: `[NUMBERS, d]`.
    directions: PackedF32,
    /// ĥ of the photos so far: `[n, NUMBERS]` with one scale each.
    heads: Vec<i8>,
    scales: Vec<f32>,
    /// ‖h − ĥ‖ and ‖v⊥‖ of each.
    rounded: Vec<f32>,
    outside: Vec<f32>,
}

/// int8 vectors `[n, d]` with one scale each.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    /// Integers, row after row.
    pub vectors: &'a [i8],
    /// One a vector.
    pub scales: &'a [f32],
    /// d.
    pub dimension: usize,
}

impl Stored<'_> {
    /// Row `row` as floats.
    fn read(&self, row: usize, out: &mut [f32]) {
        let cells = &self.vectors[row * self.dimension..][..self.dimension];
        out.iter_mut().zip(cells).for_each(|(out, v)| *out = f32::from(*v) * self.scales[row]);
    }
}

fn length(x: &[f32]) -> f32 {
    x.iter().map(|v| v * v).sum::<f32>().sqrt()
}

/// What is left of a length when a part of it that stands at a right angle is taken away.
fn rest(whole: f32, part: f32) -> f32 {
    (whole * whole - part * part).max(0.0).sqrt()
}

impl Sketch {
    /// A sketch of nothing yet, with directions for those vectors; nothing where they would not be worth it.
    pub fn begin(isa: Isa, stored: Stored<'_>) -> Option<Self> {
        let (n, d) = (stored.scales.len(), stored.dimension);
        if n < LEAST || d < 2 * NUMBERS {
            return None;
        }
        let mut sample = vec![0.0; SAMPLE * d]; // [SAMPLE, d]
        for (i, out) in sample.chunks_exact_mut(d).enumerate() {
            stored.read(i * n / SAMPLE, out);
        }
        let directions = principal(isa, &sample, d);
        let directions = PackedF32::pack(&directions, NUMBERS, d);
        let mut inside = vec![0.0; SAMPLE * NUMBERS];
        gemm_f32::linear(isa, &sample, &directions, None, Act::None, &mut inside);
        let share = (length(&inside) / length(&sample)).powi(2);
        (share >= ENOUGH).then(|| Self {
            isa,
            dimension: d,
            directions,
            heads: Vec::new(),
            scales: Vec::new(),
            rounded: Vec::new(),
            outside: Vec::new(),
        })
    }

    /// Photos so far.
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// Takes at most `rows` more photos.
    pub fn extend(&mut self, stored: Stored<'_>, rows: usize) {
        let (first, d) = (self.len(), self.dimension);
        let count = rows.min(stored.scales.len() - first);
        let mut x = vec![0.0; count * d];
        for (i, out) in x.chunks_exact_mut(d).enumerate() {
            stored.read(first + i, out);
        }
        let mut inside = vec![0.0; count * NUMBERS];
        gemm_f32::linear(self.isa, &x, &self.directions, None, Act::None, &mut inside);
        for (x, h) in x.chunks_exact(d).zip(inside.chunks_exact(NUMBERS)) {
            self.outside.push(rest(length(x), length(h)));
        }
        let (codes, scales) = quantize_rows(&inside, NUMBERS);
        for ((h, codes), scale) in inside.chunks_exact(NUMBERS).zip(codes.chunks_exact(NUMBERS)).zip(&scales) {
            let errors = h.iter().zip(codes).map(|(h, code)| (h - f32::from(*code) * scale).powi(2));
            self.rounded.push(errors.sum::<f32>().sqrt());
        }
        self.heads.extend(codes);
        self.scales.extend(scales);
    }

    /// What each photo scores at most, `[n]`; `block` photos at a time are shared among the threads.
    pub fn bounds(&self, query: &[f32], block: usize) -> Vec<f32> {
        let mut inside = vec![0.0; NUMBERS];
        gemm_f32::linear(self.isa, query, &self.directions, None, Act::None, &mut inside);
        let (near, far) = (length(&inside), rest(length(query), length(&inside)));
        // both passes round the query
        let slack = SLACK + rounding(query) + rounding(&inside);
        let mut bounds = vec![0.0; self.len()];
        parallel_rows(&mut bounds, 1, block, |first, out| {
            let rows = first..first + out.len();
            let heads = &self.heads[rows.start * NUMBERS..rows.end * NUMBERS];
            scan(self.isa, &inside, heads, &self.scales[rows.clone()], out);
            let besides = self.rounded[rows.clone()].iter().zip(&self.outside[rows]);
            for (bound, (rounded, outside)) in out.iter_mut().zip(besides) {
                *bound += slack + near * rounded + far * outside;
            }
        });
        bounds
    }
}

/// The directions that hold most of the squares of `sample` `[SAMPLE, d]`, by orthogonal iteration on its second
/// moments (Golub & Van Loan, Matrix Computations, 8.2.4): orthonormal rows `[NUMBERS, d]`.
fn principal(isa: Isa, sample: &[f32], d: usize) -> Vec<f32> {
    let transposed: Vec<f32> = (0..d).flat_map(|i| sample.iter().skip(i).step_by(d)).copied().collect(); // [d, SAMPLE]
    let mut moments = vec![0.0; d * d];
    gemm_f32::linear(isa, &transposed, &PackedF32::pack(&transposed, d, SAMPLE), None, Act::None, &mut moments);
    let moments = PackedF32::pack(&moments, d, d); // its own transpose
    // any start will do that stands at a right angle to none of them, such as signs in no order (Knuth's multiplier)
    let sign = |i: usize| if (i as u32).wrapping_mul(2_654_435_761) & (1 << 17) == 0 { 1.0 } else { -1.0 };
    let mut rows: Vec<f32> = (0..NUMBERS * d).map(sign).collect();
    orthonormalize(isa, &mut rows, d);
    for _ in 0..ROUNDS {
        let before = rows.clone();
        gemm_f32::linear(isa, &before, &moments, None, Act::None, &mut rows);
        orthonormalize(isa, &mut rows, d);
    }
    rows
}

/// Makes rows `[NUMBERS, d]` unit vectors at right angles to each other (Gram–Schmidt, twice, since once leaves what
/// rounding makes of nearly equal rows); what lies within those before it becomes zero, which is a direction less.
fn orthonormalize(isa: Isa, rows: &mut [f32], d: usize) {
    for i in 0..rows.len() / d {
        let (before, row) = rows.split_at_mut(i * d);
        let row = &mut row[..d];
        let whole = length(row);
        for other in before.chunks_exact(d).chain(before.chunks_exact(d)) {
            let along: f32 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
        }
        if length(row) > 1e-4 * whole {
            pointwise::normalize(isa, row, d);
        } else {
            row.fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::super::tests::index;
    use super::*;
    use crate::catalog::format::Shard;
    use crate::search::Vectors;
    use rand::{Rng, SeedableRng};

    /// Unit vectors `[n, d]` whose `i`-th direction has the variance `decay^i`, turned by a reflection so that no axis
    /// is one of the directions.
    fn vectors(n: usize, d: usize, decay: f32, seed: u64) -> Vec<f32> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut normal = move || (0..4).map(|_| rng.random_range(-1.0..1.0f32)).sum::<f32>();
        let mirror: Vec<f32> = (0..d).map(|i| (i as f32 * 0.37).cos() * (2.0 / d as f32).sqrt()).collect();
        let squares: f32 = mirror.iter().map(|m| m * m).sum();
        let mut out: Vec<f32> = (0..n * d).map(|i| normal() * decay.powf((i % d) as f32 / 2.0)).collect();
        for row in out.chunks_exact_mut(d) {
            let along = 2.0 * row.iter().zip(&mirror).map(|(a, b)| a * b).sum::<f32>() / squares;
            row.iter_mut().zip(&mirror).for_each(|(a, b)| *a -= along * b);
        }
        pointwise::normalize(Isa::SCALAR, &mut out, d);
        out
    }

    #[test]
    fn two_passes_answer_what_one_does() {
        let (n, d) = (LEAST + 37, 144);
        let whole = index(&vectors(n, d, 0.93, 1), d);
        let mut narrowed = whole.clone();
        let mut steps = 1;
        while !narrowed.prepare(7000) {
            steps += 1;
        }
        assert_eq!((steps, narrowed.prepared()), (3, true));
        let only: Vec<u32> = (0..n as u32).filter(|row| row % 3 == 0).collect();
        let queries = [vectors(20, d, 0.93, 2), vectors(5, d, 1.0, 3)].concat();
        for (i, query) in queries.chunks_exact(d).enumerate() {
            for (k, filter) in [
                (1, Filter::default()),
                (50, Filter { only: None, exclude: &[17, 4] }),
                (96, Filter { only: Some(&only), exclude: &[3] }),
                (10, Filter { only: Some(&only[..4]), exclude: &[] }),
                (0, Filter::default()),
            ] {
                let expected = whole.top_k(query, k, filter).unwrap();
                assert_eq!(narrowed.top_k(query, k, filter).unwrap(), expected, "query {i}, {k} best");
            }
        }
    }

    #[test]
    fn the_first_pass_rules_most_photos_out_and_none_wrongly() {
        let (n, d) = (LEAST, 128);
        let floats = vectors(n, d, 0.93, 4);
        let index = index(&floats, d);
        let mut sketch = Sketch::begin(index.isa, index.stored()).unwrap();
        sketch.extend(index.stored(), n);
        for query in vectors(10, d, 0.93, 5).chunks_exact(d) {
            let bounds = sketch.bounds(query, 4096);
            let mut scores = vec![0.0; n];
            scan(index.isa, query, &index.vectors, &index.scales, &mut scores);
            assert!(scores.iter().zip(&bounds).all(|(score, bound)| score <= bound));
            let mut sorted = scores.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let left = bounds.iter().filter(|bound| **bound >= sorted[49]).count();
            assert!(left >= 50 && left < n / 20, "{left} of {n}");
        }
    }

    #[test]
    fn vectors_that_fill_all_directions_are_scanned_whole() {
        let d = 128;
        let mut even = index(&vectors(LEAST, d, 1.0, 6), d);
        assert!(even.prepare(usize::MAX) && !even.prepared());
        let mut few = index(&vectors(100, d, 0.9, 6), d);
        assert!(few.prepare(usize::MAX) && !few.prepared());
        // photos that are all alike leave directions over
        let mut alike = index(&[0.6, 0.8].repeat(LEAST * d / 2), d);
        assert!(alike.prepare(usize::MAX));
        assert_eq!(alike.top_k(&[0.1; 128], 3, Filter::default()).unwrap().len(), 3);
    }

    #[test]
    fn more_photos_undo_the_preparation() {
        let d = 128;
        let mut index = index(&vectors(LEAST, d, 0.9, 7), d);
        assert!(index.prepare(usize::MAX) && index.prepared());
        let query = vectors(1, d, 0.9, 9);
        index.add(Shard::from_f32(vec!["new".into()], &query, d).unwrap()).unwrap();
        assert!(!index.prepared());
        assert_eq!(index.top_k(&query, 1, Filter::default()).unwrap()[0].row, LEAST as u32);
        assert!(index.prepare(usize::MAX) && index.prepared());
        assert_eq!(index.top_k(&query, 1, Filter::default()).unwrap()[0].row, LEAST as u32);
    }
}
