//! The headers of a site: what every response carries, and how long browsers may keep a file. One table decides for the
//! file `_headers`, which hosts read, and for `vitrine serve`.

use crate::hash::sha256_hex;
use std::collections::{BTreeMap, BTreeSet};

/// Headers that the page wants from its host: isolation for threads, and nothing from elsewhere. Errors carry them too.
pub const HEADERS: [(&str, &str); 6] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", CSP),
];

const CSP: &str = "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' blob: data:; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'self'";

/// For files that never change, since their names are their hashes.
pub const NEVER_CHANGES: &str = "public, max-age=31536000, immutable";
/// For everything else: browsers ask whether it is still the same.
pub const ASK_AGAIN: &str = "no-cache";

/// How the addresses begin of files that are named after their hash.
const HASHED: [&str; 16] = [
    "catalog/cells-",
    "catalog/items-",
    "catalog/neighbours-",
    "catalog/packs-",
    "catalog/packs/pack-",
    "catalog/photos/",
    "catalog/shard-",
    "catalog/window-",
    "glossary/de-",
    "glossary/en-",
    "glossary/es-",
    "glossary/fr-",
    "glossary/it-",
    "glossary/nl-",
    "glossary/pt-",
    "logo-",
];
/// Hexadecimal digits of the hash in a name.
const DIGITS: usize = 16;

/// `Cache-Control` for a file that is there, by its address in the site, with or without a slash ahead.
pub fn caching(address: &str) -> &'static str {
    match digits(address.strip_prefix('/').unwrap_or(address)) {
        Some(_) => NEVER_CHANGES,
        None => ASK_AGAIN,
    }
}

/// The beginning of [`HASHED`] that a file has.
fn beginning(file: &str) -> Option<&'static str> {
    HASHED.into_iter().find(|start| file.starts_with(start))
}

/// The digits of its hash in a file's name, `<beginning><16 digits>.<ending>`.
fn digits(file: &str) -> Option<&str> {
    let (digits, ending) = file[beginning(file)?.len()..].split_once('.')?;
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    let plain = !ending.is_empty() && ending.bytes().all(|c| c.is_ascii_alphanumeric());
    (plain && digits.len() == DIGITS && digits.bytes().all(hex)).then_some(digits)
}

/// The files of a site and which of them never change: what `_headers` is written from.
#[derive(Clone, Debug, Default)]
pub struct Files(BTreeMap<String, bool>);

impl Files {
    /// Takes a file down. It counts as one that never changes only if its name really carries its hash.
    pub fn add(&mut self, file: &str, bytes: &[u8]) {
        let carries = digits(file).is_some_and(|digits| sha256_hex(bytes).starts_with(digits));
        self.0.insert(file.to_string(), carries);
    }

    /// `_headers`, which Netlify and Cloudflare Pages read. Where several rules match an address, hosts join the values of
    /// a header with commas, so that each address is under one rule only beside `/*`. Cloudflare Pages takes 100 rules.
    pub fn rules(&self) -> String {
        let headers: String = HEADERS.iter().map(|(name, value)| format!("  {name}: {value}\n")).collect();
        let (mut starts, mut others) = (BTreeMap::new(), BTreeSet::from(["/".to_string()]));
        for (file, carries) in &self.0 {
            match beginning(file) {
                Some(start) => *starts.entry(start).or_insert(true) &= *carries,
                None => drop(others.insert(address(file))),
            }
        }
        let rule = |address: &str, caching: &str| format!("{address}\n  Cache-Control: {caching}\n");
        let starts = starts
            .into_iter()
            .map(|(start, all)| rule(&format!("/{start}*"), if all { NEVER_CHANGES } else { ASK_AGAIN }));
        let rules: String = starts.chain(others.iter().map(|address| rule(address, ASK_AGAIN))).collect();
        format!("/*\n{headers}{rules}")
    }
}

/// The address of a rule for a file that may change: its folder, if no file in there has a rule of its own.
fn address(file: &str) -> String {
    match file.split_once('/') {
        Some((folder, _)) if !HASHED.iter().any(|start| start.starts_with(&format!("{folder}/"))) => {
            format!("/{folder}/*")
        }
        _ => format!("/{file}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one rule with a `Cache-Control` that matches an address, as hosts match.
    fn host<'a>(rules: &'a str, address: &str) -> &'a str {
        let mut matching = Vec::new();
        let mut lines = rules.lines().peekable();
        while let Some(pattern) = lines.next() {
            let hit = pattern.strip_suffix('*').map_or(pattern == address, |start| address.starts_with(start));
            while let Some(header) = lines.next_if(|line| line.starts_with("  ")) {
                matching.extend(header.trim().strip_prefix("Cache-Control: ").filter(|_| hit));
            }
        }
        assert_eq!(matching.len(), 1, "{address} is under one rule: {matching:?}\n{rules}");
        matching[0]
    }

    #[test]
    fn only_names_that_carry_a_hash_are_kept_for_good() {
        for file in [
            "/catalog/shard-0123456789abcdef.bin",
            "/catalog/items-0123456789abcdef.json",
            "/catalog/photos/0123456789abcdef.jpg",
            "/catalog/packs-0123456789abcdef.json",
            "/catalog/packs/pack-0123456789abcdef.bin",
            "/logo-0123456789abcdef.svg",
            "logo-0123456789abcdef.svg",
        ] {
            assert_eq!(caching(file), NEVER_CHANGES, "{file}");
        }
        for file in [
            "/",
            "",
            "/app.js",
            "/site.json",
            "/catalog/catalog.json",
            "/model/model.json",
            "/catalog/photos/",
            "/catalog/photos/0123456789abcdef",
            "/catalog/photos/0123456789abcdef.",
            "/catalog/photos/0123456789ABCDEF.jpg",
            "/catalog/photos/0123456789abcdeg.jpg",
            "/catalog/photos/0123456789abcdef0.jpg",
            "/catalog/photos/in/0123456789abcdef.jpg",
            "/catalog/photos/0123456789abcdef.jpg/",
            "/catalog/photos/0123456789abcdef.j%70g",
            "//catalog/photos/0123456789abcdef.jpg",
            "/photos/0123456789abcdef.jpg",
            "/ui/my-0123456789abcdef.js",
            "/0123456789abcdef.json",
        ] {
            assert_eq!(caching(file), ASK_AGAIN, "{file}");
        }
    }

    #[test]
    fn hosts_are_told_what_serve_does() {
        let mut files = Files::default();
        let hash = |text: &str| sha256_hex(text.as_bytes())[..DIGITS].to_string();
        let shard = format!("catalog/shard-{}.bin", hash("shard"));
        let photo = format!("catalog/photos/{}.jpg", hash("photo"));
        files.add(&shard, b"shard");
        files.add(&photo, b"photo");
        let plain =
            ["index.html", "sw.js", "catalog/catalog.json", "model/model.json", "ui/own/own.css", "pkg/a/b.wasm"];
        plain.iter().for_each(|file| files.add(file, b""));
        let rules = files.rules();
        for file in [&shard[..], &photo, ""].into_iter().chain(plain) {
            assert_eq!(host(&rules, &format!("/{file}")), caching(file), "{file}");
        }
        assert!(rules.matches("\n/").count() < 100);
        // a name with another file's hash
        files.add(&format!("catalog/photos/{}.jpg", hash("other")), b"photo");
        assert_eq!(host(&files.rules(), &format!("/{photo}")), ASK_AGAIN);
        assert_eq!(host(&files.rules(), &format!("/{shard}")), NEVER_CHANGES);
    }
}
