//! A catalog that is there and a newer feed: what changes, and what stays to the byte and the second.
#![cfg(feature = "cli")]

mod common;

use common::{World, copy_page, fail, s, succeed};
use image::ImageFormat;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

/// A product of the feed: id, title, price, availability, color, photos.
type Product = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const PRODUCTS: [Product; 4] = [
    ("coat", "Wool Coat", "99.00 EUR", "in_stock", "red", &["p0"]),
    ("dress", "Linen Dress", "49.90 EUR", "in_stock", "blue", &["p1", "p2"]),
    ("hat", "Straw Hat", "19.00 EUR", "in_stock", "red", &["p3"]),
    ("shirt", "Plain Shirt", "29.00 EUR", "in_stock", "blue", &["p4"]),
];

/// A file's number, time and length.
type Stamp = (u64, SystemTime, u64);

/// A shop with a feed, its photos, and a catalog of them.
struct Shop {
    world: World,
}

impl Shop {
    fn new(more: &[&str]) -> Self {
        let world = World::with_model();
        world.draw("shop/photos", 0..8, |_| ImageFormat::Jpeg);
        let shop = Self { world };
        shop.feed(&PRODUCTS);
        shop.index("catalog", more);
        shop
    }

    /// Writes the feed.
    fn feed(&self, products: &[Product]) {
        let row = |(id, title, price, stock, color, photos): &Product| {
            let photos: Vec<String> = photos.iter().map(|photo| format!("photos/{photo}.jpg")).collect();
            let (first, rest) = photos.split_first().unwrap();
            format!("{id}\t{title}\t{price}\t{stock}\t{color}\t{first}\t{}\n", rest.join(","))
        };
        let rows: String = products.iter().map(row).collect();
        let head = "id\ttitle\tprice\tavailability\tcolor\timage_link\tadditional_image_link\n";
        std::fs::write(self.world.path("shop/feed.tsv"), format!("{head}{rows}")).unwrap();
    }

    fn index(&self, out: &str, more: &[&str]) {
        let (feed, out, model) = (self.world.at("shop/feed.tsv"), self.world.at(out), self.world.at("model"));
        succeed(&[&["index", &feed, "--out", &out, "--model", &model][..], more].concat());
    }

    fn update(&self, more: &[&str]) -> Value {
        let (catalog, feed) = (self.world.at("catalog"), self.world.at("shop/feed.tsv"));
        let args = [&["update", &catalog, "--meta", &feed, "--json"][..], more].concat();
        serde_json::from_str(&succeed(&args)).unwrap()
    }

    fn items(&self) -> BTreeMap<String, Value> {
        let items = vitrine::Folder::open(&self.world.path("catalog")).unwrap().items().unwrap();
        items.into_iter().map(|item| (item.id.clone(), serde_json::to_value(item).unwrap())).collect()
    }

    fn stamps(&self, folder: &str) -> BTreeMap<String, Stamp> {
        stamps(&self.world.path(folder))
    }
}

/// Every file below a folder.
fn stamps(root: &Path) -> BTreeMap<String, Stamp> {
    use std::os::unix::fs::MetadataExt;
    let files = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
    let stamp = |e: walkdir::DirEntry| {
        let about = e.metadata().unwrap();
        (s(e.path().strip_prefix(root).unwrap()), (about.ino(), about.modified().unwrap(), about.len()))
    };
    files.map(stamp).collect()
}

/// The files that are new or were written again, and those that went.
fn difference(before: &BTreeMap<String, Stamp>, after: &BTreeMap<String, Stamp>) -> (Vec<String>, Vec<String>) {
    let names = |these: &BTreeMap<String, Stamp>, other: &BTreeMap<String, Stamp>, same: bool| {
        let differs = |name: &String, stamp: &Stamp| other.get(name).is_none_or(|known| same && known != stamp);
        these.iter().filter(|(name, stamp)| differs(name, stamp)).map(|(name, _)| name.clone()).collect()
    };
    (names(after, before, true), names(before, after, false))
}

