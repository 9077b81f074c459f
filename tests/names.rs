//! Names and texts from elsewhere: a table of file names, each tried in every place that it may come from, and what a site
//! publishes of a catalog that somebody else made. `tests/page/names.test.mjs` tries the same table in the page.
#![cfg(feature = "cli")]

mod common;

use common::{World, copy_page, fail, succeed, vitrine};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use vitrine::Result;
use vitrine::hash::{FileName, FolderName, PhotoName, sha256_hex};
use vitrine::indexer::{ClusterChoice, merge};
use vitrine::model::folder::Description;
use vitrine::search::opened::Catalog;
use vitrine::site::Site;

/// A name of `tests/names.json`.
struct Case {
    name: String,
    file: bool,
    photo: bool,
    why: String,
}

fn table() -> Vec<Case> {
    let cases: Vec<Value> = serde_json::from_str(include_str!("names.json")).unwrap();
    let read = |case: &Value| Case {
        name: case["name"].as_str().unwrap().repeat(case["times"].as_u64().unwrap_or(1) as usize),
        file: case["file"].as_bool().unwrap(),
        photo: case["photo"].as_bool().unwrap(),
        why: case["why"].as_str().unwrap().to_string(),
    };
    let cases: Vec<Case> = cases.iter().map(read).collect();
    assert!(cases.len() > 80 && cases.iter().filter(|case| case.file).count() > 15, "the table is not the whole one");
    cases
}

#[test]
fn the_parsers_agree_with_the_table() {
    for Case { name, file, photo, why } in table() {
        assert_eq!(FileName::parse(&name).is_ok(), file, "{name:.90?}: {why}");
        assert_eq!(PhotoName::parse(&name).is_ok(), photo, "{name:.90?} as a photo: {why}");
        assert_eq!(FolderName::parse(&format!("{name}/")).is_ok(), file, "{name:.90?} as a folder: {why}");
        assert!(FolderName::parse(&name).is_err(), "{name:.90?}: a folder has a slash at its end");
        // what is read from JSON goes through the same parsers
        let json = Value::from(name.as_str());
        assert_eq!(serde_json::from_value::<FileName>(json.clone()).is_ok(), file, "{name:.90?}");
        assert_eq!(serde_json::from_value::<PhotoName>(json).is_ok(), photo, "{name:.90?}");
    }
}

/// Frozen catalogs, parts and a model, and a page, two folders deep.
struct Home {
    outer: TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { outer: tempfile::tempdir().unwrap() };
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        for name in ["catalog-v1", "catalog-v2", "parts-v1"] {
            copy(&fixtures.join(name), &home.path(name));
        }
        // the frozen catalogs are of a model that is not kept, of the same kind as this one
        let (image, text) = common::checkpoints(&home.path(""));
        let [image, text] = [image, text].map(|path| common::s(&path));
        succeed(&["convert", &image, &text, "--out", &home.at("model"), "--format", "q8"]);
        let fingerprint = home.json("model/model.json")["fingerprint"].clone();
        for name in ["catalog-v1/catalog.json", "catalog-v2/catalog.json"] {
            let mut manifest = home.json(name);
            manifest["model"]["fingerprint"] = fingerprint.clone();
            std::fs::write(home.path(name), manifest.to_string()).unwrap();
        }
        copy_page(&home.path("www"), &["baseline"]);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.outer.path().join("deep/home").join(name)
    }

    fn at(&self, name: &str) -> String {
        common::s(&self.path(name))
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn site(&self, catalog: &str) -> Site<'static> {
        // leaked, since a test ends soon
        let path = |name: &str| -> &'static Path { Box::leak(self.path(name).into_boxed_path()) };
        let (catalog, model, www, out) = (path(catalog), path("model"), path("www"), path("out"));
        Site { catalog, model, www, out, title: None, accent: None, logo: None, isolate: false, max_files: None }
    }

    fn write_site(&self, catalog: &str) -> Result<()> {
        self.site(catalog).write().map(drop)
    }

    fn merge(&self) -> Result<()> {
        let parts = ["parts-v1/1", "parts-v1/2"].map(|name| self.path(name));
        merge(&parts, &self.path("out"), ClusterChoice::Whole).map(drop)
    }

    /// Puts other products into a file of them, with the length and hash that the manifest then gives.
    fn edit_items(&self, manifest: &str, place: &str, edit: impl Fn(&mut Value)) {
        let folder = Path::new(manifest).parent().unwrap().to_str().unwrap();
        let mut value = self.json(manifest);
        let entry = value.pointer_mut(place).unwrap();
        let path = self.path(folder).join(entry["file"].as_str().unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = path.extension().unwrap() == "jsonl";
        let mut items: Vec<Value> = match lines {
            true => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            false => serde_json::from_str(&text).unwrap(),
        };
        items.iter_mut().for_each(edit);
        let text = match lines {
            true => items.iter().map(|item| format!("{item}\n")).collect(),
            false => Value::from(items).to_string(),
        };
        (entry["bytes"], entry["sha256"]) = (text.len().into(), sha256_hex(text.as_bytes()).into());
        std::fs::write(path, text).unwrap();
        std::fs::write(self.path(manifest), value.to_string()).unwrap();
    }

    /// Everything here but what is written to `out`.
    fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let out = self.path("out");
        let files = walkdir::WalkDir::new(self.outer.path()).into_iter().flatten();
        let files = files.filter(|entry| entry.file_type().is_file() && !entry.path().starts_with(&out));
        files.map(|entry| (entry.path().to_path_buf(), std::fs::read(entry.path()).unwrap())).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().flatten() {
        let to = to.join(entry.path().strip_prefix(from).unwrap());
        match entry.file_type().is_dir() {
            true => std::fs::create_dir_all(to).unwrap(),
            false => std::fs::copy(entry.path(), to).map(drop).unwrap(),
        }
    }
}

