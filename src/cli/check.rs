//! `vitrine check`: what a host does to a published site.

use anyhow::bail;
use clap::Args;
use vitrine::print;
use vitrine::site::check::{self, Place};

/// Look at a published site, or at its folder, and say what its host does wrong and what to do
#[derive(Args)]
pub struct CheckArgs {
    /// The address of the page, or the folder that `vitrine site` wrote
    #[arg(value_name = "FOLDER|https://…")]
    site: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Looks and prints; exit 1 if something keeps the page from working.
pub fn run(args: CheckArgs) -> anyhow::Result<()> {
    let checked = check::check(&Place::of(&args.site)?)?;
    let breaking = checked.findings.iter().filter(|finding| finding.breaks).count();
    if args.json {
        print::line(serde_json::to_string(&checked)?)?;
    } else {
        for finding in &checked.findings {
            let kind = if finding.breaks { "broken" } else { "advice" };
            print::line(format_args!("{kind}: {}", finding.message))?;
        }
        let megabytes = checked.bytes as f64 / 1e6;
        let found = match checked.findings.len() {
            0 => "nothing to mend".to_string(),
            all => format!("{breaking} broken, {} to better", all - breaking),
        };
        print::line(format_args!("{}: {} files, {megabytes:.1} MB looked at: {found}", args.site, checked.files))?;
    }
    if checked.broken {
        bail!("{}: expected a site that works, got {breaking} things that keep it from working; see above", args.site);
    }
    Ok(())
}
