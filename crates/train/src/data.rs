//! Photos with what is known about them, decoded once and kept in memory.

use image::RgbImage;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use vitrine::error::{Error, Result, data, io};
use vitrine::hash::PhotoName;

/// Which part of the data an item belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// Learnt from.
    Train,
    /// Models are chosen on it.
    Val,
    /// Touched by nothing here.
    Test,
}

impl Split {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "train" => Some(Self::Train),
            "val" => Some(Self::Val),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

/// Where an item comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A shop's product photo with attributes.
    Product,
    /// A women's top with a title.
    Top,
    /// Clothes photographed by people.
    Wardrobe,
    /// A drawn garment with exact attributes.
    Drawn,
}

/// The attributes of an item, as numbers of words in [`Data::words`]; 0 is unknown.
pub const ATTRIBUTES: [&str; 5] = ["gender", "type", "colour", "usage", "pattern"];
/// Place of each attribute.
pub const GENDER: usize = 0;
/// Kind of garment.
pub const TYPE: usize = 1;
/// Main colour.
pub const COLOUR: usize = 2;
/// Occasion.
pub const USAGE: usize = 3;
/// Print, stripes, checks.
pub const PATTERN: usize = 4;

/// One photo with its words.
pub struct Item {
    /// Its id in the data set.
    pub id: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Its part of the data.
    pub split: Split,
    /// Its photo in one or two sizes, the smaller first.
    pub photos: Vec<RgbImage>,
    /// A title, or a description in words.
    pub title: String,
    /// Numbers of its attributes.
    pub attributes: [u16; 5],
    /// Coarse kinds of garment, as bits, for comparing photos of different origins.
    pub kinds: u32,
}

/// A query with a reference, as in the data's query files; items by number.
#[derive(Clone, Debug)]
pub struct Composed {
    /// The photo that is shown.
    pub reference: usize,
    /// The changes that are asked for.
    pub captions: Vec<String>,
    /// The photos that answer it.
    pub targets: Vec<usize>,
}

/// Everything that training and its validation look at.
#[derive(Default)]
pub struct Data {
    /// All photos.
    pub items: Vec<Item>,
    /// Words of every attribute; entry 0 is empty.
    pub words: [Vec<String>; 5],
    /// Composed queries to learn from.
    pub train: Vec<Composed>,
    /// Composed queries to validate on.
    pub val: Vec<Composed>,
    /// Composed queries to learn from about each drawn catalog, in the order of their references, whose neighbours
    /// are of one family.
    pub train_drawn: Vec<Vec<Composed>>,
    /// Composed queries about the first drawn catalog to validate on.
    pub val_drawn: Vec<Composed>,
    /// Two ways of asking for one change, without photos: FashionIQ's captions.
    pub pairs: Vec<[String; 2]>,
    /// One photo in so many is read, for those who look at texts above all; all of them without it. Items without a photo
    /// then stay.
    pub photos_in: Option<u8>,
}

/// Longest side of a photo that is kept, in pixels: more than the model sees is of no use.
const KEPT: u32 = 144;

impl Data {
    /// Items of an origin and split.
    pub fn pick(&self, origin: Origin, split: Split) -> Vec<usize> {
        (0..self.items.len()).filter(|&i| self.items[i].origin == origin && self.items[i].split == split).collect()
    }

    /// The word of an attribute of an item; empty where unknown.
    pub fn word(&self, item: usize, attribute: usize) -> &str {
        &self.words[attribute][usize::from(self.items[item].attributes[attribute])]
    }

    fn number(&mut self, attribute: usize, word: &str) -> u16 {
        let words = &mut self.words[attribute];
        if words.is_empty() {
            words.push(String::new());
        }
        let word = word.trim();
        match words.iter().position(|w| w == word) {
            Some(i) => i as u16,
            None => {
                words.push(word.to_string());
                (words.len() - 1) as u16
            }
        }
    }

    /// Adds the products of a folder with `products.csv`, its photos and its composed queries.
    pub fn add_products(&mut self, folder: &Path) -> Result<()> {
        let first = self.items.len();
        let (rows, column) = read_table(&folder.join("products.csv"))?;
        for row in &rows {
            let cell = |name: &str| column.get(name).and_then(|&i| row.get(i)).map_or("", String::as_str);
            let Some(split) = Split::parse(cell("split")) else { continue };
            // accents of case and plural belong to phrases, see `super::phrases`
            let columns = ["gender", "articleType", "baseColour", "usage", "pattern"];
            let mut attributes = [0; 5];
            for (a, name) in columns.iter().enumerate() {
                attributes[a] = self.number(a, &cell(name).to_lowercase());
            }
            let title = cell("productDisplayName").split_whitespace().collect::<Vec<_>>().join(" ");
            let kinds = kinds_of_product(cell("articleType"), cell("subCategory"));
            let id = cell("id").to_string();
            self.items.push(Item { id, origin: Origin::Product, split, photos: vec![], title, attributes, kinds });
        }
        for archive in ["images-60x80.zip", "images-168x224.zip"] {
            self.add_photos(first, &folder.join(archive))?;
        }
        self.drop_incomplete(first);
        let index: HashMap<String, usize> = (first..self.items.len()).map(|i| (self.items[i].id.clone(), i)).collect();
        self.train.extend(read_composed(&folder.join("composed.train.jsonl"), &index)?);
        self.val.extend(read_composed(&folder.join("composed.val.jsonl"), &index)?);
        Ok(())
    }

