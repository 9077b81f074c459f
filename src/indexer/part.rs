//! Part i of n of a catalog: what one of several machines makes, for `merge` to join.
//!
//! A photo belongs to the part that the hash of its id says, so that parts are of one size whatever the ids look like,
//! and a photo stays in its part when others come and go. A part folder holds `part.json`, the vectors as one shard,
//! the metadata as a line of JSON a photo, the photos, and the journal from which it can be made again quickly.

use crate::backend::kernels::scan::MAX_DIMENSION;
use crate::catalog::assembly::{FacetChoice, Rows};
use crate::catalog::format::{FileEntry, Item, ModelRef, Shard};
use crate::error::{Error, LeftOut, Result, data, io};
use crate::hash::PhotoName;
use crate::staging::Growth;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

/// Name of a part's manifest, written last.
pub const PART: &str = "part.json";
const FORMAT: &str = "vitrine-part";
/// The version of [`PartManifest`] that is written and read.
pub const VERSION: u32 = 1;

/// More parts than a catalog is ever made in.
pub const MAX_PARTS: usize = 65_536;
/// A part's manifest holds no more than the names of what was left out, in bytes.
const MAX_MANIFEST: u64 = 256 << 20;
/// Missing parts that are named.
const NAMED: usize = 8;

/// Part `part` of `of`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartOf {
    /// Which part.
    pub part: usize,
    /// Of how many.
    pub of: usize,
}

impl PartOf {
    /// Whether a photo is in this part.
    pub fn holds(&self, id: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(id.as_bytes()).into();
        let number = hash[..8].iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
        number % self.of as u64 == self.part as u64 - 1
    }
}

impl std::str::FromStr for PartOf {
    type Err = String;

    /// Reads `i/n`, such as `3/16`.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=of).contains(&part) && of <= MAX_PARTS => Ok(Self { part, of }),
            _ => Err(format!("expected i/n with i from 1 to n and n at most {MAX_PARTS}, such as 3/16")),
        }
    }
}

/// What all parts of one catalog must agree on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Whole {
    /// Number of parts.
    pub parts: usize,
    /// The catalog's title.
    pub title: String,
    /// The model that makes the vectors.
    pub model: ModelRef,
    /// Numbers a vector.
    pub dimension: usize,
    /// Number of photos in all parts, readable or not.
    pub photos: usize,
    /// sha256 over their ids.
    pub ids: String,
    /// sha256 of the file of metadata; none without one.
    pub metadata: Option<String>,
    /// Which attributes are filters, where the owner says it.
    #[serde(default)]
    pub facets: FacetChoice,
}

impl Whole {
    /// sha256 over sorted ids.
    pub fn hash_ids(ids: &[String]) -> String {
        let mut hash = Sha256::new();
        ids.iter().for_each(|id| hash.update(format!("{}:{id}\n", id.len())));
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first thing in which another part's catalog differs: its name, its value here, and its value there.
    fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let none = || "none".to_string();
        let pairs = [
            ("number of parts", self.parts.to_string(), other.parts.to_string()),
            ("model", self.model.fingerprint.clone(), other.model.fingerprint.clone()),
            ("title", self.title.clone(), other.title.clone()),
            ("number of photos", self.photos.to_string(), other.photos.to_string()),
            ("list of photos", self.ids.clone(), other.ids.clone()),
            (
                "file of metadata and its published columns",
                self.metadata.clone().unwrap_or_else(none),
                other.metadata.clone().unwrap_or_else(none),
            ),
        ];
        let filters = |whole: &Self| whole.facets.named.join(", ");
        let mut pairs = pairs.into_iter().chain([("choice of filters", filters(self), filters(other))]);
        pairs.find(|(_, here, there)| here != there)
    }
}

