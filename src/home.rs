//! Where the program's own files are, from whatever folder it is called.
//!
//! They lie beside the program as a release unpacks them, in `share/vitrine` where packages install them, or in the
//! checkout whose `target` folder the program was built in.

use std::path::{Path, PathBuf};

/// How many folders up from the program a checkout may be: `target/release/vitrine`.
const UP: usize = 3;

/// The model that ships.
pub fn model() -> PathBuf {
    find("models/default", "model.json").unwrap_or_else(|| "models/default".into())
}

/// A folder that holds `proof`, a file that no other folder of that name has: in the working folder, or else where the
/// program's own files are.
pub fn find(folder: &str, proof: &str) -> Option<PathBuf> {
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
