//! Where good matches end.

use super::Hit;
use serde::{Deserialize, Serialize};

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
        match best < familiar * self.known + (1.0 - familiar) * self.unknown {
            true => f32::INFINITY,
            false => self.share * best,
        }
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
        assert_eq!(LIMITS.limit(0.29, 0.5), f32::INFINITY);
        assert_eq!(LIMITS.limit(0.5, 0.5), 0.25);
        assert_eq!(LIMITS.limit(0.3, 1.0), 0.15, "known words must reach less");
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
