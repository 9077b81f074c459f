//! What a text names of what the catalog knows: ids, words of titles, values of attributes, and what is not wanted.

use super::words::attributes::Value;
use super::words::dictionary::Meaning;
use super::words::postings::Field;
use super::words::{self, TextIndex, stem};

/// Words that say nothing by themselves, folded, in the languages that queries come in.
const FUNCTION: &[&str] = &[
    "a", "an", "and", "are", "at", "but", "by", "for", "from", "has", "have", "i", "in", "is", "it", "its", "like",
    "made", "of", "on", "or", "same", "some", "that", "the", "to", "version", "want", "with", "your", "my", "me",
    "this", "colored", "coloured", "color", "colour", "wear", "style", "please", "looking", "der", "die", "das", "den",
    "dem", "ein", "eine", "einen", "einem", "einer", "und", "fur", "fuer", "mit", "aus", "von", "im", "zum", "zur",
    "ist", "le", "la", "les", "un", "une", "de", "du", "des", "et", "pour", "avec", "en", "au", "aux", "est", "el",
    "los", "las", "una", "unos", "unas", "y", "para", "con", "del", "al", "es", "il", "lo", "gli", "uno", "e", "per",
    "di", "da", "della", "dei",
];

/// What such a word tells beside another that as many products hold.
const FUNCTION_TELLS: f32 = 0.2;

/// What stands before something unwanted. Longer ones first.
const UNWANTED: &[&[&str]] = &[
    &["instead", "of"],
    &["rather", "than"],
    &["au", "lieu", "de"],
    &["plutot", "que"],
    &["en", "vez", "de"],
    &["en", "lugar", "de"],
    &["al", "posto", "di"],
    &["invece", "di"],
    &["invece", "che"],
    &["anstelle", "von"],
    &["without"],
    &["no"],
    &["not"],
    &["less"],
    &["non"],
    &["minus"],
    &["ohne"],
    &["kein"],
    &["keine"],
    &["keinen"],
    &["nicht"],
    &["weniger"],
    &["statt"],
    &["anstatt"],
    &["sans"],
    &["pas"],
    &["moins"],
    &["sin"],
    &["menos"],
    &["meno"],
    &["senza"],
];

/// What begins "change grey to red": up to the word that ends it, what follows is unwanted.
const EXCHANGED: &[&str] = &["change", "replace", "swap", "remplace", "cambia", "ersetze", "sostituisci"];

/// What ends something unwanted.
const WANTED_AGAIN: &[&str] = &[
    "and", "but", "to", "with", "into", "more", "und", "aber", "mit", "mehr", "durch", "zu", "et", "mais", "avec",
    "plus", "par", "y", "pero", "con", "mas", "por", "e", "ma", "piu",
];

/// Words that stand together: a value's name, or one word.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// The words, folded.
    pub words: Vec<String>,
    /// For each word the terms that it may mean.
    pub terms: Vec<Vec<Meaning>>,
    /// Values of attributes that the words are the name of.
    pub values: Vec<Value>,
    /// Whether it is not wanted.
    pub unwanted: bool,
    /// Whether it says nothing by itself, as "with".
    pub function: bool,
    /// Whether some title or value holds it, typos allowed.
    pub known: bool,
    /// How much it tells, 0 to 1: words that many products hold tell little, and "with" or "colour" next to nothing.
    pub tells: f32,
}

/// A text as the catalog understands it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// What it says, in its order.
    pub units: Vec<Unit>,
    /// Rows whose id it is.
    pub ids: Vec<u32>,
    /// The terms of all its words in order, where every word is one.
    pub terms: Option<Vec<u32>>,
}

impl Wanted {
    /// Reads a text, the last word of which may be unfinished if `typing`.
    pub fn read(text: &str, index: &TextIndex, typing: bool) -> Self {
        let tokens = tokens(text);
        let terms: Option<Vec<u32>> =
            tokens.iter().filter(|token| !token.is_empty()).map(|token| index.dictionary().exact(token)).collect();
        let mut wanted = Self { units: Vec::new(), ids: index.by_id(text), terms: terms.filter(|t| !t.is_empty()) };
        let (mut i, mut unwanted, mut exchanged) = (0, false, false);
        while i < tokens.len() {
            let cue = UNWANTED.iter().find(|cue| starts_with(&tokens[i..], cue));
            if let Some(cue) = cue.filter(|_| !index.together(&tokens[i], &tokens[i + 1])) {
                (i, unwanted) = (i + cue.len(), true);
                continue;
            }
            if EXCHANGED.contains(&tokens[i].as_str()) {
                (i, unwanted, exchanged) = (i + 1, true, true);
                continue;
            }
            let length = value_length(&tokens[i..], index);
            let token = tokens[i].as_str();
            if length == 0 && (token.is_empty() || WANTED_AGAIN.contains(&token)) && !(exchanged && token == "and") {
                (unwanted, exchanged) = (false, false);
            }
            if !token.is_empty() {
                let last = typing && i + length.max(1) == tokens.len();
                let mut unit = Unit::of(&tokens[i..i + length.max(1)], index, unwanted, last);
                let function = length == 0 && (FUNCTION.contains(&token) || WANTED_AGAIN.contains(&token));
                if function {
                    // a title may still be told from another by it
                    (unit.tells, unit.function, unit.unwanted) = (unit.tells * FUNCTION_TELLS, true, false);
                    wanted.units.push(unit);
                    i += 1;
                    continue;
                }
                // one thing is unwanted, not all that follows
                unwanted &= exchanged;
                wanted.units.push(unit);
            }
            i += length.max(1);
        }
        wanted
    }

