//! The whole flow on one page: photo and words → patches and ids → encoders → fusion → one vector → the top K.

use crate::backend::Backend;
#[cfg(feature = "gpu")]
use crate::backend::gpu::{Gpu, scan::Vectors};
use crate::beside::Beside;
use crate::cells::Cells;
use crate::error::{Error, Result};
use crate::image::{self, Preprocess};
use crate::model::bert::Bert;
use crate::model::folder::{Description, Part};
use crate::model::fusion::{Fused, Fusion, Photo, Words};
use crate::model::vit::Vit;
#[cfg(feature = "gpu")]
use crate::search::Filter;
use crate::search::{Hit, Index};
use crate::shard::{Manifest, Shard};
use crate::text::{TextReader, Tokens};
use crate::weights::Checkpoint;

/// What a visitor asks with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// Bytes of a photo file.
    pub photo: Option<&'a [u8]>,
    /// Words.
    pub text: Option<&'a str>,
    /// 0 like the words … 1 like the photo, for a query of both; ½ is the fused vector as it was trained.
    pub like: Option<f32>,
}

/// The vector of a query and what can be shown of how it came about.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    /// Unit vector.
    pub vector: Vec<f32>,
    /// Attention over the photo's patches, row-major over a square grid.
    pub photo: Option<Vec<f32>>,
    /// Attention over the words of the text.
    pub words: Option<Vec<(String, f32)>>,
    /// Attention over photo and words.
    pub modalities: Option<[f32; 2]>,
    /// Milliseconds spent.
    pub ms: Milliseconds,
}

/// Where the time of a query went.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Milliseconds {
    /// Decoding and unfolding the photo.
    pub decode: f64,
    /// The image encoder.
    pub image: f64,
    /// Tokenizer and text encoder.
    pub text: f64,
    /// The fusion head.
    pub fusion: f64,
}

/// What can be searched with so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Ready {
    /// Words.
    pub text: bool,
    /// Photos.
    pub image: bool,
    /// Both at once.
    pub composed: bool,
}

impl<'a> Query<'a> {
    /// The text, unless it is blank.
    fn words(&self) -> Option<&'a str> {
        self.text.filter(|text| !text.trim().is_empty())
    }
}

/// A query that has been asked of a backend and not been read back.
struct Asked<B: Backend> {
    fused: Fused<B>,
    ms: Milliseconds,
}

impl<B: Backend> Asked<B> {
    /// The vector, then what there is of the attention over patches, words and modalities.
    fn tensors(&self) -> Vec<&B::Tensor> {
        let Fused { query, alpha, gamma, beta } = &self.fused;
        [Some(query), alpha.as_ref(), gamma.as_ref(), beta.as_ref()].into_iter().flatten().collect()
    }
}

/// A model whose parts may still be arriving.
pub struct Engine<B: Backend> {
    backend: B,
    description: Description,
    /// Returns milliseconds since any fixed moment.
    clock: fn() -> f64,
    reader: Option<TextReader>,
    text: Option<Bert<B>>,
    image: Option<Vit<B>>,
    fusion: Option<Fusion<B>>,
}

impl<B: Backend> Engine<B> {
    /// A model without weights yet.
    pub fn new(backend: B, description: Description, clock: fn() -> f64) -> Self {
        Self { backend, description, clock, reader: None, text: None, image: None, fusion: None }
    }

    /// Reads a whole model folder.
    #[cfg(feature = "cli")]
    pub fn open(backend: B, folder: &std::path::Path) -> Result<Self> {
        use std::{sync::LazyLock, time::Instant};
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let clock = || START.elapsed().as_secs_f64() * 1e3;
        let mut engine = Self::new(backend, Description::open(folder)?, clock);
        for part in engine.description.parts.clone() {
            let bytes = engine.description.read(folder, part.part)?;
            engine.load(part.part, &bytes)?;
        }
        Ok(engine)
    }

    /// The model's description.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Takes a part's bytes after checking their hash. Parts may come in any order.
    pub fn load_part(&mut self, part: Part, bytes: &[u8]) -> Result<()> {
        self.description.verify(part, bytes)?;
        self.load(part, bytes)
    }

