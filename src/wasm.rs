//! Bindings for the page: convert, call, map errors. Everything runs in the worker.
//!
//! The same file makes the program for the processor and, with the feature `gpu`, the one for WebGPU, which opens its
//! device before anything else and searches there too.

#[cfg(not(feature = "gpu"))]
use crate::backend::cpu::Cpu as Device;
#[cfg(feature = "gpu")]
use crate::backend::gpu::{Gpu as Device, scan};
use crate::catalog::assembly::{self, Entry, Rows};
use crate::catalog::format::{Item, Shard};
use crate::clock::clock;
use crate::engine::{self, Encoded, Engine, Milliseconds, Mode, Place, Query, Shop, Tier};
use crate::error::Error;
use crate::hash::sha256_hex;
use crate::model::folder::{Description, Part};
use crate::quant::quantize_rows;
use crate::search::clustered::Clustered;
use crate::search::complete;
use crate::search::glossary::Glossaries;
use crate::search::glossary::language::Language;
use crate::search::joined::Joined;
use crate::search::opened::Catalog;
use crate::search::overlay::Overlay;
use crate::search::ranking::Relevance;
use crate::search::reading::Reading;
use crate::search::words::TextIndex;
use crate::search::{Filter, Hit, Index, Searchable, Vectors};
use js_sys::{Array, Float32Array, Object, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

/// The search engine of a page.
#[wasm_bindgen]
#[derive(Default)]
pub struct Vitrine {
    #[cfg(feature = "gpu")]
    device: Option<Device>,
    #[cfg(feature = "gpu")]
    vectors: Option<scan::Vectors>,
    engine: Option<Engine<Device>>,
    catalog: Option<Catalog>,
    /// A visitor's own photos, found beside the catalog's.
    own: Option<Index>,
    /// The products of each shard, until all are here.
    items: Vec<Option<Vec<Item>>>,
    /// What titles and attributes say, once all products are here.
    words: Option<TextIndex>,
    /// Words of other languages, as far as they are here.
    glossaries: Glossaries,
}

/// The argument of [`Vitrine::query`].
#[derive(Deserialize)]
struct Request {
    text: Option<String>,
    #[serde(default, with = "serde_bytes_option")]
    photo: Option<Vec<u8>>,
    #[serde(default)]
    exclude: Vec<u32>,
    like: Option<f32>,
    /// The row of the product that the photo shows.
    product: Option<u32>,
    /// Whether words alone are to answer, for which no weights are needed.
    #[serde(default)]
    words: bool,
    #[serde(default)]
    k: usize,
    rows: Option<Vec<u32>>,
    /// Where good matches end.
    relevance: Option<Relevance>,
}

/// The last argument of [`Vitrine::search_clusters`].
#[derive(Deserialize)]
struct Limits {
    relevance: Option<Relevance>,
    photo: bool,
}

/// The answer of a search by vectors alone.
#[derive(Serialize)]
struct Nearest {
    hits: Vec<Found>,
    good: Option<usize>,
}

impl Nearest {
    fn of(hits: Vec<Hit>, Limits { relevance, photo }: Limits) -> Self {
        let joined: Vec<Joined> = hits.iter().copied().map(Joined::of_vectors).collect();
        // which of the words the catalog knows, nobody here can say
        let good = relevance.map(|limits| limits.good(&joined, 0.5, photo));
        let plain = |hit: Hit| Found { row: hit.row, score: hit.score, words: None, cosine: None };
        Self { hits: hits.into_iter().map(plain).collect(), good }
    }
}

#[derive(Serialize)]
struct Response {
    hits: Vec<Found>,
    /// How many of them are good matches, where that was asked for.
    good: Option<usize>,
    /// What turned the text into a vector.
    tier: Option<Tier>,
    attention: Attention,
    reading: Read,
    ms: Timing,
}

/// The answer of [`Vitrine::encode`].
#[derive(Serialize)]
struct Vector {
    vector: Vec<f32>,
    tier: Option<Tier>,
    attention: Attention,
    reading: Read,
    ms: Milliseconds,
}

/// How a text was understood.
#[derive(Serialize)]
struct Read {
    /// The code of its language.
    language: &'static str,
    /// The text in English, where it is in another language.
    english: Option<String>,
    /// Words that nobody knows.
    unknown: Vec<String>,
    /// The script that nothing here reads.
    script: Option<&'static str>,
}

impl From<Reading> for Read {
    fn from(reading: Reading) -> Self {
        let Reading { language, english, unknown, script, .. } = reading;
        Self { language: language.code(), english, unknown, script }
    }
}

#[derive(Serialize)]
struct Found {
    row: u32,
    score: f32,
    /// What words and the cosine say, where both answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine: Option<f32>,
}

#[derive(Serialize)]
struct Attention {
    photo: Option<Vec<f32>>,
    grid: Option<[usize; 2]>,
    words: Option<Vec<Word>>,
    modalities: Option<[f32; 2]>,
}

impl Attention {
    /// What can be shown of a query over photos cut into `grid` × `grid` patches.
    fn of(encoded: &mut Encoded, grid: usize) -> Self {
        let words = encoded.words.take();
        Self {
            grid: encoded.photo.as_ref().map(|_| [grid, grid]),
            photo: encoded.photo.take(),
            words: words.map(|all| all.into_iter().map(|(text, weight)| Word { text, weight }).collect()),
            modalities: encoded.modalities,
        }
    }
}

#[derive(Serialize)]
struct Word {
    text: String,
    weight: f32,
}

#[derive(Serialize)]
struct Timing {
    #[serde(flatten)]
    encode: Milliseconds,
    search: f64,
    total: f64,
}

/// A `Uint8Array` or nothing.
mod serde_bytes_option {
    use serde::Deserializer;
    use serde::de::{SeqAccess, Visitor};

    struct Bytes;

    impl<'de> Visitor<'de> for Bytes {
        type Value = Option<Vec<u8>>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a Uint8Array or nothing")
        }

        fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
            Ok(Some(bytes))
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            Ok(Some(bytes.to_vec()))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
            d.deserialize_byte_buf(Bytes)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut bytes = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(1 << 20));
            while let Some(byte) = seq.next_element()? {
                bytes.push(byte);
            }
            Ok(Some(bytes))
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<u8>>, D::Error> {
        d.deserialize_option(Bytes)
    }
}

