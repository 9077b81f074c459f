//! Which rows hold a term, and in which field.

use std::collections::BTreeMap;

/// Where a word stands in a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// In its title.
    Title,
    /// In the value of an attribute.
    Value,
}

impl Field {
    /// Its bit in a posting.
    pub fn bit(self) -> u8 {
        match self {
            Self::Title => 1,
            Self::Value => 2,
        }
    }
}

/// Rows of every term, ascending, with the fields that hold it.
#[derive(Clone, Debug, Default)]
pub struct Postings {
    starts: Vec<u32>,
    rows: Vec<u32>,
    fields: Vec<u8>,
}

impl Postings {
    /// Of the rows and fields of each term.
    pub fn of(terms: Vec<BTreeMap<u32, u8>>) -> Self {
        let mut postings = Self { starts: vec![0], ..Self::default() };
        for term in terms {
            postings.rows.extend(term.keys());
            postings.fields.extend(term.values());
            postings.starts.push(postings.rows.len() as u32);
        }
        postings
    }

    /// The rows of a term, and its fields in each.
    pub fn of_term(&self, term: u32) -> (&[u32], &[u8]) {
        let range = self.starts[term as usize] as usize..self.starts[term as usize + 1] as usize;
        (&self.rows[range.clone()], &self.fields[range])
    }

    /// How many rows hold a term in a field.
    pub fn count(&self, term: u32, field: Field) -> usize {
        self.of_term(term).1.iter().filter(|&&fields| fields & field.bit() != 0).count()
    }
}
