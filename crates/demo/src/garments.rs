//! What the catalog can hold: categories, their attributes, titles, and the draw of items.

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Attribute columns in the order of `items.csv`.
pub const ATTRIBUTES: [&str; 13] = [
    "category",
    "style",
    "colour",
    "pattern",
    "fabric",
    "neckline",
    "sleeve",
    "length",
    "fit",
    "closure",
    "heel",
    "department",
    "gender",
];

/// Colours that every category comes in.
pub(super) const COLOURS: [&str; 17] = [
    "black",
    "white",
    "grey",
    "beige",
    "brown",
    "red",
    "burgundy",
    "orange",
    "yellow",
    "green",
    "olive",
    "teal",
    "light blue",
    "blue",
    "navy",
    "purple",
    "pink",
];

/// Patterns in a fixed order, on which the splits rest.
pub(super) const PATTERNS: [&str; 11] = [
    "solid",
    "striped",
    "pinstriped",
    "checked",
    "gingham",
    "polka dot",
    "floral",
    "zigzag",
    "leopard",
    "tie-dye",
    "colour block",
];

/// Items drawn as variations of one another, so that composed queries have answers.
const FAMILY: usize = 8;

/// Which part of the catalog an item belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Split {
    /// For learning.
    Train,
    /// For choosing models.
    Val,
    /// For reporting.
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Split; 3] = [Split::Train, Split::Val, Split::Test];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
            Split::Test => "test",
        }
    }
}

/// One kind of garment and what may vary about it.
#[derive(Debug)]
pub struct Category {
    /// Its name, as in "a red dress".
    pub name: &'static str,
    /// Clothing, shoes or accessories.
    pub department: &'static str,
    /// Whom shops offer it to.
    pub gender: &'static str,
    /// Attributes besides colour and pattern, with their values from least to most where there is an order.
    pub attributes: &'static [(&'static str, &'static [&'static str])],
}

const fn clothing(
    name: &'static str,
    gender: &'static str,
    attributes: &'static [(&'static str, &'static [&'static str])],
) -> Category {
    Category { name, department: "clothing", gender, attributes }
}

