//! What was typed, word by word, in the language that it is in: what each word means to the catalog, and the text in
//! English, which is all that the text encoder knows.
//!
//! A word of the catalog's own language stays as it is. One of another is looked up in the [`glossary`](super::glossary),
//! and its concepts are looked for among the catalog's values and words by every name that the glossaries give them.

mod symbols;

use super::fold::{self, fold};
use super::glossary::language::Language;
use super::glossary::{Found, Glossaries, Glossary, How, Kind, Meant};
use super::words::TextIndex;
use super::words::attributes::Value;

/// What a meaning counts that its word seldom has.
const SELDOM: f32 = 0.9;
/// What a meaning counts in another language than the text's.
const ELSEWHERE: f32 = 0.8;
/// What is left of the likeness of a text with accents to English.
const ACCENTED: f32 = 0.4;
/// The most names of a concept that are looked for in titles.
const MOST_NAMES: usize = 4;
/// Attributes whose values are kinds of products in the English glossary.
const KINDS: [&str; 2] = ["articleType", "garment"];
/// Names in the singular of what is sold in pairs.
const PAIRS: [&str; 5] = ["cufflink", "earring", "glove", "sandal", "sock"];
/// A word that begins so many of the titles that hold it is a maker's name, if so many titles do.
const LEADS: f32 = 0.5;
const TITLES: usize = 2;

/// What a word may mean to a catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct Sense {
    /// The catalog's own words for it, folded.
    pub words: Vec<String>,
    /// Values of attributes.
    pub values: Vec<Value>,
    /// How sure that is, up to 1.
    pub sure: f32,
}

/// A word of a text, or some that mean one thing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Token {
    /// The words, folded: as they were typed, or in English. An empty one stands for a comma or the like.
    pub words: Vec<String>,
    /// What it may mean beside its words, or, where it was translated, all that it may.
    pub senses: Vec<Sense>,
    /// What kind of word it is, where it was translated.
    pub kind: Option<Kind>,
    /// How it stands in an English text.
    shown: String,
}

/// A text, understood as far as catalog and glossaries go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The text as it was typed.
    pub text: String,
    /// Its words as they were typed, folded.
    pub typed: Vec<String>,
    /// Its words as they are understood.
    pub tokens: Vec<Token>,
    /// Its language.
    pub language: Language,
    /// The text in English, where some of it was in another language or a picture.
    pub english: Option<String>,
    /// Words as typed that neither the catalog nor a glossary knows.
    pub unknown: Vec<String>,
    /// The script of most letters, where nothing here reads it: "Cyrillic".
    pub script: Option<&'static str>,
}

/// A word as typed and folded.
struct Typed {
    raw: String,
    folded: String,
}

impl Reading {
    /// Reads a text by the catalog's own words alone.
    pub fn plain(text: &str) -> Self {
        let words = typed(text);
        let tokens = words.iter().map(Token::own).collect();
        let folded = words.into_iter().map(|word| word.folded).collect();
        Self { text: text.into(), typed: folded, tokens, ..Self::default() }
    }

    /// Reads a text with the help of glossaries.
    pub fn of(text: &str, index: &TextIndex, glossaries: &Glossaries) -> Self {
        let pictured = symbols::in_words(text);
        let words = typed(pictured.as_deref().unwrap_or(text));
        let folded: Vec<String> = words.iter().map(|word| word.folded.clone()).collect();
        let accented = text.chars().any(|c| c.is_alphabetic() && !c.is_ascii());
        let (language, rivals) = language(&folded, accented, index, glossaries);
        let mut reader = Reader { index, glossaries, language, rivals, translated: pictured.is_some(), thing: false };
        let (mut tokens, mut unknown, mut i) = (Vec::new(), Vec::new(), 0);
        while i < words.len() {
            let (mut read, used) = reader.read(&words[i..], &folded[i..]);
            if read.is_empty() && used == 0 {
                unknown.push(words[i].raw.clone());
                read.push(Token { shown: String::new(), ..Token::own(&words[i]) });
            }
            tokens.extend(read);
            i += used.max(1);
        }
        let changing = |token: &Token| token.words.first().is_some_and(|word| word == "change");
        if language.compounds() && tokens.len() > 1 && tokens.last().is_some_and(changing) {
            // the verb stands last: "grau durch rot ersetzen"
            tokens.rotate_right(1);
        }
        let english = reader.translated.then(|| in_english(&tokens, language));
        let script = symbols::unread_script(text).filter(|_| !unknown.is_empty());
        Self { text: text.into(), typed: folded, tokens, language, english, unknown, script }
    }

