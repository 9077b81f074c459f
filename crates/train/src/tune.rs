//! `vitrine tune`: a model of the shop's own, from what `vitrine index` reads.

mod facts;
mod gather;
mod mine;
mod table;
mod tasks;

use crate::batch::MixShares;
use crate::data::KEPT;
use crate::gemm::Precision;
use crate::net::{Net, PARTS};
use crate::params::Params;
use crate::run::{CHECKPOINT, Log, Output, Run, Settings, Stepped, clock};
use anyhow::{Result, bail};
use gather::Gathered;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::time::Duration;
use table::Row;
use tasks::{Measured, Tasks, mean};
use vitrine::convert::Model;
use vitrine::error::io;
use vitrine::home;
use vitrine::indexer::{Reading, Source, Told};
use vitrine::model::folder::Description;
use vitrine::photos::FolderChoice;
use vitrine::print;
use vitrine::quant::{Format, MatrixData};
use vitrine::staging::{Claim, Growth};
use vitrine::weights::Checkpoint;

const EXAMPLES: &str = "\
Examples:
  vitrine tune products_export.csv --out my-model          the export of a shop system, as `vitrine index` reads it
  vitrine tune photos/ --meta items.csv --out my-model --minutes 60
  vitrine tune photos/ --meta items.csv --out my-model --resume      after it was stopped
  vitrine index products_export.csv --out catalog --model my-model
docs/tune.md says what comes out, and when it is worth it.";

/// Make a model of the shop's own: it learns from the shop's photos, titles and attributes, and is written only if it answers
/// better about products that it has not learnt from.
#[derive(Debug, clap::Parser)]
#[command(name = "vitrine-train", bin_name = "vitrine tune", version, after_help = EXAMPLES)]
pub struct Tune {
    /// What the shop system exports, or a folder or ZIP archive of photos; repeat for more
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// CSV file, or feed, that tells of photos [default: items.csv beside them]
    #[arg(long)]
    meta: Option<PathBuf>,
    /// Columns to learn from beside the usual ones (brand, colour, size, category, material …)
    #[arg(long, value_name = "COLUMN,COLUMN", value_delimiter = ',')]
    attributes: Option<Vec<String>>,
    /// Attributes that nothing is learnt from
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    hide: Option<Vec<String>>,
    /// What folders among the photos are [default: found by the rows and by the photos' names]
    #[arg(long, value_enum)]
    folders: Option<FolderChoice>,
    /// Model folder to write
    #[arg(long)]
    out: PathBuf,
    /// Model folder to start from [default: the one that ships]
    #[arg(long)]
    init: Option<PathBuf>,
    /// Folder of the log and of what --resume goes on from [default: the name of --out with -log]
    #[arg(long)]
    log: Option<PathBuf>,
    /// Minutes of training [default: 30, with --head-only 5]; reading photos and measuring come on top
    #[arg(long, conflicts_with = "steps")]
    minutes: Option<f64>,
    /// Steps of training, instead of minutes
    #[arg(long)]
    steps: Option<u64>,
    /// Go on from where a run was stopped
    #[arg(long)]
    resume: bool,
    /// Train the fusion head alone, on features of both encoders that are computed once
    #[arg(long)]
    head_only: bool,
    /// Samples a step
    #[arg(long, default_value_t = 96)]
    batch: usize,
    /// Factor of the learning rates
    #[arg(long, default_value_t = 1.0)]
    rate: f32,
    /// Drawn garments that are mixed in, so that nothing is forgotten; 0 for none
    #[arg(long, default_value_t = 240)]
    drawn: usize,
    /// Seed of everything drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads [default: one a core]
    #[arg(long)]
    jobs: Option<usize>,
    /// Minutes between checkpoints; with 0 a kill loses at most the batch in work [default: as often as a tenth of the
    /// time allows]
    #[arg(long, value_name = "MINUTES")]
    save_every: Option<f64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The best weights so far, in the log folder.
const BEST: &str = "best.safetensors";
/// What a run was about, in the log folder.
const ABOUT: &str = "tune.json";
/// Validations of a run.
const VALIDATIONS: f64 = 8.0;
/// Batches that come round again where the encoders are frozen.
const CYCLE: u64 = 192;
/// What a score must gain to count as better: less is chance.
const GAIN: f32 = 0.002;

/// What came out.
#[derive(Debug, serde::Serialize)]
struct Report<'a> {
    /// Whether a model was written.
    written: bool,
    out: &'a Path,
    products: usize,
    photos: usize,
    /// Products that the choice was made on, and those of the table.
    validated_on: usize,
    held_out: usize,
    steps: u64,
    /// The validation's score before and at its best.
    score: [f32; 2],
    table: &'a [Row],
}

