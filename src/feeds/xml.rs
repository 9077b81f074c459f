//! RSS and Atom → records: one an `item` or `entry`, of whose direct children alone the fields are made, so that the price of
//! `shipping` is not the price.

use super::record::{Name, Record};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;
use std::rc::Rc;

/// What could be read of a file, and what could not.
#[derive(Debug, Default)]
pub struct Found {
    /// The products.
    pub records: Vec<Record>,
    /// Lines and causes.
    pub problems: Vec<String>,
}

/// A product that is being read.
struct Open {
    record: Record,
    /// Fields without a prefix, which count after those with one: Atom has an `id` of its own.
    bare: Vec<(Rc<Name>, String)>,
    /// Elements around the current place, inside the product, with their prefixes.
    path: Vec<(String, String)>,
    /// Text of the current child.
    text: String,
    /// Text of its own children, by their names.
    inner: Vec<(String, String)>,
    inner_text: String,
}

/// Reads a whole text. After a fault it goes on with the next product.
pub fn read(text: &str) -> Found {
    let mut found = Found::default();
    let mut names = Names::new(text);
    let mut from = 0;
    while let Err((at, cause)) = read_from(&text[from..], from == 0, &mut found.records, &mut names) {
        let at = from + at.min(text.len() - from);
        let line = 1 + text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
        let read = found.records.len();
        found.problems.push(format!("line {line}: {cause}; {read} products before it were read"));
        match next_product(text, at.max(from + 1)) {
            Some(next) => from = next,
            None => break,
        }
    }
    found
}

/// Where the next product begins.
fn next_product(text: &str, from: usize) -> Option<usize> {
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at))?;
    let next = |tag: &str| {
        text[from..]
            .match_indices(tag)
            .map(|(at, _)| from + at)
            .find(|at| text[at + tag.len()..].starts_with(|c: char| c == '>' || c.is_whitespace()))
    };
    [next("<item"), next("<entry"), next("<product")].into_iter().flatten().min()
}

/// Names by how they are written, and the prefix of Google's.
struct Names {
    by_writing: HashMap<String, Rc<Name>>,
    prefix: String,
}

impl Names {
    /// The usual prefix is `g`; a file may declare another.
    fn new(text: &str) -> Self {
        let before = text.split_once("base.google.com/ns/1.0").map_or("", |(before, _)| before);
        let prefix =
            before.rsplit_once("xmlns:").and_then(|(_, rest)| Some(rest.split_once('=')?.0.trim().to_string()));
        Self { by_writing: HashMap::new(), prefix: prefix.unwrap_or("g".into()) }
    }

    fn of(&mut self, written: &str) -> Rc<Name> {
        if let Some(name) = self.by_writing.get(written) {
            return name.clone();
        }
        let name = Name::new(written);
        self.by_writing.insert(written.to_string(), name.clone());
        name
    }
}

fn read_from(text: &str, whole: bool, records: &mut Vec<Record>, names: &mut Names) -> Result<(), (usize, String)> {
    let mut reader = Reader::from_str(text);
    // `&` alone is common in addresses, and what it means is clear
    reader.config_mut().allow_dangling_amp = true;
    // after a fault the elements around the products are not known any more
    reader.config_mut().allow_unmatched_ends = !whole;
    let is_product = |name: &str| matches!(name, "item" | "entry" | "product");
    let mut open: Option<Open> = None;
    loop {
        let before = reader.buffer_position() as usize;
        let event = reader.read_event();
        let event = event.map_err(|error| (before.max(reader.error_position() as usize), error.to_string()))?;
        match (event, &mut open) {
            (Event::Eof, None) => return Ok(()),
            (Event::Eof, Some(_)) => return Err((text.len(), "the file ends within a product".into())),
            (Event::Start(tag), None) if is_product(&local(&tag).1) => {
                open = Some(Open::new(records.len() + 1));
            }
            (Event::Start(tag), Some(product)) => product.start(&tag, names),
            (Event::Empty(tag), Some(product)) => product.link(&tag, names),
            (Event::Text(text), Some(product)) => product.text(&text.xml10_content()),
            (Event::CData(text), Some(product)) => product.text(&text.xml10_content()),
            (Event::GeneralRef(name), Some(product)) => product.text(&entity(&name.xml10_content())),
            (Event::End(_), Some(product)) if product.path.is_empty() => {
                records.extend(open.take().map(Open::finished));
            }
            (Event::End(_), Some(product)) => product.end(names),
            _ => {}
        }
    }
}

/// The prefix of an element's name, and the rest.
fn local(tag: &BytesStart) -> (String, String) {
    let name = tag.name();
    let name = String::from_utf8_lossy(name.as_ref().as_ref()).into_owned();
    match name.split_once(':') {
        Some((prefix, name)) => (prefix.to_string(), name.to_string()),
        None => (String::new(), name),
    }
}

/// What an entity stands for. HTML knows more of them than XML; those stay as they are written, and are read with the HTML.
fn entity(name: &str) -> String {
    let written = format!("&{name};");
    quick_xml::escape::unescape(&written).map_or(written.clone(), |text| text.into_owned())
}

impl Open {
    fn new(row: usize) -> Self {
        let record = Record::new(row);
        let (text, inner_text) = (String::new(), String::new());
        Self { record, bare: Vec::new(), path: Vec::new(), text, inner: Vec::new(), inner_text }
    }

    fn start(&mut self, tag: &BytesStart, names: &mut Names) {
        self.link(tag, names);
        self.path.push(local(tag));
        match self.path.len() {
            1 => (self.text.clear(), self.inner.clear()).0,
            2 => self.inner_text.clear(),
            _ => {}
        }
    }

    /// Atom's links have their address in an attribute.
    fn link(&mut self, tag: &BytesStart, names: &mut Names) {
        if !self.path.is_empty() || local(tag).1 != "link" {
            return;
        }
        let get = |name: &str| {
            let attribute = tag.try_get_attribute(name).ok().flatten()?;
            Some(String::from_utf8_lossy(attribute.value.as_ref().as_ref()).into_owned())
        };
        if matches!(get("rel").as_deref(), None | Some("alternate")) {
            self.bare.push((names.of("link"), get("href").unwrap_or_default()));
        }
    }

    fn text(&mut self, text: &str) {
        match self.path.len() {
            1 => self.text.push_str(text),
            2 => self.inner_text.push_str(text),
            _ => {}
        }
    }

    fn end(&mut self, names: &mut Names) {
        let Some((prefix, name)) = self.path.pop() else { return };
        match self.path.len() {
            0 if self.inner.is_empty() => {
                self.field(prefix == names.prefix, &prefix, names.of(&name), self.text.clone())
            }
            // of what has children, only photos mean anything
            0 if name == "image" || name.ends_with("image_link") => {
                let address = self.inner.iter().find(|(name, _)| name == "url").map(|(_, address)| address.clone());
                address
                    .into_iter()
                    .for_each(|address| self.field(prefix == names.prefix, &prefix, names.of("image_link"), address));
            }
            1 => self.inner.push((name, std::mem::take(&mut self.inner_text))),
            _ => {}
        }
    }

    /// Keeps a field. Other prefixes than the usual one are of other vocabularies.
    fn field(&mut self, ours: bool, prefix: &str, name: Rc<Name>, value: String) {
        match prefix {
            _ if ours => self.record.push(&name, &value),
            "" => self.bare.push((name, value)),
            _ => {}
        }
    }

    fn finished(mut self) -> Record {
        self.bare.iter().for_each(|(name, value)| self.record.push(name, value));
        self.record
    }
}
