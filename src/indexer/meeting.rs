//! Which row of a shop's table tells of which photo. Ids are met as they are written, and else as people take them for one:
//! another way to write a letter with an accent, upper and lower case, zeros in front, the SKU instead of the id, the file
//! that a row names. What could be either of two is not guessed.

use super::metadata::Metadata;
use super::names::{Names, composed, folded, without_zeros};
use crate::error::{LeftOut, Reason};
use crate::photos::PhotoSource;
use crate::print::grouped;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Names that are shown of many.
const SAMPLES: usize = 5;

/// How photos and rows met.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Met {
    /// Photos, those of one product counted once.
    pub photos: usize,
    /// Rows.
    pub rows: usize,
    /// Photos that a row tells of.
    pub met: usize,
    /// How many by each rule: `id`, `unicode`, `case`, `zeros`, `sku`, `file`.
    pub by: BTreeMap<&'static str, usize>,
    /// Photos of which no row tells.
    pub photos_without_row: usize,
    /// A few of them.
    pub photo_samples: Vec<String>,
    /// Rows of which there is no photo.
    pub rows_without_photo: usize,
    /// A few of their ids.
    pub row_samples: Vec<String>,
    /// Photos that could be either of several rows, or the other way round.
    pub ambiguous: usize,
    /// What is said of it: nothing where all photos and rows met by their ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    #[serde(skip)]
    pub(super) left_out: Vec<LeftOut>,
}

/// A way to take two names for one.
struct Rule {
    name: &'static str,
    /// The names of a row, by its id.
    of_row: fn(&str, &Names) -> Vec<String>,
    /// What is compared.
    key: fn(&str) -> String,
    /// Whether several photos may show one row: then they are met in the order of the row's names.
    several: bool,
}

const RULES: [Rule; 6] = [
    Rule { name: "id", of_row: |id, _| vec![id.to_string()], key: str::to_string, several: false },
    Rule { name: "unicode", of_row: |id, _| vec![id.to_string()], key: composed, several: false },
    Rule { name: "case", of_row: |id, _| vec![id.to_string()], key: folded, several: false },
    Rule { name: "zeros", of_row: |id, _| vec![id.to_string()], key: without_zeros, several: false },
    Rule { name: "sku", of_row: |_, names| names.skus.clone(), key: without_zeros, several: false },
    Rule { name: "file", of_row: |_, names| names.files.clone(), key: folded, several: true },
];

/// Lets photos and rows meet: photos that met a row by another name get its id.
pub fn meet(photos: &mut PhotoSource, metadata: &Metadata) -> Met {
    let subjects = photos.subjects();
    let rows: BTreeMap<&str, &Names> = metadata.names().collect();
    let mut meeting = Meeting { free: subjects.iter().map(String::as_str).collect(), ..Meeting::default() };
    for rule in &RULES {
        meeting.by_rule(rule, &subjects, &rows);
    }
    let Meeting { pairs, by, free, told, ambiguous } = meeting;
    let without: Vec<&str> = subjects.iter().map(String::as_str).filter(|photo| free.contains(photo)).collect();
    let alone: Vec<&str> = rows.keys().copied().filter(|row| !told.contains(row)).collect();
    let some = |names: &[&str]| names.iter().take(SAMPLES).map(|name| name.to_string()).collect();
    let open: Vec<(&str, String)> = ambiguous.into_iter().filter(|(photo, _)| free.contains(photo)).collect();
    let mut met = Met {
        photos: subjects.len(),
        rows: rows.len(),
        met: pairs.len(),
        by,
        photos_without_row: without.len(),
        photo_samples: some(&without),
        rows_without_photo: alone.len(),
        row_samples: some(&alone),
        ambiguous: open.len(),
        explanation: None,
        left_out: open.into_iter().map(|(id, why)| LeftOut::new(Reason::PhotoWithoutRow, id, why)).collect(),
    };
    met.explanation = met.explain(metadata, &subjects);
    photos.rename(&renamed(&pairs, &rows));
    met
}

/// The photos that do not have their row's id, and those of rows with several, in the order of the row's names.
fn renamed(pairs: &[(&str, &str)], rows: &BTreeMap<&str, &Names>) -> Vec<(String, String)> {
    let mut photos: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    pairs.iter().for_each(|(photo, row)| photos.entry(row).or_default().push(photo));
    photos.retain(|row, photos| photos.as_slice() != [*row]);
    for (row, photos) in &mut photos {
        let place = |photo: &&str| rows[row].files.iter().position(|file| folded(file) == folded(photo));
        photos.sort_by_key(|photo| place(photo).map_or(0, |place| place + 1));
    }
    let pair = |row: &str, photo: &str| (photo.to_string(), row.to_string());
    photos.into_iter().flat_map(|(row, photos)| photos.into_iter().map(move |photo| pair(row, photo))).collect()
}

