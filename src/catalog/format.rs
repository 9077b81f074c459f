//! The catalog format: `catalog.json`, and shards of int8 vectors with their ids. Both directions live here.
//!
//! Version 1 is a catalog that is fetched as a whole. Version 2 is a clustered one: photos that look alike share a
//! shard, each shard has its own neighbours, and [`ClusterFiles`] names what is needed to choose shards before fetching.
//! A catalog without clusters is still written as version 1, so that pages of that version go on reading it.
//!
//! A shard is little-endian: the magic bytes `VITRSHRD`, then u32 version, count, dimension and length of the ids in
//! bytes; one f32 scale a vector; count + 1 u32 offsets into the ids; the ids in UTF-8; the vectors, one byte a
//! number. A vector's value is integer · scale, and its length is 1 up to rounding.

use crate::backend::kernels::scan::MAX_DIMENSION;
use crate::error::{Error, Result};
use crate::hash::{FileName, FolderName, PhotoName, check_hash, sha256_hex};
use crate::model::folder::Description;
use crate::quant::quantize_rows;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Value of [`Manifest::format`].
pub const FORMAT: &str = "vitrine-catalog";
/// The newest version that this code reads, and the one that it writes for clustered catalogs.
pub const VERSION: u32 = 2;
/// The version of a catalog that is fetched as a whole, and of every shard.
pub const WHOLE: u32 = 1;
/// Name of the manifest in a catalog folder.
pub const MANIFEST: &str = "catalog.json";
/// The most bytes that a shard should have; shards are cut between photos to stay below.
pub const SHARD_BYTES: usize = 6 << 20;

const MAGIC: &[u8; 8] = b"VITRSHRD";
const HEADER: usize = 24;

/// A file that the manifest vouches for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name in the catalog folder.
    pub file: FileName,
    /// Its length.
    pub bytes: u64,
    /// Its hash, hexadecimal.
    pub sha256: String,
}

/// A shard and the metadata of its photos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardEntry {
    /// The vectors.
    #[serde(flatten)]
    pub vectors: FileEntry,
    /// Number of photos.
    pub count: usize,
    /// A JSON array of [`Item`] in the order of the vectors.
    pub items: FileEntry,
    /// The nearest photos of its photos, in a clustered catalog: rows as in [`Neighbours`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<FileEntry>,
}

/// What a clustered catalog has beside its shards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterFiles {
    /// The direction in which each shard's photos lie: a shard file with one vector a shard, and empty ids.
    #[serde(rename = "centres")]
    pub centroids: FileEntry,
    /// How many photos of each shard have each value of the facets: a JSON array of arrays of numbers, one a shard,
    /// with all values of all facets in the manifest's order.
    pub facets: FileEntry,
    /// Photos from all over the catalog to look around in: a JSON array of `{row, item}`.
    pub window: FileEntry,
}

/// What a manifest says of packs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Packs {
    /// The list of packs, a `PackList`, in JSON.
    #[serde(flatten)]
    pub list: FileEntry,
    /// Folder of the packs.
    pub folder: FolderName,
}

/// The model that a catalog was made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRef {
    /// Its name for people.
    pub name: String,
    /// Its fingerprint.
    pub fingerprint: String,
}

impl From<&Description> for ModelRef {
    fn from(model: &Description) -> Self {
        Self { name: model.name.clone(), fingerprint: model.fingerprint.clone() }
    }
}

/// An attribute and how many products have each of its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facet {
    /// The attribute.
    pub name: String,
    /// `size` or `color`, where its values are such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its values, the most frequent first; sizes in their order.
    pub values: Vec<FacetValue>,
}

/// One value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FacetValue {
    /// The value.
    pub value: String,
    /// Products that have it.
    pub count: usize,
}

