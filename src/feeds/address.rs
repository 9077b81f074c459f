//! Addresses in feeds: lists of them, which may be followed, and where a photo's file is.

use percent_encoding::percent_decode_str;
use std::path::{Component, Path, PathBuf};
use url::Url;

/// Endings of what is no photo, whatever the feed calls it.
const NO_PHOTOS: [&str; 16] =
    ["json", "htm", "html", "xml", "csv", "tsv", "txt", "pdf", "mp4", "mov", "webm", "avi", "m4v", "zip", "js", "css"];

/// Parts of a query that say how a photo is delivered, not which it is.
const DELIVERY: [&str; 10] = ["v", "ver", "version", "width", "height", "w", "h", "crop", "quality", "format"];

/// Addresses from one field: JSON, or text with commas, bars, semicolons or line breaks between them.
pub fn list(text: &str) -> Vec<String> {
    let text = text.trim();
    if text.starts_with(['[', '{'])
        && let Ok(json) = serde_json::from_str(text)
    {
        return of_json(&json);
    }
    let mut found: Vec<String> = Vec::new();
    for line in text.split(['\n', '|']) {
        for part in split_at_commas(line) {
            found.extend(Some(part.trim().to_string()).filter(|part| !part.is_empty()));
        }
    }
    found
}

/// Cuts at a comma or semicolon that ends an address: a blank, another address or a photo's ending is beside it.
fn split_at_commas(line: &str) -> Vec<&str> {
    let starts = |rest: &str| {
        let rest = rest.trim_start();
        rest.is_empty() || ["http://", "https://", "//", "/"].iter().any(|start| rest.starts_with(start))
    };
    let (mut parts, mut from) = (Vec::new(), 0);
    for (at, c) in line.char_indices().filter(|(_, c)| matches!(c, ',' | ';')) {
        let (before, after) = (&line[from..at], &line[at + c.len_utf8()..]);
        if after.starts_with(' ') || starts(after) || crate::photo_file::READ_ENDINGS.contains(&ending(before).as_str())
        {
            parts.push(before);
            from = at + c.len_utf8();
        }
    }
    parts.push(&line[from..]);
    parts
}

/// Addresses in JSON: text, lists of it, and objects that hold it under a usual name.
pub fn of_json(json: &serde_json::Value) -> Vec<String> {
    use serde_json::Value;
    match json {
        Value::String(text) => vec![text.trim().to_string()],
        Value::Array(items) => items.iter().flat_map(of_json).collect(),
        Value::Object(object) => {
            let names = ["contentUrl", "url", "src", "image", "image_url", "link", "@id"];
            names.iter().find_map(|name| object.get(*name)).map(of_json).unwrap_or_default()
        }
        _ => Vec::new(),
    }
    .into_iter()
    .filter(|address| !address.is_empty())
    .collect()
}

/// The ending of an address's or file's name, in lower case.
pub fn ending(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.trim().to_ascii_lowercase())
}

/// Whether an address says by its ending that no photo is there.
pub fn is_no_photo(address: &str) -> bool {
    NO_PHOTOS.contains(&ending(address).as_str())
}

/// A name for people: the last part of an address's path, decoded.
pub fn name(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    percent_decode_str(path.rsplit('/').next().unwrap_or_default()).decode_utf8_lossy().into_owned()
}

/// What two addresses of one photo have in common.
pub fn key(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let which = |part: &&str| !DELIVERY.contains(&part.split('=').next().unwrap_or_default());
    let query: Vec<&str> = query.split('&').filter(|part| !part.is_empty()).filter(which).collect();
    format!("{}?{}", path.split('#').next().unwrap_or_default(), query.join("&"))
}

/// A full http or https address: as it is where it is one, and else seen from `base`. None for every other scheme.
pub fn absolute(text: &str, base: Option<&Url>) -> Option<String> {
    let text = text.trim();
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    match Url::parse(text) {
        Ok(url) => is_web(&url).then(|| text.to_string()),
        Err(url::ParseError::RelativeUrlWithoutBase) if text.starts_with("//") => {
            Url::parse(&format!("https:{text}")).ok().filter(is_web).map(|url| url.to_string())
        }
        Err(url::ParseError::RelativeUrlWithoutBase) if !text.is_empty() => {
            base?.join(text).ok().filter(is_web).map(|url| url.to_string())
        }
        Err(_) => None,
    }
}

