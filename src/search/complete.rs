//! What somebody who is still typing may be about to type: values of attributes, makers, and products.

use super::joined::{self, Weights};
use super::wanted::{Unit, Wanted};
use super::words::postings::Field;
use super::words::{TextIndex, fold, tokens};
use super::{Filter, Index};
use serde::Serialize;

/// A title's first word is a maker's name if at least this many products begin with it, and this share of those that
/// hold it.
const MADE: usize = 3;
const LEADS: f32 = 0.5;

/// Words that a text may become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Completion {
    /// The whole text then.
    pub text: String,
    /// The attribute whose value it ends with, or nothing for a maker or a word of titles.
    pub attribute: Option<String>,
    /// How many products it names; 0 where that is not known.
    pub count: usize,
}

/// What can be offered for an unfinished text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Completions {
    /// Commonest first.
    pub words: Vec<Completion>,
    /// Rows of products that the text names, best first.
    pub rows: Vec<u32>,
    /// The same text without its typos, where words in it are unknown and near ones are not.
    pub instead: Option<String>,
}

/// Completes a text: at most `words` ways to go on, and `rows` products. Nothing for a blank text.
pub fn complete(text: &str, index: &TextIndex, words: usize, rows: usize) -> Completions {
    let typed: Vec<String> = tokens(text).collect();
    if typed.is_empty() || index.is_empty() {
        return Completions::default();
    }
    // a blank after a word ends it: what follows is another
    let ended = text.ends_with(char::is_whitespace);
    let wanted = Wanted::read(text, index, !ended);
    Completions {
        words: if ended { Vec::new() } else { ways(&typed, index, words) },
        rows: named(&wanted, index, rows),
        instead: instead(&wanted, index),
    }
}

/// Values and makers that the end of the text begins, for the longest end that any begins.
fn ways(typed: &[String], index: &TextIndex, most: usize) -> Vec<Completion> {
    for from in 0..typed.len() {
        let (before, end) = (typed[..from].join(" "), typed[from..].join(" "));
        let mut found = values(&end, index);
        found.extend(makers(&end, index));
        found.retain(|way| fold(&way.text) != end);
        found.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
        found.dedup_by(|a, b| fold(&a.text) == fold(&b.text));
        if !found.is_empty() {
            found.truncate(most);
            // how many products have both, nobody has counted
            let count = |way: &Completion| if from == 0 { way.count } else { 0 };
            let whole = |way: Completion| Completion {
                text: format!("{before} {}", way.text).trim().into(),
                count: count(&way),
                ..way
            };
            return found.into_iter().map(whole).collect();
        }
    }
    Vec::new()
}

/// Values with a word that begins so.
fn values(end: &str, index: &TextIndex) -> Vec<Completion> {
    let begun = |value: &str| format!(" {}", tokens(value).collect::<Vec<_>>().join(" ")).contains(&format!(" {end}"));
    let of = index.attributes().all.iter();
    let pairs =
        of.flat_map(|attribute| attribute.values.iter().zip(&attribute.counts).map(move |pair| (attribute, pair)));
    let fitting = pairs.filter(|(_, (value, _))| begun(value));
    fitting
        .map(|(attribute, (value, &count))| Completion {
            text: value.clone(),
            attribute: Some(attribute.name.clone()),
            count: count as usize,
        })
        .collect()
}

/// Words that begin so and are makers' names.
fn makers(end: &str, index: &TextIndex) -> Vec<Completion> {
    let starting = index.dictionary().words_starting(end).into_iter();
    starting
        .filter_map(|(word, term)| {
            let (leads, titles) = (index.leads(&word), index.postings().count(term, Field::Title));
            let first = (leads * titles as f32).round() as usize;
            (first >= MADE && leads >= LEADS).then_some(Completion { text: word, attribute: None, count: first })
        })
        .collect()
}

