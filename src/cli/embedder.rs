//! The engine as evaluation sees it.

use super::Native;
use pollster::block_on;
use vitrine::engine::Engine;
use vitrine::eval::{Embedder, Mode, QueryInput};
use vitrine::model::encoders::Joining;
use vitrine::search::glossary::Glossaries;
use vitrine::search::reading::Reading;
use vitrine::{Error, Result, image};

/// Photos and queries encoded at once.
const BATCH: usize = 32;

/// An engine for evaluation. Texts of other languages reach its text encoder in English, as they do in a search.
pub struct EngineEmbedder {
    engine: Engine<Native>,
    glossaries: Glossaries,
}

impl Embedder for EngineEmbedder {
    fn catalog(&self, photos: &[Vec<u8>]) -> Result<Vec<f32>> {
        let mut out = Vec::new();
        for chunk in photos.chunks(BATCH) {
            out.extend(block_on(self.engine.catalog_vectors(&self.patches(chunk.iter().map(Vec::as_slice))?))?);
        }
        Ok(out)
    }

    fn queries(&self, mode: Mode, queries: &[QueryInput<'_>]) -> Result<Vec<f32>> {
        let texts: Vec<Option<String>> =
            queries.iter().map(|query| query.text.map(|text| self.english(text))).collect();
        let read = queries.iter().zip(&texts);
        let queries: Vec<QueryInput<'_>> =
            read.map(|(query, text)| QueryInput { text: text.as_deref(), ..*query }).collect();
        self.by_kind(mode, &queries)
    }

    fn dimension(&self) -> usize {
        self.engine.description().dimension
    }

    fn has_head(&self) -> bool {
        self.engine.joining() == Joining::Head
    }
}

/// What a query is encoded from in a mode: (photo, text). A query that lacks what the mode asks for is left empty.
fn uses(mode: Mode, query: &QueryInput<'_>) -> (bool, bool) {
    let (photo, text) = (query.photo.is_some(), query.text.is_some());
    match mode {
        Mode::Fusion | Mode::Mean => (photo, text),
        Mode::Image => (photo, false),
        Mode::Text => (false, text),
    }
}

impl EngineEmbedder {
    /// An engine, and the glossaries that it is asked through.
    ///
    /// # Errors
    /// [`Error::Argument`] for glossaries that cannot be read.
    pub fn new(engine: Engine<Native>) -> Result<Self> {
        Ok(Self { engine, glossaries: Glossaries::shipped()? })
    }

    /// Query vectors in the queries' order, each batch of one kind: photos, texts, or both.
    fn by_kind(&self, mode: Mode, queries: &[QueryInput<'_>]) -> Result<Vec<f32>> {
        let mut out = vec![0.0; queries.len() * self.dimension()];
        let kinds = [(true, false), (false, true), (true, true)];
        for (photo, text) in kinds {
            let of_kind = |i: &usize| uses(mode, &queries[*i]) == (photo, text);
            let rows: Vec<usize> = (0..queries.len()).filter(of_kind).collect();
            for chunk in rows.chunks(BATCH) {
                let vectors = self.batch(mode, chunk.iter().map(|&i| queries[i]).collect(), photo, text)?;
                for (&row, vector) in chunk.iter().zip(vectors.chunks_exact(self.dimension())) {
                    out[row * self.dimension()..][..self.dimension()].copy_from_slice(vector);
                }
            }
        }
        match (0..queries.len()).find(|&i| uses(mode, &queries[i]) == (false, false)) {
            Some(_) => Err(Error::EmptyQuery),
            None => Ok(out),
        }
    }

    /// A text as the text encoder reads it, without a catalog's own words.
    fn english(&self, text: &str) -> String {
        Reading::without_catalog(text, &self.glossaries).for_encoder().to_owned()
    }

    fn patches<'a>(&self, photos: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Vec<f32>>> {
        use rayon::prelude::*;
        let photos: Vec<&[u8]> = photos.collect();
        photos.par_iter().map(|bytes| image::prepare(bytes, self.engine.preprocess())).collect()
    }

    fn batch(&self, mode: Mode, queries: Vec<QueryInput<'_>>, photo: bool, text: bool) -> Result<Vec<f32>> {
        let photos = match photo {
            true => Some(self.patches(queries.iter().filter_map(|q| q.photo))?),
            false => None,
        };
        let texts: Option<Vec<&str>> = text.then(|| queries.iter().filter_map(|q| q.text).collect());
        if mode != Mode::Mean || !(photo && text) {
            return block_on(self.engine.query_vectors(photos.as_deref(), texts.as_deref()));
        }
        let mut mean = block_on(self.engine.query_vectors(photos.as_deref(), None))?;
        let words = block_on(self.engine.query_vectors(None, texts.as_deref()))?;
        mean.iter_mut().zip(&words).for_each(|(a, b)| *a += b);
        for row in mean.chunks_exact_mut(self.dimension()) {
            let length = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12);
            row.iter_mut().for_each(|v| *v /= length);
        }
        Ok(mean)
    }
}
