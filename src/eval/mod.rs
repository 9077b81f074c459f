//! Measuring how well a model finds: from photos and queries to a report.
//!
//! | file | holds |
//! |---|---|
//! | [`metrics`] | ranks out of scores, and the metrics out of ranks |
//! | [`seed_table`] | the table by the definitions of the project's origin |
//! | [`queries`] | query files, and how a query's captions become one text |
//! | [`wording`] | which queries negate, compare or replace |
//! | [`embedding`] | forms in which a catalog could keep its vectors |
//! | [`fashioniq`] | the official FashionIQ layout and its published neighbours |
//! | [`retrieval`] | embeds the gallery and the queries, ranks, reports |
//! | [`whole`] | asks the whole search of a catalog, as the page does, and reports |
//!
//! Nothing here knows how a model works: it comes as an [`Embedder`].

pub mod embedding;
pub mod fashioniq;
pub mod metrics;
pub mod queries;
pub mod retrieval;
pub mod seed_table;
pub mod whole;
pub mod wording;

use serde::Serialize;

use crate::error::Result;

/// What a query vector is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The fusion head over all that the query holds.
    Fusion,
    /// The plain mean of the photo's and the text's vectors.
    Mean,
    /// The photo alone.
    Image,
    /// The text alone.
    Text,
}

/// What one query gives the model; at least one of the two is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryInput<'a> {
    /// Bytes of the reference photo's file.
    pub photo: Option<&'a [u8]>,
    /// The wanted change, or the description.
    pub text: Option<&'a str>,
}

/// What evaluation needs of a model.
pub trait Embedder: Sync {
    /// Catalog vectors `[photos, dimension]`, row-major, of unit length. `photos` are the bytes of files; called with a
    /// few at a time.
    fn catalog(&self, photos: &[Vec<u8>]) -> Result<Vec<f32>>;
    /// Query vectors `[queries, dimension]`, row-major, of unit length. In [`Mode::Image`] every query has a photo, in
    /// [`Mode::Text`] every one has a text, and the other modality is not there.
    fn queries(&self, mode: Mode, queries: &[QueryInput<'_>]) -> Result<Vec<f32>>;
    /// Length of a vector.
    fn dimension(&self) -> usize;
    /// Whether something has learnt to join photo and text. Without it, [`Mode::Fusion`] is [`Mode::Mean`].
    fn has_head(&self) -> bool {
        true
    }
}
