//! The fusion head: additive attention (Bahdanau et al., 2015) over the tokens of a photo and of a text.
//!
//! With patch tokens h = LN(W_I·patch), word tokens w = LN(W_T·token), t̄ the masked mean of w and ī an
//! additive-attention pool of h:
//! 1. α = softmax_i vᵀtanh(W₁hᵢ + U₁t̄ + b₁), c_I = Σ αᵢhᵢ
//! 2. γ = softmax_j vᵀtanh(W₂wⱼ + U₂ī + b₂), c_T = Σ γⱼwⱼ
//! 3. β = softmax over the two of vᵀtanh(W₃c_m + b₃), c = β_I c_I + β_T c_T
//! 4. query = norm(c + σ(G[c_I; c_T]) ⊙ ī + MLP[c_I; c_T]), catalog vector = norm(ī)
//!
//! A missing modality drops out: its c, ī or t̄ is zero, its shift disappears, and β is 1 on the other.

use crate::backend::kernels::scan::MAX_DIMENSION;
use crate::backend::weights::Weights;
use crate::backend::{Activation, Backend};
use crate::error::{Error, Result};
use crate::model::layers::{LayerNorm, Linear, Mlp};
use serde::{Deserialize, Serialize};

/// The sizes of a fusion head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Features of the shared space: the length of query and catalog vectors.
    pub dimension: usize,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
}

impl Config {
    /// Refuses sizes that no search takes.
    pub fn check(&self) -> Result<()> {
        match (1..=MAX_DIMENSION).contains(&self.dimension) && self.layer_norm_eps.is_finite() {
            true => Ok(()),
            false => Err(Error::Model(format!(
                "expected a fusion head of 1 to {MAX_DIMENSION} features, got {}; correct the configuration",
                self.dimension
            ))),
        }
    }
}

/// Projected patch tokens of photos and their pool.
pub struct Photo<B: Backend> {
    /// h: `[b, n, d]`.
    pub tokens: B::Tensor,
    /// ī: `[b, d]`.
    pub pooled: B::Tensor,
}

/// Projected word tokens of texts and their mean.
pub struct Words<B: Backend> {
    /// w: `[b, n, d]`.
    pub tokens: B::Tensor,
    /// 1 for a token, 0 for padding: `[b, n]`.
    pub mask: B::Tensor,
    /// t̄: `[b, d]`.
    pub mean: B::Tensor,
}

/// Query vectors and the attention that made them.
pub struct Fused<B: Backend> {
    /// Unit query vectors `[b, d]`.
    pub query: B::Tensor,
    /// α over patches `[b, n]`, where there was a photo.
    pub alpha: Option<B::Tensor>,
    /// γ over words `[b, n]`, where there was a text.
    pub gamma: Option<B::Tensor>,
    /// β over photo and words `[b, 2]`, where there were both.
    pub beta: Option<B::Tensor>,
}

/// Additive attention over one modality: `v` is shared, so it is passed in.
struct Attend<B: Backend> {
    w: Linear<B>,
    u: Linear<B>,
}

impl<B: Backend> Attend<B> {
    fn load(b: &B, weights: &impl Weights<B>, index: usize, d: usize) -> Result<Self> {
        Ok(Self {
            w: Linear::load(b, weights, &format!("attention.w{index}"), d, d)?,
            u: Linear::load_unbiased(b, weights, &format!("attention.u{index}"), d, d)?,
        })
    }

    /// tokens `[b, n, d]`, other modality's summary `[b, d]` → pooled `[b, d]`, weights `[b, n]`.
    fn pool(
        &self,
        b: &B,
        v: &B::Tensor,
        tokens: &B::Tensor,
        other: Option<&B::Tensor>,
        mask: Option<&B::Tensor>,
    ) -> Result<(B::Tensor, B::Tensor)> {
        let keys = self.w.forward(b, tokens, Activation::None)?;
        let shift = other.map(|other| self.u.forward(b, other, Activation::None)).transpose()?;
        b.additive_pool(&keys, shift.as_ref(), v, tokens, mask)
    }
}

/// The fusion head.
pub struct Fusion<B: Backend> {
    image_proj: Linear<B>,
    image_norm: LayerNorm<B>,
    text_proj: Linear<B>,
    text_norm: LayerNorm<B>,
    pool: Linear<B>,
    pool_v: B::Tensor,
    v: B::Tensor,
    photo: Attend<B>,
    words: Attend<B>,
    w3: Linear<B>,
    gate: Linear<B>,
    mlp: Mlp<B>,
    dimension: usize,
}

