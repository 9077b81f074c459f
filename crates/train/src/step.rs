//! One step: parts of a batch side by side, the loss over all of it, and back.

use super::batch::{Batch, Sample, composed_relation, photo_relation, text_relation};
use super::data::Data;
use super::kernels;
use super::loss::{Contrast, Relation, contrast};
use super::net::{Forward, Net, OUTPUTS, forward};
use super::params::Params;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use vitrine::error::Result;

/// What each task's loss counts.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// Reference and change → target.
    pub composed: f32,
    /// Text → photo.
    pub text: f32,
    /// Photo → text.
    pub caption: f32,
    /// Photo → photo.
    pub photo: f32,
    /// Text → its paraphrase.
    pub pair: f32,
}

/// What came out of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The weighted loss.
    pub loss: f32,
    /// Loss of composed queries.
    pub composed: f32,
    /// Loss of texts.
    pub text: f32,
    /// Loss of photos as queries.
    pub photo: f32,
    /// Loss of paraphrases.
    pub pair: f32,
    /// Share of composed queries whose best photo in the batch answers them.
    pub accuracy: f32,
}

impl Outcome {
    /// Adds a share of another outcome.
    fn add(&mut self, other: &Self, share: f32) {
        let pairs = [
            (&mut self.loss, other.loss),
            (&mut self.composed, other.composed),
            (&mut self.text, other.text),
            (&mut self.photo, other.photo),
            (&mut self.pair, other.pair),
            (&mut self.accuracy, other.accuracy),
        ];
        pairs.into_iter().for_each(|(sum, value)| *sum += share * value);
    }
}

/// Sums of gradients, one for each lane; lanes run side by side and each walks its parts in order, so that the sum
/// does not depend on the number of threads.
pub struct Lanes {
    grads: Vec<Vec<Vec<f32>>>,
    /// Samples of a part.
    part: usize,
}

impl Lanes {
    /// Room for `lanes` sums of gradients, and parts of `part` samples.
    pub fn new(params: &Params, lanes: usize, part: usize) -> Self {
        Self { grads: (0..lanes.max(1)).map(|_| params.zeros()).collect(), part: part.max(1) }
    }

    /// Forward, loss and gradients of several batches: their mean gradient stays in the first lane. Each batch has its
    /// own negatives, so accumulating saves memory and steadies a step, but adds no negatives.
    pub fn accumulate(
        &mut self,
        net: &Net,
        params: &Params,
        data: &Data,
        batches: &[(Batch, u64)],
        shares: Shares,
    ) -> Result<Outcome> {
        let share = 1.0 / batches.len().max(1) as f32;
        let mut mean = Outcome::default();
        self.grads[0].iter_mut().for_each(|g| g.fill(0.0));
        for (batch, seed) in batches {
            mean.add(&self.run(net, params, data, batch, shares, *seed)?, share);
        }
        if batches.len() > 1 {
            self.grads[0].par_iter_mut().for_each(|g| g.iter_mut().for_each(|g| *g *= share));
        }
        Ok(mean)
    }

    /// Forward, loss and gradients of one batch, added to what the first lane holds.
    fn run(
        &mut self,
        net: &Net,
        params: &Params,
        data: &Data,
        batch: &Batch,
        shares: Shares,
        seed: u64,
    ) -> Result<Outcome> {
        let parts = deal(batch, batch.samples.len().div_ceil(self.part));
        let lanes = self.grads.len();
        let lane_parts: Vec<Vec<usize>> = (0..lanes).map(|l| (l..parts.len()).step_by(lanes).collect()).collect();
        let run = |p: &usize| -> Result<Forward> {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(*p as u64 + 1);
            forward(net, params, data, &parts[*p], &mut rng)
        };
        let done: Vec<Vec<Forward>> =
            lane_parts.par_iter().map(|own| own.iter().map(run).collect()).collect::<Result<_>>()?;
        let mut forwards: Vec<Option<Forward>> = (0..parts.len()).map(|_| None).collect();
        for (own, done) in lane_parts.iter().zip(done) {
            own.iter().zip(done).for_each(|(&p, f)| forwards[p] = Some(f));
        }
        let scale = params.find("loss/log_scale")?;
        let all: Vec<Forward> = forwards.into_iter().flatten().collect();
        let (outcome, grads, d_scale) =
            loss(data, &parts, &all, net.fusion.dimension, params.list[scale].value[0], shares);
        let mut queues: Vec<Vec<(usize, Forward)>> = (0..lanes).map(|_| Vec::new()).collect();
        all.into_iter().enumerate().for_each(|(p, f)| queues[p % lanes].push((p, f)));
        self.grads.par_iter_mut().zip(queues).enumerate().for_each(|(lane, (sum, queue))| {
            if lane > 0 {
                sum.iter_mut().for_each(|g| g.fill(0.0));
            }
            for (p, f) in queue {
                f.backward(std::array::from_fn(|o| grads[p][o].as_slice()), sum);
            }
        });
        let (first, rest) = self.grads.split_at_mut(1);
        first[0].par_iter_mut().enumerate().for_each(|(i, g)| {
            rest.iter().for_each(|lane| kernels::add_assign(g, &lane[i]));
        });
        first[0][scale][0] += d_scale;
        Ok(outcome)
    }

    /// The gradients of the last [`accumulate`](Self::accumulate).
    pub fn grads(&self) -> &[Vec<f32>] {
        &self.grads[0]
    }
}

