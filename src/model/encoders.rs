//! The encoders of a model, whichever family they are of: a ViT and a BERT that a fusion head joins, or the two towers
//! of a CLIP, whose vectors lie in one space already.
//!
//! Without a head, photo and words make the mean of their unit vectors: norm(norm(photo) + norm(words)).

use crate::backend::Backend;
use crate::backend::weights::Spent;
use crate::error::{Error, Result};
use crate::model::bert::Bert;
use crate::model::clip::{ImageTower, TextTower};
use crate::model::folder::{Description, Part};
use crate::model::fusion::{Fused, Fusion, Photo, Words};
use crate::model::vit::Vit;
use crate::text::Tokens;
use crate::weights::Checkpoint;

/// What joins photo and words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Joining {
    /// A fusion head that has learnt to.
    Head,
    /// The mean of both vectors, which is nobody's training.
    Mean,
}

/// The encoders of a model as far as they are here.
pub struct Encoders<B: Backend> {
    text: Option<TextEncoder<B>>,
    image: Option<ImageEncoder<B>>,
    fusion: Option<Fusion<B>>,
}

enum TextEncoder<B: Backend> {
    Bert(Bert<B>),
    Tower(TextTower<B>),
}

enum ImageEncoder<B: Backend> {
    Vit(Vit<B>),
    Tower(ImageTower<B>),
}

/// Photos that an encoder has seen.
pub enum Seen<B: Backend> {
    /// Their tokens, for a head.
    Tokens(Photo<B>),
    /// Their unit vectors `[b, d]`.
    Vectors(B::Tensor),
}

/// Texts that an encoder has read.
pub enum Read<B: Backend> {
    /// Their tokens, for a head.
    Tokens(Words<B>),
    /// Their unit vectors `[b, d]`.
    Vectors(B::Tensor),
}

impl<B: Backend> Default for Encoders<B> {
    fn default() -> Self {
        Self { text: None, image: None, fusion: None }
    }
}

impl Joining {
    /// What joins photo and words in this model.
    pub fn of(description: &Description) -> Self {
        if description.clip.is_some() { Joining::Mean } else { Joining::Head }
    }
}

impl<B: Backend> Encoders<B> {
    /// Takes the weights of a part.
    ///
    /// # Errors
    /// [`Error::Model`] for a part that the description gives no sizes for, and for one that holds no weights of an
    /// encoder.
    pub fn load(&mut self, b: &B, part: Part, weights: Checkpoint, description: &Description) -> Result<()> {
        let missing = || Error::Model(format!("expected sizes for part {part:?} in model.json, got none"));
        let Description { image, text, fusion, clip, .. } = description;
        let weights = Spent::of(weights);
        match (part, clip) {
            (Part::Text, Some(clip)) => self.text = Some(TextEncoder::Tower(TextTower::load(b, &weights, clip)?)),
            (Part::Image, Some(clip)) => self.image = Some(ImageEncoder::Tower(ImageTower::load(b, &weights, clip)?)),
            (Part::Text, None) => {
                let config = text.as_ref().ok_or_else(missing)?;
                self.text = Some(TextEncoder::Bert(Bert::load(b, &weights, config)?));
            }
            (Part::Image, None) => {
                let config = image.as_ref().ok_or_else(missing)?;
                self.image = Some(ImageEncoder::Vit(Vit::load(b, &weights, config)?));
            }
            (Part::Fusion, _) => {
                let (Some(image), Some(text), Some(config)) = (image, text, fusion) else { return Err(missing()) };
                self.fusion = Some(Fusion::load(b, &weights, config, image.hidden_size, text.hidden_size)?);
            }
            (Part::Tokenizer | Part::Instant, _) => return Err(missing()),
        }
        Ok(())
    }

    /// Whether texts can be encoded.
    pub fn reads(&self) -> bool {
        match &self.text {
            Some(TextEncoder::Bert(_)) => self.fusion.is_some(),
            text => text.is_some(),
        }
    }

    /// Whether photos can be encoded.
    pub fn sees(&self) -> bool {
        match &self.image {
            Some(ImageEncoder::Vit(_)) => self.fusion.is_some(),
            image => image.is_some(),
        }
    }

    /// Unfolded patches `[b, n, 3·p·p]` of photos.
    pub fn photo(&self, b: &B, patches: &B::Tensor) -> Result<Seen<B>> {
        Ok(match self.image.as_ref().ok_or_else(|| not_loaded("image encoder"))? {
            ImageEncoder::Vit(vit) => Seen::Tokens(self.fusion()?.photo(b, &vit.forward(b, patches)?)?),
            ImageEncoder::Tower(tower) => Seen::Vectors(b.normalize(&tower.forward(b, patches)?)?),
        })
    }

    /// Texts as tokens.
    pub fn words(&self, b: &B, tokens: &Tokens) -> Result<Read<B>> {
        Ok(match self.text.as_ref().ok_or_else(|| not_loaded("text encoder"))? {
            TextEncoder::Bert(bert) => {
                let mask = b.tensor(&tokens.mask, &[tokens.rows, tokens.length])?;
                Read::Tokens(self.fusion()?.words(b, &bert.forward(b, &tokens.ids, &mask)?, &mask)?)
            }
            TextEncoder::Tower(tower) => Read::Vectors(b.normalize(&tower.forward(b, tokens)?)?),
        })
    }

    /// Catalog vectors `[b, d]` of photos.
    pub fn catalog(&self, b: &B, photo: &Seen<B>) -> Result<B::Tensor> {
        match photo {
            Seen::Tokens(photo) => self.fusion()?.catalog(b, photo),
            Seen::Vectors(vectors) => Ok(vectors.clone()),
        }
    }

    /// Query vectors of photos, of texts, or of photos with texts.
    pub fn query(&self, b: &B, photo: Option<&Seen<B>>, words: Option<&Read<B>>) -> Result<Fused<B>> {
        let query = match (photo, words) {
            (Some(Seen::Vectors(photo)), Some(Read::Vectors(words))) => b.normalize(&b.add(photo, words)?)?,
            (Some(Seen::Vectors(vectors)), None) | (None, Some(Read::Vectors(vectors))) => vectors.clone(),
            _ => {
                let photo = photo.map(tokens_of_photo).transpose()?;
                return self.fusion()?.query(b, photo, words.map(tokens_of_words).transpose()?);
            }
        };
        Ok(Fused { query, alpha: None, gamma: None, beta: None })
    }

    fn fusion(&self) -> Result<&Fusion<B>> {
        self.fusion.as_ref().ok_or_else(|| not_loaded("fusion head"))
    }
}

fn tokens_of_photo<B: Backend>(photo: &Seen<B>) -> Result<&Photo<B>> {
    match photo {
        Seen::Tokens(photo) => Ok(photo),
        Seen::Vectors(_) => Err(not_loaded("image encoder's tokens")),
    }
}

fn tokens_of_words<B: Backend>(words: &Read<B>) -> Result<&Words<B>> {
    match words {
        Read::Tokens(words) => Ok(words),
        Read::Vectors(_) => Err(not_loaded("text encoder's tokens")),
    }
}

pub(crate) fn not_loaded(what: &str) -> Error {
    Error::Model(format!("expected its {what} to be loaded, got none; wait for the download or choose a whole model"))
}
