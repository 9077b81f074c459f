//! Where good matches end.

use super::Hit;
use super::joined::Joined;
use serde::{Deserialize, Serialize};

/// Products that words name are good matches whatever their photos look like: where the best has this share of a score
/// by words, so are those that have [`NEARLY`] as much.
const NAMED: f32 = 0.4;
const NEARLY: f32 = 0.8;

/// The limits of a catalog's good matches, as they were measured on its own photos and titles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relevance {
    /// Words that the catalog's own titles and attributes know have no answer here if their best match scores less than
    /// this.
    pub known: f32,
    /// The same for words that they do not know; where they know some of the words, the limit lies between the two.
    pub unknown: f32,
    /// Good matches to words score at least this share of the best one.
    pub share: f32,
    /// Good matches to a photo or product, with or without words, score at least this.
    pub photo: f32,
}

impl Relevance {
    /// The least score of a good match to words of which the catalog's texts know the share `familiar`, the best match
    /// of all scoring `best`. Nothing is good where even the best is no better than chance.
    pub fn limit(&self, best: f32, familiar: f32) -> f32 {
        // squared: beside one word that is not known, another that is tells little
        let least = self.unknown + familiar * familiar * (self.known - self.unknown);
        match best < least {
            true => f32::INFINITY,
            false => self.share * best,
        }
    }

    /// How many of the first hits are good matches. `familiar` is as for [`Relevance::limit`]; `photo` says whether a
    /// photo or product was searched with. Hits without a cosine were found by words alone and are what they named.
    pub fn good(&self, hits: &[Joined], familiar: f32, photo: bool) -> usize {
        let looks = hits.iter().filter_map(|hit| hit.cosine).fold(f32::NEG_INFINITY, f32::max);
        let limit = if photo { self.photo } else { self.limit(looks, familiar) };
        // words that are mostly unknown name nothing, however well the others fit
        let share = if photo { 1.0 } else { familiar };
        let said = hits.first().map_or(0.0, |hit| hit.words);
        // an id, or a whole title, is what was named whatever else a word may mean
        let exact = said > 1.0;
        let named = |hit: &Joined| (exact || share * said >= NAMED) && hit.words >= NEARLY * said;
        hits.iter().take_while(|hit| hit.cosine.is_none_or(|cosine| cosine >= limit) || named(hit)).count()
    }

    /// Of all rows ranked by their likeness to a word, those that the word describes. No title may know the word, and
    /// yet somebody who asks for less of something has seen it here.
    pub fn described<'a>(&self, hits: &'a [Hit]) -> &'a [Hit] {
        let limit = self.limit(hits.first().map_or(f32::NEG_INFINITY, |hit| hit.score), 0.5);
        &hits[..hits.iter().take_while(|hit| hit.score >= limit).count()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Relevance = Relevance { known: 0.2, unknown: 0.4, share: 0.5, photo: 0.6 };

    #[test]
    fn a_best_match_no_better_than_chance_makes_nothing_good() {
        assert_eq!(LIMITS.limit(0.34, 0.5), f32::INFINITY);
        assert_eq!(LIMITS.limit(0.5, 0.5), 0.25);
        assert_eq!(LIMITS.limit(0.3, 1.0), 0.15, "known words must reach less");
    }

    #[test]
    fn what_words_name_is_good_whatever_it_looks_like() {
        let hit = |words: f32, cosine: f32| Joined { hit: Hit::default(), words, cosine: Some(cosine) };
        let cases: [(&str, Vec<Joined>, f32, usize); 7] = [
            ("named, unlike", vec![hit(0.7, 0.1), hit(0.6, 0.0), hit(0.2, 0.0)], 1.0, 2),
            ("named, and what looks like it", vec![hit(0.7, 0.1), hit(0.2, 0.35), hit(0.2, 0.1)], 1.0, 2),
            ("one word of three is known", vec![hit(0.7, 0.1), hit(0.6, 0.1)], 0.33, 0),
            ("nothing is named, and like enough", vec![hit(0.0, 0.5), hit(0.0, 0.3), hit(0.0, 0.2)], 0.0, 2),
            ("nothing is named, and no better than chance", vec![hit(0.0, 0.3)], 0.0, 0),
            ("an id", vec![hit(200.0, 0.0), hit(0.0, 0.1)], 0.0, 1),
            ("a weak word", vec![hit(0.2, 0.1), hit(0.2, 0.1)], 1.0, 0),
        ];
        for (case, hits, familiar, good) in cases {
            assert_eq!(LIMITS.good(&hits, familiar, false), good, "{case}");
        }
        let like = [hit(0.0, 0.7), hit(0.0, 0.5)];
        assert_eq!(LIMITS.good(&like, 1.0, true), 1, "like a photo");
        let by_words = [Joined { cosine: None, ..hit(0.1, 0.0) }];
        assert_eq!(LIMITS.good(&by_words, 1.0, false), 1, "words alone");
    }

    #[test]
    fn what_a_word_describes_ends_at_its_share_of_the_best() {
        let hits: Vec<Hit> = [0.8, 0.5, 0.4, 0.39].iter().zip(0..).map(|(&score, row)| Hit { row, score }).collect();
        assert_eq!(LIMITS.described(&hits).len(), 3);
        assert!(LIMITS.described(&hits[3..]).len() == 1 && LIMITS.described(&[]).is_empty());
        let weak = [Hit { row: 0, score: 0.2 }];
        assert!(LIMITS.described(&weak).is_empty());
    }
}