fn raise(error: Error) -> JsError {
    JsError::new(&error.to_string())
}

fn to_js<T: Serialize>(value: &T) -> Result<JsValue, JsError> {
    // plain objects, and null for what is missing: what JSON would give
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    Ok(value.serialize(&serializer)?)
}

/// Makes a Rust panic readable in the browser's console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// Threads that take part in the kernels, the caller's among them.
#[wasm_bindgen]
pub fn threads() -> usize {
    crate::backend::kernels::threads::count()
}

/// Makes the calling worker thread number `index` of the pool; never returns.
#[cfg(target_feature = "atomics")]
#[wasm_bindgen]
pub fn work(index: u32) {
    crate::backend::kernels::threads::work(index)
}

#[wasm_bindgen]
impl Vitrine {
    /// An engine without a model.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `model.json`. Comes first.
    pub fn load_model(&mut self, json: &str) -> Result<(), JsError> {
        let description = Description::from_json(json).map_err(raise)?;
        if let Some(note) = &description.note {
            gloo::console::warn!(note.as_str());
        }
        self.engine = Some(Engine::new(self.device()?, description));
        Ok(())
    }

    /// Takes a part of the model: `tokenizer`, `text`, `fusion`, `image` or `instant`, in any order.
    pub fn load_part(&mut self, name: &str, bytes: &[u8]) -> Result<(), JsError> {
        let part = Part::from_name(name).map_err(raise)?;
        self.engine_mut()?.load_part(part, bytes).map_err(raise)
    }

    /// `{instant, text, image, composed}`: what can be searched with so far.
    pub fn ready(&self) -> Result<JsValue, JsError> {
        to_js(&self.engine()?.ready())
    }

    /// Reads `catalog.json`; a catalog of another model is refused with both fingerprints named.
    pub fn open_catalog(&mut self, json: &str) -> Result<(), JsError> {
        let fingerprint = self.engine.as_ref().map(|engine| engine.description().fingerprint.as_str());
        let catalog = Catalog::open(json, fingerprint).map_err(raise)?;
        #[cfg(feature = "gpu")]
        {
            self.vectors = Some(scan::Vectors::new(&self.device()?, catalog.manifest.dimension));
        }
        self.catalog = Some(catalog);
        Ok(())
    }

