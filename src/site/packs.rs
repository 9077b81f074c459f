//! Photos of a site in packs, where the host does not take a file for each.
//!
//! Rows that follow each other share a pack. In a clustered catalog these are alike, so that the hits of one query lie in few
//! packs. In a whole one they are not, but then photos are few enough for small packs. Packs are cut by the names of the
//! photos, as files are for a backup: whoever adds or removes a photo moves the cuts beside it, and no others.

use super::{Build, Written};
use crate::catalog::assembly;
use crate::catalog::folder::Folder;
use crate::catalog::format::{FileEntry, Packs};
use crate::catalog::packs::{FOLDER, PackEntry, PackList, Packed, encode, index};
use crate::error::{Error, LeftOut, Result};
use crate::hash::{FolderName, PhotoName, sha256_hex};
use crate::image;
use crate::photo_file::PhotoFile;
use crate::staging::Before;
use rayon::prelude::*;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Rows a pack, about. Each is a quarter more than the one before, so that a few photos more seldom ask for another.
const SIZES: [usize; 19] = [8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400, 512];
/// Longest side of a small copy in pixels, for packs of up to so many rows. A screen of cards may need a pack a card.
const SIDES: [(usize, u32); 3] = [(16, 400), (40, 320), (usize::MAX, 256)];
/// How good small copies are, of 100.
const QUALITY: u8 = 75;
/// A photo of up to so many bytes a pixel of the longest side is its own small copy.
const KEPT: usize = 24;
/// A visitor who opens one product fetches no pack of more bytes for its photo.
const LARGE_PACK: u64 = 1 << 20;
/// Packs that are made at once.
const AT_ONCE: usize = 32;

/// The photos of a catalog by rows.
pub struct Rows {
    /// The photo of each row.
    pub names: Vec<PhotoName>,
    /// The rows of each shard. No pack is for rows of two.
    pub shards: Vec<Range<usize>>,
}

/// How photos are packed.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// The rows of each pack.
    pub cuts: Vec<Range<usize>>,
    /// Longest side of a small copy, in pixels.
    pub side: u32,
    /// Whether the catalog's own copies are packed too.
    pub large: bool,
}

impl Rows {
    /// The photos that a catalog's items name.
    ///
    /// # Errors
    /// Those of reading the items.
    pub fn read(catalog: &Folder) -> Result<Self> {
        let mut rows = Self { names: Vec::with_capacity(catalog.manifest.count), shards: Vec::new() };
        for shard in &catalog.manifest.shards {
            let start = rows.names.len();
            rows.names.extend(catalog.items_of(shard)?.into_iter().map(|item| item.photo));
            rows.shards.push(start..rows.names.len());
        }
        Ok(rows)
    }

    /// The photos, each once.
    pub(super) fn distinct(&self) -> Vec<&PhotoName> {
        let mut seen = HashSet::new();
        self.names.iter().filter(|name| seen.insert(*name)).collect()
    }

    /// Where packs of about `size` rows begin and end.
    fn cut(&self, marks: &[u32], size: usize) -> Vec<Range<usize>> {
        let (least, most, rarity) = (size / 2, size * 2, (size / 2) as u32);
        let mut cuts = Vec::new();
        for shard in &self.shards {
            let mut start = shard.start;
            for row in shard.clone() {
                let length = row + 1 - start;
                let marked = length >= least && marks[row].is_multiple_of(rarity);
                if marked || length == most || row + 1 == shard.end {
                    cuts.push(start..row + 1);
                    start = row + 1;
                }
            }
        }
        cuts
    }

    /// The smallest packs that make at most `most` files. `mean`: bytes of a photo.
    pub fn plan(&self, most: usize, mean: u64) -> Plan {
        let marks: Vec<u32> = self.names.par_iter().map(mark).collect();
        let smallest = |files: usize| {
            let cut = |&size: &usize| Some((size, self.cut(&marks, size)));
            let fits = |(_, cuts): &(usize, Vec<Range<usize>>)| cuts.len() * files <= most;
            SIZES.iter().filter_map(cut).find(fits)
        };
        let of = |(size, cuts): (usize, Vec<Range<usize>>), large| {
            let side = SIDES.iter().find(|(most, _)| size <= *most).map_or(256, |(_, side)| *side);
            Plan { cuts, side, large }
        };
        let both = smallest(2).filter(|(size, _)| *size as u64 * mean <= LARGE_PACK);
        match both {
            Some(both) => of(both, true),
            None => {
                let largest = SIZES[SIZES.len() - 1];
                of(smallest(1).unwrap_or_else(|| (largest, self.cut(&marks, largest))), false)
            }
        }
    }
}

