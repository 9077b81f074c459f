//! The whole flow on one page: photo and words → patches and ids → encoders → fusion → one vector → the top K.

use crate::backend::Backend;
use crate::clock::clock;
use crate::error::Result;
use crate::image::{self, Preprocess};
use crate::model::encoders::{Encoders, Joining, Read, Seen, not_loaded};
use crate::model::folder::{Description, Part};
use crate::model::fusion::Fused;
use crate::model::instant::Instant;
use crate::search::glossary::Glossaries;
use crate::search::joined::{self, CANDIDATES, Joined, Reference, Weights};
use crate::search::query::Typed;
use crate::search::ranking::Relevance;
use crate::search::reading::Reading;
use crate::search::wanted::Wanted;
use crate::search::words::TextIndex;
use crate::search::{Filter, Found, Hit, Searchable, Vectors};
use crate::text::{Tokenizer, Tokens};
use crate::weights::Checkpoint;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is encoded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// Bytes of a photo file.
    pub photo: Option<&'a [u8]>,
    /// Words.
    pub text: Option<&'a str>,
    /// 0 like the words … 1 like the photo, for a query of both; ½ is the fused vector as it was trained.
    pub like: Option<f32>,
}

/// What is searched for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// Photo and text; the text as it was typed, in the grammar of [`search::query`](crate::search::query).
    pub query: Query<'a>,
    /// The row of the product that the photo shows, where it is one of the catalog's.
    pub product: Option<u32>,
    /// What answers.
    pub mode: Mode,
    /// Which rows may be found.
    pub filter: Filter<'a>,
    /// The most hits.
    pub k: usize,
}

/// What answers a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum, serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Mode {
    /// Words and vectors together.
    #[default]
    Hybrid,
    /// Vectors alone.
    Vector,
    /// Words alone, for which no model is needed.
    Words,
}

/// What turns a text into a vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The text encoder and the fusion head.
    #[default]
    Full,
    /// The small table that answers until they are here.
    Instant,
}

/// Where is searched.
pub struct Place<'a, S> {
    /// The catalog's vectors.
    pub vectors: &'a S,
    /// What the shop says of its products. Without it vectors answer alone, and words to leave out are left to the
    /// caller.
    pub shop: Option<Shop<'a>>,
    /// Where its good matches end.
    pub relevance: Option<Relevance>,
    /// Number of rows.
    pub rows: usize,
}

/// What joins the shop's own words with the vectors.
#[derive(Clone, Copy)]
pub struct Shop<'a> {
    /// What titles and attributes say.
    pub index: &'a TextIndex,
    /// The catalog's vectors in memory, to score single rows.
    pub vectors: &'a dyn Vectors,
    /// How much each kind of evidence counts.
    pub weights: Weights,
    /// Words of other languages.
    pub glossaries: Option<&'a Glossaries>,
}

impl<'a> Shop<'a> {
    /// Lets words count less the more an answer is to be like the photo, up to nothing at 1, where vectors answer alone;
    /// at 0, where it is to be like the words, nothing of the reference is kept.
    fn leaning(mut self, like: Option<f32>) -> Self {
        let like = like.unwrap_or(0.5).clamp(0.0, 1.0);
        self.weights.edit *= 2.0 * (1.0 - like);
        self.weights.kept *= 1.0 - (2.0 * like - 1.0).abs();
        self
    }

    /// With the weights that ship.
    pub fn new(index: &'a TextIndex, vectors: &'a dyn Vectors) -> Self {
        Self { index, vectors, weights: Weights::default(), glossaries: None }
    }

    /// With words of other languages.
    pub fn reading(self, glossaries: &'a Glossaries) -> Self {
        Self { glossaries: Some(glossaries), ..self }
    }

    /// Reads a text word by word.
    fn read(&self, text: &str) -> Reading {
        self.glossaries.map_or_else(|| Reading::plain(text), |glossaries| Reading::of(text, self.index, glossaries))
    }