    /// Takes a shard and returns how many rows can be searched now.
    pub fn add_shard(&mut self, file: &str, bytes: &[u8]) -> Result<usize, JsError> {
        let rows = self.catalog_mut()?.add_shard(file, bytes).map_err(raise)?;
        #[cfg(feature = "gpu")]
        if let (Some(device), Some(vectors), Some(catalog)) = (&self.device, &mut self.vectors, &self.catalog) {
            catalog.index().upload(device, vectors).map_err(raise)?;
        }
        Ok(rows)
    }

    /// Takes the products of a shard, by the name of their file, and says whether all are here now: from then on their
    /// words count in every query.
    pub fn add_items(&mut self, file: &str, bytes: &[u8]) -> Result<bool, JsError> {
        let manifest = &self.catalog()?.manifest;
        let none = || JsError::new(&format!("opening catalog: expected a file of products, got {file}"));
        let at = manifest.shards.iter().position(|shard| *shard.items.file == *file).ok_or_else(none)?;
        let (items, shards) = (manifest.shards[at].open_items(bytes).map_err(raise)?, manifest.shards.len());
        self.items.resize(shards, None);
        self.items[at] = Some(items);
        if self.items.iter().all(Option::is_some) {
            self.words = Some(TextIndex::of(std::mem::take(&mut self.items).iter().flatten().flatten()));
        }
        Ok(self.words.is_some())
    }

    /// Takes the glossary of a language and gives its code. The English one comes first, then those of the catalog's and
    /// the visitor's language; from then on their words count in every query.
    pub fn add_glossary(&mut self, bytes: &[u8]) -> Result<String, JsError> {
        self.glossaries.add(bytes).map(|language| language.code().into()).map_err(raise)
    }

    /// Says which language the visitor reads, by its code: words that are of several are taken for that one's.
    pub fn set_language(&mut self, code: &str) {
        self.glossaries.reader = Language::from_code(code);
    }

    /// The code of the language that the shop writes in, once all products are here.
    pub fn catalog_language(&self) -> Option<String> {
        self.words.as_ref().map(|words| words.language().code().into())
    }

    /// Codes of the languages that a text may be in, likeliest first. Needs no glossary: it says which to fetch.
    pub fn languages_of(&self, text: &str) -> Vec<String> {
        Language::of_text(text).into_iter().map(|language| language.code().into()).collect()
    }

    /// The rows whose products hold a word, in whichever language it is: for words to leave out.
    pub fn rows_with(&self, word: &str) -> Result<Vec<u32>, JsError> {
        let vectors = self.catalog()?.index();
        let shop = self.words.as_ref().map(|words| Shop::new(words, vectors).reading(&self.glossaries));
        Ok(shop.map_or_else(Vec::new, |shop| shop.rows(word)))
    }

    /// Prepares at most `rows` more photos of a large catalog for a faster search, once all its shards are here, and
    /// says whether that is done. Questions may come in between; answers are the same before and after.
    pub fn prepare(&mut self, rows: usize) -> Result<bool, JsError> {
        Ok(self.catalog_mut()?.prepare(rows))
    }

    /// `{text?, photo?: Uint8Array, product?, exclude?, like?, k, rows?, words?, relevance?}` → `{hits, good, attention,
    /// ms}`. The text is as it was typed, with what it is to leave out.
    pub async fn query(&self, request: JsValue) -> Result<JsValue, JsError> {
        let request: Request = serde_wasm_bindgen::from_value(request)?;
        let catalog = self.catalog()?;
        #[cfg(feature = "gpu")]
        if let Some(vectors) = self.vectors.as_ref().filter(|_| self.own.is_none() && request.k <= scan::MAX_K) {
            return self.search(&request, vectors).await;
        }
        self.search(&request, &self.overlay(catalog.index(), catalog)).await
    }

    /// What somebody who is still typing may be about to type: `{words: [{text, attribute, count}], rows, instead}`, once
    /// all products are here.
    pub fn complete(&self, text: &str, words: usize, rows: usize) -> Result<JsValue, JsError> {
        let none = || JsError::new("completing: expected the products first, got none; add them");
        to_js(&complete::complete(text, self.words.as_ref().ok_or_else(none)?, words, rows))
    }