/// Visible files with their bytes.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let visible = stamps(root).into_keys().filter(|name| !name.starts_with('.'));
    visible.map(|name| (name.clone(), std::fs::read(root.join(&name)).unwrap())).collect()
}

/// What is changed in the feed.
type Change = fn(&mut Vec<Product>);

/// A change, and the numbers of products that it changes, adds and removes, and of photos that it encodes.
const CASES: [(&str, Change, [u64; 4]); 12] = [
    ("nothing", |_| {}, [0, 0, 0, 0]),
    ("another order", |p| p.reverse(), [0, 0, 0, 0]),
    ("a price", |p| p[0].2 = "79.00 EUR", [1, 0, 0, 0]),
    ("sold out", |p| p[3].3 = "out_of_stock", [1, 0, 0, 0]),
    ("a title", |p| p[2].1 = "Raffia Hat", [1, 0, 0, 0]),
    ("an attribute", |p| p[1].4 = "green", [1, 0, 0, 0]),
    ("a product goes", |p| _ = p.remove(0), [0, 0, 1, 0]),
    ("a product comes", |p| p.push(("belt", "Belt", "9.00 EUR", "in_stock", "red", &["p5"])), [0, 1, 0, 1]),
    ("a photo comes first", |p| p[1].5 = &["p6", "p1", "p2"], [1, 0, 0, 1]),
    ("photos change places", |p| p[1].5 = &["p2", "p1"], [1, 0, 0, 0]),
    ("a photo goes", |p| p[1].5 = &["p2"], [1, 0, 0, 0]),
    (
        "all at once",
        |p| {
            p.remove(3);
            p[0].2 = "1.00 EUR";
            p.push(("ace", "Ace", "9.00 EUR", "in_stock", "red", &["p5", "p7"]));
        },
        [1, 1, 1, 2],
    ),
];

#[test]
fn an_updated_catalog_is_the_one_that_indexing_the_newer_feed_makes() {
    for clusters in ["none", "2"] {
        for (case, change, [changed, added, removed, encoded]) in CASES {
            let shop = Shop::new(&["--cells", clusters]);
            let mut products = PRODUCTS.to_vec();
            change(&mut products);
            shop.feed(&products);
            let before = shop.stamps("catalog");
            let told = shop.update(&[]);
            let got = ["changed", "added", "removed", "encoded"].map(|name| told[name].as_u64().unwrap());
            assert_eq!(got, [changed, added, removed, encoded], "{case}: {told}");
            assert_eq!(told["same"], products.len() as u64 - changed - added, "{case}");
            shop.index("fresh", &["--cells", clusters]);
            let [updated, fresh] = ["catalog", "fresh"].map(|name| contents(&shop.world.path(name)));
            assert_eq!(updated.keys().collect::<Vec<_>>(), fresh.keys().collect::<Vec<_>>(), "{case}");
            assert!(updated == fresh, "{case}: a file differs");
            // what indexing remembers is right, too: nothing is encoded again
            let (feed, out, model) = (shop.world.at("shop/feed.tsv"), shop.world.at("catalog"), shop.world.at("model"));
            let again = succeed(&["index", &feed, "--out", &out, "--model", &model, "--json"]);
            assert_eq!(serde_json::from_str::<Value>(&again).unwrap()["encoded"], 0, "{case}");
            if changed + added + removed == 0 {
                let (written, gone) = difference(&before, &shop.stamps("catalog"));
                assert_eq!((written, gone), (vec![], vec![]), "{case}");
            }
        }
    }
}