    /// Adds the tops of a folder with `tops.csv`.
    pub fn add_tops(&mut self, folder: &Path) -> Result<()> {
        let first = self.items.len();
        let (rows, column) = read_table(&folder.join("tops.csv"))?;
        for row in &rows {
            let cell = |name: &str| column.get(name).and_then(|&i| row.get(i)).map_or("", String::as_str);
            let Some(split) = Split::parse(cell("split")) else { continue };
            let (id, title) = (cell("asin").to_string(), cell("title").to_string());
            let attributes = [0; 5];
            self.items.push(Item { id, origin: Origin::Top, split, photos: vec![], title, attributes, kinds: 0 });
        }
        self.add_photos(first, &folder.join("images-160.zip"))?;
        self.drop_incomplete(first);
        Ok(())
    }

    /// Adds the wardrobe of a folder with `wardrobe.csv`. A fifth of it, chosen by a hash of the name, is test.
    pub fn add_wardrobe(&mut self, folder: &Path) -> Result<()> {
        let first = self.items.len();
        let (rows, column) = read_table(&folder.join("wardrobe.csv"))?;
        for row in &rows {
            let cell = |name: &str| column.get(name).and_then(|&i| row.get(i)).map_or("", String::as_str);
            let (id, label) = (cell("image").to_string(), cell("label"));
            let kinds = kinds_of_label(label);
            if kinds == 0 {
                continue;
            }
            let split = held_out(&id);
            let title = if cell("kids") == "True" { format!("{label} for kids") } else { label.to_string() };
            let (origin, attributes) = (Origin::Wardrobe, [0; 5]);
            self.items.push(Item { id, origin, split, photos: vec![], title: title.to_lowercase(), attributes, kinds });
        }
        self.add_photos(first, &folder.join("images-192.zip"))?;
        self.drop_incomplete(first);
        Ok(())
    }

    /// Adds a drawn catalog as `vitrine demo-catalog` writes it. Its test combinations are left out, and of every
    /// catalog but the first all that are not to learn from.
    pub fn add_drawn(&mut self, folder: &Path) -> Result<()> {
        let (rows, column) = read_table(&folder.join("items.csv"))?;
        let first = self.train_drawn.is_empty();
        let mut index = HashMap::new();
        let mut paths = Vec::new();
        for row in &rows {
            let cell = |name: &str| column.get(name).and_then(|&i| row.get(i)).map_or("", String::as_str);
            let wanted = |split: &Split| *split == Split::Train || (first && *split == Split::Val);
            let Some(split) = Split::parse(cell("split")).filter(wanted) else { continue };
            let (id, title) = (cell("id").to_string(), cell("title").to_string());
            let Ok(photo) = PhotoName::parse(&format!("{id}.jpg")) else {
                let problem = format!("expected ids that name files of the folder, got {id:?}; draw it again");
                return Err(data(folder.join("items.csv").display(), problem));
            };
            index.insert(id.clone(), self.items.len());
            paths.extend(self.wants_photo(&id).then(|| (self.items.len(), folder.join(photo))));
            let (origin, attributes) = (Origin::Drawn, [0; 5]);
            self.items.push(Item { id, origin, split, photos: vec![], title, attributes, kinds: 0 });
        }
        let photos: Vec<Result<(usize, RgbImage)>> = paths
            .into_par_iter()
            .map(|(i, path)| {
                let photo = vitrine::image::decode(&std::fs::read(&path).map_err(io("reading", &path))?)?;
                Ok((i, vitrine::image::thumbnail(&photo, KEPT)))
            })
            .collect();
        for photo in photos {
            let (i, photo) = photo?;
            self.items[i].photos.push(photo);
        }
        self.train_drawn.push(read_composed(&folder.join("composed.train.jsonl"), &index)?);
        self.val_drawn.extend(read_composed(&folder.join("composed.val.jsonl"), &index)?);
        Ok(())
    }