/// The whole attribute space.
pub const CATEGORIES: [Category; 20] = [
    clothing(
        "dress",
        "women",
        &[
            ("fabric", &["cotton", "satin", "knit"]),
            ("neckline", &["round", "v-neck", "square"]),
            ("sleeve", &["sleeveless", "short", "long"]),
            ("length", &["mini", "midi", "maxi"]),
            ("fit", &["fitted", "flared"]),
        ],
    ),
    clothing(
        "shirt",
        "unisex",
        &[
            ("fabric", &["cotton", "denim", "corduroy"]),
            ("neckline", &["classic collar", "band collar"]),
            ("sleeve", &["short", "long"]),
            ("fit", &["slim", "oversized"]),
        ],
    ),
    clothing(
        "t-shirt",
        "unisex",
        &[
            ("fabric", &["cotton"]),
            ("neckline", &["round", "v-neck"]),
            ("sleeve", &["short", "long"]),
            ("length", &["cropped", "regular"]),
            ("fit", &["slim", "oversized"]),
        ],
    ),
    clothing(
        "blouse",
        "women",
        &[
            ("fabric", &["cotton", "satin"]),
            ("neckline", &["v-neck", "square", "bow"]),
            ("sleeve", &["sleeveless", "short", "long"]),
        ],
    ),
    clothing(
        "jumper",
        "unisex",
        &[
            ("fabric", &["knit", "cable knit"]),
            ("neckline", &["round", "v-neck", "roll neck"]),
            ("length", &["cropped", "regular"]),
            ("fit", &["slim", "oversized"]),
        ],
    ),
    clothing(
        "cardigan",
        "unisex",
        &[
            ("fabric", &["knit", "cable knit"]),
            ("neckline", &["round", "v-neck"]),
            ("length", &["cropped", "regular", "long"]),
        ],
    ),
    clothing(
        "hoodie",
        "unisex",
        &[
            ("fabric", &["cotton"]),
            ("length", &["cropped", "regular"]),
            ("fit", &["slim", "oversized"]),
            ("closure", &["pullover", "zip"]),
        ],
    ),
    clothing(
        "jacket",
        "unisex",
        &[
            ("fabric", &["denim", "leather", "quilted"]),
            ("length", &["cropped", "regular"]),
            ("closure", &["zip", "buttons"]),
        ],
    ),
    clothing(
        "blazer",
        "unisex",
        &[
            ("fabric", &["wool", "corduroy", "satin"]),
            ("fit", &["slim", "oversized"]),
            ("closure", &["single-breasted", "double-breasted"]),
        ],
    ),
    clothing(
        "coat",
        "unisex",
        &[
            ("fabric", &["wool", "quilted", "leather"]),
            ("length", &["short", "knee", "long"]),
            ("closure", &["single-breasted", "double-breasted"]),
        ],
    ),
    clothing(
        "skirt",
        "women",
        &[
            ("fabric", &["cotton", "denim", "leather", "satin"]),
            ("length", &["mini", "midi", "maxi"]),
            ("fit", &["pencil", "flared", "pleated"]),
        ],
    ),
    clothing(
        "trousers",
        "unisex",
        &[
            ("fabric", &["cotton", "corduroy", "leather"]),
            ("length", &["cropped", "full"]),
            ("fit", &["slim", "wide-leg"]),
        ],
    ),
    clothing(
        "jeans",
        "unisex",
        &[("fabric", &["denim"]), ("length", &["cropped", "full"]), ("fit", &["skinny", "straight", "flared"])],
    ),
    clothing(
        "shorts",
        "unisex",
        &[("fabric", &["cotton", "denim", "leather"]), ("length", &["short", "knee"]), ("fit", &["slim", "wide-leg"])],
    ),
    Category {
        name: "trainers",
        department: "shoes",
        gender: "unisex",
        attributes: &[("style", &["low-top", "high-top"]), ("fabric", &["canvas", "leather", "knit"])],
    },
    Category {
        name: "pumps",
        department: "shoes",
        gender: "women",
        attributes: &[
            ("style", &["pointed", "open-toe", "ankle-strap"]),
            ("fabric", &["leather", "satin"]),
            ("heel", &["flat", "block", "stiletto"]),
        ],
    },
    Category {
        name: "boots",
        department: "shoes",
        gender: "women",
        attributes: &[
            ("fabric", &["leather", "quilted"]),
            ("length", &["ankle", "knee"]),
            ("heel", &["flat", "block", "stiletto"]),
        ],
    },
    Category {
        name: "bag",
        department: "accessories",
        gender: "unisex",
        attributes: &[
            ("style", &["tote", "shoulder", "backpack", "clutch"]),
            ("fabric", &["leather", "canvas", "quilted"]),
        ],
    },
    Category {
        name: "scarf",
        department: "accessories",
        gender: "unisex",
        attributes: &[("fabric", &["knit", "satin", "wool"]), ("style", &["plain-hem", "fringed"])],
    },
    Category {
        name: "hat",
        department: "accessories",
        gender: "unisex",
        attributes: &[
            ("style", &["beanie", "bucket", "wide-brim", "baseball"]),
            ("fabric", &["knit", "corduroy", "canvas", "wool"]),
        ],
    },
];

/// Whether a fabric can carry a pattern: leather is not tartan, and a corduroy rib would drown a small print.
pub(super) fn wearable(fabric: &str, pattern: &str) -> bool {
    match fabric {
        "leather" => matches!(pattern, "solid" | "leopard" | "colour block" | "polka dot" | "zigzag"),
        "denim" => matches!(pattern, "solid" | "striped" | "tie-dye" | "colour block" | "floral" | "polka dot"),
        "corduroy" => matches!(pattern, "solid" | "colour block" | "floral" | "checked"),
        "knit" => !matches!(pattern, "gingham" | "pinstriped"),
        "cable knit" => matches!(pattern, "solid" | "striped" | "colour block" | "tie-dye"),
        "wool" => !matches!(pattern, "tie-dye" | "floral" | "polka dot" | "gingham"),
        "quilted" => !matches!(pattern, "pinstriped" | "gingham"),
        _ => true,
    }
}

/// Whether a style exists in a fabric, where a category has both.
fn sewable(category: &str, style: &str, fabric: &str) -> bool {
    match (category, style) {
        ("hat", "beanie") => fabric == "knit",
        ("hat", "wide-brim") => matches!(fabric, "wool" | "canvas"),
        ("hat", _) => matches!(fabric, "corduroy" | "canvas"),
        ("bag", "clutch") => fabric != "canvas",
        _ => true,
    }
}