    fn load(&mut self, part: Part, bytes: &[u8]) -> Result<()> {
        let b = &self.backend;
        let missing = || Error::Model(format!("expected sizes for part {part:?} in model.json, got none"));
        let Description { image, text, fusion, max_tokens, .. } = &self.description;
        match part {
            Part::Tokenizer => self.reader = Some(TextReader::from_json(bytes, *max_tokens)?),
            Part::Text => {
                let config = text.as_ref().ok_or_else(missing)?;
                self.text = Some(Bert::load(b, &Checkpoint::from_bytes(bytes)?, config)?);
            }
            Part::Image => {
                let config = image.as_ref().ok_or_else(missing)?;
                self.image = Some(Vit::load(b, &Checkpoint::from_bytes(bytes)?, config)?);
            }
            Part::Fusion => {
                let (Some(image), Some(text), Some(config)) = (image, text, fusion) else { return Err(missing()) };
                let weights = Checkpoint::from_bytes(bytes)?;
                self.fusion = Some(Fusion::load(b, &weights, config, image.hidden_size, text.hidden_size)?);
            }
        }
        Ok(())
    }

    /// What can be searched with so far.
    pub fn ready(&self) -> Ready {
        let text = self.fusion.is_some() && self.text.is_some() && self.reader.is_some();
        let image = self.fusion.is_some() && self.image.is_some();
        Ready { text, image, composed: text && image }
    }

    /// How photos become patches.
    pub fn preprocess(&self) -> &Preprocess {
        &self.description.preprocess
    }

    /// Catalog vectors `[photos, dimension]` of unfolded photos (see [`image::patches`]).
    pub async fn catalog_vectors(&self, patches: &[Vec<f32>]) -> Result<Vec<f32>> {
        let photo = self.photo(patches)?;
        self.backend.read(&self.fusion()?.catalog(&self.backend, &photo)?).await
    }

    /// Query vectors `[queries, dimension]` of photos, of texts, or of photos with texts.
    pub async fn query_vectors(&self, patches: Option<&[Vec<f32>]>, texts: Option<&[&str]>) -> Result<Vec<f32>> {
        let photo = patches.map(|patches| self.photo(patches)).transpose()?;
        let words = texts.map(|texts| self.words(&self.tokens(texts)?)).transpose()?;
        let fused = self.fusion()?.query(&self.backend, photo.as_ref(), words.as_ref())?;
        self.backend.read(&fused.query).await
    }

    /// Encodes one query, with its attention.
    pub async fn encode(&self, query: Query<'_>) -> Result<Encoded> {
        let mut asked = self.ask(query)?;
        let start = (self.clock)();
        let read = self.backend.read_all(&asked.tensors()).await?;
        asked.ms.fusion += (self.clock)() - start;
        self.answer(query, &asked, read)
    }

    /// Everything of a query but the reading back, which is all that waits on some backends.
    fn ask(&self, query: Query<'_>) -> Result<Asked<B>> {
        let start = (self.clock)();
        let patches = query.photo.map(|bytes| image::prepare(bytes, self.preprocess())).transpose()?;
        let decoded = (self.clock)();
        let photo = patches.map(|patches| self.photo(&[patches])).transpose()?;
        let seen = (self.clock)();
        let words = query.words().map(|text| self.words(&self.tokens(&[text])?)).transpose()?;
        let read = (self.clock)();
        let mut fused = self.fusion()?.query(&self.backend, photo.as_ref(), words.as_ref())?;
        if let (Some(photo), Some(words), Some(like)) = (&photo, &words, query.like) {
            fused.query = self.lean(fused.query, photo, words, like)?;
        }
        let fusion = (self.clock)() - read;
        Ok(Asked {
            fused,
            ms: Milliseconds { decode: decoded - start, image: seen - decoded, text: read - seen, fusion },
        })
    }

    /// The numbers of [`Asked::tensors`] → an answer.
    fn answer(&self, query: Query<'_>, asked: &Asked<B>, read: Vec<Vec<f32>>) -> Result<Encoded> {
        let mut read = read.into_iter();
        let mut next = |there: bool| if there { read.next() } else { None };
        let fused = &asked.fused;
        let mut encoded = Encoded { vector: next(true).unwrap_or_default(), ms: asked.ms, ..Encoded::default() };
        encoded.photo = next(fused.alpha.is_some());
        if let (Some(gamma), Some(text)) = (next(fused.gamma.is_some()), query.words()) {
            encoded.words = Some(self.word_weights(text, &gamma)?);
        }
        encoded.modalities = next(fused.beta.is_some()).and_then(|beta| beta.try_into().ok());
        Ok(encoded)
    }

