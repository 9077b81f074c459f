//! A folder of photos → a catalog folder. Resumable and incremental: finished vectors are kept in a journal, and a photo
//! whose bytes have not changed is not encoded again.
//!
//! Everything appears under its final name only when it is complete, the manifest last.

mod columns;
mod feed;
mod journal;
mod meeting;
mod merge;
mod metadata;
mod names;
mod part;
mod told;
mod update;

use crate::backend::Backend;
use crate::catalog::assembly::{self, Earlier, Entry, Rows};
pub use crate::catalog::assembly::{ClusterChoice, FacetChoice, LONGEST, PHOTOS};
use crate::catalog::format::{Item, MANIFEST, Manifest, ModelRef};
use crate::engine::Engine;
use crate::error::{Error, LeftOut, Reason, Result};
use crate::hash::sha256_hex;
use crate::photos::PhotoSource;
use crate::quant::quantize_rows;
use crate::staging::Growth;
pub use columns::Columns;
pub use feed::{Indexed, index as index_feed};
use journal::Journal;
pub use meeting::{Met, meet};
pub use merge::merge;
use metadata::Known;
pub use metadata::{Metadata, visible};
pub use part::{MAX_PARTS, PartManifest, PartOf, VERSION as PART_VERSION, Whole, check as check_parts};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
pub use told::{TITLE, Told};
pub use update::{Choice, News, Update, Updated};

/// Photos encoded at once by one worker.
const BATCH: usize = 16;

/// What indexing did.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Photos in the catalog.
    pub photos: usize,
    /// Products that they show.
    pub products: usize,
    /// Photos encoded in this run.
    pub encoded: usize,
    /// Photos whose vectors were kept from an earlier run.
    pub kept: usize,
    /// Photos that could not be read: id and reason.
    pub skipped: Vec<(String, String)>,
    /// Shards written; none by a part.
    pub shards: usize,
    /// Which columns of the metadata visitors see; none without such a file, and when parts are merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// How photos and rows met; none without such a file, and for a feed, which names its photos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub met: Option<Met>,
    /// Everything that was left out, those photos among it: files, rows of metadata, titles.
    pub left_out: Vec<LeftOut>,
    /// How many of each reason.
    pub reasons: BTreeMap<Reason, usize>,
}

impl Summary {
    /// The same with this, too, left out. What several parts tell of counts once.
    fn with(mut self, left_out: impl IntoIterator<Item = LeftOut>) -> Self {
        self.left_out.extend(left_out);
        self.left_out.sort();
        self.left_out.dedup();
        self.reasons.clear();
        for LeftOut { reason, .. } in &self.left_out {
            *self.reasons.entry(*reason).or_default() += 1;
        }
        self
    }
}

/// Indexes photos.
pub struct Indexer<'a, B: Backend> {
    /// The model.
    pub engine: &'a Engine<B>,
    /// Where the photos are.
    pub photos: &'a PhotoSource,
    /// What is known of them.
    pub metadata: &'a Metadata,
    /// How both met, where they are of two sources.
    pub met: Option<Met>,
    /// The catalog folder, or the folder of a part.
    pub out: &'a Growth,
    /// The part of the catalog that is made here; all of it without one.
    pub part: Option<PartOf>,
    /// Whether the catalog is clustered; a part never is.
    pub clusters: ClusterChoice,
    /// Longest side of the catalog's copies of photos, in pixels.
    pub photo_size: u32,
    /// A title for people.
    pub title: String,
    /// Which attributes are filters, where the owner says it.
    pub facets: FacetChoice,
    /// Number of workers.
    pub jobs: usize,
}

