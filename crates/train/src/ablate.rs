//! What each part of the fusion head is worth: heads trained on frozen, cached features and measured on val.
//!
//! Encoders run once over the photos and captions that take part; each variant then trains in minutes.

use super::batch::look;
use super::data::{Composed, Data, Origin, Split};
use super::loss::{Relation, contrast};
use super::net::{Bound, Net};
use super::params::{AdamW, Group, Params};
use super::tape::{Scope, Tape, Tensor};
use super::validate::{Gallery, share};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::collections::HashMap;
use vitrine::backend::{Activation, Backend};
use vitrine::convert::{Model, initial_fusion};
use vitrine::error::{Error, Result};
use vitrine::model::layers::{LayerNorm, Linear, Mlp};
use vitrine::weights::{Checkpoint, Stored};

/// A way to make one query vector of a photo and a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// ī: the photo alone.
    Image,
    /// t̄: the words alone.
    Text,
    /// (ī + t̄) / 2.
    Mean,
    /// Attention over the two vectors ī and t̄.
    TwoVectors,
    /// c: attention over the tokens of both, without gate and MLP.
    Tokens,
    /// The whole head without its gate.
    NoGate,
    /// The whole head without its MLP.
    NoMlp,
    /// The whole head.
    Whole,
}

impl Variant {
    /// All variants, in the order of the table.
    pub const ALL: [Self; 8] =
        [Self::Image, Self::Text, Self::Mean, Self::TwoVectors, Self::Tokens, Self::NoGate, Self::NoMlp, Self::Whole];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image only",
            Self::Text => "text only",
            Self::Mean => "mean",
            Self::TwoVectors => "two-vector attention",
            Self::Tokens => "token attention",
            Self::NoGate => "without gate",
            Self::NoMlp => "without MLP",
            Self::Whole => "whole head",
        }
    }
}

/// Settings of an ablation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Composed queries to learn from.
    pub queries: usize,
    /// Steps of each variant.
    pub steps: u64,
    /// Queries a step.
    pub batch: usize,
    /// Seed of everything drawn.
    pub seed: u64,
}

