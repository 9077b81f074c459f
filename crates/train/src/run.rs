//! The loop: rates, steps, validation, checkpoints and the log.

use super::batch::{Mix, MixShares, Sampler};
use super::data::Data;
use super::net::{Net, PARTS, Seen};
use super::params::{AdamW, Group, Params};
use super::step::{Lanes, Outcome, Shares};
use super::validate::{Figures, validate};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use vitrine::convert::Model;
use vitrine::error::{Error, Result, io};
use vitrine::model::vit;
use vitrine::quant::Format;
use vitrine::staging::{self, Claim, Growth, Kind};
use vitrine::weights::{Checkpoint, Stored};

/// Name of the checkpoint in the log folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// Settings of a run.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// Samples a step.
    pub batch: usize,
    /// Batches whose gradients make one step.
    pub accumulate: usize,
    /// Samples that are encoded together.
    pub part: usize,
    /// Parts that are worked on side by side.
    pub lanes: usize,
    /// Steps of the schedule; ignored where `minutes` is given.
    pub steps: u64,
    /// Wall-clock time of the schedule.
    pub minutes: Option<f64>,
    /// Learning rate of the image encoder.
    pub rate_image: f32,
    /// Learning rate of the text encoder.
    pub rate_text: f32,
    /// Learning rate of the head.
    pub rate_head: f32,
    /// Steps over which rates rise.
    pub warm_up: u64,
    /// Share of the rates that is left at the end.
    pub floor: f32,
    /// Weight decay of matrices.
    pub decay: f32,
    /// Largest length of the gradient.
    pub clip: f32,
    /// Factor of the moving averages.
    pub ema: f32,
    /// First temperature.
    pub temperature: f32,
    /// Seed of everything drawn.
    pub seed: u64,
    /// Minutes between validations.
    pub validate_every: f64,
    /// Minutes between checkpoints, 0 for one after every step; as often as a tenth of the time allows if none.
    pub save_every: Option<f64>,
    /// Queries of each task that a validation asks.
    pub validate_limit: usize,
    /// What a batch is made of.
    pub mix: MixShares,
    /// Encoders that stay as they are, by prefix: `image`, `text`.
    pub frozen: Vec<String>,
    /// Sizes of the model's square, each with the share of the schedule from which on it is used.
    pub sizes: Vec<(f64, usize)>,
}

impl Settings {
    /// The size of the model's square at a share of the schedule.
    pub fn size(&self, progress: f64) -> Option<usize> {
        self.sizes.iter().rev().find(|(from, _)| *from <= progress).map(|(_, size)| *size)
    }
}

/// What changes from step to step.
pub struct State {
    /// The parameters.
    pub params: Params,
    /// The optimizer.
    pub optimizer: AdamW,
    /// Share of the schedule that was behind when the state was saved, for schedules by the clock.
    pub progress: f64,
    /// Side of the model's square, in pixels.
    pub image_size: usize,
}

impl State {
    /// Everything as named tensors.
    pub fn to_checkpoint(&self) -> Result<Checkpoint> {
        let mut out = Checkpoint::default();
        out.metadata.insert("step".into(), self.optimizer.step.to_string());
        out.metadata.insert("progress".into(), self.progress.to_string());
        out.metadata.insert("image_size".into(), self.image_size.to_string());
        let o = &self.optimizer;
        for (i, param) in self.params.list.iter().enumerate() {
            let arrays = [("value", &*param.value), ("m", &o.m[i]), ("v", &o.v[i]), ("ema", &o.ema[i])];
            for (kind, array) in arrays.into_iter().filter(|(_, a)| !a.is_empty()) {
                let stored = Stored::from_f32(array.clone(), &[array.len()])?;
                out.tensors.insert(format!("{kind}:{}", param.name), stored);
            }
        }
        Ok(out)
    }