    /// Adds the training captions of a folder in FashionIQ's layout, plain or gzipped; its photos are not needed.
    pub fn add_fashioniq(&mut self, folder: &Path) -> Result<()> {
        #[derive(serde::Deserialize)]
        struct Query {
            captions: Vec<String>,
        }
        for category in ["dress", "shirt", "toptee"] {
            let plain = folder.join(format!("captions/cap.{category}.train.json"));
            let packed = plain.with_extension("json.gz");
            let text = if plain.exists() {
                std::fs::read_to_string(&plain).map_err(io("reading", &plain))?
            } else {
                let file = std::fs::File::open(&packed).map_err(io("opening", &packed))?;
                std::io::read_to_string(flate2::read::GzDecoder::new(file)).map_err(io("unpacking", &packed))?
            };
            let queries: Vec<Query> = serde_json::from_str(&text).map_err(|e| Error::Data {
                file: plain.display().to_string(),
                problem: format!("expected FashionIQ captions ({e}); fetch them again"),
            })?;
            let tidy = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
            for query in queries {
                if let [a, b] = &query.captions[..]
                    && tidy(a) != tidy(b)
                    && a.len().min(b.len()) > 3
                {
                    self.pairs.push([tidy(a), tidy(b)]);
                }
            }
        }
        Ok(())
    }

    /// Whether an item's photo is read, the same on every machine.
    fn wants_photo(&self, id: &str) -> bool {
        self.photos_in.is_none_or(|one_in| Sha256::digest(id.as_bytes())[1].is_multiple_of(one_in.max(1)))
    }

    /// Drops items from `first` on that have no photo or no words.
    fn drop_incomplete(&mut self, first: usize) {
        let (mut place, some) = (0, self.photos_in.is_some());
        self.items.retain(|item| {
            place += 1;
            place <= first || ((some || !item.photos.is_empty()) && item.title.chars().any(char::is_alphanumeric))
        });
    }

    /// Decodes the photos of items from `first` on out of an archive of `<id>.webp`; test items are left out.
    fn add_photos(&mut self, first: usize, archive: &Path) -> Result<()> {
        let file = std::fs::File::open(archive).map_err(io("opening", archive))?;
        let bad = |e: zip::result::ZipError| Error::Data {
            file: archive.display().to_string(),
            problem: format!("expected a ZIP of photos ({e})"),
        };
        let mut zip = zip::ZipArchive::new(std::io::BufReader::new(file)).map_err(bad)?;
        let wanted: HashMap<&str, usize> = (first..self.items.len())
            .filter(|&i| self.items[i].split != Split::Test && self.wants_photo(&self.items[i].id))
            .map(|i| (self.items[i].id.as_str(), i))
            .collect();
        let mut bytes: Vec<(usize, Vec<u8>)> = Vec::new();
        for i in 0..zip.len() {
            let mut entry = zip.by_index(i).map_err(bad)?;
            let stem = entry
                .name()
                .map_err(bad)?
                .rsplit('/')
                .next()
                .and_then(|n| n.split('.').next())
                .unwrap_or("")
                .to_string();
            if let Some(&item) = wanted.get(stem.as_str()) {
                let mut content = Vec::with_capacity(entry.size() as usize);
                entry.read_to_end(&mut content).map_err(io("reading", archive))?;
                bytes.push((item, content));
            }
        }
        let photos: Vec<(usize, Result<RgbImage>)> = bytes
            .into_par_iter()
            .map(|(i, bytes)| (i, vitrine::image::decode(&bytes).map(|p| vitrine::image::thumbnail(&p, KEPT))))
            .collect();
        for (i, photo) in photos {
            self.items[i].photos.push(photo?);
        }
        Ok(())
    }
}

/// Rows of a CSV file and where each column is.
type Table = (Vec<Vec<String>>, HashMap<String, usize>);

fn read_table(path: &Path) -> Result<Table> {
    let bad = |e: csv::Error| Error::Data { file: path.display().to_string(), problem: e.to_string() };
    let mut reader = csv::Reader::from_path(path).map_err(bad)?;
    let columns = reader.headers().map_err(bad)?.iter().enumerate().map(|(i, h)| (h.to_string(), i)).collect();
    let rows =
        reader.records().map(|r| Ok(r.map_err(bad)?.iter().map(String::from).collect())).collect::<Result<_>>()?;
    Ok((rows, columns))
}

#[derive(serde::Deserialize)]
struct Line {
    reference: String,
    captions: Vec<String>,
    targets: Vec<String>,
}

