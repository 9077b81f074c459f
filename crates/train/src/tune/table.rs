//! Figures before and after with the range in which they lie with 95 %: a bootstrap over queries (Efron, 1979).

use super::tasks::{Measured, mean};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Draws of the bootstrap.
const DRAWS: usize = 2000;

/// A mean, and the range in which it lies with 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub value: f32,
    /// Lower end.
    pub low: f32,
    /// Upper end.
    pub high: f32,
}

impl Interval {
    /// The mean of queries' figures, whose queries might have been others.
    pub fn of(values: &[f32]) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(29);
        let n = values.len().max(1);
        let draw =
            |rng: &mut ChaCha8Rng| (0..n).map(|_| values.get(rng.random_range(0..n)).unwrap_or(&0.0)).sum::<f32>();
        let mut means: Vec<f32> = (0..DRAWS).map(|_| draw(&mut rng) / n as f32).collect();
        means.sort_by(f32::total_cmp);
        Self { value: mean(values), low: means[DRAWS / 40], high: means[DRAWS - 1 - DRAWS / 40] }
    }

    fn show(self, sign: bool) -> String {
        let [value, low, high] = [self.value, self.low, self.high].map(|v| v * 100.0);
        match sign {
            true => format!("{value:+.1} ({low:+.1} to {high:+.1})"),
            false => format!("{value:.1} ({low:.1} to {high:.1})"),
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What was asked.
    pub task: &'static str,
    /// How many queries.
    pub queries: usize,
    /// What the model answered that it started from.
    pub before: Interval,
    /// What the tuned model answers.
    pub after: Interval,
    /// The difference, query by query.
    pub change: Interval,
}

/// The rows of the tasks that were asked.
pub fn rows(before: &Measured, after: &Measured) -> Vec<Row> {
    let pairs = before.tasks().into_iter().zip(after.tasks()).filter(|((_, before), _)| !before.at_ten.is_empty());
    pairs
        .map(|((task, before), (_, after))| {
            let change: Vec<f32> = before.at_ten.iter().zip(&after.at_ten).map(|(a, b)| b - a).collect();
            let (queries, change) = (before.at_ten.len(), Interval::of(&change));
            Row { task, queries, before: Interval::of(&before.at_ten), after: Interval::of(&after.at_ten), change }
        })
        .collect()
}

/// The table for people, in per cent.
pub fn show(rows: &[Row]) -> String {
    let mut table =
        "| held-out products | queries | before | after | change |\n| --- | --- | --- | --- | --- |".to_string();
    for row in rows {
        let cells = [row.before.show(false), row.after.show(false), row.change.show(true)];
        table += &format!("\n| {} | {} | {} |", row.task, row.queries, cells.join(" | "));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::tasks::Scores;

    #[test]
    fn ranges_are_those_of_the_normal_law_where_it_holds() {
        // 400 queries of which 100 hit: the mean lies within ±1.96·√(.25·.75/400)
        let values: Vec<f32> = (0..400).map(|i| if i % 4 == 0 { 1.0 } else { 0.0 }).collect();
        let Interval { value, low, high } = Interval::of(&values);
        let wide = 1.96 * (0.25f32 * 0.75 / 400.0).sqrt();
        assert!(value == 0.25 && (low - (0.25 - wide)).abs() < 0.006 && (high - (0.25 + wide)).abs() < 0.006);
        let all = Interval::of(&[1.0; 50]);
        assert_eq!((all.low, all.value, all.high), (1.0, 1.0, 1.0));
    }

    #[test]
    fn a_row_pairs_the_same_queries() {
        let title = |at_ten: [f32; 4]| Measured {
            title: Scores { at_ten: at_ten.to_vec(), smooth: vec![] },
            ..Measured::default()
        };
        let rows = rows(&title([0.0, 1.0, 0.0, 1.0]), &title([1.0, 1.0, 0.0, 1.0]));
        assert_eq!(rows.len(), 1, "tasks that were not asked have no row");
        assert_eq!((rows[0].before.value, rows[0].after.value, rows[0].change.value), (0.5, 0.75, 0.25));
        assert!(rows[0].change.low >= 0.0, "no query got worse");
        assert!(show(&rows).contains("| title R@10 | 4 | 50.0 ("), "{}", show(&rows));
    }
}