/// Products that words alone find.
fn named(wanted: &Wanted, index: &TextIndex, most: usize) -> Vec<u32> {
    let evidence = joined::of_text(index, wanted, &Weights::default());
    let nothing = Index::new(1);
    let hits = joined::join(&evidence, &[], None, &nothing, Filter::default(), most);
    hits.iter().map(|joined| joined.hit.row).collect()
}

/// The text with each word that only a typo explains replaced by the commonest word that it may be.
fn instead(wanted: &Wanted, index: &TextIndex) -> Option<String> {
    let mistyped = |unit: &Unit| unit.terms.iter().flatten().all(|meaning| meaning.edits > 0) && !unit.terms.is_empty();
    if !wanted.ids.is_empty() || !wanted.units.iter().any(|unit| unit.known && mistyped(unit)) {
        return None;
    }
    let held = |term: u32| index.postings().of_term(term).0.len();
    let word = |unit: &Unit| {
        let likely = unit.terms.iter().map(|terms| terms.iter().max_by_key(|meaning| held(meaning.term)));
        let words: Option<Vec<String>> = likely.map(|meaning| index.dictionary().word(meaning?.term)).collect();
        words.filter(|_| mistyped(unit)).unwrap_or_else(|| unit.words.clone()).join(" ")
    };
    Some(wanted.units.iter().map(word).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::format::Item;
    use crate::catalog::format::tests::item;

    fn shop() -> Vec<Item> {
        let mut items = Vec::new();
        for maker in ["Puma", "Pumice", "Lumen"] {
            for (colour, kind) in [("Red", "Casual Shoes"), ("Navy Blue", "Shirts"), ("Red", "Shirts")] {
                for n in 0..2 {
                    let title = format!("{maker} {colour} {kind} {n}");
                    let attributes = [("colour", colour), ("kind", kind)];
                    let attributes = attributes.map(|(name, value)| (name.to_string(), value.to_string())).into();
                    items.push(Item { title, attributes, ..item(&format!("id-{}", items.len())) });
                }
            }
        }
        items
    }

    #[test]
    fn what_is_being_typed_is_completed_from_values_and_makers() {
        let items = shop();
        let index = TextIndex::of(&items);
        let cases: [(&str, &[&str]); 9] = [
            ("s", &["Shirts", "Casual Shoes"]),
            ("red sh", &["red Shirts", "red Casual Shoes"]),
            ("casual sh", &["Casual Shoes"]),
            ("pum", &["puma", "pumice"]),
            ("Navy B", &["Navy Blue"]),
            ("shirts", &[]),
            ("red ", &[]),
            ("", &[]),
            ("qqq", &[]),
        ];
        for (text, expected) in cases {
            let found: Vec<String> = complete(text, &index, 6, 0).words.into_iter().map(|way| way.text).collect();
            assert_eq!(found, expected, "{text}");
        }
        let colour = &complete("navy", &index, 6, 0).words[0];
        assert_eq!((colour.attribute.as_deref(), colour.count), (Some("colour"), 6));
    }

    #[test]
    fn products_are_offered_before_their_name_is_whole() {
        let items = shop();
        let index = TextIndex::of(&items);
        for text in ["pumi", "pumice red shi", "id-7"] {
            let rows = complete(text, &index, 6, 2).rows;
            assert_eq!(rows.len().min(1), 1, "{text}");
            assert!(items[rows[0] as usize].title.starts_with("Pumice"), "{text}: {}", items[rows[0] as usize].title);
        }
        assert!(complete("zzz", &index, 6, 2).rows.is_empty(), "nothing is offered that was not named");
    }

    #[test]
    fn a_typo_is_offered_put_right() {
        let items = shop();
        let index = TextIndex::of(&items);
        let cases = [
            ("lumem red ", Some("lumen red")),
            ("lumen red ", None),
            ("nayv shirts ", Some("navy shirts")),
            ("qqqq shirts ", None),
        ];
        for (text, expected) in cases {
            assert_eq!(complete(text, &index, 6, 0).instead.as_deref(), expected, "{text}");
        }
    }
}
