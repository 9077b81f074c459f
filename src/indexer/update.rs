//! A newer feed or file of metadata for a catalog that is there: prices, stock, titles, attributes, removals. Nothing that
//! has a vector is encoded again, and of the catalog's files those alone change whose content does.

use super::feed::{known, left_out, row_id};
use super::journal::Journal;
use super::metadata::{Known, Metadata};
use super::{ClusterChoice, FacetChoice, describe, sweep, write_catalog};
use crate::catalog::assembly::{Earlier, Entry, Rows, item, row_of, title};
use crate::catalog::folder::Folder;
use crate::catalog::format::{Item, MANIFEST, Manifest, Shard};
use crate::error::{Error, LeftOut, Reason, Result};
use crate::feeds::{Feed, Photo, Product};
use crate::print::samples;
use crate::staging::Growth;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What is new.
pub enum News<'a> {
    /// A feed. Products that it does not name go.
    Feed {
        /// What it holds.
        feed: &'a Feed,
        /// Its file's name.
        name: &'a str,
        /// Attributes that visitors do not see.
        hidden: &'a [String],
    },
    /// A file of metadata of photos. A product that had a row and has none goes; a photo that never had one stays.
    Table(&'a Metadata),
}

/// What `update` did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Updated {
    /// Photos in the catalog.
    pub photos: usize,
    /// Products that they show.
    pub products: usize,
    /// Products of which something is told that was not.
    pub changed: usize,
    /// Products that were not there.
    pub added: usize,
    /// Products that went.
    pub removed: usize,
    /// Products that are as they were.
    pub same: usize,
    /// New photos that were encoded.
    pub encoded: usize,
    /// Files of the catalog that were written, photos among them.
    pub files_written: usize,
    /// What the owner should know, and what stops nothing.
    pub warnings: Vec<String>,
    /// Everything that was left out.
    pub left_out: Vec<LeftOut>,
    /// How many of each reason.
    pub reasons: BTreeMap<Reason, usize>,
}

/// A catalog that is about to be changed.
pub struct Update {
    manifest: Manifest,
    shards: Vec<Shard>,
    items: Vec<Item>,
    /// What indexing remembers of each photo, by id; nothing where it remembers none.
    journal: HashMap<String, Entry>,
    neighbours: Vec<u32>,
    centroids: Option<Shard>,
    plan: Vec<Slot>,
    updated: Updated,
}

/// A row of the catalog that will be.
struct Slot {
    id: String,
    from: Origin,
    known: Option<Known>,
    /// Its product, where that has several photos, or where `numbered`.
    product: Option<String>,
    /// Whether its id tells its place among the photos of its product.
    numbered: bool,
}

/// Where a row's vector comes from.
enum Origin {
    /// A row that is there.
    Row(usize),
    /// A photo that is new, under the id that its row would have if every photo could be encoded.
    New { photo: Photo, planned: String },
}

impl Update {
    /// Reads the catalog in a folder.
    ///
    /// # Errors
    /// [`Error::Io`] where there is none, and [`Error::Catalog`] or [`Error::Hash`] for one that is damaged.
    pub fn open(folder: &Folder, path: &std::path::Path) -> Result<Self> {
        let manifest = folder.manifest.clone();
        let (mut shards, mut items, mut neighbours) = (Vec::new(), Vec::new(), Vec::new());
        for shard in folder.shards() {
            let (shard, known) = shard?;
            shards.push(shard);
            items.extend(known);
        }
        let tables = manifest.shards.iter().filter_map(|shard| shard.neighbours.as_ref());
        for file in tables.chain(&manifest.neighbours.file) {
            let bytes = folder.read(file)?;
            neighbours.extend(bytes.chunks_exact(4).map(|row| u32::from_le_bytes([row[0], row[1], row[2], row[3]])));
        }
        let centroids =
            manifest.clusters.as_ref().map(|clusters| Shard::decode(&folder.read(&clusters.centroids)?)).transpose()?;
        let journal = Journal::read(path, &manifest.model.fingerprint, manifest.dimension).unwrap_or_default();
        let (plan, updated) = (Vec::new(), Updated::default());
        Ok(Self { manifest, shards, items, journal, neighbours, centroids, plan, updated })
    }

    /// Whether the catalog was made of a feed.
    pub fn is_of_feed(&self) -> bool {
        self.items.iter().any(|item| item.in_stock.is_some())
    }

