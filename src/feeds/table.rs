//! Delimited text → a table, whatever stands between the fields, however they are quoted, and wherever the header is.

use super::names::plain;
use csv::ReaderBuilder;

/// Words of headers of every format, by which the header's line and the delimiter are recognized.
const HEADERS: &str = "\
    id, title, name, description, link, image link, additional image link, availability, price, sale price, brand, \
    condition, item group id, color, colour, size, gender, age group, material, google product category, product type, \
    fb product category, handle, url handle, vendor, type, tags, published, status, option1 name, option1 value, \
    variant sku, variant price, image src, body html, sku, gtin, regular price, categories, images, parent, typ, \
    artikelnummer, kategorien, bilder, tipo, nombre, nom, publié, nome, naam, typ, titel, beschreibung, preis, titre, \
    prix, precio, prezzo, prijs, marke, marque, marca, farbe, größe, store view code, attribute set code, \
    product online, visibility, base image, additional attributes, configurable variations, qty, url key, url, image, \
    photo, stock, in stock, category, currency, ean, mpn, asin, label, product name, image url, titulo, título";

/// Lines above the header that are looked at.
const ABOVE: usize = 10;
/// Text by which the delimiter is chosen, in bytes.
const SAMPLE: usize = 64 << 10;

/// A table with its header.
#[derive(Debug, Default)]
pub struct Table {
    /// Names of the columns, as they are written.
    pub header: Vec<String>,
    /// The rows that have as many fields as the header.
    pub rows: Vec<Row>,
    /// The others: their row, first field and number of fields.
    pub ragged: Vec<(usize, String, usize)>,
    /// Lines above the header.
    pub above: Vec<Vec<String>>,
    /// What stands between fields.
    pub delimiter: u8,
    names: Vec<String>,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number in a spreadsheet, which counts from 1 and counts the header.
    pub number: usize,
    cells: Vec<String>,
}

impl Row {
    /// The field of a column, without blanks around it; nothing where there is no such column.
    pub fn get(&self, column: Option<usize>) -> &str {
        column.and_then(|column| self.cells.get(column)).map_or("", |cell| cell.trim())
    }

    /// All fields.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(|cell| cell.trim())
    }
}

/// How fields are quoted.
#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    /// A quote within quotes is written twice.
    Doubled,
    /// It has a backslash before it.
    Escaped,
    /// Quotes mean nothing.
    None,
}

impl Table {
    /// Reads a whole text.
    pub fn read(text: &str) -> Self {
        let (declared, text) = declared(text);
        let delimiter = declared.unwrap_or_else(|| guess(text));
        let mut best = Self::with(text, delimiter, Quotes::Doubled);
        if has_escapes(text) {
            let other = Self::with(text, delimiter, Quotes::Escaped);
            if other.ragged.len() <= best.ragged.len() && other.rows.len() >= best.rows.len() {
                best = other;
            }
        }
        for quotes in [Quotes::Escaped, Quotes::None] {
            if best.ragged.is_empty() {
                break;
            }
            let other = Self::with(text, delimiter, quotes);
            if other.ragged.len() < best.ragged.len() && other.rows.len() > best.rows.len() {
                best = other;
            }
        }
        best
    }

    /// Whether this is a table at all: two columns, and names of columns that somebody gave.
    pub fn is_table(&self) -> bool {
        self.header.len() >= 2 || self.names.iter().any(|name| is_known(name))
    }

    fn with(text: &str, delimiter: u8, quotes: Quotes) -> Self {
        let mut records = records(text, delimiter, quotes).enumerate();
        let first: Vec<(usize, Vec<String>)> = records.by_ref().take(ABOVE).collect();
        let score = |cells: &[String]| cells.iter().filter(|cell| is_known(&plain(cell))).count();
        let mut at = 0;
        for (i, (_, cells)) in first.iter().enumerate() {
            let comment = first[at].1.first().is_some_and(|cell| cell.starts_with('#'));
            if score(cells) > score(&first[at].1) || (comment && score(cells) == score(&first[at].1)) {
                at = i;
            }
        }
        let mut table = Self { delimiter, ..Self::default() };
        for (i, (number, cells)) in first.into_iter().enumerate() {
            match i.cmp(&at) {
                std::cmp::Ordering::Less => table.above.push(cells),
                std::cmp::Ordering::Equal => table.set_header(cells),
                std::cmp::Ordering::Greater => table.push(number + 1, cells),
            }
        }
        records.for_each(|(number, cells)| table.push(number + 1, cells));
        table
    }

    fn set_header(&mut self, mut cells: Vec<String>) {
        while cells.len() > 1 && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        self.header = cells.into_iter().map(|cell| cell.trim().to_string()).collect();
        self.names = self.header.iter().map(|name| plain(name)).collect();
    }

    /// Keeps a row: empty fields behind the last column do not count, and rows without any text are none.
    fn push(&mut self, number: usize, mut cells: Vec<String>) {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return;
        }
        while cells.len() > self.header.len() && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        match cells.len() == self.header.len() {
            true => self.rows.push(Row { number, cells: cells.into_iter().map(unguarded).collect() }),
            false => self.ragged.push((number, cells.first().cloned().unwrap_or_default(), cells.len())),
        }
    }

    /// The column of one of these names, the first of them first; case, blanks and signs do not count.
    pub fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.names.iter().position(|known| *known == plain(name)))
    }

    /// Whether there is a column of one of these names.
    pub fn has(&self, names: &[&str]) -> bool {
        self.column(names).is_some()
    }
}

