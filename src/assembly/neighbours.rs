//! The nearest photos of every photo, so that "more like this" needs no model and no search in the page.

use super::rows::Rows;
use crate::backend::kernels::Isa;
use crate::backend::kernels::scan::{TopK, scan};
#[cfg(feature = "cli")]
use rayon::prelude::*;
use std::ops::Range;

/// Neighbours kept for a photo.
pub const K: usize = 12;
/// Photos whose neighbours one task looks for, and photos that they are compared with at once: both stay in a cache.
const BLOCK: usize = 256;

/// Rows and cosines `[n, k]`, nearest first, a photo itself left out; of equal ones the one that comes first.
pub fn table(rows: &Rows, k: usize) -> Vec<(u32, f32)> {
    let all = 0..rows.len();
    let of = |block| nearest(rows, block, std::slice::from_ref(&all), k);
    #[cfg(feature = "cli")]
    let blocks = blocks(all.clone()).into_par_iter().flat_map_iter(of);
    #[cfg(not(feature = "cli"))]
    let blocks = blocks(all.clone()).into_iter().flat_map(of); // the page has few photos of its own and no rayon
    blocks.collect()
}

/// The same for the rows of one cell, looked for in the given cells only.
#[cfg(feature = "cli")]
pub fn of_cell(rows: &Rows, cell: Range<usize>, among: &[Range<usize>], k: usize) -> Vec<(u32, f32)> {
    blocks(cell).into_iter().flat_map(|block| nearest(rows, block, among, k)).collect()
}

fn blocks(of: Range<usize>) -> Vec<Range<usize>> {
    of.clone().step_by(BLOCK).map(|start| start..(start + BLOCK).min(of.end)).collect()
}

/// The neighbours of a block of photos among ranges of rows. Scores are integer sums times the scales, so they are the
/// same on every processor and for every order of threads.
fn nearest(rows: &Rows, of: Range<usize>, among: &[Range<usize>], k: usize) -> Vec<(u32, f32)> {
    let (isa, d) = (Isa::detect(), rows.dimension);
    let queries: Vec<Vec<f32>> = of.clone().map(|row| floats(rows, row)).collect();
    let mut best = vec![TopK::new(k); queries.len()];
    let mut scores = [0f32; BLOCK];
    for others in among.iter().cloned().flat_map(blocks) {
        let vectors = &rows.vectors[others.start * d..others.end * d];
        for ((own, query), best) in of.clone().zip(&queries).zip(&mut best) {
            let scores = &mut scores[..others.len()];
            scan(isa, query, vectors, &rows.scales[others.clone()], scores);
            if others.contains(&own) {
                scores[own - others.start] = f32::NAN;
            }
            best.offer(others.start, scores);
        }
    }
    let pairs = |best: TopK| best.into_sorted().into_iter().map(|(row, score)| (row as u32, score));
    best.into_iter().flat_map(pairs).collect()
}

/// One row's vector `[dimension]` as floats.
pub fn floats(rows: &Rows, row: usize) -> Vec<f32> {
    rows.vector(row).iter().map(|&v| f32::from(v) * rows.scales[row]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::tests::item;

    #[test]
    fn neighbours_are_the_nearest_others_in_order() {
        let angles: [f32; 5] = [0.0, 0.3, 1.0, 0.35, 3.0];
        let mut rows = Rows::new(2);
        for (i, angle) in angles.iter().enumerate() {
            let (values, scales) = crate::quant::quantise_rows(&[angle.cos(), angle.sin()], 2);
            rows.push(&item(&i.to_string()), scales[0], &values).unwrap();
        }
        let table: Vec<u32> = table(&rows, 2).iter().map(|(row, _)| *row).collect();
        assert_eq!(table, [1, 3, 3, 0, 3, 1, 1, 0, 2, 3]);
    }
}
