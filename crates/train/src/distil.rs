//! `vitrine train --distil-text`: the instant text tier out of the model's own text encoder.
//!
//! 1. Texts: titles, phrases made of attributes, captions of changes, and the tokenizer's single words.
//! 2. Teacher: the full encoder's query vectors y of the texts, and its catalog vectors g of some photos.
//! 3. Vocabulary: the tokens that the texts use most. The table starts at the mean of the vectors y of a token's texts.
//! 4. Loss of a text with the tier's vector q: (1 − q·y) + λ·KL(softmax(y·g/τ) ‖ softmax(q·g/τ)) over a draw of photos:
//!    the vector itself, and how it ranks photos (as rankings are distilled: Tang and Wang, 2018). AdamW on the tape.

use super::batch::look;
use super::data::{Data, Origin, Split};
use super::gemm::Precision;
use super::kernels::mm;
use super::params::{AdamW, Group, Params};
use super::phrases;
use super::tape::{Pool, Scope, Tape};
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use vitrine::backend::Backend;
use vitrine::backend::cpu::Cpu;
use vitrine::convert::trim_tokenizer;
use vitrine::engine::Engine;
use vitrine::error::{Error, Result};
use vitrine::model::instant::{self, Bag, LAYER, TABLE};
use vitrine::print;
use vitrine::text::{Tokenizer, Tokens};
use vitrine::weights::{Checkpoint, Stored};

/// Settings of a distillation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Tokens of the table.
    pub tokens: usize,
    /// Features inside the layer.
    pub inner: usize,
    /// Steps.
    pub steps: u64,
    /// Texts a step.
    pub batch: usize,
    /// Photos that texts are ranked on in a step.
    pub gallery: usize,
    /// Highest learning rate.
    pub rate: f32,
    /// Seed of everything drawn.
    pub seed: u64,
}

/// τ: the temperature at which rankings are compared.
const TEMPERATURE: f32 = 0.05;
/// λ: what rankings count beside the vectors themselves.
const RANKING: f32 = 5.0;
/// How often a phrase is seen for each time that a title is: phrases are what shoppers type.
const PHRASES: usize = 3;
/// Captions of changes that are looked at.
const CAPTIONS: usize = 3000;
/// Texts or photos that the teacher encodes at once.
const PART: usize = 32;
/// Steps over which the rate rises.
const WARM_UP: f32 = 50.0;
/// Titles of val that the tier is measured on.
const MEASURED: usize = 1000;

/// What came out.
#[derive(Debug, serde::Serialize)]
pub struct Figures {
    /// Texts that it learnt from.
    pub texts: usize,
    /// Photos that texts were ranked on.
    pub photos: usize,
    /// Tokens of its table.
    pub tokens: usize,
    /// Length of the file.
    pub bytes: usize,
    /// Mean cosine with the full encoder's vectors of titles of val.
    pub cosine: f32,
}

/// Makes the file of the instant tier.
///
/// # Errors
/// [`Error::Model`] for a model that reads no words, [`Error::Argument`] where there is nothing to learn from.
pub fn distil(teacher: &Engine<Cpu>, tokenizer: &[u8], data: &Data, settings: &Settings) -> Result<(Vec<u8>, Figures)> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let (d, most) = (teacher.description().dimension, teacher.description().max_tokens);
    let full = Tokenizer::from_json(tokenizer, most)?;
    let (texts, weights) = texts(data, tokenizer, &full, &mut rng)?;
    print::note(format_args!("{} texts and some photos through the full encoder", texts.len()));
    let wanted = vectors(teacher, &texts)?;
    let gallery = gallery(teacher, data)?;
    let small = trim_tokenizer(tokenizer, settings.tokens, &counts(&full, &texts)?)?;
    let tokenizer = Tokenizer::from_json(&small, most)?;
    let read: Vec<Vec<u32>> =
        texts.iter().map(|text| Ok(tokenizer.read(&[text.as_str()])?.ids)).collect::<Result<_>>()?;
    let lesson = Lesson { d, read, wanted, gallery, weights };
    let trained = lesson.learn(start(&small, &lesson, settings, &mut rng)?, settings, &mut rng)?;
    let bytes = instant::write(&teacher.description().fingerprint, &small, &trained)?;
    let figures = Figures {
        texts: texts.len(),
        photos: lesson.gallery.len() / d,
        tokens: trained.get(TABLE)?.matrix.rows,
        bytes: bytes.len(),
        cosine: agreement(teacher, &bytes, data)?,
    };
    Ok((bytes, figures))
}

