//! Packs: the photos of rows that follow each other in one file, for hosts that take only so many files.
//!
//! A site of more photos than its host takes files has packs in place of a file a photo. [`Packs`] in the manifest names a
//! list of them, in row order: how many rows a pack is for, and its files with length and hash. The first file holds small
//! copies for cards. A second one holds the catalog's own copies, where a visitor can be asked to fetch it for one photo.
//! The photos of a clustered catalog's window stay files of their own, since they come from all over the catalog.
//!
//! A file is the magic bytes `VITRPACK`, the length of its index as little-endian u32, the index in JSON, and the photos
//! one behind the other. The index names each photo as items do, with its length: `[["0123456789abcdef.jpg", 6120], …]`.

use super::format::{FileEntry, Packs};
use crate::error::{Error, Result};
use crate::hash::{FileName, PhotoName, sha256_hex};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Folder of the packs inside a catalog, with a slash at its end.
pub const FOLDER: &str = "packs/";
const MAGIC: &[u8; 8] = b"VITRPACK";
const HEADER: usize = MAGIC.len() + 4;

/// The packs of a catalog in row order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PackList {
    /// How small copies were made. A pack of the same photos and the same word is the same pack.
    pub made: String,
    /// The packs.
    pub packs: Vec<PackEntry>,
}

/// The packs of some rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackEntry {
    /// How many rows it is for.
    pub rows: usize,
    /// Small copies of their photos.
    pub small: Packed,
    /// The photos as the catalog has them; none where the small copies are the same, or where such a file is too large to be
    /// fetched for one photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large: Option<Packed>,
}

/// A pack's file. Its name is made of its hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Packed {
    /// Its length.
    pub bytes: u64,
    /// Its hash, hexadecimal.
    pub sha256: String,
}

impl PackEntry {
    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = &Packed> {
        std::iter::once(&self.small).chain(&self.large)
    }
}

impl Packed {
    /// Describes bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: sha256_hex(bytes) }
    }

    /// The file as a manifest would name it.
    ///
    /// # Errors
    /// [`Error::Argument`] for a hash that is none.
    pub fn entry(&self) -> Result<FileEntry> {
        let file = FileName::of_content("pack", "bin", &self.sha256)?;
        Ok(FileEntry { file, bytes: self.bytes, sha256: self.sha256.clone() })
    }
}

impl PackList {
    /// Reads the bytes that a manifest names; they must be of `rows` rows.
    ///
    /// # Errors
    /// [`Error::Hash`] for other bytes than those, [`Error::Catalog`] for a list that does not add up.
    pub fn read(packs: &Packs, bytes: &[u8], rows: usize) -> Result<Self> {
        packs.list.verify(bytes)?;
        let wrong = |got: String| {
            Error::Catalog(format!("expected a list of packs of {rows} photos, got {got}; make the site again"))
        };
        let list: Self = serde_json::from_slice(bytes).map_err(|e| wrong(e.to_string()))?;
        let total = list.packs.iter().try_fold(0usize, |sum, pack| sum.checked_add(pack.rows));
        match total == Some(rows) {
            true => Ok(list),
            false => Err(wrong(format!("packs of {total:?}"))),
        }
    }
}

/// A pack's bytes. Photos are distinct; the same ones in the same order give the same bytes.
pub fn encode(photos: &[(PhotoName, Vec<u8>)]) -> Result<Vec<u8>> {
    let index: Vec<(&PhotoName, usize)> = photos.iter().map(|(name, bytes)| (name, bytes.len())).collect();
    let index = serde_json::to_vec(&index).map_err(|e| Error::Catalog(e.to_string()))?;
    let mut pack = MAGIC.to_vec();
    pack.extend((index.len() as u32).to_le_bytes());
    pack.extend(index);
    photos.iter().for_each(|(_, bytes)| pack.extend(bytes));
    Ok(pack)
}

/// Where in a pack its photos lie.
///
/// # Errors
/// [`Error::Catalog`] for bytes that are no pack, or one whose lengths do not add up.
pub fn index(pack: &[u8]) -> Result<Vec<(PhotoName, Range<usize>)>> {
    let wrong = |got: &str| Error::Catalog(format!("expected a pack of photos, got {got}; make the site again"));
    let rest = pack.strip_prefix(MAGIC).ok_or_else(|| wrong("other bytes"))?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(|| wrong("its beginning alone"))?;
    let length = u32::from_le_bytes(*length) as usize;
    let json = rest.get(..length).ok_or_else(|| wrong("its beginning alone"))?;
    let listed: Vec<(PhotoName, usize)> = serde_json::from_slice(json).map_err(|e| wrong(&e.to_string()))?;
    let mut at = HEADER + length;
    let mut photos = Vec::with_capacity(listed.len());
    for (name, bytes) in listed {
        let end = at.checked_add(bytes).filter(|&end| end <= pack.len()).ok_or_else(|| wrong("one that ends early"))?;
        photos.push((name, at..end));
        at = end;
    }
    match at == pack.len() {
        true => Ok(photos),
        false => Err(wrong("one with more at its end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photos(n: u8) -> Vec<(PhotoName, Vec<u8>)> {
        (0..n).map(|i| (PhotoName::of_content("jpg", &[i]).unwrap(), vec![i; 10 + usize::from(i)])).collect()
    }

    #[test]
    fn a_pack_holds_its_photos() {
        for n in [0, 1, 7] {
            let photos = photos(n);
            let pack = encode(&photos).unwrap();
            let read = index(&pack).unwrap().into_iter().map(|(name, at)| (name, pack[at].to_vec()));
            assert_eq!(read.collect::<Vec<_>>(), photos);
        }
    }

    #[test]
    fn what_is_no_pack_is_refused() {
        let pack = encode(&photos(3)).unwrap();
        for length in 0..pack.len() {
            assert!(index(&pack[..length]).is_err(), "the first {length} bytes");
        }
        let cases: [(&str, Vec<u8>); 4] = [
            ("more at its end", [&pack[..], b"x"].concat()),
            ("another beginning", [b"VITRSHRD", &pack[8..]].concat()),
            ("an index of four gigabytes", [&pack[..8], &[255; 4], &pack[12..]].concat()),
            ("a name that leads elsewhere", {
                let json = br#"[["../a.jpg",1]]"#;
                [&MAGIC[..], &(json.len() as u32).to_le_bytes(), json, b"x"].concat()
            }),
        ];
        for (case, bytes) in cases {
            assert!(index(&bytes).is_err(), "{case}");
        }
    }

    #[test]
    fn a_list_must_be_of_all_rows() {
        let (small, large) = (Packed::of(b"small"), None);
        let list = PackList { made: "so".into(), packs: vec![PackEntry { rows: 3, small, large }] };
        let bytes = serde_json::to_vec(&list).unwrap();
        let entry = FileEntry::of("packs", "json", &bytes).unwrap();
        let packs = Packs { list: entry, folder: crate::hash::FolderName::parse(FOLDER).unwrap() };
        assert_eq!(PackList::read(&packs, &bytes, 3).unwrap(), list);
        assert!(PackList::read(&packs, &bytes, 4).is_err());
        assert!(PackList::read(&packs, &bytes[1..], 3).is_err());
    }
}
