//! When a folder of photos is a product, and when it is a category.
//!
//! A shop may keep the photos of each product in a folder of its own: `SKU1/1.jpg`, `SKU1/2.jpg`. Then the folder's name is the
//! id. In a folder of a category, `dresses/10324.jpg`, each photo has an id of its own. What the shop's rows name decides;
//! where they name neither, the photos' names do: those of a product tell views (1, 2, front, back), and say nothing of what
//! is shown.

use crate::search::glossary::{Glossaries, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What folders are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FolderChoice {
    /// Products or categories, as rows and names tell
    #[default]
    Auto,
    /// Each folder is a product
    Products,
    /// No folder is a product
    Categories,
}

/// More photos are no views of one product.
const MOST_VIEWS: usize = 30;

/// Names of views, in the languages of the shops. Digits may follow.
const VIEWS: [&str; 45] = [
    "front",
    "back",
    "side",
    "left",
    "right",
    "top",
    "bottom",
    "detail",
    "details",
    "main",
    "model",
    "zoom",
    "flat",
    "worn",
    "cover",
    "hero",
    "img",
    "image",
    "photo",
    "pic",
    "picture",
    "view",
    "look",
    "inside",
    "sole",
    "packshot",
    "alt",
    "vorne",
    "hinten",
    "seite",
    "vorderseite",
    "rückseite",
    "rueckseite",
    "bild",
    "foto",
    "ansicht",
    "avant",
    "arriere",
    "arrière",
    "dos",
    "face",
    "vista",
    "frente",
    "fronte",
    "retro",
];
/// Views that stand before the others.
const FIRST: [&str; 12] = [
    "main",
    "front",
    "hero",
    "cover",
    "packshot",
    "vorne",
    "vorderseite",
    "face",
    "avant",
    "frente",
    "fronte",
    "image",
];

/// The folders that are products, of folders (their names from the top, with slashes) and the stems of the photos right in
/// them. `is_row` says whether the shop's rows name something; without rows it never does.
pub fn products(
    folders: &BTreeMap<String, Vec<String>>,
    choice: FolderChoice,
    is_row: &dyn Fn(&str) -> bool,
) -> BTreeSet<String> {
    let inner = folders.iter().filter(|(folder, _)| !folder.is_empty());
    match choice {
        FolderChoice::Categories => return BTreeSet::new(),
        FolderChoice::Products => return inner.map(|(folder, _)| folder.clone()).collect(),
        FolderChoice::Auto => {}
    }
    let (mut found, mut open) = (BTreeSet::new(), BTreeMap::<&str, Vec<(&str, &Vec<String>)>>::new());
    for (folder, stems) in inner {
        let named = stems.iter().filter(|stem| is_row(stem)).count();
        match (is_row(name(folder)), named) {
            // a row names the folder, and none each of its photos
            (true, named) if named < stems.len() => drop(found.insert(folder.clone())),
            (_, 1..) => {}
            _ => open.entry(parent(folder)).or_default().push((folder, stems)),
        }
    }
    let told = open.into_values().filter(|siblings| are_products(siblings));
    found.extend(told.flatten().map(|(folder, _)| folder.to_string()));
    found
}

/// Whether folders beside each other are products by the names of their photos.
fn are_products(siblings: &[(&str, &Vec<String>)]) -> bool {
    let views = |(folder, stems): &(&str, &Vec<String>)| {
        stems.len() <= MOST_VIEWS && stems.iter().all(|stem| view(stem, name(folder)).is_some())
    };
    if !siblings.iter().all(views) {
        return false;
    }
    // numbers alone say little: they are views where other folders have the same, and the folder is no kind of garment
    let numbers =
        |(_, stems): &&(&str, &Vec<String>)| stems.iter().all(|stem| stem.chars().all(|c| c.is_ascii_digit()));
    let bare: Vec<_> = siblings.iter().filter(numbers).collect();
    bare.is_empty() || (siblings.len() >= 2 && !bare.iter().all(|(folder, _)| is_category(name(folder))))
}

/// The view that a photo in a folder of this name shows, if its name says nothing else: whether it stands first, and its number.
fn view(stem: &str, folder: &str) -> Option<(bool, u32)> {
    let (lower, folder) = (stem.trim().to_lowercase(), folder.to_lowercase());
    let sign = |c: char| !c.is_alphanumeric();
    let rest = lower.strip_prefix(&folder).map_or(lower.as_str(), |rest| rest.trim_start_matches(sign));
    if rest.is_empty() {
        return Some((true, 0));
    }
    let words = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &rest[words.len()..];
    // 10324 is a number of a product
    let is_short = digits.len() <= 2 || (digits.len() == 3 && digits.starts_with('0'));
    let number = if digits.is_empty() { Some(0) } else { digits.parse().ok().filter(|_| is_short) };
    let mut words = words.split(sign).filter(|word| !word.is_empty()).peekable();
    let first = words.peek().is_some_and(|word| FIRST.contains(word));
    let known =
        words.all(|word| VIEWS.contains(&word) || (word.len() <= 2 && word.chars().all(|c| c.is_ascii_digit())));
    known.then_some(())?;
    Some((first, number?))
}

/// In which order the photos of a product stand: the one that shows it best, then by number, then by name.
pub fn order(stem: &str, folder: &str) -> (bool, u32, String) {
    let (first, number) = view(stem, folder).unwrap_or((false, u32::MAX));
    (!first, number, stem.to_string())
}

/// Whether a name is that of a kind of garment, or of whom garments are for.
fn is_category(name: &str) -> bool {
    static SHIPPED: LazyLock<Glossaries> = LazyLock::new(|| Glossaries::shipped().unwrap_or_default());
    let lower = name.to_lowercase();
    let words: Vec<String> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_string).collect();
    SHIPPED.iter().any(|glossary| {
        let mut rest = words.as_slice();
        while !rest.is_empty() {
            let Some(found) = glossary.find(rest) else { return false };
            let meant = found.parts.iter().flatten().map(|meant| glossary.concept(meant.concept).kind);
            if !meant.into_iter().all(|kind| matches!(kind, Kind::Thing | Kind::Person)) {
                return false;
            }
            rest = &rest[found.words.max(1)..];
        }
        !words.is_empty()
    })
}