impl Tune {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let lanes = self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        rayon::ThreadPoolBuilder::new().num_threads(lanes).build_global()?;
        let (init, log) = (self.init.clone().unwrap_or_else(home::model), self.log_folder());
        let inputs: Vec<&Path> = self.sources.iter().chain(&self.meta).chain([&init]).map(PathBuf::as_path).collect();
        // before anything is read that takes long
        Output::check(&self.out, &log, &inputs)?;
        let start = Model::open(&init)?;
        Net::new(&start)?;
        let mut gathered = self.gather(&start)?;
        gather::add_drawn(&mut gathered.data, self.drawn)?;
        let mut out = Output::claim(&self.out, &log, &inputs)?;
        let had_instant = Description::open(&init)?.instant.is_some();
        let lesson = Lesson { start: &start, init, gathered: &gathered, precision: Precision::fastest(), had_instant };
        self.teach(&lesson, &mut out, lanes)
    }

    fn log_folder(&self) -> PathBuf {
        self.log.clone().unwrap_or_else(|| {
            let mut name = self.out.file_name().unwrap_or_default().to_os_string();
            name.push("-log");
            self.out.with_file_name(name)
        })
    }

    fn gather(&self, start: &Model) -> Result<Gathered> {
        let folders =
            self.folders.and_then(|folders| Some(clap::ValueEnum::to_possible_value(&folders)?.get_name().to_string()));
        let told = Told { meta: self.meta.clone(), attributes: self.attributes.clone(), folders, ..Told::default() };
        let mut sources = Vec::new();
        for path in &self.sources {
            let mut source = Source::open(path, self.meta.as_deref(), &self.reading, &told)?;
            source.metadata.hide(self.hide.as_deref().unwrap_or_default());
            sources.push(source);
        }
        // a little more than the model sees, since photos are moved and trimmed
        let kept = KEPT.max(start.description.image_size as u32 * 9 / 8);
        let gathered = gather::gather(&sources, kept)?;
        let names: Vec<String> = gathered.data.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
        print::note(format_args!(
            "{} products, {} photos; {} changes between them; learnt from: titles, {}",
            gathered.products,
            gathered.data.items.len(),
            gathered.data.train.len(),
            names.join(", ")
        ));
        Ok(gathered)
    }

    fn settings(&self, start: &Model, lanes: usize) -> Settings {
        let minutes = self.minutes.unwrap_or(if self.head_only { 5.0 } else { 30.0 });
        let frozen = if self.head_only { vec!["image".to_string(), "text".to_string()] } else { vec![] };
        let rate_head = 3e-4;
        Settings {
            batch: self.batch,
            accumulate: 1,
            part: 16.min(self.batch),
            lanes,
            steps: self.steps.unwrap_or(0),
            minutes: self.steps.is_none().then_some(minutes),
            rate_image: 1e-4 * self.rate,
            rate_text: 6e-5 * self.rate,
            rate_head: rate_head * self.rate,
            warm_up: 20,
            floor: 0.02,
            decay: 0.02,
            clip: 1.0,
            ema: 0.99,
            temperature: start.description.temperature.unwrap_or(0.07),
            seed: self.seed,
            validate_every: f64::INFINITY,
            save_every: self.save_every,
            validate_limit: usize::MAX,
            mix: MixShares { composed: 0.35, drawn: 0.15, tops: 0.0, wardrobe: 0.0, pairs: 0.0 },
            frozen,
            sizes: vec![(0.0, start.description.image_size)],
            cycle: self.head_only.then_some(CYCLE),
        }
    }

    /// Trains, and writes what is better.
    fn teach(&self, lesson: &Lesson<'_>, out: &mut Output, lanes: usize) -> Result<()> {
        let settings = self.settings(lesson.start, lanes);
        let about = lesson.about(&settings)?;
        let mut run = Run::new(settings, lesson.start, &lesson.gathered.data, lesson.precision)?;
        let val = Tasks::new(&lesson.gathered.data, &lesson.gathered.val);
        print::note("measuring the model that it starts from");
        let before = val.measure(&run.net, &run.state.params, false)?;
        let mut best = Best { score: before.score(&before), weights: None };
        let begin = best.score;
        self.resume(&mut run, &about, &mut best, &out.log)?;
        self.learn(&mut run, lesson, (&val, &before), &mut best, &out.log)?;
        let steps = run.state.optimizer.step;
        drop(run);
        let tuned = best.weights.as_ref().map(|weights| lesson.model(weights)).transpose()?;
        let test = Tasks::new(&lesson.gathered.data, &lesson.gathered.test);
        let rows = lesson.table(&test, tuned.as_ref())?;
        let score = [begin, best.score];
        if let (Some(model), Some(weights)) = (tuned, &best.weights) {
            self.write(lesson, model, weights, &mut out.model)?;
        }
        out.log.keep_only(["log.csv"].map(str::to_string).into())?;
        self.report(lesson, steps, score, &rows, best.weights.is_some())
    }

    /// Takes steps, and keeps the weights that answer best about the products to validate on.
    fn learn<'a>(
        &self,
        run: &mut Run<'a>,
        lesson: &Lesson<'a>,
        (val, before): (&Tasks<'_>, &Measured),
        best: &mut Best,
        folder: &Growth,
    ) -> Result<()> {
        let mut log = Log::open(&folder.list("log.csv", || Ok(Vec::new()))?, false)?;
        let bar = bar()?;
        let mut validate = |run: &Run<'a>, log: &mut Log| -> vitrine::Result<()> {
            let at = run.state.optimizer.step;
            let measured = val.measure(&run.net, &run.state.averaged(), false)?;
            log.figures(at, &figures(&measured))?;
            let score = measured.score(before);
            let told = format!("{} (score {:+.1})", said(&measured), (score - before.score(before)) * 100.0);
            if bar.is_hidden() {
                print::note(format_args!("step {at}: {told}"));
            }
            bar.set_message(told);
            // not a number compares as no better
            let gain = score > best.score + if best.weights.is_none() { GAIN } else { 0.0 };
            if gain && measured.loses_nothing(before) {
                *best = Best { score, weights: Some(flat(&run.state.to_model(lesson.start)?, &run.settings.frozen)) };
                best.save(folder)?;
            }
            Ok(())
        };
        run.go(&mut log, folder, &mut |run, log, stepped| {
            let Stepped { before, progress, left } = stepped;
            bar.set_position((progress * 1000.0) as u64);
            bar.set_prefix(format!("step {}, {} left", run.state.optimizer.step, clock(left)));
            let part = |progress: f64| (progress.max(0.0) * VALIDATIONS).floor();
            if part(before) < part(progress) { validate(run, log) } else { Ok(()) }
        })?;
        validate(run, &mut log)?;
        bar.finish_and_clear();
        Ok(())
    }

    /// Goes on from an earlier run's checkpoint, and from the best weights that it had.
    fn resume(&self, run: &mut Run<'_>, about: &str, best: &mut Best, folder: &Growth) -> Result<()> {
        let at = |name: &str| folder.path().join(name);
        let there = at(CHECKPOINT).exists() && at(ABOUT).exists();
        if !self.resume || !there {
            if self.resume {
                print::note(format_args!(
                    "nothing to resume in {}: starting from the beginning",
                    folder.path().display()
                ));
            }
            folder.keep_only(Default::default())?;
            return Ok(folder.put(ABOUT, about.as_bytes())?);
        }
        let earlier = std::fs::read_to_string(at(ABOUT)).map_err(io("reading", &at(ABOUT)))?;
        if earlier != about {
            bail!(
                "resuming: expected the products, the model and the options of the run before, got others; leave --resume \
                 out to start from the beginning"
            );
        }
        run.resume(&at(CHECKPOINT))?;
        if at(BEST).exists() {
            *best = Best::read(&at(BEST))?;
        }
        Ok(())
    }

    /// Writes the model: parts that were learnt in the format of the start, the others as they are.
    fn write(&self, lesson: &Lesson<'_>, model: Model, weights: &Checkpoint, out: &mut Claim) -> Result<()> {
        let before = &lesson.start.description;
        let mut parts = Vec::new();
        for file in &before.parts {
            let learnt = PARTS.iter().any(|(part, prefix, _)| *part == file.part && holds(weights, prefix));
            let bytes = match model.weights.get(&file.part).filter(|_| learnt) {
                Some(weights) => weights.to_bytes()?,
                None => before.read(&lesson.init, file.part)?,
            };
            parts.push((file.part, bytes));
        }
        let mut description = model.description;
        description.name = self.out.file_name().map_or("own".into(), |name| name.to_string_lossy().into_owned());
        description.seal(&parts);
        Ok(description.write(out, &parts)?)
    }

    /// Prints the table, and says whether a model was written.
    fn report(&self, lesson: &Lesson<'_>, steps: u64, score: [f32; 2], rows: &[Row], written: bool) -> Result<()> {
        let g = lesson.gathered;
        let report = Report {
            written,
            out: &self.out,
            products: g.products,
            photos: g.data.shop.as_ref().map_or(0, |shop| shop.product.len()),
            validated_on: g.val.products.len(),
            held_out: g.test.products.len(),
            steps,
            score,
            table: rows,
        };
        match self.json {
            true => print::line(serde_json::to_string(&report)?)?,
            false => print::line(table::show(rows))?,
        }
        if !written {
            bail!(
                "tuning: expected better answers about {} products that were not learnt from, got none better in {steps} \
                 steps, so nothing was written; give it more --minutes, or keep the model that it started from",
                report.validated_on
            );
        }
        if !self.json {
            let out = self.out.display();
            print::line(format_args!("{out}: the shop's own model; use it with vitrine index … --model {out}"))?;
        }
        if lesson.had_instant {
            print::note(
                "the page answers by meaning as soon as the text encoder is there: the small tier that answers before \
                         is part of the model that ships, not of this one",
            );
        }
        Ok(())
    }
}

