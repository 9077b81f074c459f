//! What an earlier catalog has computed of nearly the same rows: neighbours and clusters depend on the vectors alone, so that
//! a change of prices costs none of it.

#[cfg(feature = "cli")]
use super::cluster::Clusters;
use super::neighbours::{BLOCK, floats, nearest};
use super::rows::Rows;
use crate::backend::kernels::Isa;
use crate::backend::kernels::scan::{TopK, scan};
use crate::catalog::format::Shard;
#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;
use std::collections::HashMap;
#[cfg(feature = "cli")]
use std::ops::Range;

/// Rows that come or go beyond this share of all: then everything is computed anew.
const FEW: usize = 4;

/// The rows of an earlier catalog, and what was computed of them.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// Its shards in row order.
    pub shards: Vec<Shard>,
    /// The directions of its clusters; none in a catalog that is fetched as a whole.
    pub centroids: Option<Shard>,
    /// Rows of neighbours `[rows, k]`.
    pub neighbours: Vec<u32>,
    /// Neighbours a row.
    pub k: usize,
}

impl Earlier {
    /// For each of these rows the earlier row of the same id and vector.
    fn origins(&self, rows: &Rows) -> Vec<Option<u32>> {
        let ids = self.shards.iter().flat_map(|shard| shard.ids.iter());
        let known: HashMap<&str, u32> = ids.zip(0..).map(|(id, row)| (id.as_str(), row)).collect();
        let same = |(row, id): (usize, &String)| {
            let origin = *known.get(id.as_str())?;
            let (scale, vector) = row_of(&self.shards, origin as usize)?;
            (scale == rows.scales[row] && vector == rows.vector(row)).then_some(origin)
        };
        rows.ids.iter().enumerate().map(same).collect()
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.ids.len()).sum()
    }

    /// The table of neighbours of sorted rows, of which few came and went; none where computing it anew is simpler. It is
    /// the one that [`neighbours::table`](super::neighbours::table) makes.
    pub(super) fn table(&self, rows: &Rows, k: usize) -> Option<Vec<(u32, f32)>> {
        if self.centroids.is_some() || self.k != k || self.neighbours.len() != self.len() * k {
            return None;
        }
        let origins = self.origins(rows);
        let fresh: Vec<usize> = (0..rows.len()).filter(|&row| origins[row].is_none()).collect();
        let gone = self.len() - (rows.len() - fresh.len());
        // both are sorted by id, so that rows that stay keep their order
        let kept: Vec<u32> = origins.iter().flatten().copied().collect();
        if (fresh.len() + gone) * FEW > rows.len() || kept.windows(2).any(|pair| pair[0] >= pair[1]) {
            return None;
        }
        let mut now = vec![None; self.len()];
        for (row, origin) in origins.iter().enumerate() {
            origin.iter().for_each(|&origin| now[origin as usize] = Some(row));
        }
        let renew = |row: usize| {
            let origin = origins[row]? as usize;
            let before = &self.neighbours[origin * k..(origin + 1) * k];
            let mut near =
                before.iter().map(|&near| now.get(near as usize).copied().flatten()).collect::<Option<Vec<_>>>()?;
            near.extend(&fresh);
            near.sort_unstable();
            Some(best(rows, row, &near, k))
        };
        Some(complete(rows, each(rows.len(), renew), k))
    }

    /// Its clusters as those of sorted rows; none where any row differs.
    #[cfg(feature = "cli")]
    pub(super) fn clusters(&self, rows: &Rows, k: usize) -> Option<Clusters> {
        let centroids = self.centroids.clone()?;
        if self.k != k
            || self.len() != rows.len()
            || self.neighbours.len() != self.len() * k
            || centroids.ids.len() != self.shards.len()
        {
            return None;
        }
        let mut now = vec![None; self.len()];
        for (row, origin) in self.origins(rows).into_iter().enumerate() {
            now[origin? as usize] = Some(row as u32);
        }
        let mut rest = now.into_iter();
        let members = self.shards.iter().map(|shard| rest.by_ref().take(shard.ids.len()).collect::<Option<Vec<u32>>>());
        Some(Clusters { centroids, members: members.collect::<Option<_>>()? })
    }

    /// The neighbours of rows as they are stored.
    #[cfg(feature = "cli")]
    pub(super) fn stored(&self, rows: Range<usize>, k: usize) -> Vec<u8> {
        self.neighbours[rows.start * k..rows.end * k].iter().flat_map(|row| row.to_le_bytes()).collect()
    }
}

