//! Searching a clustered catalog while only a few of its shards are here.
//!
//! Photos that look alike share a shard (a cell, as the nearest-neighbour literature calls it), and the catalog names a
//! small file with the centre of each. A query is compared with the centres first; the shards with the nearest ones
//! are fetched, searched exactly, and kept. No index beside the centres, and nothing that a static host cannot serve.

use super::{Filter, Hit, Index, Vectors};
use crate::catalog::format::{Manifest, Shard};
use crate::error::{Error, Result};

/// The share of the photos that a query fetches at most, and the rounds that it may take all the same: of few cells, a
/// tenth would be one round, and the best ten of a drawn catalogue lie in up to seven cells of forty.
pub const MOST: f32 = 0.1;
const LEAST_ROUNDS: usize = 3;
/// The share of the photos in a round, and the least number of cells: see `benches/growth` for what they cost and find.
const ROUND: f32 = 0.005;
const ROUND_CELLS: usize = 4;

/// The centres of all cells, and the cells that are here.
#[derive(Clone, Debug)]
pub struct Cells {
    centres: Index,
    /// First row of each cell, and the number of rows at the end.
    starts: Vec<u32>,
    here: Vec<Option<Index>>,
}

impl Cells {
    /// Reads the centres of a clustered catalog, a shard file with one vector for each of the catalog's shards.
    pub fn open(manifest: &Manifest, bytes: &[u8]) -> Result<Self> {
        let cells = manifest.cells.as_ref().ok_or_else(|| {
            Error::Catalog("expected a clustered catalog, got one without centres; fetch all of its shards".into())
        })?;
        cells.centres.verify(bytes)?;
        let shard = Shard::decode(bytes)?;
        if shard.ids.len() != manifest.shards.len() {
            return Err(Error::Catalog(format!(
                "expected a centre for each of {} shards, got {}; index the photos again",
                manifest.shards.len(),
                shard.ids.len()
            )));
        }
        let mut centres = Index::new(manifest.dimension);
        centres.add(shard)?;
        let mut starts = vec![0];
        for shard in &manifest.shards {
            starts.push(starts[starts.len() - 1] + shard.count as u32);
        }
        Ok(Self { centres, starts, here: vec![None; manifest.shards.len()] })
    }

    /// The cells to fetch for a unit query, nearest first, in rounds: when a round brings nothing new among the best,
    /// the next ones will not either, and the search may end. Together they hold at most [`MOST`] of the photos, or are
    /// three rounds. With `allowed`, only those cells.
    pub fn rounds(&self, query: &[f32], allowed: Option<&[u32]>) -> Result<Vec<Vec<u32>>> {
        let hits = self.centres.top_k(query, self.centres.len(), Filter { only: allowed, exclude: &[] })?;
        let photos = self.starts[self.here.len()] as f32;
        let (mut rounds, mut round, mut rows, mut total) = (Vec::new(), Vec::new(), 0.0, 0.0);
        for cell in hits.into_iter().map(|hit| hit.row) {
            let size = (self.starts[cell as usize + 1] - self.starts[cell as usize]) as f32;
            if total + size > MOST * photos && rounds.len() >= LEAST_ROUNDS {
                break;
            }
            (rows, total) = (rows + size, total + size);
            round.push(cell);
            if round.len() >= ROUND_CELLS && rows >= ROUND * photos {
                rounds.push(std::mem::take(&mut round));
                rows = 0.0;
            }
        }
        if !round.is_empty() {
            rounds.push(round);
        }
        Ok(rounds)
    }

    /// Takes a cell's photos. The cell is a position in the catalog's list of shards.
    pub fn put(&mut self, cell: usize, shard: Shard) -> Result<()> {
        let mut index = Index::new(shard.dimension);
        index.add(shard)?;
        *self.slot(cell)? = Some(index);
        Ok(())
    }

    /// Lets a cell go, to make room.
    pub fn drop(&mut self, cell: usize) -> Result<()> {
        *self.slot(cell)? = None;
        Ok(())
    }

    fn slot(&mut self, cell: usize) -> Result<&mut Option<Index>> {
        let cells = self.here.len();
        self.here.get_mut(cell).ok_or_else(|| {
            Error::Argument(format!("searching: expected one of {cells} cells, got cell {cell}; reload the page"))
        })
    }
}

impl Vectors for Cells {
    /// Photos of the cells that are here.
    fn len(&self) -> usize {
        self.here.iter().flatten().map(Index::len).sum()
    }

    fn vector(&self, row: u32) -> Option<Vec<f32>> {
        let cell = self.starts.partition_point(|&start| start <= row).checked_sub(1)?;
        self.here.get(cell)?.as_ref()?.vector(row - self.starts[cell])
    }