/// What is learnt from, and where it starts.
struct Lesson<'a> {
    start: &'a Model,
    init: PathBuf,
    gathered: &'a Gathered,
    precision: Precision,
    had_instant: bool,
}

impl Lesson<'_> {
    /// What a run is about, to know it again.
    fn about(&self, settings: &Settings) -> Result<String> {
        let fingerprint = &self.start.description.fingerprint;
        // how long it is to go on, and on how many threads, may change in between
        let settings = Settings { minutes: None, steps: 0, lanes: 1, save_every: None, ..settings.clone() };
        let json = serde_json::json!({"products": self.gathered.hash, "model": fingerprint, "settings": format!("{settings:?}")});
        Ok(serde_json::to_string_pretty(&json)?)
    }

    /// The model of these weights, as it is written.
    fn model(&self, weights: &Checkpoint) -> Result<Model> {
        let mut model = self.start.clone();
        let format = format_of(self.start);
        for (part, prefix, _) in PARTS.into_iter().filter(|(_, prefix, _)| holds(weights, prefix)) {
            let own = weights.tensors.iter().filter_map(|(name, stored)| {
                let name = name.strip_prefix(prefix)?.strip_prefix('/')?;
                Some((name.to_string(), stored.clone()))
            });
            let tensors = Checkpoint { tensors: own.collect(), ..Checkpoint::default() };
            model.weights.insert(part, tensors.convert(format));
        }
        let temperature = weights.metadata.get("temperature").and_then(|text| text.parse().ok());
        model.description.temperature = temperature.or(model.description.temperature);
        model.description.note = None;
        Ok(model)
    }

    /// Both models on the products of the table, as their files hold them.
    fn table(&self, test: &Tasks<'_>, tuned: Option<&Model>) -> Result<Vec<Row>> {
        let measure = |model: &Model| -> Result<Measured> {
            let net = Net::new(model)?;
            let params: Params = net.params(model, self.precision, 0.07);
            Ok(test.measure(&net, &params, true)?)
        };
        print::note("measuring products that were held out");
        let before = measure(self.start)?;
        let after = tuned.map(measure).transpose()?;
        Ok(table::rows(&before, after.as_ref().unwrap_or(&before)))
    }
}

