//! How words are compared: in lower case, without accents, and without the English plural.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case, without accents; ß as ss.
pub fn fold(text: &str) -> String {
    let folded: String = text.to_lowercase().nfkd().filter(|c| !is_combining_mark(*c)).collect();
    match folded.contains(['ß', 'œ', 'æ', 'ø']) {
        true => folded.replace('ß', "ss").replace('œ', "oe").replace('æ', "ae").replace('ø', "o"),
        false => folded,
    }
}

/// "dresses" and "dress" are one word: the English plural alone.
pub fn stem(word: &str) -> String {
    match word {
        "woman" => return "women".into(),
        "man" => return "men".into(),
        "children" => return "child".into(),
        _ if word.chars().count() <= 3 => return word.into(),
        _ => {}
    }
    if let Some(start) = word.strip_suffix("ies").filter(|start| start.chars().count() > 2) {
        return format!("{start}y");
    }
    let cut = match word {
        _ if ["sses", "xes", "ches", "shes"].iter().any(|end| word.ends_with(end)) => 2,
        _ if word.ends_with('s') && !word.ends_with("ss") => 1,
        _ => 0,
    };
    word[..word.len() - cut].to_string()
}

/// The folded words of a text. "men's" is "men".
pub fn tokens(text: &str) -> impl Iterator<Item = String> {
    let folded = fold(text).replace("'s ", " ").replace("’s ", " ");
    let words: Vec<String> =
        folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_string).collect();
    words.into_iter()
}
