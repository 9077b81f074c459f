//! The commands, one file each: arguments, progress, printing. The work is the library's.

mod archive;
mod bench;
mod check;
mod convert;
mod embed;
mod embedder;
mod eval;
mod eval_catalog;
mod export;
mod feed;
mod home;
mod index;
mod merge;
mod program;
mod search;
mod serve;
mod site;
mod update;

use clap::{Parser, Subcommand, ValueEnum};
use std::path::Path;
use vitrine::backend::Backend;
use vitrine::backend::cpu::Cpu;
#[cfg(feature = "gpu")]
use vitrine::backend::gpu::{Gpu, NATIVE_TIMEOUT, Precision};
use vitrine::engine::{Engine, Tier};
use vitrine::model::encoders::Joining;
pub use vitrine::print::bar;

/// The backend that the command line computes with.
pub type Native = Cpu;

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// The processor
    #[default]
    Cpu,
    /// The graphics device, through Vulkan, Metal or DX12
    #[cfg(feature = "gpu")]
    Gpu,
}

/// Fashion search that runs wholly in the visitor's browser.
#[derive(Parser)]
#[command(name = "vitrine", version, long_version = home::inside(), about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Index(index::IndexArgs),
    Feed(feed::FeedArgs),
    Update(update::UpdateArgs),
    Merge(merge::MergeArgs),
    Export(export::ExportArgs),
    Search(search::SearchArgs),
    Embed(embed::EmbedArgs),
    Site(site::SiteArgs),
    Serve(serve::ServeArgs),
    Check(check::CheckArgs),
    Eval(eval::EvalArgs),
    Convert(convert::ConvertArgs),
    #[command(flatten)]
    Program(program::Program),
    Bench(bench::BenchArgs),
}

/// Runs one command.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Index(args) => index::run(args),
        Command::Feed(args) => feed::run(args),
        Command::Update(args) => update::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Export(args) => export::run(args),
        Command::Search(args) => search::run(args),
        Command::Embed(args) => embed::run(args),
        Command::Site(args) => site::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(args),
        Command::Eval(args) => match &args.catalog {
            Some(catalog) => eval_catalog::run(&args, catalog),
            None => eval::run(&args, |model| {
                Ok(embedder::EngineEmbedder::new(open_tier(Native::new(), model, args.tier)?)?)
            }),
        },
        Command::Convert(args) => convert::run(args),
        Command::Program(program) => program.run(),
        Command::Bench(args) => bench::run(&args),
    }
}

/// Loads a model folder and says on stderr what its author wants everybody to know.
pub fn open<B: Backend>(backend: B, model: &Path) -> vitrine::Result<Engine<B>> {
    open_tier(backend, model, Tier::Full)
}

/// The same with what answers texts by a tier.
pub fn open_tier<B: Backend>(backend: B, model: &Path, tier: Tier) -> vitrine::Result<Engine<B>> {
    let engine = Engine::open_tier(backend, model, tier)?;
    if let Some(note) = &engine.description().note {
        vitrine::print::note(format_args!("note: {note}"));
    }
    if engine.joining() == Joining::Mean {
        let what =
            "nothing in this model has learnt to join a photo with words: such a query is the mean of both vectors";
        vitrine::print::note(format_args!("note: {what}"));
    }
    Ok(engine)
}

/// Opens the graphics device and says on stderr which it is. Measuring which precision is fastest takes longer than one
/// question, so that only those who ask many leave it open.
#[cfg(feature = "gpu")]
pub fn gpu(precision: Option<Precision>) -> vitrine::Result<Gpu> {
    let gpu = pollster::block_on(Gpu::open(NATIVE_TIMEOUT, precision))?;
    let kind = if gpu.is_software() { "a program on the processor, slower than --backend cpu" } else { "hardware" };
    vitrine::print::note(format_args!("on {}: {kind}; {} products", gpu.name(), gpu.precision().name()));
    Ok(gpu)
}
