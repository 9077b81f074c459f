//! What the values of an attribute are: sizes, colors, prices, codes, addresses or sentences. The values tell it, and the
//! attribute's name where they do not.

use std::collections::HashMap;

/// What an attribute's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sizes of garments and shoes.
    Size,
    /// Colors.
    Color,
    /// Amounts of money, which have a filter of their own.
    Price,
    /// Numbers of articles, barcodes.
    Code,
    /// Web addresses, e-mail addresses, paths of files.
    Address,
    /// Descriptions.
    Sentence,
}

impl Kind {
    /// Whether visitors filter by such values.
    pub fn is_facet(self) -> bool {
        matches!(self, Self::Size | Self::Color)
    }

    /// Its word in the manifest.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Size => Some("size"),
            Self::Color => Some("color"),
            _ => None,
        }
    }
}

/// Whether a value is of a kind.
type Test = fn(&str) -> bool;

const SIZE_NAMES: [&str; 14] = [
    "size",
    "sizes",
    "shoe size",
    "clothing size",
    "größe",
    "grösse",
    "groesse",
    "taille",
    "pointure",
    "talla",
    "taglia",
    "numero",
    "maat",
    "tamanho",
];
const COLOR_NAMES: [&str; 19] = [
    "color",
    "colour",
    "colors",
    "colours",
    "base color",
    "base colour",
    "main color",
    "main colour",
    "color name",
    "colour name",
    "color family",
    "colour family",
    "farbe",
    "farben",
    "couleur",
    "colore",
    "kleur",
    "cor",
    "shade",
];
const LETTER_SIZES: [&str; 22] = [
    "xxxs", "xxs", "2xs", "xs", "xs/s", "s", "s/m", "m", "m/l", "l", "l/xl", "xl", "xxl", "2xl", "xxxl", "3xl", "4xl",
    "5xl", "6xl", "os", "one size", "onesize",
];
const CURRENCIES: [&str; 12] = ["€", "$", "£", "¥", "₹", "zł", "eur", "usd", "gbp", "chf", "sek", "pln"];

/// Digits that make a value a code.
const CODE_DIGITS: usize = 6;
/// Words beyond which a value is a sentence.
const MOST_WORDS: usize = 8;

/// Whether two names are one; case, blanks and signs do not count.
pub fn same(one: &str, other: &str) -> bool {
    let plain =
        |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    plain(one) == plain(other)
}

/// What most of these values are; none where they are plain words.
pub fn of(name: &str, values: &HashMap<String, usize>) -> Option<Kind> {
    let most = |is: Test| values.keys().filter(|value| is(value)).count() * 5 >= values.len() * 4;
    let tests: [(Kind, Test); 4] =
        [(Kind::Address, is_address), (Kind::Price, is_price), (Kind::Code, is_code), (Kind::Sentence, is_sentence)];
    if values.is_empty() {
        return None;
    }
    if let Some((kind, _)) = tests.into_iter().find(|(_, is)| most(*is)) {
        return Some(kind);
    }
    let named = |names: &[&str]| names.iter().any(|known| same(known, name));
    match () {
        _ if named(&COLOR_NAMES) => Some(Kind::Color),
        _ if named(&SIZE_NAMES) || most(|value| LETTER_SIZES.contains(&value.trim().to_lowercase().as_str())) => {
            Some(Kind::Size)
        }
        _ => None,
    }
}

fn is_address(value: &str) -> bool {
    let value = value.trim();
    let (no_blank, lower) = (!value.contains(char::is_whitespace), value.to_lowercase());
    let starts = ["http://", "https://", "//", "www.", "mailto:"].iter().any(|start| lower.starts_with(start));
    let mail = value.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let file = crate::hash::PHOTO_ENDINGS.iter().any(|ending| lower.ends_with(&format!(".{ending}")));
    no_blank && (starts || mail || file)
}

/// An amount with its currency before or behind it.
fn is_price(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    let of = |sign: &&str| value.strip_prefix(*sign).or_else(|| value.strip_suffix(*sign));
    let amount = CURRENCIES.iter().find_map(of).map(str::trim).unwrap_or_default();
    amount.contains(|c: char| c.is_ascii_digit())
        && amount.chars().all(|c| c.is_ascii_digit() || ".,' \u{a0}".contains(c))
}

/// One word with many digits: a barcode, or the number of an article.
fn is_code(value: &str) -> bool {
    let value = value.trim();
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let signs = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    value.chars().all(signs) && digits >= CODE_DIGITS && 2 * digits >= value.chars().count()
}

fn is_sentence(value: &str) -> bool {
    value.split_whitespace().count() > MOST_WORDS
}

/// Where a size stands among others: letters by their order, numbers by their value, everything else behind, by name.
pub fn size(value: &str) -> (u8, f64, String) {
    let lower = value.trim().to_lowercase();
    if let Some(at) = LETTER_SIZES.iter().position(|known| *known == lower) {
        return (0, at as f64, lower);
    }
    let start = lower.find(|c: char| c.is_ascii_digit()).unwrap_or(lower.len());
    let number: String = lower[start..].chars().take_while(|c| c.is_ascii_digit() || ",.".contains(*c)).collect();
    match number.replace(',', ".").trim_end_matches('.').parse() {
        Ok(number) => (1, number, lower),
        Err(_) => (2, 0.0, lower),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, values: &[&str]) -> Option<Kind> {
        of(name, &values.iter().map(|value| (value.to_string(), 1)).collect())
    }

    #[test]
    fn values_tell_what_they_are() {
        let cases: [(&str, &[&str], Option<Kind>); 18] = [
            ("size", &["36", "38", "40"], Some(Kind::Size)),
            ("Größe", &["36", "Einheitsgröße"], Some(Kind::Size)),
            ("option 1", &["S", "M", "XL", "xxl"], Some(Kind::Size)),
            ("Farbe", &["Rot", "Blau"], Some(Kind::Color)),
            ("base_colour", &["Navy Blue"], Some(Kind::Color)),
            ("ean", &["4006381333931", "4006381333948"], Some(Kind::Code)),
            ("model", &["AB-123456", "AB-123457"], Some(Kind::Code)),
            ("color", &["100200300", "100200301"], Some(Kind::Code)),
            ("rrp", &["19,90 €", "EUR 25.00", "$5"], Some(Kind::Price)),
            ("page", &["https://a.example/1", "www.a.example"], Some(Kind::Address)),
            ("contact", &["a@b.example"], Some(Kind::Address)),
            ("picture", &["a.jpg", "b.PNG"], Some(Kind::Address)),
            ("text", &["a dress of nine words that nobody would choose by"], Some(Kind::Sentence)),
            ("kind", &["Dress", "Shirt"], None),
            ("year", &["2024", "2025"], None),
            ("heel", &["5 cm", "10 cm"], None),
            ("material", &["80 % cotton, 20 % elastane"], None),
            ("length", &["1.20", "90"], None),
        ];
        for (name, values, expected) in cases {
            assert_eq!(kind(name, values), expected, "{name} {values:?}");
        }
    }

    #[test]
    fn sizes_stand_in_their_order() {
        let mut sizes = ["XL", "40", "S", "38,5", "EU 38", "One Size", "M", "Kids"];
        sizes.sort_by(|a, b| size(a).partial_cmp(&size(b)).unwrap());
        assert_eq!(sizes, ["S", "M", "XL", "One Size", "EU 38", "38,5", "40", "Kids"]);
    }
}