    /// Decides what becomes of each row. Nothing is written.
    ///
    /// # Errors
    /// [`Error::Argument`] where nothing of the catalog would be left.
    pub fn plan(&mut self, news: &News<'_>) -> Result<()> {
        match news {
            News::Feed { feed, name, hidden } => {
                self.plan_feed(feed, name);
                self.plan.iter_mut().filter_map(|slot| slot.known.as_mut()).for_each(|known| known.hide(hidden));
            }
            News::Table(metadata) => self.plan_table(metadata)?,
        }
        let kept = self.plan.iter().filter(|slot| matches!(slot.from, Origin::Row(_))).count();
        if kept == 0 {
            return Err(Error::Argument(format!(
                "updating: expected products of this catalog ({}), got none of them; is this the right file? For another \
                 assortment, index it",
                samples(self.items.iter().map(|item| item.id.as_str()))
            )));
        }
        Ok(())
    }

    fn plan_feed(&mut self, feed: &Feed, name: &str) {
        let places = self.places();
        let plan = feed.products.iter().flat_map(|product| self.slots(product, &places)).collect();
        self.plan = plan;
        self.updated.left_out = left_out(feed, name);
        self.updated.warnings = feed.warnings.clone();
    }

    /// The rows of a product of a feed.
    fn slots(&self, product: &Product, places: &Places<'_>) -> Vec<Slot> {
        let own = places.products.get(product.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let told = own.iter().any(|row| places.told.contains(row));
        let row_of = |at: usize, photo: &Photo| match places.addresses.get(photo.address.as_str()) {
            Some(rows) => rows.iter().find(|row| own.contains(row)).or(rows.first()).copied(),
            // a catalog of an earlier version, or of parts: photos are told apart by their places alone
            None if !told => own.iter().find(|&&row| self.items[row].id == row_id(&product.id, at)).copied(),
            None => None,
        };
        if product.photos.is_empty() {
            // the feed tells of no photos, as where they were found beside it
            return own.iter().map(|&row| self.kept(row, product, own.len() > 1)).collect();
        }
        let several = product.photos.len() > 1;
        let slot = |(at, photo): (usize, &Photo)| {
            let known = Known { address: Some(photo.address.clone()), ..known(product, several) };
            let (id, new) = (row_id(&product.id, at), photo.clone());
            let from = row_of(at, photo).map_or_else(|| Origin::New { photo: new, planned: id.clone() }, Origin::Row);
            Slot { id, from, known: Some(known), product: Some(product.id.clone()), numbered: true }
        };
        product.photos.iter().enumerate().map(slot).collect()
    }

    /// A row that stays where it is.
    fn kept(&self, row: usize, product: &Product, several: bool) -> Slot {
        Slot {
            id: self.items[row].id.clone(),
            from: Origin::Row(row),
            known: Some(known(product, several)),
            product: several.then(|| product.id.clone()),
            numbered: false,
        }
    }

    fn plan_table(&mut self, metadata: &Metadata) -> Result<()> {
        let mut met = HashSet::new();
        for (row, item) in self.items.iter().enumerate() {
            let known = metadata.get(product_of(item)).cloned();
            if known.is_some() {
                met.insert(product_of(item));
            } else if had_row(item) {
                continue;
            }
            let (id, product) = (item.id.clone(), item.product.clone());
            self.plan.push(Slot { id, from: Origin::Row(row), known, product, numbered: false });
        }
        if met.is_empty() {
            return Err(Error::Argument(format!(
                "updating: expected rows of the catalog's {} products ({}), got none of them in {} rows ({}); is this the \
                 right file?",
                self.items.len(),
                samples(self.items.iter().map(product_of)),
                metadata.len(),
                samples(metadata.ids())
            )));
        }
        self.updated.left_out = metadata.left_out(|id| met.contains(id));
        Ok(())
    }

    /// Where the rows of each product are, and those of each photo's address.
    fn places(&self) -> Places<'_> {
        let mut places = Places::default();
        for (row, item) in self.items.iter().enumerate() {
            places.products.entry(product_of(item)).or_default().push(row);
            // an interrupted run may have remembered another photo under this id
            let entry = self.journal.get(&item.id).filter(|entry| entry.photo == item.photo);
            if let Some(address) = entry.and_then(|entry| entry.address.as_deref()) {
                places.addresses.entry(address).or_default().push(row);
                places.told.insert(row);
            }
        }
        places
    }

