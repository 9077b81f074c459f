//! The attributes whose values repeat: what a change may edit, and what words may name.

use super::super::glossary::language::Language;
use crate::catalog::format::Item;
use crate::search::fold::{fold, tokens};
use std::collections::{BTreeMap, HashMap};

/// An attribute has at most this many values, and each row repeats one on average at least [`REPEATS`] times.
const MOST_VALUES: usize = 4000;
const REPEATS: usize = 2;
/// A value of more words than this is a sentence, which nobody types as a name.
const MOST_WORDS: usize = 5;

/// A value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value {
    /// Position of the attribute.
    pub attribute: u32,
    /// Position of the value.
    pub code: u32,
}

/// One attribute of all rows.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
    /// How many rows have each value.
    pub counts: Vec<u32>,
    /// Row → position of its value, or [`NONE`].
    pub of: Vec<u32>,
}

/// The code of a row without the attribute.
pub const NONE: u32 = u32::MAX;

/// All attributes whose values repeat.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// In the order of their names.
    pub all: Vec<Attribute>,
    /// Words of a value, stemmed and joined by blanks → the values that are called so.
    named: HashMap<String, Vec<Value>>,
}

impl Attributes {
    /// Of products in row order, whose values are words of a language.
    pub fn of(items: &[&Item], language: Language) -> Self {
        let mut columns: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
        for (row, item) in items.iter().enumerate() {
            for (name, value) in item.attributes.iter().filter(|(_, value)| !value.trim().is_empty()) {
                columns.entry(name).or_insert_with(|| vec![None; items.len()])[row] = Some(value);
            }
        }
        let all: Vec<Attribute> = columns.into_iter().filter_map(|(name, rows)| Attribute::of(name, &rows)).collect();
        let mut named: HashMap<String, Vec<Value>> = HashMap::new();
        for (attribute, known) in (0..).zip(&all) {
            for (code, value) in (0..).zip(&known.values) {
                for name in names(value, language) {
                    let values = named.entry(name).or_default();
                    let value = Value { attribute, code };
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
            }
        }
        Self { all, named }
    }

    /// The values that stems, joined by blanks, are the name of.
    pub fn named(&self, stems: &str) -> &[Value] {
        self.named.get(stems).map_or(&[], Vec::as_slice)
    }

    /// The value of an attribute by both names, in any case.
    pub fn value(&self, attribute: &str, value: &str) -> Option<Value> {
        let (at, known) = (0..).zip(&self.all).find(|(_, known)| known.name.eq_ignore_ascii_case(attribute))?;
        let code = known.values.iter().position(|one| one.eq_ignore_ascii_case(value))?;
        Some(Value { attribute: at, code: code as u32 })
    }

    /// The code of a row's value.
    pub fn code(&self, attribute: u32, row: u32) -> u32 {
        self.all[attribute as usize].of[row as usize]
    }

    /// Whether a row has a value.
    pub fn has(&self, row: u32, value: Value) -> bool {
        self.code(value.attribute, row) == value.code
    }

    /// How many rows have a value.
    pub fn count(&self, value: Value) -> usize {
        self.all[value.attribute as usize].counts[value.code as usize] as usize
    }
}

/// What a value is called: its words, and the same as one word, since "Tshirts" is "t-shirts" to many.
fn names(value: &str, language: Language) -> Vec<String> {
    let words: Vec<String> = tokens(value).map(|word| language.stem(&word)).collect();
    match words.len() {
        0 => Vec::new(),
        1 => words,
        2..=MOST_WORDS => vec![words.join(" "), words.concat()],
        _ => Vec::new(),
    }
}

impl Attribute {
    fn of(name: &str, rows: &[Option<&str>]) -> Option<Self> {
        let mut codes: BTreeMap<String, (u32, &str)> = BTreeMap::new();
        for value in rows.iter().flatten() {
            codes.entry(fold(value.trim())).or_insert((0, value));
        }
        let there = rows.iter().flatten().count();
        if codes.len() < 2 || codes.len() > MOST_VALUES || there < REPEATS * codes.len() {
            return None;
        }
        codes.values_mut().zip(0..).for_each(|((code, _), i)| *code = i);
        let of: Vec<u32> = rows.iter().map(|value| value.map_or(NONE, |value| codes[&fold(value.trim())].0)).collect();
        let mut counts = vec![0; codes.len()];
        of.iter().filter(|&&code| code != NONE).for_each(|&code| counts[code as usize] += 1);
        let values = codes.into_values().map(|(_, value)| value.to_string()).collect();
        Some(Self { name: name.into(), values, counts, of })
    }
}
