//! The instant text tier: a small model that turns a text into a query vector before the text encoder is here.
//!
//! With eᵢ the vectors of a text's n tokens, the special ones counted:
//! 1. c = norm(1/n · Σᵢ eᵢ)
//! 2. query = norm(c + W₂·gelu(W₁·c + b₁) + b₂)
//!
//! That is a bag of words, as in fastText (Joulin et al., 2017), with one residual layer over the sum, so that a word can
//! mean something else beside another. It is fitted to what the full encoder makes of the same texts (distillation: Hinton
//! et al., 2015). Order and negation are lost, so it answers for a text alone and never for a photo with a text.
//!
//! The file is one checkpoint: `embeddings.weight` `[tokens, d]`, a row for each token of its own small tokenizer, and the
//! layer as `mlp.fc1` `[inner, d]` and `mlp.fc2` `[d, inner]`. The header holds the tokenizer, and the fingerprint of the
//! model that it was distilled from.

use crate::backend::Backend;
use crate::backend::weights::Weights;
use crate::error::{Error, Result};
use crate::model::folder::Description;
use crate::model::layers::Mlp;
use crate::quant::Format;
use crate::text::{Tokenizer, Tokens};
use crate::weights::Checkpoint;
use serde_json::Value;
use std::collections::BTreeMap;

/// The version that this code writes, and the only one that it reads.
pub const VERSION: &str = "1";
/// Name of the table of token vectors.
pub const TABLE: &str = "embeddings.weight";
/// Names of both maps of the layer.
pub const LAYER: [&str; 2] = ["mlp.fc1", "mlp.fc2"];
/// Key of the header's pairs; see [`Checkpoint::to_bytes`].
const PAIRS: &str = "vitrine";

/// The weights of the tier.
pub struct Bag<B: Backend> {
    table: B::Weight,
    layer: Mlp<B>,
}

impl<B: Backend> Bag<B> {
    /// Takes the weights out of a checkpoint; the sizes are those of the table `[tokens, d]`, and the layer's `inner`.
    pub fn load(b: &B, weights: &impl Weights<B>, [tokens, d, inner]: [usize; 3]) -> Result<Self> {
        let layer = Mlp::load(b, weights, LAYER[0], LAYER[1], [d, inner, d])?;
        Ok(Self { table: weights.matrix(b, TABLE, tokens, d)?, layer })
    }

    /// Unit query vectors `[texts, d]`.
    pub fn query(&self, b: &B, tokens: &Tokens) -> Result<B::Tensor> {
        let shape = [tokens.rows, tokens.length];
        let mask = b.tensor(&tokens.mask, &shape)?;
        let c = b.normalize(&b.masked_mean(&b.embed(&self.table, &tokens.ids, shape)?, &mask)?)?; // [texts, d]
        b.normalize(&b.add(&c, &self.layer.forward(b, &c)?)?)
    }
}

/// The tier as it is read from its file.
pub struct Instant<B: Backend> {
    tokenizer: Tokenizer,
    bag: Bag<B>,
}

impl<B: Backend> Instant<B> {
    /// Reads a file that [`write()`] made for the model.
    ///
    /// # Errors
    /// [`Error::Model`] for a file of another model or version, or one whose table and tokenizer do not fit.
    pub fn load(b: &B, bytes: &[u8], model: &Description) -> Result<Self> {
        let checkpoint = Checkpoint::from_bytes(bytes)?;
        let pairs: BTreeMap<String, String> = checkpoint
            .metadata
            .get(PAIRS)
            .and_then(|pairs| serde_json::from_str(pairs).ok())
            .ok_or_else(|| wrong("one with a header", "none"))?;
        let pair = |name: &str| pairs.get(name).map(String::as_str).unwrap_or_default();
        for (name, expected) in [("version", VERSION), ("model", &model.fingerprint)] {
            if pair(name) != expected {
                return Err(wrong(&format!("one of {name} {expected}"), &format!("{:?}", pair(name))));
            }
        }
        let (tokens, tokenizer) = joined(pair("tokenizer"), pair("words"))?;
        let inner = checkpoint.get(&format!("{}.weight", LAYER[0]))?.matrix.rows;
        let bag = Bag::load(b, &checkpoint, [tokens, model.dimension, inner])?;
        Ok(Self { tokenizer: Tokenizer::from_json(&tokenizer, model.max_tokens)?, bag })
    }

    /// Whether a word is one token of the tier's own vocabulary.
    pub fn knows(&self, word: &str) -> bool {
        self.tokenizer.knows(word)
    }

    /// Unit query vectors `[texts, d]`.
    ///
    /// # Errors
    /// [`Error::EmptyQuery`] for a text without any token.
    pub fn query(&self, b: &B, texts: &[&str]) -> Result<B::Tensor> {
        self.bag.query(b, &self.tokenizer.read(texts)?)
    }
}

/// The file of weights, in int8, for the model with this fingerprint. `tokenizer` is in the form of `tokenizer.json`, its
/// token numbers being rows of the table.
pub fn write(fingerprint: &str, tokenizer: &[u8], weights: &Checkpoint) -> Result<Vec<u8>> {
    let (steps, words) = parted(tokenizer)?;
    let mut checkpoint = weights.convert(Format::Q8);
    let pairs = [("version", VERSION), ("model", fingerprint), ("tokenizer", &steps), ("words", &words)];
    checkpoint.metadata = pairs.map(|(name, value)| (name.to_string(), value.to_string())).into();
    checkpoint.to_bytes()
}

/// A tokenizer without its words, and its words in the order of their numbers, one a line: half as long as JSON, and in
/// the header not full of escapes.
fn parted(tokenizer: &[u8]) -> Result<(String, String)> {
    let bad = || wrong("a WordPiece tokenizer.json whose words have the numbers from 0 on", "another");
    let mut json: Value = serde_json::from_slice(tokenizer).map_err(|_| bad())?;
    let vocab = json["model"]["vocab"].as_object().ok_or_else(bad)?;
    let mut words: Vec<(u64, &str)> =
        vocab.iter().filter_map(|(word, id)| Some((id.as_u64()?, word.as_str()))).collect();
    words.sort_unstable();
    let numbered = words.iter().zip(0..).all(|((id, word), row)| *id == row && !word.contains('\n'));
    if !numbered || words.len() != vocab.len() {
        return Err(bad());
    }
    let words: Vec<&str> = words.into_iter().map(|(_, word)| word).collect();
    let words = words.join("\n");
    json["model"]["vocab"] = Value::Null;
    Ok((json.to_string(), words))
}

/// The number of words, and the whole tokenizer again.
fn joined(steps: &str, words: &str) -> Result<(usize, Vec<u8>)> {
    let mut json: Value =
        serde_json::from_str(steps).map_err(|e| wrong("one with a tokenizer", &format!("none ({e})")))?;
    let vocab: serde_json::Map<String, Value> =
        words.split('\n').zip(0..).map(|(word, row)| (word.to_string(), Value::from(row))).collect();
    let count = words.split('\n').count();
    if !json["model"].is_object() || vocab.len() != count {
        return Err(wrong("one with a WordPiece tokenizer", "another, or a word twice"));
    }
    json["model"]["vocab"] = Value::Object(vocab);
    Ok((count, json.to_string().into_bytes()))
}

fn wrong(expected: &str, got: &str) -> Error {
    Error::Model(format!(
        "reading the instant text tier: expected {expected}, got {got}; make it again with vitrine train --distil-text"
    ))
}
