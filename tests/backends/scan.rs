//! Cases of the catalog on a graphics device: scores against f64, and the selection against sorting everything.

use super::cases::Found;
use vitrine::backend::Backend;
use vitrine::backend::gpu::Gpu;
use vitrine::backend::gpu::scan::Vectors;

/// How many cases there are.
pub const COUNTS: [(&str, usize); 1] = [("scan", 50)];

/// Rows that far apart are the same, vector and scale, so that their scores are equal.
const PERIOD: usize = 91;

/// Smooth, aperiodic numbers.
fn numbers(len: usize, seed: f32) -> Vec<f32> {
    (0..len).map(|i| (i as f32 * 0.731 + seed).sin() + (i as f32 * 0.0137 + seed * 3.0).cos()).collect()
}

/// Vectors in pieces of few bytes, so that a catalog spans several, with and without rows left out. Allowed: a score
/// may be off by 2e-6 of the sum of its absolute products; the order must be that of the scores, lower rows first.
pub async fn run(gpu: &Gpu) -> Vec<Found> {
    let mut found = Vec::new();
    for (n, d, largest) in
        [(1, 1, 1 << 20), (5, 17, 64), (197, 16, 1 << 20), (1025, 256, 100_000), (5000, 33, 48 * 1000)]
    {
        let different: Vec<i8> = numbers(PERIOD * d, 0.4).iter().map(|v| (v * 63.0) as i8).collect();
        let vectors: Vec<i8> = different.iter().cycle().take(n * d).copied().collect();
        let scales: Vec<f32> = (0..n).map(|i| 0.004 + (i % PERIOD % 7) as f32 * 0.001).collect();
        let query = numbers(d, 0.9);
        let mut index = Vectors::with_pieces(d, largest);
        let half = n / 2;
        index.add(gpu, &vectors[..half * d], &scales[..half]).unwrap();
        index.add(gpu, &vectors[half * d..], &scales[half..]).unwrap();
        assert_eq!(index.len(), n);
        let tensor = gpu.tensor(&query, &[1, d]).unwrap();
        for filtered in [false, true] {
            let bits: Vec<u8> = (0..n.div_ceil(8)).map(|i| (i * 37 + 11) as u8).collect();
            for k in [0, 1, 10, 96, 512] {
                let selected = index.select(gpu, &tensor, k, filtered.then_some(&bits)).unwrap();
                let (_, rows) = selected.read(gpu, &[]).await.unwrap();
                let allowed = |row: usize| !filtered || bits[row / 8] >> (row % 8) & 1 == 1;
                let case = format!("{n}×{d} best {k} filtered {filtered}");
                let worst = judge(&rows, k, &query, &vectors, &scales, &allowed);
                found.push(Found { kernel: "scan", case, worst });
            }
        }
    }
    found
}

/// The worst share of what is allowed; infinite where a row is missing, left out of order, or not allowed.
fn judge(
    rows: &[(u32, f32)],
    k: usize,
    query: &[f32],
    vectors: &[i8],
    scales: &[f32],
    allowed: &dyn Fn(usize) -> bool,
) -> f64 {
    let exact = |row: usize| {
        let vector = &vectors[row * query.len()..][..query.len()];
        let terms = vector.iter().zip(query).map(|(v, q)| f64::from(*v) * f64::from(*q) * f64::from(scales[row]));
        terms.fold((0.0, 1e-30), |(sum, size), t| (sum + t, size + t.abs()))
    };
    let candidates: Vec<usize> = (0..scales.len()).filter(|row| allowed(*row)).collect();
    let ordered = |pair: &[(u32, f32)]| pair[0].1 > pair[1].1 || (pair[0].1 == pair[1].1 && pair[0].0 < pair[1].0);
    if rows.len() != k.min(candidates.len())
        || !rows.windows(2).all(ordered)
        || !rows.iter().all(|(row, _)| allowed(*row as usize))
    {
        return f64::INFINITY;
    }
    let mut worst = 0f64;
    for (row, score) in rows {
        let (sum, size) = exact(*row as usize);
        worst = worst.max((f64::from(*score) - sum).abs() / (2e-6 * size));
    }
    // nothing that was left out may be better than the last one by more than both scores' errors
    if let Some((_, last)) = rows.last().filter(|_| rows.len() < candidates.len()) {
        let kept: std::collections::HashSet<u32> = rows.iter().map(|(row, _)| *row).collect();
        for row in candidates.into_iter().filter(|row| !kept.contains(&(*row as u32))) {
            let (sum, size) = exact(row);
            worst = worst.max((sum - f64::from(*last)) / (4e-6 * size));
            // of equal ones the lower rows are kept
            if (row + PERIOD..scales.len()).step_by(PERIOD).any(|higher| kept.contains(&(higher as u32))) {
                return f64::INFINITY;
            }
        }
    }
    worst
}
