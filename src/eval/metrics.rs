//! Ranks and the metrics made of them, from scores alone.
//!
//! | metric | over the queries, mean of |
//! |---|---|
//! | recall@k | 1 if any target is in the top k, else 0 |
//! | precision@k | targets in the top k / k |
//! | f1@k | (no mean:) harmonic mean of recall@k and precision@k |
//! | map@k | Σ over targets in the top k of (targets down to it / its rank), / min(k, targets) |
//! | ndcg@k | Σ over targets in the top k of 1/log₂(rank + 1), / the most that it could be |
//! | median rank | (no mean:) the middle one of the ranks of each query's first target |
//!
//! Ties are broken against us: a target ranks behind every other photo of the same score, and a score that is not a
//! number ranks behind all.

use std::cmp::Ordering;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::error::{Error, Result};

/// Where one query's targets ended up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    /// Ranks of the targets, from 1, ascending. Never empty.
    pub ranks: Vec<u32>,
    /// The photos in front, best first, as positions in the gallery.
    pub top: Vec<u32>,
}

impl Ranking {
    /// Ranks the gallery by `scores` (one a photo, higher is better) and finds the `targets` (positions, repeats
    /// ignored) in it. The photo at `reference` takes no part, as a target neither. `depth` photos are kept in
    /// [`top`](Self::top).
    pub fn new(scores: &[f32], targets: &[u32], reference: Option<u32>, depth: usize) -> Result<Self> {
        let targets = distinct_targets(scores.len(), targets, reference)?;
        let is_target = |photo: u32| targets.binary_search(&photo).is_ok();
        let mut order: Vec<(Key, u32)> = (0..scores.len() as u32)
            .filter(|&photo| Some(photo) != reference)
            .map(|photo| (Key::new(scores[photo as usize], is_target(photo)), photo))
            .collect();
        let ranks = target_ranks(&order);
        let depth = depth.min(order.len());
        if depth < order.len() {
            order.select_nth_unstable(depth);
        }
        order.truncate(depth);
        order.sort_unstable();
        Ok(Self { ranks, top: order.into_iter().map(|(_, photo)| photo).collect() })
    }

    /// Rank of the first target.
    pub fn first(&self) -> u32 {
        self.ranks[0]
    }

    /// How many targets are in the top `k`.
    pub fn hits(&self, k: usize) -> usize {
        self.ranks.partition_point(|&rank| rank as usize <= k)
    }

    fn average_precision(&self, k: usize) -> f64 {
        let hits = self.ranks[..self.hits(k)].iter().zip(1..);
        let shares = hits.map(|(&rank, found)| f64::from(found) / f64::from(rank));
        sum(shares) / self.best(k) as f64
    }

    fn ndcg(&self, k: usize) -> f64 {
        let gain = |rank: u32| (f64::from(rank) + 1.).log2().recip();
        let got = sum(self.ranks[..self.hits(k)].iter().map(|&rank| gain(rank)));
        got / sum((1..=self.best(k) as u32).map(gain))
    }

    /// The most targets that the top `k` can hold.
    fn best(&self, k: usize) -> usize {
        k.min(self.ranks.len())
    }
}

/// Orders photos: higher scores first, targets behind others of the same score.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    score: f32,
    target: bool,
}

impl Key {
    fn new(score: f32, target: bool) -> Self {
        // What is not a number must not help: it goes behind all for a target, before all for another photo.
        let against_us = if target { f32::NEG_INFINITY } else { f32::INFINITY };
        // Adding zero turns −0 into 0, which `total_cmp` would otherwise tell apart.
        Self { score: if score.is_nan() { against_us } else { score + 0. }, target }
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.target.cmp(&other.target))
    }
}

fn distinct_targets(gallery: usize, targets: &[u32], reference: Option<u32>) -> Result<Vec<u32>> {
    if gallery == 0 {
        return Err(Error::Argument(
            "ranking: expected a gallery of photos, got an empty one; add photos to it".into(),
        ));
    }
    let mut distinct: Vec<u32> = targets.iter().copied().filter(|&target| Some(target) != reference).collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.is_empty() {
        return Err(Error::Argument(
            "ranking: expected a target beside the reference, got none; leave this query out".into(),
        ));
    }
    if let Some(target) = distinct.iter().find(|&&target| target as usize >= gallery) {
        return Err(Error::Argument(format!("ranking: expected targets below {gallery}, got {target}")));
    }
    Ok(distinct)
}