/// The split of a combination of category, colour and pattern (their positions in the tables): 14 : 3 : 3 of 20.
pub(super) fn split_of(category: usize, colour: usize, pattern: usize) -> Split {
    match (3 * colour + 7 * pattern + 9 * category) % 20 {
        0..3 => Split::Test,
        10..13 => Split::Val,
        _ => Split::Train,
    }
}

/// One garment of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Identifier, also the photo's file name without its extension.
    pub id: String,
    /// The part of the catalog that its combination of category, colour and pattern belongs to.
    pub split: Split,
    /// English title.
    pub title: String,
    /// Attributes in the order of [`ATTRIBUTES`]; what does not apply to the category is left out.
    pub attributes: Vec<(&'static str, &'static str)>,
    /// Seeds the small variations of the drawing.
    pub(super) seed: u64,
}

impl Item {
    /// The value of an attribute, if it applies to this kind of garment.
    pub fn get(&self, attribute: &str) -> Option<&'static str> {
        self.attributes.iter().find(|(name, _)| *name == attribute).map(|(_, value)| *value)
    }

    /// A generator that is this item's own, so that its drawing depends on no other item and no thread.
    pub(super) fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.seed)
    }
}

/// Positions in the tables: what the draw works on before it becomes an [`Item`].
#[derive(Clone, PartialEq)]
struct Choice {
    category: usize,
    colour: usize,
    pattern: usize,
    values: Vec<usize>,
}

impl Choice {
    fn value(&self, attribute: &str) -> Option<&'static str> {
        let category = &CATEGORIES[self.category];
        let at = category.attributes.iter().position(|(name, _)| *name == attribute)?;
        Some(category.attributes[at].1[self.values[at]])
    }

    fn split(&self) -> Split {
        split_of(self.category, self.colour, self.pattern)
    }

    fn possible(&self) -> bool {
        let fabric = self.value("fabric").unwrap_or("cotton");
        let style = self.value("style").unwrap_or("");
        let pattern = PATTERNS[self.pattern];
        wearable(fabric, pattern)
            && sewable(CATEGORIES[self.category].name, style, fabric)
            // White checks on white are no checks.
            && !(pattern == "gingham" && COLOURS[self.colour] == "white")
    }

    fn draw(rng: &mut ChaCha8Rng, category: usize, split: Split) -> Self {
        loop {
            let attributes = CATEGORIES[category].attributes;
            let choice = Choice {
                category,
                colour: rng.random_range(0..COLOURS.len()),
                pattern: if rng.random_bool(0.3) { 0 } else { rng.random_range(0..PATTERNS.len()) },
                values: attributes.iter().map(|(_, values)| rng.random_range(0..values.len())).collect(),
            };
            if choice.split() == split && choice.possible() {
                return choice;
            }
        }
    }

    /// Changes one attribute within the same split; `None` where the throw of the dice leads nowhere.
    fn vary(&self, rng: &mut ChaCha8Rng) -> Option<Self> {
        let mut varied = self.clone();
        match rng.random_range(0..self.values.len() + 3) {
            0 | 1 => varied.colour = rng.random_range(0..COLOURS.len()),
            2 => varied.pattern = rng.random_range(0..PATTERNS.len()),
            n => {
                let values = CATEGORIES[self.category].attributes[n - 3].1;
                varied.values[n - 3] = rng.random_range(0..values.len());
            }
        }
        (varied != *self && varied.split() == self.split() && varied.possible()).then_some(varied)
    }

    fn attributes(&self) -> Vec<(&'static str, &'static str)> {
        let category = &CATEGORIES[self.category];
        let value = |name: &str| match name {
            "category" => Some(category.name),
            "colour" => Some(COLOURS[self.colour]),
            "pattern" => Some(PATTERNS[self.pattern]),
            "department" => Some(category.department),
            "gender" => Some(category.gender),
            _ => self.value(name),
        };
        ATTRIBUTES.iter().filter_map(|name| Some((*name, value(name)?))).collect()
    }
}

/// Draws `count` items. The same seed always gives the same items, and a smaller catalog is the beginning of a
/// larger one.
pub fn items(count: usize, seed: u64) -> Vec<Item> {
    (0..count.div_ceil(FAMILY)).flat_map(|family| family_of(family, seed)).take(count).collect()
}