    fn top_k(&self, query: &[f32], k: usize, filter: Filter<'_>) -> Result<Vec<Hit>> {
        let sorted = |rows: &[u32]| {
            let mut rows = rows.to_vec();
            rows.sort_unstable();
            rows
        };
        let (only, exclude) = (filter.only.map(sorted), sorted(filter.exclude));
        let mut found = Vec::new();
        for (cell, index) in self.here.iter().enumerate().filter_map(|(cell, index)| Some((cell, index.as_ref()?))) {
            let (start, end) = (self.starts[cell], self.starts[cell + 1]);
            let within = |rows: &[u32]| -> Vec<u32> {
                let rows = &rows[rows.partition_point(|&row| row < start)..rows.partition_point(|&row| row < end)];
                rows.iter().map(|row| row - start).collect()
            };
            let (only, exclude) = (only.as_deref().map(within), within(&exclude));
            if only.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let hits = index.top_k(query, k, Filter { only: only.as_deref(), exclude: &exclude })?;
            found.extend(hits.into_iter().map(|hit| Hit { row: hit.row + start, ..hit }));
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
        found.truncate(k);
        Ok(found)
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;
    use crate::catalog::assembly::{Rows, assemble};
    use crate::catalog::format::ModelRef;
    use crate::catalog::format::tests::item;
    use crate::quant::quantise_rows;
    use std::collections::HashMap;

    /// A clustered catalog of 400 photos in 20 heaps, and its files by name.
    fn catalog() -> (Manifest, HashMap<String, Vec<u8>>) {
        let mut rows = Rows::new(16);
        let noise = |i: usize, j: usize| ((i * 7919 + j * 104_729) as f32).sin();
        for i in 0..400 {
            let vector: Vec<f32> = (0..16).map(|j| noise(i % 20, j) + 0.1 * noise(i + 1000, j)).collect();
            let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
            let (values, scales) = quantise_rows(&vector.iter().map(|v| v / length).collect::<Vec<_>>(), 16);
            rows.push(&item(&format!("p{i:03}")), scales[0], &values).unwrap();
        }
        let (mut files, model) = (HashMap::new(), ModelRef { name: "tiny".into(), fingerprint: "0".into() });
        let mut put = |name: &str, bytes: &[u8]| {
            files.insert(name.to_string(), bytes.to_vec());
            Ok(())
        };
        let manifest = assemble("Shop", model, rows, Some(20), &mut put).unwrap();
        (manifest, files)
    }

    fn open(manifest: &Manifest, files: &HashMap<String, Vec<u8>>) -> Cells {
        Cells::open(manifest, &files[manifest.cells.as_ref().unwrap().centres.file.as_str()]).unwrap()
    }

    fn fetch(cells: &mut Cells, manifest: &Manifest, files: &HashMap<String, Vec<u8>>, cell: u32) {
        let shard = Shard::decode(&files[manifest.shards[cell as usize].vectors.file.as_str()]).unwrap();
        cells.put(cell as usize, shard).unwrap();
    }

    #[test]
    fn the_nearest_cells_hold_the_nearest_photos() {
        let (manifest, files) = catalog();
        let (mut few, mut all) = (open(&manifest, &files), open(&manifest, &files));
        (0..manifest.shards.len() as u32).for_each(|cell| fetch(&mut all, &manifest, &files, cell));
        assert_eq!(all.len(), 400);
        let query = all.vector(123).unwrap();
        let rounds = few.rounds(&query, None).unwrap();
        assert!(few.is_empty() && few.vector(123).is_none());
        for cell in &rounds[0] {
            fetch(&mut few, &manifest, &files, *cell);
        }
        assert!(few.len() < 200, "{} photos were fetched", few.len());
        let filter = Filter { only: None, exclude: &[123] };
        let exact = all.top_k(&query, 10, filter).unwrap();
        assert_eq!(few.top_k(&query, 10, filter).unwrap(), exact);
        assert!(exact.iter().all(|hit| hit.row != 123));
        let only: Vec<u32> = exact.iter().rev().map(|hit| hit.row).skip(5).collect();
        assert_eq!(all.top_k(&query, 10, Filter { only: Some(&only), exclude: &[] }).unwrap(), exact[..5]);
        few.drop(rounds[0][0] as usize).unwrap();
        assert!(few.vector(123).is_none());
    }

    #[test]
    fn rounds_name_each_cell_once_and_stay_below_the_limit() {
        let (manifest, files) = catalog();
        let cells = open(&manifest, &files);
        let query: Vec<f32> = (0..16).map(|i| if i == 3 { 1.0 } else { 0.0 }).collect();
        let rounds = cells.rounds(&query, None).unwrap();
        assert_eq!(
            rounds.iter().map(Vec::len).collect::<Vec<_>>(),
            [4; 3],
            "a tenth of 20 cells would be less than a round"
        );
        let allowed = [5, 17];
        let mut few = cells.rounds(&query, Some(&allowed)).unwrap().concat();
        few.sort_unstable();
        assert_eq!(few, allowed);
        assert!(cells.rounds(&query[..5], None).is_err());
    }

    #[test]
    fn what_does_not_belong_to_the_catalog_is_refused() {
        let (mut manifest, files) = catalog();
        let centres = manifest.cells.as_ref().unwrap().centres.file.clone();
        assert!(Cells::open(&manifest, &files[manifest.shards[0].vectors.file.as_str()]).is_err(), "another hash");
        let mut cells = open(&manifest, &files);
        assert!(cells.put(99, Shard::from_f32(vec![], &[], 16).unwrap()).is_err());
        manifest.shards.pop();
        assert!(Cells::open(&manifest, &files[centres.as_str()]).is_err(), "more centres than shards");
        manifest.cells = None;
        assert!(Cells::open(&manifest, &files[centres.as_str()]).is_err(), "no clustered catalog");
    }
}