/// Where a name comes from, and what reads it.
struct Place {
    manifest: &'static str,
    pointer: &'static str,
    read: fn(&Home) -> Result<()>,
}

const PLACES: [Place; 13] = [
    Place {
        manifest: "catalog-v1/catalog.json",
        pointer: "/shards/0/file",
        read: |home| home.write_site("catalog-v1"),
    },
    Place { manifest: "catalog-v1/catalog.json", pointer: "/shards/0/items/file", read: open_first },
    Place {
        manifest: "catalog-v1/catalog.json",
        pointer: "/neighbours/file",
        read: |home| home.write_site("catalog-v1"),
    },
    Place { manifest: "catalog-v1/catalog.json", pointer: "/shards/0/file", read: open_first },
    Place { manifest: "catalog-v1/catalog.json", pointer: "/shards/0/file", read: export_first },
    Place {
        manifest: "catalog-v2/catalog.json",
        pointer: "/cells/centres/file",
        read: |home| home.write_site("catalog-v2"),
    },
    Place {
        manifest: "catalog-v2/catalog.json",
        pointer: "/cells/facets/file",
        read: |home| home.write_site("catalog-v2"),
    },
    Place {
        manifest: "catalog-v2/catalog.json",
        pointer: "/cells/window/file",
        read: |home| home.write_site("catalog-v2"),
    },
    Place {
        manifest: "catalog-v2/catalog.json",
        pointer: "/shards/1/neighbours/file",
        read: |home| home.write_site("catalog-v2"),
    },
    Place { manifest: "model/model.json", pointer: "/parts/0/file", read: |home| home.write_site("catalog-v1") },
    Place {
        manifest: "model/model.json",
        pointer: "/parts/2/file",
        read: |home| Description::open(&home.path("model")).map(drop),
    },
    Place { manifest: "parts-v1/1/part.json", pointer: "/vectors/file", read: Home::merge },
    Place { manifest: "parts-v1/2/part.json", pointer: "/items/file", read: Home::merge },
];

fn open_first(home: &Home) -> Result<()> {
    Catalog::open_folder(&home.path("catalog-v1"), None).map(drop)
}

fn export_first(home: &Home) -> Result<()> {
    use vitrine::export::{Format, export};
    export(&home.path("catalog-v1"), &home.path("out"), Format::Jsonl).map(drop)
}

/// Reads what holds a name: a bad one is refused as such, whatever it leads to; the others are looked for.
fn try_name(home: &Home, bad: bool, what: &str, read: impl Fn(&Home) -> Result<()>) {
    // a command writes only into its own folder, and what the last one left here is another's
    let out = home.path("out");
    let _ = std::fs::remove_file(&out).or_else(|_| std::fs::remove_dir_all(&out));
    let before = home.tree();
    let refused = read(home).err().is_some_and(|error| error.to_string().contains("leads elsewhere"));
    assert_eq!(refused, bad, "{what}");
    assert!(home.tree() == before, "{what}: something outside of the output changed");
}

