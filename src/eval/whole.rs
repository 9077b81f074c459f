//! Measuring the whole search, as the page answers: a catalog, its words, its vectors, and one ranking of both.
//!
//! The gallery is the catalog. Photos that lead to the same product page are one product and count once.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use serde::Serialize;

use super::metrics::{Metrics, Ranking};
use super::queries::Query;
use super::retrieval::{Ids, Skipped};
use super::seed_table::{self, Counts};
use crate::catalog::format::Item;
use crate::engine::Mode;
use crate::error::{Error, Result};
use crate::search::Hit;

/// Photos that lead to one page show one product, unless more do: then it is the shop's own page.
const MOST_PHOTOS: usize = 12;

/// What `vitrine eval --catalog --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What answered.
    pub mode: Mode,
    /// Queries that were asked.
    pub queries: usize,
    /// Products that were searched in.
    pub gallery: usize,
    /// Metrics over all queries.
    pub metrics: Metrics,
    /// The table by the definitions of the project's origin.
    pub seed_table: Vec<seed_table::Row>,
    /// Ids of references and targets that are not in the catalog.
    pub missing: Ids,
    /// Queries that were not asked.
    pub skipped: Skipped,
    /// How often the search said that nothing here is a good match.
    pub refused: Refused,
    /// Milliseconds to answer one query, mean.
    pub ms_per_query: f64,
}

/// Queries to which the search said that nothing here is a good match, and how many of their kind there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Of queries with a target in the catalog, which have an answer.
    pub with_target: [usize; 2],
    /// Of queries whose list of targets is empty, which have none.
    pub without_target: [usize; 2],
}

/// What a query found.
pub struct Answer {
    /// Best first.
    pub hits: Vec<Hit>,
    /// How many of them are good matches, where that is known.
    pub good: Option<usize>,
}

/// A query in terms of the catalog.
pub struct Asked<'a> {
    /// Row of the reference.
    pub reference: Option<u32>,
    /// What is typed.
    pub text: Option<&'a str>,
}

/// The products of a catalog.
pub struct Products<'a> {
    rows: HashMap<&'a str, u32>,
    /// Row → product.
    of: Vec<u32>,
    count: usize,
}

impl<'a> Products<'a> {
    /// Of a catalog's items in row order.
    pub fn of(items: &'a [Item]) -> Self {
        let mut pages: HashMap<(bool, &str), Vec<usize>> = HashMap::new();
        for (row, item) in items.iter().enumerate() {
            let page = (item.product.is_some(), item.product.as_deref().or(item.link.as_deref()).unwrap_or_default());
            pages.entry(page).or_default().push(row);
        }
        pages.retain(|(told, page), rows| !page.is_empty() && (*told || (2..=MOST_PHOTOS).contains(&rows.len())));
        let mut first: Vec<usize> = (0..items.len()).collect();
        pages.values().flat_map(|rows| rows.iter().map(|&row| (row, rows[0]))).for_each(|(row, to)| first[row] = to);
        let (mut of, mut count) = (Vec::with_capacity(items.len()), 0);
        for (row, &leader) in first.iter().enumerate() {
            let product = if leader == row { count } else { of[leader] };
            count += u32::from(leader == row);
            of.push(product);
        }
        let rows = items.iter().zip(0..).map(|(item, row)| (item.id.as_str(), row)).collect();
        Self { rows, of, count: count as usize }
    }

