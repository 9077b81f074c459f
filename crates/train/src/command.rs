//! `vitrine train`: fine-tunes both encoders and the fusion head.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use vitrine::backend::cpu::Cpu;
use vitrine::convert::{Model, read_encoder};
use vitrine::engine::Engine;
use vitrine::model::folder::{Description, Part, PartFile};
use vitrine::print;
use vitrine::staging::{Claim, Kind};

use crate::ablate;
use crate::batch::MixShares;
use crate::data::{Data, Split};
use crate::distil::{self, distil};
use crate::gemm::Precision;
use crate::occlude::occlude;
use crate::run::{CHECKPOINT, Output, Run, Settings};

/// Fine-tunes both encoders and the fusion head.
#[derive(Debug, clap::Parser)]
#[command(name = "vitrine-train", bin_name = "vitrine train", version)]
pub struct Train {
    /// Data: products=DIR, tops=DIR, wardrobe=DIR, drawn=DIR or fashioniq=DIR; repeat for more. Of several drawn
    /// catalogs only the first is validated on.
    #[arg(long = "data", required = true, value_name = "KIND=DIR")]
    data: Vec<String>,
    /// Image encoder to start from.
    #[arg(long, requires = "init_text", conflicts_with = "init")]
    init_image: Option<PathBuf>,
    /// Text encoder to start from.
    #[arg(long, requires = "init_image", conflicts_with = "init")]
    init_text: Option<PathBuf>,
    /// Model folder to start from.
    #[arg(long)]
    init: Option<PathBuf>,
    /// Model folder to write.
    #[arg(long, default_value = "model")]
    out: PathBuf,
    /// Folder of the log and the checkpoint.
    #[arg(long, default_value = "train-log")]
    log: PathBuf,
    /// Continue from the checkpoint in the log folder.
    #[arg(long)]
    resume: bool,
    /// Sides of the model's square, in pixels, each with the share of the schedule from which on it is used, such as
    /// 64,96@0.4.
    #[arg(long, default_value = "64,96@0.4", value_delimiter = ',', value_parser = size)]
    image_size: Vec<(f64, usize)>,
    /// Words kept of the text encoder's vocabulary.
    #[arg(long, default_value_t = 14_000)]
    vocabulary: usize,
    /// Samples a step.
    #[arg(long, default_value_t = 128)]
    batch: usize,
    /// Batches whose gradients make one step.
    #[arg(long, default_value_t = 1)]
    accumulate: usize,
    /// Share of composed products in a batch.
    #[arg(long, default_value_t = MixShares::default().composed)]
    share_composed: f32,
    /// Share of drawn garments.
    #[arg(long, default_value_t = MixShares::default().drawn)]
    share_drawn: f32,
    /// Share of tops.
    #[arg(long, default_value_t = MixShares::default().tops)]
    share_tops: f32,
    /// Share of wardrobe photos; products with a text alone fill the rest.
    #[arg(long, default_value_t = MixShares::default().wardrobe)]
    share_wardrobe: f32,
    /// Pairs of texts, as a share of the batch that they come on top of.
    #[arg(long, default_value_t = MixShares::default().pairs)]
    share_pairs: f32,
    /// First temperature; a model to start from knows its own, others start at 0.07.
    #[arg(long)]
    temperature: Option<f32>,
    /// Samples encoded together.
    #[arg(long, default_value_t = 16)]
    part: usize,
    /// Encoder that stays as it is; with a frozen image encoder every photo is encoded once and remembered.
    #[arg(long, value_enum)]
    freeze: Vec<Encoder>,
    /// Steps of the schedule [default: 4000]
    #[arg(long)]
    steps: Option<u64>,
    /// Minutes of the schedule, instead of steps.
    #[arg(long)]
    minutes: Option<f64>,
    /// Learning rate of the image encoder.
    #[arg(long, default_value_t = 2e-4)]
    rate_image: f32,
    /// Learning rate of the text encoder.
    #[arg(long, default_value_t = 1e-4)]
    rate_text: f32,
    /// Learning rate of the head.
    #[arg(long, default_value_t = 1e-3)]
    rate_head: f32,
    /// Steps over which rates rise.
    #[arg(long, default_value_t = 100)]
    warm_up: u64,
    /// Share of the rates that is left at the end.
    #[arg(long, default_value_t = 0.02)]
    floor: f32,
    /// Factor of the moving averages of the weights.
    #[arg(long, default_value_t = 0.998)]
    ema: f32,
    /// Weight decay of matrices.
    #[arg(long, default_value_t = 0.02)]
    decay: f32,
    /// Seed of everything drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Instead of training the model, train heads without some of their parts on the model's frozen features, and print
    /// their recall on val. Takes --init (or --init-image and --init-text, for encoders that were never tuned),
    /// --image-size, --steps, --batch and --seed.
    #[arg(long)]
    ablate: bool,
    /// Instead of training, cover the patches that composed val queries attend to most, and others, and print how far
    /// their scores move. Takes --init and --seed.
    #[arg(long, requires = "init", conflicts_with = "ablate")]
    occlude: bool,
    /// Instead of training the model, make its instant text tier: a small table, distilled from its text encoder, that
    /// answers in the page until the encoder is there. Written into the model folder --out, which is read first unless
    /// --init names another. Takes --data, --steps (1500 unless told otherwise) and --seed.
    #[arg(long, conflicts_with_all = ["ablate", "occlude", "init_image", "resume"])]
    distil_text: bool,
    /// Threads.
    #[arg(long)]
    jobs: Option<usize>,
    /// Minutes between validations.
    #[arg(long, default_value_t = 5.0)]
    validate_every: f64,
    /// Minutes between checkpoints; with 0 a kill loses at most the batch in work [default: as often as a tenth of the
    /// time allows]
    #[arg(long, value_name = "MINUTES")]
    save_every: Option<f64>,
}

