//! Spherical k-means (Dhillon and Modha, 2001): photos that look alike share a cluster.
//!
//! Vectors are compared by the integer sums of the catalog scan and centroids are rounded as they are stored, so the
//! clusters are the same for the same rows, on every processor and with any number of threads.

use super::neighbours::floats;
use super::rows::Rows;
use crate::backend::kernels::Isa;
use crate::backend::kernels::scan::scan;
use crate::catalog::format::Shard;
use crate::quant::quantize_rows;
use rayon::prelude::*;

/// Rounds of assigning photos to centroids and moving the centroids.
const ROUNDS: usize = 8;
/// Photos a cluster that centroids are fitted to; more cost time and change little.
const SAMPLE: usize = 64;

/// Clusters of a catalog.
pub struct Clusters {
    /// The centroids `[clusters, dimension]` as they are stored: a shard whose ids are empty.
    pub centroids: Shard,
    /// The rows of each cluster in row order; none is empty.
    pub members: Vec<Vec<u32>>,
}

/// Puts every row into one of at most `count` clusters, each of at most `most` rows. A cluster that is too large (a catalog
/// may hold a photo a thousand times) becomes several with the same centroid.
pub fn cluster(rows: &Rows, count: usize, most: usize) -> Clusters {
    let d = rows.dimension;
    let count = count.clamp(1, rows.len());
    let step = (rows.len() / (count * SAMPLE)).max(1);
    let sample: Vec<u32> = (0..rows.len() as u32).step_by(step).collect();
    let mut centroids: Vec<f32> =
        (0..count).flat_map(|i| floats(rows, sample[i * sample.len() / count] as usize)).collect();
    for _ in 0..ROUNDS {
        let nearest = assign(rows, &sample, &quantize(&centroids, d));
        move_centroids(rows, &sample, &nearest, &mut centroids);
    }
    let centroids = quantize(&centroids, d);
    let all: Vec<u32> = (0..rows.len() as u32).collect();
    let mut members = vec![Vec::new(); count];
    for (row, (cluster, _)) in all.iter().zip(assign(rows, &all, &centroids)) {
        members[cluster as usize].push(*row);
    }
    let mut clusters = Clusters { centroids: quantize(&[], d), members: Vec::new() };
    for (cluster, members) in members.iter().enumerate() {
        for piece in members.chunks(most.max(1)) {
            clusters.members.push(piece.to_vec());
            clusters.centroids.ids.push(String::new());
            clusters.centroids.scales.push(centroids.scales[cluster]);
            clusters.centroids.vectors.extend(&centroids.vectors[cluster * d..(cluster + 1) * d]);
        }
    }
    clusters
}

fn quantize(centroids: &[f32], d: usize) -> Shard {
    let (vectors, scales) = quantize_rows(centroids, d);
    Shard { dimension: d, ids: vec![String::new(); scales.len()], scales, vectors }
}

/// The nearest centroid of each of the given rows, and the cosine with it; of equal ones the first.
fn assign(rows: &Rows, of: &[u32], centroids: &Shard) -> Vec<(u32, f32)> {
    let isa = Isa::detect();
    let nearest = |scores: &mut Vec<f32>, &row: &u32| {
        scores.resize(centroids.scales.len(), 0.0);
        scan(isa, &floats(rows, row as usize), &centroids.vectors, &centroids.scales, scores);
        let better =
            |best: (u32, f32), (i, &score): (usize, &f32)| if score > best.1 { (i as u32, score) } else { best };
        scores.iter().enumerate().fold((0, f32::NEG_INFINITY), better)
    };
    of.par_iter().map_init(Vec::new, nearest).collect()
}

