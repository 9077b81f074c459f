use super::*;
use crate::catalog::format::Item;
use crate::catalog::format::tests::item;
use crate::search::wanted::{Unit, Wanted};

/// A shop in English that has every value of the shoppers' table, each in some products.
fn shop() -> Vec<Item> {
    let kinds = [
        "Dresses",
        "Watches",
        "Jackets",
        "Tshirts",
        "Tops",
        "Casual Shoes",
        "Sports Shoes",
        "Shirts",
        "Handbags",
        "Skirts",
        "Sunglasses",
        "Jeans",
        "Shoes",
        "Flats",
        "Heels",
        "Sweatshirts",
        "Sweaters",
        "Belts",
        "Wallets",
        "Earrings",
        "Flip Flops",
        "Socks",
        "Trousers",
        "Backpacks",
        "Sandals",
        "Scarves",
        "Robe",
    ];
    let colours = [
        "Red",
        "Silver",
        "Black",
        "Blue",
        "White",
        "Green",
        "Brown",
        "Navy Blue",
        "Beige",
        "Grey",
        "Gold",
        "Pink",
        "Multi",
        "Purple",
        "Rose",
    ];
    let patterns = ["checked", "solid", "striped", "floral", "polka dot"];
    let genders = ["Men", "Women", "Boys", "Girls"];
    let product = |i: usize| {
        let (kind, colour) = (kinds[i % kinds.len()], colours[i % colours.len()]);
        let (pattern, gender) = (patterns[i % patterns.len()], genders[i % genders.len()]);
        let maker = ["Gant", "Puma", "Arrow"][i % 3];
        let values = [("kind", kind), ("colour", colour), ("pattern", pattern), ("gender", gender)];
        let attributes = values.map(|(name, value)| (name.to_string(), value.to_string())).into();
        Item { title: format!("{maker} {gender} {colour} {kind}"), attributes, ..item(&format!("id{i}")) }
    };
    (0..540).map(product).collect()
}

/// The same with its values and titles in German.
fn german_shop() -> Vec<Item> {
    let product = |i: usize| {
        let (kind, colour) = (["Kleider", "Röcke", "Hemden", "Uhren"][i % 4], ["Rot", "Blau", "Schwarz"][i % 3]);
        let attributes = [("Art", kind), ("Farbe", colour)].map(|(name, value)| (name.into(), value.into())).into();
        Item { title: format!("{kind} in {colour} für Damen"), attributes, ..item(&format!("id{i}")) }
    };
    (0..120).map(product).collect()
}

fn named<'a>(units: impl Iterator<Item = &'a Unit>, index: &TextIndex) -> Vec<String> {
    let name = |value: Value| index.attributes().all[value.attribute as usize].values[value.code as usize].clone();
    units.flat_map(|unit| unit.all_values().map(name).collect::<Vec<_>>()).collect()
}

fn read(text: &str, items: &[Item]) -> (Reading, Vec<String>, Vec<String>) {
    let (index, glossaries) = (TextIndex::of(items), Glossaries::shipped().unwrap());
    let reading = Reading::of(text, &index, &glossaries);
    let wanted = Wanted::of(&reading, &index, false);
    let (positive, negative) = (named(wanted.positive(), &index), named(wanted.negative(), &index));
    (reading, positive, negative)
}

/// What a row of the table says and was not understood.
fn missed(row: &str, index: &TextIndex, glossaries: &Glossaries) -> Option<String> {
    let cells: Vec<&str> = row.split('\t').collect();
    let [language, text, wanted, unwanted] = cells[..] else { panic!("four cells: {row:?}") };
    let reading = Reading::of(text, index, glossaries);
    let said = Wanted::of(&reading, index, false);
    let lists = |list: &str| list.split(',').filter(|one| !one.is_empty()).map(str::to_string).collect::<Vec<_>>();
    let holds = |values: &[String], list: &str| {
        lists(list).iter().all(|one| one.split('/').any(|one| values.iter().any(|value| value == one)))
    };
    let (positive, negative) = (named(said.positive(), index), named(said.negative(), index));
    let good = holds(&positive, wanted)
        && holds(&negative, unwanted)
        && !lists(unwanted).iter().any(|value| positive.contains(value))
        && !lists(wanted).iter().any(|value| negative.contains(value));
    (!good).then(|| format!("{language}: {text}: {positive:?} but not {negative:?}, read as {:?}", reading.english))
}

#[test]
fn shoppers_of_every_language_are_understood() {
    let (index, glossaries) = (TextIndex::of(&shop()), Glossaries::shipped().unwrap());
    let table = include_str!("../../../tests/fixtures/shoppers.tsv");
    let rows: Vec<&str> = table.lines().filter(|row| !row.starts_with('#') && !row.is_empty()).collect();
    let missed: Vec<String> = rows.iter().filter_map(|row| missed(row, &index, &glossaries)).collect();
    assert!(rows.len() > 150 && missed.is_empty(), "{} of {}:\n{}", missed.len(), rows.len(), missed.join("\n"));
}

