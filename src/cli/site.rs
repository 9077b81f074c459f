//! `vitrine site`: a catalog → a static site.

use clap::Args;
use std::path::PathBuf;
use vitrine::print::grouped;
use vitrine::site::{Site, check::MOST_FILES};

/// Make a complete static site of a catalog: page, wasm, weights, shards, photos
#[derive(Args)]
pub struct SiteArgs {
    /// Catalog folder
    catalog: PathBuf,
    /// Where to write the site
    #[arg(long)]
    out: PathBuf,
    /// Model folder; must be the one that the catalog was made with [default: the one that ships]
    #[arg(long, default_value_os_t = super::home::model(), hide_default_value = true)]
    model: PathBuf,
    /// The page's files with the wasm build [default: www beside the program]
    #[arg(long)]
    www: Option<PathBuf>,
    /// The page's title [default: the catalog's]
    #[arg(long)]
    title: Option<String>,
    /// Accent colour, such as #7a3b2e
    #[arg(long)]
    accent: Option<String>,
    /// A picture in place of the title at the top of the page: SVG, PNG, WebP or JPEG
    #[arg(long)]
    logo: Option<PathBuf>,
    /// For hosts that send no headers of their own (GitHub Pages): let the service worker add those that threads need
    #[arg(long)]
    isolate: bool,
    /// Files that the host takes: from there on photos are put together in packs; `none` for a host that takes any number
    #[arg(long, value_name = "N", default_value_t = MaxFiles(Some(MOST_FILES)))]
    max_files: MaxFiles,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A number of files, or any.
#[derive(Clone, Copy, Debug, PartialEq)]
struct MaxFiles(Option<usize>);

impl std::fmt::Display for MaxFiles {
    /// As it is read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(most) => most.fmt(f),
            None => f.write_str("none"),
        }
    }
}

impl std::str::FromStr for MaxFiles {
    type Err = String;

    /// Reads `none` or a number.
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("none", _) => Ok(Self(None)),
            (_, Ok(most @ 1..)) => Ok(Self(Some(most))),
            _ => Err("expected none or a number from 1 on".to_string()),
        }
    }
}

/// Writes the site and says how large it is.
pub fn run(args: SiteArgs) -> anyhow::Result<()> {
    let www = match args.www {
        Some(www) => www,
        None => super::home::www()?,
    };
    let site = Site {
        catalog: &args.catalog,
        model: &args.model,
        www: &www,
        out: &args.out,
        title: args.title,
        accent: args.accent,
        logo: args.logo,
        isolate: args.isolate,
        max_files: args.max_files.0,
    };
    let written = site.write()?;
    for one in &written.left_out {
        vitrine::print::note(format_args!("skipped {}: {}", one.what, one.message));
    }
    if let (true, Some(most)) = (written.packs > 0, args.max_files.0) {
        let (photos, packs, files) = (grouped(written.photos), grouped(written.packs), grouped(most));
        let said =
            format!("{photos} photos in {packs} packs, since hosts take {files} files; --max-files says how many");
        vitrine::print::note(said);
        if written.files > most {
            let files = grouped(written.files);
            vitrine::print::note(format_args!("these are {files} files all the same: packs cannot be larger"));
        }
    }
    if args.json {
        vitrine::print::line(serde_json::to_string(&written)?)?;
    } else {
        let megabytes = written.bytes as f64 / 1e6;
        vitrine::print::line(format_args!(
            "{}: {} files, {megabytes:.1} MB; upload the folder as it is",
            args.out.display(),
            written.files
        ))?;
    }
    Ok(())
}