/// Scale and vector of a row of shards that follow each other.
pub fn row_of(shards: &[Shard], mut row: usize) -> Option<(f32, &[i8])> {
    for shard in shards {
        if row < shard.ids.len() {
            return Some((shard.scales[row], &shard.vectors[row * shard.dimension..(row + 1) * shard.dimension]));
        }
        row -= shard.ids.len();
    }
    None
}

/// The nearest of some rows, which are in order.
fn best(rows: &Rows, own: usize, among: &[usize], k: usize) -> Vec<(u32, f32)> {
    let query = floats(rows, own);
    let vectors: Vec<i8> = among.iter().flat_map(|&row| rows.vector(row)).copied().collect();
    let scales: Vec<f32> = among.iter().map(|&row| rows.scales[row]).collect();
    let mut scores = vec![0.0; among.len()];
    scan(Isa::detect(), &query, &vectors, &scales, &mut scores);
    let mut kept = TopK::new(k);
    for (&row, &score) in among.iter().zip(&scores).filter(|(row, _)| **row != own) {
        kept.offer(row, &[score]);
    }
    kept.into_sorted().into_iter().map(|(row, score)| (row as u32, score)).collect()
}

/// Looks for the neighbours of the rows that have none yet.
fn complete(rows: &Rows, mut found: Vec<Option<Vec<(u32, f32)>>>, k: usize) -> Vec<(u32, f32)> {
    let missing: Vec<usize> = (0..found.len()).filter(|&row| found[row].is_none()).collect();
    let blocks: Vec<&[usize]> = missing.chunks(BLOCK).collect();
    let all = 0..rows.len();
    let computed = each(blocks.len(), |block| nearest(rows, blocks[block], std::slice::from_ref(&all), k));
    for (row, near) in missing.iter().zip(computed.concat().chunks(k.max(1))) {
        found[*row] = Some(near.to_vec());
    }
    found.into_iter().flatten().flatten().collect()
}

/// The results for 0 to `count`, in order; several at once where there are threads.
fn each<T: Send>(count: usize, of: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    #[cfg(not(target_arch = "wasm32"))]
    return (0..count).into_par_iter().map(of).collect();
    #[cfg(target_arch = "wasm32")]
    return (0..count).map(of).collect();
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::super::cluster::tests::heaps;
    use super::super::neighbours::table;
    use super::*;

    /// An earlier catalog of all rows, in shards of these sizes.
    fn earlier(rows: &Rows, sizes: &[usize], k: usize) -> Earlier {
        let mut start = 0;
        let shard = |&size: &usize| {
            start += size;
            rows.shard(start - size..start)
        };
        let neighbours = table(rows, k).into_iter().map(|(row, _)| row).collect();
        Earlier { shards: sizes.iter().map(shard).collect(), centroids: None, neighbours, k }
    }

    /// The rows of `heaps` that these tests choose, in order.
    fn some(rows: &Rows, keep: impl Fn(usize) -> bool) -> Rows {
        let mut kept = Rows::new(rows.dimension);
        for row in (0..rows.len()).filter(|&row| keep(row)) {
            kept.push(&rows.item(row).unwrap(), rows.scales[row], rows.vector(row)).unwrap();
        }
        kept
    }

    #[test]
    fn a_table_with_rows_that_came_and_went_is_the_one_computed_anew() {
        let (rows, k) = (heaps(700, 24, 9), 12);
        let before = some(&rows, |row| row % 50 != 7);
        let earlier = earlier(&before, &[300, 386], k);
        let cases: [(&str, &dyn Fn(usize) -> bool); 4] = [
            ("nothing", &|row| row % 50 != 7),
            ("some go", &|row| row % 50 != 7 && row % 60 != 11),
            ("some come", &|_| true),
            ("both", &|row| row % 40 != 3),
        ];
        for (case, keep) in cases {
            let now = some(&rows, keep);
            assert_eq!(earlier.table(&now, k).expect(case), table(&now, k), "{case}");
        }
        assert!(earlier.table(&some(&rows, |row| row % 2 == 0), k).is_none(), "too many went");
        assert!(earlier.table(&before, k - 1).is_none(), "another number of neighbours");
    }

    #[test]
    fn another_vector_under_an_id_is_another_row() {
        let (rows, k) = (heaps(100, 24, 5), 4);
        let earlier = earlier(&rows, &[100], k);
        let mut now = some(&rows, |_| true);
        let other = now.vector(50).to_vec();
        now.vectors[..24].copy_from_slice(&other);
        assert_eq!(earlier.table(&now, k).unwrap(), table(&now, k));
    }
}