    /// The rows nearest to a row's own vector: `{hits: [{row, score}], good}`. Needs no model.
    pub fn neighbours(
        &self,
        row: u32,
        k: usize,
        rows: Option<Vec<u32>>,
        relevance: JsValue,
    ) -> Result<JsValue, JsError> {
        let relevance: Option<Relevance> = serde_wasm_bindgen::from_value(relevance)?;
        let catalog = self.catalog()?;
        let overlay = self.overlay(catalog.index(), catalog);
        let hits = overlay.neighbours(row, k, rows.as_deref()).map_err(raise)?;
        to_js(&Nearest::of(hits, Limits { relevance, photo: true }))
    }

    /// A file's sha256, hexadecimal, as catalogs give it.
    pub fn sha256(&self, bytes: &[u8]) -> String {
        sha256_hex(bytes)
    }

    /// Catalog vectors of photo files, encoded at once: for each `{entry, item, vector: Float32Array, copy:
    /// Uint8Array}`, the copy being the smaller photo that a catalog keeps, or `{error, reason}` for one that cannot be read: a sentence,
    /// and the word of [`Reason`](crate::error::Reason).
    pub async fn encode_photos(
        &self,
        ids: Vec<String>,
        hashes: Vec<String>,
        photos: Vec<Uint8Array>,
    ) -> Result<Array, JsError> {
        let engine = self.engine()?;
        let prepare = |((id, hash), photo): ((&String, String), &Uint8Array)| {
            assembly::prepare(id, hash, &photo.to_vec(), engine.preprocess(), assembly::LONGEST_OWN)
        };
        let mut read: Vec<_> = ids.iter().zip(hashes).zip(&photos).map(prepare).collect();
        let patches: Vec<Vec<f32>> =
            read.iter_mut().flatten().map(|photo| std::mem::take(&mut photo.patches)).collect();
        let vectors = match patches.is_empty() {
            true => Vec::new(),
            false => engine.catalog_vectors(&patches).await.map_err(raise)?,
        };
        let mut vectors = vectors.chunks_exact(engine.description().dimension);
        let encoded = Array::new();
        for photo in read {
            encoded.push(&match photo {
                Ok(photo) => object(&[
                    ("entry", to_js(&photo.entry)?),
                    ("item", to_js(&assembly::item(&photo.entry))?),
                    ("vector", Float32Array::from(vectors.next().unwrap_or_default()).into()),
                    ("copy", Uint8Array::from(photo.copy.as_slice()).into()),
                ])?,
                Err(error) => object(&[("error", error.to_string().into()), ("reason", error.reason().code().into())])?,
            });
        }
        Ok(encoded)
    }

    /// Puts photos of the visitor's own, `vectors [ids, dimension]`, behind the catalog's rows: the first own photo
    /// is row `catalog.count`. Returns how many there are now.
    pub fn add_own(&mut self, ids: Vec<String>, vectors: &[f32]) -> Result<usize, JsError> {
        let dimension = self.catalog()?.manifest.dimension;
        let shard = Shard::from_f32(ids, vectors, dimension).map_err(raise)?;
        self.own.get_or_insert_with(|| Index::new(dimension)).add(shard).map_err(raise)
    }

    /// Forgets the visitor's own photos.
    pub fn clear_own(&mut self) {
        self.own = None;
    }

    /// The files of a catalog of own photos, all but the photos: `[[name, Uint8Array], …]`. `entries` are those of
    /// [`Vitrine::encode_photos`], `vectors [entries, dimension]` theirs.
    pub fn export_own(&self, title: &str, entries: JsValue, vectors: &[f32]) -> Result<Array, JsError> {
        let entries: Vec<Entry> = serde_wasm_bindgen::from_value(entries)?;
        let model = self.engine()?.description();
        let (values, scales) = quantize_rows(vectors, model.dimension);
        let mut rows = Rows::new(model.dimension);
        for ((entry, vector), scale) in entries.iter().zip(values.chunks_exact(model.dimension)).zip(scales) {
            rows.push(&assembly::item(entry), scale, vector).map_err(raise)?;
        }
        let files = Array::new();
        let mut put = |name: &str, bytes: &[u8]| {
            files.push(&Array::of2(&name.into(), &Uint8Array::from(bytes)));
            Ok(())
        };
        assembly::assemble(title, model.into(), rows, None, &mut put).map_err(raise)?;
        Ok(files)
    }

