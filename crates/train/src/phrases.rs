//! Words for attributes and changes, and noise for words.

use super::data::{Data, Role};
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

/// A type's word as people write it in the singular: "Tshirts" → "t-shirt".
pub fn singular(kind: &str) -> String {
    const PLURAL: [&str; 22] = [
        "shoes",
        "jeans",
        "shorts",
        "trousers",
        "pants",
        "leggings",
        "jeggings",
        "capris",
        "tights",
        "flops",
        "heels",
        "flats",
        "sunglasses",
        "earrings",
        "sandals",
        "socks",
        "cufflinks",
        "gloves",
        "briefs",
        "boxers",
        "booties",
        "churidar",
    ];
    let kind = kind.replace("tshirts", "t-shirts");
    let last = kind.rsplit(' ').next().unwrap_or("");
    if PLURAL.contains(&last) || !kind.ends_with('s') || kind.ends_with("ss") {
        return kind;
    }
    if let Some(stem) = kind.strip_suffix("rves") {
        return format!("{stem}rf");
    }
    for ending in ["sses", "ches", "shes"] {
        if kind.ends_with(ending) {
            return kind[..kind.len() - 2].to_string();
        }
    }
    kind[..kind.len() - 1].to_string()
}

/// How an attribute's word appears in a phrase.
pub fn spoken(data: &Data, item: usize, attribute: usize, rng: &mut impl Rng) -> String {
    let word = data.word(item, attribute);
    match &data.roles[attribute] {
        Role::Kind if rng.random_bool(0.8) => singular(word),
        Role::Pattern if word == "checked" && rng.random_bool(0.2) => "check".into(),
        // "long" says little without "sleeve"
        Role::Seen(name) if !word.contains(name.as_str()) && rng.random_bool(0.5) => format!("{word} {name}"),
        _ => word.to_string(),
    }
}

/// Attributes by the places of their roles, where each role has its own.
fn ordered(data: &Data, place: fn(&Role) -> usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..data.roles.len()).collect();
    all.sort_by_key(|&attribute| place(&data.roles[attribute]));
    all
}

/// How often a phrase says an attribute that is known, and its place among those that are decided on.
fn chance(role: &Role) -> (usize, f64) {
    match role {
        Role::Kind => (0, 0.93),
        Role::Color => (1, 0.85),
        Role::Person => (2, 0.65),
        Role::Pattern => (3, 0.85),
        Role::Usage => (4, 0.25),
        Role::Seen(_) => (5, 0.3),
        Role::Unseen(_) => (6, 0.1),
    }
}

/// A phrase for an item from some of its attributes, and which those are; none where too little is known.
pub fn phrase(data: &Data, item: usize, rng: &mut impl Rng) -> Option<(String, Vec<usize>)> {
    let mut used: Vec<usize> = Vec::new();
    for attribute in ordered(data, |role| chance(role).0) {
        if !data.word(item, attribute).is_empty() && rng.random_bool(chance(&data.roles[attribute]).1) {
            used.push(attribute);
        }
    }
    let alone = |role: &Role| matches!(role, Role::Person | Role::Usage | Role::Seen(_));
    if used.is_empty() || matches!(used[..], [one] if alone(&data.roles[one])) {
        return None;
    }
    Some((worded(data, item, &used, rng), used))
}

/// Words for some attributes of an item, in one of the orders that people write them in.
pub fn worded(data: &Data, item: usize, used: &[usize], rng: &mut impl Rng) -> String {
    let say = |role: Role, rng: &mut _| {
        let of_role = used.iter().find(|&&attribute| data.roles[attribute] == role);
        of_role.map_or(String::new(), |&attribute| spoken(data, item, attribute, rng))
    };
    let [gender, kind, colour, usage, pattern] =
        [Role::Person, Role::Kind, Role::Color, Role::Usage, Role::Pattern].map(|role| say(role, rng));
    let others = used.iter().filter(|&&a| matches!(data.roles[a], Role::Seen(_) | Role::Unseen(_)));
    let others: Vec<String> = others.map(|&attribute| spoken(data, item, attribute, rng)).collect();
    let others = others.join(" ");
    let kind = if kind.is_empty() { "something".to_string() } else { kind };
    let of = if gender.is_empty() { String::new() } else { format!("for {gender}") };
    let words = match rng.random_range(0..7) {
        0..=2 => vec![usage, colour, pattern, others, kind, of],
        3 => vec![gender, usage, pattern, colour, others, kind],
        4 => vec![usage, pattern, others, kind, prefixed("in", &colour), of],
        5 => vec![colour, pattern, others, kind, of, suffixed(&usage, "wear")],
        _ => {
            let mut words = vec![gender, usage, colour, pattern];
            words.shuffle(rng);
            words.extend([others, kind]);
            words
        }
    };
    join(&words)
}

fn prefixed(before: &str, word: &str) -> String {
    if word.is_empty() { String::new() } else { format!("{before} {word}") }
}

fn suffixed(word: &str, after: &str) -> String {
    if word.is_empty() { String::new() } else { format!("for {word} {after}") }
}

