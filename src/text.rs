//! Words → token ids and mask, by the model's own `tokenizer.json`: WordPiece (BERT), byte pairs (CLIP) or unigram (SigLIP).

use crate::error::{Error, Result};
use tokenizers::{PostProcessor, TruncationParams};

/// A batch of texts as the encoder wants them, padded to the longest.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    /// Token ids, `[rows, length]`, row-major.
    pub ids: Vec<u32>,
    /// 1 for a token, 0 for padding: `[rows, length]`.
    pub mask: Vec<f32>,
    /// Number of texts.
    pub rows: usize,
    /// Tokens of the longest text.
    pub length: usize,
}

/// A token of a text, for showing where attention went.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// The characters of the text that it came from; empty for the special tokens at both ends.
    pub text: String,
    /// Whether it continues the word of the token before it.
    pub continues: bool,
}

/// The longest text that is looked at, in bytes; far more than the encoder can hold.
const MAX_BYTES: usize = 16 * 1024;

/// A larger `tokenizer.json` is refused, in bytes: those of half a million words take 10 MB.
const MAX_FILE: usize = 16 << 20;
/// Objects in it, and lists beside those of its words: each takes a hundred times its length when it is read.
const MAX_OBJECTS: usize = 16_384;
/// Words that a tokenizer may know.
const MAX_WORDS: usize = 600_000;
/// A longer word is none, in bytes.
const MAX_WORD: usize = 512;
/// Tokens that a tokenizer may have beside its words. The library makes a machine of them that takes a thousand times
/// their length.
const MAX_ADDED: usize = 1024;
/// Bytes that the description of a normalizer and the other steps may take: one may hold patterns and tables.
const MAX_STEP: usize = 64 << 10;

