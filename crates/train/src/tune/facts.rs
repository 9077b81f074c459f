//! What a shop's attributes say of its products, whatever the shop calls them: the values and names tell it, and where a shop
//! has no attribute for it, the words of its titles.

use crate::data::Role;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use vitrine::catalog::assembly::kinds;
use vitrine::feeds::names::{plain, plain_set};
use vitrine::search::fold::tokens;
use vitrine::search::glossary::{Concept, Glossary, Kind};

/// A value says something of a shop if as many products have it.
const REPEATS: usize = 3;

/// What is told of a product, in English and in lower case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// Its title.
    pub title: String,
    /// Attributes of which it has one value.
    pub values: BTreeMap<String, String>,
}

/// Attributes and their values, as [`Data`](crate::data::Data) has them.
#[derive(Debug, Default)]
pub struct Facts {
    /// What each attribute says.
    pub roles: Vec<Role>,
    /// Values of each; entry 0 is empty.
    pub words: Vec<Vec<String>>,
    /// Values that one garment may have both of, the smaller number first.
    pub near: Vec<HashSet<(u16, u16)>>,
    /// Each product's values by number; 0 is unknown.
    pub of: Vec<Vec<u16>>,
}

/// An attribute's values by product.
type Column = Vec<Option<String>>;

impl Facts {
    /// Finds the attributes that repeat.
    pub fn of(products: &[Told], glossary: &Glossary) -> Self {
        let own = own(products, glossary);
        let titles = of_titles(products, glossary);
        let mut columns: Vec<(Role, Column)> = Vec::new();
        for role in [Role::Kind, Role::Color, Role::Person, Role::Pattern, Role::Usage] {
            let of_role = |columns: &[(Role, Column)]| best(&role, columns);
            columns.extend(of_role(&own).or_else(|| of_role(&titles)));
        }
        let further = |(role, _): &&(Role, Column)| matches!(role, Role::Seen(_) | Role::Unseen(_));
        columns.extend(own.iter().filter(further).cloned());
        let known: Vec<String> = columns.iter().filter_map(|(role, _)| name_of(role).map(plain)).collect();
        let is_new = |(role, _): &&(Role, Column)| name_of(role).is_some_and(|name| !known.contains(&plain(name)));
        columns.extend(titles.iter().filter(is_new).cloned());
        columns.retain(|(_, column)| repeated(column).len() >= 2);
        Self::numbered(products.len(), columns)
    }

    fn numbered(products: usize, columns: Vec<(Role, Column)>) -> Self {
        let mut facts = Self { of: vec![Vec::new(); products], ..Self::default() };
        for (role, column) in columns {
            let words: Vec<String> = std::iter::once(String::new()).chain(repeated(&column)).collect();
            let number: HashMap<&str, u16> = words.iter().zip(0..).map(|(word, n)| (word.as_str(), n)).collect();
            for (of, value) in facts.of.iter_mut().zip(&column) {
                of.push(value.as_deref().and_then(|value| number.get(value)).copied().unwrap_or(0));
            }
            facts.near.push(near(&words));
            facts.roles.push(role);
            facts.words.push(words);
        }
        facts
    }
}

/// Values that enough products have, in order.
fn repeated(column: &Column) -> BTreeSet<String> {
    let mut counts: HashMap<&String, usize> = HashMap::new();
    column.iter().flatten().for_each(|value| *counts.entry(value).or_default() += 1);
    counts.into_iter().filter(|(_, n)| *n >= REPEATS).map(|(value, _)| value.clone()).collect()
}

/// Pairs of values of which one says what the other says and more: "blue" and "navy blue".
fn near(words: &[String]) -> HashSet<(u16, u16)> {
    let sets: Vec<BTreeSet<String>> = words.iter().map(|word| tokens(word).collect()).collect();
    let pairs = (1..sets.len()).flat_map(|i| (i + 1..sets.len()).map(move |j| (i, j)));
    let related = pairs.filter(|&(i, j)| sets[i].is_subset(&sets[j]) || sets[j].is_subset(&sets[i]));
    related.map(|(i, j)| (i as u16, j as u16)).collect()
}

/// The column of a role that tells most: that which most products have, and of kinds the one with the most values.
fn best(role: &Role, columns: &[(Role, Column)]) -> Option<(Role, Column)> {
    let of_role = columns.iter().filter(|(found, column)| found == role && repeated(column).len() >= 2);
    let known = |column: &Column| column.iter().flatten().count();
    let weight = |column: &Column| match role {
        // "shirts" tells more than "apparel", if it is known of enough
        Role::Kind if known(column) * 2 >= column.len() => (1, repeated(column).len()),
        _ => (0, known(column)),
    };
    // a role that one product in twenty has is worth less than what titles tell
    of_role.filter(|(_, column)| known(column) * 20 >= column.len()).max_by_key(|(_, column)| weight(column)).cloned()
}

