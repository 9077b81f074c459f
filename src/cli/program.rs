//! Commands that are programs of their own, beside this one: what trains and what draws ship to no shop.

use anyhow::{Result, anyhow};
use clap::Subcommand;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

/// Their names, sentences for `vitrine --help`, and arguments, which only they read.
#[derive(Subcommand)]
pub enum Program {
    /// Draw a garment catalog with exact attributes, titles and queries
    #[command(disable_help_flag = true)]
    DemoCatalog(Arguments),
    /// Fine-tune both encoders and the fusion head
    #[command(disable_help_flag = true)]
    Train(Arguments),
}

/// Whatever follows a program's name.
#[derive(clap::Args)]
pub struct Arguments {
    /// `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Program {
    /// The command, and the package of this workspace that holds its program.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::DemoCatalog(_) => ("demo-catalog", "vitrine-demo"),
            Self::Train(_) => ("train", "vitrine-train"),
        }
    }

    /// Runs the program with the arguments as they were given, in place of this one.
    pub fn run(self) -> Result<()> {
        let (command, package) = self.names();
        let name = format!("vitrine-{command}");
        let beside = beside(&name);
        // clap drops a `--` of the program's, so the arguments are taken from where it took them
        let arguments = std::env::args_os().skip(1).skip_while(|argument| argument != command).skip(1);
        let file = beside.as_ref().filter(|file| file.is_file()).cloned().unwrap_or_else(|| name.clone().into());
        hand_over(Command::new(&file).args(arguments)).map_err(|reason| match reason.kind() {
            ErrorKind::NotFound => {
                let place = beside.map_or("beside this program".into(), |file| format!("at {}", file.display()));
                anyhow!(
                    "running {command}: expected the program {name} {place} or on PATH, got none; build it with cargo \
                     build --release -p {package}"
                )
            }
            _ => anyhow!("running {}: {reason}; check that it may be run here", file.display()),
        })
    }
}

/// Where a program is that was built or unpacked together with this one.
fn beside(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Some(std::env::current_exe().ok()?.parent()?.join(file))
}

/// Becomes the program: its signals, streams and exit code are then this one's. Returns only if it cannot be run.
#[cfg(unix)]
fn hand_over(command: &mut Command) -> std::io::Result<()> {
    Err(std::os::unix::process::CommandExt::exec(command))
}

/// Runs the program and ends with its exit code. Returns only if it cannot be run.
#[cfg(not(unix))]
fn hand_over(command: &mut Command) -> std::io::Result<()> {
    std::process::exit(command.status()?.code().unwrap_or(1))
}
