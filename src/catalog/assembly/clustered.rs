//! A clustered catalog: a shard a cluster, and what is needed to fetch only the shards that a query asks for.

use super::Earlier;
use super::cluster::{Clusters, cluster};
use super::files::{Put, bytes, most_rows, put_file, put_shard};
use super::neighbours;
use super::rows::Rows;
use crate::backend::kernels::Isa;
use crate::backend::kernels::scan::{TopK, scan};
use crate::catalog::format::{ClusterFiles, Facet, Manifest, Shard, VERSION};
use crate::error::{Error, Result};
use rayon::prelude::*;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::str::FromStr;

/// Photos from which on a catalog is clustered unless it is asked not to be: beyond it a visitor would have to fetch
/// more than 26 MB of vectors of 256 numbers.
pub const AUTO: usize = 100_000;
/// Clusters in which the neighbours of a cluster's photos are looked for, itself among them.
const NEAR: usize = 16;
/// Photos in the window of a clustered catalog.
const WINDOW: usize = 240;

/// Whether a catalog is clustered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClusterChoice {
    /// From `AUTO` photos on, into twice the square root of their number of clusters.
    #[default]
    Auto,
    /// Never: the page fetches all vectors.
    Whole,
    /// Into that many clusters.
    Count(usize),
}

impl ClusterChoice {
    /// As an earlier catalog was clustered, of which nobody remembers the choice.
    pub fn like(manifest: &Manifest) -> Self {
        match (&manifest.clusters, manifest.count) {
            (Some(_), _) => Self::Count(manifest.shards.len()),
            (None, count) if count >= AUTO => Self::Whole,
            (None, _) => Self::Auto,
        }
    }

    /// Number of clusters of a catalog of so many photos; none for a catalog that is fetched as a whole.
    pub fn clusters(self, photos: usize) -> Option<usize> {
        match self {
            Self::Auto if photos >= AUTO => Some((2.0 * (photos as f64).sqrt()) as usize),
            Self::Auto | Self::Whole => None,
            Self::Count(count) => Some(count),
        }
    }
}

impl std::fmt::Display for ClusterChoice {
    /// As it is read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Whole => f.write_str("none"),
            Self::Count(count) => count.fmt(f),
        }
    }
}

impl FromStr for ClusterChoice {
    type Err = String;

    /// Reads `auto`, `none` or a number.
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            ("none", _) => Ok(Self::Whole),
            (_, Ok(count @ 1..=100_000)) => Ok(Self::Count(count)),
            _ => Err("expected auto, none or a number from 1 to 100000".to_string()),
        }
    }
}

/// Writes the files of a clustered catalog and names them in its manifest.
pub fn write(
    mut rows: Rows,
    count: usize,
    earlier: Option<&Earlier>,
    manifest: &mut Manifest,
    put: &mut Put<'_>,
) -> Result<()> {
    let k = manifest.neighbours.k;
    let known = earlier.and_then(|earlier| Some((earlier.clusters(&rows, k)?, earlier)));
    let (Clusters { centroids, members }, known) = match known {
        Some((clusters, earlier)) => (clusters, Some(earlier)),
        None => (cluster(&rows, count, most_rows(&rows)), None),
    };
    rows.reorder(&members.concat());
    let pieces = ranges(&members);
    let near = |(cluster, piece): (usize, &Range<usize>)| match known {
        Some(earlier) => earlier.stored(piece.clone(), k),
        None => bytes(&neighbours::of_cluster(&rows, piece.clone(), &around(&centroids, &pieces, cluster, k), k)),
    };
    let tables: Vec<Vec<u8>> = pieces.par_iter().enumerate().map(near).collect();
    for (piece, table) in pieces.iter().zip(tables) {
        let mut shard = put_shard(&rows, piece.clone(), put)?;
        shard.neighbours = Some(put_file("neighbours", "bin", &table, put)?);
        manifest.shards.push(shard);
    }
    manifest.version = VERSION;
    manifest.clusters = Some(ClusterFiles {
        centroids: put_file("cells", "bin", &centroids.encode(), put)?,
        facets: put_file("cells", "json", &facet_counts(&rows, &pieces, &manifest.facets)?, put)?,
        window: put_file("window", "json", &window(&rows, &pieces, &centroids)?, put)?,
    });
    Ok(())
}

/// Where the rows of each cluster lie once rows are in the order of the clusters.
fn ranges(members: &[Vec<u32>]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::with_capacity(members.len());
    for members in members {
        let start = ranges.last().map_or(0, |last| last.end);
        ranges.push(start..start + members.len());
    }
    ranges
}

