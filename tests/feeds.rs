//! Feeds of invented shops in every format, with the right answers beside them: see `fixtures/feeds`.
//!
//! A folder holds a feed, or several that say the same, and `expected.json`. What is expected of a product, a variant or
//! a count is compared wherever it is named there; products, photos, what is left out and the filters are compared whole.

mod common;

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/feeds")
}

/// Where the feeds say that their photos are.
const STAND_IN: &str = "http://127.0.0.1:8765/";

/// A small photo.
fn photo() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(4, 4).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A server that has every photo but `fehlt.jpg`, and whose other files are none; its address.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let line = lines.next().unwrap_or_default();
            let path = line.split(' ').nth(1).unwrap_or_default();
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let (status, body) = match path {
                path if path.contains("fehlt") => ("404 Not Found", Vec::new()),
                path if path.starts_with("/photos/") => ("200 OK", photo()),
                _ => ("200 OK", b"{}".to_vec()),
            };
            let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.into_bytes(), body].concat());
        }
    });
    address
}

/// A feed's bytes with another server's address, in whichever encoding they are.
fn with_server(bytes: Vec<u8>, server: &str) -> Vec<u8> {
    if let Some(units) = bytes.strip_prefix(b"\xff\xfe") {
        let units: Vec<u16> = units.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let text = String::from_utf16(&units).unwrap().replace(STAND_IN, server);
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        return [0xff, 0xfe].into_iter().chain(units).collect();
    }
    let (from, mut out, mut rest) = (STAND_IN.as_bytes(), Vec::new(), bytes.as_slice());
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend([&rest[..at], server.as_bytes()].concat());
        rest = &rest[at + from.len()..];
    }
    [out, rest.to_vec()].concat()
}

/// A folder with the feeds and a small photo under every relative address that the shop has.
fn shop(folder: &Path, server: &str, expected: &Value) -> tempfile::TempDir {
    let shop = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(shop.path().join("photos")).unwrap();
    for file in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = with_server(std::fs::read(&file).unwrap(), server);
        std::fs::write(shop.path().join(file.file_name().unwrap()), bytes).unwrap();
    }
    for name in expected["products"].as_array().unwrap().iter().flat_map(|product| strings(&product["photos"])) {
        std::fs::write(shop.path().join("photos").join(name), photo()).unwrap();
    }
    shop
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|one| one.as_str().unwrap().to_string()).collect()
}

/// What `vitrine feed --json` says of a file.
fn read(file: &Path, options: &Map<String, Value>) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    command.arg("feed").arg(file).arg("--json").arg("--photo-cache").arg(file.with_extension("kept"));
    for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
        command.arg(name).arg(value.as_str().unwrap());
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether all that is expected is there; an object may hold more.
fn compare(expected: &Value, got: &Value, at: &str) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(_)) => {
            for (name, value) in expected.iter().filter(|(name, _)| *name != "why") {
                compare(value, &got[name], &format!("{at}.{name}"));
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            assert_eq!(expected.len(), got.len(), "{at}: {got:?}");
            expected.iter().zip(got).enumerate().for_each(|(i, (e, g))| compare(e, g, &format!("{at}[{i}]")));
        }
        _ => assert_eq!(expected, got, "{at}"),
    }
}

fn check(folder: &Path) {
    let server = serve();
    let text = with_server(std::fs::read(folder.join("expected.json")).unwrap(), &server);
    let expected: Value = serde_json::from_slice(&text).unwrap();
    let shop = shop(folder, &server, &expected);
    let no_options = Map::new();
    let options = expected["options"].as_object().unwrap_or(&no_options);
    for file in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        if file.file_name().unwrap() == "expected.json" || file.is_dir() {
            continue;
        }
        let file = shop.path().join(file.file_name().unwrap());
        let got = read(&file, options);
        let at = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(got["format"], expected["format"], "{at}");
        compare(&expected["products"], &got["products"], at);
        for (e, g) in expected["products"].as_array().unwrap().iter().zip(got["products"].as_array().unwrap()) {
            assert_eq!(e["attributes"], g["attributes"], "{at}: {}", e["id"]);
            assert_eq!(e["price"], g["price"], "{at}: {}", e["id"]);
        }
        assert_eq!(got["facets"], expected["facets"], "{at}");
        let ids = |feed: &Value| -> Vec<Value> {
            feed["left_out"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect()
        };
        assert_eq!(ids(&got), ids(&expected), "{at}: {}", got["left_out"]);
        for (e, g) in expected["left_out"].as_array().unwrap().iter().zip(got["left_out"].as_array().unwrap()) {
            let (e, g) = (e["reason"].as_str().unwrap(), g["reason"].as_str().unwrap());
            assert!(e == g || !e.starts_with("its photo"), "{at}: expected {e}, got {g}");
        }
        assert_eq!(got["counts"], expected["counts"], "{at}");
        let warned = |feed: &Value| strings(&feed["warnings"]).into_iter().collect::<BTreeSet<String>>();
        let (expected_warnings, warnings) = (warned(&expected), warned(&got));
        assert_eq!(warnings.len(), expected_warnings.len(), "{at}: {warnings:?}");
        for (e, g) in expected_warnings.iter().zip(&warnings) {
            assert!(g.starts_with(e.as_str()), "{at}: expected {e}, got {g}");
        }
        secrets(&expected, &got, at);
    }
}

