//! The model on a tape, one part of a batch at a time.

use super::batch::{Batch, look};
use super::data::Data;
use super::gemm::Precision;
use super::params::{Group, Params};
use super::tape::{Pool, Scope, Tape, Tensor};
use half::f16;
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use vitrine::backend::Backend;
use vitrine::convert::Model;
use vitrine::error::{Error, Result};
use vitrine::image::Preprocess;
use vitrine::model::folder::Part;
use vitrine::model::fusion::{Photo, Words};
use vitrine::model::{bert, fusion, vit};
use vitrine::text::Tokenizer;

/// Sizes, tokenizer and preprocessing of the model under training.
pub struct Net {
    /// The image encoder's sizes.
    pub image: vit::Config,
    /// The text encoder's sizes.
    pub text: bert::Config,
    /// The head's sizes.
    pub fusion: fusion::Config,
    /// How photos become numbers.
    pub preprocess: Preprocess,
    /// Words to ids.
    pub tokenizer: Tokenizer,
    /// Memory that steps share.
    pub pool: Arc<Pool>,
    /// Tokens of photos that were encoded once, where the image encoder is frozen.
    pub seen: Option<Seen>,
}

/// A frozen image encoder's tokens of photos by item, without augmentation, in half precision.
#[derive(Default)]
pub struct Seen(Mutex<HashMap<usize, Arc<Vec<f16>>>>);

impl Seen {
    /// Photos that are remembered.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.lock().map_or(0, |seen| seen.len())
    }

    /// Tokens of `items`, one after the other; `encode` makes those that are missing.
    fn tokens(&self, items: &[usize], encode: impl Fn(&[usize]) -> Result<Vec<f32>>) -> Result<Vec<f32>> {
        let known = |i: &usize| self.0.lock().ok().and_then(|seen| seen.get(i).cloned());
        let missing: Vec<usize> = items.iter().copied().filter(|i| known(i).is_none()).collect();
        if !missing.is_empty() {
            let tokens = encode(&missing)?;
            let rows = missing.iter().zip(tokens.chunks_exact(tokens.len() / missing.len()));
            if let Ok(mut seen) = self.0.lock() {
                seen.extend(rows.map(|(&i, row)| (i, Arc::new(row.iter().map(|x| f16::from_f32(*x)).collect()))));
            }
        }
        Ok(items.iter().filter_map(known).flat_map(|row| row.iter().map(|x| x.to_f32()).collect::<Vec<_>>()).collect())
    }
}

/// Prefixes of the parameters of each part.
pub const PARTS: [(Part, &str, Group); 3] =
    [(Part::Image, "image", Group::Image), (Part::Text, "text", Group::Text), (Part::Fusion, "fusion", Group::Head)];

impl Net {
    /// The net of a model that has both encoders and a head.
    pub fn new(model: &Model) -> Result<Self> {
        let d = &model.description;
        let missing =
            || Error::Model("expected both encoders and a fusion head; give --init-image and --init-text".into());
        let tokenizer = Tokenizer::from_json(model.tokenizer.as_deref().ok_or_else(missing)?, d.max_tokens)?;
        Ok(Self {
            image: d.image.clone().ok_or_else(missing)?,
            text: d.text.clone().ok_or_else(missing)?,
            fusion: d.fusion.clone().ok_or_else(missing)?,
            preprocess: d.preprocess.clone(),
            tokenizer,
            pool: Arc::default(),
            seen: None,
        })
    }

    /// The model's parameters, and the logarithm of the scale of the logits, 1 / temperature.
    pub fn params(&self, model: &Model, precision: Precision, temperature: f32) -> Params {
        let mut params = Params::new(precision);
        for (part, prefix, group) in PARTS {
            if let Some(weights) = model.weights.get(&part) {
                params.take(prefix, group, weights);
            }
        }
        let mut scale = vitrine::weights::Checkpoint::default();
        let stored = vitrine::weights::Stored::from_f32(vec![(1.0 / temperature).ln()], &[1]);
        scale.tensors.extend(stored.ok().map(|stored| ("log_scale".to_string(), stored)));
        params.take("loss", Group::Head, &scale);
        params
    }
}

/// Encoders and head bound to one tape.
pub struct Bound<'a> {
    net: &'a Net,
    tape: Tape,
    vit: vit::Vit<Tape>,
    bert: bert::Bert<Tape>,
    head: fusion::Fusion<Tape>,
}

impl<'a> Bound<'a> {
    /// Binds the parameters to an empty tape.
    pub fn new(net: &'a Net, params: &Params, recording: bool) -> Result<Self> {
        let tape = Tape::new(net.pool.clone(), params.precision, recording);
        let scope = |prefix| Scope { params, prefix };
        let (image, text) = (net.image.hidden_size, net.text.hidden_size);
        Ok(Self {
            vit: vit::Vit::load(&tape, &scope("image"), &net.image)?,
            bert: bert::Bert::load(&tape, &scope("text"), &net.text)?,
            head: fusion::Fusion::load(&tape, &scope("fusion"), &net.fusion, image, text)?,
            net,
            tape,
        })
    }

    /// Hands out tape and parts, for what is not here.
    #[cfg(test)]
    pub(crate) fn with<T>(
        &self,
        f: impl Fn(&Tape, &vit::Vit<Tape>, &bert::Bert<Tape>, &fusion::Fusion<Tape>) -> T,
    ) -> T {
        f(&self.tape, &self.vit, &self.bert, &self.head)
    }

    #[cfg(test)]
    pub(crate) fn into_tape(self) -> Tape {
        self.tape
    }

