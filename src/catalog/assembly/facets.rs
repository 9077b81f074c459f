//! Which attributes of a catalog are worth filtering by.

use crate::catalog::format::{Facet, FacetValue, Item};
use std::collections::{BTreeMap, HashMap};

/// Values of a filter; of an attribute with more the commonest are kept.
const MOST_VALUES: usize = 60;

/// An attribute with more values than a filter has is one all the same if each is had by as many photos on average.
const REPEATS: usize = 3;

/// Values that are counted of one attribute.
const MOST_COUNTED: usize = 5000;

/// A longer value is a description, in characters.
const MOST_LETTERS: usize = 80;

/// Attributes that are counted; a part from elsewhere may name another for each photo.
const MOST_ATTRIBUTES: usize = 1000;

/// Counts the values of attributes, photo by photo.
#[derive(Default)]
pub struct FacetCounts {
    /// Counts by attribute and value; none for an attribute that has too many values to be a filter.
    attributes: BTreeMap<String, Option<HashMap<String, usize>>>,
}

impl FacetCounts {
    /// Counts one photo's values.
    pub fn add(&mut self, item: &Item) {
        for (name, value) in item.values().filter(|(_, value)| value.chars().nth(MOST_LETTERS).is_none()) {
            if !self.attributes.contains_key(name) {
                if self.attributes.len() >= MOST_ATTRIBUTES {
                    continue;
                }
                self.attributes.insert(name.to_string(), Some(HashMap::new()));
            }
            let Some(slot) = self.attributes.get_mut(name) else { continue };
            let Some(values) = slot else { continue };
            if let Some(count) = values.get_mut(value) {
                *count += 1;
            } else if values.len() < MOST_COUNTED {
                values.insert(value.to_string(), 1);
            } else {
                // a million titles in a column that nobody named are not kept in memory
                *slot = None;
            }
        }
    }

    /// The attributes that are worth filtering by, with their values counted.
    pub fn finish(&self) -> Vec<Facet> {
        let counted = self.attributes.iter().filter_map(|(name, values)| Some((name, values.as_ref()?)));
        let repeats = |values: &HashMap<String, usize>| {
            values.len() <= MOST_VALUES || values.values().sum::<usize>() >= REPEATS * values.len()
        };
        let mut facets = Vec::new();
        for (name, values) in counted.filter(|(_, values)| values.len() >= 2 && repeats(values)) {
            let mut values: Vec<FacetValue> =
                values.iter().map(|(value, &count)| FacetValue { value: value.clone(), count }).collect();
            values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
            values.truncate(MOST_VALUES);
            facets.push(Facet { name: name.clone(), values });
        }
        facets
    }
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
}
