//! Which attributes of a catalog are worth filtering by.

use super::kinds::{self, Kind, same};
use crate::catalog::format::{Facet, FacetValue, Item};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Values of a filter; of an attribute with more the commonest are kept.
const MOST_VALUES: usize = 60;

/// An attribute with more values than a filter has is one all the same if each is had by as many products on average.
const REPEATS: usize = 3;

/// Values that are counted of one attribute.
const MOST_COUNTED: usize = 5000;

/// A longer value is a description, in characters.
const MOST_LETTERS: usize = 80;

/// Attributes that are counted; a part from elsewhere may name another for each photo.
const MOST_ATTRIBUTES: usize = 1000;

/// Which attributes are filters, where the owner says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetChoice {
    /// These and no others, in this order, whatever their values look like; chosen by their values where there are none.
    pub named: Vec<String>,
}

/// The values of one attribute.
#[derive(Default)]
struct Counted {
    /// How many products have each; none where there are too many to be a filter.
    values: Option<HashMap<String, usize>>,
    /// Products with a value that is too long for one.
    long: usize,
}

/// Counts the values of attributes, product by product.
#[derive(Default)]
pub struct FacetCounts {
    /// Which attributes are filters, where the owner says it.
    pub choice: FacetChoice,
    attributes: BTreeMap<String, Counted>,
    /// Photos that are the only one of their product.
    single: usize,
    /// Products with several photos.
    products: HashSet<String>,
}

impl FacetCounts {
    /// Counts the values of a photo's product, once for all its photos.
    pub fn add(&mut self, item: &Item) {
        let new = match &item.product {
            None => {
                self.single += 1;
                true
            }
            Some(product) => self.products.insert(product.clone()),
        };
        if new {
            item.values().for_each(|(name, value)| self.count(name, value));
        }
    }

    fn count(&mut self, name: &str, value: &str) {
        if !self.attributes.contains_key(name) {
            if self.attributes.len() >= MOST_ATTRIBUTES {
                return;
            }
            self.attributes.insert(name.to_string(), Counted { values: Some(HashMap::new()), long: 0 });
        }
        let Some(counted) = self.attributes.get_mut(name) else { return };
        if value.chars().nth(MOST_LETTERS).is_some() {
            counted.long += 1;
            return;
        }
        let Some(values) = &mut counted.values else { return };
        if let Some(count) = values.get_mut(value) {
            *count += 1;
        } else if values.len() < MOST_COUNTED {
            values.insert(value.to_string(), 1);
        } else {
            // a million titles in a column that nobody named are not kept in memory
            counted.values = None;
        }
    }

    /// Number of products.
    pub fn products(&self) -> usize {
        self.single + self.products.len()
    }

    /// The attributes that are worth filtering by, with their values counted; those that the owner names in their place.
    pub fn finish(&self) -> Vec<Facet> {
        let named = &self.choice.named;
        if named.is_empty() {
            let worth =
                |(name, counted): (&String, &Counted)| facet(name, counted, |values| counted.is_facet(name, values));
            return self.attributes.iter().filter_map(worth).collect();
        }
        let of = |wanted: &String| {
            let (name, counted) = self.attributes.iter().find(|(name, _)| same(name, wanted))?;
            facet(name, counted, |_| true)
        };
        named.iter().filter_map(of).collect()
    }
}

impl Counted {
    /// Whether values are those of a filter: there are some, they repeat, and they are neither codes nor sentences.
    fn is_facet(&self, name: &str, values: &HashMap<String, usize>) -> bool {
        let all: usize = values.values().sum();
        let repeats = values.len() <= MOST_VALUES || all >= REPEATS * values.len();
        values.len() >= 2 && repeats && self.long <= all && kinds::of(name, values).is_none_or(Kind::is_facet)
    }
}

/// The filter of an attribute whose values are `worth` it.
fn facet(name: &str, counted: &Counted, worth: impl Fn(&HashMap<String, usize>) -> bool) -> Option<Facet> {
    let values = counted.values.as_ref().filter(|values| !values.is_empty() && worth(values))?;
    let kind = kinds::of(name, values);
    let mut listed: Vec<FacetValue> =
        values.iter().map(|(value, &count)| FacetValue { value: value.clone(), count }).collect();
    listed.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    listed.truncate(MOST_VALUES);
    if kind == Some(Kind::Size) {
        listed.sort_by(|a, b| {
            kinds::size(&a.value).partial_cmp(&kinds::size(&b.value)).unwrap_or(std::cmp::Ordering::Equal)
        });
    }
    Some(Facet { name: name.to_string(), kind: kind.and_then(Kind::word).map(str::to_string), values: listed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::format::tests::item;

    /// The filter made of these values, a photo each.
    fn facet(values: impl Iterator<Item = String>) -> Option<Facet> {
        let mut counts = FacetCounts::default();
        for value in values {
            let mut photo = item("a");
            photo.attributes.insert("kind".into(), value);
            counts.add(&photo);
        }
        counts.finish().pop()
    }

    #[test]
    fn a_filter_repeats_is_short_and_keeps_its_commonest_values() {
        let kind = |i: usize| format!("kind {i}");
        // 67 kinds, the last the commonest
        let many = facet((0..67).flat_map(|i| std::iter::repeat_n(kind(i), 3 + i))).unwrap();
        assert_eq!((many.values.len(), many.values[0].value.as_str()), (60, "kind 66"));
        assert_eq!(facet((0..61).map(kind)), None, "codes");
        assert_eq!(facet((0..6000).cycle().take(60_000).map(kind)), None, "too many");
        assert_eq!(facet((0..3).map(|i| format!("{i}{}", "x".repeat(100)))), None, "descriptions");
        assert_eq!(facet((0..2).map(kind)).unwrap().values.len(), 2);
        assert_eq!(facet((0..5).map(|_| kind(1))), None, "one value divides nothing");
    }

    #[test]
    fn a_product_counts_once_whatever_its_photos() {
        let mut counts = FacetCounts::default();
        for (id, product, color) in
            [("a", Some("a"), "red"), ("a~2", Some("a"), "red"), ("b", None, "blue"), ("c~2", Some("c"), "red")]
        {
            let mut photo = item(id);
            photo.product = product.map(str::to_string);
            photo.attributes.insert("color".into(), color.into());
            counts.add(&photo);
        }
        let facet = counts.finish().pop().unwrap();
        let values: Vec<(&str, usize)> = facet.values.iter().map(|value| (value.value.as_str(), value.count)).collect();
        assert_eq!((counts.products(), values), (3, vec![("red", 2), ("blue", 1)]));
    }

    #[test]
    fn the_owner_s_choice_counts_more_than_what_values_look_like() {
        let mut counts = FacetCounts {
            choice: FacetChoice { named: vec!["EAN".into(), "kind".into(), "none".into()] },
            ..FacetCounts::default()
        };
        for i in 0..4 {
            let mut photo = item("a");
            let values =
                [("kind", format!("kind {}", i % 2)), ("ean", format!("400638133393{i}")), ("color", format!("{i}"))];
            photo.attributes = values.map(|(name, value)| (name.to_string(), value)).into();
            counts.add(&photo);
        }
        let names = |counts: &FacetCounts| counts.finish().into_iter().map(|facet| facet.name).collect::<Vec<_>>();
        assert_eq!(names(&counts), ["ean", "kind"]);
        counts.choice = FacetChoice::default();
        assert_eq!(names(&counts), ["color", "kind"]);
    }
}