/// The best weights so far.
struct Best {
    score: f32,
    weights: Option<Checkpoint>,
}

impl Best {
    fn save(&self, folder: &Growth) -> vitrine::Result<()> {
        let Some(weights) = &self.weights else { return Ok(()) };
        let mut weights = weights.clone();
        weights.metadata.insert("score".into(), self.score.to_string());
        folder.put(BEST, &weights.to_bytes()?)
    }

    fn read(path: &Path) -> Result<Self> {
        let mut weights = Checkpoint::from_bytes(&std::fs::read(path).map_err(io("reading", path))?)?;
        weights.metadata = crate::run::metadata(&weights);
        let score = weights.metadata.get("score").and_then(|text| text.parse().ok()).unwrap_or(f32::NEG_INFINITY);
        Ok(Self { score, weights: Some(weights) })
    }
}

/// Whether there are weights of a part.
fn holds(weights: &Checkpoint, prefix: &str) -> bool {
    let of_part = |name: &String| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    weights.tensors.keys().any(of_part)
}

/// A model's weights as one checkpoint, with the part before each name; those of frozen parts are left out.
fn flat(model: &Model, frozen: &[String]) -> Checkpoint {
    let mut out = Checkpoint::default();
    for (part, prefix, _) in PARTS.into_iter().filter(|(_, prefix, _)| !frozen.iter().any(|part| part == prefix)) {
        let tensors = model.weights.get(&part).into_iter().flat_map(|weights| &weights.tensors);
        out.tensors.extend(tensors.map(|(name, stored)| (format!("{prefix}/{name}"), stored.clone())));
    }
    let temperature =
        model.description.temperature.map(|temperature| ("temperature".to_string(), temperature.to_string()));
    out.metadata.extend(temperature);
    out
}