    /// Moves a fused vector towards the photo alone (`like` > ½) or the words alone (`like` < ½).
    fn lean(&self, fused: B::Tensor, photo: &Photo<B>, words: &Words<B>, like: f32) -> Result<B::Tensor> {
        let share = (like.clamp(0.0, 1.0) - 0.5) * 2.0;
        if share == 0.0 || share.is_nan() {
            return Ok(fused);
        }
        let (b, fusion) = (&self.backend, self.fusion()?);
        let pole = match share > 0.0 {
            true => fusion.catalog(b, photo)?,
            false => fusion.query(b, None, Some(words))?.query,
        };
        let shape = b.shape(&fused);
        let weight = |w: f32| b.tensor(&vec![w; shape.iter().product()], &shape);
        let kept = b.mul(&fused, &weight(1.0 - share.abs())?)?;
        b.normalise(&b.add(&kept, &b.mul(&pole, &weight(share.abs())?)?)?)
    }

    fn photo(&self, patches: &[Vec<f32>]) -> Result<Photo<B>> {
        let p = self.preprocess();
        let (n, length) = (p.grid() * p.grid(), 3 * p.patch * p.patch);
        let vit = self.image.as_ref().ok_or_else(|| not_loaded("image encoder"))?;
        let patches = self.backend.tensor(&patches.concat(), &[patches.len(), n, length])?;
        self.fusion()?.photo(&self.backend, &vit.forward(&self.backend, &patches)?)
    }

    fn tokens(&self, texts: &[&str]) -> Result<Tokens> {
        self.reader.as_ref().ok_or_else(|| not_loaded("tokenizer"))?.read(texts)
    }

    fn words(&self, tokens: &Tokens) -> Result<Words<B>> {
        let bert = self.text.as_ref().ok_or_else(|| not_loaded("text encoder"))?;
        let mask = self.backend.tensor(&tokens.mask, &[tokens.rows, tokens.length])?;
        self.fusion()?.words(&self.backend, &bert.forward(&self.backend, &tokens.ids, &mask)?, &mask)
    }

    fn fusion(&self) -> Result<&Fusion<B>> {
        self.fusion.as_ref().ok_or_else(|| not_loaded("fusion head"))
    }

    /// Attention of whole words: pieces joined, special tokens left out.
    fn word_weights(&self, text: &str, gamma: &[f32]) -> Result<Vec<(String, f32)>> {
        let reader = self.reader.as_ref().ok_or_else(|| not_loaded("tokenizer"))?;
        let mut words: Vec<(String, f32)> = Vec::new();
        for (piece, &weight) in reader.pieces(text)?.iter().zip(gamma) {
            match words.last_mut().filter(|_| piece.continues) {
                Some((word, sum)) => {
                    word.push_str(&piece.text);
                    *sum += weight;
                }
                None if piece.text.is_empty() => {}
                None => words.push((piece.text.clone(), weight)),
            }
        }
        Ok(words)
    }
}

#[cfg(feature = "gpu")]
impl Engine<Gpu> {
    /// Encodes a query and finds the `k` vectors nearest to it, all on the device: one submission, one wait, and only
    /// the query's vector, its attention and the results come back.
    pub async fn search(
        &self,
        query: Query<'_>,
        vectors: &Vectors,
        k: usize,
        filter: Filter<'_>,
    ) -> Result<(Encoded, Vec<Hit>)> {
        let mut asked = self.ask(query)?;
        let start = (self.clock)();
        let allowed = filter.bits(vectors.len());
        let selected = vectors.select(&self.backend, &asked.fused.query, k, allowed.as_deref())?;
        let (read, rows) = selected.read(&self.backend, &asked.tensors()).await?;
        asked.ms.fusion += (self.clock)() - start;
        let hits = rows.into_iter().map(|(row, score)| Hit { row, score }).collect();
        let encoded = self.answer(query, &asked, read)?;
        // a device that is going may hand out zeros before it says so
        let length = encoded.vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        match (0.99..1.01).contains(&length) {
            true => Ok((encoded, hits)),
            false => Err(Error::Device(format!("expected a vector of length 1, got {length}; ask the processor"))),
        }
    }
}

