//! A folder of photos → a catalog folder. Resumable and incremental: finished vectors are kept in a journal, and a photo
//! whose bytes have not changed is not encoded again.
//!
//! Everything appears under its final name only when it is complete, the manifest last.

mod journal;
mod metadata;
mod neighbours;

use crate::backend::Backend;
use crate::engine::Engine;
use crate::error::{Error, Result, io};
use crate::image;
use crate::model::folder::{sha256_hex, write_atomic};
use crate::photos::PhotoSource;
use crate::shard::{FORMAT, FileEntry, Item, MANIFEST, Manifest, ModelRef, SHARD_BYTES, Shard, ShardEntry, VERSION};
use journal::{Entry, Journal};
pub use metadata::Metadata;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Folder of the photos inside a catalog, with a slash at its end.
pub const PHOTOS: &str = "photos/";
/// Longest side of a catalog's own copy of a photo, in pixels.
const LONGEST: u32 = 320;
/// A photo file up to this size, and small enough in pixels, is copied as it is.
const COPY_BYTES: usize = 64 * 1024;
/// Photos encoded at once by one worker.
const BATCH: usize = 16;

/// What indexing did.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Photos in the catalog.
    pub photos: usize,
    /// Photos encoded in this run.
    pub encoded: usize,
    /// Photos whose vectors were kept from an earlier run.
    pub kept: usize,
    /// Photos that could not be read: id and reason.
    pub skipped: Vec<(String, String)>,
    /// Shards written.
    pub shards: usize,
}

/// Indexes photos.
pub struct Indexer<'a, B: Backend> {
    /// The model.
    pub engine: &'a Engine<B>,
    /// Where the photos are.
    pub photos: &'a PhotoSource,
    /// What is known of them.
    pub metadata: &'a Metadata,
    /// The catalog folder.
    pub out: &'a Path,
    /// A title for people.
    pub title: String,
    /// Number of workers.
    pub jobs: usize,
}

/// A photo's file in the catalog, and its bytes where they must be written.
struct Copy {
    name: String,
    bytes: Vec<u8>,
}

