//! Fewer tokens for a token table: those that given texts use, what those are made of, and single characters or bytes, so
//! that any other text is still read, as smaller tokens. The given texts are read as before.
//!
//! A byte-pair tokenizer makes a token of two others (a merge), so that a token needs both, and they theirs. A merge that
//! no given text uses is never applied to it, and leaving it out changes nothing.

use crate::error::{Error, Result};
use crate::text::{Tokenizer, Tokens};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The number of a token, among the words or beside them.
pub fn id_of(tokenizer: &Value, token: &str) -> Option<u32> {
    let added = tokenizer["added_tokens"].as_array().into_iter().flatten();
    let added = added.filter(|added| added["content"] == token).find_map(|added| added["id"].as_u64());
    let vocab = &tokenizer["model"]["vocab"];
    let listed = |list: &Vec<Value>| list.iter().position(|pair| pair[0] == token).map(|at| at as u64);
    let id = added.or(vocab[token].as_u64()).or_else(|| vocab.as_array().and_then(listed));
    id.and_then(|id| u32::try_from(id).ok())
}

/// Writes merges as texts, in place of pairs that take ten times their memory where they are read.
pub fn compact(tokenizer: &mut Value) {
    let Some(merges) = tokenizer["model"]["merges"].as_array_mut() else { return };
    let pair = |merge: &Value| {
        let (a, b) = (merge[0].as_str()?, merge[1].as_str()?);
        (!a.contains(' ') && !b.contains(' ')).then(|| format!("{a} {b}"))
    };
    if let Some(texts) = merges.iter().map(pair).collect::<Option<Vec<String>>>() {
        *merges = texts.into_iter().map(Value::String).collect();
    }
}

/// What is left of a tokenizer: the old numbers of its tokens, in the order of the new ones.
pub struct Kept {
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// Old numbers by new ones.
    pub rows: Vec<u32>,
}

impl Kept {
    /// The new number of a token.
    pub fn renumbered(&self, old: u32) -> Option<u32> {
        self.rows.binary_search(&old).ok().map(|new| new as u32)
    }
}

/// Keeps the tokens that `corpus` uses and those that they need, and then the first others up to `size` (vocabularies are
/// in the order of frequency).
///
/// # Errors
/// [`Error::Model`] for a tokenizer that is neither byte-pair nor unigram.
pub fn trim(tokenizer: &[u8], size: usize, corpus: &[String], max_tokens: usize) -> Result<Kept> {
    let bad = |what: &str| Error::Model(format!("trimming a vocabulary: expected a tokenizer.json, got one {what}"));
    let mut json: Value = serde_json::from_slice(tokenizer).map_err(|_| bad("that is no JSON"))?;
    let mut kept = used(tokenizer, corpus, max_tokens)?;
    let vocabulary = Vocabulary::of(&json).ok_or_else(|| bad("without a byte-pair or unigram vocabulary"))?;
    let specials = json["added_tokens"].as_array().into_iter().flatten().filter_map(|token| token["id"].as_u64());
    kept.extend(specials.chain(json["model"]["unk_id"].as_u64()).map(|id| id as u32));
    kept.extend(json["model"]["unk_token"].as_str().and_then(|token| id_of(&json, token)));
    kept.extend(vocabulary.tokens.iter().filter(|(_, token)| is_single(token)).map(|(id, _)| *id));
    let mut closed = BTreeSet::new();
    kept.iter().for_each(|id| vocabulary.close(*id, &mut closed));
    for id in vocabulary.tokens.keys() {
        if closed.len() >= size {
            break;
        }
        vocabulary.close(*id, &mut closed);
    }
    let rows: Vec<u32> = closed.into_iter().collect();
    renumber(&mut json, &vocabulary, &rows);
    Ok(Kept { tokenizer: serde_json::to_vec(&json).map_err(|e| Error::Model(e.to_string()))?, rows })
}

