//! Pictures that stand for words, and scripts that nothing here reads.

/// A picture and what it shows, in English.
const PICTURES: &[(char, &str)] = &[
    ('👗', "dress"),
    ('👚', "top"),
    ('👕', "t-shirt"),
    ('👖', "jeans"),
    ('👔', "shirt"),
    ('👠', "heels"),
    ('👡', "sandals"),
    ('👢', "boots"),
    ('👟', "sneakers"),
    ('👞', "shoes"),
    ('🥿', "flats"),
    ('🥾', "boots"),
    ('🩴', "flip flops"),
    ('👜', "handbag"),
    ('👝', "clutch"),
    ('👛', "wallet"),
    ('🎒', "backpack"),
    ('💼', "laptop bag"),
    ('🧳', "trolley bag"),
    ('🕶', "sunglasses"),
    ('👓', "eyewear"),
    ('🧥', "coat"),
    ('🦺', "vest"),
    ('🧣', "scarf"),
    ('🧤', "gloves"),
    ('🧦', "socks"),
    ('🧢', "cap"),
    ('👒', "hat"),
    ('🎩', "hat"),
    ('💍', "ring"),
    ('📿', "necklace"),
    ('⌚', "watch"),
    ('☂', "umbrella"),
    ('☔', "umbrella"),
    ('🌂', "umbrella"),
    ('👙', "bikini"),
    ('🩱', "swimsuit"),
    ('🩲', "briefs"),
    ('🩳', "shorts"),
    ('🥻', "saree"),
    ('👘', "robe"),
    ('💄', "lipstick"),
    ('💅', "nail polish"),
    ('👨', "men"),
    ('👩', "women"),
    ('👧', "girls"),
    ('👦', "boys"),
    ('👶', "baby"),
    ('🔴', "red"),
    ('🟥', "red"),
    ('🟠', "orange"),
    ('🟧', "orange"),
    ('🟡', "yellow"),
    ('🟨', "yellow"),
    ('🟢', "green"),
    ('🟩', "green"),
    ('🔵', "blue"),
    ('🟦', "blue"),
    ('🟣', "purple"),
    ('🟪', "purple"),
    ('🟤', "brown"),
    ('🟫', "brown"),
    ('⚫', "black"),
    ('⬛', "black"),
    ('⚪', "white"),
    ('⬜', "white"),
    ('🌸', "floral"),
    ('🌺', "floral"),
    ('🌼', "floral"),
    ('🐆', "leopard"),
    ('🦓', "zebra print"),
];

/// Where the letters of a script lie.
const SCRIPTS: &[(u32, u32, &str)] = &[
    (0x0370, 0x03ff, "Greek"),
    (0x0400, 0x052f, "Cyrillic"),
    (0x0530, 0x058f, "Armenian"),
    (0x0590, 0x05ff, "Hebrew"),
    (0x0600, 0x077f, "Arabic"),
    (0x0900, 0x097f, "Devanagari"),
    (0x0980, 0x09ff, "Bengali"),
    (0x0a00, 0x0a7f, "Gurmukhi"),
    (0x0a80, 0x0aff, "Gujarati"),
    (0x0b80, 0x0bff, "Tamil"),
    (0x0c00, 0x0c7f, "Telugu"),
    (0x0c80, 0x0cff, "Kannada"),
    (0x0d00, 0x0d7f, "Malayalam"),
    (0x0e00, 0x0e7f, "Thai"),
    (0x10a0, 0x10ff, "Georgian"),
    (0x1100, 0x11ff, "Hangul"),
    (0x3040, 0x30ff, "Japanese"),
    (0x3400, 0x9fff, "Chinese"),
    (0xac00, 0xd7af, "Hangul"),
    (0xff66, 0xff9d, "Japanese"),
];

/// A text with words in place of its pictures, if it holds any that stand for some.
pub(super) fn in_words(text: &str) -> Option<String> {
    let shown = |c: char| PICTURES.iter().find(|(picture, _)| *picture == c).map(|(_, words)| *words);
    text.chars().any(|c| shown(c).is_some()).then(|| {
        let word = |c: char| shown(c).map_or_else(|| c.to_string(), |words| format!(" {words} "));
        text.chars().map(word).collect()
    })
}

/// The script of most letters of a text, if it is none of Latin ones.
pub(super) fn unread_script(text: &str) -> Option<&'static str> {
    let letters: Vec<u32> = text.chars().filter(|c| c.is_alphabetic()).map(u32::from).collect();
    let count = |first: u32, last: u32| letters.iter().filter(|&&c| (first..=last).contains(&c)).count();
    // a syllabary's letters among Chinese ones tell Japanese
    let japanese = count(0x3040, 0x30ff) > 0;
    let most = SCRIPTS.iter().max_by_key(|(first, last, _)| count(*first, *last))?;
    let share = SCRIPTS.iter().map(|(first, last, _)| count(*first, *last)).sum::<usize>() * 2;
    (share > letters.len()).then_some(if japanese { "Japanese" } else { most.2 })
}