    /// The photos that are new, each with the id of its row.
    pub fn new_photos(&self) -> impl Iterator<Item = (&str, &Photo)> {
        self.plan.iter().filter_map(|slot| match &slot.from {
            Origin::New { photo, planned } => Some((planned.as_str(), photo)),
            Origin::Row(_) => None,
        })
    }

    /// The catalog's manifest as it is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes what is planned. `encoded` are entries of new photos by the ids of their rows; a photo without one is left
    /// out, and `failed` says why.
    ///
    /// # Errors
    /// Those of writing; the manifest comes last, so that the catalog is the old one until then.
    pub fn apply(
        mut self,
        out: &Growth,
        choice: &Choice,
        encoded: HashMap<String, Entry>,
        failed: Vec<LeftOut>,
    ) -> Result<Updated> {
        self.updated.encoded = encoded.len();
        self.updated.left_out.extend(failed);
        self.number(&encoded);
        let mut rows = Rows::new(self.manifest.dimension);
        rows.choose_facets(choice.facets.clone());
        let (mut items, mut journal) = (Vec::with_capacity(self.plan.len()), HashMap::new());
        for slot in std::mem::take(&mut self.plan) {
            let (item, scale, vector, entry) = self.row(slot, &encoded);
            rows.push(&item, scale, &vector)?;
            journal.extend(entry.map(|entry| (entry.id.clone(), entry)));
            items.push(item);
        }
        self.count(&items);
        (self.updated.photos, self.updated.products) = (rows.len(), rows.products());
        self.write(out, choice, rows, &items, &encoded)?;
        if journal != self.journal {
            let mut file = Journal::open(out.path(), &self.manifest.model.fingerprint, self.manifest.dimension)?;
            file.entries = journal;
            file.rewrite()?;
        }
        let mut updated = self.updated;
        updated.left_out.sort();
        updated.left_out.dedup();
        for one in &updated.left_out {
            *updated.reasons.entry(one.reason).or_default() += 1;
        }
        Ok(updated)
    }

    fn write(
        &mut self,
        out: &Growth,
        choice: &Choice,
        rows: Rows,
        items: &[Item],
        encoded: &HashMap<String, Entry>,
    ) -> Result<()> {
        let before: BTreeSet<String> = self.manifest.files().map(|file| file.file.to_string()).collect();
        let (shards, centroids) = (std::mem::take(&mut self.shards), self.centroids.take());
        let (neighbours, k) = (std::mem::take(&mut self.neighbours), self.manifest.neighbours.k);
        let earlier = Earlier { shards, centroids, neighbours, k };
        let name = choice.title.as_ref().unwrap_or(&self.manifest.title);
        let clusters = choice.clusters.unwrap_or(ClusterChoice::like(&self.manifest));
        let manifest = write_catalog(out, name, self.manifest.model.clone(), rows, clusters, Some(&earlier))?;
        let files: BTreeSet<String> = manifest.files().map(|file| file.file.to_string()).collect();
        let photos: HashSet<&str> = items.iter().map(|item| item.photo.as_str()).collect();
        sweep(out, files.iter().map(String::as_str).chain([MANIFEST]), photos)?;
        let fresh: BTreeSet<&str> = encoded.values().map(|entry| entry.photo.as_str()).collect();
        let old: HashSet<&str> = self.items.iter().map(|item| item.photo.as_str()).collect();
        self.updated.files_written = files.difference(&before).count()
            + usize::from(manifest != self.manifest)
            + fresh.into_iter().filter(|photo| !old.contains(photo)).count();
        Ok(())
    }

    /// Leaves out the photos that could not be encoded, and numbers those of each product that are left.
    fn number(&mut self, encoded: &HashMap<String, Entry>) {
        self.plan.retain(|slot| matches!(slot.from, Origin::Row(_)) || encoded.contains_key(&slot.id));
        let mut photos: HashMap<String, usize> = HashMap::new();
        for product in self.plan.iter().filter_map(|slot| slot.product.clone()) {
            *photos.entry(product).or_default() += 1;
        }
        let (mut at, mut ids): (HashMap<String, usize>, _) = (HashMap::new(), HashSet::new());
        for slot in self.plan.iter_mut().filter(|slot| slot.numbered) {
            let Some(product) = slot.product.clone() else { continue };
            let place = at.entry(product.clone()).or_default();
            slot.id = row_id(&product, *place);
            *place += 1;
            if photos.get(&product) == Some(&1) {
                slot.known.iter_mut().for_each(|known| known.product = None);
            }
        }
        self.plan.retain(|slot| ids.insert(slot.id.clone()));
    }

