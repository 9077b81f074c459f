//! Prices as shops write them: `1.299,00 €`, `$1,299.00`, `1 299 kr`, `CHF 1'299.–`, `٣٥٠ AED`. A number as `1.250` means
//! either of two; which, the other prices of the file tell.

use iso_currency::Currency;
use rust_decimal::Decimal;

/// How a file marks decimals, as far as its prices tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Marks {
    point: usize,
    comma: usize,
}

/// A number's separators.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// None.
    Plain,
    /// The last one is this, and marks decimals.
    Decimal(char),
    /// All are this, and stand between thousands.
    Grouped(char),
    /// One, before three digits: either.
    Open(char),
    /// Digits that are no number.
    Wrong,
}

impl Marks {
    /// Learns from all prices of a file.
    pub fn of<'a>(prices: impl IntoIterator<Item = &'a str>) -> Self {
        let mut marks = Self::default();
        for price in prices {
            match shape(&number(price).0) {
                Shape::Decimal('.') | Shape::Grouped(',') => marks.point += 1,
                Shape::Decimal(_) | Shape::Grouped(_) => marks.comma += 1,
                Shape::Plain | Shape::Open(_) | Shape::Wrong => {}
            }
        }
        marks
    }

    /// A price and its currency; none for text without a number, for one below zero, and for zero, which is no price.
    pub fn price(self, text: &str, otherwise: Option<Currency>) -> Option<(Decimal, Option<Currency>)> {
        let (number, around) = number(text);
        let currency = currency(&around).or(otherwise);
        let mark = match shape(&number) {
            Shape::Plain | Shape::Grouped(_) => None,
            Shape::Decimal(mark) => Some(mark),
            Shape::Open(mark) => Some(mark).filter(|mark| self.is_decimal(*mark, currency)),
            Shape::Wrong => return None,
        };
        let digits: String = number.chars().filter(|c| c.is_ascii_digit() || Some(*c) == mark).collect();
        let value = digits.replace(',', ".").parse::<Decimal>().ok()?;
        let below = text.split(|c| digit(c).is_some()).next().unwrap_or_default().trim_end().ends_with(['-', '−']);
        (!value.is_zero() && !below).then_some((value, currency))
    }

    /// Whether this mark before three digits stands before decimals.
    fn is_decimal(self, mark: char, currency: Option<Currency>) -> bool {
        let (this, other) = if mark == '.' { (self.point, self.comma) } else { (self.comma, self.point) };
        match this.cmp(&other) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => currency.is_some_and(|currency| currency.exponent() == Some(3)),
        }
    }
}

/// The first number of a text, with only `.` and `,` as separators and digits of every script as 0 to 9; and what stands
/// around it.
fn number(text: &str) -> (String, String) {
    let Some(first) = text.find(|c| digit(c).is_some()) else { return (String::new(), text.to_string()) };
    // `.99` begins with its mark
    let bare = text[..first]
        .strip_suffix(['.', ','])
        .is_some_and(|rest| rest.is_empty() || rest.ends_with([' ', '$', '€', '£']));
    let start = if bare { first - 1 } else { first };
    let (mut number, mut end) = (String::new(), start);
    let rest: Vec<(usize, char)> = text[start..].char_indices().collect();
    for (i, &(at, c)) in rest.iter().enumerate() {
        let ahead = || rest[i + 1..].iter().take_while(|(_, c)| digit(*c).is_some()).count();
        match (digit(c), c) {
            (Some(digit), _) => number.push(digit),
            (None, '.' | ',') => number.push(c),
            (None, '٫') => number.push(','),
            // between thousands, where three digits follow
            (None, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\'' | '’' | '_' | '٬') if ahead() == 3 => {}
            _ => break,
        }
        end = start + at + c.len_utf8();
    }
    let number = number.trim_end_matches(['.', ',']).to_string();
    (number, format!("{} {}", &text[..start], &text[end..]))
}

