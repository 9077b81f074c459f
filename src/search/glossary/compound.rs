//! Compounds of languages that join their words: "Damenlederjacke" is a jacket of leather for women.

use super::{Found, Glossary, How, Kind, Meant};

/// What may stand between two parts.
const JOINTS: [&str; 7] = ["", "s", "n", "en", "es", "er", "e"];
/// Ends that say of a colour or material that it is one: "cremefarben".
const COLOURED: [&str; 12] = [
    "farbenes", "farbener", "farbenen", "farbene", "farben", "farbig", "farbige", "farbiger", "farbiges", "kleurig",
    "kleurige", "tonig",
];
/// The fewest letters of a known part, and of one whose neighbour nobody knows.
const LEAST: usize = 3;
const LEAST_ALONE: usize = 4;

impl Glossary {
    /// The parts of a compound: all of them, or the end alone, or the beginning alone.
    pub(super) fn compound(&self, word: &str) -> Option<Found> {
        if !self.language.compounds() || word.len() < 2 * LEAST || !word.is_ascii() {
            return None;
        }
        let found = |parts, how| Some(Found { words: 1, parts, how });
        if let Some(parts) = self.split(word) {
            return found(parts, How::Form);
        }
        let ends = (LEAST..=word.len() - LEAST_ALONE).map(|at| &word[at..]);
        if let Some(end) = ends.filter_map(|end| self.end(end)).find(|end| self.is_thing(end)) {
            return found(vec![end.clone()], How::Part);
        }
        let fronts = (LEAST_ALONE..=word.len() - LEAST).rev().map(|at| &word[..at]);
        let front = fronts.filter_map(|front| self.front(front)).next()?;
        found(vec![front], How::Part)
    }

    /// All parts of a word, the fewest that there are.
    fn split(&self, word: &str) -> Option<Vec<Vec<Meant>>> {
        if let Some(coloured) = COLOURED.iter().find_map(|end| word.strip_suffix(end)) {
            return self.front(coloured).map(|meant| vec![meant]);
        }
        let mut best: Option<Vec<Vec<Meant>>> = None;
        for at in LEAST..=word.len().saturating_sub(LEAST) {
            let (front, end) = word.split_at(at);
            let Some(end) = self.end(end) else { continue };
            let fronts = self.front(front).map(|meant| vec![meant]).or_else(|| self.split(front));
            if let Some(mut parts) =
                fronts.filter(|parts| best.as_ref().is_none_or(|best| parts.len() + 1 < best.len()))
            {
                parts.push(end.clone());
                best = Some(parts);
            }
        }
        best
    }

    /// What the end of a compound means: a form, by its stem too.
    fn end(&self, end: &str) -> Option<&Vec<Meant>> {
        self.listed.get(end).or_else(|| self.stems.get(&self.language.stem(end)).filter(|_| end.len() > LEAST))
    }

    /// What its beginning means: a form with what joins it to the next, or one that only begins compounds.
    fn front(&self, front: &str) -> Option<Vec<Meant>> {
        let plain = |joint: &&str| {
            let front = front.strip_suffix(*joint).filter(|front| front.len() >= LEAST)?;
            let known = self.fronts.get(front).or_else(|| self.listed.get(front))?;
            let kept: Vec<Meant> =
                known.iter().filter(|meant| self.concept(meant.concept).kind != Kind::Grammar).copied().collect();
            (!kept.is_empty()).then_some(kept)
        };
        JOINTS.iter().find_map(plain)
    }

    fn is_thing(&self, meant: &[Meant]) -> bool {
        meant.iter().any(|meant| self.concept(meant.concept).kind == Kind::Thing)
    }
}
