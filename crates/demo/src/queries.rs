//! Questions about the catalog whose answers follow from the attributes alone.
//!
//! A composed question changes some attributes of a reference and keeps every other one. Its answers are all photos
//! of the same split that satisfy it, so a hit is a matter of fact and never of taste.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::garments::{ATTRIBUTES, CATEGORIES, Item, Split, adjective, mix};

/// A question with its answers, as `vitrine eval` and `vitrine train` read them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// The photo that is pointed at; absent from a question in words only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What is said.
    pub captions: Vec<String>,
    /// Every photo that answers.
    pub targets: Vec<String>,
}

/// What one attribute must become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// Exactly this value.
    To(&'static str),
    /// Anything but the reference's value.
    Not,
    /// Further along an ordered scale.
    More,
    /// Back along an ordered scale.
    Less,
    /// Whatever it likes.
    Free,
}

/// Changes by attribute; what is not named stays as it is.
type Changes = BTreeMap<&'static str, Change>;

/// Attributes that a person sees; the others follow from the category.
fn visible() -> impl Iterator<Item = &'static str> {
    ATTRIBUTES.into_iter().filter(|name| !matches!(*name, "department" | "gender"))
}

/// An attribute's values for a category from least to most, where they have an order.
fn scale(category: &str, attribute: &str) -> Option<&'static [&'static str]> {
    if !matches!(attribute, "sleeve" | "length" | "heel") {
        return None;
    }
    let category = CATEGORIES.iter().find(|known| known.name == category)?;
    category.attributes.iter().find(|(name, _)| *name == attribute).map(|(_, values)| *values)
}

/// Whether `item` is what the changes make of `reference`.
fn satisfies(item: &Item, reference: &Item, changes: &Changes) -> bool {
    item.split == reference.split
        && item.id != reference.id
        && visible().all(|name| {
            let (is, was) = (item.get(name), reference.get(name));
            match changes.get(name) {
                None => is == was,
                Some(Change::To(value)) => is == Some(value),
                Some(Change::Not) => is.is_some() && is != was,
                Some(Change::Free) => true,
                Some(Change::More) => rank(item, name) > rank(reference, name),
                Some(Change::Less) => rank(item, name) < rank(reference, name),
            }
        })
}

fn rank(item: &Item, attribute: &str) -> Option<usize> {
    let value = item.get(attribute)?;
    scale(item.get("category")?, attribute)?.iter().position(|known| *known == value)
}

/// Composed questions about one split: "the same but …". At most eight for each reference.
pub fn composed(items: &[Item], split: Split, seed: u64) -> Vec<Query> {
    let shelf: Vec<&Item> = items.iter().filter(|item| item.split == split).collect();
    let mut kinds: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in &shelf {
        kinds.entry(item.get("category").unwrap_or_default()).or_default().push(item);
    }
    let mut queries = Vec::new();
    for reference in &shelf {
        let mut rng = ChaCha8Rng::seed_from_u64(mix(seed ^ 0xc0de, reference.seed));
        let kin = &kinds[reference.get("category").unwrap_or_default()];
        let mut asked: Vec<Changes> = questions(reference, kin, &mut rng);
        asked.extend(matching(reference, &kinds, &mut rng));
        for changes in asked {
            let targets = answers(reference, &changes, &kinds);
            if targets.is_empty() {
                continue;
            }
            let captions = captions(reference, &changes, &mut rng);
            queries.push(Query { reference: Some(reference.id.clone()), captions, targets });
        }
    }
    queries
}

/// Everything on the shelf that satisfies the changes.
fn answers(reference: &Item, changes: &Changes, kinds: &BTreeMap<&str, Vec<&Item>>) -> Vec<String> {
    let category = match changes.get("category") {
        Some(Change::To(category)) => category,
        _ => reference.get("category").unwrap_or_default(),
    };
    let candidates = kinds.get(category).into_iter().flatten();
    candidates.filter(|item| satisfies(item, reference, changes)).map(|item| item.id.clone()).collect()
}