    /// Takes the centroids of a clustered catalog. From now on any of its shards can be searched without the others.
    pub fn open_clusters(&mut self, bytes: &[u8]) -> Result<(), JsError> {
        self.catalog_mut()?.open_clusters(bytes).map_err(raise)
    }

    /// The shards of a clustered catalog to fetch for a unit vector, by position, in probes: see
    /// [`Clustered::probes`](crate::search::clustered::Clustered::probes).
    pub fn probes(&self, vector: &[f32], allowed: Option<Vec<u32>>) -> Result<JsValue, JsError> {
        to_js(&self.clusters()?.probes(vector, allowed.as_deref()).map_err(raise)?)
    }

    /// Lets a shard of a clustered catalog go, to make room.
    pub fn drop_shard(&mut self, file: &str) -> Result<(), JsError> {
        self.catalog_mut()?.drop_shard(file).map_err(raise)
    }

    /// `{text?, photo?: Uint8Array, like?}` → `{vector, attention, ms}`, for [`search_clusters`](Self::search_clusters).
    pub async fn encode(&self, request: JsValue) -> Result<JsValue, JsError> {
        let request: Request = serde_wasm_bindgen::from_value(request)?;
        let engine = self.engine()?;
        let query = Query { photo: request.photo.as_deref(), text: request.text.as_deref(), like: request.like };
        let nothing = TextIndex::default();
        let words = self.words.as_ref().unwrap_or(&nothing);
        let read = query.text.map(|text| Reading::of(text, words, &self.glossaries)).unwrap_or_default();
        let text = query.text.map(|_| read.for_encoder());
        let mut encoded = engine.encode(Query { text, ..query }).await.map_err(raise)?;
        let attention = Attention::of(&mut encoded, engine.preprocess().grid());
        let (tier, ms) = (encoded.tier, encoded.ms);
        to_js(&Vector { vector: encoded.vector, tier, attention, reading: read.into(), ms })
    }

    /// The vector of a row whose shard is here, or nothing.
    pub fn row_vector(&self, row: u32) -> Result<Option<Vec<f32>>, JsError> {
        Ok(self.overlay(self.clusters()?, self.catalog()?).vector(row))
    }

    /// The `k` rows nearest to a unit vector among the shards that are here and the visitor's own photos:
    /// `{hits: [{row, score}], good}`. `limits` is `{relevance, photo}`: where good matches end, and whether a photo was
    /// searched with.
    pub fn search_clusters(
        &self,
        vector: &[f32],
        k: usize,
        rows: Option<Vec<u32>>,
        exclude: Vec<u32>,
        limits: JsValue,
    ) -> Result<JsValue, JsError> {
        let limits: Limits = serde_wasm_bindgen::from_value(limits)?;
        let filter = Filter { only: rows.as_deref(), exclude: &exclude };
        let overlay = self.overlay(self.clusters()?, self.catalog()?);
        let hits = overlay.top_k(vector, k, filter).map_err(raise)?;
        to_js(&Nearest::of(hits, limits))
    }

    /// A photo's normalized patches, for comparing the page's preprocessing with the command line's.
    pub fn patches(&self, photo: &[u8]) -> Result<Vec<f32>, JsError> {
        crate::image::prepare(photo, self.engine()?.preprocess()).map_err(raise)
    }

    /// Where the time of encoding a query goes, in milliseconds: `{decode, image, text, fusion}`. Needs no catalog.
    pub async fn timings(&self, text: Option<String>, photo: Option<Vec<u8>>) -> Result<JsValue, JsError> {
        let query = Query { photo: photo.as_deref(), text: text.as_deref(), like: None };
        to_js(&self.engine()?.encode(query).await.map_err(raise)?.ms)
    }

    /// The unit vector of a query of words, of a photo, or of both, for comparing with the command line's.
    pub async fn vector(&self, text: Option<String>, photo: Option<Vec<u8>>) -> Result<Vec<f32>, JsError> {
        let query = Query { photo: photo.as_deref(), text: text.as_deref(), like: None };
        Ok(self.engine()?.encode(query).await.map_err(raise)?.vector)
    }
}

