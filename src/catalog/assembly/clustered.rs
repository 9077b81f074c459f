//! A clustered catalog: a shard a cell, and what is needed to fetch only the shards that a query asks for.

use super::Earlier;
use super::cluster::{Clusters, cluster};
use super::files::{Put, bytes, most_rows, put_file, put_shard};
use super::neighbours;
use super::rows::Rows;
use crate::backend::kernels::Isa;
use crate::backend::kernels::scan::{TopK, scan};
use crate::catalog::format::{CellFiles, Facet, Manifest, Shard, VERSION};
use crate::error::{Error, Result};
use rayon::prelude::*;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::str::FromStr;

/// Photos from which on a catalog is clustered unless it is asked not to be: beyond it a visitor would have to fetch
/// more than 26 MB of vectors of 256 numbers.
pub const AUTO: usize = 100_000;
/// Cells in which the neighbours of a cell's photos are looked for, itself among them.
const NEAR: usize = 16;
/// Photos in the window of a clustered catalog.
const WINDOW: usize = 240;

/// Whether a catalog is clustered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CellChoice {
    /// From `AUTO` photos on, into twice the square root of their number of cells.
    #[default]
    Auto,
    /// Never: the page fetches all vectors.
    Whole,
    /// Into that many cells.
    Count(usize),
}

impl CellChoice {
    /// As an earlier catalog was clustered, of which nobody remembers the choice.
    pub fn like(manifest: &Manifest) -> Self {
        match (&manifest.cells, manifest.count) {
            (Some(_), _) => Self::Count(manifest.shards.len()),
            (None, count) if count >= AUTO => Self::Whole,
            (None, _) => Self::Auto,
        }
    }

    /// Number of cells of a catalog of so many photos; none for a catalog that is fetched as a whole.
    pub fn cells(self, photos: usize) -> Option<usize> {
        match self {
            Self::Auto if photos >= AUTO => Some((2.0 * (photos as f64).sqrt()) as usize),
            Self::Auto | Self::Whole => None,
            Self::Count(count) => Some(count),
        }
    }
}

impl std::fmt::Display for CellChoice {
    /// As it is read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Whole => f.write_str("none"),
            Self::Count(count) => count.fmt(f),
        }
    }
}

impl FromStr for CellChoice {
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
    let (Clusters { centres, members }, known) = match known {
        Some((clusters, earlier)) => (clusters, Some(earlier)),
        None => (cluster(&rows, count, most_rows(&rows)), None),
    };
    rows.reorder(&members.concat());
    let pieces = ranges(&members);
    let near = |(cell, piece): (usize, &Range<usize>)| match known {
        Some(earlier) => earlier.stored(piece.clone(), k),
        None => bytes(&neighbours::of_cell(&rows, piece.clone(), &around(&centres, &pieces, cell, k), k)),
    };
    let tables: Vec<Vec<u8>> = pieces.par_iter().enumerate().map(near).collect();
    for (piece, table) in pieces.iter().zip(tables) {
        let mut shard = put_shard(&rows, piece.clone(), put)?;
        shard.neighbours = Some(put_file("neighbours", "bin", &table, put)?);
        manifest.shards.push(shard);
    }
    manifest.version = VERSION;
    manifest.cells = Some(CellFiles {
        centres: put_file("cells", "bin", &centres.encode(), put)?,
        facets: put_file("cells", "json", &facet_counts(&rows, &pieces, &manifest.facets)?, put)?,
        window: put_file("window", "json", &window(&rows, &pieces, &centres)?, put)?,
    });
    Ok(())
}

/// Where the rows of each cell lie once rows are in the order of the cells.
fn ranges(members: &[Vec<u32>]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::with_capacity(members.len());
    for members in members {
        let start = ranges.last().map_or(0, |last| last.end);
        ranges.push(start..start + members.len());
    }
    ranges
}

/// The cells nearest to a cell, itself first: [`NEAR`] of them, or more where those have no `k` other photos.
fn around(centres: &Shard, pieces: &[Range<usize>], cell: usize, k: usize) -> Vec<Range<usize>> {
    let centre: Vec<f32> = centres.row(cell).collect();
    let mut scores = vec![0.0; pieces.len()];
    scan(Isa::detect(), &centre, &centres.vectors, &centres.scales, &mut scores);
    scores[cell] = f32::NAN; // what no search keeps
    let mut nearest = TopK::new(pieces.len());
    nearest.offer(0, &scores);
    let mut cells = vec![pieces[cell].clone()];
    for (near, _) in nearest.into_sorted() {
        if cells.len() >= NEAR && cells.iter().map(Range::len).sum::<usize>() > k {
            break;
        }
        cells.push(pieces[near].clone());
    }
    cells
}

/// How many photos of each piece have each value of the facets, as [`CellFiles::facets`] is written.
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

/// The photos nearest to the centres of cells from all over the catalog, as [`CellFiles::window`] is written.
fn window(rows: &Rows, pieces: &[Range<usize>], centres: &Shard) -> Result<Vec<u8>> {
    let shown = WINDOW.min(rows.len());
    let mut taken = HashSet::new();
    let mut window = Vec::with_capacity(shown);
    for i in 0..shown {
        let cell = i * pieces.len() / shown;
        let centre = &centres.vectors[cell * rows.dimension..(cell + 1) * rows.dimension];
        let score = |row: usize| {
            let product = rows.vector(row).iter().zip(centre).map(|(a, b)| i32::from(*a) * i32::from(*b));
            product.sum::<i32>() as f32 * rows.scales[row]
        };
        // a cell whose photos are all there already adds none
        let left = pieces[cell].clone().filter(|row| !taken.contains(row));
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
    fn cells_are_chosen_by_size_or_by_hand() {
        let cells = |text: &str, photos| text.parse::<CellChoice>().map(|choice| choice.cells(photos));
        assert_eq!(cells("auto", AUTO - 1), Ok(None));
        assert_eq!(cells("auto", 1_000_000), Ok(Some(2000)));
        assert_eq!(cells("none", 1_000_000), Ok(None));
        assert_eq!(cells("40", 100), Ok(Some(40)));
        for wrong in ["0", "-1", "some", "", "1000000"] {
            assert!(cells(wrong, 1).is_err(), "{wrong}");
        }
    }

    #[test]
    fn neighbours_from_a_few_cells_are_nearly_the_nearest() {
        let mut rows = heaps(3000, 32, 40);
        rows.sort();
        let Clusters { centres, members } = cluster(&rows, 60, 1000);
        rows.reorder(&members.concat());
        let pieces = ranges(&members);
        let rows_of = |table: Vec<(u32, f32)>| table.into_iter().map(|(row, _)| row).collect::<Vec<u32>>();
        let exact = rows_of(neighbours::table(&rows, 12));
        let near = |(cell, piece): (usize, &Range<usize>)| {
            neighbours::of_cell(&rows, piece.clone(), &around(&centres, &pieces, cell, 12), 12)
        };
        let found = rows_of(pieces.iter().enumerate().flat_map(near).collect());
        assert_eq!(found.len(), exact.len());
        let hits = exact.chunks(12).zip(found.chunks(12));
        let hits: usize = hits.map(|(exact, found)| exact.iter().filter(|row| found.contains(row)).count()).sum();
        assert!(hits as f64 > 0.98 * exact.len() as f64, "{hits} of {}", exact.len());
    }
}
