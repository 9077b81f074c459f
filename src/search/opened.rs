//! An opened catalog whose shards may still be arriving.

use super::clustered::Clustered;
use super::{Index, Vectors};
use crate::catalog::format::{Manifest, Shard};
use crate::error::Result;

/// An opened catalog whose shards may still be arriving.
pub struct Catalog {
    /// `catalog.json`.
    pub manifest: Manifest,
    index: Index,
    waiting: Vec<Option<Shard>>,
    next: usize,
    clusters: Option<Clustered>,
}

impl Catalog {
    /// Reads a manifest, and refuses one that was made with a model of another fingerprint.
    pub fn open(json: &str, fingerprint: Option<&str>) -> Result<Self> {
        Self::of(Manifest::from_json(json)?, fingerprint)
    }

    fn of(manifest: Manifest, fingerprint: Option<&str>) -> Result<Self> {
        if let Some(fingerprint) = fingerprint {
            manifest.check_model(fingerprint)?;
        }
        let (index, waiting) = (Index::new(manifest.dimension), vec![None; manifest.shards.len()]);
        Ok(Self { manifest, index, waiting, next: 0, clusters: None })
    }

    /// Reads a catalog folder, all shards of it.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_folder(folder: &std::path::Path, fingerprint: Option<&str>) -> Result<Self> {
        Self::of_folder(&crate::catalog::folder::Folder::open(folder)?, fingerprint)
    }

    /// Reads all shards of a catalog folder.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn of_folder(folder: &crate::catalog::folder::Folder, fingerprint: Option<&str>) -> Result<Self> {
        let mut catalog = Self::of(folder.manifest.clone(), fingerprint)?;
        for shard in &folder.manifest.shards {
            catalog.index.add(folder.vectors_of(shard)?)?;
            catalog.next += 1;
        }
        Ok(catalog)
    }

    /// Takes the centroids of a clustered catalog: from now on any of its shards can be searched without the others.
    pub fn open_clusters(&mut self, bytes: &[u8]) -> Result<()> {
        self.clusters = Some(Clustered::open(&self.manifest, bytes)?);
        Ok(())
    }

    /// The clusters of a clustered catalog, once its centroids are here.
    pub fn clusters(&self) -> Option<&Clustered> {
        self.clusters.as_ref()
    }

    /// Lets a shard go, to make room, where shards are searched one by one.
    pub fn drop_shard(&mut self, file: &str) -> Result<()> {
        let (position, _) = self.manifest.shard(file)?;
        self.clusters.as_mut().map_or(Ok(()), |clusters| clusters.drop(position))
    }

    /// Checks and takes a shard; returns how many rows can be searched now. Shards may come in any order: unless clusters
    /// are open, one that comes early waits for those before it, since rows are numbered in the manifest's order.
    pub fn add_shard(&mut self, file: &str, bytes: &[u8]) -> Result<usize> {
        let (position, entry) = self.manifest.shard(file)?;
        let shard = entry.open(bytes, self.manifest.dimension)?;
        if let Some(clusters) = &mut self.clusters {
            clusters.put(position, shard)?;
            return Ok(clusters.len());
        }
        if position >= self.next {
            self.waiting[position] = Some(shard);
        }
        while let Some(shard) = self.waiting.get_mut(self.next).and_then(Option::take) {
            self.index.add(shard)?;
            self.next += 1;
        }
        Ok(self.index.len())
    }

    /// See [`Index::prepare`]; a clustered catalog, whose clusters are searched one by one, has nothing to prepare.
    pub fn prepare(&mut self, rows: usize) -> bool {
        self.clusters.is_some() || self.index.prepare(rows)
    }

    /// The vectors that have arrived.
    pub fn index(&self) -> &Index {
        &self.index
    }
}