#[test]
fn a_price_changes_two_files_of_the_catalog_and_six_of_the_site_at_most() {
    let shop = Shop::new(&[]);
    copy_page(&shop.world.path("www"), &["baseline"]);
    let (dist, www, model) = (shop.world.at("dist"), shop.world.at("www"), shop.world.at("model"));
    let site = || -> Value {
        let args = ["site", &shop.world.at("catalog"), "--out", &dist, "--www", &www, "--model", &model, "--json"];
        serde_json::from_str(&succeed(&args)).unwrap()
    };
    let first = site();
    assert_eq!(first["changed"], first["files"]);
    let before = shop.stamps("dist");
    assert_eq!(site()["changed"], 0);
    // the list of files that every folder has is no part of the site
    let sent = |(written, gone): (Vec<String>, Vec<String>)| -> (Vec<String>, Vec<String>) {
        (written.into_iter().filter(|name| name != ".vitrine-files").collect(), gone)
    };
    assert_eq!(sent(difference(&before, &shop.stamps("dist"))), (vec![], vec![]), "the same site again");

    let catalog = shop.stamps("catalog");
    let mut products = PRODUCTS;
    products[0].2 = "79.00 EUR";
    shop.feed(&products);
    assert_eq!(shop.update(&[])["files_written"], 2);
    let (written, gone) = difference(&catalog, &shop.stamps("catalog"));
    let visible: Vec<&String> = written.iter().filter(|name| !name.starts_with('.')).collect();
    assert!(visible.len() == 2 && written.len() <= 4 && gone.len() == 1, "{written:?} {gone:?}");
    assert_eq!(shop.items()["coat"]["offer"]["now"], "79.00");
    let changed = site()["changed"].as_u64().unwrap();
    let (written, gone) = sent(difference(&before, &shop.stamps("dist")));
    assert_eq!(written.len() as u64, changed, "{written:?}");
    assert!((2..=6).contains(&changed) && gone.len() == 1, "{written:?} {gone:?}");
}

