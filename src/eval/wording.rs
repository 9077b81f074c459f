//! Which way a query's text asks, so that hard wordings get rows of their own in a report.

use serde::Serialize;

/// A way of asking. A text may ask in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wording {
    /// What must not be there: "without a belt", "for women not men".
    Negation,
    /// A direction: "more formal", "less blue", "is longer".
    Comparative,
    /// One thing for another: "red instead of blue", "change black to brown".
    Replacement,
    /// None of these: "is red".
    Plain,
}

impl Wording {
    /// All ways, in the order of a report.
    pub const ALL: [Self; 4] = [Self::Negation, Self::Comparative, Self::Replacement, Self::Plain];

    /// The name of the way in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Negation => "negation",
            Self::Comparative => "comparative",
            Self::Replacement => "replacement",
            Self::Plain => "plain",
        }
    }

    /// The ways in which `text` asks: [`Plain`](Self::Plain) alone, or some of the others.
    pub fn of(text: &str) -> Vec<Self> {
        let text = text.to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '\'').collect();
        let any = |test: &dyn Fn(&str) -> bool| words.iter().any(|word| test(word));
        let found = [
            (Self::Negation, any(&|word| NEGATIONS.contains(&word) || word.ends_with("n't"))),
            (Self::Comparative, any(&is_comparative)),
            (Self::Replacement, any(&|word| REPLACEMENTS.contains(&word))),
        ];
        let ways: Vec<Self> = found.into_iter().filter_map(|(way, found)| found.then_some(way)).collect();
        if ways.is_empty() { vec![Self::Plain] } else { ways }
    }
}

const NEGATIONS: [&str; 9] = ["no", "not", "non", "none", "nor", "never", "without", "lacks", "lacking"];
const REPLACEMENTS: [&str; 6] = ["instead", "change", "changed", "replace", "replaced", "swap"];
const COMPARISONS: [&str; 6] = ["more", "less", "fewer", "than", "better", "worse"];

/// Adjectives whose comparative ends in -er. A list, because fashion is full of other words that end so: leather,
/// pullover, silver, zipper.
const ADJECTIVES: [&str; 62] = [
    "airi", "baggi", "bigg", "black", "blu", "bold", "bright", "broad", "brown", "busi", "clean", "clear", "cool",
    "curvi", "cut", "dark", "deep", "dressi", "dull", "edgi", "fanci", "fin", "fitt", "flashi", "flowi", "fluffi",
    "full", "gray", "green", "grey", "heavi", "high", "laci", "larg", "light", "long", "loos", "loud", "low", "narrow",
    "pal", "pink", "plain", "puffi", "redd", "round", "sexi", "sheer", "shini", "short", "simpl", "slimm", "small",
    "smooth", "soft", "sporti", "straight", "thick", "thinn", "tight", "warm", "wid",
];

fn is_comparative(word: &str) -> bool {
    COMPARISONS.contains(&word) || word.strip_suffix("er").is_some_and(|stem| ADJECTIVES.contains(&stem))
}

#[cfg(test)]
mod tests {
    use super::Wording::{self, Comparative, Negation, Plain, Replacement};

    #[test]
    fn wordings_are_told_by_their_words() {
        for (text, expected) in [
            ("is red, in a leather pullover with a silver zipper", vec![Plain]),
            ("for women not men", vec![Negation]),
            ("Doesn't have sleeves", vec![Negation]),
            ("without a collar, longer", vec![Negation, Comparative]),
            ("is more formal and less casual", vec![Comparative]),
            ("Shorter/wider", vec![Comparative]),
            ("striped instead of checked", vec![Replacement]),
            ("change black to brown", vec![Replacement]),
            ("has a knot and a notch, nothing else", vec![Plain]),
            ("", vec![Plain]),
        ] {
            assert_eq!(Wording::of(text), expected, "{text}");
        }
    }
}