#[test]
fn the_text_encoder_gets_english() {
    let cases = [
        ("rotes Kleid mit langen Ärmeln", Some("red long sleeve dress")),
        ("chemise blanche pour homme", Some("white shirt for men")),
        ("zapatos negros de mujer", Some("black shoes for women")),
        ("Gant chemise bleue", Some("Gant blue shirt")),
        ("👗 red", Some("dress red")),
        ("red dress for women", None),
        ("Puma", None),
    ];
    for (text, english) in cases {
        assert_eq!(read(text, &shop()).0.english.as_deref(), english, "{text}");
    }
}

#[test]
fn a_makers_name_is_no_word_of_another_language() {
    let (reading, positive, _) = read("Gant chemise bleue", &shop());
    assert_eq!(reading.tokens[0].words, ["gant"]);
    assert!(positive.iter().any(|value| value == "Shirts"), "{positive:?}");
}

#[test]
fn words_that_nobody_knows_are_named() {
    let cases: [(&str, &[&str], bool); 6] = [
        ("Kleid Blorptex", &["Blorptex"], false),
        ("Blorptex", &["Blorptex"], true),
        ("für Blorptex", &["Blorptex"], true),
        ("красное платье", &["красное", "платье"], true),
        ("red dress", &[], false),
        ("robe rouge", &[], false),
    ];
    for (text, unknown, nothing) in cases {
        let reading = read(text, &shop()).0;
        assert_eq!(
            (reading.unknown.clone(), reading.says_nothing_known()),
            (unknown.iter().map(ToString::to_string).collect(), nothing),
            "{text}"
        );
    }
    let scripts = [
        ("красное платье", Some("Cyrillic")),
        ("赤いドレス", Some("Japanese")),
        ("فستان أحمر", Some("Arabic")),
        ("robe", None),
    ];
    for (text, script) in scripts {
        assert_eq!(read(text, &shop()).0.script, script, "{text}");
    }
}

#[test]
fn a_shop_of_another_language_is_understood_in_every_language() {
    let index = TextIndex::of(&german_shop());
    assert_eq!(index.language(), Language::German);
    assert_eq!(TextIndex::of(&shop()).language(), Language::English);
    for text in ["red dress", "robe rouge", "vestido rojo", "vestito rosso", "rotes Kleid", "rote Kleider"] {
        let (_, positive, _) = read(text, &german_shop());
        assert!(["Kleider", "Rot"].iter().all(|value| positive.iter().any(|one| one == value)), "{text}: {positive:?}");
    }
}

#[test]
fn a_word_of_several_meanings_keeps_them_all() {
    let (index, mut glossaries) = (TextIndex::of(&shop()), Glossaries::shipped().unwrap());
    let robe = |glossaries: &Glossaries| {
        let wanted = Wanted::of(&Reading::of("robe", &index, glossaries), &index, false);
        named(wanted.positive(), &index)
    };
    assert_eq!(robe(&glossaries)[0], "Robe", "the shop's own word comes first");
    assert!(robe(&glossaries).iter().any(|value| value == "Dresses"));
    glossaries.reader = Some(Language::French);
    assert_eq!(robe(&glossaries)[0], "Dresses", "a French visitor's robe is a dress first");
}

#[test]
fn a_file_that_is_no_glossary_is_refused() {
    let refused: [&[u8]; 5] = [
        b"",
        b"vitrine-glossary\t2\tde\n",
        b"vitrine-glossary\t1\txx\n",
        b"vitrine-glossary\t1\tde\ndress\tt\n",
        b"\xff",
    ];
    for bytes in refused {
        assert!(Glossary::read(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn the_encoder_reads_english_where_glossaries_help_and_what_was_typed_elsewhere() {
    let glossaries = Glossaries::shipped().unwrap();
    for (text, english) in [
        ("rotes Kleid", "red dress"),
        ("Langarmshirt", "long-sleeved t-shirt"),
        ("robe rouge", "red dress"),
        ("zapatos negros", "black shoes"),
        ("borsa marrone", "brown handbag"),
        ("t-shirt couleur noir", "black t-shirt"),
        ("chaussettes homme", "socks for men"),
        ("jean bleu", "blue jeans"),
        ("chemise en jean", "denim shirt"),
        ("Red dress, size M", "Red dress, size M"),
        ("Xyzzy", "Xyzzy"),
        ("", ""),
    ] {
        assert_eq!(Reading::without_catalog(text, &glossaries).for_encoder(), english, "{text}");
    }
}
