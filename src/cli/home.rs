//! Where the program's own files are, from whatever folder it is called: the model that ships, and the page.
//!
//! They lie beside the program as a release unpacks them, in `share/vitrine` where packages install them, or in the
//! checkout whose `target` folder the program was built in.

use anyhow::bail;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// How many folders up from the program a checkout may be: `target/release/vitrine`.
const UP: usize = 3;

/// The model that ships.
pub fn model() -> PathBuf {
    find("models/default", "model.json").unwrap_or_else(|| "models/default".into())
}

/// The page's files, with the wasm builds.
///
/// # Errors
/// None is found: the release archive holds them.
pub fn www() -> anyhow::Result<PathBuf> {
    match find("www", "core/session.js") {
        Some(folder) => Ok(folder),
        None => bail!(
            "building the site: expected the page's files in the folder www beside the program or in this folder, got \
             none; unpack the whole release archive, or name the folder with --www"
        ),
    }
}

/// What `--version` says: the version, the model and the page that are used where none is named.
pub fn inside() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let description = std::fs::read(model().join("model.json")).ok();
        let description: Option<serde_json::Value> = description.and_then(|text| serde_json::from_slice(&text).ok());
        let said = |key: &str| Some(description.as_ref()?.get(key)?.as_str()?.to_owned());
        let model = match (said("name"), said("fingerprint")) {
            (Some(name), Some(fingerprint)) => format!("{name}, fingerprint {fingerprint}, {}", model().display()),
            _ => "none found".into(),
        };
        let page = www().map_or("none found".into(), |folder| folder.display().to_string());
        // a folder may have any name
        let [model, page] = [model, page].map(|text| vitrine::terminal::harmless(&text));
        format!("{}\nmodel: {model}\npage: {page}", env!("CARGO_PKG_VERSION"))
    });
    &TEXT
}

/// A folder that holds `proof`, a file that no other folder of that name has: in the working folder, or else where the
/// program's own files are.
fn find(folder: &str, proof: &str) -> Option<PathBuf> {
    let here = Path::new(folder);
    let of_program = std::env::current_exe().and_then(|program| program.canonicalize()).ok();
    let homes = of_program.iter().flat_map(|program| homes(program)).map(|home| home.join(folder));
    std::iter::once(here.to_owned()).chain(homes).find(|folder| folder.join(proof).is_file())
}

/// Folders that may hold a program's own files, the nearest first.
fn homes(program: &Path) -> impl Iterator<Item = PathBuf> {
    let beside = program.ancestors().skip(1).take(UP);
    let shared = program.ancestors().nth(2).map(|prefix| prefix.join("share/vitrine"));
    beside.map(Path::to_owned).chain(shared)
}
