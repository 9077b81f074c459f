//! CLIP (Radford et al., 2021) and SigLIP (Zhai et al., 2023): a tower for photos and a tower for texts, whose outputs
//! lie in one space.
//!
//! - Photo: patches, with or without a class token, + positions → (norm) → blocks → norm. Its vector is the class token,
//!   or what a learnt query gathers from all tokens (attention pool, Zhai et al., 2022, with an MLP behind it), and then
//!   a projection, where there is one.
//! - Text: tokens + positions → blocks → norm. A token sees those before it (CLIP) or all (SigLIP). The vector is the
//!   token at the end of the text, the last one, or the first one, and then a projection.
//! - A photo and a text fit each other as σ or softmax of scale · cosine + bias.
//!
//! Keys are timm's (`blocks.0.attn.qkv`, …) with projections joined and every bias there; `convert` brings checkpoints to
//! that form. The attention pool's query is the same for all photos, so that it is in the file as a bias, in place of a
//! matrix and an input.

use crate::backend::kernels::scan::MAX_DIMENSION;
use crate::backend::weights::Weights;
use crate::backend::{Activation, Backend};
use crate::error::{Error, Result};
use crate::model::layers::{Attention, Block, LayerNorm, Linear, Mlp, Sight};
use crate::text::Tokens;
use serde::{Deserialize, Serialize};

/// The largest size that is believed: tables of the largest vocabularies have a million rows.
const LARGEST: usize = 1 << 20;

/// Both towers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Length of the vectors of both.
    pub dimension: usize,
    /// The tower of photos.
    pub image: ImageConfig,
    /// The tower of texts.
    pub text: TextConfig,
    /// What a cosine is multiplied by before softmax or σ.
    pub logit_scale: f32,
    /// What is added to it then; SigLIP has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logit_bias: Option<f32>,
}

/// The sizes of a stack of blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    /// Features of a token.
    pub hidden_size: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads a block.
    pub heads: usize,
    /// Features inside the MLP.
    pub intermediate_size: usize,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
    /// What the MLP has between its maps.
    pub activation: Gelu,
    /// Whether a projection follows; without one, a token has as many features as a vector.
    pub projection: bool,
}

/// Which GELU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gelu {
    /// Exact (erf).
    Erf,
    /// With a hyperbolic tangent.
    Tanh,
    /// `x·σ(1.702·x)`.
    Quick,
}

/// The tower of photos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// Its blocks.
    #[serde(flatten)]
    pub stack: Stack,
    /// Side of a square patch, in pixels.
    pub patch_size: usize,
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// What becomes of its tokens.
    pub pool: ImagePool,
    /// Whether a norm stands in front of the blocks.
    pub pre_norm: bool,
}

/// How a photo's tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImagePool {
    /// The class token, which stands in front of the patches.
    Class,
    /// Attention of a learnt query. There is no class token.
    Attention,
}

/// The tower of texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextConfig {
    /// Its blocks.
    #[serde(flatten)]
    pub stack: Stack,
    /// Entries of the token table.
    pub vocab_size: usize,
    /// Longest text in tokens, special ones counted.
    pub max_positions: usize,
    /// Whether a token sees only those before it.
    pub causal: bool,
    /// Which token speaks for the text.
    pub pool: TextPool,
    /// The token that texts are filled up with to the longest, where it is seen like any other. Without it padding is not
    /// seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<u32>,
}

/// Which token speaks for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextPool {
    /// The first that is this one.
    End(u32),
    /// The one with the largest number, the first of several.
    Largest,
    /// The last one, of the padding where that is seen.
    Last,
    /// The first one.
    First,
}

impl From<Gelu> for Activation {
    fn from(gelu: Gelu) -> Self {
        match gelu {
            Gelu::Erf => Activation::Gelu,
            Gelu::Tanh => Activation::TanhGelu,
            Gelu::Quick => Activation::QuickGelu,
        }
    }
}

impl Config {
    /// Refuses sizes that cannot work together.
    pub fn check(&self) -> Result<()> {
        let (image, text) = (&self.image, &self.text);
        image.stack.check(self.dimension)?;
        text.stack.check(self.dimension)?;
        let sizes = [image.patch_size, image.image_size, text.vocab_size, text.max_positions, self.dimension];
        match sizes.iter().all(|size| (1..=LARGEST).contains(size))
            && self.dimension <= MAX_DIMENSION
            && image.image_size.is_multiple_of(image.patch_size)
            && text.max_positions > 2
            && text.padding.is_none_or(|id| (id as usize) < text.vocab_size)
            && self.logit_scale.is_finite()
            && self.logit_bias.is_none_or(f32::is_finite)
        {
            true => Ok(()),
            false => Err(Error::Model(format!(
                "expected an image size that patches fill, at least 3 positions, padding from the token table and vectors \
                 of 1 to {MAX_DIMENSION} numbers, got image {} patch {} positions {} padding {:?} of {} vectors {}; \
                 correct the configuration",
                image.image_size, image.patch_size, text.max_positions, text.padding, text.vocab_size, self.dimension
            ))),
        }
    }

