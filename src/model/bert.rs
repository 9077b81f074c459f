//! BERT encoder (Devlin et al., 2019), post-norm; keys as Hugging Face names them, with the three attention
//! projections joined into `attention.self.qkv` and the one token type folded into the positions.

use crate::backend::Backend;
use crate::backend::weights::Weights;
use crate::error::{Error, Result};
use crate::model::layers::{Attention, LayerNorm, Mlp};
use serde::{Deserialize, Serialize};

/// The largest size that is believed: the word table of the largest vocabularies has a million rows.
const LARGEST: usize = 1 << 20;

/// The sizes of a BERT encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Features of a token.
    pub hidden_size: usize,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads a layer.
    pub heads: usize,
    /// Features inside the MLP.
    pub intermediate_size: usize,
    /// Entries of the word table.
    pub vocab_size: usize,
    /// Longest sequence in tokens, special ones counted.
    pub max_positions: usize,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
}

impl Config {
    /// Refuses sizes that cannot work together.
    pub fn check(&self) -> Result<()> {
        let sizes = [self.hidden_size, self.heads, self.intermediate_size, self.vocab_size, self.max_positions];
        match sizes.iter().all(|size| (1..=LARGEST).contains(size))
            && self.layers <= LARGEST
            && self.layer_norm_eps.is_finite()
            && self.hidden_size.is_multiple_of(self.heads)
            && self.max_positions > 2
        {
            true => Ok(()),
            false => Err(Error::Model(format!(
                "expected a hidden size that heads divide and at least 3 positions, got hidden {} heads {} positions \
                 {}; correct the configuration",
                self.hidden_size, self.heads, self.max_positions
            ))),
        }
    }
}

struct Layer<B: Backend> {
    attention: Attention<B>,
    attention_norm: LayerNorm<B>,
    mlp: Mlp<B>,
    output_norm: LayerNorm<B>,
}

/// A BERT encoder that returns all its tokens.
pub struct Bert<B: Backend> {
    word_embeddings: B::Weight,
    position_embeddings: B::Weight,
    embeddings_norm: LayerNorm<B>,
    layers: Vec<Layer<B>>,
}

impl<B: Backend> Bert<B> {
    /// Takes the model's weights out of a checkpoint.
    pub fn load(b: &B, weights: &impl Weights<B>, config: &Config) -> Result<Self> {
        config.check()?;
        let (d, inner, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let layer = |i: usize| -> Result<Layer<B>> {
            let key = |name: &str| format!("encoder.layer.{i}.{name}");
            let (qkv, proj) = (key("attention.self.qkv"), key("attention.output.dense"));
            Ok(Layer {
                attention: Attention::load(b, weights, &qkv, &proj, d, config.heads)?,
                attention_norm: LayerNorm::load(b, weights, &key("attention.output.LayerNorm"), d, eps)?,
                mlp: Mlp::load(b, weights, &key("intermediate.dense"), &key("output.dense"), [d, inner, d])?,
                output_norm: LayerNorm::load(b, weights, &key("output.LayerNorm"), d, eps)?,
            })
        };
        let table = |name: &str, rows: usize| weights.matrix(b, &format!("embeddings.{name}.weight"), rows, d);
        Ok(Self {
            word_embeddings: table("word_embeddings", config.vocab_size)?,
            position_embeddings: table("position_embeddings", config.max_positions)?,
            embeddings_norm: LayerNorm::load(b, weights, "embeddings.LayerNorm", d, eps)?,
            layers: (0..config.layers).map(layer).collect::<Result<_>>()?,
        })
    }

    /// Token ids of length `b·n` and their mask `[b, n]` (1 token, 0 padding) → tokens `[b, n, d]`.
    /// A sequence gives the same tokens whatever padding follows it.
    pub fn forward(&self, b: &B, ids: &[u32], mask: &B::Tensor) -> Result<B::Tensor> {
        let shape = b.shape(mask);
        let [rows, n] = shape[..] else {
            return Err(Error::Argument(format!("encoding text: expected a mask [b, n], got {shape:?}; add the axis")));
        };
        let positions: Vec<u32> = (0..n as u32).collect();
        let words = b.embed(&self.word_embeddings, ids, [rows, n])?;
        let positions = b.embed(&self.position_embeddings, &positions, [1, n])?;
        let mut x = self.embeddings_norm.forward(b, &b.add(&words, &positions)?)?; // [b, n, d]
        for layer in &self.layers {
            let y = layer.attention.forward(b, &x, Some(mask))?;
            x = layer.attention_norm.forward(b, &b.add(&x, &y)?)?;
            let y = layer.mlp.forward(b, &x)?;
            x = layer.output_norm.forward(b, &b.add(&x, &y)?)?;
        }
        Ok(x)
    }
}