    /// What is looked for.
    pub fn positive(&self) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(|unit| !unit.unwanted)
    }

    /// The share of what it says that the catalog's texts know. A text without a single word says nothing that is known.
    pub fn familiar(&self) -> f32 {
        let said: Vec<f32> = self.units.iter().filter(|unit| !unit.function).map(Unit::sure).collect();
        match said.len() {
            0 => f32::from(u8::from(!self.units.is_empty())),
            all => said.iter().sum::<f32>() / all as f32,
        }
    }

    /// What is not.
    pub fn negative(&self) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(|unit| unit.unwanted)
    }
}

/// The folded words of a text; an empty one stands for a comma or the like.
fn tokens(text: &str) -> Vec<String> {
    let parts: Vec<Vec<String>> = text.split([',', ';']).map(|part| words::tokens(part).collect()).collect();
    parts.join(&String::new())
}

fn starts_with(tokens: &[String], cue: &[&str]) -> bool {
    tokens.len() > cue.len() && tokens.iter().zip(cue).all(|(token, cue)| token == cue)
}

/// How many of the first words are the name of a value; 0 if none is.
fn value_length(tokens: &[String], index: &TextIndex) -> usize {
    (1..=tokens.len().min(4)).rev().find(|&n| !values(&tokens[..n], index).is_empty()).unwrap_or(0)
}

fn values<'a>(words: &[String], index: &'a TextIndex) -> &'a [Value] {
    if words.iter().any(String::is_empty) {
        return &[];
    }
    let stems: Vec<String> = words.iter().map(|word| stem(word)).collect();
    let spaced = index.attributes().named(&stems.join(" "));
    match spaced.is_empty() && words.len() > 1 {
        true => index.attributes().named(&stems.concat()),
        false => spaced,
    }
}

impl Unit {
    fn of(words: &[String], index: &TextIndex, unwanted: bool, typing: bool) -> Self {
        let terms: Vec<Vec<Meaning>> = words.iter().map(|word| meanings(word, index, typing)).collect();
        let values = values(words, index).to_vec();
        let known = !values.is_empty() || terms.iter().all(|terms| !terms.is_empty());
        let held = |meaning: &Meaning| index.postings().of_term(meaning.term).0.len();
        let words_held = terms.iter().map(|terms| terms.iter().map(held).sum::<usize>()).min().unwrap_or(0);
        let values_held: usize = values.iter().map(|&value| index.attributes().count(value)).sum();
        let rows = index.len().max(1) as f32;
        let count = if values_held > 0 { values_held } else { words_held };
        let tells = (rows / count.max(1) as f32).ln_1p() / rows.ln_1p();
        Self { words: words.to_vec(), terms, values, unwanted, function: false, known, tells: tells.min(1.0) }
    }

    /// 1 for what stands in the catalog as it was typed, ¼ for what may be it with a typo, 0 for what is not known: of
    /// words about other things, most are one letter from some word here.
    fn sure(&self) -> f32 {
        let typed = |terms: &Vec<Meaning>| terms.iter().any(|meaning| meaning.edits == 0);
        match self.known {
            false => 0.0,
            true if !self.values.is_empty() || self.terms.iter().all(typed) => 1.0,
            true => 0.25,
        }
    }

    /// The share of the titles with this word that begin with it: names of makers stand first.
    pub fn leads(&self, index: &TextIndex) -> f32 {
        let Some(Meaning { term, edits: 0, .. }) = self.terms.first().and_then(|terms| terms.first()).copied() else {
            return 0.0;
        };
        let titles = index.postings().count(term, Field::Title);
        let (rows, _) = index.postings().of_term(term);
        let first = rows.iter().filter(|&&row| index.title(row).first() == Some(&term)).count();
        first as f32 / titles.max(1) as f32
    }
}

/// The terms that a word may mean: itself and its other forms, or what begins with it, or what it is with a typo.
fn meanings(word: &str, index: &TextIndex, typing: bool) -> Vec<Meaning> {
    let sure = |term| Meaning { term, edits: 0, form: false };
    let own = index.dictionary().exact(word);
    let forms = index.forms(&stem(word)).iter().filter(|&&term| Some(term) != own);
    let mut terms: Vec<Meaning> = own.into_iter().map(sure).collect();
    terms.extend(forms.map(|&term| Meaning { form: true, ..sure(term) }));
    if typing && terms.is_empty() && word.chars().count() > 1 {
        terms.extend(index.dictionary().starting(word).into_iter().map(sure));
    }
    match terms.is_empty() {
        true => index.dictionary().similar(word),
        false => terms,
    }
}