    /// Reads a text by the glossaries alone, for a model without a catalog.
    pub fn without_catalog(text: &str, glossaries: &Glossaries) -> Self {
        Self::of(text, &TextIndex::default(), glossaries)
    }

    /// The text as the text encoder reads it: in English where it was in another language.
    pub fn for_encoder(&self) -> &str {
        self.english.as_deref().filter(|text| !text.is_empty()).unwrap_or(&self.text)
    }

    /// Takes words for known that somebody else knows.
    pub fn forget(&mut self, knows: impl Fn(&str) -> bool) {
        self.unknown.retain(|word| {
            let known = word.is_ascii() && knows(word);
            let same = |token: &&mut Token| token.shown.is_empty() && token.words == [fold(word)];
            if known {
                self.tokens.iter_mut().filter(same).for_each(|token| token.shown.clone_from(word));
            }
            !known
        });
    }

    /// Whether a text holds words that say something, and all of them are unknown.
    pub fn says_nothing_known(&self) -> bool {
        let says = |word: &String| word.chars().any(char::is_alphabetic) && !is_function(word, self.language);
        let known = |token: &&Token| {
            token.words.first().is_some_and(says) && token.kind != Some(Kind::Grammar) && !token.shown.is_empty()
        };
        !self.unknown.is_empty() && !self.tokens.iter().any(|token| known(&token))
    }
}

impl Token {
    fn own(word: &Typed) -> Self {
        Self { words: vec![word.folded.clone()], shown: word.raw.clone(), ..Self::default() }
    }

    /// Whether it is in other words than it was typed in.
    pub fn translated(&self) -> bool {
        self.kind.is_some_and(|kind| kind != Kind::Grammar)
    }
}

/// What reads one text.
struct Reader<'a> {
    index: &'a TextIndex,
    glossaries: &'a Glossaries,
    language: Language,
    /// Languages that the text may be of as well.
    rivals: Vec<Language>,
    translated: bool,
    /// Whether something that is sold was named already.
    thing: bool,
}

