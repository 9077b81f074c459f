//! `vitrine site`: a catalog → a static site.

use clap::Args;
use std::path::PathBuf;
use vitrine::site::Site;

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
    /// Print one JSON object
    #[arg(long)]
    json: bool,
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
    };
    let written = site.write()?;
    for one in &written.left_out {
        vitrine::print::note(format_args!("skipped {}: {}", one.what, one.message));
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