/// Whether quotes have backslashes before them where no field ends. JSON within a field, whose quotes are doubled, is none.
fn has_escapes(text: &str) -> bool {
    text.match_indices("\\\"").any(|(at, _)| text[at + 2..].starts_with(|c: char| c.is_alphanumeric() || c == ' '))
}

fn is_known(name: &str) -> bool {
    HEADERS.split(',').any(|known| plain(known) == name)
}

/// What a first line `sep=;` says, and the text behind it.
fn declared(text: &str) -> (Option<u8>, &str) {
    let line = text.lines().next().unwrap_or_default();
    let said = line.trim().trim_matches('"').strip_prefix("sep=").and_then(|said| said.bytes().next());
    match said {
        Some(delimiter) if delimiter.is_ascii() => {
            (Some(delimiter), text[line.len()..].trim_start_matches(['\r', '\n']))
        }
        _ => (None, text),
    }
}

/// The delimiter under which most names of columns are found, and else the one that gives rows of one length.
fn guess(text: &str) -> u8 {
    let end = (0..=SAMPLE.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    let sample = &text[..end];
    let score = |delimiter: u8| {
        let records: Vec<Vec<String>> = records(sample, delimiter, Quotes::Doubled).take(200).collect();
        let known = |cells: &Vec<String>| cells.iter().filter(|cell| is_known(&plain(cell))).count();
        let names = records.iter().take(ABOVE).map(known).max().unwrap_or(0);
        let width = records.first().map_or(1, Vec::len);
        let alike = records.iter().filter(|cells| cells.len() == width && width > 1).count();
        (if names > 1 { names } else { 0 }, alike, names)
    };
    // the first of equals
    b",;\t|".iter().rev().copied().max_by_key(|&delimiter| score(delimiter)).unwrap_or(b',')
}

fn records(text: &str, delimiter: u8, quotes: Quotes) -> impl Iterator<Item = Vec<String>> + use<'_> {
    let reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .quoting(quotes != Quotes::None)
        .double_quote(quotes == Quotes::Doubled)
        .escape((quotes == Quotes::Escaped).then_some(b'\\'))
        .from_reader(text.as_bytes());
    // text from memory is UTF-8 and always readable
    reader.into_records().map_while(Result::ok).map(|record| record.iter().map(str::to_string).collect())
}

/// A field without what keeps spreadsheets from computing: `'=a`, `="0123"`.
fn unguarded(cell: String) -> String {
    if let Some(guarded) = cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@'])) {
        return guarded.to_string();
    }
    match cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) if !inside.contains('"') => inside.to_string(),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(table: &Table) -> Vec<Vec<&str>> {
        table.rows.iter().map(|row| row.cells().collect()).collect()
    }

    #[test]
    fn every_delimiter_and_way_to_quote_gives_the_same_table() {
        let texts = [
            "id,title,price\n1,\"Kleid, rot\",\"12,50\"\n2,\"zwei\nZeilen \"\"x\"\"\",3\n",
            "id;title;price\r\n1;Kleid, rot;12,50\r\n2;\"zwei\nZeilen \"\"x\"\"\";3\r\n",
            "id\ttitle\tprice\n1\tKleid, rot\t12,50\n2\t\"zwei\nZeilen \"\"x\"\"\"\t3",
            "id|title|price\n1|Kleid, rot|12,50\n2|\"zwei\nZeilen \"\"x\"\"\"|3",
            "sep=;\nid;title;price\n1;Kleid, rot;12,50\n2;\"zwei\nZeilen \"\"x\"\"\";3",
            "# made by a program\n\nid,title,price\n1,\"Kleid, rot\",\"12,50\"\n2,\"zwei\nZeilen \"\"x\"\"\",3\n",
            "id,title,price\n1,\"Kleid, rot\",\"12,50\"\n2,\"zwei\nZeilen \\\"x\\\"\",3\n",
            "id,title,price,,\n1,\"Kleid, rot\",\"12,50\",,\n2,\"zwei\nZeilen \"\"x\"\"\",3,,\n,,,,\n",
        ];
        for text in texts {
            let table = Table::read(text);
            assert_eq!(table.header, ["id", "title", "price"], "{text}");
            assert_eq!(cells(&table), [["1", "Kleid, rot", "12,50"], ["2", "zwei\nZeilen \"x\"", "3"]], "{text}");
        }
    }

    #[test]
    fn quotes_that_mean_inches_do_not_swallow_rows() {
        let table = Table::read("id\ttitle\tprice\n1\t\"5 inch\" heel\t3\n2\tHeel 5\"\t4\n3\t\"High\t5\n4\tFlat\t6\n");
        assert_eq!(table.rows.len(), 4, "{:?}", table.ragged);
    }

    #[test]
    fn rows_of_another_length_are_named_and_the_others_kept() {
        let table = Table::read("id,title,price\n1,a,2\n2,b\n3,c,4,5\n4,d,6\n");
        assert_eq!(table.ragged, [(3, "2".into(), 2), (4, "3".into(), 4)]);
        assert_eq!(table.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 5]);
    }

    #[test]
    fn fields_lose_what_keeps_spreadsheets_from_computing() {
        let cases =
            [("'=Mütze", "=Mütze"), ("'-5", "-5"), ("'s Hose", "'s Hose"), ("=\"0123\"", "0123"), ("=1+1", "=1+1")];
        for (from, expected) in cases {
            assert_eq!(unguarded(from.into()), expected);
        }
    }
}
