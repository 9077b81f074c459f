//! Vision Transformer (Dosovitskiy et al., 2021), pre-norm, with a class token; keys as timm names them.

use crate::backend::weights::Weights;
use crate::backend::{Activation, Backend};
use crate::error::{Error, Result};
use crate::model::layers::{Block, LayerNorm, Linear, Sight};
use serde::{Deserialize, Serialize};

/// The largest size that is believed: products of three of them still fit into 64 bits.
const LARGEST: usize = 1 << 16;

/// The sizes of a Vision Transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Features of a token.
    pub hidden_size: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads a block.
    pub heads: usize,
    /// Features inside the MLP.
    pub intermediate_size: usize,
    /// Side of a square patch, in pixels.
    pub patch_size: usize,
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
}

impl Config {
    /// Patches along one side.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// Numbers in one unfolded patch.
    pub fn patch_length(&self) -> usize {
        3 * self.patch_size * self.patch_size
    }

    /// Refuses sizes that cannot work together.
    pub fn check(&self) -> Result<()> {
        let sizes = [self.hidden_size, self.heads, self.intermediate_size, self.patch_size, self.image_size];
        let fits = sizes.iter().all(|size| (1..=LARGEST).contains(size))
            && self.layers <= LARGEST
            && self.layer_norm_eps.is_finite()
            && self.grid() > 0
            && self.image_size.is_multiple_of(self.patch_size)
            && self.hidden_size.is_multiple_of(self.heads);
        match fits {
            true => Ok(()),
            false => Err(Error::Model(format!(
                "expected an image size that patches fill and a hidden size that heads divide, got image {} patch {} \
                 hidden {} heads {}; correct the configuration",
                self.image_size, self.patch_size, self.hidden_size, self.heads
            ))),
        }
    }
}

/// A Vision Transformer that returns all its tokens.
pub struct Vit<B: Backend> {
    patch_embed: Linear<B>,
    cls_token: B::Tensor,
    pos_embed: B::Tensor,
    blocks: Vec<Block<B>>,
    norm: LayerNorm<B>,
}

impl<B: Backend> Vit<B> {
    /// Takes the model's weights out of a checkpoint whose position embeddings already have the grid of `config`.
    pub fn load(b: &B, weights: &impl Weights<B>, config: &Config) -> Result<Self> {
        config.check()?;
        let (d, inner, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let sizes = [d, inner, config.heads];
        let block = |i: usize| Block::load(b, weights, &format!("blocks.{i}"), sizes, eps, Activation::Gelu);
        Ok(Self {
            patch_embed: Linear::load(b, weights, "patch_embed.proj", config.patch_length(), d)?,
            cls_token: weights.vector(b, "cls_token", &[d])?,
            pos_embed: weights.vector(b, "pos_embed", &[1 + config.grid() * config.grid(), d])?,
            blocks: (0..config.layers).map(block).collect::<Result<_>>()?,
            norm: LayerNorm::load(b, weights, "norm", d, eps)?,
        })
    }

    /// Unfolded patches `[b, n, 3·p·p]` → tokens `[b, 1 + n, d]`, the class token first.
    pub fn forward(&self, b: &B, patches: &B::Tensor) -> Result<B::Tensor> {
        let x = self.patch_embed.forward(b, patches, Activation::None)?; // [b, n, d]
        let mut x = b.add(&b.prepend(&self.cls_token, &x)?, &self.pos_embed)?; // [b, 1 + n, d]
        for block in &self.blocks {
            x = block.forward(b, &x, &Sight::All)?;
        }
        self.norm.forward(b, &x)
    }
}
