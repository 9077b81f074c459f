//! Searching a clustered catalog while only a few of its shards are here.
//!
//! Photos that look alike share a shard (a cluster, as the nearest-neighbour literature calls it), and the catalog names a
//! small file with the centroid of each. A query is compared with the centroids first; the shards with the nearest ones
//! are fetched, searched exactly, and kept. No index beside the centroids, and nothing that a static host cannot serve.

use super::{Filter, Hit, Index, Vectors};
use crate::catalog::format::{Manifest, Shard};
use crate::error::{Error, Result};

/// The share of the photos that a query fetches at most, and the probes that it may take all the same: of few clusters, a
/// tenth would be one probe, and the best ten of a drawn catalog lie in up to seven clusters of forty.
pub const MOST: f32 = 0.1;
const LEAST_PROBES: usize = 3;
/// The share of the photos in a probe, and the least number of clusters: see `benches/growth` for what they cost and find.
const PROBE: f32 = 0.005;
const PROBE_CLUSTERS: usize = 4;

/// The centroids of all clusters, and the clusters that are here.
#[derive(Clone, Debug)]
pub struct Clustered {
    centroids: Index,
    /// First row of each cluster, and the number of rows at the end.
    starts: Vec<u32>,
    here: Vec<Option<Index>>,
}

impl Clustered {
    /// Reads the centroids of a clustered catalog, a shard file with one vector for each of the catalog's shards.
    pub fn open(manifest: &Manifest, bytes: &[u8]) -> Result<Self> {
        let clusters = manifest.clusters.as_ref().ok_or_else(|| {
            Error::Catalog("expected a clustered catalog, got one without centroids; fetch all of its shards".into())
        })?;
        clusters.centroids.verify(bytes)?;
        let shard = Shard::decode(bytes)?;
        if shard.ids.len() != manifest.shards.len() {
            return Err(Error::Catalog(format!(
                "expected a centroid for each of {} shards, got {}; index the photos again",
                manifest.shards.len(),
                shard.ids.len()
            )));
        }
        let mut centroids = Index::new(manifest.dimension);
        centroids.add(shard)?;
        let mut starts = vec![0];
        for shard in &manifest.shards {
            starts.push(starts[starts.len() - 1] + shard.count as u32);
        }
        Ok(Self { centroids, starts, here: vec![None; manifest.shards.len()] })
    }

    /// The clusters to fetch for a unit query, nearest first, in probes: when a probe brings nothing new among the best,
    /// the next ones will not either, and the search may end. Together they hold at most [`MOST`] of the photos, or are
    /// three probes. With `allowed`, only those clusters.
    pub fn probes(&self, query: &[f32], allowed: Option<&[u32]>) -> Result<Vec<Vec<u32>>> {
        let hits = self.centroids.top_k(query, self.centroids.len(), Filter { only: allowed, exclude: &[] })?;
        let photos = self.starts[self.here.len()] as f32;
        let (mut probes, mut probe, mut rows, mut total) = (Vec::new(), Vec::new(), 0.0, 0.0);
        for cluster in hits.into_iter().map(|hit| hit.row) {
            let size = (self.starts[cluster as usize + 1] - self.starts[cluster as usize]) as f32;
            if total + size > MOST * photos && probes.len() >= LEAST_PROBES {
                break;
            }
            (rows, total) = (rows + size, total + size);
            probe.push(cluster);
            if probe.len() >= PROBE_CLUSTERS && rows >= PROBE * photos {
                probes.push(std::mem::take(&mut probe));
                rows = 0.0;
            }
        }
        if !probe.is_empty() {
            probes.push(probe);
        }
        Ok(probes)
    }

    /// Takes a cluster's photos. The cluster is a position in the catalog's list of shards.
    pub fn put(&mut self, cluster: usize, shard: Shard) -> Result<()> {
        let mut index = Index::new(shard.dimension);
        index.add(shard)?;
        *self.slot(cluster)? = Some(index);
        Ok(())
    }

    /// Lets a cluster go, to make room.
    pub fn drop(&mut self, cluster: usize) -> Result<()> {
        *self.slot(cluster)? = None;
        Ok(())
    }

