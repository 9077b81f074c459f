//! Rows → the files of a catalog: shards and metadata, neighbours, and the manifest last.
//!
//! What is written depends on the rows alone, not on the order or the number of parts that they came in.

use super::files::{Put, bytes, most_rows, put_file, put_shard};
use super::rows::Rows;
use super::{Earlier, PHOTOS, neighbours};
use crate::catalog::format::{FORMAT, Item, MANIFEST, Manifest, ModelRef, Neighbours, WHOLE};
use crate::error::{Error, Result};
use crate::hash::FolderName;

/// Makes the files of a catalog of at least one photo, all but the photos, and hands each to `put` under its name, the
/// manifest last. With a number of `clusters` it is a clustered one, which only the command line makes.
pub fn assemble(
    title: &str,
    model: ModelRef,
    rows: Rows,
    clusters: Option<usize>,
    put: &mut Put<'_>,
) -> Result<Manifest> {
    assemble_again(title, model, rows, clusters, None, put)
}

/// The same with what an earlier catalog of nearly these rows has computed. What is written is the same with and without.
pub fn assemble_again(
    title: &str,
    model: ModelRef,
    mut rows: Rows,
    clusters: Option<usize>,
    earlier: Option<&Earlier>,
    put: &mut Put<'_>,
) -> Result<Manifest> {
    if rows.is_empty() {
        return Err(Error::Photo("expected at least one readable photo, got none; choose another folder".into()));
    }
    rows.sort();
    let mut manifest = Manifest {
        format: FORMAT.into(),
        version: WHOLE,
        title: title.into(),
        model,
        dimension: rows.dimension,
        count: rows.len(),
        products: Some(rows.products()),
        facets: rows.facets(),
        shards: Vec::new(),
        neighbours: Neighbours { file: None, k: neighbours::K.min(rows.len() - 1) },
        clusters: None,
        photos: FolderName::parse(PHOTOS)?,
        packs: None,
    };
    match clusters {
        #[cfg(feature = "cli")]
        Some(count) => super::clustered::write(rows, count, earlier, &mut manifest, put)?,
        _ => write_whole(rows, earlier, &mut manifest, put)?,
    }
    put(MANIFEST, &serde_json::to_vec_pretty(&manifest).map_err(|e| Error::Catalog(e.to_string()))?)?;
    Ok(manifest)
}

/// A catalog that is fetched as a whole: shards in the order of the ids, cut by size. Near-duplicates are marked.
fn write_whole(mut rows: Rows, earlier: Option<&Earlier>, manifest: &mut Manifest, put: &mut Put<'_>) -> Result<()> {
    let k = manifest.neighbours.k;
    let known = earlier.and_then(|earlier| earlier.table(&rows, k));
    let table = known.unwrap_or_else(|| neighbours::table(&rows, k));
    for (row, first) in neighbours::alike(&rows, &table, manifest.neighbours.k)? {
        let item = rows.item(row)?;
        rows.replace_item(row, &Item { same_as: Some(first), ..item })?;
    }
    let most = most_rows(&rows);
    for start in (0..rows.len()).step_by(most) {
        manifest.shards.push(put_shard(&rows, start..(start + most).min(rows.len()), put)?);
    }
    manifest.neighbours.file = Some(put_file("neighbours", "bin", &bytes(&table), put)?);
    Ok(())
}
