//! The nearest photos of every photo, so that "more like this" needs no model and no search in the page.

use crate::error::Result;
use candle_core::{Device, Tensor};
#[cfg(feature = "cli")]
use rayon::prelude::*;

/// Neighbours kept for a photo.
pub const K: usize = 12;
/// Photos compared with the whole catalog at once.
const BLOCK: usize = 256;

/// Unit vectors `[n, dimension]` → rows `[n, k]`, nearest first, a photo itself left out.
pub fn table(vectors: &[f32], dimension: usize, k: usize) -> Result<Vec<u32>> {
    let n = vectors.len() / dimension.max(1);
    let all = Tensor::from_slice(vectors, (n, dimension), &Device::Cpu)?;
    let columns = all.t()?;
    let mut out = Vec::with_capacity(n * k);
    for start in (0..n).step_by(BLOCK) {
        let rows = BLOCK.min(n - start);
        let scores: Vec<Vec<f32>> = all.narrow(0, start, rows)?.matmul(&columns)?.to_vec2()?; // [rows, n]
        #[cfg(feature = "cli")]
        let each = scores.par_iter();
        #[cfg(not(feature = "cli"))]
        let each = scores.iter(); // the page has no thread pool of candle's kind
        let best: Vec<Vec<u32>> = each.enumerate().map(|(i, scores)| nearest(scores, start + i, k)).collect();
        out.extend(best.into_iter().flatten());
    }
    Ok(out)
}

fn nearest(scores: &[f32], own: usize, k: usize) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..scores.len() as u32).filter(|&row| row as usize != own).collect();
    let better = |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b));
    if k < rows.len() {
        rows.select_nth_unstable_by(k, better);
        rows.truncate(k);
    }
    rows.sort_unstable_by(better);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_the_nearest_others_in_order() {
        let angles: [f32; 5] = [0.0, 0.3, 1.0, 0.35, 3.0];
        let vectors: Vec<f32> = angles.iter().flat_map(|a| [a.cos(), a.sin()]).collect();
        let table = table(&vectors, 2, 2).unwrap();
        assert_eq!(table, [1, 3, 3, 0, 3, 1, 1, 0, 2, 3]);
    }
}
