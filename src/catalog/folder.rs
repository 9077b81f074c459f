//! The one reader of catalog folders: every file's length and hash are checked before anything sees its bytes.

use super::format::{FileEntry, Item, MANIFEST, Manifest, Shard, ShardEntry};
use crate::error::{Result, io};
use std::path::{Path, PathBuf};

/// A catalog folder whose manifest has been read.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// `catalog.json`.
    pub manifest: Manifest,
}

impl Folder {
    /// Reads the manifest of the folder at `path`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) where there is none,
    /// [`Error::Catalog`](crate::Error::Catalog) for one that does not hold together.
    pub fn open(path: &Path) -> Result<Self> {
        let file = path.join(MANIFEST);
        let json = std::fs::read_to_string(&file).map_err(io("reading", &file))?;
        Ok(Self { path: path.into(), manifest: Manifest::from_json(&json)? })
    }

    /// The bytes of one of its files.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) for a file that is missing,
    /// [`Error::Hash`](crate::Error::Hash) for one that is other than the manifest says.
    pub fn read(&self, file: &FileEntry) -> Result<Vec<u8>> {
        let path = self.path.join(&file.file);
        let bytes = std::fs::read(&path).map_err(io("reading", &path))?;
        file.verify(&bytes)?;
        Ok(bytes)
    }

    /// What is known of the photos of one shard, in row order.
    pub fn items_of(&self, shard: &ShardEntry) -> Result<Vec<Item>> {
        shard.open_items(&self.read(&shard.items)?)
    }

    /// The vectors of one shard.
    pub fn vectors_of(&self, shard: &ShardEntry) -> Result<Shard> {
        shard.open(&self.read(&shard.vectors)?, self.manifest.dimension)
    }

    /// Vectors and what is known of the photos, shard by shard, so that memory holds one whatever the catalog's size.
    pub fn shards(&self) -> impl Iterator<Item = Result<(Shard, Vec<Item>)>> {
        self.manifest.shards.iter().map(|shard| Ok((self.vectors_of(shard)?, self.items_of(shard)?)))
    }

    /// What is known of all photos, in row order.
    pub fn items(&self) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(self.manifest.count);
        for shard in &self.manifest.shards {
            items.extend(self.items_of(shard)?);
        }
        Ok(items)
    }
}