/// A distillation looks at one photo in so many.
const PHOTOS_IN: u8 = 8;

/// An encoder that can be frozen.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Encoder {
    /// The image encoder.
    Image,
    /// The text encoder.
    Text,
}

/// `SIZE` or `SIZE@SHARE`.
fn size(text: &str) -> Result<(f64, usize), String> {
    let (size, from) = text.split_once('@').unwrap_or((text, "0"));
    match (from.parse(), size.parse()) {
        (Ok(from), Ok(size)) => Ok((from, size)),
        _ => Err(format!("expected SIZE or SIZE@SHARE such as 96@0.4, got {text}")),
    }
}

impl Train {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let lanes = self.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        rayon::ThreadPoolBuilder::new().num_threads(lanes).build_global().context("starting threads")?;
        if self.distil_text {
            return self.distil();
        }
        if !self.ablate && !self.occlude {
            // before anything is read that takes long
            Output::check(&self.out, &self.log, &self.inputs())?;
        }
        let data = self.read(Data::default())?;
        let mut model = self.start(&data)?;
        if self.occlude {
            return self.occlude(&model, &data);
        }
        if !self.ablate || self.init.is_none() {
            model.resize(self.image_size[0].1)?;
        }
        match self.ablate {
            true => self.ablate(&model, &data),
            false => self.train(&model, &data, lanes),
        }
    }

    fn train(self, model: &Model, data: &Data, lanes: usize) -> Result<()> {
        let settings = self.settings(model, lanes);
        let precision = Precision::fastest();
        print::note(format_args!(
            "{} photos, {} composed queries; {settings:?}; {precision:?} products",
            data.items.len(),
            data.train.len()
        ));
        let mut run = Run::new(settings, model, data, precision)?;
        let mut out = Output::claim(&self.out, &self.log, &self.inputs())?;
        if self.resume {
            let checkpoint = self.log.join(CHECKPOINT);
            match checkpoint.exists() {
                true => run.resume(&checkpoint)?,
                false => print::note(format_args!("no {}: starting from the beginning", checkpoint.display())),
            }
        }
        let figures = run.train(model, &mut out)?;
        print::line(serde_json::to_string(&figures)?)?;
        Ok(())
    }

    /// Every folder that is read, none of which may be written.
    fn inputs(&self) -> Vec<&Path> {
        let folders = self.data.iter().filter_map(|entry| Some(Path::new(entry.split_once('=')?.1)));
        let init = [&self.init, &self.init_image, &self.init_text].into_iter().flatten();
        folders.chain(init.map(PathBuf::as_path)).collect()
    }

    fn settings(&self, model: &Model, lanes: usize) -> Settings {
        Settings {
            batch: self.batch,
            frozen: self.freeze.iter().map(|encoder| format!("{encoder:?}").to_lowercase()).collect(),
            accumulate: self.accumulate,
            part: self.part,
            lanes,
            steps: self.steps(),
            minutes: self.minutes,
            rate_image: self.rate_image,
            rate_text: self.rate_text,
            rate_head: self.rate_head,
            warm_up: self.warm_up,
            floor: self.floor,
            decay: self.decay,
            clip: 1.0,
            ema: self.ema,
            temperature: self.temperature.or(model.description.temperature).unwrap_or(0.07),
            seed: self.seed,
            validate_every: self.validate_every,
            save_every: self.save_every,
            validate_limit: 1000,
            sizes: self.image_size.clone(),
            cycle: None,
            mix: self.mix(),
        }
    }

    /// Steps of a training.
    fn steps(&self) -> u64 {
        self.steps.unwrap_or(4000)
    }

    /// Writes the model folder once more, with an instant tier.
    fn distil(self) -> Result<()> {
        let from = self.init.as_ref().unwrap_or(&self.out);
        let inputs: Vec<&Path> = self.inputs().into_iter().filter(|input| *input != self.out).collect();
        let mut out = Claim::new(Kind::Model, &self.out, &inputs)?;
        let mut description = Description::open(from)?;
        let mut parts = Vec::new();
        for file in &description.parts {
            parts.push((file.part, description.read_file(from, file)?));
        }
        let data = self.read(Data { photos_in: Some(PHOTOS_IN), ..Data::default() })?;
        let engine = Engine::open(Cpu::new(), from)?;
        let tokenizer = description.read(from, Part::Tokenizer)?;
        let (bytes, figures) = distil(&engine, &tokenizer, &data, &self.distil_settings())?;
        description.instant = Some(PartFile::of(Part::Instant, &bytes));
        parts.push((Part::Instant, bytes));
        description.write(&mut out, &parts)?;
        print::line(serde_json::to_string(&figures)?)?;
        Ok(())
    }

    fn distil_settings(&self) -> distil::Settings {
        let (steps, seed) = (self.steps.unwrap_or(1500), self.seed);
        distil::Settings { tokens: 4900, inner: 256, steps, batch: 256, gallery: 2048, rate: 2e-3, seed }
    }

    fn mix(&self) -> MixShares {
        MixShares {
            composed: self.share_composed,
            drawn: self.share_drawn,
            tops: self.share_tops,
            wardrobe: self.share_wardrobe,
            pairs: self.share_pairs,
        }
    }

    fn occlude(&self, model: &Model, data: &Data) -> Result<()> {
        let o = occlude(model, data, 4, usize::MAX, self.seed)?;
        print::line(format_args!(
            "{} queries, 4 patches covered: score moves by {:.4} (attended), {:.4} (random); attended moves more in \
             {:.1} %",
            o.queries,
            o.attended,
            o.random,
            o.wins * 100.0
        ))?;
        Ok(())
    }

    fn ablate(&self, model: &Model, data: &Data) -> Result<()> {
        let settings = ablate::Settings { queries: 8000, steps: self.steps(), batch: self.batch, seed: self.seed };
        print::line(format_args!("| query | R@1 | R@10 | R@50 |\n| --- | --- | --- | --- |"))?;
        for (name, [r1, r10, r50]) in ablate::ablate(model, data, &settings)? {
            print::line(format_args!("| {name} | {r1:.3} | {r10:.3} | {r50:.3} |"))?;
        }
        Ok(())
    }

    fn read(&self, mut data: Data) -> Result<Data> {
        for entry in &self.data {
            let Some((kind, folder)) = entry.split_once('=') else {
                bail!("reading --data {entry}: expected KIND=DIR such as products=data/products; add the kind");
            };
            let folder = PathBuf::from(folder);
            match kind {
                "products" => data.add_products(&folder)?,
                "tops" => data.add_tops(&folder)?,
                "wardrobe" => data.add_wardrobe(&folder)?,
                "drawn" => data.add_drawn(&folder)?,
                "fashioniq" => data.add_fashioniq(&folder)?,
                _ => bail!(
                    "reading --data {entry}: expected products, tops, wardrobe, drawn or fashioniq, got {kind}; choose \
                     one"
                ),
            }
        }
        Ok(data)
    }

    fn start(&self, data: &Data) -> Result<Model> {
        if let Some(folder) = &self.init {
            return Ok(Model::open(folder)?);
        }
        let (Some(image), Some(text)) = (&self.init_image, &self.init_text) else {
            bail!("starting: expected --init MODEL, or --init-image and --init-text; give one of them");
        };
        let encoders = vec![read_encoder(image)?, read_encoder(text)?];
        let corpus: Vec<String> = data
            .items
            .iter()
            .filter(|item| item.split == Split::Train)
            .map(|item| item.title.clone())
            .chain(data.words.iter().flatten().cloned())
            .chain(data.train.iter().map(|query| query.captions.join(", ")))
            .collect();
        let mut model = Model::assemble("default", encoders, None)?;
        model.trim_vocabulary(self.vocabulary, &corpus)?;
        Ok(model)
    }
}