/// The shop's own attributes that a photo may show or that people ask for.
fn own(products: &[Told], glossary: &Glossary) -> Vec<(Role, Column)> {
    let names: BTreeSet<&String> = products.iter().flat_map(|product| product.values.keys()).collect();
    let column =
        |name: &String| -> Column { products.iter().map(|product| product.values.get(name).cloned()).collect() };
    names.into_iter().filter_map(|name| Some((role(name, &column(name), glossary)?, column(name)))).collect()
}

const UNSEEN: &str = "brand, designer, manufacturer, vendor, Marke, Hersteller, marque, marca, collection, series, season, seasons, \
    Saison, temporada, stagione, year, condition, care, department, made in, country of origin";
const NOTHING: &str = "size group, size type, size system, sku, id, stock";
const KINDS: &str = "category, categories, sub category, product category, kind, type, product type, article type, item type, \
    garment, garment type, product group, Kategorie, Warengruppe, Produktart, catégorie, categoría, categoria, tipo";
const PERSONS: &str = "gender, sex, age group, target group, Geschlecht, Zielgruppe, genre, sexe, género, genere";
const PATTERNS: &str = "pattern, print, motif, Muster, motivo";
const USAGES: &str = "usage, occasion, activity, sport, Anlass";

/// What an attribute says; none if it is nothing to learn from, such as a size.
fn role(name: &str, column: &Column, glossary: &Glossary) -> Option<Role> {
    let mut values: HashMap<String, usize> = HashMap::new();
    column.iter().flatten().for_each(|value| *values.entry(value.clone()).or_default() += 1);
    let named = |names: &str| plain_set(names).contains(&plain(name));
    if named(NOTHING) {
        return None;
    }
    if named(UNSEEN) {
        return Some(Role::Unseen(name.to_string()));
    }
    match kinds::of(name, &values) {
        Some(kinds::Kind::Color) => return Some(Role::Color),
        Some(_) => return None,
        None => {}
    }
    let lists = [(KINDS, Role::Kind), (PERSONS, Role::Person), (PATTERNS, Role::Pattern), (USAGES, Role::Usage)];
    let listed = lists.into_iter().find(|(names, _)| named(names)).map(|(_, role)| role);
    Some(listed.or_else(|| by_values(&values, glossary)).unwrap_or_else(|| Role::Seen(name.to_string())))
}

/// What most of these values say, where they are words that everybody knows. What has no role of its own is spoken of by the
/// shop's name for it.
fn by_values(values: &HashMap<String, usize>, glossary: &Glossary) -> Option<Role> {
    let all: usize = values.values().sum();
    [Role::Kind, Role::Color, Role::Person, Role::Pattern, Role::Usage].into_iter().find(|role| {
        let says = |value: &String| {
            let words: Vec<String> = tokens(value).collect();
            meaning(&words, glossary).is_some_and(|(n, found, _)| n == words.len() && found.as_ref() == Some(role))
        };
        values.iter().filter(|(value, _)| says(value)).map(|(_, n)| n).sum::<usize>() * 2 > all
    })
}

/// How many of the first words have a meaning together, what it says of a garment, and its usual name.
fn meaning<'g>(words: &[String], glossary: &'g Glossary) -> Option<(usize, Option<Role>, &'g str)> {
    let found = glossary.find(words)?;
    let [meant] = &found.parts[..] else { return Some((found.words.max(1), None, "")) };
    let meant = meant.iter().find(|meant| meant.usual).or(meant.first())?;
    let concept = glossary.concept(meant.concept);
    Some((found.words.max(1), role_of(concept), &concept.name))
}

fn role_of(concept: &Concept) -> Option<Role> {
    match concept.kind {
        Kind::Thing => Some(Role::Kind),
        Kind::Person => Some(Role::Person),
        Kind::Grammar => None,
        Kind::Quality => concept.values.iter().find_map(|(attribute, _)| match attribute.trim_end_matches("_x") {
            "colour" | "baseColour" => Some(Role::Color),
            "pattern" => Some(Role::Pattern),
            "gender" | "people" => Some(Role::Person),
            "occasion" | "usage" => Some(Role::Usage),
            "fabric" | "material" => Some(Role::Seen("material".into())),
            name @ ("sleeve" | "length" | "neckline" | "closure" | "heel" | "fit") => Some(Role::Seen(name.into())),
            _ => None,
        }),
    }
}

/// What titles say, a column a role.
fn of_titles(products: &[Told], glossary: &Glossary) -> Vec<(Role, Column)> {
    let mut columns: Vec<(Role, Column)> = Vec::new();
    for (at, product) in products.iter().enumerate() {
        for (role, value) in of_title(&product.title, glossary) {
            let place = columns.iter().position(|(known, _)| *known == role).unwrap_or_else(|| {
                columns.push((role, vec![None; products.len()]));
                columns.len() - 1
            });
            columns[place].1[at] = value;
        }
    }
    columns
}