    /// Takes back what [`to_checkpoint`](Self::to_checkpoint) gave.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let packed = metadata(checkpoint);
        let number = |key: &str| packed.get(key).and_then(|v| v.parse::<f64>().ok());
        let missing =
            || Error::Model("expected a training checkpoint, got weights without a step; drop --resume".into());
        self.optimizer.step = number("step").ok_or_else(missing)? as u64;
        self.progress = number("progress").unwrap_or(0.0);
        for i in 0..self.params.list.len() {
            let name = self.params.list[i].name.clone();
            let take = |kind: &str, length: usize| -> Result<Vec<f32>> {
                if length == 0 {
                    return Ok(vec![]);
                }
                let values = checkpoint.get(&format!("{kind}:{name}"))?.matrix.to_f32();
                match values.len() == length {
                    true => Ok(values),
                    false => Err(Error::Tensor {
                        name: name.clone(),
                        expected: format!("{length} numbers"),
                        got: values.len().to_string(),
                    }),
                }
            };
            let (all, live) = (self.params.list[i].value.len(), self.optimizer.m[i].len());
            self.params.list[i].value = std::sync::Arc::new(take("value", all)?);
            self.optimizer.m[i] = take("m", live)?;
            self.optimizer.v[i] = take("v", live)?;
            self.optimizer.ema[i] = take("ema", live)?;
        }
        self.params.pack();
        Ok(())
    }

    /// The parameters with their moving averages for values.
    pub fn averaged(&self) -> Params {
        let mut out = Params::new(self.params.precision);
        for (i, param) in self.params.list.iter().enumerate() {
            let ema = &self.optimizer.ema[i];
            let value = if ema.is_empty() { param.value.clone() } else { std::sync::Arc::new(ema.clone()) };
            out.index.insert(param.name.clone(), i);
            out.list.push(super::params::Param {
                name: param.name.clone(),
                shape: param.shape.clone(),
                group: param.group,
                value,
                packed: None,
            });
        }
        out.pack();
        out
    }

    /// Brings position embeddings, and all that is kept about them, to another image size.
    fn resize(&mut self, config: &vit::Config, size: usize) -> Result<()> {
        let at = self.params.find("image/pos_embed")?;
        let shape = self.params.list[at].shape.clone();
        let resized = |values: &[f32]| -> Result<Stored> {
            let mut one = Checkpoint::default();
            one.tensors.insert("pos_embed".into(), Stored::from_f32(values.to_vec(), &shape)?);
            vitrine::convert::resize_positions(&mut one, &mut config.clone(), size)?;
            Ok(one.get("pos_embed")?.clone())
        };
        let value = resized(&self.params.list[at].value)?;
        let o = &mut self.optimizer;
        for array in [&mut o.m[at], &mut o.v[at], &mut o.ema[at]].into_iter().filter(|array| !array.is_empty()) {
            *array = resized(array)?.matrix.to_f32();
        }
        // cubic weights can be negative, squares cannot
        o.v[at].iter_mut().for_each(|v| *v = v.max(0.0));
        self.params.list[at].shape = value.shape.clone();
        self.params.list[at].value = std::sync::Arc::new(value.matrix.to_f32());
        self.image_size = size;
        Ok(())
    }

    /// The scale of cosines in the loss, 1 / temperature.
    fn scale(&self) -> Result<f32> {
        Ok(self.params.list[self.params.find("loss/log_scale")?].value[0].exp())
    }

    /// The model with moving averages for weights.
    pub fn to_model(&self, start: &Model) -> Result<Model> {
        let mut model = start.clone();
        model.resize(self.image_size)?;
        model.description.note = None;
        model.description.temperature = Some(1.0 / self.scale()?);
        for (part, prefix, _) in PARTS {
            let values = |i: usize| match self.optimizer.ema[i].is_empty() {
                true => self.params.list[i].value.to_vec(),
                false => self.optimizer.ema[i].clone(),
            };
            model.weights.insert(part, self.params.give(prefix, values)?);
        }
        Ok(model)
    }
}

/// The pairs in a checkpoint's header, which keeps all of them as one text.
fn metadata(checkpoint: &Checkpoint) -> BTreeMap<String, String> {
    let packed = checkpoint.metadata.get("vitrine").and_then(|text| serde_json::from_str(text).ok());
    packed.unwrap_or_else(|| checkpoint.metadata.clone())
}