#[test]
fn a_name_in_a_manifest_is_checked_in_every_place() {
    let (home, cases) = (Home::new(), table());
    for Place { manifest, pointer, read } in PLACES {
        let kept = std::fs::read(home.path(manifest)).unwrap();
        let mut value = home.json(manifest);
        for case in &cases {
            *value.pointer_mut(pointer).unwrap() = case.name.as_str().into();
            std::fs::write(home.path(manifest), value.to_string()).unwrap();
            try_name(&home, !case.file, &format!("{manifest}{pointer} {:.90?}: {}", case.name, case.why), read);
        }
        std::fs::write(home.path(manifest), kept).unwrap();
    }
}

/// A clustered catalog has no neighbours of its own, and a folder of photos is no file.
#[test]
fn a_name_where_none_belongs_and_a_folder_are_checked_too() {
    let home = Home::new();
    let manifest = "catalog-v2/catalog.json";
    let good = home.json(manifest);
    for case in table() {
        let mut value = good.clone();
        value["neighbours"] = json!({"file": case.name, "bytes": 11 * 10 * 4, "sha256": "0".repeat(64), "k": 10});
        std::fs::write(home.path(manifest), value.to_string()).unwrap();
        let what = format!("neighbours {:.90?}: {}", case.name, case.why);
        try_name(&home, !case.file, &what, |home| home.write_site("catalog-v2"));
        let mut value = good.clone();
        value["photos"] = format!("{}/", case.name).into();
        std::fs::write(home.path(manifest), value.to_string()).unwrap();
        let what = format!("photos {:.90?}: {}", case.name, case.why);
        try_name(&home, !case.file, &what, |home| home.write_site("catalog-v2"));
    }
}

#[test]
fn the_name_of_a_photo_is_checked_wherever_products_come_from() {
    let (home, cases) = (Home::new(), table());
    type Source = (&'static str, &'static str, fn(&Home) -> Result<()>);
    let sources: [Source; 3] = [
        ("catalog-v1/catalog.json", "/shards/0/items", |home| home.write_site("catalog-v1")),
        ("catalog-v2/catalog.json", "/shards/2/items", |home| home.write_site("catalog-v2")),
        ("parts-v1/1/part.json", "/items", Home::merge),
    ];
    for (manifest, place, read) in sources {
        for case in &cases {
            home.edit_items(manifest, place, |item| item["photo"] = case.name.as_str().into());
            try_name(&home, !case.photo, &format!("{manifest} {:.90?}: {}", case.name, case.why), read);
        }
    }
}

/// A journal with a name that leads out counts as one without that photo: it is encoded again.
#[test]
fn a_name_in_a_journal_is_not_followed() {
    let world = World::with_photos();
    let [photos, out, meta, model] = ["photos", "catalog", "items.csv", "model"].map(|name| world.at(name));
    let index = ["index", &photos, "--out", &out, "--meta", &meta, "--model", &model, "--json"];
    succeed(&index);
    let journal = String::from_utf8(world.read("catalog/.index-journal")).unwrap();
    let first: Value = serde_json::from_str(journal.lines().nth(1).unwrap()).unwrap();
    let refused: Vec<Case> = table().into_iter().filter(|case| !case.photo).collect();
    for names in refused.chunks(10) {
        let mut lines: Vec<String> = journal.lines().map(str::to_string).collect();
        for (line, case) in lines[1..].iter_mut().zip(names) {
            let mut entry: Value = serde_json::from_str(line).unwrap();
            entry["photo"] = case.name.as_str().into();
            *line = entry.to_string();
        }
        std::fs::write(world.path("catalog/.index-journal"), lines.join("\n") + "\n").unwrap();
        let summary: Value = serde_json::from_str(&succeed(&index)).unwrap();
        assert_eq!(summary["encoded"], names.len(), "{:?}", names.iter().map(|case| &case.why).collect::<Vec<_>>());
        assert_eq!(String::from_utf8(world.read("catalog/.index-journal")).unwrap(), journal);
    }
    assert!(first["photo"].is_string());
}

