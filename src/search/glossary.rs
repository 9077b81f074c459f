//! Words of other languages → concepts, whose names are English: "Lederjacke" is "leather" and "jacket".
//!
//! A glossary is a small file a language, made by `make.py` of a lexicon and of `own.csv`. The one of English says
//! what else a concept is called, and which values of attributes it is. [`reading`](super::reading) finds what a
//! catalog calls a concept.

mod compound;
pub mod language;
mod near;

use super::fold::tokens;
use crate::error::{Error, Result};
use language::Language;
use std::collections::HashMap;

/// The first word of a file.
const FORMAT: &str = "vitrine-glossary";
/// The version of the format that is read.
const VERSION: &str = "1";
/// A larger file is none of ours, in bytes.
const MOST_BYTES: usize = 1 << 20;
/// The most words of one form.
const MOST_WORDS: usize = 6;

/// What kind of word a concept is, for its place in an English text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A thing that is sold.
    Thing,
    /// What it is like.
    Quality,
    /// Whom it is for.
    Person,
    /// A word of the grammar, as "with" or "without".
    Grammar,
}

/// What a form may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meant {
    /// Number of the concept in its glossary.
    pub concept: u32,
    /// Whether it is one of the concept's usual names.
    pub usual: bool,
}

/// How a word was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// As a typo of a form.
    Typo,
    /// By the end of a compound, the rest of which nobody knows.
    Part,
    /// By its stem, or as a compound of known parts.
    Form,
    /// As it is listed.
    Listed,
}

/// What the first words of a text mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// How many words.
    pub words: usize,
    /// What each part means, in order: a compound has several, and each part may mean several things.
    pub parts: Vec<Vec<Meant>>,
    /// How they were found.
    pub how: How,
}

/// A concept and what one language calls it.
#[derive(Clone, Debug)]
pub struct Concept {
    /// Its English name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// What it is called, folded.
    pub forms: Vec<Vec<String>>,
    /// Values that it is, where an attribute has that name: `("sleeve", "long")`. Of the English glossary alone.
    pub values: Vec<(String, String)>,
    /// Concepts that a shop without it may count it to. Of the English glossary alone.
    pub near: Vec<String>,
}

/// The words of one language.
#[derive(Clone, Debug)]
pub struct Glossary {
    /// Whose words.
    pub language: Language,
    concepts: Vec<Concept>,
    by_name: HashMap<String, u32>,
    /// Words of a form joined by blanks → meanings; the same by their stems, and forms that only begin compounds.
    listed: HashMap<String, Vec<Meant>>,
    stems: HashMap<String, Vec<Meant>>,
    fronts: HashMap<String, Vec<Meant>>,
}