#[test]
fn words_find_the_newer_title_and_no_longer_the_old() {
    let shop = Shop::new(&[]);
    let mut products = PRODUCTS;
    products[2].1 = "Raffia Boater";
    shop.feed(&products);
    shop.update(&[]);
    let found = |text: &str| -> Vec<String> {
        let (catalog, model) = (shop.world.at("catalog"), shop.world.at("model"));
        let args = ["search", &catalog, "--text", text, "--mode", "words", "--json", "--model", &model];
        let found: Value = serde_json::from_str(&succeed(&args)).unwrap();
        found["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(found("raffia boater"), ["hat"]);
    assert_eq!(found("straw"), Vec::<String>::new());
}

#[test]
fn what_is_no_feed_of_this_shop_leaves_the_catalog_as_it_is() {
    let shop = Shop::new(&[]);
    let before = shop.stamps("catalog");
    let feed = shop.world.path("shop/feed.tsv");
    let (catalog, file) = (shop.world.at("catalog"), s(&feed));
    let cases: [(&str, &[u8], &str); 6] = [
        ("empty", b"", "expected a feed"),
        ("an error page", b"<html><body>Not found</body></html>", "found none"),
        ("a header alone", b"id\ttitle\tprice\timage_link\n", "expected a feed"),
        ("another shop's", b"id\ttitle\timage_link\nx1\tX\tphotos/p7.jpg\n", "is this the right file"),
        ("no text", b"\x00\x01\x02\x03", "expected a feed"),
        ("XML with a fault", b"<?xml version=\"1.0\"?><rss><channel><item><g:id>coat</g:i", "found none"),
    ];
    for (case, bytes, expected) in cases {
        std::fs::write(&feed, bytes).unwrap();
        let error = fail(&["update", &catalog, "--meta", &file]);
        assert!(error.contains(expected), "{case}: {error}");
        assert_eq!(shop.stamps("catalog"), before, "{case}");
    }
    std::fs::remove_file(&feed).unwrap();
    assert!(fail(&["update", &catalog, "--meta", &file]).contains("feed.tsv"));
    assert_eq!(shop.stamps("catalog"), before, "no file");
}

#[test]
fn folders_that_are_no_catalog_or_another_s_are_refused() {
    let shop = Shop::new(&[]);
    let (catalog, feed) = (shop.world.at("catalog"), shop.world.at("shop/feed.tsv"));
    let before = shop.stamps("catalog");
    let lock = std::fs::File::open(shop.world.path("catalog")).unwrap();
    lock.try_lock().unwrap();
    assert!(fail(&["update", &catalog, "--meta", &feed]).contains("still at work"));
    assert_eq!(shop.stamps("catalog"), before);
    drop(lock);
    for (folder, expected) in [("nowhere", "catalog.json"), ("model", "a model"), ("shop", "shop")] {
        let error = fail(&["update", &shop.world.at(folder), "--meta", &feed]);
        assert!(error.contains(expected), "{folder}: {error}");
    }
    assert!(!shop.world.path("nowhere").exists());
    // an indexing that was interrupted has left a journal and no manifest
    std::fs::remove_file(shop.world.path("catalog/catalog.json")).unwrap();
    let before = shop.stamps("catalog");
    assert!(fail(&["update", &catalog, "--meta", &feed]).contains("catalog.json"));
    assert_eq!(shop.stamps("catalog"), before);
}

#[test]
fn what_cannot_be_encoded_is_named_and_the_rest_is_updated() {
    let shop = Shop::new(&[]);
    let mut products = PRODUCTS.to_vec();
    products[0].2 = "79.00 EUR";
    products.push(("belt", "Belt", "9.00 EUR", "in_stock", "red", &["p5"]));
    products[1].5 = &["gone", "p2", "p1"];
    shop.feed(&products);
    let told = shop.update(&["--model", &shop.world.at("no-model")]);
    assert_eq!((&told["changed"], &told["added"], &told["encoded"]), (&2.into(), &0.into(), &0.into()), "{told}");
    assert_eq!(told["reasons"]["not_encoded"], 2);
    // the model is not remembered where it was not there; the photo that is not there is still named
    let told = shop.update(&["--model", &shop.world.at("model")]);
    assert_eq!((&told["changed"], &told["added"], &told["encoded"]), (&0.into(), &1.into(), &1.into()), "{told}");
    assert_eq!(told["reasons"]["not_encoded"], 1);
    let items = shop.items();
    assert_eq!(items.keys().collect::<Vec<_>>(), ["belt", "coat", "dress", "dress~2", "hat", "shirt"]);
    assert_eq!(items["coat"]["offer"]["now"], "79.00");
}

#[test]
fn a_catalog_of_a_folder_takes_a_newer_table() {
    let world = World::with_photos();
    let (photos, out, model, meta) =
        (world.at("photos"), world.at("catalog"), world.at("model"), world.at("items.csv"));
    let rows: String = (0..11).map(|i| format!("p{i},Garment {i},red,{i}.00\n")).collect();
    std::fs::write(world.path("items.csv"), format!("id,title,colour,price\n{rows}")).unwrap();
    succeed(&["index", &photos, "--out", &out, "--model", &model, "--meta", &meta]);
    let changed =
        format!("id,title,colour,price\n{rows}").replace("4.00", "3.50").replace("p7,Garment 7,red,7.00\n", "");
    std::fs::write(world.path("new.csv"), changed + "later,Later,red,1.00\n").unwrap();
    let update = |meta: &str| succeed(&["update", &out, "--meta", &world.at(meta), "--json"]);
    let told: Value = serde_json::from_str(&update("new.csv")).unwrap();
    let got = ["changed", "added", "removed", "same", "encoded"].map(|name| told[name].as_u64().unwrap());
    assert_eq!(got, [1, 0, 1, 9, 0], "{told}");
    assert_eq!(told["reasons"]["row_without_photo"], 2, "p3 is no photo, and nobody knows `later`");
    let items = vitrine::Folder::open(&world.path("catalog")).unwrap().items().unwrap();
    let price = |id: &str| items.iter().find(|item| item.id == id).map(|item| item.price.clone().unwrap_or_default());
    assert_eq!((price("p4"), price("p7")), (Some("3.50".into()), None));
    assert_eq!(price("p11").as_deref(), Some(""), "a photo that never had a row stays");
    std::fs::write(world.path("other.csv"), "id,title\nx,X\n").unwrap();
    let error = fail(&["update", &out, "--meta", &world.at("other.csv")]);
    assert!(error.contains("p0, p1") && error.contains("(x)"), "{error}");
}