fn not_loaded(what: &str) -> Error {
    Error::Model(format!("expected its {what} to be loaded, got none; wait for the download or choose a whole model"))
}

/// An opened catalog whose shards may still be arriving.
pub struct Catalog {
    /// `catalog.json`.
    pub manifest: Manifest,
    index: Index,
    waiting: Vec<Option<Shard>>,
    next: usize,
    cells: Option<Cells>,
}

impl Catalog {
    /// Reads a manifest, and refuses one that was made with a model of another fingerprint.
    pub fn open(json: &str, fingerprint: Option<&str>) -> Result<Self> {
        let manifest = Manifest::from_json(json)?;
        if let Some(fingerprint) = fingerprint {
            manifest.check_model(fingerprint)?;
        }
        let (index, waiting) = (Index::new(manifest.dimension), vec![None; manifest.shards.len()]);
        Ok(Self { manifest, index, waiting, next: 0, cells: None })
    }

    /// Reads a catalog folder, all shards of it.
    #[cfg(feature = "cli")]
    pub fn open_folder(folder: &std::path::Path, fingerprint: Option<&str>) -> Result<Self> {
        use crate::error::io;
        let path = folder.join(crate::shard::MANIFEST);
        let json = std::fs::read_to_string(&path).map_err(io("reading", &path))?;
        let mut catalog = Self::open(&json, fingerprint)?;
        for shard in catalog.manifest.shards.clone() {
            let path = folder.join(&shard.vectors.file);
            catalog.add_shard(&shard.vectors.file, &std::fs::read(&path).map_err(io("reading", &path))?)?;
        }
        Ok(catalog)
    }

    /// Takes the centres of a clustered catalog: from now on any of its shards can be searched without the others.
    pub fn open_cells(&mut self, bytes: &[u8]) -> Result<()> {
        self.cells = Some(Cells::open(&self.manifest, bytes)?);
        Ok(())
    }

    /// The cells of a clustered catalog, once its centres are here.
    pub fn cells(&self) -> Option<&Cells> {
        self.cells.as_ref()
    }

    /// Lets a shard go, to make room, where shards are searched one by one.
    pub fn drop_shard(&mut self, file: &str) -> Result<()> {
        let (position, _) = self.manifest.shard(file)?;
        self.cells.as_mut().map_or(Ok(()), |cells| cells.drop(position))
    }

    /// Checks and takes a shard; returns how many rows can be searched now. Shards may come in any order: unless cells
    /// are open, one that comes early waits for those before it, since rows are numbered in the manifest's order.
    pub fn add_shard(&mut self, file: &str, bytes: &[u8]) -> Result<usize> {
        let (position, entry) = self.manifest.shard(file)?;
        entry.vectors.verify(bytes)?;
        let shard = Shard::decode(bytes)?;
        if shard.ids.len() != entry.count {
            return Err(Error::Catalog(format!(
                "expected {} photos in {file}, got {}; index the photos again",
                entry.count,
                shard.ids.len()
            )));
        }
        if let Some(cells) = &mut self.cells {
            cells.put(position, shard)?;
            return Ok(cells.len());
        }
        if position >= self.next {
            self.waiting[position] = Some(shard);
        }
        while let Some(shard) = self.waiting.get_mut(self.next).and_then(Option::take) {
            self.index.add(shard)?;
            self.next += 1;
        }
        Ok(self.index.len())
    }

    /// See [`Index::prepare`]; a clustered catalog, whose cells are searched one by one, has nothing to prepare.
    pub fn prepare(&mut self, rows: usize) -> bool {
        self.cells.is_some() || self.index.prepare(rows)
    }

    /// The vectors that have arrived.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The rows nearest to a row's own vector, itself left out.
    pub fn neighbours(&self, row: u32, k: usize, only: Option<&[u32]>) -> Result<Vec<Hit>> {
        let alone = Beside { catalog: &self.index, offset: self.index.len() as u32, own: None };
        alone.neighbours(row, k, only)
    }
}
