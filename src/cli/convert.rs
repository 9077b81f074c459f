//! `vitrine convert`: checkpoints → a model folder.

use anyhow::{Context, bail};
use clap::Args;
use std::io::Read;
use std::path::{Path, PathBuf};
use vitrine::convert::{Encoder, Model, read_encoder};
use vitrine::model::folder::DESCRIPTION;
use vitrine::quant::Format;
use vitrine::staging::{Claim, Kind};

/// Turn checkpoints into a model folder, or a model folder into another format
#[derive(Args)]
pub struct ConvertArgs {
    /// A model folder; a folder with a CLIP or a SigLIP as Hugging Face or OpenCLIP writes them; or folders with a ViT or a
    /// BERT as Hugging Face or timm writes them (one of each for a whole model)
    #[arg(required = true, num_args = 1..=2)]
    checkpoints: Vec<PathBuf>,
    /// Where to write the model folder
    #[arg(long)]
    out: PathBuf,
    /// How weight matrices are stored
    #[arg(long, value_enum, default_value = "f32")]
    format: Format,
    /// Resize the image encoder's position embeddings to this image size, in pixels
    #[arg(long)]
    image_size: Option<usize>,
    /// Keep this many entries of the vocabulary
    #[arg(long)]
    vocab_size: Option<usize>,
    /// Texts whose words must stay in the vocabulary (any text file, also .gz); may be given several times
    #[arg(long, requires = "vocab_size")]
    corpus: Vec<PathBuf>,
    /// Keep what these texts use of the vocabulary, single characters, and no more than `--vocab-size` says: a token table
    /// is the largest matrix of many text encoders (any text file, also .gz); may be given several times
    #[arg(long, value_name = "FILE")]
    vocabulary_of: Vec<PathBuf>,
    /// The model's name
    #[arg(long)]
    name: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Converts, writes and says what was written.
pub fn run(args: ConvertArgs) -> anyhow::Result<()> {
    let inputs: Vec<&Path> =
        args.checkpoints.iter().chain(&args.corpus).chain(&args.vocabulary_of).map(PathBuf::as_path).collect();
    let mut out = Claim::new(Kind::Model, &args.out, &inputs)?;
    let mut model = read(&args)?;
    if args.vocab_size.is_some() || !args.vocabulary_of.is_empty() {
        let texts = [&args.corpus[..], &args.vocabulary_of].concat();
        model.trim_vocabulary(args.vocab_size.unwrap_or(0), &corpus(&texts)?)?;
    }
    if let Some(size) = args.image_size {
        model.resize(size)?;
    }
    if let Some(name) = &args.name {
        model.description.name = name.clone();
    }
    let description = model.write_to(&mut out, args.format)?;
    if args.json {
        vitrine::print::line(serde_json::to_string(&description)?)?;
        return Ok(());
    }
    vitrine::print::line(format_args!(
        "{}: model {} ({})",
        args.out.display(),
        description.name,
        description.fingerprint
    ))?;
    for part in &description.parts {
        vitrine::print::line(format_args!("  {:<20} {:>10} bytes", part.file, part.bytes))?;
    }
    if let Some(note) = &description.note {
        vitrine::print::line(format_args!("  note: {note}"))?;
    }
    Ok(())
}

fn read(args: &ConvertArgs) -> anyhow::Result<Model> {
    if let [folder] = &args.checkpoints[..]
        && folder.join(DESCRIPTION).exists()
    {
        return Ok(Model::open(folder)?);
    }
    let mut encoders = Vec::new();
    for folder in &args.checkpoints {
        encoders.push(read_encoder(folder).with_context(|| format!("converting {}", folder.display()))?);
    }
    if let [Encoder::Image { .. }, Encoder::Image { .. }] | [Encoder::Text { .. }, Encoder::Text { .. }] = &encoders[..]
    {
        bail!("converting: expected one image and one text encoder, got two of one kind; give one of each");
    }
    if let [Encoder::Clip(_), _] | [_, Encoder::Clip(_)] = &encoders[..] {
        bail!("converting: expected a CLIP alone, since it is both encoders, got another beside it; give one of them");
    }
    Ok(Model::assemble(args.name.as_deref().unwrap_or("converted"), encoders, None)?)
}

fn corpus(files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for path in files {
        let text = read_text(path).with_context(|| format!("reading corpus {}", path.display()))?;
        // short pieces, since a sequence is cut at the model's length
        let words: Vec<&str> = text.split_whitespace().collect();
        lines.extend(words.chunks(12).map(|words| words.join(" ")));
    }
    Ok(lines)
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let bytes = std::fs::read(path)?;
    if path.extension().is_none_or(|e| e != "gz") {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text)?;
    Ok(text)
}