/// `part.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartManifest {
    format: String,
    version: u32,
    /// Which part, counted from 1.
    pub part: usize,
    /// The catalog that it is a part of.
    pub whole: Whole,
    /// Photos in this part.
    pub count: usize,
    /// Photos that could not be read: id and reason.
    pub skipped: Vec<(String, String)>,
    /// All that was left out.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    vectors: FileEntry,
    items: FileEntry,
}

impl PartManifest {
    /// Writes a part's files into its folder, this manifest last.
    pub fn write(
        folder: &Growth,
        part: usize,
        whole: Whole,
        rows: &Rows,
        (skipped, left_out): (Vec<(String, String)>, Vec<LeftOut>),
    ) -> Result<Self> {
        let put = |stem: &str, extension: &str, bytes: Vec<u8>| {
            let entry = FileEntry::of(stem, extension, &bytes)?;
            folder.put(&entry.file, &bytes).map(|()| entry)
        };
        let vectors = put("shard", "bin", rows.shard(0..rows.len()).encode())?;
        let items = put("items", "jsonl", rows.items_lines())?;
        let (format, version, count) = (FORMAT.to_string(), VERSION, rows.len());
        let manifest = Self { format, version, part, whole, count, skipped, left_out, vectors, items };
        let json = serde_json::to_vec_pretty(&manifest).map_err(|e| Error::Catalog(e.to_string()))?;
        folder.put(PART, &json)?;
        Ok(manifest)
    }

    /// Reads a part's manifest.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(PART);
        let json = read_bounded(&path, MAX_MANIFEST).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => data(
                folder.display(),
                format!(
                    "expected {PART}, got a folder without it; let `vitrine index --part` finish, and name its folder"
                ),
            ),
            _ => io("reading", &path)(e),
        })?;
        Self::from_json(&json).map_err(|problem| data(path.display(), problem))
    }

    /// Reads a part's manifest, whose numbers may say anything.
    ///
    /// # Errors
    /// What was expected, what came, and what to do.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(json)
            .map_err(|e| format!("expected a complete manifest, got one with a fault: {e}; make the part again"))?;
        if manifest.format != FORMAT || manifest.version != VERSION {
            let (format, version) = (manifest.format, manifest.version);
            return Err(format!(
                "expected {FORMAT} version {VERSION}, got {format} version {version}; make the part with this program"
            ));
        }
        let (part, of, dimension) = (manifest.part, manifest.whole.parts, manifest.whole.dimension);
        if !(1..=of).contains(&part) || of > MAX_PARTS || !(1..=MAX_DIMENSION).contains(&dimension) {
            return Err(format!(
                "expected a part of at most {MAX_PARTS} with vectors of at most {MAX_DIMENSION} numbers, got part \
                 {part}/{of} with {dimension}; make the part again"
            ));
        }
        Ok(manifest)
    }

    /// The files of this part that are named after their content.
    pub fn files(&self) -> [&str; 2] {
        [&self.vectors.file, &self.items.file]
    }

    /// Reads this part's rows after checking its files, and appends them. `publish` takes a photo's file over and gives
    /// it its name; a row whose photo it refuses is left out. Returns the names.
    pub fn read(
        &self,
        folder: &Path,
        rows: &mut Rows,
        publish: &mut dyn FnMut(&Item) -> Result<Option<PhotoName>>,
    ) -> Result<Vec<PhotoName>> {
        let read = |entry: &FileEntry| {
            let path = folder.join(&entry.file);
            let bytes = read_bounded(&path, entry.bytes).map_err(io("reading", &path))?;
            entry.verify(&bytes).map(|()| bytes)
        };
        let shard = Shard::decode(&read(&self.vectors)?)?;
        let lines = read(&self.items)?;
        let lines: Vec<&[u8]> = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
        let counts = [shard.ids.len(), lines.len()];
        if counts != [self.count; 2] || shard.dimension != rows.dimension {
            return Err(data(
                folder.display(),
                format!(
                    "expected {} photos with vectors of {} numbers, got {counts:?} of {}; make the part again",
                    self.count, rows.dimension, shard.dimension
                ),
            ));
        }
        let vectors = shard.vectors.chunks_exact(shard.dimension);
        let mut photos = Vec::with_capacity(self.count);
        for ((line, scale), vector) in lines.into_iter().zip(shard.scales).zip(vectors) {
            let mut item: Item = serde_json::from_slice(line).map_err(|e| {
                data(folder.display(), format!("expected a product a line in {}, got {e}", self.items.file))
            })?;
            let Some(photo) = publish(&item)? else { continue };
            item.photo.clone_from(&photo);
            rows.push(&item, scale, vector)?;
            photos.push(photo);
        }
        Ok(photos)
    }
}

