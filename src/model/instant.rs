//! The instant text tier: a small table that turns a text into a query vector before the text encoder is here.
//!
//! With eᵢ the vectors of a text's tokens, the special ones counted, query = norm(1/n · Σᵢ eᵢ): a bag of words, as in
//! fastText (Joulin et al., 2017), whose vectors are fitted to what the full encoder makes of the same texts (distillation:
//! Hinton et al., 2015; here by least squares). Order and negation are lost, so it answers for a text alone and never for
//! a photo with a text.
//!
//! The file is one checkpoint: `tokens.weight` `[tokens, d]`, a row for each token of its own small tokenizer. The header
//! holds that tokenizer, and the fingerprint of the model that it was distilled from.

use crate::backend::Backend;
use crate::backend::weights::Weights;
use crate::error::{Error, Result};
use crate::model::folder::Description;
use crate::quant::Format;
use crate::text::TextReader;
use crate::weights::{Checkpoint, Stored};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version that this code writes, and the only one that it reads.
pub const VERSION: &str = "1";
/// Name of the table.
const TABLE: &str = "tokens.weight";
/// Key of the header's pairs; see [`Checkpoint::to_bytes`].
const PAIRS: &str = "vitrine";

/// A table of token vectors and the tokenizer that goes with it.
pub struct Instant<B: Backend> {
    reader: TextReader,
    table: B::Weight,
}

impl<B: Backend> Instant<B> {
    /// Reads a file that [`write`] made for the model.
    ///
    /// # Errors
    /// [`Error::Model`] for a file of another model or version, or one whose table and tokenizer do not fit.
    pub fn load(b: &B, bytes: &[u8], model: &Description) -> Result<Self> {
        let checkpoint = Checkpoint::from_bytes(bytes)?;
        let pairs: BTreeMap<String, String> = checkpoint
            .metadata
            .get(PAIRS)
            .and_then(|pairs| serde_json::from_str(pairs).ok())
            .ok_or_else(|| wrong("an instant tier with its header", "none"))?;
        let pair = |name: &str| pairs.get(name).map(String::as_str).unwrap_or_default();
        for (name, expected) in [("version", VERSION), ("model", &model.fingerprint)] {
            if pair(name) != expected {
                return Err(wrong(&format!("an instant tier of {name} {expected}"), &format!("{:?}", pair(name))));
            }
        }
        let (words, tokenizer) = joined(pair("tokenizer"), pair("words"))?;
        let table = checkpoint.matrix(b, TABLE, words, model.dimension)?;
        Ok(Self { reader: TextReader::from_json(&tokenizer, model.max_tokens)?, table })
    }

    /// Unit query vectors `[texts, d]`.
    ///
    /// # Errors
    /// [`Error::EmptyQuery`] for a text without any token.
    pub fn query(&self, b: &B, texts: &[&str]) -> Result<B::Tensor> {
        let tokens = self.reader.read(texts)?;
        let shape = [tokens.rows, tokens.length];
        let mask = b.tensor(&tokens.mask, &shape)?;
        b.normalise(&b.masked_mean(&b.embed(&self.table, &tokens.ids, shape)?, &mask)?)
    }
}

/// The file of a table `[tokens, d]`, in int8, for the model with this fingerprint. `tokenizer` is in the form of
/// `tokenizer.json`, its token numbers being rows of the table.
pub fn write(fingerprint: &str, tokenizer: &[u8], table: &Stored) -> Result<Vec<u8>> {
    let (steps, words) = parted(tokenizer)?;
    let mut checkpoint = Checkpoint::default();
    checkpoint.tensors.insert(TABLE.into(), table.clone());
    let mut checkpoint = checkpoint.convert(Format::Q8);
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
        serde_json::from_str(steps).map_err(|e| wrong("an instant tier with a tokenizer", &format!("none ({e})")))?;
    let vocab: serde_json::Map<String, Value> =
        words.split('\n').zip(0..).map(|(word, row)| (word.to_string(), Value::from(row))).collect();
    let count = words.split('\n').count();
    if !json["model"].is_object() || vocab.len() != count {
        return Err(wrong("an instant tier with a WordPiece tokenizer", "another, or a word twice"));
    }
    json["model"]["vocab"] = Value::Object(vocab);
    Ok((count, json.to_string().into_bytes()))
}

fn wrong(expected: &str, got: &str) -> Error {
    Error::Model(format!(
        "reading the instant text tier: expected {expected}, got {got}; make it again with vitrine train --distil-text"
    ))
}