impl<B: Backend> Indexer<'_, B>
where
    Engine<B>: Sync,
{
    /// Encodes what is new and writes the catalog. `progress` is called once a photo.
    pub fn run(&self, progress: &(dyn Fn() + Sync)) -> Result<Summary> {
        std::fs::create_dir_all(self.out.join(PHOTOS)).map_err(io("creating", self.out))?;
        let fingerprint = &self.engine.description().fingerprint;
        let dimension = self.engine.description().dimension;
        let mut journal = Journal::open(self.out, fingerprint, dimension)?;
        let mut summary = Summary::default();
        self.encode_new(&mut journal, &mut summary, progress)?;
        let bad: HashSet<&str> = summary.skipped.iter().map(|(id, _)| id.as_str()).collect();
        let entries: Vec<&Entry> = self
            .photos
            .ids()
            .iter()
            .filter(|id| !bad.contains(id.as_str()))
            .filter_map(|id| journal.entries.get(id))
            .collect();
        if entries.is_empty() {
            return Err(Error::Photo("expected at least one readable photo, got none; choose another folder".into()));
        }
        summary.photos = entries.len();
        let manifest = self.write_catalog(&entries)?;
        summary.shards = manifest.shards.len();
        drop(entries);
        journal.compact(self.photos)?;
        self.sweep(&manifest, &journal)?;
        Ok(summary)
    }

    /// Lets the workers encode in batches while this thread writes the journal.
    fn encode_new(&self, journal: &mut Journal, summary: &mut Summary, progress: &(dyn Fn() + Sync)) -> Result<()> {
        let ids = self.photos.ids();
        let known = std::mem::take(&mut journal.entries);
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let (send, receive) = mpsc::sync_channel::<Outcome>(4 * BATCH);
        let mut fresh = HashMap::new();
        let result = std::thread::scope(|scope| -> Result<()> {
            for _ in 0..self.jobs.max(1) {
                let (send, next, failed, known) = (send.clone(), &next, &failed, &known);
                scope.spawn(move || {
                    while let Some(batch) = batch(ids, next.fetch_add(BATCH, Ordering::Relaxed)) {
                        if let Err(error) = self.encode_batch(batch, known, &send) {
                            *failed.lock().unwrap_or_else(|e| e.into_inner()) = Some(error);
                            return;
                        }
                    }
                });
            }
            drop(send);
            for outcome in receive {
                progress();
                match outcome {
                    Outcome::Kept(id) => {
                        summary.kept += 1;
                        fresh.insert(id.clone(), known[&id].clone());
                    }
                    Outcome::Skipped(id, reason) => summary.skipped.push((id, reason)),
                    Outcome::Encoded(entry) => {
                        summary.encoded += 1;
                        journal.append(&entry)?;
                        fresh.insert(entry.id.clone(), *entry);
                    }
                }
            }
            Ok(())
        });
        result?;
        journal.entries = fresh;
        summary.skipped.sort();
        match failed.into_inner().unwrap_or_else(|e| e.into_inner()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn encode_batch(
        &self,
        ids: &[String],
        known: &HashMap<String, Entry>,
        send: &mpsc::SyncSender<Outcome>,
    ) -> Result<()> {
        let (mut entries, mut patches) = (Vec::new(), Vec::new());
        for id in ids {
            let outcome = match self.prepare(id, known)? {
                Prepared::New(entry, unfolded) => {
                    entries.push(entry);
                    patches.push(unfolded);
                    continue;
                }
                Prepared::Known => Outcome::Kept(id.clone()),
                Prepared::Bad(reason) => Outcome::Skipped(id.clone(), reason),
            };
            let _ = send.send(outcome);
        }
        if entries.is_empty() {
            return Ok(());
        }
        let vectors = pollster::block_on(self.engine.catalog_vectors(&patches))?;
        for (mut entry, vector) in entries.into_iter().zip(vectors.chunks_exact(self.engine.description().dimension)) {
            entry.vector = vector.to_vec();
            // the receiver is gone only when writing the journal failed, which is the error that counts
            let _ = send.send(Outcome::Encoded(Box::new(entry)));
        }
        Ok(())
    }

    fn prepare(&self, id: &str, known: &HashMap<String, Entry>) -> Result<Prepared> {
        let bytes = match self.photos.read(id) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Prepared::Bad(error.to_string())),
        };
        let hash = sha256_hex(&bytes);
        if let Some(entry) = known.get(id)
            && entry.hash == hash
            && self.out.join(PHOTOS).join(&entry.photo).exists()
        {
            return Ok(Prepared::Known);
        }
        let photo = match image::decode(&bytes) {
            Ok(photo) => photo,
            Err(error) => return Ok(Prepared::Bad(error.to_string())),
        };
        let (copy, size) = catalog_copy(&bytes, &photo)?;
        write_atomic(&self.out.join(PHOTOS).join(&copy.name), &copy.bytes)?;
        let tone = image::thumbnail(&photo, 1).get_pixel(0, 0).0;
        let entry = Entry { id: id.into(), hash, photo: copy.name, size, tone, vector: Vec::new() };
        Ok(Prepared::New(entry, image::patches(&photo, self.engine.preprocess())))
    }

    fn write_catalog(&self, entries: &[&Entry]) -> Result<Manifest> {
        let dimension = self.engine.description().dimension;
        let items: Vec<Item> = entries.iter().map(|entry| self.item(entry)).collect();
        let vectors: Vec<f32> = entries.iter().flat_map(|entry| entry.vector.iter().copied()).collect();
        let mut shards = Vec::new();
        // ids differ in length, so a shard is cut by a bound on what a photo takes
        let longest = entries.iter().map(|entry| entry.id.len()).max().unwrap_or(0);
        let rows = (SHARD_BYTES / (dimension + 8 + longest)).max(1);
        let parts = entries.chunks(rows).zip(items.chunks(rows)).zip(vectors.chunks(rows * dimension));
        for ((entries, items), vectors) in parts {
            let ids = entries.iter().map(|entry| entry.id.clone()).collect();
            let vectors = self.put("shard", "bin", &Shard::from_f32(ids, vectors, dimension)?.encode())?;
            let items = serde_json::to_vec(items).map_err(|e| Error::Catalog(e.to_string()))?;
            shards.push(ShardEntry { vectors, count: entries.len(), items: self.put("items", "json", &items)? });
        }
        let k = neighbours::K.min(entries.len() - 1);
        let table: Vec<u8> =
            neighbours::table(&vectors, dimension, k)?.iter().flat_map(|row| row.to_le_bytes()).collect();
        let description = self.engine.description();
        let manifest = Manifest {
            format: FORMAT.into(),
            version: VERSION,
            title: self.title.clone(),
            model: ModelRef { name: description.name.clone(), fingerprint: description.fingerprint.clone() },
            dimension,
            count: entries.len(),
            facets: metadata::facets(&items),
            shards,
            neighbours: crate::shard::Neighbours { file: self.put("neighbours", "bin", &table)?, k },
            photos: PHOTOS.into(),
        };
        let json = serde_json::to_vec_pretty(&manifest).map_err(|e| Error::Catalog(e.to_string()))?;
        write_atomic(&self.out.join(MANIFEST), &json)?;
        Ok(manifest)
    }

    fn put(&self, stem: &str, extension: &str, bytes: &[u8]) -> Result<FileEntry> {
        let entry = FileEntry::of(stem, extension, bytes);
        write_atomic(&self.out.join(&entry.file), bytes)?;
        Ok(entry)
    }

    fn item(&self, entry: &Entry) -> Item {
        let [r, g, b] = entry.tone;
        let known = self.metadata.get(&entry.id);
        Item {
            id: entry.id.clone(),
            title: known.map(|known| known.title.clone()).filter(|t| !t.is_empty()).unwrap_or_else(|| {
                // a file name is better than nothing: "red_dress-02" reads as "red dress 02"
                entry.id.replace(['_', '-'], " ")
            }),
            attributes: known.map(|known| known.attributes.clone()).unwrap_or_default(),
            photo: entry.photo.clone(),
            width: entry.size.0,
            height: entry.size.1,
            tone: format!("#{r:02x}{g:02x}{b:02x}"),
            link: known.and_then(|known| known.link.clone()),
            price: known.and_then(|known| known.price.clone()),
        }
    }

    /// Removes files of earlier runs that the manifest no longer names.
    fn sweep(&self, manifest: &Manifest, journal: &Journal) -> Result<()> {
        let shards = manifest.shards.iter().flat_map(|shard| [&shard.vectors.file, &shard.items.file]);
        let kept: Vec<&String> = shards.chain([&manifest.neighbours.file.file]).collect();
        let ours = |name: &str| ["shard-", "items-", "neighbours-"].iter().any(|stem| name.starts_with(stem));
        remove_where(self.out, |name| ours(name) && !kept.iter().any(|k| *k == name))?;
        let photos: HashSet<&str> = journal.entries.values().map(|e| e.photo.as_str()).collect();
        remove_where(&self.out.join(PHOTOS), |name| !photos.contains(name))
    }
}

fn remove_where(folder: &Path, stale: impl Fn(&str) -> bool) -> Result<()> {
    for file in std::fs::read_dir(folder).map_err(io("reading", folder))?.flatten() {
        if file.file_name().to_str().is_some_and(&stale) && file.path().is_file() {
            std::fs::remove_file(file.path()).map_err(io("removing", &file.path()))?;
        }
    }
    Ok(())
}

enum Outcome {
    Kept(String),
    Skipped(String, String),
    Encoded(Box<Entry>),
}

enum Prepared {
    New(Entry, Vec<f32>),
    Known,
    Bad(String),
}

fn batch(ids: &[String], start: usize) -> Option<&[String]> {
    (start < ids.len()).then(|| &ids[start..(start + BATCH).min(ids.len())])
}

/// The catalog's copy of a photo: the file itself where it is small, a JPEG of at most [`LONGEST`] pixels otherwise.
fn catalog_copy(bytes: &[u8], photo: &::image::RgbImage) -> Result<(Copy, (u32, u32))> {
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
    Ok((Copy { name: format!("{}.{extension}", &sha256_hex(&bytes)[..16]), bytes }, size))
}