/// Turns words into token ids.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// The token of a word that the vocabulary does not hold.
    unknown: Option<u32>,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`; sequences are cut at `max_tokens`, the special ones counted.
    pub fn from_json(json: &[u8], max_tokens: usize) -> Result<Self> {
        let bad = |e: tokenizers::Error| Error::Model(format!("expected a tokenizer.json, got something else ({e})"));
        let (json, unknown) = plain(json)?;
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(json).map_err(bad)?;
        let unknown = match unknown {
            Unknown::Token(token) => tokenizer.token_to_id(&token),
            Unknown::Id(id) => id,
        };
        let special = tokenizer.get_post_processor().map_or(0, |post| post.added_tokens(false));
        if special >= max_tokens {
            return Err(Error::Model(format!(
                "expected room for words among {max_tokens} tokens, got a tokenizer.json that adds {special} of its own; \
                 use the model's own"
            )));
        }
        let truncation = TruncationParams { max_length: max_tokens, ..Default::default() };
        tokenizer.with_padding(None).with_truncation(Some(truncation)).map_err(bad)?;
        Ok(Self { inner: tokenizer, unknown })
    }

    /// Tokenizes texts into one padded batch.
    ///
    /// # Errors
    /// [`Error::EmptyQuery`] for a text without any token, such as spaces.
    pub fn read(&self, texts: &[&str]) -> Result<Tokens> {
        let encodings = texts.iter().map(|text| self.encode(text)).collect::<Result<Vec<_>>>()?;
        let length = encodings.iter().map(|e| e.get_ids().len()).max().unwrap_or(0);
        let mut tokens = Tokens { ids: Vec::new(), mask: Vec::new(), rows: texts.len(), length };
        for encoding in &encodings {
            let used = encoding.get_ids().len();
            tokens.ids.extend(encoding.get_ids());
            tokens.ids.resize(tokens.ids.len() + length - used, 0);
            tokens.mask.extend(std::iter::repeat_n(1.0, used).chain(std::iter::repeat_n(0.0, length - used)));
        }
        Ok(tokens)
    }

    /// The tokens of a text, in order.
    pub fn tokens(&self, text: &str) -> Result<Vec<Token>> {
        let encoding = self.encode(text)?;
        let shown = shortened(text);
        let special = encoding.get_special_tokens_mask();
        let mut last_word = None;
        Ok(encoding
            .get_offsets()
            .iter()
            .zip(encoding.get_word_ids())
            .zip(special)
            .map(|((&(from, to), &word), &special)| {
                let continues = special == 0 && word.is_some() && word == last_word;
                last_word = word;
                let text = if special == 1 { "" } else { shown.get(from..to).unwrap_or_default() };
                Token { text: text.to_string(), continues }
            })
            .collect())
    }

    /// Whether a word is one token of the vocabulary.
    pub fn knows(&self, word: &str) -> bool {
        self.inner.encode(word, false).is_ok_and(|read| matches!(read.get_ids(), [id] if Some(*id) != self.unknown))
    }

    fn encode(&self, text: &str) -> Result<tokenizers::Encoding> {
        let encoding = self
            .inner
            .encode(shortened(text), true)
            .map_err(|e| Error::Text(format!("expected words, got text that has no tokens ({e}); use other words")))?;
        let words = encoding.get_special_tokens_mask().iter().filter(|&&special| special == 0).count();
        if words == 0 { Err(Error::EmptyQuery) } else { Ok(encoding) }
    }
}

/// How a `tokenizer.json` says which token stands for what it does not know.
enum Unknown {
    Token(String),
    Id(Option<u32>),
}

/// A `tokenizer.json` without what is not used here: the library that reads it panics at some faults of decoders, which no
/// model needs that only encodes, and of precompiled normalizers. Templates with faults are refused.
fn plain(json: &[u8]) -> Result<(Vec<u8>, Unknown)> {
    let refuse = |got: String| Error::Model(format!("expected a tokenizer.json, got {got}; use the model's own"));
    if json.len() > MAX_FILE {
        return Err(refuse(format!("{} bytes where at most {MAX_FILE} are read", json.len())));
    }
    let [objects, lists] = [b'{', b'['].map(|mark| json.iter().filter(|byte| **byte == mark).count());
    if objects > MAX_OBJECTS || lists > MAX_OBJECTS + MAX_WORDS {
        return Err(refuse(format!("{} objects where at most {MAX_OBJECTS} are read", objects + lists)));
    }
    let mut value: serde_json::Value = serde_json::from_slice(json).map_err(|e| refuse(format!("no JSON ({e})")))?;
    bounded(&value).map_err(refuse)?;
    let unknown = match value["model"]["type"].as_str() {
        Some("WordPiece" | "BPE") => Unknown::Token(value["model"]["unk_token"].as_str().unwrap_or_default().into()),
        Some("Unigram") => Unknown::Id(value["model"]["unk_id"].as_u64().map(|id| id as u32)),
        _ => {
            let got = format!("one of type {} where WordPiece, BPE and Unigram are read", value["model"]["type"]);
            return Err(refuse(got));
        }
    };
    if value["normalizer"].to_string().contains("\"Precompiled\"") {
        return Err(refuse("one with a precompiled normalizer".into()));
    }
    if !holds_together(&value["post_processor"]) {
        return Err(refuse("one whose template names tokens that it does not have".into()));
    }
    for unused in ["decoder", "padding", "truncation"] {
        value[unused] = serde_json::Value::Null;
    }
    Ok((serde_json::to_vec(&value).map_err(|e| refuse(e.to_string()))?, unknown))
}

/// Refuses what takes far more memory than its own length: what is too much, in words.
fn bounded(value: &serde_json::Value) -> Result<(), String> {
    let vocab = &value["model"]["vocab"];
    let merges = value["model"]["merges"].as_array().map_or(0, Vec::len);
    let words = vocab.as_object().map_or(0, serde_json::Map::len).max(vocab.as_array().map_or(0, Vec::len)).max(merges);
    let named = vocab.as_object().into_iter().flatten().map(|(word, _)| word.len());
    let listed = vocab.as_array().into_iter().flatten().map(|pair| pair[0].as_str().map_or(0, str::len));
    let longest = named.chain(listed).max();
    let added = value["added_tokens"].as_array().map_or(0, Vec::len);
    let content = |token: &serde_json::Value| token["content"].as_str().map_or(0, str::len);
    let longest_added = value["added_tokens"].as_array().into_iter().flatten().map(content).max();
    let step = |name: &str| value[name].to_string().len();
    let steps = ["normalizer", "pre_tokenizer", "post_processor"].map(step);
    let limits = [
        ("words", words, MAX_WORDS),
        ("bytes of a word", longest.unwrap_or(0), MAX_WORD),
        ("tokens beside the words", added, MAX_ADDED),
        ("bytes of such a token", longest_added.unwrap_or(0), MAX_WORD),
        ("bytes of a step before or after the words", steps.into_iter().max().unwrap_or(0), MAX_STEP),
    ];
    match limits.iter().find(|(_, got, most)| got > most) {
        Some((what, got, most)) => Err(format!("{got} {what} where at most {most} are read")),
        None => Ok(()),
    }
}

/// Whether a template, or each of several in a row, puts a text among tokens that it has: the library that applies it takes
/// that for granted.
fn holds_together(processor: &serde_json::Value) -> bool {
    let tokens = &processor["special_tokens"];
    let known = |id: &str| {
        let length = |list: &str| tokens[id][list].as_array().map(Vec::len);
        length("ids").is_some() && length("ids") == length("tokens")
    };
    let fits = |piece: &serde_json::Value| match piece["SpecialToken"]["id"].as_str() {
        Some(id) => known(id),
        None => piece["Sequence"]["id"] == "A",
    };
    (processor.is_null() || processor.is_object())
        && processor["processors"].as_array().is_none_or(|several| several.iter().all(holds_together))
        && processor["single"].as_array().is_none_or(|pieces| pieces.iter().all(fits))
}

/// The part of a text that is looked at.
fn shortened(text: &str) -> &str {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A tokenizer with a few whole words, parts of words and letters.
    pub(crate) fn tiny_tokenizer() -> Vec<u8> {
        include_bytes!("../tests/fixtures/tiny-tokenizer.json").to_vec()
    }

    fn tokenizer() -> Tokenizer {
        Tokenizer::from_json(&tiny_tokenizer(), 8).unwrap()
    }

    #[test]
    fn words_become_ids_and_padding_is_masked() {
        let tokens = tokenizer().read(&["Red dresses", "blue striped shirt"]).unwrap();
        assert_eq!((tokens.rows, tokens.length), (2, 6));
        assert_eq!(tokens.ids[6..], [2, 5, 14, 13, 7, 3]);
        assert_eq!(tokens.mask[..6], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn tokens_say_which_word_they_belong_to() {
        let tokens = tokenizer().tokens("striped shirt").unwrap();
        let shown: Vec<_> = tokens.iter().map(|p| (p.text.as_str(), p.continues)).collect();
        assert_eq!(shown, [("", false), ("strip", false), ("ed", true), ("shirt", false), ("", false)]);
    }

    #[test]
    fn strange_texts_are_answered() {
        let tokenizer = tokenizer();
        for empty in ["", "   ", "\n\t", "\u{200b}\u{0}"] {
            assert!(matches!(tokenizer.read(&[empty]), Err(Error::EmptyQuery)), "{empty:?}");
        }
        assert_eq!(tokenizer.read(&["👗🔥"]).unwrap().ids[1], 1, "emoji are unknown words");
        let long = "red ".repeat(10_000);
        assert_eq!(tokenizer.read(&[&long]).unwrap().length, 8);
        let joined = "é".repeat(MAX_BYTES);
        assert!(tokenizer.read(&[&joined]).is_ok());
        assert!(Tokenizer::from_json(b"{}", 8).is_err());
    }
}