/// An archive's entries are unpacked only under names that a manifest may give.
#[test]
fn a_name_in_an_archive_is_not_followed() {
    let home = Home::new();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(home.path("catalog.zip")).unwrap());
    let mut put = |name: &str, bytes: &[u8]| {
        if zip.start_file(name, zip::write::SimpleFileOptions::default()).is_ok() {
            std::io::Write::write_all(&mut zip, bytes).unwrap();
        }
    };
    for entry in std::fs::read_dir(home.path("catalog-v1")).unwrap().flatten().filter(|e| e.path().is_file()) {
        put(entry.file_name().to_str().unwrap(), &std::fs::read(entry.path()).unwrap());
    }
    // names of files that the table accepts are unpacked, into a temporary folder that ends with the command
    for case in table().into_iter().filter(|case| !case.file && case.name.len() < 60_000) {
        put(&case.name, b"evil");
    }
    zip.finish().unwrap();
    let before = home.tree();
    succeed(&["search", &home.at("catalog.zip"), "--text", "red dress", "--model", &home.at("model")]);
    assert!(home.tree() == before);
    assert!(!std::env::temp_dir().join("secret").exists());
}

#[test]
fn a_site_publishes_the_photos_that_items_name_and_nothing_else() {
    for catalog in ["catalog-v1", "catalog-v2"] {
        let home = Home::new();
        let photos = home.path(catalog).join("photos");
        for name in ["evil.html", "evil.js", "unnamed.jpg", ".hidden.jpg"] {
            std::fs::write(photos.join(name), b"\xff\xd8\xff evil").unwrap();
        }
        std::fs::create_dir(photos.join("more")).unwrap();
        std::fs::write(photos.join("more/evil.html"), "evil").unwrap();
        home.write_site(catalog).unwrap();
        let published = walkdir::WalkDir::new(home.path("out")).into_iter().flatten();
        let published = published.filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path());
        let named: Vec<PathBuf> = published.filter(|path| path.to_str().unwrap().contains("photos/")).collect();
        assert_eq!(named.len(), 11, "{named:?}");
        for path in named {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            assert!(sha256_hex(&std::fs::read(&path).unwrap()).starts_with(stem), "{path:?}");
        }
    }
}

#[test]
fn a_photo_that_is_missing_or_another_ends_the_site_by_name() {
    let home = Home::new();
    let photos = home.path("catalog-v1/photos");
    let file = std::fs::read_dir(&photos).unwrap().flatten().next().unwrap();
    let (name, kept) = (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap());
    let says = |what: &str| {
        let error = home.write_site("catalog-v1").unwrap_err().to_string();
        assert!(error.contains(&name) && error.contains(what) && error.contains("index the photos again"), "{error}");
        assert!(!home.path("out").exists());
    };
    std::fs::remove_file(file.path()).unwrap();
    says("got none");
    std::fs::create_dir(file.path()).unwrap();
    says("got none");
    std::fs::remove_dir(file.path()).unwrap();
    for other in [&b""[..], &kept[1..], &[&kept[..], b"\n"].concat(), b"<!doctype html><script>1</script>"] {
        std::fs::write(file.path(), other).unwrap();
        says("another");
    }
    std::fs::write(file.path(), &kept).unwrap();
    home.write_site("catalog-v1").unwrap();
}