/// Moves each centroid to the direction of its photos' sum. One without photos goes to the photo of the largest cluster
/// that is least like the rest of it.
fn move_centroids(rows: &Rows, of: &[u32], nearest: &[(u32, f32)], centroids: &mut [f32]) {
    let d = rows.dimension;
    let mut members = vec![Vec::new(); centroids.len() / d];
    for (&row, &(cluster, score)) in of.iter().zip(nearest) {
        members[cluster as usize].push((row, score));
    }
    centroids.par_chunks_exact_mut(d).zip(&members).filter(|(_, members)| !members.is_empty()).for_each(
        |(centroid, members)| {
            // in row order, so that the sum is rounded the same way every time
            let mut sum = vec![0f64; d];
            for (row, _) in members {
                sum.iter_mut().zip(floats(rows, *row as usize)).for_each(|(sum, v)| *sum += f64::from(v));
            }
            let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-12);
            centroid.iter_mut().zip(sum).for_each(|(v, sum)| *v = (sum / length) as f32);
        },
    );
    for empty in (0..members.len()).filter(|&cluster| members[cluster].is_empty()).collect::<Vec<_>>() {
        let largest = (0..members.len()).max_by_key(|&cluster| (members[cluster].len(), std::cmp::Reverse(cluster)));
        let Some(members) = largest.map(|cluster| &mut members[cluster]).filter(|members| members.len() > 1) else {
            return;
        };
        let least = (0..members.len()).min_by(|&a, &b| members[a].1.total_cmp(&members[b].1)).unwrap_or(0);
        let (row, _) = members.swap_remove(least);
        centroids[empty * d..(empty + 1) * d].copy_from_slice(&floats(rows, row as usize));
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::catalog::format::tests::item;

    /// Unit vectors around `centroids` directions, `n` rows in turn.
    pub fn heaps(n: usize, d: usize, centroids: usize) -> Rows {
        let mut state = 1u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let middle: Vec<f32> = (0..centroids * d).map(|_| noise()).collect();
        let mut rows = Rows::new(d);
        for i in 0..n {
            let heap = &middle[i % centroids * d..][..d];
            let vector: Vec<f32> = heap.iter().map(|v| v + 0.2 * noise()).collect();
            let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
            let unit: Vec<f32> = vector.iter().map(|v| v / length).collect();
            let (values, scales) = quantize_rows(&unit, d);
            rows.push(&item(&format!("{i:06}")), scales[0], &values).unwrap();
        }
        rows
    }

    #[test]
    fn heaps_become_clusters() {
        let rows = heaps(600, 24, 6);
        let clusters = cluster(&rows, 6, 1000);
        assert_eq!(clusters.members.len(), 6);
        for members in &clusters.members {
            assert_eq!(members.len(), 100);
            assert!(members.iter().all(|row| row % 6 == members[0] % 6), "{members:?}");
        }
    }

    #[test]
    fn every_row_is_in_one_cluster_and_no_cluster_is_too_large_or_empty() {
        for (n, count, most) in [(1, 9, 5), (50, 50, 3), (300, 7, 10), (64, 200, 64)] {
            let rows = heaps(n, 8, 3);
            let clusters = cluster(&rows, count, most);
            assert!(clusters.members.iter().all(|members| (1..=most).contains(&members.len())));
            assert_eq!(clusters.centroids.scales.len(), clusters.members.len());
            let mut all: Vec<u32> = clusters.members.concat();
            all.sort_unstable();
            assert_eq!(all, (0..n as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_same_photo_many_times_is_spread_over_shards_with_one_centroid() {
        let mut rows = Rows::new(2);
        (0..40).for_each(|i| rows.push(&item(&i.to_string()), 1.0 / 127.0, &[127, 0]).unwrap());
        let clusters = cluster(&rows, 4, 10);
        assert_eq!(clusters.members.iter().map(Vec::len).sum::<usize>(), 40);
        assert!(clusters.members.iter().all(|members| members.len() <= 10));
    }

    #[test]
    fn threads_do_not_change_the_clusters() {
        let rows = heaps(2000, 32, 11);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| cluster(&rows, 20, 500))
        };
        let (one, three) = (run(1), run(3));
        assert_eq!((one.members, one.centroids), (three.members, three.centroids));
    }
}
