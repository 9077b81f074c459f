//! In-batch cross-entropy with a learned temperature, by hand: the batch is one matrix, and its gradient is short.

use super::gemm::Precision;
use super::kernels::mm;

/// What a gallery photo is to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It does not answer the query.
    Negative,
    /// It answers the query.
    Positive,
    /// It may answer the query: it neither attracts nor repels.
    Ignored,
}

/// Loss and gradients of one set of queries over one gallery.
#[derive(Debug, Default)]
pub struct Contrast {
    /// Mean over the queries that have a positive.
    pub loss: f32,
    /// Gradient of the queries `[m, d]`.
    pub d_queries: Vec<f32>,
    /// Gradient of the gallery `[n, d]`.
    pub d_gallery: Vec<f32>,
    /// Gradient of the logarithm of the scale.
    pub d_log_scale: f32,
    /// Share of queries whose best unignored photo is a positive.
    pub accuracy: f32,
}

/// Cross-entropy of unit vectors: queries `[m, d]` against a gallery `[n, d]`. A query with several positives counts
/// each of them, the others masked, and takes the mean: −log(eᵖ / (eᵖ + Σ negatives)).
pub fn contrast(queries: &[f32], gallery: &[f32], d: usize, log_scale: f32, relation: &[Relation]) -> Contrast {
    let (m, n) = (queries.len() / d, gallery.len() / d);
    assert_eq!(relation.len(), m * n, "one relation for each of {m} queries and {n} photos");
    if m == 0 || n == 0 {
        return Contrast { d_queries: vec![0.0; m * d], d_gallery: vec![0.0; n * d], ..Contrast::default() };
    }
    let scale = log_scale.exp();
    let mut transposed = vec![0.0; d * n];
    for j in 0..n {
        for f in 0..d {
            transposed[f * n + j] = gallery[j * d + f];
        }
    }
    let mut similar = vec![0.0; m * n]; // cosines, then gradients of logits
    mm([m, n, d], (queries, d, 1), (&transposed, n), (&mut similar, n), false);
    let rows = similar.chunks_exact_mut(n).zip(relation.chunks_exact(n));
    let counted = relation.chunks_exact(n).filter(|row| row.contains(&Relation::Positive)).count().max(1);
    let (mut loss, mut right, mut d_log_scale) = (0.0f64, 0usize, 0.0f64);
    for (row, relation) in rows {
        let cosines = row.to_vec();
        match row_gradient(row, relation, scale) {
            Some((value, hit)) => {
                loss += f64::from(value);
                right += usize::from(hit);
                d_log_scale += row.iter().zip(&cosines).map(|(g, c)| f64::from(g * c * scale)).sum::<f64>();
            }
            None => row.fill(0.0),
        }
        row.iter_mut().for_each(|g| *g *= scale / counted as f32);
    }
    let (mut d_queries, mut d_gallery) = (vec![0.0; m * d], vec![0.0; n * d]);
    mm([m, d, n], (&similar, n, 1), (gallery, d), (&mut d_queries, d), false);
    super::gemm::add_transposed_product(Precision::F32, [m, n, d], &similar, queries, &mut d_gallery);
    Contrast {
        loss: (loss / counted as f64) as f32,
        d_queries,
        d_gallery,
        d_log_scale: (d_log_scale / counted as f64) as f32,
        accuracy: right as f32 / counted as f32,
    }
}