    /// What the catalog tells of a row, its vector, and what indexing remembers of its photo.
    fn row(&mut self, slot: Slot, encoded: &HashMap<String, Entry>) -> (Item, f32, Vec<i8>, Option<Entry>) {
        let Slot { id, from, known, numbered, .. } = slot;
        let address = known.as_ref().and_then(|known| known.address.clone());
        let (old, scale, vector, entry) = match from {
            Origin::Row(row) => {
                let (scale, vector) = row_of(&self.shards, row).unwrap_or_default();
                let old = self.items[row].clone();
                let entry = self.journal.get(&old.id).filter(|entry| entry.photo == old.photo).cloned();
                (old, scale, vector.to_vec(), entry)
            }
            Origin::New { planned, .. } => {
                let entry = encoded[&planned].clone();
                (item(&entry), entry.scale, entry.vector.clone(), Some(entry))
            }
        };
        let entry = entry.map(|entry| {
            let address = address.or(entry.address.clone());
            Entry { id: id.clone(), address, ..entry }
        });
        let Some(known) = known else { return (Item { same_as: None, ..old }, scale, vector, entry) };
        let hash = entry.as_ref().map_or(old.photo.as_str(), |entry| &entry.hash).to_string();
        // a feed says which photos show one product, and a table leaves them as they are
        let product = old.product.clone().filter(|_| !numbered);
        let item = describe(Item { product, ..bare(old, id) }, &hash, Some(&known), &mut self.updated.left_out);
        (item, scale, vector, entry)
    }

    /// Counts what became of the products.
    fn count(&mut self, items: &[Item]) {
        let (before, now) = (by_product(&self.items), by_product(items));
        let updated = &mut self.updated;
        for (product, items) in &now {
            match before.get(product) {
                None => updated.added += 1,
                Some(before) if before == items => updated.same += 1,
                Some(_) => updated.changed += 1,
            }
        }
        updated.removed = before.keys().filter(|product| !now.contains_key(*product)).count();
        if updated.removed * 2 > before.len() {
            let (removed, all) = (updated.removed, before.len());
            updated.warnings.push(format!(
                "{removed} of {all} products are not in this file and went; if it is a part of the assortment, update with \
                 all of it"
            ));
        }
    }
}

/// What the owner chooses.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// A title for people; the one that is there without one.
    pub title: Option<String>,
    /// Which attributes are filters.
    pub facets: FacetChoice,
    /// Whether the catalog is clustered; as it is without one.
    pub clusters: Option<ClusterChoice>,
}

#[derive(Default)]
struct Places<'a> {
    /// The rows of a product, its photos in order.
    products: HashMap<&'a str, Vec<usize>>,
    /// The rows of a photo's address.
    addresses: HashMap<&'a str, Vec<usize>>,
    /// Rows whose photo's address is known.
    told: HashSet<usize>,
}

/// The id of the product that a photo shows.
fn product_of(item: &Item) -> &str {
    item.product.as_deref().unwrap_or(&item.id)
}

/// The photos of each product in their order, as they are compared.
fn by_product(items: &[Item]) -> BTreeMap<&str, Vec<Item>> {
    let mut products: BTreeMap<&str, Vec<Item>> = BTreeMap::new();
    for item in items {
        products.entry(product_of(item)).or_default().push(Item { same_as: None, ..item.clone() });
    }
    products.values_mut().for_each(|photos| photos.sort_by(|a, b| a.id.cmp(&b.id)));
    products
}

/// What a photo's file alone tells.
fn bare(old: Item, id: String) -> Item {
    Item {
        title: title(old.product.as_deref().unwrap_or(&id)),
        id,
        attributes: BTreeMap::new(),
        link: None,
        price: None,
        offer: None,
        in_stock: None,
        further: BTreeMap::new(),
        same_as: None,
        ..old
    }
}

/// Whether a row told of this photo.
fn had_row(item: &Item) -> bool {
    let told = item.link.is_some() || item.price.is_some() || item.offer.is_some() || !item.attributes.is_empty();
    told || (item.title != title(product_of(item)) && !item.title.starts_with("Photo "))
}