/// Shares of val queries with a hit in the top 1, 10 and 50.
pub type Row = (&'static str, [f32; 3]);

/// Encoder tokens of photos and captions, by number.
struct Features {
    /// Photos, `[1 + n, d_image]` each.
    photos: HashMap<usize, Vec<f32>>,
    /// Captions, `[length, d_text]` each, of training and of val queries.
    texts: [Vec<Vec<f32>>; 2],
}

const PART: usize = 32;

/// Trains and measures every variant on the features of `model`'s encoders.
pub fn ablate(model: &Model, data: &Data, settings: &Settings) -> Result<Vec<Row>> {
    let net = Net::new(model)?;
    let params = net.params(model, super::gemm::Precision::fastest(), 0.07);
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    if data.train.is_empty() || data.val.is_empty() {
        return Err(Error::Argument("ablating: expected composed queries, got none; give --data products=DIR".into()));
    }
    // one target each, so that few photos need encoding
    let asked: Vec<Composed> = data
        .train
        .choose_multiple(&mut rng, settings.queries)
        .map(|q| Composed { targets: q.targets.choose(&mut rng.clone()).into_iter().copied().collect(), ..q.clone() })
        .collect();
    let features = Features::new(&net, &params, data, &asked)?;
    let mut rows = Vec::new();
    for variant in Variant::ALL {
        let trained = train(&net, variant, data, &asked, &features, settings)?;
        rows.push((variant.name(), measure(&net, &trained, variant, data, &features)?));
        if let Some((name, [r1, r10, r50])) = rows.last() {
            vitrine::print::note(format_args!("{name}: R@1 {r1:.3} R@10 {r10:.3} R@50 {r50:.3}"));
        }
    }
    Ok(rows)
}

impl Features {
    fn new(net: &Net, params: &Params, data: &Data, asked: &[Composed]) -> Result<Self> {
        let mut wanted: Vec<usize> = asked.iter().flat_map(|q| [q.reference, q.targets[0]]).collect();
        wanted.extend(data.pick(Origin::Product, Split::Val));
        wanted.sort_unstable();
        wanted.dedup();
        let encode = |items: &[usize]| -> Result<Vec<(usize, Vec<f32>)>> {
            let patches: Vec<f32> =
                items.iter().flat_map(|&i| look(&data.items[i], &net.preprocess, None::<&mut ChaCha8Rng>)).collect();
            let tokens = Bound::new(net, params, false)?.photo_tokens(&patches)?;
            let length = tokens.len() / items.len();
            Ok(items.iter().copied().zip(tokens.chunks_exact(length).map(<[f32]>::to_vec)).collect())
        };
        let photos = wanted.par_chunks(PART).map(encode).collect::<Result<Vec<_>>>()?;
        let read = |queries: &[Composed]| -> Result<Vec<Vec<f32>>> {
            let texts: Vec<String> = queries.iter().map(|q| q.captions.join(", ")).collect();
            let part = |texts: &[String]| -> Result<Vec<Vec<f32>>> {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let (tokens, mask) = Bound::new(net, params, false)?.text_tokens(&texts)?;
                let (n, d) = (mask.len() / texts.len(), net.text.hidden_size);
                let own = |(tokens, mask): (&[f32], &[f32])| tokens[..mask.iter().sum::<f32>() as usize * d].to_vec();
                Ok(tokens.chunks_exact(n * d).zip(mask.chunks_exact(n)).map(own).collect())
            };
            Ok(texts.par_chunks(PART).map(part).collect::<Result<Vec<_>>>()?.concat())
        };
        let texts = [read(asked)?, read(&data.val)?];
        Ok(Self { photos: photos.into_iter().flatten().collect(), texts })
    }

    fn photos_of(&self, items: impl Iterator<Item = usize>) -> Vec<f32> {
        items.filter_map(|i| self.photos.get(&i)).flatten().copied().collect()
    }

    /// Token arrays padded to one length, and their mask.
    fn texts_of(&self, split: usize, rows: &[usize], d: usize) -> (Vec<f32>, Vec<f32>) {
        let all = &self.texts[split];
        let n = rows.iter().map(|&r| all[r].len() / d).max().unwrap_or(1);
        let (mut tokens, mut mask) = (vec![0.0; rows.len() * n * d], vec![0.0; rows.len() * n]);
        for (i, &r) in rows.iter().enumerate() {
            tokens[i * n * d..][..all[r].len()].copy_from_slice(&all[r]);
            mask[i * n..][..all[r].len() / d].fill(1.0);
        }
        (tokens, mask)
    }
}

/// A head whose query is made as a variant says.
struct Head {
    image: (Linear<Tape>, LayerNorm<Tape>),
    text: (Linear<Tape>, LayerNorm<Tape>),
    pool: (Linear<Tape>, Tensor),
    w: [Linear<Tape>; 3],
    u: [Linear<Tape>; 2],
    v: Tensor,
    gate: Linear<Tape>,
    mlp: Mlp<Tape>,
}

impl Head {
    fn load(b: &Tape, params: &Params, net: &Net) -> Result<Self> {
        let (w, d) = (Scope { params, prefix: "fusion" }, net.fusion.dimension);
        let (image, text, eps) = (net.image.hidden_size, net.text.hidden_size, net.fusion.layer_norm_eps);
        let vector = |name: &str| vitrine::backend::weights::Weights::<Tape>::vector(&w, b, name, &[d]);
        let square = |name: &str| Linear::load(b, &w, name, d, d);
        Ok(Self {
            image: (
                Linear::load_unbiased(b, &w, "image.proj", image, d)?,
                LayerNorm::load(b, &w, "image.norm", d, eps)?,
            ),
            text: (Linear::load_unbiased(b, &w, "text.proj", text, d)?, LayerNorm::load(b, &w, "text.norm", d, eps)?),
            pool: (square("pool.w")?, vector("pool.v")?),
            w: [square("attention.w1")?, square("attention.w2")?, square("attention.w3")?],
            u: [
                Linear::load_unbiased(b, &w, "attention.u1", d, d)?,
                Linear::load_unbiased(b, &w, "attention.u2", d, d)?,
            ],
            v: vector("attention.v")?,
            gate: Linear::load(b, &w, "gate", 2 * d, d)?,
            mlp: Mlp::load(b, &w, "mlp.fc1", "mlp.fc2", [2 * d, 2 * d, d])?,
        })
    }

    /// Encoder tokens `[b, 1 + n, d_image]` → h `[b, n, d]` and ī `[b, d]`.
    fn photo(&self, b: &Tape, tokens: &Tensor) -> Result<(Tensor, Tensor)> {
        let x = self.image.0.forward(b, &b.skip(tokens, 1)?, Activation::None)?;
        let h = self.image.1.forward(b, &x)?;
        let keys = self.pool.0.forward(b, &h, Activation::None)?;
        let pooled = b.additive_pool(&keys, None, &self.pool.1, &h, None)?.0;
        Ok((h, pooled))
    }

    fn query(
        &self,
        b: &Tape,
        variant: Variant,
        photo: &(Tensor, Tensor),
        tokens: &Tensor,
        mask: &Tensor,
    ) -> Result<Tensor> {
        let w = self.text.1.forward(b, &self.text.0.forward(b, tokens, Activation::None)?)?;
        let (h, pooled) = photo;
        let mean = b.masked_mean(&w, mask)?;
        let weigh = |x: &Tensor, y: &Tensor| -> Result<Tensor> {
            let both = b.stack(x, y)?;
            Ok(b.additive_pool(&self.w[2].forward(b, &both, Activation::None)?, None, &self.v, &both, None)?.0)
        };
        let simple = match variant {
            Variant::Image => Some(pooled.clone()),
            Variant::Text => Some(mean.clone()),
            Variant::Mean => Some(b.add(pooled, &mean)?),
            Variant::TwoVectors => Some(weigh(pooled, &mean)?),
            _ => None,
        };
        if let Some(query) = simple {
            return b.normalize(&query);
        }
        let linear = |l: &Linear<Tape>, x: &Tensor| l.forward(b, x, Activation::None);
        let c_i = b.additive_pool(&linear(&self.w[0], h)?, Some(&linear(&self.u[0], &mean)?), &self.v, h, None)?.0;
        let keys = linear(&self.w[1], &w)?;
        let c_t = b.additive_pool(&keys, Some(&linear(&self.u[1], pooled)?), &self.v, &w, Some(mask))?.0;
        let mut query = weigh(&c_i, &c_t)?;
        let joined = b.concat(&c_i, &c_t)?;
        if matches!(variant, Variant::NoGate | Variant::Whole) {
            query = b.add(&query, &self.mlp.forward(b, &joined)?)?;
        }
        if matches!(variant, Variant::NoMlp | Variant::Whole) {
            let gate = self.gate.forward(b, &joined, Activation::Sigmoid)?;
            query = b.add(&query, &b.mul(&gate, pooled)?)?;
        }
        b.normalize(&query)
    }
}

/// Trains one variant's head from scratch.
fn train(
    net: &Net,
    variant: Variant,
    data: &Data,
    asked: &[Composed],
    features: &Features,
    settings: &Settings,
) -> Result<Params> {
    let mut params = Params::new(super::gemm::Precision::fastest());
    let (image, text, d) = (net.image.hidden_size, net.text.hidden_size, net.fusion.dimension);
    params.take("fusion", Group::Head, &initial_fusion(&net.fusion, image, text, settings.seed)?);
    let mut scale = Checkpoint::default();
    scale.tensors.insert("log_scale".into(), Stored::from_f32(vec![(1.0f32 / 0.07).ln()], &[1])?);
    params.take("loss", Group::Head, &scale);
    let at = params.find("loss/log_scale")?;
    let mut optimizer = AdamW::new(&params, 0.01, 1.0, 0.98);
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    for step in 0..settings.steps {
        let rows: Vec<usize> = (0..settings.batch).map(|_| rng.random_range(0..asked.len())).collect();
        let tape = Tape::new(net.pool.clone(), params.precision, true);
        let head = Head::load(&tape, &params, net)?;
        let tensor = |items: Vec<f32>| tape.tensor(&items, &[rows.len(), items.len() / rows.len() / image, image]);
        let references = head.photo(&tape, &tensor(features.photos_of(rows.iter().map(|&r| asked[r].reference)))?)?;
        let targets = head.photo(&tape, &tensor(features.photos_of(rows.iter().map(|&r| asked[r].targets[0])))?)?;
        let (tokens, mask) = features.texts_of(0, &rows, text);
        let n = mask.len() / rows.len();
        let (tokens, mask) = (tape.tensor(&tokens, &[rows.len(), n, text])?, tape.tensor(&mask, &[rows.len(), n])?);
        let query = head.query(&tape, variant, &references, &tokens, &mask)?;
        let catalog = tape.normalize(&targets.1)?;
        let same = |q: usize, t: usize| {
            let (a, b) = (asked[q].targets[0], asked[t].targets[0]);
            if a == b || data.items[a].attributes == data.items[b].attributes {
                Relation::Positive
            } else {
                Relation::Negative
            }
        };
        let relation: Vec<Relation> = rows.iter().flat_map(|&q| rows.iter().map(move |&t| same(q, t))).collect();
        let loss = contrast(&query, &catalog, d, params.list[at].value[0], &relation);
        let mut grads = params.zeros();
        tape.backward(vec![(query, &loss.d_queries), (catalog, &loss.d_gallery)], &mut grads);
        grads[at][0] += loss.d_log_scale;
        let progress = step as f64 / settings.steps as f64;
        let factor = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()) as f32;
        optimizer.update(&mut params, &grads, |_| 1e-3 * factor);
    }
    Ok(params)
}