    /// The image encoder's tokens of photos given as unfolded patches.
    pub fn photo_tokens(&self, patches: &[f32]) -> Result<Tensor> {
        let (n, length) = (self.net.image.grid().pow(2), self.net.image.patch_length());
        let x = self.tape.tensor(patches, &[patches.len() / n / length, n, length])?;
        self.vit.forward(&self.tape, &x)
    }

    /// The text encoder's tokens of texts, and their mask.
    pub fn text_tokens(&self, texts: &[&str]) -> Result<(Tensor, Tensor)> {
        let tokens = self.net.tokenizer.read(texts)?;
        let mask = self.tape.tensor(&tokens.mask, &[tokens.rows, tokens.length])?;
        Ok((self.bert.forward(&self.tape, &tokens.ids, &mask)?, mask))
    }

    /// Photos as unfolded patches, one after the other.
    pub fn photos(&self, patches: &[f32]) -> Result<Photo<Tape>> {
        self.head.photo(&self.tape, &self.photo_tokens(patches)?)
    }

    /// Photos of items, augmented; or from memory, where the image encoder is frozen.
    fn photos_of(&self, data: &Data, items: &[usize], rng: &mut ChaCha8Rng) -> Result<Photo<Tape>> {
        let Some(seen) = &self.net.seen else {
            let p = &self.net.preprocess;
            return self.photos(&items.iter().flat_map(|&i| look(&data.items[i], p, Some(rng))).collect::<Vec<_>>());
        };
        let encode = |items: &[usize]| -> Result<Vec<f32>> {
            let look = |&i: &usize| look(&data.items[i], &self.net.preprocess, None::<&mut ChaCha8Rng>);
            Ok(self.photo_tokens(&items.iter().flat_map(look).collect::<Vec<_>>())?.to_vec())
        };
        let (n, d) = (self.net.image.grid().pow(2) + 1, self.net.image.hidden_size);
        let tokens = self.tape.tensor(&seen.tokens(items, encode)?, &[items.len(), n, d])?;
        self.head.photo(&self.tape, &tokens)
    }

    /// Texts.
    pub fn words(&self, texts: &[&str]) -> Result<Words<Tape>> {
        let (encoded, mask) = self.text_tokens(texts)?;
        self.head.words(&self.tape, &encoded, &mask)
    }

    /// Catalog vectors.
    pub fn catalog(&self, photo: &Photo<Tape>) -> Result<Tensor> {
        self.head.catalog(&self.tape, photo)
    }

    /// Query vectors of photos with texts, and α over the patches.
    pub fn attended(&self, photo: &Photo<Tape>, words: &Words<Tape>) -> Result<(Tensor, Vec<f32>)> {
        let fused = self.head.query(&self.tape, Some(photo), Some(words))?;
        Ok((fused.query, fused.alpha.map(|alpha| alpha.to_vec()).unwrap_or_default()))
    }

    /// Query vectors.
    pub fn query(&self, photo: Option<&Photo<Tape>>, words: Option<&Words<Tape>>) -> Result<Tensor> {
        Ok(self.head.query(&self.tape, photo, words)?.query)
    }
}

/// Kinds of vectors that a part of a batch gives.
pub const OUTPUTS: usize = 7;

/// The vectors of a part of a batch, and the tape that made them.
pub struct Forward {
    tape: Tape,
    /// In this order: composed queries, texts, photos as queries, targets, references, and the first and the second
    /// text of each pair; each `[rows, d]`.
    pub outputs: [Option<Tensor>; OUTPUTS],
}

/// Encodes a part of a batch.
pub fn forward(net: &Net, params: &Params, data: &Data, batch: &Batch, rng: &mut ChaCha8Rng) -> Result<Forward> {
    let samples = &batch.samples;
    let bound = Bound::new(net, params, true)?;
    let targets: Vec<usize> = samples.iter().map(|sample| sample.target).collect();
    let photos = bound.photos_of(data, &targets, rng)?;
    let texts: Vec<&str> = samples.iter().map(|s| s.text.as_str()).collect();
    let words = bound.words(&texts)?;
    let text_queries = bound.query(None, Some(&words))?;
    let photo_queries = bound.query(Some(&photos), None)?;
    let catalog = bound.catalog(&photos)?;
    let composed: Vec<_> = samples.iter().filter_map(|s| s.composed.as_ref()).collect();
    let mut outputs = [None, Some(text_queries), Some(photo_queries), Some(catalog), None, None, None];
    if !composed.is_empty() {
        let references: Vec<usize> = composed.iter().map(|(reference, ..)| *reference).collect();
        let photos = bound.photos_of(data, &references, rng)?;
        let captions: Vec<&str> = composed.iter().map(|(_, caption, _)| caption.as_str()).collect();
        let words = bound.words(&captions)?;
        outputs[0] = Some(bound.query(Some(&photos), Some(&words))?);
        outputs[4] = Some(bound.catalog(&photos)?);
    }
    for side in 0..if batch.pairs.is_empty() { 0 } else { 2 } {
        let texts: Vec<&str> = batch.pairs.iter().map(|pair| pair[side].as_str()).collect();
        outputs[5 + side] = Some(bound.query(None, Some(&bound.words(&texts)?))?);
    }
    Ok(Forward { tape: bound.tape, outputs })
}

impl Forward {
    /// Adds the gradients of the parameters, given those of the outputs.
    pub fn backward(self, grads: [&[f32]; OUTPUTS], params: &mut [Vec<f32>]) {
        let pairs = self.outputs.into_iter().zip(grads);
        self.tape.backward(pairs.filter_map(|(output, grad)| Some((output?, grad))).collect(), params);
    }
}