/// A number of a photo's name by which packs are cut.
fn mark(name: &PhotoName) -> u32 {
    let of = |digits: &str| digits.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    name.digits().and_then(of).or_else(|| of(&sha256_hex(name.as_bytes()))).unwrap_or_default()
}

impl Plan {
    /// What [`PackList::made`] says.
    fn made(&self) -> String {
        format!("jpeg {QUALITY}, {} pixels{}", self.side, if self.large { ", and large" } else { "" })
    }
}

/// The packs of an earlier site by the names of their photos: what is in them need not be made again.
struct Earlier<'a> {
    before: &'a Before,
    packs: HashMap<String, PackEntry>,
}

impl<'a> Earlier<'a> {
    fn read(before: &'a Before, made: &str) -> Self {
        let packs = earlier_list(before).filter(|list| list.made == made).map(|list| list.packs).unwrap_or_default();
        let named = |pack: PackEntry| {
            let bytes = earlier_pack(before, &pack.small)?;
            Some((key(index(&bytes).ok()?.iter().map(|(name, _)| name))?, pack))
        };
        Self { before, packs: packs.into_par_iter().filter_map(named).collect() }
    }

    /// The pack of these photos, with the bytes of its files.
    fn pack(&self, names: &[&PhotoName]) -> Option<(PackEntry, Vec<Vec<u8>>)> {
        let pack = self.packs.get(&key(names.iter().copied())?)?;
        let bytes = pack.files().map(|file| earlier_pack(self.before, file)).collect::<Option<_>>()?;
        Some((pack.clone(), bytes))
    }
}

/// Names that tell photos; none where a name says nothing of its photo.
fn key<'a>(names: impl Iterator<Item = &'a PhotoName>) -> Option<String> {
    names.map(|name| name.digits().map(|_| name.as_str())).collect::<Option<Vec<_>>>().map(|names| names.join(" "))
}

fn earlier_list(before: &Before) -> Option<PackList> {
    let manifest: Value = serde_json::from_slice(&before.read("catalog/catalog.json")?).ok()?;
    let packs: Packs = serde_json::from_value(manifest["packs"].clone()).ok()?;
    let rows = usize::try_from(manifest["count"].as_u64()?).ok()?;
    PackList::read(&packs, &before.read(&format!("catalog/{}", packs.list.file))?, rows).ok()
}

fn earlier_pack(before: &Before, file: &Packed) -> Option<Vec<u8>> {
    let entry = file.entry().ok()?;
    let bytes = before.read(&format!("catalog/{FOLDER}{}", entry.file))?;
    entry.verify(&bytes).ok().map(|()| bytes)
}

/// A pack that is ready.
struct Made {
    entry: PackEntry,
    files: Vec<(FileEntry, Vec<u8>)>,
    left_out: Vec<LeftOut>,
}