/// The texts to learn from, and how often each is seen.
fn texts(data: &Data, file: &[u8], tokenizer: &Tokenizer, rng: &mut ChaCha8Rng) -> Result<(Vec<String>, Vec<usize>)> {
    let train: Vec<usize> = (0..data.items.len()).filter(|&i| data.items[i].split == Split::Train).collect();
    let titles: BTreeSet<String> = train.iter().map(|&i| data.items[i].title.clone()).collect();
    let products = train.iter().filter(|&&i| data.items[i].origin == Origin::Product);
    let phrases: BTreeSet<String> = products
        .filter_map(|&i| Some(phrases::phrase(data, i, rng)?.0))
        .filter(|text| !titles.contains(text))
        .collect();
    let captions: Vec<&String> = data.pairs.iter().flatten().collect();
    let captions: BTreeSet<String> = captions.choose_multiple(rng, CAPTIONS).map(|text| (*text).clone()).collect();
    let json: serde_json::Value = serde_json::from_slice(file).unwrap_or_default();
    let vocab = json["model"]["vocab"].as_object().into_iter().flatten().map(|(word, _)| word);
    let words = vocab.filter(|word| word.chars().count() > 1 && word.chars().all(char::is_alphanumeric)).cloned();
    let all = [(titles, 1), (phrases, PHRASES), (captions, 1), (words.collect(), 1)];
    let all = all.into_iter().flat_map(|(texts, seen)| texts.into_iter().map(move |text| (text, seen)));
    let (texts, seen): (Vec<_>, Vec<_>) = all.filter(|(text, _)| tokenizer.read(&[text.as_str()]).is_ok()).unzip();
    match texts.is_empty() {
        true => Err(Error::Argument("distilling: expected texts to learn from, got none; give --data".into())),
        false => Ok((texts, seen)),
    }
}

/// The full encoder's query vectors `[texts, d]`, texts of like length together.
fn vectors(teacher: &Engine<Cpu>, texts: &[String]) -> Result<Vec<f32>> {
    let d = teacher.description().dimension;
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&i| texts[i].len());
    let mut out = vec![0.0; texts.len() * d];
    for part in order.chunks(PART) {
        let texts: Vec<&str> = part.iter().map(|&i| texts[i].as_str()).collect();
        let vectors = pollster::block_on(teacher.query_vectors(None, Some(&texts)))?;
        part.iter().zip(vectors.chunks_exact(d)).for_each(|(&i, v)| out[i * d..][..d].copy_from_slice(v));
    }
    Ok(out)
}

/// Catalog vectors `[photos, d]` of train items whose photos were read.
fn gallery(teacher: &Engine<Cpu>, data: &Data) -> Result<Vec<f32>> {
    let seen = |i: &usize| data.items[*i].split == Split::Train && !data.items[*i].photos.is_empty();
    let items: Vec<usize> = (0..data.items.len()).filter(seen).collect();
    let mut out = Vec::new();
    for part in items.chunks(PART) {
        let look = |&i: &usize| look(&data.items[i], teacher.preprocess(), None::<&mut ChaCha8Rng>);
        let patches: Vec<Vec<f32>> = part.par_iter().map(look).collect();
        out.extend(pollster::block_on(teacher.catalog_vectors(&patches))?);
    }
    match out.is_empty() {
        true => Err(Error::Argument("distilling: expected photos to rank, got none; give --data with photos".into())),
        false => Ok(out),
    }
}

