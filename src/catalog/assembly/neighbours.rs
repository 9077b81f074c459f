//! The nearest photos of every photo, so that "more like this" needs no model and no search in the page.

use super::rows::Rows;
use crate::backend::kernels::Isa;
use crate::backend::kernels::scan::{TopK, scan};
use crate::error::Result;
#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;
use std::ops::Range;

/// Neighbours kept for a photo.
pub const K: usize = 12;
/// Photos whose neighbours one task looks for, and photos that they are compared with at once: both stay in a cache.
pub(super) const BLOCK: usize = 256;

/// Rows and cosines `[n, k]`, nearest first, a photo itself left out; of equal ones the one that comes first.
pub fn table(rows: &Rows, k: usize) -> Vec<(u32, f32)> {
    let all = 0..rows.len();
    let of = |block: Range<usize>| nearest(rows, &block.collect::<Vec<_>>(), std::slice::from_ref(&all), k);
    #[cfg(not(target_arch = "wasm32"))]
    let blocks = blocks(all.clone()).into_par_iter().flat_map_iter(of);
    #[cfg(target_arch = "wasm32")]
    let blocks = blocks(all.clone()).into_iter().flat_map(of); // the page has few photos of its own and no rayon
    blocks.collect()
}

/// The same for the rows of one cluster, looked for in the given clusters only.
#[cfg(feature = "cli")]
pub fn of_cluster(rows: &Rows, cluster: Range<usize>, among: &[Range<usize>], k: usize) -> Vec<(u32, f32)> {
    let of = |block: Range<usize>| nearest(rows, &block.collect::<Vec<_>>(), among, k);
    blocks(cluster).into_iter().flat_map(of).collect()
}

fn blocks(of: Range<usize>) -> Vec<Range<usize>> {
    of.clone().step_by(BLOCK).map(|start| start..(start + BLOCK).min(of.end)).collect()
}

/// The neighbours of some photos, a block at most, among ranges of rows. Scores are integer sums times the scales, so they
/// are the same on every processor and for every order of threads.
pub(super) fn nearest(rows: &Rows, of: &[usize], among: &[Range<usize>], k: usize) -> Vec<(u32, f32)> {
    let (isa, d) = (Isa::detect(), rows.dimension);
    let queries: Vec<Vec<f32>> = of.iter().map(|&row| floats(rows, row)).collect();
    let mut best = vec![TopK::new(k); queries.len()];
    let mut scores = [0f32; BLOCK];
    for others in among.iter().cloned().flat_map(blocks) {
        let vectors = &rows.vectors[others.start * d..others.end * d];
        for ((&own, query), best) in of.iter().zip(&queries).zip(&mut best) {
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

/// Photos whose cosine is at least this show nearly the same: one file saved twice or a copy of another size reaches
/// it, a product with another pattern or colour does not.
const ALIKE: f32 = 0.99;

/// Rows that show nearly the same as an earlier one and whose attributes do not contradict it, each with the first such
/// row, from the table of neighbours `[n, k]`. Photos gather around that first one and not around each other, so that
/// no chain of small steps joins what differs.
pub fn alike(rows: &Rows, table: &[(u32, f32)], k: usize) -> Result<Vec<(usize, u32)>> {
    let mut found: Vec<(usize, u32)> = Vec::new();
    for (own, near) in table.chunks_exact(k.max(1)).enumerate() {
        let follows = |row: u32| found.binary_search_by_key(&(row as usize), |(row, _)| *row).is_ok();
        let same = near.iter().take_while(|(_, score)| *score >= ALIKE).map(|(row, _)| *row);
        let mut leaders: Vec<u32> = same.filter(|&row| (row as usize) < own && !follows(row)).collect();
        leaders.sort_unstable();
        for leader in leaders {
            let (leading, item) = (rows.item(leader as usize)?, rows.item(own)?);
            if leading.attributes == item.attributes && leading.further == item.further {
                found.push((own, leader));
                break;
            }
        }
    }
    Ok(found)
}

/// One row's vector `[dimension]` as floats.
pub fn floats(rows: &Rows, row: usize) -> Vec<f32> {
    rows.vector(row).iter().map(|&v| f32::from(v) * rows.scales[row]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::format::tests::item;

    fn rows(angles: &[f32], colours: &[&str]) -> Rows {
        let mut rows = Rows::new(2);
        for (i, angle) in angles.iter().enumerate() {
            let (values, scales) = crate::quant::quantize_rows(&[angle.cos(), angle.sin()], 2);
            let mut item = item(&i.to_string());
            item.attributes = colours.get(i).map(|colour| ("colour".into(), colour.to_string())).into_iter().collect();
            rows.push(&item, scales[0], &values).unwrap();
        }
        rows
    }

    #[test]
    fn copies_gather_around_the_first_and_form_no_chains() {
        // 0, 1 and 4 are one; 2 is like 1 but no longer like 0; 3 stands alone
        let angles: [f32; 5] = [0.0, 0.1, 0.2, 2.0, 0.05];
        assert!(0.1f32.cos() > ALIKE && 0.2f32.cos() < ALIKE);
        let alike = |rows: &Rows| super::alike(rows, &table(rows, 3), 3).unwrap();
        assert_eq!(alike(&rows(&angles, &[])), [(1, 0), (4, 0)]);
        // what the shop tells apart is not joined
        assert_eq!(alike(&rows(&angles, &["red", "blue", "blue", "red", "red"])), [(2, 1), (4, 0)]);
        assert_eq!(super::alike(&rows(&[0.0], &[]), &[], 0).unwrap(), []);
    }

    #[test]
    fn neighbours_are_the_nearest_others_in_order() {
        let rows = rows(&[0.0, 0.3, 1.0, 0.35, 3.0], &[]);
        let table: Vec<u32> = table(&rows, 2).iter().map(|(row, _)| *row).collect();
        assert_eq!(table, [1, 3, 3, 0, 3, 1, 1, 0, 2, 3]);
    }
}