    /// Names and shapes of the tensors of the tower of photos.
    pub fn image_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (image, d) = (&self.image, self.image.stack.hidden_size);
        let mut all = image.stack.tensors(self.dimension);
        affine(&mut all, "patch_embed.proj", image.patch_length(), d);
        all.push(("pos_embed".into(), vec![1, image.class_tokens() + image.grid() * image.grid(), d]));
        if image.pre_norm {
            norm(&mut all, "norm_pre", d);
        }
        match image.pool {
            ImagePool::Class => all.push(("cls_token".into(), vec![d])),
            ImagePool::Attention => {
                affine(&mut all, "pool.qkv", d, 3 * d);
                affine(&mut all, "pool.proj", d, d);
                norm(&mut all, "pool.norm", d);
                affine(&mut all, "pool.mlp.fc1", d, image.stack.intermediate_size);
                affine(&mut all, "pool.mlp.fc2", image.stack.intermediate_size, d);
            }
        }
        all
    }

    /// Names and shapes of the tensors of the tower of texts.
    pub fn text_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (text, d) = (&self.text, self.text.stack.hidden_size);
        let mut all = text.stack.tensors(self.dimension);
        all.push(("tokens.weight".into(), vec![text.vocab_size, d]));
        all.push(("positions".into(), vec![text.max_positions, d]));
        all
    }

    /// How well a photo and a text fit whose vectors have this cosine, before softmax or σ.
    pub fn logit(&self, cosine: f32) -> f32 {
        self.logit_scale * cosine + self.logit_bias.unwrap_or(0.0)
    }
}

impl Stack {
    fn check(&self, dimension: usize) -> Result<()> {
        let sizes = [self.hidden_size, self.heads, self.intermediate_size];
        match sizes.iter().all(|size| (1..=LARGEST).contains(size))
            && self.layers <= LARGEST
            && self.layer_norm_eps.is_finite()
            && self.hidden_size.is_multiple_of(self.heads)
            && (self.projection || self.hidden_size == dimension)
        {
            true => Ok(()),
            false => Err(Error::Model(format!(
                "expected a tower whose heads divide its hidden size, and a projection unless that is {dimension}, got \
                 hidden {} heads {} projection {}; correct the configuration",
                self.hidden_size, self.heads, self.projection
            ))),
        }
    }

    fn tensors(&self, dimension: usize) -> Vec<(String, Vec<usize>)> {
        let (mut all, [d, inner, _]) = (Vec::new(), self.sizes());
        for block in 0..self.layers {
            let key = |name: &str| format!("blocks.{block}.{name}");
            norm(&mut all, &key("norm1"), d);
            affine(&mut all, &key("attn.qkv"), d, 3 * d);
            affine(&mut all, &key("attn.proj"), d, d);
            norm(&mut all, &key("norm2"), d);
            affine(&mut all, &key("mlp.fc1"), d, inner);
            affine(&mut all, &key("mlp.fc2"), inner, d);
        }
        norm(&mut all, "norm", d);
        if self.projection {
            affine(&mut all, "proj", d, dimension);
        }
        all
    }

    /// Sizes of a block, as [`Block::load`] takes them.
    fn sizes(&self) -> [usize; 3] {
        [self.hidden_size, self.intermediate_size, self.heads]
    }
}

/// Weight and bias of an affine map.
fn affine(all: &mut Vec<(String, Vec<usize>)>, name: &str, input: usize, output: usize) {
    all.push((format!("{name}.weight"), vec![output, input]));
    all.push((format!("{name}.bias"), vec![output]));
}

/// Weight and bias of a norm.
fn norm(all: &mut Vec<(String, Vec<usize>)>, name: &str, d: usize) {
    all.extend(["weight", "bias"].map(|kind| (format!("{name}.{kind}"), vec![d])));
}

impl ImageConfig {
    /// Patches along one side.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size.max(1)
    }

    /// Numbers in one unfolded patch.
    pub fn patch_length(&self) -> usize {
        3 * self.patch_size * self.patch_size
    }

    /// Tokens in front of the patches.
    pub fn class_tokens(&self) -> usize {
        usize::from(self.pool == ImagePool::Class)
    }
}