/// The file of a relative address, in the feed's folder or in `photos` there. No address leads out of that folder.
pub fn file(address: &str, folder: &Path) -> Option<PathBuf> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let decoded = percent_decode_str(path).decode_utf8_lossy().into_owned();
    for path in [address, path, &decoded] {
        let path = path.trim().trim_start_matches(['/', '\\']).replace('\\', "/");
        let inside = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
        if path.is_empty() || !Path::new(&path).components().all(inside) {
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let places = [
            folder.join(&path),
            folder.join("photos").join(&path),
            folder.join("photos").join(name),
            folder.join(name),
        ];
        if let Some(found) = places.into_iter().find(|place| place.is_file()) {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_addresses() {
        let cases = [
            ("", vec![]),
            ("photos/a.jpg", vec!["photos/a.jpg"]),
            (
                "https://x.example/a.jpg,https://x.example/b.jpg",
                vec!["https://x.example/a.jpg", "https://x.example/b.jpg"],
            ),
            (
                "https://x.example/w_1,h_2/a.jpg, https://x.example/b",
                vec!["https://x.example/w_1,h_2/a.jpg", "https://x.example/b"],
            ),
            ("a.jpg,b.png", vec!["a.jpg", "b.png"]),
            ("a.jpg|b.png", vec!["a.jpg", "b.png"]),
            ("a.jpg;b.png", vec!["a.jpg", "b.png"]),
            ("/a/a.jpg,/b/b.jpg", vec!["/a/a.jpg", "/b/b.jpg"]),
            ("[{\"url\":\"a.jpg\",\"tag\":[\"vorn\"]},\"b.jpg\"]", vec!["a.jpg", "b.jpg"]),
            ("a.jpg,\n b.jpg", vec!["a.jpg", "b.jpg"]),
        ];
        for (text, expected) in cases {
            assert_eq!(list(text), expected, "{text}");
        }
    }

    #[test]
    fn only_web_addresses_are_links() {
        let shop = Url::parse("https://shop.example/de/").unwrap();
        let cases = [
            ("https://a.example/x?b=1&c=2", Some("https://a.example/x?b=1&c=2"), None),
            ("//a.example/x", Some("https://a.example/x"), None),
            ("/p/ida", Some("https://shop.example/p/ida"), Some(&shop)),
            ("p", Some("https://shop.example/de/p"), Some(&shop)),
            ("/p/ida", None, None),
            ("javascript:alert(1)", None, Some(&shop)),
            ("data:text/html,x", None, Some(&shop)),
            ("ftp://a.example/x", None, Some(&shop)),
            ("mailto:a@b.example", None, Some(&shop)),
            ("", None, Some(&shop)),
        ];
        for (text, expected, base) in cases {
            assert_eq!(absolute(text, base).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn no_address_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("in");
        std::fs::create_dir_all(inside.join("photos")).unwrap();
        for path in ["secret.jpg", "in/photos/kite 3.jpg", "in/a.jpg"] {
            std::fs::write(folder.path().join(path), b"x").unwrap();
        }
        for address in
            ["../secret.jpg", "/../secret.jpg", "photos/../../secret.jpg", "%2e%2e/secret.jpg", "..\\secret.jpg"]
        {
            assert_eq!(file(address, &inside), None, "{address}");
        }
        for address in
            ["photos/kite%203.jpg", "kite 3.jpg", "/photos/kite 3.jpg?v=1", "a.jpg", "/media/k/i/kite%203.jpg"]
        {
            assert!(file(address, &inside).is_some(), "{address}");
        }
    }

    #[test]
    fn one_photo_has_one_key() {
        assert_eq!(key("https://a.example/x.jpg?v=12&width=800"), key("https://a.example/x.jpg"));
        assert_ne!(key("https://a.example/i.php?id=1"), key("https://a.example/i.php?id=2"));
        assert_eq!(name("https://a.example/p/kite%203.jpg?v=1"), "kite 3.jpg");
    }
}
