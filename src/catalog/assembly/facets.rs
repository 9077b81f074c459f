//! Which attributes of a catalog are worth filtering by.

use crate::catalog::format::{Facet, FacetValue, Item};
use std::collections::{BTreeMap, HashMap};

/// An attribute with more values than this is no filter.
const MOST_VALUES: usize = 60;

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
        for (name, value) in item.values() {
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
            } else if values.len() < MOST_VALUES {
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
        let mut facets = Vec::new();
        for (name, values) in counted.filter(|(_, values)| values.len() >= 2) {
            let mut values: Vec<FacetValue> =
                values.iter().map(|(value, &count)| FacetValue { value: value.clone(), count }).collect();
            values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
            facets.push(Facet { name: name.clone(), values });
        }
        facets
    }
}
