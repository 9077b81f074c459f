//! All vectors of a catalog, one after the other, searched by a whole scan.
//!
//! A large catalog is searched in two passes once it has been prepared for that: see `flat/sketch.rs`.

mod sketch;

use super::{Filter, Hit, Vectors};
#[cfg(feature = "gpu")]
use crate::backend::gpu::{Gpu, scan as device};
use crate::backend::kernels::scan::{TopK, scan};
use crate::backend::kernels::scratch::Floats;
use crate::backend::kernels::threads::for_each_block;
use crate::backend::kernels::{Isa, PANEL, share};
use crate::catalog::format::Shard;
use crate::error::{Error, Result};
use sketch::{Sketch, Stored};
use std::sync::{Mutex, PoisonError};

/// Rows scored at once, at most: their scores stay in the nearest cache.
const BLOCK: usize = 4096;

/// All vectors of a catalog, shard after shard.
#[derive(Clone, Debug)]
pub struct Index {
    isa: Isa,
    dimension: usize,
    ids: Vec<String>,
    scales: Vec<f32>,
    vectors: Vec<i8>,
    first_pass: FirstPass,
}

/// How far the preparation of the first pass has come.
#[derive(Clone, Debug, Default)]
enum FirstPass {
    /// Nothing was asked for since photos came.
    #[default]
    Unprepared,
    /// Some photos, or all.
    Begun(Sketch),
    /// The whole scan is as good.
    Useless,
}

#[cfg(feature = "gpu")]
impl Index {
    /// Brings vectors on a graphics device up to date with the rows that are here.
    pub fn upload(&self, gpu: &Gpu, vectors: &mut device::Vectors) -> Result<()> {
        let first = vectors.len().min(self.len());
        vectors.add(gpu, &self.vectors[first * self.dimension..], &self.scales[first..])
    }
}

impl Index {
    /// An index of vectors of that length.
    pub fn new(dimension: usize) -> Self {
        Self {
            isa: Isa::detect(),
            dimension,
            ids: Vec::new(),
            scales: Vec::new(),
            vectors: Vec::new(),
            first_pass: FirstPass::default(),
        }
    }

    /// The ids in row order.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Appends a shard's photos and returns the number of photos now.
    pub fn add(&mut self, shard: Shard) -> Result<usize> {
        if shard.dimension != self.dimension {
            return Err(Error::Catalog(format!(
                "expected vectors of {} numbers, got {}; index the photos again",
                self.dimension, shard.dimension
            )));
        }
        self.ids.extend(shard.ids);
        self.scales.extend(shard.scales);
        self.vectors.extend(shard.vectors);
        self.first_pass = FirstPass::Unprepared;
        Ok(self.len())
    }

    fn stored(&self) -> Stored<'_> {
        Stored { vectors: &self.vectors, scales: &self.scales, dimension: self.dimension }
    }

    /// Prepares at most `rows` more photos for searching in two passes, and says whether nothing is left to prepare.
    /// Where it would not be worth it, nothing is from the start on. Answers are the same before and after.
    pub fn prepare(&mut self, rows: usize) -> bool {
        if let FirstPass::Unprepared = self.first_pass {
            self.first_pass = Sketch::begin(self.isa, self.stored()).map_or(FirstPass::Useless, FirstPass::Begun);
        }
        let stored = Stored { vectors: &self.vectors, scales: &self.scales, dimension: self.dimension };
        match &mut self.first_pass {
            FirstPass::Begun(sketch) => {
                sketch.extend(stored, rows);
                sketch.len() == self.ids.len()
            }
            _ => true,
        }
    }

    /// Whether searches take two passes.
    pub fn prepared(&self) -> bool {
        self.sketch().is_some()
    }

    fn sketch(&self) -> Option<&Sketch> {
        match &self.first_pass {
            FirstPass::Begun(sketch) if sketch.len() == self.len() => Some(sketch),
            _ => None,
        }
    }

    /// The best of a whole scan.
    fn scanned(&self, query: &[f32], k: usize, allowed: Option<&[bool]>, exclude: &[u32]) -> TopK {
        let best = Mutex::new(TopK::new(k));
        let block = share(self.len(), self.dimension, 16).min(BLOCK);
        for_each_block(self.len().div_ceil(block), |i| {
            let rows = i * block..self.len().min((i + 1) * block);
            let mut scores = Floats::take(rows.len());
            let cells = rows.start * self.dimension..rows.end * self.dimension;
            scan(self.isa, query, &self.vectors[cells], &self.scales[rows.clone()], &mut scores);
            leave_out(&mut scores, rows.start, allowed, exclude);
            // a block holds the lock for a hundredth of the time that its scores took
            best.lock().unwrap_or_else(PoisonError::into_inner).offer(rows.start, &scores);
        });
        best.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same of the rows that the first pass does not rule out; nothing where those are too many to gain by it.
    fn narrowed(
        &self,
        sketch: &Sketch,
        query: &[f32],
        k: usize,
        allowed: Option<&[bool]>,
        exclude: &[u32],
    ) -> Option<TopK> {
        let block = share(self.len(), sketch::NUMBERS, 16).min(BLOCK);
        let mut bounds = sketch.bounds(query, block);
        leave_out(&mut bounds, 0, allowed, exclude);
        // the k rows of the highest bounds are good ones, so that what they score rules out the most
        let mut likely = TopK::new(k);
        likely.offer(0, &bounds);
        let likely: Vec<usize> = likely.into_sorted().into_iter().map(|(row, _)| row).collect();
        let least = match likely.len() == k {
            true => self.scores(query, &likely).into_iter().fold(f32::INFINITY, f32::min),
            false => f32::NEG_INFINITY,
        };
        let mut left = Vec::new();
        for (i, block) in bounds.chunks(PANEL).enumerate() {
            // a block without a candidate is passed by one vectorised comparison
            if block.iter().fold(false, |any, bound| any | (*bound >= least)) {
                let rows = (i * PANEL..).zip(block).filter(|(_, bound)| **bound >= least);
                left.extend(rows.map(|(row, _)| row));
            }
        }
        if left.len() > self.len() / 4 {
            return None;
        }
        let mut best = TopK::new(k);
        for (&row, score) in left.iter().zip(self.scores(query, &left)) {
            best.offer(row, &[score]);
        }
        Some(best)
    }

    /// Scores of some rows.
    fn scores(&self, query: &[f32], rows: &[usize]) -> Vec<f32> {
        let d = self.dimension;
        let vectors: Vec<i8> = rows.iter().flat_map(|row| &self.vectors[row * d..(row + 1) * d]).copied().collect();
        let scales: Vec<f32> = rows.iter().map(|&row| self.scales[row]).collect();
        let mut scores = vec![0.0; rows.len()];
        scan(self.isa, query, &vectors, &scales, &mut scores);
        scores
    }
}

