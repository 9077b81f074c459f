//! Text from elsewhere on a terminal: titles, ids, file names and the messages that hold them. A terminal obeys what
//! stands between the letters; here it becomes visible and is obeyed by none. It is written as JSON writes it, so that a
//! line of JSON means the same afterwards.

/// Text on one line, as it is, but for what a terminal obeys, which is shown as `\u001b` and the like.
pub fn harmless(text: &str) -> String {
    escape(text, |_| false)
}

/// The same for text that may have several lines.
pub fn harmless_lines(text: &str) -> String {
    escape(text, |c| matches!(c, '\n' | '\t'))
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match is_obeyed(c) && !keep(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|half| out += &format!("\\u{half:04x}")),
            false => out.push(c),
        }
        out
    })
}

/// Control characters, with which sequences for colours, the title or the clipboard begin, line and paragraph
/// separators, characters that reorder what stands around them, and invisible ones that can hide text (Unicode's tags).
/// Joiners stay: Persian, Hindi and emoji are written with them.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        let cases = [
            ("\x1b[31mred\x1b[0m", "\\u001b[31mred\\u001b[0m"),
            ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
            ("\x1b]52;c;bHM=\x1b\\", "\\u001b]52;c;bHM=\\u001b\\"),
            ("\u{9b}2J", "\\u009b2J"),
            ("a\rb\x08\x7f\0", "a\\u000db\\u0008\\u007f\\u0000"),
            ("a\nb\tc", "a\\u000ab\\u0009c"),
            ("invoice\u{202e}gpj.exe", "invoice\\u202egpj.exe"),
            ("\u{2066}x\u{2069}\u{200f}\u{61c}\u{2028}", "\\u2066x\\u2069\\u200f\\u061c\\u2028"),
            ("\u{feff}\u{e0041}", "\\ufeff\\udb40\\udc41"),
        ];
        for (text, shown) in cases {
            assert_eq!(harmless(text), shown);
        }
        for text in ["", "Robe d'été \"bleu\" – 20 €", "می‌خواهم", "שמלה", "कपड़ा", "👩‍🦰", "C:\\photos"]
        {
            assert_eq!(harmless(text), text);
        }
        let json = serde_json::json!({"title": "\x1b\u{9b}\u{202e}\u{e0041}\n\"\u{2028}"});
        let shown = harmless_lines(&serde_json::to_string_pretty(&json).unwrap());
        assert!(!shown.contains(['\u{9b}', '\u{202e}', '\u{e0041}', '\u{2028}']));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), json);
        assert_eq!(harmless_lines("a\n\tb\x1b\r\n"), "a\n\tb\\u001b\\u000d\n");
    }
}
