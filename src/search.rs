//! The top K of a catalog by cosine.

use crate::error::{Error, Result};
use crate::shard::Shard;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A found photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Row in the catalog.
    pub row: u32,
    /// Cosine with the query.
    pub score: f32,
}

/// All vectors of a catalog, shard after shard.
#[derive(Clone, Debug, Default)]
pub struct Index {
    dimension: usize,
    ids: Vec<String>,
    scales: Vec<f32>,
    vectors: Vec<i8>,
}

/// Which rows may be found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// The only rows allowed, if given.
    pub only: Option<&'a [u32]>,
    /// Rows left out, such as the product that the query is about.
    pub exclude: &'a [u32],
}

impl Index {
    /// An index of vectors of that length.
    pub fn new(dimension: usize) -> Self {
        Self { dimension, ..Self::default() }
    }

    /// Number of photos.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no photo.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
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
        Ok(self.len())
    }

    /// One row's vector as floats.
    pub fn vector(&self, row: usize) -> Option<Vec<f32>> {
        let scale = *self.scales.get(row)?;
        let cells = self.vectors.get(row * self.dimension..(row + 1) * self.dimension)?;
        Some(cells.iter().map(|&v| f32::from(v) * scale).collect())
    }

    /// The `k` rows nearest to a unit query, best first; equal scores in row order.
    pub fn top_k(&self, query: &[f32], k: usize, filter: Filter<'_>) -> Result<Vec<Hit>> {
        if query.len() != self.dimension {
            return Err(Error::Argument(format!(
                "searching: expected a query of {} numbers, got {}; use the catalog's model",
                self.dimension,
                query.len()
            )));
        }
        let mut best = TopK::new(k);
        let mut offer = |row: usize| {
            if !filter.exclude.contains(&(row as u32)) {
                best.offer(Hit { row: row as u32, score: self.score(query, row) });
            }
        };
        match filter.only {
            Some(rows) => rows.iter().map(|&row| row as usize).filter(|&row| row < self.len()).for_each(&mut offer),
            None => (0..self.len()).for_each(&mut offer),
        }
        Ok(best.into_sorted())
    }

    fn score(&self, query: &[f32], row: usize) -> f32 {
        let cells = &self.vectors[row * self.dimension..(row + 1) * self.dimension];
        // eight running sums, so that the compiler can keep them in one vector register
        let mut sums = [0f32; 8];
        let (blocks, rest) = (cells.chunks_exact(8), cells.chunks_exact(8).remainder());
        for (cells, query) in blocks.zip(query.chunks_exact(8)) {
            (0..8).for_each(|lane| sums[lane] += f32::from(cells[lane]) * query[lane]);
        }
        let tail = &query[query.len() - rest.len()..];
        let tail: f32 = rest.iter().zip(tail).map(|(&v, q)| f32::from(v) * q).sum();
        (sums.iter().sum::<f32>() + tail) * self.scales[row]
    }
}

/// The best `k` of a stream of hits: a heap whose root is the worst of them.
struct TopK {
    k: usize,
    heap: BinaryHeap<Worst>,
}

#[derive(PartialEq)]
struct Worst(Hit);

impl Eq for Worst {}

impl Ord for Worst {
    fn cmp(&self, other: &Self) -> Ordering {
        // greater means worse: a lower score, or a later row
        other.0.score.total_cmp(&self.0.score).then(self.0.row.cmp(&other.0.row))
    }
}

impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TopK {
    fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }

    fn offer(&mut self, hit: Hit) {
        if self.heap.len() < self.k {
            self.heap.push(Worst(hit));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && Worst(hit) < *worst
        {
            *worst = Worst(hit);
        }
    }

    fn into_sorted(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|worst| worst.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index(vectors: &[f32], dimension: usize) -> Index {
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
                    let vector = index.vector(row).unwrap();
                    let score = vector.iter().zip(&query).map(|(a, b)| a * b).sum();
                    Hit { row: row as u32, score }
                })
                .collect();
            all.sort_by(|a, b| b.score.total_cmp(&a.score));
            prop_assert_eq!(got.len(), k.min(all.len()));
            for (a, b) in got.iter().zip(&all) {
                prop_assert!((a.score - b.score).abs() < 1e-4);
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