impl Reader<'_> {
    /// The tokens of the first words, and how many words those are; none at all where nobody knows the first.
    fn read(&mut self, words: &[Typed], folded: &[String]) -> (Vec<Token>, usize) {
        let own = || Token::own(&words[0]);
        if folded[0].is_empty() || is_maker(&folded[0], self.index, self.glossaries) {
            return (vec![own()], 1);
        }
        let at_home = self.language == self.index.language();
        if at_home && self.catalog_knows(folded) {
            return (vec![Token { senses: self.elsewhere(folded), ..own() }], 1);
        }
        let glossary = self.glossaries.of(self.language);
        let exact = self.index.dictionary().exact(&folded[0]).is_some();
        let found = glossary.and_then(|glossary| glossary.find(folded));
        if let Some((glossary, found)) = glossary.zip(found.filter(|found| found.how > How::Part || !exact)) {
            let (mut tokens, used) = self.meant(glossary, &found, &words[..found.words]);
            if let [token] = &mut tokens[..] {
                token.senses.extend(self.elsewhere(folded));
            }
            return (tokens, used);
        }
        if is_function(&folded[0], self.language) || self.catalog_knows(folded) {
            return (vec![own()], 1);
        }
        let others = self.glossaries.iter().filter(|glossary| glossary.language != self.language);
        // endings of one language are chance in another
        let sure = |glossary: &Glossary, found: &Found| {
            found.how == How::Listed || (glossary.language == Language::English && found.how == How::Form)
        };
        let found = others.filter_map(|glossary| Some((glossary, glossary.find(folded)?)));
        let found = found.filter(|(glossary, found)| sure(glossary, found));
        if let Some((glossary, found)) = found.max_by_key(|(_, found)| (found.how, found.words)) {
            return self.meant(glossary, &found, &words[..found.words]);
        }
        let similar = || !self.index.dictionary().similar(&folded[0]).is_empty();
        if at_home && similar() {
            return (vec![own()], 1);
        }
        if let Some((glossary, found)) = glossary.and_then(|glossary| Some((glossary, glossary.find_near(folded)?))) {
            return self.meant(glossary, &found, &words[..1]);
        }
        // a letter alone may be a size, a sign alone is a word in some scripts
        let says = folded[0].chars().any(char::is_alphabetic) && folded[0].len() > 1;
        match similar() || !says {
            true => (vec![own()], 1),
            false => (Vec::new(), 0),
        }
    }

    fn catalog_knows(&self, folded: &[String]) -> bool {
        let word = &folded[0];
        let named = (1..=folded.len().min(4))
            .any(|n| folded[..n].iter().all(|word| !word.is_empty()) && !self.index.named(&folded[..n]).is_empty());
        named || self.index.dictionary().exact(word).is_some() || !self.index.forms(word).is_empty()
    }

    /// What a word of the catalog means in a language that the text may be of as well.
    fn elsewhere(&self, folded: &[String]) -> Vec<Sense> {
        let glossaries = self.rivals.iter().filter_map(|&language| self.glossaries.of(language));
        let listed = |glossary: &Glossary| {
            let found = glossary.find(&folded[..1]).filter(|found| found.how == How::Listed)?;
            let mut senses = self.senses(glossary, found.parts.first()?);
            senses.iter_mut().for_each(|sense| sense.sure *= ELSEWHERE);
            Some(senses)
        };
        glossaries.filter_map(listed).flatten().collect()
    }

    /// The tokens of a find: words of the grammar in English, or for each part what it may mean.
    fn meant(&mut self, glossary: &Glossary, found: &Found, words: &[Typed]) -> (Vec<Token>, usize) {
        self.translated |= glossary.language != Language::English;
        let sure = match found.how {
            How::Listed | How::Form => 1.0,
            How::Part | How::Typo => SELDOM,
        };
        let mut tokens = Vec::new();
        for meant in &found.parts {
            let concept = glossary.concept(self.likeliest(glossary, meant).concept);
            if concept.kind == Kind::Grammar {
                tokens.extend(grammar(&concept.name));
                continue;
            }
            let mut senses = self.senses(glossary, meant);
            senses.iter_mut().for_each(|sense| sense.sure *= sure);
            if let [word] = words {
                // a word that titles hold may be meant as it stands
                if self.index.dictionary().exact(&word.folded).is_some() && found.parts.len() == 1 {
                    let sense = Sense { words: vec![word.folded.clone()], values: Vec::new(), sure: ELSEWHERE };
                    senses.push(sense);
                }
            }
            // an English word is the encoder's own
            let shown = match glossary.language {
                Language::English => words.iter().map(|word| word.raw.as_str()).collect::<Vec<_>>().join(" "),
                _ => in_trade(&concept.name),
            };
            self.thing |= concept.kind == Kind::Thing;
            let named = fold::tokens(&concept.name).collect();
            tokens.push(Token { words: named, senses, kind: Some(concept.kind), shown });
        }
        (tokens, found.words)
    }

    /// What concepts are to the catalog, the likeliest first.
    fn senses(&self, glossary: &Glossary, meant: &[Meant]) -> Vec<Sense> {
        let resolved = |meant: &Meant| (meant.usual, self.resolve(&glossary.concept(meant.concept).name));
        let mut all: Vec<(bool, Vec<Sense>)> = meant.iter().map(resolved).collect();
        if all.iter().flat_map(|(_, senses)| senses).all(|sense| sense.values.is_empty()) {
            let near = meant.iter().map(|meant| (meant.usual, self.near(&glossary.concept(meant.concept).name)));
            all.extend(near);
        }
        all.retain(|(_, senses)| !senses.is_empty());
        // seldom counts less only where the usual is there
        let there = all.iter().any(|(usual, _)| *usual);
        let mut senses: Vec<Sense> = Vec::new();
        for (usual, of_concept) in all {
            let factor = if usual || !there { 1.0 } else { SELDOM };
            senses.extend(of_concept.into_iter().map(|sense| Sense { sure: sense.sure * factor, ..sense }));
        }
        senses.sort_by(|a, b| b.sure.total_cmp(&a.sure).then(a.values.is_empty().cmp(&b.values.is_empty())));
        senses
    }

    /// What the catalog may count a concept to that it has no name for.
    fn near(&self, name: &str) -> Vec<Sense> {
        let english = self.glossaries.of(Language::English).and_then(|english| english.named(name));
        let mut near: Vec<&str> = english.iter().flat_map(|concept| &concept.near).map(String::as_str).collect();
        if near.is_empty() {
            // a bomber jacket is a jacket, and sea green a green
            near.extend(name.split_once(' ').map(|(_, rest)| rest));
        }
        let near = near.iter().flat_map(|name| self.resolve(name)).filter(|sense| !sense.values.is_empty());
        near.map(|sense| Sense { sure: sense.sure * SELDOM, ..sense }).collect()
    }

    /// The likeliest meaning: of the usual ones the first that is a value to the catalog. Where none is, the first that is a
    /// kind of product if nothing was named yet that is sold: "jean bleu" is a pair of jeans, "chemise en jean" is of denim.
    fn likeliest(&self, glossary: &Glossary, meant: &[Meant]) -> Meant {
        let usual = || meant.iter().filter(|meant| meant.usual);
        let name = |meant: &Meant| glossary.concept(meant.concept).name.as_str();
        let is_value = |meant: &&Meant| self.resolve(name(meant)).iter().any(|sense| !sense.values.is_empty());
        let is_kind = |meant: &&Meant| !self.thing && self.is_kind(name(meant));
        let one = usual().find(is_value).or_else(|| usual().find(is_kind)).or_else(|| usual().next());
        one.or(meant.first()).copied().unwrap_or(Meant { concept: 0, usual: false })
    }

    /// Whether a concept is one kind of product, as trousers are, and no group of them, as clothing is.
    fn is_kind(&self, name: &str) -> bool {
        let english = self.glossaries.of(Language::English).and_then(|english| english.named(name));
        english.is_some_and(|concept| concept.values.iter().any(|(attribute, _)| KINDS.contains(&attribute.as_str())))
    }

    /// What the catalog calls a concept: values by its names, values of attributes of the glossary's names, or else the
    /// words of its names as titles hold them.
    fn resolve(&self, name: &str) -> Vec<Sense> {
        let names = self.names(name);
        let named = |words: &Vec<String>| (words.clone(), self.index.named(words).to_vec());
        let named: Vec<(Vec<String>, Vec<Value>)> =
            names.iter().map(named).filter(|(_, values)| !values.is_empty()).collect();
        let mut senses = Vec::new();
        let mut values: Vec<Value> = named.iter().flat_map(|(_, values)| values.clone()).collect();
        values.sort_unstable();
        values.dedup();
        if let Some((words, _)) = named.into_iter().next() {
            senses.push(Sense { words, values: values.clone(), sure: 1.0 });
        }
        let english = self.glossaries.of(Language::English).and_then(|english| english.named(name));
        let mut known: Vec<Value> = Vec::new();
        for (attribute, value) in english.map_or(&[][..], |concept| &concept.values) {
            known.extend(self.index.attributes().value(attribute, value).filter(|value| !values.contains(value)));
        }
        if !known.is_empty() {
            let sure = if senses.is_empty() { 1.0 } else { SELDOM };
            let words = names.first().cloned().unwrap_or_default();
            senses.push(Sense { words, values: known, sure });
        }
        if senses.is_empty() {
            let held = |words: &&Vec<String>| words.iter().all(|word| !self.index.forms(word).is_empty());
            let by_title = names.iter().filter(held).take(MOST_NAMES);
            senses = by_title.map(|words| Sense { words: words.clone(), values: Vec::new(), sure: 1.0 }).collect();
        }
        senses
    }

    /// All names of a concept that the catalog may use: its English ones and those of the catalog's language.
    fn names(&self, name: &str) -> Vec<Vec<String>> {
        let mut names = vec![fold::tokens(name).collect::<Vec<_>>()];
        for language in [Language::English, self.index.language()] {
            let concept = self.glossaries.of(language).and_then(|glossary| glossary.named(name));
            for form in concept.map_or(&[][..], |concept| &concept.forms) {
                if !names.contains(form) {
                    names.push(form.clone());
                }
            }
        }
        names
    }
}

