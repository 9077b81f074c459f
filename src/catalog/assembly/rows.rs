//! The rows of a catalog while it is being made, as they will be stored.

use super::facets::{FacetChoice, FacetCounts};
use crate::catalog::format::{Facet, Item, Shard};
use crate::error::{Error, Result};
use std::ops::Range;

/// Ids, int8 vectors and metadata, one row a photo. Metadata is kept as the JSON that is written, since a catalog of a
/// million photos does not fit in memory as objects.
#[derive(Default)]
pub struct Rows {
    /// Numbers a vector.
    pub dimension: usize,
    /// Ids in row order.
    pub ids: Vec<String>,
    /// One scale a vector.
    pub scales: Vec<f32>,
    /// The integers `[rows, dimension]`.
    pub vectors: Vec<i8>,
    items: Vec<u8>,
    /// Where a row's metadata starts and ends in `items`.
    places: Vec<Range<usize>>,
    facets: FacetCounts,
}

impl Rows {
    /// No rows yet.
    pub fn new(dimension: usize) -> Self {
        Self { dimension, ..Self::default() }
    }

    /// Appends a photo with its vector, `[dimension]` integers and their scale.
    pub fn push(&mut self, item: &Item, scale: f32, vector: &[i8]) -> Result<()> {
        assert_eq!(vector.len(), self.dimension, "numbers a vector");
        let start = self.items.len();
        serde_json::to_writer(&mut self.items, item).map_err(|e| Error::Catalog(e.to_string()))?;
        self.places.push(start..self.items.len());
        self.facets.add(item);
        self.ids.push(item.id.clone());
        self.scales.push(scale);
        self.vectors.extend(vector);
        Ok(())
    }

    /// Says which attributes are filters.
    pub fn choose_facets(&mut self, choice: FacetChoice) {
        self.facets.choice = choice;
    }

    /// Number of products: photos of one count once.
    pub fn products(&self) -> usize {
        self.facets.products()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The attributes that are worth filtering by.
    pub fn facets(&self) -> Vec<Facet> {
        self.facets.finish()
    }

    /// One row's vector `[dimension]`.
    pub fn vector(&self, row: usize) -> &[i8] {
        &self.vectors[row * self.dimension..(row + 1) * self.dimension]
    }

    /// One row's metadata.
    pub fn item(&self, row: usize) -> Result<Item> {
        serde_json::from_slice(&self.items[self.places[row].clone()]).map_err(|e| Error::Catalog(e.to_string()))
    }

    /// Puts other metadata in the place of a row's own. The id and what is counted for the filters stay as they were.
    pub fn replace_item(&mut self, row: usize, item: &Item) -> Result<()> {
        let start = self.items.len();
        serde_json::to_writer(&mut self.items, item).map_err(|e| Error::Catalog(e.to_string()))?;
        self.places[row] = start..self.items.len();
        Ok(())
    }

    /// Metadata of rows as a JSON array.
    pub fn items_json(&self, rows: Range<usize>) -> Vec<u8> {
        let items: Vec<&[u8]> = self.places[rows].iter().map(|place| &self.items[place.clone()]).collect();
        [b"[", items.join(&b","[..]).as_slice(), b"]"].concat()
    }

    /// Metadata of all rows, a line each.
    pub fn items_lines(&self) -> Vec<u8> {
        let mut lines = Vec::with_capacity(self.items.len() + self.len());
        for place in &self.places {
            lines.extend_from_slice(&self.items[place.clone()]);
            lines.push(b'\n');
        }
        lines
    }

    /// Rows as a shard.
    pub fn shard(&self, rows: Range<usize>) -> Shard {
        Shard {
            dimension: self.dimension,
            ids: self.ids[rows.clone()].to_vec(),
            scales: self.scales[rows.clone()].to_vec(),
            vectors: self.vectors[rows.start * self.dimension..rows.end * self.dimension].to_vec(),
        }
    }

    /// Sorts by id, the order that a catalog has whatever order its photos came in.
    pub fn sort(&mut self) {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by(|a, b| self.ids[*a as usize].cmp(&self.ids[*b as usize]));
        self.reorder(&order);
    }

    /// Puts row `order[i]` at `i`. Metadata stays where it is; only its places move.
    pub fn reorder(&mut self, order: &[u32]) {
        let rows = || order.iter().map(|&row| row as usize);
        let mut vectors = Vec::with_capacity(self.vectors.len());
        rows().for_each(|row| vectors.extend_from_slice(self.vector(row)));
        self.vectors = vectors;
        self.ids = rows().map(|row| std::mem::take(&mut self.ids[row])).collect();
        self.scales = rows().map(|row| self.scales[row]).collect();
        self.places = rows().map(|row| self.places[row].clone()).collect();
    }
}