/// The nearest photos of every photo, found ahead: rows of `k` little-endian u32 row numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ReadNeighbours")]
pub struct Neighbours {
    /// The file; none in a clustered catalog, whose shards have one each.
    #[serde(flatten)]
    pub file: Option<FileEntry>,
    /// Row numbers a photo.
    pub k: usize,
}

/// [`Neighbours`] as they are read: an optional flattened file would pass over one that is there and has a fault.
#[derive(Deserialize)]
struct ReadNeighbours {
    file: Option<FileName>,
    bytes: Option<u64>,
    sha256: Option<String>,
    k: usize,
}

impl TryFrom<ReadNeighbours> for Neighbours {
    type Error = &'static str;

    fn try_from(read: ReadNeighbours) -> Result<Self, Self::Error> {
        let file = match (read.file, read.bytes, read.sha256) {
            (Some(file), Some(bytes), Some(sha256)) => Some(FileEntry { file, bytes, sha256 }),
            (None, None, None) => None,
            _ => return Err("expected neighbours with file, bytes and sha256, or with none of them"),
        };
        Ok(Self { file, k: read.k })
    }
}

/// `catalog.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// Version of the format.
    pub version: u32,
    /// A title for people.
    pub title: String,
    /// The model that made the vectors.
    pub model: ModelRef,
    /// Numbers a vector.
    pub dimension: usize,
    /// Number of photos.
    pub count: usize,
    /// Number of products, of which some have several photos; earlier versions did not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<usize>,
    /// Attributes to filter by.
    pub facets: Vec<Facet>,
    /// The shards, in row order.
    pub shards: Vec<ShardEntry>,
    /// Neighbours found ahead.
    pub neighbours: Neighbours,
    /// What is needed to fetch only the shards that a query asks for; none in a catalog that is fetched as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "cells")]
    pub clusters: Option<ClusterFiles>,
    /// Folder of the photos.
    pub photos: FolderName,
    /// The packs that hold the photos, in a site whose host does not take a file for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packs: Option<Packs>,
}

/// What is known of one photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The shop's id: the photo's file name without its ending.
    pub id: String,
    /// A title for people.
    pub title: String,
    /// Attributes by name.
    pub attributes: BTreeMap<String, String>,
    /// File in the photo folder.
    pub photo: PhotoName,
    /// Width of that file in pixels.
    pub width: u32,
    /// Height of that file in pixels.
    pub height: u32,
    /// Mean colour as `#rrggbb`, shown until the photo is there.
    pub tone: String,
    /// The product's page.
    pub link: Option<String>,
    /// The price as the shop writes it.
    pub price: Option<String>,
    /// The same in parts, where a feed tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// Whether it can be ordered, where a feed tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_stock: Option<bool>,
    /// Further values of attributes that have several; the first is in `attributes`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub further: BTreeMap<String, Vec<String>>,
    /// Id of the product, where it has several photos: each is a row, and the first has the product's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// [`BLUR`] pixels of the photo, shown until it is there: a hexadecimal digit for each of red, green and blue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blur: Option<String>,
    /// Row of an earlier photo that shows nearly the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<u32>,
}

/// A price in parts. Amounts are text, as decimals are no floats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Today.
    pub now: String,
    /// Before the sale that is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// The most that a variant costs, where it is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The currency's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

impl Item {
    /// Names and values of its attributes, with every value of those that have several.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let first = self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let further = self.further.iter();
        first.chain(further.flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str()))))
    }
}

/// Columns and rows of [`Item::blur`].
pub const BLUR: (u32, u32) = (3, 4);