/// Blocks, the norm behind them and the projection.
struct Body<B: Backend> {
    blocks: Vec<Block<B>>,
    norm: LayerNorm<B>,
    projection: Option<Linear<B>>,
}

impl<B: Backend> Body<B> {
    fn load(b: &B, weights: &impl Weights<B>, stack: &Stack, dimension: usize) -> Result<Self> {
        let (d, eps) = (stack.hidden_size, stack.layer_norm_eps);
        let block =
            |i: usize| Block::load(b, weights, &format!("blocks.{i}"), stack.sizes(), eps, stack.activation.into());
        let projection = stack.projection.then(|| Linear::load(b, weights, "proj", d, dimension));
        Ok(Self {
            blocks: (0..stack.layers).map(block).collect::<Result<_>>()?,
            norm: LayerNorm::load(b, weights, "norm", d, eps)?,
            projection: projection.transpose()?,
        })
    }

    fn blocks(&self, b: &B, mut x: B::Tensor, sight: &Sight<'_, B>) -> Result<B::Tensor> {
        for block in &self.blocks {
            x = block.forward(b, &x, sight)?;
        }
        Ok(x)
    }

    /// x `[b, d]` → `[b, dimension]`.
    fn project(&self, b: &B, x: B::Tensor) -> Result<B::Tensor> {
        match &self.projection {
            Some(projection) => projection.forward(b, &x, Activation::None),
            None => Ok(x),
        }
    }
}

/// One token of each sequence: x `[b, n, d]` → `[b, d]`. A mean over one token is that token, on every backend.
fn pick<B: Backend>(b: &B, x: &B::Tensor, at: impl Fn(usize) -> usize) -> Result<B::Tensor> {
    let shape = b.shape(x);
    let [rows, n, _] = shape[..] else {
        return Err(Error::Argument(format!("picking tokens: expected [b, n, d], got {shape:?}; add the axis")));
    };
    let mut mask = vec![0.0; rows * n];
    (0..rows).for_each(|row| mask[row * n + at(row).min(n - 1)] = 1.0);
    b.masked_mean(x, &b.tensor(&mask, &[rows, n])?)
}

/// Attention of a learnt query over a photo's tokens, and an MLP behind it.
struct AttentionPool<B: Backend> {
    attention: Attention<B>,
    norm: LayerNorm<B>,
    mlp: Mlp<B>,
}

impl<B: Backend> AttentionPool<B> {
    fn load(b: &B, weights: &impl Weights<B>, stack: &Stack) -> Result<Self> {
        let [d, inner, heads] = stack.sizes();
        let mlp = Mlp::load(b, weights, "pool.mlp.fc1", "pool.mlp.fc2", [d, inner, d])?;
        Ok(Self {
            attention: Attention::load(b, weights, "pool.qkv", "pool.proj", d, heads)?,
            norm: LayerNorm::load(b, weights, "pool.norm", d, stack.layer_norm_eps)?,
            mlp: mlp.with(stack.activation.into()),
        })
    }

    /// x `[b, n, d]` → `[b, d]`. Every token asks with the learnt query and gets the same answer; the first is taken.
    fn forward(&self, b: &B, x: &B::Tensor) -> Result<B::Tensor> {
        let mixed = pick(b, &self.attention.mix(b, x, None)?, |_| 0)?;
        let x = self.attention.project(b, &mixed)?;
        b.add(&x, &self.mlp.forward(b, &self.norm.forward(b, &x)?)?)
    }
}

/// The tower of photos.
pub struct ImageTower<B: Backend> {
    patch_embed: Linear<B>,
    class: Option<B::Tensor>,
    positions: B::Tensor,
    pre_norm: Option<LayerNorm<B>>,
    body: Body<B>,
    pool: Option<AttentionPool<B>>,
}

impl<B: Backend> ImageTower<B> {
    /// Takes the tower's weights out of a checkpoint whose positions already have the grid of `config`.
    pub fn load(b: &B, weights: &impl Weights<B>, config: &Config) -> Result<Self> {
        config.check()?;
        let image = &config.image;
        let (d, eps) = (image.stack.hidden_size, image.stack.layer_norm_eps);
        let class = image.pool == ImagePool::Class;
        let positions = [image.class_tokens() + image.grid() * image.grid(), d];
        Ok(Self {
            patch_embed: Linear::load(b, weights, "patch_embed.proj", image.patch_length(), d)?,
            class: class.then(|| weights.vector(b, "cls_token", &[d])).transpose()?,
            positions: weights.vector(b, "pos_embed", &positions)?,
            pre_norm: image.pre_norm.then(|| LayerNorm::load(b, weights, "norm_pre", d, eps)).transpose()?,
            body: Body::load(b, weights, &image.stack, config.dimension)?,
            pool: (!class).then(|| AttentionPool::load(b, weights, &image.stack)).transpose()?,
        })
    }