/// A name may carry no hash; then the bytes must at least be those of a photo of its kind.
#[test]
fn a_name_without_a_hash_stands_for_a_photo_all_the_same() {
    let home = Home::new();
    let photos = home.path("catalog-v1/photos");
    home.edit_items("catalog-v1/catalog.json", "/shards/0/items", |item| item["photo"] = "a.jpg".into());
    for bytes in [&b"-----BEGIN OPENSSH PRIVATE KEY-----"[..], b"<html>", b"", b"\x89PNG\r\n\x1a\n"] {
        std::fs::write(photos.join("a.jpg"), bytes).unwrap();
        let error = home.write_site("catalog-v1").unwrap_err().to_string();
        assert!(error.contains("a.jpg") && error.contains("no photo of that kind"), "{error}");
    }
    std::fs::write(photos.join("a.jpg"), common::photo(1, image::ImageFormat::Jpeg)).unwrap();
    home.write_site("catalog-v1").unwrap();
    assert_eq!(std::fs::read_dir(home.path("out/catalog/photos")).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_in_a_part_is_not_followed() {
    let home = Home::new();
    std::fs::write(home.path("secret"), "secret").unwrap();
    let file = std::fs::read_dir(home.path("parts-v1/1/photos")).unwrap().flatten().next().unwrap().path();
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(home.path("secret"), &file).unwrap();
    let error = home.merge().unwrap_err().to_string();
    assert!(error.contains(file.file_name().unwrap().to_str().unwrap()) && error.contains("got a link"), "{error}");
}

const TEXTS: [&str; 8] = [
    "</title><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)><!--",
    "' onload='alert(1)",
    "</head><body><iframe srcdoc='<script>alert(1)</script>'>",
    "src=\"app.js\" & &amp; &lt;script&gt;",
    "x\r\n  Access-Control-Allow-Origin: *\r\n/*\r\n",
    "{\"name\":\"x\"}, \\u003cscript\\u003e \u{2028}",
    "\u{202e}\u{200b}\0\u{1b}[2J",
];

fn escaped(text: &str) -> String {
    let pairs = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
    pairs.iter().fold(text.to_string(), |text, (from, to)| text.replace(from, to))
}

/// A page without the version of its build, which is a hash of everything.
fn unversioned(page: &str) -> String {
    match page.split_once("site.json?v=") {
        Some((before, after)) => format!("{before}site.json{}", &after[16..]),
        None => page.to_string(),
    }
}

#[test]
fn a_title_is_text_in_every_file_of_a_site() {
    let home = Home::new();
    let read = |name: &str| unversioned(&std::fs::read_to_string(home.path("out").join(name)).unwrap());
    let plain = "Plain title";
    Site { title: Some(plain.into()), ..home.site("catalog-v1") }.write().unwrap();
    let (page, headers) = (read("index.html"), read("_headers"));
    for text in TEXTS {
        // of the owner, and of whoever made the catalog
        let mut manifest = home.json("catalog-v1/catalog.json");
        manifest["title"] = text.into();
        std::fs::write(home.path("catalog-v1/catalog.json"), manifest.to_string()).unwrap();
        for title in [Some(text.to_string()), None] {
            Site { title, ..home.site("catalog-v1") }.write().unwrap();
            assert_eq!(read("index.html"), page.replace(plain, &escaped(text)), "{text:?}");
            assert_eq!(read("_headers"), headers, "{text:?}");
            let [app, site] = ["manifest.webmanifest", "site.json"].map(|name| home.json(&format!("out/{name}")));
            assert_eq!((app["name"].as_str(), site["title"].as_str()), (Some(text), Some(text)));
            assert_eq!(
                app.as_object().unwrap().len(),
                home.json("www/manifest.webmanifest").as_object().unwrap().len()
            );
        }
    }
}

#[test]
fn facets_products_accents_logos_and_files_of_the_page_are_text_too() {
    let home = Home::new();
    home.write_site("catalog-v1").unwrap();
    let page = |name: &str| unversioned(&std::fs::read_to_string(home.path(name)).unwrap());
    let elements = |html: &str| html.matches('<').count();
    let plain = page("out/index.html");
    for text in TEXTS {
        let mut manifest = home.json("catalog-v1/catalog.json");
        manifest["facets"][0]["name"] = text.into();
        manifest["facets"][0]["values"][0]["value"] = text.into();
        manifest["model"]["name"] = text.into();
        std::fs::write(home.path("catalog-v1/catalog.json"), manifest.to_string()).unwrap();
        home.edit_items("catalog-v1/catalog.json", "/shards/0/items", |item| {
            for field in ["id", "title", "link", "price", "tone", "blur"] {
                item[field] = text.into();
            }
            item["attributes"] = json!({ text: text });
        });
        home.write_site("catalog-v1").unwrap();
        assert_eq!(page("out/index.html"), plain, "{text:?}");
        let accent = Site { accent: Some(text.into()), ..home.site("catalog-v1") }.write();
        assert!(accent.unwrap_err().to_string().contains("#7a3b2e"), "{text:?}");
    }
    let odd = "x\"><script>alert(1)<.svg";
    std::fs::write(home.path(odd.split('/').next().unwrap()), "<svg/>").unwrap();
    std::fs::write(home.path("www/ui").join("x\" onload=\"alert(1)<b>.js"), "1").unwrap();
    Site { logo: Some(home.path(odd)), ..home.site("catalog-v1") }.write().unwrap();
    let html = page("out/index.html");
    assert!(html.contains("ui/x&quot; onload=&quot;alert(1)&lt;b&gt;.js\""), "{html}");
    assert_eq!(elements(&html), elements(&plain) + 1, "one more link, for the file");
    assert!(FileName::parse(home.json("out/site.json")["logo"].as_str().unwrap()).is_ok());
}

/// What a shop's export holds that nobody else should read.
const TABLE: &str = "id,title,cost,Stock Count,supplier,ean,e-mail,constructor,__proto__,hasOwnProperty,Base Colour\n";

fn with_private_columns() -> World {
    let world = World::with_photos();
    let row = |i: usize| {
        let parity = i % 2;
        format!(
            "p{i},Garment {i},cost-SECRET{i},stock-SECRET,maker-SECRET,ean-SECRET,a@SECRET,c{parity},p{parity},h{parity},red{parity}\n"
        )
    };
    std::fs::write(world.path("items.csv"), TABLE.to_string() + &(0..12).map(row).collect::<String>()).unwrap();
    world
}

fn index(world: &World, out: &str, more: &[&str]) -> (Value, String) {
    let [photos, out, meta, model] = ["photos", out, "items.csv", "model"].map(|name| world.at(name));
    let base = ["index", &photos, "--out", &out, "--meta", &meta, "--model", &model, "--json"];
    let output = vitrine(&[&base[..], more].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    (serde_json::from_slice(&output.stdout).unwrap(), said)
}

fn facets(world: &World, catalog: &str) -> Vec<String> {
    let manifest: Value = serde_json::from_slice(&world.read(&format!("{catalog}/catalog.json"))).unwrap();
    manifest["facets"].as_array().unwrap().iter().map(|facet| facet["name"].as_str().unwrap().to_string()).collect()
}

#[test]
fn private_and_unknown_columns_reach_no_file_and_are_said() {
    let world = with_private_columns();
    let (summary, said) = index(&world, "catalog", &[]);
    let kept: Vec<&str> = TABLE.trim().split(',').skip(2).take(8).collect();
    assert_eq!(summary["columns"], json!({"published": ["id", "title", "Base Colour"], "kept_back": kept}));
    assert!(said.contains("columns published: id, title, Base Colour; kept back: cost, Stock Count"), "{said}");
    assert_eq!(facets(&world, "catalog"), ["Base Colour"]);
    index(&world, "part-1", &["--part", "1/1"]);
    for entry in walkdir::WalkDir::new(world.path("")).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        let secret = std::fs::read(entry.path()).unwrap().windows(6).any(|bytes| bytes == b"SECRET");
        assert_eq!(secret, entry.file_name() == "items.csv", "{}", entry.path().display());
    }
}

#[test]
fn columns_that_the_owner_names_are_published_whatever_they_are_called() {
    let world = with_private_columns();
    let named = ["--attributes", "constructor,__proto__, hasownproperty ,stock_count"];
    let (summary, _) = index(&world, "catalog", &named);
    assert_eq!(summary["columns"]["kept_back"], json!(["cost", "supplier", "ean", "e-mail"]));
    // one value is no filter, but visitors see it
    assert_eq!(facets(&world, "catalog"), ["Base Colour", "__proto__", "constructor", "hasOwnProperty"]);
    let manifest: Value = serde_json::from_slice(&world.read("catalog/catalog.json")).unwrap();
    let items = world.read(&format!("catalog/{}", manifest["shards"][0]["items"]["file"].as_str().unwrap()));
    let items: Vec<Value> = serde_json::from_slice(&items).unwrap();
    assert_eq!(
        items[0]["attributes"],
        json!({"Base Colour": "red0", "Stock Count": "stock-SECRET", "__proto__": "p0", "constructor": "c0", "hasOwnProperty": "h0"})
    );
    let [photos, out, meta, model] = ["photos", "x", "items.csv", "model"].map(|name| world.at(name));
    let base = ["index", &photos, "--out", &out, "--model", &model, "--attributes", "fancy"];
    assert!(fail(&[&base[..], &["--meta", &meta]].concat()).contains("\"fancy\""));
    assert!(fail(&base).contains("name it with --meta"));
}

#[test]
fn parts_that_publish_other_columns_are_not_of_one_catalog() {
    let world = with_private_columns();
    index(&world, "part-1", &["--part", "1/2", "--attributes", "supplier"]);
    index(&world, "part-2", &["--part", "2/2"]);
    let merge = ["merge", &world.at("part-1"), &world.at("part-2"), "--out", &world.at("merged")];
    let error = fail(&merge);
    assert!(error.contains("file of metadata") && error.contains("columns"), "{error}");
    index(&world, "part-2", &["--part", "2/2", "--attributes", "Supplier"]);
    succeed(&merge);
    index(&world, "whole", &["--attributes", "supplier"]);
    assert_eq!(world.read("merged/catalog.json"), world.read("whole/catalog.json"));
}
