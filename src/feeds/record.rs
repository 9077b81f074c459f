//! A thing that a feed tells of: names with values, several of one name allowed. Rows of tables, elements of XML and objects
//! of JSON all become this.

use super::names::plain;
use super::table::Table;
use std::rc::Rc;

/// A name of a field.
#[derive(Debug, PartialEq)]
pub struct Name {
    /// As it is written.
    pub written: String,
    /// Without case, blanks, signs and counts: `image[0].url` is `imageurl`.
    pub plain: String,
}

impl Name {
    /// A name as it is written.
    pub fn new(written: &str) -> Rc<Self> {
        let mut text = String::with_capacity(written.len());
        let mut inside = false;
        for c in written.chars() {
            inside = (inside || c == '[') && c != ']';
            if !inside {
                text.push(c);
            }
        }
        Rc::new(Self { plain: plain(&text), written: written.trim().to_string() })
    }
}

/// One thing with its fields.
#[derive(Debug, Default)]
pub struct Record {
    /// Its row in a spreadsheet, or its number in the file.
    pub row: usize,
    fields: Vec<(Rc<Name>, String)>,
}

impl Record {
    /// Nothing yet.
    pub fn new(row: usize) -> Self {
        Self { row, fields: Vec::new() }
    }

    /// Adds a field; one without a value is none.
    pub fn push(&mut self, name: &Rc<Name>, value: &str) {
        let value = value.trim();
        if !value.is_empty() {
            self.fields.push((name.clone(), value.to_string()));
        }
    }

    /// All records of a table.
    pub fn of_table(table: &Table) -> Vec<Self> {
        let names: Vec<Rc<Name>> = table.header.iter().map(|name| Name::new(name)).collect();
        let record = |row: &super::table::Row| {
            let mut record = Self::new(row.number);
            names.iter().zip(row.cells()).for_each(|(name, cell)| record.push(name, cell));
            record
        };
        table.rows.iter().map(record).collect()
    }

    /// The value of the first of these names that has one; nothing where none has.
    pub fn get(&self, names: &[&str]) -> &str {
        self.all(names).first().copied().unwrap_or_default()
    }

    /// All values of these names, those of the first name first.
    pub fn all(&self, names: &[&str]) -> Vec<&str> {
        let of = |name: &&str| {
            let name = plain(name);
            self.fields.iter().filter(move |(known, _)| known.plain == name).map(|(_, value)| value.as_str())
        };
        names.iter().flat_map(of).collect()
    }

    /// Names and values in the order of the feed.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &str)> {
        self.fields.iter().map(|(name, value)| (&**name, value.as_str()))
    }
}