impl Manifest {
    /// Reads `catalog.json`.
    pub fn from_json(json: &str) -> Result<Self> {
        let value: serde_json::Value = serde_json::from_str(json).map_err(|e| {
            Error::Catalog(format!("expected catalog.json, got text that is no JSON ({e}); fetch it again"))
        })?;
        let (format, version) = (value["format"].as_str(), value["version"].as_u64());
        if format != Some(FORMAT) || version.is_none_or(|v| v == 0 || v > u64::from(VERSION)) {
            return Err(Error::Catalog(format!(
                "expected {FORMAT} of version 1 to {VERSION}, got {format:?} of version {version:?}; \
                 update this program or index the photos again"
            )));
        }
        let manifest: Self = serde_json::from_value(value).map_err(|e| {
            Error::Catalog(format!(
                "expected a complete catalog.json, got one with a fault: {e}; index the photos again"
            ))
        })?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Refuses a manifest that does not add up, or that leads elsewhere.
    fn check(&self) -> Result<()> {
        let total = self.shards.iter().try_fold(0u32, |sum, shard| sum.checked_add(u32::try_from(shard.count).ok()?));
        if total.map(|total| total as usize) != Some(self.count) || !(1..=MAX_DIMENSION).contains(&self.dimension) {
            return Err(Error::Catalog(format!(
                "expected shards of {} photos together and at most {MAX_DIMENSION} numbers a vector, got {total:?} and \
                 {}; index the photos again",
                self.count, self.dimension
            )));
        }
        let complete = match self.clusters {
            None => self.neighbours.file.is_some(),
            Some(_) => self.shards.iter().all(|shard| shard.neighbours.is_some()),
        };
        match complete {
            true => Ok(()),
            false => Err(Error::Catalog(
                "expected neighbours, of the catalog or of each shard where it has clusters, got none; \
                 index the photos again"
                    .into(),
            )),
        }?;
        let tables = self.shards.iter().filter_map(|shard| Some((shard.count, shard.neighbours.as_ref()?)));
        for (rows, file) in tables.chain(self.neighbours.file.as_ref().map(|file| (self.count, file))) {
            let k = self.neighbours.k;
            if (rows as u64).checked_mul(4).and_then(|bytes| bytes.checked_mul(k as u64)) != Some(file.bytes) {
                let problem = format!("expected {k} neighbours of {rows} photos, got {} bytes of them", file.bytes);
                return Err(Error::Catalog(format!("{problem}; index the photos again")));
            }
        }
        Ok(())
    }

    /// Every file that it names, other than the photos.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let shards =
            self.shards.iter().flat_map(|shard| [Some(&shard.vectors), Some(&shard.items), shard.neighbours.as_ref()]);
        let clusters = self
            .clusters
            .iter()
            .flat_map(|clusters| [&clusters.centroids, &clusters.facets, &clusters.window].map(Some));
        let packs = self.packs.iter().map(|packs| Some(&packs.list));
        shards.chain([self.neighbours.file.as_ref()]).chain(clusters).chain(packs).flatten()
    }

    /// Refuses a catalog that another model made.
    pub fn check_model(&self, fingerprint: &str) -> Result<()> {
        match self.model.fingerprint == fingerprint {
            true => Ok(()),
            false => Err(Error::Fingerprint {
                catalog: format!("{} ({})", self.model.name, self.model.fingerprint),
                model: fingerprint.to_string(),
            }),
        }
    }

    /// The shard of that file name and its position.
    pub fn shard(&self, file: &str) -> Result<(usize, &ShardEntry)> {
        self.shards.iter().enumerate().find(|(_, shard)| *shard.vectors.file == *file).ok_or_else(|| {
            Error::Catalog(format!("expected one of {} shards, got {file:?}; reload the page", self.shards.len()))
        })
    }
}

impl FileEntry {
    /// Describes bytes; the name is `stem-<hash>.extension`, so that a name never changes its content.
    pub fn of(stem: &str, extension: &str, bytes: &[u8]) -> Result<Self> {
        let sha256 = sha256_hex(bytes);
        Ok(Self { file: FileName::of_content(stem, extension, &sha256)?, bytes: bytes.len() as u64, sha256 })
    }

    /// Checks bytes against length and hash.
    pub fn verify(&self, bytes: &[u8]) -> Result<()> {
        check_hash(&self.file, &self.sha256, bytes)
    }
}