impl Glossary {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Argument`] for a file that is no glossary, or of a language or version that is not read here.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let bad = |got: &str| {
            Error::Argument(format!("reading a glossary: expected a file that make.py wrote, got {got}; make it again"))
        };
        if bytes.len() > MOST_BYTES {
            return Err(bad(&format!("{} bytes where at most {MOST_BYTES} are read", bytes.len())));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| bad(&format!("no UTF-8 ({e})")))?;
        let mut lines = text.lines();
        let head: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let language = match head[..] {
            [FORMAT, VERSION, code] => Language::from_code(code).ok_or_else(|| bad(&format!("the language {code}")))?,
            _ => return Err(bad("another first line")),
        };
        let mut glossary = Self::empty(language);
        for line in lines {
            let cells: Vec<&str> = line.split('\t').collect();
            let [name, kind, forms @ .., values, near] = &cells[..] else {
                return Err(bad(&format!("the line {line:?}")));
            };
            let kind = kind_of(kind).ok_or_else(|| bad(&format!("the kind {kind:?}")))?;
            let near = near.split('|').filter(|name| !name.is_empty()).map(str::to_string).collect();
            let values = values.split('|').filter_map(|value| value.split_once('='));
            let values = values.map(|(attribute, value)| (attribute.to_string(), value.to_string())).collect();
            glossary.add(Concept { name: name.to_string(), kind, forms: Vec::new(), values, near }, forms);
        }
        Ok(glossary)
    }

    fn empty(language: Language) -> Self {
        let (listed, stems, fronts) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { language, concepts: Vec::new(), by_name: HashMap::new(), listed, stems, fronts }
    }

    /// Takes a concept and its forms: the usual ones and those that are seldom meant so.
    fn add(&mut self, concept: Concept, forms: &[&str]) {
        let number = self.concepts.len() as u32;
        self.by_name.insert(concept.name.clone(), number);
        self.concepts.push(concept);
        for (forms, usual) in forms.iter().zip([true, false]) {
            for form in forms.split('|').filter(|form| !form.is_empty()) {
                self.add_form(form, Meant { concept: number, usual });
            }
        }
    }

    fn add_form(&mut self, form: &str, meant: Meant) {
        let (form, front) = match form.strip_suffix('-') {
            Some(front) => (front, true),
            None => (form, false),
        };
        for spelled in spellings(form, self.language) {
            let words: Vec<String> = tokens(&spelled).collect();
            let joined = words.join(" ");
            if front {
                put(&mut self.fronts, words.concat(), meant);
                continue;
            }
            let stems: Vec<String> = words.iter().map(|word| self.language.stem(word)).collect();
            put(&mut self.stems, stems.join(" "), meant);
            put(&mut self.listed, joined, meant);
            let known = &mut self.concepts[meant.concept as usize].forms;
            if !known.contains(&words) {
                known.push(words);
            }
        }
    }

    /// A concept.
    pub fn concept(&self, number: u32) -> &Concept {
        &self.concepts[number as usize]
    }

    /// The concept of an English name.
    pub fn named(&self, name: &str) -> Option<&Concept> {
        self.by_name.get(name).map(|&number| self.concept(number))
    }

    /// What the first of folded words mean: the longest form that they begin with.
    pub fn find(&self, words: &[String]) -> Option<Found> {
        let most = words.iter().take_while(|word| !word.is_empty()).count().min(MOST_WORDS);
        (1..=most).rev().find_map(|n| self.form(&words[..n])).or_else(|| self.compound(words.first()?))
    }

    /// Whether a find is a word of the grammar, which tells less than one with a meaning of its own.
    pub fn is_grammar(&self, found: &Found) -> bool {
        let first = found.parts.first().and_then(|meant| meant.first());
        first.is_some_and(|meant| self.concept(meant.concept).kind == Kind::Grammar)
    }

    /// What the first word means if it has a typo.
    pub fn find_near(&self, words: &[String]) -> Option<Found> {
        let near = near::nearest(words.first()?, self.listed.keys().map(String::as_str))?;
        Some(Found { words: 1, parts: vec![self.listed.get(near)?.clone()], how: How::Typo })
    }

    /// Words that are a form, as it is listed or by their stems.
    fn form(&self, words: &[String]) -> Option<Found> {
        let found = |meant: &Vec<Meant>, how| Found { words: words.len(), parts: vec![meant.clone()], how };
        if let Some(meant) = self.listed.get(&words.join(" ")) {
            return Some(found(meant, How::Listed));
        }
        if let Some(meant) = self.listed.get(&words.concat()).filter(|_| (2..=3).contains(&words.len())) {
            return Some(found(meant, How::Listed));
        }
        let stems: Vec<String> = words.iter().map(|word| self.language.stem(word)).collect();
        let small = || self.stems.get(&self.language.small(words.first()?)?).filter(|_| words.len() == 1);
        let long = words.iter().all(|word| word.chars().count() >= 4) || words.len() > 1;
        let meant = self.stems.get(&stems.join(" ")).filter(|_| long).or_else(small)?;
        Some(found(meant, How::Form))
    }
}

/// The glossaries that are here.
#[derive(Clone, Debug, Default)]
pub struct Glossaries {
    all: Vec<Glossary>,
    /// The language that the visitor reads, which decides where a text may be of several.
    pub reader: Option<Language>,
}

impl Glossaries {
    /// Those that ship.
    ///
    /// # Errors
    /// [`Error::Argument`] for a file that is no glossary.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn shipped() -> Result<Self> {
        let mut glossaries = Self::default();
        for (_, bytes) in FILES {
            glossaries.add(bytes)?;
        }
        Ok(glossaries)
    }

    /// Takes a file; one of the same language takes the place of the former.
    ///
    /// # Errors
    /// [`Error::Argument`] for a file that is no glossary.
    pub fn add(&mut self, bytes: &[u8]) -> Result<Language> {
        let glossary = Glossary::read(bytes)?;
        let language = glossary.language;
        self.all.retain(|known| known.language != language);
        self.all.push(glossary);
        Ok(language)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Glossary> {
        self.all.iter()
    }

    /// That of a language, if it is here.
    pub fn of(&self, language: Language) -> Option<&Glossary> {
        self.all.iter().find(|glossary| glossary.language == language)
    }
}

/// The files that ship, by their language's code. A page fetches those that its visitor needs.
#[cfg(not(target_arch = "wasm32"))]
pub const FILES: [(&str, &[u8]); 7] = [
    ("en", include_bytes!("glossary/en.tsv")),
    ("de", include_bytes!("glossary/de.tsv")),
    ("fr", include_bytes!("glossary/fr.tsv")),
    ("es", include_bytes!("glossary/es.tsv")),
    ("it", include_bytes!("glossary/it.tsv")),
    ("pt", include_bytes!("glossary/pt.tsv")),
    ("nl", include_bytes!("glossary/nl.tsv")),
];

fn kind_of(code: &str) -> Option<Kind> {
    [("t", Kind::Thing), ("q", Kind::Quality), ("p", Kind::Person), ("g", Kind::Grammar)]
        .into_iter()
        .find_map(|(known, kind)| (known == code).then_some(kind))
}

/// A form, and how it is typed where a keyboard has no umlauts: "grün" is "gruen" too.
fn spellings(form: &str, language: Language) -> Vec<String> {
    let lower = form.to_lowercase();
    let long = lower.replace('ä', "ae").replace('ö', "oe").replace('ü', "ue");
    match language == Language::German && long != lower {
        true => vec![lower, long],
        false => vec![lower],
    }
}

fn put(map: &mut HashMap<String, Vec<Meant>>, key: String, meant: Meant) {
    let known = map.entry(key).or_default();
    match known.iter_mut().find(|known| known.concept == meant.concept) {
        Some(known) => known.usual |= meant.usual,
        None => known.push(meant),
    }
}