/// How often the texts use each token.
fn counts(tokenizer: &Tokenizer, texts: &[String]) -> Result<HashMap<u32, u64>> {
    let mut counts = HashMap::new();
    for text in texts {
        tokenizer.read(&[text.as_str()])?.ids.iter().for_each(|&id| *counts.entry(id).or_insert(0) += 1);
    }
    Ok(counts)
}

/// The weights before the first step: a token's vector is the mean of its texts' vectors, and the layer adds nothing yet.
fn start(tokenizer: &[u8], lesson: &Lesson, settings: &Settings, rng: &mut impl Rng) -> Result<Checkpoint> {
    let json: serde_json::Value = serde_json::from_slice(tokenizer).unwrap_or_default();
    let rows = json["model"]["vocab"].as_object().map_or(0, serde_json::Map::len);
    let (d, inner) = (lesson.d, settings.inner);
    let mut table = vec![0.0; rows * d];
    for (ids, wanted) in lesson.read.iter().zip(lesson.wanted.chunks_exact(d)) {
        for &id in ids {
            table[id as usize * d..][..d].iter_mut().zip(wanted).for_each(|(sum, y)| *sum += y);
        }
    }
    for row in table.chunks_exact_mut(d) {
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= length.max(1e-6));
    }
    // a unit vector's numbers are small: with weights of this size its sums reach where the GELU bends
    let limit = 4.0 / (d as f32).sqrt();
    let first = (0..inner * d).map(|_| rng.random_range(-limit..limit)).collect();
    let mut weights = Checkpoint::default();
    let [fc1, fc2] = LAYER;
    for (name, values, shape) in [
        (TABLE.to_string(), table, vec![rows, d]),
        (format!("{fc1}.weight"), first, vec![inner, d]),
        (format!("{fc1}.bias"), vec![0.0; inner], vec![inner]),
        (format!("{fc2}.weight"), vec![0.0; d * inner], vec![d, inner]),
        (format!("{fc2}.bias"), vec![0.0; d], vec![d]),
    ] {
        weights.tensors.insert(name, Stored::from_f32(values, &shape)?);
    }
    Ok(weights)
}

/// What is learnt from.
struct Lesson {
    /// Length of a vector.
    d: usize,
    /// Tokens of each text.
    read: Vec<Vec<u32>>,
    /// The teacher's vectors of them, `[texts, d]`.
    wanted: Vec<f32>,
    /// The teacher's vectors of photos, `[photos, d]`.
    gallery: Vec<f32>,
    /// How often each text is seen.
    weights: Vec<usize>,
}

/// Prefix of the parameters.
const PREFIX: &str = "instant";

impl Lesson {
    /// Takes all steps.
    fn learn(&self, weights: Checkpoint, settings: &Settings, rng: &mut ChaCha8Rng) -> Result<Checkpoint> {
        let sizes = [weights.get(TABLE)?.matrix.rows, self.d, settings.inner];
        let mut params = Params::new(Precision::F32);
        params.take(PREFIX, Group::Text, &weights);
        let (mut adam, pool) = (AdamW::new(&params, 0.0, f32::INFINITY, 0.99), Arc::<Pool>::default());
        let (mut grads, mut deck, mut loss) = (params.zeros(), Vec::new(), 0.0);
        for step in 0..settings.steps {
            if deck.len() < settings.batch {
                deck = (0..self.read.len()).flat_map(|i| std::iter::repeat_n(i, self.weights[i])).collect();
                deck.shuffle(rng);
            }
            let texts = deck.split_off(deck.len().saturating_sub(settings.batch));
            let photos = self.draw(settings.gallery, rng);
            grads.iter_mut().for_each(|grad| grad.fill(0.0));
            let now = self.step(&params, &pool, sizes, &texts, &photos, &mut grads)?;
            loss = if step == 0 { now } else { 0.98 * loss + 0.02 * now };
            let done = step as f32 / settings.steps as f32;
            let rate = settings.rate * (1.0 - done) * ((step + 1) as f32 / WARM_UP).min(1.0);
            adam.update(&mut params, &grads, |_| rate);
            if (step + 1) % 250 == 0 {
                print::note(format_args!("step {} of {}: loss {loss:.4}", step + 1, settings.steps));
            }
        }
        params.give(PREFIX, |i| adam.ema[i].clone())
    }

