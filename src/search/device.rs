//! Vectors on a graphics device, where encoding and search are one submission and one wait.

use super::{Filter, Found, Hit, Searchable};
use crate::backend::gpu::{Gpu, Tensor, scan};
use crate::error::{Error, Result};

impl Searchable<Gpu> for scan::Vectors {
    const MOST: usize = scan::MAX_K;

    /// Only the query's vector, its attention and the hits come back from the device.
    async fn find(&self, gpu: &Gpu, tensors: &[&Tensor], k: usize, filter: Filter<'_>) -> Result<Found> {
        let query = tensors.first().ok_or(Error::EmptyQuery)?;
        let selected = self.select(gpu, query, k, bits(filter, self.len()).as_deref())?;
        let (read, rows) = selected.read(gpu, tensors).await?;
        // a device that is going may hand out zeros before it says so
        let length = read.first().map_or(0.0, |query| query.iter().map(|v| v * v).sum::<f32>().sqrt());
        match (0.99..1.01).contains(&length) {
            true => {
                Ok(Found { read, hits: rows.into_iter().map(|(row, score)| Hit { row, score }).collect(), ms: 0.0 })
            }
            false => Err(Error::Device(format!("expected a vector of length 1, got {length}; ask the processor"))),
        }
    }
}

/// One bit a row, the lowest first, set for the rows that may be found; nothing where every row may be.
fn bits(filter: Filter<'_>, rows: usize) -> Option<Vec<u8>> {
    if filter.only.is_none() && filter.exclude.is_empty() {
        return None;
    }
    let mut bits = vec![if filter.only.is_some() { 0 } else { 255 }; rows.div_ceil(8)];
    let known = |row: &&u32| (**row as usize) < rows;
    for &row in filter.only.unwrap_or_default().iter().filter(known) {
        bits[row as usize / 8] |= 1 << (row % 8);
    }
    for &row in filter.exclude.iter().filter(known) {
        bits[row as usize / 8] &= !(1 << (row % 8));
    }
    Some(bits)
}