    /// The rows whose title or attributes hold a word, in whichever language it is.
    pub fn rows(&self, word: &str) -> Vec<u32> {
        let held = self.index.rows(word);
        match held.is_empty() {
            true => joined::rows(self.index, &Wanted::of(&self.read(word), self.index, false), &self.weights),
            false => held,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The best rows, best first.
    pub hits: Vec<Hit>,
    /// How many of them are good matches, where it is known where those end.
    pub good: Option<usize>,
    /// What their scores are made of, where words and vectors answered together; else empty.
    pub joined: Vec<Joined>,
    /// The query's vector and attention.
    pub encoded: Encoded,
    /// How the text was understood: its language, itself in English, and words that nobody knows.
    pub reading: Reading,
    /// Milliseconds of the search itself.
    pub search_ms: f64,
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
    /// Unit vector of the photo alone.
    pub looks: Option<Vec<f32>>,
    /// What made the vector; none where nothing was encoded.
    pub tier: Option<Tier>,
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
    /// Words, by the instant tier.
    pub instant: bool,
    /// Words, by the text encoder.
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
    looks: Option<B::Tensor>,
    tier: Tier,
    ms: Milliseconds,
}

impl<B: Backend> Asked<B> {
    /// The vector, then what there is of the attention over patches, words and modalities.
    fn tensors(&self) -> Vec<&B::Tensor> {
        let Fused { query, alpha, gamma, beta } = &self.fused;
        [Some(query), alpha.as_ref(), gamma.as_ref(), beta.as_ref(), self.looks.as_ref()]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// A model whose parts may still be arriving.
pub struct Engine<B: Backend> {
    backend: B,
    description: Description,
    tokenizer: Option<Tokenizer>,
    encoders: Encoders<B>,
    instant: Option<Instant<B>>,
    /// Files of parts that have several, until all are here.
    pieces: BTreeMap<Part, Vec<Option<Checkpoint>>>,
}

impl<B: Backend> Engine<B> {
    /// A model without weights yet.
    pub fn new(backend: B, description: Description) -> Self {
        let (encoders, pieces) = (Encoders::default(), BTreeMap::new());
        Self { backend, description, tokenizer: None, encoders, instant: None, pieces }
    }

    /// Reads a whole model folder.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(backend: B, folder: &std::path::Path) -> Result<Self> {
        Self::open_tier(backend, folder, Tier::Full)
    }

    /// Reads what of a model folder answers texts by a tier, and photos.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) for a model without that tier; what reading fails with.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_tier(backend: B, folder: &std::path::Path, tier: Tier) -> Result<Self> {
        let mut engine = Self::new(backend, Description::open(folder)?);
        let mut parts: Vec<Part> = engine.description.parts.iter().map(|file| file.part).collect();
        parts.dedup();
        if tier == Tier::Instant {
            parts.retain(|part| !matches!(part, Part::Tokenizer | Part::Text));
            parts.push(Part::Instant);
        }
        for part in parts {
            engine.read_part(folder, part)?;
        }
        Ok(engine)
    }

    /// Reads a part from a model folder, of all its files.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read_part(&mut self, folder: &std::path::Path, part: Part) -> Result<()> {
        match part {
            Part::Tokenizer | Part::Instant => self.load(part, &self.description.read(folder, part)?),
            part => {
                let weights = self.description.weights(folder, part)?;
                self.encoders.load(&self.backend, part, weights, &self.description)
            }
        }
    }

    /// The model's description.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Takes the bytes of a part, or of one of its files, after checking their hash. They may come in any order.
    pub fn load_part(&mut self, part: Part, bytes: &[u8]) -> Result<()> {
        let index = self.description.verify(part, bytes)?;
        let count = self.description.files_of(part).count();
        if count == 1 {
            return self.load(part, bytes);
        }
        let pieces = self.pieces.entry(part).or_insert_with(|| vec![None; count]);
        pieces[index] = Some(Checkpoint::from_bytes(bytes)?);
        if pieces.iter().any(Option::is_none) {
            return Ok(());
        }
        let mut weights = Checkpoint::default();
        for piece in self.pieces.remove(&part).into_iter().flatten().flatten() {
            weights.append(piece)?;
        }
        self.encoders.load(&self.backend, part, weights, &self.description)
    }

    fn load(&mut self, part: Part, bytes: &[u8]) -> Result<()> {
        let b = &self.backend;
        match part {
            Part::Tokenizer => self.tokenizer = Some(Tokenizer::from_json(bytes, self.description.max_tokens)?),
            Part::Instant => self.instant = Some(Instant::load(b, bytes, &self.description)?),
            part => self.encoders.load(b, part, Checkpoint::from_bytes(bytes)?, &self.description)?,
        }
        Ok(())
    }

    /// What joins photo and words into one query.
    pub fn joining(&self) -> Joining {
        Joining::of(&self.description)
    }

    /// What can be searched with so far.
    pub fn ready(&self) -> Ready {
        let text = self.encoders.reads() && self.tokenizer.is_some();
        let image = self.encoders.sees();
        Ready { instant: self.instant.is_some(), text, image, composed: text && image }
    }

    /// The instant tier, while it stands in for the text encoder.
    fn standing_in(&self) -> Option<&Instant<B>> {
        self.instant.as_ref().filter(|_| !self.ready().text)
    }

    /// How photos become patches.
    pub fn preprocess(&self) -> &Preprocess {
        &self.description.preprocess
    }

    /// Catalog vectors `[photos, dimension]` of unfolded photos (see [`image::patches`]).
    pub async fn catalog_vectors(&self, patches: &[Vec<f32>]) -> Result<Vec<f32>> {
        let photo = self.photo(patches)?;
        self.backend.read(&self.encoders.catalog(&self.backend, &photo)?).await
    }

    /// Query vectors `[queries, dimension]` of photos, of texts, or of photos with texts.
    pub async fn query_vectors(&self, patches: Option<&[Vec<f32>]>, texts: Option<&[&str]>) -> Result<Vec<f32>> {
        if let (None, Some(texts), Some(instant)) = (patches, texts, self.standing_in()) {
            return self.backend.read(&instant.query(&self.backend, texts)?).await;
        }
        let photo = patches.map(|patches| self.photo(patches)).transpose()?;
        let words = texts.map(|texts| self.words(&self.tokens(texts)?)).transpose()?;
        let fused = self.encoders.query(&self.backend, photo.as_ref(), words.as_ref())?;
        self.backend.read(&fused.query).await
    }

    /// Encodes one query, with its attention.
    pub async fn encode(&self, query: Query<'_>) -> Result<Encoded> {
        let mut asked = self.ask(query)?;
        let start = clock();
        let read = self.backend.read_all(&asked.tensors()).await?;
        asked.ms.fusion += clock() - start;
        self.answer(query, &asked, read)
    }

    /// The one search: reads what was typed, leaves out what it says, encodes the rest, and joins the nearest rows with
    /// what words name.
    ///
    /// # Errors
    /// [`Error::EmptyQuery`](crate::Error::EmptyQuery) where there is nothing to look for.
    pub async fn search<S: Searchable<B>>(&self, request: Request<'_>, place: &Place<'_, S>) -> Result<Response> {
        let typed = request.query.text.map(Typed::read).unwrap_or_default();
        let limits = place.relevance.filter(|_| request.mode != Mode::Words);
        let exclude = self.left_out(&typed.without, request.filter.exclude, place, limits).await?;
        let text = Some(typed.words.as_str()).filter(|words| !words.is_empty());
        let (query, filter) = (Query { text, ..request.query }, Filter { exclude: &exclude, ..request.filter });
        let photo = query.photo.is_some();
        let Some(shop) = place.shop.filter(|_| request.mode != Mode::Vector && text.is_some()) else {
            let near = self.nearest(query, filter, request.k, place.vectors).await?;
            let joined: Vec<Joined> = near.hits.iter().copied().map(Joined::of_vectors).collect();
            let familiar = match (place.shop, text) {
                (Some(shop), Some(text)) => Wanted::read(text, shop.index, true).familiar(),
                (None, Some(_)) => 0.5,
                _ => 1.0,
            };
            return Ok(Response { good: place.relevance.map(|limits| limits.good(&joined, familiar, photo)), ..near });
        };
        let reading = self.understood(shop.read(text.unwrap_or_default()));
        let wanted = Wanted::of(&reading, shop.index, true);
        let names = wanted.positive().any(|unit| unit.known && !unit.function) || !wanted.ids.is_empty();
        if !photo && request.product.is_none() && reading.says_nothing_known() && !names {
            // nearest products there always are, and they would be random ones
            return Ok(Response { reading, good: place.relevance.map(|_| 0), ..Response::default() });
        }
        let query = Query { text: text.map(|_| reading.for_encoder()), ..query };
        let near = match request.mode {
            Mode::Words => Response::default(),
            _ => self.nearest(query, filter, CANDIDATES.max(request.k).min(S::MOST), place.vectors).await?,
        };
        let evidence = match reference(request.product, near.encoded.looks.as_deref(), filter, shop)? {
            None => joined::of_text(shop.index, &wanted, &shop.weights),
            Some(reference) => joined::of_change(shop.index, &wanted, &reference, &shop.leaning(query.like).weights),
        };
        let vector = Some(near.encoded.vector.as_slice()).filter(|vector| !vector.is_empty());
        let joined = joined::join(&evidence, &near.hits, vector, shop.vectors, filter, request.k);
        let good = place.relevance.map(|limits| limits.good(&joined, wanted.familiar(), photo));
        Ok(Response { hits: joined.iter().map(|joined| joined.hit).collect(), good, joined, reading, ..near })
    }

    /// The rows nearest to a query's vector.
    async fn nearest<S: Searchable<B>>(
        &self,
        query: Query<'_>,
        filter: Filter<'_>,
        k: usize,
        vectors: &S,
    ) -> Result<Response> {
        let mut asked = self.ask(query)?;
        let start = clock();
        let Found { read, hits, ms } = vectors.find(&self.backend, &asked.tensors(), k, filter).await?;
        asked.ms.fusion += clock() - start - ms;
        let encoded = self.answer(query, &asked, read)?;
        Ok(Response { hits, encoded, search_ms: ms, ..Response::default() })
    }

    /// A reading without those unknown words that the text encoder knows as a whole.
    fn understood(&self, mut reading: Reading) -> Reading {
        match (self.standing_in(), &self.tokenizer) {
            (Some(instant), _) => reading.forget(|word| instant.knows(word)),
            (None, Some(tokenizer)) => reading.forget(|word| tokenizer.knows(word)),
            (None, None) => {}
        }
        reading
    }

    /// The rows that are not to be found: those given, those whose title or attributes hold a word to leave out, and of
    /// a word that no title knows, those that the search finds good matches for.
    async fn left_out<'a, S: Searchable<B>>(
        &self,
        without: &[String],
        given: &'a [u32],
        place: &Place<'_, S>,
        limits: Option<Relevance>,
    ) -> Result<Cow<'a, [u32]>> {
        let Some(shop) = place.shop.filter(|_| !without.is_empty()) else { return Ok(given.into()) };
        let mut rows = given.to_vec();
        for word in without {
            let held = shop.rows(word);
            rows.extend(&held);
            if let (true, Some(limits)) = (held.is_empty(), limits) {
                let encoded = self.encode(Query { text: Some(word), ..Query::default() }).await?;
                // all rows in memory: a device finds only so many at once
                let found = shop.vectors.top_k(&encoded.vector, place.rows, Filter::default())?;
                rows.extend(limits.described(&found).iter().map(|hit| hit.row));
            }
        }
        Ok(rows.into())
    }

    /// Everything of a query but the reading back, which is all that waits on some backends.
    fn ask(&self, query: Query<'_>) -> Result<Asked<B>> {
        let start = clock();
        if let (None, Some(text), Some(instant)) = (query.photo, query.words(), self.standing_in()) {
            let fused = Fused { query: instant.query(&self.backend, &[text])?, alpha: None, gamma: None, beta: None };
            let ms = Milliseconds { text: clock() - start, ..Milliseconds::default() };
            return Ok(Asked { fused, looks: None, tier: Tier::Instant, ms });
        }
        let patches = query.photo.map(|bytes| image::prepare(bytes, self.preprocess())).transpose()?;
        let decoded = clock();
        let photo = patches.map(|patches| self.photo(&[patches])).transpose()?;
        let seen = clock();
        let words = query.words().map(|text| self.words(&self.tokens(&[text])?)).transpose()?;
        let read = clock();
        let mut fused = self.encoders.query(&self.backend, photo.as_ref(), words.as_ref())?;
        if let (Some(photo), Some(words), Some(like)) = (&photo, &words, query.like) {
            fused.query = self.lean(fused.query, photo, words, like)?;
        }
        let looks = match (&photo, &words) {
            (Some(photo), Some(_)) => Some(self.encoders.catalog(&self.backend, photo)?),
            _ => None,
        };
        let fusion = clock() - read;
        Ok(Asked {
            fused,
            looks,
            tier: Tier::Full,
            ms: Milliseconds { decode: decoded - start, image: seen - decoded, text: read - seen, fusion },
        })
    }

    /// The numbers of [`Asked::tensors`] → an answer.
    fn answer(&self, query: Query<'_>, asked: &Asked<B>, read: Vec<Vec<f32>>) -> Result<Encoded> {
        let mut read = read.into_iter();
        let mut next = |there: bool| if there { read.next() } else { None };
        let fused = &asked.fused;
        let (vector, tier) = (next(true).unwrap_or_default(), Some(asked.tier));
        let mut encoded = Encoded { vector, tier, ms: asked.ms, ..Encoded::default() };
        encoded.photo = next(fused.alpha.is_some());
        if let (Some(gamma), Some(text)) = (next(fused.gamma.is_some()), query.words()) {
            encoded.words = Some(self.word_weights(text, &gamma)?);
        }
        encoded.modalities = next(fused.beta.is_some()).and_then(|beta| beta.try_into().ok());
        encoded.looks = next(asked.looks.is_some());
        Ok(encoded)
    }

    /// Moves a fused vector towards the photo alone (`like` > ½) or the words alone (`like` < ½).
    fn lean(&self, fused: B::Tensor, photo: &Seen<B>, words: &Read<B>, like: f32) -> Result<B::Tensor> {
        let share = (like.clamp(0.0, 1.0) - 0.5) * 2.0;
        if share == 0.0 || share.is_nan() {
            return Ok(fused);
        }
        let (b, encoders) = (&self.backend, &self.encoders);
        let pole = match share > 0.0 {
            true => encoders.catalog(b, photo)?,
            false => encoders.query(b, None, Some(words))?.query,
        };
        let shape = b.shape(&fused);
        let weight = |w: f32| b.tensor(&vec![w; shape.iter().product()], &shape);
        let kept = b.mul(&fused, &weight(1.0 - share.abs())?)?;
        b.normalize(&b.add(&kept, &b.mul(&pole, &weight(share.abs())?)?)?)
    }

    fn photo(&self, patches: &[Vec<f32>]) -> Result<Seen<B>> {
        let p = self.preprocess();
        let (n, length) = (p.grid() * p.grid(), 3 * p.patch * p.patch);
        let patches = self.backend.tensor(&patches.concat(), &[patches.len(), n, length])?;
        self.encoders.photo(&self.backend, &patches)
    }

    fn tokens(&self, texts: &[&str]) -> Result<Tokens> {
        self.tokenizer.as_ref().ok_or_else(|| not_loaded("tokenizer"))?.read(texts)
    }

    fn words(&self, tokens: &Tokens) -> Result<Read<B>> {
        self.encoders.words(&self.backend, tokens)
    }

    /// Attention of whole words: tokens joined, special tokens left out.
    fn word_weights(&self, text: &str, gamma: &[f32]) -> Result<Vec<(String, f32)>> {
        let tokenizer = self.tokenizer.as_ref().ok_or_else(|| not_loaded("tokenizer"))?;
        let mut words: Vec<(String, f32)> = Vec::new();
        for (token, &weight) in tokenizer.tokens(text)?.iter().zip(gamma) {
            match words.last_mut().filter(|_| token.continues) {
                Some((word, sum)) => {
                    word.push_str(&token.text);
                    *sum += weight;
                }
                None if token.text.is_empty() => {}
                None => words.push((token.text.clone(), weight)),
            }
        }
        Ok(words)
    }
}

/// What is known of the product, or of the photo with the vector `looks`, that a text changes; nothing for a text alone.
fn reference(
    product: Option<u32>,
    looks: Option<&[f32]>,
    filter: Filter<'_>,
    shop: Shop<'_>,
) -> Result<Option<Reference>> {
    Ok(match (product, looks) {
        (Some(row), _) => Some(Reference::product(shop.index, row)),
        (None, Some(looks)) => {
            let near = shop.vectors.top_k(looks, shop.weights.voters, Filter { only: None, ..filter })?;
            Some(Reference::photo(shop.index, &near, &shop.weights))
        }
        (None, None) => None,
    })
}
