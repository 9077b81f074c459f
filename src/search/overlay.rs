//! Two sets of vectors searched as one: a catalog's and, behind its rows, those of a visitor's own photos.

use super::{Filter, Hit, Vectors};
use crate::error::Result;

/// A catalog with an overlay.
#[derive(Clone, Copy)]
pub struct Overlay<'a, V> {
    /// The catalog's vectors, which may still be arriving.
    pub catalog: &'a V,
    /// Row number of the first own photo: the catalog's count.
    pub offset: u32,
    /// The visitor's own photos, if there are any.
    pub own: Option<&'a super::Index>,
}

impl<V: Vectors> Vectors for Overlay<'_, V> {
    fn len(&self) -> usize {
        self.catalog.len() + self.own.map_or(0, Vectors::len)
    }

    fn vector(&self, row: u32) -> Option<Vec<f32>> {
        match row.checked_sub(self.offset) {
            Some(row) => self.own?.vector(row),
            None => self.catalog.vector(row),
        }
    }

    fn top_k(&self, query: &[f32], k: usize, filter: Filter<'_>) -> Result<Vec<Hit>> {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::format::Shard;
    use crate::search::Index;

    fn index(angles: &[f32]) -> Index {
        let vectors: Vec<f32> = angles.iter().flat_map(|a| [a.cos(), a.sin()]).collect();
        let mut index = Index::new(2);
        index.add(Shard::from_f32(angles.iter().map(f32::to_string).collect(), &vectors, 2).unwrap()).unwrap();
        index
    }

    #[test]
    fn both_are_ranked_together_and_filters_reach_both() {
        let (catalog, own) = (index(&[0.0, 0.4, 0.8]), index(&[0.15, 1.4]));
        let overlay = Overlay { catalog: &catalog, offset: 3, own: Some(&own) };
        let rows = |only, exclude: &[u32]| -> Vec<u32> {
            let hits = overlay.top_k(&[1.0, 0.0], 4, Filter { only, exclude }).unwrap();
            hits.iter().map(|hit| hit.row).collect()
        };
        assert_eq!(rows(None, &[]), [0, 3, 1, 2]);
        assert_eq!(rows(Some(&[1, 4]), &[]), [1, 4]);
        assert_eq!(rows(None, &[0, 3]), [1, 2, 4]);
        let near = overlay.neighbours(3, 2, None).unwrap();
        assert_eq!(near.iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 1]);
        assert!(overlay.neighbours(5, 2, None).is_err());
        let alone = Overlay { own: None, ..overlay };
        assert_eq!(alone.top_k(&[1.0, 0.0], 9, Filter::default()).unwrap().len(), 3);
        assert!(alone.neighbours(3, 2, None).is_err());
    }

    #[test]
    fn rows_behind_a_catalog_that_is_still_arriving_keep_their_numbers() {
        let (catalog, own) = (index(&[0.9]), index(&[0.1]));
        let overlay = Overlay { catalog: &catalog, offset: 100, own: Some(&own) };
        assert_eq!(overlay.top_k(&[1.0, 0.0], 1, Filter::default()).unwrap()[0].row, 100);
    }
}
