//! What a text names of what the catalog knows: ids, words of titles, values of attributes, and what is not wanted.

use super::reading::{Reading, Sense, Token};
use super::words::TextIndex;
use super::words::attributes::Value;
use super::words::dictionary::Meaning;

/// Words that say nothing by themselves, folded, in the languages that queries come in.
const FUNCTION: &[&str] = &[
    "a",
    "an",
    "and",
    "are",
    "at",
    "but",
    "by",
    "for",
    "from",
    "has",
    "have",
    "i",
    "in",
    "is",
    "it",
    "its",
    "like",
    "made",
    "of",
    "on",
    "or",
    "same",
    "some",
    "that",
    "the",
    "to",
    "version",
    "want",
    "with",
    "your",
    "my",
    "me",
    "this",
    "colored",
    "coloured",
    "color",
    "colour",
    "wear",
    "style",
    "please",
    "looking",
    "der",
    "die",
    "das",
    "den",
    "dem",
    "ein",
    "eine",
    "einen",
    "einem",
    "einer",
    "und",
    "fur",
    "fuer",
    "mit",
    "aus",
    "von",
    "im",
    "zum",
    "zur",
    "ist",
    "le",
    "la",
    "les",
    "un",
    "une",
    "de",
    "du",
    "des",
    "et",
    "pour",
    "avec",
    "en",
    "au",
    "aux",
    "est",
    "el",
    "los",
    "las",
    "una",
    "unos",
    "unas",
    "y",
    "para",
    "con",
    "del",
    "al",
    "es",
    "il",
    "lo",
    "gli",
    "uno",
    "e",
    "per",
    "di",
    "da",
    "della",
    "dei",
    "than",
    "as",
    "another",
    "other",
    "different",
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
    &["all", "but"],
    &["anything", "but"],
    &["any", "but"],
    &["without"],
    &["except"],
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

/// What makes of "than" a negation: "another pattern than striped".
const OTHER: &[&str] = &["another", "other", "different"];

/// What stands for a translated word where the words of the grammar are looked for.
const TRANSLATED: &str = "\u{fffc}";

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
    /// How sure its terms and values are, up to 1.
    pub sure: f32,
    /// What else it may mean.
    pub others: Vec<Other>,
    /// Whether it was typed in other words.
    pub translated: bool,
}