/// The last part of a path with slashes.
pub fn name(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

fn parent(folder: &str) -> &str {
    folder.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is decided of `folder/stem` names, with these rows.
    fn decide(files: &str, rows: &str) -> String {
        let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in files.split(' ') {
            let (folder, stem) = file.rsplit_once('/').unwrap_or(("", file));
            folders.entry(folder.into()).or_default().push(stem.into());
        }
        let rows: Vec<&str> = rows.split(' ').collect();
        products(&folders, FolderChoice::Auto, &|name| rows.contains(&name)).into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn folders_are_products_or_categories() {
        let cases = [
            ("numbers that repeat", "A1/1 A1/2 B2/1 B2/2", "", "A1 B2"),
            ("words", "Kleid-Ida/front Kleid-Ida/back", "", "Kleid-Ida"),
            ("the folder's own name", "A1/A1 A1/A1_2 A1/a1-back", "", "A1"),
            ("numbers with zeros", "x/A1/01 x/A1/02 x/B2/01", "", "x/A1 x/B2"),
            ("rows name the folders", "A1/dsc9 A1/dsc10", "A1", "A1"),
            ("rows name the photos", "A1/1 A1/2 B2/3", "1 2 3", ""),
            ("rows name both", "1/1 1/2 1/x", "1 2", "1"),
            ("rows name photos alone", "7/7", "7", ""),
            ("ids", "dresses/10324 dresses/10325 shirts/10400", "", ""),
            ("one folder of numbers", "summer/1 summer/2", "", ""),
            ("kinds", "dresses/1 dresses/2 shirts/1", "", ""),
            ("kinds in German", "Kleider/1 Hosen/1 Damen/1", "", ""),
            ("names", "A1/red-dress A1/blue-dress", "", ""),
            ("at the top", "1 2 3", "", ""),
            ("one folder is none", "A1/1 A1/2 B2/10324", "", ""),
        ];
        for (case, files, rows, expected) in cases {
            assert_eq!(decide(files, rows), expected, "{case}");
        }
        let many: Vec<String> = (1..=31).flat_map(|i| [format!("A1/{i}"), format!("B2/{i}")]).collect();
        assert_eq!(decide(&many.join(" "), ""), "", "more photos than one product has");
    }

    #[test]
    fn the_photo_that_shows_it_best_comes_first() {
        let mut stems = ["10", "2", "back", "A1", "detail3", "front", "1"];
        stems.sort_by_key(|stem| order(stem, "a1"));
        assert_eq!(stems, ["A1", "front", "back", "1", "2", "detail3", "10"]);
    }
}