    /// Asks every query for its `k` best rows and measures at each of `ks`. A query with no targets at all is asked to see
    /// whether it is refused, and counts in no metric.
    ///
    /// # Errors
    /// [`Error::Argument`] where no query can be asked; what `ask` fails with.
    pub fn measure(
        &self,
        queries: &[Query],
        mode: Mode,
        ks: &[usize],
        mut ask: impl FnMut(&Asked<'_>) -> Result<Answer>,
    ) -> Result<Report> {
        let (mut missing, mut skipped) = (BTreeSet::new(), Skipped::default());
        let (mut rankings, mut targets, started) = (Vec::new(), Vec::new(), Instant::now());
        let mut refused = Refused::default();
        let count = |[n, of]: [usize; 2], answer: &Answer| [n + usize::from(answer.good == Some(0)), of + 1];
        for query in queries {
            let named = query.targets.iter().chain(&query.reference);
            missing.extend(named.filter(|id| !self.rows.contains_key(id.as_str())).cloned());
            let row = |id: &String| self.rows.get(id.as_str()).copied();
            let (reference, text) = (query.reference.as_ref().and_then(row), query.text());
            let at = reference.map(|row| self.of[row as usize]);
            let wanted: Vec<u32> = query.targets.iter().filter_map(row).map(|row| self.of[row as usize]).collect();
            let wanted: Vec<u32> = wanted.into_iter().filter(|&product| Some(product) != at).collect();
            if query.reference.is_some() && reference.is_none() {
                skipped.without_reference += 1;
            } else if query.targets.is_empty() {
                let answer = ask(&Asked { reference, text: text.as_deref() })?;
                refused.without_target = count(refused.without_target, &answer);
                skipped.without_target += 1;
            } else if wanted.is_empty() {
                skipped.without_target += 1;
            } else {
                let answer = ask(&Asked { reference, text: text.as_deref() })?;
                refused.with_target = count(refused.with_target, &answer);
                rankings.push(self.rank(&answer.hits, &wanted, at)?);
                targets.push(wanted);
            }
        }
        if rankings.is_empty() {
            return Err(Error::Argument(format!(
                "evaluating: expected queries about this catalog, got none of {}: {} without a reference in it, {} \
                 without a target in it; check the ids",
                queries.len(),
                skipped.without_reference,
                skipped.without_target
            )));
        }
        let ms_per_query = started.elapsed().as_secs_f64() * 1000. / rankings.len() as f64;
        let rankings: Vec<&Ranking> = rankings.iter().collect();
        let targets: Vec<&[u32]> = targets.iter().map(Vec::as_slice).collect();
        let counts = seed_table::KS.map(|k| Counts::new(&rankings, &targets, self.count, k));
        Ok(Report {
            mode,
            queries: rankings.len(),
            gallery: self.count,
            metrics: Metrics::new(&rankings, ks)?,
            seed_table: counts.iter().zip(seed_table::KS).map(|(counts, k)| counts.row(k)).collect(),
            missing: Ids::new(&missing),
            skipped,
            refused,
            ms_per_query,
        })
    }

    /// Ranks products by their best photo. What was not found ranks behind all that was.
    fn rank(&self, hits: &[Hit], targets: &[u32], reference: Option<u32>) -> Result<Ranking> {
        let mut scores = vec![f32::NEG_INFINITY; self.count];
        for hit in hits {
            let best = &mut scores[self.of[hit.row as usize] as usize];
            *best = best.max(hit.score);
        }
        Ranking::new(&scores, targets, reference, seed_table::KS[seed_table::KS.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::format::tests::item;

    fn query(reference: Option<&str>, targets: &[&str]) -> Query {
        let targets = targets.iter().map(|id| id.to_string()).collect();
        Query { reference: reference.map(Into::into), captions: vec!["red".into()], targets }
    }

    #[test]
    fn photos_of_one_product_count_once_and_ties_go_against_us() {
        let page = |id: &str, link: Option<&str>| Item { link: link.map(Into::into), ..item(id) };
        let items = [page("a", Some("/1")), page("b", Some("/1")), page("c", None), page("d", None), page("e", None)];
        let products = Products::of(&items);
        let hits = |_: &Asked<'_>| {
            let score = |row, score| Hit { row, score };
            let hits = vec![score(0, 0.9), score(1, 0.8), score(2, 0.7), score(3, 0.7)];
            Ok(Answer { hits, good: Some(0) })
        };
        let queries = [
            query(None, &["d"]),
            query(Some("a"), &["d"]),
            query(Some("x"), &["d"]),
            query(None, &["y"]),
            query(None, &[]),
        ];
        let report = products.measure(&queries, Mode::Hybrid, &[1, 2, 3], hits).unwrap();
        assert_eq!((report.queries, report.gallery, report.missing.count), (2, 4, 2));
        assert_eq!((report.skipped.without_reference, report.skipped.without_target), (1, 2));
        assert_eq!(report.refused, Refused { with_target: [2, 2], without_target: [1, 1] });
        // d is third behind the one product of a and b and its tie c; second where a is the reference
        let recalls: Vec<f64> = report.metrics.at.iter().map(|at| at.recall).collect();
        assert_eq!(recalls, [0.0, 0.5, 1.0]);
        let nothing = |_: &Asked<'_>| Ok(Answer { hits: vec![], good: None });
        let none = products.measure(&queries[..1], Mode::Words, &[1, 4], nothing).unwrap();
        assert_eq!(none.metrics.at[1].recall, 1.0, "what nobody found ranks last");
        assert_eq!(none.refused.with_target, [0, 1], "nobody knows where good matches end");
    }
}
