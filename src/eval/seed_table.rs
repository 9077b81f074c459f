//! The table of precision, recall and F1 that the project's origin published, by its own definitions.
//!
//! Its "precision" is what is called recall@k elsewhere: queries with a hit in the top k / all queries. Its "recall" is
//! the same hits / (hits + missed queries whose target appears in some query's top k). The published values are ten
//! times these, so a row holds both.

use serde::Serialize;

use super::metrics::{Ranking, harmonic_mean};

/// The cut-offs of the published table.
pub const KS: [usize; 5] = [5, 10, 20, 30, 50];

/// The counts that one row is made of. Counts of several galleries add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Queries with a target in their top k.
    pub hits: usize,
    /// Hits, and missed queries one of whose targets appears in some query's top k.
    pub reachable: usize,
    /// All queries.
    pub queries: usize,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Row {
    /// How many photos in front count.
    pub k: usize,
    /// Queries with a target in their top k.
    pub hits: usize,
    /// Hits, and missed queries one of whose targets appears in some query's top k.
    pub reachable: usize,
    /// The values as defined.
    pub as_defined: Values,
    /// The same ×10, as published.
    pub times_ten_as_published: Values,
}

/// The three values of a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Values {
    /// Hits / queries.
    pub precision: f64,
    /// Hits / reachable.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

impl Counts {
    /// Counts at `k` of queries over one gallery of `gallery` photos. `targets[q]` and `rankings[q]` belong together;
    /// each ranking's `top` must hold at least `k` photos, or all.
    pub fn new(rankings: &[&Ranking], targets: &[&[u32]], gallery: usize, k: usize) -> Self {
        let mut appears = vec![false; gallery];
        for ranking in rankings {
            ranking.top.iter().take(k).for_each(|&photo| appears[photo as usize] = true);
        }
        let hits = rankings.iter().filter(|ranking| ranking.hits(k) > 0).count();
        let missed = rankings.iter().zip(targets).filter(|(ranking, targets)| {
            ranking.hits(k) == 0 && targets.iter().any(|&target| appears[target as usize])
        });
        Self { hits, reachable: hits + missed.count(), queries: rankings.len() }
    }

    /// The row of these counts.
    pub fn row(&self, k: usize) -> Row {
        let share = |of: usize| {
            if of == 0 { 0. } else { self.hits as f64 / of as f64 }
        };
        let (precision, recall) = (share(self.queries), share(self.reachable));
        let as_defined = Values { precision, recall, f1: harmonic_mean(precision, recall) };
        let times_ten_as_published =
            Values { precision: precision * 10., recall: recall * 10., f1: as_defined.f1 * 10. };
        Row { k, hits: self.hits, reachable: self.reachable, as_defined, times_ten_as_published }
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            reachable: self.reachable + other.reachable,
            queries: self.queries + other.queries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_rows_follow_from_their_counts() {
        let published = [
            (5, 89, 2913, [0.1479, 0.3055, 0.1994]),
            (10, 151, 3478, [0.2510, 0.43416, 0.3181]),
            (20, 259, 4082, [0.4305, 0.6345, 0.5130]),
            (30, 324, 4430, [0.5386, 0.7314, 0.6203]),
            (50, 447, 4797, [0.7430, 0.9318, 0.8268]),
        ];
        for ((k, hits, reachable, expected), at) in published.into_iter().zip(KS) {
            assert_eq!(k, at);
            let row = Counts { hits, reachable, queries: 6016 }.row(k);
            let (defined, ten) = (row.as_defined, row.times_ten_as_published);
            for (got, expected) in [ten.precision, ten.recall, ten.f1].into_iter().zip(expected) {
                assert!((got - expected).abs() <= 5e-5, "k = {k}: expected {expected}, got {got}");
            }
            for (defined, ten) in [defined.precision, defined.recall, defined.f1].into_iter().zip(expected) {
                assert!((defined - ten / 10.).abs() <= 5e-6, "k = {k}: {defined} is not a tenth of {ten}");
            }
        }
    }

    #[test]
    fn a_missed_target_counts_as_reachable_where_any_query_shows_it() {
        // Gallery of 5. Query 0 hits at 1; query 1 misses photo 0, which query 0 shows; query 2 misses photo 4, which
        // no top 1 shows but query 1's top 2 does.
        let ranking = |ranks: &[u32], top: &[u32]| Ranking { ranks: ranks.to_vec(), top: top.to_vec() };
        let rankings = [ranking(&[1], &[0, 1]), ranking(&[3], &[1, 4]), ranking(&[5], &[2, 3])];
        let (rankings, targets): (_, [&[u32]; 3]) = (rankings.each_ref(), [&[0], &[0], &[4]]);
        assert_eq!(Counts::new(&rankings, &targets, 5, 1), Counts { hits: 1, reachable: 2, queries: 3 });
        assert_eq!(Counts::new(&rankings, &targets, 5, 2), Counts { hits: 1, reachable: 3, queries: 3 });
        let row = Counts::new(&rankings, &targets, 5, 1).row(1).as_defined;
        assert_eq!((row.precision, row.recall, row.f1), (1. / 3., 0.5, 0.4));
    }

    #[test]
    fn counts_of_galleries_add_up_and_no_hit_is_zero() {
        let none = Counts { hits: 0, reachable: 0, queries: 4 };
        let values = none.row(5).as_defined;
        assert_eq!((values.precision, values.recall, values.f1), (0., 0., 0.));
        let sum = none + Counts { hits: 2, reachable: 3, queries: 6 };
        assert_eq!(sum, Counts { hits: 2, reachable: 3, queries: 10 });
    }
}