impl ShardEntry {
    /// Checks the bytes of its vectors against hash, count and length of a vector, and decodes them.
    pub fn open(&self, bytes: &[u8], dimension: usize) -> Result<Shard> {
        self.vectors.verify(bytes)?;
        let shard = Shard::decode(bytes)?;
        match shard.dimension == dimension && shard.ids.len() == self.count {
            true => Ok(shard),
            false => Err(Error::Catalog(format!(
                "expected {} vectors of {dimension} numbers in {}, got {} of {}; index the photos again",
                self.count,
                self.vectors.file,
                shard.ids.len(),
                shard.dimension
            ))),
        }
    }

    /// Checks the bytes of the metadata of its photos, and reads them.
    pub fn open_items(&self, bytes: &[u8]) -> Result<Vec<Item>> {
        self.items.verify(bytes)?;
        let wrong = |got: String| {
            let expected = format!("a list of {} products in {}", self.count, self.items.file);
            Error::Catalog(format!("expected {expected}, got {got}; index the photos again"))
        };
        let items: Vec<Item> = serde_json::from_slice(bytes).map_err(|e| wrong(e.to_string()))?;
        match items.len() == self.count {
            true => Ok(items),
            false => Err(wrong(format!("{} of them", items.len()))),
        }
    }
}

/// A decoded shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Shard {
    /// Numbers a vector.
    pub dimension: usize,
    /// Ids in row order.
    pub ids: Vec<String>,
    /// One scale a vector.
    pub scales: Vec<f32>,
    /// The integers `[rows, dimension]`.
    pub vectors: Vec<i8>,
}

impl Shard {
    /// Quantizes unit vectors `[rows, dimension]`.
    pub fn from_f32(ids: Vec<String>, vectors: &[f32], dimension: usize) -> Result<Self> {
        if ids.len().checked_mul(dimension) != Some(vectors.len()) {
            return Err(Error::Argument(format!(
                "making a shard: expected {} × {dimension} numbers, got {}; check the dimension",
                ids.len(),
                vectors.len()
            )));
        }
        let (values, scales) = quantize_rows(vectors, dimension);
        Ok(Self { dimension, ids, scales, vectors: values })
    }

    /// One row's vector as floats; the row must exist.
    pub fn row(&self, row: usize) -> impl Iterator<Item = f32> {
        let scale = self.scales[row];
        self.vectors[row * self.dimension..(row + 1) * self.dimension].iter().map(move |&v| f32::from(v) * scale)
    }