/// Where a run writes.
pub struct Output {
    /// The model folder.
    pub model: Claim,
    /// Log and checkpoint.
    pub log: Growth,
}

impl Output {
    /// Refuses folders that a training that reads `inputs` may not write; changes nothing.
    pub fn check(model: &Path, log: &Path, inputs: &[&Path]) -> Result<()> {
        staging::check(Kind::Model, model, inputs)?;
        staging::check(Kind::Log, log, inputs)?;
        staging::refuse_same(model, log)
    }

    /// Claims both folders for as long as the training takes.
    pub fn claim(model: &Path, log: &Path, inputs: &[&Path]) -> Result<Self> {
        Self::check(model, log, inputs)?;
        Ok(Self { model: Claim::new(Kind::Model, model, inputs)?, log: Growth::new(Kind::Log, log, inputs)? })
    }
}

/// A run in progress.
pub struct Run<'a> {
    /// Settings.
    pub settings: Settings,
    /// The model's shape.
    pub net: Net,
    /// Photos and queries.
    pub data: &'a Data,
    /// Parameters and optimizer.
    pub state: State,
    lanes: Lanes,
    sampler: Sampler<'a>,
}

/// Largest logarithm of the scale: a temperature of 1/100.
const LOG_SCALE_LIMIT: f32 = 4.605_170_2;
/// Time between checkpoints as a multiple of what one takes, unless the settings say otherwise.
const SAVE_SHARE: u32 = 10;
/// Minutes between writings of the model as it stands.
const MODEL_EVERY: f64 = 5.0;
/// What each task counts.
const SHARES: Shares = Shares { composed: 1.0, text: 0.7, caption: 0.2, photo: 0.2, pair: 0.1 };

impl<'a> Run<'a> {
    /// A run from a model's weights.
    pub fn new(settings: Settings, model: &Model, data: &'a Data, precision: super::gemm::Precision) -> Result<Self> {
        let mut net = Net::new(model)?;
        let mut params = net.params(model, precision, settings.temperature);
        settings.frozen.iter().for_each(|prefix| params.freeze(prefix));
        net.seen = settings.frozen.iter().any(|prefix| prefix == "image").then(Seen::default);
        let optimizer = AdamW::new(&params, settings.decay, settings.clip, settings.ema);
        let mix = Mix::new(settings.batch, settings.mix, data);
        let lanes = Lanes::new(&params, settings.lanes, settings.part);
        let sampler = Sampler::new(data, mix);
        let state = State { params, optimizer, progress: 0.0, image_size: net.image.image_size };
        Ok(Self { settings, net, data, state, lanes, sampler })
    }

    /// Continues at another image size.
    fn resize(&mut self, size: usize) -> Result<()> {
        self.state.resize(&self.net.image, size)?;
        self.net.image.image_size = size;
        self.net.preprocess.size = size;
        // the gradients' room and the pool hold arrays of the old lengths
        self.lanes = Lanes::new(&self.state.params, self.settings.lanes, self.settings.part);
        self.net.pool = std::sync::Arc::default();
        self.net.seen = self.net.seen.take().map(|_| Seen::default());
        Ok(())
    }