/// What a title says: of kinds the last, as in "denim shirt dress"; two values of anything else are none.
fn of_title(title: &str, glossary: &Glossary) -> Vec<(Role, Option<String>)> {
    let words: Vec<String> = tokens(title).collect();
    let mut said: Vec<(Role, Option<String>)> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let Some((n, role, name)) = meaning(&words[at..], glossary) else {
            at += 1;
            continue;
        };
        at += n;
        let Some(role) = role else { continue };
        let value = Some(name.to_lowercase());
        match said.iter_mut().find(|(known, _)| *known == role) {
            Some((Role::Kind, known)) => *known = value,
            Some((_, known)) if *known == value => {}
            Some((_, known)) => *known = None,
            None => said.push((role, value)),
        }
    }
    said
}

fn name_of(role: &Role) -> Option<&str> {
    match role {
        Role::Seen(name) | Role::Unseen(name) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine::search::glossary::{Glossaries, language::Language};

    fn products(rows: &[(&str, &str)]) -> Vec<Told> {
        let told = |&(title, values): &(&str, &str)| {
            let pairs = values.split(';').filter_map(|pair| pair.split_once('='));
            let values = pairs.map(|(name, value)| (name.to_string(), value.to_string())).collect();
            Told { title: title.to_string(), values }
        };
        rows.iter().flat_map(|row| std::iter::repeat_n(told(row), REPEATS)).collect()
    }

    fn facts(rows: &[(&str, &str)]) -> Vec<(Role, Vec<String>)> {
        let glossaries = Glossaries::shipped().unwrap();
        let facts = Facts::of(&products(rows), glossaries.of(Language::English).unwrap());
        facts.roles.into_iter().zip(facts.words).map(|(role, words)| (role, words[1..].to_vec())).collect()
    }

    /// A name, titles with their attributes, and what is found.
    type Case = (&'static str, &'static [(&'static str, &'static str)], Vec<(Role, &'static str)>);

    #[test]
    fn attributes_of_any_name_are_told_by_their_values() {
        let seen = |name: &str| Role::Seen(name.into());
        let cases: [Case; 8] = [
            (
                "names",
                &[("x", "colour=red;category=dress"), ("y", "colour=blue;category=shirt")],
                vec![(Role::Kind, "dress shirt"), (Role::Color, "blue red")],
            ),
            (
                "names of nobody else",
                &[("x", "tint=red;thing=dress;wearer=women"), ("y", "tint=blue;thing=shirt;wearer=men")],
                vec![(Role::Kind, "dress shirt"), (Role::Color, "blue red"), (Role::Person, "men women")],
            ),
            (
                "what a photo shows, by the shop's name for it",
                &[("x", "heel shape=kitten"), ("y", "heel shape=block")],
                vec![(seen("heel shape"), "block kitten")],
            ),
            (
                "brands, which no photo shows",
                &[("x", "brand=ida"), ("y", "brand=ola")],
                vec![(Role::Unseen("brand".into()), "ida ola")],
            ),
            (
                "sizes, prices and codes",
                &[("x", "size=m;sku=4711-22;ean=4006381333931"), ("y", "size=l;sku=1-2")],
                vec![],
            ),
            ("what does not change", &[("x", "colour=red"), ("y", "colour=red")], vec![]),
            (
                "titles",
                &[("Striped red dress", ""), ("Floral blue shirt", "")],
                vec![(Role::Kind, "dress shirt"), (Role::Color, "blue red"), (Role::Pattern, "floral striped")],
            ),
            (
                "the finest of several kinds",
                &[
                    ("x", "category=apparel;type=dress"),
                    ("y", "category=shoes;type=boot"),
                    ("z", "category=shoes;type=shirt"),
                ],
                vec![(Role::Kind, "boot dress shirt")],
            ),
        ];
        for (case, rows, expected) in cases {
            let expected: Vec<(Role, Vec<String>)> = expected
                .into_iter()
                .map(|(role, words)| (role, words.split(' ').map(str::to_string).collect()))
                .collect();
            assert_eq!(facts(rows), expected, "{case}");
        }
    }

    #[test]
    fn values_that_say_more_are_near_and_rare_ones_unknown() {
        let words = ["", "blue", "dark blue", "navy", "red"].map(str::to_string);
        assert_eq!(near(&words), HashSet::from([(1, 2)]));
        let mut told = products(&[("x", "colour=red"), ("y", "colour=blue")]);
        told.push(Told { values: [("colour".to_string(), "ochre".to_string())].into(), ..Told::default() });
        let facts = Facts::of(&told, Glossaries::shipped().unwrap().of(Language::English).unwrap());
        assert_eq!(facts.of.last().unwrap(), &[0]);
        assert_eq!((facts.of[0][0], facts.of[3][0]), (2, 1));
    }

    #[test]
    fn two_values_in_a_title_are_none() {
        let glossaries = Glossaries::shipped().unwrap();
        let english = glossaries.of(Language::English).unwrap();
        let said = of_title("Red and blue denim jacket with hood over a skirt", english);
        assert!(said.contains(&(Role::Color, None)) && said.contains(&(Role::Kind, Some("skirt".into()))), "{said:?}");
    }
}