    /// Unfolded patches `[b, n, 3·p·p]` → vectors `[b, dimension]`, of any length.
    pub fn forward(&self, b: &B, patches: &B::Tensor) -> Result<B::Tensor> {
        let mut x = self.patch_embed.forward(b, patches, Activation::None)?; // [b, n, d]
        if let Some(class) = &self.class {
            x = b.prepend(class, &x)?; // [b, 1 + n, d]
        }
        x = b.add(&x, &self.positions)?;
        if let Some(norm) = &self.pre_norm {
            x = norm.forward(b, &x)?;
        }
        let x = self.body.blocks(b, x, &Sight::All)?;
        let x = match &self.pool {
            // a norm is of each token alone, so one is enough
            None => self.body.norm.forward(b, &pick(b, &x, |_| 0)?)?,
            Some(pool) => pool.forward(b, &self.body.norm.forward(b, &x)?)?,
        };
        self.body.project(b, x)
    }
}

/// The tower of texts.
pub struct TextTower<B: Backend> {
    tokens: B::Weight,
    positions: B::Weight,
    body: Body<B>,
    config: TextConfig,
}

impl<B: Backend> TextTower<B> {
    /// Takes the tower's weights out of a checkpoint.
    pub fn load(b: &B, weights: &impl Weights<B>, config: &Config) -> Result<Self> {
        config.check()?;
        let (text, d) = (&config.text, config.text.stack.hidden_size);
        Ok(Self {
            tokens: weights.matrix(b, "tokens.weight", text.vocab_size, d)?,
            positions: weights.matrix(b, "positions", text.max_positions, d)?,
            body: Body::load(b, weights, &text.stack, config.dimension)?,
            config: text.clone(),
        })
    }

    /// Texts → vectors `[texts, dimension]`, of any length.
    pub fn forward(&self, b: &B, tokens: &Tokens) -> Result<B::Tensor> {
        let filled = self.filled(tokens);
        let Tokens { ids, mask, rows, length } = filled.as_ref().unwrap_or(tokens);
        let (shape, mut positions) = ([*rows, *length], Vec::with_capacity(*length));
        positions.extend(0..*length as u32);
        let words = b.embed(&self.tokens, ids, shape)?;
        let x = b.add(&words, &b.embed(&self.positions, &positions, [1, *length])?)?; // [texts, n, d]
        let masked = b.tensor(mask, &shape)?;
        let sight = match (self.config.causal, self.config.padding) {
            (true, _) => Sight::Before,
            (false, None) => Sight::Unmasked(&masked),
            (false, Some(_)) => Sight::All,
        };
        let x = self.body.blocks(b, x, &sight)?;
        let row = |row: usize| row * length..(row + 1) * length;
        let x = pick(b, &x, |text| self.speaker(&ids[row(text)], &mask[row(text)]))?;
        self.body.project(b, self.body.norm.forward(b, &x)?)
    }

    /// Texts filled up to the longest, where that is how the tower wants them.
    fn filled(&self, tokens: &Tokens) -> Option<Tokens> {
        let (padding, length) = (self.config.padding?, self.config.max_positions);
        let mut ids = Vec::with_capacity(tokens.rows * length);
        for (row, mask) in tokens.ids.chunks(tokens.length.max(1)).zip(tokens.mask.chunks(tokens.length.max(1))) {
            let real = row.iter().zip(mask).map(|(id, mask)| if *mask == 1.0 { *id } else { padding });
            ids.extend(real.chain(std::iter::repeat(padding)).take(length));
        }
        Some(Tokens { mask: vec![1.0; ids.len()], ids, rows: tokens.rows, length })
    }

    /// Which token of a text speaks for it.
    fn speaker(&self, ids: &[u32], mask: &[f32]) -> usize {
        let real = mask.iter().filter(|mask| **mask == 1.0).count();
        let (ids, last) = (&ids[..real], real.saturating_sub(1));
        match self.config.pool {
            TextPool::End(end) => ids.iter().position(|id| *id == end).unwrap_or(last),
            TextPool::Largest => {
                let largest = ids.iter().max();
                ids.iter().position(|id| Some(id) == largest).unwrap_or(last)
            }
            TextPool::Last => last,
            TextPool::First => 0,
        }
    }
}