/// Columns that are nobody's business.
fn secrets(expected: &Value, got: &Value, at: &str) {
    let names: BTreeSet<&str> = got["products"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|product| product["attributes"].as_object().unwrap().keys())
        .map(String::as_str)
        .collect();
    for name in strings(&expected["must_not_be_facets"]) {
        assert!(!names.contains(name.as_str()), "{at}: {name} is published");
    }
}

#[test]
fn shopify() {
    check(&fixtures().join("shopify"));
    check(&fixtures().join("shopify-new"));
}

#[test]
fn woocommerce() {
    check(&fixtures().join("woocommerce"));
}

#[test]
fn magento() {
    check(&fixtures().join("magento"));
}

#[test]
fn google() {
    check(&fixtures().join("google-tsv"));
    check(&fixtures().join("google-xml"));
}

#[test]
fn meta() {
    check(&fixtures().join("meta"));
    check(&fixtures().join("meta-rss"));
}

#[test]
fn jsonld() {
    check(&fixtures().join("jsonld"));
    check(&fixtures().join("jsonld-variants"));
}

#[test]
fn plain() {
    check(&fixtures().join("plain"));
}

/// Where the shops' folders lie beside the checkout, their feeds are those of the fixtures.
#[test]
fn the_shared_feeds_are_the_fixtures() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/feeds");
    let Ok(folders) = shared.read_dir() else {
        eprintln!("skipped: no {}", shared.display());
        return;
    };
    let folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    assert!(!folders.is_empty());
    folders.iter().for_each(|folder| check(folder));
}

/// What `vitrine feed` says of a text, and whether it could read it.
fn read_text(text: &str) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .arg("feed")
        .arg(&file)
        .args(["--json", "--offline"])
        .output()
        .unwrap();
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        code => Err(format!("{code:?} {}", String::from_utf8_lossy(&output.stderr))),
    }
}

#[test]
fn xml_with_a_fault_is_named_with_its_line_and_the_rest_is_read() {
    let item = |id: &str, rest: &str| {
        format!("<item>\n<g:id>{id}</g:id><g:image_link>https://x.example/{id}.jpg</g:image_link>{rest}</item>\n")
    };
    let rss = |items: &str| format!("<?xml version=\"1.0\"?>\n<rss><channel>\n{items}</channel></rss>");
    let faulty = rss(&(item("A", "") + &item("B", "<g:title>x</g:titel>") + &item("C", "")));
    let feed = read_text(&faulty).unwrap();
    let ids: Vec<&str> = feed["products"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["A", "C"]);
    let warnings = strings(&feed["warnings"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("line 6: ") && warnings[0].contains("1 products before it were read"),
        "{warnings:?}"
    );
    let cut = rss(&(item("A", "") + &item("B", "")));
    let feed = read_text(&cut[..cut.len() - 40]).unwrap();
    assert_eq!(feed["counts"]["products"], 1);
    assert!(strings(&feed["warnings"])[0].contains("ends within a product"), "{feed}");
}

#[test]
fn the_examples_of_the_documentation_are_read_as_it_says() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/feeds.md")).unwrap();
    let examples = text.split("## One example each").nth(1).unwrap().split("## Photos that lie").next().unwrap();
    let blocks: Vec<&str> = examples.split("```\n").skip(1).step_by(2).collect();
    let expected = [
        ("shopify", "noor", 2, 2),
        ("woocommerce", "fjord", 1, 2),
        ("magento", "LJ", 2, 1),
        ("google", "ida", 2, 2),
        ("meta", "p1", 1, 1),
        ("jsonld", "J1", 1, 1),
        ("plain", "A1", 1, 2),
    ];
    assert_eq!(blocks.len(), expected.len());
    for (block, (format, id, variants, photos)) in blocks.into_iter().zip(expected) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("feed");
        std::fs::write(&file, block).unwrap();
        let args = ["feed", file.to_str().unwrap(), "--json", "--offline", "--shop", "https://shop.example"];
        let feed: Value = serde_json::from_str(&common::succeed(&args)).unwrap();
        assert_eq!((&feed["format"], &feed["products"][0]["id"]), (&format.into(), &id.into()), "{feed}");
        let counts = ["products", "variants", "photos", "left_out"].map(|name| feed["counts"][name].as_u64().unwrap());
        assert_eq!(counts, [1, variants, photos, 0], "{format}: {feed}");
    }
}

