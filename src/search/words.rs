//! What titles and attributes say: which rows hold a word.

use crate::catalog::format::Item;
use std::collections::{HashMap, HashSet};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words of a catalog's products, folded and stemmed.
#[derive(Clone, Debug, Default)]
pub struct ItemWords {
    rows: u32,
    /// Stem → the rows that hold it, ascending.
    held: HashMap<String, Vec<u32>>,
}

impl ItemWords {
    /// Reads products in row order.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a Item>) -> Self {
        let mut words = Self::default();
        for item in items {
            words.add(item);
        }
        words
    }

    fn add(&mut self, item: &Item) {
        let row = self.rows;
        let values = item.attributes.values().map(String::as_str);
        let all: HashSet<String> = [item.title.as_str()].into_iter().chain(values).flat_map(stems).collect();
        for stem in all {
            self.held.entry(stem).or_default().push(row);
        }
        self.rows += 1;
    }

    /// The rows whose title or attributes hold a word, ascending; none where no product does.
    pub fn rows(&self, word: &str) -> &[u32] {
        self.held.get(&stem(&fold(word))).map_or(&[], Vec::as_slice)
    }
}

/// Lower case, without accents.
pub fn fold(text: &str) -> String {
    text.to_lowercase().nfkd().filter(|c| !is_combining_mark(*c)).collect()
}

/// "dresses" and "dress" are one word: the plain English plural alone.
pub fn stem(word: &str) -> String {
    let cut = match word {
        _ if word.chars().count() <= 3 => 0,
        _ if ["ses", "xes", "ches", "shes"].iter().any(|end| word.ends_with(end)) => 2,
        _ if word.ends_with('s') && !word.ends_with("ss") => 1,
        _ => 0,
    };
    word[..word.len() - cut].to_string()
}

/// The folded, stemmed words of a text.
pub fn stems(text: &str) -> impl Iterator<Item = String> {
    let words: Vec<String> =
        fold(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(stem).collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::format::tests::item;

    #[test]
    fn a_word_finds_its_rows_in_any_case_accent_and_number() {
        let titles = ["Red Dresses", "Robe bleue à pois", "dress, grün", "Glass boxes"];
        let items: Vec<Item> = titles.map(|title| Item { title: title.into(), ..item("x") }).into();
        let words = ItemWords::of(&items);
        let cases: [(&str, &[u32]); 8] = [
            ("dress", &[0, 2]),
            ("DRESSES", &[0, 2]),
            ("grun", &[2]),
            ("GRÜN", &[2]),
            ("a", &[1]),
            ("glass", &[3]),
            ("box", &[3]),
            ("floral", &[]),
        ];
        for (word, rows) in cases {
            assert_eq!(words.rows(word), rows, "{word}");
        }
    }

    #[test]
    fn attributes_count_like_titles() {
        let mut dotted = item("x");
        dotted.attributes.insert("pattern".into(), "Polka dots".into());
        assert_eq!(ItemWords::of(&[item("y"), dotted]).rows("dot"), [1]);
    }
}