/// The format of a model's matrices: that of most of its numbers.
fn format_of(model: &Model) -> Format {
    let mut numbers = [(Format::F32, 0), (Format::F16, 0), (Format::Q8, 0), (Format::Q4, 0)];
    let tensors = model.weights.values().flat_map(|weights| &weights.tensors);
    for (_, stored) in tensors.filter(|(name, stored)| stored.shape.len() > 1 && name.ends_with(".weight")) {
        let place = match stored.matrix.data {
            MatrixData::F32(_) => 0,
            MatrixData::F16(_) => 1,
            MatrixData::Q8 { .. } => 2,
            MatrixData::Q4 { .. } => 3,
        };
        numbers[place].1 += stored.matrix.rows * stored.matrix.cols;
    }
    numbers.into_iter().max_by_key(|(_, n)| *n).map_or(Format::F32, |(format, _)| format)
}

fn figures(measured: &Measured) -> crate::validate::Figures {
    let share = |scores: &tasks::Scores| (!scores.at_ten.is_empty()).then(|| mean(&scores.at_ten));
    let three = |scores: &tasks::Scores| {
        let within =
            |k: f32| scores.smooth.iter().filter(|r| **r * k >= 1.0).count() as f32 / scores.smooth.len() as f32;
        (!scores.smooth.is_empty()).then(|| [1.0, 10.0, 50.0].map(within))
    };
    crate::validate::Figures {
        composed: three(&measured.composed),
        title: share(&measured.title),
        phrase: share(&measured.phrase),
        drawn: three(&measured.drawn),
        ..Default::default()
    }
}

/// The figures of a validation, for people.
fn said(measured: &Measured) -> String {
    let [title, phrase, composed, _] = measured.tasks().map(|(_, scores)| match scores.at_ten.is_empty() {
        true => "–".to_string(),
        false => format!("{:.0} %", mean(&scores.at_ten) * 100.0),
    });
    format!("validated: title {title}, phrase {phrase}, change {composed}")
}

/// The bar of a run, in thousandths of its schedule.
fn bar() -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("tuning {bar:24} {percent} % · {prefix} · {msg}")?;
    let bar = ProgressBar::new(1000).with_style(style);
    bar.enable_steady_tick(Duration::from_secs(1));
    Ok(bar)
}