/// The clusters nearest to a cluster, itself first: [`NEAR`] of them, or more where those have no `k` other photos.
fn around(centroids: &Shard, pieces: &[Range<usize>], cluster: usize, k: usize) -> Vec<Range<usize>> {
    let centroid: Vec<f32> = centroids.row(cluster).collect();
    let mut scores = vec![0.0; pieces.len()];
    scan(Isa::detect(), &centroid, &centroids.vectors, &centroids.scales, &mut scores);
    scores[cluster] = f32::NAN; // what no search keeps
    let mut nearest = TopK::new(pieces.len());
    nearest.offer(0, &scores);
    let mut clusters = vec![pieces[cluster].clone()];
    for (near, _) in nearest.into_sorted() {
        if clusters.len() >= NEAR && clusters.iter().map(Range::len).sum::<usize>() > k {
            break;
        }
        clusters.push(pieces[near].clone());
    }
    clusters
}

/// How many photos of each piece have each value of the facets, as [`ClusterFiles::facets`] is written.
fn facet_counts(rows: &Rows, pieces: &[Range<usize>], facets: &[Facet]) -> Result<Vec<u8>> {
    let pairs =
        facets.iter().flat_map(|facet| facet.values.iter().map(|value| (facet.name.as_str(), value.value.as_str())));
    let columns: HashMap<(&str, &str), usize> = pairs.enumerate().map(|(column, pair)| (pair, column)).collect();
    let count = |piece: &Range<usize>| -> Result<Vec<u32>> {
        let mut counts = vec![0; columns.len()];
        for row in piece.clone() {
            for pair in rows.item(row)?.values() {
                if let Some(&column) = columns.get(&pair) {
                    counts[column] += 1;
                }
            }
        }
        Ok(counts)
    };
    let counts: Vec<Vec<u32>> = pieces.par_iter().map(count).collect::<Result<_>>()?;
    serde_json::to_vec(&counts).map_err(|e| Error::Catalog(e.to_string()))
}

/// The photos nearest to the centroids of clusters from all over the catalog, as [`ClusterFiles::window`] is written.
fn window(rows: &Rows, pieces: &[Range<usize>], centroids: &Shard) -> Result<Vec<u8>> {
    let shown = WINDOW.min(rows.len());
    let mut taken = HashSet::new();
    let mut window = Vec::with_capacity(shown);
    for i in 0..shown {
        let cluster = i * pieces.len() / shown;
        let centroid = &centroids.vectors[cluster * rows.dimension..(cluster + 1) * rows.dimension];
        let score = |row: usize| {
            let product = rows.vector(row).iter().zip(centroid).map(|(a, b)| i32::from(*a) * i32::from(*b));
            product.sum::<i32>() as f32 * rows.scales[row]
        };
        // a cluster whose photos are all there already adds none
        let left = pieces[cluster].clone().filter(|row| !taken.contains(row));
        let Some(row) = left.max_by(|&a, &b| score(a).total_cmp(&score(b)).then(b.cmp(&a))) else { continue };
        taken.insert(row);
        window.push(json!({"row": row, "item": rows.item(row)?}));
    }
    serde_json::to_vec(&window).map_err(|e| Error::Catalog(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::cluster::tests::heaps;
    use super::*;

    #[test]
    fn clusters_are_chosen_by_size_or_by_hand() {
        let clusters = |text: &str, photos| text.parse::<ClusterChoice>().map(|choice| choice.clusters(photos));
        assert_eq!(clusters("auto", AUTO - 1), Ok(None));
        assert_eq!(clusters("auto", 1_000_000), Ok(Some(2000)));
        assert_eq!(clusters("none", 1_000_000), Ok(None));
        assert_eq!(clusters("40", 100), Ok(Some(40)));
        for wrong in ["0", "-1", "some", "", "1000000"] {
            assert!(clusters(wrong, 1).is_err(), "{wrong}");
        }
    }

    #[test]
    fn neighbours_from_a_few_clusters_are_nearly_the_nearest() {
        let mut rows = heaps(3000, 32, 40);
        rows.sort();
        let Clusters { centroids, members } = cluster(&rows, 60, 1000);
        rows.reorder(&members.concat());
        let pieces = ranges(&members);
        let rows_of = |table: Vec<(u32, f32)>| table.into_iter().map(|(row, _)| row).collect::<Vec<u32>>();
        let exact = rows_of(neighbours::table(&rows, 12));
        let near = |(cluster, piece): (usize, &Range<usize>)| {
            neighbours::of_cluster(&rows, piece.clone(), &around(&centroids, &pieces, cluster, 12), 12)
        };
        let found = rows_of(pieces.iter().enumerate().flat_map(near).collect());
        assert_eq!(found.len(), exact.len());
        let hits = exact.chunks(12).zip(found.chunks(12));
        let hits: usize = hits.map(|(exact, found)| exact.iter().filter(|row| found.contains(row)).count()).sum();
        assert!(hits as f64 > 0.98 * exact.len() as f64, "{hits} of {}", exact.len());
    }
}