/// Deals samples to parts so that each gets its share of composed ones, which come first, and texts of similar length,
/// since all texts of a part are padded to its longest.
fn deal(batch: &Batch, parts: usize) -> Vec<Batch> {
    let (mut composed, mut plain): (Vec<&Sample>, Vec<&Sample>) =
        batch.samples.iter().partition(|s| s.composed.is_some());
    composed.sort_by_key(|s| s.text.len());
    plain.sort_by_key(|s| s.text.len());
    let mut pairs: Vec<&[String; 2]> = batch.pairs.iter().collect();
    pairs.sort_by_key(|pair| pair[0].len() + pair[1].len());
    fn cut<T: Clone>(all: &[&T], p: usize, parts: usize) -> Vec<T> {
        let at = |p: usize| p * all.len() / parts;
        all[at(p)..at(p + 1)].iter().map(|x| (*x).clone()).collect()
    }
    let part =
        |p| Batch { samples: [cut(&composed, p, parts), cut(&plain, p, parts)].concat(), pairs: cut(&pairs, p, parts) };
    (0..parts).map(part).collect()
}

type Grads = Vec<[Vec<f32>; OUTPUTS]>;

/// The weighted loss over all parts, the gradients of every part's outputs, and that of the scale.
fn loss(
    data: &Data,
    parts: &[Batch],
    forwards: &[Forward],
    d: usize,
    log_scale: f32,
    shares: Shares,
) -> (Outcome, Grads, f32) {
    let gather = |o: usize| -> Vec<f32> {
        forwards.iter().filter_map(|f| f.outputs[o].as_ref()).flat_map(|t| t.iter().copied()).collect()
    };
    let [composed, texts, photos, targets, references, first, second]: [Vec<f32>; OUTPUTS] =
        std::array::from_fn(gather);
    let samples: Vec<&Sample> = parts.iter().flat_map(|part| &part.samples).collect();
    let asked: Vec<&Sample> = samples.iter().copied().filter(|s| s.composed.is_some()).collect();
    let gallery_items: Vec<usize> = samples
        .iter()
        .map(|s| s.target)
        .chain(asked.iter().filter_map(|s| s.composed.as_ref().map(|(reference, ..)| *reference)))
        .collect();
    let mut gallery = targets.clone();
    gallery.extend(&references);
    let relate = |queries: &[&Sample], f: &dyn Fn(&Sample, usize) -> Relation| -> Vec<Relation> {
        queries.iter().flat_map(|q| gallery_items.iter().map(move |&i| (q, i))).map(|(q, i)| f(q, i)).collect()
    };
    let by_text = relate(&samples, &|s, i| text_relation(data, s.target, &s.says, i));
    let by_change = relate(&asked, &|s, i| composed_relation(data, s, i));
    let by_photo = relate(&samples, &|s, i| photo_relation(data, s.target, i));
    // photo → text: the same relation read the other way, over the targets alone
    let (m, n) = (samples.len(), gallery_items.len());
    let back: Vec<Relation> = (0..m * m).map(|x| by_text[x % m * n + x / m]).collect();
    let tasks = [
        (shares.composed, contrast(&composed, &gallery, d, log_scale, &by_change)),
        (shares.text, contrast(&texts, &gallery, d, log_scale, &by_text)),
        (shares.photo, contrast(&photos, &gallery, d, log_scale, &by_photo)),
        (shares.caption, contrast(&targets, &texts, d, log_scale, &back)),
        (shares.pair, contrast(&first, &second, d, log_scale, &paraphrases(parts))),
    ];
    let mut flat = [composed, texts, photos, targets, references, first, second].map(|v| vec![0.0f32; v.len()]);
    let (mut total, mut d_scale) = (0.0, 0.0);
    let scaled = |to: &mut [f32], from: &[f32], by: f32| to.iter_mut().zip(from).for_each(|(t, f)| *t += by * f);
    for (task, (share, c)) in tasks.iter().enumerate() {
        total += share * c.loss;
        d_scale += share * c.d_log_scale;
        if let Some([queries, gallery]) = [None, None, None, Some([3, 1]), Some([5, 6])][task] {
            scaled(&mut flat[queries], &c.d_queries, *share);
            scaled(&mut flat[gallery], &c.d_gallery, *share);
        } else {
            scaled(&mut flat[task], &c.d_queries, *share);
            let (to_targets, to_references) = c.d_gallery.split_at(m * d);
            scaled(&mut flat[3], to_targets, *share);
            scaled(&mut flat[4], to_references, *share);
        }
    }
    let part_of = |c: &Contrast| c.loss;
    let outcome = Outcome {
        loss: total,
        composed: part_of(&tasks[0].1),
        text: part_of(&tasks[1].1),
        photo: part_of(&tasks[2].1),
        pair: part_of(&tasks[4].1),
        accuracy: tasks[0].1.accuracy,
    };
    (outcome, scatter(forwards, &flat), d_scale)
}

/// What the second text of each pair is to the first of every other.
fn paraphrases(parts: &[Batch]) -> Vec<Relation> {
    let pairs: Vec<&[String; 2]> = parts.iter().flat_map(|part| &part.pairs).collect();
    let relation = |i: usize, j: usize| match (i == j, pairs[i].iter().any(|text| pairs[j].contains(text))) {
        (true, _) => Relation::Positive,
        (_, true) => Relation::Ignored,
        _ => Relation::Negative,
    };
    (0..pairs.len()).flat_map(|i| (0..pairs.len()).map(move |j| (i, j))).map(|(i, j)| relation(i, j)).collect()
}

/// Cuts gathered gradients into the parts' outputs.
fn scatter(forwards: &[Forward], flat: &[Vec<f32>; OUTPUTS]) -> Grads {
    let mut at = [0usize; OUTPUTS];
    let mut cut = |f: &Forward, o: usize| {
        let length = f.outputs[o].as_ref().map_or(0, |t| t.len());
        at[o] += length;
        flat[o][at[o] - length..at[o]].to_vec()
    };
    forwards.iter().map(|f| std::array::from_fn(|o| cut(f, o))).collect()
}
