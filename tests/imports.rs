//! Imports point one way through the house: a module may use only those above it in the list below. The trainer and the demo
//! are packages of their own, which use the library and which it does not know. The page's modules
//! follow the same rule: what draws uses what knows, never the other way round.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/`, and the packages `crates/train` and `crates/demo`, from the one that everybody may use to the one that nobody may.
const ROOMS: &[&str] = &[
    "error",
    "hash",
    "clock",
    "terminal",
    "print",
    "home",
    "atomic",
    "staging",
    "photo_file",
    "image",
    "text",
    "quant",
    "weights",
    "backend",
    "model",
    "catalog",
    "search",
    "engine",
    "photos",
    "convert",
    "export",
    "eval",
    "feeds",
    "indexer",
    "site",
    "demo",
    "train",
    "wasm",
    "lib",
    "main",
    "cli",
];

#[test]
fn imports_point_up_the_list_of_rooms_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for (folder, own) in [("src", None), ("crates/demo/src", Some("demo")), ("crates/train/src", Some("train"))] {
        for file in rust_files(&root.join(folder)) {
            let room = own.map_or_else(|| room_of(file.strip_prefix(root.join(folder)).unwrap()), str::to_string);
            // a package calls itself `crate` and the library by its name, as the command line does
            let library = if own.is_none() { &["crate::", "vitrine::"][..] } else { &["vitrine::"] };
            let text = fs::read_to_string(&file).unwrap();
            for used in library.iter().flat_map(|name| named_rooms(&text, name)) {
                seen += 1;
                let (from, to) = (rank(&room), rank(&used));
                assert!(to <= from, "{} uses {used}, which stands below {room} in the house", file.display());
            }
        }
    }
    assert!(seen > 200, "only {seen} imports were read");
}

#[test]
fn the_library_does_not_know_its_packages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&root).filter(|file| !file.ends_with("tests.rs")) {
        let text = production(&fs::read_to_string(&file).unwrap());
        for package in ["vitrine_demo", "vitrine_train"] {
            assert!(!text.contains(package), "{} uses {package}; only tests may", file.display());
        }
    }
}

/// Two files of one room must not use each other either.
#[test]
fn no_two_files_use_each_other() {
    let files: Vec<(String, String)> = [("src", ""), ("crates/demo/src", "demo::"), ("crates/train/src", "train::")]
        .into_iter()
        .flat_map(modules)
        .collect();
    let mut arrows = BTreeSet::new();
    for (from, text) in &files {
        for (to, _) in &files {
            if to != from && !to.starts_with(&format!("{from}::")) && uses(text, from, to) {
                arrows.insert((from.clone(), to.clone()));
            }
        }
    }
    assert!(arrows.len() > 100, "only {} arrows were read", arrows.len());
    let circles: Vec<_> = arrows.iter().filter(|(a, b)| a < b && arrows.contains(&(b.clone(), a.clone()))).collect();
    // a parent that is the face of its folder names its children, and they name it
    let circles: Vec<_> = circles.into_iter().filter(|(a, b)| !b.starts_with(&format!("{a}::"))).collect();
    assert!(circles.is_empty(), "these files use each other: {circles:?}");
}

/// The modules of a package's folder with their texts, as if the package were a module of the library.
fn modules((folder, package): (&str, &str)) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let module = |file: PathBuf| {
        let text = production(&fs::read_to_string(&file).unwrap()).replace("crate::", &format!("crate::{package}"));
        let name = file.strip_prefix(&root).unwrap().with_extension("").to_string_lossy().replace('/', "::");
        (format!("{package}{}", name.replace("::mod", "")), text)
    };
    rust_files(&root).map(module).collect()
}

/// Whether a file of module `from` names module `to` in an import: by its whole path, or by its name from a sibling.
fn uses(text: &str, from: &str, to: &str) -> bool {
    let sibling = |module: &str| module.rsplit_once("::").map_or("", |(parent, _)| parent).to_string();
    let name = to.rsplit("::").next().unwrap_or(to);
    let by_path = text.contains(&format!("crate::{to}::"));
    by_path
        || (sibling(from) == sibling(to) && !sibling(from).is_empty() && text.contains(&format!("use super::{name}::")))
}

fn rank(room: &str) -> usize {
    ROOMS.iter().position(|known| *known == room).unwrap_or_else(|| panic!("src/{room} has no place in the house"))
}

fn room_of(file: &Path) -> String {
    let first = file.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_string()
}

/// The text of a file without its comments and unit tests.
fn production(text: &str) -> String {
    let end =
        ["#[cfg(test)]\nmod", "#[cfg(test)]\npub", "#[cfg(all(test"].iter().filter_map(|mark| text.find(mark)).min();
    let lines = text[..end.unwrap_or(text.len())].lines();
    lines.map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The rooms that a file names as `crate::room` or `vitrine::room`.
fn named_rooms(text: &str, library: &str) -> BTreeSet<String> {
    let production = production(text);
    let named = production.split(library).skip(1);
    named
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_string())
        .filter(|room| !room.is_empty() && room.chars().all(|c| c.is_lowercase() || c == '_'))
        .collect()
}

fn rust_files(root: &Path) -> impl Iterator<Item = PathBuf> {
    let walk = walkdir::WalkDir::new(root).into_iter().map(|entry| entry.unwrap().into_path());
    walk.filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
}