#[derive(Default)]
struct Meeting<'a> {
    /// Photos and rows in the order in which they met.
    pairs: Vec<(&'a str, &'a str)>,
    by: BTreeMap<&'static str, usize>,
    /// Photos that met no row yet.
    free: HashSet<&'a str>,
    /// Rows that met a photo.
    told: HashSet<&'a str>,
    /// Photos that fit several rows, or rows that fit several photos, with what is said of them.
    ambiguous: BTreeMap<&'a str, String>,
}

impl<'a> Meeting<'a> {
    fn by_rule(&mut self, rule: &Rule, subjects: &'a [String], rows: &BTreeMap<&'a str, &Names>) {
        let mut photos: HashMap<String, Vec<&'a str>> = HashMap::new();
        for photo in subjects.iter().map(String::as_str).filter(|photo| self.free.contains(photo)) {
            photos.entry((rule.key)(photo)).or_default().push(photo);
        }
        // "A" is no second photo of the row that "a" met
        let taken: HashSet<String> = self.pairs.iter().map(|(photo, _)| (rule.key)(photo)).collect();
        let mut named: HashMap<String, Vec<&'a str>> = HashMap::new();
        let mut order = Vec::new();
        for (&row, names) in rows.iter().filter(|(row, _)| rule.several || !self.told.contains(*row)) {
            let keys = (rule.of_row)(row, names).into_iter().map(|name| (rule.key)(&name));
            for key in keys.filter(|key| !rule.several || !taken.contains(key)) {
                let known = named.entry(key.clone()).or_default();
                if !known.contains(&row) {
                    known.push(row);
                    order.push((row, key));
                }
            }
        }
        for (row, key) in order {
            let Some(fitting) = photos.get(&key) else { continue };
            match (fitting.as_slice(), named[&key].as_slice()) {
                ([photo], [_]) if rule.several || !self.told.contains(row) => self.pair(photo, row, rule),
                (several, all) => {
                    let why = doubt(several, all);
                    several.iter().for_each(|photo| drop(self.ambiguous.insert(photo, why.clone())));
                }
            }
        }
    }

    fn pair(&mut self, photo: &'a str, row: &'a str, rule: &Rule) {
        if self.free.remove(photo) {
            self.pairs.push((photo, row));
            self.told.insert(row);
            *self.by.entry(rule.name).or_default() += 1;
        }
    }
}

/// Why photos and rows that fit each other are not met.
fn doubt(photos: &[&str], rows: &[&str]) -> String {
    let list = |names: &[&str]| names.iter().take(SAMPLES).copied().collect::<Vec<_>>().join(", ");
    let (photos, rows) = (list(photos), list(rows));
    format!(
        "expected one row for one photo, got the photos {photos} and the rows {rows}, which all fit; name them alike"
    )
}