#[test]
fn what_is_no_feed_is_refused_in_a_sentence() {
    for (text, expected) in [
        ("", "expected a feed"),
        ("just some words", "expected a feed"),
        ("<html><body>Not found</body></html>", "expected products, found none"),
        ("<?xml version=\"1.0\"?><a/>", "expected a feed"),
        ("{\"a\": ", "expected JSON"),
        ("a,b\n1,2\n", "expected a feed"),
        ("id,title\n", "expected a feed"),
    ] {
        let error = read_text(text).unwrap_err();
        assert!(error.starts_with("Some(1) vitrine: ") && error.contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn a_feed_is_indexed_with_all_its_photos_prices_and_values() {
    let (world, server) = (common::World::with_model(), serve());
    let folder = fixtures().join("woocommerce");
    let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let shop = shop(&folder, &server, &expected);
    let (feed, out) = (common::s(&shop.path().join("wc-product-export-de.csv")), world.at("catalog"));
    let (model, kept) = (world.at("model"), world.at("kept"));
    let index = |more: &[&str]| -> Value {
        let args = ["index", &feed, "--out", &out, "--model", &model, "--photo-cache", &kept, "--json"];
        serde_json::from_str(&common::succeed(&[&args, more].concat())).unwrap()
    };
    let summary = index(&["--currency", "EUR"]);
    assert_eq!((&summary["photos"], &summary["encoded"]), (&9.into(), &9.into()), "{summary}");
    let reasons = serde_json::json!({"hidden_product": 2, "row_without_photo": 1, "duplicate_row": 1});
    assert_eq!(summary["reasons"], reasons);
    let catalog = vitrine::Folder::open(std::path::Path::new(&out)).unwrap();
    let items = catalog.items().unwrap();
    let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["46", "fjord", "fjord~2", "fjord~3", "muetze", "set", "set~2", "socken", "wimpel"]);
    let hoodie = serde_json::to_value(&items[1]).unwrap();
    assert_eq!(hoodie["price"], "49.90 – 59.90 EUR");
    assert_eq!(hoodie["offer"], serde_json::json!({"now": "49.90", "was": "64.90", "to": "59.90", "currency": "EUR"}));
    assert_eq!((&hoodie["in_stock"], &hoodie["product"]), (&true.into(), &"fjord".into()));
    assert_eq!((&hoodie["attributes"]["Farbe"], &hoodie["further"]["Farbe"]), (&"Grau".into(), &vec!["Rot"].into()));
    let belt = serde_json::to_value(&items[0]).unwrap();
    assert_eq!((&belt["in_stock"], belt.get("product"), belt.get("further")), (&false.into(), None, None));
    let colors = catalog.manifest.facets.iter().find(|facet| facet.name == "Farbe").unwrap();
    // products, not photos: the hoodie counts once
    let products = expected["facets"]["Farbe"]["Rot"].as_u64().unwrap() as usize;
    assert!(colors.values.iter().any(|value| value.value == "Rot" && value.count == products), "{colors:?}");
    assert_eq!(catalog.manifest.products, Some(expected["products"].as_array().unwrap().len()));
    // the currency counts again, nothing is encoded again, and nothing of the feed but what is named is there
    let again = index(&[]);
    assert_eq!((&again["kept"], &again["encoded"]), (&9.into(), &0.into()));
    assert_eq!(catalog.items().unwrap(), items);
}