    /// Factor of the rates at a share of the schedule.
    fn factor(&self, progress: f64) -> f32 {
        let rise = ((self.state.optimizer.step + 1) as f32 / self.settings.warm_up.max(1) as f32).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos()) as f32;
        rise * (self.settings.floor + (1.0 - self.settings.floor) * cosine)
    }

    /// One step at a share of the schedule; returns its outcome and the gradient's length.
    pub fn step(&mut self, progress: f64) -> Result<(Outcome, f32)> {
        if let Some(size) = self.settings.size(progress).filter(|size| *size != self.net.image.image_size) {
            self.resize(size)?;
        }
        let factor = self.factor(progress);
        let many = self.settings.accumulate.max(1) as u64;
        let first = self.settings.seed.wrapping_mul(1_000_003).wrapping_add(self.state.optimizer.step * many);
        let draw = |seed: u64| (self.sampler.draw(&mut ChaCha8Rng::seed_from_u64(seed)), seed);
        let batches: Vec<_> = (0..many).map(|i| draw(first.wrapping_add(i))).collect();
        let outcome = self.lanes.accumulate(&self.net, &self.state.params, self.data, &batches, SHARES)?;
        let s = &self.settings;
        let rate = |group| {
            factor
                * match group {
                    Group::Frozen => 0.0,
                    Group::Image => s.rate_image,
                    Group::Text => s.rate_text,
                    Group::Head => s.rate_head,
                }
        };
        let length = self.state.optimizer.update(&mut self.state.params, self.lanes.grads(), rate);
        let scale = self.state.params.find("loss/log_scale")?;
        let value = std::sync::Arc::make_mut(&mut self.state.params.list[scale].value);
        value[0] = value[0].clamp(0.0, LOG_SCALE_LIMIT);
        self.state.progress = progress;
        Ok((outcome, length))
    }

    /// Trains to the end of the schedule.
    pub fn train(&mut self, start: &Model, out: &mut Output) -> Result<Figures> {
        let mut log = Log::open(&out.log.list("log.csv", || Ok(Vec::new()))?)?;
        let begin = Instant::now();
        let (done, first) = (self.state.progress, self.state.optimizer.step);
        let (mut saved, mut validated, mut written) = (begin, begin, begin);
        let mut cost = Duration::ZERO; // of the last checkpoint
        let mut mean = Mean::default();
        loop {
            let spent = begin.elapsed().as_secs_f64();
            let progress = match self.settings.minutes {
                // a resumed run by the clock has the rest of its minutes left
                Some(minutes) => done + spent / (minutes * 60.0),
                None => self.state.optimizer.step as f64 / self.settings.steps.max(1) as f64,
            };
            if progress >= 1.0 {
                break;
            }
            let (outcome, length) = self.step(progress)?;
            mean.add(outcome, length);
            let step = self.state.optimizer.step;
            if step.is_multiple_of(20) || step == first + 1 {
                let pace = spent / (step - first) as f64;
                let left = if progress > done { spent * (1.0 - progress) / (progress - done) } else { 0.0 };
                log.step(step, progress, &mean.take(), self.factor(progress), self.state.scale()?, pace, left)?;
            }
            if minutes(validated) >= self.settings.validate_every {
                let figures = validate(&self.net, &self.state.averaged(), self.data, self.settings.validate_limit)?;
                log.figures(step, &figures)?;
                validated = Instant::now();
            }
            let due = match self.settings.save_every {
                Some(given) => minutes(saved) >= given,
                None => saved.elapsed() >= cost * SAVE_SHARE,
            };
            if due {
                let begin = Instant::now();
                self.save_to(&out.log)?;
                (saved, cost) = (Instant::now(), begin.elapsed());
            }
            if minutes(written) >= MODEL_EVERY {
                self.state.to_model(start)?.write_to(&mut out.model, Format::F32)?;
                written = Instant::now();
            }
        }
        self.save_to(&out.log)?;
        self.state.to_model(start)?.write_to(&mut out.model, Format::F32)?;
        let figures = validate(&self.net, &self.state.averaged(), self.data, usize::MAX)?;
        log.figures(self.state.optimizer.step, &figures)?;
        out.log.put("log.svg", super::plot::plot(&out.log.path().join("log.csv"))?.as_bytes())?;
        out.log.keep_only(["log.csv", "log.svg", CHECKPOINT].map(str::to_string).into())?;
        Ok(figures)
    }

    fn save_to(&self, log: &Growth) -> Result<()> {
        log.put(CHECKPOINT, &self.checkpoint()?)
    }

    /// The bytes that [`Run::resume`] continues from.
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        self.state.to_checkpoint()?.to_bytes()
    }

    /// Continues from a checkpoint.
    pub fn resume(&mut self, path: &Path) -> Result<()> {
        let checkpoint = Checkpoint::from_bytes(&std::fs::read(path).map_err(io("reading", path))?)?;
        let size = metadata(&checkpoint).get("image_size").and_then(|size| size.parse().ok());
        if let Some(size) = size.filter(|size| *size != self.net.image.image_size) {
            self.resize(size)?;
        }
        self.state.restore(&checkpoint)
    }
}