impl Build<'_> {
    /// Writes packs of at most `most` files, and says what the manifest then names.
    pub(super) fn put_packs(&self, catalog: &Folder, rows: &Rows, most: usize, written: &mut Written) -> Result<Packs> {
        let plan = rows.plan(most, self.mean_bytes(catalog, &rows.distinct()));
        let earlier = Earlier::read(&self.before, &plan.made());
        let mut list = PackList { made: plan.made(), packs: Vec::with_capacity(plan.cuts.len()) };
        for cuts in plan.cuts.chunks(AT_ONCE) {
            let make = |cut: &Range<usize>| self.make(catalog, &rows.names[cut.clone()], &plan, &earlier);
            let made: Vec<Result<Made>> = cuts.par_iter().map(make).collect();
            for made in made {
                let made = made?;
                written.packs += made.files.len();
                for (file, bytes) in made.files {
                    self.put(&format!("catalog/{FOLDER}{}", file.file), &bytes, written)?;
                }
                list.packs.push(made.entry);
                written.left_out.extend(made.left_out);
            }
        }
        let bytes = serde_json::to_vec(&list).map_err(|e| Error::Catalog(e.to_string()))?;
        let list = FileEntry::of("packs", "json", &bytes)?;
        self.put(&format!("catalog/{}", list.file), &bytes, written)?;
        Ok(Packs { list, folder: FolderName::parse(FOLDER)? })
    }

    /// Bytes of a photo, the mean of all.
    fn mean_bytes(&self, catalog: &Folder, photos: &[&PhotoName]) -> u64 {
        let folder = self.catalog.join(&catalog.manifest.photos);
        let length = |name: &&PhotoName| std::fs::metadata(folder.join(name)).map_or(0, |about| about.len());
        photos.par_iter().map(length).sum::<u64>() / photos.len().max(1) as u64
    }

    /// One pack: as an earlier site has it, or of the photos.
    fn make(&self, catalog: &Folder, rows: &[PhotoName], plan: &Plan, earlier: &Earlier<'_>) -> Result<Made> {
        let mut seen = HashSet::new();
        let names: Vec<&PhotoName> = rows.iter().filter(|name| seen.insert(*name)).collect();
        if let Some((pack, bytes)) = earlier.pack(&names) {
            let entry = PackEntry { rows: rows.len(), ..pack };
            let entries = entry.files().map(Packed::entry).collect::<Result<Vec<_>>>()?;
            return Ok(Made { files: entries.into_iter().zip(bytes).collect(), entry, left_out: Vec::new() });
        }
        let (mut small, mut large, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for name in names {
            // a catalog of an earlier version may hold photos that end half way
            let copies = PhotoFile::read(&self.photo(&catalog.manifest.photos, name)?)
                .and_then(|photo| Ok((small_copy(&photo, plan.side)?, photo.published)));
            match copies {
                Ok((copy, published)) => {
                    small.push((name.clone(), copy));
                    large.push((name.clone(), published));
                }
                Err(error) => left_out.push(LeftOut::new(error.reason(), name, error.to_string())),
            }
        }
        let mut files = vec![encode(&small)?];
        if plan.large && small != large {
            files.push(encode(&large)?);
        }
        let packed: Vec<Packed> = files.iter().map(|bytes| Packed::of(bytes)).collect();
        let entries = packed.iter().map(Packed::entry).collect::<Result<Vec<_>>>()?;
        let mut packed = packed.into_iter();
        let small = packed.next().unwrap_or_else(|| Packed::of(&[]));
        let entry = PackEntry { rows: rows.len(), small, large: packed.next() };
        Ok(Made { entry, files: entries.into_iter().zip(files).collect(), left_out })
    }
}

/// A photo for a card: as it is where that is small, and else a JPEG.
///
/// # Errors
/// Those of decoding it.
pub fn small_copy(photo: &PhotoFile, side: u32) -> Result<Vec<u8>> {
    let published = &photo.published;
    if published.len() <= KEPT * side as usize {
        return Ok(published.clone());
    }
    let pixels = image::thumbnail(&image::decode(published)?, side);
    let copy = assembly::jpeg(&pixels, QUALITY)?;
    Ok(if copy.len() < published.len() { copy } else { published.clone() })
}

/// The photos of a clustered catalog's window.
pub(super) fn window(catalog: &Folder) -> Result<HashSet<PhotoName>> {
    let Some(clusters) = &catalog.manifest.clusters else { return Ok(HashSet::new()) };
    let wrong = |e: serde_json::Error| Error::Catalog(format!("expected products in {}: {e}", clusters.window.file));
    let window: Vec<Value> = serde_json::from_slice(&catalog.read(&clusters.window)?).map_err(wrong)?;
    let name = |row: &Value| PhotoName::parse(row["item"]["photo"].as_str().unwrap_or_default());
    window.iter().map(name).collect()
}