impl Met {
    /// What to say of photos and rows that did not all meet by their ids.
    fn explain(&self, metadata: &Metadata, subjects: &[String]) -> Option<String> {
        let (photos, rows) = (count(self.photos, "photo"), count(self.rows, "row"));
        let column = metadata.id_column().map(|name| format!(" come from column {name}")).unwrap_or_default();
        let quoted = |names: &[String]| names.first().map(|name| format!(" (such as {name:?})")).unwrap_or_default();
        if self.rows == 0 || (self.met == self.photos && self.by.keys().all(|rule| *rule == "id")) {
            return None;
        }
        let by = |(rule, n): (&&'static str, &usize)| format!("{n} by {}", in_words(rule));
        let by: Vec<String> = self.by.iter().map(by).collect();
        if self.met == 0 {
            let (named, ids) = (quoted(&self.photo_samples), quoted(&self.row_samples));
            let other = metadata.column_like(subjects).map(|name| format!(" like column {name}"));
            let like = other.as_deref().unwrap_or(" otherwise");
            return Some(format!(
                "{photos}, {rows}: none fits; photos are named{like}{named}, the ids{column}{ids}; rename the column that \
                 names the photos to id"
            ));
        }
        let (left, alone) = (self.photos_without_row, self.rows_without_photo);
        let (of_photos, of_rows) = (quoted(&self.photo_samples), quoted(&self.row_samples));
        Some(format!(
            "{photos}, {rows}: {} met ({}); {left} photos without a row{of_photos}, {alone} rows without a photo{of_rows}",
            self.met,
            by.join(", ")
        ))
    }
}

/// A rule for people.
fn in_words(rule: &str) -> &'static str {
    match rule {
        "unicode" => "the same letters written another way",
        "case" => "upper and lower case",
        "zeros" => "zeros in front",
        "sku" => "SKU",
        "file" => "file name",
        _ => "id",
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Which row each photo gets of a table, and what is said.
    fn meet_table(photos: &str, table: &str) -> (String, Met) {
        let folder = tempfile::tempdir().unwrap();
        for photo in photos.split(' ') {
            let path = folder.path().join("photos").join(format!("{photo}.jpg"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, photo).unwrap();
        }
        let file = folder.path().join("items.csv");
        std::fs::write(&file, table.replace(' ', "\n").replace('_', " ")).unwrap();
        let metadata = Metadata::read(&file, &[]).unwrap();
        let mut source = open(&folder.path().join("photos"), &metadata);
        let met = meet(&mut source, &metadata);
        let bytes = |id: &String| String::from_utf8(source.read(id).unwrap()).unwrap();
        let ids = source.ids().iter().filter(|id| metadata.get(source.product(id).unwrap_or(id)).is_some());
        (ids.map(|id| format!("{}={id}", bytes(id))).collect::<Vec<_>>().join(" "), met)
    }

    fn open(folder: &Path, metadata: &Metadata) -> PhotoSource {
        let is_row = |name: &str| metadata.has(name);
        PhotoSource::open_products(folder, crate::photos::FolderChoice::Auto, &is_row).unwrap()
    }

    #[test]
    fn photos_and_rows_meet_by_what_names_them_and_nothing_is_guessed() {
        let cases = [
            ("ids", "a b", "id,title a,A b,B", "a=a b=b", 0),
            (
                "letters with accents",
                "e\u{301}t\u{e9}",
                "id,title \u{e9}te\u{301},A",
                "e\u{301}t\u{e9}=\u{e9}te\u{301}",
                0,
            ),
            ("case", "ab-1 CD", "id,title AB-1,A cd,B", "ab-1=AB-1 CD=cd", 0),
            ("zeros", "42 007", "id,title 0042,A 7,B", "42=0042 007=7", 0),
            ("SKU", "x-1 x-2", "id,sku 100,X-1 200,x-2", "x-1=100 x-2=200", 0),
            ("barcode", "4006381333931", "id,ean 7,4006381333931", "4006381333931=7", 0),
            ("file of an address", "kite-3", "id,image_url 7,https://a.example/p/kite-3.jpg?v=1", "kite-3=7", 0),
            ("files in their order", "z a", "id,images 7,z.jpg|a.jpg", "z=7 a=7~2", 0),
            ("a file beside the id", "kite kite-2", "id,images kite,kite.jpg|kite-2.jpg", "kite=kite kite-2=kite~2", 0),
            ("an id is taken before its likes", "a A", "id,title a,A", "a=a", 0),
            ("two photos like one row", "Ab aB", "id,title AB,x", "", 2),
            ("two rows like one photo", "ab", "id,title AB,x Ab,y", "", 1),
            ("one file of two rows", "chart", "id,image_url 1,chart.jpg 2,chart.jpg", "", 1),
            ("doubts that a later rule settles", "ab", "id,sku AB,1 Ab,2 x,ab", "ab=x", 0),
            ("none", "p q", "id,title 1,x 2,y", "", 0),
            ("a folder is a product", "A1/1 A1/2", "id,title a1,x", "A1/1=a1 A1/2=a1~2", 0),
        ];
        for (case, photos, table, expected, ambiguous) in cases {
            let (pairs, met) = meet_table(photos, table);
            assert_eq!(pairs, expected, "{case}: {met:?}");
            assert_eq!((met.ambiguous, met.left_out.len()), (ambiguous, ambiguous), "{case}: {met:?}");
        }
    }

    #[test]
    fn what_does_not_meet_is_explained() {
        let rows: String = (0..1200).map(|i| format!(" {i},Garment,x-{i}")).collect();
        let (_, met) = meet_table("x-1 x-2 x-3", &format!("ID,title,Style_No{rows}"));
        assert_eq!((met.met, met.photos_without_row, met.rows_without_photo), (0, 3, 1200));
        let told = met.explanation.unwrap();
        assert!(
            told.starts_with("3 photos, 1,200 rows: none fits; photos are named like column Style No (such as \"x-1\"), the ids come from column ID"),
            "{told}"
        );
        let (_, met) = meet_table("a B c", "id,title a,x b,x d,x");
        assert_eq!(
            met.explanation.unwrap(),
            "3 photos, 3 rows: 2 met (1 by upper and lower case, 1 by id); 1 photos without a row (such as \"c\"), \
             1 rows without a photo (such as \"d\")"
        );
        assert_eq!(meet_table("a b", "id,title a,x b,x").1.explanation, None);
        assert!(meet_table("a b", "id,title a,x b,x c,x").1.explanation.is_none(), "rows are named elsewhere");
    }
}