impl<B: Backend> Indexer<'_, B>
where
    Engine<B>: Sync,
{
    /// Ids of the photos that are indexed here, sorted.
    pub fn ids(&self) -> Vec<String> {
        let here = |id: &&String| self.part.is_none_or(|part| part.holds(id));
        self.photos.ids().iter().filter(here).cloned().collect()
    }

    /// Encodes what is new and writes the catalog, or the part of it. `progress` is called once a photo.
    pub fn run(&self, progress: &(dyn Fn() + Sync)) -> Result<Summary> {
        let description = self.engine.description();
        let mut journal = Journal::open(self.out.path(), &description.fingerprint, description.dimension)?;
        let mut summary = Summary { columns: self.metadata.columns().cloned(), ..Summary::default() };
        let ids = self.ids();
        self.encode_new(&ids, &mut journal, &mut summary, progress)?;
        let mut rows = Rows::new(description.dimension);
        rows.choose_facets(self.facets.clone());
        let mut blank = Vec::new();
        for entry in ids.iter().filter_map(|id| journal.entries.get(id)) {
            let product = self.photos.product(&entry.id);
            let known = self.metadata.get(product.unwrap_or(&entry.id));
            let bare = match product {
                // what nobody knows has the name of its product
                Some(product) => Item {
                    product: Some(product.to_string()),
                    title: assembly::title(product),
                    ..assembly::item(entry)
                },
                None => assembly::item(entry),
            };
            let item = describe(bare, &entry.hash, known, &mut blank);
            rows.push(&item, entry.scale, &entry.vector)?;
        }
        summary = summary.with(blank).with(self.photos.left_out());
        summary.met = self.met.clone();
        summary = summary.with(self.met.iter().flat_map(|met| met.left_out.clone()));
        summary = summary.with(self.metadata.left_out(|id| self.photos.contains(id)));
        (summary.photos, summary.products) = (rows.len(), rows.products());
        summary.shards = self.write(rows, &journal, &summary)?;
        journal.rewrite()?;
        Ok(summary)
    }

    /// Encodes photos for a catalog that is being updated: their entries by id, and why others have none. A run that is
    /// interrupted loses none of them.
    pub fn encode(&self, progress: &(dyn Fn() + Sync)) -> Result<(HashMap<String, Entry>, Vec<LeftOut>)> {
        let description = self.engine.description();
        let mut journal = Journal::open(self.out.path(), &description.fingerprint, description.dimension)?;
        let mut summary = Summary::default();
        self.encode_new(&self.ids(), &mut journal, &mut summary, progress)?;
        Ok((journal.entries, summary.left_out))
    }

    /// Writes what has been gathered and removes what is left of earlier runs; returns the number of shards.
    fn write(&self, rows: Rows, journal: &Journal, summary: &Summary) -> Result<usize> {
        let model = ModelRef::from(self.engine.description());
        let photos: HashSet<&str> = journal.entries.values().map(|e| e.photo.as_str()).collect();
        let Some(PartOf { part, of }) = self.part else {
            let manifest = write_catalog(self.out, &self.title, model, rows, self.clusters, None)?;
            sweep(self.out, manifest.files().map(|file| file.file.as_str()).chain([MANIFEST]), photos)?;
            return Ok(manifest.shards.len());
        };
        let whole = Whole {
            parts: of,
            title: self.title.clone(),
            model,
            dimension: rows.dimension,
            photos: self.photos.ids().len(),
            ids: Whole::hash_ids(self.photos.ids()),
            metadata: self.metadata.hash().map(str::to_string),
            facets: self.facets.clone(),
        };
        let manifest =
            PartManifest::write(self.out, part, whole, &rows, (summary.skipped.clone(), summary.left_out.clone()))?;
        sweep(self.out, manifest.files().into_iter().chain([part::PART]), photos)?;
        Ok(0)
    }

    /// Lets the workers encode in batches while this thread writes the journal.
    fn encode_new(
        &self,
        ids: &[String],
        journal: &mut Journal,
        summary: &mut Summary,
        progress: &(dyn Fn() + Sync),
    ) -> Result<()> {
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
                    Outcome::Kept(entry) => {
                        summary.kept += 1;
                        if known.get(&entry.id) != Some(&*entry) {
                            journal.append(&entry)?;
                        }
                        fresh.insert(entry.id.clone(), *entry);
                    }
                    Outcome::Skipped(left_out) => {
                        summary.skipped.push((left_out.what.clone(), left_out.message.clone()));
                        summary.left_out.push(left_out);
                    }
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
                Prepared::Known(entry) => Outcome::Kept(entry),
                Prepared::Bad(error) => Outcome::Skipped(LeftOut::new(error.reason(), id, error.to_string())),
            };
            let _ = send.send(outcome);
        }
        if entries.is_empty() {
            return Ok(());
        }
        let vectors = pollster::block_on(self.engine.catalog_vectors(&patches))?;
        let dimension = self.engine.description().dimension;
        let (values, scales) = quantize_rows(&vectors, dimension);
        for ((mut entry, vector), scale) in entries.into_iter().zip(values.chunks_exact(dimension)).zip(scales) {
            (entry.scale, entry.vector) = (scale, vector.to_vec());
            // the receiver is gone only when writing the journal failed, which is the error that counts
            let _ = send.send(Outcome::Encoded(Box::new(entry)));
        }
        Ok(())
    }

    fn prepare(&self, id: &str, known: &HashMap<String, Entry>) -> Result<Prepared> {
        let bytes = match self.photos.read(id) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Prepared::Bad(error)),
        };
        let hash = sha256_hex(&bytes);
        let address = self.metadata.get(id).and_then(|known| known.address.clone());
        let known = known.get(id).filter(|entry| entry.hash == hash);
        let there = |entry: &Entry| self.out.path().join(PHOTOS).join(&entry.photo).exists();
        let current = |entry: &&Entry| !entry.unproven && entry.longest == self.photo_size && there(entry);
        if let Some(entry) = known.filter(current) {
            return Ok(Prepared::Known(Box::new(Entry { address, ..entry.clone() })));
        }
        let mut photo = match assembly::prepare(id, hash, &bytes, self.engine.preprocess(), self.photo_size) {
            Ok(photo) => photo,
            Err(error) => return Ok(Prepared::Bad(error)),
        };
        photo.entry.address = address;
        self.out.put(&format!("{PHOTOS}{}", photo.entry.photo), &photo.copy)?;
        Ok(match known.filter(|entry| entry.same_pixels(&photo.entry)) {
            // the copy is made anew, the vector stays
            Some(Entry { scale, vector, .. }) => {
                Prepared::Known(Box::new(Entry { scale: *scale, vector: vector.clone(), ..photo.entry }))
            }
            None => Prepared::New(photo.entry, photo.patches),
        })
    }
}