impl<B: Backend> Fusion<B> {
    /// Takes the head's weights out of a checkpoint; `image` and `text` are the encoders' feature counts.
    pub fn load(b: &B, weights: &impl Weights<B>, config: &Config, image: usize, text: usize) -> Result<Self> {
        let (d, eps) = (config.dimension, config.layer_norm_eps);
        Ok(Self {
            image_proj: Linear::load_unbiased(b, weights, "image.proj", image, d)?,
            image_norm: LayerNorm::load(b, weights, "image.norm", d, eps)?,
            text_proj: Linear::load_unbiased(b, weights, "text.proj", text, d)?,
            text_norm: LayerNorm::load(b, weights, "text.norm", d, eps)?,
            pool: Linear::load(b, weights, "pool.w", d, d)?,
            pool_v: weights.vector(b, "pool.v", &[d])?,
            v: weights.vector(b, "attention.v", &[d])?,
            photo: Attend::load(b, weights, 1, d)?,
            words: Attend::load(b, weights, 2, d)?,
            w3: Linear::load(b, weights, "attention.w3", d, d)?,
            gate: Linear::load(b, weights, "gate", 2 * d, d)?,
            mlp: Mlp::load(b, weights, "mlp.fc1", "mlp.fc2", [2 * d, 2 * d, d])?,
            dimension: d,
        })
    }

    /// Encoder tokens of photos `[b, 1 + n, d_image]`, class token first → h and ī.
    pub fn photo(&self, b: &B, tokens: &B::Tensor) -> Result<Photo<B>> {
        let patches = b.skip(tokens, 1)?;
        let h = self.image_norm.forward(b, &self.image_proj.forward(b, &patches, Activation::None)?)?; // [b, n, d]
        let keys = self.pool.forward(b, &h, Activation::None)?;
        let (pooled, _) = b.additive_pool(&keys, None, &self.pool_v, &h, None)?;
        Ok(Photo { tokens: h, pooled })
    }

    /// Encoder tokens of texts `[b, n, d_text]` and their mask `[b, n]` → w and t̄.
    pub fn words(&self, b: &B, tokens: &B::Tensor, mask: &B::Tensor) -> Result<Words<B>> {
        let w = self.text_norm.forward(b, &self.text_proj.forward(b, tokens, Activation::None)?)?; // [b, n, d]
        let mean = b.masked_mean(&w, mask)?;
        Ok(Words { tokens: w, mask: mask.clone(), mean })
    }

    /// Catalog vectors of photos: norm(ī), `[b, d]`.
    pub fn catalog(&self, b: &B, photo: &Photo<B>) -> Result<B::Tensor> {
        b.normalize(&photo.pooled)
    }

    /// Query vectors of photos, of texts, or of photos with texts.
    pub fn query(&self, b: &B, photo: Option<&Photo<B>>, words: Option<&Words<B>>) -> Result<Fused<B>> {
        let other = words.map(|words| &words.mean);
        let seen = photo.map(|p| self.photo.pool(b, &self.v, &p.tokens, other, None)).transpose()?;
        let other = photo.map(|photo| &photo.pooled);
        let read = words.map(|w| self.words.pool(b, &self.v, &w.tokens, other, Some(&w.mask))).transpose()?;
        let (c, beta, joined) = match (&seen, &read) {
            (Some((c_i, _)), Some((c_t, _))) => {
                let (c, beta) = self.weigh(b, c_i, c_t)?;
                (c, Some(beta), b.concat(c_i, c_t)?)
            }
            (Some((c_i, _)), None) => (c_i.clone(), None, b.concat(c_i, &self.zeros(b, c_i)?)?),
            (None, Some((c_t, _))) => (c_t.clone(), None, b.concat(&self.zeros(b, c_t)?, c_t)?),
            (None, None) => return Err(Error::EmptyQuery),
        };
        let mut query = b.add(&c, &self.mlp.forward(b, &joined)?)?;
        if let Some(photo) = photo {
            let gate = self.gate.forward(b, &joined, Activation::Sigmoid)?;
            query = b.add(&query, &b.mul(&gate, &photo.pooled)?)?;
        }
        let (alpha, gamma) = (seen.map(|(_, alpha)| alpha), read.map(|(_, gamma)| gamma));
        Ok(Fused { query: b.normalize(&query)?, alpha, gamma, beta })
    }

    /// Step 3: c_I and c_T `[b, d]` → c `[b, d]` and β `[b, 2]`.
    fn weigh(&self, b: &B, c_i: &B::Tensor, c_t: &B::Tensor) -> Result<(B::Tensor, B::Tensor)> {
        let both = b.stack(c_i, c_t)?; // [b, 2, d]
        let keys = self.w3.forward(b, &both, Activation::None)?;
        b.additive_pool(&keys, None, &self.v, &both, None)
    }

    fn zeros(&self, b: &B, like: &B::Tensor) -> Result<B::Tensor> {
        let rows = b.shape(like)[0];
        b.tensor(&vec![0.0; rows * self.dimension], &[rows, self.dimension])
    }
}
