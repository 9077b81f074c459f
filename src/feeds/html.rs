//! HTML → the text that somebody reads, and the scripts of a page.

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// Elements within a sentence; every other one ends a word.
const INLINE: [&str; 22] = [
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "ins", "mark", "s", "small", "span", "strong",
    "sub", "sup", "tt", "u", "var", "wbr",
];

/// Tags and entities taken out, blanks made one.
pub fn text(html: &str) -> String {
    let once = read(html);
    // some programs escape what is HTML already
    if ["</", "<br", "<p>", "&amp;", "&quot;", "&nbsp;"].iter().any(|sign| once.contains(sign)) && once != html {
        return read(&once);
    }
    once
}

fn read(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return one_line(html);
    }
    let mut out = String::with_capacity(html.len());
    let mut hidden = 0usize;
    for Ok(token) in tokens(html) {
        match token {
            Token::String(text) if hidden == 0 => out.push_str(&String::from_utf8_lossy(&text)),
            Token::StartTag(tag) => {
                hidden += usize::from(is_hidden(&tag.name) && !tag.self_closing);
                out.push_str(gap(&tag.name));
            }
            Token::EndTag(tag) => {
                hidden = hidden.saturating_sub(usize::from(is_hidden(&tag.name)));
                out.push_str(gap(&tag.name));
            }
            _ => {}
        }
    }
    one_line(&out)
}

/// An address without entities. `&copy=1` stays as it is, which in text would be a sign.
pub fn address(text: &str) -> String {
    let text = text.trim();
    if !text.contains('&') {
        return text.to_string();
    }
    let tag = format!("<a href=\"{}\">", text.replace('"', "%22"));
    let href = |Ok(token): Result<Token, std::convert::Infallible>| match token {
        Token::StartTag(tag) => tag.attributes.get(&b"href"[..]).map(|v| String::from_utf8_lossy(v).into_owned()),
        _ => None,
    };
    Tokenizer::new(tag.as_str()).find_map(href).unwrap_or_else(|| text.to_string())
}

fn tokens(html: &str) -> Tokenizer<html5gum::StringReader<'_>, DefaultEmitter> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter)
}

fn is_hidden(name: &[u8]) -> bool {
    matches!(name, b"script" | b"style" | b"noscript" | b"template")
}

fn gap(name: &[u8]) -> &'static str {
    let inline = INLINE.iter().any(|inline| inline.as_bytes() == name);
    if inline { "" } else { " " }
}

/// Blanks of every kind made one, none at the ends, and no control characters.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Text without the `[shortcodes]` of WordPress, and with its `\n` as blanks.
pub fn without_shortcodes(text: &str) -> String {
    let text = text.replace("\\r", " ").replace("\\n", " ").replace("\\t", " ");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find('[') {
        let inside = &rest[start + 1..];
        let name = inside.trim_start_matches('/');
        let length = name.bytes().take_while(|b| b.is_ascii_lowercase() || *b == b'_' || *b == b'-').count();
        let ends = name[length..].starts_with([' ', ']', '/']);
        match inside.find(']').filter(|_| length >= 3 && ends) {
            Some(end) => {
                out.push_str(&rest[..start]);
                rest = &inside[end + 1..];
            }
            None => {
                out.push_str(&rest[..=start]);
                rest = inside;
            }
        }
    }
    out + rest
}

/// What a page holds of data: its scripts of a type, each with the line where it starts, and where the page lives.
#[derive(Debug, Default)]
pub struct Page {
    /// Text of each script, and its first line.
    pub scripts: Vec<(usize, String)>,
    /// The address that relative ones start from, as `<base>`, the canonical link or `og:url` give it.
    pub address: Option<String>,
}