/// What the catalog tells of a photo, of which `bare` is what its file tells. A title that nobody can see counts as none, and
/// is named in `blank`.
fn describe(mut bare: Item, hash: &str, known: Option<&Known>, blank: &mut Vec<LeftOut>) -> Item {
    bare.title = visible(&bare.title).unwrap_or_else(|| format!("Photo {}", hash.get(..8).unwrap_or(hash)));
    let Some(known) = known.cloned() else { return bare };
    let title = visible(&known.title);
    if title.is_none() && !known.title.is_empty() {
        let message = "expected a title, got characters that nobody sees; the file's name stands in its place";
        blank.push(LeftOut::new(Reason::BlankTitle, &bare.id, message));
    }
    let title = title.unwrap_or(bare.title);
    let Known { attributes, link, price, offer, in_stock, further, product, .. } = known;
    let product = product.or(bare.product);
    Item { title, attributes, link, price, offer, in_stock, further, product, ..bare }
}

/// Writes rows as a catalog into a folder; the photos are there already.
fn write_catalog(
    out: &Growth,
    title: &str,
    model: ModelRef,
    rows: Rows,
    clusters: ClusterChoice,
    earlier: Option<&Earlier>,
) -> Result<Manifest> {
    let clusters = clusters.clusters(rows.len());
    assembly::assemble_again(title, model, rows, clusters, earlier, &mut |name, bytes| out.put(name, bytes))
}

/// Removes the files of earlier runs other than these and these photos.
fn sweep<'a>(
    out: &Growth,
    files: impl Iterator<Item = &'a str>,
    photos: impl IntoIterator<Item = &'a str>,
) -> Result<()> {
    let photos = photos.into_iter().map(|photo| format!("{PHOTOS}{photo}"));
    out.keep_only(files.map(str::to_string).chain(photos).collect())
}

enum Outcome {
    Kept(Box<Entry>),
    Skipped(LeftOut),
    Encoded(Box<Entry>),
}

enum Prepared {
    New(Entry, Vec<f32>),
    Known(Box<Entry>),
    Bad(Error),
}

fn batch(ids: &[String], start: usize) -> Option<&[String]> {
    (start < ids.len()).then(|| &ids[start..(start + BATCH).min(ids.len())])
}