    /// Vectors `[count, d]` of photos drawn without repetition.
    fn draw(&self, count: usize, rng: &mut impl Rng) -> Vec<f32> {
        let all = self.gallery.len() / self.d;
        let drawn = rand::seq::index::sample(rng, all, count.min(all));
        drawn.iter().flat_map(|i| self.gallery[i * self.d..][..self.d].iter().copied()).collect()
    }

    /// Adds the gradients of one step, and gives its loss.
    fn step(
        &self,
        params: &Params,
        pool: &Arc<Pool>,
        sizes: [usize; 3],
        texts: &[usize],
        photos: &[f32],
        grads: &mut [Vec<f32>],
    ) -> Result<f32> {
        let tape = Tape::new(pool.clone(), params.precision, true);
        let bag = Bag::load(&tape, &Scope { params, prefix: PREFIX }, sizes)?;
        let query = bag.query(&tape, &padded(texts.iter().map(|&i| self.read[i].as_slice()).collect()))?;
        let d = self.d;
        let wanted: Vec<f32> = texts.iter().flat_map(|&i| &self.wanted[i * d..][..d]).copied().collect();
        let (loss, grad) = loss(&query, &wanted, photos, d);
        tape.backward(vec![(query, &grad)], grads);
        Ok(loss)
    }
}

/// Texts of many lengths as one batch.
fn padded(texts: Vec<&[u32]>) -> Tokens {
    let (rows, length) = (texts.len(), texts.iter().map(|ids| ids.len()).max().unwrap_or(0));
    let mut tokens = Tokens { ids: vec![0; rows * length], mask: vec![0.0; rows * length], rows, length };
    for (row, ids) in texts.iter().enumerate() {
        tokens.ids[row * length..][..ids.len()].copy_from_slice(ids);
        tokens.mask[row * length..][..ids.len()].fill(1.0);
    }
    tokens
}

/// Texts whose rankings are compared on one thread.
const LANE: usize = 64;

/// The mean loss of vectors `got` `[texts, d]` beside `wanted`, ranked on `photos` `[photos, d]`, and its gradient.
fn loss(got: &[f32], wanted: &[f32], photos: &[f32], d: usize) -> (f32, Vec<f32>) {
    let (count, n) = (got.len() / d, photos.len() / d);
    let mut transposed = vec![0.0; d * n];
    for (j, photo) in photos.chunks_exact(d).enumerate() {
        photo.iter().enumerate().for_each(|(f, x)| transposed[f * n + j] = *x);
    }
    let mut grad = vec![0.0; got.len()];
    let lanes = grad.par_chunks_mut(LANE * d).zip(got.par_chunks(LANE * d).zip(wanted.par_chunks(LANE * d)));
    let losses: Vec<f64> = lanes
        .map(|(grad, (got, wanted))| {
            let m = got.len() / d;
            let scores = |x: &[f32]| {
                let mut scores = vec![0.0; m * n];
                mm([m, n, d], (x, d, 1), (&transposed, n), (&mut scores, n), false);
                scores
            };
            let (mut ours, theirs) = (scores(got), scores(wanted));
            let rows = ours.chunks_exact_mut(n).zip(theirs.chunks_exact(n));
            let ranking: f64 = rows.map(|(ours, theirs)| divergence(ours, theirs)).sum();
            mm([m, d, n], (&ours, n, 1), (photos, d), (grad, d), false);
            let scale = RANKING / TEMPERATURE;
            grad.iter_mut().zip(wanted).for_each(|(g, y)| *g = (scale * *g - y) / count as f32);
            let cosines: f64 = got.iter().zip(wanted).map(|(q, y)| f64::from(q * y)).sum();
            m as f64 - cosines + f64::from(RANKING) * ranking
        })
        .collect();
    ((losses.iter().sum::<f64>() / count as f64) as f32, grad)
}