#[cfg(feature = "gpu")]
#[wasm_bindgen]
impl Vitrine {
    /// Opens the graphics device. Comes before everything else; an answer that takes longer than `timeout`
    /// milliseconds is an error. Gives the precision that it is fastest at, `f32`, `f16` or `packed`, which is measured
    /// unless it is `known`.
    pub async fn open_device(&mut self, timeout: u32, known: Option<String>) -> Result<String, JsError> {
        let timeout = std::time::Duration::from_millis(timeout.into());
        let known = known.and_then(|name| name.parse().ok());
        let device = Device::open(timeout, known).await.map_err(raise)?;
        let name = device.precision().name().to_string();
        self.device = Some(device);
        Ok(name)
    }
}

impl Vitrine {
    #[cfg(feature = "gpu")]
    fn device(&self) -> Result<Device, JsError> {
        let none = || JsError::new("loading model: expected an open graphics device, got none; call open_device first");
        self.device.clone().ok_or_else(none)
    }

    #[cfg(not(feature = "gpu"))]
    fn device(&self) -> Result<Device, JsError> {
        Ok(Device::new())
    }

    fn engine(&self) -> Result<&Engine<Device>, JsError> {
        self.engine.as_ref().ok_or_else(|| JsError::new("loading model: expected model.json first, got none; load it"))
    }

    fn engine_mut(&mut self) -> Result<&mut Engine<Device>, JsError> {
        self.engine.as_mut().ok_or_else(|| JsError::new("loading model: expected model.json first, got none; load it"))
    }

    /// The one search of the engine.
    async fn search<S: Searchable<Device>>(&self, request: &Request, vectors: &S) -> Result<JsValue, JsError> {
        let (engine, start) = (self.engine()?, clock());
        let query = Query { photo: request.photo.as_deref(), text: request.text.as_deref(), like: request.like };
        let filter = Filter { only: request.rows.as_deref(), exclude: &request.exclude };
        let memory = self.overlay(self.catalog()?.index(), self.catalog()?);
        let shop = |index| Shop::new(index, &memory).reading(&self.glossaries);
        let rows = self.catalog()?.manifest.count + self.own.as_ref().map_or(0, Vectors::len);
        let place = Place { vectors, shop: self.words.as_ref().map(shop), relevance: request.relevance, rows };
        let mode = if request.words { Mode::Words } else { Mode::Hybrid };
        let request = engine::Request { query, filter, k: request.k, product: request.product, mode };
        let found = engine.search(request, &place).await.map_err(raise)?;
        respond(engine, found, clock() - start)
    }

    /// Vectors of a catalog, with the visitor's own photos behind its rows.
    fn overlay<'a, V>(&'a self, vectors: &'a V, catalog: &Catalog) -> Overlay<'a, V> {
        Overlay { catalog: vectors, offset: catalog.manifest.count as u32, own: self.own.as_ref() }
    }

    fn catalog_mut(&mut self) -> Result<&mut Catalog, JsError> {
        self.catalog.as_mut().ok_or_else(|| JsError::new("opening catalog: open it before its shards"))
    }

    fn clusters(&self) -> Result<&Clustered, JsError> {
        let clusters = self.catalog()?.clusters();
        clusters.ok_or_else(|| JsError::new("searching: expected a catalog's centroids first, got none; open them"))
    }

    fn catalog(&self) -> Result<&Catalog, JsError> {
        self.catalog.as_ref().ok_or_else(|| JsError::new("searching: expected an open catalog, got none; open one"))
    }
}

/// A response for the page; `total` and the other times in milliseconds.
fn respond(engine: &Engine<Device>, mut response: engine::Response, total: f64) -> Result<JsValue, JsError> {
    let joined = response.joined.iter().map(|joined| (Some(joined.words), joined.cosine));
    let parts = joined.chain(std::iter::repeat((None, None)));
    let found = response.hits.iter().zip(parts);
    to_js(&Response {
        good: response.good,
        tier: response.encoded.tier,
        hits: found.map(|(hit, (words, cosine))| Found { row: hit.row, score: hit.score, words, cosine }).collect(),
        attention: Attention::of(&mut response.encoded, engine.preprocess().grid()),
        reading: response.reading.into(),
        ms: Timing { encode: response.encoded.ms, search: response.search_ms, total },
    })
}

fn object(fields: &[(&str, JsValue)]) -> Result<JsValue, JsError> {
    let object = Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &(*name).into(), value).map_err(|_| JsError::new("making an answer: out of memory"))?;
    }
    Ok(object.into())
}