    fn slot(&mut self, cluster: usize) -> Result<&mut Option<Index>> {
        let clusters = self.here.len();
        self.here.get_mut(cluster).ok_or_else(|| {
            Error::Argument(format!(
                "searching: expected one of {clusters} clusters, got cluster {cluster}; reload the page"
            ))
        })
    }
}

impl Vectors for Clustered {
    /// Photos of the clusters that are here.
    fn len(&self) -> usize {
        self.here.iter().flatten().map(Index::len).sum()
    }

    fn vector(&self, row: u32) -> Option<Vec<f32>> {
        let cluster = self.starts.partition_point(|&start| start <= row).checked_sub(1)?;
        self.here.get(cluster)?.as_ref()?.vector(row - self.starts[cluster])
    }

    fn top_k(&self, query: &[f32], k: usize, filter: Filter<'_>) -> Result<Vec<Hit>> {
        let sorted = |rows: &[u32]| {
            let mut rows = rows.to_vec();
            rows.sort_unstable();
            rows
        };
        let (only, exclude) = (filter.only.map(sorted), sorted(filter.exclude));
        let mut found = Vec::new();
        for (cluster, index) in
            self.here.iter().enumerate().filter_map(|(cluster, index)| Some((cluster, index.as_ref()?)))
        {
            let (start, end) = (self.starts[cluster], self.starts[cluster + 1]);
            let within = |rows: &[u32]| -> Vec<u32> {
                let rows = &rows[rows.partition_point(|&row| row < start)..rows.partition_point(|&row| row < end)];
                rows.iter().map(|row| row - start).collect()
            };
            let (only, exclude) = (only.as_deref().map(within), within(&exclude));
            if only.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let hits = index.top_k(query, k, Filter { only: only.as_deref(), exclude: &exclude })?;
            found.extend(hits.into_iter().map(|hit| Hit { row: hit.row + start, ..hit }));
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
        found.truncate(k);
        Ok(found)
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;
    use crate::catalog::assembly::{Rows, assemble};
    use crate::catalog::format::ModelRef;
    use crate::catalog::format::tests::item;
    use crate::quant::quantize_rows;
    use std::collections::HashMap;

    /// A clustered catalog of 400 photos in 20 heaps, and its files by name.
    fn catalog() -> (Manifest, HashMap<String, Vec<u8>>) {
        let mut rows = Rows::new(16);
        let noise = |i: usize, j: usize| ((i * 7919 + j * 104_729) as f32).sin();
        for i in 0..400 {
            let vector: Vec<f32> = (0..16).map(|j| noise(i % 20, j) + 0.1 * noise(i + 1000, j)).collect();
            let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
            let (values, scales) = quantize_rows(&vector.iter().map(|v| v / length).collect::<Vec<_>>(), 16);
            rows.push(&item(&format!("p{i:03}")), scales[0], &values).unwrap();
        }
        let (mut files, model) = (HashMap::new(), ModelRef { name: "tiny".into(), fingerprint: "0".into() });
        let mut put = |name: &str, bytes: &[u8]| {
            files.insert(name.to_string(), bytes.to_vec());
            Ok(())
        };
        let manifest = assemble("Shop", model, rows, Some(20), &mut put).unwrap();
        (manifest, files)
    }

    fn open(manifest: &Manifest, files: &HashMap<String, Vec<u8>>) -> Clustered {
        Clustered::open(manifest, &files[manifest.clusters.as_ref().unwrap().centroids.file.as_str()]).unwrap()
    }

    fn fetch(clusters: &mut Clustered, manifest: &Manifest, files: &HashMap<String, Vec<u8>>, cluster: u32) {
        let shard = Shard::decode(&files[manifest.shards[cluster as usize].vectors.file.as_str()]).unwrap();
        clusters.put(cluster as usize, shard).unwrap();
    }

    #[test]
    fn the_nearest_clusters_hold_the_nearest_photos() {
        let (manifest, files) = catalog();
        let (mut few, mut all) = (open(&manifest, &files), open(&manifest, &files));
        (0..manifest.shards.len() as u32).for_each(|cluster| fetch(&mut all, &manifest, &files, cluster));
        assert_eq!(all.len(), 400);
        let query = all.vector(123).unwrap();
        let probes = few.probes(&query, None).unwrap();
        assert!(few.is_empty() && few.vector(123).is_none());
        for cluster in &probes[0] {
            fetch(&mut few, &manifest, &files, *cluster);
        }
        assert!(few.len() < 200, "{} photos were fetched", few.len());
        let filter = Filter { only: None, exclude: &[123] };
        let exact = all.top_k(&query, 10, filter).unwrap();
        assert_eq!(few.top_k(&query, 10, filter).unwrap(), exact);
        assert!(exact.iter().all(|hit| hit.row != 123));
        let only: Vec<u32> = exact.iter().rev().map(|hit| hit.row).skip(5).collect();
        assert_eq!(all.top_k(&query, 10, Filter { only: Some(&only), exclude: &[] }).unwrap(), exact[..5]);
        few.drop(probes[0][0] as usize).unwrap();
        assert!(few.vector(123).is_none());
    }

    #[test]
    fn probes_name_each_cluster_once_and_stay_below_the_limit() {
        let (manifest, files) = catalog();
        let clusters = open(&manifest, &files);
        let query: Vec<f32> = (0..16).map(|i| if i == 3 { 1.0 } else { 0.0 }).collect();
        let probes = clusters.probes(&query, None).unwrap();
        assert_eq!(
            probes.iter().map(Vec::len).collect::<Vec<_>>(),
            [4; 3],
            "a tenth of 20 clusters would be less than a probe"
        );
        let allowed = [5, 17];
        let mut few = clusters.probes(&query, Some(&allowed)).unwrap().concat();
        few.sort_unstable();
        assert_eq!(few, allowed);
        assert!(clusters.probes(&query[..5], None).is_err());
    }

    #[test]
    fn a_filter_reaches_every_photo_of_every_cluster() {
        let (manifest, files) = catalog();
        let mut all = open(&manifest, &files);
        (0..manifest.shards.len() as u32).for_each(|cluster| fetch(&mut all, &manifest, &files, cluster));
        let rows = |query: &[f32], only: Option<&[u32]>, exclude: &[u32]| -> Vec<u32> {
            let hits = all.top_k(query, 400, Filter { only, exclude }).unwrap();
            hits.iter().map(|hit| hit.row).collect()
        };
        for row in 0..400 {
            let query = all.vector(row).unwrap();
            assert_eq!(rows(&query, Some(&[row]), &[]), [row]);
            let others = rows(&query, None, &[row]);
            assert!(others.len() == 399 && !others.contains(&row), "row {row}");
        }
    }

    #[test]
    fn a_manifest_whose_counts_do_not_add_up_is_refused() {
        let (manifest, _) = catalog();
        let table = 4 * manifest.neighbours.k as u64;
        // what else must fit is made to fit, so that nothing but the sum can tell
        for changes in [
            &[("/count", 1)][..],
            &[("/shards/3/count", 1), ("/shards/3/neighbours/bytes", table)],
            &[("/count", 1), ("/shards/3/count", 2), ("/shards/3/neighbours/bytes", 2 * table)],
        ] {
            let mut json = serde_json::to_value(&manifest).unwrap();
            assert_eq!(Manifest::from_json(&json.to_string()).unwrap(), manifest);
            for (pointer, more) in changes {
                let number = json.pointer_mut(pointer).unwrap();
                *number = (number.as_u64().unwrap() + more).into();
            }
            let error = Manifest::from_json(&json.to_string()).unwrap_err().to_string();
            assert!(error.contains("photos together"), "{changes:?}: {error}");
        }
    }

    #[test]
    fn what_does_not_belong_to_the_catalog_is_refused() {
        let (mut manifest, files) = catalog();
        let centroids = manifest.clusters.as_ref().unwrap().centroids.file.clone();
        assert!(Clustered::open(&manifest, &files[manifest.shards[0].vectors.file.as_str()]).is_err(), "another hash");
        let mut clusters = open(&manifest, &files);
        assert!(clusters.put(99, Shard::from_f32(vec![], &[], 16).unwrap()).is_err());
        manifest.shards.pop();
        assert!(Clustered::open(&manifest, &files[centroids.as_str()]).is_err(), "more centroids than shards");
        manifest.clusters = None;
        assert!(Clustered::open(&manifest, &files[centroids.as_str()]).is_err(), "no clustered catalog");
    }
}