/// Changes that lead from the reference to some of its kin: single, double, relative and negated ones.
fn questions(reference: &Item, kin: &[&Item], rng: &mut ChaCha8Rng) -> Vec<Changes> {
    let (mut single, mut double, mut loose) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for other in kin {
        let differences: Vec<&str> = visible().filter(|name| other.get(name) != reference.get(name)).collect();
        let exact = || differences.iter().filter_map(|name| Some((*name, Change::To(other.get(name)?)))).collect();
        match differences[..] {
            [name] => {
                single.insert(exact());
                if let (Some(to), Some(from)) = (rank(other, name), rank(reference, name)) {
                    let direction = if to > from { Change::More } else { Change::Less };
                    loose.insert(Changes::from([(name, direction)]));
                }
                if matches!(name, "pattern" | "colour" | "fabric") {
                    loose.insert(Changes::from([(name, Change::Not)]));
                }
            }
            [_, _] => {
                double.insert(exact());
            }
            _ => {}
        }
    }
    let mut picked = Vec::new();
    for (set, most) in [(single, 4), (double, 2), (loose, 1)] {
        let mut all: Vec<Changes> = set.into_iter().collect();
        all.shuffle(rng);
        picked.extend(all.into_iter().take(most));
    }
    picked
}

/// Another kind of garment in the same colour and pattern.
fn matching(reference: &Item, kinds: &BTreeMap<&str, Vec<&Item>>, rng: &mut ChaCha8Rng) -> Option<Changes> {
    if !rng.random_bool(0.3) {
        return None;
    }
    let same = |item: &&Item| ["colour", "pattern"].iter().all(|name| item.get(name) == reference.get(name));
    let own = reference.get("category");
    let found: Vec<&str> = kinds
        .values()
        .flatten()
        .filter(|item| item.get("category") != own && same(item))
        .filter_map(|i| i.get("category"))
        .collect();
    let name = CATEGORIES.iter().find(|known| Some(&known.name) == found.choose(rng).as_ref().map(|n| *n))?.name;
    let mut changes: Changes = visible().map(|attribute| (attribute, Change::Free)).collect();
    changes.remove("colour");
    changes.remove("pattern");
    changes.insert("category", Change::To(name));
    Some(changes)
}

/// Says changes the way people do, in one or two short captions.
fn captions(reference: &Item, changes: &Changes, rng: &mut ChaCha8Rng) -> Vec<String> {
    if let Some(Change::To(category)) = changes.get("category") {
        let a = with_article(category);
        let forms = [
            format!("{a} in the same colour and pattern"),
            format!("{a} to match, same colour and same pattern"),
            format!("matching {category} with this colour and pattern"),
        ];
        return vec![pick(&forms, rng)];
    }
    let mut said: Vec<String> = changes.iter().map(|(name, change)| say(reference, name, *change, rng)).collect();
    said.shuffle(rng);
    let noun = reference.get("category").unwrap_or_default();
    match (said.len(), rng.random_range(0..4)) {
        (1, 0) => vec![format!("the same {noun} but it {}", third_person(&said[0]))],
        (1, 1) => {
            let (name, change) = changes.iter().next().expect("one change was said");
            let again = say(reference, name, *change, rng);
            if again == said[0] { said } else { vec![said.remove(0), again] }
        }
        (2, 0 | 1) => vec![format!("{} and {}", said[0], said[1])],
        _ => said,
    }
}

/// A caption as a predicate: "is red", "has long sleeves".
fn third_person(caption: &str) -> String {
    match caption.split_once(' ') {
        Some(("is" | "has" | "comes" | "closes" | "stands", _)) => caption.to_owned(),
        _ => format!("comes {caption}"),
    }
}

fn pick(forms: &[String], rng: &mut ChaCha8Rng) -> String {
    forms.choose(rng).cloned().unwrap_or_default()
}

/// "A" or "an" where English wants it; garments that come in pairs go without.
fn with_article(noun: &str) -> String {
    let plural = matches!(noun, "trousers" | "jeans" | "shorts" | "trainers" | "pumps" | "boots");
    if plural { noun.to_owned() } else { format!("a {noun}") }
}

/// One change in words. Every form begins with a verb or can follow "comes".
fn say(reference: &Item, name: &str, change: Change, rng: &mut ChaCha8Rng) -> String {
    let was = reference.get(name).unwrap_or_default();
    let forms = match change {
        Change::To(to) => to_forms(reference, name, was, to),
        Change::Not => not_forms(name, was),
        Change::More => more_forms(reference, name),
        Change::Less => less_forms(reference, name),
        Change::Free => Vec::new(),
    };
    pick(&forms, rng)
}