/// Ranks of the targets among `photos`, ascending, without sorting the gallery.
fn target_ranks(photos: &[(Key, u32)]) -> Vec<u32> {
    let mut targets: Vec<Key> = photos.iter().map(|(key, _)| *key).filter(|key| key.target).collect();
    targets.sort_unstable();
    // ahead[i]: photos behind target i − 1 and before target i.
    let mut ahead = vec![0; targets.len() + 1];
    for (key, _) in photos.iter().filter(|(key, _)| !key.target) {
        ahead[targets.partition_point(|target| target < key)] += 1;
    }
    let mut rank = 0;
    targets
        .iter()
        .zip(ahead)
        .map(|(_, others)| {
            rank += others + 1;
            rank
        })
        .collect()
}

/// The metrics of one k.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtK {
    /// How many photos in front count.
    pub k: usize,
    /// Share of queries with a target in the top k.
    pub recall: f64,
    /// Share of the top k that are targets.
    pub precision: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Mean average precision.
    pub map: f64,
    /// Normalized discounted cumulative gain, relevance 0 or 1.
    pub ndcg: f64,
}

/// All metrics of a set of queries. In JSON an object with keys such as `recall@10`.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// One for each k.
    pub at: Vec<AtK>,
    /// Median over the queries of the rank of the first target; of two middle ones, their mean.
    pub median_rank: f64,
}

impl Metrics {
    /// Metrics of `rankings` at each of `ks`.
    pub fn new(rankings: &[&Ranking], ks: &[usize]) -> Result<Self> {
        if rankings.is_empty() {
            return Err(Error::Argument("computing metrics: expected queries with targets, got none".into()));
        }
        if ks.contains(&0) {
            return Err(Error::Argument("computing metrics: expected k of 1 or more, got 0".into()));
        }
        let mut first: Vec<u32> = rankings.iter().map(|ranking| ranking.first()).collect();
        first.sort_unstable();
        let (low, high) = (first[(first.len() - 1) / 2], first[first.len() / 2]);
        let at = ks.iter().map(|&k| AtK::new(rankings, k)).collect();
        Ok(Self { at, median_rank: (f64::from(low) + f64::from(high)) / 2. })
    }

    /// Plain mean of several sets' metrics at the same ks, each set weighing the same.
    pub fn mean(sets: &[&Metrics]) -> Option<Self> {
        let first = sets.first()?;
        let mean = |value: &dyn Fn(&Metrics) -> f64| sum(sets.iter().map(|m| value(m))) / sets.len() as f64;
        let at = first.at.iter().enumerate().map(|(i, at)| AtK {
            k: at.k,
            recall: mean(&|m| m.at[i].recall),
            precision: mean(&|m| m.at[i].precision),
            f1: mean(&|m| m.at[i].f1),
            map: mean(&|m| m.at[i].map),
            ndcg: mean(&|m| m.at[i].ndcg),
        });
        Some(Self { at: at.collect(), median_rank: mean(&|m| m.median_rank) })
    }

    /// Recall at one k, if it was asked for.
    pub fn recall(&self, k: usize) -> Option<f64> {
        self.at.iter().find(|at| at.k == k).map(|at| at.recall)
    }
}

impl AtK {
    fn new(rankings: &[&Ranking], k: usize) -> Self {
        let mean = |value: &dyn Fn(&Ranking) -> f64| {
            sum(rankings.iter().map(|ranking| value(ranking))) / rankings.len() as f64
        };
        let recall = mean(&|r| if r.hits(k) > 0 { 1. } else { 0. });
        let precision = mean(&|r| r.hits(k) as f64 / k as f64);
        Self {
            k,
            recall,
            precision,
            f1: harmonic_mean(precision, recall),
            map: mean(&|r| r.average_precision(k)),
            ndcg: mean(&|r| r.ndcg(k)),
        }
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for at in &self.at {
            for (name, value) in
                [("recall", at.recall), ("precision", at.precision), ("f1", at.f1), ("map", at.map), ("ndcg", at.ndcg)]
            {
                map.serialize_entry(&format!("{name}@{}", at.k), &value)?;
            }
        }
        map.serialize_entry("median_rank", &self.median_rank)?;
        map.end()
    }
}

/// The iterator's own sum of nothing is −0, which a report would print.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0., |sum, value| sum + value)
}