fn join(words: &[String]) -> String {
    words.iter().filter(|w| !w.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

/// Ways of asking for another value of an attribute.
fn forms(role: &Role) -> &'static [&'static str] {
    match role {
        Role::Color => &[
            "in {new}",
            "but {new}",
            "{new}",
            "make it {new}",
            "the same in {new}",
            "i want it in {new}",
            "{new} instead of {old}",
            "not {old} but {new}",
            "like this but {new}",
            "more {new}, less {old}",
            "is {new}",
            "{new} please",
            "change the color to {new}",
            "is {new} not {old}",
            "{new} colour",
        ],
        Role::Kind => &[
            "a {new}",
            "but a {new}",
            "{new} instead",
            "{new} not {old}",
            "is a {new}",
            "matching {new}",
            "a {new} instead of this {old}",
            "{new} in the same color",
            "show me {new}",
        ],
        Role::Person => &[
            "for {new}",
            "{new} version",
            "but for {new}",
            "made for {new}",
            "not for {old} but for {new}",
            "the {new} one",
            "is for {new}",
            "{new}",
        ],
        Role::Pattern => &[
            "{new}",
            "with a {new} pattern",
            "but {new}",
            "is {new}",
            "{new} pattern",
            "more {new}",
            "{new} instead of {old}",
        ],
        Role::Usage => &["more {new}", "for {new} wear", "{new}", "is {new}", "{new} style", "less {old}, more {new}"],
        Role::Seen(_) | Role::Unseen(_) => &[
            "with {new}",
            "but {new}",
            "{new}",
            "is {new}",
            "make it {new}",
            "{new} instead of {old}",
            "not {old} but {new}",
            "is {new} not {old}",
            "the same with {new}",
        ],
    }
}

/// Changes in words that lead from one item to another, one for each attribute that differs; none if nothing does or
/// an attribute cannot be told.
pub fn changes(data: &Data, from: usize, to: usize, rng: &mut impl Rng) -> Vec<String> {
    let mut out = Vec::new();
    let place = |role: &Role| match role {
        Role::Color => 0,
        Role::Kind => 1,
        Role::Person => 2,
        Role::Pattern => 3,
        Role::Usage => 4,
        Role::Seen(_) | Role::Unseen(_) => 5,
    };
    for attribute in ordered(data, place).into_iter().filter(|&attribute| data.differs(from, to, attribute)) {
        let (old, new) = (spoken(data, from, attribute, rng), spoken(data, to, attribute, rng));
        let forms = forms(&data.roles[attribute]);
        let known: Vec<&&str> = forms.iter().filter(|f| !old.is_empty() || !f.contains("{old}")).collect();
        if let Some(form) = known.choose(rng) {
            out.push(form.replace("{new}", &new).replace("{old}", &old));
        }
    }
    out
}

/// Joins changes as queries are joined in evaluation, now and then in another order.
pub fn joined(captions: &[String], rng: &mut impl Rng) -> String {
    let mut captions = captions.to_vec();
    captions.shuffle(rng);
    let link = [", ", ", ", ", ", ", ", " and ", " "].choose(rng).copied().unwrap_or(", ");
    captions.join(link)
}

/// A long title with up to a third of its words left out, so that no single brand or number is learnt by heart.
pub fn thinned(text: &str, rng: &mut impl Rng) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let drop = rng.random_range(0..=words.len() / 3);
    let mut kept: Vec<usize> = rand::seq::index::sample(rng, words.len(), words.len() - drop).into_vec();
    kept.sort_unstable();
    kept.into_iter().map(|i| words[i]).collect::<Vec<_>>().join(" ")
}

/// Typing as people do it: now and then two letters change places, one is lost or doubled, a word is left out.
pub fn noisy(text: &str, rng: &mut impl Rng) -> String {
    if !rng.random_bool(0.12) {
        return text.to_string();
    }
    let mut words: Vec<String> = text.split(' ').map(String::from).collect();
    if words.len() > 4 && rng.random_bool(0.4) {
        words.remove(rng.random_range(0..words.len()));
        return words.join(" ");
    }
    let i = rng.random_range(0..words.len());
    let mut letters: Vec<char> = words[i].chars().collect();
    if letters.len() > 3 {
        let at = rng.random_range(1..letters.len() - 1);
        match rng.random_range(0..3) {
            0 => letters.swap(at, at + 1),
            1 => drop(letters.remove(at)),
            _ => letters.insert(at, letters[at]),
        }
        words[i] = letters.into_iter().collect();
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn thinning_keeps_order_and_most_words() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let title = "a b c d e f g h i";
        let all: Vec<String> = (0..50).map(|_| thinned(title, &mut rng)).collect();
        assert!(all.iter().all(|t| t.split(' ').count() >= 6 && t.split(' ').is_sorted()), "{all:?}");
        assert!(all.iter().any(|t| t == title) && all.iter().any(|t| t.split(' ').count() == 6), "{all:?}");
        assert_eq!(thinned("shirt", &mut rng), "shirt");
    }

    #[test]
    fn types_become_singular() {
        let cases = [
            ("tshirts", "t-shirt"),
            ("dresses", "dress"),
            ("watches", "watch"),
            ("jeans", "jeans"),
            ("sports shoes", "sports shoes"),
            ("scarves", "scarf"),
            ("kurtas", "kurta"),
            ("dress", "dress"),
            ("necklace and chains", "necklace and chain"),
            ("lip gloss", "lip gloss"),
        ];
        for (plural, one) in cases {
            assert_eq!(singular(plural), one);
        }
    }

    #[test]
    fn noise_keeps_a_text_a_text() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let text = "navy blue striped shirt for men";
        let changed = (0..500).filter(|_| {
            let out = noisy(text, &mut rng);
            assert!(!out.trim().is_empty() && out.len() + 12 > text.len());
            out != text
        });
        assert!((20..120).contains(&changed.count()));
    }
}
