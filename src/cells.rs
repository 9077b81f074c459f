//! Searching a clustered catalog while only a few of its shards are here.
//!
//! Photos that look alike share a shard (a cell, as the nearest-neighbour literature calls it), and the catalog names a
//! small file with the centre of each. A query is compared with the centres first; the shards with the nearest ones
//! are fetched, searched exactly, and kept. No index beside the centres, and nothing that a static host cannot serve.

use crate::error::{Error, Result};
use crate::search::{Filter, Hit, Index};
use crate::shard::{Manifest, Shard};

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

    /// All cells, the one with the centre nearest to a unit query first.
    pub fn nearest(&self, query: &[f32]) -> Result<Vec<u32>> {
        let hits = self.centres.top_k(query, self.centres.len(), Filter::default())?;
        Ok(hits.into_iter().map(|hit| hit.row).collect())
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

    /// Number of photos that can be searched now.
    pub fn len(&self) -> usize {
        self.here.iter().flatten().map(Index::len).sum()
    }

    /// Whether no cell is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A row's vector, if its cell is here.
    pub fn vector(&self, row: u32) -> Option<Vec<f32>> {
        let cell = self.starts.partition_point(|&start| start <= row).checked_sub(1)?;
        self.here.get(cell)?.as_ref()?.vector((row - self.starts[cell]) as usize)
    }

    /// The `k` rows nearest to a unit query among the cells that are here, best first; equal scores in row order.
    pub fn top_k(&self, query: &[f32], k: usize, filter: Filter<'_>) -> Result<Vec<Hit>> {
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