fn minutes(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() / 60.0
}

/// Means over the steps since the last line of the log.
#[derive(Default)]
struct Mean {
    sum: [f64; 6],
    count: f64,
}

impl Mean {
    fn add(&mut self, o: Outcome, length: f32) {
        let values = [o.loss, o.composed, o.text, o.photo, o.accuracy, length];
        self.sum.iter_mut().zip(values).for_each(|(s, v)| *s += f64::from(v));
        self.count += 1.0;
    }

    fn take(&mut self) -> [f64; 6] {
        let out = self.sum.map(|s| s / self.count.max(1.0));
        *self = Self::default();
        out
    }
}

/// The CSV log, repeated on stderr.
struct Log {
    file: std::fs::File,
    path: PathBuf,
}

impl Log {
    const HEADER: &str = "step,progress,loss,composed,text,photo,accuracy,gradient,rate,scale,seconds,r1,r10,r50,median,\
                          title_r10,phrase_p10,tops_r10,wardrobe_p10,drawn_r1,drawn_r10\n";

    fn open(path: &Path) -> Result<Self> {
        use std::io::Write;
        let fresh = !path.exists();
        let options = std::fs::OpenOptions::new().create(true).append(true).open(path);
        let mut file = options.map_err(io("opening", path))?;
        if fresh {
            file.write_all(Self::HEADER.as_bytes()).map_err(io("writing", path))?;
        }
        Ok(Self { file, path: path.to_path_buf() })
    }

    #[allow(clippy::too_many_arguments)]
    fn step(
        &mut self,
        step: u64,
        progress: f64,
        mean: &[f64; 6],
        rate: f32,
        scale: f32,
        pace: f64,
        left: f64,
    ) -> Result<()> {
        let [loss, composed, text, photo, accuracy, gradient] = mean;
        vitrine::print::note(format_args!(
            "step {step:>6} {:>5.1} %  loss {loss:.3} (composed {composed:.3} text {text:.3} photo {photo:.3}) in-batch \
             {accuracy:.3}  gradient {gradient:.2}  rate ×{rate:.3}  scale {scale:.1}  {pace:.2} s/step  left {}",
            progress * 100.0,
            clock(left)
        ));
        let line = format!(
            "{step},{progress:.5},{loss:.5},{composed:.5},{text:.5},{photo:.5},{accuracy:.4},{gradient:.3},{rate:.4},\
             {scale:.2},{pace:.3},,,,,,,,,,\n"
        );
        self.write(&line)
    }

    fn figures(&mut self, step: u64, f: &Figures) -> Result<()> {
        let show = |v: Option<f32>| v.map(|v| format!("{v:.4}")).unwrap_or_default();
        let [r1, r10, r50] = [0, 1, 2].map(|i| show(f.composed.map(|c| c[i])));
        let [median, title, phrase, tops, wardrobe] = [f.median_rank, f.title, f.phrase, f.tops, f.wardrobe].map(show);
        let [drawn1, drawn10] = [0, 1].map(|i| show(f.drawn.map(|d| d[i])));
        vitrine::print::note(format_args!(
            "step {step:>6} val: composed R@1 {r1} R@10 {r10} R@50 {r50} median {median}; title R@10 {title}; phrase \
             P@10 {phrase}; tops R@10 {tops}; wardrobe P@10 {wardrobe}; drawn R@1 {drawn1} R@10 {drawn10}"
        ));
        self.write(&format!(
            "{step},,,,,,,,,,,{r1},{r10},{r50},{median},{title},{phrase},{tops},{wardrobe},{drawn1},{drawn10}\n"
        ))
    }

    fn write(&mut self, line: &str) -> Result<()> {
        use std::io::Write;
        self.file.write_all(line.as_bytes()).map_err(io("writing", &self.path))
    }
}

fn clock(seconds: f64) -> String {
    let whole = Duration::from_secs_f64(seconds.clamp(0.0, 1e7)).as_secs();
    format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}
