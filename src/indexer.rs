//! A folder of photos → a catalog folder. Resumable and incremental: finished vectors are kept in a journal, and a photo
//! whose bytes have not changed is not encoded again.
//!
//! Everything appears under its final name only when it is complete, the manifest last.

mod journal;
mod metadata;

pub use crate::assembly::PHOTOS;
use crate::assembly::{self, Entry};
use crate::backend::Backend;
use crate::engine::Engine;
use crate::error::{Error, Result, io};
use crate::model::folder::{sha256_hex, write_atomic};
use crate::photos::PhotoSource;
use crate::shard::{Item, Manifest};
use journal::Journal;
pub use metadata::Metadata;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

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
        match assembly::prepare(id, hash, &bytes, self.engine.preprocess()) {
            Ok(photo) => {
                write_atomic(&self.out.join(PHOTOS).join(&photo.entry.photo), &photo.copy)?;
                Ok(Prepared::New(photo.entry, photo.patches))
            }
            Err(error) => Ok(Prepared::Bad(error.to_string())),
        }
    }

    fn write_catalog(&self, entries: &[&Entry]) -> Result<Manifest> {
        let items: Vec<Item> = entries.iter().map(|entry| self.item(entry)).collect();
        let mut put = |name: &str, bytes: &[u8]| write_atomic(&self.out.join(name), bytes);
        assembly::assemble(&self.title, self.engine.description(), entries, &items, &mut put)
    }

    fn item(&self, entry: &Entry) -> Item {
        let bare = assembly::item(entry);
        let Some(known) = self.metadata.get(&entry.id).cloned() else { return bare };
        let title = Some(known.title).filter(|title| !title.is_empty()).unwrap_or(bare.title);
        Item { title, attributes: known.attributes, link: known.link, price: known.price, ..bare }
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