/// Another meaning of a unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// For each word the terms that it may mean.
    pub terms: Vec<Vec<Meaning>>,
    /// Values of attributes.
    pub values: Vec<Value>,
    /// How sure that is, up to 1.
    pub sure: f32,
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
    /// Reads a text by the catalog's own words, the last word of which may be unfinished if `typing`.
    pub fn read(text: &str, index: &TextIndex, typing: bool) -> Self {
        Self::of(&Reading::plain(text), index, typing)
    }

    /// What a text says to the catalog that has been read word by word.
    pub fn of(reading: &Reading, index: &TextIndex, typing: bool) -> Self {
        let tokens = &reading.tokens;
        let plain = |token: &Token| match token.translated() {
            true => TRANSLATED.to_string(),
            false => token.words.first().cloned().unwrap_or_default(),
        };
        let words: Vec<String> = tokens.iter().map(plain).collect();
        let terms = reading.typed.iter().filter(|word| !word.is_empty());
        let terms: Option<Vec<u32>> = terms.map(|word| index.dictionary().exact(word)).collect();
        let ids = index.by_id(&reading.text);
        let mut wanted = Self { units: Vec::new(), ids, terms: terms.filter(|t| !t.is_empty()) };
        let mut grammar = Grammar::default();
        let mut i = 0;
        while i < tokens.len() {
            // "non padded" is the name of something, where a title says so
            let name = words.get(i + 1).is_some_and(|next| index.together(&words[i], next));
            if let Some(cue) = if name { None } else { grammar.cue(&words, i) } {
                i += cue;
                continue;
            }
            let length = value_length(&words[i..], index);
            grammar.ends(&words[i], length);
            if !words[i].is_empty() {
                let last = typing && i + length.max(1) == tokens.len();
                let unit = match tokens[i].translated() {
                    true => Unit::translated(&tokens[i], index),
                    false => Unit::of(&words[i..i + length.max(1)], &tokens[i].senses, index, last),
                };
                wanted.units.push(grammar.place(unit, length));
            }
            i += length.max(1);
        }
        wanted.exchange();
        wanted
    }

    /// "From grey to red" wants no grey, where both are values of one attribute.
    fn exchange(&mut self) {
        let is = |unit: &Unit, word: &str| unit.function && unit.words.first().is_some_and(|first| first == word);
        let says: Vec<usize> = (0..self.units.len()).filter(|&i| !self.units[i].function).collect();
        for pair in says.windows(2) {
            let [from, to] = [pair[0], pair[1]];
            let before = from.checked_sub(1).is_some_and(|i| is(&self.units[i], "from"));
            let between = self.units[from + 1..to].iter().any(|unit| is(unit, "to"));
            let attribute = |i: usize| self.units[i].values.iter().map(|value| value.attribute).collect::<Vec<_>>();
            let alike = attribute(from).iter().any(|one| attribute(to).contains(one));
            if before && between && alike {
                self.units[from].unwanted = true;
            }
        }
    }

    /// What is looked for.
    pub fn positive(&self) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(|unit| !unit.unwanted)
    }

    /// The share of what it says that the catalog's texts know. A text without a single word says nothing that is known.
    pub fn familiar(&self) -> f32 {
        let said: Vec<f32> = self.units.iter().filter(|unit| !unit.function).map(Unit::familiar).collect();
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

/// Where a text stands between wanted and unwanted.
#[derive(Default)]
struct Grammar {
    unwanted: bool,
    exchanged: bool,
    other: bool,
}

impl Grammar {
    /// How many words at `i` begin something unwanted.
    fn cue(&mut self, words: &[String], i: usize) -> Option<usize> {
        let word = words[i].as_str();
        self.other |= OTHER.contains(&word);
        if let Some(cue) = UNWANTED.iter().find(|cue| starts_with(&words[i..], cue)) {
            self.unwanted = true;
            return Some(cue.len());
        }
        if self.other && word == "than" {
            self.unwanted = true;
            return Some(1);
        }
        let exchanged = EXCHANGED.contains(&word);
        (self.unwanted, self.exchanged) = (self.unwanted || exchanged, self.exchanged || exchanged);
        exchanged.then_some(1)
    }

    /// Ends what is unwanted, where a word does that and is no value's name.
    fn ends(&mut self, word: &str, length: usize) {
        let ends = word.is_empty() || WANTED_AGAIN.contains(&word);
        if length == 0 && ends && !(self.exchanged && word == "and") {
            (self.unwanted, self.exchanged) = (false, false);
        }
    }

    /// The unit as it is wanted.
    fn place(&mut self, mut unit: Unit, length: usize) -> Unit {
        let word = unit.words.first().map_or("", String::as_str);
        if length == 0 && (FUNCTION.contains(&word) || WANTED_AGAIN.contains(&word)) && !unit.translated {
            // a title may still be told from another by it
            (unit.tells, unit.function, unit.unwanted) = (unit.tells * FUNCTION_TELLS, true, false);
            return unit;
        }
        unit.unwanted = self.unwanted;
        // one thing is unwanted, not all that follows
        self.unwanted &= self.exchanged;
        unit
    }
}

fn starts_with(tokens: &[String], cue: &[&str]) -> bool {
    tokens.len() > cue.len() && tokens.iter().zip(cue).all(|(token, cue)| token == cue)
}

/// How many of the first words are the name of a value; 0 if none is.
fn value_length(words: &[String], index: &TextIndex) -> usize {
    (1..=words.len().min(4)).rev().find(|&n| !values(&words[..n], index).is_empty()).unwrap_or(0)
}

fn values<'a>(words: &[String], index: &'a TextIndex) -> &'a [Value] {
    if words.iter().any(String::is_empty) { &[] } else { index.named(words) }
}

