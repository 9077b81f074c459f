//! All words that a catalog knows, found as they were typed, with a typo, or unfinished.

use fst::automaton::{Automaton, Levenshtein, Str};
use fst::{IntoStreamer, Map, MapBuilder, Streamer};

/// The most words that an unfinished or misspelt one stands for.
const MOST: usize = 64;

/// Terms in order, each with its number.
#[derive(Clone)]
pub struct Dictionary {
    terms: Map<Vec<u8>>,
}

/// A term that a typed word may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The term's number.
    pub term: u32,
    /// Letters that were wrong.
    pub edits: u8,
    /// Whether it is another form of the word, as its plural.
    pub form: bool,
}

impl Dictionary {
    /// Terms in order and without repeats; each one's number is its place.
    pub fn of(terms: &[&str]) -> Self {
        let mut builder = MapBuilder::memory();
        for (term, i) in terms.iter().zip(0..) {
            // only terms out of order or an output that cannot be written fail, and neither is here
            builder.insert(term, i).unwrap_or_default();
        }
        Self { terms: builder.into_map() }
    }

    /// The number of a term.
    pub fn exact(&self, word: &str) -> Option<u32> {
        self.terms.get(word).map(|term| term as u32)
    }

    /// Terms that a word with a typo may mean: one letter wrong, missing, too many, or changed places from four letters
    /// on, two from eight on. Only the nearest are given.
    pub fn similar(&self, word: &str) -> Vec<Meaning> {
        let letters = word.chars().count();
        if letters < 4 || word.bytes().all(|b| b.is_ascii_digit()) {
            return Vec::new();
        }
        let mut found = self.within(word, 1);
        found.extend(self.changed_places(word).map(|term| Meaning { term, edits: 1, form: false }));
        if found.is_empty() && letters >= 8 {
            found = self.within(word, 2);
        }
        found.sort_unstable_by_key(|meaning| meaning.term);
        found.dedup_by_key(|meaning| meaning.term);
        found
    }

    fn within(&self, word: &str, edits: u8) -> Vec<Meaning> {
        let Ok(automaton) = Levenshtein::new(word, edits.into()) else { return Vec::new() };
        self.collect(automaton).into_iter().map(|term| Meaning { term, edits, form: false }).collect()
    }

    /// Terms that a word is with two neighbouring letters exchanged.
    fn changed_places(&self, word: &str) -> impl Iterator<Item = u32> {
        let letters: Vec<char> = word.chars().collect();
        (1..letters.len()).filter_map(move |i| {
            let mut swapped = letters.clone();
            swapped.swap(i - 1, i);
            self.exact(&swapped.into_iter().collect::<String>())
        })
    }

    /// Terms that begin with what was typed so far.
    pub fn starting(&self, word: &str) -> Vec<u32> {
        self.collect(Str::new(word).starts_with())
    }

    /// Terms that begin with a word, as words, each with its number.
    pub fn words_starting(&self, word: &str) -> Vec<(String, u32)> {
        let mut stream = self.terms.search(Str::new(word).starts_with()).into_stream();
        let mut found = Vec::new();
        while let (Some((bytes, term)), true) = (stream.next(), found.len() < MOST) {
            found.push((String::from_utf8_lossy(bytes).into_owned(), term as u32));
        }
        found
    }

    /// A term as a word.
    pub fn word(&self, term: u32) -> Option<String> {
        // numbers grow with terms, so the map is a set that can be asked backwards
        let mut word = Vec::new();
        self.terms.as_fst().get_key_into(term.into(), &mut word).then(|| String::from_utf8_lossy(&word).into_owned())
    }

    fn collect(&self, automaton: impl Automaton) -> Vec<u32> {
        let mut stream = self.terms.search(automaton).into_stream();
        let mut found = Vec::new();
        while let Some((_, term)) = stream.next() {
            found.push(term as u32);
            if found.len() == MOST {
                break;
            }
        }
        found
    }
}

impl Default for Dictionary {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dictionary of {} terms", self.terms.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_means_the_nearest_terms() {
        let terms = ["adidas", "nike", "puma", "red", "reebok", "sweatshirt"];
        let dictionary = Dictionary::of(&terms);
        let cases: [(&str, &[&str]); 10] = [
            ("adidsa", &["adidas"]),
            ("addidas", &["adidas"]),
            ("nikke", &["nike"]),
            ("pumq", &["puma"]),
            ("reebk", &["reebok"]),
            ("rebk", &[]),
            ("swaetshrit", &[]),
            ("sweetshrt", &["sweatshirt"]),
            ("ret", &[]),
            ("1234", &[]),
        ];
        for (word, means) in cases {
            let found: Vec<&str> = dictionary.similar(word).iter().map(|m| terms[m.term as usize]).collect();
            assert_eq!(found, means, "{word}");
        }
    }

    #[test]
    fn an_unfinished_word_means_all_that_begin_with_it() {
        let dictionary = Dictionary::of(&["puma", "pumps", "red"]);
        assert_eq!(dictionary.starting("pum"), [0, 1]);
        assert!(dictionary.starting("x").is_empty());
    }
}