/// KL(softmax(theirs/τ) ‖ softmax(ours/τ)); `ours` becomes its gradient, times τ.
fn divergence(ours: &mut [f32], theirs: &[f32]) -> f64 {
    let logarithms = |scores: &[f32]| -> Vec<f64> {
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let scaled: Vec<f64> = scores.iter().map(|s| f64::from((s - most) / TEMPERATURE)).collect();
        let total = scaled.iter().map(|s| s.exp()).sum::<f64>().ln();
        scaled.into_iter().map(|s| s - total).collect()
    };
    let (log_ours, log_theirs) = (logarithms(ours), logarithms(theirs));
    let mut sum = 0.0;
    for ((ours, q), p) in ours.iter_mut().zip(log_ours).zip(log_theirs) {
        sum += p.exp() * (p - q);
        *ours = (q.exp() - p.exp()) as f32;
    }
    sum
}

/// Mean cosine of the tier, as its file gives it, with the full encoder on titles of val; 0 where there are none.
fn agreement(teacher: &Engine<Cpu>, bytes: &[u8], data: &Data) -> Result<f32> {
    let val = data.items.iter().filter(|item| item.split == Split::Val).map(|item| item.title.clone());
    let titles: Vec<String> = val.collect::<BTreeSet<String>>().into_iter().take(MEASURED).collect();
    let (b, d) = (Cpu::new(), teacher.description().dimension);
    let tier = instant::Instant::load(&b, bytes, teacher.description())?;
    let mut sum = 0.0;
    for (title, wanted) in titles.iter().zip(vectors(teacher, &titles)?.chunks_exact(d)) {
        let got = pollster::block_on(b.read(&tier.query(&b, &[title.as_str()])?))?;
        sum += got.iter().zip(wanted).map(|(a, b)| a * b).sum::<f32>();
    }
    Ok(sum / titles.len().max(1) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::noise;

    #[test]
    fn the_gradient_of_the_loss_is_its_finite_differences() {
        let (d, texts, photos) = (6, 3, 5);
        let unit = |mut x: Vec<f32>| {
            for row in x.chunks_exact_mut(d) {
                let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
                row.iter_mut().for_each(|x| *x /= length);
            }
            x
        };
        let [got, wanted] = [1.0, 2.0].map(|seed| unit(noise(texts * d, seed)));
        let photos = unit(noise(photos * d, 3.0));
        let (value, grad) = loss(&got, &wanted, &photos, d);
        assert!(value > 0.0 && loss(&wanted, &wanted, &photos, d).0.abs() < 1e-4, "it is least where they agree");
        for i in 0..got.len() {
            let at = |by: f32| {
                let mut moved = got.clone();
                moved[i] += by;
                f64::from(loss(&moved, &wanted, &photos, d).0)
            };
            let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
            let scale = grad.iter().fold(0.0f32, |most, g| most.max(g.abs()));
            assert!((slope - f64::from(grad[i])).abs() < 0.03 * f64::from(scale), "{i}: {slope} {}", grad[i]);
        }
    }

    #[test]
    fn padding_is_masked() {
        let tokens = padded(vec![&[2, 7, 3], &[2, 3]]);
        assert_eq!((tokens.rows, tokens.length, tokens.ids), (2, 3, vec![2, 7, 3, 2, 3, 0]));
        assert_eq!(tokens.mask, [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    }
}
