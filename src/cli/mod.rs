//! The commands, one file each: arguments, progress, printing. The work is the library's.

mod archive;
mod convert;
mod demo_catalog;
mod embed;
mod embedder;
mod eval;
mod index;
mod merge;
mod search;
mod serve;
mod site;
mod train;

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use vitrine::backend::cpu::Cpu;
use vitrine::engine::Engine;

/// The backend that the command line computes with.
pub type Native = Cpu;

/// Fashion search that runs wholly in the visitor's browser.
#[derive(Parser)]
#[command(name = "vitrine", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Index(index::IndexArgs),
    Merge(merge::MergeArgs),
    Search(search::SearchArgs),
    Embed(embed::EmbedArgs),
    Site(site::SiteArgs),
    Serve(serve::ServeArgs),
    Eval(eval::EvalArgs),
    Convert(convert::ConvertArgs),
    DemoCatalog(demo_catalog::DemoCatalogArgs),
    Train(train::Train),
}

/// Runs one command.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Index(args) => index::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Search(args) => search::run(args),
        Command::Embed(args) => embed::run(args),
        Command::Site(args) => site::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Eval(args) => eval::run(&args, |model| Ok(embedder::EngineEmbedder(open(model)?))),
        Command::Convert(args) => convert::run(args),
        Command::DemoCatalog(args) => demo_catalog::run(args),
        Command::Train(args) => args.run(),
    }
}

/// Loads a model folder and says on stderr what its author wants everybody to know.
pub fn open(model: &Path) -> vitrine::Result<Engine<Native>> {
    let engine = Engine::open(Native::for_search(), model)?;
    if let Some(note) = &engine.description().note {
        eprintln!("note: {note}");
    }
    Ok(engine)
}

/// A progress bar on stderr over a known number of things.
pub fn bar(length: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} · {per_sec} · {eta} left");
    let bar = ProgressBar::new(length as u64).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