fn to_forms(reference: &Item, name: &str, was: &'static str, to: &'static str) -> Vec<String> {
    let noun = reference.get("category").unwrap_or_default();
    let (old, new) = (adjective(name, was), adjective(name, to));
    match name {
        "colour" => vec![
            format!("in {to}"),
            format!("is {to}"),
            format!("is {to} instead of {was}"),
            format!("in {to} rather than {was}"),
            format!("has a {to} colour"),
        ],
        "pattern" => vec![
            format!("is {new}"),
            format!("is {new} instead of {old}"),
            match to {
                "solid" => "has no pattern".to_owned(),
                "striped" => "has horizontal stripes".to_owned(),
                "pinstriped" => "has thin vertical stripes".to_owned(),
                "checked" => "has tartan checks".to_owned(),
                "gingham" => "has small gingham checks".to_owned(),
                "polka dot" => "has polka dots".to_owned(),
                "floral" => "has flowers on it".to_owned(),
                "zigzag" => "has a zigzag pattern".to_owned(),
                "leopard" => "has leopard spots".to_owned(),
                "colour block" => "has blocks of colour".to_owned(),
                _ => format!("has a {new} pattern"),
            },
        ],
        "fabric" if to == "quilted" => vec!["is quilted".into(), "with quilted padding".into()],
        "fabric" => vec![format!("in {to}"), format!("is made of {to}"), format!("is {new} rather than {old}")],
        "neckline" => neckline_forms(was, to),
        "sleeve" => match to {
            "sleeveless" => vec!["is sleeveless".into(), "has no sleeves".into(), "without sleeves".into()],
            _ => vec![format!("has {to} sleeves"), format!("with {to} sleeves"), format!("is {new}")],
        },
        "length" => match (noun, to) {
            ("boots", "knee") => vec!["is knee-high".into(), "has a tall shaft up to the knee".into()],
            ("boots", _) => vec!["has an ankle-high shaft".into(), "is an ankle boot".into()],
            _ => vec![format!("is {new}"), format!("in {to} length"), format!("is {new} instead of {old}")],
        },
        "fit" => vec![format!("is {to}"), format!("has a {to} cut"), format!("is {to} instead of {was}")],
        "closure" => closure_forms(to),
        "heel" => match to {
            "flat" => vec!["is flat".into(), "has flat soles".into(), "without a heel".into()],
            "block" => vec!["has a block heel".into(), "with a chunky block heel".into()],
            _ => vec!["has a stiletto heel".into(), "with a thin high stiletto heel".into()],
        },
        _ => style_forms(noun, to),
    }
}

fn neckline_forms(was: &str, to: &str) -> Vec<String> {
    let said = |value: &str| match value {
        "round" => "round neckline".to_owned(),
        "v-neck" => "v-neck".to_owned(),
        "square" => "square neckline".to_owned(),
        "bow" => "bow at the neck".to_owned(),
        other => other.to_owned(),
    };
    let (old, new) = (said(was), said(to));
    vec![format!("has a {new}"), format!("with a {new}"), format!("has a {new} instead of a {old}")]
}

fn closure_forms(to: &str) -> Vec<String> {
    match to {
        "zip" => vec!["closes with a zip".into(), "has a zip down the front".into(), "with a zip".into()],
        "buttons" => vec!["closes with buttons".into(), "has buttons down the front".into(), "with buttons".into()],
        "pullover" => vec!["has no zip".into(), "is a pullover".into(), "without a zip".into()],
        "double-breasted" => vec!["is double-breasted".into(), "has two rows of buttons".into()],
        _ => vec!["is single-breasted".into(), "has a single row of buttons".into()],
    }
}

fn style_forms(noun: &str, to: &str) -> Vec<String> {
    match (noun, to) {
        ("hat", "beanie") => vec!["is a knitted beanie".into(), "as a beanie".into()],
        ("hat", "bucket") => vec!["is a bucket hat".into(), "as a bucket hat".into()],
        ("hat", "wide-brim") => vec!["has a wide brim".into(), "with a wide brim".into()],
        ("hat", _) => vec!["is a baseball cap".into(), "as a baseball cap".into()],
        ("bag", "shoulder") => vec!["is a shoulder bag".into(), "as a shoulder bag on a chain".into()],
        ("bag", "tote") => vec!["is a tote bag".into(), "as a tote".into()],
        ("bag", to) => vec![format!("is a {to}"), format!("as a {to}")],
        ("scarf", "fringed") => vec!["has fringes".into(), "with a fringe at the ends".into()],
        ("scarf", _) => vec!["has no fringe".into(), "with plain ends".into()],
        ("trainers", to) => vec![format!("is {to}"), format!("with a {to} shape")],
        (_, "pointed") => vec!["has a pointed toe".into(), "with pointed toes".into()],
        (_, "open-toe") => vec!["has an open toe".into(), "with open toes".into()],
        (_, "ankle-strap") => vec!["has an ankle strap".into(), "with a strap around the ankle".into()],
        (_, to) => vec![format!("is {to}")],
    }
}