/// Turns a row of cosines into the gradient of its logits; also its loss and whether a positive came first.
fn row_gradient(row: &mut [f32], relation: &[Relation], scale: f32) -> Option<(f32, bool)> {
    let best = |wanted: Relation, row: &[f32]| {
        let fits = row.iter().zip(relation).filter(|(_, r)| **r == wanted).map(|(x, _)| *x);
        fits.fold(f32::NEG_INFINITY, f32::max)
    };
    let (positive, negative) = (best(Relation::Positive, row), best(Relation::Negative, row));
    if positive == f32::NEG_INFINITY {
        return None;
    }
    let largest = positive.max(negative);
    let exps: Vec<f64> = row.iter().map(|x| f64::from((x - largest) * scale).exp()).collect();
    let negatives: f64 = exps.iter().zip(relation).filter(|(_, r)| **r == Relation::Negative).map(|(e, _)| e).sum();
    let share = 1.0 / relation.iter().filter(|r| **r == Relation::Positive).count() as f64;
    let (mut loss, mut repel) = (0.0, 0.0); // repel: Σ over positives of 1 / (eᵖ + Σ negatives)
    for ((x, e), r) in row.iter_mut().zip(&exps).zip(relation) {
        if *r == Relation::Positive {
            let total = e + negatives;
            loss += share * (total.ln() - f64::from((*x - largest) * scale));
            repel += share / total;
            *x = (share * (e / total - 1.0)) as f32;
        }
    }
    for ((x, e), r) in row.iter_mut().zip(&exps).zip(relation) {
        match r {
            Relation::Positive => {}
            Relation::Negative => *x = (e * repel) as f32,
            Relation::Ignored => *x = 0.0,
        }
    }
    Some((loss as f32, positive > negative))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: f64) -> Vec<f32> {
        (0..n).map(|i| ((i as f64 * 12.9898 + seed).sin() * 43758.5453).fract() as f32).collect()
    }

    fn relations() -> Vec<Relation> {
        use Relation::{Ignored, Negative, Positive};
        let mut all = vec![Negative; 5 * 7];
        for (i, r) in [(0, Positive), (3, Positive), (4, Ignored), (8, Positive), (16, Positive), (30, Positive)] {
            all[i] = r; // row 3 has no positive at all
        }
        all
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let (d, log_scale) = (6, 1.2f32);
        let (queries, gallery, relation) = (noise(5 * d, 0.1), noise(7 * d, 0.7), relations());
        let at = contrast(&queries, &gallery, d, log_scale, &relation);
        let h = 1e-2;
        let check = |name: &str, got: f32, up: f32, down: f32| {
            let want = (up - down) / (2.0 * h);
            assert!((got - want).abs() < 2e-3, "{name}: {got} instead of {want}");
        };
        for i in 0..queries.len() {
            let moved = |by: f32| {
                let mut q = queries.clone();
                q[i] += by;
                contrast(&q, &gallery, d, log_scale, &relation).loss
            };
            check("query", at.d_queries[i], moved(h), moved(-h));
        }
        for i in 0..gallery.len() {
            let moved = |by: f32| {
                let mut g = gallery.clone();
                g[i] += by;
                contrast(&queries, &g, d, log_scale, &relation).loss
            };
            check("gallery", at.d_gallery[i], moved(h), moved(-h));
        }
        let moved = |by: f32| contrast(&queries, &gallery, d, log_scale + by, &relation).loss;
        check("scale", at.d_log_scale, moved(h), moved(-h));
    }

    #[test]
    fn ignored_photos_change_nothing() {
        let d = 4;
        let (queries, mut gallery) = (noise(2 * d, 0.3), noise(3 * d, 0.4));
        use Relation::{Ignored, Negative, Positive};
        let relation = [Positive, Ignored, Negative, Negative, Ignored, Positive];
        let before = contrast(&queries, &gallery, d, 2.0, &relation);
        assert!(before.d_gallery[d..2 * d].iter().all(|g| *g == 0.0));
        gallery[d..2 * d].iter_mut().for_each(|x| *x *= -3.0);
        assert_eq!(contrast(&queries, &gallery, d, 2.0, &relation).loss, before.loss);
    }

    #[test]
    fn without_masks_it_is_plain_cross_entropy() {
        let d = 4;
        let (queries, gallery) = (noise(d, 0.3), noise(3 * d, 0.4));
        let relation = [Relation::Negative, Relation::Positive, Relation::Negative];
        let logits: Vec<f32> =
            (0..3).map(|j| 5.0 * (0..d).map(|f| queries[f] * gallery[j * d + f]).sum::<f32>()).collect();
        let want = logits.iter().map(|l| l.exp()).sum::<f32>().ln() - logits[1];
        assert!((contrast(&queries, &gallery, d, 5.0f32.ln(), &relation).loss - want).abs() < 1e-5);
    }
}