/// Queries whose photos are all known by number; targets without one are left out.
fn read_composed(path: &Path, index: &HashMap<String, usize>) -> Result<Vec<Composed>> {
    let text = std::fs::read_to_string(path).map_err(io("reading", path))?;
    let mut out = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|e| Error::Data {
            file: path.display().to_string(),
            problem: format!("line {}: expected a query ({e})", number + 1),
        })?;
        let targets: Vec<usize> = line.targets.iter().filter_map(|id| index.get(id).copied()).collect();
        if let (Some(&reference), false) = (index.get(&line.reference), targets.is_empty()) {
            out.push(Composed { reference, captions: line.captions, targets });
        }
    }
    Ok(out)
}

/// Test for a fifth of all names, val for a tenth, train for the rest, the same on every machine.
pub fn held_out(id: &str) -> Split {
    match Sha256::digest(id.as_bytes())[0] % 10 {
        0 | 1 => Split::Test,
        2 => Split::Val,
        _ => Split::Train,
    }
}

/// Coarse kinds of garment; a wardrobe label may mean several.
const KINDS: [(&[&str], &[&str]); 14] = [
    (&["Pants"], &["Trousers", "Jeans", "Track Pants", "Leggings", "Jeggings", "Capris", "Tights", "Lounge Pants"]),
    (&["T-Shirt"], &["Tshirts"]),
    (&["Longsleeve"], &["Tshirts", "Sweatshirts", "Sweaters", "Tops"]),
    (&["Shoes"], &[]),
    (&["Shorts"], &["Shorts", "Lounge Shorts"]),
    (&["Outwear"], &["Jackets", "Rain Jacket", "Nehru Jackets", "Waistcoat", "Blazers", "Sweaters", "Sweatshirts"]),
    (&["Dress"], &["Dresses"]),
    (&["Hat"], &["Caps", "Hat"]),
    (&["Shirt"], &["Shirts"]),
    (&["Skirt"], &["Skirts"]),
    (&["Undershirt"], &["Innerwear Vests", "Camisoles"]),
    (&["Blazer"], &["Blazers", "Suits"]),
    (&["Hoodie"], &["Sweatshirts", "Jackets"]),
    (&["Polo", "Top", "Blouse"], &["Tshirts", "Tops", "Tunics"]),
];

fn kinds_of_label(label: &str) -> u32 {
    KINDS.iter().enumerate().filter(|(_, (labels, _))| labels.contains(&label)).map(|(i, _)| 1 << i).sum()
}

fn kinds_of_product(kind: &str, group: &str) -> u32 {
    let shoes = matches!(group, "Shoes" | "Sandal" | "Flip Flops");
    let fits = |i: usize, kinds: &[&str]| kinds.contains(&kind) || (i == 3 && shoes);
    KINDS.iter().enumerate().filter(|(i, (_, kinds))| fits(*i, kinds)).map(|(i, _)| 1 << i).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holding_out_is_stable_and_near_its_shares() {
        let count = |split| (0..10_000).filter(|i| held_out(&format!("photo {i}")) == split).count();
        assert!((1_700..2_300).contains(&count(Split::Test)) && (800..1_200).contains(&count(Split::Val)));
        assert_eq!(held_out("photo 7"), held_out("photo 7"));
    }

    #[test]
    fn fashioniq_captions_are_read_plain_and_packed() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let captions = folder.path().join("captions");
        std::fs::create_dir(&captions).unwrap();
        let json = |a: &str, b: &str| format!(r#"[{{"candidate":"x","captions":["{a}","{b}"]}}]"#);
        std::fs::write(captions.join("cap.dress.train.json"), json(" Is  longer", "more length")).unwrap();
        std::fs::write(captions.join("cap.shirt.train.json"), json("is red", "Is red ")).unwrap();
        let file = std::fs::File::create(captions.join("cap.toptee.train.json.gz")).unwrap();
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        packed.write_all(json("no sleeves", "sleeveless").as_bytes()).unwrap();
        packed.finish().unwrap();
        let mut data = Data::default();
        data.add_fashioniq(folder.path()).unwrap();
        // two captions that are the same after tidying teach nothing
        let want = [["is longer", "more length"], ["no sleeves", "sleeveless"]].map(|p| p.map(String::from));
        assert_eq!(data.pairs, want);
        std::fs::write(captions.join("cap.shirt.train.json"), "{}").unwrap();
        assert!(data.add_fashioniq(folder.path()).unwrap_err().to_string().contains("cap.shirt.train.json"));
    }

    #[test]
    fn wardrobe_labels_meet_product_types() {
        assert_ne!(kinds_of_label("T-Shirt") & kinds_of_product("Tshirts", "Topwear"), 0);
        assert_ne!(kinds_of_label("Shoes") & kinds_of_product("Heels", "Shoes"), 0);
        assert_eq!(kinds_of_label("Dress") & kinds_of_product("Tshirts", "Topwear"), 0);
        assert_eq!(kinds_of_label("Not sure"), 0);
    }
}