/// A part from elsewhere may hold a link to any file of this machine, which a site would then publish.
pub(super) fn check_photo(path: &Path) -> Result<()> {
    let got = match std::fs::symlink_metadata(path) {
        Ok(place) if place.is_file() => return Ok(()),
        Ok(_) => "a link or a folder",
        Err(_) => "none",
    };
    Err(data(path.display(), format!("expected a photo of the part, got {got}; make the part again")))
}

/// The bytes of a file, one more than `most` at most, so that a longer one is found to be another.
fn read_bounded(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Checks that parts are all the parts of one catalog, each there once, and sorts them by number.
pub fn check(mut parts: Vec<(&Path, PartManifest)>) -> Result<Vec<(&Path, PartManifest)>> {
    let Some((first_folder, first)) = parts.first().cloned() else {
        return Err(Error::Argument("merging: expected at least one part, got none; name their folders".into()));
    };
    for (folder, part) in &parts[1..] {
        if let Some((what, expected, got)) = first.whole.difference(&part.whole) {
            return Err(data(
                folder.display(),
                format!(
                    "expected a part of the same catalog as {}, with the {what} {expected}, got {got}; \
                     index this part again as the others were",
                    first_folder.display()
                ),
            ));
        }
    }
    parts.sort_by_key(|(_, part)| part.part);
    let of = first.whole.parts;
    if let Some(pair) = parts.windows(2).find(|pair| pair[0].1.part == pair[1].1.part) {
        let [(one, part), (two, _)] = pair else { unreachable!("windows of two") };
        return Err(data(
            two.display(),
            format!(
                "expected each part once, got part {}/{of} in {} as well; name one of them",
                part.part,
                one.display()
            ),
        ));
    }
    let there: BTreeSet<usize> = parts.iter().map(|(_, part)| part.part).collect();
    let mut missing: Vec<String> =
        (1..=of).filter(|part| !there.contains(part)).take(NAMED + 1).map(|part| format!("{part}/{of}")).collect();
    if missing.len() > NAMED {
        missing[NAMED] = "and others".into();
    }
    match missing.is_empty() && parts.len() == of {
        true => Ok(parts),
        false => Err(Error::Argument(format!(
            "merging: expected {of} parts, got {}: {} missing; index what is missing with --part and name its folder",
            parts.len(),
            missing.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_photo_is_in_one_part_and_parts_are_alike_in_size() {
        let ids: Vec<String> = (0..3000).map(|i| format!("photo-{i}")).collect();
        let mut sizes = [0; 3];
        for id in &ids {
            let parts: Vec<usize> = (1..=3).filter(|&part| PartOf { part, of: 3 }.holds(id)).collect();
            assert_eq!(parts.len(), 1, "{id} is in {parts:?}");
            sizes[parts[0] - 1] += 1;
        }
        assert!(sizes.iter().all(|size| (900..1100).contains(size)), "{sizes:?}");
    }

    #[test]
    fn a_part_is_written_as_i_of_n() {
        assert_eq!("3/16".parse(), Ok(PartOf { part: 3, of: 16 }));
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", "-1/3", "1/3/2", ""] {
            assert!(wrong.parse::<PartOf>().is_err(), "{wrong:?}");
        }
    }
}
