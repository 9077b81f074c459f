//! Two indexes searched as one: a catalog's and, behind its rows, that of a visitor's own photos.

use crate::error::{Error, Result};
use crate::search::{Filter, Hit, Index};

/// A catalog and what stands behind it.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    /// The catalog's vectors, which may still be arriving.
    pub catalog: &'a Index,
    /// Row number of the first own photo: the catalog's count.
    pub offset: u32,
    /// The visitor's own photos, if there are any.
    pub own: Option<&'a Index>,
}

impl Beside<'_> {
    /// The `k` rows of both nearest to a unit query, best first; equal scores in row order.
    pub fn top_k(&self, query: &[f32], k: usize, filter: Filter<'_>) -> Result<Vec<Hit>> {
        let Some(own) = self.own else { return self.catalog.top_k(query, k, filter) };
        let behind = |rows: &[u32]| rows.iter().filter_map(|row| row.checked_sub(self.offset)).collect::<Vec<u32>>();
        let (only, exclude) = (filter.only.map(behind), behind(filter.exclude));
        let mut hits = self.catalog.top_k(query, k, filter)?;
        let theirs = own.top_k(query, k, Filter { only: only.as_deref(), exclude: &exclude })?;
        hits.extend(theirs.into_iter().map(|hit| Hit { row: hit.row + self.offset, ..hit }));
        // the sort is stable, and the catalog's rows come first
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        hits.truncate(k);
        Ok(hits)
    }

    /// The rows nearest to a row's own vector, itself left out.
    pub fn neighbours(&self, row: u32, k: usize, only: Option<&[u32]>) -> Result<Vec<Hit>> {
        let vector = match row.checked_sub(self.offset) {
            Some(row) => self.own.and_then(|own| own.vector(row as usize)),
            None => self.catalog.vector(row as usize),
        };
        let vector = vector.ok_or_else(|| {
            let rows = self.offset as usize + self.own.map_or(0, Index::len);
            Error::Argument(format!("searching: expected a row below {rows}, got {row}; reload the page"))
        })?;
        self.top_k(&vector, k, Filter { only, exclude: &[row] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Shard;

    fn index(angles: &[f32]) -> Index {
        let vectors: Vec<f32> = angles.iter().flat_map(|a| [a.cos(), a.sin()]).collect();
        let mut index = Index::new(2);
        index.add(Shard::from_f32(angles.iter().map(f32::to_string).collect(), &vectors, 2).unwrap()).unwrap();
        index
    }

    #[test]
    fn both_are_ranked_together_and_filters_reach_both() {
        let (catalog, own) = (index(&[0.0, 0.4, 0.8]), index(&[0.15, 1.4]));
        let beside = Beside { catalog: &catalog, offset: 3, own: Some(&own) };
        let rows = |only, exclude: &[u32]| -> Vec<u32> {
            let hits = beside.top_k(&[1.0, 0.0], 4, Filter { only, exclude }).unwrap();
            hits.iter().map(|hit| hit.row).collect()
        };
        assert_eq!(rows(None, &[]), [0, 3, 1, 2]);
        assert_eq!(rows(Some(&[1, 4]), &[]), [1, 4]);
        assert_eq!(rows(None, &[0, 3]), [1, 2, 4]);
        let near = beside.neighbours(3, 2, None).unwrap();
        assert_eq!(near.iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 1]);
        assert!(beside.neighbours(5, 2, None).is_err());
        let alone = Beside { own: None, ..beside };
        assert_eq!(alone.top_k(&[1.0, 0.0], 9, Filter::default()).unwrap().len(), 3);
        assert!(alone.neighbours(3, 2, None).is_err());
    }

    #[test]
    fn rows_behind_a_catalog_that_is_still_arriving_keep_their_numbers() {
        let (catalog, own) = (index(&[0.9]), index(&[0.1]));
        let beside = Beside { catalog: &catalog, offset: 100, own: Some(&own) };
        assert_eq!(beside.top_k(&[1.0, 0.0], 1, Filter::default()).unwrap()[0].row, 100);
    }
}
