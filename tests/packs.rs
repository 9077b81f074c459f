//! Photos of a site in packs: when there are any, what is in them, and what a change of the shop changes.
#![cfg(all(feature = "cli", unix))]

mod common;

use common::{World, copy_page, fail, s, succeed, vitrine};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::Path;
use vitrine::catalog::folder::Folder;
use vitrine::catalog::packs::{self, PackList};
use vitrine::hash::PhotoName;
use vitrine::site::check::{LARGEST_FILE, MOST_FILES};
use vitrine::site::packs::Rows;

/// A photo larger than its copy for a card, with something to see everywhere.
fn large_photo(seed: u32) -> Vec<u8> {
    let value = |x: u32, y: u32, c: u32| ((x * (3 + seed) + y * (5 + c)) % 251) as u8 ^ (x * y / 64) as u8;
    let photo = RgbImage::from_fn(480, 600, |x, y| Rgb([0, 1, 2].map(|c| value(x, y, c))));
    let mut out = Cursor::new(Vec::new());
    photo.write_to(&mut out, ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

struct Shop(World);

impl Shop {
    /// A shop of so many small photos, and of some large ones.
    fn new(small: u8, large: u32, cells: &str) -> Self {
        let shop = Self(World::with_model());
        shop.0.draw("photos", 0..small, |_| ImageFormat::Png);
        for seed in 0..large {
            std::fs::write(shop.0.path("photos").join(format!("q{seed}.jpg")), large_photo(seed)).unwrap();
        }
        shop.index(cells);
        copy_page(&shop.0.path("www"), &["baseline"]);
        shop
    }

    fn index(&self, cells: &str) {
        let (photos, out, model) = (self.0.at("photos"), self.0.at("catalog"), self.0.at("model"));
        succeed(&["index", &photos, "--out", &out, "--model", &model, "--cells", cells]);
    }

    /// Makes the site for a host of so many files; what the command says of it.
    fn site(&self, most: &str) -> Value {
        let (catalog, out, model, www) =
            (self.0.at("catalog"), self.0.at("dist"), self.0.at("model"), self.0.at("www"));
        let args = ["site", &catalog, "--out", &out, "--model", &model, "--www", &www, "--max-files", most, "--json"];
        serde_json::from_str(&succeed(&args)).unwrap()
    }

    fn dist(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path("dist").join(name)).unwrap()
    }

    /// The photos of the rows as their packs hold them: small, and large where that is another.
    fn packed(&self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let catalog = Folder::open(&self.0.path("dist/catalog")).unwrap();
        let packs = catalog.manifest.packs.as_ref().unwrap();
        let list = PackList::read(packs, &catalog.read(&packs.list).unwrap(), catalog.manifest.count).unwrap();
        let mut rows = catalog.items().unwrap().into_iter();
        let mut photos = Vec::new();
        for pack in &list.packs {
            let of = |file: &packs::Packed| -> BTreeMap<PhotoName, Vec<u8>> {
                let entry = file.entry().unwrap();
                let bytes = self.dist(&format!("catalog/{}{}", packs.folder, entry.file));
                entry.verify(&bytes).unwrap();
                packs::index(&bytes).unwrap().into_iter().map(|(name, at)| (name, bytes[at].to_vec())).collect()
            };
            let (small, large) = (of(&pack.small), pack.large.as_ref().map(of));
            for item in rows.by_ref().take(pack.rows) {
                photos.push((small[&item.photo].clone(), large.as_ref().map(|large| large[&item.photo].clone())));
            }
        }
        photos
    }
}

/// A file of the catalog as text.
fn catalog_text(shop: &Shop, file: &str) -> String {
    std::fs::read_to_string(shop.0.path("catalog").join(file)).unwrap()
}

type Stamp = (u64, std::time::SystemTime);

fn stamps(root: &Path) -> BTreeMap<String, Stamp> {
    use std::os::unix::fs::MetadataExt;
    let files = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
    let stamp = |e: walkdir::DirEntry| {
        let about = e.metadata().unwrap();
        (s(e.path().strip_prefix(root).unwrap()), (about.ino(), about.modified().unwrap()))
    };
    files.map(stamp).filter(|(name, _)| !name.starts_with('.')).collect()
}

/// The files that are new or were written again.
fn changed(before: &BTreeMap<String, Stamp>, after: &BTreeMap<String, Stamp>) -> BTreeSet<String> {
    after.iter().filter(|(name, stamp)| before.get(*name) != Some(stamp)).map(|(name, _)| name.clone()).collect()
}

/// So many photos with names like those of real ones, in shards of `shard` rows, more or less.
fn rows(photos: usize, shard: usize) -> Rows {
    let name = |i: usize| PhotoName::of_content("jpg", &i.to_le_bytes()).unwrap();
    let mut rows = Rows { names: (0..photos).map(name).collect(), shards: Vec::new() };
    let mut start = 0;
    while start < photos {
        let size = shard / 2 + shard * (rows.shards.len() % 3) / 2;
        let end = (start + size.max(1)).min(photos);
        rows.shards.push(start..end);
        start = end;
    }
    rows
}

#[test]
fn a_site_of_any_size_has_no_more_files_than_hosts_take() {
    // photos, rows a shard, files beside the packs, and whether the catalog's own copies have room too
    for (photos, shard, others, large) in [
        (20_500, 22_000, 150, true),
        (60_000, 22_000, 160, true),
        (100_000, 158, 2_300, true),
        (300_000, 274, 3_700, false),
        (1_000_000, 500, 6_400, false),
    ] {
        let (rows, most) = (rows(photos, shard), MOST_FILES - MOST_FILES / 50 - others);
        let plan = rows.plan(most, 40_000);
        let files = plan.cuts.len() * if large { 2 } else { 1 };
        assert_eq!(plan.large, large, "{photos} photos");
        assert!(files <= most, "{photos} photos in {files} files");
        let mut ends: Vec<usize> = plan.cuts.iter().map(|cut| cut.end).collect();
        let starts: Vec<usize> = plan.cuts.iter().map(|cut| cut.start).collect();
        assert_eq!(ends.pop(), Some(photos));
        assert_eq!(starts, [&[0], &ends[..]].concat(), "every row is in one pack");
        assert!(rows.shards.iter().all(|shard| starts.binary_search(&shard.start).is_ok()), "none is of two shards");
        let longest = plan.cuts.iter().map(|cut| cut.len()).max().unwrap();
        assert!(longest as u64 * 40_000 <= LARGEST_FILE, "{longest} photos in a pack");
    }
}

#[test]
fn packs_away_from_a_photo_that_comes_do_not_change() {
    for (photos, shard) in [(24_000, 22_000), (100_000, 300)] {
        let before = rows(photos, shard);
        let packs = |rows: &Rows| -> BTreeSet<Vec<PhotoName>> {
            rows.plan(18_000, 40_000).cuts.into_iter().map(|cut| rows.names[cut].to_vec()).collect()
        };
        let known = packs(&before);
        for at in [0, 1, photos / 3, photos / 2, photos - 1] {
            let mut after = rows(photos, shard);
            after.names.insert(at, PhotoName::of_content("png", &at.to_le_bytes()).unwrap());
            let shard = after.shards.iter().position(|shard| shard.contains(&at)).unwrap();
            after.shards[shard].end += 1;
            after.shards[shard + 1..].iter_mut().for_each(|later| *later = later.start + 1..later.end + 1);
            let new = packs(&after).difference(&known).count();
            assert!((1..=4).contains(&new), "{new} packs of {photos} photos changed at {at}");
        }
    }
}

#[test]
fn photos_are_packed_where_a_host_takes_fewer_files() {
    let shop = Shop::new(120, 0, "none");
    let all = shop.site("none")["files"].as_u64().unwrap();
    let cases = [("none".to_string(), false), ((all + 30).to_string(), false), ((all - 1).to_string(), true)];
    for (most, packed) in cases {
        let told = shop.site(&most);
        assert_eq!(told["packs"].as_u64().unwrap() > 0, packed, "{most}: {told}");
        assert_eq!(told["photos"], 120, "{told}");
        let files = stamps(&shop.0.path("dist"));
        // and one whose name begins with a dot
        assert_eq!(files.len() as u64 + 1, told["files"].as_u64().unwrap(), "{most}");
        assert_eq!(files.keys().any(|name| name.starts_with("catalog/photos/")), !packed, "{most}");
        assert_eq!(Folder::open(&shop.0.path("dist/catalog")).unwrap().manifest.packs.is_some(), packed, "{most}");
        if packed {
            assert!(told["files"].as_u64().unwrap() <= most.parse().unwrap(), "{told}");
        }
        let checked = vitrine(&["check", &shop.0.at("dist"), "--json"]);
        let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
        assert_eq!(checked["findings"], Value::Array(vec![]), "{most}: {checked:#}");
    }
    // fewer files than even the largest packs leave: it is said, and the site is made
    let (catalog, out, model, www) = (shop.0.at("catalog"), shop.0.at("dist"), shop.0.at("model"), shop.0.at("www"));
    let args = ["site", &catalog, "--out", &out, "--model", &model, "--www", &www, "--max-files", "5"];
    let said = String::from_utf8(vitrine(&args).stderr).unwrap();
    assert!(said.contains("120 photos in 1 packs") && said.contains("files all the same"), "{said}");
}

#[test]
fn packs_hold_the_photos_of_their_rows() {
    for (cells, clustered) in [("none", false), ("4", true)] {
        let shop = Shop::new(0, 30, cells);
        let all = shop.site("none")["files"].as_u64().unwrap();
        let told = shop.site(&(all - 5).to_string());
        let catalog = Folder::open(&shop.0.path("catalog")).unwrap();
        let items = catalog.items().unwrap();
        let packed = shop.packed();
        assert_eq!(packed.len(), items.len());
        for (item, (small, large)) in items.iter().zip(&packed) {
            let own = std::fs::read(shop.0.path("catalog/photos").join(&item.photo)).unwrap();
            if let Some(large) = large {
                assert_eq!(large, &own, "{}", item.id);
            }
            let (copy, photo) = (image::load_from_memory(small).unwrap(), image::load_from_memory(&own).unwrap());
            assert!(small.len() < own.len() && copy.width().max(copy.height()) <= 400, "{}", item.id);
            let ratio = |photo: &image::DynamicImage| f64::from(photo.width()) / f64::from(photo.height());
            assert!((ratio(&copy) - ratio(&photo)).abs() < 0.01, "{}", item.id);
        }
        let files = stamps(&shop.0.path("dist"));
        // those of a clustered catalog's window stay files
        let window = catalog.manifest.clusters.map(|clusters| catalog_text(&shop, &clusters.window.file));
        let single: Vec<&str> = files.keys().filter_map(|name| name.strip_prefix("catalog/photos/")).collect();
        assert_eq!(!single.is_empty(), clustered, "{told}");
        assert!(single.iter().all(|name| window.as_ref().is_some_and(|window| window.contains(name))), "{single:?}");
    }
}

#[test]
fn a_photo_that_comes_or_goes_changes_few_packs() {
    let shop = Shop::new(200, 0, "none");
    let most = (shop.site("none")["files"].as_u64().unwrap() - 100).to_string();
    let packs = |files: BTreeSet<String>| files.iter().filter(|name| name.starts_with("catalog/packs/")).count();
    let told = shop.site(&most);
    assert!(told["packs"].as_u64().unwrap() >= 15, "{told}");
    let photos = shop.0.path("photos");
    let step = |change: &dyn Fn()| {
        let before = stamps(&shop.0.path("dist"));
        change();
        shop.index("none");
        shop.site(&most);
        packs(changed(&before, &stamps(&shop.0.path("dist"))))
    };
    assert_eq!(step(&|| {}), 0, "nothing changed");
    for name in ["p10.png", "p155.png", "p99.png"] {
        let gone = step(&|| std::fs::remove_file(photos.join(name)).unwrap());
        assert!((1..=4).contains(&gone), "{name} changed {gone} packs");
    }
    let came = step(&|| std::fs::write(photos.join("p10.png"), common::photo(10, ImageFormat::Png)).unwrap());
    assert!((1..=4).contains(&came), "{came} packs changed");
    // what is there after changes is what a site made anew has
    let now: BTreeSet<String> = stamps(&shop.0.path("dist/catalog")).into_keys().collect();
    std::fs::remove_dir_all(shop.0.path("dist")).unwrap();
    shop.site(&most);
    assert_eq!(stamps(&shop.0.path("dist/catalog")).into_keys().collect::<BTreeSet<_>>(), now);
}

#[test]
fn a_price_leaves_packs_as_they_are() {
    let shop = Shop::new(60, 0, "none");
    let most = (shop.site("none")["files"].as_u64().unwrap() - 10).to_string();
    let table = |price: &str| {
        let rows: String = (0..60).map(|i| format!("p{i},Garment {i},{price}\n")).collect();
        std::fs::write(shop.0.path("items.csv"), format!("id,title,price\n{rows}")).unwrap();
        succeed(&["update", &shop.0.at("catalog"), "--meta", &shop.0.at("items.csv")]);
        shop.site(&most);
        stamps(&shop.0.path("dist"))
    };
    let before = table("10.00");
    let files = changed(&before, &table("11.00"));
    assert!((1..=6).contains(&files.len()), "{files:?}");
    assert!(!files.iter().any(|name| name.contains("pack")), "{files:?}");
}

#[test]
fn a_damaged_pack_is_found_and_made_again() {
    let shop = Shop::new(60, 0, "none");
    let most = (shop.site("none")["files"].as_u64().unwrap() - 10).to_string();
    shop.site(&most);
    let before = stamps(&shop.0.path("dist"));
    let name = before.keys().find(|name| name.starts_with("catalog/packs/")).unwrap();
    let good = shop.dist(name);
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    for (case, bytes, fault) in [("another byte", bad, "photo_changed"), ("cut", good[..20].to_vec(), "photo_changed")]
    {
        // a copy, as others hold the same file by a hard link
        std::fs::remove_file(shop.0.path("dist").join(name)).unwrap();
        std::fs::write(shop.0.path("dist").join(name), bytes).unwrap();
        let all: Vec<String> = before.keys().filter(|name| name.starts_with("catalog/packs/")).cloned().collect();
        let checked = vitrine(&["check", &shop.0.at("dist"), "--json"]);
        let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
        // a large site's packs are looked at by a few of them
        if all.len() <= 4 {
            assert_eq!(checked["findings"][0]["fault"], fault, "{case}: {checked:#}");
        }
        shop.site(&most);
        assert_eq!(shop.dist(name), good, "{case}");
    }
}

#[test]
fn photos_that_end_half_way_are_named_and_leave_the_rest() {
    let shop = Shop::new(60, 1, "none");
    let most = (shop.site("none")["files"].as_u64().unwrap() - 10).to_string();
    let items = Folder::open(&shop.0.path("catalog")).unwrap().items().unwrap();
    let item = items.iter().find(|item| item.id == "q0").unwrap();
    let path = shop.0.path("catalog/photos").join(&item.photo);
    let whole = std::fs::read(&path).unwrap();
    // a name of an earlier version, which says nothing of the content
    let half = &whole[..whole.len() / 2];
    std::fs::write(&path, half).unwrap();
    let line = fail(&[
        "site",
        &shop.0.at("catalog"),
        "--out",
        &shop.0.at("dist"),
        "--model",
        &shop.0.at("model"),
        "--www",
        &shop.0.at("www"),
        "--max-files",
        &most,
    ]);
    assert!(line.contains(item.photo.as_str()) && line.contains("index the photos again"), "{line}");
}

#[test]
fn no_site_is_made_of_a_site() {
    let shop = Shop::new(60, 0, "none");
    let most = (shop.site("none")["files"].as_u64().unwrap() - 10).to_string();
    shop.site(&most);
    let line = fail(&[
        "site",
        &shop.0.at("dist/catalog"),
        "--out",
        &shop.0.at("other"),
        "--model",
        &shop.0.at("model"),
        "--www",
        &shop.0.at("www"),
    ]);
    assert!(line.contains("are in packs") && line.contains("name the catalog"), "{line}");
}