fn digit(c: char) -> Option<char> {
    const ZEROS: [char; 5] = ['0', '٠', '۰', '०', '０'];
    let value = ZEROS.iter().find_map(|&zero| (c as u32).checked_sub(zero as u32).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

fn shape(number: &str) -> Shape {
    let marks: Vec<(usize, char)> = number.char_indices().filter(|(_, c)| !c.is_ascii_digit()).collect();
    let Some(&(last, mark)) = marks.last() else { return if number.is_empty() { Shape::Wrong } else { Shape::Plain } };
    let thousands = |part: &str, mark: char| {
        let mut groups = part.split(mark);
        groups.next().is_some_and(|first| (1..=3).contains(&first.len())) && groups.all(|group| group.len() == 3)
    };
    let other = marks.iter().map(|(_, c)| *c).find(|c| *c != mark);
    match (other, marks.len()) {
        (Some(other), n) if marks.iter().filter(|(_, c)| *c == other).count() == n - 1 => {
            if thousands(&number[..last], other) { Shape::Decimal(mark) } else { Shape::Wrong }
        }
        (Some(_), _) => Shape::Wrong,
        (None, 1) if thousands(number, mark) && !number.starts_with('0') => Shape::Open(mark),
        (None, 1) => Shape::Decimal(mark),
        (None, _) if thousands(number, mark) => Shape::Grouped(mark),
        (None, _) => Shape::Wrong,
    }
}

/// The currency that is named: by its code, or by a sign that no other currency has (`$` and `kr` are several's).
pub fn currency(text: &str) -> Option<Currency> {
    let words = || text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() == 3);
    let code = |word: &str| Currency::from_code(&word.to_ascii_uppercase());
    let alone = text.trim().len() == 3;
    if let Some(found) = words().filter(|word| alone || word.chars().all(|c| c.is_ascii_uppercase())).find_map(code) {
        return Some(found);
    }
    let sign = text.trim().trim_matches(['-', '–', '.', ',', ' ']);
    const SIGNS: [(&str, Currency); 14] = [
        ("€", Currency::EUR),
        ("£", Currency::GBP),
        ("₹", Currency::INR),
        ("₺", Currency::TRY),
        ("₽", Currency::RUB),
        ("₪", Currency::ILS),
        ("₴", Currency::UAH),
        ("₩", Currency::KRW),
        ("₫", Currency::VND),
        ("zł", Currency::PLN),
        ("Kč", Currency::CZK),
        ("Ft", Currency::HUF),
        ("US$", Currency::USD),
        ("R$", Currency::BRL),
    ];
    SIGNS.iter().find(|(known, _)| *known == sign).map(|(_, currency)| *currency)
}

/// Amounts of one product, written alike: all with decimals where one has them.
pub fn written(amounts: &[Decimal], currency: Option<Currency>) -> Vec<String> {
    let given = amounts.iter().map(Decimal::scale).max().unwrap_or(0);
    let needed = amounts.iter().map(|amount| amount.normalize().scale()).max().unwrap_or(0);
    let minor = currency.and_then(|currency| currency.exponent()).map_or(2, u32::from);
    let scale = match (given, minor) {
        (0, _) => 0,
        (_, 0) => needed,
        _ => needed.max(given.max(2).min(minor)),
    };
    let write = |amount: &Decimal| {
        let mut amount = *amount;
        amount.rescale(scale);
        amount.to_string()
    };
    amounts.iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, marks: Marks) -> Option<String> {
        let (amount, currency) = marks.price(text, None)?;
        Some(format!("{} {}", amount.normalize(), currency.map_or("?", |c| c.code())))
    }

    #[test]
    fn prices_as_shops_write_them() {
        let cases = [
            ("89.90 EUR", "89.9 EUR"),
            ("129,00 EUR", "129 EUR"),
            ("EUR 1.299,50", "1299.5 EUR"),
            ("$1,299.00", "1299 ?"),
            ("US$ 12.00", "12 USD"),
            ("1.299,- €", "1299 EUR"),
            ("€ 5", "5 EUR"),
            ("CHF 1'299.–", "1299 CHF"),
            ("1 299,50 zł", "1299.5 PLN"),
            ("1\u{202f}299 kr", "1299 ?"),
            ("12 345 678,9 SEK", "12345678.9 SEK"),
            ("350 AED", "350 AED"),
            ("٣٥٠٫٥٠ AED", "350.5 AED"),
            ("1,234,567 JPY", "1234567 JPY"),
            ("12.500 KWD", "12.5 KWD"),
            ("0,250 EUR", "0.25 EUR"),
            (".99", "0.99 ?"),
            ("34.000000", "34 ?"),
            ("eur", "none"),
            ("", "none"),
            ("0.00 EUR", "none"),
            ("-5.00", "none"),
            ("1.2.3", "none"),
            ("1,2.3,4", "none"),
            ("free", "none"),
            ("19.99 EUR - 29.99 EUR", "19.99 EUR"),
            ("ab 12 EUR", "12 EUR"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, Marks::default()).unwrap_or("none".into()), expected, "{text}");
        }
    }

    #[test]
    fn what_may_mean_two_things_is_told_by_the_others() {
        let german = Marks::of(["79,90", "1.250", "12"]);
        let english = Marks::of(["79.90", "1.250", "12"]);
        let silent = Marks::of(["1.250", "12"]);
        let cases = [
            (german, "1.250", "1250 ?"),
            (german, "1,250", "1.25 ?"),
            (english, "1.250", "1.25 ?"),
            (english, "1,250", "1250 ?"),
            (silent, "1.250", "1250 ?"),
            (silent, "1,250", "1250 ?"),
        ];
        for (marks, text, expected) in cases {
            assert_eq!(read(text, marks).unwrap(), expected, "{text} {marks:?}");
        }
    }

    #[test]
    fn amounts_of_one_product_are_written_alike() {
        let written = |amounts: &[&str], code: &str| {
            let amounts: Vec<Decimal> = amounts.iter().map(|a| a.parse().unwrap()).collect();
            super::written(&amounts, Currency::from_code(code)).join(" ")
        };
        assert_eq!(written(&["349"], "EUR"), "349");
        assert_eq!(written(&["49.5", "59"], "EUR"), "49.50 59.00");
        assert_eq!(written(&["34.000000"], "EUR"), "34.00");
        assert_eq!(written(&["12.500"], "KWD"), "12.500");
        assert_eq!(written(&["49.00"], "TND"), "49.00");
        assert_eq!(written(&["1200.00"], "JPY"), "1200");
        assert_eq!(written(&["0.125"], "EUR"), "0.125");
    }
}