    /// All vectors `[rows, dimension]` as floats.
    pub fn floats(&self) -> Vec<f32> {
        (0..self.ids.len()).flat_map(|row| self.row(row)).collect()
    }

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let ids: usize = self.ids.iter().map(String::len).sum();
        let numbers = [WHOLE, self.ids.len() as u32, self.dimension as u32, ids as u32];
        let mut out = Vec::with_capacity(HEADER + ids + self.ids.len() * (8 + self.dimension) + 4);
        out.extend(MAGIC);
        out.extend(numbers.iter().flat_map(|v| v.to_le_bytes()));
        out.extend(self.scales.iter().flat_map(|v| v.to_le_bytes()));
        let mut offset = 0u32;
        out.extend(offset.to_le_bytes());
        for id in &self.ids {
            offset += id.len() as u32;
            out.extend(offset.to_le_bytes());
        }
        self.ids.iter().for_each(|id| out.extend(id.as_bytes()));
        out.extend(self.vectors.iter().map(|&v| v as u8));
        out
    }

    /// Reads a file's bytes. Every length is checked against the file before anything is allocated for it.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let bad = |expected: &str| {
            let got = format!("a file of {} bytes", bytes.len());
            Error::Catalog(format!("expected {expected} in a shard, got {got}; fetch it again"))
        };
        let word = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let (Some(version), Some(count), Some(dimension), Some(text)) = (word(8), word(12), word(16), word(20)) else {
            return Err(bad("a header of 24 bytes"));
        };
        if !bytes.starts_with(MAGIC) || version != WHOLE {
            return Err(bad(&format!("the mark VITRSHRD and version {WHOLE} (it says {version})")));
        }
        // three numbers of 32 bits can ask for more than 64 bits count
        let expected = u128::from(count) * (u128::from(dimension) + 8) + u128::from(text) + HEADER as u128 + 4;
        if expected != bytes.len() as u128 || dimension == 0 {
            return Err(bad(&format!("{count} vectors of {dimension} numbers, {expected} bytes,")));
        }
        let [count, dimension, text] = [count, dimension, text].map(|v| v as usize);
        let (scales, rest) = bytes[HEADER..].split_at(4 * count);
        let (offsets, rest) = rest.split_at(4 * (count + 1));
        let (ids, vectors) = rest.split_at(text);
        let ids = std::str::from_utf8(ids).map_err(|_| bad("ids in UTF-8"))?;
        let offsets: Vec<usize> =
            offsets.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
        let id = |pair: &[usize]| ids.get(pair[0]..pair[1]).map(str::to_string).ok_or_else(|| bad("ids in order"));
        Ok(Self {
            dimension,
            ids: offsets.windows(2).map(id).collect::<Result<_>>()?,
            scales: scales.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            vectors: vectors.iter().map(|&v| v as i8).collect(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A photo of which little is known.
    pub fn item(id: &str) -> Item {
        Item {
            id: id.into(),
            title: format!("Garment {id}"),
            attributes: BTreeMap::new(),
            photo: PhotoName::parse("0.jpg").unwrap(),
            width: 60,
            height: 80,
            tone: "#808080".into(),
            link: None,
            price: None,
            offer: None,
            in_stock: None,
            further: BTreeMap::new(),
            product: None,
            blur: None,
            same_as: None,
        }
    }

    fn sample() -> Shard {
        let ids = vec!["a".into(), "größe 7".into(), String::new()];
        Shard::from_f32(ids, &[1.0, 0.0, 0.6, -0.8, 0.0, 0.0], 2).unwrap()
    }

    #[test]
    fn a_shard_survives_its_file() {
        assert_eq!(Shard::decode(&sample().encode()).unwrap(), sample());
        let empty = Shard::from_f32(vec![], &[], 5).unwrap();
        assert_eq!(Shard::decode(&empty.encode()).unwrap(), empty);
    }

    #[test]
    fn a_count_far_beyond_the_file_is_refused() {
        let mut bytes = sample().encode();
        bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(Shard::decode(&bytes), Err(Error::Catalog(_))));
    }

    #[test]
    fn a_shard_of_another_mark_or_version_is_refused() {
        for (at, to) in [(0, 0), (7, 0), (8, 0), (8, WHOLE as u8 + 1), (11, 1)] {
            let mut bytes = sample().encode();
            bytes[at] = to;
            let error = Shard::decode(&bytes).unwrap_err().to_string();
            assert!(error.contains("VITRSHRD"), "byte {at}: {error}");
        }
    }

    proptest! {
        #[test]
        fn damaged_bytes_never_panic(cut in 0usize..80, at in 0usize..80, to in any::<u8>()) {
            let mut bytes = sample().encode();
            let at = at % bytes.len();
            bytes[at] = to;
            bytes.truncate(bytes.len().min(cut));
            let _ = Shard::decode(&bytes);
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Shard::decode(&bytes).is_err());
            prop_assert!(Manifest::from_json(&String::from_utf8_lossy(&bytes)).is_err());
        }
    }

    #[test]
    fn newer_versions_are_refused_with_the_next_step() {
        let error = Manifest::from_json(r#"{"format":"vitrine-catalog","version":3}"#).unwrap_err().to_string();
        assert!(error.contains("version Some(3)") && error.contains("update"), "{error}");
    }
}