/// The tokens that texts use; a text without any uses none.
pub fn used(json: &[u8], corpus: &[String], max_tokens: usize) -> Result<BTreeSet<u32>> {
    let tokenizer = Tokenizer::from_json(json, max_tokens)?;
    let mut used = BTreeSet::new();
    for line in corpus {
        match tokenizer.read(&[line]) {
            Ok(Tokens { ids, .. }) => used.extend(ids),
            Err(Error::EmptyQuery) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(used)
}

/// All tokens by number.
fn tokens(json: &Value) -> Option<BTreeMap<u32, String>> {
    let named = |token: &Value, id: u64| Some((u32::try_from(id).ok()?, token.as_str()?.to_string()));
    let mut all: BTreeMap<u32, String> = match &json["model"]["vocab"] {
        Value::Object(vocab) if json["model"]["merges"].is_array() => {
            vocab.iter().filter_map(|(token, id)| Some((u32::try_from(id.as_u64()?).ok()?, token.clone()))).collect()
        }
        Value::Array(vocab) => vocab.iter().zip(0..).filter_map(|(pair, id)| named(&pair[0], id)).collect(),
        _ => return None,
    };
    let added = json["added_tokens"].as_array().into_iter().flatten();
    all.extend(added.filter_map(|token| named(&token["content"], token["id"].as_u64()?)));
    Some(all)
}

/// Both halves of a merge, and what it makes.
fn halves(merge: &Value) -> Option<(&str, &str)> {
    match merge.as_str() {
        Some(text) => text.split_once(' '),
        None => Some((merge[0].as_str()?, merge[1].as_str()?)),
    }
}

/// What each token is merged of.
fn merges(json: &Value) -> HashMap<String, (String, String)> {
    let all = json["model"]["merges"].as_array().into_iter().flatten().filter_map(halves);
    let mut parts = HashMap::new();
    for (a, b) in all {
        parts.entry(format!("{a}{b}")).or_insert_with(|| (a.to_string(), b.to_string()));
    }
    parts
}

/// A byte, or a single character that European texts have; of the tokens that may end a word, too.
fn is_single(token: &str) -> bool {
    let bare = token.strip_suffix("</w>").unwrap_or(token);
    let mut letters = bare.chars();
    match (letters.next(), letters.next()) {
        // 0x17f ends what a byte-level tokenizer writes bytes as, and Latin
        (Some(letter), None) => letter <= '\u{17f}' || letter == '▁',
        _ => bare.starts_with("<0x") && bare.ends_with('>'),
    }
}

/// A tokenizer's tokens and what they are made of.
struct Vocabulary {
    tokens: BTreeMap<u32, String>,
    ids: HashMap<String, u32>,
    parts: HashMap<String, (String, String)>,
}

impl Vocabulary {
    fn of(json: &Value) -> Option<Self> {
        let tokens = tokens(json)?;
        let ids = tokens.iter().map(|(id, token)| (token.clone(), *id)).collect();
        Some(Self { tokens, ids, parts: merges(json) })
    }

    /// Adds a token and all that it is merged of.
    fn close(&self, id: u32, closed: &mut BTreeSet<u32>) {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let Some(token) = self.tokens.get(&id) else { continue };
            if let (true, Some((a, b))) = (closed.insert(id), self.parts.get(token)) {
                open.extend([a, b].into_iter().filter_map(|part| self.ids.get(part)));
            }
        }
    }
}

/// Leaves out what is not kept and writes new numbers wherever a `tokenizer.json` has numbers.
fn renumber(json: &mut Value, vocabulary: &Vocabulary, rows: &[u32]) {
    let new = |old: u64| rows.binary_search(&u32::try_from(old).unwrap_or(u32::MAX)).ok();
    let by_name = |token: &str| vocabulary.ids.get(token).and_then(|id| new(u64::from(*id)));
    match &mut json["model"]["vocab"] {
        Value::Object(vocab) => {
            vocab.retain(|_, id| id.as_u64().is_some_and(|id| new(id).is_some()));
            vocab.values_mut().for_each(|id| *id = id.as_u64().and_then(new).into());
        }
        Value::Array(vocab) => {
            let mut id = 0..;
            vocab.retain(|_| id.next().is_some_and(|id| new(id).is_some()));
        }
        _ => {}
    }
    if let Some(merges) = json["model"]["merges"].as_array_mut() {
        let there = |token: &str| by_name(token).is_some();
        merges.retain(|merge| halves(merge).is_some_and(|(a, b)| there(a) && there(b) && there(&format!("{a}{b}"))));
    }
    if let Some(id) = json["model"]["unk_id"].as_u64() {
        json["model"]["unk_id"] = new(id).into();
    }
    for token in json["added_tokens"].as_array_mut().into_iter().flatten() {
        token["id"] = token["id"].as_u64().and_then(new).into();
    }
    renumber_steps(&mut json["post_processor"], &by_name);
}

/// The numbers of a post-processor, or of each of several in a row.
fn renumber_steps(step: &mut Value, by_name: &dyn Fn(&str) -> Option<usize>) {
    for step in step["processors"].as_array_mut().into_iter().flatten() {
        renumber_steps(step, by_name);
    }
    for (token, entry) in step["special_tokens"].as_object_mut().into_iter().flatten() {
        entry["ids"] = Value::from(by_name(token).map(|id| vec![id]).unwrap_or_default());
    }
    for end in ["sep", "cls"] {
        if let Some(id) = step[end][0].as_str().and_then(by_name) {
            step[end][1] = id.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_number_is_found_wherever_it_stands() {
        let bpe = serde_json::json!({"added_tokens": [{"content": "<end>", "id": 7}], "model": {"vocab": {"a": 3}}});
        assert_eq!((id_of(&bpe, "<end>"), id_of(&bpe, "a"), id_of(&bpe, "b")), (Some(7), Some(3), None));
        let unigram = serde_json::json!({"model": {"vocab": [["<pad>", 0.0], ["</s>", 0.0]]}});
        assert_eq!(id_of(&unigram, "</s>"), Some(1));
    }
}
