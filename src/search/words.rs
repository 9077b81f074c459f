//! What the shop's own words say: which products hold a word, an id, a title, or a value of an attribute.
//!
//! [`TextIndex`] is made of a catalog's items. [`dictionary`] finds a word as it was typed, with a typo, or unfinished;
//! [`postings`] holds the rows of each word; [`attributes`] the values that repeat.

pub mod attributes;
pub mod dictionary;
pub mod postings;

pub use super::fold::{fold, stem, tokens};
use super::glossary::language::Language;
use crate::catalog::format::Item;
use attributes::{Attributes, Value};
use dictionary::Dictionary;
use postings::{Field, Postings};
use std::collections::{BTreeMap, HashMap};

/// The words of a catalog's products, folded.
#[derive(Clone, Debug, Default)]
pub struct TextIndex {
    rows: usize,
    dictionary: Dictionary,
    /// Stem → the terms that have it: "dress" and "dresses".
    forms: HashMap<String, Vec<u32>>,
    postings: Postings,
    /// Terms of all titles, one after the other, and where each row's start.
    titles: Vec<u32>,
    starts: Vec<u32>,
    /// Ids without separators → rows; those with leading zeros once more without them.
    ids: HashMap<String, Vec<u32>>,
    attributes: Attributes,
    language: Language,
}

