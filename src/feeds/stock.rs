//! Whether something can be ordered, as shop systems say it.

use super::names::{plain, plain_set};
use std::collections::HashSet;
use std::sync::LazyLock;

const YES: &str = "\
    in stock, instock, available, available for order, preorder, pre order, presale, backorder, on backorder, \
    onbackorder, limited availability, online only, in store only, made to order, yes, true, y, 1, auf lager, lieferbar, \
    verfügbar, vorbestellbar, en stock, disponible, disponibile, op voorraad, på lager, i lager, na stanie, dostępny, \
    em stock, em estoque, stokta, available on order";
const NO: &str = "\
    out of stock, outofstock, sold out, discontinued, unavailable, not available, reserved, no, false, n, 0, \
    nicht auf lager, nicht lieferbar, nicht verfügbar, ausverkauft, vergriffen, rupture de stock, en rupture, épuisé, \
    indisponible, agotado, sin existencias, esaurito, non disponibile, niet op voorraad, uitverkocht, udsolgt, slutsåld, \
    niedostępny, brak, esgotado, fora de estoque, tükendi";

/// What a word of availability says; none where it is not known. A number is a count.
pub fn can_be_ordered(word: &str) -> Option<bool> {
    let word = word.trim();
    if let Ok(count) = word.replace(',', ".").parse::<f64>() {
        return Some(count > 0.0);
    }
    // an address of schema.org ends in the word
    let word = plain(word.rsplit(['/', '#']).next().unwrap_or(word));
    let word = word.strip_prefix("schema").unwrap_or(&word);
    static KNOWN: LazyLock<[HashSet<String>; 2]> = LazyLock::new(|| [YES, NO].map(plain_set));
    if KNOWN[0].contains(word) {
        return Some(true);
    }
    KNOWN[1].contains(word).then_some(false)
}

/// A count of pieces; none where there is no number.
pub fn count(text: &str) -> Option<f64> {
    text.trim().replace(',', ".").parse::<f64>().ok()
}

/// Yes or no, as tables write it.
pub fn is_yes(text: &str) -> Option<bool> {
    match plain(text).as_str() {
        "" => None,
        "true" | "yes" | "y" | "1" | "wahr" | "ja" | "oui" | "vrai" | "si" | "sí" | "verdadero" | "vero"
        | "continue" => Some(true),
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_availability() {
        for word in [
            "in stock",
            "in_stock",
            "In Stock",
            "https://schema.org/InStock",
            "http://schema.org/PreOrder",
            "BackOrder",
            "preorder",
            "available for order",
            "auf Lager",
            "3",
            "schema:LimitedAvailability",
        ] {
            assert_eq!(can_be_ordered(word), Some(true), "{word}");
        }
        for word in [
            "out of stock",
            "out_of_stock",
            "OutOfStock",
            "https://schema.org/SoldOut",
            "discontinued",
            "0",
            "-2",
            "épuisé",
        ] {
            assert_eq!(can_be_ordered(word), Some(false), "{word}");
        }
        for word in ["", "perhaps"] {
            assert_eq!(can_be_ordered(word), None, "{word}");
        }
    }
}
