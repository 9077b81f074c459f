//! From files to products: photos and rows that meet, folders that are products, filters that the owner chooses.
#![cfg(feature = "cli")]

mod common;

use common::{World, fail, photo, succeed, vitrine};
use image::ImageFormat;
use serde_json::Value;
use std::path::Path;
use vitrine::catalog::format::Item;

impl World {
    /// Draws photos at these places below `photos`, no two alike.
    fn photos_at(&self, places: &str) {
        for (seed, place) in (1..).zip(places.split(' ')) {
            let path = self.path("photos").join(format!("{place}.jpg"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, photo(seed, ImageFormat::Jpeg)).unwrap();
        }
    }

    fn table(&self, text: &str) {
        std::fs::write(self.path("items.csv"), text).unwrap();
    }

    /// What `index` says in `--json` and to people.
    fn indexed(&self, more: &[&str]) -> (Value, String) {
        let (photos, out, model) = (self.at("photos"), self.at("catalog"), self.at("model"));
        let output = vitrine(&[&["index", &photos, "--out", &out, "--model", &model, "--json"][..], more].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        (serde_json::from_slice(&output.stdout).unwrap(), said)
    }

    fn items(&self) -> Vec<Item> {
        open(&self.path("catalog")).items().unwrap()
    }

    fn ids(&self) -> Vec<String> {
        self.items().into_iter().map(|item| item.id).collect()
    }

    /// Names of the filters with the counts of their values.
    fn facets(&self) -> Vec<(String, Vec<(String, usize)>)> {
        let facets = open(&self.path("catalog")).manifest.facets;
        let values = |facet: &vitrine::catalog::format::Facet| {
            facet.values.iter().map(|value| (value.value.clone(), value.count)).collect()
        };
        facets.iter().map(|facet| (facet.name.clone(), values(facet))).collect()
    }
}

fn open(path: &Path) -> vitrine::Folder {
    vitrine::Folder::open(path).unwrap()
}

fn pair(value: &str, count: usize) -> (String, usize) {
    (value.to_string(), count)
}

#[test]
fn a_folder_of_views_is_a_product_and_counts_once() {
    let world = World::with_model();
    world.photos_at("A1/1 A1/2 A1/3 B2/1 B2/2 C3/1 C3/back C3/front");
    world.table("id,title,color\nA1,Dress,red\nB2,Shirt,blue\nC3,Coat,red\n");
    let (told, said) = world.indexed(&["--meta", &world.at("items.csv")]);
    assert_eq!((&told["photos"], &told["products"], &told["left_out"]), (&8.into(), &3.into(), &Value::Array(vec![])));
    assert_eq!(world.ids(), ["A1", "A1~2", "A1~3", "B2", "B2~2", "C3", "C3~2", "C3~3"]);
    assert!(said.contains("8 photos show 3 products"), "{said}");
    let manifest = open(&world.path("catalog")).manifest;
    assert_eq!((manifest.count, manifest.products), (8, Some(3)));
    assert_eq!(world.facets(), [("color".to_string(), vec![pair("red", 2), pair("blue", 1)])]);
    let items = world.items();
    assert!(items.iter().all(|item| item.product.as_deref() == Some(&item.id[..2])), "{items:?}");
    assert!(items[5..].iter().all(|item| item.title == "Coat" && item.attributes["color"] == "red"));

    // the same without a table, and from an archive
    let (told, _) = world.indexed(&["--forget", "--title", "Shop"]);
    assert_eq!((&told["products"], &told["encoded"]), (&3.into(), &0.into()));
    assert_eq!(world.items()[1].title, "A1");
    // told otherwise, photos with one name are no two: that is said and counted, and remembered
    let (told, said) = world.indexed(&["--folders", "categories"]);
    assert_eq!((&told["photos"], &told["reasons"]["duplicate"]), (&5.into(), &3.into()), "{said}");
    let (again, said) = world.indexed(&[]);
    assert!(again["photos"] == 5 && said.contains("--folders \"categories\""), "{said}");
}

#[test]
fn photos_and_rows_that_do_not_meet_are_explained_where_nobody_misses_it() {
    let world = World::with_model();
    world.photos_at("X-1 X-2 X-3");
    world.table("ID,title,Style\n1,A,x-1\n2,B,x-2\n");
    let meta = world.at("items.csv");
    let (told, said) = world.indexed(&["--meta", &meta]);
    let met = &told["met"];
    assert_eq!((&met["photos"], &met["rows"], &met["met"]), (&3.into(), &2.into(), &0.into()), "{told}");
    let last = said.trim_end().lines().last().unwrap();
    assert!(last.contains("warning: 3 photos, 2 rows: none fits") && last.contains("column Style"), "{said}");
    assert!(said.contains("column ID"), "{said}");
    world.table("id,title,sku\n1,A,x-1\n2,B,X-2\nx-3,C,\n");
    let (told, said) = world.indexed(&["--meta", &meta]);
    assert_eq!(told["met"]["by"], serde_json::json!({"sku": 2, "case": 1}));
    assert_eq!(world.ids(), ["1", "2", "x-3"]);
    assert!(!said.contains("none fits"), "{said}");
}

#[test]
fn a_feed_tells_of_photos_that_lie_in_a_folder() {
    let world = World::with_model();
    world.photos_at("kite-front kite-back 77");
    let head = "id\ttitle\tlink\tprice\tavailability\timage_link\tadditional_image_link\tgtin\tcolor\n";
    let rows = "kite\tKite\thttps://shop.example/k\t9.00 EUR\tin_stock\thttps://cdn.example/p/kite-front.jpg?v=1\t\
                https://cdn.example/p/kite-back.jpg\t1\tred\n77\tHat\thttps://shop.example/h\t5.00 EUR\tout_of_stock\t\
                https://cdn.example/p/77.jpg\t\t2\tblue\n";
    std::fs::write(world.path("feed.tsv"), format!("{head}{rows}")).unwrap();
    let (told, _) = world.indexed(&["--meta", &world.at("feed.tsv")]);
    assert_eq!((&told["products"], &told["met"]["met"]), (&2.into(), &3.into()), "{told}");
    assert_eq!(world.ids(), ["77", "kite", "kite~2"]);
    let items = world.items();
    assert_eq!((items[0].in_stock, items[1].offer.as_ref().unwrap().now.as_str()), (Some(false), "9.00"));
    // and a newer one changes them
    std::fs::write(world.path("feed.tsv"), format!("{head}{}", rows.replace("9.00", "7.50"))).unwrap();
    let args = ["update", &world.at("catalog"), "--meta", &world.at("feed.tsv"), "--json"];
    let told: Value = serde_json::from_str(&succeed(&args)).unwrap();
    assert_eq!((&told["changed"], &told["same"], &told["encoded"]), (&1.into(), &1.into(), &0.into()), "{told}");
    assert_eq!(world.items()[2].offer.as_ref().unwrap().now, "7.50");
}

#[test]
fn the_owner_chooses_filters_and_what_is_hidden_and_both_are_remembered() {
    let world = World::with_model();
    world.photos_at("a b c d");
    world.table(
        "id,title,color,size,brand,ean\na,A,red,XL,X,4006381333931\nb,B,blue,S,Y,4006381333948\nc,C,red,M,X,4006381333955\n\
         d,D,red,S,Y,4006381333962\n",
    );
    let meta = world.at("items.csv");
    world.indexed(&["--meta", &meta, "--attributes", "ean"]);
    let sizes = vec![pair("S", 2), pair("M", 1), pair("XL", 1)];
    let facets = world.facets();
    assert_eq!(
        facets.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["brand", "color", "size"],
        "no barcodes"
    );
    assert_eq!(facets[2].1, sizes, "in their order");
    let (_, said) = world.indexed(&["--facets", "Size,ean", "--hide", "brand"]);
    assert!(said.contains("kept back: brand"), "{said}");
    assert_eq!(world.facets().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["size", "ean"]);
    assert!(world.items().iter().all(|item| !item.attributes.contains_key("brand") && item.attributes.len() == 3));
    let manifest = || std::fs::read(world.path("catalog/catalog.json")).unwrap();
    let chosen = manifest();
    let (_, said) = world.indexed(&[]);
    assert!(
        said.contains("--facets \"Size,ean\"") && said.contains("--hide \"brand\"") && manifest() == chosen,
        "{said}"
    );
    succeed(&["update", &world.at("catalog"), "--meta", &meta]);
    assert!(manifest() == chosen, "an update remembers them too");
    succeed(&["update", &world.at("catalog"), "--meta", &meta, "--facets", "color"]);
    assert_eq!(world.facets(), [("color".to_string(), vec![pair("red", 3), pair("blue", 1)])]);
    let (photos, out, model) = (world.at("photos"), world.at("catalog"), world.at("model"));
    let error = fail(&["index", &photos, "--out", &out, "--model", &model, "--facets", "fancy"]);
    assert!(error.contains("\"fancy\"") && error.contains("color"), "{error}");
}

#[test]
fn what_a_feed_was_read_with_is_remembered() {
    let world = World::with_model();
    world.photos_at("a b");
    let rows =
        "id,title,price,availability,image\na,A,79.00,in stock,photos/a.jpg\nb,B,5.00,out of stock,photos/b.jpg\n";
    std::fs::write(world.path("feed.csv"), rows).unwrap();
    let (feed, out, model, kept) = (world.at("feed.csv"), world.at("catalog"), world.at("model"), world.at("kept"));
    let index = |more: &[&str]| {
        let output = vitrine(&[&["index", &feed, "--out", &out, "--model", &model][..], more].concat());
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    index(&["--in-stock", "--feed", "plain", "--currency", "EUR", "--photo-cache", &kept]);
    assert_eq!(world.ids(), ["a"]);
    let said = index(&[]);
    for option in ["--in-stock", "--feed \"plain\"", "--currency \"EUR\"", "--photo-cache"] {
        assert!(said.contains(option), "{option}: {said}");
    }
    assert_eq!(world.ids(), ["a"]);
    let printed = succeed(&["feed", &feed, "--currency", "EUR"]);
    assert!(printed.contains("a: A (79.00 EUR, 1 photos") && !printed.contains('{'), "{printed}");
    index(&["--forget"]);
    assert_eq!(world.ids(), ["a", "b"]);
}