impl Vectors for Index {
    fn len(&self) -> usize {
        self.ids.len()
    }

    fn vector(&self, row: u32) -> Option<Vec<f32>> {
        let row = row as usize;
        let scale = *self.scales.get(row)?;
        let cells = self.vectors.get(row * self.dimension..(row + 1) * self.dimension)?;
        Some(cells.iter().map(|&v| f32::from(v) * scale).collect())
    }

    fn top_k(&self, query: &[f32], k: usize, filter: Filter<'_>) -> Result<Vec<Hit>> {
        if query.len() != self.dimension {
            return Err(Error::Argument(format!(
                "searching: expected a query of {} numbers, got {}; use the catalog's model",
                self.dimension,
                query.len()
            )));
        }
        let allowed = filter.only.map(|rows| {
            let mut allowed = vec![false; self.len()];
            rows.iter().filter_map(|&row| allowed.get_mut(row as usize).map(|a| *a = true)).for_each(drop);
            allowed
        });
        let narrowed =
            self.sketch().and_then(|sketch| self.narrowed(sketch, query, k, allowed.as_deref(), filter.exclude));
        let best = narrowed.unwrap_or_else(|| self.scanned(query, k, allowed.as_deref(), filter.exclude));
        let hit = |(row, score): (usize, f32)| Hit { row: row as u32, score };
        Ok(best.into_sorted().into_iter().map(hit).collect())
    }
}

/// Makes the scores of rows that may not be found, the first of which is `first`, what no search keeps: not a number.
fn leave_out(scores: &mut [f32], first: usize, allowed: Option<&[bool]>, exclude: &[u32]) {
    if let Some(allowed) = allowed {
        let allowed = &allowed[first..first + scores.len()];
        scores.iter_mut().zip(allowed).filter(|(_, allowed)| !**allowed).for_each(|(score, _)| *score = f32::NAN);
    }
    let excluded = exclude.iter().filter_map(|&row| (row as usize).checked_sub(first));
    excluded.for_each(|row| {
        if let Some(score) = scores.get_mut(row) {
            *score = f32::NAN;
        }
    });
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn index(vectors: &[f32], dimension: usize) -> Index {
        let ids = (0..vectors.len() / dimension).map(|i| i.to_string()).collect();
        let mut index = Index::new(dimension);
        index.add(Shard::from_f32(ids, vectors, dimension).unwrap()).unwrap();
        index
    }

    proptest! {
        #[test]
        fn the_heap_agrees_with_sorting_everything(
            dimension in 1usize..20, k in 0usize..12, values in prop::collection::vec(-1f32..1.0, 19 * 15),
            exclude in prop::collection::vec(0u32..20, 0..3),
        ) {
            let index = index(&values[..values.len() / dimension * dimension], dimension);
            let query: Vec<f32> = (0..dimension).map(|i| (i as f32 + 1.0).cos()).collect();
            let filter = Filter { only: None, exclude: &exclude };
            let got = index.top_k(&query, k, filter).unwrap();
            let mut all: Vec<Hit> = (0..index.len())
                .filter(|row| !exclude.contains(&(*row as u32)))
                .map(|row| {
                    let vector = index.vector(row as u32).unwrap();
                    let score = vector.iter().zip(&query).map(|(a, b)| a * b).sum();
                    Hit { row: row as u32, score }
                })
                .collect();
            all.sort_by(|a, b| b.score.total_cmp(&a.score));
            prop_assert_eq!(got.len(), k.min(all.len()));
            // the query is rounded to 2047 steps, so scores differ by up to 19 · 1/4094
            for (a, b) in got.iter().zip(&all) {
                prop_assert!((a.score - b.score).abs() < 5e-3);
            }
            prop_assert!(got.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }

    #[test]
    fn equal_scores_come_in_row_order_and_filters_hold() {
        let index = index(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0], 2);
        let rows =
            |filter| -> Vec<u32> { index.top_k(&[1.0, 0.0], 3, filter).unwrap().iter().map(|hit| hit.row).collect() };
        assert_eq!(rows(Filter::default()), [0, 1, 3]);
        assert_eq!(rows(Filter { only: Some(&[3, 2, 99]), exclude: &[] }), [3, 2]);
        assert_eq!(rows(Filter { only: None, exclude: &[0] }), [1, 3, 2]);
    }

    #[test]
    fn a_query_of_another_length_is_refused() {
        assert!(index(&[1.0, 0.0], 2).top_k(&[1.0], 1, Filter::default()).is_err());
        assert!(Index::new(3).add(Shard::from_f32(vec![], &[], 2).unwrap()).is_err());
    }
}