/// Mixes two numbers into one seed (the finalizer of SplitMix64).
pub(super) fn mix(seed: u64, n: u64) -> u64 {
    let mut x = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn family_of(family: usize, seed: u64) -> Vec<Item> {
    let mut rng = ChaCha8Rng::seed_from_u64(mix(seed ^ 0xfa31, family as u64));
    let split = [Split::Train, Split::Train, Split::Train, Split::Val, Split::Test, Split::Train][family % 6];
    // A shuffled round through the categories for each split keeps every part balanced.
    let round = family / 6 / CATEGORIES.len();
    let mut order: Vec<usize> = (0..CATEGORIES.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(mix(seed ^ 0x0cde, (round * 6 + family % 6) as u64)));
    let mut choices = vec![Choice::draw(&mut rng, order[family / 6 % CATEGORIES.len()], split)];
    while choices.len() < FAMILY {
        let parent = choices.choose(&mut rng).expect("a family has a first member").clone();
        // A few tries for a new look; a repeated one is another photo of the same article.
        let child = (0..40).filter_map(|_| parent.vary(&mut rng)).find(|child| !choices.contains(child));
        choices.push(child.unwrap_or(parent));
    }
    let first = family * FAMILY;
    choices.into_iter().enumerate().map(|(n, choice)| item(&choice, first + n, seed)).collect()
}

fn item(choice: &Choice, index: usize, seed: u64) -> Item {
    let attributes = choice.attributes();
    let mut item = Item {
        id: format!("g{:05}", index + 1),
        split: choice.split(),
        title: String::new(),
        attributes,
        seed: mix(seed, index as u64),
    };
    item.title = title(&item);
    item
}

/// How a value is said in front of a noun; empty where it goes without saying.
pub(super) fn adjective(attribute: &str, value: &'static str) -> &'static str {
    match (attribute, value) {
        ("pattern", "solid") => "plain",
        ("pattern", "polka dot") => "polka-dot",
        ("pattern", "colour block") => "colour-block",
        ("pattern", "leopard") => "leopard-print",
        ("sleeve", "short") => "short-sleeved",
        ("sleeve", "long") => "long-sleeved",
        ("length", "knee") => "knee-length",
        ("length", "full") => "full-length",
        ("length", "ankle") => "ankle",
        ("length", "regular") => "regular-length",
        ("closure", "zip") => "zip-up",
        ("closure", "buttons") => "buttoned",
        ("neckline", "round") => "round-neck",
        ("neckline", "square") => "square-neck",
        ("neckline", "bow") => "bow-neck",
        ("neckline", "classic collar") => "collared",
        ("neckline", "band collar") => "band-collar",
        ("neckline", "roll neck") => "roll-neck",
        ("fabric", "quilted") => "quilted",
        ("fabric", "cable knit") => "cable-knit",
        ("heel", "flat") => "flat",
        ("heel", "block") => "block-heel",
        ("heel", "stiletto") => "stiletto",
        _ => value,
    }
}

/// An English title that names every attribute, in one of a few word orders.
fn title(item: &Item) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(mix(item.seed, 7));
    let say = |name: &str| item.get(name).map(|value| adjective(name, value));
    let pattern = say("pattern").filter(|p| *p != "plain" || rng.random_bool(0.3));
    let front = [say("fit"), say("length"), say("sleeve"), say("closure"), say("heel")];
    let cloth = [pattern, say("fabric")];
    let (neckline, colour) = (say("neckline"), say("colour"));
    let noun = item.get("category").expect("every item has a category");
    let words: Vec<&str> = match rng.random_range(0..3) {
        0 => [colour].into_iter().chain(cloth).chain(front).chain([neckline]).flatten().collect(),
        1 => front.into_iter().chain([neckline, colour]).chain(cloth).flatten().collect(),
        _ => [neckline].into_iter().chain(cloth).chain(front).flatten().collect(),
    };
    // A style belongs to its noun: "canvas tote bag".
    let noun = say("style").map_or(noun.to_owned(), |style| format!("{style} {noun}"));
    let mut title = format!("{} {noun}", words.join(" "));
    if !words.contains(&colour.unwrap_or_default()) {
        title += &format!(" in {}", colour.unwrap_or_default());
    }
    title[..1].to_uppercase() + &title[1..]
}