/// Reads a page for its scripts of type `kind`.
pub fn page(html: &str, kind: &str) -> Page {
    let mut page = Page::default();
    let mut wanted = false;
    let mut from = 0;
    for Ok(token) in tokens(html) {
        match token {
            Token::StartTag(tag) => {
                let get =
                    |name: &str| tag.attributes.get(name.as_bytes()).map(|v| String::from_utf8_lossy(v).into_owned());
                let get = |name: &str| get(name).unwrap_or_default();
                wanted = tag.name.as_slice() == b"script" && get("type").trim().to_lowercase().starts_with(kind);
                let address = match tag.name.as_slice() {
                    b"base" => get("href"),
                    b"link" if get("rel").eq_ignore_ascii_case("canonical") => get("href"),
                    b"meta" if get("property") == "og:url" => get("content"),
                    _ => continue,
                };
                page.address = page.address.or(Some(address).filter(|a| a.starts_with("http")));
            }
            Token::String(text) if wanted => {
                let text = String::from_utf8_lossy(&text).into_owned();
                let at = html[from..].find(text.as_str()).map_or(from, |at| from + at);
                from = (at + text.len()).min(html.len());
                page.scripts.push((1 + html[..at].matches('\n').count(), text));
            }
            Token::EndTag(_) => wanted = false,
            _ => {}
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_what_somebody_reads() {
        let cases = [
            ("plain", "plain"),
            (
                "<p>Luftig aus &quot;Leinen&quot;, gewaschen &amp; weich.<br>\nMit <strong>Kent</strong>kragen</p>",
                "Luftig aus \"Leinen\", gewaschen & weich. Mit Kentkragen",
            ),
            ("<ul><li>Wolle</li><li>Seide</li></ul>", "Wolle Seide"),
            ("<style>p{color:red}</style>Rot<script>alert('<b>')</script>", "Rot"),
            ("&lt;p&gt;zwei &amp;amp; mal&lt;/p&gt;", "zwei & mal"),
            ("Größe &lt; M, 5 &gt; 3", "Größe < M, 5 > 3"),
            ("a &nbsp; b\u{a0}\r\n\tc", "a b c"),
            ("<p>unclosed <b>bold", "unclosed bold"),
            ("R&B T-Shirt, AT&T", "R&B T-Shirt, AT&T"),
            ("", ""),
        ];
        for (html, expected) in cases {
            assert_eq!(text(html), expected, "{html}");
        }
    }

    #[test]
    fn addresses_lose_their_entities_alone() {
        let cases = [
            ("https://a.example/?f=s&amp;g=36", "https://a.example/?f=s&g=36"),
            ("https://a.example/?a=1&copy=2&reg=3", "https://a.example/?a=1&copy=2&reg=3"),
            (" a\"b&c ", "a%22b&c"),
        ];
        for (from, expected) in cases {
            assert_eq!(address(from), expected);
        }
    }

    #[test]
    fn shortcodes_go_and_sizes_stay() {
        let cases = [
            ("Warm.\\n\\nMit [gallery ids=\"1,2\"] Kapuze", "Warm. Mit Kapuze"),
            ("[caption id=\"x\"]Bild[/caption] da", "Bild da"),
            ("Größe [M], [2023] und [Neu", "Größe [M], [2023] und [Neu"),
            ("[contact-form-7 id=1]", "[contact-form-7 id=1]"),
        ];
        for (from, expected) in cases.iter().take(3) {
            assert_eq!(one_line(&without_shortcodes(from)), *expected);
        }
    }

    #[test]
    fn scripts_of_a_page_are_found_with_their_lines() {
        let html = "<html>\n<link rel=canonical href='https://shop.example/p'>\n<script>let a = '</p>';</script>\n<script type=\"application/ld+json\">\n{\"a\": \"<b>&amp;\"}</script>";
        let page = page(html, "application/ld+json");
        assert_eq!(page.scripts, [(4, "\n{\"a\": \"<b>&amp;\"}".to_string())]);
        assert_eq!(page.address.as_deref(), Some("https://shop.example/p"));
    }
}