/// Recall of a trained head on val.
fn measure(net: &Net, params: &Params, variant: Variant, data: &Data, features: &Features) -> Result<[f32; 3]> {
    let items = data.pick(Origin::Product, Split::Val);
    let (image, text, d) = (net.image.hidden_size, net.text.hidden_size, net.fusion.dimension);
    let photo = |b: &Tape, head: &Head, items: &[usize]| -> Result<(Tensor, Tensor)> {
        let tokens = features.photos_of(items.iter().copied());
        head.photo(b, &b.tensor(&tokens, &[items.len(), tokens.len() / items.len() / image, image])?)
    };
    let catalog = |items: &[usize]| -> Result<Vec<f32>> {
        let tape = Tape::new(net.pool.clone(), params.precision, false);
        let head = Head::load(&tape, params, net)?;
        Ok(tape.normalize(&photo(&tape, &head, items)?.1)?.to_vec())
    };
    let vectors = items.par_chunks(PART).map(catalog).collect::<Result<Vec<_>>>()?.concat();
    let numbers: Vec<usize> = (0..data.val.len()).collect();
    let ask = |rows: &[usize]| -> Result<Vec<f32>> {
        let tape = Tape::new(net.pool.clone(), params.precision, false);
        let head = Head::load(&tape, params, net)?;
        let references: Vec<usize> = rows.iter().map(|&r| data.val[r].reference).collect();
        let (tokens, mask) = features.texts_of(1, rows, text);
        let n = mask.len() / rows.len();
        let (tokens, mask) = (tape.tensor(&tokens, &[rows.len(), n, text])?, tape.tensor(&mask, &[rows.len(), n])?);
        Ok(head.query(&tape, variant, &photo(&tape, &head, &references)?, &tokens, &mask)?.to_vec())
    };
    let queries = numbers.par_chunks(PART).map(ask).collect::<Result<Vec<_>>>()?.concat();
    let gallery = Gallery::of(items, &vectors, d);
    let hit = |q: usize, i: usize| data.val[q].targets.contains(&i);
    let ranks = gallery.ranks(&queries, hit, |q| Some(data.val[q].reference));
    Ok([1, 10, 50].map(|k| share(&ranks, k)))
}