/// Harmonic mean of two shares; 0 where both are 0.
pub fn harmonic_mean(a: f64, b: f64) -> f64 {
    if a + b == 0. { 0. } else { 2. * a * b / (a + b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rank(scores: &[f32], targets: &[u32], reference: Option<u32>) -> Ranking {
        Ranking::new(scores, targets, reference, 3).unwrap()
    }

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "expected {expected}, got {got}");
    }

    #[test]
    fn targets_rank_by_score() {
        // Order: 3 (.9), 0 (.8), 2 (.5), 1 (.1).
        let ranking = rank(&[0.8, 0.1, 0.5, 0.9], &[2, 0, 2], None);
        assert_eq!(ranking, Ranking { ranks: vec![2, 3], top: vec![3, 0, 2] });
        assert_eq!((ranking.first(), ranking.hits(1), ranking.hits(2), ranking.hits(9)), (2, 0, 1, 2));
    }

    #[test]
    fn the_reference_leaves_the_ranking() {
        let scores = [0.9, 0.8, 0.7];
        assert_eq!(rank(&scores, &[1], None).ranks, [2]);
        assert_eq!(rank(&scores, &[1], Some(0)), Ranking { ranks: vec![1], top: vec![1, 2] });
        assert_eq!(rank(&scores, &[0, 1], Some(0)).ranks, [1], "the reference is no target either");
    }

    #[test]
    fn ties_are_broken_against_us() {
        assert_eq!(rank(&[0.5, 0.5, 0.5], &[0], None), Ranking { ranks: vec![3], top: vec![1, 2, 0] });
        assert_eq!(rank(&[0.5, 0.5, 0.5], &[0, 1], None).ranks, [2, 3]);
        assert_eq!(rank(&[0.0, -0.0], &[0], None).ranks, [2], "zeros of either sign are equal");
        assert_eq!(rank(&[f32::NAN, -1., 0.], &[0], None).ranks, [3], "a target without a score is last");
        assert_eq!(rank(&[1., f32::NAN, 0.], &[0], None).ranks, [2], "another photo without a score is before it");
        assert_eq!(rank(&[f32::NAN; 4], &[1], None).ranks, [4]);
    }

    #[test]
    fn metrics_by_hand() {
        // Targets at ranks 1, 3; 2; 6. k = 3, then 1.
        let rankings = [vec![1, 3], vec![2], vec![6]].map(|ranks| Ranking { ranks, top: vec![] });
        let metrics = Metrics::new(&rankings.each_ref(), &[3, 1]).unwrap();
        let [three, one] = metrics.at[..] else { panic!("{metrics:?}") };
        near(three.recall, 2. / 3.);
        near(three.precision, (2. / 3. + 1. / 3. + 0.) / 3.);
        near(three.f1, 2. * (2. / 3.) * (1. / 3.) / (2. / 3. + 1. / 3.));
        near(three.map, ((1. + 2. / 3.) / 2. + 1. / 2. + 0.) / 3.);
        let log = f64::log2;
        near(three.ndcg, ((1. + 1. / log(4.)) / (1. + 1. / log(3.)) + 1. / log(3.) + 0.) / 3.);
        // At k = 1 only min(1, 2) targets can be found, so the first query is perfect.
        for value in [one.recall, one.precision, one.f1, one.map, one.ndcg] {
            near(value, 1. / 3.);
        }
        near(metrics.median_rank, 2.);
    }

    #[test]
    fn an_even_count_has_the_mean_of_the_middle_ranks_as_median() {
        let rankings = [9, 1, 4, 2].map(|rank| Ranking { ranks: vec![rank], top: vec![] });
        near(Metrics::new(&rankings.each_ref(), &[1]).unwrap().median_rank, 3.);
    }

    #[test]
    fn nothing_found_is_zero_and_no_division_by_zero() {
        let miss = Ranking { ranks: vec![8], top: vec![] };
        let at = Metrics::new(&[&miss], &[5]).unwrap().at[0];
        for value in [at.recall, at.precision, at.f1, at.map, at.ndcg] {
            assert!(value == 0. && value.is_sign_positive(), "{at:?}");
        }
    }

    #[test]
    fn the_mean_of_sets_weighs_each_the_same() {
        let set = |rank, count| {
            let ranking = Ranking { ranks: vec![rank], top: vec![] };
            Metrics::new(&vec![&ranking; count], &[1, 5]).unwrap()
        };
        let mean = Metrics::mean(&[&set(1, 1), &set(5, 9)]).unwrap();
        near(mean.recall(1).unwrap(), 0.5);
        near(mean.recall(5).unwrap(), 1.);
        near(mean.at[1].map, (1. + 1. / 5.) / 2.);
        near(mean.median_rank, 3.);
        assert!(Metrics::mean(&[]).is_none() && mean.recall(2).is_none());
    }

    #[test]
    fn json_names_each_metric_with_its_k() {
        let ranking = Ranking { ranks: vec![1], top: vec![] };
        let json = serde_json::to_string(&Metrics::new(&[&ranking], &[2]).unwrap()).unwrap();
        let f1 = 2. / 3.;
        assert_eq!(
            json,
            format!(r#"{{"recall@2":1.0,"precision@2":0.5,"f1@2":{f1},"map@2":1.0,"ndcg@2":1.0,"median_rank":1.0}}"#)
        );
    }

    #[test]
    fn what_cannot_be_ranked_is_an_error() {
        let message = |result: Result<Ranking>| result.unwrap_err().to_string();
        assert!(message(Ranking::new(&[], &[0], None, 3)).contains("empty"));
        assert!(message(Ranking::new(&[1.], &[], None, 3)).contains("expected a target"));
        assert!(message(Ranking::new(&[1.], &[0], Some(0), 3)).contains("expected a target"));
        assert!(message(Ranking::new(&[1.], &[1], None, 3)).contains("below 1, got 1"));
        assert!(Metrics::new(&[], &[1]).is_err());
        assert!(Metrics::new(&[&rank(&[1.], &[0], None)], &[0]).is_err());
    }

    /// Scores out of a few values, so that ties are common, with targets and perhaps a reference.
    fn cases() -> impl Strategy<Value = (Vec<f32>, Vec<u32>, Option<u32>)> {
        let score = prop_oneof![(-3..=3i8).prop_map(|i| f32::from(i) / 3.), Just(f32::NAN)];
        proptest::collection::vec(score, 2..40).prop_flat_map(|scores| {
            let n = scores.len() as u32;
            let targets = proptest::collection::btree_set(1..n, 1..=(n as usize - 1).min(6));
            // Position 0 is never a target, so a reference there always leaves one.
            (Just(scores), targets.prop_map(Vec::from_iter), proptest::option::of(Just(0)))
        })
    }

    /// The definition: a target's rank counts itself and whatever is not below it, but for targets sorted behind it.
    fn naive_ranks(scores: &[f32], targets: &[u32], reference: Option<u32>) -> Vec<u32> {
        let mut found: Vec<f32> = targets.iter().map(|&t| scores[t as usize]).collect();
        found.iter_mut().for_each(|score| {
            if score.is_nan() {
                *score = f32::NEG_INFINITY
            }
        });
        found.sort_by(|a, b| b.total_cmp(a));
        let before = |target: f32| {
            let others = (0..scores.len() as u32).filter(|photo| Some(*photo) != reference && !targets.contains(photo));
            // Not `>=`: a score that is not a number must count as being before.
            others.filter(|&photo| !matches!(scores[photo as usize].partial_cmp(&target), Some(Ordering::Less))).count()
        };
        found.iter().zip(1..).map(|(&score, nth)| nth + before(score) as u32).collect()
    }

    proptest! {
        #[test]
        fn ranks_agree_with_their_definition((scores, targets, reference) in cases()) {
            let ranking = Ranking::new(&scores, &targets, reference, 7).unwrap();
            prop_assert_eq!(&ranking.ranks, &naive_ranks(&scores, &targets, reference));
            for (&photo, rank) in ranking.top.iter().zip(1..) {
                prop_assert_eq!(targets.contains(&photo), ranking.ranks.contains(&rank));
                prop_assert!(Some(photo) != reference);
            }
        }

        #[test]
        fn metrics_are_shares_and_recall_grows_with_k(cases in proptest::collection::vec(cases(), 1..8)) {
            let rankings: Vec<Ranking> =
                cases.iter().map(|(s, t, r)| Ranking::new(s, t, *r, 5).unwrap()).collect();
            let metrics = Metrics::new(&rankings.iter().collect::<Vec<_>>(), &Vec::from_iter(1..45)).unwrap();
            for at in &metrics.at {
                for value in [at.recall, at.precision, at.f1, at.map, at.ndcg] {
                    prop_assert!((0. ..=1. + 1e-12).contains(&value), "{:?}", at);
                }
            }
            prop_assert!(metrics.at.windows(2).all(|pair| pair[0].recall <= pair[1].recall));
            prop_assert_eq!(metrics.recall(44), Some(1.), "every target is somewhere in the gallery");
        }

        #[test]
        fn the_order_of_the_gallery_does_not_matter(
            ((scores, targets, reference), moved) in cases().prop_flat_map(|case| {
                let order = Vec::from_iter(0..case.0.len() as u32);
                (Just(case), Just(order).prop_shuffle())
            })
        ) {
            let ranking = Ranking::new(&scores, &targets, reference, 5).unwrap();
            let mut shuffled = vec![0.; scores.len()];
            scores.iter().zip(&moved).for_each(|(&score, &to)| shuffled[to as usize] = score);
            let place = |photo: u32| moved[photo as usize];
            let targets: Vec<u32> = targets.iter().map(|&t| place(t)).collect();
            let again = Ranking::new(&shuffled, &targets, reference.map(place), 5).unwrap();
            prop_assert_eq!(ranking.ranks, again.ranks);
        }
    }
}
