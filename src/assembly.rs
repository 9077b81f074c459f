//! How a catalog is made, without a disk: a photo's bytes → its entry, entries → the files of a catalog. The indexer
//! writes these files to a folder; the page searches a visitor's own photos by them and hands them out as an archive.

mod neighbours;

use crate::error::{Error, Result};
use crate::image::{self, Preprocess};
use crate::model::folder::{Description, sha256_hex};
use crate::shard::{
    FORMAT, Facet, FacetValue, FileEntry, Item, MANIFEST, Manifest, ModelRef, SHARD_BYTES, Shard, ShardEntry, VERSION,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Folder of the photos inside a catalog, with a slash at its end.
pub const PHOTOS: &str = "photos/";
/// Longest side of a catalog's own copy of a photo, in pixels.
const LONGEST: u32 = 320;
/// A photo file up to this size, and small enough in pixels, is copied as it is.
const COPY_BYTES: usize = 64 * 1024;
/// An attribute with more values than this is no filter.
const MOST_VALUES: usize = 60;

/// A finished photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// sha256 of its file.
    pub hash: String,
    /// The catalog's own copy.
    pub photo: String,
    /// Width and height of that copy.
    pub size: (u32, u32),
    /// Mean colour.
    pub tone: [u8; 3],
    /// Its catalog vector.
    #[serde(default)]
    pub vector: Vec<f32>,
}

/// A photo that has been read and waits for its vector.
pub struct Prepared {
    /// What is known of it; the vector is empty still.
    pub entry: Entry,
    /// The catalog's own copy, named [`Entry::photo`].
    pub copy: Vec<u8>,
    /// Unfolded pixels for the image encoder (see [`image::patches`]).
    pub patches: Vec<f32>,
}

/// Reads a photo's file, whose sha256 is `hash`.
///
/// # Errors
/// [`Error::Photo`] and [`Error::PhotoTooLarge`] for bytes that are no photo within bounds.
pub fn prepare(id: &str, hash: String, bytes: &[u8], preprocess: &Preprocess) -> Result<Prepared> {
    let photo = image::decode(bytes)?;
    let (name, copy, size) = catalog_copy(bytes, &photo)?;
    let tone = image::thumbnail(&photo, 1).get_pixel(0, 0).0;
    let entry = Entry { id: id.into(), hash, photo: name, size, tone, vector: Vec::new() };
    Ok(Prepared { entry, copy, patches: image::patches(&photo, preprocess) })
}

/// The catalog's copy of a photo: the file itself where it is small, a JPEG of at most [`LONGEST`] pixels otherwise.
/// Its name, its bytes, and its width and height.
fn catalog_copy(bytes: &[u8], photo: &::image::RgbImage) -> Result<(String, Vec<u8>, (u32, u32))> {
    let small = photo.width().max(photo.height()) <= LONGEST && bytes.len() <= COPY_BYTES;
    let kind = ::image::guess_format(bytes).ok().filter(|_| small);
    let (extension, bytes, size) = match kind {
        Some(kind) => (kind.extensions_str()[0], bytes.to_vec(), photo.dimensions()),
        None => {
            let photo = image::thumbnail(photo, LONGEST);
            let mut out = Vec::new();
            let encoder = ::image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 85);
            photo.write_with_encoder(encoder).map_err(|e| Error::Photo(format!("making a smaller copy: {e}")))?;
            ("jpg", out, photo.dimensions())
        }
    };
    Ok((format!("{}.{extension}", &sha256_hex(&bytes)[..16]), bytes, size))
}

/// An entry as the catalog tells of it, where nothing but its file is known.
pub fn item(entry: &Entry) -> Item {
    let [r, g, b] = entry.tone;
    Item {
        id: entry.id.clone(),
        // a file name is better than nothing: "red_dress-02" reads as "red dress 02"
        title: entry.id.replace(['_', '-'], " "),
        attributes: BTreeMap::new(),
        photo: entry.photo.clone(),
        width: entry.size.0,
        height: entry.size.1,
        tone: format!("#{r:02x}{g:02x}{b:02x}"),
        link: None,
        price: None,
    }
}

/// Makes the files of a catalog, all but the photos, and hands each to `put` under its name, the manifest last.
/// `items` tells of `entries`, one for one; there must be at least one.
pub fn assemble(
    title: &str,
    model: &Description,
    entries: &[&Entry],
    items: &[Item],
    put: &mut dyn FnMut(&str, &[u8]) -> Result<()>,
) -> Result<Manifest> {
    if entries.is_empty() || entries.len() != items.len() {
        return Err(Error::Argument(format!(
            "making a catalog: expected as many items as photos and at least one, got {} and {}; add photos",
            items.len(),
            entries.len()
        )));
    }
    let dimension = model.dimension;
    let mut file = |stem: &str, extension: &str, bytes: &[u8]| -> Result<FileEntry> {
        let entry = FileEntry::of(stem, extension, bytes);
        put(&entry.file, bytes)?;
        Ok(entry)
    };
    let vectors: Vec<f32> = entries.iter().flat_map(|entry| entry.vector.iter().copied()).collect();
    let mut shards = Vec::new();
    // ids differ in length, so a shard is cut by a bound on what a photo takes
    let longest = entries.iter().map(|entry| entry.id.len()).max().unwrap_or(0);
    let rows = (SHARD_BYTES / (dimension + 8 + longest)).max(1);
    let parts = entries.chunks(rows).zip(items.chunks(rows)).zip(vectors.chunks(rows * dimension));
    for ((entries, items), vectors) in parts {
        let ids = entries.iter().map(|entry| entry.id.clone()).collect();
        let vectors = file("shard", "bin", &Shard::from_f32(ids, vectors, dimension)?.encode())?;
        let items = serde_json::to_vec(items).map_err(|e| Error::Catalog(e.to_string()))?;
        shards.push(ShardEntry { vectors, count: entries.len(), items: file("items", "json", &items)? });
    }
    let k = neighbours::K.min(entries.len() - 1);
    let table: Vec<u8> = neighbours::table(&vectors, dimension, k)?.iter().flat_map(|row| row.to_le_bytes()).collect();
    let manifest = Manifest {
        format: FORMAT.into(),
        version: VERSION,
        title: title.into(),
        model: ModelRef { name: model.name.clone(), fingerprint: model.fingerprint.clone() },
        dimension,
        count: entries.len(),
        facets: facets(items),
        shards,
        neighbours: crate::shard::Neighbours { file: file("neighbours", "bin", &table)?, k },
        photos: PHOTOS.into(),
    };
    put(MANIFEST, &serde_json::to_vec_pretty(&manifest).map_err(|e| Error::Catalog(e.to_string()))?)?;
    Ok(manifest)
}

/// The attributes that are worth filtering by, with their values counted.
fn facets(items: &[Item]) -> Vec<Facet> {
    let mut counts: BTreeMap<&str, HashMap<&str, usize>> = BTreeMap::new();
    for (name, value) in items.iter().flat_map(|item| &item.attributes) {
        *counts.entry(name).or_default().entry(value).or_default() += 1;
    }
    counts
        .into_iter()
        .filter(|(_, values)| (2..=MOST_VALUES).contains(&values.len()))
        .map(|(name, values)| {
            let mut values: Vec<FacetValue> =
                values.into_iter().map(|(value, count)| FacetValue { value: value.to_string(), count }).collect();
            values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
            Facet { name: name.to_string(), values }
        })
        .collect()
}