/// A concept's name as shops have it, which sell socks and never a sock.
fn in_trade(name: &str) -> String {
    if PAIRS.contains(&name) { format!("{name}s") } else { name.to_owned() }
}

/// The words of the grammar that a concept is; wishes as "looking for" say nothing.
fn grammar(name: &str) -> Vec<Token> {
    const SILENT: [&str; 11] =
        ["buy", "find", "looking for", "I want", "show me", "to wear", "like this", "matching", "very", "made", "nice"];
    let name = match name {
        name if SILENT.contains(&name) => return Vec::new(),
        "the same" => "same",
        name => name,
    };
    let token = |word: &str| Token {
        words: vec![word.into()],
        shown: word.into(),
        kind: Some(Kind::Grammar),
        ..Token::default()
    };
    name.split(' ').map(token).collect()
}

/// The tokens as an English text, qualities before the thing that they stand behind.
fn in_english(tokens: &[Token], language: Language) -> String {
    let mut order: Vec<&Token> = Vec::new();
    let mut thing: Option<usize> = None;
    let other = tokens.iter().any(|token| token.words[0] == "another");
    for token in tokens {
        if token.words[0] == "than" && !other {
            continue;
        }
        // "couleur noir" says no more than "noir"
        if thing.is_some() && token.kind == Some(Kind::Grammar) && token.words == ["colour"] {
            continue;
        }
        if token.shown.is_empty() || (!token.translated() && is_function(&token.words[0], language)) {
            continue;
        }
        match (token.kind, thing) {
            (Some(Kind::Quality), Some(at)) => {
                order.insert(at, token);
                thing = Some(at + 1);
                continue;
            }
            (Some(Kind::Thing), _) => thing = Some(order.len()),
            _ => thing = None,
        }
        order.push(token);
    }
    let mut english = String::new();
    for token in order {
        let plain = english.is_empty() || english.ends_with(" for") || english.ends_with(" not");
        english.push_str(if english.is_empty() { "" } else { " " });
        english.push_str(if token.kind == Some(Kind::Person) && !plain { "for " } else { "" });
        english.push_str(&token.shown);
    }
    english
}