impl Unit {
    fn of(words: &[String], senses: &[Sense], index: &TextIndex, typing: bool) -> Self {
        let terms = words.iter().map(|word| meanings(word, index, typing)).collect();
        let unit = Self { words: words.to_vec(), values: values(words, index).to_vec(), terms, ..Self::default() };
        unit.with(senses, index)
    }

    /// A word of another language: the first of its senses, and what else it may mean.
    fn translated(token: &Token, index: &TextIndex) -> Self {
        let mut unit = Self { words: token.words.clone(), translated: true, ..Self::default() };
        let Some((first, others)) = token.senses.split_first() else { return unit };
        let other = Other::of(first, index);
        (unit.terms, unit.values, unit.sure) = (other.terms, other.values, other.sure);
        unit.with(others, index)
    }

    /// Finishes a unit that has its terms and values.
    fn with(mut self, others: &[Sense], index: &TextIndex) -> Self {
        self.known = !self.values.is_empty() || self.terms.iter().all(|terms| !terms.is_empty());
        self.others = others.iter().map(|sense| Other::of(sense, index)).collect();
        let held = |meaning: &Meaning| index.postings().of_term(meaning.term).0.len();
        let words_held = self.terms.iter().map(|terms| terms.iter().map(held).sum::<usize>()).min().unwrap_or(0);
        let values_held: usize = self.values.iter().map(|&value| index.attributes().count(value)).sum();
        let rows = index.len().max(1) as f32;
        let count = if values_held > 0 { values_held } else { words_held };
        self.tells = ((rows / count.max(1) as f32).ln_1p() / rows.ln_1p()).min(1.0);
        self
    }

    /// All values that it may mean.
    pub fn all_values(&self) -> impl Iterator<Item = Value> {
        self.values.iter().chain(self.others.iter().flat_map(|other| &other.values)).copied()
    }

    /// 1 for what stands in the catalog as it was typed, ¼ for what may be it with a typo, 0 for what is not known: of
    /// words about other things, most are one letter from some word here.
    fn familiar(&self) -> f32 {
        let typed = |terms: &Vec<Meaning>| terms.iter().any(|meaning| meaning.edits == 0);
        match self.known {
            false => 0.0,
            true if !self.values.is_empty() || self.terms.iter().all(typed) => 1.0,
            true => 0.25,
        }
    }

    /// The share of the titles with this word that begin with it: names of makers stand first.
    pub fn leads(&self, index: &TextIndex) -> f32 {
        match self.terms.first().and_then(|terms| terms.first()) {
            Some(Meaning { edits: 0, .. }) => self.words.first().map_or(0.0, |word| index.leads(word)),
            _ => 0.0,
        }
    }
}

impl Default for Unit {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            terms: Vec::new(),
            values: Vec::new(),
            unwanted: false,
            function: false,
            known: false,
            tells: 1.0,
            sure: 1.0,
            others: Vec::new(),
            translated: false,
        }
    }
}

impl Other {
    fn of(sense: &Sense, index: &TextIndex) -> Self {
        let terms = sense.words.iter().map(|word| meanings(word, index, false)).collect();
        Self { terms, values: sense.values.clone(), sure: sense.sure }
    }
}

/// The terms that a word may mean: itself and its other forms, or what begins with it, or what it is with a typo.
fn meanings(word: &str, index: &TextIndex, typing: bool) -> Vec<Meaning> {
    let sure = |term| Meaning { term, edits: 0, form: false };
    let own = index.dictionary().exact(word);
    let forms = index.forms(word).iter().filter(|&&term| Some(term) != own);
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