fn not_forms(name: &str, was: &'static str) -> Vec<String> {
    match (name, was) {
        ("pattern", "solid") => vec!["is not plain".into(), "has any pattern at all".into(), "is patterned".into()],
        ("pattern", _) => {
            let old = adjective(name, was);
            vec![format!("is not {old}"), format!("in anything but {old}"), format!("has another pattern than {old}")]
        }
        ("colour", _) => vec![format!("is not {was}"), format!("in any colour but {was}"), "in another colour".into()],
        (_, "quilted") => vec!["is not quilted".into(), "without quilting".into()],
        _ => vec![format!("is not made of {was}"), "in another fabric".into(), format!("in any fabric but {was}")],
    }
}

fn more_forms(reference: &Item, name: &str) -> Vec<String> {
    match (name, reference.get("category")) {
        ("sleeve", _) => vec!["has longer sleeves".into(), "with longer sleeves".into()],
        ("heel", _) => vec!["has a higher heel".into(), "with higher heels".into()],
        (_, Some("boots")) => vec!["is higher on the leg".into(), "has a taller shaft".into()],
        _ => vec!["is longer".into(), "has a longer cut".into()],
    }
}

fn less_forms(reference: &Item, name: &str) -> Vec<String> {
    match (name, reference.get("category")) {
        ("sleeve", _) => vec!["has shorter sleeves or none".into(), "with less sleeve".into()],
        ("heel", _) => vec!["has a lower heel".into(), "with lower heels".into()],
        (_, Some("boots")) => vec!["is lower on the leg".into(), "has a shorter shaft".into()],
        _ => vec!["is shorter".into(), "has a shorter cut".into()],
    }
}

/// Questions in words only about one split: a phrase of attributes and every photo it fits.
pub fn text(items: &[Item], split: Split, seed: u64) -> Vec<Query> {
    let shelf: Vec<&Item> = items.iter().filter(|item| item.split == split).collect();
    let mut asked = BTreeSet::new();
    let mut queries = Vec::new();
    for item in &shelf {
        let mut rng = ChaCha8Rng::seed_from_u64(mix(seed ^ 0x7e27, item.seed));
        let named = named_attributes(item, &mut rng);
        if !asked.insert(named.clone()) {
            continue;
        }
        let fits = |other: &&&Item| named.iter().all(|name| other.get(name.0) == Some(name.1));
        let targets = shelf.iter().filter(fits).map(|other| other.id.clone()).collect();
        queries.push(Query { reference: None, captions: vec![phrase(&named, &mut rng)], targets });
    }
    queries
}

/// The category with one to three of an item's other attributes, in a fixed order.
fn named_attributes(item: &Item, rng: &mut ChaCha8Rng) -> BTreeSet<(&'static str, &'static str)> {
    let mut named: Vec<&str> = visible().filter(|name| *name != "category" && item.get(name).is_some()).collect();
    named.shuffle(rng);
    named.truncate(rng.random_range(1..=3));
    // People name the colour more often than anything else.
    if !named.contains(&"colour") && rng.random_bool(0.6) {
        named.push("colour");
    }
    named.push("category");
    visible().filter(|name| named.contains(name)).filter_map(|name| Some((name, item.get(name)?))).collect()
}

fn phrase(named: &BTreeSet<(&'static str, &'static str)>, rng: &mut ChaCha8Rng) -> String {
    let value = |name: &str| named.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let noun = value("category").unwrap_or_default();
    let mut front: Vec<&str> = Vec::new();
    let mut back: Vec<String> = Vec::new();
    for name in ["fit", "length", "sleeve", "neckline", "closure", "heel"] {
        let Some(value) = value(name) else { continue };
        match (name, value) {
            ("sleeve", "short" | "long") if rng.random_bool(0.5) => back.push(format!("with {value} sleeves")),
            ("neckline", "v-neck") if rng.random_bool(0.5) => back.push("with a v-neck".to_owned()),
            ("closure", "zip") if rng.random_bool(0.5) => back.push("with a zip".to_owned()),
            _ => front.push(adjective(name, value)),
        }
    }
    for name in ["colour", "pattern", "fabric"] {
        let Some(value) = value(name) else { continue };
        if name == "colour" && rng.random_bool(0.3) {
            back.insert(0, format!("in {value}"));
        } else {
            front.push(adjective(name, value));
        }
    }
    // A style belongs to its noun: "canvas tote bag".
    front.extend(value("style"));
    front.into_iter().map(str::to_owned).chain([noun.to_owned()]).chain(back).collect::<Vec<_>>().join(" ")
}