/// The language of folded words, and those that they may be of as well.
fn language(words: &[String], accented: bool, index: &TextIndex, glossaries: &Glossaries) -> (Language, Vec<Language>) {
    let home = index.language();
    let reader = glossaries.reader;
    if index.one_title_holds(words) {
        return (home, Vec::new());
    }
    // English has no accents
    let factor = |language| if accented && language == Language::English { ACCENTED } else { 1.0 };
    let score = |language| factor(language) * likeness(words, language, index, glossaries);
    let mut scored: Vec<(f32, Language)> = Language::all().map(|language| (score(language), language)).collect();
    let rank = |language: Language| {
        [reader, Some(home), Some(Language::English)].iter().position(|one| *one == Some(language)).unwrap_or(3)
    };
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(rank(a.1).cmp(&rank(b.1))));
    let (best, language) = scored[0];
    let rivals = scored[1..].iter().filter(|(score, _)| *score >= best - 0.01 && best > 0.0);
    (language, rivals.map(|(_, language)| *language).collect())
}

/// How many words a language knows, surely or less so.
fn likeness(words: &[String], language: Language, index: &TextIndex, glossaries: &Glossaries) -> f32 {
    let glossary = glossaries.of(language);
    let home = index.language() == language;
    let (mut score, mut i) = (0.0, 0);
    while i < words.len() {
        if words[i].is_empty() || is_maker(&words[i], index, glossaries) {
            i += 1;
            continue;
        }
        let found = glossary.and_then(|glossary| glossary.find(&words[i..]));
        let (known, used) = match found {
            Some(found) if glossary.is_some_and(|glossary| glossary.is_grammar(&found)) => (0.5, found.words),
            Some(found) => (worth(found.how) * found.words as f32, found.words),
            None => (0.0, 1),
        };
        let function = if is_function(&words[i], language) { 0.5 } else { 0.0 };
        let own = match home {
            true if !index.named(&words[i..=i]).is_empty() => 1.0,
            true if index.dictionary().exact(&words[i]).is_some() => 0.8,
            _ => 0.0,
        };
        score += f32::max(known, f32::max(function, own));
        i += used;
    }
    score
}

fn worth(how: How) -> f32 {
    match how {
        How::Listed => 1.0,
        How::Form => 0.9,
        How::Part => 0.5,
        How::Typo => 0.3,
    }
}

/// Whether a word is the name of a maker, which stands first in titles and is no value and no English word.
fn is_maker(word: &String, index: &TextIndex, glossaries: &Glossaries) -> bool {
    let words = std::slice::from_ref(word);
    let ordinary = |language| glossaries.of(language).is_some_and(|glossary| glossary.find(words).is_some());
    index.leads(word) >= LEADS
        && index.titles_with(word) >= TITLES
        && index.named(words).is_empty()
        && !ordinary(Language::English)
        && !ordinary(index.language())
}

fn is_function(word: &str, language: Language) -> bool {
    language.is_function(word)
}

/// The words of a text, and an empty one for each comma or the like.
fn typed(text: &str) -> Vec<Typed> {
    let word = |raw: &str, folded: &str| Typed { raw: raw.into(), folded: folded.into() };
    let mut words = Vec::new();
    for (i, part) in text.split([',', ';']).enumerate() {
        if i > 0 {
            words.push(word(",", ""));
        }
        let part = ["'s ", "’s ", "'S ", "’S "].iter().fold(part.to_string(), |part, own| part.replace(own, " "));
        for raw in part.split(|c: char| !c.is_alphanumeric() && !fold(c.encode_utf8(&mut [0; 4])).is_empty()) {
            words.extend(fold::tokens(raw).map(|folded| word(raw, &folded)));
        }
    }
    words
}

#[cfg(test)]
mod tests;