impl TextIndex {
    /// Reads products in row order.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a Item>) -> Self {
        let items: Vec<&Item> = items.into_iter().collect();
        let texts: Vec<[Vec<String>; 2]> = items.iter().map(|item| texts(item)).collect();
        let mut terms: Vec<&str> = texts.iter().flatten().flatten().map(String::as_str).collect();
        terms.sort_unstable();
        terms.dedup();
        let number: HashMap<&str, u32> = terms.iter().zip(0..).map(|(&term, i)| (term, i)).collect();
        let (mut postings, mut titles, mut starts) = (vec![BTreeMap::new(); terms.len()], Vec::new(), vec![0]);
        for (row, [title, values]) in (0..).zip(&texts) {
            for (words, field) in [(title, Field::Title), (values, Field::Value)] {
                for word in words {
                    *postings[number[word.as_str()] as usize].entry(row).or_insert(0) |= field.bit();
                }
            }
            titles.extend(title.iter().map(|word| number[word.as_str()]));
            starts.push(titles.len() as u32);
        }
        let held = terms.iter().zip(&postings).map(|(&term, rows)| (term, rows.len()));
        let language = Language::of_catalog(held, items.len());
        let mut forms: HashMap<String, Vec<u32>> = HashMap::new();
        for (&term, i) in terms.iter().zip(0..) {
            forms.entry(language.stem(term)).or_default().push(i);
        }
        let mut ids: HashMap<String, Vec<u32>> = HashMap::new();
        for (row, item) in (0..).zip(&items) {
            let id = plain_id(&item.id);
            let short = id.trim_start_matches('0');
            if short.len() < id.len() && !short.is_empty() {
                ids.entry(short.into()).or_default().push(row);
            }
            ids.entry(id).or_default().push(row);
        }
        Self {
            rows: items.len(),
            dictionary: Dictionary::of(&terms),
            forms,
            postings: Postings::of(postings),
            titles,
            starts,
            ids,
            attributes: Attributes::of(&items, language),
            language,
        }
    }

    /// The language that the shop writes in, told by its own words.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Number of products' photos.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether it knows no product.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows whose title or attributes hold a word in any form, ascending; none where no product does.
    pub fn rows(&self, word: &str) -> Vec<u32> {
        let terms = self.forms(&fold(word));
        let mut rows: Vec<u32> = terms.iter().flat_map(|&term| self.postings.of_term(term).0).copied().collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// Whether a title holds two words one after the other, as "non padded".
    pub fn together(&self, first: &str, second: &str) -> bool {
        let (Some(first), Some(second)) = (self.dictionary.exact(first), self.dictionary.exact(second)) else {
            return false;
        };
        let (rows, _) = self.postings.of_term(first);
        rows.iter().any(|&row| self.title(row).windows(2).any(|pair| pair == [first, second]))
    }

    /// The terms that are forms of a folded word: those that have its stem.
    pub fn forms(&self, word: &str) -> &[u32] {
        self.forms.get(&self.language.stem(word)).map_or(&[], Vec::as_slice)
    }

    /// The values that folded words are the name of, written as one word too.
    pub fn named(&self, words: &[String]) -> &[Value] {
        let stems: Vec<String> = words.iter().map(|word| self.language.stem(word)).collect();
        let spaced = self.attributes.named(&stems.join(" "));
        match spaced.is_empty() && words.len() > 1 {
            true => self.attributes.named(&stems.concat()),
            false => spaced,
        }
    }

    /// The rows whose id is the text, but for separators, case and leading zeros; or, where no id is, whose id ends
    /// with it, given four letters or digits at least.
    pub fn by_id(&self, text: &str) -> Vec<u32> {
        let wanted = plain_id(text);
        if let Some(rows) = self.ids.get(&wanted).or_else(|| self.ids.get(wanted.trim_start_matches('0'))) {
            return rows.clone();
        }
        if wanted.chars().count() < 4 || !wanted.bytes().any(|b| b.is_ascii_digit()) {
            return Vec::new();
        }
        let mut rows: Vec<u32> =
            self.ids.iter().filter(|(id, _)| id.ends_with(&wanted)).flat_map(|(_, rows)| rows).copied().collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// The terms of a row's title, in order.
    pub fn title(&self, row: u32) -> &[u32] {
        let row = row as usize;
        &self.titles[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    /// Whether one title holds all of several folded words: then they are the shop's own, whatever they mean elsewhere.
    pub fn one_title_holds(&self, words: &[String]) -> bool {
        let words = words.iter().filter(|word| !word.is_empty());
        let Some(terms) = words.map(|word| self.dictionary.exact(word)).collect::<Option<Vec<u32>>>() else {
            return false;
        };
        let rarest = terms.iter().min_by_key(|&&term| self.postings.of_term(term).0.len()).filter(|_| terms.len() > 1);
        let rows = rarest.map_or(&[][..], |&term| self.postings.of_term(term).0);
        rows.iter().any(|&row| terms.iter().all(|term| self.title(row).contains(term)))
    }

    /// How many titles hold a folded word as it stands.
    pub fn titles_with(&self, word: &str) -> usize {
        self.dictionary.exact(word).map_or(0, |term| self.postings.count(term, Field::Title))
    }

    /// The share of the titles with a folded word that begin with it: names of makers stand first.
    pub fn leads(&self, word: &str) -> f32 {
        let Some(term) = self.dictionary.exact(word) else { return 0.0 };
        let rows = self.postings.of_term(term).0;
        let first = rows.iter().filter(|&&row| self.title(row).first() == Some(&term)).count();
        first as f32 / self.titles_with(word).max(1) as f32
    }

    /// Its words.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// Rows of its words.
    pub fn postings(&self) -> &Postings {
        &self.postings
    }

    /// Values that repeat.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

/// The words of an item's title, and of its attributes' values.
fn texts(item: &Item) -> [Vec<String>; 2] {
    [tokens(&item.title).collect(), item.values().flat_map(|(_, value)| tokens(value)).collect()]
}

/// Letters and digits of an id in lower case.
fn plain_id(id: &str) -> String {
    fold(id).chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::format::tests::item;

    #[test]
    fn a_word_finds_its_rows_in_any_case_accent_and_number() {
        let titles = ["Red Dresses", "Robe bleue à pois", "dress, grün", "Glass boxes"];
        let items: Vec<Item> = titles.map(|title| Item { title: title.into(), ..item("x") }).into();
        let words = TextIndex::of(&items);
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
        assert_eq!(TextIndex::of(&[item("y"), dotted]).rows("dot"), [1]);
    }

    #[test]
    fn an_id_is_known_without_its_separators_and_by_its_end() {
        let items = ["AB-0012.7", "00420", "AB-9912.7"].map(item);
        let index = TextIndex::of(&items);
        let cases: [(&str, &[u32]); 10] = [
            ("AB-0012.7", &[0]),
            ("ab00127", &[0]),
            ("ab 0012 7", &[0]),
            ("420", &[1]),
            ("00420", &[1]),
            ("0127", &[0]),
            ("9127", &[2]),
            ("127", &[]),
            ("0420", &[1]),
            ("000420", &[1]),
        ];
        for (text, rows) in cases {
            assert_eq!(index.by_id(text), rows, "{text}");
        }
    }
}
