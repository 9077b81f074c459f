//! The search: what a query may say, vectors that can be searched, and what of a ranking is worth showing.
//!
//! [`query`] reads what was typed, [`reading`] the words of it in whichever language they are. [`Vectors`] is one trait over vectors that are scanned as a whole ([`flat`]), of
//! which only some are here ([`clustered`]), or that stand behind a catalog's ([`overlay`]). [`Searchable`] adds those
//! on a graphics device, whose search ends in the same wait as the encoders. [`words`] knows what titles and
//! attributes say, [`ranking`] where good matches end.

pub mod clustered;
pub mod complete;
#[cfg(feature = "gpu")]
mod device;
pub mod flat;
pub mod fold;
pub mod glossary;
pub mod joined;
pub mod opened;
pub mod overlay;
pub mod query;
pub mod ranking;
pub mod reading;
pub mod wanted;
pub mod words;

pub use flat::Index;

use crate::backend::Backend;
use crate::clock::clock;
use crate::error::{Error, Result};

/// A found photo.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hit {
    /// Row in the catalog.
    pub row: u32,
    /// Cosine with the query.
    pub score: f32,
}

/// Which rows may be found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// The only rows allowed, if given.
    pub only: Option<&'a [u32]>,
    /// Rows left out, such as the product that the query is about.
    pub exclude: &'a [u32],
}

/// Vectors that are searched by cosine.
pub trait Vectors {
    /// Number of vectors that can be found now.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A row's vector, if it is here.
    fn vector(&self, row: u32) -> Option<Vec<f32>>;

    /// The `k` rows nearest to a unit query, best first; equal scores in row order.
    ///
    /// # Errors
    /// [`Error::Argument`] for a query of another length.
    fn top_k(&self, query: &[f32], k: usize, filter: Filter<'_>) -> Result<Vec<Hit>>;

    /// The rows nearest to a row's own vector, itself left out.
    ///
    /// # Errors
    /// [`Error::Argument`] for a row that is not here.
    fn neighbours(&self, row: u32, k: usize, only: Option<&[u32]>) -> Result<Vec<Hit>> {
        let none = || Error::Argument(format!("searching: expected a row that is here, got {row}; reload the page"));
        self.top_k(&self.vector(row).ok_or_else(none)?, k, Filter { only, exclude: &[row] })
    }
}

/// What a search read back from the device that made the query.
pub struct Found {
    /// The numbers of the tensors, in their order.
    pub read: Vec<Vec<f32>>,
    /// The nearest rows, best first.
    pub hits: Vec<Hit>,
    /// Milliseconds of the search itself; 0 where it is one step with reading back.
    pub ms: f64,
}

/// Where a query's vector is looked for: in memory, once it has been read back, or on the device that made it.
pub trait Searchable<B: Backend> {
    /// The most rows that it can find at once.
    const MOST: usize = usize::MAX;

    /// Reads `tensors` back, the first of which is the query's unit vector, and finds the `k` rows nearest to it.
    fn find(
        &self,
        backend: &B,
        tensors: &[&B::Tensor],
        k: usize,
        filter: Filter<'_>,
    ) -> impl Future<Output = Result<Found>>;
}

impl<B: Backend, V: Vectors> Searchable<B> for V {
    async fn find(&self, backend: &B, tensors: &[&B::Tensor], k: usize, filter: Filter<'_>) -> Result<Found> {
        let read = backend.read_all(tensors).await?;
        let start = clock();
        let hits = self.top_k(read.first().map_or(&[][..], Vec::as_slice), k, filter)?;
        Ok(Found { read, hits, ms: clock() - start })
    }
}
